//! The charters of the tests, and how their parts and accounts are named.

use std::collections::BTreeSet;

use sequestre::escrow::charter::RULES_VERSION;
use sequestre::escrow::id::CredentialId;
use sequestre::escrow::part::{PartId, PartKind, VersionId};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;
use sequestre::proto::v1;

use super::World;
use super::actors::*;

/// Ids as charters list them.
pub fn ids(people: &[Who]) -> Vec<Vec<u8>> {
    people.iter().map(|who| who.id).collect::<BTreeSet<_>>().into_iter().map(|id| id.to_vec()).collect()
}

/// `people` in the order of their ids.
pub fn sorted(people: &[Who]) -> Vec<Who> {
    let mut people = people.to_vec();
    people.sort_by_key(|who| who.id);
    people
}

pub fn group(threshold: u32, people: &[Who]) -> v1::Group {
    v1::Group { threshold, members: ids(people) }
}

pub fn quorum(name: &str, groups: Vec<v1::Group>) -> v1::Quorum {
    v1::Quorum { name: name.to_owned(), groups }
}

/// People by role.
pub fn anybody(roles: &[Role]) -> Option<v1::Who> {
    Some(v1::Who { roles: wire_roles(roles), persons: Vec::new() })
}

pub fn wire_roles(roles: &[Role]) -> Vec<i32> {
    roles.iter().map(|role| *role as i32).collect()
}

pub fn vault(name: &str, opened_by: &[&str], askers: &[Role], longest: Seconds) -> v1::Vault {
    v1::Vault {
        name: name.to_owned(),
        opened_by: opened_by.iter().map(|name| (*name).to_owned()).collect(),
        askers: anybody(askers),
        depositors: anybody(&[Role::Trustee, Role::Member]),
        longest_lease: longest.0,
        leases_signed_by: Vec::new(),
        unasked: None,
    }
}

/// A charter without people beyond the trustees. Quorums and vaults must be given in order.
pub fn charter(version: u32, trustees: &[Who], quorums: Vec<v1::Quorum>, vaults: Vec<v1::Vault>) -> v1::Charter {
    v1::Charter {
        version,
        rules_version: RULES_VERSION,
        log_key: Some(public(&LOG_KEY).into()),
        address: ADDRESS.to_owned(),
        trustees: ids(trustees),
        mediators: Vec::new(),
        technicians: Vec::new(),
        quorums,
        admission: "everyday".to_owned(),
        vaults,
        limits: Some(v1::Limits { entries_per_day: 200, bytes_per_day: 4 << 20 }),
        destroy_delay: 7 * 86_400,
    }
}

/// Seven trustees: `everyday` 2, `vital` 4, `amend` 5, `destroy` 5 of 7. Vault `web` is opened by `everyday` and by
/// `vital`, for trustees and members, 30 days at most; vault `bank` by `vital`, for trustees only, 90 days at most.
pub fn standard_charter() -> v1::Charter {
    let of_all = |name, threshold| quorum(name, vec![group(threshold, &TRUSTEES)]);
    let quorums = vec![of_all("amend", 5), of_all("destroy", 5), of_all("everyday", 2), of_all("vital", 4)];
    let vaults = vec![
        vault("bank", &["vital"], &[Role::Trustee], Seconds(90 * 86_400)),
        vault("web", &["everyday", "vital"], &[Role::Trustee, Role::Member], Seconds(30 * 86_400)),
    ];
    let mut charter = charter(1, &TRUSTEES, quorums, vaults);
    charter.mediators = ids(&[MEDIATOR]);
    charter.technicians = ids(&[TECHNICIAN]);
    charter
}

pub const BOARD: [Who; 3] = [Who(0), Who(1), Who(2)];
pub const TECHNICAL: [Who; 3] = [Who(3), Who(4), Who(5)];

/// Two groups that must both agree: two of three of the board, and two of three of the technical committee.
pub fn two_group_charter() -> v1::Charter {
    let both = |name| quorum(name, vec![group(2, &BOARD), group(2, &TECHNICAL)]);
    let quorums = vec![both("amend"), both("destroy"), both("everyday")];
    let vaults = vec![vault("web", &["everyday"], &[Role::Trustee, Role::Member], Seconds(30 * 86_400))];
    charter(1, &TRUSTEES[..6], quorums, vaults)
}

/// The token of a test's invitation.
pub fn token(label: &str) -> [u8; 32] {
    fake(&format!("token {label}"))
}

pub fn credential(n: u8) -> CredentialId {
    CredentialId::new([n; 16])
}

pub fn version(n: u8, version: u32) -> VersionId {
    VersionId { credential: credential(n), version }
}

pub fn part(n: u8, number: u32, kind: PartKind) -> PartId {
    PartId { version: version(n, number), kind }
}

impl World {
    /// The founder amends the charter of [`standard_charter`]; enough others sign.
    pub fn let_amend(&mut self, charter: v1::Charter) {
        let proposal = self.propose_charter(charter, &[]);
        for who in &TRUSTEES[1..5] {
            self.ok(*who, self.sign(proposal));
        }
    }

    /// A day begins in which each person may add ten entries.
    pub fn let_limit(&mut self) {
        let limits = Some(v1::Limits { entries_per_day: 10, bytes_per_day: 4 << 20 });
        self.let_amend(v1::Charter { version: 2, limits, ..standard_charter() });
        self.wait(Seconds::DAY);
    }
}
