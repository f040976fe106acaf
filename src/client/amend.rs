//! Changing the charter: the one in force as an editable plan, and the amendment that such a plan asks for.
//!
//! A plan says everything that the next charter says, in names; nothing is taken over silently from the charter in
//! force but the log key and the address, which only a move changes. Newcomers are taken in by naming them in an
//! office. This must never propose a plan that was written for another charter than the one in force, nor take in
//! somebody whose keys were not compared, nor sign a charter that was not shown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::failure::{Exit, Failure};
use super::found::{Members, PlannedGroup, admitted_person, checked_admission, confirm_newcomers, sorted};
use super::home;
use super::names::is_id;
use super::say::length;
use super::screen;
use super::session::{Env, Session};
use super::status::{refresh, texts};
use crate::args;
use crate::escrow::act::{Admission, EntryRef};
use crate::escrow::charter::{Charter, RULES_VERSION, Who};
use crate::escrow::id::PersonId;
use crate::escrow::people::Standing;
use crate::escrow::proposal::{Outcome, PROPOSAL_LIFE, Proposal, Subject};
use crate::escrow::quorum::Quorum;
use crate::escrow::role::Role;
use crate::escrow::time::Seconds;
use crate::proto::v1;

/// The next charter, as people write it. Names are those of `sequestre people`; `#` and the beginning of an
/// identifier name somebody too.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// The version that this would be: one more than the charter in force.
    pub version: u32,
    /// Who is to hold shares.
    pub trustees: Vec<String>,
    /// Who is to read and judge.
    pub mediators: Vec<String>,
    /// Who is to run the daemon.
    pub technicians: Vec<String>,
    /// Agreements by name; the members of a group are "all" trustees or a list.
    #[serde(deserialize_with = "each_once")]
    pub quorums: BTreeMap<String, Vec<PlannedGroup>>,
    /// Which agreement admits members.
    pub admission: String,
    /// Vaults by name.
    #[serde(deserialize_with = "each_once")]
    pub vaults: BTreeMap<String, PlannedVault>,
    /// Entries per person and day.
    pub entries_per_day: u32,
    /// Bytes of entries per person and day.
    pub bytes_per_day: u64,
    /// Time between the two agreements to destroy something: `12h`, `7d`.
    pub destroy_delay: String,
}

/// A vault in a plan.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct PlannedVault {
    /// Agreements that open it, any one of them.
    pub opened_by: Vec<String>,
    /// Who may ask.
    pub askers: PlannedWho,
    /// Who may deposit.
    pub depositors: PlannedWho,
    /// Longest access: `12h`, `30d`.
    pub longest_lease: String,
    /// Agreements that sign logins that the server makes, any one of them; none: those that open the vault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leases_signed_by: Vec<String>,
    /// Who gets such a login without asking, while the account is open to the server.
    #[serde(default, skip_serializing_if = "PlannedWho::is_nobody")]
    pub unasked: PlannedWho,
}

/// People by role and by name; empty means nobody.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct PlannedWho {
    /// Role names.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Names.
    #[serde(default)]
    pub persons: Vec<String>,
}

impl PlannedWho {
    fn is_nobody(&self) -> bool {
        self.roles.is_empty() && self.persons.is_empty()
    }
}

/// Shows the charter in force as the plan of the next one; into a new file if one is given.
pub async fn plan(env: &Env, file: Option<&Path>) -> Result<(), Failure> {
    let mut session = env.session()?;
    let reached = refresh(&mut session).await?;
    let plan = Amendment::of(&session)?;
    let gone = gone(&session)?;
    if !gone.is_empty() {
        env.out.aside("amend-left-out", &args! { list: gone.join(", ") });
    }
    let text = serde_json::to_string_pretty(&plan).map_err(Failure::technical)?;
    match file {
        Some(path) => {
            home::write_new(path, format!("{text}\n").as_bytes())?;
            env.out.tell("amend-plan-written", &args! { path: path.display(), version: plan.version });
            env.out.data(&serde_json::json!({ "file": path.display().to_string(), "version": plan.version }));
        }
        None if env.out.is_json() => env.out.data(&serde_json::to_value(&plan).map_err(Failure::technical)?),
        None => env.out.line(&text),
    }
    reached.end()
}

