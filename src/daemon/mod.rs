//! The daemon.

pub mod writer;
