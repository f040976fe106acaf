//! Drills: whether the shares still open, and whether the accounts still work when somebody else uses them. What was
//! never tried is not known to work.
//!
//! Nothing here may count a confirmation that is not in the verified log, nor one of somebody who is no trustee any
//! more: they cannot release what they confirmed.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Serialize;

use super::consent::Item;
use super::failure::{Exit, Failure};
use super::session::{Env, Session};
use super::status::texts;
use super::view::{View, sort_key};
use crate::args;
use crate::escrow::credential::Credential;
use crate::escrow::drill::{CONFIRM_WITHIN, DRILL_REST, Drill, WorkingShares};
use crate::escrow::id::{CredentialId, PersonId};
use crate::escrow::part::PartKind;
use crate::escrow::request::{Request, Stage};
use crate::escrow::role::Role;
use crate::escrow::time::Time;
use crate::proto::v1;

/// `sequestre drill`.
#[derive(Debug, clap::Subcommand)]
pub enum DrillVerb {
    /// Everybody opens their shares.
    Shares,
    /// A server is restored from this computer's copy, beside the running one.
    Restore {
        /// The daemon's program, if it does not lie beside this one.
        #[arg(long, value_name = "FILE")]
        daemon: Option<PathBuf>,
    },
    /// Somebody else than the depositor tries an account.
    Account {
        /// Which.
        label: String,
        /// It worked.
        #[arg(long, conflicts_with = "fails")]
        works: bool,
        /// It did not.
        #[arg(long)]
        fails: bool,
    },
}

/// Runs `sequestre drill` as the command line says.
pub async fn run(env: &Env, verb: DrillVerb) -> Result<(), Failure> {
    match verb {
        DrillVerb::Shares => shares(env).await,
        DrillVerb::Restore { daemon } => super::moving::drill::drill(env, daemon.as_deref()).await,
        DrillVerb::Account { label, works, fails } => {
            account(env, &label, if works || fails { Some(works) } else { None }).await
        }
    }
}

/// Asks everybody who holds shares to open them, unless that was done in the last seven days, and confirms our own.
/// The others are asked by their inboxes, and confirm when they unlock their identity next.
pub async fn shares(env: &Env) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync().await?;
    let now = env.now();
    let recent = session.state()?.drill().copied().filter(|drill| now < drill.time.after(DRILL_REST));
    let started = recent.is_none();
    if let Some(Drill { by, time, .. }) = recent {
        let args = args! { name: session.name_of(&by), time: env.out.language().time(time) };
        env.out.tell("drill-running", &args);
    } else {
        let index = session.submit(v1::command::Act::StartDrill(v1::StartDrill {}), Vec::new()).await?;
        env.out.tell("drill-started", &args! { id: index });
    }
    session.confirm_shares().await?;
    let texts = texts(&session);
    let view = session.view(&texts)?;
    let rows = share_rows(&view, now);
    env.out.lines(&share_lines(&view, &rows));
    let open = holders(&view).into_iter().filter(|person| is_asked(&view, person)).collect::<Vec<_>>();
    if !open.is_empty() {
        env.out.tell("drill-open", &args! { names: view.names(&open) });
    }
    env.out.data(&serde_json::json!({
        "started": started, "shares": rows, "missing": open.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }));
    Ok(())
}

/// Everybody who holds shares of an account as it is now and can still release them.
fn holders(view: &View<'_>) -> BTreeSet<PersonId> {
    let parts = view.state.credentials().values().filter_map(|account| Some(account.parts(account.current()?.0)));
    let dealt = parts.flatten().flat_map(|(_, _, state)| state.part.deals.iter());
    let people = dealt.flat_map(|deal| deal.quorum().members());
    people.filter(|person| is_trustee(view, person)).copied().collect()
}

/// Whether somebody can still release shares: not if they left, although the charter names them until it is amended.
fn is_trustee(view: &View<'_>, person: &PersonId) -> bool {
    view.state.roles(person).contains(&Role::Trustee)
}

/// Whether a drill asks this person for shares that they have not opened since.
fn is_asked(view: &View<'_>, person: &PersonId) -> bool {
    view.state.drill().is_some_and(|drill| {
        view.state.to_confirm(person).iter().any(|part| {
            let checked = view.state.part(part).and_then(|state| state.verdicts.get(person));
            checked.is_none_or(|checked| checked.index < drill.index)
        })
    })
}

/// How many shares are known to work for one agreement: for the account for which they are the fewest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShareRow {
    /// The agreement.
    pub quorum: String,
    /// Which of its groups, from 1; of how many.
    pub group: usize,
    /// How many groups must agree.
    pub groups: usize,
    /// Trustees whose shares opened and matched in the last 90 days, and who are still trustees.
    pub confirmed: usize,
    /// Trustees who were dealt shares.
    pub of: usize,
    /// How many it takes.
    pub needed: usize,
    /// From when on there will be too few, if nobody confirms anything until then; POSIX seconds.
    pub until: Option<u64>,
    /// Whether to do something about it now.
    pub low: bool,
    /// The account.
    pub account: String,
    /// Accounts deposited in the last seven days whose shares are not all confirmed yet, by label: not counted above.
    pub settling: Vec<String>,
}

