//! Rotations: a new secret that the daemon makes while a connector is open.
//!
//! It is sealed, dealt and durable as *staged* before the target is touched, so that what the target holds is always
//! the current or the staged version, whenever the daemon is killed. Whoever asks for a rotation does not come to know
//! the new secret; whoever runs the daemon could read it, and stands in the exposure list.

use super::act::DepositedPart;
use super::credential::Version;
use super::id::{CredentialId, PersonId};
use super::part::{PartKind, VersionId};
use super::time::Time;
use super::wire::Malformed;
use crate::proto::v1;

/// Somebody asks the daemon for a new secret.
#[derive(Debug, Clone, Copy)]
pub struct Rotate {
    /// The account and its current version.
    pub version: VersionId,
}

impl Rotate {
    pub(super) fn parse(m: v1::Rotate) -> Result<Self, Malformed> {
        Ok(Self { version: version_id(&m.credential, m.version)? })
    }
}

pub(super) fn version_id(credential: &[u8], version: u32) -> Result<VersionId, Malformed> {
    if version == 0 {
        return Err(Malformed::Range("version"));
    }
    Ok(VersionId { credential: CredentialId::parse(credential)?, version })
}

/// A rotation that is not over.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The entry that asks for it.
    pub index: u64,
    /// Who asked.
    pub by: PersonId,
    /// When.
    pub since: Time,
    /// The version that is to be replaced.
    pub version: u32,
    /// The next version with its number, once it is sealed and dealt.
    pub staged: Option<(u32, Version)>,
}

/// A version that the daemon sealed and dealt.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    /// Index of the [`Rotate`].
    pub rotation: u64,
    /// The account and the next number.
    pub version: VersionId,
    /// What is dealt anew.
    pub parts: Vec<DepositedPart>,
    /// What stays.
    pub carried: Vec<(PartKind, u32)>,
    wire: v1::Staged,
}

impl Staged {
    /// Parses the wire form.
    pub fn parse(m: v1::Staged) -> Result<Self, Malformed> {
        let wire = m.clone();
        let (parts, carried) = super::act::version_parts(m.parts, m.carried)?;
        let version = version_id(&m.credential, m.version)?;
        Ok(Self { rotation: m.rotation_index, version, parts, carried, wire })
    }

    /// The wire form.
    pub fn to_wire(&self) -> v1::Staged {
        self.wire.clone()
    }
}

pub(super) fn parse_rotated(m: &v1::Rotated) -> Result<VersionId, Malformed> {
    version_id(&m.credential, m.version)
}

pub(super) fn parse_dropped(m: &v1::StagedDropped) -> Result<VersionId, Malformed> {
    version_id(&m.credential, m.version)
}
