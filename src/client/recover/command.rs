//! `sequestre recover …`: its arguments, and nothing else.

use std::path::PathBuf;

use clap::Subcommand;

use super::Source;
use super::answer::{Answering, answer};
use super::enter::enter;
use super::finish::{Finishing, finish};
use super::forget::forget;
use super::output::Format;
use super::start::{Starting, start};
use crate::client::failure::{Exit, Failure};
use crate::client::session::Env;

/// The verbs of a recovery without the server.
#[derive(Subcommand)]
pub enum RecoverVerb {
    /// Make a request.
    Start {
        /// Labels.
        #[arg(long, value_name = "LABEL")]
        account: Vec<String>,
        /// Why.
        #[arg(long)]
        reason: String,
        /// The request file.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Somebody's copy of the log.
        #[arg(long, value_name = "DIR")]
        replica: Option<PathBuf>,
        /// Instead of the home's identity.
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
    },
    /// Answer a request.
    Answer {
        /// The request file.
        #[arg(value_name = "FILE")]
        request: PathBuf,
        /// As the starter read it aloud.
        #[arg(long, value_name = "DIGITS")]
        code: Option<String>,
        /// The answer file.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Somebody's copy of the log.
        #[arg(long, value_name = "DIR")]
        replica: Option<PathBuf>,
        /// Instead of the home's identity.
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
    },
    /// Open what the answers allow.
    Finish {
        /// Answer files.
        #[arg(value_name = "ANSWER")]
        answers: Vec<PathBuf>,
        /// Which request.
        #[arg(long, value_name = "REQUEST")]
        from: Option<PathBuf>,
        /// The file to write.
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Its form.
        #[arg(long, value_name = "bitwarden|csv|text", default_value = "bitwarden", hide_default_value = true)]
        format: String,
        /// Not locked.
        #[arg(long)]
        plain: bool,
        /// What was collected stays here afterwards.
        #[arg(long)]
        keep: bool,
        /// Where the file's passphrase is.
        #[arg(long, value_name = "FILE", conflicts_with = "plain")]
        output_passphrase_file: Option<PathBuf>,
        /// People who are here: their words, in files.
        #[arg(long, value_name = "FILE")]
        words_file: Vec<PathBuf>,
        /// People who are here: how many type their words.
        #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
        words: u8,
        /// Somebody's copy of the log.
        #[arg(long, value_name = "DIR")]
        replica: Option<PathBuf>,
    },
    /// Delete what was collected.
    Forget {
        /// The request file.
        #[arg(value_name = "REQUEST")]
        request: Option<PathBuf>,
    },
    /// Take over what was given elsewhere.
    Enter {
        /// Signed commands, or folders with them.
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

/// Runs one of them.
pub fn run(env: &Env, verb: RecoverVerb) -> Result<(), Failure> {
    match verb {
        RecoverVerb::Start { account, reason, output, replica, words_file } => {
            start(env, Starting { accounts: account, reason, output, source: Source { replica, words_file } })
        }
        RecoverVerb::Answer { request, code, output, replica, words_file } => {
            answer(env, Answering { request, code, output, source: Source { replica, words_file } })
        }
        RecoverVerb::Finish {
            answers,
            from,
            output,
            format,
            plain,
            keep,
            output_passphrase_file,
            words_file,
            words,
            replica,
        } => {
            let unknown = || Failure::new(Exit::Usage, "recover-format-unknown").with("name", &format);
            let format = Format::from_name(&format).ok_or_else(unknown)?;
            let finishing = Finishing {
                answers,
                from,
                words_files: words_file,
                words_typed: words,
                replica,
                output,
                format,
                plain,
                keep,
                passphrase_file: output_passphrase_file,
            };
            finish(env, finishing)
        }
        RecoverVerb::Forget { request } => forget(env, request.as_deref()),
        RecoverVerb::Enter { files } => enter(env, &files),
    }
}
