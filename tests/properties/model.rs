//! What an organisation is, said as simply as possible: people are numbers, quorums are counted by hand.

use std::collections::{BTreeMap, BTreeSet};

use sequestre::escrow::credential::{Exposure, Urgency};
use sequestre::escrow::organisation::Organisation;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::people::Standing;
use sequestre::escrow::quorum::Agreement;
use sequestre::escrow::request::Stage;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::{Seconds, Time};

use crate::world::{Who, credential};

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
    /// By number and starter: who answered which part of which account, in which entry.
    pub recoveries: BTreeMap<(u8, Who), Vec<Answer>>,
    pub proposals: BTreeMap<u64, Amendment>,
}

pub struct Account {
    pub vault: &'static str,
    pub parts: BTreeMap<PartName, Part>,
    pub versions: u32,
    /// Of the current version.
    pub current: Vec<PartName>,
    pub changed: u64,
    /// Who stopped access to which kind of part, and when last: not again for 30 days.
    pub braked: BTreeMap<(PartKind, Who), Time>,
}

/// One more of each group, if there is one.
fn one_more(quorum: &Quorum) -> Quorum {
    quorum.iter().map(|(k, group)| ((k + 1).min(group.len()), group.clone())).collect()
}

/// A kind, and the version that it was dealt with.
pub type PartName = (PartKind, u32);

pub struct Part {
    pub opened_by: Vec<Quorum>,
    /// Who sealed it, in which entry.
    pub dealer: (u64, Who),
    /// Who knows it besides, through which request.
    pub known: BTreeSet<(u64, Who)>,
    pub due: Option<Urgency>,
}

#[derive(Debug)]
pub struct Answer {
    pub who: Who,
    pub account: u8,
    pub part: PartName,
    pub entry: u64,
}

pub struct Asked {
    pub who: Who,
    pub account: u8,
    pub parts: Vec<PartName>,
    pub duration: Seconds,
    pub expires: Time,
    pub own: bool,
    /// Who approved, in which entry.
    pub approvals: BTreeMap<Who, u64>,
    pub denials: BTreeSet<Who>,
    /// In which entry the quorum was reached.
    pub granted: Option<u64>,
    pub granted_at: Option<Time>,
    pub lease: Option<(Time, Time)>,
    pub ended: bool,
    pub revoked: bool,
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
    /// When enough people signed, and in which entry, if it makes destroying easier.
    pub agreed: Option<(Time, u64)>,
    pub confirmed: BTreeSet<Who>,
    /// The entry of the objection.
    pub veto: Option<u64>,
}

/// How long lies between the two agreements.
pub const DELAY: Seconds = Seconds(7 * 86_400);
/// How long the second one can be given.
pub const CONFIRMABLE: Seconds = Seconds(30 * 86_400);

impl Amendment {
    pub fn can_be_confirmed(&self, now: Time) -> bool {
        let within = |(at, _): (Time, u64)| at.after(DELAY) <= now && now < at.after(DELAY).after(CONFIRMABLE);
        self.open && self.agreed.is_some_and(within)
    }

    pub fn can_be_vetoed(&self, now: Time) -> bool {
        let until = self.agreed.map_or(self.expires, |(at, _)| at.after(DELAY).after(CONFIRMABLE));
        self.open && now < until && self.veto.is_none()
    }
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

impl Part {
    pub fn dealt_to(&self, who: Who) -> bool {
        self.opened_by.iter().flatten().any(|(_, group)| group.contains(&who))
    }

    fn opens(&self, people: &BTreeSet<Who>) -> bool {
        self.opened_by.iter().any(|quorum| satisfied(quorum, people))
    }
}

/// Those whose shares of a part lie with the starter of a recovery; the starter's own, if there is one, count.
fn answered(answers: &[Answer], n: u8, part: PartName, starter: Who) -> BTreeSet<Who> {
    let answers = answers.iter().filter(|a| a.account == n && a.part == part);
    answers.map(|a| a.who).chain([starter]).collect()
}

impl Account {
    pub fn dealt_to(&self, parts: &[PartName], who: Who) -> bool {
        parts.iter().any(|part| self.parts[part].dealt_to(who))
    }

