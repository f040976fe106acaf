//! Parts that a new version keeps: shares, counts, exposures and what is due go with the part, not with the version.

use sequestre::escrow::credential::{Due, DueCause, Urgency};
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::id::PersonId;
use sequestre::escrow::part::PartKind::{self, Notes, Password, RecoveryCodes};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::Stage;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;

use crate::world::*;

/// An account with a password and recovery codes, deposited by OTHER_MEMBER.
fn deposited() -> World {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &[Password, RecoveryCodes]);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    world
}

/// A new password by this person; the recovery codes stay.
fn new_password(world: &mut World, who: Who) -> u64 {
    let next = world.next_version(1, &[Password], &[RecoveryCodes]);
    world.ok(who, Act::Deposit(next))
}

/// A request for one kind only.
fn request_one(world: &mut World, who: Who, kind: PartKind) -> u64 {
    let mut asked = world.request_of(who, 1);
    asked.parts.retain(|p| p.kind == kind as i32);
    world.ok(who, Act::Request(asked))
}

fn known(world: &World, who: PersonId) -> Vec<PartKind> {
    let account = world.state().credential(&credential(1)).unwrap();
    account.known_to(account.current().unwrap().0, &who).into_iter().collect()
}

fn due(world: &World) -> Option<Due> {
    let account = world.state().credential(&credential(1)).unwrap();
    account.due(account.current().unwrap().0)
}

#[test]
fn a_carried_part_is_known_to_whoever_knew_it() {
    let mut world = deposited();
    let lease = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.ok(MEMBER, give_back(lease));
    new_password(&mut world, TRUSTEES[0]);
    assert_eq!(known(&world, OTHER_MEMBER.id), [RecoveryCodes], "who dealt it");
    assert_eq!(known(&world, MEMBER.id), [RecoveryCodes], "to whom it was lent");
    assert_eq!(known(&world, TRUSTEES[0].id), [Password], "whoever changes the password need not know the rest");
    let expected = Due { urgency: Urgency::Later, since: world.now, cause: DueCause::AccessEnded(lease) };
    assert_eq!(due(&world), Some(expected));
    new_password(&mut world, OTHER_MEMBER);
    assert_eq!(known(&world, OTHER_MEMBER.id), [Password, RecoveryCodes], "both what they sealed and what they knew");
    assert_eq!(known(&world, TRUSTEES[0].id), [], "the password that they sealed is changed");
}

#[test]
fn carrying_needs_no_new_shares_and_approvals_open_both() {
    let mut world = deposited();
    new_password(&mut world, TRUSTEES[0]);
    let asked = world.request_of(MEMBER, 1);
    let versions: Vec<u32> = asked.parts.iter().map(|p| p.version).collect();
    assert_eq!(versions, [1, 2], "the codes of version 1, the password of version 2");
    let request = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    assert!(matches!(world.state().request(request).unwrap().stage, Stage::Granted(_)));
    assert_eq!(known(&world, MEMBER.id), [Password, RecoveryCodes]);
    let stale = world.state().part(&part(1, 1, Password)).unwrap();
    assert!(stale.released_to_anybody().is_empty(), "the old password stays closed");
}

#[test]
fn only_what_the_current_version_has_is_carried_and_as_it_was_dealt() {
    let mut world = deposited();
    let honest = world.next_version(1, &[Password], &[RecoveryCodes]);
    let carrying = |kind: PartKind, version| v1::Deposit {
        carried: vec![v1::CarriedPart { kind: kind as i32, version }],
        ..honest.clone()
    };
    for (kind, version) in [(Notes, 1), (RecoveryCodes, 0), (RecoveryCodes, 2)] {
        assert_eq!(world.no(MEMBER, Act::Deposit(carrying(kind, version))), Refusal::PartUnknown);
    }
    let first = v1::Deposit { credential: credential(2).to_vec(), version: 1, ..honest.clone() };
    assert_eq!(world.no(MEMBER, Act::Deposit(first)), Refusal::PartUnknown, "a new account carries nothing");
    // Left out once, it is gone from the account.
    let without = v1::Deposit { carried: vec![], ..honest };
    world.ok(MEMBER, Act::Deposit(without));
    let again = v1::Deposit {
        carried: vec![v1::CarriedPart { kind: RecoveryCodes as i32, version: 1 }],
        ..world.next_version(1, &[Password], &[])
    };
    assert_eq!(world.no(MEMBER, Act::Deposit(again)), Refusal::PartUnknown);
}

