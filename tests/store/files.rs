//! Making, opening and locking the data folder.

use std::os::unix::fs::PermissionsExt;

use sequestre::store::reader::Reader;
use sequestre::store::{DATABASE, Store, StoreError};

#[test]
fn init_makes_a_private_file_and_never_overwrites() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    // Left over from an attempt that was cut short.
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(dir.join("sequestre.db.new"), b"half").unwrap();
    Store::init(&dir).unwrap();
    let path = dir.join(DATABASE);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let names: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [DATABASE]);
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Store::init(&dir), Err(StoreError::Exists(at)) if at == path));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let other = parent.path().join("other");
    Store::init(&other).unwrap();
    assert_eq!(std::fs::metadata(&other).unwrap().permissions().mode() & 0o777, 0o700);
    let nowhere = parent.path().join("no").join("where");
    assert!(matches!(Store::init(&nowhere), Err(StoreError::Io { doing: "make", .. })));
    // What SQLite would apply to a new database, left of one that somebody took away.
    let haunted = parent.path().join("haunted");
    std::fs::create_dir(&haunted).unwrap();
    let left = haunted.join(format!("{DATABASE}-wal"));
    std::fs::write(&left, b"of another").unwrap();
    assert!(matches!(Store::init(&haunted), Err(StoreError::Exists(at)) if at == left));
}

#[test]
fn open_never_creates() {
    let parent = tempfile::tempdir().unwrap();
    for dir in [parent.path().to_owned(), parent.path().join("none")] {
        assert!(matches!(Store::open(&dir), Err(StoreError::Missing(_))));
        assert!(matches!(Reader::open(&dir, 1), Err(StoreError::Missing(_))));
        assert!(matches!(sequestre::store::fsck::fsck(&dir), Err(StoreError::Missing(_))));
    }
    assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn one_daemon_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    Store::init(dir.path()).unwrap();
    let first = Store::open(dir.path()).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Locked(_))));
    assert!(matches!(Store::init(dir.path()), Err(StoreError::Locked(_))));
    // Reading and checking go on beside it.
    Reader::open(dir.path(), 2).unwrap().ready().unwrap();
    assert_eq!(sequestre::store::fsck::fsck(dir.path()).unwrap().findings, []);
    drop(first);
    Store::open(dir.path()).unwrap();
}

/// A daemon that just ends, or a program that it started and that has not yet let go of its files.
#[test]
fn a_lock_that_is_held_for_a_moment_more_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    Store::init(dir.path()).unwrap();
    let first = Store::open(dir.path()).unwrap();
    let (waits, begins) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            begins.recv().unwrap();
            // Longer than one try takes, much shorter than all of them.
            std::thread::sleep(std::time::Duration::from_millis(120));
            drop(first);
        });
        waits.send(()).unwrap();
        Store::open(dir.path()).unwrap();
    });
}

#[test]
fn other_files_and_other_versions_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(DATABASE);
    std::fs::write(
        &path,
        b"a text that somebody put here, longer than the header of a database file is: one hundred bytes",
    )
    .unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Foreign(_))));
    std::fs::write(&path, b"").unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Foreign(_))));
    std::fs::remove_file(&path).unwrap();
    Store::init(dir.path()).unwrap();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 4).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Schema { found: 4 })));
}
