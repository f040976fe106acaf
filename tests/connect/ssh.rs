//! OpenSSH.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use sequestre::connect::krl::{self, Authority};
use sequestre::connect::settings::Settings;
use sequestre::connect::{ConnectError, Connector, FieldName, Lease, LeaseName, Login};
use sequestre::escrow::id::OrganisationId;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kit::{connector, field, in_seconds, name, secret};
use crate::servers::{Running, free_port, program, wait_for_port};
use crate::tools::mint_with;

/// A key pair made by the stock program: private and public half.
fn key(folder: &Path, name: &str, kind: &[&str]) -> (PathBuf, String) {
    let file = folder.join(name);
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-N", "", "-C", name, "-t"]).args(kind).arg("-f").arg(&file);
    assert!(keygen.status().unwrap().success());
    (file.clone(), fs::read_to_string(file.with_extension("pub")).unwrap())
}

/// A server that trusts one authority, with a list of revoked keys.
struct Sshd {
    _running: Running,
    port: u16,
    user: String,
    folder: TempDir,
    authority: String,
}

impl Sshd {
    /// Runs as the user who runs the test: only root could let others in.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let (host_key, _) = key(path, "host", &["ed25519"]);
        let (_, authority) = key(path, "authority", &["ed25519"]);
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        if user == "root" {
            // Where sshd locks itself in before anybody logged in.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        revoke(path, &authority, &[]);
        let sshd = program("sshd", &["/usr/sbin", "/usr/local/sbin"]);
        let mut tries = 0;
        let (running, port) = loop {
            let port = free_port();
            let config = format!(
                "ListenAddress 127.0.0.1:{port}\nHostKey {}\nPidFile none\nStrictModes no\nUsePAM no\n\
                 AuthenticationMethods publickey\nAuthorizedKeysFile none\nPermitRootLogin prohibit-password\n\
                 TrustedUserCAKeys {}\nRevokedKeys {}\nSubsystem sftp /usr/lib/openssh/sftp-server\n",
                host_key.display(),
                path.join("authority.pub").display(),
                path.join("revoked").display()
            );
            fs::write(path.join("config"), config).unwrap();
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "TERM", "--"]).arg(&sshd).args(["-D", "-E"]).arg(path.join("log"));
            command.arg("-f").arg(path.join("config")).stdin(Stdio::null());
            let mut running = Running::start(command);
            if wait_for_port(port, &mut running) {
                break (running, port);
            }
            tries += 1;
            assert!(tries < 5, "{}", fs::read_to_string(path.join("log")).unwrap_or_default());
        };
        Self { _running: running, port, user, folder, authority }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn settings(&self, more: &[(&str, Value)]) -> Value {
        let target = format!("127.0.0.1:{}", self.port);
        let mut settings = json!({"kind": "ssh", "target": target, "user": self.user, "authority": self.authority});
        for (name, value) in more {
            settings[*name] = value.clone();
        }
        settings
    }

    fn admin(&self) -> Login {
        Login { user: None, secret: secret(&fs::read_to_string(self.path("authority")).unwrap()) }
    }

    /// A certificate for a key of the member's, in a file.
    async fn certificate(&self, connector: &Connector, index: u64, seconds: u64, public: &str) -> PathBuf {
        let minted = mint_with(connector, &self.admin(), index, "unused", seconds, Some(public)).await.unwrap();
        assert_eq!(field(&minted, FieldName::Port), self.port.to_string());
        assert_eq!(field(&minted, FieldName::User), self.user);
        let file = self.path(&format!("lease-{index}-cert.pub"));
        fs::write(&file, field(&minted, FieldName::Certificate)).unwrap();
        file
    }

    fn ssh(&self, key: &Path, certificate: Option<&Path>, more: &[&str], command: &str) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "/dev/null", "-p", &self.port.to_string(), "-l", &self.user, "-i"]).arg(key);
        for option in ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
        {
            ssh.args(["-o", option]);
        }
        ssh.args(["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"]);
        if let Some(certificate) = certificate {
            ssh.arg("-o").arg(format!("CertificateFile={}", certificate.display()));
        }
        ssh.args(more).args(["127.0.0.1", command]).stdin(Stdio::null());
        ssh
    }

    fn run(&self, key: &Path, certificate: Option<&Path>, more: &[&str], command: &str) -> Output {
        self.ssh(key, certificate, more, command).output().unwrap()
    }
}

