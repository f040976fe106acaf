//! Random histories of accounts with connectors, rotations and delegations. What must hold always is asked of the
//! state after each thing that is accepted, and counted by hand from what was accepted before.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sequestre::escrow::credential::How;
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::made::AtTarget;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::request::{Basis, Request, Stage};
use sequestre::escrow::time::{Seconds, Time};
use sequestre::escrow::window::Purpose;
use sequestre::escrow::work::Work;

use crate::world::*;

/// Accounts: 1 with a connector, 2 with one for one person at a time, 3 without.
const ACCOUNTS: [u8; 3] = [1, 2, 3];
const MEMBERS: [Who; 4] = [MEMBER, OTHER_MEMBER, Who(2), Who(5)];

/// One thing that somebody tries. Numbers pick, modulo what there is.
#[derive(Debug, Clone)]
pub enum Step {
    Unseal { who: usize, account: usize, approvers: u8 },
    Mint { who: usize, account: usize, approvers: u8 },
    Delegate { who: usize, to: usize, account: usize, approvers: u8 },
    Wrap { pick: usize },
    Take { who: usize, pick: usize },
    EndDelegation { who: usize, pick: usize },
    Approve { who: usize, pick: usize },
    Collect { pick: usize },
    Start { pick: usize, shorter: u64 },
    Minted { pick: usize },
    Revoked { pick: usize },
    Return { pick: usize },
    Revoke { who: usize, pick: usize },
    Seal { who: usize },
    Close { pick: usize },
    File { account: usize, pick: usize, hours: u64 },
    Rotate { who: usize, account: usize },
    Stage { account: usize },
    Settle { account: usize, rotated: bool },
    Deposit { who: usize, account: usize, connector: bool },
    Timers,
    Wait { seconds: u64 },
    Leave { who: usize },
    Move,
}

pub fn step() -> impl Strategy<Value = Step> {
    let (who, account, pick) = (0..4usize, 0..3usize, prop_oneof![3 => 0..3usize, 1 => 0..30usize]);
    let approvers = prop_oneof![3 => Just(0b11u8), 1 => 0..16u8];
    prop_oneof![
        6 => (who.clone(), account.clone(), approvers.clone())
            .prop_map(|(who, account, approvers)| Step::Unseal { who, account, approvers }),
        6 => (who.clone(), account.clone(), approvers.clone())
            .prop_map(|(who, account, approvers)| Step::Mint { who, account, approvers }),
        3 => (who.clone(), who.clone(), account.clone(), approvers)
            .prop_map(|(who, to, account, approvers)| Step::Delegate { who, to, account, approvers }),
        4 => pick.clone().prop_map(|pick| Step::Wrap { pick }),
        4 => (who.clone(), pick.clone()).prop_map(|(who, pick)| Step::Take { who, pick }),
        1 => (who.clone(), pick.clone()).prop_map(|(who, pick)| Step::EndDelegation { who, pick }),
        4 => (0..7usize, pick.clone()).prop_map(|(who, pick)| Step::Approve { who, pick }),
        12 => pick.clone().prop_map(|pick| Step::Collect { pick }),
        10 => (pick.clone(), prop_oneof![Just(0u64), Just(600)])
            .prop_map(|(pick, shorter)| Step::Start { pick, shorter }),
        8 => pick.clone().prop_map(|pick| Step::Minted { pick }),
        4 => pick.clone().prop_map(|pick| Step::Revoked { pick }),
        3 => pick.clone().prop_map(|pick| Step::Return { pick }),
        2 => (0..7usize, pick.clone()).prop_map(|(who, pick)| Step::Revoke { who, pick }),
        1 => (0..7usize).prop_map(|who| Step::Seal { who }),
        2 => pick.clone().prop_map(|pick| Step::Close { pick }),
        4 => (account.clone(), pick, 1..9u64).prop_map(|(account, pick, hours)| Step::File { account, pick, hours }),
        4 => (who.clone(), account.clone()).prop_map(|(who, account)| Step::Rotate { who, account }),
        4 => account.clone().prop_map(|account| Step::Stage { account }),
        4 => (account.clone(), any::<bool>()).prop_map(|(account, rotated)| Step::Settle { account, rotated }),
        2 => (who.clone(), account, any::<bool>())
            .prop_map(|(who, account, connector)| Step::Deposit { who, account, connector }),
        3 => Just(Step::Timers),
        4 => prop::sample::select(vec![1, 60, 1_200, 3_600, 8 * 3_600, 86_400]).prop_map(|seconds| Step::Wait { seconds }),
        1 => (0..8usize).prop_map(|who| Step::Leave { who: who.min(3) }),
        1 => prop_oneof![4 => Just(Step::Timers), 1 => Just(Step::Move)],
    ]
}

