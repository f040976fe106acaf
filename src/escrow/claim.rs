//! Claims: a requester says that what somebody re-sealed to them is bad.
//!
//! A claim is one person's word. It removes nothing and counts against nobody, because a requester can lie as well as
//! an approver: it is made by somebody who fetched the shares, soon enough that it can be answered, and all it does is stand in the log under both names and ask the accused to open their shares again. It
//! must never decide anything.

use std::collections::BTreeSet;

use super::act::ShareVerdict;
use super::id::PersonId;
use super::organisation::{Organisation, Position};
use super::part::PartKind;
use super::refusal::Refusal;
use super::request::Request;
use super::time::Time;
use super::wire::{self, Malformed};
use crate::proto::v1;

/// An accusation, as the requester signs it.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Index of the request.
    pub request: u64,
    /// Whose shares.
    pub accused: PersonId,
    /// Of which parts.
    pub kinds: BTreeSet<PartKind>,
    /// What is wrong with them; never [`ShareVerdict::Good`].
    pub verdict: ShareVerdict,
}

/// An accusation, as it stands with the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The entry that makes it.
    pub index: u64,
    /// When.
    pub time: Time,
    /// About which parts.
    pub kinds: BTreeSet<PartKind>,
    /// What is wrong with them.
    pub verdict: ShareVerdict,
}

/// What the accused's client found when it looked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Their shares are as they were dealt: either they sent something else, or the requester says what is not so.
    Good,
    /// Their shares were bad before they passed them on: the dealer is named by that confirmation.
    Bad,
}

impl Answer {
    /// The name for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

impl Claim {
    pub(super) fn parse(m: v1::Claim) -> Result<Self, Malformed> {
        let kinds = m.kinds.iter().map(|kind| wire::part_kind(*kind)).collect::<Result<Vec<_>, _>>()?;
        if kinds.is_empty() {
            return Err(Malformed::List("parts"));
        }
        wire::ascending(&kinds, "parts", |kind| *kind)?;
        let verdict = ShareVerdict::parse(m.verdict)?;
        if verdict == ShareVerdict::Good {
            return Err(Malformed::Unknown("verdict"));
        }
        let accused = PersonId::parse(&m.accused)?;
        Ok(Self { request: m.request_index, accused, kinds: kinds.into_iter().collect(), verdict })
    }
}

impl Organisation {
    /// What the accused answered to a claim about their shares; none while they did not look at all of them again.
    pub fn claim_answer(&self, request: &Request, accused: &PersonId) -> Option<Answer> {
        let claim = request.claims.get(accused)?;
        let mut answer = Answer::Good;
        for asked in request.parts.iter().filter(|asked| claim.kinds.contains(&asked.part.kind)) {
            let checked =
                self.part(&asked.part)?.verdicts.get(accused).filter(|checked| checked.index > claim.index)?;
            if checked.verdict != ShareVerdict::Good {
                answer = Answer::Bad;
            }
        }
        Some(answer)
    }

    pub(super) fn decide_claim(&self, signer: &PersonId, claim: &Claim, now: Time) -> Result<(), Refusal> {
        let request = self.requests.get(&claim.request).ok_or(Refusal::RequestUnknown)?;
        if request.requester != *signer {
            return Err(Refusal::NotYours);
        }
        // Whoever never fetched the shares cannot know, and nobody can be asked about them for ever.
        match request.tried_until() {
            Some(until) if now <= until => {}
            _ => return Err(Refusal::NothingToTest),
        }
        if !request.approvals.contains_key(&claim.accused) {
            return Err(Refusal::ClaimShape);
        }
        if request.claims.contains_key(&claim.accused) {
            return Err(Refusal::AlreadyClaimed);
        }
        let sent = |kind: &PartKind| {
            let asked = request.parts.iter().find(|asked| asked.part.kind == *kind);
            asked.and_then(|asked| self.part(&asked.part)).is_some_and(|state| state.dealt_to(&claim.accused))
        };
        if claim.kinds.iter().all(sent) { Ok(()) } else { Err(Refusal::ClaimShape) }
    }

    pub(super) fn apply_claim(&mut self, claim: Claim, at: Position) {
        let Claim { request, accused, kinds, verdict } = claim;
        let Some(request) = self.requests.get_mut(&request) else { return };
        let parts: Vec<_> =
            request.parts.iter().map(|asked| asked.part).filter(|part| kinds.contains(&part.kind)).collect();
        request.claims.insert(accused, Claimed { index: at.index, time: at.time, kinds, verdict });
        for part in parts {
            if let Some(state) = self.part_mut(&part) {
                state.accused.insert(accused, at.index);
            }
        }
    }
}
