//! Moving house, from the people's side: proposing a move, signing it, following it.
//!
//! Proposing and signing need no server: a move is a text file that people send each other. Following verifies what
//! the file says against this computer's own replica, brings the move to the new server if nobody did yet, and from
//! then on believes that server and its log key. This module must never follow anything that the `amend` quorum did
//! not sign, and never throw away entries without keeping a copy.

pub mod drill;
mod follow;
mod stage;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use super::audit::timeline::{Line, timeline};
use super::failure::{Exit, Failure, no_organisation};
use super::home::{self, Folder};
use super::session::{Env, Session};
use super::status::texts;
use crate::args;
use crate::escrow::charter::Charter;
use crate::escrow::id::{OrganisationId, PersonId};
use crate::escrow::key::SpokenCode;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::moving::{MoveStatement, SignedMove};
use crate::escrow::organisation::Organisation;
use crate::escrow::refusal::Refusal;
use crate::escrow::replay::{Replay, Trust};
use crate::seal::moving::{BadMoveFile, MAX_FILE, move_file, read_move, read_place};
use crate::seal::secret::random_bytes;

pub use follow::follow;
pub(super) use follow::lost;
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
        MoveVerb::Propose { place, output, give_up } => propose(env, &place, &output, give_up),
        MoveVerb::Sign { file, unseen } => sign(env, &file, unseen),
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

/// Refuses to go back behind a charter that this computer saw come into force after the end of a move's prefix, unless
/// those who may change each of these charters are among `agreed`: those of before are no more asked, and what came into
/// force as N+1 already cannot be another N+1.
fn require_later_charters(session: &Session, from: u64, agreed: &BTreeSet<PersonId>) -> Result<(), Failure> {
    let damaged = |e| home::damaged(&session.folder.join("entries")).because(e);
    let (mut replay, mut version): (Option<Replay>, _) = (None, None);
    for entry in session.replica.entries()? {
        match &mut replay {
            Some(replay) => drop(replay.push(&entry, Trust::OwnDisk).map_err(damaged)?),
            None => replay = Some(Replay::begin(session.folder.id, &entry, Trust::OwnDisk).map_err(damaged)?.0),
        }
        let Some(state) = replay.as_ref().map(Replay::organisation) else { continue };
        let charter = state.charter();
        let now = charter.map(|charter| charter.version());
        if state.size() > from && now != version {
            let quorum = charter.and_then(|charter| charter.amend());
            if quorum.is_none_or(|quorum| quorum.consent(agreed).is_none()) {
                let failure = Failure::new(Exit::Distrust, "move-charter-given-up");
                return Err(failure.with("version", now.unwrap_or_default()));
            }
        }
        version = now;
    }
    Ok(())
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
    statement: &MoveStatement,
    signers: &[PersonId],
    checked: bool,
) -> Result<Vec<String>, Failure> {
    let say = session.env.out.language();
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
    if !signers.is_empty() {
        let names = signers.iter().map(|id| session.name_of(id)).collect::<Vec<_>>().join(", ");
        let key = if checked { "move-screen-signed" } else { "move-screen-unchecked" };
        tell(key, &args! { names: names });
    }
    tell("move-screen-code", &args! { code: statement.code() });
    Ok(lines)
}

/// Proposes to go on at a place that was prepared, and signs first.
fn propose(env: &Env, place: &Path, output: &Path, give_up: Option<u64>) -> Result<(), Failure> {
    let place = read_place(&read_text(place)?).map_err(|bad| bad_file(place, bad))?;
    let mut session = open(env, place.organisation)?;
    let lost = match Relation::of(&session, &place.prefix) {
        Relation::Covers(lost) => lost,
        Relation::Behind(n) => return Err(Failure::new(Exit::Failed, "move-behind").with("n", n)),
        Relation::Differs => return Err(Failure::new(Exit::Distrust, "move-differs")),
    };
    if lost != give_up.unwrap_or(0) {
        for line in told(&session, place.prefix.size)? {
            let args = args! { index: line.index, time: env.out.language().time(line.time), text: line.sentence };
            env.out.screen(&[env.out.language().with("log-line", &args)]);
        }
        return Err(Failure::new(Exit::Usage, "move-give-up").with("n", lost));
    }
    let state = state_at(&session, place.prefix.size)?;
    let charter = state.charter().ok_or(Refusal::NotFounded)?;
    let nonce = random_bytes::<16>().map_err(Failure::technical)?;
    let statement =
        place.statement(charter, state.log_key(), env.now(), nonce).map_err(|e| Failure::technical(e.to_string()))?;
    env.out.screen(&[env.out.language().with("move-screen-place", &args! { code: place.code() })]);
    let signed = add_signature(&mut session, &state, SignedMove::unsigned(statement))?;
    home::write_new(output, text(&session, &signed).as_bytes())?;
    tell_signed(&session, &state, &signed, output);
    Ok(())
}

