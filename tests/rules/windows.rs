//! What opens to the daemon: to which keys, for how long, who is said to know it, and how it closes.

use sequestre::escrow::credential::{How, Urgency};
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::entry::DaemonAct::{Closed, Collected, LeaseExpired, RequestExpired};
use sequestre::escrow::id::PersonId;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::stopping::BRAKE_REST;
use sequestre::escrow::time::Seconds;
use sequestre::escrow::window::{LONGEST_ERRAND, LONGEST_WINDOW};
use sequestre::escrow::work::Work;

use crate::world::*;

const HOUR: Seconds = Seconds::HOUR;

fn connected() -> World {
    let mut world = World::founded();
    world.connected(OTHER_MEMBER, 1, &[PartKind::Password, PartKind::RecoveryCodes]);
    world
}

fn known(world: &World, n: u8, kind: PartKind) -> Vec<(PersonId, How)> {
    let part = world.state().current_part(&credential(n), kind).unwrap();
    world.state().part(&part).unwrap().known.values().map(|knower| (knower.person, knower.how)).collect()
}

fn ended(world: &World, request: u64) -> End {
    let Stage::Ended { how, .. } = world.asked(request).stage else { panic!("not ended") };
    how
}

fn work(world: &World) -> Vec<Work> {
    world.state().work().collect()
}

#[test]
fn a_window_opens_by_a_quorum_and_ends_by_time() {
    let mut world = connected();
    let request = world.let_unseal(MEMBER, 1);
    assert_eq!(work(&world), [Work::Open(request)]);
    assert!(world.state().open_window(&credential(1)).is_none(), "granted is not open");
    world.daemon(Collected(request)).unwrap();
    assert_eq!(work(&world), []);
    assert_eq!(world.state().open_window(&credential(1)).unwrap().at.index, request);
    let knowers = [(OTHER_MEMBER.id, How::Sealed), (TECHNICIAN.id, How::CouldRead)];
    assert_eq!(known(&world, 1, PartKind::Password), knowers, "not whoever asked, but whoever runs it");
    assert_eq!(known(&world, 1, PartKind::RecoveryCodes), knowers[..1]);
    world.wait(Seconds(8 * 3_600));
    world.daemon(LeaseExpired(request)).unwrap();
    assert!(world.state().open_window(&credential(1)).is_none());
    let account = world.state().credential(&credential(1)).unwrap();
    assert_eq!(account.due(1), None, "the end of a window makes nothing due");
    let exposure = &account.exposures(1)[0];
    assert_eq!((exposure.person, exposure.how, exposure.source), (TECHNICIAN.id, How::CouldRead, request));
}

#[test]
fn a_technician_who_leaves_makes_due_what_they_could_read() {
    let mut world = connected();
    world.let_open(MEMBER, 1);
    let mut charter = standard_charter();
    charter.version = 2;
    charter.technicians = ids(&[]);
    let proposal = world.propose_charter(charter, &[]);
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    let due = world.state().credential(&credential(1)).unwrap().due(1).unwrap();
    assert_eq!(due.urgency, Urgency::Now);
}

#[test]
fn whoever_becomes_a_technician_can_read_what_is_open() {
    let mut world = connected();
    world.let_open(MEMBER, 1);
    let mut charter = standard_charter();
    charter.version = 2;
    charter.technicians = ids(&[TECHNICIAN, MEDIATOR]);
    let proposal = world.propose_charter(charter, &[]);
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    assert!(known(&world, 1, PartKind::Password).contains(&(MEDIATOR.id, How::CouldRead)));
}

