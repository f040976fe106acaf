//! What this computer knows of moves that are not in its log yet: those that its person signed, and what each would
//! take away.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::home::{self, Folder};
use super::super::say::Args;
use super::super::session::Session;
use super::later_charters;
use crate::args;
use crate::escrow::charter::{Charter, LONGEST_DELAY};
use crate::escrow::entry::{Entry, What};
use crate::escrow::id::PersonId;
use crate::escrow::moving::{MoveStatement, Round, SignedMove};
use crate::escrow::time::{Seconds, Time};
use crate::seal::moving::read_move;

/// What this person signed for one version of the charter, so that a second, different move does not slip through.
pub(super) struct Remembered {
    path: PathBuf,
    digests: Vec<String>,
}

impl Remembered {
    pub(super) fn read(folder: &Folder, version: u32) -> Result<Self, Failure> {
        let path = folder.join("moves").join(version.to_string());
        let text = home::read_if_there(&path)?.unwrap_or_default();
        let digests = String::from_utf8_lossy(&text).lines().map(str::to_owned).collect();
        Ok(Self { path, digests })
    }

    pub(super) fn others(&self, statement: &MoveStatement) -> bool {
        let this = statement.digest().to_string();
        self.digests.iter().any(|digest| *digest != this)
    }

    pub(super) fn add(mut self, folder: &Folder, statement: &MoveStatement) -> Result<(), Failure> {
        let this = statement.digest().to_string();
        if !self.digests.contains(&this) {
            self.digests.push(this);
        }
        home::private_dir(&folder.join("moves"))?;
        home::write(&self.path, self.digests.join("\n").as_bytes())
    }
}

/// Keeps the file as it was signed here, so that `status` can say what is still to be done.
pub(super) fn keep(folder: &Folder, signed: &SignedMove, text: &str) -> Result<(), Failure> {
    let name = format!("{}.txt", &signed.statement.digest().to_string()[..16]);
    home::write(&folder.join("moves").join(name), text.as_bytes())
}

/// What a move gives up, as far as this computer knows it.
pub(super) struct Losses {
    /// Entries of this computer's own copy.
    known: u64,
    since: Option<Time>,
    by: BTreeMap<PersonId, usize>,
    /// Entries that the server added by itself.
    server: usize,
}

/// What a move that says that it gives something up would take from this computer's copy.
pub(super) fn losses(session: &Session, statement: &MoveStatement) -> Result<Option<Losses>, Failure> {
    if statement.gives_up == 0 {
        return Ok(None);
    }
    let mut losses = Losses { known: 0, since: None, by: BTreeMap::new(), server: 0 };
    let from = usize::try_from(statement.prefix.size).unwrap_or(usize::MAX);
    for bytes in session.replica.entries()?.iter().skip(from) {
        let entry = Entry::parse(bytes).map_err(|e| home::damaged(&session.folder.join("entries")).because(e))?;
        losses.known += 1;
        losses.since = losses.since.or(Some(entry.time));
        match entry.what {
            What::Command(signed) => *losses.by.entry(signed.signer().person()).or_default() += 1,
            What::Act(_) => losses.server += 1,
        }
    }
    Ok(Some(losses))
}

impl Losses {
    /// For sentences: how many, by whom, since when.
    pub(super) fn args(&self, session: &Session, statement: &MoveStatement) -> Args {
        let say = session.env.out.language();
        let mut names: Vec<String> =
            self.by.iter().map(|(person, n)| format!("{} ({n})", session.name_of(person))).collect();
        if self.server > 0 {
            names.push(say.with("move-lost-server", &args! { n: self.server }));
        }
        if names.is_empty() {
            names.push(say.plain("move-lost-unknown"));
        }
        let since = self.since.map_or_else(|| say.plain("move-lost-unknown"), |time| say.time(time));
        let unknown = statement.gives_up.saturating_sub(self.known);
        args! { n: statement.gives_up, names: names.join(", "), since: since, unknown: unknown }
    }
}

/// The longest delay that one of these charters sets.
fn delay(charters: &[Charter]) -> Seconds {
    charters.iter().map(Charter::destroy_delay).max().unwrap_or(LONGEST_DELAY)
}

