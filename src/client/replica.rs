//! The verified replica: the part of the log that this client replayed itself.
//!
//! Files, in the order in which they are written: `entries` (each with a 4-byte big-endian length before it; only
//! ever appended to), then `checkpoint` (the log's signed note, replaced atomically). What `entries` holds beyond the
//! checkpoint's size, or without a checkpoint, is the rest of an interrupted synchronisation and is fetched again. This module must never
//! accept an entry that does not replay, nor a checkpoint that does not extend the one before.

mod cosignatures;
mod quarantine;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::failure::{Exit, Failure, clock_off, distrust};
use super::home::{self, Contact, Folder};
use super::view::unshowable;
use crate::escrow::act::Act;
use crate::escrow::charter::BadCharter;
use crate::escrow::entry::{Entry, What};
use crate::escrow::id::{BlobId, CommandId, Digest, PersonId};
use crate::escrow::key::{BadKey, VerifyingKey};
use crate::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use crate::escrow::log::merkle::{TreeHead, consistency_proof, root_at};
use crate::escrow::log::note::Note;
use crate::escrow::organisation::{Audience, CLOCK_TOLERANCE, Effect, Organisation};
use crate::escrow::refusal::Refusal;
use crate::escrow::replay::{Fault, Rejected, Replay, Trust};
use crate::escrow::role::BadRoles;
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::wire::Malformed;
use crate::parallel;

/// A replica on disk, with the state that it amounts to.
pub struct Replica {
    folder: Folder,
    verifier: LogVerifier,
    pinned: TreeHead,
    replay: Option<Replay>,
    checkpoint: Option<SignedCheckpoint>,
    blobs: Vec<(BlobId, Audience)>,
    /// Destroyed by the entries so far: files of these names stay for the charter's delay and no longer.
    forgotten: BTreeSet<BlobId>,
    /// The delay that the charter set when the last checkpoint was accepted.
    known_delay: Seconds,
    /// When the first entry was made that is not on disk with a checkpoint yet.
    fresh_since: Option<Time>,
    /// Where blobs are looked for that are not in the folder: those of another copy of the same log.
    spare: Option<PathBuf>,
    /// Whether somebody asked for a shorter log than there is.
    is_cut: bool,
}

/// A file in a copy of an organisation's folder: the number of entries up to which it is read.
const AS_OF: &str = "as_of";

impl Replica {
    /// Loads the replica, or starts an empty one. The bytes were verified when they were fetched; the tree is
    /// recomputed and compared with the checkpoint. The caller holds the folder's lock, which
    /// finished an interrupted exchange: half of one looks like the rest of a synchronisation, and would be cut off.
    pub fn open(folder: &Folder, contact: &Contact) -> Result<Self, Failure> {
        let entries = folder.join("entries");
        if !folder.join("checkpoint").exists() && entries.exists() {
            // The rest of an interrupted first synchronisation; or the checkpoint was lost, and these are the last
            // entries that anybody has.
            home::rename(&entries, &folder.join("entries.cut"))?;
        }
        let (replica, kept) = Self::load(folder, contact)?;
        let stray = std::fs::metadata(&entries).is_ok_and(|file| file.len() > kept);
        if stray {
            let file = OpenOptions::new().write(true).open(&entries).map_err(|e| Failure::io(&entries, e))?;
            file.set_len(kept).and_then(|()| file.sync_all()).map_err(|e| Failure::io(&entries, e))?;
        }
        Ok(replica)
    }

    /// Loads the replica and changes nothing on disk: where no server is left, what lies there may be the last copy.
    pub fn open_only(folder: &Folder, contact: &Contact) -> Result<Self, Failure> {
        Self::load(folder, contact).map(|(replica, _)| replica)
    }

