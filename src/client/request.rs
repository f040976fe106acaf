//! Temporary access: asking, collecting, showing, giving back, ending.

mod ask;
mod codes;
pub mod command;
mod exec;
mod keys;
mod libpq;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::consent::{find_request, my_shares, share_context};
use super::failure::{Exit, Failure};
use super::session::{Env, Session};
use crate::args;
use crate::escrow::act::{RequestedPart, ShareVerdict};
use crate::escrow::id::{BlobId, PersonId};
use crate::escrow::made::AtTarget;
use crate::escrow::part::PartKind;
use crate::escrow::refusal::Refusal;
use crate::escrow::request::{Basis, End, Request, Stage};
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::window::Purpose;
use crate::proto::v1;
use crate::seal::delegation::{DelegatedContext, unwrap_inner};
use crate::seal::gathering::{Gathering, NoKey};
use crate::seal::minted::{MintedContext, open_made};
use crate::seal::sealing::{PartValue, open_part};
use crate::seal::secret::Secret;
use crate::seal::sharing::MasterKey;

pub use codes::codes;
pub use exec::exec;
pub(super) use {
    ask::{Filing, file, forward, usual_parts, vouched_keys},
    keys::Keys,
};

/// How long a request stays open unless said otherwise.
pub const REQUEST_LIFE: Seconds = Seconds(72 * Seconds::HOUR.0);

/// The parts asked for unless said otherwise: recovery codes are for the day when all else fails.
const USUAL_PARTS: [PartKind; 3] = [PartKind::Password, PartKind::TotpSecret, PartKind::Notes];

/// The fields of what was made at a target that are its secret, the first that is there.
const SECRET_FIELDS: [&str; 3] = ["password", "token", "certificate"];

/// What a server answers that has not made a login yet.
const NOT_MADE: &str = "refused-not-made-yet";
/// How long it is waited for that.
const MAKING: Duration = Duration::from_secs(10);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is asked for.
pub struct Asking {
    /// The account's label.
    pub label: String,
    /// How long.
    pub duration: Seconds,
    /// Why.
    pub reason: String,
    /// Which parts; empty means the usual ones.
    pub parts: Vec<PartKind>,
    /// Which version, if not the current one: a newer one may hold nothing that works.
    pub version: Option<u32>,
    /// How long the request stays open.
    pub open_for: Seconds,
    /// In which way, where the account leaves a choice.
    pub how: Ways,
}

/// What is not asked for in the usual way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ways {
    /// Of an account with a connector, the administrator's secret itself.
    pub secret: bool,
    /// The secret of one-time codes opens to whoever asks.
    pub totp_to_me: bool,
    /// The trustees are asked although there is a standing right.
    pub ask: bool,
    /// The file of the public key to be certified.
    pub ssh_key: Option<PathBuf>,
}

/// Asks for temporary access and prints a text to forward to the trustees, if any has to agree.
pub async fn request(env: &Env, asking: Asking) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    ask::ask(&mut session, &asking).await?;
    Ok(())
}

/// What an open request holds, for showing.
pub struct Opened {
    /// Values by part.
    pub values: Vec<(PartKind, PartValue)>,
    /// What was made at the target, by the names of its fields.
    pub made: Vec<(String, Secret)>,
    /// Until when.
    pub until: Time,
}

impl Opened {
    /// The secret of a part; of something made at a target, what stands in the password's place.
    fn secret(&self, kind: PartKind) -> Option<&Secret> {
        let of_part = self.values.iter().find(|(k, _)| *k == kind).map(|(_, value)| &value.value);
        let made = |name: &&str| self.made.iter().find(|(n, _)| n == name).map(|(_, value)| value);
        let made = || SECRET_FIELDS.iter().find_map(made).filter(|_| kind == PartKind::Password);
        of_part.or_else(made)
    }
}

/// How `show` gives the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reveal {
    /// On the screen.
    Screen,
    /// Into the clipboard, for a short while.
    Clipboard(PartKind),
}

