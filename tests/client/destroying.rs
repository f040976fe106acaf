//! Destroying from end to end: what people are shown, the two agreements, the veto, and what is left on every disk.

use std::fs;

use sequestre::client::audit::timeline::timeline;
use sequestre::client::consent::waiting;
use sequestre::client::destroy::{self, Target};
use sequestre::client::failure::Exit;
use sequestre::client::home;
use sequestre::client::screen;
use sequestre::client::status;
use sequestre::client::view::View;
use sequestre::escrow::id::BlobId;
use sequestre::escrow::proposal::Outcome;
use sequestre::escrow::time::Seconds;
use sequestre::store::fsck::fsck;

use crate::town::*;

const WEEK: Seconds = Seconds(7 * 86_400);

fn whole() -> Target {
    Target::Account { label: LABEL.to_owned(), version: None }
}

/// Awa proposes; gives the proposal's number.
async fn proposed(town: &Town, target: Target) -> u64 {
    destroy::propose(&town.env(AWA), &target, "the provider is closed").await.unwrap();
    let session = town.session(AWA).await;
    *session.state().unwrap().proposals().last_key_value().unwrap().0
}

async fn inbox(town: &Town, name: &str) -> Vec<(String, String)> {
    let session = town.session(name).await;
    let items = waiting(&session).unwrap().into_iter();
    items.map(|item| (item.json["kind"].as_str().unwrap().to_owned(), item.text)).collect()
}

/// What the consent screen of a proposal says.
async fn shown(town: &Town, name: &str, id: u64) -> String {
    let session = town.session(name).await;
    let texts = |id: &BlobId| session.text_of(id);
    let state = session.state().unwrap();
    let view = View::new(state, session.env.out.language(), &texts);
    screen::proposal(view, &state.proposals()[&id]).unwrap().join("\n")
}

/// Everybody looks, so that enough witnesses have seen the log lately.
async fn everybody_looks(town: &Town) {
    for name in PEOPLE {
        town.session(name).await;
    }
}

