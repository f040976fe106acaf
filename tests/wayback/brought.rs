//! What people bring to a server that was restored from a copy: released shares, and blobs that the copy did not have.

use std::fs;
use std::path::PathBuf;

use sequestre::client::audit;
use sequestre::client::failure::Exit;
use sequestre::client::moving::{self, MoveVerb};
use sequestre::client::request;
use sequestre::escrow::id::Digest;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier};
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::time::Seconds;
use sequestre::seal::secret::Secret;
use sequestre::seal::signing::SigningKey;

use crate::house::*;
use crate::town::*;

fn released(town: &Town, who: &str) -> usize {
    fs::read_dir(town.folder(who).join("released")).map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_agreed_before_a_move_is_fetched_after_it() {
    let town = Town::founded().await;
    let fetched = town.granted(NINA, Seconds::HOUR).await;
    assert_eq!(town.open(NINA, fetched).await.unwrap(), PASSWORD);
    let waiting = town.granted(NINA, Seconds::HOUR).await;
    assert_eq!(released(&town, BRUNO), 2, "they are in no replica");
    for name in PEOPLE {
        town.session(name).await;
    }
    town.stop().await;
    let (mut house, place) = House::restored(&town, "refuge", AWA).await;
    let file = signed(&town, &place, "move.txt").await;
    follow(&town, NINA, &file).await.unwrap();
    failure(town.open(NINA, waiting).await, Exit::Refused, "refused-not-yet-uploaded");
    for name in [BRUNO, CHLOE] {
        follow(&town, name, &file).await.unwrap();
    }
    for id in [waiting, fetched] {
        assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    }
    // Over is over: nothing of it stays with those who agreed.
    for id in [waiting, fetched] {
        request::give_back(&town.env(NINA), id).await.unwrap();
    }
    for name in [BRUNO, CHLOE] {
        town.session(name).await;
        assert_eq!(released(&town, name), 0, "{name}");
    }
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blobs_that_no_copy_had_are_brought_by_whoever_may_read_them() {
    let town = Town::founded().await;
    let session = town.session(CHLOE).await;
    let credential = session.find_credential(LABEL).unwrap();
    let version = session.state().unwrap().credential(&credential).unwrap().current().unwrap().1.clone();
    let sealed = version.parts.values().next().unwrap().part.sealed;
    let secret = session.replica.blob(&sealed).unwrap().unwrap();
    let (label, id) = (version.label, session.folder.id);
    drop(session);
    town.stop().await;
    let copy = town.root.path().join("copy");
    Snapshot::of(&town.folder(BRUNO)).restore(&copy);
    for blob in [sealed, label] {
        fs::remove_file(copy.join("blobs").join(blob.to_string())).unwrap();
    }
    let mut house = House::empty(&town, "refuge");
    let outcome = house.restore(std::slice::from_ref(&copy)).unwrap();
    let mut missing = [sealed, label];
    missing.sort();
    assert_eq!(outcome.restored.missing, missing);
    house.start(&town).await;
    let file = signed(&town, &outcome.path, "move.txt").await;
    // Bruno's own folder lacks them, too.
    Snapshot::of(&copy).restore(&town.folder(BRUNO));
    follow(&town, BRUNO, &file).await.unwrap();
    assert_eq!(house.findings().len(), 2, "{:?}", house.findings());
    // A member has the label and brings it; what is sealed for trustees is not theirs to bring, nor is anything else.
    follow(&town, NINA, &file).await.unwrap();
    assert_eq!(house.findings().len(), 1, "{:?}", house.findings());
    let mut session = town.session(NINA).await;
    let remote = session.remote().await.unwrap();
    for foreign in [secret.clone(), b"nobody named this".to_vec()] {
        failure(remote.put_blobs(id, vec![foreign]).await, Exit::Refused, "refused-not-awaited");
    }
    assert_eq!(remote.lacking(id, &[sealed, label]).await.unwrap(), [sealed]);
    drop(session);
    assert_eq!(house.findings().len(), 1);
    follow(&town, CHLOE, &file).await.unwrap();
    assert_eq!(house.findings(), [""; 0]);
    // Bruno gets them from there, and nobody is asked again.
    let session = town.session(BRUNO).await;
    assert!(session.replica.missing_blobs(&session.me()).unwrap().is_empty());
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_of_before_a_move_are_compared_without_being_told_their_key() {
    let town = Town::founded().await;
    let note = |name: &str, of: &str| -> PathBuf {
        let path = town.root.path().join(format!("{of}.note"));
        fs::write(&path, fs::read(town.folder(name).join("checkpoint")).unwrap()).unwrap();
        path
    };
    let before = note(BRUNO, "before");
    // The old server goes on for Nina, and the move leaves that behind.
    town.ask(NINA).await;
    let behind = note(NINA, "behind");
    town.stop().await;
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let file = signed(&town, &place, "move.txt").await;
    follow(&town, BRUNO, &file).await.unwrap();
    let after = note(BRUNO, "after");
    audit::compare(&town.env(BRUNO), &[before.clone(), after.clone()], None, None).unwrap();
    let left = audit::compare(&town.env(BRUNO), &[behind], None, None);
    failure(left, Exit::Failed, "compare-left-behind");
    assert!(town.env(BRUNO).session().unwrap().replica.stopped().is_none());
    // The key in force never signed so few entries as there were before it: that is nothing that a move left behind.
    let session = town.env(BRUNO).session().unwrap();
    let (id, log_key) = (session.folder.id, *session.state().unwrap().log_key());
    drop(session);
    let seed: Vec<u8> = rusqlite::Connection::open(house.data.join(sequestre::store::DATABASE))
        .unwrap()
        .query_row("SELECT log_seed FROM organisation", [], |row| row.get(0))
        .unwrap();
    let key = SigningKey::from_seed(Secret::new(seed)).unwrap();
    let head = TreeHead { size: 3, root: Digest::new([7; 32]) };
    let signature = key.sign(Checkpoint { organisation: id, head }.body().as_bytes());
    let early = town.root.path().join("early.note");
    fs::write(&early, LogVerifier::new(id, log_key).assemble(head, &signature).unwrap().to_string()).unwrap();
    failure(audit::compare(&town.env(BRUNO), &[early], None, None), Exit::Failed, "compare-false-note");
    // Whoever did not move has the old key only.
    let newer = audit::compare(&town.env(CHLOE), &[after], None, None);
    failure(newer, Exit::Failed, "compare-false-note");
    audit::compare(&town.env(CHLOE), &[before], None, None).unwrap();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_of_evidence_is_named_and_neither_believed_nor_in_the_way() {
    let town = Town::founded().await;
    town.stop().await;
    let (mut one, here) = House::restored(&town, "one", BRUNO).await;
    let (mut other, there) = House::restored(&town, "other", CHLOE).await;
    let first = signed(&town, &here, "first.txt").await;
    let second = signed(&town, &there, "second.txt").await;
    let both = MoveVerb::Follow { files: vec![first.clone(), second.clone()], give_up: None };
    failure(moving::run(&town.env(MAUD), both).await, Exit::Distrust, "distrust-two-moves");
    for entry in fs::read_dir(town.folder(MAUD).join("evidence")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.file_name().unwrap().to_str().unwrap().starts_with("move-") {
            fs::write(&entry, "half of a file").unwrap();
        }
    }
    for file in [&first, &second] {
        failure(follow(&town, MAUD, file).await, Exit::Distrust, "distrust-two-moves");
    }
    for name in [AWA, BRUNO] {
        follow(&town, name, &first).await.unwrap();
    }
    one.stop().await;
    other.stop().await;
    // A later move says which of them the log went with.
    let (mut third, place) = House::restored(&town, "third", AWA).await;
    let later = signed(&town, &place, "later.txt").await;
    follow(&town, AWA, &later).await.unwrap();
    follow(&town, MAUD, &later).await.unwrap();
    assert!(town.env(MAUD).session().unwrap().replica.stopped().is_none());
    third.stop().await;
}