#[test]
fn only_keys_that_the_log_key_vouches_for_open_to_the_daemon() {
    let mut world = connected();
    let honest = world.unseal_of(1);
    let own = recipient("a key of the requester's own");
    let mut changes: Vec<v1::Request> = Vec::new();
    let mut change = |f: &dyn Fn(&mut v1::RequestedPart)| {
        let mut request = honest.clone();
        f(&mut request.parts[0]);
        changes.push(request);
    };
    change(&|part| part.vouched = None);
    change(&|part| part.recipient = Some(own.clone()));
    change(&|part| part.vouched = Some(MEMBER.sign(b"sequestre/opening-key/v1\0").into()));
    for request in changes {
        assert_eq!(world.no(MEMBER, Act::Request(request)), Refusal::NotVouched);
    }
    // Nor is anything but a one-time password secret opened to the daemon under another purpose.
    let mut lease = world.request_of(MEMBER, 1);
    lease.parts[0] = honest.parts[0].clone();
    assert_eq!(world.no(MEMBER, Act::Request(lease)), Refusal::NotVouched);
    let mut mint = world.mint_of(MEMBER, 1);
    mint.parts[0] = honest.parts[0].clone();
    assert_eq!(world.no(MEMBER, Act::Request(mint)), Refusal::NotVouched);
    // A key serves once.
    world.ok(MEMBER, Act::Request(honest.clone()));
    assert_eq!(world.no(OTHER_MEMBER, Act::Request(honest)), Refusal::SealedUsed);
}

#[test]
fn a_window_is_for_exactly_what_the_connector_needs() {
    let mut world = connected();
    let honest = world.unseal_of(1);
    let codes = world.state().current_part(&credential(1), PartKind::RecoveryCodes).unwrap();
    let more = v1::Request { parts: vec![honest.parts[0].clone(), world.to_daemon(codes)], ..honest.clone() };
    assert_eq!(world.no(MEMBER, Act::Request(more)), Refusal::PartUnknown);
    let longer = v1::Request { duration: LONGEST_WINDOW.0 + 1, ..honest.clone() };
    assert_eq!(world.no(MEMBER, Act::Request(longer)), Refusal::Duration { longest: LONGEST_WINDOW });
    let own = v1::Request { own_share: true, ..honest.clone() };
    assert_eq!(world.no(TRUSTEES[2], Act::Request(own)), Refusal::OwnShare, "a share that the daemon does not have");
    assert_eq!(world.no(MEDIATOR, Act::Request(honest)), Refusal::MayNotAsk);
    let mut plain = World::founded();
    plain.let_deposit(MEMBER, 1);
    let part = plain.state().current_part(&credential(1), PartKind::Password).unwrap();
    let request = v1::Request { parts: vec![plain.to_daemon(part)], ..plain.unseal_of(1) };
    assert_eq!(plain.no(MEMBER, Act::Request(request)), Refusal::NoConnector);
}

#[test]
fn whoever_asks_for_a_window_approves_it_like_everybody_else() {
    let mut world = connected();
    let request = world.unseal_of(1);
    let request = world.ok(TRUSTEES[2], Act::Request(request));
    world.ok(TRUSTEES[2], world.approve(TRUSTEES[2], request));
    assert!(matches!(world.asked(request).stage, Stage::Waiting), "one of two");
    world.ok(TRUSTEES[3], world.approve(TRUSTEES[3], request));
    assert!(matches!(world.asked(request).stage, Stage::Granted(_)));
}

#[test]
fn what_was_released_to_the_daemon_in_vain_adds_up() {
    let mut world = connected();
    let first = world.unseal_of(1);
    let first = world.ok(MEMBER, Act::Request(first));
    world.ok(TRUSTEES[0], world.approve(TRUSTEES[0], first));
    world.daemon(Closed(first)).unwrap();
    assert_eq!(ended(&world, first), End::Closed);
    assert_eq!(known(&world, 1, PartKind::Password).len(), 1);
    // The same trustee again gives nothing new; another one does.
    let filing = world.filing(1, first, Seconds(8 * 3_600));
    let second = world.daemon(filing).unwrap();
    world.ok(TRUSTEES[0], world.approve(TRUSTEES[0], second));
    world.daemon(Closed(second)).unwrap();
    assert_eq!(world.state().credential(&credential(1)).unwrap().due(1), None);
    let filing = world.filing(1, second, HOUR);
    let third = world.daemon(filing).unwrap();
    world.ok(TRUSTEES[1], world.approve(TRUSTEES[1], third));
    assert!(matches!(world.asked(third).stage, Stage::Waiting));
    assert!(known(&world, 1, PartKind::Password).contains(&(TECHNICIAN.id, How::CouldRead)));
    assert!(!known(&world, 1, PartKind::Password).iter().any(|(person, _)| *person == MEMBER.id));
    assert_eq!(world.state().credential(&credential(1)).unwrap().due(1).unwrap().urgency, Urgency::Now);
}

