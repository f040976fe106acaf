//! Accounts in escrow, and who asks for them or uses them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::super::drill;
use super::super::failure::Failure;
use super::super::out::Out;
use super::super::renewal;
use super::super::say::Say;
use super::super::session::{Env, Session};
use super::super::view::{self, Confirmations, View, confirmations};
use super::{refresh, texts};
use crate::args;
use crate::escrow::act::ShareVerdict;
use crate::escrow::claim::{Answer, Claimed};
use crate::escrow::credential::{Credential, How, PartState, Urgency};
use crate::escrow::id::{CredentialId, PersonId};
use crate::escrow::recovery::ReleasedTo;
use crate::escrow::request::{Request, Stage};
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::window::Purpose;

/// How long requests that are over stay in the list; older ones are in the log.
const RECENT: Seconds = Seconds(30 * Seconds::DAY.0);

/// One account, by its current version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountRow {
    /// Its id, in hexadecimal.
    pub credential: String,
    /// What people call it.
    pub label: String,
    /// Its vault.
    pub vault: String,
    /// The current version.
    pub version: u32,
    /// The parts, by the names of the command line.
    pub parts: Vec<&'static str>,
    /// Who deposited the current version: id and name.
    pub depositor: String,
    /// What they are called.
    pub depositor_name: String,
    /// When, in POSIX seconds.
    pub since: u64,
    /// Trustees who found all of their shares good.
    pub confirmed: usize,
    /// Trustees who found one of their shares bad.
    pub faulty: usize,
    /// Trustees who were dealt shares.
    pub holders: usize,
    /// `now`, `later`, or nothing to change.
    pub due: Option<&'static str>,
    /// Who asked last: id.
    pub last_asked_by: Option<String>,
    /// What they are called.
    pub last_asked_by_name: Option<String>,
    /// When they asked, in POSIX seconds.
    pub last_asked: Option<u64>,
    /// Whether somebody other than the depositor tried it: `works`, `fails` or `never`.
    pub tested: &'static str,
    /// By when it must be renewed, as in ISO 8601, where this computer holds the sheet and the date can be read.
    pub renewal: Option<String>,
    /// How many days are left until then; negative when it is past.
    pub renewal_days: Option<i32>,
}

/// Every account, by label.
pub fn account_rows(view: &View<'_>) -> Vec<AccountRow> {
    let mut rows: Vec<AccountRow> = Vec::new();
    for (id, credential) in view.state.credentials() {
        let Some((number, version)) = credential.current() else { continue };
        let last = requests_for(view, id).last();
        let Confirmations { good, bad, holders } = confirmations(credential);
        rows.push(AccountRow {
            credential: id.to_string(),
            label: view.label(id),
            vault: credential.vault.to_string(),
            version: number,
            parts: version.kinds().iter().map(|kind| kind.as_str()).collect(),
            depositor: version.depositor.to_string(),
            depositor_name: view.name(&version.depositor),
            since: version.since.0,
            confirmed: good,
            faulty: bad,
            holders,
            due: view.due(id).map(|due| urgency_name(due.urgency)),
            last_asked_by: last.map(|request| request.requester.to_string()),
            last_asked_by_name: last.map(|request| view.name(&request.requester)),
            last_asked: last.map(|request| request.since.0),
            tested: drill::trial(credential).name(),
            renewal: None,
            renewal_days: None,
        });
    }
    rows.sort_by_cached_key(|row| (view::sort_key(&row.label), row.credential.clone()));
    rows
}

fn urgency_name(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Now => "now",
        Urgency::Later => "later",
    }
}

/// Requests for an account, oldest first.
fn requests_for<'a>(view: &View<'a>, id: &CredentialId) -> impl DoubleEndedIterator<Item = &'a Request> {
    view.state.requests().values().filter(move |request| request.version.credential == *id)
}

