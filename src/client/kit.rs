//! The paper kit: one page for the person of this home, for the day when the server, the computer or the people are
//! gone; and the check that the words on paper are the right ones.
//!
//! The words must never stand in a file that was not asked for with them, nor in one that others can read.

mod html;
pub mod page;

use std::path::{Path, PathBuf};

use self::page::{Other, Page, WordsOnPage};
use super::failure::{Exit, Failure};
use super::home;
use super::join::{contact_card, words_failure};
use super::session::{Env, Session};
use super::status::{refresh, texts};
use super::unlock::read_secret;
use super::view::{View, sort_key};
use crate::args;
use crate::escrow::charter::Charter;
use crate::escrow::id::PersonId;
use crate::escrow::text::Text;
use crate::seal::identity::{Identity, IdentityError};
use crate::seal::secret::Secret;
use crate::seal::words::Compared;

/// Most lines, and most characters of each, that a person's own notes may have: more would not fit on the page.
const MAX_LINES: usize = 10;
const MAX_COLUMNS: usize = 54;

/// `sequestre kit`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct KitArgs {
    #[command(subcommand)]
    verb: Option<KitVerb>,
    #[arg(long, conflicts_with = "words_kept")]
    words: bool,
    #[arg(long, value_name = "TEXT")]
    words_kept: Option<String>,
    #[arg(long, value_name = "FILE")]
    contacts: Option<PathBuf>,
    #[arg(short, long, value_name = "FILE", required = true)]
    output: Option<PathBuf>,
}

#[derive(Debug, clap::Subcommand)]
enum KitVerb {
    Check {
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
    },
}

/// What the page is to say of the 24 words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Words {
    /// All of them.
    Shown,
    /// Where they are kept.
    Kept(String),
    /// Nothing: room to write by hand.
    Blank,
}

/// Runs `sequestre kit` as the command line says.
pub async fn run(env: &Env, args: KitArgs) -> Result<(), Failure> {
    if let Some(KitVerb::Check { words_file }) = args.verb {
        let words = match words_file {
            Some(path) => read_secret(&path)?,
            None => env.unlock.secret(&env.out, "ask-words", "--words-file")?,
        };
        return check(env, &words);
    }
    let words = match args.words_kept {
        Some(place) => Words::Kept(place),
        None if args.words => Words::Shown,
        None => Words::Blank,
    };
    // Clap does not let it be missing.
    let output = args.output.ok_or_else(|| Failure::new(Exit::Usage, "kit-no-output"))?;
    kit(env, &words, args.contacts.as_deref(), &output).await
}

/// Writes the page into a new file that only its owner can read.
pub async fn kit(env: &Env, words: &Words, contacts: Option<&Path>, output: &Path) -> Result<(), Failure> {
    if output.exists() {
        return Err(Failure::new(Exit::Usage, "kit-exists").with("path", output.display()));
    }
    let contacts = contacts.map(own_notes).transpose()?;
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let words = match words {
        Words::Shown => WordsOnPage::Shown(session.identity()?.to_words(env.out.language().words())),
        Words::Kept(place) => WordsOnPage::Kept(Text::parse(place)?.to_string()),
        Words::Blank => WordsOnPage::Blank,
    };
    let shown = matches!(words, WordsOnPage::Shown(_));
    let page = page(&session, words, contacts)?.to_html(env.out.language())?;
    if shown {
        home::write_new_private(output, page.expose())?;
    } else {
        home::write_new(output, page.expose())?;
    }
    let args = args! { path: output.display() };
    env.out.tell("kit-done", &args);
    if shown {
        env.out.aside("kit-printer", &args);
    }
    env.out.data(&serde_json::json!({ "file": output.display().to_string(), "words": shown }));
    reached.end()
}

