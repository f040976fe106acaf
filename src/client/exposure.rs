//! Who knows what, and what must be changed when somebody goes: every account whose secret a person saw, or could
//! see, with the list of what to look at there and who is to do it.
//!
//! It must never say that somebody does not know something: what was seen stays known until it was changed, whether
//! the access ran for a minute or was never used.

use std::collections::BTreeSet;

use serde::Serialize;

use super::deposit::{AccountSheet, current_sheet};
use super::failure::Failure;
use super::session::{Env, Session};
use super::status::{refresh, texts};
use super::view::{View, sort_key};
use crate::args;
use crate::escrow::credential::{Credential, Due, DueCause, How};
use crate::escrow::id::{CredentialId, PersonId};
use crate::escrow::part::PartKind;
use crate::escrow::people::Standing;

/// One person who knows parts of an account as it is now, or as a rotation that is not over is about to make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExposureRow {
    /// The account's id, in hexadecimal.
    pub credential: String,
    /// What the account is called.
    pub label: String,
    /// Who knows: id.
    pub person: String,
    /// What they are called.
    pub name: String,
    /// The parts, by the names of the command line.
    pub parts: Vec<&'static str>,
    /// Which version.
    pub version: u32,
    /// Whether it is sealed and about to be set at the target, and not the current one yet.
    pub staged: bool,
    /// `sealed`, `opened` or `could_read`.
    pub how: &'static str,
    /// Through which entry of the log.
    pub entry: u64,
    /// Since when, in POSIX seconds.
    pub since: u64,
    /// Who is to change it, where it is to be changed because this person goes: names. Only with `--person`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assigned: Vec<String>,
    /// Where it is changed, if the sheet is at hand and says so. Only with `--person`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// Who knows accounts as they are now: of one account or of all, everybody or one person.
pub async fn exposure(env: &Env, label: Option<&str>, person: Option<&str>) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let wanted = label.map(|label| session.find_credential(label)).transpose()?;
    let person = person.map(|name| session.find_person(name)).transpose()?;
    let texts = texts(&session);
    let view = session.view(&texts)?;
    let mut accounts: Vec<CredentialId> = view.state.credentials().keys().copied().collect();
    accounts.retain(|id| wanted.is_none_or(|wanted| wanted == *id));
    accounts.sort_by_cached_key(|id| (sort_key(&view.label(id)), *id));
    if let Some(person) = &person {
        env.out.tell("exposure-head", &args! { name: view.name(person) });
    }
    let (mut table, mut any) = (Vec::new(), false);
    for id in accounts {
        let mut known = known(&view, &id);
        known.retain(|known| person.is_none_or(|person| person == known.person));
        any |= !known.is_empty();
        for known in &known {
            let mut row = known.row(&view, &id);
            if let Some(leaver) = &person {
                row.assigned = assigned(&view, &id, Some(leaver)).iter().map(|id| view.name(id)).collect();
                row.page = current_sheet(&session, &id)?.map(|sheet| sheet.change_password_page);
            }
            env.out.data(&serde_json::to_value(&row).map_err(Failure::technical)?);
            table.push(vec![
                row.label.clone(),
                row.name.clone(),
                view.parts(known.parts.iter().copied()),
                how_in_words(&view, known),
                view.say.time(known.since),
            ]);
        }
        if let Some(leaver) = person.filter(|_| !known.is_empty()) {
            checklist(&session, &view, &id, &leaver, &known)?;
        }
    }
    let lines = match (wanted, person) {
        (Some(id), None) => check_lines(&view, &id, current_sheet(&session, &id)?.as_ref()),
        _ => Vec::new(),
    };
    match (any, person.is_some()) {
        (false, _) => env.out.say("exposure-nothing"),
        (true, true) => {}
        (true, false) => {
            let heads = ["status-head-label", "status-head-who", "status-head-parts", "exposure-head-how"];
            env.out.table(&[heads.as_slice(), &["status-head-since"]].concat(), table);
        }
    }
    env.out.lines(&lines);
    reached.end()
}

/// What somebody knows of an account's current version, or of the one that is staged.
struct Known {
    person: PersonId,
    version: u32,
    staged: bool,
    parts: BTreeSet<PartKind>,
    how: How,
    entry: u64,
    since: crate::escrow::time::Time,
}

impl Known {
    fn row(&self, view: &View<'_>, id: &CredentialId) -> ExposureRow {
        ExposureRow {
            credential: id.to_string(),
            label: view.label(id),
            person: self.person.to_string(),
            name: view.name(&self.person),
            parts: self.parts.iter().map(|kind| kind.as_str()).collect(),
            version: self.version,
            staged: self.staged,
            how: match self.how {
                How::Sealed => "sealed",
                How::Opened => "opened",
                How::CouldRead => "could_read",
            },
            entry: self.entry,
            since: self.since.0,
            assigned: Vec::new(),
            page: None,
        }
    }
}

fn how_in_words(view: &View<'_>, known: &Known) -> String {
    let how = view.say.plain(match known.how {
        How::Sealed => "exposure-sealed",
        How::Opened => "exposure-opened",
        How::CouldRead => "exposure-could-read",
    });
    match known.staged {
        true => view.say.with("exposure-staged", &args! { how: how, version: known.version }),
        false => how,
    }
}

