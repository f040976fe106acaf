//! Replay: from log entries to the state, proving on the way that each act was allowed.
//!
//! The daemon loads an organisation this way, a client advances its replica, a mediator judges an export. All go
//! through the same [`Organisation::decide`]; they differ only in whether signatures are checked again.
//!
//! A signature needs no state, and checking it is nearly all of the work. So a replay has two halves: entries are
//! [examined](Examiner) side by side, then [pushed](Replay::push_examined) one after the other.

use std::collections::HashMap;

use super::command::{BadSignature, SignedCommand, VerifiedCommand};
use super::entry::{Entry, SignedAct, What};
use super::id::{CommandId, Digest, OrganisationId};
use super::key::{BadKey, VerifyingKey};
use super::log::merkle::{MemoryTree, TreeHead, leaf_hash, root_at};
use super::organisation::{Effect, Organisation, Position};
use super::refusal::Refusal;
use super::time::Time;
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

/// Examines entries of one log: reads them and checks their signatures. It has no state; copies do the same.
#[derive(Debug, Clone, Copy)]
pub struct Examiner {
    organisation: OrganisationId,
    /// Who is expected to have signed the daemon's acts. Where it was somebody else, the push checks again.
    log_key: VerifyingKey,
    trust: Trust,
}

/// An entry that was examined, whatever came of it: a push says so in the order in which entries do not hold.
#[derive(Debug)]
pub struct Examined(Result<Sound, Malformed>);

/// An entry that was read.
#[derive(Debug)]
struct Sound {
    index: u64,
    time: Time,
    leaf: Digest,
    signed: Signed,
}

#[derive(Debug)]
enum Signed {
    Command(Result<Box<VerifiedCommand>, BadSignature>),
    /// With whose signature it was found to be, for which log. Of one's own disk, nothing is to be found.
    Act(SignedAct, Option<(OrganisationId, VerifyingKey)>, Trust),
}

impl Examiner {
    /// Examines an entry's bytes.
    pub fn examine(&self, bytes: &[u8]) -> Examined {
        Examined(self.read(bytes))
    }

    fn read(&self, bytes: &[u8]) -> Result<Sound, Malformed> {
        let Entry { index, time, what } = Entry::parse(bytes)?;
        let Self { organisation, log_key, trust } = self;
        let signed = match what {
            What::Command(signed) => Signed::Command(verify(*signed, *organisation, *trust).map(Box::new)),
            What::Act(act) => {
                let holds = *trust == Trust::Nothing && act.verify(organisation, log_key, index, time).is_ok();
                Signed::Act(act, holds.then_some((*organisation, *log_key)), *trust)
            }
        };
        Ok(Sound { index, time, leaf: leaf_hash(bytes), signed })
    }
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
        let (organisation, genesis, effects) = found(id, bytes, trust)?;
        let mut tree = MemoryTree::new();
        tree.push(leaf_hash(bytes));
        Ok((Self { organisation, tree, commands: HashMap::from([(genesis, 0)]) }, effects))
    }

    /// Adds the next entry, if it holds.
    pub fn push(&mut self, bytes: &[u8], trust: Trust) -> Result<Vec<Effect>, Rejected> {
        self.push_examined(self.examiner(trust).examine(bytes))
    }

    /// What examines the entries that follow, as far as the log key stays the same.
    pub fn examiner(&self, trust: Trust) -> Examiner {
        Examiner { organisation: self.organisation.id(), log_key: *self.organisation.log_key(), trust }
    }

    /// Adds the next entry, examined before, if it holds.
    pub fn push_examined(&mut self, examined: Examined) -> Result<Vec<Effect>, Rejected> {
        let index = self.organisation.size();
        self.next(examined).map_err(|fault| Rejected { index, fault })
    }

    fn next(&mut self, examined: Examined) -> Result<Vec<Effect>, Fault> {
        let (tree, commands) = (&self.tree, &self.commands);
        let check = |command: &VerifiedCommand| match commands.get(&command.id()) {
            Some(earlier) => Err(Fault::Repeated(*earlier)),
            None => Ok(root_at(tree, command.command().base.size).ok()),
        };
        let Advanced { command, leaf, effects } = advance(&mut self.organisation, examined, check)?;
        if let Some(id) = command {
            self.commands.insert(id, self.tree.size());
        }
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

/// The state that a genesis begins, on the disk of whoever verified it.
pub fn restore(id: OrganisationId, genesis: &[u8]) -> Result<Organisation, Rejected> {
    let (organisation, ..) = found(id, genesis, Trust::OwnDisk).map_err(|fault| Rejected { index: 0, fault })?;
    Ok(organisation)
}

/// Adds the next entry to a state that is being restored. For a host that checked signatures, bases and repetitions
/// before it wrote the entry to its own disk, and keeps tree and command index there: neither is built again.
pub fn restore_next(organisation: &mut Organisation, bytes: &[u8]) -> Result<(), Rejected> {
    let index = organisation.size();
    let assume = |command: &VerifiedCommand| Ok(Some(command.command().base.root));
    let (id, log_key) = (organisation.id(), *organisation.log_key());
    let examined = Examiner { organisation: id, log_key, trust: Trust::OwnDisk }.examine(bytes);
    advance(organisation, examined, assume).map_err(|fault| Rejected { index, fault })?;
    Ok(())
}

fn found(id: OrganisationId, bytes: &[u8], trust: Trust) -> Result<(Organisation, CommandId, Vec<Effect>), Fault> {
    let entry = Entry::parse(bytes)?;
    let What::Command(signed) = entry.what else { return Err(Fault::Genesis) };
    if signed.founds() != Some(id) {
        return Err(Fault::Genesis);
    }
    if entry.index != 0 {
        return Err(Fault::Index(entry.index));
    }
    let verified = verify(*signed, id, trust)?;
    let at = Position { index: 0, time: entry.time, leaf: leaf_hash(bytes) };
    let (organisation, effects) = Organisation::found(&verified, at)?;
    Ok((organisation, verified.id(), effects))
}

/// What an entry that holds leads to.
struct Advanced {
    command: Option<CommandId>,
    leaf: Digest,
    effects: Vec<Effect>,
}

/// Decides and applies the next entry. `base_root` refuses repeated commands and gives the root at a command's base.
fn advance(
    organisation: &mut Organisation,
    examined: Examined,
    base_root: impl FnOnce(&VerifiedCommand) -> Result<Option<Digest>, Fault>,
) -> Result<Advanced, Fault> {
    let Sound { index, time, leaf, signed } = examined.0?;
    if index != organisation.size() {
        return Err(Fault::Index(index));
    }
    if time < organisation.last_time() {
        return Err(Fault::Time);
    }
    let (transition, command) = match signed {
        Signed::Command(verified) => {
            let verified = verified?;
            let root = base_root(&verified)?;
            (organisation.decide(&verified, time, root)?, Some(verified.id()))
        }
        Signed::Act(act, holds, trust) => {
            let (id, key) = (organisation.id(), *organisation.log_key());
            if trust == Trust::Nothing && holds != Some((id, key)) {
                act.verify(&id, &key, index, time).map_err(Fault::DaemonSignature)?;
            }
            (organisation.decide_daemon(act.act, time)?, None)
        }
    };
    let effects = organisation.apply(transition, Position { index, time, leaf });
    Ok(Advanced { command, leaf, effects })
}

fn verify(signed: SignedCommand, id: OrganisationId, trust: Trust) -> Result<VerifiedCommand, BadSignature> {
    match trust {
        Trust::Nothing => signed.verify(id),
        Trust::OwnDisk => Ok(signed.assume_verified(id)),
    }
}
