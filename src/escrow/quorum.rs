//! Quorums: who must agree, and the proof that they did.
//!
//! A [`Quorum`] is one group, or several disjoint groups that must all agree, each k of n. There is no way to build
//! an empty one, one that a single person satisfies, or one that asks for more people than it names. A [`Consent`]
//! can only come out of [`Quorum::consent`]: whatever needs a quorum's agreement takes a `Consent` as an argument, and
//! whatever needs several an [`Agreement`].

use std::collections::BTreeSet;
use std::fmt;

use super::id::PersonId;

/// Most people that one quorum may name, over all its groups.
pub const MAX_QUORUM_MEMBERS: usize = 64;

/// Why a quorum is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadQuorum {
    /// The name is not 1–32 characters of `a-z`, `0-9` and `-`.
    #[error("a quorum's name is 1 to 32 characters of a-z, 0-9 and '-': {0:?} is not")]
    Name(String),
    /// No groups, or a group without members: empty means nobody.
    #[error("a quorum or one of its groups is empty, which would mean nobody; name at least two people")]
    Empty,
    /// A threshold outside 2 … n.
    #[error("a threshold of {threshold} of {members} is refused: choose between 2 and the number of people named")]
    Threshold {
        /// The threshold asked for.
        threshold: u32,
        /// How many people the group names.
        members: usize,
    },
    /// Somebody stands twice, in one group or in two.
    #[error("somebody is named twice in one quorum; each person counts once")]
    Duplicate,
    /// More than [`MAX_QUORUM_MEMBERS`].
    #[error("a quorum names at most {MAX_QUORUM_MEMBERS} people")]
    TooMany,
}

/// The name by which charter, vaults and shares refer to a quorum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuorumName(String);

impl QuorumName {
    /// 1–32 characters of `a-z`, `0-9`, `-`.
    pub fn parse(name: &str) -> Result<Self, BadQuorum> {
        if is_plain_name(name) { Ok(Self(name.to_owned())) } else { Err(BadQuorum::Name(name.to_owned())) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QuorumName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names of quorums and vaults stand in the clear and are typed by people: 1–32 characters of `a-z`, `0-9`, `-`.
pub(super) fn is_plain_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// k of n people. 2 ≤ k ≤ n, members sorted and distinct; a member's position decides the x of their share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    threshold: u8,
    members: Vec<PersonId>,
}

impl Group {
    /// Refuses an empty group, a threshold outside 2 … n, and duplicates. Members are put in order.
    pub fn new(threshold: u32, mut members: Vec<PersonId>) -> Result<Self, BadQuorum> {
        if members.is_empty() {
            return Err(BadQuorum::Empty);
        }
        if members.len() > MAX_QUORUM_MEMBERS {
            return Err(BadQuorum::TooMany);
        }
        let count = members.len();
        members.sort();
        members.dedup();
        if members.len() != count {
            return Err(BadQuorum::Duplicate);
        }
        match u8::try_from(threshold) {
            Ok(k) if k >= 2 && usize::from(k) <= count => Ok(Self { threshold: k, members }),
            _ => Err(BadQuorum::Threshold { threshold, members: count }),
        }
    }

    /// How many of the members must agree.
    pub fn threshold(&self) -> u8 {
        self.threshold
    }

    /// The members, in order.
    pub fn members(&self) -> &[PersonId] {
        &self.members
    }

    /// Whether all must agree, so that it stops working with the first one who is lost.
    pub fn is_everybody(&self) -> bool {
        usize::from(self.threshold) == self.members.len()
    }

    /// The Shamir x of a member's share: position + 1, never 0.
    pub fn x_of(&self, person: &PersonId) -> Option<u8> {
        let position = self.members.binary_search(person).ok()?;
        u8::try_from(position + 1).ok()
    }
}

/// A named agreement: every group must reach its threshold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    name: QuorumName,
    groups: Vec<Group>,
}

impl Quorum {
    /// Refuses no groups, and groups that share a person.
    pub fn new(name: QuorumName, groups: Vec<Group>) -> Result<Self, BadQuorum> {
        if groups.is_empty() {
            return Err(BadQuorum::Empty);
        }
        let total: usize = groups.iter().map(|g| g.members.len()).sum();
        if total > MAX_QUORUM_MEMBERS {
            return Err(BadQuorum::TooMany);
        }
        let distinct: BTreeSet<_> = groups.iter().flat_map(|g| &g.members).collect();
        if distinct.len() != total {
            return Err(BadQuorum::Duplicate);
        }
        Ok(Self { name, groups })
    }

