//! The pure rules: no input, output, clock or randomness.

pub mod id;
pub mod key;
pub mod log;
pub mod part;
pub mod quorum;
