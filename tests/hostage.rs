//! Nobody can take an association hostage: attacks by whoever runs the server, each really carried out against daemon
//! processes and the client, and what the people see.
//!
//! The attacker has the data folder, the log key, the server's key, all traffic after TLS, the machine's memory, and a
//! daemon that says what they like. Each test asserts what the victims' clients say (exit code and sentence), and what
//! the attacker did not get. `SECURITY.md` lists them all, with the outcome; `table` compares.
#![cfg(all(feature = "client", feature = "daemon", target_os = "linux"))]

#[path = "support/liar.rs"]
mod liar;
#[path = "support/refuge.rs"]
mod refuge;
#[path = "support/thief.rs"]
mod thief;
#[path = "support/town.rs"]
mod town;
#[path = "support/traces.rs"]
mod traces;

#[path = "hostage/consent.rs"]
mod consent;
#[path = "hostage/forging.rs"]
mod forging;
#[path = "hostage/history.rs"]
mod history;
#[path = "hostage/moves.rs"]
mod moves;
#[path = "hostage/newcomers.rs"]
mod newcomers;
#[path = "hostage/reading.rs"]
mod reading;
#[path = "hostage/scene.rs"]
mod scene;
#[path = "hostage/shares.rs"]
mod shares;
#[path = "hostage/stopping.rs"]
mod stopping;
#[path = "hostage/table.rs"]
mod table;

/// Not a test: what [`town::Kind::Changed`] runs in a process of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a daemon, started by the tests that need one"]
async fn the_changed_daemon() {
    town::changed_daemon().await;
}
