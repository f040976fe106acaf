//! Destroying: who may propose it, the two agreements and the delay between them, vetoes, what is gone then and what
//! stays; and that a charter cannot make destroying easier by itself.

use std::collections::BTreeSet;

use sequestre::escrow::brake::CONFIRMATION_LIFE;
use sequestre::escrow::charter::BadCharter;
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::id::BlobId;
use sequestre::escrow::organisation::Effect;
use sequestre::escrow::part::PartKind::{Notes, Password};
use sequestre::escrow::proposal::{Outcome, PROPOSAL_LIFE, Ratification};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::{Seconds, Time};

use crate::world::*;

const DELAY: Seconds = Seconds(7 * 86_400);
const FIVE: [Who; 5] = [Who(0), Who(1), Who(2), Who(3), Who(4)];

fn destroy(subject: v1::propose_destruction::Subject) -> Act {
    let reason = blob("why it is destroyed");
    Act::ProposeDestruction(v1::ProposeDestruction { subject: Some(subject), reason })
}

fn account(n: u8, version: u32) -> Act {
    let doomed = v1::DoomedAccount { credential: credential(n).to_vec(), version };
    destroy(v1::propose_destruction::Subject::Account(doomed))
}

fn text(label: &str) -> Act {
    destroy(v1::propose_destruction::Subject::Text(blob(label)))
}

fn organisation() -> Act {
    destroy(v1::propose_destruction::Subject::Organisation(v1::WholeOrganisation {}))
}

fn second(world: &World, proposal: u64) -> Act {
    Act::Confirm(v1::Confirm { proposal_index: proposal, proposal_leaf: world.leaf(proposal).to_vec() })
}

fn veto(world: &World, proposal: u64) -> Act {
    let proposal_leaf = world.leaf(proposal).to_vec();
    Act::Veto(v1::Veto { proposal_index: proposal, proposal_leaf, reason: blob("why not") })
}

fn id(label: &str) -> BlobId {
    BlobId::new(fake(label))
}

/// Proposed by the founder and signed by the other four whom `destroy` needs.
fn agreed(world: &mut World, act: Act) -> u64 {
    let proposal = world.ok(FOUNDER, act);
    for who in &FIVE[1..] {
        world.ok(*who, world.sign(proposal));
    }
    proposal
}

/// Confirmed by as many, once the delay is over.
fn confirmed(world: &mut World, proposal: u64) {
    for who in FIVE {
        world.ok(who, second(world, proposal));
    }
}

fn destroyed(world: &mut World, act: Act) -> u64 {
    let proposal = agreed(world, act);
    world.wait(DELAY);
    confirmed(world, proposal);
    proposal
}

fn is_done(world: &World, proposal: u64) -> bool {
    matches!(world.state().proposals()[&proposal].outcome, Outcome::InForce { .. })
}

fn window(world: &World, proposal: u64) -> (Time, Time) {
    let Outcome::Agreed(delayed) = &world.state().proposals()[&proposal].outcome else { panic!("not agreed") };
    let window = world.state().window(delayed);
    (window.from, window.until)
}

fn forgotten(world: &World) -> BTreeSet<BlobId> {
    let lists = world.effects.iter().filter_map(|effect| match effect {
        Effect::Forget(blobs) => Some(blobs),
        _ => None,
    });
    lists.flatten().copied().collect()
}

fn with_account() -> World {
    let mut world = World::founded();
    world.let_deposit(MEMBER, 1);
    world
}

#[test]
fn it_takes_two_agreements_with_the_delay_between_them() {
    let mut world = with_account();
    let proposal = world.ok(FOUNDER, account(1, 0));
    for who in &FIVE[1..4] {
        world.ok(*who, world.sign(proposal));
        assert_eq!(world.no(*who, second(&world.clone(), proposal)), Refusal::NotAgreed);
    }
    world.wait(Seconds::DAY);
    world.ok(FIVE[4], world.sign(proposal));
    let agreed_at = world.now;
    assert_eq!(window(&world, proposal), (agreed_at.after(DELAY), agreed_at.after(DELAY).after(CONFIRMATION_LIFE)));
    assert_eq!(world.no(TRUSTEES[5], world.sign(proposal)), Refusal::ProposalClosed, "the first round is over");
    world.wait(Seconds(DELAY.0 - 1));
    let early = Refusal::TooEarly { at: agreed_at.after(DELAY) };
    assert_eq!(world.no(FOUNDER, second(&world.clone(), proposal)), early);
    world.wait(Seconds(1));
    // Others than the first time, as long as the quorum is satisfied.
    for who in &TRUSTEES[2..6] {
        world.ok(*who, second(&world.clone(), proposal));
        assert_eq!(world.no(*who, second(&world.clone(), proposal)), Refusal::AlreadySigned);
    }
    assert!(world.state().credential(&credential(1)).is_some(), "four of five");
    for who in [MEMBER, MEDIATOR, TECHNICIAN] {
        assert_eq!(world.no(who, second(&world.clone(), proposal)), Refusal::NotConcerned);
    }
    world.ok(TRUSTEES[6], second(&world.clone(), proposal));
    assert!(world.state().credential(&credential(1)).is_none());
    let Outcome::InForce { since, ratification: Ratification::Twice { first, second: last } } =
        &world.state().proposals()[&proposal].outcome
    else {
        panic!("not done")
    };
    assert_eq!((*since, first.persons().len(), last.persons().len()), (world.now, 5, 5));
    assert_eq!(world.no(FOUNDER, second(&world.clone(), proposal)), Refusal::ProposalClosed, "once");
}

