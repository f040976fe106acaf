//! What can go wrong in the client, in words that help: each failure is a sentence of the translation files and an
//! exit code. No failure may hold a secret.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::escrow::id::OrganisationId;
use crate::escrow::refusal::Refusal;
use crate::escrow::text::BadText;
use crate::escrow::time::{Seconds, Time};
use crate::seal::code::{CodeError, CodeKind};
use crate::seal::invitation::BadInvitation;

use super::say::{Args, Say};

/// What a script learns from the client's exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Something on this computer is missing or unusable.
    Failed = 1,
    /// The command line or what was typed makes no sense.
    Usage = 2,
    /// The rules do not allow it, now.
    Refused = 3,
    /// The server could not be reached, did not answer, or cannot serve just now.
    Unreachable = 4,
    /// The server's log, key or files are not what they must be: stop and talk to the others.
    Distrust = 5,
    /// A question could not be asked without a terminal, or was answered no.
    Unanswered = 6,
}

/// Reasons that decide nothing about what was asked: the same can be sent again, so nothing that belongs to it may be
/// thrown away.
const NOT_NOW: [&str; 6] = ["BUSY", "CLOSING", "NOT_MOVED", "STORAGE", "TIMEOUT", "TOO_MANY_REQUESTS"];

/// The values that sentences of refusals may name.
const DETAILS: [(&str, Detail); 11] = [
    ("by", Detail::Length),
    ("longest", Detail::Length),
    ("at", Detail::Moment),
    ("from", Detail::Moment),
    ("until", Detail::Moment),
    ("asked", Detail::Number),
    ("current", Detail::Number),
    ("expected", Detail::Number),
    ("request", Detail::Number),
    ("size", Detail::Number),
    ("version", Detail::Number),
];

/// What a whole number stands for.
#[derive(Clone, Copy)]
enum Detail {
    Number,
    /// Seconds.
    Length,
    /// POSIX seconds.
    Moment,
}

/// A failure of a client verb: a key of the translation files with its values.
#[derive(Debug)]
pub struct Failure {
    key: String,
    args: Args,
    exit: Exit,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// A failure told by this key of the translation files.
    pub fn new(exit: Exit, key: impl Into<String>) -> Self {
        Self { key: key.into(), args: Args::new(), exit, source: None }
    }

    /// With a value for the sentence. Never a secret.
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.args.set(name, value);
        self
    }

    /// With its cause.
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Reading or writing this path failed.
    pub fn io(path: &Path, source: io::Error) -> Self {
        Self::new(Exit::Failed, "failed-file").with("path", path.display()).because(source)
    }

    /// The rules refuse, here or at the server. Both texts may come from the server, so nothing of them that could
    /// disguise the sentence is kept: of the reason its letters, of the details whole numbers with a known name.
    pub fn refused(reason: &str, details: impl IntoIterator<Item = (String, String)>) -> Self {
        let exit = if NOT_NOW.contains(&reason) { Exit::Unreachable } else { Exit::Refused };
        let letters = reason.chars().filter(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_').take(64);
        let reason: String = letters.collect();
        let mut failure = Self::new(exit, format!("refused-{}", reason.to_ascii_lowercase().replace('_', "-")));
        failure.args.set("reason", reason);
        for (name, value) in details {
            let known = DETAILS.iter().find(|(known, _)| *known == name);
            let (Some((name, kind)), Ok(number)) = (known, value.parse::<u64>()) else { continue };
            match kind {
                Detail::Number => failure.args.set(name, number),
                Detail::Length => failure.args.set_length(name, Seconds(number)),
                Detail::Moment => failure.args.set_moment(name, Time(number)),
            }
        }
        failure
    }

    /// Something that should not happen, with the technical sentence of its cause.
    pub fn technical(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let source = source.into();
        let detail = chain(source.as_ref());
        Self::new(Exit::Failed, "failed-technical").with("detail", detail).because(source)
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The key of the sentence: stable, for `--json` and tests.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The sentence. A newer server may have reasons that this client has no sentence for.
    pub fn sentence(&self, say: &Say) -> String {
        let text = match say.find(&self.key, &self.args) {
            None if self.key.starts_with("refused-") => say.with("failed-refused", &self.args),
            found => found.unwrap_or_else(|| self.key.clone()),
        };
        match (&self.source, self.key.as_str()) {
            (Some(source), key) if key != "failed-technical" => {
                // Causes are for whoever looks after the software; they come from libraries and are in English.
                let detail = say.with("failed-detail", &crate::args! { detail: chain(source.as_ref()) });
                format!("{text} {detail}")
            }
            _ => text,
        }
    }
}

/// An error and its causes, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let sentence = next.to_string();
        // Transparent errors repeat their source's sentence.
        if !text.contains(&sentence) {
            text.push_str(": ");
            text.push_str(&sentence);
        }
        cause = next.source();
    }
    text
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(&Say::english()))
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as &(dyn Error + 'static))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let details = refusal.details().into_iter().map(|(name, value)| (name.to_owned(), value));
        let failure = Self::refused(refusal.reason(), details);
        match refusal {
            Refusal::Charter(source) => failure.because(source),
            _ => failure,
        }
    }
}

