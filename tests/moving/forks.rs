//! Two moves, two logs, and files that are not what they seem.

use std::fs;

use sequestre::client::amend::{self, Amendment};
use sequestre::client::failure::Exit;
use sequestre::client::moving::{self, MoveVerb};
use sequestre::client::session::sign_command;
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier};
use sequestre::escrow::log::merkle::MemoryTree;
use sequestre::escrow::moving::SignedMove;
use sequestre::proto::v1;
use sequestre::seal::moving::{move_file, read_move};
use sequestre::seal::secret::Secret;
use sequestre::seal::signing::SigningKey;
use sequestre::store::restore::RestoreError;

use crate::house::*;
use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_different_moves_are_evidence() {
    let town = Town::founded().await;
    town.stop().await;
    let (mut one, here) = House::restored(&town, "one", BRUNO).await;
    let (mut other, there) = House::restored(&town, "other", CHLOE).await;
    let first = signed(&town, &here, "first.txt").await;
    let second = signed(&town, &there, "second.txt").await;
    let signed_here = fs::read_dir(town.folder(AWA).join("moves")).unwrap();
    assert_eq!(signed_here.count(), 3, "Awa knows what she signed: two files, for one version");

    // Both at once, before anything is followed.
    let both = MoveVerb::Follow { files: vec![first.clone(), second.clone()], give_up: None };
    let at_once = moving::run(&town.env(MAUD), both).await;
    failure(at_once, Exit::Distrust, "distrust-two-moves");
    let kept = fs::read_dir(town.folder(MAUD).join("evidence")).unwrap();
    let kept: Vec<_> = kept.map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(kept.iter().filter(|name| name.starts_with("move-")).count(), 2, "{kept:?}");
    assert!(kept.contains(&"stop".to_owned()));

    // Sent once more, each by itself, neither is followed: that would be choosing.
    for file in [&first, &second, &first] {
        failure(follow(&town, MAUD, file).await, Exit::Distrust, "distrust-two-moves");
    }
    assert_eq!(address(&town, MAUD), town.address());
    assert!(town.env(MAUD).session().unwrap().replica.stopped().is_some());

    // One after the other.
    follow(&town, NINA, &first).await.unwrap();
    let before = fs::read(town.folder(NINA).join("contact.json")).unwrap();
    failure(follow(&town, NINA, &second).await, Exit::Distrust, "distrust-two-moves");
    assert_eq!(fs::read(town.folder(NINA).join("contact.json")).unwrap(), before);
    let mut session = town.env(NINA).session().unwrap();
    failure(session.sync().await, Exit::Distrust, "distrust-stopped");
    drop(session);
    // What is kept stands by itself: both files, signed by the same people.
    for file in fs::read_dir(town.folder(NINA).join("evidence")).unwrap().map(|f| f.unwrap().path()) {
        if file.file_name().unwrap().to_string_lossy().starts_with("move-") {
            assert_eq!(read_move(&fs::read_to_string(&file).unwrap()).unwrap().signers().count(), 2);
        }
    }
    // Whoever followed the first one again has nothing to do.
    follow(&town, CHLOE, &first).await.unwrap();
    follow(&town, CHLOE, &first).await.unwrap();
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_a_later_charter_made_too_few_do_not_move_everybody_back_behind_it() {
    let town = Town::founded().await;
    let before = town.root.path().join("before");
    Snapshot::of(&town.folder(BRUNO)).restore(&before);
    // From now on it takes all three.
    let mut plan = Amendment::of(&town.session(AWA).await).unwrap();
    plan.quorums.get_mut("amend").unwrap()[0].threshold = 3;
    amend::propose(&town.env(AWA), &plan).await.unwrap();
    let id = *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0;
    for name in [BRUNO, CHLOE] {
        town.approve(name, id).await.unwrap();
    }
    for name in [AWA, BRUNO, NINA, CHLOE] {
        assert_eq!(town.session(name).await.state().unwrap().charter().unwrap().version(), 2);
    }
    town.stop().await;
    let mut house = House::empty(&town, "refuge");
    let place = house.restore(&[before]).unwrap();
    house.start(&town).await;
    let lost = town.env(AWA).session().unwrap().replica.head().size - place.place.prefix.size;
    let file = given_up(&town, &place.path, "back.txt", lost).await;
    // Enough by the charter that would be gone back to.
    let contact = fs::read(town.folder(NINA).join("contact.json")).unwrap();
    failure(follow(&town, NINA, &file).await, Exit::Distrust, "move-charter-given-up");
    assert_eq!(fs::read(town.folder(NINA).join("contact.json")).unwrap(), contact);
    // Those who may change the later one agree.
    sign(&town, CHLOE, &file).await.unwrap();
    follow(&town, NINA, &file).await.unwrap();
    assert_ne!(address(&town, NINA), town.address());
    house.stop().await;
    // Awa's copy has that charter: what a client asks more for, no restoration does by itself.
    crate::giving::forked(&town, AWA, NINA);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_move_proposed_twice_is_one_move() {
    let town = Town::founded().await;
    town.stop().await;
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let first = signed(&town, &place, "first.txt").await;
    let second = signed(&town, &place, "second.txt").await;
    follow(&town, NINA, &first).await.unwrap();
    follow(&town, NINA, &second).await.unwrap();
    follow(&town, MAUD, &second).await.unwrap();
    assert_eq!(town.session(MAUD).await.state().unwrap().moves().len(), 1);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_needs_its_signatures_and_they_may_come_in_several_files() {
    let town = Town::founded().await;
    town.stop().await;
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let file = town.root.path().join("move.txt");
    propose(&town, AWA, &place, &file).await.unwrap();
    let folder = Snapshot::of(&town.folder(NINA));
    failure(follow(&town, NINA, &file).await, Exit::Refused, "refused-move-quorum");
    // A member, a mediator, the technician: nobody whom the charter lets change it.
    for who in [NINA, MAUD, THEO] {
        failure(sign(&town, who, &file).await, Exit::Refused, "move-not-signer");
    }
    let not_by_nina = town.root.path().join("not.txt");
    failure(propose(&town, NINA, &place, &not_by_nina).await, Exit::Refused, "move-not-signer");
    assert!(!not_by_nina.exists());
    let only_awa = fs::read_to_string(&file).unwrap();
    sign(&town, BRUNO, &file).await.unwrap();
    let both = read_move(&fs::read_to_string(&file).unwrap()).unwrap();

    // An address that nobody signed, under signatures that were made for another.
    let mut wire = both.to_wire();
    let position = wire.statement.windows(9).position(|w| w == b"127.0.0.1").unwrap();
    wire.statement[position + 8] = b'2';
    let forged = SignedMove::parse_draft(wire).unwrap();
    let path = town.root.path().join("forged.txt");
    let forged = move_file(&forged, &[]);
    fs::write(&path, &forged).unwrap();
    failure(follow(&town, NINA, &path).await, Exit::Refused, "refused-move-signature");
    failure(sign(&town, CHLOE, &path).await, Exit::Refused, "refused-move-signature");
    // Files that are something else.
    fs::write(&path, "dear all, the file is attached").unwrap();
    failure(follow(&town, NINA, &path).await, Exit::Usage, "move-file-none");
    failure(follow(&town, NINA, &place).await, Exit::Usage, "move-file-kind");
    failure(propose(&town, CHLOE, &file, &path).await, Exit::Usage, "move-file-kind");
    let text = fs::read_to_string(&file).unwrap();
    let middle = text.find("\"body\":\"").unwrap() + 200;
    let letter = if &text[middle..=middle] == "A" { "B" } else { "A" };
    fs::write(&path, format!("{}{letter}{}", &text[..middle], &text[middle + 1..])).unwrap();
    failure(follow(&town, NINA, &path).await, Exit::Usage, "move-file-damaged");
    let other = Town::another().await;
    failure(follow(&other, AWA, &file).await, Exit::Usage, "failed-no-organisation");
    // All that changed nothing.
    let now = Snapshot::of(&town.folder(NINA));
    assert!(now.same(&folder));

    // Awa's signature in one file, Bruno's in another; the forged one beside them costs them nothing.
    let (signer, signature) =
        *both.signatures().iter().find(|(key, _)| key.person() == town_person(&town, BRUNO)).unwrap();
    let mut only_bruno = SignedMove::unsigned(both.statement.clone());
    assert!(only_bruno.add(signer, signature));
    let [a, b, c] = ["a.txt", "b.txt", "c.txt"].map(|name| town.root.path().join(name));
    fs::write(&c, forged).unwrap();
    fs::write(&a, only_awa).unwrap();
    fs::write(&b, move_file(&only_bruno, &[])).unwrap();
    failure(follow(&town, NINA, &b).await, Exit::Refused, "refused-move-quorum");
    moving::run(&town.env(NINA), MoveVerb::Follow { files: vec![c, a, b], give_up: None }).await.unwrap();
    house.stop().await;
}

fn town_person(town: &Town, who: &str) -> sequestre::escrow::id::PersonId {
    town.env(who).session().unwrap().me()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_showed_two_logs_is_left_with_the_one_that_people_choose() {
    let town = Town::founded().await;
    for name in PEOPLE {
        town.session(name).await;
    }
    // The technician puts last week's database back, and the log grows again, otherwise.
    town.stop().await;
    let old = Snapshot::of(&town.data());
    town.start().await;
    town.put(THEO, true, "the password of one log").await.unwrap();
    town.session(CHLOE).await;
    let theirs = town.folder(CHLOE);
    town.stop().await;
    old.restore(&town.data());
    town.start().await;
    town.ask(NINA).await;
    for name in [AWA, BRUNO, MAUD] {
        town.session(name).await;
    }
    let mut session = town.env(CHLOE).session().unwrap();
    failure(session.sync().await, Exit::Distrust, "distrust-fork");
    drop(session);
    town.stop().await;

    let house = House::empty(&town, "both");
    let error = house.restore(&[town.folder(BRUNO), theirs.clone()]).err().unwrap();
    let both = said(&error);
    assert!(matches!(error, sequestre::daemon::DaemonError::Restore(RestoreError::Forked { .. })), "{both}");
    for folder in [town.folder(BRUNO), theirs.clone()] {
        assert!(both.contains(&folder.display().to_string()), "{both}");
    }

    // Two of three decide for the log that they saw.
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    failure(propose(&town, CHLOE, &place, &town.root.path().join("c.txt")).await, Exit::Distrust, "move-differs");
    let file = signed(&town, &place, "move.txt").await;
    failure(sign(&town, CHLOE, &file).await, Exit::Distrust, "move-differs");
    follow(&town, AWA, &file).await.unwrap();
    // Chloé's stop ends with the move that her own charter allows, and what she had is kept.
    let before = fs::read(theirs.join("entries")).unwrap();
    // Nobody who signed knew what she has besides: that is for her to give up, by its number.
    let told = failure(follow(&town, CHLOE, &file).await, Exit::Distrust, "move-follow-give-up").to_string();
    assert!(told.contains("--give-up 1"), "{told}");
    let giving_up = MoveVerb::Follow { files: vec![file.clone()], give_up: Some(1) };
    moving::run(&town.env(CHLOE), giving_up).await.unwrap();
    let kept = theirs.join("evidence/before-move-2");
    assert_eq!(fs::read(kept.join("entries")).unwrap(), before);
    assert!(kept.join("stop").exists() && !theirs.join("evidence/stop").exists());
    assert!(
        fs::read_dir(theirs.join("evidence"))
            .unwrap()
            .any(|f| { f.unwrap().file_name().to_string_lossy().starts_with("theirs-") })
    );
    let giving_up = MoveVerb::Follow { files: vec![file.clone()], give_up: Some(1) };
    moving::run(&town.env(THEO), giving_up).await.unwrap();
    follow(&town, NINA, &file).await.unwrap();
    for name in [CHLOE, THEO, NINA] {
        assert_eq!(town.session(name).await.state().unwrap().requests().len(), 1, "{name}");
    }
    house.stop().await;
}

/// The old server brings the move to its own log, and goes on under its old key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_move_the_old_key_says_nothing_more() {
    let town = Town::founded().await;
    let mut session = town.session(NINA).await;
    let (id, head, now) = (session.folder.id, session.replica.head(), town.now());
    let seed: Vec<u8> = town.database().query_row("SELECT log_seed FROM organisation", [], |row| row.get(0)).unwrap();
    let old_key = SigningKey::from_seed(Secret::new(seed)).unwrap();
    town.stop().await;
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let file = signed(&town, &place, "move.txt").await;
    let moving = read_move(&fs::read_to_string(&file).unwrap()).unwrap();

    let act = v1::command::Act::Move(moving.to_wire());
    let command = sign_command(session.identity().unwrap(), id, head, now, act).unwrap();
    let entry = Entry { index: head.size, time: now, what: What::Command(Box::new(command)) }.encode();
    let mut tree = MemoryTree::new();
    session.replica.entries().unwrap().iter().for_each(|entry| tree.push(Entry::leaf(entry)));
    tree.push(Entry::leaf(&entry));
    let body = Checkpoint { organisation: id, head: tree.head() }.body();
    let note = LogVerifier::new(id, old_key.public()).assemble(tree.head(), &old_key.sign(body.as_bytes())).unwrap();
    let shown = session.replica.consider(&note.to_string()).unwrap();
    session.replica.push_fresh(&[entry], &shown).unwrap();
    let told = failure(session.replica.finish(&shown, now), Exit::Distrust, "failed-moved");
    assert!(told.to_string().contains(moving.statement.address()), "{told}");
    session.replica.forget_fresh().unwrap();
    assert_eq!(session.replica.head(), head);
    drop(session);
    follow(&town, NINA, &file).await.unwrap();
    house.stop().await;
}
