//! Founding codes: what the technician hands to somebody who is to found an organisation on a daemon.
//!
//! One code is enough to begin: it says where the daemon is, which key it must show, and holds the token that
//! permits one founding. It permits nothing else; afterwards it is worthless. This module must never put the token
//! elsewhere than into the code.
//!
//! # Layout (version 1)
//! | bytes | content |
//! |---|---|
//! | 1 | version, 1 |
//! | 33 | server's TLS key: algorithm, key |
//! | 32 | token |
//! | 1 + n | server address: length, `host:port` |

use super::code::{self, CodeKind};
use super::invitation::{BadInvitation, Reader, ServerAddress, push_address, push_key};
use super::secret::{Secret, SecretWriter};
use crate::escrow::id::Digest;
use crate::escrow::key::VerifyingKey;

const VERSION: u8 = 1;

/// Length of a founding token in bytes.
pub const TOKEN_BYTES: usize = 32;

/// Permission to found one organisation on one daemon.
pub struct FoundingCode {
    /// The key in the daemon's TLS certificate.
    pub server_key: VerifyingKey,
    /// The daemon's address.
    pub address: ServerAddress,
    token: Secret,
}

impl FoundingCode {
    /// For a token that the daemon has just drawn.
    pub fn new(server_key: VerifyingKey, address: ServerAddress, token: &[u8; TOKEN_BYTES]) -> Self {
        Self { server_key, address, token: Secret::new(token.to_vec()) }
    }

    /// The token: 32 bytes.
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// What the genesis command says about the token.
    pub fn token_digest(&self) -> Digest {
        Digest::of(&[self.token.expose()])
    }

    /// The code's lines.
    pub fn to_code(&self) -> Result<Secret, BadInvitation> {
        let mut payload = SecretWriter::with_capacity(512);
        payload.push(&[VERSION]);
        push_key(&mut payload, &self.server_key);
        payload.push(self.token.expose());
        push_address(&mut payload, &self.address)?;
        Ok(code::encode(CodeKind::Founding, payload.finish().expose())?)
    }

    /// Reads a code.
    pub fn from_code(text: &str) -> Result<Self, BadInvitation> {
        let payload = code::decode(CodeKind::Founding, text)?;
        let mut reader = Reader(payload.expose());
        match reader.byte()? {
            VERSION => {}
            other => return Err(BadInvitation::Version(other)),
        }
        let server_key = reader.key()?;
        let token = Secret::new(reader.take::<TOKEN_BYTES>()?.to_vec());
        Ok(Self { server_key, token, address: reader.last_address()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::code::CodeError;
    use crate::seal::device::DeviceKey;

    fn founding() -> FoundingCode {
        let address = ServerAddress::parse("escrow.example.org:7443").unwrap();
        FoundingCode::new(DeviceKey::generate().unwrap().public(), address, &[9; 32])
    }

    #[test]
    fn comes_back_as_it_was() {
        let (given, code) = (founding(), founding());
        let text = code.to_code().unwrap();
        let text = text.expose_str().unwrap();
        assert!(text.starts_with("sqf1"));
        let again = FoundingCode::from_code(text).unwrap();
        assert_eq!((again.server_key, &again.address), (code.server_key, &code.address));
        assert!(again.token().matches(given.token()));
        assert_eq!(again.token_digest(), Digest::of(&[&[9; 32]]));
    }

    #[test]
    fn other_codes_and_layouts_are_refused() {
        let code = founding().to_code().unwrap();
        let good = code::decode(CodeKind::Founding, code.expose_str().unwrap()).unwrap();
        for length in 1..good.len() {
            let cut = code::encode(CodeKind::Founding, &good.expose()[..length]).unwrap();
            assert!(FoundingCode::from_code(cut.expose_str().unwrap()).is_err(), "{length} bytes");
        }
        let newer = [&[2], &good.expose()[1..]].concat();
        let newer = code::encode(CodeKind::Founding, &newer).unwrap();
        let refused = FoundingCode::from_code(newer.expose_str().unwrap()).err();
        assert_eq!(refused, Some(BadInvitation::Version(2)));
        let card = code::encode(CodeKind::Card, good.expose()).unwrap();
        let refused = FoundingCode::from_code(card.expose_str().unwrap()).err();
        assert!(matches!(refused, Some(BadInvitation::Code(CodeError::WrongKind { .. }))));
    }
}
