//! Dovecot, with the ready-made program.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sequestre::connect::exec::Program;
use sequestre::connect::{ConnectError, Connector, FieldName, Lease, LeaseName};
use sequestre::escrow::id::OrganisationId;
use serde_json::json;
use tempfile::TempDir;

use crate::kit::{PATIENCE, field, in_seconds, login, mint, name, secret};
use crate::servers::{free_port, program as find};
use crate::tools::{program, ready_made};

/// A mail server with two mailboxes.
struct Dovecot {
    master: Child,
    folder: TempDir,
    port: u16,
}

impl Dovecot {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().display();
        // Root hands everything to `nobody`; anybody else keeps it.
        let root = rustix::process::geteuid().is_root();
        let own = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = if root { "nobody" } else { std::str::from_utf8(&own).unwrap().trim() };
        let owner = Command::new("id").args(["-u", user]).output().unwrap().stdout;
        let owner: u32 = std::str::from_utf8(&owner).unwrap().trim().parse().unwrap();
        let group = Command::new("id").args(["-gn", user]).output().unwrap().stdout;
        let group = std::str::from_utf8(&group).unwrap().trim().to_owned();
        let gid = Command::new("id").args(["-g", user]).output().unwrap().stdout;
        let gid: u32 = std::str::from_utf8(&gid).unwrap().trim().parse().unwrap();
        let mail = folder.path().join("mail");
        fs::create_dir(&mail).unwrap();
        if root {
            std::os::unix::fs::chown(&mail, Some(owner), Some(gid)).unwrap();
        }
        let port = free_port();
        let config = format!(
            "protocols = imap\nlisten = 127.0.0.1\nbase_dir = {path}/run\nstate_dir = {path}/state\nssl = no\n\
             disable_plaintext_auth = no\nlog_path = {path}/log\ndefault_internal_user = {user}\n\
             default_internal_group = {group}\ndefault_login_user = {user}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\n\
             mail_location = maildir:{path}/mail/%u\n\
             service anvil {{\n chroot =\n}}\n\
             service imap-login {{\n chroot =\n inet_listener imap {{\n  port = {port}\n }}\n inet_listener imaps {{\n  \
             port = 0\n }}\n}}\n\
             passdb {{\n driver = passwd-file\n args = scheme=SSHA512 username_format=%u {path}/passwords\n}}\n\
             userdb {{\n driver = static\n args = uid={owner} gid={gid} home={path}/mail/%u\n}}\n"
        );
        fs::write(folder.path().join("dovecot.conf"), config).unwrap();
        let line = |name: &str, password: &str| {
            let doveadm = find("doveadm", &["/usr/bin"]);
            let mut command = Command::new(doveadm);
            command.args(["-o", "stats_writer_socket_path=", "-c"]).arg(folder.path().join("dovecot.conf"));
            let output = command.args(["pw", "-s", "SSHA512", "-p", password]).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            format!("{name}:{}::::::\n", String::from_utf8(output.stdout).unwrap().trim())
        };
        let text = format!("# mailboxes\n{}{}", line("info", "the mailbox's own"), line("other", "another"));
        let passwords = folder.path().join("passwords");
        fs::write(&passwords, text).unwrap();
        fs::set_permissions(&passwords, fs::Permissions::from_mode(0o640)).unwrap();
        if root {
            std::os::unix::fs::chown(&passwords, None, Some(gid)).unwrap();
        }
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(find("dovecot", &["/usr/sbin"])).args(["-F", "-c"]);
        command.arg(folder.path().join("dovecot.conf")).stdin(Stdio::null());
        let mut dovecot = Self { master: command.spawn().unwrap(), folder, port };
        let begin = Instant::now();
        while dovecot.try_greeting().is_none() {
            let log = dovecot.log();
            assert!(dovecot.master.try_wait().unwrap().is_none(), "Dovecot ended: {log}");
            assert!(begin.elapsed() < PATIENCE, "Dovecot does not answer: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
        dovecot
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("passwords")
    }

    fn try_greeting(&self) -> Option<BufReader<TcpStream>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        line.starts_with("* OK").then_some(stream)
    }

    /// Logs in over IMAP; a session, if that is possible.
    fn login(&self, user: &str, password: &str) -> Option<BufReader<TcpStream>> {
        let mut session = self.try_greeting().unwrap();
        let answer = command(&mut session, &format!("LOGIN \"{user}\" \"{password}\""));
        assert!(answer.starts_with("a OK") || answer.contains("AUTHENTICATIONFAILED"), "{answer} {}", self.log());
        answer.starts_with("a OK").then_some(session)
    }

