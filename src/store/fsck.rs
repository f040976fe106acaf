//! Recomputes everything from the entries and compares it with what is stored: signatures, rules, tree, checkpoint,
//! indexes, blobs.
//!
//! It reads one consistent state; the daemon may go on meanwhile. This module must never write, and never repair: a
//! log that does not hold is evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;

use rusqlite::{Connection, params};

use super::batch::{Commanded, is_busy};
use super::log::{Log, Stored, TILE_LEVEL, last_leaf};
use super::rows::{Column, Number, audience, role_bits, signed, unsigned};
use super::{DATABASE, StoreError, load, schema};
use crate::escrow::id::{BlobId, DeviceId, Digest, OrganisationId, PersonId};
use crate::escrow::log::checkpoint::Checkpoint;
use crate::escrow::log::cosignature::Cosignature;
use crate::escrow::log::merkle::{MAX_SIZE, NodeReader, TreeHead, root_at};
use crate::escrow::log::tiles::TILE_WIDTH;
use crate::escrow::made::AtTarget;
use crate::escrow::organisation::{Audience, Effect, Organisation};
use crate::escrow::replay::{Replay, Trust};
use crate::escrow::request::Stage;
use crate::seal::secret::Secret;
use crate::seal::signing::SigningKey;

/// What was looked at, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Organisations looked at.
    pub organisations: u64,
    /// Entries that hold.
    pub entries: u64,
    /// Blobs that are what their names say.
    pub blobs: u64,
    /// What does not hold; empty if all is well.
    pub findings: Vec<Finding>,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose data; none if it concerns the whole file.
    pub organisation: Option<OrganisationId>,
    /// The entry, where it concerns one.
    pub index: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(organisation) = self.organisation {
            write!(f, "organisation {organisation}")?;
            if let Some(index) = self.index {
                write!(f, ", entry {index}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.reason)
    }
}

/// Checks the database of `dir`. An error means that it could not be read, not that something is wrong with it.
pub fn fsck(dir: &Path) -> Result<Report, StoreError> {
    let mut connection = schema::open_reading(&dir.join(DATABASE))?;
    let state = connection.transaction()?;
    let mut report = Report::default();
    check_file(&state, &mut report)?;
    let organisations: Vec<(OrganisationId, Row)> = {
        let mut statement = state.prepare(
            "SELECT id, number, size, log_seed, log_key, checkpoint, waiting FROM organisation ORDER BY id",
        )?;
        let rows = statement.query_map([], |row| {
            let stored = Row {
                number: row.get(1)?,
                size: unsigned(row.get(2)?),
                log_seed: Secret::new(row.get(3)?),
                log_key: row.get(4)?,
                checkpoint: row.get(5)?,
                waiting: row.get(6)?,
            };
            Ok((row.get::<_, Column<OrganisationId>>(0)?.0, stored))
        })?;
        rows.collect::<Result<_, _>>()?
    };
    for (id, row) in organisations {
        report.organisations += 1;
        let mut check = Check { state: &state, id, number: row.number, report: &mut report };
        if let Some(replayed) = check.entries()? {
            let waiting = row.waiting;
            check.head(row, &replayed.replay)?;
            check.tree(&replayed.replay)?;
            check.blobs(&replayed.audiences, replayed.replay.organisation())?;
            check.shares(replayed.replay.organisation())?;
            check.access(replayed.replay.organisation())?;
            check.cosignatures(&replayed.replay)?;
            check.deadline(replayed.replay.organisation(), waiting)?;
            check.busy(replayed.replay.organisation(), waiting)?;
        }
    }
    Ok(report)
}

/// What SQLite itself finds.
fn check_file(state: &Connection, report: &mut Report) -> Result<(), StoreError> {
    let mut statement = state.prepare("PRAGMA integrity_check")?;
    let problems = statement.query_map([], |row| row.get::<_, String>(0))?;
    for problem in problems {
        let reason = problem?;
        if reason != "ok" {
            report.findings.push(Finding { organisation: None, index: None, reason: format!("the file: {reason}") });
        }
    }
    let mut statement = state.prepare("PRAGMA foreign_key_check")?;
    let tables = statement.query_map([], |row| row.get::<_, String>(0))?;
    for table in tables {
        let reason = format!("a row of table {} refers to one that does not exist", table?);
        report.findings.push(Finding { organisation: None, index: None, reason });
    }
    Ok(())
}

/// An organisation's own row.
struct Row {
    number: Number,
    size: u64,
    log_seed: Secret,
    log_key: Vec<u8>,
    checkpoint: String,
    /// No move named this row's key yet.
    waiting: bool,
}

/// What an organisation's entries amount to.
struct Replayed {
    replay: Replay,
    /// The widest audience of each live blob.
    audiences: BTreeMap<BlobId, (Audience, u64)>,
}

impl Replayed {
    /// What the entry at `index` does to blobs.
    fn take(&mut self, index: u64, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Keep(blobs) => {
                    for (blob, audience) in blobs {
                        let known = self.audiences.entry(blob).or_insert((audience, index));
                        known.0 = known.0.min(audience);
                    }
                }
                Effect::Forget(blobs) => {
                    for blob in blobs {
                        self.audiences.remove(&blob);
                    }
                }
                _ => {}
            }
        }
    }
}

