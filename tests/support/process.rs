//! Daemons in processes of their own.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use sequestre::daemon;
use sequestre::daemon::config::Overrides;
use sequestre::escrow::time::Time;

/// A daemon in a process of its own, which does not outlive the test, with what it printed.
pub struct Process {
    child: Child,
    printed: Arc<Mutex<Vec<u8>>>,
}

impl Process {
    /// Starts it and waits until it serves; gives its address.
    pub fn start(mut command: Command) -> (Self, SocketAddr) {
        Self::try_start(&mut command).unwrap_or_else(|printed| panic!("{printed}"))
    }

    /// The same, or what it printed if it ended before it served.
    pub fn try_start(command: &mut Command) -> Result<(Self, SocketAddr), String> {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stream = BufReader::new(child.stderr.take().unwrap());
        let process = Self { child, printed: Arc::default() };
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = stream.read_until(b'\n', &mut line).unwrap();
            process.printed.lock().unwrap().extend_from_slice(&line);
            if length == 0 {
                return Err(String::from_utf8_lossy(&process.printed.lock().unwrap()).into_owned());
            }
            let Ok(told) = serde_json::from_slice::<serde_json::Value>(&line) else { continue };
            if told["message"] == "serving" {
                let address = told["address"].as_str().unwrap().parse().unwrap();
                let printed = process.printed.clone();
                std::thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(length @ 1..) = stream.read(&mut buffer) {
                        printed.lock().unwrap().extend_from_slice(&buffer[..length]);
                    }
                });
                return Ok((process, address));
            }
        }
    }

    /// Its id, and what it printed so far.
    pub fn told(&self) -> (u32, Vec<u8>) {
        (self.child.id(), self.printed.lock().unwrap().clone())
    }

    pub fn end(&mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self.child.wait().unwrap();
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The real daemon on a data folder.
pub fn sequestred(data: &Path, listen: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sequestred"));
    command.args(["run", "--log-format", "json", "--log-level", "trace", "--data"]).arg(data);
    command.arg("--listen").arg(listen.to_string()).env_remove("RUST_LOG");
    command
}

/// The name of the test that a changed daemon's process runs; a crate that uses [`Kind::Changed`] has one that calls
/// [`changed_daemon`].
pub const CHANGED_DAEMON: &str = "the_changed_daemon";

/// Serves a data folder until the process is ended, on the clock that stands in the file `clock` beside it.
pub async fn changed_daemon() {
    let Some(data) = std::env::var_os("SEQUESTRE_CHANGED_DATA").map(PathBuf::from) else { return };
    let listen = std::env::var("SEQUESTRE_CHANGED_LISTEN").unwrap().parse().unwrap();
    let clock = data.parent().unwrap().join("clock");
    let clock = move || Time(fs::read_to_string(&clock).unwrap().parse().unwrap());
    let overrides = Overrides { listen: Some(listen), ..Overrides::default() };
    let running = daemon::run(&data, &overrides, Arc::new(clock), std::future::pending()).await.unwrap();
    eprintln!("{}", serde_json::json!({ "message": "serving", "address": running.local_addr.to_string() }));
    running.stopped().await.unwrap();
}
