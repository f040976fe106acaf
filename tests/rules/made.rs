//! Leases that a connector makes: who signs them, how long they run, and that what was made is revoked.

use sequestre::escrow::credential::DueCause;
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::entry::DaemonAct::{Collected, LeaseExpired, MintStarted, RequestExpired, RevokedAtTarget};
use sequestre::escrow::made::AtTarget;
use sequestre::escrow::organisation::Effect;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::{Basis, End, Stage};
use sequestre::escrow::time::Seconds;
use sequestre::escrow::work::Work;

use crate::world::*;

const HOUR: Seconds = Seconds::HOUR;

/// An account that is open to the daemon for eight hours.
fn open() -> (World, u64) {
    let mut world = World::with_unasked();
    world.connected(OTHER_MEMBER, 1, &[PartKind::Password]);
    let window = world.let_open(MEMBER, 1);
    (world, window)
}

/// The same; only one person at a time can use it.
fn exclusive() -> World {
    let mut world = World::with_unasked();
    let deposit = world.deposit_of(1, 1, "web", &[PartKind::Password]);
    let deposit = v1::Deposit { connector: blob("connector 1"), exclusive: true, ..deposit };
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    world.let_open(MEMBER, 1);
    world
}

fn work(world: &World) -> Vec<Work> {
    world.state().work().collect()
}

fn ended(world: &World, request: u64) -> End {
    let Stage::Ended { how, .. } = world.asked(request).stage else { panic!("not ended") };
    how
}

#[test]
fn a_lease_is_signed_made_and_revoked() {
    let (mut world, _) = open();
    let request = world.let_sign(MEMBER, 1);
    assert_eq!(work(&world), [Work::Mint(request)]);
    assert_eq!(world.daemon(Collected(request)), Err(Refusal::NotCollectable), "nothing was released");
    world.start(request).unwrap();
    let until = world.now.after(HOUR);
    assert_eq!(world.asked(request).target, Some(AtTarget::Started { at: world.now, until }));
    world.wait(Seconds(20));
    world.minted(request).unwrap();
    let Stage::Leased(lease) = &world.asked(request).stage else { panic!("no lease") };
    assert_eq!((lease.since(), lease.until()), (world.now, until), "from when it was begun");
    assert!(world.effects.iter().any(|e| matches!(e, Effect::KeepMade { requester, .. } if *requester == MEMBER.id)));
    assert_eq!(work(&world), []);
    world.wait(HOUR);
    world.daemon(LeaseExpired(request)).unwrap();
    assert!(world.effects.contains(&Effect::DropShares { request }) && world.effects.contains(&Effect::Work));
    assert_eq!(world.asked(request).target, Some(AtTarget::RevocationDue { since: world.now }));
    assert_eq!(work(&world), [Work::Revoke(request)]);
    world.daemon(RevokedAtTarget(request)).unwrap();
    assert_eq!(world.asked(request).target, Some(AtTarget::Revoked { at: world.now }));
    assert_eq!(world.daemon(RevokedAtTarget(request)), Err(Refusal::NotDue));
    let account = world.state().credential(&credential(1)).unwrap();
    assert_eq!(account.due(1), None, "nobody saw the password");
    assert!(account.exposures(1).iter().all(|exposure| exposure.person == TECHNICIAN.id));
}

#[test]
fn signatures_are_those_of_the_vaults_quorum_and_release_nothing() {
    let (mut world, _) = open();
    let request = world.mint_of(MEMBER, 1);
    let request = world.ok(MEMBER, Act::Request(request));
    for who in [MEMBER, OTHER_MEMBER, MEDIATOR, TECHNICIAN] {
        assert_eq!(world.no(who, world.sign_lease(who, request)), Refusal::NotTrustee);
    }
    let releasing = world.approve(TRUSTEES[0], request);
    assert_eq!(world.no(TRUSTEES[0], releasing), Refusal::ReleasedShape);
    world.ok(TRUSTEES[0], world.sign_lease(TRUSTEES[0], request));
    assert!(matches!(world.asked(request).stage, Stage::Waiting));
    let part = world.state().current_part(&credential(1), PartKind::Password).unwrap();
    let released = world.state().part(&part).unwrap().released.keys().len();
    world.ok(TRUSTEES[1], world.sign_lease(TRUSTEES[1], request));
    let grant = world.asked(request).grant().unwrap();
    assert_eq!(grant.agreement().unwrap().persons(), [TRUSTEES[0].id, TRUSTEES[1].id].into());
    assert_eq!(world.state().part(&part).unwrap().released.keys().len(), released);
    // A claim about shares that nobody sent, and a test of what nobody saw, mean nothing.
    world.start(request).unwrap();
    world.minted(request).unwrap();
    let accuse = claim(request, TRUSTEES[0], &[PartKind::Password], v1::ShareVerdict::DoesNotOpen);
    assert_eq!(world.no(MEMBER, accuse), Refusal::NothingToTest);
    assert_eq!(world.no(MEMBER, confirm_access(request, false)), Refusal::NothingToTest);
}

