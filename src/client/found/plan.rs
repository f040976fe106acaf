//! What is planned at a founding: who is to be what, and which agreements there are; and the charter that it becomes.
//!
//! A plan says *nobody* where it names nobody, never *everybody*: a list that became empty is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::super::failure::{Exit, Failure};
use super::super::home;
use super::super::names::is_id;
use crate::escrow::charter::{AMEND, Charter, DESTROY, LONGEST_DELAY, RULES_VERSION, SHORTEST_DELAY, VaultName};
use crate::escrow::id::{PersonId, sha256};
use crate::escrow::key::VerifyingKey;
use crate::escrow::quorum::QuorumName;
use crate::escrow::refusal::Refusal;
use crate::escrow::role::{Role, Roles};
use crate::escrow::text::Text;
use crate::escrow::time::Seconds;
use crate::proto::v1;

/// The time between the two agreements to destroy something, where nothing else was said.
pub const DESTROY_DELAY: Seconds = Seconds(7 * Seconds::DAY.0);

/// Stands for the log's key before there is one: the base point of Ed25519 (RFC 8032 section 5.1).
const SOME_KEY: [u8; 32] = {
    let mut key = [0x66; 32];
    key[0] = 0x58;
    key
};

/// Who is to be what, and which agreements there are: what `sequestre found` is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The association's name.
    pub name: String,
    /// The founder's own name.
    pub me: String,
    /// The others, with their roles.
    pub people: Vec<Planned>,
    /// Agreements by name.
    pub quorums: BTreeMap<String, Vec<PlannedGroup>>,
    /// Vaults by name: the agreements that open each.
    pub vaults: BTreeMap<String, Vec<String>>,
    /// Which agreement admits members.
    pub admission: String,
    /// Seconds between the two agreements that destroying something needs.
    #[serde(default = "destroy_delay")]
    pub destroy_delay: u64,
}

/// A week: long enough for everybody to hear of it.
fn destroy_delay() -> u64 {
    DESTROY_DELAY.0
}

/// Somebody to invite.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Their name.
    pub name: String,
    /// Role names.
    pub roles: Vec<String>,
    /// Their invitation, once made.
    #[serde(default)]
    pub invitation: Option<String>,
}

/// k of some trustees.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct PlannedGroup {
    /// How many must agree.
    pub threshold: u32,
    /// Of whom.
    pub members: Members,
}

/// Whose agreement a group is: in JSON `"all"`, or a list of names. An empty list means nobody, and is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WrittenMembers", into = "WrittenMembers")]
pub enum Members {
    /// All trustees, whoever they are when the charter is made.
    All,
    /// These trustees.
    Named(Vec<String>),
}

impl Members {
    /// Who they are, where these are all trustees.
    fn of<'a>(&'a self, trustees: &[&'a String]) -> Vec<&'a String> {
        match self {
            Self::All => trustees.to_vec(),
            Self::Named(names) => names.iter().collect(),
        }
    }
}

/// As [`Members`] stand in a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenMembers {
    Word(String),
    List(Vec<String>),
}

impl TryFrom<WrittenMembers> for Members {
    type Error = &'static str;

    fn try_from(written: WrittenMembers) -> Result<Self, Self::Error> {
        match written {
            WrittenMembers::Word(word) if word == "all" => Ok(Self::All),
            WrittenMembers::List(names) if !names.is_empty() => Ok(Self::Named(names)),
            _ => Err("the members of a group are a list of at least one name, or \"all\" for all trustees"),
        }
    }
}

impl From<Members> for WrittenMembers {
    fn from(members: Members) -> Self {
        match members {
            Members::All => Self::Word("all".to_owned()),
            Members::Named(names) => Self::List(names),
        }
    }
}

