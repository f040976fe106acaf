//! People's own computers, whose disks fail or that stop at any moment: the real client under `strace`. Whoever does the
//! same again gets what they wanted; nothing that they knew is forgotten, and no secret lies in a file.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use sequestre::client::failure::Exit;

use crate::aftermath::{MARKER, left_behind, shows_no_secret};
use crate::chance::{Chance, number};
use crate::faults::{CALLS, Fault, How, counted};
use crate::hammer::without_limits;
use crate::town::*;

/// A command of this person, by itself or under `strace`.
fn client(town: &Town, name: &str, args: &[&str], traced: Option<(&Path, Option<&Fault>)>) -> Output {
    let program = env!("CARGO_BIN_EXE_sequestre");
    let mut command = match traced {
        None => Command::new(program),
        Some((log, fault)) => {
            let mut command = Command::new("strace");
            command.args(["-f", "-q", "-o"]).arg(log).args(["-e", "signal=none"]);
            command.args(["-e", &format!("trace={}", CALLS.join(","))]);
            if let Some(fault) = fault {
                command.args(["-e", &format!("inject={fault}")]);
            }
            command.arg(program);
            command
        }
    };
    let env = town.env(name);
    command.args(args).args(["--lang", "en", "--home"]).arg(env.home.path());
    command.arg("--passphrase-file").arg(env.unlock.passphrase_file.unwrap());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, begun) = (command.spawn().unwrap(), Instant::now());
    // What it says is short enough for the pipes.
    while child.try_wait().unwrap().is_none() {
        if begun.elapsed() > DEADLINE {
            child.kill().unwrap();
            panic!("{name} {args:?} does not end: {}", said(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// How many versions Théo's account has in the log.
async fn versions(town: &Town) -> u64 {
    let session = town.session(MAUD).await;
    let account = session.find_credential(LABEL).unwrap();
    session.state().unwrap().credential(&account).unwrap().current().unwrap().0.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computer_that_fails() {
    let town = Town::founded_at(Kind::Program).await;
    without_limits(&town).await;
    town.stop().await;
    let mut daemon = sequestred(&town.data(), town.listen());
    daemon.args(["--requests-per-minute", "1000000"]);
    town.start_as(daemon).await.unwrap();
    for name in [NINA, THEO] {
        drop(town.session(name).await);
    }
    let folder = tempfile::tempdir().unwrap();
    let (log, file) = (folder.path().join("calls"), folder.path().join("account.json"));
    fs::write(&file, format!(r#"{{ "user_name": "amis-du-lac", "password": "{MARKER}the next one" }}"#)).unwrap();
    // A computer that begins from nothing.
    for file in ["entries", "checkpoint", "cosignatures"] {
        fs::remove_file(town.folder(NINA).join(file)).unwrap();
    }
    let deposit = ["deposit", LABEL, "--new-version", "--from", file.to_str().unwrap()];
    let mut chance = Chance::of_this_run("computers that fail");
    for (name, args) in [(NINA, &["sync"][..]), (THEO, &deposit)] {
        let home = town.env(name).home.path().to_owned();
        let before = Snapshot::of(&home);
        let first = tokio::task::block_in_place(|| client(&town, name, args, Some((&log, None))));
        assert!(first.status.success(), "{}", said(&first));
        let calls = counted(&fs::read_to_string(&log).unwrap());
        assert!(calls.get("fsync").is_some_and(|count| *count > 2), "{calls:?}");
        let mut faults = Fault::all(&calls);
        // Most of them write to connections, and to what wakes the program's own threads: that this fails is no disk's
        // doing, and would leave it waiting.
        faults.retain(|fault| fault.call != "write" || fault.how == How::Killed);
        for at in (1..faults.len()).rev() {
            faults.swap(at, chance.below(at + 1));
        }
        let wanted = match number("SEQUESTRE_TEST_FAULTS", 24) {
            0 => faults.len(),
            some => faults.len().min(some as usize),
        };
        let (mut failed, mut killed) = (0, 0);
        for fault in &faults[..wanted] {
            if name == NINA {
                before.restore(&home);
            }
            let known = versions(&town).await;
            let first = tokio::task::block_in_place(|| client(&town, name, args, Some((&log, Some(fault)))));
            let case = format!("{name} {args:?}, {fault}: {}", said(&first));
            assert_ne!(first.status.code(), Some(Exit::Distrust as i32), "{case}");
            failed += usize::from(!first.status.success());
            killed += usize::from(first.status.signal().is_some());
            shows_no_secret(&town, &case);
            // What was on its way arrives, or it is done again.
            let again = tokio::task::block_in_place(|| client(&town, name, &["sync"], None));
            assert!(again.status.success(), "{case}; then: {}", said(&again));
            if name == THEO && versions(&town).await == known {
                assert!(!first.status.success(), "{case}: said to be done, and is not");
                let again = tokio::task::block_in_place(|| client(&town, name, args, None));
                assert!(again.status.success(), "{case}; again: {}", said(&again));
            }
            if name == THEO {
                assert_eq!(versions(&town).await, known + 1, "{case}");
            }
            let session = town.env(name).session().unwrap();
            assert_eq!(session.replica.head().size, town.entries(), "{case}");
            // A draft that was never put in its place is left, and read by nobody.
            let waiting = fs::read_dir(session.folder.join("outbox")).into_iter().flatten();
            let waiting = waiting.map(|file| file.unwrap().file_name().into_string().unwrap());
            let waiting: Vec<String> = waiting.filter(|name| !name.starts_with(".tmp")).collect();
            assert_eq!(waiting, Vec::<String>::new(), "{case}");
        }
        println!(
            "{wanted} of {} faults at {calls:?}: {failed} times it failed, {killed} times it was ended",
            faults.len()
        );
        assert!(failed * 2 > wanted && killed > 0, "{failed} of {wanted}, {killed}");
        assert!(faults[..wanted].iter().any(|fault| fault.how == How::FullFromThen));
    }
    town.stop().await;
    left_behind(&town, &[], "computers that fail");
}
