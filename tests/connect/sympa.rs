//! Sympa, from the Debian package, with the ready-made program. No mail server is needed: nothing here sends mail.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sequestre::connect::exec::Program;
use sequestre::connect::settings::Settings;
use sequestre::connect::{ConnectError, Connector, FieldName};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kit::{PATIENCE, against, field, login, mint, name, secret};
use crate::sites::{MariaDb, form};
use crate::tools::{dying, program, ready_made};

const WEB: &str = "/usr/lib/cgi-bin/sympa/wwsympa.fcgi";
const LIBRARIES: &str = "/usr/share/sympa/lib";
const CHEF: &str = "chef@example.org";
const EDITOR: &str = "redaction@example.org";

/// A list server with a listmaster and an account. Its web pages run as a CGI program, once for each request.
struct Sympa {
    database: MariaDb,
    folder: TempDir,
}

impl Sympa {
    fn start() -> Self {
        let database = MariaDb::start_with(&[]);
        // The list server runs as another user than the database.
        fs::set_permissions(database.socket().parent().unwrap(), fs::Permissions::from_mode(0o711)).unwrap();
        database.root(
            "CREATE DATABASE sympa CHARACTER SET utf8mb4; CREATE USER sympa@localhost IDENTIFIED BY 'x'; \
             GRANT ALL ON sympa.* TO sympa@localhost;",
        );
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let mut configuration = format!(
            "domain lists.example.org\nlistmaster {CHEF}\nlang en\nwwsympa_url http://127.0.0.1/wws\n\
             db_type MySQL\ndb_name sympa\ndb_host localhost\ndb_user sympa\ndb_passwd x\n\
             db_options mysql_socket={}\nmove_user listmaster\nsendmail /bin/true\nlog_socket_type native\n\
             static_content_path /usr/share/sympa/static_content\n",
            database.socket().display()
        );
        let queues =
            ["", "automatic", "mod", "topic", "digest", "auth", "outgoing", "subscribe", "task", "bounce", "bulk"];
        let queues = queues.map(|name| format!("queue{name}"));
        let others = [
            "etc",
            "home",
            "spool",
            "arc_path",
            "bounce_path",
            "css_path",
            "pictures_path",
            "tmpdir",
            "viewmail_dir",
        ];
        for name in others.map(str::to_owned).into_iter().chain(queues) {
            fs::create_dir(path(&name)).unwrap();
            configuration.push_str(&format!("{name} {}\n", path(&name).display()));
        }
        fs::write(path("sympa.conf"), configuration).unwrap();
        fs::write(path("etc/auth.conf"), "user_table\n  regexp .*\n").unwrap();
        let text = "print Sympa::Constants::VERSION";
        let version = output(Command::new("perl").args(["-I", LIBRARIES, "-MSympa::Constants", "-e", text]), "");
        fs::write(path("etc/data_structure.version"), format!("{version}\n")).unwrap();
        give(folder.path());
        let sympa = Self { database, folder };
        // Makes the tables and the accounts, as Sympa itself does.
        let text = format!(
            "Conf::load() && Sympa::DatabaseManager::probe_db() or die; \
             Sympa::User::add_global_user({{email => $_->[0], password => $_->[1]}}) \
             for ['{CHEF}', q{{the chef's own}}], ['{EDITOR}', 'an earlier one'];"
        );
        let mut setup = sympa.as_sympa("perl");
        setup.args(["-I", LIBRARIES, "-MConf", "-MSympa::DatabaseManager", "-MSympa::User", "-e", &text]);
        output(&mut setup, "");
        sympa
    }

    fn configuration(&self) -> PathBuf {
        self.folder.path().join("sympa.conf")
    }

