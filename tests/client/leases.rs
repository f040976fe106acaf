//! How access ends: by time, by return, by revocation, and when nobody fetched it.

use sequestre::client::failure::Exit;
use sequestre::client::request;
use sequestre::client::status;
use sequestre::escrow::credential::Urgency;
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::time::Seconds;

use crate::town::*;

/// The key of a request lies in the asking home, and only there, until the request is over.
fn keys(town: &Town, name: &str) -> usize {
    std::fs::read_dir(town.folder(name).join("keys")).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_ends_by_time() {
    let town = Town::founded().await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    town.pass(Seconds(3 * 3600));
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD, "it begins when it is fetched");
    town.pass(Seconds(3599));
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    assert_eq!((town.due().await, keys(&town, NINA)), (None, 1));
    let entries = town.entries();
    town.pass(Seconds(1));
    failure(town.open(NINA, id).await, Exit::Refused, "failed-access-over");
    town.grown(entries + 1).await;
    assert_eq!(town.due().await, Some(Urgency::Later));
    assert!(matches!(town.request(NINA, id).await.stage, Stage::Ended { how: End::LeaseExpired, .. }));
    assert_eq!(keys(&town, NINA), 0);
    let revoke = async |env: &_| request::revoke(env, id, "too late").await;
    town.fails(BRUNO, revoke, Exit::Refused, "refused-request-closed").await;
    let give_back = async |env: &_| request::give_back(env, id).await;
    town.fails(NINA, give_back, Exit::Refused, "refused-request-closed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_ends_by_return() {
    let town = Town::founded().await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    town.open(NINA, id).await.unwrap();
    request::give_back(&town.env(NINA), id).await.unwrap();
    assert_eq!(keys(&town, NINA), 0);
    failure(town.open(NINA, id).await, Exit::Refused, "failed-access-over");
    assert_eq!(town.due().await, Some(Urgency::Later));
    // Granted and never fetched: Nina may know it all the same.
    town.put(THEO, true, "second").await.unwrap();
    assert_eq!(town.due().await, None);
    let id = town.granted(NINA, Seconds::HOUR).await;
    request::give_back(&town.env(NINA), id).await.unwrap();
    failure(town.open(NINA, id).await, Exit::Refused, "failed-access-over");
    assert_eq!(town.due().await, Some(Urgency::Later));
    // Withdrawn before anybody agreed: nobody knows it.
    town.put(THEO, true, "third").await.unwrap();
    let id = town.ask(NINA).await;
    request::give_back(&town.env(NINA), id).await.unwrap();
    assert_eq!(town.due().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_ends_by_revocation() {
    let town = Town::founded().await;
    let waiting = town.ask(NINA).await;
    let revoke = async |env: &_| request::revoke(env, waiting, "no").await;
    town.fails(BRUNO, revoke, Exit::Refused, "refused-nothing-to-end").await;
    town.approve(BRUNO, waiting).await.unwrap();
    town.approve(CHLOE, waiting).await.unwrap();
    town.open(NINA, waiting).await.unwrap();
    // Awa did not approve it; any trustee ends it.
    request::revoke(&town.env(AWA), waiting, "the laptop was stolen").await.unwrap();
    failure(town.open(NINA, waiting).await, Exit::Refused, "failed-access-revoked");
    assert_eq!((town.due().await, keys(&town, NINA)), (Some(Urgency::Now), 0));
    // What lies on the server is gone, too.
    let shares: i64 = town.database().query_row("SELECT count(*) FROM share", [], |row| row.get(0)).unwrap();
    assert_eq!(shares, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_that_nobody_fetched_runs_from_the_expiry() {
    let town = Town::founded().await;
    let id = town.granted(NINA, Seconds(2 * 3600)).await;
    let expires = town.request(NINA, id).await.expires;
    town.pass(Seconds(72 * 3600 + 60));
    // The daemon looks at its clock every half minute, too: on a slow machine the end may stand in the log already.
    let Err(answer) = town.open(NINA, id).await else { panic!("opened after the expiry") };
    assert!(["refused-request-expired", "failed-access-over"].contains(&answer.key()), "{answer}");
    let Stage::Leased(lease) = town.request(NINA, id).await.stage else { panic!() };
    assert_eq!((lease.since(), lease.until(), lease.collected()), (expires, expires.after(Seconds(7200)), false));
    failure(town.open(NINA, id).await, Exit::Refused, "failed-access-over");
    assert_eq!(town.due().await, None);
    town.pass(Seconds(2 * 3600));
    // The daemon looks at its clock when somebody writes, and by itself within half a minute.
    town.session(BRUNO).await;
    assert!(matches!(town.request(NINA, id).await.stage, Stage::Ended { how: End::LeaseExpired, .. }));
    assert_eq!(town.due().await, Some(Urgency::Later));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_outlive_the_daemon() {
    let town = Town::founded().await;
    let id = town.ask(NINA).await;
    town.restart().await;
    town.approve(BRUNO, id).await.unwrap();
    town.pass(Seconds(71 * 3600));
    town.restart().await;
    town.approve(CHLOE, id).await.unwrap();
    town.restart().await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    town.restart().await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    // It ends while the daemon is away, and one that nobody granted, too.
    let waiting = town.ask(AWA).await;
    town.stop().await;
    town.pass(Seconds(80 * 3600));
    failure(town.env(NINA).session().unwrap().sync().await, Exit::Unreachable, "failed-unreachable");
    // Reading works without the server, and a lease that is over by the clock is not shown.
    status::leases(&town.env(NINA), true).await.unwrap();
    failure(open(&mut town.env(NINA).session().unwrap(), id).await, Exit::Refused, "failed-access-over");
    let entries = town.entries();
    town.start().await;
    town.grown(entries + 2).await;
    assert!(matches!(town.request(NINA, id).await.stage, Stage::Ended { how: End::LeaseExpired, .. }));
    assert!(matches!(town.request(NINA, waiting).await.stage, Stage::Ended { how: End::Expired, .. }));
    assert_eq!(town.due().await, Some(Urgency::Later));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_ignores_the_end_gets_nothing() {
    let town = Town::founded().await;
    let id = town.granted(NINA, Seconds::HOUR).await;
    let collect = async |name: &str| {
        let mut session = town.session(name).await;
        let organisation = session.folder.id;
        session.remote().await.unwrap().collect(organisation, id).await
    };
    for name in [BRUNO, MAUD, THEO] {
        failure(collect(name).await, Exit::Refused, "refused-not-yours");
    }
    assert!(!collect(NINA).await.unwrap().is_empty());
    town.pass(Seconds::HOUR);
    failure(collect(NINA).await, Exit::Refused, "refused-request-closed");
    let entries = town.entries();
    failure(collect(NINA).await, Exit::Refused, "refused-request-closed");
    assert_eq!(town.entries(), entries);
}
