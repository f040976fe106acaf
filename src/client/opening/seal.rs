//! Closing what is open to the server, and what one trustee alone cannot close.
//!
//! One person's brake rests: whoever closed an account a short while ago cannot close it again when the others have
//! agreed anew. That must never look like success: what stays open is named, and the exit code says so.

use serde::Serialize;

use super::open_to_server;
use crate::args;
use crate::client::failure::{Exit, Failure};
use crate::client::out::Out;
use crate::client::session::{Env, Session};
use crate::client::status::texts;
use crate::client::view::View;
use crate::escrow::charter::Charter;
use crate::escrow::id::PersonId;
use crate::escrow::request::{Request, Stage};
use crate::escrow::text::Text;
use crate::escrow::time::Time;
use crate::proto::v1;

/// Something that stays open to the server, or is about to be opened to it, although its trustee wanted it closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Stays {
    /// The request by which it is open.
    request: u64,
    /// What the account is called.
    label: String,
    /// Until when it is open, in POSIX seconds; nothing if the server has not opened it yet.
    until: Option<u64>,
    /// From when the same trustee can close it again, in POSIX seconds; nothing if they can now.
    closable_from: Option<u64>,
    /// Trustees who can close it now: ids.
    closable_by: Vec<String>,
}

impl Stays {
    fn of(view: &View<'_>, request: &Request, me: &PersonId, now: Time) -> (Self, String) {
        let until = match &request.stage {
            Stage::Leased(lease) => Some(lease.until()),
            _ => None,
        };
        let from = view.state.resting(me, request, now);
        let trustees = view.state.charter().map(Charter::trustees).into_iter().flatten();
        let others: Vec<&PersonId> =
            trustees.filter(|t| *t != me && view.state.resting(t, request, now).is_none()).collect();
        let label = view.label(&request.version.credential);
        let time = |time: Option<Time>| time.map(|time| view.say.time(time)).unwrap_or_default();
        let args = args! {
            id: request.at.index, label: &label, until: time(until), open: u8::from(until.is_some()),
            from: time(from), rests: u8::from(from.is_some()), n: others.len(), names: view.names(others.iter().copied()),
        };
        let stays = Self {
            request: request.at.index,
            label,
            until: until.map(|time| time.0),
            closable_from: from.map(|time| time.0),
            closable_by: others.iter().map(ToString::to_string).collect(),
        };
        (stays, view.say.with("seal-stays", &args))
    }
}

/// Closes all that is open to the server, and what was granted to be.
///
/// # Errors
/// Something stays open because it is not this trustee's turn to close it, among others.
pub async fn seal(env: &Env, reason: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let reason = Text::parse(reason)?;
    let (now, me) = (env.now(), session.me());
    let state = session.state()?;
    let (rests, open): (Vec<&Request>, Vec<&Request>) =
        open_to_server(state).partition(|request| state.resting(&me, request, now).is_some());
    if open.is_empty() && rests.is_empty() {
        env.out.say("seal-nothing");
        env.out.data(&serde_json::json!({ "sealed": [], "stays_open": [] }));
        return Ok(());
    }
    let labels: Vec<String> = open.iter().map(|request| session.label_of(&request.version.credential)).collect();
    let open: Vec<u64> = open.iter().map(|request| request.at.index).collect();
    if !open.is_empty() {
        env.unlock.confirm(&env.out, "ask-seal", &args! { list: labels.join(", ") }, "--yes")?;
        let (reason, blob) = session.text(&reason)?;
        let act = v1::command::Act::Seal(v1::Seal { reason: reason.to_vec() });
        session.submit(act, vec![blob]).await?;
        env.out.tell("seal-done", &args! { n: open.len() });
    }
    // Asked of the log as it is now: also what was granted while this was on its way.
    let stays = staying(&session, &env.out)?;
    env.out.data(&serde_json::json!({ "sealed": open, "stays_open": stays }));
    match stays.len() {
        0 => Ok(()),
        n => Err(Failure::new(Exit::Refused, "failed-seal-stays").with("n", n)),
    }
}

/// What is still open, told.
fn staying(session: &Session, out: &Out) -> Result<Vec<Stays>, Failure> {
    let (now, me) = (session.env.now(), session.me());
    let texts = texts(session);
    let view = session.view(&texts)?;
    let (stays, lines): (Vec<Stays>, Vec<String>) =
        open_to_server(view.state).map(|request| Stays::of(&view, request, &me, now)).unzip();
    out.lines(&lines);
    Ok(stays)
}
