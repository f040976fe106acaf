//! That `fsck` finds what somebody changed, and says where.

use rusqlite::Connection;
use sequestre::daemon::writer::Writer;
use sequestre::escrow::id::{BlobId, OrganisationId};
use sequestre::store::fsck::fsck;
use sequestre::store::reader::Reader;
use sequestre::store::{DATABASE, Store, StoreError};

use super::world::{Hands, START, World, noise, store};

/// A folder with something in every table.
async fn furnished() -> (tempfile::TempDir, OrganisationId) {
    let dir = tempfile::tempdir().unwrap();
    let (store, tokens) = store(dir.path(), 2);
    let hands = Hands::at(START);
    let reader = Reader::open(dir.path(), 1).unwrap();
    let (writer, thread) = Writer::start(store, hands.clock());
    let world = World::found(&writer, &reader, tokens[0], &hands, 10).await;
    let (command, blobs) = world.deposit(world.head(), 100);
    let deposit = writer.submit(command, blobs, None).await.unwrap();
    let why = noise(50);
    let request = writer.submit(world.request(deposit, &why), vec![why], None).await.unwrap();
    let share = noise(200);
    writer.submit(world.approve(1, deposit, request, &BlobId::of(&share)), vec![], None).await.unwrap();
    writer.put_blobs(world.id, world.people[1].id(), vec![share]).await.unwrap();
    writer.cosign(world.cosign(1, world.head(), START), world.head()).await.unwrap();
    writer.shutdown().await;
    thread.join().unwrap();
    let World { id, reader, .. } = world;
    drop(reader);
    // The last connection empties the write-ahead log: everything is in the one file.
    drop(Store::open(dir.path()).unwrap());
    (dir, id)
}

#[tokio::test]
async fn every_change_is_found() {
    let (dir, id) = furnished().await;
    let report = fsck(dir.path()).unwrap();
    assert_eq!((report.organisations, report.entries, report.blobs, report.findings.len()), (1, 13, 12, 0));

    let path = dir.path().join(DATABASE);
    let sound = std::fs::read(&path).unwrap();
    for (change, index, reason) in [
        ("UPDATE entry SET bytes = zeroblob(9) WHERE position = 4", Some(4), ""),
        (
            "UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE position = 2) WHERE position = 3",
            Some(3),
            "entry 2",
        ),
        ("DELETE FROM entry WHERE position = 12", None, "12 entries are stored, the size says 13"),
        ("DELETE FROM entry WHERE position = 2", Some(2), "missing"),
        ("DELETE FROM entry", None, "no entries"),
        ("UPDATE entry SET leaf = zeroblob(32) WHERE position = 6", Some(6), "leaf hash"),
        ("UPDATE command SET id = zeroblob(32) WHERE position = 6", Some(6), "index of commands"),
        ("UPDATE command SET created = created + 1 WHERE position = 6", Some(6), "index of commands"),
        ("DELETE FROM command WHERE position = 6", Some(6), "index of commands"),
        ("INSERT INTO command VALUES (1, 1, zeroblob(32), 6)", None, "1 rows of table command"),
        ("INSERT INTO node VALUES (1, 255, 8, zeroblob(32))", Some(0), "node 0 of level 8"),
        ("UPDATE organisation SET size = 12", None, "the size says 12"),
        (
            "UPDATE organisation SET checkpoint = replace(checkpoint, char(10) || '13' || char(10), char(10) || '14' || char(10))",
            None,
            "false signature",
        ),
        ("UPDATE organisation SET log_seed = zeroblob(32)", None, "log key"),
        ("UPDATE organisation SET log_key = zeroblob(32)", None, "log key"),
        (
            "UPDATE blob SET content = zeroblob(100) WHERE rowid = (SELECT max(rowid) FROM blob)",
            Some(11),
            "content of blob",
        ),
        ("DELETE FROM blob WHERE rowid = 1", Some(0), "missing"),
        ("UPDATE blob SET audience = 1 WHERE audience = 3 AND rowid = 8", Some(10), "served to others"),
        ("INSERT INTO blob VALUES (1, zeroblob(32), 1, x'00')", None, "named by no entry"),
        ("UPDATE share SET content = x'00'", Some(11), "not what was approved"),
        ("DELETE FROM share", Some(11), "nobody waits"),
        ("UPDATE share SET request = 3", Some(3), "no running request"),
        ("UPDATE person SET roles = 2", None, "people and roles"),
        ("UPDATE person SET reads = 0", None, "people and roles"),
        ("UPDATE device SET revoked = 1 WHERE rowid = 2", None, "index of devices"),
        ("UPDATE cosignature SET size = 12", None, "cosignature of device"),
        ("UPDATE cosignature SET time = time + 1", None, "cosignature of device"),
        ("UPDATE deadline SET at = at + 1", None, "deadline"),
        ("DELETE FROM deadline", None, "deadline"),
        ("DELETE FROM person", None, "refers to one that does not exist"),
    ] {
        std::fs::write(&path, &sound).unwrap();
        let database = Connection::open(&path).unwrap();
        database.pragma_update(None, "foreign_keys", false).unwrap();
        assert!(database.execute(change, []).unwrap() > 0, "{change}");
        database.close().unwrap();
        let findings = fsck(dir.path()).unwrap().findings;
        let found = |finding: &sequestre::store::fsck::Finding| {
            finding.index == index
                && finding.reason.contains(reason)
                && finding.organisation.is_none_or(|organisation| organisation == id)
        };
        assert!(findings.iter().any(found), "{change}: {findings:?}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_found_or_cannot_be_read() {
    let (dir, _) = furnished().await;
    let path = dir.path().join(DATABASE);
    let sound = std::fs::read(&path).unwrap();
    for page in [2, 5, 9, 14] {
        let mut damaged = sound.clone();
        damaged[page * 4096..][..64].fill(0x5a);
        std::fs::write(&path, &damaged).unwrap();
        match fsck(dir.path()) {
            Ok(report) => assert!(!report.findings.is_empty(), "page {page}"),
            Err(error) => assert!(matches!(error, StoreError::Sqlite(_)), "page {page}: {error}"),
        }
    }
}