    /// Its name.
    pub fn name(&self) -> &QuorumName {
        &self.name
    }

    /// Its groups, in the charter's order. A group's position decides the x of its outer share.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Everybody named, over all groups.
    pub fn members(&self) -> impl Iterator<Item = &PersonId> {
        self.groups.iter().flat_map(|g| &g.members)
    }

    /// Whether this person is named.
    pub fn names(&self, person: &PersonId) -> bool {
        self.members().any(|m| m == person)
    }

    /// How many people must agree in all.
    pub fn needed(&self) -> usize {
        self.groups.iter().map(|g| usize::from(g.threshold)).sum()
    }

    /// The only way to a [`Consent`]: every group reached its threshold with distinct members.
    pub fn consent(&self, agreed: &BTreeSet<PersonId>) -> Option<Consent> {
        let mut persons = BTreeSet::new();
        for group in &self.groups {
            let mut count = 0usize;
            for member in group.members.iter().filter(|m| agreed.contains(m)) {
                persons.insert(*member);
                count += 1;
            }
            if count < usize::from(group.threshold) {
                return None;
            }
        }
        Some(Consent { quorum: self.name.clone(), persons })
    }

    /// Whether everybody who satisfies this quorum satisfies `other`, too: then putting this one in its place makes
    /// nothing easier.
    pub fn implies(&self, other: &Self) -> bool {
        // Groups are disjoint: who keeps as far as possible out of one of `other`'s groups chooses in each group
        // separately, and meets it with those whom the group's threshold forces into it.
        let forced = |members: &[PersonId]| -> usize {
            let outside = |group: &Group| group.members.iter().filter(|m| !members.contains(m)).count();
            self.groups.iter().map(|g| usize::from(g.threshold).saturating_sub(outside(g))).sum()
        };
        other.groups.iter().all(|group| forced(&group.members) >= usize::from(group.threshold))
    }

    /// The same people, one more of each group if there is one: what a veto asks for.
    pub fn one_more(&self) -> Self {
        let more = |group: &Group| {
            let threshold = group.threshold.saturating_add(1);
            let members = group.members.clone();
            Group {
                threshold: if usize::from(threshold) <= members.len() { threshold } else { group.threshold },
                members,
            }
        };
        Self { name: self.name.clone(), groups: self.groups.iter().map(more).collect() }
    }

    /// How many further people must agree, at least.
    pub fn missing(&self, agreed: &BTreeSet<PersonId>) -> usize {
        self.groups
            .iter()
            .map(|g| {
                let have = g.members.iter().filter(|m| agreed.contains(m)).count();
                usize::from(g.threshold).saturating_sub(have)
            })
            .sum()
    }
}

/// Proof that a quorum agreed. Only [`Quorum::consent`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    quorum: QuorumName,
    persons: BTreeSet<PersonId>,
}

impl Consent {
    /// The quorum that agreed.
    pub fn quorum(&self) -> &QuorumName {
        &self.quorum
    }

    /// Those of its members who agreed.
    pub fn persons(&self) -> &BTreeSet<PersonId> {
        &self.persons
    }
}

/// The agreement of every quorum that something needs: at least one. They need not be distinct, because parts that a
/// version took over may have been dealt under an earlier charter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    first: Consent,
    others: Vec<Consent>,
}

impl Agreement {
    /// `None` if one consent is missing, and if none is asked for: empty means nobody.
    pub fn of(consents: impl IntoIterator<Item = Option<Consent>>) -> Option<Self> {
        let mut consents = consents.into_iter().collect::<Option<Vec<_>>>()?.into_iter();
        Some(Self { first: consents.next()?, others: consents.collect() })
    }

