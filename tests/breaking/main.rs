//! The real daemon under what machines do to it: killed at any moment, a disk that fails, is full, read-only or
//! damaged, and clocks that jump. Afterwards nothing that was acknowledged is missing, nothing contradicts itself, and
//! no secret lies anywhere.
//!
//! `SEQUESTRE_TEST_SEED`, `SEQUESTRE_TEST_KILLS` and `SEQUESTRE_TEST_FAULTS` (numbers) take another or a longer run
//! than the one that everybody can wait for; `SEQUESTRE_TEST_FAULTS=0` is every fault there is.
#![cfg(all(feature = "client", feature = "daemon", target_os = "linux"))]

#[path = "../support/chance.rs"]
mod chance;
#[path = "../support/refuge.rs"]
mod refuge;
#[path = "../support/thief.rs"]
mod thief;
#[path = "../support/town.rs"]
mod town;
#[path = "../support/traces.rs"]
mod traces;

mod aftermath;
mod computers;
mod disk;
mod faults;
mod hammer;
mod killed;
mod making;
mod memory;

/// Not a test: what [`town::Kind::Changed`] runs in a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a daemon, started by the tests that need one"]
async fn the_changed_daemon() {
    town::changed_daemon().await;
}
