//! Shares confirmed again, accounts tried by somebody else, copies restored: who may say so, when, and what it leaves.

use sequestre::escrow::act::ShareVerdict;
use sequestre::escrow::drill::{CONFIRM_WITHIN, Checked, DRILL_REST, Drill, RestoreDrill, Tested};
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::part::{PartId, PartKind};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;
use v1::ShareVerdict::{DoesNotOpen, Good};

use crate::world::*;

const BOTH: [PartKind; 2] = [PartKind::Password, PartKind::TotpSecret];

/// An account with a password and a TOTP secret, deposited by a member.
fn with_account() -> (World, PartId, PartId) {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &BOTH);
    world.ok(MEMBER, Act::Deposit(deposit));
    (world, part(1, 1, PartKind::Password), part(1, 1, PartKind::TotpSecret))
}

#[test]
fn trustees_and_mediators_start_drills_and_nobody_else() {
    let mut world = World::founded();
    for who in [MEMBER, TECHNICIAN] {
        assert_eq!(world.no(who, start_drill()), Refusal::MayNotDrill);
    }
    assert_eq!(world.no(OUTSIDER, start_drill()), Refusal::Stranger);
    let index = world.ok(MEDIATOR, start_drill());
    assert_eq!(world.state().drill(), Some(&Drill { index, time: world.now, by: MEDIATOR.id }));
    let mut founding = World::begin();
    assert_eq!(founding.no(FOUNDER, start_drill()), Refusal::NotAdmitted);
}

#[test]
fn drills_have_seven_days_between_them() {
    let mut world = World::founded();
    world.ok(TRUSTEES[1], start_drill());
    let from = world.now.after(DRILL_REST);
    world.wait(Seconds(DRILL_REST.0 - 1));
    assert_eq!(world.no(TRUSTEES[2], start_drill()), Refusal::DrillRest { from });
    world.wait(Seconds(1));
    let index = world.ok(TRUSTEES[2], start_drill());
    assert_eq!(world.state().drill().unwrap().index, index);
}

#[test]
fn a_drill_asks_everybody_for_the_shares_of_current_versions() {
    let (mut world, password, totp) = with_account();
    assert_eq!(world.state().to_confirm(&FOUNDER.id), [password, totp]);
    assert_eq!(world.state().to_confirm(&MEMBER.id), []);
    world.ok(FOUNDER, confirm(&[(password, Good), (totp, Good)]));
    assert_eq!(world.state().to_confirm(&FOUNDER.id), []);
    // The second version takes the TOTP secret over and has a new password.
    let next = world.next_version(1, &[PartKind::Password], &[PartKind::TotpSecret]);
    world.ok(MEMBER, Act::Deposit(next));
    let renewed = part(1, 2, PartKind::Password);
    assert_eq!(world.state().to_confirm(&FOUNDER.id), [renewed]);
    world.ok(MEDIATOR, start_drill());
    assert_eq!(world.state().to_confirm(&FOUNDER.id), [totp, renewed], "not the password of before");
    world.ok(FOUNDER, confirm(&[(totp, Good), (renewed, Good)]));
    assert_eq!(world.state().to_confirm(&FOUNDER.id), []);
}

#[test]
fn the_same_verdict_again_answers_a_drill_once() {
    let (mut world, password, totp) = with_account();
    world.ok(FOUNDER, confirm(&[(password, Good)]));
    assert_eq!(world.no(FOUNDER, confirm(&[(password, Good)])), Refusal::AlreadyConfirmed);
    world.wait(Seconds::DAY);
    world.ok(MEDIATOR, start_drill());
    let index = world.ok(FOUNDER, confirm(&[(password, Good), (totp, Good)]));
    let checked = Checked { verdict: ShareVerdict::Good, index, time: world.now };
    assert_eq!(world.state().part(&password).unwrap().verdicts[&FOUNDER.id], checked);
    assert_eq!(world.no(FOUNDER, confirm(&[(password, Good)])), Refusal::AlreadyConfirmed);
    // Another verdict says something new, asked for or not.
    world.ok(FOUNDER, confirm(&[(password, DoesNotOpen)]));
}