#[test]
fn silence_executes_nothing() {
    let mut world = with_account();
    let proposal = agreed(&mut world, account(1, 0));
    world.wait(Seconds(DELAY.0 + CONFIRMATION_LIFE.0 - 1));
    world.timers();
    world.ok(FOUNDER, second(&world.clone(), proposal));
    world.wait(Seconds(1));
    assert_eq!(world.no(FIVE[1], second(&world.clone(), proposal)), Refusal::ProposalClosed);
    assert_eq!(world.no(FIVE[1], veto(&world.clone(), proposal)), Refusal::ProposalClosed);
    assert!(world.state().credential(&credential(1)).is_some());
    // Nor does a proposal that not enough people sign become agreed.
    let lonely = world.ok(FOUNDER, account(1, 0));
    world.wait(PROPOSAL_LIFE);
    assert_eq!(world.no(FIVE[1], second(&world.clone(), lonely)), Refusal::ProposalClosed);
    assert_eq!(world.no(FIVE[1], world.sign(lonely)), Refusal::ProposalClosed);
}

#[test]
fn only_the_destroy_quorum_proposes_and_only_what_is_there() {
    let mut world = with_account();
    for who in [MEMBER, MEDIATOR, TECHNICIAN] {
        assert_eq!(world.no(who, account(1, 0)), Refusal::MayNotDestroy);
    }
    assert_eq!(world.no(FOUNDER, account(2, 0)), Refusal::CredentialUnknown);
    assert_eq!(world.no(FOUNDER, account(2, 1)), Refusal::CredentialUnknown);
    assert_eq!(world.no(FOUNDER, account(1, 9)), Refusal::PartUnknown);
    assert_eq!(world.no(FOUNDER, text("never written")), Refusal::TextUnknown);
    assert_eq!(world.no(FOUNDER, text("sealed 1.1 password")), Refusal::TextUnknown, "sealed, and no text");
    let charterless = World::begin().submit(FOUNDER, organisation());
    assert!(matches!(charterless, Err(Refusal::NotAdmitted | Refusal::NotFounded)));
    let forged = Act::Confirm(v1::Confirm { proposal_index: 0, proposal_leaf: blob("another") });
    assert_eq!(world.no(FOUNDER, forged), Refusal::ProposalUnknown);
    let proposal = agreed(&mut world, account(1, 0));
    world.wait(DELAY);
    let forged = Act::Confirm(v1::Confirm { proposal_index: proposal, proposal_leaf: blob("another") });
    assert_eq!(world.no(FOUNDER, forged), Refusal::ProposalDiffers);
}

