//! The systemd units, the user and the folder, and the example of a configuration.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sequestre::daemon::config::{Config, FILE, Overrides};

use crate::servers::program;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// How exposed a unit is, from 0 to 10, by systemd's own measure.
fn exposure(unit: &str, more: &str) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(unit);
    let text = fs::read_to_string(deploy().join("systemd").join(unit)).unwrap();
    fs::write(&path, text.replace("\n[Service]\n", &format!("\n[Service]\n{more}"))).unwrap();
    let run = Command::new(program("systemd-analyze", &[]))
        .args(["security", "--offline=true", "--no-pager"])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8(run.stdout).unwrap();
    let line = said.lines().find(|line| line.contains("Overall exposure level")).expect("no measure");
    line.split_whitespace().find_map(|word| word.parse().ok()).unwrap()
}

#[test]
fn the_units_leave_little_open() {
    assert!(exposure("sequestred.service", "") <= 1.5);
    // Each user's own manager runs this one, as that user.
    let watch = exposure("sequestre-watch.service", "User=somebody\n");
    assert!(watch <= 1.5, "{watch}");
    assert!(exposure("sequestred.service", "PrivateDevices=no\nNoNewPrivileges=no\n") < 10.0);
}

#[test]
fn the_units_are_right() {
    // Units name programs where packages put them: here something stands in for them.
    let folder = tempfile::tempdir().unwrap();
    for (unit, ours) in
        [("sequestred.service", "/usr/bin/sequestred"), ("sequestre-watch.service", "%h/.local/bin/sequestre")]
    {
        let text = fs::read_to_string(deploy().join("systemd").join(unit)).unwrap();
        assert!(text.contains(ours));
        let path = folder.path().join(unit);
        fs::write(&path, text.replace(ours, "/bin/true")).unwrap();
        let run =
            Command::new(program("systemd-analyze", &[])).args(["verify", "--man=no"]).arg(&path).output().unwrap();
        let said = String::from_utf8(run.stderr).unwrap();
        // Without a system manager it says that there is none, and goes on.
        let complaints: Vec<&str> = said.lines().filter(|line| line.contains(unit)).collect();
        assert!(complaints.is_empty(), "{complaints:?}");
    }
}

#[test]
fn what_the_unit_runs_is_understood() {
    let unit = fs::read_to_string(deploy().join("systemd/sequestred.service")).unwrap();
    let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/sequestred ")).unwrap();
    let folder = unit.lines().find_map(|line| line.strip_prefix("Environment=SEQUESTRED_DATA=")).unwrap();
    let made = fs::read_to_string(deploy().join("systemd/sequestred.tmpfiles")).unwrap();
    assert!(made.lines().any(|line| line == format!("d {folder} 0700 sequestre sequestre -")));
    assert!(unit.contains(&format!("ConditionPathExists={folder}/{FILE}\n")));
    // Nothing is there: the program says so, about that folder, and about no argument.
    let run = Command::new(env!("CARGO_BIN_EXE_sequestred"))
        .args(command.split(' '))
        .env("SEQUESTRED_DATA", "/nonexistent/sequestre")
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1));
    assert!(String::from_utf8(run.stderr).unwrap().contains("/nonexistent/sequestre/sequestred.toml"));
}

#[test]
fn the_user_and_the_folder_are_made() {
    let root = tempfile::tempdir().unwrap();
    let run = |name: &str, file: &str, more: &[&str]| {
        let mut command = Command::new(program(name, &[]));
        command.arg(format!("--root={}", root.path().display())).args(more).arg(deploy().join("systemd").join(file));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    fs::create_dir(root.path().join("etc")).unwrap();
    run("systemd-sysusers", "sequestred.sysusers", &[]);
    let users = fs::read_to_string(root.path().join("etc/passwd")).unwrap();
    let user = users.lines().find(|line| line.starts_with("sequestre:")).expect("no user");
    assert!(user.ends_with(":/var/lib/sequestre:/usr/sbin/nologin"), "{user}");
    if rustix::process::geteuid().is_root() {
        use std::os::unix::fs::MetadataExt as _;
        run("systemd-tmpfiles", "sequestred.tmpfiles", &["--create"]);
        let made = fs::metadata(root.path().join("var/lib/sequestre")).unwrap();
        let uid: u32 = user.split(':').nth(2).unwrap().parse().unwrap();
        assert_eq!((made.mode() & 0o7777, made.uid()), (0o700, uid));
    }
}

/// Every key of a TOML text, tables with a dot; `sequestred.toml` has none below a program's.
fn keys(table: &toml::Table, before: &str, into: &mut BTreeSet<String>) {
    for (name, value) in table {
        let whole = format!("{before}{name}");
        match value {
            toml::Value::Table(inner) => keys(inner, &format!("{whole}."), into),
            _ => drop(into.insert(whole)),
        }
    }
}

#[test]
fn the_example_is_the_whole_configuration_and_nothing_else() {
    let text = fs::read_to_string(deploy().join(FILE)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE), &text).unwrap();
    let config = Config::load(folder.path(), &Overrides::default()).unwrap();
    // What the program writes of it, comments and order included: it cannot fall behind.
    let written = config.to_toml();
    if std::env::var("EXAMPLE").is_ok_and(|what| what == "overwrite") {
        fs::write(deploy().join(FILE), &written).unwrap();
    }
    let differ = written.lines().zip(text.lines()).find(|(written, text)| written != text);
    assert_eq!(differ, None, "EXAMPLE=overwrite writes it anew; read the difference");
    assert_eq!(written.len(), text.len());
    // And everything that can be said is said, also what is left out by default.
    let mut said = BTreeSet::new();
    keys(&text.parse().unwrap(), "", &mut said);
    let commented = Config::new("escrow.example.org", "[::]:7443".parse().unwrap()).unwrap().to_toml();
    let key = |line: &str| {
        let line = line.trim_start_matches("# ");
        let (name, _) = line.split_once(" = ")?;
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_').then(|| name.to_owned())
    };
    let bare: BTreeSet<String> = said.iter().map(|name| name.rsplit('.').next().unwrap().to_owned()).collect();
    let all: BTreeSet<String> = commented.lines().filter_map(key).collect();
    assert!(all.len() > 18, "{all:?}");
    assert_eq!(bare, all);
    // No other key is understood.
    for table in ["", "[log]\n", "[limits]\n", "[metrics]\n", "[connect]\n"] {
        let name = "name = \"a.example\"\nlisten = \"[::]:7443\"\n";
        fs::write(folder.path().join(FILE), format!("{name}{table}made_up = 1\n")).unwrap();
        assert!(Config::load(folder.path(), &Overrides::default()).is_err(), "{table}");
    }
}
