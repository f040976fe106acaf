//! The daemon: what runs on the host's machine.

mod timers;
pub mod writer;
