//! The whole story, and what ends it early.

use sequestre::client::session::Session;
use sequestre::escrow::act::RequestedPart;
use sequestre::escrow::id::BlobId;
use sequestre::escrow::made::AtTarget;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::request::{End, Request, Stage};
use sequestre::escrow::text::Text;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::sealing::seal_to;

use crate::house::{House, KEEPERS, until};
use crate::town::{AWA, BRUNO, CHLOE, Kind, MAUD, NINA};

async fn seal(session: &mut Session) {
    let (reason, blob) = session.text(&Text::parse("something is odd").unwrap()).unwrap();
    session.submit(Act::Seal(v1::Seal { reason: reason.to_vec() }), vec![blob]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_made_used_and_gone() {
    let house = House::new(Kind::Here).await;
    assert_eq!(house.verifies().await, Err("NOT_OPEN".to_owned()));
    let window = house.opened(Seconds(8 * 3600)).await;
    assert_eq!(house.verifies().await, Ok(true));
    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    assert!(house.logs_in(&login).await);
    assert_eq!(house.made(&asked).await.password, login.password, "fetched again, it is the same");

    // Time passes at the server, and it ends.
    house.town.pass(Seconds(3601));
    house.gone(asked.id, &login).await;
    assert_eq!((house.roles().await, house.work().await), (0, Vec::new()));

    // Given back early.
    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    house.give_back(&asked).await;
    house.gone(asked.id, &login).await;

    // Longer than the window: it ends before, so that it can be revoked.
    let asked = house.granted(Seconds(20 * 3600)).await;
    house.made(&asked).await;
    let Stage::Leased(window) = house.request(window).await.stage else { panic!("the window is over") };
    let Stage::Leased(lease) = house.request(asked.id).await.stage else { panic!("it is not made") };
    assert!(lease.until() <= window.until().before(Seconds(120)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_wipes_at_once_and_what_is_to_be_revoked_stays_due() {
    let house = House::new(Kind::Here).await;
    let window = house.opened(Seconds(8 * 3600)).await;
    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    seal(&mut house.town.session(AWA).await).await;
    assert_eq!(house.verifies().await, Err("NOT_OPEN".to_owned()));
    assert!(matches!(house.request(window).await.stage, Stage::Ended { how: End::Sealed(_), .. }));
    house.town.pass(Seconds(3601));
    let due =
        async || matches!(house.request(asked.id).await.target, Some(AtTarget::RevocationDue { .. })).then_some(());
    until("the revocation is due", due).await;
    assert!(house.logs_in(&login).await, "nobody can revoke it now, and nothing says that it is");
    let work = until("it says why", async || house.work().await.into_iter().find(|work| work.failure == "closed"));
    assert_eq!(work.await.what, Some(sequestre::proto::api::v1::work::What::Revoke(asked.id)));

    // Reopened, it is done.
    house.opened(Seconds::HOUR).await;
    house.gone(asked.id, &login).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_down_at_the_end_is_revoked_when_it_is_back() {
    let mut house = House::new(Kind::Here).await;
    house.opened(Seconds(8 * 3600)).await;
    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    house.postgres.stop();
    house.town.pass(Seconds(3601));
    until("it was tried in vain", async || {
        house.work().await.into_iter().find(|work| work.failure == "unreachable" && work.attempts >= 2)
    })
    .await;
    house.postgres.run();
    house.gone(asked.id, &login).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_outlives_its_window() {
    let mut house = House::new(Kind::Here).await;
    house.opened(Seconds(2 * 3600)).await;
    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    house.postgres.stop();
    house.town.pass(Seconds(3 * 3600));
    let window = until("the daemon asks for what it needs", async || {
        let session = house.town.session(MAUD).await;
        let asked = |r: &&Request| r.by_daemon && matches!(r.stage, Stage::Waiting);
        session.state().unwrap().live_requests().find(asked).map(|request| request.at.index)
    });
    let window = window.await;
    house.postgres.run();
    assert!(house.logs_in(&login).await);
    house.agree(window).await;
    house.is_open(window).await;
    house.gone(asked.id, &login).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_that_could_not_be_revoked() {
    let house = House::new(Kind::Here).await;
    house.opened(Seconds(600)).await;
    house.town.pass(Seconds(450));
    let asked = house.granted(Seconds::HOUR).await;
    until("it says why", async || house.work().await.into_iter().find(|work| work.failure == "WINDOW_TOO_SHORT"))
        .await;
    assert!(house.request(asked.id).await.target.is_none());
    // Once it is open for longer, it is made.
    house.opened(Seconds(8 * 3600)).await;
    let login = house.made(&asked).await;
    assert!(house.logs_in(&login).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_closes_the_window_and_the_daemon_asks_for_the_rest() {
    let house = House::new(Kind::Here).await;
    let window = house.opened(Seconds(8 * 3600)).await;
    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    house.town.restart().await;
    let again = until("the daemon asks again", async || house.request(window).await.filed_again).await;
    assert!(matches!(house.request(window).await.stage, Stage::Ended { how: End::Closed, .. }));
    assert_eq!(house.verifies().await, Err("NOT_OPEN".to_owned()));
    let request = house.request(again).await;
    assert!(request.by_daemon && request.duration <= Seconds(8 * 3600));
    assert!(house.logs_in(&login).await, "what was made goes on");
    house.town.pass(Seconds(3601));
    house.agree(again).await;
    house.is_open(again).await;
    house.gone(asked.id, &login).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_is_in_escrow_before_the_target_has_it() {
    let house = House::new(Kind::Here).await;
    house.opened(Seconds(8 * 3600)).await;
    house.rotate(1).await;
    until("it is done", async || (house.credential().await.current().unwrap().0 == 2).then_some(())).await;
    assert!(house.credential().await.rotation.is_none());
    assert!(house.postgres.login("keeper", KEEPERS, "members").await.is_err(), "the old one is gone");
    assert_eq!(house.verifies().await, Ok(true));
    // What is open works on, and so does what people can open for themselves.
    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    assert!(house.logs_in(&login).await);
    let id = house.lease_of_the_secret().await;
    house.agree(id.id).await;
    let (user, password) = house.secret_of(&id).await;
    assert!(house.postgres.login(&user, &password, "members").await.is_ok());
    assert_eq!(house.credential().await.dealt_with(2, PartKind::Password), Some(2));
}

/// How often this stands in a process's memory.
fn in_memory(pid: u32, wanted: &str) -> usize {
    use std::os::unix::fs::FileExt as _;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let [start, end] = [start, end].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // Some regions cannot be read by anybody.
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            count += bytes.windows(wanted.len()).filter(|found| *found == wanted.as_bytes()).count();
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn sealing_overwrites_the_secret_in_the_daemons_memory() {
    let house = House::new(Kind::Changed).await;
    house.opened(Seconds::HOUR).await;
    let (pid, _) = house.town.process();
    assert_eq!(in_memory(pid, KEEPERS), 1, "once and no more");
    seal(&mut house.town.session(AWA).await).await;
    assert_eq!(in_memory(pid, KEEPERS), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_secret_is_in_the_daemons_log() {
    let house = House::new(Kind::Program).await;
    house.opened(Seconds(8 * 3600)).await;
    let asked = house.granted(Seconds::HOUR).await;
    let login = house.made(&asked).await;
    house.give_back(&asked).await;
    house.gone(asked.id, &login).await;
    house.rotate(1).await;
    until("it is done", async || (house.credential().await.current().unwrap().0 == 2).then_some(())).await;
    let id = house.lease_of_the_secret().await;
    house.agree(id.id).await;
    let (_, password) = house.secret_of(&id).await;
    let (_, printed) = house.town.process();
    let printed = String::from_utf8_lossy(&printed);
    assert!(printed.contains("a lease is gone from its target") && printed.contains("a rotation is over"));
    for secret in [KEEPERS, login.password.as_str(), password.as_str()] {
        assert!(!printed.contains(secret));
    }
}

/// A share that is of no use to the server costs nobody else's, and the technician's log says whose it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_share_for_the_server_is_named_and_the_others_open_it() {
    let house = House::new(Kind::Program).await;
    let id = house.unseal(NINA, Seconds::HOUR).await;
    let mut session = house.town.session(BRUNO).await;
    let request = session.state().unwrap().request(id).unwrap().clone();
    let garbage = |asked: &RequestedPart| seal_to(&asked.recipient, b"not a share").unwrap();
    let bad: Vec<Vec<u8>> = request.parts.iter().map(garbage).collect();
    let released = bad.iter().map(|blob| v1::Released { shares: vec![BlobId::of(blob).to_vec()] });
    let approve = v1::Approve {
        request_index: id,
        request_leaf: request.at.leaf.to_vec(),
        parts: request.parts.iter().map(|asked| (*asked).into()).collect(),
        expires: request.expires.0,
        released: released.collect(),
    };
    session.submit(Act::Approve(approve), Vec::new()).await.unwrap();
    let (organisation, bruno) = (session.folder.id, session.me());
    session.remote().await.unwrap().put_blobs(organisation, bad).await.unwrap();
    drop(session);
    house.town.approve(CHLOE, id).await.unwrap();
    let work =
        until("it says why", async || house.work().await.into_iter().find(|work| work.failure == "shares-bad"));
    work.await;
    house.town.approve(AWA, id).await.unwrap();
    house.is_open(id).await;
    let (_, printed) = house.town.process();
    let printed = String::from_utf8_lossy(&printed);
    let named: Vec<_> = printed.lines().filter(|line| line.contains("somebody's share is of no use")).collect();
    assert!(!named.is_empty() && named.iter().all(|line| line.contains(&format!("#{bruno}"))), "{named:?}");
}
