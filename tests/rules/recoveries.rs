//! What trustees answered without the server, entered afterwards: counted like any released share.

use std::time::{Duration, Instant};

use sequestre::escrow::credential::{Due, DueCause, Exposure, Urgency};
use sequestre::escrow::id::{Digest, OrganisationId, PersonId};
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::part::{PartId, PartKind};
use sequestre::escrow::recovery::{ANSWERS_PER_DAY, RecoveryId, ReleasedTo, request_preimage};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::time::Seconds;

use crate::charters::amended;
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
    world.ok(TRUSTEES[1], world.answer("fire", starter, &[password, totp]));
    world.ok(TRUSTEES[2], world.answer("fire", starter, &[password]));
    assert_eq!((due(&world), exposures(&world)), (None, vec![]), "three of four");
    world.wait(Seconds::DAY);
    let last = world.ok(TRUSTEES[3], world.answer("fire", starter, &[password, totp]));
    let expected = Due { urgency: Urgency::Now, since: world.now, cause: DueCause::Recovered(last) };
    assert_eq!(due(&world), Some(expected));
    assert_eq!(exposures(&world), [(last, starter.id, vec![PartKind::Password])]);
    // The fifth answer opens nothing more; the third about the other part does.
    world.ok(TRUSTEES[4], world.answer("fire", starter, &[password]));
    let other = world.ok(TRUSTEES[5], world.answer("fire", starter, &[totp]));
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
        world.ok(*who, world.answer("fire", MEMBER, &[password]));
    }
    assert_eq!(due(&world), None, "three of four: the member has none");
    let last = world.ok(TRUSTEES[3], world.answer("fire", MEMBER, &[password]));
    assert_eq!(exposures(&world), [(last, MEMBER.id, vec![PartKind::Password])]);
}

#[test]
fn in_two_groups_each_group_must_have_answered() {
    let mut world = World::two_groups();
    world.let_deposit(MEMBER, 1);
    let password = part(1, 1, PartKind::Password);
    world.ok(BOARD[1], world.answer("fire", BOARD[0], &[password]));
    world.ok(TECHNICAL[0], world.answer("fire", BOARD[0], &[password]));
    assert_eq!(due(&world), None);
    let last = world.ok(TECHNICAL[1], world.answer("fire", BOARD[0], &[password]));
    assert_eq!(due(&world).unwrap().cause, DueCause::Recovered(last));
}

#[test]
fn answers_are_entered_by_whoever_holds_a_share_for_somebody_else() {
    let (mut world, password, _) = bank();
    let one = [password];
    assert_eq!(world.no(TRUSTEES[0], world.answer("fire", TRUSTEES[0], &one)), Refusal::OwnAnswer);
    assert_eq!(world.no(TRUSTEES[0], world.answer("fire", OUTSIDER, &one)), Refusal::StarterUnknown);
    for who in [MEMBER, MEDIATOR] {
        assert_eq!(world.no(who, world.answer("fire", TRUSTEES[0], &one)), Refusal::NoShare);
    }
    assert_eq!(world.no(OUTSIDER, world.answer("fire", TRUSTEES[0], &one)), Refusal::Stranger);
    let elsewhere = [part(9, 1, PartKind::Password)];
    assert_eq!(world.no(TRUSTEES[1], world.answer("fire", TRUSTEES[0], &elsewhere)), Refusal::PartUnknown);
    assert!(world.state().recoveries().is_empty());
}

#[test]
fn whoever_started_it_may_have_left_since() {
    let (mut world, password, _) = bank();
    world.ok(MEMBER, leave());
    for who in &TRUSTEES[..4] {
        world.ok(*who, world.answer("fire", MEMBER, &[password]));
    }
    assert_eq!(due(&world).unwrap().urgency, Urgency::Now);
}

