//! Replay: from log entries to the state, proving on the way that each act was allowed.
//!
//! The daemon loads an organisation this way, a client advances its replica, a mediator judges an export. All go
//! through the same [`Organisation::decide`]; they differ only in whether signatures are checked again.

use std::collections::HashMap;

use super::command::BadSignature;
use super::entry::{Entry, What};
use super::id::{CommandId, OrganisationId};
use super::key::BadKey;
use super::log::merkle::{MemoryTree, TreeHead, leaf_hash, root_at};
use super::organisation::{Effect, Organisation, Position};
use super::refusal::Refusal;
use super::wire::Malformed;

/// What is still to be proved about an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Everything: the bytes come from somebody else.
    Nothing,
    /// Signatures and bases were checked before by this very process's owner, who kept the bytes on their own disk.
    OwnDisk,
}

/// The first entry that does not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} of the log does not hold: {fault}")]
pub struct Rejected {
    /// Its index.
    pub index: u64,
    /// Why.
    #[source]
    pub fault: Fault,
}

/// Why an entry does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes are not an entry.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The log does not begin with a genesis, or with that of another organisation.
    #[error("the log does not begin with the genesis of this organisation")]
    Genesis,
    /// It carries another index than its place.
    #[error("it says that it is entry {0}")]
    Index(u64),
    /// It is older than the entry before.
    #[error("it is dated before the entry that precedes it")]
    Time,
    /// A person's signature does not verify.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The log key's signature of a daemon act does not verify.
    #[error("the log key did not sign this act of the daemon: {0}")]
    DaemonSignature(BadKey),
    /// The command stands in the log already.
    #[error("the same command stands in the log already, as entry {0}")]
    Repeated(u64),
    /// The rules did not allow it.
    #[error("the rules did not allow it: {0}")]
    Refused(#[from] Refusal),
}

/// A log replayed so far.
#[derive(Debug, Clone)]
pub struct Replay {
    organisation: Organisation,
    tree: MemoryTree,
    commands: HashMap<CommandId, u64>,
}

impl Replay {
    /// Begins with the genesis of `id`.
    pub fn begin(id: OrganisationId, bytes: &[u8], trust: Trust) -> Result<(Self, Vec<Effect>), Rejected> {
        Self::first(id, bytes, trust).map_err(|fault| Rejected { index: 0, fault })
    }

    fn first(id: OrganisationId, bytes: &[u8], trust: Trust) -> Result<(Self, Vec<Effect>), Fault> {
        let entry = Entry::parse(bytes)?;
        let What::Command(signed) = entry.what else { return Err(Fault::Genesis) };
        if signed.founds() != Some(id) {
            return Err(Fault::Genesis);
        }
        if entry.index != 0 {
            return Err(Fault::Index(entry.index));
        }
        let verified = match trust {
            Trust::Nothing => signed.verify(id)?,
            Trust::OwnDisk => signed.assume_verified(id),
        };
        let leaf = leaf_hash(bytes);
        let at = Position { index: 0, time: entry.time, leaf };
        let (organisation, effects) = Organisation::found(&verified, at)?;
        let mut tree = MemoryTree::new();
        tree.push(leaf);
        Ok((Self { organisation, tree, commands: HashMap::from([(verified.id(), 0)]) }, effects))
    }

    /// Adds the next entry, if it holds.
    pub fn push(&mut self, bytes: &[u8], trust: Trust) -> Result<Vec<Effect>, Rejected> {
        let index = self.organisation.size();
        self.next(bytes, trust).map_err(|fault| Rejected { index, fault })
    }

    fn next(&mut self, bytes: &[u8], trust: Trust) -> Result<Vec<Effect>, Fault> {
        let entry = Entry::parse(bytes)?;
        if entry.index != self.organisation.size() {
            return Err(Fault::Index(entry.index));
        }
        if entry.time < self.organisation.last_time() {
            return Err(Fault::Time);
        }
        let transition = match entry.what {
            What::Command(signed) => {
                let id = self.organisation.id();
                let verified = match trust {
                    Trust::Nothing => signed.verify(id)?,
                    Trust::OwnDisk => signed.assume_verified(id),
                };
                if let Some(earlier) = self.commands.get(&verified.id()) {
                    return Err(Fault::Repeated(*earlier));
                }
                let base_root = root_at(&self.tree, verified.command().base.size).ok();
                let transition = self.organisation.decide(&verified, entry.time, base_root)?;
                self.commands.insert(verified.id(), entry.index);
                transition
            }
            What::Act(signed) => {
                if trust == Trust::Nothing {
                    let (id, key) = (self.organisation.id(), self.organisation.log_key());
                    signed.verify(&id, key, entry.index, entry.time).map_err(Fault::DaemonSignature)?;
                }
                self.organisation.decide_daemon(signed.act, entry.time)?
            }
        };
        let leaf = leaf_hash(bytes);
        let effects = self.organisation.apply(transition, Position { index: entry.index, time: entry.time, leaf });
        self.tree.push(leaf);
        Ok(effects)
    }

    /// The state so far.
    pub fn organisation(&self) -> &Organisation {
        &self.organisation
    }

    /// The tree so far.
    pub fn tree(&self) -> &MemoryTree {
        &self.tree
    }

    /// Size and root so far.
    pub fn head(&self) -> TreeHead {
        self.tree.head()
    }

    /// The index of a command that stands in the log.
    pub fn index_of(&self, command: &CommandId) -> Option<u64> {
        self.commands.get(command).copied()
    }

    /// Gives up tree and command index, for a host that keeps those elsewhere.
    pub fn into_organisation(self) -> Organisation {
        self.organisation
    }
}
