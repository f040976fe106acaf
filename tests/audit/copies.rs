//! Copies of a log and what is said about them when something in them is not as it was.

use std::fs;
use std::path::PathBuf;

use sequestre::client::audit::export::{Contents, with_cosignatures, write};
use sequestre::client::audit::judge::{Files, Finding, Judgement, KeySource, judge};
use sequestre::client::audit::prove;
use sequestre::client::failure::Exit;
use sequestre::escrow::entry::{DaemonAct, Entry};
use sequestre::escrow::id::{BlobId, Digest};
use sequestre::escrow::key::VerifyingKey;
use sequestre::escrow::log::checkpoint::SignedCheckpoint;
use sequestre::escrow::log::cosignature::VerifiedCosignature;
use sequestre::escrow::log::merkle::{MemoryTree, TreeHead};
use sequestre::escrow::log::note::Note;
use sequestre::escrow::log::proof::ProofFile;
use sequestre::escrow::replay::Fault;
use sequestre::escrow::time::Seconds;
use tempfile::TempDir;

use crate::story::Story;
use crate::world::*;

/// A copy on disk, and the log that it is of.
pub struct Copy {
    pub story: Story,
    pub dir: TempDir,
}

impl Copy {
    /// A copy with the cosignatures of a trustee and of a member at the end, and of the mediator before it.
    pub fn new() -> Self {
        let story = Story::whole();
        let head = story.world.head();
        let earlier = story.world.head_at(head.size - 7);
        let cosignatures = [
            story.cosigned(TRUSTEES[1], head, story.world.now),
            story.cosigned(TECHNICIAN, head, story.world.now),
            story.cosigned(MEDIATOR, earlier, story.world.now),
        ];
        let entries = story.world.entries.clone();
        Self::of(story, &entries, head, &cosignatures)
    }

    /// A copy of these entries under a checkpoint that the log key signed.
    fn of(story: Story, entries: &[Vec<u8>], head: TreeHead, cosignatures: &[VerifiedCosignature]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (checkpoint, texts) = (story.signed(head), story.public_texts());
        let contents =
            Contents { entries, checkpoint: &checkpoint, cosignatures, texts: &texts, readme: "read me\n" };
        write(&dir.path().join("copy"), &contents).unwrap();
        Self { story, dir }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("copy")
    }

    fn judge_with(&self, given: Option<VerifyingKey>) -> Judgement {
        judge(&Files::list(&self.path()).unwrap(), given, |_| None).unwrap()
    }

    fn judge(&self) -> Judgement {
        self.judge_with(None)
    }

    /// Changes a file.
    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path().join(name);
        let mut content = fs::read(&path).unwrap();
        change(&mut content);
        fs::write(&path, content).unwrap();
    }

    fn bundle(&self) -> String {
        format!("tile/entries/000.p/{}", self.story.world.entries.len())
    }

    /// Where in the bundle an entry's bytes begin.
    fn offset(&self, index: usize) -> usize {
        self.story.world.entries[..index].iter().map(|entry| entry.len() + 2).sum::<usize>() + 2
    }
}

fn keys(findings: &[Finding]) -> Vec<(&'static str, Option<u64>)> {
    findings.iter().map(|finding| (finding.key, finding.entry)).collect()
}

#[test]
fn a_copy_holds_and_says_who_confirmed_it() {
    let copy = Copy::new();
    let found = copy.judge();
    assert_eq!((keys(&found.faults), keys(&found.remarks)), (vec![], vec![]));
    let size = copy.story.world.entries.len() as u64;
    assert_eq!(found.claimed.map(|c| c.head), Some(copy.story.world.head()));
    assert_eq!(found.replay.map(|replay| replay.head()), Some(copy.story.world.head()));
    assert_eq!(found.key, Some((public(&LOG_KEY), KeySource::Genesis)));
    let mut confirmed: Vec<_> = found.cosigned.iter().map(|c| (c.person, c.size, c.witness)).collect();
    let mut expected =
        vec![(TRUSTEES[1].id, size, true), (TECHNICIAN.id, size, false), (MEDIATOR.id, size - 7, true)];
    confirmed.sort();
    expected.sort();
    assert_eq!(confirmed, expected);
    assert_eq!(found.texts.len(), copy.story.public_texts().len());
    assert!(found.texts_named >= found.texts.len());
    // What is confidential stays at home.
    let sheets = fs::read_dir(copy.path().join("blobs")).unwrap().filter(|file| {
        let content = fs::read(file.as_ref().unwrap().path()).unwrap();
        content.windows(12).any(|w| w == b"legal_holder")
    });
    assert_eq!(sheets.count(), 0);
}

