//! Every way in which the service says no, as clients see it: a gRPC code, a `google.rpc.ErrorInfo`, and a sentence
//! that says what to do.
//!
//! `ErrorInfo.domain` is [`DOMAIN`]; `ErrorInfo.reason` is one of [`Refusal::REASONS`] (the rules'),
//! [`WriteError::reason`] (the writer's) or [`Refused::reason`] (the link's); `ErrorInfo.metadata` holds what a
//! translated sentence needs. The code follows from what the client can do about it:
//!
//! | code | when | reasons |
//! |---|---|---|
//! | `INVALID_ARGUMENT` | the message itself is wrong; send another | `MALFORMED`, `BAD_SIGNATURE`, `BAD_COSIGNATURE`, `MISSING_BLOB`, `BLOB_TOO_LARGE`, `TEXT_TOO_LARGE`, `DEVICE_DIFFERS`, `BAD_CHARTER`, and the shapes of an act |
//! | `UNAUTHENTICATED` | no device certificate was shown | `NO_DEVICE` |
//! | `PERMISSION_DENIED` | this person or device may not | `UNKNOWN_DEVICE`, `FOUNDING_TOKEN`, `STRANGER`, `NOT_ADMITTED`, `NOT_TRUSTEE`, `MAY_NOT_…`, `NOT_YOURS`, … |
//! | `NOT_FOUND` | what the message names is not there | `UNKNOWN_ORGANISATION`, `…_UNKNOWN` |
//! | `ALREADY_EXISTS` | it was done before | `ALREADY_…`, `…_EXISTS`, `PROPOSAL_VETOED`, `DEVICE_KNOWN`, `GENESIS_TWICE` |
//! | `ABORTED` | something changed meanwhile; synchronise, look again, sign again | `STALE_BASE`, `VERSION_CONFLICT`, `…_DIFFERS`, `CHARTER_VERSION` |
//! | `FAILED_PRECONDITION` | not in this state of the organisation | `FOREIGN_BASE`, `CLOCK_SKEW`, `…_CLOSED`, `…_EXPIRED`, `…_IN_USE`, `…_DESTROYED`, `TOO_EARLY`, `NOT_YET_UPLOADED`, `NOT_MADE_YET`, `NO_CODES`, `TARGET`, `NOT_MOVED`, … |
//! | `OUT_OF_RANGE` | an index or size beyond the log | `BEYOND_LOG` |
//! | `RESOURCE_EXHAUSTED` | too much, too often | `RATE_LIMIT` (a day's limit), `TOO_MANY_REQUESTS`, `TOO_MANY_KEYS`, `MESSAGE_TOO_LARGE` |
//! | `UNAVAILABLE` | try again soon | `BUSY`, `CLOSING` |
//! | `DEADLINE_EXCEEDED` | not done in time, or done and not told: send the same again | `TIMEOUT` |
//! | `UNIMPLEMENTED` | this daemon is older than the client | `UNKNOWN_METHOD` |
//! | `INTERNAL` | the daemon's disk failed; nothing was kept | `STORAGE` |
//!
//! No message quotes a key, a token or a text.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::writer::WriteError;
use crate::escrow::command::BadSignature;
use crate::escrow::id::BadId;
use crate::escrow::log::cosignature::BadCosignature;
use crate::escrow::refusal::Refusal;
use crate::escrow::wire::Malformed;
use crate::store::StoreError;

/// The domain of every reason.
pub const DOMAIN: &str = "sequestre";

