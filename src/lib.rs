//! Séquestre: escrow for the web accounts of associations.
#![deny(unsafe_code)]
#![warn(missing_docs)]

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(all(feature = "client", feature = "daemon"))]
pub mod demo;
pub mod escrow;
pub mod proto;
pub mod seal;
#[cfg(feature = "daemon")]
pub mod store;
pub mod tls;