/// One row for each group of each agreement that opens something, by name.
pub fn share_rows(view: &View<'_>, now: Time) -> Vec<ShareRow> {
    let row = |row: WorkingShares<'_>| ShareRow {
        quorum: row.quorum.to_string(),
        group: row.group + 1,
        groups: row.groups,
        confirmed: row.confirmed,
        of: row.of,
        needed: row.needed,
        until: row.until.map(|time| time.0),
        low: row.low,
        account: view.label(&row.credential),
        settling: row.settling.iter().map(|id| view.label(id)).collect::<BTreeSet<_>>().into_iter().collect(),
    };
    view.state.working_shares(now).into_iter().map(row).collect()
}

/// A row in words; with a warning, why and what to do.
fn told(view: &View<'_>, row: &ShareRow) -> String {
    let mut args = args! {
        quorum: &row.quorum, confirmed: row.confirmed, of: row.of, needed: row.needed, label: &row.account,
    };
    let group = args! { group: row.group, groups: row.groups };
    args.set("group", if row.groups > 1 { view.say.with("drill-group", &group) } else { String::new() });
    let mut head = view.say.with("drill-shares", &args);
    if !row.settling.is_empty() {
        let left = args! { n: row.settling.len(), list: row.settling.join(", ") };
        head = format!("{head} {}", view.say.with("drill-settling", &left));
    }
    let warning = match (row.low, row.until) {
        (false, _) => return head,
        (true, None) => "drill-too-few",
        (true, Some(until)) => {
            args.set_moment("time", Time(until));
            "drill-few"
        }
    };
    format!("{head} {}", view.say.with(warning, &args))
}

fn share_lines(view: &View<'_>, rows: &[ShareRow]) -> Vec<String> {
    rows.iter().map(|row| told(view, row)).collect()
}

/// What the log knows about whether an account works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// Nobody but its depositor tried it as it is now, or not all of it.
    Never,
    /// The last one who tried it says that it works.
    Works(PersonId, Time),
    /// The last one who tried it says that it does not.
    Fails(PersonId, Time),
}

impl Trial {
    /// Its name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Works(..) => "works",
            Self::Fails(..) => "fails",
        }
    }
}

/// Whether an account works, by what requesters said of its parts. Recovery codes are left out where there is more:
/// trying them uses them up.
pub fn trial(account: &Credential) -> Trial {
    let Some((number, _)) = account.current() else { return Trial::Never };
    let parts: Vec<_> = account.parts(number).collect();
    let tried = parts.iter().filter(|(kind, ..)| parts.len() == 1 || *kind != PartKind::RecoveryCodes);
    let mut worst: Option<Trial> = None;
    for (_, _, state) in tried {
        let one = match state.tested {
            None => Trial::Never,
            Some(tested) if tested.works => Trial::Works(tested.person, tested.time),
            Some(tested) => Trial::Fails(tested.person, tested.time),
        };
        // What fails outweighs what nobody tried, and both outweigh what works; of these the oldest counts.
        worst = Some(match (worst, one) {
            (None, one) => one,
            (Some(fails @ Trial::Fails(..)), _) | (_, fails @ Trial::Fails(..)) => fails,
            (Some(Trial::Never), _) | (_, Trial::Never) => Trial::Never,
            (Some(Trial::Works(by, at)), Trial::Works(person, time)) => {
                if at <= time {
                    Trial::Works(by, at)
                } else {
                    Trial::Works(person, time)
                }
            }
        });
    }
    worst.unwrap_or(Trial::Never)
}

/// A trial in words.
pub(super) fn trial_in_words(view: &View<'_>, trial: &Trial) -> String {
    match trial {
        Trial::Never => view.say.plain("drill-trial-never"),
        Trial::Works(person, time) => {
            view.say.with("drill-trial-works", &args! { name: view.name(person), time: view.say.time(*time) })
        }
        Trial::Fails(person, time) => {
            view.say.with("drill-trial-fails", &args! { name: view.name(person), time: view.say.time(*time) })
        }
    }
}

/// The accounts that failed, one line each, and in one line those that nobody tried.
pub(super) fn trial_lines(view: &View<'_>) -> Vec<String> {
    let (mut lines, mut never) = (Vec::new(), Vec::new());
    let mut accounts: Vec<(String, Trial)> =
        view.state.credentials().iter().map(|(id, account)| (view.label(id), trial(account))).collect();
    accounts.sort_by_cached_key(|(label, _)| sort_key(label));
    for (label, trial) in accounts {
        match trial {
            Trial::Works(..) => {}
            Trial::Never => never.push(label),
            Trial::Fails(..) => lines.push(failing(view, &label, &trial)),
        }
    }
    if !never.is_empty() {
        lines.push(view.say.with("drill-accounts-never", &args! { list: never.join(", ") }));
    }
    lines
}

