//! Logs that are longer than a tile: where their entries lie, and that nobody who reads them can tell.

use bytes::Bytes;
use std::path::Path;

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rusqlite::Connection;
use sequestre::daemon::writer::{WriteError, Writer};
use sequestre::escrow::id::{Digest, OrganisationId};
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier};
use sequestre::escrow::log::merkle::{Frontier, MemoryTree, TreeHead, leaf_hash, verify_consistency};
use sequestre::escrow::log::proof::ProofFile;
use sequestre::seal::secret::Secret;
use sequestre::seal::signing::SigningKey;
use sequestre::store::batch::NewEntry;
use sequestre::store::fsck::fsck;
use sequestre::store::reader::Reader;
use sequestre::store::{DATABASE, Store, StoreError};

use super::world::{Hands, START, World, noise, store};

/// Rows of a table.
fn count(dir: &Path, table: &str) -> u64 {
    let database = Connection::open(dir.join(DATABASE)).unwrap();
    database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap() as u64
}

/// A log of these entries, as the writer stores them, with the heads that it had.
fn write(store: &mut Store, entries: &[Bytes], groups: usize) -> (OrganisationId, LogVerifier, Vec<TreeHead>) {
    let (id, key) = (OrganisationId::new([7; 32]), SigningKey::generate().unwrap());
    let verifier = LogVerifier::new(id, key.public());
    let mut tree = Frontier::new();
    let mut heads = vec![tree.head()];
    let mut number = None;
    for (group, entries) in entries.chunks(groups).enumerate() {
        let batch = store.begin().unwrap();
        let number = *number.get_or_insert_with(|| batch.found(&id, &Digest::new([8; 32]), &key).unwrap());
        for (n, bytes) in entries.iter().enumerate() {
            let index = (group * groups + n) as u64;
            let nodes = tree.push(leaf_hash(bytes));
            let entry = NewEntry { index, bytes, command: None, nodes: &nodes, effects: &[], blobs: &[] };
            batch.append(id, number, &entry).unwrap();
            heads.push(tree.head());
        }
        let body = Checkpoint { organisation: id, head: tree.head() }.body();
        let note = verifier.note(tree.head(), &key.sign(body.as_bytes())).unwrap();
        batch.close_group(number, tree.size(), &note.to_string(), None, false).unwrap();
        batch.commit().unwrap();
    }
    (id, verifier, heads)
}

#[test]
fn a_long_log_reads_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = store(dir.path(), 0);
    let mut chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    // The entries of the second tile are too long to be one; one of the fourth is as long as an entry can be.
    let length = |n: usize| match n {
        256..512 => 3_000,
        800 => 65_535,
        _ => n % 300,
    };
    let entries: Vec<Bytes> = (0..1_100).map(|n| noise(length(n))).collect();
    let (id, log, heads) = write(&mut store, &entries, 100);
    assert_eq!([count(dir.path(), "tile"), count(dir.path(), "entry")], [3, 256 + 1_100 - 1_024]);
    assert_eq!(count(dir.path(), "node"), 4 + 2 + 1, "roots of four tiles, and what is above them");

    let reader = Reader::open(dir.path(), 1).unwrap();
    let read = |from: usize, to: usize, most: usize| {
        let found = reader.entries(&id, from as u64, to as u64, most).unwrap();
        let wanted = &entries[from.min(entries.len())..to.min(entries.len())];
        assert!(found.len() <= wanted.len());
        assert_eq!(found, wanted[..found.len()]);
        let bytes: usize = found.iter().map(|entry| entry.len()).sum();
        match wanted.get(found.len()) {
            // It stopped where the next one would have been too much, and not before.
            Some(next) => {
                assert!(found.len() == 1 || bytes <= most && bytes + next.len() > most, "{from}..{to} {most}")
            }
            None => assert!(found.len() <= 1 || bytes <= most),
        }
        assert_eq!(found.is_empty(), wanted.is_empty());
    };
    read(0, 1_100, usize::MAX);
    read(1_100, 1_200, 9);
    for edge in [255, 256, 257, 511, 512, 513, 1_023, 1_024, 1_099] {
        read(edge, 1_101, usize::MAX);
        read(edge, edge + 1, usize::MAX);
        read(0, edge, usize::MAX);
        read(edge, 1_100, 0);
    }
    for _ in 0..200 {
        let mut number = |below: u64| (chance.next_u64() % below) as usize;
        let (from, to) = (number(1_100), number(1_200));
        read(from, to.max(from), number(100_000));
    }
    assert!(reader.entries(&id, 5, 4, 9).unwrap().is_empty());

    let note = reader.checkpoint(&id).unwrap().unwrap().0;
    let newest = *log.verify(&note).unwrap().head();
    assert_eq!(Some(&newest), heads.last());
    let mut tree = MemoryTree::new();
    entries.iter().for_each(|entry| tree.push(leaf_hash(entry)));
    assert_eq!(tree.head(), newest);
    for index in (0..1_100).step_by(7).chain([255, 256, 511, 512, 1_023, 1_024, 1_099]) {
        let proof: ProofFile = reader.inclusion_proof(&id, index as u64).unwrap().parse().unwrap();
        proof.verify(&leaf_hash(&entries[index]), &log).unwrap();
        let (path, _) = reader.consistency_proof(&id, index as u64).unwrap();
        verify_consistency(&heads[index], &newest, &path).unwrap();
    }
}

