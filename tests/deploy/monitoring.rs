//! The alerts and the dashboard, by Prometheus' own programs: rules are tried one by one, and a real Prometheus reads a
//! real daemon with the files as they are delivered.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::numbers::{http, named};
use crate::servers::{Running, as_nobody, folder, free_port, hand_over, program, wait_for_port};
use crate::told::town;
use crate::town::{AWA, DEADLINE, Kind};

fn files() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring")
}

fn promtool(arguments: &[&str]) -> String {
    let output = Command::new(program("promtool", &[])).args(arguments).current_dir(files()).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn every_alert_comes_for_its_cause_and_not_without() {
    assert!(promtool(&["check", "rules", "alerts.yml"]).contains("10 rules found"));
    promtool(&["check", "config", "prometheus.yml"]);
    assert!(promtool(&["test", "rules", "alerts_test.yml"]).contains("SUCCESS"));
    // Each of them is tried: that it comes, and that it does not.
    let (alerts, tests) =
        ["alerts.yml", "alerts_test.yml"].map(|file| fs::read_to_string(files().join(file)).unwrap()).into();
    let names: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(names.len(), 10);
    for name in names {
        assert!(tests.contains(&format!("alertname: {name}}}")), "{name} is never tried to stay away");
        assert!(tests.contains(&format!("{{alertname=\"{name}\",alertstate=\"firing\"}}")), "{name} is never tried");
    }
}

#[test]
fn the_dashboard_is_whole() {
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(files().join("dashboard.json")).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let shown: Vec<&Value> = panels.iter().filter(|panel| panel["type"] != "row").collect();
    assert!(shown.len() > 15);
    let mut ids: Vec<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len(), "ids are there once");
    for panel in &shown {
        assert!(!panel["title"].as_str().unwrap().is_empty());
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty());
        for target in targets {
            let query = target["expr"].as_str().unwrap();
            assert!(!named(query).is_empty(), "{query}");
            // As the variables are filled in by "all".
            let query = query.replace("$instance", ".*").replace("$organisation", ".*");
            let rule =
                serde_json::json!({ "groups": [{ "name": "x", "rules": [{ "record": "x", "expr": query }] }] });
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("x.yml");
            fs::write(&file, rule.to_string()).unwrap();
            promtool(&["check", "rules", file.to_str().unwrap()]);
        }
    }
}

/// What Prometheus answers.
fn ask(port: u16, path: &str) -> Value {
    let answer = http(port, &format!("GET {path}"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    // It may come in pieces.
    let body =
        if head.to_lowercase().contains("transfer-encoding: chunked") { unchunked(body) } else { body.to_owned() };
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

fn unchunked(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            break;
        }
        whole += &rest[..length];
        body = &rest[length + 2..];
    }
    whole
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_the_daemon_and_its_alerts() {
    let (town, numbers) = town(Kind::Program).await;
    let (folder, port) = (folder(), free_port());
    for (file, from, to) in [
        ("alerts.yml", String::new(), String::new()),
        ("prometheus.yml", "127.0.0.1:9743".to_owned(), format!("127.0.0.1:{numbers}")),
    ] {
        let text = fs::read_to_string(files().join(file)).unwrap();
        let text = if from.is_empty() { text } else { text.replace(&from, &to).replace("30s", "1s") };
        let path = folder.path().join(file);
        fs::write(&path, text).unwrap();
        hand_over(&path);
    }
    let mut command = as_nobody(&program("prometheus", &[]));
    command.arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()));
    command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{port}")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut prometheus = Running::start(command);
    assert!(wait_for_port(port, &mut prometheus), "prometheus ended");

    let begun = Instant::now();
    let value = |query: &str| {
        let answer = ask(port, &format!("/api/v1/query?query={query}"));
        let result = answer["data"]["result"].as_array().unwrap().clone();
        result.first().map(|first| first["value"][1].as_str().unwrap().to_owned())
    };
    let wait = |query: &str, wanted: &str| loop {
        let found = if prometheus_is_ready(port) { value(query) } else { None };
        if found.as_deref() == Some(wanted) {
            break;
        }
        assert!(begun.elapsed() < 3 * DEADLINE, "{query} is {found:?}");
        std::thread::sleep(Duration::from_millis(200));
    };
    wait("up{job=\"sequestred\"}", "1");
    wait("sequestre_log_entries", &town.entries().to_string());
    town.invite(AWA, "Somebody").await;
    wait("sequestre_log_entries", &town.entries().to_string());
    wait("sequestre_entries_appended_total", "1");

    let rules = ask(port, "/api/v1/rules");
    let rules = rules["data"]["groups"][0]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 10);
    assert!(rules.iter().all(|rule| rule["lastError"].is_null()), "{rules:?}");
    town.kill();
    wait("up{job=\"sequestred\"}", "0");
}

fn prometheus_is_ready(port: u16) -> bool {
    http(port, "GET /-/ready").starts_with("HTTP/1.1 200 ")
}
