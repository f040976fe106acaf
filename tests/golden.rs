//! Logs of every rules version replay for ever: a log that was agreed upon must not mean something else tomorrow.
//!
//! `tests/golden/rules-1.log` holds one entry a line (base64) of a log that contains every command and every act of
//! the daemon of rules version 1; `rules-1.txt` says what it amounts to. When this test fails, the software is
//! wrong and not the file: changed rules need a new rules version, and the old code stays beside them.
//! `sealed-1.txt` holds a password in escrow: the sealed part, and the shares of a quorum of two groups.
//!
//! Before version 1 is released, and to add a file for a new version, all are written anew by
//! `SEQUESTRE_WRITE_GOLDEN=1 cargo test --test golden`.

#[path = "support/dealt.rs"]
mod dealt;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sequestre::escrow::act;
use sequestre::escrow::command::organisation_id;
use sequestre::escrow::entry::{DaemonAct, Entry, What};
use sequestre::escrow::key::BadKey;
use sequestre::escrow::organisation::Organisation;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::people::{InvitationState, Standing};
use sequestre::escrow::proposal::{Outcome, Subject};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::replay::{Fault, Replay, Trust};
use sequestre::escrow::request::{Basis, Stage};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;
use sequestre::seal::sealing::{open_part, seal_part};
use sequestre::seal::secret::Secret;
use sequestre::seal::sharing::{combine, deal, verify_share};

use world::*;

/// The entries, and what they amount to.
struct Golden {
    entries: Vec<Vec<u8>>,
    summary: String,
}

static GOLDEN: LazyLock<Golden> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let (log, text) = (folder.join("rules-1.log"), folder.join("rules-1.txt"));
    if std::env::var_os("SEQUESTRE_WRITE_GOLDEN").is_some() {
        let world = story();
        let lines: Vec<String> = world.entries.iter().map(|entry| STANDARD.encode(entry)).collect();
        let lines =
            format!("# A log of rules version 1, one entry a line. See tests/golden.rs.\n{}\n", lines.join("\n"));
        std::fs::write(&log, lines).unwrap();
        std::fs::write(&text, summary(&world.replay)).unwrap();
    }
    let log = std::fs::read_to_string(log).unwrap();
    let lines = log.lines().filter(|line| !line.starts_with('#'));
    let entries = lines.map(|line| STANDARD.decode(line).unwrap()).collect();
    Golden { entries, summary: std::fs::read_to_string(text).unwrap() }
});

/// Replays as a stranger.
fn replay(entries: &[Vec<u8>]) -> Replay {
    let Entry { what: What::Command(genesis), .. } = Entry::parse(&entries[0]).unwrap() else { panic!("no genesis") };
    let (mut replay, _) = Replay::begin(genesis.founds().unwrap(), &entries[0], Trust::Nothing).unwrap();
    for entry in &entries[1..] {
        replay.push(entry, Trust::Nothing).unwrap();
    }
    replay
}

#[test]
fn the_log_of_rules_version_1_means_what_it_meant() {
    assert_eq!(summary(&replay(&GOLDEN.entries)), GOLDEN.summary);
    assert_eq!(kinds(&GOLDEN.entries), EVERYTHING.into(), "the log has everything in it");
    assert!(GOLDEN.summary.contains("part recovery-codes of version 1"), "and a part that was carried over");
}

#[test]
fn no_entry_of_it_can_be_left_out() {
    // Whoever signed the next entry had seen the missing one; what the log key signed is bound to its place.
    let mut without = replay(&GOLDEN.entries[..1]);
    for index in 1..GOLDEN.entries.len() - 1 {
        let next = Entry { index: index as u64, ..Entry::parse(&GOLDEN.entries[index + 1]).unwrap() };
        let fault = without.push(&next.encode(), Trust::Nothing).unwrap_err().fault;
        let expected = [Fault::Refused(Refusal::ForeignBase), Fault::DaemonSignature(BadKey::BadSignature)];
        assert!(expected.contains(&fault), "without entry {index}: {fault}");
        without.push(&GOLDEN.entries[index], Trust::Nothing).unwrap();
    }
}

