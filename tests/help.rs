//! The command line as people meet it: help in both languages, and transcripts of what goes wrong before any server
//! is asked. `TRYCMD=overwrite` writes the transcripts anew; read the difference.
#![cfg(all(feature = "client", feature = "daemon"))]

use std::process::Command;

/// What `--help` prints for a verb, with nothing from this computer's environment.
fn help(language: &str, path: &[String]) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_sequestre"))
        .args(path)
        .arg("--help")
        .env_clear()
        .env("LANG", language)
        .output()
        .unwrap();
    assert!(run.status.success() && run.stderr.is_empty(), "{path:?}: {run:?}");
    String::from_utf8(run.stdout).unwrap()
}

/// The verbs below this one, from its help.
fn below(help: &str) -> Vec<String> {
    let list = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let first = list.filter_map(|line| line.strip_prefix("  ").filter(|l| !l.starts_with(' ')));
    first.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

/// Every verb with its subverbs.
fn verbs() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    let mut next = 0;
    while let Some(path) = all.get(next).cloned() {
        let deeper = below(&help("C", &path)).into_iter().map(|verb| [path.clone(), vec![verb]].concat());
        all.extend(deeper);
        next += 1;
    }
    all
}

#[test]
fn every_verb_and_option_is_explained_in_both_languages() {
    let all = verbs();
    assert!(all.len() > 25 && all.contains(&vec!["audit".to_owned(), "proof".to_owned()]), "{all:?}");
    for path in all {
        let (english, french) = (help("en_GB.UTF-8", &path), help("fr_FR.UTF-8", &path));
        for text in [&english, &french] {
            assert!(!text.contains("help-"), "{path:?} shows a key instead of a sentence:\n{text}");
        }
        // The same options and verbs, told in other words.
        assert_ne!(english.lines().next(), french.lines().next(), "{path:?}");
        assert_eq!(below(&english), below(&french));
        for option in ["--help", "--lang", "--json"] {
            let told = |text: &str| text.lines().find(|line| line.contains(option)).map(str::to_owned);
            assert!(told(&english).is_some() && told(&english) != told(&french), "{path:?} {option}");
        }
    }
}

#[test]
fn the_language_is_chosen_by_option_then_locale() {
    let first = |set: &[(&str, &str)], option: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequestre"));
        let run = command.env_clear().envs(set.iter().copied()).args(option).arg("--help").output().unwrap();
        String::from_utf8(run.stdout).unwrap().lines().next().unwrap().to_owned()
    };
    let (english, french) = (first(&[], &["--lang", "en"]), first(&[], &["--lang=fr"]));
    assert_ne!(english, french);
    assert_eq!(first(&[], &[]), english);
    assert_eq!(first(&[("LANG", "fr_CA.UTF-8")], &[]), french);
    assert_eq!(first(&[("LANG", "fr_FR"), ("LC_ALL", "C")], &[]), english);
    // POSIX: an empty one counts as not set.
    assert_eq!(first(&[("LANG", "fr_FR"), ("LC_ALL", "")], &[]), french);
    assert_eq!(first(&[("LANG", "fr_FR")], &["--lang", "en"]), english);
}

#[test]
fn transcripts() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let cases = trycmd::TestCases::new();
    cases.env("SEQUESTRE_HOME", home.to_str().unwrap());
    // Nothing from the developer's own terminal.
    for name in ["LANG", "LC_ALL", "LC_MESSAGES"] {
        cases.env(name, "C");
    }
    cases.env("COLUMNS", "100");
    cases.insert_var("[HOME]", home.to_str().unwrap().to_owned()).unwrap();
    cases.case("tests/cmd/*.trycmd");
    cases.run();
    assert!(!home.exists(), "a verb that failed left something behind");
}
