//! What an organisation is, said as simply as possible: people are numbers, quorums are counted by hand.

use std::collections::{BTreeMap, BTreeSet};

use sequestre::escrow::credential::Urgency;
use sequestre::escrow::organisation::Organisation;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::people::Standing;

use sequestre::escrow::request::{Agreement, Stage};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::{Seconds, Time};

use crate::world::{Who, version};

/// Groups that must all agree, each k of some people.
pub type Quorum = Vec<(usize, BTreeSet<Who>)>;

pub fn satisfied(quorum: &Quorum, agreed: &BTreeSet<Who>) -> bool {
    quorum.iter().all(|(k, group)| group.iter().filter(|who| agreed.contains(who)).count() >= *k)
}

pub struct Model {
    pub trustees: BTreeSet<Who>,
    pub mediators: BTreeSet<Who>,
    pub technicians: BTreeSet<Who>,
    /// The member roll.
    pub members: BTreeSet<Who>,
    pub admitted: BTreeSet<Who>,
    /// Index of the entry that last changed somebody's standing.
    pub changed: BTreeMap<Who, u64>,
    pub charter: u32,
    pub charter_changed: u64,
    pub amend: Quorum,
    /// For each vault, what opens it.
    pub vaults: BTreeMap<&'static str, Vec<Quorum>>,
    pub accounts: BTreeMap<u8, Account>,
    pub requests: BTreeMap<u64, Asked>,
    pub proposals: BTreeMap<u64, Amendment>,
}

pub struct Account {
    pub vault: &'static str,
    pub versions: Vec<Version>,
    pub changed: u64,
}

pub struct Version {
    pub depositor: Who,
    pub kinds: Vec<PartKind>,
    pub opened_by: Vec<Quorum>,
    /// (request, part): through which request somebody knows which part.
    pub exposed: BTreeSet<(u64, PartKind)>,
    pub due: Option<Urgency>,
}

pub struct Asked {
    pub who: Who,
    pub account: u8,
    pub version: u32,
    pub kinds: Vec<PartKind>,
    pub duration: Seconds,
    pub expires: Time,
    pub own: bool,
    /// Who approved, in which entry.
    pub approvals: BTreeMap<Who, u64>,
    pub denials: BTreeSet<Who>,
    /// In which entry the quorum was reached.
    pub granted: Option<u64>,
    pub lease: Option<(Time, Time)>,
    pub ended: bool,
}

pub struct Amendment {
    pub at: u64,
    pub expires: Time,
    pub trustees: BTreeSet<Who>,
    pub amend: Quorum,
    pub vaults: BTreeMap<&'static str, Vec<Quorum>>,
    pub said: BTreeSet<Who>,
    pub open: bool,
    /// The charter in force, which can still be acknowledged.
    pub current: bool,
}

impl Asked {
    pub fn accepts(&self, now: Time) -> bool {
        !self.ended && self.lease.is_none() && now < self.expires
    }

    fn agreed(&self) -> BTreeSet<Who> {
        self.approvals.keys().copied().chain(self.own.then_some(self.who)).collect()
    }

    fn deadline(&self) -> Option<Time> {
        (!self.ended).then(|| self.lease.map_or(self.expires, |(_, until)| until))
    }
}

impl Version {
    pub fn dealt_to(&self, who: Who) -> bool {
        self.opened_by.iter().flatten().any(|(_, group)| group.contains(&who))
    }

    fn make_due(&mut self, urgency: Urgency) {
        self.due = self.due.max(Some(urgency));
    }
}

impl Account {
    pub fn current(&self) -> u32 {
        self.versions.len() as u32
    }
}

impl Model {
    pub fn version(&self, asked: &Asked) -> &Version {
        &self.accounts[&asked.account].versions[asked.version as usize - 1]
    }

    fn version_mut(&mut self, account: u8, version: u32) -> &mut Version {
        &mut self.accounts.get_mut(&account).unwrap().versions[version as usize - 1]
    }

    pub fn live(&self) -> usize {
        self.requests.values().filter(|asked| !asked.ended).count()
    }

    pub fn next_deadline(&self) -> Option<Time> {
        self.requests.values().filter_map(Asked::deadline).min()
    }

