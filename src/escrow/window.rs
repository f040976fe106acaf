//! Windows: what is opened to the daemon, until when, and how it closes.
//!
//! A connector needs an administrator credential of its target. It opens to keys in the daemon's memory, for as long
//! as a quorum agreed: that is an unseal request like any other, except that each of its recipients is vouched for by
//! the log key in force, so that nobody can have something opened to a key of their own under this name. What is open
//! to the daemon can be read by whoever runs it: they stand in the exposure list from the grant on.
//!
//! The keys live as long as the daemon's process. When they are gone, what was open is closed, and the daemon may ask
//! by itself for the rest of the time, or for what a pending revocation needs. It must never get more by asking itself
//! than people could see when they agreed: the parts are those that the connector needs, and approvals start anew.

use super::act::RequestedPart;
use super::id::{BlobId, OrganisationId};
use super::key::RecipientKey;
use super::time::{Seconds, Time};
use super::wire::{self, Malformed};
use crate::proto::v1;

/// Longest time for which something opens to the daemon.
pub const LONGEST_WINDOW: Seconds = Seconds(7 * Seconds::DAY.0);
/// Longest window that the daemon can ask for by itself in order to finish what it began at a target.
pub const LONGEST_ERRAND: Seconds = Seconds(8 * Seconds::HOUR.0);

const OPENING_KEY_LABEL: &[u8] = b"sequestre/opening-key/v1\0";

/// What the log key signs to vouch for a key of the daemon's memory: label ‖ organisation id ‖ canonical recipient.
pub fn opening_key_preimage(organisation: &OrganisationId, key: &RecipientKey) -> Vec<u8> {
    use prost::Message as _;
    [OPENING_KEY_LABEL, organisation.as_bytes().as_slice(), &v1::Recipient::from(*key).encode_to_vec()].concat()
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// The parts open to the requester, or one-time password secrets to the daemon for them.
    Lease = 1,
    /// The parts open to the daemon, for connector work.
    Unseal = 2,
    /// The connector makes a lease at the target; nothing opens.
    Mint = 3,
    /// A standing right for somebody.
    Delegation = 4,
}

impl Purpose {
    pub(super) fn parse(number: i32) -> Result<Self, Malformed> {
        [Self::Lease, Self::Unseal, Self::Mint, Self::Delegation]
            .into_iter()
            .find(|purpose| *purpose as i32 == number)
            .ok_or(Malformed::Unknown("purpose"))
    }

    /// The name for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Unseal => "unseal",
            Self::Mint => "mint",
            Self::Delegation => "delegation",
        }
    }
}

/// Any trustee closes all that is open to the daemon.
#[derive(Debug, Clone, Copy)]
pub struct Seal {
    /// Text: why.
    pub reason: BlobId,
}

/// The daemon asks by itself for what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsealFiled {
    /// The window that a restart ended; or the request whose lease must be revoked, or the [`Rotate`] that is not
    /// finished.
    ///
    /// [`Rotate`]: super::rotation::Rotate
    pub because: u64,
    /// What the connector needs, to keys of the daemon.
    pub parts: Vec<RequestedPart>,
    /// How long it is to be open.
    pub duration: Seconds,
    /// Until when approvals are accepted.
    pub expires: Time,
}

impl UnsealFiled {
    pub(super) fn parse(m: v1::UnsealFiled) -> Result<Self, Malformed> {
        let parts = super::act::requested_parts(m.parts)?;
        if parts.is_empty() {
            return Err(Malformed::List("parts"));
        }
        Ok(Self { because: m.request_index, parts, duration: Seconds(m.duration), expires: Time(m.expires) })
    }

    /// The wire form.
    pub fn to_wire(&self) -> v1::UnsealFiled {
        v1::UnsealFiled {
            request_index: self.because,
            parts: self.parts.iter().map(|asked| (*asked).into()).collect(),
            duration: self.duration.0,
            expires: self.expires.0,
        }
    }
}

pub(super) fn parse_seal(m: v1::Seal) -> Result<Seal, Malformed> {
    Ok(Seal { reason: wire::blob(&m.reason)? })
}
