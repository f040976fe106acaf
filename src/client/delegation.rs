//! Standing rights: asking for one, putting it in force, ending it, and what there is.
//!
//! Of an account with a connector such a right is a rule, in force with the last agreement. Of one without, whoever
//! asked opens the password once and seals it under two layers: the server removes the outer one when the log says
//! that an access was taken, the other person's identity the inner one. The key of the outer layer is used only if
//! this log's key vouches for it.

use std::collections::BTreeMap;

use super::failure::{Exit, Failure};
use super::request::{
    BadShares, Filing, Keys, REQUEST_LIFE, accuse, collect, file, find_own, forward, open_parts, usual_parts,
};
use super::say::length;
use super::session::{Env, Session};
use super::status::{refresh, texts};
use super::view::{View, stage_name, until};
use crate::args;
use crate::escrow::act::RequestedPart;
use crate::escrow::delegation::{Delegation, DelegationEnd, Standing, wrapping_key_preimage};
use crate::escrow::id::{BlobId, CredentialId, PersonId};
use crate::escrow::key::{RecipientKey, Signature};
use crate::escrow::part::{PartId, PartKind, VersionId};
use crate::escrow::refusal::Refusal;
use crate::escrow::request::{Basis, Request, Stage};
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::window::Purpose;
use crate::proto::v1;
use crate::seal::delegation::{DelegatedContext, wrap};
use crate::seal::sealing::{PartContext, PartValue};

/// A standing right as it is asked for.
pub struct Wanted<'a> {
    /// The account.
    pub label: &'a str,
    /// For whom.
    pub to: &'a str,
    /// For how long, from now.
    pub lasts: Seconds,
    /// For how many accesses.
    pub uses: u32,
    /// Why.
    pub reason: &'a str,
    /// How long the request stays open.
    pub open_for: Seconds,
}

/// `sequestre delegate`.
#[derive(Debug, clap::Args)]
pub struct DelegateArgs {
    /// The account.
    #[arg(required_unless_present_any = ["finish", "end"], conflicts_with_all = ["finish", "end"])]
    pub label: Option<String>,
    /// For whom.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["finish", "end"])]
    pub to: Option<String>,
    /// For how long.
    #[arg(long = "for", value_name = "30d", required_unless_present_any = ["finish", "end"])]
    pub duration: Option<String>,
    /// For how many accesses.
    #[arg(long, value_name = "N", required_unless_present_any = ["finish", "end"], value_parser = clap::value_parser!(u32).range(1..))]
    pub uses: Option<u32>,
    /// Why.
    #[arg(long, required_unless_present = "finish")]
    pub reason: Option<String>,
    /// How long the request stays open.
    #[arg(long, value_name = "72h")]
    pub open_for: Option<String>,
    /// Put a granted right in force.
    #[arg(long, value_name = "ID", conflicts_with_all = ["to", "duration", "uses", "reason", "open_for", "end"])]
    pub finish: Option<u64>,
    /// End a right.
    #[arg(long, value_name = "ID", conflicts_with_all = ["to", "duration", "uses", "open_for"])]
    pub end: Option<u64>,
}

/// Does what the command line says.
pub async fn run(env: &Env, args: DelegateArgs) -> Result<(), Failure> {
    let DelegateArgs { label, to, duration, uses, reason, open_for, finish: finished, end: ended } = args;
    let reason = reason.unwrap_or_default();
    if let Some(id) = finished {
        return finish(env, id).await;
    }
    if let Some(id) = ended {
        return end(env, id, &reason).await;
    }
    let wanted = Wanted {
        label: label.as_deref().unwrap_or_default(),
        to: to.as_deref().unwrap_or_default(),
        lasts: length(duration.as_deref().unwrap_or_default())?,
        uses: uses.unwrap_or_default(),
        reason: &reason,
        open_for: open_for.map_or(Ok(REQUEST_LIFE), |text| length(&text))?,
    };
    delegate(env, &wanted).await
}

