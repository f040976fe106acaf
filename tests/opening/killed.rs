//! The daemon is killed before, while and after something is done at a target: no password is lost, no revocation
//! forgotten.

use sequestre::escrow::made::AtTarget;
use sequestre::escrow::request::{Request, Stage};
use sequestre::escrow::time::Seconds;

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
