//! Our formats, read by a program that shares nothing with ours: `interop/verify.py` checks a real export, and finds
//! whatever was changed in it. The Python that `tests/run` prepared is used, or else `python3`.
#![cfg(all(feature = "client", feature = "daemon"))]

#[path = "support/refuge.rs"]
mod refuge;
#[path = "support/thief.rs"]
mod thief;
#[path = "support/town.rs"]
mod town;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost::Message as _;
use sequestre::client::audit::export::{Contents, write};
use sequestre::client::audit::{self, prove};
use sequestre::client::consent;
use sequestre::client::join;
use sequestre::client::request;
use sequestre::client::session::{self, Session};
use sequestre::escrow::entry::Entry;
use sequestre::escrow::id::Digest;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier};
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::recovery::request_preimage;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::identity::Identity;
use sequestre::seal::sealing::open_with;

use thief::{entries, log_key, signed};
use town::*;

fn python() -> PathBuf {
    let prepared = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("interop-venv").join("bin/python3");
    if prepared.exists() { prepared } else { "python3".into() }
}

/// Whether the verifier accepts, and what it says.
fn verify(copy: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(python());
    command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/verify.py"));
    let output = command.args(arguments).arg(copy).output().expect("python3 is needed; tests/run installs it");
    let said = |bytes| String::from_utf8(bytes).unwrap();
    let told = said(output.stdout) + &said(output.stderr);
    assert!(!told.contains("Traceback"), "{told}");
    (output.status.success(), told)
}

