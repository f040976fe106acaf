//! Tables of earlier versions, brought to today's when a daemon opens its database.
//!
//! Each step is one transaction: whenever the computer stops, the tables are those of the one version or of the next.
//! Nothing is decided here that the old rows do not say. This module must never touch a database that another process
//! has open as its own: its caller holds the folder's lock.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::batch::Commanded;
use super::log::Log;
use super::rows::{Column, Number, unsigned};
use super::{StoreError, schema};
use crate::escrow::id::{Digest, OrganisationId};
use crate::escrow::log::merkle::{Frontier, leaf_hash};

/// Brings the tables of the database at `path` up to date, if they are of an earlier version.
pub(super) fn upgrade(path: &Path) -> Result<(), StoreError> {
    let (mut connection, version) = schema::open_to_upgrade(path)?;
    if (1..schema::SCHEMA_VERSION).contains(&version) {
        schema::check_file(path)?;
        write_logs_anew(&mut connection, version)?;
    }
    connection.close().map_err(|(_, error)| error.into())
}

/// From 1 or 2 to 3: entries lie in tiles, and nodes below the roots of those are computed. From 1 also: commands are
/// found by the time that they say, too, and re-sealed shares by their name.
///
/// # Errors
/// An entry is not the one in its tree any more: to write it anew would make it look sound. Nothing is changed then.
fn write_logs_anew(connection: &mut Connection, version: i64) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "DROP INDEX entry_by_command; DROP INDEX IF EXISTS share_by_blob; ALTER TABLE entry RENAME TO old_entry; \
         ALTER TABLE node RENAME TO old_node; ALTER TABLE share RENAME TO old_share;",
    )?;
    transaction.execute_batch(schema::LOG_TABLES)?;
    {
        let mut old = transaction.prepare(
            "SELECT organisation, id, position, bytes FROM old_entry \
             JOIN organisation ON organisation.number = old_entry.organisation ORDER BY organisation, position",
        )?;
        let place = if version == 1 { "position" } else { "last" };
        let leaf = format!("SELECT hash FROM old_node WHERE organisation = ? AND level = 0 AND {place} = ?");
        let mut leaf = transaction.prepare(&leaf)?;
        let mut rows = old.query([])?;
        let mut tree = (None, Frontier::new());
        while let Some(row) = rows.next()? {
            let (number, organisation): (Number, Column<OrganisationId>) = (row.get(0)?, row.get(1)?);
            let position = unsigned(row.get(2)?);
            let bytes = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
            if tree.0 != Some(number) {
                tree = (Some(number), Frontier::new());
            }
            let corrupt = |what: String| StoreError::Corrupt { organisation: organisation.0, what };
            if tree.1.size() != position {
                return Err(corrupt(format!("entry {} is missing", tree.1.size())));
            }
            let hash = leaf_hash(bytes);
            let stored =
                leaf.query_row(params![number, row.get::<_, i64>(2)?], |row| row.get::<_, Column<Digest>>(0));
            if stored.optional()?.map(|leaf| leaf.0) != Some(hash) {
                return Err(corrupt(format!(
                    "entry {position} is not the one in its tree; the earlier program still serves the others"
                )));
            }
            let nodes = tree.1.push(hash);
            let log = Log { connection: &transaction, organisation: organisation.0, number };
            log.append(position, bytes, Commanded::of_entry(bytes, organisation.0).as_ref(), &nodes)?;
        }
    }
    transaction.execute_batch(
        "INSERT INTO share SELECT organisation, request, approver, blob, content FROM old_share; \
         DROP TABLE old_entry; DROP TABLE old_node; DROP TABLE old_share;",
    )?;
    transaction.pragma_update(None, "user_version", schema::SCHEMA_VERSION)?;
    Ok(transaction.commit()?)
}
