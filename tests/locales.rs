//! The translation files: the same sentences with the same values in both languages, each sentence that the code
//! names, and one for every reason to refuse.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fluent_templates::fluent_bundle::FluentResource;
use sequestre::escrow::refusal::Refusal;

/// Sentences by key: the values that each uses.
type Sentences = BTreeMap<String, BTreeSet<String>>;

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

/// Every sentence of a language. A file that is not well-formed, or a key that stands twice, fails.
fn sentences(language: &str) -> Sentences {
    let mut sentences = Sentences::new();
    for path in files(&root().join("src/client/locales").join(language), "ftl") {
        let text = fs::read_to_string(&path).unwrap();
        if let Err((_, errors)) = FluentResource::try_new(text.clone()) {
            panic!("{}: {errors:?}", path.display());
        }
        for (key, values) in parse(&text) {
            let twice = sentences.insert(key.clone(), values);
            assert!(twice.is_none(), "{key} stands twice in {language}, the second time in {}", path.display());
        }
    }
    assert!(!sentences.is_empty());
    sentences
}

/// A sentence begins at the beginning of a line and goes on in indented lines, or until its brace closes.
fn parse(text: &str) -> Vec<(String, BTreeSet<String>)> {
    let mut found: Vec<(String, BTreeSet<String>)> = Vec::new();
    for line in text.lines() {
        let begins = line.starts_with(|c: char| c.is_ascii_alphabetic());
        if let (true, Some((key, _))) = (begins, line.split_once(" =")) {
            found.push((key.to_owned(), BTreeSet::new()));
        }
        let Some((_, values)) = found.last_mut().filter(|_| !line.starts_with('#')) else { continue };
        let names = line.split('$').skip(1).map(|rest| {
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect::<String>()
        });
        values.extend(names);
    }
    found
}

#[test]
fn both_languages_say_the_same_with_the_same_values() {
    let (english, french) = (sentences("en"), sentences("fr"));
    let keys = |sentences: &Sentences| sentences.keys().cloned().collect::<BTreeSet<_>>();
    let missing: Vec<String> = keys(&english).symmetric_difference(&keys(&french)).cloned().collect();
    assert_eq!(missing, [""; 0], "in one language only");
    let differ: Vec<_> = english.iter().filter(|(key, values)| french[*key] != **values).collect();
    assert!(differ.is_empty(), "other values in French: {differ:?}");
}

#[test]
fn every_reason_to_refuse_has_its_sentence() {
    for language in ["en", "fr"] {
        let known = sentences(language);
        let keys =
            Refusal::REASONS.iter().map(|reason| format!("refused-{}", reason.to_lowercase().replace('_', "-")));
        let missing: Vec<String> = keys.filter(|key| !known.contains_key(key)).collect();
        assert_eq!(missing, [""; 0], "in {language}");
    }
}

/// `--help` of a verb and of the verbs below it.
fn help(language: &str, verbs: &[&str], pages: &mut Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sequestre"));
    let output = command.args(["--lang", language]).args(verbs).arg("--help").output().unwrap();
    assert!(output.status.success(), "{verbs:?}");
    let page = String::from_utf8(output.stdout).unwrap();
    let below = page.split_once("Commands:\n").map(|(_, rest)| rest.split("\n\n").next().unwrap_or_default());
    let names: Vec<&str> = below.iter().flat_map(|list| list.lines()).filter_map(verb_in).collect();
    for name in names {
        help(language, &[verbs, &[name]].concat(), pages);
    }
    pages.push(page);
}

/// The verb in a line of a list of verbs; lines that only go on are indented further.
fn verb_in(line: &str) -> Option<&str> {
    line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split(' ').next()
}

#[test]
fn every_verb_and_option_has_its_help() {
    for language in ["en", "fr"] {
        let mut pages = Vec::new();
        help(language, &[], &mut pages);
        assert!(pages.len() > 25, "{} pages", pages.len());
        for page in pages {
            assert!(!page.contains("help-"), "a key without sentence: {page}");
        }
    }
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
const NO_KEYS: [&str; 4] = ["totp-secret", "recovery-codes", "words-file", "dry-run"];

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
    let known = sentences("en");
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
                keys.extend(literals(argument).into_iter().filter(|literal| !literal.contains(['{', ' '])));
            }
        }
        seen += keys.len();
        let absent = keys.into_iter().filter(|key| !known.contains_key(key) && !NO_KEYS.contains(&key.as_str()));
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
    let parsed = parse("# note\na-b = { $n ->\n    [one] x\n   *[other] { $n } { $what-else }\n}\nc = plain\n");
    assert_eq!(parsed.len(), 2);
    assert_eq!(parsed[0].1, BTreeSet::from(["n".to_owned(), "what-else".to_owned()]));
}
