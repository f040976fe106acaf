//! What is to be done at targets: leases to be made and revoked, secrets to be changed, windows to be opened.
//!
//! | module | what it is for |
//! |---|---|
//! | `tidy` | what the log says is to do, and what the daemon asks for by itself |
//! | `window` | opens what was granted to the daemon |
//! | `lease` | makes a lease at its target, and takes it away |
//! | `rotation` | gives an account a new secret without ever losing one |
//! | `krl` | the lists of revoked SSH certificates that targets fetch |
//! | `target` | the connectors of what is open |
//!
//! The list is the log's ([`Organisation::work`]): nothing is remembered here that a restart could lose, except how
//! often something was tried. Every step is durable before the target is touched, its outcome is a further entry, and
//! whatever fails is tried again for ever, with pauses that grow from a second to an hour. This module must never give
//! up a revocation, hold up the writer, or call more often at once at a target than the configuration says.
//!
//! [`Organisation::work`]: crate::escrow::organisation::Organisation::work

pub mod krl;
mod lease;
mod rotation;
pub mod target;
mod tidy;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use self::krl::Lists;
pub(super) use self::lease::{Reach, reach};
use self::target::Connectors;
pub(super) use self::window::{CodesError, codes};
use super::writer::{Clock, WriteError, Writer};
use crate::escrow::id::{CredentialId, OrganisationId};
use crate::escrow::time::{Seconds, Time};
use crate::escrow::work::Work;
use crate::seal::secret::random_bytes;

/// Most things that are done at once, at all targets together.
const MAX_RUNNING: usize = 256;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How soon an organisation is looked at again that could not be.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// After so many failures it is an error in the technician's log, no longer a warning.
const LOUD: u32 = 3;

/// How one attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is in the log.
    Done,
    /// It waits for something that others put into the log; this is what for.
    Waits(&'static str),
    /// It is tried again after a pause.
    Failed(&'static str),
}

impl From<WriteError> for Outcome {
    fn from(error: WriteError) -> Self {
        tracing::info!(%error, "not written");
        match error {
            // The rules say why, in one word: what is left of the window is too short, say.
            WriteError::Refused(refusal) => Self::Failed(refusal.reason()),
            WriteError::Closing => Self::Waits("stopping"),
            _ => Self::Failed("storage"),
        }
    }
}

/// Something to do, by organisation.
type Key = (OrganisationId, Work);

/// How far something is.
#[derive(Debug, Clone)]
struct Item {
    credential: CredentialId,
    /// The entry that it comes of.
    index: u64,
    attempts: u32,
    failure: &'static str,
    next: Instant,
    next_time: Time,
    /// Tried again as soon as the log grows.
    waits: bool,
    running: bool,
    /// The log grew while it ran.
    stirred: bool,
}

/// What is to do, for those who ask. Clones share it.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<BTreeMap<Key, Item>>>);

/// Something to do, and how it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What.
    pub work: Work,
    /// The entry that it comes of: of a request, or of what asks for a rotation.
    pub index: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt came to nothing, in one word; empty: none did.
    pub failure: &'static str,
    /// When it is tried next.
    pub next: Time,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Item>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to do in an organisation.
    pub fn of(&self, organisation: &OrganisationId) -> Vec<Progress> {
        let items = self.lock();
        let its = items.iter().filter(|((whose, _), _)| whose == organisation);
        let progress = |((_, work), item): (&Key, &Item)| Progress {
            work: *work,
            index: item.index,
            attempts: item.attempts,
            failure: item.failure,
            next: item.next_time,
        };
        its.map(progress).collect()
    }
}

/// Does what is to do, until the daemon stops.
pub struct Runner {
    writer: Writer,
    connectors: Connectors,
    lists: Lists,
    board: Board,
    clock: Clock,
    tasks: JoinSet<Outcome>,
    running: BTreeMap<Id, Key>,
    /// Organisations that could not be looked at.
    again: BTreeMap<OrganisationId, Instant>,
}

impl Runner {
    /// A runner over what the writer says is to do.
    pub fn new(writer: Writer, connectors: Connectors, lists: Lists, board: Board, clock: Clock) -> Self {
        let (tasks, running, again) = (JoinSet::new(), BTreeMap::new(), BTreeMap::new());
        Self { writer, connectors, lists, board, clock, tasks, running, again }
    }

