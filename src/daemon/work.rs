//! What is to be done at targets: leases to be made and revoked, secrets to be changed, windows to be opened.
//!
//! | module | what it is for |
//! |---|---|
//! | `tidy` | what the log says is to do, and what the daemon asks for by itself |
//! | `window` | opens what was granted to the daemon |
//! | `lease` | makes a lease at its target, and takes it away |
//! | `rotation` | gives an account a new secret without ever losing one |
//! | `krl` | the lists of revoked SSH certificates that targets fetch |
//! | `late` | what may still take effect although nobody answered |
//! | `target` | the connectors of what is open |
//! | `queue` | who is next |
//!
//! The list is the log's ([`Organisation::work`]): nothing is remembered here that a restart could lose, except how
//! often something was tried. Every step is durable before the target is touched, its outcome is a further entry, and
//! whatever fails is tried again for ever, with pauses that grow from a second to an hour. This module must never give
//! up a revocation, hold up the writer, or call more often at once at a target than the configuration says.
//!
//! [`Organisation::work`]: crate::escrow::organisation::Organisation::work

pub mod krl;
mod late;
mod lease;
mod queue;
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
use self::late::Late;
pub(super) use self::lease::{Reach, reach};
use self::queue::{Key, Outcome, Queue, pause};
use self::target::Connectors;
use self::tidy::Lanes;
pub(super) use self::window::{CodesError, codes};
use super::writer::{Clock, WriteError, Writer};
use crate::escrow::id::OrganisationId;
use crate::escrow::refusal::Refusal;
use crate::escrow::time::Time;
use crate::escrow::work::Work;

/// After so many failures it is an error in the technician's log, no longer a warning.
const LOUD: u32 = 3;
/// How long a refusal of the rules is believed, if it does not say so itself and the log does not grow.
const BELIEVED: Duration = Duration::from_secs(60);
/// How soon is looked again where something waits for an account that is closed.
const ASK_AGAIN: Duration = Duration::from_secs(3600);
/// Reading one long list again and again is never more than this part of the time.
const READING: u32 = 20;

impl From<WriteError> for Outcome {
    fn from(error: WriteError) -> Self {
        tracing::info!(%error, "not written");
        match error {
            WriteError::Refused(refusal) => Self::refused(&refusal, None),
            WriteError::Closing => Self::Waits("stopping"),
            _ => Self::Failed("storage"),
        }
    }
}

impl Outcome {
    /// What the rules do not allow now is no failure: it waits for what they wait for.
    fn refused(refusal: &Refusal, now: Option<Time>) -> Self {
        let why = refusal.reason();
        match (refusal, now) {
            (Refusal::NotOpen | Refusal::WindowTooShort { .. }, _) => Self::NotOpen(why),
            (Refusal::CheckedOut { until }, Some(now)) => Self::Later(why, Duration::from_secs(now.until(*until).0)),
            _ => Self::Later(why, BELIEVED),
        }
    }
}

/// What is to do, for those who ask. Clones share it.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Queue>>);

/// Something to do, and how it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What.
    pub work: Work,
    /// The entry that it comes of: of a request, or of what asks for a rotation.
    pub index: u64,
    /// How often it was tried and failed.
    pub attempts: u32,
    /// Why the last attempt came to nothing, in one word; empty: none did.
    pub failure: &'static str,
    /// When it is tried next.
    pub next: Time,
}

impl Progress {
    /// Whether it failed so often that somebody should look.
    pub fn is_loud(&self) -> bool {
        self.attempts >= LOUD
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to do in an organisation.
    pub fn of(&self, organisation: &OrganisationId) -> Vec<Progress> {
        self.lock().progress(organisation).collect()
    }

    /// What is to do everywhere.
    pub fn all(&self) -> Vec<(OrganisationId, Progress)> {
        self.lock().all().map(|(id, progress)| (*id, progress)).collect()
    }
}

/// When an organisation that was looked at is looked at again.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    /// How often it could not be read.
    failures: u32,
}

/// Does what is to do, until the daemon stops.
pub struct Runner {
    writer: Writer,
    connectors: Connectors,
    lists: Lists,
    late: Late,
    lanes: Lanes,
    board: Board,
    clock: Clock,
    tasks: JoinSet<Outcome>,
    running: BTreeMap<Id, Key>,
    /// Organisations that are to be looked at, and from when on.
    looks: BTreeMap<OrganisationId, Look>,
    /// From when on those may be looked at that were a moment ago.
    rests: BTreeMap<OrganisationId, Instant>,
}

