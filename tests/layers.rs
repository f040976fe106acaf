//! The layers of the code, read from its text: who may name whom, and what the pure rules never name.
//!
//! ```text
//! bin → demo → client ─┐
//! bin → demo → daemon ─┴→ tls, { store, connect } → seal → escrow          proto: everybody
//! ```
//!
//! Paths count wherever they stand, in `use` and in code, tests included; `super` and `crate` are resolved. A module
//! that is not in [`LAYERS`] fails the test, so that nothing grows beside the layers unnoticed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every top-level module, with those that it may name besides itself.
const LAYERS: [(&str, &[&str]); 11] = [
    ("proto", &[]),
    ("parallel", &[]),
    ("escrow", &["proto"]),
    ("seal", &["escrow", "proto"]),
    ("tls", &["seal", "escrow", "proto"]),
    ("store", &["seal", "escrow", "proto", "parallel"]),
    ("connect", &["seal", "escrow", "proto"]),
    ("daemon", &["tls", "store", "connect", "seal", "escrow", "proto"]),
    ("client", &["tls", "store", "connect", "seal", "escrow", "proto", "parallel"]),
    ("demo", &["client", "daemon", "tls", "store", "connect", "seal", "escrow", "proto"]),
    ("bin", &["demo", "client", "daemon", "tls", "store", "connect", "seal", "escrow", "proto"]),
];

/// Macros lie at the crate's root; they belong to the layer that defines them.
const MACROS: [(&str, &str); 1] = [("args", "client")];

/// What the rules must not know of: files, network, clocks, the process, randomness, and what lies above them.
const IMPURE: [&str; 22] = [
    "std::fs",
    "std::net",
    "std::io",
    "std::os",
    "std::env",
    "std::process",
    "std::thread",
    "std::sync::mpsc",
    "std::time::SystemTime",
    "std::time::Instant",
    "std::random",
    "ring::rand",
    "ring::agreement",
    "tokio",
    "tonic",
    "tonic_prost",
    "rusqlite",
    "age",
    "sharks",
    "rand",
    "tracing",
    "rcgen",
];

/// Macros that read or write, or that stop the process.
const IMPURE_MACROS: [&str; 7] = ["print", "println", "eprint", "eprintln", "dbg", "env", "option_env"];