#[test]
fn some_need_not_ask_while_it_is_open() {
    let (mut world, window) = open();
    let request = world.mint_of(OTHER_MEMBER, 1);
    let request = world.ok(OTHER_MEMBER, Act::Request(request));
    assert!(matches!(world.asked(request).grant().unwrap().basis(), Basis::Unasked));
    assert_eq!(world.no(TRUSTEES[0], world.sign_lease(TRUSTEES[0], request)), Refusal::RequestClosed);
    world.start(request).unwrap();
    world.minted(request).unwrap();
    // One who has to ask waits, and so does everybody while it is closed.
    let other = world.mint_of(MEMBER, 1);
    let other = world.ok(MEMBER, Act::Request(other));
    assert!(matches!(world.asked(other).stage, Stage::Waiting));
    world.ok(MEMBER, give_back(window));
    let later = world.mint_of(OTHER_MEMBER, 1);
    let later = world.ok(OTHER_MEMBER, Act::Request(later));
    assert!(matches!(world.asked(later).stage, Stage::Waiting));
}

#[test]
fn what_nobody_signed_ends_with_the_policy_that_allowed_it() {
    let (mut world, _) = open();
    let request = world.mint_of(OTHER_MEMBER, 1);
    let request = world.ok(OTHER_MEMBER, Act::Request(request));
    let signed = world.let_sign(MEMBER, 1);
    let charter = v1::Charter { version: 2, ..standard_charter() };
    let proposal = world.propose_charter(charter, &[]);
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    assert_eq!(world.start(request), Err(Refusal::MayNotAsk));
    world.start(signed).unwrap();
}

#[test]
fn a_lease_is_over_while_it_can_still_be_revoked() {
    let (mut world, window) = open();
    let request = world.let_sign(MEMBER, 1);
    world.wait(Seconds(8 * 3_600 - 600));
    let ends = world.asked(window).grant().map(|_| world.now.after(Seconds(600))).unwrap();
    let latest = ends.before(Seconds(120));
    assert_eq!(world.state().mint_until(request, world.now), Ok(latest));
    for until in [latest.after(Seconds(1)), world.now.after(Seconds(59)), world.now] {
        assert_eq!(world.daemon(MintStarted { request, until }), Err(Refusal::NotDue));
    }
    world.wait(Seconds(421));
    assert_eq!(world.start(request), Err(Refusal::WindowTooShort { until: ends }));
    world.ok(TRUSTEES[0], seal());
    assert_eq!(world.start(request), Err(Refusal::NotOpen));
}

#[test]
fn a_lease_does_not_run_longer_than_was_asked_for() {
    let (mut world, _) = open();
    let request = world.let_sign(MEMBER, 1);
    let until = world.now.after(Seconds(3_601));
    assert_eq!(world.daemon(MintStarted { request, until }), Err(Refusal::NotDue));
    let shorter = world.now.after(Seconds(60));
    world.daemon(MintStarted { request, until: shorter }).unwrap();
    assert_eq!(world.start(request), Err(Refusal::NotDue), "a minute apart");
    assert_eq!(world.state().next_deadline(), Some(shorter));
    world.wait(Seconds(60));
    assert_eq!(world.minted(request), Err(Refusal::NotDue), "over before it was made");
    world.daemon(RequestExpired(request)).unwrap();
    assert_eq!((ended(&world, request), work(&world)), (End::NotUsed, vec![Work::Revoke(request)]));
}

#[test]
fn what_was_begun_goes_on_only_as_the_rules_allow_then() {
    let (mut world, window) = open();
    let request = world.let_sign(MEMBER, 1);
    world.start(request).unwrap();
    world.ok(MEMBER, give_back(window));
    assert_eq!(world.minted(request), Err(Refusal::NotOpen), "nobody could revoke it");
    // What is open next is over before it would be.
    let shorter = v1::Request { duration: 1_800, ..world.unseal_of(1) };
    let shorter = world.ok(MEMBER, Act::Request(shorter));
    for approver in [TRUSTEES[0], TRUSTEES[1]] {
        world.ok(approver, world.approve(approver, shorter));
    }
    world.daemon(Collected(shorter)).unwrap();
    let latest = world.now.after(Seconds(1_800)).before(Seconds(120));
    assert_eq!(world.state().mint_latest(request, world.now), Ok(latest));
    assert_eq!(world.minted(request), Err(Refusal::NotDue));
    world.wait(Seconds::MINUTE);
    world.daemon(MintStarted { request, until: latest }).unwrap();
    world.minted(request).unwrap();
    let Stage::Leased(lease) = &world.asked(request).stage else { panic!("no lease") };
    assert_eq!(lease.until(), latest);
}