/// Why the service did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The message does not follow the format.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The signature does not verify.
    #[error(transparent)]
    Signature(#[from] BadSignature),
    /// The connection shows no device key.
    #[error("this needs a device certificate; connect with the device's key")]
    NoDevice,
    /// The organisation's log does not vouch for the device, or there is no such organisation. Which of the two is
    /// told to members only.
    #[error(
        "this device is not certified in this organisation, was revoked, or its owner left; enrol it, or ask for an \
         invitation"
    )]
    UnknownDevice,
    /// A newcomer's command names another device than the one that sends it.
    #[error("the command certifies another device than the one that sends it; send it from that device")]
    DeviceDiffers,
    /// Faster than the daemon allows.
    #[error("too many requests; wait {} s and try again", .retry.as_secs().max(1))]
    TooManyRequests {
        /// When the next one is accepted.
        retry: Duration,
    },
    /// Not done in time.
    #[error("the daemon did not finish in time; send the same again: what was done already is not done twice")]
    Timeout,
    /// No such method.
    #[error("this daemon does not know the method; it is older than your program, ask the technician to update it")]
    UnknownMethod,
    /// Not a service that the daemon has.
    #[error("the daemon has no service of this name")]
    UnknownService,
    /// Longer than the daemon takes.
    #[error("the message is longer than this daemon takes, or asks for too much; do it in several calls")]
    MessageTooLarge,
    /// Not a gRPC message of this method.
    #[error("these bytes are not a message of this method; they were cut short or damaged, or one side is too old")]
    NotAMessage,
    /// The writer's answer.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Beyond the log's end.
    #[error("the log has {size} entries, {asked} is beyond them; synchronise first")]
    BeyondLog {
        /// What was asked for.
        asked: u64,
        /// How many there are.
        size: u64,
    },
    /// Too many of the daemon's keys wait for a request.
    #[error("too many keys wait for a request that names them; use these, or ask again in a quarter of an hour")]
    TooManyKeys,
    /// The one-time password secret is not (any more) open to the daemon.
    #[error("the server cannot show codes for this access, perhaps because it was restarted; ask for access again")]
    NoCodes,
    /// A call to a target came to nothing. What it said is for the daemon's own log.
    #[error("the account's target could not be asked ({reason}); try again later, or ask the server's technician")]
    Target {
        /// One word.
        reason: &'static str,
    },
    /// The database failed. What exactly is for the daemon's own log.
    #[error("the daemon could not read its data; tell the technician, and try again later")]
    Storage(#[source] StoreError),
    /// The daemon is stopping.
    #[error("the daemon is stopping; try again when it is back")]
    Closing,
}

impl From<BadId> for Refused {
    fn from(error: BadId) -> Self {
        Self::Malformed(error.into())
    }
}

impl From<BadCosignature> for Refused {
    fn from(error: BadCosignature) -> Self {
        Self::Write(error.into())
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::OutOfRange { asked, size } => Self::BeyondLog { asked, size },
            StoreError::Closed => Self::Closing,
            other => Self::Storage(other),
        }
    }
}

impl Refused {
    /// The stable name of the reason.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::NotAMessage => "MALFORMED",
            Self::Signature(_) => "BAD_SIGNATURE",
            Self::NoDevice => "NO_DEVICE",
            Self::UnknownDevice => "UNKNOWN_DEVICE",
            Self::DeviceDiffers => "DEVICE_DIFFERS",
            Self::TooManyRequests { .. } => "TOO_MANY_REQUESTS",
            Self::Timeout => "TIMEOUT",
            Self::UnknownMethod => "UNKNOWN_METHOD",
            Self::UnknownService => "UNKNOWN_SERVICE",
            Self::MessageTooLarge => "MESSAGE_TOO_LARGE",
            Self::Write(error) => error.reason(),
            Self::BeyondLog { .. } => "BEYOND_LOG",
            Self::TooManyKeys => "TOO_MANY_KEYS",
            Self::NoCodes => "NO_CODES",
            Self::Target { .. } => "TARGET",
            Self::Storage(_) => "STORAGE",
            Self::Closing => "CLOSING",
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Malformed(_) | Self::NotAMessage | Self::Signature(_) | Self::DeviceDiffers => {
                Code::InvalidArgument
            }
            Self::NoDevice => Code::Unauthenticated,
            Self::UnknownDevice => Code::PermissionDenied,
            Self::TooManyRequests { .. } | Self::MessageTooLarge | Self::TooManyKeys => Code::ResourceExhausted,
            Self::NoCodes | Self::Target { .. } => Code::FailedPrecondition,
            Self::Timeout => Code::DeadlineExceeded,
            Self::UnknownMethod => Code::Unimplemented,
            Self::UnknownService => Code::NotFound,
            Self::Write(error) => write_code(error),
            Self::BeyondLog { .. } => Code::OutOfRange,
            Self::Storage(_) => Code::Internal,
            Self::Closing => Code::Unavailable,
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::BeyondLog { asked, size } => vec![("asked", asked.to_string()), ("size", size.to_string())],
            Self::Target { reason } => vec![("why", (*reason).to_owned())],
            Self::Write(WriteError::Refused(refusal)) => refusal_metadata(refusal),
            _ => Vec::new(),
        }
    }

    fn retry(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry } => Some(*retry),
            Self::Write(WriteError::Busy) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Self {
        if let Refused::Storage(source) = &refused {
            tracing::error!(error = %Chain(source), "reading failed");
        }
        if let Refused::Write(WriteError::Storage(source)) = &refused {
            tracing::error!(error = %Chain(source.as_ref()), "writing failed");
        }
        let metadata: HashMap<String, String> =
            refused.metadata().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut details = ErrorDetails::with_error_info(refused.reason(), DOMAIN, metadata);
        if let Some(retry) = refused.retry() {
            details.set_retry_info(Some(retry));
        }
        Status::with_error_details(refused.code(), refused.to_string(), details)
    }
}