/// Shows what a granted request gives access to, with the time left. The first time starts the lease.
pub async fn show(env: &Env, id: u64, reveal: Reveal) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync().await?;
    let opened = open(&mut session, id).await?;
    let request = find_request(&session, id)?;
    let say = env.out.language();
    let left = say.duration(env.now().until(opened.until));
    let label = session.label_of(&request.version.credential);
    let head = args! { label: &label, left: left, until: say.time(opened.until) };
    // Nothing else of this association needs to wait for what follows.
    drop(session);
    if let Reveal::Clipboard(kind) = reveal {
        let secret = opened.secret(kind).ok_or(Refusal::PartUnknown)?;
        env.out.tell("show-head", &head);
        return super::clipboard::lend(&env.out, secret).await;
    }
    if env.out.is_json() {
        let parts: serde_json::Map<String, serde_json::Value> =
            opened.values.iter().map(|(kind, value)| (kind.as_str().to_owned(), json_value(value))).collect();
        let text = |value: &Secret| value.expose_str().map(str::to_owned).into();
        let made: serde_json::Map<String, serde_json::Value> =
            opened.made.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        env.out.data(&serde_json::json!({
            "request": id, "label": label, "until": opened.until.0, "parts": parts, "made": made,
        }));
        return Ok(());
    }
    env.out.tell("show-head", &head);
    for (kind, value) in &opened.values {
        if let Some(name) = value.user_name.as_ref() {
            show_value(env, &say.plain("part-user-name"), name);
        }
        show_value(env, &say.plain(&format!("part-{}", kind.as_str())), &value.value);
    }
    for (name, value) in &opened.made {
        // A newer server may have fields that have no name here.
        let known = say.find(&format!("made-{name}"), &args! {}).unwrap_or_else(|| name.clone());
        show_value(env, &known, value);
    }
    if has_codes(&request) {
        env.out.tell("show-codes-hint", &args! { id: id });
    }
    match opened.made.is_empty() {
        true => env.out.tell("show-foot", &args! { id: id }),
        false => env.out.tell("show-foot-made", &args! { id: id, until: say.time(opened.until) }),
    }
    Ok(())
}

/// Whether the server shows one-time codes while this access runs.
fn has_codes(request: &Request) -> bool {
    let shown = |asked: &RequestedPart| asked.part.kind == PartKind::TotpSecret && asked.vouched.is_some();
    request.purpose == Purpose::Lease && request.parts.iter().any(shown)
}

/// One value under its name. Further lines are set in, so that they cannot pass for ours.
fn show_value(env: &Env, name: &str, value: &Secret) {
    let name = name.to_owned() + &env.out.language().plain("colon");
    let text = value.expose_str().unwrap_or_default();
    for (row, line) in text.split('\n').enumerate() {
        match row {
            0 => env.out.line(&format!("  {name} {line}")),
            _ => env.out.line(&format!("    {line}")),
        }
    }
}

fn json_value(value: &PartValue) -> serde_json::Value {
    let text = |s: &Secret| s.expose_str().map(str::to_owned);
    match &value.user_name {
        Some(name) => serde_json::json!({ "user_name": text(name), "value": text(&value.value) }),
        None => serde_json::json!({ "value": text(&value.value) }),
    }
}

/// Collects, combines and opens.
pub async fn open(session: &mut Session, id: u64) -> Result<Opened, Failure> {
    let request = find_own(session, id)?;
    match request.purpose {
        Purpose::Lease | Purpose::Mint => {}
        Purpose::Unseal => return Err(Failure::new(Exit::Usage, "failed-opens-to-server").with("id", id)),
        Purpose::Delegation => return Err(Failure::new(Exit::Usage, "failed-is-delegation").with("id", id)),
    }
    let (request, keys, blobs) = collect(session, &request).await?;
    let Stage::Leased(lease) = &request.stage else {
        // The server handed something out and did not log that it did.
        return Err(super::failure::distrust("distrust-collected", None));
    };
    let until = lease.until();
    if request.purpose == Purpose::Mint {
        let made = open_what_was_made(session, &request, &keys, &blobs)?;
        return Ok(Opened { values: Vec::new(), made, until });
    }
    if let Basis::Delegation(delegation) = lease.grant().basis() {
        let values = open_wrapped(session, &request, *delegation, &blobs)?;
        return Ok(Opened { values, made: Vec::new(), until });
    }
    let mut bad = BadShares::new();
    let values = open_parts(session, &request, &keys, &blobs, &mut bad);
    accuse(session, &request, bad).await?;
    Ok(Opened { values: values?, made: Vec::new(), until })
}

/// A request of this person's.
pub(super) fn find_own(session: &Session, id: u64) -> Result<Request, Failure> {
    let request = find_request(session, id)?;
    if request.requester == session.me() { Ok(request) } else { Err(Refusal::NotYours.into()) }
}

/// Keys of a request of ours, by part.
type OwnKeys = Vec<(PartKind, age::x25519::Identity)>;