#[test]
fn the_daemon_asks_again_once_for_the_rest_of_a_window_that_its_restart_closed() {
    let mut world = connected();
    let window = world.let_open(MEMBER, 1);
    let early = world.filing(1, window, HOUR);
    assert_eq!(world.daemon(early), Err(Refusal::NotDue), "it is open");
    world.wait(HOUR);
    world.daemon(Closed(window)).unwrap();
    assert_eq!(world.daemon(Closed(window)), Err(Refusal::NotDue));
    let rest = Seconds(7 * 3_600);
    let longer = world.filing(1, window, rest);
    world.wait(Seconds(1));
    assert_eq!(world.daemon(longer), Err(Refusal::Duration { longest: Seconds(rest.0 - 1) }));
    let filing = world.filing(1, window, Seconds(rest.0 - 1));
    let again = world.daemon(filing).unwrap();
    let request = world.asked(again);
    assert!(request.by_daemon && !request.own_share && request.requester == MEMBER.id);
    let twice = world.filing(1, window, HOUR);
    assert_eq!(world.daemon(twice), Err(Refusal::NotDue), "once");
    // The person in whose name it asks is not the one who sealed it again, and may approve.
    for who in [TRUSTEES[0], TRUSTEES[1]] {
        world.ok(who, world.approve(who, again));
    }
    world.daemon(Collected(again)).unwrap();
    assert_eq!(world.state().open_window(&credential(1)).unwrap().at.index, again);
}

#[test]
fn the_daemon_does_not_ask_for_what_ended_otherwise_or_was_never_granted() {
    let mut world = connected();
    let window = world.let_open(MEMBER, 1);
    world.ok(TRUSTEES[3], seal());
    let filing = world.filing(1, window, HOUR);
    assert_eq!(world.daemon(filing), Err(Refusal::NotDue), "sealed");
    let lease = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    let filing = world.filing(1, lease, HOUR);
    assert_eq!(world.daemon(filing), Err(Refusal::NotDue), "nothing is to be revoked");
    let filing = world.filing(1, 99, HOUR);
    assert_eq!(world.daemon(filing), Err(Refusal::NotDue));
    // For somebody who may not ask any more it does not ask either.
    let window = world.let_open(OTHER_MEMBER, 1);
    world.daemon(Closed(window)).unwrap();
    world.ok(OTHER_MEMBER, leave());
    let filing = world.filing(1, window, HOUR);
    assert_eq!(world.daemon(filing), Err(Refusal::MayNotAsk));
}

#[test]
fn any_trustee_seals_everything_once() {
    let mut world = connected();
    world.connected(MEMBER, 2, &[PartKind::Password]);
    assert_eq!(world.no(TRUSTEES[6], seal()), Refusal::NothingOpen);
    let open = world.let_open(MEMBER, 1);
    let granted = world.let_unseal(MEMBER, 2);
    for who in [MEMBER, MEDIATOR, TECHNICIAN] {
        assert_eq!(world.no(who, seal()), Refusal::NotTrustee);
    }
    world.ok(TRUSTEES[6], seal());
    let sealed = End::Sealed(TRUSTEES[6].id);
    assert_eq!((ended(&world, open), ended(&world, granted)), (sealed, sealed));
    assert_eq!(work(&world), []);
    // Those who agree anew are not stopped by the same person for a while; by another one they are.
    let again = world.let_open(MEMBER, 1);
    assert_eq!(world.no(TRUSTEES[6], seal()), Refusal::NothingOpen);
    world.ok(TRUSTEES[5], seal());
    assert_eq!(ended(&world, again), End::Sealed(TRUSTEES[5].id));
    world.wait(BRAKE_REST);
    world.let_open(MEMBER, 1);
    world.ok(TRUSTEES[6], seal());
}

#[test]
fn what_was_granted_to_the_daemon_and_not_opened_is_not_open() {
    let mut world = connected();
    let request = world.let_unseal(MEMBER, 1);
    world.wait(Seconds::DAY);
    world.daemon(RequestExpired(request)).unwrap();
    assert_eq!(ended(&world, request), End::NotUsed);
    assert!(world.state().open_window(&credential(1)).is_none());
}

