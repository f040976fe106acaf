//! Rotations: a new secret is durable before the target is touched, and what the target holds is always one of two.

use sequestre::escrow::credential::{How, Urgency};
use sequestre::escrow::entry::DaemonAct::{Closed, Collected, LeaseExpired, Rotated, StagedDropped};
use sequestre::escrow::organisation::Effect;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::{End, Stage};
use sequestre::escrow::time::Seconds;
use sequestre::escrow::work::Work;

use crate::world::*;

fn open() -> (World, u64) {
    let mut world = World::founded();
    world.connected(OTHER_MEMBER, 1, &[PartKind::Password, PartKind::RecoveryCodes]);
    let window = world.let_open(OTHER_MEMBER, 1);
    (world, window)
}

fn staged() -> (World, u64, u64) {
    let (mut world, window) = open();
    let rotation = world.ok(MEMBER, rotate(1, 1));
    let staged = world.staging(1, rotation);
    world.stage(staged).unwrap();
    (world, window, rotation)
}

fn work(world: &World) -> Vec<Work> {
    world.state().work().collect()
}

fn number(world: &World) -> u32 {
    world.state().credential(&credential(1)).unwrap().current().unwrap().0
}

#[test]
fn a_rotation_is_staged_and_then_current() {
    let (mut world, window, _) = staged();
    assert_eq!(number(&world), 1, "not before the target has it");
    assert_eq!(world.state().staged(&credential(1)).unwrap().0, 2);
    assert_eq!(work(&world), [Work::Rotate(credential(1))]);
    assert_eq!(world.daemon(Rotated(version(1, 3))), Err(Refusal::NotDue));
    world.daemon(Rotated(version(1, 2))).unwrap();
    assert_eq!((number(&world), work(&world)), (2, vec![]));
    assert_eq!(world.daemon(StagedDropped(version(1, 2))), Err(Refusal::NotDue));
    let account = world.state().credential(&credential(1)).unwrap();
    let (_, current) = account.current().unwrap();
    assert!(current.by_daemon && current.depositor == MEMBER.id);
    assert_eq!(current.carried, [(PartKind::RecoveryCodes, 1)].into());
    assert_eq!(current.connector, account.versions[&1].connector);
    // Whoever asked does not know it; whoever runs the daemon could.
    let password = world.state().part(&part(1, 2, PartKind::Password)).unwrap();
    let known: Vec<_> = password.known.values().map(|knower| (knower.person, knower.how)).collect();
    assert_eq!(known, [(TECHNICIAN.id, How::CouldRead)]);
    assert_eq!(account.known_to(2, &MEMBER.id), [].into());
    assert_eq!(account.exposures(2).len(), 2, "the technician, and whoever sealed the codes");
    // What is open goes on: the daemon has the new secret.
    assert_eq!(world.state().open_window(&credential(1)).unwrap().at.index, window);
    world.ok(MEMBER, rotate(1, 2));
    // Whoever asked for the rotation did not seal what came of it, and so can show that it works.
    let password = v1::RequestedPart { vouched: None, ..world.to_daemon(part(1, 2, PartKind::Password)) };
    let lease = v1::Request { parts: vec![password], ..world.request_of(MEMBER, 1) };
    let lease = world.ok(MEMBER, Act::Request(lease));
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, lease));
    }
    world.daemon(Collected(lease)).unwrap();
    world.ok(MEMBER, confirm_access(lease, true));
}

#[test]
fn a_rotation_needs_an_open_window_and_the_current_version() {
    let (mut world, window) = open();
    assert_eq!(world.no(MEDIATOR, rotate(1, 1)), Refusal::MayNotAsk);
    assert_eq!(world.no(MEMBER, rotate(1, 2)), Refusal::VersionConflict { current: 1 });
    world.let_deposit(MEMBER, 2);
    assert_eq!(world.no(MEMBER, rotate(2, 1)), Refusal::NoConnector);
    world.ok(MEMBER, rotate(1, 1));
    assert_eq!(world.no(MEMBER, rotate(1, 1)), Refusal::RotationPending);
    // What has not begun is off when nothing is open any more.
    world.ok(OTHER_MEMBER, give_back(window));
    assert_eq!(work(&world), []);
    assert_eq!(world.no(MEMBER, rotate(1, 1)), Refusal::NotOpen);
}

#[test]
fn the_daemon_stages_what_was_asked_for_and_nothing_else() {
    let (mut world, window) = open();
    let rotation = world.ok(MEMBER, rotate(1, 1));
    let honest = world.staging(1, rotation);
    let mut no = |change: &dyn Fn(&mut v1::Staged), refusal| {
        let mut staged = honest.clone();
        change(&mut staged);
        assert_eq!(world.stage(staged), Err(refusal));
    };
    no(&|s| s.rotation_index = rotation - 1, Refusal::NotDue);
    no(&|s| s.version = 3, Refusal::VersionConflict { current: 1 });
    no(&|s| s.credential = credential(2).to_vec(), Refusal::CredentialUnknown);
    no(&|s| s.carried = vec![], Refusal::PartUnknown);
    no(&|s| s.parts[0].kind = PartKind::TotpSecret as i32, Refusal::PartUnknown);
    no(&|s| drop(s.parts[0].deals.pop()), Refusal::DealShape);
    let dealt = world.state().part(&part(1, 1, PartKind::Password)).unwrap().part.master_key;
    let mut again = honest.clone();
    again.parts[0].master_key = Some(dealt.into());
    assert_eq!(world.stage(again), Err(Refusal::SealedUsed));
    let mut closed = world.clone();
    closed.daemon(Closed(window)).unwrap();
    assert_eq!(closed.stage(honest.clone()), Err(Refusal::NotDue), "the rotation went with the window");
    world.stage(honest.clone()).unwrap();
    assert_eq!(world.stage(honest), Err(Refusal::NotDue), "once");
}

