//! An organisation: the state that its log amounts to.
//!
//! ```text
//! signed command → decide(state, command, now) → transition → apply(state, transition) → effects
//! ```
//!
//! The same code decides in the daemon, shows the inbox in the client and judges in the verifier. It must never read
//! a clock, draw randomness or touch a file. `decide` changes nothing; `apply` cannot fail: a [`Transition`] exists
//! only if the rules allow it in this state, and is applied before anything else is decided.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{Act, Deny, EntryRef, Invite, Join};
use super::approval::Approval;
use super::brake::Confirmation;
use super::charter::{Charter, RULES_VERSION};
use super::claim::Claim;
use super::command::VerifiedCommand;
use super::credential::{Credential, DestroyedAccount};
use super::delegation::{Delegate, Delegation, Take, Taking};
use super::destruction::Holders;
use super::drill::{ConfirmAccess, Drill, RecordDrill, RestoreDrill};
use super::entry::DaemonAct;
use super::id::{BlobId, CredentialId, DeviceId, Digest, InvitationId, OrganisationId, PersonId};
use super::key::{RecipientKey, VerifyingKey};
use super::limits::{Charge, Usage};
use super::log::merkle::TreeHead;
use super::moving::{Moved, VerifiedMove};
use super::part::{Part, PartKind};
use super::people::{Device, Invitation, Person, Standing};
use super::proposal::{Proposal, Signing, Subject};
use super::recovery::{RecordAnswer, Recovery, RecoveryId};
use super::refusal::Refusal;
use super::request::{Asking, End, Request};
use super::rotation::{Rotate, Staged, staged_blobs};
use super::time::{Seconds, Time};
use super::window::{Filing, UnsealFiled};
use super::work::Work;

pub use super::effect::{Audience, Effect};

/// How far a command's own time may lie from its entry's.
pub const CLOCK_TOLERANCE: Seconds = Seconds(600);

/// Where an entry stands: index, time and leaf hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Its index.
    pub index: u64,
    /// Its time.
    pub time: Time,
    /// SHA-256(0x00 ‖ entry).
    pub leaf: Digest,
}

impl Position {
    pub(super) fn entry(self) -> EntryRef {
        EntryRef { index: self.index, leaf: self.leaf }
    }
}

/// The state of one organisation after some prefix of its log.
#[derive(Debug, Clone)]
pub struct Organisation {
    pub(super) id: OrganisationId,
    pub(super) name: BlobId,
    pub(super) founder: PersonId,
    pub(super) log_key: VerifyingKey,
    pub(super) address: String,
    pub(super) charter: Option<Charter>,
    pub(super) charter_changed: u64,
    pub(super) moves: Vec<Moved>,
    pub(super) people: BTreeMap<PersonId, Person>,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) invitations: BTreeMap<InvitationId, Invitation>,
    pub(super) proposals: BTreeMap<u64, Proposal>,
    pub(super) credentials: BTreeMap<CredentialId, Credential>,
    /// Accounts whose ids are not used again.
    pub(super) destroyed: BTreeMap<CredentialId, DestroyedAccount>,
    /// Every live blob.
    pub(super) blobs: BTreeMap<BlobId, Holders>,
    /// Blobs that were destroyed.
    pub(super) forgotten: BTreeSet<BlobId>,
    /// The public halves of all master keys that there ever were, also of what was destroyed.
    pub(super) master_keys: BTreeSet<RecipientKey>,
    /// When the whole organisation was destroyed.
    pub(super) ended: Option<Time>,
    pub(super) requests: BTreeMap<u64, Request>,
    /// (time, request): what the daemon has to end, and when.
    pub(super) deadlines: BTreeSet<(Time, u64)>,
    /// The same by account, and for what opens to the daemon: which requests are not over, in the same order.
    pub(super) live_for: BTreeSet<(CredentialId, Time, u64)>,
    pub(super) live_to_daemon: BTreeSet<(Time, u64)>,
    pub(super) recoveries: BTreeMap<RecoveryId, Recovery>,
    pub(super) drill: Option<Drill>,
    pub(super) restore_drill: Option<RestoreDrill>,
    pub(super) usage: BTreeMap<PersonId, Usage>,
    /// Standing rights, by the index of their request.
    pub(super) delegations: BTreeMap<u64, Delegation>,
    /// What the daemon has to do at targets.
    pub(super) work: BTreeSet<Work>,
    /// Whether the entry that is being applied changed that.
    pub(super) work_changed: bool,
    /// (account, request): what is open to the daemon for its work.
    pub(super) windows: BTreeSet<(CredentialId, u64)>,
    /// (time, delegation): when standing rights end.
    pub(super) delegation_ends: BTreeSet<(Time, u64)>,
    /// Keys of the daemon to which something was to open: each for one part of one request.
    pub(super) opening_keys: BTreeSet<RecipientKey>,
    size: u64,
    last_time: Time,
}