/// The names of the packages that a feature alone is built from, as the lock file has them.
fn packages(feature: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--no-default-features", "--features", feature])
        .args(["--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn each_half_is_built_without_the_others_dependencies() {
    let (client, daemon) = (packages("client"), packages("daemon"));
    for (has, lacks, names) in [
        (
            &daemon,
            &client,
            &["rusqlite", "libsqlite3-sys", "tonic-health", "tonic-reflection", "tracing-subscriber"][..],
        ),
        (&client, &daemon, &["arboard", "dialoguer", "comfy-table", "indicatif", "fluent-templates"][..]),
    ] {
        for name in names {
            assert!(has.contains(*name), "{name} is not used any more: correct this test");
            assert!(!lacks.contains(*name), "{name} is the other half's");
        }
    }
    for name in ["openssl-sys", "native-tls", "aws-lc-rs", "sharks"] {
        assert!(!client.contains(name) && !daemon.contains(name), "{name} must not be linked");
    }
}

#[test]
fn imports_go_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "only {} files found", files.len());
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let module = module_of(file.strip_prefix(&root).unwrap());
            violations(&module, &std::fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A file of tests that no `mod` line names is not built, and nobody notices that its tests are gone.
#[test]
fn every_file_of_tests_is_built() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let mut named = BTreeSet::new();
    for file in &files {
        let folder = file.parent().unwrap();
        let inner = folder.join(file.file_stem().unwrap());
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let line = line.trim_start().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            if let Some(module) = line.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
                named.extend([folder, &inner].map(|folder| folder.join(format!("{module}.rs"))));
            }
            if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
                named.insert(folder.join(path).canonicalize().unwrap());
            }
        }
    }
    let entered = |file: &&PathBuf| file.parent() == Some(&root) || file.ends_with("main.rs");
    let lost: Vec<&PathBuf> = files.iter().filter(|file| !entered(file) && !named.contains(*file)).collect();
    assert!(lost.is_empty(), "no mod line names these: {lost:?}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// `escrow/log/mod.rs` is `escrow::log`, `escrow/id.rs` is `escrow::id`, `lib.rs` the root.
fn module_of(file: &Path) -> Vec<String> {
    let mut module: Vec<String> = file.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
    let name = module.pop().unwrap();
    match name.trim_end_matches(".rs") {
        "mod" | "lib" | "main" => {}
        name => module.push(name.to_owned()),
    }
    module
}

/// What a file names that it must not.
fn violations(module: &[String], source: &str) -> Vec<String> {
    let Some(layer) = module.first() else {
        return Vec::new(); // The root declares the modules.
    };
    let place = module.join("::");
    let Some((_, below)) = LAYERS.iter().find(|(name, _)| name == layer) else {
        return vec![format!("{place}: the module {layer} has no layer; say in tests/layers.rs what it may name")];
    };
    let mut found = Vec::new();
    for path in paths(module, &tokens(source)) {
        let inside = path.strip_prefix("crate");
        let target = inside.map(|rest| rest.trim_start_matches("::").split("::").next().unwrap_or_default());
        let target = target.map(|name| {
            let owner = MACROS.iter().find(|(known, _)| *known == name.trim_end_matches('!'));
            owner.map_or(name, |(_, layer)| layer)
        });
        match target {
            Some("") | Some("*") => {
                found.push(format!("{place}: names the crate's root, so that nobody sees which layer it means"));
            }
            Some(target) if target != layer && !below.contains(&target) => {
                found.push(format!("{place}: names {path}, but {layer} may name {below:?} only"));
            }
            _ => {}
        }
        let within = |forbidden: &&&str| path == **forbidden || path.starts_with(&format!("{forbidden}::"));
        if layer == "escrow"
            && let Some(forbidden) = IMPURE.iter().find(within)
        {
            found.push(format!("{place}: names {path}; the rules must not know {forbidden}"));
        }
        if layer == "escrow"
            && let Some(name) = path.strip_suffix('!')
            && IMPURE_MACROS.contains(&name.rsplit("::").next().unwrap_or(name))
        {
            found.push(format!("{place}: calls {path}; the rules read and write nothing"));
        }
    }
    found
}

/// Names, `::`, and single signs; without comments, texts and characters.
fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut i = 0;
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    while i < chars.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => i += chars[i..].iter().take_while(|c| **c != '\n').count(),
            ('/', '*') => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= chars.len() {
                        break;
                    }
                }
            }
            ('"', _) => i = text_end(&chars, i + 1),
            ('r' | 'b' | 'c', '"' | '#' | 'r') if raw_start(&chars, i).is_some() => {
                let (start, hashes) = raw_start(&chars, i).unwrap();
                let end = |j: &usize| chars[*j] == '"' && (1..=hashes).all(|h| at(j + h) == '#');
                i = (start..chars.len()).find(end).map_or(chars.len(), |j| j + 1 + hashes);
            }
            ('\'', '\\') => i = (i + 3..chars.len()).find(|j| chars[*j] == '\'').map_or(chars.len(), |j| j + 1),
            ('\'', _) if at(i + 2) == '\'' => i += 3,
            (':', ':') => {
                tokens.push("::".to_owned());
                i += 2;
            }
            (c, _) if c.is_alphanumeric() || c == '_' => {
                let name: String = chars[i..].iter().take_while(|c| c.is_alphanumeric() || **c == '_').collect();
                i += name.chars().count();
                tokens.push(name);
            }
            (c, _) => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                i += 1;
            }
        }
    }
    tokens
}