fn begun() -> World {
    let mut world = World::with_unasked();
    world.connected(MEMBER, 1, &[PartKind::Password, PartKind::RecoveryCodes]);
    let deposit = world.deposit_of(2, 1, "web", &[PartKind::Password]);
    world.ok(MEMBER, Act::Deposit(v1::Deposit { connector: blob("connector 2"), exclusive: true, ..deposit }));
    world.let_deposit(MEMBER, 3);
    world
}

/// Requests, the newest first.
fn pick(world: &World, pick: usize, which: impl Fn(&Request) -> bool) -> Option<u64> {
    let found: Vec<u64> = world.state().requests().values().rev().filter(|r| which(r)).map(|r| r.at.index).collect();
    found.get(pick.checked_rem(found.len())?).copied()
}

fn approve_all(world: &mut World, request: Result<u64, sequestre::escrow::refusal::Refusal>, approvers: u8) {
    let Ok(request) = request else { return };
    for who in TRUSTEES.into_iter().filter(|who| who.0 < 4 && approvers >> who.0 & 1 == 1) {
        approve(world, who, request);
    }
}

fn approve(world: &mut World, who: Who, request: u64) {
    let act = match world.asked(request).signs_only() {
        true => world.sign_lease(who, request),
        false => world.approve(who, request),
    };
    let _ = world.submit(who, act);
}