#[track_caller]
fn accepted(copy: &Path, arguments: &[&str]) -> BTreeMap<String, String> {
    let (good, told) = verify(copy, arguments);
    assert!(good, "{told}");
    told.lines().filter_map(|line| line.rsplit_once(' ')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

#[track_caller]
fn refused(copy: &Path, arguments: &[&str], named: &str) {
    let (good, told) = verify(copy, arguments);
    assert!(!good && told.starts_with("REFUSED ") && told.contains(named), "not about {named}: {told}");
}

/// Everything that an association does, its export, a proof of each entry and the opened shares of three people.
struct Story {
    town: Town,
    copy: PathBuf,
    proofs: Vec<String>,
    shares: String,
}

impl Story {
    async fn told() -> Self {
        let town = Town::founded().await;
        let given = town.granted(NINA, Seconds::HOUR).await;
        assert_eq!(town.open(NINA, given).await.unwrap(), PASSWORD);
        request::give_back(&town.env(NINA), given).await.unwrap();
        town.put(THEO, true, "second password of the lake").await.unwrap();
        let denied = town.ask(NINA).await;
        consent::deny(&town.env(CHLOE), denied, "not now").await.unwrap();
        town.invite(AWA, OMAR).await;
        town.join(OMAR).await.unwrap();
        join::admit(&town.env(AWA), OMAR).await.unwrap();
        // The server writes by itself that the request is over.
        let entries = town.entries();
        town.pass(Seconds(4 * Seconds::DAY.0));
        session::sync(&town.env(MAUD)).await.unwrap();
        town.grown(entries + 1).await;
        for name in [AWA, BRUNO, CHLOE] {
            let mut session = town.session(name).await;
            session.confirm_shares().await.unwrap();
        }
        // Cosignatures of an earlier tree and of the last one.
        session::sync(&town.env(MAUD)).await.unwrap();
        let revoked = town.granted(NINA, Seconds::HOUR).await;
        request::revoke(&town.env(AWA), revoked, "no longer").await.unwrap();
        session::sync(&town.env(BRUNO)).await.unwrap();
        Self::recovery(&town).await;

        let copy = town.root.path().join("copy");
        audit::export(&town.env(AWA), &copy).await.unwrap();
        let proofs = Self::proofs(&town).await;
        let shares = Self::shares(&town).await;
        Self { town, copy, proofs, shares }
    }

    /// Bruno enters what he gave Awa without the server: built on the empty tree, with the proof that she asked.
    async fn recovery(town: &Town) {
        let id = town.session(AWA).await.folder.id;
        let request = Digest::new([7; 32]);
        let mut awa = town.session(AWA).await;
        let credential = awa.find_credential(LABEL).unwrap();
        let part = awa.state().unwrap().current_part(&credential, PartKind::Password).unwrap();
        let (starter, asked) = (awa.me(), awa.identity().unwrap().sign(&request_preimage(&id, &request)));
        drop(awa);
        let part = v1::AnsweredPart {
            credential: part.version.credential.to_vec(),
            version: part.version.version,
            kind: part.kind as i32,
        };
        let answer = v1::RecordAnswer {
            recovery: request.to_vec(),
            starter: starter.to_vec(),
            parts: vec![part],
            request: Some(asked.into()),
        };
        let mut bruno = town.session(BRUNO).await;
        send(&mut bruno, TreeHead::EMPTY, Act::RecordAnswer(answer), Vec::new()).await.unwrap();
        drop(bruno);
        for name in [AWA, MAUD] {
            session::sync(&town.env(name)).await.unwrap();
        }
    }

    async fn proofs(town: &Town) -> Vec<String> {
        let folder = town.root.path().join("proofs");
        fs::create_dir(&folder).unwrap();
        let session = town.session(AWA).await;
        let (entries, checkpoint) =
            (session.replica.entries().unwrap(), session.replica.checkpoint().unwrap().clone());
        let paths = (0..entries.len()).map(|index| {
            let path = folder.join(index.to_string());
            fs::write(&path, prove(&entries, index as u64, &checkpoint).unwrap().to_string()).unwrap();
            path.to_str().unwrap().to_owned()
        });
        paths.collect()
    }

    /// The envelopes that three trustees hold of every part, opened by each with their own identity.
    async fn shares(town: &Town) -> String {
        let mut lines = Vec::new();
        for name in [AWA, BRUNO, CHLOE] {
            let mut session: Session = town.session(name).await;
            let me = session.me();
            let mut mine = Vec::new();
            for account in session.state().unwrap().credentials().values() {
                for part in account.versions.values().flat_map(|version| version.parts.values()) {
                    mine.extend(part.part.deals.iter().filter_map(|deal| Some(deal.share_of(&me)?.1.sealed)));
                }
            }
            assert!(mine.len() >= 4, "{}", mine.len());
            for sealed in mine {
                let sealed = session.replica.blob(&sealed).unwrap().unwrap();
                let envelope = open_with(session.identity().unwrap().age(), &sealed).unwrap();
                lines.push(envelope.expose_str().unwrap().to_owned() + "\n");
            }
        }
        let path = town.root.path().join("shares");
        fs::write(&path, lines.concat()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn arguments(&self) -> Vec<&str> {
        let proofs = self.proofs.iter().flat_map(|path| ["--proof", path]);
        proofs.chain(["--shares", &self.shares]).collect()
    }

    /// The same files with other entries, which the stolen log key signs.
    fn forged(&self, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> PathBuf {
        let (id, key) = log_key(&self.town);
        let mut entries = entries(&self.town);
        change(&mut entries);
        let path = self.town.root.path().join("forged");
        let _ = fs::remove_dir_all(&path);
        let checkpoint = signed(&entries, id, &key);
        let contents =
            Contents { entries: &entries, checkpoint: &checkpoint, cosignatures: &[], texts: &[], readme: "\n" };
        write(&path, &contents).unwrap();
        path
    }
}

/// Changes one bit at a time and puts it right again.
fn damaged(path: &Path, check: impl Fn()) {
    let genuine = fs::read(path).unwrap();
    for at in [0, genuine.len() / 3, genuine.len() / 2, genuine.len() - 2] {
        let mut changed = genuine.clone();
        changed[at] ^= 1;
        fs::write(path, changed).unwrap();
        check();
    }
    fs::write(path, genuine).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    let mut all: Vec<PathBuf> = all.collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_program_finds_our_export_good_and_every_change_in_it() {
    let story = Story::told().await;
    let (copy, all) = (&story.copy, story.arguments());
    let (id, key) = log_key(&story.town);
    let vkey = LogVerifier::new(id, key.public()).note_key().to_string();
    let told = accepted(copy, &[all.as_slice(), &["--log-key", &vkey]].concat());
    let session = story.town.session(AWA).await;
    let head = session.replica.head();
    for (what, value) in [
        ("organisation", id.to_string()),
        ("log key", vkey.clone()),
        ("root", head.root.to_string()),
        ("entries", head.size.to_string()),
        ("cosigners", "7".to_owned()),
        ("proofs", head.size.to_string()),
        // Of two versions, two parts each, three people's; each split gives its key.
        ("shares", "12".to_owned()),
        ("keys", "4".to_owned()),
    ] {
        assert_eq!(told[what], value, "{what}");
    }
    assert!(told["texts"].parse::<u32>().unwrap() > 5);
    let another = LogVerifier::new(id, sequestre::seal::signing::SigningKey::generate().unwrap().public()).note_key();
    refused(copy, &["--log-key", &another.to_string()], "checkpoint: another log key");

    // One bit in a file of every kind, at its beginning, in its middle and at its end.
    let all_files = files(copy);
    for kind in ["checkpoint", "tile/0/", "tile/entries/", "cosignatures/", "blobs/"] {
        let of_kind = |path: &&PathBuf| path.strip_prefix(copy).unwrap().to_str().unwrap().starts_with(kind);
        let path = all_files.iter().find(of_kind).unwrap_or_else(|| panic!("no file of kind {kind}"));
        let name = path.strip_prefix(copy).unwrap().to_str().unwrap();
        // A changed entry shows first in the hashes beside it.
        damaged(path, || refused(copy, &[], if kind == "tile/entries/" { "" } else { name }));
        let genuine = fs::read(path).unwrap();
        fs::remove_file(path).unwrap();
        match kind {
            // A copy need not have all of these.
            "cosignatures/" | "blobs/" => drop(accepted(copy, &[])),
            _ => refused(copy, &[], name),
        }
        fs::write(path, genuine).unwrap();
    }
    let (proof, shares) = (story.proofs[3].as_str(), story.shares.as_str());
    damaged(Path::new(proof), || refused(copy, &["--proof", proof], proof));
    damaged(Path::new(shares), || refused(copy, &["--shares", shares], shares));
    accepted(copy, &all);
    let mixed = story.town.root.path().join("mixed");
    let lines = fs::read_to_string(&story.shares).unwrap();
    fs::write(&mixed, lines.replacen("\"x\":1", "\"x\":2", 1)).unwrap();
    refused(copy, &["--shares", mixed.to_str().unwrap()], "its digest is not the one in the log");
    let other = fs::read_to_string(&story.proofs[4]).unwrap();
    fs::write(&mixed, other.replacen("index 4", "index 5", 1)).unwrap();
    refused(copy, &["--proof", mixed.to_str().unwrap()], "does not lead from the entry to the root");
}

/// The wire form of a command's entry, changed.
fn changed(entry: &mut Vec<u8>, change: impl FnOnce(&mut v1::SignedCommand)) {
    let mut wire = v1::Entry::decode(entry.as_slice()).unwrap();
    let Some(v1::entry::What::Command(signed)) = &mut wire.what else { panic!("an act") };
    change(signed);
    *entry = wire.encode_to_vec();
}

/// One byte of everything that an export holds, each by itself: lines of notes, entries and their lengths, hashes,
/// texts. What it says about itself in `README.txt` is for people; nobody signed it.
fn single_bytes(copy: &Path) -> Vec<(PathBuf, usize)> {
    let mut places = Vec::new();
    for path in files(copy) {
        let (content, name) =
            (fs::read(&path).unwrap(), path.strip_prefix(copy).unwrap().to_str().unwrap().to_owned());
        let mut at = |offset: usize| places.push((path.clone(), offset));
        if name.starts_with("tile/entries/") {
            let mut next = 0;
            while next < content.len() {
                let length = usize::from(u16::from_be_bytes([content[next], content[next + 1]]));
                // The lengths of some.
                if next % 3 == 0 {
                    at(next + 1);
                }
                at(next + 2 + (next * 7) % length);
                next += 2 + length;
            }
        } else if name.starts_with("tile/") {
            (0..content.len() / 32).step_by(9).for_each(|hash| at(32 * hash + (hash * 11) % 32));
        } else if name.starts_with("blobs/") {
            at(content.len() - 1);
        } else if name == "checkpoint" || name.starts_with("cosignatures/") {
            let mut start = 0;
            for line in content.split_inclusive(|byte| *byte == b'\n') {
                // In a signature, the last letter that has bits which say nothing, too.
                at(start + line.len() / 2);
                at(start + line.len().saturating_sub(3));
                start += line.len();
            }
        }
    }
    places
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_program_finds_each_single_byte() {
    let story = Story::told().await;
    accepted(&story.copy, &[]);
    let places = single_bytes(&story.copy);
    assert!(places.len() > 90, "{}", places.len());
    // Two at once, each in a copy of its own.
    std::thread::scope(|scope| {
        for (n, half) in places.chunks(places.len().div_ceil(2)).enumerate() {
            let (story, copy) = (&story, story.town.root.path().join(format!("half-{n}")));
            scope.spawn(move || {
                Snapshot::of(&story.copy).restore(&copy);
                for (path, at) in half {
                    let path = copy.join(path.strip_prefix(&story.copy).unwrap());
                    let genuine = fs::read(&path).unwrap();
                    let mut changed = genuine.clone();
                    changed[*at] ^= 1;
                    fs::write(&path, changed).unwrap();
                    let (good, told) = verify(&copy, &[]);
                    assert!(!good && told.starts_with("REFUSED "), "byte {at} of {}: {told}", path.display());
                    fs::write(&path, genuine).unwrap();
                }
            });
        }
    });
}

/// The last answer to a recovery in these entries, changed, and signed anew by whoever entered it: they are in it
/// together with whoever has the log key.
fn answer_otherwise(entries: &mut [Vec<u8>], bruno: &Identity, change: impl FnOnce(&mut v1::RecordAnswer)) -> usize {
    let act = |entry: &Vec<u8>| {
        let Some(v1::entry::What::Command(signed)) = v1::Entry::decode(entry.as_slice()).unwrap().what else {
            return false;
        };
        let command = v1::Command::decode(signed.command.as_slice()).unwrap();
        matches!(command.act, Some(Act::RecordAnswer(_)))
    };
    let index = entries.iter().rposition(act).unwrap();
    let id = Entry::parse(&entries[0]).unwrap();
    let sequestre::escrow::entry::What::Command(genesis) = id.what else { panic!("no genesis") };
    let id = sequestre::escrow::command::organisation_id(&genesis.to_wire().command);
    changed(&mut entries[index], |signed| {
        let mut command = v1::Command::decode(signed.command.as_slice()).unwrap();
        let Some(Act::RecordAnswer(answer)) = &mut command.act else { unreachable!() };
        change(answer);
        signed.command = command.encode_to_vec();
        let message = sequestre::escrow::command::preimage(&id, &bruno.keys().signing, &signed.command);
        signed.signature = Some(bruno.sign(&message).into());
    });
    index
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_program_refuses_an_answer_that_its_starter_did_not_ask_for() {
    let story = Story::told().await;
    let words =
        |who: &str| fs::read_to_string(story.town.root.path().join("people").join(who).join("words")).unwrap();
    let person = |who: &str| Identity::from_words(&words(who), None).unwrap();
    let (bruno, chloe) = (person(BRUNO), person(CHLOE));
    let with = |change: &dyn Fn(&mut v1::RecordAnswer)| {
        let mut at = 0;
        let copy = story.forged(|entries| at = answer_otherwise(entries, &bruno, change));
        (copy, at)
    };
    accepted(&with(&|_| ()).0, &[]);
    let not_asked = |change: &dyn Fn(&mut v1::RecordAnswer)| {
        let (copy, at) = with(change);
        refused(&copy, &[], &format!("entry {at}: the starter did not ask for this"));
    };
    not_asked(&|answer| answer.request.as_mut().unwrap().signature[9] ^= 1);
    not_asked(&|answer| answer.recovery[0] ^= 1);
    not_asked(&|answer| answer.starter = chloe.person().to_vec());
    // The answerer's own signature is not the starter's.
    not_asked(&|answer| answer.request = Some(bruno.sign(&answer.recovery).into()));
    let (copy, at) = with(&|answer| answer.starter[0] ^= 1);
    refused(&copy, &[], &format!("entry {at}: an answer to somebody whom the log does not know"));
    // Left out, or of another length, it is none.
    let (copy, _) = with(&|answer| answer.request = None);
    refused(&copy, &[], "");
    let (copy, at) = with(&|answer| answer.request.as_mut().unwrap().signature.truncate(63));
    refused(&copy, &[], &format!("entry {at}: no Ed25519 signature"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_program_finds_what_the_log_key_covers_up() {
    let story = Story::told().await;
    let genuine = story.forged(|_| ());
    let told = accepted(&genuine, &[]);
    assert_eq!(told["cosigners"], "0");
    let last = entries(&story.town).len() - 1;
    let in_act = |entry: &[u8]| matches!(Entry::parse(entry).unwrap().what, sequestre::escrow::entry::What::Act(_));
    let act = entries(&story.town).iter().position(|entry| in_act(entry)).unwrap();

    let forged = story.forged(|entries| {
        changed(&mut entries[5], |signed| signed.signature.as_mut().unwrap().signature[9] ^= 1);
    });
    refused(&forged, &[], "entry 5: the command's signature is false");
    // A field that no reader shows, in a command and around it.
    let forged = story.forged(|entries| changed(&mut entries[6], |signed| signed.command.extend([0xf8, 0x07, 1])));
    refused(&forged, &[], "entry 6");
    let forged = story.forged(|entries| entries[7].extend([0xf8, 0x07, 1]));
    refused(&forged, &[], "entry 7");
    // The same field twice says something else than one can see.
    let forged = story.forged(|entries| {
        let time = Entry::parse(&entries[8]).unwrap().time.0;
        let mut twice = vec![0x10];
        prost::encoding::encode_varint(time, &mut twice);
        entries[8].extend(twice);
    });
    refused(&forged, &[], "entry 8: not in its one spelling");
    // A command in the shade of an act that was signed.
    let forged = story.forged(|entries| {
        let shaded = v1::Entry::decode(entries[8].as_slice()).unwrap();
        let only = v1::Entry { index: 0, time: 0, ..shaded };
        let mut wire = v1::Entry::decode(entries[act].as_slice()).unwrap();
        let signed = wire.what.take().unwrap();
        let head = wire.encode_to_vec();
        let act_of = v1::Entry { index: 0, time: 0, what: Some(signed) };
        entries[act] = [head, only.encode_to_vec(), act_of.encode_to_vec()].concat();
    });
    refused(&forged, &[], &format!("entry {act}: act besides ['command']"));
    let forged = story.forged(|entries| {
        let mut entry = Entry::parse(&entries[act]).unwrap();
        entry.time = entry.time.after(Seconds(1));
        entries[act] = entry.encode();
    });
    refused(&forged, &[], &format!("entry {act}: the daemon's signature is false"));
    let forged = story.forged(|entries| {
        let mut entry = Entry::parse(&entries[9]).unwrap();
        entry.time = entry.time.before(Seconds(1));
        entries[9] = entry.encode();
    });
    refused(&forged, &[], "entry 9: earlier than the entry before it");
    // Left out: what was signed later was built on another log.
    let forged = story.forged(|entries| {
        entries.remove(last - 2);
        for (index, entry) in entries.iter_mut().enumerate() {
            let mut wire = v1::Entry::decode(entry.as_slice()).unwrap();
            wire.index = index as u64;
            *entry = wire.encode_to_vec();
        }
    });
    refused(&forged, &[], "built on");
    let forged = story.forged(|entries| entries.swap(3, 4));
    refused(&forged, &[], "entry 3: it counts otherwise");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_independent_program_follows_a_move_to_another_log_key() {
    let town = Town::founded_at(Kind::Program).await;
    let (id, old) = log_key(&town);
    let moved_at = town.entries();
    town.kill();
    let refuge = refuge::Refuge::from_replica_of(&town, BRUNO, "refuge");
    let path = |name: &str| town.root.path().join(name).to_str().unwrap().to_owned();
    let (file, copy) = (path("move.txt"), path("copy"));
    for (who, arguments) in [
        (AWA, vec!["move", "propose", &refuge.place, "--place-code", &refuge.code, "-o", &file]),
        (BRUNO, vec!["move", "sign", &file]),
        (AWA, vec!["move", "follow", &file]),
        (AWA, vec!["audit", "export", &copy]),
    ] {
        let (exit, told, complaint) =
            town.program(who, &[arguments.as_slice(), &["--yes", "--accept-unwitnessed"]].concat());
        assert_eq!(exit, 0, "{arguments:?}: {told}{complaint}");
    }
    let copy = PathBuf::from(copy);
    // Whoever knew the old key recognises the log by it; the checkpoint is of the new one.
    let vkey = LogVerifier::new(id, old.public()).note_key().to_string();
    let told = accepted(&copy, &["--log-key", &vkey]);
    assert_eq!(told["entries"], (moved_at + 1).to_string());
    assert_ne!(told["log key"], vkey);
    let note = copy.join("checkpoint");
    let entries = town.env(AWA).session().unwrap().replica.entries().unwrap();
    // The old server goes on as if nothing had happened: its key signs nothing any more.
    fs::write(&note, signed(&entries, id, &old).to_string()).unwrap();
    refused(&copy, &[], "checkpoint: not signed by the log key");
}

#[test]
fn an_independent_program_reads_tiles_of_two_levels() {
    let mut world = world::World::founded();
    while world.entries.len() < 600 {
        if world.entries.len().is_multiple_of(150) {
            world.wait(Seconds::DAY);
        }
        let token = world::token(&world.entries.len().to_string());
        let expires = world.now.after(Seconds::DAY);
        world.ok(world::TRUSTEES[0], world::invite(&token, &[sequestre::escrow::role::Role::Member], expires));
    }
    let body = Checkpoint { organisation: world.id(), head: world.head() }.body();
    let verifier = LogVerifier::new(world.id(), world::public(&world::LOG_KEY));
    let signature = world::sign_with(&world::LOG_KEY, body.as_bytes());
    let checkpoint = verifier.assemble(world.head(), &signature).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    let contents =
        Contents { entries: &world.entries, checkpoint: &checkpoint, cosignatures: &[], texts: &[], readme: "\n" };
    write(&copy, &contents).unwrap();
    let proof = dir.path().join("proof");
    fs::write(&proof, prove(&world.entries, 300, &checkpoint).unwrap().to_string()).unwrap();
    let told = accepted(&copy, &["--proof", proof.to_str().unwrap()]);
    assert_eq!(told["entries"], world.entries.len().to_string());
    for name in ["tile/0/001", "tile/1/000.p/2"] {
        let path = copy.join(name);
        let genuine = fs::read(&path).unwrap();
        let mut changed = genuine.clone();
        changed[40] ^= 1;
        fs::write(&path, changed).unwrap();
        refused(&copy, &[], name);
        fs::write(&path, genuine).unwrap();
    }
}

#[test]
fn an_independent_program_counts_the_rounds_of_a_move_that_gives_entries_up() {
    use sequestre::escrow::moving::{Dated, Round, SignedMove};
    let mut world = world::World::founded();
    let delay = world.state().charter().unwrap().destroy_delay();
    let quorum = &world::TRUSTEES[..5];
    let statement = v1::MoveStatement { gives_up: 3, ..world.move_statement() };
    let Act::Move(moving) = world.signed_move(&statement, quorum) else { unreachable!() };
    let mut moving = SignedMove::parse(moving).unwrap();
    let begun = world.now;
    world.wait(delay);
    for (round, time) in [(Round::First, begun), (Round::Second, world.now)] {
        for who in quorum {
            let signer = who.keys.signing;
            let signature = who.sign(&moving.round_preimage(round, &signer, time).unwrap());
            assert!(moving.add_to_round(round, Dated { signer, time, signature }));
        }
    }
    let dir = tempfile::tempdir().unwrap();
    // Each as somebody with the new log key could write it into the log.
    let mut exports = 0;
    let mut export = |act: v1::Move| {
        let mut world = world.clone();
        let draft = world.draft(Act::Move(act));
        let signed = world.sign_draft(world::MEMBER, &draft);
        let (index, time) = (world.state().size(), world.now);
        let what = sequestre::escrow::entry::What::Command(Box::new(signed));
        world.entries.push(Entry { index, time, what }.encode());
        let mut tree = sequestre::escrow::log::merkle::MemoryTree::new();
        world.entries.iter().for_each(|entry| tree.push(Entry::leaf(entry)));
        let body = Checkpoint { organisation: world.id(), head: tree.head() }.body();
        let verifier = LogVerifier::new(world.id(), world::public(&world::NEW_LOG_KEY));
        let signature = world::sign_with(&world::NEW_LOG_KEY, body.as_bytes());
        let checkpoint = verifier.assemble(tree.head(), &signature).unwrap();
        exports += 1;
        let copy = dir.path().join(exports.to_string());
        let (entries, readme) = (&world.entries, "\n");
        let contents = Contents { entries, checkpoint: &checkpoint, cosignatures: &[], texts: &[], readme };
        write(&copy, &contents).unwrap();
        copy
    };
    let good = moving.to_wire();
    accepted(&export(good.clone()), &[]);
    let early = v1::DatedSignature { time: begun.0, ..good.second[0].clone() };
    let false_ = "a signature of what is given up is false";
    let bad: [(&str, v1::Move); 5] = [
        ("missing or not asked for", v1::Move { second: Vec::new(), ..good.clone() }),
        ("missing or not asked for", v1::Move { first: Vec::new(), second: Vec::new(), ..good.clone() }),
        ("before the delay was over", v1::Move { second: vec![early], ..good.clone() }),
        (false_, v1::Move { first: good.first[1..].to_vec(), ..good.clone() }),
        (
            false_,
            v1::Move {
                second: good.second.iter().map(|s| v1::DatedSignature { time: s.time + 1, ..s.clone() }).collect(),
                ..good.clone()
            },
        ),
    ];
    for (why, act) in bad {
        refused(&export(act), &[], why);
    }
}