fn failing(view: &View<'_>, label: &str, trial: &Trial) -> String {
    view.say.with("drill-account-fails", &args! { label: label, trial: trial_in_words(view, trial) })
}

/// How the shares and the accounts stand, for `status`.
pub(super) fn lines(view: &View<'_>, now: Time) -> Vec<String> {
    [share_lines(view, &share_rows(view, now)), trial_lines(view), restore_line(view).into_iter().collect()].concat()
}

/// What came of the last restore drill, and whose word that is: the newest result replaces the one before, and whoever
/// does not hold everything cannot have seen that everything is there. None where there is nothing to restore.
fn restore_line(view: &View<'_>) -> Option<String> {
    let Some(drill) = view.state.restore_drill() else {
        return (!view.state.credentials().is_empty()).then(|| view.say.plain("drill-restore-never"));
    };
    let trustee = if is_trustee(view, &drill.person) { "yes" } else { "no" };
    let args = args! {
        name: view.name(&drill.person), time: view.say.time(drill.time), entry: drill.index, size: drill.tree.size,
        blobs: drill.blobs, trustee: trustee,
    };
    Some(view.say.with(if drill.works { "drill-restore-last" } else { "drill-restore-last-failed" }, &args))
}

/// The last restore drill for programs.
pub(super) fn restore_data(view: &View<'_>) -> Option<serde_json::Value> {
    let drill = view.state.restore_drill()?;
    Some(serde_json::json!({
        "person": drill.person.to_string(), "name": view.name(&drill.person), "time": drill.time.0,
        "entry": drill.index, "trustee": is_trustee(view, &drill.person), "works": drill.works,
        "entries": drill.tree.size, "blobs": drill.blobs, "seconds": drill.took.0,
    }))
}

/// What waits for this person: a drill that asks for their shares; for trustees and mediators agreements that run low;
/// for depositors accounts that failed.
pub(super) fn items(view: &View<'_>, me: &PersonId, now: Time) -> Vec<Item> {
    let mut items = Vec::new();
    if is_asked(view, me) {
        let by = view.state.drill().map(|drill| view.name(&drill.by)).unwrap_or_default();
        let json = serde_json::json!({ "kind": "drill", "by": by });
        items.push(Item { text: view.say.with("drill-inbox", &args! { name: by }), json });
    }
    let roles = view.state.roles(me);
    if roles.contains(&Role::Trustee) || roles.contains(&Role::Mediator) {
        for row in share_rows(view, now).into_iter().filter(|row| row.low) {
            let text = told(view, &row);
            let mut json = serde_json::json!({ "kind": "shares" });
            if let (Some(json), Ok(serde_json::Value::Object(row))) =
                (json.as_object_mut(), serde_json::to_value(row))
            {
                json.extend(row);
            }
            items.push(Item { text, json });
        }
    }
    for (id, account) in view.state.credentials() {
        let mine = account.current().is_some_and(|(_, version)| version.depositor == *me);
        let trial = trial(account);
        if mine && matches!(trial, Trial::Fails(..)) {
            let label = view.label(id);
            let json = serde_json::json!({ "kind": "fails", "label": &label });
            items.push(Item { text: failing(view, &label, &trial), json });
        }
    }
    items
}

/// Says in the log whether an account works, after an access to it. Asks, where the command line does not say.
pub async fn account(env: &Env, label: &str, works: Option<bool>) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync().await?;
    let id = session.find_credential(label)?;
    let label = session.label_of(&id);
    let Some(request) = last_access(&session, &id)? else {
        return Err(Failure::new(Exit::Refused, "drill-no-access").with("label", label));
    };
    let works = match works {
        Some(works) => works,
        None => env.unlock.decide(&env.out, "ask-drill-account", &args! { label: &label }, "--works / --fails")?,
    };
    let act = v1::command::Act::ConfirmAccess(v1::ConfirmAccess { request_index: request, works });
    let index = session.submit(act, Vec::new()).await?;
    env.out.tell(if works { "drill-account-works" } else { "drill-account-failed" }, &args! { label: &label });
    env.out.data(&serde_json::json!({
        "credential": id.to_string(), "request": request, "works": works, "index": index,
    }));
    Ok(())
}

/// Our last access to an account that was fetched and ended at most seven days ago, or runs.
fn last_access(session: &Session, id: &CredentialId) -> Result<Option<u64>, Failure> {
    let (state, me, now) = (session.state()?, session.me(), session.env.now());
    let recent = |request: &&Request| match &request.stage {
        Stage::Leased(lease) => lease.collected() && now <= lease.until().after(CONFIRM_WITHIN),
        Stage::Ended { at, .. } => request.collected && now <= at.after(CONFIRM_WITHIN),
        Stage::Waiting | Stage::Granted(_) => false,
    };
    let mine = state.requests().values().filter(|r| r.requester == me && r.version.credential == *id);
    Ok(mine.rev().find(recent).map(|request| request.at.index))
}
