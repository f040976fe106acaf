//! What only the person can give: the passphrase, and answers. Without a terminal nothing asks; it fails and names
//! the option that would have answered.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use dialoguer::{Confirm, Input, Password};

use super::failure::{Exit, Failure};
use super::home::{self, Home};
use super::out::{Out, visible};
use super::say::{Args, Say};
use crate::seal::identity::{Identity, WorkFactor};
use crate::seal::secret::Secret;

/// Longest secret or text read from standard input, in bytes.
const MAX_INPUT: u64 = 1 << 20;

/// How the person's part is got.
#[derive(Debug, Clone)]
pub struct Unlock {
    /// `--passphrase-file`.
    pub passphrase_file: Option<PathBuf>,
    /// `--words-file`: where a new identity's 24 words are written instead of being shown.
    pub words_file: Option<PathBuf>,
    /// Yes to every question that names this option: `--yes`, `--accept-unwitnessed`.
    pub accepted: Vec<&'static str>,
    /// Cost of the passphrase function for new identities. Only demo and tests lower it.
    pub work: WorkFactor,
}

impl Unlock {
    /// Opens the identity.
    pub fn identity(&self, home: &Home, out: &Out) -> Result<Identity, Failure> {
        let passphrase = match &self.passphrase_file {
            Some(path) => passphrase_from(path)?,
            None => self.secret(out, "ask-passphrase", "--passphrase-file")?,
        };
        let _waiting = out.wait("progress-unlock");
        home.identity(&passphrase)
    }

    /// The passphrase for a new identity: from the file, or proposed and repeated.
    pub fn new_passphrase(&self, out: &Out) -> Result<Secret, Failure> {
        self.passphrase_for(out, "passphrase-proposal", "--passphrase-file")
    }

    /// A new passphrase: from the file, or proposed with this sentence and repeated. `option` names the file.
    pub fn passphrase_for(&self, out: &Out, proposal: &str, option: &'static str) -> Result<Secret, Failure> {
        if let Some(path) = &self.passphrase_file {
            let passphrase = passphrase_from(path)?;
            return match is_short(&passphrase) {
                true => Err(Failure::new(Exit::Usage, "failed-passphrase-short").with("path", path.display())),
                false => Ok(passphrase),
            };
        }
        require_terminal(option)?;
        let say = out.language();
        let proposed = crate::seal::words::propose_passphrase(say.words()).map_err(Failure::technical)?;
        out.say(proposal);
        out.line(&format!("    {}", proposed.expose_str().unwrap_or_default()));
        loop {
            let first = self.secret(out, "ask-new-passphrase", option)?;
            if first.is_empty() {
                return Ok(proposed);
            }
            if is_short(&first) {
                out.say("passphrase-short");
                continue;
            }
            if first.matches(&self.secret(out, "ask-passphrase-again", option)?) {
                return Ok(first);
            }
            out.say("passphrase-differs");
        }
    }

    /// Asks for a secret without showing it.
    pub fn secret(&self, out: &Out, question: &str, option: &'static str) -> Result<Secret, Failure> {
        require_terminal(option)?;
        let answer =
            Password::new().with_prompt(out.language().plain(question)).allow_empty_password(true).interact();
        Ok(Secret::from_string(answer.map_err(|e| no_answer(option).because(e))?))
    }

    /// Asks for a line of text; empty is allowed.
    pub fn line(&self, out: &Out, question: &str, option: &'static str) -> Result<String, Failure> {
        require_terminal(option)?;
        let answer =
            Input::<String>::new().with_prompt(out.language().plain(question)).allow_empty(true).interact_text();
        answer.map_err(|e| no_answer(option).because(e))
    }

