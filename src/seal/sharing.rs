//! Splitting a part's master key among trustees, and putting it together again.
//!
//! This is the one module around `sharks` (the crate `blahaj`, Shamir's scheme over GF(2^8)), which by itself gives
//! a wrong secret without saying so for a flipped bit, a duplicate, x = 0 or a wrong k. It must never return a key
//! that was not compared with the public half in the log, never use a share that was not compared with its logged
//! digest, and never lose the good shares because of a bad one.
//!
//! # The split
//! One group: the 32 bytes of the master key are split k of n. Several groups: they are split m of m among the m
//! groups first (the *outer* shares), and each group's outer share, `x ‖ y` (33 bytes), is split k of n among its
//! members. A group's outer x is its position in the quorum from 1; a member's x is [`Group::x_of`]. Thresholds
//! below 2 or above n, and empty groups, do not exist as a [`Quorum`].
//!
//! # Digests in the log
//! Of a share: SHA-256 of its envelope in plaintext (its form is described in `envelope.rs`). Of an outer share:
//! SHA-256 of `sequestre/outer-share/v1`, a zero byte, x, y. Both hide what they digest: y is uniformly random.
//!
//! # Who is to blame
//! A share that differs from its digest is its sender's doing. A share that has its digest but does not belong
//! where the log says, or shares that all have theirs and give another key, are the dealer's.
//!
//! # Randomness
//! `blahaj`'s dealer draws its coefficients, each uniform over all 256 values, from `rand`'s thread generator:
//! ChaCha12, a cryptographic generator seeded and reseeded from the system. If the system has no randomness it
//! panics rather than continue.
//!
//! # What is overwritten
//! Shares and coefficients, by `blahaj` itself (its feature `zeroize_memory`, on by default); what its `recover`
//! returns and everything of ours, by [`Secret`].

use std::collections::BTreeSet;
use std::fmt;

use sharks::{Share, Sharks};
use zeroize::Zeroizing;

use super::envelope::{self, Mismatch, Place};
use super::sealing::{PartContext, age_identity, age_secret_text};
use super::secret::{Secret, SecretWriter};
use super::signing::{BadSecretKey, SEED_BYTES};
use crate::escrow::id::{Digest, OrganisationId, PersonId};
use crate::escrow::key::RecipientKey;
use crate::escrow::part::{Deal, PartId};
use crate::escrow::quorum::{Group, Quorum};

const OUTER_LABEL: &[u8] = b"sequestre/outer-share/v1\0";

/// The key of one part of one version: made by whoever seals it, split, and forgotten.
pub struct MasterKey {
    bytes: Secret,
    identity: age::x25519::Identity,
    recipient: RecipientKey,
}

impl MasterKey {
    /// A fresh one.
    pub fn generate() -> Result<Self, BadSecretKey> {
        Self::from_bytes(Secret::random(SEED_BYTES)?)
    }

    /// From the 32 bytes of an `age` X25519 key.
    pub fn from_bytes(bytes: Secret) -> Result<Self, BadSecretKey> {
        let identity = age_identity(&bytes)?;
        let recipient = RecipientKey::from_age(&identity.to_public().to_string()).map_err(BadSecretKey::Unusable)?;
        Ok(Self { bytes, identity, recipient })
    }

    /// The public half, which the log keeps.
    pub fn recipient(&self) -> &RecipientKey {
        &self.recipient
    }

    /// What opens blobs that are sealed to this key.
    pub fn age(&self) -> &age::x25519::Identity {
        &self.identity
    }

    /// The 32 bytes, to be kept where only their owner reads.
    pub fn to_secret_bytes(&self) -> Secret {
        self.bytes.copy()
    }

    /// `AGE-SECRET-KEY-1…`, for recovery with `age -d -i` and without this program.
    pub fn to_age_text(&self) -> Secret {
        age_secret_text(&self.bytes).expect("a master key is 32 bytes")
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey(of {:?})", self.recipient)
    }
}

/// What a split belongs to; every envelope repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareContext {
    /// Whose.
    pub organisation: OrganisationId,
    /// Which part of which version of which account.
    pub part: PartId,
    /// How often the part was handed over to new trustees.
    pub epoch: u32,
    /// The public half of the master key that was split.
    pub master_key: RecipientKey,
}

impl ShareContext {
    /// The context of the part itself.
    pub fn part_context(&self) -> PartContext {
        PartContext { organisation: self.organisation, part: self.part }
    }
}

/// One trustee's share, fresh from the dealer: to be sealed to the trustee, and nothing else.
pub struct FreshShare {
    /// For whom.
    pub trustee: PersonId,
    /// For the log: SHA-256 of the envelope.
    pub digest: Digest,
    /// The plaintext that is sealed to the trustee.
    pub envelope: Secret,
}

