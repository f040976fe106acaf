//! Reading committed rows, beside the writer and never blocked by it.
//!
//! Each call reads one consistent state in a transaction of its own. Calls block: in async code they belong on a
//! thread for blocking work. This module must never write, and never hand a blob to somebody outside its audience.
//! Re-sealed shares are not read here at all: the writer hands them out, because that starts a lease.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use rusqlite::{Connection, OptionalExtension, params};

use super::log::{Log, Nodes};
use super::rows::{Column, audience, roles, unsigned};
use super::{DATABASE, StoreError, batch, load, schema};
use crate::escrow::id::{BlobId, DeviceId, Digest, OrganisationId, PersonId};
use crate::escrow::log::merkle::{
    CannotProve, NodeReader as _, TreeHead, consistency_proof, inclusion_proof, root_at, verify_consistency,
    verify_inclusion,
};
use crate::escrow::log::proof::ProofFile;
use crate::escrow::role::Role;
use crate::escrow::time::Time;

/// What most entries take at most, in bytes.
const TYPICAL_ENTRY: usize = 512;

/// The memory that is asked for at once, for entries that are read together, in bytes.
const ROOM: usize = 256 * 1024;

/// Who is asking, from the certificate of their device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The device's owner, who may read this log.
    pub person: PersonId,
    /// Their roles; none yet for candidates.
    pub roles: BTreeSet<Role>,
    /// The log was restored here and waits for a move: only that is taken.
    pub waiting: bool,
}

/// A pool of read-only connections. Cloning shares it.
#[derive(Clone)]
pub struct Reader {
    pool: Arc<Pool>,
}

struct Pool {
    connections: Mutex<Connections>,
    returned: Condvar,
    /// How often reading failed.
    failures: AtomicU64,
}

struct Connections {
    idle: Vec<Connection>,
    lent: usize,
    /// Nobody gets one any more.
    closed: bool,
}

/// A device's newest cosignature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosigned {
    /// Whose device it is.
    pub person: PersonId,
    /// When it signed, by its own clock.
    pub time: Time,
    /// How many entries the tree has.
    pub size: u64,
}

/// A connection that goes back to its pool.
struct Lent<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Pool {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        // Nothing can be half done to a list of connections.
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, connections: MutexGuard<'a, Connections>) -> MutexGuard<'a, Connections> {
        self.returned.wait(connections).unwrap_or_else(PoisonError::into_inner)
    }

    fn lend(&self) -> Result<Lent<'_>, StoreError> {
        let mut connections = self.connections();
        loop {
            if connections.closed {
                return Err(StoreError::Closed);
            }
            if let Some(connection) = connections.idle.pop() {
                connections.lent += 1;
                return Ok(Lent { pool: self, connection: Some(connection) });
            }
            connections = self.wait(connections);
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let mut connections = self.pool.connections();
            connections.lent -= 1;
            match connections.closed {
                true => drop(connection),
                false => connections.idle.push(connection),
            }
            // Whoever closes waits here beside those who read.
            self.pool.returned.notify_all();
        }
    }
}

