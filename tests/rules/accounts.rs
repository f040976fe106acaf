//! Deposits, confirmations of shares, and daily limits.

use std::collections::BTreeSet;

use sequestre::escrow::act::ShareVerdict;
use sequestre::escrow::organisation::{Audience, Effect};
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;
use v1::ShareVerdict::{DoesNotOpen, Good};

use crate::world::*;

const BOTH: [PartKind; 2] = [PartKind::Password, PartKind::TotpSecret];

#[test]
fn a_deposit_is_dealt_to_every_quorum_of_its_vault() {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &BOTH);
    let index = world.ok(MEMBER, Act::Deposit(deposit));
    let (number, current) = world.state().credential(&credential(1)).unwrap().current().unwrap();
    assert_eq!((number, current.index, current.depositor), (1, index, MEMBER.id));
    for kind in BOTH {
        let deals = &world.state().part(&part(1, 1, kind)).unwrap().part.deals;
        let names: Vec<&str> = deals.iter().map(|deal| deal.quorum().name().as_str()).collect();
        assert_eq!(names, ["everyday", "vital"]);
        assert!(TRUSTEES.iter().all(|who| deals.iter().all(|deal| deal.share_of(&who.id).is_some())));
        assert!(deals.iter().all(|deal| deal.share_of(&MEMBER.id).is_none()));
    }
    let Some(Effect::Keep(blobs)) = world.effects.first() else { panic!("no blobs") };
    let of = |audience| blobs.iter().filter(|(_, a)| *a == audience).count();
    assert_eq!((of(Audience::Everyone), of(Audience::Overseers)), (1, 1));
    assert_eq!(of(Audience::Trustees), 2 * (1 + 2 * 7));
    assert!(Audience::Overseers.includes(&[Role::Mediator].into()));
    assert!(!Audience::Trustees.includes(&[Role::Mediator, Role::Technician, Role::Member].into()));
}

#[test]
fn shares_have_the_shape_of_the_quorums() {
    let mut world = World::founded();
    let honest = world.deposit_of(1, 1, "web", &BOTH);
    let changes: [fn(&mut v1::Deposit); 8] = [
        |d| d.parts[0].deals.clear(),
        |d| drop(d.parts[1].deals.pop()),
        |d| d.parts[0].deals.swap(0, 1),
        |d| d.parts[0].deals[1].quorum = "amend".into(),
        |d| drop(d.parts[0].deals[0].groups[0].shares.pop()),
        |d| {
            let share = d.parts[0].deals[0].groups[0].shares[0].clone();
            d.parts[0].deals[0].groups[0].shares.push(share);
        },
        |d| d.parts[0].deals[0].groups[0].outer = blob("outer"),
        |d| d.parts[0].deals[0].groups.clear(),
    ];
    for change in changes {
        let mut deposit = honest.clone();
        change(&mut deposit);
        assert_eq!(world.no(MEMBER, Act::Deposit(deposit)), Refusal::DealShape);
    }
    // One key for two parts: who opens one opens the other.
    let mut one_key = honest.clone();
    one_key.parts[1].master_key = one_key.parts[0].master_key.clone();
    assert_eq!(world.no(MEMBER, Act::Deposit(one_key)), Refusal::SealedUsed);
    world.ok(MEMBER, Act::Deposit(honest));
}

#[test]
fn two_groups_have_two_levels_of_shares() {
    let mut world = World::two_groups();
    let honest = world.deposit_of(1, 1, "web", &[PartKind::Password]);
    let changes: [fn(&mut v1::Deposit); 3] = [
        |d| d.parts[0].deals[0].groups[1].outer.clear(),
        |d| drop(d.parts[0].deals[0].groups.pop()),
        |d| d.parts[0].deals[0].groups.truncate(1),
    ];
    for change in changes {
        let mut deposit = honest.clone();
        change(&mut deposit);
        assert_eq!(world.no(MEMBER, Act::Deposit(deposit)), Refusal::DealShape);
    }
    world.ok(MEMBER, Act::Deposit(honest));
}

#[test]
fn who_may_deposit_where() {
    let mut world = World::founded();
    for who in [MEDIATOR, TECHNICIAN] {
        let deposit = world.deposit_of(1, 1, "web", &BOTH);
        assert_eq!(world.no(who, Act::Deposit(deposit)), Refusal::MayNotDeposit);
    }
    let nowhere = v1::Deposit { vault: "attic".into(), ..world.deposit_of(1, 1, "web", &BOTH) };
    assert_eq!(world.no(MEMBER, Act::Deposit(nowhere)), Refusal::VaultUnknown);
}