/// What stands on the page of this session's person.
pub fn page(session: &Session, words: WordsOnPage, contacts: Option<String>) -> Result<Page, Failure> {
    let texts = texts(session);
    let view = session.view(&texts)?;
    let (state, say, me) = (view.state, view.say, session.me());
    let charter = state.charter().ok_or_else(|| Failure::new(Exit::Refused, "kit-no-charter"))?;
    let person = state.person(&me).ok_or_else(super::failure::no_organisation)?;
    Ok(Page {
        name: view.name(&me),
        roles: view.roles(state.roles(&me)),
        trustee: charter.trustees().contains(&me),
        fingerprint: person.keys.fingerprint().to_string(),
        organisation: view.organisation(),
        address: session.contact.address.clone(),
        date: say.time(session.env.now()),
        entries: state.size(),
        charter: charter.version(),
        code: charter.code().to_string(),
        vaults: vaults(&view, charter),
        others: others(&view, charter, &me),
        contacts,
        words,
        card: contact_card(session)?,
    })
}

/// Each vault with the agreements that open it.
fn vaults(view: &View<'_>, charter: &Charter) -> Vec<(String, String)> {
    let opened = |names: &[crate::escrow::quorum::QuorumName]| {
        let quorums = names.iter().filter_map(|name| charter.quorum(name));
        let told = quorums.map(|quorum| format!("{} ({})", quorum.name(), view.quorum(quorum)));
        told.collect::<Vec<_>>().join(" / ")
    };
    charter.vaults().map(|vault| (vault.name.to_string(), opened(&vault.opened_by))).collect()
}

/// Everybody else with an office, trustees first: they are who recovers.
fn others(view: &View<'_>, charter: &Charter, me: &PersonId) -> Vec<Other> {
    // The charter names whoever left until it is amended.
    let here = |person: &PersonId| person != me && !view.state.roles(person).is_empty();
    let mut people: Vec<PersonId> = charter.named().into_iter().filter(here).collect();
    people.sort_by_cached_key(|id| (!charter.trustees().contains(id), sort_key(&view.name(id))));
    // Not their fingerprints: everybody can read those, so knowing them proves nothing about who is speaking.
    let other = |id: PersonId| Other { name: view.name(&id), roles: view.roles(view.state.roles(&id)) };
    people.into_iter().map(other).collect()
}

/// The person's own notes for the page: telephones are in no log, so only they can add them.
fn own_notes(path: &Path) -> Result<String, Failure> {
    let bytes = Secret::new(home::read(path)?);
    let text = bytes.expose_str().ok_or_else(|| home::damaged(path))?.replace("\r\n", "\n");
    let text = Text::parse_multiline(text.trim_end())?;
    let fits = text.as_str().lines().count() <= MAX_LINES
        && text.as_str().lines().all(|line| line.chars().count() <= MAX_COLUMNS);
    if !fits {
        let failure = Failure::new(Exit::Usage, "kit-contacts-long").with("path", path.display());
        return Err(failure.with("lines", MAX_LINES).with("columns", MAX_COLUMNS));
    }
    Ok(text.to_string())
}

/// Says whether the words on somebody's paper are those of this home's identity, and where they are not.
pub fn check(env: &Env, words: &Secret) -> Result<(), Failure> {
    let identity = env.unlock.identity(&env.home, &env.out)?;
    let typed = words.expose_str().unwrap_or_default();
    match identity.compare_words(typed) {
        Compared::Same => {
            env.out.say("kit-check-same");
            env.out.data(&serde_json::json!({ "words": "same", "person": identity.person().to_string() }));
            Ok(())
        }
        Compared::Another => {
            let other = Identity::from_words(typed, None);
            let code = other.map(|other| other.keys().fingerprint().to_string()).unwrap_or_default();
            Err(Failure::new(Exit::Usage, "kit-check-another").with("code", code))
        }
        Compared::Count { found, first } => {
            let failure = Failure::new(Exit::Usage, "kit-check-count");
            Err(failure.with("found", found).with("position", first))
        }
        // Nothing of it fits: perhaps the words of another identity, with a mistake of their own.
        Compared::Differ { positions } if positions.len() == crate::seal::words::PAPER_WORDS => {
            match Identity::from_words(typed, None) {
                Err(IdentityError::Words(bad)) => Err(words_failure(bad)),
                _ => Err(Failure::new(Exit::Usage, "words-checksum")),
            }
        }
        Compared::Differ { positions } => {
            let list: Vec<String> = positions.iter().map(ToString::to_string).collect();
            Err(Failure::new(Exit::Usage, "kit-check-differ").with("list", list.join(", ")))
        }
    }
}
