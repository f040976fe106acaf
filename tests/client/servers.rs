//! Bad servers: another key, a lost tail, two logs, edited, invented and misdated entries. Whoever runs the server has
//! its database, and so the log key.

use std::fs;

use sequestre::client::consent;
use sequestre::client::deposit;
use sequestre::client::failure::Exit;
use sequestre::client::found;
use sequestre::client::join;
use sequestre::client::request;
use sequestre::client::session;
use sequestre::client::status;
use sequestre::escrow::entry::{DaemonAct, Entry, SignedAct, What};
use sequestre::escrow::id::OrganisationId;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier};
use sequestre::escrow::time::{Seconds, Time};
use sequestre::seal::device::DeviceKey;
use sequestre::seal::signing::SigningKey;

use crate::thief::rewrite;
use crate::town::*;

/// The names of the files that a client kept as evidence.
fn evidence(town: &Town, name: &str) -> Vec<String> {
    let files = fs::read_dir(town.folder(name).join("evidence")).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// After a contradiction nothing more is sent, whatever is tried; reading still works and says so.
async fn stopped(town: &Town, name: &str, request: u64) {
    let key = "distrust-stopped";
    let folder = town.root.path().join("invitations");
    let told = town.fails(name, async |env: &_| session::sync(env).await, Exit::Distrust, key).await;
    assert!(told.to_string().contains("evidence"), "{told}");
    town.fails(name, async |env: &_| consent::approve(env, request).await, Exit::Distrust, key).await;
    town.fails(name, async |env: &_| consent::deny(env, request, "no").await, Exit::Distrust, key).await;
    town.fails(name, async |env: &_| consent::inbox(env).await, Exit::Distrust, key).await;
    town.fails(name, async |env: &_| request::revoke(env, request, "no").await, Exit::Distrust, key).await;
    town.fails(name, async |env: &_| request::give_back(env, request).await, Exit::Distrust, key).await;
    let ask = async |env: &_| request::request(env, asking(LABEL, Seconds::HOUR)).await;
    town.fails(name, ask, Exit::Distrust, key).await;
    let show = async |env: &_| request::show(env, request, request::Reveal::Screen).await;
    town.fails(name, show, Exit::Distrust, key).await;
    let put = async |env: &_| deposit::deposit(env, account(LABEL, true, "x")).await;
    town.fails(name, put, Exit::Distrust, key).await;
    let invite = async |env: &_| found::invite(env, OMAR, &["member".to_owned()], &folder).await;
    town.fails(name, invite, Exit::Distrust, key).await;
    town.fails(name, async |env: &_| join::admit(env, OMAR).await, Exit::Distrust, key).await;
    town.fails(name, async |env: &_| join::leave(env).await, Exit::Distrust, key).await;
    town.fails(name, async |env: &_| status::status(env).await, Exit::Distrust, key).await;
    town.fails(name, async |env: &_| status::people(env).await, Exit::Distrust, key).await;
    let (exit, told, failed) = town.program(name, &["status", "--json"]);
    assert_eq!(exit, Exit::Distrust as i32);
    assert!(told.contains("Les Amis du Lac") && failed.contains(key), "{told}{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_server_key_is_not_spoken_to() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    town.stop().await;
    let key = town.data().join("server.key");
    let genuine = fs::read(&key).unwrap();
    fs::write(&key, DeviceKey::generate().unwrap().to_secret_bytes().expose()).unwrap();
    town.start().await;
    for name in PEOPLE {
        let sync = async |env: &_| session::sync(env).await;
        let told = town.fails(name, sync, Exit::Distrust, "distrust-server-key").await;
        assert!(told.to_string().contains(&town.address()), "{told}");
    }
    let approve = async |env: &_| consent::approve(env, id).await;
    town.fails(BRUNO, approve, Exit::Distrust, "distrust-server-key").await;
    let put = async |env: &_| deposit::deposit(env, account(LABEL, true, "x")).await;
    town.fails(THEO, put, Exit::Distrust, "distrust-server-key").await;
    // It says nothing about the log: once the server has its key again, all goes on.
    town.stop().await;
    fs::write(&key, genuine).unwrap();
    town.start().await;
    town.approve(BRUNO, id).await.unwrap();
    town.approve(CHLOE, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn last_weeks_database_is_a_lost_tail() {
    let town = Town::founded().await;
    town.stop().await;
    let last_week = Snapshot::of(&town.data());
    town.start().await;
    let id = town.ask(NINA).await;
    town.approve(BRUNO, id).await.unwrap();
    let (entries, sizes) = (town.entries(), fs::read(town.folder(BRUNO).join("entries")).unwrap());
    town.stop().await;
    last_week.restore(&town.data());
    town.start().await;
    let restored = town.entries();
    let told =
        town.fails(BRUNO, async |env: &_| session::sync(env).await, Exit::Distrust, "distrust-lost-tail").await;
    let folder = town.folder(BRUNO).join("evidence");
    assert!(told.to_string().contains(&folder.display().to_string()), "{told}");
    assert_eq!(
        evidence(&town, BRUNO),
        [format!("ours-{entries}.note"), "stop".into(), format!("theirs-{restored}.note")]
    );
    stopped(&town, BRUNO, id).await;
    // What he knew is still there, to repair it with.
    assert_eq!(fs::read(town.folder(BRUNO).join("entries")).unwrap(), sizes);
    // Even when the server has grown again past what he knows, with other entries; Awa did not see the lost ones.
    for _ in 0..3 {
        let id = town.ask(AWA).await;
        request::give_back(&town.env(AWA), id).await.unwrap();
    }
    assert!(town.entries() > entries);
    town.fails(BRUNO, async |env: &_| session::sync(env).await, Exit::Distrust, "distrust-stopped").await;
    // To Nina, who also saw what was lost and comes only now, the new entries build on another log.
    noticed(&town, NINA, "distrust-entry").await;
    assert!(evidence(&town, NINA).contains(&"stop".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_log_of_the_same_size_is_a_fork() {
    let town = Town::founded().await;
    town.stop().await;
    let before = Snapshot::of(&town.data());
    town.start().await;
    // Nina's request to some, Awa's to others: the server runs two logs, each signed and each consistent.
    let id = town.ask(NINA).await;
    session::sync(&town.env(BRUNO)).await.unwrap();
    let entries = town.entries();
    town.stop().await;
    before.restore(&town.data());
    town.start().await;
    town.ask(AWA).await;
    assert_eq!(town.entries(), entries);
    town.fails(BRUNO, async |env: &_| session::sync(env).await, Exit::Distrust, "distrust-fork").await;
    assert_eq!(
        evidence(&town, BRUNO),
        [format!("ours-{entries}.note"), "stop".into(), format!("theirs-{entries}.note")]
    );
    // Both notes are signed by the log key: that is the evidence.
    let session = town.env(BRUNO).session().unwrap();
    let verifier = LogVerifier::new(session.folder.id, session.contact.log_key);
    let note = |whose: &str| {
        let path = session.folder.join("evidence").join(format!("{whose}-{entries}.note"));
        *verifier.verify(&fs::read_to_string(path).unwrap()).unwrap().head()
    };
    assert_eq!(note("ours").size, note("theirs").size);
    assert_ne!(note("ours").root, note("theirs").root);
    drop(session);
    stopped(&town, BRUNO, id).await;
}

/// Rewrites the log after Nina's request, which Bruno has seen and Chloé has not, and gives its number.
async fn rewritten(change: impl FnOnce(&mut Vec<Vec<u8>>, OrganisationId, &SigningKey)) -> (Town, u64) {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    session::sync(&town.env(BRUNO)).await.unwrap();
    town.stop().await;
    rewrite(&town, change);
    town.start().await;
    (town, id)
}

/// The client refuses what it is shown, keeps what it knew, and sends nothing.
async fn noticed(town: &Town, name: &str, key: &str) {
    let before = town.session_size(name);
    town.fails(name, async |env: &_| session::sync(env).await, Exit::Distrust, key).await;
    assert_eq!(town.session_size(name), before);
}

impl Town {
    fn session_size(&self, name: &str) -> u64 {
        self.env(name).session().unwrap().replica.head().size
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_written_anew_as_it_was_is_the_same_log() {
    let (town, id) = rewritten(|_, _, _| ()).await;
    for name in PEOPLE {
        session::sync(&town.env(name)).await.unwrap();
    }
    town.approve(CHLOE, id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_was_edited_after_it_was_seen_is_a_fork() {
    // Its time is covered by nobody's signature, only by the tree: one second makes another log.
    let (town, id) = rewritten(|entries, _, _| {
        let last = entries.last_mut().unwrap();
        let mut entry = Entry::parse(last).unwrap();
        entry.time = entry.time.after(Seconds(1));
        *last = entry.encode();
    })
    .await;
    noticed(&town, BRUNO, "distrust-fork").await;
    stopped(&town, BRUNO, id).await;
    // The first one, with something new on top that Chloé has not seen and that holds.
    let (town, _) = rewritten(|entries, _, _| {
        let mut entry = Entry::parse(&entries[0]).unwrap();
        entry.time = entry.time.before(Seconds(1));
        entries[0] = entry.encode();
    })
    .await;
    noticed(&town, CHLOE, "distrust-fork").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_was_edited_before_it_is_seen_does_not_hold() {
    for at in 0..4 {
        // A flipped bit in the command, in the signature, in what the request asks for.
        let (town, id) = rewritten(|entries, _, _| {
            let last = entries.last_mut().unwrap();
            let position = last.len() * (2 * at + 1) / 8;
            last[position] ^= 4;
        })
        .await;
        noticed(&town, CHLOE, "distrust-entry").await;
        assert!(evidence(&town, CHLOE).contains(&"stop".to_owned()));
        if at == 0 {
            stopped(&town, CHLOE, id).await;
        }
        noticed(&town, BRUNO, "distrust-fork").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acts_that_the_daemon_invents_do_not_hold() {
    // Signed by the log key as they must be, and allowed by nothing.
    let acts: [fn(u64) -> DaemonAct; 3] = [DaemonAct::Collected, DaemonAct::RequestExpired, DaemonAct::LeaseExpired];
    for act in acts {
        let (town, _) = rewritten(|entries, id, key| {
            let index = entries.len() as u64;
            let time = Entry::parse(entries.last().unwrap()).unwrap().time;
            let act = act(index - 1);
            let signature = key.sign(&act.preimage(&id, index, time));
            entries.push(Entry { index, time, what: What::Act(SignedAct { act, signature }) }.encode());
        })
        .await;
        noticed(&town, BRUNO, "distrust-entry").await;
        noticed(&town, CHLOE, "distrust-entry").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_are_repeated_moved_or_left_out_do_not_hold() {
    // Nina's request, twice.
    let (town, _) = rewritten(|entries, _, _| {
        let mut entry = Entry::parse(entries.last().unwrap()).unwrap();
        entry.index += 1;
        entries.push(entry.encode());
    })
    .await;
    noticed(&town, BRUNO, "distrust-entry").await;
    // Left out: Bruno has seen it, Nina made it, and nobody else can know.
    let (town, _) = rewritten(|entries, _, _| drop(entries.pop())).await;
    noticed(&town, BRUNO, "distrust-lost-tail").await;
    noticed(&town, NINA, "distrust-lost-tail").await;
    session::sync(&town.env(CHLOE)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_are_misdated_are_noticed() {
    let dated = async |by: i64| {
        let (town, _) = rewritten(move |entries, _, _| {
            let last = entries.last_mut().unwrap();
            let mut entry = Entry::parse(last).unwrap();
            entry.time = Time(entry.time.0.checked_add_signed(by).unwrap());
            *last = entry.encode();
        })
        .await;
        town
    };
    // Further than the clocks may differ, the rules do not allow it; dated before the entry before it, neither.
    noticed(&dated(601).await, CHLOE, "distrust-entry").await;
    noticed(&dated(-60).await, CHLOE, "distrust-entry").await;
    // Within what the rules allow, a client that saw nothing of it believes it.
    session::sync(&dated(600).await.env(CHLOE)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backdated_approval_is_noticed_by_those_who_cosigned_since() {
    // An approval is bound by its request, not by its time: the server could date it into the past.
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    for name in [MAUD, BRUNO, CHLOE] {
        session::sync(&town.env(name)).await.unwrap();
    }
    town.pass(Seconds(3 * 3600));
    session::sync(&town.env(MAUD)).await.unwrap();
    town.approve(BRUNO, id).await.unwrap();
    town.stop().await;
    rewrite(&town, |entries, _, _| {
        let last = entries.last_mut().unwrap();
        let mut entry = Entry::parse(last).unwrap();
        entry.time = entry.time.before(Seconds(2 * 3600));
        *last = entry.encode();
    });
    town.start().await;
    noticed(&town, MAUD, "distrust-backdated").await;
    noticed(&town, BRUNO, "distrust-fork").await;
    assert_eq!(evidence(&town, MAUD), [] as [String; 0], "the others may show that it is only a clock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_another_key_signed_is_refused() {
    let town = Town::founded().await;
    town.stop().await;
    let database = town.database();
    let note: String = database.query_row("SELECT checkpoint FROM organisation", [], |row| row.get(0)).unwrap();
    let session = town.env(BRUNO).session().unwrap();
    let head = session.replica.head();
    let other = SigningKey::generate().unwrap();
    let checkpoint = Checkpoint { organisation: session.folder.id, head };
    let signature = other.sign(checkpoint.body().as_bytes());
    let forged = LogVerifier::new(session.folder.id, other.public()).assemble(head, &signature).unwrap().to_string();
    drop(session);
    let cut = note[..note.len() - 9].to_owned();
    let bigger = note.replacen(&format!("\n{}\n", head.size), &format!("\n{}\n", head.size + 1), 1);
    for bad in [forged, cut, bigger, String::new(), "\u{2028}".repeat(1000)] {
        database.execute("UPDATE organisation SET checkpoint = ?", [&bad]).unwrap();
        town.start().await;
        noticed(&town, BRUNO, "distrust-checkpoint").await;
        assert_eq!(evidence(&town, BRUNO), [] as [String; 0], "anybody could have made it");
        town.stop().await;
    }
    database.execute("UPDATE organisation SET checkpoint = ?", [&note]).unwrap();
    town.start().await;
    session::sync(&town.env(BRUNO)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_signed_over_a_text_that_the_server_withholds_or_changes() {
    let cases = [
        ("DELETE FROM blob WHERE id = ?", Exit::Failed, "failed-text-missing"),
        ("UPDATE blob SET content = zeroblob(40) WHERE id = ?", Exit::Distrust, "distrust-nonsense"),
    ];
    for (change, exit, key) in cases {
        let town = Town::founded().await;
        let id = town.ask(NINA).await;
        let reason = town.request(MAUD, id).await.reason;
        town.database().execute(change, [reason.as_bytes()]).unwrap();
        let approve = async |env: &_| consent::approve(env, id).await;
        town.fails(BRUNO, approve, exit, key).await;
        if exit == Exit::Distrust {
            // The same answer stops everybody else who does not hold the text yet.
            town.fails(CHLOE, async |env: &_| consent::approve(env, id).await, exit, key).await;
            continue;
        }
        // A trustee's cosignature says that all blobs are there, so that Bruno's new one is missing.
        let session = town.session(AWA).await;
        let bruno = session.find_person(BRUNO).unwrap();
        let of_bruno = session.cosignatures.iter().find(|c| *c.person() == bruno).unwrap();
        assert!(of_bruno.head().size <= id, "{}", of_bruno.head().size);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_share_that_the_server_changed_is_not_blamed_on_the_trustee() {
    let town = Town::founded().await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    let bruno = town.env(BRUNO).session().unwrap().me();
    let change = "UPDATE share SET content = zeroblob(40) WHERE approver = ?";
    assert_eq!(town.database().execute(change, [bruno.as_bytes()]).unwrap(), 1);
    let told = failure(town.open(NINA, id).await, Exit::Failed, "failed-shares-not-here");
    assert!(!told.to_string().contains(BRUNO), "{told}");
}
