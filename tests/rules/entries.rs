//! Bytes, signatures, bases, clocks: what is refused before anybody asks what a command means.

use prost::Message as _;
use sequestre::escrow::command::{BadSignature, Command, SignedCommand, preimage};
use sequestre::escrow::entry::{DaemonAct, Entry, SignedAct, What};
use sequestre::escrow::id::{Digest, OrganisationId};
use sequestre::escrow::key::{BadKey, Signature};
use sequestre::escrow::log::merkle::{TreeHead, root_at};
use sequestre::escrow::organisation::{Organisation, Position};
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::replay::{Fault, Replay, Trust};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::{Seconds, Time};
use sequestre::escrow::wire::{MAX_COMMAND_BYTES, MAX_ENTRY_BYTES, Malformed};

use crate::world::*;

/// A request, the command with the most to it, as bytes.
fn request_bytes() -> Vec<u8> {
    let mut world = World::founded();
    world.let_deposit(MEMBER, 1);
    let request = world.request_of(MEMBER, 1);
    world.draft(Act::Request(request)).encode_to_vec()
}

fn malformed(change: impl FnOnce(&mut v1::Command)) -> Malformed {
    let mut command = v1::Command::decode(request_bytes().as_slice()).unwrap();
    change(&mut command);
    Command::parse(&command.encode_to_vec()).unwrap_err()
}

fn request(command: &mut v1::Command) -> &mut v1::Request {
    let Some(Act::Request(request)) = &mut command.act else { unreachable!() };
    request
}

#[test]
fn truncated_commands_are_refused_wherever_they_are_cut() {
    let bytes = request_bytes();
    for length in 0..bytes.len() {
        assert!(Command::parse(&bytes[..length]).is_err(), "cut to {length} of {}", bytes.len());
    }
    Command::parse(&bytes).unwrap();
}

#[test]
fn truncated_entries_are_refused_wherever_they_are_cut() {
    let mut world = World::founded();
    let bytes = world.entries.last().unwrap().clone();
    for length in 0..bytes.len() {
        assert!(Entry::parse(&bytes[..length]).is_err(), "cut to {length} of {}", bytes.len());
    }
    assert_eq!(world.push_bytes(&[]), Err(Fault::Malformed(Malformed::Missing("content"))));
}

#[test]
fn no_changed_bit_goes_unnoticed() {
    let mut world = World::founded();
    let signed = world.signed(MEMBER, enrol(MEMBER, public_key("device")));
    let (index, time) = (world.state().size(), world.now);
    let bytes = Entry { index, time, what: What::Command(Box::new(signed)) }.encode();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        if let Ok(entry) = Entry::parse(&changed)
            && entry.time != time
            && entry.index == index
        {
            continue; // The daemon dates entries; the rules bound by how much.
        }
        assert!(world.push_bytes(&changed).is_err(), "bit {bit}");
    }
    world.push_bytes(&bytes).unwrap();
}

#[test]
fn oversized_commands_are_refused() {
    let mut command = v1::Command::decode(request_bytes().as_slice()).unwrap();
    command.act = Some(Act::ConfirmShares(v1::ConfirmShares {
        checks: (1..=2_000u32)
            .map(|version| v1::ShareCheck { credential: vec![7; 16], version, kind: 1, verdict: 1 })
            .collect(),
    }));
    let bytes = command.encode_to_vec();
    assert!(bytes.len() < MAX_COMMAND_BYTES);
    Command::parse(&bytes).unwrap();
    // Exactly at the limit, and one byte beyond, with a nonce of another length.
    command.nonce = vec![0; MAX_COMMAND_BYTES - bytes.len() + 16 - 1];
    let full = command.encode_to_vec();
    assert_eq!(full.len(), MAX_COMMAND_BYTES);
    assert_eq!(Command::parse(&full).unwrap_err(), Malformed::Range("nonce"));
    command.nonce.push(0);
    let (found, limit) = (MAX_COMMAND_BYTES + 1, MAX_COMMAND_BYTES);
    assert_eq!(Command::parse(&command.encode_to_vec()).unwrap_err(), Malformed::TooLarge { found, limit });
}

#[test]
fn oversized_entries_are_refused() {
    let (found, limit) = (MAX_ENTRY_BYTES, MAX_ENTRY_BYTES - 1);
    assert_eq!(Entry::parse(&vec![0; found]).unwrap_err(), Malformed::TooLarge { found, limit });
}