#[test]
fn a_further_answer_adds_parts_and_repeats_none() {
    let (mut world, password, totp) = bank();
    let (who, starter) = (TRUSTEES[1], TRUSTEES[0]);
    let first = world.ok(who, world.answer("fire", starter, &[password]));
    assert_eq!(world.no(who, world.answer("fire", starter, &[password])), Refusal::AlreadyAnswered);
    let second = world.ok(who, world.answer("fire", starter, &[password, totp]));
    assert_eq!(world.no(who, world.answer("fire", starter, &[password, totp])), Refusal::AlreadyAnswered);
    let recovery = &world.state().recoveries()[&id("fire", starter)];
    assert_eq!(recovery.answers.keys().copied().collect::<Vec<_>>(), [first, second]);
    assert_eq!((recovery.answers[&second].person, &recovery.answers[&second].parts), (who.id, &vec![totp]));
    assert_eq!(world.state().recovery_at(first).map(|(id, _)| *id), Some(id("fire", starter)));
    assert!(world.state().recovery_at(first - 1).is_none());
    // Another recovery is another matter.
    world.ok(who, world.answer("flood", starter, &[password]));
}

#[test]
fn nobody_spoils_a_recovery_by_naming_another_starter_first() {
    let (mut world, password, _) = bank();
    world.ok(TRUSTEES[6], world.answer("fire", TRUSTEES[5], &[password]));
    for who in &TRUSTEES[1..4] {
        world.ok(*who, world.answer("fire", TRUSTEES[0], &[password]));
    }
    assert_eq!(exposures(&world).last().map(|(_, person, _)| *person), Some(TRUSTEES[0].id));
}

#[test]
fn an_answer_was_given_when_there_was_no_server() {
    let (mut world, password, _) = bank();
    // Signed today, entered in a month, when the charter and the account are no longer the same.
    let early = world.signed(TRUSTEES[1], world.answer("fire", TRUSTEES[0], &[password]));
    let next = world.deposit_of(1, 2, "bank", &BOTH);
    world.ok(OTHER_MEMBER, Act::Deposit(next));
    world.let_amend(v1::Charter { version: 2, ..standard_charter() });
    world.wait(Seconds(30 * 86_400));
    world.offer(early).unwrap();
    // On another log, only what was signed on none: it is as true on every continuation of this one.
    let mut command = world.draft(world.answer("fire", TRUSTEES[0], &[password]));
    command.base = Some(TreeHead { size: 3, root: Digest::new(fake("another log")) }.into());
    assert_eq!(world.submit_draft(TRUSTEES[2], &command), Err(Refusal::ForeignBase));
    command.base = Some(TreeHead::EMPTY.into());
    world.submit_draft(TRUSTEES[2], &command).unwrap();
}

/// With the proof of another recovery, person or organisation.
fn with_proof_of(world: &World, signer: Who, starter: Who, message: &[u8], part: PartId) -> Act {
    let Act::RecordAnswer(answer) = world.answer("fire", starter, &[part]) else { unreachable!() };
    Act::RecordAnswer(v1::RecordAnswer { request: Some(signer.sign(message).into()), ..answer })
}

#[test]
fn nobody_is_made_the_starter_of_a_recovery_that_they_did_not_start() {
    let (mut world, password, _) = bank();
    let (victim, liar) = (TRUSTEES[0], TRUSTEES[1]);
    let fire = Digest::new(fake("fire"));
    let right = request_preimage(&world.id(), &fire);
    let elsewhere = request_preimage(&OrganisationId::new(fake("another association")), &fire);
    let other = request_preimage(&world.id(), &Digest::new(fake("flood")));
    let forged = [(liar, &right), (victim, &elsewhere), (victim, &other)];
    for (signer, message) in forged {
        let act = with_proof_of(&world, signer, victim, message, password);
        assert_eq!(world.no(liar, act), Refusal::StarterSignature);
    }
    // A recovery that one started oneself is nobody else's.
    let Act::RecordAnswer(own) = world.answer("fire", liar, &[password]) else { unreachable!() };
    let act = Act::RecordAnswer(v1::RecordAnswer { starter: victim.id.to_vec(), ..own });
    assert_eq!(world.no(liar, act), Refusal::StarterSignature);
    assert!(world.state().recoveries().is_empty());
    assert!(world.state().part(&password).unwrap().released.is_empty(), "the victim's share was not given out");
    world.ok(liar, with_proof_of(&world, victim, victim, &right, password));
}