impl Runner {
    /// A runner over what the writer says is to do.
    pub fn new(writer: Writer, connectors: Connectors, lists: Lists, board: Board, clock: Clock) -> Self {
        Self {
            writer,
            connectors,
            lists,
            late: Late::new(Instant::now()),
            lanes: Lanes::default(),
            board,
            clock,
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            looks: BTreeMap::new(),
            rests: BTreeMap::new(),
        }
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
            self.start_what_is_due();
            let next = [self.board.lock().next(), self.looks.values().map(|look| look.at).min()];
            let sleep = async {
                match next.into_iter().flatten().min() {
                    Some(next) => tokio::time::sleep_until(next.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = closed(&mut closing) => return,
                organisations = pending.take() => self.stir(organisations),
                Some(finished) = self.tasks.join_next_with_id() => self.finish(finished),
                () = sleep => {}
            }
            // A long log may take a while to be read.
            tokio::select! {
                () = closed(&mut closing) => return,
                () = self.look() => {}
            }
        }
    }

    /// These organisations' logs grew.
    fn stir(&mut self, organisations: BTreeSet<OrganisationId>) {
        let now = Instant::now();
        self.rests.retain(|_, until| *until > now);
        for id in organisations {
            let at = self.rests.get(&id).copied().unwrap_or(now);
            // One that could not be read may be readable now; if it is not, it pauses longer than before.
            let look = self.looks.entry(id).or_insert(Look { at, failures: 0 });
            look.at = look.at.min(at);
        }
    }

    /// Reads what is to do in the organisations whose turn it is.
    async fn look(&mut self) {
        let now = Instant::now();
        let due: Vec<(OrganisationId, Look)> =
            self.looks.iter().filter(|(_, look)| look.at <= now).map(|(id, look)| (*id, *look)).collect();
        for (id, look) in &due {
            let (opened, lanes) = (self.writer.opened().clone(), self.lanes.clone());
            let read = self
                .writer
                .at_desk(*id, move |desk| {
                    let begun = Instant::now();
                    let list = tidy::tidy(desk, &opened, &lanes)?;
                    Ok((list, begun.elapsed()))
                })
                .await;
            match read {
                Ok(((list, closed), took)) => {
                    let now = Instant::now();
                    self.board.lock().note(*id, list, now, (self.clock)());
                    self.looks.remove(id);
                    if closed {
                        self.looks.insert(*id, Look { at: now + ASK_AGAIN, failures: 0 });
                    }
                    self.rests.insert(*id, now + took * READING);
                }
                Err(error) => {
                    let failures = look.failures.saturating_add(1);
                    let pause = pause(failures);
                    match error {
                        // Nothing can be done about it here, and the people know.
                        WriteError::NotMoved => tracing::debug!(organisation = ?id, "it waits for its move"),
                        error => tracing::error!(
                            organisation = ?id, %error, pause = pause.as_secs(),
                            "what is to do at targets could not be read"
                        ),
                    }
                    self.looks.insert(*id, Look { at: Instant::now() + pause, failures });
                }
            }
        }
        if !due.is_empty() {
            self.connectors.forget_closed(self.writer.opened());
        }
    }

    /// Starts what is due as far as there is room.
    fn start_what_is_due(&mut self) {
        let (now, calls) = (Instant::now(), self.connectors.calls_per_target());
        let mut queue = self.board.lock();
        while let Some((id, work)) = queue.start(now, calls) {
            let attempt = Attempt {
                writer: self.writer.clone(),
                connectors: self.connectors.clone(),
                lists: self.lists.clone(),
                late: self.late.clone(),
                id,
            };
            let handle = self.tasks.spawn(attempt.run(work));
            self.running.insert(handle.id(), (id, work));
        }
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
        let failed = self.board.lock().finish(&key, outcome, Instant::now(), (self.clock)());
        let (Some((attempts, pause)), Outcome::Failed(failure)) = (failed, outcome) else { return };
        let ((organisation, work), pause) = (key, pause.as_secs());
        match work {
            Work::Revoke(request) if attempts >= LOUD => tracing::error!(
                ?organisation,
                request,
                attempts,
                failure,
                pause,
                "ACCESS HAS NOT ENDED: what was made for this request is still at its target"
            ),
            Work::Rotate(_) if attempts >= LOUD => {
                tracing::error!(?organisation, ?work, attempts, failure, pause, "a password change is not finished")
            }
            _ => tracing::warn!(?organisation, ?work, attempts, failure, pause, "not done yet"),
        }
    }
}

/// Waits until the daemon stops.
async fn closed(closing: &mut watch::Receiver<bool>) {
    // An error means that the daemon is gone altogether.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// One attempt at something.
struct Attempt {
    writer: Writer,
    connectors: Connectors,
    lists: Lists,
    late: Late,
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