#[test]
fn an_account_goes_with_its_blobs_and_its_number_stays() {
    let mut world = with_account();
    world.let_deposit(MEMBER, 2);
    let waiting = world.let_request(OTHER_MEMBER, 1);
    let proposal = agreed(&mut world, account(1, 0));
    world.wait(DELAY);
    world.timers();
    let lease = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.daemon(DaemonAct::Collected(lease)).unwrap();
    confirmed(&mut world, proposal);
    assert!(matches!(world.state().request(lease).unwrap().stage, Stage::Ended { how: End::Destroyed, .. }));
    assert!(world.effects.contains(&Effect::DropShares { request: lease }));
    assert!(matches!(world.state().request(waiting).unwrap().stage, Stage::Ended { how: End::Expired, .. }));
    let gone = forgotten(&world);
    let label = |l: &str| gone.contains(&id(l));
    assert!(label("label 1") && label("sheet 1.1") && label("sealed 1.1 password"));
    assert!(label("sealed share 1.1 password everyday 0 0") && label("sealed share 1.1 password vital 0 6"));
    assert_eq!(gone.len(), 3 + 14, "and nothing else: {gone:?}");
    assert!(world.state().is_forgotten(&id("label 1")) && !world.state().is_forgotten(&id("label 2")));
    assert_eq!(world.state().destroyed_accounts()[&credential(1)].proposal, proposal);
    assert!(world.state().part(&part(1, 1, Password)).is_none());
    // The id is not used again, and nothing can be asked of it.
    let again = world.deposit_of(1, 1, "web", &[Password]);
    assert_eq!(world.no(MEMBER, Act::Deposit(again)), Refusal::CredentialDestroyed);
    let next = world.deposit_of(1, 2, "web", &[Password]);
    assert_eq!(world.no(MEMBER, Act::Deposit(next)), Refusal::CredentialDestroyed);
    let mut asked = world.request_of(OTHER_MEMBER, 2);
    asked.parts[0].credential = credential(1).to_vec();
    assert_eq!(world.no(OTHER_MEMBER, Act::Request(asked)), Refusal::CredentialDestroyed);
    assert_eq!(world.no(FOUNDER, account(1, 0)), Refusal::CredentialDestroyed);
    world.let_request(OTHER_MEMBER, 2);
}

#[test]
fn an_old_version_goes_alone_unless_something_of_it_is_in_use() {
    let mut world = World::founded();
    let first = world.deposit_of(1, 1, "web", &[Password, Notes]);
    world.ok(MEMBER, Act::Deposit(first));
    assert_eq!(world.no(FOUNDER, account(1, 1)), Refusal::VersionInUse, "the current one");
    let carries = world.next_version(1, &[Password], &[Notes]);
    world.ok(MEMBER, Act::Deposit(carries));
    assert_eq!(world.no(FOUNDER, account(1, 1)), Refusal::VersionInUse, "its notes are current");
    let fresh = world.next_version(1, &[Password, Notes], &[]);
    world.ok(MEMBER, Act::Deposit(fresh));
    assert_eq!(world.no(FOUNDER, account(1, 1)), Refusal::VersionInUse, "version 2 is still there");
    let mut old = world.request_of(OTHER_MEMBER, 1);
    for asked in &mut old.parts {
        asked.version = if asked.kind == Notes as i32 { 1 } else { 2 };
    }
    old.parts.sort_by_key(|asked| asked.version);
    destroyed(&mut world, account(1, 2));
    let stands = world.state().credential(&credential(1)).unwrap();
    assert_eq!(stands.versions.keys().copied().collect::<Vec<_>>(), [1, 3]);
    assert_eq!(stands.destroyed[&2].at, world.now);
    assert!(forgotten(&world).contains(&id("sealed 1.2 password")));
    assert!(!forgotten(&world).contains(&id("sealed 1.1 notes")));
    old.expires = world.now.after(Seconds::DAY).0;
    assert_eq!(world.no(OTHER_MEMBER, Act::Request(old)), Refusal::PartUnknown);
    assert_eq!(world.no(FOUNDER, account(1, 2)), Refusal::PartUnknown);
    destroyed(&mut world, account(1, 1));
    // Numbers go on, and keys are not used again.
    let mut reused = world.next_version(1, &[Password], &[]);
    reused.parts[0].master_key = Some(recipient("master key 1.1 password"));
    assert_eq!(world.no(MEMBER, Act::Deposit(reused)), Refusal::SealedUsed);
    let next = world.next_version(1, &[Password], &[]);
    assert_eq!(next.version, 4);
    world.ok(MEMBER, Act::Deposit(next));
    assert_eq!(world.no(FOUNDER, account(1, 4)), Refusal::VersionInUse);
}

#[test]
fn what_comes_into_use_meanwhile_is_not_destroyed() {
    let mut world = World::founded();
    for _ in 0..2 {
        let version = world.state().credential(&credential(1)).map_or(1, |_| 2);
        let deposit = world.deposit_of(1, version, "web", &[Password, Notes]);
        world.ok(MEMBER, Act::Deposit(deposit));
    }
    // Version 1 and the whole account are both agreed upon; the account goes first.
    let one = agreed(&mut world, account(1, 1));
    let all = agreed(&mut world, account(1, 0));
    world.wait(DELAY);
    confirmed(&mut world, all);
    assert_eq!(world.no(FOUNDER, second(&world.clone(), one)), Refusal::CredentialDestroyed);
    let unsigned = world.let_deposit(MEMBER, 2);
    let late = world.ok(FOUNDER, account(2, 0));
    destroyed(&mut world, account(2, 0));
    assert_eq!(world.no(FIVE[1], world.sign(late)), Refusal::CredentialDestroyed, "entry {unsigned}");
}

