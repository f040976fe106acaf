//! Connectors against real servers, which each test starts for itself on this machine and stops again.
//!
//! What every connector is tried for: the leased secret logs in, and after the end it does not, open sessions
//! included; calling again is harmless; and the table of faults: a call that fails and did nothing, one that fails and
//! did it, and a target that is down.

#[path = "../support/proxy.rs"]
mod proxy;
#[path = "../support/servers.rs"]
mod servers;
#[path = "../support/sites.rs"]
mod sites;

mod dokuwiki;
mod dovecot;
mod exec;
mod http;
mod kit;
mod ldap;
mod mariadb;
mod mediawiki;
mod postgres;
mod ssh;
mod sympa;
mod tools;
mod wordpress;
