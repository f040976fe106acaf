//! The rules, one case at a time: what each refuses and with which reason, and what the state is after it allowed.

#[path = "../support/world.rs"]
mod world;

mod abuse;
mod accounts;
mod carried;
mod charters;
mod claims;
mod delegations;
mod destruction;
mod drills;
mod entries;
mod founding;
mod invitations;
mod leases;
mod made;
mod moves;
mod recoveries;
mod requests;
mod rotations;
mod sums;
mod windows;
mod witnesses;
