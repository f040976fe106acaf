//! Reading: the log as a story, copies of it and their check, and what the reading verbs show without a server.
#![cfg(feature = "client")]

#[path = "../support/world.rs"]
mod world;

mod comparing;
mod copies;
mod drills;
mod reading;
mod story;
