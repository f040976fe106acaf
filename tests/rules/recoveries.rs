//! What trustees answered without the server, entered afterwards: counted like any released share.

use sequestre::escrow::credential::{Due, DueCause, Exposure, Urgency};
use sequestre::escrow::id::{Digest, PersonId};
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::part::{PartId, PartKind};
use sequestre::escrow::recovery::{ANSWERS_PER_DAY, RecoveryId, ReleasedTo};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::time::Seconds;

use crate::world::*;

const BOTH: [PartKind; 2] = [PartKind::Password, PartKind::TotpSecret];

/// An account of vault `bank`, which only `vital`, 4 of 7, opens.
fn bank() -> (World, PartId, PartId) {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "bank", &BOTH);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    (world, part(1, 1, PartKind::Password), part(1, 1, PartKind::TotpSecret))
}

fn id(name: &str, starter: Who) -> RecoveryId {
    RecoveryId { request: Digest::new(fake(name)), starter: starter.id }
}

fn due(world: &World) -> Option<Due> {
    world.state().credential(&credential(1)).unwrap().due(1)
}

/// Who came to know which parts, through which entry.
fn exposures(world: &World) -> Vec<(u64, PersonId, Vec<PartKind>)> {
    let account = world.state().credential(&credential(1)).unwrap();
    let row = |e: &Exposure| (e.source, e.person, e.parts.iter().copied().collect());
    account.exposures(1).iter().map(row).collect()
}

#[test]
fn with_the_starters_own_share_the_answers_of_a_quorum_open_the_part_at_once() {
    let (mut world, password, totp) = bank();
    let starter = TRUSTEES[0];
    world.ok(TRUSTEES[1], answer("fire", starter, &[password, totp]));
    world.ok(TRUSTEES[2], answer("fire", starter, &[password]));
    assert_eq!((due(&world), exposures(&world)), (None, vec![]), "three of four");
    world.wait(Seconds::DAY);
    let last = world.ok(TRUSTEES[3], answer("fire", starter, &[password, totp]));
    let expected = Due { urgency: Urgency::Now, since: world.now, cause: DueCause::Recovered(last) };
    assert_eq!(due(&world), Some(expected));
    assert_eq!(exposures(&world), [(last, starter.id, vec![PartKind::Password])]);
    // The fifth answer opens nothing more; the third about the other part does.
    world.ok(TRUSTEES[4], answer("fire", starter, &[password]));
    let other = world.ok(TRUSTEES[5], answer("fire", starter, &[totp]));
    let known = [(last, starter.id, vec![PartKind::Password]), (other, starter.id, vec![PartKind::TotpSecret])];
    assert_eq!(exposures(&world), known);
    let released = &world.state().part(&password).unwrap().released;
    let people = [0, 1, 2, 3, 4].map(|n: usize| TRUSTEES[n].id).into();
    assert_eq!(*released, [(ReleasedTo::Recovery(id("fire", starter)), people)].into());
    assert_eq!(world.state().part(&password).unwrap().released_to_anybody().len(), 5);
}

#[test]
fn somebody_without_a_share_starts_a_recovery_too() {
    let (mut world, password, _) = bank();
    for who in &TRUSTEES[..3] {
        world.ok(*who, answer("fire", MEMBER, &[password]));
    }
    assert_eq!(due(&world), None, "three of four: the member has none");
    let last = world.ok(TRUSTEES[3], answer("fire", MEMBER, &[password]));
    assert_eq!(exposures(&world), [(last, MEMBER.id, vec![PartKind::Password])]);
}

#[test]
fn in_two_groups_each_group_must_have_answered() {
    let mut world = World::two_groups();
    world.let_deposit(MEMBER, 1);
    let password = part(1, 1, PartKind::Password);
    world.ok(BOARD[1], answer("fire", BOARD[0], &[password]));
    world.ok(TECHNICAL[0], answer("fire", BOARD[0], &[password]));
    assert_eq!(due(&world), None);
    let last = world.ok(TECHNICAL[1], answer("fire", BOARD[0], &[password]));
    assert_eq!(due(&world).unwrap().cause, DueCause::Recovered(last));
}

