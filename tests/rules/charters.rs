//! Amendments, admissions and removals: what quorums decide once there is a charter.

use sequestre::escrow::credential::{DueCause, Urgency};
use sequestre::escrow::organisation::Effect;
use sequestre::escrow::people::Standing;
use sequestre::escrow::proposal::{Outcome, Ratification};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;

use crate::world::*;

/// The standard charter as version 2, with other trustees: `amend` and `destroy` 5 of those who are trustees already (so
/// that neither is easier than before), the rest 2 of them.
pub fn amended(trustees: &[Who]) -> v1::Charter {
    let of = |name, threshold| quorum(name, vec![group(threshold, trustees)]);
    let stay: Vec<Who> = trustees.iter().copied().filter(|who| TRUSTEES.contains(who)).collect();
    let [amend, destroy] = ["amend", "destroy"].map(|name| quorum(name, vec![group(5, &stay)]));
    let quorums = vec![amend, destroy, of("everyday", 2), of("vital", 2)];
    v1::Charter { version: 2, trustees: ids(trustees), quorums, ..standard_charter() }
}

/// Proposes as the founder and lets these sign.
fn amend(world: &mut World, charter: v1::Charter, roll: &[(Who, Vec<Role>)], signers: &[Who]) -> u64 {
    let proposal = world.propose_charter(charter, roll);
    for who in signers {
        world.ok(*who, world.sign(proposal));
    }
    proposal
}

fn version_in_force(world: &World) -> u32 {
    world.state().charter().unwrap().version()
}

#[test]
fn an_amendment_needs_the_quorum_of_the_old_charter() {
    let mut world = World::founded();
    let proposal = amend(&mut world, amended(&TRUSTEES), &[], &TRUSTEES[1..4]);
    assert_eq!(version_in_force(&world), 1, "only 4 of the old 5 of 7");
    world.ok(TRUSTEES[6], world.sign(proposal));
    assert_eq!(version_in_force(&world), 2);
    assert!(matches!(
        world.state().proposals()[&proposal].outcome,
        Outcome::InForce { ratification: Ratification::Amended(..), .. }
    ));
}

#[test]
fn an_amendment_needs_the_quorum_of_the_new_charter_too() {
    let mut world = World::founded();
    let newcomers = [Who(12), Who(13), Who(14)];
    for who in newcomers {
        world.let_join(who, &[Role::Trustee]);
    }
    let trustees: Vec<Who> = TRUSTEES.iter().copied().chain(newcomers).collect();
    let amend: Vec<Who> = TRUSTEES[..2].iter().copied().chain(newcomers).collect();
    let mut charter = amended(&trustees);
    charter.quorums[0] = quorum("amend", vec![group(3, &amend)]);
    let roll: Vec<_> = newcomers.iter().map(|who| (*who, vec![Role::Trustee])).collect();
    let proposal = self::amend(&mut world, charter, &roll, &TRUSTEES[1..]);
    assert_eq!(version_in_force(&world), 1, "all seven of the old, but only 2 of the new 3 of 5");
    world.ok(newcomers[1], world.sign(proposal));
    assert_eq!(version_in_force(&world), 1, "others amend: that takes two agreements");
    world.wait(Seconds(7 * 86_400));
    let proposal_leaf = world.leaf(proposal).to_vec();
    let confirm = Act::Confirm(v1::Confirm { proposal_index: proposal, proposal_leaf });
    for who in &TRUSTEES {
        world.ok(*who, confirm.clone());
    }
    assert_eq!(version_in_force(&world), 1, "again only 2 of the new");
    world.ok(newcomers[2], confirm);
    assert_eq!(version_in_force(&world), 2);
    assert_eq!(world.state().roles(&newcomers[2].id), [Role::Trustee].into());
}

#[test]
fn the_charter_in_force_can_still_be_acknowledged_but_no_earlier_one() {
    let mut world = World::founded();
    let second = amend(&mut world, amended(&TRUSTEES), &[], &TRUSTEES[1..5]);
    world.wait(Seconds(60 * 86_400));
    world.ok(TRUSTEES[5], world.sign(second));
    world.ok(MEMBER, world.sign(second));
    assert_eq!(world.no(MEMBER, world.sign(second)), Refusal::AlreadySigned);
    assert_eq!(world.no(OUTSIDER, world.sign(second)), Refusal::Stranger);
    let proposal = &world.state().proposals()[&second];
    assert_eq!(proposal.acknowledged, [TRUSTEES[5].id, MEMBER.id].into());
    assert_eq!(proposal.signed.len(), 5, "what is decided takes no more signatures");
    let third = v1::Charter { version: 3, ..amended(&TRUSTEES) };
    amend(&mut world, third, &[], &TRUSTEES[1..5]);
    assert_eq!(version_in_force(&world), 3);
    assert_eq!(world.no(TRUSTEES[6], world.sign(second)), Refusal::ProposalClosed);
}

