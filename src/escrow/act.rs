//! What a command asks for, parsed: the domain form of the `act` in `command.proto`.
//!
//! Parsing here needs no state. Whether an act is *allowed* is for
//! [`decide`](super::organisation::Organisation::decide) to say.

use super::claim::Claim;
use super::delegation::{Delegate, EndDelegation, Standing, Take};
use super::drill::{ConfirmAccess, RecordDrill};
use super::id::{BlobId, CredentialId, DeviceId, Digest, InvitationId, OrganisationId, PersonId};
use super::key::{PersonKeys, RecipientKey, Signature, VerifyingKey};
use super::moving::SignedMove;
use super::part::{PartId, VersionId};
use super::recovery::RecordAnswer;
use super::role::Roles;
use super::rotation::Rotate;
use super::time::{Seconds, Time};
use super::window::{Purpose, Seal, parse_seal};
use super::wire::{self, Malformed};
use crate::proto::v1;

pub use super::deposit::{Deposit, DepositedDeal, DepositedPart};

/// Everything that a person can ask for.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "each variant is named after its type, which is documented")]
pub enum Act {
    Genesis(Genesis),
    Invite(Invite),
    CancelInvitation(InvitationId),
    Join(Join),
    EnrolDevice(EnrolDevice),
    RevokeDevice(DeviceId),
    ProposeCharter(Box<ProposeCharter>),
    ProposeAdmission(Admission),
    ProposeRemoval(ProposeRemoval),
    Sign(EntryRef),
    Leave,
    Deposit(Deposit),
    ConfirmShares(ConfirmShares),
    Request(Request),
    Approve(Approve),
    Deny(Deny),
    Return(u64),
    Revoke(Revoke),
    RecordAnswer(RecordAnswer),
    Claim(Claim),
    StartDrill,
    ConfirmAccess(ConfirmAccess),
    RecordDrill(RecordDrill),
    ProposeDestruction(ProposeDestruction),
    Confirm(EntryRef),
    Veto(Veto),
    Move(Box<SignedMove>),
    Seal(Seal),
    Rotate(Rotate),
    Delegate(Delegate),
    EndDelegation(EndDelegation),
    Take(Take),
}

/// An entry by index and leaf hash: it cannot be exchanged under whoever refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRef {
    /// Its index.
    pub index: u64,
    /// SHA-256(0x00 ‖ entry).
    pub leaf: Digest,
}

/// The first entry of a log.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// The rules that the log starts with.
    pub rules_version: u32,
    /// Who signs checkpoints and daemon acts.
    pub log_key: VerifyingKey,
    /// `host:port` of the daemon.
    pub address: String,
    /// Text: the organisation's name.
    pub name: BlobId,
    /// The founder's keys; the genesis must be signed by them.
    pub founder: PersonKeys,
    /// Text: the founder's name.
    pub founder_name: BlobId,
    /// The founder's first device.
    pub device: VerifyingKey,
    /// SHA-256 of the daemon's founding token.
    pub founding_token: Digest,
}

/// Announces an invitation.
#[derive(Debug, Clone)]
pub struct Invite {
    /// SHA-256 of its token.
    pub invitation: InvitationId,
    /// What the newcomer is to become.
    pub roles: Roles,
    /// Text: the newcomer's name.
    pub name: BlobId,
    /// From when on it is void.
    pub expires: Time,
}

/// Somebody uses an invitation.
#[derive(Debug, Clone)]
pub struct Join {
    /// The invitation, from its token.
    pub invitation: InvitationId,
    /// The roles that the invitation offered.
    pub roles: Roles,
    /// The newcomer's keys; the join must be signed by them.
    pub person: PersonKeys,
    /// The newcomer's first device.
    pub device: VerifyingKey,
    /// HMAC under the invitation's secret; the inviter's client checks it.
    pub mac: [u8; 32],
}

/// A person certifies a further device of theirs.
#[derive(Debug, Clone, Copy)]
pub struct EnrolDevice {
    /// The new device's key.
    pub device: VerifyingKey,
    /// The person's keys, as in the roll.
    pub person: PersonKeys,
}