/// Checks a move that somebody proposed, shows it, and adds a signature to the file.
fn sign(env: &Env, path: &Path, unseen: bool) -> Result<(), Failure> {
    let signed = read_signed(path)?;
    let mut session = open(env, signed.statement.organisation)?;
    let prefix = signed.statement.prefix;
    let state = match Relation::of(&session, &prefix) {
        Relation::Covers(_) => state_at(&session, prefix.size)?,
        Relation::Behind(_) if unseen => session.state()?.clone(),
        Relation::Behind(n) => return Err(Failure::new(Exit::Failed, "move-unseen").with("n", n)),
        Relation::Differs => return Err(Failure::new(Exit::Distrust, "move-differs")),
    };
    let signed = add_signature(&mut session, &state, signed)?;
    home::write(path, text(&session, &signed).as_bytes())?;
    tell_signed(&session, &state, &signed, path);
    Ok(())
}

/// Shows, asks and signs. `state` is that at the end of the prefix, as far as it is known here.
fn add_signature(session: &mut Session, state: &Organisation, mut signed: SignedMove) -> Result<SignedMove, Failure> {
    match state.verify_move(&signed) {
        // That signatures are missing is why we are here.
        Ok(_) | Err(Refusal::MoveQuorum) => {}
        Err(refusal) => return Err(refusal.into()),
    }
    let me = session.me();
    // Those of a later charter that would be given up have to agree, too: see [`require_later_charters`].
    let charters = [state.charter(), session.state().ok().and_then(Organisation::charter)];
    if !charters.into_iter().flatten().filter_map(Charter::amend).any(|quorum| quorum.names(&me)) {
        return Err(Failure::new(Exit::Refused, "move-not-signer"));
    }
    let signers: Vec<PersonId> = signed.signers().filter(|id| *id != me).collect();
    let (env, statement) = (session.env.clone(), signed.statement.clone());
    env.out.screen(&screen(session, &statement, &signers, true)?);
    let remembered = Remembered::read(&session.folder, statement.version())?;
    if remembered.others(&statement) {
        env.unlock.confirm(&env.out, "ask-move-second", &args! { version: statement.version() }, "--yes")?;
    }
    env.unlock.confirm(&env.out, "ask-move-sign", &args! {}, "--yes")?;
    // Remembered before it is signed: afterwards it is out of our hands.
    remembered.add(&session.folder, &statement)?;
    let identity = session.identity()?;
    let key = identity.keys().signing;
    let signature = identity.sign(&statement.preimage(&key));
    if !signed.add(key, signature) {
        return Err(Refusal::MoveSignature.into());
    }
    Ok(signed)
}

/// The file, with what it is in words.
fn text(session: &Session, signed: &SignedMove) -> String {
    let say = session.env.out.language();
    let statement = &signed.statement;
    let names = signed.signers().map(|id| session.name_of(&id)).collect::<Vec<_>>().join(", ");
    let args = args! {
        organisation: session.organisation_name(), address: statement.address(), n: statement.prefix.size,
        names: names, code: statement.code(),
    };
    move_file(signed, &[say.with("move-file-header", &args)])
}

fn tell_signed(session: &Session, state: &Organisation, signed: &SignedMove, path: &Path) {
    let have = signed.signers().collect();
    let known = session.state().ok().and_then(Organisation::charter);
    let given_up = known.filter(|charter| charter.version() >= signed.statement.version());
    let quorums = [state.charter(), given_up].into_iter().flatten().filter_map(Charter::amend);
    let missing = quorums.map(|quorum| quorum.missing(&have)).max().unwrap_or(0);
    let code: SpokenCode = signed.statement.code();
    let out = &session.env.out;
    let key = if missing == 0 { "move-signed-complete" } else { "move-signed" };
    out.tell(key, &args! { n: missing, path: path.display(), code: &code });
    out.data(&json!({
        "file": path.display().to_string(), "move": signed.statement.digest().to_string(), "code": code.to_string(),
        "signed": signed.signers().map(|id| id.to_string()).collect::<Vec<_>>(), "missing": missing,
    }));
}

/// What this person signed for one version of the charter, so that a second, different move does not slip through.
struct Remembered {
    path: PathBuf,
    digests: Vec<String>,
}

impl Remembered {
    fn read(folder: &Folder, version: u32) -> Result<Self, Failure> {
        let path = folder.join("moves").join(version.to_string());
        let text = home::read_if_there(&path)?.unwrap_or_default();
        let digests = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
        Ok(Self { path, digests })
    }

    fn others(&self, statement: &MoveStatement) -> bool {
        let this = statement.digest().to_string();
        self.digests.iter().any(|digest| *digest != this)
    }

    fn add(mut self, folder: &Folder, statement: &MoveStatement) -> Result<(), Failure> {
        let this = statement.digest().to_string();
        if !self.digests.contains(&this) {
            self.digests.push(this);
        }
        home::private_dir(&folder.join("moves"))?;
        home::write(&self.path, self.digests.join("\n").as_bytes())
    }
}