#[test]
fn the_key_is_the_given_one_then_the_pinned_one() {
    let copy = Copy::new();
    let right = public(&LOG_KEY);
    assert_eq!(copy.judge_with(Some(right)).key, Some((right, KeySource::Given)));
    let pinned = judge(&Files::list(&copy.path()).unwrap(), None, |_| Some(right)).unwrap();
    assert_eq!(pinned.key, Some((right, KeySource::Pinned)));
    let wrong = copy.judge_with(Some(public_key("somebody else's log")));
    assert_eq!(keys(&wrong.faults), [("audit-fault-other-key", None), ("audit-fault-signature", None)]);
    assert!(wrong.signed.is_none() && wrong.cosigned.is_empty());
}

#[test]
fn one_flipped_bit_anywhere_in_an_entry_names_that_entry() {
    let copy = Copy::new();
    for (index, entry) in copy.story.world.entries.iter().enumerate().step_by(7) {
        for (place, bit) in [(0, 1), (entry.len() / 2, 0x10), (entry.len() - 1, 0x80)] {
            let at = copy.offset(index) + place;
            copy.change(&copy.bundle(), |content| content[at] ^= bit);
            let found = copy.judge();
            assert_eq!(keys(&found.faults).first(), Some(&("audit-fault-altered", Some(index as u64))), "{index}");
            copy.change(&copy.bundle(), |content| content[at] ^= bit);
        }
    }
    assert!(copy.judge().faults.is_empty());
}

#[test]
fn a_changed_length_names_the_entry_whose_length_it_is() {
    let copy = Copy::new();
    let at = copy.offset(9) - 1;
    copy.change(&copy.bundle(), |content| content[at] ^= 1);
    assert_eq!(keys(&copy.judge().faults)[0], ("audit-fault-altered", Some(9)));
}

#[test]
fn a_changed_date_is_found_although_nobody_signed_it() {
    // The entry's time is the daemon's word: the rules allow another one. The tree does not.
    let copy = Copy::new();
    let last = copy.story.world.entries.len() - 1;
    let mut entry = Entry::parse(&copy.story.world.entries[last]).unwrap();
    entry.time = entry.time.after(Seconds(1));
    let (changed, at) = (entry.encode(), copy.offset(last));
    assert_eq!(changed.len(), copy.story.world.entries[last].len());
    copy.change(&copy.bundle(), |content| content[at..].copy_from_slice(&changed));
    let found = copy.judge();
    assert_eq!(keys(&found.faults), [("audit-fault-altered", Some(last as u64))]);
    assert!(found.faults[0].why.is_none());
}

#[test]
fn what_the_log_signed_but_the_rules_forbid_is_told_apart_from_a_changed_copy() {
    // A server that rewrites its log consistently: an access that nobody granted begins, and the head is signed.
    let story = Story::whole();
    let (mut entries, size) = (story.world.entries.clone(), story.world.entries.len() as u64);
    let never_granted = story.world.state().requests().values().next().unwrap().at.index;
    let invented = story.world.act_entry(DaemonAct::Collected(never_granted), size, story.world.now);
    entries.push(invented.encode());
    let mut tree = MemoryTree::new();
    entries.iter().for_each(|entry| tree.push(Entry::leaf(entry)));
    let copy = Copy::of(story, &entries, tree.head(), &[]);
    let found = copy.judge();
    assert_eq!(keys(&found.faults), [("audit-fault-forbidden", Some(size))]);
    assert!(matches!(found.faults[0].why, Some(Fault::Refused(_))));
    assert_eq!(found.replay.unwrap().organisation().size(), size);
}

#[test]
fn a_cosigner_who_was_taken_out_is_missing_and_a_false_one_is_a_fault() {
    let copy = Copy::new();
    let without = |device: &str, content: &mut Vec<u8>| {
        let text = String::from_utf8(std::mem::take(content)).unwrap();
        let kept: Vec<&str> = text.lines().filter(|line| !line.contains(device)).collect();
        *content = format!("{}\n", kept.join("\n")).into_bytes();
    };
    let device = TRUSTEES[1].device.device().to_string();
    copy.change("checkpoint", |content| without(&device, content));
    let found = copy.judge();
    assert!(found.faults.is_empty());
    assert!(!found.cosigned.iter().any(|c| c.person == TRUSTEES[1].id) && found.cosigned.len() == 2);

    // Another person's signature under the technician's name.
    let text = fs::read_to_string(copy.path().join("checkpoint")).unwrap();
    let mut note = Note::parse(&text).unwrap();
    let mut line = note.signatures().last().unwrap().clone();
    let last = line.signature.len() - 1;
    line.signature[last] ^= 1;
    note = note.with(line).unwrap();
    fs::write(copy.path().join("checkpoint"), note.to_string()).unwrap();
    assert_eq!(keys(&copy.judge().faults), [("audit-fault-cosignature", None)]);
}

