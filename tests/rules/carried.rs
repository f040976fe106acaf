//! Parts that a new version keeps: they stay openable, and what is known about them stays known.

use sequestre::escrow::credential::{DueCause, Urgency};
use sequestre::escrow::entry::DaemonAct::Collected;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::Stage;

use sequestre::proto::v1;

use crate::world::*;

/// Account 1 with a password and a TOTP secret; version 2 brings a new password and keeps the TOTP secret.
fn kept(world: &mut World) {
    let mut deposit = world.deposit_of(1, 2, "web", &[PartKind::Password]);
    deposit.carried = vec![v1::CarriedPart { kind: PartKind::TotpSecret as i32, version: 1 }];
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
}

fn deposited() -> World {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &[PartKind::Password, PartKind::TotpSecret]);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    world
}

/// A member knows everything of version 1, and gave it back.
fn known() -> (World, u64) {
    let mut world = deposited();
    let request = world.let_request(MEMBER, 1);
    for trustee in [FOUNDER, TRUSTEES[1]] {
        world.ok(trustee, world.approve(trustee, request));
    }
    world.daemon(Collected(request)).unwrap();
    (world, request)
}

fn due(world: &World) -> Option<(Urgency, DueCause)> {
    world.state().credential(&credential(1)).unwrap().current().unwrap().1.due.map(|due| (due.urgency, due.cause))
}

#[test]
fn a_carried_part_opens_with_the_shares_dealt_before() {
    let mut world = deposited();
    kept(&mut world);
    let request = world.let_request(MEMBER, 1);
    let asked = world.state().request(request).unwrap();
    let versions: Vec<u32> = asked.parts.iter().map(|p| p.part.version.version).collect();
    assert_eq!((versions, asked.version.version), (vec![1, 2], 2));
    for trustee in [FOUNDER, TRUSTEES[1]] {
        world.ok(trustee, world.approve(trustee, request));
    }
    assert!(matches!(world.state().request(request).unwrap().stage, Stage::Granted(_)));
    let totp = world.state().part(&part(1, 1, PartKind::TotpSecret)).unwrap();
    assert_eq!(totp.released_to_anybody().len(), 2);
}

#[test]
fn only_what_the_current_version_has_can_be_carried() {
    let mut world = deposited();
    let carry = |world: &World, number, kind: PartKind, version| {
        let mut deposit = world.deposit_of(1, number, "web", &[PartKind::Notes]);
        deposit.carried = vec![v1::CarriedPart { kind: kind as i32, version }];
        Act::Deposit(deposit)
    };
    assert_eq!(world.no(OTHER_MEMBER, carry(&world, 2, PartKind::RecoveryCodes, 1)), Refusal::PartUnknown);
    assert_eq!(world.no(OTHER_MEMBER, carry(&world, 2, PartKind::TotpSecret, 2)), Refusal::PartUnknown);
    kept(&mut world);
    assert_eq!(world.no(OTHER_MEMBER, carry(&world, 3, PartKind::TotpSecret, 2)), Refusal::PartUnknown);
    assert_eq!(world.no(OTHER_MEMBER, carry(&world, 3, PartKind::Password, 1)), Refusal::PartUnknown);
    world.ok(OTHER_MEMBER, carry(&world, 3, PartKind::TotpSecret, 1));
    let first = world.deposit_of(2, 1, "web", &[PartKind::Password]);
    let first = v1::Deposit { carried: vec![v1::CarriedPart { kind: 2, version: 1 }], ..first };
    assert_eq!(world.no(OTHER_MEMBER, Act::Deposit(first)), Refusal::PartUnknown);
}

#[test]
fn what_is_known_of_a_carried_part_stays_known_and_due() {
    let (mut world, request) = known();
    world.ok(MEMBER, give_back(request));
    assert_eq!(due(&world), Some((Urgency::Later, DueCause::AccessEnded(request))));
    kept(&mut world);
    assert_eq!(due(&world), Some((Urgency::Later, DueCause::AccessEnded(request))), "the TOTP secret is the same");
    let (_, current) = world.state().credential(&credential(1)).unwrap().current().unwrap();
    let knows: Vec<_> = current.exposures.iter().map(|e| (e.person, e.parts.clone())).collect();
    let totp = [PartKind::TotpSecret];
    assert_eq!(knows, [(MEMBER.id, totp.into()), (OTHER_MEMBER.id, totp.into())]);
    let all_new = world.deposit_of(1, 3, "web", &[PartKind::Password, PartKind::TotpSecret]);
    world.ok(OTHER_MEMBER, Act::Deposit(all_new));
    assert_eq!(due(&world), None);
}

#[test]
fn access_that_ends_after_the_new_version_makes_what_was_kept_due() {
    let (mut world, request) = known();
    kept(&mut world);
    assert_eq!(due(&world), None, "the access still runs");
    world.ok(TRUSTEES[2], revoke(request));
    assert_eq!(due(&world), Some((Urgency::Now, DueCause::Revoked(request))));
}

#[test]
fn a_part_that_nobody_saw_does_not_make_the_new_version_due() {
    let mut world = deposited();
    let mut asked = world.request_of(MEMBER, 1);
    asked.parts.truncate(1);
    let request = world.ok(MEMBER, Act::Request(asked));
    for trustee in [FOUNDER, TRUSTEES[1]] {
        world.ok(trustee, world.approve(trustee, request));
    }
    world.ok(TRUSTEES[2], revoke(request));
    assert_eq!(due(&world), Some((Urgency::Now, DueCause::Revoked(request))));
    kept(&mut world);
    assert_eq!(due(&world), None);
}

#[test]
fn a_veto_works_once_for_each_version() {
    let mut world = deposited();
    for round in 0..2 {
        let request = world.let_request(MEMBER, 1);
        for trustee in [FOUNDER, TRUSTEES[1]] {
            world.ok(trustee, world.approve(trustee, request));
        }
        if round == 0 {
            world.ok(TRUSTEES[2], revoke(request));
            continue;
        }
        assert_eq!(world.no(TRUSTEES[2], revoke(request)), Refusal::VetoUsed);
        world.daemon(Collected(request)).unwrap();
        world.ok(TRUSTEES[2], revoke(request));
    }
}
