//! Moves: what people sign offline, and what the log makes of it.

use prost::Message as _;
use sequestre::escrow::entry::{DaemonAct, Entry, SignedAct, What};
use sequestre::escrow::key::BadKey;
use sequestre::escrow::moving::{MoveStatement, SignedMove};
use sequestre::escrow::proposal::Outcome;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::replay::Fault;
use sequestre::escrow::request::Stage;
use sequestre::escrow::time::Seconds;

use crate::world::*;

/// `amend` of the standard charter: 5 of 7.
const QUORUM: &[Who] = &[Who(0), Who(2), Who(3), Who(5), Who(6)];

/// Makes a move of a changed statement; the person who brings it is as honest as ever.
#[track_caller]
fn refused(world: &mut World, change: impl FnOnce(&mut v1::MoveStatement)) -> Refusal {
    let mut statement = world.move_statement();
    change(&mut statement);
    let moving = world.signed_move(&statement, QUORUM);
    world.no(MEMBER, moving)
}

fn charter_of(statement: &mut v1::MoveStatement) -> &mut v1::Charter {
    statement.charter.as_mut().unwrap()
}

#[test]
fn a_quorum_moves_the_log_and_the_new_key_speaks_from_then_on() {
    let mut world = World::founded();
    world.let_deposit(MEMBER, 1);
    let request = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    let statement = world.move_statement();
    let moving = world.signed_move(&statement, QUORUM);
    let index = world.ok(OTHER_MEMBER, moving);
    let state = world.state();
    assert_eq!(state.charter().unwrap().version(), 2);
    assert_eq!((*state.log_key(), state.address()), (public(&NEW_LOG_KEY), "refuge.example.org:7443"));
    let [moved] = state.moves() else { panic!("one move") };
    assert_eq!((moved.at.index, moved.brought_by), (index, OTHER_MEMBER.id));
    assert_eq!((moved.old_log_key, moved.old_address.as_str()), (public(&LOG_KEY), ADDRESS));
    assert_eq!(moved.decided.consents().0.persons().len(), QUORUM.len());

    // The old server goes on as if nothing had happened; nobody believes it.
    let act = DaemonAct::Collected(request);
    let signature = sign_with(&LOG_KEY, &act.preimage(&world.id(), index + 1, world.now));
    let by_the_old =
        Entry { index: index + 1, time: world.now, what: What::Act(SignedAct { act: act.clone(), signature }) };
    assert_eq!(world.push(&by_the_old), Err(Fault::DaemonSignature(BadKey::BadSignature)));
    world.daemon(act).unwrap();
    assert!(matches!(world.state().request(request).unwrap().stage, Stage::Leased(_)));
}

#[test]
fn nothing_but_key_and_address_changes() {
    let mut world = World::founded();
    assert_eq!(refused(&mut world, |m| charter_of(m).trustees = ids(&TRUSTEES[..6])), Refusal::MoveCharter);
    assert_eq!(refused(&mut world, |m| charter_of(m).quorums[2].groups[0].threshold = 3), Refusal::MoveCharter);
    assert_eq!(refused(&mut world, |m| charter_of(m).vaults.truncate(1)), Refusal::MoveCharter);
    assert_eq!(refused(&mut world, |m| charter_of(m).admission = "vital".into()), Refusal::MoveCharter);
    assert_eq!(refused(&mut world, |m| charter_of(m).technicians = ids(&[MEMBER])), Refusal::MoveCharter);
    assert_eq!(refused(&mut world, |m| charter_of(m).rules_version = 0), Refusal::MoveCharter);
    assert!(matches!(refused(&mut world, |m| charter_of(m).address = "nowhere".into()), Refusal::Charter(_)));
    assert!(matches!(refused(&mut world, |m| charter_of(m).rules_version = 99), Refusal::Charter(_)));
}

#[test]
fn a_move_is_for_this_log_its_next_charter_and_a_key_that_it_never_had() {
    let mut world = World::founded();
    assert_eq!(refused(&mut world, |m| m.organisation = blob("another")), Refusal::ForeignBase);
    for version in [0, 1, 3] {
        let refusal = refused(&mut world, |m| charter_of(m).version = version);
        assert_eq!(refusal, Refusal::CharterVersion { expected: 2 });
    }
    let other = public_key("some other log");
    assert_eq!(refused(&mut world, |m| m.old_log_key = Some(other.into())), Refusal::MoveLogKey);
    let same = public(&LOG_KEY);
    assert_eq!(refused(&mut world, |m| charter_of(m).log_key = Some(same.into())), Refusal::MoveLogKey);
    let moving = world.signed_move(&world.move_statement(), QUORUM);
    world.ok(MEMBER, moving);
    // Back to the key of the server that was left: whoever has it kept it.
    let back = refused(&mut world, |m| charter_of(m).log_key = Some(same.into()));
    assert_eq!(back, Refusal::MoveLogKey);
}

