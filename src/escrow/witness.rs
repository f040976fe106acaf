//! Witnesses: how many people must have seen a log before anything is built on it, and when a command cannot be lost
//! any more.
//!
//! Two different questions, with two different answers:
//!
//! - *Has everybody seen the same log?* Trustees and mediators who are not technicians cosign; ⌊2n/3⌋ + 1 of them are
//!   [needed](Witnessed::needed). Two logs that both look witnessed need people who cosigned both:
//!   [`Witnessed::liars_needed`].
//! - *Does a command survive the server?* It is [`safe`] once no quorum that opens anything can meet without somebody
//!   whose own copy of the log holds it.
//!
//! Here it is only counted. Whether a cosignature verifies is for [`cosignature`](super::log::cosignature); nobody may
//! be counted here for whom that was not checked.

use std::collections::{BTreeMap, BTreeSet};

use super::charter::Charter;
use super::id::PersonId;
use super::organisation::CLOCK_TOLERANCE;
use super::quorum::{Group, Quorum};
use super::time::{Seconds, Time};

/// How old a cosignature may be and still count.
pub const FRESH: Seconds = Seconds(7 * Seconds::DAY.0);

/// How far a log is witnessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Witnesses with a cosignature of the last seven days, the asking person included. Of any prefix: how far it
    /// reaches does not count, so that it does not exclude an older branch where the others were shown nothing new.
    pub fresh: BTreeSet<PersonId>,
    /// How many witnesses the charter has; none before there is a charter.
    pub of: usize,
}

impl Witnessed {
    /// Counts verified cosignatures, given by person and time. The asking person sees this very log and needs no
    /// cosignature to count, but only if they are a witness.
    pub fn count(
        charter: Option<&Charter>,
        cosigned: impl IntoIterator<Item = (PersonId, Time)>,
        asking: &PersonId,
        now: Time,
    ) -> Self {
        let witnesses = charter.map(Charter::witnesses).unwrap_or_default();
        // One from the future, made with a wrong clock or on purpose, would stay fresh until then.
        let window = now.before(FRESH)..=now.after(CLOCK_TOLERANCE);
        let seen = cosigned.into_iter().filter(|(_, time)| window.contains(time)).map(|(person, _)| person);
        let fresh = seen.chain([*asking]).filter(|person| witnesses.contains(person)).collect();
        Self { fresh, of: witnesses.len() }
    }

    /// How many are needed.
    pub fn needed(&self) -> usize {
        needed(self.of)
    }

    /// Whether enough have seen it. Where there are no witnesses, nobody has.
    pub fn enough(&self) -> bool {
        self.of > 0 && self.fresh.len() >= self.needed()
    }

    /// How many witnesses must join the server in a lie.
    pub fn liars_needed(&self) -> usize {
        liars_needed(self.of)
    }
}

/// How many of `n` witnesses must have cosigned: ⌊2n/3⌋ + 1. More than there are where there are none.
pub fn needed(n: usize) -> usize {
    n.saturating_mul(2) / 3 + 1
}

/// How many of `n` witnesses must cosign two logs that differ before both look witnessed. Two sets of
/// [`needed`] people out of n have at least 2·needed − n people in common. None where there are no witnesses: then
/// the server lies alone.
pub fn liars_needed(n: usize) -> usize {
    if n == 0 { 0 } else { needed(n).saturating_mul(2).saturating_sub(n) }
}

/// How far an entry is from being safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Safety {
    /// People who cosigned past it, of those who count.
    pub have: usize,
    /// How many of them make it safe. Zero means that nobody does, because there is no charter.
    pub needed: usize,
}

impl Safety {
    /// Whether no quorum that opens anything can meet any more without somebody whose copy holds the entry.
    pub fn is_safe(&self) -> bool {
        self.needed > 0 && self.have >= self.needed
    }

    fn lacking(&self) -> usize {
        self.needed.saturating_sub(self.have)
    }
}

/// How far the entry at `index` is from surviving the loss of the server and of everybody's copy but the cosigners'.
///
/// `cosigned` holds, by person, the size of the largest tree that they cosigned: it covers the entry if it is larger
/// than `index`. A trustee's cosignature says 'I hold the live blobs', too. For every quorum that opens a vault there
/// must be one group of n people with threshold k of which n − k + 1 have cosigned past the entry: then that group
/// cannot meet without one of them. Where several quorums open something, the one that lacks most people is told.
/// Technicians do not count, even those who hold shares: a technician and the server are one and the same in what
/// they can make others lose.
///
/// Nothing is safe without a charter.
pub fn safety(charter: Option<&Charter>, index: u64, cosigned: &BTreeMap<PersonId, u64>) -> Safety {
    let nobody = Safety { have: 0, needed: 0 };
    let Some(charter) = charter else { return nobody };
    let witnesses = charter.witnesses();
    let holds = |person: &&PersonId| {
        let size = cosigned.get(person).filter(|_| witnesses.contains(person));
        size.is_some_and(|size| *size > index)
    };
    let of_group = |group: &Group| Safety {
        have: group.members().iter().filter(holds).count(),
        needed: group.members().len().saturating_sub(usize::from(group.threshold())).saturating_add(1),
    };
    let names = charter.vaults().flat_map(|vault| &vault.opened_by);
    let nearest = |quorum: &Quorum| quorum.groups().iter().map(of_group).min_by_key(Safety::lacking);
    let quorums = names.map(|name| charter.quorum(name).and_then(nearest).unwrap_or(nobody));
    quorums.max_by_key(|safety| (safety.needed == 0, safety.lacking())).unwrap_or(nobody)
}

/// Whether [`safety`] is reached.
pub fn safe(charter: Option<&Charter>, index: u64, cosigned: &BTreeMap<PersonId, u64>) -> bool {
    safety(charter, index, cosigned).is_safe()
}

/// Whether anything can ever be [`safe`] under this charter: not where so many holders of shares are technicians that
/// some quorum meets without anybody who counts.
pub fn can_be_safe(charter: &Charter) -> bool {
    let everybody = charter.witnesses().into_iter().map(|person| (person, u64::MAX)).collect();
    safe(Some(charter), 0, &everybody)
}
