//! An organisation back from its people's replicas, for a server that has nothing of it.
//!
//! A replica is the folder of an organisation in a client's home: `entries` (each with its length in 4 bytes,
//! big-endian, before it), `checkpoint` (the signed note of these entries) and `blobs/<id>`. Nothing of it is believed:
//! every entry is replayed from genesis, every signature and rule is checked, the checkpoint must carry the signature
//! of the log key that was in force, and blobs are what their names say.
//!
//! Of several replicas the longest counts, and the blobs of all. One that was left behind by a move that says so, as
//! the rules ask, gives way to the one that went along. Two that contradict each other otherwise are refused: which of
//! the two logs goes on is for people to decide. What was restored has a new log key, which nobody knows yet, and
//! waits for a move. This module must never add to a log, and never touch an organisation that is here.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::batch::{Batch, Blob, Commanded, NewEntry, Number};
use super::{Store, StoreError};
use crate::escrow::charter::Charter;
use crate::escrow::entry::{Entry, What};
use crate::escrow::id::{BlobId, OrganisationId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::checkpoint::{LogVerifier, SignedCheckpoint};
use crate::escrow::log::merkle::{Frontier, TreeHead, leaf_hash, root_at};
use crate::escrow::organisation::{Audience, Effect};
use crate::escrow::replay::{Rejected, Replay, Trust};
use crate::escrow::wire::MAX_ENTRY_BYTES;
use crate::parallel;
use crate::seal::signing::SigningKey;

/// Where a client keeps an organisation, below its home.
const ORGANISATIONS: &str = "organisations";

/// Why nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// A file that cannot be read.
    #[error("could not read {}; check that the folder is complete and its owner", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No log in it.
    #[error(
        "{} holds no copy of a log: name the folder of an association in a client's home (organisations/<id>), with its \
         files entries and checkpoint", .0.display()
    )]
    NotAReplica(PathBuf),
    /// A home with several organisations.
    #[error("{} has several associations ({}); say which one with --organisation", path.display(), list.join(", "))]
    Which {
        /// The home.
        path: PathBuf,
        /// Their ids.
        list: Vec<String>,
    },
    /// Of another organisation than the others, or than was asked for.
    #[error("{} is a copy of organisation {found}, not of {wanted}; name copies of one association only", path.display())]
    OtherOrganisation {
        /// The replica.
        path: PathBuf,
        /// Whose it is.
        found: OrganisationId,
        /// Whose was wanted.
        wanted: OrganisationId,
    },
    /// Fewer entries than its checkpoint counts.
    #[error(
        "{} is cut short: {found} entries are there, its checkpoint counts {stated}; copy it again as a whole, or use \
         another trustee's", path.display()
    )]
    CutShort {
        /// The replica.
        path: PathBuf,
        /// Whole entries.
        found: u64,
        /// What the checkpoint says.
        stated: u64,
    },
    /// An entry that does not hold.
    #[error("{} is damaged or was changed; use another trustee's copy", path.display())]
    Damaged {
        /// The replica.
        path: PathBuf,
        /// Which entry, and why.
        source: Rejected,
    },
    /// The checkpoint is not one of these entries.
    #[error(
        "{} is damaged or was changed: its checkpoint is not the log's own signature under these entries; use another \
         trustee's copy", .0.display()
    )]
    Checkpoint(PathBuf),
    /// Two logs under one name.
    #[error(
        "{} and {} contradict each other: somebody showed two people two different logs; restore nothing before the \
         trustees and a mediator have compared both", one.display(), other.display()
    )]
    Forked {
        /// A replica.
        one: PathBuf,
        /// A replica that is no part of it.
        other: PathBuf,
    },
    /// It is here already.
    #[error("organisation {0} is on this server already and is never overwritten; restore it in a new data folder")]
    Exists(OrganisationId),
    /// It was restored here before.
    #[error(
        "organisation {0} was restored here already and waits for its people to move: `sequestred place` prints again \
         what they need; to restore from other copies, make a new data folder"
    )]
    Waits(OrganisationId),
    /// No organisation waits here, or not the one that was named.
    #[error("no association waits here for its people to move; restore one first, or move on if they moved already")]
    NobodyWaits,
    /// Several wait, and none was named.
    #[error("several associations wait here ({}); say which one with --organisation", .0.join(", "))]
    WhichWaits(Vec<String>),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// Whose log.
    pub organisation: OrganisationId,
    /// The log as far as the replicas have it.
    pub head: TreeHead,
    /// The log key that was made for it here.
    pub log_key: VerifyingKey,
    /// Live blobs that were at hand.
    pub blobs: u64,
    /// Live blobs that no replica has, in order.
    pub missing: Vec<BlobId>,
}

