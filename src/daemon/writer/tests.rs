//! What needs to see inside: how many transactions a group takes, a full disk, a commit that fails, eviction.

use std::time::Duration;

use rusqlite::Connection;

use super::aside::ROOM_OF_ONE;
use super::cache::KEPT;
use super::{WriteError, Writer, WriterThread};
use crate::proto::v1::{self, command::Act};
use crate::store::fsck::fsck;
use crate::store::reader::Reader;
use crate::store::{DATABASE, StoreError};
use world::{Hands, START, World, reason};

#[path = "../../../tests/store/world.rs"]
mod world;

struct Stage {
    dir: tempfile::TempDir,
    writer: Writer,
    thread: WriterThread,
    world: World,
    tokens: Vec<[u8; 32]>,
}

impl Stage {
    async fn new(further_foundings: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, mut tokens) = world::store(dir.path(), 1 + further_foundings);
        let hands = Hands::at(START);
        let reader = Reader::open(dir.path(), 2).unwrap();
        let (writer, thread) = Writer::start(store, hands.clock());
        let token = tokens.pop().unwrap();
        let world = World::found(&writer, &reader, token, &hands, 10).await;
        Self { dir, writer, thread, world, tokens }
    }

    /// Submits that wait in the queue together, behind something that holds up the thread.
    async fn submit_at_once(&self, count: usize, size: usize) -> Vec<Result<u64, WriteError>> {
        let base = self.world.head();
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let writer = self.writer.clone();
        let holding = tokio::spawn(async move { writer.with_store(move |_| held.recv()).await });
        let mut tasks = Vec::new();
        for _ in 0..count {
            let (command, blobs) = self.world.deposit(base, size);
            let writer = self.writer.clone();
            tasks.push(tokio::spawn(async move { writer.submit(command, blobs, None).await }));
        }
        until(|| self.writer.room.available_permits() <= super::ROOM - count).await;
        drop(hold);
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        let _ = holding.await.unwrap();
        results
    }

    async fn commits(&self) -> u64 {
        self.writer.with_store(|store| store.commits()).await
    }

    async fn end(self) {
        self.writer.shutdown().await;
        self.thread.join().unwrap();
        assert_eq!(fsck(self.dir.path()).unwrap().findings, []);
    }
}

#[tokio::test]
async fn what_waits_is_written_in_one_transaction() {
    let stage = Stage::new(0).await;
    let before = stage.commits().await;
    let results = stage.submit_at_once(300, 50).await;
    let mut indices: Vec<u64> = results.into_iter().map(Result::unwrap).collect();
    indices.sort_unstable();
    assert_eq!(indices, (10..310).collect::<Vec<_>>());
    let commits = stage.commits().await - before;
    assert!(commits <= 3, "{commits} transactions for 300 commands");
    stage.end().await;
}

#[tokio::test]
async fn a_full_disk_refuses_and_keeps_nothing_and_the_daemon_lives() {
    let stage = Stage::new(0).await;
    let (kept, blobs) = stage.world.deposit(stage.world.head(), 1_000);
    let kept_at = stage.writer.submit(kept.clone(), blobs, None).await.unwrap();
    let before = stage.world.head();
    let set_pages = |most: i64| stage.writer.with_store(move |store| store.set_max_pages(most));
    set_pages(1).await;
    let (command, blobs) = stage.world.deposit(before, 200_000);
    for _ in 0..3 {
        let refused = stage.writer.submit(command.clone(), blobs.clone(), None).await;
        let Err(WriteError::Storage(error)) = refused else { panic!("{refused:?}") };
        assert!(matches!(*error, StoreError::Full), "{error:?}");
        assert_eq!(stage.world.head(), before, "no reader sees anything of it");
    }
    // Those who merely stood in the same group are refused, too, and none of them is half there.
    for result in stage.submit_at_once(20, 20_000).await {
        assert_eq!(reason(result), "STORAGE");
    }
    assert_eq!(*stage.writer.subscribe(&stage.world.id).borrow(), before.size);
    assert_eq!(stage.writer.submit(kept, vec![], None).await.unwrap(), kept_at, "what was acknowledged is there");
    assert_eq!(fsck(stage.dir.path()).unwrap().findings, []);

    set_pages(1 << 30).await;
    assert_eq!(stage.writer.submit(command.clone(), blobs, None).await.unwrap(), before.size);
    assert_eq!(stage.writer.submit(command, vec![], None).await.unwrap(), before.size);
    stage.end().await;
}

