//! The store and its single writer, through their public interface: files, locks, copies, the story of a request, what
//! readers may see, what `fsck` finds, and what is left after a kill.
#![cfg(feature = "daemon")]

mod backup;
mod crash;
mod destroying;
mod files;
mod fsck;
mod schema;
mod story;
mod tiles;
mod world;
