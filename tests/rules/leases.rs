//! What comes after the grant: collection, expiry, return, revocation, and what is due then.

use sequestre::escrow::credential::{Due, DueCause, Urgency};
use sequestre::escrow::entry::DaemonAct::{Collected, LeaseExpired, RequestExpired};
use sequestre::escrow::organisation::Effect;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::stopping::BRAKE_REST;
use sequestre::escrow::time::Seconds;

use crate::world::*;

const HOUR: Seconds = Seconds(3_600);

/// A member's granted request for account 1.
fn granted() -> (World, u64) {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let request = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    (world, request)
}

/// The same, collected.
fn leased() -> (World, u64) {
    let (mut world, request) = granted();
    world.daemon(Collected(request)).unwrap();
    (world, request)
}

fn stage(world: &World, request: u64) -> &Stage {
    &world.state().request(request).unwrap().stage
}

fn due(world: &World, n: u8) -> Option<Due> {
    let account = world.state().credential(&credential(n)).unwrap();
    account.due(account.current().unwrap().0)
}

#[track_caller]
fn ended(world: &World, request: u64) -> End {
    let Stage::Ended { how, at } = stage(world, request) else { panic!("not ended") };
    assert_eq!(*at, world.now);
    assert!(world.effects.contains(&Effect::DropShares { request }));
    *how
}

#[test]
fn a_lease_runs_from_collection() {
    let (mut world, request) = granted();
    world.wait(HOUR);
    world.daemon(Collected(request)).unwrap();
    let Stage::Leased(lease) = stage(&world, request) else { panic!("no lease") };
    assert_eq!((lease.since(), lease.until()), (world.now, world.now.after(HOUR)));
    assert!(lease.collected());
    assert_eq!(world.state().next_deadline(), Some(world.now.after(HOUR)));
    assert_eq!(world.daemon(Collected(request)), Err(Refusal::NotCollectable), "once");
}

#[test]
fn a_lease_ends_by_time_and_not_before() {
    let (mut world, request) = leased();
    world.wait(Seconds(3_599));
    assert_eq!(world.state().due(world.now), []);
    assert_eq!(world.daemon(LeaseExpired(request)), Err(Refusal::NotDue));
    world.wait(Seconds(1));
    assert_eq!(world.state().due(world.now), [LeaseExpired(request)]);
    world.timers();
    assert_eq!(ended(&world, request), End::LeaseExpired);
    let expected = Due { urgency: Urgency::Later, since: world.now, cause: DueCause::AccessEnded(request) };
    assert_eq!(due(&world, 1), Some(expected));
    assert_eq!(world.daemon(LeaseExpired(request)), Err(Refusal::NotDue), "once");
}

#[test]
fn nothing_is_collected_without_a_grant() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let request = world.let_request(MEMBER, 1);
    world.ok(FOUNDER, world.approve(FOUNDER, request));
    assert_eq!(world.daemon(Collected(request)), Err(Refusal::NotCollectable));
    assert_eq!(world.daemon(Collected(request + 1)), Err(Refusal::RequestUnknown));
    assert_eq!(world.daemon(LeaseExpired(request)), Err(Refusal::NotDue));
    world.ok(MEMBER, give_back(request));
    assert_eq!(world.daemon(Collected(request)), Err(Refusal::NotCollectable));
}

#[test]
fn a_request_expires_by_time_and_not_before() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let request = world.let_request(MEMBER, 1);
    world.ok(FOUNDER, world.approve(FOUNDER, request));
    world.wait(Seconds(72 * 3_600 - 1));
    assert_eq!(world.daemon(RequestExpired(request)), Err(Refusal::NotDue));
    world.wait(Seconds(1));
    world.daemon(RequestExpired(request)).unwrap();
    assert_eq!(ended(&world, request), End::Expired);
    assert_eq!(due(&world, 1), None, "nobody came to know anything");
    assert_eq!(world.daemon(RequestExpired(request)), Err(Refusal::NotDue));
}

#[test]
fn a_granted_request_that_nobody_collects_counts_as_a_lease_from_its_expiry() {
    let (mut world, request) = granted();
    let expires = world.state().request(request).unwrap().expires;
    world.wait(Seconds(world.now.until(expires).0 + 1_000));
    assert_eq!(world.daemon(Collected(request)), Err(Refusal::NotCollectable), "too late");
    world.daemon(RequestExpired(request)).unwrap();
    let Stage::Leased(lease) = stage(&world, request) else { panic!("no lease") };
    assert_eq!((lease.since(), lease.until(), lease.collected()), (expires, expires.after(HOUR), false));
    assert!(world.effects.contains(&Effect::DropShares { request }));
    world.wait(Seconds(2_599));
    assert_eq!(world.daemon(LeaseExpired(request)), Err(Refusal::NotDue));
    world.wait(Seconds(1));
    world.timers();
    assert_eq!(ended(&world, request), End::LeaseExpired);
    assert_eq!(due(&world, 1).unwrap().urgency, Urgency::Later);
}

