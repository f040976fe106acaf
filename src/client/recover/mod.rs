//! Recovery without the server: from any one trustee's copy of the log and a quorum.
//!
//! Somebody *starts* (a request file, signed), others *answer* at home (their shares, sealed to that request), the
//! starter *finishes*. No server takes part, so this is the way that stays open when the server is gone, hostile, or
//! caught lying. It must never become the unlogged back door: every answer is signed, given only to a request whose
//! starter and code were compared by voice, and its answerer's command for the log is durable *before* the answer
//! exists; it is sent at the next contact with any server, and everything that was opened becomes due.
//!
//! | question | module |
//! |---|---|
//! | Which copy of the log, whose keys, what was collected? | this one, [`store`] |
//! | The verbs | [`command`]: [`start`], [`answer`], [`finish`]; [`forget`], [`enter`] |
//! | Which shares are good, and what do they open? | [`gather`] |
//! | What does the log learn of it? | [`record`] |
//! | What is written in the end? | [`output`] |
//!
//! The files that people send each other are described in [`crate::seal::recovery`].

pub mod answer;
pub mod command;
pub mod enter;
pub mod finish;
pub mod forget;
mod gather;
pub mod output;
mod record;
pub mod start;
mod store;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::failure::{Exit, Failure};
use super::home::{self, Folder, Lock};
use super::join::words_failure;
use super::names::is_meant;
use super::replica::Replica;
use super::session::Env;
use super::unlock::read_secret;
use super::view::View;
use crate::args;
use crate::escrow::credential::Credential;
use crate::escrow::id::{BlobId, CredentialId, Digest, OrganisationId, PersonId};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::organisation::Organisation;
use crate::escrow::part::{PartId, VersionId};
use crate::escrow::people::{Person, Standing};
use crate::seal::identity::{Identity, IdentityError};
use crate::seal::recovery::{BadRecovery, FileKind, MAX_FILE, SignedRequest};
use crate::seal::secret::Secret;

/// Where the copy of the log is, and whose keys are used.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// `--replica`: somebody's organisation folder; without it, this home's own.
    pub replica: Option<PathBuf>,
    /// `--words-file`: the 24 words to use instead of the home's identity.
    pub words_file: Option<PathBuf>,
}

/// A copy of the log, this home's folder for the organisation, and an unlocked identity.
struct Desk<'a> {
    env: &'a Env,
    replica: Replica,
    /// In this home; it may hold nothing but what recoveries and the outbox need.
    folder: Folder,
    identity: Identity,
    _lock: Lock,
}

impl<'a> Desk<'a> {
    /// Opens the copy, then the identity. `organisation`: which one it must be, if that is known.
    fn open(env: &'a Env, source: &Source, organisation: Option<OrganisationId>) -> Result<Self, Failure> {
        let (replica, folder, lock) = open_replica(env, source, organisation)?;
        let identity = match &source.words_file {
            Some(path) => from_words(&read_words(path)?)?,
            None => env.unlock.identity(&env.home, &env.out)?,
        };
        Self::with_identity(env, replica, folder, lock, identity)
    }

    fn with_identity(
        env: &'a Env,
        replica: Replica,
        folder: Folder,
        lock: Lock,
        identity: Identity,
    ) -> Result<Self, Failure> {
        known(&replica, &identity)?;
        Ok(Self { env, replica, folder, identity, _lock: lock })
    }

    fn me(&self) -> PersonId {
        self.identity.person()
    }

    fn state(&self) -> Result<&Organisation, Failure> {
        self.replica.state()
    }

    /// Puts the copy into words.
    fn view<'b>(&'b self, texts: &'b dyn Fn(&BlobId) -> Option<String>) -> Result<View<'b>, Failure> {
        Ok(View::new(self.state()?, self.env.out.language(), texts))
    }

