//! The client: what trustees, members, mediators and technicians run.
//!
//! It believes nothing that it did not verify: state comes from the log that it replayed itself
//! ([`replica`]), 'done' from finding its own entry there ([`session`]). Secrets and master keys exist in three
//! places only, [`deposit`], [`request`] and [`recover`], and only while they work.
//!
//! | question | module |
//! |---|---|
//! | What lies on this computer, and how is it written? | [`home`], [`replica`] |
//! | How is an act signed, sent and verified? | [`session`], [`remote`], [`outbox`], [`watching`] |
//! | How does one come in? | [`found`], [`join`] |
//! | How does an association leave its server? | [`moving`] |
//! | What waits for me, and what does agreeing release? | [`consent`], [`charter`], [`amend`], [`screen`] |
//! | How does an account go in, and come out? | [`deposit`], [`request`], [`clipboard`] |
//! | What must be on paper, what renewed, what tried? | [`kit`], [`renewal`], [`drill`] |
//! | What if the server is gone? | [`recover`] |
//! | How is something destroyed, or a veto laid? | [`destroy`] |
//! | Where do things stand, and does the log hold? | [`status`], [`audit`], [`view`], [`names`] |
//! | How does it talk to people? | [`say`], [`out`], [`unlock`], [`help`], [`failure`] |

pub mod amend;
pub mod audit;
pub mod charter;
pub mod child;
pub mod clipboard;
pub mod connector;
pub mod consent;
pub mod delegation;
pub mod deposit;
pub mod destroy;
pub mod drill;
mod ending;
pub mod exposure;
pub mod failure;
pub mod found;
pub mod help;
pub mod home;
pub mod join;
pub mod kit;
pub mod moving;
pub mod names;
pub mod opening;
pub mod out;
pub mod outbox;
pub mod recover;
pub mod remote;
pub mod renewal;
pub mod replica;
pub mod request;
pub mod say;
pub mod screen;
pub mod session;
pub mod status;
pub mod unlock;
pub mod view;
pub mod watching;