#[test]
fn an_old_part_can_be_asked_for_after_it_was_replaced() {
    let mut world = deposited();
    let old = world.request_of(MEMBER, 1);
    new_password(&mut world, TRUSTEES[0]);
    let codes = v1::Request { parts: vec![old.parts[1].clone()], ..old.clone() };
    let both = world.ok(MEMBER, Act::Request(old));
    let newest = world.ok(OTHER_MEMBER, Act::Request(codes));
    let of = |request| world.state().request(request).unwrap().version.version;
    assert_eq!((of(both), of(newest)), (1, 2), "of the newest version that has what is asked for");
}

#[test]
fn shares_of_a_carried_part_add_up_over_versions() {
    let mut world = deposited();
    let first = request_one(&mut world, MEMBER, RecoveryCodes);
    world.ok(TRUSTEES[0], world.approve(TRUSTEES[0], first));
    new_password(&mut world, TRUSTEES[1]);
    assert_eq!(due(&world), None);
    let second = request_one(&mut world, OTHER_MEMBER, RecoveryCodes);
    world.ok(TRUSTEES[2], world.approve(TRUSTEES[2], second));
    assert_eq!(due(&world).unwrap().urgency, Urgency::Now);
    assert_eq!(known(&world, MEMBER.id), [RecoveryCodes]);
    // And they stay so with the next password, but not with new codes.
    new_password(&mut world, TRUSTEES[1]);
    assert!(matches!(due(&world), Some(Due { urgency: Urgency::Now, cause: DueCause::SharesAddUp(_), .. })));
    let codes = world.next_version(1, &[RecoveryCodes], &[Password]);
    world.ok(TRUSTEES[1], Act::Deposit(codes));
    assert_eq!(due(&world), None);
}

#[test]
fn shares_of_a_replaced_part_do_not_count_for_the_new_one() {
    let mut world = deposited();
    let first = request_one(&mut world, MEMBER, Password);
    world.ok(TRUSTEES[0], world.approve(TRUSTEES[0], first));
    new_password(&mut world, TRUSTEES[1]);
    let second = request_one(&mut world, OTHER_MEMBER, Password);
    world.ok(TRUSTEES[2], world.approve(TRUSTEES[2], second));
    assert_eq!(due(&world), None);
}

#[test]
fn a_lease_that_runs_makes_the_newer_version_due_for_what_it_kept() {
    let mut world = deposited();
    let codes = request_one(&mut world, MEMBER, RecoveryCodes);
    let password = request_one(&mut world, TRUSTEES[5], Password);
    for request in [codes, password] {
        for who in &TRUSTEES[..2] {
            world.ok(*who, world.approve(*who, request));
        }
        world.daemon(DaemonAct::Collected(request)).unwrap();
    }
    new_password(&mut world, TRUSTEES[3]);
    assert_eq!(due(&world), None, "both leases run");
    world.ok(TRUSTEES[0], revoke(password));
    assert_eq!(due(&world), None, "that password is changed");
    world.ok(TRUSTEES[0], revoke(codes));
    assert_eq!(due(&world).unwrap().cause, DueCause::Revoked(codes));
}

#[test]
fn what_a_leaver_knows_of_it_is_due_with_every_later_version() {
    let mut world = deposited();
    new_password(&mut world, TRUSTEES[0]);
    world.ok(OTHER_MEMBER, leave());
    let left = DueCause::Left(OTHER_MEMBER.id);
    assert_eq!(due(&world).unwrap().cause, left, "they dealt the codes");
    new_password(&mut world, TRUSTEES[0]);
    assert_eq!(due(&world).unwrap().cause, left);
    // Coming back does not make it unknown meanwhile.
    let secret = token("again");
    let expires = world.now.after(Seconds::DAY);
    world.ok(FOUNDER, invite(&secret, &[Role::Member], expires));
    let mut act = join_of(OTHER_MEMBER, &secret, &[Role::Member]);
    act.device = Some(public_key("new device").into());
    world.ok(OTHER_MEMBER, Act::Join(act));
    new_password(&mut world, TRUSTEES[0]);
    assert_eq!(due(&world).map(|due| (due.urgency, due.cause)), Some((Urgency::Now, left)));
    let codes = world.next_version(1, &[RecoveryCodes], &[Password]);
    world.ok(TRUSTEES[0], Act::Deposit(codes));
    assert_eq!(due(&world), None);
}

