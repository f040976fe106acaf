//! Asking: what is asked for, in which way, and to whom it opens.
//!
//! Somebody with a standing right takes an access by it. Of an account with a connector a login is made at the target;
//! else the parts open to whoever asks, except that the secret of one-time codes opens to the server, which shows codes
//! and gives the secret to nobody. Keys are durable here before the log names them: otherwise granted shares could be
//! lost.

use std::path::{Path, PathBuf};

use super::keys::{self, Keys};
use super::{Asking, USUAL_PARTS};
use crate::args;
use crate::client::connector::Connector;
use crate::client::consent::{agree_to_own, find_request};
use crate::client::failure::{Exit, Failure};
use crate::client::home;
use crate::client::session::Session;
use crate::client::status::texts;
use crate::client::view::INPUT;
use crate::escrow::act::RequestedPart;
use crate::escrow::credential::{Credential, Version};
use crate::escrow::delegation::Standing;
use crate::escrow::id::CredentialId;
use crate::escrow::key::{RecipientKey, Signature};
use crate::escrow::part::{PartId, PartKind, VersionId};
use crate::escrow::refusal::Refusal;
use crate::escrow::request::Stage;
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::window::Purpose;
use crate::proto::v1;

/// Longest file of a public key, in bytes: its comment is not told on.
const MAX_KEY_FILE: usize = 4096;

/// A request as it is about to be signed.
pub struct Filing {
    /// What for.
    pub purpose: Purpose,
    /// The parts with their recipients, in the log's order.
    pub parts: Vec<RequestedPart>,
    /// Why.
    pub reason: Text,
    /// How long.
    pub duration: Seconds,
    /// Until when approvals are accepted.
    pub expires: Time,
    /// With [`Purpose::Delegation`]: what is to be granted.
    pub standing: Option<Standing>,
    /// What the connector needs to know.
    pub input: Option<Text>,
}

/// Asks in the way that fits the account, and says so. Gives the request's number.
pub async fn ask(session: &mut Session, asking: &Asking) -> Result<u64, Failure> {
    let id = session.find_credential(&asking.label)?;
    let state = session.state()?;
    let credential = state.credential(&id).ok_or(Refusal::CredentialUnknown)?;
    let (current, version) = credential.current().ok_or(Refusal::CredentialUnknown)?;
    let connected = version.connector.is_some();
    // What is said of parts or of a version is about the sealed secret itself.
    let sealed = asking.how.secret || !asking.parts.is_empty() || asking.version.is_some();
    let odd = [
        (asking.how.secret && !connected, "secret"),
        (asking.how.ssh_key.is_some() && (!connected || sealed), "ssh-key"),
    ];
    if let Some((_, option)) = odd.into_iter().find(|(odd, _)| *odd) {
        return Err(option_failure("failed-only-for-connector", option, &asking.label));
    }
    if connected && sealed && !asking.how.secret {
        let option = if asking.parts.is_empty() { "of-version" } else { "part" };
        return Err(option_failure("failed-not-for-connector", option, &asking.label));
    }
    let input = match connected && !sealed {
        true => input(session, version, asking)?,
        false => None,
    };
    let now = session.env.now();
    let mine = state.delegations().find(|d| {
        let for_me = d.standing.to == session.me() && d.version.credential == id;
        for_me && d.connector == version.connector && d.is_live(now)
    });
    if let Some(delegation) = mine.filter(|_| !sealed && !asking.how.ask) {
        let index = delegation.index;
        return take(session, index, connected, asking, input).await;
    }
    match connected && !sealed {
        true => mint(session, VersionId { credential: id, version: current }, asking, input).await,
        false => open_parts(session, id, asking).await,
    }
}

fn option_failure(key: &str, option: &str, label: &str) -> Failure {
    Failure::new(Exit::Usage, key).with("option", option).with("label", label)
}

/// What the connector needs to know of whoever asks.
fn input(session: &Session, version: &Version, asking: &Asking) -> Result<Option<Text>, Failure> {
    let texts = texts(session);
    let connector = Connector::of(&session.view(&texts)?, version);
    match &asking.how.ssh_key {
        Some(path) => public_key(path).map(Some),
        None if connector.is_some_and(|c| c.settings.kind() == "ssh") => {
            Err(Failure::new(Exit::Usage, "failed-ssh-key-needed").with("label", &asking.label))
        }
        None => Ok(None),
    }
}

/// The line of an OpenSSH public key, without its comment, which may say more than others need to know. A private key
/// that was named by mistake must not come into the log.
fn public_key(path: &Path) -> Result<Text, Failure> {
    let bad = || Failure::new(Exit::Usage, "failed-ssh-key").with("path", path.display());
    let file = home::read(path)?;
    let text = std::str::from_utf8(&file).ok().filter(|text| text.len() <= MAX_KEY_FILE).ok_or_else(bad)?;
    let mut words = text.split_ascii_whitespace();
    let (Some(kind), Some(key)) = (words.next(), words.next()) else { return Err(bad()) };
    let kinds = ["ssh-ed25519", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "ssh-rsa"];
    let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    if !kinds.iter().any(|known| kind.starts_with(known)) || !key.starts_with("AAAA") || !key.bytes().all(base64) {
        return Err(bad());
    }
    let line = format!("{kind} {key}");
    // Longer ones are shown to nobody, and so agreed to by nobody.
    if line.len() > INPUT { Err(bad()) } else { Ok(Text::parse(&line)?) }
}