/// What was put in escrow yesterday opens tomorrow: any two of three in both groups, and nobody with fewer.
#[test]
fn what_version_1_sealed_opens() {
    if std::env::var_os("SEQUESTRE_WRITE_GOLDEN").is_some() {
        return write_sealed();
    }
    let (context, sample) = (dealt::context(), dealt::sample());
    let share = |n: usize| {
        let (trustee, envelope) = &sample.shares[n];
        verify_share(Secret::new(envelope.clone()), *trustee, &context, &sample.deal).unwrap()
    };
    for these in [[0, 1, 3, 4], [0, 2, 3, 5], [2, 1, 5, 4]] {
        let key = combine(&these.map(share), &context, &sample.deal).unwrap();
        let opened = open_part(&key, &context.part_context(), &sample.sealed).unwrap();
        assert!(opened.user_name.is_none() && opened.value.matches(&dealt::value().value));
    }
    for too_few in [[0, 1, 2], [0, 1, 3], [3, 4, 5]] {
        assert!(combine(&too_few.map(share), &context, &sample.deal).is_err());
    }
}

fn write_sealed() {
    let (key, context) = (dealt::master_key(), dealt::context());
    let part = seal_part(key.recipient(), &context.part_context(), &dealt::value()).unwrap();
    let mut text =
        "# A password sealed by version 1 of the formats, and its shares. See tests/golden.rs.\n".to_owned();
    writeln!(text, "part {}", STANDARD.encode(part)).unwrap();
    for group in deal(&key, &context, &dealt::quorum()).unwrap().groups {
        writeln!(text, "outer {}", group.outer.unwrap()).unwrap();
        for share in group.shares {
            writeln!(text, "share {}", STANDARD.encode(share.envelope.expose())).unwrap();
        }
    }
    std::fs::write(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sealed-1.txt"), text).unwrap();
}

/// The id of an organisation is the hash of its genesis; recomputed here from the label that the format names.
#[test]
fn the_organisation_is_its_genesis() {
    let Entry { what: What::Command(genesis), .. } = Entry::parse(&GOLDEN.entries[0]).unwrap() else {
        panic!("no genesis")
    };
    let bytes = genesis.to_wire().command;
    let by_hand = sequestre::escrow::id::sha256(&[b"sequestre/genesis/v1\0", &bytes]);
    assert_eq!(organisation_id(&bytes).as_bytes(), &by_hand);
}

const EVERYTHING: [&str; 43] = [
    "approve",
    "cancel-invitation",
    "claim",
    "closed",
    "collected",
    "confirm",
    "confirm-access",
    "confirm-shares",
    "delegate",
    "deny",
    "deposit",
    "end-delegation",
    "enrol-device",
    "genesis",
    "invite",
    "join",
    "lease-expired",
    "leave",
    "mint-started",
    "minted",
    "move",
    "propose-admission",
    "propose-charter",
    "propose-destruction",
    "propose-removal",
    "record-answer",
    "record-drill",
    "request",
    "request-expired",
    "return",
    "revoke",
    "revoke-device",
    "revoked-at-target",
    "rotate",
    "rotated",
    "seal",
    "sign",
    "staged",
    "staged-dropped",
    "start-drill",
    "take",
    "unseal-filed",
    "veto",
];

fn kinds(entries: &[Vec<u8>]) -> BTreeSet<&'static str> {
    entries.iter().map(|entry| kind(&Entry::parse(entry).unwrap().what)).collect()
}