#[test]
fn a_tile_is_made_of_what_is_in_the_tree_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = store(dir.path(), 0);
    let entries: Vec<Bytes> = (0..256).map(|_| noise(20)).collect();
    let (id, _, _) = write(&mut store, &entries[..255], 100);
    let database = Connection::open(dir.path().join(DATABASE)).unwrap();
    database.execute("UPDATE entry SET bytes = zeroblob(20) WHERE position = 100", []).unwrap();

    let mut tree = Frontier::new();
    entries[..255].iter().for_each(|entry| drop(tree.push(leaf_hash(entry))));
    let nodes = tree.push(leaf_hash(&entries[255]));
    let last = NewEntry { index: 255, bytes: &entries[255], command: None, nodes: &nodes, effects: &[], blobs: &[] };
    let batch = store.begin().unwrap();
    let number = batch.number(&id).unwrap().unwrap();
    let without_leaf = NewEntry { nodes: &nodes[1..], ..last };
    assert!(matches!(batch.append(id, number, &without_leaf), Err(StoreError::Corrupt { .. })));
    batch.append(id, number, &last).unwrap();
    batch.commit().unwrap();
    assert_eq!([count(dir.path(), "tile"), count(dir.path(), "entry")], [0, 256]);
    let reader = Reader::open(dir.path(), 1).unwrap();
    let spoiled = reader.entries(&id, 100, 101, usize::MAX);
    assert!(matches!(&spoiled, Err(StoreError::Corrupt { what, .. }) if what.contains("entry 100")), "{spoiled:?}");
}

/// A folder with a log of two full tiles and some entries more.
pub async fn long() -> (tempfile::TempDir, World, TreeHead) {
    let dir = tempfile::tempdir().unwrap();
    let (store, tokens) = store(dir.path(), 1);
    let hands = Hands::at(START);
    let reader = Reader::open(dir.path(), 1).unwrap();
    let (writer, thread) = Writer::start(store, hands.clock());
    let world = World::found(&writer, &reader, tokens[0], &hands, 10).await;
    let base = world.head();
    let mut indices = Vec::new();
    let mut first = None;
    while indices.last().is_none_or(|index| *index < 530) {
        let parcels: Vec<_> = (0..64).map(|_| world.deposit(base, 10)).collect();
        first.get_or_insert_with(|| parcels[0].clone());
        let written = parcels.into_iter().map(|(command, blobs)| {
            let writer = writer.clone();
            tokio::spawn(async move { writer.submit(command, blobs, None).await })
        });
        for written in written.collect::<Vec<_>>() {
            indices.push(written.await.unwrap().unwrap());
        }
    }
    // Whoever missed the answer gets it again, also where the entry lies in a tile by now; and what is said against an
    // old tree is compared with it.
    let (command, blobs) = first.unwrap();
    assert_eq!(writer.submit(command, blobs, None).await.unwrap(), indices[0]);
    let mut tree = Frontier::new();
    let mut heads = vec![tree.head()];
    for entry in reader.entries(&world.id, 0, u64::MAX, usize::MAX).unwrap() {
        tree.push(leaf_hash(&entry));
        heads.push(tree.head());
    }
    assert_eq!(heads.last(), Some(&world.head()));
    for size in [20, 200, 256, 300, 512, 529] {
        let head = heads[size];
        let (command, blobs) = world.deposit(head, 10);
        writer.submit(command, blobs, None).await.unwrap();
        let (command, blobs) = world.deposit(TreeHead { root: Digest::new([9; 32]), ..head }, 10);
        let foreign = writer.submit(command, blobs, None).await.unwrap_err();
        assert_eq!(foreign.reason(), "FOREIGN_BASE");
    }
    writer.shutdown().await;
    thread.join().unwrap();
    let head = world.head();
    // The last connection empties the write-ahead log: everything is in the one file.
    world.reader.close();
    drop(Store::open(dir.path()).unwrap());
    (dir, world, head)
}

