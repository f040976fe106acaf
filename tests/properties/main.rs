//! Random histories of a small organisation, honest and not, beside a model that was written without looking at the
//! rules: after each command both must agree on whether it is allowed, who has access, who knows what, what is due.

#[path = "../support/world.rs"]
mod world;

mod choice;
mod model;
mod steps;
mod targets;

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use sequestre::escrow::credential::DueCause;
use sequestre::escrow::id::Digest;
use sequestre::escrow::organisation::Organisation;
use sequestre::escrow::replay::{Replay, Trust};
use sequestre::escrow::request::{End, Stage};

use choice::{Step, step};
use model::Model;
use steps::Run;
use world::World;

/// The same histories each time, so that a red test means a change. To look for new ones:
/// `PROPTEST_CASES=20000 PROPTEST_RNG_SEED=… cargo test --test properties`.
fn config() -> Config {
    let defaults = Config::default();
    let explores = |name: &str| std::env::var_os(name).is_some();
    let cases = if explores("PROPTEST_CASES") { defaults.cases } else { 384 };
    let rng_seed = if explores("PROPTEST_RNG_SEED") { defaults.rng_seed } else { RngSeed::Fixed(0x5e95) };
    Config { cases, rng_seed, max_shrink_iters: 4_000, failure_persistence: None, ..defaults }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_group(steps in proptest::collection::vec(step(), 1..80)) {
        run(false, &steps);
    }

    #[test]
    fn two_groups(steps in proptest::collection::vec(step(), 1..80)) {
        run(true, &steps);
    }
}

proptest! {
    #![proptest_config(Config { cases: config().cases / 4, ..config() })]

    #[test]
    fn targets(steps in proptest::collection::vec(targets::step(), 1..90)) {
        let (world, _) = targets::run(&steps);
        replays_the_same(&world);
    }
}

fn run(two_groups: bool, steps: &[Step]) {
    let mut run = Run::with_accounts(two_groups);
    for step in steps {
        let size = run.world.state().size();
        let accepted = run.take(step);
        assert_eq!(run.world.state().size(), size + accepted, "{step:?} adds one entry for each thing accepted");
        agree(&run.world, &run.model);
    }
    replays_the_same(&run.world);
}

