//! Secrets: holding them, splitting them, sealing them, and the codes that people type.
//!
//! Everything here works on bytes in memory. This layer must never read or write files, talk to the network, or look
//! at the clock; it draws randomness (through [`secret`], `age` and the sharing crate), which the rules must not.

pub mod code;
pub mod dealing;
pub mod delegation;
pub mod device;
mod envelope;
pub mod founding;
pub mod gathering;
pub mod harden;
pub mod identity;
pub mod invitation;
pub mod minted;
pub mod moving;
pub mod recovery;
pub mod sealing;
pub mod secret;
pub mod sharing;
pub mod signing;
pub mod totp;
pub mod words;
