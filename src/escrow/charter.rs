//! The charter: who holds which office, which quorums there are, what opens which vault.
//!
//! A [`Charter`] that exists is consistent: every quorum names only trustees, every vault is opened by quorums that
//! the charter has, `amend` and `destroy` are there, nobody is mediator and trustee at once. Whether it is *in
//! force* is for the [organisation](super::organisation) to say.

use std::collections::{BTreeMap, BTreeSet};

use super::id::PersonId;
use super::key::{SpokenCode, VerifyingKey};
use super::quorum::{Group, Quorum, QuorumName, is_plain_name};
use super::role::{Role, Roles};
use super::time::Seconds;
use super::wire::{self, Malformed};
use crate::proto::v1;

/// The rules that this software decides by. State of the log; a log with a later version is not signed upon.
pub const RULES_VERSION: u32 = 1;
/// Shortest lease.
pub const SHORTEST_LEASE: Seconds = Seconds::MINUTE;
/// Longest lease that a vault can allow.
pub const LONGEST_LEASE: Seconds = Seconds(90 * Seconds::DAY.0);
/// The quorum that changes the charter.
pub const AMEND: &str = "amend";
/// The quorum that deletes.
pub const DESTROY: &str = "destroy";
/// Shortest time between the two agreements to destroy something.
pub const SHORTEST_DELAY: Seconds = Seconds::HOUR;
/// Longest time between the two agreements to destroy something.
pub const LONGEST_DELAY: Seconds = Seconds(90 * Seconds::DAY.0);
/// Fewest entries per person and day that a charter can allow: with fewer nobody could amend it.
pub const FEWEST_ENTRIES: u32 = 10;
/// Fewest bytes per person and day that a charter can allow: a charter must fit, and signatures under it.
pub const FEWEST_BYTES: u64 = 1 << 20;
/// Longest `host:port`, in bytes.
const MAX_ADDRESS: usize = 255;

/// Why a charter is refused although it is well-formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCharter {
    /// Not well-formed.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Rules that this version does not know.
    #[error("the charter asks for rules version {0}, which this version does not know; update this software")]
    Rules(u32),
    /// A quorum that every charter needs.
    #[error("the charter has no quorum named {0:?}; add one")]
    NoQuorum(&'static str),
    /// A quorum without which nothing changes, that stops working with the first person lost.
    #[error(
        "quorum {0:?} has a group of four or more who must all agree; if one of them is lost, so is the group: ask for \
         one fewer"
    )]
    Everybody(&'static str),
    /// A name that nothing in the charter bears.
    #[error("the charter refers to a quorum {0:?} that it does not have")]
    UnknownQuorum(String),
    /// Somebody in a quorum who holds no shares.
    #[error("quorum {0} names somebody who is not a trustee; only trustees hold shares")]
    NotTrustee(QuorumName),
    /// One person cannot both hold shares and judge.
    #[error("somebody is named trustee and mediator; a mediator is not a trustee")]
    MediatorIsTrustee,
    /// No vault, or a vault that nothing opens.
    #[error("a charter needs at least one vault, and each vault at least one quorum that opens it")]
    NoVault,
    /// A vault's longest lease outside 1 minute … 90 days.
    #[error("the longest lease of vault {0:?} must lie between 1 minute and 90 days")]
    Lease(String),
    /// Limits that would lock everybody out, also from mending them.
    #[error(
        "these daily limits would lock everybody out; allow at least {FEWEST_ENTRIES} entries and {FEWEST_BYTES} bytes \
         per person"
    )]
    Limits,
    /// A delay outside 1 hour … 90 days.
    #[error("the time between the two agreements to destroy something must lie between 1 hour and 90 days")]
    DestroyDelay,
    /// Not `host:port`.
    #[error("the daemon's address must be host:port")]
    Address,
}

/// The name of a vault: 1–32 characters of `a-z`, `0-9`, `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VaultName(String);

