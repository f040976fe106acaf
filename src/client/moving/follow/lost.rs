//! What a person signed and the log that goes on does not have: found, kept, and signed anew where it may be.
//!
//! Nothing is deleted here before it stands in the log that goes on; and nothing is signed anew that consents to
//! something, or that nobody at this computer could sign.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::super::super::failure::{Exit, Failure};
use super::super::super::home::{self, Folder};
use super::super::super::outbox::{Pending, keep_for_later};
use super::super::super::session::Session;
use super::super::told;
use crate::args;
use crate::escrow::act::Act;
use crate::escrow::entry::{Entry, What};
use crate::escrow::id::CommandId;
use crate::escrow::log::merkle::root_at;
use crate::escrow::organisation::Effect;
use crate::escrow::refusal::Refusal;
use crate::escrow::replay::{Replay, Trust};
use crate::proto::v1;

/// A command of ours that the log that goes on does not have.
pub(in crate::client) struct Lost {
    /// What was asked for.
    act: v1::command::Act,
    /// The blobs that it came with, as far as they are here.
    blobs: Vec<Vec<u8>>,
    /// In words.
    sentence: String,
    /// Where it is kept, until it is signed anew or the person was told.
    kept: PathBuf,
}

impl Lost {
    /// What was on its way, or given up earlier.
    pub(in crate::client) fn pending(session: &Session, pending: Pending, kept: PathBuf) -> Option<Self> {
        let sentence = session.env.out.language().plain("move-pending");
        pending.act().map(|act| Self { act, blobs: pending.blobs, sentence, kept })
    }

    /// Whether this file keeps it.
    pub(in crate::client) fn is_kept_as(&self, path: &Path) -> bool {
        self.kept == path
    }

    /// The folder in which it is kept has taken another one's place.
    pub(in crate::client) fn lies_in(&mut self, folder: &Folder) {
        if let Some(name) = self.kept.file_name() {
            self.kept = folder.join("kept").join(name);
        }
    }
}

/// Puts what only the log can settle back into the outbox, as it was signed, if the log that goes on lacks it: answers
/// to recoveries, whoever gave them, and what others signed at this computer. Nobody could sign it anew here.
pub(in crate::client) fn send_again(
    session: &Session,
    own: &[Vec<u8>],
    common: usize,
    next: &Replay,
    into: &Folder,
) -> Result<(), Failure> {
    let (id, me) = (session.folder.id, session.me());
    for bytes in own.iter().skip(common) {
        let Ok(Entry { what: What::Command(signed), .. }) = Entry::parse(bytes) else { continue };
        let answer = matches!(signed.command().act, Act::RecordAnswer(_));
        if answer && next.index_of(&signed.id(id)).is_none() {
            keep_for_later(into, &signed)?;
        }
    }
    for (command, path) in session.folder.kept()? {
        let pending = session.folder.kept_command(&command)?;
        if pending.is_testimony(&me) && next.index_of(&command).is_none() {
            pending.put_back(into)?;
            if is_here(session, into) {
                home::remove(&path)?;
            }
        }
    }
    Ok(())
}

/// Whether what is lost goes on in the folder where it lay; else that folder stays as it is.
fn is_here(session: &Session, into: &Folder) -> bool {
    session.folder.path() == into.path()
}

/// Our own commands that stand in our replica beyond the common part, or that were on their way, and not in the log
/// that goes on. What is to be signed anew is kept in `into`: where it lies already, or a folder that takes its place.
pub(in crate::client) fn lost_commands(
    session: &Session,
    own: &[Vec<u8>],
    common: usize,
    next: &Replay,
    into: &Folder,
) -> Result<Vec<Lost>, Failure> {
    let (id, me) = (session.folder.id, session.me());
    let kept: BTreeSet<CommandId> = session.folder.kept()?.into_iter().map(|(id, _)| id).collect();
    let mut lost = Vec::new();
    if common < own.len() {
        let sentences = told(session, common as u64)?;
        let mut replay: Option<Replay> = None;
        let damaged = |e| home::damaged(&session.folder.join("entries")).because(e);
        for (index, bytes) in own.iter().enumerate() {
            let effects = match &mut replay {
                Some(replay) => replay.push(bytes, Trust::OwnDisk).map_err(damaged)?,
                None => {
                    let (begun, effects) = Replay::begin(id, bytes, Trust::OwnDisk).map_err(damaged)?;
                    replay = Some(begun);
                    effects
                }
            };
            let Ok(Entry { what: What::Command(signed), .. }) = Entry::parse(bytes) else { continue };
            let command = signed.id(id);
            let ours = signed.signer().person() == me && !matches!(signed.command().act, Act::RecordAnswer(_));
            if index < common || !ours || next.index_of(&command).is_some() {
                continue;
            }
            let pending = match kept.contains(&command) {
                true => session.folder.kept_command(&command)?,
                false => Pending { signed: *signed, blobs: blobs_of(session, effects)? },
            };
            let path = into.keep_given_up(&pending)?;
            let line = sentences.iter().find(|line| line.index == index as u64);
            let sentence = line.map(|line| line.sentence.clone()).unwrap_or_default();
            lost.extend(pending.act().map(|act| Lost { act, blobs: pending.blobs, sentence, kept: path }));
        }
    }
    for (path, pending) in session.folder.waiting()? {
        if pending.is_testimony(&me) {
            if !is_here(session, into) {
                pending.put_back(into)?;
            }
            continue;
        }
        let base = pending.signed.command().base;
        // Those that build on what both logs have are simply sent again; unless they were signed under the charter that
        // the move replaced, which the rules ask of these.
        let fits = base.size <= next.head().size
            && root_at(next.tree(), base.size) == Ok(base.root)
            && !matches!(
                pending.signed.command().act,
                Act::Deposit(_) | Act::Approve(_) | Act::Sign(_) | Act::Confirm(_) | Act::Invite(_)
            );
        if !fits && next.index_of(&pending.signed.id(id)).is_none() {
            let kept = if is_here(session, into) { path } else { into.keep_given_up(&pending)? };
            lost.extend(Lost::pending(session, pending, kept));
        } else if !is_here(session, into) {
            pending.put_back(into)?;
        }
    }
    Ok(lost)
}

