//! The daemon's numbers, as Prometheus reads them: over HTTP.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

/// Sends a request line and gives the whole answer.
pub fn http(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// One page.
#[derive(Debug)]
pub struct Page {
    pub text: String,
    lines: BTreeMap<String, f64>,
}

impl Page {
    pub fn read(port: u16) -> Self {
        let answer = http(port, "GET /metrics");
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        let content = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert!(head.to_lowercase().contains(content), "{head}");
        assert!(text.ends_with("# EOF\n"), "cut short: {text}");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let lines = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        Self { lines: lines.collect(), text: text.to_owned() }
    }

    /// The value of a line, by its name and all its labels; none if there is no such line.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.lines.get(&format!("sequestre_{name}")).copied()
    }

    /// The value of the one line of this name (and with these labels, if any are given) of whatever association.
    #[track_caller]
    pub fn one(&self, name: &str, label: &str) -> f64 {
        let begins = format!("sequestre_{name}{{");
        let found: Vec<f64> = self
            .lines
            .iter()
            .filter(|(line, _)| line.starts_with(&begins) && line.contains(label))
            .map(|(_, value)| *value)
            .collect();
        assert_eq!(found.len(), 1, "{name} {label}: {}", self.text);
        found[0]
    }

    /// Names of everything in it.
    pub fn names(&self) -> BTreeSet<String> {
        self.lines.keys().map(|line| line.split('{').next().unwrap().to_owned()).collect()
    }
}

/// From its next start on, the daemon of this data folder tells its numbers at this port.
pub fn tell_at(data: &Path, port: u16) {
    let path = data.join("sequestred.toml");
    let text = fs::read_to_string(&path).unwrap();
    let told = text.replace("# listen = \"127.0.0.1:9743\"", &format!("listen = \"127.0.0.1:{port}\""));
    assert_ne!(told, text);
    fs::write(&path, told).unwrap();
}

/// Every name of ours in a text.
pub fn named(text: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !part(c)).filter(|word| word.starts_with("sequestre_"));
    words.map(str::to_owned).collect()
}
