//! Ed25519 signing keys made from 32-byte seeds.
//!
//! Used for what a person signs, for device keys and for the daemon's log key. This module must never decide what
//! is signed: callers pass a preimage that begins with a label of its own.

use ring::signature::{Ed25519KeyPair, KeyPair};

use super::secret::{NoRandomness, Secret};
use crate::escrow::key::{BadKey, Signature, VerifyingKey};

/// Length of a seed in bytes.
pub const SEED_BYTES: usize = 32;

/// PKCS#8 version 1 around an Ed25519 seed (RFC 8410 section 7): everything before the 32 bytes.
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// Why bytes are not a usable private key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSecretKey {
    /// No randomness to make one from.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A key is [`SEED_BYTES`] long.
    #[error("a private key is {SEED_BYTES} bytes long, not {found}; check that the file or code is whole")]
    Length {
        /// What was there.
        found: usize,
    },
    /// The public half is degenerate. No random seed leads here.
    #[error("this private key is not usable: make a new one")]
    Unusable(#[source] BadKey),
}

/// An Ed25519 private key. `ring` keeps the expanded key in memory that it does not overwrite; the seed is ours and
/// is.
pub struct SigningKey {
    seed: Secret,
    pair: Ed25519KeyPair,
    public: VerifyingKey,
}

impl SigningKey {
    /// A new one.
    pub fn generate() -> Result<Self, BadSecretKey> {
        Self::from_seed(Secret::random(SEED_BYTES)?)
    }

    /// From its 32-byte seed (RFC 8032's private key).
    pub fn from_seed(seed: Secret) -> Result<Self, BadSecretKey> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose())
            .map_err(|_| BadSecretKey::Length { found: seed.len() })?;
        let public = VerifyingKey::ed25519(pair.public_key().as_ref()).map_err(BadSecretKey::Unusable)?;
        Ok(Self { seed, pair, public })
    }

    /// The public half.
    pub fn public(&self) -> VerifyingKey {
        self.public
    }

    /// Signs `preimage`, which must begin with the label of what it is.
    pub fn sign(&self, preimage: &[u8]) -> Signature {
        let signature = self.pair.sign(preimage);
        Signature::parse(self.public.algorithm(), signature.as_ref()).expect("ring's Ed25519 signatures are 64 bytes")
    }

    /// The seed, to be kept where only its owner reads.
    pub fn to_secret_bytes(&self) -> Secret {
        self.seed.copy()
    }

    /// The key as PKCS#8 version 1 (RFC 8410), 48 bytes, as `rustls` and `rcgen` take it.
    pub fn pkcs8_der(&self) -> Secret {
        let mut der = Vec::with_capacity(PKCS8_PREFIX.len() + SEED_BYTES);
        der.extend_from_slice(&PKCS8_PREFIX);
        der.extend_from_slice(self.seed.expose());
        Secret::new(der)
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    use super::*;

    /// RFC 8032 section 7.1, test 1.
    #[test]
    fn signs_as_rfc_8032_says() {
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = SigningKey::from_seed(Secret::new(seed)).unwrap();
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(hex::encode(key.public().as_bytes()), public);
        let signature = key.sign(b"");
        assert!(hex::encode(signature.as_bytes()).starts_with("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974"));
        assert_eq!(key.public().verify(b"", &signature), Ok(()));
        assert_eq!(key.public().verify(b"x", &signature), Err(BadKey::BadSignature));
    }

    #[test]
    fn a_seed_of_another_length_is_refused() {
        let short = SigningKey::from_seed(Secret::new(vec![1; 31]));
        assert_eq!(short.err(), Some(BadSecretKey::Length { found: 31 }));
    }

    #[test]
    fn tls_libraries_take_the_pkcs8_form() {
        let key = SigningKey::generate().unwrap();
        let der = key.pkcs8_der();
        let pkcs8 = PrivatePkcs8KeyDer::from(der.expose());
        let for_certificates = rcgen::KeyPair::try_from(&pkcs8).unwrap();
        assert_eq!(for_certificates.public_key_raw(), key.public().as_bytes());
        let for_tls = rustls::crypto::ring::sign::any_supported_type(&PrivateKeyDer::Pkcs8(pkcs8)).unwrap();
        assert_eq!(for_tls.algorithm(), rustls::SignatureAlgorithm::ED25519);
    }
}
