//! Comparing what people were shown: signed notes that they exchange by any way, among each other and with what this
//! computer replayed. Without a server, and without a home if a log key is given.
//!
//! Two trees of one size with different roots, both signed by the log's key, are a fork, and prove it by themselves.
//! Of two sizes, only whoever has the entries can tell; this computer does as far as its own replica goes, and adds
//! the proof. This must never say that notes agree which it could not compare, nor let a line that anybody can add to a
//! note hide what the log's own key signed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::failure::{Exit, Failure};
use super::super::home;
use super::super::out::Out;
use super::super::replica::Replica;
use super::super::session::Env;
use super::super::status::refresh;
use super::export::{require_empty, with_cosignatures};
use super::known_checkpoint;
use super::verify::parse_key;
use crate::args;
use crate::escrow::id::{Digest, OrganisationId, PersonId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::log::note::Note;

/// Longest note that is read, in bytes: a checkpoint with more cosignatures than a note may hold is shorter.
const MAX_NOTE: usize = 1 << 16;

/// Prints this computer's newest checkpoint with the cosignatures of the same tree, to be handed to others.
pub async fn checkpoint(env: &Env) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let (note, _) = with_cosignatures(&known_checkpoint(&session)?, &session.cosignatures);
    env.out.data(&json!({
        "organisation": session.folder.id.to_string(), "size": note.head().size, "root": note.head().root.to_string(),
        "cosignatures": note.cosignatures().count(), "note": note.to_string(),
    }));
    if !env.out.is_json() {
        // `line` adds the last line feed, which the format wants exactly once.
        env.out.line(note.to_string().trim_end_matches('\n'));
    }
    reached.end()
}

/// One note that somebody was shown.
struct Shown {
    /// Where it came from.
    file: PathBuf,
    note: SignedCheckpoint,
    /// People whose devices' cosignatures in it hold, as far as this computer knows the devices.
    cosigners: BTreeSet<PersonId>,
    relation: Relation,
}

/// How a note relates to everything else that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// It is a beginning of the log as this computer replayed it, or all of it.
    Agrees,
    /// Another note, or this computer's replica, shows another tree of the same size.
    Contradicts,
    /// It goes further than this computer's replica.
    Beyond,
    /// There is no replica of this log here; it is the same tree as another note that was given.
    Same,
    /// There is no replica of this log here, and no other note of the same size.
    Alone,
}

impl Relation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Contradicts => "contradicts",
            Self::Beyond => "beyond",
            Self::Same => "same",
            Self::Alone => "alone",
        }
    }

    fn key(self) -> &'static str {
        match self {
            Self::Agrees => "compare-agrees",
            Self::Contradicts => "compare-contradicts",
            Self::Beyond => "compare-beyond",
            Self::Same => "compare-same",
            Self::Alone => "compare-alone",
        }
    }
}

/// Two signed trees that cannot both be of one log.
struct Fork {
    one: SignedCheckpoint,
    two: SignedCheckpoint,
    /// Where their sizes differ: the root that the larger one has at the size of the smaller, and the proof of it.
    proof: Option<(TreeHead, Vec<Digest>)>,
}