/// A step that the rules allow in the state in which it was decided. Only `decide` makes one.
#[derive(Debug)]
pub struct Transition {
    step: Step,
    blobs: Vec<(BlobId, Audience)>,
    charge: Option<Charge>,
}

#[derive(Debug)]
enum Step {
    Invite(PersonId, Invite),
    CancelInvitation(InvitationId),
    Join(Box<Join>),
    EnrolDevice(PersonId, VerifyingKey),
    RevokeDevice(DeviceId),
    Propose(PersonId, Subject),
    Sign(Signing),
    Leave(PersonId),
    Deposit(PersonId, super::act::Deposit, Vec<(PartKind, Part)>),
    ConfirmShares(PersonId, super::act::ConfirmShares),
    Request(PersonId, Asking, super::act::Request),
    Approve(PersonId, Approval),
    Deny(PersonId, Deny),
    End(u64, End),
    RecordAnswer(PersonId, RecordAnswer),
    Claim(Claim),
    StartDrill(PersonId),
    ConfirmAccess(PersonId, ConfirmAccess),
    RecordDrill(PersonId, RecordDrill),
    Confirm(Confirmation),
    Veto(PersonId, super::act::Veto),
    Move(PersonId, Box<VerifiedMove>),
    Seal(PersonId, BTreeSet<u64>),
    Rotate(PersonId, Rotate),
    Delegate(Delegate),
    EndDelegation(PersonId, u64),
    Take(PersonId, Take, Taking),
    File(UnsealFiled, Filing),
    Staged(Box<Staged>, Vec<(PartKind, Part)>),
    Daemon(DaemonAct),
}

impl Transition {
    /// The blobs that must be at hand before this is accepted.
    pub fn blobs(&self) -> &[(BlobId, Audience)] {
        &self.blobs
    }
}

impl Organisation {
    /// Begins a log with a genesis. `now` is the entry's time.
    pub fn found(genesis: &VerifiedCommand, at: Position) -> Result<(Self, Vec<Effect>), Refusal> {
        let Act::Genesis(g) = &genesis.command().act else { return Err(Refusal::NotFounded) };
        // Its signature does not say for which organisation it was verified: the id follows from its bytes alone.
        if genesis.signed().founds() != Some(genesis.organisation()) {
            return Err(Refusal::ForeignBase);
        }
        if g.rules_version != RULES_VERSION {
            return Err(Refusal::UnknownRules { version: g.rules_version });
        }
        if g.founder.signing != *genesis.signer() || g.device == g.founder.signing {
            return Err(Refusal::NotYourKeys);
        }
        let own = genesis.signed().founds() == Some(genesis.organisation());
        if !own || genesis.command().base != TreeHead::EMPTY || at.index != 0 {
            return Err(Refusal::ForeignBase);
        }
        check_clock(genesis.command().created, at.time)?;
        let founder = g.founder.person();
        let mut state = Self {
            id: genesis.organisation(),
            name: g.name,
            founder,
            log_key: g.log_key,
            address: g.address.clone(),
            charter: None,
            charter_changed: 0,
            moves: Vec::new(),
            people: BTreeMap::new(),
            devices: BTreeMap::new(),
            invitations: BTreeMap::new(),
            proposals: BTreeMap::new(),
            credentials: BTreeMap::new(),
            destroyed: BTreeMap::new(),
            blobs: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            master_keys: BTreeSet::new(),
            ended: None,
            requests: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            live_for: BTreeSet::new(),
            live_to_daemon: BTreeSet::new(),
            recoveries: BTreeMap::new(),
            drill: None,
            restore_drill: None,
            usage: BTreeMap::new(),
            delegations: BTreeMap::new(),
            work: BTreeSet::new(),
            work_changed: false,
            windows: BTreeSet::new(),
            delegation_ends: BTreeSet::new(),
            opening_keys: BTreeSet::new(),
            size: 1,
            last_time: at.time,
        };
        let standing = Standing::Candidate(None);
        let person = Person { keys: g.founder, name: g.founder_name, joined: at.entry(), standing, changed: 0 };
        state.people.insert(founder, person);
        state.hold(&Self::genesis_blobs(g), None);
        let mut effects = vec![Effect::Keep(Self::genesis_blobs(g)), state.standing_effect(founder)];
        effects.extend(state.add_device(founder, g.device, at));
        Ok((state, effects))
    }

