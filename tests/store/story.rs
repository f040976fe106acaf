//! What the writer does with commands, blobs, cosignatures and time, and what readers see of it.

use bytes::Bytes;
use std::path::Path;
use std::time::Duration;

use sequestre::daemon::writer::{
    Collected, MAX_BLOB_BYTES, MAX_BLOBS_BYTES_PER_DAY, MAX_TEXT_BLOB_BYTES, WriteError, Writer, WriterThread,
};
use sequestre::escrow::id::{BlobId, Digest, OrganisationId, PersonId};
use sequestre::escrow::log::checkpoint::LogVerifier;
use sequestre::escrow::log::merkle::{TreeHead, verify_consistency};
use sequestre::escrow::log::proof::ProofFile;
use sequestre::escrow::role::Role;
use sequestre::proto::v1::{self, command::Act};
use sequestre::store::fsck::fsck;
use sequestre::store::reader::{Caller, Reader};
use sequestre::store::{DATABASE, Store, StoreError};

use super::world::{DAY, Hands, Person, START, World, genesis, noise, reason, store};

/// A data folder with one founded organisation.
struct Stage {
    dir: tempfile::TempDir,
    writer: Writer,
    thread: WriterThread,
    world: World,
}

impl Stage {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, tokens) = store(dir.path(), 1);
        let hands = Hands::at(START);
        let reader = Reader::open(dir.path(), 2).unwrap();
        let (writer, thread) = Writer::start(store, hands.clock());
        let world = World::found(&writer, &reader, tokens[0], &hands, 10).await;
        Self { dir, writer, thread, world }
    }

    /// Stops the daemon; the folder must be in order.
    async fn end(self) {
        self.writer.shutdown().await;
        self.thread.join().unwrap();
        assert_eq!(fsck(self.dir.path()).unwrap().findings, []);
    }

    /// A deposit, a request for it, and two approvals; gives the request's index and the two shares.
    async fn granted(&self) -> (u64, [Bytes; 2], Bytes) {
        let (command, blobs) = self.world.deposit(self.world.head(), 300);
        let sealed = blobs[2].clone();
        let deposit = self.writer.submit(command, blobs, None).await.unwrap();
        let why = noise(50);
        let request = self.writer.submit(self.world.request(deposit, &why), vec![why], None).await.unwrap();
        let shares = [noise(222), noise(222)];
        for (trustee, share) in [(1, &shares[0]), (2, &shares[1])] {
            let approval = self.world.approve(trustee, deposit, request, &BlobId::of(share));
            self.writer.submit(approval, vec![], None).await.unwrap();
        }
        (request, shares, sealed)
    }

    fn person(&self, number: usize) -> PersonId {
        self.world.people[number].id()
    }

    async fn collect(&self, person: usize, request: u64) -> Result<Collected, WriteError> {
        self.writer.collect(self.world.id, self.person(person), request).await
    }

    async fn upload(&self, person: usize, blobs: &[&Bytes]) -> Result<(), WriteError> {
        let blobs = blobs.iter().map(|blob| (*blob).clone()).collect();
        self.writer.put_blobs(self.world.id, self.person(person), blobs).await
    }
}

