//! The Debian packages, made by `cargo deb` of the programs that these tests run, and installed where nothing else is.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::manager::Manager;
use crate::servers::program;

/// Where `tests/run` puts the tools that no package manager has.
fn tools() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Path::new(env!("CARGO_MANIFEST_DIR")).join(target).join("tools")
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    said
}

/// Makes a package of the programs that there are; gives its file.
fn package(built: &Path, name: &str, variant: &[&str]) -> PathBuf {
    let bin = tools().join("bin");
    let mut command = Command::new(program("cargo-deb", &[bin.to_str().unwrap()]));
    command.args(["--no-build", "--fast", "--no-strip", "--quiet"]).args(variant).arg("--output").arg(built);
    run(command.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", built));
    let found = fs::read_dir(built).unwrap().map(|entry| entry.unwrap().path());
    let begins = format!("{name}_{}-1_", env!("CARGO_PKG_VERSION"));
    let mut found = found.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&begins));
    found.next().expect("no package was made")
}

#[test]
fn the_packages_install_where_nothing_else_is() {
    assert!(rustix::process::geteuid().is_root(), "only root can install packages into a folder: run this as root");
    let work = tempfile::tempdir_in(tools()).unwrap();
    let (built, root) = (work.path().join("built"), work.path().join("root"));
    fs::create_dir_all(built.join("release")).unwrap();
    for (name, file) in
        [("sequestred", env!("CARGO_BIN_EXE_sequestred")), ("sequestre", env!("CARGO_BIN_EXE_sequestre"))]
    {
        // What is not needed to run it would only be packed and unpacked again.
        run(Command::new("strip").arg("--strip-all").arg("-o").arg(built.join("release").join(name)).arg(file));
    }
    let daemon = package(&built, "sequestred", &[]);
    let client = package(&built, "sequestre", &["--variant", "client"]);

    let clean = tools().join("clean-root");
    assert!(clean.is_dir(), "{} is not there: tests/run makes it once", clean.display());
    run(Command::new("cp").args(["-a", "--reflink=auto"]).arg(&clean).arg(&root));
    let inside = |arguments: &[&str]| {
        let mut command = Command::new(program("chroot", &[]));
        command.arg(&root).args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        run(&mut command)
    };
    for file in [&daemon, &client] {
        let name = file.file_name().unwrap().to_str().unwrap();
        fs::copy(file, root.join(name)).unwrap();
        inside(&["dpkg", "--install", &format!("/{name}")]);
    }
    assert_eq!(inside(&["dpkg", "--audit"]), "", "nothing is half installed");
    for name in ["sequestred", "sequestre"] {
        let version = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(inside(&[name, "--version"]), version, "it finds its libraries");
    }

    // Everything belongs to root, and nobody else writes it.
    for package in ["sequestred", "sequestre"] {
        let files = inside(&["dpkg", "--listfiles", package]);
        for file in files.lines().filter(|file| *file != "/.") {
            let there = fs::symlink_metadata(root.join(&file[1..])).unwrap();
            assert_eq!((there.uid(), there.gid(), there.mode() & 0o022), (0, 0, 0), "{file}");
        }
        assert!(files.lines().any(|file| file == format!("/usr/share/doc/{package}/copyright")));
    }

    // The user was made by the package; the folder is made where systemd runs, and by the same file here.
    let users = fs::read_to_string(root.join("etc/passwd")).unwrap();
    let user = users.lines().find(|line| line.starts_with("sequestre:")).expect("no user");
    assert!(user.ends_with(":/var/lib/sequestre:/usr/sbin/nologin"), "{user}");
    let shadow = fs::read_to_string(root.join("etc/shadow")).unwrap();
    assert!(shadow.lines().any(|line| line.starts_with("sequestre:!")), "nobody can log in as it");
    let mut tmpfiles = Command::new(program("systemd-tmpfiles", &[]));
    run(tmpfiles.arg(format!("--root={}", root.display())).args(["--create", "sequestred.conf"]));
    let folder = fs::metadata(root.join("var/lib/sequestre")).unwrap();
    let id: u32 = user.split(':').nth(2).unwrap().parse().unwrap();
    assert_eq!((folder.mode() & 0o7777, folder.uid()), (0o700, id));

    // The units are where systemd looks, and name what the packages brought; nothing starts by itself.
    let systemctl = |arguments: &[&str]| {
        let mut command = Command::new(program("systemctl", &[]));
        let output = command.arg(format!("--root={}", root.display())).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(systemctl(&["is-enabled", "sequestred"]), "disabled\n");
    assert_eq!(systemctl(&["--global", "is-enabled", "sequestre-watch"]), "disabled\n");
    let unit = root.join("usr/lib/systemd/system/sequestred.service");
    let verify = Command::new(program("systemd-analyze", &[]))
        .arg(format!("--root={}", root.display()))
        .args(["verify", "--man=no", "sequestred.service"])
        .output()
        .unwrap();
    let said = String::from_utf8(verify.stderr).unwrap();
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("sequestre")).collect();
    assert!(ours.is_empty(), "{ours:?}");
    let unit = fs::read_to_string(unit).unwrap();
    assert!(root.join("usr/bin/sequestred").is_file() && unit.contains("ExecStart=/usr/bin/sequestred "));
    let watch = root.join("usr/lib/systemd/user/sequestre-watch.service.d/watch-installed.conf");
    assert!(fs::read_to_string(watch).unwrap().contains("\nExecStart=/usr/bin/sequestre sync --watch\n"));

    // It serves there, as its user: the folder is made, and a code comes out of it.
    let code = inside(&[
        "setpriv",
        &format!("--reuid={id}"),
        &format!("--regid={id}"),
        "--clear-groups",
        "sequestred",
        "init",
        "--data",
        "/var/lib/sequestre",
        "--name",
        "escrow.example.org",
    ]);
    assert!(code.contains("sequestre found"), "{code}");
    let database = fs::metadata(root.join("var/lib/sequestre/sequestre.db")).unwrap();
    assert_eq!((database.mode() & 0o777, database.uid()), (0o600, id));

    serves_under_systemd(&root, id);

    // Taken away, the data stay: also when everything of the package goes.
    inside(&["dpkg", "--purge", "sequestred", "sequestre"]);
    assert!(
        !root.join("usr/bin/sequestred").exists() && !root.join("usr/lib/systemd/system/sequestred.service").exists()
    );
    assert!(root.join("var/lib/sequestre/sequestre.db").exists());
}

