//! The client: what trustees, members and mediators run.

pub mod audit;
pub mod failure;
pub mod home;
pub mod names;
pub mod out;
pub mod remote;
pub mod replica;
pub mod say;
pub mod session;
pub mod status;
pub mod unlock;
pub mod view;