#[test]
fn a_carried_part_is_opened_by_those_to_whom_it_was_dealt() {
    let mut world = deposited();
    let mut second = v1::Charter { version: 2, ..standard_charter() };
    // From now on only the last four open the vault.
    second.quorums[2] = quorum("everyday", vec![group(2, &TRUSTEES[3..])]);
    second.quorums[3] = quorum("vital", vec![group(4, &TRUSTEES[3..])]);
    world.let_amend(second);
    new_password(&mut world, TRUSTEES[0]);
    let request = world.let_request(MEMBER, 1);
    let released: Vec<usize> =
        world.approval_of(TRUSTEES[0], request).released.iter().map(|r| r.shares.len()).collect();
    assert_eq!(released, [2, 0], "a share of the codes, none of the password");
    for who in &TRUSTEES[..3] {
        world.ok(*who, world.approve(*who, request));
    }
    assert!(matches!(world.state().request(request).unwrap().stage, Stage::Waiting), "the codes alone do not grant");
    world.ok(TRUSTEES[3], world.approve(TRUSTEES[3], request));
    assert!(matches!(world.state().request(request).unwrap().stage, Stage::Waiting));
    world.ok(TRUSTEES[6], world.approve(TRUSTEES[6], request));
    assert!(matches!(world.state().request(request).unwrap().stage, Stage::Granted(_)));
}

#[test]
fn carried_parts_are_listed_once_and_beside_the_new_ones() {
    use prost::Message as _;
    use sequestre::escrow::command::Command;
    use sequestre::escrow::wire::Malformed;
    let mut world = deposited();
    let honest = world.next_version(1, &[Password], &[RecoveryCodes]);
    let carried = |kind: i32| v1::CarriedPart { kind, version: 1 };
    for list in [vec![carried(1)], vec![carried(3), carried(3)], vec![carried(4), carried(3)]] {
        let command = world.draft(Act::Deposit(v1::Deposit { carried: list, ..honest.clone() }));
        let refused = Command::parse(&command.encode_to_vec()).unwrap_err();
        assert_eq!(refused, Malformed::List("carried parts"));
    }
    let command = world.draft(Act::Deposit(v1::Deposit { carried: vec![carried(9)], ..honest }));
    assert_eq!(Command::parse(&command.encode_to_vec()).unwrap_err(), Malformed::Unknown("kind of part"));
}

/// What made a part due stays with it, also when the requests that did are granted later.
#[test]
fn shares_that_added_up_stay_due_with_their_part() {
    let mut world = deposited();
    let [first, second] = [0, 1].map(|n| request_one(&mut world, TRUSTEES[n], RecoveryCodes));
    let cause = due(&world).unwrap().cause;
    assert!(matches!(cause, DueCause::SharesAddUp(_)));
    for request in [first, second] {
        world.ok(TRUSTEES[2], world.approve(TRUSTEES[2], request));
        assert!(matches!(world.state().request(request).unwrap().stage, Stage::Granted(_)));
    }
    new_password(&mut world, OTHER_MEMBER);
    assert_eq!(due(&world).map(|due| due.cause), Some(cause));
}

/// A due part makes the next version due only if that one carries it.
#[test]
fn what_is_due_for_one_part_is_not_due_for_another() {
    let mut world = deposited();
    let [first, _] = [0, 1].map(|n| request_one(&mut world, TRUSTEES[n], Password));
    assert!(due(&world).is_some());
    world.ok(TRUSTEES[2], world.approve(TRUSTEES[2], first));
    new_password(&mut world, OTHER_MEMBER);
    assert_eq!(due(&world), None);
}
