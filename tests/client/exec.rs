//! Commands that are run with an access: what they get, and that the access is over when they are.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use sequestre::escrow::credential::Urgency;
use sequestre::escrow::request::{End, Stage};

use crate::town::*;

/// The real client as Nina runs it, still running.
struct Running(std::process::Child);

impl Running {
    fn start(town: &Town, command: &str, more: &[&str]) -> Self {
        let env = town.env(NINA);
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_sequestre"));
        program.args(["request", LABEL, "--for", "1h", "--reason", "a backup", "--exec", command]).args(more);
        program.args(["--lang", "en", "--home"]).arg(env.home.path());
        program.arg("--passphrase-file").arg(env.unlock.passphrase_file.unwrap());
        let program = program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(program.spawn().unwrap())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    /// Exit code, standard output, standard error.
    fn end(self) -> (i32, String, String) {
        let output = tokio::task::block_in_place(|| self.0.wait_with_output().unwrap());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

/// Nina's newest request, once it stands in the log.
async fn asked(town: &Town) -> u64 {
    let entries = town.entries();
    town.grown(entries.max(1)).await;
    let begun = std::time::Instant::now();
    loop {
        let session = town.session(MAUD).await;
        let request = session.state().unwrap().requests().last_key_value().map(|(id, _)| *id);
        if let Some(id) = request {
            return id;
        }
        assert!(begun.elapsed() < DEADLINE, "nothing was asked for");
        drop(session);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn agree(town: &Town, id: u64) {
    for name in [BRUNO, CHLOE] {
        town.approve(name, id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_gets_the_secret_and_the_access_ends_with_it() {
    let town = Town::founded().await;
    town.thaw();
    let running = Running::start(&town, "printf '%s %s' \"$SEQUESTRE_USER\" \"$SEQUESTRE_PASSWORD\"; exit 7", &[]);
    let id = asked(&town).await;
    agree(&town, id).await;
    let (code, told, aside) = running.end();
    assert_eq!((code, told.as_str()), (7, format!("amis-du-lac {PASSWORD}").as_str()), "{aside}");
    // What is said around it goes elsewhere, and does not hold the secret.
    assert!(aside.contains("given back") && !aside.contains(PASSWORD), "{aside}");
    assert!(matches!(town.request(NINA, id).await.stage, Stage::Ended { how: End::Returned, .. }));
    assert_eq!(town.due().await, Some(Urgency::Later));
    assert_eq!(std::fs::read_dir(town.folder(NINA).join("keys")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_descriptor_the_secret_is_nowhere_else() {
    let town = Town::founded().await;
    town.thaw();
    let command = "cat <&5; env | grep -c '[f]irst'; tr '\\0' '\\n' < /proc/$PPID/cmdline | grep -c '[f]irst'";
    let running = Running::start(&town, command, &["--fd", "5"]);
    let id = asked(&town).await;
    agree(&town, id).await;
    let (code, told, aside) = running.end();
    assert_eq!(told, format!("{PASSWORD}0\n0\n"), "{aside}");
    assert_eq!(code, 1, "that of the last command");
    assert!(matches!(town.request(NINA, id).await.stage, Stage::Ended { how: End::Returned, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ends_the_program_ends_the_access() {
    let town = Town::founded().await;
    town.thaw();
    // While it waits for agreement.
    let running = Running::start(&town, "true", &[]);
    let id = asked(&town).await;
    running.signal(Signal::INT);
    let (code, _, aside) = running.end();
    assert_eq!(code, 6, "{aside}");
    assert!(matches!(town.request(NINA, id).await.stage, Stage::Ended { how: End::Withdrawn, .. }), "{aside}");
    assert_eq!(town.due().await, None);
    // While the command runs: it is told, and waited for.
    let ready = town.root.path().join("ready");
    let command = format!("trap 'exit 9' TERM; touch {}; while :; do sleep 0.1; done", ready.display());
    let running = Running::start(&town, &command, &[]);
    let begun = std::time::Instant::now();
    let id = loop {
        let next = asked(&town).await;
        if next != id {
            break next;
        }
        assert!(begun.elapsed() < DEADLINE);
    };
    agree(&town, id).await;
    while !ready.exists() {
        assert!(begun.elapsed() < 2 * DEADLINE, "the command never began");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    running.signal(Signal::INT);
    running.signal(Signal::TERM);
    let (code, _, aside) = running.end();
    assert_eq!(code, 9, "{aside}");
    assert!(matches!(town.request(NINA, id).await.stage, Stage::Ended { how: End::Returned, .. }), "{aside}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_or_expired_request_runs_nothing() {
    let town = Town::founded().await;
    town.thaw();
    let witness = town.root.path().join("ran");
    let running = Running::start(&town, &format!("touch {}", witness.display()), &["--open-for", "2s"]);
    let (code, told, aside) = running.end();
    assert_eq!((code, told.as_str()), (3, ""), "{aside}");
    assert!(!witness.exists());
}
