//! What a quorum decides by signing: charters, admissions, removals, destructions.
//!
//! The founding charter needs every trustee that it names. Charter N+1 needs the `amend` quorum of N *and* of N+1,
//! and no version is skipped, as for a root of trust in TUF. A signature names the proposal by index and leaf hash,
//! so that nothing can be exchanged under the signers; nobody can take a proposal back alone. What destroys, or weakens
//! the protection from destroying, must be agreed twice: see [`brake`](super::brake).

use std::collections::BTreeSet;

use super::act::{Admission, EntryRef, ProposeCharter, ProposeDestruction, ProposeRemoval};
use super::brake::{Delayed, Veto};
use super::charter::Charter;
use super::id::PersonId;
use super::organisation::{Effect, Organisation, Position};
use super::people::Standing;
use super::quorum::{Agreement, Quorum};
use super::refusal::Refusal;
use super::role::Role;
use super::time::{Seconds, Time};

/// How long a proposal can be signed.
pub const PROPOSAL_LIFE: Seconds = Seconds(30 * Seconds::DAY.0);

/// Something to sign.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// Its entry.
    pub at: EntryRef,
    /// Who proposed it; that counts as their signature.
    pub proposer: PersonId,
    /// Until when it can be signed.
    pub expires: Time,
    /// What it is about.
    pub subject: Subject,
    /// Who signed, of those whose signature it needs.
    pub signed: BTreeSet<PersonId>,
    /// Who acknowledged, of the others.
    pub acknowledged: BTreeSet<PersonId>,
    /// Somebody's objection: at most one.
    pub veto: Option<Veto>,
    /// Where it stands.
    pub outcome: Outcome,
}

/// What a proposal is about.
#[derive(Debug, Clone)]
pub enum Subject {
    /// A charter, with the people whom it takes in.
    Charter {
        /// The charter.
        charter: Box<Charter>,
        /// Newcomers.
        roll: Vec<Admission>,
    },
    /// A member to take in.
    Admission(Admission),
    /// A member to remove.
    Removal(ProposeRemoval),
    /// Something to destroy.
    Destruction(ProposeDestruction),
}

/// Where a proposal stands.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Waiting for signatures until it expires.
    Open,
    /// Agreed once; waits for its delay and for the second agreement.
    Agreed(Delayed),
    /// Decided.
    InForce {
        /// When.
        since: Time,
        /// By what.
        ratification: Ratification,
    },
    /// Another proposal took its place.
    Superseded,
}

/// The proof that a proposal was agreed.
#[derive(Debug, Clone)]
pub enum Ratification {
    /// Every trustee named by the founding charter.
    Unanimous(Unanimity),
    /// The `amend` quorums of the old and of the new charter, and the new `destroy` quorum if it is another one.
    Amended(Agreement),
    /// The admission quorum.
    Agreed(Agreement),
    /// All quorums that a destruction, or a weaker brake, needs: before the delay and after it.
    Twice {
        /// Before it.
        first: Agreement,
        /// After it.
        second: Agreement,
    },
}

/// What enough signatures lead to.
#[derive(Debug)]
enum Signed {
    /// At once.
    InForce(Ratification),
    /// After a delay, and confirmed.
    Delayed(Agreement),
}

/// Proof that everybody named signed. Only their signatures make one.
#[derive(Debug, Clone)]
pub struct Unanimity(BTreeSet<PersonId>);

impl Unanimity {
    /// `None` while somebody is missing, and for an empty set: empty means nobody.
    fn of(named: &BTreeSet<PersonId>, signed: &BTreeSet<PersonId>) -> Option<Self> {
        (!named.is_empty() && named.is_subset(signed)).then(|| Self(named.clone()))
    }

    /// Who signed.
    pub fn persons(&self) -> &BTreeSet<PersonId> {
        &self.0
    }
}

/// What one signature does to a proposal.
#[derive(Debug)]
pub(super) struct Signing {
    proposal: u64,
    signer: PersonId,
    /// False for an acknowledgement.
    counts: bool,
    /// Present if this signature was the last one missing.
    enough: Option<Signed>,
}

impl Proposal {
    /// Whether it can still be signed.
    pub fn is_open(&self, now: Time) -> bool {
        matches!(self.outcome, Outcome::Open) && now < self.expires
    }
}

