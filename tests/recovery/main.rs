//! Recovery without the server: real homes of an association whose server is gone, the files that people send each
//! other, and what each bad one says. Nothing that was collected is ever lost.
#![cfg(all(feature = "client", feature = "daemon"))]

#[path = "../support/town.rs"]
mod town;

mod bad_input;
mod entered;
mod house;
mod many;
mod one_computer;
mod script;
mod story;
