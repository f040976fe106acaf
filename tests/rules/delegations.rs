//! Standing rights: who gets one, what it allows, who knows what by it, and how it ends.

use sequestre::escrow::credential::{How, Urgency};
use sequestre::escrow::delegation::{DelegationEnd, LONGEST_DELEGATION, TAKE_WITHIN};
use sequestre::escrow::entry::DaemonAct::{Collected, LeaseExpired, RequestExpired, Rotated};
use sequestre::escrow::id::BlobId;
use sequestre::escrow::organisation::{Audience, Effect};
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::{Basis, End, Stage};
use sequestre::escrow::time::Seconds;
use sequestre::escrow::window::Purpose;

use crate::world::*;

/// A standing right of a member for an account without a connector, that a trustee asked for.
fn wrapped() -> (World, u64) {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let delegation = world.let_delegate(TRUSTEES[6], MEMBER, 1);
    (world, delegation)
}

/// One for an account with a connector that is open.
fn connected() -> (World, u64) {
    let mut world = World::founded();
    world.connected(OTHER_MEMBER, 1, &[PartKind::Password]);
    world.let_open(TRUSTEES[6], 1);
    let delegation = world.let_delegate(TRUSTEES[6], MEMBER, 1);
    (world, delegation)
}

fn ended(world: &World, delegation: u64) -> Option<DelegationEnd> {
    world.state().delegation(delegation).unwrap().ended.map(|(_, how)| how)
}

fn forgotten(world: &World) -> usize {
    let lists = world.effects.iter().filter_map(|effect| match effect {
        Effect::Forget(blobs) => Some(blobs.len()),
        _ => None,
    });
    lists.sum()
}

#[test]
fn a_delegate_takes_leases_without_asking_also_while_everything_is_sealed() {
    let (mut world, delegation) = wrapped();
    assert!(matches!(world.asked(delegation).stage, Stage::Ended { how: End::Delegated, .. }));
    let known = world.state().delegation(delegation).unwrap();
    assert_eq!((known.left(), known.asked_by, known.standing.to), (5, TRUSTEES[6].id, MEMBER.id));
    let take = world.ok(MEMBER, world.take(delegation));
    let request = world.asked(take);
    assert!(matches!(request.grant().unwrap().basis(), Basis::Delegation(index) if *index == delegation));
    assert_eq!((request.purpose, request.parts[0].recipient), (Purpose::Lease, MEMBER.keys.recipient));
    assert_eq!(world.no(TRUSTEES[0], world.approve(TRUSTEES[0], take)), Refusal::RequestClosed);
    let part = world.state().part(&part(1, 1, PartKind::Password)).unwrap();
    let known: Vec<_> = part.known.values().map(|k| (k.person, k.source, k.how)).collect();
    let sealed = world.state().version(&version(1, 1)).unwrap().index;
    let expected = [
        (OTHER_MEMBER.id, sealed, How::Sealed),
        (TRUSTEES[6].id, delegation, How::Opened),
        (MEMBER.id, take, How::Opened),
    ];
    assert_eq!(known, expected, "the delegate from the first lease on, not before");
    world.daemon(Collected(take)).unwrap();
    world.wait(Seconds(1_800));
    world.daemon(LeaseExpired(take)).unwrap();
    assert_eq!(world.state().credential(&credential(1)).unwrap().due(1).unwrap().urgency, Urgency::Later);
    assert_eq!(world.state().delegation(delegation).unwrap().left(), 4);
}

#[test]
fn what_is_wrapped_is_served_to_nobody_and_deleted_with_the_right() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let request = world.delegation_of(MEMBER, MEMBER, 1);
    let request = world.ok(MEMBER, Act::Request(request));
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, request));
    }
    assert_eq!(world.no(MEMBER, Act::Delegate(world.wrapping(request))), Refusal::NotCollectable);
    world.daemon(Collected(request)).unwrap();
    let honest = world.wrapping(request);
    assert_eq!(world.no(OTHER_MEMBER, Act::Delegate(honest.clone())), Refusal::NotYours);
    let none = v1::Delegate { wrapped: vec![], ..honest.clone() };
    assert_eq!(world.no(MEMBER, Act::Delegate(none)), Refusal::WrappedShape);
    let own = v1::Delegate { daemon: Some(recipient("a key of the requester's own")), ..honest.clone() };
    assert_eq!(world.no(MEMBER, Act::Delegate(own)), Refusal::WrappedShape);
    world.ok(MEMBER, Act::Delegate(honest.clone()));
    let wrapped = BlobId::parse(&honest.wrapped[0].sealed).unwrap();
    assert!(world.effects.contains(&Effect::Keep(vec![(wrapped, Audience::Daemon)])));
    assert!(world.state().texts().all(|text| *text != wrapped));
    assert_eq!(world.no(MEMBER, Act::Delegate(honest)), Refusal::HasConnector, "once");
    world.ok(TRUSTEES[0], end_delegation(request));
    assert!(world.effects.contains(&Effect::Forget(vec![wrapped])));
    assert_eq!(ended(&world, request), Some(DelegationEnd::Ended(TRUSTEES[0].id)));
    assert_eq!(world.no(MEMBER, world.take(request)), Refusal::DelegationOver);
    assert_eq!(world.no(TRUSTEES[0], end_delegation(request)), Refusal::DelegationOver);
}

