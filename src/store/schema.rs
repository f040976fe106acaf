//! The tables, and how connections to them are opened.
//!
//! Organisations are referred to by a local number, so that 32 bytes are not repeated in every key; it means nothing
//! outside this file. Sizes, indices and times are what a signed 64-bit integer holds.

use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use super::{StoreError, failed};

/// The version of the tables, in `PRAGMA user_version`.
pub const SCHEMA_VERSION: i64 = 3;

/// `PRAGMA application_id`: tells this program's files from other people's.
const APPLICATION_ID: i64 = 0x5345_5145;

/// How long a connection waits for a lock that somebody else holds (an administrator's `sqlite3`, say).
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// How long the write-ahead log grows before it is moved into the database, in pages of 4 KiB (64 MiB): pages that each
/// commit changes are then moved once for many. In a long log those are many, since names of blobs lie anywhere.
const WAL_PAGES: i64 = 16_000;

/// Pages that each reading connection keeps in memory, in KiB. The system keeps what is read often, for all of them.
const PAGE_CACHE: i64 = 512;

/// Statements that a connection keeps compiled: all that this layer has.
const STATEMENTS: usize = 48;

const TABLES: &str = "
-- One row per log, with both halves of its Ed25519 log key. `size` and `checkpoint` (a signed note) change with every
-- group of entries. `waiting`: restored from copies; the log key of this row signs nothing until a move names it.
-- `wrapping_seed`: the private half of the key to which standing rights are wrapped, once somebody asked for it. `busy`:
-- something is to do at a target or open to the daemon, so that a restart knows which logs to read.
CREATE TABLE organisation (
    number INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 32),
    log_seed BLOB NOT NULL CHECK (length(log_seed) = 32),
    log_key BLOB NOT NULL CHECK (length(log_key) = 32),
    size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
    checkpoint TEXT NOT NULL DEFAULT '',
    waiting INTEGER NOT NULL DEFAULT 0 CHECK (waiting IN (0, 1)),
    wrapping_seed BLOB CHECK (length(wrapping_seed) = 32),
    busy INTEGER NOT NULL DEFAULT 0 CHECK (busy IN (0, 1))
) STRICT;
CREATE INDEX organisation_busy ON organisation (number) WHERE busy;

-- Foundings that the technician permitted: SHA-256 of the token, and the log key made for it once somebody asked.
CREATE TABLE founding (
    token BLOB NOT NULL PRIMARY KEY CHECK (length(token) = 32),
    log_seed BLOB CHECK (length(log_seed) = 32)
) STRICT;

-- Live blobs. `audience` is the widest one under which an entry names the blob.
CREATE TABLE blob (
    organisation INTEGER NOT NULL REFERENCES organisation,
    id BLOB NOT NULL CHECK (length(id) = 32),
    audience INTEGER NOT NULL CHECK (audience BETWEEN 1 AND 4),
    content BLOB NOT NULL,
    PRIMARY KEY (organisation, id)
) STRICT;

-- Who may read, with which roles (the bit 1 << number for each), and with which devices.
CREATE TABLE person (
    organisation INTEGER NOT NULL REFERENCES organisation,
    id BLOB NOT NULL CHECK (length(id) = 32),
    reads INTEGER NOT NULL CHECK (reads IN (0, 1)),
    roles INTEGER NOT NULL,
    PRIMARY KEY (organisation, id)
) STRICT;
CREATE TABLE device (
    organisation INTEGER NOT NULL REFERENCES organisation,
    id BLOB NOT NULL CHECK (length(id) = 32),
    person BLOB NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0 CHECK (revoked IN (0, 1)),
    PRIMARY KEY (organisation, id),
    FOREIGN KEY (organisation, person) REFERENCES person
) STRICT;
CREATE INDEX device_by_id ON device (id);

-- Each device's newest cosignature.
CREATE TABLE cosignature (
    organisation INTEGER NOT NULL REFERENCES organisation,
    device BLOB NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL CHECK (length(root) = 32),
    time INTEGER NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (organisation, device),
    FOREIGN KEY (organisation, device) REFERENCES device
) STRICT;

