//! Connectors against real servers, which each test starts for itself on this machine and stops again.

#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/servers.rs"]
mod servers;

mod kit;
mod ssh;
