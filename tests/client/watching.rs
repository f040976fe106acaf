//! `sync --watch` as it runs in the background: the real program, a real server that comes and goes, and signals.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use sequestre::client::failure::Exit;
use sequestre::client::session;

use crate::town::*;

/// A program in the background, ended with the test.
struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    /// The client, without a passphrase: it could not unlock the identity.
    fn watcher(town: &Town, name: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequestre"));
        command.args(["sync", "--watch", "--json", "--lang", "en", "--home"]).arg(town.env(name).home.path());
        // Failures go there; the exit code says enough.
        command.stderr(Stdio::null());
        Self::start(command)
    }

    fn daemon(town: &Town) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequestred"));
        command.arg("run").arg("--data").arg(town.data()).arg("--listen").arg(town.address()).stderr(Stdio::null());
        Self::start(command)
    }

    /// The next line, as JSON.
    fn next(&self) -> serde_json::Value {
        let line = tokio::task::block_in_place(|| self.lines.recv_timeout(DEADLINE)).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// The exit code, once it ends.
    fn ended(&mut self) -> i32 {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().unwrap();
            }
            assert!(begun.elapsed() < DEADLINE, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The size of the newest tree that somebody cosigned, as Maud's client sees it.
async fn confirmed(town: &Town, who: &str) -> u64 {
    let session = town.session(MAUD).await;
    let id = session.find_person(who).unwrap();
    session.cosignatures.iter().filter(|c| *c.person() == id).map(|c| c.head().size).max().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_follows_each_change_through_a_restart_and_ends_when_asked() {
    let town = Town::founded().await;
    town.stop().await;
    let mut daemon = Program::daemon(&town);
    let mut watcher = Program::watcher(&town, BRUNO);
    // The daemon may need a moment until it listens; then the watcher says so first.
    let mut first = watcher.next();
    if first["event"] == "away" {
        first = watcher.next();
    }
    assert_eq!((first["event"].as_str(), first["size"].as_u64()), (Some("synchronised"), Some(town.entries())));

    // Each change, without anybody doing anything on Bruno's computer; his other verbs are not kept waiting.
    let id = town.ask(NINA).await;
    let change = watcher.next();
    assert_eq!((change["size"].as_u64(), change["new"].as_u64()), (Some(id + 1), Some(1)), "{change}");
    assert_eq!(change["confirmed"], true);
    assert_eq!(confirmed(&town, BRUNO).await, id + 1);
    town.approve(BRUNO, id).await.unwrap();
    let change = watcher.next();
    assert_eq!(change["size"].as_u64(), Some(id + 2), "{change}");

    // The server goes away, and comes back with something new.
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.ended(), 0);
    let away = watcher.next();
    // Which of the two depends on how far the daemon had closed when the watcher asked.
    let why = away["error"].as_str().unwrap();
    assert!(away["event"] == "away" && ["failed-unreachable", "refused-closing"].contains(&why), "{away}");
    let mut daemon = Program::daemon(&town);
    let back = watcher.next();
    assert_eq!((back["event"].as_str(), back["new"].as_u64()), (Some("synchronised"), Some(0)), "{back}");
    town.approve(CHLOE, id).await.unwrap();
    let change = watcher.next();
    assert_eq!(change["size"].as_u64(), Some(id + 3), "{change}");

    watcher.signal(rustix::process::Signal::TERM);
    assert_eq!(watcher.ended(), 0);
    let mut second = Program::watcher(&town, BRUNO);
    assert_eq!(second.next()["event"], "synchronised");
    second.signal(rustix::process::Signal::INT);
    assert_eq!(second.ended(), 0);
    daemon.signal(rustix::process::Signal::TERM);
    assert_eq!(daemon.ended(), 0);
    // What it leaves is an ordinary home.
    town.start().await;
    session::sync(&town.env(BRUNO)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_does_not_wait_for_what_cannot_get_better() {
    let town = Town::founded().await;
    town.stop().await;
    let backup = Snapshot::of(&town.data());
    town.start().await;
    let mut watcher = Program::watcher(&town, MAUD);
    assert_eq!(watcher.next()["event"], "synchronised");
    town.ask(NINA).await;
    assert_eq!(watcher.next()["new"], 1);
    // Last week's backup: the log's tail is gone.
    town.stop().await;
    assert_eq!(watcher.next()["event"], "away");
    backup.restore(&town.data());
    town.start().await;
    assert_eq!(watcher.ended(), Exit::Distrust as i32);
    // And so it is when it is started again.
    assert_eq!(Program::watcher(&town, MAUD).ended(), Exit::Distrust as i32);
    // A home that knows no association has nothing to watch.
    let mut nobody = Program::watcher(&town, OMAR);
    assert_eq!(nobody.ended(), Exit::Usage as i32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_associations_end_is_told_while_another_goes_on() {
    let (town, other) = tokio::join!(Town::founded(), Town::another());
    town.stop().await;
    let backup = Snapshot::of(&town.data());
    town.start().await;
    town.ask(NINA).await;
    let forked = town.env(MAUD).home.organisations().unwrap()[0];
    session::sync(&town.env(MAUD)).await.unwrap();
    // Maud belongs to both, from one home.
    let code = std::fs::read(other.root.path().join("invitations/Maud.txt")).unwrap();
    sequestre::client::join::join(&town.env(MAUD), &sequestre::seal::secret::Secret::new(code)).await.unwrap();
    town.stop().await;
    backup.restore(&town.data());
    town.start().await;
    let mut watcher = Program::watcher(&town, MAUD);
    let events = [watcher.next(), watcher.next()];
    let stopped = events.iter().find(|event| event["event"] == "stopped").unwrap();
    assert_eq!(stopped["organisation"], forked.to_string());
    assert_eq!(stopped["error"], "distrust-lost-tail");
    assert!(watcher.child.try_wait().unwrap().is_none(), "the other is still watched");
    // What is merely said stops nobody, and what is wrong in another way is told, too.
    let server_key = other.data().join("server.key");
    other.stop().await;
    assert_eq!(watcher.next()["event"], "away");
    std::fs::copy(town.data().join("server.key"), server_key).unwrap();
    other.start().await;
    let told = watcher.next();
    assert_eq!((told["event"].as_str(), told["error"].as_str()), (Some("distrust"), Some("distrust-server-key")));
    watcher.signal(rustix::process::Signal::TERM);
    assert_eq!(watcher.ended(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn associations_that_come_and_go_meanwhile_are_watched_and_left() {
    let (town, other) = tokio::join!(Town::founded(), Town::another());
    let home = town.env(MAUD).home;
    let mut watcher = Program::watcher(&town, MAUD);
    assert_eq!(watcher.next()["event"], "synchronised");
    let code = std::fs::read(other.root.path().join("invitations/Maud.txt")).unwrap();
    let first = home.organisations().unwrap();
    sequestre::client::join::join(&town.env(MAUD), &sequestre::seal::secret::Secret::new(code)).await.unwrap();
    let come = watcher.next();
    let id = *home.organisations().unwrap().iter().find(|id| !first.contains(id)).unwrap();
    assert_eq!(
        (come["event"].as_str(), come["organisation"].as_str()),
        (Some("synchronised"), Some(&*id.to_string()))
    );
    // Both go.
    std::fs::rename(home.folder(first[0]).path(), home.path().join("gone")).unwrap();
    std::fs::rename(home.folder(id).path(), home.path().join("gone too")).unwrap();
    assert_eq!(watcher.ended(), Exit::Usage as i32, "nothing is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_waits_for_another_verb_is_told_so() {
    let town = Town::founded().await;
    let other = town.session(BRUNO).await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_sequestre"));
    command.args(["status", "--lang", "en", "--home"]).arg(town.env(BRUNO).home.path());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    let mut output = BufReader::new(child.stderr.take().unwrap());
    tokio::task::block_in_place(|| output.read_line(&mut told)).unwrap();
    assert!(told.contains("is using this folder"), "{told}");
    assert!(child.try_wait().unwrap().is_none());
    // The watcher gives way without a word, and goes on afterwards.
    let watcher = Program::watcher(&town, BRUNO);
    drop(other);
    assert_eq!(tokio::task::block_in_place(|| child.wait()).unwrap().code(), Some(0));
    assert_eq!(watcher.next()["event"], "synchronised");
}