-- When the daemon next has to add something by itself.
CREATE TABLE deadline (
    organisation INTEGER PRIMARY KEY REFERENCES organisation,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX deadline_by_time ON deadline (at);
";

/// Those of them that changed since version 1: what earlier versions had instead is brought to these.
pub(super) const LOG_TABLES: &str = "
-- The truth, in two tables (`store::log`). 256 entries in order with their leaf hashes, as the files of tlog-tiles have
-- them (`checksum`: CRC-32 of the number in eight bytes, `hashes`, `entries`); and those, in rows, that are not in a
-- tile yet, or too long together for one.
CREATE TABLE tile (
    organisation INTEGER NOT NULL REFERENCES organisation,
    number INTEGER NOT NULL CHECK (number >= 0),
    checksum INTEGER NOT NULL,
    hashes BLOB NOT NULL CHECK (length(hashes) = 8192),
    entries BLOB NOT NULL,
    PRIMARY KEY (organisation, number)
) STRICT;
CREATE TABLE entry (
    organisation INTEGER NOT NULL REFERENCES organisation,
    position INTEGER NOT NULL CHECK (position >= 0),
    leaf BLOB NOT NULL CHECK (length(leaf) = 32),
    bytes BLOB NOT NULL,
    PRIMARY KEY (organisation, position)
) STRICT, WITHOUT ROWID;

-- Which entry a command is; acts of the daemon are none. Commands are found by the time, too, that they say: what is
-- signed at the same time lies together, and a long log takes a command as fast as a short one.
CREATE TABLE command (
    organisation INTEGER NOT NULL REFERENCES organisation,
    created INTEGER NOT NULL,
    id BLOB NOT NULL CHECK (length(id) = 32),
    position INTEGER NOT NULL CHECK (position >= 0),
    PRIMARY KEY (organisation, created, id)
) STRICT, WITHOUT ROWID;

-- Roots of full subtrees from those of tiles (level 8) upwards, those together that one entry (`last`, the subtree's
-- last leaf) completed.
CREATE TABLE node (
    organisation INTEGER NOT NULL REFERENCES organisation,
    last INTEGER NOT NULL CHECK (last >= 0),
    level INTEGER NOT NULL CHECK (level >= 8),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (organisation, last, level)
) STRICT, WITHOUT ROWID;

-- Re-sealed shares, awaited (no content) or uploaded. Never mixed with live blobs: an approver may name an id that is
-- one of those, and dropping a request's shares must not delete it.
CREATE TABLE share (
    organisation INTEGER NOT NULL REFERENCES organisation,
    request INTEGER NOT NULL,
    approver BLOB NOT NULL CHECK (length(approver) = 32),
    blob BLOB NOT NULL CHECK (length(blob) = 32),
    content BLOB,
    PRIMARY KEY (organisation, request, approver, blob)
) STRICT, WITHOUT ROWID;
CREATE INDEX share_by_blob ON share (organisation, approver, blob);
";

/// Makes the tables in an empty database.
pub(super) fn create(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(LOG_TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    Ok(transaction.commit()?)
}

/// Opens a file that exists, and says so if it does not.
fn connect(path: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing(path.to_owned()));
    }
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    prepare(&connection)?;
    Ok(connection)
}

/// The same for a file that must be writable: SQLite says only that it cannot open it, or later that it is read-only.
fn connect_to_write(path: &Path) -> Result<Connection, StoreError> {
    if path.exists() {
        writable(path).map_err(failed("write to", path))?;
    }
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Asked without opening the file: to close it again would take the locks from every connection of this process.
fn writable(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

pub(super) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else a statement with LIMIT is compiled anew for each value, which takes longer than what it does.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    Ok(())
}

/// Refuses other programs' files and other versions' tables.
fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    match version_of(connection, path)? {
        SCHEMA_VERSION => Ok(()),
        found => Err(StoreError::Schema { found }),
    }
}

