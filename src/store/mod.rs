//! The daemon's database: every organisation's entries, tree, blobs and indexes, in one SQLite file.
//!
//! | module | what it is for |
//! |---|---|
//! | [`batch`] | one transaction: everything that a group of entries changes, or nothing |
//! | `log` | how a log's entries and its tree lie in the tables |
//! | [`load`] | an organisation's state from its own rows |
//! | [`reader`] | committed rows, for those who ask |
//! | [`fsck`] | recomputes everything from the entries |
//! | [`backup`] | a copy while a daemon runs |
//! | [`restore`] | an organisation back from its people's replicas |
//! | `upgrade` | tables of earlier versions brought to today's |
//!
//! The entries are the truth; every other table can be computed from them and from the blobs, and [`fsck`] does.
//! Three things cannot: log keys, unused founding tokens' keys, and the keys to which standing rights are wrapped. They
//! lie here in the clear, readable by the technician, who has root anyway: the log key is what gives the daemon its
//! voice, and no authority over anybody; a wrapping key opens one of two layers.
//! The file is therefore made for its owner only, and a copy of it is a copy of those keys.
//!
//! This layer must never decide what is allowed, read a clock, or tell anybody of a row before its commit. It knows
//! nothing of tokio: calls block.

pub mod backup;
pub mod batch;
mod error;
pub mod fsck;
pub mod load;
mod log;
pub mod reader;
pub mod restore;
mod rows;
mod schema;
mod upgrade;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use crate::escrow::id::{OrganisationId, sha256};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::checkpoint::Checkpoint;
use crate::escrow::log::merkle::TreeHead;
use crate::seal::secret::random_bytes;
pub use error::StoreError;
use load::Loader;
use rows::{Column, unsigned};

/// The database's file in the data folder.
pub const DATABASE: &str = "sequestre.db";

/// Where [`Store::init`] makes it before it gets its name.
const DRAFT: &str = "sequestre.db.new";

/// The one connection that writes, with the lock on the data folder. Ends both when dropped.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    /// Held, not read: the lock ends with it, also when the process is killed.
    _lock: File,
    /// Transactions committed.
    #[cfg(test)]
    commits: u64,
    #[cfg(test)]
    /// Whoever holds this holds up whoever loads.
    pub gate: std::sync::Arc<std::sync::Mutex<()>>,
}

