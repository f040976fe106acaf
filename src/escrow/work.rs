//! What is to be done at targets: the daemon's list, derived from the log.

use super::id::CredentialId;
use super::made::AtTarget;
use super::organisation::Organisation;
use super::request::{Request, Stage};
use super::window::Purpose;

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

impl Request {
    /// What it asks the daemon to do now.
    pub(super) fn work(&self) -> Option<Work> {
        let index = self.at.index;
        match (&self.stage, self.purpose, self.target) {
            (Stage::Granted(_), Purpose::Unseal, _) => Some(Work::Open(index)),
            (Stage::Granted(_), Purpose::Mint, _) => Some(Work::Mint(index)),
            (_, _, Some(AtTarget::RevocationDue { .. })) => Some(Work::Revoke(index)),
            _ => None,
        }
    }
}

impl Organisation {
    /// Adds to what is pending, or takes away from it.
    pub(super) fn set_work(&mut self, work: Work, pending: bool) {
        let changed = if pending { self.work.insert(work) } else { self.work.remove(&work) };
        self.work_changed |= changed;
    }

    /// What is pending. A lease waits here until its account is open, too.
    pub fn work(&self) -> impl Iterator<Item = Work> + '_ {
        self.work.iter().copied()
    }
}
