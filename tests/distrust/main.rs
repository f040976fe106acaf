//! Clients and servers that lie, send too much, or are newer; and computers that stop at the wrong moment.
#![cfg(all(feature = "client", feature = "daemon"))]

#[path = "../support/liar.rs"]
mod liar;
#[path = "../support/world.rs"]
mod world;

mod lies;
mod replica;
