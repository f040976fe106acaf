//! Moves: what people sign offline, and what the log makes of it.

use prost::Message as _;
use sequestre::escrow::entry::{DaemonAct, Entry, SignedAct, What};
use sequestre::escrow::key::{BadKey, Signature, VerifyingKey};
use sequestre::escrow::moving::{Dated, MoveStatement, Round, SignedMove};
use sequestre::escrow::proposal::Outcome;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::replay::Fault;
use sequestre::escrow::request::Stage;
use sequestre::escrow::time::{Seconds, Time};

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
    world.let_amend(next);
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
    let longer = [bytes.as_slice(), &[0x48, 0x01]].concat();
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

/// `destroy` of the standard charter: 5 of 7; and its delay.
const DELAY: Seconds = Seconds(7 * 86_400);

/// A move that gives three entries up, with the first round signed at `first` and the second at `second`.
fn giving_up(
    world: &World,
    statement: &v1::MoveStatement,
    people: (&[Who], &[Who]),
    times: (Time, Time),
) -> SignedMove {
    let Act::Move(moving) = world.signed_move(statement, QUORUM) else { unreachable!() };
    let mut signed = SignedMove::parse(moving).unwrap();
    for (round, people, time) in [(Round::First, people.0, times.0), (Round::Second, people.1, times.1)] {
        for who in people {
            let signer = who.keys.signing;
            let preimage = signed.round_preimage(round, &signer, time).unwrap();
            assert!(signed.add_to_round(round, Dated { signer, time, signature: who.sign(&preimage) }));
        }
    }
    signed
}

fn loses_three(world: &World) -> v1::MoveStatement {
    v1::MoveStatement { gives_up: 3, ..world.move_statement() }
}

#[test]
fn giving_entries_up_takes_two_rounds_of_those_who_destroy_and_the_delay() {
    let mut world = World::founded();
    let begun = world.now;
    assert_eq!(world.state().charter().unwrap().destroy_delay(), DELAY);
    let statement = loses_three(&world);
    world.wait(DELAY);
    let later = begun.after(DELAY);
    let all = (QUORUM, QUORUM);
    let verdict = |people, times| {
        let signed = giving_up(&world, &statement, people, times);
        world.state().verify_move(&signed).map(|verified| verified.given_up().unwrap().first_at())
    };
    // Everything else is there: `amend` signed, and yet.
    assert_eq!(verdict((&[], &[]), (begun, later)), Err(Refusal::MoveNotConfirmed));
    assert_eq!(verdict((QUORUM, &[]), (begun, later)), Err(Refusal::MoveNotConfirmed));
    assert_eq!(verdict((&QUORUM[1..], QUORUM), (begun, later)), Err(Refusal::MoveNotConfirmed));
    assert_eq!(verdict((QUORUM, &QUORUM[1..]), (begun, later)), Err(Refusal::MoveNotConfirmed));
    let outsiders = [QUORUM[0], QUORUM[1], QUORUM[2], QUORUM[3], MEDIATOR, MEMBER];
    assert_eq!(verdict((&outsiders, QUORUM), (begun, later)), Err(Refusal::MoveNotConfirmed));
    let early = Time(later.0 - 1);
    assert_eq!(verdict(all, (begun, early)), Err(Refusal::MoveTooEarly { at: later }));
    // Dated back to before the log had what is to go on.
    let before = begun.before(Seconds(86_400));
    assert_eq!(verdict(all, (before, later)), Err(Refusal::MoveDates));
    assert_eq!(verdict(all, (begun, later)), Ok(begun));

    // Dated ahead, it waits as long as it says.
    let ahead = giving_up(&world, &statement, all, (begun.after(DELAY), later.after(DELAY)));
    assert_eq!(world.no(MEMBER, Act::Move(ahead.to_wire())), Refusal::MoveDates);
    let good = giving_up(&world, &statement, all, (begun, later));
    world.ok(MEMBER, Act::Move(good.to_wire()));
    let [moved] = world.state().moves() else { panic!("one move") };
    let given_up = moved.decided.given_up().unwrap();
    assert_eq!((given_up.consents().0.persons().len(), given_up.last_at()), (QUORUM.len(), later));
}

