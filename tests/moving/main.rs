//! Moving house with real daemons and real homes: a server is gone, and its people go on without it.

#[path = "../support/town.rs"]
mod town;

mod forks;
mod giving;
mod guard;
mod house;
mod lost;
mod restoring;
mod story;