    /// The texts that a genesis refers to.
    pub fn genesis_blobs(genesis: &super::act::Genesis) -> Vec<(BlobId, Audience)> {
        vec![(genesis.name, Audience::Everyone), (genesis.founder_name, Audience::Everyone)]
    }

    /// Whether the rules allow a command now. `base_root` is this log's root at the command's base size, if the log
    /// is that long.
    pub fn decide(
        &self,
        command: &VerifiedCommand,
        now: Time,
        base_root: Option<Digest>,
    ) -> Result<Transition, Refusal> {
        let base = command.command().base;
        if command.organisation() != self.id || base_root != Some(base.root) || base.size > self.size {
            return Err(Refusal::ForeignBase);
        }
        self.check_alive()?;
        let act = &command.command().act;
        // The empty tree is a prefix of every fork: only those who cannot know this log yet build on it, and those who
        // say what they did without a server, which is as true on every continuation of the log.
        let anywhere = matches!(act, Act::Genesis(_) | Act::Join(_) | Act::EnrolDevice(_) | Act::RecordAnswer(_));
        if base.size == 0 && !anywhere {
            return Err(Refusal::ForeignBase);
        }
        if act.is_bound_to_its_time() {
            check_clock(command.command().created, now)?;
        }
        let signer = command.person();
        self.check_standing(&signer, act)?;
        let charge = self.check_limits(command, now)?;
        let (step, blobs) = self.decide_act(command, signer, base, now)?;
        self.check_new(&blobs)?;
        Ok(Transition { step, blobs, charge })
    }

    /// Whether the rules allow a daemon act now.
    pub fn decide_daemon(&self, act: DaemonAct, now: Time) -> Result<Transition, Refusal> {
        self.check_alive()?;
        let (step, blobs) = match act {
            DaemonAct::UnsealFiled(filed) => {
                let filing = self.decide_unseal_filed(&filed, now)?;
                (Step::File(filed, filing), Vec::new())
            }
            DaemonAct::Staged(staged) => {
                let parts = self.decide_staged(&staged)?;
                let blobs = staged_blobs(&parts);
                (Step::Staged(staged, parts), blobs)
            }
            act => {
                self.decide_daemon_act(&act, now)?;
                (Step::Daemon(act), Vec::new())
            }
        };
        self.check_new(&blobs)?;
        Ok(Transition { step, blobs, charge: None })
    }

