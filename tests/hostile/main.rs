//! Hostile clients, at the real daemon: whatever they do, others are served about as fast as before, the daemon's
//! memory stays bounded, and it lives.
//!
//! Each attack is a process of its own, at the lowest priority: what it costs the attacker's machine is not to be
//! counted as the daemon's. Quiet and attacked rounds take turns; what is compared are the medians of their 99th
//! percentiles, so that one hiccup of this machine does not decide.
#![cfg(all(feature = "client", feature = "daemon", target_os = "linux"))]

#[path = "../support/town.rs"]
mod town;

mod attacks;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sequestre::client::home::Folder;
use sequestre::client::session::Session;
use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::tls;
use tonic::transport::Channel;

use attacks::{ATTACKS, Attack};
use town::*;

/// Quiet and attacked rounds, in turns.
const ROUNDS: usize = 3;
/// Calls in one round, of people who mean no harm.
const CALLS: usize = 120;
/// How much slower than in quiet rounds others may be answered.
const SLOWER: u32 = 3;
/// What nobody notices, and what a machine of two cores takes for itself while others use it, too: below it nothing is
/// compared. A daemon built for debugging needs most of it for floods of tiny HTTP/2 frames; `cargo test --release` is
/// stricter.
const UNNOTICED: Duration = Duration::from_millis(if cfg!(debug_assertions) { 40 } else { 10 });
/// How much more memory than before the daemon may have had, whatever hostile clients did.
const MEMORY: u64 = 192 << 20;

/// The attacker's process, until it is dropped.
struct Attacker(Child);

impl Attacker {
    fn begin(town: &Town, attack: &Attack) -> Self {
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "--ignored", "--nocapture", "an_attacker"]);
        command.env(attacks::ATTACK, attack.name).env(attacks::HOME, town.env(BRUNO).home.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test: attacks until it is ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "an attacker, started by the test"]
async fn an_attacker() {
    attacks::run().await;
}

fn folder(town: &Town, name: &str) -> Folder {
    town.env(name).home.choose(None).unwrap()
}

async fn channel(folder: &Folder) -> Channel {
    let (contact, device) = (folder.contact().unwrap(), folder.device().unwrap());
    tls::connect(&contact.address, contact.server_key, Some(&device)).await.unwrap()
}

/// What the process has in memory now, and had at most, in bytes.
fn memory(pid: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// The 99th percentile of how long people wait: for answers on a connection that they have, and now and then on a new
/// one.
async fn waited(town: &Town) -> Duration {
    let mut times = Vec::new();
    let folders = [MAUD, CHLOE, THEO, AWA].map(|name| folder(town, name));
    let mut clients = Vec::new();
    for folder in &folders {
        clients.push(EscrowClient::new(channel(folder).await));
    }
    for call in 0..CALLS {
        let at = call % folders.len();
        let begun = Instant::now();
        if call.is_multiple_of(10) {
            clients[at] = EscrowClient::new(channel(&folders[at]).await);
        }
        let request = api::GetCheckpointRequest { organisation: folders[at].id.to_vec() };
        clients[at].get_checkpoint(request).await.unwrap();
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() * 99 / 100]
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Enough in escrow that reading it is work.
async fn furnished() -> Town {
    let town = Town::founded_at(Kind::Program).await;
    for n in 0..6 {
        let password = format!("a long one {}", "x".repeat(60_000));
        let account = account(&format!("account {n}"), false, &password);
        sequestre::client::deposit::deposit(&town.env(THEO), account).await.unwrap();
    }
    for name in [AWA, BRUNO, CHLOE, MAUD, THEO] {
        drop::<Session>(town.session(name).await);
    }
    town
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_hostile_clients_do_others_are_served() {
    let town = furnished().await;
    // So that those who mean no harm, and ask often here, are not refused for it.
    town.stop().await;
    let mut command = sequestred(&town.data(), town.listen());
    command.args(["--requests-per-minute", "3000"]);
    town.start_as(command).await.unwrap();
    let (pid, _) = town.process();
    waited(&town).await;
    let (before, _) = memory(pid);
    let mut failures = Vec::new();
    let only = std::env::var("SEQUESTRE_TEST_ATTACKS");
    for attack in ATTACKS.iter().filter(|attack| only.as_ref().map_or(true, |only| only.contains(attack.name))) {
        let (mut quiet, mut attacked) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            quiet.push(waited(&town).await);
            let attacker = Attacker::begin(&town, attack);
            // Let it get going.
            tokio::time::sleep(Duration::from_millis(1500)).await;
            attacked.push(waited(&town).await);
            drop(attacker);
        }
        let (quiet, attacked) = (median(quiet), median(attacked));
        let (now, most) = memory(pid);
        println!(
            "{:>16}: p99 quiet {quiet:?}, attacked {attacked:?}; memory {} MiB, at most {} MiB",
            attack.name,
            now >> 20,
            most >> 20
        );
        if attacked > (quiet * SLOWER).max(UNNOTICED) {
            failures.push(format!("{}: others wait {attacked:?} instead of {quiet:?}", attack.name));
        }
        if most > before + MEMORY {
            failures.push(format!("{}: {} MiB of memory instead of {}", attack.name, most >> 20, before >> 20));
        }
        assert_eq!(town.ended(), None, "{}: the daemon ended", attack.name);
    }
    assert_eq!(failures, [""; 0]);
    // It goes on, and stops when it is told to, however many hang on to it.
    let attacker = Attacker::begin(&town, &ATTACKS[0]);
    town.put(THEO, true, "a new password").await.unwrap();
    let begun = Instant::now();
    town.stop().await;
    assert!(begun.elapsed() < DEADLINE, "it takes {:?} to stop", begun.elapsed());
    drop(attacker);
    let report = sequestre::store::fsck::fsck(&town.data()).unwrap();
    assert_eq!(report.findings, []);
}