    fn connector(&self, doveadm: bool) -> Connector {
        let mut arguments = vec!["--file".to_owned(), self.file().display().to_string()];
        if doveadm {
            arguments.push("--doveadm".to_owned());
            arguments.push(find("doveadm", &["/usr/bin"]).display().to_string());
            arguments.push(self.folder.path().join("dovecot.conf").display().to_string());
        }
        let file = Program::new(&ready_made("dovecot.py"), arguments, None).unwrap();
        program(&json!({"kind": "exec", "program": "it"}), file, PATIENCE)
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        // It ends its own processes when it is asked to.
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.master),
            rustix::process::Signal::TERM,
        );
        let _ = self.master.wait();
    }
}

/// One command; its tagged answer, or nothing if the session has ended.
fn command(session: &mut BufReader<TcpStream>, text: &str) -> String {
    if write!(session.get_mut(), "a {text}\r\n").is_err() {
        return String::new();
    }
    let mut line = String::new();
    while matches!(session.read_line(&mut line), Ok(1..)) {
        if line.starts_with("a ") {
            return line;
        }
        line.clear();
    }
    String::new()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_a_name_and_password_of_its_own_for_the_mailbox() {
    let dovecot = Dovecot::start();
    let (connector, admin) = (dovecot.connector(true), login("info", "the mailbox's own"));
    assert!(connector.verify(&admin).await.unwrap());
    for wrong in [login("info", "wrong"), login("nobody", "wrong"), login("seq-abababab-1", "x")] {
        assert!(!matches!(connector.verify(&wrong).await, Ok(true)));
        assert!(mint(&connector, &wrong, 1, "lent").await.err().unwrap().is_definite());
        assert!(connector.rotate(&wrong, &secret("next")).await.unwrap_err().is_definite());
    }
    let mut own = dovecot.login("info", "the mailbox's own").unwrap();
    assert!(command(&mut own, "CREATE \"of the association\"").starts_with("a OK"));

    let first = mint(&connector, &admin, 1, "first secret").await.unwrap();
    let user = field(&first, FieldName::User);
    assert_eq!((user.as_str(), field(&first, FieldName::Password).as_str()), ("seq-abababab-1", "first secret"));
    let mut session = dovecot.login(&user, "first secret").unwrap();
    assert!(command(&mut session, "SELECT \"of the association\"").starts_with("a OK"), "the same mailbox");
    mint(&connector, &admin, 2, "of another lease").await.unwrap();

    // Again, within one second and with a hash of the same length: the secret of the second call counts.
    mint(&connector, &admin, 1, "second secret").await.unwrap();
    assert!(dovecot.login(&user, "first secret").is_none());
    let mut session = dovecot.login(&user, "second secret").unwrap();

    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(dovecot.login(&user, "second secret").is_none());
    wait_until_ended(&mut session);
    assert!(dovecot.login("seq-abababab-2", "of another lease").is_some());
    assert!(dovecot.login("info", "the mailbox's own").is_some());
    assert!(dovecot.login("other", "another").is_some());
    connector.revoke(&admin, &name(1)).await.unwrap();
    connector.revoke(&admin, &name(2)).await.unwrap();
    assert!(dovecot.login("seq-abababab-2", "of another lease").is_none());

    connector.rotate(&admin, &secret("the next own")).await.unwrap();
    let next = login("info", "the next own");
    assert!(!connector.verify(&admin).await.unwrap() && connector.verify(&next).await.unwrap());
    assert!(dovecot.login("info", "the mailbox's own").is_none() && dovecot.login("info", "the next own").is_some());
    connector.rotate(&admin, &next.secret).await.expect("after a lost answer, again");
    let text = fs::read_to_string(dovecot.file()).unwrap();
    assert!(text.starts_with("# mailboxes\n") && text.lines().count() == 3 && !text.contains("own"), "{text}");
    assert_eq!(fs::metadata(dovecot.file()).unwrap().permissions().mode() & 0o777, 0o640);
}

/// A login is sealed by whoever likes to: revoking must not do to a mailbox what its owner did not allow.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_elses_lines_and_sessions_are_touched() {
    let dovecot = Dovecot::start();
    let (connector, admin) = (dovecot.connector(true), login("info", "the mailbox's own"));
    let mut session = dovecot.login("info", "the mailbox's own").unwrap();
    for user in ["info", "*", "i?fo", "-f"] {
        let stranger = login(user, "wrong");
        assert!(mint(&connector, &stranger, 1, "lent").await.is_err());
        let _ = connector.revoke(&stranger, &name(1)).await;
        assert!(command(&mut session, "NOOP").starts_with("a OK"), "{user}");
    }
    // An association whose id begins with the same eight digits.
    let mut id = [0xab; 32];
    id[31] = 0;
    let alike = LeaseName::new(OrganisationId::new(id), 1);
    assert_eq!(alike.to_string(), name(1).to_string());
    mint(&connector, &admin, 1, "lent").await.unwrap();
    let other = login("other", "another");
    let lent = secret("theirs");
    let lease = Lease { name: &alike, until: in_seconds(60), input: None, secret: &lent };
    for error in
        [connector.mint(&other, &lease).await.err().unwrap(), connector.revoke(&other, &alike).await.unwrap_err()]
    {
        assert!(matches!(error, ConnectError::NotOurs { .. }), "{error}");
    }
    assert!(dovecot.login("seq-abababab-1", "lent").is_some());
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(dovecot.login("seq-abababab-1", "lent").is_none());
}

