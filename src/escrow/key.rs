//! Public keys and signatures: what can be checked without holding any secret.
//!
//! Keys, signatures and recipients are (algorithm, bytes), so that a later rules version can add post-quantum
//! ones; an algorithm that this software does not know is refused. This module must never hold a private key.

use std::fmt;

use ring::signature::{ED25519, UnparsedPublicKey};

use super::id::{DeviceId, PersonId, sha256};

/// Longest key, recipient or signature that the wire format admits, in bytes (post-quantum ones are this long).
pub const MAX_KEY_BYTES: usize = 4096;

/// Why bytes are not a usable key or signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// An algorithm identifier that this version does not know.
    #[error("key algorithm {0} is unknown to this version; update this software")]
    UnknownAlgorithm(u32),
    /// Wrong length for the algorithm.
    #[error("a key or signature of this algorithm is {expected} bytes, not {found}")]
    Length {
        /// What the algorithm prescribes.
        expected: usize,
        /// What was there.
        found: usize,
    },
    /// A small-order or non-canonical point: it would verify signatures that nobody made, or share no secret.
    #[error("this public key is degenerate (small order or not canonical) and protects nothing")]
    Degenerate,
    /// The signature does not verify.
    #[error("the signature does not match the key and what was signed")]
    BadSignature,
    /// Not the `age1…` form of a recipient.
    #[error("this is not an age recipient (age1…)")]
    NotAgeRecipient,
}

/// Signature algorithms, numbered as on the wire and in identifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8032).
    Ed25519 = 1,
}

/// Recipient algorithms, numbered as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecipientAlgorithm {
    /// age's X25519 recipient.
    AgeX25519 = 1,
}

/// p = 2^255 − 19, little-endian. Field elements at or above it are second spellings of smaller ones.
const P: [u8; 32] = {
    let mut p = [0xff; 32];
    p[0] = 0xed;
    p[31] = 0x7f;
    p
};

fn is_canonical_field_element(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    y[31] &= 0x7f;
    y.iter().rev().lt(P.iter().rev())
}

/// The canonical y coordinates of the eight points of small order on edwards25519.
const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut y = [0; 32];
        y[0] = 1;
        y
    },
    {
        let mut y = P;
        y[0] = 0xec;
        y
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// The canonical u coordinates of small order on curve25519 and its twist (RFC 7748 section 6.1's warning).
const SMALL_ORDER_U: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut u = [0; 32];
        u[0] = 1;
        u
    },
    {
        let mut u = P;
        u[0] = 0xec;
        u
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09,
        0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44,
        0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
];

/// A public signing key that is neither degenerate nor spelt twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyingKey {
    algorithm: SigningAlgorithm,
    bytes: [u8; 32],
}

impl VerifyingKey {
    /// Parses (algorithm, bytes); refuses unknown algorithms, wrong lengths, small-order and non-canonical points.
    pub fn parse(algorithm: u32, bytes: &[u8]) -> Result<Self, BadKey> {
        if algorithm != SigningAlgorithm::Ed25519 as u32 {
            return Err(BadKey::UnknownAlgorithm(algorithm));
        }
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| BadKey::Length { expected: 32, found: bytes.len() })?;
        let mut y = bytes;
        y[31] &= 0x7f;
        if !is_canonical_field_element(&bytes) || SMALL_ORDER_Y.contains(&y) {
            return Err(BadKey::Degenerate);
        }
        Ok(Self { algorithm: SigningAlgorithm::Ed25519, bytes })
    }

    /// An Ed25519 key from its 32 bytes.
    pub fn ed25519(bytes: &[u8]) -> Result<Self, BadKey> {
        Self::parse(SigningAlgorithm::Ed25519 as u32, bytes)
    }

    /// The algorithm's number on the wire.
    pub fn algorithm(&self) -> u32 {
        self.algorithm as u32
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// SHA-256(algorithm as one byte ‖ key): the identifier of the key's holder.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[&[self.algorithm as u8], &self.bytes])
    }

    /// The person whose identity this is.
    pub fn person(&self) -> PersonId {
        PersonId::new(self.digest())
    }

    /// The device whose key this is.
    pub fn device(&self) -> DeviceId {
        DeviceId::new(self.digest())
    }

    /// Checks one signature, with `ring` and never in a batch.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadKey> {
        match self.algorithm {
            SigningAlgorithm::Ed25519 => UnparsedPublicKey::new(&ED25519, &self.bytes)
                .verify(message, &signature.bytes)
                .map_err(|_| BadKey::BadSignature),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({})", hex::encode(&self.bytes[..4]))
    }
}