#[test]
fn texts_go_unless_people_decide_by_them() {
    let mut world = with_account();
    let mut asked = world.request_of(OTHER_MEMBER, 1);
    asked.reason = blob("a reason that says too much");
    let request = world.ok(OTHER_MEMBER, Act::Request(asked));
    for needed in ["organisation", "founder", "newcomer", "label 1", "a reason that says too much"] {
        assert_eq!(world.no(FOUNDER, text(needed)), Refusal::TextInUse, "{needed}");
    }
    world.ok(OTHER_MEMBER, give_back(request));
    destroyed(&mut world, text("a reason that says too much"));
    assert_eq!(world.effects, [Effect::Forget(vec![id("a reason that says too much")])]);
    // An account sheet can go while its account stays.
    destroyed(&mut world, text("sheet 1.1"));
    assert!(world.state().is_forgotten(&id("sheet 1.1")));
    assert_eq!(world.no(FOUNDER, text("sheet 1.1")), Refusal::TextUnknown);
    destroyed(&mut world, account(1, 0));
    assert!(!forgotten(&world).contains(&id("sheet 1.1")), "what is gone is not deleted twice");
    // The reason of one that is not over is needed.
    let mut why = organisation();
    let Act::ProposeDestruction(proposal) = &mut why else { unreachable!() };
    proposal.reason = blob("why everything");
    world.ok(FOUNDER, why);
    assert_eq!(world.no(FOUNDER, text("why everything")), Refusal::TextInUse);
    world.wait(PROPOSAL_LIFE);
    world.ok(FOUNDER, text("why everything"));
}

#[test]
fn after_the_organisation_nothing_follows() {
    let mut world = with_account();
    let lease = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    let proposal = agreed(&mut world, organisation());
    world.wait(DELAY);
    confirmed(&mut world, proposal);
    assert_eq!(world.state().destroyed_at(), Some(world.now));
    assert!(forgotten(&world).contains(&id("organisation")) && forgotten(&world).contains(&id("newcomer")));
    assert_eq!(world.state().texts().count(), 0);
    assert_eq!(world.state().next_deadline(), None);
    assert_eq!(world.daemon(DaemonAct::LeaseExpired(lease)), Err(Refusal::OrganisationDestroyed));
    let acts = [account(1, 0), enrol(FOUNDER, public_key("another")), revoke(lease), second(&world, proposal)];
    for act in acts {
        assert_eq!(world.no(FOUNDER, act), Refusal::OrganisationDestroyed);
    }
    assert!(world.state().may_read(&FOUNDER.id), "the log stays readable");
}

#[test]
fn a_veto_asks_for_one_more_and_everybody_decides_anew() {
    let mut world = with_account();
    let proposal = agreed(&mut world, account(1, 0));
    for who in [MEMBER, MEDIATOR, TECHNICIAN] {
        assert_eq!(world.no(who, veto(&world.clone(), proposal)), Refusal::NotTrustee);
    }
    world.wait(DELAY);
    for who in &FIVE[..4] {
        world.ok(*who, second(&world.clone(), proposal));
    }
    world.ok(TRUSTEES[6], veto(&world.clone(), proposal));
    for who in [TRUSTEES[6], FOUNDER] {
        assert_eq!(world.no(who, veto(&world.clone(), proposal)), Refusal::ProposalVetoed);
    }
    let stands = world.state().proposals()[&proposal].veto.unwrap();
    assert_eq!((stands.person, stands.at), (TRUSTEES[6].id, world.now));
    assert!(!world.effects.is_empty(), "its reason is kept");
    world.ok(FIVE[4], second(&world.clone(), proposal));
    assert!(!is_done(&world, proposal), "four confirmed before they could know of the veto");
    for who in &FIVE[..4] {
        world.ok(*who, second(&world.clone(), proposal));
    }
    assert!(!is_done(&world, proposal), "five of seven, and of `amend`, too");
    world.ok(TRUSTEES[5], second(&world.clone(), proposal));
    assert!(is_done(&world, proposal), "six");
    // The next one can be vetoed again, also before it is agreed, and by whoever vetoed the last.
    world.let_deposit(MEMBER, 2);
    let proposal = world.ok(FOUNDER, account(2, 0));
    world.ok(TRUSTEES[6], veto(&world.clone(), proposal));
    for who in &FIVE[1..] {
        world.ok(*who, world.sign(proposal));
    }
    world.wait(DELAY);
    confirmed(&mut world, proposal);
    assert!(!is_done(&world, proposal));
}

