//! Two agreements with a delay between them: what destroys, and what weakens the protection from destroying.
//!
//! ```text
//! Open ──quorums signed──▶ Agreed ──delay──▶ may be confirmed for 30 days ──the same quorums again──▶ in force
//! ```
//!
//! Silence executes nothing: what nobody confirms never happens. Nobody cancels alone: a veto ends nothing, it asks for
//! more people the second time. [`Delayed`] holds an [`Agreement`], which only satisfied quorums can make.

use std::collections::BTreeSet;

use super::act::{EntryRef, Veto as Objection};
use super::charter::Charter;
use super::id::{BlobId, PersonId};
use super::organisation::{Effect, Organisation, Position};
use super::proposal::{Outcome, Proposal, Ratification, Subject};
use super::quorum::{Agreement, Quorum};
use super::refusal::Refusal;
use super::time::{Seconds, Time};

/// How long what was agreed can be confirmed once its delay is over.
pub const CONFIRMATION_LIFE: Seconds = Seconds(30 * Seconds::DAY.0);

/// What was agreed once and waits for its delay and for the second agreement.
#[derive(Debug, Clone)]
pub struct Delayed {
    agreement: Agreement,
    at: Time,
    index: u64,
    delay: Seconds,
    until: Time,
    confirmed: BTreeSet<PersonId>,
}

impl Delayed {
    pub(super) fn new(agreement: Agreement, at: Position, delay: Seconds) -> Self {
        let until = at.time.after(delay).after(CONFIRMATION_LIFE);
        Self { agreement, at: at.time, index: at.index, delay, until, confirmed: BTreeSet::new() }
    }

    /// The first agreement.
    pub fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// When it was reached.
    pub fn at(&self) -> Time {
        self.at
    }

    /// Nobody has confirmed it any more: what they decided by changed.
    pub(super) fn ask_again(&mut self) {
        self.confirmed.clear();
    }

    /// Who confirmed so far, since the last charter and the veto.
    pub fn confirmed(&self) -> &BTreeSet<PersonId> {
        &self.confirmed
    }
}

/// An objection that stands.
#[derive(Debug, Clone, Copy)]
pub struct Veto {
    /// Whose.
    pub person: PersonId,
    /// When.
    pub at: Time,
    /// Its entry.
    pub index: u64,
    /// Text: why.
    pub reason: BlobId,
}

/// When something can be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Not before this time.
    pub from: Time,
    /// And before this time.
    pub until: Time,
}

impl Window {
    /// Whether it can never be confirmed any more: too late, or a longer delay leaves no time.
    pub fn is_over(&self, now: Time) -> bool {
        now >= self.until || self.from >= self.until
    }
}

/// What one confirmation does.
#[derive(Debug)]
pub(super) struct Confirmation {
    proposal: u64,
    person: PersonId,
    /// Present if this was the last one missing.
    ratification: Option<Ratification>,
}

impl Organisation {
    /// Whether a subject needs two agreements with the charter's delay between them.
    pub fn needs_delay(&self, subject: &Subject) -> bool {
        match (subject, &self.charter) {
            (Subject::Destruction(_), _) => true,
            (Subject::Charter { charter, .. }, Some(current)) => current.is_weakened_by(charter),
            (Subject::Charter { .. } | Subject::Admission(_) | Subject::Removal(_), _) => false,
        }
    }

    /// The quorums that must sign, once there is a charter. Whoever gets a say in destroying shows that they are there,
    /// as whoever gets one in amending: with their own signature.
    pub fn first_quorums<'a>(&'a self, subject: &'a Subject) -> Vec<&'a Quorum> {
        let Some(current) = &self.charter else { return Vec::new() };
        let quorums = match subject {
            Subject::Charter { charter, .. } => {
                let delayed = current.is_weakened_by(charter);
                let changed = delayed || current.destroy() != charter.destroy();
                let old = current.destroy().filter(|_| delayed);
                vec![current.amend(), charter.amend(), old, charter.destroy().filter(|_| changed)]
            }
            Subject::Destruction(_) => vec![current.destroy()],
            Subject::Admission(_) | Subject::Removal(_) => vec![current.admission()],
        };
        quorums.into_iter().flatten().collect()
    }

    /// The quorums that must confirm: the same; after a veto also `amend`, and one more of each group of `destroy`.
    pub fn confirming_quorums(&self, proposal: &Proposal) -> Vec<Quorum> {
        let mut quorums: Vec<Quorum> = self.first_quorums(&proposal.subject).into_iter().cloned().collect();
        if let (Some(_), Some(current)) = (&proposal.veto, &self.charter) {
            for quorum in &mut quorums {
                if current.destroy() == Some(&*quorum) {
                    *quorum = quorum.one_more();
                }
            }
            if let Subject::Destruction(_) = &proposal.subject {
                quorums.extend(current.amend().cloned());
            }
        }
        quorums
    }

    /// Whether a proposal can still be signed or confirmed.
    pub fn is_pending(&self, proposal: &Proposal, now: Time) -> bool {
        match &proposal.outcome {
            Outcome::Open => proposal.is_open(now),
            Outcome::Agreed(delayed) => !self.window(delayed).is_over(now),
            Outcome::InForce { .. } | Outcome::Superseded => false,
        }
    }