#[test]
fn unknown_fields_are_refused() {
    let mut bytes = request_bytes();
    bytes.extend([0xf8, 0x07, 0x01]); // Field 127.
    assert_eq!(Command::parse(&bytes).unwrap_err(), Malformed::NotCanonical);
    let mut world = World::founded();
    let mut entry = world.entries.last().unwrap().clone();
    entry.extend([0xf8, 0x07, 0x01]);
    assert_eq!(world.push_bytes(&entry), Err(Fault::Malformed(Malformed::NotCanonical)));
}

#[test]
fn an_act_of_a_later_version_is_refused() {
    let bytes = request_bytes();
    let mut command = v1::Command::decode(bytes.as_slice()).unwrap();
    command.act = None;
    let mut bytes = command.encode_to_vec();
    assert_eq!(Command::parse(&bytes).unwrap_err(), Malformed::Missing("act"));
    bytes.extend([0xc2, 0x07, 0x00]); // Field 120, an empty message.
    assert_eq!(Command::parse(&bytes).unwrap_err(), Malformed::NotCanonical);
}

#[test]
fn second_spellings_are_refused() {
    let bytes = request_bytes();
    // `created` once more, with the same value: the last one would win.
    let repeated = [&bytes[..], &bytes[..6]].concat();
    assert_eq!(Command::parse(&repeated).unwrap_err(), Malformed::NotCanonical);
    // Fields in another order.
    let reordered = [&bytes[6..], &bytes[..6]].concat();
    assert_eq!(Command::parse(&reordered).unwrap_err(), Malformed::NotCanonical);
    // The varint of `created` with a superfluous byte.
    let mut padded = bytes.clone();
    padded[5] |= 0x80;
    padded.insert(6, 0);
    assert_eq!(Command::parse(&padded).unwrap_err(), Malformed::NotCanonical);
    // A default value spelt out.
    let spelt = [&bytes[..], &[0x0a, 0x00]].concat();
    assert!(Command::parse(&spelt).is_err());
}

#[test]
fn unknown_enum_values_are_refused() {
    for purpose in [0, 5, -1] {
        assert_eq!(malformed(|c| request(c).purpose = purpose), Malformed::Unknown("purpose"));
    }
    for kind in [0, 5, -1] {
        assert_eq!(malformed(|c| request(c).parts[0].kind = kind), Malformed::Unknown("kind of part"));
    }
    for role in [0, 5, -1] {
        let act = v1::Invite { roles: vec![role], invitation: blob("i"), name: blob("n"), expires: 1 };
        assert!(matches!(malformed(|c| c.act = Some(Act::Invite(act))), Malformed::Roles(_)));
    }
    for verdict in [0, 4, -1] {
        let check = v1::ShareCheck { credential: vec![1; 16], version: 1, kind: 1, verdict };
        let act = v1::ConfirmShares { checks: vec![check] };
        assert_eq!(malformed(|c| c.act = Some(Act::ConfirmShares(act))), Malformed::Unknown("verdict"));
    }
}

#[test]
fn answers_and_claims_have_one_form() {
    let answered = |version, kind| v1::AnsweredPart { credential: vec![1; 16], version, kind };
    let answer = |parts: Vec<v1::AnsweredPart>, recovery: Vec<u8>| {
        let act =
            v1::RecordAnswer { recovery, starter: blob("starter"), parts, request: Some(MEMBER.sign(b"x").into()) };
        malformed(|c| c.act = Some(Act::RecordAnswer(act)))
    };
    assert_eq!(answer(vec![], blob("fire")), Malformed::List("parts"));
    assert_eq!(answer(vec![answered(1, 2), answered(1, 1)], blob("fire")), Malformed::List("parts"));
    assert_eq!(answer(vec![answered(1, 1), answered(1, 1)], blob("fire")), Malformed::List("parts"));
    assert_eq!(answer(vec![answered(0, 1)], blob("fire")), Malformed::Range("version"));
    assert_eq!(answer(vec![answered(1, 9)], blob("fire")), Malformed::Unknown("kind of part"));
    assert!(matches!(answer(vec![answered(1, 1)], vec![7; 31]), Malformed::Id(_)));
    let claim = |kinds: Vec<i32>, verdict| {
        let act = v1::Claim { request_index: 1, accused: blob("accused"), kinds, verdict };
        malformed(|c| c.act = Some(Act::Claim(act)))
    };
    assert_eq!(claim(vec![], 2), Malformed::List("parts"));
    assert_eq!(claim(vec![2, 1], 2), Malformed::List("parts"));
    assert_eq!(claim(vec![1, 1], 3), Malformed::List("parts"));
    assert_eq!(claim(vec![5], 3), Malformed::Unknown("kind of part"));
    for verdict in [0, 1, 4, -1] {
        assert_eq!(claim(vec![1], verdict), Malformed::Unknown("verdict"), "a claim never says that all is well");
    }
    let drill = |tree| malformed(|c| c.act = Some(Act::RecordDrill(v1::RecordDrill { tree, ..Default::default() })));
    assert_eq!(drill(None), Malformed::Missing("base"));
}

