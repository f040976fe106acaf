//! Invitations, joining, devices, leaving.

use sequestre::escrow::organisation::Effect;
use sequestre::escrow::people::{InvitationState, Standing};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;

use crate::world::*;

/// The founded organisation, with an open invitation for a member that lives a day.
fn invited() -> (World, [u8; 32]) {
    let mut world = World::founded();
    let secret = token("invitation");
    let expires = world.now.after(Seconds::DAY);
    world.ok(TRUSTEES[2], invite(&secret, &[Role::Member], expires));
    (world, secret)
}

#[test]
fn a_newcomer_becomes_a_candidate_with_one_device() {
    let (mut world, secret) = invited();
    let index = world.ok(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member]));
    let person = world.state().person(&NEWCOMER.id).unwrap();
    assert!(matches!(&person.standing, Standing::Candidate(Some(c)) if c.mac.to_vec() == blob("mac")));
    assert_eq!(person.joined.index, index);
    assert!(world.state().may_read(&NEWCOMER.id));
    assert!(world.state().roles(&NEWCOMER.id).is_empty());
    assert_eq!(world.state().device_owner(&NEWCOMER.device.device()), Some((&NEWCOMER.id, &NEWCOMER.device)));
    let enrolled = Effect::DeviceEnrolled { device: NEWCOMER.device.device(), person: NEWCOMER.id };
    assert!(world.effects.contains(&enrolled));
    let invitation = world.state().invitations().values().find(|i| i.state == InvitationState::Used(NEWCOMER.id));
    assert_eq!(invitation.unwrap().inviter, TRUSTEES[2].id);
}

#[test]
fn an_invitation_is_used_once() {
    let (mut world, secret) = invited();
    world.ok(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member]));
    assert_eq!(world.no(OUTSIDER, join(OUTSIDER, &secret, &[Role::Member])), Refusal::InvitationUsed);
    assert_eq!(world.no(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member])), Refusal::InvitationUsed);
    assert_eq!(world.no(TRUSTEES[2], cancel(&secret)), Refusal::InvitationUsed);
}

#[test]
fn a_foreign_invitation_is_unknown() {
    let (mut world, _) = invited();
    let refusal = world.no(NEWCOMER, join(NEWCOMER, &token("of another organisation"), &[Role::Member]));
    assert_eq!(refusal, Refusal::InvitationUnknown);
    assert_eq!(world.no(TRUSTEES[2], cancel(&token("of another organisation"))), Refusal::InvitationUnknown);
}

#[test]
fn an_invitation_expires_to_the_second() {
    let (mut world, secret) = invited();
    world.wait(Seconds(86_399));
    let mut last = world.clone();
    last.ok(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member]));
    world.wait(Seconds(1));
    assert_eq!(world.no(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member])), Refusal::InvitationExpired);
}

#[test]
fn a_cancelled_invitation_is_void() {
    let (mut world, secret) = invited();
    assert_eq!(world.no(MEMBER, cancel(&secret)), Refusal::MayNotInvite);
    world.ok(TRUSTEES[5], cancel(&secret));
    assert_eq!(world.no(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member])), Refusal::InvitationCancelled);
    assert_eq!(world.no(TRUSTEES[5], cancel(&secret)), Refusal::InvitationCancelled);
}

#[test]
fn roles_are_those_of_the_invitation() {
    let (mut world, secret) = invited();
    for roles in [&[Role::Trustee][..], &[Role::Technician], &[Role::Technician, Role::Member]] {
        assert_eq!(world.no(NEWCOMER, join(NEWCOMER, &secret, roles)), Refusal::InvitationRoles);
    }
}

#[test]
fn nobody_joins_twice() {
    let (mut world, secret) = invited();
    for who in [FOUNDER, TRUSTEES[3], MEMBER, MEDIATOR] {
        assert_eq!(world.no(who, join(who, &secret, &[Role::Member])), Refusal::AlreadyJoined);
    }
    world.ok(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member]));
    let second = token("second");
    let expires = world.now.after(Seconds::DAY);
    world.ok(FOUNDER, invite(&second, &[Role::Member], expires));
    assert_eq!(world.no(NEWCOMER, join(NEWCOMER, &second, &[Role::Member])), Refusal::AlreadyJoined);
}

