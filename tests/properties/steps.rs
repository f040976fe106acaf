//! Steps, and what the model says of each.

use std::collections::{BTreeMap, BTreeSet};

use sequestre::escrow::credential::Urgency;
use sequestre::escrow::entry::{DaemonAct, Entry};
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::replay::Fault;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::{Seconds, Time};

use crate::choice::{Step, Wrong};
use crate::model::{Account, Amendment, Asked, Model, Part, PartName, Quorum, satisfied};
use crate::world::*;

/// Five trustees, mediator, technician, two members, and somebody from outside.
pub const PEOPLE: [Who; 10] =
    [Who(0), Who(1), Who(2), Who(3), Who(4), MEDIATOR, TECHNICIAN, MEMBER, OTHER_MEMBER, OUTSIDER];
const FIVE: [Who; 5] = [Who(0), Who(1), Who(2), Who(3), Who(4)];
pub const LONGEST: Seconds = Seconds(30 * 86_400);
const KINDS: [PartKind; 2] = [PartKind::Password, PartKind::TotpSecret];

pub struct Run {
    pub world: World,
    pub model: Model,
    two_groups: bool,
}

/// Everything of a charter with these trustees, for the rules and for the model; `None` where too few are left.
struct Plan {
    charter: v1::Charter,
    amend: Quorum,
    vaults: BTreeMap<&'static str, Vec<Quorum>>,
}

fn plan(two_groups: bool, version: u32, trustees: &BTreeSet<Who>) -> Option<Plan> {
    let all: Vec<Who> = trustees.iter().copied().collect();
    let (board, technical): (Vec<Who>, Vec<Who>) = all.iter().copied().partition(|who| who.0 < 3);
    if all.len() < 3 || two_groups && (board.len() < 2 || technical.len() < 2) {
        return None;
    }
    let single = |k: usize| vec![(k, trustees.clone())];
    let both = || {
        let set = |people: &[Who]| (2, people.iter().copied().collect());
        vec![set(&board), set(&technical)]
    };
    let amend = if two_groups { both() } else { single(3) };
    let everyday = if two_groups { both() } else { single(2) };
    let vital = single(3);
    let named = |name: &str, q: &Quorum| {
        let groups = q.iter().map(|(k, people)| group(*k as u32, &people.iter().copied().collect::<Vec<_>>()));
        quorum(name, groups.collect())
    };
    let quorums =
        vec![named("amend", &amend), named("destroy", &amend), named("everyday", &everyday), named("vital", &vital)];
    let askers = [Role::Trustee, Role::Member];
    let wire =
        vec![vault("bank", &["vital"], &askers, LONGEST), vault("web", &["everyday", "vital"], &askers, LONGEST)];
    let mut charter = charter(version, &all, quorums, wire);
    charter.mediators = ids(&[MEDIATOR]);
    charter.technicians = ids(&[TECHNICIAN]);
    charter.limits = Some(v1::Limits { entries_per_day: 10_000, bytes_per_day: 1 << 30 });
    let vaults = BTreeMap::from([("bank", vec![vital.clone()]), ("web", vec![everyday, vital])]);
    Some(Plan { charter, amend, vaults })
}

impl Run {
    fn new(two_groups: bool) -> Self {
        let Plan { charter, amend, vaults } = plan(two_groups, 1, &FIVE.into()).unwrap();
        // Every second trustee is a member besides.
        let trustee = |who: &Who| match who.0 % 2 {
            0 => (*who, vec![Role::Trustee, Role::Member]),
            _ => (*who, vec![Role::Trustee]),
        };
        let mut roll: Vec<_> = FIVE.iter().map(trustee).collect();
        roll.push((MEDIATOR, vec![Role::Mediator]));
        roll.push((TECHNICIAN, vec![Role::Technician]));
        roll.push((MEMBER, vec![Role::Member]));
        roll.push((OTHER_MEMBER, vec![Role::Member]));
        let world = World::found_with(charter, &roll);
        let founded = world.state().size() - 1;
        let model = Model {
            trustees: FIVE.into(),
            mediators: [MEDIATOR].into(),
            technicians: [TECHNICIAN].into(),
            members: [Who(0), Who(2), Who(4), MEMBER, OTHER_MEMBER].into(),
            admitted: PEOPLE[..9].iter().copied().collect(),
            changed: roll.iter().map(|(who, _)| (*who, founded)).collect(),
            charter: 1,
            charter_changed: founded,
            amend,
            vaults,
            accounts: BTreeMap::new(),
            requests: BTreeMap::new(),
            recoveries: BTreeMap::new(),
            proposals: BTreeMap::new(),
        };
        Self { world, model, two_groups }
    }

