//! Moving house: the same log goes on at another server, under another log key.
//!
//! A move is charter N+1, signed by people as a file, without any server: it names the log key that it replaces, the
//! prefix with which the log goes on, and where. Nothing else of the charter may change, so that a move can be judged
//! at a glance. It takes effect as the entry right after the prefix; from that entry on, the new key signs checkpoints
//! and what the daemon adds.
//!
//! Two different valid moves from the same N are two logs under one name: evidence, as a fork is. This module must
//! never hand out a [`VerifiedMove`] that the `amend` quorums of N and of N+1 did not sign, nor one that gives entries up
//! and that the `destroy` quorum did not sign twice, with the charter's delay in between.

mod rounds;

use super::act::EntryRef;
use super::charter::Charter;
use super::delegation::DelegationEnd;
use super::id::{Digest, OrganisationId, PersonId, sha256};
use super::key::{Signature, SpokenCode, VerifyingKey};
use super::log::merkle::TreeHead;
use super::organisation::{CLOCK_TOLERANCE, Effect, Organisation, Position};
use super::quorum::Consent;
use super::refusal::Refusal;
use super::time::{Seconds, Time};
use super::wire::{self, Malformed};
use crate::proto::v1;

pub use rounds::{Dated, GivenUp, Round, Rounds};

const MOVE_LABEL: &[u8] = b"sequestre/move/v1\0";

/// How long the file of a move can be signed and followed after it was proposed; one that gives entries up, after its
/// delay besides. A file that was not used must not lie about for ever.
pub const MOVE_LIFE: Seconds = Seconds(30 * Seconds::DAY.0);

/// What people sign when they move. Whether it is allowed is for [`Organisation::verify_move`] to say.
#[derive(Debug, Clone)]
pub struct MoveStatement {
    /// Whose log.
    pub organisation: OrganisationId,
    /// Charter N+1, as on the wire.
    pub charter: v1::Charter,
    /// The log key that it replaces.
    pub old_log_key: VerifyingKey,
    /// The new one, as in the charter.
    pub log_key: VerifyingKey,
    /// The log that goes on.
    pub prefix: TreeHead,
    /// The new server's TLS key.
    pub server_key: VerifyingKey,
    /// When it was proposed, by the proposer's clock.
    pub created: Time,
    /// How many entries beyond the prefix are given up, as far as those who propose it know; 0: none.
    pub gives_up: u64,
    bytes: Vec<u8>,
}

impl MoveStatement {
    /// Parses canonical bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let m: v1::MoveStatement = wire::decode_canonical(bytes)?;
        let charter = wire::required(m.charter, "charter")?;
        let prefix = wire::tree_head(m.prefix)?;
        if m.nonce.len() != 16 {
            return Err(Malformed::Range("nonce"));
        }
        if prefix.size == 0 {
            return Err(Malformed::Range("prefix"));
        }
        Ok(Self {
            organisation: OrganisationId::parse(&m.organisation)?,
            old_log_key: wire::signing_key(m.old_log_key)?,
            log_key: wire::signing_key(charter.log_key.clone())?,
            charter,
            prefix,
            server_key: wire::signing_key(m.server_key)?,
            created: Time(m.created),
            gives_up: m.gives_up,
            bytes: bytes.to_vec(),
        })
    }

    /// Its canonical bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What names it: two statements with one digest are the same move.
    pub fn digest(&self) -> Digest {
        Digest::new(sha256(&[&self.bytes]))
    }

    /// The version of the charter that it makes.
    pub fn version(&self) -> u32 {
        self.charter.version
    }

    /// `host:port` of the new server.
    pub fn address(&self) -> &str {
        &self.charter.address
    }

    /// What those who sign read to each other.
    pub fn code(&self) -> SpokenCode {
        SpokenCode::of("sequestre/move-code/v1", &[&self.bytes])
    }

    /// What one person signs: label ‖ organisation id ‖ SHA-256(algorithm ‖ key) ‖ statement.
    pub fn preimage(&self, signer: &VerifyingKey) -> Vec<u8> {
        [MOVE_LABEL, self.organisation.as_bytes(), &signer.digest(), &self.bytes].concat()
    }

    /// Until when the file can be signed and followed. What stands in a log by then stands.
    pub fn expires(&self) -> Time {
        let life = self.created.after(MOVE_LIFE);
        // No other than that of the charter that it leaves.
        if self.gives_up > 0 { life.after(Seconds(self.charter.destroy_delay)) } else { life }
    }

    /// Whether a signature under it is of this key.
    pub fn is_signed(&self, signer: &VerifyingKey, signature: &Signature) -> bool {
        signer.verify(&self.preimage(signer), signature).is_ok()
    }
}

