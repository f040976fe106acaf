//! The daemon as clients meet it: real TLS and gRPC over loopback, on a data folder of its own.
#![cfg(all(feature = "client", feature = "daemon"))]

mod access;
mod founding;
mod lifecycle;
mod limits;
mod program;
mod support;