    /// With an account in each vault to begin with.
    pub fn with_accounts(two_groups: bool) -> Self {
        let mut run = Self::new(two_groups);
        (0..3).for_each(|n| run.deposit(MEMBER, n, 0, 0, 0));
        run
    }

    /// Submits, built on a tree that is `lag` entries behind; what happens must be what the model expects.
    fn submit(&mut self, who: Who, act: Act, lag: u64, expected: bool) -> Option<u64> {
        let mut command = self.world.draft(act);
        let base = self.world.state().size().saturating_sub(lag);
        command.base = Some(self.world.head_at(base).into());
        let result = self.world.submit_draft(who, &command);
        assert_eq!(result.is_ok(), expected, "{who:?}, {:?}: {result:?}", command.act);
        result.ok()
    }

    /// Whether somebody whose base is `lag` behind saw these entries.
    fn saw(&self, lag: u64, entries: &[u64]) -> bool {
        let base = self.world.state().size().saturating_sub(lag);
        entries.iter().all(|entry| *entry < base)
    }

    fn pick_request(&self, pick: usize) -> Option<u64> {
        // The newest first: what is old is over, mostly.
        let count = self.model.requests.len();
        self.model.requests.keys().rev().nth(pick.checked_rem(count)?).copied()
    }

    fn pick_proposal(&self, pick: usize) -> Option<u64> {
        let count = self.model.proposals.len();
        self.model.proposals.keys().rev().nth(pick.checked_rem(count)?).copied()
    }

    /// Takes a step; gives the number of entries that it added.
    pub fn take(&mut self, step: &Step) -> u64 {
        let before = self.world.state().size();
        self.attempt(step);
        self.world.state().size() - before
    }

