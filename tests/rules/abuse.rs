//! What somebody who runs the daemon, asks, deposits, or holds a right could try with windows, rotations and standing
//! rights; and what must not block an account for ever.

use sequestre::escrow::delegation::DelegationEnd;
use sequestre::escrow::entry::DaemonAct::{Closed, Collected, LeaseExpired, Rotated, StagedDropped};
use sequestre::escrow::id::BlobId;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::role::Role;
use sequestre::escrow::stopping::BRAKE_REST;
use sequestre::escrow::time::Seconds;
use sequestre::escrow::window::MOST_FILED;
use sequestre::escrow::work::Work;

use crate::world::*;

const HOUR: Seconds = Seconds::HOUR;

fn open() -> World {
    let mut world = World::with_unasked();
    world.connected(OTHER_MEMBER, 1, &[PartKind::Password]);
    world.let_open(OTHER_MEMBER, 1);
    world
}

fn stage(world: &mut World) {
    let current = world.state().credential(&credential(1)).unwrap().current().unwrap().0;
    let rotation = world.ok(MEMBER, rotate(1, current));
    let staged = world.staging(1, rotation);
    world.stage(staged).unwrap();
}

fn ended(world: &World, request: u64) -> Option<End> {
    match world.asked(request).stage {
        Stage::Ended { how, .. } => Some(how),
        _ => None,
    }
}

fn right_ended(world: &World, delegation: u64) -> Option<DelegationEnd> {
    world.state().delegation(delegation).unwrap().ended.map(|(_, how)| how)
}

fn destroy(subject: v1::propose_destruction::Subject) -> Act {
    Act::ProposeDestruction(v1::ProposeDestruction { subject: Some(subject), reason: blob("why it goes") })
}

fn destroyed(world: &mut World, subject: v1::propose_destruction::Subject) {
    let proposal = world.ok(FOUNDER, destroy(subject));
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    world.wait(Seconds(7 * 86_400));
    for who in &TRUSTEES[..5] {
        let leaf = world.leaf(proposal).to_vec();
        world.ok(*who, Act::Confirm(v1::Confirm { proposal_index: proposal, proposal_leaf: leaf }));
    }
}

/// Leaves and is taken in again, with the same identity.
fn come_back(world: &mut World, who: Who) {
    world.ok(who, leave());
    let secret = token("again");
    let expires = world.now.after(Seconds::DAY);
    world.ok(FOUNDER, invite(&secret, &[Role::Member], expires));
    let device = Some(public_key("new device").into());
    world.ok(who, Act::Join(v1::Join { device, ..join_of(who, &secret, &[Role::Member]) }));
    let admission = world.admit(who, &[Role::Member]);
    let proposal = world.ok(FOUNDER, admission);
    for other in &TRUSTEES[1..] {
        if world.state().roles(&who.id).is_empty() {
            world.ok(*other, world.sign(proposal));
        }
    }
    assert!(world.state().roles(&who.id).contains(&Role::Member));
}

#[test]
fn a_rotation_brings_no_destroyed_text_back() {
    let mut world = open();
    let sheet = world.state().credential(&credential(1)).unwrap().versions[&1].sheet;
    destroyed(&mut world, v1::propose_destruction::Subject::Text(sheet.to_vec()));
    assert!(world.state().is_forgotten(&sheet));
    world.let_open(MEMBER, 1);
    stage(&mut world);
    // Nobody has it: whoever must hold every live blob would look for it for ever.
    assert_eq!(world.state().audience(&sheet), None);
    world.daemon(Rotated(version(1, 2))).unwrap();
    assert_eq!(world.state().audience(&sheet), None);
}

#[test]
fn what_was_asked_of_a_dropped_version_is_not_asked_of_the_next_of_its_number() {
    let mut world = open();
    stage(&mut world);
    let window = world.state().open_window(&credential(1)).unwrap().at.index;
    let asked = v1::RequestedPart { vouched: None, ..world.to_daemon(part(1, 2, PartKind::Password)) };
    let lease = v1::Request { parts: vec![asked], ..world.request_of(MEMBER, 1) };
    let lease = world.ok(MEMBER, Act::Request(lease));
    let both = world.unseal_of(1);
    assert_eq!(both.parts.len(), 2);
    let both = world.ok(MEMBER, Act::Request(both));
    for request in [lease, both] {
        world.ok(TRUSTEES[0], world.approve(TRUSTEES[0], request));
    }
    let late = world.signed(TRUSTEES[1], world.approve(TRUSTEES[1], lease));
    world.daemon(StagedDropped(version(1, 2))).unwrap();
    assert_eq!((ended(&world, lease), ended(&world, both)), (Some(End::Destroyed), Some(End::Replaced)));
    assert_eq!(world.offer(late), Err(Refusal::RequestClosed));
    assert_eq!(world.state().open_window(&credential(1)).unwrap().at.index, window, "what is open stays");
    // Nothing hinders whoever asks anew, and the daemon.
    let anew = world.unseal_of(1);
    assert_eq!(anew.parts.len(), 1);
    world.ok(MEMBER, Act::Request(anew));
}