/// The table of accounts.
pub async fn credentials(env: &Env) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let texts = texts(&session);
    let view = session.view(&texts)?;
    let say = view.say;
    let rows = account_rows(&view);
    if rows.is_empty() {
        env.out.say("status-no-accounts");
        return reached.end();
    }
    let renewals = renewal::renewals(&session)?;
    let mut table = Vec::new();
    for mut row in rows {
        if let Some(renewal) = renewals.iter().find(|renewal| renewal.credential.to_string() == row.credential) {
            row.renewal = Some(renewal.date.to_string());
            row.renewal_days = Some(renewal.days);
        }
        env.out.data(&serde_json::to_value(&row).map_err(Failure::technical)?);
        let known = row.credential.parse().ok().and_then(|id| Some((id, view.state.credential(&id)?)));
        let Some((id, account)) = known else { continue };
        let Some((_, version)) = account.current() else { continue };
        let asked = match (row.last_asked_by_name, row.last_asked) {
            (Some(name), Some(time)) => {
                say.with("status-who-when", &args! { name: name, time: say.time(Time(time)) })
            }
            _ => "–".to_owned(),
        };
        let maker = if version.by_daemon { say.plain("log-the-server") } else { row.depositor_name };
        table.push(vec![
            row.label,
            row.vault,
            row.version.to_string(),
            view.parts(version.kinds()),
            say.with("status-who-when", &args! { name: maker, time: say.time(Time(row.since)) }),
            confirmed(&view, account),
            view.due(&id).map_or_else(|| "–".to_owned(), |due| view.urgency(due.urgency)),
            asked,
        ]);
    }
    env.out.table(
        &[
            "status-head-label",
            "status-head-vault",
            "status-head-version",
            "status-head-parts",
            "status-head-deposited",
            "status-head-confirmed",
            "status-head-due",
            "status-head-asked",
        ],
        table,
    );
    env.out.lines(&[renewal::lines(&session)?, drill::trial_lines(&view)].concat());
    reached.end()
}

/// 'n of m', and how many found a bad share.
fn confirmed(view: &View<'_>, credential: &Credential) -> String {
    let Confirmations { good, bad, holders } = confirmations(credential);
    let key = if bad == 0 { "status-confirmed" } else { "status-confirmed-faulty" };
    view.say.with(key, &args! { good: good, bad: bad, holders: holders })
}

/// One account with everything that the log says about it, and its sheet where this person holds it.
pub async fn credential(env: &Env, label: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let id = session.find_credential(label)?;
    let texts = texts(&session);
    let view = session.view(&texts)?;
    let Some(number) = view.state.credential(&id).and_then(|c| c.current()).map(|(number, _)| number) else {
        return reached.end();
    };
    let sheet = sheet(&session, &id)?;
    env.out.data(&account_data(&view, &id, sheet.as_ref()));
    if !env.out.is_json() {
        tell_account(&env.out, &view, &id, number, sheet.as_ref());
    }
    reached.end()
}

/// The account sheet of the current version, if it is on this computer.
fn sheet(session: &Session, id: &CredentialId) -> Result<Option<Text>, Failure> {
    let Some((_, version)) = session.state()?.credential(id).and_then(|c| c.current()) else { return Ok(None) };
    let Some(blob) = session.replica.blob(&version.sheet)? else { return Ok(None) };
    Ok(Text::multiline_from_blob(&blob, version.sheet).ok())
}

