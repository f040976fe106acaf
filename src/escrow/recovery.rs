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

use std::collections::BTreeMap;

use super::credential::{DueCause, How, Knower, Urgency};
use super::id::{Digest, OrganisationId, PersonId};
use super::key::Signature;
use super::organisation::{Organisation, Position};
use super::part::PartId;
use super::refusal::Refusal;
use super::sum::Asker;
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
        let technicians = self.technicians();
        for part in parts {
            let Some(state) = self.part_mut(&part) else { continue };
            if state.is_opened_by(&to) {
                state.release_beyond(to, person);
                continue;
            }
            let own = state.dealt_to(&starter).then_some(starter);
            for person in own.into_iter().chain([person]) {
                state.release(to, person, Asker::Person(starter), at.index);
            }
            if state.is_opened_by(&to) {
                state.account_for(&to);
                state.expose(Knower { person: starter, source: at.index, since: at.time, how: How::Opened });
                state.make_due(Urgency::Now, at.time, DueCause::Recovered(at.index));
            }
            state.add_up(at.time, &technicians);
        }
    }
}
