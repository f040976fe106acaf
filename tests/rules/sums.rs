//! Shares of requests that came to nothing are counted for ever: when they are enough together, the part is due.

use sequestre::escrow::credential::{Due, DueCause, Exposure, Urgency};
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::time::Seconds;

use crate::world::*;

/// An account of vault `bank`, which only `vital`, 4 of 7, opens.
fn bank() -> World {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "bank", &[PartKind::Password, PartKind::TotpSecret]);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    world
}

/// A request that these approved and that was then withdrawn.
fn failed(world: &mut World, who: Who, parts: &[PartKind], approvers: &[Who]) -> u64 {
    let mut asked = world.request_of(who, 1);
    asked.parts.retain(|p| parts.iter().any(|kind| *kind as i32 == p.kind));
    let request = world.ok(who, Act::Request(asked));
    for approver in approvers {
        world.ok(*approver, world.approve(*approver, request));
    }
    world.ok(who, give_back(request));
    request
}

fn due(world: &World) -> Option<Due> {
    world.state().credential(&credential(1)).unwrap().due(1)
}

fn exposures(world: &World) -> Vec<(u64, Vec<PartKind>)> {
    let account = world.state().credential(&credential(1)).unwrap();
    let row = |e: &Exposure| (e.source, e.parts.iter().copied().collect());
    account.exposures(1).iter().map(row).collect()
}

const PASSWORD: [PartKind; 1] = [PartKind::Password];
const TOTP: [PartKind; 1] = [PartKind::TotpSecret];

#[test]
fn shares_of_failed_requests_add_up_own_shares_included() {
    let mut world = bank();
    let first = failed(&mut world, TRUSTEES[0], &PASSWORD, &[TRUSTEES[1]]);
    assert_eq!(due(&world), None, "two of four");
    let second = world.let_request(TRUSTEES[2], 1);
    assert_eq!(due(&world), None, "three of four");
    world.wait(Seconds::DAY);
    world.ok(TRUSTEES[3], world.approve(TRUSTEES[3], second));
    let expected = Due { urgency: Urgency::Now, since: world.now, cause: DueCause::SharesAddUp(first) };
    assert_eq!(due(&world), Some(expected));
    assert_eq!(exposures(&world), [(first, PASSWORD.to_vec()), (second, PASSWORD.to_vec())]);
    let password = world.state().part(&part(1, 1, PartKind::Password)).unwrap();
    assert_eq!(password.released_to_anybody().len(), 4);
    let totp = world.state().part(&part(1, 1, PartKind::TotpSecret)).unwrap();
    assert_eq!(totp.released_to_anybody().len(), 2);
}

#[test]
fn the_same_share_twice_is_one_share() {
    let mut world = bank();
    for who in [TRUSTEES[0], TRUSTEES[1], TRUSTEES[0]] {
        failed(&mut world, who, &PASSWORD, &[TRUSTEES[2]]);
    }
    assert_eq!(due(&world), None);
    assert_eq!(exposures(&world), []);
}

#[test]
fn each_part_counts_by_itself() {
    let mut world = bank();
    failed(&mut world, TRUSTEES[0], &PASSWORD, &[TRUSTEES[1]]);
    failed(&mut world, TRUSTEES[2], &TOTP, &[TRUSTEES[3]]);
    assert_eq!(due(&world), None);
}

#[test]
fn a_second_part_that_adds_up_later_is_exposed_too() {
    let mut world = bank();
    let both = [PartKind::Password, PartKind::TotpSecret];
    let first = failed(&mut world, TRUSTEES[0], &both, &[TRUSTEES[1]]);
    let second = failed(&mut world, TRUSTEES[2], &PASSWORD, &[TRUSTEES[3]]);
    assert_eq!(exposures(&world), [(first, PASSWORD.to_vec()), (second, PASSWORD.to_vec())]);
    let third = failed(&mut world, TRUSTEES[4], &TOTP, &[TRUSTEES[5]]);
    let expected = [(first, both.to_vec()), (second, PASSWORD.to_vec()), (third, TOTP.to_vec())];
    assert_eq!(exposures(&world), expected);
}

#[test]
fn shares_of_granted_requests_are_accounted_for_already() {
    let mut world = bank();
    let granted = world.let_grant(TRUSTEES[0], 1, &TRUSTEES[1..4]);
    assert_eq!(exposures(&world).len(), 1);
    world.daemon(DaemonAct::Collected(granted)).unwrap();
    world.ok(TRUSTEES[0], give_back(granted));
    failed(&mut world, TRUSTEES[4], &PASSWORD, &[TRUSTEES[5]]);
    assert_eq!(exposures(&world).len(), 1);
    assert_eq!(due(&world).unwrap().urgency, Urgency::Later);
}

#[test]
fn a_request_that_was_granted_stays_so_when_its_requester_leaves() {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let granted = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.ok(MEMBER, leave());
    // One share only, next to those that the leaver had anyway.
    let waiting = world.let_request(OTHER_MEMBER, 1);
    world.ok(TRUSTEES[2], world.approve(TRUSTEES[2], waiting));
    assert_eq!(exposures(&world), [(granted, PASSWORD.to_vec())]);
    assert_eq!(due(&world).unwrap().cause, DueCause::Left(MEMBER.id));
}

#[test]
fn what_a_waiting_request_released_counts_and_its_grant_is_no_second_exposure() {
    let mut world = bank();
    failed(&mut world, TRUSTEES[0], &PASSWORD, &[TRUSTEES[1]]);
    let mut asked = world.request_of(TRUSTEES[2], 1);
    asked.parts.truncate(1);
    let second = world.ok(TRUSTEES[2], Act::Request(asked));
    for who in [TRUSTEES[3], TRUSTEES[4], TRUSTEES[5]] {
        world.ok(who, world.approve(who, second));
    }
    assert!(world.state().request(second).unwrap().approvals.len() == 3);
    assert_eq!(exposures(&world).iter().filter(|(request, _)| *request == second).count(), 1);
}

#[test]
fn in_two_groups_each_group_must_add_up() {
    let mut world = World::two_groups();
    world.let_deposit(MEMBER, 1);
    failed(&mut world, BOARD[0], &PASSWORD, &[BOARD[1], BOARD[2]]);
    failed(&mut world, MEMBER, &PASSWORD, &[TECHNICAL[0]]);
    assert_eq!(due(&world), None);
    failed(&mut world, TECHNICAL[1], &PASSWORD, &[]);
    assert_eq!(due(&world).unwrap().urgency, Urgency::Now);
    assert_eq!(exposures(&world).len(), 3);
}

#[test]
fn a_new_version_counts_from_nothing() {
    let mut world = bank();
    failed(&mut world, TRUSTEES[0], &PASSWORD, &[TRUSTEES[1], TRUSTEES[2]]);
    let deposit = world.deposit_of(1, 2, "bank", &PASSWORD);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    failed(&mut world, TRUSTEES[3], &PASSWORD, &[TRUSTEES[4]]);
    assert_eq!(due(&world), None);
    assert_eq!(world.state().credential(&credential(1)).unwrap().due(2), None);
}
