//! The sentences for people: both languages have the same ones, none is missing, none says something that it is not
//! given.
#![cfg(feature = "client")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sequestre::client::failure::{Exit, Failure};
use sequestre::client::opening::why;
use sequestre::client::say::{Args, Say};
use sequestre::escrow::charter::BadCharter;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::time::{Seconds, Time};

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The keys of a language, each with its file's name and the variables that its sentence names.
fn sentences(language: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut all = BTreeMap::new();
    for path in files(&source().join("client/locales").join(language), "ftl") {
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut key = String::new();
        for line in fs::read_to_string(&path).unwrap().lines() {
            if let Some((name, _)) =
                line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase()))
            {
                key = name.to_owned();
                let known = all.insert(key.clone(), (file.clone(), BTreeSet::new()));
                assert!(known.is_none(), "{language}: {key} is there twice");
            }
            for after in line.split("{ $").skip(1) {
                let name = after.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
                all.get_mut(&key).unwrap().1.insert(name.to_owned());
            }
        }
    }
    all
}

#[test]
fn both_languages_have_the_same_sentences_with_the_same_values() {
    let (english, french) = (sentences("en"), sentences("fr"));
    assert!(english.len() > 300);
    for (key, expected) in &english {
        assert_eq!(Some(expected), french.get(key), "{key}");
        let mut args = Args::new();
        // A program has few keys; their names may stay in memory.
        expected.1.iter().for_each(|name| args.set(name.clone().leak(), 2));
        for say in [Say::english(), Say::french()] {
            let told = say.find(key, &args).unwrap_or_else(|| panic!("{key} cannot be told as {say:?}"));
            assert!(!told.contains(['{', '}']), "{key}: {told}");
        }
    }
    assert_eq!(english.len(), french.len());
}

