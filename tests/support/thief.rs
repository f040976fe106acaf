//! What whoever has the data folder can do with it: read the log key, and write any log that they like.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::path::Path;

use sequestre::escrow::id::OrganisationId;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use sequestre::escrow::log::merkle::{Frontier, leaf_hash};
use sequestre::seal::secret::Secret;
use sequestre::seal::signing::SigningKey;
use sequestre::store::DATABASE;

use crate::town::Town;

/// The organisation and its log key, from the database.
pub fn log_key(town: &Town) -> (OrganisationId, SigningKey) {
    let row = town
        .database()
        .query_row("SELECT id, log_seed FROM organisation", [], |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)));
    let (id, seed) = row.unwrap();
    (OrganisationId::new(id), SigningKey::from_seed(Secret::new(seed)).unwrap())
}

/// All entries in the database.
pub fn entries(town: &Town) -> Vec<Vec<u8>> {
    entries_in(&town.data())
}

/// All entries in the database of this data folder.
pub fn entries_in(data: &Path) -> Vec<Vec<u8>> {
    let database = rusqlite::Connection::open(data.join(DATABASE)).unwrap();
    let mut statement = database.prepare("SELECT bytes FROM entry ORDER BY position").unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// The checkpoint over these entries, as the log key signs it.
pub fn signed(entries: &[Vec<u8>], id: OrganisationId, key: &SigningKey) -> SignedCheckpoint {
    let mut frontier = Frontier::new();
    entries.iter().for_each(|entry| drop(frontier.push(leaf_hash(entry))));
    let checkpoint = Checkpoint { organisation: id, head: frontier.head() };
    let verifier = LogVerifier::new(id, key.public());
    verifier.assemble(checkpoint.head, &key.sign(checkpoint.body().as_bytes())).unwrap()
}

/// Rewrites the log as whoever has the database can: entries, tree and checkpoint fit together and are signed. The
/// daemon must not run.
pub fn rewrite(town: &Town, change: impl FnOnce(&mut Vec<Vec<u8>>, OrganisationId, &SigningKey)) {
    let (id, key) = log_key(town);
    let mut entries = entries(town);
    change(&mut entries, id, &key);
    let mut database = town.database();
    let transaction = database.transaction().unwrap();
    transaction.execute_batch("DELETE FROM node").unwrap();
    transaction.execute("DELETE FROM entry WHERE position >= ?", [entries.len() as i64]).unwrap();
    let mut frontier = Frontier::new();
    for (position, bytes) in entries.iter().enumerate() {
        let sql = "INSERT INTO entry (organisation, position, bytes) SELECT number, ?1, ?2 FROM organisation WHERE 1
                   ON CONFLICT (organisation, position) DO UPDATE SET bytes = ?2";
        transaction.execute(sql, rusqlite::params![position as i64, bytes]).unwrap();
        for node in frontier.push(leaf_hash(bytes)) {
            let sql = "INSERT INTO node (organisation, last, level, hash) SELECT number, ?, ?, ? FROM organisation";
            let hash = node.hash.as_bytes();
            transaction.execute(sql, rusqlite::params![position as i64, node.level, hash]).unwrap();
        }
    }
    let note = signed(&entries, id, &key).to_string();
    let values = rusqlite::params![entries.len() as i64, note];
    transaction.execute("UPDATE organisation SET size = ?, checkpoint = ?", values).unwrap();
    transaction.commit().unwrap();
}
