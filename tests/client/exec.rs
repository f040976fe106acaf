//! Commands that are run with an access: what they get, and that the access is over when they are.

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sequestre::escrow::credential::Urgency;
use sequestre::escrow::request::{End, Stage};

use crate::town::*;

/// The real client as Nina runs it, still running.
struct Running(std::process::Child);

impl Running {
    fn start(town: &Town, command: &str, more: &[&str]) -> Self {
        let mut program = program(town, command, more);
        Self(program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
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

fn program(town: &Town, command: &str, more: &[&str]) -> std::process::Command {
    let env = town.env(NINA);
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_sequestre"));
    program.args(["request", LABEL, "--for", "1h", "--reason", "a backup", "--exec", command]).args(more);
    program.args(["--lang", "en", "--home"]).arg(env.home.path());
    program.arg("--passphrase-file").arg(env.unlock.passphrase_file.unwrap());
    program.stdin(Stdio::null());
    program
}

/// Waits until it is so.
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is().await {
        assert!(begun.elapsed() < DEADLINE, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
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

/// Whatever comes between the agreement and the beginning of the command prevents it: here the client stands at the
/// very last step before, because nobody reads what it wants to say.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_just_before_the_command_prevents_it() {
    let mut last = 0;
    let town = Town::founded().await;
    town.thaw();
    for signal in [Signal::INT, Signal::QUIT, Signal::TERM, Signal::HUP] {
        let ran = town.root.path().join("ran");
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut filling = theirs.try_clone().unwrap();
        let mut command = program(&town, &format!("touch {}", ran.display()), &[]);
        command.stdout(Stdio::null()).stderr(OwnedFd::from(theirs));
        let mut client = command.spawn().unwrap();
        drop(command);
        until("it is asked for", async || asked(&town).await > last).await;
        let id = asked(&town).await;
        last = id;
        town.approve(BRUNO, id).await.unwrap();
        // It says that one is missing, and waits.
        let mut told = String::new();
        let mut buffer = [0; 256];
        while !told.contains("waits for 1 more agreement") {
            let length = tokio::task::block_in_place(|| ours.read(&mut buffer).unwrap());
            assert_ne!(length, 0, "{told}");
            told.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        // It looks again only when everything is there: what it says in between would find no room.
        kill_process(Pid::from_child(&client), Signal::STOP).unwrap();
        // The client's own end is the same one: it waits again when this is over.
        let mut fill = || {
            filling.set_nonblocking(true).unwrap();
            while filling.write(b".").is_ok() {}
            filling.set_nonblocking(false).unwrap();
        };
        fill();
        town.approve(CHLOE, id).await.unwrap();
        kill_process(Pid::from_child(&client), Signal::CONT).unwrap();
        let mut looked = Instant::now();
        until("it is fetched", async || {
            let fetched = matches!(town.request(MAUD, id).await.stage, Stage::Leased(_));
            if !fetched && looked.elapsed() > Duration::from_secs(5) {
                // It had something else to say (its link was cut while it stood still, for instance): it gets room.
                ours.set_nonblocking(true).unwrap();
                while ours.read(&mut buffer).is_ok() {}
                ours.set_nonblocking(false).unwrap();
                fill();
                looked = Instant::now();
            }
            fetched
        })
        .await;
        drop(filling);
        kill_process(Pid::from_child(&client), signal).unwrap();
        let mut rest = Vec::new();
        let code = tokio::task::block_in_place(|| {
            ours.read_to_end(&mut rest).unwrap();
            client.wait().unwrap().code()
        });
        let rest = String::from_utf8_lossy(&rest).replace('.', "");
        assert_eq!((code, ran.exists()), (Some(6), false), "{signal:?}: {rest}");
        assert!(rest.contains("the command was not begun") && rest.contains("is given back"), "{rest}");
        assert!(matches!(town.request(MAUD, id).await.stage, Stage::Ended { how: End::Returned, .. }), "{rest}");
    }
}

/// The terminal's window is closed: the kernel tells what runs in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_terminal_leaves_nothing_behind() {
    let town = Town::founded().await;
    town.thaw();
    let ready = town.root.path().join("ready");
    let begin = || {
        let sleeping = format!("touch {}; sleep 600", ready.display());
        let words = program(&town, &sleeping, &[]);
        let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap().replace('\'', r"'\''"));
        let line: Vec<String> = std::iter::once(words.get_program()).chain(words.get_args()).map(quoted).collect();
        let mut terminal = std::process::Command::new("script");
        terminal.args(["--quiet", "--command", &line.join(" "), "/dev/null"]).env("SHELL", "/bin/sh");
        terminal.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    // While it waits for agreement.
    let mut terminal = begin();
    let first = asked(&town).await;
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    let stage = async |id: u64| town.request(MAUD, id).await.stage;
    let withdrawn = async || matches!(stage(first).await, Stage::Ended { how: End::Withdrawn, .. });
    until("it is taken back", withdrawn).await;
    // While the command runs.
    let mut terminal = begin();
    until("it is asked for", async || asked(&town).await > first).await;
    let id = asked(&town).await;
    agree(&town, id).await;
    until("the command runs", async || ready.exists()).await;
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    until("it is given back", async || matches!(stage(id).await, Stage::Ended { how: End::Returned, .. })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_ends_the_command_also_one_that_does_not_listen() {
    let town = Town::founded().await;
    town.thaw();
    let mut last = 0;
    for (listens, expected) in [("", 128 + 1), ("trap '' HUP TERM;", 128 + 9)] {
        let ready = town.root.path().join(format!("ready-{expected}"));
        let command = format!("{listens} touch {}; while :; do sleep 0.1; done", ready.display());
        let running = Running::start(&town, &command, &[]);
        until("it is asked for", async || asked(&town).await > last).await;
        let id = asked(&town).await;
        last = id;
        agree(&town, id).await;
        until("the command runs", async || ready.exists()).await;
        running.signal(Signal::HUP);
        let (code, _, aside) = running.end();
        assert_eq!(code, expected, "{aside}");
        assert!(matches!(town.request(MAUD, id).await.stage, Stage::Ended { how: End::Returned, .. }), "{aside}");
    }
}

/// Whoever starts it so that it outlives the terminal means that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_started_to_outlive_the_terminal_does() {
    let town = Town::founded().await;
    town.thaw();
    let words = program(&town, "printf done", &[]);
    let mut nohup = std::process::Command::new("nohup");
    nohup.arg(words.get_program()).args(words.get_args()).stdin(Stdio::null());
    let running = Running(nohup.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let id = asked(&town).await;
    running.signal(Signal::HUP);
    agree(&town, id).await;
    let (code, told, aside) = running.end();
    assert_eq!((code, told.as_str()), (0, "done"), "{aside}");
}

/// What cannot be given back is not left behind silently.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_because_the_server_is_gone_is_said() {
    let town = Town::founded().await;
    town.thaw();
    let mut running = Running::start(&town, "true", &[]);
    let id = asked(&town).await;
    town.stop().await;
    running.signal(Signal::TERM);
    let mut told = String::new();
    let mut aside = running.0.stderr.take().unwrap();
    let mut buffer = [0; 256];
    let mut pressed = false;
    tokio::task::block_in_place(|| {
        while let length @ 1.. = aside.read(&mut buffer).unwrap() {
            told.push_str(&String::from_utf8_lossy(&buffer[..length]));
            if !pressed && told.contains("is not given back yet") {
                running.signal(Signal::INT);
                pressed = true;
            }
        }
    });
    let expected =
        format!("could not be given back, and stays until its time is over or you run “sequestre return {id}”");
    assert!(told.contains(&expected), "{told}");
    let (code, ..) = running.end();
    assert_eq!(code, 6, "{told}");
    // What that says works.
    town.start().await;
    let (code, _, aside) = town.program(NINA, &["return", &id.to_string()]);
    assert_eq!(code, 0, "{aside}");
}
