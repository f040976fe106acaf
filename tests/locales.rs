//! The translation files are well-formed, and every key that the client's code names has a sentence: also keys that
//! are chosen first and used later, and keys of a single word.
#![cfg(feature = "client")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fluent_templates::fluent_bundle::FluentResource;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every key of a language. A file that is not well-formed fails.
fn keys(language: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for path in files(&root().join("src/client/locales").join(language), "ftl") {
        let text = fs::read_to_string(&path).unwrap();
        if let Err((_, errors)) = FluentResource::try_new(text.clone()) {
            panic!("{}: {errors:?}", path.display());
        }
        let begins = |line: &&str| line.starts_with(|c: char| c.is_ascii_lowercase());
        let lines = text.lines().filter(begins).filter_map(|line| line.split_once(" ="));
        keys.extend(lines.map(|(key, _)| key.to_owned()));
    }
    keys
}

/// Functions whose string argument is a key. The first string literal in the call counts, and those of a choice
/// (`if … { "a" } else { "b" }`, `match … { … => "a" }`) up to the end of the argument.
const TAKE_KEYS: [&str; 13] = [
    ".say(",
    ".tell(",
    ".plain(",
    ".aside(",
    ".table(",
    ".progress(",
    ".wait(",
    ".line(out, ",
    "Failure::new(",
    "distrust(",
    "say.with(",
    "language().with(",
    "read_or_paste(",
];

/// What looks like a key in the client's code and is none: names of parts, of files, of options.
const NO_KEYS: [&str; 10] = [
    "totp-secret",
    "recovery-codes",
    "words-file",
    "dry-run",
    "of-version",
    "ssh-key",
    "ssh-ed25519",
    "ssh-rsa",
    "delegation-end",
    "verify-full",
];

/// The code of a file without comments and tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The string literals in a piece of code, without those that hold an escape.
fn literals(code: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some((_, after)) = rest.split_once('"') {
        let Some((literal, after)) = after.split_once('"') else { break };
        if !literal.ends_with('\\') {
            found.push(literal.to_owned());
        }
        rest = after;
    }
    found
}

/// Small letters and digits in at least two groups with hyphens between.
fn is_key(text: &str) -> bool {
    let group =
        |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.split('-').count() > 1 && text.split('-').all(group) && text.starts_with(|c: char| c.is_alphabetic())
}

/// The first argument of a call, as far as parentheses, braces and strings show.
fn first_argument(call: &str) -> &str {
    let (mut depth, mut in_string) = (0_i32, false);
    for (at, c) in call.char_indices() {
        match c {
            '"' => in_string = !in_string,
            _ if in_string => {}
            '(' | '{' | '[' => depth += 1,
            ')' | '}' | ']' if depth == 0 => return &call[..at],
            ')' | '}' | ']' => depth -= 1,
            ',' if depth == 0 => return &call[..at],
            _ => {}
        }
    }
    call
}

#[test]
fn every_key_in_the_code_has_its_sentence() {
    let known = keys("en");
    assert_eq!(known, keys("fr"));
    let mut missing = BTreeSet::new();
    let sources = [files(&root().join("src/client"), "rs"), files(&root().join("src/bin"), "rs")].concat();
    let mut seen = 0;
    for path in sources {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let code = code(&fs::read_to_string(&path).unwrap());
        let mut keys: Vec<String> = Vec::new();
        // In the client, whatever looks like a key is one: keys are also chosen first and used later.
        if name.starts_with("src/client") {
            keys.extend(literals(&code).into_iter().filter(|literal| is_key(literal)));
        }
        for call in TAKE_KEYS {
            for (at, _) in code.match_indices(call) {
                let mut argument = first_argument(&code[at + call.len()..]);
                if call == "Failure::new(" {
                    // The exit code comes first.
                    argument = first_argument(code[at + call.len() + argument.len()..].trim_start_matches(','));
                }
                // Not the pieces that a key is put together from.
                let whole = |literal: &String| literal.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
                keys.extend(literals(argument).into_iter().filter(|l| whole(l) && !l.starts_with('-')));
            }
        }
        seen += keys.len();
        let absent = keys.into_iter().filter(|key| !known.contains(key) && !NO_KEYS.contains(&key.as_str()));
        missing.extend(absent.map(|key| format!("{name}: {key}")));
    }
    assert!(seen > 300, "the scan finds keys at all: {seen}");
    assert!(missing.is_empty(), "no sentence for: {missing:#?}");
}

#[test]
fn the_scan_finds_what_it_is_for() {
    assert!(is_key("status-head-name") && !is_key("ok") && !is_key("--yes") && !is_key("a b-c") && !is_key("x-"));
    assert_eq!(first_argument("if a(b, c) { \"x\" } else { \"y\" }, &args)"), "if a(b, c) { \"x\" } else { \"y\" }");
    assert_eq!(literals("say(\"one\"); tell(\"two\", x)"), ["one", "two"]);
    assert_eq!(code("// \"a-b\"\nlet x = 1;\n#[cfg(test)]\nmod tests { \"c-d\" }"), "let x = 1;");
}
