//! What can go wrong with the daemon's database. No message quotes a key, a token or a blob.

use std::io;
use std::path::PathBuf;

use super::schema::SCHEMA_VERSION;
use crate::escrow::id::OrganisationId;
use crate::seal::secret::NoRandomness;
use crate::seal::signing::BadSecretKey;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the data folder.
    #[error("the data folder {} is in use by another daemon; stop that one first, or choose another folder", .0.display())]
    Locked(PathBuf),
    /// Nothing to open; opening never creates.
    #[error("there is no database at {}; make one with `sequestred init`, or correct the data folder", .0.display())]
    Missing(PathBuf),
    /// Something is there already; making never overwrites.
    #[error("{} exists already and is never overwritten; choose another folder", .0.display())]
    Exists(PathBuf),
    /// A file that this program did not make.
    #[error("{} is not a database of this program; correct the data folder", .0.display())]
    Foreign(PathBuf),
    /// Another version of the tables.
    #[error(
        "the database has tables of version {found}, this program reads version {SCHEMA_VERSION}; {}",
        if *found < SCHEMA_VERSION { "start `sequestred run` once, it brings them up to date" } else { "run the program that made them" }
    )]
    Schema {
        /// The version found.
        found: i64,
    },
    /// The file system refused.
    #[error("could not {doing} {}; check that the folder exists, its owner and its free space", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No room left for what was to be written.
    #[error("the disk is full: make room and try again; nothing was kept")]
    Full,
    /// SQLite refused.
    #[error("the database refused; check the disk and the file's owner, then run `sequestred fsck`")]
    Sqlite(#[source] rusqlite::Error),
    /// SQLite finds its own file damaged.
    #[error(
        "the database file is damaged ({0}), so that nothing more is written to it; `sequestred fsck` says what is \
         lost, and `sequestred restore` brings it back from a trustee's copy, in a new data folder on a sound disk"
    )]
    Damaged(String),
    /// What is stored contradicts itself.
    #[error(
        "the stored data of organisation {organisation} contradict themselves ({what}); run `sequestred fsck` and restore a copy"
    )]
    Corrupt {
        /// Whose.
        organisation: OrganisationId,
        /// How.
        what: String,
    },
    /// Asked about an entry or a size that the log does not have.
    #[error("the log has {size} entries, {asked} is beyond them; ask about what it contains")]
    OutOfRange {
        /// The index or size asked about.
        asked: u64,
        /// How many entries there are; 0 also where the organisation is unknown.
        size: u64,
    },
    /// The daemon ends, and has closed its database.
    #[error("the database is closed, because the daemon ends; ask again when it runs")]
    Closed,
    /// No randomness for a token or a key.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A log key could not be made.
    #[error("no log key could be made; nothing was kept")]
    Key(#[from] BadSecretKey),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Sqlite(error),
        }
    }
}