#[test]
fn what_waits_while_a_version_is_staged_is_asked_for_anew_with_it() {
    let mut world = open();
    let waiting = world.unseal_of(1);
    let waiting = world.ok(MEMBER, Act::Request(waiting));
    stage(&mut world);
    // It would open with the current version only, and nobody could find out what the target has.
    assert_eq!(ended(&world, waiting), Some(End::Replaced));
    assert_eq!(world.unseal_of(1).parts.len(), 2);
}

#[test]
fn a_right_is_not_for_somebody_who_left_before_it_was_agreed() {
    let mut world = open();
    world.let_deposit(OTHER_MEMBER, 2);
    let asked: Vec<u64> = [1, 2]
        .map(|n| {
            let request = world.delegation_of(TRUSTEES[6], MEMBER, n);
            world.ok(TRUSTEES[6], Act::Request(request))
        })
        .to_vec();
    world.ok(TRUSTEES[4], world.sign_lease(TRUSTEES[4], asked[0]));
    // One was granted, and is not wrapped yet.
    world.ok(TRUSTEES[4], world.approve(TRUSTEES[4], asked[1]));
    world.daemon(Collected(asked[1])).unwrap();
    come_back(&mut world, MEMBER);
    assert_eq!(world.no(TRUSTEES[5], world.sign_lease(TRUSTEES[5], asked[0])), Refusal::DelegationTerms);
    let wrapping = world.wrapping(asked[1]);
    assert_eq!(world.no(TRUSTEES[6], Act::Delegate(wrapping)), Refusal::DelegationTerms);
    // Who asks again means whom they have now.
    world.ok(TRUSTEES[6], give_back(asked[0]));
    world.let_delegate(TRUSTEES[6], MEMBER, 1);
}

#[test]
fn a_depositor_renews_a_right_for_no_other_connector() {
    let mut world = open();
    let delegation = world.let_delegate(TRUSTEES[6], MEMBER, 1);
    let renewal = |world: &World, connector: &str| {
        let rewrapped = vec![v1::Rewrapped { delegation_index: delegation, wrapped: vec![] }];
        let next = world.next_version(1, &[PartKind::Password], &[]);
        Act::Deposit(v1::Deposit { rewrapped, connector: blob(connector), ..next })
    };
    let elsewhere = renewal(&world, "a connector to another target");
    assert_eq!(world.no(OTHER_MEMBER, elsewhere), Refusal::WrappedShape);
    let same = renewal(&world, "connector 1");
    world.ok(OTHER_MEMBER, same);
    assert_eq!(right_ended(&world, delegation), None);
}

#[test]
fn what_is_taken_without_asking_is_stopped_as_often() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let delegation = world.let_delegate(TRUSTEES[6], MEMBER, 1);
    for _ in 0..3 {
        let take = world.ok(MEMBER, world.take(delegation));
        world.daemon(Collected(take)).unwrap();
        world.wait(Seconds(1));
        world.ok(TRUSTEES[0], revoke(take));
    }
    // And whoever stopped those did not use up what stops what a quorum agreed to.
    let agreed = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[1..3]);
    world.ok(TRUSTEES[0], revoke(agreed));
}

#[test]
fn whoever_stopped_what_nobody_agreed_to_can_stop_what_a_quorum_does() {
    let mut world = open();
    let unasked = world.mint_of(OTHER_MEMBER, 1);
    let unasked = world.ok(OTHER_MEMBER, Act::Request(unasked));
    world.ok(TRUSTEES[0], revoke(unasked));
    world.wait(Seconds(1));
    let agreed = world.let_sign(MEMBER, 1);
    world.ok(TRUSTEES[0], revoke(agreed));
}

#[test]
fn nobody_alone_ends_a_right_again_and_again() {
    let mut world = open();
    let first = world.let_delegate(TRUSTEES[6], MEMBER, 1);
    let other = world.let_delegate(TRUSTEES[6], MEMBER, 1);
    world.ok(TRUSTEES[0], end_delegation(first));
    // What was agreed to before can be ended too.
    world.ok(TRUSTEES[0], end_delegation(other));
    world.wait(Seconds(1));
    let until = world.now.before(Seconds(1)).after(BRAKE_REST);
    let anew = world.let_delegate(TRUSTEES[6], MEMBER, 1);
    assert_eq!(world.no(TRUSTEES[0], end_delegation(anew)), Refusal::VetoUsed { until });
    let mut later = world.clone();
    later.wait(Seconds(29 * 86_400));
    assert_eq!(later.no(TRUSTEES[0], end_delegation(anew)), Refusal::VetoUsed { until });
    // Another trustee can, and those whose right it is.
    let mut mine = world.clone();
    mine.ok(MEMBER, end_delegation(anew));
    world.ok(TRUSTEES[1], end_delegation(anew));
}