#[test]
fn only_what_takes_two_agreements_can_be_vetoed() {
    let mut world = World::founded();
    let removal = world.ok(FOUNDER, remove(MEMBER));
    assert_eq!(world.no(TRUSTEES[1], veto(&world.clone(), removal)), Refusal::NothingToVeto);
    let harmless = world.propose_charter(v1::Charter { version: 2, ..standard_charter() }, &[]);
    assert_eq!(world.no(TRUSTEES[1], veto(&world.clone(), harmless)), Refusal::NothingToVeto);
    assert_eq!(world.no(TRUSTEES[1], second(&world.clone(), harmless)), Refusal::NotAgreed);
    assert_eq!(world.no(TRUSTEES[1], veto(&world.clone(), 0)), Refusal::ProposalUnknown);
}

#[test]
fn whoever_confirms_saw_the_agreement_the_charter_and_the_veto() {
    let mut world = with_account();
    let proposal = agreed(&mut world, account(1, 0));
    let at = world.state().size();
    world.wait(DELAY);
    let from_before = |world: &mut World, size: u64| {
        let act = second(world, proposal);
        let mut command = world.draft(act);
        command.base = Some(world.head_at(size).into());
        world.submit_draft(FOUNDER, &command)
    };
    assert_eq!(from_before(&mut world, at - 1), Err(Refusal::StaleBase), "before the fifth signature");
    world.ok(TRUSTEES[6], veto(&world.clone(), proposal));
    assert_eq!(from_before(&mut world, at), Err(Refusal::StaleBase), "before the veto");
    let now = world.state().size();
    assert!(from_before(&mut world, now).is_ok());
    // A clock that the server chooses does not shorten the delay: the command says when it was made.
    let mut early = with_account();
    let proposal = agreed(&mut early, account(1, 0));
    let act = second(&early, proposal);
    let made_now = early.draft(act);
    early.wait(DELAY);
    assert_eq!(early.submit_draft(FOUNDER, &made_now), Err(Refusal::ClockSkew { by: DELAY }));
}

/// The standard charter with other brakes.
fn brakes(version: u32, destroy: v1::Quorum, delay: u64) -> v1::Charter {
    let mut charter = v1::Charter { version, destroy_delay: delay, ..standard_charter() };
    charter.quorums[1] = destroy;
    charter
}

fn of_all(k: u32) -> v1::Quorum {
    quorum("destroy", vec![group(k, &TRUSTEES)])
}

/// `amend` is easier, and with it the answer to a veto.
fn lower_amend() -> Vec<v1::Quorum> {
    let mut quorums = standard_charter().quorums;
    quorums[0] = quorum("amend", vec![group(4, &TRUSTEES)]);
    quorums
}

#[test]
fn a_charter_that_makes_destroying_easier_takes_two_agreements() {
    let weaker = [
        brakes(2, of_all(4), DELAY.0),
        brakes(2, of_all(5), DELAY.0 - 1),
        brakes(2, quorum("destroy", vec![group(2, &TRUSTEES[..2])]), DELAY.0),
        brakes(2, quorum("destroy", vec![group(4, &TRUSTEES[..6])]), DELAY.0),
        brakes(2, of_all(5), 3_600),
        v1::Charter { quorums: lower_amend(), version: 2, ..standard_charter() },
    ];
    for charter in weaker {
        let mut world = World::founded();
        let proposal = world.propose_charter(charter.clone(), &[]);
        for who in &FIVE[1..] {
            world.ok(*who, world.sign(proposal));
        }
        assert_eq!(world.state().charter().unwrap().version(), 1);
        let from = world.now.after(DELAY);
        assert_eq!(window(&world, proposal).0, from, "by the delay in force, not by the new one");
        assert_eq!(world.no(FOUNDER, second(&world.clone(), proposal)), Refusal::TooEarly { at: from });
        world.wait(DELAY);
        confirmed(&mut world, proposal);
        assert_eq!(world.state().charter().unwrap().version(), 2, "{charter:?}");
    }
    let stronger = [
        brakes(2, of_all(5), DELAY.0),
        brakes(2, of_all(5), DELAY.0 + 1),
        // Whoever is left out makes nothing easier as long as as many of the others must agree.
        brakes(2, quorum("destroy", vec![group(5, &TRUSTEES[..6])]), DELAY.0),
    ];
    for charter in stronger {
        let mut world = World::founded();
        let proposal = world.propose_charter(charter, &[]);
        for who in &FIVE[1..] {
            world.ok(*who, world.sign(proposal));
        }
        assert_eq!(world.state().charter().unwrap().version(), 2);
    }
}

