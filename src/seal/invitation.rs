//! Invitations and contact cards: what a newcomer, or a new device, must know before it believes a server.
//!
//! The inviter's client makes an invitation. Its 16-byte secret never reaches the log or the daemon: they learn
//! SHA-256 of a token derived from it, and the token itself only when it is used; the newcomer's keys are
//! authenticated to the inviter with a MAC under another derived key. A contact card is the same without a secret:
//! printed with the words on paper, it lets a new device find the organisation and recognise its log. This module
//! must never put the secret, or anything that it can be computed from, elsewhere than into the code.
//!
//! # Layout (version 1; integers big-endian)
//! | bytes | invitation | card |
//! |---|---|---|
//! | 1 | version, 1 | the same |
//! | 32 | organisation id | the same |
//! | 33 | server's TLS key: algorithm, key | the same |
//! | 33 | log key | the same |
//! | 8 + 32 | checkpoint: size, root | the same |
//! | 33 | inviter's signing key | – |
//! | 1 | roles: bit n − 1 for role number n | – |
//! | 8 | expiry, POSIX seconds | – |
//! | 16 | secret | – |
//! | 1 + n | server address: length, `host:port` | the same |

use ring::hmac;

use super::code::{self, CodeError, CodeKind};
use super::secret::{NoRandomness, Secret, SecretWriter};
use crate::escrow::charter::is_address;
use crate::escrow::id::{BadId, Digest, InvitationId, OrganisationId};
use crate::escrow::key::{BadKey, VerifyingKey};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::role::{BadRoles, Role, Roles};
use crate::escrow::time::Time;

const VERSION: u8 = 1;
const TOKEN_LABEL: &str = "sequestre/invitation/token/v1";
const MAC_LABEL: &str = "sequestre/invitation/mac/v1";

/// Length of an invitation's secret in bytes.
pub const SECRET_BYTES: usize = 16;

/// Why an invitation or a card was not made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInvitation {
    /// The code around it.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// No randomness for a secret.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// Another version of the layout.
    #[error("this code is of version {0}, which this program does not know; update this software")]
    Version(u8),
    /// Shorter or longer than its layout, or with an impossible checkpoint.
    #[error("this code is not in the expected form; ask for a new one")]
    Malformed,
    /// A key in it is unusable.
    #[error("a key in this code is not usable; ask for a new one")]
    Key(#[from] BadKey),
    /// The roles in it are refused.
    #[error(transparent)]
    Roles(#[from] BadRoles),
    /// Not `host:port`.
    #[error("a server address is host:port in at most 255 plain characters; correct it")]
    Address,
    /// A secret of another length.
    #[error("an invitation's secret is {SECRET_BYTES} bytes long; make a new invitation")]
    Secret,
}

impl From<BadId> for BadInvitation {
    fn from(_: BadId) -> Self {
        Self::Malformed
    }
}

/// The newcomer's MAC is not that of the invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "whoever joined does not hold this invitation, or something was changed on the way; do not admit them, and \
     invite again by another channel"
)]
pub struct BadMac;

/// Where a daemon is reached: `host:port`, printable ASCII, at most 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress(String);

impl ServerAddress {
    /// Parses `host:port`.
    pub fn parse(address: &str) -> Result<Self, BadInvitation> {
        if is_address(address) { Ok(Self(address.to_owned())) } else { Err(BadInvitation::Address) }
    }

    /// `host:port`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret that only the inviter and the newcomer know.
pub struct InvitationSecret(Secret);

impl InvitationSecret {
    /// A fresh one.
    pub fn generate() -> Result<Self, NoRandomness> {
        Secret::random(SECRET_BYTES).map(Self)
    }

    /// As the inviter's client kept it.
    pub fn from_bytes(bytes: Secret) -> Result<Self, BadInvitation> {
        if bytes.len() == SECRET_BYTES { Ok(Self(bytes)) } else { Err(BadInvitation::Secret) }
    }

    /// For the inviter's client to keep, until the newcomer's MAC is verified.
    pub fn to_secret_bytes(&self) -> Secret {
        self.0.copy()
    }

