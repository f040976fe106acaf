//! Recovery without the server, as far as the log learns of it: what trustees answered, and what that opened.
//!
//! Whoever collects enough answers opens the part at home; no server sees it. So each answerer's client says in the
//! log what it released, as soon as it reaches any server again, and what was opened becomes due. Answers are counted
//! like shares released to requests: those of a recovery that came to nothing and of failed requests add up.
//!
//! A recovery is named by the digest of its request *and* by its starter. The log does not hold the request and
//! cannot check which starter its lines name: if the digest alone counted, one trustee who lies first could make
//! everybody else's true answers unacceptable.
//!
//! That the starter asked is proved: an answer carries their signature under the request, over its digest. Nobody can
//! be made the starter of a recovery that they did not start. It does *not* prove which parts they asked for: what was
//! released is the answerer's word, and whoever doubts it compares it with the request file.

use std::collections::{BTreeMap, BTreeSet};

use super::charter::Charter;
use super::credential::{DueCause, How, Knower, Urgency};
use super::id::{Digest, OrganisationId, PersonId};
use super::key::Signature;
use super::organisation::{Organisation, Position};
use super::part::{Deal, PartId};
use super::refusal::Refusal;
use super::time::Time;
use super::wire::{self, Malformed};
use crate::proto::v1;

/// Most answers that one person can enter in a day (UTC). They are not subject to the charter's daily limits, because
/// what they say has happened already; but nobody may flood the log with made-up recoveries.
pub const ANSWERS_PER_DAY: u32 = 64;

const REQUEST_LABEL: &[u8] = b"sequestre/recovery-request/v1\0";

/// What the starter of a recovery signs: label ‖ organisation id ‖ SHA-256 of the request's lines. The organisation
/// stands in it although the lines name it too, because a replay has the digest alone, and one person can belong to
/// several organisations.
pub fn request_preimage(organisation: &OrganisationId, request: &Digest) -> Vec<u8> {
    [REQUEST_LABEL, organisation.as_bytes(), request.as_bytes()].concat()
}

/// Which recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecoveryId {
    /// SHA-256 of the recovery request's lines before its signature.
    pub request: Digest,
    /// To whom the answers were sealed.
    pub starter: PersonId,
}

/// To what shares were released: what they are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReleasedTo {
    /// An unseal request, by the index of its entry.
    Request(u64),
    /// A recovery without the server.
    Recovery(RecoveryId),
}

/// A trustee enters what they released outside of the log.
#[derive(Debug, Clone)]
pub struct RecordAnswer {
    /// To which recovery.
    pub recovery: RecoveryId,
    /// The starter's, over [`request_preimage`]; whose it is, is for the state to say.
    pub signature: Signature,
    /// Which parts, by part.
    pub parts: Vec<PartId>,
}

/// What the log knows about a recovery.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// The answers by the index of their entry. One person can have several, about different parts.
    pub answers: BTreeMap<u64, Answered>,
}

/// One answer to a recovery.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Who.
    pub person: PersonId,
    /// When it was entered; it was given earlier.
    pub entered: Time,
    /// Which parts, of those that were named: the signer's own shares, not entered before.
    pub parts: Vec<PartId>,
}

impl RecordAnswer {
    pub(super) fn parse(m: v1::RecordAnswer) -> Result<Self, Malformed> {
        let part = |p: &v1::AnsweredPart| wire::part_id(&p.credential, p.version, p.kind);
        let parts = m.parts.iter().map(part).collect::<Result<Vec<_>, _>>()?;
        if parts.is_empty() {
            return Err(Malformed::List("parts"));
        }
        wire::ascending(&parts, "parts", |part| *part)?;
        let recovery = RecoveryId { request: Digest::parse(&m.recovery)?, starter: PersonId::parse(&m.starter)? };
        Ok(Self { recovery, signature: wire::signature(m.request)?, parts })
    }
}

/// Whether these people's shares satisfy one of the quorums to which a part was dealt.
fn opens(deals: &[Deal], people: &BTreeSet<PersonId>) -> bool {
    deals.iter().any(|deal| deal.quorum().consent(people).is_some())
}

impl Organisation {
    /// Every recovery that somebody entered an answer to.
    pub fn recoveries(&self) -> &BTreeMap<RecoveryId, Recovery> {
        &self.recoveries
    }

    /// The recovery to which the answer in this entry belongs.
    pub fn recovery_at(&self, entry: u64) -> Option<(&RecoveryId, &Recovery)> {
        self.recoveries.iter().find(|(_, recovery)| recovery.answers.contains_key(&entry))
    }

