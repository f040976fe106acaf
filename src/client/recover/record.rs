//! What an answer leaves for the log: a signed command, durable in the outbox before the answer exists, sent at the
//! next contact with any server.
//!
//! It is signed on no tree: what was given away without a server is as true on every continuation of the log, whatever
//! was lost of it. What was signed before is known from the commands and from the log themselves; there is no list
//! beside them that could say otherwise.

use std::collections::BTreeSet;

use super::Desk;
use crate::client::failure::Failure;
use crate::client::home::Folder;
use crate::client::outbox::keep_for_later;
use crate::client::replica::Replica;
use crate::client::session::sign_command;
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::part::PartId;
use crate::escrow::recovery::RecoveryId;
use crate::escrow::refusal::Refusal;
use crate::escrow::time::Time;
use crate::proto::v1;
use crate::seal::identity::Identity;
use crate::seal::recovery::VerifiedRequest;

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
/// which that was done before are left out: answering twice gives nothing more.
pub(super) fn record_answer(
    recorder: &Recorder<'_>,
    request: &VerifiedRequest,
    parts: &BTreeSet<PartId>,
) -> Result<(), Failure> {
    let Recorder { replica, folder, identity, now } = *recorder;
    let id = RecoveryId { request: request.digest(), starter: request.request().starter };
    let me = identity.person();
    let waiting = folder.answers_signed(&me, &id)?;
    let state = replica.state()?;
    let known = |part: &&PartId| waiting.contains(*part) || state.has_answered(&me, &id, part);
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
        // The rules are asked first: what they refuse would never reach the log. Tomorrow is soon enough.
        let verified = signed.clone().verify(folder.id).map_err(Failure::technical)?;
        match state.decide(&verified, now.max(state.last_time()), Some(TreeHead::EMPTY.root)) {
            Ok(_) | Err(Refusal::RateLimit) => keep_for_later(folder, &signed)?,
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Ok(())
}
