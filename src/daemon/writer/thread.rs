//! The thread: waits, gathers a group, runs it, tells everybody how it went.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::aside::{Aside, Unusable};
use super::budget::Budget;
use super::cache::Cache;
use super::group::{Committed, Group, Stopped};
use super::{Clock, Coming, Counts, Job, Pending, Queued, Reply, Sizes, WriteError};
use crate::daemon::callers::Changes;
use crate::daemon::opened::Opened;
use crate::daemon::timers::Timers;
use crate::escrow::id::OrganisationId;
use crate::store::{Store, StoreError};

/// Most jobs of a group.
const GROUP: usize = 512;
/// How often, and how long each time, a group waits for commands that are just being verified: on all processors, so
/// that nothing stands still meanwhile. A commit costs about as much for thirty commands as for one.
const GATHERINGS: usize = 5;
const GATHERING: Duration = Duration::from_micros(150);
/// How soon to try again to overwrite what was deleted, while somebody reads an older state.
const OVERWRITE_AGAIN: Duration = Duration::from_secs(5);

/// Tells whoever asked, once it is known whether the group was kept.
pub(super) type Answer = Box<dyn FnOnce(Result<(), Arc<StoreError>>)>;

/// What the thread and its handles share.
pub(super) struct Shared {
    pub sizes: Sizes,
    pub pending: Pending,
    pub opened: Opened,
    pub counts: Arc<Counts>,
    pub changes: Changes,
}

pub(super) struct Thread {
    store: Store,
    clock: Clock,
    sizes: Sizes,
    /// Who hears where something is to do.
    pending: Pending,
    /// Organisations that had something to do, as the disk has it.
    busy: BTreeSet<OrganisationId>,
    opened: Opened,
    /// Counts when anybody's rights changed.
    changes: Changes,
    cache: Cache,
    /// What waits for long logs.
    aside: Aside,
    budget: Budget,
    timers: Timers,
    /// Deleted shares may still stand in the write-ahead log.
    overwrite: bool,
    counts: Arc<Counts>,
}

impl Thread {
    pub fn new(store: Store, clock: Clock, aside: Aside, shared: Shared) -> Self {
        let (cache, budget) = (Cache::default(), Budget::default());
        let busy: BTreeSet<OrganisationId> = match store.busy() {
            Ok(busy) => busy.into_iter().collect(),
            Err(error) => {
                tracing::error!(%error, "could not read where something is to do at targets; start the daemon again");
                BTreeSet::new()
            }
        };
        shared.pending.add(busy.iter().copied());
        let (timers, overwrite) = (Timers::new(), false);
        let Shared { sizes, pending, opened, counts, changes } = shared;
        Self { store, clock, sizes, pending, busy, opened, changes, cache, aside, budget, timers, overwrite, counts }
    }

    /// Runs until somebody stops it or every handle is gone.
    pub fn run(mut self, queue: &mpsc::Receiver<Queued>, coming: &Coming) {
        // The first group is what fell due meanwhile.
        let mut next = Some(Vec::<Queued>::new());
        while let Some(group) = next {
            let last = group.iter().any(|queued| matches!(queued.job, Job::Stop { .. }));
            self.write(group);
            next = if last {
                None
            } else {
                self.aside.begin();
                self.gather(queue, coming)
            };
        }
        self.aside.end();
    }

    /// Waits for the next group: what is queued, or nothing when it is time to look at the clock. `None`: the end.
    fn gather(&self, queue: &mpsc::Receiver<Queued>, coming: &Coming) -> Option<Vec<Queued>> {
        let patience = self.timers.patience((self.clock)(), Instant::now());
        let patience = patience.into_iter().chain(self.overwrite.then_some(OVERWRITE_AGAIN)).min();
        let first = match patience {
            None => queue.recv().ok()?,
            Some(patience) => match queue.recv_timeout(patience) {
                Ok(first) => first,
                Err(mpsc::RecvTimeoutError::Timeout) => return Some(Vec::new()),
                Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            },
        };
        let mut group = vec![first];
        for _ in 0..GATHERINGS {
            group.extend(queue.try_iter().take(GROUP - group.len()));
            if group.len() == GROUP || !coming.any() {
                break;
            }
            // Not a wait for the next one: to be woken for each costs more than to look again.
            std::thread::sleep(GATHERING);
        }
        group.extend(queue.try_iter().take(GROUP - group.len()));
        Some(group)
    }