/// The blobs that an entry names, as far as they are here.
fn blobs_of(session: &Session, effects: Vec<Effect>) -> Result<Vec<Vec<u8>>, Failure> {
    let named = effects.into_iter().filter_map(|effect| match effect {
        Effect::Keep(blobs) => Some(blobs),
        _ => None,
    });
    let mut blobs = Vec::new();
    for (id, _) in named.flatten() {
        blobs.extend(session.replica.blob(&id)?);
    }
    Ok(blobs)
}

/// Signs anew what can be: what names no entry of the lost part. The rest is told to the person. Gives the sentences
/// of both.
pub(in crate::client) async fn sign_anew(
    session: &mut Session,
    lost: Vec<Lost>,
) -> Result<(Vec<String>, Vec<String>), Failure> {
    use v1::command::Act;
    let (mut anew, mut again) = (Vec::new(), Vec::new());
    for Lost { act, blobs, sentence, kept } in lost {
        let deposit = matches!(act, Act::Deposit(_));
        let submitted = match &act {
            Act::Deposit(_) | Act::Request(_) | Act::CancelInvitation(_) | Act::RevokeDevice(_) => {
                Some(session.submit(act, blobs).await)
            }
            // It is sent as it was signed.
            Act::RecordAnswer(_) => continue,
            // Done at the next occasion anyway, or done already.
            Act::ConfirmShares(_) | Act::EnrolDevice(_) | Act::Move(_) => None,
            // An invitation's code, which somebody may hold already, leads to the old server for ever.
            _ => Some(Err(Refusal::StaleBase.into())),
        };
        match submitted {
            Some(Ok(_)) => {
                anew.push(sentence);
                home::remove(&kept)?;
            }
            Some(Err(failure)) if failure.exit() != Exit::Refused => return Err(failure),
            // With sealed secrets that may be nowhere else. What this server says of it today may be wrong, or depend on
            // what somebody else signs anew: it is tried again whenever the move is followed again.
            Some(Err(_)) if deposit => {
                again.push(sentence);
                session.folder.keep_moved(&kept)?;
            }
            Some(Err(_)) => {
                again.push(sentence);
                session.folder.set_aside(&kept)?;
            }
            None => session.folder.set_aside(&kept)?,
        }
    }
    for (key, list) in [("move-signed-anew", &anew), ("move-do-again", &again)] {
        if !list.is_empty() {
            session.env.out.say(key);
            list.iter().for_each(|text| session.env.out.tell("audit-item", &args! { text: text }));
        }
    }
    Ok((anew, again))
}

/// Signs anew what an earlier following did not come to.
pub(in crate::client) async fn finish_again(session: &mut Session) -> Result<(), Failure> {
    let mut lost = Vec::new();
    let me = session.me();
    let mut put_back = false;
    for (id, path) in session.folder.kept()? {
        if session.replica.index_of(&id).is_none() {
            let pending = session.folder.kept_command(&id)?;
            if pending.is_testimony(&me) {
                pending.put_back(&session.folder)?;
                home::remove(&path)?;
                put_back = true;
                continue;
            }
            lost.extend(Lost::pending(session, pending, path));
        }
    }
    if lost.is_empty() && !put_back {
        return Ok(());
    }
    session.pull().await?;
    sign_anew(session, lost).await?;
    session.sync().await
}
