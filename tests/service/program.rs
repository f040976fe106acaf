//! `sequestred` as the technician runs it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use sequestre::proto::api::v1 as api;
use sequestre::seal::device::DeviceKey;
use sequestre::seal::founding::FoundingCode;
use sequestre::tls;

use crate::support::*;

fn sequestred(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sequestred"));
    let (verb, rest) = arguments.split_first().unwrap();
    command.arg(verb).arg("--data").arg(data).args(rest).env_remove("RUST_LOG");
    command
}

fn output(data: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = sequestred(data, arguments).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// A daemon that is killed if the test fails before it has stopped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_technicians_day() {
    let parent = tempfile::tempdir().unwrap();
    let data = parent.path().join("data");
    let init = ["init", "--name", "escrow.example.org", "--listen", "127.0.0.1:7443"];
    let (code, printed, _) = output(&data, &init);
    assert_eq!(code, Some(0));
    // Comments may be pasted along.
    let founding = FoundingCode::from_code(&printed).unwrap();
    assert_eq!(founding.address.as_str(), "escrow.example.org:7443");
    assert!(printed.contains(&hex::encode(founding.server_key.as_bytes())));
    let (code, _, complaint) = output(&data, &init);
    assert_eq!(code, Some(1));
    assert!(complaint.contains("never overwritten"), "{complaint}");
    assert_eq!(output(&data, &["init"]).0, Some(2));

    let (code, toml, _) = output(&data, &["config", "--max-connections", "9"]);
    assert_eq!((code, toml.contains("\nmax_connections = 9\n")), (Some(0), true));
    let variable = sequestred(&data, &["config"]).env("SEQUESTRED_MAX_CONNECTIONS", "0").output().unwrap();
    assert_eq!(variable.status.code(), Some(1));
    assert!(String::from_utf8(variable.stderr).unwrap().contains("SEQUESTRED_MAX_CONNECTIONS"));

    let run = ["run", "--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "trace"];
    let mut daemon = Process(sequestred(&data, &run).stderr(Stdio::piped()).spawn().unwrap());
    let mut log = BufReader::new(daemon.0.stderr.take().unwrap());
    let mut lines = String::new();
    let address = loop {
        let start = lines.len();
        assert_ne!(log.read_line(&mut lines).unwrap(), 0, "{lines}");
        let line: serde_json::Value = serde_json::from_str(&lines[start..]).unwrap();
        if line["message"] == "serving" {
            break line["address"].as_str().unwrap().to_owned();
        }
    };
    // Its clock is the real one, so that the fixed one of these tests is wrong: it says by how much.
    let device = DeviceKey::generate().unwrap();
    let channel = tls::connect(&address, founding.server_key, Some(&device)).await.unwrap();
    let mut client = EscrowClient::new(channel);
    let token = founding.token().expose().to_vec();
    let key = client.prepare_founding(api::PrepareFoundingRequest { token }).await.unwrap().into_inner().log_key;
    let founder = Person { device, ..Person::new() };
    assert_eq!(why(client.submit(genesis(&founder, key, &founding)).await).1, "CLOCK_SKEW");

    let (code, second, _) = output(&data, &["token"]);
    assert_eq!(code, Some(0));
    assert!(!FoundingCode::from_code(&second).unwrap().token().matches(founding.token()));
    let (code, _, complaint) = output(&data, &run);
    assert_eq!((code, complaint.contains("in use by another daemon")), (Some(1), true));

    let pid = Pid::from_raw(daemon.0.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    log.read_to_string(&mut lines).unwrap();
    assert_eq!(daemon.0.wait().unwrap().code(), Some(0));
    assert!(lines.contains("CLOCK_SKEW") && lines.contains("\"stopped\""), "{lines}");
    let token = founding.token().expose();
    for secret in [hex::encode(token), format!("{token:?}"), "Les Amis".into(), "Zo".into()] {
        assert!(!lines.contains(&secret));
    }
    let (code, report, _) = output(&data, &["fsck"]);
    assert_eq!(code, Some(0), "{report}");
    assert!(report.contains("0 findings"));
}

#[test]
fn what_is_wrong_is_said_with_what_to_do() {
    let parent = tempfile::tempdir().unwrap();
    for verb in ["run", "token", "config", "fsck"] {
        let (code, printed, complaint) = output(&parent.path().join("nowhere"), &[verb]);
        assert_eq!((code, printed.as_str()), (Some(1), ""));
        assert!(
            complaint.contains("nowhere") && complaint.contains("check") | complaint.contains("init"),
            "{complaint}"
        );
    }
    let help = Command::new(env!("CARGO_BIN_EXE_sequestred")).arg("--help").output().unwrap();
    assert!(String::from_utf8(help.stdout).unwrap().contains("Exit codes:"));
}