#[test]
fn unknown_algorithms_and_bad_keys_are_refused() {
    let change =
        |change: fn(&mut v1::Recipient)| malformed(|c| change(request(c).parts[0].recipient.as_mut().unwrap()));
    assert_eq!(change(|r| r.algorithm = 2), Malformed::Key(BadKey::UnknownAlgorithm(2)));
    assert_eq!(change(|r| r.key.truncate(31)), Malformed::Key(BadKey::Length { expected: 32, found: 31 }));
    assert_eq!(change(|r| r.key = vec![0; 32]), Malformed::Key(BadKey::Degenerate));
    assert_eq!(change(|r| r.key = vec![1; 4097]), Malformed::TooLarge { found: 4097, limit: 4096 });
}

#[test]
fn what_must_be_there_is_there() {
    assert_eq!(malformed(|c| c.nonce.truncate(15)), Malformed::Range("nonce"));
    assert_eq!(malformed(|c| c.nonce.clear()), Malformed::Range("nonce"));
    assert_eq!(malformed(|c| c.base = None), Malformed::Missing("base"));
    assert_eq!(malformed(|c| request(c).parts[0].recipient = None), Malformed::Missing("recipient"));
    assert_eq!(malformed(|c| request(c).parts[0].version = 0), Malformed::Range("version"));
    assert!(matches!(malformed(|c| request(c).reason.clear()), Malformed::Id(_)));
    assert_eq!(malformed(|c| request(c).parts.clear()), Malformed::List("parts"));
    let empty = v1::TreeHead { size: 0, root: blob("not the empty root") };
    assert_eq!(malformed(|c| c.base = Some(empty)), Malformed::Range("base"));
}

#[test]
fn lists_are_sorted_and_without_duplicates() {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &[PartKind::Password, PartKind::Notes]);
    world.ok(MEMBER, Act::Deposit(deposit.clone()));
    let asked = world.request_of(MEMBER, 1);
    let changes: [fn(&mut v1::Request); 3] =
        [|r| r.parts.reverse(), |r| r.parts[1] = r.parts[0].clone(), |r| r.parts[0].credential = vec![0; 16]];
    for (change, what) in changes.into_iter().zip(["parts", "parts", "parts of one account"]) {
        let mut asked = asked.clone();
        change(&mut asked);
        assert_eq!(malformed(|c| c.act = Some(Act::Request(asked))), Malformed::List(what));
    }
    let unsorted = v1::Deposit { parts: deposit.parts.iter().rev().cloned().collect(), ..deposit.clone() };
    assert_eq!(malformed(|c| c.act = Some(Act::Deposit(unsorted))), Malformed::List("parts"));
    let empty = v1::Deposit { parts: vec![], ..deposit };
    assert_eq!(malformed(|c| c.act = Some(Act::Deposit(empty))), Malformed::List("parts"));
    let unsorted = v1::Invite { roles: vec![4, 3], invitation: blob("i"), name: blob("n"), expires: 1 };
    assert!(matches!(malformed(|c| c.act = Some(Act::Invite(unsorted))), Malformed::Roles(_)));
    let both = v1::Invite { roles: vec![1, 2], invitation: blob("i"), name: blob("n"), expires: 1 };
    assert!(matches!(malformed(|c| c.act = Some(Act::Invite(both))), Malformed::Roles(_)));
    let nobody = v1::Invite { roles: vec![], invitation: blob("i"), name: blob("n"), expires: 1 };
    assert!(matches!(malformed(|c| c.act = Some(Act::Invite(nobody))), Malformed::Roles(_)));
}