#[test]
fn a_new_version_closes_what_was_opened_of_the_old_one() {
    let mut world = connected();
    let open = world.let_open(MEMBER, 1);
    let next = world.next_version(1, &[PartKind::Password], &[PartKind::RecoveryCodes]);
    world.ok(MEMBER, Act::Deposit(v1::Deposit { connector: blob("connector 1"), ..next }));
    assert_eq!(ended(&world, open), End::Replaced);
    let account = world.state().credential(&credential(1)).unwrap();
    assert_eq!(account.versions[&1].connector, account.versions[&2].connector, "the same, named again");
}

#[test]
fn a_one_time_password_opens_to_the_daemon_and_the_lease_outlives_its_keys() {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &[PartKind::Password, PartKind::TotpSecret]);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    let ask = |world: &World| {
        let mut request = world.request_of(MEMBER, 1);
        let totp = world.state().current_part(&credential(1), PartKind::TotpSecret).unwrap();
        request.parts[1] = world.to_daemon(totp);
        request
    };
    let request = ask(&world);
    let waiting = world.ok(MEMBER, Act::Request(request));
    world.daemon(Closed(waiting)).unwrap();
    assert_eq!(ended(&world, waiting), End::Closed, "the client files it anew");
    let request = ask(&world);
    let lease = world.ok(MEMBER, Act::Request(request));
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, lease));
    }
    assert!(known(&world, 1, PartKind::Password).contains(&(MEMBER.id, How::Opened)));
    let totp = known(&world, 1, PartKind::TotpSecret);
    assert_eq!(totp, [(OTHER_MEMBER.id, How::Sealed), (TECHNICIAN.id, How::CouldRead)]);
    assert_eq!(world.daemon(Closed(lease)), Err(Refusal::NotDue));
    world.daemon(Collected(lease)).unwrap();
    assert_eq!(world.daemon(Closed(lease)), Err(Refusal::NotDue));
    world.ok(MEMBER, give_back(lease));
    let due = |world: &World, kind| {
        let part = world.state().current_part(&credential(1), kind).unwrap();
        world.state().part(&part).unwrap().due
    };
    assert!(due(&world, PartKind::Password).is_some() && due(&world, PartKind::TotpSecret).is_none());
    assert_eq!(world.no(TRUSTEES[0], seal()), Refusal::NothingOpen);

    // What is open for codes is open to the daemon: a trustee closes it, in every stage after the agreement.
    for collected in [false, true] {
        let request = ask(&world);
        let lease = world.ok(MEMBER, Act::Request(request));
        assert_eq!(world.no(TRUSTEES[0], seal()), Refusal::NothingOpen, "nobody agreed yet");
        for who in &TRUSTEES[..2] {
            world.ok(*who, world.approve(*who, lease));
        }
        if collected {
            world.daemon(Collected(lease)).unwrap();
        }
        let who = TRUSTEES[usize::from(collected)];
        world.ok(who, seal());
        assert_eq!(ended(&world, lease), End::Sealed(who.id));
    }
    // As with every brake, those who agree anew override the same person.
    let request = ask(&world);
    let lease = world.ok(MEMBER, Act::Request(request));
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, lease));
    }
    assert_eq!(world.no(TRUSTEES[0], seal()), Refusal::NothingOpen);
    // A lease of which nothing opens to the daemon is not what `seal` is for.
    let other = world.deposit_of(2, 1, "web", &[PartKind::Password]);
    world.ok(OTHER_MEMBER, Act::Deposit(other));
    let plain = world.let_grant(MEMBER, 2, &TRUSTEES[..2]);
    world.ok(TRUSTEES[5], seal());
    assert_eq!(ended(&world, lease), End::Sealed(TRUSTEES[5].id));
    assert!(world.asked(plain).grant().is_some());
}

#[test]
fn a_trustee_delivers_their_own_share_of_a_one_time_password_to_the_daemon() {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &[PartKind::TotpSecret]);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    let part = world.state().current_part(&credential(1), PartKind::TotpSecret).unwrap();
    let request = v1::Request { parts: vec![world.to_daemon(part)], ..world.request_of(TRUSTEES[2], 1) };
    let request = world.ok(TRUSTEES[2], Act::Request(request));
    world.ok(TRUSTEES[2], world.approve(TRUSTEES[2], request));
    assert!(matches!(world.asked(request).stage, Stage::Waiting), "counted once");
    world.ok(TRUSTEES[3], world.approve(TRUSTEES[3], request));
    assert!(matches!(world.asked(request).stage, Stage::Granted(_)));
}