    /// Runs until `closing` holds true. Calls that are under way are cut off then: what they did is found out after the
    /// next start.
    pub async fn run(mut self, mut closing: watch::Receiver<bool>) {
        let pending = self.writer.pending().clone();
        // A failure is in the log; every lease and every revocation that needs a list tries again.
        tokio::select! {
            () = closed(&mut closing) => return,
            _ = self.lists.prepare(&self.writer) => {}
        }
        loop {
            let next = self.start_what_is_due();
            let sleep = tokio::time::sleep_until(next.into());
            tokio::select! {
                () = closed(&mut closing) => return,
                organisations = pending.take() => self.look_at(organisations).await,
                Some(finished) = self.tasks.join_next_with_id() => self.finish(finished),
                () = sleep => self.look_again().await,
            }
        }
    }

    async fn look_again(&mut self) {
        let now = Instant::now();
        let due: BTreeSet<OrganisationId> =
            self.again.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id).collect();
        self.again.retain(|id, _| !due.contains(id));
        self.look_at(due).await;
    }

    /// Reads what is to do in these organisations.
    async fn look_at(&mut self, organisations: BTreeSet<OrganisationId>) {
        for id in organisations {
            let opened = self.writer.opened().clone();
            match self.writer.at_desk(id, move |desk| tidy::tidy(desk, &opened)).await {
                Ok(list) => self.note(id, list),
                Err(error) => {
                    tracing::error!(organisation = ?id, %error, "what is to do at targets could not be read");
                    self.again.insert(id, Instant::now() + LOOK_AGAIN);
                }
            }
        }
        self.connectors.forget_closed(self.writer.opened());
    }

    fn note(&mut self, id: OrganisationId, list: Vec<tidy::ToDo>) {
        let (now, time) = (Instant::now(), (self.clock)());
        let mut items = self.board.lock();
        let wanted: BTreeSet<Work> = list.iter().map(|to_do| to_do.work).collect();
        items.retain(|(whose, work), item| *whose != id || item.running || wanted.contains(work));
        for tidy::ToDo { work, credential, index } in list {
            let new = Item {
                credential,
                index,
                attempts: 0,
                failure: "",
                next: now,
                next_time: time,
                waits: false,
                running: false,
                stirred: false,
            };
            let item = items.entry((id, work)).or_insert(new);
            item.stirred = item.running;
            if item.waits {
                (item.waits, item.next, item.next_time) = (false, now, time);
            }
        }
    }

    /// Starts what is due as far as there is room, and says when to look again.
    fn start_what_is_due(&mut self) -> Instant {
        let now = Instant::now();
        let mut next = self.again.values().copied().min().unwrap_or(now + LONGEST_PAUSE);
        let mut items = self.board.lock();
        let mut busy: BTreeMap<(OrganisationId, CredentialId), (usize, bool)> = BTreeMap::new();
        for (id, work) in self.running.values() {
            if let Some(item) = items.get(&(*id, *work)) {
                let (count, rotates) = busy.entry((*id, item.credential)).or_default();
                *count += 1;
                *rotates |= matches!(work, Work::Rotate(_));
            }
        }
        let requests: BTreeSet<(OrganisationId, u64)> =
            self.running.values().filter_map(|(id, work)| Some((*id, request_of(work)?))).collect();
        let mut requests = requests;
        for ((id, work), item) in items.iter_mut().filter(|(_, item)| !item.running && !item.waits) {
            if item.next > now {
                next = next.min(item.next);
                continue;
            }
            let (count, rotates) = busy.entry((*id, item.credential)).or_default();
            // A secret is not changed while somebody logs in with it.
            let alone = matches!(work, Work::Rotate(_));
            let room = *count < self.connectors.calls_per_target() && !*rotates && !(alone && *count > 0);
            let free = request_of(work).is_none_or(|request| !requests.contains(&(*id, request)));
            if self.running.len() >= MAX_RUNNING {
                break;
            }
            if !room || !free {
                // Somebody who finishes makes room, and this is looked at then.
                continue;
            }
            *count += 1;
            *rotates |= alone;
            requests.extend(request_of(work).map(|request| (*id, request)));
            (item.running, item.stirred) = (true, false);
            let key = (*id, *work);
            let (writer, connectors, lists) = (self.writer.clone(), self.connectors.clone(), self.lists.clone());
            let attempt = Attempt { writer, connectors, lists, id: *id };
            let handle = self.tasks.spawn(attempt.run(*work));
            self.running.insert(handle.id(), key);
        }
        next
    }

    fn finish(&mut self, finished: Result<(Id, Outcome), tokio::task::JoinError>) {
        let (id, outcome) = match finished {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => {
                tracing::error!("something failed inside while it was done at a target; it is tried again");
                (error.id(), Outcome::Failed("inside"))
            }
        };
        let Some(key) = self.running.remove(&id) else { return };
        let mut items = self.board.lock();
        let Some(item) = items.get_mut(&key) else { return };
        item.running = false;
        match outcome {
            Outcome::Done => drop(items.remove(&key)),
            // What it waits for may have come while it looked.
            Outcome::Waits(failure) => {
                (item.waits, item.failure, item.next) = (!item.stirred, failure, Instant::now())
            }
            Outcome::Failed(failure) => {
                item.attempts = item.attempts.saturating_add(1);
                item.failure = failure;
                let pause = pause(item.attempts);
                item.next = Instant::now() + pause;
                item.next_time = (self.clock)().after(Seconds(pause.as_secs()));
                let (attempts, pause) = (item.attempts, pause.as_secs());
                let (organisation, work) = key;
                match work {
                    Work::Revoke(request) if attempts >= LOUD => tracing::error!(
                        ?organisation,
                        request,
                        attempts,
                        failure,
                        pause,
                        "ACCESS HAS NOT ENDED: what was made for this request is still at its target"
                    ),
                    Work::Rotate(_) if attempts >= LOUD => tracing::error!(
                        ?organisation,
                        ?work,
                        attempts,
                        failure,
                        pause,
                        "a password change is not finished"
                    ),
                    _ => tracing::warn!(?organisation, ?work, attempts, failure, pause, "not done yet"),
                }
            }
        }
        // Something may have been found out to be wanted no more while it ran.
        drop(items);
        if matches!(outcome, Outcome::Failed(_)) {
            self.again.entry(key.0).or_insert_with(Instant::now);
        }
    }
}

