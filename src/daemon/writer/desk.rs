//! What the daemon itself looks up and adds: the runner's place in the writer's thread.
//!
//! Whatever is added passes the same rules as everything else; this module must never change a state in another way.

use super::group::{Group, Stopped};
use super::thread::{Answer, settle};
use super::{Reply, WriteError};
use crate::escrow::entry::DaemonAct;
use crate::escrow::id::{BlobId, OrganisationId};
use crate::escrow::key::{RecipientKey, Signature};
use crate::escrow::organisation::Organisation;
use crate::escrow::time::Time;
use crate::store::StoreError;
use crate::store::batch::{AwaitedShare, Blob};

/// One organisation, in the middle of a group.
pub struct Desk<'a, 'g> {
    group: &'a mut Group<'g>,
    id: OrganisationId,
    /// What stopped the whole group, if something did.
    failure: Option<StoreError>,
}

impl Desk<'_, '_> {
    /// The state.
    pub fn organisation(&mut self) -> Result<&Organisation, WriteError> {
        let loaded = self.group.voice(self.id);
        match loaded {
            Ok(loaded) => Ok(&loaded.organisation),
            Err(stopped) => Err(note(&mut self.failure, stopped)),
        }
    }

    /// The time that an entry made now has.
    pub fn now(&mut self) -> Result<Time, WriteError> {
        let last = self.organisation()?.last_time();
        Ok((self.group.clock)().max(last))
    }

    /// Adds an act with the blobs that it names.
    pub fn append(&mut self, act: DaemonAct, blobs: &[Blob]) -> Result<u64, WriteError> {
        self.group.act(self.id, act, blobs).map_err(|stopped| note(&mut self.failure, stopped))
    }

    /// A live blob.
    pub fn blob(&mut self, blob: &BlobId) -> Result<Option<Vec<u8>>, WriteError> {
        self.group.live_blob(self.id, blob).map_err(|stopped| note(&mut self.failure, stopped))
    }

    /// The re-sealed shares of a request.
    pub fn shares(&mut self, request: u64) -> Result<Vec<AwaitedShare>, WriteError> {
        self.group.shares(self.id, request).map_err(|stopped| note(&mut self.failure, stopped))
    }

    /// The log key's signature over what begins with a label of its own.
    pub fn sign(&mut self, preimage: &[u8]) -> Result<Signature, WriteError> {
        match self.group.voice(self.id) {
            Ok(loaded) => Ok(loaded.log_key.sign(preimage)),
            Err(stopped) => Err(note(&mut self.failure, stopped)),
        }
    }

    /// The public half of the key to which standing rights are wrapped, made when it is first asked for.
    pub fn wrapping_key(&mut self) -> Result<RecipientKey, WriteError> {
        let key = self.group.wrapping_key(self.id).map_err(|stopped| note(&mut self.failure, stopped))?;
        Ok(*key.recipient())
    }
}

/// Remembers what stops a group; the errand's own answer does not matter then.
fn note(failure: &mut Option<StoreError>, stopped: Stopped) -> WriteError {
    match stopped {
        Stopped::Job(error) => error,
        Stopped::Group(error) => {
            *failure = Some(error);
            WriteError::Closing
        }
    }
}

/// An errand with the way back to whoever sent it.
pub(super) trait Errand: Send {
    /// On whose log it is.
    fn organisation(&self) -> OrganisationId;

    /// Runs it within a group. The second value stops the group.
    fn run(self: Box<Self>, group: &mut Group<'_>) -> (Answer, Option<StoreError>);

    /// Refuses it without doing anything.
    fn refuse(self: Box<Self>, error: WriteError);
}

struct Sent<T, F> {
    organisation: OrganisationId,
    errand: F,
    reply: Reply<T>,
}

pub(super) fn errand<T: Send + 'static>(
    organisation: OrganisationId,
    errand: impl FnOnce(&mut Desk<'_, '_>) -> Result<T, WriteError> + Send + 'static,
    reply: Reply<T>,
) -> Box<dyn Errand> {
    Box::new(Sent { organisation, errand, reply })
}

impl<T, F> Errand for Sent<T, F>
where
    T: Send + 'static,
    F: FnOnce(&mut Desk<'_, '_>) -> Result<T, WriteError> + Send,
{
    fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    fn run(self: Box<Self>, group: &mut Group<'_>) -> (Answer, Option<StoreError>) {
        let Self { organisation, errand, reply } = *self;
        let mut desk = Desk { group, id: organisation, failure: None };
        let result = errand(&mut desk);
        match desk.failure {
            Some(failure) => settle(reply, Err(Stopped::Group(failure))),
            None => settle(reply, result.map_err(Stopped::Job)),
        }
    }

    fn refuse(self: Box<Self>, error: WriteError) {
        // Whoever sent it may be gone.
        let _ = self.reply.send(Err(error));
    }
}