    /// Those whose confirmation counts.
    pub fn confirmers(&self, proposal: &Proposal) -> BTreeSet<PersonId> {
        self.confirming_quorums(proposal).iter().flat_map(Quorum::members).copied().collect()
    }

    /// When what was agreed can be confirmed: after the longer of the delays that the charters of then and of now set.
    /// Its end is fixed when it is agreed: what has lapsed once, no charter brings back.
    pub fn window(&self, delayed: &Delayed) -> Window {
        let now = self.charter.as_ref().map_or(delayed.delay, Charter::destroy_delay);
        let from = delayed.at.after(delayed.delay.max(now));
        Window { from, until: delayed.until }
    }

    fn proposed(&self, reference: &EntryRef) -> Result<&Proposal, Refusal> {
        let proposal = self.proposals.get(&reference.index).ok_or(Refusal::ProposalUnknown)?;
        if proposal.at == *reference { Ok(proposal) } else { Err(Refusal::ProposalDiffers) }
    }

    pub(super) fn decide_confirmation(
        &self,
        signer: &PersonId,
        reference: &EntryRef,
        base: u64,
        now: Time,
    ) -> Result<Confirmation, Refusal> {
        let proposal = self.proposed(reference)?;
        let delayed = match &proposal.outcome {
            Outcome::Agreed(delayed) => delayed,
            Outcome::Open if proposal.is_open(now) => return Err(Refusal::NotAgreed),
            Outcome::Open | Outcome::InForce { .. } | Outcome::Superseded => return Err(Refusal::ProposalClosed),
        };
        let window = self.window(delayed);
        if window.is_over(now) {
            return Err(Refusal::ProposalClosed);
        }
        if now < window.from {
            return Err(Refusal::TooEarly { at: window.from });
        }
        if delayed.confirmed.contains(signer) {
            return Err(Refusal::AlreadySigned);
        }
        // Whoever confirms must have seen that it was agreed, under which charter, and that somebody objects.
        self.unchanged_since(base, delayed.index)?;
        self.unchanged_since(base, self.charter_changed)?;
        if let Some(veto) = &proposal.veto {
            self.unchanged_since(base, veto.index)?;
        }
        if !self.confirmers(proposal).contains(signer) {
            return Err(Refusal::NotConcerned);
        }
        self.check_subject(proposal, now)?;
        let mut confirmed = delayed.confirmed.clone();
        confirmed.insert(*signer);
        let second = Agreement::of(self.confirming_quorums(proposal).iter().map(|quorum| quorum.consent(&confirmed)));
        let ratification = second.map(|second| Ratification::Twice { first: delayed.agreement.clone(), second });
        Ok(Confirmation { proposal: reference.index, person: *signer, ratification })
    }

    pub(super) fn apply_confirmation(&mut self, confirmation: Confirmation, at: Position) -> Vec<Effect> {
        let Confirmation { proposal, person, ratification } = confirmation;
        if let Some(Outcome::Agreed(delayed)) = self.proposals.get_mut(&proposal).map(|p| &mut p.outcome) {
            delayed.confirmed.insert(person);
        }
        ratification.map(|r| self.enact(proposal, r, at)).unwrap_or_default()
    }

    /// What was agreed waits its whole delay again, and is confirmed anew: while a log is on its way to another server,
    /// nobody can object. What could not be confirmed any more stays over.
    pub(super) fn restart_delays(&mut self, at: Position) {
        let restarted = self.proposals.iter().filter_map(|(index, proposal)| match &proposal.outcome {
            Outcome::Agreed(old) if at.time < self.window(old).until => {
                Some((*index, Delayed::new(old.agreement.clone(), at, old.delay)))
            }
            _ => None,
        });
        for (index, delayed) in restarted.collect::<Vec<_>>() {
            if let Some(proposal) = self.proposals.get_mut(&index) {
                proposal.outcome = Outcome::Agreed(delayed);
            }
        }
    }

    pub(super) fn decide_veto(
        &self,
        signer: &PersonId,
        objection: &Objection,
        base: u64,
        now: Time,
    ) -> Result<(), Refusal> {
        if !self.charter.as_ref().is_some_and(|c| c.trustees().contains(signer)) {
            return Err(Refusal::NotTrustee);
        }
        let proposal = self.proposed(&objection.proposal)?;
        if !self.is_pending(proposal, now) {
            return Err(Refusal::ProposalClosed);
        }
        if !self.needs_delay(&proposal.subject) {
            return Err(Refusal::NothingToVeto);
        }
        if proposal.veto.is_some() {
            return Err(Refusal::ProposalVetoed);
        }
        self.unchanged_since(base, objection.proposal.index)
    }

    pub(super) fn apply_veto(&mut self, person: PersonId, objection: &Objection, at: Position) {
        if let Some(proposal) = self.proposals.get_mut(&objection.proposal.index) {
            let Position { index, time, .. } = at;
            proposal.veto = Some(Veto { person, at: time, index, reason: objection.reason });
            // Whoever confirmed did not know of it.
            if let Outcome::Agreed(delayed) = &mut proposal.outcome {
                delayed.ask_again();
            }
        }
    }
}