impl VaultName {
    /// Parses the name.
    pub fn parse(name: &str) -> Result<Self, Malformed> {
        if is_plain_name(name) { Ok(Self(name.to_owned())) } else { Err(Malformed::Range("vault name")) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for VaultName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// People by role, by name, or both. Empty means nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Who {
    /// Everybody with one of these roles.
    pub roles: BTreeSet<Role>,
    /// And these.
    pub persons: BTreeSet<PersonId>,
}

impl Who {
    fn parse(who: Option<v1::Who>) -> Result<Self, Malformed> {
        let who = who.unwrap_or_default();
        wire::ascending(&who.roles, "roles", |role| *role)?;
        let roles = who.roles.iter().map(|number| wire::role(*number)).collect::<Result<_, _>>()?;
        let persons = wire::persons(&who.persons, "persons")?.into_iter().collect();
        Ok(Self { roles, persons })
    }

    /// Whether this includes a person with these roles.
    pub fn includes(&self, person: &PersonId, roles: &BTreeSet<Role>) -> bool {
        self.persons.contains(person) || !self.roles.is_disjoint(roles)
    }
}

/// A vault: a named policy, not a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// Its name.
    pub name: VaultName,
    /// Any one of these quorums opens; every version is dealt to each.
    pub opened_by: Vec<QuorumName>,
    /// Who may ask for access.
    pub askers: Who,
    /// Who may deposit.
    pub depositors: Who,
    /// Longest access that can be asked for.
    pub longest_lease: Seconds,
    /// Any one of these quorums signs leases that a connector makes. Never empty: what the charter leaves out are those
    /// of `opened_by`.
    pub leases_signed_by: Vec<QuorumName>,
    /// Who gets such a lease without anybody's signature while the connector is open.
    pub unasked: Who,
}

/// What one person may add to the log in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries per person and day (UTC).
    pub entries_per_day: u32,
    /// Bytes of entries per person and day (UTC).
    pub bytes_per_day: u64,
}

impl Limits {
    /// What holds before there is a charter.
    pub const FOUNDING: Self = Self { entries_per_day: 500, bytes_per_day: 4 << 20 };
}

/// A consistent charter.
#[derive(Debug, Clone, PartialEq)]
pub struct Charter {
    version: u32,
    log_key: VerifyingKey,
    address: String,
    trustees: BTreeSet<PersonId>,
    mediators: BTreeSet<PersonId>,
    technicians: BTreeSet<PersonId>,
    quorums: BTreeMap<QuorumName, Quorum>,
    admission: QuorumName,
    vaults: BTreeMap<VaultName, Vault>,
    limits: Limits,
    destroy_delay: Seconds,
    code: SpokenCode,
    wire: v1::Charter,
}