/// Takes an access by a standing right.
async fn take(
    session: &mut Session,
    delegation: u64,
    connected: bool,
    asking: &Asking,
    input: Option<Text>,
) -> Result<u64, Failure> {
    let reason = Text::parse(&asking.reason)?;
    let keys = connected.then(|| Keys::one(PartKind::Password)).transpose()?;
    let expires = session.env.now().after(asking.open_for).after(asking.duration);
    let path = keys.as_ref().map(|keys| keys.store(session, expires)).transpose()?.flatten();
    let (reason_id, blob) = session.text(&reason)?;
    let mut blobs = vec![blob];
    let input = input_blob(session, input, &mut blobs)?;
    let act = v1::command::Act::Take(v1::Take {
        delegation_index: delegation,
        reason: reason_id.to_vec(),
        duration: asking.duration.0,
        recipient: keys.as_ref().and_then(Keys::first).map(Into::into),
        input,
    });
    let index = send(session, act, blobs, path).await?;
    let left = session.state()?.delegation(delegation).map_or(0, |delegation| delegation.left());
    let out = &session.env.out;
    out.tell("delegate-left", &args! { id: delegation, left: left });
    out.tell(if connected { "request-granted-made" } else { "request-granted-at-once" }, &args! { id: index });
    out.data(&serde_json::json!({ "request": index, "label": asking.label, "delegation": delegation, "left": left }));
    Ok(index)
}

/// Asks for a login of one's own at the target.
async fn mint(
    session: &mut Session,
    version: VersionId,
    asking: &Asking,
    input: Option<Text>,
) -> Result<u64, Failure> {
    let credential = session.state()?.credential(&version.credential).ok_or(Refusal::CredentialUnknown)?;
    let dealt_with = credential.dealt_with(version.version, PartKind::Password).ok_or(Refusal::PartUnknown)?;
    let keys = Keys::one(PartKind::Password)?;
    let recipient = keys.first().ok_or(Refusal::PartUnknown)?;
    let part = PartId { version: VersionId { version: dealt_with, ..version }, kind: PartKind::Password };
    let parts = vec![RequestedPart { part, recipient, vouched: None }];
    let expires = session.env.now().after(asking.open_for);
    let path = keys.store(session, expires)?;
    let (reason, duration) = (Text::parse(&asking.reason)?, asking.duration);
    let filing = Filing { purpose: Purpose::Mint, parts, reason, duration, expires, standing: None, input };
    let index = file(session, &filing, path).await?;
    let label = session.label_of(&version.credential);
    let request = find_request(session, index)?;
    let granted = matches!(request.stage, Stage::Granted(_));
    let open = session.state()?.open_window(&version.credential).is_some();
    let out = &session.env.out;
    out.tell("request-done-mint", &args! { id: index, label: &label });
    match granted {
        true => out.tell("request-granted-made", &args! { id: index }),
        false => forward(session, "request-forward-mint", index, &filing)?,
    }
    if !open {
        out.tell("request-window-missing", &args! { label: &label });
    }
    let expires = request.expires.0;
    out.data(&serde_json::json!({ "request": index, "label": label, "expires": expires, "granted": granted }));
    Ok(index)
}

/// Asks that parts open: to whoever asks, and the secret of one-time codes to the server.
async fn open_parts(session: &mut Session, id: CredentialId, asking: &Asking) -> Result<u64, Failure> {
    let reason = Text::parse(&asking.reason)?;
    let ids = part_ids(session, id, asking)?;
    let to_server = |part: &PartId| part.kind == PartKind::TotpSecret && !asking.how.totp_to_me;
    let vouched = match ids.iter().filter(|part| to_server(part)).count() {
        0 => Vec::new(),
        _ => vouched_keys(session, 1).await?,
    };
    let mut vouched = vouched.into_iter();
    let (mut parts, mut keys) = (Vec::new(), Keys::default());
    for part in ids {
        let (recipient, vouched) = match to_server(&part) {
            true => vouched.next().map(|(key, signature)| (key, Some(signature))).ok_or(Refusal::PartUnknown)?,
            false => (keys.add(part.kind)?, None),
        };
        parts.push(RequestedPart { part, recipient, vouched });
    }
    let expires = session.env.now().after(asking.open_for);
    let path = keys.store(session, expires)?;
    let duration = asking.duration;
    let filing = Filing { purpose: Purpose::Lease, parts, reason, duration, expires, standing: None, input: None };
    let index = file(session, &filing, path).await?;
    let label = session.label_of(&id);
    let until = find_request(session, index)?.expires;
    let say = session.env.out.language();
    session.env.out.tell("request-done", &args! { id: index, label: &label, until: say.time(until) });
    forward(session, "request-forward", index, &filing)?;
    session.env.out.data(&serde_json::json!({ "request": index, "label": label, "expires": until.0 }));
    Ok(index)
}