#[test]
fn whoever_gets_a_say_in_destroying_signs_too() {
    let mut world = World::founded();
    let charter = brakes(2, of_all(6), DELAY.0);
    let proposal = world.propose_charter(charter, &[]);
    for who in &FIVE[1..] {
        world.ok(*who, world.sign(proposal));
    }
    assert!(matches!(world.state().proposals()[&proposal].outcome, Outcome::Open), "five of the new six of seven");
    world.ok(TRUSTEES[5], world.sign(proposal));
    assert!(matches!(world.state().proposals()[&proposal].outcome, Outcome::Agreed(_)), "raising it waits, too");
    world.ok(TRUSTEES[6], veto(&world.clone(), proposal));
    world.wait(DELAY);
    for who in &TRUSTEES[..6] {
        assert_eq!(world.state().charter().unwrap().version(), 1);
        world.ok(*who, second(&world.clone(), proposal));
    }
    assert_eq!(world.state().charter().unwrap().version(), 2);
    // Nobody is left out at once without the others' own signature.
    let mut world = World::founded();
    let proposal = world.propose_charter(brakes(2, quorum("destroy", vec![group(5, &TRUSTEES[1..])]), DELAY.0), &[]);
    for who in &FIVE[1..] {
        world.ok(*who, world.sign(proposal));
    }
    assert_eq!(world.state().charter().unwrap().version(), 1, "four of the new five of six");
    world.ok(TRUSTEES[5], world.sign(proposal));
    assert_eq!(world.state().charter().unwrap().version(), 2);
}

#[test]
fn what_stops_with_the_first_one_lost_is_no_quorum_to_amend_or_destroy() {
    let mut world = World::founded();
    let everybody = |name: &'static str| Refusal::Charter(BadCharter::Everybody(name));
    let act = world.charter_proposal(brakes(2, of_all(7), DELAY.0), &[]);
    assert_eq!(world.no(FOUNDER, act), everybody("destroy"));
    let mut charter = v1::Charter { version: 2, ..standard_charter() };
    charter.quorums[0] = quorum("amend", vec![group(4, &TRUSTEES[..4])]);
    let act = world.charter_proposal(charter.clone(), &[]);
    assert_eq!(world.no(FOUNDER, act), everybody("amend"));
    charter.quorums[0] = quorum("amend", vec![group(3, &TRUSTEES[..3])]);
    world.propose_charter(charter, &[]);
}

#[test]
fn what_lapsed_once_never_comes_back() {
    let mut world = with_account();
    let proposal = agreed(&mut world, account(1, 0));
    world.wait(DELAY);
    for who in &FIVE[1..] {
        world.ok(*who, second(&world.clone(), proposal));
    }
    world.wait(CONFIRMATION_LIFE);
    let longer = world.propose_charter(brakes(2, of_all(5), 60 * 86_400), &[]);
    for who in &FIVE[1..] {
        world.ok(*who, world.sign(longer));
    }
    for days in [0, 14, 10] {
        world.wait(Seconds(days * 86_400));
        assert_eq!(world.no(FOUNDER, second(&world.clone(), proposal)), Refusal::ProposalClosed);
    }
}

#[test]
fn a_new_charter_asks_everybody_again() {
    let mut world = with_account();
    let proposal = agreed(&mut world, account(1, 0));
    let open = world.ok(FOUNDER, organisation());
    world.wait(DELAY);
    for who in &FIVE[1..] {
        world.ok(*who, second(&world.clone(), proposal));
    }
    let charter = world.propose_charter(brakes(2, of_all(5), DELAY.0), &[]);
    for who in &FIVE[1..] {
        world.ok(*who, world.sign(charter));
    }
    world.ok(FOUNDER, second(&world.clone(), proposal));
    assert!(!is_done(&world, proposal), "the four confirmed under another charter");
    for who in &FIVE[1..] {
        world.ok(*who, second(&world.clone(), proposal));
    }
    assert!(is_done(&world, proposal));
    world.ok(FOUNDER, world.sign(open));
}