/// One group's shares, in the order of [`Group::members`].
pub struct FreshGroup {
    /// For the log: the digest of the group's outer share; present exactly when there are several groups.
    pub outer: Option<Digest>,
    /// One for each member.
    pub shares: Vec<FreshShare>,
}

/// A split of a master key to one quorum.
pub struct Dealt {
    /// One for each group of the quorum, in its order.
    pub groups: Vec<FreshGroup>,
}

/// Why a key was not split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DealError {
    /// The context names the public half of another key.
    #[error("the master key to split is not the one that the shares would name; nothing was dealt")]
    WrongKey,
    /// The fresh shares do not give the key back.
    #[error("the split failed its own test and nothing was dealt; try again, and report it if it happens twice")]
    Split,
}

/// Splits the key to the quorum, and puts it together once from the fresh shares before returning them.
pub fn deal(key: &MasterKey, context: &ShareContext, quorum: &Quorum) -> Result<Dealt, DealError> {
    if *key.recipient() != context.master_key {
        return Err(DealError::WrongKey);
    }
    let several = quorum.groups().len() > 1;
    let inner_secrets = if several {
        let m = u8::try_from(quorum.groups().len()).map_err(|_| DealError::Split)?;
        let outer = split(key.bytes.expose(), m, quorum.groups().len())?;
        if !recover(&outer, m).is_some_and(|secret| secret.matches(&key.bytes)) {
            return Err(DealError::Split);
        }
        outer.iter().map(share_bytes).collect()
    } else {
        vec![key.bytes.copy()]
    };
    let mut groups = Vec::with_capacity(quorum.groups().len());
    for (position, (group, secret)) in quorum.groups().iter().zip(&inner_secrets).enumerate() {
        let shares = deal_group(secret, context, quorum, position, group)?;
        groups.push(FreshGroup { outer: several.then(|| outer_digest(secret)), shares });
    }
    Ok(Dealt { groups })
}

fn deal_group(
    secret: &Secret,
    context: &ShareContext,
    quorum: &Quorum,
    position: usize,
    group: &Group,
) -> Result<Vec<FreshShare>, DealError> {
    let k = group.threshold();
    let shares = split(secret.expose(), k, group.members().len())?;
    // The test uses the last k, since any k must do.
    let last = shares.get(shares.len() - usize::from(k)..).unwrap_or_default();
    if !recover(last, k).is_some_and(|recovered| recovered.matches(secret)) {
        return Err(DealError::Split);
    }
    let mut fresh = Vec::with_capacity(shares.len());
    for (share, trustee) in shares.iter().zip(group.members()) {
        if group.x_of(trustee) != Some(share.x.0) {
            return Err(DealError::Split);
        }
        let bytes = share_bytes(share);
        let y = bytes.expose().get(1..).unwrap_or_default();
        let envelope = envelope::write(context, &Place::new(quorum, position, group, share.x.0), y);
        fresh.push(FreshShare { trustee: *trustee, digest: Digest::of(&[envelope.expose()]), envelope });
    }
    Ok(fresh)
}

/// n shares with x = 1, 2, …, n.
fn split(secret: &[u8], k: u8, n: usize) -> Result<Vec<Share>, DealError> {
    let shares: Vec<Share> = Sharks(k).dealer(secret).take(n).collect();
    let in_order = shares.iter().enumerate().all(|(i, share)| usize::from(share.x.0) == i + 1);
    if shares.len() == n && in_order { Ok(shares) } else { Err(DealError::Split) }
}

/// What exactly k shares with distinct x ≠ 0 stand for.
fn recover(shares: &[Share], k: u8) -> Option<Secret> {
    let distinct: BTreeSet<u8> = shares.iter().map(|share| share.x.0).collect();
    if shares.len() != usize::from(k) || distinct.len() != shares.len() || distinct.contains(&0) {
        return None;
    }
    Sharks(k).recover(shares).ok().map(Secret::new)
}

/// x ‖ y.
fn share_bytes(share: &Share) -> Secret {
    let mut bytes = SecretWriter::with_capacity(1 + share.y.len());
    bytes.push(&[share.x.0]);
    share.y.iter().for_each(|y| bytes.push(&[y.0]));
    bytes.finish()
}

fn share_of(x: u8, y: &Secret) -> Option<Share> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(1 + y.len()));
    bytes.push(x);
    bytes.extend_from_slice(y.expose());
    Share::try_from(bytes.as_slice()).ok()
}

fn outer_digest(share: &Secret) -> Digest {
    Digest::of(&[OUTER_LABEL, share.expose()])
}

