//! Connectors against real servers, which each test starts for itself on this machine and stops again.

#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/servers.rs"]
mod servers;
#[path = "../support/sites.rs"]
mod sites;

mod tools;
mod ssh;
mod wordpress;
