//! Séquestre: escrow for the web accounts of associations.
//!
//! An association's credentials are sealed under keys that are split among trustees; members get temporary access
//! that ends; every act stands on an append-only log that each client verifies. The technician who runs the server
//! has root on it, and can still neither read, lock out, rewrite nor delete.
//!
//! # The map
//! | question | where |
//! |---|---|
//! | Who may do what, and when? | [`escrow`]: the pure rules, one state machine for daemon, client and verifier |
//! | What does the log look like, byte for byte? | [`escrow::log`] and `proto/` |
//! | How are secrets kept, split and sealed? | [`seal`] |
//! | How do client and server recognise each other? | [`tls`] |
//! | What is on the server's disk, and when is it durable? | [`store`] |
//! | How does access end on a real system? | [`connect`] |
//! | How does the server answer? | [`daemon`] |
//! | What does a trustee or member run? | [`client`] |
//! | How does it all look together? | [`demo`] |
//!
//! Imports go one way: bin → demo → client, daemon → store, connect → tls → seal → escrow; a test reads them. `escrow` knows no
//! input, output, clock or randomness. [`proto`] is the wire format and may be used at every edge, [`parallel`] by all
//! but the rules.
//!
//! The path of every act is the same: a signed command → [`decide`](escrow::organisation::Organisation::decide) →
//! entry → disk → [`apply`](escrow::organisation::Organisation::apply) → effects → reply. A client says 'done' only
//! when the entry is in the log that it verified itself.
#![deny(unsafe_code)]
#![warn(missing_docs)]

// Unit tests share builders with the tests in `tests/`, which know this crate by its name.
#[cfg(test)]
extern crate self as sequestre;

#[cfg(feature = "client")]
pub mod client;
pub mod connect;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(all(feature = "client", feature = "daemon"))]
pub mod demo;
pub mod escrow;
pub mod parallel;
pub mod proto;
pub mod seal;
#[cfg(feature = "daemon")]
pub mod store;
pub mod tls;