impl Organisation {
    /// Those whose signature a proposal needs or accepts.
    pub fn signers(&self, subject: &Subject) -> BTreeSet<PersonId> {
        match (subject, &self.charter) {
            (Subject::Charter { charter, .. }, None) => charter.trustees().clone(),
            _ => self.first_quorums(subject).into_iter().flat_map(Quorum::members).copied().collect(),
        }
    }

    /// What these signatures amount to.
    fn ratify(&self, subject: &Subject, signed: &BTreeSet<PersonId>) -> Option<Signed> {
        if let (Subject::Charter { charter, .. }, None) = (subject, &self.charter) {
            let everybody = Unanimity::of(charter.trustees(), signed)?;
            return Some(Signed::InForce(Ratification::Unanimous(everybody)));
        }
        let agreement = Agreement::of(self.first_quorums(subject).into_iter().map(|quorum| quorum.consent(signed)))?;
        Some(match subject {
            _ if self.needs_delay(subject) => Signed::Delayed(agreement),
            Subject::Charter { .. } => Signed::InForce(Ratification::Amended(agreement)),
            Subject::Admission(_) | Subject::Removal(_) => Signed::InForce(Ratification::Agreed(agreement)),
            Subject::Destruction(_) => Signed::Delayed(agreement),
        })
    }

    pub(super) fn decide_charter(&self, signer: &PersonId, proposal: &ProposeCharter) -> Result<Subject, Refusal> {
        let charter = Charter::parse(proposal.charter.clone())?;
        let entitled = match &self.charter {
            None => *signer == self.founder,
            Some(current) => !current.offices(signer).is_empty(),
        };
        if !entitled {
            return Err(Refusal::MayNotInvite);
        }
        let expected = self.charter.as_ref().map_or(1, |c| c.version().saturating_add(1));
        if charter.version() != expected {
            return Err(Refusal::CharterVersion { expected });
        }
        if *charter.log_key() != self.log_key || charter.address() != self.address {
            return Err(Refusal::CharterLogKey);
        }
        self.check_people(&charter, &proposal.roll)?;
        self.check_vaults(&charter)?;
        Ok(Subject::Charter { charter: Box::new(charter), roll: proposal.roll.clone() })
    }

    /// A charter names only people who are there, or whom it takes in as they joined.
    pub(super) fn check_people(&self, charter: &Charter, roll: &[Admission]) -> Result<(), Refusal> {
        for admission in roll {
            self.check_admission(admission)?;
            if !charter.grants(&admission.keys.person(), &admission.roles) {
                return Err(Refusal::AdmissionMismatch);
            }
        }
        let newcomers: BTreeSet<PersonId> = roll.iter().map(|a| a.keys.person()).collect();
        let known = |person: &PersonId| {
            newcomers.contains(person)
                || self.people.get(person).is_some_and(|p| matches!(p.standing, Standing::Admitted { .. }))
        };
        if charter.named().iter().all(known) { Ok(()) } else { Err(Refusal::CharterNamesStranger) }
    }

    /// A charter keeps every vault in which something lies, and lets somebody ask for it: else nobody could open it any
    /// more.
    fn check_vaults(&self, charter: &Charter) -> Result<(), Refusal> {
        for credential in self.credentials.values() {
            let vault = charter.vault(&credential.vault).ok_or(Refusal::VaultInUse)?;
            if vault.askers.roles.is_empty() && vault.askers.persons.is_empty() {
                return Err(Refusal::VaultAskers);
            }
        }
        Ok(())
    }

    /// A proposal can be signed only while it still fits the state: somebody may have left, or come back, since.
    pub fn check_subject(&self, proposal: &Proposal, now: Time) -> Result<(), Refusal> {
        match &proposal.subject {
            Subject::Charter { charter, roll } => {
                self.check_people(charter, roll)?;
                self.check_vaults(charter)
            }
            Subject::Destruction(destruction) => self.check_doomed(&destruction.doomed, now),
            Subject::Admission(admission) => self.check_admission(admission),
            Subject::Removal(removal) => {
                let changed = self.people.get(&removal.person).map_or(0, |person| person.changed);
                if changed > proposal.at.index {
                    return Err(Refusal::NotRemovable);
                }
                self.check_removable(&removal.person)
            }
        }
    }