fn wait_until_ended(session: &mut BufReader<TcpStream>) {
    let begin = Instant::now();
    while command(session, "NOOP").starts_with("a OK") {
        assert!(begin.elapsed() < Duration::from_secs(20), "the session goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The call fails and did nothing; it fails and did it; the server is down.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_failed_is_made_again() {
    let dovecot = Dovecot::start();
    let (connector, admin) = (dovecot.connector(false), login("info", "the mailbox's own"));
    mint(&connector, &admin, 1, "lent").await.unwrap();

    // The file cannot be read: nothing was done, and the program does not claim to know.
    let hidden = dovecot.folder.path().join("hidden");
    fs::rename(dovecot.file(), &hidden).unwrap();
    let calls: [Result<(), ConnectError>; 3] = [
        mint(&connector, &admin, 2, "lent").await.map(drop),
        connector.revoke(&admin, &name(1)).await,
        connector.rotate(&admin, &secret("next")).await,
    ];
    for error in calls.map(Result::unwrap_err) {
        assert!(!error.is_definite(), "{error}");
    }
    fs::rename(&hidden, dovecot.file()).unwrap();
    assert!(dovecot.login("seq-abababab-1", "lent").is_some());
    assert!(connector.verify(&admin).await.unwrap());

    // The line is removed, and then the sessions could not be ended: it did half of it, and says so.
    let false_doveadm = dovecot.folder.path().join("doveadm");
    fs::write(&false_doveadm, "#!/bin/sh\nexit 75\n").unwrap();
    fs::set_permissions(&false_doveadm, fs::Permissions::from_mode(0o755)).unwrap();
    let (passwords, false_doveadm) = (dovecot.file(), false_doveadm.display().to_string());
    let arguments = ["--file", passwords.to_str().unwrap(), "--doveadm", &false_doveadm, "/dev/null"];
    let arguments = arguments.map(str::to_owned).to_vec();
    let file = Program::new(&ready_made("dovecot.py"), arguments, None).unwrap();
    let half = program(&json!({"kind": "exec", "program": "it"}), file, PATIENCE);
    let mut session = dovecot.login("seq-abababab-1", "lent").unwrap();
    let error = half.revoke(&admin, &name(1)).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unfinished { .. }), "{error}");
    assert!(dovecot.login("seq-abababab-1", "lent").is_none());
    assert!(command(&mut session, "NOOP").starts_with("a OK"));
    dovecot.connector(true).revoke(&admin, &name(1)).await.unwrap();
    wait_until_ended(&mut session);

    // Down: the file is what counts, so that the lease ends all the same.
    mint(&connector, &admin, 3, "lent").await.unwrap();
    let file = dovecot.file();
    assert!(fs::read_to_string(&file).unwrap().contains("seq-abababab-3"));
    rustix::process::kill_process(rustix::process::Pid::from_child(&dovecot.master), rustix::process::Signal::TERM)
        .unwrap();
    connector.revoke(&admin, &name(3)).await.unwrap();
    assert!(!fs::read_to_string(&file).unwrap().contains("seq-abababab-3"));
}