    /// Asks yes or no. No, or no terminal, ends the verb.
    pub fn confirm(&self, out: &Out, question: &str, args: &Args, option: &'static str) -> Result<(), Failure> {
        if self.accepted.contains(&option) {
            return Ok(());
        }
        let text = visible(&out.language().with(question, args)).into_owned();
        if !std::io::stdin().is_terminal() {
            let failure = Failure::new(Exit::Unanswered, "failed-unanswered").with("option", option);
            return Err(failure.with("question", text));
        }
        match Confirm::new().with_prompt(text).default(false).interact() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new(Exit::Unanswered, "failed-declined")),
            Err(error) => Err(no_answer(option).because(error)),
        }
    }

    /// Asks what only the person can know; yes and no are both answers. No option answers it for a script but the two
    /// that `option` names.
    pub fn decide(&self, out: &Out, question: &str, args: &Args, option: &'static str) -> Result<bool, Failure> {
        require_terminal(option)?;
        let text = visible(&out.language().with(question, args)).into_owned();
        Confirm::new().with_prompt(text).interact().map_err(|e| no_answer(option).because(e))
    }

    /// Gives the 24 words out once: into the file that was named for them, or on a terminal, where three of them are
    /// asked back. They open everything, so they never go where output merely happens to go.
    pub fn show_words(&self, out: &Out, identity: &Identity, say: &Say) -> Result<(), Failure> {
        let words = identity.to_words(say.words());
        if let Some(path) = &self.words_file {
            home::write_new_private(path, words.expose())?;
            out.aside("words-written", &crate::args! { path: path.display() });
            return Ok(());
        }
        if out.is_json() || !std::io::stdout().is_terminal() {
            return Err(no_answer("--words-file"));
        }
        let list: Vec<&str> = words.expose_str().unwrap_or_default().split(' ').collect();
        out.say("words-intro");
        for (row, four) in list.chunks(4).enumerate() {
            let numbered = four.iter().enumerate().map(|(i, word)| format!("{:>2}. {word:<12}", row * 4 + i + 1));
            out.line(numbered.collect::<Vec<_>>().join(" ").trim_end());
        }
        if self.accepted.contains(&"--yes") {
            return Ok(());
        }
        let picks = crate::seal::secret::random_bytes::<3>().map_err(Failure::technical)?;
        for (third, pick) in picks.iter().enumerate() {
            // One word of each third, so that all of the paper is looked at.
            let position = third * 8 + usize::from(*pick % 8);
            loop {
                let question = out.language().with("ask-word", &crate::args! { position: position + 1 });
                require_terminal("--yes")?;
                let answer: String =
                    Input::new().with_prompt(question).interact_text().map_err(|e| no_answer("--yes").because(e))?;
                if list.get(position).is_some_and(|word| word.eq_ignore_ascii_case(answer.trim())) {
                    break;
                }
                out.say("word-wrong");
            }
        }
        Ok(())
    }
}

/// Fewest characters of a new passphrase.
const SHORTEST_PASSPHRASE: usize = 12;

fn is_short(passphrase: &Secret) -> bool {
    passphrase.expose_str().is_none_or(|text| text.chars().count() < SHORTEST_PASSPHRASE)
}

fn passphrase_from(path: &Path) -> Result<Secret, Failure> {
    home::refuse_open_file(path)?;
    let bytes = Secret::new(home::read(path)?);
    let text = bytes.expose_str().ok_or_else(|| home::damaged(path))?;
    Ok(Secret::from_string(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Fails, naming the option that answers instead, where nobody can be asked.
pub fn require_terminal(option: &'static str) -> Result<(), Failure> {
    if std::io::stdin().is_terminal() { Ok(()) } else { Err(no_answer(option)) }
}

fn no_answer(option: &'static str) -> Failure {
    Failure::new(Exit::Unanswered, "failed-no-terminal").with("option", option)
}

/// All of standard input or of a file (`-` is standard input), as a secret.
pub fn read_secret(path: &Path) -> Result<Secret, Failure> {
    if path.as_os_str() != "-" {
        return Ok(Secret::new(home::read(path)?));
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(MAX_INPUT).read_to_end(&mut bytes).map_err(|e| Failure::io(path, e))?;
    Ok(Secret::new(bytes))
}

/// Lines typed or pasted at the terminal until an empty one.
pub fn paste(out: &Out, question: &str) -> Result<Secret, Failure> {
    out.aside(question, &Args::new());
    let mut text = String::new();
    for line in std::io::stdin().lock().take(MAX_INPUT).lines() {
        let line = line.map_err(|e| Failure::io(std::path::Path::new("-"), e))?;
        if line.trim().is_empty() && !text.is_empty() {
            break;
        }
        text.push_str(&line);
        text.push('\n');
    }
    Ok(Secret::from_string(text))
}
