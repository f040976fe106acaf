//! Checkpoints that people hand each other: what agrees, what cannot be compared, and the evidence of a fork, which
//! is checked here with other code than ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sequestre::client::home::Home;
use sequestre::escrow::id::Digest;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use sequestre::escrow::log::merkle::{TreeHead, verify_consistency};
use serde_json::Value;
use signed_note::{Note, StandardVerifier, VerifierList};
use tempfile::TempDir;

use crate::reading::{computer, in_between, json, ok, sequestre};
use crate::story::Story;
use crate::world::*;

/// A folder with notes, where the program runs and may leave evidence.
struct Table(TempDir);

impl Table {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, note: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, note).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Exit code, the answer for programs, and what was said on standard error.
    fn compare(&self, home: &Path, args: &[&str]) -> (i32, Value, String) {
        let run = Command::new(env!("CARGO_BIN_EXE_sequestre"))
            .args(["--json", "--home", home.to_str().unwrap(), "audit", "compare"])
            .args(args)
            .current_dir(self.0.path())
            .env("LC_ALL", "C.UTF-8")
            .env_remove("SEQUESTRE_HOME")
            .output()
            .unwrap();
        let answer = serde_json::from_slice(&run.stdout).unwrap_or(Value::Null);
        (run.status.code().unwrap(), answer, String::from_utf8(run.stderr).unwrap())
    }

    fn refused(&self, home: &Path, args: &[&str], exit: i32, key: &str) {
        let (code, answer, told) = self.compare(home, args);
        let told: Value = serde_json::from_str(told.trim()).unwrap();
        assert_eq!((code, told["error"].as_str(), answer), (exit, Some(key), Value::Null));
    }
}

fn relations(answer: &Value) -> Vec<&str> {
    answer["notes"].as_array().unwrap().iter().map(|note| note["relation"].as_str().unwrap()).collect()
}

fn note_at(story: &Story, size: u64) -> SignedCheckpoint {
    story.signed(story.world.head_at(size))
}

/// The same association with another history from some entry on, signed by the same log key.
fn other_history(size: usize) -> Story {
    let mut other = Story::founded();
    let mut n = 0;
    while other.world.entries.len() < size {
        n += 1;
        other.world.ok(TRUSTEES[n % 7], enrol(TRUSTEES[n % 7], public_key(&format!("tablet {n}"))));
    }
    other
}

/// What the evidence says, read as its README tells: with another implementation of signed notes.
fn evidence(dir: &Path, log: &LogVerifier) -> (Checkpoint, Checkpoint) {
    let readme = fs::read_to_string(dir.join("README.txt")).unwrap();
    let key = log.note_key().to_string();
    assert!(readme.contains(&key) && readme.contains(&hex::encode(log.note_key().key.as_bytes())), "{readme}");
    let read = |name: &str| {
        let bytes = fs::read(dir.join(name)).unwrap();
        let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&key).unwrap())]);
        let note = Note::from_bytes(&bytes).unwrap();
        assert_eq!(note.verify(&known).unwrap().0.len(), 1, "signed by the log");
        let text = String::from_utf8(bytes).unwrap();
        Checkpoint::parse(&text[..text.find("\n\n").unwrap() + 1]).unwrap()
    };
    (read("one.note"), read("two.note"))
}

#[test]
fn what_agrees_and_what_cannot_be_compared() {
    let story = in_between();
    let size = story.world.entries.len() as u64;
    let table = Table::new();
    let times = [size, size - 5, 3].map(|at| (at, note_at(&story, at)));
    let [all, early, first] = times.map(|(at, note)| table.put(&format!("{at}.note"), &note.to_string()));
    let home = computer(&story, MEDIATOR, size as usize - 5);
    let (exit, answer, told) = table.compare(home.path(), &[&first, &early, &all]);
    assert_eq!((exit, told.as_str()), (0, ""));
    assert_eq!(relations(&answer), ["agrees", "agrees", "beyond"]);
    assert_eq!((answer["own_entries"].as_u64(), &answer["fork"]), (Some(size - 5), &Value::Bool(false)));
    let text = ok(home.path(), &["audit", "compare", &all, &early]);
    assert!(text.contains("NOT COMPARED: your own copy ends at") && text.contains("AGREES"), "{text}");
    let text = ok(home.path(), &["--lang", "fr", "audit", "compare", &early]);
    assert!(text.contains("CONCORDE avec votre propre copie"), "{text}");

    // Without a home, with the log's key alone: only trees of the same size can be compared.
    let nobody = tempfile::tempdir().unwrap();
    let key = story.verifier().note_key().to_string();
    let again = table.put("again.note", &note_at(&story, size).to_string().replace('\n', "\r\n"));
    let (exit, answer, _) = table.compare(nobody.path(), &["--log-key", &key, &all, &early, &again]);
    assert_eq!((exit, relations(&answer)), (0, vec!["same", "alone", "same"]));
    assert_eq!(answer["own_entries"], Value::Null);
    assert_eq!(fs::read_dir(table.0.path()).unwrap().count(), 4, "no evidence of anything");
}

