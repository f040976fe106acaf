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
use super::quorum::Group;
use super::time::{Seconds, Time};

/// How old a cosignature may be and still count.
pub const FRESH: Seconds = Seconds(7 * Seconds::DAY.0);

/// How far a log is witnessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Witnesses with a cosignature of the last seven days, the asking person included.
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

/// Whether the entry at `index` survives the loss of the server and of everybody's copy but the cosigners'.
///
/// `cosigned` holds, by person, the size of the largest tree that they cosigned: it covers the entry if it is larger
/// than `index`. A trustee's cosignature says 'I hold the live blobs', too. For every quorum that opens a vault there
/// must be one group of n people with threshold k of which n − k + 1 have cosigned past the entry: then that group
/// cannot meet without one of them. Technicians do not count, even those who hold shares: a technician and the
/// server are one and the same in what they can make others lose.
///
/// Nothing is safe without a charter.
pub fn safe(charter: Option<&Charter>, index: u64, cosigned: &BTreeMap<PersonId, u64>) -> bool {
    let Some(charter) = charter else { return false };
    let witnesses = charter.witnesses();
    let holds = |person: &PersonId| {
        let size = cosigned.get(person).filter(|_| witnesses.contains(person));
        size.is_some_and(|size| *size > index)
    };
    let cannot_meet_without = |group: &Group| {
        let without = group.members().iter().filter(|member| !holds(member)).count();
        without < usize::from(group.threshold())
    };
    let mut names = charter.vaults().flat_map(|vault| &vault.opened_by);
    names.all(|name| charter.quorum(name).is_some_and(|quorum| quorum.groups().iter().any(cannot_meet_without)))
}