#[test]
fn a_cosignature_of_another_tree_is_evidence() {
    // The mediator confirmed a tree of this size that is not this log's.
    let story = Story::whole();
    let (head, now) = (story.world.head(), story.world.now);
    let mut other = story.world.head_at(head.size - 3);
    other.root = Digest::new(fake("another history"));
    let cosignatures = [story.cosigned(MEDIATOR, other, now)];
    let entries = story.world.entries.clone();
    let copy = Copy::of(story, &entries, head, &cosignatures);
    assert_eq!(keys(&copy.judge().faults), [("audit-fault-cosigned-other", None)]);
}

#[test]
fn a_revoked_devices_cosignature_does_not_count() {
    let mut story = Story::whole();
    story.world.ok(TRUSTEES[1], revoke_device(TRUSTEES[1].device));
    let head = story.world.head();
    let cosignatures = [story.cosigned(TRUSTEES[1], head, story.world.now)];
    let entries = story.world.entries.clone();
    let copy = Copy::of(story, &entries, head, &cosignatures);
    let found = copy.judge();
    assert_eq!((keys(&found.faults), found.cosigned), (vec![], vec![]));
    assert_eq!(keys(&found.remarks), [("audit-remark-revoked-device", None)]);
}

#[test]
fn a_changed_hash_tile_is_named_and_blames_no_entry() {
    let copy = Copy::new();
    let tile = format!("tile/0/000.p/{}", copy.story.world.entries.len());
    copy.change(&tile, |content| content[40] ^= 1);
    let found = copy.judge();
    assert_eq!(keys(&found.faults), [("audit-fault-tile", None)]);
    fs::remove_file(copy.path().join(&tile)).unwrap();
    assert_eq!(keys(&copy.judge().faults), [("audit-fault-no-tile", None)]);
}

#[test]
fn a_truncated_or_missing_bundle_names_the_first_entry_that_is_gone() {
    let copy = Copy::new();
    let cut = copy.offset(12) + 5;
    copy.change(&copy.bundle(), |content| content.truncate(cut));
    let found = copy.judge();
    assert_eq!(keys(&found.faults), [("audit-fault-bundle", Some(12))]);
    assert_eq!(found.replay.unwrap().organisation().size(), 12);
    fs::remove_file(copy.path().join(copy.bundle())).unwrap();
    assert_eq!(
        keys(&copy.judge().faults),
        [("audit-fault-no-bundle", Some(0)), ("audit-fault-no-key", None)],
        "without the first entry even the key is unknown"
    );
}

#[test]
fn an_unfinished_or_swapped_checkpoint_is_refused() {
    let copy = Copy::new();
    let path = copy.path().join("checkpoint");
    let original = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(keys(&copy.judge().faults), [("audit-fault-no-checkpoint", None)]);
    fs::write(&path, "nothing\n").unwrap();
    assert_eq!(keys(&copy.judge().faults), [("audit-fault-checkpoint-form", None)]);
    // A size without end must not keep anybody busy for ever.
    let huge = String::from_utf8(original).unwrap().replacen(
        &format!("\n{}\n", copy.story.world.entries.len()),
        &format!("\n{}\n", i64::MAX),
        1,
    );
    fs::write(&path, huge).unwrap();
    let found = copy.judge();
    assert_eq!(keys(&found.faults)[0], ("audit-fault-no-bundle", Some(0)));
    assert!(found.faults.len() < 100);
}

#[test]
fn another_organisations_entries_are_not_this_log() {
    let copy = Copy::new();
    // The same checkpoint above the entries of an organisation that was founded otherwise.
    let other = World::founded();
    assert_ne!(other.id(), copy.story.world.id());
    let size = copy.story.world.entries.len();
    let mut content = Vec::new();
    for entry in other.entries.iter().cycle().take(size) {
        content.extend_from_slice(&u16::try_from(entry.len()).unwrap().to_be_bytes());
        content.extend_from_slice(entry);
    }
    fs::write(copy.path().join(copy.bundle()), content).unwrap();
    let found = copy.judge();
    assert_eq!(keys(&found.faults)[0], ("audit-fault-altered", Some(0)));
    assert_eq!(found.faults[0].why, Some(Fault::Genesis));
}

