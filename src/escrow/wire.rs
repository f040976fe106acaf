//! From protobuf to domain types: canonical decoding, and the small parsers that every message shares.
//!
//! What a person signs must be exactly what everybody reads, so a message is accepted only if encoding what was
//! decoded gives the same bytes again: no unknown fields, no second spelling.

use prost::Message;

use super::act::RequestedPart;
use super::id::{BadId, BlobId, CredentialId, Digest, PersonId};
use super::key::{BadKey, MAX_KEY_BYTES, PersonKeys, RecipientKey, Signature, VerifyingKey};
use super::log::merkle::TreeHead;
use super::part::{BadDeal, PartId, PartKind, VersionId};
use super::quorum::BadQuorum;
use super::role::{BadRoles, Role, Roles};
use crate::proto::v1;

/// Longest canonical command, in bytes.
pub const MAX_COMMAND_BYTES: usize = 60 * 1024;
/// An entry is shorter than this, in bytes.
pub const MAX_ENTRY_BYTES: usize = 64 * 1024;

/// Why bytes are not a well-formed message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not protobuf at all.
    #[error("these bytes are not a Séquestre message; they were cut short or damaged on the way")]
    NotProtobuf,
    /// Unknown fields or a second spelling.
    #[error("the message holds something that this version cannot show; update this software")]
    NotCanonical,
    /// Longer than the format admits.
    #[error("the message has {found} bytes, more than the {limit} that are allowed; make it smaller")]
    TooLarge {
        /// Its length.
        found: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A field that must be there is not.
    #[error("the message lacks its {0}")]
    Missing(&'static str),
    /// A list that must be sorted and without duplicates is not, or one that must not be empty is.
    #[error("the message's list of {0} is empty, unsorted or has something twice")]
    List(&'static str),
    /// An enum value or kind that this version does not know.
    #[error("the message has a {0} that this version does not know; update this software")]
    Unknown(&'static str),
    /// A number outside what the format admits.
    #[error("the message's {0} is outside what is allowed")]
    Range(&'static str),
    /// An identifier of the wrong length.
    #[error(transparent)]
    Id(#[from] BadId),
    /// A key that is not one.
    #[error(transparent)]
    Key(#[from] BadKey),
    /// A quorum that means nobody, or everybody alone.
    #[error(transparent)]
    Quorum(#[from] BadQuorum),
    /// Roles that do not go together.
    #[error(transparent)]
    Roles(#[from] BadRoles),
    /// Shares that do not fit their quorum.
    #[error(transparent)]
    Deal(#[from] BadDeal),
}

/// Decodes a message and refuses it unless encoding it again gives the same bytes.
pub fn decode_canonical<M: Message + Default>(bytes: &[u8]) -> Result<M, Malformed> {
    let message = M::decode(bytes).map_err(|_| Malformed::NotProtobuf)?;
    if message.encode_to_vec() == bytes { Ok(message) } else { Err(Malformed::NotCanonical) }
}

pub(super) fn required<T>(value: Option<T>, what: &'static str) -> Result<T, Malformed> {
    value.ok_or(Malformed::Missing(what))
}

/// Checks that a list is strictly ascending by `key`, so that there is one way to write each set.
pub(super) fn ascending<T, K: Ord>(list: &[T], what: &'static str, key: impl Fn(&T) -> K) -> Result<(), Malformed> {
    if list.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])) { Ok(()) } else { Err(Malformed::List(what)) }
}

pub(super) fn signing_key(key: Option<v1::SigningKey>) -> Result<VerifyingKey, Malformed> {
    let key = required(key, "signing key")?;
    within_key_limit(&key.key)?;
    Ok(VerifyingKey::parse(key.algorithm, &key.key)?)
}

pub(super) fn recipient(key: Option<v1::Recipient>) -> Result<RecipientKey, Malformed> {
    let key = required(key, "recipient")?;
    within_key_limit(&key.key)?;
    Ok(RecipientKey::parse(key.algorithm, &key.key)?)
}

pub(super) fn signature(signature: Option<v1::Signature>) -> Result<Signature, Malformed> {
    let signature = required(signature, "signature")?;
    within_key_limit(&signature.signature)?;
    Ok(Signature::parse(signature.algorithm, &signature.signature)?)
}

fn within_key_limit(bytes: &[u8]) -> Result<(), Malformed> {
    if bytes.len() > MAX_KEY_BYTES {
        return Err(Malformed::TooLarge { found: bytes.len(), limit: MAX_KEY_BYTES });
    }
    Ok(())
}

pub(super) fn person_keys(keys: Option<v1::PersonKeys>) -> Result<PersonKeys, Malformed> {
    let keys = required(keys, "person's keys")?;
    Ok(PersonKeys { signing: signing_key(keys.signing)?, recipient: recipient(keys.recipient)? })
}

pub(super) fn persons(list: &[Vec<u8>], what: &'static str) -> Result<Vec<PersonId>, Malformed> {
    let ids = list.iter().map(|bytes| PersonId::parse(bytes)).collect::<Result<Vec<_>, _>>()?;
    ascending(&ids, what, |id| *id)?;
    Ok(ids)
}

/// A tree head from the wire, if such a tree can exist.
pub fn tree_head(head: Option<v1::TreeHead>) -> Result<TreeHead, Malformed> {
    let head = required(head, "base")?;
    let head = TreeHead { size: head.size, root: Digest::parse(&head.root)? };
    if head.is_possible() { Ok(head) } else { Err(Malformed::Range("base")) }
}

pub(super) fn part_kind(number: i32) -> Result<PartKind, Malformed> {
    PartKind::ALL.into_iter().find(|kind| *kind as i32 == number).ok_or(Malformed::Unknown("kind of part"))
}

pub(super) fn part_id(credential: &[u8], version: u32, kind: i32) -> Result<PartId, Malformed> {
    if version == 0 {
        return Err(Malformed::Range("version"));
    }
    let credential = CredentialId::parse(credential)?;
    Ok(PartId { version: VersionId { credential, version }, kind: part_kind(kind)? })
}

pub(super) fn blob(bytes: &[u8]) -> Result<BlobId, Malformed> {
    Ok(BlobId::parse(bytes)?)
}

/// A blob that need not be there.
pub(super) fn optional_blob(bytes: &[u8]) -> Result<Option<BlobId>, Malformed> {
    if bytes.is_empty() { Ok(None) } else { blob(bytes).map(Some) }
}

impl From<VerifyingKey> for v1::SigningKey {
    fn from(key: VerifyingKey) -> Self {
        Self { algorithm: key.algorithm(), key: key.as_bytes().to_vec() }
    }
}

impl From<RecipientKey> for v1::Recipient {
    fn from(key: RecipientKey) -> Self {
        Self { algorithm: key.algorithm(), key: key.as_bytes().to_vec() }
    }
}

impl From<Signature> for v1::Signature {
    fn from(signature: Signature) -> Self {
        Self { algorithm: signature.algorithm(), signature: signature.as_bytes().to_vec() }
    }
}

impl From<PersonKeys> for v1::PersonKeys {
    fn from(keys: PersonKeys) -> Self {
        Self { signing: Some(keys.signing.into()), recipient: Some(keys.recipient.into()) }
    }
}

impl From<RequestedPart> for v1::RequestedPart {
    fn from(asked: RequestedPart) -> Self {
        Self {
            credential: asked.part.version.credential.to_vec(),
            version: asked.part.version.version,
            kind: asked.part.kind as i32,
            recipient: Some(asked.recipient.into()),
            vouched: asked.vouched.map(Into::into),
        }
    }
}

impl From<TreeHead> for v1::TreeHead {
    fn from(head: TreeHead) -> Self {
        Self { size: head.size, root: head.root.to_vec() }
    }
}

pub(super) fn role(number: i32) -> Result<Role, Malformed> {
    Ok(Role::from_number(u32::try_from(number).unwrap_or(0))?)
}

pub(super) fn roles(numbers: &[i32]) -> Result<Roles, Malformed> {
    let numbers: Vec<u32> = numbers.iter().map(|n| u32::try_from(*n).unwrap_or(0)).collect();
    Ok(Roles::from_numbers(&numbers)?)
}

impl Roles {
    /// As numbers on the wire.
    pub fn to_wire(&self) -> Vec<i32> {
        self.iter().map(|role| role as i32).collect()
    }
}