    /// The replica, and how many bytes of `entries` its checkpoint covers.
    fn load(folder: &Folder, contact: &Contact) -> Result<(Self, u64), Failure> {
        let mut replica = Self::empty(folder.clone(), contact.log_key, contact.checkpoint);
        let Some(note) = home::read_if_there(&folder.join("checkpoint"))? else { return Ok((replica, 0)) };
        let note = String::from_utf8(note).map_err(|_| home::damaged(&folder.join("checkpoint")))?;
        let checkpoint =
            replica.verifier.verify(&note).map_err(|e| home::damaged(&folder.join("checkpoint")).because(e))?;
        let path = folder.join("entries");
        let bytes = home::read(&path)?;
        let mut rest = bytes.as_slice();
        for _ in 0..checkpoint.head().size {
            let (entry, after) = split_entry(rest).ok_or_else(|| home::damaged(&path))?;
            replica.push(entry, Trust::OwnDisk).map_err(|e| home::damaged(&path).because(e))?;
            rest = after;
        }
        if replica.head() != *checkpoint.head() {
            return Err(home::damaged(&path));
        }
        replica.checkpoint = Some(checkpoint);
        replica.known_delay = replica.destroy_delay();
        Ok((replica, (bytes.len() - rest.len()) as u64))
    }

    /// This replica or somebody's copy, whichever is longer, with the blobs of both; the copy, if it was cut.
    ///
    /// # Errors
    /// They contradict each other: if the same log key signed both, that is kept as evidence.
    pub(super) fn beside(mut self, mut copy: Self) -> Result<Self, Failure> {
        let longer = if copy.head().size > self.head().size { &copy } else { &self };
        let shorter = if copy.head().size > self.head().size { &self } else { &copy };
        if longer.root_at(shorter.head().size) != Some(shorter.head().root) {
            let signed = copy.checkpoint().filter(|note| self.verifier.verify(&note.to_string()).is_ok());
            return Err(match signed {
                Some(note) => self.contradicted_by(note),
                None => {
                    Failure::new(Exit::Refused, "recover-copy-other").with("path", copy.folder.join("").display())
                }
            });
        }
        // One that was cut on purpose is meant as it is.
        if copy.is_cut || copy.head().size > self.head().size {
            copy.spare = Some(self.folder.join("blobs"));
            Ok(copy)
        } else {
            self.spare = Some(copy.folder.join("blobs"));
            Ok(self)
        }
    }

    fn empty(folder: Folder, log_key: VerifyingKey, pinned: TreeHead) -> Self {
        Self {
            verifier: LogVerifier::new(folder.id, log_key),
            folder,
            pinned,
            replay: None,
            checkpoint: None,
            blobs: Vec::new(),
            forgotten: BTreeSet::new(),
            known_delay: Seconds(0),
            fresh_since: None,
            spare: None,
            is_cut: false,
        }
    }

    /// Reads somebody's copy of a replica, in any folder, and changes nothing there. Everything is proved anew:
    /// signatures, rules, tree, and that the log key which the log itself names signed the whole.
    pub fn read_copy(path: &Path) -> Result<Self, Failure> {
        let (note_path, entries_path) = (path.join("checkpoint"), path.join("entries"));
        let cut = || Failure::new(Exit::Failed, "failed-replica-none").with("path", path.display());
        let note = home::read_if_there(&note_path)?.ok_or_else(cut)?;
        let bytes = home::read_if_there(&entries_path)?.ok_or_else(cut)?;
        let damaged = || home::damaged(&note_path);
        let note = String::from_utf8(note).map_err(|_| damaged())?;
        let body = Note::parse(&note).map_err(|e| damaged().because(e))?;
        let claimed = Checkpoint::parse(body.text()).map_err(|e| damaged().because(e))?;
        let key = split_entry(&bytes).and_then(|(genesis, _)| genesis_key(genesis));
        let key = key.ok_or_else(|| home::damaged(&entries_path))?;
        let mut replica = Self::empty(Folder::at(claimed.organisation, path.to_owned()), key, TreeHead::EMPTY);
        let mut rest = bytes.as_slice();
        let mut entries = Vec::new();
        for have in 0..claimed.head.size {
            let (entry, after) = split_entry(rest).ok_or_else(|| {
                let cut = Failure::new(Exit::Failed, "failed-replica-cut").with("path", path.display());
                cut.with("have", have).with("need", claimed.head.size)
            })?;
            entries.push(entry);
            rest = after;
        }
        replica.push_all(&entries).map_err(|e| home::damaged(&entries_path).because(e))?;
        replica.verifier = LogVerifier::new(claimed.organisation, *replica.state()?.log_key());
        let checkpoint = replica.verifier.verify(&note).map_err(|e| damaged().because(e))?;
        if replica.head() != *checkpoint.head() {
            return Err(home::damaged(&entries_path));
        }
        replica.checkpoint = Some(checkpoint);
        match as_of(path)? {
            Some(size) => replica.cut(size, &bytes),
            None => Ok(replica),
        }
    }

