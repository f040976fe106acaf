//! Recover, restore, move: what was given without the server reaches the log that goes on, as its giver signed it,
//! from whoever's computer.

use sequestre::client::deposit;
use sequestre::client::recover::finish::Finishing;
use sequestre::client::session;
use sequestre::escrow::credential::Urgency;

use crate::entered::recoveries;
use crate::house::*;
use crate::refuge::{House, follow, given_up};
use crate::town::*;

/// The town's server is gone; another is restored from this older copy of Bruno's. Gives it, and the signed move.
async fn moves(town: &Town, old: &Snapshot, known: u64) -> (House, std::path::PathBuf) {
    let copy = file(town, "last week");
    old.restore(&copy);
    let mut house = House::empty(town, "refuge");
    let place = house.restore(&[copy]).unwrap().path;
    house.start(town).await;
    let to = given_up(town, &place, "move.txt", town.entries() - known).await;
    (house, to)
}

/// Something that the older copy does not have.
async fn grow(town: &Town) {
    deposit::deposit(&town.env(THEO), account("the shop", false, "password of the shop")).await.unwrap();
    for name in PEOPLE {
        town.session(name).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waited_is_entered_at_the_new_server_in_its_givers_name() {
    let town = Town::founded().await;
    let (old, known) = (Snapshot::of(&town.folder(BRUNO)), town.entries());
    grow(&town).await;
    town.stop().await;
    // Chloé drops in at Bruno's, and answers Awa at home.
    let visiting = Finishing { words_files: vec![words(&town, CHLOE)], ..finishing(&town, &[], "all.json") };
    assert_eq!(open_with(&town.env(BRUNO), visiting).unwrap().len(), 2);
    let request = ask_all(&town, AWA, "request.txt");
    reply(&town, CHLOE, AWA, &request, "chloe.txt").unwrap();

    let (mut house, to) = moves(&town, &old, known).await;
    for name in [AWA, MAUD, BRUNO] {
        follow(&town, name, &to).await.unwrap();
    }
    assert_eq!(waiting(&town.folder(BRUNO)), 0);
    assert_eq!(recoveries(&town).await, [(BRUNO.to_owned(), vec![CHLOE.to_owned()])]);
    // The part of it that was lost with the end of the log kept nothing else out.
    assert_eq!(town.due().await, Some(Urgency::Now));
    follow(&town, CHLOE, &to).await.unwrap();
    let mut all = recoveries(&town).await;
    all.sort();
    let by_chloe = |starter: &str| (starter.to_owned(), vec![CHLOE.to_owned()]);
    assert_eq!(all, [by_chloe(AWA), by_chloe(BRUNO)]);
    house.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stood_in_the_lost_end_is_carried_by_anybody_who_has_it() {
    let town = Town::founded().await;
    let (old, known) = (Snapshot::of(&town.folder(BRUNO)), town.entries());
    let request = ask_all(&town, AWA, "request.txt");
    reply(&town, CHLOE, AWA, &request, "chloe.txt").unwrap();
    session::sync(&town.env(CHLOE)).await.unwrap();
    for name in PEOPLE {
        town.session(name).await;
    }
    assert_eq!(recoveries(&town).await.len(), 1);
    town.stop().await;
    let (mut house, to) = moves(&town, &old, known).await;
    // Not Chloé: her computer burnt, too.
    for name in [MAUD, AWA] {
        follow(&town, name, &to).await.unwrap();
    }
    assert_eq!(recoveries(&town).await, [(AWA.to_owned(), vec![CHLOE.to_owned()])]);
    assert_eq!(town.due().await, Some(Urgency::Now));
    house.stop().await;
}