impl Charter {
    /// Parses and checks a charter.
    pub fn parse(charter: v1::Charter) -> Result<Self, BadCharter> {
        use prost::Message as _;
        let code = SpokenCode::of("sequestre/charter-code/v1", &[&charter.encode_to_vec()]);
        let wire = charter.clone();
        if charter.version == 0 {
            return Err(Malformed::Range("charter version").into());
        }
        if charter.rules_version != RULES_VERSION {
            return Err(BadCharter::Rules(charter.rules_version));
        }
        if !is_address(&charter.address) {
            return Err(BadCharter::Address);
        }
        let set = |list: &[Vec<u8>], what| -> Result<BTreeSet<_>, Malformed> {
            Ok(wire::persons(list, what)?.into_iter().collect())
        };
        let trustees = set(&charter.trustees, "trustees")?;
        let mediators = set(&charter.mediators, "mediators")?;
        let technicians = set(&charter.technicians, "technicians")?;
        if !trustees.is_disjoint(&mediators) {
            return Err(BadCharter::MediatorIsTrustee);
        }
        let quorums = quorums(&charter.quorums, &trustees)?;
        for needed in [AMEND, DESTROY] {
            let quorum = quorums.iter().find(|(name, _)| name.as_str() == needed);
            let (_, quorum) = quorum.ok_or(BadCharter::NoQuorum(needed))?;
            if quorum.groups().iter().any(|group| group.members().len() >= 4 && group.is_everybody()) {
                return Err(BadCharter::Everybody(needed));
            }
        }
        let known = |name: &str| -> Result<QuorumName, BadCharter> {
            let parsed = QuorumName::parse(name).map_err(Malformed::from)?;
            if quorums.contains_key(&parsed) { Ok(parsed) } else { Err(BadCharter::UnknownQuorum(name.to_owned())) }
        };
        let admission = known(&charter.admission)?;
        wire::ascending(&charter.vaults, "vaults", |v| v.name.clone())?;
        let mut vaults = BTreeMap::new();
        for vault in charter.vaults {
            let name = VaultName::parse(&vault.name)?;
            wire::ascending(&vault.opened_by, "quorums of a vault", |q| q.clone())?;
            let opened_by = vault.opened_by.iter().map(|q| known(q)).collect::<Result<Vec<_>, _>>()?;
            if opened_by.is_empty() {
                return Err(BadCharter::NoVault);
            }
            let longest_lease = Seconds(vault.longest_lease);
            if !(SHORTEST_LEASE..=LONGEST_LEASE).contains(&longest_lease) {
                return Err(BadCharter::Lease(vault.name));
            }
            let (askers, depositors) = (Who::parse(vault.askers)?, Who::parse(vault.depositors)?);
            wire::ascending(&vault.leases_signed_by, "quorums that sign leases", |q| q.clone())?;
            let signers = vault.leases_signed_by.iter().map(|q| known(q)).collect::<Result<Vec<_>, _>>()?;
            let leases_signed_by = if signers.is_empty() { opened_by.clone() } else { signers };
            let unasked = Who::parse(vault.unasked)?;
            let vault =
                Vault { name: name.clone(), opened_by, askers, depositors, longest_lease, leases_signed_by, unasked };
            vaults.insert(name, vault);
        }
        if vaults.is_empty() {
            return Err(BadCharter::NoVault);
        }
        let limits = wire::required(charter.limits, "limits")?;
        let limits = Limits { entries_per_day: limits.entries_per_day, bytes_per_day: limits.bytes_per_day };
        if limits.entries_per_day < FEWEST_ENTRIES || limits.bytes_per_day < FEWEST_BYTES {
            return Err(BadCharter::Limits);
        }
        let destroy_delay = Seconds(charter.destroy_delay);
        if !(SHORTEST_DELAY..=LONGEST_DELAY).contains(&destroy_delay) {
            return Err(BadCharter::DestroyDelay);
        }
        Ok(Self {
            version: charter.version,
            log_key: wire::signing_key(charter.log_key)?,
            address: charter.address,
            trustees,
            mediators,
            technicians,
            quorums,
            admission,
            vaults,
            limits,
            destroy_delay,
            code,
            wire,
        })
    }

    /// 1 at founding, one more with each amendment.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Who signs checkpoints and daemon acts.
    pub fn log_key(&self) -> &VerifyingKey {
        &self.log_key
    }

    /// `host:port` of the daemon.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Those who hold shares.
    pub fn trustees(&self) -> &BTreeSet<PersonId> {
        &self.trustees
    }

    /// Those who read and judge.
    pub fn mediators(&self) -> &BTreeSet<PersonId> {
        &self.mediators
    }

    /// Those who run the daemon.
    pub fn technicians(&self) -> &BTreeSet<PersonId> {
        &self.technicians
    }

    /// Trustees and mediators who are not technicians: those whose cosignatures count.
    pub fn witnesses(&self) -> BTreeSet<PersonId> {
        self.trustees.union(&self.mediators).filter(|p| !self.technicians.contains(p)).copied().collect()
    }

    /// Everybody who holds an office.
    pub fn named(&self) -> BTreeSet<PersonId> {
        [&self.trustees, &self.mediators, &self.technicians].into_iter().flatten().copied().collect()
    }

    /// The offices of a person; membership is not one of them.
    pub fn offices(&self, person: &PersonId) -> BTreeSet<Role> {
        [(Role::Trustee, &self.trustees), (Role::Mediator, &self.mediators), (Role::Technician, &self.technicians)]
            .into_iter()
            .filter(|(_, people)| people.contains(person))
            .map(|(role, _)| role)
            .collect()
    }