#[test]
fn the_own_checkpoint_is_handed_over_with_its_confirmations() {
    let story = in_between();
    let size = story.world.entries.len();
    let home = computer(&story, MEDIATOR, size);
    let folder = Home::new(home.path().to_owned()).folder(story.world.id());
    let head = story.world.head_at(size as u64);
    let lines = TRUSTEES[..3].iter().map(|who| {
        let cosigned = story.cosigned(*who, head, story.world.now);
        format!("{} {} {}\n", head.size, head.root, cosigned.cosignature())
    });
    fs::write(folder.join("cosignatures"), lines.collect::<String>()).unwrap();
    let printed = ok(home.path(), &["audit", "checkpoint"]);
    assert_eq!(story.verifier().verify(&printed).unwrap().cosignatures().count(), 3);
    assert_eq!(json(home.path(), &["audit", "checkpoint"])[0]["note"], printed);
    let table = Table::new();
    let file = table.put("from-maud.txt", &printed);
    let other = computer(&story, TRUSTEES[4], size);
    let (exit, answer, _) = table.compare(other.path(), &[&file]);
    assert_eq!((exit, answer["notes"][0]["cosigners"].as_array().unwrap().len()), (0, 3));
    let text = ok(other.path(), &["audit", "compare", &file]);
    assert!(text.contains("confirmed by 3 people"), "{text}");
}

#[test]
fn two_notes_of_one_size_prove_a_fork_by_themselves() {
    let story = in_between();
    let size = story.world.entries.len();
    let other = other_history(size);
    assert_eq!(other.world.id(), story.world.id());
    let table = Table::new();
    let one = table.put("awa.note", &note_at(&story, size as u64).to_string());
    let two = table.put("bruno.note", &note_at(&other, size as u64).to_string());
    let nobody = tempfile::tempdir().unwrap();
    let key = story.verifier().note_key().to_string();
    let name = |n: &str| PathBuf::from(format!("sequestre-fork-{}{n}", &story.world.id().to_string()[..12]));
    for n in ["", "-2", "-3"] {
        let (exit, answer, told) = table.compare(nobody.path(), &["--log-key", &key, &one, &two]);
        assert_eq!((exit, relations(&answer)), (5, vec!["contradicts", "contradicts"]), "{told}");
        assert!(told.contains("compare-fork") && told.contains("once copied"), "{told}");
        assert_eq!(answer["evidence"].as_str().unwrap(), name(n).to_str().unwrap(), "nothing is overwritten");
        let dir = table.0.path().join(name(n));
        let (first, second) = evidence(&dir, &story.verifier());
        assert_eq!((first.head.size, second.head.size), (size as u64, size as u64));
        assert_ne!(first.head.root, second.head.root);
        assert!(!dir.join("consistency.txt").exists());
    }
    // Whoever has one of the two: the other is a lie, and this computer accepts nothing more from the key.
    let home = computer(&story, TRUSTEES[1], size);
    let chosen = table.0.path().join("evidence");
    let (exit, answer, _) = table.compare(home.path(), &["--to", chosen.to_str().unwrap(), &one, &two]);
    assert_eq!((exit, relations(&answer)), (5, vec!["agrees", "contradicts"]));
    evidence(&chosen, &story.verifier());
    let kept = Home::new(home.path().to_owned()).folder(story.world.id()).join("evidence");
    // But anybody who once copied the key can have made it: nobody who is known confirms it.
    assert!(!kept.join("stop").exists());
    // A line that anybody can add hides nothing.
    let early = story.cosigned(TRUSTEES[1], story.world.head_at(3), story.world.now);
    let moved = format!("{}{}\n", fs::read_to_string(&two).unwrap(), early.cosignature());
    let moved = table.put("moved.note", &moved);
    let (exit, answer, _) = table.compare(home.path(), &[&one, &moved]);
    assert_eq!((exit, relations(&answer)), (5, vec!["agrees", "contradicts"]));
    assert!(!kept.join("stop").exists());
    let (exit, _, _) = table.compare(home.path(), &["--yes", &one, &two]);
    assert_eq!((exit, kept.join("stop").is_file()), (5, true));
    let status = sequestre(home.path(), &["status"]);
    assert_eq!(status.status.code(), Some(5));
    // Whoever has neither, because both go further: the two notes are enough.
    let behind = computer(&story, MEDIATOR, 3);
    let (exit, answer, _) = table.compare(behind.path(), &["--yes", &one, &two]);
    assert_eq!((exit, relations(&answer)), (5, vec!["contradicts", "contradicts"]));
    let kept = Home::new(behind.path().to_owned()).folder(story.world.id()).join("evidence");
    for name in ["one", "two"] {
        assert!(kept.join(format!("{name}-{size}.note")).is_file());
    }
}

