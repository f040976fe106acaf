//! Running a server for real: its numbers, alerts, reloads and backups; units, packages, containers and proxies; the
//! databases of earlier versions.
#![cfg(all(feature = "client", feature = "daemon"))]

#[path = "../support/numbers.rs"]
mod numbers;
#[path = "../support/servers.rs"]
#[allow(dead_code, reason = "each test crate uses a part of it")]
mod servers;
#[path = "../support/town.rs"]
mod town;

mod backup;
mod cluster;
mod manager;
mod monitoring;
mod package;
mod proxies;
mod reload;
mod told;
mod units;