    fn texts(&self) -> impl Fn(&BlobId) -> Option<String> + '_ {
        |id| self.replica.text_of(id)
    }

    /// Somebody whose keys stand in the log.
    fn person(&self, id: &PersonId) -> Result<&Person, Failure> {
        let unknown = || Failure::new(Exit::Refused, "recover-stranger").with("id", super::view::short(id));
        self.state()?.person(id).ok_or_else(unknown)
    }

    /// The parts of these accounts as they are now; of all accounts, if none is named.
    fn current_parts(&self, labels: &[String]) -> Result<BTreeSet<PartId>, Failure> {
        let (state, texts) = (self.state()?, self.texts());
        let view = self.view(&texts)?;
        let mut accounts: Vec<CredentialId> = Vec::new();
        for label in labels {
            accounts.push(find_account(&view, label)?);
        }
        if labels.is_empty() {
            accounts.extend(state.credentials().keys());
        }
        let kinds = |id: &CredentialId| {
            let version = state.credential(id).and_then(Credential::current).map(|(_, version)| version.kinds());
            version.unwrap_or_default()
        };
        let parts = accounts.iter().flat_map(|id| kinds(id).into_iter().filter_map(|k| state.current_part(id, k)));
        // The server may have been stopped while it changed a password: then the target has either this or the other.
        let staged =
            accounts.iter().filter_map(|id| Some((*id, state.staged(id)?))).flat_map(|(id, (number, staged))| {
                let version = VersionId { credential: id, version: number };
                staged.parts.keys().map(move |kind| PartId { version, kind: *kind })
            });
        Ok(parts.chain(staged).collect())
    }

    /// Compares the tree that somebody's file names with this copy. A contradiction is that person's word and nothing
    /// more, because no log key signed it: the file is kept, and nobody is accused.
    fn compare(&self, theirs: TreeHead, by: &PersonId, file: &[u8], path: &Path) -> Result<Compared, Failure> {
        let ours = self.replica.head();
        match self.replica.root_at(theirs.size) {
            Some(root) if root != theirs.root => {
                let folder = self.folder.join("evidence");
                home::private_dir(&folder)?;
                let name = Digest::of(&[file]).to_string();
                let kept = folder.join(format!("recovery-{}.txt", &name[..16]));
                home::write(&kept, file)?;
                let texts = self.texts();
                let failure = Failure::new(Exit::Refused, "recover-other-log").with("path", path.display());
                Err(failure.with("name", self.view(&texts)?.name(by)).with("kept", kept.display()))
            }
            Some(_) if theirs.size == ours.size => Ok(Compared::Same),
            Some(_) => Ok(Compared::Shorter(ours.size - theirs.size)),
            None => Ok(Compared::Longer(theirs.size.saturating_sub(ours.size))),
        }
    }

    /// How what was given gets into the log: from a home without contact, not by itself.
    fn tell_log(&self) {
        let out = &self.env.out;
        match self.folder.has_contact() {
            true => out.say("recover-enters"),
            false => out.aside("recover-enters-not", &args! { path: self.folder.join("outbox").display() }),
        }
    }
}

/// How somebody's tree compares with ours. A longer one cannot be checked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    Same,
    /// Theirs lacks so many entries.
    Shorter(u64),
    /// Ours lacks so many entries.
    Longer(u64),
}

/// The copy that is meant, this home's folder for its organisation, and the folder's lock.
fn open_replica(
    env: &Env,
    source: &Source,
    organisation: Option<OrganisationId>,
) -> Result<(Replica, Folder, Lock), Failure> {
    let other = |id: OrganisationId| organisation.is_some_and(|wanted| wanted != id);
    let (replica, folder, lock) = match (&source.replica, organisation) {
        (Some(path), _) => {
            let copy = Replica::read_copy(path)?;
            let folder = env.home.folder(copy.state()?.id());
            folder.prepare_bare()?;
            let lock = env.lock(&folder)?;
            // What this home knows of the log is not put aside for a copy that somebody brings. Where its own files
            // are damaged, the copy is all there is.
            let own = match folder.has_contact() {
                true => Replica::open_only(&folder, &folder.contact()?),
                false => Err(Failure::new(Exit::Failed, "failed-never-synchronised")),
            };
            let replica = match own {
                Ok(own) if own.checkpoint().is_some() => own.beside(copy)?,
                _ => copy,
            };
            (replica, folder, lock)
        }
        (None, Some(id)) if !env.home.organisations()?.contains(&id) => {
            return Err(Failure::new(Exit::Usage, "recover-no-replica"));
        }
        (None, wanted) => {
            let folder = match wanted {
                Some(id) => env.home.folder(id),
                None => env.home.choose(env.organisation.as_deref())?,
            };
            let lock = env.lock(&folder)?;
            let replica = Replica::open_only(&folder, &folder.contact()?)?;
            (replica, folder, lock)
        }
    };
    match other(replica.state()?.id()) {
        true => Err(Failure::new(Exit::Usage, "recover-other-organisation")),
        false => Ok((replica, folder, lock)),
    }
}

