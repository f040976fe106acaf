//! Parts of a version and the digests that the log keeps of each part's shares.
//!
//! A part has its own master key, split once per quorum that may open it. What the log holds of a split is a
//! [`Deal`]: who got which share, its digest, and the blob in which it is sealed. A deal repeats the quorum as it
//! was on the day of the deposit, because later charters change the quorum but not the shares already dealt.

use super::id::{BlobId, CredentialId, Digest, PersonId};
use super::key::RecipientKey;
use super::quorum::Quorum;

/// What a part holds. The number is the one on the wire; the text form is the one in sealed plaintexts and commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// User name and password.
    Password = 1,
    /// The secret of a time-based one-time password (RFC 6238).
    TotpSecret = 2,
    /// One-time recovery codes.
    RecoveryCodes = 3,
    /// Free text that must stay secret.
    Notes = 4,
}

impl PartKind {
    /// Every kind that this rules version knows, in order.
    pub const ALL: [Self; 4] = [Self::Password, Self::TotpSecret, Self::RecoveryCodes, Self::Notes];

    /// The name used in sealed plaintexts and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::TotpSecret => "totp-secret",
            Self::RecoveryCodes => "recovery-codes",
            Self::Notes => "notes",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A credential's version: numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionId {
    /// The account.
    pub credential: CredentialId,
    /// 1, 2, 3, …
    pub version: u32,
}

/// One part of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// The version.
    pub version: VersionId,
    /// Which part of it.
    pub kind: PartKind,
}

/// What the log knows about one trustee's share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedShare {
    /// SHA-256 of the share's envelope in plaintext.
    pub digest: Digest,
    /// The envelope sealed to the trustee.
    pub sealed: BlobId,
}

/// What the log knows about one group of a split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DealtGroup {
    /// SHA-256 of the group's outer share (x ‖ y); present exactly when the quorum has several groups.
    pub outer: Option<Digest>,
    /// One share per member, in the order of [`Group::members`](super::quorum::Group::members).
    pub shares: Vec<LoggedShare>,
}

/// One split of a part's master key to one quorum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deal {
    quorum: Quorum,
    groups: Vec<DealtGroup>,
}

/// A deal that does not have the shape of its quorum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shares do not have the shape of the quorum: one share for each member of each group is needed")]
pub struct BadDeal;

impl Deal {
    /// Refuses a deal that does not have exactly one share for each member of each group, and outer digests exactly
    /// where there are several groups.
    pub fn new(quorum: Quorum, groups: Vec<DealtGroup>) -> Result<Self, BadDeal> {
        let several = quorum.groups().len() > 1;
        let fits = quorum.groups().len() == groups.len()
            && quorum
                .groups()
                .iter()
                .zip(&groups)
                .all(|(g, d)| g.members().len() == d.shares.len() && d.outer.is_some() == several);
        if fits { Ok(Self { quorum, groups }) } else { Err(BadDeal) }
    }

    /// The quorum as it was when the part was dealt.
    pub fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// The groups, as in the quorum.
    pub fn groups(&self) -> &[DealtGroup] {
        &self.groups
    }

    /// A trustee's share: group position, and what the log knows of it.
    pub fn share_of(&self, person: &PersonId) -> Option<(usize, &LoggedShare)> {
        self.quorum.groups().iter().zip(&self.groups).enumerate().find_map(|(position, (group, dealt))| {
            let x = group.x_of(person)?;
            Some((position, dealt.shares.get(usize::from(x) - 1)?))
        })
    }

    /// Every share with its holder.
    pub fn shares(&self) -> impl Iterator<Item = (&PersonId, &LoggedShare)> {
        self.quorum.groups().iter().zip(&self.groups).flat_map(|(g, d)| g.members().iter().zip(&d.shares))
    }
}

/// What the log knows about one part of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The public half of the part's master key.
    pub master_key: RecipientKey,
    /// The secret, sealed to the master key.
    pub sealed: BlobId,
    /// How often the part was handed over to new trustees.
    pub epoch: u32,
    /// One split for each quorum that may open it.
    pub deals: Vec<Deal>,
}