/// An entry whose command somebody else signed, or for something else.
fn misattributed(signer: Who, claimed: Who, organisation: &OrganisationId, world: &mut World) -> SignedCommand {
    let bytes = world.draft(enrol(claimed, public_key("device"))).encode_to_vec();
    let signature = signer.sign(&preimage(organisation, &claimed.keys.signing, &bytes));
    SignedCommand::new(bytes, claimed.keys.signing, signature).unwrap()
}

#[test]
fn wrong_signatures_are_refused() {
    let mut world = World::founded();
    let here = world.id();
    let elsewhere = OrganisationId::new([9; 32]);
    let cases = [(OUTSIDER, MEMBER, here), (FOUNDER, MEMBER, here), (MEMBER, MEMBER, elsewhere)];
    for (signer, claimed, organisation) in cases {
        let signed = misattributed(signer, claimed, &organisation, &mut world);
        assert!(signed.clone().verify(world.id()).is_err());
        let entry = Entry { index: world.state().size(), time: world.now, what: What::Command(Box::new(signed)) };
        assert_eq!(world.push(&entry), Err(Fault::Signature(BadSignature)));
    }
}

#[test]
fn a_command_verified_for_another_organisation_is_refused() {
    let mut world = World::founded();
    let elsewhere = OrganisationId::new([9; 32]);
    let verified = misattributed(MEMBER, MEMBER, &elsewhere, &mut world).verify(elsewhere).unwrap();
    let base_root = root_at(world.replay.tree(), verified.command().base.size).ok();
    let refusal = world.state().decide(&verified, world.now, base_root).map(|_| ()).unwrap_err();
    assert_eq!(refusal, Refusal::ForeignBase);
}

#[test]
fn an_organisation_is_founded_under_its_own_id_only() {
    let world = World::begin();
    let Entry { what: What::Command(signed), time, .. } = Entry::parse(&world.entries[0]).unwrap() else { panic!() };
    let at = Position { index: 0, time, leaf: world.leaf(0) };
    let elsewhere = OrganisationId::new([9; 32]);
    let verified = (*signed).clone().verify(elsewhere).expect("a genesis is signed for no organisation");
    assert_eq!(Organisation::found(&verified, at).map(|_| ()), Err(Refusal::ForeignBase));
    let found = Organisation::found(&signed.verify(world.id()).unwrap(), at).unwrap().0;
    assert_eq!(found.id(), world.id());
    assert_eq!(
        Replay::begin(elsewhere, &world.entries[0], Trust::Nothing).map(|_| ()).unwrap_err().fault,
        Fault::Genesis
    );
    let second = World::founded().entries[1].clone();
    let fault = Replay::begin(world.id(), &second, Trust::Nothing).map(|_| ()).unwrap_err().fault;
    assert_eq!(fault, Fault::Genesis);
}

#[test]
fn a_base_of_another_log_is_refused() {
    let mut world = World::founded();
    let size = world.state().size();
    let elsewhere = World::two_groups();
    let bases = [
        elsewhere.head_at(19),
        TreeHead { size: size + 1, root: world.head().root },
        TreeHead { size: size - 1, root: world.head().root },
        TreeHead { size, root: Digest::of(&[b"invented"]) },
        TreeHead { size: u64::MAX >> 1, root: world.head().root },
    ];
    for base in bases {
        let mut command = world.draft(enrol(MEMBER, public_key("device")));
        command.base = Some(base.into());
        assert_eq!(world.submit_draft(MEMBER, &command), Err(Refusal::ForeignBase), "{base:?}");
    }
    // Nor does a root that somebody claims help.
    let mut command = world.draft(enrol(MEMBER, public_key("device")));
    let beyond = TreeHead { size: size + 1, root: Digest::of(&[b"claimed"]) };
    command.base = Some(beyond.into());
    let verified = world.sign_draft(MEMBER, &command).verify(world.id()).unwrap();
    let refusal = world.state().decide(&verified, world.now, Some(beyond.root)).map(|_| ()).unwrap_err();
    assert_eq!(refusal, Refusal::ForeignBase);
    for size in [0, 1, size - 1, size] {
        let mut command = world.draft(enrol(MEMBER, public_key(&format!("device {size}"))));
        command.base = Some(world.head_at(size).into());
        world.submit_draft(MEMBER, &command).unwrap();
    }
}