/// An organisation that was restored here, and that nobody moved here yet.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Whose log.
    pub organisation: OrganisationId,
    /// The log key that was made for it here.
    pub log_key: VerifyingKey,
    /// The log as far as it was restored.
    pub head: TreeHead,
}

/// The organisation that waits in this data folder; a daemon may have it open.
///
/// # Errors
/// None waits, or several and none was named.
pub fn waiting(data: &Path, wanted: Option<OrganisationId>) -> Result<Waiting, RestoreError> {
    let mut found = super::waiting(data)?;
    found.retain(|(id, ..)| wanted.is_none_or(|wanted| wanted == *id));
    match <[_; 1]>::try_from(found) {
        Ok([(organisation, log_key, head)]) => Ok(Waiting { organisation, log_key, head }),
        Err(none) if none.is_empty() => Err(RestoreError::NobodyWaits),
        Err(several) => Err(RestoreError::WhichWaits(several.iter().map(|(id, ..)| id.to_string()).collect())),
    }
}

/// A replica that holds, whatever it is worth.
struct Source {
    path: PathBuf,
    id: OrganisationId,
    entries: Vec<Vec<u8>>,
    replay: Replay,
    checkpoint: SignedCheckpoint,
}

/// Restores one organisation from its people's replicas into an initialised data folder that no daemon has open.
///
/// # Errors
/// Nothing was restored: a replica does not hold, two contradict each other, or the organisation is here already.
pub fn restore(data: &Path, replicas: &[PathBuf], wanted: Option<OrganisationId>) -> Result<Restored, RestoreError> {
    let mut store = Store::open(data)?;
    let mut copies = Vec::with_capacity(replicas.len());
    let mut wanted = wanted;
    for path in replicas {
        let copy = Source::read(&locate(path, wanted.as_ref())?, wanted)?;
        wanted = Some(copy.id);
        copies.push(copy);
    }
    copies.sort_by_key(|copy| std::cmp::Reverse(copy.entries.len()));
    let longest = furthest(&copies)?;
    let folders: Vec<&Path> = copies.iter().map(|copy| copy.path.as_path()).collect();
    let batch = store.begin()?;
    if batch.number(&longest.id)?.is_some() {
        let waits = batch.load(longest.id)?.is_some_and(|loaded| loaded.waiting());
        return Err(if waits { RestoreError::Waits(longest.id) } else { RestoreError::Exists(longest.id) });
    }
    let log_key = SigningKey::generate().map_err(StoreError::from)?;
    let number = batch.restored(&longest.id, &log_key)?;
    let (blobs, missing) = longest.write(&batch, number, &folders)?;
    batch.close_restored(number, longest.checkpoint.head().size, &longest.checkpoint.to_string())?;
    batch.commit()?;
    let (organisation, head) = (longest.id, longest.replay.head());
    Ok(Restored { organisation, head, log_key: log_key.public(), blobs, missing })
}

/// The copy that all others are part of, or have been left behind by.
fn furthest(copies: &[Source]) -> Result<&Source, RestoreError> {
    let part = |one: &Source, other: &Source| {
        let head = other.replay.head();
        root_at(one.replay.tree(), head.size) == Ok(head.root) || left_behind(one, other)
    };
    let longest = copies.first().ok_or_else(|| RestoreError::NotAReplica(PathBuf::from("--replica")))?;
    if let Some(furthest) = copies.iter().find(|one| copies.iter().all(|other| part(one, other))) {
        return Ok(furthest);
    }
    let other = copies.iter().find(|other| !part(longest, other)).unwrap_or(longest);
    Err(RestoreError::Forked { one: longest.path.clone(), other: other.path.clone() })
}

