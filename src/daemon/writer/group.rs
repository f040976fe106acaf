//! What each job does within its group's transaction.
//!
//! Everything that can be refused is checked before the first change: a refused job leaves no trace in the batch or
//! in memory. An error after that stops the whole group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::aside::Aside;
use super::budget::Budget;
use super::cache::Cache;
use super::{Clock, MAX_SHARE_BYTES, MAX_TEXT_BLOB_BYTES, WriteError};
use crate::daemon::timers::Timers;
use crate::escrow::act::{Act, Genesis};
use crate::escrow::command::VerifiedCommand;
use crate::escrow::entry::{DaemonAct, Entry, SignedAct, What};
use crate::escrow::id::{BlobId, Digest, OrganisationId, PersonId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::checkpoint::{Checkpoint, LogVerifier};
use crate::escrow::log::cosignature::Cosignature;
use crate::escrow::log::merkle::{Frontier, TreeHead, leaf_hash};
use crate::escrow::organisation::{Audience, CLOCK_TOLERANCE, Effect, Organisation, Position, Transition};
use crate::escrow::refusal::Refusal;
use crate::escrow::time::Time;
use crate::seal::sharing::MasterKey;
use crate::seal::signing::SigningKey;
use crate::store::StoreError;
use crate::store::batch::{AwaitedShare, Batch, Blob, Commanded, NewEntry, is_busy};
use crate::store::load::Loaded;

/// Most organisations whose deadlines are served in one group.
const DUE_AT_ONCE: usize = 512;

/// Most acts of one organisation in one group that are due by the clock.
const ACTS_AT_ONCE: usize = 64;

/// Why a job, or the whole group, goes no further.
pub(super) enum Stopped {
    /// This job is refused; the others go on.
    Job(WriteError),
    /// Nothing of the group can be kept.
    Group(StoreError),
}

impl From<WriteError> for Stopped {
    fn from(error: WriteError) -> Self {
        Self::Job(error)
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Job(refusal.into())
    }
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        match error {
            // One organisation's rows; the others' are sound.
            StoreError::Corrupt { .. } => {
                tracing::error!(%error, "an organisation cannot be used");
                Self::Job(WriteError::Storage(Arc::new(error)))
            }
            _ => Self::Group(error),
        }
    }
}

/// A group in progress.
pub(super) struct Group<'a> {
    pub batch: Batch<'a>,
    pub cache: &'a mut Cache,
    pub aside: &'a mut Aside,
    /// What people may add to the disk today.
    pub budget: &'a mut Budget,
    pub clock: &'a Clock,
    /// Organisations that are in memory as they will be after the commit.
    pub changed: &'a mut BTreeSet<OrganisationId>,
    /// Organisations for which re-sealed shares were uploaded.
    pub uploaded: &'a mut BTreeSet<OrganisationId>,
}

/// What a committed group leads to.
pub(super) struct Committed {
    /// The new sizes.
    pub grown: BTreeMap<OrganisationId, u64>,
    /// Those of them in which something is to do at a target, or something is open to the daemon.
    pub busy: BTreeSet<OrganisationId>,
    /// Re-sealed shares or destroyed blobs were deleted.
    pub erased: bool,
    /// It changed who may read, or with which device.
    pub rights: bool,
}