/// A statement with signatures that nobody has checked yet.
#[derive(Debug, Clone)]
pub struct SignedMove {
    /// What was signed.
    pub statement: MoveStatement,
    signatures: Vec<(VerifyingKey, Signature)>,
    rounds: Rounds,
}

impl SignedMove {
    /// A statement that nobody has signed yet.
    pub fn unsigned(statement: MoveStatement) -> Self {
        Self { statement, signatures: Vec::new(), rounds: Rounds::default() }
    }

    /// Parses the command's form: at least one signature, sorted, distinct.
    pub fn parse(m: v1::Move) -> Result<Self, Malformed> {
        if m.signatures.is_empty() {
            return Err(Malformed::List("signatures"));
        }
        Self::parse_draft(m)
    }

    /// The same of a file that may have no signature yet.
    pub fn parse_draft(m: v1::Move) -> Result<Self, Malformed> {
        let statement = MoveStatement::parse(&m.statement)?;
        let one = |s: v1::MoveSignature| -> Result<_, Malformed> {
            Ok((wire::signing_key(s.signer)?, wire::signature(s.signature)?))
        };
        let signatures = m.signatures.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
        wire::ascending(&signatures, "signatures", |(signer, _)| signer.person())?;
        let rounds = Rounds::parse(m.first, m.second)?;
        if statement.gives_up == 0 && !rounds.is_empty() {
            return Err(Malformed::List("rounds"));
        }
        Ok(Self { statement, signatures, rounds })
    }

    /// The command's form.
    pub fn to_wire(&self) -> v1::Move {
        let one = |(signer, signature): &(VerifyingKey, Signature)| v1::MoveSignature {
            signer: Some((*signer).into()),
            signature: Some((*signature).into()),
        };
        v1::Move {
            statement: self.statement.bytes.clone(),
            signatures: self.signatures.iter().map(one).collect(),
            first: self.rounds.wire(Round::First),
            second: self.rounds.wire(Round::Second),
        }
    }

    /// Adds a signature, in place of an earlier one of the same person. False if it does not verify.
    pub fn add(&mut self, signer: VerifyingKey, signature: Signature) -> bool {
        if !self.statement.is_signed(&signer, &signature) {
            return false;
        }
        self.signatures.retain(|(other, _)| other.person() != signer.person());
        self.signatures.push((signer, signature));
        self.signatures.sort_by_key(|(signer, _)| signer.person());
        true
    }

    /// Without the signatures that do not hold: whoever passed the file on may have added some.
    pub fn without_forged(mut self) -> Self {
        let statement = &self.statement;
        self.signatures.retain(|(signer, signature)| statement.is_signed(signer, signature));
        self.rounds.drop_forged(statement);
        self
    }

    /// What a copy of the same file has besides. False if it is another move, or if the second signatures of the two
    /// confirm different first ones.
    pub fn merge(&mut self, other: &Self) -> bool {
        self.statement.digest() == other.statement.digest()
            && other.signatures.iter().all(|(signer, signature)| self.add(*signer, *signature))
            && self.rounds.merge(&self.statement, &other.rounds)
    }

    /// The two rounds of whoever gives entries up.
    pub fn rounds(&self) -> &Rounds {
        &self.rounds
    }

    /// What a person signs in a round: `None` if there is no such round in this move, or not yet.
    pub fn round_preimage(&self, round: Round, signer: &VerifyingKey, time: Time) -> Option<Vec<u8>> {
        (self.statement.gives_up > 0).then(|| self.rounds.preimage(&self.statement, round, signer, time)).flatten()
    }

    /// Adds a signature to a round. False if it does not verify, if there is no such round yet, or if the second has
    /// begun and this would change the first.
    pub fn add_to_round(&mut self, round: Round, dated: Dated) -> bool {
        self.statement.gives_up > 0 && self.rounds.add(&self.statement, round, dated)
    }

    /// With the signatures only of these people.
    pub fn only(mut self, people: impl Fn(&PersonId) -> bool) -> Self {
        self.signatures.retain(|(signer, _)| people(&signer.person()));
        self
    }

    /// With the rounds of only these people, unless the second one has begun: it is over all of the first.
    pub fn only_rounds_of(mut self, people: impl Fn(&PersonId) -> bool) -> Self {
        self.rounds.only(people);
        self
    }

    /// Those whose signatures are here, whether or not they hold.
    pub fn signers(&self) -> impl Iterator<Item = PersonId> {
        self.signatures.iter().map(|(signer, _)| signer.person())
    }

    /// The signatures, by person.
    pub fn signatures(&self) -> &[(VerifyingKey, Signature)] {
        &self.signatures
    }
}

/// A move that the rules allow: only [`Organisation::verify_move`] makes one.
#[derive(Debug, Clone)]
pub struct VerifiedMove {
    statement: MoveStatement,
    charter: Charter,
    consents: (Consent, Consent),
    given_up: Option<GivenUp>,
}