#[test]
fn it_needs_the_amend_quorum_and_every_signature_holds() {
    let mut world = World::founded();
    let statement = world.move_statement();
    let few = world.signed_move(&statement, &QUORUM[1..]);
    assert_eq!(world.no(MEMBER, few), Refusal::MoveQuorum);
    let outsiders = world.signed_move(&statement, &[Who(0), Who(2), Who(3), Who(5), MEDIATOR, TECHNICIAN, MEMBER]);
    assert_eq!(world.no(MEMBER, outsiders), Refusal::MoveQuorum, "only trustees named by the quorum count");
    // A signature under something else, in the place of one that is missing.
    let Act::Move(mut forged) = world.signed_move(&statement, QUORUM) else { unreachable!() };
    forged.signatures[0].signature = Some(QUORUM[0].sign(b"something else").into());
    assert_eq!(world.no(MEMBER, Act::Move(forged)), Refusal::MoveSignature);
    // Signatures of another statement of the same people.
    let Act::Move(mut other) = world.signed_move(&statement, QUORUM) else { unreachable!() };
    let mut changed = statement.clone();
    changed.server_key = Some(public_key("a third server").into());
    other.statement = changed.encode_to_vec();
    assert_eq!(world.no(MEMBER, Act::Move(other)), Refusal::MoveSignature);
    let enough = world.signed_move(&statement, QUORUM);
    world.ok(MEMBER, enough);
}

#[test]
fn two_groups_must_both_agree_to_move() {
    let mut world = World::two_groups();
    let statement = world.move_statement();
    let one_sided = world.signed_move(&statement, &[BOARD[0], BOARD[1], BOARD[2], TECHNICAL[0]]);
    assert_eq!(world.no(MEMBER, one_sided), Refusal::MoveQuorum);
    let both = world.signed_move(&statement, &[BOARD[0], BOARD[1], TECHNICAL[0], TECHNICAL[1]]);
    world.ok(MEMBER, both);
}

#[test]
fn it_stands_exactly_where_its_prefix_ends() {
    let mut world = World::founded();
    let statement = world.move_statement();
    let moving = world.signed_move(&statement, QUORUM);
    world.let_deposit(MEMBER, 1);
    assert_eq!(world.no(MEMBER, moving.clone()), Refusal::MovePrefix, "something came in between");
    // An honest prefix and a base that is not it.
    let mut draft = world.draft(moving);
    draft.base = Some(world.head_at(statement.prefix.as_ref().unwrap().size).into());
    assert_eq!(world.submit_draft(MEMBER, &draft), Err(Refusal::MovePrefix));
    assert_eq!(refused(&mut world, |m| m.prefix.as_mut().unwrap().root = blob("fork")), Refusal::MovePrefix);
    assert_eq!(refused(&mut world, |m| m.prefix.as_mut().unwrap().size += 1), Refusal::MovePrefix);
}

#[test]
fn whoever_is_admitted_brings_it_and_nobody_else() {
    let mut world = World::founded();
    let moving = world.signed_move(&world.move_statement(), QUORUM);
    assert_eq!(world.no(OUTSIDER, moving.clone()), Refusal::Stranger);
    let mut candidate = world.clone();
    candidate.let_join(NEWCOMER, &[sequestre::escrow::role::Role::Member]);
    let late = candidate.signed_move(&candidate.move_statement(), QUORUM);
    assert_eq!(candidate.no(NEWCOMER, late), Refusal::NotAdmitted);
    let bare = World::begin();
    let Act::Move(unfounded) = moving else { unreachable!() };
    let verdict = bare.state().verify_move(&SignedMove::parse(unfounded).unwrap());
    assert_eq!(verdict.map(|_| ()), Err(Refusal::NotFounded));
}

#[test]
fn it_waits_for_no_clock_and_no_allowance_but_never_goes_back_in_time() {
    let mut world = World::founded();
    // A server whose clock ran a year ahead before it was lost.
    world.wait(Seconds(365 * 86_400));
    world.let_deposit(MEMBER, 1);
    let moving = world.signed_move(&world.move_statement(), QUORUM);
    let mut draft = world.draft(moving);
    draft.created -= 365 * 86_400;
    let signed = world.sign_draft(MEMBER, &draft);
    let index = world.state().size();
    let early = sequestre::escrow::time::Time(world.now.0 - 1);
    let backdated = Entry { index, time: early, what: What::Command(Box::new(signed)) };
    assert_eq!(world.push(&backdated), Err(Fault::Time));
    world.submit_draft(MEMBER, &draft).unwrap();

    let mut world = World::founded();
    let mut name = 0;
    loop {
        name += 1;
        let act = invite(
            &token(&format!("flood {name}")),
            &[sequestre::escrow::role::Role::Member],
            world.now.after(Seconds::DAY),
        );
        match world.submit(FOUNDER, act) {
            Ok(_) => {}
            Err(refusal) => {
                assert_eq!(refusal, Refusal::RateLimit);
                break;
            }
        }
    }
    let moving = world.signed_move(&world.move_statement(), QUORUM);
    world.ok(FOUNDER, moving);
}