    /// Whether one of the quorums agreed on every part; they stand in the same order for each.
    fn opened(&self, parts: &[PartName], agreed: &BTreeSet<Who>) -> bool {
        let quorums = self.parts[&parts[0]].opened_by.len();
        (0..quorums).any(|i| parts.iter().all(|part| satisfied(&self.parts[part].opened_by[i], agreed)))
    }

    fn make_due(&mut self, parts: &[PartName], urgency: Urgency) {
        for part in parts {
            let part = self.parts.get_mut(part).unwrap();
            part.due = part.due.max(Some(urgency));
        }
    }

    /// A version is as due as its parts.
    fn due(&self) -> Option<Urgency> {
        self.current.iter().filter_map(|part| self.parts[part].due).max()
    }
}

impl Model {
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
    pub fn released(&mut self, request: u64, entry: u64, now: Time) {
        let asked = self.requests.get_mut(&request).unwrap();
        let account = self.accounts.get_mut(&asked.account).unwrap();
        if asked.granted.is_none() && account.opened(&asked.parts, &asked.agreed()) {
            (asked.granted, asked.granted_at) = (Some(entry), Some(now));
            for part in &asked.parts {
                account.parts.get_mut(part).unwrap().known.insert((request, asked.who));
            }
        }
        for part in self.requests[&request].parts.clone() {
            self.add_up(self.requests[&request].account, part);
        }
    }

    /// Somebody entered what they answered to a recovery.
    pub fn answered(&mut self, recovery: (u8, Who), who: Who, n: u8, parts: &[PartName], entry: u64) {
        let starter = recovery.1;
        for part in parts {
            let answers = self.recoveries.entry(recovery).or_default();
            let before = answered(answers, n, *part, starter);
            let none = !answers.iter().any(|a| a.account == n && a.part == *part);
            answers.push(Answer { who, account: n, part: *part, entry });
            let after = answered(answers, n, *part, starter);
            let account = self.accounts.get_mut(&n).unwrap();
            let state = account.parts.get_mut(part).unwrap();
            if (none || !state.opens(&before)) && state.opens(&after) {
                state.known.insert((entry, starter));
                account.make_due(&[*part], Urgency::Now);
            }
            self.add_up(n, *part);
        }
    }

    /// If ungranted requests and unfinished recoveries hold a quorum's shares of a part together, all those who asked
    /// may know it.
    fn add_up(&mut self, n: u8, part: PartName) {
        let account = self.accounts.get_mut(&n).unwrap();
        let state = account.parts.get_mut(&part).unwrap();
        let requests = self
            .requests
            .iter()
            .filter(|(_, a)| a.account == n && a.parts.contains(&part) && a.granted.is_none())
            .map(|(index, a)| (*index, a.who, a.agreed()));
        let recoveries = self.recoveries.iter().filter_map(|((_, starter), answers)| {
            let people = answered(answers, n, part, *starter);
            let first = answers.iter().find(|a| a.account == n && a.part == part)?.entry;
            (!state.opens(&people)).then_some((first, *starter, people))
        });
        let failed: Vec<(u64, Who, BTreeSet<Who>)> = requests
            .chain(recoveries)
            .map(|(source, who, people)| {
                (source, who, people.into_iter().filter(|who| state.dealt_to(*who)).collect::<BTreeSet<_>>())
            })
            .filter(|(_, _, people)| !people.is_empty())
            .collect();
        let together: BTreeSet<Who> = failed.iter().flat_map(|(_, _, people)| people).copied().collect();
        if state.opens(&together) {
            let known = state.known.len();
            state.known.extend(failed.iter().map(|(source, who, _)| (*source, *who)));
            if state.known.len() > known {
                account.make_due(&[part], Urgency::Now);
            }
        }
    }

