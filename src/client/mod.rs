//! The client: what trustees, members and mediators run.

pub mod audit;
pub mod charter;
pub mod clipboard;
pub mod consent;
pub mod deposit;
pub mod failure;
pub mod found;
pub mod help;
pub mod home;
pub mod join;
pub mod names;
pub mod out;
pub mod remote;
pub mod replica;
pub mod request;
pub mod say;
pub mod session;
pub mod status;
pub mod unlock;
pub mod view;