#[test]
fn no_version_is_skipped_or_repeated() {
    let mut world = World::founded();
    for version in [0, 1, 3] {
        let charter = v1::Charter { version, ..amended(&TRUSTEES) };
        let act = world.charter_proposal(charter, &[]);
        let refusal = world.no(FOUNDER, act);
        let expected = Refusal::CharterVersion { expected: 2 };
        assert!(refusal == expected || version == 0 && matches!(refusal, Refusal::Charter(_)), "{refusal:?}");
    }
    amend(&mut world, amended(&TRUSTEES), &[], &TRUSTEES[1..5]);
    let act = world.charter_proposal(amended(&TRUSTEES), &[]);
    assert_eq!(world.no(FOUNDER, act), Refusal::CharterVersion { expected: 3 });
}

#[test]
fn only_office_holders_propose_charters() {
    let mut world = World::founded();
    let act = world.charter_proposal(amended(&TRUSTEES), &[]);
    assert_eq!(world.no(MEMBER, act.clone()), Refusal::MayNotInvite);
    for who in [TRUSTEES[3], MEDIATOR, TECHNICIAN] {
        world.ok(who, act.clone());
    }
}

#[test]
fn members_and_mediators_acknowledge_amendments_without_counting() {
    let mut world = World::founded();
    let proposal = amend(&mut world, amended(&TRUSTEES), &[], &TRUSTEES[1..4]);
    for who in [MEMBER, MEDIATOR, TECHNICIAN] {
        world.ok(who, world.sign(proposal));
    }
    assert_eq!(version_in_force(&world), 1);
    world.ok(TRUSTEES[4], world.sign(proposal));
    assert_eq!(version_in_force(&world), 2);
}

#[test]
fn of_two_amendments_one_comes_into_force() {
    let mut world = World::founded();
    let loser = amend(&mut world, amended(&TRUSTEES[..6]), &[], &TRUSTEES[1..4]);
    amend(&mut world, amended(&TRUSTEES[1..]), &[], &TRUSTEES[1..6]);
    assert_eq!(version_in_force(&world), 2);
    assert!(matches!(world.state().proposals()[&loser].outcome, Outcome::Superseded));
    assert_eq!(world.no(TRUSTEES[5], world.sign(loser)), Refusal::ProposalClosed);
}

#[test]
fn a_signature_under_an_amendment_is_stale_once_the_charter_changed() {
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Member]);
    let admission = world.ok(FOUNDER, world.admit(NEWCOMER, &[Role::Member]));
    let signature = world.signed(TRUSTEES[2], world.sign(admission));
    amend(&mut world, amended(&TRUSTEES), &[], &TRUSTEES[1..5]);
    assert_eq!(world.offer(signature), Err(Refusal::StaleBase));
}

#[test]
fn a_removed_office_holder_is_gone_with_all_access() {
    let mut world = World::founded();
    let leaver = TRUSTEES[6];
    world.let_deposit(MEMBER, 1);
    world.let_deposit(MEMBER, 2);
    world.let_deposit(leaver, 3);
    let lease = world.let_grant(leaver, 1, &TRUSTEES[..1]);
    let waiting = world.let_request(leaver, 2);
    amend(&mut world, amended(&TRUSTEES[..6]), &[], &TRUSTEES[1..5]);
    let state = world.state();
    assert!(matches!(state.person(&leaver.id).unwrap().standing, Standing::Gone { .. }));
    assert!(!state.may_read(&leaver.id));
    assert!(state.device_owner(&leaver.device.device()).is_none());
    for request in [lease, waiting] {
        assert!(matches!(state.request(request).unwrap().stage, Stage::Ended { how: End::RequesterLeft, .. }));
        assert!(world.effects.contains(&Effect::DropShares { request }));
    }
    let standing = Effect::Standing { person: leaver.id, reads: false, roles: [].into() };
    assert!(world.effects.contains(&standing));
    let due = |n| state.credential(&credential(n)).unwrap().due(1);
    for known in [1, 3] {
        let due = due(known).unwrap();
        assert_eq!((due.urgency, due.cause), (Urgency::Now, DueCause::Left(leaver.id)));
    }
    assert_eq!(due(2), None, "they never knew it");
    assert_eq!(world.no(leaver, world.sign(0)), Refusal::Stranger);
}