fn attempt(world: &mut World, step: &Step) -> Option<()> {
    match *step {
        Step::Unseal { who, account, approvers } => {
            let request = world.unseal_of(ACCOUNTS[account]);
            if request.parts.is_empty() {
                return None;
            }
            let request = world.submit(MEMBERS[who], Act::Request(request));
            approve_all(world, request, approvers);
        }
        Step::Mint { who, account, approvers } => {
            let request = world.mint_of(MEMBERS[who], ACCOUNTS[account]);
            let request = world.submit(MEMBERS[who], Act::Request(request));
            approve_all(world, request, approvers);
        }
        Step::Delegate { who, to, account, approvers } => {
            let mut request = world.delegation_of(MEMBERS[who], MEMBERS[to], ACCOUNTS[account]);
            request.standing.as_mut()?.uses = 2;
            let request = world.submit(MEMBERS[who], Act::Request(request));
            approve_all(world, request, approvers);
        }
        Step::Wrap { pick: n } => {
            let request = pick(world, n, |r| r.purpose == Purpose::Delegation)?;
            let (who, act) = (world.asked(request).requester, world.wrapping(request));
            let who = MEMBERS.into_iter().find(|member| member.id == who)?;
            let _ = world.submit(who, Act::Delegate(act));
        }
        Step::Take { who, pick: n } => {
            let count = world.state().delegations().count();
            let delegation = world.state().delegations().nth(n.checked_rem(count)?)?;
            let (index, to) = (delegation.index, delegation.standing.to);
            // Half of the time the delegate.
            let to = MEMBERS.into_iter().find(|member| member.id == to).filter(|_| who % 2 == 0);
            let _ = world.submit(to.unwrap_or(MEMBERS[who]), world.take(index));
        }
        Step::EndDelegation { who, pick: n } => {
            let count = world.state().delegations().count();
            let index = world.state().delegations().nth(n.checked_rem(count)?)?.index;
            let _ = world.submit(MEMBERS[who], end_delegation(index));
        }
        Step::Approve { who, pick: n } => {
            let request = pick(world, n, |_| true)?;
            approve(world, TRUSTEES[who], request);
        }
        Step::Collect { pick: n } => {
            let request = pick(world, n, |r| matches!(r.stage, Stage::Granted(_)))?;
            let _ = world.daemon(DaemonAct::Collected(request));
        }
        Step::Start { pick: n, shorter } => {
            let request = pick(world, n, |r| r.purpose == Purpose::Mint)?;
            let until = world.state().mint_until(request, world.now).ok()?.before(Seconds(shorter));
            let _ = world.daemon(DaemonAct::MintStarted { request, until });
        }
        Step::Minted { pick: n } => {
            let request = pick(world, n, |r| r.purpose == Purpose::Mint)?;
            let _ = world.minted(request);
        }
        Step::Revoked { pick: n } => {
            let request = pick(world, n, |r| r.purpose == Purpose::Mint)?;
            let _ = world.daemon(DaemonAct::RevokedAtTarget(request));
        }
        Step::Return { pick: n } => {
            let request = pick(world, n, |_| true)?;
            let who = world.asked(request).requester;
            let who = MEMBERS.into_iter().find(|member| member.id == who)?;
            let _ = world.submit(who, give_back(request));
        }
        Step::Revoke { who, pick: n } => {
            let request = pick(world, n, |_| true)?;
            let _ = world.submit(TRUSTEES[who], revoke(request));
        }
        Step::Seal { who } => {
            let _ = world.submit(TRUSTEES[who], seal());
        }
        Step::Close { pick: n } => {
            let request = pick(world, n, |_| true)?;
            let _ = world.daemon(DaemonAct::Closed(request));
        }
        Step::File { account, pick: n, hours } => {
            let because = pick(world, n, |_| true)?;
            if !world.state().window_parts(&credential(ACCOUNTS[account])).is_empty() {
                let filing = world.filing(ACCOUNTS[account], because, Seconds(hours * 3_600));
                let _ = world.daemon(filing);
            }
        }
        Step::Rotate { who, account } => {
            let n = ACCOUNTS[account];
            let current = world.state().credential(&credential(n))?.current()?.0;
            let _ = world.submit(MEMBERS[who], rotate(n, current));
        }
        Step::Stage { account } => {
            let n = ACCOUNTS[account];
            let rotation = world.state().credential(&credential(n))?.rotation.as_ref()?.index;
            let staged = world.staging(n, rotation);
            let _ = world.stage(salted(staged, world.entries.len()));
        }
        Step::Settle { account, rotated } => {
            let (number, _) = world.state().staged(&credential(ACCOUNTS[account]))?;
            let id = version(ACCOUNTS[account], number);
            let act = if rotated { DaemonAct::Rotated(id) } else { DaemonAct::StagedDropped(id) };
            let _ = world.daemon(act);
        }
        Step::Deposit { who, account, connector } => {
            let n = ACCOUNTS[account];
            let known = world.state().credential(&credential(n))?;
            let (number, exclusive) = (known.next_number()?, known.exclusive);
            let deposit = world.deposit_of(n, number, "web", &[PartKind::Password]);
            let size = world.entries.len();
            let parts = salted_parts(deposit.parts, size);
            let connector = match (n, connector) {
                (3, _) => vec![],
                (_, true) => world.state().credential(&credential(n))?.current()?.1.connector?.to_vec(),
                (_, false) => blob(&format!("connector of entry {size}")),
            };
            let sheet = blob(&format!("sheet of entry {size}"));
            let deposit = v1::Deposit { parts, connector, exclusive, sheet, ..deposit };
            let _ = world.submit(MEMBERS[who], Act::Deposit(deposit));
        }
        Step::Timers => {
            world.timers();
        }
        Step::Wait { seconds } => world.wait(Seconds(seconds)),
        Step::Leave { who } => {
            let _ = world.submit(MEMBERS[who], leave());
        }
        Step::Move => {
            if world.state().moves().is_empty() {
                let moving = world.signed_move(&world.move_statement(), &TRUSTEES[..5]);
                world.submit(TRUSTEES[0], moving).unwrap();
            }
        }
    }
    Some(())
}

/// Numbers of versions that were dropped come again; what lies in them does not.
fn salted(staged: v1::Staged, salt: usize) -> v1::Staged {
    v1::Staged { parts: salted_parts(staged.parts, salt), ..staged }
}

fn salted_parts(mut parts: Vec<v1::Part>, salt: usize) -> Vec<v1::Part> {
    for part in &mut parts {
        part.master_key = Some(recipient(&format!("{:?} of entry {salt}", part.master_key)));
        let salted = |name: &mut Vec<u8>| *name = blob(&format!("{name:?} of entry {salt}"));
        salted(&mut part.sealed);
        for share in part.deals.iter_mut().flat_map(|d| &mut d.groups).flat_map(|g| &mut g.shares) {
            salted(&mut share.sealed);
        }
    }
    parts
}

/// What was accepted so far, for what the state does not say.
#[derive(Default)]
pub struct Seen {
    pub started: usize,
    pub leased: usize,
    pub due: usize,
    pub revoked: usize,
    pub opened: usize,
    pub filed: usize,
    pub staged: usize,
    pub rotated: usize,
    pub taken: usize,
    pub unasked: usize,
    pub wrapped: usize,
}