/// Proposes the charter that a plan asks for.
pub async fn amend(env: &Env, file: &Path) -> Result<(), Failure> {
    let text = home::read(file)?;
    let bad = |e: serde_json::Error| {
        Failure::new(Exit::Usage, "amend-plan-unreadable").with("path", file.display()).because(e)
    };
    propose(env, &serde_json::from_slice(&text).map_err(bad)?).await
}

/// Proposes an amendment. The proposer's signature counts with the proposal.
pub async fn propose(env: &Env, plan: &Amendment) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let before = Amendment::of(&session)?;
    if plan.version != before.version {
        let failure = Failure::new(Exit::Usage, "amend-other-version").with("version", plan.version);
        return Err(failure.with("wanted", before.version));
    }
    if *plan == before {
        return Err(Failure::new(Exit::Usage, "amend-nothing-changes"));
    }
    let charter = plan.charter(&session)?;
    let newcomers = newcomers(&session, &charter)?;
    let mut roll = Vec::new();
    for id in newcomers.values() {
        roll.push(checked_admission(&mut session, id)?);
    }
    roll.sort_by_key(admitted_person);
    let shown = session.replica.head();
    confirm_newcomers(&session, &newcomers)?;
    let roll_read = roll.iter().cloned().map(Admission::parse).collect::<Result<Vec<_>, _>>();
    let subject = Subject::Charter {
        charter: Box::new(Charter::parse(charter.clone()).map_err(crate::escrow::refusal::Refusal::from)?),
        roll: roll_read.map_err(Failure::technical)?,
    };
    env.out.screen(&screen::proposal(session.view(&texts(&session))?, &to_be(&session, subject))?);
    session.require_witnesses()?;
    env.unlock.confirm(&env.out, "ask-amend", &args! {}, "--yes")?;
    session.unmoved(shown)?;
    let act = v1::command::Act::ProposeCharter(v1::ProposeCharter { charter: Some(charter), roll });
    let index = session.submit(act, Vec::new()).await?;
    super::charter::tell_proposal(&session, index)
}

/// The proposal as it would stand in the log, to be shown as it is shown to everybody else.
fn to_be(session: &Session, subject: Subject) -> Proposal {
    let head = session.replica.head();
    Proposal {
        at: EntryRef { index: head.size, leaf: head.root },
        proposer: session.me(),
        expires: session.env.now().after(PROPOSAL_LIFE),
        subject,
        signed: BTreeSet::from([session.me()]),
        acknowledged: BTreeSet::new(),
        veto: None,
        outcome: Outcome::Open,
    }
}

/// People whom vaults of the charter in force name and who left: no plan can name them.
fn gone(session: &Session) -> Result<Vec<String>, Failure> {
    let state = session.state()?;
    let vaults = state.charter().into_iter().flat_map(Charter::vaults);
    let named: BTreeSet<&PersonId> = vaults
        .flat_map(|vault| [&vault.askers, &vault.depositors, &vault.unasked])
        .flat_map(|who| &who.persons)
        .collect();
    Ok(named.into_iter().filter(|id| is_gone(session, id)).map(|id| session.name_of(id)).collect())
}

fn is_gone(session: &Session, id: &PersonId) -> bool {
    let person = session.state().ok().and_then(|state| state.person(id));
    person.is_some_and(|person| matches!(person.standing, Standing::Gone { .. }))
}

/// A map in which no key stands twice: of two, whoever reads the plan sees the first, and a parser takes the last.
fn each_once<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<BTreeMap<String, T>, D::Error> {
    struct Once<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Once<T> {
        type Value = BTreeMap<String, T>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map in which no name stands twice")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((name, value)) = entries.next_entry::<String, T>()? {
                if map.contains_key(&name) {
                    return Err(A::Error::custom(format!("{name:?} stands twice")));
                }
                map.insert(name, value);
            }
            Ok(map)
        }
    }
    from.deserialize_map(Once(std::marker::PhantomData))
}

