//! Device keys: one per computer, unencrypted on its disk, for TLS and cosignatures only.
//!
//! A device key counts only through a certificate in the log, signed by its owner's identity. It must never approve
//! or open anything: nothing is sealed to it, and it is a type of its own so that it cannot be passed where an
//! identity signs.

use super::secret::Secret;
use super::signing::{BadSecretKey, SigningKey};
use crate::escrow::id::DeviceId;
use crate::escrow::key::{Signature, VerifyingKey};

/// One computer's Ed25519 key.
pub struct DeviceKey(SigningKey);

impl DeviceKey {
    /// A new one.
    pub fn generate() -> Result<Self, BadSecretKey> {
        SigningKey::generate().map(Self)
    }

    /// From the 32 bytes on disk.
    pub fn from_bytes(bytes: Secret) -> Result<Self, BadSecretKey> {
        SigningKey::from_seed(bytes).map(Self)
    }

    /// The 32 bytes for the disk.
    pub fn to_secret_bytes(&self) -> Secret {
        self.0.to_secret_bytes()
    }

    /// The public half.
    pub fn public(&self) -> VerifyingKey {
        self.0.public()
    }

    /// The identifier that follows from the public half.
    pub fn id(&self) -> DeviceId {
        self.public().device()
    }

    /// Signs `preimage`, which must begin with the label of what it is.
    pub fn sign(&self, preimage: &[u8]) -> Signature {
        self.0.sign(preimage)
    }

    /// The key as PKCS#8 (RFC 8410), for TLS certificates and connections.
    pub fn pkcs8_der(&self) -> Secret {
        self.0.pkcs8_der()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_disk() {
        let key = DeviceKey::generate().unwrap();
        let again = DeviceKey::from_bytes(key.to_secret_bytes()).unwrap();
        assert_eq!(again.id(), key.id());
        assert_eq!(key.public().verify(b"m", &again.sign(b"m")), Ok(()));
        assert_ne!(DeviceKey::generate().unwrap().id(), key.id());
    }
}
