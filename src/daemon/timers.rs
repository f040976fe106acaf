//! When the writer has to wake by itself: requests and leases end on time, not when somebody next asks.
//!
//! Deadlines are in the injected clock's time; how long to sleep is measured with the system's monotonic clock, in
//! steps short enough that a clock that was set, or a machine that slept, is noticed. This module must never decide
//! that something is due: [`Organisation::due`](crate::escrow::organisation::Organisation::due) does.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::escrow::id::OrganisationId;
use crate::escrow::time::{Seconds, Time};

/// How near a deadline is watched closely.
const NEAR: Seconds = Seconds::MINUTE;
/// How often the clock is looked at when a deadline is near.
const CLOSE_WATCH: Duration = Duration::from_secs(1);
/// How often otherwise.
const LOOSE_WATCH: Duration = Duration::from_secs(30);
/// How long to wait after the disk refused what was due.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// For how long an organisation that cannot be loaded is passed over.
const SET_ASIDE: Duration = Duration::from_secs(60);

/// What is known about the deadlines of all organisations.
pub(super) struct Timers {
    next: Option<Time>,
    retry: Option<Instant>,
    set_aside: BTreeMap<OrganisationId, Instant>,
}

impl Timers {
    /// At first something may be due: the daemon was away.
    pub fn new() -> Self {
        Self { next: Some(Time(0)), retry: None, set_aside: BTreeMap::new() }
    }

    /// Whether to look for what is due.
    pub fn is_time(&self, now: Time, instant: Instant) -> bool {
        self.retry.is_none_or(|retry| retry <= instant)
            && (self.next.is_some_and(|next| next <= now) || self.set_aside.values().any(|until| *until <= instant))
    }

    /// How long to sleep at most; `None` if nothing will ever be due.
    pub fn patience(&self, now: Time, instant: Instant) -> Option<Duration> {
        let deadline = self.next.map(|next| match next.0.saturating_sub(now.0) {
            0 => Duration::ZERO,
            left if left <= NEAR.0 => CLOSE_WATCH,
            _ => LOOSE_WATCH,
        });
        let aside = self.set_aside.values().min().map(|until| until.saturating_duration_since(instant));
        let wait = deadline.into_iter().chain(aside).min()?;
        Some(self.retry.map_or(wait, |retry| wait.max(retry.saturating_duration_since(instant))))
    }

    /// How many organisations are passed over.
    pub fn passed_over(&mut self, instant: Instant) -> usize {
        self.set_aside.retain(|_, until| *until > instant);
        self.set_aside.len()
    }

    /// Whether this one is.
    pub fn passes_over(&self, organisation: &OrganisationId) -> bool {
        self.set_aside.contains_key(organisation)
    }

    /// This organisation cannot be loaded, or not at once: the others go on.
    pub fn set_aside(&mut self, organisation: OrganisationId, instant: Instant) {
        self.set_aside.insert(organisation, instant + SET_ASIDE);
    }

    /// It can be used again: what fell due meanwhile is looked for at once.
    pub fn is_back(&mut self, organisation: &OrganisationId) {
        if self.set_aside.remove(organisation).is_some() {
            self.next = Some(Time(0));
        }
    }

    /// A group was committed; `deadlines` are the earliest ones after it.
    pub fn committed(&mut self, deadlines: &[(Time, OrganisationId)]) {
        self.retry = None;
        self.next = deadlines.iter().find(|(_, id)| !self.passes_over(id)).map(|(at, _)| *at);
    }

    /// A group failed, and with it what was due.
    pub fn failed(&mut self, instant: Instant) {
        self.retry = Some(instant + AFTER_FAILURE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_000_000);

    #[test]
    fn near_deadlines_are_watched_closely_and_none_not_at_all() {
        let instant = Instant::now();
        let mut timers = Timers::new();
        assert!(timers.is_time(NOW, instant), "at the start something may be due");
        timers.committed(&[]);
        assert_eq!((timers.is_time(NOW, instant), timers.patience(NOW, instant)), (false, None));
        let id = OrganisationId::new([1; 32]);
        for (left, wait) in [(0, Duration::ZERO), (1, CLOSE_WATCH), (60, CLOSE_WATCH), (61, LOOSE_WATCH)] {
            timers.committed(&[(NOW.after(Seconds(left)), id)]);
            assert_eq!(timers.patience(NOW, instant), Some(wait), "{left} s");
            assert_eq!(timers.is_time(NOW, instant), left == 0);
        }
    }

    #[test]
    fn a_failure_and_an_unreadable_organisation_do_not_make_it_spin() {
        let instant = Instant::now();
        let (broken, sound) = (OrganisationId::new([1; 32]), OrganisationId::new([2; 32]));
        let mut timers = Timers::new();
        timers.failed(instant);
        assert!(!timers.is_time(NOW, instant));
        assert_eq!(timers.patience(NOW, instant), Some(AFTER_FAILURE));
        timers.set_aside(broken, instant);
        timers.committed(&[(NOW, broken), (NOW.after(Seconds::DAY), sound)]);
        assert!(!timers.is_time(NOW, instant));
        assert_eq!(timers.patience(NOW, instant), Some(LOOSE_WATCH));
        timers.is_back(&sound);
        assert!(!timers.is_time(NOW, instant), "it was not away");
        timers.is_back(&broken);
        assert!(timers.is_time(NOW, instant) && !timers.passes_over(&broken));
        timers.set_aside(broken, instant);
        timers.committed(&[(NOW, broken), (NOW.after(Seconds::DAY), sound)]);
        let later = instant + SET_ASIDE;
        assert!(timers.is_time(NOW, later));
        assert_eq!((timers.passed_over(later), timers.passes_over(&broken)), (0, false));
    }
}