#[test]
fn nobody_names_a_blob_that_stands_in_the_log_or_was_destroyed() {
    let mut world = with_account();
    let refused = |world: &mut World, who: Who, act: Act| {
        let mut command = world.draft(act.clone());
        command.act = Some(act);
        world.submit_draft(who, &command).unwrap_err()
    };
    // A decoy that keeps the sealed secret, its key, or one share of it from being destroyed.
    let victim = world.deposit_of(1, 1, "web", &[Password]);
    let decoys: [fn(&mut v1::Part, &v1::Part); 3] = [
        |new, old| new.sealed.clone_from(&old.sealed),
        |new, old| new.master_key.clone_from(&old.master_key),
        |new, old| new.deals[0].groups[0].shares[1] = old.deals[0].groups[0].shares[0].clone(),
    ];
    for change in decoys {
        let mut decoy = world.deposit_of(2, 1, "web", &[Password]);
        change(&mut decoy.parts[0], &victim.parts[0]);
        assert_eq!(refused(&mut world, MEMBER, Act::Deposit(decoy)), Refusal::SealedUsed);
    }
    // A text that would be hidden or kept by another use of it; something sealed that would be shown to everybody.
    let proposal = agreed(&mut world, text("sheet 1.1"));
    for named in ["sheet 1.1", "label 1", "organisation", "sealed 1.1 password"] {
        let mut junk = world.deposit_of(3, 1, "web", &[Password]);
        junk.label = blob(named);
        assert_eq!(refused(&mut world, MEMBER, Act::Deposit(junk)), Refusal::TextUsed, "{named}");
        let proposal_leaf = world.leaf(proposal).to_vec();
        let named = v1::Veto { proposal_index: proposal, proposal_leaf, reason: blob(named) };
        assert_eq!(refused(&mut world, TRUSTEES[6], Act::Veto(named)), Refusal::TextUsed);
    }
    let mut sealed = world.deposit_of(3, 1, "web", &[Password]);
    sealed.parts[0].sealed = blob("organisation");
    assert_eq!(refused(&mut world, MEMBER, Act::Deposit(sealed)), Refusal::SealedUsed);
    world.wait(DELAY);
    confirmed(&mut world, proposal);
    destroyed(&mut world, account(1, 0));
    // Nor once it is gone.
    let mut again = world.deposit_of(3, 1, "web", &[Password]);
    again.sheet = blob("sheet 1.1");
    assert_eq!(refused(&mut world, MEMBER, Act::Deposit(again)), Refusal::TextUsed);
    let mut again = world.deposit_of(3, 1, "web", &[Password]);
    again.parts[0].master_key.clone_from(&victim.parts[0].master_key);
    assert_eq!(refused(&mut world, MEMBER, Act::Deposit(again)), Refusal::SealedUsed);
    let mut again = world.deposit_of(3, 1, "web", &[Password]);
    again.parts[0].sealed.clone_from(&victim.parts[0].sealed);
    assert_eq!(refused(&mut world, MEMBER, Act::Deposit(again)), Refusal::SealedUsed);
}

#[test]
fn an_invitation_that_is_open_needs_its_name() {
    let mut world = World::founded();
    let expires = world.now.after(Seconds::DAY);
    let mut open = invite(&token("open"), &[Role::Member], expires);
    let Act::Invite(invitation) = &mut open else { unreachable!() };
    invitation.name = blob("a newcomer's name");
    world.ok(FOUNDER, open);
    assert_eq!(world.no(FOUNDER, text("a newcomer's name")), Refusal::TextInUse);
    world.wait(Seconds::DAY);
    world.ok(FOUNDER, text("a newcomer's name"));
}

#[test]
fn nobody_keeps_more_than_three_destructions_open() {
    let mut world = with_account();
    for _ in 0..3 {
        world.ok(FOUNDER, account(1, 0));
    }
    assert_eq!(world.no(FOUNDER, account(1, 0)), Refusal::TooManyProposals);
    world.ok(FIVE[1], account(1, 0));
    world.wait(PROPOSAL_LIFE);
    world.ok(FOUNDER, account(1, 0));
}

#[test]
fn a_signature_that_was_kept_back_begins_no_delay() {
    let mut world = with_account();
    let proposal = world.ok(FOUNDER, account(1, 0));
    let kept = world.signed(FIVE[1], world.sign(proposal));
    world.wait(Seconds::DAY);
    assert_eq!(world.offer(kept), Err(Refusal::ClockSkew { by: Seconds::DAY }));
}

#[test]
fn a_vault_that_is_in_use_keeps_somebody_who_asks() {
    let mut world = with_account();
    let mut charter = v1::Charter { version: 2, ..standard_charter() };
    charter.vaults[1].askers = None;
    let act = world.charter_proposal(charter, &[]);
    assert_eq!(world.no(FOUNDER, act), Refusal::VaultAskers);
}

#[test]
fn an_amendment_supersedes_one_that_waits_for_its_delay() {
    let mut world = World::founded();
    let weaker = world.propose_charter(brakes(2, of_all(2), DELAY.0), &[]);
    for who in &FIVE[1..] {
        world.ok(*who, world.sign(weaker));
    }
    let other = world.propose_charter(brakes(2, of_all(5), 2 * DELAY.0), &[]);
    for who in &FIVE[1..] {
        world.ok(*who, world.sign(other));
    }
    assert_eq!(world.state().charter().unwrap().version(), 2);
    world.wait(Seconds(2 * DELAY.0));
    assert_eq!(world.no(FOUNDER, second(&world.clone(), weaker)), Refusal::ProposalClosed);
}