impl VerifiedMove {
    /// What was signed.
    pub fn statement(&self) -> &MoveStatement {
        &self.statement
    }

    /// Charter N+1.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The agreement of the `amend` quorum of N, and of N+1.
    pub fn consents(&self) -> (&Consent, &Consent) {
        (&self.consents.0, &self.consents.1)
    }

    /// The two agreements to give entries up, if it does.
    pub fn given_up(&self) -> Option<&GivenUp> {
        self.given_up.as_ref()
    }

    /// Whether somebody who knows entries beyond the prefix may go along: only if the move says that it gives some up,
    /// and was first agreed to after the last of those that it means. `times` are those of the entries beyond the
    /// prefix that this somebody knows. What is known beyond the number that the move gives is for its owner to give
    /// up.
    pub fn may_take(&self, times: &[Time]) -> Result<(), Refusal> {
        let Some(given_up) = &self.given_up else {
            return if times.is_empty() { Ok(()) } else { Err(Refusal::MoveUndeclared) };
        };
        let declared = usize::try_from(self.statement.gives_up).unwrap_or(usize::MAX);
        match times.iter().take(declared).max() {
            Some(last) if given_up.first_at().after(CLOCK_TOLERANCE) < *last => Err(Refusal::MoveDates),
            _ => Ok(()),
        }
    }

    /// Whether a copy that ends after the prefix with entries of these times, and with this version of the charter, is
    /// simply what the move says that it gives up: no more than the number that was signed, and no charter that came
    /// into force since. Who signed nothing but this move has not said anything of those; another move is evidence.
    pub fn leaves_behind(&self, times: &[Time], version: Option<u32>) -> bool {
        let declared = times.len() as u64 <= self.statement.gives_up;
        let same = version.is_some_and(|version| version.checked_add(1) == Some(self.charter.version()));
        declared && same && self.may_take(times).is_ok()
    }

    /// Whether both leave the same charter of the same log for different places, or from different ends: the log
    /// cannot go on at both, so that whoever has both holds evidence. Two that say the same, proposed twice, agree.
    pub fn contradicts(&self, other: &Self) -> bool {
        let (ours, theirs) = (&self.statement, &other.statement);
        ours.organisation == theirs.organisation
            && self.charter.version() == other.charter.version()
            && (self.charter != other.charter || ours.prefix != theirs.prefix || ours.server_key != theirs.server_key)
    }
}

/// A move that stands in the log.
#[derive(Debug, Clone)]
pub struct Moved {
    /// Its entry.
    pub at: EntryRef,
    /// When.
    pub time: Time,
    /// Who brought it.
    pub brought_by: PersonId,
    /// [`MoveStatement::digest`].
    pub digest: Digest,
    /// The log key up to here.
    pub old_log_key: VerifyingKey,
    /// `host:port` up to here.
    pub old_address: String,
    /// What was decided, by whom.
    pub decided: VerifiedMove,
}

impl Organisation {
    /// Whether this state allows a move: whatever the state of the log was when people signed, it counts where the
    /// prefix ends, so that this is asked of the state after exactly the prefix. Its size is not compared here.
    pub fn verify_move(&self, signed: &SignedMove) -> Result<VerifiedMove, Refusal> {
        let statement = &signed.statement;
        let current = self.charter.as_ref().ok_or(Refusal::NotFounded)?;
        if statement.organisation != self.id {
            return Err(Refusal::ForeignBase);
        }
        let expected = current.version().saturating_add(1);
        if statement.version() != expected {
            return Err(Refusal::CharterVersion { expected });
        }
        if statement.old_log_key != self.log_key || self.is_log_key(&statement.log_key) {
            return Err(Refusal::MoveLogKey);
        }
        // Field by field of what was signed: what a later version adds to charters cannot change here either.
        let allowed = v1::Charter {
            version: expected,
            rules_version: current.wire().rules_version.max(statement.charter.rules_version),
            log_key: statement.charter.log_key.clone(),
            address: statement.charter.address.clone(),
            ..current.wire().clone()
        };
        if statement.charter != allowed {
            return Err(Refusal::MoveCharter);
        }
        let charter = Charter::parse(statement.charter.clone())?;
        self.check_people(&charter, &[])?;
        let hold = signed.signatures.iter().all(|(signer, signature)| statement.is_signed(signer, signature));
        if !hold || !signed.rounds.hold(statement) {
            return Err(Refusal::MoveSignature);
        }
        let (signed, rounds) = (signed.signers().collect(), &signed.rounds);
        let consent = |charter: &Charter| charter.amend().and_then(|quorum| quorum.consent(&signed));
        let consents = consent(current).zip(consent(&charter)).ok_or(Refusal::MoveQuorum)?;
        let given_up = (statement.gives_up > 0).then(|| rounds.verify(statement, current)).transpose()?;
        if given_up.as_ref().is_some_and(|given_up| given_up.first_at().after(CLOCK_TOLERANCE) < self.last_time()) {
            return Err(Refusal::MoveDates);
        }
        Ok(VerifiedMove { statement: statement.clone(), charter, consents, given_up })
    }

