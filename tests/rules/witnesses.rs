//! How many must have seen a log, and when an entry cannot be lost any more.

use std::collections::BTreeMap;

use sequestre::escrow::charter::Charter;
use sequestre::escrow::id::PersonId;
use sequestre::escrow::organisation::CLOCK_TOLERANCE;
use sequestre::escrow::time::Seconds;
use sequestre::escrow::witness::{FRESH, Witnessed, can_be_safe, liars_needed, needed, safe};

use crate::world::*;

fn standard() -> Charter {
    Charter::parse(standard_charter()).unwrap()
}

/// Trees of `size` entries, cosigned by these.
fn cosigned(people: &[Who], size: u64) -> BTreeMap<PersonId, u64> {
    people.iter().map(|who| (who.id, size)).collect()
}

#[test]
fn two_thirds_and_one_more_are_needed() {
    let expected =
        [(1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 3, 2), (5, 4, 3), (6, 5, 4), (7, 5, 3), (8, 6, 4), (9, 7, 5)];
    for (n, enough, liars) in expected {
        assert_eq!((needed(n), liars_needed(n)), (enough, liars), "{n} witnesses");
    }
    assert_eq!((needed(0), liars_needed(0)), (1, 0));
}

/// Every pair of sets of `needed` out of n people, for small n: the fewest that two of them have in common.
#[test]
fn no_two_logs_look_witnessed_with_fewer_liars() {
    for n in 1..=8_usize {
        let enough = |set: &u32| set.count_ones() as usize == needed(n);
        let sets: Vec<u32> = (0..1_u32 << n).filter(enough).collect();
        let common = |a: &u32| sets.iter().map(|b| (a & b).count_ones() as usize).min();
        assert_eq!(sets.iter().filter_map(common).min(), Some(liars_needed(n)), "{n} witnesses");
    }
}

#[test]
fn only_witnesses_count_once_each_and_only_what_is_fresh() {
    let charter = standard();
    let now = START.after(Seconds(30 * 86_400));
    let count = |cosigned: &[(Who, _)], asking: Who| {
        let cosigned = cosigned.iter().map(|(who, time)| (who.id, *time));
        Witnessed::count(Some(&charter), cosigned, &asking.id, now)
    };
    // Seven trustees and a mediator.
    let nobody = count(&[], MEMBER);
    assert_eq!((nobody.fresh.len(), nobody.of, nobody.needed(), nobody.enough()), (0, 8, 6, false));
    assert_eq!(count(&[], TRUSTEES[0]).fresh, [TRUSTEES[0].id].into());
    let others = [(TECHNICIAN, now), (MEMBER, now), (OUTSIDER, now), (MEDIATOR, now), (MEDIATOR, now)];
    assert_eq!(count(&others, MEMBER).fresh, [MEDIATOR.id].into());
    let old = now.before(FRESH).before(Seconds(1));
    let ahead = now.after(CLOCK_TOLERANCE).after(Seconds(1));
    let times = [(TRUSTEES[0], old), (TRUSTEES[1], ahead), (TRUSTEES[2], now.before(FRESH))];
    assert_eq!(count(&times, MEMBER).fresh, [TRUSTEES[2].id].into());
    let six: Vec<_> = TRUSTEES[..6].iter().map(|who| (*who, now)).collect();
    assert!(count(&six, MEMBER).enough());
    assert!(!count(&six[..5], MEMBER).enough());
    assert!(count(&six[..5], TRUSTEES[6]).enough());
}

#[test]
fn where_there_are_no_witnesses_there_is_never_enough() {
    let witnessed = Witnessed::count(None, [(FOUNDER.id, START)], &FOUNDER.id, START);
    assert_eq!((witnessed.of, witnessed.fresh.len(), witnessed.enough()), (0, 0, false));
    assert!(!safe(None, 0, &cosigned(&TRUSTEES, 9)));
}

#[test]
fn an_entry_is_safe_once_no_quorum_can_meet_without_somebody_who_holds_it() {
    // `everyday`, 2 of 7, is the quorum that opens with the fewest: 6 must hold it. `vital` would need 4.
    let charter = standard();
    assert!(!safe(Some(&charter), 4, &cosigned(&TRUSTEES[..5], 5)));
    assert!(safe(Some(&charter), 4, &cosigned(&TRUSTEES[..6], 5)));
    // A tree of five entries ends with entry 4.
    assert!(!safe(Some(&charter), 5, &cosigned(&TRUSTEES, 5)));
    // A mediator holds no blobs.
    let mut held = cosigned(&TRUSTEES[..5], 5);
    held.insert(MEDIATOR.id, 5);
    assert!(!safe(Some(&charter), 4, &held));
}

#[test]
fn every_quorum_that_opens_something_counts() {
    let mut charter = standard_charter();
    charter.vaults.retain(|vault| vault.name == "bank");
    let vital_only = Charter::parse(charter).unwrap();
    assert!(safe(Some(&vital_only), 4, &cosigned(&TRUSTEES[..4], 5)));
    assert!(!safe(Some(&vital_only), 4, &cosigned(&TRUSTEES[..3], 5)));
}

#[test]
fn a_technician_who_holds_shares_makes_nothing_safe() {
    let mut charter = standard_charter();
    charter.technicians = ids(&[TECHNICIAN, TRUSTEES[0]]);
    let charter = Charter::parse(charter).unwrap();
    assert!(!safe(Some(&charter), 4, &cosigned(&TRUSTEES[..6], 5)));
    assert!(safe(Some(&charter), 4, &cosigned(&TRUSTEES[1..], 5)));
}

#[test]
fn where_too_many_are_technicians_nothing_ever_becomes_safe() {
    assert!(can_be_safe(&standard()));
    // `everyday`, 2 of 7, needs six who are not; of `vital` alone, four are enough.
    let mut charter = standard_charter();
    charter.technicians = ids(&[TECHNICIAN, TRUSTEES[0]]);
    assert!(can_be_safe(&Charter::parse(charter.clone()).unwrap()));
    charter.technicians = ids(&[TECHNICIAN, TRUSTEES[0], TRUSTEES[1]]);
    assert!(!can_be_safe(&Charter::parse(charter.clone()).unwrap()));
    charter.vaults.retain(|vault| vault.name == "bank");
    assert!(can_be_safe(&Charter::parse(charter).unwrap()));
}

#[test]
fn of_several_groups_one_that_cannot_meet_is_enough() {
    let charter = Charter::parse(two_group_charter()).unwrap();
    // 2 of 3 and 2 of 3: two people of the same group, not one of each.
    assert!(!safe(Some(&charter), 4, &cosigned(&[BOARD[0], TECHNICAL[0]], 5)));
    assert!(safe(Some(&charter), 4, &cosigned(&BOARD[..2], 5)));
    assert!(safe(Some(&charter), 4, &cosigned(&TECHNICAL[1..], 5)));
}