/// Fetches what a request of ours gives, if it gives anything; gives the request as the log has it then.
pub(super) async fn collect(
    session: &mut Session,
    request: &Request,
) -> Result<(Request, OwnKeys, Vec<Vec<u8>>), Failure> {
    let (now, id) = (session.env.now(), request.at.index);
    match &request.stage {
        Stage::Waiting => {
            let missing = missing(session, request)?;
            return Err(Failure::new(Exit::Refused, "failed-not-granted").with("missing", missing));
        }
        Stage::Granted(_) => {}
        Stage::Leased(lease) if now < lease.until() && lease.collected() => {}
        Stage::Leased(_) => return Err(Failure::new(Exit::Refused, "failed-access-over")),
        Stage::Ended { how, .. } => {
            let key = match how {
                End::Revoked(_) => "failed-access-revoked",
                End::Expired => "failed-request-expired",
                _ => "failed-access-over",
            };
            return Err(Failure::new(Exit::Refused, key));
        }
    }
    // Before collecting, because collecting starts the lease.
    let by_delegation = match &request.stage {
        Stage::Granted(grant) => matches!(grant.basis(), Basis::Delegation(_)),
        Stage::Leased(lease) => matches!(lease.grant().basis(), Basis::Delegation(_)),
        Stage::Waiting | Stage::Ended { .. } => false,
    };
    let keys = match by_delegation && request.purpose == Purpose::Lease {
        // What is wrapped for us opens with our identity.
        true => session.identity().map(|_| Vec::new())?,
        false => keys::load(session, &request.parts)?,
    };
    let organisation = session.folder.id;
    let progress = session.env.out.wait("progress-making");
    let begun = Instant::now();
    let blobs = loop {
        match session.remote().await?.collect(organisation, id).await {
            // The server makes it as soon as it is granted, which takes a moment.
            Err(failure) if failure.key() == NOT_MADE && begun.elapsed() < MAKING => sleep(LOOK_EVERY).await,
            collected => break collected?,
        }
    };
    drop(progress);
    session.sync().await?;
    Ok((find_request(session, id)?, keys, blobs))
}

/// Opens what a connector made for us.
fn open_what_was_made(
    session: &Session,
    request: &Request,
    keys: &[(PartKind, age::x25519::Identity)],
    blobs: &[Vec<u8>],
) -> Result<Vec<(String, Secret)>, Failure> {
    let Some(AtTarget::Made { sealed, .. }) = &request.target else {
        return Err(super::failure::distrust("distrust-collected", None));
    };
    let id = request.at.index;
    let bad = || Failure::new(Exit::Distrust, "failed-made-damaged").with("id", id);
    let blob = blobs.iter().find(|blob| BlobId::of(blob) == *sealed).ok_or_else(bad)?;
    let (_, key) = keys.first().ok_or_else(|| Failure::new(Exit::Failed, "failed-keys-missing"))?;
    let context = MintedContext { organisation: session.folder.id, request: id };
    Ok(open_made(key, &context, blob).map_err(|e| bad().because(e))?.fields)
}

/// Opens what was wrapped for us, of which the server removed its layer.
fn open_wrapped(
    session: &mut Session,
    request: &Request,
    delegation: u64,
    blobs: &[Vec<u8>],
) -> Result<Vec<(PartKind, PartValue)>, Failure> {
    let organisation = session.folder.id;
    let identity = session.identity()?;
    let mut values = Vec::new();
    for asked in &request.parts {
        let part = crate::seal::sealing::PartContext { organisation, part: asked.part };
        let context = DelegatedContext { part, delegation };
        let opened = blobs.iter().find_map(|blob| unwrap_inner(identity.age(), &context, blob).ok());
        let bad = || Failure::new(Exit::Distrust, "failed-made-damaged").with("id", request.at.index);
        values.push((asked.part.kind, opened.ok_or_else(bad)?));
    }
    Ok(values)
}

/// Whose re-sealed shares were not usable: of which parts, and how.
pub(super) type BadShares = BTreeMap<PersonId, (BTreeSet<PartKind>, ShareVerdict)>;

pub(super) fn open_parts(
    session: &mut Session,
    request: &Request,
    keys: &[(PartKind, age::x25519::Identity)],
    blobs: &[Vec<u8>],
    bad: &mut BadShares,
) -> Result<Vec<(PartKind, PartValue)>, Failure> {
    let mut values = Vec::new();
    for (position, asked) in request.parts.iter().enumerate().filter(|(_, asked)| asked.vouched.is_none()) {
        let key = keys.iter().find(|(kind, _)| *kind == asked.part.kind).map(|(_, key)| key);
        let key = key.ok_or_else(|| Failure::new(Exit::Failed, "failed-keys-missing"))?;
        let master = master_key(session, request, position, key, blobs, bad)?;
        let part = session.state()?.part(&asked.part).ok_or(Refusal::PartUnknown)?.part.clone();
        let sealed = blobs.iter().find(|b| BlobId::of(b) == part.sealed);
        let own = session.replica.blob(&part.sealed)?;
        let sealed = sealed.or(own.as_ref()).ok_or_else(|| Failure::new(Exit::Failed, "failed-sealed-missing"))?;
        let context = share_context(session, &asked.part)?;
        let value = open_part(&master, &context.part_context(), sealed).map_err(Failure::technical)?;
        values.push((asked.part.kind, value));
    }
    Ok(values)
}