/// Compares signed notes. `log_key` comes from somebody trustworthy; without it, and where this computer's own log had
/// that key, its replica tells which key signed at which size. `to` is where evidence of a fork is written, into a new or empty folder.
///
/// # Errors
/// [`Exit::Distrust`] for a fork, once the evidence is on disk.
pub fn compare(env: &Env, files: &[PathBuf], log_key: Option<&str>, to: Option<&Path>) -> Result<(), Failure> {
    if let Some(dir) = to {
        require_empty(dir)?;
    }
    let given = log_key.map(parse_key).transpose()?;
    let notes = files.iter().map(|file| Ok((file, read(file)?))).collect::<Result<Vec<_>, Failure>>()?;
    let named = given.and_then(|(_, organisation)| organisation);
    let first = notes.first().map(|(_, (_, checkpoint))| checkpoint.organisation);
    let organisation = named.or(first).ok_or_else(|| Failure::new(Exit::Usage, "compare-nothing"))?;
    let folder = env.home.folder(organisation);
    let contact = match folder.contact() {
        Ok(_) => {
            let lock = folder.lock()?;
            Some((folder.contact()?, lock))
        }
        Err(_) => None,
    };
    let pinned = contact.as_ref().map(|(contact, _)| contact.log_key);
    let key = given.map(|(key, _)| key).or(pinned);
    let key = key.ok_or_else(|| Failure::new(Exit::Usage, "compare-no-key").with("organisation", organisation))?;
    let own = match contact {
        Some((contact, lock)) => {
            Some((Replica::open(&folder, &contact)?, lock)).filter(|(replica, _)| replica.head().size > 0)
        }
        None => None,
    };
    // A key that this log never had is somebody else's word for another log.
    let own = own.filter(|(replica, _)| replica.had_key(&key));
    let replica = own.as_ref().map(|(replica, _lock)| replica);
    let verifiers = Verifiers { organisation, key, replica };

    let (mut shown, mut false_lines) = (Vec::new(), Vec::new());
    for (file, (note, checkpoint)) in notes {
        if checkpoint.organisation != organisation {
            let failure = Failure::new(Exit::Usage, "compare-other-log").with("path", file.display());
            return Err(failure.with("organisation", checkpoint.organisation));
        }
        let note = verifiers.verify(note, checkpoint.head.size, file)?;
        let (cosigners, all_hold) = cosigners(replica, &note);
        if !all_hold {
            false_lines.push(file);
        }
        shown.push(Shown { file: file.clone(), note, cosigners, relation: Relation::Alone });
    }
    let fork = relate(&mut shown, replica)?;
    let evidence = match &fork {
        Some(fork) => {
            let own = replica.and_then(Replica::checkpoint).map(|checkpoint| *checkpoint.head());
            // A confirmation by somebody whose device stands in the log: then people were shown this, and it was not
            // made by somebody who once copied the key. Our own computer was shown what it has.
            let seen = |note: &SignedCheckpoint| {
                let confirmed = |shown: &Shown| shown.note.head() == note.head() && !shown.cosigners.is_empty();
                own == Some(*note.head()) || shown.iter().any(confirmed)
            };
            let certain = seen(&fork.one) && seen(&fork.two);
            // A key that was left behind by a move has nothing more to say, and needs no stop.
            if let Some(replica) = replica.filter(|replica| replica.is_current(&fork.one)) {
                let asked = || env.unlock.confirm(&env.out, "ask-compare-stop", &args! {}, "--yes");
                if certain || asked().is_ok() {
                    replica.forked(&fork.one, &fork.two);
                } else {
                    env.out.aside("compare-not-stopped", &args! {});
                }
            }
            // The disk may be full; what was seen matters more than that.
            let stop = |path: &str| Failure::new(Exit::Distrust, "compare-fork").with("path", path);
            Some(fork.write(&env.out, &verifiers, to).map_err(|failure| stop("-").because(failure))?)
        }
        None => None,
    };
    env.out.data(&data(&organisation, &shown, replica, evidence.as_deref()));
    tell(&env.out, &shown, replica);
    let false_lines = false_lines.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    match evidence {
        Some(path) => Err(Failure::new(Exit::Distrust, "compare-fork").with("path", path.display())),
        None if false_lines.is_empty() => Ok(()),
        None => Err(Failure::new(Exit::Failed, "compare-false-cosignature").with("path", false_lines)),
    }
}

/// Which key a note must be signed with.
struct Verifiers<'a> {
    organisation: OrganisationId,
    /// What counts without a replica.
    key: VerifyingKey,
    /// One whose log had this key at some time.
    replica: Option<&'a Replica>,
}

