//! The single writer: one thread that decides, applies and commits, for every organisation.
//!
//! Whatever waits becomes one *group*: decided one after the other in memory and in one transaction, committed once,
//! under one checkpoint per organisation. Nothing leaves before the commit: no reply, no notification. If the commit
//! fails, every job of the group is refused and the organisations that it touched are loaded again from the disk.
//!
//! An entry's time is the clock's, and never earlier than that of the entry before. After a clock that ran far ahead,
//! commands are refused as too old until the true time has caught up: nothing can be dated back.
//!
//! What is sent twice is answered twice: a command by its id, blobs by their content, a collection while its lease
//! runs. This module must never let an entry onto the log whose blobs it does not hold, hand out shares to anybody
//! but the requester, or say that something is kept before it is on the disk.

mod aside;
mod budget;
mod cache;
mod collect;
mod desk;
mod error;
mod group;
#[cfg(test)]
mod tests;
mod thread;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::callers::Changes;
use super::opened::Opened;
use crate::escrow::command::VerifiedCommand;
use crate::escrow::id::{OrganisationId, PersonId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::cosignature::Cosignature;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::text::{MAX_TEXT_BYTES, SALT_BYTES};
use crate::escrow::time::Time;
use crate::store::Store;
use crate::store::batch::Blob;
pub use desk::Desk;
pub use error::WriteError;

/// Longest blob, in bytes.
pub const MAX_BLOB_BYTES: usize = 256 * 1024;
/// Longest re-sealed share. An honest one has about 1 KiB; whoever collects must be able to take all of them at once.
pub const MAX_SHARE_BYTES: usize = 16 * 1024;
/// Longest blob that holds a text (a name, a label, a reason, an account sheet): what clients can read of one.
pub const MAX_TEXT_BLOB_BYTES: usize = SALT_BYTES + MAX_TEXT_BYTES;
/// Most blobs in one call.
pub const MAX_BLOBS: usize = 1024;
/// All blobs of one call together, in bytes.
pub const MAX_BLOBS_BYTES: usize = 4 << 20;
/// New blobs that one person may add to one organisation in a day (UTC), in bytes. The rules limit commands only, but
/// everything deposited stays on the server and with every trustee. A deposit has about 1 KiB per share.
pub const MAX_BLOBS_BYTES_PER_DAY: usize = 16 << 20;

/// Bytes that are hashed in some ten microseconds.
const NAMED_AT_ONCE: usize = 32 * 1024;

/// How much may wait to be written: jobs, and blobs by so many bytes each. Together at most 64 MiB of blobs.
const ROOM: usize = 1024;
const ROOM_UNIT: usize = 64 * 1024;
/// How long a job waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells the time; injected, so that tests decide it.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// What a requester collects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Re-sealed shares, all that were uploaded.
    pub shares: Vec<Vec<u8>>,
    /// In the request's order: the sealed secrets of the parts that open to the requester; or what was made at the
    /// target; or what only a delegate opens.
    pub sealed: Vec<Vec<u8>>,
}

/// A handle to the single writer; clones share it.
#[derive(Clone)]
pub struct Writer {
    jobs: Arc<mpsc::Sender<Queued>>,
    room: Arc<Semaphore>,
    sizes: Sizes,
    pending: Pending,
    opened: Opened,
    counts: Arc<Counts>,
    changes: Changes,
    coming: Coming,
}

/// How many commands are just being verified: the writer may wait for them a moment.
#[derive(Clone, Default)]
struct Coming(Arc<AtomicUsize>);

/// One of them, until it is dropped.
pub struct Announced(Coming);

impl Coming {
    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the thread counts.
#[derive(Default)]
struct Counts {
    entries: AtomicU64,
    failures: AtomicU64,
}

/// What was written since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Entries that were committed.
    pub entries: u64,
    /// Times that the disk refused: a group that was not kept, or what was deleted and could not be overwritten.
    pub failures: u64,
}