    pub fn offices(&self, who: Who) -> BTreeSet<Role> {
        let offices = [
            (&self.trustees, Role::Trustee),
            (&self.mediators, Role::Mediator),
            (&self.technicians, Role::Technician),
        ];
        offices.into_iter().filter(|(people, _)| people.contains(&who)).map(|(_, role)| role).collect()
    }

    pub fn roles(&self, who: Who) -> BTreeSet<Role> {
        if !self.admitted.contains(&who) {
            return BTreeSet::new();
        }
        let member = self.members.contains(&who).then_some(Role::Member);
        self.offices(who).into_iter().chain(member).collect()
    }

    /// Trustees and members ask and deposit.
    pub fn uses_vaults(&self, who: Who) -> bool {
        let roles = self.roles(who);
        roles.contains(&Role::Trustee) || roles.contains(&Role::Member)
    }

    /// Somebody released their shares to a request, or reached a quorum with it.
    pub fn released(&mut self, request: u64, entry: u64) {
        let asked = &self.requests[&request];
        let (account, number) = (asked.account, asked.version);
        if asked.granted.is_none() {
            let opened = self.version(asked).opened_by.iter().any(|quorum| satisfied(quorum, &asked.agreed()));
            if opened {
                let kinds = asked.kinds.clone();
                self.requests.get_mut(&request).unwrap().granted = Some(entry);
                self.version_mut(account, number).exposed.extend(kinds.into_iter().map(|kind| (request, kind)));
            }
        }
        self.add_up(account, number);
    }

    /// Every part of which ungranted requests hold a quorum's shares together.
    fn add_up(&mut self, account: u8, number: u32) {
        let mut exposed = BTreeSet::new();
        let version = &self.accounts[&account].versions[number as usize - 1];
        for kind in &version.kinds {
            let failed: Vec<(u64, BTreeSet<Who>)> = self
                .requests
                .iter()
                .filter(|(_, a)| a.account == account && a.version == number && a.granted.is_none())
                .filter(|(_, a)| a.kinds.contains(kind) && !a.agreed().is_empty())
                .map(|(index, a)| (*index, a.agreed()))
                .collect();
            let together: BTreeSet<Who> = failed.iter().flat_map(|(_, people)| people).copied().collect();
            if version.opened_by.iter().any(|quorum| satisfied(quorum, &together)) {
                exposed.extend(failed.iter().map(|(index, _)| (*index, *kind)));
            }
        }
        let version = self.version_mut(account, number);
        if !exposed.is_subset(&version.exposed) {
            version.exposed.append(&mut exposed);
            version.make_due(Urgency::Now);
        }
    }

    /// Ends a request; access that was granted leaves the version due.
    pub fn end(&mut self, request: u64, urgency: Urgency) {
        let asked = self.requests.get_mut(&request).unwrap();
        asked.ended = true;
        let (account, version, granted) = (asked.account, asked.version, asked.granted.is_some());
        if granted {
            self.version_mut(account, version).make_due(urgency);
        }
    }

    /// Somebody is gone: their requests end, what they know is due now.
    pub fn gone(&mut self, who: Who, entry: u64) {
        self.admitted.remove(&who);
        self.changed.insert(who, entry);
        let mine = |(index, a): (&u64, &Asked)| (a.who == who && !a.ended).then_some(*index);
        for request in self.requests.iter().filter_map(mine).collect::<Vec<_>>() {
            self.end(request, Urgency::Now);
        }
        let requests = &self.requests;
        for account in self.accounts.values_mut() {
            let version = account.versions.last_mut().unwrap();
            let saw = version.exposed.iter().any(|(request, _)| requests[request].who == who);
            if saw || version.depositor == who {
                version.make_due(Urgency::Now);
            }
        }
    }