impl Group<'_> {
    pub fn prepare(&self, token: [u8; 32]) -> Result<VerifyingKey, Stopped> {
        let token = Digest::of(&[&token]);
        match self.batch.prepared(&token)?.ok_or(WriteError::FoundingToken)? {
            Some(key) => Ok(key.public()),
            None => {
                let key = SigningKey::generate().map_err(StoreError::from)?;
                self.batch.prepare(&token, &key)?;
                Ok(key.public())
            }
        }
    }

    pub fn submit(
        &mut self,
        command: &VerifiedCommand,
        blobs: &[Blob],
        founding_token: Option<[u8; 32]>,
    ) -> Result<u64, Stopped> {
        let id = command.organisation();
        // Before anything else, above all before the time: whoever missed the answer must get it later, too.
        let number = match self.cache.peek(&id) {
            Some(loaded) => Some(loaded.number),
            None => self.batch.number(&id)?,
        };
        if let Some(number) = number
            && let Some(index) = self.batch.index_of(id, number, &command.id(), command.command().created)?
        {
            return Ok(index);
        }
        if let Act::Genesis(genesis) = &command.command().act {
            return self.found(command, genesis, blobs, founding_token);
        }
        let loaded = self.cache.get(&self.batch, id)?;
        check_place(loaded, &command.command().act)?;
        let time = (self.clock)().max(loaded.organisation.last_time());
        let base_root = loaded.root_at(&self.batch, command.command().base.size)?;
        let transition = loaded.organisation.decide(command, time, base_root)?;
        let (mut added, mut counted) = (0, BTreeSet::new());
        for (id, audience) in transition.blobs() {
            // What no entry names is not stored: most texts are new, and need not be looked for on the disk.
            let stored = match loaded.organisation.audience(id) {
                Some(_) => self.batch.audience(loaded.number, id)?,
                None => None,
            };
            match sent(id, blobs) {
                Some(blob) => check_sent(blob, *audience)?,
                None => check_stored(stored, *audience)?,
            }
            if stored.is_none() && counted.insert(*id) {
                added += sent(id, blobs).map_or(0, |blob| blob.content().len());
            }
        }
        // The clock's day, not the entry's: a log whose time ran ahead would otherwise be another day than the rest.
        self.budget.take((id, command.person()), added, (self.clock)().day())?;
        self.changed.insert(id);
        let what = What::Command(Box::new(command.signed().clone()));
        let from = Some(Commanded::of(command.signed(), id));
        append(&self.batch, loaded, Step { what, transition, time, from, blobs }).map_err(Stopped::Group)
    }

    fn found(
        &mut self,
        command: &VerifiedCommand,
        genesis: &Genesis,
        blobs: &[Blob],
        token: Option<[u8; 32]>,
    ) -> Result<u64, Stopped> {
        let token = Digest::of(&[&token.ok_or(WriteError::FoundingToken)?]);
        let log_key = self.batch.prepared(&token)?.flatten().ok_or(WriteError::FoundingToken)?;
        if token != genesis.founding_token || log_key.public() != genesis.log_key {
            return Err(WriteError::FoundingToken.into());
        }
        let time = (self.clock)();
        let what = What::Command(Box::new(command.signed().clone()));
        let bytes = Entry { index: 0, time, what }.encode();
        let leaf = leaf_hash(&bytes);
        let (organisation, effects) = Organisation::found(command, Position { index: 0, time, leaf })?;
        for (id, audience) in Organisation::genesis_blobs(genesis) {
            check_sent(sent(&id, blobs).ok_or(WriteError::MissingBlob)?, audience)?;
        }
        let id = organisation.id();
        let mut frontier = Frontier::new();
        let nodes = frontier.push(leaf);
        let from = Some(Commanded::of(command.signed(), id));
        let entry = NewEntry { index: 0, bytes: &bytes, command: from, nodes: &nodes, effects: &effects, blobs };
        self.changed.insert(id);
        let number = self.batch.found(&id, &token, &log_key).map_err(Stopped::Group)?;
        self.batch.append(id, number, &entry).map_err(Stopped::Group)?;
        self.cache.insert(id, Loaded::new(number, organisation, frontier, log_key));
        Ok(0)
    }

    /// Takes what an approval of this person promised, and live blobs that no copy had when this log was restored:
    /// from anybody who may read them. Their names are their digests, so that nothing else can be brought.
    pub fn put_blobs(&mut self, id: OrganisationId, person: PersonId, blobs: &[Blob]) -> Result<(), Stopped> {
        let number = self.batch.number(&id)?.ok_or(WriteError::UnknownOrganisation)?;
        self.uploaded.insert(id);
        let loaded = settled(self.cache.get(&self.batch, id)?)?;
        let roles = loaded.organisation.roles(&person);
        let (mut lacking, mut bytes, mut all_awaited) = (Vec::new(), 0, true);
        for blob in blobs {
            match loaded.organisation.audience(&blob.id()).filter(|audience| audience.includes(&roles)) {
                Some(audience) => {
                    check_sent(blob, audience)?;
                    if self.batch.audience(number, &blob.id())?.is_none() {
                        bytes += blob.content().len();
                        lacking.push((blob, audience));
                    }
                }
                None if blob.content().len() > MAX_SHARE_BYTES => return Err(WriteError::BlobTooLarge.into()),
                None => {}
            }
        }
        self.budget.take((id, person), bytes, (self.clock)().day())?;
        for blob in blobs {
            let live = loaded.organisation.audience(&blob.id()).is_some_and(|audience| audience.includes(&roles));
            // An approval may name what is also a live blob; then both are meant.
            let awaited = self.batch.put_share(number, &person, blob)?;
            all_awaited &= awaited || live;
        }
        for (blob, audience) in lacking {
            self.batch.keep(number, &blob.id(), audience, Some(blob)).map_err(Stopped::Group)?;
        }
        if all_awaited { Ok(()) } else { Err(WriteError::NotAwaited.into()) }
    }

    /// An organisation in whose log this server has a voice.
    pub fn voice(&mut self, id: OrganisationId) -> Result<&mut Loaded, Stopped> {
        Ok(settled(self.cache.get(&self.batch, id)?)?)
    }

    /// Adds an act of the daemon with the blobs that it names.
    pub fn act(&mut self, id: OrganisationId, act: DaemonAct, blobs: &[Blob]) -> Result<u64, Stopped> {
        let loaded = settled(self.cache.get(&self.batch, id)?)?;
        let time = (self.clock)().max(loaded.organisation.last_time());
        let transition = loaded.organisation.decide_daemon(act.clone(), time)?;
        for (blob, audience) in transition.blobs() {
            match sent(blob, blobs) {
                Some(blob) => check_sent(blob, *audience)?,
                None => check_stored(self.batch.audience(loaded.number, blob)?, *audience)?,
            }
        }
        self.changed.insert(id);
        sign_act(&self.batch, loaded, act, transition, time, blobs).map_err(Stopped::Group)
    }

    pub fn live_blob(&mut self, id: OrganisationId, blob: &BlobId) -> Result<Option<Vec<u8>>, Stopped> {
        let number = self.batch.number(&id)?.ok_or(WriteError::UnknownOrganisation)?;
        Ok(self.batch.blob(number, blob)?)
    }

    pub fn shares(&mut self, id: OrganisationId, request: u64) -> Result<Vec<AwaitedShare>, Stopped> {
        let number = self.batch.number(&id)?.ok_or(WriteError::UnknownOrganisation)?;
        Ok(self.batch.shares(number, request)?)
    }

    /// The key to which standing rights of this organisation are wrapped.
    pub fn wrapping_key(&mut self, id: OrganisationId) -> Result<MasterKey, Stopped> {
        let number = self.batch.number(&id)?.ok_or(WriteError::UnknownOrganisation)?;
        if let Some(key) = self.batch.wrapping_key(number)? {
            return Ok(key);
        }
        let key = MasterKey::generate().map_err(StoreError::from)?;
        self.batch.keep_wrapping_key(number, &key)?;
        Ok(key)
    }

    pub fn cosign(&mut self, cosignature: &Cosignature, head: TreeHead) -> Result<(), Stopped> {
        let id = cosignature.cosigner().organisation;
        let loaded = settled(self.cache.get(&self.batch, id)?)?;
        let device = loaded.organisation.devices().get(&cosignature.cosigner().device);
        let device = device.filter(|device| device.revoked.is_none()).ok_or(Refusal::DeviceUnknown)?;
        let checkpoint = Checkpoint { organisation: id, head };
        let verified =
            cosignature.verify(&device.person, &device.key, &checkpoint).map_err(WriteError::Cosignature)?;
        // One from the future would stand in the way of all that the device signs until then.
        let (made, now) = (Time(verified.time()), (self.clock)());
        if made > now.after(CLOCK_TOLERANCE) {
            return Err(Refusal::ClockSkew { by: now.until(made) }.into());
        }
        if loaded.root_at(&self.batch, head.size)? != Some(head.root) {
            return Err(Refusal::ForeignBase.into());
        }
        Ok(self.batch.put_cosignature(loaded.number, &verified)?)
    }

    /// Appends what is due by the clock, in every organisation that can be loaded.
    pub fn append_due(&mut self, timers: &mut Timers, instant: Instant) -> Result<(), StoreError> {
        let now = (self.clock)();
        let count = DUE_AT_ONCE + timers.passed_over(instant);
        for (at, id) in self.batch.deadlines(count)? {
            if at > now || timers.passes_over(&id) {
                continue;
            }
            if self.aside.holds(id, self.cache) {
                timers.set_aside(id, instant);
                continue;
            }
            match self.append_due_of(id, now) {
                Ok(()) => {}
                Err(Stopped::Job(error)) => {
                    tracing::error!(organisation = %id, %error, "what is due cannot be appended");
                    timers.set_aside(id, instant);
                }
                Err(Stopped::Group(error)) => return Err(error),
            }
        }
        Ok(())
    }

    fn append_due_of(&mut self, id: OrganisationId, now: Time) -> Result<(), Stopped> {
        let loaded = settled(self.cache.get(&self.batch, id)?)?;
        let time = now.max(loaded.organisation.last_time());
        self.changed.insert(id);
        // One act may make another one due: a request's expiry starts the lease that nobody collected. What is left
        // after these is due still, and comes with the next group: others wait meanwhile for no more than these.
        let mut left = ACTS_AT_ONCE;
        loop {
            let mut due = loaded.organisation.due(time);
            due.truncate(left);
            if due.is_empty() {
                return Ok(());
            }
            left -= due.len();
            for act in due {
                append_act(&self.batch, loaded, act, time)?;
            }
        }
    }

    /// Signs one checkpoint per changed organisation and commits.
    pub fn commit(self, timers: &mut Timers) -> Result<Committed, StoreError> {
        let (mut grown, mut busy) = (BTreeMap::new(), BTreeSet::new());
        for id in self.changed.iter() {
            let loaded = self.cache.peek_mut(id).ok_or_else(|| StoreError::Corrupt {
                organisation: *id,
                what: "it was changed and is not in memory".to_owned(),
            })?;
            let head = loaded.publish();
            let body = Checkpoint { organisation: *id, head }.body();
            let corrupt = |what: String| StoreError::Corrupt { organisation: *id, what };
            // Instead of checking the signature, which would take as long as everything else in a small group: nobody
            // is told of a checkpoint that another key signed than the one in the log.
            if loaded.waiting() {
                return Err(corrupt("the log key is another one than the log names".to_owned()));
            }
            let signature = loaded.log_key.sign(body.as_bytes());
            let checkpoint = LogVerifier::new(*id, loaded.log_key.public())
                .note(head, &signature)
                .map_err(|bad| corrupt(bad.to_string()))?;
            let deadline = loaded.organisation.next_deadline();
            let to_do = is_busy(&loaded.organisation);
            self.batch.close_group(loaded.number, head.size, &checkpoint.to_string(), deadline, to_do)?;
            grown.insert(*id, head.size);
            if to_do {
                busy.insert(*id);
            }
        }
        let deadlines = self.batch.deadlines(1 + timers.passed_over(Instant::now()))?;
        let (erased, rights) = (self.batch.erased(), self.batch.changed_rights());
        self.batch.commit()?;
        timers.committed(&deadlines);
        Ok(Committed { grown, busy, erased, rights })
    }
}