    fn decide_act(
        &self,
        command: &VerifiedCommand,
        signer: PersonId,
        base: TreeHead,
        now: Time,
    ) -> Result<(Step, Vec<(BlobId, Audience)>), Refusal> {
        let everyone = |blob: BlobId| vec![(blob, Audience::Everyone)];
        Ok(match &command.command().act {
            Act::Genesis(_) => return Err(Refusal::GenesisTwice),
            Act::Invite(invite) => {
                self.decide_invite(&signer, invite, now)?;
                (Step::Invite(signer, invite.clone()), everyone(invite.name))
            }
            Act::CancelInvitation(id) => {
                self.decide_cancel(&signer, id)?;
                (Step::CancelInvitation(*id), Vec::new())
            }
            Act::Join(join) => {
                self.decide_join(command.signer(), join, now)?;
                (Step::Join(Box::new(join.clone())), Vec::new())
            }
            Act::EnrolDevice(enrol) => {
                self.decide_enrol(command.signer(), enrol)?;
                (Step::EnrolDevice(signer, enrol.device), Vec::new())
            }
            Act::RevokeDevice(id) => {
                self.decide_revoke_device(&signer, id)?;
                (Step::RevokeDevice(*id), Vec::new())
            }
            Act::ProposeCharter(proposal) => {
                (Step::Propose(signer, self.decide_charter(&signer, proposal)?), Vec::new())
            }
            Act::ProposeAdmission(admission) => {
                (Step::Propose(signer, self.decide_admission(&signer, admission)?), Vec::new())
            }
            Act::ProposeRemoval(removal) => {
                (Step::Propose(signer, self.decide_removal(&signer, removal)?), everyone(removal.reason))
            }
            Act::Sign(reference) => {
                // The last signature begins a delay: whoever holds it back must not choose when that was.
                if self.proposals.get(&reference.index).is_some_and(|p| self.needs_delay(&p.subject)) {
                    check_clock(command.command().created, now)?;
                }
                (Step::Sign(self.decide_sign(&signer, reference, base.size, now)?), Vec::new())
            }
            Act::Leave => {
                self.check_removable(&signer)?;
                (Step::Leave(signer), Vec::new())
            }
            Act::Deposit(deposit) => {
                let parts = self.decide_deposit(&signer, deposit, base.size, now)?;
                let mut blobs = vec![(deposit.label, Audience::Everyone), (deposit.sheet, Audience::Overseers)];
                let kept = self.credential(&deposit.version.credential).and_then(|c| c.current()?.1.connector);
                let connector = deposit.connector.filter(|connector| Some(*connector) != kept);
                blobs.extend(connector.map(|connector| (connector, Audience::Everyone)));
                blobs.extend(deposit.rewrapped.iter().flat_map(|r| Self::wrapped_blobs(&r.wrapped)));
                for (_, part) in &parts {
                    blobs.push((part.sealed, Audience::Trustees));
                    let shares = part.deals.iter().flat_map(|deal| deal.shares());
                    blobs.extend(shares.map(|(_, share)| (share.sealed, Audience::Trustees)));
                }
                (Step::Deposit(signer, deposit.clone(), parts), blobs)
            }
            Act::ConfirmShares(confirm) => {
                self.decide_confirm(&signer, confirm, base.size)?;
                (Step::ConfirmShares(signer, confirm.clone()), Vec::new())
            }
            Act::Request(asked) => {
                let asking = self.decide_request(&signer, asked, now)?;
                let mut blobs = everyone(asked.reason);
                blobs.extend(asked.input.map(|input| (input, Audience::Everyone)));
                (Step::Request(signer, asking, asked.clone()), blobs)
            }
            Act::Approve(approve) => {
                (Step::Approve(signer, self.decide_approve(&signer, approve, base.size, now)?), Vec::new())
            }
            Act::Deny(deny) => {
                self.decide_deny(&signer, deny, now)?;
                (Step::Deny(signer, *deny), everyone(deny.reason))
            }
            Act::Return(index) => (Step::End(*index, self.decide_return(&signer, *index)?), Vec::new()),
            Act::Revoke(revoke) => {
                self.decide_revoke(&signer, revoke, now)?;
                (Step::End(revoke.request, End::Revoked(signer)), everyone(revoke.reason))
            }
            Act::RecordAnswer(answer) => {
                let answer = self.decide_answer(&signer, answer)?;
                (Step::RecordAnswer(signer, answer), Vec::new())
            }
            Act::Claim(claim) => {
                self.decide_claim(&signer, claim, now)?;
                (Step::Claim(claim.clone()), Vec::new())
            }
            Act::StartDrill => {
                self.decide_start_drill(&signer, now)?;
                (Step::StartDrill(signer), Vec::new())
            }
            Act::ConfirmAccess(confirm) => {
                self.decide_confirm_access(&signer, confirm, now)?;
                (Step::ConfirmAccess(signer, *confirm), Vec::new())
            }
            Act::RecordDrill(record) => {
                self.decide_record_drill(&signer, record, base)?;
                (Step::RecordDrill(signer, *record), Vec::new())
            }
            Act::ProposeDestruction(proposal) => {
                (Step::Propose(signer, self.decide_destruction(&signer, proposal, now)?), everyone(proposal.reason))
            }
            Act::Confirm(reference) => {
                (Step::Confirm(self.decide_confirmation(&signer, reference, base.size, now)?), Vec::new())
            }
            Act::Veto(veto) => {
                self.decide_veto(&signer, veto, base.size, now)?;
                (Step::Veto(signer, *veto), everyone(veto.reason))
            }
            Act::Move(signed) => {
                let verified = self.decide_move(signed, &command.command().base, now)?;
                (Step::Move(signer, Box::new(verified)), Vec::new())
            }
            Act::Seal(seal) => (Step::Seal(signer, self.decide_seal(&signer, now)?), everyone(seal.reason)),
            Act::Rotate(rotate) => {
                self.decide_rotate(&signer, rotate)?;
                (Step::Rotate(signer, *rotate), Vec::new())
            }
            Act::Delegate(delegate) => {
                self.decide_delegate(&signer, delegate, now)?;
                let blobs = Self::wrapped_blobs(&delegate.wrapped).collect();
                (Step::Delegate(delegate.clone()), blobs)
            }
            Act::EndDelegation(end) => {
                self.decide_end_delegation(&signer, end, now)?;
                (Step::EndDelegation(signer, end.delegation), everyone(end.reason))
            }
            Act::Take(take) => {
                let taking = self.decide_take(&signer, take, now)?;
                let mut blobs = everyone(take.reason);
                blobs.extend(take.input.map(|input| (input, Audience::Everyone)));
                (Step::Take(signer, *take, taking), blobs)
            }
        })
    }