#[test]
fn the_longer_delay_counts() {
    let mut world = with_account();
    let proposal = agreed(&mut world, account(1, 0));
    let at = world.now;
    let longer = world.propose_charter(brakes(2, of_all(5), 3 * DELAY.0), &[]);
    for who in &FIVE[1..] {
        world.ok(*who, world.sign(longer));
    }
    let from = at.after(Seconds(3 * DELAY.0));
    world.wait(DELAY);
    assert_eq!(world.no(FOUNDER, second(&world.clone(), proposal)), Refusal::TooEarly { at: from });
    // Shorter again, in two agreements; the delay of the day of the agreement holds.
    world.wait(Seconds(2 * DELAY.0));
    confirmed(&mut world, proposal);
    assert!(is_done(&world, proposal));
}

#[test]
fn a_vault_in_which_something_lies_stays() {
    let mut world = with_account();
    let mut charter = v1::Charter { version: 2, ..standard_charter() };
    charter.vaults.retain(|vault| vault.name != "web");
    let act = world.charter_proposal(charter.clone(), &[]);
    assert_eq!(world.no(FOUNDER, act), Refusal::VaultInUse);
    let mut empty = v1::Charter { version: 2, ..standard_charter() };
    empty.vaults.retain(|vault| vault.name != "bank");
    let proposal = world.propose_charter(empty, &[]);
    world.ok(FIVE[1], world.sign(proposal));
    // Somebody deposits in it before it is gone.
    let deposit = world.deposit_of(2, 1, "bank", &[Password]);
    world.ok(FOUNDER, Act::Deposit(deposit));
    assert_eq!(world.no(FIVE[2], world.sign(proposal)), Refusal::VaultInUse);
    destroyed(&mut world, account(1, 0));
    let act = world.charter_proposal(charter, &[]);
    world.ok(FOUNDER, act);
}

#[test]
fn a_newcomer_in_the_destroy_quorum_waits_for_the_delay() {
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Trustee]);
    let eight: Vec<Who> = TRUSTEES.iter().copied().chain([NEWCOMER]).collect();
    let mut charter = brakes(2, quorum("destroy", vec![group(5, &eight)]), DELAY.0);
    charter.trustees = ids(&eight);
    // The new charter's own quorum cannot do without them.
    charter.quorums[0] = quorum("amend", vec![group(2, &[TRUSTEES[6], NEWCOMER])]);
    let proposal = world.propose_charter(charter, &[(NEWCOMER, vec![Role::Trustee])]);
    for who in FIVE[1..].iter().chain(&[TRUSTEES[6], NEWCOMER]) {
        world.ok(*who, world.sign(proposal));
    }
    assert!(world.state().roles(&NEWCOMER.id).is_empty());
    world.wait(DELAY);
    confirmed(&mut world, proposal);
    world.ok(TRUSTEES[6], second(&world.clone(), proposal));
    assert!(world.state().roles(&NEWCOMER.id).is_empty());
    world.ok(NEWCOMER, second(&world.clone(), proposal));
    assert_eq!(world.state().roles(&NEWCOMER.id), [Role::Trustee].into());
}

#[test]
fn a_move_restarts_the_delay_and_what_was_confirmed_is_confirmed_anew() {
    let mut world = with_account();
    let proposal = agreed(&mut world, account(1, 0));
    world.wait(DELAY);
    for who in &FIVE[..4] {
        world.ok(*who, second(&world, proposal));
    }
    world.wait(Seconds::DAY);
    let moving = world.signed_move(&world.move_statement(), &FIVE);
    world.ok(MEMBER, moving);
    let moved_at = world.now;
    assert_eq!(window(&world, proposal).0, moved_at.after(DELAY));
    let early = Refusal::TooEarly { at: moved_at.after(DELAY) };
    assert_eq!(world.no(FIVE[4], second(&world.clone(), proposal)), early);
    // Somebody objects in time, as nobody could while the log had no server.
    let mut objected = world.clone();
    objected.ok(FIVE[4], veto(&objected, proposal));
    world.wait(DELAY);
    for who in &FIVE[..4] {
        world.ok(*who, second(&world, proposal));
        assert!(!is_done(&world, proposal));
    }
    world.ok(FIVE[4], second(&world, proposal));
    assert!(is_done(&world, proposal));
}
