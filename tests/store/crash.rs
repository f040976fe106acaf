//! What is left after `kill -9`: everything that was acknowledged, and nothing that contradicts itself.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use sequestre::daemon::writer::Writer;
use sequestre::escrow::command::VerifiedCommand;
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::id::{BlobId, CommandId, OrganisationId};
use sequestre::proto::v1::{self, command::Act};
use sequestre::store::Store;
use sequestre::store::fsck::fsck;
use sequestre::store::reader::Reader;

use super::world::{Hands, START, World, noise, store};

const DIR: &str = "SEQUESTRE_TEST_DIR";
const KILLS: usize = 10;

/// The process that is killed: writes as fast as it can and prints a line for each receipt.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test below, in a process of its own"]
async fn writes_until_killed() {
    let dir = std::env::var_os(DIR).expect("the parent says where");
    let dir = Path::new(&dir);
    let hands = Hands::at(START);
    let reader = Reader::open(dir, 2).unwrap();
    let mut store = Store::open(dir).unwrap();
    let token = store.allow_founding().unwrap();
    let (writer, _thread) = Writer::start(store, hands.clock());
    let world = World::found(&writer, &reader, token, &hands, 10).await;
    let base = world.head();
    let world = std::sync::Arc::new(world);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..8 {
        let (world, writer) = (world.clone(), writer.clone());
        tasks.spawn(async move {
            loop {
                let (command, blobs) = world.deposit(base, 64 << (task % 7));
                let id = command.id();
                let index = writer.submit(command, blobs, None).await.unwrap();
                receipt(&world, index, id);
                if index % 5 == 0 {
                    lease(&world, &writer, index).await;
                }
            }
        });
    }
    // They end only by a failure, which must not go unnoticed.
    if let Some(Err(failure)) = tasks.join_next().await {
        panic!("{failure}");
    }
}

/// A request, its approvals and its lease, given back at once.
async fn lease(world: &World, writer: &Writer, deposit: u64) {
    let submit = async |command: VerifiedCommand, blobs| {
        let id = command.id();
        let index = writer.submit(command, blobs, None).await.unwrap();
        receipt(world, index, id);
        index
    };
    let why = noise(50);
    let request = submit(world.request(deposit, &why), vec![why]).await;
    for trustee in [1, 2] {
        let share = noise(300);
        submit(world.approve(trustee, deposit, request, &BlobId::of(&share)), vec![]).await;
        writer.put_blobs(world.id, world.people[trustee].id(), vec![share]).await.unwrap();
    }
    let collected = writer.collect(world.id, world.people[3].id(), request).await.unwrap();
    assert_eq!(collected.shares.len(), 2);
    submit(world.command(3, Act::Return(v1::Return { request_index: request })), vec![]).await;
}

fn receipt(world: &World, index: u64, command: CommandId) {
    // One write for the whole line: what the parent reads of a killed process is lines.
    let mut out = std::io::stdout().lock();
    out.write_all(format!("receipt {} {index} {command}\n", world.id).as_bytes()).unwrap();
    out.flush().unwrap();
}

fn parse(line: &str) -> Option<(OrganisationId, u64, CommandId)> {
    let fields: Vec<&str> = line.strip_prefix("receipt ")?.split(' ').collect();
    let [organisation, index, command] = fields[..] else { return None };
    Some((organisation.parse().ok()?, index.parse().ok()?, command.parse().ok()?))
}

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let seed: [u8; 32] = sequestre::seal::secret::random_bytes().unwrap();
    println!("seed {seed:?}");
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut total = 0;
    for _ in 0..KILLS {
        let dir = tempfile::tempdir().unwrap();
        drop(store(dir.path(), 0));
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::writes_until_killed", "--ignored", "--nocapture", "--test-threads", "1"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        // The founding is behind it when the first receipt comes.
        let mut receipts: Vec<_> = lines.by_ref().find_map(|line| parse(&line)).into_iter().collect();
        let killed = Instant::now() + Duration::from_millis(u64::from(random.next_u32() % 400));
        let reader = std::thread::spawn(move || lines.filter_map(|line| parse(&line)).collect::<Vec<_>>());
        std::thread::sleep(killed.saturating_duration_since(Instant::now()));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "it did not end by itself");
        receipts.extend(reader.join().unwrap());
        assert!(!receipts.is_empty());

        // Opening replays the write-ahead log; the lock went with the process.
        let before = fsck(dir.path()).unwrap();
        assert_eq!(before.findings, [], "as it was left");
        drop(Store::open(dir.path()).unwrap());
        assert_eq!(fsck(dir.path()).unwrap(), before);
        let log = Reader::open(dir.path(), 1).unwrap();
        for (organisation, index, command) in &receipts {
            let entry = log.entries(organisation, *index, index + 1, usize::MAX).unwrap();
            let What::Command(signed) = Entry::parse(&entry[0]).unwrap().what else { panic!("not a command") };
            assert_eq!(signed.id(*organisation), *command);
        }
        total += receipts.len();
    }
    println!("{total} receipts over {KILLS} kills");
}