    fn write(&mut self, queued: Vec<Queued>) {
        let queued = self.take_read(queued);
        let queued = self.aside.sort(queued, &self.cache);
        self.run_jobs(queued);
    }

    /// Takes the logs that were read beside it, and puts what waited for them first.
    fn take_read(&mut self, queued: Vec<Queued>) -> Vec<Queued> {
        let (mut first, mut others) = (Vec::new(), Vec::with_capacity(queued.len()));
        for queued in queued {
            match queued {
                Queued { job: Job::Read { id, read }, .. } => match self.aside.take(id, *read, &mut self.cache) {
                    Ok(waited) => {
                        first.extend(waited);
                        self.timers.is_back(&id);
                    }
                    Err(unusable) => {
                        self.counts.failures.fetch_add(1, Ordering::Relaxed);
                        match unusable {
                            Unusable::Damaged => self.timers.set_aside(id, Instant::now()),
                            Unusable::Now => {
                                self.timers.is_back(&id);
                                self.timers.failed(Instant::now());
                            }
                        }
                    }
                },
                other => others.push(other),
            }
        }
        first.append(&mut others);
        first
    }

    fn run_jobs(&mut self, queued: Vec<Queued>) {
        // What a job takes of the queue's room is given back when it is done.
        let (jobs, _rooms): (Vec<Job>, Vec<_>) = queued.into_iter().map(|queued| (queued.job, queued.room)).unzip();
        #[cfg(test)]
        let jobs = self.do_what_tests_ask(jobs);
        let instant = Instant::now();
        let ticked = jobs.iter().any(|job| matches!(job, Job::Tick { .. }));
        let due = ticked || self.timers.is_time((self.clock)(), instant);
        if jobs.is_empty() && !due {
            self.empty_log();
            return;
        }
        if due {
            // The end of what is open waits neither for the disk nor for a log that can be read.
            self.opened.expire((self.clock)());
        }
        let (mut changed, mut uploaded) = (BTreeSet::new(), BTreeSet::new());
        let mut answers = Vec::with_capacity(jobs.len());
        let mut jobs = jobs.into_iter();
        match self.run_group(&mut jobs, due.then_some(instant), &mut changed, &mut uploaded, &mut answers) {
            Ok(Committed { grown, busy, erased, rights }) => {
                if rights {
                    self.changes.count();
                }
                self.budget.keep();
                // What is over is overwritten before anybody hears that it is.
                for id in &changed {
                    if let Some(loaded) = self.cache.peek(id) {
                        self.opened.settle(&loaded.organisation);
                    }
                }
                let concerned = |id: &&OrganisationId| busy.contains(id) || self.busy.contains(id);
                self.pending.add(changed.union(&uploaded).filter(concerned).copied());
                for id in &changed {
                    match busy.contains(id) {
                        true => self.busy.insert(*id),
                        false => self.busy.remove(id),
                    };
                }
                for (organisation, size) in grown {
                    let entries = size.saturating_sub(self.sizes.announce(organisation, size));
                    self.counts.entries.fetch_add(entries, Ordering::Relaxed);
                }
                answers.into_iter().for_each(|answer| answer(Ok(())));
                self.cache.evict();
                if erased {
                    self.overwrite = true;
                    self.empty_log();
                }
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a group was not kept");
                self.counts.failures.fetch_add(1, Ordering::Relaxed);
                self.budget.undo();
                changed.iter().for_each(|organisation| self.cache.forget(organisation));
                self.cache.evict();
                if due {
                    self.timers.failed(instant);
                }
                let error = Arc::new(error);
                answers.into_iter().for_each(|answer| answer(Err(Arc::clone(&error))));
                jobs.for_each(|job| job.refuse(WriteError::Storage(Arc::clone(&error))));
            }
        }
    }