#[test]
fn the_terms_are_bounded_and_the_delegate_may_ask() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let now = world.now;
    let mut no = |to: Who, until, refusal| {
        let mut request = world.delegation_of(MEMBER, to, 1);
        request.standing.as_mut().unwrap().until = until;
        assert_eq!(world.no(MEMBER, Act::Request(request)), refusal);
    };
    let later = now.after(Seconds::DAY).0;
    no(MEMBER, now.0, Refusal::DelegationTerms);
    no(MEMBER, now.after(LONGEST_DELEGATION).0 + 1, Refusal::DelegationTerms);
    no(MEDIATOR, later, Refusal::DelegationTerms);
    no(OUTSIDER, later, Refusal::DelegationTerms);
}

#[test]
fn a_right_is_used_up() {
    let (mut world, delegation) = wrapped();
    let takes: Vec<u64> = (0..5)
        .map(|_| {
            let take = world.ok(MEMBER, world.take(delegation));
            world.daemon(Collected(take)).unwrap();
            take
        })
        .collect();
    assert_eq!(ended(&world, delegation), Some(DelegationEnd::Used));
    assert_eq!(world.no(MEMBER, world.take(delegation)), Refusal::DelegationOver);
    for take in &takes[..4] {
        world.ok(MEMBER, give_back(*take));
        assert_eq!(forgotten(&world), 0, "the last lease runs still");
    }
    world.ok(MEMBER, give_back(takes[4]));
    assert_eq!(forgotten(&world), 1);
}

#[test]
fn a_right_ends_by_date() {
    let (mut world, delegation) = wrapped();
    world.wait(Seconds(30 * 86_400));
    assert_eq!(world.no(MEMBER, world.take(delegation)), Refusal::DelegationOver);
    assert_eq!(ended(&world, delegation), None);
    world.ok(FOUNDER, start_drill());
    assert_eq!((ended(&world, delegation), forgotten(&world)), (Some(DelegationEnd::Expired), 1));
}

#[test]
fn only_the_delegate_takes_and_only_those_concerned_end_it() {
    let (mut world, delegation) = wrapped();
    for who in [TRUSTEES[6], OTHER_MEMBER] {
        assert_eq!(world.no(who, world.take(delegation)), Refusal::NotYours);
    }
    assert_eq!(world.no(MEMBER, world.take(delegation + 1)), Refusal::DelegationUnknown);
    assert_eq!(world.no(OTHER_MEMBER, end_delegation(delegation)), Refusal::NotYours);
    let long = v1::Take { duration: 30 * 86_400 + 1, ..world.take_of(delegation) };
    assert_eq!(world.no(MEMBER, Act::Take(long)), Refusal::Duration { longest: Seconds(30 * 86_400) });
    let keyed = v1::Take { recipient: Some(recipient("another")), ..world.take_of(delegation) };
    assert_eq!(world.no(MEMBER, Act::Take(keyed)), Refusal::WrappedShape);
    world.ok(MEMBER, end_delegation(delegation));
}

#[test]
fn a_right_goes_with_the_delegate() {
    let (mut world, delegation) = wrapped();
    let take = world.ok(MEMBER, world.take(delegation));
    world.daemon(Collected(take)).unwrap();
    world.ok(MEMBER, leave());
    assert_eq!((ended(&world, delegation), forgotten(&world)), (Some(DelegationEnd::DelegateLeft), 1));
    assert_eq!(world.no(MEMBER, world.take(delegation)), Refusal::Stranger);
    assert_eq!(world.state().credential(&credential(1)).unwrap().due(1).unwrap().urgency, Urgency::Now);
}

#[test]
fn a_right_that_somebody_ended_gives_nothing_more() {
    let (mut world, delegation) = wrapped();
    let take = world.ok(MEMBER, world.take(delegation));
    world.ok(TRUSTEES[0], end_delegation(delegation));
    assert_eq!(world.daemon(Collected(take)), Err(Refusal::DelegationOver));
    world.wait(TAKE_WITHIN);
    world.daemon(RequestExpired(take)).unwrap();
    let (mut world, delegation) = connected();
    let take = world.ok(MEMBER, world.take(delegation));
    world.ok(TRUSTEES[0], end_delegation(delegation));
    assert_eq!(world.start(take), Err(Refusal::DelegationOver));
}

