//! Signed commands on disk, with the blobs that were sent beside them: one file each, by the command's id.
//!
//! This module must never sign or send anything.

use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;

use super::super::failure::Failure;
use super::super::home::{self, Folder};
use super::super::remote;
use super::SIGN_ANEW_AFTER;
use crate::escrow::act::Act;
use crate::escrow::command::SignedCommand;
use crate::escrow::id::{CommandId, PersonId};
use crate::escrow::organisation::CLOCK_TOLERANCE;
use crate::escrow::proposal::PROPOSAL_LIFE;
use crate::escrow::time::Time;
use crate::proto::v1;

/// The folder of what is not known to be in the log.
pub(super) const OUTBOX: &str = "outbox";
/// The folder of what is in the log and not yet safe.
pub(super) const KEPT: &str = "kept";
/// The folder of what is not to be sent any more, and could still be put into the log by a server that has it.
pub(super) const REFUSED: &str = "refused";

/// A signed command with its blobs.
pub struct Pending {
    /// The command.
    pub signed: SignedCommand,
    /// What is sent beside it.
    pub blobs: Vec<Vec<u8>>,
}

impl Pending {
    /// Each piece with a 4-byte big-endian length before it; the command first.
    pub(super) fn encode(&self) -> Vec<u8> {
        remote::join(std::iter::once(&remote::encode(&self.signed)).chain(&self.blobs))
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut pieces = remote::split(bytes)?.into_iter();
        let signed = remote::decode(&pieces.next()?)?;
        // A genesis has no place in an existing organisation's outbox.
        if matches!(signed.command().act, Act::Genesis(_)) {
            return None;
        }
        Some(Self { signed, blobs: pieces.collect() })
    }

    /// Into the outbox, durably.
    pub(in crate::client) fn put_back(&self, folder: &Folder) -> Result<(), Failure> {
        let path = folder.join(OUTBOX).join(self.signed.id(folder.id).to_string());
        home::write(&path, &self.encode())
    }

    pub(in crate::client) fn read(path: &Path) -> Result<Self, Failure> {
        Self::decode(&home::read(path)?).ok_or_else(|| home::damaged(path))
    }

    /// The act in its wire form, to be signed anew.
    pub fn act(&self) -> Option<v1::command::Act> {
        v1::Command::decode(self.signed.to_wire().command.as_slice()).ok()?.act
    }

    /// Whether only the verified log can say that it is done with, for the person of this home.
    pub(in crate::client) fn is_testimony(&self, me: &PersonId) -> bool {
        matches!(self.signed.command().act, Act::RecordAnswer(_)) || self.signed.signer().person() != *me
    }

    /// Whether the rules about clocks refuse it by now. Approvals and signatures are bound otherwise.
    pub(super) fn is_outdated(&self, now: Time) -> bool {
        let command = self.signed.command();
        command.act.is_bound_to_its_time() && command.created.distance(now) > CLOCK_TOLERANCE
    }

    /// Whether it is so old that nothing which is signed now could stand before it. One from the future, made with a
    /// wrong clock, is not.
    pub(super) fn is_long_outdated(&self, now: Time) -> bool {
        self.signed.command().act.is_bound_to_its_time() && self.signed.command().created.after(SIGN_ANEW_AFTER) < now
    }

    /// The last time at which the rules let it into the log.
    pub(super) fn enters_until(&self) -> Time {
        let command = self.signed.command();
        match &command.act {
            Act::Approve(approve) => approve.expires,
            Act::Sign(_) => command.created.after(PROPOSAL_LIFE),
            act if act.is_bound_to_its_time() => command.created.after(CLOCK_TOLERANCE),
            _ => Time(u64::MAX),
        }
    }
}

impl Folder {
    /// What is in the log as this computer last saw it and not yet safe, by command.
    pub fn kept(&self) -> Result<Vec<(CommandId, PathBuf)>, Failure> {
        self.commands(KEPT)
    }

    /// A command that was kept, with its blobs.
    pub fn kept_command(&self, id: &CommandId) -> Result<Pending, Failure> {
        Pending::read(&self.join(KEPT).join(id.to_string()))
    }

    /// Keeps a command that a move gives up, until it is signed anew; safe ones were forgotten. Gives where.
    pub(in crate::client) fn keep_given_up(&self, pending: &Pending) -> Result<PathBuf, Failure> {
        let folder = self.join(KEPT);
        home::private_dir(&folder)?;
        let path = folder.join(pending.signed.id(self.id).to_string());
        home::write(&path, &pending.encode())?;
        Ok(path)
    }

    /// Keeps what a move gave up and could not be signed anew, to be tried again; from the outbox it would be sent as it
    /// is.
    pub(in crate::client) fn keep_moved(&self, path: &Path) -> Result<(), Failure> {
        self.put_into(path, &self.join(KEPT))
    }

    /// Keeps what a move gave up, for the person to look at; nothing is done with it any more.
    pub(in crate::client) fn set_aside(&self, path: &Path) -> Result<(), Failure> {
        self.put_into(path, &self.join("evidence").join("given_up"))
    }

    pub(super) fn put_into(&self, path: &Path, folder: &Path) -> Result<(), Failure> {
        home::private_dir(folder)?;
        match path.file_name().map(|name| folder.join(name)) {
            Some(to) if to != path => home::rename(path, &to),
            _ => Ok(()),
        }
    }

    /// What waits to be sent, and where it lies.
    pub(in crate::client) fn waiting(&self) -> Result<Vec<(PathBuf, Pending)>, Failure> {
        self.commands(OUTBOX)?.into_iter().map(|(_, path)| Ok((path.clone(), Pending::read(&path)?))).collect()
    }

    /// The answers to recoveries that wait in the outbox. A file that cannot be read is passed over: to sign an answer
    /// twice does no harm, to refuse one in an emergency does.
    pub(in crate::client) fn answers_waiting(&self) -> Result<Vec<SignedCommand>, Failure> {
        let commands = self.commands(OUTBOX)?.into_iter().filter_map(|(_, path)| Pending::read(&path).ok());
        let answers = commands.map(|pending| pending.signed);
        Ok(answers.filter(|signed| matches!(signed.command().act, Act::RecordAnswer(_))).collect())
    }

    pub(super) fn commands(&self, name: &str) -> Result<Vec<(CommandId, PathBuf)>, Failure> {
        let folder = self.join(name);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Failure::io(&folder, error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| Failure::io(&folder, e))?;
            // Another name is a file that was being written when the computer stopped: nothing was sent of it.
            let id = entry.file_name().to_str().and_then(|name| name.parse::<CommandId>().ok());
            found.extend(id.map(|id| (id, entry.path())));
        }
        found.sort();
        Ok(found)
    }
}

/// Keeps a command that was signed without a server: it is sent at the next contact.
pub(in crate::client) fn keep_for_later(folder: &Folder, signed: &SignedCommand) -> Result<(), Failure> {
    Pending { signed: signed.clone(), blobs: Vec::new() }.put_back(folder)
}
