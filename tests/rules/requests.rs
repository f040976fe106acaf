//! Asking, approving, denying: what a quorum is, and to what exactly an approval is bound.

use sequestre::escrow::organisation::Effect;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::{End, Request, Stage};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;

use crate::world::*;

/// The founded organisation with account 1 of vault `web`: a password and a TOTP secret.
fn deposited() -> World {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "web", &[PartKind::Password, PartKind::TotpSecret]);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    world
}

/// The same with a member's request.
fn requested() -> (World, u64) {
    let mut world = deposited();
    let request = world.let_request(MEMBER, 1);
    (world, request)
}

fn found(world: &World, request: u64) -> &Request {
    world.state().request(request).unwrap()
}

fn is_granted(world: &World, request: u64) -> bool {
    matches!(found(world, request).stage, Stage::Granted(_))
}

/// Changes an approval in one place and expects this refusal.
#[track_caller]
fn tampered(change: impl FnOnce(&mut v1::Approve), expected: Refusal) {
    let (mut world, request) = requested();
    let mut approval = world.approval_of(FOUNDER, request);
    change(&mut approval);
    assert_eq!(world.no(FOUNDER, Act::Approve(approval)), expected);
}

#[test]
fn the_kth_approval_grants() {
    let (mut world, request) = requested();
    world.ok(FOUNDER, world.approve(FOUNDER, request));
    assert!(matches!(found(&world, request).stage, Stage::Waiting));
    world.wait(Seconds(60));
    world.ok(TRUSTEES[6], world.approve(TRUSTEES[6], request));
    let Stage::Granted(grant) = &found(&world, request).stage else { panic!("not granted") };
    assert_eq!(grant.at(), world.now);
    assert_eq!(grant.agreement().unwrap().quorums().first().unwrap().as_str(), "everyday");
    assert_eq!(grant.agreement().unwrap().persons(), [FOUNDER.id, TRUSTEES[6].id].into());
    let exposures = world.state().credential(&credential(1)).unwrap().exposures(1);
    assert_eq!(exposures.len(), 1);
    assert_eq!((exposures[0].person, exposures[0].since), (MEMBER.id, world.now));
    assert_eq!(exposures[0].parts, [PartKind::Password, PartKind::TotpSecret].into());
}

#[test]
fn an_approval_releases_shares_to_the_requester_only() {
    let (mut world, request) = requested();
    let approval = world.approval_of(FOUNDER, request);
    let released: Vec<Vec<u8>> = approval.released.iter().flat_map(|r| r.shares.clone()).collect();
    assert_eq!(released.len(), 4, "two parts, two quorums");
    world.ok(FOUNDER, Act::Approve(approval));
    let [Effect::AwaitShares { request: of, requester, blobs }] = &world.effects[..] else { panic!() };
    assert_eq!((*of, *requester), (request, MEMBER.id));
    assert_eq!(blobs.iter().map(|b| b.to_vec()).collect::<Vec<_>>(), released);
    let password = world.state().part(&part(1, 1, PartKind::Password)).unwrap();
    assert_eq!(password.released_to_anybody(), [FOUNDER.id].into());
}

#[test]
fn an_approval_is_final_and_counts_once() {
    let (mut world, request) = requested();
    world.ok(FOUNDER, world.approve(FOUNDER, request));
    assert_eq!(world.no(FOUNDER, world.approve(FOUNDER, request)), Refusal::AlreadyApproved);
    assert_eq!(world.no(FOUNDER, world.deny(request)), Refusal::AlreadyApproved);
    assert!(!is_granted(&world, request));
}

#[test]
fn a_denial_may_still_become_an_approval() {
    let (mut world, request) = requested();
    world.ok(FOUNDER, world.deny(request));
    world.ok(FOUNDER, world.deny(request));
    world.ok(TRUSTEES[1], world.deny(request));
    assert_eq!(found(&world, request).denials.len(), 2);
    world.ok(FOUNDER, world.approve(FOUNDER, request));
    assert_eq!(found(&world, request).denials.keys().collect::<Vec<_>>(), [&TRUSTEES[1].id]);
    world.ok(TRUSTEES[2], world.approve(TRUSTEES[2], request));
    assert!(is_granted(&world, request), "a denial is no veto");
}

