//! Temporary access: asking, collecting, showing, giving back, ending.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::consent::{find_request, my_shares, share_context, wire_parts};
use super::failure::{Exit, Failure};
use super::home;
use super::session::{Env, Session};
use crate::args;
use crate::escrow::act::{RequestedPart, ShareVerdict};
use crate::escrow::id::{BlobId, PersonId};
use crate::escrow::part::{PartId, PartKind, VersionId};
use crate::escrow::refusal::Refusal;
use crate::escrow::request::{End, Request, Stage};
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::proto::v1;
use crate::seal::gathering::{Gathering, NoKey};
use crate::seal::sealing::{PartValue, open_part, open_with, seal_to};
use crate::seal::secret::Secret;
use crate::seal::sharing::MasterKey;

/// How long a request stays open unless said otherwise.
pub const REQUEST_LIFE: Seconds = Seconds(72 * Seconds::HOUR.0);

/// How long keys are kept beyond the time of their request: this computer's clock may be a little ahead.
const KEYS_SPARE: Seconds = Seconds::HOUR;

/// The parts asked for unless said otherwise: recovery codes are for the day when all else fails.
const USUAL_PARTS: [PartKind; 3] = [PartKind::Password, PartKind::TotpSecret, PartKind::Notes];

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
}

/// Asks for temporary access and prints a text to forward to the trustees.
pub async fn request(env: &Env, asking: Asking) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let reason = Text::parse(&asking.reason)?;
    let id = session.find_credential(&asking.label)?;
    let state = session.state()?;
    let credential = state.credential(&id).ok_or(Refusal::CredentialUnknown)?;
    let (current, _) = credential.current().ok_or(Refusal::CredentialUnknown)?;
    let number = asking.version.unwrap_or(current);
    let version = credential.versions.get(&number).ok_or(Refusal::PartUnknown)?;
    let mut kinds = asking.parts.clone();
    if kinds.is_empty() {
        kinds = version.kinds().into_iter().filter(|kind| USUAL_PARTS.contains(kind)).collect();
    }
    if kinds.is_empty() {
        kinds = version.kinds().into_iter().collect();
    }
    kinds.sort();
    kinds.dedup();
    let mut parts = Vec::new();
    let mut keys = Vec::new();
    for kind in kinds {
        let key = MasterKey::generate().map_err(Failure::technical)?;
        let dealt_with = credential.dealt_with(number, kind).ok_or(Refusal::PartUnknown)?;
        let part = PartId { version: VersionId { credential: id, version: dealt_with }, kind };
        parts.push(RequestedPart { part, recipient: *key.recipient(), vouched: None });
        keys.push((kind, key));
    }
    // In the log's order: parts that a new version carried over stand under the version that they were dealt with.
    parts.sort_by_key(|asked| asked.part);
    // The keys are durable before the request is: otherwise granted shares could be lost.
    let expires = env.now().after(asking.open_for);
    store_keys(&mut session, &parts, &keys, expires)?;
    let (reason_id, blob) = session.text(&reason)?;
    let act = v1::command::Act::Request(v1::Request {
        parts: wire_parts(&parts),
        purpose: v1::Purpose::Lease as i32,
        reason: reason_id.to_vec(),
        duration: asking.duration.0,
        expires: expires.0,
        own_share: session.state()?.own_share(&session.me(), &parts),
        standing: None,
        input: Vec::new(),
    });
    let signed = match session.sign(act) {
        Ok(signed) => signed,
        Err(failure) => {
            home::remove(&key_path(&session, &parts))?;
            return Err(failure);
        }
    };
    let index = session.send(signed, vec![blob]).await?;
    let say = env.out.language();
    let label = session.label_of(&id);
    let until = find_request(&session, index)?.expires;
    env.out.tell("request-done", &args! { id: index, label: &label, until: say.time(until) });
    env.out.tell(
        "request-forward",
        &args! {
            id: index, name: session.name_of(&session.me()), label: &label, organisation: session.organisation_name(),
            duration: say.duration(asking.duration), reason: reason.as_str(), until: say.time(until),
        },
    );
    env.out.data(&serde_json::json!({ "request": index, "label": label, "expires": until.0 }));
    Ok(())
}

