//! From genesis to the founding charter, and what charters are refused.

use sequestre::escrow::charter::BadCharter;
use sequestre::escrow::id::PersonId;
use sequestre::escrow::people::Standing;
use sequestre::escrow::proposal::{Outcome, Ratification};
use sequestre::escrow::quorum::{BadQuorum, QuorumName};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::replay::Fault;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;
use sequestre::escrow::wire::Malformed;

use crate::world::*;

const THREE: [Who; 3] = [Who(0), Who(1), Who(2)];

fn three_roll() -> Vec<(Who, Vec<Role>)> {
    THREE.iter().map(|who| (*who, vec![Role::Trustee])).collect()
}

/// Two of three, for everything.
fn three_charter() -> v1::Charter {
    let quorums = ["amend", "destroy", "everyday"].map(|name| quorum(name, vec![group(2, &THREE)])).to_vec();
    charter(1, &THREE, quorums, vec![vault("web", &["everyday"], &[Role::Member], Seconds(86_400))])
}

/// Three people who are to be trustees, before any charter.
fn joined() -> World {
    let mut world = World::begin();
    for who in &THREE[1..] {
        world.let_join(*who, &[Role::Trustee]);
    }
    world
}

fn propose(world: &mut World, charter: v1::Charter) -> Refusal {
    let act = world.charter_proposal(charter, &three_roll());
    world.no(FOUNDER, act)
}

