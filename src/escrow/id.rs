//! Identifiers and digests: fixed-size byte strings that cannot be mistaken for one another.
//!
//! Every identifier here is either a SHA-256 of something or random bytes drawn by a client. This module
//! must never draw randomness itself.

use std::fmt;

/// An identifier of the wrong length, or text that is not its hexadecimal form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {expected} bytes ({} hexadecimal digits); check that it was copied whole", expected * 2)]
pub struct BadId {
    /// The name of the identifier's type.
    pub what: &'static str,
    /// Its length in bytes.
    pub expected: usize,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $length]);

        impl $name {
            /// Length in bytes.
            pub const LENGTH: usize = $length;

            /// Wraps exactly [`Self::LENGTH`] bytes.
            pub const fn new(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// Parses a byte string; anything but [`Self::LENGTH`] bytes is refused.
            pub fn parse(bytes: &[u8]) -> Result<Self, BadId> {
                bytes
                    .try_into()
                    .map(Self)
                    .map_err(|_| BadId { what: stringify!($name), expected: $length })
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// The bytes, owned, as the wire format wants them.
            pub fn to_vec(self) -> Vec<u8> {
                self.0.to_vec()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), hex::encode(&self.0[..4]))
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                let mut bytes = [0; $length];
                let read = hex::decode_to_slice(text, &mut bytes).is_ok();
                // One spelling, as names of files and lines that are compared have it: small letters.
                let canonical = read && !text.contains(|c: char| c.is_ascii_uppercase());
                if canonical { Ok(Self(bytes)) } else { Err(BadId { what: stringify!($name), expected: $length }) }
            }
        }
    };
}

identifier!(
    /// A SHA-256 digest: a Merkle node, a leaf, the digest of a share.
    Digest, 32
);
identifier!(
    /// SHA-256(`sequestre/genesis/v1\0` ‖ the genesis command's unsigned bytes).
    OrganisationId, 32
);
identifier!(
    /// SHA-256(algorithm ‖ public signing key) of a person's identity.
    PersonId, 32
);
identifier!(
    /// SHA-256(algorithm ‖ public key) of one computer's device key.
    DeviceId, 32
);
identifier!(
    /// SHA-256 of a command's signature preimage: what makes sending it twice harmless.
    CommandId, 32
);
identifier!(
    /// SHA-256 of a blob: a sealed secret, a sealed share, a salted text.
    BlobId, 32
);
identifier!(
    /// SHA-256 of an invitation's token. The token itself appears only when the invitation is used.
    InvitationId, 32
);
identifier!(
    /// An account in escrow: 16 random bytes drawn by the depositor's client, so that shares can be bound to it
    /// before the log knows it.
    CredentialId, 16
);

/// SHA-256 over the concatenation of `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

impl Digest {
    /// SHA-256 over the concatenation of `parts`.
    pub fn of(parts: &[&[u8]]) -> Self {
        Self(sha256(parts))
    }
}

impl BlobId {
    /// The name of a blob with this content.
    pub fn of(content: &[u8]) -> Self {
        Self(sha256(&[content]))
    }
}

impl InvitationId {
    /// The public name of the invitation that this token opens.
    pub fn of_token(token: &[u8; 32]) -> Self {
        Self(sha256(&[token]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_lower_case_hex_and_round_trips() {
        let id = CredentialId::new([0xab; 16]);
        assert_eq!(id.to_string(), "ab".repeat(16));
        assert_eq!(id.to_string().parse::<CredentialId>(), Ok(id));
        for other in ["ab".to_owned(), "AB".repeat(16), format!("{}aB", "ab".repeat(15))] {
            assert!(other.parse::<CredentialId>().is_err(), "{other}");
        }
        assert!(CredentialId::parse(&[0; 15]).is_err());
    }

    #[test]
    fn sha256_concatenates() {
        assert_eq!(sha256(&[b"a", b"bc"]), sha256(&[b"abc"]));
        assert_eq!(Digest::of(&[]).to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