/// What is wrong with a share that somebody sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareFault {
    /// The log has no share of theirs in this split.
    #[error("no share of this part was dealt to them")]
    NotDealt,
    /// They sent a good one before.
    #[error("they already sent theirs")]
    Duplicate,
    /// Not a share's envelope in its one spelling.
    #[error("it cannot be read as a share")]
    Unreadable,
    /// It belongs elsewhere; the field of the envelope that differs.
    #[error("it names another {0} than the log")]
    Field(&'static str),
    /// Well-formed, but not the one in the log.
    #[error("it was altered: its digest is not the one in the log")]
    Altered,
}

/// Whose doing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accused {
    /// Whoever sent the share.
    Sender(PersonId),
    /// Whoever split the key and signed the deposit.
    Dealer,
}

/// A bad share: who sent it and what is wrong. To be recorded in the log as a claim; the other shares stay good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the share from {from} is not usable: {fault}; keep the others, and ask {from} or one more trustee")]
pub struct ShareClaim {
    /// Who sent it.
    pub from: PersonId,
    /// What is wrong.
    pub fault: ShareFault,
    /// Whether its digest is the logged one: then the sender passed on what the dealer had made.
    pub as_dealt: bool,
}

impl ShareClaim {
    /// Whom the claim names.
    pub fn accused(&self) -> Accused {
        match self.fault {
            ShareFault::Unreadable | ShareFault::Field(_) if self.as_dealt => Accused::Dealer,
            _ => Accused::Sender(self.from),
        }
    }
}

/// A share that has its logged digest and stands where the log says. Only [`verify_share`] makes one.
pub struct VerifiedShare {
    from: PersonId,
    context: ShareContext,
    digest: Digest,
    group: usize,
    x: u8,
    y: Secret,
    envelope: Secret,
}

impl VerifiedShare {
    /// Whose share it is.
    pub fn from(&self) -> &PersonId {
        &self.from
    }

    /// Its logged digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The position of its group in the quorum, from 0.
    pub fn group(&self) -> usize {
        self.group
    }

    /// The plaintext envelope, to be sealed again to a request's recipient: approving is releasing exactly this.
    pub fn envelope(&self) -> &Secret {
        &self.envelope
    }
}

impl fmt::Debug for VerifiedShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedShare(from {:?}, group {}, x {})", self.from, self.group, self.x)
    }
}

/// Checks a share in plaintext against the log: the sender holds one, every field is what the log says, and the
/// digest is the logged one.
pub fn verify_share(
    envelope: Secret,
    from: PersonId,
    context: &ShareContext,
    deal: &Deal,
) -> Result<VerifiedShare, ShareClaim> {
    let not_dealt = ShareClaim { from, fault: ShareFault::NotDealt, as_dealt: false };
    let (position, logged) = deal.share_of(&from).ok_or(not_dealt)?;
    let group = deal.quorum().groups().get(position).ok_or(not_dealt)?;
    let x = group.x_of(&from).ok_or(not_dealt)?;

    let digest = Digest::of(&[envelope.expose()]);
    let as_dealt = digest == logged.digest;
    let claim = |fault| ShareClaim { from, fault, as_dealt };
    let y_bytes = if deal.groups().len() > 1 { 1 + SEED_BYTES } else { SEED_BYTES };
    // The fields are read before the digest decides, because 'names another version' helps more than 'altered'.
    let y = envelope::read(&envelope, context, &Place::new(deal.quorum(), position, group, x), y_bytes).map_err(
        |mismatch| {
            claim(match mismatch {
                Mismatch::Unreadable => ShareFault::Unreadable,
                Mismatch::Field(field) => ShareFault::Field(field),
            })
        },
    )?;
    if !as_dealt {
        return Err(claim(ShareFault::Altered));
    }
    Ok(VerifiedShare { from, context: *context, digest, group: position, x, y, envelope })
}

/// Checks every share, keeps the good ones in their order and says what is wrong with the others.
pub fn sort_shares(
    sent: Vec<(PersonId, Secret)>,
    context: &ShareContext,
    deal: &Deal,
) -> (Vec<VerifiedShare>, Vec<ShareClaim>) {
    let (mut good, mut claims) = (Vec::<VerifiedShare>::new(), Vec::new());
    for (from, envelope) in sent {
        match verify_share(envelope, from, context, deal) {
            Ok(share) if good.iter().any(|other| other.from == share.from) => {
                claims.push(ShareClaim { from, fault: ShareFault::Duplicate, as_dealt: true });
            }
            Ok(share) => good.push(share),
            Err(claim) => claims.push(claim),
        }
    }
    (good, claims)
}

