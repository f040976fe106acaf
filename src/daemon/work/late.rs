//! What may still take effect at a target although nobody answered: a queue or a gateway in between can hold a call
//! back.
//!
//! A lease whose making got no answer is not called gone because it is not there now: it is looked for once more when
//! nothing can come any more. Of what an earlier process told a target nobody knows whether it was answered: until an
//! hour after that process could have done so at the latest, the worst is assumed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::daemon::opened::{LATEST, Place};
use crate::escrow::time::Time;

/// What targets were told by this process. Clones share it.
#[derive(Clone)]
pub(super) struct Late {
    /// When this process began.
    began: Instant,
    /// By request: when the target was last told something that it did not answer; none: every answer came.
    told: Arc<Mutex<BTreeMap<Place, Option<Instant>>>>,
}

/// A call that is under way, and what was not answered before it.
pub(super) struct Told(Option<Instant>);

impl Late {
    pub fn new(began: Instant) -> Self {
        Self { began, told: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Option<Instant>>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The target is told to make a lease, and has not answered yet. `before`: the log had it as begun already, by
    /// whichever process.
    pub fn tell(&self, place: Place, before: bool, now: Instant) -> Told {
        let mut told = self.lock();
        let last = told.get(&place).copied().unwrap_or(before.then_some(self.began));
        told.insert(place, Some(now));
        Told(last)
    }

    /// It answered: this call takes effect no more, or has.
    pub fn answered(&self, place: Place, Told(last): Told) {
        self.lock().insert(place, last);
    }

    /// How long something may still come of what was told. `made`: when the log says that the lease was made, after
    /// which nobody told the target to.
    pub fn left(&self, place: Place, made: Option<Time>, now: Instant, time: Time) -> Option<Duration> {
        let since = match (self.lock().get(&place).copied(), made) {
            (Some(last), _) => now.duration_since(last?),
            (None, Some(made)) => Duration::from_secs(made.until(time).0),
            (None, None) => now.duration_since(self.began),
        };
        LATEST.checked_sub(since).filter(|left| !left.is_zero())
    }

    /// It is gone for good.
    pub fn forget(&self, place: Place) {
        self.lock().remove(&place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::id::OrganisationId;

    const MINUTE: Duration = Duration::from_secs(60);

    fn places() -> [Place; 2] {
        [7, 8].map(|request| (OrganisationId::new([1; 32]), request))
    }

    #[test]
    fn what_nobody_answered_may_come_for_an_hour() {
        let began = Instant::now();
        let (late, [place, other]) = (Late::new(began), places());
        let told = late.tell(other, false, began);
        assert_eq!(
            late.left(other, None, began + MINUTE, Time(0)),
            Some(LATEST - MINUTE),
            "also if the call panicked"
        );
        late.answered(other, told);
        assert_eq!(late.left(other, None, began + MINUTE, Time(0)), None, "every answer came");
        let at = began + 2 * LATEST;
        let _not_answered = late.tell(place, false, at);
        let told = late.tell(place, true, at + MINUTE);
        late.answered(place, told);
        let left = |now| late.left(place, Some(Time(0)), now, Time(0));
        assert_eq!(left(at + MINUTE), Some(LATEST - MINUTE), "the first of two calls counts, too");
        assert_eq!(left(at + LATEST), None);
    }

    #[test]
    fn of_an_earlier_process_the_worst_is_assumed() {
        let began = Instant::now();
        let (late, [place, other]) = (Late::new(began), places());
        assert_eq!(late.left(place, None, began + MINUTE, Time(0)), Some(LATEST - MINUTE), "it may have told it");
        assert_eq!(late.left(place, None, began + LATEST, Time(0)), None);
        let made = Some(Time(1000));
        assert_eq!(late.left(place, made, began + MINUTE, Time(1060)), Some(LATEST - MINUTE), "and not after this");
        assert_eq!(late.left(place, made, began, Time(1000 + LATEST.as_secs())), None);
        let told = late.tell(other, true, began + MINUTE);
        late.answered(other, told);
        assert_eq!(
            late.left(other, None, began + MINUTE, Time(0)),
            Some(LATEST - MINUTE),
            "the earlier one's counts"
        );
        late.forget(other);
        assert!(late.lock().is_empty());
    }
}
