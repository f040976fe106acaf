//! The one test that waits for the real clock. It comes first by name, so that the others run beside it.

use std::time::Duration;

use sequestre::client::failure::Exit;
use sequestre::escrow::credential::Urgency;
use sequestre::escrow::entry::{DaemonAct, Entry, What};
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::time::Seconds;

use crate::town::*;

/// How late the daemon may be, in seconds: it looks at its clock every second, and the machine may be busy.
const LATE: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shortest_lease_ends_by_itself() {
    let town = Town::founded().await;
    town.thaw();
    let id = town.granted(NINA, Seconds::MINUTE).await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    let Stage::Leased(lease) = town.request(NINA, id).await.stage else { panic!() };
    let left = town.now().until(lease.until()).0;
    assert!((1..=60).contains(&left), "{left}");
    tokio::time::sleep(Duration::from_secs(left.saturating_sub(10))).await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD, "it does not end early");

    // Nobody calls the daemon any more: only its database is looked at.
    let entries = town.entries();
    town.grown(entries + 1).await;
    let sql = "SELECT bytes FROM entry ORDER BY position DESC LIMIT 1";
    let bytes: Vec<u8> = town.database().query_row(sql, [], |row| row.get(0)).unwrap();
    let entry = Entry::parse(&bytes).unwrap();
    let What::Act(signed) = &entry.what else { panic!("not an act of the daemon") };
    assert_eq!(signed.act, DaemonAct::LeaseExpired(id));
    let late = lease.until().0..=lease.until().0 + LATE;
    assert!(late.contains(&entry.time.0), "{} {late:?}", entry.time.0);

    failure(town.open(NINA, id).await, Exit::Refused, "failed-access-over");
    assert!(matches!(town.request(NINA, id).await.stage, Stage::Ended { how: End::LeaseExpired, .. }));
    assert_eq!(town.due().await, Some(Urgency::Later));
}
