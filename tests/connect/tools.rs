//! What the tests of programs and certificates need besides.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sequestre::connect::exec::Program;
use sequestre::connect::settings::Settings;
use sequestre::connect::{ConnectError, Connector, Environment, Lease, Login, Minted};

use crate::kit::{environment, in_seconds, name, secret};

/// A connector for the program `it`, which the configuration allows.
pub fn program(settings: &serde_json::Value, program: Program, time_limit: Duration) -> Connector {
    let settings = Settings::parse(&settings.to_string()).unwrap();
    let programs = BTreeMap::from([("it".to_owned(), program)]);
    Connector::new(settings, &Environment { programs, time_limit, ..environment() }).unwrap()
}

/// One of the ready-made programs.
pub fn ready_made(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/connectors").join(name)
}

/// With the time until the lease's end, and what the member's client gives.
pub async fn mint_with(
    connector: &Connector,
    admin: &Login,
    index: u64,
    password: &str,
    seconds: u64,
    input: Option<&str>,
) -> Result<Minted, ConnectError> {
    let (name, password) = (name(index), secret(password));
    connector.mint(admin, &Lease { name: &name, until: in_seconds(seconds), input, secret: &password }).await
}

/// The program with its arguments, but it dies before it began (`"before"`) or when it is done (`"after"`); its answer
/// is lost either way.
pub fn dying(folder: &Path, when: &str, program: &Path, arguments: &[String], user: Option<&str>) -> Program {
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
    let run = match when {
        "before" => "cat".to_owned(),
        _ => format!("{} {}", program.display(), quoted.join(" ")),
    };
    let file = folder.join("dies");
    fs::write(&file, format!("#!/bin/sh\n{run} >/dev/null\nkill -9 $$\n")).unwrap();
    for path in [folder, &file] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    Program::new(&file, vec![], user).unwrap()
}