#[test]
fn a_charter_that_was_being_signed_gives_way() {
    let mut world = World::founded();
    let charter = v1::Charter { version: 2, ..standard_charter() };
    let proposal = world.propose_charter(charter, &[]);
    let moving = world.signed_move(&world.move_statement(), QUORUM);
    world.ok(MEMBER, moving);
    assert!(matches!(world.state().proposals()[&proposal].outcome, Outcome::Superseded));
    assert_eq!(world.no(TRUSTEES[1], world.sign(proposal)), Refusal::ProposalClosed);
    // And the next one builds on the place where the log is now.
    let stale = world.charter_proposal(v1::Charter { version: 3, ..standard_charter() }, &[]);
    assert_eq!(world.no(FOUNDER, stale), Refusal::CharterLogKey);
    let next = v1::Charter { version: 3, ..world.state().charter().unwrap().wire().clone() };
    let proposal = world.propose_charter(next, &[]);
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    assert_eq!(world.state().charter().unwrap().version(), 3);
}

#[test]
fn two_moves_from_one_charter_contradict_each_other() {
    let world = World::founded();
    let verified = |statement: &v1::MoveStatement, people: &[Who]| {
        let Act::Move(moving) = world.signed_move(statement, people) else { unreachable!() };
        world.state().verify_move(&SignedMove::parse(moving).unwrap()).unwrap()
    };
    let one = world.move_statement();
    let mut other = one.clone();
    other.charter.as_mut().unwrap().address = "elsewhere.example.org:7443".into();
    let (first, again) = (verified(&one, QUORUM), verified(&one, &TRUSTEES));
    assert!(!first.contradicts(&again), "more signatures under the same statement");
    assert!(first.contradicts(&verified(&other, QUORUM)));
    let twice = v1::MoveStatement { nonce: blob("proposed twice")[..16].to_vec(), ..one.clone() };
    assert!(!first.contradicts(&verified(&twice, QUORUM)), "the same place and the same end");
    let shorter = v1::MoveStatement { prefix: Some(world.head_at(5).into()), ..one };
    assert!(first.contradicts(&verified(&shorter, QUORUM)), "another end at the same place");
    assert_ne!(first.statement().code(), verified(&other, QUORUM).statement().code());
}

#[test]
fn what_is_signed_has_one_spelling() {
    let world = World::founded();
    let statement = world.move_statement();
    let bytes = statement.encode_to_vec();
    let parsed = MoveStatement::parse(&bytes).unwrap();
    let key = QUORUM[0].keys.signing;
    let by_hand = [b"sequestre/move/v1\0".as_slice(), world.id().as_bytes(), &key.digest(), parsed.bytes()].concat();
    assert_eq!(parsed.preimage(&key), by_hand);
    let longer = [bytes.as_slice(), &[0x40, 0x01]].concat();
    assert!(MoveStatement::parse(&longer).is_err(), "an unknown field");
    let bad: [fn(&mut v1::MoveStatement); 5] = [
        |m| m.nonce.truncate(15),
        |m| m.prefix = Some(sequestre::escrow::log::merkle::TreeHead::EMPTY.into()),
        |m| m.charter = None,
        |m| m.server_key = None,
        |m| m.organisation.truncate(31),
    ];
    for spoil in bad {
        let mut spoilt = statement.clone();
        spoil(&mut spoilt);
        assert!(MoveStatement::parse(&spoilt.encode_to_vec()).is_err());
    }
    let Act::Move(moving) = world.signed_move(&statement, QUORUM) else { unreachable!() };
    let mut twice = moving.clone();
    twice.signatures.push(twice.signatures[4].clone());
    let mut unsorted = moving.clone();
    unsorted.signatures.swap(0, 1);
    let none = v1::Move { signatures: Vec::new(), ..moving.clone() };
    for spoilt in [twice, unsorted, none] {
        assert!(SignedMove::parse(spoilt).is_err());
    }
    assert_eq!(SignedMove::parse(moving.clone()).unwrap().to_wire(), moving);
}
