//! Entries: what stands in the log, and what the daemon may add to it.

use prost::Message as _;

use super::command::SignedCommand;
use super::id::{BlobId, Digest, OrganisationId};
use super::key::{Signature, VerifyingKey};
use super::log::merkle::leaf_hash;
use super::part::VersionId;
use super::rotation::{Staged, parse_dropped, parse_rotated};
use super::time::Time;
use super::window::UnsealFiled;
use super::wire::{self, MAX_ENTRY_BYTES, Malformed};
use crate::proto::v1;

const ACT_LABEL: &[u8] = b"sequestre/act/v1\0";

/// What the daemon may add by itself. Each is allowed by one pending transition; see
/// [`decide_daemon`](super::organisation::Organisation::decide_daemon).
#[derive(Debug, Clone, PartialEq)]
pub enum DaemonAct {
    /// The requester fetched the shares of this request: the lease runs. Or the daemon opened what was granted to it:
    /// the window runs.
    Collected(u64),
    /// This request's time is over.
    RequestExpired(u64),
    /// The time of this request's lease, or window, is over.
    LeaseExpired(u64),
    /// The keys to which this request opens, or was to open, are gone.
    Closed(u64),
    /// The lease of this request is about to be made at the target.
    MintStarted {
        /// The request.
        request: u64,
        /// When the lease ends.
        until: Time,
    },
    /// It is made.
    Minted {
        /// The request.
        request: u64,
        /// Blob: what was made, sealed to the request's recipient.
        sealed: BlobId,
    },
    /// What was made for this request is gone from the target.
    RevokedAtTarget(u64),
    /// The daemon asks for what it needs.
    UnsealFiled(UnsealFiled),
    /// A new secret is sealed and dealt.
    Staged(Box<Staged>),
    /// The target has the staged version.
    Rotated(VersionId),
    /// The target has the current version still.
    StagedDropped(VersionId),
}

impl DaemonAct {
    /// Canonical bytes.
    pub fn encode(&self) -> Vec<u8> {
        use v1::act::Act;
        let credential = |id: &VersionId| id.credential.to_vec();
        let act = match self {
            Self::Collected(request) => Act::Collected(v1::Collected { request_index: *request }),
            Self::RequestExpired(request) => Act::RequestExpired(v1::RequestExpired { request_index: *request }),
            Self::LeaseExpired(request) => Act::LeaseExpired(v1::LeaseExpired { request_index: *request }),
            Self::Closed(request) => Act::Closed(v1::Closed { request_index: *request }),
            Self::MintStarted { request, until } => {
                Act::MintStarted(v1::MintStarted { request_index: *request, until: until.0 })
            }
            Self::Minted { request, sealed } => {
                Act::Minted(v1::Minted { request_index: *request, sealed: sealed.to_vec() })
            }
            Self::RevokedAtTarget(request) => Act::RevokedAtTarget(v1::RevokedAtTarget { request_index: *request }),
            Self::UnsealFiled(filed) => Act::UnsealFiled(filed.to_wire()),
            Self::Staged(staged) => Act::Staged(staged.to_wire()),
            Self::Rotated(id) => Act::Rotated(v1::Rotated { credential: credential(id), version: id.version }),
            Self::StagedDropped(id) => {
                Act::StagedDropped(v1::StagedDropped { credential: credential(id), version: id.version })
            }
        };
        v1::Act { act: Some(act) }.encode_to_vec()
    }

    fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        use v1::act::Act;
        let act: v1::Act = wire::decode_canonical(bytes)?;
        Ok(match wire::required(act.act, "act")? {
            Act::Collected(m) => Self::Collected(m.request_index),
            Act::RequestExpired(m) => Self::RequestExpired(m.request_index),
            Act::LeaseExpired(m) => Self::LeaseExpired(m.request_index),
            Act::Closed(m) => Self::Closed(m.request_index),
            Act::MintStarted(m) => Self::MintStarted { request: m.request_index, until: Time(m.until) },
            Act::Minted(m) => Self::Minted { request: m.request_index, sealed: wire::blob(&m.sealed)? },
            Act::RevokedAtTarget(m) => Self::RevokedAtTarget(m.request_index),
            Act::UnsealFiled(m) => Self::UnsealFiled(UnsealFiled::parse(m)?),
            Act::Staged(m) => Self::Staged(Box::new(Staged::parse(m)?)),
            Act::Rotated(m) => Self::Rotated(parse_rotated(&m)?),
            Act::StagedDropped(m) => Self::StagedDropped(parse_dropped(&m)?),
        })
    }

    /// What the log key signs: label ‖ organisation id ‖ index ‖ time ‖ act.
    pub fn preimage(&self, organisation: &OrganisationId, index: u64, time: Time) -> Vec<u8> {
        let (index, time) = (index.to_be_bytes(), time.0.to_be_bytes());
        [ACT_LABEL, organisation.as_bytes(), &index, &time, &self.encode()].concat()
    }
}

/// A daemon act with the log key's signature.
#[derive(Debug, Clone)]
pub struct SignedAct {
    /// What was done.
    pub act: DaemonAct,
    /// By the log key, over [`DaemonAct::preimage`].
    pub signature: Signature,
}

/// One leaf of the log.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its position, from 0.
    pub index: u64,
    /// When the daemon accepted it.
    pub time: Time,
    /// A person's command or a daemon act.
    pub what: What,
}

/// What an entry records.
#[derive(Debug, Clone)]
pub enum What {
    /// Asked for by a person.
    Command(Box<SignedCommand>),
    /// Added by the daemon.
    Act(SignedAct),
}

impl Entry {
    /// Parses canonical bytes of less than [`MAX_ENTRY_BYTES`]. Signatures are not checked here.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() >= MAX_ENTRY_BYTES {
            return Err(Malformed::TooLarge { found: bytes.len(), limit: MAX_ENTRY_BYTES - 1 });
        }
        let entry: v1::Entry = wire::decode_canonical(bytes)?;
        let what = match wire::required(entry.what, "content")? {
            v1::entry::What::Command(signed) => What::Command(Box::new(SignedCommand::parse(signed)?)),
            v1::entry::What::Act(signed) => What::Act(SignedAct {
                act: DaemonAct::parse(&signed.act)?,
                signature: wire::signature(signed.signature)?,
            }),
        };
        Ok(Self { index: entry.index, time: Time(entry.time), what })
    }

    /// Canonical bytes: what is hashed into the tree.
    pub fn encode(&self) -> Vec<u8> {
        let what = match &self.what {
            What::Command(signed) => v1::entry::What::Command(signed.to_wire()),
            What::Act(signed) => v1::entry::What::Act(v1::SignedAct {
                act: signed.act.encode(),
                signature: Some(signed.signature.into()),
            }),
        };
        v1::Entry { index: self.index, time: self.time.0, what: Some(what) }.encode_to_vec()
    }

    /// The Merkle leaf of entry bytes.
    pub fn leaf(bytes: &[u8]) -> Digest {
        leaf_hash(bytes)
    }
}

impl SignedAct {
    /// Checks the log key's signature at this position of the log.
    pub fn verify(
        &self,
        organisation: &OrganisationId,
        key: &VerifyingKey,
        index: u64,
        time: Time,
    ) -> Result<(), super::key::BadKey> {
        key.verify(&self.act.preimage(organisation, index, time), &self.signature)
    }
}
