//! The two servers, as processes of their own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process};
use sequestre::daemon;
use sequestre::escrow::key::VerifyingKey;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::seal::device::DeviceKey;
use sequestre::store::Store;
use sequestre::tls;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::association::Association;
use crate::{bare, entries};

pub type Client = EscrowClient<Channel>;

/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_secs(120);
const MAX_MESSAGE: usize = 8 << 20;

/// A server that runs until this is dropped.
pub struct Server {
    child: Child,
    address: String,
    key: VerifyingKey,
}

/// A data folder for the daemon.
pub struct Data {
    folder: TempDir,
    key: VerifyingKey,
}

impl Data {
    /// A new one, as `sequestred init` makes it.
    pub fn new() -> Self {
        let folder = folder();
        let made = daemon::init(&folder.path().join("data"), "localhost:7443", "127.0.0.1:0".parse().unwrap());
        Self { key: made.unwrap().server_key, folder }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its database, to put associations into.
    pub fn open(&self) -> Store {
        Store::open(&self.path()).unwrap()
    }

    /// Stores what was added to these associations.
    pub fn store<'a>(&self, associations: impl IntoIterator<Item = &'a mut Association>) {
        let mut store = self.open();
        let batch = store.begin().unwrap();
        associations.into_iter().for_each(|association| association.store(&batch));
        batch.commit().unwrap();
    }

    /// Runs the real daemon on it. Its log goes to a file, at the level that it has unless somebody says otherwise.
    pub fn serve(&self) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequestred"));
        command.arg("run").arg("--data").arg(self.path()).args(["--listen", "127.0.0.1:0", "--log-format", "json"]);
        // One person stands for many here.
        command.args(["--requests-per-minute", "1000000"]).env_remove("RUST_LOG");
        Server::start(command, &self.folder.path().join("log"), self.key)
    }
}

/// The bare server's folder.
pub struct BareFolder {
    folder: TempDir,
    key: VerifyingKey,
}

impl BareFolder {
    /// A new one. It streams these entries.
    pub fn new(streams: &[Bytes]) -> Self {
        let folder = folder();
        let key = DeviceKey::generate().unwrap();
        fs::write(folder.path().join(bare::KEY), key.to_secret_bytes().expose()).unwrap();
        fs::write(folder.path().join(bare::ENTRIES), entries::join(streams.iter().map(Bytes::as_ref))).unwrap();
        Self { folder, key: key.public() }
    }

    /// Starts this program again as the bare server.
    pub fn serve(&self) -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(bare::ARGUMENT).arg(self.folder.path());
        Server::start(command, &self.folder.path().join("log"), self.key)
    }
}

impl Server {
    fn start(mut command: Command, log: &Path, key: VerifyingKey) -> Self {
        let begun = Instant::now();
        let file = File::create(log).unwrap();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
        loop {
            let told = fs::read_to_string(log).unwrap();
            if let Some(address) = told.lines().find_map(serving) {
                return Self { child, address, key };
            }
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "it does not serve: {told}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A new connection of this device.
    pub async fn connect(&self, device: &DeviceKey) -> Client {
        let channel = tls::connect(&self.address, self.key, Some(device)).await.unwrap();
        EscrowClient::new(channel).max_decoding_message_size(MAX_MESSAGE)
    }

    /// The processor time that it used so far, in microseconds. The system counts in hundredths of a second.
    pub fn processor_micros(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name of the program, in brackets, may have spaces.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        let ticks = |field: usize| fields[field].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) * 10_000.0
    }

    /// Its memory that is in use now, in bytes, as the system counts it (programs and libraries included).
    pub fn resident(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

/// On the disk that programs are built on: what holds temporary files may be memory.
fn folder() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn serving(line: &str) -> Option<String> {
    let told: serde_json::Value = serde_json::from_str(line).ok()?;
    let address = told["address"].as_str().filter(|_| told["message"] == "serving")?;
    address.parse::<SocketAddr>().ok().map(|address| address.to_string())
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; then somebody noticed before.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}