#[tokio::test]
async fn a_commit_that_fails_leaves_nothing_in_memory() {
    let stage = Stage::new(1).await;
    let before = stage.world.head();
    // Everything is written without complaint; the commit itself is refused.
    let trap = "CREATE TABLE trap (organisation INTEGER REFERENCES organisation DEFERRABLE INITIALLY DEFERRED);
                CREATE TRIGGER spring AFTER INSERT ON entry BEGIN INSERT INTO trap VALUES (-1); END";
    let database = Connection::open(stage.dir.path().join(DATABASE)).unwrap();
    database.execute_batch(trap).unwrap();
    let deposits = stage.submit_at_once(5, 50).await;
    assert_eq!(deposits.into_iter().map(reason).collect::<Vec<_>>(), ["STORAGE"; 5]);
    // A founding that fails leaves its token usable.
    let (token, hands) = (stage.tokens[0], stage.world.hands.clone());
    let founder = world::Person::new(20);
    let log_key = stage.writer.prepare_founding(token).await.unwrap();
    let (genesis, names) = world::genesis(&founder, log_key, &token, hands.now());
    assert_eq!(reason(stage.writer.submit(genesis.clone(), names.clone(), Some(token)).await), "STORAGE");
    assert_eq!(stage.world.head(), before);

    database.execute_batch("DROP TRIGGER spring; DROP TABLE trap").unwrap();
    assert_eq!(stage.writer.submit(genesis, names, Some(token)).await.unwrap(), 0);
    // Had the refused entries stayed in memory, the next index and the checkpoint would tell.
    let (command, blobs) = stage.world.deposit(before, 50);
    assert_eq!(stage.writer.submit(command, blobs, None).await.unwrap(), before.size);
    assert_eq!(stage.world.head().size, before.size + 1);
    stage.end().await;
}

#[tokio::test]
async fn idle_organisations_leave_memory_and_come_back() {
    let stage = Stage::new(KEPT + 5).await;
    let reader = stage.world.reader.clone();
    let mut others = Vec::new();
    for token in &stage.tokens {
        let founder = world::Person::new(others.len() as u8 + 50);
        let log_key = stage.writer.prepare_founding(*token).await.unwrap();
        let (genesis, names) = world::genesis(&founder, log_key, token, START);
        others.push(genesis.organisation());
        stage.writer.submit(genesis, names, Some(*token)).await.unwrap();
    }
    assert!(others.iter().all(|id| reader.size(id).unwrap() == Some(1)));
    // The first one was evicted long ago: what becomes of its rows meanwhile is noticed.
    let database = Connection::open(stage.dir.path().join(DATABASE)).unwrap();
    let leave = stage.world.command(3, Act::Leave(v1::Leave {}));
    database.execute("UPDATE organisation SET size = 9 WHERE number = 1", []).unwrap();
    assert_eq!(reason(stage.writer.submit(leave.clone(), vec![], None).await), "STORAGE");
    // It is loaded from them and goes on where it was.
    database.execute("UPDATE organisation SET size = 10 WHERE number = 1", []).unwrap();
    assert_eq!(stage.writer.submit(leave, vec![], None).await.unwrap(), 10);
    stage.end().await;
}

/// Waits until it is so, and not for ever.
async fn until(mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("what is waited for does not come");
}

impl Stage {
    /// A log that is too long to be read while everybody waits, and that is in memory no more; with a founding token.
    async fn long_and_left() -> Self {
        let mut stage = Self::new(KEPT + 2).await;
        for result in stage.submit_at_once(300, 50).await {
            result.unwrap();
        }
        for _ in 0..KEPT + 1 {
            stage.found().await;
        }
        stage
    }

