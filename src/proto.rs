//! The wire format, generated from `proto/`. Comments there are the reference.
//!
//! Nothing outside the edges (parsing in [`crate::escrow`], the gRPC services, the client's command builders) may
//! work with these types: they can hold wrong states.
#![allow(missing_docs, clippy::all)]

include!(concat!(env!("OUT_DIR"), "/sequestre.rs"));

pub use self::sequestre::{api, v1};

/// The compiled descriptors, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