    /// Puts an amendment in force if both quorums signed.
    pub fn ratify(&mut self, proposal: u64, entry: u64) {
        let amendment = &self.proposals[&proposal];
        if !amendment.open
            || !satisfied(&self.amend, &amendment.said)
            || !satisfied(&amendment.amend, &amendment.said)
        {
            return;
        }
        self.trustees = amendment.trustees.clone();
        self.amend = amendment.amend.clone();
        self.vaults = amendment.vaults.clone();
        self.charter += 1;
        self.charter_changed = entry;
        for (index, other) in &mut self.proposals {
            (other.open, other.current) = (false, *index == proposal);
        }
        let without = |who: &Who| self.roles(*who).is_empty();
        for who in self.admitted.iter().copied().filter(without).collect::<Vec<_>>() {
            self.gone(who, entry);
        }
    }
}

/// A consent counts only people who approved this request before, or whose own share counts, and is a quorum of them.
fn check_agreement(agreement: &Agreement, asked: &Asked, model: &Model) {
    let agreed: BTreeSet<Who> =
        asked.agreed().into_iter().filter(|who| agreement.persons().contains(&who.id)).collect();
    assert_eq!(agreed.len(), agreement.persons().len(), "somebody counts who did not agree");
    assert!(model.version(asked).opened_by.iter().any(|quorum| satisfied(quorum, &agreed)));
    assert!(agreed.len() >= 2 && agreed.iter().any(|who| *who != asked.who), "nobody opens alone");
    let granted = asked.granted.unwrap();
    let before = |who: &Who| asked.approvals.get(who).is_none_or(|entry| *entry <= granted);
    assert!(agreed.iter().all(before), "an approval counts that came after the grant");
}

pub fn check_request(state: &Organisation, index: u64, asked: &Asked, model: &Model) {
    let found = state.request(index).unwrap();
    assert_eq!(found.requester, asked.who.id);
    assert_eq!(found.expires, asked.expires);
    assert_eq!(found.approvals.keys().copied().collect::<BTreeSet<_>>(), ids(asked.approvals.keys()));
    assert_eq!(found.denials.keys().copied().collect::<BTreeSet<_>>(), ids(&asked.denials));
    match (&found.stage, asked.granted, asked.lease, asked.ended) {
        (Stage::Waiting, None, None, false) | (Stage::Ended { .. }, _, _, true) => {}
        (Stage::Granted(grant), Some(_), None, false) => check_agreement(grant.agreement(), asked, model),
        (Stage::Leased(lease), Some(_), Some((since, until)), false) => {
            check_agreement(lease.grant().agreement(), asked, model);
            assert_eq!((lease.since(), lease.until()), (since, until));
            assert!(since <= asked.expires && until == since.after(asked.duration));
        }
        (stage, granted, lease, ended) => {
            panic!("request {index} is {stage:?}, not granted {granted:?}, lease {lease:?}, ended {ended}")
        }
    }
}

fn ids<'a>(people: impl IntoIterator<Item = &'a Who>) -> BTreeSet<sequestre::escrow::id::PersonId> {
    people.into_iter().map(|who| who.id).collect()
}

pub fn check_versions(state: &Organisation, model: &Model) {
    assert_eq!(state.credentials().len(), model.accounts.len());
    for (n, account) in &model.accounts {
        assert_eq!(state.credential(&crate::world::credential(*n)).unwrap().vault.as_str(), account.vault);
        for (number, expected) in (1u32..).zip(&account.versions) {
            let found = state.version(&version(*n, number)).unwrap();
            let exposed: Vec<(u64, PartKind)> =
                found.exposures.iter().flat_map(|e| e.parts.iter().map(|kind| (e.request, *kind))).collect();
            assert_eq!(exposed.len(), expected.exposed.len(), "nobody is listed twice for one part");
            assert_eq!(exposed.into_iter().collect::<BTreeSet<_>>(), expected.exposed);
            assert_eq!(found.due.map(|due| due.urgency), expected.due, "account {n}, version {number}");
            for exposure in &found.exposures {
                assert_eq!(exposure.person, model.requests[&exposure.request].who.id);
            }
        }
    }
}

pub fn check_people(state: &Organisation, model: &Model) {
    assert_eq!(state.charter().unwrap().version(), model.charter);
    for who in super::steps::PEOPLE {
        assert_eq!(state.roles(&who.id), model.roles(who), "{who:?}");
        let admitted = state.person(&who.id).is_some_and(|p| matches!(p.standing, Standing::Admitted { .. }));
        assert_eq!(admitted, model.admitted.contains(&who));
    }
}
