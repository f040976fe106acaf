//! Witnesses: whose cosignatures count, how many make a log believable, and from when on an entry cannot be lost.
//!
//! Everything here is counted from what was verified elsewhere. It must never count one person twice, nor somebody
//! whom the charter in force does not name.

use std::collections::{BTreeMap, BTreeSet};

use super::charter::Charter;
use super::id::PersonId;
use super::quorum::Quorum;

/// How many of `n` witnesses must have cosigned a log lately before somebody builds on it: ⌊2n/3⌋ + 1.
pub fn needed(n: usize) -> usize {
    n.saturating_mul(2) / 3 + 1
}

/// How many of `n` witnesses must cosign two different logs, together with the server, so that both look witnessed:
/// two sets of [`needed`] overlap in so many at least.
pub fn liars_needed(n: usize) -> usize {
    needed(n).saturating_mul(2).saturating_sub(n)
}

/// How far an entry is from being safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Safety {
    /// Trustees who cosigned past it, of those who count.
    pub have: usize,
    /// How many are needed. Zero means that nobody can make it safe, because there is no charter.
    pub needed: usize,
}

impl Safety {
    /// Whether no agreement can be reached any more without somebody who knows the entry.
    pub fn is_safe(&self) -> bool {
        self.needed > 0 && self.have >= self.needed
    }
}

/// How far the entry at `index` is from being safe: for every quorum that opens a vault, n − k + 1 members of one of
/// its groups cosigned a tree that contains it. `cosigned` holds the size of the largest tree that each person
/// cosigned. Where several quorums open something, the one that lacks most is told.
pub fn safety(charter: Option<&Charter>, index: u64, cosigned: &BTreeMap<PersonId, u64>) -> Safety {
    let Some(charter) = charter else { return Safety { have: 0, needed: 0 } };
    let opening: BTreeSet<_> = charter.vaults().flat_map(|vault| &vault.opened_by).collect();
    let knows = |person: &&PersonId| cosigned.get(person).is_some_and(|size| *size > index);
    let of_quorum = |quorum: &Quorum| {
        let groups = quorum.groups().iter().map(|group| Safety {
            have: group.members().iter().filter(knows).count(),
            needed: group.members().len().saturating_sub(usize::from(group.threshold())).saturating_add(1),
        });
        groups.min_by_key(lacking)
    };
    let quorums = opening.into_iter().filter_map(|name| charter.quorum(name)).filter_map(of_quorum);
    quorums.max_by_key(lacking).unwrap_or(Safety { have: 0, needed: 0 })
}

fn lacking(safety: &Safety) -> usize {
    safety.needed.saturating_sub(safety.have)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_logs_that_both_look_witnessed_share_liars() {
        for n in 1..200 {
            assert!(needed(n) <= n && 3 * needed(n) > 2 * n, "{n}");
            assert!(liars_needed(n) >= 1 && 3 * liars_needed(n) > n, "{n}");
        }
        assert_eq!((needed(7), liars_needed(7)), (5, 3));
        assert_eq!((needed(0), liars_needed(0)), (1, 2));
    }
}