    /// The consents, in the order in which they were asked for.
    pub fn consents(&self) -> impl Iterator<Item = &Consent> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Everybody who counts in one of them.
    pub fn persons(&self) -> BTreeSet<PersonId> {
        self.consents().flat_map(|consent| consent.persons()).copied().collect()
    }

    /// The quorums that agreed.
    pub fn quorums(&self) -> BTreeSet<&QuorumName> {
        self.consents().map(Consent::quorum).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(range: std::ops::Range<u8>) -> Vec<PersonId> {
        range.map(|i| PersonId::new([i; 32])).collect()
    }

    fn name() -> QuorumName {
        QuorumName::parse("everyday").unwrap()
    }

    #[test]
    fn nobody_one_and_too_many_are_refused() {
        assert_eq!(Group::new(2, vec![]), Err(BadQuorum::Empty));
        for threshold in [0, 1, 4, 300] {
            assert_eq!(Group::new(threshold, people(0..3)), Err(BadQuorum::Threshold { threshold, members: 3 }));
        }
        assert_eq!(Group::new(2, people(0..65)), Err(BadQuorum::TooMany));
        assert_eq!(Quorum::new(name(), vec![]), Err(BadQuorum::Empty));
        assert!(QuorumName::parse("").is_err());
        assert!(QuorumName::parse("Everyday ").is_err());
    }

    #[test]
    fn nobody_counts_twice() {
        let mut twice = people(0..3);
        twice.push(PersonId::new([1; 32]));
        assert_eq!(Group::new(2, twice), Err(BadQuorum::Duplicate));
        let a = Group::new(2, people(0..3)).unwrap();
        let b = Group::new(2, people(2..5)).unwrap();
        assert_eq!(Quorum::new(name(), vec![a, b]), Err(BadQuorum::Duplicate));
    }

    #[test]
    fn implication_is_what_trying_all_sets_says() {
        let group =
            |k: u32, ids: &[u8]| Group::new(k, ids.iter().map(|i| PersonId::new([*i; 32])).collect()).unwrap();
        let quorum = |groups: Vec<Group>| Quorum::new(name(), groups).unwrap();
        let quorums = [
            quorum(vec![group(3, &[0, 1, 2, 3, 4])]),
            quorum(vec![group(4, &[0, 1, 2, 3, 4])]),
            quorum(vec![group(3, &[0, 1, 2, 3])]),
            quorum(vec![group(3, &[1, 2, 3, 4, 5])]),
            quorum(vec![group(2, &[0, 1])]),
            quorum(vec![group(2, &[0, 1, 2]), group(2, &[3, 4, 5])]),
            quorum(vec![group(2, &[0, 1, 2]), group(3, &[3, 4, 5])]),
            quorum(vec![group(2, &[0, 3]), group(2, &[1, 4])]),
            quorum(vec![group(5, &[0, 1, 2, 3, 4, 5])]),
        ];
        let sets: Vec<BTreeSet<PersonId>> = (0..64_u8)
            .map(|bits| (0..6).filter(|i| bits >> i & 1 == 1).map(|i| PersonId::new([i; 32])).collect())
            .collect();
        let mut implied = 0;
        for new in &quorums {
            for old in &quorums {
                let all = sets.iter().filter(|set| new.consent(set).is_some()).all(|set| old.consent(set).is_some());
                assert_eq!(new.implies(old), all, "{new:?} / {old:?}");
                implied += usize::from(all);
            }
        }
        assert!(implied > quorums.len(), "more than each itself");
    }

    #[test]
    fn every_group_must_agree() {
        let a = Group::new(2, people(0..3)).unwrap();
        let b = Group::new(2, people(3..6)).unwrap();
        let quorum = Quorum::new(name(), vec![a, b]).unwrap();
        let set = |ids: &[u8]| ids.iter().map(|i| PersonId::new([*i; 32])).collect::<BTreeSet<_>>();
        assert!(quorum.consent(&set(&[0, 1, 2, 3])).is_none());
        assert_eq!(quorum.missing(&set(&[0, 1, 2, 3])), 1);
        let consent = quorum.consent(&set(&[0, 1, 3, 5, 9])).unwrap();
        assert_eq!(consent.persons(), &set(&[0, 1, 3, 5]));
    }
}
