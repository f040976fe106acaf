//! Reads from the log what is to do, and puts into it what only the daemon can know: that keys are gone.
//!
//! Runs in the writer's thread whenever a log grew in which there is something to do, and once after the start. What
//! was open when the daemon stopped is closed then, and the daemon asks by itself for what it was agreed to, and for
//! what a revocation needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::queue::ToDo;
use super::target::Destination;
use crate::connect::settings::Settings;
use crate::daemon::opened::Opened;
use crate::daemon::writer::{Desk, WriteError};
use crate::escrow::act::RequestedPart;
use crate::escrow::entry::DaemonAct;
use crate::escrow::id::{BlobId, CredentialId};
use crate::escrow::organisation::Organisation;
use crate::escrow::request::{Request, Stage};
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::window::{LONGEST_ERRAND, Purpose, UnsealFiled, opening_key_preimage};
use crate::escrow::work::Work;

/// How long people have to agree to what the daemon asks for.
const FILED_FOR: Seconds = Seconds(3 * Seconds::DAY.0);

/// Most settings whose target is remembered.
const MAX_LANES: usize = 4096;

/// Where connectors lead, by their settings. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Lanes(Arc<Mutex<BTreeMap<BlobId, Destination>>>);

impl Lanes {
    fn of(&self, desk: &mut Desk<'_, '_>, settings: &BlobId) -> Result<Destination, WriteError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(destination) = known.get(settings) {
            return Ok(destination.clone());
        }
        let destination = match desk.blob(settings)? {
            Some(text) => destination(&text, *settings),
            // It is not remembered: somebody may bring it.
            None => return Ok(Destination::Unknown),
        };
        if known.len() >= MAX_LANES {
            known.clear();
        }
        known.insert(*settings, destination.clone());
        Ok(destination)
    }
}

fn destination(text: &[u8], settings: BlobId) -> Destination {
    let text = Text::from_blob(text, settings).ok();
    let settings = text.and_then(|text| Settings::parse(text.as_str()).ok());
    settings.map_or(Destination::Unknown, |settings| Destination::of(&settings))
}

/// Everything that is to do, and whether some of it waits for an account that is closed: then it is to be looked at again,
/// also if the log does not grow. People may not have been asked, or not deliver what they agreed to.
pub(super) fn tidy(desk: &mut Desk<'_, '_>, opened: &Opened, lanes: &Lanes) -> Result<(Vec<ToDo>, bool), WriteError> {
    let now = desk.now()?;
    for (request, rest) in close_lost(desk, opened, now)? {
        if let Some((credential, duration)) = rest {
            file(desk, opened, request, &credential, duration, now)?;
        }
    }
    for (request, credential) in stuck(desk, lanes, now)? {
        file(desk, opened, request, &credential, LONGEST_ERRAND, now)?;
    }
    let works: Vec<Pending> = pending(desk.organisation()?).collect();
    let mut list = Vec::with_capacity(works.len());
    for Pending { work, credential, index, settings } in works {
        let organisation = desk.organisation()?;
        let id = organisation.id();
        let window = organisation.open_window(&credential).map(|window| window.at.index);
        let window = window.filter(|window| opened.window((id, *window)).is_some());
        let destination = match settings.filter(|_| !matches!(work, Work::Open(_))) {
            Some(settings) => lanes.of(desk, &settings)?,
            None => Destination::Nowhere,
        };
        list.push(ToDo { work, credential, index, lane: destination.lane(id), window });
    }
    let closed =
        list.iter().any(|to_do| to_do.window.is_none() && !matches!(to_do.work, Work::Open(_) | Work::Mint(_)));
    Ok((list, closed))
}

/// Something that the log says is to be done.
struct Pending {
    work: Work,
    credential: CredentialId,
    /// The entry that it comes of.
    index: u64,
    /// The connector with which.
    settings: Option<BlobId>,
}

fn pending(organisation: &Organisation) -> impl Iterator<Item = Pending> {
    organisation.work().filter_map(|work| {
        let (credential, index, settings) = match work {
            Work::Open(request) | Work::Mint(request) | Work::Revoke(request) => {
                let asked = organisation.request(request)?;
                (asked.version.credential, request, asked.connector)
            }
            Work::Rotate(credential) => {
                let account = organisation.credential(&credential)?;
                (credential, account.rotation.as_ref()?.index, account.current()?.1.connector)
            }
        };
        Some(Pending { work, credential, index, settings })
    })
}