#[test]
fn only_trustees_with_a_share_approve_and_deny() {
    let (mut world, request) = requested();
    for who in [OTHER_MEMBER, MEDIATOR, TECHNICIAN] {
        assert_eq!(world.no(who, world.approve(who, request)), Refusal::NotTrustee);
        assert_eq!(world.no(who, world.deny(request)), Refusal::NotTrustee);
    }
    assert_eq!(world.no(OUTSIDER, world.approve(OUTSIDER, request)), Refusal::Stranger);
    assert_eq!(world.no(MEMBER, world.approve(MEMBER, request)), Refusal::NotTrustee);
}

#[test]
fn a_trustee_who_was_dealt_nothing_approves_nothing() {
    let (mut world, _) = requested();
    world.let_join(NEWCOMER, &[Role::Trustee]);
    let mut charter = v1::Charter { version: 2, ..standard_charter() };
    charter.trustees = ids(&TRUSTEES.iter().copied().chain([NEWCOMER]).collect::<Vec<_>>());
    let proposal = world.propose_charter(charter, &[(NEWCOMER, vec![Role::Trustee])]);
    for who in &TRUSTEES[1..5] {
        world.ok(*who, world.sign(proposal));
    }
    let request = world.let_request(OTHER_MEMBER, 1);
    assert_eq!(world.no(NEWCOMER, world.approve(NEWCOMER, request)), Refusal::NotTrustee);
}

#[test]
fn a_former_trustee_still_holds_a_share_but_approves_nothing() {
    let mut world = World::founded();
    world.let_join(NEWCOMER, &[Role::Trustee, Role::Member]);
    let eight: Vec<Who> = TRUSTEES.iter().copied().chain([NEWCOMER]).collect();
    let mut second = v1::Charter { version: 2, trustees: ids(&eight), ..standard_charter() };
    second.quorums[2] = quorum("everyday", vec![group(2, &eight)]);
    let third = v1::Charter { version: 3, ..standard_charter() };
    let amend = |world: &mut World, charter, roll: &[(Who, Vec<Role>)]| {
        let proposal = world.propose_charter(charter, roll);
        for who in &TRUSTEES[1..5] {
            world.ok(*who, world.sign(proposal));
        }
    };
    amend(&mut world, second, &[(NEWCOMER, vec![Role::Trustee, Role::Member])]);
    world.let_deposit(OTHER_MEMBER, 1);
    amend(&mut world, third, &[]);
    let request = world.let_request(MEMBER, 1);
    assert_eq!(world.no(NEWCOMER, world.approve(NEWCOMER, request)), Refusal::NotTrustee);
    assert_eq!(world.no(NEWCOMER, world.deny(request)), Refusal::NotTrustee);
    let own = world.let_request(NEWCOMER, 1);
    assert!(found(&world, own).own_share, "what they hold counts when they ask");
}

#[test]
fn an_own_share_counts_and_one_more_is_needed() {
    let mut world = deposited();
    let request = world.let_request(TRUSTEES[2], 1);
    assert!(found(&world, request).own_share);
    let password = part(1, 1, PartKind::Password);
    assert_eq!(world.state().part(&password).unwrap().released_to_anybody(), [TRUSTEES[2].id].into());
    assert!(matches!(found(&world, request).stage, Stage::Waiting), "nobody opens alone");
    assert_eq!(world.no(TRUSTEES[2], world.approve(TRUSTEES[2], request)), Refusal::OwnRequest);
    assert_eq!(world.no(TRUSTEES[2], world.deny(request)), Refusal::OwnRequest);
    world.ok(FOUNDER, world.approve(FOUNDER, request));
    let Stage::Granted(grant) = &found(&world, request).stage else { panic!("not granted") };
    assert_eq!(grant.agreement().unwrap().persons(), [FOUNDER.id, TRUSTEES[2].id].into());
}

#[test]
fn with_an_own_share_k_minus_one_others_are_needed() {
    let mut world = World::founded();
    let deposit = world.deposit_of(1, 1, "bank", &[PartKind::Password]);
    world.ok(FOUNDER, Act::Deposit(deposit));
    let request = world.let_request(TRUSTEES[2], 1);
    for who in &TRUSTEES[3..5] {
        world.ok(*who, world.approve(*who, request));
    }
    assert!(!is_granted(&world, request), "vital is 4 of 7: own share and two others");
    world.ok(TRUSTEES[5], world.approve(TRUSTEES[5], request));
    assert!(is_granted(&world, request));
}

#[test]
fn a_request_says_truthfully_whether_an_own_share_counts() {
    let mut world = deposited();
    for (who, lie) in [(MEMBER, true), (TRUSTEES[3], false)] {
        let request = v1::Request { own_share: lie, ..world.request_of(who, 1) };
        assert_eq!(world.no(who, Act::Request(request)), Refusal::OwnShare);
    }
}

