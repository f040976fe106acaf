//! A requester says that a share they received is bad: who may, about what, and that it decides nothing.

use sequestre::escrow::act::ShareVerdict;
use sequestre::escrow::claim::{Answer, Claimed};
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::part::PartKind::{Notes, Password, TotpSecret};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::time::Seconds;
use v1::ShareVerdict::{DoesNotMatch, DoesNotOpen, Good};

use crate::world::*;

/// An account with two parts, and a member's access to both that two trustees agreed to.
fn with_access() -> (World, u64) {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &[Password, TotpSecret]);
    world.ok(MEMBER, Act::Deposit(deposit));
    let request = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[..2]);
    world.daemon(DaemonAct::Collected(request)).unwrap();
    (world, request)
}

#[test]
fn a_claim_stands_with_the_request_and_decides_nothing() {
    let (mut world, request) = with_access();
    let before = format!("{:?}", world.state().request(request).unwrap().stage);
    let index = world.ok(OTHER_MEMBER, claim(request, TRUSTEES[1], &[Password], DoesNotMatch));
    let found = world.state().request(request).unwrap();
    let expected = Claimed { index, time: world.now, kinds: [Password].into(), verdict: ShareVerdict::DoesNotMatch };
    assert_eq!(found.claims, [(TRUSTEES[1].id, expected)].into());
    assert_eq!((format!("{:?}", found.stage), found.approvals.len()), (before, 2));
    let account = world.state().credential(&credential(1)).unwrap();
    assert_eq!(account.due(1), None);
    // The accused goes on as before.
    let next = world.let_request(MEMBER, 1);
    world.ok(TRUSTEES[1], world.approve(TRUSTEES[1], next));
}

#[test]
fn only_the_requester_accuses_and_only_who_approved() {
    let (mut world, request) = with_access();
    for who in [MEMBER, TRUSTEES[0], MEDIATOR] {
        assert_eq!(world.no(who, claim(request, TRUSTEES[1], &[Password], DoesNotOpen)), Refusal::NotYours);
    }
    let unknown = claim(request + 1, TRUSTEES[1], &[Password], DoesNotOpen);
    assert_eq!(world.no(OTHER_MEMBER, unknown), Refusal::RequestUnknown);
    for accused in [TRUSTEES[2], OUTSIDER, OTHER_MEMBER] {
        let refusal = world.no(OTHER_MEMBER, claim(request, accused, &[Password], DoesNotOpen));
        assert_eq!(refusal, Refusal::ClaimShape);
    }
    assert_eq!(world.no(OTHER_MEMBER, claim(request, TRUSTEES[1], &[Notes], DoesNotOpen)), Refusal::ClaimShape);
    let partly = claim(request, TRUSTEES[1], &[Password, Notes], DoesNotOpen);
    assert_eq!(world.no(OTHER_MEMBER, partly), Refusal::ClaimShape);
}

#[test]
fn each_approver_of_a_request_is_accused_once() {
    let (mut world, request) = with_access();
    world.ok(OTHER_MEMBER, claim(request, TRUSTEES[0], &[Password], DoesNotOpen));
    let again = claim(request, TRUSTEES[0], &[TotpSecret], DoesNotOpen);
    assert_eq!(world.no(OTHER_MEMBER, again), Refusal::AlreadyClaimed);
    world.ok(OTHER_MEMBER, claim(request, TRUSTEES[1], &[Password, TotpSecret], DoesNotMatch));
    // Also after the access is over: the shares were bad all the same.
    world.ok(OTHER_MEMBER, give_back(request));
    let other = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[..2]);
    world.daemon(DaemonAct::Collected(other)).unwrap();
    world.ok(OTHER_MEMBER, give_back(other));
    world.ok(OTHER_MEMBER, claim(other, TRUSTEES[0], &[TotpSecret], DoesNotOpen));
    // But not for ever.
    world.now = world.now.after(Seconds(7 * 86_400 + 1));
    let late = claim(other, TRUSTEES[1], &[TotpSecret], DoesNotOpen);
    assert_eq!(world.no(OTHER_MEMBER, late), Refusal::NothingToTest);
}

#[test]
fn nobody_is_accused_of_what_was_never_fetched() {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &[Password]);
    world.ok(MEMBER, Act::Deposit(deposit));
    let request = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[..2]);
    let accusation = || claim(request, TRUSTEES[1], &[Password], DoesNotOpen);
    assert_eq!(world.no(OTHER_MEMBER, accusation()), Refusal::NothingToTest);
    world.ok(OTHER_MEMBER, give_back(request));
    assert_eq!(world.no(OTHER_MEMBER, accusation()), Refusal::NothingToTest);
}

