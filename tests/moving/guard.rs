//! What a move must not do: lead behind a charter, end a stop that it caused, lose what was signed.

use std::fs;

use prost::Message as _;
use sequestre::client::amend::{self, Amendment};
use sequestre::client::audit::compare;
use sequestre::client::failure::Exit;
use sequestre::client::moving::{self, MoveVerb};
use sequestre::escrow::time::Seconds;

use crate::house::*;
use crate::town::*;

/// From now on all three trustees must agree to change the charter.
async fn all_three(town: &Town) {
    let session = town.session(THEO).await;
    let mut plan = Amendment::of(&session).unwrap();
    drop(session);
    plan.quorums.get_mut("amend").unwrap()[0].threshold = 3;
    amend::propose(&town.env(THEO), &plan).await.unwrap();
    let session = town.session(AWA).await;
    let id = *session.state().unwrap().proposals().last_key_value().unwrap().0;
    drop(session);
    for name in [AWA, BRUNO, CHLOE] {
        town.approve(name, id).await.unwrap();
    }
    for name in PEOPLE {
        let session = town.session(name).await;
        assert_eq!(session.state().unwrap().charter().unwrap().version(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_could_change_the_charter_once_move_nobody_behind_the_one_that_replaced_it() {
    let town = Town::founded().await;
    let old = |name: &str| (town.folder(name), Snapshot::of(&town.folder(name)));
    let (awa, bruno) = (old(AWA), old(BRUNO));
    all_three(&town).await;
    let now = (Snapshot::of(&awa.0), Snapshot::of(&bruno.0));
    town.stop().await;
    awa.1.restore(&awa.0);
    bruno.1.restore(&bruno.0);
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let file = signed(&town, &place, "move.txt").await;
    now.0.restore(&awa.0);
    now.1.restore(&bruno.0);

    let before = Snapshot::of(&town.folder(NINA));
    // Signed on old copies, it does not even say that it gives something up.
    failure(follow(&town, NINA, &file).await, Exit::Refused, "refused-move-undeclared");
    assert!(Snapshot::of(&town.folder(NINA)).same(&before));
    house.stop().await;
}

fn before_size(place: &std::path::Path) -> u64 {
    sequestre::seal::moving::read_place(&fs::read_to_string(place).unwrap()).unwrap().prefix.size
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_for_two_moves_is_lifted_by_neither_of_them() {
    let town = Town::founded().await;
    town.stop().await;
    let (mut one, here) = House::restored(&town, "one", BRUNO).await;
    let (mut other, there) = House::restored(&town, "other", CHLOE).await;
    let first = signed(&town, &here, "first.txt").await;
    let second = signed(&town, &there, "second.txt").await;
    let both = MoveVerb::Follow { files: vec![first.clone(), second.clone()], give_up: None };
    failure(moving::run(&town.env(MAUD), both).await, Exit::Distrust, "distrust-two-moves");
    follow(&town, NINA, &first).await.unwrap();
    failure(follow(&town, NINA, &second).await, Exit::Distrust, "distrust-two-moves");
    for (name, file) in [(MAUD, &first), (MAUD, &second), (NINA, &first), (NINA, &second)] {
        let before = Snapshot::of(&town.folder(name));
        failure(follow(&town, name, file).await, Exit::Distrust, "distrust-two-moves");
        assert!(Snapshot::of(&town.folder(name)).same(&before), "{name}");
    }
    // What was decided after both says where the log is.
    for name in [AWA, BRUNO, CHLOE] {
        follow(&town, name, &first).await.unwrap();
        town.session(name).await;
    }
    one.stop().await;
    let (mut third, place) = House::restored(&town, "third", BRUNO).await;
    let file = signed(&town, &place, "third.txt").await;
    // Maud's copy cannot say yet whether this one holds: nothing is signed there before the log shows it.
    failure(follow(&town, MAUD, &file).await, Exit::Unreachable, "refused-not-moved");
    for name in [AWA, MAUD, NINA] {
        follow(&town, name, &file).await.unwrap();
        assert!(!town.folder(name).join("evidence/stop").exists());
    }
    third.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_opens_a_folder_finishes_its_exchange_first() {
    let town = Town::founded().await;
    let exported = town.root.path().join("exported");
    sequestre::client::audit::export(&town.env(MAUD), &exported).await.unwrap();
    let note = town.root.path().join("note");
    fs::copy(town.folder(BRUNO).join("checkpoint"), &note).unwrap();
    town.stop().await;
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let file = signed(&town, &place, "move.txt").await;
    let folder = town.folder(CHLOE);
    let old = Snapshot::of(&folder);
    follow(&town, CHLOE, &file).await.unwrap();
    let files = ["entries", "checkpoint", "contact.json"];
    let fresh = files.map(|name| fs::read(folder.join(name)).unwrap());
    // The computer stopped after `entries` was exchanged, and before the checkpoint was.
    let interrupt = || {
        old.restore(&folder);
        fs::create_dir(folder.join("moving")).unwrap();
        for (name, content) in files.iter().zip(&fresh) {
            fs::write(folder.join("moving").join(name), content).unwrap();
        }
        fs::write(folder.join("moving/ready"), "").unwrap();
        fs::rename(folder.join("moving/entries"), folder.join("entries")).unwrap();
    };
    let whole = || {
        let session = town.env(CHLOE).session().unwrap();
        assert_eq!(fs::read(folder.join("entries")).unwrap(), fresh[0]);
        assert_eq!(session.state().unwrap().moves().len(), 1);
    };
    interrupt();
    let out = town.program(CHLOE, &["audit", "verify", exported.to_str().unwrap()]);
    println!("{out:?}");
    whole();
    interrupt();
    let _ = compare::compare(&town.env(CHLOE), std::slice::from_ref(&note), None, None);
    whole();
    interrupt();
    let request = town.root.path().join("request");
    let out = town.program(
        CHLOE,
        &["recover", "start", "--account", LABEL, "--reason", "the fire", "-o", request.to_str().unwrap(), "--yes"],
    );
    println!("{out:?}");
    whole();
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deposit_that_cannot_be_signed_anew_yet_is_kept_until_it_can() {
    let town = Town::founded().await;
    let old = Snapshot::of(&town.folder(BRUNO));
    let copy = town.root.path().join("last week");
    let shop = |new_version, password| account("the shop", new_version, password);
    sequestre::client::deposit::deposit(&town.env(THEO), shop(false, "the first")).await.unwrap();
    sequestre::client::deposit::deposit(&town.env(NINA), shop(true, "the second")).await.unwrap();
    for name in PEOPLE {
        town.session(name).await;
    }
    town.stop().await;
    old.restore(&copy);
    let mut house = House::empty(&town, "refuge");
    let place = house.restore(&[copy]).unwrap().path;
    house.start(&town).await;
    let lost = town.entries() - before_size(&place);
    let file = given_up(&town, &place, "move.txt", lost).await;
    // Nina's is the second version of an account that the log does not know any more.
    follow(&town, NINA, &file).await.unwrap();
    let session = town.env(NINA).session().unwrap();
    let kept: Vec<_> = session.kept().unwrap().into_iter().filter(|kept| kept.index.is_none()).collect();
    assert_eq!(kept.len(), 1, "the only sealed copy of the second password");
    assert!(!session.folder.kept_command(&kept[0].id).unwrap().blobs.is_empty());
    drop(session);
    follow(&town, THEO, &file).await.unwrap();
    follow(&town, NINA, &file).await.unwrap();
    for name in [AWA, BRUNO, CHLOE] {
        follow(&town, name, &file).await.unwrap();
        town.session(name).await;
    }
    let ask = asking("the shop", Seconds::HOUR);
    sequestre::client::request::request(&town.env(NINA), ask).await.unwrap();
    let session = town.session(NINA).await;
    let id = *session.state().unwrap().requests().last_key_value().unwrap().0;
    assert!(session.kept().unwrap().iter().all(|kept| kept.index.is_some()));
    drop(session);
    town.approve(AWA, id).await.unwrap();
    town.approve(BRUNO, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), "the second");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_is_signed_anew_or_told_and_never_deleted() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    for name in PEOPLE {
        town.session(name).await;
    }
    town.stop().await;
    // On the end that both logs have, and not sent yet: a deposit and an agreement.
    let folder = town.folder(BRUNO);
    let mut session = town.env(BRUNO).session().unwrap();
    let request = session.state().unwrap().requests()[&id].clone();
    let act = approval(&request, &[]);
    let head = session.replica.head();
    let now = session.env.now();
    let organisation = session.folder.id;
    let command =
        sequestre::client::session::sign_command(session.identity().unwrap(), organisation, head, now, act).unwrap();
    drop(session);
    let bytes = command.to_wire().encode_to_vec();
    let bytes = [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
    let waiting = folder.join("outbox").join(command.id(organisation).to_string());
    fs::write(&waiting, &bytes).unwrap();
    let (mut house, place) = House::restored(&town, "refuge", CHLOE).await;
    let file = town.root.path().join("move.txt");
    propose(&town, AWA, &place, &file).await.unwrap();
    sign(&town, CHLOE, &file).await.unwrap();
    let arguments = ["--json", "--yes", "--accept-unwitnessed", "move", "follow", file.to_str().unwrap()];
    let (code, out, err) = town.program(BRUNO, &arguments);
    assert_eq!(code, 0, "{err}");
    let told: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(told["do_again"].as_array().unwrap().len(), 1, "{told}");
    assert!(!waiting.exists());
    let aside = folder.join("evidence/given_up").join(waiting.file_name().unwrap());
    assert_eq!(fs::read(aside).unwrap(), bytes, "set aside, not deleted");
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_replica_gives_nothing_up_that_was_not_shown() {
    let town = Town::founded().await;
    let nina = town.folder(NINA);
    // Nina sees an entry that the others never see: the technician puts an older database back.
    town.stop().await;
    let old = Snapshot::of(&town.data());
    town.start().await;
    town.ask(NINA).await;
    town.stop().await;
    old.restore(&town.data());
    town.start().await;
    town.put(THEO, true, "second password of the lake").await.unwrap();
    town.put(THEO, true, "third password of the lake").await.unwrap();
    for name in [AWA, BRUNO, CHLOE] {
        town.session(name).await;
    }
    town.stop().await;
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    let file = signed(&town, &place, "move.txt").await;
    let before = Snapshot::of(&nina);
    let told = failure(follow(&town, NINA, &file).await, Exit::Distrust, "move-follow-give-up").to_string();
    assert!(told.contains("--give-up 1"), "{told}");
    assert!(Snapshot::of(&nina).same(&before));
    let cosignatures = fs::read(nina.join("cosignatures")).unwrap();
    let verb = |n| MoveVerb::Follow { files: vec![file.clone()], give_up: Some(n) };
    failure(moving::run(&town.env(NINA), verb(2)).await, Exit::Distrust, "move-follow-give-up");
    moving::run(&town.env(NINA), verb(1)).await.unwrap();
    // With what others said of what is given up.
    let kept = nina.join("evidence/before-move-2");
    assert!(kept.join("entries").exists());
    assert_eq!(fs::read(kept.join("cosignatures")).unwrap(), cosignatures);
    house.stop().await;
}