/// No wildcard: a new command does not compile until it has a place here, and in [`EVERYTHING`].
fn kind(what: &What) -> &'static str {
    use act::Act;
    match what {
        What::Act(signed) => match &signed.act {
            DaemonAct::Collected(_) => "collected",
            DaemonAct::RequestExpired(_) => "request-expired",
            DaemonAct::LeaseExpired(_) => "lease-expired",
            DaemonAct::Closed(_) => "closed",
            DaemonAct::MintStarted { .. } => "mint-started",
            DaemonAct::Minted { .. } => "minted",
            DaemonAct::RevokedAtTarget(_) => "revoked-at-target",
            DaemonAct::UnsealFiled(_) => "unseal-filed",
            DaemonAct::Staged(_) => "staged",
            DaemonAct::Rotated(_) => "rotated",
            DaemonAct::StagedDropped(_) => "staged-dropped",
        },
        What::Command(signed) => match &signed.command().act {
            Act::Genesis(_) => "genesis",
            Act::Invite(_) => "invite",
            Act::CancelInvitation(_) => "cancel-invitation",
            Act::Join(_) => "join",
            Act::EnrolDevice(_) => "enrol-device",
            Act::RevokeDevice(_) => "revoke-device",
            Act::ProposeCharter(_) => "propose-charter",
            Act::ProposeAdmission(_) => "propose-admission",
            Act::ProposeRemoval(_) => "propose-removal",
            Act::Sign(_) => "sign",
            Act::Leave => "leave",
            Act::Deposit(_) => "deposit",
            Act::ConfirmShares(_) => "confirm-shares",
            Act::Request(_) => "request",
            Act::Approve(_) => "approve",
            Act::Deny(_) => "deny",
            Act::Return(_) => "return",
            Act::Revoke(_) => "revoke",
            Act::RecordAnswer(_) => "record-answer",
            Act::Claim(_) => "claim",
            Act::StartDrill => "start-drill",
            Act::ConfirmAccess(_) => "confirm-access",
            Act::RecordDrill(_) => "record-drill",
            Act::ProposeDestruction(_) => "propose-destruction",
            Act::Confirm(_) => "confirm",
            Act::Veto(_) => "veto",
            Act::Move(_) => "move",
            Act::Seal(_) => "seal",
            Act::Rotate(_) => "rotate",
            Act::Delegate(_) => "delegate",
            Act::EndDelegation(_) => "end-delegation",
            Act::Take(_) => "take",
        },
    }
}