/// The random histories do come to what the comparison is about.
#[test]
fn histories_reach_what_matters() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut runner = TestRunner::deterministic();
    for case in 0..120 {
        let steps = proptest::collection::vec(step(), 60..80).new_tree(&mut runner).unwrap().current();
        let mut run = Run::with_accounts(case % 2 == 1);
        for step in &steps {
            run.take(step);
        }
        let state = run.world.state();
        let versions =
            || state.credentials().values().flat_map(|c| c.versions.iter().map(move |(n, v)| (c.due(*n), v)));
        let causes = || versions().filter_map(|(due, _)| due).map(|due| due.cause);
        let requests = || state.requests().values();
        let ended = |how: fn(&End) -> bool| {
            requests().filter(|r| matches!(&r.stage, Stage::Ended { how: h, .. } if how(h))).count()
        };
        let counts = [
            ("granted, of all requests", run.model.requests.values().filter(|a| a.granted.is_some()).count()),
            ("approved beyond the quorum", requests().filter(|r| r.approvals.len() > 3).count()),
            ("with an own share", run.model.requests.values().filter(|a| a.granted.is_some() && a.own).count()),
            ("denied", requests().filter(|r| !r.denials.is_empty()).count()),
            (
                "uncollected lease",
                requests().filter(|r| matches!(&r.stage, Stage::Leased(l) if !l.collected())).count(),
            ),
            ("expired", ended(|how| *how == End::Expired)),
            ("withdrawn", ended(|how| *how == End::Withdrawn)),
            ("lease expired", ended(|how| *how == End::LeaseExpired)),
            ("returned", ended(|how| *how == End::Returned)),
            ("revoked", ended(|how| matches!(how, End::Revoked(_)))),
            ("requester left", ended(|how| *how == End::RequesterLeft)),
            ("shares that add up", causes().filter(|c| matches!(c, DueCause::SharesAddUp(_))).count()),
            ("recovered", causes().filter(|c| matches!(c, DueCause::Recovered(_))).count()),
            ("a recovery and something else that add up", added_up(state)),
            ("due for a leaver", causes().filter(|c| matches!(c, DueCause::Left(_))).count()),
            ("part carried over", versions().filter(|(_, v)| !v.carried.is_empty()).count()),
            ("carried and due at once", versions().filter(|(due, v)| due.is_some_and(|d| d.since < v.since)).count()),
            ("charter amended", usize::from(run.model.charter > 1)),
            ("charter amended twice", usize::from(run.model.charter > 2)),
            ("agreed the first time", run.model.proposals.values().filter(|a| a.agreed.is_some()).count()),
            ("agreed twice", run.model.proposals.values().filter(|a| a.agreed.is_some() && a.current).count()),
            ("vetoed", run.model.proposals.values().filter(|a| a.veto.is_some()).count()),
            ("gone", usize::from(run.model.admitted.len() < 9)),
        ];
        for (what, count) in counts {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{seen:#?}");
    assert!(seen.values().all(|count| *count > 0), "{seen:#?}");
}

/// The same for what happens at targets.
#[test]
fn histories_reach_the_targets() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..60 {
        let steps = proptest::collection::vec(targets::step(), 70..90).new_tree(&mut runner).unwrap().current();
        let (_, run) = targets::run(&steps);
        let counts = [
            ("started", run.started),
            ("made, and running", run.leased),
            ("to be revoked", run.due),
            ("revoked", run.revoked),
            ("opened", run.opened),
            ("asked for by the daemon", run.filed),
            ("staged", run.staged),
            ("rotated", run.rotated),
            ("taken", run.taken),
            ("unasked", run.unasked),
            ("wrapped", run.wrapped),
        ];
        for (what, count) in counts {
            *seen.entry(what).or_default() += count;
        }
    }
    assert!(seen.values().all(|count| *count > 0), "{seen:#?}");
}

/// Parts that are due because shares add up, some of them answers to a recovery.
fn added_up(state: &Organisation) -> usize {
    let parts = state.credentials().values().flat_map(|c| c.versions.values()).flat_map(|v| v.parts.values());
    let summed = parts.filter(|part| part.due.is_some_and(|due| matches!(due.cause, DueCause::SharesAddUp(_))));
    summed.filter(|part| part.known.values().any(|k| state.recovery_at(k.source).is_some())).count()
}

/// Compares the state with the model, and both with what must hold always.
fn agree(world: &World, model: &Model) {
    let state = world.state();
    assert_eq!(state.size(), world.entries.len() as u64);
    assert_eq!(state.next_deadline(), model.next_deadline(), "the next deadline");
    assert_eq!(state.live_requests().count(), model.live());
    assert_eq!(state.requests().len(), model.requests.len());
    for (index, asked) in &model.requests {
        model::check_request(state, *index, asked, model);
    }
    model::check_accounts(state, model);
    model::check_recoveries(state, model);
    model::check_people(state, model);
}

/// Whoever has the entries comes to the same state and the same tree, whether they check signatures or not.
fn replays_the_same(world: &World) {
    let expected = format!("{:?}", world.state());
    for trust in [Trust::Nothing, Trust::OwnDisk] {
        let (mut replay, _) = Replay::begin(world.id(), &world.entries[0], trust).unwrap();
        for entry in &world.entries[1..] {
            replay.push(entry, trust).unwrap();
        }
        assert_eq!(replay.head(), world.head());
        assert_eq!(format!("{:?}", replay.organisation()), expected);
    }
    assert_eq!(naive_root(&world.entries), world.head().root);
}

/// RFC 6962, section 2.1, word for word.
fn naive_root(entries: &[Vec<u8>]) -> Digest {
    match entries {
        [] => Digest::of(&[]),
        [entry] => Digest::of(&[&[0], entry]),
        _ => {
            let half = (entries.len().next_power_of_two() / 2).max(1);
            let (left, right) = (naive_root(&entries[..half]), naive_root(&entries[half..]));
            Digest::of(&[&[1], left.as_bytes(), right.as_bytes()])
        }
    }
}
