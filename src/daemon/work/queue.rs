//! Who is next: everything that is to do at targets, in an order in which nobody keeps the others waiting.
//!
//! ```text
//!            ┌──────── the log grew, a window opened ────────┐
//! Ready ─▶ Running ─▶ Waits (for people, or for a time)      │
//!   ▲        ├──────▶ Pause (a failure; longer each time) ───┤
//!   └────────┴───────────────────────────────────────────────┘
//! ```
//!
//! - *A lane for each target*, with so many calls at once as the configuration says: a dead target delays its own work.
//!   What a program reaches nobody here knows, so that each association has a lane of its own for each program.
//! - *Turns.* Lanes, in each lane associations, of each association accounts are served in turn.
//! - *A share of the room.* An association gets a further place only while it has fewer than are free, so that there are
//!   always some left for the others, however much one has to do.
//! - *Ends before beginnings.* No lease is begun while something is to be revoked and could be, and the last quarter of
//!   the places is for ends: revocations, rotations, and what opens accounts for them.
//!
//! No clock and no I/O: the caller says what time it is. Nothing takes longer because much is waiting, except what goes
//! through one association's list ([`Queue::note`]). This module must never forget a revocation: the log's list decides
//! what is here, and only an entry, or that list, takes something away.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Progress;
use crate::escrow::id::{CredentialId, OrganisationId};
use crate::escrow::time::{Seconds, Time};
use crate::escrow::work::Work;
use crate::seal::secret::random_bytes;

/// Most things that are done at once, at all targets together.
const MAX_RUNNING: usize = 256;
/// How many of these places are for ends only.
const FOR_ENDS: usize = MAX_RUNNING / 4;
/// Most things that an association does at once where no target is called.
const HERE_AT_ONCE: usize = 4;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// Where something is done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Lane {
    /// Nothing is called for it.
    Here(OrganisationId),
    /// A program, whose target only its settings know.
    Program(OrganisationId, Arc<str>),
    /// `host:port`, whoever's account.
    Target(Arc<str>),
}

/// Something to do, by organisation.
pub(super) type Key = (OrganisationId, Work);

/// Something that the log says is to be done.
#[derive(Debug, Clone)]
pub(super) struct ToDo {
    pub work: Work,
    /// The account that it is about.
    pub credential: CredentialId,
    /// The entry that it comes of.
    pub index: u64,
    pub lane: Lane,
    /// The window in which it can be done now.
    pub window: Option<u64>,
}

