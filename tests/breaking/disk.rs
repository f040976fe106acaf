//! A disk that is full, that nobody may write to, or that spoiled what lay on it; and clocks that jump.
//!
//! File systems of a test's own are mounted in a namespace of its own, so that nothing of them outlives it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sequestre::client::failure::Exit;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::store::DATABASE;

use crate::aftermath::{MARKER, goes_on, is_honest, left_behind};
use crate::chance::{Chance, number};
use crate::hammer::without_limits;
use crate::refuge::Refuge;
use crate::thief::entries_in;
use crate::town::*;

/// Runs one of the tests below that are marked as ignored, where it may mount file systems; and says so loudly where
/// that is impossible.
fn apart(test: &str) {
    let mut tries = Vec::new();
    // As root; as anybody, where the system lets them.
    for namespaces in [&["-m"][..], &["-Urm"]] {
        let works = Command::new("unshare").args(namespaces).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
        match works {
            Ok(output) if output.status.success() => {
                let mut command = Command::new("unshare");
                command.args(namespaces).arg(std::env::current_exe().unwrap());
                let status = command.args(["--exact", test, "--ignored", "--nocapture"]).status().unwrap();
                assert!(status.success(), "{test}");
                return;
            }
            Ok(output) => tries.push(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => tries.push(error.to_string()),
        }
    }
    println!("NOT TRIED: {test}: no file system can be mounted here, neither by root nor in a namespace: {tries:?}");
    eprintln!("NOT TRIED: {test}: no file system can be mounted here: {tries:?}");
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Puts the daemon's data folder on a file system of so many kilobytes. The daemon must not run.
fn small_disk(town: &Town, kilobytes: usize) {
    let (data, aside) = (town.data(), town.root.path().join("aside"));
    let (data, aside) = (data.to_str().unwrap(), aside.to_str().unwrap());
    run("mv", &[data, aside]);
    run("mkdir", &["-m", "700", data]);
    run("mount", &["-t", "tmpfs", "-o", &format!("size={kilobytes}k,mode=700"), "tmpfs", data]);
    run("cp", &["-a", &format!("{aside}/."), data]);
}

fn remount(town: &Town, options: &str) {
    run("mount", &["-o", &format!("remount,{options}"), town.data().to_str().unwrap()]);
}

fn sequestred_says(arguments: &[&str], data: &Path) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sequestred"));
    let Output { status, stdout, stderr } = command.args(arguments).arg("--data").arg(data).output().unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (status.code().unwrap_or(-1), text)
}

#[test]
fn a_full_disk() {
    apart("disk::on_a_disk_that_becomes_full");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above, in a namespace of its own"]
async fn on_a_disk_that_becomes_full() {
    let town = Town::founded_at(Kind::Program).await;
    town.stop().await;
    small_disk(&town, 3_000);
    town.start().await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    // Théo deposits until there is no room.
    let mut kept = 1;
    let failure = loop {
        let password = format!("{MARKER}{kept} {}", "x".repeat(60_000));
        match town.put(THEO, true, &password).await {
            Ok(()) => kept += 1,
            Err(failure) => break failure,
        }
        assert!(kept < 100, "the disk is never full");
    };
    assert!(kept > 3, "{kept}");
    assert_eq!((failure.key(), failure.exit()), ("refused-storage", Exit::Unreachable), "{failure}");
    assert_eq!(town.ended(), None, "it lives");
    let (_, printed) = town.process();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(printed.contains("the disk is full"), "the technician is told: {printed}");
    // Everything that was acknowledged is there and can be read.
    let (code, text) = sequestred_says(&["fsck"], &town.data());
    assert_eq!(code, 0, "{text}");
    let mut session = town.env(MAUD).session().unwrap();
    let organisation = session.folder.id;
    let shown = session.remote().await.unwrap().checkpoint(organisation).await.unwrap();
    session.replica.consider(&shown.note).unwrap();
    drop(session);
    // What was agreed to before can be fetched, or waits: nobody is called a liar.
    if let Err(failure) = town.open(NINA, id).await {
        is_honest(&failure, "full");
        assert_eq!(failure.exit(), Exit::Unreachable, "{failure}");
    }
    // Started anew on the full disk, it serves, or says why not.
    town.kill();
    left_behind(&town, &[], "full");
    match town.start_as(sequestred(&town.data(), town.listen())).await {
        Ok(_) => {
            let shown = town.env(MAUD).session().unwrap().remote().await.unwrap().checkpoint(organisation).await;
            shown.unwrap();
            town.kill();
        }
        Err(printed) => assert!(printed.contains("the disk is full"), "{printed}"),
    }
    // With room, the same deposit arrives, without anybody typing it again.
    remount(&town, "size=60m");
    town.start().await;
    goes_on(&town, "room").await;
    let session = town.session(THEO).await;
    let account = session.find_credential(LABEL).unwrap();
    let newest = session.state().unwrap().credential(&account).unwrap().current().unwrap().0;
    assert_eq!(newest, kept + 1, "the one that found no room");
    drop(session);
    town.stop().await;
    left_behind(&town, &[], "room");
}

#[test]
fn a_disk_that_becomes_full_and_empty_again_under_a_running_daemon() {
    apart("disk::on_a_disk_that_gets_room_again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above, in a namespace of its own"]
async fn on_a_disk_that_gets_room_again() {
    let town = Town::founded_at(Kind::Program).await;
    town.stop().await;
    small_disk(&town, 3_000);
    town.start().await;
    // Somebody else's file takes what is left.
    let ballast = town.data().join("ballast");
    let mut size = 4_000_000;
    while fs::write(&ballast, vec![0; size]).is_err() {
        size -= 20_000;
    }
    let failure = town.put(THEO, true, &format!("{MARKER}{}", "x".repeat(60_000))).await.unwrap_err();
    assert_eq!((failure.key(), failure.exit()), ("refused-storage", Exit::Unreachable), "{failure}");
    let (pid, _) = town.process();
    fs::remove_file(&ballast).unwrap();
    goes_on(&town, "room again").await;
    assert_eq!(town.process().0, pid, "the same process");
    let session = town.session(THEO).await;
    let account = session.find_credential(LABEL).unwrap();
    assert_eq!(session.state().unwrap().credential(&account).unwrap().current().unwrap().0, 2);
    drop(session);
    town.stop().await;
    left_behind(&town, &[], "room again");
}

#[test]
fn a_disk_that_nobody_may_write_to() {
    apart("disk::on_a_disk_that_is_read_only");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above, in a namespace of its own"]
async fn on_a_disk_that_is_read_only() {
    let town = Town::founded_at(Kind::Program).await;
    town.stop().await;
    small_disk(&town, 20_000);
    let before = entries_in(&town.data());
    remount(&town, "ro");
    let printed = town.start_as(sequestred(&town.data(), town.listen())).await.unwrap_err();
    assert!(printed.contains("could not write to") && printed.contains("Read-only file system"), "{printed}");
    // Looking at it is possible all the same: it may be a copy that is kept as evidence.
    let (code, text) = sequestred_says(&["fsck"], &town.data());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("{} entries", before.len())), "{text}");
    let (code, text) = sequestred_says(&["token"], &town.data());
    assert!(code == 1 && text.contains("could not write to"), "{text}");
    remount(&town, "rw");
    town.start().await;
    goes_on(&town, "writable again").await;
    town.stop().await;
    // Killed, it leaves a write-ahead log: what is in there is part of what there is.
    town.start().await;
    town.put(THEO, true, &format!("{MARKER}in the write-ahead log")).await.unwrap();
    town.kill();
    assert!(fs::metadata(town.data().join(format!("{DATABASE}-wal"))).unwrap().len() > 0);
    let now = entries_without_touching(&town);
    remount(&town, "ro");
    let (code, text) = sequestred_says(&["fsck"], &town.data());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("{now} entries")), "{text}");
}