/// The version of the tables; refuses other programs' files.
fn version_of(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let application = number("application_id").map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Foreign(path.to_owned()),
        _ => error.into(),
    })?;
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    Ok(number("user_version")?)
}

/// A connection that may change the tables themselves, and their version.
pub(super) fn open_to_upgrade(path: &Path) -> Result<(Connection, i64), StoreError> {
    let connection = connect_to_write(path)?;
    let version = version_of(&connection, path)?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok((connection, version))
}

/// A connection to a new, empty file, to make the tables in.
pub(super) fn open_empty(path: &Path) -> Result<Connection, StoreError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// The connection that writes: each commit is on the disk before it returns, and what is deleted is overwritten.
pub(super) fn open_writing(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect_to_write(path)?;
    check(&connection, path)?;
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// The file has a write-ahead log, also for those who open it later.
pub(super) fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("PRAGMA journal_mode = wal")?;
    let (mut answers, mut mode) = (statement.query([])?, String::new());
    // To the end: SQLite answers before it changes the file.
    while let Some(answer) = answers.next()? {
        mode = answer.get(0)?;
    }
    if mode == "wal" {
        return Ok(());
    }
    let refused = ffi::Error::new(ffi::SQLITE_IOERR);
    Err(rusqlite::Error::SqliteFailure(refused, Some("no write-ahead log could be made".to_owned())).into())
}

/// Refuses a file that SQLite itself finds damaged, before anything is written into it. Reads all of it, once, each table
/// on a thread of its own: for a large one, this is what a start takes. That no page belongs to two tables is left to
/// [`fsck`](super::fsck).
pub(super) fn check_file(path: &Path) -> Result<(), StoreError> {
    // The table of tables stands for the free pages, too.
    let mut tables = vec!["sqlite_schema".to_owned()];
    {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut statement =
            connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").map_err(damaged)?;
        for name in statement.query_map([], |row| row.get(0)).map_err(damaged)? {
            tables.push(name.map_err(damaged)?);
        }
    }
    let check = |table: &str| {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let mut statement = connection.prepare("SELECT * FROM pragma_quick_check(?)").map_err(damaged)?;
        let said: String = statement.query_row([table], |row| row.get(0)).map_err(damaged)?;
        if said == "ok" { Ok(()) } else { Err(StoreError::Damaged(said)) }
    };
    std::thread::scope(|scope| {
        let checks: Vec<_> = tables.iter().map(|table| scope.spawn(|| check(table))).collect();
        let join = |check: ScopedJoinHandle<'_, _>| check.join().unwrap_or_else(|panic| resume_unwind(panic));
        checks.into_iter().try_for_each(join)
    })
}

/// What SQLite says when a file is damaged beyond reading on.
fn damaged(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error.to_string()),
        _ => error.into(),
    }
}

/// A connection that only reads.
pub(super) fn open_reading(path: &Path) -> Result<Connection, StoreError> {
    match open_read_only(path) {
        Err(StoreError::Sqlite(error)) if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) => {
            open_unchanging(path).unwrap_or(Err(StoreError::Sqlite(error)))
        }
        other => other,
    }
}

/// The same of a database that a daemon has open.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    check(&connection, path)?;
    connection.pragma_update(None, "cache_size", -PAGE_CACHE)?;
    Ok(connection)
}

/// The same on a file system that nobody can write to, such as a copy kept as evidence: SQLite would want to make a
/// file beside the database. `None` if it is not read-only, or what was written last lies in a write-ahead log, which
/// cannot be read without such a file.
fn open_unchanging(path: &Path) -> Option<Result<Connection, StoreError>> {
    let kind = writable(path).err()?.kind();
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let whole = std::fs::metadata(log).map_or(true, |log| log.len() == 0);
    if kind != io::ErrorKind::ReadOnlyFilesystem || !whole {
        return None;
    }
    let escaped = path.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let access = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(format!("file:{escaped}?immutable=1"), access).map_err(StoreError::from);
    Some(opened.and_then(|connection| {
        prepare(&connection)?;
        check(&connection, path)?;
        Ok(connection)
    }))
}