/// Candidates whom the charter gives an office. Each must have been invited to exactly that.
fn newcomers(session: &Session, charter: &v1::Charter) -> Result<BTreeMap<String, PersonId>, Failure> {
    let state = session.state()?;
    let offices = [
        (Role::Trustee, &charter.trustees),
        (Role::Mediator, &charter.mediators),
        (Role::Technician, &charter.technicians),
    ];
    let mut found = BTreeMap::new();
    for (id, person) in state.people() {
        let given: BTreeSet<Role> =
            offices.iter().filter(|(_, list)| list.contains(&id.to_vec())).map(|(role, _)| *role).collect();
        let Standing::Candidate(Some(candidacy)) = &person.standing else { continue };
        if given.is_empty() {
            continue;
        }
        let invited: BTreeSet<Role> = candidacy.roles.iter().filter(|role| *role != Role::Member).collect();
        if invited != given {
            let roles: Vec<&str> = candidacy.roles.iter().map(Role::as_str).collect();
            let failure = Failure::new(Exit::Usage, "amend-roles-differ").with("name", session.name_of(id));
            return Err(failure.with("roles", roles.join(", ")));
        }
        found.insert(session.needed_text(&person.name)?, *id);
    }
    Ok(found)
}

impl Amendment {
    /// The charter in force, as the plan of the next.
    pub fn of(session: &Session) -> Result<Self, Failure> {
        let charter = session.state()?.charter().ok_or_else(|| Failure::new(Exit::Usage, "amend-no-charter"))?;
        let names = |people: &BTreeSet<PersonId>| -> Vec<String> {
            people.iter().map(|id| unmistakable(session, id)).collect()
        };
        let group = |quorum: &Quorum| -> Vec<PlannedGroup> {
            let groups = quorum.groups().iter().map(|group| {
                let members: BTreeSet<PersonId> = group.members().iter().copied().collect();
                // Whoever is elected belongs to an agreement of all trustees without being named there again.
                let all = members == *charter.trustees();
                PlannedGroup {
                    threshold: group.threshold().into(),
                    members: if all { Members::All } else { Members::Named(names(&members)) },
                }
            });
            groups.collect()
        };
        let who = |who: &Who| PlannedWho {
            roles: who.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            // Whoever left can be named by nobody, and asks for nothing any more.
            persons: names(&who.persons.iter().filter(|id| !is_gone(session, id)).copied().collect()),
        };
        let vaults = charter.vaults().map(|vault| {
            let planned = PlannedVault {
                opened_by: vault.opened_by.iter().map(ToString::to_string).collect(),
                askers: who(&vault.askers),
                depositors: who(&vault.depositors),
                longest_lease: written(vault.longest_lease),
                leases_signed_by: match vault.leases_signed_by == vault.opened_by {
                    true => Vec::new(),
                    false => vault.leases_signed_by.iter().map(ToString::to_string).collect(),
                },
                unasked: who(&vault.unasked),
            };
            (vault.name.to_string(), planned)
        });
        Ok(Self {
            version: charter.version().saturating_add(1),
            trustees: names(charter.trustees()),
            mediators: names(charter.mediators()),
            technicians: names(charter.technicians()),
            quorums: charter.quorums().map(|quorum| (quorum.name().to_string(), group(quorum))).collect(),
            admission: charter.admission().map(|quorum| quorum.name().to_string()).unwrap_or_default(),
            vaults: vaults.collect(),
            entries_per_day: charter.limits().entries_per_day,
            bytes_per_day: charter.limits().bytes_per_day,
            destroy_delay: written(charter.destroy_delay()),
        })
    }