#[test]
fn whoever_loses_an_office_stays_a_member_if_they_were() {
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Trustee, Role::Member]);
    let eight: Vec<Who> = TRUSTEES.iter().copied().chain([NEWCOMER]).collect();
    amend(&mut world, amended(&eight), &[(NEWCOMER, vec![Role::Trustee, Role::Member])], &TRUSTEES[1..5]);
    assert_eq!(world.state().roles(&NEWCOMER.id), [Role::Trustee, Role::Member].into());
    let third = v1::Charter { version: 3, ..amended(&TRUSTEES) };
    amend(&mut world, third, &[], &TRUSTEES[1..5]);
    assert_eq!(world.state().roles(&NEWCOMER.id), [Role::Member].into());
    assert!(world.state().may_read(&NEWCOMER.id));
}

#[test]
fn a_charter_that_names_somebody_who_left_meanwhile_is_not_signed() {
    let mut world = World::founded();
    let trustees: Vec<Who> = TRUSTEES[..6].iter().copied().chain([MEMBER]).collect();
    let proposal = amend(&mut world, amended(&trustees), &[], &TRUSTEES[1..4]);
    world.ok(MEMBER, leave());
    assert_eq!(world.no(TRUSTEES[4], world.sign(proposal)), Refusal::CharterNamesStranger);
    assert_eq!(version_in_force(&world), 1);
}

#[test]
fn a_charter_whose_newcomer_left_meanwhile_is_not_signed() {
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Trustee]);
    let trustees: Vec<Who> = TRUSTEES[..6].iter().copied().chain([NEWCOMER]).collect();
    let roll = [(NEWCOMER, vec![Role::Trustee])];
    let proposal = amend(&mut world, amended(&trustees), &roll, &TRUSTEES[1..4]);
    world.ok(NEWCOMER, leave());
    assert_eq!(world.no(TRUSTEES[4], world.sign(proposal)), Refusal::AdmissionMismatch);
}

#[test]
fn two_groups_must_both_amend() {
    let mut world = World::two_groups();
    let charter = v1::Charter { version: 2, ..two_group_charter() };
    let proposal = amend(&mut world, charter, &[], &BOARD[1..]);
    assert_eq!(version_in_force(&world), 1, "all of the board");
    world.ok(TECHNICAL[0], world.sign(proposal));
    assert_eq!(version_in_force(&world), 1, "and one of the technical committee");
    world.ok(TECHNICAL[2], world.sign(proposal));
    assert_eq!(version_in_force(&world), 2);
}

#[test]
fn the_admission_quorum_admits_members() {
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Member]);
    let proposal = world.ok(FOUNDER, world.admit(NEWCOMER, &[Role::Member]));
    assert!(world.state().roles(&NEWCOMER.id).is_empty());
    assert_eq!(world.no(MEMBER, world.sign(proposal)), Refusal::NotConcerned);
    assert_eq!(world.no(MEDIATOR, world.sign(proposal)), Refusal::NotConcerned);
    assert_eq!(world.no(FOUNDER, world.sign(proposal)), Refusal::AlreadySigned);
    world.ok(TRUSTEES[4], world.sign(proposal));
    assert_eq!(world.state().roles(&NEWCOMER.id), [Role::Member].into());
    let standing = Effect::Standing { person: NEWCOMER.id, reads: true, roles: [Role::Member].into() };
    assert_eq!(world.effects, [standing]);
    assert_eq!(version_in_force(&world), 1, "an admission amends nothing");
}

#[test]
fn an_admission_repeats_what_was_signed_when_joining() {
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Member]);
    let honest = world.admission(NEWCOMER, &[Role::Member]);
    let changes: [fn(&mut v1::Admission); 4] = [
        |a| a.keys.as_mut().unwrap().recipient = Some(recipient("the technician's own")),
        |a| a.join_index -= 1,
        |a| a.join_leaf = blob("another"),
        |a| a.keys = Some(OUTSIDER.keys.into()),
    ];
    for change in changes {
        let mut admission = honest.clone();
        change(&mut admission);
        let act = Act::ProposeAdmission(v1::ProposeAdmission { admission: Some(admission) });
        assert_eq!(world.no(FOUNDER, act), Refusal::AdmissionMismatch);
    }
    assert_eq!(world.no(FOUNDER, world.admit(MEMBER, &[Role::Member])), Refusal::AdmissionMismatch);
    assert_eq!(world.no(MEMBER, world.admit(NEWCOMER, &[Role::Member])), Refusal::MayNotInvite);
}

