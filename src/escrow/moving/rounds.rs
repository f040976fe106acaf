//! Giving entries up: the `destroy` quorum signs a move twice, with the charter's delay between the two rounds.
//!
//! Each signature carries its signer's time. The second round is over the statement *and* the whole first round, so
//! that nobody confirms an agreement that was not there. The rules see times that people wrote, not when they wrote
//! them: the delay holds because a client signs the second round only when its own clock says so.

use std::collections::BTreeSet;

use super::MoveStatement;
use crate::escrow::charter::Charter;
use crate::escrow::id::{PersonId, sha256};
use crate::escrow::key::{Signature, VerifyingKey};
use crate::escrow::quorum::Consent;
use crate::escrow::refusal::Refusal;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::wire::{self, Malformed};
use crate::proto::v1;

const FIRST_LABEL: &[u8] = b"sequestre/move-give-up/v1\0";
const SECOND_LABEL: &[u8] = b"sequestre/move-give-up-again/v1\0";
const ROUND_LABEL: &[u8] = b"sequestre/move-first-round/v1\0";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// The agreement.
    First,
    /// The same agreement again, after the delay.
    Second,
}

/// A signature with the time that its signer gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// Whose.
    pub signer: VerifyingKey,
    /// By the signer's clock.
    pub time: Time,
    /// Over the label, organisation, signer, time, in the second round the first one, and the statement.
    pub signature: Signature,
}

/// Both rounds, as far as they are signed; nobody has checked them.
#[derive(Debug, Clone, Default)]
pub struct Rounds {
    first: Vec<Dated>,
    second: Vec<Dated>,
}

/// Proof that a `destroy` quorum agreed twice, with its charter's delay in between.
#[derive(Debug, Clone)]
pub struct GivenUp {
    first: Consent,
    second: Consent,
    first_at: Time,
    last_at: Time,
}

impl GivenUp {
    /// Both agreements.
    pub fn consents(&self) -> (&Consent, &Consent) {
        (&self.first, &self.second)
    }

    /// The earliest time under a signature of the first round.
    pub fn first_at(&self) -> Time {
        self.first_at
    }

    /// The latest time under a signature of the second round.
    pub fn last_at(&self) -> Time {
        self.last_at
    }
}

impl Rounds {
    /// Each sorted by person, distinct; no second one without a first.
    pub(super) fn parse(first: Vec<v1::DatedSignature>, second: Vec<v1::DatedSignature>) -> Result<Self, Malformed> {
        let rounds = Self { first: parse(first, "first")?, second: parse(second, "second")? };
        if rounds.first.is_empty() && !rounds.second.is_empty() {
            return Err(Malformed::List("first"));
        }
        Ok(rounds)
    }

    pub(super) fn wire(&self, round: Round) -> Vec<v1::DatedSignature> {
        let one = |dated: &Dated| v1::DatedSignature {
            signer: Some(dated.signer.into()),
            time: dated.time.0,
            signature: Some(dated.signature.into()),
        };
        self.of(round).iter().map(one).collect()
    }

    /// The signatures of one round, by person.
    pub fn of(&self, round: Round) -> &[Dated] {
        match round {
            Round::First => &self.first,
            Round::Second => &self.second,
        }
    }

    /// Those who signed a round, whether or not it holds.
    pub fn signers(&self, round: Round) -> BTreeSet<PersonId> {
        self.of(round).iter().map(|dated| dated.signer.person()).collect()
    }

