//! Exchanging a replica and a contact for those of after a move: all of it, or nothing.
//!
//! What is new is written into `moving/` first, and `moving/ready` last. From then on the exchange is decided, and is
//! finished whenever the folder is opened, however often it was interrupted. What was there before is kept under
//! `evidence/` where it says more than the new log does.

use std::fs;
use std::io;
use std::path::Path;

use super::super::failure::Failure;
use super::super::home::{self, Contact, Folder};
use super::super::remote::join;
use crate::escrow::log::checkpoint::SignedCheckpoint;

/// What is exchanged, in this order.
const FILES: [&str; 3] = ["entries", "checkpoint", "contact.json"];
/// What is kept besides: whom the log that was left behind had been shown to. What does not fit the new log is dropped
/// from it at the next synchronisation.
const KEPT_TOO: &str = "cosignatures";

/// What a folder becomes.
pub(super) struct Stage<'a> {
    /// All entries, as they are to be.
    pub entries: &'a [Vec<u8>],
    /// The new server's checkpoint of exactly these.
    pub checkpoint: &'a SignedCheckpoint,
    /// Where the server is now.
    pub contact: &'a Contact,
    /// The folder below `evidence` for what was there before; none if the new log has all of it.
    pub keep: Option<&'a str>,
}

impl Stage<'_> {
    /// Makes the exchange durable and does it.
    pub fn apply(&self, folder: &Folder) -> Result<(), Failure> {
        let new = folder.join("moving");
        if new.exists() {
            fs::remove_dir_all(&new).map_err(|e| Failure::io(&new, e))?;
        }
        home::private_dir(&new)?;
        home::write(&new.join("entries"), &join(self.entries))?;
        home::write(&new.join("checkpoint"), self.checkpoint.to_string().as_bytes())?;
        home::write(&new.join("contact.json"), &self.contact.encode()?)?;
        home::write(&new.join("ready"), self.keep.unwrap_or_default().as_bytes())?;
        finish(folder).map(drop)
    }
}

/// Finishes an exchange that was decided, and says whether there was one. Whatever reads entries, checkpoint or contact
/// comes after this.
pub fn finish(folder: &Folder) -> Result<bool, Failure> {
    let new = folder.join("moving");
    let Some(keep) = home::read_if_there(&new.join("ready"))? else { return Ok(false) };
    let keep = String::from_utf8(keep).map_err(|_| home::damaged(&new.join("ready")))?;
    let evidence = folder.join("evidence");
    let kept = evidence.join(&keep);
    if !keep.is_empty() {
        home::private_dir(&kept)?;
        keep_copy(&folder.join(KEPT_TOO), &kept.join(KEPT_TOO))?;
    }
    for name in FILES {
        let (old, fresh) = (folder.join(name), new.join(name));
        if !fresh.exists() {
            continue;
        }
        // A copy: without its contact, even for a moment, the folder would be no organisation's.
        if !keep.is_empty() {
            keep_copy(&old, &kept.join(name))?;
        }
        rename(&fresh, &old)?;
    }
    // What others signed of entries that are given up holds of no tree from now on, and would be dropped.
    let witnessed = kept.join("cosignatures");
    if !keep.is_empty()
        && !witnessed.exists()
        && let Some(before) = home::read_if_there(&folder.join("cosignatures"))?
    {
        home::write(&witnessed, &before)?;
    }
    if !keep.is_empty() {
        // The log that contradicted itself is not the one that goes on; both notes stay where they are.
        rename(&evidence.join("stop"), &kept.join("stop"))?;
    }
    home::remove(&new.join("ready"))?;
    fs::remove_dir_all(&new).map_err(|e| Failure::io(&new, e))?;
    Ok(true)
}

/// Where what was there before is kept: each time in a folder of its own, because a home that was put back from a
/// backup may go the same way a second time, from another replica.
pub(super) fn unused(folder: &Folder, version: u32) -> String {
    let name = format!("before-move-{version}");
    let mut unused = name.clone();
    let mut n = 1;
    while folder.join("evidence").join(&unused).exists() {
        n += 1;
        unused = format!("{name}-{n}");
    }
    unused
}

/// Copies a file that need not exist, once.
fn keep_copy(from: &Path, to: &Path) -> Result<(), Failure> {
    match home::read_if_there(from)? {
        Some(content) if !to.exists() => home::write(to, &content),
        _ => Ok(()),
    }
}

/// Renames what is there, durably.
fn rename(from: &Path, to: &Path) -> Result<(), Failure> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::io(from, error)),
        _ => {}
    }
    let folder = to.parent().unwrap_or(Path::new("."));
    home::sync_dir(folder).map_err(|e| Failure::io(folder, e))
}