/// Why shares did not give the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// A group is short of its threshold.
    #[error("group {} has {have} of the {need} shares that it needs; ask more of its trustees", .group + 1)]
    NotEnough {
        /// The group's position in the quorum, from 0.
        group: usize,
        /// Good shares that are there.
        have: usize,
        /// Its threshold.
        need: usize,
    },
    /// The same share twice.
    #[error("the share of {from} is there twice; leave one out")]
    Duplicate {
        /// Whose.
        from: PersonId,
    },
    /// A share that was verified for another split.
    #[error("the share of {from} was checked against another deposit; check it again against this one")]
    Elsewhere {
        /// Whose.
        from: PersonId,
    },
    /// All shares are as dealt, and they do not give the logged outer share or key: a claim names the dealer.
    #[error(
        "every share is the one in the log, and together they do not give the logged key: whoever made the deposit \
         split something else; record a claim against the dealer and recover the account at its provider"
    )]
    Dealer,
}

/// Puts the master key together: of each group exactly the first k shares, each outer share compared with its
/// logged digest, the key with its logged public half. Further shares are not used. The shares stay with the
/// caller, who may try others or wait for more.
pub fn combine(shares: &[VerifiedShare], context: &ShareContext, deal: &Deal) -> Result<MasterKey, CombineError> {
    let mut seen = BTreeSet::new();
    for share in shares {
        let logged = deal.share_of(&share.from).map(|(group, logged)| (group, logged.digest));
        if share.context != *context || logged != Some((share.group, share.digest)) {
            return Err(CombineError::Elsewhere { from: share.from });
        }
        if !seen.insert((share.group, share.x)) {
            return Err(CombineError::Duplicate { from: share.from });
        }
    }
    let mut chosen = Vec::with_capacity(deal.groups().len());
    for (position, group) in deal.quorum().groups().iter().enumerate() {
        let need = usize::from(group.threshold());
        let of_group: Vec<&VerifiedShare> = shares.iter().filter(|share| share.group == position).collect();
        let first =
            of_group.get(..need).ok_or(CombineError::NotEnough { group: position, have: of_group.len(), need })?;
        let first: Option<Vec<Share>> = first.iter().map(|share| share_of(share.x, &share.y)).collect();
        chosen.push((group.threshold(), first.ok_or(CombineError::Dealer)?));
    }
    let mut secrets = Vec::with_capacity(chosen.len());
    for ((k, shares), dealt) in chosen.iter().zip(deal.groups()) {
        let secret = recover(shares, *k).ok_or(CombineError::Dealer)?;
        if dealt.outer.is_some_and(|logged| logged != outer_digest(&secret)) {
            return Err(CombineError::Dealer);
        }
        secrets.push(secret);
    }
    let bytes = match <[Secret; 1]>::try_from(secrets) {
        Ok([only]) => only,
        Err(outer) => combine_outer(&outer).ok_or(CombineError::Dealer)?,
    };
    let key = MasterKey::from_bytes(bytes).map_err(|_| CombineError::Dealer)?;
    if key.recipient == context.master_key { Ok(key) } else { Err(CombineError::Dealer) }
}

/// m of m outer shares, each at its group's position.
fn combine_outer(outer: &[Secret]) -> Option<Secret> {
    let shares: Vec<Share> = outer.iter().map(|o| Share::try_from(o.expose()).ok()).collect::<Option<_>>()?;
    let in_place = shares.iter().enumerate().all(|(i, s)| usize::from(s.x.0) == i + 1 && s.y.len() == SEED_BYTES);
    if in_place { recover(&shares, u8::try_from(shares.len()).ok()?) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RUSTSEC-2024-0398 was a coefficient that is never 0, by which enough splits of one secret tell the secret.
    /// With k = 2 and the secret 0, y at x = 1 is the coefficient itself: each of its 256 values is expected 256
    /// times here, and the bounds are six standard deviations away.
    #[test]
    fn coefficients_are_uniform() {
        let shares = split(&[0; 65_536], 2, 1).unwrap();
        let mut counts = [0u32; 256];
        shares[0].y.iter().for_each(|y| counts[usize::from(y.0)] += 1);
        assert!(counts.iter().all(|count| (160..=352).contains(count)), "{counts:?}");
    }

    /// The cases in which `blahaj` would give `Ok(wrong secret)`.
    #[test]
    fn recovery_takes_exactly_k_distinct_shares_that_are_not_the_secret_itself() {
        let secret = Secret::new((0..32).collect());
        let mut shares = split(secret.expose(), 3, 5).unwrap();
        assert!(recover(&shares[1..4], 3).unwrap().matches(&secret));
        assert!(recover(&shares[..2], 3).is_none());
        assert!(recover(&shares[..4], 3).is_none(), "a wrong k");
        assert!(!recover(&shares[..2], 2).unwrap().matches(&secret));
        shares[1] = share_of(shares[0].x.0, &Secret::new(vec![9; 32])).unwrap();
        assert!(recover(&shares[..3], 3).is_none(), "a duplicate");
        shares[1] = share_of(0, &Secret::new(vec![9; 32])).unwrap();
        assert!(recover(&shares[..3], 3).is_none(), "x = 0");
    }
}