/// What a log amounts to, for people to read. Written by hand, so that renaming something in the code changes nothing.
fn summary(replay: &Replay) -> String {
    let (state, head) = (replay.organisation(), replay.head());
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").unwrap();
    line(format!("organisation {}", state.id()));
    line(format!("size {}", head.size));
    line(format!("root {}", head.root));
    line(format!("last entry {}", state.last_time()));
    line(format!("next deadline {}", state.next_deadline().map_or("none".into(), |at| at.to_string())));
    if let Some(charter) = state.charter() {
        line(format!("charter {} code {}", charter.version(), charter.code()));
        for quorum in charter.quorums() {
            let groups = quorum.groups().iter().map(|g| format!("{} of {}", g.threshold(), g.members().len()));
            line(format!("quorum {}: {}", quorum.name(), groups.collect::<Vec<_>>().join(" and ")));
        }
    }
    for (id, person) in state.people() {
        let standing = match &person.standing {
            Standing::Candidate(_) => "candidate".to_owned(),
            Standing::Admitted { .. } => {
                state.roles(id).iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
            }
            Standing::Gone { since } => format!("gone since {since}"),
        };
        let devices = state.devices().values().filter(|d| d.person == *id);
        let revoked = devices.clone().filter(|d| d.revoked.is_some()).count();
        let (joined, count) = (person.joined.index, devices.count());
        line(format!("person {id}: {standing}; joined in {joined}; {count} devices, {revoked} revoked"));
    }
    for (id, invitation) in state.invitations() {
        let state = match invitation.state {
            InvitationState::Open => "open".to_owned(),
            InvitationState::Used(person) => format!("used by {person}"),
            InvitationState::Cancelled => "cancelled".to_owned(),
        };
        line(format!("invitation {id}: {state}"));
    }
    for (index, proposal) in state.proposals() {
        let subject = match &proposal.subject {
            Subject::Charter { charter, .. } => format!("charter {}", charter.version()),
            Subject::Admission(admission) => format!("admission of {}", admission.keys.person()),
            Subject::Removal(removal) => format!("removal of {}", removal.person),
            Subject::Destruction(destruction) => match destruction.doomed {
                act::Doomed::Version(id) => format!("end of version {} of {}", id.version, id.credential),
                act::Doomed::Account(id) => format!("end of {id}"),
                act::Doomed::Text(id) => format!("end of text {id}"),
                act::Doomed::Organisation => "end of everything".to_owned(),
            },
        };
        let outcome = match &proposal.outcome {
            Outcome::Open => "open".to_owned(),
            Outcome::Agreed(delayed) => {
                let (window, confirmed) = (state.window(delayed), delayed.confirmed().len());
                format!("agreed at {}, from {} to {}, {confirmed} confirmed", delayed.at(), window.from, window.until)
            }
            Outcome::InForce { since, .. } => format!("in force since {since}"),
            Outcome::Superseded => "superseded".to_owned(),
        };
        let (signed, acknowledged) = (proposal.signed.len(), proposal.acknowledged.len());
        let veto =
            proposal.veto.map(|veto| format!(", vetoed by {} at {}", veto.person, veto.at)).unwrap_or_default();
        line(format!("proposal {index}: {subject}, {outcome}; {signed} signed, {acknowledged} acknowledged{veto}"));
    }
    line(format!("{} live texts", state.texts().count()));
    for (id, gone) in state.destroyed_accounts() {
        line(format!("account {id}: destroyed at {} by proposal {}", gone.at, gone.proposal));
    }
    for moved in state.moves() {
        let (index, address) = (moved.at.index, state.address());
        line(format!("move in {index} from {} to {address} by {}", moved.old_address, moved.brought_by));
    }
    for (id, recovery) in state.recoveries() {
        let answers = recovery.answers.iter().map(|(entry, answer)| {
            let parts: Vec<&str> = answer.parts.iter().map(|part| part.kind.as_str()).collect();
            format!("{} by {} in {entry}", parts.join(", "), answer.person)
        });
        let answers: Vec<String> = answers.collect();
        line(format!("recovery {} by {}: {}", id.request, id.starter, answers.join("; ")));
    }
    if let Some(drill) = state.drill() {
        line(format!("drill {} by {} at {}", drill.index, drill.by, drill.time));
    }
    if let Some(drill) = state.restore_drill() {
        let (tree, took, blobs, works) = (drill.tree, drill.took, drill.blobs, drill.works);
        let (index, person) = (drill.index, drill.person);
        line(format!("restore drill {index} by {person}: {} in {took}, {blobs} blobs, works {works}", tree.size));
    }
    accounts(state, &mut line);
    requests(state, &mut line);
    for delegation in state.delegations() {
        let (index, version, used) = (delegation.index, delegation.version, delegation.used);
        let (to, ended) = (delegation.standing.to, delegation.ended);
        line(format!("delegation {index} of {to} for {}: used {used}, ended {ended:?}", version.credential));
    }
    line(format!("at targets: {:?}", state.work().collect::<Vec<_>>()));
    out
}

fn accounts(state: &Organisation, line: &mut impl FnMut(String)) {
    for (id, account) in state.credentials() {
        for (number, gone) in &account.destroyed {
            line(format!("account {id}, version {number}: destroyed at {}", gone.at));
        }
        for (number, version) in &account.versions {
            let due = account.due(*number).map_or("not due".to_owned(), |due| {
                format!("due {:?} since {} for {:?}", due.urgency, due.since, due.cause)
            });
            line(format!("account {id} in {}, version {number}: {due}", account.vault));
            for (kind, part) in &version.parts {
                let released = part.released_to_anybody().len();
                let verdicts: Vec<String> =
                    part.verdicts.iter().map(|(who, checked)| format!("{:?} by {who}", checked.verdict)).collect();
                let quorums: Vec<&str> = part.part.deals.iter().map(|deal| deal.quorum().name().as_str()).collect();
                line(format!(
                    "  part {}: dealt to {}; {released} shares released; verdicts [{}]",
                    kind.as_str(),
                    quorums.join(", "),
                    verdicts.join(", ")
                ));
            }
            let tested = version.parts.iter().filter_map(|(kind, part)| Some((kind, part.tested?)));
            for (kind, tested) in tested {
                let (person, index, works) = (tested.person, tested.index, tested.works);
                line(format!("  {} tried by {person} in entry {index}: works {works}", kind.as_str()));
            }
            for (kind, dealt_with) in &version.carried {
                line(format!("  part {} of version {dealt_with}", kind.as_str()));
            }
            for exposure in account.exposures(*number) {
                let parts: Vec<&str> = exposure.parts.iter().map(|kind| kind.as_str()).collect();
                let (person, request, since) = (exposure.person, exposure.source, exposure.since);
                let how = exposure.how;
                line(format!("  known to {person} ({how:?}) by entry {request} since {since}: {}", parts.join(", ")));
            }
        }
    }
}