/// The writer's thread. Dropping this does not stop it: [`Writer::shutdown`] does.
pub struct WriterThread(JoinHandle<()>);

/// The sizes of all logs, for those who watch them.
#[derive(Clone, Default)]
struct Sizes(Arc<Mutex<HashMap<OrganisationId, watch::Sender<u64>>>>);

/// Organisations in which something may be to do at a target, or with what is open to the daemon, since somebody looked.
#[derive(Clone, Default)]
pub struct Pending(Arc<(Mutex<BTreeSet<OrganisationId>>, Notify)>);

type Reply<T> = oneshot::Sender<Result<T, WriteError>>;

/// A job with the room that it takes until it is done.
struct Queued {
    job: Job,
    room: Option<OwnedSemaphorePermit>,
}

impl Queued {
    /// How much of the room it takes.
    fn room(&self) -> usize {
        self.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

enum Job {
    Prepare {
        token: [u8; 32],
        reply: Reply<VerifyingKey>,
    },
    Submit {
        command: Box<VerifiedCommand>,
        blobs: Vec<Blob>,
        founding_token: Option<[u8; 32]>,
        reply: Reply<u64>,
    },
    PutBlobs {
        organisation: OrganisationId,
        person: PersonId,
        blobs: Vec<Blob>,
        reply: Reply<()>,
    },
    Cosign {
        cosignature: Cosignature,
        head: TreeHead,
        reply: Reply<()>,
    },
    Collect {
        organisation: OrganisationId,
        person: PersonId,
        request: u64,
        reply: Reply<Collected>,
    },
    /// What the daemon itself looks up or adds.
    Desk(Box<dyn desk::Errand>),
    /// A long log was read beside the thread.
    Read {
        id: OrganisationId,
        read: Box<aside::Read>,
    },
    Tick {
        reply: Reply<()>,
    },
    /// The last job.
    Stop {
        reply: Reply<()>,
    },
    /// What a test does to the store.
    #[cfg(test)]
    Store(Box<dyn FnOnce(&mut Store) + Send>),
}

impl Sizes {
    fn lock(&self) -> MutexGuard<'_, HashMap<OrganisationId, watch::Sender<u64>>> {
        // A map of senders cannot be half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The size of a log; 0 of an unknown one.
    fn size(&self, organisation: &OrganisationId) -> u64 {
        self.lock().get(organisation).map_or(0, |size| *size.borrow())
    }

    /// Tells a new size; gives the one before.
    fn announce(&self, organisation: OrganisationId, size: u64) -> u64 {
        self.lock().entry(organisation).or_insert_with(|| watch::Sender::new(0)).send_replace(size)
    }
}

impl Pending {
    fn add(&self, organisations: impl IntoIterator<Item = OrganisationId>) {
        let mut any = false;
        let mut set = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        for organisation in organisations {
            set.insert(organisation);
            any = true;
        }
        drop(set);
        if any {
            self.0.1.notify_one();
        }
    }

    /// Waits until there are some, and takes them.
    pub async fn take(&self) -> BTreeSet<OrganisationId> {
        loop {
            let taken = std::mem::take(&mut *self.0.0.lock().unwrap_or_else(PoisonError::into_inner));
            if !taken.is_empty() {
                return taken;
            }
            self.0.1.notified().await;
        }
    }
}

impl Writer {
    /// Starts the thread. What fell due while the daemon was away is appended at once.
    pub fn start(store: Store, clock: Clock) -> (Self, WriterThread) {
        let sizes = Sizes::default();
        match store.sizes() {
            Ok(known) => {
                for (organisation, size) in known {
                    sizes.announce(organisation, size);
                }
            }
            // Whoever watches hears of the next commit.
            Err(error) => tracing::error!(%error, "could not read the sizes of the logs"),
        }
        let (pending, opened, changes) = (Pending::default(), Opened::default(), Changes::default());
        let (jobs, queue) = mpsc::channel();
        let jobs = Arc::new(jobs);
        let aside = aside::Aside::new(store.loader(), Arc::downgrade(&jobs), sizes.clone());
        let counts = Arc::<Counts>::default();
        let shared = thread::Shared {
            sizes: sizes.clone(),
            pending: pending.clone(),
            opened: opened.clone(),
            counts: Arc::clone(&counts),
            changes: changes.clone(),
        };
        let thread = thread::Thread::new(store, clock, aside, shared);
        let coming = Coming::default();
        let expected = coming.clone();
        let thread = std::thread::spawn(move || thread.run(&queue, &expected));
        let room = Arc::new(Semaphore::new(ROOM));
        (Self { jobs, room, sizes, pending, opened, counts, changes, coming }, WriterThread(thread))
    }

    /// The log key for an organisation to be founded with this token; the same one until the token is used.
    pub async fn prepare_founding(&self, token: [u8; 32]) -> Result<VerifyingKey, WriteError> {
        self.ask(0, |reply| Job::Prepare { token, reply }).await
    }

    /// Says that a command is on its way, so that it can share a commit with those that are here already. Whoever is
    /// alone waits for nobody.
    pub fn announce(&self) -> Announced {
        self.coming.0.fetch_add(1, Ordering::Relaxed);
        Announced(self.coming.clone())
    }

    /// Puts a command on the log; gives its index, the same one if it stands there already. A genesis needs the token
    /// that permits the founding. Blobs that the command does not name are not kept.
    pub async fn submit(
        &self,
        command: VerifiedCommand,
        blobs: Vec<Bytes>,
        founding_token: Option<[u8; 32]>,
    ) -> Result<u64, WriteError> {
        let (blobs, bytes) = named(blobs).await?;
        let command = Box::new(command);
        self.ask(bytes, |reply| Job::Submit { command, blobs, founding_token, reply }).await
    }

    /// Takes re-sealed shares that an approval of this person in the log names, and live blobs that are missing here, of
    /// those that this person may read. Sent again, it changes nothing. Those that are awaited are kept even if others
    /// are not and [`WriteError::NotAwaited`] is returned.
    pub async fn put_blobs(
        &self,
        organisation: OrganisationId,
        person: PersonId,
        blobs: Vec<Bytes>,
    ) -> Result<(), WriteError> {
        let (blobs, bytes) = named(blobs).await?;
        self.ask(bytes, |reply| Job::PutBlobs { organisation, person, blobs, reply }).await
    }

    /// Takes a device's cosignature of a tree of this log. One older than what is kept changes nothing.
    pub async fn cosign(&self, cosignature: Cosignature, head: TreeHead) -> Result<(), WriteError> {
        self.ask(0, |reply| Job::Cosign { cosignature, head, reply }).await
    }

    /// Hands a granted request's shares to its requester, once enough of them for a quorum were uploaded. The first
    /// time, this starts the lease, which stands in the log before anything is handed out; while the lease runs it
    /// gives the same again, and what was uploaded since.
    pub async fn collect(
        &self,
        organisation: OrganisationId,
        person: PersonId,
        request: u64,
    ) -> Result<Collected, WriteError> {
        self.ask(0, |reply| Job::Collect { organisation, person, request, reply }).await
    }

    /// Runs an errand of the daemon's own on an organisation: it sees the state as it is then, and what it appends is in
    /// the log when this returns. It must be quick, everybody waits for it.
    pub async fn at_desk<T: Send + 'static>(
        &self,
        organisation: OrganisationId,
        errand: impl FnOnce(&mut Desk<'_, '_>) -> Result<T, WriteError> + Send + 'static,
    ) -> Result<T, WriteError> {
        self.ask(0, |reply| Job::Desk(desk::errand(organisation, errand, reply))).await
    }

    /// Where there may be something to do at targets; after the start, every organisation that had something then.
    pub fn pending(&self) -> &Pending {
        &self.pending
    }

    /// What is open to the daemon. The writer keeps it in line with the log.
    pub fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Every organisation with the size of its log.
    pub fn sizes(&self) -> Vec<(OrganisationId, u64)> {
        self.sizes.lock().iter().map(|(organisation, size)| (*organisation, *size.borrow())).collect()
    }

    /// What was written since the start.
    pub fn written(&self) -> Written {
        let Counts { entries, failures } = &*self.counts;
        Written { entries: entries.load(Ordering::Relaxed), failures: failures.load(Ordering::Relaxed) }
    }

    /// The count of changes of people's rights.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The size of a log: now, and after each commit that lets it grow. Of an unknown organisation: 0, for ever.
    pub fn subscribe(&self, organisation: &OrganisationId) -> watch::Receiver<u64> {
        match self.sizes.lock().get(organisation) {
            Some(size) => size.subscribe(),
            None => watch::channel(0).1,
        }
    }

    /// Returns once everything that is due by the clock is in the log. The thread looks by itself within a second;
    /// this is for those who moved an injected clock.
    pub async fn tick(&self) -> Result<(), WriteError> {
        self.ask(0, |reply| Job::Tick { reply }).await
    }

    /// Finishes what is queued and stops. Later calls are refused, and those that still wait for a long log.
    pub async fn shutdown(&self) {
        self.room.close();
        let (reply, done) = oneshot::channel();
        if self.jobs.send(Queued { job: Job::Stop { reply }, room: None }).is_ok() {
            // Either way the thread is done with it.
            let _ = done.await;
        }
    }

    /// Waits for room in the queue, then for the answer.
    async fn ask<T>(&self, bytes: usize, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, WriteError> {
        let room = u32::try_from(1 + bytes / ROOM_UNIT).unwrap_or(u32::MAX);
        let room = tokio::time::timeout(PATIENCE, Arc::clone(&self.room).acquire_many_owned(room));
        let room = room.await.map_err(|_| WriteError::Busy)?.map_err(|_| WriteError::Closing)?;
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Queued { job: job(reply), room: Some(room) }).map_err(|_| WriteError::Closing)?;
        answer.await.unwrap_or(Err(WriteError::Closing))
    }

    /// Lets a test do something to the store between two groups.
    #[cfg(test)]
    async fn with_store<T: Send + 'static>(&self, act: impl FnOnce(&mut Store) -> T + Send + 'static) -> T {
        let (reply, answer) = oneshot::channel();
        let job = Job::Store(Box::new(move |store| drop(reply.send(act(store)))));
        assert!(self.jobs.send(Queued { job, room: None }).is_ok());
        answer.await.unwrap()
    }
}

impl WriterThread {
    /// Waits, blocking, until the thread has ended; an error if it panicked.
    pub fn join(self) -> std::thread::Result<()> {
        self.0.join()
    }
}

/// Names blobs before they reach the writer, so that it does not have to hash them: many bytes on a thread for blocking
/// work, so that whoever sends them holds up nobody else.
async fn named(blobs: Vec<Bytes>) -> Result<(Vec<Blob>, usize), WriteError> {
    let bytes: usize = blobs.iter().map(Bytes::len).sum();
    if blobs.len() > MAX_BLOBS || bytes > MAX_BLOBS_BYTES || blobs.iter().any(|blob| blob.len() > MAX_BLOB_BYTES) {
        return Err(WriteError::BlobTooLarge);
    }
    let name = move || blobs.into_iter().map(Blob::new).collect();
    let named = match bytes <= NAMED_AT_ONCE {
        true => name(),
        // A blocking task is cancelled only when the process stops.
        false => tokio::task::spawn_blocking(name).await.map_err(|_| WriteError::Closing)?,
    };
    Ok((named, bytes))
}