    /// No log is read beside the thread until this is dropped.
    async fn hold_reading(&self) -> std::sync::mpsc::Sender<()> {
        let gate = self.writer.with_store(|store| store.gate.clone()).await;
        let ((hold, held), (ready, is_ready)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        std::thread::spawn(move || {
            let _closed = gate.lock();
            ready.send(()).unwrap();
            held.recv()
        });
        is_ready.recv().unwrap();
        hold
    }

    async fn found(&mut self) {
        let token = self.tokens.pop().unwrap();
        let founder = world::Person::new(self.tokens.len() as u8 + 50);
        let log_key = self.writer.prepare_founding(token).await.unwrap();
        let (genesis, names) = world::genesis(&founder, log_key, &token, self.world.hands.now());
        assert_eq!(self.writer.submit(genesis, names, Some(token)).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn nobody_waits_for_the_long_log_of_others() {
    let mut stage = Stage::long_and_left().await;
    let held = stage.hold_reading().await;
    let base = stage.world.head();
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let (command, blobs) = stage.world.deposit(base, 50);
        let writer = stage.writer.clone();
        waiting.push(tokio::spawn(async move { writer.submit(command, blobs, None).await }));
        until(|| stage.writer.room.available_permits() <= super::ROOM - waiting.len()).await;
    }
    // They must not take everybody's room.
    for _ in 3..ROOM_OF_ONE + 1 {
        let (command, blobs) = stage.world.deposit(base, 50);
        let writer = stage.writer.clone();
        waiting.push(tokio::spawn(async move { writer.submit(command, blobs, None).await }));
    }
    until(|| waiting.iter().any(|task| task.is_finished())).await;
    let refused = waiting.iter().position(|task| task.is_finished()).unwrap();
    assert_eq!(reason(waiting.remove(refused).await.unwrap()), "BUSY");
    // While the log is read: others are served, also by the clock, and those who wait keep their places.
    stage.found().await;
    stage.writer.tick().await.unwrap();
    assert!(waiting.iter().all(|task| !task.is_finished()));
    // The room of what was done is given back, after the answer.
    until(|| stage.writer.room.available_permits() == super::ROOM - ROOM_OF_ONE).await;
    drop(held);
    for (n, task) in waiting.into_iter().enumerate() {
        let index = task.await.unwrap().unwrap();
        // The first three were sent one after the other.
        assert!(n >= 3 || index == base.size + n as u64);
    }
    assert_eq!(stage.world.head().size, base.size + ROOM_OF_ONE as u64);
    stage.end().await;
}

#[tokio::test]
async fn a_long_log_that_cannot_be_used_is_refused_and_nobody_else() {
    let mut stage = Stage::long_and_left().await;
    let size = stage.world.head().size;
    let database = Connection::open(stage.dir.path().join(DATABASE)).unwrap();
    let leave = stage.world.command(3, Act::Leave(v1::Leave {}));
    database.execute("UPDATE organisation SET size = 9 WHERE number = 1", []).unwrap();
    for _ in 0..2 {
        assert_eq!(reason(stage.writer.submit(leave.clone(), vec![], None).await), "STORAGE");
    }
    stage.found().await;
    database.execute("UPDATE organisation SET size = ? WHERE number = 1", [size as i64]).unwrap();
    assert_eq!(stage.writer.submit(leave, vec![], None).await.unwrap(), size);
    stage.end().await;
}

#[tokio::test]
async fn who_waits_for_a_long_log_at_the_end_is_told_so() {
    let stage = Stage::long_and_left().await;
    let held = stage.hold_reading().await;
    let (command, blobs) = stage.world.deposit(stage.world.head(), 50);
    let writer = stage.writer.clone();
    let waits = tokio::spawn(async move { writer.submit(command, blobs, None).await });
    until(|| stage.writer.room.available_permits() != super::ROOM).await;
    stage.writer.shutdown().await;
    assert_eq!(reason(waits.await.unwrap()), "CLOSING");
    drop(held);
    stage.end().await;
}

#[tokio::test]
async fn a_stopped_writer_finishes_what_is_queued_and_refuses_the_rest() {
    let stage = Stage::new(0).await;
    let base = stage.world.head();
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let writer = stage.writer.clone();
    let holding = tokio::spawn(async move { writer.with_store(move |_| held.recv()).await });
    let (command, blobs) = stage.world.deposit(base, 50);
    let writer = stage.writer.clone();
    let queued = tokio::spawn(async move { writer.submit(command, blobs, None).await });
    until(|| stage.writer.room.available_permits() != super::ROOM).await;
    let writer = stage.writer.clone();
    let stopping = tokio::spawn(async move { writer.shutdown().await });
    until(|| stage.writer.room.is_closed()).await;
    let (command, blobs) = stage.world.deposit(base, 50);
    assert_eq!(reason(stage.writer.submit(command, blobs, None).await), "CLOSING");
    drop(hold);
    assert_eq!(queued.await.unwrap().unwrap(), 10);
    stopping.await.unwrap();
    let _ = holding.await.unwrap();
    stage.end().await;
}