    /// A command as the user `sympa`, which the web pages insist on: root becomes it, anybody else seems to be it.
    fn as_sympa(&self, program: &str) -> Command {
        let (user, group) = ids();
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups", "--"]);
            command
        } else {
            let mut command = Command::new("unshare");
            command.args(["--user", &format!("--map-user={user}"), &format!("--map-group={group}"), "--"]);
            command
        };
        command.arg(program).env_clear().env("PATH", "/usr/bin:/bin").env("SYMPA_CONFIG", self.configuration());
        command
    }

    fn arguments(&self) -> [String; 4] {
        ["--lib", LIBRARIES, "--config", self.configuration().to_str().unwrap()].map(str::to_owned)
    }

    fn connector(&self, options: &Value) -> Connector {
        let settings = json!({"kind": "exec", "program": "it", "exclusive": true, "options": options});
        assert!(Settings::parse(&settings.to_string()).unwrap().needs_exclusive());
        let file = Program::new(&ready_made("sympa.pl"), self.arguments().to_vec(), user().as_deref()).unwrap();
        program(&settings, file, PATIENCE)
    }

    /// One request to the web pages: its head and its body.
    fn web(&self, path: &str, cookie: &str, pairs: &[(&str, &str)]) -> String {
        let body = form(pairs);
        let mut command = self.as_sympa(WEB);
        command.env("REQUEST_METHOD", if pairs.is_empty() { "GET" } else { "POST" });
        command
            .env("CONTENT_TYPE", "application/x-www-form-urlencoded")
            .env("CONTENT_LENGTH", body.len().to_string());
        command.env("PATH_INFO", path).env("HTTP_COOKIE", cookie).env("HTTP_USER_AGENT", "Mozilla/5.0");
        for (name, value) in [
            ("GATEWAY_INTERFACE", "CGI/1.1"),
            ("SERVER_NAME", "127.0.0.1"),
            ("HTTP_HOST", "127.0.0.1"),
            ("SERVER_PORT", "80"),
            ("SERVER_PROTOCOL", "HTTP/1.0"),
            ("SCRIPT_NAME", "/wws"),
            ("REMOTE_ADDR", "127.0.0.1"),
        ] {
            command.env(name, value);
        }
        let answer = output(&mut command, &body);
        assert!(!answer.contains("Status: 503"), "{answer}");
        answer
    }

    /// Logs in as a person does; the session's cookie, if that is possible.
    fn login(&self, email: &str, password: &str) -> Option<String> {
        let page = self.web("/login", "", &[]);
        let token = between(&page, "name=\"csrftoken\" value=\"", "\"");
        let answer = self.web(
            "/",
            cookie(&page),
            &[
                ("csrftoken", token),
                ("action", "login"),
                ("submit", "submit"),
                ("email", email),
                ("passwd", password),
            ],
        );
        let cookie = cookie(&answer).to_owned();
        let is_in = self.is_in(&cookie, email);
        assert_eq!(answer.contains("Status: 302"), is_in, "{answer}");
        is_in.then_some(cookie)
    }

    /// Whether a session (still) belongs to somebody: only they see their preferences.
    fn is_in(&self, cookie: &str, email: &str) -> bool {
        self.web("/pref", cookie, &[]).contains(&format!("name=\"current_email\" value=\"{email}\""))
    }

    fn count(&self, what: &str) -> String {
        self.database.root(&format!("SELECT COUNT(*) FROM sympa.{what};"))
    }
}

/// The user and group that the package made.
fn ids() -> (u32, u32) {
    let id = |which: &str| output(Command::new("id").args([which, "sympa"]), "").trim().parse().unwrap();
    (id("-u"), id("-g"))
}

fn user() -> Option<String> {
    let (user, group) = ids();
    rustix::process::geteuid().is_root().then(|| format!("{user}:{group}"))
}

/// Gives a folder and what is in it to that user.
fn give(path: &Path) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let (user, group) = ids();
    chown(path, Some(user), Some(group)).unwrap();
    for entry in path.is_dir().then(|| fs::read_dir(path).unwrap()).into_iter().flatten() {
        give(&entry.unwrap().path());
    }
}

fn output(command: &mut Command, input: &str) -> String {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).current_dir("/");
    let mut child = piped.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs it"));
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {text} {}", String::from_utf8_lossy(&output.stderr));
    text
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split_once(after).unwrap().0
}