#[test]
fn a_late_daemon_catches_up() {
    let (mut world, request) = granted();
    world.wait(Seconds(30 * 86_400));
    assert_eq!(world.timers(), 2);
    assert_eq!(ended(&world, request), End::LeaseExpired);
    assert_eq!(world.state().next_deadline(), None);
}

#[test]
fn returning_ends_the_lease_and_the_password_is_due_later() {
    for collected in [false, true] {
        let (mut world, request) = granted();
        if collected {
            world.daemon(Collected(request)).unwrap();
        }
        assert_eq!(world.no(OTHER_MEMBER, give_back(request)), Refusal::NotYours);
        assert_eq!(world.no(FOUNDER, give_back(request)), Refusal::NotYours);
        world.ok(MEMBER, give_back(request));
        assert_eq!(ended(&world, request), End::Returned);
        let cause = DueCause::AccessEnded(request);
        assert_eq!(due(&world, 1), Some(Due { urgency: Urgency::Later, since: world.now, cause }));
        assert_eq!(world.no(MEMBER, give_back(request)), Refusal::RequestClosed);
        assert_eq!(world.state().next_deadline(), None);
    }
}

#[test]
fn a_request_is_withdrawn_before_it_is_granted() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let request = world.let_request(MEMBER, 1);
    world.ok(MEMBER, give_back(request));
    assert_eq!(ended(&world, request), End::Withdrawn);
    assert_eq!(due(&world, 1), None);
    assert_eq!(world.no(FOUNDER, world.approve(FOUNDER, request)), Refusal::RequestClosed);
    assert_eq!(world.no(MEMBER, give_back(request + 7)), Refusal::RequestUnknown);
}

#[test]
fn any_trustee_revokes_and_the_password_is_due_now() {
    for collected in [false, true] {
        let (mut world, request) = granted();
        if collected {
            world.daemon(Collected(request)).unwrap();
        }
        for who in [MEMBER, OTHER_MEMBER, MEDIATOR, TECHNICIAN] {
            assert_eq!(world.no(who, revoke(request)), Refusal::NotTrustee);
        }
        assert_eq!(world.no(FOUNDER, revoke(request + 9)), Refusal::RequestUnknown);
        world.ok(TRUSTEES[6], revoke(request));
        assert_eq!(ended(&world, request), End::Revoked(TRUSTEES[6].id));
        let cause = DueCause::Revoked(request);
        assert_eq!(due(&world, 1), Some(Due { urgency: Urgency::Now, since: world.now, cause }));
        assert_eq!(world.no(TRUSTEES[6], revoke(request)), Refusal::RequestClosed);
        assert_eq!(world.daemon(Collected(request)), Err(Refusal::NotCollectable));
        assert_eq!(world.no(TRUSTEES[5], world.approve(TRUSTEES[5], request)), Refusal::RequestClosed);
    }
}

#[test]
fn there_is_nothing_to_revoke_before_the_grant() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let request = world.let_request(MEMBER, 1);
    assert_eq!(world.no(FOUNDER, revoke(request)), Refusal::NothingToEnd);
}

#[test]
fn due_becomes_more_urgent_and_never_less() {
    let (mut world, request) = leased();
    world.ok(MEMBER, give_back(request));
    let first = due(&world, 1).unwrap();
    world.wait(HOUR);
    let second = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.ok(MEMBER, give_back(second));
    assert_eq!(due(&world, 1), Some(first), "later, since the first time");
    let third = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.ok(FOUNDER, revoke(third));
    let urgent = due(&world, 1).unwrap();
    assert_eq!((urgent.urgency, urgent.cause), (Urgency::Now, DueCause::Revoked(third)));
    let fourth = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.ok(MEMBER, give_back(fourth));
    assert_eq!(due(&world, 1), Some(urgent));
}

/// A granted request for account 1, approved by the first two trustees.
fn granted_again(world: &mut World) -> u64 {
    world.let_grant(MEMBER, 1, &TRUSTEES[..2])
}

#[test]
fn whoever_stopped_access_cannot_stop_it_again_for_a_month() {
    for collected in [false, true] {
        let (mut world, request) = granted();
        if collected {
            world.daemon(Collected(request)).unwrap();
        }
        let stopped = world.now;
        world.ok(TRUSTEES[2], revoke(request));
        let until = stopped.after(BRAKE_REST);
        // Whether before or after collection: those who agreed anew override this person, not the others.
        let again = granted_again(&mut world);
        assert!(matches!(world.no(TRUSTEES[2], revoke(again)), Refusal::VetoUsed { until: at } if at >= until));
        world.daemon(Collected(again)).unwrap();
        assert_eq!(world.no(TRUSTEES[2], revoke(again)), Refusal::VetoUsed { until });
        world.ok(TRUSTEES[3], revoke(again));
        world.wait(Seconds(BRAKE_REST.0 - 1));
        let late = granted_again(&mut world);
        // Those who agreed while it rested agreed over this person, until that access ends.
        world.wait(Seconds(1));
        assert!(matches!(world.no(TRUSTEES[2], revoke(late)), Refusal::VetoUsed { .. }));
        world.ok(MEMBER, give_back(late));
        let later = granted_again(&mut world);
        world.ok(TRUSTEES[2], revoke(later));
    }
}