    /// Runs one group. After an error, some jobs have an answer and the others are left in `jobs`.
    fn run_group(
        &mut self,
        jobs: &mut impl Iterator<Item = Job>,
        due: Option<Instant>,
        changed: &mut BTreeSet<OrganisationId>,
        uploaded: &mut BTreeSet<OrganisationId>,
        answers: &mut Vec<Answer>,
    ) -> Result<Committed, StoreError> {
        let batch = self.store.begin()?;
        let (cache, aside, budget, clock) = (&mut self.cache, &mut self.aside, &mut self.budget, &self.clock);
        let mut group = Group { batch, cache, aside, budget, clock, changed, uploaded };
        if let Some(instant) = due {
            group.append_due(&mut self.timers, instant)?;
        }
        for job in jobs {
            let (answer, failure) = job.run(&mut group);
            answers.push(answer);
            if let Some(error) = failure {
                return Err(error);
            }
        }
        group.commit(&mut self.timers)
    }

    /// Overwrites what was deleted. Until that succeeds, it is tried again.
    fn empty_log(&mut self) {
        if self.overwrite {
            match self.store.empty_log() {
                Ok(done) => self.overwrite = !done,
                Err(error) => {
                    self.counts.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(error = &error as &dyn std::error::Error, "deleted shares still lie on the disk")
                }
            }
        }
    }

    #[cfg(test)]
    fn do_what_tests_ask(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let mut others = Vec::with_capacity(jobs.len());
        for job in jobs {
            match job {
                Job::Store(act) => act(&mut self.store),
                other => others.push(other),
            }
        }
        others
    }
}

impl Job {
    /// Does the job within a group. The second value stops the group.
    fn run(self, group: &mut Group<'_>) -> (Answer, Option<StoreError>) {
        match self {
            Self::Prepare { token, reply } => settle(reply, group.prepare(token)),
            Self::Submit { command, blobs, founding_token, reply } => {
                settle(reply, group.submit(&command, &blobs, founding_token))
            }
            Self::PutBlobs { organisation, person, blobs, reply } => {
                settle(reply, group.put_blobs(organisation, person, &blobs))
            }
            Self::Cosign { cosignature, head, reply } => settle(reply, group.cosign(&cosignature, head)),
            Self::Collect { organisation, person, request, reply } => {
                settle(reply, group.collect(organisation, person, request))
            }
            Self::Desk(errand) => errand.run(group),
            // Taken before.
            Self::Read { .. } => (Box::new(|_| ()), None),
            // What they ask for is what every group does anyway.
            Self::Tick { reply } | Self::Stop { reply } => settle(reply, Ok(())),
            #[cfg(test)]
            Self::Store(_) => (Box::new(|_| ()), None),
        }
    }

    /// On whose log it is.
    pub(super) fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Self::Submit { command, .. } => Some(command.organisation()),
            Self::PutBlobs { organisation, .. } | Self::Collect { organisation, .. } => Some(*organisation),
            Self::Cosign { cosignature, .. } => Some(cosignature.cosigner().organisation),
            Self::Desk(errand) => Some(errand.organisation()),
            Self::Prepare { .. } | Self::Read { .. } | Self::Tick { .. } | Self::Stop { .. } => None,
            #[cfg(test)]
            Self::Store(_) => None,
        }
    }

    /// Refuses the job without doing anything. Whoever asked may be gone.
    pub(super) fn refuse(self, error: WriteError) {
        match self {
            Self::Prepare { reply, .. } => drop(reply.send(Err(error))),
            Self::Submit { reply, .. } => drop(reply.send(Err(error))),
            Self::Collect { reply, .. } => drop(reply.send(Err(error))),
            Self::Desk(errand) => errand.refuse(error),
            Self::Read { .. } => {}
            Self::PutBlobs { reply, .. }
            | Self::Cosign { reply, .. }
            | Self::Tick { reply }
            | Self::Stop { reply } => drop(reply.send(Err(error))),
            #[cfg(test)]
            Self::Store(_) => {}
        }
    }
}

/// A job's answer, given to whoever asked once it is known whether its group was kept.
pub(super) fn settle<T: 'static>(reply: Reply<T>, result: Result<T, Stopped>) -> (Answer, Option<StoreError>) {
    let (result, failure) = match result {
        Ok(value) => (Ok(value), None),
        Err(Stopped::Job(error)) => (Err(error), None),
        // The group's error takes its place.
        Err(Stopped::Group(error)) => (Err(WriteError::Closing), Some(error)),
    };
    let answer = move |kept: Result<(), Arc<StoreError>>| {
        // A refusal may rest on what was not kept, so that it falls with the group, too. Whoever asked may be gone.
        let _ = reply.send(kept.map_err(WriteError::Storage).and(result));
    };
    (Box::new(answer), failure)
}
