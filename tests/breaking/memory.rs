//! The memory of the programs: locked, in no core dump, not to be read by others of the same user, and no more of it
//! the longer they run.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::tls;

use crate::town::*;

/// A user that owns nothing else.
const NOBODY: u32 = 65_534;

fn field(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The same command as a user without rights, where this one is root.
fn as_nobody(command: &Command) -> Command {
    if !is_root() {
        let mut same = Command::new(command.get_program());
        same.args(command.get_args());
        return same;
    }
    let mut other = Command::new("setpriv");
    other.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
    other.arg(command.get_program()).args(command.get_args());
    other
}

/// Whether another process of the same user can read the memory of this one, and whether it can attach to it.
fn can_be_read(pid: u32) -> (bool, bool) {
    let succeeds = |command: Command| {
        let mut command = as_nobody(&command);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().unwrap().success()
    };
    let mut read = Command::new("sh");
    read.arg("-c").arg(format!(
        "at=$(grep -m1 ' rw-p ' /proc/{pid}/maps | cut -d- -f1) && [ -n \"$at\" ] && \
         dd if=/proc/{pid}/mem bs=1 count=1 skip=$((0x$at)) of=/dev/null"
    ));
    let mut attach = Command::new("timeout");
    // Attached to, it is let go again after a moment: that is success.
    attach
        .args(["--preserve-status", "-s", "INT", "1", "strace", "-qq", "-e", "trace=none", "-p"])
        .arg(pid.to_string());
    let mut complaint = as_nobody(&attach);
    let output = complaint.stdin(Stdio::null()).output().unwrap();
    let attached = !String::from_utf8_lossy(&output.stderr).contains("Operation not permitted");
    (succeeds(read), attached)
}

fn no_core(pid: u32) {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

/// Everything under this folder becomes theirs.
fn given_to_nobody(folder: &Path) {
    if is_root() {
        let owner = format!("{NOBODY}:{NOBODY}");
        assert!(Command::new("chown").args(["-R", &owner]).arg(folder).status().unwrap().success());
        // And the way there is open.
        let mut at = folder.parent();
        while let Some(parent) = at.filter(|parent| parent.starts_with(std::env::temp_dir())) {
            use std::os::unix::fs::PermissionsExt as _;
            if parent != std::env::temp_dir() {
                fs::set_permissions(parent, fs::Permissions::from_mode(0o755)).unwrap();
            }
            at = parent.parent();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_of_the_same_user_cannot_read_the_programs() {
    // Something that can be read shows that the look is a real one.
    let mut open = as_nobody(Command::new("sleep").arg("100")).spawn().unwrap();
    let begun = Instant::now();
    while fs::read_to_string(format!("/proc/{}/comm", open.id())).unwrap().trim() != "sleep" {
        assert!(begun.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let control = can_be_read(open.id());
    open.kill().unwrap();
    open.wait().unwrap();
    assert_eq!(control, (true, true), "a program that is not hardened can be read");

    let town = Town::founded_at(Kind::Program).await;
    town.stop().await;
    given_to_nobody(&town.data());
    // The programs themselves must be where that user can run them.
    let bin = town.root.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for program in [env!("CARGO_BIN_EXE_sequestred"), env!("CARGO_BIN_EXE_sequestre")] {
        fs::copy(program, bin.join(Path::new(program).file_name().unwrap())).unwrap();
    }
    given_to_nobody(&bin);
    let daemon = sequestred(&town.data(), town.listen());
    let mut command = Command::new(bin.join("sequestred"));
    command.args(daemon.get_args());
    town.start_as(as_nobody(&command)).await.unwrap();
    let (pid, _) = town.process();
    assert_eq!(can_be_read(pid), (false, false), "the daemon");
    no_core(pid);

    // A client that waits, with an identity unlocked or not.
    let home = town.env(MAUD).home;
    given_to_nobody(home.path().parent().unwrap());
    let mut watch = Command::new(bin.join("sequestre"));
    watch.args(["sync", "--watch", "--lang", "en", "--home"]).arg(home.path());
    let mut watch = as_nobody(&watch);
    let mut client = watch.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    let comm = || fs::read_to_string(format!("/proc/{}/comm", client.id())).unwrap_or_default();
    while comm().trim() != "sequestre" || fs::read_to_string(format!("/proc/{}/limits", client.id())).is_err() {
        assert!(begun.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Hardening is the first thing that it does; a moment after its beginning it is done.
    let begun = Instant::now();
    while can_be_read(client.id()) != (false, false) {
        assert!(begun.elapsed() < DEADLINE, "the client can be read");
    }
    no_core(client.id());
    client.kill().unwrap();
    client.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_locked_where_that_is_allowed() {
    let town = Town::founded_at(Kind::Program).await;
    town.stop().await;
    let daemon = sequestred(&town.data(), town.listen());
    // Who may lock memory whatever the limit is, or has none, needs nothing; otherwise the limit is lifted.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -l unlimited 2>/dev/null; exec \"$@\"", "sh"]).arg(daemon.get_program());
    town.start_as({
        command.args(daemon.get_args());
        command
    })
    .await
    .unwrap();
    let (pid, printed) = town.process();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    if !is_root() && printed.contains("memory_locked: false") {
        eprintln!("NOT TRIED: locked memory: nobody but root may have that here");
        return;
    }
    assert!(printed.contains("memory_locked: true"), "{printed}");
    let id = town.granted(NINA, sequestre::escrow::time::Seconds::HOUR).await;
    assert_eq!(town.open(NINA, id).await.unwrap(), PASSWORD);
    let (locked, resident) = (field(pid, "VmLck:"), field(pid, "VmRSS:"));
    assert!(locked > 0 && field(pid, "VmSwap:") == 0, "{locked} kB are locked");
    println!("{locked} kB locked, {resident} kB resident");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_takes_no_more_memory_the_longer_it_runs() {
    let town = Town::founded_at(Kind::Program).await;
    town.stop().await;
    let mut command = sequestred(&town.data(), town.listen());
    command.args(["--requests-per-minute", "1000000"]);
    town.start_as(command).await.unwrap();
    let (pid, _) = town.process();
    let folder = town.env(MAUD).home.choose(None).unwrap();
    let (contact, device) = (folder.contact().unwrap(), folder.device().unwrap());
    let organisation = folder.id.to_vec();
    let round = async || {
        for n in 0..40 {
            // As itself, and as a stranger.
            let device = (n % 4 != 0).then_some(&device);
            let channel = tls::connect(&contact.address, contact.server_key, device).await.unwrap();
            let mut client = EscrowClient::new(channel);
            for _ in 0..10 {
                let request = api::GetCheckpointRequest { organisation: organisation.clone() };
                let _ = client.get_checkpoint(request).await;
                let request = api::StreamEntriesRequest { organisation: organisation.clone(), from: 0, to: 1000 };
                if let Ok(stream) = client.stream_entries(request).await {
                    let mut stream = stream.into_inner();
                    while let Ok(Some(_)) = stream.message().await {}
                }
            }
            // One that is left hanging.
            let request = api::WatchRequest { organisation: organisation.clone() };
            let _ = client.watch(request).await;
        }
    };
    // It takes what it needs, and from then on no more.
    let mut resident = Vec::new();
    for _ in 0..6 {
        round().await;
        resident.push(field(pid, "VmRSS:"));
    }
    println!("resident after each round: {resident:?} kB");
    let growth = resident[5].saturating_sub(resident[2]);
    assert!(growth < 4096, "{growth} kB more in three rounds: {resident:?}");
}