/// An account for programs.
fn account_data(view: &View<'_>, id: &CredentialId, sheet: Option<&Text>) -> Value {
    let Some(credential) = view.state.credential(id) else { return Value::Null };
    let part = |(kind, state): (&crate::escrow::part::PartKind, &PartState)| {
        let verdicts = state.verdicts.iter().map(|(person, checked)| {
            let good = checked.verdict == ShareVerdict::Good;
            json!({ "person": person.to_string(), "good": good, "entry": checked.index, "since": checked.time.0 })
        });
        let tested = state.tested.map(|tested| {
            json!({
                "person": tested.person.to_string(), "entry": tested.index, "since": tested.time.0, "works": tested.works,
            })
        });
        let released = state.released.iter().map(|(to, people)| {
            let people: Vec<String> = people.iter().map(ToString::to_string).collect();
            match to {
                ReleasedTo::Request(request) => json!({ "request": request, "by": people }),
                ReleasedTo::Recovery(id) => {
                    let (recovery, starter) = (id.request.to_string(), id.starter.to_string());
                    json!({ "recovery": recovery, "starter": starter, "by": people })
                }
            }
        });
        json!({
            "kind": kind.as_str(),
            "quorums": state.part.deals.iter().map(|d| d.quorum().name().as_str()).collect::<Vec<_>>(),
            "verdicts": verdicts.collect::<Vec<_>>(),
            "released": released.collect::<Vec<_>>(),
            "tested": tested,
        })
    };
    let versions = credential.versions.iter().map(|(number, version)| {
        let exposures = credential.exposures(*number).into_iter().map(|exposure| {
            json!({
                "person": exposure.person.to_string(),
                "entry": exposure.source,
                "parts": exposure.parts.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
                "since": exposure.since.0,
            })
        });
        json!({
            "version": number,
            "label": view.text_if_here(&version.label),
            "depositor": version.depositor.to_string(),
            "by_server": version.by_daemon,
            "entry": version.index,
            "since": version.since.0,
            "parts": version.parts.iter().map(part).collect::<Vec<_>>(),
            "carried": version.carried.iter().map(|(kind, from)| {
                json!({ "kind": kind.as_str(), "version": from })
            }).collect::<Vec<_>>(),
            "exposures": exposures.collect::<Vec<_>>(),
            "due": credential.due(*number).map(|due| json!({ "urgency": urgency_name(due.urgency), "since": due.since.0 })),
        })
    });
    // The sheet is JSON by convention; a sheet that is not stays a string.
    let sheet = sheet
        .map(|text| serde_json::from_str(text.as_str()).unwrap_or_else(|_| Value::String(text.as_str().to_owned())));
    json!({
        "credential": id.to_string(),
        "label": view.label(id),
        "vault": credential.vault.as_str(),
        "versions": versions.collect::<Vec<_>>(),
        "requests": requests_for(view, id).map(|request| request.at.index).collect::<Vec<_>>(),
        "sheet": sheet,
    })
}

fn tell_account(out: &Out, view: &View<'_>, id: &CredentialId, number: u32, sheet: Option<&Text>) {
    let say = view.say;
    let Some(credential) = view.state.credential(id) else { return };
    let Some((_, version)) = credential.current() else { return };
    let args = args! { label: view.label(id), vault: &credential.vault, id: view::short(id) };
    out.tell("status-account", &args);
    for (number, version) in &credential.versions {
        let args = args! {
            version: number,
            name: view.name(&version.depositor),
            time: say.time(version.since),
            parts: view.parts(version.kinds()),
        };
        // Who asked the server for a new secret does not know it.
        let key = if version.by_daemon { "status-account-version-server" } else { "status-account-version" };
        out.tell(key, &args);
    }
    let parts = view::current_parts(credential);
    let deals = parts.iter().flat_map(|(_, state)| &state.part.deals);
    let openers: BTreeMap<_, _> = deals.map(|deal| (deal.quorum().name(), deal.quorum())).collect();
    for (name, quorum) in openers {
        let args = args! { quorum: name, agree: view.quorum(quorum), names: view.quorum_people(quorum) };
        out.tell("status-account-quorum", &args);
    }
    out.tell("status-account-confirmed", &args! { confirmed: confirmed(view, credential) });
    for (kind, state) in parts {
        let released = state.released_to_anybody();
        if !released.is_empty() {
            let part = view.parts([kind]);
            let args = args! { part: part, n: released.len(), names: view.names(&released) };
            out.tell("status-account-released", &args);
        }
    }
    let depositor = args! { version: number, name: view.name(&version.depositor) };
    out.tell(if version.by_daemon { "status-account-made" } else { "status-account-known" }, &depositor);
    for exposure in credential.exposures(number) {
        let args = args! {
            name: view.name(&exposure.person),
            parts: view.parts(exposure.parts.iter().copied()),
            request: exposure.source,
            time: say.time(exposure.since),
        };
        let key = if exposure.how == How::CouldRead {
            "status-account-could-read"
        } else if view.state.request(exposure.source).is_some() {
            "status-account-exposed"
        } else if view.state.recovery_at(exposure.source).is_some() {
            "status-account-recovered"
        } else {
            // What was carried over from an earlier version is also known to whoever deposited that.
            "status-account-carried"
        };
        out.tell(key, &args);
    }
    match view.due(id) {
        Some(due) => {
            let args = args! { when: view.urgency(due.urgency), cause: view.due_cause(&due) };
            out.tell("status-account-due", &args);
        }
        None => out.say("status-account-not-due"),
    }
    let trial = drill::trial_in_words(view, &drill::trial(credential));
    out.tell("status-account-trial", &args! { trial: trial });
    let requests: Vec<_> = requests_for(view, id).rev().take(10).collect();
    if !requests.is_empty() {
        out.say("status-account-requests");
        out.table(&LEASE_HEADS, requests.into_iter().map(|request| lease_cells(view, request)).collect());
    }
    match sheet {
        Some(sheet) => tell_sheet(out, sheet),
        None => out.say("status-account-no-sheet"),
    }
}