#[test]
fn a_move_closes_everything_and_the_new_server_asks_for_the_rest() {
    let mut world = connected();
    let open = world.let_open(MEMBER, 1);
    let old = world.unseal_of(1);
    let moving = world.signed_move(&world.move_statement(), &[Who(0), Who(2), Who(3), Who(5), Who(6)]);
    world.ok(MEMBER, moving);
    assert_eq!(ended(&world, open), End::Closed);
    assert_eq!(world.no(OTHER_MEMBER, Act::Request(old)), Refusal::NotVouched, "by the key of the old server");
    let filing = world.filing(1, open, HOUR);
    world.daemon(filing).unwrap();
}

#[test]
fn an_errand_is_short_and_only_where_something_is_to_be_revoked() {
    let mut world = connected();
    let window = world.let_open(MEMBER, 1);
    let lease = world.let_mint(OTHER_MEMBER, 1);
    world.ok(MEMBER, give_back(window));
    let filing = world.filing(1, lease, HOUR);
    assert_eq!(world.daemon(filing), Err(Refusal::NotDue), "it runs still");
    world.ok(OTHER_MEMBER, give_back(lease));
    assert_eq!(work(&world), [Work::Revoke(lease)]);
    let longer = world.filing(1, lease, Seconds(LONGEST_ERRAND.0 + 1));
    assert_eq!(world.daemon(longer), Err(Refusal::Duration { longest: LONGEST_ERRAND }));
    let filing = world.filing(1, lease, LONGEST_ERRAND);
    let DaemonAct::UnsealFiled(mut quick) = filing.clone() else { unreachable!() };
    quick.expires = world.now.after(HOUR);
    assert_eq!(world.daemon(DaemonAct::UnsealFiled(quick)), Err(Refusal::RequestLife), "nobody could answer");
    let errand = world.daemon(filing).unwrap();
    assert_eq!(world.asked(errand).requester, MEMBER.id);
    let again = world.filing(1, lease, HOUR);
    assert_eq!(world.daemon(again), Err(Refusal::NotDue), "one at a time");
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, errand));
    }
    world.daemon(Collected(errand)).unwrap();
    // Sealed, it stands until people open it anew.
    world.ok(TRUSTEES[4], seal());
    let filing = world.filing(1, lease, HOUR);
    assert_eq!(world.daemon(filing), Err(Refusal::NotDue));
    world.let_open(OTHER_MEMBER, 1);
    world.daemon(DaemonAct::RevokedAtTarget(lease)).unwrap();
    assert_eq!(work(&world), []);
}

#[test]
fn nobody_keeps_the_daemon_from_asking_for_what_must_end() {
    let revocation = || {
        let mut world = connected();
        let window = world.let_open(MEMBER, 1);
        let lease = world.let_mint(OTHER_MEMBER, 1);
        world.ok(MEMBER, give_back(window));
        world.ok(OTHER_MEMBER, give_back(lease));
        (world, lease)
    };
    let (mut world, lease) = revocation();
    let theirs = world.unseal_of(1);
    world.ok(OTHER_MEMBER, Act::Request(theirs));
    let filing = world.filing(1, lease, HOUR);
    let errand = world.daemon(filing).unwrap();
    assert_eq!(world.no(MEMBER, give_back(errand)), Refusal::NotYours, "it is asked in their name, not for them");
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, errand));
    }
    world.daemon(Collected(errand)).unwrap();
    assert_eq!(world.no(MEMBER, give_back(errand)), Refusal::NotYours);
    world.ok(TRUSTEES[4], seal());
    // Those who agreed to another request and do not deliver have an hour.
    let (mut world, lease) = revocation();
    world.let_unseal(OTHER_MEMBER, 1);
    let filing = world.filing(1, lease, HOUR);
    assert_eq!(world.daemon(filing), Err(Refusal::NotDue));
    world.wait(HOUR);
    let filing = world.filing(1, lease, HOUR);
    world.daemon(filing).unwrap();
}