impl Store {
    /// Makes `dir` (its parents must exist), unless it is there, for an empty database; nobody else makes one there
    /// meanwhile. Refused where there is one, or what SQLite would apply to a new one.
    pub fn make_folder(dir: &Path) -> Result<Folder, StoreError> {
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed("make", dir)(error)),
            _ => {}
        }
        let lock = lock(dir)?;
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let path = dir.join(format!("{DATABASE}{suffix}"));
            if path.symlink_metadata().is_ok() {
                return Err(StoreError::Exists(path));
            }
        }
        Ok(Folder { dir: dir.to_owned(), lock })
    }

    /// [`Self::make_folder`] with an empty database.
    pub fn init(dir: &Path) -> Result<(), StoreError> {
        Self::make_folder(dir)?.init()
    }

    /// Opens the database of `dir` for writing; never creates one, and never goes on with one that is damaged.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE);
        if !path.exists() {
            return Err(StoreError::Missing(path));
        }
        let lock = lock(dir)?;
        upgrade::upgrade(&path)?;
        let connection = schema::open_writing(&path)?;
        schema::check_file(&path)?;
        let store = Self {
            connection,
            path,
            _lock: lock,
            #[cfg(test)]
            commits: 0,
            #[cfg(test)]
            gate: Default::default(),
        };
        store.empty_log()?;
        Ok(store)
    }

    /// What loads organisations beside this.
    pub fn loader(&self) -> Loader {
        Loader {
            path: self.path.clone(),
            stopped: Arc::default(),
            #[cfg(test)]
            gate: self.gate.clone(),
        }
    }

    /// Permits one founding. The token is kept only as its SHA-256 and can be used once; several may be open.
    pub fn allow_founding(&mut self) -> Result<[u8; 32], StoreError> {
        permit(&self.connection)
    }

    /// [`Self::allow_founding`] for the database of `dir`, also while a daemon has it open: the lock on the folder
    /// keeps a second one from applying the rules, and this applies none.
    pub fn allow_founding_in(dir: &Path) -> Result<[u8; 32], StoreError> {
        permit(&schema::open_writing(&dir.join(DATABASE))?)
    }

    /// Every organisation with the size of its log.
    pub fn sizes(&self) -> Result<Vec<(OrganisationId, u64)>, StoreError> {
        let mut statement = self.connection.prepare("SELECT id, size FROM organisation")?;
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, Column<OrganisationId>>(0)?.0, unsigned(row.get(1)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Organisations in which something is to do at a target, or something was open to the daemon.
    pub fn busy(&self) -> Result<Vec<OrganisationId>, StoreError> {
        let mut statement = self.connection.prepare("SELECT id FROM organisation WHERE busy")?;
        let rows = statement.query_map([], |row| Ok(row.get::<_, Column<OrganisationId>>(0)?.0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Moves everything from the write-ahead log into the database and empties the log, so that no copy of a deleted
    /// share stays in it. False while somebody reads an older state: to be tried again.
    pub fn empty_log(&self) -> Result<bool, StoreError> {
        // Not worth waiting for: a long read would hold up everybody's commands.
        self.connection.busy_timeout(Duration::ZERO)?;
        let busy = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        self.connection.busy_timeout(schema::BUSY)?;
        Ok(busy? == 0)
    }
    /// How many transactions were committed.
    #[cfg(test)]
    pub(crate) fn commits(&self) -> u64 {
        self.commits
    }

    /// Makes the disk seem full beyond so many pages.
    #[cfg(test)]
    pub(crate) fn set_max_pages(&self, most: i64) {
        let set = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        self.connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], set).unwrap();
    }
}

/// The organisations that were restored in `dir` and wait for a move, each with its new log key and its tree.
fn waiting(dir: &Path) -> Result<Vec<(OrganisationId, VerifyingKey, TreeHead)>, StoreError> {
    let connection = schema::open_reading(&dir.join(DATABASE))?;
    let mut statement =
        connection.prepare("SELECT id, log_key, checkpoint FROM organisation WHERE waiting = 1 ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, Column<OrganisationId>>(0)?.0, row.get::<_, Vec<u8>>(1)?, row.get::<_, String>(2)?))
    })?;
    let mut found = Vec::new();
    for row in rows {
        let (organisation, key, note) = row?;
        let corrupt = |what: &str| StoreError::Corrupt { organisation, what: what.to_owned() };
        let key = VerifyingKey::ed25519(&key).map_err(|_| corrupt("its log key is damaged"))?;
        let body = note.split_inclusive('\n').take(3).collect::<String>();
        let checkpoint = Checkpoint::parse(&body).map_err(|_| corrupt("its checkpoint is damaged"))?;
        found.push((organisation, key, checkpoint.head));
    }
    Ok(found)
}

fn permit(connection: &Connection) -> Result<[u8; 32], StoreError> {
    let token = random_bytes()?;
    connection.execute("INSERT INTO founding (token) VALUES (?)", params![sha256(&[&token])])?;
    Ok(token)
}

/// A data folder that is being made, locked.
pub struct Folder {
    dir: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes an empty database in it, whole or not at all. Never overwrites.
    pub fn init(self) -> Result<(), StoreError> {
        let (dir, lock) = (&self.dir, &self.lock);
        let path = dir.join(DATABASE);
        // Left over from an attempt that was cut short. A journal without its file would be applied to the next one.
        let draft = dir.join(DRAFT);
        let others = ["-journal", "-wal", "-shm"].map(|suffix| dir.join(format!("{DRAFT}{suffix}")));
        for old in std::iter::once(draft.clone()).chain(others) {
            match std::fs::remove_file(&old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", &old)(error)),
                _ => {}
            }
        }
        // SQLite gives its other files the permissions of this one.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let file = file.map_err(failed("make", &draft))?;
        let mut connection = schema::open_empty(&draft)?;
        schema::create(&mut connection)?;
        // From now on: whoever only reads could not undo what a rollback journal has.
        schema::write_ahead(&connection)?;
        connection.close().map_err(|(_, error)| error)?;
        file.sync_all().map_err(failed("write", &draft))?;
        std::fs::rename(&draft, &path).map_err(failed("name", &path))?;
        lock.sync_all().map_err(failed("write", dir))
    }
}

/// How often the lock of the data folder is tried, [`LOCK_PAUSE`] apart.
const LOCK_TRIES: u32 = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// The data folder, for one process at a time. The lock is on the folder itself: there is no file that somebody
/// could remove to get round it. A daemon that is just ending, or a program that it is just starting and that still
/// holds its files, has it for a moment more: that is waited for.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let folder = File::open(dir).map_err(failed("open", dir))?;
    for _ in 0..LOCK_TRIES {
        match folder.try_lock() {
            Ok(()) => return Ok(folder),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(source)) => return Err(failed("lock", dir)(source)),
        }
    }
    Err(StoreError::Locked(dir.to_owned()))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { doing, path, source }
}