impl Reader {
    /// Opens the database of `dir` with so many connections (at least one); more calls at once wait for each other.
    pub fn open(dir: &Path, connections: usize) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE);
        let idle = (0..connections.max(1)).map(|_| schema::open_reading(&path)).collect::<Result<Vec<_>, _>>()?;
        let connections = Mutex::new(Connections { idle, lent: 0, closed: false });
        let pool = Pool { connections, returned: Condvar::new(), failures: AtomicU64::new(0) };
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Closes every connection, of every clone, once what is being read has been read; later calls are refused. While
    /// one is open, the writer that ends leaves its write-ahead log beside the database, where SQLite would apply it to
    /// whatever file takes the database's place.
    pub fn close(&self) {
        let mut connections = self.pool.connections();
        connections.closed = true;
        connections.idle.clear();
        self.pool.returned.notify_all();
        while connections.lent > 0 {
            connections = self.pool.wait(connections);
        }
    }

    /// Runs `read` on one consistent state.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut lent = self.pool.lend()?;
        // There is one until it is dropped.
        let connection = lent.connection.as_mut().ok_or(rusqlite::Error::InvalidQuery)?;
        let read = connection.transaction().map_err(StoreError::from).and_then(|transaction| read(&transaction));
        // To ask beyond the end is the caller's mistake.
        if matches!(&read, Err(error) if !matches!(error, StoreError::OutOfRange { .. })) {
            self.pool.failures.fetch_add(1, Ordering::Relaxed);
        }
        read
    }

    /// How often reading failed since [`Self::open`].
    pub fn failures(&self) -> u64 {
        self.pool.failures.load(Ordering::Relaxed)
    }

    /// The person for whom a device speaks; `None` unless it is certified and not revoked and its owner may read.
    pub fn caller(&self, organisation: &OrganisationId, device: &DeviceId) -> Result<Option<Caller>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT person.id, person.roles, organisation.waiting
                 FROM organisation
                 JOIN device ON device.organisation = number
                 JOIN person ON person.organisation = number AND person.id = device.person
                 WHERE organisation.id = ? AND device.id = ? AND NOT device.revoked AND person.reads",
            )?;
            let row = statement.query_row(params![organisation.as_bytes(), device.as_bytes()], |row| {
                let person = row.get::<_, Column<PersonId>>(0)?.0;
                Ok(Caller { person, roles: roles(row.get(1)?), waiting: row.get(2)? })
            });
            Ok(row.optional()?)
        })
    }

    /// The person for whom the device speaks in any organisation; `None` if it speaks for nobody.
    pub fn owner(&self, device: &DeviceId) -> Result<Option<PersonId>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT person.id FROM device
                 JOIN person ON person.organisation = device.organisation AND person.id = device.person
                 WHERE device.id = ? AND NOT device.revoked AND person.reads
                 ORDER BY device.organisation LIMIT 1",
            )?;
            let row = statement.query_row(params![device.as_bytes()], |row| row.get::<_, Column<PersonId>>(0));
            Ok(row.optional()?.map(|id| id.0))
        })
    }

    /// The newest checkpoint (a signed note), and for each device that cosigned its newest cosignature line with the
    /// tree that it is about. `None` for an unknown organisation.
    #[expect(clippy::type_complexity, reason = "a note and its lines, each with its tree, used once")]
    pub fn checkpoint(
        &self,
        organisation: &OrganisationId,
    ) -> Result<Option<(String, Vec<(TreeHead, String)>)>, StoreError> {
        self.read(|connection| {
            let Some(newest) = load::newest(connection, organisation)? else { return Ok(None) };
            let mut statement = connection
                .prepare_cached("SELECT size, root, line FROM cosignature WHERE organisation = ? ORDER BY device")?;
            let rows = statement.query_map(params![newest.number], |row| {
                let head = TreeHead { size: unsigned(row.get(0)?), root: row.get::<_, Column<Digest>>(1)?.0 };
                Ok((head, row.get(2)?))
            })?;
            Ok(Some((newest.note, rows.collect::<Result<_, _>>()?)))
        })
    }

    /// The newest cosignature of each device that still speaks for somebody.
    pub fn cosigned(&self, organisation: &OrganisationId) -> Result<Vec<Cosigned>, StoreError> {
        self.read(|connection| {
            let Some(number) = batch::number(connection, organisation)? else { return Ok(Vec::new()) };
            let mut statement = connection.prepare_cached(
                "SELECT device.person, cosignature.time, cosignature.size FROM cosignature
                 JOIN device ON device.organisation = cosignature.organisation AND device.id = cosignature.device
                 WHERE cosignature.organisation = ? AND NOT device.revoked",
            )?;
            let rows = statement.query_map(params![number], |row| {
                let person = row.get::<_, Column<PersonId>>(0)?.0;
                Ok(Cosigned { person, time: Time(unsigned(row.get(1)?)), size: unsigned(row.get(2)?) })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// The entries `from..to`, as hashed, as far as they exist and until `max_bytes` are reached; at least one, if
    /// there is any. None that the disk spoiled: that must not look like a lie of the server's to whoever gets it.
    pub fn entries(
        &self,
        organisation: &OrganisationId,
        from: u64,
        to: u64,
        max_bytes: usize,
    ) -> Result<Vec<Bytes>, StoreError> {
        self.read(|connection| {
            let Some(newest) = load::newest(connection, organisation)? else { return Ok(Vec::new()) };
            let log = Log { connection, organisation: *organisation, number: newest.number };
            let to = to.min(newest.size);
            let corrupt = |index: u64| {
                let what = format!("entry {index} is not the one that was written");
                StoreError::Corrupt { organisation: *organisation, what }
            };
            // One piece of memory for all of them; a large one for many.
            let room = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX).saturating_mul(TYPICAL_ENTRY);
            let (mut bytes, mut ends) = (BytesMut::with_capacity(room.min(max_bytes).min(ROOM)), Vec::new());
            let (mut next, mut enough) = (from, false);
            log.scan(from..to, |stored| {
                if !stored.is_whole() || stored.index != next {
                    return Err(corrupt(stored.index));
                }
                if !ends.is_empty() && bytes.len().saturating_add(stored.bytes.len()) > max_bytes {
                    enough = true;
                    return Ok(ControlFlow::Break(()));
                }
                bytes.extend_from_slice(stored.bytes);
                ends.push(bytes.len());
                next = stored.index.saturating_add(1);
                Ok(ControlFlow::Continue(()))
            })?;
            if next < to && !enough {
                return Err(corrupt(next));
            }
            let (bytes, mut start) = (bytes.freeze(), 0);
            Ok(ends.into_iter().map(|end| bytes.slice(std::mem::replace(&mut start, end)..end)).collect())
        })
    }

    /// How many entries the log has; `None` for an unknown organisation.
    pub fn size(&self, organisation: &OrganisationId) -> Result<Option<u64>, StoreError> {
        self.read(|connection| Ok(load::newest(connection, organisation)?.map(|newest| newest.size)))
    }

    /// That entry `index` is in the newest checkpoint's tree: a `c2sp.org/tlog-proof@v1` file.
    pub fn inclusion_proof(&self, organisation: &OrganisationId, index: u64) -> Result<String, StoreError> {
        self.read(|connection| {
            let Some(newest) = load::newest(connection, organisation)? else {
                return Err(StoreError::OutOfRange { asked: index, size: 0 });
            };
            let nodes = Nodes::of(Log { connection, organisation: *organisation, number: newest.number });
            let path = inclusion_proof(&nodes, index, newest.size).map_err(cannot_prove)?;
            let checkpoint = newest.checkpoint(*organisation)?;
            // What the disk spoiled must not look like a lie of the server's.
            verify_inclusion(&nodes.node(0, index)?, index, checkpoint.head(), &path)
                .map_err(|_| nodes.corrupt(format!("entry {index} is not in the tree of the checkpoint")))?;
            Ok(ProofFile::new(index, path, &checkpoint).to_string())
        })
    }

    /// That the newest checkpoint's tree extends the tree of `old_size` entries: the proof, and the checkpoint.
    pub fn consistency_proof(
        &self,
        organisation: &OrganisationId,
        old_size: u64,
    ) -> Result<(Vec<Digest>, String), StoreError> {
        self.read(|connection| {
            let Some(newest) = load::newest(connection, organisation)? else {
                return Err(StoreError::OutOfRange { asked: old_size, size: 0 });
            };
            let nodes = Nodes::of(Log { connection, organisation: *organisation, number: newest.number });
            let path = consistency_proof(&nodes, old_size, newest.size).map_err(cannot_prove)?;
            let old = TreeHead { size: old_size, root: root_at(&nodes, old_size)? };
            verify_consistency(&old, newest.checkpoint(*organisation)?.head(), &path).map_err(|_| {
                nodes.corrupt(format!("the tree of {old_size} entries is not in that of the checkpoint"))
            })?;
            Ok((path, newest.note))
        })
    }

    /// The blobs of these names, in this order; unknown ones and those not for the caller are left out. Each is at
    /// most 256 KiB: whoever calls this bounds their number.
    pub fn blobs(
        &self,
        organisation: &OrganisationId,
        ids: &[BlobId],
        caller: &Caller,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|connection| {
            let Some(number) = batch::number(connection, organisation)? else { return Ok(Vec::new()) };
            let mut statement =
                connection.prepare_cached("SELECT audience, content FROM blob WHERE organisation = ? AND id = ?")?;
            let mut blobs = Vec::new();
            for id in ids {
                let mut rows = statement.query(params![number, id.as_bytes()])?;
                if let Some(row) = rows.next()?
                    && audience(row.get(0)?).is_some_and(|audience| audience.includes(&caller.roles))
                {
                    blobs.push(row.get(1)?);
                }
            }
            Ok(blobs)
        })
    }

    /// Those of these names under which nothing is stored here.
    pub fn lacking(&self, organisation: &OrganisationId, ids: &[BlobId]) -> Result<Vec<BlobId>, StoreError> {
        self.read(|connection| {
            let Some(number) = batch::number(connection, organisation)? else { return Ok(Vec::new()) };
            let mut statement =
                connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM blob WHERE organisation = ? AND id = ?)")?;
            let mut lacking = Vec::new();
            for id in ids {
                if !statement.query_row(params![number, id.as_bytes()], |row| row.get::<_, bool>(0))? {
                    lacking.push(*id);
                }
            }
            Ok(lacking)
        })
    }

    /// Whether the database answers: a health check.
    pub fn ready(&self) -> Result<(), StoreError> {
        self.read(|connection| {
            Ok(connection.query_row("SELECT count(*) FROM (SELECT 1 FROM organisation LIMIT 1)", [], |_| Ok(()))?)
        })
    }
}

fn cannot_prove(error: CannotProve<StoreError>) -> StoreError {
    match error {
        CannotProve::OutOfRange { asked, size } => StoreError::OutOfRange { asked, size },
        CannotProve::Read(error) => error,
    }
}
