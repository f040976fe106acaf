//! A backup that is taken while something is open and made: what is found of it when it is put back.

use std::fs;

use sequestre::escrow::time::Seconds;
use sequestre::proto::api::v1 as api;
use sequestre::store::DATABASE;
use sequestre::store::backup::backup;
use sequestre::store::fsck::fsck;
use tonic_types::StatusExt as _;

use crate::house::{House, until};
use crate::killed::reopen;
use crate::town::{Kind, NINA};

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_was_made_before_the_backup_is_taken_away_after_it() {
    let house = House::new(Kind::Here).await;
    house.opened(Seconds(8 * 3600)).await;
    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    assert_eq!(fsck(&house.town.data()).unwrap().findings, []);

    let copy = house.town.root.path().join("copy.db");
    backup(&house.town.data(), &copy).unwrap();
    house.town.stop().await;
    // A daemon that ended leaves nothing that SQLite would apply to the copy.
    assert!(!house.town.data().join(format!("{DATABASE}-wal")).exists());
    fs::rename(&copy, house.town.data().join(DATABASE)).unwrap();
    assert_eq!(fsck(&house.town.data()).unwrap().findings, []);
    assert!(house.logs_in(&login).await);

    // What was open is closed, as after every restart; what was made is known, and taken away.
    reopen(&house).await;
    house.give_back(&asked).await;
    house.gone(asked.id, &login).await;
    assert_eq!(house.roles().await, 0);

    // A login that is in no copy's shares is not handed out a second time, and a new one is.
    let again = house.granted(Seconds::HOUR).await;
    let other = house.made(&again).await;
    assert!(house.logs_in(&other).await);
    let organisation = house.organisation();
    let collect = api::CollectRequest { organisation, request_index: asked.id };
    let refused = house.client(NINA).await.collect(collect).await.unwrap_err();
    assert!(!refused.get_details_error_info().unwrap().reason.is_empty());
    until("it runs", async || house.request(again.id).await.collected.then_some(())).await;
}