    /// The charter that this asks for.
    fn charter(&self, session: &Session) -> Result<v1::Charter, Failure> {
        let ids = |names: &[String]| -> Result<Vec<Vec<u8>>, Failure> {
            let found = names.iter().map(|name| session.find_person(name)).collect::<Result<Vec<_>, _>>()?;
            let distinct: BTreeSet<&PersonId> = found.iter().collect();
            if distinct.len() != found.len() {
                return Err(Failure::new(Exit::Usage, "amend-named-twice").with("list", names.join(", ")));
            }
            Ok(sorted(found))
        };
        let trustees = ids(&self.trustees)?;
        let mut quorums = Vec::new();
        for (name, groups) in &self.quorums {
            let mut parsed = Vec::new();
            for group in groups {
                let members = match &group.members {
                    Members::All => trustees.clone(),
                    Members::Named(names) => ids(names)?,
                };
                if group.threshold < 2 || group.threshold as usize > members.len() {
                    let failure = Failure::new(Exit::Usage, "failed-threshold").with("quorum", name);
                    return Err(failure.with("threshold", group.threshold).with("members", members.len()));
                }
                parsed.push(v1::Group { threshold: group.threshold, members });
            }
            quorums.push(v1::Quorum { name: name.clone(), groups: parsed });
        }
        let mut vaults = Vec::new();
        for (name, vault) in &self.vaults {
            let mut opened_by = vault.opened_by.clone();
            opened_by.sort();
            let mut leases_signed_by = vault.leases_signed_by.clone();
            leases_signed_by.sort();
            for quorum in opened_by.iter().chain(&leases_signed_by).chain([&self.admission]) {
                if !self.quorums.contains_key(quorum) {
                    return Err(Failure::new(Exit::Usage, "failed-quorum-unknown").with("quorum", quorum));
                }
            }
            let who = |who: &PlannedWho| -> Result<v1::Who, Failure> {
                Ok(v1::Who { roles: roles(&who.roles)?, persons: ids(&who.persons)? })
            };
            vaults.push(v1::Vault {
                name: name.clone(),
                opened_by,
                askers: Some(who(&vault.askers)?),
                depositors: Some(who(&vault.depositors)?),
                longest_lease: length(&vault.longest_lease)?.0,
                leases_signed_by,
                // Nobody is said by leaving it out.
                unasked: if vault.unasked.is_nobody() { None } else { Some(who(&vault.unasked)?) },
            });
        }
        let state = session.state()?;
        let charter = v1::Charter {
            version: self.version,
            rules_version: RULES_VERSION,
            log_key: Some((*state.log_key()).into()),
            address: state.address().to_owned(),
            trustees,
            mediators: ids(&self.mediators)?,
            technicians: ids(&self.technicians)?,
            quorums,
            admission: self.admission.clone(),
            vaults,
            limits: Some(v1::Limits { entries_per_day: self.entries_per_day, bytes_per_day: self.bytes_per_day }),
            destroy_delay: length(&self.destroy_delay)?.0,
        };
        // What no charter can say is told here, before anybody is asked anything.
        Charter::parse(charter.clone()).map_err(crate::escrow::refusal::Refusal::from)?;
        Ok(charter)
    }
}

/// Role numbers, ascending.
fn roles(names: &[String]) -> Result<Vec<i32>, Failure> {
    let unknown = |name: &String| Failure::new(Exit::Usage, "failed-role-unknown").with("name", name);
    let parse = |name: &String| Role::from_name(name).map(|role| role as i32).ok_or_else(|| unknown(name));
    let mut numbers = names.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// A name if it means this person and nobody else, and the identifier where it does not.
fn unmistakable(session: &Session, id: &PersonId) -> String {
    let name = session.name_of(id);
    match session.find_person(&name) {
        Ok(found) if found == *id && !is_id(&name) => name,
        _ => format!("#{}", &id.to_string()[..16]),
    }
}

/// A length of time as [`length`] reads it, in the largest unit without a rest.
fn written(time: Seconds) -> String {
    let units = [("d", Seconds::DAY.0), ("h", Seconds::HOUR.0), ("m", Seconds::MINUTE.0)];
    match units.iter().find(|(_, unit)| time.0.is_multiple_of(*unit)) {
        Some((letter, unit)) => format!("{}{letter}", time.0 / unit),
        None => format!("{}s", time.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_as_it_was_written() {
        for seconds in [1, 59, 60, 90, 3_600, 5_400, 86_400, 90_000, 30 * 86_400] {
            assert_eq!(length(&written(Seconds(seconds))).unwrap(), Seconds(seconds));
        }
        assert_eq!(written(Seconds(30 * 86_400)), "30d");
        assert_eq!(length("3j").unwrap(), Seconds(3 * 86_400));
        assert!(length("").is_err() && length("h").is_err() && length("3w").is_err());
    }
}
