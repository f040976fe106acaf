//! How many shares are known to work, counted from the log alone: for each agreement, for each of its groups, for the
//! account for which they are the fewest.

use sequestre::client::drill::{ShareRow, Trial, share_rows, trial};
use sequestre::client::say::Say;
use sequestre::client::view::View;
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::time::Seconds;
use v1::ShareVerdict::{DoesNotOpen, Good};

use crate::story::Story;
use crate::world::*;

const DAY: u64 = 86_400;

fn rows(world: &World) -> Vec<ShareRow> {
    let texts = |_: &_| None;
    share_rows(&View::new(world.state(), &Say::english(), &texts), world.now)
}

/// Agreement, group, confirmed, of, needed.
fn numbers(world: &World) -> Vec<(String, usize, usize, usize, usize)> {
    rows(world).into_iter().map(|row| (row.quorum, row.group, row.confirmed, row.of, row.needed)).collect()
}

fn low(world: &World) -> Vec<String> {
    rows(world).into_iter().filter(|row| row.low).map(|row| format!("{} {}", row.quorum, row.group)).collect()
}

#[test]
fn each_agreement_is_counted_for_the_account_that_is_worst_off() {
    let mut story = Story::founded();
    assert!(rows(&story.world).is_empty(), "nothing is in escrow");
    story.deposit(MEMBER, 1, 1, "site");
    let site = part(1, 1, PartKind::Password);
    for who in &TRUSTEES[..5] {
        story.world.ok(*who, confirm(&[(site, Good)]));
    }
    story.world.ok(TRUSTEES[5], confirm(&[(site, DoesNotOpen)]));
    let counted =
        |confirmed, of| vec![("everyday".to_owned(), 1, confirmed, of, 2), ("vital".to_owned(), 1, confirmed, of, 4)];
    assert_eq!(numbers(&story.world), counted(5, 7), "a bad share does not count");
    story.world.wait(Seconds(10 * DAY));
    assert_eq!(low(&story.world), [""; 0]);

    // Who is no trustee any more cannot release anything, whatever they confirmed.
    let others = [0, 1, 2, 3, 5, 6].map(|i| TRUSTEES[i]);
    let mut next = standard_charter();
    next.version = 2;
    next.trustees = ids(&others);
    for quorum in &mut next.quorums {
        quorum.groups = vec![group(quorum.groups[0].threshold, &others)];
    }
    let proposal = story.world.propose_charter(next, &[]);
    for who in &others[1..5] {
        story.world.ok(*who, story.world.sign(proposal));
    }
    assert_eq!(story.world.state().charter().unwrap().version(), 2);
    assert_eq!((numbers(&story.world), low(&story.world)), (counted(4, 7), vec!["vital 1".to_owned()]));

    // Another account, which three confirmed: until it had its week, the first one is told.
    story.deposit(MEMBER, 2, 1, "mail");
    for who in &TRUSTEES[..3] {
        story.world.ok(*who, confirm(&[(part(2, 1, PartKind::Password), Good)]));
    }
    assert_eq!(numbers(&story.world), counted(4, 7));
    story.world.wait(Seconds(7 * DAY));
    assert_eq!((numbers(&story.world), low(&story.world)), (counted(3, 6), vec!["vital 1".to_owned()]));
    let worst = rows(&story.world).remove(1);
    assert_eq!(worst.until, None, "it is too few now");

    // The confirmations of the first account are 90 days old.
    story.world.wait(Seconds(73 * DAY + 1));
    assert_eq!(numbers(&story.world), counted(0, 7));
    assert_eq!(low(&story.world), ["everyday 1", "vital 1"]);
    story.world.ok(MEDIATOR, start_drill());
    for who in &TRUSTEES[..4] {
        story.world.ok(*who, confirm(&[(site, Good), (part(2, 1, PartKind::Password), Good)]));
    }
    assert_eq!((numbers(&story.world), low(&story.world)), (counted(4, 7), vec!["vital 1".to_owned()]));
}

#[test]
fn groups_are_counted_one_by_one() {
    let mut world = World::two_groups();
    let deposit = world.deposit_of(1, 1, "web", &[PartKind::Password]);
    world.ok(BOARD[0], Act::Deposit(deposit));
    let site = part(1, 1, PartKind::Password);
    for who in BOARD.iter().chain(&TECHNICAL[..1]) {
        world.ok(*who, confirm(&[(site, Good)]));
    }
    let mut found = numbers(&world);
    // The groups stand in the order of the charter's own form.
    found.sort();
    let everyday = |group: usize, confirmed| ("everyday".to_owned(), group, confirmed, 3, 2);
    assert!(found == [everyday(1, 3), everyday(2, 1)] || found == [everyday(1, 1), everyday(2, 3)], "{found:?}");
    assert!(rows(&world).iter().all(|row| row.groups == 2));
    world.wait(Seconds(8 * DAY));
    let low: Vec<usize> = rows(&world).into_iter().filter(|row| row.low).map(|row| row.confirmed).collect();
    assert_eq!(low, [1], "enough of one circle do not make up for the other");
}

#[test]
fn an_account_was_tried_when_all_of_it_was() {
    let mut world = World::founded();
    let kinds = [PartKind::Password, PartKind::TotpSecret, PartKind::RecoveryCodes];
    let deposit = world.deposit_of(1, 1, "web", &kinds);
    world.ok(MEMBER, Act::Deposit(deposit));
    let tried = |world: &World| trial(world.state().credential(&credential(1)).unwrap());
    let access = |world: &mut World, kinds: &[PartKind], works| {
        let mut wanted = world.request_of(OTHER_MEMBER, 1);
        wanted.parts.retain(|part| kinds.iter().any(|kind| *kind as i32 == part.kind));
        let asked = world.ok(OTHER_MEMBER, Act::Request(wanted));
        for who in &TRUSTEES[1..3] {
            world.ok(*who, world.approve(*who, asked));
        }
        world.daemon(DaemonAct::Collected(asked)).unwrap();
        world.ok(OTHER_MEMBER, confirm_access(asked, works));
        world.ok(OTHER_MEMBER, give_back(asked));
    };
    assert_eq!(tried(&world), Trial::Never);
    access(&mut world, &kinds[..1], true);
    assert_eq!(tried(&world), Trial::Never, "nobody tried the one-time codes");
    access(&mut world, &kinds[1..2], true);
    let first = world.now;
    assert_eq!(tried(&world), Trial::Works(OTHER_MEMBER.id, first), "recovery codes are used up by trying");
    world.wait(Seconds(DAY));
    access(&mut world, &kinds[..1], true);
    assert_eq!(tried(&world), Trial::Works(OTHER_MEMBER.id, first), "it is as old as what was tried longest ago");
    access(&mut world, &kinds[1..2], false);
    assert_eq!(tried(&world), Trial::Fails(OTHER_MEMBER.id, world.now));
}
