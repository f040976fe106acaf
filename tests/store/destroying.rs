//! What was destroyed is gone from the disk in the transaction that says so, and only that.

use bytes::Bytes;
use prost::Message as _;
use rusqlite::Connection;
use sequestre::daemon::writer::Writer;
use sequestre::escrow::id::BlobId;
use sequestre::proto::v1::{self, command::Act};
use sequestre::store::DATABASE;
use sequestre::store::fsck::fsck;
use sequestre::store::reader::Reader;

use super::world::{DAY, Hands, START, World, noise, reason, store};

fn second(world: &World, proposal: u64) -> Act {
    Act::Confirm(v1::Confirm { proposal_index: proposal, proposal_leaf: world.leaf(proposal).to_vec() })
}

#[tokio::test]
async fn destroyed_blobs_leave_the_disk_with_the_entry_that_ends_them() {
    let dir = tempfile::tempdir().unwrap();
    let (store, tokens) = store(dir.path(), 1);
    let hands = Hands::at(START);
    let reader = Reader::open(dir.path(), 1).unwrap();
    let (writer, thread) = Writer::start(store, hands.clock());
    let world = World::found(&writer, &reader, tokens[0], &hands, 10).await;
    let blobs: Vec<Bytes> = (0..6).map(|_| noise(200)).collect();
    let others: Vec<Bytes> = (0..6).map(|_| noise(200)).collect();
    let (command, sent) = world.deposit_of(world.head(), blobs.clone());
    let Some(v1::command::Act::Deposit(deposit)) =
        v1::Command::decode(command.signed().to_wire().command.as_slice()).unwrap().act
    else {
        panic!("no deposit")
    };
    writer.submit(command, sent, None).await.unwrap();
    let (command, sent) = world.deposit_of(world.head(), others.clone());
    writer.submit(command, sent, None).await.unwrap();

    let why = noise(50);
    let doomed = v1::DoomedAccount { credential: deposit.credential, version: 0 };
    let act = Act::ProposeDestruction(v1::ProposeDestruction {
        subject: Some(v1::propose_destruction::Subject::Account(doomed)),
        reason: BlobId::of(&why).to_vec(),
    });
    let proposal = writer.submit(world.command(0, act), vec![why], None).await.unwrap();
    let leaf = world.leaf(proposal).to_vec();
    let act = Act::Sign(v1::Sign { proposal_index: proposal, proposal_leaf: leaf });
    writer.submit(world.command(1, act), vec![], None).await.unwrap();
    let early = writer.submit(world.command(0, second(&world, proposal)), vec![], None).await;
    assert_eq!(reason(early), "TOO_EARLY");
    hands.forward(7 * DAY);
    writer.submit(world.command(0, second(&world, proposal)), vec![], None).await.unwrap();
    let ids: Vec<BlobId> = blobs.iter().map(|blob| BlobId::of(blob)).collect();
    let trustee = world.caller(0).unwrap();
    assert_eq!(reader.blobs(&world.id, &ids, &trustee).unwrap().len(), 6, "one of two confirmed");
    let last = writer.submit(world.command(2, second(&world, proposal)), vec![], None).await.unwrap();
    assert_eq!(reader.blobs(&world.id, &ids, &trustee).unwrap(), Vec::<Vec<u8>>::new());
    let left: Vec<BlobId> = others.iter().map(|blob| BlobId::of(blob)).collect();
    assert_eq!(reader.blobs(&world.id, &left, &trustee).unwrap().len(), 6);

    // Not in the file either, free pages and the write-ahead log included.
    drop(writer);
    thread.join().unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for gone in &blobs {
            assert!(!bytes.windows(64).any(|window| window == &gone[..64]));
        }
    }
    let report = fsck(dir.path()).unwrap();
    assert_eq!((report.findings, report.entries), (vec![], last + 1));

    // Somebody puts one back from a backup.
    let database = Connection::open(dir.path().join(DATABASE)).unwrap();
    let insert = "INSERT INTO blob (organisation, id, audience, content) VALUES (1, ?, 3, ?)";
    database.execute(insert, rusqlite::params![ids[2].as_bytes(), &blobs[2][..]]).unwrap();
    let findings = fsck(dir.path()).unwrap().findings;
    assert_eq!(findings.len(), 1);
    assert!(findings[0].reason.ends_with("was destroyed and is here all the same"), "{findings:?}");
}