fn requests(state: &Organisation, line: &mut impl FnMut(String)) {
    for (index, request) in state.requests() {
        let stage = match &request.stage {
            Stage::Waiting => "waiting".to_owned(),
            Stage::Granted(grant) => {
                let basis = match grant.basis() {
                    Basis::Agreement(agreement) => agreement.quorums().first().unwrap().to_string(),
                    Basis::Unasked => "nobody".to_owned(),
                    Basis::Delegation(index) => format!("delegation {index}"),
                };
                format!("granted by {basis} at {}", grant.at())
            }
            Stage::Leased(lease) => {
                let (since, until) = (lease.since(), lease.until());
                format!("lease from {since} to {until}, {}collected", if lease.collected() { "" } else { "un" })
            }
            Stage::Ended { at, how } => format!("ended at {at}: {how:?}"),
        };
        let (approvals, denials) = (request.approvals.len(), request.denials.len());
        let own = if request.own_share { "own share, " } else { "" };
        line(format!(
            "request {index} by {}, {}: {own}{approvals} approvals, {denials} denials; {stage}",
            request.requester,
            request.purpose.as_str()
        ));
        if let Some(target) = request.target {
            line(format!("  at the target: {target:?}"));
        }
        for (accused, claim) in &request.claims {
            let kinds: Vec<&str> = claim.kinds.iter().map(|kind| kind.as_str()).collect();
            let answer = state.claim_answer(request, accused);
            let (index, verdict) = (claim.index, claim.verdict);
            line(format!("  {} of {accused} {verdict:?} by entry {index}, answer {answer:?}", kinds.join(", ")));
        }
    }
}

/// Every command and every act of the daemon, most of them in more than one situation.
fn story() -> World {
    let mut world = World::begin();
    world.now = START;
    founding(&mut world);
    membership(&mut world);
    vaults(&mut world);
    leases(&mut world);
    drills(&mut world);
    targets(&mut world);
    amendment(&mut world);
    moving(&mut world);
    destruction(&mut world);
    world
}

fn tick(world: &mut World) {
    world.wait(Seconds(97));
}

fn founding(world: &mut World) {
    let void = token("never used");
    let expires = world.now.after(Seconds::DAY);
    world.ok(FOUNDER, invite(&void, &[Role::Member], expires));
    let mut roll: Vec<(Who, Vec<Role>)> = TRUSTEES.iter().map(|who| (*who, vec![Role::Trustee])).collect();
    roll.push((MEDIATOR, vec![Role::Mediator]));
    roll.push((TECHNICIAN, vec![Role::Technician]));
    roll.push((MEMBER, vec![Role::Member]));
    for (who, roles) in &roll[1..] {
        tick(world);
        world.let_join(*who, roles);
    }
    world.ok(FOUNDER, cancel(&void));
    let superseded = world.propose_charter(standard_charter(), &roll);
    world.ok(TRUSTEES[3], world.sign(superseded));
    let proposal = world.propose_charter(standard_charter(), &roll);
    world.ok(MEMBER, world.sign(proposal));
    for who in &TRUSTEES[1..] {
        tick(world);
        world.ok(*who, world.sign(proposal));
    }
}

fn membership(world: &mut World) {
    for who in [OTHER_MEMBER, NEWCOMER, Who(13), Who(14)] {
        tick(world);
        world.let_join(who, &[Role::Member]);
    }
    for who in [OTHER_MEMBER, NEWCOMER, Who(13)] {
        let admission = world.ok(FOUNDER, world.admit(who, &[Role::Member]));
        world.ok(TRUSTEES[5], world.sign(admission));
    }
    world.ok(MEMBER, enrol(MEMBER, public_key("telephone")));
    world.ok(MEMBER, enrol(MEMBER, public_key("laptop")));
    world.ok(MEMBER, revoke_device(public_key("telephone")));
}

