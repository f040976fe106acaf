//! A destruction that the server showed only when it was done: what people still have, and for how long.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use sequestre::client::amend::{self, Amendment};
use sequestre::client::destroy::{self, Target};
use sequestre::client::failure::Exit;
use sequestre::client::session::Env;
use sequestre::escrow::charter::LONGEST_DELAY;
use sequestre::escrow::id::BlobId;
use sequestre::escrow::time::{Seconds, Time};

use crate::town::*;

const WEEK: Seconds = Seconds(7 * 86_400);

/// Destroys the account, in both phases.
async fn destroyed(town: &Town) {
    let whole = Target::Account { label: LABEL.to_owned(), version: None };
    destroy::propose(&town.env(AWA), &whole, "closed").await.unwrap();
    let id = *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0;
    town.approve(BRUNO, id).await.unwrap();
    town.pass(WEEK);
    for name in [AWA, BRUNO] {
        destroy::confirm(&town.env(name), id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_destroyed_behind_ones_back_opens_with_the_log_of_before() {
    let town = Town::founded().await;
    let whole = Target::Account { label: LABEL.to_owned(), version: None };
    let before = town.env(CHLOE).session().unwrap().replica.head().size;
    destroy::propose(&town.env(AWA), &whole, "nobody will notice").await.unwrap();
    let id = *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0;
    town.approve(BRUNO, id).await.unwrap();
    town.pass(WEEK);
    for name in [AWA, BRUNO] {
        destroy::confirm(&town.env(name), id).await.unwrap();
    }
    // Chloé's computer was shown nothing all the time, and now everything at once.
    let session = town.session(CHLOE).await;
    assert!(session.state().unwrap().credentials().is_empty());
    let noted = session.replica.noted().unwrap();
    assert!(!noted.is_empty() && noted.values().all(|until| *until == town.now().after(WEEK)));
    drop(session);
    // With the words of those whom the agreement takes, her copy opens it, as it was before the first of these entries.
    let recover = |name: &str, size: Option<u64>| {
        let copy = town.root.path().join(name);
        Snapshot::of(&town.folder(CHLOE)).restore(&copy);
        if let Some(size) = size {
            fs::write(copy.join("as_of"), format!("{size}\n")).unwrap();
        }
        let (output, words) = (town.root.path().join(format!("{name}.json")), |who: &str| {
            town.root.path().join("people").join(who).join("words").display().to_string()
        });
        let (chloe, bruno) = (words(CHLOE), words(BRUNO));
        let arguments = [
            "recover",
            "finish",
            "--plain",
            "--yes",
            "--words-file",
            &chloe,
            "--words-file",
            &bruno,
            "--replica",
            copy.to_str().unwrap(),
            "-o",
            output.to_str().unwrap(),
        ];
        let (code, _, told) = town.program(name, &arguments);
        (code, told, fs::read_to_string(output).unwrap_or_default())
    };
    let (code, told, opened) = recover("late", None);
    assert!(code != 0 && opened.is_empty(), "the log of now has no such account: {told}");
    let (code, told, opened) = recover("visitor", Some(before));
    assert!(code == 0 && opened.contains(PASSWORD), "{told}");
    let (code, told, _) = recover("beyond", Some(before + 1_000));
    assert!(code == 1 && told.contains("as_of"), "{told}");
    // A second before the time is over, and then.
    town.pass(Seconds(WEEK.0 - 1));
    assert!(!town.session(CHLOE).await.replica.noted().unwrap().is_empty());
    town.pass(Seconds(1));
    assert!(town.session(CHLOE).await.replica.noted().unwrap().is_empty());
    let (code, _, opened) = recover("gone", Some(before));
    assert!(code != 0 && opened.is_empty());
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_note_of_the_time_is_read_as_if_there_were_none() {
    let town = Town::founded().await;
    destroyed(&town).await;
    town.session(CHLOE).await;
    let list = town.folder(CHLOE).join("destroyed");
    let blobs = fs::read_to_string(&list).unwrap().lines().count();
    fs::write(&list, "neither a blob nor a time\n").unwrap();
    town.pass(Seconds(1));
    let noted = town.session(CHLOE).await.replica.noted().unwrap();
    assert_eq!(noted.len(), blobs);
    assert!(noted.values().all(|until| *until == town.now().after(WEEK)));
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_was_set_ahead_neither_deletes_at_once_nor_keeps_for_ever() {
    let town = Town::founded().await;
    destroyed(&town).await;
    let noted = town.session(CHLOE).await.replica.noted().unwrap();
    let here = |noted: &BTreeMap<BlobId, Time>| {
        noted.keys().all(|blob| town.folder(CHLOE).join("blobs").join(blob.to_string()).exists())
    };
    assert!(!noted.is_empty() && here(&noted));
    // Her computer's clock is a year ahead. Opened without a server it deletes nothing, and an honest server says so.
    let now = town.now();
    let year = Env { clock: Arc::new(move || now.after(Seconds(365 * 86_400))), ..town.env(CHLOE) };
    drop(year.session().unwrap());
    assert!(here(&noted));
    let mut session = year.session().unwrap();
    failure(session.sync().await, Exit::Refused, "refused-clock-skew");
    drop(session);
    assert!(here(&noted));
    assert_eq!(town.session(CHLOE).await.replica.noted().unwrap(), noted);
    // Seen first while the clock was ten years ahead, it stays no longer than the longest delay of any charter.
    let list = town.folder(CHLOE).join("destroyed");
    let late = now.after(Seconds(3_650 * 86_400));
    let lines: String = noted.keys().map(|id| format!("{id} {late}\n")).collect();
    fs::write(&list, lines).unwrap();
    let clamped = town.session(CHLOE).await.replica.noted().unwrap();
    assert!(clamped.values().all(|until| *until == now.after(LONGEST_DELAY)), "{clamped:?}");
    town.pass(LONGEST_DELAY);
    assert!(town.session(CHLOE).await.replica.noted().unwrap().is_empty());
    assert!(noted.keys().all(|blob| !town.folder(CHLOE).join("blobs").join(blob.to_string()).exists()));
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delay_that_was_shortened_unseen_goes_on_for_as_long_as_it_was() {
    let town = Town::founded().await;
    let newest = async || *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0;
    let mut plan = Amendment::of(&town.session(AWA).await).unwrap();
    plan.destroy_delay = "1h".to_owned();
    amend::propose(&town.env(AWA), &plan).await.unwrap();
    let id = newest().await;
    town.approve(BRUNO, id).await.unwrap();
    town.pass(WEEK);
    for name in [AWA, BRUNO] {
        destroy::confirm(&town.env(name), id).await.unwrap();
    }
    // Chloé's computer was shown nothing of that for a week, and then the new charter alone.
    let session = town.session(CHLOE).await;
    assert_eq!(session.state().unwrap().charter().unwrap().destroy_delay(), Seconds::HOUR);
    drop(session);
    let whole = Target::Account { label: LABEL.to_owned(), version: None };
    destroy::propose(&town.env(AWA), &whole, "nobody will notice").await.unwrap();
    let id = newest().await;
    town.approve(BRUNO, id).await.unwrap();
    town.pass(Seconds::HOUR);
    for name in [AWA, BRUNO] {
        destroy::confirm(&town.env(name), id).await.unwrap();
    }
    let noted = town.session(CHLOE).await.replica.noted().unwrap();
    assert!(!noted.is_empty() && noted.values().all(|until| *until == town.now().after(WEEK)), "{noted:?}");
    // Whoever has known for as long as it was goes by the charter.
    town.pass(WEEK);
    assert!(town.session(CHLOE).await.replica.noted().unwrap().is_empty());
    town.put(THEO, false, "another password of the lake").await.unwrap();
    town.session(CHLOE).await;
    destroy::propose(&town.env(AWA), &whole, "closed").await.unwrap();
    let id = newest().await;
    town.approve(BRUNO, id).await.unwrap();
    town.pass(Seconds::HOUR);
    for name in [AWA, BRUNO] {
        destroy::confirm(&town.env(name), id).await.unwrap();
    }
    let noted = town.session(CHLOE).await.replica.noted().unwrap();
    assert!(!noted.is_empty() && noted.values().all(|until| *until == town.now().after(Seconds::HOUR)), "{noted:?}");
    town.stop().await;
}
