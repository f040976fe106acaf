//! Why the writer did not write: one variant per reason, each with what to do.

use std::sync::Arc;

use super::{
    MAX_BLOB_BYTES, MAX_BLOBS, MAX_BLOBS_BYTES, MAX_BLOBS_BYTES_PER_DAY, MAX_SHARE_BYTES, MAX_TEXT_BLOB_BYTES,
};
use crate::escrow::log::cosignature::BadCosignature;
use crate::escrow::refusal::Refusal;
use crate::store::StoreError;

/// Why something was not written. Nothing of it was kept, except as [`Self::NotAwaited`] says.
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
    /// Beyond [`MAX_BLOB_BYTES`], [`MAX_SHARE_BYTES`], [`MAX_BLOBS`] or [`MAX_BLOBS_BYTES`].
    #[error(
        "a blob has at most {MAX_BLOB_BYTES} bytes, a re-sealed share {MAX_SHARE_BYTES}, one call at most {MAX_BLOBS} blobs of {MAX_BLOBS_BYTES} bytes together; make it smaller"
    )]
    BlobTooLarge,
    /// A text beyond [`MAX_TEXT_BLOB_BYTES`].
    #[error("a text has at most {MAX_TEXT_BLOB_BYTES} bytes, its salt included; shorten it")]
    TextTooLarge,
    /// This person's blobs of today would be more than [`MAX_BLOBS_BYTES_PER_DAY`].
    #[error("one person can add at most {MAX_BLOBS_BYTES_PER_DAY} bytes of blobs a day; go on tomorrow")]
    BlobBudget,
    /// Nobody waits for one of these blobs (any more). The others were kept.
    #[error(
        "nobody waits for one of these blobs: the request is over, or your approval that names it is not in the log; synchronise first"
    )]
    NotAwaited,
    /// Approved, but too few re-sealed shares were uploaded.
    #[error("the shares are not uploaded yet: those who approved must connect once more; try again later")]
    NotYetUploaded,
    /// Granted, and not yet made at the target.
    #[error("the server has not made the access at its target yet; wait a moment and try again")]
    NotMadeYet,
    /// A standing right's parts do not open with this server's key.
    #[error("what was kept for this delegation does not open; ask for access, and for a new delegation")]
    BadlyWrapped,
    /// Somebody else's request.
    #[error("this request is somebody else's; only who asked can collect")]
    NotYours,
    /// Restored from copies; the organisation has not moved here yet.
    #[error(
        "this server was restored from a copy and waits for the association to move here; bring it the move first"
    )]
    NotMoved,
    /// A move to another server's log key, TLS key or address.
    #[error(
        "this move leads to another server than this one: bring it there; if it is meant for here, this server's name, \
         TLS key or log key is not the one that was signed"
    )]
    MovedElsewhere,
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
    /// Every reason that [`Self::reason`] can give besides those of [`Refusal::REASONS`].
    pub const REASONS: &'static [&'static str] = &[
        "UNKNOWN_ORGANISATION",
        "FOUNDING_TOKEN",
        "MISSING_BLOB",
        "BLOB_TOO_LARGE",
        "TEXT_TOO_LARGE",
        "NOT_AWAITED",
        "NOT_YET_UPLOADED",
        "NOT_MADE_YET",
        "BADLY_WRAPPED",
        "NOT_MOVED",
        "MOVED_ELSEWHERE",
        "BAD_COSIGNATURE",
        "BUSY",
        "STORAGE",
        "CLOSING",
    ];

    /// The stable name of the reason: what travels as `google.rpc.ErrorInfo.reason`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.reason(),
            Self::UnknownOrganisation => "UNKNOWN_ORGANISATION",
            Self::FoundingToken => "FOUNDING_TOKEN",
            Self::MissingBlob => "MISSING_BLOB",
            Self::BlobTooLarge => "BLOB_TOO_LARGE",
            Self::TextTooLarge => "TEXT_TOO_LARGE",
            Self::BlobBudget => Refusal::RateLimit.reason(),
            Self::NotAwaited => "NOT_AWAITED",
            Self::NotYetUploaded => "NOT_YET_UPLOADED",
            Self::NotMadeYet => "NOT_MADE_YET",
            Self::BadlyWrapped => "BADLY_WRAPPED",
            Self::NotMoved => "NOT_MOVED",
            Self::MovedElsewhere => "MOVED_ELSEWHERE",
            Self::NotYours => Refusal::NotYours.reason(),
            Self::Cosignature(_) => "BAD_COSIGNATURE",
            Self::Busy => "BUSY",
            Self::Storage(_) => "STORAGE",
            Self::Closing => "CLOSING",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::id::DeviceId;

    #[test]
    fn every_reason_is_listed() {
        let errors = [
            WriteError::UnknownOrganisation,
            WriteError::FoundingToken,
            WriteError::MissingBlob,
            WriteError::BlobTooLarge,
            WriteError::TextTooLarge,
            WriteError::NotAwaited,
            WriteError::NotYetUploaded,
            WriteError::NotMadeYet,
            WriteError::BadlyWrapped,
            WriteError::NotMoved,
            WriteError::MovedElsewhere,
            WriteError::Cosignature(BadCosignature::OtherCosigner(DeviceId::new([0; 32]))),
            WriteError::Busy,
            WriteError::Storage(Arc::new(StoreError::Full)),
            WriteError::Closing,
        ];
        assert_eq!(errors.each_ref().map(WriteError::reason).as_slice(), WriteError::REASONS);
        for error in [WriteError::NotYours, WriteError::BlobBudget, Refusal::Stranger.into()] {
            assert!(Refusal::REASONS.contains(&error.reason()));
        }
    }
}