/// An entry to be made of a transition.
struct Step<'a> {
    what: What,
    transition: Transition,
    time: Time,
    /// The command.
    from: Option<Commanded>,
    blobs: &'a [Blob],
}

/// Applies a transition and stores its entry. After an error, memory and batch disagree: the group is lost.
fn append(batch: &Batch<'_>, loaded: &mut Loaded, step: Step<'_>) -> Result<u64, StoreError> {
    let Step { what, transition, time, from, blobs } = step;
    let index = loaded.organisation.size();
    let bytes = Entry { index, time, what }.encode();
    let leaf = leaf_hash(&bytes);
    let effects: Vec<Effect> = loaded.organisation.apply(transition, Position { index, time, leaf });
    let nodes = loaded.frontier.push(leaf);
    let entry = NewEntry { index, bytes: &bytes, command: from, nodes: &nodes, effects: &effects, blobs };
    batch.append(loaded.organisation.id(), loaded.number, &entry)?;
    Ok(index)
}

pub(super) fn append_act(batch: &Batch<'_>, loaded: &mut Loaded, act: DaemonAct, time: Time) -> Result<(), Stopped> {
    let transition = loaded.organisation.decide_daemon(act.clone(), time)?;
    sign_act(batch, loaded, act, transition, time, &[]).map_err(Stopped::Group)?;
    Ok(())
}