fn cookie(answer: &str) -> &str {
    between(answer, "Set-Cookie: ", ";")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_a_password_that_is_scrambled_and_its_sessions_end() {
    let sympa = Sympa::start();
    let (connector, admin) = (sympa.connector(&json!({"account": EDITOR})), login(CHEF, "the chef's own"));
    assert!(connector.verify(&admin).await.unwrap());
    // The right password of somebody who may not lend, too.
    for wrong in [login(CHEF, "wrong"), login(CHEF, ""), login(EDITOR, "an earlier one")] {
        assert!(!connector.verify(&wrong).await.unwrap());
        let calls: [Result<(), ConnectError>; 3] = [
            mint(&connector, &wrong, 1, "lent").await.map(drop),
            connector.revoke(&wrong, &name(1)).await,
            connector.rotate(&wrong, &secret("next")).await,
        ];
        for error in calls.map(Result::unwrap_err) {
            assert!(matches!(error, ConnectError::Denied { .. }), "{error}");
        }
    }

    let earlier = sympa.login(EDITOR, "an earlier one").unwrap();
    let minted = mint(&connector, &admin, 1, "the 1st \"lent\", é").await.unwrap();
    assert_eq!(field(&minted, FieldName::User), EDITOR);
    assert_eq!(field(&minted, FieldName::Url), "http://127.0.0.1/wws");
    assert!(!sympa.is_in(&earlier, EDITOR), "who was inside is not any more");
    assert!(sympa.login(EDITOR, "an earlier one").is_none());
    let first = sympa.login(EDITOR, "the 1st \"lent\", é").unwrap();
    // Again: the secret of the second call counts. It looks like a hash, which is not to be taken for one.
    mint(&connector, &admin, 1, "0123456789abcdef0123456789abcdef").await.unwrap();
    assert!(!sympa.is_in(&first, EDITOR) && sympa.login(EDITOR, "the 1st \"lent\", é").is_none());
    let second = sympa.login(EDITOR, "0123456789abcdef0123456789abcdef").unwrap();
    let chefs = sympa.login(CHEF, "the chef's own").unwrap();
    // A link that logs in without a password, as Sympa sends them by mail.
    sympa.database.root(&format!(
        "INSERT INTO sympa.one_time_ticket_table (ticket_one_time_ticket, email_one_time_ticket) VALUES ('1', '{EDITOR}'), \
         ('2', '{CHEF}');"
    ));

    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(!sympa.is_in(&second, EDITOR));
    assert!(sympa.login(EDITOR, "0123456789abcdef0123456789abcdef").is_none());
    assert!(sympa.is_in(&chefs, CHEF), "others do not notice");
    assert_eq!(sympa.count("one_time_ticket_table"), "1");
    connector.revoke(&admin, &name(1)).await.unwrap();

    // Requests that were let in before the end, and take effect a little later: a login, and a change of the password.
    mint(&connector, &admin, 2, "lent").await.unwrap();
    let hash = format!("SELECT password_user FROM sympa.user_table WHERE email_user = '{EDITOR}';");
    let lent = sympa.database.root(&hash);
    let revoking = tokio::spawn({
        let (connector, admin) = (sympa.connector(&json!({"account": EDITOR})), login(CHEF, "the chef's own"));
        async move { connector.revoke(&admin, &name(2)).await }
    });
    let begin = Instant::now();
    while sympa.database.root(&hash) == lent {
        assert!(begin.elapsed() < PATIENCE, "the password does not change");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    sympa.database.root(&format!(
        "INSERT INTO sympa.session_table (id_session, prev_id_session, email_session) \
         VALUES ('12345678901234', '12345678901234', '{EDITOR}'); \
         UPDATE sympa.user_table SET password_user = '{lent}' WHERE email_user = '{EDITOR}';"
    ));
    revoking.await.unwrap().unwrap();
    assert_eq!(sympa.count(&format!("session_table WHERE email_session = '{EDITOR}'")), "0");
    assert!(sympa.login(EDITOR, "lent").is_none());
    // Whoever comes in again by one and makes the next: that is not over.
    let set = format!("UPDATE sympa.user_table SET password_user = '{lent}' WHERE email_user = '{EDITOR}';");
    let error = against(|| drop(sympa.database.root(&set)), connector.revoke(&admin, &name(2))).await;
    assert!(matches!(error, Err(ConnectError::Unfinished { .. })), "{error:?}");
    connector.revoke(&admin, &name(2)).await.unwrap();
    assert!(sympa.login(EDITOR, "lent").is_none());

    connector.rotate(&admin, &secret("the chef's next")).await.unwrap();
    let next = login(CHEF, "the chef's next");
    assert!(!connector.verify(&admin).await.unwrap() && connector.verify(&next).await.unwrap());
    connector.rotate(&admin, &next.secret).await.expect("after a lost answer, again");
    assert!(sympa.login(CHEF, "the chef's own").is_none() && sympa.login(CHEF, "the chef's next").is_some());
}

/// What whoever deposits an account can write, and where the program lends nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_reaches_nothing() {
    let sympa = Sympa::start();
    let admin = login(CHEF, "the chef's own");
    let text = fs::read_to_string(sympa.configuration()).unwrap();
    let with = |text: &str| {
        fs::write(sympa.configuration(), text).unwrap();
        give(&sympa.configuration());
    };
    let passwords = || sympa.database.root("SELECT email_user, password_user FROM sympa.user_table ORDER BY 1;");
    let before = passwords();
    with(&text.replace(&format!("listmaster {CHEF}"), &format!("listmaster {CHEF},boss@example.org")));
    sympa.database.root("INSERT INTO sympa.user_table (email_user) VALUES ('boss@example.org');");
    for options in [
        json!({}),
        json!({"account": CHEF}),
        json!({"account": "CHEF@example.org"}),
        json!({"account": "boss@example.org"}),
        json!({"account": "nobody@example.org"}),
        json!({"account": "%@example.org"}),
        json!({"account": "redaction_example.org"}),
        json!({"account": "' OR 1=1 -- @example.org"}),
        json!({"account": [EDITOR]}),
        json!({"account": null}),
        json!({"account": EDITOR, "robot": "other.example.org"}),
    ] {
        let connector = sympa.connector(&options);
        let error = mint(&connector, &admin, 1, "lent").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unusable(_)), "{options}: {error}");
        // Where what is named is an account that can have been lent, the end of a lease is not refused.
        if !["boss@example.org", "nobody@example.org", "%@example.org"]
            .iter()
            .any(|account| options["account"] == *account)
        {
            let error = connector.revoke(&admin, &name(1)).await.unwrap_err();
            assert!(matches!(error, ConnectError::Unusable(_)), "{options}: {error}");
        }
    }
    // Whoever has the account could take it away with them.
    let connector = sympa.connector(&json!({"account": EDITOR}));
    with(&text.replace("move_user listmaster\n", ""));
    let error = mint(&connector, &admin, 1, "lent").await.err().unwrap();
    assert!(matches!(error, ConnectError::Unusable(_)), "{error}");
    with(&text);
    sympa.database.root("DELETE FROM sympa.user_table WHERE email_user = 'boss@example.org';");
    assert_eq!(passwords(), before);
}

