//! The transparency-log formats: how an organisation's log is hashed, signed, countersigned and exported.
//!
//! | module | what it fixes | specification |
//! |---|---|---|
//! | [`merkle`] | leaves, nodes, roots, inclusion and consistency | RFC 9162 section 2.1 (the hashing of RFC 6962) |
//! | [`note`] | texts with signature lines, verifier keys | c2sp.org/signed-note |
//! | [`checkpoint`] | what the log signs: organisation, size, root | c2sp.org/tlog-checkpoint |
//! | [`cosignature`] | what people's devices sign about a checkpoint | c2sp.org/tlog-cosignature, `cosignature/v1` |
//! | [`proof`] | one entry's inclusion, verifiable offline | c2sp.org/tlog-proof, version 1 |
//! | [`tiles`] | the files of an export | c2sp.org/tlog-tiles |
//!
//! Everything here accepts exactly one spelling of each value, so that two readers of the same bytes cannot
//! disagree, and parsing followed by formatting gives the bytes back. [`checkpoint::SignedCheckpoint`],
//! [`cosignature::VerifiedCosignature`] and [`proof::VerifiedInclusion`] exist only after a verification.
//!
//! This module must never hold a private key (signatures come in from outside), fetch anything, read a clock or
//! judge whether a signed time is plausible.

pub mod checkpoint;
pub mod cosignature;
pub mod merkle;
pub mod note;
pub mod proof;
#[cfg(test)]
mod testing;
pub mod tiles;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::id::Digest;

/// Base64 as all these formats spell it (RFC 4648 section 4, padded).
fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The one byte string that [`to_base64`] spells as `text`: missing padding and stray bits are refused.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

fn digest_from_base64(text: &str) -> Option<Digest> {
    Digest::parse(&from_base64(text)?).ok()
}

/// A decimal number without sign or leading zeros.
fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}