/// A charter to sign.
#[derive(Debug, Clone)]
pub struct ProposeCharter {
    /// As on the wire; its consistency is checked when it is proposed.
    pub charter: v1::Charter,
    /// Newcomers whom it takes in, by person id.
    pub roll: Vec<Admission>,
}

/// Somebody to take in.
#[derive(Debug, Clone)]
pub struct Admission {
    /// Their keys, for approvers to compare.
    pub keys: PersonKeys,
    /// What they become.
    pub roles: Roles,
    /// Their join (the founder's: the genesis).
    pub join: EntryRef,
}

/// Somebody to remove.
#[derive(Debug, Clone, Copy)]
pub struct ProposeRemoval {
    /// Who.
    pub person: PersonId,
    /// Text: why.
    pub reason: BlobId,
}

/// 'My shares open and match', or not.
#[derive(Debug, Clone)]
pub struct ConfirmShares {
    /// One verdict per part.
    pub checks: Vec<(PartId, ShareVerdict)>,
}

/// What a trustee found when opening their shares of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShareVerdict {
    /// They open and match the logged digests.
    Good,
    /// A claim against the depositor: a share does not open.
    DoesNotOpen,
    /// A claim against the depositor: a share is not what the log says.
    DoesNotMatch,
}

impl From<ShareVerdict> for v1::ShareVerdict {
    fn from(verdict: ShareVerdict) -> Self {
        match verdict {
            ShareVerdict::Good => Self::Good,
            ShareVerdict::DoesNotOpen => Self::DoesNotOpen,
            ShareVerdict::DoesNotMatch => Self::DoesNotMatch,
        }
    }
}

/// A part, and the fresh key to which its shares are to be re-sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestedPart {
    /// Which part.
    pub part: PartId,
    /// The requester's key for this part of this request, or the daemon's.
    pub recipient: RecipientKey,
    /// Exactly where it is the daemon's: the log key's signature over
    /// [`opening_key_preimage`](super::window::opening_key_preimage).
    pub vouched: Option<Signature>,
}

/// An unseal request.
#[derive(Debug, Clone)]
pub struct Request {
    /// What for.
    pub purpose: Purpose,
    /// Parts of one account, with their recipients.
    pub parts: Vec<RequestedPart>,
    /// Text: why.
    pub reason: BlobId,
    /// How long the access is to last.
    pub duration: Seconds,
    /// Until when approvals are accepted.
    pub expires: Time,
    /// Whether the requester's own shares count.
    pub own_share: bool,
    /// What is to be granted, exactly with [`Purpose::Delegation`].
    pub standing: Option<Standing>,
    /// Text: what the connector needs to know of the requester; with [`Purpose::Mint`] only.
    pub input: Option<BlobId>,
}

/// The release of shares.
#[derive(Debug, Clone)]
pub struct Approve {
    /// The request.
    pub request: EntryRef,
    /// Its parts and recipients, as the trustee saw them.
    pub parts: Vec<RequestedPart>,
    /// Its expiry, as the trustee saw it.
    pub expires: Time,
    /// For each part the approver's re-sealed shares, one per deal that names the approver.
    pub released: Vec<Vec<BlobId>>,
}

/// A refusal, changeable until the request is decided.
#[derive(Debug, Clone, Copy)]
pub struct Deny {
    /// The request.
    pub request: EntryRef,
    /// Text: why.
    pub reason: BlobId,
}

/// The end of somebody's access.
#[derive(Debug, Clone, Copy)]
pub struct Revoke {
    /// Index of the request.
    pub request: u64,
    /// Text: why.
    pub reason: BlobId,
}

/// Something to destroy.
#[derive(Debug, Clone, Copy)]
pub struct ProposeDestruction {
    /// What.
    pub doomed: Doomed,
    /// Text: why.
    pub reason: BlobId,
}