/// Waits until the daemon stops.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the daemon is gone altogether.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// The request that something is about; for each, one thing at a time.
fn request_of(work: &Work) -> Option<u64> {
    match work {
        Work::Open(request) | Work::Mint(request) | Work::Revoke(request) => Some(*request),
        Work::Rotate(_) => None,
    }
}

/// How long to wait after so many failures: from a second, twice as long each time, up to an hour; a quarter more or
/// less, so that what failed together does not come back together.
fn pause(attempts: u32) -> Duration {
    let doubled =
        FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1).min(12)).unwrap_or(u32::MAX));
    let pause = doubled.min(LONGEST_PAUSE);
    // Without randomness they come back together, and that is all.
    let [jitter] = random_bytes::<1>().unwrap_or([128]);
    pause.mul_f64(0.75 + f64::from(jitter) / 510.0)
}

/// One attempt at something.
struct Attempt {
    writer: Writer,
    connectors: Connectors,
    lists: Lists,
    id: OrganisationId,
}

impl Attempt {
    async fn run(self, work: Work) -> Outcome {
        match work {
            Work::Open(request) => self.open(request).await,
            Work::Mint(request) => self.mint(request).await,
            Work::Revoke(request) => self.revoke(request).await,
            Work::Rotate(credential) => self.rotate(credential).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour_and_no_further() {
        for (attempts, seconds) in [(1, 1.0), (2, 2.0), (5, 16.0), (12, 2048.0), (13, 3600.0), (u32::MAX, 3600.0)] {
            let pause = pause(attempts).as_secs_f64();
            assert!((seconds * 0.75..=seconds * 1.26).contains(&pause), "{attempts}: {pause}");
        }
    }
}