impl Verifiers<'_> {
    /// That of the key which signed checkpoints of so many entries: up to a move the one of before, as this computer's
    /// own replica proves.
    fn of(&self, size: u64) -> LogVerifier {
        let own = self.replica.map(|replica| replica.key_at(size));
        LogVerifier::new(self.organisation, own.unwrap_or(self.key))
    }

    fn verify(&self, note: Note, size: u64, file: &Path) -> Result<SignedCheckpoint, Failure> {
        self.of(size).verify_note(note.clone()).map_err(|error| {
            let left = |replica: &Replica| {
                let mut keys = replica.keys_before(size).into_iter();
                keys.any(|key| LogVerifier::new(self.organisation, key).verify_note(note.clone()).is_ok())
            };
            // By a key that a move had ended before so many entries: what was left behind accuses nobody. A later key
            // never signed so few.
            let key = match self.replica.is_some_and(left) {
                true => "compare-left-behind",
                false => "compare-false-note",
            };
            Failure::new(Exit::Failed, key).with("path", file.display()).because(error)
        })
    }
}

/// A file's note, and what it claims to be about.
fn read(file: &Path) -> Result<(Note, Checkpoint), Failure> {
    let bytes = home::read(file)?;
    let unreadable = || Failure::new(Exit::Usage, "compare-unreadable").with("path", file.display());
    if bytes.len() > MAX_NOTE {
        return Err(unreadable());
    }
    // Mail programs change the ends of lines; nothing of a note depends on them.
    let text = String::from_utf8(bytes).map_err(|e| unreadable().because(e))?.replace("\r\n", "\n");
    let note = Note::parse(&text).map_err(|e| unreadable().because(e))?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|e| unreadable().because(e))?;
    Ok((note, checkpoint))
}

/// Who confirmed a note, of those whose devices this computer knows; and whether all of their lines hold. One that does
/// not says nothing of the note, because anybody can add it.
fn cosigners(replica: Option<&Replica>, note: &SignedCheckpoint) -> (BTreeSet<PersonId>, bool) {
    let (mut people, mut all_hold) = (BTreeSet::new(), true);
    let Some(state) = replica.and_then(|replica| replica.state().ok()) else { return (people, all_hold) };
    for claim in note.cosignatures() {
        let Some((person, key)) = state.device_owner(&claim.cosigner().device) else { continue };
        match claim.verify(person, key, note.checkpoint()) {
            Ok(_) => drop(people.insert(*person)),
            Err(_) => all_hold = false,
        }
    }
    (people, all_hold)
}

/// Finds out how the notes relate, and the first fork.
fn relate(shown: &mut [Shown], replica: Option<&Replica>) -> Result<Option<Fork>, Failure> {
    let mut fork = None;
    for at in 0..shown.len() {
        let Some(this) = shown.get(at) else { continue };
        let head = *this.note.head();
        let others = shown.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| &other.note);
        let mut same_size = others.filter(|other| other.head().size == head.size);
        let own = replica.and_then(|replica| Some((replica, replica.root_at(head.size)?)));
        let relation = if let Some((replica, root)) = own.filter(|(_, root)| *root != head.root) {
            if fork.is_none() {
                fork = Some(against_own(replica, &this.note, TreeHead { size: head.size, root })?);
            }
            Relation::Contradicts
        } else if let Some(other) = same_size.clone().find(|other| other.head().root != head.root) {
            // Two signed notes say it by themselves; one that our own replica contradicts says it with a proof.
            if fork.as_ref().is_none_or(|fork| fork.proof.is_some()) {
                fork = Some(Fork { one: this.note.clone(), two: other.clone(), proof: None });
            }
            if own.is_some() { Relation::Agrees } else { Relation::Contradicts }
        } else if own.is_some() {
            Relation::Agrees
        } else if replica.is_some() {
            Relation::Beyond
        } else if same_size.next().is_some() {
            Relation::Same
        } else {
            Relation::Alone
        };
        if let Some(this) = shown.get_mut(at) {
            this.relation = relation;
        }
    }
    Ok(fork)
}