/// Whether some file of the folder contains these bytes.
fn on_disk(dir: &Path, bytes: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        content.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[tokio::test]
async fn a_founding_needs_its_token_and_its_log_key_once() {
    let dir = tempfile::tempdir().unwrap();
    let (store, tokens) = store(dir.path(), 2);
    let hands = Hands::at(START);
    let (writer, thread) = Writer::start(store, hands.clock());
    assert_eq!(reason(writer.prepare_founding([0; 32]).await), "FOUNDING_TOKEN");
    let key = writer.prepare_founding(tokens[0]).await.unwrap();
    assert_eq!(writer.prepare_founding(tokens[0]).await.unwrap(), key, "the same key until it is used");
    assert_ne!(writer.prepare_founding(tokens[1]).await.unwrap(), key);

    let founder = Person::new(1);
    let (command, names) = genesis(&founder, key, &tokens[0], START);
    for (token, blobs, expected) in [
        (None, names.clone(), "FOUNDING_TOKEN"),
        (Some(tokens[1]), names.clone(), "FOUNDING_TOKEN"),
        (Some([0; 32]), names.clone(), "FOUNDING_TOKEN"),
        (Some(tokens[0]), names[..1].to_vec(), "MISSING_BLOB"),
    ] {
        assert_eq!(reason(writer.submit(command.clone(), blobs, token).await), expected);
    }
    let (foreign, blobs) = genesis(&founder, Person::new(9).key.public(), &tokens[0], START);
    assert_eq!(reason(writer.submit(foreign, blobs, Some(tokens[0])).await), "FOUNDING_TOKEN");
    let signed = command.signed().clone();
    let misplaced = signed.verify(OrganisationId::new([9; 32])).unwrap();
    assert_eq!(reason(writer.submit(misplaced, names.clone(), Some(tokens[0])).await), "FOREIGN_BASE");

    assert_eq!(writer.submit(command.clone(), names.clone(), Some(tokens[0])).await.unwrap(), 0);
    assert_eq!(writer.submit(command, vec![], None).await.unwrap(), 0, "sent again");
    assert_eq!(reason(writer.prepare_founding(tokens[0]).await), "FOUNDING_TOKEN", "used");
    let (again, blobs) = genesis(&founder, key, &tokens[0], START);
    assert_eq!(reason(writer.submit(again, blobs, Some(tokens[0])).await), "FOUNDING_TOKEN", "used");
    writer.shutdown().await;
    assert_eq!(reason(writer.prepare_founding(tokens[1]).await), "CLOSING");
    thread.join().unwrap();
    assert_eq!(fsck(dir.path()).unwrap().findings, []);
    assert!(!on_disk(dir.path(), &tokens[0]) && !on_disk(dir.path(), &tokens[1]), "only digests of tokens are kept");
}

#[tokio::test]
async fn sent_again_it_is_the_same_entry_whatever_the_time() {
    let stage = Stage::new().await;
    let (command, blobs) = stage.world.deposit(stage.world.head(), 100);
    let late = stage.world.deposit(stage.world.head(), 100);
    let index = stage.writer.submit(command.clone(), blobs, None).await.unwrap();
    stage.world.hands.forward(DAY);
    assert_eq!(stage.writer.submit(command.clone(), vec![], None).await.unwrap(), index);
    assert_eq!(reason(stage.writer.submit(late.0, late.1, None).await), "CLOCK_SKEW");
    let size = stage.world.head().size;
    // Also across a restart.
    stage.writer.shutdown().await;
    stage.thread.join().unwrap();
    let store = Store::open(stage.dir.path()).unwrap();
    let (writer, thread) = Writer::start(store, stage.world.hands.clock());
    assert_eq!(writer.submit(command, vec![], None).await.unwrap(), index);
    assert_eq!(*writer.subscribe(&stage.world.id).borrow(), size);
    Stage { writer, thread, ..stage }.end().await;
}

#[tokio::test]
async fn the_log_never_goes_back_in_time() {
    let stage = Stage::new().await;
    let time = |index| sequestre::escrow::entry::Entry::parse(&stage.world.entry(index)).unwrap().time.0;
    stage.world.hands.forward(500);
    let (command, blobs) = stage.world.deposit(stage.world.head(), 100);
    let later = stage.writer.submit(command, blobs, None).await.unwrap();
    // The daemon's clock was set back by less than the tolerance: the entry takes the time of the one before.
    let back = Hands::at(START + 100);
    stage.writer.shutdown().await;
    stage.thread.join().unwrap();
    let (writer, thread) = Writer::start(Store::open(stage.dir.path()).unwrap(), back.clock());
    let (command, blobs) = stage.world.deposit(stage.world.head(), 100);
    let index = writer.submit(command, blobs, None).await.unwrap();
    assert_eq!((time(later), time(index)), (START + 500, START + 500));
    Stage { dir: stage.dir, world: stage.world, writer, thread }.end().await;
}

#[tokio::test]
async fn shares_are_handed_to_the_requester_once_a_quorum_delivered_and_deleted_with_the_lease() {
    let stage = Stage::new().await;
    let (request, shares, sealed) = stage.granted().await;
    assert_eq!(reason(stage.collect(1, request).await), "NOT_YOURS");
    assert_eq!(reason(stage.collect(3, request).await), "NOT_YET_UPLOADED");
    assert_eq!(reason(stage.collect(3, request + 50).await), "REQUEST_UNKNOWN");

    assert_eq!(reason(stage.upload(2, &[&shares[0]]).await), "NOT_AWAITED", "another approver's");
    stage.upload(1, &[&shares[0]]).await.unwrap();
    stage.upload(1, &[&shares[0]]).await.unwrap();
    let size = stage.world.head().size;
    assert_eq!(reason(stage.collect(3, request).await), "NOT_YET_UPLOADED");
    assert_eq!(stage.world.head().size, size, "no lease began");
    let stray = noise(30);
    assert_eq!(reason(stage.upload(2, &[&stray, &shares[1]]).await), "NOT_AWAITED", "but the other one is kept");

    let collected = stage.collect(3, request).await.unwrap();
    let mut expected = shares.to_vec();
    let mut got: Vec<Bytes> = collected.shares.iter().cloned().map(Bytes::from).collect();
    expected.sort();
    got.sort();
    assert_eq!((got, &collected.sealed), (expected, &vec![sealed.to_vec()]));
    assert_eq!(stage.world.head().size, size + 1, "the lease stands in the log");
    assert_eq!(stage.collect(3, request).await.unwrap(), collected, "again while it runs");
    assert_eq!(stage.world.head().size, size + 1);
    assert!(on_disk(stage.dir.path(), &shares[0]));

    stage.world.hands.forward(3_600);
    assert_eq!(reason(stage.collect(3, request).await), "REQUEST_CLOSED");
    stage.writer.tick().await.unwrap();
    assert_eq!(stage.world.head().size, size + 2);
    assert_eq!(reason(stage.upload(1, &[&shares[0]]).await), "NOT_AWAITED");
    for share in &shares {
        assert!(!on_disk(stage.dir.path(), share), "overwritten in the database and in the write-ahead log");
    }
    stage.end().await;
}

#[tokio::test]
async fn an_approver_cannot_have_a_live_blob_deleted_or_shown() {
    let stage = Stage::new().await;
    let (command, blobs) = stage.world.deposit(stage.world.head(), 300);
    let sealed = &blobs[2];
    let deposit = stage.writer.submit(command, blobs.clone(), None).await.unwrap();

    // A member names a sealed secret as the reason of a request, so that everybody could fetch it.
    let request = stage.world.request(deposit, sealed);
    assert_eq!(reason(stage.writer.submit(request, vec![], None).await), "TEXT_USED");
    let member = stage.world.caller(3).unwrap();
    let trustee = stage.world.caller(1).unwrap();
    let read = |caller: &Caller, ids: &[&Bytes]| {
        let ids: Vec<BlobId> = ids.iter().map(|blob| BlobId::of(blob)).collect();
        stage.world.reader.blobs(&stage.world.id, &ids, caller).unwrap()
    };
    assert_eq!(read(&trustee, &[sealed, &blobs[5], &blobs[1]]), [sealed.clone(), blobs[5].clone(), blobs[1].clone()]);
    assert_eq!(read(&member, &[sealed, &blobs[0], &blobs[5], &blobs[1]]), [blobs[0].clone()], "the label only");
    assert_eq!(read(&trustee, &[&noise(9)]), Vec::<Vec<u8>>::new());

    // An approver names it as a re-sealed share: it is neither fetched that way nor deleted with the request.
    let why = noise(50);
    let request = stage.writer.submit(stage.world.request(deposit, &why), vec![why], None).await.unwrap();
    let approval = stage.world.approve(1, deposit, request, &BlobId::of(sealed));
    stage.writer.submit(approval, vec![], None).await.unwrap();
    stage
        .writer
        .submit(stage.world.command(3, Act::Return(v1::Return { request_index: request })), vec![], None)
        .await
        .unwrap();
    assert_eq!(read(&trustee, &[sealed]).first(), Some(&sealed.to_vec()));
    stage.end().await;
}

#[tokio::test]
async fn blobs_must_be_there_and_not_too_large() {
    let stage = Stage::new().await;
    let head = stage.world.head();
    let (command, mut blobs) = stage.world.deposit(head, 100);
    let last = blobs.pop().unwrap();
    assert_eq!(reason(stage.writer.submit(command.clone(), blobs.clone(), None).await), "MISSING_BLOB");
    blobs.push(noise(100));
    assert_eq!(reason(stage.writer.submit(command.clone(), blobs.clone(), None).await), "MISSING_BLOB");
    assert_eq!(stage.world.head(), head, "nothing was kept");
    for blobs in [vec![noise(MAX_BLOB_BYTES + 1)], vec![noise(MAX_BLOB_BYTES); 17], vec![Bytes::new(); 1_025]] {
        assert_eq!(reason(stage.writer.submit(command.clone(), blobs, None).await), "BLOB_TOO_LARGE");
    }
    blobs.push(last);
    stage.writer.submit(command, blobs.clone(), None).await.unwrap();
    let stray = BlobId::of(&blobs[5]);
    let trustee = stage.world.caller(0).unwrap();
    assert!(stage.world.reader.blobs(&stage.world.id, &[stray], &trustee).unwrap().is_empty(), "not named, not kept");
    stage.end().await;
}

#[tokio::test]
async fn texts_are_short() {
    let stage = Stage::new().await;
    let head = stage.world.head();
    let deposit = |label, sheet| {
        let blobs = [label, sheet, 5_000, 5_000, 5_000, 5_000].map(noise).to_vec();
        stage.world.deposit_of(head, blobs)
    };
    for (label, sheet) in [(MAX_TEXT_BLOB_BYTES + 1, 40), (40, MAX_TEXT_BLOB_BYTES + 1)] {
        let (command, blobs) = deposit(label, sheet);
        assert_eq!(reason(stage.writer.submit(command, blobs, None).await), "TEXT_TOO_LARGE");
    }
    assert_eq!(stage.world.head(), head, "nothing was kept");
    let (command, blobs) = deposit(MAX_TEXT_BLOB_BYTES, MAX_TEXT_BLOB_BYTES);
    let deposited = stage.writer.submit(command, blobs, None).await.unwrap();
    let why = noise(MAX_TEXT_BLOB_BYTES + 1);
    let request = stage.world.request(deposited, &why);
    assert_eq!(reason(stage.writer.submit(request, vec![why], None).await), "TEXT_TOO_LARGE");
    stage.end().await;
}

#[tokio::test]
async fn nobody_fills_the_disk_in_a_day() {
    let stage = Stage::new().await;
    // Sealed blobs, not texts: 1 MiB and a little.
    let deposit = async || {
        let (command, blobs) = stage.world.deposit(stage.world.head(), MAX_BLOB_BYTES);
        stage.writer.submit(command, blobs, None).await
    };
    let fitting = MAX_BLOBS_BYTES_PER_DAY / (4 * MAX_BLOB_BYTES + 2 * 4096);
    let mut deposited = 0;
    for _ in 0..fitting {
        deposited = deposit().await.unwrap();
    }
    let head = stage.world.head();
    assert_eq!(reason(deposit().await), "RATE_LIMIT");
    assert_eq!(stage.world.head(), head, "nothing was kept");
    // Others have their own allowance, and what is small still fits.
    let why = noise(50);
    let request = stage.world.request(deposited, &why);
    stage.writer.submit(request, vec![why], None).await.unwrap();
    let (command, blobs) = stage.world.deposit(stage.world.head(), 100);
    stage.writer.submit(command, blobs, None).await.unwrap();
    stage.world.hands.forward(DAY);
    deposit().await.unwrap();
    stage.end().await;
}

#[tokio::test]
async fn readers_get_entries_proofs_and_callers() {
    let stage = Stage::new().await;
    let Stage { world, writer, .. } = &stage;
    let reader = &world.reader;
    let old = world.head();
    let mut sizes = writer.subscribe(&world.id);
    assert_eq!((*sizes.borrow_and_update(), reader.size(&world.id).unwrap()), (10, Some(10)));
    let (command, blobs) = world.deposit(old, 100);
    let index = writer.submit(command, blobs, None).await.unwrap();
    sizes.changed().await.unwrap();
    assert_eq!((index, *sizes.borrow()), (10, 11));

    let all = reader.entries(&world.id, 0, u64::MAX, usize::MAX).unwrap();
    assert_eq!(all.len(), 11);
    assert_eq!(reader.entries(&world.id, 3, 5, usize::MAX).unwrap(), all[3..5]);
    assert_eq!(reader.entries(&world.id, 3, 9, all[3].len() + all[4].len()).unwrap(), all[3..5]);
    assert_eq!(reader.entries(&world.id, 3, 9, 1).unwrap(), all[3..4], "at least one");
    assert!(reader.entries(&world.id, 11, 20, usize::MAX).unwrap().is_empty());

    let log = LogVerifier::new(world.id, world.log_key);
    let proof: ProofFile = reader.inclusion_proof(&world.id, 4).unwrap().parse().unwrap();
    assert_eq!(proof.index(), 4);
    proof.verify(&world.leaf(4), &log).unwrap();
    let beyond = reader.inclusion_proof(&world.id, 11);
    assert!(matches!(beyond, Err(StoreError::OutOfRange { asked: 11, size: 11 })));
    let (path, note) = reader.consistency_proof(&world.id, old.size).unwrap();
    verify_consistency(&old, log.verify(&note).unwrap().head(), &path).unwrap();
    assert!(matches!(reader.consistency_proof(&world.id, 12), Err(StoreError::OutOfRange { asked: 12, size: 11 })));

    assert_eq!(
        world.caller(1),
        Some(Caller { person: stage.person(1), roles: [Role::Trustee].into(), waiting: false })
    );
    assert_eq!(
        world.caller(3),
        Some(Caller { person: stage.person(3), roles: [Role::Member].into(), waiting: false })
    );
    assert_eq!(reader.caller(&world.id, &Person::new(99).device_id()).unwrap(), None);
    // An identity is not a device.
    assert_eq!(reader.caller(&world.id, &world.people[1].key.public().device()).unwrap(), None);
    let revoke = Act::RevokeDevice(v1::RevokeDevice { device: world.people[1].device_id().to_vec() });
    writer.submit(world.command(1, revoke), vec![], None).await.unwrap();
    assert_eq!(world.caller(1), None);
    writer.submit(world.command(3, Act::Leave(v1::Leave {})), vec![], None).await.unwrap();
    assert_eq!(world.caller(3), None);

    let nobody = OrganisationId::new([1; 32]);
    assert_eq!((reader.size(&nobody).unwrap(), reader.checkpoint(&nobody).unwrap()), (None, None));
    assert_eq!(reader.caller(&nobody, &world.people[0].device_id()).unwrap(), None);
    assert_eq!(reason(writer.collect(nobody, stage.person(0), 0).await), "UNKNOWN_ORGANISATION");
    assert_eq!(reason(writer.put_blobs(nobody, stage.person(0), vec![]).await), "UNKNOWN_ORGANISATION");
    stage.end().await;
}

#[tokio::test]
async fn the_newest_true_cosignature_of_each_device_is_kept() {
    let stage = Stage::new().await;
    let Stage { world, writer, .. } = &stage;
    let kept = || world.reader.checkpoint(&world.id).unwrap().unwrap().1;
    let head = world.head();
    let first = world.cosign(1, head, START);
    writer.cosign(first, head).await.unwrap();
    writer.cosign(first, head).await.unwrap();
    assert_eq!(kept(), [(head, first.to_string())]);

    let (command, blobs) = world.deposit(head, 100);
    writer.submit(command, blobs, None).await.unwrap();
    let newer = world.cosign(1, world.head(), START + 1);
    writer.cosign(newer, world.head()).await.unwrap();
    writer.cosign(first, head).await.unwrap();
    assert_eq!(kept(), [(world.head(), newer.to_string())], "an older one changes nothing");
    let second = world.cosign(2, head, START);
    writer.cosign(second, head).await.unwrap();
    assert_eq!(kept().len(), 2);

    // Over another tree than is said; over a tree that this log never had; beyond it; from the future.
    assert_eq!(reason(writer.cosign(second, world.head()).await), "BAD_COSIGNATURE");
    let fork = TreeHead { size: head.size, root: Digest::new([1; 32]) };
    assert_eq!(reason(writer.cosign(world.cosign(2, fork, START + 2), fork).await), "FOREIGN_BASE");
    let beyond = TreeHead { size: 99, ..fork };
    assert_eq!(reason(writer.cosign(world.cosign(2, beyond, START + 2), beyond).await), "FOREIGN_BASE");
    assert_eq!(reason(writer.cosign(world.cosign(2, head, START + 601), head).await), "CLOCK_SKEW");
    let revoke = Act::RevokeDevice(v1::RevokeDevice { device: world.people[2].device_id().to_vec() });
    writer.submit(world.command(2, revoke), vec![], None).await.unwrap();
    assert_eq!(reason(writer.cosign(world.cosign(2, head, START + 2), head).await), "DEVICE_UNKNOWN");
    assert_eq!(kept().len(), 2);
    stage.end().await;
}

/// The log's size, once it is what is expected; fails after ten seconds.
async fn wait_for(writer: &Writer, world: &World, size: u64) {
    let mut sizes = writer.subscribe(&world.id);
    let wait = sizes.wait_for(|known| *known == size);
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("the writer wakes by itself").unwrap();
}

#[tokio::test]
async fn what_falls_due_is_appended_without_anybody_asking() {
    let stage = Stage::new().await;
    let (request, shares, _) = stage.granted().await;
    stage.upload(1, &[&shares[0]]).await.unwrap();
    stage.upload(2, &[&shares[1]]).await.unwrap();
    let size = stage.world.head().size;
    // The daemon is away while the request expires uncollected: its lease counts from there, and ends as well.
    stage.writer.shutdown().await;
    stage.thread.join().unwrap();
    stage.world.hands.forward(DAY);
    let (writer, thread) = Writer::start(Store::open(stage.dir.path()).unwrap(), stage.world.hands.clock());
    wait_for(&writer, &stage.world, size + 1).await;
    let stage = Stage { writer, thread, ..stage };
    assert_eq!(reason(stage.collect(3, request).await), "REQUEST_EXPIRED");
    assert!(!on_disk(stage.dir.path(), &shares[0]), "nobody can collect it any more");
    // A deadline that is near is noticed when the clock is moved under the sleeping thread.
    stage.world.hands.forward(3_590);
    stage.writer.tick().await.unwrap();
    assert_eq!(stage.world.head().size, size + 1);
    stage.world.hands.forward(10);
    wait_for(&stage.writer, &stage.world, size + 2).await;
    stage.end().await;
}

#[tokio::test]
async fn an_organisation_that_does_not_load_does_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (store, tokens) = store(dir.path(), 2);
    let hands = Hands::at(START);
    let reader = Reader::open(dir.path(), 2).unwrap();
    let (writer, thread) = Writer::start(store, hands.clock());
    let sound = World::found(&writer, &reader, tokens[0], &hands, 10).await;
    let broken = World::found(&writer, &reader, tokens[1], &hands, 20).await;
    writer.shutdown().await;
    thread.join().unwrap();
    let database = rusqlite::Connection::open(dir.path().join(DATABASE)).unwrap();
    database.execute("UPDATE entry SET bytes = x'00' WHERE organisation = 2 AND position = 5", []).unwrap();
    database.execute("INSERT INTO deadline VALUES (2, 1)", []).unwrap();
    drop(database);

    let (writer, thread) = Writer::start(Store::open(dir.path()).unwrap(), hands.clock());
    let why = Act::Leave(v1::Leave {});
    let leave = |world: &World| world.people[3].sign(world.id, world.head(), START, why.clone());
    assert_eq!(reason(writer.submit(leave(&broken), vec![], None).await), "STORAGE");
    assert_eq!(writer.submit(leave(&sound), vec![], None).await.unwrap(), 10);
    writer.shutdown().await;
    thread.join().unwrap();
    let report = fsck(dir.path()).unwrap();
    assert_eq!(report.findings.len(), 1);
    assert_eq!((report.findings[0].organisation, report.findings[0].index), (Some(broken.id), Some(5)));
}