#[test]
fn who_may_ask() {
    let mut world = deposited();
    for who in [MEDIATOR, TECHNICIAN] {
        let request = world.request_of(who, 1);
        assert_eq!(world.no(who, Act::Request(request)), Refusal::MayNotAsk);
    }
    let request = world.request_of(OUTSIDER, 1);
    assert_eq!(world.no(OUTSIDER, Act::Request(request)), Refusal::Stranger);
    let deposit = world.deposit_of(2, 1, "bank", &[PartKind::Password]);
    world.ok(MEMBER, Act::Deposit(deposit));
    let request = world.request_of(MEMBER, 2);
    assert_eq!(world.no(MEMBER, Act::Request(request)), Refusal::MayNotAsk, "depositing gives no right to ask");
}

#[test]
fn access_lasts_a_minute_to_what_the_vault_allows() {
    let mut world = deposited();
    let longest = Seconds(30 * 86_400);
    for duration in [0, 59, longest.0 + 1, u64::MAX] {
        let request = v1::Request { duration, ..world.request_of(MEMBER, 1) };
        assert_eq!(world.no(MEMBER, Act::Request(request)), Refusal::Duration { longest });
    }
    for duration in [60, longest.0] {
        let mut world = world.clone();
        let request = v1::Request { duration, ..world.request_of(MEMBER, 1) };
        world.ok(MEMBER, Act::Request(request));
    }
}

#[test]
fn a_request_waits_seven_days_at_most() {
    let mut world = deposited();
    let now = world.now.0;
    for expires in [0, now - 1, now, now + 7 * 86_400 + 1, u64::MAX] {
        let request = v1::Request { expires, ..world.request_of(MEMBER, 1) };
        assert_eq!(world.no(MEMBER, Act::Request(request)), Refusal::RequestLife);
    }
    for expires in [now + 1, now + 7 * 86_400] {
        let mut world = world.clone();
        let request = v1::Request { expires, ..world.request_of(MEMBER, 1) };
        world.ok(MEMBER, Act::Request(request));
    }
}

#[test]
fn a_request_names_parts_of_one_version_with_a_key_each() {
    let mut world = deposited();
    let honest = world.request_of(MEMBER, 1);
    let mut one_key = honest.clone();
    one_key.parts[1].recipient = one_key.parts[0].recipient.clone();
    assert_eq!(world.no(MEMBER, Act::Request(one_key)), Refusal::PartUnknown);
    let mut absent = honest.clone();
    absent.parts[1].kind = PartKind::Notes as i32;
    assert_eq!(world.no(MEMBER, Act::Request(absent)), Refusal::PartUnknown);
    let mut unknown = honest.clone();
    unknown.parts.iter_mut().for_each(|p| p.credential = credential(9).to_vec());
    assert_eq!(world.no(MEMBER, Act::Request(unknown)), Refusal::CredentialUnknown);
    let mut early = honest.clone();
    early.parts.iter_mut().for_each(|p| p.version = 2);
    assert_eq!(world.no(MEMBER, Act::Request(early)), Refusal::PartUnknown);
    let second = world.deposit_of(1, 2, "web", &[PartKind::Password]);
    world.ok(MEMBER, Act::Deposit(second));
    world.ok(MEMBER, Act::Request(honest));
}

#[test]
fn one_open_request_per_person_and_account() {
    let (mut world, request) = requested();
    let again = world.request_of(MEMBER, 1);
    assert_eq!(world.no(MEMBER, Act::Request(again.clone())), Refusal::AlreadyRequested { request });
    world.let_request(OTHER_MEMBER, 1);
    world.let_deposit(FOUNDER, 2);
    world.let_request(MEMBER, 2);
    let mut expired = world.clone();
    expired.wait(Seconds(72 * 3_600));
    expired.let_request(MEMBER, 1);
    world.ok(MEMBER, give_back(request));
    world.ok(MEMBER, Act::Request(again));
}

#[test]
fn an_approval_of_one_part_opens_no_other() {
    let mut world = deposited();
    let mut asked = world.request_of(MEMBER, 1);
    asked.parts.pop();
    let request = world.ok(MEMBER, Act::Request(asked));
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, request));
    }
    let account = world.state().credential(&credential(1)).unwrap();
    assert_eq!(account.exposures(1)[0].parts, [PartKind::Password].into());
    assert!(account.versions[&1].parts[&PartKind::TotpSecret].released_to_anybody().is_empty());
}