    /// The token that the newcomer shows the daemon: 32 bytes.
    pub fn token(&self) -> Secret {
        self.0.derive(TOKEN_LABEL)
    }

    /// The name under which the log announces the invitation.
    pub fn id(&self) -> InvitationId {
        InvitationId::new(crate::escrow::id::sha256(&[self.token().expose()]))
    }

    /// HMAC-SHA-256 of what the newcomer signs: organisation, roles and keys.
    pub fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.mac_key(), message).as_ref());
        mac
    }

    /// Whether a newcomer's message comes from whoever holds the invitation. In constant time.
    pub fn verify_mac(&self, message: &[u8], mac: &[u8]) -> Result<(), BadMac> {
        hmac::verify(&self.mac_key(), message, mac).map_err(|_| BadMac)
    }

    fn mac_key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.derive(MAC_LABEL).expose())
    }
}

/// Where to find an organisation, and what to trust there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactCard {
    /// Which organisation.
    pub organisation: OrganisationId,
    /// The daemon's address.
    pub address: ServerAddress,
    /// The key in the daemon's TLS certificate.
    pub server_key: VerifyingKey,
    /// The key that signs checkpoints.
    pub log_key: VerifyingKey,
    /// A tree that the log must extend.
    pub checkpoint: TreeHead,
}

impl ContactCard {
    /// The card's code: lines to print.
    pub fn to_code(&self) -> Result<Secret, BadInvitation> {
        let mut payload = self.head();
        push_address(&mut payload, &self.address)?;
        Ok(code::encode(CodeKind::Card, payload.finish().expose())?)
    }

    /// Reads a card's code.
    pub fn from_code(text: &str) -> Result<Self, BadInvitation> {
        let payload = code::decode(CodeKind::Card, text)?;
        let mut reader = Reader(payload.expose());
        let head = Head::read(&mut reader)?;
        let address = reader.last_address()?;
        Ok(head.with(address))
    }

    /// What both layouts begin with.
    fn head(&self) -> SecretWriter {
        let mut payload = SecretWriter::with_capacity(512);
        payload.push(&[VERSION]);
        payload.push(self.organisation.as_bytes());
        push_key(&mut payload, &self.server_key);
        push_key(&mut payload, &self.log_key);
        payload.push(&self.checkpoint.size.to_be_bytes());
        payload.push(self.checkpoint.root.as_bytes());
        payload
    }
}

/// An invitation to become part of an organisation.
pub struct Invitation {
    /// Where to go and what to trust there.
    pub contact: ContactCard,
    /// Who invites.
    pub inviter: VerifyingKey,
    /// What the newcomer is to become.
    pub roles: Roles,
    /// From when on the invitation is void.
    pub expires: Time,
    /// What proves that the newcomer holds it.
    pub secret: InvitationSecret,
}

impl Invitation {
    /// The invitation's code: lines to hand to the newcomer, and to nobody else.
    pub fn to_code(&self) -> Result<Secret, BadInvitation> {
        let mut payload = self.contact.head();
        push_key(&mut payload, &self.inviter);
        payload.push(&[self.roles.iter().fold(0, |bits, role| bits | role_bit(role))]);
        payload.push(&self.expires.0.to_be_bytes());
        payload.push(self.secret.0.expose());
        push_address(&mut payload, &self.contact.address)?;
        Ok(code::encode(CodeKind::Invitation, payload.finish().expose())?)
    }

    /// Reads an invitation's code.
    pub fn from_code(text: &str) -> Result<Self, BadInvitation> {
        let payload = code::decode(CodeKind::Invitation, text)?;
        let mut reader = Reader(payload.expose());
        let head = Head::read(&mut reader)?;
        let inviter = reader.key()?;
        let roles = roles_from_bits(reader.byte()?)?;
        let expires = Time(reader.u64()?);
        let secret = InvitationSecret(Secret::new(reader.take::<SECRET_BYTES>()?.to_vec()));
        let address = reader.last_address()?;
        Ok(Self { contact: head.with(address), inviter, roles, expires, secret })
    }
}

