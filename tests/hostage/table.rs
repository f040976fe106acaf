//! The table of attacks in `SECURITY.md` and the tests are the same list.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const HEADING: &str = "### Attacks, tried";
const OUTCOMES: [&str; 3] = ["**Prevented", "**Noticed", "**Not prevented"];

/// Attack, outcome and test of each row.
fn table(text: &str) -> Vec<(String, String, String)> {
    let (_, section) = text.split_once(HEADING).expect("SECURITY.md has the table");
    let section = section.split("\n#").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let row = |line: &str| {
        let cells: Vec<String> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        let [attack, outcome, test] = cells.try_into().unwrap_or_else(|_| panic!("not three cells: {line}"));
        (attack, outcome, test.trim_matches('`').to_owned())
    };
    rows.map(row).collect()
}

/// The names of the tests in this folder, but for this file's.
fn tests(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()) {
        if file.ends_with("table.rs") {
            continue;
        }
        let text = fs::read_to_string(file).unwrap();
        for (attribute, name) in text.lines().zip(text.lines().skip(1)) {
            if attribute.starts_with("#[tokio::test") || attribute == "#[test]" {
                let name = name.trim_start_matches("async ").trim_start_matches("fn ");
                found.insert(name.split('(').next().unwrap().to_owned());
            }
        }
    }
    found
}

#[test]
fn the_table_of_attacks_and_the_tests_are_the_same_list() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = table(&fs::read_to_string(root.join("SECURITY.md")).unwrap());
    let listed: BTreeSet<String> = table.iter().map(|(_, _, test)| test.clone()).collect();
    assert_eq!(listed.len(), table.len(), "a test stands there twice");
    let tests = tests(&root.join("tests/hostage"));
    let missing: Vec<_> = tests.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&tests).collect();
    assert!(missing.is_empty() && gone.is_empty(), "not in the table: {missing:?}; no such test: {gone:?}");
    assert!(tests.len() > 30);
    for (attack, outcome, _) in table {
        assert!(OUTCOMES.iter().any(|known| outcome.starts_with(known)), "{attack}: {outcome}");
    }
}