    /// Whether nobody signed either.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.second.is_empty()
    }

    /// When the second round can begin: the charter's delay after the latest signature of the first, however many more
    /// of these there are than it takes.
    pub fn due(&self, delay: Seconds) -> Option<Time> {
        self.first.iter().map(|dated| dated.time).max().map(|latest| latest.after(delay))
    }

    /// Whether the first round suffices under this charter, so that the second can be signed.
    pub fn is_agreed(&self, charter: &Charter) -> bool {
        charter.destroy().is_some_and(|quorum| quorum.consent(&self.signers(Round::First)).is_some())
    }

    pub(super) fn preimage(
        &self,
        statement: &MoveStatement,
        round: Round,
        signer: &VerifyingKey,
        time: Time,
    ) -> Option<Vec<u8>> {
        let (organisation, key, time) = (statement.organisation, signer.digest(), time.0.to_be_bytes());
        let parts: [&[u8]; 4] = [organisation.as_bytes(), &key, &time, statement.bytes()];
        let [organisation, key, time, statement] = parts;
        match round {
            Round::First => Some([FIRST_LABEL, organisation, key, time, statement].concat()),
            Round::Second if self.first.is_empty() => None,
            Round::Second => Some([SECOND_LABEL, organisation, key, time, &self.digest(), statement].concat()),
        }
    }

    /// What the second round confirms.
    fn digest(&self) -> [u8; 32] {
        let one = |dated: &Dated| {
            [&dated.signer.digest()[..], &dated.time.0.to_be_bytes(), dated.signature.as_bytes()].concat()
        };
        let all: Vec<u8> = self.first.iter().flat_map(one).collect();
        sha256(&[ROUND_LABEL, &all])
    }

    fn is_signed(&self, statement: &MoveStatement, round: Round, dated: &Dated) -> bool {
        let preimage = self.preimage(statement, round, &dated.signer, dated.time);
        preimage.is_some_and(|preimage| dated.signer.verify(&preimage, &dated.signature).is_ok())
    }

    pub(super) fn add(&mut self, statement: &MoveStatement, round: Round, dated: Dated) -> bool {
        if !self.is_signed(statement, round, &dated) {
            return false;
        }
        let known = self.of(round).contains(&dated);
        let list = match round {
            Round::First if !self.second.is_empty() => return known,
            Round::First => &mut self.first,
            Round::Second => &mut self.second,
        };
        list.retain(|other| other.signer.person() != dated.signer.person());
        list.push(dated);
        list.sort_by_key(|dated| dated.signer.person());
        true
    }

    /// A first round that a second one confirms counts as it is; else the signatures of both are put together.
    pub(super) fn merge(&mut self, statement: &MoveStatement, other: &Self) -> bool {
        if self.second.is_empty() && !other.second.is_empty() {
            *self = other.clone();
            return true;
        }
        if !self.second.is_empty() && !other.second.is_empty() && self.first != other.first {
            return false;
        }
        if self.second.is_empty() {
            return other.first.iter().all(|dated| self.add(statement, Round::First, *dated));
        }
        other.second.iter().all(|dated| self.add(statement, Round::Second, *dated))
    }

    /// Without signatures that do not hold. Those of a first round that was confirmed stay: the second is over all.
    pub(super) fn drop_forged(&mut self, statement: &MoveStatement) {
        let all = self.clone();
        self.second.retain(|dated| all.is_signed(statement, Round::Second, dated));
        if self.second.is_empty() {
            self.first.retain(|dated| all.is_signed(statement, Round::First, dated));
        }
    }

    pub(super) fn only(&mut self, people: impl Fn(&PersonId) -> bool) {
        self.second.retain(|dated| people(&dated.signer.person()));
        if self.second.is_empty() {
            self.first.retain(|dated| people(&dated.signer.person()));
        }
    }

    /// Whether every signature holds.
    pub(super) fn hold(&self, statement: &MoveStatement) -> bool {
        let hold = |round| self.of(round).iter().all(|dated| self.is_signed(statement, round, dated));
        hold(Round::First) && hold(Round::Second)
    }

    /// Whether all of these signatures hold, and satisfy this charter's `destroy` quorum twice, its delay apart.
    pub fn verify(&self, statement: &MoveStatement, charter: &Charter) -> Result<GivenUp, Refusal> {
        if !self.hold(statement) {
            return Err(Refusal::MoveSignature);
        }
        let consent = |round| charter.destroy().and_then(|quorum| quorum.consent(&self.signers(round)));
        let (first, due) =
            consent(Round::First).zip(self.due(charter.destroy_delay())).ok_or(Refusal::MoveNotConfirmed)?;
        if self.second.iter().any(|dated| dated.time < due) {
            return Err(Refusal::MoveTooEarly { at: due });
        }
        let second = consent(Round::Second).ok_or(Refusal::MoveNotConfirmed)?;
        let first_at = self.first.iter().map(|dated| dated.time).min();
        let last_at = self.second.iter().map(|dated| dated.time).max();
        let (first_at, last_at) = first_at.zip(last_at).ok_or(Refusal::MoveNotConfirmed)?;
        Ok(GivenUp { first, second, first_at, last_at })
    }
}

fn parse(list: Vec<v1::DatedSignature>, what: &'static str) -> Result<Vec<Dated>, Malformed> {
    let one = |m: v1::DatedSignature| -> Result<_, Malformed> {
        let (signer, signature) = (wire::signing_key(m.signer)?, wire::signature(m.signature)?);
        Ok(Dated { signer, time: Time(m.time), signature })
    };
    let list = list.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    wire::ascending(&list, what, |dated| dated.signer.person())?;
    Ok(list)
}