#[test]
fn each_signature_of_what_is_given_up_is_over_its_round_its_time_and_the_first_round() {
    let mut world = World::founded();
    let statement = loses_three(&world);
    let begun = world.now;
    world.wait(DELAY);
    let later = begun.after(DELAY);
    let good = giving_up(&world, &statement, (QUORUM, QUORUM), (begun, later)).to_wire();
    let verdict = |change: &dyn Fn(&mut v1::Move)| {
        let mut wire = good.clone();
        change(&mut wire);
        let parsed = SignedMove::parse(wire).map_err(|_| None)?;
        world.state().verify_move(&parsed).map(|_| ()).map_err(Some)
    };
    assert_eq!(verdict(&|_| ()), Ok(()));
    let forged = Err(Some(Refusal::MoveSignature));
    assert_eq!(verdict(&|m| m.first[0].time += 1), forged);
    assert_eq!(verdict(&|m| m.second[0].time += 1), forged);
    assert_eq!(verdict(&|m| m.second[0].signature = m.first[0].signature.clone()), forged);
    assert_eq!(verdict(&|m| m.second = m.first.clone()), forged, "the first round again");
    assert_eq!(verdict(&|m| m.first = m.second.clone()), forged, "the second one as the first");
    // What was confirmed was a first round of five, each of them.
    assert_eq!(verdict(&|m| drop(m.first.pop())), forged);
    let spoilt: [fn(&mut v1::Move); 3] =
        [|m| m.first.swap(0, 1), |m| m.second.push(m.second[4].clone()), |m| m.first.clear()];
    for spoil in spoilt {
        assert_eq!(verdict(&spoil), Err(None));
    }
    // The statement says none, or another number, under the same signatures.
    for gives_up in [0, 4] {
        let other = v1::MoveStatement { gives_up, ..statement.clone() };
        assert!(verdict(&|m| m.statement = other.encode_to_vec()).is_err());
    }
    // By hand.
    let [first, second] = [&good.first, &good.second].map(|round| &round[0]);
    let key = |one: &v1::DatedSignature| VerifyingKey::ed25519(&one.signer.as_ref().unwrap().key).unwrap();
    let parts: Vec<u8> = good
        .first
        .iter()
        .flat_map(|one| {
            let signature = &one.signature.as_ref().unwrap().signature;
            [&key(one).digest()[..], &one.time.to_be_bytes(), signature].concat()
        })
        .collect();
    let digest = sequestre::escrow::id::sha256(&[b"sequestre/move-first-round/v1\0", &parts]);
    let extra: [&[u8]; 2] = [&[], &digest];
    for ((one, label), extra) in [(first, "move-give-up"), (second, "move-give-up-again")].into_iter().zip(extra) {
        let label = format!("sequestre/{label}/v1\0");
        let place = [label.as_bytes(), world.id().as_bytes(), &key(one).digest()].concat();
        let message = [&place[..], &one.time.to_be_bytes(), extra, &good.statement].concat();
        let signature = &one.signature.as_ref().unwrap().signature;
        assert!(key(one).verify(&message, &Signature::parse(1, signature).unwrap()).is_ok());
    }
}

#[test]
fn a_move_takes_nothing_from_whoever_knows_it_unless_it_says_so() {
    let mut world = World::founded();
    let begun = world.now;
    let plain = world.move_statement();
    let declared = loses_three(&world);
    world.wait(DELAY);
    world.wait(DELAY);
    let Act::Move(moving) = world.signed_move(&plain, QUORUM) else { unreachable!() };
    let undeclared = world.state().verify_move(&SignedMove::parse(moving).unwrap()).unwrap();
    assert_eq!(undeclared.may_take(&[]), Ok(()));
    assert_eq!(undeclared.may_take(&[begun]), Err(Refusal::MoveUndeclared));
    let at = |first: Time| {
        let signed = giving_up(&world, &declared, (QUORUM, QUORUM), (first, first.after(DELAY)));
        world.state().verify_move(&signed).unwrap()
    };
    let hour = begun.after(Seconds::HOUR);
    assert_eq!(at(hour).may_take(&[begun, begun, hour]), Ok(()));
    // Agreed before what it gives up had happened: the time is not the one of signing.
    assert_eq!(at(begun).may_take(&[begun, hour]), Err(Refusal::MoveDates));
    // The fourth is nothing that those who signed meant.
    assert_eq!(at(begun).may_take(&[begun, begun, begun, hour]), Ok(()));
}

#[test]
fn the_first_round_does_not_change_once_it_is_confirmed_and_copies_are_put_together() {
    let world = World::founded();
    let statement = loses_three(&world);
    let (begun, later) = (world.now, world.now.after(DELAY));
    let sign = |signed: &mut SignedMove, round, who: Who, time| {
        let signer = who.keys.signing;
        let preimage = signed.round_preimage(round, &signer, time).unwrap();
        signed.add_to_round(round, Dated { signer, time, signature: who.sign(&preimage) })
    };
    let mut none = giving_up(&world, &statement, (&[], &[]), (begun, later));
    assert!(none.round_preimage(Round::Second, &MEMBER.keys.signing, later).is_none(), "nothing to confirm yet");
    let (mut one, other) = (none.clone(), giving_up(&world, &statement, (&QUORUM[2..], &[]), (begun, later)));
    assert!(sign(&mut one, Round::First, QUORUM[0], begun) && sign(&mut one, Round::First, QUORUM[1], begun));
    assert!(one.merge(&other));
    assert!(one.rounds().is_agreed(world.state().charter().unwrap()));
    assert_eq!(one.rounds().due(DELAY), Some(later));
    let agreed = one.clone();
    assert!(sign(&mut one, Round::Second, QUORUM[0], later));
    assert!(!sign(&mut one, Round::First, TRUSTEES[1], later), "the second is over the first");
    assert!(none.merge(&one));
    let mut confirmed = agreed.clone();
    assert!(
        sign(&mut confirmed, Round::Second, QUORUM[1], later) && confirmed.merge(&one) && confirmed.merge(&agreed)
    );
    assert_eq!(confirmed.rounds().of(Round::Second).len(), 2);
    // Two first rounds that were both confirmed are two files.
    let mut different = agreed;
    assert!(sign(&mut different, Round::First, TRUSTEES[1], begun));
    assert!(sign(&mut different, Round::Second, QUORUM[1], later));
    assert!(!different.merge(&one));
    let plain = SignedMove::unsigned(MoveStatement::parse(&world.move_statement().encode_to_vec()).unwrap());
    assert!(plain.round_preimage(Round::First, &MEMBER.keys.signing, begun).is_none(), "nothing is given up");
}
