//! Compiles `proto/` with `protox`, so that nobody has to install `protoc`.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(
        [
            "sequestre/v1/keys.proto",
            "sequestre/v1/charter.proto",
            "sequestre/v1/moving.proto",
            "sequestre/v1/command.proto",
            "sequestre/v1/entry.proto",
            "sequestre/api/v1/escrow.proto",
        ],
        ["proto"],
    )?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), files.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_client(std::env::var_os("CARGO_FEATURE_CLIENT").is_some())
        .build_server(std::env::var_os("CARGO_FEATURE_DAEMON").is_some())
        // Hundreds of entries, or megabytes, in one message: slices of the piece of memory that it came in, or is sent
        // from. To copy them would hold up whoever shares the thread.
        .bytes("sequestre.api.v1.StreamEntriesResponse.entries")
        .bytes("sequestre.api.v1.Blob.content")
        .include_file("sequestre.rs")
        .compile_fds(files)?;
    Ok(())
}