#[test]
fn what_is_unknown_or_entered_keeps_nothing_else_out_of_the_log() {
    let (mut world, password, totp) = bank();
    world.let_deposit(MEMBER, 2);
    let (who, starter) = (TRUSTEES[1], TRUSTEES[0]);
    world.ok(who, world.answer("fire", starter, &[password]));
    // On a second computer: of an account that was lost with the end of a log, what is entered, and two that are new.
    let lost = part(9, 1, PartKind::Password);
    let second = part(2, 1, PartKind::Password);
    let named = [password, totp, part(1, 1, PartKind::Notes), second, lost];
    let entry = world.ok(who, world.answer("fire", starter, &named));
    let recovery = &world.state().recoveries()[&id("fire", starter)];
    assert_eq!(recovery.answers[&entry].parts, [totp, second]);
    assert!(world.state().has_answered(&who.id, &id("fire", starter), &second));
    assert!(!world.state().has_answered(&starter.id, &id("fire", starter), &second), "the starter entered nothing");
    assert_eq!(world.no(who, world.answer("fire", starter, &named)), Refusal::AlreadyAnswered);
    assert_eq!(world.no(who, world.answer("fire", starter, &[lost])), Refusal::PartUnknown);
}

#[test]
fn whoever_left_since_still_enters_what_they_answered() {
    let (mut world, password, _) = bank();
    let leaver = TRUSTEES[6];
    let early = world.signed(leaver, world.answer("fire", TRUSTEES[0], &[password]));
    world.let_amend(amended(&TRUSTEES[..6]));
    assert_eq!(world.no(leaver, leave()), Refusal::Stranger);
    world.offer(early).unwrap();
    for who in &TRUSTEES[2..4] {
        world.ok(*who, world.answer("fire", TRUSTEES[0], &[password]));
    }
    assert_eq!(due(&world).unwrap().urgency, Urgency::Now);
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
        world.ok(*who, world.answer("fire", TRUSTEES[0], &[password]));
    }
    assert_eq!(due(&world), None);
    for who in &TRUSTEES[1..4] {
        world.ok(*who, world.answer("fire", TRUSTEES[0], &[totp]));
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
    let recovery = world.ok(TRUSTEES[3], world.answer("fire", TRUSTEES[2], &[password]));
    let expected = Due { urgency: Urgency::Now, since: world.now, cause: DueCause::SharesAddUp(request) };
    assert_eq!(due(&world), Some(expected), "with the starter's own, four of four");
    let both =
        [(request, TRUSTEES[0].id, vec![PartKind::Password]), (recovery, TRUSTEES[2].id, vec![PartKind::Password])];
    assert_eq!(exposures(&world), both);
    // A further answer to the same recovery is no further exposure, until the recovery has enough by itself.
    world.ok(TRUSTEES[4], world.answer("fire", TRUSTEES[2], &[password]));
    assert_eq!(exposures(&world), both);
    let enough = world.ok(TRUSTEES[5], world.answer("fire", TRUSTEES[2], &[password]));
    assert_eq!(exposures(&world).last(), Some(&(enough, TRUSTEES[2].id, vec![PartKind::Password])));
}

#[test]
fn two_unfinished_recoveries_add_up() {
    let (mut world, password, totp) = bank();
    let first = world.ok(TRUSTEES[1], world.answer("fire", TRUSTEES[0], &[password, totp]));
    let second = world.ok(TRUSTEES[3], world.answer("flood", TRUSTEES[2], &[password]));
    assert_eq!(due(&world).unwrap().cause, DueCause::SharesAddUp(first));
    let password = vec![PartKind::Password];
    assert_eq!(exposures(&world), [(first, TRUSTEES[0].id, password.clone()), (second, TRUSTEES[2].id, password)]);
}