/// A signature: (algorithm, bytes). Meaningless until [`VerifyingKey::verify`] accepts it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    algorithm: SigningAlgorithm,
    bytes: [u8; 64],
}

impl Signature {
    /// Parses (algorithm, bytes).
    pub fn parse(algorithm: u32, bytes: &[u8]) -> Result<Self, BadKey> {
        if algorithm != SigningAlgorithm::Ed25519 as u32 {
            return Err(BadKey::UnknownAlgorithm(algorithm));
        }
        let bytes = bytes.try_into().map_err(|_| BadKey::Length { expected: 64, found: bytes.len() })?;
        Ok(Self { algorithm: SigningAlgorithm::Ed25519, bytes })
    }

    /// The algorithm's number on the wire.
    pub fn algorithm(&self) -> u32 {
        self.algorithm as u32
    }

    /// The signature's bytes.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.bytes
    }
}

/// A public key to seal to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecipientKey {
    algorithm: RecipientAlgorithm,
    bytes: [u8; 32],
}

impl RecipientKey {
    /// Parses (algorithm, bytes); refuses unknown algorithms, wrong lengths and points that share no secret.
    pub fn parse(algorithm: u32, bytes: &[u8]) -> Result<Self, BadKey> {
        if algorithm != RecipientAlgorithm::AgeX25519 as u32 {
            return Err(BadKey::UnknownAlgorithm(algorithm));
        }
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| BadKey::Length { expected: 32, found: bytes.len() })?;
        if bytes[31] & 0x80 != 0 || !is_canonical_field_element(&bytes) || SMALL_ORDER_U.contains(&bytes) {
            return Err(BadKey::Degenerate);
        }
        Ok(Self { algorithm: RecipientAlgorithm::AgeX25519, bytes })
    }

    /// Parses age's text form, `age1…`.
    pub fn from_age(text: &str) -> Result<Self, BadKey> {
        let checked = bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(text)
            .map_err(|_| BadKey::NotAgeRecipient)?;
        if checked.hrp().to_lowercase() != "age" {
            return Err(BadKey::NotAgeRecipient);
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        let key = Self::parse(RecipientAlgorithm::AgeX25519 as u32, &bytes)?;
        // Neither in capitals nor with bits that stand for nothing.
        if key.to_age() == text { Ok(key) } else { Err(BadKey::NotAgeRecipient) }
    }

    /// age's text form, `age1…`.
    pub fn to_age(&self) -> String {
        let hrp = bech32::Hrp::parse_unchecked("age");
        bech32::encode::<bech32::Bech32>(hrp, &self.bytes).unwrap_or_default()
    }

    /// The algorithm's number on the wire.
    pub fn algorithm(&self) -> u32 {
        self.algorithm as u32
    }

    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl fmt::Debug for RecipientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecipientKey({})", hex::encode(&self.bytes[..4]))
    }
}

/// A person's public keys: what they sign with and what is sealed to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonKeys {
    /// Identity key: signs commands.
    pub signing: VerifyingKey,
    /// Shares are sealed to it.
    pub recipient: RecipientKey,
}

impl PersonKeys {
    /// The identifier that follows from the signing key.
    pub fn person(&self) -> PersonId {
        self.signing.person()
    }

    /// Both keys in one code, to compare by voice before admitting somebody.
    pub fn fingerprint(&self) -> SpokenCode {
        SpokenCode::of(
            "sequestre/fingerprint/v1",
            &[
                &[self.signing.algorithm as u8],
                &self.signing.bytes,
                &[self.recipient.algorithm as u8],
                &self.recipient.bytes,
            ],
        )
    }
}