/// Asks for a standing right.
pub async fn delegate(env: &Env, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let reason = Text::parse(wanted.reason)?;
    let id = session.find_credential(wanted.label)?;
    let to = session.find_person(wanted.to)?;
    let state = session.state()?;
    let credential = state.credential(&id).ok_or(Refusal::CredentialUnknown)?;
    let (current, version) = credential.current().ok_or(Refusal::CredentialUnknown)?;
    let connected = version.connector.is_some();
    let vault = state.charter().and_then(|charter| charter.vault(&credential.vault));
    let longest = vault.map_or(Seconds::HOUR, |vault| vault.longest_lease);
    let ids = match connected {
        true => vec![state.current_part(&id, PartKind::Password).ok_or(Refusal::PartUnknown)?],
        false => usual_parts(credential, id, current)?,
    };
    let mut keys = Keys::default();
    let part = |part: PartId| Ok(RequestedPart { part, recipient: keys.add(part.kind)?, vouched: None });
    let parts = ids.into_iter().map(part).collect::<Result<Vec<_>, Failure>>()?;
    let expires = env.now().after(wanted.open_for);
    let path = if connected { None } else { keys.store(&mut session, expires)? };
    let standing = Standing { to, until: env.now().after(wanted.lasts), uses: wanted.uses };
    let filing = Filing {
        purpose: Purpose::Delegation,
        parts,
        reason,
        // Whoever asked needs it for as long as their computer takes to seal it.
        duration: Seconds(Seconds::HOUR.0.min(longest.0)),
        expires,
        standing: Some(standing),
        input: None,
    };
    let index = file(&mut session, &filing, path).await?;
    let (label, name) = (session.label_of(&id), session.name_of(&to));
    let args = args! {
        id: index, label: &label, to: &name, uses: wanted.uses, until: env.out.language().time(standing.until),
    };
    env.out.tell("delegate-done", &args);
    forward(&session, "delegate-forward", index, &filing)?;
    if !connected {
        env.out.tell("delegate-finish-later", &args! { id: index, to: name });
    }
    env.out.data(&serde_json::json!({
        "request": index, "label": label, "to": to.to_string(), "until": standing.until.0, "uses": wanted.uses,
        "expires": expires.0,
    }));
    Ok(())
}

/// Puts a granted right in force: opens the password, seals it for the other person, forgets it.
pub async fn finish(env: &Env, id: u64) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let request = find_own(&session, id)?;
    let standing = request.standing.ok_or(Refusal::DelegationUnknown)?;
    if request.connector.is_some() {
        return Err(Failure::new(Exit::Usage, "delegate-connector"));
    }
    // Before anything opens: it is of use only if it can be sealed.
    let (daemon, vouched) = wrapping_key(&mut session).await?;
    let (request, keys, blobs) = collect(&mut session, &request).await?;
    if !matches!(request.stage, Stage::Leased(_)) {
        return Err(super::failure::distrust("distrust-collected", None));
    }
    let mut bad = BadShares::new();
    let values = open_parts(&mut session, &request, &keys, &blobs, &mut bad);
    accuse(&mut session, &request, bad).await?;
    let (mut wrapped, mut sealed) = (Vec::new(), Vec::new());
    for (asked, (kind, value)) in request.parts.iter().zip(values?) {
        let blob = wrap_for(&session, &daemon, &standing.to, id, asked.part, &value)?;
        wrapped.push(v1::Wrapped { kind: kind as i32, sealed: BlobId::of(&blob).to_vec() });
        sealed.push(blob);
    }
    // By kind, as the rules want it; the request has them by version first.
    wrapped.sort_by_key(|w| w.kind);
    let act = v1::command::Act::Delegate(v1::Delegate {
        request_index: id,
        wrapped,
        daemon: Some(daemon.into()),
        vouched: Some(vouched.into()),
    });
    session.submit(act, sealed).await?;
    session.forget_keys(env.now())?;
    let (label, to) = (session.label_of(&request.version.credential), session.name_of(&standing.to));
    env.out.tell("delegate-finished", &args! { id: id, to: to, label: label });
    env.out.data(&serde_json::json!({ "delegation": id }));
    Ok(())
}

fn wrap_for(
    session: &Session,
    daemon: &RecipientKey,
    to: &PersonId,
    delegation: u64,
    part: PartId,
    value: &PartValue,
) -> Result<Vec<u8>, Failure> {
    let delegate = session.state()?.person(to).ok_or(Refusal::DelegationTerms)?.keys.recipient;
    let part = PartContext { organisation: session.folder.id, part };
    wrap(daemon, &delegate, &DelegatedContext { part, delegation }, value).map_err(Failure::technical)
}

