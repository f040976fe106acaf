//! The daemon.

pub mod config;
pub mod limits;
pub mod refused;
pub mod writer;
