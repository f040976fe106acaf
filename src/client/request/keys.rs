//! The keys of one's own requests: one for each part of each request, sealed to the identity, on the computer that
//! asked and nowhere else, until the request is over. They must never outlive what they open.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::client::failure::{Exit, Failure};
use crate::client::home;
use crate::client::session::Session;
use crate::escrow::act::RequestedPart;
use crate::escrow::key::RecipientKey;
use crate::escrow::made::AtTarget;
use crate::escrow::part::PartKind;
use crate::escrow::request::{Request, Stage};
use crate::escrow::time::{Seconds, Time};
use crate::seal::sealing::{open_with, seal_to};
use crate::seal::secret::{Secret, SecretWriter};
use crate::seal::sharing::MasterKey;

/// How long keys are kept beyond the time of their request: this computer's clock may be a little ahead.
const KEYS_SPARE: Seconds = Seconds::HOUR;

/// Keys that a request is about to name, by part.
#[derive(Default)]
pub struct Keys(Vec<(PartKind, MasterKey)>);

impl Keys {
    /// One key.
    pub fn one(kind: PartKind) -> Result<Self, Failure> {
        let mut keys = Self::default();
        keys.add(kind)?;
        Ok(keys)
    }

    /// Adds a fresh key for a part; gives what is sealed to.
    pub fn add(&mut self, kind: PartKind) -> Result<RecipientKey, Failure> {
        let key = MasterKey::generate().map_err(Failure::technical)?;
        let recipient = *key.recipient();
        self.0.push((kind, key));
        Ok(recipient)
    }

    /// What is sealed to for the first part.
    pub fn first(&self) -> Option<RecipientKey> {
        self.0.first().map(|(_, key)| *key.recipient())
    }

    /// Writes them down; gives where. Nothing if there is none.
    ///
    /// Eight bytes of expiry (POSIX seconds, big-endian), then the keys, sealed to the identity: what is no longer of
    /// use must be recognised without the passphrase.
    pub fn store(&self, session: &mut Session, expires: Time) -> Result<Option<PathBuf>, Failure> {
        let Some(first) = self.first() else { return Ok(None) };
        let mut text = SecretWriter::with_capacity(64 + self.0.len() * 128);
        for (kind, key) in &self.0 {
            // One line a key: name, space, age's own text form, so that `age` could use it.
            text.push(kind.as_str().as_bytes());
            text.push(b" ");
            text.push(key.to_age_text().expose());
            text.push(b"\n");
        }
        let recipient = session.identity()?.keys().recipient;
        let sealed = seal_to(&recipient, text.finish().expose()).map_err(Failure::technical)?;
        let path = path(session, &first);
        home::write(&path, &[expires.0.to_be_bytes().as_slice(), &sealed].concat())?;
        Ok(Some(path))
    }
}

/// Removes keys of a request that was certainly not sent.
pub fn remove(path: Option<PathBuf>) -> Result<(), Failure> {
    path.map_or(Ok(()), |path| home::remove(&path))
}

fn path(session: &Session, first: &RecipientKey) -> PathBuf {
    session.folder.join("keys").join(hex::encode(first.as_bytes()))
}

/// Where the keys of a request lie: under the first of them that is not the server's.
fn path_of(session: &Session, parts: &[RequestedPart]) -> Option<PathBuf> {
    let own = parts.iter().find(|asked| asked.vouched.is_none())?;
    Some(path(session, &own.recipient))
}

/// The keys of a request of ours, by part.
pub fn load(
    session: &mut Session,
    parts: &[RequestedPart],
) -> Result<Vec<(PartKind, age::x25519::Identity)>, Failure> {
    let Some(path) = path_of(session, parts) else { return Ok(Vec::new()) };
    let missing = || Failure::new(Exit::Failed, "failed-keys-missing");
    let file = home::read_if_there(&path)?.ok_or_else(missing)?;
    let (_, sealed) = file.split_first_chunk::<8>().ok_or_else(|| home::damaged(&path))?;
    let text: Secret = open_with(session.identity()?.age(), sealed).map_err(|e| home::damaged(&path).because(e))?;
    let mut keys = Vec::new();
    for line in text.expose_str().unwrap_or_default().lines() {
        let (name, key) = line.split_once(' ').ok_or_else(|| home::damaged(&path))?;
        let kind = PartKind::from_name(name).ok_or_else(|| home::damaged(&path))?;
        let key = key.parse::<age::x25519::Identity>().map_err(|_| home::damaged(&path))?;
        keys.push((kind, key));
    }
    Ok(keys)
}

impl Session {
    /// Deletes the keys of our requests that are over: what was collected cannot be opened again. Their time ends
    /// them, too: the server must not be able to keep them by not recording it. Keys of a request that is not in the
    /// log stay until the log is past its expiry, whatever the server answered: it may still come.
    pub fn forget_keys(&self, now: Time) -> Result<(), Failure> {
        let (me, state) = (self.me(), self.state()?);
        let now = now.before(KEYS_SPARE);
        let mine = || state.requests().values().filter(|r| r.requester == me);
        for request in mine().filter(|request| is_over(request, now)) {
            remove(path_of(self, &request.parts))?;
        }
        let logged: BTreeSet<PathBuf> = mine().filter_map(|r| path_of(self, &r.parts)).collect();
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
        // What is being made ends when the access does, however late it is made.
        Stage::Granted(_) if let Some(AtTarget::Started { until, .. }) = request.target => until <= now,
        // Not granted by its expiry, or not fetched by then: it never opens.
        Stage::Waiting | Stage::Granted(_) => request.expires <= now,
        Stage::Leased(lease) => !lease.collected() || lease.until() <= now,
        Stage::Ended { .. } => true,
    }
}
