//! The single writer.

use std::sync::Arc;

use tokio::sync::watch;

use crate::escrow::command::VerifiedCommand;
use crate::escrow::id::{OrganisationId, PersonId};
use crate::escrow::key::VerifyingKey;
use crate::escrow::log::cosignature::{BadCosignature, Cosignature};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::refusal::Refusal;
use crate::escrow::time::Time;
use crate::store::{Store, StoreError};

/// Longest blob, in bytes.
pub const MAX_BLOB_BYTES: usize = 256 * 1024;
/// All blobs of one call together, in bytes.
pub const MAX_BLOBS_BYTES: usize = 4 << 20;

/// Tells the time; injected, so that tests decide it.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

/// Why something was not written. Nothing of it was kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No organisation of this id here.
    #[error("this daemon keeps no organisation of this id; check the address and the id")]
    UnknownOrganisation,
    /// The founding token is unknown, used, or not the one of this genesis.
    #[error(
        "the founding token is unknown, used already or not the one of this founding; ask the technician for a new one"
    )]
    FoundingToken,
    /// A blob that the command names was not sent along.
    #[error("a blob that the command names is missing; send it along")]
    MissingBlob,
    /// Beyond [`MAX_BLOB_BYTES`] or [`MAX_BLOBS_BYTES`].
    #[error(
        "a blob may have {MAX_BLOB_BYTES} bytes, all blobs of one call {MAX_BLOBS_BYTES}; make it smaller, or send them in several calls"
    )]
    BlobTooLarge,
    /// Nobody waits for one of these blobs (any more).
    #[error(
        "nobody waits for one of these blobs: the request is over, or your approval that names it is not in the log; synchronise first"
    )]
    NotAwaited,
    /// Approved, but too few re-sealed shares were uploaded.
    #[error("the shares are not uploaded yet: those who approved must connect once more; try again later")]
    NotYetUploaded,
    /// Somebody else's request.
    #[error("this request is somebody else's; only who asked can collect")]
    NotYours,
    /// The cosignature does not verify.
    #[error(transparent)]
    Cosignature(#[from] BadCosignature),
    /// Too much waits to be written.
    #[error("the daemon has too much to write; try again in a moment")]
    Busy,
    /// The disk or the database failed.
    #[error(
        "the daemon could not write to its disk: refused, nothing was kept; tell the technician and try again later"
    )]
    Storage(#[source] Arc<StoreError>),
    /// The daemon is stopping.
    #[error("the daemon is stopping; try again when it is back")]
    Closing,
}

impl WriteError {
    /// The stable name of the reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.reason(),
            Self::UnknownOrganisation => "UNKNOWN_ORGANISATION",
            Self::FoundingToken => "FOUNDING_TOKEN",
            Self::MissingBlob => "MISSING_BLOB",
            Self::BlobTooLarge => "BLOB_TOO_LARGE",
            Self::NotAwaited => "NOT_AWAITED",
            Self::NotYetUploaded => "NOT_YET_UPLOADED",
            Self::NotYours => Refusal::NotYours.reason(),
            Self::Cosignature(_) => "BAD_COSIGNATURE",
            Self::Busy => "BUSY",
            Self::Storage(_) => "STORAGE",
            Self::Closing => "CLOSING",
        }
    }
}

/// What a requester collects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Re-sealed shares, all that were uploaded.
    pub shares: Vec<Vec<u8>>,
    /// The sealed secrets of the parts, in the request's order.
    pub sealed: Vec<Vec<u8>>,
}

/// A handle to the single writer; clones share it.
#[derive(Clone)]
pub struct Writer {}

/// The writer's thread.
pub struct WriterThread {}

impl Writer {
    /// Starts the thread. What fell due while the daemon was away is appended at once.
    pub fn start(store: Store, clock: Clock) -> (Self, WriterThread) {
        todo!()
    }

    /// The log key for an organisation to be founded with this token; the same one until the token is used.
    pub async fn prepare_founding(&self, token: [u8; 32]) -> Result<VerifyingKey, WriteError> {
        todo!()
    }

    /// Puts a command on the log; gives its index, the same one if it stands there already.
    pub async fn submit(
        &self,
        command: VerifiedCommand,
        blobs: Vec<Vec<u8>>,
        founding_token: Option<[u8; 32]>,
    ) -> Result<u64, WriteError> {
        todo!()
    }

    /// Takes re-sealed shares that an included approval of this person names.
    pub async fn put_blobs(
        &self,
        organisation: OrganisationId,
        person: PersonId,
        blobs: Vec<Vec<u8>>,
    ) -> Result<(), WriteError> {
        todo!()
    }

    /// Takes a device's cosignature of a tree of this log.
    pub async fn cosign(&self, cosignature: Cosignature, head: TreeHead) -> Result<(), WriteError> {
        todo!()
    }

    /// Hands a granted request's shares to its requester; the first time, this starts the lease.
    pub async fn collect(
        &self,
        organisation: OrganisationId,
        person: PersonId,
        request: u64,
    ) -> Result<Collected, WriteError> {
        todo!()
    }

    /// The size of a log: now, and after each commit that lets it grow.
    pub fn subscribe(&self, organisation: &OrganisationId) -> watch::Receiver<u64> {
        todo!()
    }

    /// Appends what is due by the clock, as the thread does by itself within a second. For tests.
    pub async fn tick(&self) -> Result<(), WriteError> {
        todo!()
    }

    /// Finishes what is queued and stops. Later calls are refused.
    pub async fn shutdown(&self) {
        todo!()
    }
}

impl WriterThread {
    /// Waits until the thread has ended.
    pub fn join(self) -> std::thread::Result<()> {
        todo!()
    }
}