/// The server's key for outer layers, which this log's key must vouch for.
async fn wrapping_key(session: &mut Session) -> Result<(RecipientKey, Signature), Failure> {
    let organisation = session.folder.id;
    let (key, vouched) = session.remote().await?.wrapping_key(organisation).await?;
    let preimage = wrapping_key_preimage(&organisation, &key);
    match session.state()?.log_key().verify(&preimage, &vouched) {
        Ok(()) => Ok((key, vouched)),
        Err(bad) => Err(Failure::from(Refusal::NotVouched).because(bad)),
    }
}

/// Standing rights that go on with a new version: each is sealed anew. Gives what the deposit says of them, and the
/// blobs.
pub(super) async fn rewrapped(
    session: &mut Session,
    version: &VersionId,
    parts: &BTreeMap<PartKind, PartValue>,
    connected: bool,
) -> Result<(Vec<v1::Rewrapped>, Vec<Vec<u8>>), Failure> {
    let going_on: Vec<Delegation> = going_on(session, &version.credential, parts, connected)?;
    if going_on.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let daemon = if connected { None } else { Some(wrapping_key(session).await?.0) };
    let (mut all, mut blobs) = (Vec::new(), Vec::new());
    for delegation in going_on {
        let mut wrapped = Vec::new();
        for (part, _) in &delegation.wrapped {
            let (Some(daemon), Some(value)) = (&daemon, parts.get(&part.kind)) else { continue };
            let part = PartId { version: *version, kind: part.kind };
            let blob = wrap_for(session, daemon, &delegation.standing.to, delegation.index, part, value)?;
            wrapped.push(v1::Wrapped { kind: part.kind as i32, sealed: BlobId::of(&blob).to_vec() });
            blobs.push(blob);
        }
        wrapped.sort_by_key(|w| w.kind);
        all.push(v1::Rewrapped { delegation_index: delegation.index, wrapped });
    }
    all.sort_by_key(|r| r.delegation_index);
    Ok((all, blobs))
}

/// The live standing rights of an account that can go on with a version of this sort.
fn going_on(
    session: &Session,
    id: &CredentialId,
    parts: &BTreeMap<PartKind, PartValue>,
    connected: bool,
) -> Result<Vec<Delegation>, Failure> {
    let now = session.env.now();
    let live = session.state()?.delegations().filter(|d| d.version.credential == *id && d.is_live(now));
    // What is carried over cannot be sealed anew without being opened.
    let sealed_anew = |d: &&Delegation| d.wrapped.iter().all(|(part, _)| parts.contains_key(&part.kind));
    Ok(live.filter(|d| d.connector.is_some() == connected).filter(sealed_anew).cloned().collect())
}

/// The live standing rights of an account, in words.
pub(super) fn live(session: &Session, id: &CredentialId) -> Result<Vec<(u64, String)>, Failure> {
    let now = session.env.now();
    let live = session.state()?.delegations().filter(|d| d.version.credential == *id && d.is_live(now));
    Ok(live.map(|d| (d.index, format!("{} ({})", d.index, session.name_of(&d.standing.to)))).collect())
}

/// Ends a standing right.
pub async fn end(env: &Env, id: u64, reason: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let delegation = session.state()?.delegation(id).ok_or(Refusal::DelegationUnknown)?;
    let name = session.name_of(&delegation.standing.to);
    let label = session.label_of(&delegation.version.credential);
    env.unlock.confirm(&env.out, "ask-delegate-end", &args! { id: id, name: &name, label: label }, "--yes")?;
    let (reason, blob) = session.text(&Text::parse(reason)?)?;
    let act = v1::EndDelegation { delegation_index: id, reason: reason.to_vec() };
    session.submit(v1::command::Act::EndDelegation(act), vec![blob]).await?;
    env.out.tell("delegate-ended", &args! { id: id, name: &name });
    let mut runs = Vec::new();
    for request in session.state()?.live_requests() {
        if !request.grant().is_some_and(|grant| matches!(grant.basis(), Basis::Delegation(by) if *by == id)) {
            continue;
        }
        let index = request.at.index;
        let until = env.out.language().time(until(request));
        env.out.tell("delegate-ended-runs", &args! { id: index, name: &name, until: until });
        runs.push(index);
    }
    env.out.data(&serde_json::json!({ "ended": id, "accesses": runs }));
    Ok(())
}