    /// Takes a step. `at` is the entry that records it: the next one.
    pub fn apply(&mut self, transition: Transition, at: Position) -> Vec<Effect> {
        if let Some(charge) = transition.charge {
            self.charge(&charge, at.time);
        }
        self.size = at.index.saturating_add(1);
        self.last_time = at.time;
        self.work_changed = false;
        let mut effects = Vec::new();
        if !transition.blobs.is_empty() {
            let version = match &transition.step {
                Step::Deposit(_, deposit, _) => {
                    // The connector that stays is named again, not sent again.
                    let connector = deposit.connector.map(|connector| (connector, Audience::Everyone));
                    self.hold(connector.as_slice(), Some(deposit.version));
                    Some(deposit.version)
                }
                Step::Staged(staged, _) => Some(staged.version),
                Step::Delegate(delegate) => self.requests.get(&delegate.request).map(|request| request.version),
                _ => None,
            };
            self.hold(&transition.blobs, version);
            effects.push(Effect::Keep(transition.blobs));
        }
        effects.extend(self.sweep_delegations(at));
        effects.extend(match transition.step {
            Step::Invite(inviter, invite) => {
                self.apply_invite(inviter, invite);
                Vec::new()
            }
            Step::CancelInvitation(id) => {
                self.apply_cancel(&id);
                Vec::new()
            }
            Step::Join(join) => self.apply_join(*join, at),
            Step::EnrolDevice(person, device) => self.add_device(person, device, at),
            Step::RevokeDevice(id) => self.apply_revoke_device(id, at.time),
            Step::Propose(proposer, subject) => self.apply_proposal(proposer, subject, at),
            Step::Sign(signing) => self.apply_sign(signing, at),
            Step::Leave(person) => self.remove(person, at),
            Step::Deposit(depositor, deposit, parts) => self.apply_deposit(depositor, deposit, parts, at),
            Step::ConfirmShares(person, confirm) => {
                self.apply_confirm(person, &confirm, at);
                Vec::new()
            }
            Step::Request(requester, asking, asked) => {
                self.apply_request(requester, asking, asked, at);
                Vec::new()
            }
            Step::Approve(approver, approval) => self.apply_approve(approver, approval, at),
            Step::Deny(signer, deny) => {
                self.apply_deny(signer, &deny);
                Vec::new()
            }
            Step::End(index, how) => self.end_request(index, how, at),
            Step::RecordAnswer(person, answer) => {
                self.apply_answer(person, answer, at);
                Vec::new()
            }
            Step::Claim(claim) => {
                self.apply_claim(claim, at);
                Vec::new()
            }
            Step::StartDrill(by) => {
                self.apply_start_drill(by, at);
                Vec::new()
            }
            Step::ConfirmAccess(person, confirm) => {
                self.apply_confirm_access(person, confirm, at);
                Vec::new()
            }
            Step::RecordDrill(person, record) => {
                self.apply_record_drill(person, record, at);
                Vec::new()
            }
            Step::Confirm(confirmation) => self.apply_confirmation(confirmation, at),
            Step::Veto(person, veto) => {
                self.apply_veto(person, &veto, at);
                Vec::new()
            }
            Step::Move(person, verified) => self.apply_move(person, *verified, at),
            Step::Seal(signer, open) => self.apply_seal(signer, open, at),
            Step::Rotate(by, rotate) => {
                self.apply_rotate(by, &rotate, at);
                Vec::new()
            }
            Step::Delegate(delegate) => self.apply_delegate(&delegate, at),
            Step::EndDelegation(by, index) => self.apply_end_delegation(by, index, at),
            Step::Take(by, take, taking) => self.apply_take(by, &take, taking, at),
            Step::File(filed, filing) => {
                self.apply_unseal_filed(filed, filing, at);
                Vec::new()
            }
            Step::Staged(staged, parts) => self.apply_staged(*staged, parts, at),
            Step::Daemon(act) => self.apply_daemon_act(act, at),
        });
        if self.work_changed {
            effects.push(Effect::Work);
        }
        effects
    }

