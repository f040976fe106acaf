//! Moves that give something up, replicas of other lengths than the move names, and exchanges that are interrupted.

use std::fs;
use std::path::{Path, PathBuf};

use sequestre::client::audit;
use sequestre::client::failure::Exit;
use sequestre::client::home::Home;
use sequestre::client::moving::{self, MoveVerb};
use sequestre::client::session::{Env, Session};
use sequestre::escrow::id::InvitationId;
use sequestre::escrow::role::Role;
use sequestre::escrow::text::Text;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::secret::Secret;

use crate::house::*;
use crate::town::*;

fn snapshot(town: &Town, whose: &str) -> (PathBuf, Snapshot) {
    let folder = town.folder(whose);
    let files = Snapshot::of(&folder);
    (folder, files)
}

/// The server is gone, and the only copy at hand is one of before all this: Théo's new account, Nina's request, and
/// what others said to it. Gives the new server and the file of its place.
async fn last_week(town: &Town) -> (House, PathBuf, u64) {
    let (_, old) = snapshot(town, BRUNO);
    let before = town.entries();
    sequestre::client::deposit::deposit(&town.env(THEO), account("the shop", false, "password of the shop"))
        .await
        .unwrap();
    let id = town.ask(NINA).await;
    town.approve(BRUNO, id).await.unwrap();
    for name in PEOPLE {
        town.session(name).await;
    }
    town.stop().await;
    let copy = town.root.path().join("last week");
    old.restore(&copy);
    let mut house = House::empty(town, "refuge");
    let place = house.restore(&[copy]).unwrap().path;
    house.start(town).await;
    (house, place, town.entries() - before)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_counted_kept_and_signed_anew() {
    let town = Town::founded().await;
    let (mut house, place, lost) = last_week(&town).await;
    // Bruno's computer also said that his new parts of keys open.
    assert_eq!(lost, 4);
    let file = town.root.path().join("move.txt");
    for wrong in [None, Some(lost - 1), Some(lost + 1)] {
        let answer = giving_up(&town, AWA, &place, &file, wrong).await;
        assert!(failure(answer, Exit::Usage, "move-give-up").to_string().contains(&format!("--give-up {lost}")));
    }
    assert!(!file.exists());
    giving_up(&town, AWA, &place, &file, Some(lost)).await.unwrap();
    // Whoever signs sees it, too.
    let copy = town.root.path().join("copy.txt");
    fs::copy(&file, &copy).unwrap();
    let (code, shown, _) = town.program(BRUNO, &["move", "sign", copy.to_str().unwrap(), "--yes"]);
    assert_eq!(code, 0);
    assert!(shown.contains("These 4 entries are given up") && shown.contains("the shop"), "{shown}");
    for said in ["4 entries would be lost", "Théo (1)", "Nina (1)", "Bruno (2)", "a second signature is due from"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    sign(&town, BRUNO, &file).await.unwrap();
    town.pass(DELAY);
    again(&town, &file, &[AWA, BRUNO]).await;

    let before = fs::read(town.folder(NINA).join("entries")).unwrap();
    follow(&town, NINA, &file).await.unwrap();
    let kept = town.folder(NINA).join("evidence/before-move-2/entries");
    assert_eq!(fs::read(kept).unwrap(), before, "nothing of what she had is thrown away");
    follow(&town, THEO, &file).await.unwrap();
    assert_eq!(town.session(THEO).await.state().unwrap().credentials().len(), 2, "signed anew");
    // An agreement to entry 27 cannot become one to another entry by itself.
    let to_do_again = |name: &str| {
        let aside = fs::read_dir(town.folder(name).join("evidence/given_up"));
        aside.map_or(0, |aside| aside.map(|f| fs::read(f.unwrap().path()).unwrap().len()).filter(|n| *n > 0).count())
    };
    follow(&town, BRUNO, &file).await.unwrap();
    assert!(to_do_again(BRUNO) > 0);
    // A request lives no longer than the delay took: Nina is told to ask again.
    assert!(town.session(NINA).await.state().unwrap().requests().is_empty());
    assert!(to_do_again(NINA) > 0);
    for name in [AWA, CHLOE, MAUD] {
        follow(&town, name, &file).await.unwrap();
        assert_eq!(to_do_again(name), 0);
    }
    let id = town.ask(NINA).await;
    town.approve(BRUNO, id).await.unwrap();
    town.approve(CHLOE, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    // And so is the account that was deposited anew.
    let ask = asking("the shop", Seconds::HOUR);
    sequestre::client::request::request(&town.env(NINA), ask).await.unwrap();
    let session = town.session(NINA).await;
    let id = *session.state().unwrap().requests().last_key_value().unwrap().0;
    drop(session);
    town.approve(AWA, id).await.unwrap();
    town.approve(BRUNO, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), "password of the shop");
    house.stop().await;
    assert_eq!(house.findings(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_on_its_way_arrives_at_the_new_server() {
    let town = Town::founded().await;
    let (_, old) = snapshot(&town, BRUNO);
    town.ask(NINA).await;
    town.session(BRUNO).await;
    let mut session = town.session(AWA).await;
    town.stop().await;
    // Signed on an end that is given up, and never sent.
    let (name, blob) = session.text(&Text::parse("Omar").unwrap()).unwrap();
    let invitation = InvitationId::of_token(&[7; 32]);
    let invite = Act::Invite(v1::Invite {
        invitation: invitation.to_vec(),
        roles: vec![Role::Member as i32],
        name: name.to_vec(),
        expires: town.now().after(Seconds::DAY).0,
    });
    failure(session.submit(invite, vec![blob]).await, Exit::Unreachable, "failed-unreachable");
    drop(session);
    assert_eq!(town.marks(AWA).waiting.len(), 1);
    let copy = town.root.path().join("older");
    old.restore(&copy);
    let mut house = House::empty(&town, "refuge");
    let place = house.restore(&[copy]).unwrap().path;
    house.start(&town).await;
    let file = given_up(&town, &place, "move.txt", 1).await;
    follow(&town, AWA, &file).await.unwrap();
    assert_eq!(town.marks(AWA).waiting.len(), 0);
    let session = town.session(AWA).await;
    // Its code leads to the old server: what would be signed anew is of no use to whoever holds it.
    assert!(!session.state().unwrap().invitations().contains_key(&invitation));
    assert_eq!(fs::read_dir(session.folder.join("evidence/given_up")).unwrap().count(), 1);
    drop(session);
    house.stop().await;
    assert_eq!(house.findings(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_computer_that_was_added_after_the_prefix_is_added_again() {
    let town = Town::founded().await;
    let (_, old) = snapshot(&town, BRUNO);
    // Nina's telephone: her words and a card.
    let card = sequestre::client::join::contact_card(&town.session(MAUD).await).unwrap();
    let words = Secret::new(fs::read(town.root.path().join("people").join(NINA).join("words")).unwrap());
    let env = Env { home: Home::new(town.root.path().join("telephone")), ..town.env(NINA) };
    let before = town.entries();
    sequestre::client::join::restore_identity(&env, &words, &card).await.unwrap();
    for name in PEOPLE {
        town.session(name).await;
    }
    let lost = town.entries() - before;
    town.stop().await;
    let copy = town.root.path().join("older");
    old.restore(&copy);
    let mut house = House::empty(&town, "refuge");
    let place = house.restore(&[copy]).unwrap().path;
    house.start(&town).await;
    let file = given_up(&town, &place, "move.txt", lost).await;
    let follow_there = MoveVerb::Follow { files: vec![file.clone()], give_up: None };
    // The new server does not know it, and waits for somebody whom it knows.
    failure(moving::run(&env, follow_there).await, Exit::Unreachable, "move-others-first");
    follow(&town, NINA, &file).await.unwrap();
    follow_in(&env, &file).await;
    let mut session = env.session().unwrap();
    session.sync().await.unwrap();
    assert!(session.state().unwrap().device_owner(&session.device.id()).is_some());
    drop(session);
    house.stop().await;
    assert_eq!(house.findings(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_replica_proposes_nothing_signs_only_when_told_to_and_follows() {
    let town = Town::founded().await;
    let (awa, short) = snapshot(&town, AWA);
    let (nina, member) = snapshot(&town, NINA);
    town.put(THEO, true, "second password of the lake").await.unwrap();
    for name in PEOPLE {
        town.session(name).await;
    }
    town.stop().await;
    let (mut house, place) = House::restored(&town, "refuge", BRUNO).await;
    short.restore(&awa);
    member.restore(&nina);
    let file = town.root.path().join("move.txt");
    failure(propose(&town, AWA, &place, &file).await, Exit::Failed, "move-behind");
    propose(&town, BRUNO, &place, &file).await.unwrap();
    failure(sign(&town, AWA, &file).await, Exit::Failed, "move-unseen");
    let unseen = MoveVerb::Sign { file: file.clone(), unseen: true };
    moving::run(&town.env(AWA), unseen).await.unwrap();
    for name in [NINA, AWA] {
        follow(&town, name, &file).await.unwrap();
        assert!(!town.folder(name).join("evidence/before-move-2").exists(), "nothing was given up");
        let session = town.session(name).await;
        assert_eq!(session.state().unwrap().moves().len(), 1);
    }
    let id = town.ask(NINA).await;
    town.approve(AWA, id).await.unwrap();
    follow(&town, CHLOE, &file).await.unwrap();
    town.approve(CHLOE, id).await.unwrap();
    assert_eq!(town.open(NINA, id).await.unwrap(), "second password of the lake");
    house.stop().await;
}

/// A home of its own for one state of Nina's folder.
fn nina_in(town: &Town, place: &Path, files: &Snapshot, folder: &Path) -> Env {
    let id = folder.file_name().unwrap();
    files.restore(&place.join("organisations").join(id));
    fs::copy(town.env(NINA).home.path().join("identity.age"), place.join("identity.age")).unwrap();
    Env { home: Home::new(place.to_owned()), ..town.env(NINA) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_was_interrupted_is_finished_wherever_it_stopped() {
    let town = Town::founded().await;
    let (mut house, place, lost) = last_week(&town).await;
    let file = given_up(&town, &place, "move.txt", lost).await;
    let (folder, old) = snapshot(&town, NINA);
    let folder: PathBuf = folder.components().collect();
    follow(&town, AWA, &file).await.unwrap();
    let copy = town.root.path().join("copy");
    audit::export(&town.env(AWA), &copy).await.unwrap();
    let files = ["entries", "checkpoint", "contact.json"];
    let me = |name: &str| town.env(name).session().unwrap().me().to_string();
    let (awa, nina) = (me(AWA), me(NINA));
    let read = |name: &&str| fs::read(town.folder(AWA).join(name)).unwrap();
    let mut fresh: Vec<Vec<u8>> = files.iter().map(read).collect();
    fresh[2] = String::from_utf8(fresh[2].clone()).unwrap().replace(&awa, &nina).into_bytes();
    // Every point between two steps: each file is first kept, then exchanged.
    for done in 0..=2 * files.len() {
        let home = town.root.path().join(format!("nina {done}"));
        let env = nina_in(&town, &home, &old, &folder);
        let at = home.join("organisations").join(folder.file_name().unwrap());
        let (moving, kept) = (at.join("moving"), at.join("evidence/before-move-2"));
        fs::create_dir_all(&moving).unwrap();
        fs::create_dir_all(&kept).unwrap();
        fs::write(at.join("evidence/stop"), "distrust-fork").unwrap();
        fs::write(moving.join("ready"), "before-move-2").unwrap();
        for (name, content) in files.iter().zip(&fresh) {
            fs::write(moving.join(name), content).unwrap();
        }
        let before: Vec<Vec<u8>> = files.iter().map(|name| fs::read(at.join(name)).unwrap()).collect();
        for step in 0..done {
            let name = files[step / 2];
            match step % 2 {
                0 => drop(fs::copy(at.join(name), kept.join(name)).unwrap()),
                _ => fs::rename(moving.join(name), at.join(name)).unwrap(),
            }
        }
        if done % 2 == 1 {
            // Another verb that reads the replica comes first.
            audit::verify::verify(&env, &copy, None).unwrap();
            assert!(!moving.exists(), "after {done} steps");
        }
        let session = env.session().unwrap();
        assert_eq!(session.contact.address, address(&town, AWA));
        assert!(session.replica.stopped().is_none() && kept.join("stop").exists());
        assert!(!moving.exists(), "after {done} steps");
        for (name, content) in files.iter().zip(&before) {
            assert_eq!(&fs::read(kept.join(name)).unwrap(), content, "{name} after {done} steps");
        }
    }
    // Without `ready` nothing was decided yet.
    let home = town.root.path().join("nina before");
    let env = nina_in(&town, &home, &old, &folder);
    let at = home.join("organisations").join(folder.file_name().unwrap());
    fs::create_dir_all(at.join("moving")).unwrap();
    fs::write(at.join("moving/entries"), &fresh[0]).unwrap();
    assert_eq!(env.session().unwrap().contact.address, town.address());
    follow_in(&env, &file).await;
    house.stop().await;
}

async fn follow_in(env: &Env, file: &Path) {
    moving::run(env, MoveVerb::Follow { files: vec![file.to_owned()], give_up: None }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_is_signed_anew_even_if_the_new_server_fails_in_between() {
    let town = Town::founded().await;
    let (mut house, place, lost) = last_week(&town).await;
    let file = given_up(&town, &place, "move.txt", lost).await;
    // The new server goes down just after Théo's computer has exchanged everything.
    let env = house.stopping_once_followed(&town, THEO);
    let cut = moving::run(&env, MoveVerb::Follow { files: vec![file.clone()], give_up: None }).await;
    failure(cut, Exit::Unreachable, "failed-unreachable");
    let lost = |session: &Session| session.kept().unwrap().iter().filter(|kept| kept.index.is_none()).count();
    let session = town.env(THEO).session().unwrap();
    assert_eq!((lost(&session), session.state().unwrap().credentials().len()), (1, 1));
    drop(session);
    house.start(&town).await;
    follow(&town, THEO, &file).await.unwrap();
    let session = town.session(THEO).await;
    assert_eq!((lost(&session), session.state().unwrap().credentials().len()), (0, 2));
    drop(session);
    house.stop().await;
}