fn vaults(world: &mut World) {
    let both = [PartKind::Password, PartKind::TotpSecret];
    tick(world);
    for (who, n, vault, kinds) in
        [(MEMBER, 1, "web", &both[..]), (NEWCOMER, 2, "web", &both[..1]), (FOUNDER, 3, "bank", &PartKind::ALL)]
    {
        let deposit = world.deposit_of(n, 1, vault, kinds);
        world.ok(who, Act::Deposit(deposit));
    }
    let password = part(1, 1, PartKind::Password);
    let totp = part(1, 1, PartKind::TotpSecret);
    world.ok(FOUNDER, confirm(&[(password, v1::ShareVerdict::Good), (totp, v1::ShareVerdict::DoesNotMatch)]));
    world.ok(TRUSTEES[4], confirm(&[(password, v1::ShareVerdict::DoesNotOpen)]));
    world.ok(TRUSTEES[4], confirm(&[(password, v1::ShareVerdict::Good)]));
}

fn leases(world: &mut World) {
    // Granted, collected, over by time; a denial on the way that becomes an approval.
    let request = world.let_request(OTHER_MEMBER, 1);
    world.ok(TRUSTEES[1], world.deny(request));
    world.ok(TRUSTEES[2], world.deny(request));
    tick(world);
    world.ok(TRUSTEES[1], world.approve(TRUSTEES[1], request));
    world.ok(TRUSTEES[6], world.approve(TRUSTEES[6], request));
    world.ok(TRUSTEES[5], world.approve(TRUSTEES[5], request));
    tick(world);
    world.daemon(DaemonAct::Collected(request)).unwrap();
    world.wait(Seconds::HOUR);
    world.timers();
    // Approved by one, and nobody else in time.
    let expired = world.let_request(OTHER_MEMBER, 2);
    world.ok(TRUSTEES[0], world.approve(TRUSTEES[0], expired));
    world.wait(Seconds(72 * 3_600));
    world.timers();
    // A second failed request: together they are enough.
    let failed = world.let_request(TRUSTEES[2], 2);
    world.ok(TRUSTEES[2], give_back(failed));
    // Granted and never collected: the lease counts from the expiry.
    let forgotten = world.let_grant(TRUSTEES[3], 3, &[TRUSTEES[0], TRUSTEES[1], TRUSTEES[6]]);
    world.wait(Seconds(72 * 3_600));
    world.timers();
    world.ok(TRUSTEES[0], revoke(forgotten));
    // Returned early.
    let returned = world.let_grant(MEMBER, 1, &TRUSTEES[..2]);
    world.daemon(DaemonAct::Collected(returned)).unwrap();
    tick(world);
    world.ok(MEMBER, give_back(returned));
    // A new version, with a new password and no TOTP any more, does not end a request for the one before.
    let stale = world.let_request(OTHER_MEMBER, 1);
    world.ok(TRUSTEES[4], world.approve(TRUSTEES[4], stale));
    let deposit = world.deposit_of(1, 2, "web", &[PartKind::Password]);
    world.ok(TRUSTEES[1], Act::Deposit(deposit));
    world.ok(TRUSTEES[5], world.approve(TRUSTEES[5], stale));
    // Stopped before it was collected; that works once.
    world.ok(TRUSTEES[6], revoke(stale));
    // Ended by leaving, one lease and one request that waits.
    let lease = world.let_grant(NEWCOMER, 1, &TRUSTEES[2..4]);
    world.daemon(DaemonAct::Collected(lease)).unwrap();
    world.let_request(NEWCOMER, 2);
    tick(world);
    world.ok(NEWCOMER, leave());
    let removal = world.ok(TRUSTEES[4], remove(Who(13)));
    world.ok(TRUSTEES[5], world.sign(removal));
}

