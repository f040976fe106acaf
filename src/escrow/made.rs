//! Leases that a connector makes at the target: begun, made, revoked.
//!
//! ```text
//! Granted ──MintStarted──▶ (something may be there) ──Minted──▶ Leased ──end──▶ Ended, revocation due ──▶ revoked
//! ```
//!
//! From the moment the daemon begins, something may be there to revoke, whatever it says later: so that the entry comes
//! before the target is touched. A revocation stays due until the daemon says that it is done; no time and no restart
//! ends that. No share is released for such a lease and nothing is exposed by it: what is made opens the target for one
//! person, and can be taken back.

use super::id::BlobId;
use super::time::{Seconds, Time};

/// How long before the end of a window a lease must be over: else nobody could revoke it.
pub const REVOKE_MARGIN: Seconds = Seconds(120);
/// How long after the daemon began to make a lease it can begin again.
pub const START_REST: Seconds = Seconds::MINUTE;

/// What there is, or may be, at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtTarget {
    /// The daemon began: something may be there.
    Started {
        /// When it last began.
        at: Time,
        /// When the lease is over.
        until: Time,
    },
    /// It is made.
    Made {
        /// Blob: what was made, sealed to the requester.
        sealed: BlobId,
    },
    /// The access is over, what was made is not yet known to be gone.
    RevocationDue {
        /// When the access ended.
        since: Time,
    },
    /// It is gone.
    Revoked {
        /// When.
        at: Time,
    },
    /// What would be needed to revoke it was destroyed before it was gone: nobody can say.
    Lost {
        /// When.
        at: Time,
    },
}