    fn attempt(&mut self, step: &Step) -> Option<()> {
        match *step {
            Step::Deposit { who, account, ahead, carry, lag } => {
                self.deposit(PEOPLE[who], account, ahead, carry, lag);
            }
            Step::Request { who, account, parts, duration, life, lie } => {
                self.request(PEOPLE[who], account, parts, Seconds(duration), Seconds(life), lie)?;
            }
            Step::Approve { who, pick, lag, wrong } => {
                let request = self.pick_request(pick)?;
                self.approve(PEOPLE[who], request, lag, wrong);
            }
            Step::Deny { who, pick } => {
                let request = self.pick_request(pick)?;
                let expected = self.may_answer(PEOPLE[who], request);
                let act = self.world.deny(request);
                self.submit(PEOPLE[who], act, 0, expected)?;
                self.model.requests.get_mut(&request)?.denials.insert(PEOPLE[who]);
            }
            Step::Return { who, pick } => {
                let request = self.pick_request(pick)?;
                // Half of the time the requester, so that something comes of it.
                let asked = &self.model.requests[&request];
                let who = if who % 2 == 0 { asked.who } else { PEOPLE[who] };
                let expected = asked.who == who && !asked.ended && self.model.admitted.contains(&who);
                self.submit(who, give_back(request), 0, expected)?;
                self.model.end(request, Urgency::Later);
            }
            Step::Revoke { who, pick } => {
                let request = self.pick_request(pick)?;
                let asked = &self.model.requests[&request];
                let (n, who, now) = (asked.account, PEOPLE[who], self.world.now);
                let parts = asked.parts.clone();
                let braked = &self.model.accounts[&n].braked;
                let stopped = parts.iter().filter_map(|(kind, _)| braked.get(&(*kind, who))).max();
                let rests = |at: &Time| *at <= now && now < at.after(Seconds(30 * 86_400));
                // What was granted while their brake rested, they cannot stop afterwards either.
                let over =
                    |at: &Time| asked.granted_at.is_some_and(|g| *at <= g && g < at.after(Seconds(30 * 86_400)));
                let end = asked.lease.map_or(asked.expires.after(asked.duration), |(_, until)| until);
                let again = stopped.is_some_and(|at| rests(at) || over(at) && now < end);
                let open = asked.granted.is_some() && !asked.ended && !again;
                let expected = self.model.trustees.contains(&who) && open;
                self.submit(who, revoke(request), 0, expected)?;
                let braked = &mut self.model.accounts.get_mut(&n)?.braked;
                braked.extend(parts.into_iter().map(|(kind, _)| ((kind, who), now)));
                self.model.end(request, Urgency::Now);
            }
            Step::Collect { pick } => {
                let request = self.pick_request(pick)?;
                let now = self.world.now;
                let asked = self.model.requests.get_mut(&request)?;
                let expected = asked.granted.is_some() && asked.accepts(now);
                assert_eq!(self.world.daemon(DaemonAct::Collected(request)).is_ok(), expected);
                asked.lease = expected.then(|| (now, now.after(asked.duration))).or(asked.lease);
            }
            Step::ExpireRequest { pick } => {
                let request = self.pick_request(pick)?;
                self.expire_request(request);
            }
            Step::ExpireLease { pick } => {
                let request = self.pick_request(pick)?;
                self.expire_lease(request);
            }
            Step::Timers => {
                while let Some(act) = self.world.state().due(self.world.now).first().cloned() {
                    let happened = match act.clone() {
                        DaemonAct::RequestExpired(request) => self.expire_request(request),
                        DaemonAct::LeaseExpired(request) => self.expire_lease(request),
                        act => panic!("{act:?} is never due"),
                    };
                    assert!(happened, "{act:?} was due");
                }
                let over = self.model.next_deadline().is_some_and(|at| at <= self.world.now);
                assert!(!over, "something is over and not due");
            }
            Step::Wait { seconds } => self.world.wait(Seconds(seconds)),
            Step::Leave { who } => {
                let who = PEOPLE[who];
                let expected = self.model.roles(who) == [Role::Member].into();
                let entry = self.submit(who, leave(), 0, expected)?;
                self.model.gone(who, entry);
            }
            Step::Propose { who, without } => {
                self.propose(PEOPLE[who], without)?;
            }
            Step::Sign { who, pick, lag } => {
                let proposal = self.pick_proposal(pick)?;
                self.sign(PEOPLE[who], proposal, lag);
            }
            Step::Amend { without, signers } => {
                let proposer = *self.model.trustees.first()?;
                let proposal = self.propose(proposer, without)?;
                for who in FIVE.into_iter().filter(|who| signers >> who.0 & 1 == 1) {
                    self.sign(who, proposal, 0);
                }
            }
            Step::Ask { who, account, approvers } => {
                let request =
                    self.request(PEOPLE[who], account, 2 - approvers % 3, Seconds(3_600), Seconds(259_200), false)?;
                for who in FIVE.into_iter().filter(|who| approvers >> who.0 & 1 == 1) {
                    self.approve(who, request, 0, Wrong::Nothing);
                }
            }
            Step::Answer { who, starter, recovery, account, parts, lag, late } => {
                self.answer(PEOPLE[who], (recovery, PEOPLE[starter]), account, parts, lag, late)?;
            }
            Step::Confirm { who, pick, lag } => {
                let proposal = self.pick_proposal(pick)?;
                self.confirm(PEOPLE[who], proposal, lag);
            }
            Step::Veto { who, pick } => {
                let (proposal, who) = (self.pick_proposal(pick)?, PEOPLE[who]);
                let amendment = &self.model.proposals[&proposal];
                let expected = self.model.trustees.contains(&who)
                    && amendment.can_be_vetoed(self.world.now)
                    && self.model.is_weaker(amendment);
                let proposal_leaf = self.world.leaf(proposal).to_vec();
                let act = v1::Veto { proposal_index: proposal, proposal_leaf, reason: blob("why not") };
                let entry = self.submit(who, Act::Veto(act), 0, expected)?;
                let amendment = self.model.proposals.get_mut(&proposal)?;
                amendment.veto = Some(entry);
                amendment.confirmed.clear();
            }
            Step::Back { without } => {
                for without in [without, FIVE.len()] {
                    let proposer = *self.model.trustees.first()?;
                    let proposal = self.propose(proposer, without)?;
                    FIVE.into_iter().for_each(|who| self.sign(who, proposal, 0));
                }
            }
            Step::Later { signers } => {
                let waiting = |(_, a): &(&u64, &Amendment)| a.open && a.agreed.is_some();
                let proposal = *self.model.proposals.iter().rev().find(waiting)?.0;
                self.world.wait(Seconds(8 * 86_400));
                for who in FIVE.into_iter().filter(|who| signers >> who.0 & 1 == 1) {
                    self.confirm(who, proposal, 0);
                }
            }
            Step::Again { pick } => {
                let Entry { what, .. } = Entry::parse(self.world.entries.iter().nth_back(pick)?).unwrap();
                let again = Entry { index: self.world.state().size(), time: self.world.now, what };
                let fault = self.world.push(&again).unwrap_err();
                let earlier = again.index - 1 - pick as u64;
                assert!(matches!(fault, Fault::DaemonSignature(_)) || fault == Fault::Repeated(earlier), "{fault}");
            }
        }
        Some(())
    }