pub fn run(steps: &[Step]) -> (World, Seen) {
    let mut world = begun();
    let mut seen = Seen::default();
    // What was ever at a target, and when the daemon said that it is gone.
    let mut there: BTreeSet<u64> = BTreeSet::new();
    for step in steps {
        let before: BTreeMap<u64, Request> = world.state().requests().clone();
        attempt(&mut world, step);
        holds(&world);
        for (index, request) in world.state().requests() {
            let was = before.get(index).and_then(|earlier| earlier.target);
            match (was, request.target) {
                (None, Some(target)) => {
                    assert!(matches!(target, AtTarget::Started { .. }), "{target:?} out of nothing");
                    there.insert(*index);
                    seen.started += 1;
                }
                (Some(_), None) => panic!("what there was at the target is forgotten"),
                (Some(AtTarget::RevocationDue { .. }), Some(AtTarget::Revoked { .. })) => seen.revoked += 1,
                (Some(AtTarget::Revoked { .. }), now) => assert_eq!(was, now, "gone is gone"),
                (_, Some(AtTarget::Revoked { .. })) => panic!("revoked before the access was over"),
                _ => {}
            }
        }
        assert!(there.iter().all(|index| world.asked(*index).target.is_some()));
    }
    let state = world.state();
    let requests = || state.requests().values();
    seen.leased = requests().filter(|r| matches!(r.target, Some(AtTarget::Made { .. }))).count();
    seen.due = requests().filter(|r| matches!(r.target, Some(AtTarget::RevocationDue { .. }))).count();
    seen.opened = requests().filter(|r| r.purpose == Purpose::Unseal && r.collected).count();
    seen.filed = requests().filter(|r| r.by_daemon).count();
    seen.taken = state.delegations().map(|d| d.used as usize).sum();
    seen.wrapped = state.delegations().filter(|d| d.connector.is_none()).count();
    seen.unasked = requests().filter(|r| r.grant().is_some_and(|g| matches!(g.basis(), Basis::Unasked))).count();
    seen.staged = ACCOUNTS.iter().filter(|n| state.staged(&credential(**n)).is_some()).count();
    let versions = || state.credentials().values().flat_map(|c| c.versions.values());
    seen.rotated = versions().filter(|v| v.by_daemon).count();
    (world, seen)
}

/// What is so after each entry, whatever was tried.
fn holds(world: &World) {
    let state = world.state();
    let mut pending: BTreeSet<Work> = BTreeSet::new();
    let mut out: BTreeMap<u8, usize> = BTreeMap::new();
    for (index, request) in state.requests() {
        let is_over = matches!(request.stage, Stage::Ended { .. });
        if let Some(AtTarget::Started { .. } | AtTarget::Made { .. }) = request.target {
            assert!(!is_over && request.purpose == Purpose::Mint, "request {index} is over and nothing is due");
        }
        match (&request.stage, request.purpose, request.target) {
            (Stage::Granted(_), Purpose::Unseal, _) => {
                pending.insert(Work::Open(*index));
            }
            (Stage::Granted(_), Purpose::Mint, _) => {
                pending.insert(Work::Mint(*index));
            }
            (_, _, Some(AtTarget::RevocationDue { .. })) => {
                pending.insert(Work::Revoke(*index));
            }
            _ => {}
        }
        if let Some(grant) = request.grant() {
            match grant.basis() {
                Basis::Agreement(agreement) => {
                    let agreed = request.agreed();
                    assert!(agreement.persons().is_subset(&agreed) && agreement.persons().len() >= 2);
                    assert!(!request.approvals.is_empty(), "nobody opens alone");
                }
                Basis::Unasked => assert_eq!((request.purpose, request.requester), (Purpose::Mint, OTHER_MEMBER.id)),
                Basis::Delegation(delegation) => {
                    let delegation = state.delegation(*delegation).expect("the delegation behind a lease");
                    assert_eq!(delegation.standing.to, request.requester);
                }
            }
        }
        if let Stage::Leased(lease) = &request.stage
            && request.purpose == Purpose::Mint
        {
            assert!(lease.until() <= lease.since().after(request.duration), "no longer than was asked for");
        }
        if request.target.is_some_and(|t| t.is_there()) && request.version.credential == credential(2) {
            *out.entry(2).or_default() += 1;
        }
        assert_eq!(request.purpose == Purpose::Unseal, request.parts.iter().all(|part| part.vouched.is_some()));
    }
    for n in ACCOUNTS {
        let account = state.credential(&credential(n)).unwrap();
        if account.rotation.is_some() {
            pending.insert(Work::Rotate(credential(n)));
        }
        if let Some(window) = state.open_window(&credential(n)) {
            assert!(window.collected && window.approvals.len() >= 2);
            assert!(matches!(&window.stage, Stage::Leased(lease) if lease.collected()));
            // Whoever runs the daemon is said to be able to read what is open.
            for part in state.window_parts(&credential(n)) {
                let known = &state.part(&part).unwrap().known;
                let could = known.values().any(|k| k.person == TECHNICIAN.id && k.how == How::CouldRead);
                assert!(could, "{part:?} is open and nobody could read it");
            }
        }
        for version in account.versions.values().filter(|version| version.by_daemon) {
            let mut known = version.parts.values().flat_map(|part| part.known.values());
            assert!(known.all(|k| k.how != How::Sealed), "nobody sealed it");
        }
    }
    assert_eq!(pending, state.work().collect(), "what is to be done at targets");
    deadlines(world);
    assert!(out.values().all(|count| *count <= 1), "one person at a time");
    for delegation in state.delegations() {
        let takes = state.requests().values().filter(|r| {
            let by = |basis: &Basis| matches!(basis, Basis::Delegation(d) if *d == delegation.index);
            r.grant().is_some_and(|grant| by(grant.basis()))
        });
        assert!(takes.count() <= delegation.used as usize && delegation.used <= delegation.standing.uses);
        let gone = state.person(&delegation.standing.to).is_some_and(|_| !state.may_read(&delegation.standing.to));
        assert!(!gone || delegation.ended.is_some(), "a right of somebody who left");
        let wrapped = delegation.connector.is_some() || !delegation.wrapped.is_empty() || delegation.ended.is_some();
        assert!(wrapped, "a right to nothing");
    }
}