/// What a listmaster did to the account meanwhile: the lease ends all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_ends_whatever_became_of_the_account() {
    let sympa = Sympa::start();
    let (connector, admin) = (sympa.connector(&json!({"account": EDITOR})), login(CHEF, "the chef's own"));
    let text = fs::read_to_string(sympa.configuration()).unwrap();
    let with = |text: &str| {
        fs::write(sympa.configuration(), text).unwrap();
        give(&sympa.configuration());
    };
    let set = |what: &str| sympa.database.root(&format!("UPDATE sympa.user_table SET {what};"));
    let attributes = || sympa.database.root("SELECT IFNULL(attributes_user, '') FROM sympa.user_table ORDER BY 1;");
    set(&format!("attributes_user = 'cn__PAIRS_SEP__Nina' WHERE email_user = '{EDITOR}'"));
    let before = attributes();

    // It has become a listmaster's.
    mint(&connector, &admin, 1, "lent").await.unwrap();
    let session = sympa.login(EDITOR, "lent").unwrap();
    with(&text.replace(&format!("listmaster {CHEF}"), &format!("listmaster {CHEF},{EDITOR}")));
    let error = mint(&connector, &admin, 1, "again").await.err().unwrap();
    assert!(matches!(error, ConnectError::Unusable(_)), "{error}");
    assert!(sympa.is_in(&session, EDITOR));
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(!sympa.is_in(&session, EDITOR) && sympa.login(EDITOR, "lent").is_none());
    with(&text);
    assert_eq!(attributes(), before, "what else is kept about it stays, and nothing of ours");

    // It was given another address; somebody else's account has another lease's mark.
    sympa.database.root(
        "INSERT INTO sympa.user_table (email_user, attributes_user) VALUES \
         ('nina@example.org', 'sequestre__PAIRS_SEP__sequestre:another:1');",
    );
    mint(&connector, &admin, 1, "lent").await.unwrap();
    let moved = "mine@example.net";
    set(&format!("email_user = '{moved}' WHERE email_user = '{EDITOR}'"));
    let session = sympa.login(moved, "lent").expect("so far its holder is let in");
    connector.revoke(&admin, &name(1)).await.unwrap();
    assert!(!sympa.is_in(&session, moved) && sympa.login(moved, "lent").is_none());
    let others = "user_table WHERE email_user = 'nina@example.org' AND password_user IS NULL \
                  AND attributes_user = 'sequestre__PAIRS_SEP__sequestre:another:1'";
    assert_eq!(sympa.count(others), "1", "it is not touched");
    set(&format!("email_user = '{EDITOR}' WHERE email_user = '{moved}'"));

    // It was deleted; a session that its holder has open goes on in Sympa.
    mint(&connector, &admin, 2, "lent").await.unwrap();
    let session = sympa.login(EDITOR, "lent").unwrap();
    sympa.database.root(&format!("DELETE FROM sympa.user_table WHERE email_user = '{EDITOR}';"));
    connector.revoke(&admin, &name(2)).await.unwrap();
    assert!(!sympa.is_in(&session, EDITOR) && sympa.login(EDITOR, "lent").is_none());
    assert_eq!(sympa.count(&format!("session_table WHERE email_session = '{EDITOR}'")), "0");
    assert!(sympa.login(CHEF, "the chef's own").is_some());
}