    /// `carry`: 1 and 2 leave the second or first part as it is, 3 does so with the wrong version.
    fn deposit(&mut self, who: Who, n: u8, ahead: u32, carry: u8, lag: u64) {
        let vault = if n == 0 { "bank" } else { "web" };
        let (current, changed) = self.model.accounts.get(&n).map_or((0, 0), |a| (a.versions, a.changed));
        let number = current + 1 + ahead;
        let kinds: &[PartKind] = match (n, carry) {
            (2, 1 | 3) if current > 0 => &KINDS[..1],
            (2, 2) if current > 0 => &KINDS[1..],
            (2, _) => &KINDS,
            _ => &KINDS[..1],
        };
        let carried: Vec<PartName> = match self.model.accounts.get(&n) {
            Some(account) => account.current.iter().filter(|(kind, _)| !kinds.contains(kind)).copied().collect(),
            None => Vec::new(),
        };
        let wrong = carry == 3 && !carried.is_empty();
        let expected = self.model.uses_vaults(who)
            && ahead == 0
            && !wrong
            && self.saw(lag, &[self.model.charter_changed])
            && (current == 0 || self.saw(lag, &[changed]));
        let mut deposit = self.world.deposit_of(n, number, vault, kinds);
        deposit.carried = carried
            .iter()
            .map(|(kind, dealt_with)| v1::CarriedPart { kind: *kind as i32, version: dealt_with + u32::from(wrong) })
            .collect();
        let Some(entry) = self.submit(who, Act::Deposit(deposit), lag, expected) else { return };
        let account = self.model.accounts.entry(n).or_insert_with(|| Account {
            vault,
            parts: BTreeMap::new(),
            versions: 0,
            current: Vec::new(),
            changed: 0,
            braked: BTreeMap::new(),
        });
        let opened_by = &self.model.vaults[vault];
        let fresh: Vec<PartName> = kinds.iter().map(|kind| (*kind, number)).collect();
        for part in &fresh {
            let opened_by = opened_by.clone();
            account.parts.insert(*part, Part { opened_by, dealer: (entry, who), known: BTreeSet::new(), due: None });
        }
        account.current = fresh.into_iter().chain(carried).collect();
        account.current.sort();
        (account.versions, account.changed) = (number, entry);
    }

