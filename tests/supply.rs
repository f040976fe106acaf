//! What is in the dependency tree is what `SECURITY.md` and `deny.toml` say.
//!
//! Whether a version has a known vulnerability only the advisory database knows, which `cargo deny --locked check` or
//! `cargo audit` fetch; here is what the manifest, the lock file and the crates themselves tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::Value;
use toml::Table;

const MANIFEST: &str = include_str!("../Cargo.toml");
const DENY: &str = include_str!("../deny.toml");
const SECURITY: &str = include_str!("../SECURITY.md");
/// What every target and feature of the build may use, by the lock file.
static TREE: LazyLock<Value> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked", "--all-features"]).current_dir(folder);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
});

/// A line of the table in section 9, for one crate.
struct Row {
    version: String,
    licences: Vec<String>,
    place: String,
}

/// The table of section 9: crates by the name under which the registry has them.
fn table() -> BTreeMap<String, Row> {
    let (_, section) = SECURITY.split_once("\n## 9. Direct dependencies\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [crates, _, licences, place] = cells[..] else { panic!("not four cells: {line}") };
        // `a`, `b` 1, `c` 2 (as `d`): a and b have version 1.
        let mut unversioned = Vec::new();
        let (crates, _) = crates.split_once(" (").unwrap_or((crates, ""));
        for word in crates.split_whitespace().map(|word| word.trim_end_matches(',')) {
            match word.strip_prefix('`').and_then(|word| word.strip_suffix('`')) {
                Some(name) => unversioned.push(name),
                None => {
                    assert!(!unversioned.is_empty(), "a version of nothing: {line}");
                    for name in unversioned.drain(..) {
                        let licences = licences.split("; ").map(str::to_owned).collect();
                        let row = Row { version: word.to_owned(), licences, place: place.to_owned() };
                        assert!(rows.insert(name.to_owned(), row).is_none(), "{name} stands there twice");
                    }
                }
            }
        }
        assert_eq!(unversioned, [""; 0], "no version: {line}");
    }
    rows
}

/// Whether somebody who may combine what is allowed may use what has this licence.
fn allows(allowed: &BTreeSet<&str>, expression: &str) -> bool {
    /// One of several, each all of several, each one licence or an expression in parentheses (SPDX 2.3, annex D).
    fn any(allowed: &BTreeSet<&str>, words: &mut std::iter::Peekable<std::vec::IntoIter<String>>) -> bool {
        let mut result = all(allowed, words);
        while words.next_if(|word| word == "OR").is_some() {
            result |= all(allowed, words);
        }
        result
    }
    fn all(allowed: &BTreeSet<&str>, words: &mut std::iter::Peekable<std::vec::IntoIter<String>>) -> bool {
        let mut result = one(allowed, words);
        while words.next_if(|word| word == "AND").is_some() {
            result &= one(allowed, words);
        }
        result
    }
    fn one(allowed: &BTreeSet<&str>, words: &mut std::iter::Peekable<std::vec::IntoIter<String>>) -> bool {
        let word = words.next().expect("a licence");
        if word == "(" {
            let result = any(allowed, words);
            assert_eq!(words.next().as_deref(), Some(")"));
            return result;
        }
        // An exception only adds to what is allowed; the list has none, so that it is not relied upon.
        match words.next_if(|word| word == "WITH") {
            Some(_) => words.next().is_none(),
            None => allowed.contains(word.as_str()),
        }
    }
    // The old way of writing OR.
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let mut words = words.into_iter().peekable();
    let result = any(allowed, &mut words);
    assert_eq!(words.next(), None, "{expression}");
    result
}

fn packages() -> impl Iterator<Item = &'static Value> {
    TREE["packages"].as_array().unwrap().iter()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key}: {}", value["name"]))
}