    pub(super) fn decide_admission(&self, signer: &PersonId, admission: &Admission) -> Result<Subject, Refusal> {
        if self.charter.is_none() {
            return Err(Refusal::NotFounded);
        }
        if !self.may_invite(signer) {
            return Err(Refusal::MayNotInvite);
        }
        self.check_admission(admission)?;
        // Offices come with a charter only; whoever was invited to one waits for it.
        if !admission.roles.iter().all(|role| role == Role::Member) {
            return Err(Refusal::AdmissionMismatch);
        }
        Ok(Subject::Admission(admission.clone()))
    }

    pub(super) fn decide_removal(&self, signer: &PersonId, removal: &ProposeRemoval) -> Result<Subject, Refusal> {
        if self.charter.is_none() {
            return Err(Refusal::NotFounded);
        }
        if !self.may_invite(signer) {
            return Err(Refusal::MayNotInvite);
        }
        self.check_removable(&removal.person)?;
        Ok(Subject::Removal(*removal))
    }

    /// The admission repeats what the newcomer signed.
    fn check_admission(&self, admission: &Admission) -> Result<(), Refusal> {
        let person = self.people.get(&admission.keys.person()).ok_or(Refusal::AdmissionMismatch)?;
        let Standing::Candidate(candidacy) = &person.standing else { return Err(Refusal::AdmissionMismatch) };
        let roles_fit = candidacy.as_ref().is_none_or(|c| c.roles == admission.roles);
        if person.keys == admission.keys && person.joined == admission.join && roles_fit {
            Ok(())
        } else {
            Err(Refusal::AdmissionMismatch)
        }
    }

    pub(super) fn apply_proposal(&mut self, proposer: PersonId, subject: Subject, at: Position) -> Vec<Effect> {
        if matches!(subject, Subject::Charter { .. }) && self.charter.is_none() {
            // A new founding proposal starts the signatures again.
            self.supersede_charters();
        }
        let counts = self.signers(&subject).contains(&proposer);
        let (mut signed, mut acknowledged) = (BTreeSet::new(), BTreeSet::new());
        if counts { &mut signed } else { &mut acknowledged }.insert(proposer);
        let enough = self.ratify(&subject, &signed);
        let expires = at.time.after(PROPOSAL_LIFE);
        let outcome = Outcome::Open;
        let veto = None;
        let proposal = Proposal { at: at.entry(), proposer, expires, subject, signed, acknowledged, veto, outcome };
        self.proposals.insert(at.index, proposal);
        // A quorum has at least two people, so that this does nothing today; it keeps the rule in one place.
        enough.map(|enough| self.conclude(at.index, enough, at)).unwrap_or_default()
    }

    /// Whether a proposal is the charter in force, which whoever did not sign it may still acknowledge.
    pub fn is_current_charter(&self, proposal: &Proposal) -> bool {
        match (&proposal.subject, &proposal.outcome, &self.charter) {
            (Subject::Charter { charter, .. }, Outcome::InForce { .. }, Some(current)) => {
                charter.version() == current.version()
            }
            _ => false,
        }
    }

    pub(super) fn decide_sign(
        &self,
        signer: &PersonId,
        reference: &EntryRef,
        base: u64,
        now: Time,
    ) -> Result<Signing, Refusal> {
        let proposal = self.proposals.get(&reference.index).ok_or(Refusal::ProposalUnknown)?;
        if proposal.at != *reference {
            return Err(Refusal::ProposalDiffers);
        }
        let decided = self.is_current_charter(proposal);
        if !decided && !proposal.is_open(now) {
            return Err(Refusal::ProposalClosed);
        }
        if proposal.signed.contains(signer) || proposal.acknowledged.contains(signer) {
            return Err(Refusal::AlreadySigned);
        }
        // The signer must have seen the proposal and the charter that it would change.
        self.unchanged_since(base, reference.index)?;
        self.unchanged_since(base, self.charter_changed)?;
        // What is decided can still be acknowledged; no signature counts any more.
        let counts = !decided && self.signers(&proposal.subject).contains(signer);
        let concerned = match &proposal.subject {
            Subject::Charter { charter, roll } => {
                charter.named().contains(signer)
                    || roll.iter().any(|a| a.keys.person() == *signer)
                    || !self.roles(signer).is_empty()
            }
            Subject::Admission(_) | Subject::Removal(_) | Subject::Destruction(_) => false,
        };
        if !counts && !concerned {
            return Err(Refusal::NotConcerned);
        }
        if !decided {
            self.check_subject(proposal, now)?;
        }
        let mut signed = proposal.signed.clone();
        if counts {
            signed.insert(*signer);
        }
        let enough = if counts { self.ratify(&proposal.subject, &signed) } else { None };
        Ok(Signing { proposal: reference.index, signer: *signer, counts, enough })
    }