/// An error with everything behind it.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        std::iter::successors(self.0.source(), |&e| e.source()).try_for_each(|e| write!(f, ": {e}"))
    }
}

fn write_code(error: &WriteError) -> Code {
    match error {
        WriteError::Refused(refusal) => refusal_code(refusal),
        WriteError::UnknownOrganisation => Code::NotFound,
        WriteError::FoundingToken | WriteError::NotYours => Code::PermissionDenied,
        WriteError::MissingBlob
        | WriteError::BlobTooLarge
        | WriteError::TextTooLarge
        | WriteError::Cosignature(_) => Code::InvalidArgument,
        WriteError::BlobBudget => refusal_code(&Refusal::RateLimit),
        WriteError::NotAwaited
        | WriteError::NotYetUploaded
        | WriteError::NotMadeYet
        | WriteError::BadlyWrapped
        | WriteError::NotMoved
        | WriteError::MovedElsewhere => Code::FailedPrecondition,
        WriteError::Busy | WriteError::Closing => Code::Unavailable,
        WriteError::Storage(_) => Code::Internal,
    }
}

/// Without a catch-all: a new refusal gets its code here before it compiles.
fn refusal_code(refusal: &Refusal) -> Code {
    use Refusal as R;
    match refusal {
        R::Stranger
        | R::NotAdmitted
        | R::NotTrustee
        | R::MayNotAsk
        | R::MayNotDeposit
        | R::MayNotInvite
        | R::MayNotDestroy
        | R::NotYourKeys
        | R::NotConcerned
        | R::NoShare
        | R::OwnRequest
        | R::OwnDeposit
        | R::OwnAnswer
        | R::MayNotDrill
        | R::NotVouched
        | R::NotYours => Code::PermissionDenied,
        R::InvitationUnknown
        | R::DeviceUnknown
        | R::ProposalUnknown
        | R::VaultUnknown
        | R::CredentialUnknown
        | R::PartUnknown
        | R::TextUnknown
        | R::RequestUnknown
        | R::StarterUnknown
        | R::DelegationUnknown => Code::NotFound,
        R::InvitationExists
        | R::AlreadyJoined
        | R::DeviceKnown
        | R::AlreadySigned
        | R::AlreadyConfirmed
        | R::AlreadyAnswered
        | R::AlreadyClaimed
        | R::CredentialExists
        | R::AlreadyRequested { .. }
        | R::AlreadyApproved
        | R::ProposalVetoed
        | R::TextUsed
        | R::SealedUsed
        | R::GenesisTwice => Code::AlreadyExists,
        R::StaleBase
        | R::CharterVersion { .. }
        | R::ProposalDiffers
        | R::VersionConflict { .. }
        | R::RequestDiffers => Code::Aborted,
        R::ForeignBase
        | R::MovePrefix
        | R::MoveTooEarly { .. }
        | R::MoveDates
        | R::MoveUndeclared
        | R::MoveLogKey
        | R::ClockSkew { .. }
        | R::NotFounded
        | R::InvitationUsed
        | R::InvitationCancelled
        | R::InvitationExpired
        | R::ProposalClosed
        | R::NotRemovable
        | R::RequestClosed
        | R::RequestExpired { .. }
        | R::NothingToEnd
        | R::VetoUsed { .. }
        | R::TextInUse
        | R::TooManyProposals
        | R::VersionInUse
        | R::CredentialDestroyed
        | R::OrganisationDestroyed
        | R::NotAgreed
        | R::TooEarly { .. }
        | R::NothingToVeto
        | R::VaultInUse
        | R::VaultAskers
        | R::NotCollectable
        | R::NotDue
        | R::DrillRest { .. }
        | R::NothingToTest
        | R::NoConnector
        | R::HasConnector
        | R::NotOpen
        | R::ConnectorChanged
        | R::CheckedOut { .. }
        | R::StillAtTarget { .. }
        | R::WindowTooShort { .. }
        | R::NothingOpen
        | R::RotationPending
        | R::DelegationOver
        | R::UnknownRules { .. } => Code::FailedPrecondition,
        R::InvitationRoles
        | R::InvitationLife
        | R::AdmissionMismatch
        | R::CharterNamesStranger
        | R::CharterLogKey
        | R::MoveSignature
        | R::StarterSignature
        | R::MoveQuorum
        | R::MoveNotConfirmed
        | R::MoveCharter
        | R::VaultDiffers
        | R::DealShape
        | R::Duration { .. }
        | R::RequestLife
        | R::OwnShare
        | R::ReleasedShape
        | R::DrillTree
        | R::ClaimShape
        | R::DelegationTerms
        | R::WrappedShape
        | R::Charter(_) => Code::InvalidArgument,
        R::RateLimit => Code::ResourceExhausted,
    }
}