#[test]
fn what_a_standing_right_began_is_not_made_after_somebody_ended_it() {
    let (mut world, _) = open();
    let delegation = world.let_delegate(TRUSTEES[6], MEMBER, 1);
    let take = world.ok(MEMBER, world.take(delegation));
    world.start(take).unwrap();
    world.ok(TRUSTEES[5], end_delegation(delegation));
    assert_eq!(world.minted(take), Err(Refusal::DelegationOver));
    world.wait(HOUR);
    world.daemon(RequestExpired(take)).unwrap();
    assert_eq!(work(&world), [Work::Revoke(take)], "what may be there goes");
}

#[test]
fn what_was_begun_is_revoked_however_it_ends() {
    let ways: [fn(&mut World, u64); 4] = [
        |world, request| {
            world.ok(MEMBER, give_back(request));
        },
        |world, request| {
            world.ok(TRUSTEES[5], revoke(request));
        },
        |world, _| {
            world.ok(MEMBER, leave());
        },
        |world, request| {
            world.wait(HOUR);
            world.daemon(RequestExpired(request)).unwrap();
        },
    ];
    for end in ways {
        let mut world = World::with_unasked();
        world.connected(OTHER_MEMBER, 1, &[PartKind::Password]);
        world.let_open(OTHER_MEMBER, 1);
        let request = world.let_sign(MEMBER, 1);
        world.start(request).unwrap();
        end(&mut world, request);
        assert_eq!(work(&world), [Work::Revoke(request)]);
        assert_eq!(world.minted(request), Err(Refusal::NotCollectable));
        world.daemon(RevokedAtTarget(request)).unwrap();
        assert!(
            !world
                .state()
                .credential(&credential(1))
                .unwrap()
                .due(1)
                .is_some_and(|due| { matches!(due.cause, DueCause::AccessEnded(_) | DueCause::Revoked(_)) })
        );
    }
    // What never began leaves nothing.
    let (mut world, _) = open();
    let request = world.let_sign(MEMBER, 1);
    world.wait(Seconds::DAY);
    world.timers();
    assert_eq!((ended(&world, request), world.asked(request).target), (End::NotUsed, None));
    assert_eq!(work(&world), []);
}

#[test]
fn people_agreed_to_the_connector_that_there_was() {
    let (mut world, _) = open();
    let signed = world.let_sign(MEMBER, 1);
    let waiting = world.mint_of(TRUSTEES[6], 1);
    let waiting = world.ok(TRUSTEES[6], Act::Request(waiting));
    let next = world.next_version(1, &[PartKind::Password], &[]);
    world.ok(OTHER_MEMBER, Act::Deposit(v1::Deposit { connector: blob("another connector"), ..next }));
    world.let_open(MEMBER, 1);
    assert_eq!(world.start(signed), Err(Refusal::ConnectorChanged));
    assert_eq!(world.no(TRUSTEES[0], world.sign_lease(TRUSTEES[0], waiting)), Refusal::ConnectorChanged);
    // With the same one a new password changes nothing for them.
    let (mut world, _) = open();
    let signed = world.let_sign(MEMBER, 1);
    let next = world.next_version(1, &[PartKind::Password], &[]);
    world.ok(OTHER_MEMBER, Act::Deposit(v1::Deposit { connector: blob("connector 1"), ..next }));
    assert_eq!(world.start(signed), Err(Refusal::NotOpen));
    world.let_open(MEMBER, 1);
    world.start(signed).unwrap();
}

#[test]
fn an_account_keeps_its_connector_while_something_is_at_the_target() {
    let (mut world, _) = open();
    let request = world.let_mint(MEMBER, 1);
    let next = |world: &World, connector: &str| {
        let next = world.next_version(1, &[PartKind::Password], &[]);
        Act::Deposit(v1::Deposit { connector: blob(connector), ..next })
    };
    let elsewhere = next(&world, "another connector");
    assert_eq!(world.no(OTHER_MEMBER, elsewhere.clone()), Refusal::StillAtTarget { request });
    world.ok(MEMBER, give_back(request));
    assert_eq!(world.no(OTHER_MEMBER, elsewhere.clone()), Refusal::StillAtTarget { request });
    world.daemon(RevokedAtTarget(request)).unwrap();
    world.ok(OTHER_MEMBER, elsewhere);
    let (mut world, _) = open();
    world.let_mint(MEMBER, 1);
    let here = next(&world, "connector 1");
    world.ok(OTHER_MEMBER, here);
}