#[test]
fn a_version_follows_exactly_the_one_that_it_replaces() {
    let mut world = World::founded();
    let early = world.deposit_of(1, 2, "web", &BOTH);
    assert_eq!(world.no(MEMBER, Act::Deposit(early)), Refusal::CredentialUnknown);
    world.let_deposit(MEMBER, 1);
    let again = world.deposit_of(1, 1, "web", &BOTH);
    assert_eq!(world.no(MEMBER, Act::Deposit(again)), Refusal::CredentialExists);
    let skipping = world.deposit_of(1, 3, "web", &BOTH);
    assert_eq!(world.no(MEMBER, Act::Deposit(skipping)), Refusal::VersionConflict { current: 1 });
    let elsewhere = world.deposit_of(1, 2, "bank", &BOTH);
    assert_eq!(world.no(MEMBER, Act::Deposit(elsewhere)), Refusal::VaultDiffers);
    let next = world.deposit_of(1, 2, "web", &BOTH);
    world.ok(TRUSTEES[4], Act::Deposit(next.clone()));
    assert_eq!(world.no(MEMBER, Act::Deposit(next)), Refusal::VersionConflict { current: 2 });
}

#[test]
fn every_version_has_a_master_key_of_its_own() {
    let mut world = World::founded();
    world.let_deposit(MEMBER, 1);
    let second = world.deposit_of(1, 2, "web", &BOTH);
    world.ok(MEMBER, Act::Deposit(second.clone()));
    for (number, reused) in [(1, PartKind::Password), (2, PartKind::TotpSecret)] {
        let key = world.state().part(&part(1, number, reused)).unwrap().part.master_key;
        let mut third = world.deposit_of(1, 3, "web", &BOTH);
        third.parts[0].master_key = Some(key.into());
        assert_eq!(world.no(MEMBER, Act::Deposit(third)), Refusal::SealedUsed);
    }
}

#[test]
fn a_deposit_is_stale_if_the_account_changed_meanwhile() {
    let mut world = World::founded();
    world.let_deposit(MEMBER, 1);
    let base = world.head();
    let second = world.deposit_of(1, 2, "web", &BOTH);
    world.ok(MEMBER, Act::Deposit(second));
    let third = world.deposit_of(1, 3, "web", &BOTH);
    let mut command = world.draft(Act::Deposit(third));
    command.base = Some(base.into());
    assert_eq!(world.submit_draft(OTHER_MEMBER, &command), Err(Refusal::StaleBase));
}

#[test]
fn a_deposit_is_stale_if_the_charter_changed_meanwhile() {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &BOTH);
    let signed = world.signed(MEMBER, Act::Deposit(deposit));
    world.let_amend(v1::Charter { version: 2, ..standard_charter() });
    assert_eq!(world.offer(signed), Err(Refusal::StaleBase));
}

#[test]
fn nobody_deposits_before_the_charter() {
    let deposit = World::founded().deposit_of(1, 1, "web", &BOTH);
    let mut world = World::begin();
    assert_eq!(world.no(FOUNDER, Act::Deposit(deposit)), Refusal::NotAdmitted);
}

#[test]
fn trustees_confirm_their_own_shares_and_claims_stand() {
    let mut world = World::founded();
    world.let_deposit(MEMBER, 1);
    let password = part(1, 1, PartKind::Password);
    assert_eq!(world.no(MEMBER, confirm(&[(password, Good)])), Refusal::NoShare);
    assert_eq!(world.no(MEDIATOR, confirm(&[(password, Good)])), Refusal::NoShare);
    let unknown = part(1, 1, PartKind::Notes);
    assert_eq!(world.no(FOUNDER, confirm(&[(password, Good), (unknown, Good)])), Refusal::PartUnknown);
    world.ok(FOUNDER, confirm(&[(password, Good)]));
    assert_eq!(world.no(FOUNDER, confirm(&[(password, Good)])), Refusal::AlreadyConfirmed);
    world.ok(FOUNDER, confirm(&[(password, DoesNotOpen)]));
    assert_eq!(world.state().part(&password).unwrap().verdicts[&FOUNDER.id].verdict, ShareVerdict::DoesNotOpen);
}

