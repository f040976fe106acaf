//! Bad luck: daemons and computers that stop in the middle, answers that never come, clocks that are wrong.

use std::fs;
use std::path::PathBuf;

use prost::Message as _;
use sequestre::client::consent;
use sequestre::client::failure::Exit;
use sequestre::client::request;
use sequestre::client::session::{self, Env, Session};
use sequestre::daemon::config::Overrides;
use sequestre::escrow::command::SignedCommand;
use sequestre::escrow::request::Stage;
use sequestre::escrow::text::Text;
use sequestre::escrow::time::{Seconds, Time};
use sequestre::proto::v1::{self, command::Act};

use crate::town::*;

fn outbox(town: &Town, name: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(town.folder(name).join("outbox")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

fn denial(session: &Session, id: u64) -> (Act, Vec<u8>) {
    let request = session.state().unwrap().request(id).unwrap();
    let (reason, blob) = session.text(&Text::parse("why now?").unwrap()).unwrap();
    let leaf = request.at.leaf.to_vec();
    (Act::Deny(v1::Deny { request_index: id, request_leaf: leaf, reason: reason.to_vec() }), blob)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_signed_while_the_daemon_was_away_arrives_once() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    let mut bruno = town.session(BRUNO).await;
    let (act, blob) = denial(&bruno, id);
    town.stop().await;
    let entries = town.entries();
    failure(bruno.submit(act, vec![blob]).await, Exit::Unreachable, "failed-unreachable");
    drop(bruno);
    assert_eq!(outbox(&town, BRUNO).len(), 1);
    // Without the daemon nothing changes, however often it is tried.
    let sync = async |env: &_| session::sync(env).await;
    town.fails(BRUNO, sync, Exit::Unreachable, "failed-unreachable").await;
    town.start().await;
    for _ in 0..3 {
        session::sync(&town.env(BRUNO)).await.unwrap();
        assert_eq!((outbox(&town, BRUNO).len(), town.entries()), (0, entries + 1));
    }
    assert_eq!(town.request(NINA, id).await.denials.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_never_comes_does_not_make_two_entries() {
    let town = Town::founded().await;
    let entries = town.entries();
    failure(
        request::request(&town.cut_off(NINA), asking(LABEL, Seconds::HOUR)).await,
        Exit::Unreachable,
        "failed-unreachable",
    );
    assert_eq!(
        (town.entries(), outbox(&town, NINA).len()),
        (entries + 1, 1),
        "it is in the log, and not known to be"
    );
    // The same command once more, by hand: the same index.
    town.start().await;
    let bytes = fs::read(&outbox(&town, NINA)[0]).unwrap();
    let length = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
    let signed = SignedCommand::parse(v1::SignedCommand::decode(&bytes[4..4 + length]).unwrap()).unwrap();
    let mut other = town.session(MAUD).await;
    let organisation = other.folder.id;
    let sent = other.remote().await.unwrap().submit(Some(organisation), &signed, vec![], vec![]).await;
    assert_eq!(sent.unwrap(), entries);
    // Asking again says that the first one stands.
    let again = request::request(&town.env(NINA), asking(LABEL, Seconds::HOUR)).await;
    let told = failure(again, Exit::Refused, "refused-already-requested");
    assert!(told.to_string().contains(&entries.to_string()), "{told}");
    assert_eq!((town.entries(), outbox(&town, NINA).len()), (entries + 1, 0));
    town.approve(BRUNO, entries).await.unwrap();
    town.approve(CHLOE, entries).await.unwrap();
    assert_eq!(town.open(NINA, entries).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_approval_is_finished_at_the_next_contact() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    town.approve(CHLOE, id).await.unwrap();
    failure(consent::approve(&town.cut_off(BRUNO), id).await, Exit::Unreachable, "failed-unreachable");
    town.start().await;
    // It stands in the log, but the share is still on Bruno's computer: the access must not begin.
    let entries = town.entries();
    failure(town.open(NINA, id).await, Exit::Refused, "refused-not-yet-uploaded");
    assert!(matches!(town.request(NINA, id).await.stage, Stage::Granted(_)));
    assert_eq!(town.entries(), entries);
    // Even if he only says it again.
    failure(town.approve(BRUNO, id).await, Exit::Refused, "refused-already-approved");
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    session::sync(&town.env(BRUNO)).await.unwrap();
    assert_eq!(town.marks(BRUNO).waiting, Vec::<PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_too_slow_to_answer_has_not_refused() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    town.approve(CHLOE, id).await.unwrap();
    session::sync(&town.env(BRUNO)).await.unwrap();
    town.stop().await;
    town.start_with(Overrides { request_timeout_seconds: Some(1), ..Overrides::default() }).await;
    // The disk is busy for longer than the daemon lets a caller wait.
    let database = town.database();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = town.approve(BRUNO, id).await;
    failure(answer, Exit::Unreachable, "refused-timeout");
    let waiting = town.marks(BRUNO).waiting;
    assert_eq!(waiting.len(), 2, "the approval and the share for it stay: {waiting:?}");
    let entries = town.entries();
    database.execute_batch("ROLLBACK").unwrap();
    town.grown(entries + 1).await;
    session::sync(&town.env(BRUNO)).await.unwrap();
    assert_eq!(town.marks(BRUNO).waiting, Vec::<PathBuf>::new());
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_too_long_is_told_and_given_up() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    let mut bruno = town.session(BRUNO).await;
    let (act, blob) = denial(&bruno, id);
    town.stop().await;
    failure(bruno.submit(act, vec![blob]).await, Exit::Unreachable, "failed-unreachable");
    drop(bruno);
    // An hour later by the daemon's clock.
    town.pass(Seconds(3600));
    town.start().await;
    let entries = town.entries();
    let (exit, told, refused) = town.program(BRUNO, &["sync"]);
    assert_eq!(exit, 0);
    assert!(told.contains("waits to be sent") && told.contains(&format!("your refusal of request {id}")), "{told}");
    assert!(refused.contains("1 hour"), "{refused}");
    // Nobody was asked and nothing is signed: it waits, however often Bruno synchronises.
    for _ in 0..2 {
        session::sync(&town.env(BRUNO)).await.unwrap();
        assert_eq!((outbox(&town, BRUNO).len(), town.entries()), (1, entries));
    }
    let old = fs::read_dir(town.folder(BRUNO).join("outbox")).unwrap().next().unwrap().unwrap().file_name();
    // The next command that is signed does not sign it, too: it says that it is given up.
    consent::deny(&town.env(BRUNO), id, "and for how long?").await.unwrap();
    assert_eq!((outbox(&town, BRUNO).len(), town.entries()), (0, entries + 1));
    let bruno = town.session(BRUNO).await;
    assert_eq!(bruno.replica.index_of(&old.to_str().unwrap().parse().unwrap()), None);
    assert!(bruno.state().unwrap().request(id).unwrap().denials.contains_key(&bruno.me()));
    drop(bruno);
    // An approval is bound by the request and its expiry, not by the time: it arrives a day later.
    let answer = consent::approve(&town.cut_off_before_approving(CHLOE), id).await;
    failure(answer, Exit::Unreachable, "failed-unreachable");
    assert_eq!(town.marks(CHLOE).waiting.len(), 2, "the approval and the share for it");
    town.pass(Seconds(86_400));
    town.start().await;
    session::sync(&town.env(CHLOE)).await.unwrap();
    assert_eq!(town.request(NINA, id).await.approvals.len(), 1);
    assert_eq!(town.marks(CHLOE).waiting, Vec::<PathBuf>::new());
    town.approve(AWA, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leftovers_of_a_crash_do_not_matter() {
    let town = Town::founded().await;
    let folder = town.folder(BRUNO);
    // Half-written files: before the rename, and beyond the checkpoint.
    for part in ["outbox", "blobs", "keys", "invitations", "evidence", "."] {
        fs::write(folder.join(part).join(".tmpAbC123"), b"half of something").unwrap();
    }
    let entries = fs::read(folder.join("entries")).unwrap();
    for rest in [&entries[..3], &entries[..100], &entries[..]] {
        fs::write(folder.join("entries"), [&entries, rest].concat()).unwrap();
        session::sync(&town.env(BRUNO)).await.unwrap();
        assert_eq!(fs::read(folder.join("entries")).unwrap(), entries);
    }
    let id = town.ask(NINA).await;
    town.approve(BRUNO, id).await.unwrap();
    // A blob that was lost is fetched again.
    let blobs: Vec<PathBuf> = fs::read_dir(folder.join("blobs")).unwrap().map(|f| f.unwrap().path()).collect();
    blobs.iter().for_each(|blob| fs::remove_file(blob).unwrap());
    session::sync(&town.env(BRUNO)).await.unwrap();
    let session = town.env(BRUNO).session().unwrap();
    assert!(session.replica.missing_blobs(&session.me()).unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_home_is_said_and_not_used() {
    let town = Town::founded().await;
    let folder = town.folder(BRUNO);
    let good = Snapshot::of(&folder);
    type Damage = fn(&mut Vec<u8>);
    let flip: Damage = |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    let cut: Damage = |bytes| bytes.truncate(bytes.len() - 1);
    for (file, damage) in [("entries", flip), ("entries", cut), ("checkpoint", flip), ("checkpoint", cut)] {
        let mut bytes = fs::read(folder.join(file)).unwrap();
        damage(&mut bytes);
        fs::write(folder.join(file), bytes).unwrap();
        let sync = async |env: &_| session::sync(env).await;
        let told = town.fails(BRUNO, sync, Exit::Failed, "failed-damaged").await;
        assert!(told.to_string().contains(file), "{told}");
        good.restore(&folder);
    }
    for file in ["contact.json", "device.key"] {
        fs::write(folder.join(file), b"{}").unwrap();
        let sync = async |env: &_| session::sync(env).await;
        town.fails(BRUNO, sync, Exit::Failed, "failed-damaged").await;
        good.restore(&folder);
    }
    session::sync(&town.env(BRUNO)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_clock_is_told_and_changes_nothing() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    let at = |env: &Env, time: Time| Env { clock: std::sync::Arc::new(move || time), ..env.clone() };
    let (early, late) = (town.now().before(Seconds(660)), town.now().after(Seconds(660)));
    let behind = async |env: &Env| request::request(&at(env, early), asking(LABEL, Seconds::HOUR)).await;
    // Awa's home has not seen the newest entry: it comes from the future.
    town.fails(AWA, behind, Exit::Distrust, "failed-clock").await;
    // Nina's has. Her own commands come from the past, then from the future.
    for time in [early, late] {
        let ask = async |env: &Env| request::give_back(&at(env, time), id).await;
        let told = town.fails(NINA, ask, Exit::Refused, "refused-clock-skew").await;
        assert!(told.to_string().contains("11"), "it says by how much: {told}");
    }
    // Once the clocks are right, all goes on.
    town.approve(BRUNO, id).await.unwrap();
    town.approve(AWA, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_at_once() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    let entries = town.entries();
    let (awa, bruno, chloe) = tokio::join!(town.approve(AWA, id), town.approve(BRUNO, id), town.approve(CHLOE, id));
    awa.and(bruno).and(chloe).unwrap();
    assert_eq!(town.entries(), entries + 3);
    assert_eq!(town.request(NINA, id).await.approvals.len(), 3);
    // Several programs on one home wait for each other.
    let codes = std::thread::scope(|scope| {
        let run = |arguments: &'static [&'static str]| {
            let town = &town;
            scope.spawn(move || town.program(NINA, arguments).0)
        };
        let id: &'static str = id.to_string().leak();
        let programs = [run(&["sync"]), run(vec!["show", id].leak()), run(vec!["show", id].leak()), run(&["inbox"])];
        programs.map(|program| program.join().unwrap())
    });
    assert_eq!(codes, [0; 4]);
    assert_eq!(town.entries(), entries + 4, "the access began once");
}