fn blobs(town: &Town, name: &str) -> usize {
    fs::read_dir(town.folder(name).join("blobs")).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_destroyed_by_two_agreements_a_week_apart() {
    let town = Town::founded().await;
    town.ask(NINA).await;
    let id = proposed(&town, whole()).await;
    let screen = shown(&town, BRUNO, id).await;
    for part in [LABEL, THEO, NINA, "the provider is closed", "password", "recovery codes", "7 days"] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    assert!(inbox(&town, BRUNO).await.iter().any(|(kind, text)| kind == "proposal" && text.contains(LABEL)));
    let confirm = async |env: &_| destroy::confirm(env, id).await;
    town.fails(BRUNO, confirm, Exit::Refused, "refused-not-agreed").await;
    let second = async |env: &_| destroy::propose(env, &whole(), "me too").await;
    for name in [MAUD, THEO, NINA] {
        town.fails(name, second, Exit::Refused, "refused-may-not-destroy").await;
    }
    town.approve(BRUNO, id).await.unwrap();
    town.fails(BRUNO, confirm, Exit::Refused, "refused-too-early").await;
    // Everybody sees from when it can be confirmed, Chloé too, who did not sign.
    for name in [AWA, BRUNO, CHLOE] {
        assert!(inbox(&town, name).await.iter().any(|(kind, _)| kind == "agreed"), "{name}");
    }
    assert!(!inbox(&town, NINA).await.iter().any(|(kind, _)| kind == "agreed"));
    town.pass(WEEK);
    everybody_looks(&town).await;
    let lease = town.granted(NINA, Seconds::HOUR).await;
    sequestre::client::request::revoke(&town.env(CHLOE), lease, "no longer").await.unwrap();
    town.ask(NINA).await;
    assert!(shown(&town, BRUNO, id).await.contains("due to be changed"));
    let replica = town.folder(CHLOE).join("blobs");
    let session = town.session(CHLOE).await;
    let credential = session.find_credential(LABEL).unwrap();
    let (_, version) = session.state().unwrap().credential(&credential).unwrap().current().unwrap();
    let label = version.label;
    let sealed: Vec<BlobId> = version.parts.values().map(|state| state.part.sealed).collect();
    drop(session);
    assert!(sealed.iter().all(|blob| replica.join(blob.to_string()).exists()));
    destroy::confirm(&town.env(CHLOE), id).await.unwrap();
    town.fails(CHLOE, confirm, Exit::Refused, "refused-already-signed").await;
    assert!(sealed.iter().all(|blob| replica.join(blob.to_string()).exists()), "one of two");
    destroy::confirm(&town.env(AWA), id).await.unwrap();

    // Bruno never had a day to object, as far as his computer knows: it keeps everything for a week, and shows nothing.
    for name in [AWA, BRUNO, CHLOE] {
        let session = town.session(name).await;
        let label = session.text_of(&label).unwrap_or_default();
        assert!(session.state().unwrap().credentials().is_empty() && label.is_empty(), "{name}: {label}");
        let noted = session.replica.noted().unwrap();
        for blob in &sealed {
            assert_eq!(noted[blob], town.now().after(WEEK), "{name}");
            assert!(session.replica.blob(blob).unwrap().is_some(), "{name}");
        }
    }
    let (_, told, _) = town.program(BRUNO, &["status"]);
    assert!(told.contains("what was destroyed stay on this computer"), "{told}");
    town.pass(Seconds(WEEK.0 - 1));
    everybody_looks(&town).await;
    assert!(sealed.iter().all(|blob| replica.join(blob.to_string()).exists()), "a second is missing");
    town.pass(Seconds(1));
    // Gone from every replica and from the server; the log holds.
    for name in [AWA, BRUNO, CHLOE] {
        let session = town.session(name).await;
        assert!(session.replica.noted().unwrap().is_empty());
        assert!(session.replica.missing_blobs(&session.me()).unwrap().is_empty(), "{name} misses nothing");
        drop(session);
        assert!(sealed.iter().all(|blob| !town.folder(name).join("blobs").join(blob.to_string()).exists()));
    }
    assert!(fsck(&town.data()).unwrap().findings.is_empty());
    town.restart().await;
    town.session(NINA).await;
    let put = async |env: &_| status::credential(env, LABEL).await;
    town.fails(NINA, put, Exit::Usage, "failed-label-unknown").await;
    let session = town.session(MAUD).await;
    let texts = |id: &BlobId| session.text_of(id);
    let entries = session.replica.entries().unwrap();
    let lines = timeline(session.folder.id, &entries, session.env.out.language(), &texts).unwrap();
    let told: Vec<&str> = lines.iter().map(|line| line.sentence.as_str()).collect();
    let one = |text: &str| assert_eq!(told.iter().filter(|line| line.contains(text)).count(), 1, "{text}: {told:#?}");
    for text in ["Awa proposed to destroy the account", "Bruno agreed to destroy", "is agreed a first time"] {
        one(text);
    }
    for text in ["Chloé confirmed proposal", "and with that it was done", "With that, request"] {
        one(text);
    }
    assert!(!told.iter().any(|line| line.contains("on record as done")), "destroyed is not changed");
    drop(session);
    // It can be put in escrow again, as another account.
    town.put(THEO, false, "a second one").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_veto_is_told_and_asks_for_more() {
    let town = Town::founded().await;
    let id = proposed(&town, whole()).await;
    town.approve(BRUNO, id).await.unwrap();
    let veto = async |env: &_| destroy::veto(env, id, "we still need it").await;
    town.fails(NINA, veto, Exit::Refused, "refused-not-trustee").await;
    veto(&town.env(CHLOE)).await.unwrap();
    town.fails(AWA, veto, Exit::Refused, "refused-proposal-vetoed").await;
    let (_, text) = inbox(&town, BRUNO).await.into_iter().find(|(kind, _)| kind == "agreed").unwrap();
    assert!(text.contains(CHLOE) && text.contains("we still need it"), "{text}");
    let screen = shown(&town, BRUNO, id).await;
    assert!(screen.contains("we still need it") && screen.contains("“amend”"), "{screen}");
    // Nobody does anything: nothing happens.
    town.pass(Seconds(37 * 86_400));
    everybody_looks(&town).await;
    let confirm = async |env: &_| destroy::confirm(env, id).await;
    town.fails(BRUNO, confirm, Exit::Refused, "refused-proposal-closed").await;
    assert!(!inbox(&town, BRUNO).await.iter().any(|(kind, _)| kind == "agreed"));
    let session = town.session(AWA).await;
    let state = session.state().unwrap();
    assert!(matches!(state.proposals()[&id].outcome, Outcome::Agreed(_)));
    assert_eq!(state.credentials().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_goes_by_its_number_and_the_program_says_so() {
    let town = Town::founded().await;
    let request = town.ask(NINA).await;
    let session = town.session(AWA).await;
    let reason = session.state().unwrap().request(request).unwrap().reason.to_string();
    drop(session);
    let (code, log, _) = town.program(AWA, &["audit", "log", "--json"]);
    assert!(code == 0 && log.contains(&reason), "the audit names it");
    let name = |text: &str| Target::Text(text.to_owned());
    for wrong in ["0000000000000000", "", &reason[..7]] {
        let propose = async |env: &_| destroy::propose(env, &name(wrong), "too much said").await;
        town.fails(AWA, propose, Exit::Usage, "failed-text-unknown").await;
    }
    let propose = async |env: &_| destroy::propose(env, &name(&reason), "too much said").await;
    town.fails(AWA, propose, Exit::Refused, "refused-text-in-use").await;
    sequestre::client::request::give_back(&town.env(NINA), request).await.unwrap();
    let (code, out, _) = town.program(AWA, &["destroy", "--text", &reason, "--reason", "too much said", "--yes"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("    | renew the domain"), "what is lost is shown: {out}");
    let session = town.session(AWA).await;
    let id = session.state().unwrap().proposals().last_key_value().unwrap().0.to_string();
    drop(session);
    assert_eq!(town.program(BRUNO, &["approve", &id, "--yes"]).0, 0);
    assert_eq!(town.program(BRUNO, &["destroy", "confirm", &id, "--yes"]).0, Exit::Refused as i32);
    assert_eq!(town.program(CHLOE, &["destroy", "veto", &id, "--reason", "no"]).0, 0);
    // The command line says one thing at a time.
    for wrong in [
        &["destroy", LABEL][..],
        &["destroy", "--reason", "x"],
        &["destroy", LABEL, "--organisation", "--reason", "x"],
        &["destroy", "--organisation", "--version", "1", "--reason", "x"],
        &["destroy", LABEL, "--version", "0", "--reason", "x"],
    ] {
        assert_eq!(town.program(AWA, wrong).0, Exit::Usage as i32, "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_the_end_the_log_can_be_read_and_nothing_be_done() {
    let town = Town::founded().await;
    let id = proposed(&town, Target::Organisation).await;
    let screen = shown(&town, BRUNO, id).await;
    assert!(screen.contains("Les Amis du Lac") && screen.contains(LABEL), "{screen}");
    town.approve(BRUNO, id).await.unwrap();
    town.pass(WEEK);
    everybody_looks(&town).await;
    destroy::confirm(&town.env(BRUNO), id).await.unwrap();
    destroy::confirm(&town.env(CHLOE), id).await.unwrap();
    everybody_looks(&town).await;
    town.pass(WEEK);
    everybody_looks(&town).await;
    for name in PEOPLE {
        assert_eq!(blobs(&town, name), 0, "{name}");
        status::status(&town.env(name)).await.unwrap();
    }
    let count: i64 = town.database().query_row("SELECT count(*) FROM blob", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
    let put = async |env: &_| sequestre::client::deposit::deposit(env, account("new.example", false, "p")).await;
    town.fails(THEO, put, Exit::Refused, "refused-organisation-destroyed").await;
    let confirm = async |env: &_| destroy::confirm(env, id).await;
    town.fails(AWA, confirm, Exit::Refused, "refused-organisation-destroyed").await;
    assert!(fsck(&town.data()).unwrap().findings.is_empty());
    let copy = town.root.path().join("copy");
    sequestre::client::audit::export(&town.env(MAUD), &copy).await.unwrap();
    sequestre::client::audit::verify(&town.env(MAUD), &copy, None).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_left_on_the_disk_goes_when_the_replica_is_opened() {
    let town = Town::founded().await;
    let id = proposed(&town, whole()).await;
    town.approve(BRUNO, id).await.unwrap();
    town.pass(WEEK);
    everybody_looks(&town).await;
    let folder = town.folder(CHLOE).join("blobs");
    let files = |folder: &std::path::Path| -> Vec<(std::path::PathBuf, Vec<u8>)> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).map(|p| (p.clone(), fs::read(&p).unwrap())).collect()
    };
    let before = files(&folder);
    destroy::confirm(&town.env(BRUNO), id).await.unwrap();
    destroy::confirm(&town.env(AWA), id).await.unwrap();
    town.session(CHLOE).await;
    let list = town.folder(CHLOE).join("destroyed");
    let noted = fs::read(&list).unwrap();
    town.pass(WEEK);
    // No server is needed for that; but then nobody says that the clock is wrong, and it is given a day.
    town.stop().await;
    for pass in [Seconds(0), Seconds(Seconds::DAY.0 - 1)] {
        town.pass(pass);
        drop(town.env(CHLOE).session().unwrap());
        assert_eq!(files(&folder).len(), before.len());
    }
    town.pass(Seconds(1));
    drop(town.env(CHLOE).session().unwrap());
    let after = files(&folder).len();
    assert!(after < before.len() && !list.exists());
    // As if the computer had stopped before it deleted them.
    before.iter().for_each(|(path, content)| home::write(path, content).unwrap());
    home::write(&list, &noted).unwrap();
    for _ in 0..2 {
        drop(town.env(CHLOE).session().unwrap());
        town.pass(Seconds::DAY);
    }
    assert_eq!(files(&folder).len(), after);
}
