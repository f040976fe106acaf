//! Long logs are read beside the thread: whoever writes to other organisations does not wait for them.
//!
//! While one is read, what is asked of its organisation waits here, in order, and nothing that is due is added to it: so
//! what was read is still what the disk has when it comes. This module must never run a job, lose one, or let a later
//! one of an organisation before an earlier one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak, mpsc};
use std::thread::JoinHandle;

use super::cache::Cache;
use super::{Job, Queued, Sizes, WriteError};
use crate::escrow::id::OrganisationId;
use crate::store::StoreError;
use crate::store::load::{Loaded, Loader};

/// Entries of a log that is read within a group: that takes about as long as a commit.
const SHORT: u64 = 256;
/// Logs that are read at the same time: each takes a processor, and memory.
const AT_ONCE: usize = 2;

/// Jobs that wait for one log: further ones are refused, because all jobs together have so much room.
pub(super) const WAITING: usize = 64;

/// A log that was read, or why not.
pub(super) type Read = Result<Option<Loaded>, StoreError>;

pub(super) struct Aside {
    loader: Loader,
    /// Where what was read goes: to the thread's own queue. As long as anybody can send it a job.
    jobs: Weak<mpsc::Sender<Queued>>,
    sizes: Sizes,
    /// What waits for each log that is read or is to be.
    waiting: BTreeMap<OrganisationId, Vec<Queued>>,
    /// Those of them that nobody reads yet.
    unread: BTreeSet<OrganisationId>,
    readers: BTreeMap<OrganisationId, JoinHandle<()>>,
}

impl Aside {
    pub fn new(loader: Loader, jobs: Weak<mpsc::Sender<Queued>>, sizes: Sizes) -> Self {
        let (waiting, unread, readers) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
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
            self.unread.insert(id);
        }
        is_long
    }

    /// Keeps the jobs that have to wait; the others can be run.
    pub fn sort(&mut self, queued: Vec<Queued>, cache: &Cache) -> Vec<Queued> {
        let mut ready = Vec::with_capacity(queued.len());
        for queued in queued {
            match queued.job.organisation() {
                Some(id) if self.holds(id, cache) => {
                    let waiting = self.waiting.entry(id).or_default();
                    if waiting.len() < WAITING {
                        waiting.push(queued);
                    } else {
                        queued.job.refuse(WriteError::Busy);
                    }
                }
                _ => ready.push(queued),
            }
        }
        ready
    }

    /// Begins to read, as far as there is room.
    pub fn begin(&mut self) {
        while self.readers.len() < AT_ONCE
            && let Some(id) = self.unread.pop_first()
        {
            let (loader, jobs) = (self.loader.clone(), Weak::clone(&self.jobs));
            let read = move || {
                let read = loader.load(id);
                if let Some(jobs) = jobs.upgrade() {
                    // The thread may have ended meanwhile.
                    let _ = jobs.send(Queued { job: Job::Read { id, read: Box::new(read) }, _room: None });
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

    /// A log was read: it goes into memory, and what waited for it can be run. `None` where it cannot be used; then
    /// that is what everybody heard who waited.
    pub fn take(&mut self, id: OrganisationId, read: Read, cache: &mut Cache) -> Option<Vec<Queued>> {
        if let Some(reader) = self.readers.remove(&id) {
            // It has sent what it had.
            let _ = reader.join();
        }
        let error = match read {
            Ok(Some(loaded)) => {
                cache.insert(id, loaded);
                return Some(self.waiting.remove(&id).unwrap_or_default());
            }
            Ok(None) => WriteError::UnknownOrganisation,
            Err(error) => {
                tracing::error!(organisation = %id, error = &error as &dyn std::error::Error, "a log cannot be read");
                WriteError::Storage(Arc::new(error))
            }
        };
        self.refuse(&id, &error);
        None
    }

    /// Nothing is read any more, and whoever waits is refused.
    pub fn end(self) {
        for queued in self.waiting.into_values().flatten() {
            queued.job.refuse(WriteError::Closing);
        }
        for reader in self.readers.into_values() {
            // A panic there was told, and what it read is not needed.
            let _ = reader.join();
        }
    }
}
