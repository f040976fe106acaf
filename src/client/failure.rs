//! What can go wrong in the client, in words that help: each failure is a sentence of the translation files and an
//! exit code. No failure may hold a secret.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::escrow::id::OrganisationId;
use crate::escrow::refusal::Refusal;
use crate::escrow::text::BadText;
use crate::escrow::time::Time;

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
    /// The server could not be reached or did not answer.
    Unreachable = 4,
    /// The server's log, key or files are not what they must be: stop and talk to the others.
    Distrust = 5,
    /// A question could not be asked without a terminal, or was answered no.
    Unanswered = 6,
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

    /// The rules refuse, here or at the server.
    pub fn refused(reason: &str, details: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut failure = Self::new(Exit::Refused, format!("refused-{}", reason.to_lowercase().replace('_', "-")));
        for (name, value) in details {
            failure.args.set_owned(name, value);
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

    /// The sentence.
    pub fn sentence(&self, say: &Say) -> String {
        let text = say.with(&self.key, &self.args);
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