/// Everybody who knows a part of the current version, each way of knowing by itself, in the log's order; then what is
/// known of a version that is staged.
fn known(view: &View<'_>, id: &CredentialId) -> Vec<Known> {
    let Some(credential) = view.state.credential(id) else { return Vec::new() };
    let Some((number, _)) = credential.current() else { return Vec::new() };
    let mut all = known_of(credential, number, false);
    // What it carries over stands with the current one.
    all.extend(view.state.staged(id).into_iter().flat_map(|(staged, _)| known_of(credential, staged, true)));
    all
}

fn known_of(credential: &Credential, version: u32, staged: bool) -> Vec<Known> {
    let mut all: Vec<Known> = Vec::new();
    for (kind, dealt_with, state) in credential.parts(version) {
        for knower in state.known.values().filter(|_| !staged || dealt_with == version) {
            let same = |k: &&mut Known| k.person == knower.person && k.entry == knower.source && k.how == knower.how;
            match all.iter_mut().find(same) {
                Some(known) => {
                    known.parts.insert(kind);
                    known.since = known.since.min(knower.since);
                }
                None => all.push(Known {
                    person: knower.person,
                    version,
                    staged,
                    parts: BTreeSet::from([kind]),
                    how: knower.how,
                    entry: knower.source,
                    since: knower.since,
                }),
            }
        }
    }
    all.sort_by_key(|known| (known.entry, known.person));
    all
}

/// Who is to change an account's password: whoever deposited it last, if they are still here and may; else everybody
/// who may deposit in its vault. `leaver` is about to go.
pub(super) fn assigned(view: &View<'_>, id: &CredentialId, leaver: Option<&PersonId>) -> Vec<PersonId> {
    let Some(credential) = view.state.credential(id) else { return Vec::new() };
    let Some(vault) = view.state.charter().and_then(|charter| charter.vault(&credential.vault)) else {
        return Vec::new();
    };
    let may = |person: &PersonId| {
        let here = view.state.person(person).is_some_and(|p| matches!(p.standing, Standing::Admitted { .. }));
        here && leaver != Some(person) && vault.depositors.includes(person, &view.state.roles(person))
    };
    match credential.current().map(|(_, version)| version.depositor).filter(|person| may(person)) {
        Some(depositor) => vec![depositor],
        None => view.state.people().keys().copied().filter(may).collect(),
    }
}

/// What to look at when somebody goes: for accounts whose password a person can type, everything that gives access to
/// it and is no password.
fn checklist(
    session: &Session,
    view: &View<'_>,
    id: &CredentialId,
    leaver: &PersonId,
    known: &[Known],
) -> Result<(), Failure> {
    let out = &session.env.out;
    if out.is_json() {
        return Ok(());
    }
    out.tell("exposure-account", &args! { label: view.label(id) });
    for known in known {
        let args = args! {
            parts: view.parts(known.parts.iter().copied()), how: how_in_words(view, known),
            time: view.say.time(known.since), entry: known.entry,
        };
        out.tell("exposure-known", &args);
    }
    let names = view.names(&assigned(view, id, Some(leaver)));
    out.tell("exposure-assigned", &args! { names: names });
    for line in check_lines(view, id, current_sheet(session, id)?.as_ref()) {
        out.line(&format!("    {line}"));
    }
    Ok(())
}

/// Whether an account is to be changed because somebody left who ran the server and could read it there: what the
/// server would make in its place, whoever still has a hand in it could read, too.
pub(super) fn could_be_read_by_leaver(credential: &Credential, due: &Due) -> bool {
    let DueCause::Left(leaver) = due.cause else { return false };
    let known = credential.current().map(|(number, _)| known_of(credential, number, false)).unwrap_or_default();
    known.iter().any(|known| known.person == leaver && known.how == How::CouldRead)
}

/// The list of what to change and look at, with what the account's sheet says of each.
fn check_lines(view: &View<'_>, id: &CredentialId, sheet: Option<&AccountSheet>) -> Vec<String> {
    let unknown = AccountSheet::default();
    let sheet = sheet.unwrap_or(&unknown);
    // What stands in a sheet went through the rules for texts as a whole, but JSON can hide characters.
    let field = |text: &str| match crate::escrow::text::Text::parse(text) {
        _ if text.is_empty() => "empty".to_owned(),
        Ok(text) => text.as_str().to_owned(),
        Err(_) => "–".to_owned(),
    };
    let say = |key: &str, what: &str, by: &str| view.say.with(key, &args! { what: field(what), by: field(by) });
    let current = view.state.credential(id).and_then(Credential::current);
    let password = match current.is_some_and(|(_, version)| version.connector.is_some()) {
        true => view.say.with("exposure-check-rotate", &args! { label: view.label(id) }),
        false => say("exposure-check-password", &sheet.change_password_page, ""),
    };
    vec![
        password,
        say("exposure-check-sessions", &sheet.url, ""),
        say("exposure-check-mailbox", &sheet.recovery_mailbox, &sheet.recovery_mailbox_controlled_by),
        say("exposure-check-telephone", &sheet.recovery_telephone, &sheet.recovery_telephone_controlled_by),
        say("exposure-check-administrators", &sheet.other_administrators, ""),
        say("exposure-check-keys", "", ""),
    ]
}
