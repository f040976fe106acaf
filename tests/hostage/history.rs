//! Attacks on what happened: entries changed, deleted, invented, misdated, and two logs at once.

use std::fs;

use sequestre::client::destroy::{self, Target};
use sequestre::client::failure::Exit;
use sequestre::client::session;
use sequestre::client::session::sign_command;
use sequestre::escrow::charter::RULES_VERSION;
use sequestre::escrow::entry::{DaemonAct, Entry, SignedAct, What};
use sequestre::escrow::log::checkpoint::LogVerifier;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::device::DeviceKey;

use crate::scene::*;
use crate::thief::entries;
use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_an_entry() {
    let town = Town::founded_at(Kind::Program).await;
    let id = town.ask(NINA).await;
    session::sync(&town.env(BRUNO)).await.unwrap();
    // Bruno has seen the request, Chloé has not. A longer access than Nina asked for, under her signature.
    forge(&town, |entries, _, _| {
        edit(&mut entries[id as usize], |command| match &mut command.act {
            Some(Act::Request(asked)) => asked.duration *= 24,
            _ => panic!("not the request"),
        });
    })
    .await;
    distrusts(&town, BRUNO, "distrust-fork");
    distrusts(&town, CHLOE, "distrust-entry");
    stopped(&town, BRUNO, id);
    // What Bruno keeps convinces others: two notes of one size, both signed by the log key.
    let session = town.env(BRUNO).session().unwrap();
    let verifier = LogVerifier::new(session.folder.id, session.contact.log_key);
    let note =
        |name: &String| verifier.verify(&fs::read_to_string(session.folder.join("evidence").join(name)).unwrap());
    let kept = names(&session.folder.join("evidence"));
    let heads: Vec<_> = kept.iter().filter(|n| n.ends_with(".note")).map(|n| *note(n).unwrap().head()).collect();
    assert_eq!(heads.len(), 2);
    assert_eq!(heads[0].size, heads[1].size);
    assert_ne!(heads[0].root, heads[1].root);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletes_the_last_entries() {
    let town = Town::founded_at(Kind::Program).await;
    let id = town.ask(NINA).await;
    does(&town, BRUNO, &["approve", &id.to_string()]);
    does(&town, MAUD, &["sync"]);
    forge(&town, |entries, _, _| entries.truncate(id as usize)).await;
    for name in [NINA, BRUNO, MAUD] {
        distrusts(&town, name, "distrust-lost-tail");
    }
    // The approval is not lost: it is in the replica of whoever saw it, and nobody can be told that it never was.
    let kept = town.env(MAUD).session().unwrap();
    assert_eq!(kept.state().unwrap().request(id).unwrap().approvals.len(), 1);
    drop(kept);
    // Who saw nothing of it notices nothing: it is the others who tell them.
    assert_eq!(says(&town, CHLOE, &["sync"]).0, 0);
    stopped(&town, BRUNO, id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restores_last_weeks_backup() {
    let town = Town::founded_at(Kind::Program).await;
    town.stop().await;
    let last_week = Snapshot::of(&town.data());
    town.start().await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    does(&town, MAUD, &["sync"]);
    // Back to before anybody knew the password.
    town.kill();
    last_week.restore(&town.data());
    town.start().await;
    for name in [NINA, BRUNO, CHLOE, MAUD] {
        distrusts(&town, name, "distrust-lost-tail");
    }
    // The mediator still shows that Nina knows it.
    let (exit, told, _) = town.program(MAUD, &["credentials", LABEL]);
    assert_eq!(exit, Exit::Distrust as i32);
    assert!(told.contains("Known to Nina"), "{told}");
    // The lost log cannot be grown over.
    let id = town.ask(AWA).await;
    does(&town, AWA, &["return", &id.to_string()]);
    assert_eq!(says(&town, MAUD, &["sync"]), (5, "distrust-stopped".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shows_two_trustees_two_logs() {
    let town = Town::founded_at(Kind::Program).await;
    let fork = Fork::of(&town).await;
    // Bruno, with Nina, on one server; Chloé, with Awa, on the other. Each log is signed and consistent.
    for name in [CHLOE, AWA] {
        fork.meets(&town, name);
    }
    let on_ours = town.ask(NINA).await;
    let on_theirs = town.ask(AWA).await;
    assert_eq!(on_ours, on_theirs);
    does(&town, BRUNO, &["approve", &on_ours.to_string()]);
    does(&town, CHLOE, &["approve", &on_theirs.to_string()]);
    // Neither request gets the other's approval: each needs two, and Awa has her own share.
    assert_eq!(says(&town, NINA, &["show", &on_ours.to_string()]), (3, "failed-not-granted".to_owned()));
    // Once they compare, by any way, both know: here the note that Bruno's client verified, sent to Chloé, and a whole
    // copy of his log.
    let copy = town.root.path().join("copy");
    let copy = copy.to_str().unwrap();
    does(&town, BRUNO, &["audit", "export", copy]);
    let note = format!("{copy}/checkpoint");
    let folder = town.root.path().join("fork-evidence");
    let compare = ["audit", "compare", &note, "--to", folder.to_str().unwrap()];
    assert_eq!(says(&town, CHLOE, &compare), (5, "compare-fork".to_owned()));
    assert!(names(&folder).len() >= 2, "both notes: {:?}", names(&folder));
    let (exit, told, _) = town.program(CHLOE, &["audit", "verify", copy, "--json"]);
    assert_eq!(exit, Exit::Distrust as i32);
    assert!(told.contains("\"own_agrees\":false"), "{told}");
    stopped(&town, CHLOE, on_theirs);
    // So does whoever meets both servers.
    fork.meets(&town, MAUD);
    does(&town, MAUD, &["sync"]);
    fork.leaves(&town, MAUD);
    assert_eq!(says(&town, MAUD, &["sync"]), (5, "distrust-fork".to_owned()));
}

/// The request, granted and fetched, by a server whose clock the attacker moves.
async fn lease_at_a_changed_daemon() -> (Town, u64) {
    let town = Town::founded_at(Kind::Changed).await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    (town, id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shifts_the_clock_back_to_stretch_a_lease() {
    let (town, id) = lease_at_a_changed_daemon().await;
    town.shift_server(-86_400);
    town.pass(Seconds(2 * 3600 + 1));
    // The server still thinks that the access runs, and would hand it out again. The requester's client does not; it
    // finds the two clocks apart, and by its own the time is over.
    failure(session::sync(&town.env(NINA)).await, Exit::Refused, "refused-clock-skew");
    let over = open(&mut town.env(NINA).session().unwrap(), id).await;
    failure(over, Exit::Refused, "failed-access-over");
    failure(session::sync(&town.env(AWA)).await, Exit::Refused, "refused-clock-skew");
    // What it did not record is told, and the password counts as to be changed.
    let told = sequestre::client::consent::waiting(&town.env(AWA).session().unwrap()).unwrap();
    assert!(told.iter().any(|item| item.json["kind"] == "unrecorded" && item.json["id"] == id));
    // Nothing that anybody signs fits its clock: it says so, and takes nothing. That is refusal of service.
    let refused = sequestre::client::request::request(&town.env(AWA), asking(LABEL, Seconds::HOUR)).await;
    failure(refused, Exit::Refused, "refused-clock-skew");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shifts_the_clock_forward_to_stretch_a_lease() {
    let town = Town::founded_at(Kind::Changed).await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    session::sync(&town.env(MAUD)).await.unwrap();
    let (before, known) = (town.entries(), town.env(MAUD).session().unwrap().replica.head());
    // Fetched tomorrow, says the server, so that the access would end a day late.
    town.shift_server(86_400);
    failure(town.open(NINA, id).await, Exit::Distrust, "failed-clock");
    assert_eq!(town.entries(), before + 1);
    for name in [NINA, MAUD, BRUNO] {
        failure(session::sync(&town.env(name)).await, Exit::Distrust, "failed-clock");
    }
    assert_eq!(town.env(MAUD).session().unwrap().replica.head(), known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shifts_the_clock_forward_to_skip_a_delay() {
    let town = Town::founded_at(Kind::Changed).await;
    let id = town.ask(NINA).await;
    let entries_before = town.entries();
    // Four days ahead, the request is over, says the server; it writes that down by itself.
    town.shift_server(4 * 86_400);
    let _ = session::sync(&town.env(THEO)).await;
    town.grown(entries_before + 1).await;
    let last = entries(&town);
    assert!(matches!(Entry::parse(last.last().unwrap()).unwrap().what, What::Act(_)));
    // Nobody's own clock agrees: nothing of it is accepted, cosigned or built on, and nobody is accused of a forgery.
    for name in [NINA, BRUNO, MAUD] {
        let sync = async |env: &_| session::sync(env).await;
        failure(sync(&town.env(name)).await, Exit::Distrust, "failed-clock");
        let known = town.env(name).session().unwrap();
        assert!(known.replica.head().size <= entries_before);
        assert!(!known.folder.join("evidence/stop").exists());
    }
    // With the right clock again, what it wrote stays in its log, and stays unacceptable until that time has come.
    town.shift_server(0);
    failure(town.approve(BRUNO, id).await, Exit::Distrust, "failed-clock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shifts_the_clock_forward_to_skip_the_delay_of_a_destruction() {
    const AHEAD: Seconds = Seconds(8 * 86_400);
    let town = Town::founded_at(Kind::Changed).await;
    // Two of three trustees are with the technician: they agree to destroy the account, today.
    let whole = Target::Account { label: LABEL.to_owned(), version: None };
    destroy::propose(&town.env(AWA), &whole, "it was ours").await.unwrap();
    let session = town.session(CHLOE).await;
    let id = *session.state().unwrap().proposals().last_key_value().unwrap().0;
    let known = session.replica.head();
    drop(session);
    town.approve(BRUNO, id).await.unwrap();
    failure(destroy::confirm(&town.env(AWA), id).await, Exit::Refused, "refused-too-early");
    session::sync(&town.env(CHLOE)).await.unwrap();
    // Their three clocks say that the week is over; the server, with these clocks, destroys.
    town.shift_server(AHEAD.0.try_into().unwrap());
    for name in [AWA, BRUNO] {
        let (env, clock) = (town.env(name), town.env(name).clock);
        let env = session::Env { clock: std::sync::Arc::new(move || clock().after(AHEAD)), ..env };
        destroy::confirm(&env, id).await.unwrap();
    }
    let left = |name: &str| {
        let session = town.env(name).session().unwrap();
        let accounts = session.state().unwrap().credentials().len();
        (accounts, session.replica.missing_blobs(&session.me()).unwrap().len())
    };
    assert_eq!(left(BRUNO).0, 0);
    // For everybody whose clock is right the week has only begun, and the account is there with all that opens it.
    for name in [CHLOE, MAUD, NINA, THEO] {
        failure(session::sync(&town.env(name)).await, Exit::Distrust, "failed-clock");
        assert_eq!(left(name), (1, 0), "{name}");
    }
    assert!(town.env(CHLOE).session().unwrap().replica.head().size > known.size);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chooses_older_rules() {
    let town = Town::founded_at(Kind::Program).await;
    // The technician may propose a charter like everybody with an office; not one with other rules, older or newer.
    let theo = identity(&town, THEO);
    let session = town.session(THEO).await;
    let (id, base, now) = (session.folder.id, session.replica.head(), town.now());
    let genuine = entries(&town).iter().find_map(|entry| match act_of(entry) {
        Some(Act::ProposeCharter(proposal)) => proposal.charter,
        _ => None,
    });
    drop(session);
    let genuine = genuine.unwrap();
    let before = remember(&town).await;
    for rules_version in [0, RULES_VERSION + 1] {
        let charter = v1::Charter { version: 2, rules_version, ..genuine.clone() };
        let act = Act::ProposeCharter(v1::ProposeCharter { charter: Some(charter), roll: Vec::new() });
        let mut session = town.session(THEO).await;
        let refused = send(&mut session, base, act.clone(), Vec::new()).await.unwrap_err();
        assert_eq!(refused.exit(), Exit::Refused, "{refused}");
        drop(session);
        // A server without rules takes it; the others do not. Of rules that they do not know they say so.
        let signed = sign_command(&theo, id, base, now, act).unwrap();
        forge(&town, |entries, _, _| {
            append(entries, signed, now);
        })
        .await;
        for name in [AWA, MAUD, NINA] {
            // It cannot be judged here, so nobody is accused; nothing is accepted and nothing signed any more.
            for arguments in [&["sync"][..], &["leave"], &["request", LABEL, "--for", "1h", "--reason", "why not"]] {
                assert_eq!(says(&town, name, arguments), (1, "failed-update".to_owned()), "rules {rules_version}");
            }
            assert_eq!(town.env(name).session().unwrap().replica.head(), base);
        }
        rewind(&town, &before).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_the_log() {
    let town = Town::founded_at(Kind::Program).await;
    let theo = identity(&town, THEO);
    let session = town.session(THEO).await;
    let (id, base, now) = (session.folder.id, session.replica.head(), town.now());
    drop(session);
    // New computers of the technician's own: the cheapest command that there is, more of them than one may make a day.
    let commands = (0..210).map(|_| {
        let device = Some(DeviceKey::generate().unwrap().public().into());
        let act = Act::EnrolDevice(v1::EnrolDevice { device, person: Some(theo.keys().into()) });
        sign_command(&theo, id, base, now, act).unwrap()
    });
    let commands: Vec<_> = commands.collect();
    let limit = 200 - 20;
    forge(&town, |entries, _, _| {
        for signed in &commands[..limit] {
            append(entries, signed.clone(), now);
        }
    })
    .await;
    // Not prevented: what the limits allow is theirs to waste. Life goes on, and the log says whose they are.
    let request = town.granted(NINA, Seconds::HOUR).await;
    assert_eq!(town.open(NINA, request).await.unwrap(), PASSWORD);
    let told = does(&town, MAUD, &["audit", "log", "--person", THEO]);
    assert!(told.lines().count() >= limit, "{}", told.lines().count());
    // Beyond the limits, nobody takes it from a server that does.
    let now = town.now();
    forge(&town, |entries, _, _| {
        for signed in &commands[limit..] {
            append(entries, signed.clone(), now);
        }
    })
    .await;
    for name in [AWA, MAUD] {
        distrusts(&town, name, "distrust-entry");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invents_acts_of_its_own() {
    let acts: [fn(u64) -> DaemonAct; 3] = [DaemonAct::Collected, DaemonAct::RequestExpired, DaemonAct::LeaseExpired];
    let town = Town::founded_at(Kind::Program).await;
    let id = town.ask(NINA).await;
    let before = remember(&town).await;
    for act in acts {
        forge(&town, |entries, organisation, key| {
            let (index, time, act) = (entries.len() as u64, last_time(entries), act(id));
            let signature = key.sign(&act.preimage(&organisation, index, time));
            entries.push(Entry { index, time, what: What::Act(SignedAct { act, signature }) }.encode());
        })
        .await;
        for name in [NINA, BRUNO] {
            distrusts(&town, name, "distrust-entry");
        }
        rewind(&town, &before).await;
    }
}
