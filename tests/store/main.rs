//! The store and its single writer, through their public interface: files and locks, the story of a request, what
//! readers may see, what `fsck` finds, and what is left after a kill.
#![cfg(feature = "daemon")]

mod crash;
mod destroying;
mod files;
mod fsck;
mod story;
mod world;
