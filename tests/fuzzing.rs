//! A moment of each target of `fuzz/`: its good inputs, what was found before, and many that were changed at random.
//!
//! `SEQUESTRE_TEST_INPUTS` (of the fastest kind; slow ones get fewer) and `SEQUESTRE_TEST_SEED` take a longer or
//! another run. An input that breaks a property is written to a file that the failure names: it belongs into
//! `fuzz/found/TARGET/`, with what mends it. `SEQUESTRE_WRITE_CORPUS=1` writes the good inputs to `fuzz/corpus/`, where
//! `cargo fuzz` begins with them.
#![cfg(all(feature = "client", feature = "daemon"))]

#[path = "support/chance.rs"]
mod chance;
#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chance::{Chance, number};
use targets::{TARGETS, Target, target};

macro_rules! smoke {
    ($($name:ident),+ $(,)?) => {
        const HERE: &[&str] = &[$(stringify!($name)),+];
        $(#[test]
        fn $name() {
            holds(target(stringify!($name)));
        })+
    };
}

smoke!(
    entries,
    commands,
    rules,
    checkpoints,
    cosignatures,
    proofs,
    tiles,
    moves,
    codes,
    words,
    shares,
    sealed,
    recoveries,
    answers,
    replicas,
    restorations,
    configuration,
    settings,
    texts,
    ldap,
    http,
    postgresql,
    programs,
);

#[test]
fn every_target_is_tried_here_and_can_be_run_for_longer() {
    let all: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(all, HERE.iter().copied().collect());
    let package: toml::Table = include_str!("../fuzz/Cargo.toml").parse().unwrap();
    let programs = package["bin"].as_array().unwrap().iter().map(|program| program["name"].as_str().unwrap());
    assert_eq!(programs.collect::<BTreeSet<_>>(), all);
}

fn holds(target: &Target) {
    let mut good = target.seeds();
    assert!(!good.is_empty(), "nothing to begin with");
    if std::env::var_os("SEQUESTRE_WRITE_CORPUS").is_some() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target.name);
        fs::create_dir_all(&corpus).unwrap();
        good.iter().enumerate().for_each(|(n, seed)| fs::write(corpus.join(format!("seed-{n}")), seed).unwrap());
    }
    good.iter().for_each(|seed| tried(target, seed));
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/found").join(target.name);
    if found.exists() {
        let mut files: Vec<_> = fs::read_dir(found).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files {
            let input = fs::read(file).unwrap();
            tried(target, &input);
            good.push(input);
        }
    }
    let mut chance = Chance::of_this_run(target.name);
    let inputs = number("SEQUESTRE_TEST_INPUTS", 4000) as usize / target.cost;
    for _ in 0..inputs.max(8) {
        let mut input = chance.one_of(&good).clone();
        for _ in 0..=chance.below(4) {
            changed(&mut input, &good, &mut chance);
        }
        tried(target, &input);
    }
}

/// Says which input it was; the input itself, too, for where files are gone by the time somebody reads what was printed.
fn tried(target: &Target, input: &[u8]) {
    if let Err(failure) = catch_unwind(AssertUnwindSafe(|| target.run(input))) {
        let name = hex::encode(&sequestre::escrow::id::sha256(&[input])[..8]);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}", target.name));
        fs::write(&path, input).unwrap();
        eprintln!("{} does not hold for the input in {}", target.name, path.display());
        eprintln!("(base64) {}", BASE64_STANDARD.encode(input));
        std::panic::resume_unwind(failure);
    }
}

/// One small change, of the kind that finds faults in what reads bytes, lines, numbers and lists.
fn changed(input: &mut Vec<u8>, good: &[Vec<u8>], chance: &mut Chance) {
    const ODD: [&[u8]; 14] = [
        b"\0",
        b"\xff",
        b"\x7f",
        b"\x80",
        b"\n",
        b"\r\n",
        b" ",
        b"\"",
        b"{",
        b"-1",
        b"18446744073709551615",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\xe2\x80\xae",
        b"\xf0\x9f\x92\xa9",
    ];
    let from = chance.below(input.len() + 1);
    let length = match chance.below(3) {
        0 => 1,
        1 => chance.below(16),
        _ => chance.below(input.len() + 1),
    };
    let to = (from + length).min(input.len());
    match chance.below(10) {
        0 | 1 if from < input.len() => input[from] ^= 1 << chance.below(8),
        2 if from < input.len() => input[from] = chance.next() as u8,
        3 => drop(input.drain(from..to)),
        4 => {
            let again = input[from..to].to_vec();
            drop(input.splice(to..to, again));
        }
        5 => {
            let other = chance.one_of(good);
            let begin = chance.below(other.len() + 1);
            let end = (begin + chance.below(64)).min(other.len());
            drop(input.splice(from..to.min(from + 64), other[begin..end].iter().copied()));
        }
        6 => {
            let odd = *chance.one_of(&ODD);
            drop(input.splice(from..from, odd.iter().copied()));
        }
        7 => {
            let odd = *chance.one_of(&ODD);
            let end = (from + odd.len()).min(input.len());
            drop(input.splice(from..end, odd.iter().copied()));
        }
        8 if from < input.len() => input[from] = input[from].wrapping_add([1, 255][chance.below(2)]),
        _ => {
            // Two pieces change places.
            let piece = input[from..to].to_vec();
            drop(input.drain(from..to));
            let at = chance.below(input.len() + 1);
            drop(input.splice(at..at, piece));
        }
    }
    // Nothing here is that long.
    input.truncate(1 << 18);
}
