//! Séquestre: escrow for the web accounts of associations.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod escrow;
pub mod proto;
pub mod seal;
pub mod tls;