#[test]
fn answers_are_entered_by_whoever_holds_a_share_for_somebody_else() {
    let (mut world, password, _) = bank();
    let one = [password];
    assert_eq!(world.no(TRUSTEES[0], answer("fire", TRUSTEES[0], &one)), Refusal::OwnAnswer);
    assert_eq!(world.no(TRUSTEES[0], answer("fire", OUTSIDER, &one)), Refusal::StarterUnknown);
    for who in [MEMBER, MEDIATOR] {
        assert_eq!(world.no(who, answer("fire", TRUSTEES[0], &one)), Refusal::NoShare);
    }
    assert_eq!(world.no(OUTSIDER, answer("fire", TRUSTEES[0], &one)), Refusal::Stranger);
    let unknown = [password, part(1, 1, PartKind::Notes)];
    assert_eq!(world.no(TRUSTEES[1], answer("fire", TRUSTEES[0], &unknown)), Refusal::PartUnknown);
    let elsewhere = [part(9, 1, PartKind::Password)];
    assert_eq!(world.no(TRUSTEES[1], answer("fire", TRUSTEES[0], &elsewhere)), Refusal::PartUnknown);
    assert!(world.state().recoveries().is_empty());
}

#[test]
fn whoever_started_it_may_have_left_since() {
    let (mut world, password, _) = bank();
    world.ok(MEMBER, leave());
    for who in &TRUSTEES[..4] {
        world.ok(*who, answer("fire", MEMBER, &[password]));
    }
    assert_eq!(due(&world).unwrap().urgency, Urgency::Now);
}

#[test]
fn a_further_answer_adds_parts_and_repeats_none() {
    let (mut world, password, totp) = bank();
    let (who, starter) = (TRUSTEES[1], TRUSTEES[0]);
    let first = world.ok(who, answer("fire", starter, &[password]));
    assert_eq!(world.no(who, answer("fire", starter, &[password])), Refusal::AlreadyAnswered);
    assert_eq!(world.no(who, answer("fire", starter, &[password, totp])), Refusal::AlreadyAnswered);
    let second = world.ok(who, answer("fire", starter, &[totp]));
    let recovery = &world.state().recoveries()[&id("fire", starter)];
    assert_eq!(recovery.answers.keys().copied().collect::<Vec<_>>(), [first, second]);
    assert_eq!((recovery.answers[&second].person, &recovery.answers[&second].parts), (who.id, &vec![totp]));
    assert_eq!(world.state().recovery_at(first).map(|(id, _)| *id), Some(id("fire", starter)));
    assert!(world.state().recovery_at(first - 1).is_none());
    // Another recovery is another matter.
    world.ok(who, answer("flood", starter, &[password]));
}

#[test]
fn nobody_spoils_a_recovery_by_naming_another_starter_first() {
    let (mut world, password, _) = bank();
    world.ok(TRUSTEES[6], answer("fire", TRUSTEES[5], &[password]));
    for who in &TRUSTEES[1..4] {
        world.ok(*who, answer("fire", TRUSTEES[0], &[password]));
    }
    assert_eq!(exposures(&world).last().map(|(_, person, _)| *person), Some(TRUSTEES[0].id));
}

#[test]
fn an_answer_was_given_when_there_was_no_server() {
    let (mut world, password, _) = bank();
    // Signed today, entered in a month, when the charter and the account are no longer the same.
    let early = world.signed(TRUSTEES[1], answer("fire", TRUSTEES[0], &[password]));
    let next = world.deposit_of(1, 2, "bank", &BOTH);
    world.ok(OTHER_MEMBER, Act::Deposit(next));
    let proposal = world.propose_charter(v1::Charter { version: 2, ..standard_charter() }, &[]);
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    world.wait(Seconds(30 * 86_400));
    world.offer(early).unwrap();
    // But not on another log, nor on none.
    let mut command = world.draft(answer("fire", TRUSTEES[0], &[password]));
    for base in [TreeHead::EMPTY, TreeHead { size: 3, root: Digest::new(fake("another log")) }] {
        command.base = Some(base.into());
        assert_eq!(world.submit_draft(TRUSTEES[2], &command), Err(Refusal::ForeignBase));
    }
}

