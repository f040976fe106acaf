//! Verbs that only read: where things stand, in words that need no explanation.
//!
//! Each first tries to synchronise, and shows what this computer verified earlier if that is not possible: reading
//! works without the server, and also after it was caught lying. Nothing here may sign or change anything in the log
//! (synchronising countersigns, as always).

mod accounts;
mod charter;
mod people;
mod witnesses;

use serde_json::{Value, json};

pub(super) use accounts::sheet_lines;
pub use accounts::{AccountRow, LeaseRow, account_rows, credential, credentials, lease_rows, leases};
pub use charter::charter;
pub use people::{PersonRow, devices, people, person_rows};

use super::consent::waiting;
use super::delegation;
use super::drill;
use super::failure::{Exit, Failure};
use super::home::Folder;
use super::moving;
use super::opening::{self, Tries};
use super::renewal;
use super::say::Args;
use super::session::{Env, Session};
use super::view;
use crate::args;
use crate::escrow::id::BlobId;
use crate::escrow::organisation::CLOCK_TOLERANCE;
use crate::escrow::people::Standing;
use crate::escrow::time::{Seconds, Time};

/// Whether the server could be asked before something is shown.
pub(super) enum Reached {
    /// What is shown is what the server has now.
    Yes,
    /// It did not answer, or could not serve just now.
    No(Failure),
    /// It answered with a refusal, or with something that cannot be: shown in the end, so that it is not missed.
    Refused(Failure),
}

impl Reached {
    /// Ends a verb: what could not be believed is its failure, although what is known was shown.
    pub(super) fn end(self) -> Result<(), Failure> {
        match self {
            Self::Yes | Self::No(_) => Ok(()),
            Self::Refused(failure) => Err(failure),
        }
    }
}

/// Synchronises if possible, and says so if what follows may be old.
pub(super) async fn refresh(session: &mut Session) -> Result<Reached, Failure> {
    let reached = reach(session).await?;
    if let Reached::No(failure) = &reached {
        let (key, args) = trouble(session, failure)?;
        session.env.out.aside(key, &args);
    }
    Ok(reached)
}

/// What there is to say of a server that did not serve.
fn trouble(session: &Session, failure: &Failure) -> Result<(&'static str, Args), Failure> {
    let say = session.env.out.language();
    let since = session.replica.last_synchronised()?.map_or_else(|| "–".to_owned(), |time| say.time(time));
    let mut args = args! { address: &session.contact.address, time: since };
    if failure.key() == "failed-unreachable" {
        return Ok(("status-unreachable", args));
    }
    args.set("why", failure.sentence(say));
    Ok(("status-not-served", args))
}

/// Synchronises if possible. What this computer verified earlier stays readable without the server.
async fn reach(session: &mut Session) -> Result<Reached, Failure> {
    if let Some(failure) = session.replica.stopped() {
        return Ok(Reached::Refused(failure));
    }
    let Err(failure) = session.sync().await else { return Ok(Reached::Yes) };
    if session.state().is_err() {
        // Nothing is known yet that could be shown.
        return Err(failure);
    }
    match failure.exit() {
        Exit::Unreachable => Ok(Reached::No(failure)),
        Exit::Distrust | Exit::Refused => Ok(Reached::Refused(failure)),
        _ => Err(failure),
    }
}

/// The texts of a session's replica.
pub(super) fn texts(session: &Session) -> impl Fn(&BlobId) -> Option<String> + '_ {
    |id| session.text_of(id)
}

/// Where things stand, in each organisation that is meant.
pub async fn status(env: &Env) -> Result<(), Failure> {
    let mut folders = match (&env.organisation, env.home.organisations()?) {
        (None, known) if known.len() > 1 => known.into_iter().map(|id| env.home.folder(id)).collect(),
        _ => vec![env.home.choose(env.organisation.as_deref())?],
    };
    let last = folders.pop();
    for folder in folders {
        // One organisation's trouble must not hide the others.
        if let Err(failure) = status_of(env, folder).await {
            env.out.failure(&failure);
        }
        if !env.out.is_json() {
            env.out.line("");
        }
    }
    match last {
        Some(folder) => status_of(env, folder).await,
        None => Ok(()),
    }
}

async fn status_of(env: &Env, folder: Folder) -> Result<(), Failure> {
    let mut session = Session::open(env, folder)?;
    let reached = reach(&mut session).await?;
    let tries = tries(&mut session, &reached).await?;
    env.out.data(&status_data(&session, &reached, &tries)?);
    if !env.out.is_json() {
        tell_status(&session, &reached, &tries)?;
    }
    reached.end()
}

/// What the server says about what it has not done yet, if it has anything to do. What is due stands in the log; only
/// why it is not done is the server's word, and without it the rest is shown.
async fn tries(session: &mut Session, reached: &Reached) -> Result<Tries, Failure> {
    let pending = session.state()?.work().next().is_some();
    if !pending || !matches!(reached, Reached::Yes) {
        return Ok(Tries::new());
    }
    let organisation = session.folder.id;
    match session.remote().await?.work(organisation).await {
        Err(failure) if failure.exit() == Exit::Distrust => Err(failure),
        other => Ok(other.unwrap_or_default()),
    }
}