impl Plan {
    /// Reads `NAME=K` or `NAME=K:Alice,Bob+K:Carl,Dan`.
    pub fn add_quorum(&mut self, text: &str) -> Result<(), Failure> {
        let bad = || Failure::new(Exit::Usage, "failed-quorum-form").with("text", text);
        let (name, groups) = text.split_once('=').ok_or_else(bad)?;
        let group = |part: &str| -> Result<PlannedGroup, Failure> {
            let (threshold, members) = match part.split_once(':') {
                None => (part, Members::All),
                Some((threshold, names)) => {
                    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
                    if names.iter().any(String::is_empty) {
                        return Err(bad());
                    }
                    (threshold, Members::Named(names))
                }
            };
            Ok(PlannedGroup { threshold: threshold.trim().parse().map_err(|_| bad())?, members })
        };
        let groups = groups.split('+').map(group).collect::<Result<Vec<_>, _>>()?;
        self.quorums.insert(name.trim().to_owned(), groups);
        Ok(())
    }

    /// Reads `NAME=QUORUM,QUORUM`.
    pub fn add_vault(&mut self, text: &str) -> Result<(), Failure> {
        let bad = || Failure::new(Exit::Usage, "failed-vault-form").with("text", text);
        let (name, quorums) = text.split_once('=').ok_or_else(bad)?;
        let quorums: Vec<String> = quorums.split(',').map(|q| q.trim().to_owned()).collect();
        self.vaults.insert(name.trim().to_owned(), quorums);
        Ok(())
    }

    /// Fills in what was not said: `everyday` 2, `vital`, `amend` and `destroy` more than half, a vault for each of
    /// the first two, members admitted by `everyday`.
    pub fn complete(&mut self) {
        let trustees = 1 + self.people.iter().filter(|p| p.roles.iter().any(|r| r == Role::Trustee.as_str())).count();
        let majority = u32::try_from(trustees / 2 + 1).unwrap_or(u32::MAX).max(2);
        for (name, threshold) in [("everyday", 2), ("vital", majority), (AMEND, majority), (DESTROY, majority)] {
            let all = || vec![PlannedGroup { threshold, members: Members::All }];
            self.quorums.entry(name.to_owned()).or_insert_with(all);
        }
        if self.vaults.is_empty() {
            for name in ["everyday", "vital"] {
                self.vaults.insert(name.to_owned(), vec![name.to_owned()]);
            }
        }
        if self.admission.is_empty() {
            self.admission = "everyday".to_owned();
        }
    }

    pub(super) fn roles_of(planned: &Planned) -> Result<Roles, Failure> {
        let unknown = || Failure::new(Exit::Usage, "failed-role-unknown").with("name", planned.roles.join(", "));
        let roles = planned.roles.iter().map(|name| Role::from_name(name).ok_or_else(unknown));
        Roles::new(roles.collect::<Result<Vec<_>, _>>()?).map_err(|e| unknown().because(e))
    }