/// How one attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is in the log.
    Done,
    /// It waits for something that others put into the log; this is what for.
    Waits(&'static str),
    /// It waits until the account is opened, or opened anew.
    NotOpen(&'static str),
    /// It cannot be yet: until so much later, or until the log grows.
    Later(&'static str, Duration),
    /// It is done again so much later, and not before, unless the account is opened anew. That is no failure.
    Rests(&'static str, Duration),
    /// It is tried again after a pause.
    Failed(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    /// The log does not shorten it, a new window does.
    Pause,
    Waits,
    /// For another window than this one.
    NotOpen(Option<u64>),
    Later,
    Running,
}

#[derive(Debug)]
struct Item {
    credential: CredentialId,
    index: u64,
    lane: Lane,
    window: Option<u64>,
    attempts: u32,
    failure: &'static str,
    next: Instant,
    next_time: Time,
    state: State,
    /// What the log's list said of it while it ran, if it was read: it counts when that is over.
    noted: Option<Option<ToDo>>,
}

/// What an account has running.
#[derive(Debug, Default)]
struct Busy {
    running: usize,
    rotates: bool,
}

/// Values that are served in turn.
#[derive(Debug)]
struct Ring<K, V> {
    last: Option<K>,
    items: BTreeMap<K, V>,
}

impl<K, V> Default for Ring<K, V> {
    fn default() -> Self {
        Self { last: None, items: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V> Ring<K, V> {
    /// All of them, beginning behind the one that was served last.
    fn in_turn(&self) -> impl Iterator<Item = (&K, &V)> {
        let behind = self.last.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let upto = |last| self.items.range::<K, _>((Bound::Unbounded, Bound::Included(last)));
        let before = self.last.as_ref().map(upto).into_iter().flatten();
        self.items.range::<K, _>((behind, Bound::Unbounded)).chain(before)
    }
}

/// What can be started, by lane, association and account: first what was asked for first.
type Ready = Ring<Lane, Ring<OrganisationId, Ring<CredentialId, BTreeSet<(u64, Work)>>>>;

/// Everything that is to do.
#[derive(Debug, Default)]
pub(super) struct Queue {
    items: BTreeMap<Key, Item>,
    /// What ends something, and what makes that possible.
    ends: Ready,
    /// Leases to be made.
    beginnings: Ready,
    /// What is looked at again by itself.
    timed: BTreeSet<(Instant, Key)>,
    running: usize,
    lanes: BTreeMap<Lane, usize>,
    organisations: BTreeMap<OrganisationId, usize>,
    accounts: BTreeMap<(OrganisationId, CredentialId), Busy>,
    requests: BTreeSet<(OrganisationId, u64)>,
}

impl Queue {
    /// Brings an association's list in line with what its log says now.
    pub fn note(&mut self, id: OrganisationId, list: Vec<ToDo>, now: Instant, time: Time) {
        let wanted: BTreeSet<Work> = list.iter().map(|to_do| to_do.work).collect();
        let gone: Vec<Key> = self.of(&id).map(|(key, _)| *key).filter(|(_, work)| !wanted.contains(work)).collect();
        for key in gone {
            match self.items.get_mut(&key) {
                Some(item) if item.state == State::Running => item.noted = Some(None),
                _ => self.remove(&key),
            }
        }
        for to_do in list {
            let key = (id, to_do.work);
            match self.items.get_mut(&key) {
                None => self.add(key, to_do, now, time),
                Some(item) if item.state == State::Running => item.noted = Some(Some(to_do)),
                Some(_) => {
                    self.unlist(&key);
                    self.update(&key, to_do, now, time);
                    self.list(&key);
                }
            }
        }
    }

    fn add(&mut self, key: Key, to_do: ToDo, now: Instant, time: Time) {
        let ToDo { work: _, credential, index, lane, window } = to_do;
        let (state, noted) = (State::Ready, None);
        let item = Item {
            credential,
            index,
            lane,
            window,
            attempts: 0,
            failure: "",
            next: now,
            next_time: time,
            state,
            noted,
        };
        self.items.insert(key, item);
        self.list(&key);
    }

    /// The log's list was read again, and it stands there.
    fn update(&mut self, key: &Key, to_do: ToDo, now: Instant, time: Time) {
        let Some(item) = self.items.get_mut(key) else { return };
        let opened = to_do.window.is_some() && to_do.window != item.window;
        let again = match item.state {
            State::Ready | State::Waits | State::Later => true,
            State::NotOpen(tried) => to_do.window.is_some() && to_do.window != tried,
            State::Pause => opened,
            State::Running => false,
        };
        (item.credential, item.index, item.lane, item.window) =
            (to_do.credential, to_do.index, to_do.lane, to_do.window);
        if opened {
            item.attempts = 0;
        }
        if again {
            (item.state, item.next, item.next_time) = (State::Ready, now, time);
        }
    }

    /// The next thing to be started; it counts as running from now on. None: there is nothing, or no room.
    pub fn start(&mut self, now: Instant, calls_per_target: usize) -> Option<Key> {
        while let Some((_, key)) = self.timed.first().copied().filter(|(at, _)| *at <= now) {
            self.unlist(&key);
            if let Some(item) = self.items.get_mut(&key) {
                item.state = State::Ready;
            }
            self.list(&key);
        }
        let key = self
            .find(&self.ends, MAX_RUNNING, calls_per_target)
            .or_else(|| self.find(&self.beginnings, MAX_RUNNING - FOR_ENDS, calls_per_target))?;
        self.take_turn(&key);
        self.unlist(&key);
        let item = self.items.get_mut(&key)?;
        (item.state, item.noted) = (State::Running, None);
        self.running += 1;
        *self.lanes.entry(item.lane.clone()).or_default() += 1;
        *self.organisations.entry(key.0).or_default() += 1;
        let busy = self.accounts.entry((key.0, item.credential)).or_default();
        busy.running += 1;
        busy.rotates |= matches!(key.1, Work::Rotate(_));
        self.requests.extend(request_of(&key.1).map(|request| (key.0, request)));
        Some(key)
    }

    /// When something is to be looked at again by itself.
    pub fn next(&self) -> Option<Instant> {
        self.timed.first().map(|(at, _)| *at)
    }

    /// What was started is over. Gives how often it failed by now and how long it pauses, if it failed.
    pub fn finish(&mut self, key: &Key, outcome: Outcome, now: Instant, time: Time) -> Option<(u32, Duration)> {
        let item = self.items.get_mut(key)?;
        if item.state != State::Running {
            return None;
        }
        self.running = self.running.saturating_sub(1);
        release(&mut self.lanes, &item.lane);
        release(&mut self.organisations, &key.0);
        let account = (key.0, item.credential);
        if let Some(busy) = self.accounts.get_mut(&account) {
            busy.running = busy.running.saturating_sub(1);
            busy.rotates &= !matches!(key.1, Work::Rotate(_));
            if busy.running == 0 {
                self.accounts.remove(&account);
            }
        }
        if let Some(request) = request_of(&key.1) {
            self.requests.remove(&(key.0, request));
        }
        let noted = item.noted.take();
        let stirred = noted.is_some();
        let mut failed = None;
        let (state, failure, wait) = match outcome {
            Outcome::Done => {
                let index = item.index;
                self.items.remove(key);
                // Asked for again by another entry, while the log said that the first was over.
                if let Some(Some(to_do)) = noted.filter(|noted| noted.as_ref().is_some_and(|n| n.index != index)) {
                    self.add(*key, to_do, now, time);
                }
                return None;
            }
            // What it waits for may have come while it looked.
            Outcome::Waits(failure) if stirred => (State::Ready, failure, Duration::ZERO),
            // A log that grows all the time is asked once a second.
            Outcome::Later(failure, _) if stirred => (State::Later, failure, FIRST_PAUSE),
            Outcome::Waits(failure) => (State::Waits, failure, Duration::ZERO),
            Outcome::NotOpen(failure) => (State::NotOpen(item.window), failure, Duration::ZERO),
            Outcome::Later(failure, wait) => (State::Later, failure, wait.clamp(FIRST_PAUSE, LONGEST_PAUSE)),
            Outcome::Rests(failure, wait) => (State::Pause, failure, wait.clamp(FIRST_PAUSE, LONGEST_PAUSE)),
            Outcome::Failed(failure) => {
                item.attempts = item.attempts.saturating_add(1);
                let pause = pause(item.attempts);
                failed = Some((item.attempts, pause));
                (State::Pause, failure, pause)
            }
        };
        (item.state, item.failure) = (state, failure);
        (item.next, item.next_time) = (now + wait, time.after(Seconds(wait.as_secs())));
        match noted {
            Some(None) => {
                self.items.remove(key);
                return None;
            }
            Some(Some(to_do)) => {
                self.update(key, to_do, now, time);
                if let Some(item) = self.items.get_mut(key).filter(|_| state == State::Later) {
                    (item.state, item.next) = (State::Later, now + wait);
                }
            }
            None => {}
        }
        self.list(key);
        failed
    }

    /// How everything of an association goes.
    pub fn progress(&self, id: &OrganisationId) -> impl Iterator<Item = Progress> {
        self.of(id).map(|(key, item)| progress(key, item))
    }

    /// How everything goes.
    pub fn all(&self) -> impl Iterator<Item = (&OrganisationId, Progress)> {
        self.items.iter().map(|(key, item)| (&key.0, progress(key, item)))
    }

    fn of(&self, id: &OrganisationId) -> impl Iterator<Item = (&Key, &Item)> {
        let id = *id;
        self.items.range((id, FIRST_WORK)..).take_while(move |((whose, _), _)| *whose == id)
    }

    fn remove(&mut self, key: &Key) {
        self.unlist(key);
        self.items.remove(key);
    }

    /// Puts an item where its state says that it is found.
    fn list(&mut self, key: &Key) {
        let Some(item) = self.items.get(key) else { return };
        match item.state {
            State::Ready => {
                let ready = if is_end(&key.1) { &mut self.ends } else { &mut self.beginnings };
                let lane = ready.items.entry(item.lane.clone()).or_default();
                let account = lane.items.entry(key.0).or_default().items.entry(item.credential).or_default();
                account.insert((item.index, key.1));
            }
            State::Pause | State::Later => drop(self.timed.insert((item.next, *key))),
            State::Waits | State::NotOpen(_) | State::Running => {}
        }
    }

    /// Takes it from there.
    fn unlist(&mut self, key: &Key) {
        let Some(item) = self.items.get(key) else { return };
        match item.state {
            State::Ready => {
                let ready = if is_end(&key.1) { &mut self.ends } else { &mut self.beginnings };
                let Some(lane) = ready.items.get_mut(&item.lane) else { return };
                let Some(organisation) = lane.items.get_mut(&key.0) else { return };
                let Some(account) = organisation.items.get_mut(&item.credential) else { return };
                account.remove(&(item.index, key.1));
                if account.is_empty() {
                    organisation.items.remove(&item.credential);
                }
                if organisation.items.is_empty() {
                    lane.items.remove(&key.0);
                }
                if lane.items.is_empty() {
                    ready.items.remove(&item.lane);
                }
            }
            State::Pause | State::Later => drop(self.timed.remove(&(item.next, *key))),
            State::Waits | State::NotOpen(_) | State::Running => {}
        }
    }

    fn find(&self, ready: &Ready, most: usize, calls_per_target: usize) -> Option<Key> {
        if self.running >= most {
            return None;
        }
        let free = MAX_RUNNING - self.running;
        let share = |id: &OrganisationId| self.organisations.get(id).copied().unwrap_or_default() < free;
        ready.in_turn().find_map(|(lane, organisations)| {
            let most = match lane {
                Lane::Here(_) => HERE_AT_ONCE,
                Lane::Program(..) | Lane::Target(_) => calls_per_target,
            };
            if self.lanes.get(lane).is_some_and(|running| *running >= most) {
                return None;
            }
            organisations.in_turn().filter(|(id, _)| share(id)).find_map(|(id, accounts)| {
                accounts.in_turn().find_map(|(account, works)| self.startable(id, account, works))
            })
        })
    }

    /// The first of an account's works that can be started now.
    fn startable(&self, id: &OrganisationId, account: &CredentialId, works: &BTreeSet<(u64, Work)>) -> Option<Key> {
        let busy = self.accounts.get(&(*id, *account));
        if busy.is_some_and(|busy| busy.rotates) {
            return None;
        }
        let rotation = Work::Rotate(*account);
        let rotates = self.items.get(&(*id, rotation)).is_some_and(|item| item.state == State::Ready);
        let fits = |work: &Work| match work {
            // A secret is not changed while somebody logs in with it.
            Work::Rotate(_) => busy.is_none(),
            // Else a busy account's would never be changed, nor, where the target has the new secret already and refuses
            // the old one, anything be revoked.
            Work::Mint(_) | Work::Revoke(_) if rotates => false,
            Work::Open(request) | Work::Mint(request) | Work::Revoke(request) => {
                !self.requests.contains(&(*id, *request))
            }
        };
        works.iter().map(|(_, work)| *work).find(fits).map(|work| (*id, work))
    }

    /// Whoever was served is last in turn.
    fn take_turn(&mut self, key: &Key) {
        let Some(item) = self.items.get(key) else { return };
        let ready = if is_end(&key.1) { &mut self.ends } else { &mut self.beginnings };
        ready.last = Some(item.lane.clone());
        let Some(lane) = ready.items.get_mut(&item.lane) else { return };
        lane.last = Some(key.0);
        if let Some(organisation) = lane.items.get_mut(&key.0) {
            organisation.last = Some(item.credential);
        }
    }
}

/// The least in the order of works.
const FIRST_WORK: Work = Work::Open(0);

fn progress((_, work): &Key, item: &Item) -> Progress {
    Progress { work: *work, index: item.index, attempts: item.attempts, failure: item.failure, next: item.next_time }
}

/// Whether it ends something, or is needed for that.
fn is_end(work: &Work) -> bool {
    match work {
        Work::Open(_) | Work::Revoke(_) | Work::Rotate(_) => true,
        Work::Mint(_) => false,
    }
}

/// The request that something is about; for each, one thing at a time.
fn request_of(work: &Work) -> Option<u64> {
    match work {
        Work::Open(request) | Work::Mint(request) | Work::Revoke(request) => Some(*request),
        Work::Rotate(_) => None,
    }
}

fn release<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(counts.remove(key)),
    }
}

/// How long to wait after so many failures: from a second, twice as long each time, up to an hour; a quarter more or
/// less, so that what failed together does not come back together.
pub(super) fn pause(attempts: u32) -> Duration {
    let doubled =
        FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1).min(12)).unwrap_or(u32::MAX));
    let pause = doubled.min(LONGEST_PAUSE);
    // Without randomness they come back together, and that is all.
    let [jitter] = random_bytes::<1>().unwrap_or([128]);
    pause.mul_f64(0.75 + f64::from(jitter) / 510.0)
}

#[cfg(test)]
mod tests;
