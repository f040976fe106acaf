//! What may still take effect at a target although nobody answered: a queue or a gateway in between can hold a call
//! back.
//!
//! A lease whose making got no answer is not called gone because it is not there now: it is looked for once more when
//! nothing can come any more. In memory only: of what an earlier process began and did not finish, the worst is assumed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::daemon::opened::{LATEST, Place};

/// What targets were told by this process. Clones share it.
#[derive(Clone)]
pub(super) struct Late {
    /// When this process began.
    began: Instant,
    /// By request: when the target last gave no answer, if it did not.
    told: Arc<Mutex<BTreeMap<Place, Option<Instant>>>>,
}

impl Late {
    pub fn new(began: Instant) -> Self {
        Self { began, told: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Place, Option<Instant>>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The target is about to be told to make a lease. `before`: it was begun in the log already, by whomever.
    pub fn begins(&self, place: Place, before: bool) {
        self.lock().entry(place).or_insert(before.then_some(self.began));
    }

    /// The target gave no answer.
    pub fn not_answered(&self, place: Place, now: Instant) {
        self.lock().insert(place, Some(now));
    }

    /// How long something may still come of what was told. `made`: the log says that the lease was made, after which
    /// nobody told the target anything.
    pub fn left(&self, place: Place, made: bool, now: Instant) -> Option<Duration> {
        let told = self.lock().get(&place).copied();
        let last = told.unwrap_or((!made).then_some(self.began))?;
        LATEST.checked_sub(now.duration_since(last)).filter(|left| !left.is_zero())
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

    #[test]
    fn what_nobody_answered_may_come_for_an_hour() {
        let (began, minute) = (Instant::now(), Duration::from_secs(60));
        let late = Late::new(began);
        let [place, other] = [7, 8].map(|request| (OrganisationId::new([1; 32]), request));
        assert_eq!(late.left(place, true, began), None);
        assert_eq!(late.left(place, false, began + minute), Some(LATEST - minute), "an earlier process may have");
        assert_eq!(late.left(place, false, began + LATEST), None);
        late.begins(other, false);
        assert_eq!(late.left(other, false, began + minute), None, "every answer came");
        late.begins(place, true);
        assert_eq!(late.left(place, false, began + minute), Some(LATEST - minute), "an earlier process began it");
        let at = began + 2 * LATEST;
        late.not_answered(place, at);
        late.begins(place, true);
        assert_eq!(late.left(place, true, at + minute), Some(LATEST - minute), "the first of two calls counts, too");
        assert_eq!(late.left(place, true, at + LATEST), None);
        late.forget(place);
        assert_eq!(late.left(place, true, at + minute), None);
    }
}