fn role_bit(role: Role) -> u8 {
    1 << (role as u8 - 1)
}

/// A bit that stands for no known role is refused, not dropped.
fn roles_from_bits(bits: u8) -> Result<Roles, BadInvitation> {
    let numbers: Vec<u32> = (1..=8).filter(|n| bits & (1 << (n - 1)) != 0).collect();
    Ok(Roles::from_numbers(&numbers)?)
}

pub(super) fn push_key(payload: &mut SecretWriter, key: &VerifyingKey) {
    // Algorithm numbers of version 1 fit in a byte; a longer key makes version 2.
    payload.push(&[key.algorithm() as u8]);
    payload.push(key.as_bytes());
}

pub(super) fn push_address(payload: &mut SecretWriter, address: &ServerAddress) -> Result<(), BadInvitation> {
    let length = u8::try_from(address.0.len()).map_err(|_| BadInvitation::Address)?;
    payload.push(&[length]);
    payload.push(address.0.as_bytes());
    Ok(())
}

/// A card without its address, which comes last in both layouts.
struct Head {
    organisation: OrganisationId,
    server_key: VerifyingKey,
    log_key: VerifyingKey,
    checkpoint: TreeHead,
}

impl Head {
    fn read(reader: &mut Reader<'_>) -> Result<Self, BadInvitation> {
        match reader.byte()? {
            VERSION => {}
            other => return Err(BadInvitation::Version(other)),
        }
        let organisation = OrganisationId::new(*reader.take()?);
        let (server_key, log_key) = (reader.key()?, reader.key()?);
        let checkpoint = TreeHead { size: reader.u64()?, root: Digest::new(*reader.take()?) };
        if !checkpoint.is_possible() {
            return Err(BadInvitation::Malformed);
        }
        Ok(Self { organisation, server_key, log_key, checkpoint })
    }

    fn with(self, address: ServerAddress) -> ContactCard {
        let Self { organisation, server_key, log_key, checkpoint } = self;
        ContactCard { organisation, address, server_key, log_key, checkpoint }
    }
}

pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], BadInvitation> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(BadInvitation::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, BadInvitation> {
        self.take().map(|[byte]| *byte)
    }

    fn u64(&mut self) -> Result<u64, BadInvitation> {
        self.take().map(|bytes| u64::from_be_bytes(*bytes))
    }

    pub(super) fn key(&mut self) -> Result<VerifyingKey, BadInvitation> {
        let algorithm = self.byte()?;
        Ok(VerifyingKey::parse(algorithm.into(), self.take::<32>()?)?)
    }

    /// The address, after which nothing may follow.
    pub(super) fn last_address(mut self) -> Result<ServerAddress, BadInvitation> {
        let length = usize::from(self.byte()?);
        if self.0.len() != length {
            return Err(BadInvitation::Malformed);
        }
        ServerAddress::parse(std::str::from_utf8(self.0).map_err(|_| BadInvitation::Address)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::signing::SigningKey;

    fn key(seed: u8) -> VerifyingKey {
        SigningKey::from_seed(Secret::new(vec![seed; 32])).unwrap().public()
    }

    fn card() -> ContactCard {
        ContactCard {
            organisation: OrganisationId::new([1; 32]),
            address: ServerAddress::parse("sequestre.exemple.fr:7443").unwrap(),
            server_key: key(1),
            log_key: key(2),
            checkpoint: TreeHead { size: 42, root: Digest::new([4; 32]) },
        }
    }

    fn invitation() -> Invitation {
        Invitation {
            contact: card(),
            inviter: key(3),
            roles: Roles::new([Role::Trustee, Role::Member]).unwrap(),
            expires: Time(1_800_000_000),
            secret: InvitationSecret::from_bytes(Secret::new((0..16).collect())).unwrap(),
        }
    }

    fn code_of(bytes: &[u8]) -> String {
        code::encode(CodeKind::Invitation, bytes).unwrap().expose_str().unwrap().to_owned()
    }

    #[test]
    fn both_codes_come_back_as_they_were() {
        let code = card().to_code().unwrap();
        assert_eq!(ContactCard::from_code(code.expose_str().unwrap()), Ok(card()));

        let code = invitation().to_code().unwrap();
        let again = Invitation::from_code(code.expose_str().unwrap()).unwrap();
        assert_eq!(again.contact, card());
        assert_eq!(again.inviter, key(3));
        assert_eq!(again.roles, invitation().roles);
        assert_eq!(again.expires, Time(1_800_000_000));
        assert!(again.secret.to_secret_bytes().matches(&invitation().secret.0));
        assert!(code.expose_str().unwrap().lines().count() <= 5);

        let mistaken = Invitation::from_code(card().to_code().unwrap().expose_str().unwrap()).err();
        assert!(matches!(mistaken, Some(BadInvitation::Code(CodeError::WrongKind { .. }))));
    }

    /// RFC 5869 with SHA-256, computed independently: token and MAC key of the secret 00 01 … 0f.
    #[test]
    fn token_and_mac_are_derived_as_documented() {
        let secret = invitation().secret;
        assert_eq!(
            hex::encode(secret.token().expose()),
            "013ee9502db2cc7486cabb4c6bf5ab7a1979e4a7e12277c509224ba862b7a885"
        );
        assert_eq!(
            hex::encode(secret.mac(b"message")),
            "f14f10619250f7923b62c1653b4f7d1a611f9317e15b5280455c7227d5036996"
        );
        let token: [u8; 32] = secret.token().expose().try_into().unwrap();
        assert_eq!(secret.id(), InvitationId::of_token(&token));
    }

    #[test]
    fn only_the_holder_of_the_secret_makes_the_mac() {
        let secret = invitation().secret;
        let mac = secret.mac(b"keys");
        assert_eq!(secret.verify_mac(b"keys", &mac), Ok(()));
        assert_eq!(secret.verify_mac(b"other keys", &mac), Err(BadMac));
        assert_eq!(secret.verify_mac(b"keys", &mac[..31]), Err(BadMac));
        assert_eq!(InvitationSecret::generate().unwrap().verify_mac(b"keys", &mac), Err(BadMac));
        assert!(InvitationSecret::from_bytes(Secret::new(vec![0; 15])).is_err());
    }

    #[test]
    fn every_other_layout_is_refused() {
        let code = invitation().to_code().unwrap();
        let good = code::decode(CodeKind::Invitation, code.expose_str().unwrap()).unwrap().expose().to_vec();
        for length in 1..good.len() {
            assert!(Invitation::from_code(&code_of(&good[..length])).is_err(), "{length} bytes");
        }
        let changed = |at: usize, to: u8| {
            let mut bytes = good.clone();
            bytes[at] = to;
            Invitation::from_code(&code_of(&bytes)).err()
        };
        let longer = [good.as_slice(), b"0"].concat();
        assert_eq!(Invitation::from_code(&code_of(&longer)).err(), Some(BadInvitation::Malformed));
        assert_eq!(changed(0, 2), Some(BadInvitation::Version(2)));
        assert_eq!(changed(33, 9), Some(BadInvitation::Key(BadKey::UnknownAlgorithm(9))));
        // Size with its highest bit set: beyond any tree.
        assert_eq!(changed(99, 0x80), Some(BadInvitation::Malformed));
        let roles = 1 + 32 + 33 + 33 + 40 + 33;
        assert_eq!(changed(roles, 0), Some(BadInvitation::Roles(BadRoles::Empty)));
        assert_eq!(changed(roles, 0b11), Some(BadInvitation::Roles(BadRoles::MediatorAndTrustee)));
        assert_eq!(changed(roles, 0b1_0001), Some(BadInvitation::Roles(BadRoles::Unknown(5))));
        assert_eq!(changed(good.len() - 1, b' '), Some(BadInvitation::Address));
        for bad in ["", "host", "host:", ":1", "host:0", "host:65536", "ho st:1", &format!("{}:1", "a".repeat(254))] {
            assert_eq!(ServerAddress::parse(bad), Err(BadInvitation::Address), "{bad}");
        }
    }
}
