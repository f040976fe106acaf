//! Secrets leave no trace: the real programs work with secrets that occur nowhere else, and then everything that they
//! printed, logged or stored is searched for them, as they are and as hexadecimal and base64 digits.

#[path = "support/traces.rs"]
mod traces;

use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};
use sequestre::client::home::Home;
use sequestre::seal::founding::FoundingCode;
use sequestre::seal::identity::{Identity, WorkFactor};
use sequestre::seal::invitation::Invitation;
use sequestre::seal::secret::Secret;
use sequestre::seal::words::Language;

use traces::{Search, contains, forms, search_files};

const DEADLINE: Duration = Duration::from_secs(30);
const PEOPLE: [&str; 5] = ["Awa", "Bruno", "Chloe", "Maud", "Nina"];
const LABEL: &str = "amis-du-lac.example";

const USER_NAME: &str = "user-Kq4vTz81-marker";
const PASSWORD: &str = "password-Xw7jRm35-marker";
const SECOND_PASSWORD: &str = "password-Bn2sLd96-marker";
const TOTP_SECRET: &str = "MARKERQ7ZK3VTY5XW2PN";
const RECOVERY_CODES: &str = "codes-Hy6gFc40-marker";
const NOTES: &str = "notes-Pu9eJa72-marker";
const MISPLACED: &str = "misplaced-Ce5bVo18-marker";

