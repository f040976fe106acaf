//! Séquestre: escrow for the web accounts of associations.
#![deny(unsafe_code)]
#![warn(missing_docs)]

// Unit tests share builders with the tests in `tests/`, which know this crate by its name.
#[cfg(test)]
extern crate self as sequestre;

#[cfg(feature = "daemon")]
pub mod daemon;
pub mod escrow;
pub mod proto;
pub mod seal;
#[cfg(feature = "daemon")]
pub mod store;
pub mod tls;