/// The fields that a sheet usually has, and their words.
const SHEET_FIELDS: [(&str, &str); 11] = [
    ("kind", "sheet-kind"),
    ("url", "sheet-url"),
    ("legal_holder", "sheet-legal-holder"),
    ("recovery_mailbox", "sheet-recovery-mailbox"),
    ("recovery_mailbox_controlled_by", "sheet-recovery-mailbox-by"),
    ("recovery_telephone", "sheet-recovery-telephone"),
    ("recovery_telephone_controlled_by", "sheet-recovery-telephone-by"),
    ("other_administrators", "sheet-other-administrators"),
    ("renewal_date", "sheet-renewal-date"),
    ("paid_by", "sheet-paid-by"),
    ("change_password_page", "sheet-change-password-page"),
];

fn tell_sheet(out: &Out, sheet: &Text) {
    out.say("status-account-sheet");
    for (name, text) in sheet_lines(out.language(), sheet) {
        match name {
            Some(name) => out.tell("status-sheet-field", &args! { name: name, text: text }),
            None => out.line(&format!("  {text}")),
        }
    }
}

/// A sheet by its known fields, then others as they were written; one that is no JSON object as it is, line by line.
pub(in crate::client) fn sheet_lines(say: &Say, sheet: &Text) -> Vec<(Option<String>, String)> {
    let Ok(Value::Object(mut fields)) = serde_json::from_str(sheet.as_str()) else {
        return sheet.as_str().lines().map(|line| (None, line.to_owned())).collect();
    };
    // JSON escapes could smuggle in what a text must not contain.
    let shown = |text: String| match Text::parse_multiline(&text) {
        Ok(_) => text,
        Err(_) => say.plain("status-sheet-odd"),
    };
    let mut lines: Vec<(String, Value)> = Vec::new();
    for (field, key) in SHEET_FIELDS {
        lines.extend(fields.remove(field).map(|value| (say.plain(key), value)));
    }
    lines.extend(fields.into_iter().map(|(field, value)| (shown(field), value)));
    let text = |value: Value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let lines = lines.into_iter().map(|(name, value)| (Some(name), text(value)));
    lines.filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, shown(text))).collect()
}

/// One request, or the access that came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeaseRow {
    /// The request's number: the index of its entry.
    pub request: u64,
    /// The account's id, in hexadecimal.
    pub credential: String,
    /// What the account is called.
    pub label: String,
    /// Who asked: id.
    pub person: String,
    /// What they are called.
    pub name: String,
    /// The parts, by the names of the command line.
    pub parts: Vec<&'static str>,
    /// `lease`, `unseal`, `mint` or `delegation`.
    pub purpose: &'static str,
    /// `waiting`, `granted`, `leased`, or how it ended.
    pub state: &'static str,
    /// How many approvals are missing at least, while it waits.
    pub missing: Option<usize>,
    /// When it was filed, in POSIX seconds.
    pub since: u64,
    /// Until when it can be approved or fetched, or access runs; or when it ended. POSIX seconds.
    pub until: u64,
    /// Whose parts of the key the requester found bad.
    pub claims: Vec<ClaimRow>,
}

/// What a requester says about somebody's parts of the key, and what they answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClaimRow {
    /// The entry that says so.
    pub entry: u64,
    /// Of whom: id.
    pub accused: String,
    /// What they are called.
    pub name: String,
    /// The parts, by the names of the command line.
    pub parts: Vec<&'static str>,
    /// `does_not_open` or `does_not_match`.
    pub verdict: &'static str,
    /// `good` if the accused's own program then found their part right, `bad` if not; none while it did not look.
    pub answer: Option<&'static str>,
}

