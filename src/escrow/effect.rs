//! What an entry asks of whoever keeps the state: values, for the host to carry out with the entry or not at all.

use std::collections::BTreeSet;

use super::id::{BlobId, DeviceId, PersonId};
use super::role::Role;

/// What the host of the state (daemon or replica) has to do besides keeping the entry. Durable with it, or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Keep these blobs: the state refers to them.
    Keep(Vec<(BlobId, Audience)>),
    /// Expect these re-sealed shares from the approver, for the requester only.
    AwaitShares {
        /// The request.
        request: u64,
        /// Who may fetch them.
        requester: PersonId,
        /// Their names.
        blobs: Vec<BlobId>,
    },
    /// Keep what was made at a target for the requester of this request, for nobody else. It came with the entry.
    KeepMade {
        /// The request.
        request: u64,
        /// Who may fetch it.
        requester: PersonId,
        /// Its name.
        blob: BlobId,
    },
    /// What [`Organisation::work`] says has changed, or can be gone on with.
    Work,
    /// Delete the re-sealed shares of this request, and what was made for it: nobody needs them any more.
    DropShares {
        /// The request.
        request: u64,
    },
    /// Delete these blobs: they were destroyed, and nothing that stays refers to them.
    Forget(Vec<BlobId>),
    /// This device speaks for this person.
    DeviceEnrolled {
        /// The device.
        device: DeviceId,
        /// Its owner.
        person: PersonId,
    },
    /// This device speaks for nobody any more.
    DeviceRevoked {
        /// The device.
        device: DeviceId,
    },
    /// A person's rights to read changed.
    Standing {
        /// Who.
        person: PersonId,
        /// Whether they may read the log.
        reads: bool,
        /// Their roles.
        roles: BTreeSet<Role>,
    },
}

/// Who may fetch a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// Everybody who may read the log: names, labels, reasons.
    Everyone = 1,
    /// Trustees and mediators: account sheets.
    Overseers = 2,
    /// Trustees: sealed secrets and sealed shares.
    Trustees = 3,
    /// Nobody: what only the daemon takes apart.
    Daemon = 4,
}

impl Audience {
    /// Whether somebody with these roles belongs to it.
    pub fn includes(self, roles: &BTreeSet<Role>) -> bool {
        match self {
            Self::Everyone => true,
            Self::Overseers => roles.contains(&Role::Trustee) || roles.contains(&Role::Mediator),
            Self::Trustees => roles.contains(&Role::Trustee),
            Self::Daemon => false,
        }
    }
}
