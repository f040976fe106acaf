//! What mediators use: the log as a story, a copy of it that anybody can check, the check itself, the proof of one
//! entry, and the comparison of what different people were shown.
//!
//! Nothing here may take the server's word, or the copy's: the story comes from the replica that this computer
//! verified, and a copy is replayed from its first entry with nothing believed beforehand.

mod brakes;
pub mod compare;
pub mod export;
pub mod judge;
pub mod timeline;
pub mod verify;

use std::path::Path;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::json;

use super::failure::{Exit, Failure};
use super::names::is_meant;
use super::session::{Env, Session};
use super::status::{refresh, texts};
use super::view::View;
use crate::args;
use crate::escrow::entry::Entry;
use crate::escrow::id::PersonId;
use crate::escrow::log::checkpoint::SignedCheckpoint;
use crate::escrow::log::merkle::{MemoryTree, inclusion_proof};
use crate::escrow::log::proof::ProofFile;
use crate::escrow::time::Time;

pub use compare::{checkpoint, compare};
pub use verify::verify;

/// Where a part of the log begins or ends: an entry's number, a day, or a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// This entry.
    Entry(u64),
    /// All of this stretch of time; on this computer's clock and in its time zone where it was given as a date.
    Time {
        /// Its first second.
        first: Time,
        /// Its last second.
        last: Time,
    },
}

impl Moment {
    /// Whether this has begun when an entry is made.
    fn begins_by(self, index: u64, time: Time) -> bool {
        match self {
            Self::Entry(first) => index >= first,
            Self::Time { first, .. } => time >= first,
        }
    }

    /// Whether this is not over yet when an entry is made.
    fn ends_after(self, index: u64, time: Time) -> bool {
        match self {
            Self::Entry(last) => index <= last,
            Self::Time { last, .. } => time <= last,
        }
    }
}

/// Not a number, a date or a date with a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("give an entry's number, a date (2027-01-15 or 15/01/2027) or a date with a time (2027-01-15 18:30)")]
pub struct BadMoment;

impl FromStr for Moment {
    type Err = BadMoment;

    fn from_str(text: &str) -> Result<Self, BadMoment> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self::Entry).map_err(|_| BadMoment);
        }
        let second = |at: DateTime| {
            let stamp = at.to_zoned(TimeZone::system()).ok()?.timestamp().as_second();
            u64::try_from(stamp).ok().map(Time)
        };
        let date = Date::strptime("%Y-%m-%d", text).or_else(|_| Date::strptime("%d/%m/%Y", text));
        let (from, to) = match date {
            Ok(day) => (day.at(0, 0, 0, 0), day.at(23, 59, 59, 0)),
            Err(_) => {
                let minute = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d/%m/%Y %H:%M"]
                    .iter()
                    .find_map(|form| DateTime::strptime(form, text).ok())
                    .ok_or(BadMoment)?;
                (minute, minute)
            }
        };
        let (first, last) = (second(from).ok_or(BadMoment)?, second(to).ok_or(BadMoment)?);
        Ok(Self::Time { first, last: if from == to { Time(last.0.saturating_add(59)) } else { last } })
    }
}

/// Which part of the log to tell.
#[derive(Debug, Clone, Default)]
pub struct LogOptions {
    /// From here on: what [`Moment`] parses.
    pub from: Option<String>,
    /// Up to and including this.
    pub to: Option<String>,
    /// Only what this person did or what concerns them: a name, or the beginning of an id.
    pub person: Option<String>,
    /// Only what concerns the account with this label.
    pub account: Option<String>,
}

fn parse_moment(text: &str) -> Result<Moment, Failure> {
    text.parse().map_err(|_: BadMoment| Failure::new(Exit::Usage, "audit-bad-moment").with("text", text))
}

/// Tells the log, or a part of it: one line an entry.
pub async fn log(env: &Env, options: LogOptions) -> Result<(), Failure> {
    let from = options.from.as_deref().map(parse_moment).transpose()?;
    let to = options.to.as_deref().map(parse_moment).transpose()?;
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let person = options.person.as_deref().map(|name| find_person(&session, name)).transpose()?;
    let account = options.account.as_deref().map(|label| session.find_credential(label)).transpose()?;
    let texts = texts(&session);
    let entries = session.replica.entries()?;
    let lines = timeline::timeline(session.folder.id, &entries, env.out.language(), &texts)
        .map_err(|rejected| super::home::damaged(&session.folder.join("entries")).because(rejected))?;
    let width = lines.len().to_string().len();
    for line in lines {
        let wanted = from.is_none_or(|from| from.begins_by(line.index, line.time))
            && to.is_none_or(|to| to.ends_after(line.index, line.time))
            && person.as_ref().is_none_or(|people| people.iter().any(|id| line.people.contains(id)))
            && account.is_none_or(|id| line.credentials.contains(&id));
        if wanted {
            env.out.data(&line.data());
            let index = format!("{:>width$}", line.index);
            let time = env.out.language().time(line.time);
            env.out.tell("log-line", &args! { index: index, time: time, text: line.sentence });
        }
    }
    let view = session.view(&texts)?;
    for unrecorded in view.unrecorded() {
        env.out.tell("audit-item", &args! { text: view.unrecorded_in_words(&unrecorded) });
    }
    reached.end()
}