#[test]
fn only_newcomers_and_new_devices_build_on_nothing() {
    let mut world = World::founded();
    let expires = world.now.after(Seconds::DAY);
    let secret = token("newcomer");
    world.ok(FOUNDER, invite(&secret, &[Role::Member], expires));
    for (who, act, allowed) in [
        (FOUNDER, invite(&token("x"), &[Role::Member], expires), false),
        (FOUNDER, revoke_device(FOUNDER.device), false),
        (MEMBER, leave(), false),
        (MEMBER, enrol(MEMBER, public_key("restored")), true),
        (NEWCOMER, join(NEWCOMER, &secret, &[Role::Member]), true),
    ] {
        let mut command = world.draft(act);
        command.base = Some(TreeHead::EMPTY.into());
        let expected = if allowed { Ok(world.state().size()) } else { Err(Refusal::ForeignBase) };
        assert_eq!(world.submit_draft(who, &command), expected);
    }
}

#[test]
fn a_commands_clock_may_be_ten_minutes_off() {
    let world = World::founded();
    let now = world.now;
    for (created, by) in [(now.before(Seconds(601)), 601), (now.after(Seconds(601)), 601), (Time(0), now.0)] {
        let mut world = world.clone();
        let mut command = world.draft(enrol(MEMBER, public_key("device")));
        command.created = created.0;
        assert_eq!(world.submit_draft(MEMBER, &command), Err(Refusal::ClockSkew { by: Seconds(by) }));
    }
    for created in [now.before(Seconds(600)), now, now.after(Seconds(600))] {
        let mut world = world.clone();
        let mut command = world.draft(enrol(MEMBER, public_key("device")));
        command.created = created.0;
        world.submit_draft(MEMBER, &command).unwrap();
    }
}

#[test]
fn approvals_and_charter_signatures_are_bound_by_hash_and_expiry_instead() {
    let mut world = World::founded();
    world.let_deposit(MEMBER, 1);
    let request = world.let_request(MEMBER, 1);
    let proposal = world.ok(FOUNDER, remove(OTHER_MEMBER));
    let (approval, signature) = (world.approve(FOUNDER, request), world.sign(proposal));
    let denial = world.deny(request);
    for (who, act, accepted) in
        [(FOUNDER, approval, true), (TRUSTEES[1], signature, true), (TRUSTEES[2], denial, false)]
    {
        let mut command = world.draft(act);
        command.created = 0;
        assert_eq!(world.submit_draft(who, &command).is_ok(), accepted);
    }
}

#[test]
fn a_replayed_command_is_found_out() {
    let mut world = World::founded();
    let signed = world.signed(MEMBER, enrol(MEMBER, public_key("device")));
    let index = world.offer(signed.clone()).unwrap();
    let id = signed.id(world.id());
    assert_eq!(world.replay.index_of(&id), Some(index));
    let again = Entry { index: index + 1, time: world.now, what: What::Command(Box::new(signed)) };
    assert_eq!(world.push(&again), Err(Fault::Repeated(index)));
}

#[test]
fn indexes_count_and_times_do_not_go_back() {
    let mut world = World::founded();
    let signed = world.signed(MEMBER, enrol(MEMBER, public_key("device")));
    let (index, time) = (world.state().size(), world.state().last_time());
    let entry = |index, time| Entry { index, time, what: What::Command(Box::new(signed.clone())) };
    for wrong in [0, index - 1, index + 1, u64::MAX] {
        assert_eq!(world.push(&entry(wrong, time)), Err(Fault::Index(wrong)));
    }
    assert_eq!(world.push(&entry(index, time.before(Seconds(1)))), Err(Fault::Time));
    world.push(&entry(index, time)).unwrap();
}

/// A world in which one lease is due to end.
fn due() -> (World, DaemonAct) {
    let mut world = World::founded();
    world.let_deposit(OTHER_MEMBER, 1);
    let request = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.daemon(DaemonAct::Collected(request)).unwrap();
    world.wait(Seconds::HOUR);
    (world, DaemonAct::LeaseExpired(request))
}

