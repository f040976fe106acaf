//! From a burnt server to passwords that other programs import.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use sequestre::client::failure::Exit;
use sequestre::client::recover::Source;
use sequestre::client::recover::finish::Finishing;
use sequestre::client::recover::output::Format;

use crate::house::*;
use crate::town::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trustee_and_one_more_open_everything_without_the_server() {
    let town = Town::founded().await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    let text = fs::read_to_string(&request).unwrap();
    assert!(text.starts_with("-----BEGIN SEQUESTRE RECOVERY REQUEST-----\n") && text.is_ascii());

    let answer = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    let text = fs::read_to_string(&answer).unwrap();
    assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n") && text.is_ascii());

    finish_plain(&town, &[&answer]);
}

/// Finishes into each form, and compares what other programs would read.
fn finish_plain(town: &Town, answers: &[&std::path::Path]) {
    let json = Finishing { format: Format::Bitwarden, keep: true, ..finishing(town, answers, "all.json") };
    let opened = open_with(&town.env(AWA), json).unwrap();
    assert_eq!(opened.into_iter().collect::<Vec<_>>(), [(LABEL.to_owned(), PASSWORD.to_owned())]);
    let output = file(town, "all.json");
    assert_eq!(fs::metadata(&output).unwrap().permissions().mode() & 0o777, 0o600);
    let export: serde_json::Value = serde_json::from_slice(&fs::read(&output).unwrap()).unwrap();
    let item = &export["items"][0];
    assert_eq!(export["folders"][0]["name"], "main");
    assert_eq!(export["folders"][0]["id"], item["folderId"]);
    assert_eq!(item["id"].as_str().unwrap().len(), 36);
    let notes = item["notes"].as_str().unwrap();
    assert!(notes.contains("1111 2222") && notes.contains("Legal holder: Les Amis du Lac"), "{notes}");

    // The answers were kept: nothing needs to be given again.
    let text = Finishing { format: Format::Text, ..finishing(town, &[], "all.txt") };
    sequestre::client::recover::finish::finish(&town.env(AWA), text).unwrap();
    let text = fs::read_to_string(file(town, "all.txt")).unwrap();
    assert!(text.contains(&format!("Password: {PASSWORD}\n")) && text.starts_with(LABEL), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_is_locked_unless_told_otherwise() {
    let town = Town::founded().await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    let answer = reply(&town, CHLOE, AWA, &request, "chloe.txt").unwrap();
    let locked = |passphrase_file, name: &str| Finishing {
        plain: false,
        passphrase_file,
        ..finishing(&town, &[&answer], name)
    };
    let env = town.env(AWA);
    // Nobody can be asked here.
    let refused = open_with(&env, locked(None, "asked.age"));
    failure(refused, Exit::Unanswered, "failed-no-terminal");
    let passphrase = file(&town, "passphrase");
    sequestre::client::home::write(&passphrase, b"short\n").unwrap();
    let refused = open_with(&env, locked(Some(passphrase.clone()), "short.age"));
    failure(refused, Exit::Usage, "failed-passphrase-short");
    sequestre::client::home::write(&passphrase, "six mots très différents ici\n".as_bytes()).unwrap();
    let finishing = locked(Some(passphrase), "all.age");
    sequestre::client::recover::finish::finish(&env, finishing).unwrap();
    let sealed = fs::read(file(&town, "all.age")).unwrap();
    assert!(!sealed.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
    let opener = age::scrypt::Identity::new("six mots très différents ici".to_owned().into());
    let opened = logins(&age::decrypt(&opener, &sealed).unwrap());
    assert_eq!(opened.get(LABEL).map(String::as_str), Some(PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_collected_stays_until_it_is_enough() {
    let town =
        house(&[AWA, BRUNO, CHLOE, DENIS], &["everyday=2", "vital=3"], &["little=everyday", "great=vital"]).await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    // Alone, nothing.
    failure(recovered(&town, AWA, &[], "none.json"), Exit::Refused, "recover-nothing-open");
    let bruno = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    assert_eq!(recovered(&town, AWA, &[&bruno], "one.json").unwrap(), expected(&["little"]));
    fs::remove_file(&bruno).unwrap();
    // With the second answer alone, days later.
    let denis = reply(&town, DENIS, AWA, &request, "denis.txt").unwrap();
    let two = Finishing { keep: true, ..finishing(&town, &[&denis], "two.json") };
    assert_eq!(open_with(&town.env(AWA), two).unwrap(), expected(&["great", "little"]));
    // CSV that keeps quotes, commas and line ends apart.
    let csv = Finishing { format: Format::Csv, ..finishing(&town, &[], "all.csv") };
    sequestre::client::recover::finish::finish(&town.env(AWA), csv).unwrap();
    let rows = parse_csv(&fs::read_to_string(file(&town, "all.csv")).unwrap());
    assert_eq!(rows[0][..4], ["folder", "favorite", "type", "name"]);
    assert_eq!(rows.len(), 3);
    for (row, label) in rows[1..].iter().zip(["great", "little"]) {
        assert_eq!(row.len(), rows[0].len());
        assert_eq!((row[0].as_str(), row[2].as_str(), row[3].as_str()), (label, "login", label));
        assert_eq!((row[8].as_str(), row[9].as_str()), ("amis-du-lac", password(label).as_str()));
    }
}

/// RFC 4180, written for this test.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.push(chars.next().unwrap()),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!quoted && cell.is_empty() && row.is_empty());
    rows
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_accounts_that_are_asked_for() {
    let town = house(&[AWA, BRUNO, CHLOE], &["everyday=2"], &["main=everyday"]).await;
    put(&town, AWA, "main", "other").await;
    for name in [AWA, BRUNO] {
        town.session(name).await;
    }
    burn(&town).await;
    let unknown = ask(&town, &town.env(AWA), &["nowhere"], "unknown.txt", Source::default());
    failure(unknown, Exit::Usage, "failed-label-unknown");
    let request = ask(&town, &town.env(AWA), &["OTHER"], "request.txt", Source::default()).unwrap();
    let answer = reply(&town, BRUNO, AWA, &request, "bruno.txt").unwrap();
    assert_eq!(recovered(&town, AWA, &[&answer], "all.json").unwrap(), expected(&["other"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_circles_must_both_answer() {
    let town = house(&[AWA, BRUNO, CHLOE, DENIS], &["both=2:Awa,Bruno+2:Chloé,Denis"], &["main=both"]).await;
    burn(&town).await;
    let request = ask_all(&town, AWA, "request.txt");
    let [bruno, chloe, denis] =
        [BRUNO, CHLOE, DENIS].map(|name| reply(&town, name, AWA, &request, &format!("{name}.txt")).unwrap());
    let refused = recovered(&town, AWA, &[&bruno, &denis], "half.json");
    failure(refused, Exit::Refused, "recover-nothing-open");
    assert_eq!(recovered(&town, AWA, &[&chloe], "all.json").unwrap(), expected(&["main"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_does_the_same_without_a_terminal() {
    let town = Town::founded().await;
    burn(&town).await;
    let [request, answer, output] = ["r.txt", "a.txt", "o.json"].map(|name| file(&town, name));
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (r, a, o) = (path(&request), path(&answer), path(&output));
    let (exit, out, _) = town.program(AWA, &["--json", "recover", "start", "--reason", "fire", "-o", &r]);
    let started: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, started["accounts"].as_u64()), (0, Some(1)));
    let code = code(&town, AWA, &request);
    assert_eq!(started["code"].as_str(), Some(code.as_str()));
    let (exit, out, err) = town.program(BRUNO, &["recover", "answer", &r, "--code", &code, "-o", &a]);
    assert_eq!(exit, 6, "consent was not given: {out} {err}");
    assert!(err.contains("--yes") && out.contains("Awa asks for your parts") && !answer.exists(), "{out} {err}");
    assert!(out.contains("“fire”") && out.contains(LABEL) && out.contains("handed over so far, in all requests: 0"));
    let (exit, _, err) = town.program(BRUNO, &["--yes", "recover", "answer", &r, "-o", &a]);
    assert_eq!(exit, 6, "{err}");
    assert!(err.contains("--code") && !answer.exists(), "{err}");
    let (exit, _, err) = town.program(BRUNO, &["--yes", "recover", "answer", &r, "--code", &code, "-o", &a]);
    assert_eq!(exit, 0, "{err}");
    let (exit, out, err) = town.program(AWA, &["--json", "recover", "finish", &a, "--plain", "-o", &o]);
    assert_eq!((exit, err.as_str()), (0, ""), "{out}");
    let done: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(done["opened"], serde_json::json!([LABEL]));
    assert_eq!(done["closed"], serde_json::json!([]));
    assert_eq!(logins(&fs::read(&output).unwrap()).get(LABEL).map(String::as_str), Some(PASSWORD));
}