#[test]
fn a_drill_cannot_be_answered_before_it_began() {
    let (mut world, password, _) = with_account();
    world.ok(FOUNDER, confirm(&[(password, Good)]));
    let prepared = world.signed(FOUNDER, confirm(&[(password, Good)]));
    world.ok(MEDIATOR, start_drill());
    assert_eq!(world.offer(prepared), Err(Refusal::StaleBase));
    world.ok(FOUNDER, confirm(&[(password, Good)]));
    // Neither by a first verdict, nor by another one.
    let (mut world, password, _) = with_account();
    let first = world.signed(FOUNDER, confirm(&[(password, Good)]));
    world.ok(TRUSTEES[1], confirm(&[(password, Good)]));
    let other = world.signed(TRUSTEES[1], confirm(&[(password, DoesNotOpen)]));
    world.ok(MEDIATOR, start_drill());
    for prepared in [first, other] {
        assert_eq!(world.offer(prepared), Err(Refusal::StaleBase));
    }
}

#[test]
fn answers_to_a_drill_are_free_and_second_thoughts_are_not() {
    let mut world = World::founded();
    world.let_limit();
    world.let_deposit(MEMBER, 1);
    let password = part(1, 1, PartKind::Password);
    let who = TRUSTEES[6];
    world.ok(who, confirm(&[(password, Good)]));
    world.ok(MEDIATOR, start_drill());
    world.ok(who, confirm(&[(password, Good)]));
    for n in 0..9 {
        world.ok(who, enrol(who, public_key(&format!("device {n}"))));
    }
    world.ok(who, confirm(&[(password, DoesNotOpen)]));
    assert_eq!(world.no(who, confirm(&[(password, Good)])), Refusal::RateLimit);
}

#[test]
fn a_requester_says_whether_the_access_works() {
    let (mut world, password, totp) = with_account();
    let request = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[..2]);
    assert_eq!(world.no(OTHER_MEMBER, confirm_access(request, true)), Refusal::NothingToTest, "not fetched");
    world.daemon(DaemonAct::Collected(request)).unwrap();
    assert_eq!(world.no(MEMBER, confirm_access(request, true)), Refusal::NotYours);
    assert_eq!(world.no(OTHER_MEMBER, confirm_access(request + 1, true)), Refusal::RequestUnknown);
    let first = world.ok(OTHER_MEMBER, confirm_access(request, false));
    let tested = |index, works| Some(Tested { person: OTHER_MEMBER.id, index, time: START, works });
    let at = |world: &World, part: &PartId| {
        world.state().part(part).unwrap().tested.map(|tested| Tested { time: START, ..tested })
    };
    assert_eq!((at(&world, &password), at(&world, &totp)), (tested(first, false), tested(first, false)));
    world.ok(OTHER_MEMBER, give_back(request));
    world.wait(CONFIRM_WITHIN);
    let second = world.ok(OTHER_MEMBER, confirm_access(request, true));
    assert_eq!(at(&world, &password), tested(second, true), "the newest counts");
    world.wait(Seconds(1));
    assert_eq!(world.no(OTHER_MEMBER, confirm_access(request, true)), Refusal::NothingToTest);
}

#[test]
fn only_the_parts_that_were_opened_are_tested() {
    let (mut world, password, totp) = with_account();
    let mut asked = world.request_of(OTHER_MEMBER, 1);
    asked.parts.truncate(1);
    let request = world.ok(OTHER_MEMBER, Act::Request(asked));
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, request));
    }
    world.daemon(DaemonAct::Collected(request)).unwrap();
    world.ok(OTHER_MEMBER, confirm_access(request, true));
    assert!(world.state().part(&password).unwrap().tested.is_some());
    assert_eq!(world.state().part(&totp).unwrap().tested, None);
    // A new password is a new secret, which nobody tried.
    let next = world.next_version(1, &[PartKind::Password], &[PartKind::TotpSecret]);
    world.ok(MEMBER, Act::Deposit(next));
    assert_eq!(world.state().part(&part(1, 2, PartKind::Password)).unwrap().tested, None);
}

