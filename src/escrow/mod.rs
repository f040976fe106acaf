//! The pure rules: no input, output, clock or randomness.

pub mod act;
pub mod charter;
pub mod command;
pub mod credential;
pub mod entry;
pub mod id;
pub mod key;
pub mod log;
pub mod organisation;
pub mod part;
pub mod people;
pub mod proposal;
pub mod quorum;
pub mod refusal;
pub mod replay;
pub mod request;
pub mod role;
pub mod text;
pub mod time;
pub mod wire;