#[test]
fn a_join_is_signed_by_the_identity_that_it_names() {
    let (mut world, secret) = invited();
    assert_eq!(world.no(OUTSIDER, join(NEWCOMER, &secret, &[Role::Member])), Refusal::NotYourKeys);
}

#[test]
fn a_device_key_is_fresh_and_no_identity() {
    let (mut world, secret) = invited();
    for device in [MEMBER.device, MEMBER.keys.signing, NEWCOMER.keys.signing] {
        let mut act = join_of(NEWCOMER, &secret, &[Role::Member]);
        act.device = Some(device.into());
        assert_eq!(world.no(NEWCOMER, Act::Join(act)), Refusal::DeviceKnown);
        assert_eq!(world.no(TRUSTEES[1], enrol(TRUSTEES[1], MEMBER.device)), Refusal::DeviceKnown);
    }
    assert_eq!(world.no(TRUSTEES[1], enrol(TRUSTEES[1], TRUSTEES[1].keys.signing)), Refusal::DeviceKnown);
}

#[test]
fn a_device_key_does_not_become_an_identity() {
    // The device key of NEWCOMER is the identity key of OUTSIDER, which would then lie unencrypted on disk.
    let (mut world, secret) = invited();
    let mut act = join_of(NEWCOMER, &secret, &[Role::Member]);
    act.device = Some(OUTSIDER.keys.signing.into());
    world.ok(NEWCOMER, Act::Join(act));
    let second = token("second");
    let expires = world.now.after(Seconds::DAY);
    world.ok(FOUNDER, invite(&second, &[Role::Member], expires));
    assert_eq!(world.no(OUTSIDER, join(OUTSIDER, &second, &[Role::Member])), Refusal::DeviceKnown);
}

#[test]
fn who_may_invite() {
    let mut world = World::founded();
    let expires = world.now.after(Seconds::DAY);
    for who in [MEMBER, MEDIATOR, TECHNICIAN] {
        assert_eq!(world.no(who, invite(&token("a"), &[Role::Member], expires)), Refusal::MayNotInvite);
    }
    assert_eq!(world.no(OUTSIDER, invite(&token("a"), &[Role::Member], expires)), Refusal::Stranger);
    world.ok(TRUSTEES[6], invite(&token("a"), &[Role::Member], expires));
    assert_eq!(world.no(FOUNDER, invite(&token("a"), &[Role::Member], expires)), Refusal::InvitationExists);
}

#[test]
fn an_invitation_lives_thirty_days_at_most() {
    let mut world = World::founded();
    let now = world.now;
    for expires in [now, now.before(Seconds(1)), now.after(Seconds(30 * 86_400 + 1))] {
        assert_eq!(world.no(FOUNDER, invite(&token("a"), &[Role::Member], expires)), Refusal::InvitationLife);
    }
    world.ok(FOUNDER, invite(&token("a"), &[Role::Member], now.after(Seconds(1))));
    world.ok(FOUNDER, invite(&token("b"), &[Role::Member], now.after(Seconds(30 * 86_400))));
}

#[test]
fn the_invitations_of_whoever_goes_are_void() {
    // Else a leaver could come back as a candidate, under another name, and read on.
    let mut world = World::founded();
    let mut charter = standard_charter();
    charter.version = 2;
    let six = &TRUSTEES[..6];
    charter.trustees = ids(six);
    charter.quorums =
        ["amend", "destroy", "everyday", "vital"].map(|name| quorum(name, vec![group(5, six)])).to_vec();
    let secret = token("for myself");
    let expires = world.now.after(Seconds::DAY);
    world.ok(TRUSTEES[6], invite(&secret, &[Role::Member], expires));
    world.let_amend(charter);
    assert!(!world.state().may_read(&TRUSTEES[6].id));
    assert_eq!(world.no(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member])), Refusal::InvitationCancelled);
}