    fn request(&mut self, who: Who, n: u8, parts: u8, duration: Seconds, life: Seconds, lie: bool) -> Option<u64> {
        let now = self.world.now;
        let account = self.model.accounts.get(&n)?;
        let mut asked = self.world.request_of(who, n);
        if parts < 2 && account.current.len() == 2 {
            asked.parts.remove(usize::from(parts));
        }
        let is_asked = |(kind, _): &PartName| asked.parts.iter().any(|p| p.kind == *kind as i32);
        let parts: Vec<PartName> = account.current.iter().copied().filter(is_asked).collect();
        let own = account.dealt_to(&parts, who);
        asked.duration = duration.0;
        asked.expires = now.after(life).0;
        asked.own_share = own != lie;
        let open = |a: &Asked| a.who == who && a.account == n && a.accepts(now);
        let expected = self.model.uses_vaults(who)
            && (60..=LONGEST.0).contains(&duration.0)
            && (1..=604_800).contains(&life.0)
            && !lie
            && !self.model.requests.values().any(open);
        let entry = self.submit(who, Act::Request(asked), 0, expected)?;
        let asked = Asked {
            who,
            account: n,
            parts,
            duration,
            expires: now.after(life),
            own,
            approvals: BTreeMap::new(),
            denials: BTreeSet::new(),
            granted: None,
            granted_at: None,
            lease: None,
            ended: false,
            revoked: false,
        };
        self.model.requests.insert(entry, asked);
        self.model.released(entry, entry, self.world.now);
        Some(entry)
    }

    /// Whether somebody may approve or deny, as far as who they are and how the request stands.
    fn may_answer(&self, who: Who, request: u64) -> bool {
        let asked = &self.model.requests[&request];
        asked.accepts(self.world.now)
            && self.model.trustees.contains(&who)
            && self.model.accounts[&asked.account].dealt_to(&asked.parts, who)
            && asked.who != who
            && !asked.approvals.contains_key(&who)
    }

    fn approve(&mut self, who: Who, request: u64, lag: u64, wrong: Wrong) {
        let asked = &self.model.requests[&request];
        let depends_on = [
            request,
            self.model.charter_changed,
            self.model.changed[&asked.who],
            self.model.accounts[&asked.account].changed,
        ];
        let expected = self.may_answer(who, request) && self.saw(lag, &depends_on) && wrong == Wrong::Nothing;
        let mut approval = self.world.approval_of(who, request);
        match wrong {
            Wrong::Nothing => {}
            Wrong::Leaf => approval.request_leaf = blob("another"),
            Wrong::Recipient => approval.parts[0].recipient = Some(recipient("another")),
            Wrong::Expiry => approval.expires += 1,
            Wrong::Shape => approval.released[0].shares.push(blob("one more")),
        }
        let Some(entry) = self.submit(who, Act::Approve(approval), lag, expected) else { return };
        let asked = self.model.requests.get_mut(&request).unwrap();
        asked.approvals.insert(who, entry);
        asked.denials.remove(&who);
        self.model.released(request, entry, self.world.now);
    }

    /// `parts`: 0 and 1 leave out the second or first part, as far as there are two. Half of the answers are `late`:
    /// signed long ago, on no tree, as by somebody whose log may have been cut since. What is not new is ignored.
    fn answer(&mut self, who: Who, recovery: (u8, Who), n: u8, parts: u8, lag: u64, late: u64) -> Option<()> {
        let starter = recovery.1;
        let account = self.model.accounts.get(&n)?;
        let mut wanted = account.current.clone();
        if parts < 2 && wanted.len() == 2 {
            wanted.remove(usize::from(1 - parts));
        }
        let answers = self.model.recoveries.get(&recovery).map_or(&[][..], Vec::as_slice);
        let again = |part: &_| answers.iter().any(|a| a.who == who && a.account == n && a.part == *part);
        let mut fresh = wanted.clone();
        fresh.retain(|part| account.parts[part].dealt_to(who) && !again(part));
        // Those who left hold shares, and say what they did with them.
        let expected = who != OUTSIDER && starter != OUTSIDER && starter != who && !fresh.is_empty();
        let mut named: Vec<_> = wanted.iter().map(|(kind, version)| part(n, *version, *kind)).collect();
        named.sort();
        let mut command = self.world.draft(self.world.answer(&format!("recovery {}", recovery.0), starter, &named));
        command.created -= late;
        let base = self.world.state().size().saturating_sub(lag);
        command.base = Some(if late > 0 { TreeHead::EMPTY } else { self.world.head_at(base) }.into());
        let result = self.world.submit_draft(who, &command);
        assert_eq!(result.is_ok(), expected, "{who:?}, {recovery:?}, {wanted:?}: {result:?}");
        self.model.answered(recovery, who, n, &fresh, result.ok()?);
        Some(())
    }