    /// Ends a request; access that was granted leaves what it opened due.
    pub fn end(&mut self, request: u64, urgency: Urgency) {
        let asked = self.requests.get_mut(&request).unwrap();
        asked.ended = true;
        asked.revoked = urgency == Urgency::Now;
        if asked.granted.is_some() {
            self.accounts.get_mut(&asked.account).unwrap().make_due(&asked.parts, urgency);
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
        for account in self.accounts.values_mut() {
            let knows = |part: &Part| part.dealer.1 == who || part.known.iter().any(|(_, knower)| *knower == who);
            let known = account.current.iter().filter(|part| knows(&account.parts[part])).copied();
            account.make_due(&known.collect::<Vec<_>>(), Urgency::Now);
        }
    }

    /// Whether some people could destroy under this amendment who cannot now, found by trying all of them. `destroy` is
    /// the same quorum as `amend` here.
    pub fn is_weaker(&self, amendment: &Amendment) -> bool {
        (0..32_u8).any(|bits| {
            let people = (0..5).filter(|n| bits >> n & 1 == 1).map(Who).collect();
            satisfied(&amendment.amend, &people) && !satisfied(&self.amend, &people)
        })
    }

    /// Puts an amendment in force if both quorums signed, or lets it wait for its delay.
    pub fn ratify(&mut self, proposal: u64, entry: u64, now: Time) {
        let amendment = &self.proposals[&proposal];
        let signed = satisfied(&self.amend, &amendment.said) && satisfied(&amendment.amend, &amendment.said);
        if !amendment.open || amendment.agreed.is_some() || !signed {
            return;
        }
        if self.is_weaker(amendment) {
            self.proposals.get_mut(&proposal).unwrap().agreed = Some((now, entry));
        } else {
            self.enforce(proposal, entry);
        }
    }

    /// Puts it in force if both quorums confirmed.
    pub fn confirm(&mut self, proposal: u64, entry: u64) {
        let amendment = &self.proposals[&proposal];
        // `destroy` is the same quorum as `amend` here: after a veto it needs one more, of the next charter, too, if
        // that leaves it as it is.
        let more = |quorum: &Quorum| match amendment.veto {
            Some(_) if *quorum == self.amend => one_more(quorum),
            _ => quorum.clone(),
        };
        let both = [more(&self.amend), more(&amendment.amend)];
        if both.iter().all(|quorum| satisfied(quorum, &amendment.confirmed)) {
            self.enforce(proposal, entry);
        }
    }

    fn enforce(&mut self, proposal: u64, entry: u64) {
        let amendment = &self.proposals[&proposal];
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
    assert!(model.accounts[&asked.account].opened(&asked.parts, &agreed));
    assert!(model.accounts[&asked.account].opened(&asked.parts, &asked.agreed()));
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
        (Stage::Granted(grant), Some(_), None, false) => check_agreement(grant.agreement().unwrap(), asked, model),
        (Stage::Leased(lease), Some(_), Some((since, until)), false) => {
            check_agreement(lease.grant().agreement().unwrap(), asked, model);
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

pub fn check_accounts(state: &Organisation, model: &Model) {
    assert_eq!(state.credentials().len(), model.accounts.len());
    for (n, account) in &model.accounts {
        let found = state.credential(&credential(*n)).unwrap();
        assert_eq!(found.vault.as_str(), account.vault);
        let (number, current) = found.current().unwrap();
        assert_eq!(number, account.versions);
        let dealt = |kind: &PartKind| (*kind, found.dealt_with(number, *kind).unwrap());
        let parts: BTreeSet<PartName> = current.kinds().iter().map(dealt).collect();
        assert_eq!(parts, account.current.iter().copied().collect());
        let row = |e: &Exposure| e.parts.iter().map(|kind| (e.source, e.person, *kind)).collect::<Vec<_>>();
        let exposed: Vec<_> = found.exposures(number).iter().flat_map(row).collect();
        let expected: BTreeSet<_> = account
            .current
            .iter()
            .flat_map(|(kind, dealt_with)| {
                let part = &account.parts[&(*kind, *dealt_with)];
                let dealer = (*dealt_with != number).then_some(&part.dealer);
                part.known.iter().chain(dealer).map(|(source, who)| (*source, who.id, *kind))
            })
            .collect();
        assert_eq!(exposed.len(), expected.len(), "nobody is listed twice for one part");
        assert_eq!(exposed.into_iter().collect::<BTreeSet<_>>(), expected);
        assert_eq!(found.due(number).map(|due| due.urgency), account.due(), "account {n}, version {number}");
    }
}

pub fn check_recoveries(state: &Organisation, model: &Model) {
    assert_eq!(state.recoveries().len(), model.recoveries.len());
    for ((_, starter), answers) in &model.recoveries {
        for answer in answers {
            let (id, found) = state.recovery_at(answer.entry).unwrap();
            assert_eq!((id.starter, found.answers[&answer.entry].person), (starter.id, answer.who.id));
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