/// Requests of one person, or of everybody; oldest first.
pub fn lease_rows(view: &View<'_>, person: Option<&PersonId>) -> Vec<LeaseRow> {
    let wanted = view.state.requests().values().filter(|request| person.is_none_or(|p| request.requester == *p));
    wanted
        .map(|request| LeaseRow {
            request: request.at.index,
            credential: request.version.credential.to_string(),
            label: view.label(&request.version.credential),
            person: request.requester.to_string(),
            name: view.name(&request.requester),
            parts: request.parts.iter().map(|asked| asked.part.kind.as_str()).collect(),
            purpose: request.purpose.as_str(),
            state: view::stage_name(&request.stage),
            missing: matches!(request.stage, Stage::Waiting).then(|| view::missing(view.state, request)),
            since: request.since.0,
            until: view::until(request).0,
            claims: claim_rows(view, request),
        })
        .collect()
}

fn claim_rows(view: &View<'_>, request: &Request) -> Vec<ClaimRow> {
    let row = |(accused, claim): (&PersonId, &Claimed)| ClaimRow {
        entry: claim.index,
        accused: accused.to_string(),
        name: view.name(accused),
        parts: claim.kinds.iter().map(|kind| kind.as_str()).collect(),
        verdict: claim.verdict.as_str(),
        answer: view.state.claim_answer(request, accused).map(Answer::as_str),
    };
    request.claims.iter().map(row).collect()
}

const LEASE_HEADS: [&str; 5] =
    ["status-head-request", "status-head-label", "status-head-who", "status-head-state", "status-head-until"];

fn lease_cells(view: &View<'_>, request: &Request) -> Vec<String> {
    vec![
        request.at.index.to_string(),
        match view.purpose(request) {
            Some(purpose) => format!("{} ({purpose})", view.label(&request.version.credential)),
            None => view.label(&request.version.credential),
        },
        view.name(&request.requester),
        view.stage(request),
        view.say.time(view::until(request)),
    ]
}

/// The table of one's own requests and accesses, or of everybody's. What ended long ago is in the log.
pub async fn leases(env: &Env, all: bool) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let texts = texts(&session);
    let view = session.view(&texts)?;
    let me = session.me();
    let since = env.now().before(RECENT);
    let mut table = Vec::new();
    for row in lease_rows(&view, (!all).then_some(&me)) {
        let Some(request) = view.state.request(row.request) else { continue };
        if matches!(request.stage, Stage::Ended { at, .. } if at < since) {
            continue;
        }
        env.out.data(&serde_json::to_value(&row).map_err(Failure::technical)?);
        table.push(lease_cells(&view, request));
    }
    if table.is_empty() {
        env.out.say("status-no-leases");
    } else {
        env.out.table(&LEASE_HEADS, table);
    }
    reached.end()
}

/// Passwords to be changed, the urgent ones first.
pub(super) fn tell_due(out: &Out, view: &View<'_>) {
    let mut due: Vec<_> = view.state.credentials().keys().filter_map(|id| Some((*id, view.due(id)?))).collect();
    due.sort_by_cached_key(|(id, due)| (std::cmp::Reverse(due.urgency), view::sort_key(&view.label(id))));
    for (id, due) in due {
        let args = args! { label: view.label(&id), when: view.urgency(due.urgency), cause: view.due_cause(&due) };
        out.tell("status-due", &args);
    }
}

/// Accesses that run now.
pub(super) fn tell_running(out: &Out, view: &View<'_>) {
    let over: Vec<u64> = view.unrecorded().iter().map(|unrecorded| unrecorded.request).collect();
    // What is open to the server is told by itself.
    let to_people = view.state.live_requests().filter(|request| request.purpose != Purpose::Unseal);
    for request in to_people.filter(|request| !over.contains(&request.at.index)) {
        if let Stage::Leased(lease) = &request.stage {
            let args = args! {
                request: request.at.index,
                name: view.name(&request.requester),
                label: view.label(&request.version.credential),
                time: view.say.time(lease.until()),
            };
            out.tell("status-running", &args);
        }
    }
}