/// Whether the log of `one` went on by a move that says that it gives up what `other` has beyond its prefix. One that
/// does not say so, or says less, takes nothing away here, either; nor does it end a log that moved elsewhere.
fn left_behind(one: &Source, other: &Source) -> bool {
    let common = one.entries.iter().zip(&other.entries).take_while(|(ours, theirs)| ours == theirs).count();
    let moves = one.replay.organisation().moves();
    let Some(moved) = moves.iter().find(|moved| moved.at.index == common as u64) else { return false };
    let times = other.entries.iter().skip(common).map(|entry| Entry::parse(entry).map(|entry| entry.time));
    let version = other.replay.organisation().charter().map(Charter::version);
    times.collect::<Result<Vec<_>, _>>().is_ok_and(|times| moved.decided.leaves_behind(&times, version))
}

/// The folder of an organisation: the one that was named, or one in a home that was named.
fn locate(path: &Path, wanted: Option<&OrganisationId>) -> Result<PathBuf, RestoreError> {
    let home = path.join(ORGANISATIONS);
    if !home.is_dir() {
        return Ok(path.to_owned());
    }
    if let Some(id) = wanted {
        return Ok(home.join(id.to_string()));
    }
    let read = |source| RestoreError::Io { path: home.clone(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(&home).map_err(read)? {
        found.push(entry.map_err(read)?.path());
    }
    found.retain(|folder| folder.join("checkpoint").exists());
    match found.as_slice() {
        [] => Err(RestoreError::NotAReplica(path.to_owned())),
        [only] => Ok(only.clone()),
        _ => {
            let name = |folder: &PathBuf| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Err(RestoreError::Which { path: path.to_owned(), list: found.iter().map(name).collect() })
        }
    }
}

impl Source {
    /// Reads and proves everything but the blobs.
    fn read(path: &Path, wanted: Option<OrganisationId>) -> Result<Self, RestoreError> {
        let file = |name: &str| match read_regular(&path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(RestoreError::NotAReplica(path.to_owned())),
            other => other.map_err(|source| RestoreError::Io { path: path.join(name), source }),
        };
        let (bytes, note) = (file("entries")?, file("checkpoint")?);
        let unsigned = || RestoreError::Checkpoint(path.to_owned());
        let note = String::from_utf8(note).map_err(|_| unsigned())?;
        // What it states is compared below; who signed it is known only once the entries were replayed.
        let stated = stated_size(&note).ok_or_else(unsigned)?;
        let entries = split(&bytes, stated);
        let found = entries.len() as u64;
        if found < stated {
            return Err(RestoreError::CutShort { path: path.to_owned(), found, stated });
        }
        let Some((first, rest)) = entries.split_first() else {
            return Err(RestoreError::NotAReplica(path.to_owned()));
        };
        let id = founded(first).ok_or_else(|| RestoreError::NotAReplica(path.to_owned()))?;
        if let Some(wanted) = wanted.filter(|wanted| *wanted != id) {
            return Err(RestoreError::OtherOrganisation { path: path.to_owned(), found: id, wanted });
        }
        let damaged = |source| RestoreError::Damaged { path: path.to_owned(), source };
        let (mut replay, _) = Replay::begin(id, first, Trust::Nothing).map_err(damaged)?;
        let examiner = replay.examiner(Trust::Nothing);
        parallel::in_order(
            rest,
            |entry| examiner.examine(entry),
            |examined| replay.push_examined(examined).map(drop).map_err(damaged),
        )?;
        let verifier = LogVerifier::new(id, *replay.organisation().log_key());
        let checkpoint = verifier.verify(&note).map_err(|_| unsigned())?;
        if *checkpoint.head() != replay.head() {
            return Err(unsigned());
        }
        Ok(Self { path: path.to_owned(), id, entries, replay, checkpoint })
    }

    /// Writes all entries with what they change, and the blobs that are live after the last of them; gives the number
    /// of these and those that no folder has. What was destroyed is neither wanted nor written, whoever still has it.
    fn write(
        &self,
        batch: &Batch<'_>,
        number: Number,
        folders: &[&Path],
    ) -> Result<(u64, Vec<BlobId>), RestoreError> {
        let mut live: BTreeMap<BlobId, Audience> = BTreeMap::new();
        let mut frontier = Frontier::new();
        let mut replay: Option<Replay> = None;
        let damaged = |source| RestoreError::Damaged { path: self.path.clone(), source };
        for (index, bytes) in (0..).zip(&self.entries) {
            let effects = match &mut replay {
                // Proved a moment ago, in memory.
                Some(replay) => replay.push(bytes, Trust::OwnDisk).map_err(damaged)?,
                None => {
                    let (begun, effects) = Replay::begin(self.id, bytes, Trust::OwnDisk).map_err(damaged)?;
                    replay = Some(begun);
                    effects
                }
            };
            let mut others = Vec::with_capacity(effects.len());
            for effect in effects {
                match effect {
                    // The widest audience under which it was named since it was last destroyed. What only the old server
                    // could take apart is in nobody's copy, and of no use here.
                    Effect::Keep(named) => named.into_iter().for_each(|(id, audience)| {
                        if audience == Audience::Daemon {
                            return;
                        }
                        live.entry(id).and_modify(|known| *known = audience.min(*known)).or_insert(audience);
                    }),
                    Effect::Forget(gone) => gone.iter().for_each(|id| {
                        live.remove(id);
                    }),
                    other => others.push(other),
                }
            }
            let nodes = frontier.push(leaf_hash(bytes));
            let command = Commanded::of_entry(bytes, self.id);
            let entry = NewEntry { index, bytes, command, nodes: &nodes, effects: &others, blobs: &[] };
            batch.append(self.id, number, &entry)?;
        }
        let (mut blobs, mut missing) = (0, Vec::new());
        for (id, audience) in live {
            match find_blob(folders, &id)? {
                Some(blob) => {
                    batch.keep(number, &id, audience, Some(&blob))?;
                    blobs += 1;
                }
                None => missing.push(id),
            }
        }
        Ok((blobs, missing))
    }
}

/// The size on a note's second line, with nothing believed of it.
fn stated_size(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}

/// The first `count` entries, or as many as are there whole.
fn split(mut bytes: &[u8], count: u64) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while (entries.len() as u64) < count
        && let Some((length, rest)) = bytes.split_first_chunk::<4>()
        && let Some((entry, after)) =
            usize::try_from(u32::from_be_bytes(*length)).ok().and_then(|length| rest.split_at_checked(length))
        && entry.len() < MAX_ENTRY_BYTES
    {
        entries.push(entry.to_vec());
        bytes = after;
    }
    entries
}

/// The organisation that an entry founds.
fn founded(entry: &[u8]) -> Option<OrganisationId> {
    match Entry::parse(entry).ok()?.what {
        What::Command(signed) => signed.founds(),
        What::Act(_) => None,
    }
}

/// A file's content. Somebody else made this folder, and whoever restores often is root: a link to a device that never
/// ends, or to a file of this machine, is not followed.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    if fs::symlink_metadata(path)?.is_file() {
        fs::read(path)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no ordinary file, and nothing else is read"))
    }
}

/// A blob from whichever replica has it undamaged.
fn find_blob(folders: &[&Path], id: &BlobId) -> Result<Option<Blob>, RestoreError> {
    for folder in folders {
        let path = folder.join("blobs").join(id.to_string());
        match read_regular(&path) {
            Ok(content) => {
                let blob = Blob::new(content);
                if blob.id() == *id {
                    return Ok(Some(blob));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(RestoreError::Io { path, source }),
        }
    }
    Ok(None)
}
