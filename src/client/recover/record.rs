//! What an answer leaves for the log: a signed command, durable in the outbox before the answer exists, sent at the
//! next contact with any server.

use std::collections::BTreeSet;

use super::Desk;
use super::store::{Shelf, record_line};
use crate::client::failure::Failure;
use crate::client::home::Folder;
use crate::client::outbox::keep_for_later;
use crate::client::replica::Replica;
use crate::client::session::sign_command;
use crate::escrow::part::PartId;
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
    let shelf = Shelf::of(folder, &request.digest());
    let mut recorded = shelf.recorded()?;
    let me = identity.person();
    let fresh: Vec<&PartId> = parts.iter().filter(|part| !recorded.contains(&record_line(&me, part))).collect();
    let state = replica.state()?;
    for batch in fresh.chunks(PARTS_PER_COMMAND) {
        let parts = batch.iter().map(|part| v1::AnsweredPart {
            credential: part.version.credential.to_vec(),
            version: part.version.version,
            kind: part.kind as i32,
        });
        let act = v1::command::Act::RecordAnswer(v1::RecordAnswer {
            recovery: request.digest().to_vec(),
            starter: request.request().starter.to_vec(),
            parts: parts.collect(),
            request: Some((*request.signature()).into()),
        });
        let signed = sign_command(identity, folder.id, replica.head(), now, act)?;
        // The rules are asked first: what they refuse would never reach the log.
        let verified = signed.clone().verify(folder.id).map_err(Failure::technical)?;
        let base = replica.root_at(verified.command().base.size);
        state.decide(&verified, now.max(state.last_time()), base)?;
        keep_for_later(folder, &signed)?;
    }
    recorded.extend(fresh.into_iter().map(|part| record_line(&me, part)));
    shelf.record(&recorded)
}