fn refusal_metadata(refusal: &Refusal) -> Vec<(&'static str, String)> {
    use Refusal as R;
    match refusal {
        R::ClockSkew { by } => vec![("by", by.0.to_string())],
        R::CharterVersion { expected } => vec![("expected", expected.to_string())],
        R::VersionConflict { current } => vec![("current", current.to_string())],
        R::Duration { longest } => vec![("longest", longest.0.to_string())],
        R::AlreadyRequested { request } => vec![("request", request.to_string())],
        R::VetoUsed { until } => vec![("until", until.0.to_string())],
        R::CheckedOut { until } | R::WindowTooShort { until } => vec![("until", until.0.to_string())],
        R::StillAtTarget { request } => vec![("request", request.to_string())],
        R::TooEarly { at } | R::MoveTooEarly { at } => vec![("at", at.0.to_string())],
        R::RequestExpired { at } => vec![("at", at.0.to_string())],
        R::DrillRest { from } => vec![("from", from.0.to_string())],
        R::UnknownRules { version } => vec![("version", version.to_string())],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::escrow::time::{Seconds, Time};

    fn sent(refused: Refused) -> (Code, String, HashMap<String, String>) {
        let status = Status::from(refused);
        let info = status.get_error_details().error_info().unwrap().clone();
        assert_eq!(info.domain, DOMAIN);
        assert!(status.message().len() > 10);
        (status.code(), info.reason, info.metadata)
    }

    #[test]
    fn refusals_of_the_rules_travel_with_reason_and_parameters() {
        for (refusal, code, name, value) in [
            (Refusal::VersionConflict { current: 3 }, Code::Aborted, "current", "3"),
            (Refusal::Duration { longest: Seconds(7200) }, Code::InvalidArgument, "longest", "7200"),
            (Refusal::AlreadyRequested { request: 9 }, Code::AlreadyExists, "request", "9"),
            (Refusal::RequestExpired { at: Time(17) }, Code::FailedPrecondition, "at", "17"),
            (Refusal::ClockSkew { by: Seconds(601) }, Code::FailedPrecondition, "by", "601"),
        ] {
            let reason = refusal.reason();
            let (sent_code, sent_reason, metadata) = sent(Refused::Write(refusal.into()));
            assert_eq!((sent_code, sent_reason.as_str()), (code, reason));
            assert_eq!(metadata, HashMap::from([(name.to_owned(), value.to_owned())]));
        }
    }

    #[test]
    fn what_the_disk_said_stays_in_the_daemon() {
        let error = StoreError::Io {
            doing: "read",
            path: "/srv/secret-place".into(),
            source: std::io::Error::other("sector 7"),
        };
        assert_eq!(Chain(&error).to_string().matches("sector 7").count(), 1);
        let status = Status::from(Refused::from(error));
        assert_eq!(status.code(), Code::Internal);
        assert!(!format!("{status:?}").contains("secret-place"));
        let beyond = sent(StoreError::OutOfRange { asked: 9, size: 3 }.into());
        assert_eq!((beyond.0, beyond.1.as_str()), (Code::OutOfRange, "BEYOND_LOG"));
    }

    #[test]
    fn a_client_that_is_too_fast_learns_when_to_come_back() {
        let status = Status::from(Refused::TooManyRequests { retry: Duration::from_secs(7) });
        let details = status.get_error_details();
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(Duration::from_secs(7)));
        assert_eq!(details.error_info().unwrap().reason, "TOO_MANY_REQUESTS");
    }
}