#[test]
fn a_connector_of_another_account_cannot_be_named() {
    let (mut world, _) = open();
    let deposit = world.deposit_of(2, 1, "web", &[PartKind::Password]);
    let deposit = v1::Deposit { connector: blob("connector 1"), ..deposit };
    assert_eq!(world.no(MEMBER, Act::Deposit(deposit)), Refusal::TextUsed);
}

#[test]
fn only_one_person_at_a_time_uses_an_exclusive_account() {
    let mut world = exclusive();
    let mine = world.let_sign(MEMBER, 1);
    let theirs = world.let_sign(TRUSTEES[6], 1);
    world.start(mine).unwrap();
    let until = world.now.after(HOUR);
    assert_eq!(world.start(theirs), Err(Refusal::CheckedOut { until }), "begun");
    world.minted(mine).unwrap();
    assert_eq!(world.start(theirs), Err(Refusal::CheckedOut { until }));
    let asked = world.mint_of(OTHER_MEMBER, 1);
    assert_eq!(world.no(OTHER_MEMBER, Act::Request(asked)), Refusal::CheckedOut { until });
    let asked = world.request_of(OTHER_MEMBER, 1);
    assert_eq!(world.no(OTHER_MEMBER, Act::Request(asked)), Refusal::CheckedOut { until });
    world.ok(MEMBER, give_back(mine));
    let asked = world.mint_of(OTHER_MEMBER, 1);
    world.ok(OTHER_MEMBER, Act::Request(asked));
    // The end of the one must not take the other away.
    assert_eq!(world.start(theirs), Err(Refusal::StillAtTarget { request: mine }));
    world.daemon(RevokedAtTarget(mine)).unwrap();
    world.start(theirs).unwrap();
}

#[test]
fn nobody_fetches_the_password_of_an_exclusive_account_that_is_in_use() {
    let mut world = exclusive();
    let lease = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[..2]);
    let mine = world.let_mint(MEMBER, 1);
    assert_eq!(world.daemon(Collected(lease)), Err(Refusal::CheckedOut { until: world.now.after(HOUR) }));
    world.ok(MEMBER, give_back(mine));
    world.daemon(Collected(lease)).unwrap();
}

#[test]
fn many_leases_are_stopped_one_by_one() {
    let (mut world, _) = open();
    let leases = [MEMBER, TRUSTEES[6]].map(|who| world.let_mint(who, 1));
    for lease in leases {
        world.ok(TRUSTEES[5], revoke(lease));
    }
    world.wait(Seconds(1));
    // Those whom a quorum lets in again are not stopped again by the same person.
    let again = world.let_mint(MEMBER, 1);
    assert!(matches!(world.no(TRUSTEES[5], revoke(again)), Refusal::VetoUsed { .. }));
    world.ok(TRUSTEES[4], revoke(again));
    // And a lease that nobody signed is always stopped.
    let unasked = world.mint_of(OTHER_MEMBER, 1);
    let unasked = world.ok(OTHER_MEMBER, Act::Request(unasked));
    world.ok(TRUSTEES[5], revoke(unasked));
    world.ok(TRUSTEES[5], seal());
}

#[test]
fn what_was_made_is_named_once() {
    let (mut world, _) = open();
    let request = world.let_sign(MEMBER, 1);
    world.start(request).unwrap();
    let part = world.state().current_part(&credential(1), PartKind::Password).unwrap();
    let sealed = world.state().part(&part).unwrap().part.sealed;
    assert_eq!(world.daemon(DaemonAct::Minted { request, sealed }), Err(Refusal::SealedUsed));
}

#[test]
fn what_can_no_longer_be_revoked_is_said_to_be_lost() {
    let (mut world, _) = open();
    let running = world.let_mint(MEMBER, 1);
    let due = world.let_mint(TRUSTEES[6], 1);
    world.ok(TRUSTEES[6], give_back(due));
    let doomed = v1::DoomedAccount { credential: credential(1).to_vec(), version: 0 };
    let subject = v1::propose_destruction::Subject::Account(doomed);
    let act = v1::ProposeDestruction { subject: Some(subject), reason: blob("why it goes") };
    let proposal = world.ok(FOUNDER, Act::ProposeDestruction(act));
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    world.wait(Seconds(7 * 86_400));
    let running_still = matches!(world.asked(running).stage, Stage::Leased(_));
    assert!(running_still, "nobody has recorded its end");
    for who in &TRUSTEES[..5] {
        let leaf = world.leaf(proposal).to_vec();
        world.ok(*who, Act::Confirm(v1::Confirm { proposal_index: proposal, proposal_leaf: leaf }));
    }
    for request in [running, due] {
        assert_eq!(world.asked(request).target, Some(AtTarget::Lost { at: world.now }));
    }
    assert_eq!(work(&world), []);
}