/// A code that two people read to each other: decimal digits in groups of five, the same in every language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpokenCode(String);

impl SpokenCode {
    /// The code of `parts` under a label of its own: 35 digits (116 bits of a SHA-256).
    pub fn of(label: &str, parts: &[&[u8]]) -> Self {
        Self::of_groups(label, parts, 7)
    }

    /// A code of 20 digits (66 bits) for what somebody signed: whoever would put something else in its place has to
    /// find, before the call ends, another thing of the same signer with the same code.
    pub fn short_of(label: &str, parts: &[&[u8]]) -> Self {
        Self::of_groups(label, parts, 4)
    }

    /// Whether somebody typed this code: spaces, line breaks, dots and hyphens do not matter.
    pub fn is_typed(&self, text: &str) -> bool {
        let typed = text.chars().filter(|c| !(c.is_whitespace() || matches!(c, '-' | '.' | ',')));
        typed.eq(self.0.chars().filter(|c| *c != ' '))
    }

    fn of_groups(label: &str, parts: &[&[u8]], count: usize) -> Self {
        let mut all: Vec<&[u8]> = vec![label.as_bytes(), &[0]];
        all.extend_from_slice(parts);
        let digest = sha256(&all);
        // Two independent 128-bit halves would be wasteful; base 100 000 digits of the first 16 bytes, and the
        // seventh group keeps the total above 100 bits.
        let mut number = u128::from_be_bytes(digest[..16].try_into().unwrap_or([0; 16]));
        let mut groups = Vec::with_capacity(count);
        for _ in 0..count {
            groups.push(format!("{:05}", number % 100_000));
            number /= 100_000;
        }
        Self(groups.join(" "))
    }
}

impl fmt::Display for SpokenCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_keys_are_refused() {
        for y in SMALL_ORDER_Y {
            assert_eq!(VerifyingKey::ed25519(&y), Err(BadKey::Degenerate));
            let mut signed = y;
            signed[31] |= 0x80;
            assert_eq!(VerifyingKey::ed25519(&signed), Err(BadKey::Degenerate));
        }
        for u in SMALL_ORDER_U {
            assert_eq!(RecipientKey::parse(1, &u), Err(BadKey::Degenerate));
        }
        // p + 1: the point 1 spelt twice.
        let mut non_canonical = P;
        non_canonical[0] = 0xee;
        assert_eq!(VerifyingKey::ed25519(&non_canonical), Err(BadKey::Degenerate));
        assert_eq!(RecipientKey::parse(1, &non_canonical), Err(BadKey::Degenerate));
        assert_eq!(VerifyingKey::parse(2, &[7; 32]), Err(BadKey::UnknownAlgorithm(2)));
    }

    #[test]
    fn age_text_form_round_trips() {
        let key = RecipientKey::parse(1, &[9; 32]).unwrap();
        assert!(key.to_age().starts_with("age1"));
        assert_eq!(RecipientKey::from_age(&key.to_age()), Ok(key));
        let typo = key.to_age().replace('q', "p");
        assert!(RecipientKey::from_age(&typo).is_err() || typo == key.to_age());
    }

    #[test]
    fn spoken_codes_have_seven_groups_and_depend_on_label_and_content() {
        let code = SpokenCode::of("a", &[b"x"]);
        assert_eq!(code.to_string().split(' ').count(), 7);
        assert!(code.to_string().split(' ').all(|g| g.len() == 5));
        assert_ne!(code, SpokenCode::of("b", &[b"x"]));
        assert_ne!(code, SpokenCode::of("a", &[b"y"]));
        let short = SpokenCode::short_of("a", &[b"x"]);
        assert!(code.to_string().starts_with(&short.to_string()) && short.to_string().len() == 23);
        let typed = short.to_string().replace(' ', " - ");
        assert!(short.is_typed(&typed) && !short.is_typed(&typed[1..]) && !short.is_typed(&format!("{typed}0")));
        assert!(!short.is_typed(""));
    }
}
