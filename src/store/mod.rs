//! The daemon's database: every organisation's entries, tree, blobs and indexes, in one SQLite file.
//!
//! | module | what it is for |
//! |---|---|
//! | [`batch`] | one transaction: everything that a group of entries changes, or nothing |
//! | [`load`] | an organisation's state from its own rows |
//! | [`reader`] | committed rows, for those who ask |
//! | [`fsck`] | recomputes everything from the entries |
//!
//! The entries are the truth; every other table can be computed from them and from the blobs, and [`fsck`] does.
//! Two things cannot: log keys and unused founding tokens' keys. They lie here in the clear, readable by the
//! technician, who has root anyway: the log key is what gives the daemon its voice, and no authority over anybody.
//! The file is therefore made for its owner only, and a copy of it is a copy of those keys.
//!
//! This layer must never decide what is allowed, read a clock, or tell anybody of a row before its commit. It knows
//! nothing of tokio: calls block.

pub mod batch;
mod error;
pub mod fsck;
pub mod load;
pub mod reader;
mod schema;

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;

pub use error::StoreError;

/// The database's file in the data folder.
pub const DATABASE: &str = "sequestre.db";

/// The one connection that writes, with the lock on the data folder. Ends both when dropped.
pub struct Store {
    connection: Connection,
    /// Held, not read: the lock ends with it.
    _lock: File,
}

impl Store {
    /// Makes `dir` (its parents must exist) and an empty database in it, whole or not at all. Never overwrites.
    pub fn init(dir: &Path) -> Result<(), StoreError> {
        todo!()
    }

    /// Opens the database of `dir` for writing; never creates one.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        todo!()
    }

    /// Permits one founding. The token is kept only as its SHA-256 and can be used once; several may be open.
    pub fn allow_founding(&mut self) -> Result<[u8; 32], StoreError> {
        todo!()
    }
}