/// One organisation's check.
struct Check<'a> {
    state: &'a Connection,
    id: OrganisationId,
    number: Number,
    report: &'a mut Report,
}

impl Check<'_> {
    fn find(&mut self, index: Option<u64>, reason: impl Into<String>) {
        self.report.findings.push(Finding { organisation: Some(self.id), index, reason: reason.into() });
    }

    /// Replays every entry as somebody would who trusts nothing. `None` if one does not hold: what follows from the
    /// entries is unknown then.
    fn entries(&mut self) -> Result<Option<Replayed>, StoreError> {
        let log = Log { connection: self.state, organisation: self.id, number: self.number };
        let mut replayed: Option<Replayed> = None;
        let (mut expected, mut rows, mut commands, mut sound) = (0_u64, 0_u64, 0_u64, true);
        let scanned = log.scan(0..MAX_SIZE, |stored| {
            let Stored { index, bytes, is_row, .. } = stored;
            if index != expected {
                self.find(Some(expected), format!("the entry is missing; the next one stored is {index}"));
                sound = false;
                return Ok(ControlFlow::Break(()));
            }
            let step = match &mut replayed {
                None => Replay::begin(self.id, bytes, Trust::Nothing).map(|(replay, effects)| {
                    replayed.insert(Replayed { replay, audiences: BTreeMap::new() }).take(index, effects);
                }),
                Some(before) => before.replay.push(bytes, Trust::Nothing).map(|effects| before.take(index, effects)),
            };
            if let Err(rejected) = step {
                self.find(Some(index), with_causes(&rejected.fault));
                sound = false;
                return Ok(ControlFlow::Break(()));
            }
            if !stored.has_its_leaf() {
                self.find(Some(index), "the leaf hash beside the entry is not that of the entry");
            }
            if let Some(command) = Commanded::of_entry(bytes, self.id) {
                commands += 1;
                if log.index_of(&command.id, command.created)? != Some(index) {
                    self.find(Some(index), "the index of commands does not have this command here");
                }
            }
            rows += u64::from(is_row);
            self.report.entries += 1;
            expected += 1;
            Ok(ControlFlow::Continue(()))
        });
        match scanned {
            Err(StoreError::Corrupt { what, .. }) => {
                self.find(Some(expected), what);
                return Ok(None);
            }
            other => other?,
        }
        if !sound {
            return Ok(None);
        }
        if replayed.is_none() {
            self.find(None, "it has no entries");
        }
        let tiles = (expected - rows) / TILE_WIDTH;
        for (table, right) in [("entry", rows), ("tile", tiles), ("command", commands)] {
            let sql = format!("SELECT count(*) FROM {table} WHERE organisation = ?");
            let stored = self.state.query_row(&sql, params![self.number], |row| Ok(unsigned(row.get(0)?)))?;
            if stored > right {
                self.find(None, format!("{} rows of table {table} belong to none of its entries", stored - right));
            }
        }
        Ok(replayed)
    }

    /// Size, checkpoint and log key against the replay.
    fn head(&mut self, row: Row, replay: &Replay) -> Result<(), StoreError> {
        let organisation = replay.organisation();
        if row.size != organisation.size() {
            self.find(None, format!("{} entries are stored, the size says {}", organisation.size(), row.size));
        }
        match load::checkpoint(self.id, *organisation.log_key(), &row.checkpoint) {
            Ok(checkpoint) if *checkpoint.head() == replay.head() => {}
            Ok(checkpoint) => {
                self.find(
                    None,
                    format!("the checkpoint of size {} is not that of the entries", checkpoint.head().size),
                );
            }
            Err(bad) => self.find(None, format!("the checkpoint: {}", with_causes(&bad))),
        }
        let public = SigningKey::from_seed(row.log_seed)?.public();
        if (public != *organisation.log_key()) != row.waiting || row.log_key != public.as_bytes() {
            self.find(None, "the log key is another one than the log names");
        }
        Ok(())
    }

    /// The stored nodes are those of the replayed tree, all of them and no others.
    fn tree(&mut self, replay: &Replay) -> Result<(), StoreError> {
        let size = replay.head().size;
        let mut statement =
            self.state.prepare("SELECT level, last, hash FROM node WHERE organisation = ? ORDER BY level, last")?;
        let mut rows = statement.query(params![self.number])?;
        let mut right = 0_u64;
        while let Some(row) = rows.next()? {
            let (level, last): (u8, u64) = (row.get(0)?, unsigned(row.get(1)?));
            let hash = row.get::<_, Column<Digest>>(2)?.0;
            // Its position among those of its level. A last leaf that belongs to none is no node's.
            let position = 1_u64.checked_shl(level.into()).map_or(0, |width| last / width);
            if level >= TILE_LEVEL
                && last_leaf(level, position) == signed(last)
                && replay.tree().node(level, position) == Ok(hash)
            {
                right += 1;
            } else {
                let leaf = 1_u64.checked_shl(level.into()).and_then(|width| position.checked_mul(width));
                self.find(leaf, format!("node {position} of level {level} of the tree is not that of the entries"));
            }
        }
        let expected: u64 = (TILE_LEVEL..64).map(|level| size >> level).sum();
        if right < expected {
            self.find(None, format!("{} nodes of the tree are missing", expected - right));
        }
        Ok(())
    }

    /// Every live blob is here, is what its name says, and is served to those who may have it; none besides.
    fn blobs(
        &mut self,
        audiences: &BTreeMap<BlobId, (Audience, u64)>,
        organisation: &Organisation,
    ) -> Result<(), StoreError> {
        let mut statement =
            self.state.prepare("SELECT id, audience, content FROM blob WHERE organisation = ? ORDER BY id")?;
        let mut rows = statement.query(params![self.number])?;
        let mut seen = BTreeSet::new();
        while let Some(row) = rows.next()? {
            let id = row.get::<_, Column<BlobId>>(0)?.0;
            let stored = audience(row.get(1)?);
            let content = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let Some((audience, index)) = audiences.get(&id) else {
                let destroyed = organisation.is_forgotten(&id);
                let what = if destroyed { "was destroyed and is here all the same" } else { "is named by no entry" };
                self.find(None, format!("blob {id} {what}"));
                continue;
            };
            seen.insert(id);
            if BlobId::of(content) != id {
                self.find(Some(*index), format!("the content of blob {id} is not what the entry names"));
            } else {
                self.report.blobs += 1;
            }
            if stored != Some(*audience) {
                self.find(Some(*index), format!("blob {id} is served to others than the entry says"));
            }
        }
        for (id, (_, index)) in audiences.iter().filter(|(id, _)| !seen.contains(id)) {
            self.find(Some(*index), format!("blob {id} is missing"));
        }
        Ok(())
    }

    /// Re-sealed shares, and what was made at targets: exactly those of requests that are not over, and none with other
    /// content.
    fn shares(&mut self, organisation: &Organisation) -> Result<(), StoreError> {
        let mut expected: BTreeSet<(u64, PersonId, BlobId)> = BTreeSet::new();
        for (index, request) in organisation.requests() {
            let wanted = match &request.stage {
                Stage::Waiting | Stage::Granted(_) => true,
                Stage::Leased(lease) => lease.collected(),
                Stage::Ended { .. } => false,
            };
            for (approver, released) in request.approvals.iter().filter(|_| wanted) {
                expected.extend(released.iter().flatten().map(|blob| (*index, *approver, *blob)));
            }
            if let Some(AtTarget::Made { sealed }) = request.target {
                expected.insert((*index, request.requester, sealed));
            }
        }
        let mut statement = self.state.prepare(
            "SELECT request, approver, blob, content FROM share WHERE organisation = ? ORDER BY request, approver",
        )?;
        let mut rows = statement.query(params![self.number])?;
        while let Some(row) = rows.next()? {
            let request = unsigned(row.get(0)?);
            let (approver, blob) = (row.get::<_, Column<PersonId>>(1)?.0, row.get::<_, Column<BlobId>>(2)?.0);
            let content: Option<Vec<u8>> = row.get(3)?;
            if !expected.remove(&(request, approver, blob)) {
                self.find(Some(request), format!("re-sealed share {blob} belongs to no running request"));
            }
            if content.is_some_and(|content| BlobId::of(&content) != blob) {
                self.find(Some(request), format!("the content of re-sealed share {blob} is not what was approved"));
            }
        }
        for (request, approver, blob) in expected {
            self.find(Some(request), format!("nobody waits for re-sealed share {blob} of {approver}"));
        }
        Ok(())
    }

    /// Who may read, as what, with which devices.
    fn access(&mut self, organisation: &Organisation) -> Result<(), StoreError> {
        let people: BTreeMap<PersonId, (bool, i64)> = self.rows("person", "reads, roles", |row| {
            Ok((row.get::<_, Column<PersonId>>(0)?.0, (row.get(1)?, row.get(2)?)))
        })?;
        let expected = organisation.people().keys();
        let expected = expected.map(|id| (*id, (organisation.may_read(id), role_bits(&organisation.roles(id)))));
        if people != expected.collect() {
            self.find(None, "the index of people and roles is not what the entries say");
        }
        let devices: BTreeMap<DeviceId, (PersonId, bool)> = self.rows("device", "person, revoked", |row| {
            let (id, person) = (row.get::<_, Column<DeviceId>>(0)?.0, row.get::<_, Column<PersonId>>(1)?.0);
            Ok((id, (person, row.get(2)?)))
        })?;
        let expected = organisation.devices().iter();
        let expected = expected.map(|(id, device)| (*id, (device.person, device.revoked.is_some())));
        if devices != expected.collect() {
            self.find(None, "the index of devices is not what the entries say");
        }
        Ok(())
    }

    fn rows<K: Ord, V>(
        &self,
        table: &str,
        columns: &str,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<(K, V)>,
    ) -> Result<BTreeMap<K, V>, StoreError> {
        let mut statement =
            self.state.prepare(&format!("SELECT id, {columns} FROM {table} WHERE organisation = ?"))?;
        let rows = statement.query_map(params![self.number], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Each cosignature is by a certified device, over a tree that this log had.
    fn cosignatures(&mut self, replay: &Replay) -> Result<(), StoreError> {
        let mut statement = self.state.prepare(
            "SELECT device, size, root, time, line FROM cosignature WHERE organisation = ? ORDER BY device",
        )?;
        let mut rows = statement.query(params![self.number])?;
        while let Some(row) = rows.next()? {
            let id = row.get::<_, Column<DeviceId>>(0)?.0;
            let head = TreeHead { size: unsigned(row.get(1)?), root: row.get::<_, Column<Digest>>(2)?.0 };
            let (time, line): (i64, String) = (row.get(3)?, row.get(4)?);
            let checkpoint = Checkpoint { organisation: self.id, head };
            let device = replay.organisation().devices().get(&id);
            let holds = device.zip(line.parse::<Cosignature>().ok()).is_some_and(|(device, cosignature)| {
                signed(cosignature.time()) == time
                    && cosignature.verify(&device.person, &device.key, &checkpoint).is_ok()
                    && head.size <= replay.head().size
                    && root_at(replay.tree(), head.size) == Ok(head.root)
            });
            if !holds {
                self.find(None, format!("the cosignature of device {id} at size {} does not hold", head.size));
            }
        }
        Ok(())
    }

    /// What falls due in a log that waits for a move, falls due with the move.
    fn deadline(&mut self, organisation: &Organisation, waiting: bool) -> Result<(), StoreError> {
        let mut statement = self.state.prepare("SELECT at FROM deadline WHERE organisation = ?")?;
        let stored = statement.query_map(params![self.number], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
        let next = organisation.next_deadline().filter(|_| !waiting);
        let expected: Vec<i64> = next.map(|at| signed(at.0)).into_iter().collect();
        if stored != expected {
            self.find(None, "the next deadline is not what the entries say");
        }
        Ok(())
    }
}

impl Check<'_> {
    fn busy(&mut self, organisation: &Organisation, waiting: bool) -> Result<(), StoreError> {
        let mut statement = self.state.prepare("SELECT busy FROM organisation WHERE number = ?")?;
        let stored: bool = statement.query_row(params![self.number], |row| row.get(0))?;
        // A restored log has nothing open here.
        if !waiting && stored != is_busy(organisation) {
            self.find(None, "whether something is to do at a target is not what the entries say");
        }
        Ok(())
    }
}

/// An error with what lies behind it, as one line. Some messages quote their cause already.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}
