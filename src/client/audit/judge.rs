//! Judges a copy of a log from nothing but its files: every entry is replayed, every hash recomputed.
//!
//! What is found is kept apart by what it means: an entry that was *altered* in this copy (the log signed another
//! one), an entry that the log signed although the rules *forbid* it (the server did wrong), and files that are
//! missing or damaged. This module must never believe a file because another file of the same copy agrees with it:
//! only the log key's signature, the people's signatures and the rules count.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::super::failure::Failure;
use super::super::say::Args;
use super::export::{BLOBS, CHECKPOINT, COSIGNATURES, README};
use crate::args;
use crate::escrow::act::Act;
use crate::escrow::command::SignedCommand;
use crate::escrow::entry::{Entry, What};
use crate::escrow::id::{BlobId, DeviceId, Digest, OrganisationId, PersonId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use crate::escrow::log::cosignature::Cosignature;
use crate::escrow::log::merkle::{MemoryTree, NodeReader as _, TreeHead, root_at};
use crate::escrow::log::note::{MAX_NOTE_BYTES, Note};
use crate::escrow::log::tiles::{TILE_WIDTH, Tile, TileKind, tiles};
use crate::escrow::organisation::{Audience, Effect};
use crate::escrow::replay::{Fault, Rejected, Replay, Trust};
use crate::escrow::text::{MAX_TEXT_BYTES, SALT_BYTES, Text};
use crate::escrow::wire::MAX_ENTRY_BYTES;
use crate::parallel;

/// Longest entry bundle, in bytes.
const MAX_BUNDLE: u64 = TILE_WIDTH * (2 + MAX_ENTRY_BYTES as u64);
/// The highest level of tiles that a tree of the largest size has.
const MAX_LEVEL: u8 = 7;
/// Most missing or foreign files that are named one by one.
const MAX_NAMED: usize = 20;

/// Where the log key came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySource {
    /// The person gave it.
    Given,
    /// This computer pinned it when joining.
    Pinned,
    /// Only the copy's own first entry says so.
    Genesis,
}

/// Something that makes the copy worthless, or says less than it should.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The entry that it is about.
    pub entry: Option<u64>,
    /// The sentence's key: stable, for programs.
    pub key: &'static str,
    /// The sentence's values.
    pub args: Args,
    /// Why an entry does not hold.
    pub why: Option<Fault>,
}

impl Finding {
    pub(super) fn new(key: &'static str, args: Args) -> Self {
        Self { entry: None, key, args, why: None }
    }

    fn entry(key: &'static str, entry: u64, why: Option<Fault>) -> Self {
        Self { entry: Some(entry), key, args: args! { entry: entry }, why }
    }
}

/// A cosignature that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosigned {
    /// Who.
    pub person: PersonId,
    /// With which computer.
    pub device: DeviceId,
    /// Up to where they replayed.
    pub size: u64,
    /// When, in POSIX seconds, by their clock.
    pub time: u64,
    /// Whether the charter counts them as a witness.
    pub witness: bool,
}

/// What was found out about a copy.
pub struct Judgement {
    /// What the checkpoint claims; none if there is no readable one.
    pub claimed: Option<Checkpoint>,
    /// The checkpoint, if the log key signed it.
    pub signed: Option<SignedCheckpoint>,
    /// The log key, and where it came from.
    pub key: Option<(VerifyingKey, KeySource)>,
    /// The log as far as it holds.
    pub replay: Option<Replay>,
    /// The entries that could be read.
    pub entries: Vec<Vec<u8>>,
    /// The tree that leads to the claimed root, if any file does.
    pub tree: Option<MemoryTree>,
    /// Who confirmed it, each device once.
    pub cosigned: Vec<Cosigned>,
    /// Texts in the copy.
    pub texts: BTreeMap<BlobId, Text>,
    /// Texts that the log names.
    pub texts_named: usize,
    /// What makes it fail; what is about an entry first, in order.
    pub faults: Vec<Finding>,
    /// What a reader should know besides.
    pub remarks: Vec<Finding>,
}

/// A folder's files. Links are not followed: they could lead anywhere.
pub struct Files {
    root: PathBuf,
    paths: BTreeSet<String>,
}

