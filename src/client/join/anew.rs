//! Beginning anew: for whoever stands on a log that the others left, and that no move leads away from.
//!
//! What this computer verified is put in question by nobody but its owner: there is an option for it, what the two logs
//! have in common is shown, and the charter code is typed as somebody reads it aloud, as a newcomer compares it. The
//! new log is fetched and proved in a folder beside the old one, and takes its place in the end; the old one stays
//! as it was, under a dated name. This module must never delete anything of it but the keys of our own requests, which
//! go along, because they are deleted when an access ends.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::failure::{Exit, Failure};
use super::super::home::{self, Folder};
use super::super::moving::lost::{Lost, finish_again, lost_commands, send_again, sign_anew};
use super::super::moving::told;
use super::super::remote::Remote;
use super::super::session::{Env, Session};
use super::{ENTERING, Entering, enter};
use crate::args;
use crate::seal::identity::Identity;

/// What is taken along besides commands: secrets of invitations, what was released and signed, recoveries.
const TAKEN: [&str; 4] = ["invitations", "released", "moves", "recoveries"];

/// Puts what this home knows of the association aside, and enters it as if for the first time.
///
/// `typed` is the charter code as somebody read it; without it, it is asked for.
pub(super) async fn begin(
    env: &Env,
    entering: &Entering,
    identity: Identity,
    typed: Option<&str>,
) -> Result<Session, Failure> {
    let id = entering.card().organisation;
    let folder = env.home.folder(id);
    // Interrupted after the old folder was put aside: what it takes along lies in the new one already.
    let interrupted = !folder.has_contact() && env.home.beginning(id).has_contact();
    if !folder.has_contact() && !interrupted {
        return Err(Failure::new(Exit::Usage, "anew-nothing"));
    }
    // Of a damaged folder nothing can be taken along; it stays where it is put for whoever can read more of it.
    let before = match (!interrupted).then(|| Session::open(env, folder.clone())).transpose() {
        Ok(None) => None,
        Ok(Some(session)) if session.me() == identity.person() => Some(session),
        Ok(Some(_)) => return Err(Failure::new(Exit::Failed, "failed-other-identity")),
        Err(failure) => {
            env.out.failure(&failure);
            None
        }
    };
    if !interrupted {
        clear(&env.home.beginning(id))?;
    }
    let new = arrive(env, &folder, entering, &identity).await?;
    agree(env, before.as_ref(), &new, typed)?;
    let mut lost = match &before {
        Some(before) => take_along(before, &new).unwrap_or_else(|failure| {
            env.out.failure(&failure);
            Vec::new()
        }),
        None => Vec::new(),
    };
    let (fresh, _) = new.into_parts();
    let aside = env.home.aside(id, env.now())?;
    if folder.path().exists() {
        home::rename(folder.path(), &aside)?;
        env.out.tell("anew-done", &args! { path: aside.display() });
    }
    // Before anybody can use the new folder: of an interrupted beginning, too, nothing stays where no access ends.
    for aside in env.home.put_aside(id)? {
        take_keys(&aside.join("keys"), &fresh.join("keys"))?;
    }
    home::rename(fresh.path(), folder.path())?;
    drop(before);
    let mut session = Session::open(env, folder)?.with_identity(identity);
    session.sync().await?;
    home::remove(&session.folder.join(ENTERING))?;
    lost.iter_mut().for_each(|lost| lost.lies_in(&session.folder));
    if interrupted {
        finish_again(&mut session).await?;
    } else {
        sign_anew(&mut session, lost).await?;
    }
    session.sync().await?;
    Ok(session)
}

/// Leaves nothing of an earlier attempt, which may have been at another server, but the key of this computer and what
/// was sent with it.
fn clear(folder: &Folder) -> Result<(), Failure> {
    for name in names(folder.path())? {
        let path = folder.join(&name);
        if path.is_dir() {
            fs::remove_dir_all(&path).map_err(|e| Failure::io(&path, e))?;
        } else if !["device.key", ENTERING].iter().any(|kept| name == Path::new(kept)) {
            home::remove(&path)?;
        }
    }
    Ok(())
}

/// Fetches and proves the log, with the device that this computer had, unless that was revoked there.
async fn arrive(env: &Env, old: &Folder, entering: &Entering, identity: &Identity) -> Result<Session, Failure> {
    let card = entering.card();
    let folder = env.home.beginning(card.organisation);
    let device = match (folder.device(), old.device()) {
        (Ok(device), _) | (Err(_), Ok(device)) => device,
        (Err(_), Err(_)) => folder.prepare()?,
    };
    folder.prepare_with(&device)?;
    let mut remote = Remote::connect(card.address.as_str(), &card.server_key, &device).await?;
    let known = match remote.checkpoint(card.organisation).await {
        Ok(_) => true,
        Err(failure) if failure.exit() == Exit::Refused => false,
        Err(failure) => return Err(failure),
    };
    match enter(env, folder.clone(), identity, device, entering, known).await {
        Err(failure) if failure.key() == "refused-device-known" => {
            // Revoked there: this computer gets another key.
            for name in ["device.key", ENTERING] {
                home::remove(&folder.join(name))?;
            }
            let device = folder.prepare()?;
            enter(env, folder, identity, device, entering, false).await
        }
        other => other,
    }
}

