//! The daemon is killed before, while and after something is done at a target: no password is lost, no revocation
//! forgotten.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sequestre::escrow::made::AtTarget;
use sequestre::escrow::request::{Request, Stage};
use sequestre::escrow::time::Seconds;
use sequestre::store::fsck::fsck;

use crate::chance::{Chance, number};
use crate::house::{House, Login, until};
use crate::proxy::Fault;
use crate::town::{Kind, MAUD};

/// What a daemon leaves that was killed, or stopped: opened anew, it goes on.
pub async fn reopen(house: &House) {
    // What the process before asked for is closed: its keys are gone.
    let before = house.town.entries();
    house.town.start().await;
    let window = until("the daemon asks again", async || {
        let session = house.town.session(MAUD).await;
        let state = session.state().unwrap();
        let asked = |r: &&Request| r.by_daemon && r.at.index >= before && matches!(r.stage, Stage::Waiting);
        state.live_requests().find(asked).map(|request| request.at.index)
    });
    let window = window.await;
    house.agree(window).await;
    house.is_open(window).await;
}

/// Kills the daemon in the moment in which this statement is on its way (it does not arrive) or was carried out (its
/// answer does not arrive).
async fn kill_at(house: &House, arrives: bool) {
    let case = format!("the statement, arrives: {arrives}");
    until(&case, async || house.proxy.is_spent().then_some(())).await;
    house.town.kill();
}

fn arm(house: &House, statement: &str, arrives: bool) {
    house.proxy.arm(statement.as_bytes(), if arrives { Fault::Answer } else { Fault::Request });
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_lease_is_made() {
    let house = House::new(Kind::Changed).await;
    house.opened(Seconds(8 * 3600)).await;
    for (statement, arrives) in [("BEGIN", false), ("COMMIT", false), ("COMMIT", true)] {
        arm(&house, statement, arrives);
        let asked = house.granted(Seconds::HOUR).await;
        kill_at(&house, arrives).await;
        assert_eq!(house.roles().await, i64::from(arrives), "at {statement}");
        reopen(&house).await;
        let login = house.made(&asked).await;
        assert!(house.logs_in(&login).await);
        house.give_back(&asked).await;
        house.gone(asked.id, &login).await;
        assert_eq!(house.roles().await, 0, "at {statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_lease_was_begun_that_nobody_wants_any_more() {
    let house = House::new(Kind::Changed).await;
    house.opened(Seconds(8 * 3600)).await;
    arm(&house, "COMMIT", true);
    let asked = house.granted(Seconds::HOUR).await;
    kill_at(&house, true).await;
    house.town.start().await;
    house.give_back(&asked).await;
    assert!(matches!(house.request(asked.id).await.target, Some(AtTarget::RevocationDue { .. })));
    house.town.kill();
    reopen(&house).await;
    let gone = async || matches!(house.request(asked.id).await.target, Some(AtTarget::Revoked { .. })).then_some(());
    until("it is gone", gone).await;
    assert_eq!(house.roles().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_lease_is_revoked() {
    let house = House::new(Kind::Changed).await;
    house.opened(Seconds(8 * 3600)).await;
    for (statement, arrives) in [("NOLOGIN", false), ("NOLOGIN", true), ("DROP ROLE", true)] {
        let asked = house.granted(Seconds::HOUR).await;
        let login = house.made(&asked).await;
        arm(&house, statement, arrives);
        house.give_back(&asked).await;
        kill_at(&house, arrives).await;
        reopen(&house).await;
        house.gone(asked.id, &login).await;
        assert_eq!(house.roles().await, 0, "at {statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_secret_is_changed() {
    let house = House::new(Kind::Changed).await;
    house.opened(Seconds(8 * 3600)).await;
    for (statement, arrives) in [("ALTER ROLE", false), ("COMMIT", true)] {
        let (version, _) = house.current().await;
        arm(&house, statement, arrives);
        house.rotate(version).await;
        kill_at(&house, arrives).await;
        reopen(&house).await;
        until("it is over", async || house.credential().await.rotation.is_none().then_some(())).await;
        assert_eq!(house.current().await.0, version + 1, "at {statement}");
        // What people hold in escrow is what the target has.
        let id = house.lease_of_the_secret().await;
        house.agree(id.id).await;
        let (user, password) = house.secret_of(&id).await;
        assert!(house.logs_in(&Login { user, password }).await, "at {statement}");
        house.give_back(&id).await;
        assert_eq!(house.verifies().await, Ok(true));
    }
}

/// Killed at random moments, while accesses are asked for, made and given back: in the end nothing is left at the
/// target, and the secret in escrow is the one that it takes. `SEQUESTRE_TEST_KILLS` takes more of them (a tenth, 20 at most),
/// `SEQUESTRE_TEST_SEED` others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_random_moments() {
    let mut chance = Chance::of_this_run("kills while something is done at the target");
    let house = House::new(Kind::Program).await;
    house.opened(Seconds(8 * 3600)).await;
    let (mut asked, mut made) = (Vec::new(), 0);
    for kill in 0..number("SEQUESTRE_TEST_KILLS", 50).div_ceil(10).min(20) {
        let case = format!("kill {kill}");
        // One to be made, one to be taken away, or the secret to be changed.
        let lease = house.granted(Seconds::HOUR).await;
        let what = if chance.one_in(3) {
            let (version, _) = house.current().await;
            if house.credential().await.rotation.is_none() {
                house.rotate(version).await;
            }
            "a rotation"
        } else if chance.one_in(2) {
            house.made(&lease).await;
            house.give_back(&lease).await;
            "a revocation"
        } else {
            "a lease"
        };
        asked.push(lease);
        let (pid, _) = house.town.process();
        let delay = Duration::from_micros(chance.below(300_000) as u64);
        let killer = move || {
            std::thread::sleep(delay);
            kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
        };
        tokio::task::spawn_blocking(killer).await.unwrap();
        house.town.kill();
        assert_eq!(fsck(&house.town.data()).unwrap().findings, [], "{case}");
        if tokio::time::timeout(Duration::from_secs(50), reopen(&house)).await.is_err() {
            let rotation = house.credential().await.rotation;
            let session = house.town.session(MAUD).await;
            let state = session.state().unwrap();
            let told = state.requests().iter().map(|(id, request)| {
                format!("{id}: {:?} {:?} {:?} {}", request.purpose, request.stage, request.target, request.by_daemon)
            });
            let told: Vec<String> = told.collect();
            panic!("{case}, {what} after {delay:?}: it is not opened again: {told:#?} {rotation:?}");
        }
        for lease in &asked {
            let request = house.request(lease.id).await;
            if matches!(request.target, Some(AtTarget::Made { .. })) {
                assert!(house.logs_in(&house.made(lease).await).await, "{case}: what was made does not work");
                made += 1;
            }
        }
    }
    for lease in &asked {
        if !matches!(house.request(lease.id).await.stage, Stage::Ended { .. }) {
            house.give_back(lease).await;
        }
    }
    until("nothing is left at the target", async || (house.roles().await == 0).then_some(())).await;
    until("no rotation is left", async || house.credential().await.rotation.is_none().then_some(())).await;
    assert_eq!(house.verifies().await, Ok(true), "the secret in escrow is that of the target");
    println!("{} accesses, {made} looks at what was made", asked.len());
}