    /// Mistakes that would otherwise show only after everybody joined.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let mut names = vec![self.me.clone()];
        for planned in &self.people {
            Self::roles_of(planned)?;
            Text::parse(&planned.name)?;
            if is_id(&planned.name) {
                return Err(Failure::new(Exit::Usage, "failed-looks-like-id").with("name", &planned.name));
            }
            if let Some(other) = names.iter().find(|n| crate::escrow::text::looks_like(n, &planned.name)) {
                let failure = Failure::new(Exit::Usage, "failed-lookalike");
                return Err(failure.with("name", &planned.name).with("other", other));
            }
            names.push(planned.name.clone());
        }
        let is_name = |name: &&String| QuorumName::parse(name).is_ok() && VaultName::parse(name).is_ok();
        if let Some(name) = self.quorums.keys().chain(self.vaults.keys()).find(|name| !is_name(name)) {
            return Err(Failure::new(Exit::Usage, "failed-plain-name").with("name", name));
        }
        let trustees: Vec<&String> = self.trustees();
        for (name, groups) in &self.quorums {
            let everybody = groups.iter().flat_map(|group| group.members.of(&trustees));
            let everybody: Vec<&str> = everybody.map(String::as_str).collect();
            if everybody.iter().collect::<BTreeSet<_>>().len() != everybody.len() {
                return Err(Failure::new(Exit::Usage, "amend-named-twice").with("list", everybody.join(", ")));
            }
            for group in groups {
                let members = group.members.of(&trustees);
                if let Some(stranger) = members.iter().find(|m| !trustees.contains(m)) {
                    return Err(Failure::new(Exit::Usage, "failed-name-unknown").with("name", stranger));
                }
                if group.threshold < 2 || group.threshold as usize > members.len() {
                    let failure = Failure::new(Exit::Usage, "failed-threshold").with("quorum", name);
                    return Err(failure.with("threshold", group.threshold).with("members", members.len()));
                }
            }
        }
        let delay = Seconds(self.destroy_delay);
        if !(SHORTEST_DELAY..=LONGEST_DELAY).contains(&delay) {
            return Err(Failure::new(Exit::Usage, "failed-destroy-delay"));
        }
        for quorum in self.vaults.values().flatten().chain([&self.admission]) {
            if !self.quorums.contains_key(quorum) {
                return Err(Failure::new(Exit::Usage, "failed-quorum-unknown").with("quorum", quorum));
            }
        }
        // What the rules say of it, with somebody else in everybody's place.
        let somebody = |name: &String| (name.clone(), PersonId::new(sha256(&[name.as_bytes()])));
        let people: BTreeMap<_, _> = names.iter().map(somebody).collect();
        let key = VerifyingKey::ed25519(&SOME_KEY).map_err(Failure::technical)?;
        let charter = self.charter(key, "server.example.org:1".to_owned(), &people);
        Charter::parse(charter).map(drop).map_err(|bad| Refusal::Charter(bad).into())
    }

    /// Goes on without these people. A group becomes smaller by it; that nobody is left is refused by the check, and
    /// never means everybody.
    pub(super) fn leave_out(&mut self, drop: &[String]) {
        self.people.retain(|p| !drop.contains(&p.name));
        for group in self.quorums.values_mut().flatten() {
            if let Members::Named(names) = &mut group.members {
                names.retain(|name| !drop.contains(name));
            }
        }
    }

    fn trustees(&self) -> Vec<&String> {
        let trustee = |p: &&Planned| p.roles.iter().any(|r| r == Role::Trustee.as_str());
        std::iter::once(&self.me).chain(self.people.iter().filter(trustee).map(|p| &p.name)).collect()
    }

    /// The charter, with these ids in the place of names; the founder's is among them.
    pub(super) fn charter(
        &self,
        log_key: VerifyingKey,
        address: String,
        people: &BTreeMap<String, PersonId>,
    ) -> v1::Charter {
        let ids =
            |names: Vec<&String>| sorted(names.into_iter().filter_map(|name| people.get(name)).copied().collect());
        let of_role = |role: Role| {
            let with = |p: &&Planned| p.roles.iter().any(|r| r == role.as_str());
            ids(self.people.iter().filter(with).map(|p| &p.name).collect())
        };
        let trustees = self.trustees();
        let quorums = self.quorums.iter().map(|(name, groups)| {
            let group =
                |g: &PlannedGroup| v1::Group { threshold: g.threshold, members: ids(g.members.of(&trustees)) };
            v1::Quorum { name: name.clone(), groups: groups.iter().map(group).collect() }
        });
        let who =
            |roles: &[Role]| Some(v1::Who { roles: roles.iter().map(|r| *r as i32).collect(), persons: vec![] });
        let vaults = self.vaults.iter().map(|(name, opened_by)| {
            let mut opened_by = opened_by.clone();
            opened_by.sort();
            v1::Vault {
                name: name.clone(),
                opened_by,
                askers: who(&[Role::Trustee, Role::Member]),
                depositors: who(&[Role::Trustee, Role::Technician, Role::Member]),
                longest_lease: 30 * Seconds::DAY.0,
                leases_signed_by: Vec::new(),
                unasked: None,
            }
        });
        v1::Charter {
            version: 1,
            rules_version: RULES_VERSION,
            log_key: Some(log_key.into()),
            address,
            trustees: ids(trustees.clone()),
            mediators: of_role(Role::Mediator),
            technicians: of_role(Role::Technician),
            quorums: quorums.collect(),
            admission: self.admission.clone(),
            vaults: vaults.collect(),
            limits: Some(v1::Limits { entries_per_day: 200, bytes_per_day: 2 << 20 }),
            destroy_delay: self.destroy_delay,
        }
    }
}

pub(in super::super) fn sorted(mut ids: Vec<PersonId>) -> Vec<Vec<u8>> {
    ids.sort();
    ids.dedup();
    ids.into_iter().map(PersonId::to_vec).collect()
}