/// The table of standing rights, and of those that are asked for; those that are over only with `all`.
pub async fn delegations(env: &Env, all: bool) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let texts = texts(&session);
    let view = session.view(&texts)?;
    let now = env.now();
    let mut table = Vec::new();
    for delegation in view.state.delegations().filter(|d| all || d.is_live(now)) {
        env.out.data(&data(&view, delegation, now));
        table.push(vec![
            delegation.index.to_string(),
            view.label(&delegation.version.credential),
            view.name(&delegation.standing.to),
            view.name(&delegation.asked_by),
            delegation.left().to_string(),
            view.say.time(delegation.standing.until),
            stands(&view, delegation, now),
        ]);
    }
    for request in view.state.live_requests() {
        let Some(standing) = request.standing else { continue };
        env.out.data(&asked_data(&view, request, &standing));
        table.push(vec![
            request.at.index.to_string(),
            view.label(&request.version.credential),
            view.name(&standing.to),
            view.name(&request.requester),
            standing.uses.to_string(),
            view.say.time(standing.until),
            match to_finish(request) {
                true => view.say.with("delegate-to-finish", &args! { name: view.name(&request.requester) }),
                false => view.stage(request),
            },
        ]);
    }
    if table.is_empty() {
        env.out.say("delegate-none");
        return reached.end();
    }
    let heads = [
        "delegate-head-id",
        "status-head-label",
        "delegate-head-to",
        "delegate-head-by",
        "delegate-head-left",
        "status-head-until",
        "delegate-head-state",
    ];
    env.out.table(&heads, table);
    reached.end()
}

/// Where a standing right stands.
fn stands(view: &View<'_>, delegation: &Delegation, now: Time) -> String {
    let key = match &delegation.ended {
        Some((_, DelegationEnd::Ended(person))) => {
            return view.say.with("delegate-over-ended", &args! { name: view.name(person) });
        }
        Some((_, end)) => end_key(end),
        None if delegation.is_live(now) => "delegate-live",
        None => "delegate-over-time",
    };
    view.say.plain(key)
}

fn end_key(end: &DelegationEnd) -> &'static str {
    match end {
        DelegationEnd::Expired | DelegationEnd::Ended(_) => "delegate-over-time",
        DelegationEnd::Used => "delegate-over-uses",
        DelegationEnd::DelegateLeft => "delegate-over-left",
        DelegationEnd::Replaced => "delegate-over-version",
        DelegationEnd::Moved => "delegate-over-moved",
        DelegationEnd::Destroyed => "delegate-over-destroyed",
    }
}

/// A standing right for programs.
fn data(view: &View<'_>, delegation: &Delegation, now: Time) -> serde_json::Value {
    serde_json::json!({
        "delegation": delegation.index, "label": view.label(&delegation.version.credential),
        "to": delegation.standing.to.to_string(), "name": view.name(&delegation.standing.to),
        "asked_by": delegation.asked_by.to_string(), "uses": delegation.standing.uses, "left": delegation.left(),
        "until": delegation.standing.until.0, "live": delegation.is_live(now),
        "ended": delegation.ended.map(|(at, _)| at.0),
    })
}

/// One that is asked for and not in force, for programs.
fn asked_data(view: &View<'_>, request: &Request, standing: &Standing) -> serde_json::Value {
    serde_json::json!({
        "request": request.at.index, "label": view.label(&request.version.credential),
        "to": standing.to.to_string(), "name": view.name(&standing.to), "asked_by": request.requester.to_string(),
        "uses": standing.uses, "until": standing.until.0, "live": false, "state": stage_name(&request.stage),
    })
}

/// The live ones, for programs.
pub(super) fn live_data(view: &View<'_>, now: Time) -> Vec<serde_json::Value> {
    view.state.delegations().filter(|d| d.is_live(now)).map(|d| data(view, d, now)).collect()
}

/// The live ones, a line each.
pub(super) fn lines(view: &View<'_>, now: Time) -> Vec<String> {
    let line = |delegation: &Delegation| {
        let args = args! {
            id: delegation.index, name: view.name(&delegation.standing.to),
            label: view.label(&delegation.version.credential), left: delegation.left(),
            until: view.say.time(delegation.standing.until),
        };
        view.say.with("open-delegation", &args)
    };
    view.state.delegations().filter(|d| d.is_live(now)).map(line).collect()
}

/// Whether a request of somebody's waits for their own computer to put the right in force.
pub(super) fn to_finish(request: &Request) -> bool {
    let stands = matches!(request.stage, Stage::Granted(_) | Stage::Leased(_));
    request.purpose == Purpose::Delegation && request.connector.is_none() && stands
}