/// A running daemon, killed whatever happens, with what it printed so far.
struct Daemon {
    child: Child,
    printed: Arc<Mutex<Vec<u8>>>,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Daemon {
    fn start(data: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequestred"));
        command.args(["run", "--log-format", "json", "--data"]).arg(data);
        command.env("SEQUESTRED_LOG_LEVEL", "trace").env("RUST_LOG", "trace");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let printed = Arc::new(Mutex::new(Vec::new()));
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for mut stream in streams {
            let printed = printed.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut buffer) {
                    printed.lock().unwrap().extend_from_slice(&buffer[..length]);
                }
            });
        }
        let daemon = Self { child, printed };
        daemon.waits_for("\"serving\"");
        daemon
    }

    fn waits_for(&self, text: &str) {
        let begun = Instant::now();
        while !contains(&self.printed.lock().unwrap(), text.as_bytes()) {
            assert!(begun.elapsed() < DEADLINE, "the daemon does not say {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything that it printed until it stopped.
    fn stop(mut self) -> Vec<u8> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.waits_for("\"stopped\"");
        let printed = self.printed.lock().unwrap();
        printed.clone()
    }
}

/// What a program printed, and which.
struct Printed {
    what: String,
    out: Vec<u8>,
    err: Vec<u8>,
}

struct Stage {
    root: tempfile::TempDir,
    printed: Vec<Printed>,
    /// What must be found nowhere: what it is, and its bytes.
    secrets: Vec<(String, Vec<u8>)>,
}

impl Stage {
    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn home(&self, name: &str) -> PathBuf {
        self.path("homes").join(name)
    }

    /// A file that people give to a program: not searched.
    fn input(&self, name: &str, content: &str) -> String {
        let path = self.path("inputs").join(name);
        sequestre::client::home::write(&path, content.as_bytes()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn hide(&mut self, what: &str, secret: &[u8]) {
        self.secrets.push((what.to_owned(), secret.to_vec()));
    }

    /// Runs the client and keeps what it printed; gives exit code and standard output.
    fn runs(&mut self, name: &str, arguments: &[&str]) -> (i32, String) {
        let passphrase = self.path("inputs").join(format!("{name}.passphrase"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequestre"));
        command.args(arguments).arg("--home").arg(self.home(name)).arg("--passphrase-file").arg(passphrase);
        command.args(["--yes", "--accept-unwitnessed"]).env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
        let output = command.stdin(Stdio::null()).output().unwrap();
        let code = output.status.code().unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        let what = format!("{name}: sequestre {}", arguments.join(" "));
        self.printed.push(Printed { what, out: output.stdout, err: output.stderr });
        (code, told)
    }

    /// Runs the client, which must do what it was told.
    fn does(&mut self, name: &str, arguments: &[&str]) -> String {
        let (code, told) = self.runs(name, arguments);
        let failed = &self.printed.last().unwrap().err;
        assert_eq!(code, 0, "{name} {arguments:?}: {told}{}", String::from_utf8_lossy(failed));
        told
    }

    fn number(&mut self, name: &str, arguments: &[&str], field: &str) -> String {
        let told = self.does(name, arguments);
        let value: serde_json::Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
        value[field].as_u64().unwrap().to_string()
    }

    /// Everything hidden is searched in everything that was printed and stored.
    fn search(&self) {
        let mut files = 0;
        for folder in ["server", "homes", "export"] {
            search_files(&self.path(folder), &mut |path, content| {
                files += 1;
                self.find(&path.display().to_string(), content);
            });
        }
        assert!(files > 50, "{files}");
        for Printed { what, out, err } in &self.printed {
            self.find(&format!("standard output of {what}"), out);
            self.find(&format!("standard error of {what}"), err);
        }
    }

    fn find(&self, place: &str, content: &[u8]) {
        if let Some(what) = Search::in_all_forms(&self.secrets).first_in(content) {
            panic!("{what} stands in {place}");
        }
    }
}

#[test]
fn the_search_finds_what_is_there() {
    let secret = b"marker \xff\n";
    for (place, content) in [
        ("raw", [b"--", &secret[..], b"--"].concat()),
        ("hex", format!("--{}--", hex::encode(secret)).into()),
        ("base64", BASE64_STANDARD.encode([&secret[..], b"--"].concat()).into()),
        ("base64, later", BASE64_STANDARD.encode([b"-", &secret[..], b"--"].concat()).into()),
        ("base64, later still", BASE64_URL_SAFE.encode([b"--", &secret[..]].concat()).into()),
        ("a debugger's list", format!("{secret:?}").into()),
        ("a debugger's string", format!("{:?}", secret.escape_ascii().to_string()).replace("\\\\", "\\").into()),
    ] {
        assert!(forms(secret).iter().any(|form| contains(&content, form)), "{place}");
    }
    assert!(!forms(secret).iter().any(|form| contains(b"market \xff", form)));
}

#[test]
fn secrets_leave_no_trace() {
    let root = tempfile::tempdir().unwrap();
    let mut stage = Stage { root, printed: Vec::new(), secrets: Vec::new() };
    for folder in ["inputs", "homes"] {
        fs::create_dir(stage.path(folder)).unwrap();
    }
    let people = identities(&mut stage);
    let code = init(&mut stage);
    let daemon = Daemon::start(&stage.path("server"));
    found(&mut stage, &code);
    let id = deposit_and_request(&mut stage);

    // What the requester is shown: the password is in this one place, and it is there.
    let told = stage.does("Nina", &["show", &id]);
    for shown in [USER_NAME, PASSWORD, RECOVERY_CODES, NOTES] {
        assert!(told.contains(shown), "{shown}");
    }
    assert!(
        !told.contains(TOTP_SECRET),
        "the secret of one-time passwords opens to the daemon, which shows codes only"
    );
    let shown = stage.printed.pop().unwrap();
    stage.find("standard error of show", &shown.err);
    let told = stage.does("Nina", &["show", &id, "--json"]);
    assert!(told.contains(PASSWORD) && !told.contains(TOTP_SECRET));
    let shown = stage.printed.pop().unwrap();
    stage.find("standard error of show", &shown.err);

    look_around(&mut stage, &people, &id);
    // While the daemon runs, its database has a write-ahead log; afterwards not.
    stage.search();
    let printed = daemon.stop();
    assert!(printed.len() > 10_000 && contains(&printed, b"\"TRACE\"") | contains(&printed, b"\"DEBUG\""));
    // The tokens of invitations stand in the log of the association, and nowhere in the daemon's own.
    for name in &PEOPLE[1..] {
        let invitation = fs::read_to_string(stage.path("inputs").join("invitations").join(format!("{name}.txt")));
        let token = Invitation::from_code(&invitation.unwrap()).unwrap().secret.token();
        assert!(forms(token.expose()).iter().all(|form| !contains(&printed, form)));
    }
    stage.printed.push(Printed { what: "sequestred run".to_owned(), out: Vec::new(), err: printed });
    let fsck =
        Command::new(env!("CARGO_BIN_EXE_sequestred")).args(["fsck", "--data"]).arg(stage.path("server")).output();
    let fsck = fsck.unwrap();
    assert_eq!(fsck.status.code(), Some(0));
    stage.printed.push(Printed { what: "sequestred fsck".to_owned(), out: fsck.stdout, err: fsck.stderr });
    stage.search();
}

/// Homes with identities whose passphrase function is cheap; the programs open any.
fn identities(stage: &mut Stage) -> Vec<Identity> {
    for (what, secret) in [
        ("the user name", USER_NAME),
        ("the password", PASSWORD),
        ("the second password", SECOND_PASSWORD),
        ("the one-time code's secret", TOTP_SECRET),
        ("the recovery codes", RECOVERY_CODES),
        ("the notes", NOTES),
        ("a secret in the wrong place", MISPLACED),
    ] {
        stage.hide(what, secret.as_bytes());
    }
    let make = |name: &&str| {
        let identity = Identity::generate().unwrap();
        let passphrase = format!("passphrase-{name}-Zg3-marker");
        stage.input(&format!("{name}.passphrase"), &format!("{passphrase}\n"));
        let (work, home) = (WorkFactor::lowered_for_demo_and_tests(), Home::new(stage.home(name)));
        home.store_identity(&identity, &Secret::from_string(passphrase.clone()), work).unwrap();
        stage.hide(&format!("the passphrase of {name}"), passphrase.as_bytes());
        for language in [Language::English, Language::French] {
            let words = identity.to_words(language);
            stage.hide(&format!("the words of {name}"), words.expose());
        }
        identity
    };
    PEOPLE.iter().map(make).collect()
}

/// Makes the data folder. The code that it prints is for the founder: it is what must not be printed again.
fn init(stage: &mut Stage) -> String {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let init = Command::new(env!("CARGO_BIN_EXE_sequestred"))
        .args(["init", "--name", &address, "--listen", &address, "--data"])
        .arg(stage.path("server"))
        .output()
        .unwrap();
    let printed = String::from_utf8(init.stdout).unwrap();
    let code = FoundingCode::from_code(&printed).unwrap();
    stage.hide("the founding token", code.token().expose());
    for line in printed.lines().filter(|line| !line.starts_with('#')) {
        stage.hide("the founding code", line.as_bytes());
    }
    stage.printed.push(Printed { what: "sequestred init".to_owned(), out: Vec::new(), err: init.stderr });
    stage.input("founding.txt", &printed)
}

fn found(stage: &mut Stage, code: &str) {
    let invitations = stage.path("inputs").join("invitations");
    let invitations = invitations.to_str().unwrap();
    let mut arguments = vec!["found", "--name", "Les Amis du Lac", "--me", "Awa", "--code-file", code];
    arguments.extend(["--trustee", "Bruno", "--trustee", "Chloe", "--mediator", "Maud", "--member", "Nina"]);
    arguments.extend(["--invitations", invitations, "--lang", "fr"]);
    stage.does("Awa", &arguments);
    for name in &PEOPLE[1..] {
        let file = format!("{invitations}/{name}.txt");
        let text = fs::read_to_string(&file).unwrap();
        let invitation = Invitation::from_code(&text).unwrap();
        stage.hide(&format!("the invitation of {name}"), invitation.secret.to_secret_bytes().expose());
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            stage.hide(&format!("the invitation's code of {name}"), line.as_bytes());
        }
        stage.does(name, &["join", &file]);
    }
    let proposal = stage.number("Awa", &["charter", "propose", "--json"], "proposal");
    for name in &PEOPLE[1..] {
        stage.does(name, &["approve", &proposal]);
    }
}

/// Puts the account in escrow and gets a request for all of it granted; gives its number.
fn deposit_and_request(stage: &mut Stage) -> String {
    let wrong = stage.input("wrong.json", &format!("{{ \"{MISPLACED}\": \"{MISPLACED}\", \"password\": 1 }}"));
    let (code, _) = stage.runs("Awa", &["deposit", LABEL, "--from", &wrong]);
    assert_eq!(code, 2);
    let account = serde_json::json!({
        "user_name": USER_NAME, "password": PASSWORD, "totp_secret": TOTP_SECRET,
        "recovery_codes": RECOVERY_CODES, "notes": NOTES, "sheet": { "kind": "registrar" },
    });
    let account = stage.input("account.json", &account.to_string());
    stage.does("Awa", &["deposit", LABEL, "--from", &account]);
    let mut arguments = vec!["request", LABEL, "--for", "1h", "--reason", "renew the domain", "--json"];
    for part in ["password", "totp-secret", "recovery-codes", "notes"] {
        arguments.extend(["--part", part]);
    }
    let id = stage.number("Nina", &arguments, "request");
    stage.does("Bruno", &["deny", &id, "--reason", "why?"]);
    stage.does("Bruno", &["approve", &id, "--json"]);
    stage.does("Chloe", &["approve", &id]);
    id
}

/// Every other verb that says something, also when it fails.
fn look_around(stage: &mut Stage, people: &[Identity], id: &str) {
    for arguments in [
        &["status"][..],
        &["status", "--json"],
        &["inbox"],
        &["inbox", "--json"],
        &["leases", "--all"],
        &["leases", "--all", "--json"],
        &["credentials"],
        &["credentials", LABEL],
        &["credentials", LABEL, "--json"],
        &["people"],
        &["charter"],
        &["charter", "--json"],
        &["device"],
        &["sync"],
        &["card"],
        &["audit", "log"],
        &["audit", "log", "--json"],
    ] {
        for name in ["Awa", "Maud", "Nina"] {
            stage.does(name, arguments);
        }
    }
    let export = stage.path("export");
    let export = export.to_str().unwrap();
    stage.does("Maud", &["audit", "export", export]);
    stage.does("Maud", &["audit", "verify", export]);

    // Nothing of a wrong passphrase, wrong words or a used code is repeated.
    let right = stage.path("inputs").join("Bruno.passphrase");
    let kept = fs::read(&right).unwrap();
    fs::write(&right, MISPLACED).unwrap();
    let (code, _) = stage.runs("Bruno", &["invite", "Zoe", "--as", "member"]);
    assert_eq!(code, 1);
    fs::write(&right, kept).unwrap();
    let words = people[1].to_words(Language::French);
    let words = words.expose_str().unwrap();
    let card = stage.does("Bruno", &["card"]);
    let (card, words_file) = (stage.input("card.txt", &card), stage.input("words.txt", words));
    let wrong = stage.input("wrong-words.txt", &words.replacen(' ', &format!(" {MISPLACED} "), 1));
    fs::create_dir(stage.home("Bruno again")).unwrap();
    fs::copy(stage.home("Bruno").join("identity.age"), stage.home("Bruno again").join("identity.age")).unwrap();
    fs::copy(right, stage.path("inputs").join("Bruno again.passphrase")).unwrap();
    for (file, exit) in [(&wrong, 2), (&words_file, 0)] {
        let arguments = ["restore-identity", "--words-file", file, "--card-file", &card];
        assert_eq!(stage.runs("Bruno again", &arguments).0, exit);
    }
    let used = stage.path("inputs").join("invitations").join("Nina.txt");
    fs::create_dir(stage.home("thief")).unwrap();
    fs::copy(stage.home("Bruno").join("identity.age"), stage.home("thief").join("identity.age")).unwrap();
    fs::copy(stage.path("inputs").join("Bruno.passphrase"), stage.path("inputs").join("thief.passphrase")).unwrap();
    assert_eq!(stage.runs("thief", &["join", used.to_str().unwrap()]).0, 3);

    // The access ends, and the password is changed.
    stage.does("Nina", &["return", id]);
    assert_eq!(stage.runs("Nina", &["show", id]).0, 3);
    let changed = stage.input("changed.json", &serde_json::json!({ "password": SECOND_PASSWORD }).to_string());
    stage.does("Chloe", &["deposit", LABEL, "--new-version", "--from", &changed, "--json"]);
    let again = stage.number("Nina", &["request", LABEL, "--for", "2h", "--reason", "again", "--json"], "request");
    stage.does("Bruno again", &["approve", &again]);
    stage.does("Awa", &["approve", &again]);
    stage.does("Awa", &["revoke", &again, "--reason", "no longer"]);
    assert_eq!(stage.runs("Nina", &["show", &again]).0, 3);
}