#[test]
fn an_approver_without_a_share_of_the_part_cannot_have_sent_a_bad_one() {
    // A part that was carried over was dealt to fewer people than the new password.
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &[Password, TotpSecret]);
    world.ok(MEMBER, Act::Deposit(deposit));
    let trustees: Vec<Who> = TRUSTEES.into_iter().chain([NEWCOMER]).collect();
    let of_all = |name, k| quorum(name, vec![group(k, &trustees)]);
    let destroy = quorum("destroy", vec![group(5, &TRUSTEES)]);
    let quorums =
        vec![quorum("amend", vec![group(5, &TRUSTEES)]), destroy, of_all("everyday", 2), of_all("vital", 4)];
    let charter = v1::Charter { version: 2, trustees: ids(&trustees), quorums, ..standard_charter() };
    world.let_join(NEWCOMER, &[sequestre::escrow::role::Role::Trustee]);
    let newcomer = (NEWCOMER, vec![sequestre::escrow::role::Role::Trustee]);
    let proposal = world.propose_charter(charter, &[newcomer]);
    world.ok(NEWCOMER, world.sign(proposal));
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    let next = world.next_version(1, &[Password], &[TotpSecret]);
    world.ok(MEMBER, Act::Deposit(next));
    let request = world.let_request(OTHER_MEMBER, 1);
    for who in [NEWCOMER, TRUSTEES[0], TRUSTEES[1]] {
        world.ok(who, world.approve(who, request));
    }
    world.daemon(DaemonAct::Collected(request)).unwrap();
    let totp = claim(request, NEWCOMER, &[TotpSecret], DoesNotOpen);
    assert_eq!(world.no(OTHER_MEMBER, totp), Refusal::ClaimShape);
    world.ok(OTHER_MEMBER, claim(request, NEWCOMER, &[Password], DoesNotOpen));
}

#[test]
fn the_accused_answers_by_looking_again() {
    let (mut world, request) = with_access();
    let (password, totp) = (part(1, 1, Password), part(1, 1, TotpSecret));
    let accused = TRUSTEES[1];
    let answer = |world: &World| {
        let request = world.state().request(request).unwrap();
        world.state().claim_answer(request, &accused.id)
    };
    world.ok(accused, confirm(&[(password, Good), (totp, Good)]));
    assert_eq!(world.no(accused, confirm(&[(password, Good)])), Refusal::AlreadyConfirmed);
    let prepared = world.signed(accused, confirm(&[(password, Good)]));
    assert_eq!(world.state().to_confirm(&accused.id), []);
    world.ok(OTHER_MEMBER, claim(request, accused, &[Password, TotpSecret], DoesNotMatch));
    assert_eq!(world.state().to_confirm(&accused.id), [password, totp]);
    assert_eq!(world.offer(prepared), Err(Refusal::StaleBase), "signed before the claim");
    assert_eq!(answer(&world), None);
    world.ok(accused, confirm(&[(password, Good)]));
    assert_eq!((answer(&world), world.state().to_confirm(&accused.id)), (None, vec![totp]));
    world.ok(accused, confirm(&[(totp, Good)]));
    assert_eq!((answer(&world), world.state().to_confirm(&accused.id)), (Some(Answer::Good), vec![]));
    assert_eq!(world.no(accused, confirm(&[(totp, Good)])), Refusal::AlreadyConfirmed);
    world.ok(accused, confirm(&[(totp, DoesNotOpen)]));
    assert_eq!(answer(&world), Some(Answer::Bad));
    // Nobody else was asked.
    assert_eq!(world.no(TRUSTEES[0], claim(request, accused, &[Password], DoesNotOpen)), Refusal::NotYours);
    world.ok(TRUSTEES[0], confirm(&[(password, Good)]));
    assert_eq!(world.no(TRUSTEES[0], confirm(&[(password, Good)])), Refusal::AlreadyConfirmed);
}

#[test]
fn without_a_claim_there_is_no_answer() {
    let (mut world, request) = with_access();
    world.ok(TRUSTEES[1], confirm(&[(part(1, 1, Password), Good)]));
    let request = world.state().request(request).unwrap();
    assert_eq!(world.state().claim_answer(request, &TRUSTEES[1].id), None);
}