/// What can be destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doomed {
    /// A version of an account.
    Version(VersionId),
    /// An account with all of its versions.
    Account(CredentialId),
    /// A text, by the name of its blob.
    Text(BlobId),
    /// Everything.
    Organisation,
}

/// A trustee's objection.
#[derive(Debug, Clone, Copy)]
pub struct Veto {
    /// The proposal.
    pub proposal: EntryRef,
    /// Text: why.
    pub reason: BlobId,
}

impl Act {
    /// Whether its entry must be made within [`CLOCK_TOLERANCE`](super::organisation::CLOCK_TOLERANCE) of its creation.
    /// Approvals and signatures are bound by hash and expiry instead (a signature that can begin a delay by its time, too:
    /// see `decide`), a move to its place in the log; people
    /// sign them offline, and a log whose time ran ahead must be able to move, too. A recovery answer says what happened
    /// while there was no server.
    pub fn is_bound_to_its_time(&self) -> bool {
        !matches!(self, Self::Approve(_) | Self::Sign(_) | Self::RecordAnswer(_) | Self::Move(_))
    }

    /// Parses the oneof of a command.
    pub(super) fn parse(act: v1::command::Act) -> Result<Self, Malformed> {
        use v1::command::Act as Wire;
        Ok(match act {
            Wire::Genesis(m) => Self::Genesis(Genesis::parse(m)?),
            Wire::Invite(m) => Self::Invite(Invite {
                invitation: InvitationId::parse(&m.invitation)?,
                roles: wire::roles(&m.roles)?,
                name: wire::blob(&m.name)?,
                expires: Time(m.expires),
            }),
            Wire::CancelInvitation(m) => Self::CancelInvitation(InvitationId::parse(&m.invitation)?),
            Wire::Join(m) => Self::Join(Join::parse(m)?),
            Wire::EnrolDevice(m) => Self::EnrolDevice(EnrolDevice {
                device: wire::signing_key(m.device)?,
                person: wire::person_keys(m.person)?,
            }),
            Wire::RevokeDevice(m) => Self::RevokeDevice(DeviceId::parse(&m.device)?),
            Wire::ProposeCharter(m) => Self::ProposeCharter(Box::new(ProposeCharter {
                charter: wire::required(m.charter, "charter")?,
                roll: admissions(m.roll)?,
            })),
            Wire::ProposeAdmission(m) => {
                Self::ProposeAdmission(Admission::parse(wire::required(m.admission, "admission")?)?)
            }
            Wire::ProposeRemoval(m) => Self::ProposeRemoval(ProposeRemoval {
                person: PersonId::parse(&m.person)?,
                reason: wire::blob(&m.reason)?,
            }),
            Wire::Sign(m) => Self::Sign(EntryRef::parse(m.proposal_index, &m.proposal_leaf)?),
            Wire::Leave(_) => Self::Leave,
            Wire::Deposit(m) => Self::Deposit(Deposit::parse(m)?),
            Wire::ConfirmShares(m) => Self::ConfirmShares(ConfirmShares::parse(m)?),
            Wire::Request(m) => Self::Request(Request::parse(m)?),
            Wire::Approve(m) => Self::Approve(Approve::parse(m)?),
            Wire::Deny(m) => Self::Deny(Deny {
                request: EntryRef::parse(m.request_index, &m.request_leaf)?,
                reason: wire::blob(&m.reason)?,
            }),
            Wire::Return(m) => Self::Return(m.request_index),
            Wire::Revoke(m) => Self::Revoke(Revoke { request: m.request_index, reason: wire::blob(&m.reason)? }),
            Wire::RecordAnswer(m) => Self::RecordAnswer(RecordAnswer::parse(m)?),
            Wire::Claim(m) => Self::Claim(Claim::parse(m)?),
            Wire::StartDrill(_) => Self::StartDrill,
            Wire::ConfirmAccess(m) => Self::ConfirmAccess(ConfirmAccess { request: m.request_index, works: m.works }),
            Wire::RecordDrill(m) => Self::RecordDrill(RecordDrill::parse(m)?),
            Wire::ProposeDestruction(m) => Self::ProposeDestruction(ProposeDestruction {
                doomed: Doomed::parse(wire::required(m.subject, "subject")?)?,
                reason: wire::blob(&m.reason)?,
            }),
            Wire::Confirm(m) => Self::Confirm(EntryRef::parse(m.proposal_index, &m.proposal_leaf)?),
            Wire::Veto(m) => Self::Veto(Veto {
                proposal: EntryRef::parse(m.proposal_index, &m.proposal_leaf)?,
                reason: wire::blob(&m.reason)?,
            }),
            Wire::Move(m) => Self::Move(Box::new(SignedMove::parse(m)?)),
            Wire::Seal(m) => Self::Seal(parse_seal(m)?),
            Wire::Rotate(m) => Self::Rotate(Rotate::parse(m)?),
            Wire::Delegate(m) => Self::Delegate(Delegate::parse(m)?),
            Wire::EndDelegation(m) => Self::EndDelegation(EndDelegation::parse(&m)?),
            Wire::Take(m) => Self::Take(Take::parse(m)?),
        })
    }
}