    /// Whether these roles are this person's offices, give or take membership.
    pub fn grants(&self, person: &PersonId, roles: &Roles) -> bool {
        let wanted: BTreeSet<Role> = roles.iter().filter(|role| *role != Role::Member).collect();
        self.offices(person) == wanted
    }

    /// A quorum by name.
    pub fn quorum(&self, name: &QuorumName) -> Option<&Quorum> {
        self.quorums.get(name)
    }

    /// All quorums, by name.
    pub fn quorums(&self) -> impl Iterator<Item = &Quorum> {
        self.quorums.values()
    }

    /// The quorum that changes the charter. Parsing made sure that it is there.
    pub fn amend(&self) -> Option<&Quorum> {
        self.quorums.values().find(|q| q.name().as_str() == AMEND)
    }

    /// The quorum that destroys. Parsing made sure that it is there.
    pub fn destroy(&self) -> Option<&Quorum> {
        self.quorums.values().find(|q| q.name().as_str() == DESTROY)
    }

    /// How long lies, at least, between the two agreements to destroy something.
    pub fn destroy_delay(&self) -> Seconds {
        self.destroy_delay
    }

    /// Whether `next` in the place of this charter takes two agreements: it lets people destroy, or answer a veto, who
    /// cannot now; it shortens the delay; or it asks for more people than now to destroy, so that those who are left
    /// out can be kept out for ever.
    pub fn is_weakened_by(&self, next: &Self) -> bool {
        let harder = |(now, then): (&Quorum, &Quorum)| then.implies(now);
        let more = |(now, then): (&Quorum, &Quorum)| then.needed() > now.needed();
        let destroy = || self.destroy().zip(next.destroy());
        !destroy().is_some_and(harder)
            || destroy().is_some_and(more)
            || !self.amend().zip(next.amend()).is_some_and(harder)
            || next.destroy_delay < self.destroy_delay
    }

    /// The quorum that admits and removes members.
    pub fn admission(&self) -> Option<&Quorum> {
        self.quorums.get(&self.admission)
    }

    /// A vault by name.
    pub fn vault(&self, name: &VaultName) -> Option<&Vault> {
        self.vaults.get(name)
    }

    /// All vaults, by name.
    pub fn vaults(&self) -> impl Iterator<Item = &Vault> {
        self.vaults.values()
    }

    /// Daily limits.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// As it was signed: what an amendment or a move starts from.
    pub fn wire(&self) -> &v1::Charter {
        &self.wire
    }

    /// The charter code: what everybody reads aloud before signing. Different charters, different codes.
    pub fn code(&self) -> &SpokenCode {
        &self.code
    }
}

fn quorums(list: &[v1::Quorum], trustees: &BTreeSet<PersonId>) -> Result<BTreeMap<QuorumName, Quorum>, BadCharter> {
    wire::ascending(list, "quorums", |q| q.name.clone())?;
    let mut quorums = BTreeMap::new();
    for quorum in list {
        let name = QuorumName::parse(&quorum.name).map_err(Malformed::from)?;
        let mut groups = Vec::with_capacity(quorum.groups.len());
        for group in &quorum.groups {
            let members = wire::persons(&group.members, "members of a group")?;
            groups.push(Group::new(group.threshold, members).map_err(Malformed::from)?);
        }
        let quorum = Quorum::new(name.clone(), groups).map_err(Malformed::from)?;
        if !quorum.members().all(|member| trustees.contains(member)) {
            return Err(BadCharter::NotTrustee(name));
        }
        quorums.insert(name, quorum);
    }
    Ok(quorums)
}

/// `host:port` with a name, an IPv4 address or an IPv6 address in brackets: what a client can connect to, and a port in
/// its one spelling.
pub fn is_address(address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let known = match bracketed {
        Some(v6) => v6.parse::<core::net::Ipv6Addr>().is_ok(),
        None => {
            host.starts_with(|c: char| c.is_ascii_alphanumeric())
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        }
    };
    address.len() <= MAX_ADDRESS && known && port.parse::<u16>().is_ok_and(|p| p != 0 && p.to_string() == port)
}
