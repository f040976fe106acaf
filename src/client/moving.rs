//! Moving house, from the people's side: proposing a move, signing it, following it.
//!
//! Proposing and signing need no server: a move is a text file that people send each other. Following verifies what
//! the file says against this computer's own replica, brings the move to the new server if nobody did yet, and from
//! then on believes that server and its log key. A move that gives entries up is signed twice by those who destroy, the
//! charter's delay apart. This module must never follow anything that the `amend` quorum did not sign, nor a move that
//! leaves out what this computer knows and does not say so; and never throw away entries without keeping a copy.

pub mod drill;
mod follow;
mod known;
mod sign;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};

use super::audit::timeline::{Line, timeline};
use super::failure::{Exit, Failure, no_organisation};
use super::home;
use super::session::{Env, Session};
use super::status::texts;
use crate::args;
use crate::escrow::charter::Charter;
use crate::escrow::entry::Entry;
use crate::escrow::id::{OrganisationId, PersonId};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::moving::{SignedMove, VerifiedMove};
use crate::escrow::organisation::Organisation;
use crate::escrow::replay::{Replay, Trust};
use crate::escrow::time::Time;
use crate::seal::moving::{BadMoveFile, MAX_FILE, read_move};
use clap::Subcommand;

pub use follow::follow;
pub(super) use follow::lost;
pub(super) use known::{pending, tell_pending};
pub(super) use stage::finish;

/// What can be done about a move.
#[derive(Debug, Subcommand)]
pub enum MoveVerb {
    /// Makes the file of a move.
    Propose {
        /// The file that the new server's technician sent.
        #[arg(value_name = "PLACE")]
        place: PathBuf,
        /// Where the file of the move is written.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// How many entries of this computer's copy are given up.
        #[arg(long, value_name = "N")]
        give_up: Option<u64>,
        /// The code that the new server's technician read aloud; without it, it is asked for.
        #[arg(long, value_name = "CODE")]
        place_code: Option<String>,
    },
    /// Adds a signature.
    Sign {
        /// The file of the move.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Sign although this computer's copy of the log is shorter than what the move names.
        #[arg(long)]
        unseen: bool,
    },
    /// Goes along.
    Follow {
        /// The file of the move, or several copies of it with different signatures.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// How many entries of this computer's copy are given up, where that was not known before the log was fetched.
        #[arg(long, value_name = "N")]
        give_up: Option<u64>,
    },
}

/// Does it.
pub async fn run(env: &Env, verb: MoveVerb) -> Result<(), Failure> {
    match verb {
        MoveVerb::Propose { place, output, give_up, place_code } => {
            sign::propose(env, &place, &output, give_up, place_code.as_deref())
        }
        MoveVerb::Sign { file, unseen } => sign::sign(env, &file, unseen),
        MoveVerb::Follow { files, give_up } => follow(env, &files, give_up).await,
    }
}

/// How this computer's replica relates to what a move names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// The replica has the prefix, and this many entries more, which are given up.
    Covers(u64),
    /// The prefix has this many entries more than the replica; whether they agree cannot be told here.
    Behind(u64),
    /// Two different logs.
    Differs,
}

impl Relation {
    fn of(session: &Session, prefix: &TreeHead) -> Self {
        let own = session.replica.head().size;
        match own.checked_sub(prefix.size) {
            None => Self::Behind(prefix.size - own),
            Some(lost) if session.replica.root_at(prefix.size) == Some(prefix.root) => Self::Covers(lost),
            Some(_) => Self::Differs,
        }
    }
}

/// Opens the organisation that a file is about; no connection is made.
fn open(env: &Env, id: OrganisationId) -> Result<Session, Failure> {
    if !env.home.organisations()?.contains(&id) {
        return Err(no_organisation());
    }
    Session::open(env, env.home.folder(id))
}

fn read_text(path: &Path) -> Result<String, Failure> {
    let size = fs::metadata(path).map_err(|e| Failure::io(path, e))?.len();
    if size > MAX_FILE as u64 {
        return Err(Failure::new(Exit::Usage, "move-file-none").with("path", path.display()));
    }
    String::from_utf8(home::read(path)?)
        .map_err(|_| Failure::new(Exit::Usage, "move-file-none").with("path", path.display()))
}

/// Says which file cannot be used, and why.
fn bad_file(path: &Path, bad: BadMoveFile) -> Failure {
    let key = match &bad {
        BadMoveFile::NotAFile => "move-file-none",
        BadMoveFile::OtherKind(_) => "move-file-kind",
        BadMoveFile::Damaged => "move-file-damaged",
        BadMoveFile::Malformed(_) => "move-file-newer",
    };
    let failure = Failure::new(Exit::Usage, key).with("path", path.display());
    match bad {
        BadMoveFile::Malformed(_) => failure.because(bad),
        _ => failure,
    }
}

fn read_signed(path: &Path) -> Result<SignedMove, Failure> {
    read_move(&read_text(path)?).map_err(|bad| bad_file(path, bad))
}

/// The state after so many entries of this computer's own replica.
fn state_at(session: &Session, size: u64) -> Result<Organisation, Failure> {
    if size == session.replica.head().size {
        return session.state().cloned();
    }
    let damaged = |e| home::damaged(&session.folder.join("entries")).because(e);
    let mut replay: Option<Replay> = None;
    for entry in session.replica.entries()?.iter().take(usize::try_from(size).unwrap_or(usize::MAX)) {
        match &mut replay {
            Some(replay) => drop(replay.push(entry, Trust::OwnDisk).map_err(damaged)?),
            None => replay = Some(Replay::begin(session.folder.id, entry, Trust::OwnDisk).map_err(damaged)?.0),
        }
    }
    replay.map(Replay::into_organisation).ok_or_else(|| Failure::new(Exit::Failed, "failed-never-synchronised"))
}

