//! Programs as connectors: what they are told, and what becomes of those that misbehave.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sequestre::connect::exec::{BadProgram, Program};
use sequestre::connect::settings::Settings;
use sequestre::connect::{ConnectError, Connector, FieldName};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kit::{PATIENCE, environment, field, login, mint, name, secret};
use crate::tools::{mint_with, program, ready_made};

/// A program with this text, which a user without rights may run, too.
fn written(folder: &TempDir, text: &str) -> PathBuf {
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let file = folder.path().join("program");
    let _ = fs::remove_file(&file);
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file
}

fn shell(folder: &TempDir, text: &str) -> Connector {
    shell_within(folder, text, PATIENCE)
}

fn shell_within(folder: &TempDir, text: &str, limit: Duration) -> Connector {
    let file = written(folder, &format!("#!/bin/sh\n{text}"));
    program(&settings(), Program::new(&file, vec!["one".to_owned(), "$two".to_owned()], None).unwrap(), limit)
}

fn settings() -> Value {
    json!({"kind": "exec", "program": "it", "options": {"mailbox": "info", "list": [1, null]}, "exclusive": true})
}

const OK: &str =
    r#"echo '{"protocol": "sequestre-connector/1", "ok": true, "works": true, "fields": {"user": "u"}}'"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_told_the_call_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let text = format!(
        "exec 3>{0}/about\necho \"$PWD|$*|$(id -u):$(id -g):$(id -G)\" >&3\ntr '\\0' '\\n' </proc/$$/environ >&3\n\
         cat >{0}/told\n{OK}",
        folder.path().display()
    );
    let connector = shell(&folder, &text);
    let admin = login("chef", "a \"secret\" with é and \\");
    let request = || -> Value { serde_json::from_str(&fs::read_to_string(&told).unwrap()).unwrap() };
    let common = |verb: &str| {
        json!({"protocol": "sequestre-connector/1", "verb": verb, "options": {"mailbox": "info", "list": [1, null]},
               "login": {"user": "chef", "secret": "a \"secret\" with é and \\"}})
    };

    assert!(connector.verify(&admin).await.unwrap());
    assert_eq!(request(), common("verify"));
    let about = fs::read_to_string(folder.path().join("about")).unwrap();
    let own = format!("{}:{}", rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (first, environment) = about.split_once('\n').unwrap();
    assert!(first.starts_with(&format!("/|one $two|{own}:")), "{first}");
    let variables: Vec<&str> = environment.lines().collect();
    assert_eq!(variables, ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]);

    let minted = mint_with(&connector, &admin, 7, "lent", 60, Some("what the member gave")).await.unwrap();
    assert_eq!(field(&minted, FieldName::User), "u");
    let mut expected = common("mint");
    let mark = name(7).mark();
    let until = request()["lease"]["until"].as_u64().unwrap();
    expected["lease"] = json!({"name": "seq-abababab-7", "mark": mark, "serial": 7, "secret": "lent", "until": until,
                               "input": "what the member gave"});
    assert_eq!(request(), expected);

    connector.revoke(&admin, &name(7)).await.unwrap();
    let scrambled = request()["lease"]["secret"].as_str().unwrap().to_owned();
    let mut expected = common("revoke");
    expected["lease"] = json!({"name": "seq-abababab-7", "mark": mark, "serial": 7, "secret": scrambled});
    assert_eq!(request(), expected);
    connector.revoke(&admin, &name(7)).await.unwrap();
    assert_ne!(request()["lease"]["secret"], scrambled, "each time another");
    assert_eq!(scrambled.len(), 32);

    connector.rotate(&admin, &secret("next")).await.unwrap();
    let mut expected = common("rotate");
    expected["next"] = json!("next");
    assert_eq!(request(), expected);

    if rustix::process::geteuid().is_root() {
        let _ = fs::remove_file(folder.path().join("about"));
        let _ = fs::remove_file(&told);
        for user in ["nobody", "65534:65534"] {
            let file = folder.path().join("program");
            let connector = program(&settings(), Program::new(&file, vec![], Some(user)).unwrap(), PATIENCE);
            assert!(connector.verify(&admin).await.unwrap());
            let about = fs::read_to_string(folder.path().join("about")).unwrap();
            assert!(about.starts_with("/||65534:65534:65534\n"), "no group of root's: {about}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_answers_decides_what_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let admin = login("chef", "secret");
    let answer = |text: &str| format!("cat >/dev/null\necho '{text}'");
    let error =
        |name: &str| answer(&format!(r#"{{"protocol": "sequestre-connector/1", "ok": false, "error": "{name}"}}"#));
    for (text, reason, definite) in [
        (error("refused"), "refused", true),
        (error("denied"), "denied", true),
        (error("unreachable"), "unreachable", true),
        (error("settings"), "settings", true),
        (error("protocol"), "settings", true),
        (error("not_ours"), "not-ours", true),
        (error("not_supported"), "not-supported", true),
        (error("unfinished"), "unfinished", false),
        (error("unknown"), "unknown", false),
        (error("from the future"), "unknown", false),
        (format!("{OK}; exit 3"), "unknown", false),
        (format!("{OK}; kill -9 $$"), "unknown", false),
        (String::new(), "unknown", false),
        (answer("not JSON"), "unknown", false),
        (answer(r#"{"protocol": "sequestre-connector/2", "ok": true}"#), "unknown", false),
        (answer(r#"{"protocol": "sequestre-connector/1", "ok": true, "more": 1}"#), "unknown", false),
        (answer(r#"{"protocol": "sequestre-connector/1", "ok": true, "error": "unfinished"}"#), "unknown", false),
        (answer(r#"{"protocol": "sequestre-connector/1", "ok": true}"#), "unknown", false),
        (answer(r#"{"protocol": "sequestre-connector/1", "ok": true, "fields": {"user": 1}}"#), "unknown", false),
        (answer(r#"{"protocol": "sequestre-connector/1", "ok": true, "fields": {"shoe": "1"}}"#), "unknown", false),
        (format!("head -c 2000000 /dev/zero; {OK}"), "unknown", false),
    ] {
        let found = mint(&shell(&folder, &text), &admin, 1, "lent").await.err().unwrap_or_else(|| panic!("{text}"));
        assert_eq!((found.reason(), found.is_definite()), (reason, definite), "{text}: {found}");
    }

    // One that does not begin did nothing.
    let file = written(&folder, "no program");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let connector = program(&settings(), Program::new(&file, vec![], None).unwrap(), PATIENCE);
    assert!(matches!(connector.verify(&admin).await, Err(ConnectError::Unreachable { .. })));

    let parsed = Settings::parse(&settings().to_string()).unwrap();
    assert!(parsed.needs_exclusive() && parsed.targets().is_empty());
    let error = Connector::new(parsed, &environment()).err().unwrap();
    assert!(matches!(&error, ConnectError::NoProgram(name) if name == "it") && error.reason() == "not-allowed");
    assert!(matches!(Program::new(Path::new("bin/true"), vec![], None), Err(BadProgram::Relative(_))));
    let bad = Program::new(Path::new("/bin/true"), vec![], Some("no such user"));
    assert!(matches!(bad, Err(BadProgram::NoUser(_))));
    for bad in [json!({"kind": "exec"}), json!({"kind": "exec", "program": "it", "path": "/bin/sh"})] {
        assert!(Settings::parse(&bad.to_string()).is_err(), "{bad}");
    }
}

/// A call that fails and did nothing, one that fails and did it; then the call again.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_program_that_died_the_call_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let admin = login("chef", "secret");
    let (state, dies) = (folder.path().join("state"), folder.path().join("dies"));
    // The target is a file: a lease is a line of it. It dies once, where the file `dies` says.
    let text = format!(
        "request=$(cat); state={}; dies={}\n\
         die() {{ if [ \"$(cat $dies)\" = $1 ]; then echo >$dies; kill -9 $$; fi; }}\n\
         die before\n\
         case $request in\n\
         *'\"verb\":\"mint\"'*) echo lease >$state;;\n\
         *'\"verb\":\"revoke\"'*) rm -f $state;;\n\
         esac\n\
         die after\n{OK}",
        state.display(),
        dies.display()
    );
    let connector = shell(&folder, &text);
    for when in ["before", "after"] {
        fs::write(&dies, when).unwrap();
        let error = mint(&connector, &admin, 1, "lent").await.err().unwrap();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        assert_eq!(state.exists(), when == "after");
        mint(&connector, &admin, 1, "lent").await.unwrap();
        assert!(state.exists());
        fs::write(&dies, when).unwrap();
        let error = connector.revoke(&admin, &name(1)).await.unwrap_err();
        assert!(matches!(error, ConnectError::Unknown { .. }), "{error}");
        assert_eq!(state.exists(), when == "before");
        connector.revoke(&admin, &name(1)).await.unwrap();
        connector.revoke(&admin, &name(1)).await.unwrap();
        assert!(!state.exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_started_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let admin = login("chef", "secret");
    let pids = folder.path().join("pids");
    let stays = format!("sh -c 'trap \"\" TERM INT HUP; while :; do sleep 1; done' & echo $$ $! >{}", pids.display());
    let quiet = stays.replace(" & echo", " >/dev/null 2>&1 </dev/null & echo");
    for (text, limit, answers) in [
        (format!("{stays}; wait"), Duration::from_secs(2), false),
        // It answers, and leaves something behind that holds its output open, or that does not.
        (format!("{stays}; {OK}"), PATIENCE, true),
        (format!("{quiet}; cat >/dev/null; {OK}"), PATIENCE, true),
    ] {
        let begin = Instant::now();
        let result = shell_within(&folder, &text, limit).verify(&admin).await;
        match &result {
            Ok(works) => assert!(answers && *works),
            Err(error) => assert!(!answers && matches!(error, ConnectError::Unknown { .. }), "{error}"),
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{text}");
        for pid in fs::read_to_string(&pids).unwrap().split_whitespace() {
            wait_until_ended(pid);
        }
    }

    // A call that is given up.
    let connector = shell(&folder, &format!("{stays}; wait"));
    fs::remove_file(&pids).unwrap();
    let call = tokio::spawn(async move { connector.verify(&login("chef", "secret")).await.is_ok() });
    while !fs::read_to_string(&pids).is_ok_and(|text| text.ends_with('\n')) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    for pid in fs::read_to_string(&pids).unwrap().split_whitespace() {
        wait_until_ended(pid);
    }
}

/// Ended, or a zombie that nobody waited for yet.
fn wait_until_ended(pid: &str) {
    let begin = Instant::now();
    let runs = || fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
    while runs() {
        assert!(begin.elapsed() < Duration::from_secs(20), "process {pid} still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Where log lines go.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn what_a_program_complains_about_is_the_technicians_to_read_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let admin = login("chef", "correct horse battery staple");
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let fails = r#"echo '{"protocol": "sequestre-connector/1", "ok": false, "error": "refused"}'"#;
    for complaint in ["the disk is full", "cannot log in with horse battery"] {
        let text = format!("cat >/dev/null; echo {complaint:?} >&2; {fails}");
        let error = shell(&folder, &text).verify(&admin).await.unwrap_err();
        let chain = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert!(!chain.contains("disk") && !chain.contains("horse"), "{chain}");
    }
    drop(guard);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("the disk is full") && log.contains("repeats a secret"), "{log}");
    assert!(!log.contains("horse"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_speaks_the_protocol() {
    let file = Program::new(&ready_made("template.py"), vec![], None).unwrap();
    let connector = program(&settings(), file, PATIENCE);
    let error = connector.verify(&login("chef", "secret")).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotSupported(_)), "{error}");
}