    /// The same log as it was after so many entries: what was destroyed later, and is still in `blobs/`, opens with it.
    fn cut(self, size: u64, bytes: &[u8]) -> Result<Self, Failure> {
        let path = self.folder.join(AS_OF);
        if size == 0 || size > self.head().size {
            return Err(home::damaged(&path));
        }
        let mut cut = Self::empty(self.folder.clone(), self.key_at(size), TreeHead::EMPTY);
        let mut rest = bytes;
        for _ in 0..size {
            let (entry, after) = split_entry(rest).ok_or_else(|| home::damaged(&path))?;
            // Proved a moment ago, in memory.
            cut.push(entry, Trust::OwnDisk).map_err(|e| home::damaged(&path).because(e))?;
            rest = after;
        }
        cut.is_cut = true;
        Ok(cut)
    }

    /// Adds an entry. What one's own disk has was proved before.
    fn push(&mut self, entry: &[u8], trust: Trust) -> Result<(), Rejected> {
        let effects = match &mut self.replay {
            Some(replay) => replay.push(entry, trust)?,
            None => {
                let (replay, effects) = Replay::begin(self.folder.id, entry, trust)?;
                self.replay = Some(replay);
                effects
            }
        };
        self.take(effects);
        Ok(())
    }

    /// Adds what somebody sent: signatures on all processors, rules one after the other.
    fn push_all(&mut self, entries: &[impl AsRef<[u8]> + Sync]) -> Result<(), Rejected> {
        let mut entries = entries;
        if self.replay.is_none()
            && let Some((genesis, rest)) = entries.split_first()
        {
            self.push(genesis.as_ref(), Trust::Nothing)?;
            entries = rest;
        }
        let Some(mut replay) = self.replay.take() else { return Ok(()) };
        let examiner = replay.examiner(Trust::Nothing);
        let pushed = parallel::in_order(
            entries,
            |entry| examiner.examine(entry.as_ref()),
            |examined| {
                self.take(replay.push_examined(examined)?);
                Ok(())
            },
        );
        self.replay = Some(replay);
        pushed
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Keep(blobs) => {
                    for (id, _) in &blobs {
                        self.forgotten.remove(id);
                    }
                    self.blobs.extend(blobs);
                }
                Effect::Forget(blobs) => {
                    self.forgotten.extend(blobs);
                    self.blobs.retain(|(id, _)| !self.forgotten.contains(id));
                }
                _ => {}
            }
        }
    }

    /// Size and root that this client verified.
    pub fn head(&self) -> TreeHead {
        self.replay.as_ref().map_or(TreeHead::EMPTY, Replay::head)
    }

    /// The state.
    pub fn state(&self) -> Result<&Organisation, Failure> {
        self.replay
            .as_ref()
            .map(Replay::organisation)
            .ok_or_else(|| Failure::new(Exit::Failed, "failed-never-synchronised"))
    }

    /// The log as it was replayed here.
    pub(super) fn replay(&self) -> Option<&Replay> {
        self.replay.as_ref()
    }

    /// The verified checkpoint.
    pub fn checkpoint(&self) -> Option<&SignedCheckpoint> {
        self.checkpoint.as_ref()
    }

    /// Where a command stands in the log.
    pub fn index_of(&self, command: &CommandId) -> Option<u64> {
        self.replay.as_ref()?.index_of(command)
    }

    /// The root at an earlier size.
    pub fn root_at(&self, size: u64) -> Option<Digest> {
        if size == 0 {
            return Some(TreeHead::EMPTY.root);
        }
        self.replay.as_ref().and_then(|replay| root_at(replay.tree(), size).ok())
    }

    /// The log key that signs checkpoints of so many entries: up to a move that of before.
    pub fn key_at(&self, size: u64) -> VerifyingKey {
        let moves = self.replay.as_ref().map(|replay| replay.organisation().moves()).unwrap_or_default();
        let later = moves.iter().find(|moved| moved.at.index >= size);
        later.map_or(*self.verifier.key(), |moved| moved.old_log_key)
    }

    /// The keys that signed this log before the one of so many entries.
    pub fn keys_before(&self, size: u64) -> Vec<VerifyingKey> {
        let moves = self.replay.as_ref().map(|replay| replay.organisation().moves()).unwrap_or_default();
        moves.iter().filter(|moved| moved.at.index < size).map(|moved| moved.old_log_key).collect()
    }

    /// Every key that signed this log, the one in force last.
    pub fn keys(&self) -> Vec<VerifyingKey> {
        let moves = self.replay.as_ref().map(|replay| replay.organisation().moves()).unwrap_or_default();
        moves.iter().map(|moved| moved.old_log_key).chain([*self.verifier.key()]).collect()
    }

    /// Whether this key signs this log, or did before a move.
    pub fn had_key(&self, key: &VerifyingKey) -> bool {
        self.keys().contains(key)
    }

    /// Whether the key in force signed this note.
    pub fn is_current(&self, note: &SignedCheckpoint) -> bool {
        self.verifier.verify(&note.to_string()).is_ok()
    }

    /// That this log contradicted itself earlier, if it did: nothing more is accepted from its key.
    pub fn stopped(&self) -> Option<Failure> {
        let evidence = self.folder.join("evidence");
        evidence.join("stop").exists().then(|| distrust("distrust-stopped", Some(evidence)))
    }

    /// Checks a checkpoint that the server shows, before any entry is asked for.
    pub fn consider(&self, note: &str) -> Result<SignedCheckpoint, Failure> {
        if let Some(failure) = self.stopped() {
            return Err(failure);
        }
        let checkpoint = self.verifier.verify(note).map_err(|e| distrust("distrust-checkpoint", None).because(e))?;
        let (ours, theirs) = (self.head(), checkpoint.head());
        let forked = theirs.size == ours.size && theirs.root != ours.root;
        if theirs.size < ours.size {
            // An older head that we know is a lost tail; one that we do not know is a fork.
            let known = self.root_at(theirs.size) == Some(theirs.root);
            let key = if known { "distrust-lost-tail" } else { "distrust-fork" };
            return Err(self.stop(key, &checkpoint));
        }
        if forked {
            return Err(self.stop("distrust-fork", &checkpoint));
        }
        Ok(checkpoint)
    }

    /// Verifies entries as they come and writes them behind those that are here; they count once [`Self::finish`]
    /// accepts the checkpoint. Only what somebody signed and the rules allow is written, so that a server cannot fill
    /// the disk. After a failure, [`Self::forget_fresh`].
    pub fn push_fresh(&mut self, batch: &[impl AsRef<[u8]> + Sync], to: &SignedCheckpoint) -> Result<(), Failure> {
        if self.fresh_since.is_none() {
            let first = batch.first().and_then(|entry| Entry::parse(entry.as_ref()).ok());
            self.fresh_since = first.map(|entry| entry.time);
        }
        self.push_all(batch).map_err(|rejected| self.rejected(rejected, to))?;
        let mut bytes = Vec::with_capacity(batch.iter().map(|e| e.as_ref().len() + 4).sum());
        for entry in batch.iter().map(AsRef::as_ref) {
            let length = u32::try_from(entry.len()).map_err(Failure::technical)?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(entry);
        }
        let path = self.folder.join("entries");
        let append = || OpenOptions::new().create(true).append(true).open(&path)?.write_all(&bytes);
        append().map_err(|e| Failure::io(&path, e))
    }

    /// What an entry that does not hold means. One that a newer program may understand accuses nobody.
    fn rejected(&self, rejected: Rejected, to: &SignedCheckpoint) -> Failure {
        let failure = match beyond_this_version(&rejected.fault) {
            true => Failure::new(Exit::Failed, "failed-update"),
            false => self.stop("distrust-entry", to),
        };
        failure.with("index", rejected.index).because(rejected)
    }

    /// Forgets what was replayed beyond the last accepted checkpoint: it is not to be believed.
    pub fn forget_fresh(&mut self) -> Result<(), Failure> {
        let contact = self.folder.contact()?;
        *self = Self::open(&self.folder.clone(), &contact)?;
        Ok(())
    }

    /// Accepts the checkpoint up to which entries were pushed.
    pub fn finish(&mut self, to: &SignedCheckpoint, now: Time) -> Result<(), Failure> {
        if self.head() != *to.head() {
            return Err(self.stop("distrust-fork", to));
        }
        // The old server brings a move to its own log: it has no voice after that entry. Where the log goes on is for
        // whoever has the file to say, not for this server.
        if self.state()?.log_key() != self.verifier.key() {
            return Err(Failure::new(Exit::Distrust, "failed-moved").with("address", self.state()?.address()));
        }
        // Somebody who was invited knows a tree that the log must extend, whatever the server says of itself.
        if self.root_at(self.pinned.size) != Some(self.pinned.root) {
            return Err(self.stop("distrust-fork", to));
        }
        let last = self.state()?.last_time();
        if last > now.after(CLOCK_TOLERANCE) {
            return Err(clock_off(last, now));
        }
        match self.last_cosigned()? {
            // We signed with a clock that was ahead. That is our mistake, and says nothing about the server.
            Some(seen) if seen > now.after(CLOCK_TOLERANCE) => home::remove(&self.folder.join("cosigned"))?,
            Some(seen) if self.fresh_since.is_some_and(|since| since < seen.before(CLOCK_TOLERANCE)) => {
                return Err(distrust("distrust-backdated", None));
            }
            _ => {}
        }
        if self.fresh_since.is_some() {
            let path = self.folder.join("entries");
            let durable = || OpenOptions::new().append(true).open(&path)?.sync_all();
            durable().map_err(|e| Failure::io(&path, e))?;
        }
        home::write(&self.folder.join("checkpoint"), to.to_string().as_bytes())?;
        self.checkpoint = Some(to.clone());
        self.fresh_since = None;
        self.note_shortened(now)?;
        self.note_destroyed(now)?;
        self.known_delay = self.destroy_delay();
        Ok(())
    }

    /// The proof that this log's first `size` entries are a beginning of it.
    pub(super) fn consistency(&self, size: u64) -> Result<Vec<Digest>, Failure> {
        let replay = self.replay.as_ref().ok_or_else(|| Failure::new(Exit::Failed, "failed-never-synchronised"))?;
        consistency_proof(replay.tree(), size, replay.head().size).map_err(Failure::technical)
    }

    /// Two notes by this log's key contradict each other: both are kept, and nothing more is accepted from that key.
    pub(super) fn forked(&self, one: &SignedCheckpoint, two: &SignedCheckpoint) -> Failure {
        let folder = self.folder.join("evidence");
        for (name, note) in [("one", one), ("two", two)] {
            let path = folder.join(format!("{name}-{}.note", note.head().size));
            if let Err(failure) = home::write(&path, note.to_string().as_bytes()) {
                return self.stop("distrust-fork", one).because(failure);
            }
        }
        self.stop("distrust-fork", one)
    }

    /// Keeps both notes and refuses this log key from now on.
    fn stop(&self, key: &'static str, theirs: &SignedCheckpoint) -> Failure {
        let folder = self.folder.join("evidence");
        let size = theirs.head().size;
        let mut kept = home::write(&folder.join(format!("theirs-{size}.note")), theirs.to_string().as_bytes());
        if let Some(ours) = &self.checkpoint {
            let path = folder.join(format!("ours-{}.note", ours.head().size));
            kept = kept.and(home::write(&path, ours.to_string().as_bytes()));
        }
        kept = kept.and(home::write(&folder.join("stop"), key.as_bytes()));
        match kept {
            Ok(()) => distrust(key, Some(folder)),
            // The disk may be full; what was seen matters more than that.
            Err(failure) => distrust(key, Some(folder)).because(failure),
        }
    }

    /// The time of our newest cosignature.
    pub fn last_cosigned(&self) -> Result<Option<Time>, Failure> {
        let text = home::read_if_there(&self.folder.join("cosigned"))?;
        Ok(text.and_then(|t| String::from_utf8(t).ok()).and_then(|t| t.trim().parse().ok()).map(Time))
    }

    /// Remembers when we cosigned; or that we did not.
    pub fn cosigned(&self, at: Option<Time>) -> Result<(), Failure> {
        let path = self.folder.join("cosigned");
        match at {
            Some(at) => home::write(&path, at.to_string().as_bytes()),
            None => home::remove(&path),
        }
    }

    /// When the server's newest checkpoint was last verified here.
    pub fn last_synchronised(&self) -> Result<Option<Time>, Failure> {
        let text = home::read_if_there(&self.folder.join("synchronised"))?;
        Ok(text.and_then(|t| String::from_utf8(t).ok()).and_then(|t| t.trim().parse().ok()).map(Time))
    }

    /// Remembers when we synchronised.
    pub fn synchronised(&self, at: Time) -> Result<(), Failure> {
        home::write(&self.folder.join("synchronised"), at.to_string().as_bytes())
    }

    /// Blobs that this person's replica should hold and does not.
    pub fn missing_blobs(&self, me: &PersonId) -> Result<Vec<BlobId>, Failure> {
        let roles = self.state()?.roles(me);
        let wanted = self.blobs.iter().filter(|(_, audience)| audience.includes(&roles));
        let mut missing: Vec<BlobId> = wanted.map(|(id, _)| *id).filter(|id| !self.blob_path(id).exists()).collect();
        missing.sort();
        missing.dedup();
        Ok(missing)
    }

    /// Live blobs that this person may read and that are here.
    pub fn held_blobs(&self, me: &PersonId) -> Result<Vec<BlobId>, Failure> {
        let roles = self.state()?.roles(me);
        let wanted = self.blobs.iter().filter(|(_, audience)| audience.includes(&roles));
        let held: BTreeSet<BlobId> = wanted.map(|(id, _)| *id).filter(|id| self.blob_path(id).exists()).collect();
        Ok(held.into_iter().collect())
    }

    /// What may leave in an export: texts that everybody who reads the log may read, as far as they are here. A name
    /// that is also given to something for fewer people, or that is no text, is left out.
    pub fn public_texts(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let (open, closed): (Vec<_>, Vec<_>) =
            self.blobs.iter().partition(|(_, audience)| *audience == Audience::Everyone);
        let closed: BTreeSet<BlobId> = closed.iter().map(|(id, _)| *id).collect();
        let open: BTreeSet<BlobId> = open.iter().map(|(id, _)| *id).filter(|id| !closed.contains(id)).collect();
        let mut texts = Vec::new();
        for id in open {
            texts.extend(self.blob(&id)?.filter(|blob| Text::multiline_from_blob(blob, id).is_ok()));
        }
        Ok(texts)
    }

    /// Somebody else's copy, signed by the same log key, contradicts this one: kept as evidence, and nothing more is
    /// accepted from that key.
    pub(super) fn contradicted_by(&self, theirs: &SignedCheckpoint) -> Failure {
        self.stop("distrust-fork", theirs)
    }

    /// Keeps a blob, if its content is what its name says and the state refers to it.
    pub fn store_blob(&self, content: &[u8]) -> Result<BlobId, Failure> {
        let id = BlobId::of(content);
        home::write(&self.blob_path(&id), content)?;
        Ok(id)
    }

    /// A blob by name; the digest is checked again, because disks fail.
    pub fn blob(&self, id: &BlobId) -> Result<Option<Vec<u8>>, Failure> {
        let own = self.blob_in(self.blob_path(id), id);
        match &self.spare {
            Some(spare) if !matches!(own, Ok(Some(_))) => self.blob_in(spare.join(id.to_string()), id).or(own),
            _ => own,
        }
    }

    fn blob_in(&self, path: PathBuf, id: &BlobId) -> Result<Option<Vec<u8>>, Failure> {
        match home::read_if_there(&path)? {
            Some(content) if BlobId::of(&content) != *id => Err(home::damaged(&path)),
            other => Ok(other),
        }
    }

    /// A one-line text of the log, if it is here. One that no screen could show as it is, is told by the beginning of
    /// its digest: it must not stop everybody from signing, as a missing one does.
    pub fn text_of(&self, id: &BlobId) -> Option<String> {
        if self.forgotten.contains(id) {
            return None;
        }
        let blob = self.blob(id).ok().flatten()?;
        let text = Text::from_blob(&blob, *id).map(|text| text.as_str().to_owned());
        Some(text.unwrap_or_else(|_| unshowable(id)))
    }

    fn blob_path(&self, id: &BlobId) -> PathBuf {
        self.folder.join("blobs").join(id.to_string())
    }

    /// The entries as they were hashed, oldest first: for exports and the timeline.
    pub fn entries(&self) -> Result<Vec<Vec<u8>>, Failure> {
        let path = self.folder.join("entries");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io(&path, error)),
        };
        let (mut rest, mut entries) = (bytes.as_slice(), Vec::new());
        for _ in 0..self.head().size {
            let (entry, after) = split_entry(rest).ok_or_else(|| home::damaged(&path))?;
            entries.push(entry.to_vec());
            rest = after;
        }
        Ok(entries)
    }
}

