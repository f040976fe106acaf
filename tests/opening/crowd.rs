//! A thousand leases that end in the same second, while others are served.

use std::time::{Duration, Instant};

use prost::Message as _;
use sequestre::client::session::sign_command;
use sequestre::daemon::config::Overrides;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::role::Role;
use sequestre::escrow::text::Text;
use sequestre::escrow::time::Seconds;
use sequestre::proto::api::v1 as api;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::sharing::MasterKey;
use tonic_types::StatusExt as _;

use crate::house::{House, asked, client};
use crate::town::{AWA, BRUNO, CHLOE, Kind, MAUD, NINA, THEO};

const EACH: usize = 250;
const PEOPLE: [&str; 4] = [NINA, AWA, BRUNO, THEO];

/// From now on everybody gets a lease without a signature, as often as they like.
async fn open_to_all(house: &House) {
    let mut session = house.town.session(AWA).await;
    let charter = session.state().unwrap().charter().unwrap().wire().clone();
    let mut charter = v1::Charter::decode(charter.encode_to_vec().as_slice()).unwrap();
    charter.version += 1;
    charter.limits = Some(v1::Limits { entries_per_day: 100_000, bytes_per_day: 1 << 30 });
    let mut roles: Vec<i32> = Role::ALL.iter().map(|role| *role as i32).collect();
    roles.sort_unstable();
    for vault in &mut charter.vaults {
        vault.askers = Some(v1::Who { roles: roles.clone(), persons: Vec::new() });
        vault.unasked = vault.askers.clone();
    }
    let proposal = v1::ProposeCharter { charter: Some(charter), roll: Vec::new() };
    let id = session.submit(Act::ProposeCharter(proposal), Vec::new()).await.unwrap();
    drop(session);
    for name in [BRUNO, CHLOE] {
        let in_force = house.town.session(name).await.state().unwrap().charter().unwrap().limits().entries_per_day;
        if in_force != 100_000 {
            house.town.approve(name, id).await.unwrap();
        }
    }
}

/// Somebody takes their leases one after the other, each as soon as the one before is made.
async fn take(house: &House, name: &str) {
    let mut session = house.town.session(name).await;
    let part = session.state().unwrap().current_part(&house.account, PartKind::Password).unwrap();
    let (base, now, organisation) = (session.replica.head(), session.env.now(), session.folder.id);
    let mut client = client(&house.town, name).await;
    for _ in 0..EACH {
        let key = MasterKey::generate().unwrap();
        let (reason, blob) = session.text(&Text::parse("look after the members").unwrap()).unwrap();
        let request = v1::Request {
            parts: vec![asked(part, (*key.recipient()).into(), None)],
            purpose: v1::Purpose::Mint as i32,
            reason: reason.to_vec(),
            duration: 3600,
            expires: now.0 + 7200,
            ..v1::Request::default()
        };
        let signed =
            sign_command(session.identity().unwrap(), organisation, base, now, Act::Request(request)).unwrap();
        let submission = api::SubmitRequest {
            organisation: organisation.to_vec(),
            command: Some(signed.to_wire()),
            blobs: vec![api::Blob { content: blob.into() }],
            founding_token: Vec::new(),
        };
        while let Err(status) = client.submit(submission.clone()).await {
            assert_eq!(status.get_details_error_info().unwrap().reason, "ALREADY_REQUESTED", "{status:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The 99th percentile of how long somebody else waits for an answer, while this goes on.
async fn waiting(house: &House, mut goes_on: impl AsyncFnMut(usize) -> bool) -> (Duration, usize) {
    let mut client = client(&house.town, MAUD).await;
    let organisation = house.organisation();
    let mut times = Vec::new();
    while goes_on(times.len()).await {
        let begun = Instant::now();
        client.get_checkpoint(api::GetCheckpointRequest { organisation: organisation.clone() }).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    (times[times.len() * 99 / 100], times.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_leases_end_in_the_same_second() {
    let house = House::new(Kind::Here).await;
    open_to_all(&house).await;
    house.town.stop().await;
    house.town.start_with(Overrides { requests_per_minute: Some(1_000_000), ..Overrides::default() }).await;
    house.opened(Seconds(8 * 3600)).await;
    let begun = Instant::now();
    let [a, b, c, d] = PEOPLE.map(|name| take(&house, name));
    tokio::join!(a, b, c, d);
    let all = (EACH * PEOPLE.len()) as i64;
    while house.roles().await < all {
        assert!(begun.elapsed() < Duration::from_secs(600), "the leases are not made");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let made = begun.elapsed();

    let (quiet, _) = waiting(&house, async |count| count < 500).await;
    let begun = Instant::now();
    house.town.pass(Seconds(3601));
    let superuser = house.postgres.superuser("members").await;
    let mut left = all;
    let (busy, answers) = waiting(&house, async |count| {
        assert!(begun.elapsed() < Duration::from_secs(600), "{left} leases are left");
        if count % 20 == 0 {
            let sql = "SELECT count(*) FROM pg_authid WHERE rolname LIKE 'seq-%'";
            left = superuser.query_one(sql, &[]).await.unwrap().get(0);
        }
        left > 0
    })
    .await;
    let revoked = begun.elapsed();
    println!(
        "{all} leases made in {made:?}, gone in {revoked:?}; p99 of {answers} answers meanwhile {busy:?}, quiet {quiet:?}"
    );
    assert!(answers > 100, "hardly anybody was answered");
    assert!(busy < (quiet * 20).max(Duration::from_secs(1)), "{busy:?}, quiet {quiet:?}");
    // And the log says so of each.
    crate::house::until("everything is in the log", async || house.work().await.is_empty().then_some(())).await;
}