#[test]
fn a_brake_goes_with_the_account_and_not_with_the_version() {
    let (mut world, request) = granted();
    world.ok(TRUSTEES[2], revoke(request));
    let until = world.now.after(BRAKE_REST);
    // Neither a new version that carries the part over brings a new brake, nor one with what had to be changed.
    let junk = world.next_version(1, &[PartKind::Notes], &[PartKind::Password]);
    world.ok(OTHER_MEMBER, Act::Deposit(junk));
    let carried = granted_again(&mut world);
    assert_eq!(world.no(TRUSTEES[2], revoke(carried)), Refusal::VetoUsed { until });
    world.ok(MEMBER, give_back(carried));
    let fresh = world.next_version(1, &[PartKind::Password, PartKind::Notes], &[]);
    world.ok(OTHER_MEMBER, Act::Deposit(fresh));
    let anew = granted_again(&mut world);
    assert!(matches!(world.no(TRUSTEES[2], revoke(anew)), Refusal::VetoUsed { .. }));
    world.ok(TRUSTEES[3], revoke(anew));
}

#[test]
fn a_new_version_is_not_due_and_known_to_its_depositor_only() {
    let (mut world, request) = leased();
    world.ok(FOUNDER, revoke(request));
    let deposit = world.deposit_of(1, 2, "web", &[PartKind::Password]);
    world.ok(TRUSTEES[1], Act::Deposit(deposit));
    assert_eq!(due(&world, 1), None);
    let account = world.state().credential(&credential(1)).unwrap();
    assert_eq!(account.known_to(2, &TRUSTEES[1].id), [PartKind::Password].into());
    assert!(account.known_to(2, &MEMBER.id).is_empty());
    assert!(account.known_to(2, &OTHER_MEMBER.id).is_empty());
}

#[test]
fn a_lease_of_an_old_version_does_not_make_the_new_one_due() {
    let (mut world, request) = leased();
    let deposit = world.deposit_of(1, 2, "web", &[PartKind::Password]);
    world.ok(TRUSTEES[1], Act::Deposit(deposit));
    world.ok(FOUNDER, revoke(request));
    assert_eq!(due(&world, 1), None);
    world.ok(MEMBER, leave());
    assert_eq!(due(&world, 1), None, "what they knew was changed");
}

#[test]
fn a_leaver_who_knows_makes_it_due_now_even_after_the_lease() {
    let (mut world, request) = leased();
    world.ok(MEMBER, give_back(request));
    world.wait(Seconds::DAY);
    world.ok(MEMBER, leave());
    let expected = Due { urgency: Urgency::Now, since: world.now, cause: DueCause::Left(MEMBER.id) };
    assert_eq!(due(&world, 1), Some(expected));
}

#[test]
fn a_leaver_ends_their_running_lease() {
    let (mut world, request) = leased();
    world.ok(MEMBER, leave());
    assert_eq!(ended(&world, request), End::RequesterLeft);
    assert_eq!(due(&world, 1).unwrap().urgency, Urgency::Now);
    assert_eq!(world.state().next_deadline(), None);
}

#[test]
fn a_depositor_who_leaves_makes_it_due_now() {
    let mut world = World::founded();
    world.let_deposit(MEMBER, 1);
    world.let_deposit(OTHER_MEMBER, 2);
    world.ok(MEMBER, leave());
    assert_eq!(due(&world, 1).unwrap().cause, DueCause::Left(MEMBER.id));
    assert_eq!(due(&world, 2), None);
}

#[test]
fn deadlines_come_in_order() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    world.let_deposit(OTHER_MEMBER, 2);
    let slow = world.let_request(MEMBER, 1);
    world.wait(HOUR);
    let fast = world.let_grant(MEMBER, 2, &TRUSTEES[..2]);
    world.daemon(Collected(fast)).unwrap();
    let order: Vec<u64> = world.state().live_requests().map(|r| r.at.index).collect();
    assert_eq!(order, [fast, slow]);
    assert_eq!(world.state().next_deadline(), Some(world.now.after(HOUR)));
    world.wait(Seconds(71 * 3_600));
    assert_eq!(world.state().due(world.now), [LeaseExpired(fast), RequestExpired(slow)]);
    assert_eq!(world.timers(), 2);
}
