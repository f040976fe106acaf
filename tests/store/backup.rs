//! Copies of a database that is written to.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sequestre::daemon::writer::Writer;
use sequestre::escrow::id::{BlobId, Digest};
use sequestre::proto::v1::{self, command::Act};
use sequestre::store::backup::backup;
use sequestre::store::fsck::fsck;
use sequestre::store::reader::Reader;
use sequestre::store::{DATABASE, Store, StoreError};

use super::world::{Hands, START, World, noise, store};

/// One value of a database.
fn value<T: rusqlite::types::FromSql>(database: &Path, sql: &str) -> T {
    rusqlite::Connection::open(database).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

fn contains(file: &Path, bytes: &[u8]) -> bool {
    std::fs::read(file).unwrap().windows(bytes.len()).any(|window| window == bytes)
}

/// Puts a copy where a daemon would look for its database.
fn put_back(copy: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(copy, dir.path().join(DATABASE)).unwrap();
    dir
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_is_one_state_whole_and_without_what_must_not_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, tokens) = store(dir.path(), 2);
    let hands = Hands::at(START);
    let reader = Reader::open(dir.path(), 2).unwrap();
    let (writer, thread) = Writer::start(store, hands.clock());
    let world = World::found(&writer, &reader, tokens[0], &hands, 10).await;

    // A request whose shares were released, a key for standing rights, a permission to found with its log key.
    let (command, blobs) = world.deposit(world.head(), 300);
    let sealed = blobs[2].clone();
    let deposit = writer.submit(command, blobs, None).await.unwrap();
    let why = noise(50);
    let request = writer.submit(world.request(deposit, &why), vec![why], None).await.unwrap();
    let share = noise(222);
    let approval = world.approve(1, deposit, request, &BlobId::of(&share));
    writer.submit(approval, vec![], None).await.unwrap();
    writer.put_blobs(world.id, world.people[1].id(), vec![share.clone()]).await.unwrap();
    writer.at_desk(world.id, |desk| desk.wrapping_key()).await.unwrap();
    writer.prepare_founding(tokens[1]).await.unwrap();
    let live = dir.path().join(DATABASE);
    let wrapping: Vec<u8> = value(&live, "SELECT wrapping_seed FROM organisation");
    let founding: Vec<u8> = value(&live, "SELECT log_seed FROM founding");
    let log_seed: Vec<u8> = value(&live, "SELECT log_seed FROM organisation");

    // While others write, until three copies lie in the middle of it.
    let enough = Arc::new(AtomicBool::new(false));
    let busy = tokio::spawn({
        let (writer, world, enough) = (writer.clone(), world.again(reader.clone()), Arc::clone(&enough));
        async move {
            for n in 0_u64.. {
                if enough.load(Ordering::Relaxed) {
                    break;
                }
                let name = noise(40);
                let invite = v1::Invite {
                    invitation: Digest::of(&[&n.to_be_bytes()]).to_vec(),
                    roles: vec![v1::Role::Member as i32],
                    name: BlobId::of(&name).to_vec(),
                    expires: START + 3_600,
                };
                writer.submit(world.command(0, Act::Invite(invite)), vec![name], None).await.unwrap();
            }
        }
    });
    let copies = tempfile::tempdir().unwrap();
    let mut sizes = BTreeSet::new();
    for n in 0.. {
        let to = copies.path().join(format!("{n}.db"));
        let (from, at) = (dir.path().to_owned(), to.clone());
        let made = tokio::task::spawn_blocking(move || backup(&from, &at)).await.unwrap().unwrap();
        let [(organisation, size)] = made.sizes.try_into().unwrap();
        assert_eq!(organisation, world.id);
        assert!(sizes.last().is_none_or(|last| *last <= size));
        sizes.insert(size);
        assert_eq!(std::fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        let report = fsck(put_back(&to).path()).unwrap();
        assert_eq!((report.findings, report.entries), (vec![], size));
        if sizes.len() == 4 {
            break;
        }
        assert!(n < 1_000 && !busy.is_finished(), "nobody writes");
    }
    enough.store(true, Ordering::Relaxed);
    busy.await.unwrap();

    let to = copies.path().join("0.db");
    for (what, bytes) in
        [("a wrapping key", &wrapping), ("a permission's log key", &founding), ("a share", &share.to_vec())]
    {
        assert!(!contains(&to, bytes), "{what} is in the copy");
    }
    // What is said to be in it is.
    assert!(contains(&to, &log_seed) && contains(&to, &sealed));
    assert_eq!(value::<i64>(&to, "SELECT count(*) FROM founding"), 0);
    assert_eq!(value::<i64>(&to, "SELECT count(*) FROM share WHERE content IS NULL"), 1);

    // It serves: whoever released a share brings it again, and the log goes on.
    let dir = put_back(&to);
    let reader = Reader::open(dir.path(), 1).unwrap();
    let (again, its_thread) = Writer::start(Store::open(dir.path()).unwrap(), hands.clock());
    again.put_blobs(world.id, world.people[1].id(), vec![share]).await.unwrap();
    let fresh = again.at_desk(world.id, |desk| desk.wrapping_key()).await.unwrap();
    assert_ne!(fresh, writer.at_desk(world.id, |desk| desk.wrapping_key()).await.unwrap());
    let world = world.again(reader);
    let (command, blobs) = world.deposit(world.head(), 300);
    again.submit(command, blobs, None).await.unwrap();
    again.shutdown().await;
    its_thread.join().unwrap();
    writer.shutdown().await;
    thread.join().unwrap();
    assert_eq!(fsck(dir.path()).unwrap().findings, []);
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_behind() {
    let (dir, copies) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    store(dir.path(), 1);
    let to = copies.path().join("copy.db");
    std::fs::write(&to, b"something else").unwrap();
    assert!(matches!(backup(dir.path(), &to), Err(StoreError::Exists(at)) if at == to));
    assert_eq!(std::fs::read(&to).unwrap(), b"something else");
    let dangling = copies.path().join("link");
    std::os::unix::fs::symlink(copies.path().join("nowhere"), &dangling).unwrap();
    assert!(matches!(backup(dir.path(), &dangling), Err(StoreError::Exists(_))));
    let nowhere = copies.path().join("no").join("where.db");
    assert!(matches!(backup(dir.path(), &nowhere), Err(StoreError::Io { .. })));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(backup(empty.path(), &copies.path().join("new.db")), Err(StoreError::Missing(_))));
    assert_eq!(std::fs::read_dir(copies.path()).unwrap().count(), 2);
    backup(dir.path(), &copies.path().join("new.db")).unwrap();
    assert_eq!(std::fs::read_dir(copies.path()).unwrap().count(), 3);
}