#[test]
fn daemon_acts_are_signed_by_the_log_key_in_their_place() {
    let (mut world, act) = due();
    let (index, time) = (world.state().size(), world.now);
    let by_somebody = |who: Who, id: &OrganisationId, index, time: Time| {
        let signature = who.sign(&act.preimage(id, index, time));
        Entry { index, time, what: What::Act(SignedAct { act: act.clone(), signature }) }
    };
    let id = world.id();
    let refused = Err(Fault::DaemonSignature(BadKey::BadSignature));
    assert_eq!(world.push(&by_somebody(TECHNICIAN, &id, index, time)), refused);
    let moved = |world: &World, index: u64, time, id: &OrganisationId| {
        // Signed by the log key, but for another place, time or organisation.
        let mut entry = world.act_entry(act.clone(), index, time);
        if *id != world.id() {
            entry = by_somebody(FOUNDER, id, index, time);
        }
        Entry { index: world.state().size(), time: world.now, ..entry }
    };
    for (index, time) in [(index + 1, time), (index - 1, time), (index, time.after(Seconds(1)))] {
        let entry = moved(&world, index, time, &id);
        assert_eq!(world.push(&entry), refused);
    }
    let entry = moved(&world, index, time, &OrganisationId::new([9; 32]));
    assert_eq!(world.push(&entry), refused);
    let What::Act(SignedAct { signature, .. }) = world.act_entry(act.clone(), index, time).what else {
        unreachable!()
    };
    let other = DaemonAct::RequestExpired(0);
    let exchanged = Entry { index, time, what: What::Act(SignedAct { act: other, signature }) };
    assert_eq!(world.push(&exchanged), refused);
    let good = world.act_entry(act.clone(), index, time);
    world.push(&good).unwrap();
}

#[test]
fn malformed_daemon_acts_are_refused() {
    let parse = |act: Vec<u8>| {
        let signature = Some(Signature::parse(1, &[0; 64]).unwrap().into());
        let what = Some(v1::entry::What::Act(v1::SignedAct { act, signature }));
        Entry::parse(&v1::Entry { index: 0, time: 0, what }.encode_to_vec()).unwrap_err()
    };
    assert_eq!(parse(vec![]), Malformed::Missing("act"));
    assert_eq!(parse(vec![0x7a, 0x00]), Malformed::NotCanonical, "an act of a later version");
    assert_eq!(parse(vec![0xff]), Malformed::NotProtobuf);
}

#[test]
fn what_is_kept_on_ones_own_disk_needs_no_signatures_but_the_rules_hold() {
    let (mut world, act) = due();
    let size = world.state().size();
    let other = DaemonAct::RequestExpired(world.state().size() - 5);
    for (act, allowed) in [(other, false), (act, true)] {
        let unsigned = SignedAct { act, signature: Signature::parse(1, &[0; 64]).unwrap() };
        let entry = Entry { index: size, time: world.now, what: What::Act(unsigned) }.encode();
        assert_eq!(world.replay.push(&entry, Trust::OwnDisk).is_ok(), allowed);
    }
    let mut world = World::founded();
    let id = OrganisationId::new([9; 32]);
    let signed = misattributed(MEMBER, OUTSIDER, &id, &mut world);
    let entry = Entry { index: world.state().size(), time: world.now, what: What::Command(Box::new(signed)) };
    let refused = world.replay.push(&entry.encode(), Trust::OwnDisk).unwrap_err().fault;
    assert_eq!(refused, Fault::Refused(Refusal::Stranger));
}

#[test]
fn every_refusal_has_a_reason_of_its_own_and_says_what_to_do() {
    let reasons: std::collections::BTreeSet<&str> = Refusal::REASONS.iter().copied().collect();
    assert_eq!(reasons.len(), Refusal::REASONS.len());
    assert!(reasons.iter().all(|r| r.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
    assert_eq!(Refusal::ClockSkew { by: Seconds(7) }.reason(), "CLOCK_SKEW");
    assert!(Refusal::ClockSkew { by: Seconds(7) }.to_string().contains("7 s"));
}

#[test]
fn roles_cannot_be_wrong_in_a_join_either() {
    let mut act = join_of(NEWCOMER, &token("t"), &[Role::Member]);
    act.roles = vec![1, 2];
    assert!(matches!(malformed(|c| c.act = Some(Act::Join(act.clone()))), Malformed::Roles(_)));
    act.roles = vec![4];
    act.token.pop();
    assert_eq!(malformed(|c| c.act = Some(Act::Join(act.clone()))), Malformed::Range("invitation token"));
    act.token = token("t").to_vec();
    act.mac.push(0);
    assert_eq!(malformed(|c| c.act = Some(Act::Join(act))), Malformed::Range("MAC"));
}