#[test]
fn an_approval_is_for_the_request_that_was_seen() {
    tampered(|a| a.request_leaf = blob("another entry"), Refusal::RequestDiffers);
    tampered(|a| a.request_index -= 1, Refusal::RequestUnknown);
    let (mut world, request) = requested();
    let other = world.let_request(OTHER_MEMBER, 1);
    let mut swapped = world.approval_of(FOUNDER, request);
    swapped.request_index = other;
    assert_eq!(world.no(FOUNDER, Act::Approve(swapped.clone())), Refusal::RequestDiffers);
    swapped.request_leaf = world.leaf(other).to_vec();
    assert_eq!(world.no(FOUNDER, Act::Approve(swapped)), Refusal::RequestDiffers, "other recipients");
    let denial = v1::Deny { request_index: other, request_leaf: world.leaf(request).to_vec(), reason: blob("no") };
    assert_eq!(world.no(FOUNDER, Act::Deny(denial)), Refusal::RequestDiffers);
}

#[test]
fn an_approval_repeats_parts_recipients_and_expiry() {
    tampered(|a| a.parts[0].recipient = Some(recipient("the technician's")), Refusal::RequestDiffers);
    tampered(|a| a.parts[1].kind = PartKind::Notes as i32, Refusal::RequestDiffers);
    tampered(|a| a.parts.iter_mut().for_each(|p| p.version = 2), Refusal::RequestDiffers);
    tampered(|a| drop(a.parts.pop()), Refusal::RequestDiffers);
    tampered(|a| a.parts.clear(), Refusal::RequestDiffers);
    tampered(|a| a.expires += 1, Refusal::RequestDiffers);
    tampered(
        |a| {
            let (first, second) = (a.parts[0].recipient.clone(), a.parts[1].recipient.clone());
            (a.parts[0].recipient, a.parts[1].recipient) = (second, first);
        },
        Refusal::RequestDiffers,
    );
}

#[test]
fn an_approval_releases_exactly_the_approvers_shares() {
    tampered(|a| a.released.clear(), Refusal::ReleasedShape);
    tampered(|a| drop(a.released.pop()), Refusal::ReleasedShape);
    tampered(|a| drop(a.released[0].shares.pop()), Refusal::ReleasedShape);
    tampered(|a| a.released[1].shares.push(blob("more")), Refusal::ReleasedShape);
    tampered(|a| a.released.push(v1::Released { shares: vec![] }), Refusal::ReleasedShape);
    tampered(|a| a.released[0].shares[1] = a.released[0].shares[0].clone(), Refusal::ReleasedShape);
    tampered(|a| a.released[1].shares[0] = a.released[0].shares[0].clone(), Refusal::ReleasedShape);
}

#[test]
fn nothing_is_approved_after_the_expiry() {
    let (mut world, request) = requested();
    world.ok(FOUNDER, world.approve(FOUNDER, request));
    let expires = found(&world, request).expires;
    world.wait(world.now.until(expires));
    let refusal = Refusal::RequestExpired { at: expires };
    assert_eq!(
        world.no(TRUSTEES[1], world.approve(TRUSTEES[1], request)),
        refusal,
        "the daemon recorded nothing yet"
    );
    assert_eq!(world.no(TRUSTEES[1], world.deny(request)), refusal);
    world.timers();
    assert!(matches!(found(&world, request).stage, Stage::Ended { how: End::Expired, .. }));
    assert_eq!(world.no(TRUSTEES[1], world.approve(TRUSTEES[1], request)), refusal);
}

#[test]
fn an_approval_is_good_until_the_last_second_however_old_the_signature() {
    let (mut world, request) = requested();
    let signed = world.signed(FOUNDER, world.approve(FOUNDER, request));
    world.wait(Seconds(72 * 3_600 - 1));
    world.offer(signed).expect("signed offline three days ago");
}

#[test]
fn approvals_beyond_the_kth_are_accepted_until_collection() {
    let (mut world, request) = requested();
    for who in &TRUSTEES[..4] {
        world.ok(*who, world.approve(*who, request));
    }
    assert_eq!(found(&world, request).approvals.len(), 4);
    let Stage::Granted(grant) = &found(&world, request).stage else { panic!() };
    assert_eq!(grant.agreement().unwrap().persons().len(), 2, "the quorum is the one that first agreed");
    assert_eq!(world.state().credential(&credential(1)).unwrap().exposures(1).len(), 1);
    world.daemon(sequestre::escrow::entry::DaemonAct::Collected(request)).unwrap();
    assert_eq!(world.no(TRUSTEES[5], world.approve(TRUSTEES[5], request)), Refusal::RequestClosed);
    assert_eq!(world.no(TRUSTEES[5], world.deny(request)), Refusal::RequestClosed);
}

