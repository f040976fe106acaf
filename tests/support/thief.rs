//! What whoever has the data folder can do with it: read the log key, and write any log that they like.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::path::Path;

use sequestre::escrow::id::OrganisationId;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use sequestre::escrow::log::merkle::{Frontier, leaf_hash};
use sequestre::seal::secret::Secret;
use sequestre::seal::signing::SigningKey;
use sequestre::store::DATABASE;
use sequestre::store::reader::Reader;

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
    let id =
        database.query_row("SELECT id FROM organisation", [], |row| row.get(0)).map(OrganisationId::new).unwrap();
    let entries = Reader::open(data, 1).unwrap().entries(&id, 0, u64::MAX, usize::MAX).unwrap();
    entries.iter().map(|entry| entry.to_vec()).collect()
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
    assert!(entries.len() < 256, "longer logs lie in tiles, with nodes above them");
    transaction.execute_batch("DELETE FROM entry; DELETE FROM tile; DELETE FROM node").unwrap();
    transaction.execute("DELETE FROM command WHERE position >= ?", [entries.len() as i64]).unwrap();
    for (position, bytes) in entries.iter().enumerate() {
        let sql = "INSERT INTO entry (organisation, position, leaf, bytes) SELECT number, ?, ?, ? FROM organisation";
        let leaf = leaf_hash(bytes);
        transaction.execute(sql, rusqlite::params![position as i64, leaf.as_bytes(), bytes]).unwrap();
    }
    let note = signed(&entries, id, &key).to_string();
    let values = rusqlite::params![entries.len() as i64, note];
    transaction.execute("UPDATE organisation SET size = ?, checkpoint = ?", values).unwrap();
    transaction.commit().unwrap();
}
