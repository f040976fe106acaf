//! Why the rules refuse a command. One variant per reason; the daemon, the inbox and the verifier use the same list.
//!
//! [`Refusal::reason`] is what travels as `google.rpc.ErrorInfo.reason`; clients translate it. The English sentence
//! says what happened and what to do next. No refusal may quote a secret, a token or a text.

use super::charter::BadCharter;
use super::time::{Seconds, Time};

/// A value as `ErrorInfo.metadata` carries it: plain numbers, for clients to put into words.
trait Detail {
    fn detail(&self) -> String;
}

impl Detail for Seconds {
    fn detail(&self) -> String {
        self.0.to_string()
    }
}

impl Detail for Time {
    fn detail(&self) -> String {
        self.0.to_string()
    }
}

impl Detail for u32 {
    fn detail(&self) -> String {
        self.to_string()
    }
}

impl Detail for u64 {
    fn detail(&self) -> String {
        self.to_string()
    }
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$fdoc:meta])* $field:ident: $type:ty),* $(,)? })? => $reason:literal, $text:literal;)*) => {
        /// Why a command is refused.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        pub enum Refusal {
            $($(#[$doc])* #[error($text)] $name $({ $($(#[$fdoc])* $field: $type),* })?,)*
            /// The charter proposed is not consistent.
            #[error(transparent)]
            Charter(#[from] BadCharter),
        }

        impl Refusal {
            /// Every reason that [`Self::reason`] can give.
            pub const REASONS: &'static [&'static str] = &[$($reason,)* "BAD_CHARTER"];

            /// The stable name of the reason.
            pub fn reason(&self) -> &'static str {
                match self {
                    $(Self::$name { .. } => $reason,)*
                    Self::Charter(_) => "BAD_CHARTER",
                }
            }

            /// The values of the sentence, by name: `ErrorInfo.metadata`.
            pub fn details(&self) -> Vec<(&'static str, String)> {
                match self {
                    $(Self::$name $({ $($field),* })? => vec![$($((stringify!($field), Detail::detail($field)),)*)?],)*
                    Self::Charter(bad) => vec![("why", bad.to_string())],
                }
            }
        }
    };
}