#[tokio::test]
async fn a_long_log_goes_on_and_what_is_spoiled_in_it_is_found() {
    let (dir, world, head) = long().await;
    let path = dir.path().join(DATABASE);
    let report = fsck(dir.path()).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(count(dir.path(), "tile"), 2);
    assert_eq!(report.entries, 512 + count(dir.path(), "entry"));

    let sound = std::fs::read(&path).unwrap();
    // Whether all entries are still served, the one at 300 is proved, and the log is written on.
    for (change, index, reason, served, proved, goes_on) in [
        (
            "UPDATE tile SET entries = CAST(substr(entries, 1, 9000) || x'ff' || substr(entries, 9002) AS BLOB)
             WHERE number = 0",
            Some(0),
            "tile 0 cannot be read",
            false,
            true,
            false,
        ),
        (
            "UPDATE tile SET entries = CAST(entries || x'00' AS BLOB) WHERE number = 1",
            Some(256),
            "tile 1 cannot be read",
            false,
            true,
            false,
        ),
        ("UPDATE tile SET entries = x'' WHERE number = 1", Some(256), "tile 1 cannot be read", false, true, false),
        ("UPDATE tile SET checksum = checksum - 1 WHERE number = 1", Some(256), "tile 1 cannot", false, true, false),
        (
            "UPDATE tile SET hashes = CAST(zeroblob(32) || substr(hashes, 33) AS BLOB) WHERE number = 1",
            Some(256),
            "tile 1 cannot be read",
            false,
            false,
            false,
        ),
        ("UPDATE tile SET number = 2 - number WHERE number = 0", None, "no entries", false, false, false),
        ("DELETE FROM tile WHERE number = 1", None, "256 entries are stored", false, false, false),
        ("DELETE FROM node WHERE level = 9", None, "1 nodes of the tree are missing", true, true, false),
        (
            "UPDATE node SET hash = zeroblob(32) WHERE level = 8 AND last = 255",
            Some(0),
            "node 0 of level 8",
            true,
            false,
            true,
        ),
        ("INSERT INTO entry VALUES (1, 300, zeroblob(32), x'00')", None, "1 rows of table entry", true, true, true),
    ] {
        std::fs::write(&path, &sound).unwrap();
        let database = Connection::open(&path).unwrap();
        assert!(database.execute(change, []).unwrap() > 0, "{change}");
        database.close().unwrap();
        let findings = fsck(dir.path()).unwrap().findings;
        let found =
            findings.iter().any(|found| index.is_none_or(|_| found.index == index) && found.reason.contains(reason));
        assert!(found, "{change}: {findings:?}");
        // A server shows nobody what its disk spoiled, and writes nothing more to such a log where it needs what is lost.
        let reader = Reader::open(dir.path(), 1).unwrap();
        match reader.entries(&world.id, 0, u64::MAX, usize::MAX) {
            Ok(entries) => assert!(served && entries.len() as u64 == report.entries, "{change}"),
            Err(refused) => {
                assert!(!served && matches!(refused, StoreError::Corrupt { .. }), "{change}: {refused:?}")
            }
        }
        let proof = reader.inclusion_proof(&world.id, 300);
        assert!(proof.is_ok() || matches!(proof, Err(StoreError::Corrupt { .. })), "{change}: {proof:?}");
        assert_eq!(proof.is_ok(), proved, "{change}");
        drop(reader);
        let (writer, thread) = Writer::start(Store::open(dir.path()).unwrap(), world.hands.clock());
        let (command, blobs) = world.deposit(head, 10);
        match writer.submit(command, blobs, None).await {
            Ok(_) => assert!(goes_on, "{change}"),
            Err(refused) => assert!(!goes_on && matches!(refused, WriteError::Storage(_)), "{change}: {refused:?}"),
        }
        writer.shutdown().await;
        thread.join().unwrap();
    }
}

/// Whoever can write the database puts an older size back, with the checkpoint that was signed over it.
#[tokio::test]
async fn an_older_checkpoint_is_not_gone_on_from() {
    let (dir, world, _) = long().await;
    let database = Connection::open(dir.path().join(DATABASE)).unwrap();
    let seed =
        database.query_row("SELECT log_seed FROM organisation", [], |row| row.get(0)).map(Secret::new).unwrap();
    let key = SigningKey::from_seed(seed).unwrap();
    let reader = Reader::open(dir.path(), 1).unwrap();
    let entries = reader.entries(&world.id, 0, u64::MAX, usize::MAX).unwrap();
    drop(reader);
    for size in [100, 255, 256, 300, 512, 520, entries.len() - 1, entries.len()] {
        let mut tree = Frontier::new();
        entries[..size].iter().for_each(|entry| drop(tree.push(leaf_hash(entry))));
        let body = Checkpoint { organisation: world.id, head: tree.head() }.body();
        let log = LogVerifier::new(world.id, key.public());
        let note = log.note(tree.head(), &key.sign(body.as_bytes())).unwrap().to_string();
        let row = rusqlite::params![size as i64, note];
        database.execute("UPDATE organisation SET size = ?, checkpoint = ?", row).unwrap();
        let (writer, thread) = Writer::start(Store::open(dir.path()).unwrap(), world.hands.clock());
        let (command, blobs) = world.deposit(tree.head(), 10);
        match writer.submit(command, blobs, None).await {
            Ok(index) => assert_eq!((index, size), (entries.len() as u64, entries.len())),
            Err(refused) => {
                assert!(size < entries.len() && matches!(refused, WriteError::Storage(_)), "{size}: {refused:?}");
                writer.tick().await.unwrap();
            }
        }
        writer.shutdown().await;
        thread.join().unwrap();
    }
}