/// Signs and stores an act that was decided.
fn sign_act(
    batch: &Batch<'_>,
    loaded: &mut Loaded,
    act: DaemonAct,
    transition: Transition,
    time: Time,
    blobs: &[Blob],
) -> Result<u64, StoreError> {
    let preimage = act.preimage(&loaded.organisation.id(), loaded.organisation.size(), time);
    let signature = loaded.log_key.sign(&preimage);
    append(batch, loaded, Step { what: What::Act(SignedAct { act, signature }), transition, time, from: None, blobs })
}

/// An organisation in whose log this server has a voice.
pub(super) fn settled(loaded: &mut Loaded) -> Result<&mut Loaded, WriteError> {
    if loaded.waiting() { Err(WriteError::NotMoved) } else { Ok(loaded) }
}

/// A log that was restored here takes the move to this server and nothing before it; and this server never gives a log
/// away to a key that is not its own, since it could not sign for it any more.
fn check_place(loaded: &Loaded, act: &Act) -> Result<(), WriteError> {
    match act {
        Act::Move(signed) if signed.statement.log_key == loaded.log_key.public() => Ok(()),
        Act::Move(_) => Err(WriteError::MovedElsewhere),
        _ if loaded.waiting() => Err(WriteError::NotMoved),
        _ => Ok(()),
    }
}

fn sent<'b>(id: &BlobId, blobs: &'b [Blob]) -> Option<&'b Blob> {
    blobs.iter().find(|blob| blob.id() == *id)
}

/// What is not sealed to trustees is a text, and texts are short. Sealed blobs were measured when they were named.
fn check_sent(blob: &Blob, wanted: Audience) -> Result<(), WriteError> {
    let text = match wanted {
        Audience::Everyone | Audience::Overseers => true,
        Audience::Trustees | Audience::Daemon => false,
    };
    if text && blob.content().len() > MAX_TEXT_BLOB_BYTES { Err(WriteError::TextTooLarge) } else { Ok(()) }
}

/// A blob that was not sent must be stored, and for no fewer people than are to read it now: else whoever names a
/// sealed share as the reason of a request could have it shown to everybody. Those who have the content may send it.
fn check_stored(stored: Option<Audience>, wanted: Audience) -> Result<(), WriteError> {
    if stored.is_some_and(|stored| stored <= wanted) { Ok(()) } else { Err(WriteError::MissingBlob) }
}