refusals! {
    /// The base is not a prefix of this log: a fork, or another organisation's tree.
    ForeignBase => "FOREIGN_BASE",
        "the command builds on a log that is not this one; do not repeat it, compare checkpoints with the others first";
    /// What the command depends on changed after its base.
    StaleBase => "STALE_BASE",
        "something that this depends on changed meanwhile; synchronise, look again, and sign again";
    /// Made more than ten minutes before or after the daemon's clock.
    ClockSkew {
        /// The difference.
        by: Seconds,
    } => "CLOCK_SKEW",
        "the command's time is {by} off; set the computer's clock and try again";
    /// Nobody of this organisation.
    Stranger => "STRANGER",
        "this key belongs to nobody in this organisation; ask for an invitation";
    /// Joined, but not yet taken in.
    NotAdmitted => "NOT_ADMITTED",
        "you joined but are not taken in yet; wait until the charter or your admission is signed";
    /// Before the founding charter.
    NotFounded => "NOT_FOUNDED",
        "the organisation's charter is not signed yet; this becomes possible once all trustees signed it";
    /// Only trustees may do this.
    NotTrustee => "NOT_TRUSTEE",
        "only a trustee who holds a share of this account can do this";
    /// The vault's policy does not let this person ask.
    MayNotAsk => "MAY_NOT_ASK",
        "the charter does not let you ask for accounts of this vault; ask a trustee to request it";
    /// The vault's policy does not let this person deposit.
    MayNotDeposit => "MAY_NOT_DEPOSIT",
        "the charter does not let you deposit in this vault";
    /// Not entitled to invite, admit or remove.
    MayNotInvite => "MAY_NOT_INVITE",
        "only those whom the charter lets admit people (before the charter: the founder) can do this";
    /// No such invitation.
    InvitationUnknown => "INVITATION_UNKNOWN",
        "this invitation is not of this organisation, or was mistyped; ask for it again";
    /// Used already.
    InvitationUsed => "INVITATION_USED",
        "this invitation was used already; if it was not you, tell the person who invited you at once";
    /// Cancelled.
    InvitationCancelled => "INVITATION_CANCELLED",
        "this invitation was cancelled; ask for a new one";
    /// Too late.
    InvitationExpired => "INVITATION_EXPIRED",
        "this invitation has expired; ask for a new one";
    /// The roles of the join are not those of the invitation.
    InvitationRoles => "INVITATION_ROLES",
        "the roles are not those of the invitation; use the invitation as it was given";
    /// The name of this invitation is taken.
    InvitationExists => "INVITATION_EXISTS",
        "an invitation with this token exists already; make a new one";
    /// The invitation's end lies in the past or too far ahead.
    InvitationLife => "INVITATION_LIFE",
        "an invitation lives at most 30 days";
    /// This identity is in the organisation already.
    AlreadyJoined => "ALREADY_JOINED",
        "this identity already belongs to the organisation; to use another computer, enrol it as a device";
    /// The signer is not the person whose keys the command carries.
    NotYourKeys => "NOT_YOUR_KEYS",
        "the keys in the command are not those of its signer";
    /// This device key is in use.
    DeviceKnown => "DEVICE_KNOWN",
        "this device key is known already; make a new one for each computer and organisation";
    /// No such device of this person.
    DeviceUnknown => "DEVICE_UNKNOWN",
        "you have no such device, or it is revoked already";
    /// Roles or join reference of an admission do not fit the candidate.
    AdmissionMismatch => "ADMISSION_MISMATCH",
        "the admission does not match what the newcomer signed when joining; propose it again";
    /// The charter names somebody who is neither admitted nor taken in with it.
    CharterNamesStranger => "CHARTER_NAMES_STRANGER",
        "the charter names somebody who did not join; take them in or leave them out";
    /// Not exactly one more than the version in force.
    CharterVersion {
        /// What it must be.
        expected: u32,
    } => "CHARTER_VERSION",
        "the next charter is version {expected}; no version is skipped or repeated";
    /// Another log key or address than the organisation has.
    CharterLogKey => "CHARTER_LOG_KEY",
        "a charter cannot change the log key or the address; that is a move";
    /// No such proposal.
    ProposalUnknown => "PROPOSAL_UNKNOWN",
        "there is no such proposal";
    /// The proposal is not what the signer saw.
    ProposalDiffers => "PROPOSAL_DIFFERS",
        "the proposal is not the one that you saw; synchronise and look again before you sign";
    /// Decided, superseded or too old.
    ProposalClosed => "PROPOSAL_CLOSED",
        "this proposal is no longer open; look for a newer one";
    /// Signed or acknowledged already.
    AlreadySigned => "ALREADY_SIGNED",
        "you signed this proposal already; nothing more is needed from you";
    /// Nothing to sign for this person.
    NotConcerned => "NOT_CONCERNED",
        "this proposal does not need your signature";
    /// Holds an office, is gone, or is the founder before there is a charter.
    NotRemovable => "NOT_REMOVABLE",
        "only a member or newcomer without an office can leave or be removed this way; offices change by a charter";
    /// No such vault.
    VaultUnknown => "VAULT_UNKNOWN",
        "the charter has no vault of this name";
    /// Not the vault in which the account lies.
    VaultDiffers => "VAULT_DIFFERS",
        "a new version stays in the vault of the account";
    /// The shares were not dealt to exactly the quorums of the vault.
    DealShape => "DEAL_SHAPE",
        "the shares do not fit the quorums that open this vault; synchronise and deposit again";
    /// The new account's id is taken.
    CredentialExists => "CREDENTIAL_EXISTS",
        "this account exists already; deposit a new version of it instead";
    /// No such account.
    CredentialUnknown => "CREDENTIAL_UNKNOWN",
        "there is no such account";
    /// Not the version after the current one.
    VersionConflict {
        /// The current version.
        current: u32,
    } => "VERSION_CONFLICT",
        "the account is at version {current}; somebody deposited meanwhile, synchronise and look again";
    /// Not a part of this version.
    PartUnknown => "PART_UNKNOWN",
        "the account has no such part";
    /// Verdicts are given on one's own shares.
    NoShare => "NO_SHARE",
        "you hold no share of this";
    /// The same verdict on the same shares, and nothing asked for it since.
    AlreadyConfirmed => "ALREADY_CONFIRMED",
        "you confirmed these shares already; nothing more is needed from you until somebody asks again";
    /// Outside 1 minute … the vault's longest lease.
    Duration {
        /// The most that the vault allows.
        longest: Seconds,
    } => "DURATION",
        "access can be asked for from 1 minute up to {longest} in this vault";
    /// In the past or more than seven days ahead.
    RequestLife => "REQUEST_LIFE",
        "a request must stay open for some time, at most 7 days";
    /// `own_share` does not say what is so.
    OwnShare => "OWN_SHARE",
        "the request must say truthfully whether your own share counts; update this software";
    /// One open request per person and account.
    AlreadyRequested {
        /// The open request.
        request: u64,
    } => "ALREADY_REQUESTED",
        "your request {request} for this account is still open";
    /// No such request.
    RequestUnknown => "REQUEST_UNKNOWN",
        "there is no such request";
    /// The request is not what the signer saw.
    RequestDiffers => "REQUEST_DIFFERS",
        "the request is not the one that you saw; synchronise and look again before you approve";
    /// Collected, ended or withdrawn.
    RequestClosed => "REQUEST_CLOSED",
        "this request is no longer open";
    /// Its time is over.
    RequestExpired {
        /// When it ended.
        at: Time,
    } => "REQUEST_EXPIRED",
        "this request expired; the person can ask again";
    /// The requester's own shares count already.
    OwnRequest => "OWN_REQUEST",
        "this is your own request: your share counts already, others must approve";
    /// Approvals are final.
    AlreadyApproved => "ALREADY_APPROVED",
        "you approved this request already; an approval is final";
    /// Not one re-sealed share for each of the approver's shares.
    ReleasedShape => "RELEASED_SHAPE",
        "the approval does not release exactly your shares; update this software";
    /// Somebody else's request.
    NotYours => "NOT_YOURS",
        "this request is somebody else's";
    /// Neither granted nor running.
    NothingToEnd => "NOTHING_TO_END",
        "there is no access to end; deny the request instead";
    /// Collected already, or not granted.
    NotCollectable => "NOT_COLLECTABLE",
        "this request is not granted, or its access began already";
    /// The starter of a recovery is nobody whom the log knows.
    StarterUnknown => "STARTER_UNKNOWN",
        "whoever started this recovery never belonged to this organisation; tell the others what you answered to whom";
    /// The starter did not sign the request.
    StarterSignature => "STARTER_SIGNATURE",
        "the person named as the starter did not sign this recovery request; ask them, and tell the others";
    /// The starter's own shares count with the answers of others.
    OwnAnswer => "OWN_ANSWER",
        "you started this recovery yourself: your share counts already, the others enter what they answered";
    /// Entered already.
    AlreadyAnswered => "ALREADY_ANSWERED",
        "your answer about these parts stands in the log already; nothing is missing";
    /// The accused did not approve this request, or holds no share of one of the parts.
    ClaimShape => "CLAIM_SHAPE",
        "a claim names somebody who approved the request, and parts of it whose shares they sent; update this software";
    /// One claim per request and accused.
    AlreadyClaimed => "ALREADY_CLAIMED",
        "your claim about this person and this request stands in the log already; a mediator can read it there";
    /// Not an office that starts or records drills.
    MayNotDrill => "MAY_NOT_DRILL",
        "only trustees and mediators start a drill, and only they and technicians record the result of one";
    /// The last drill is too recent.
    DrillRest {
        /// From when on the next one can be started.
        from: Time,
    } => "DRILL_REST",
        "a drill was started less than 7 days ago; wait for the answers, and start the next one from {from} on";
    /// The result of a drill names another tree than the one it is signed on.
    DrillTree => "DRILL_TREE",
        "the result of a drill is signed on the tree that was restored, and names that tree; record it again";
    /// No access that the requester could have tried, or it ended too long ago.
    NothingToTest => "NOTHING_TO_TEST",
        "there was no access under this request, or it ended more than 7 days ago; ask for access and try it then";
    /// The requester sealed it, and so knew it anyway.
    OwnDeposit => "OWN_DEPOSIT",
        "you put this account in escrow yourself; somebody else must show that the access works";
    /// Stopped access to the same part a short while ago.
    VetoUsed {
        /// Until when.
        until: Time,
    } => "VETO_USED",
        "you stopped access to this account already and cannot do so again before {until}; another trustee can";
    /// Not named by the `destroy` quorum.
    MayNotDestroy => "MAY_NOT_DESTROY",
        "only those whom the charter's destroy quorum names can propose to destroy something";
    /// No such text, or not one that can be destroyed by itself.
    TextUnknown => "TEXT_UNKNOWN",
        "there is no such text; sealed passwords and parts of keys are destroyed with their account";
    /// People still decide by it.
    TextInUse => "TEXT_IN_USE",
        "people still need this text to know what they decide upon; end that first, or destroy the account it names";
    /// The text stands in the log already, or was destroyed.
    TextUsed => "TEXT_USED",
        "this text stands in the log already, or was destroyed; write it anew, with a fresh salt";
    /// A sealed secret, sealed share or master key stands in the log already, or was destroyed.
    SealedUsed => "SEALED_USED",
        "something sealed, or its key, stands in the log already or was destroyed; seal and deposit it anew";
    /// Three destructions that one person proposed are open.
    TooManyProposals => "TOO_MANY_PROPOSALS",
        "three destructions that you proposed are still open; wait until they are agreed or too old";
    /// It is the current version, or a version that is there took parts over from it.
    VersionInUse => "VERSION_IN_USE",
        "this is the current version, or a newer one took parts over from it; deposit all parts anew, or destroy the \
         whole account";
    /// Destroyed by the `destroy` quorum.
    CredentialDestroyed => "CREDENTIAL_DESTROYED",
        "this account was destroyed; deposit a new one";
    /// The organisation was destroyed.
    OrganisationDestroyed => "ORGANISATION_DESTROYED",
        "this organisation was destroyed: its log can be read and checked, nothing can be added to it";
    /// The first agreement is not complete, or the proposal needs only one.
    NotAgreed => "NOT_AGREED",
        "there is nothing to confirm: the proposal waits for signatures, or needs no second agreement";
    /// The delay is not over.
    TooEarly {
        /// When it is.
        at: Time,
    } => "TOO_EARLY",
        "this can be confirmed from {at} on, not before; until then everybody can think about it, and veto it";
    /// The proposal needs only one agreement.
    NothingToVeto => "NOTHING_TO_VETO",
        "only what needs two agreements can be vetoed; do not sign this if you are against it";
    /// One veto for each proposal.
    ProposalVetoed => "PROPOSAL_VETOED",
        "somebody vetoed this already; one veto asks for as much as two";
    /// The new charter lacks a vault in which accounts lie.
    VaultInUse => "VAULT_IN_USE",
        "accounts lie in a vault that the new charter does not have; keep the vault, or destroy its accounts first";
    /// The new charter lets nobody ask for accounts that lie in a vault.
    VaultAskers => "VAULT_ASKERS",
        "accounts lie in a vault that nobody could ask for under the new charter; name somebody who may";
    /// The daemon act is not due.
    NotDue => "NOT_DUE",
        "nothing of this kind is due";
    /// Something is to open to the daemon with a key that the log key does not vouch for, or to somebody else with one.
    NotVouched => "NOT_VOUCHED",
        "what opens to the server opens to keys that its log key vouches for, and nothing else does; synchronise, ask \
         the server for fresh keys, and ask again";
    /// The account has no connector.
    NoConnector => "NO_CONNECTOR",
        "this account has no connector, so that the server can do nothing at its provider; ask for the password itself";
    /// The account has one.
    HasConnector => "HAS_CONNECTOR",
        "this account has a connector: leases of it are made at the provider, nothing has to be wrapped";
    /// Not open to the daemon now.
    NotOpen => "NOT_OPEN",
        "this account is not open to the server; ask the others to unseal it first";
    /// A newer version has another connector.
    ConnectorChanged => "CONNECTOR_CHANGED",
        "the account's connector changed since this was asked for; look at the new one, and ask again";
    /// Somebody else has access to an account that only one person at a time may use.
    CheckedOut {
        /// When their access ends.
        until: Time,
    } => "CHECKED_OUT",
        "somebody else uses this account, and only one person at a time can; wait until {until}, or ask them to return \
         it";
    /// Something that was made at the target is not known to be gone.
    StillAtTarget {
        /// The request for which it was made.
        request: u64,
    } => "STILL_AT_TARGET",
        "the login made for request {request} is not gone from its target yet; have the account opened to the server, \
         so that it can be revoked, and try again";
    /// Too little time is left in which a lease could be revoked.
    WindowTooShort {
        /// When the window ends.
        until: Time,
    } => "WINDOW_TOO_SHORT",
        "the account is open to the server until {until} only, which is too short for access that must be revoked \
         before; have it unsealed for longer";
    /// Nothing is open to the daemon that this trustee could close.
    NothingOpen => "NOTHING_OPEN",
        "nothing is open to the server, or what is was agreed to anew after you sealed it";
    /// A rotation of the account is not over.
    RotationPending => "ROTATION_PENDING",
        "the server is changing this account's password; wait until it is done, and look again";
    /// No such delegation.
    DelegationUnknown => "DELEGATION_UNKNOWN",
        "there is no such delegation";
    /// Ended, used up, or past its time.
    DelegationOver => "DELEGATION_OVER",
        "this delegation is over; ask for access, or for a new delegation";
    /// Its end lies in the past or too far ahead, or it is for somebody who may not ask.
    DelegationTerms => "DELEGATION_TERMS",
        "a delegation lasts at most 366 days, and is for somebody who may ask for accounts of this vault";
    /// The wrapped parts are not those of the request, or their key is not vouched for.
    WrappedShape => "WRAPPED_SHAPE",
        "what was wrapped is not exactly what was asked for, or not for this server; update this software";
    /// Too many entries or bytes today.
    RateLimit => "RATE_LIMIT",
        "you reached your limit for today; try again tomorrow";
    /// A signature under a move does not verify.
    MoveSignature => "MOVE_SIGNATURE",
        "a signature under this move does not match what it says; ask for the file again, and sign anew";
    /// The `amend` quorum did not sign the move.
    MoveQuorum => "MOVE_QUORUM",
        "too few of those who can amend the charter signed this move; collect more signatures";
    /// A move that gives entries up, and the `destroy` quorum did not sign it twice.
    MoveNotConfirmed => "MOVE_NOT_CONFIRMED",
        "this move gives entries up, and too few of those who can destroy signed it once, or again; collect more signatures";
    /// The second signatures under a move came before the charter's delay was over.
    MoveTooEarly {
        /// When they could be given first.
        at: Time,
    } => "MOVE_TOO_EARLY",
        "this move gives entries up and can be signed a second time from {at} on, not before";
    /// Signatures under a move are dated before what they give up, or in the future.
    MoveDates => "MOVE_DATES",
        "signatures under this move are dated before what it gives up, or in the future; propose it again";
    /// A move that does not say so takes entries away.
    MoveUndeclared => "MOVE_UNDECLARED",
        "this move leaves entries out that are known here, and does not say so; restore from a longer copy, or propose it again";
    /// The move goes on from another log than this one.
    MovePrefix => "MOVE_PREFIX",
        "the move does not go on from the end of this log; compare what it names with your own copy";
    /// The move changes more than log key and address.
    MoveCharter => "MOVE_CHARTER",
        "a move changes the log key and the address and nothing else; propose it again, and amend the charter later";
    /// The move leaves another log key than the one in force, or does not change it.
    MoveLogKey => "MOVE_LOG_KEY",
        "the move does not replace the log key that is in force; propose it again from a fresh copy";
    /// A genesis in an organisation that exists.
    GenesisTwice => "GENESIS_TWICE",
        "a log begins once";
    /// Rules that this software does not know.
    UnknownRules {
        /// Their version.
        version: u32,
    } => "UNKNOWN_RULES",
        "rules version {version} is unknown to this software; update it";
}