/// How many entries a copy of the data folder has, the write-ahead log included.
fn entries_without_touching(town: &Town) -> usize {
    let copy = town.root.path().join("copy");
    run("cp", &["-a", town.data().to_str().unwrap(), copy.to_str().unwrap()]);
    entries_in(&copy).len()
}

/// Every page of the database in turn is spoiled as disks do. The daemon says so before it serves anybody, or serves
/// what is right, or says to whoever asks for what is spoiled that it cannot; nobody's client takes it for a lie. What
/// was lost, `fsck` tells; everything comes back from a trustee's copy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spoiled_page() {
    let mut chance = Chance::of_this_run("spoiled pages");
    let town = Town::founded_at(Kind::Program).await;
    town.put(THEO, true, &format!("{MARKER}{}", "x".repeat(20_000))).await.unwrap();
    // So many entries that the first of them lie in a tile.
    without_limits(&town).await;
    town.stop().await;
    let mut command = sequestred(&town.data(), town.listen());
    command.args(["--requests-per-minute", "1000000"]);
    town.start_as(command).await.unwrap();
    let mut session = town.session(AWA).await;
    let base = session.replica.head();
    while town.entries() <= 256 {
        let drill = v1::RecordDrill { tree: Some(base.into()), seconds: 1, blobs: 1, works: true };
        send(&mut session, base, Act::RecordDrill(drill), Vec::new()).await.unwrap();
    }
    drop(session);
    for name in PEOPLE {
        drop(town.session(name).await);
    }
    town.stop().await;
    let path = town.data().join(DATABASE);
    // Everything is in the one file.
    town.database().pragma_update(None, "wal_checkpoint", "TRUNCATE").unwrap();
    let tiles: i64 = town.database().query_row("SELECT count(*) FROM tile", [], |row| row.get(0)).unwrap();
    assert_eq!(tiles, 1);
    let sound = fs::read(&path).unwrap();
    let homes = Snapshot::of(&town.root.path().join("people"));
    let pages = sound.len() / 4096;
    let (mut refused, mut served, mut found) = (0, 0, 0);
    let tries = number("SEQUESTRE_TEST_PAGES", 16) as usize;
    for n in 0..tries {
        // The first pages are those of the tables themselves.
        let page = if n < 4 { n } else { chance.below(pages) };
        let mut damaged = sound.clone();
        match chance.below(3) {
            // A sector of something else, a page of nothing, one bit.
            0 => damaged[page * 4096..][512..1024].iter_mut().for_each(|byte| *byte = chance.next() as u8),
            1 => damaged[page * 4096..][..4096].fill(0),
            _ => damaged[page * 4096 + chance.below(4096)] ^= 1 << chance.below(8),
        }
        fs::write(&path, &damaged).unwrap();
        let case = format!("page {page} of {pages}");
        let (code, report) = sequestred_says(&["fsck"], &town.data());
        assert!(matches!(code, 0 | 1 | 3), "{case}: {report}");
        match town.start_as(sequestred(&town.data(), town.listen())).await {
            Err(printed) => {
                assert!(printed.contains("sequestred: ") && printed.contains("fsck"), "{case}: {printed}");
                assert_ne!(code, 0, "{case}: refused, and fsck finds nothing: {printed}");
                refused += 1;
            }
            Ok(_) => {
                let mut all = true;
                // Whoever has all entries asks for none of them: Nina's computer begins from nothing.
                for file in ["entries", "checkpoint", "cosignatures"] {
                    let _ = fs::remove_file(town.folder(NINA).join(file));
                }
                for name in PEOPLE {
                    let synchronised = town.env(name).session().unwrap().sync().await;
                    if let Err(failure) = synchronised {
                        is_honest(&failure, &format!("{case}, {name}"));
                        all = false;
                    }
                }
                if code == 0 {
                    assert!(all, "{case}: fsck finds nothing, and people are not served");
                    served += 1;
                } else {
                    found += 1;
                }
                town.kill();
            }
        }
        for file in ["-wal", "-shm"] {
            let _ = fs::remove_file(town.data().join(format!("{DATABASE}{file}")));
        }
        homes.restore(&town.root.path().join("people"));
    }
    println!("of {tries} spoiled pages: {refused} refused at the start, {found} served in part, {served} harmless");
    // With the last damage still there: from Bruno's copy to a server that serves.
    let refuge = Refuge::from_replica_of(&town, BRUNO, "healed");
    let report = sequestre::store::fsck::fsck(&town.root.path().join("healed")).unwrap();
    assert_eq!(report.findings, [], "all entries and all blobs are back");
    fs::write(&path, &sound).unwrap();
    assert_eq!(report.entries, entries_in(&town.data()).len() as u64);
    assert!(!refuge.place.is_empty() && !refuge.code.is_empty());
}