#[test]
fn further_devices_are_certified_and_revoked_by_their_owner() {
    let mut world = World::founded();
    let device = public_key("second device");
    world.ok(MEMBER, enrol(MEMBER, device));
    assert_eq!(world.no(OTHER_MEMBER, revoke_device(device)), Refusal::DeviceUnknown);
    assert_eq!(world.no(MEMBER, enrol(MEMBER, device)), Refusal::DeviceKnown);
    world.ok(MEMBER, revoke_device(device));
    assert!(world.state().device_owner(&device.device()).is_none());
    assert!(world.effects.contains(&Effect::DeviceRevoked { device: device.device() }));
    assert_eq!(world.no(MEMBER, revoke_device(device)), Refusal::DeviceUnknown);
    assert_eq!(world.no(MEMBER, enrol(MEMBER, device)), Refusal::DeviceKnown, "a revoked key stays revoked");
}

#[test]
fn a_device_is_certified_by_its_own_person_only() {
    let mut world = World::founded();
    assert_eq!(world.no(MEMBER, enrol(OTHER_MEMBER, public_key("d"))), Refusal::NotYourKeys);
    assert_eq!(world.no(OUTSIDER, enrol(OUTSIDER, public_key("d"))), Refusal::Stranger);
    let mut other_recipient: v1::PersonKeys = MEMBER.keys.into();
    other_recipient.recipient = Some(recipient("another"));
    let act = v1::EnrolDevice { device: Some(public_key("d").into()), person: Some(other_recipient) };
    assert_eq!(world.no(MEMBER, Act::EnrolDevice(act)), Refusal::NotYourKeys);
}

#[test]
fn a_candidate_enrols_devices_and_may_go_but_nothing_else() {
    let (mut world, secret) = invited();
    world.let_deposit(MEMBER, 1);
    world.ok(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member]));
    let deposit = world.deposit_of(2, 1, "web", &[sequestre::escrow::part::PartKind::Password]);
    let request = world.request_of(NEWCOMER, 1);
    let expires = world.now.after(Seconds::DAY);
    for act in
        [Act::Deposit(deposit), Act::Request(request), invite(&token("x"), &[Role::Member], expires), revoke(0)]
    {
        assert_eq!(world.no(NEWCOMER, act), Refusal::NotAdmitted);
    }
    world.ok(NEWCOMER, enrol(NEWCOMER, public_key("laptop")));
    world.ok(NEWCOMER, revoke_device(public_key("laptop")));
    world.ok(NEWCOMER, leave());
    assert!(!world.state().may_read(&NEWCOMER.id));
    assert!(world.state().device_owner(&NEWCOMER.device.device()).is_none());
}

#[test]
fn leaving_ends_everything_and_one_can_come_back() {
    let mut world = World::founded();
    world.ok(MEMBER, leave());
    assert!(matches!(world.state().person(&MEMBER.id).unwrap().standing, Standing::Gone { .. }));
    assert!(world.state().device_owner(&MEMBER.device.device()).is_none());
    for act in [leave(), enrol(MEMBER, public_key("d")), world.deny(0)] {
        assert_eq!(world.no(MEMBER, act), Refusal::Stranger);
    }
    let secret = token("again");
    let expires = world.now.after(Seconds::DAY);
    world.ok(FOUNDER, invite(&secret, &[Role::Member], expires));
    assert_eq!(world.no(MEMBER, join(MEMBER, &secret, &[Role::Member])), Refusal::DeviceKnown);
    let mut act = join_of(MEMBER, &secret, &[Role::Member]);
    act.device = Some(public_key("new device").into());
    world.ok(MEMBER, Act::Join(act));
    assert!(matches!(world.state().person(&MEMBER.id).unwrap().standing, Standing::Candidate(_)));
}

#[test]
fn office_holders_do_not_leave_by_themselves() {
    let mut world = World::founded();
    for who in [FOUNDER, TRUSTEES[4], MEDIATOR, TECHNICIAN] {
        assert_eq!(world.no(who, leave()), Refusal::NotRemovable);
    }
}
