//! A copy of the database while a daemon writes: one consistent state, in one file, for its owner only.
//!
//! The copy is made row by row into new tables, so that nothing of the original comes along that is not a row of it, and
//! three things are left out on purpose:
//!
//! - **the keys to which standing rights are wrapped**: an old copy together with a delegate's identity would open what
//!   had ended since. A database that is put back from a copy makes new ones, and standing rights must be given anew;
//! - **re-sealed shares**, which the database forgets when their request is over, and a copy would not;
//! - **permissions to found**, which would be good a second time.
//!
//! What is in it: every entry, the sealed blobs that were live then, and the log keys in the clear. This module must
//! never change the database, overwrite a file, or leave half a copy under the name that was asked for.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::rows::{Column, unsigned};
use super::{DATABASE, StoreError, failed, schema};
use crate::escrow::id::OrganisationId;

/// What a copy holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Every organisation with the size of its log in the copy.
    pub sizes: Vec<(OrganisationId, u64)>,
}

/// What is left out: a table, and the column of which nothing is kept; or none of the table's rows.
const LEFT_OUT: [(&str, Option<&str>); 3] =
    [("organisation", Some("wrapping_seed")), ("share", Some("content")), ("founding", None)];

/// Copies the database of the data folder `dir` to the new file `to`. A daemon may run on the folder.
pub fn backup(dir: &Path, to: &Path) -> Result<Backup, StoreError> {
    let mut source = schema::open_reading(&dir.join(DATABASE))?;
    if to.symlink_metadata().is_ok() {
        return Err(StoreError::Exists(to.to_owned()));
    }
    let folder = match to.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    // For its owner only, and gone if this does not come to its end.
    let draft = tempfile::Builder::new().prefix(".sequestre-backup-").tempfile_in(&folder);
    let draft = draft.map_err(failed("make a file in", &folder))?;
    let mut copy = schema::open_empty(draft.path())?;
    // A copy that is cut short is thrown away: there is nothing to roll back to.
    copy.pragma_update(None, "journal_mode", "off")?;
    schema::create(&mut copy)?;
    // One state of everything, whatever is written meanwhile.
    let reading = source.transaction()?;
    let writing = copy.transaction()?;
    // References may point forward until everything is there.
    writing.pragma_update(None, "defer_foreign_keys", true)?;
    for table in tables(&reading)? {
        copy_table(&reading, &writing, &table)?;
    }
    writing.commit()?;
    drop(reading);
    let sizes = sizes(&copy)?;
    copy.close().map_err(|(_, error)| error)?;
    draft.as_file().sync_all().map_err(failed("write", to))?;
    draft.persist_noclobber(to).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => StoreError::Exists(to.to_owned()),
        _ => failed("name", to)(error.error),
    })?;
    File::open(&folder).and_then(|folder| folder.sync_all()).map_err(failed("write", &folder))?;
    Ok(Backup { sizes })
}

fn tables(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn columns(connection: &Connection, table: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?) ORDER BY cid")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn copy_table(from: &Connection, to: &Connection, table: &str) -> Result<(), StoreError> {
    let left_out = LEFT_OUT.iter().find(|(name, _)| *name == table).map(|(_, column)| *column);
    if left_out == Some(None) {
        return Ok(());
    }
    // Names of our own schema: nothing in them needs quoting.
    let names: Vec<String> =
        columns(to, table)?.into_iter().filter(|name| left_out != Some(Some(name.as_str()))).collect();
    let list = names.join(", ");
    let places = vec!["?"; names.len()].join(", ");
    let mut select = from.prepare(&format!("SELECT {list} FROM {table}"))?;
    let mut insert = to.prepare(&format!("INSERT INTO {table} ({list}) VALUES ({places})"))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..names.len()).map(|column| row.get::<_, Value>(column)).collect::<Result<Vec<_>, _>>()?;
        insert.execute(params_from_iter(values))?;
    }
    Ok(())
}

fn sizes(connection: &Connection) -> Result<Vec<(OrganisationId, u64)>, StoreError> {
    let mut statement = connection.prepare("SELECT id, size FROM organisation ORDER BY id")?;
    let rows =
        statement.query_map([], |row| Ok((row.get::<_, Column<OrganisationId>>(0)?.0, unsigned(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
