//! Databases as the programs of their time made them, opened by today's.
//!
//! `schema-N.db` has tables of version N, one association with an account in escrow, a lease that runs, one request that
//! waits, cosignatures, and a key for standing rights; from version 3 on, more entries than a tile has. Whoever changes the tables adds the next one with
//! `cargo test --test store -- --ignored make_the_next`, run before any database of that version exists anywhere, and
//! keeps the old ones as they are.

use std::path::{Path, PathBuf};

use sequestre::daemon::writer::{Writer, WriterThread};
use sequestre::escrow::id::BlobId;
use sequestre::escrow::log::merkle::{Frontier, leaf_hash};
use sequestre::store::batch::Commanded;
use sequestre::store::fsck::fsck;
use sequestre::store::reader::Reader;
use sequestre::store::{DATABASE, Store};

use super::tiles;
use super::world::{DAY, Hands, START, World, noise, store};

/// Numbers the people of these databases.
const FIRST: u8 = 100;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store")
}

fn version(database: &Path) -> i64 {
    let connection = rusqlite::Connection::open(database).unwrap();
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

async fn stop(writer: &Writer, thread: WriterThread) {
    writer.shutdown().await;
    thread.join().unwrap();
}

#[tokio::test]
async fn every_version_that_there_ever_was_is_opened_and_goes_on() {
    let newest = tempfile::tempdir().unwrap();
    Store::init(newest.path()).unwrap();
    let newest = version(&newest.path().join(DATABASE));
    for number in 1..=newest {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join(DATABASE);
        std::fs::copy(folder().join(format!("schema-{number}.db")), &database).unwrap();
        assert_eq!(version(&database), number);

        let hands = Hands::at(START + 60);
        let (writer, thread) = Writer::start(Store::open(dir.path()).unwrap(), hands.clock());
        assert_eq!(version(&database), newest, "it has today's tables now");
        let world = World::found_again(dir.path(), &hands, FIRST);
        let size = world.head().size;
        assert!(size > 13);
        assert_eq!(fsck(dir.path()).unwrap().findings, []);

        // The lease that ran can still be collected, and ends by itself; what is new is taken.
        let leased = 11;
        let member = world.people[3].id();
        assert_eq!(writer.collect(world.id, member, leased).await.unwrap().shares.len(), 2);
        let (command, blobs) = world.deposit(world.head(), 300);
        assert_eq!(writer.submit(command, blobs, None).await.unwrap(), size);
        hands.forward(2 * DAY);
        writer.tick().await.unwrap();
        assert!(world.head().size > size + 1, "the lease and the waiting request are over");
        assert!(world.reader.checkpoint(&world.id).unwrap().unwrap().1.len() == 2, "cosignatures are kept");
        stop(&writer, thread).await;
        assert_eq!(fsck(dir.path()).unwrap().findings, []);
    }
}

/// The tables of a log as version 2 had them.
const LOG_2: &str = "
    CREATE TABLE entry (
        organisation INTEGER NOT NULL REFERENCES organisation,
        position INTEGER NOT NULL CHECK (position >= 0),
        created INTEGER CHECK ((created IS NULL) = (command IS NULL)),
        command BLOB CHECK (length(command) = 32),
        bytes BLOB NOT NULL,
        PRIMARY KEY (organisation, position)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX entry_by_command ON entry (organisation, created, command);
    CREATE TABLE node (
        organisation INTEGER NOT NULL REFERENCES organisation,
        last INTEGER NOT NULL CHECK (last >= 0),
        level INTEGER NOT NULL,
        hash BLOB NOT NULL CHECK (length(hash) = 32),
        PRIMARY KEY (organisation, last, level)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = 2;
";

#[tokio::test]
async fn a_long_log_is_brought_up_to_date_unless_it_is_spoiled() {
    let (dir, world, head) = tiles::long().await;
    let database = dir.path().join(DATABASE);
    let reader = Reader::open(dir.path(), 1).unwrap();
    let entries = reader.entries(&world.id, 0, u64::MAX, usize::MAX).unwrap();
    drop(reader);
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.execute_batch("DROP TABLE tile; DROP TABLE entry; DROP TABLE node; DROP TABLE command").unwrap();
    connection.execute_batch(LOG_2).unwrap();
    let mut tree = Frontier::new();
    for (position, bytes) in (0_i64..).zip(&entries) {
        let command = Commanded::of_entry(bytes, world.id);
        let (created, id) = command.map(|command| (command.created.0 as i64, command.id.to_vec())).unzip();
        let row = rusqlite::params![position, created, id, bytes.as_ref()];
        connection.execute("INSERT INTO entry VALUES (1, ?, ?, ?, ?)", row).unwrap();
        for node in tree.push(leaf_hash(bytes)) {
            let row = rusqlite::params![position, node.level, node.hash.as_bytes()];
            connection.execute("INSERT INTO node VALUES (1, ?, ?, ?)", row).unwrap();
        }
    }
    connection.close().unwrap();
    let sound = std::fs::read(&database).unwrap();
    // To write a spoiled entry anew would make it look sound.
    for change in [
        "UPDATE entry SET bytes = zeroblob(9) WHERE position = 300",
        "DELETE FROM entry WHERE position = 300",
        "DELETE FROM node WHERE last = 300 AND level = 0",
    ] {
        std::fs::write(&database, &sound).unwrap();
        let connection = rusqlite::Connection::open(&database).unwrap();
        assert_eq!(connection.execute(change, []).unwrap(), 1);
        connection.close().unwrap();
        let refused = Store::open(dir.path()).map(drop).unwrap_err();
        assert!(refused.to_string().contains("entry 300 is"), "{change}: {refused}");
        assert_eq!(version(&database), 2);
    }
    std::fs::write(&database, &sound).unwrap();
    drop(Store::open(dir.path()).unwrap());
    assert_eq!(version(&database), 3);
    assert_eq!(fsck(dir.path()).unwrap().findings, []);
    let reader = Reader::open(dir.path(), 1).unwrap();
    assert_eq!(reader.entries(&world.id, 0, u64::MAX, usize::MAX).unwrap(), entries);
    let connection = rusqlite::Connection::open(&database).unwrap();
    let tiles: i64 = connection.query_row("SELECT count(*) FROM tile", [], |row| row.get(0)).unwrap();
    assert_eq!((tiles, head.size), (2, entries.len() as u64));
}

#[tokio::test]
#[ignore = "not a test: writes the database of a new version of the tables"]
async fn make_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (store, tokens) = store(dir.path(), 2);
    let hands = Hands::at(START);
    let reader = Reader::open(dir.path(), 1).unwrap();
    let (writer, thread) = Writer::start(store, hands.clock());
    let world = World::found(&writer, &reader, tokens[0], &hands, FIRST).await;
    let (command, blobs) = world.deposit(world.head(), 300);
    let deposit = writer.submit(command, blobs, None).await.unwrap();
    let reasons = [noise(50), noise(50)];
    let leased = writer.submit(world.request(deposit, &reasons[0]), vec![reasons[0].clone()], None).await.unwrap();
    for trustee in [1, 2] {
        let share = noise(222);
        let approval = world.approve(trustee, deposit, leased, &BlobId::of(&share));
        writer.submit(approval, vec![], None).await.unwrap();
        writer.put_blobs(world.id, world.people[trustee].id(), vec![share]).await.unwrap();
    }
    writer.collect(world.id, world.people[3].id(), leased).await.unwrap();
    let (command, blobs) = world.deposit(world.head(), 300);
    let other = writer.submit(command, blobs, None).await.unwrap();
    writer.submit(world.request(other, &reasons[1]), vec![reasons[1].clone()], None).await.unwrap();
    for person in [1, 2] {
        let cosignature = world.cosign(person, world.head(), START);
        writer.cosign(cosignature, world.head()).await.unwrap();
    }
    // Long enough for a full tile.
    while world.head().size < 270 {
        let (command, blobs) = world.deposit(world.head(), 20);
        writer.submit(command, blobs, None).await.unwrap();
    }
    writer.at_desk(world.id, |desk| desk.wrapping_key()).await.unwrap();
    writer.prepare_founding(tokens[1]).await.unwrap();
    stop(&writer, thread).await;
    drop((reader, world));
    // One file, with everything in it.
    let database = dir.path().join(DATABASE);
    let connection = rusqlite::Connection::open(&database).unwrap();
    let mode: String = connection.query_row("PRAGMA journal_mode = delete", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
    drop(connection);
    let to = folder().join(format!("schema-{}.db", version(&database)));
    assert!(!to.exists(), "{} is never made anew: it is what programs of its time made", to.display());
    std::fs::copy(&database, &to).unwrap();
}
