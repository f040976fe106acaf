//! An organisation's state from its own rows.
//!
//! The rows were verified before they were written, so that no signature of an entry is checked again; what is
//! checked is that they agree with each other and with the checkpoint that the log key signed over them, byte for byte. The full
//! proof is [`fsck`](super::fsck)'s. This module must never repair anything.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
#[cfg(test)]
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension, params};

use super::batch::Batch;
use super::log::{Log, Nodes};
use super::rows::{Number, unsigned};
use super::{StoreError, schema};
use crate::escrow::id::{Digest, OrganisationId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::checkpoint::{BadCheckpoint, LogVerifier, SignedCheckpoint};
use crate::escrow::log::merkle::{Frontier, NodeReader, TreeHead, leaf_hash, root_at};
use crate::escrow::organisation::Organisation;
use crate::escrow::replay;
use crate::seal::secret::Secret;
use crate::seal::signing::SigningKey;

/// An organisation in memory, as its newest checkpoint has it.
pub struct Loaded {
    /// Where its rows are.
    pub number: Number,
    /// The state.
    pub organisation: Organisation,
    /// The tree's right edge.
    pub frontier: Frontier,
    /// What signs checkpoints and daemon acts, unless [`Self::waiting`].
    pub log_key: SigningKey,
    /// Roots of sizes that checkpoints were signed over, or that commands were based on. They never change.
    roots: BTreeMap<u64, Remembered>,
    /// How often one was asked for or added.
    uses: u64,
}

struct Remembered {
    root: Digest,
    used: u64,
}

/// Roots of sizes that are remembered, those used last: of more clients than sign at a time. To compute one takes up to
/// 255 hashes and as many rows.
const ROOTS: usize = 64;

impl Loaded {
    /// What was just founded.
    pub fn new(number: Number, organisation: Organisation, frontier: Frontier, log_key: SigningKey) -> Self {
        Self { number, organisation, frontier, log_key, roots: BTreeMap::new(), uses: 0 }
    }

    /// The root that the log had at this size; `None` if it is shorter.
    pub fn root_at(&mut self, batch: &Batch<'_>, size: u64) -> Result<Option<Digest>, StoreError> {
        if size >= self.frontier.size() {
            return Ok((size == self.frontier.size()).then(|| self.frontier.root()));
        }
        self.uses += 1;
        if let Some(remembered) = self.roots.get_mut(&size) {
            remembered.used = self.uses;
            return Ok(Some(remembered.root));
        }
        let root = root_at(&batch.nodes(self.organisation.id(), self.number), size)?;
        self.remember(TreeHead { size, root });
        Ok(Some(root))
    }

    /// The newest tree. Commands will be based on it, and its root is at hand now.
    pub fn publish(&mut self) -> TreeHead {
        let head = self.frontier.head();
        self.remember(head);
        head
    }

    fn remember(&mut self, head: TreeHead) {
        self.uses += 1;
        if self.roots.len() >= ROOTS
            && let Some(oldest) = self.roots.iter().min_by_key(|(_, remembered)| remembered.used)
        {
            let size = *oldest.0;
            self.roots.remove(&size);
        }
        self.roots.insert(head.size, Remembered { root: head.root, used: self.uses });
    }

    /// Whether it was restored from copies and no move named this server's key yet: it has no voice in the log.
    pub fn waiting(&self) -> bool {
        self.log_key.public() != *self.organisation.log_key()
    }
}

impl Batch<'_> {
    /// Loads an organisation; `None` if there is no such one.
    pub fn load(&self, id: OrganisationId) -> Result<Option<Loaded>, StoreError> {
        load(self.connection(), id, &AtomicBool::new(false))
    }
}

/// Loads organisations as they are committed, beside the writer.
#[derive(Debug, Clone)]
pub struct Loader {
    pub(super) path: PathBuf,
    /// Nobody waits any more for what is being loaded.
    pub(super) stopped: Arc<AtomicBool>,
    /// Whoever holds this holds up whoever loads.
    #[cfg(test)]
    pub(super) gate: Arc<Mutex<()>>,
}

impl Loader {
    /// Loads an organisation; `None` if there is no such one. Blocks for as long as that takes.
    pub fn load(&self, id: OrganisationId) -> Result<Option<Loaded>, StoreError> {
        #[cfg(test)]
        let _gate = self.gate.lock();
        load(&*schema::open_read_only(&self.path)?.transaction()?, id, &self.stopped)
    }