impl Files {
    /// Lists a folder.
    pub fn list(root: &Path) -> Result<Self, Failure> {
        let mut files = Self { root: root.to_owned(), paths: BTreeSet::new() };
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let path = root.join(&folder);
            for entry in fs::read_dir(&path).map_err(|e| Failure::io(&path, e))? {
                let entry = entry.map_err(|e| Failure::io(&path, e))?;
                let kind = entry.file_type().map_err(|e| Failure::io(&entry.path(), e))?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if kind.is_dir() {
                    folders.push(name);
                } else {
                    files.paths.insert(name);
                }
            }
        }
        Ok(files)
    }

    /// A file's content up to `limit` bytes and one more, which shows that it is too long; none if it is not there.
    fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        let full = self.root.join(path);
        if !self.paths.contains(path) || fs::symlink_metadata(&full).is_ok_and(|m| !m.is_file()) {
            return Ok(None);
        }
        let read = || -> std::io::Result<Vec<u8>> {
            let mut content = Vec::new();
            fs::File::open(&full)?.take(limit + 1).read_to_end(&mut content)?;
            Ok(content)
        };
        read().map(Some).map_err(|e| Failure::io(&full, e))
    }

    /// The files of one of its folders.
    fn within(&self, folder: &str) -> Vec<String> {
        let inside = |path: &&String| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        self.paths.iter().filter(inside).cloned().collect()
    }
}

