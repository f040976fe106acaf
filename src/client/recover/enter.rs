//! Entering: what somebody gave at a computer that has no contact with any server, brought into the log by somebody
//! else's.
//!
//! A command is signed by whoever gave something, so that it matters to nobody who brings it. Nothing is kept here that
//! the rules would refuse by this home's own log: a folder that somebody sends must not fill the outbox.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::record::{Waiting, take_over};
use super::store::names;
use crate::args;
use crate::client::failure::{Exit, Failure};
use crate::client::outbox::Pending;
use crate::client::replica::Replica;
use crate::client::session::Env;
use crate::escrow::act::Act;
use crate::escrow::id::CommandId;

/// Most files that are taken at once: three weeks of the most that one person can enter.
const MOST_FILES: usize = 1500;
/// Longest file that is read, in bytes: twice what a command may have.
const LONGEST_FILE: u64 = 120 << 10;

/// Takes signed answers over into this home's outbox. `paths`: their files, or folders with them.
pub fn enter(env: &Env, paths: &[PathBuf]) -> Result<(), Failure> {
    let folder = env.home.choose(env.organisation.as_deref())?;
    let _lock = env.lock(&folder)?;
    let replica = Replica::open_only(&folder, &folder.contact()?)?;
    let mut waiting = Waiting::read(&folder)?;
    let (mut taken, mut known, mut refused) = (0, 0, None);
    for path in commands(paths)? {
        let none = || Failure::new(Exit::Usage, "recover-no-command").with("path", path.display());
        let checked = read(&path).ok_or_else(none).and_then(|pending| {
            let signed = pending.signed;
            if !matches!(signed.command().act, Act::RecordAnswer(_)) {
                return Err(none());
            }
            // Signed over the organisation's id: another one's does not verify.
            signed.clone().verify(folder.id).map_err(|bad| none().because(bad))?;
            take_over(&replica, &folder, &signed, env.now(), &mut waiting)
        });
        match checked {
            Ok(true) => taken += 1,
            Ok(false) => known += 1,
            Err(failure) => {
                env.out.failure(&failure);
                refused = refused.or(Some(failure));
            }
        }
    }
    env.out.data(&serde_json::json!({ "taken": taken, "known": known }));
    match refused {
        Some(failure) if taken + known == 0 => return Err(failure),
        Some(_) => {}
        None if taken + known == 0 => return Err(Failure::new(Exit::Usage, "recover-no-commands")),
        None => {}
    }
    env.out.tell("recover-taken-over", &args! { count: taken, known: known });
    Ok(())
}

/// What is in a file, if that can be a command at all: somebody else chose what lies there.
fn read(path: &Path) -> Option<Pending> {
    let found = std::fs::metadata(path).ok()?;
    if found.is_file() && found.len() <= LONGEST_FILE { Pending::read(path).ok() } else { None }
}

/// The files that are named, and those in folders that are: only what is called like a command.
fn commands(paths: &[PathBuf]) -> Result<BTreeSet<PathBuf>, Failure> {
    let mut files = BTreeSet::new();
    for path in paths {
        if !path.is_dir() {
            files.insert(path.clone());
            continue;
        }
        for name in names(path)? {
            if name.parse::<CommandId>().is_ok() {
                files.insert(path.join(name));
            }
        }
    }
    match files.len() > MOST_FILES {
        true => Err(Failure::new(Exit::Usage, "recover-too-many").with("most", MOST_FILES)),
        false => Ok(files),
    }
}
