//! What an answer leaves for the log: a signed command, durable in the outbox before the answer exists, sent at the
//! next contact with any server. The answer carries it, too: so that it reaches the log through whoever asked, if the
//! computer at which it was given never meets a server again.
//!
//! It is signed on no tree: what was given away without a server is as true on every continuation of the log, whatever
//! was lost of it. What was signed before is known from the commands and from the log themselves; there is no list
//! beside them that could say otherwise.

use std::collections::BTreeSet;

use super::Desk;
use crate::client::failure::{Exit, Failure};
use crate::client::home::Folder;
use crate::client::outbox::keep_for_later;
use crate::client::remote::{decode, encode};
use crate::client::replica::Replica;
use crate::client::session::sign_command;
use crate::escrow::act::Act;
use crate::escrow::command::SignedCommand;
use crate::escrow::id::PersonId;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::part::PartId;
use crate::escrow::recovery::RecoveryId;
use crate::escrow::refusal::Refusal;
use crate::escrow::time::Time;
use crate::proto::v1;
use crate::seal::identity::Identity;
use crate::seal::recovery::{RecoveryAnswer, VerifiedRequest};

/// Most parts that one command names, so that it stays within its limit of 60 KiB.
const PARTS_PER_COMMAND: usize = 1500;

/// Who answers, from which copy of the log, and where the command waits.
pub(super) struct Recorder<'a> {
    replica: &'a Replica,
    folder: &'a Folder,
    identity: &'a Identity,
    now: Time,
}

impl Desk<'_> {
    /// For one of the identities that answer here.
    pub(super) fn record<'a>(&'a self, identity: &'a Identity) -> Recorder<'a> {
        Recorder { replica: &self.replica, folder: &self.folder, identity, now: self.env.now() }
    }
}

/// Signs that this person gave these shares to this recovery, and keeps the command for the next contact. Parts for
/// which that was done before are left out: answering twice gives nothing more. Returns all that the log does not have
/// yet of what they signed for this recovery, in its wire form: whoever gets the answer can bring it there, too.
pub(super) fn record_answer(
    recorder: &Recorder<'_>,
    request: &VerifiedRequest,
    parts: &BTreeSet<PartId>,
) -> Result<Vec<Vec<u8>>, Failure> {
    let Recorder { replica, folder, identity, now } = *recorder;
    let id = RecoveryId { request: request.digest(), starter: request.request().starter };
    let me = identity.person();
    let mut waiting = Waiting::read(folder)?;
    let state = replica.state()?;
    let known = |part: &&PartId| waiting.has(&me, &id, part) || state.has_answered(&me, &id, part);
    let fresh: Vec<&PartId> = parts.iter().filter(|part| !known(part)).collect();
    for batch in fresh.chunks(PARTS_PER_COMMAND) {
        let parts = batch.iter().map(|part| v1::AnsweredPart {
            credential: part.version.credential.to_vec(),
            version: part.version.version,
            kind: part.kind as i32,
        });
        let act = v1::command::Act::RecordAnswer(v1::RecordAnswer {
            recovery: id.request.to_vec(),
            starter: id.starter.to_vec(),
            parts: parts.collect(),
            request: Some((*request.signature()).into()),
        });
        let signed = sign_command(identity, folder.id, TreeHead::EMPTY, now, act)?;
        take_over(replica, folder, &signed, now, &mut waiting)?;
    }
    let mine = answers_of(folder, &me, &id)?;
    Ok(mine.iter().filter(|signed| replica.index_of(&signed.id(folder.id)).is_none()).map(encode).collect())
}

/// Keeps a signed answer for the next contact, whoever signed it. False if the log or the outbox has all that it says:
/// parts of which its signer holds no share say nothing, so that nobody can have as many answers kept as they make up.
/// The rules are asked first: what they refuse would never reach the log. Tomorrow is soon enough.
pub(super) fn take_over(
    replica: &Replica,
    folder: &Folder,
    signed: &SignedCommand,
    now: Time,
    waiting: &mut Waiting,
) -> Result<bool, Failure> {
    let Act::RecordAnswer(answer) = &signed.command().act else { return Ok(false) };
    let (signer, state) = (signed.signer().person(), replica.state()?);
    let held = |part: &&PartId| state.part(part).is_some_and(|known| known.dealt_to(&signer));
    let mut held = answer.parts.iter().filter(held).peekable();
    let says_nothing_new = held.peek().is_some() && held.all(|part| waiting.has(&signer, &answer.recovery, part));
    // Cheap before dear: each signature takes time, and there can be as many as a file holds.
    if says_nothing_new {
        return Ok(false);
    }
    // What was not signed over this organisation's id, or not by whom it names, is nobody's answer.
    let Ok(verified) = signed.clone().verify(folder.id) else { return Ok(false) };
    match state.decide(&verified, now.max(state.last_time()), replica.root_at(verified.command().base.size)) {
        Ok(_) | Err(Refusal::RateLimit) => {
            keep_for_later(folder, signed)?;
            waiting.note(signed);
            Ok(true)
        }
        Err(Refusal::AlreadyAnswered) => Ok(false),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Takes over what came with somebody's answer to this recovery: theirs, about nothing else. What this copy of the log
/// does not let in stays with whoever signed it.
pub(super) fn take_records(
    replica: &Replica,
    folder: &Folder,
    answer: &RecoveryAnswer,
    request: &VerifiedRequest,
    now: Time,
) -> Result<(), Failure> {
    let id = RecoveryId { request: request.digest(), starter: request.request().starter };
    let mut waiting = Waiting::read(folder)?;
    for signed in answer.records.iter().filter_map(|record| decode(record)) {
        let theirs = signed.signer().person() == answer.answerer;
        if !theirs || !matches!(&signed.command().act, Act::RecordAnswer(record) if record.recovery == id) {
            continue;
        }
        match take_over(replica, folder, &signed, now, &mut waiting) {
            Err(failure) if failure.exit() != Exit::Refused => return Err(failure),
            _ => {}
        }
    }
    Ok(())
}

/// This person's answers to a recovery that wait in the outbox; which entered, the log says.
fn answers_of(folder: &Folder, person: &PersonId, id: &RecoveryId) -> Result<Vec<SignedCommand>, Failure> {
    let mut waiting = folder.answers_waiting()?;
    waiting.retain(|signed| {
        let about = matches!(&signed.command().act, Act::RecordAnswer(answer) if answer.recovery == *id);
        about && signed.signer().person() == *person
    });
    Ok(waiting)
}

/// What the answers in the outbox say, so that the folder is read once however many there are to compare with it.
#[derive(Default)]
pub(super) struct Waiting(BTreeSet<(PersonId, RecoveryId, PartId)>);

impl Waiting {
    /// Those that wait now.
    pub(super) fn read(folder: &Folder) -> Result<Self, Failure> {
        let mut waiting = Self::default();
        folder.answers_waiting()?.iter().for_each(|signed| waiting.note(signed));
        Ok(waiting)
    }

    fn note(&mut self, signed: &SignedCommand) {
        let Act::RecordAnswer(answer) = &signed.command().act else { return };
        let person = signed.signer().person();
        self.0.extend(answer.parts.iter().map(|part| (person, answer.recovery, *part)));
    }

    fn has(&self, person: &PersonId, recovery: &RecoveryId, part: &PartId) -> bool {
        self.0.contains(&(*person, *recovery, *part))
    }
}
