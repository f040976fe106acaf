//! Rotations: a new secret that the daemon makes while a connector is open.
//!
//! It is sealed, dealt and durable as *staged* before the target is touched, so that what the target holds is always
//! the current or the staged version, whenever the daemon is killed. Whoever asks for a rotation does not come to know
//! the new secret; whoever runs the daemon could read it, and stands in the exposure list.

use super::act::DepositedPart;
use super::credential::Version;
use super::id::{BlobId, CredentialId, PersonId};
use super::organisation::{Audience, Effect, Organisation, Position};
use super::part::{Part, PartId, PartKind, VersionId};
use super::refusal::Refusal;
use super::request::{End, Request, Stage};
use super::role::Role;
use super::time::Time;
use super::window::Purpose;
use super::wire::Malformed;
use super::work::Work;
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
        let (parts, carried) = super::deposit::version_parts(m.parts, m.carried)?;
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

impl Organisation {
    /// The version that the daemon staged for an account, with its number.
    pub fn staged(&self, id: &CredentialId) -> Option<(u32, &Version)> {
        let staged = self.credentials.get(id)?.rotation.as_ref()?.staged.as_ref()?;
        Some((staged.0, &staged.1))
    }

    pub(super) fn decide_rotate(&self, signer: &PersonId, rotate: &Rotate) -> Result<(), Refusal> {
        let id = rotate.version.credential;
        let credential = self.account(&id)?;
        let charter = self.charter.as_ref().ok_or(Refusal::NotFounded)?;
        let vault = charter.vault(&credential.vault).ok_or(Refusal::VaultUnknown)?;
        let roles = self.roles(signer);
        let concerned = vault.depositors.includes(signer, &roles) || vault.askers.includes(signer, &roles);
        if !concerned && !roles.contains(&Role::Trustee) {
            return Err(Refusal::MayNotAsk);
        }
        let (current, newest) = credential.current().ok_or(Refusal::PartUnknown)?;
        newest.connector.ok_or(Refusal::NoConnector)?;
        if rotate.version.version != current {
            return Err(Refusal::VersionConflict { current });
        }
        if credential.rotation.is_some() {
            return Err(Refusal::RotationPending);
        }
        self.open_window(&id).map(|_| ()).ok_or(Refusal::NotOpen)
    }

    pub(super) fn apply_rotate(&mut self, by: PersonId, rotate: &Rotate, at: Position) {
        let VersionId { credential: id, version } = rotate.version;
        if let Some(credential) = self.credentials.get_mut(&id) {
            credential.rotation = Some(Rotation { index: at.index, by, since: at.time, version, staged: None });
            self.set_work(Work::Rotate(id), true);
        }
    }

    /// What the daemon may stage is given but for the secret: the next number, the password dealt to whom the charter
    /// says, everything else as it is.
    pub(super) fn decide_staged(&self, staged: &Staged) -> Result<Vec<(PartKind, Part)>, Refusal> {
        let id = staged.version.credential;
        let credential = self.account(&id)?;
        let rotation = credential.rotation.as_ref().filter(|rotation| rotation.index == staged.rotation);
        let rotation = rotation.filter(|rotation| rotation.staged.is_none()).ok_or(Refusal::NotDue)?;
        self.open_window(&id).ok_or(Refusal::NotOpen)?;
        let current = credential.current().map_or(0, |(number, _)| number);
        if current != rotation.version || current.checked_add(1) != Some(staged.version.version) {
            return Err(Refusal::VersionConflict { current });
        }
        if !staged.parts.iter().map(|part| part.kind).eq([PartKind::Password]) {
            return Err(Refusal::PartUnknown);
        }
        let others = credential.parts(current).filter(|(kind, ..)| *kind != PartKind::Password);
        if !others.map(|(kind, dealt_with, _)| (kind, dealt_with)).eq(staged.carried.iter().copied()) {
            return Err(Refusal::PartUnknown);
        }
        let charter = self.charter.as_ref().ok_or(Refusal::NotFounded)?;
        let vault = charter.vault(&credential.vault).ok_or(Refusal::VaultUnknown)?;
        self.dealt(&staged.parts, vault, charter)
    }