#[test]
fn texts_are_the_right_ones_or_a_fault_and_foreign_files_are_mentioned() {
    let copy = Copy::new();
    let name = format!("blobs/{}", BlobId::of(&copy.story.public_texts()[0]));
    copy.change(&name, |content| *content.last_mut().unwrap() ^= 1);
    assert_eq!(keys(&copy.judge().faults), [("audit-fault-text", None)]);
    fs::remove_file(copy.path().join(&name)).unwrap();
    let found = copy.judge();
    assert!(found.faults.is_empty() && found.texts.len() + 1 == copy.story.public_texts().len());
    fs::write(copy.path().join("holiday.jpg"), "x").unwrap();
    fs::write(copy.path().join("tile/entries/001.p/3"), "x").unwrap_or_else(|_| {
        fs::create_dir_all(copy.path().join("tile/entries/001.p")).unwrap();
        fs::write(copy.path().join("tile/entries/001.p/3"), "x").unwrap();
    });
    let found = copy.judge();
    assert!(found.faults.is_empty());
    assert_eq!(keys(&found.remarks), [("audit-remark-foreign", None), ("audit-remark-foreign", None)]);
}

#[test]
fn a_large_log_fills_several_tiles() {
    // Confirmations that change nothing but the log's length; 600 entries make three bundles and two levels.
    let mut story = Story::founded();
    while story.world.entries.len() < 600 {
        let n = story.world.entries.len();
        let who = TRUSTEES[n % 7];
        let device = public_key(&format!("device {n}"));
        if story.world.submit(who, enrol(who, device)).is_err() {
            story.world.wait(Seconds::DAY);
        }
    }
    let (head, entries) = (story.world.head(), story.world.entries.clone());
    let copy = Copy::of(story, &entries, head, &[]);
    for name in ["tile/entries/000", "tile/entries/001", "tile/entries/002.p/88", "tile/0/002.p/88", "tile/1/000.p/2"]
    {
        assert!(copy.path().join(name).is_file(), "{name}");
    }
    assert!(copy.judge().faults.is_empty());
    copy.change("tile/entries/001", |content| {
        let last = content.len() - 1;
        content[last] ^= 1;
    });
    assert_eq!(keys(&copy.judge().faults), [("audit-fault-altered", Some(511))]);
}

#[test]
fn a_folder_that_holds_something_is_refused() {
    let story = Story::founded();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("x"), "x").unwrap();
    let (checkpoint, entries) = (story.signed(story.world.head()), story.world.entries.clone());
    let contents = Contents { entries: &entries, checkpoint: &checkpoint, cosignatures: &[], texts: &[], readme: "" };
    let refused = write(dir.path(), &contents).unwrap_err();
    assert_eq!((refused.key(), refused.exit()), ("audit-folder-not-empty", Exit::Usage));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    // Nor are entries written that are not those of the checkpoint.
    let fewer = Contents { entries: &entries[1..], ..contents };
    let refused = write(&dir.path().join("copy"), &fewer).unwrap_err();
    assert_eq!(refused.key(), "audit-copy-differs");
    assert!(!dir.path().join("copy").exists());
}

fn read_proof(file: &ProofFile) -> ProofFile {
    file.to_string().parse().unwrap()
}

#[test]
fn each_entry_has_a_proof_that_holds_offline() {
    let story = Story::whole();
    let head = story.world.head();
    let cosignature = story.cosigned(TRUSTEES[1], head, story.world.now);
    let cosignatures = [cosignature];
    let (checkpoint, others): (SignedCheckpoint, _) = with_cosignatures(&story.signed(head), &cosignatures);
    assert!(others.is_empty() && checkpoint.cosignatures().count() == 1);
    let entries = &story.world.entries;
    for (index, entry) in (0..).zip(entries) {
        let file = read_proof(&prove(entries, index, &checkpoint).unwrap());
        let included = file.verify(&Entry::leaf(entry), &story.verifier()).unwrap();
        assert_eq!(included.index(), index);
        assert!(file.verify(&Entry::leaf(b"something else"), &story.verifier()).is_err());
    }
    let refused = prove(entries, head.size, &checkpoint).unwrap_err();
    assert_eq!((refused.key(), refused.exit()), ("audit-no-entry", Exit::Usage));
}
