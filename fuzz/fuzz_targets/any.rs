//! Each target is this file under its own name.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| sequestre_fuzz::target(env!("CARGO_BIN_NAME")).run(data));