/// The charters that this computer saw come into force after so many entries, in order.
fn later_charters(session: &Session, from: u64) -> Result<Vec<Charter>, Failure> {
    let damaged = |e| home::damaged(&session.folder.join("entries")).because(e);
    let (mut replay, mut version, mut later): (Option<Replay>, _, _) = (None, None, Vec::new());
    for entry in session.replica.entries()? {
        match &mut replay {
            Some(replay) => drop(replay.push(&entry, Trust::OwnDisk).map_err(damaged)?),
            None => replay = Some(Replay::begin(session.folder.id, &entry, Trust::OwnDisk).map_err(damaged)?.0),
        }
        let Some(state) = replay.as_ref().map(Replay::organisation) else { continue };
        let now = state.charter().map(Charter::version);
        if state.size() > from && now != version {
            later.extend(state.charter().cloned());
        }
        version = now;
    }
    Ok(later)
}

/// Refuses a move that takes away what this computer knows, unless it says so and the `destroy` quorum signed it twice;
/// and one that goes back behind a charter that this computer saw come into force, unless those who may change each of
/// these charters, and those who may destroy by it, are among the signers: those of before are no more asked, and what
/// came into force as N+1 already cannot be another N+1.
fn allowed_to_take(session: &Session, signed: &SignedMove, verified: &VerifiedMove) -> Result<(), Failure> {
    let statement = verified.statement();
    verified.may_take(&known_times(session, statement.prefix.size)?)?;
    let agreed = signed.signers().collect();
    for charter in later_charters(session, statement.prefix.size)? {
        let amend = charter.amend().is_some_and(|quorum| quorum.consent(&agreed).is_some());
        if !amend || signed.rounds().verify(statement, &charter).is_err() {
            return Err(Failure::new(Exit::Distrust, "move-charter-given-up").with("version", charter.version()));
        }
    }
    Ok(())
}

/// The times of this computer's entries from here on.
fn known_times(session: &Session, from: u64) -> Result<Vec<Time>, Failure> {
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let damaged = || home::damaged(&session.folder.join("entries"));
    let entries = session.replica.entries()?.into_iter().skip(from);
    entries.map(|entry| Entry::parse(&entry).map(|entry| entry.time).map_err(|e| damaged().because(e))).collect()
}

/// The story of this computer's entries from here on.
pub(super) fn told(session: &Session, from: u64) -> Result<Vec<Line>, Failure> {
    let entries = session.replica.entries()?;
    let texts = texts(session);
    let lines = timeline(session.folder.id, &entries, session.env.out.language(), &texts)
        .map_err(|rejected| home::damaged(&session.folder.join("entries")).because(rejected))?;
    Ok(lines.into_iter().filter(|line| line.index >= from).collect())
}

/// What a move would do, line by line.
///
/// `checked` says whether the signatures were: before the log was fetched, a later charter's cannot be.
fn screen(
    session: &Session,
    signed: &SignedMove,
    signers: &[PersonId],
    checked: bool,
) -> Result<Vec<String>, Failure> {
    let (say, statement) = (session.env.out.language(), &signed.statement);
    let state = session.state()?;
    let mut lines = Vec::new();
    let mut tell = |key: &str, args: &super::say::Args| lines.push(say.with(key, args));
    let args = args! { organisation: session.organisation_name(), version: statement.version() };
    tell("move-screen-head", &args);
    tell("move-screen-from", &args! { address: state.address(), key: hex::encode(state.log_key().as_bytes()) });
    tell("move-screen-to", &args! { address: statement.address(), key: hex::encode(statement.log_key.as_bytes()) });
    tell("move-screen-server", &args! { key: hex::encode(statement.server_key.as_bytes()) });
    let own = session.replica.head().size;
    let args = args! { n: statement.prefix.size, root: statement.prefix.root, own: own };
    tell("move-screen-prefix", &args);
    match Relation::of(session, &statement.prefix) {
        Relation::Covers(0) => tell("move-screen-all", &args! {}),
        Relation::Covers(lost) => {
            tell("move-screen-lost", &args! { n: lost });
            for line in told(session, statement.prefix.size)? {
                let args = args! { index: line.index, time: say.time(line.time), text: line.sentence };
                tell("log-line", &args);
            }
        }
        Relation::Behind(n) => tell("move-screen-behind", &args! { n: n }),
        Relation::Differs => tell("move-screen-differs", &args! {}),
    }
    if let Some(losses) = known::losses(session, statement)? {
        tell("move-screen-gives-up", &losses.args(session, statement));
        known::rounds(session, signed, checked).iter().for_each(|(key, args)| tell(key, args));
    }
    if !signers.is_empty() {
        let names = signers.iter().map(|id| session.name_of(id)).collect::<Vec<_>>().join(", ");
        let key = if checked { "move-screen-signed" } else { "move-screen-unchecked" };
        tell(key, &args! { names: names });
    }
    tell("move-screen-code", &args! { code: statement.code() });
    tell("move-screen-expires", &args! { time: say.time(statement.expires()) });
    Ok(lines)
}
