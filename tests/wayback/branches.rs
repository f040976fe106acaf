//! Branches of a log: which ones are left by beginning anew, with what was put in escrow there, and which are not.

use std::fs;

use sequestre::client::amend::{self, Amendment};
use sequestre::client::failure::Exit;
use sequestre::client::join;
use sequestre::client::moving::{self, MoveVerb};

use crate::anew::{aside, card_and_code};
use crate::house::*;
use crate::town::*;

const ELSEWHERE: &str = "the password of the other branch";

/// What Théo put in escrow on the log that was left opens on the one that goes on.
async fn theos_password_opens(town: &Town) {
    let id = town.ask(NINA).await;
    for name in [BRUNO, AWA] {
        town.approve(name, id).await.unwrap();
    }
    assert_eq!(town.open(NINA, id).await.unwrap(), ELSEWHERE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_behind_an_amendment_is_left_and_what_was_put_in_escrow_there_goes_along() {
    let town = Town::founded().await;
    town.stop().await;
    let old = Snapshot::of(&town.data());
    let people = PEOPLE.map(|name| (town.folder(name), Snapshot::of(&town.folder(name))));
    // On one branch the charter changes, and Théo puts a new password in escrow.
    town.start().await;
    let mut plan = Amendment::of(&town.session(AWA).await).unwrap();
    plan.quorums.get_mut("amend").unwrap()[0].threshold = 3;
    amend::propose(&town.env(AWA), &plan).await.unwrap();
    let id = *town.session(AWA).await.state().unwrap().proposals().last_key_value().unwrap().0;
    for name in [BRUNO, CHLOE] {
        town.approve(name, id).await.unwrap();
    }
    town.put(THEO, true, ELSEWHERE).await.unwrap();
    let session = town.session(THEO).await;
    assert_eq!(session.state().unwrap().charter().unwrap().version(), 2);
    drop(session);
    let theo = Snapshot::of(&town.folder(THEO));
    town.stop().await;
    // The others were shown another one: that of last week's database.
    old.restore(&town.data());
    people.iter().for_each(|(folder, files)| files.restore(folder));
    theo.restore(&town.folder(THEO));
    town.start().await;
    town.invite(AWA, OMAR).await;
    for name in [AWA, BRUNO, CHLOE] {
        town.session(name).await;
    }
    let mut session = town.env(THEO).session().unwrap();
    assert_eq!(session.sync().await.unwrap_err().exit(), Exit::Distrust);
    let (own, device) = (session.replica.entries().unwrap(), session.device.id());
    drop(session);
    town.stop().await;
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let file = signed(&town, &place, "move.txt").await;
    for name in [AWA, BRUNO, NINA] {
        follow(&town, name, &file).await.unwrap();
    }
    // The charter that he knows names nobody who signed this as its successor: no number leads there.
    failure(follow(&town, THEO, &file).await, Exit::Distrust, "move-differs");
    let numbered = MoveVerb::Follow { files: vec![file], give_up: Some(own.len() as u64) };
    failure(moving::run(&town.env(THEO), numbered).await, Exit::Distrust, "move-differs");

    let (card, code) = card_and_code(&town);
    join::restore_identity_anew(&town.env(THEO), None, &card, Some(&code)).await.unwrap();
    let session = town.session(THEO).await;
    assert!(session.replica.stopped().is_none());
    assert_eq!(session.device.id(), device);
    let credential = session.find_credential(LABEL).unwrap();
    assert_eq!(session.state().unwrap().credential(&credential).unwrap().versions.len(), 2, "signed anew, once");
    drop(session);
    let kept = aside(&town, THEO);
    assert!(kept.join("evidence/stop").exists());
    assert_eq!(sequestre::client::replica::Replica::read_copy(&kept).unwrap().entries().unwrap(), own);
    theos_password_opens(&town).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_more_than_those_who_moved_comes_back_with_what_they_put_in_escrow() {
    let town = Town::founded().await;
    town.put(THEO, true, ELSEWHERE).await.unwrap();
    town.session(THEO).await;
    town.stop().await;
    // Nobody thought of his copy, and two suffice for what they know of.
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let file = signed(&town, &place, "move.txt").await;
    for name in [AWA, BRUNO, NINA] {
        follow(&town, name, &file).await.unwrap();
    }
    let told = failure(follow(&town, THEO, &file).await, Exit::Refused, "refused-move-undeclared");
    let told = told.sentence(&sequestre::client::say::Say::english());
    assert!(told.contains("--begin-anew"), "{told}");
    let (card, code) = card_and_code(&town);
    join::restore_identity_anew(&town.env(THEO), None, &card, Some(&code)).await.unwrap();
    theos_password_opens(&town).await;
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_the_end_of_its_log_is_no_new_beginning() {
    let town = Town::founded().await;
    town.stop().await;
    let old = Snapshot::of(&town.data());
    town.start().await;
    town.put(THEO, true, ELSEWHERE).await.unwrap();
    town.session(THEO).await;
    town.stop().await;
    let whole = Snapshot::of(&town.data());
    old.restore(&town.data());
    town.start().await;
    let mut session = town.env(THEO).session().unwrap();
    failure(session.sync().await, Exit::Distrust, "distrust-lost-tail");
    drop(session);
    let before = Snapshot::of(&town.folder(THEO));
    // The code is right, and read by the right voice: the charter is the same. Nobody moved.
    let (card, code) = card_and_code(&town);
    for again in [false, true] {
        let anew = join::restore_identity_anew(&town.env(THEO), None, &card, Some(&code)).await;
        let told = failure(anew, Exit::Distrust, "anew-not-left").to_string();
        assert!(told.contains("One entry"), "{told}");
        // The same where it went on otherwise.
        if !again {
            town.ask(NINA).await;
        }
    }
    // Nor where it shows all of it again: what it was caught at ends with a move.
    town.stop().await;
    whole.restore(&town.data());
    town.start().await;
    let anew = join::restore_identity_anew(&town.env(THEO), None, &card, Some(&code)).await;
    failure(anew, Exit::Distrust, "anew-stopped");
    assert!(Snapshot::of(&town.folder(THEO)).same(&before), "nothing changed");
    assert!(!town.env(THEO).home.path().join("aside").exists());
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_an_association_began_has_no_code_and_is_no_new_beginning() {
    let (town, code) = Town::bare().await;
    sequestre::client::found::found(&town.env(AWA), &code, plan(), &town.root.path().join("invitations"))
        .await
        .unwrap();
    for name in &PEOPLE[1..] {
        town.join(name).await.unwrap();
    }
    let early = join::contact_card(&town.session(AWA).await).unwrap();
    town.stop().await;
    let old = Snapshot::of(&town.data());
    town.start().await;
    town.charter().await;
    town.session(NINA).await;
    let (_, code) = card_and_code(&town);
    town.stop().await;
    old.restore(&town.data());
    town.start().await;
    // Her folder is damaged, so that only the code is left to go by; and the server spares itself that.
    let entries = town.folder(NINA).join("entries");
    let mut bytes = fs::read(&entries).unwrap();
    bytes[100] ^= 1;
    fs::write(&entries, &bytes).unwrap();
    let before = Snapshot::of(&town.folder(NINA));
    for typed in [Some(code.as_str()), None] {
        let anew = join::restore_identity_anew(&town.env(NINA), None, &early, typed).await;
        failure(anew, Exit::Distrust, "anew-no-charter");
    }
    assert!(Snapshot::of(&town.folder(NINA)).same(&before), "nothing changed");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_longer_copy_is_gone_on_with_by_those_who_change_the_charter_alone() {
    let town = Town::founded().await;
    town.ask(NINA).await;
    // Of those who sign, only Chloé has it.
    town.session(CHLOE).await;
    town.stop().await;
    let mut house = House::empty(&town, "refuge");
    let place = house.restore(&[town.folder(BRUNO), town.folder(CHLOE), town.folder(AWA)]).unwrap();
    house.start(&town).await;
    let file = town.root.path().join("move.txt");
    let behind = propose(&town, AWA, &place.path, &file).await;
    failure(behind, Exit::Failed, "move-behind");
    propose(&town, CHLOE, &place.path, &file).await.unwrap();
    failure(sign(&town, BRUNO, &file).await, Exit::Failed, "move-unseen");
    moving::run(&town.env(BRUNO), MoveVerb::Sign { file: file.clone(), unseen: true }).await.unwrap();
    for name in PEOPLE {
        follow(&town, name, &file).await.unwrap();
        assert_eq!(town.session(name).await.state().unwrap().requests().len(), 1, "{name}");
    }
    let state = town.env(AWA).session().unwrap();
    assert!(state.state().unwrap().moves()[0].decided.given_up().is_none());
    drop(state);
    house.stop().await;
}
