//! `sequestred init`, with each of its calls to the disk failing once in each way: whoever does it again has a server.

use std::path::Path;
use std::process::{Command, Output};

use sequestre::store::fsck::fsck;

use crate::chance::{Chance, number};
use crate::faults::{CALLS, Fault, How, counted};

fn init(data: &Path, command: &mut Command) -> Output {
    command.arg("init").arg("--data").arg(data).args(["--name", "localhost:7443"]).output().unwrap()
}

fn plain() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sequestred"))
}

fn traced(log: &Path, fault: Option<&Fault>) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-q", "-o"]).arg(log).args([
        "-e",
        &format!("trace={}", CALLS.join(",")),
        "-e",
        "signal=none",
    ]);
    if let Some(fault) = fault {
        command.args(["-e", &format!("inject={fault}")]);
    }
    command.arg(plain().get_program());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn a_server_can_be_made_whatever_failed_when_it_was_made_before() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let made = init(&folder.path().join("first"), &mut traced(&log, None));
    assert!(made.status.success(), "{}", said(&made));
    let faults = Fault::all(&counted(&std::fs::read_to_string(&log).unwrap()));
    assert!(faults.len() > 60, "{}", faults.len());
    let (mut again, mut there) = (0, 0);
    // A third of them, unless all are asked for.
    let mut chance = Chance::of_this_run("calls that fail while a server is made");
    let (first, every) = if number("SEQUESTRE_TEST_FAULTS", 24) == 0 { (0, 1) } else { (chance.below(3), 3) };
    for (n, fault) in faults.iter().enumerate().skip(first).step_by(every) {
        let data = folder.path().join(n.to_string());
        let first = init(&data, &mut traced(&log, Some(fault)));
        let case = format!("{fault}: {}", said(&first));
        if !first.status.success() {
            assert!(
                fault.how == How::Killed || said(&first).contains("sequestred: ") || fault.call == "write",
                "{case}"
            );
            // Either nothing was made that is in the way of doing it again, or everything was.
            let second = init(&data, &mut plain());
            match second.status.success() {
                true => again += 1,
                false => {
                    assert!(said(&second).contains("exists already"), "{case}; again: {}", said(&second));
                    there += 1;
                }
            }
        }
        assert_eq!(fsck(&data).unwrap().findings, [], "{case}");
        // The code to found with, which may not have been told.
        let token = plain().arg("token").arg("--data").arg(&data).output().unwrap();
        assert!(token.status.success(), "{case}; then: {}", said(&token));
        let mut names: Vec<String> = std::fs::read_dir(&data)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with("sequestre.db-"))
            .collect();
        names.sort();
        assert_eq!(names, ["sequestre.db", "sequestred.toml", "server.key"], "{case}");
    }
    println!("{} faults; {again} times done again, {there} times all was there", faults.len());
    assert!(again > 10 && there > 0);
}