#[test]
fn whoever_sealed_a_part_does_not_test_it() {
    let (mut world, ..) = with_account();
    let own = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.daemon(DaemonAct::Collected(own)).unwrap();
    assert_eq!(world.no(MEMBER, confirm_access(own, true)), Refusal::OwnDeposit);
    // Nor where it is only carried over by somebody else's deposit.
    let next = world.next_version(1, &[PartKind::Password], &[PartKind::TotpSecret]);
    world.ok(OTHER_MEMBER, Act::Deposit(next));
    world.ok(MEMBER, give_back(own));
    let carried = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.daemon(DaemonAct::Collected(carried)).unwrap();
    assert_eq!(world.no(MEMBER, confirm_access(carried, true)), Refusal::OwnDeposit);
}

#[test]
fn what_was_never_fetched_was_never_tried() {
    let (mut world, ..) = with_account();
    let forgotten = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[..2]);
    world.wait(Seconds(72 * 3_600));
    world.timers();
    assert_eq!(world.no(OTHER_MEMBER, confirm_access(forgotten, true)), Refusal::NothingToTest, "it runs, unfetched");
    world.wait(Seconds::HOUR);
    world.timers();
    assert_eq!(world.no(OTHER_MEMBER, confirm_access(forgotten, true)), Refusal::NothingToTest);
    let withdrawn = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[..2]);
    world.ok(OTHER_MEMBER, give_back(withdrawn));
    assert_eq!(world.no(OTHER_MEMBER, confirm_access(withdrawn, true)), Refusal::NothingToTest);
}

#[test]
fn an_access_whose_end_was_not_recorded_is_over_all_the_same() {
    let (mut world, ..) = with_account();
    let request = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[..2]);
    world.daemon(DaemonAct::Collected(request)).unwrap();
    world.wait(Seconds(Seconds::HOUR.0 + CONFIRM_WITHIN.0));
    world.ok(OTHER_MEMBER, confirm_access(request, true));
    world.wait(Seconds(1));
    assert_eq!(world.no(OTHER_MEMBER, confirm_access(request, true)), Refusal::NothingToTest);
}

#[test]
fn officers_record_what_a_restored_copy_came_to() {
    let mut world = World::founded();
    let (tree, result) = (world.head(), world.record_drill(true));
    assert_eq!(world.no(MEMBER, result.clone()), Refusal::MayNotDrill);
    let index = world.ok(TECHNICIAN, result);
    let found = *world.state().restore_drill().unwrap();
    let (person, time, took) = (TECHNICIAN.id, world.now, Seconds(840));
    assert_eq!(found, RestoreDrill { person, index, time, tree, took, blobs: 31, works: true });
    for who in [MEDIATOR, TRUSTEES[3]] {
        let failed = world.record_drill(false);
        let index = world.ok(who, failed);
        let found = world.state().restore_drill().unwrap();
        assert_eq!((found.index, found.works), (index, false), "the newest counts");
    }
}

#[test]
fn the_tree_of_a_restore_drill_is_the_one_it_is_signed_on() {
    let mut world = World::founded();
    let earlier = world.head_at(3);
    // A copy that was a few entries behind when it was restored: signed on what it held.
    let mut command = world.draft(Act::RecordDrill(v1::RecordDrill { tree: Some(earlier.into()), ..result() }));
    assert_eq!(world.submit_draft(TRUSTEES[0], &command), Err(Refusal::DrillTree));
    command.base = Some(earlier.into());
    world.submit_draft(TRUSTEES[0], &command).unwrap();
    // A tree of another log does not pass for one of this.
    let foreign = v1::TreeHead { size: 3, root: blob("another log") };
    let mut command = world.draft(Act::RecordDrill(v1::RecordDrill { tree: Some(foreign.clone()), ..result() }));
    command.base = Some(foreign);
    assert_eq!(world.submit_draft(TRUSTEES[0], &command), Err(Refusal::ForeignBase));
}

fn result() -> v1::RecordDrill {
    v1::RecordDrill { tree: None, seconds: 60, blobs: 2, works: true }
}

#[test]
fn somebody_who_lost_their_office_records_no_drill() {
    let mut world = World::founded();
    let charter = v1::Charter { version: 2, technicians: Vec::new(), ..standard_charter() };
    world.let_amend(charter);
    let result = world.record_drill(true);
    assert_eq!(world.no(TECHNICIAN, result), Refusal::Stranger);
    world.let_join(NEWCOMER, &[Role::Member]);
    let result = world.record_drill(true);
    assert_eq!(world.no(NEWCOMER, result), Refusal::NotAdmitted);
}
