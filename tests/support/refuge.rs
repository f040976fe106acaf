//! Another server to move to, from the real programs.

use std::fs;
use std::process::Command;

use crate::town::*;

/// A new server with what one person's replica holds, and the place that its technician hands out.
pub struct Refuge {
    _process: Process,
    pub place: String,
    /// What its technician reads aloud.
    pub code: String,
}

impl Refuge {
    pub fn from_replica_of(town: &Town, name: &str, folder: &str) -> Self {
        let data = town.root.path().join(folder);
        let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let address = listen.to_string();
        let run = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_sequestred"));
            let output = command.args(arguments).arg("--data").arg(&data).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let (place, replica) = tokio::task::block_in_place(|| {
            run(&["init", "--name", &address, "--listen", &address]);
            let replica = town.folder(name);
            (run(&["restore", "--replica", replica.to_str().unwrap()]), replica)
        });
        assert!(replica.exists());
        let path = town.root.path().join(format!("{folder}.place"));
        let code = sequestre::seal::moving::read_place(&place).unwrap().code().to_string();
        fs::write(&path, place).unwrap();
        let (process, _) = tokio::task::block_in_place(|| Process::start(sequestred(&data, listen)));
        Self { _process: process, place: path.to_str().unwrap().to_owned(), code }
    }
}