/// The entries that can be read out of a bundle one after the other, and whether that was all of it.
fn read_bundle(tile: &Tile, content: &[u8]) -> (Vec<Vec<u8>>, bool) {
    if let Ok(entries) = tile.decode_entries(content) {
        return (entries.into_iter().map(<[u8]>::to_vec).collect(), true);
    }
    let (mut entries, mut rest) = (Vec::new(), content);
    while entries.len() < usize::from(tile.width())
        && let Some((length, after)) = rest.split_first_chunk()
        && let Some((entry, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
    {
        entries.push(entry.to_vec());
        rest = after;
    }
    (entries, false)
}

/// Judges a copy. `given` is a log key from a trustworthy source; `pinned` is asked for the key by which this computer
/// knows the organisation, in a log of the size that the copy states.
pub fn judge(
    files: &Files,
    given: Option<VerifyingKey>,
    pinned: impl Fn(&Checkpoint) -> Option<VerifyingKey>,
) -> Result<Judgement, Failure> {
    let mut judge = Judge { files, known: BTreeSet::from([README.to_owned()]), named: BTreeSet::new() };
    let mut found = Judgement {
        claimed: None,
        signed: None,
        key: None,
        replay: None,
        entries: Vec::new(),
        tree: None,
        cosigned: Vec::new(),
        texts: BTreeMap::new(),
        texts_named: 0,
        faults: Vec::new(),
        remarks: Vec::new(),
    };
    let Some(note) = judge.note(&mut found)? else { return Ok(found) };
    let Some(Checkpoint { organisation, head }) = found.claimed else { return Ok(found) };
    let whole = judge.read_entries(&mut found, head.size)?;
    let rejected = judge.replay(&mut found, organisation);
    judge.compare_tree(&mut found, head, whole, rejected)?;
    judge.check_signature(&mut found, organisation, note, given, pinned);
    judge.check_cosignatures(&mut found, organisation)?;
    judge.check_texts(&mut found)?;
    judge.foreign_files(&mut found);
    // Stable: what is about the whole comes after what is about an entry.
    found.faults.sort_by_key(|fault| fault.entry.unwrap_or(u64::MAX));
    Ok(found)
}

struct Judge<'a> {
    files: &'a Files,
    /// Files that belong to such a copy.
    known: BTreeSet<String>,
    /// Texts that everybody may read, as the log names them.
    named: BTreeSet<BlobId>,
}

impl Judge<'_> {
    fn read(&mut self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        self.known.insert(path.to_owned());
        self.files.read(path, limit)
    }

    /// The checkpoint, with nothing believed of it yet.
    fn note(&mut self, found: &mut Judgement) -> Result<Option<Note>, Failure> {
        let Some(content) = self.read(CHECKPOINT, MAX_NOTE_BYTES as u64)? else {
            found.faults.push(Finding::new("audit-fault-no-checkpoint", args! {}));
            return Ok(None);
        };
        let parsed = String::from_utf8(content).ok().and_then(|text| Note::parse(&text).ok());
        let claim = parsed.as_ref().and_then(|note| Checkpoint::parse(note.text()).ok());
        let (Some(note), Some(claim)) = (parsed, claim) else {
            found.faults.push(Finding::new("audit-fault-checkpoint-form", args! {}));
            return Ok(None);
        };
        found.claimed = Some(claim);
        Ok(Some(note))
    }

    /// Reads bundles up to the first that is missing or damaged; says whether all could be read.
    fn read_entries(&mut self, found: &mut Judgement, size: u64) -> Result<bool, Failure> {
        for tile in tiles(size).take_while(|tile| tile.kind() == TileKind::Entries) {
            let path = tile.to_string();
            let Some(content) = self.read(&path, MAX_BUNDLE)? else {
                let mut fault = Finding::entry("audit-fault-no-bundle", tile.range().start, None);
                fault.args.set("path", path);
                found.faults.push(fault);
                return Ok(false);
            };
            let (entries, whole) = read_bundle(&tile, &content);
            found.entries.extend(entries);
            if !whole {
                let mut fault = Finding::entry("audit-fault-bundle", found.entries.len() as u64, None);
                fault.args.set("path", path);
                found.faults.push(fault);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Replays what could be read, up to the first entry that does not hold.
    fn replay(&mut self, found: &mut Judgement, organisation: OrganisationId) -> Option<Rejected> {
        let (genesis, rest) = found.entries.split_first()?;
        let (mut replay, effects) = match Replay::begin(organisation, genesis, Trust::Nothing) {
            Ok(begun) => begun,
            Err(rejected) => return Some(rejected),
        };
        self.note_named(effects);
        let examiner = replay.examiner(Trust::Nothing);
        let replayed = parallel::in_order(
            rest,
            |entry| examiner.examine(entry),
            |examined| replay.push_examined(examined).map(|effects| self.note_named(effects)),
        );
        found.replay = Some(replay);
        replayed.err()
    }

    /// Which open texts the log names.
    fn note_named(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Keep(blobs) => {
                    let open = blobs.into_iter().filter(|(_, to)| *to == Audience::Everyone);
                    self.named.extend(open.map(|(id, _)| id));
                }
                Effect::Forget(blobs) => self.named.retain(|id| !blobs.contains(id)),
                _ => {}
            }
        }
    }

    /// The hash tiles of a tree of this size, as far as they are there.
    fn read_hashes(&mut self, found: &mut Judgement, size: u64) -> Result<BTreeMap<Tile, Vec<u8>>, Failure> {
        let mut hashes = BTreeMap::new();
        let mut missing = 0;
        // Not `tiles(size)`: the size is a claim, and a tree without end would have bundles without end.
        for level in 0..=MAX_LEVEL {
            let count = size >> (8 * level);
            for index in 0..count.div_ceil(TILE_WIDTH) {
                let width = u16::try_from((count - index * TILE_WIDTH).min(TILE_WIDTH)).unwrap_or(u16::MAX);
                let Some(tile) = Tile::new(TileKind::Hashes(level), index, width) else { continue };
                let path = tile.to_string();
                match self.read(&path, TILE_WIDTH * Digest::LENGTH as u64)? {
                    Some(content) => drop(hashes.insert(tile, content)),
                    None => {
                        missing += 1;
                        found.faults.push(Finding::new("audit-fault-no-tile", args! { path: path }));
                        if missing == MAX_NAMED {
                            return Ok(hashes);
                        }
                    }
                }
            }
        }
        Ok(hashes)
    }

    /// Whether the entries, or else the copy's own leaf hashes, lead to the claimed root; what that says about an
    /// entry that does not hold; and whether the hash tiles are those of that tree.
    fn compare_tree(
        &mut self,
        found: &mut Judgement,
        head: TreeHead,
        whole: bool,
        rejected: Option<Rejected>,
    ) -> Result<(), Failure> {
        let mut of_entries = MemoryTree::new();
        found.entries.iter().for_each(|entry| of_entries.push(Entry::leaf(entry)));
        let hashes = self.read_hashes(found, head.size)?;
        if whole && of_entries.head() == head {
            // The copy is what the log signed. If an entry does not hold, the server put it there.
            found.faults.extend(rejected.map(|r| Finding::entry("audit-fault-forbidden", r.index, Some(r.fault))));
            found.tree = Some(of_entries);
        } else if let Some(of_tiles) = leaf_tree(&hashes).filter(|tree| tree.head() == head) {
            let differs = |index: &u64| of_tiles.node(0, *index) != of_entries.node(0, *index);
            match ((0..of_entries.size()).find(differs), rejected) {
                (Some(altered), Some(r)) if r.index < altered => {
                    found.faults.push(Finding::entry("audit-fault-forbidden", r.index, Some(r.fault)));
                    found.faults.push(Finding::entry("audit-fault-altered", altered, None));
                }
                (Some(altered), rejected) => {
                    let why = rejected.filter(|r| r.index == altered).map(|r| r.fault);
                    found.faults.push(Finding::entry("audit-fault-altered", altered, why));
                }
                (None, rejected) => found
                    .faults
                    .extend(rejected.map(|r| Finding::entry("audit-fault-forbidden", r.index, Some(r.fault)))),
            }
            found.tree = Some(of_tiles);
        } else {
            found.faults.extend(rejected.map(|r| Finding::entry("audit-fault-entry", r.index, Some(r.fault))));
            if whole {
                found.faults.push(Finding::new("audit-fault-root", args! {}));
            }
        }
        if let Some(tree) = &found.tree {
            for (tile, content) in &hashes {
                if tile.read_hashes(tree).ok().as_ref() != Some(content) {
                    found.faults.push(Finding::new("audit-fault-tile", args! { path: tile }));
                }
            }
        }
        Ok(())
    }

    /// Whether the log key signed the checkpoint.
    fn check_signature(
        &self,
        found: &mut Judgement,
        organisation: OrganisationId,
        note: Note,
        given: Option<VerifyingKey>,
        pinned: impl Fn(&Checkpoint) -> Option<VerifyingKey>,
    ) {
        let first = found.entries.first().and_then(|bytes| genesis_key(bytes, &organisation));
        // What the replay proved: each later key was signed by the quorum of its time. Where an entry does not hold,
        // nothing after it proves anything.
        let moves = found.replay.as_ref().map(|replay| replay.organisation().moves()).unwrap_or_default();
        let stated = moves.last().map(|moved| *moved.decided.charter().log_key()).or(first);
        let earlier: Vec<(VerifyingKey, u64)> =
            moves.iter().map(|moved| (moved.old_log_key, moved.at.index)).collect();
        // Whoever knows a key of before a move need not have heard of the move: the log itself leads to the next one.
        let follow = |key: VerifyingKey| match (earlier.iter().find(|(old, _)| *old == key), stated) {
            (Some((_, index)), Some(now)) => (now, Some(*index)),
            _ => (key, None),
        };
        let known = given
            .map(|key| (key, KeySource::Given))
            .or_else(|| found.claimed.as_ref().and_then(&pinned).map(|key| (key, KeySource::Pinned)))
            .map(|(key, source)| (follow(key), source));
        if let Some(((_, Some(index)), _)) = known {
            found
                .remarks
                .push(Finding { entry: Some(index), ..Finding::new("audit-remark-moved", args! { entry: index }) });
        }
        found.key =
            known.map(|((key, _), source)| (key, source)).or_else(|| stated.map(|key| (key, KeySource::Genesis)));
        let Some((key, _)) = found.key else {
            found.faults.push(Finding::new("audit-fault-no-key", args! {}));
            return;
        };
        if stated.is_some_and(|stated| stated != key) {
            found.faults.push(Finding::new("audit-fault-other-key", args! {}));
        }
        match LogVerifier::new(organisation, key).verify_note(note) {
            Ok(signed) => found.signed = Some(signed),
            Err(_) => found.faults.push(Finding::new("audit-fault-signature", args! {})),
        }
    }

    /// Cosignatures in the checkpoint and beside it, against the devices that the log certifies.
    fn check_cosignatures(&mut self, found: &mut Judgement, organisation: OrganisationId) -> Result<(), Failure> {
        let paths = self.files.within(COSIGNATURES);
        let Some(signed) = &found.signed else {
            // People confirm what the log signed; below a checkpoint that it did not sign, names would only mislead.
            self.known.extend(paths);
            return Ok(());
        };
        let mut claims: Vec<(Checkpoint, Cosignature)> =
            signed.cosignatures().map(|claim| (*signed.checkpoint(), claim)).collect();
        for path in paths {
            let content = self.read(&path, MAX_NOTE_BYTES as u64)?.unwrap_or_default();
            let note = String::from_utf8(content).ok().and_then(|text| Note::parse(&text).ok());
            let body = note.as_ref().and_then(|note| Checkpoint::parse(note.text()).ok());
            let (Some(note), Some(body)) = (note, body.filter(|body| body.organisation == organisation)) else {
                found.faults.push(Finding::new("audit-fault-cosignature-form", args! { path: path.escape_debug() }));
                continue;
            };
            claims.extend(
                note.signatures().iter().filter_map(|line| Cosignature::from_line(line).ok()).map(|c| (body, c)),
            );
        }
        let mut newest: BTreeMap<DeviceId, Cosigned> = BTreeMap::new();
        for (body, claim) in claims {
            let Some(cosigned) = check_cosignature(found, &body, &claim) else { continue };
            let best = newest.entry(cosigned.device).or_insert(cosigned);
            if (cosigned.size, cosigned.time) > (best.size, best.time) {
                *best = cosigned;
            }
        }
        found.cosigned = newest.into_values().collect();
        Ok(())
    }

    /// Texts are what the log names them, or they are worse than missing.
    fn check_texts(&mut self, found: &mut Judgement) -> Result<(), Failure> {
        for path in self.files.within(BLOBS) {
            let content = self.read(&path, (SALT_BYTES + MAX_TEXT_BYTES) as u64)?.unwrap_or_default();
            let name = path.strip_prefix(BLOBS).and_then(|rest| rest.strip_prefix('/'));
            let id = name.and_then(|name| name.parse::<BlobId>().ok());
            match id.and_then(|id| Some((id, Text::multiline_from_blob(&content, id).ok()?))) {
                Some((id, text)) if self.named.contains(&id) => drop(found.texts.insert(id, text)),
                Some(_) => found.remarks.push(Finding::new("audit-remark-text", args! { path: path.escape_debug() })),
                None => found.faults.push(Finding::new("audit-fault-text", args! { path: path.escape_debug() })),
            }
        }
        found.texts_named = self.named.len();
        Ok(())
    }

    fn foreign_files(&self, found: &mut Judgement) {
        let foreign: Vec<&String> = self.files.paths.difference(&self.known).collect();
        for path in foreign.iter().take(MAX_NAMED) {
            found.remarks.push(Finding::new("audit-remark-foreign", args! { path: path.escape_debug() }));
        }
        if foreign.len() > MAX_NAMED {
            let more = foreign.len() - MAX_NAMED;
            found.remarks.push(Finding::new("audit-remark-foreign-more", args! { n: more }));
        }
    }
}

/// The tree of the copy's own leaf hashes.
fn leaf_tree(hashes: &BTreeMap<Tile, Vec<u8>>) -> Option<MemoryTree> {
    let mut tree = MemoryTree::new();
    for (tile, content) in hashes.iter().filter(|(tile, _)| tile.kind() == TileKind::Hashes(0)) {
        if tile.range().start != tree.size() {
            return None;
        }
        tile.decode_hashes(content).ok()?.into_iter().for_each(|leaf| tree.push(leaf));
    }
    Some(tree)
}

/// The log key that the first entry states, if it is this organisation's: the id is the hash of that statement.
fn genesis_key(bytes: &[u8], organisation: &OrganisationId) -> Option<VerifyingKey> {
    let entry = Entry::parse(bytes).ok()?;
    let signed: Box<SignedCommand> = match entry.what {
        What::Command(signed) if signed.founds() == Some(*organisation) => signed,
        What::Command(_) | What::Act(_) => return None,
    };
    match &signed.command().act {
        Act::Genesis(genesis) => Some(genesis.log_key),
        _ => None,
    }
}

/// One cosignature: against the certificate of its device, and against the tree.
fn check_cosignature(found: &mut Judgement, body: &Checkpoint, claim: &Cosignature) -> Option<Cosigned> {
    let state = found.replay.as_ref()?.organisation();
    let id = claim.cosigner().device;
    let device_args = || args! { device: super::super::view::short_device(&id), size: body.head.size };
    let Some(device) = state.devices().get(&id) else {
        found.remarks.push(Finding::new("audit-remark-unknown-device", device_args()));
        return None;
    };
    if device.revoked.is_some() {
        // Whoever has the revoked key could have signed at any claimed time.
        found.remarks.push(Finding::new("audit-remark-revoked-device", device_args()));
        return None;
    }
    let Ok(verified) = claim.verify(&device.person, &device.key, body) else {
        found.faults.push(Finding::new("audit-fault-cosignature", device_args()));
        return None;
    };
    let witness = state.charter().is_some_and(|charter| charter.witnesses().contains(verified.person()));
    let cosigned =
        Cosigned { person: *verified.person(), device: id, size: body.head.size, time: verified.time(), witness };
    let tree = found.tree.as_ref()?;
    let same = body.head.size <= tree.size() && root_at(tree, body.head.size) == Ok(body.head.root);
    if !same {
        // Somebody truly confirmed another tree under this name.
        found.faults.push(Finding::new("audit-fault-cosigned-other", device_args()));
        return None;
    }
    Some(cosigned)
}