/// Up to which entry a copy is to be read, if it says so.
fn as_of(path: &Path) -> Result<Option<u64>, Failure> {
    let path = path.join(AS_OF);
    let Some(bytes) = home::read_if_there(&path)? else { return Ok(None) };
    let size = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok());
    size.map(Some).ok_or_else(|| home::damaged(&path))
}

/// The log key that a log begins with.
fn genesis_key(entry: &[u8]) -> Option<VerifyingKey> {
    match Entry::parse(entry).ok()?.what {
        What::Command(signed) => match &signed.command().act {
            Act::Genesis(genesis) => Some(genesis.log_key),
            _ => None,
        },
        What::Act(_) => None,
    }
}

/// Whether an entry holds something that this program does not know, as one made by a newer program may: another
/// algorithm, another kind of act, other rules. It cannot be judged here, and must not be taken for a forgery.
fn beyond_this_version(fault: &Fault) -> bool {
    let unknown = |malformed: &Malformed| {
        matches!(
            malformed,
            Malformed::Unknown(_)
                | Malformed::NotCanonical
                | Malformed::Key(BadKey::UnknownAlgorithm(_))
                | Malformed::Roles(BadRoles::Unknown(_))
        )
    };
    match fault {
        Fault::Malformed(malformed) => unknown(malformed),
        Fault::Refused(Refusal::UnknownRules { .. } | Refusal::Charter(BadCharter::Rules(_))) => true,
        Fault::Refused(Refusal::Charter(BadCharter::Malformed(malformed))) => unknown(malformed),
        _ => false,
    }
}

/// The first length-prefixed entry, and what follows it.
pub(super) fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}