#[test]
fn offices_come_with_a_charter_only() {
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Trustee]);
    for roles in [&[Role::Trustee][..], &[Role::Member]] {
        assert_eq!(world.no(FOUNDER, world.admit(NEWCOMER, roles)), Refusal::AdmissionMismatch);
    }
}

#[test]
fn somebody_is_admitted_once() {
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Member]);
    let first = world.ok(FOUNDER, world.admit(NEWCOMER, &[Role::Member]));
    let second = world.ok(TRUSTEES[1], world.admit(NEWCOMER, &[Role::Member]));
    world.ok(TRUSTEES[2], world.sign(first));
    assert_eq!(world.no(TRUSTEES[2], world.sign(second)), Refusal::AdmissionMismatch);
}

#[test]
fn the_admission_quorum_removes_members() {
    let mut world = World::founded();
    world.let_deposit(FOUNDER, 1);
    let lease = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    assert_eq!(world.no(MEMBER, remove(OTHER_MEMBER)), Refusal::MayNotInvite);
    for office in [TRUSTEES[5], MEDIATOR, TECHNICIAN, OUTSIDER] {
        assert_eq!(world.no(FOUNDER, remove(office)), Refusal::NotRemovable);
    }
    let proposal = world.ok(FOUNDER, remove(MEMBER));
    assert_eq!(world.no(MEMBER, world.sign(proposal)), Refusal::NotConcerned);
    assert!(world.state().may_read(&MEMBER.id), "one trustee alone removes nobody");
    world.ok(TRUSTEES[3], world.sign(proposal));
    assert!(!world.state().may_read(&MEMBER.id));
    assert!(matches!(world.state().request(lease).unwrap().stage, Stage::Ended { how: End::RequesterLeft, .. }));
    let due = world.state().credential(&credential(1)).unwrap().due(1).unwrap();
    assert_eq!((due.urgency, due.cause), (Urgency::Now, DueCause::Left(MEMBER.id)));
    assert_eq!(world.no(MEMBER, leave()), Refusal::Stranger);
}

#[test]
fn a_candidate_whom_nobody_wants_is_removed() {
    // Somebody else used the invitation: they must not read on for ever.
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Trustee]);
    let proposal = world.ok(FOUNDER, remove(NEWCOMER));
    world.ok(TRUSTEES[3], world.sign(proposal));
    assert!(!world.state().may_read(&NEWCOMER.id));
}

#[test]
fn a_removal_does_not_outlive_the_membership_that_it_meant() {
    let mut world = World::founded();
    let removal = world.ok(FOUNDER, remove(MEMBER));
    world.ok(MEMBER, leave());
    assert_eq!(world.no(TRUSTEES[1], world.sign(removal)), Refusal::NotRemovable);
    let secret = token("again");
    let expires = world.now.after(Seconds::DAY);
    world.ok(FOUNDER, invite(&secret, &[Role::Member], expires));
    let mut act = join_of(MEMBER, &secret, &[Role::Member]);
    act.device = Some(public_key("new device").into());
    world.ok(MEMBER, Act::Join(act));
    let admission = world.ok(FOUNDER, world.admit(MEMBER, &[Role::Member]));
    world.ok(TRUSTEES[1], world.sign(admission));
    assert_eq!(world.no(TRUSTEES[1], world.sign(removal)), Refusal::NotRemovable);
    assert!(world.state().may_read(&MEMBER.id));
}

#[test]
fn mediator_and_trustee_exclude_each_other_in_amendments_too() {
    let mut world = World::founded();
    let mut charter = amended(&TRUSTEES);
    charter.mediators = ids(&[TRUSTEES[3]]);
    let act = world.charter_proposal(charter, &[]);
    let refusal = world.no(FOUNDER, act);
    assert_eq!(refusal, Refusal::Charter(sequestre::escrow::charter::BadCharter::MediatorIsTrustee));
}

#[test]
fn witnesses_are_trustees_and_mediators_who_are_not_technicians() {
    let mut charter = standard_charter();
    charter.technicians = ids(&[TECHNICIAN, TRUSTEES[0]]);
    let charter = sequestre::escrow::charter::Charter::parse(charter).unwrap();
    let expected = TRUSTEES[1..].iter().chain([&MEDIATOR]).map(|who| who.id).collect();
    assert_eq!(charter.witnesses(), expected);
}

#[test]
fn each_charter_has_its_own_code() {
    let code = |charter: v1::Charter| sequestre::escrow::charter::Charter::parse(charter).unwrap().code().clone();
    assert_eq!(code(standard_charter()), code(standard_charter()));
    assert_ne!(code(standard_charter()), code(amended(&TRUSTEES)));
}
