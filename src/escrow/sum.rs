//! Shares that add up: what was released of a part to requests and recoveries that came to nothing.
//!
//! Once they are enough together, all who asked may know the part. Shares of what a quorum agreed to, or of a recovery
//! that opened the part by itself, are accounted for by its exposure and count no more. What is noted here must never
//! take longer for one share more than for the first: whoever may answer recoveries can enter thousands of them, and
//! every replica replays them all.

use std::collections::{BTreeMap, BTreeSet};

use super::credential::{DueCause, How, Knower, PartState, Urgency};
use super::id::PersonId;
use super::part::Deal;
use super::recovery::ReleasedTo;
use super::time::Time;

/// What was released of one part and not accounted for since.
#[derive(Debug, Clone, Default)]
pub struct Sum {
    /// To how many requests and recoveries each person's share was released. Nobody stands here with none.
    people: BTreeMap<PersonId, u32>,
    /// Who asked, and the entry: the request's, or that of the first answer. Without those who count as knowing it.
    asked: BTreeMap<ReleasedTo, (Asker, u64)>,
}

/// To whom shares were released.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asker {
    /// To somebody.
    Person(PersonId),
    /// To a key of the daemon's memory, which those who run it could read.
    Daemon,
}

/// Whether these people's shares satisfy one of the quorums to which a part was dealt.
fn opens<'p>(deals: &[Deal], people: impl IntoIterator<Item = &'p PersonId>) -> bool {
    let people = people.into_iter().copied().collect();
    deals.iter().any(|deal| deal.quorum().consent(&people).is_some())
}

impl PartState {
    /// Counts somebody's share as released to what `asker` asked for in this entry.
    pub(super) fn release(&mut self, to: ReleasedTo, person: PersonId, asker: Asker, entry: u64) {
        let first = !self.released.contains_key(&to);
        if self.released.entry(to).or_default().insert(person) {
            *self.sum.people.entry(person).or_default() += 1;
        }
        if first {
            self.sum.asked.insert(to, (asker, entry));
        }
    }

    /// The same for what is accounted for already.
    pub(super) fn release_beyond(&mut self, to: ReleasedTo, person: PersonId) {
        self.released.entry(to).or_default().insert(person);
    }

    /// Counts what was released to this no more: a quorum agreed to it, or it opened the part by itself. Once only.
    pub(super) fn account_for(&mut self, to: &ReleasedTo) {
        self.sum.asked.remove(to);
        for person in self.released.get(to).into_iter().flatten() {
            let Some(count) = self.sum.people.get_mut(person) else { continue };
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.sum.people.remove(person);
            }
        }
    }

    /// Whether what was released to this opens the part by itself.
    pub(super) fn is_opened_by(&self, to: &ReleasedTo) -> bool {
        self.released.get(to).is_some_and(|people| opens(&self.part.deals, people))
    }

    /// If what came to nothing is enough together, all those who asked may know the part; for the daemon, those who run
    /// it now.
    pub(super) fn add_up(&mut self, now: Time, technicians: &BTreeSet<PersonId>) {
        if !opens(&self.part.deals, self.sum.people.keys()) {
            return;
        }
        for (asker, source) in std::mem::take(&mut self.sum.asked).into_values() {
            let new = match asker {
                Asker::Person(person) => self.expose(Knower { person, source, since: now, how: How::Opened }),
                Asker::Daemon => {
                    for person in technicians {
                        self.expose(Knower { person: *person, source, since: now, how: How::CouldRead });
                    }
                    // Also where the charter names nobody who runs it.
                    true
                }
            };
            if new {
                self.make_due(Urgency::Now, now, DueCause::SharesAddUp(source));
            }
        }
    }
}