    /// Whether this log ever had this key: one that was given up never comes back.
    pub fn is_log_key(&self, key: &VerifyingKey) -> bool {
        *key == self.log_key || self.moves.iter().any(|moved| moved.old_log_key == *key)
    }

    /// The move stands exactly where its prefix ends, and whoever brings it has seen that prefix.
    pub(super) fn decide_move(
        &self,
        signed: &SignedMove,
        base: &TreeHead,
        now: Time,
    ) -> Result<VerifiedMove, Refusal> {
        if signed.statement.prefix != *base || base.size != self.size() {
            return Err(Refusal::MovePrefix);
        }
        let verified = self.verify_move(signed)?;
        // Who dates the second signatures ahead of time has not waited.
        if verified.given_up.as_ref().is_some_and(|given_up| given_up.last_at() > now.after(CLOCK_TOLERANCE)) {
            return Err(Refusal::MoveDates);
        }
        Ok(verified)
    }

    pub(super) fn apply_move(&mut self, brought_by: PersonId, decided: VerifiedMove, at: Position) -> Vec<Effect> {
        let charter = decided.charter.clone();
        let old_log_key = std::mem::replace(&mut self.log_key, *charter.log_key());
        let old_address = std::mem::replace(&mut self.address, charter.address().to_owned());
        let digest = decided.statement.digest();
        let (time, at_entry) = (at.time, at.entry());
        self.moves.push(Moved { at: at_entry, time, brought_by, digest, old_log_key, old_address, decided });
        self.restart_delays(at);
        // Neither the keys in the old server's memory nor the one on its disk come along.
        let mut effects = self.close_everything(at);
        effects.extend(self.end_delegations(|d| d.connector.is_none(), DelegationEnd::Moved, at));
        effects.extend(self.enact_charter(charter, Vec::new(), at));
        effects
    }
}

/// Where a log could go on, as the daemon of that place says. Nobody vouches for it before a move is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovePlace {
    /// Whose log was restored there.
    pub organisation: OrganisationId,
    /// The log key that was made there.
    pub log_key: VerifyingKey,
    /// That server's TLS key.
    pub server_key: VerifyingKey,
    /// `host:port`.
    pub address: String,
    /// The log as far as it was restored.
    pub prefix: TreeHead,
}

impl MovePlace {
    /// Parses the wire form.
    pub fn parse(m: v1::MovePlace) -> Result<Self, Malformed> {
        if !super::charter::is_address(&m.address) {
            return Err(Malformed::Range("address"));
        }
        Ok(Self {
            organisation: OrganisationId::parse(&m.organisation)?,
            log_key: wire::signing_key(m.log_key)?,
            server_key: wire::signing_key(m.server_key)?,
            address: m.address,
            prefix: wire::tree_head(m.prefix)?,
        })
    }

    /// The wire form.
    pub fn to_wire(&self) -> v1::MovePlace {
        v1::MovePlace {
            organisation: self.organisation.to_vec(),
            log_key: Some(self.log_key.into()),
            server_key: Some(self.server_key.into()),
            address: self.address.clone(),
            prefix: Some(self.prefix.into()),
        }
    }

    /// What the technician reads to those who sign.
    pub fn code(&self) -> SpokenCode {
        use prost::Message as _;
        SpokenCode::of("sequestre/move-place/v1", &[&self.to_wire().encode_to_vec()])
    }

    /// The statement that moves from this charter to this place, and gives up so many entries.
    pub fn statement(
        &self,
        charter: &Charter,
        old_log_key: &VerifyingKey,
        gives_up: u64,
        created: Time,
        nonce: [u8; 16],
    ) -> Result<MoveStatement, Malformed> {
        use prost::Message as _;
        let charter = v1::Charter {
            version: charter.version().saturating_add(1),
            log_key: Some(self.log_key.into()),
            address: self.address.clone(),
            ..charter.wire().clone()
        };
        let statement = v1::MoveStatement {
            organisation: self.organisation.to_vec(),
            charter: Some(charter),
            old_log_key: Some((*old_log_key).into()),
            prefix: Some(self.prefix.into()),
            server_key: Some(self.server_key.into()),
            created: created.0,
            nonce: nonce.to_vec(),
            gives_up,
        };
        MoveStatement::parse(&statement.encode_to_vec())
    }
}