/// The server's clock jumps by hours, back and forth, under a running daemon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps() {
    let hours = |n: i64| n * 3600;
    let town = Town::founded_at(Kind::Changed).await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    let end = town.now().after(Seconds::HOUR);
    // Back: the log's own time does not go back, and nothing of tomorrow is taken. Nobody is called a liar for it.
    town.shift_server(-hours(5));
    let before = town.entries();
    for name in PEOPLE {
        if let Err(failure) = town.env(name).session().unwrap().sync().await {
            is_honest(&failure, "back");
        }
    }
    if let Err(failure) = town.put(THEO, true, "while the clock is behind").await {
        is_honest(&failure, "back");
    }
    town.shift_server(0);
    for name in PEOPLE {
        town.session(name).await;
    }
    // The lease ends when it should, not five hours later.
    town.pass(Seconds(3600 + 1));
    // It looks at the clock at the latest half a minute later; whenever it writes, at once.
    town.ask(BRUNO).await;
    town.grown(before + 2).await;
    let over = async || {
        let request = town.request(MAUD, id).await;
        matches!(request.stage, sequestre::escrow::request::Stage::Ended { .. })
    };
    let begun = std::time::Instant::now();
    while !over().await {
        assert!(begun.elapsed() < DEADLINE, "the lease does not end");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(town.now() > end);
    // Forward and back again, while nothing is due: nothing is written, and everything goes on as before.
    let size = town.entries();
    town.shift_server(hours(3));
    let failure = town.put(THEO, true, "while the clock is ahead").await;
    if let Err(failure) = failure {
        is_honest(&failure, "ahead");
    }
    town.shift_server(0);
    assert!(town.entries() <= size + 1);
    for name in PEOPLE {
        if let Err(failure) = town.env(name).session().unwrap().sync().await {
            is_honest(&failure, "after it was ahead");
        }
    }
    // What the clock wrote ahead is waited for: then all goes on.
    town.pass(Seconds(3 * 3600 + 700));
    for name in PEOPLE {
        town.session(name).await;
    }
    town.put(THEO, true, "and on it goes").await.unwrap();
    town.stop().await;
    let report = sequestre::store::fsck::fsck(&town.data()).unwrap();
    assert_eq!(report.findings, []);
}