/// The founded organisation under limits.
fn limited(entries_per_day: u32, bytes_per_day: u64) -> World {
    let mut world = World::founded();
    let limits = Some(v1::Limits { entries_per_day, bytes_per_day });
    let charter = v1::Charter { version: 2, limits, ..standard_charter() };
    world.let_amend(charter);
    // What was added under the old charter counts for its day.
    world.wait(Seconds::DAY);
    world
}

/// Uses up ten entries of today.
fn use_up(world: &mut World, who: Who) {
    for n in 1..=10 {
        let device = public_key(&format!("device {n} of {who:?}, made on day {}", world.now.day()));
        world.ok(who, enrol(who, device));
    }
}

#[test]
fn nobody_adds_more_entries_a_day_than_the_charter_allows() {
    let mut world = limited(10, 4 << 20);
    use_up(&mut world, MEMBER);
    assert_eq!(world.no(MEMBER, enrol(MEMBER, public_key("one too many"))), Refusal::RateLimit);
    world.ok(OTHER_MEMBER, enrol(OTHER_MEMBER, public_key("another person's")));
    let midnight = Seconds(86_400 - world.now.0 % 86_400);
    world.wait(Seconds(midnight.0 - 1));
    assert_eq!(world.no(MEMBER, enrol(MEMBER, public_key("still today"))), Refusal::RateLimit);
    world.wait(Seconds(1));
    world.ok(MEMBER, enrol(MEMBER, public_key("tomorrow")));
}

/// A command of some 58 KiB: a charter that lets 1,700 people ask.
fn long(world: &World) -> Act {
    let mut charter = v1::Charter { version: 3, ..standard_charter() };
    let people: BTreeSet<Vec<u8>> = (0..1_700).map(|n| blob(&format!("somebody {n}"))).collect();
    charter.vaults[0].askers.as_mut().unwrap().persons = people.into_iter().collect();
    world.charter_proposal(charter, &[])
}

#[test]
fn nobody_adds_more_bytes_a_day_than_the_charter_allows() {
    let mut world = limited(100, 4 << 20);
    let act = long(&world);
    let entry = world.signed(FOUNDER, act).wire_len() as u64;
    assert!(20 * entry > 1 << 20);
    for (limit, fit) in [(20 * entry, 20), (20 * entry - 1, 19)] {
        let mut world = limited(100, limit);
        let act = long(&world);
        for _ in 0..fit {
            world.ok(FOUNDER, act.clone());
        }
        assert_eq!(world.no(FOUNDER, act), Refusal::RateLimit);
    }
}

#[test]
fn refused_commands_cost_nothing() {
    let mut world = limited(10, 4 << 20);
    for _ in 0..15 {
        assert_eq!(world.no(MEMBER, revoke_device(public_key("none"))), Refusal::DeviceUnknown);
    }
    use_up(&mut world, MEMBER);
}

#[test]
fn first_confirmations_are_outside_the_limits() {
    let mut world = limited(10, 4 << 20);
    for (n, depositor) in [MEMBER, OTHER_MEMBER].into_iter().enumerate() {
        world.let_deposit(depositor, n as u8 + 1);
    }
    use_up(&mut world, FOUNDER);
    world.ok(FOUNDER, confirm(&[(part(1, 1, PartKind::Password), Good)]));
    world.ok(FOUNDER, confirm(&[(part(2, 1, PartKind::Password), Good)]));
    let changed = (part(1, 1, PartKind::Password), DoesNotOpen);
    assert_eq!(world.no(FOUNDER, confirm(&[changed])), Refusal::RateLimit, "to and fro would be endless");
    let again = world.deposit_of(3, 1, "web", &[PartKind::Password]);
    world.wait(Seconds::DAY);
    world.ok(MEMBER, Act::Deposit(again));
    use_up(&mut world, FOUNDER);
    let mixed = confirm(&[changed, (part(3, 1, PartKind::Password), Good)]);
    assert_eq!(world.no(FOUNDER, mixed), Refusal::RateLimit, "nor hidden among first ones");
}

#[test]
fn joining_is_outside_the_limits() {
    let mut world = limited(10, 4 << 20);
    let secret = token("a");
    let expires = world.now.after(Seconds::DAY);
    world.ok(FOUNDER, invite(&secret, &[Role::Member], expires));
    world.ok(NEWCOMER, join(NEWCOMER, &secret, &[Role::Member]));
    use_up(&mut world, NEWCOMER);
    assert_eq!(world.no(NEWCOMER, enrol(NEWCOMER, public_key("device"))), Refusal::RateLimit);
}