/// Shows what would be left, has the charter code typed, and asks.
fn agree(env: &Env, before: Option<&Session>, new: &Session, typed: Option<&str>) -> Result<(), Failure> {
    let say = env.out.language();
    let args = args! {
        address: &new.contact.address, key: hex::encode(new.contact.log_key.as_bytes()),
        n: new.replica.head().size,
    };
    let mut lines = vec![say.with("anew-screen-new", &args)];
    match before {
        None => lines.push(say.plain("anew-screen-damaged")),
        Some(before) => {
            let own = before.replica.entries()?;
            let common = common(&own, &new.replica.entries()?);
            let args = args! { own: own.len(), common: common, lost: own.len() - common };
            lines.push(say.with("anew-screen-old", &args));
            for line in told(before, common as u64)? {
                let args = args! { index: line.index, time: say.time(line.time), text: line.sentence };
                lines.push(say.with("log-line", &args));
            }
        }
    }
    env.out.screen(&lines);
    if let Some(before) = before {
        refuse_unmoved(before, new)?;
    }
    match new.state()?.charter() {
        Some(charter) => {
            let typed = match typed {
                Some(code) => code.to_owned(),
                None => env.unlock.line(&env.out, "ask-anew-code", "--charter-code")?,
            };
            if !charter.code().is_typed(&typed) {
                return Err(Failure::new(Exit::Distrust, "anew-code-differs"));
            }
        }
        // Before there is a charter there is no code; whoever invited compares fingerprints then. But a server that
        // shows only how the association began must not spare itself the code of one that has a charter.
        None if before.is_some_and(|before| before.state().is_ok_and(|state| state.charter().is_none())) => {}
        None => return Err(Failure::new(Exit::Distrust, "anew-no-charter")),
    }
    let args = args! { organisation: new.organisation_name() };
    env.unlock.confirm(&env.out, "ask-begin-anew", &args, "--yes")
}

/// Others leave a log by a move. Where none leads away from what this computer verified, the same server has only lost
/// or replaced what it once showed: that is what a client's memory is for. Nor does anything but a move end a stop.
fn refuse_unmoved(before: &Session, new: &Session) -> Result<(), Failure> {
    let own = before.replica.entries()?;
    let common = common(&own, &new.replica.entries()?);
    let left = new.state()?.moves().iter().any(|moved| moved.at.index >= common as u64);
    match own.len() - common {
        _ if left => Ok(()),
        0 if before.replica.stopped().is_none() => Ok(()),
        0 => Err(Failure::new(Exit::Distrust, "anew-stopped")),
        lost => Err(Failure::new(Exit::Distrust, "anew-not-left").with("n", lost)),
    }
}

fn common(one: &[Vec<u8>], other: &[Vec<u8>]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// Copies what the new log does not make worthless. Gives what is to be signed anew.
fn take_along(before: &Session, new: &Session) -> Result<Vec<Lost>, Failure> {
    let me = new.me();
    for id in new.replica.missing_blobs(&me)? {
        if let Ok(Some(blob)) = before.replica.blob(&id) {
            new.replica.store_blob(&blob)?;
        }
    }
    for name in TAKEN {
        copy(&before.folder.join(name), &new.folder.join(name))?;
    }
    let own = before.replica.entries()?;
    let common = common(&own, &new.replica.entries()?);
    let Some(replay) = new.replica.replay() else { return Ok(Vec::new()) };
    send_again(before, &own, common, replay, &new.folder)?;
    let mut lost = lost_commands(before, &own, common, replay, &new.folder)?;
    for (command, _) in before.folder.kept()? {
        let pending = before.folder.kept_command(&command)?;
        let entered = replay.index_of(&command).is_some();
        // Testimony goes through the outbox again.
        if !entered && pending.is_testimony(&me) {
            continue;
        }
        let path = new.folder.keep_given_up(&pending)?;
        if !entered && lost.iter().all(|lost| !lost.is_kept_as(&path)) {
            lost.extend(Lost::pending(before, pending, path));
        }
    }
    Ok(lost)
}

/// Copies ordinary files, with their folders.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    for name in names(from)? {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to)?;
        } else if let Some(content) = home::read_if_there(&from)? {
            home::private_dir(to.parent().unwrap_or(Path::new(".")))?;
            home::write(&to, &content)?;
        }
    }
    Ok(())
}

/// Moves the keys of our own requests.
fn take_keys(from: &Path, to: &Path) -> Result<(), Failure> {
    for name in names(from)? {
        home::rename(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

/// What lies in a folder that need not exist.
fn names(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io(folder, error)),
    };
    entries.map(|entry| Ok(entry.map_err(|e| Failure::io(folder, e))?.file_name().into())).collect()
}