/// Everybody is asked for their shares, somebody tries an account, and a copy is restored.
fn drills(world: &mut World) {
    let password = part(1, 2, PartKind::Password);
    world.ok(TRUSTEES[4], confirm(&[(password, v1::ShareVerdict::Good)]));
    world.ok(MEDIATOR, start_drill());
    world.ok(TRUSTEES[4], confirm(&[(password, v1::ShareVerdict::Good)]));
    let request = world.let_grant(OTHER_MEMBER, 1, &TRUSTEES[..2]);
    world.daemon(DaemonAct::Collected(request)).unwrap();
    world.ok(OTHER_MEMBER, give_back(request));
    world.ok(OTHER_MEMBER, confirm_access(request, true));
    // A bad share; whoever sent it looks again. Another one does not.
    world.ok(OTHER_MEMBER, claim(request, TRUSTEES[1], &[PartKind::Password], v1::ShareVerdict::DoesNotMatch));
    world.ok(TRUSTEES[1], confirm(&[(password, v1::ShareVerdict::Good)]));
    world.ok(OTHER_MEMBER, claim(request, TRUSTEES[0], &[PartKind::Password], v1::ShareVerdict::DoesNotOpen));
    // What happened without the server: one recovery opens a part, another adds up with nothing.
    let recovered = part(3, 1, PartKind::RecoveryCodes);
    let notes = part(3, 1, PartKind::Notes);
    for who in [TRUSTEES[2], TRUSTEES[4], TRUSTEES[5]] {
        tick(world);
        world.ok(who, world.answer("the server burnt", TRUSTEES[1], &[recovered]));
    }
    world.ok(TRUSTEES[4], world.answer("the server burnt", TRUSTEES[1], &[notes]));
    world.ok(TRUSTEES[2], world.answer("it was not the fire", MEMBER, &[part(1, 2, PartKind::Password), notes]));
    let restored = world.record_drill(true);
    world.ok(TECHNICIAN, restored);
}

/// What opens to the daemon, what it makes and changes at targets, and who takes leases without asking.
fn targets(world: &mut World) {
    world.connected(MEMBER, 6, &[PartKind::Password, PartKind::RecoveryCodes]);
    let window = world.let_open(MEMBER, 6);
    tick(world);
    // One lease that runs out, one that is begun and taken back, one by a standing right.
    let lease = world.let_mint(OTHER_MEMBER, 6);
    let begun = world.let_sign(TRUSTEES[4], 6);
    world.start(begun).unwrap();
    world.ok(TRUSTEES[5], revoke(begun));
    world.daemon(DaemonAct::RevokedAtTarget(begun)).unwrap();
    let rule = world.let_delegate(MEMBER, OTHER_MEMBER, 6);
    let taken = world.ok(OTHER_MEMBER, world.take(rule));
    world.start(taken).unwrap();
    world.minted(taken).unwrap();
    // A rotation, another one that a restart interrupts, and what the daemon then asks for.
    let rotation = world.ok(OTHER_MEMBER, rotate(6, 1));
    let staged = world.staging(6, rotation);
    world.stage(staged).unwrap();
    world.daemon(DaemonAct::Rotated(version(6, 2))).unwrap();
    let rotation = world.ok(MEMBER, rotate(6, 2));
    let staged = world.staging(6, rotation);
    world.stage(staged).unwrap();
    world.daemon(DaemonAct::Closed(window)).unwrap();
    world.wait(Seconds::HOUR);
    world.timers();
    let filing = world.filing(6, window, Seconds::HOUR);
    let again = world.daemon(filing).unwrap();
    for who in &TRUSTEES[..2] {
        world.ok(*who, world.approve(*who, again));
    }
    world.daemon(DaemonAct::Collected(again)).unwrap();
    world.daemon(DaemonAct::StagedDropped(version(6, 3))).unwrap();
    world.daemon(DaemonAct::RevokedAtTarget(lease)).unwrap();
    // Closed by a trustee; one revocation stays due, and another one is asked for in vain.
    world.ok(TRUSTEES[6], seal());
    // A standing right for an account without a connector, used, and ended.
    let deposit = world.deposit_of(7, 1, "web", &[PartKind::Password]);
    world.ok(MEMBER, Act::Deposit(deposit));
    let right = world.let_delegate(TRUSTEES[3], MEMBER, 7);
    let used = world.ok(MEMBER, world.take(right));
    world.daemon(DaemonAct::Collected(used)).unwrap();
    tick(world);
    world.ok(MEMBER, give_back(used));
    world.ok(TRUSTEES[3], end_delegation(right));
}

