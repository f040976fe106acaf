//! Reads from the log what is to do, and puts into it what only the daemon can know: that keys are gone.
//!
//! Runs in the writer's thread whenever a log grew in which there is something to do, and once after the start. What
//! was open when the daemon stopped is closed then, and the daemon asks by itself for what it was agreed to, and for
//! what a revocation needs.

use std::collections::BTreeMap;

use crate::daemon::opened::Opened;
use crate::daemon::writer::{Desk, WriteError};
use crate::escrow::act::RequestedPart;
use crate::escrow::entry::DaemonAct;
use crate::escrow::id::CredentialId;
use crate::escrow::organisation::Organisation;
use crate::escrow::request::{Request, Stage};
use crate::escrow::time::{Seconds, Time};
use crate::escrow::window::{LONGEST_ERRAND, Purpose, UnsealFiled, opening_key_preimage};
use crate::escrow::work::Work;

/// How long people have to agree to what the daemon asks for.
const FILED_FOR: Seconds = Seconds(3 * Seconds::DAY.0);

/// Something that is to be done.
pub(super) struct ToDo {
    pub work: Work,
    /// The account that it is about.
    pub credential: CredentialId,
    /// The entry that it comes of.
    pub index: u64,
}

/// Everything that is to do.
pub(super) fn tidy(desk: &mut Desk<'_, '_>, opened: &Opened) -> Result<Vec<ToDo>, WriteError> {
    let now = desk.now()?;
    for (request, rest) in close_lost(desk, opened, now)? {
        if let Some((credential, duration)) = rest {
            file(desk, opened, request, &credential, duration, now)?;
        }
    }
    for (request, credential) in stuck(desk.organisation()?) {
        file(desk, opened, request, &credential, LONGEST_ERRAND, now)?;
    }
    let organisation = desk.organisation()?;
    Ok(organisation.work().filter_map(|work| to_do(organisation, work)).collect())
}

fn to_do(organisation: &Organisation, work: Work) -> Option<ToDo> {
    let (credential, index) = match work {
        Work::Open(request) | Work::Mint(request) | Work::Revoke(request) => {
            (organisation.request(request)?.version.credential, request)
        }
        Work::Rotate(credential) => (credential, organisation.credential(&credential)?.rotation.as_ref()?.index),
    };
    Some(ToDo { work, credential, index })
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
fn stuck(organisation: &Organisation) -> Vec<(u64, CredentialId)> {
    let mut stuck: BTreeMap<CredentialId, u64> = BTreeMap::new();
    for ToDo { work, credential, index } in organisation.work().filter_map(|work| to_do(organisation, work)) {
        let account = organisation.credential(&credential);
        let staged = || account.and_then(|account| account.rotation.as_ref()).is_some_and(|r| r.staged.is_some());
        // What was only asked for can wait until people open the account; what was begun cannot.
        if matches!(work, Work::Revoke(_)) || matches!(work, Work::Rotate(_)) && staged() {
            stuck.entry(credential).or_insert(index);
        }
    }
    let asked = |id: &CredentialId| {
        let unseals = |request: &Request| request.purpose == Purpose::Unseal && request.version.credential == *id;
        organisation.live_requests().any(unseals)
    };
    stuck.into_iter().filter(|(id, _)| !asked(id)).map(|(id, request)| (request, id)).collect()
}

/// Asks people to open an account to the daemon. What the rules do not allow is left: somebody sealed it, say.
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
