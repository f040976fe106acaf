//! How many bytes of blobs each person added today.
//!
//! Kept in memory only: a restart forgives what was used, which nobody but the technician can bring about. It is no rule
//! of the log: a client that replays knows no blobs' sizes. This module must never count what was not kept.

use std::collections::HashMap;

use super::{MAX_BLOBS_BYTES_PER_DAY, WriteError};
use crate::escrow::id::{OrganisationId, PersonId};

/// Whose allowance: in each organisation, a person has one.
pub(super) type Holder = (OrganisationId, PersonId);

/// What was used on one day. Holds one number for each person who added something on that day.
#[derive(Default)]
pub(super) struct Budget {
    day: u64,
    used: HashMap<Holder, usize>,
    /// Taken by the group in progress.
    taken: Vec<(Holder, usize)>,
}

impl Budget {
    /// Takes so many bytes of the day's allowance, or none.
    pub fn take(&mut self, holder: Holder, bytes: usize, day: u64) -> Result<(), WriteError> {
        if day != self.day {
            *self = Self { day, ..Self::default() };
        }
        if bytes == 0 {
            return Ok(());
        }
        let used = self.used.get(&holder).copied().unwrap_or_default();
        let total = used.checked_add(bytes).filter(|total| *total <= MAX_BLOBS_BYTES_PER_DAY);
        self.used.insert(holder, total.ok_or(WriteError::BlobBudget)?);
        self.taken.push((holder, bytes));
        Ok(())
    }

    /// The group was kept.
    pub fn keep(&mut self) {
        self.taken.clear();
    }

    /// The group was not kept: nobody used anything in it.
    pub fn undo(&mut self) {
        for (holder, bytes) in self.taken.drain(..) {
            if let Some(used) = self.used.get_mut(&holder) {
                *used = used.saturating_sub(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_days_worth_and_what_was_not_kept_does_not_count() {
        let holder = |person: u8| (OrganisationId::new([1; 32]), PersonId::new([person; 32]));
        let mut budget = Budget::default();
        let take = |budget: &mut Budget, person, bytes, day| budget.take(holder(person), bytes, day).is_ok();
        assert!(take(&mut budget, 1, MAX_BLOBS_BYTES_PER_DAY, 7));
        budget.undo();
        assert!(take(&mut budget, 1, MAX_BLOBS_BYTES_PER_DAY - 1, 7));
        budget.keep();
        budget.undo();
        assert!(!take(&mut budget, 1, 2, 7));
        assert!(take(&mut budget, 1, 1, 7), "a refusal took nothing");
        assert!(take(&mut budget, 1, 0, 7), "a command without blobs needs none of it");
        assert!(take(&mut budget, 2, 2, 7), "each has their own");
        assert!(!take(&mut budget, 1, usize::MAX, 7));
        assert!(take(&mut budget, 1, 2, 8), "and the next day begins anew");
    }
}
