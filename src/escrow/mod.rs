//! The pure rules: no input, output, clock or randomness.

pub mod id;
pub mod key;
pub mod part;
pub mod quorum;
pub mod role;
pub mod text;