    /// The answer with those of its parts that are new. What was entered before, from another computer perhaps, what
    /// was destroyed meanwhile, and what stood in a lost end of the log must not keep the rest out of it.
    pub(super) fn decide_answer(&self, signer: &PersonId, answer: &RecordAnswer) -> Result<RecordAnswer, Refusal> {
        let id = answer.recovery;
        let starter = self.people.get(&id.starter).ok_or(Refusal::StarterUnknown)?;
        if id.starter == *signer {
            return Err(Refusal::OwnAnswer);
        }
        let asked = request_preimage(&self.id, &id.request);
        if starter.keys.signing.verify(&asked, &answer.signature).is_err() {
            return Err(Refusal::StarterSignature);
        }
        let (mut parts, mut refusal) = (Vec::new(), Refusal::PartUnknown);
        for part in &answer.parts {
            match self.part(part) {
                Some(state) if !state.dealt_to(signer) => refusal = Refusal::NoShare,
                Some(_) if self.has_answered(signer, &id, part) => refusal = Refusal::AlreadyAnswered,
                Some(_) => parts.push(*part),
                None => {}
            }
        }
        if parts.is_empty() {
            return Err(refusal);
        }
        Ok(RecordAnswer { recovery: id, signature: answer.signature, parts })
    }

    /// Whether the log has it that this person released their shares of this part to this recovery.
    pub fn has_answered(&self, person: &PersonId, recovery: &RecoveryId, part: &PartId) -> bool {
        let released = self.part(part).and_then(|state| state.released.get(&ReleasedTo::Recovery(*recovery)));
        // The starter's own shares lie there with the first answer; they did not enter one.
        *person != recovery.starter && released.is_some_and(|people| people.contains(person))
    }

    pub(super) fn apply_answer(&mut self, person: PersonId, answer: RecordAnswer, at: Position) {
        let RecordAnswer { recovery: id, parts, .. } = answer;
        let (starter, to) = (id.starter, ReleasedTo::Recovery(id));
        let answered = Answered { person, entered: at.time, parts: parts.clone() };
        self.recoveries.entry(id).or_default().answers.insert(at.index, answered);
        for part in parts {
            let Some(state) = self.part_mut(&part) else { continue };
            let own = state.dealt_to(&starter).then_some(starter);
            let people = state.released.entry(to).or_default();
            let before = opens(&state.part.deals, people);
            people.extend(own.into_iter().chain([person]));
            if !before && opens(&state.part.deals, people) {
                state.expose(Knower { person: starter, source: at.index, since: at.time, how: How::Opened });
                state.make_due(Urgency::Now, at.time, DueCause::Recovered(at.index));
            }
            self.add_up(&part, at);
        }
    }

    /// Shares of failed requests and unfinished recoveries add up: if they are enough together, all those who asked
    /// may know the part.
    pub(super) fn add_up(&mut self, part: &PartId, at: Position) {
        let Some(state) = self.part(part) else { return };
        let failed: Vec<(Option<PersonId>, u64, &BTreeSet<PersonId>)> = state
            .released
            .iter()
            .filter_map(|(to, people)| {
                let (person, source) = match to {
                    ReleasedTo::Request(index) => {
                        let request = self.requests.get(index).filter(|request| !self.was_granted(request))?;
                        let vouched = request.parts.iter().any(|p| p.part == *part && p.vouched.is_some());
                        // What was released to the daemon is with those who run it.
                        ((!vouched).then_some(request.requester), *index)
                    }
                    ReleasedTo::Recovery(id) => {
                        let first = self.recoveries.get(id)?.answers.iter().find(|(_, a)| a.parts.contains(part))?;
                        (Some(id.starter), *first.0)
                    }
                };
                // What a recovery opened by itself is accounted for by its exposure, as with granted requests.
                let done = matches!(to, ReleasedTo::Recovery(_)) && opens(&state.part.deals, people);
                (!done).then_some((person, source, people))
            })
            .collect();
        let together: BTreeSet<PersonId> = failed.iter().flat_map(|(_, _, people)| *people).copied().collect();
        if !opens(&state.part.deals, &together) {
            return;
        }
        let technicians = self.charter.as_ref().map(Charter::technicians).cloned().unwrap_or_default();
        let knowers: Vec<Knower> = failed
            .iter()
            .flat_map(|(person, source, _)| {
                let (people, how) = match person {
                    Some(person) => (vec![*person], How::Opened),
                    None => (technicians.iter().copied().collect(), How::CouldRead),
                };
                people.into_iter().map(move |person| Knower { person, source: *source, since: at.time, how })
            })
            .collect();
        let last = failed.last().map(|(_, source, _)| *source);
        let Some(state) = self.part_mut(part) else { return };
        // Also where the charter names nobody who could have read it.
        if let (true, Some(source)) = (knowers.is_empty(), last) {
            state.make_due(Urgency::Now, at.time, DueCause::SharesAddUp(source));
        }
        for knower in knowers {
            if state.expose(knower) {
                state.make_due(Urgency::Now, at.time, DueCause::SharesAddUp(knower.source));
            }
        }
    }
}