/// The 24 words in a file that nobody else can read.
fn read_words(path: &Path) -> Result<Secret, Failure> {
    if path.as_os_str() != "-" {
        home::refuse_open_file(path)?;
    }
    read_secret(path)
}

/// The identity of these 24 words.
fn from_words(words: &Secret) -> Result<Identity, Failure> {
    Identity::from_words(words.expose_str().unwrap_or_default(), None).map_err(|error| match error {
        IdentityError::Words(bad) => words_failure(bad),
        other => Failure::technical(other),
    })
}

/// Whoever's keys do not stand in the log holds no share of anything.
fn known(replica: &Replica, identity: &Identity) -> Result<(), Failure> {
    match replica.state()?.person(&identity.person()) {
        Some(_) => Ok(()),
        None => Err(Failure::new(Exit::Failed, "recover-not-a-member")),
    }
}

/// Somebody who was taken in and is still there.
fn is_here(person: &Person) -> bool {
    matches!(person.standing, Standing::Admitted { .. })
}

/// The one account with this label, or whose id begins so.
fn find_account(view: &View<'_>, label: &str) -> Result<CredentialId, Failure> {
    let all = view.state.credentials().keys();
    let found: Vec<CredentialId> = all.filter(|id| is_meant(label, id, || view.whole_label(id))).copied().collect();
    let list = |ids: &mut dyn Iterator<Item = &CredentialId>, with_id: bool| {
        let word = |id: &CredentialId| match with_id {
            true => format!("{} {}", super::view::short(id), view.label(id)),
            false => view.label(id),
        };
        view.list(ids.map(word))
    };
    match found.as_slice() {
        [only] => Ok(*only),
        [] => {
            let known = list(&mut view.state.credentials().keys(), false);
            Err(Failure::new(Exit::Usage, "failed-label-unknown").with("label", label).with("list", known))
        }
        several => {
            let known = list(&mut several.iter(), true);
            Err(Failure::new(Exit::Usage, "failed-label-ambiguous").with("label", label).with("list", known))
        }
    }
}

/// Reads a file that somebody sent.
fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let length = std::fs::metadata(path).map_err(|e| Failure::io(path, e))?.len();
    if length > MAX_FILE as u64 {
        return Err(Failure::new(Exit::Usage, "recover-file-none").with("path", path.display()));
    }
    home::read(path)
}

/// Reads a request file.
fn parse_request(path: &Path) -> Result<SignedRequest, Failure> {
    SignedRequest::parse(&read_file(path)?).map_err(|bad| bad_file(bad, path))
}

/// Refuses an output that is there already or has no folder, before anything is asked, opened or given for it.
fn check_output(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::new(Exit::Usage, "recover-exists").with("path", path.display()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.map(std::fs::metadata) {
        Some(Err(error)) => Err(Failure::io(path, error)),
        _ => Ok(()),
    }
}

/// What is wrong with a file that somebody sent, each with its own sentence.
fn bad_file(bad: BadRecovery, path: &Path) -> Failure {
    let (exit, key) = match &bad {
        BadRecovery::NotARecovery => (Exit::Usage, "recover-file-none"),
        BadRecovery::WrongKind { found: FileKind::Request } => (Exit::Usage, "recover-file-request"),
        BadRecovery::WrongKind { found: FileKind::Answer } => (Exit::Usage, "recover-file-answer"),
        BadRecovery::Damaged => (Exit::Usage, "recover-file-damaged"),
        BadRecovery::Newer => (Exit::Failed, "recover-file-newer"),
        BadRecovery::OtherRecovery => (Exit::Usage, "recover-file-foreign"),
        BadRecovery::Signature => (Exit::Distrust, "recover-file-signature"),
        BadRecovery::Empty | BadRecovery::Seal(_) => return Failure::technical(bad),
    };
    Failure::new(exit, key).with("path", path.display())
}