impl From<BadText> for Failure {
    fn from(bad: BadText) -> Self {
        let key = match bad {
            BadText::Empty => "text-empty",
            BadText::TooLong(_) => "text-too-long",
            BadText::Control { .. } | BadText::Bidirectional { .. } | BadText::Invisible { .. } => "text-invisible",
            BadText::NotText | BadText::WrongDigest => "text-damaged",
        };
        let failure = Self::new(Exit::Usage, key);
        match bad {
            BadText::Control { position, .. }
            | BadText::Bidirectional { position, .. }
            | BadText::Invisible { position, .. } => failure.with("position", position),
            _ => failure,
        }
    }
}

/// Says where a code that was typed or pasted is wrong; it is never corrected for the person.
impl From<BadInvitation> for Failure {
    fn from(bad: BadInvitation) -> Self {
        let failure = |key: &str| Self::new(Exit::Usage, key);
        let BadInvitation::Code(code) = bad else { return failure("code-malformed").because(bad) };
        let kind = |kind: CodeKind| match kind {
            CodeKind::Invitation => "invitation",
            CodeKind::Card => "card",
            CodeKind::Founding => "founding",
        };
        match code {
            CodeError::NotACode => failure("code-none"),
            CodeError::WrongKind { found, wanted } => {
                failure("code-wrong-kind").with("found", kind(found)).with("wanted", kind(wanted))
            }
            CodeError::Character { line, position, .. } => {
                failure("code-character").with("line", line).with("position", position)
            }
            CodeError::TypoAt { line, position } => {
                failure("code-typo-at").with("line", line).with("position", position)
            }
            CodeError::Typo { line } => failure("code-typo").with("line", line),
            CodeError::OtherSet { line } => failure("code-other-set").with("line", line),
            CodeError::Missing { number, count } => {
                failure("code-missing").with("number", number).with("count", count)
            }
            CodeError::Length | CodeError::Malformed => failure("code-malformed").because(code),
        }
    }
}

/// The server showed something that cannot be: kept as evidence, and nothing more is accepted from this log key.
pub(super) fn distrust(key: &'static str, evidence: Option<PathBuf>) -> Failure {
    let failure = Failure::new(Exit::Distrust, key);
    match evidence {
        Some(path) => failure.with("path", path.display()),
        None => failure.with("path", "-"),
    }
}

pub(super) fn no_organisation() -> Failure {
    Failure::new(Exit::Usage, "failed-no-organisation")
}

pub(super) fn which_organisation(known: &[OrganisationId]) -> Failure {
    let list: Vec<String> = known.iter().map(|id| id.to_string()[..12].to_owned()).collect();
    Failure::new(Exit::Usage, "failed-which-organisation").with("list", list.join(", "))
}

pub(super) fn clock_off(server: Time, own: Time) -> Failure {
    Failure::new(Exit::Distrust, "failed-clock").with("minutes", server.distance(own).0 / 60)
}