/// The status for programs.
fn status_data(session: &Session, reached: &Reached, tries: &Tries) -> Result<Value, Failure> {
    let texts = texts(session);
    let view = session.view(&texts)?;
    let (state, me) = (view.state, session.me());
    let running: Vec<LeaseRow> = lease_rows(&view, None).into_iter().filter(|row| row.state == "leased").collect();
    let due: Vec<AccountRow> = account_rows(&view).into_iter().filter(|row| row.due.is_some()).collect();
    Ok(json!({
        "organisation": state.id().to_string(),
        "name": view.organisation(),
        "address": session.contact.address,
        "reachable": matches!(reached, Reached::Yes),
        "synchronised": session.replica.last_synchronised()?.map(|time| time.0),
        "entries": state.size(),
        "root": session.replica.head().root.to_string(),
        "last_entry": state.last_time().0,
        "clock_behind": clock_behind(session)?.map(|by| by.0),
        "witnessed": witnesses::witnessed_data(session, reached, &view)?,
        "opens": witnesses::opens_data(&view),
        "own": witnesses::unsafe_data(session)?,
        "destroyed": state.destroyed_at().map(|time| time.0),
        "destroyed_kept": session.replica.noted()?.iter().map(|(id, until)| json!({
            "id": id.to_string(), "until": until.0,
        })).collect::<Vec<_>>(),
        "charter": state.charter().map(|charter| json!({
            "version": charter.version(),
            "code": charter.code().to_string(),
        })),
        "me": people::me(&view, &me),
        "waiting": waiting(session)?.into_iter().map(|item| item.json).collect::<Vec<_>>(),
        "due": due,
        "moves": moving::pending(session)?,
        "renewals": renewal::near(session)?.iter().map(renewal::Renewal::json).collect::<Vec<_>>(),
        "shares": drill::share_rows(&view, session.env.now()),
        "restored": drill::restore_data(&view),
        "running": running,
        "server": opening::data(&view, tries),
        "delegations": delegation::live_data(&view, session.env.now()),
        "unrecorded": view.unrecorded().iter().map(|u| json!({
            "request": u.request, "ended": u.ended.0, "access": u.access,
        })).collect::<Vec<_>>(),
    }))
}

fn tell_status(session: &Session, reached: &Reached, tries: &Tries) -> Result<(), Failure> {
    let (out, me) = (&session.env.out, session.me());
    let texts = texts(session);
    let view = session.view(&texts)?;
    let (state, say) = (view.state, view.say);
    out.tell("status-organisation", &args! { name: view.organisation(), id: view::short(&state.id()) });
    out.tell("status-log", &args! { n: state.size(), time: say.time(state.last_time()) });
    if let Some(time) = state.destroyed_at() {
        out.tell("status-destroyed", &args! { time: say.time(time) });
    }
    let kept = session.replica.noted()?;
    if let Some(until) = kept.values().max() {
        out.tell("status-destroyed-kept", &args! { n: kept.len(), time: say.time(*until) });
    }
    match reached {
        Reached::Yes => out.tell("status-reachable", &args! { address: &session.contact.address }),
        Reached::No(failure) => {
            let (key, args) = trouble(session, failure)?;
            out.tell(key, &args);
        }
        Reached::Refused(_) => out.say("status-not-believed"),
    }
    if let Some(by) = clock_behind(session)? {
        out.tell("status-clock", &args! { by: say.duration(by) });
    }
    witnesses::tell_witnesses(session, reached, &view)?;
    match state.charter() {
        Some(charter) => {
            out.tell("status-charter", &args! { version: charter.version(), code: charter.code() });
        }
        None => out.say("status-no-charter"),
    }
    witnesses::tell_opens(out, &view);
    let standing = state.person(&me).map(|person| &person.standing);
    let args = args! { name: view.name(&me), roles: view.roles(state.roles(&me)) };
    match standing {
        Some(Standing::Admitted { .. }) => out.tell("status-me", &args),
        Some(Standing::Candidate(_)) => out.tell("status-me-candidate", &args),
        Some(Standing::Gone { .. }) | None => out.tell("status-me-gone", &args),
    }
    moving::tell_pending(session)?;
    let waiting = waiting(session)?;
    out.tell("status-waits", &args! { n: waiting.len() });
    waiting.iter().for_each(|item| out.tell("status-item", &args! { text: &item.text }));
    accounts::tell_due(out, &view);
    // What waits for this person was told above.
    let lines = [renewal::lines(session)?, drill::lines(&view, session.env.now())].concat();
    lines.iter().filter(|line| waiting.iter().all(|item| item.text != **line)).for_each(|line| out.line(line));
    accounts::tell_running(out, &view);
    let lines = [opening::lines(&view, tries), delegation::lines(&view, session.env.now())].concat();
    lines.iter().for_each(|line| out.line(line));
    witnesses::tell_unsafe(session)
}

/// How far this computer's clock lags behind what others signed, where that is more than the rules tolerate. A clock
/// that runs ahead shows only when the server refuses a command.
fn clock_behind(session: &Session) -> Result<Option<Seconds>, Failure> {
    let signed = session.cosignatures.iter().map(|c| Time(c.time())).max();
    let newest = signed.into_iter().chain([session.state()?.last_time()]).max();
    let now = session.env.now();
    Ok(newest.filter(|time| *time > now.after(CLOCK_TOLERANCE)).map(|time| now.until(time)))
}