fn key_path(session: &Session, parts: &[RequestedPart]) -> PathBuf {
    let name = parts.first().map(|p| hex::encode(p.recipient.as_bytes())).unwrap_or_default();
    session.folder.join("keys").join(name)
}

/// Eight bytes of expiry (POSIX seconds, big-endian), then the keys, sealed to the identity: what is no longer of use
/// must be recognised without the passphrase.
fn store_keys(
    session: &mut Session,
    parts: &[RequestedPart],
    keys: &[(PartKind, MasterKey)],
    expires: Time,
) -> Result<(), Failure> {
    let mut text = String::with_capacity(64 + keys.len() * 128);
    for (kind, key) in keys {
        // One line a key: name, space, age's own text form, so that `age` could use it.
        text.push_str(kind.as_str());
        text.push(' ');
        let secret = key.to_age_text();
        text.push_str(secret.expose_str().unwrap_or_default());
        text.push('\n');
    }
    let text = Secret::from_string(text);
    let recipient = session.identity()?.keys().recipient;
    let sealed = seal_to(&recipient, text.expose()).map_err(Failure::technical)?;
    home::write(&key_path(session, parts), &[expires.0.to_be_bytes().as_slice(), &sealed].concat())
}

/// The keys of a request of ours, by part.
fn load_keys(
    session: &mut Session,
    parts: &[RequestedPart],
) -> Result<Vec<(PartKind, age::x25519::Identity)>, Failure> {
    let path = key_path(session, parts);
    let missing = || Failure::new(Exit::Failed, "failed-keys-missing");
    let file = home::read_if_there(&path)?.ok_or_else(missing)?;
    let (_, sealed) = file.split_first_chunk::<8>().ok_or_else(|| home::damaged(&path))?;
    let text = open_with(session.identity()?.age(), sealed).map_err(|e| home::damaged(&path).because(e))?;
    let mut keys = Vec::new();
    for line in text.expose_str().unwrap_or_default().lines() {
        let (name, key) = line.split_once(' ').ok_or_else(|| home::damaged(&path))?;
        let kind = PartKind::from_name(name).ok_or_else(|| home::damaged(&path))?;
        let key = key.parse::<age::x25519::Identity>().map_err(|_| home::damaged(&path))?;
        keys.push((kind, key));
    }
    Ok(keys)
}

/// What an open request holds, for showing.
pub struct Opened {
    /// Values by part.
    pub values: Vec<(PartKind, PartValue)>,
    /// Until when.
    pub until: Time,
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
    if let Reveal::Clipboard(kind) = reveal {
        let wanted = opened.values.iter().find(|(k, _)| *k == kind);
        let (_, value) = wanted.ok_or(Refusal::PartUnknown)?;
        env.out.tell("show-head", &args! { label: label, left: left, until: say.time(opened.until) });
        return super::clipboard::lend(&env.out, &value.value);
    }
    if env.out.is_json() {
        let parts: serde_json::Map<String, serde_json::Value> =
            opened.values.iter().map(|(kind, value)| (kind.as_str().to_owned(), json_value(value))).collect();
        env.out.data(&serde_json::json!({ "request": id, "label": label, "until": opened.until.0, "parts": parts }));
        return Ok(());
    }
    env.out.tell("show-head", &args! { label: label, left: left, until: say.time(opened.until) });
    for (kind, value) in &opened.values {
        if let Some(name) = value.user_name.as_ref() {
            show_value(env, "part-user-name", name);
        }
        show_value(env, &format!("part-{}", kind.as_str()), &value.value);
    }
    env.out.say("show-foot");
    Ok(())
}

