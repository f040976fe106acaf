//! What a running daemon takes of a changed configuration, what it tells the service manager, and how it stops.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::tls;
use tonic_types::StatusExt as _;

use crate::numbers::Page;
use crate::told::{says, town};
use crate::town::{AWA, DEADLINE, Kind, MAUD, Process, Town, sequestred};

/// The log lines so far of this message.
fn lines(printed: &[u8], message: &str) -> Vec<serde_json::Value> {
    let lines = printed.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    lines.filter(|line: &serde_json::Value| line["message"] == message).collect()
}

/// Waits for the `count`th line of this message.
fn told(process: impl Fn() -> Vec<u8>, message: &str, count: usize) -> serde_json::Value {
    let begun = Instant::now();
    loop {
        if let Some(line) = lines(&process(), message).get(count - 1) {
            return line.clone();
        }
        assert!(begun.elapsed() < DEADLINE, "{message}: {}", String::from_utf8_lossy(&process()));
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn change(town: &Town, from: &str, to: &str) {
    let path = town.data().join("sequestred.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

fn hang_up(pid: u32) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::HUP).unwrap();
}

/// How often somebody may ask now, who had not asked before.
async fn allowance(town: &Town) -> usize {
    let folder = town.env(MAUD).home.choose(None).unwrap();
    let (key, device) = (folder.contact().unwrap().server_key, folder.device().unwrap());
    let mut client = EscrowClient::new(tls::connect(&town.address(), key, Some(&device)).await.unwrap());
    for asked in 0.. {
        let request = api::GetCheckpointRequest { organisation: folder.id.to_vec() };
        if let Err(refused) = client.get_checkpoint(request).await {
            assert_eq!(refused.get_details_error_info().unwrap().reason, "TOO_MANY_REQUESTS");
            return asked;
        }
        assert!(asked < 200, "nobody is ever refused");
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_change_does_and_the_rest_is_named() {
    let (town, port) = town(Kind::Program).await;
    let (pid, _) = town.process();
    let read = "the configuration was read again";
    let reloads = |outcome: &str| format!("reloads_total{{outcome=\"{outcome}\"}}");
    assert_eq!(Page::read(port).get(&reloads("taken")), Some(0.0));

    change(&town, "requests_per_minute = 600", "requests_per_minute = 7");
    change(&town, "max_connections = 512", "max_connections = 100");
    change(&town, "targets = []", "targets = [\"db.example.org:5432\"]");
    hang_up(pid);
    let line = told(|| town.process().1, read, 1);
    assert_eq!(line["taken"], "[\"connect.targets\", \"limits.requests_per_minute\"]");
    let line = told(|| town.process().1, "these changes count only after a restart", 1);
    assert_eq!(line["left"], "[\"limits.max_connections\"]");
    assert_eq!(allowance(&town).await, 7);
    assert_eq!(Page::read(port).get(&reloads("taken")), Some(1.0));

    // What is not right changes nothing, however much of it is.
    change(&town, "requests_per_minute = 7", "requests_per_minute = 9");
    change(&town, "calls_per_target = 4", "calls_per_target = 400");
    hang_up(pid);
    let wrong = "the configuration was read again and is not right: everything is as before";
    let line = told(|| town.process().1, wrong, 1);
    assert!(line["error"].as_str().unwrap().contains("connect.calls_per_target"), "{line}");
    says(port, |page| page.get(&reloads("refused")) == Some(1.0));

    // The server's key is not exchanged, and its absence stops nothing that runs.
    change(&town, "calls_per_target = 400", "calls_per_target = 4");
    let key = town.data().join("server.key");
    let secret = fs::read(&key).unwrap();
    let other: Vec<u8> = secret.iter().map(|byte| byte ^ 1).collect();
    fs::write(&key, &other).unwrap();
    hang_up(pid);
    let line = told(|| town.process().1, read, 2);
    assert_eq!(line["taken"], "[\"limits.requests_per_minute\"]");
    let changed = lines(
        &town.process().1,
        "server.key is another key now; clients trust the one that this daemon was started with and would refuse any other: put it back",
    );
    assert_eq!(changed.len(), 1);
    fs::write(&key, &secret).unwrap();
    town.session(AWA).await;

    // Nothing changed: what waits for a restart still does.
    hang_up(pid);
    assert_eq!(told(|| town.process().1, read, 3)["taken"], "[]");
    told(|| town.process().1, "these changes count only after a restart", 3);
    town.restart().await;
    assert_eq!(allowance(&town).await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_is_told() {
    let (town, _) = town(Kind::Here).await;
    town.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let message = || {
        let mut buffer = [0; 1024];
        let length = socket.recv(&mut buffer).expect("nothing was told");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let mut command = sequestred(&town.data(), "127.0.0.1:0".parse().unwrap());
    let (mut process, _) = Process::start({
        command.env("NOTIFY_SOCKET", &path);
        command
    });
    assert_eq!(message(), "READY=1\n");
    hang_up(process.told().0);
    let reloading = message();
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap_or_else(|| panic!("{reloading}"));
    assert!(time.trim().parse::<u64>().unwrap() > 0);
    assert_eq!(message(), "READY=1\n");
    process.end(Signal::TERM);
    assert_eq!(message(), "STOPPING=1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_it_is_can_be_asked() {
    let (town, _) = town(Kind::Program).await;
    let ask = || {
        let mut command = sequestred(&town.data(), town.address().parse().unwrap());
        // The same but for the verb.
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let program = command.get_program().to_owned();
        command = std::process::Command::new(program);
        command.arg("health").args(&arguments[1..]).env_remove("RUST_LOG");
        let output = tokio::task::block_in_place(|| command.output().unwrap());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(ask(), (Some(0), String::new()));
    // Its key is not the one that its clients pin: it is as good as not there.
    let key = town.data().join("server.key");
    let secret = fs::read(&key).unwrap();
    fs::write(&key, secret.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>()).unwrap();
    let (code, said) = ask();
    assert!(code == Some(1) && said.contains("STOP"), "{said}");
    fs::write(&key, &secret).unwrap();
    town.stop().await;
    let (code, said) = ask();
    assert!(code == Some(1) && said.contains("cannot be reached"), "{said}");
}