/// `"word-word…"` in the sources, if other keys begin with the same word.
#[test]
fn every_sentence_that_the_client_names_exists() {
    let known = sentences("en");
    let families: BTreeSet<&str> = known.keys().filter_map(|key| Some(key.split_once('-')?.0)).collect();
    let mut paths = files(&source().join("client"), "rs");
    paths.extend([source().join("demo.rs"), source().join("bin/sequestre.rs")]);
    let mut named = 0;
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        for literal in text.split('"').skip(1).step_by(2) {
            let letters = literal.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            let family = literal.split_once('-').is_some_and(|(first, _)| families.contains(first));
            // Beginnings to which something is added, and a word of PostgreSQL's programs.
            if letters && family && !literal.ends_with('-') && literal != "verify-full" {
                assert!(known.contains_key(literal), "{}: no sentence {literal:?}", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 200, "only {named} found");
}

/// Every reason that a server gives, with the values that go with it.
fn refusals() -> Vec<(String, Vec<(String, String)>)> {
    let valued = [
        Refusal::ClockSkew { by: Seconds(720) },
        Refusal::CharterVersion { expected: 2 },
        Refusal::VersionConflict { current: 3 },
        Refusal::Duration { longest: Seconds(7_200) },
        Refusal::AlreadyRequested { request: 17 },
        Refusal::RequestExpired { at: Time(1_700_000_000) },
        Refusal::DrillRest { from: Time(1_700_000_000) },
        Refusal::VetoUsed { until: Time(1_700_000_000) },
        Refusal::CheckedOut { until: Time(1_700_000_000) },
        Refusal::WindowTooShort { until: Time(1_700_000_000) },
        Refusal::StillAtTarget { request: 17 },
        Refusal::TooEarly { at: Time(1_700_000_000) },
        Refusal::MoveTooEarly { at: Time(1_700_000_000) },
        Refusal::UnknownRules { version: 9 },
        Refusal::Charter(BadCharter::NoVault),
    ];
    let mut all: BTreeMap<String, Vec<(String, String)>> =
        Refusal::REASONS.iter().map(|reason| ((*reason).to_owned(), Vec::new())).collect();
    for refusal in valued {
        let details = refusal.details().into_iter().map(|(name, value)| (name.to_owned(), value));
        all.insert(refusal.reason().to_owned(), details.collect());
    }
    // The service's own list is what its two functions `reason` return.
    for file in ["daemon/refused.rs", "daemon/writer/error.rs"] {
        let text = fs::read_to_string(source().join(file)).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap().lines().filter(|line| !line.trim().starts_with("//"));
        for line in code {
            let Some((_, reason)) = line.split_once("=> \"") else { continue };
            let reason = reason.split('"').next().unwrap();
            assert!(reason.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{file}: {reason}");
            all.entry(reason.to_owned()).or_default();
        }
    }
    let beyond = [("asked", "12"), ("size", "9")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    all.insert("BEYOND_LOG".to_owned(), beyond.to_vec());
    all.into_iter().collect()
}

#[test]
fn every_refusal_has_a_sentence_in_both_languages() {
    let all = refusals();
    assert!(all.len() > Refusal::REASONS.len() + 15);
    let known = sentences("en");
    for (reason, details) in &all {
        let failure = Failure::refused(reason, details.clone());
        assert!(known.contains_key(failure.key()), "no sentence for {reason}");
        for say in [Say::english(), Say::french()] {
            let sentence = failure.sentence(&say);
            // With a value missing, the sentence falls back to the one that quotes the reason.
            assert!(!sentence.contains(reason.as_str()) && !sentence.contains('{'), "{reason}: {sentence}");
        }
    }
    let reasons: BTreeSet<String> =
        all.iter().map(|(reason, _)| format!("refused-{}", reason.to_lowercase().replace('_', "-"))).collect();
    let unused: Vec<&String> = known.keys().filter(|k| k.starts_with("refused-") && !reasons.contains(*k)).collect();
    assert!(unused.is_empty(), "sentences for reasons that nothing gives: {unused:?}");
}

/// Every word with which the daemon says why something is not done at a target yet, from its code, and from that of the
/// connectors: what its outcomes are given, and what the functions that give one word return.
fn words_of_the_daemon() -> BTreeSet<String> {
    let mut paths = files(&source().join("daemon/work"), "rs");
    paths.push(source().join("daemon/work.rs"));
    let mut words = BTreeSet::new();
    let mut add = |path: &Path, word: &str| {
        let word = word.split('"').next().unwrap();
        let good = word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(good && !word.is_empty(), "{}: {word}", path.display());
        words.insert(word.to_owned());
    };
    let code = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        text.split("#[cfg(test)]").next().unwrap().to_owned()
    };
    for path in &paths {
        let code = code(path);
        for call in ["Failed(\"", "Waits(\"", "NotOpen(\"", "Rests(\"", "Later(\""] {
            code.split(call).skip(1).for_each(|rest| add(path, rest));
        }
    }
    for file in ["daemon/work/target.rs", "connect/mod.rs"] {
        let path = source().join(file);
        let code = code(&path);
        let function = code.split_once("fn reason(&self) -> &'static str {").unwrap().1;
        let function = function.split_once("\n    }\n").unwrap().0;
        function.split("=> \"").skip(1).for_each(|rest| add(&path, rest));
    }
    words
}

#[test]
fn every_word_of_the_daemon_about_targets_has_a_sentence_in_both_languages() {
    let words = words_of_the_daemon();
    for word in ["closed", "not-taken", "sealed", "unreachable", "key-gone", "inside", "may-be-late"] {
        assert!(words.contains(word), "the scan does not find {word}");
    }
    let known = sentences("en");
    let mut told = BTreeSet::new();
    for word in &words {
        assert!(known.contains_key(&format!("work-{word}")), "no sentence for {word}");
        assert!(told.insert(why(&Say::english(), word)) && told.insert(why(&Say::french(), word)), "{word}");
    }
    // The rules refuse what the daemon writes, too; without the values that go with it.
    for say in [Say::english(), Say::french()] {
        let other = why(&say, "of another server");
        for reason in Refusal::REASONS {
            let sentence = why(&say, reason);
            assert!(sentence != other && !sentence.contains(['{', '_']), "{reason}: {sentence}");
        }
        assert_eq!(why(&say, "UNKNOWN_ELSEWHERE"), other);
        assert_eq!(why(&say, "other"), other);
    }
    // And no sentence is for a word that nothing says.
    let reasons = Refusal::REASONS.iter().map(|reason| reason.to_lowercase().replace('_', "-"));
    let mut used: BTreeSet<String> = words.into_iter().chain(reasons).collect();
    used.extend(["other".to_owned(), "rules".to_owned()]);
    let unused: Vec<&String> =
        known.keys().filter(|key| key.strip_prefix("work-").is_some_and(|word| !used.contains(word))).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn refusals_put_times_into_words() {
    let told = |refusal: Refusal, say: &Say| Failure::from(refusal).sentence(say);
    let duration = Refusal::Duration { longest: Seconds(2 * 3_600 + 300) };
    assert!(told(duration.clone(), &Say::english()).contains("up to 2 hours 5 minutes."));
    assert!(told(duration, &Say::french()).contains("2 heures 5 minutes au plus."));
    let expired = Refusal::RequestExpired { at: Time(1_700_000_000) };
    for say in [Say::english(), Say::french()] {
        assert!(told(expired.clone(), &say).contains(&say.time(Time(1_700_000_000))));
    }
    assert!(told(Refusal::VersionConflict { current: 3 }, &Say::french()).contains("version 3 :"));
}

#[test]
fn what_a_server_says_cannot_disguise_a_sentence() {
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let strange = Failure::refused("NEW_\u{1b}[2J\nREASON", [text("by", "12")]);
    assert_eq!((strange.key(), strange.exit()), ("refused-new-2jreason", Exit::Refused));
    assert!(strange.sentence(&Say::english()).contains("(NEW_2JREASON)"));
    assert!(strange.sentence(&Say::french()).contains("(NEW_2JREASON)"));
    // A value that is not a number counts as missing.
    let lying = Failure::refused("DURATION", [text("longest", "\u{1b}[2Jfor ever")]);
    assert!(lying.sentence(&Say::english()).contains("(DURATION)"));
}

#[test]
fn what_was_not_decided_is_no_refusal() {
    for reason in ["BUSY", "CLOSING", "STORAGE", "TIMEOUT", "TOO_MANY_REQUESTS"] {
        assert_eq!(Failure::refused(reason, []).exit(), Exit::Unreachable, "{reason}");
    }
    assert_eq!(Failure::refused("STALE_BASE", []).exit(), Exit::Refused);
}