/// The call fails and did nothing; it fails and did it; it is cut off in between; the database is down.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_failed_is_made_again() {
    let mut sympa = Sympa::start();
    let (options, admin) = (json!({"account": EDITOR}), login(CHEF, "the chef's own"));
    let whole = sympa.connector(&options);
    let folder = tempfile::tempdir().unwrap();
    let dies = |when: &str| {
        let file = dying(folder.path(), when, &ready_made("sympa.pl"), &sympa.arguments(), user().as_deref());
        let settings = json!({"kind": "exec", "program": "it", "exclusive": true, "options": options});
        program(&settings, file, PATIENCE)
    };
    for when in ["before", "after"] {
        let error = mint(&dies(when), &admin, 1, "lost").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        assert_eq!(sympa.login(EDITOR, "lost").is_some(), when == "after");
        mint(&whole, &admin, 1, "lent").await.unwrap();
        assert!(sympa.login(EDITOR, "lost").is_none());
        let session = sympa.login(EDITOR, "lent").unwrap();
        let error = dies(when).revoke(&admin, &name(1)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        assert_eq!(sympa.is_in(&session, EDITOR), when == "before");
        whole.revoke(&admin, &name(1)).await.unwrap();
        assert!(!sympa.is_in(&session, EDITOR) && sympa.login(EDITOR, "lent").is_none());
    }

    // Cut off while it looks for late sessions; then while it begins.
    for limit in [2000, 300, 30] {
        mint(&whole, &admin, 2, "lent").await.unwrap();
        let session = sympa.login(EDITOR, "lent").unwrap();
        let cut_off = tokio::time::timeout(Duration::from_millis(limit), whole.revoke(&admin, &name(2))).await;
        assert!(cut_off.is_err(), "it takes longer than that");
        whole.revoke(&admin, &name(2)).await.unwrap();
        assert!(!sympa.is_in(&session, EDITOR) && sympa.login(EDITOR, "lent").is_none());
    }

    mint(&whole, &admin, 3, "lent").await.unwrap();
    let session = sympa.login(EDITOR, "lent").unwrap();
    sympa.database.stop();
    let calls: [Result<(), ConnectError>; 4] = [
        whole.verify(&admin).await.map(drop),
        mint(&whole, &admin, 3, "other").await.map(drop),
        whole.revoke(&admin, &name(3)).await,
        whole.rotate(&admin, &secret("next")).await,
    ];
    for error in calls.map(Result::unwrap_err) {
        assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
    }
    sympa.database.run();
    assert!(sympa.is_in(&session, EDITOR));
    whole.revoke(&admin, &name(3)).await.unwrap();
    assert!(!sympa.is_in(&session, EDITOR) && sympa.login(EDITOR, "lent").is_none());
}