/// The service as a real systemd runs it, with all that the unit forbids.
fn serves_under_systemd(root: &Path, id: u32) {
    let manager = Manager::boot(root);
    let show = |what: &str| {
        let said = manager.must(&["systemctl", "show", "--property", what, "--value", "sequestred"]);
        said.trim_end().to_owned()
    };
    manager.must(&["systemctl", "start", "sequestred"]);
    // It said so itself: Type=notify.
    assert_eq!((show("ActiveState"), show("SubState")), ("active".to_owned(), "running".to_owned()));
    let process = show("MainPID");
    let status = manager.must(&["cat", &format!("/proc/{process}/status")]);
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    let none = "0000000000000000";
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(line(name), none, "{name}");
    }
    assert_eq!((line("NoNewPrivs"), line("Seccomp"), line("Uid")), ("1".to_owned(), "2".to_owned(), id.to_string()));
    // The only user that it can be is its own.
    let users = manager.must(&["cat", &format!("/proc/{process}/uid_map")]);
    assert!(users.lines().any(|line| line.split_whitespace().eq([id.to_string(), id.to_string(), "1".to_owned()])));

    let user = id.to_string();
    let as_it = ["setpriv", "--reuid", &user, "--regid", &user, "--clear-groups", "--", "sequestred"];
    let sequestred = |arguments: &[&str]| manager.must(&[&as_it, arguments].concat());
    sequestred(&["health", "--data", "/var/lib/sequestre"]);
    sequestred(&["backup", "--data", "/var/lib/sequestre", "/var/lib/sequestre/copy.db"]);

    let path = root.join("var/lib/sequestre/sequestred.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("level = \"info\"", "level = \"debug\"")).unwrap();
    manager.must(&["systemctl", "reload", "sequestred"]);
    let read =
        || manager.must(&["journalctl", "--no-pager", "--unit", "sequestred"]).contains("taken=[\"log.level\"]");
    let begun = std::time::Instant::now();
    while !read() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "it was not read again");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(show("MainPID"), process, "it is the same process");

    // Other users, for programs of `exec` connectors, only where the technician says so.
    let more = root.join("etc/systemd/system/sequestred.service.d");
    fs::create_dir(&more).unwrap();
    fs::copy(root.join("usr/share/doc/sequestred/exec-connectors.conf"), more.join("exec-connectors.conf")).unwrap();
    manager.must(&["systemctl", "daemon-reload"]);
    manager.must(&["systemctl", "restart", "sequestred"]);
    let status = manager.must(&["cat", &format!("/proc/{}/status", show("MainPID"))]);
    // CAP_SETGID and CAP_SETUID.
    assert!(status.contains("CapEff:\t00000000000000c0\n"), "{status}");

    manager.must(&["systemctl", "stop", "sequestred"]);
    assert_eq!((show("Result"), show("ExecMainStatus")), ("success".to_owned(), "0".to_owned()));
    watches_for_a_user(&manager);
}

/// The watching client as a user's own manager runs it: it starts within its bounds, reads its folder, and finds that
/// there is nothing to watch.
fn watches_for_a_user(manager: &Manager) {
    let home = "/home/awa";
    manager.must(&["useradd", "--create-home", "--home-dir", home, "awa"]);
    let id = manager.must(&["id", "--user", "awa"]).trim_end().to_owned();
    let run = format!("/run/user/{id}");
    for folder in [&run, &format!("{home}/.sequestre")] {
        manager.must(&["install", "-d", "-m", "0700", "-o", "awa", "-g", "awa", folder]);
    }
    let mut start = vec!["systemd-run", "--unit=awas-manager", "--property=User=awa", "--property=Delegate=yes"];
    let environment = format!("--property=Environment=XDG_RUNTIME_DIR={run} HOME={home}");
    start.extend(["--property=Type=notify", &environment, "/lib/systemd/systemd", "--user"]);
    manager.must(&start);
    let (runtime, home) = (format!("XDG_RUNTIME_DIR={run}"), format!("HOME={home}"));
    let systemctl = |arguments: &[&str]| {
        let who = ["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups", "--", "env", &runtime, &home];
        manager.run(&[who.as_slice(), &["systemctl", "--user"], arguments].concat()).1
    };
    systemctl(&["start", "sequestre-watch"]);
    let begun = std::time::Instant::now();
    let ended = || systemctl(&["show", "--property", "ActiveState", "--value", "sequestre-watch"]) == "failed\n";
    while !ended() {
        let log = || manager.run(&["journalctl", "--no-pager", "-n", "30"]).1;
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "it does not end: {}", log());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(systemctl(&["show", "--property", "ExecMainStatus", "--value", "sequestre-watch"]), "2\n");
    let said = manager.must(&["journalctl", "--no-pager", "--unit", "awas-manager"]);
    assert!(said.contains("This folder knows no association yet"), "{said}");
}