/// When the daemon has to act, counted by hand.
fn deadlines(world: &World) {
    let state = world.state();
    let mut expected: Vec<(Time, u64, DaemonAct)> = Vec::new();
    for (index, request) in state.requests() {
        let (at, act) = match (&request.stage, request.target) {
            (Stage::Ended { .. }, _) => continue,
            (Stage::Leased(lease), _) => (lease.until(), DaemonAct::LeaseExpired(*index)),
            (Stage::Granted(_), Some(AtTarget::Started { until, .. })) => (until, DaemonAct::RequestExpired(*index)),
            (Stage::Granted(_) | Stage::Waiting, _) => (request.expires, DaemonAct::RequestExpired(*index)),
        };
        expected.push((at, *index, act));
    }
    expected.sort_by_key(|(at, index, _)| (*at, *index));
    assert_eq!(state.next_deadline(), expected.first().map(|(at, ..)| *at));
    let live: Vec<u64> = state.live_requests().map(|request| request.at.index).collect();
    assert_eq!(live, expected.iter().map(|(_, index, _)| *index).collect::<Vec<_>>());
    let live_and = |which: &dyn Fn(&Request) -> bool| -> Vec<u64> {
        live.iter().copied().filter(|index| which(world.asked(*index))).collect()
    };
    let to_daemon = state.live_requests_to_daemon().map(|request| request.at.index);
    let vouched = |request: &Request| request.parts.iter().any(|asked| asked.vouched.is_some());
    assert_eq!(to_daemon.collect::<Vec<_>>(), live_and(&vouched));
    for account in state.credentials().keys() {
        let of_it = state.live_requests_for(account).map(|request| request.at.index);
        let named = |request: &Request| request.version.credential == *account;
        assert_eq!(of_it.collect::<Vec<_>>(), live_and(&named));
    }
    let due: Vec<DaemonAct> = expected.into_iter().filter(|(at, ..)| *at <= world.now).map(|(.., act)| act).collect();
    assert_eq!(state.due(world.now), due);
    for n in ACCOUNTS {
        let account = state.credential(&credential(n)).unwrap();
        let connector = account.current().and_then(|(_, version)| version.connector);
        let open = state.requests().values().filter(|r| {
            r.purpose == Purpose::Unseal
                && r.version.credential == credential(n)
                && matches!(r.stage, Stage::Leased(_))
                && r.connector == connector
        });
        assert_eq!(state.open_window(&credential(n)).is_some(), connector.is_some() && open.count() > 0);
        // Nothing waits for a version that is gone.
        for request in state.live_requests().filter(|r| r.version.credential == credential(n) && !r.signs_only()) {
            let missing = request.parts.iter().any(|asked| state.part(&asked.part).is_none());
            assert!(!missing || matches!(request.stage, Stage::Leased(_)), "request {} is stuck", request.at.index);
        }
        for version in account.versions.values() {
            for text in [version.label, version.sheet] {
                assert!(state.audience(&text).is_none() || !state.is_forgotten(&text));
            }
        }
    }
}