#[test]
fn every_direct_dependency_stands_in_the_table_and_no_other() {
    let manifest: Table = MANIFEST.parse().unwrap();
    let features = &manifest["features"];
    let has = |feature: &str, name: &str| {
        let dependency = format!("dep:{name}");
        features[feature].as_array().unwrap().iter().any(|entry| entry.as_str() == Some(&dependency))
    };
    let mut expected = BTreeMap::new();
    // Also those of some systems only.
    let systems = manifest.get("target").and_then(|target| target.as_table()).into_iter().flatten();
    let tables = systems.map(|(_, system)| &system["dependencies"]).chain([&manifest["dependencies"]]);
    for (name, wanted) in tables.flat_map(|table| table.as_table().unwrap()) {
        let version = wanted.as_str().or_else(|| wanted["version"].as_str()).unwrap();
        let detail = |key: &str| wanted.as_table().and_then(|table| table.get(key));
        let package = detail("package").and_then(|package| package.as_str()).unwrap_or(name);
        let optional = detail("optional").is_some_and(|optional| optional.as_bool() == Some(true));
        let place = match (optional, has("client", name), has("daemon", name)) {
            (false, ..) | (true, true, true) => "both",
            (true, true, false) => "client",
            (true, false, true) => "daemon",
            (true, false, false) => panic!("nothing uses {name}"),
        };
        expected.insert(package.to_owned(), (version.to_owned(), place));
    }
    let table = table();
    assert_eq!(table.keys().collect::<BTreeSet<_>>(), expected.keys().collect::<BTreeSet<_>>());
    for (name, (version, place)) in expected {
        let row = &table[&name];
        let same = version == row.version || version.starts_with(&format!("{}.", row.version));
        assert!(same, "{name} is {version} in Cargo.toml and {} in the table", row.version);
        assert_eq!(place, row.place, "{name}");
        let package = packages().find(|package| {
            text(package, "name") == name && text(package, "version").starts_with(row.version.as_str())
        });
        let licence = text(package.unwrap_or_else(|| panic!("{name} is not in the lock file")), "license");
        assert!(row.licences.iter().any(|written| written == licence), "{name} is under {licence}");
    }
}

#[test]
fn every_licence_is_one_that_may_be_combined() {
    let deny: Table = DENY.parse().unwrap();
    let allowed = deny["licenses"]["allow"].as_array().unwrap();
    let allowed: BTreeSet<&str> = allowed.iter().map(|licence| licence.as_str().unwrap()).collect();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("(GPL-3.0-only OR MIT) AND Unicode-3.0", true),
        ("Apache-2.0 WITH LLVM-exception", false),
        ("Unlicense/MIT", true),
    ] {
        assert_eq!(allows(&allowed, expression), expected, "{expression}");
    }
    let count = packages().count();
    assert!(count > 200, "{count} packages");
    for package in packages() {
        let licence = text(package, "license");
        assert!(allows(&allowed, licence), "{} is under {licence}", package["name"]);
    }
    // None that nothing is under any more.
    for licence in &allowed {
        let used = packages().any(|package| text(package, "license").contains(licence));
        assert!(used, "nothing is under {licence}");
    }
}

#[test]
fn nothing_comes_from_elsewhere_and_nothing_is_there_that_is_banned() {
    let deny: Table = DENY.parse().unwrap();
    assert_eq!(deny["sources"]["unknown-registry"].as_str(), Some("deny"));
    let banned = deny["bans"]["deny"].as_array().unwrap();
    let banned: BTreeSet<&str> = banned.iter().map(|name| name.as_str().unwrap()).collect();
    assert!(banned.contains("openssl-sys") && banned.contains("sharks"));
    // What is compiled: the lock file has optional crates, too, that nothing switches on.
    let words = "tree --locked --all-features --target=all --edges=all --prefix=none --format={p}";
    let mut tree = Command::new(env!("CARGO"));
    let tree = tree.args(words.split(' ')).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let compiled = String::from_utf8(tree.stdout).unwrap();
    let compiled: BTreeSet<&str> = compiled.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(compiled.contains("ring") && compiled.contains("rustls"));
    for name in &banned {
        assert!(!compiled.contains(name), "{name} is banned");
    }
    let mut own = 0;
    for package in packages() {
        let name = text(package, "name");
        match package["source"].as_str() {
            Some(source) => assert_eq!(source, "registry+https://github.com/rust-lang/crates.io-index", "{name}"),
            None => own += 1,
        }
    }
    assert_eq!(own, 1, "only this package itself has no source");
    // What the lock file has is what was published: each with its checksum.
    let lock: Table = include_str!("../Cargo.lock").parse().unwrap();
    for package in lock["package"].as_array().unwrap() {
        let registry = package.get("source").is_some();
        assert_eq!(package.get("checksum").is_some(), registry, "{}", package["name"]);
    }
}
