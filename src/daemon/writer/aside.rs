//! Long logs are read beside the thread: whoever writes to other organisations does not wait for them.
//!
//! While one is read, what is asked of its organisation waits here, in order, and nothing that is due is added to it: so
//! what was read is still what the disk has when it comes. This module must never run a job, lose one, or let a later
//! one of an organisation before an earlier one.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak, mpsc};
use std::thread::JoinHandle;

use super::cache::Cache;
use super::{Job, Queued, ROOM, Sizes, WriteError};
use crate::escrow::id::OrganisationId;
use crate::store::StoreError;
use crate::store::load::{Loaded, Loader};

/// Entries of a log that is read within a group: that takes about as long as a commit.
const SHORT: u64 = 256;
/// Logs that are read at the same time: each takes a processor, and memory.
const AT_ONCE: usize = 2;

/// How much of the room that all jobs share may wait for one log, and for all of them: what is beyond it is refused. The
/// daemon's own errands are few, and always wait.
pub(super) const ROOM_OF_ONE: usize = ROOM / 8;
const ROOM_OF_ALL: usize = ROOM / 2;

/// A log that was read, or why not.
pub(super) type Read = Result<Option<Loaded>, StoreError>;

/// Why a log cannot be used.
pub(super) enum Unusable {
    /// Its rows contradict themselves.
    Damaged,
    /// The disk, or what else reading takes.
    Now,
}

pub(super) struct Aside {
    loader: Loader,
    /// Where what was read goes: to the thread's own queue. As long as anybody can send it a job.
    jobs: Weak<mpsc::Sender<Queued>>,
    sizes: Sizes,
    /// What waits for each log that is read or is to be.
    waiting: BTreeMap<OrganisationId, Vec<Queued>>,
    /// Those of them that nobody reads yet, the one that waits longest first.
    unread: VecDeque<OrganisationId>,
    readers: BTreeMap<OrganisationId, JoinHandle<()>>,
}

impl Aside {
    pub fn new(loader: Loader, jobs: Weak<mpsc::Sender<Queued>>, sizes: Sizes) -> Self {
        let (waiting, unread, readers) = (BTreeMap::new(), VecDeque::new(), BTreeMap::new());
        Self { loader, jobs, sizes, waiting, unread, readers }
    }

    /// Whether this organisation's log has to be read beside the thread first; then it will be.
    pub fn holds(&mut self, id: OrganisationId, cache: &Cache) -> bool {
        if self.waiting.contains_key(&id) {
            return true;
        }
        let is_long = cache.peek(&id).is_none() && self.sizes.size(&id) > SHORT;
        if is_long {
            self.waiting.insert(id, Vec::new());
            self.unread.push_back(id);
        }
        is_long
    }

    /// Keeps the jobs that have to wait; the others can be run.
    pub fn sort(&mut self, queued: Vec<Queued>, cache: &Cache) -> Vec<Queued> {
        let mut ready = Vec::with_capacity(queued.len());
        for queued in queued {
            match queued.job.organisation() {
                Some(id) if self.holds(id, cache) => {
                    if self.has_room(&id, &queued) {
                        self.waiting.entry(id).or_default().push(queued);
                    } else {
                        queued.job.refuse(WriteError::Busy);
                    }
                }
                _ => ready.push(queued),
            }
        }
        ready
    }

    fn has_room(&self, id: &OrganisationId, queued: &Queued) -> bool {
        let taken = |waiting: &Vec<Queued>| waiting.iter().map(Queued::room).sum::<usize>();
        let of_one = self.waiting.get(id).map_or(0, taken) + queued.room();
        let of_all = self.waiting.values().map(taken).sum::<usize>() + queued.room();
        matches!(queued.job, Job::Desk(_)) || (of_one <= ROOM_OF_ONE && of_all <= ROOM_OF_ALL)
    }

    /// Begins to read, as far as there is room.
    pub fn begin(&mut self) {
        while self.readers.len() < AT_ONCE
            && let Some(id) = self.unread.pop_front()
        {
            let (loader, jobs) = (self.loader.clone(), Weak::clone(&self.jobs));
            let read = move || {
                // Whoever waits must hear of it in any case.
                let read = catch_unwind(AssertUnwindSafe(|| loader.load(id))).unwrap_or_else(|_| {
                    Err(StoreError::Corrupt { organisation: id, what: "reading it panicked".to_owned() })
                });
                if let Some(jobs) = jobs.upgrade() {
                    // The thread may have ended meanwhile.
                    let _ = jobs.send(Queued { job: Job::Read { id, read: Box::new(read) }, room: None });
                }
            };
            match std::thread::Builder::new().spawn(read) {
                Ok(reader) => drop(self.readers.insert(id, reader)),
                Err(error) => {
                    tracing::error!(%error, "no thread to read a log with");
                    self.refuse(&id, &WriteError::Busy);
                }
            }
        }
    }

    fn refuse(&mut self, id: &OrganisationId, error: &WriteError) {
        for queued in self.waiting.remove(id).into_iter().flatten() {
            queued.job.refuse(error.clone());
        }
    }

    /// A log was read: it goes into memory, and what waited for it can be run.
    ///
    /// # Errors
    /// It cannot be used; that is what everybody heard who waited.
    pub fn take(&mut self, id: OrganisationId, read: Read, cache: &mut Cache) -> Result<Vec<Queued>, Unusable> {
        if let Some(reader) = self.readers.remove(&id) {
            // It has sent what it had.
            let _ = reader.join();
        }
        let (error, unusable) = match read {
            Ok(Some(loaded)) => {
                cache.insert(id, loaded);
                return Ok(self.waiting.remove(&id).unwrap_or_default());
            }
            Ok(None) => (WriteError::UnknownOrganisation, Unusable::Damaged),
            Err(error) => {
                tracing::error!(organisation = %id, error = &error as &dyn std::error::Error, "a log cannot be read");
                let damaged = matches!(error, StoreError::Corrupt { .. });
                let unusable = if damaged { Unusable::Damaged } else { Unusable::Now };
                (WriteError::Storage(Arc::new(error)), unusable)
            }
        };
        self.refuse(&id, &error);
        Err(unusable)
    }

    /// Nothing is read any more, and whoever waits is refused.
    pub fn end(self) {
        self.loader.stop();
        for queued in self.waiting.into_values().flatten() {
            queued.job.refuse(WriteError::Closing);
        }
        for reader in self.readers.into_values() {
            // A panic there was told, and what it read is not needed.
            let _ = reader.join();
        }
    }
}