impl Doomed {
    fn parse(subject: v1::propose_destruction::Subject) -> Result<Self, Malformed> {
        use v1::propose_destruction::Subject;
        Ok(match subject {
            Subject::Account(m) => {
                let credential = CredentialId::parse(&m.credential)?;
                match m.version {
                    0 => Self::Account(credential),
                    version => Self::Version(VersionId { credential, version }),
                }
            }
            Subject::Text(blob) => Self::Text(wire::blob(&blob)?),
            Subject::Organisation(_) => Self::Organisation,
        })
    }
}

impl EntryRef {
    fn parse(index: u64, leaf: &[u8]) -> Result<Self, Malformed> {
        Ok(Self { index, leaf: Digest::parse(leaf)? })
    }
}

impl Genesis {
    fn parse(m: v1::Genesis) -> Result<Self, Malformed> {
        if !super::charter::is_address(&m.address) {
            return Err(Malformed::Range("address"));
        }
        Ok(Self {
            rules_version: m.rules_version,
            log_key: wire::signing_key(m.log_key)?,
            address: m.address,
            name: wire::blob(&m.name)?,
            founder: wire::person_keys(m.founder)?,
            founder_name: wire::blob(&m.founder_name)?,
            device: wire::signing_key(m.device)?,
            founding_token: Digest::parse(&m.founding_token)?,
        })
    }
}

impl Join {
    fn parse(m: v1::Join) -> Result<Self, Malformed> {
        let token: [u8; 32] = m.token.as_slice().try_into().map_err(|_| Malformed::Range("invitation token"))?;
        Ok(Self {
            invitation: InvitationId::of_token(&token),
            roles: wire::roles(&m.roles)?,
            person: wire::person_keys(m.person)?,
            device: wire::signing_key(m.device)?,
            mac: m.mac.as_slice().try_into().map_err(|_| Malformed::Range("MAC"))?,
        })
    }
}

/// What a newcomer authenticates with the invitation's secret: label ‖ organisation id ‖ roles, one byte each ‖
/// canonical keys ‖ device key. The inviter's client compares before it proposes to take them in.
pub fn join_mac_message(
    organisation: &OrganisationId,
    roles: &Roles,
    person: &PersonKeys,
    device: &VerifyingKey,
) -> Vec<u8> {
    use prost::Message as _;
    let roles: Vec<u8> = roles.iter().map(|role| role as u8).collect();
    let keys = v1::PersonKeys::from(*person).encode_to_vec();
    let device = v1::SigningKey::from(*device).encode_to_vec();
    [b"sequestre/join/v1\0", organisation.as_bytes().as_slice(), &roles, &keys, &device].concat()
}

impl Admission {
    /// Parses the wire form.
    pub fn parse(m: v1::Admission) -> Result<Self, Malformed> {
        Ok(Self {
            keys: wire::person_keys(m.keys)?,
            roles: wire::roles(&m.roles)?,
            join: EntryRef::parse(m.join_index, &m.join_leaf)?,
        })
    }
}