/// An approval signed before, submitted after something changed.
#[track_caller]
fn stale(change: impl FnOnce(&mut World)) {
    let (mut world, request) = requested();
    let signed = world.signed(FOUNDER, world.approve(FOUNDER, request));
    change(&mut world);
    assert_eq!(world.offer(signed), Err(Refusal::StaleBase));
}

#[test]
fn an_approval_is_stale_once_the_charter_changed() {
    stale(|world| {
        let proposal = world.propose_charter(v1::Charter { version: 2, ..standard_charter() }, &[]);
        for who in &TRUSTEES[1..5] {
            world.ok(*who, world.sign(proposal));
        }
    });
}

#[test]
fn an_approval_from_before_the_request_is_stale() {
    let (mut world, request) = requested();
    let mut command = world.draft(world.approve(FOUNDER, request));
    command.base = Some(world.head_at(request).into());
    assert_eq!(world.submit_draft(FOUNDER, &command), Err(Refusal::StaleBase));
    command.base = Some(world.head_at(request + 1).into());
    world.submit_draft(FOUNDER, &command).expect("the request is the last thing that the signer saw");
}

#[test]
fn an_approval_is_stale_once_the_account_changed() {
    // Of a granted request, which a new version does not end.
    let (mut world, request) = requested();
    for who in &TRUSTEES[1..3] {
        world.ok(*who, world.approve(*who, request));
    }
    let signed = world.signed(FOUNDER, world.approve(FOUNDER, request));
    let deposit = world.deposit_of(1, 2, "web", &[PartKind::Password]);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    assert_eq!(world.offer(signed), Err(Refusal::StaleBase));
}

#[test]
fn a_request_of_whoever_left_is_closed() {
    let (mut world, request) = requested();
    let signed = world.signed(FOUNDER, world.approve(FOUNDER, request));
    world.ok(MEMBER, leave());
    assert_eq!(world.offer(signed), Err(Refusal::RequestClosed));
}

#[test]
fn a_new_version_stops_no_request_for_an_older_one() {
    let (mut world, request) = requested();
    world.ok(FOUNDER, world.approve(FOUNDER, request));
    let deposit = world.deposit_of(1, 2, "web", &[PartKind::Password]);
    world.ok(OTHER_MEMBER, Act::Deposit(deposit));
    world.ok(TRUSTEES[1], world.approve(TRUSTEES[1], request));
    assert!(matches!(found(&world, request).stage, Stage::Granted(_)), "one depositor locks nobody out");
    world.ok(MEMBER, give_back(request));
    let mut old = world.request_of(MEMBER, 1);
    old.parts.iter_mut().for_each(|part| part.version = 1);
    world.ok(MEMBER, Act::Request(old));
}

#[test]
fn requests_of_other_accounts_go_on() {
    let (mut world, request) = requested();
    world.let_deposit(MEMBER, 2);
    let deposit = world.deposit_of(2, 2, "web", &[PartKind::Password]);
    world.ok(MEMBER, Act::Deposit(deposit));
    assert!(matches!(found(&world, request).stage, Stage::Waiting));
}

#[test]
fn both_groups_must_agree() {
    let mut world = World::two_groups();
    world.let_deposit(MEMBER, 1);
    let request = world.let_request(MEMBER, 1);
    for who in BOARD {
        world.ok(who, world.approve(who, request));
    }
    assert!(!is_granted(&world, request), "the whole board is no quorum");
    world.ok(TECHNICAL[0], world.approve(TECHNICAL[0], request));
    assert!(!is_granted(&world, request));
    world.ok(TECHNICAL[1], world.approve(TECHNICAL[1], request));
    assert!(is_granted(&world, request));
}

#[test]
fn an_own_share_counts_in_its_own_group_only() {
    let mut world = World::two_groups();
    world.let_deposit(MEMBER, 1);
    let request = world.let_request(BOARD[0], 1);
    for who in TECHNICAL {
        world.ok(who, world.approve(who, request));
    }
    assert!(!is_granted(&world, request));
    world.ok(BOARD[2], world.approve(BOARD[2], request));
    assert!(is_granted(&world, request));
}