/// The parts that are meant.
fn part_ids(session: &Session, id: CredentialId, asking: &Asking) -> Result<Vec<PartId>, Failure> {
    let credential = session.state()?.credential(&id).ok_or(Refusal::CredentialUnknown)?;
    let (current, _) = credential.current().ok_or(Refusal::CredentialUnknown)?;
    these_parts(credential, id, asking.version.unwrap_or(current), asking.parts.clone())
}

/// The parts that are asked for unless said otherwise.
pub(in crate::client) fn usual_parts(
    credential: &Credential,
    id: CredentialId,
    number: u32,
) -> Result<Vec<PartId>, Failure> {
    these_parts(credential, id, number, Vec::new())
}

/// Parts of a version, in the log's order: those that it carried over stand under the version that they were dealt
/// with.
fn these_parts(
    credential: &Credential,
    id: CredentialId,
    number: u32,
    mut kinds: Vec<PartKind>,
) -> Result<Vec<PartId>, Failure> {
    let version = credential.versions.get(&number).ok_or(Refusal::PartUnknown)?;
    if kinds.is_empty() {
        kinds = version.kinds().into_iter().filter(|kind| USUAL_PARTS.contains(kind)).collect();
    }
    if kinds.is_empty() {
        kinds = version.kinds().into_iter().collect();
    }
    kinds.sort();
    kinds.dedup();
    let part = |kind: PartKind| {
        let dealt_with = credential.dealt_with(number, kind).ok_or(Refusal::PartUnknown)?;
        Ok(PartId { version: VersionId { credential: id, version: dealt_with }, kind })
    };
    let mut parts = kinds.into_iter().map(part).collect::<Result<Vec<_>, Failure>>()?;
    parts.sort();
    Ok(parts)
}

/// Fresh keys of the daemon's memory.
pub(in crate::client) async fn vouched_keys(
    session: &mut Session,
    count: u32,
) -> Result<Vec<(RecipientKey, Signature)>, Failure> {
    let organisation = session.folder.id;
    session.remote().await?.opening_keys(organisation, count).await
}

fn input_blob(session: &Session, input: Option<Text>, blobs: &mut Vec<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    let Some(input) = input else { return Ok(Vec::new()) };
    let (id, blob) = session.text(&input)?;
    blobs.push(blob);
    Ok(id.to_vec())
}

/// Signs and sends a request. `keys` is where its keys lie: they go if it was certainly not sent.
pub(in crate::client) async fn file(
    session: &mut Session,
    filing: &Filing,
    keys: Option<PathBuf>,
) -> Result<u64, Failure> {
    let (reason, blob) = session.text(&filing.reason)?;
    let mut blobs = vec![blob];
    let input = input_blob(session, filing.input.clone(), &mut blobs)?;
    let state = session.state()?;
    let credential = filing.parts.first().and_then(|asked| state.credential(&asked.part.version.credential));
    let connected = credential.and_then(|c| c.current()).is_some_and(|(_, version)| version.connector.is_some());
    let shares = match filing.purpose {
        Purpose::Lease => true,
        Purpose::Delegation => !connected,
        // The server does not have the requester's share: they agree like everybody else.
        Purpose::Unseal | Purpose::Mint => false,
    };
    let act = v1::command::Act::Request(v1::Request {
        parts: filing.parts.iter().map(|asked| (*asked).into()).collect(),
        purpose: filing.purpose as i32,
        reason: reason.to_vec(),
        duration: filing.duration.0,
        expires: filing.expires.0,
        own_share: shares && state.own_share(&session.me(), &filing.parts),
        standing: filing.standing.map(|standing| v1::Standing {
            to: standing.to.to_vec(),
            until: standing.until.0,
            uses: standing.uses,
        }),
        input,
    });
    let index = send(session, act, blobs, keys).await?;
    agree_to_own(session, index).await?;
    Ok(index)
}

async fn send(
    session: &mut Session,
    act: v1::command::Act,
    blobs: Vec<Vec<u8>>,
    keys: Option<PathBuf>,
) -> Result<u64, Failure> {
    let signed = match session.sign(act) {
        Ok(signed) => signed,
        Err(failure) => {
            keys::remove(keys)?;
            return Err(failure);
        }
    };
    session.send(signed, blobs).await
}

/// Prints a text to forward to the trustees.
pub(in crate::client) fn forward(session: &Session, key: &str, index: u64, filing: &Filing) -> Result<(), Failure> {
    let say = session.env.out.language();
    let request = find_request(session, index)?;
    let standing = filing.standing;
    let args = args! {
        id: index, name: session.name_of(&session.me()), label: session.label_of(&request.version.credential),
        organisation: session.organisation_name(), duration: say.duration(filing.duration),
        reason: filing.reason.as_str(),
        until: say.time(standing.map_or(request.expires, |standing| standing.until)),
        to: standing.map(|standing| session.name_of(&standing.to)).unwrap_or_default(),
        uses: standing.map_or(0, |standing| standing.uses),
    };
    session.env.out.tell(key, &args);
    Ok(())
}