fn admissions(list: Vec<v1::Admission>) -> Result<Vec<Admission>, Malformed> {
    let roll = list.into_iter().map(Admission::parse).collect::<Result<Vec<_>, _>>()?;
    wire::ascending(&roll, "newcomers", |a| a.keys.person())?;
    Ok(roll)
}

impl ShareVerdict {
    /// The name for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::DoesNotOpen => "does_not_open",
            Self::DoesNotMatch => "does_not_match",
        }
    }

    pub(super) fn parse(number: i32) -> Result<Self, Malformed> {
        match v1::ShareVerdict::try_from(number) {
            Ok(v1::ShareVerdict::Good) => Ok(Self::Good),
            Ok(v1::ShareVerdict::DoesNotOpen) => Ok(Self::DoesNotOpen),
            Ok(v1::ShareVerdict::DoesNotMatch) => Ok(Self::DoesNotMatch),
            Ok(v1::ShareVerdict::Unspecified) | Err(_) => Err(Malformed::Unknown("verdict")),
        }
    }
}

impl ConfirmShares {
    fn parse(m: v1::ConfirmShares) -> Result<Self, Malformed> {
        let check = |c: v1::ShareCheck| -> Result<_, Malformed> {
            Ok((wire::part_id(&c.credential, c.version, c.kind)?, ShareVerdict::parse(c.verdict)?))
        };
        let checks = m.checks.into_iter().map(check).collect::<Result<Vec<_>, _>>()?;
        if checks.is_empty() {
            return Err(Malformed::List("checks"));
        }
        wire::ascending(&checks, "checks", |(part, _)| *part)?;
        Ok(Self { checks })
    }
}

impl Request {
    fn parse(m: v1::Request) -> Result<Self, Malformed> {
        let purpose = Purpose::parse(m.purpose)?;
        let standing = m.standing.as_ref().map(Standing::parse).transpose()?;
        if standing.is_some() != (purpose == Purpose::Delegation) {
            return Err(Malformed::Missing("delegation, or it has one that is not asked for"));
        }
        let input = wire::optional_blob(&m.input)?;
        if input.is_some() && purpose != Purpose::Mint {
            return Err(Malformed::Range("input"));
        }
        let parts = requested_parts(m.parts)?;
        let first = parts.first().ok_or(Malformed::List("parts"))?.part.version.credential;
        if parts.iter().any(|p| p.part.version.credential != first) {
            return Err(Malformed::List("parts of one account"));
        }
        Ok(Self {
            purpose,
            standing,
            input,
            parts,
            reason: wire::blob(&m.reason)?,
            duration: Seconds(m.duration),
            expires: Time(m.expires),
            own_share: m.own_share,
        })
    }

    /// The account whose parts are asked for. Parsing made sure that there is one.
    pub fn credential(&self) -> Option<CredentialId> {
        self.parts.first().map(|p| p.part.version.credential)
    }
}

impl Approve {
    fn parse(m: v1::Approve) -> Result<Self, Malformed> {
        let blobs = |r: v1::Released| r.shares.iter().map(|s| wire::blob(s)).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            request: EntryRef::parse(m.request_index, &m.request_leaf)?,
            parts: requested_parts(m.parts)?,
            expires: Time(m.expires),
            released: m.released.into_iter().map(blobs).collect::<Result<_, _>>()?,
        })
    }
}

pub(super) fn requested_parts(list: Vec<v1::RequestedPart>) -> Result<Vec<RequestedPart>, Malformed> {
    let part = |p: v1::RequestedPart| -> Result<_, Malformed> {
        Ok(RequestedPart {
            part: wire::part_id(&p.credential, p.version, p.kind)?,
            recipient: wire::recipient(p.recipient)?,
            vouched: p.vouched.map(|signature| wire::signature(Some(signature))).transpose()?,
        })
    };
    let parts = list.into_iter().map(part).collect::<Result<Vec<_>, _>>()?;
    wire::ascending(&parts, "parts", |p| p.part)?;
    Ok(parts)
}