/// Who signed the two rounds, and from when on the second can be signed.
pub(super) fn rounds(session: &Session, signed: &SignedMove, checked: bool) -> Vec<(&'static str, Args)> {
    let say = session.env.out.language();
    let names = |round| {
        let signers = signed.rounds().signers(round);
        signers.iter().map(|id| session.name_of(id)).collect::<Vec<_>>().join(", ")
    };
    let mut lines = Vec::new();
    if !checked || signed.rounds().is_empty() {
        return lines;
    }
    lines.push(("move-screen-first", args! { names: names(Round::First) }));
    if let Some(due) = due(session, signed) {
        lines.push(("move-screen-due", args! { time: say.time(due) }));
    }
    if !signed.rounds().of(Round::Second).is_empty() {
        lines.push(("move-screen-second", args! { names: names(Round::Second) }));
    }
    lines
}

/// From when on the second round can be signed, once the first is complete; none before.
pub(super) fn due(session: &Session, signed: &SignedMove) -> Option<Time> {
    let charters = judging(session, signed).ok()?;
    let agreed = !charters.is_empty() && charters.iter().all(|charter| signed.rounds().is_agreed(charter));
    agreed.then(|| signed.rounds().due(delay(&charters))).flatten()
}

/// The charter at the end of a move's prefix, and those that this computer saw come into force since then.
pub(super) fn judging(session: &Session, signed: &SignedMove) -> Result<Vec<Charter>, Failure> {
    let from = signed.statement.prefix.size;
    let state = super::state_at(session, from.min(session.replica.head().size))?;
    let mut charters: Vec<Charter> = state.charter().cloned().into_iter().collect();
    charters.extend(later_charters(session, from)?);
    Ok(charters)
}

/// Moves that this person signed, that give something up, and that are neither followed nor too old.
fn signed_here(session: &Session) -> Result<Vec<SignedMove>, Failure> {
    let folder = session.folder.join("moves");
    let Ok(list) = fs::read_dir(&folder) else { return Ok(Vec::new()) };
    let (now, state) = (session.env.now(), session.state()?);
    let mut found = Vec::new();
    for file in list {
        let path = file.map_err(|e| Failure::io(&folder, e))?.path();
        let text = path.extension().filter(|kind| *kind == "txt").and(fs::read_to_string(&path).ok());
        found.extend(text.and_then(|text| read_move(&text).ok()));
    }
    found.retain(|signed| {
        let statement = &signed.statement;
        statement.gives_up > 0 && statement.expires() > now && state.log_key() == &statement.old_log_key
    });
    found.sort_by_key(|signed| signed.statement.created);
    Ok(found)
}

/// The same for programs.
pub fn pending(session: &Session) -> Result<Vec<Value>, Failure> {
    let one = |signed: SignedMove| {
        let statement = &signed.statement;
        json!({
            "move": statement.digest().to_string(), "address": statement.address(), "gives_up": statement.gives_up,
            "second_from": due(session, &signed).map(|time| time.0), "expires": statement.expires().0,
            "signed_again": signed.rounds().signers(Round::Second).contains(&session.me()),
        })
    };
    Ok(signed_here(session)?.into_iter().map(one).collect())
}

/// Says which moves this person signed, what they take away, and from when on a second signature is due.
pub fn tell_pending(session: &Session) -> Result<(), Failure> {
    let (out, say) = (&session.env.out, session.env.out.language());
    for signed in signed_here(session)? {
        let Some(losses) = losses(session, &signed.statement)? else { continue };
        let args = losses.args(session, &signed.statement);
        let expires = say.time(signed.statement.expires());
        out.tell("status-move", &args! { address: signed.statement.address(), time: &expires });
        out.tell("move-screen-gives-up", &args);
        let destroys =
            judging(session, &signed)?.iter().filter_map(Charter::destroy).any(|quorum| quorum.names(&session.me()));
        if destroys && !signed.rounds().signers(Round::Second).contains(&session.me()) {
            match due(session, &signed) {
                Some(due) => out.tell("status-move-second", &args! { time: say.time(due), until: expires }),
                None => out.say("status-move-first"),
            }
        }
    }
    Ok(())
}