pub(super) fn store_plan(path: &Path, plan: &Plan) -> Result<(), Failure> {
    home::write(path, &serde_json::to_vec_pretty(plan).map_err(Failure::technical)?)
}

pub(super) fn load_plan(path: &Path) -> Result<Option<Plan>, Failure> {
    let Some(bytes) = home::read_if_there(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|e| home::damaged(path).because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let trustee = |name: &str| Planned { name: name.to_owned(), roles: vec!["trustee".into()], invitation: None };
        let mut plan = Plan {
            name: "Les Amis".to_owned(),
            me: "Awa".to_owned(),
            people: vec![trustee("Bruno"), trustee("Denis")],
            quorums: BTreeMap::new(),
            vaults: BTreeMap::new(),
            admission: String::new(),
            destroy_delay: DESTROY_DELAY.0,
        };
        plan.complete();
        plan
    }

    #[test]
    fn an_empty_group_is_nobody_and_refused() {
        let read = |text: &str| serde_json::from_str::<PlannedGroup>(text);
        let group = PlannedGroup { threshold: 2, members: Members::All };
        assert_eq!(serde_json::to_value(&group).unwrap(), serde_json::json!({ "threshold": 2, "members": "all" }));
        assert_eq!(read(r#"{ "threshold": 2, "members": "all" }"#).unwrap(), group);
        let named = Members::Named(vec!["Awa".to_owned(), "Bruno".to_owned()]);
        assert_eq!(read(r#"{ "threshold": 2, "members": ["Awa", "Bruno"] }"#).unwrap().members, named);
        for bad in ["[]", "\"\"", "\"everybody\"", "null"] {
            assert!(read(&format!(r#"{{ "threshold": 2, "members": {bad} }}"#)).is_err(), "{bad}");
        }
        let mut plan = plan();
        for bad in ["both=2:", "both=2: , ", "both=2:Awa,", "both=2:Awa,Bruno+2:"] {
            assert!(plan.add_quorum(bad).is_err(), "{bad}");
        }
        plan.add_quorum("both=2:Awa, Bruno+2").unwrap();
        let groups: Vec<_> = plan.quorums["both"].iter().map(|group| group.members.clone()).collect();
        assert_eq!(groups, [named, Members::All]);
    }

    /// What the rules will refuse once everybody has joined is refused before anybody is invited.
    #[test]
    fn a_plan_that_could_never_be_agreed_upon_is_refused_at_once() {
        let refused = |change: &dyn Fn(&mut Plan)| {
            let mut plan = plan();
            plan.check().unwrap();
            change(&mut plan);
            plan.check().unwrap_err().key().to_owned()
        };
        for twice in ["both=2:Awa,Bruno,Awa", "both=2:Awa,Bruno+2", "both=2:Awa,Bruno+2:Bruno,Denis", "both=2+2"] {
            assert_eq!(refused(&|plan| plan.add_quorum(twice).unwrap()), "amend-named-twice", "{twice}");
        }
        for name in ["Every day=2", "été=2", "=2"] {
            assert_eq!(refused(&|plan| plan.add_quorum(name).unwrap()), "failed-plain-name", "{name}");
        }
        assert_eq!(refused(&|plan| plan.add_vault("Our web=everyday").unwrap()), "failed-plain-name");
        assert_eq!(refused(&|plan| plan.add_vault("web=everyday,everyday").unwrap()), "refused-bad-charter");
        let everybody = |plan: &mut Plan| {
            let more = Planned { name: "Chloé".into(), roles: vec!["trustee".into()], invitation: None };
            plan.people.push(more);
            plan.add_quorum("amend=4").unwrap();
        };
        assert_eq!(refused(&everybody), "refused-bad-charter");
    }

    #[test]
    fn who_drops_the_last_of_a_group_does_not_give_it_to_everybody() {
        let mut plan = plan();
        plan.add_quorum("both=2:Bruno,Denis").unwrap();
        plan.check().unwrap();
        plan.leave_out(&["Bruno".to_owned(), "Denis".to_owned()]);
        assert_eq!(plan.quorums["both"][0].members, Members::Named(Vec::new()));
        assert!(plan.check().is_err());
    }
}
