//! Coming back: from a log that the others left, and with what a restored server cannot have.

#[path = "../moving/house.rs"]
#[allow(dead_code, reason = "each test crate uses a part of it")]
mod house;
#[path = "../support/town.rs"]
mod town;

mod anew;
mod branches;
mod brought;
mod destroyed;