#[test]
fn a_server_that_starts_again_and_again_does_not_fill_the_log() {
    let mut world = open();
    let mut last = world.state().open_window(&credential(1)).unwrap().at.index;
    let mut filed = 0;
    for _ in 0..2 * MOST_FILED {
        world.daemon(Closed(last)).ok();
        let filing = world.filing(1, last, HOUR);
        match world.daemon(filing) {
            Ok(index) => (last, filed) = (index, filed + 1),
            Err(refusal) => assert_eq!(refusal, Refusal::NotDue),
        }
        world.wait(Seconds(5));
    }
    assert_eq!(filed, MOST_FILED);
    // The next day begins a day after the first.
    world.wait(Seconds(Seconds::DAY.0 - 5 * u64::from(2 * MOST_FILED)));
    let filing = world.filing(1, last, HOUR);
    world.daemon(filing).unwrap();
}

#[test]
fn the_daemon_does_not_ask_for_another_connector_in_somebodys_name() {
    let mut world = open();
    let window = world.state().open_window(&credential(1)).unwrap().at.index;
    world.daemon(Closed(window)).unwrap();
    let next = world.next_version(1, &[PartKind::Password], &[]);
    world.ok(OTHER_MEMBER, Act::Deposit(v1::Deposit { connector: blob("another connector"), ..next }));
    let filing = world.filing(1, window, HOUR);
    assert_eq!(world.daemon(filing), Err(Refusal::ConnectorChanged));
}

#[test]
fn what_is_fetched_is_what_the_entry_of_the_lease_names() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let delegation = world.let_delegate(TRUSTEES[6], MEMBER, 1);
    let take = world.ok(MEMBER, world.take(delegation));
    let wrapped = vec![v1::Wrapped { kind: PartKind::Password as i32, sealed: blob("wrapped anew") }];
    let rewrapped = vec![v1::Rewrapped { delegation_index: delegation, wrapped }];
    let next = world.next_version(1, &[PartKind::Password], &[]);
    world.ok(OTHER_MEMBER, Act::Deposit(v1::Deposit { rewrapped, ..next }));
    // It would be the next version, of which the log does not say that the delegate knows it.
    assert_eq!(world.daemon(Collected(take)), Err(Refusal::NotCollectable));
    let account = world.state().credential(&credential(1)).unwrap();
    assert_eq!(account.known_to(2, &MEMBER.id), [].into());
}

#[test]
fn nothing_is_left_to_do_for_an_organisation_that_is_no_more() {
    let mut world = open();
    stage(&mut world);
    assert!(world.state().work().any(|work| matches!(work, Work::Rotate(_))));
    destroyed(&mut world, v1::propose_destruction::Subject::Organisation(v1::WholeOrganisation {}));
    assert_eq!(world.state().work().count(), 0);
}

#[test]
fn a_blob_is_not_both_alive_and_destroyed() {
    let mut world = open();
    stage(&mut world);
    world.daemon(StagedDropped(version(1, 2))).unwrap();
    let state = world.state();
    let label = state.credential(&credential(1)).unwrap().versions[&1].label;
    let live: Vec<BlobId> = [label].into_iter().filter(|text| state.audience(text).is_some()).collect();
    assert_eq!(live, [label], "what another version refers to stays");
    assert!(!state.is_forgotten(&label));
}

#[test]
fn nothing_that_closed_before_opens_what_a_trustee_sealed() {
    let mut world = open();
    let first = world.state().open_window(&credential(1)).unwrap().at.index;
    let waiting = world.unseal_of(1);
    let waiting = world.ok(TRUSTEES[6], Act::Request(waiting));
    for kept in [first, waiting] {
        world.daemon(Closed(kept)).unwrap();
    }
    world.let_open(MEMBER, 1);
    world.ok(TRUSTEES[0], seal());
    for kept in [first, waiting] {
        let filing = world.filing(1, kept, HOUR);
        assert_eq!(world.daemon(filing), Err(Refusal::NotDue));
    }
    // What people ask for after that is theirs.
    world.wait(Seconds(1));
    let later = world.unseal_of(1);
    let later = world.ok(TRUSTEES[6], Act::Request(later));
    world.daemon(Closed(later)).unwrap();
    let mut stale = world.clone();
    let filing = world.filing(1, later, HOUR);
    world.daemon(filing).unwrap();
    stale.wait(Seconds::DAY);
    let filing = stale.filing(1, later, HOUR);
    assert_eq!(stale.daemon(filing), Err(Refusal::NotDue), "it would have expired");
}

#[test]
fn of_several_windows_the_sealed_one_counts() {
    let mut world = open();
    let short = v1::Request { duration: 600, ..world.unseal_of(1) };
    let short = world.ok(MEMBER, Act::Request(short));
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, short));
    }
    world.daemon(Collected(short)).unwrap();
    let lease = world.let_mint(MEMBER, 1);
    world.wait(Seconds(600));
    world.daemon(LeaseExpired(short)).unwrap();
    world.ok(TRUSTEES[0], seal());
    world.ok(MEMBER, give_back(lease));
    let errand = world.filing(1, lease, HOUR);
    assert_eq!(world.daemon(errand), Err(Refusal::NotDue), "people open it again, nobody else");
}