#[test]
fn a_finished_recovery_is_accounted_for_by_its_exposure() {
    let (mut world, password, _) = bank();
    for who in &TRUSTEES[1..4] {
        world.ok(*who, world.answer("fire", TRUSTEES[0], &[password]));
    }
    let known = exposures(&world);
    let request = world.let_request(TRUSTEES[4], 1);
    world.ok(TRUSTEES[5], world.approve(TRUSTEES[5], request));
    assert_eq!(exposures(&world), known);
}

#[test]
fn answers_do_not_use_up_the_days_entries_and_have_a_limit_of_their_own() {
    let mut world = World::founded();
    world.let_limit();
    world.let_deposit(MEMBER, 1);
    let password = part(1, 1, PartKind::Password);
    let who = TRUSTEES[1];
    for n in 0..10 {
        world.ok(who, enrol(who, public_key(&format!("device {n}"))));
    }
    for n in 0..ANSWERS_PER_DAY {
        world.ok(who, world.answer(&format!("recovery {n}"), TRUSTEES[0], &[password]));
    }
    assert_eq!(world.no(who, world.answer("one too many", TRUSTEES[0], &[password])), Refusal::RateLimit);
    world.ok(TRUSTEES[2], world.answer("somebody else's", TRUSTEES[0], &[password]));
    let midnight = Seconds(86_400 - world.now.0 % 86_400);
    world.wait(midnight);
    world.ok(who, world.answer("tomorrow", TRUSTEES[0], &[password]));
    world.ok(who, enrol(who, public_key("tomorrow's")));
}

/// A thousand parts in two hundred recoveries of three of four each, as two who agree can enter them in days. One more
/// must not cost what all those before cost together: every client replays them.
#[test]
fn many_recoveries_of_many_parts_are_counted_one_by_one() {
    const ACCOUNTS: u8 = 250;
    const RECOVERIES: usize = 200;
    let mut world = World::founded();
    let kinds = [PartKind::Password, PartKind::TotpSecret, PartKind::RecoveryCodes, PartKind::Notes];
    let mut parts: Vec<PartId> = Vec::new();
    for n in 1..=ACCOUNTS {
        world.wait(Seconds(3600));
        let deposit = world.deposit_of(n, 1, "bank", &kinds);
        world.ok(OTHER_MEMBER, Act::Deposit(deposit));
        parts.extend(kinds.map(|kind| part(n, 1, kind)));
    }
    parts.sort();
    let mut spent = Vec::new();
    for n in 0..RECOVERIES {
        if n % 60 == 0 {
            world.wait(Seconds::DAY);
        }
        let name = format!("recovery {n}");
        let begun = Instant::now();
        world.ok(TRUSTEES[1], world.answer(&name, TRUSTEES[0], &parts));
        spent.push(begun.elapsed());
    }
    let least = |spent: &[Duration]| *spent.iter().min().unwrap();
    let (early, late) = (least(&spent[..20]), least(&spent[RECOVERIES - 20..]));
    assert!(late < early * 4, "the first took {early:?}, the last {late:?}");
    let sums = world.state().part(&parts[0]).unwrap();
    assert_eq!(sums.released.len(), RECOVERIES);
    assert_eq!(sums.released_to_anybody().len(), 2);
    // The fourth share tells on all who asked, once.
    let last = world.ok(TRUSTEES[3], world.answer("another", TRUSTEES[2], &parts[..1]));
    let account = world.state().credential(&parts[0].version.credential).unwrap();
    let sources: Vec<u64> = account.exposures(1).iter().map(|e| e.source).collect();
    assert_eq!((sources.len(), sources.last()), (RECOVERIES + 1, Some(&last)));
}