#[test]
fn with_a_connector_it_is_a_rule_and_nothing_opens() {
    let (mut world, delegation) = connected();
    let exposures = world.state().credential(&credential(1)).unwrap().exposures(1);
    assert!(exposures.iter().all(|exposure| exposure.person == TECHNICIAN.id));
    let bare = v1::Take { recipient: None, ..world.take_of(delegation) };
    assert_eq!(world.no(MEMBER, Act::Take(bare)), Refusal::WrappedShape);
    let take = world.ok(MEMBER, world.take(delegation));
    world.start(take).unwrap();
    world.minted(take).unwrap();
    assert_eq!(world.asked(take).purpose, Purpose::Mint);
    world.ok(TRUSTEES[0], seal());
    assert_eq!(world.no(MEMBER, world.take(delegation)), Refusal::NotOpen);
    assert_eq!(world.state().delegation(delegation).unwrap().left(), 4, "what could not be made is not counted");
}

#[test]
fn a_next_version_ends_it_unless_its_depositor_renews_it() {
    let next = |world: &World, rewrapped: Vec<v1::Rewrapped>| {
        let next = world.next_version(1, &[PartKind::Password], &[]);
        Act::Deposit(v1::Deposit { rewrapped, ..next })
    };
    let renewal = |delegation, kinds: &[PartKind]| v1::Rewrapped {
        delegation_index: delegation,
        wrapped: kinds.iter().map(|kind| v1::Wrapped { kind: *kind as i32, sealed: blob("wrapped anew") }).collect(),
    };
    let (mut world, delegation) = wrapped();
    let mut without = world.clone();
    let act = next(&without, vec![]);
    without.ok(OTHER_MEMBER, act);
    assert_eq!((ended(&without, delegation), forgotten(&without)), (Some(DelegationEnd::Replaced), 1));
    for wrong in [&[][..], &[PartKind::Notes], &[PartKind::Password, PartKind::Notes]] {
        let act = next(&world, vec![renewal(delegation, wrong)]);
        assert_eq!(world.no(OTHER_MEMBER, act), Refusal::WrappedShape);
    }
    let act = next(&world, vec![renewal(delegation + 1, &[PartKind::Password])]);
    assert_eq!(world.no(OTHER_MEMBER, act), Refusal::DelegationUnknown);
    let act = next(&world, vec![renewal(delegation, &[PartKind::Password])]);
    world.ok(OTHER_MEMBER, act);
    assert_eq!((ended(&world, delegation), forgotten(&world)), (None, 1), "the old ones are gone");
    let take = world.ok(MEMBER, world.take(delegation));
    assert_eq!(world.asked(take).parts[0].part, part(1, 2, PartKind::Password));
    let account = world.state().credential(&credential(1)).unwrap();
    assert_eq!(account.known_to(2, &MEMBER.id), [PartKind::Password].into());
}

#[test]
fn a_rotation_leaves_a_rule_as_it_is() {
    let (mut world, delegation) = connected();
    let rotation = world.ok(MEMBER, rotate(1, 1));
    let staged = world.staging(1, rotation);
    world.stage(staged).unwrap();
    world.daemon(Rotated(version(1, 2))).unwrap();
    let take = world.ok(MEMBER, world.take(delegation));
    world.start(take).unwrap();
}

#[test]
fn what_was_replaced_before_it_was_wrapped_is_not_delegated() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let request = world.delegation_of(MEMBER, MEMBER, 1);
    let request = world.ok(MEMBER, Act::Request(request));
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, request));
    }
    world.daemon(Collected(request)).unwrap();
    let next = world.next_version(1, &[PartKind::Password], &[]);
    world.ok(OTHER_MEMBER, Act::Deposit(next));
    let wrapping = world.wrapping(request);
    assert_eq!(world.no(MEMBER, Act::Delegate(wrapping)), Refusal::VersionConflict { current: 2 });
}

#[test]
fn a_move_ends_what_only_the_old_server_could_unwrap() {
    let (mut world, delegation) = wrapped();
    let moving = world.signed_move(&world.move_statement(), &[Who(0), Who(2), Who(3), Who(5), Who(6)]);
    world.ok(MEMBER, moving);
    assert_eq!((ended(&world, delegation), forgotten(&world)), (Some(DelegationEnd::Moved), 1));
    let (mut world, delegation) = connected();
    let moving = world.signed_move(&world.move_statement(), &[Who(0), Who(2), Who(3), Who(5), Who(6)]);
    world.ok(MEMBER, moving);
    assert_eq!(ended(&world, delegation), None, "a rule comes along");
}

#[test]
fn shared_secrets_are_delegated_to_nobody_through_a_key_of_the_daemon() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let mut request = world.delegation_of(MEMBER, MEMBER, 1);
    request.parts[0] = world.to_daemon(part(1, 1, PartKind::Password));
    assert_eq!(world.no(MEMBER, Act::Request(request)), Refusal::NotVouched);
}
