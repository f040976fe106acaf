//! Tables of earlier versions, brought to today's when a daemon opens its database.
//!
//! Each step is one transaction: whenever the computer stops, the tables are those of the one version or of the next.
//! Nothing is decided here that the old rows do not say. This module must never touch a database that another process
//! has open as its own: its caller holds the folder's lock.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use super::rows::{Column, Number, signed};
use super::{StoreError, schema};
use crate::escrow::entry::{Entry, What};
use crate::escrow::id::OrganisationId;

/// Brings the tables of the database at `path` up to date, if they are of an earlier version.
pub(super) fn upgrade(path: &Path) -> Result<(), StoreError> {
    let (mut connection, version) = schema::open_to_upgrade(path)?;
    if version == 1 {
        schema::check_file(path)?;
        find_commands_by_time(&mut connection)?;
    }
    connection.close().map_err(|(_, error)| error.into())
}

/// From 1 to 2: commands are found by the time that they say, too, nodes lie where the entry that completed them does,
/// and re-sealed shares are found by their name.
fn find_commands_by_time(connection: &mut Connection) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "DROP INDEX entry_by_command; ALTER TABLE entry RENAME TO entry_1; ALTER TABLE node RENAME TO node_1; \
         ALTER TABLE share RENAME TO share_1;",
    )?;
    transaction.execute_batch(schema::LOG_TABLES)?;
    {
        let mut old = transaction.prepare(
            "SELECT organisation, id, position, command, bytes FROM entry_1 \
             JOIN organisation ON organisation.number = entry_1.organisation ORDER BY organisation, position",
        )?;
        let mut new = transaction
            .prepare("INSERT INTO entry (organisation, position, created, command, bytes) VALUES (?, ?, ?, ?, ?)")?;
        let mut rows = old.query([])?;
        while let Some(row) = rows.next()? {
            let (number, organisation): (Number, Column<OrganisationId>) = (row.get(0)?, row.get(1)?);
            let (position, command): (i64, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            let bytes = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
            let entry = Entry::parse(bytes).map_err(|bad| StoreError::Corrupt {
                organisation: organisation.0,
                what: format!("entry {position} cannot be read ({bad})"),
            })?;
            let created = match &entry.what {
                What::Command(command) => Some(signed(command.command().created.0)),
                What::Act(_) => None,
            };
            new.execute(params![number, position, created, command, bytes])?;
        }
    }
    transaction.execute_batch(
        "INSERT INTO node (organisation, last, level, hash) \
         SELECT organisation, ((position + 1) << level) - 1, level, hash FROM node_1; \
         INSERT INTO share SELECT organisation, request, approver, blob, content FROM share_1; \
         DROP TABLE entry_1; DROP TABLE node_1; DROP TABLE share_1;",
    )?;
    transaction.pragma_update(None, "user_version", 2)?;
    Ok(transaction.commit()?)
}