/// The place after the closing quote of a text whose content begins at `i`.
fn text_end(chars: &[char], mut i: usize) -> usize {
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// Where the content of a raw text that begins at `i` starts, and how many `#` close it.
fn raw_start(chars: &[char], i: usize) -> Option<(usize, usize)> {
    let before = i.checked_sub(1).and_then(|i| chars.get(i));
    if before.is_some_and(|c| c.is_alphanumeric() || *c == '_') {
        return None;
    }
    let r = i + chars[i..].iter().take(2).position(|c| *c == 'r')?;
    let hashes = chars[r + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(r + 1 + hashes) == Some(&'"')).then_some((r + 2 + hashes, hashes))
}

/// Every path of two names or more, with `use` trees spread out, the inside of this crate beginning with `crate`.
/// A macro's ends in `!`.
fn paths(module: &[String], tokens: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    // The inline modules around, each with the depth of braces at which it ends.
    let mut inline: Vec<(String, usize)> = Vec::new();
    let mut depth = 0;
    let mut i = 0;
    let token = |i: usize| tokens.get(i).map_or("", String::as_str);
    while i < tokens.len() {
        let after_path = i > 0 && matches!(token(i - 1), "::" | ".");
        match token(i) {
            "mod" if is_name(token(i + 1)) && token(i + 2) == "{" => {
                inline.push((token(i + 1).to_owned(), depth));
                depth += 1;
                i += 3;
            }
            "{" => (depth, i) = (depth + 1, i + 1),
            "}" => {
                depth -= 1;
                inline.pop_if(|(_, end)| *end == depth);
                i += 1;
            }
            "use" => {
                let here = here(module, &inline);
                let start = if token(i + 1) == "::" { i + 2 } else { i + 1 };
                i = tree(&here, tokens, start, &mut Vec::new(), &mut found);
            }
            "pub" if token(i + 1) == "(" && token(i + 2) == "crate" => i += 3,
            name if is_name(name) && !after_path => {
                let mut path = vec![name.to_owned()];
                while token(i + 1) == "::" && is_name(token(i + 2)) {
                    path.push(token(i + 2).to_owned());
                    i += 2;
                }
                i += 1;
                if token(i) == "!" && token(i + 1) != "=" {
                    found.push(format!("{}!", path.join("::")));
                } else if path.len() > 1 || name == "crate" {
                    found.push(resolve(&here(module, &inline), &path));
                }
            }
            _ => i += 1,
        }
    }
    found
}

fn here(module: &[String], inline: &[(String, usize)]) -> Vec<String> {
    module.iter().chain(inline.iter().map(|(name, _)| name)).cloned().collect()
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads one branch of a `use` tree; gives the place after it.
fn tree(
    here: &[String],
    tokens: &[String],
    mut i: usize,
    prefix: &mut Vec<String>,
    found: &mut Vec<String>,
) -> usize {
    let depth = prefix.len();
    let token = |i: usize| tokens.get(i).map_or(";", String::as_str);
    loop {
        match token(i) {
            "{" => {
                i += 1;
                while token(i) != "}" && token(i) != ";" {
                    i = tree(here, tokens, i, prefix, found);
                    i += usize::from(token(i) == ",");
                }
                i += 1;
                break;
            }
            "," | ";" | "}" => {
                found.push(resolve(here, prefix));
                break;
            }
            "as" => i += 2, // A new name does not hide what was named.
            "::" => i += 1,
            name => {
                prefix.push(name.to_owned());
                i += 1;
            }
        }
    }
    prefix.truncate(depth);
    i
}

/// Spells a path from the library's root where it lies in the library. The binaries, which are crates of their own,
/// know it by its name.
fn resolve(here: &[String], path: &[String]) -> String {
    let binary = here.first().is_some_and(|layer| layer == "bin");
    let mut inside = match path[0].as_str() {
        "sequestre" if binary => Vec::new(),
        "crate" if !binary => Vec::new(),
        "self" | "super" if !binary => here.to_vec(),
        _ => return path.join("::"),
    };
    for (position, name) in path.iter().enumerate() {
        match name.as_str() {
            "super" => drop(inside.pop()),
            "crate" | "sequestre" if position == 0 => {}
            "self" => {}
            name => inside.push(name.to_owned()),
        }
    }
    [vec!["crate".to_owned()], inside].concat().join("::")
}

/// What the checker says of a planted source in a module.
fn planted(module: &str, source: &str) -> Vec<String> {
    let module: Vec<String> = module.split("::").map(str::to_owned).collect();
    violations(&module, source)
}

#[test]
fn planted_violations_are_found() {
    let violations = [
        ("escrow::id", "use crate::seal::secret::Secret;"),
        ("escrow::id", "use super::super::seal::Secret;"),
        ("escrow::log::merkle", "use super::super::super::{escrow::id::Digest, store};"),
        ("escrow::id", "use crate::{proto, escrow::{key, id}, daemon as d};"),
        ("escrow::id", "use crate as all; fn f() { all::seal::x() }"),
        ("escrow::id", "use crate::*;"),
        ("escrow::id", "pub(crate) use crate::args;"),
        ("escrow::id", "fn f() { let x = crate::seal::secret(); }"),
        ("escrow::id", "fn f(x: &crate::client::Home) {}"),
        ("escrow::id", "mod tests { use super::super::super::seal; }"),
        ("escrow::id", "use std::fs;"),
        ("escrow::id", "use ::std::fs::File;"),
        ("escrow::id", "use std::{fmt, io::{self, Read}};"),
        ("escrow::id", "fn f() { std::fs::read(p); }"),
        ("escrow::id", "use std::time::{Duration, SystemTime};"),
        ("escrow::id", "fn f() -> std::time::Instant { now() }"),
        ("escrow::id", "use ring::{digest, rand::SystemRandom};"),
        ("escrow::id", "async fn f() { tokio::spawn(g()).await }"),
        ("escrow::id", "fn f() { println!(\"{x}\") }"),
        ("escrow::id", "fn f() { std::println!(\"{x}\") }"),
        ("escrow::id", "const A: &str = \"//\"; use rusqlite::Connection;"),
        ("escrow::id", "const A: &str = r#\"\"//\"#; use rusqlite::Connection;"),
        ("escrow::id", "const A: char = '\"'; use rusqlite::Connection; const B: char = '\"';"),
        ("escrow::id", "fn f<'a>(x: &'a str) { age::encrypt(x) }"),
        ("seal::sharing", "use crate::store::Store;"),
        ("seal::sharing", "use crate::tls;"),
        ("tls", "use crate::daemon::config;"),
        ("store", "use crate::connect;"),
        ("client::keystore", "use crate::daemon::run;"),
        ("daemon::writer", "use super::super::client;"),
        ("bin::sequestre", "use sequestre::attic;"),
        ("proto", "use crate::escrow::id;"),
        ("attic", ""),
    ];
    for (module, source) in violations {
        assert!(!planted(module, source).is_empty(), "{module}: {source}");
    }
}

#[test]
fn what_is_allowed_is_not_found() {
    let allowed = [
        ("escrow::id", "use super::key::VerifyingKey; use crate::proto::v1; use prost::Message as _;"),
        ("escrow::id", "// use crate::seal;\n/* std::fs /* tokio */ */ /// See crate::daemon.\nfn f() {}"),
        ("escrow::id", "const A: &str = \"std::fs \\\" crate::seal\"; const B: &[u8] = b\"tokio::\";"),
        ("escrow::id", "pub(crate) fn f() {} pub(super) struct A; pub(in crate::escrow) struct B;"),
        ("client::view", "use crate::args; fn f() { crate::args![] }"),
        ("escrow::id", "mod tests { use super::*; use super::super::key; } use super::quorum;"),
        ("escrow::id", "use std::collections::{BTreeMap, BTreeSet}; use std::time::Duration;"),
        ("escrow::id", "fn f(age: u64) { let rand = age; x.age::<u8>(); self.io.fs }"),
        ("seal::sharing", "use crate::escrow::{id, part}; use std::fs; use age::x25519;"),
        ("tls", "use crate::{seal, escrow};"),
        ("daemon::writer", "use crate::{store::Store, connect, seal, escrow, tls, proto}; use super::timers;"),
        ("bin::sequestre", "use sequestre::client; use sequestre::daemon; use std::process::ExitCode;"),
    ];
    for (module, source) in allowed {
        assert_eq!(planted(module, source), Vec::<String>::new(), "{module}: {source}");
    }
}
