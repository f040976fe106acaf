//! What is to be done at targets: the daemon's list, derived from the log.

use super::id::CredentialId;
use super::organisation::Organisation;

/// Something that the daemon has to do with a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Work {
    /// Open what was granted to the daemon by this request.
    Open(u64),
    /// Make the lease of this request.
    Mint(u64),
    /// Revoke the lease of this request.
    Revoke(u64),
    /// Give this account a new secret, or find out which one its target has.
    Rotate(CredentialId),
}

impl Organisation {
    /// What is pending.
    pub fn work(&self) -> impl Iterator<Item = Work> + '_ {
        self.work.iter().copied()
    }
}