#[test]
fn what_was_recovered_of_an_earlier_version_makes_the_current_one_due_only_where_it_is_the_same() {
    let (mut world, password, totp) = bank();
    // A new password; the TOTP secret stays.
    let next = v1::Deposit { vault: "bank".to_owned(), ..world.deposit_of(1, 2, "bank", &BOTH[..1]) };
    let carried = vec![v1::CarriedPart { kind: PartKind::TotpSecret as i32, version: 1 }];
    world.ok(OTHER_MEMBER, Act::Deposit(v1::Deposit { carried, ..next }));
    let due = |world: &World| world.state().credential(&credential(1)).unwrap().due(2);
    for who in &TRUSTEES[1..4] {
        world.ok(*who, answer("fire", TRUSTEES[0], &[password]));
    }
    assert_eq!(due(&world), None);
    for who in &TRUSTEES[1..4] {
        world.ok(*who, answer("fire", TRUSTEES[0], &[totp]));
    }
    assert_eq!(due(&world).unwrap().urgency, Urgency::Now);
}

#[test]
fn unfinished_recoveries_and_failed_requests_add_up() {
    let (mut world, password, _) = bank();
    let mut asked = world.request_of(TRUSTEES[0], 1);
    asked.parts.truncate(1);
    let request = world.ok(TRUSTEES[0], Act::Request(asked));
    world.ok(TRUSTEES[1], world.approve(TRUSTEES[1], request));
    assert_eq!(due(&world), None, "two of four");
    let recovery = world.ok(TRUSTEES[3], answer("fire", TRUSTEES[2], &[password]));
    let expected = Due { urgency: Urgency::Now, since: world.now, cause: DueCause::SharesAddUp(request) };
    assert_eq!(due(&world), Some(expected), "with the starter's own, four of four");
    let both =
        [(request, TRUSTEES[0].id, vec![PartKind::Password]), (recovery, TRUSTEES[2].id, vec![PartKind::Password])];
    assert_eq!(exposures(&world), both);
    // A further answer to the same recovery is no further exposure, until the recovery has enough by itself.
    world.ok(TRUSTEES[4], answer("fire", TRUSTEES[2], &[password]));
    assert_eq!(exposures(&world), both);
    let enough = world.ok(TRUSTEES[5], answer("fire", TRUSTEES[2], &[password]));
    assert_eq!(exposures(&world).last(), Some(&(enough, TRUSTEES[2].id, vec![PartKind::Password])));
}

#[test]
fn two_unfinished_recoveries_add_up() {
    let (mut world, password, totp) = bank();
    let first = world.ok(TRUSTEES[1], answer("fire", TRUSTEES[0], &[password, totp]));
    let second = world.ok(TRUSTEES[3], answer("flood", TRUSTEES[2], &[password]));
    assert_eq!(due(&world).unwrap().cause, DueCause::SharesAddUp(first));
    let password = vec![PartKind::Password];
    assert_eq!(exposures(&world), [(first, TRUSTEES[0].id, password.clone()), (second, TRUSTEES[2].id, password)]);
}

#[test]
fn a_finished_recovery_is_accounted_for_by_its_exposure() {
    let (mut world, password, _) = bank();
    for who in &TRUSTEES[1..4] {
        world.ok(*who, answer("fire", TRUSTEES[0], &[password]));
    }
    let known = exposures(&world);
    let request = world.let_request(TRUSTEES[4], 1);
    world.ok(TRUSTEES[5], world.approve(TRUSTEES[5], request));
    assert_eq!(exposures(&world), known);
}

#[test]
fn answers_do_not_use_up_the_days_entries_and_have_a_limit_of_their_own() {
    let mut world = World::founded();
    let limits = Some(v1::Limits { entries_per_day: 2, bytes_per_day: 4 << 20 });
    let proposal = world.propose_charter(v1::Charter { version: 2, limits, ..standard_charter() }, &[]);
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    world.wait(Seconds::DAY);
    world.let_deposit(MEMBER, 1);
    let password = part(1, 1, PartKind::Password);
    let who = TRUSTEES[1];
    for n in 0..2 {
        world.ok(who, enrol(who, public_key(&format!("device {n}"))));
    }
    for n in 0..ANSWERS_PER_DAY {
        world.ok(who, answer(&format!("recovery {n}"), TRUSTEES[0], &[password]));
    }
    assert_eq!(world.no(who, answer("one too many", TRUSTEES[0], &[password])), Refusal::RateLimit);
    world.ok(TRUSTEES[2], answer("somebody else's", TRUSTEES[0], &[password]));
    let midnight = Seconds(86_400 - world.now.0 % 86_400);
    world.wait(midnight);
    world.ok(who, answer("tomorrow", TRUSTEES[0], &[password]));
    world.ok(who, enrol(who, public_key("tomorrow's")));
}