/// Writes a list of revoked serials, as a target fetches it.
fn revoke(folder: &Path, authority: &str, serials: &[u64]) {
    let authority = Authority::parse(authority).unwrap();
    let list = krl::encode(&authority, &BTreeSet::from_iter(serials.iter().copied()), in_seconds(0));
    fs::write(folder.join("revoked.new"), list).unwrap();
    fs::rename(folder.join("revoked.new"), folder.join("revoked")).unwrap();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn refused(output: &Output) -> bool {
    !output.status.success() && text(&output.stderr).contains("Permission denied (publickey)")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_lets_the_member_in_until_its_serial_is_revoked() {
    let sshd = Sshd::start();
    let connector = connector(&sshd.settings(&[]));
    for kind in [&["ed25519"][..], &["rsa", "-b", "2048"]] {
        let (private, public) = key(sshd.folder.path(), &format!("member-{}", kind[0]), kind);
        let (lent, other) = if kind[0] == "rsa" { (19, 20) } else { (17, 18) };
        assert!(refused(&sshd.run(&private, None, &[], "echo in")), "the key alone opens nothing");
        let certificate = sshd.certificate(&connector, lent, 3600, &public).await;
        let second = sshd.certificate(&connector, other, 3600, &public).await;
        let inside = sshd.run(&private, Some(&certificate), &[], "echo in");
        assert_eq!((text(&inside.stdout).as_str(), inside.status.code()), ("in\n", Some(0)), "{inside:?}");

        // Another member's key with this certificate.
        let (stranger, _) = key(sshd.folder.path(), &format!("stranger-{}", kind[0]), &["ed25519"]);
        assert!(refused(&sshd.run(&stranger, Some(&certificate), &[], "echo in")));

        // Another organisation's lease of the same index, with the same authority.
        let theirs = LeaseName::new(OrganisationId::new([0xcd; 32]), lent);
        let unused = secret("unused");
        let lease = Lease { name: &theirs, until: in_seconds(3600), input: Some(&public), secret: &unused };
        let minted = connector.mint(&sshd.admin(), &lease).await.unwrap();
        let third = sshd.path("theirs-cert.pub");
        fs::write(&third, field(&minted, FieldName::Certificate)).unwrap();

        connector.revoke(&sshd.admin(), &name(lent)).await.unwrap();
        let serial = name(lent).serial();
        revoke(sshd.folder.path(), &sshd.authority, &[3, serial, 1 << 40]);
        for (file, revoked) in [(&certificate, true), (&second, false), (&third, false)] {
            let told = Command::new("ssh-keygen").arg("-Qf").arg(sshd.path("revoked")).arg(file).output().unwrap();
            assert_eq!(text(&told.stdout).contains("REVOKED"), revoked, "{told:?}");
            assert_eq!(told.status.success(), !revoked, "{told:?}");
            assert_eq!(refused(&sshd.run(&private, Some(file), &[], "echo in")), revoked);
        }
        let told = Command::new("ssh-keygen").args(["-Qlf"]).arg(sshd.path("revoked")).output().unwrap();
        assert!(text(&told.stdout).contains(&format!("serial: {serial}")), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn access_ends_by_itself_with_the_sessions_that_are_open() {
    let sshd = Sshd::start();
    let connector = connector(&sshd.settings(&[]));
    let (private, public) = key(sshd.folder.path(), "member", &["ed25519"]);
    let until = in_seconds(6);
    let certificate = sshd.certificate(&connector, 5, 6, &public).await;
    let mut session = sshd.ssh(&private, Some(&certificate), &[], "echo in; sleep 600 | cat; echo out");
    let mut session = session.stdout(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = session.try_wait().unwrap() {
            break status;
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "the session outlasts the certificate");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(in_seconds(0) >= until && !status.success());
    assert_eq!(text(&session.wait_with_output().unwrap().stdout), "in\n", "it was inside, and was not let finish");
    assert!(refused(&sshd.run(&private, Some(&certificate), &[], "echo in")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_allows_what_the_settings_name_and_no_more() {
    let sshd = Sshd::start();
    let (private, public) = key(sshd.folder.path(), "member", &["ed25519"]);

    let plain = connector(&sshd.settings(&[("principals", json!([sshd.user, "deploy"]))]));
    let certificate = sshd.certificate(&plain, 41, 3600, &public).await;
    let shown = text(&Command::new("ssh-keygen").arg("-Lf").arg(&certificate).output().unwrap().stdout);
    let serial = format!("Serial: {}", name(41).serial());
    for line in [serial.as_str(), "Key ID: \"seq-abababab-41\"", "Extensions: (none)", "deploy", "user certificate"] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let forward = ["-R", "0:127.0.0.1:1", "-o", "ExitOnForwardFailure=yes"];
    let output = sshd.run(&private, Some(&certificate), &forward, "echo in");
    assert!(!output.status.success() && output.stdout.is_empty(), "no forwarding: {output:?}");
    let terminal = sshd.run(&private, Some(&certificate), &["-tt"], "test -t 0 && echo terminal || echo none");
    assert!(!text(&terminal.stdout).contains("terminal"), "{terminal:?}");
    assert!(text(&terminal.stderr).contains("PTY allocation request failed"), "{terminal:?}");
    let copied = sshd.run(&private, Some(&certificate), &["-s"], "sftp");
    assert!(copied.status.success(), "files can be copied: {copied:?}");

    let more = json!(["permit-pty", "permit-port-forwarding"]);
    let generous = connector(&sshd.settings(&[("extensions", more), ("end_sessions", json!(false))]));
    let certificate = sshd.certificate(&generous, 42, 3600, &public).await;
    let terminal = sshd.run(&private, Some(&certificate), &["-tt"], "test -t 0 && echo terminal || echo none");
    assert_eq!(text(&terminal.stdout).trim(), "terminal");
    assert!(sshd.run(&private, Some(&certificate), &forward, "echo in").status.success());

    for end_sessions in [true, false] {
        let command = "echo \"it's $0\" forced; [ \"$0\" ]";
        let more = [("force_command", json!(command)), ("end_sessions", json!(end_sessions))];
        let certificate = sshd.certificate(&connector(&sshd.settings(&more)), 43, 3600, &public).await;
        let output = sshd.run(&private, Some(&certificate), &[], "echo mine");
        let said = text(&output.stdout);
        assert!(said.starts_with("it's ") && said.ends_with(" forced\n") && output.status.success(), "{output:?}");
    }

    for (networks, inside) in [(json!(["192.0.2.0/24", "2001:db8::/32"]), false), (json!(["127.0.0.0/8"]), true)] {
        let settings = sshd.settings(&[("source_addresses", networks)]);
        let certificate = sshd.certificate(&connector(&settings), 44, 3600, &public).await;
        assert_eq!(sshd.run(&private, Some(&certificate), &[], "true").status.success(), inside);
    }

    let settings = sshd.settings(&[("principals", json!(["nobody-here"]))]);
    let certificate = sshd.certificate(&connector(&settings), 45, 3600, &public).await;
    assert!(refused(&sshd.run(&private, Some(&certificate), &[], "true")), "for another account");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_authoritys_own_key_signs_and_only_for_keys_that_protect() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, public) = key(folder.path(), "authority", &["ed25519"]);
    let (other, member) = key(folder.path(), "other", &["ed25519"]);
    let (rsa, _) = key(folder.path(), "rsa", &["rsa", "-b", "2048"]);
    let settings = json!({"kind": "ssh", "target": "shell.example.org:22", "user": "web", "authority": public});
    let connector = connector(&settings);
    let admin = |file: &Path| Login { user: None, secret: secret(&fs::read_to_string(file).unwrap()) };
    let right = admin(&authority);
    assert!(connector.verify(&right).await.unwrap());
    assert!(!connector.verify(&admin(&other)).await.unwrap());
    for wrong in [admin(&rsa), Login { user: None, secret: secret("a password") }] {
        assert!(matches!(connector.verify(&wrong).await, Err(ConnectError::Unusable(_))));
    }
    let error = mint_with(&connector, &admin(&other), 1, "", 60, Some(&member)).await.err().unwrap();
    assert!(matches!(error, ConnectError::Refused { .. }), "{error}");

    let (_, weak) = key(folder.path(), "weak", &["rsa", "-b", "1024"]);
    let (_, curve) = key(folder.path(), "curve", &["ecdsa"]);
    let long = format!("{} {}", member.trim(), "x".repeat(10_000));
    for input in [None, Some(""), Some("ssh-ed25519 AAAA"), Some(&*weak), Some(&*curve), Some(&*long)] {
        let error = mint_with(&connector, &right, 1, "", 60, input).await.err().unwrap();
        assert!(matches!(error, ConnectError::Refused { .. }) && error.is_definite(), "{input:?}: {error}");
    }
    let error = connector.rotate(&right, &secret("next")).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotSupported(why) if why.contains("TrustedUserCAKeys")));

    for (key, value) in [
        ("principals", json!([])),
        ("principals", json!(["a,b"])),
        ("authority", json!("ssh-rsa AAAA")),
        ("source_addresses", json!(["192.0.2.0/33"])),
        ("extensions", json!(["permit-everything"])),
        ("unknown", json!(1)),
    ] {
        let mut bad = settings.clone();
        bad[key] = value;
        assert!(Settings::parse(&bad.to_string()).is_err(), "{bad}");
    }
}
