//! The client over a real daemon: bad input, bad luck, bad servers. Each failure is the one that people are told, and
//! nothing is lost by it.

#[path = "../support/thief.rs"]
mod thief;
#[path = "../support/town.rs"]
mod town;

mod a_real_minute;
mod accounts;
mod amending;
mod consent;
mod destroying;
mod drills;
mod exec;
mod exposure;
mod founding;
mod invitations;
mod kit;
mod leases;
mod luck;
mod receipts;
mod renewals;
mod servers;
mod watching;
