//! Delegations: a standing right of a member to take leases of one account without asking each time.
//!
//! Of an account with a connector it is a rule and nothing more. Of one without, the secret is kept a second time under
//! two layers: the daemon removes the outer one only after the entry of a lease, the delegate's client the inner one.
//! Neither of them alone opens anything, and nobody opens anything unlogged. It ends by date, by use, by whoever may
//! end it, with the delegate's leaving, and with the version that it was given for, unless whoever deposits the next
//! one renews it.

use super::id::{BlobId, OrganisationId, PersonId};
use super::key::{RecipientKey, Signature};
use super::part::{PartId, PartKind, VersionId};
use super::request::Grant;
use super::time::{Seconds, Time};
use super::wire::{self, Malformed};
use crate::proto::v1;

/// Longest life of a delegation.
pub const LONGEST_DELEGATION: Seconds = Seconds(366 * Seconds::DAY.0);
/// How long after a lease was taken it must be fetched, or made at the target.
pub const TAKE_WITHIN: Seconds = Seconds::HOUR;

const WRAPPING_KEY_LABEL: &[u8] = b"sequestre/wrapping-key/v1\0";

/// What the log key signs to vouch for the key to which outer layers are sealed: label ‖ organisation id ‖ canonical
/// recipient.
pub fn wrapping_key_preimage(organisation: &OrganisationId, key: &RecipientKey) -> Vec<u8> {
    use prost::Message as _;
    [WRAPPING_KEY_LABEL, organisation.as_bytes().as_slice(), &v1::Recipient::from(*key).encode_to_vec()].concat()
}

/// What a delegation allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whom.
    pub to: PersonId,
    /// Until when leases can be taken.
    pub until: Time,
    /// How many; at least one.
    pub uses: u32,
}

impl Standing {
    pub(super) fn parse(m: &v1::Standing) -> Result<Self, Malformed> {
        if m.uses == 0 {
            return Err(Malformed::Range("uses"));
        }
        Ok(Self { to: PersonId::parse(&m.to)?, until: Time(m.until), uses: m.uses })
    }
}

/// A part under two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrapped {
    /// Which part.
    pub kind: PartKind,
    /// Blob: sealed to the daemon, inside to the delegate.
    pub sealed: BlobId,
}

fn wrapped(list: Vec<v1::Wrapped>) -> Result<Vec<Wrapped>, Malformed> {
    let one = |w: v1::Wrapped| -> Result<_, Malformed> {
        Ok(Wrapped { kind: wire::part_kind(w.kind)?, sealed: wire::blob(&w.sealed)? })
    };
    let list = list.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    wire::ascending(&list, "wrapped parts", |w| w.kind)?;
    Ok(list)
}

/// A delegation that goes on with the next version.
#[derive(Debug, Clone)]
pub struct Rewrapped {
    /// Which: the index of its request.
    pub delegation: u64,
    /// The new parts, by kind; none of an account with a connector.
    pub wrapped: Vec<Wrapped>,
}

impl Rewrapped {
    pub(super) fn parse(m: v1::Rewrapped) -> Result<Self, Malformed> {
        Ok(Self { delegation: m.delegation_index, wrapped: wrapped(m.wrapped)? })
    }
}

/// Completes a delegation of an account without a connector.
#[derive(Debug, Clone)]
pub struct Delegate {
    /// The granted request.
    pub request: u64,
    /// Its parts, by kind.
    pub wrapped: Vec<Wrapped>,
    /// The key of the outer layer.
    pub daemon: RecipientKey,
    /// The log key's signature over [`wrapping_key_preimage`].
    pub vouched: Signature,
}

impl Delegate {
    pub(super) fn parse(m: v1::Delegate) -> Result<Self, Malformed> {
        Ok(Self {
            request: m.request_index,
            wrapped: wrapped(m.wrapped)?,
            daemon: wire::recipient(m.daemon)?,
            vouched: wire::signature(m.vouched)?,
        })
    }
}

/// Ends a delegation.
#[derive(Debug, Clone, Copy)]
pub struct EndDelegation {
    /// The index of its request.
    pub delegation: u64,
    /// Text: why.
    pub reason: BlobId,
}

impl EndDelegation {
    pub(super) fn parse(m: &v1::EndDelegation) -> Result<Self, Malformed> {
        Ok(Self { delegation: m.delegation_index, reason: wire::blob(&m.reason)? })
    }
}

/// The delegate takes a lease.
#[derive(Debug, Clone, Copy)]
pub struct Take {
    /// The index of the delegation's request.
    pub delegation: u64,
    /// Text: why.
    pub reason: BlobId,
    /// How long.
    pub duration: Seconds,
    /// With a connector: to whom what is made is sealed.
    pub recipient: Option<RecipientKey>,
    /// Text: what the connector needs to know.
    pub input: Option<BlobId>,
}

impl Take {
    pub(super) fn parse(m: v1::Take) -> Result<Self, Malformed> {
        Ok(Self {
            delegation: m.delegation_index,
            reason: wire::blob(&m.reason)?,
            duration: Seconds(m.duration),
            recipient: m.recipient.map(|key| wire::recipient(Some(key))).transpose()?,
            input: wire::optional_blob(&m.input)?,
        })
    }
}

/// A standing right, by the index of the request that was granted.
#[derive(Debug, Clone)]
pub struct Delegation {
    /// The index of its request.
    pub index: u64,
    /// The account, and the version for which it holds now.
    pub version: VersionId,
    /// Who asked for it.
    pub asked_by: PersonId,
    /// What it allows.
    pub standing: Standing,
    /// How many leases were taken.
    pub used: u32,
    /// Since when it is in force.
    pub since: Time,
    /// Who agreed.
    pub grant: Grant,
    /// The connector for which it was granted; none: the parts are kept wrapped.
    pub connector: Option<BlobId>,
    /// The wrapped parts, each with the part that it repeats.
    pub wrapped: Vec<(PartId, BlobId)>,
    /// When it ended, and how.
    pub ended: Option<(Time, DelegationEnd)>,
}

/// How a delegation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelegationEnd {
    /// Its time was over.
    Expired,
    /// The last lease was taken.
    Used,
    /// Somebody ended it.
    Ended(PersonId),
    /// The delegate left.
    DelegateLeft,
    /// A next version came without it.
    Replaced,
    /// The log moved: the outer layer was sealed to the server that it left.
    Moved,
    /// What it was for was destroyed.
    Destroyed,
}

impl Delegation {
    /// Whether leases can be taken.
    pub fn is_live(&self, now: Time) -> bool {
        self.ended.is_none() && now < self.standing.until && self.left() > 0
    }

    /// How many leases can still be taken.
    pub fn left(&self) -> u32 {
        self.standing.uses.saturating_sub(self.used)
    }
}