/// Says in the log whose shares were bad, so that their own program looks again and a mediator can read it. What can
/// be opened is opened all the same: where the server does not take it, that is told and no more.
pub(super) async fn accuse(session: &mut Session, request: &Request, bad: BadShares) -> Result<(), Failure> {
    for (accused, (kinds, verdict)) in bad {
        let index = request.at.index;
        if session.state()?.request(index).is_none_or(|r| r.claims.contains_key(&accused)) {
            continue;
        }
        let act = v1::command::Act::Claim(v1::Claim {
            request_index: index,
            accused: accused.to_vec(),
            kinds: kinds.iter().map(|kind| *kind as i32).collect(),
            verdict: v1::ShareVerdict::from(verdict) as i32,
        });
        match session.submit(act, Vec::new()).await {
            Ok(_) => session.env.out.aside("show-accused", &args! { id: index, name: session.name_of(&accused) }),
            Err(failure) if failure.exit() == Exit::Distrust => return Err(failure),
            Err(failure) => session.env.out.failure(&failure),
        }
    }
    Ok(())
}

/// How many more approvals a request needs, at least.
pub fn missing(session: &Session, request: &Request) -> Result<usize, Failure> {
    Ok(super::view::missing(session.state()?, request))
}

/// Puts a part's master key together from what the approvers re-sealed, and our own shares if we hold any. Whose share
/// was not usable is noted, whether the others are enough or not.
fn master_key(
    session: &mut Session,
    request: &Request,
    position: usize,
    key: &age::x25519::Identity,
    blobs: &[Vec<u8>],
    bad: &mut BadShares,
) -> Result<MasterKey, Failure> {
    let Some(asked) = request.parts.get(position) else { return Err(Refusal::PartUnknown.into()) };
    let context = share_context(session, &asked.part)?;
    let own = if request.own_share { my_shares(session, &asked.part)? } else { Vec::new() };
    let part = session.state()?.part(&asked.part).ok_or(Refusal::PartUnknown)?.part.clone();
    let blobs = blobs.iter().map(|blob| (BlobId::of(blob), blob.clone())).collect();
    let approvals = &request.approvals;
    let gathering = Gathering { context, part: &part, position, approvals, blobs: &blobs };
    let gathered = gathering.combine(key, Some((session.me(), &own)));
    for (sender, verdict) in gathered.bad {
        bad.entry(sender).or_insert_with(|| (BTreeSet::new(), verdict)).0.insert(asked.part.kind);
    }
    gathered.key.map_err(|why| match why {
        NoKey::Dealer => {
            let state = session.state().ok();
            match state.and_then(|state| state.version(&asked.part.version)) {
                Some(dealt) if dealt.by_daemon => Failure::new(Exit::Distrust, "failed-dealer-server"),
                dealt => {
                    let name = dealt.map(|dealt| session.name_of(&dealt.depositor)).unwrap_or_default();
                    Failure::new(Exit::Distrust, "failed-dealer").with("name", name)
                }
            }
        }
        NoKey::NotEnough => Failure::new(Exit::Failed, "failed-shares-not-here"),
        NoKey::Bad(senders) => {
            let mut names: Vec<String> = senders.iter().map(|person| session.name_of(person)).collect();
            names.sort();
            Failure::new(Exit::Distrust, "failed-shares-bad").with("list", names.join(", "))
        }
    })
}

/// Gives access back early, or withdraws a request.
pub async fn give_back(env: &Env, id: u64) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let request = find_request(&session, id)?;
    session.submit(v1::command::Act::Return(v1::Return { request_index: id }), Vec::new()).await?;
    session.forget_keys(session.env.now())?;
    let key = match request.stage {
        _ if request.target.is_some() => "return-done-made",
        Stage::Leased(_) => "return-done",
        _ => "exec-taken-back",
    };
    env.out.tell(key, &args! { id: id });
    env.out.data(&serde_json::json!({ "returned": id }));
    Ok(())
}

/// Ends somebody's access.
pub async fn revoke(env: &Env, id: u64, reason: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    find_request(&session, id)?;
    let (reason, blob) = session.text(&Text::parse(reason)?)?;
    let act = v1::command::Act::Revoke(v1::Revoke { request_index: id, reason: reason.to_vec() });
    session.submit(act, vec![blob]).await?;
    env.out.tell("revoke-done", &args! { id: id });
    env.out.data(&serde_json::json!({ "revoked": id }));
    Ok(())
}