/// One value under its name. Further lines are set in, so that they cannot pass for ours.
fn show_value(env: &Env, name: &str, value: &Secret) {
    let name = env.out.language().plain(name) + &env.out.language().plain("colon");
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
    let request = find_request(session, id)?;
    if request.requester != session.me() {
        return Err(Refusal::NotYours.into());
    }
    let now = session.env.now();
    match &request.stage {
        Stage::Waiting => {
            let missing = missing(session, &request)?;
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
    let keys = load_keys(session, &request.parts)?;
    let organisation = session.folder.id;
    let blobs = session.remote().await?.collect(organisation, id).await?;
    session.sync().await?;
    let request = find_request(session, id)?;
    let Stage::Leased(lease) = &request.stage else {
        // The server handed out shares and did not log that it did.
        return Err(super::failure::distrust("distrust-collected", None));
    };
    let until = lease.until();
    let mut bad = BadShares::new();
    let values = open_parts(session, &request, &keys, &blobs, &mut bad);
    accuse(session, &request, bad).await?;
    Ok(Opened { values: values?, until })
}

/// Whose re-sealed shares were not usable: of which parts, and how.
type BadShares = BTreeMap<PersonId, (BTreeSet<PartKind>, ShareVerdict)>;

fn open_parts(
    session: &mut Session,
    request: &Request,
    keys: &[(PartKind, age::x25519::Identity)],
    blobs: &[Vec<u8>],
    bad: &mut BadShares,
) -> Result<Vec<(PartKind, PartValue)>, Failure> {
    let mut values = Vec::new();
    for (position, asked) in request.parts.iter().enumerate() {
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
async fn accuse(session: &mut Session, request: &Request, bad: BadShares) -> Result<(), Failure> {
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
            let credential = session.state().ok().and_then(|s| s.credential(&asked.part.version.credential));
            let dealt = credential.and_then(|c| c.versions.get(&asked.part.version.version));
            let name = dealt.map(|version| session.name_of(&version.depositor)).unwrap_or_default();
            Failure::new(Exit::Distrust, "failed-dealer").with("name", name)
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
    find_request(&session, id)?;
    session.submit(v1::command::Act::Return(v1::Return { request_index: id }), Vec::new()).await?;
    session.forget_keys(session.env.now())?;
    env.out.tell("return-done", &args! { id: id });
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

impl Session {
    /// Deletes the keys of our requests that are over: what was collected cannot be opened again. Their time ends
    /// them, too: the server must not be able to keep them by not recording it. Keys of a request that is not in the
    /// log stay until the log is past its expiry, whatever the server answered: it may still come.
    pub fn forget_keys(&self, now: Time) -> Result<(), Failure> {
        let (me, state) = (self.me(), self.state()?);
        let now = now.before(KEYS_SPARE);
        for request in state.requests().values().filter(|r| r.requester == me && is_over(r, now)) {
            home::remove(&key_path(self, &request.parts))?;
        }
        let mine = state.requests().values().filter(|r| r.requester == me);
        let logged: BTreeSet<PathBuf> = mine.map(|r| key_path(self, &r.parts)).collect();
        let folder = self.folder.join("keys");
        for entry in fs::read_dir(&folder).map_err(|e| Failure::io(&folder, e))? {
            let path = entry.map_err(|e| Failure::io(&folder, e))?.path();
            if logged.contains(&path) {
                continue;
            }
            let file = home::read(&path)?;
            let expires = file.first_chunk::<8>().map(|bytes| Time(u64::from_be_bytes(*bytes)));
            if expires.is_some_and(|expires| expires <= state.last_time()) {
                home::remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Whether a request cannot be opened any more at this time, whatever the server recorded.
fn is_over(request: &Request, now: Time) -> bool {
    match &request.stage {
        // Not granted by its expiry, or not fetched by then: it never opens.
        Stage::Waiting | Stage::Granted(_) => request.expires <= now,
        Stage::Leased(lease) => !lease.collected() || lease.until() <= now,
        Stage::Ended { .. } => true,
    }
}