    fn expire_request(&mut self, request: u64) -> bool {
        let now = self.world.now;
        let asked = self.model.requests.get_mut(&request).unwrap();
        let expected = !asked.ended && asked.lease.is_none() && now >= asked.expires;
        let happened = self.world.daemon(DaemonAct::RequestExpired(request)).is_ok();
        assert_eq!(happened, expected);
        if happened && asked.granted.is_some() {
            asked.lease = Some((asked.expires, asked.expires.after(asked.duration)));
        } else if happened {
            asked.ended = true;
        }
        happened
    }

    fn expire_lease(&mut self, request: u64) -> bool {
        let asked = &self.model.requests[&request];
        let over = asked.lease.is_some_and(|(_, until)| self.world.now >= until);
        let expected = over && !asked.ended;
        let happened = self.world.daemon(DaemonAct::LeaseExpired(request)).is_ok();
        assert_eq!(happened, expected);
        if happened {
            self.model.end(request, Urgency::Later);
        }
        happened
    }

    /// A charter of all five who are still there, without one of them (or with all).
    fn propose(&mut self, who: Who, without: usize) -> Option<u64> {
        let there = |who: &Who| self.model.admitted.contains(who) && FIVE.get(without) != Some(who);
        let trustees: BTreeSet<Who> = FIVE.into_iter().filter(there).collect();
        let Plan { charter, amend, vaults } = plan(self.two_groups, self.model.charter + 1, &trustees)?;
        let act = self.world.charter_proposal(charter, &[]);
        let expected = self.model.admitted.contains(&who) && !self.model.offices(who).is_empty();
        let entry = self.submit(who, act, 0, expected)?;
        let expires = self.world.now.after(Seconds(30 * 86_400));
        let said = [who].into();
        let amendment = Amendment {
            at: entry,
            expires,
            trustees,
            amend,
            vaults,
            said,
            open: true,
            current: false,
            agreed: None,
            confirmed: BTreeSet::new(),
            veto: None,
        };
        assert!(!satisfied(&self.model.amend, &amendment.said), "nobody amends alone");
        self.model.proposals.insert(entry, amendment);
        Some(entry)
    }

    fn sign(&mut self, who: Who, proposal: u64, lag: u64) {
        let amendment = &self.model.proposals[&proposal];
        let named = amendment.trustees.iter().all(|who| self.model.admitted.contains(who));
        let open = amendment.open && amendment.agreed.is_none() && self.world.now < amendment.expires && named;
        let expected = (open || amendment.current)
            && !amendment.said.contains(&who)
            && self.saw(lag, &[amendment.at, self.model.charter_changed])
            && self.model.admitted.contains(&who);
        let act = self.world.sign(proposal);
        let Some(entry) = self.submit(who, act, lag, expected) else { return };
        self.model.proposals.get_mut(&proposal).unwrap().said.insert(who);
        self.model.ratify(proposal, entry, self.world.now);
    }

    fn confirm(&mut self, who: Who, proposal: u64, lag: u64) {
        let amendment = &self.model.proposals[&proposal];
        let counts = self.model.amend.iter().chain(&amendment.amend).any(|(_, group)| group.contains(&who));
        let depends_on: Vec<u64> = amendment
            .agreed
            .iter()
            .map(|(_, entry)| *entry)
            .chain(amendment.veto)
            .chain([self.model.charter_changed])
            .collect();
        let expected = amendment.can_be_confirmed(self.world.now)
            && counts
            && amendment.trustees.iter().all(|who| self.model.admitted.contains(who))
            && !amendment.confirmed.contains(&who)
            && self.saw(lag, &depends_on)
            && self.model.admitted.contains(&who);
        let proposal_leaf = self.world.leaf(proposal).to_vec();
        let act = Act::Confirm(v1::Confirm { proposal_index: proposal, proposal_leaf });
        let Some(entry) = self.submit(who, act, lag, expected) else { return };
        self.model.proposals.get_mut(&proposal).unwrap().confirmed.insert(who);
        self.model.confirm(proposal, entry);
    }
}
