//! What opens to the daemon, over a real daemon and a real PostgreSQL: leases made at the target and gone from it,
//! whatever fails and whenever the daemon is killed.

#[path = "../support/chance.rs"]
mod chance;
#[path = "../support/numbers.rs"]
mod numbers;
#[path = "../support/proxy.rs"]
#[allow(dead_code, reason = "each test crate uses a part of it")]
mod proxy;
#[path = "../support/servers.rs"]
#[allow(dead_code, reason = "each test crate uses a part of it")]
mod servers;
#[path = "../support/town.rs"]
mod town;

mod codes;
mod commands;
mod crowd;
mod house;
mod kept;
mod killed;
mod standing;
mod story;
mod targets;
mod told;
mod verbs;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not a test: the changed daemon's own process"]
async fn the_changed_daemon() {
    town::changed_daemon().await;
}