    pub(super) fn apply_sign(&mut self, signing: Signing, at: Position) -> Vec<Effect> {
        if let Some(proposal) = self.proposals.get_mut(&signing.proposal) {
            if signing.counts { &mut proposal.signed } else { &mut proposal.acknowledged }.insert(signing.signer);
        }
        signing.enough.map(|enough| self.conclude(signing.proposal, enough, at)).unwrap_or_default()
    }

    /// Enough people signed.
    fn conclude(&mut self, proposal: u64, enough: Signed, at: Position) -> Vec<Effect> {
        match enough {
            Signed::InForce(ratification) => self.enact(proposal, ratification, at),
            Signed::Delayed(agreement) => {
                if let (Some(proposal), Some(charter)) = (self.proposals.get_mut(&proposal), &self.charter) {
                    proposal.outcome = Outcome::Agreed(Delayed::new(agreement, at, charter.destroy_delay()));
                }
                Vec::new()
            }
        }
    }

    /// Puts a proposal in force. The ratification is the proof that it may.
    pub(super) fn enact(&mut self, index: u64, ratification: Ratification, at: Position) -> Vec<Effect> {
        let Some(proposal) = self.proposals.get_mut(&index) else { return Vec::new() };
        proposal.outcome = Outcome::InForce { since: at.time, ratification };
        match proposal.subject.clone() {
            Subject::Charter { charter, roll } => self.enact_charter(*charter, roll, at),
            Subject::Admission(admission) => vec![self.admit(&admission, at)],
            Subject::Removal(removal) => self.remove(removal.person, at),
            Subject::Destruction(destruction) => self.destroy(destruction.doomed, index, at),
        }
    }

    pub(super) fn enact_charter(&mut self, charter: Charter, roll: Vec<Admission>, at: Position) -> Vec<Effect> {
        self.supersede_charters();
        self.charter = Some(charter);
        self.charter_changed = at.index;
        self.ask_again();
        for admission in &roll {
            self.admit(admission, at);
        }
        let admitted = |p: &super::people::Person| matches!(p.standing, Standing::Admitted { .. });
        let everybody: Vec<PersonId> = self.people.iter().filter(|(_, p)| admitted(p)).map(|(id, _)| *id).collect();
        self.expose_to_new_technicians(at);
        let mut effects = Vec::new();
        for id in everybody {
            if self.roles(&id).is_empty() {
                // The new charter has no office for them and they are no member.
                effects.extend(self.remove(id, at));
            } else {
                effects.push(self.standing_effect(id));
            }
        }
        effects
    }

    /// What people agreed to under another charter counts no more: they sign, and confirm, anew.
    fn ask_again(&mut self) {
        for proposal in self.proposals.values_mut() {
            match (&mut proposal.outcome, &proposal.subject) {
                (Outcome::Agreed(delayed), _) => delayed.ask_again(),
                (Outcome::Open, Subject::Destruction(_)) => proposal.signed.clear(),
                _ => {}
            }
        }
    }

    fn admit(&mut self, admission: &Admission, at: Position) -> Effect {
        let id = admission.keys.person();
        if let Some(person) = self.people.get_mut(&id) {
            person.standing = Standing::Admitted { member: admission.roles.contains(Role::Member) };
            person.changed = at.index;
        }
        self.standing_effect(id)
    }

    fn supersede_charters(&mut self) {
        for proposal in self.proposals.values_mut() {
            let pending = matches!(proposal.outcome, Outcome::Open | Outcome::Agreed(_));
            if pending && matches!(proposal.subject, Subject::Charter { .. }) {
                proposal.outcome = Outcome::Superseded;
            }
        }
    }
}