/// Closes what was opened, or was to open, to keys that are gone. Gives each such request; of windows also the account
/// and how much of the time was left.
#[expect(clippy::type_complexity, reason = "used once")]
fn close_lost(
    desk: &mut Desk<'_, '_>,
    opened: &Opened,
    now: Time,
) -> Result<Vec<(u64, Option<(CredentialId, Seconds)>)>, WriteError> {
    let organisation = desk.organisation()?;
    let ends = |request: &&Request| match (request.purpose, &request.stage) {
        (Purpose::Unseal, _) | (Purpose::Lease, Stage::Waiting) => true,
        // Access that was granted goes on, without codes.
        _ => false,
    };
    let lost = organisation.live_requests().filter(ends).filter(|request| !opened.serves(organisation, request));
    let lost: Vec<_> = lost
        .map(|request| {
            let left = match &request.stage {
                Stage::Leased(lease) => now.until(lease.until()),
                _ => request.duration,
            };
            let window = request.purpose == Purpose::Unseal;
            (request.at.index, window.then_some((request.version.credential, left)))
        })
        .collect();
    let mut closed = Vec::with_capacity(lost.len());
    for lost in lost {
        match desk.append(DaemonAct::Closed(lost.0), &[]) {
            Ok(_) => closed.push(lost),
            Err(WriteError::Refused(refusal)) => tracing::debug!(request = lost.0, %refusal, "it ends otherwise"),
            Err(error) => return Err(error),
        }
    }
    Ok(closed)
}

/// What waits for an account that is not open and that nobody was asked to open: the first of each account.
fn stuck(desk: &mut Desk<'_, '_>, lanes: &Lanes, now: Time) -> Result<Vec<(u64, CredentialId)>, WriteError> {
    let organisation = desk.organisation()?;
    let begun = |pending: &Pending| {
        let account = organisation.credential(&pending.credential);
        let staged = || account.and_then(|account| account.rotation.as_ref()).is_some_and(|r| r.staged.is_some());
        // What was only asked for can wait until people open the account; what was begun cannot.
        matches!(pending.work, Work::Revoke(_)) || matches!(pending.work, Work::Rotate(_)) && staged()
    };
    let asked: BTreeSet<CredentialId> = organisation
        .live_requests()
        .filter(|request| request.opens_soon(now))
        .map(|request| request.version.credential)
        .collect();
    let begun = pending(organisation).filter(begun).filter(|pending| !asked.contains(&pending.credential));
    let begun: Vec<Pending> = begun.collect();
    let mut stuck: BTreeMap<CredentialId, u64> = BTreeMap::new();
    for Pending { work, credential, index, settings } in begun {
        let destination = match settings {
            Some(settings) if !stuck.contains_key(&credential) => lanes.of(desk, &settings)?,
            _ => continue,
        };
        // A certificate is revoked without anything that is sealed.
        if !(matches!(destination, Destination::Nowhere) && matches!(work, Work::Revoke(_))) {
            stuck.insert(credential, index);
        }
    }
    Ok(stuck.into_iter().map(|(id, request)| (request, id)).collect())
}

/// Asks people to open an account to the daemon. What the rules do not allow is left: somebody sealed it, or people were
/// asked too often today.
fn file(
    desk: &mut Desk<'_, '_>,
    opened: &Opened,
    because: u64,
    credential: &CredentialId,
    duration: Seconds,
    now: Time,
) -> Result<(), WriteError> {
    let organisation = desk.organisation()?;
    let (id, parts) = (organisation.id(), organisation.window_parts(credential));
    let keys = match opened.make_keys(id, None, parts.len(), std::time::Instant::now()) {
        Ok(keys) => keys,
        Err(error) => {
            tracing::error!(organisation = ?id, %error, "the daemon cannot ask for what it needs");
            return Ok(());
        }
    };
    let recipients = keys.clone();
    let mut asked = Vec::with_capacity(parts.len());
    for (part, recipient) in parts.into_iter().zip(keys) {
        let vouched = Some(desk.sign(&opening_key_preimage(&id, &recipient))?);
        asked.push(RequestedPart { part, recipient, vouched });
    }
    let expires = now.after(FILED_FOR);
    let filed = UnsealFiled { because, parts: asked, duration, expires };
    match desk.append(DaemonAct::UnsealFiled(filed), &[]) {
        Ok(index) => {
            tracing::warn!(organisation = ?id, because, request = index, "people are asked to open an account again");
            Ok(())
        }
        Err(WriteError::Refused(refusal)) => {
            tracing::debug!(organisation = ?id, because, %refusal, "the daemon may not ask for this");
            opened.discard(recipients.iter());
            Ok(())
        }
        Err(error) => Err(error),
    }
}