    /// Nothing follows upon the end of an organisation.
    fn check_alive(&self) -> Result<(), Refusal> {
        if self.ended.is_none() { Ok(()) } else { Err(Refusal::OrganisationDestroyed) }
    }

    /// Whether the signer may speak at all; what exactly they may do is for each act to say.
    fn check_standing(&self, signer: &PersonId, act: &Act) -> Result<(), Refusal> {
        if matches!(act, Act::Join(_)) {
            return Ok(());
        }
        // It says what happened while they could; whose shares count, the deals say.
        if matches!(act, Act::RecordAnswer(_)) && self.people.contains_key(signer) {
            return Ok(());
        }
        match self.people.get(signer).map(|p| &p.standing) {
            None | Some(Standing::Gone { .. }) => Err(Refusal::Stranger),
            Some(Standing::Admitted { .. }) => Ok(()),
            Some(Standing::Candidate(_)) => match act {
                // A charter that takes somebody in may need them in its own quorum, both times.
                Act::EnrolDevice(_) | Act::RevokeDevice(_) | Act::Sign(_) | Act::Confirm(_) | Act::Leave => Ok(()),
                Act::Invite(_) | Act::CancelInvitation(_) | Act::ProposeCharter(_) if self.founder == *signer => {
                    Ok(())
                }
                _ => Err(Refusal::NotAdmitted),
            },
        }
    }

    /// Refuses a signature whose base does not contain the entry that last changed what it depends on.
    pub(super) fn unchanged_since(&self, base: u64, changed: u64) -> Result<(), Refusal> {
        if changed < base { Ok(()) } else { Err(Refusal::StaleBase) }
    }

    /// Index of the entry that last put a charter in force; zero before the first.
    pub fn charter_changed(&self) -> u64 {
        self.charter_changed
    }

    /// The organisation's id.
    pub fn id(&self) -> OrganisationId {
        self.id
    }

    /// Text: its name.
    pub fn name(&self) -> BlobId {
        self.name
    }

    /// Who founded it.
    pub fn founder(&self) -> PersonId {
        self.founder
    }

    /// Who signs checkpoints and daemon acts.
    pub fn log_key(&self) -> &VerifyingKey {
        &self.log_key
    }

    /// `host:port` of the daemon.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The charter in force; none before the founding is signed.
    pub fn charter(&self) -> Option<&Charter> {
        self.charter.as_ref()
    }

    /// Every move, oldest first.
    pub fn moves(&self) -> &[Moved] {
        &self.moves
    }

    /// Everybody whose keys stand in the log.
    pub fn people(&self) -> &BTreeMap<PersonId, Person> {
        &self.people
    }

    /// Every device that was ever certified.
    pub fn devices(&self) -> &BTreeMap<DeviceId, Device> {
        &self.devices
    }

    /// Every invitation.
    pub fn invitations(&self) -> &BTreeMap<InvitationId, Invitation> {
        &self.invitations
    }

    /// Every proposal, by index.
    pub fn proposals(&self) -> &BTreeMap<u64, Proposal> {
        &self.proposals
    }

    /// Every account.
    pub fn credentials(&self) -> &BTreeMap<CredentialId, Credential> {
        &self.credentials
    }

    /// Every request, by index.
    pub fn requests(&self) -> &BTreeMap<u64, Request> {
        &self.requests
    }

    /// How many entries the log has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The last entry's time; the next one is not earlier.
    pub fn last_time(&self) -> Time {
        self.last_time
    }
}

fn check_clock(created: Time, entry: Time) -> Result<(), Refusal> {
    let by = created.distance(entry);
    if by > CLOCK_TOLERANCE { Err(Refusal::ClockSkew { by }) } else { Ok(()) }
}
