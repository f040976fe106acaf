//! Recovery without the server: real homes of an association whose server is gone, the files that people send each
//! other, and what each bad one says. Nothing that was collected is ever lost.
#![cfg(all(feature = "client", feature = "daemon"))]

#[path = "../support/town.rs"]
mod town;

/// A server that lies, as the tests about distrust use it.
#[path = "../support/liar.rs"]
mod liar;

/// Other servers, as the tests about moves set them up.
#[allow(dead_code)]
#[path = "../moving/house.rs"]
mod refuge;

mod bad_input;
mod entered;
mod house;
mod many;
mod moved;
mod one_computer;
mod over;
mod script;
mod story;