    /// Whatever is being loaded, by any clone of this, is given up.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

fn load(connection: &Connection, id: OrganisationId, stopped: &AtomicBool) -> Result<Option<Loaded>, StoreError> {
    let corrupt = |what: String| StoreError::Corrupt { organisation: id, what };
    let mut statement = connection
        .prepare_cached("SELECT number, size, log_seed, checkpoint, waiting FROM organisation WHERE id = ?")?;
    let row = statement.query_row(params![id.as_bytes()], |row| {
        let seed = Secret::new(row.get(2)?);
        Ok((row.get::<_, Number>(0)?, unsigned(row.get(1)?), seed, row.get::<_, String>(3)?, row.get::<_, bool>(4)?))
    });
    let Some((number, size, seed, note, waiting)) = row.optional()? else { return Ok(None) };
    let log = Log { connection, organisation: id, number };
    let (organisation, entries) = restore(log, size, stopped)?;
    if organisation.size() != size {
        return Err(corrupt(format!("{} entries instead of {size}", organisation.size())));
    }
    // An older checkpoint in its place would be signed over once more: a fork.
    if log.goes_beyond(size)? {
        return Err(corrupt(format!("there are more entries than {size}")));
    }
    let log_key = SigningKey::from_seed(seed)?;
    if (log_key.public() != *organisation.log_key()) != waiting {
        return Err(corrupt("the log key is another one than the log names".to_owned()));
    }
    let frontier = frontier(&Nodes::of(log), size)?;
    let checkpoint = checkpoint(id, *organisation.log_key(), &note).map_err(|bad| corrupt(bad.to_string()))?;
    if *checkpoint.head() != frontier.head() {
        return Err(corrupt("the tree is not the one that the checkpoint was signed over".to_owned()));
    }
    if entries != frontier.head() {
        return Err(corrupt("an entry is not the one that the checkpoint was signed over".to_owned()));
    }
    Ok(Some(Loaded::new(number, organisation, frontier, log_key)))
}

/// The state that the entries lead to, and the tree that they make.
fn restore(log: Log<'_>, size: u64, stopped: &AtomicBool) -> Result<(Organisation, TreeHead), StoreError> {
    let id = log.organisation;
    let corrupt = |what: String| StoreError::Corrupt { organisation: id, what };
    let mut state: Option<Organisation> = None;
    let mut tree = Frontier::new();
    log.scan(0..size, |stored| {
        if stopped.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        tree.push(leaf_hash(stored.bytes));
        match &mut state {
            None => {
                state = Some(replay::restore(id, stored.bytes).map_err(|rejected| corrupt(rejected.to_string()))?)
            }
            Some(organisation) => {
                replay::restore_next(organisation, stored.bytes).map_err(|rejected| corrupt(rejected.to_string()))?;
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let state = state.ok_or_else(|| corrupt("it has no entries".to_owned()))?;
    Ok((state, tree.head()))
}

/// The right edge of the stored tree: one node for each bit of its size, widest first.
fn frontier(nodes: &Nodes<'_>, size: u64) -> Result<Frontier, StoreError> {
    let mut hashes: Vec<Digest> = Vec::new();
    let mut start = 0_u64;
    for level in (0..63_u8).rev().filter(|level| size >> level & 1 == 1) {
        hashes.push(nodes.node(level, start >> level)?);
        start += 1 << level;
    }
    Frontier::from_parts(size, hashes).map_err(|bad| nodes.corrupt(bad.to_string()))
}

/// The stored checkpoint, once the log key's signature holds.
pub(super) fn checkpoint(
    organisation: OrganisationId,
    log_key: VerifyingKey,
    note: &str,
) -> Result<SignedCheckpoint, BadCheckpoint> {
    LogVerifier::new(organisation, log_key).verify(note)
}

/// What others may know of an organisation's row.
pub(super) struct Newest {
    pub number: Number,
    pub size: u64,
    pub note: String,
    log_key: Vec<u8>,
}

impl Newest {
    /// The newest checkpoint, verified.
    pub fn checkpoint(&self, organisation: OrganisationId) -> Result<SignedCheckpoint, StoreError> {
        let log_key = VerifyingKey::ed25519(&self.log_key)
            .map_err(|bad| StoreError::Corrupt { organisation, what: bad.to_string() })?;
        checkpoint(organisation, log_key, &self.note)
            .map_err(|bad| StoreError::Corrupt { organisation, what: bad.to_string() })
    }
}

/// The newest committed state of a log.
pub(super) fn newest(connection: &Connection, organisation: &OrganisationId) -> Result<Option<Newest>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT number, size, checkpoint, log_key FROM organisation WHERE id = ?")?;
    let row = statement.query_row(params![organisation.as_bytes()], |row| {
        Ok(Newest { number: row.get(0)?, size: unsigned(row.get(1)?), note: row.get(2)?, log_key: row.get(3)? })
    });
    Ok(row.optional()?)
}