    /// What still waits to be opened to the daemon names the current version only, with which it could not find out
    /// which one the target has: people are asked anew, for both.
    pub(super) fn apply_staged(&mut self, staged: Staged, parts: Vec<(PartKind, Part)>, at: Position) -> Vec<Effect> {
        let id = staged.version;
        let Some(credential) = self.credentials.get_mut(&id.credential) else { return Vec::new() };
        let Some((_, current)) = credential.current() else { return Vec::new() };
        let (label, sheet, connector) = (current.label, current.sheet, current.connector);
        let Some(rotation) = &mut credential.rotation else { return Vec::new() };
        self.master_keys.extend(parts.iter().map(|(_, part)| part.master_key));
        let version = Version {
            connector,
            by_daemon: true,
            label,
            sheet,
            depositor: rotation.by,
            index: at.index,
            since: at.time,
            // Nobody knows it; whoever runs the daemon could.
            parts: parts.into_iter().map(|(kind, part)| (kind, part.fresh(Vec::new()))).collect(),
            carried: staged.carried.into_iter().collect(),
        };
        let made: Vec<PartKind> = version.parts.keys().copied().collect();
        rotation.staged = Some((id.version, version));
        // As everything of a version is held by it; but a text that was destroyed does not come back.
        let texts = [(label, Audience::Everyone), (sheet, Audience::Overseers)];
        let connector = connector.map(|connector| (connector, Audience::Everyone));
        let texts = texts.into_iter().chain(connector).filter(|(text, _)| !self.is_forgotten(text));
        self.hold(&texts.collect::<Vec<_>>(), Some(id));
        for kind in made {
            self.could_read(&PartId { version: id, kind }, at.index, at);
        }
        self.end_unopened(&id.credential, at)
    }

    fn end_unopened(&mut self, id: &CredentialId, at: Position) -> Vec<Effect> {
        self.end_windows(id, End::Replaced, at, |r| !matches!(r.stage, Stage::Leased(_)))
    }

    /// The staged version is the current one. What still waits to be opened to the daemon would open what is out of
    /// date; what is open stays: the daemon has the new secret in its memory.
    pub(super) fn apply_rotated(&mut self, id: &VersionId, at: Position) -> Vec<Effect> {
        self.promote(&id.credential, at);
        self.end_unopened(&id.credential, at)
    }

    /// Puts the staged version beside the others, as the newest.
    pub(super) fn promote(&mut self, id: &CredentialId, at: Position) {
        self.set_work(Work::Rotate(*id), false);
        let Some(credential) = self.credentials.get_mut(id) else { return };
        if let Some((number, version)) = credential.rotation.take().and_then(|rotation| rotation.staged) {
            credential.versions.insert(number, version);
            credential.changed = at.index;
        }
    }

    /// The staged version is gone, and its number is free: what was asked for, and approved, of it must not be taken
    /// for what comes under the same number. What is open stays, for the sake of the current version.
    pub(super) fn apply_dropped(&mut self, id: &VersionId, at: Position) -> Vec<Effect> {
        let mut effects = self.end_unopened(&id.credential, at);
        let of_it =
            |r: &Request| r.purpose != Purpose::Unseal && r.parts.iter().any(|asked| asked.part.version == *id);
        effects.extend(self.end_requests_on(of_it, at));
        self.set_work(Work::Rotate(id.credential), false);
        if let Some(credential) = self.credentials.get_mut(&id.credential) {
            credential.rotation = None;
            credential.changed = at.index;
        }
        effects.push(Effect::Forget(self.forget_version(id)));
        effects
    }

    /// Nothing is open any more: a rotation that has not begun is off. One that has stays until somebody finds out what
    /// the target has.
    pub(super) fn forget_rotation(&mut self, id: &CredentialId) {
        if self.open_window(id).is_some() {
            return;
        }
        if let Some(credential) = self.credentials.get_mut(id)
            && credential.rotation.as_ref().is_some_and(|rotation| rotation.staged.is_none())
        {
            credential.rotation = None;
            self.set_work(Work::Rotate(*id), false);
        }
    }
}

/// What a staged version brings with it.
pub(super) fn staged_blobs(parts: &[(PartKind, Part)]) -> Vec<(BlobId, Audience)> {
    let blobs = parts.iter().flat_map(|(_, part)| {
        let shares = part.deals.iter().flat_map(|deal| deal.shares().map(|(_, share)| share.sealed));
        std::iter::once(part.sealed).chain(shares)
    });
    blobs.map(|blob| (blob, Audience::Trustees)).collect()
}