/// Everybody who is or was called so: unlike elsewhere, those who left are meant too, and two of the same name are
/// both shown.
fn find_person(session: &Session, name: &str) -> Result<Vec<PersonId>, Failure> {
    let texts = texts(session);
    let view = View::new(session.state()?, session.env.out.language(), &texts);
    let wanted = name.trim().trim_start_matches('#').to_lowercase();
    let people = view.state.people().keys().filter(|id| {
        is_meant(name, id, || view.whole_name(id)) || (wanted.len() >= 8 && id.to_string().starts_with(&wanted))
    });
    let found: Vec<PersonId> = people.copied().collect();
    if found.is_empty() {
        return Err(Failure::new(Exit::Usage, "failed-name-unknown").with("name", name));
    }
    Ok(found)
}

/// Writes a copy of the whole log that anybody can check, into an empty or new folder.
pub async fn export(env: &Env, dir: &Path) -> Result<(), Failure> {
    // Before anything is fetched: a folder that cannot be used is known at once.
    export::require_empty(dir)?;
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let checkpoint = known_checkpoint(&session)?;
    let entries = session.replica.entries()?;
    let blobs = session.replica.public_texts()?;
    let texts = texts(&session);
    let view = View::new(session.state()?, env.out.language(), &texts);
    let contents = export::Contents {
        entries: &entries,
        checkpoint: &checkpoint,
        cosignatures: &session.cosignatures,
        texts: &blobs,
        readme: &export::readme(&view, &session.contact.log_key, &checkpoint, env.now()),
    };
    let written = export::write(dir, &contents)?;
    env.out.data(&json!({
        "directory": dir.display().to_string(),
        "organisation": session.folder.id.to_string(),
        "entries": checkpoint.head().size,
        "root": checkpoint.head().root.to_string(),
        "cosignatures": written.cosignatures,
        "texts": blobs.len(),
        "files": written.files,
    }));
    env.out.tell(
        "audit-exported",
        &args! {
            path: dir.display(),
            entries: checkpoint.head().size,
            cosignatures: written.cosignatures,
            texts: blobs.len(),
        },
    );
    reached.end()
}

/// Writes the proof that one entry is in the log: a c2sp.org/tlog-proof file on standard output.
pub async fn proof(env: &Env, index: u64) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let checkpoint = known_checkpoint(&session)?;
    let (checkpoint, _) = export::with_cosignatures(&checkpoint, &session.cosignatures);
    let entries = session.replica.entries()?;
    let file = prove(&entries, index, &checkpoint)?;
    let leaf = usize::try_from(index).ok().and_then(|i| entries.get(i)).map(|entry| Entry::leaf(entry).to_string());
    env.out.data(&json!({
        "index": index, "leaf": leaf, "size": checkpoint.head().size, "proof": file.to_string(),
    }));
    if !env.out.is_json() {
        // `line` adds the last line feed, which the format wants exactly once.
        env.out.line(file.to_string().trim_end_matches('\n'));
    }
    reached.end()
}

/// The proof that entry `index` is in the tree of this checkpoint, from the entries themselves.
pub fn prove(entries: &[Vec<u8>], index: u64, checkpoint: &SignedCheckpoint) -> Result<ProofFile, Failure> {
    let size = checkpoint.head().size;
    let mut tree = MemoryTree::new();
    entries.iter().for_each(|entry| tree.push(Entry::leaf(entry)));
    if index >= size {
        return Err(Failure::new(Exit::Usage, "audit-no-entry").with("index", index).with("size", size));
    }
    let path = inclusion_proof(&tree, index, size).map_err(Failure::technical)?;
    Ok(ProofFile::new(index, path, checkpoint))
}

fn known_checkpoint(session: &Session) -> Result<SignedCheckpoint, Failure> {
    let known = session.replica.checkpoint().cloned();
    known.ok_or_else(|| Failure::new(Exit::Failed, "failed-never-synchronised"))
}