#[test]
fn a_shorter_note_is_disproved_by_the_own_replica() {
    let story = in_between();
    let size = story.world.entries.len() as u64;
    let other = other_history(size as usize - 3);
    let table = Table::new();
    let theirs = table.put("theirs.note", &note_at(&other, size - 3).to_string());
    let home = computer(&story, MEDIATOR, size as usize);
    let dir = table.0.path().join("proof");
    let (exit, answer, _) = table.compare(home.path(), &["--to", dir.to_str().unwrap(), &theirs]);
    assert_eq!((exit, relations(&answer)), (5, vec!["contradicts"]));
    let (one, two) = evidence(&dir, &story.verifier());
    assert_eq!((one.head.size, two.head), (size - 3, story.world.head_at(size)));
    // The proof leads from another root of the smaller size to the larger tree that the log signed.
    let text = fs::read_to_string(dir.join("consistency.txt")).unwrap();
    let mut lines = text.lines();
    let mut head = || -> TreeHead {
        let (size, root) = lines.next().unwrap().split_once(' ').unwrap();
        TreeHead { size: size.parse().unwrap(), root: root.parse().unwrap() }
    };
    let (old, new) = (head(), head());
    let hashes: Vec<Digest> = lines.map(|line| line.parse().unwrap()).collect();
    assert_eq!((old.size, new), (one.head.size, two.head));
    verify_consistency(&old, &new, &hashes).unwrap();
    assert_ne!(old.root, one.head.root);
    verify_consistency(&one.head, &new, &hashes).unwrap_err();
    let readme = fs::read_to_string(dir.join("README.txt")).unwrap();
    assert!(readme.contains(&old.root.to_string()) && readme.contains("consistency.txt"), "{readme}");
}

#[test]
fn what_is_no_note_of_this_log_says_nothing_about_it() {
    let story = in_between();
    let size = story.world.entries.len() as u64;
    let home = computer(&story, MEDIATOR, size as usize);
    let nobody = tempfile::tempdir().unwrap();
    let table = Table::new();
    let good = note_at(&story, size);
    let file = table.put("good.note", &good.to_string());
    table.refused(nobody.path(), &[&file], 2, "compare-no-key");
    table.refused(nobody.path(), &["--log-key", "x", &file], 2, "audit-bad-key");
    table.refused(home.path(), &["/nowhere/at/all"], 1, "failed-file");
    for text in ["", "hello\n", &good.to_string()[..40], &"x".repeat(100_000)] {
        let bad = table.put("bad.note", text);
        table.refused(home.path(), &[&file, &bad], 2, "compare-unreadable");
    }
    // A number changed on its way, or another key's signature.
    let changed = good.to_string().replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1);
    let bad = table.put("changed.note", &changed);
    table.refused(home.path(), &[&bad], 1, "compare-false-note");
    let other_key = LogVerifier::new(story.world.id(), public_key("somebody")).note_key().to_string();
    table.refused(home.path(), &["--log-key", &other_key, &file], 1, "compare-false-note");
    let stranger = good.to_string().replace(&story.world.id().to_string(), &"7".repeat(64));
    let bad = table.put("stranger.note", &stranger);
    table.refused(home.path(), &[&file, &bad], 2, "compare-other-log");
    // A confirmation that was moved from another tree.
    let early = story.cosigned(TRUSTEES[1], story.world.head_at(3), story.world.now);
    let moved = format!("{good}{}\n", early.cosignature());
    let bad = table.put("moved.note", &moved);
    let (exit, answer, told) = table.compare(home.path(), &[&bad]);
    assert_eq!((exit, relations(&answer)), (1, vec!["agrees"]));
    assert!(told.contains("compare-false-cosignature"), "{told}");
    // A folder that holds something is no place for evidence; that is known before anything is compared.
    table.refused(home.path(), &["--to", table.0.path().to_str().unwrap(), &file], 2, "audit-folder-not-empty");
    let evidence = Home::new(home.path().to_owned()).folder(story.world.id()).join("evidence");
    assert_eq!(fs::read_dir(evidence).unwrap().count(), 0, "nobody is accused");
}