/// A note that contradicts this computer's replica. Ours was signed at its own size; the proof shows which root it
/// has at the size of theirs.
fn against_own(replica: &Replica, theirs: &SignedCheckpoint, prefix: TreeHead) -> Result<Fork, Failure> {
    let never = || Failure::new(Exit::Failed, "failed-never-synchronised");
    let ours = replica.checkpoint().cloned().ok_or_else(never)?;
    let proof = match prefix.size == ours.head().size {
        true => None,
        false => Some((prefix, replica.consistency(prefix.size)?)),
    };
    Ok(Fork { one: theirs.clone(), two: ours, proof })
}

impl Fork {
    /// Writes evidence that needs neither the server nor this program.
    fn write(&self, out: &Out, verifiers: &Verifiers<'_>, to: Option<&Path>) -> Result<PathBuf, Failure> {
        let verifier = &verifiers.of(self.one.head().size);
        let second = verifiers.of(self.two.head().size).note_key();
        let dir = match to {
            Some(dir) => dir.to_owned(),
            None => new_folder(verifier.organisation()),
        };
        home::private_dir(&dir)?;
        home::write(&dir.join("one.note"), self.one.to_string().as_bytes())?;
        home::write(&dir.join("two.note"), self.two.to_string().as_bytes())?;
        if let Some((prefix, hashes)) = &self.proof {
            let (old, new) = (prefix, self.two.head());
            let mut text = format!("{} {}\n{} {}\n", old.size, old.root, new.size, new.root);
            hashes.iter().for_each(|hash| text.push_str(&format!("{hash}\n")));
            home::write(&dir.join("consistency.txt"), text.as_bytes())?;
        }
        let args = args! {
            id: verifier.organisation(), key: verifier.note_key(),
            hex: hex::encode(verifier.note_key().key.as_bytes()),
            one: self.one.head().size, first: self.one.head().root,
            two: self.two.head().size, second: self.two.head().root,
            prefix: self.proof.as_ref().map_or_else(|| "–".to_owned(), |(prefix, _)| prefix.root.to_string()),
        };
        let key = if self.proof.is_some() { "compare-readme-sizes" } else { "compare-readme-same" };
        let say = out.language();
        let mut page = format!("{}\n\n{}\n", say.with("compare-readme", &args), say.with(key, &args));
        if second.key != verifier.note_key().key {
            let args = args! { key: &second, hex: hex::encode(second.key.as_bytes()) };
            page.push_str(&format!("\n{}\n", say.with("compare-readme-moved", &args)));
        }
        home::write(&dir.join("README.txt"), page.as_bytes())?;
        Ok(dir)
    }
}

/// The first free folder of this name where the program runs.
fn new_folder(organisation: &OrganisationId) -> PathBuf {
    let name = format!("sequestre-fork-{}", &organisation.to_string()[..12]);
    let numbered = (2..1000).map(|n| PathBuf::from(format!("{name}-{n}")));
    let mut names = std::iter::once(PathBuf::from(&name)).chain(numbered);
    names.find(|path| fs::symlink_metadata(path).is_err()).unwrap_or_else(|| PathBuf::from(name))
}

fn data(organisation: &OrganisationId, shown: &[Shown], replica: Option<&Replica>, evidence: Option<&Path>) -> Value {
    let notes = shown.iter().map(|shown| {
        json!({
            "file": shown.file.display().to_string(),
            "size": shown.note.head().size,
            "root": shown.note.head().root.to_string(),
            "cosigners": shown.cosigners.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "relation": shown.relation.as_str(),
        })
    });
    json!({
        "organisation": organisation.to_string(),
        "own_entries": replica.map(|replica| replica.head().size),
        "notes": notes.collect::<Vec<_>>(),
        "fork": evidence.is_some(),
        "evidence": evidence.map(|path| path.display().to_string()),
    })
}

fn tell(out: &Out, shown: &[Shown], replica: Option<&Replica>) {
    for shown in shown {
        let confirmed = out.language().with("compare-confirmed", &args! { cosigners: shown.cosigners.len() });
        let args = args! {
            path: shown.file.display(), size: shown.note.head().size, confirmed: confirmed,
            own: replica.map_or(0, |replica| replica.head().size),
        };
        out.tell(shown.relation.key(), &args);
    }
}