/// What the parsing of a charter says.
fn bad(change: impl FnOnce(&mut v1::Charter)) -> BadCharter {
    let mut charter = three_charter();
    change(&mut charter);
    match propose(&mut joined(), charter) {
        Refusal::Charter(bad) => bad,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_founding_charter_needs_every_trustee_it_names() {
    let mut world = joined();
    let proposal = world.propose_charter(three_charter(), &three_roll());
    assert!(world.state().charter().is_none(), "the founder alone founds nothing");
    world.ok(THREE[1], world.sign(proposal));
    assert!(world.state().charter().is_none(), "a quorum of it is not enough");
    world.ok(THREE[2], world.sign(proposal));
    assert_eq!(world.state().charter().unwrap().version(), 1);
    let Outcome::InForce { ratification: Ratification::Unanimous(all), .. } =
        &world.state().proposals()[&proposal].outcome
    else {
        panic!("not in force")
    };
    assert_eq!(all.persons(), &THREE.iter().map(|who| who.id).collect());
    for who in THREE {
        assert!(matches!(world.state().person(&who.id).unwrap().standing, Standing::Admitted { member: false }));
        assert_eq!(world.state().roles(&who.id), [Role::Trustee].into());
    }
}

#[test]
fn only_the_founder_proposes_the_first_charter() {
    let mut world = joined();
    let act = world.charter_proposal(three_charter(), &three_roll());
    assert_eq!(world.no(THREE[1], act.clone()), Refusal::NotAdmitted);
    assert_eq!(world.no(OUTSIDER, act), Refusal::Stranger);
    let expires = world.now.after(Seconds::DAY);
    assert_eq!(world.no(THREE[1], invite(&token("x"), &[Role::Member], expires)), Refusal::NotAdmitted);
}

#[test]
fn a_new_proposal_starts_the_signatures_again() {
    let mut world = joined();
    let first = world.propose_charter(three_charter(), &three_roll());
    world.ok(THREE[1], world.sign(first));
    let second = world.propose_charter(three_charter(), &three_roll());
    assert_eq!(world.no(THREE[2], world.sign(first)), Refusal::ProposalClosed);
    assert!(matches!(world.state().proposals()[&first].outcome, Outcome::Superseded));
    world.ok(THREE[2], world.sign(second));
    assert!(world.state().charter().is_none(), "the signature under the first proposal does not count");
    world.ok(THREE[1], world.sign(second));
    assert!(world.state().charter().is_some());
}

#[test]
fn an_absent_invitee_is_dropped_by_a_new_proposal() {
    let mut world = joined();
    world.let_join(MEMBER, &[Role::Member]);
    let all: Vec<_> = three_roll().into_iter().chain([(MEMBER, vec![Role::Member])]).collect();
    world.propose_charter(three_charter(), &all);
    let proposal = world.propose_charter(three_charter(), &three_roll());
    assert_eq!(world.no(MEMBER, world.sign(proposal)), Refusal::NotConcerned);
    for who in &THREE[1..] {
        world.ok(*who, world.sign(proposal));
    }
    assert!(world.state().charter().is_some());
    assert!(matches!(world.state().person(&MEMBER.id).unwrap().standing, Standing::Candidate(_)));
}

#[test]
fn others_acknowledge_and_do_not_count() {
    let mut world = joined();
    world.let_join(MEMBER, &[Role::Member]);
    world.let_join(MEDIATOR, &[Role::Mediator]);
    let mut charter = three_charter();
    charter.mediators = ids(&[MEDIATOR]);
    let roll: Vec<_> =
        three_roll().into_iter().chain([(MEMBER, vec![Role::Member]), (MEDIATOR, vec![Role::Mediator])]).collect();
    let proposal = world.propose_charter(charter, &roll);
    world.ok(MEMBER, world.sign(proposal));
    world.ok(MEDIATOR, world.sign(proposal));
    assert_eq!(world.no(MEMBER, world.sign(proposal)), Refusal::AlreadySigned);
    world.ok(THREE[1], world.sign(proposal));
    assert_eq!(world.no(THREE[1], world.sign(proposal)), Refusal::AlreadySigned);
    assert!(world.state().charter().is_none());
    let state = &world.state().proposals()[&proposal];
    assert_eq!(state.acknowledged, [MEMBER.id, MEDIATOR.id].into());
    assert_eq!(state.signed, [FOUNDER.id, THREE[1].id].into());
    world.ok(THREE[2], world.sign(proposal));
    assert_eq!(world.state().roles(&MEMBER.id), [Role::Member].into());
    assert_eq!(world.state().roles(&MEDIATOR.id), [Role::Mediator].into());
}

#[test]
fn a_founder_need_not_be_a_trustee() {
    let mut world = World::begin();
    let three = [Who(1), Who(2), Who(3)];
    for who in three {
        world.let_join(who, &[Role::Trustee]);
    }
    let quorums = ["amend", "destroy", "everyday"].map(|name| quorum(name, vec![group(2, &three)])).to_vec();
    let charter = charter(1, &three, quorums, vec![vault("web", &["everyday"], &[Role::Member], Seconds(86_400))]);
    let mut roll: Vec<_> = three.iter().map(|who| (*who, vec![Role::Trustee])).collect();
    roll.push((FOUNDER, vec![Role::Member]));
    let proposal = world.propose_charter(charter, &roll);
    for who in three {
        world.ok(who, world.sign(proposal));
    }
    assert_eq!(world.state().roles(&FOUNDER.id), [Role::Member].into());
    let expires = world.now.after(Seconds::DAY);
    assert_eq!(world.no(FOUNDER, invite(&token("x"), &[Role::Member], expires)), Refusal::MayNotInvite);
}

#[test]
fn a_founder_whom_the_charter_leaves_out_founds_nothing_more() {
    let mut world = World::begin();
    let two = [Who(1), Who(2)];
    for who in two {
        world.let_join(who, &[Role::Trustee]);
    }
    let quorums = ["amend", "destroy", "everyday"].map(|name| quorum(name, vec![group(2, &two)])).to_vec();
    let charter = charter(1, &two, quorums, vec![vault("web", &["everyday"], &[Role::Member], Seconds(86_400))]);
    let roll: Vec<_> = two.iter().map(|who| (*who, vec![Role::Trustee])).collect();
    let proposal = world.propose_charter(charter.clone(), &roll);
    for who in two {
        world.ok(who, world.sign(proposal));
    }
    let expires = world.now.after(Seconds::DAY);
    assert_eq!(world.no(FOUNDER, invite(&token("x"), &[Role::Member], expires)), Refusal::MayNotInvite);
    let next = world.charter_proposal(v1::Charter { version: 2, ..charter }, &[]);
    assert_eq!(world.no(FOUNDER, next), Refusal::MayNotInvite);
}

#[test]
fn a_signature_names_the_proposal_by_its_hash() {
    let mut world = joined();
    let proposal = world.propose_charter(three_charter(), &three_roll());
    let swapped = v1::Sign { proposal_index: proposal, proposal_leaf: world.leaf(proposal - 1).to_vec() };
    assert_eq!(world.no(THREE[1], Act::Sign(swapped)), Refusal::ProposalDiffers);
    assert_eq!(world.no(THREE[1], world.sign(proposal - 1)), Refusal::ProposalUnknown);
    assert_eq!(world.no(OUTSIDER, world.sign(proposal)), Refusal::Stranger);
}

#[test]
fn a_signature_from_before_the_proposal_is_stale() {
    let mut world = joined();
    let proposal = world.propose_charter(three_charter(), &three_roll());
    let mut command = world.draft(world.sign(proposal));
    command.base = Some(world.head_at(proposal).into());
    assert_eq!(world.submit_draft(THREE[1], &command), Err(Refusal::StaleBase));
}

#[test]
fn a_proposal_lives_thirty_days() {
    let mut world = joined();
    let proposal = world.propose_charter(three_charter(), &three_roll());
    world.ok(THREE[1], world.sign(proposal));
    let signature = world.signed(THREE[2], world.sign(proposal));
    world.wait(Seconds(30 * 86_400 - 1));
    let mut in_time = world.clone();
    in_time.offer(signature.clone()).expect("a signature is not bound by the clock");
    assert!(in_time.state().charter().is_some());
    world.wait(Seconds(1));
    assert_eq!(world.offer(signature), Err(Refusal::ProposalClosed));
}

#[test]
fn the_roll_repeats_what_the_newcomer_signed() {
    let mut world = joined();
    let honest = world.admission(THREE[1], &[Role::Trustee]);
    let changes: [fn(&mut v1::Admission); 5] = [
        |a| a.keys.as_mut().unwrap().recipient = Some(recipient("the founder's own")),
        |a| a.roles = wire_roles(&[Role::Technician]),
        |a| a.join_index += 1,
        |a| a.join_leaf = blob("another entry"),
        |a| a.keys = Some(OUTSIDER.keys.into()),
    ];
    for change in changes {
        let mut admission = honest.clone();
        change(&mut admission);
        let mut roll: Vec<_> = [FOUNDER, THREE[2]]
            .map(|who| world.admission(who, &[Role::Trustee]))
            .into_iter()
            .chain([admission])
            .map(|a| (v1_person(&a), a))
            .collect();
        roll.sort_by_key(|(id, _)| *id);
        let roll = roll.into_iter().map(|(_, a)| a).collect();
        let act = Act::ProposeCharter(v1::ProposeCharter { charter: Some(three_charter()), roll });
        assert_eq!(world.no(FOUNDER, act), Refusal::AdmissionMismatch);
    }
}

fn v1_person(admission: &v1::Admission) -> PersonId {
    let key = admission.keys.as_ref().unwrap().signing.as_ref().unwrap();
    sequestre::escrow::key::VerifyingKey::parse(key.algorithm, &key.key).unwrap().person()
}

#[test]
fn the_charter_gives_each_newcomer_the_office_they_joined_for() {
    let mut world = joined();
    world.let_join(TECHNICIAN, &[Role::Technician]);
    let roll: Vec<_> = three_roll().into_iter().chain([(TECHNICIAN, vec![Role::Technician])]).collect();
    let act = world.charter_proposal(three_charter(), &roll);
    assert_eq!(world.no(FOUNDER, act), Refusal::AdmissionMismatch, "the charter does not name the technician");
    let mut charter = three_charter();
    charter.technicians = ids(&[TECHNICIAN]);
    let act = world.charter_proposal(charter.clone(), &three_roll());
    assert_eq!(world.no(FOUNDER, act), Refusal::CharterNamesStranger);
    charter.technicians = ids(&[OUTSIDER]);
    let act = world.charter_proposal(charter, &three_roll());
    assert_eq!(world.no(FOUNDER, act), Refusal::CharterNamesStranger);
}

#[test]
fn the_charter_begins_with_version_one_and_keeps_key_and_address() {
    let mut world = joined();
    let refused = |world: &mut World, change: fn(&mut v1::Charter)| {
        let mut charter = three_charter();
        change(&mut charter);
        propose(world, charter)
    };
    assert_eq!(refused(&mut world, |c| c.version = 2), Refusal::CharterVersion { expected: 1 });
    assert_eq!(refused(&mut world, |c| c.log_key = Some(public_key("mine").into())), Refusal::CharterLogKey);
    assert_eq!(refused(&mut world, |c| c.address = "elsewhere.example:1".into()), Refusal::CharterLogKey);
}

#[test]
fn nothing_but_founding_happens_before_the_charter() {
    let mut world = joined();
    let expires = world.now.after(Seconds::DAY);
    assert_eq!(world.no(FOUNDER, leave()), Refusal::NotRemovable, "who leaves now ends it for everybody");
    assert_eq!(world.no(FOUNDER, remove(THREE[1])), Refusal::NotAdmitted);
    assert_eq!(world.no(FOUNDER, world.admit(THREE[1], &[Role::Trustee])), Refusal::NotAdmitted);
    world.ok(FOUNDER, invite(&token("open"), &[Role::Member], expires));
    world.ok(FOUNDER, cancel(&token("open")));
}

#[test]
fn thresholds_lie_between_two_and_all() {
    for threshold in [0, 1, 4, 258] {
        let expected = BadQuorum::Threshold { threshold, members: 3 };
        let found = bad(|c| c.quorums[2].groups[0].threshold = threshold);
        assert_eq!(found, Malformed::from(expected).into());
    }
    let single = bad(|c| c.quorums[2].groups = vec![group(1, &THREE[..1])]);
    assert_eq!(single, Malformed::from(BadQuorum::Threshold { threshold: 1, members: 1 }).into());
}

#[test]
fn empty_means_nobody_and_is_refused() {
    assert_eq!(bad(|c| c.quorums[2].groups.clear()), Malformed::from(BadQuorum::Empty).into());
    assert_eq!(bad(|c| c.quorums[2].groups[0].members.clear()), Malformed::from(BadQuorum::Empty).into());
    assert_eq!(bad(|c| c.quorums.clear()), BadCharter::NoQuorum("amend"));
    assert_eq!(bad(|c| drop(c.quorums.remove(0))), BadCharter::NoQuorum("amend"));
    assert_eq!(bad(|c| drop(c.quorums.remove(1))), BadCharter::NoQuorum("destroy"));
    assert_eq!(bad(|c| c.vaults.clear()), BadCharter::NoVault);
    assert_eq!(bad(|c| c.vaults[0].opened_by.clear()), BadCharter::NoVault);
    assert_eq!(bad(|c| c.limits = None), Malformed::Missing("limits").into());
    assert_eq!(bad(|c| c.limits.as_mut().unwrap().entries_per_day = 9), BadCharter::Limits);
    assert_eq!(bad(|c| c.limits.as_mut().unwrap().bytes_per_day = (1 << 20) - 1), BadCharter::Limits);
    for delay in [0, 3_599, 90 * 86_400 + 1] {
        assert_eq!(bad(|c| c.destroy_delay = delay), BadCharter::DestroyDelay);
    }
    assert_eq!(bad(|c| c.trustees.clear()), BadCharter::NotTrustee(QuorumName::parse("amend").unwrap()));
}

#[test]
fn nobody_stands_twice_in_a_quorum() {
    let overlap = bad(|c| c.quorums[2].groups = vec![group(2, &THREE), group(2, &THREE[1..])]);
    assert_eq!(overlap, Malformed::from(BadQuorum::Duplicate).into());
    let twice = bad(|c| c.quorums[2].groups[0].members[1] = ids(&THREE)[0].clone());
    assert_eq!(twice, Malformed::List("members of a group").into());
    assert_eq!(bad(|c| c.quorums[2].groups[0].members.reverse()), Malformed::List("members of a group").into());
    assert_eq!(bad(|c| c.trustees.reverse()), Malformed::List("trustees").into());
    assert_eq!(bad(|c| c.quorums.swap(0, 1)), Malformed::List("quorums").into());
}

#[test]
fn quorums_name_trustees_only() {
    let stranger = bad(|c| c.quorums[2].groups = vec![group(2, &[Who(0), Who(1), OUTSIDER])]);
    assert_eq!(stranger, BadCharter::NotTrustee(QuorumName::parse("everyday").unwrap()));
}

#[test]
fn who_judges_holds_no_shares() {
    assert_eq!(bad(|c| c.mediators = ids(&[Who(1)])), BadCharter::MediatorIsTrustee);
}

#[test]
fn vaults_and_admission_refer_to_quorums_that_exist() {
    let missing = || BadCharter::UnknownQuorum("vital".into());
    assert_eq!(bad(|c| c.admission = "vital".into()), missing());
    assert_eq!(bad(|c| c.vaults[0].opened_by = vec!["vital".into()]), missing());
    let nameless = bad(|c| c.admission.clear());
    assert_eq!(nameless, Malformed::from(BadQuorum::Name(String::new())).into());
    let unsorted = bad(|c| c.vaults[0].opened_by = vec!["everyday".into(), "amend".into()]);
    assert_eq!(unsorted, Malformed::List("quorums of a vault").into());
}

#[test]
fn leases_last_a_minute_to_ninety_days() {
    for seconds in [0, 59, 90 * 86_400 + 1, u64::MAX] {
        assert_eq!(bad(|c| c.vaults[0].longest_lease = seconds), BadCharter::Lease("web".into()));
    }
    let mut world = joined();
    for seconds in [60, 90 * 86_400] {
        let mut charter = three_charter();
        charter.vaults[0].longest_lease = seconds;
        world.propose_charter(charter, &three_roll());
    }
}

#[test]
fn names_addresses_roles_and_rules_are_known_ones() {
    for address in [
        "",
        "example.org",
        ":443",
        "example.org:0",
        "example.org:65536",
        "two words:443",
        "example.org:+443",
        "example.org:0443",
        "example.org:443 ",
        "a:b:443",
        "[::1:443",
        "[b]:443",
        "a@b:443",
        "/:443",
        "-a:443",
        "é:443",
    ] {
        assert_eq!(bad(|c| c.address = address.into()), BadCharter::Address, "{address}");
    }
    assert_eq!(bad(|c| c.rules_version = 2), BadCharter::Rules(2));
    assert_eq!(bad(|c| c.rules_version = 0), BadCharter::Rules(0));
    assert_eq!(bad(|c| c.version = 0), Malformed::Range("charter version").into());
    assert_eq!(bad(|c| c.vaults[0].name = "Web".into()), Malformed::Range("vault name").into());
    let unknown = bad(|c| c.vaults[0].askers = Some(v1::Who { roles: vec![5], persons: vec![] }));
    assert!(matches!(unknown, BadCharter::Malformed(Malformed::Roles(_))), "{unknown:?}");
    let unspecified = bad(|c| c.vaults[0].askers = Some(v1::Who { roles: vec![0], persons: vec![] }));
    assert!(matches!(unspecified, BadCharter::Malformed(Malformed::Roles(_))), "{unspecified:?}");
}

#[test]
fn a_genesis_is_the_founders_own() {
    let refused = |change: fn(&mut v1::Genesis)| {
        let mut act = genesis();
        change(&mut act);
        World::begin_with(act, START).map(|_| ()).unwrap_err().fault
    };
    assert_eq!(refused(|g| g.founder = Some(OUTSIDER.keys.into())), Fault::Refused(Refusal::NotYourKeys));
    let identity_as_device = |g: &mut v1::Genesis| g.device = Some(FOUNDER.keys.signing.into());
    assert_eq!(refused(identity_as_device), Fault::Refused(Refusal::NotYourKeys));
    assert_eq!(refused(|g| g.rules_version = 2), Fault::Refused(Refusal::UnknownRules { version: 2 }));
    let late = World::begin_with(genesis(), START.after(Seconds(601))).map(|_| ()).unwrap_err().fault;
    assert_eq!(late, Fault::Refused(Refusal::ClockSkew { by: Seconds(601) }));
    World::begin_with(genesis(), START.after(Seconds(600))).unwrap();
    World::begin_with(genesis(), START.before(Seconds(600))).unwrap();
}

#[test]
fn a_log_begins_once() {
    let mut world = World::founded();
    let act = Act::Genesis(genesis());
    let command = v1::Command {
        created: world.now.0,
        nonce: vec![7; 16],
        base: Some(sequestre::escrow::log::merkle::TreeHead::EMPTY.into()),
        act: Some(act),
    };
    let signed =
        sign_as(FOUNDER, &sequestre::escrow::command::NO_ORGANISATION, prost::Message::encode_to_vec(&command));
    assert_eq!(world.offer(signed), Err(Refusal::GenesisTwice));
}