fn amendment(world: &mut World) {
    let newcomer = Who(15);
    world.let_join(newcomer, &[Role::Trustee, Role::Member]);
    // One lease of whoever loses the office, and one that stays.
    let trustee = TRUSTEES[6];
    let lease = world.let_grant(trustee, 2, &TRUSTEES[..1]);
    world.daemon(DaemonAct::Collected(lease)).unwrap();
    world.let_grant(MEMBER, 2, &TRUSTEES[..2]);
    world.let_request(OTHER_MEMBER, 1);
    let trustees: Vec<Who> = TRUSTEES[..6].iter().copied().chain([newcomer]).collect();
    let (board, technical) = trustees.split_at(4);
    let split = |name| quorum(name, vec![group(2, board), group(2, technical)]);
    let all = |name, k| quorum(name, vec![group(k, &trustees)]);
    // Nobody new has a say in these two: it comes into force at once.
    let stay = |name| quorum(name, vec![group(5, &TRUSTEES[..6])]);
    let charter = v1::Charter {
        version: 2,
        trustees: ids(&trustees),
        quorums: vec![stay("amend"), stay("destroy"), all("everyday", 3), split("vital")],
        ..standard_charter()
    };
    let proposal = world.propose_charter(charter, &[(newcomer, vec![Role::Trustee, Role::Member])]);
    world.ok(newcomer, world.sign(proposal));
    for who in &TRUSTEES[1..5] {
        tick(world);
        world.ok(*who, world.sign(proposal));
    }
    // A new password with the recovery codes of before, which somebody knows.
    let deposit = world.deposit_of(5, 1, "web", &[PartKind::Password, PartKind::RecoveryCodes]);
    world.ok(MEMBER, Act::Deposit(deposit));
    let known = world.let_grant(OTHER_MEMBER, 5, &TRUSTEES[..3]);
    world.ok(OTHER_MEMBER, give_back(known));
    let deposit = world.next_version(5, &[PartKind::Password], &[PartKind::RecoveryCodes]);
    world.ok(TRUSTEES[1], Act::Deposit(deposit));
    let deposit = world.deposit_of(4, 1, "bank", &[PartKind::RecoveryCodes]);
    world.ok(newcomer, Act::Deposit(deposit));
    world.let_grant(newcomer, 4, &[TRUSTEES[4], TRUSTEES[0], TRUSTEES[2]]);
}

/// Version 1 of account 1 in spite of a veto, and an account whose end is half confirmed. The charter asks for five of six.
fn destruction(world: &mut World) {
    let second = |world: &World, proposal| {
        Act::Confirm(v1::Confirm { proposal_index: proposal, proposal_leaf: world.leaf(proposal).to_vec() })
    };
    let mut proposals = Vec::new();
    for (n, version) in [(1, 1), (5, 0)] {
        let account = v1::DoomedAccount { credential: credential(n).to_vec(), version };
        let act = Act::ProposeDestruction(v1::ProposeDestruction {
            subject: Some(v1::propose_destruction::Subject::Account(account)),
            reason: blob("why it is destroyed"),
        });
        let proposal = world.ok(FOUNDER, act);
        for who in &TRUSTEES[1..5] {
            world.ok(*who, world.sign(proposal));
        }
        proposals.push(proposal);
    }
    tick(world);
    let (index, leaf) = (proposals[0], world.leaf(proposals[0]).to_vec());
    let veto = v1::Veto { proposal_index: index, proposal_leaf: leaf, reason: blob("why not") };
    world.ok(TRUSTEES[3], Act::Veto(veto));
    world.wait(Seconds(8 * 86_400));
    world.timers();
    for who in &TRUSTEES[..6] {
        world.ok(*who, second(world, proposals[0]));
    }
    world.ok(TRUSTEES[5], second(world, proposals[1]));
}

/// The quorum signs, a member brings it; what falls due afterwards is signed by the other server's key.
fn moving(world: &mut World) {
    tick(world);
    let statement = world.move_statement();
    world.wait(Seconds::DAY);
    let moving = world.signed_move(&statement, &TRUSTEES[..5]);
    world.ok(OTHER_MEMBER, moving);
    world.wait(Seconds(72 * 3_600));
    assert!(world.timers() > 0);
}