#[test]
fn after_a_restart_both_open_to_find_out_which_one_the_target_has() {
    let (mut world, window, rotation) = staged();
    world.daemon(Closed(window)).unwrap();
    assert_eq!(work(&world), [Work::Rotate(credential(1))], "what has begun stays");
    let both = [part(1, 1, PartKind::Password), part(1, 2, PartKind::Password)];
    assert_eq!(world.state().window_parts(&credential(1)), both);
    let filing = world.filing(1, window, Seconds::HOUR);
    let again = world.daemon(filing).unwrap();
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, again));
    }
    world.daemon(Collected(again)).unwrap();
    world.wait(Seconds::HOUR);
    world.daemon(LeaseExpired(again)).unwrap();
    // The target was away all the time: it asks once more, because of the rotation.
    let filing = world.filing(1, rotation, Seconds::HOUR);
    let errand = world.daemon(filing).unwrap();
    world.daemon(StagedDropped(version(1, 2))).unwrap();
    assert_eq!((number(&world), work(&world)), (1, vec![]));
    let gone = |effect: &Effect| matches!(effect, Effect::Forget(blobs) if blobs.len() == 1 + 2 * 7);
    assert!(world.effects.iter().any(gone), "the sealed secret and its shares");
    // It names what is gone: nobody could agree to it any more, and it would keep the daemon from asking anew.
    assert!(matches!(world.asked(errand).stage, Stage::Ended { how: End::Replaced, .. }));
}

#[test]
fn what_waits_to_be_opened_is_out_of_date_after_a_rotation() {
    let (mut world, _, _) = staged();
    let waiting = world.unseal_of(1);
    let waiting = world.ok(MEMBER, Act::Request(waiting));
    world.daemon(Rotated(version(1, 2))).unwrap();
    assert!(matches!(world.asked(waiting).stage, Stage::Ended { how: End::Replaced, .. }));
}

#[test]
fn nobody_deposits_beside_a_daemon_at_work_and_nothing_staged_is_lost() {
    let (mut world, window, _) = staged();
    let next = |world: &World, number| {
        let codes = v1::CarriedPart { kind: PartKind::RecoveryCodes as i32, version: 1 };
        let deposit = world.deposit_of(1, number, "web", &[PartKind::Password]);
        Act::Deposit(v1::Deposit { carried: vec![codes], connector: blob("connector 1"), ..deposit })
    };
    let beside = next(&world, 3);
    assert_eq!(world.no(OTHER_MEMBER, beside), Refusal::RotationPending);
    // The daemon never finds out; somebody who knows the password puts it in escrow.
    world.ok(TRUSTEES[0], seal());
    assert!(matches!(world.asked(window).stage, Stage::Ended { .. }));
    let mut over = next(&world, 2);
    if let Act::Deposit(deposit) = &mut over {
        deposit.parts[0].master_key = Some(recipient("a key of its own"));
    }
    assert_eq!(world.no(OTHER_MEMBER, over), Refusal::VersionConflict { current: 2 });
    assert_eq!(world.state().credential(&credential(1)).unwrap().next_number(), Some(3));
    let third = next(&world, 3);
    world.ok(OTHER_MEMBER, third);
    assert_eq!((number(&world), work(&world)), (3, vec![]));
    let both = world.state().credential(&credential(1)).unwrap();
    assert!(both.versions.contains_key(&2), "the target may have it");
}

#[test]
fn what_is_staged_can_be_asked_for() {
    let (mut world, _, _) = staged();
    let asked = v1::RequestedPart {
        credential: credential(1).to_vec(),
        version: 2,
        kind: PartKind::Password as i32,
        recipient: Some(recipient("a member's key")),
        vouched: None,
    };
    let request = v1::Request { parts: vec![asked], ..world.request_of(MEMBER, 1) };
    let request = world.ok(MEMBER, Act::Request(request));
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, request));
    }
    world.daemon(Collected(request)).unwrap();
    world.daemon(Rotated(version(1, 2))).unwrap();
    let account = world.state().credential(&credential(1)).unwrap();
    assert_eq!(account.known_to(2, &MEMBER.id), [PartKind::Password].into());
}

#[test]
fn a_technician_who_leaves_meanwhile_makes_the_staged_one_due() {
    let (mut world, _, _) = staged();
    let mut charter = v1::Charter { version: 2, ..standard_charter() };
    charter.technicians = ids(&[]);
    let proposal = world.propose_charter(charter, &[]);
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    world.daemon(Rotated(version(1, 2))).unwrap();
    let due = world.state().credential(&credential(1)).unwrap().due(2).unwrap();
    assert_eq!(due.urgency, Urgency::Now);
}

#[test]
fn what_a_staged_version_took_over_is_not_destroyed() {
    let (mut world, _, _) = staged();
    let doomed = v1::DoomedAccount { credential: credential(1).to_vec(), version: 1 };
    let act = |doomed| {
        let subject = v1::propose_destruction::Subject::Account(doomed);
        Act::ProposeDestruction(v1::ProposeDestruction { subject: Some(subject), reason: blob("why it goes") })
    };
    assert_eq!(world.no(FOUNDER, act(doomed)), Refusal::VersionInUse);
    let staged = v1::DoomedAccount { credential: credential(1).to_vec(), version: 2 };
    assert_eq!(world.no(FOUNDER, act(staged)), Refusal::PartUnknown);
}
