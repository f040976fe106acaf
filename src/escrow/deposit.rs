//! A deposit as it is signed: a version of an account, sealed and dealt. Whether it fits the charter is for the
//! [organisation](super::organisation) to say.

use super::charter::VaultName;
use super::delegation::Rewrapped;
use super::id::{BlobId, CredentialId, Digest};
use super::key::RecipientKey;
use super::part::{DealtGroup, LoggedShare, PartKind, VersionId};
use super::quorum::QuorumName;
use super::wire::{self, Malformed};
use crate::proto::v1;

/// A version of a credential.
#[derive(Debug, Clone)]
pub struct Deposit {
    /// The account and the version's number.
    pub version: VersionId,
    /// The vault it lies in.
    pub vault: VaultName,
    /// Text: what people call the account.
    pub label: BlobId,
    /// Text: the account sheet.
    pub sheet: BlobId,
    /// The parts, by kind.
    pub parts: Vec<DepositedPart>,
    /// Parts that stay as they were dealt with an earlier version, by kind.
    pub carried: Vec<(PartKind, u32)>,
    /// Text: how a connector reaches the account's target. The one of the current version stays by naming it again.
    pub connector: Option<BlobId>,
    /// Only one person at a time has access.
    pub exclusive: bool,
    /// Delegations that go on with this version, by index.
    pub rewrapped: Vec<Rewrapped>,
}

/// One part of a deposit.
#[derive(Debug, Clone, PartialEq)]
pub struct DepositedPart {
    /// Which part.
    pub kind: PartKind,
    /// Public half of its master key.
    pub master_key: RecipientKey,
    /// Blob: the secret sealed to it.
    pub sealed: BlobId,
    /// One split per quorum of the vault. Its shape is checked against the charter.
    pub deals: Vec<DepositedDeal>,
}

/// One split, before it is known to fit its quorum.
#[derive(Debug, Clone, PartialEq)]
pub struct DepositedDeal {
    /// To whom it was dealt.
    pub quorum: QuorumName,
    /// Shares, group by group.
    pub groups: Vec<DealtGroup>,
}

impl Deposit {
    pub(super) fn parse(m: v1::Deposit) -> Result<Self, Malformed> {
        if m.version == 0 {
            return Err(Malformed::Range("version"));
        }
        let (parts, carried) = version_parts(m.parts, m.carried)?;
        let connector = wire::optional_blob(&m.connector)?;
        let kinds = parts.iter().map(|p| p.kind).chain(carried.iter().map(|(kind, _)| *kind));
        if connector.is_some() && !kinds.into_iter().any(|kind| kind == PartKind::Password) {
            return Err(Malformed::Missing("password, which its connector needs"));
        }
        let rewrapped = m.rewrapped.into_iter().map(Rewrapped::parse).collect::<Result<Vec<_>, _>>()?;
        wire::ascending(&rewrapped, "delegations", |r| r.delegation)?;
        Ok(Self {
            connector,
            exclusive: m.exclusive,
            rewrapped,
            carried,
            version: VersionId { credential: CredentialId::parse(&m.credential)?, version: m.version },
            vault: VaultName::parse(&m.vault)?,
            label: wire::blob(&m.label)?,
            sheet: wire::blob(&m.sheet)?,
            parts,
        })
    }
}

/// New parts, at least one, and parts that stay, none of them in both.
#[allow(clippy::type_complexity, reason = "both lists are fields of each caller")]
pub(super) fn version_parts(
    parts: Vec<v1::Part>,
    carried: Vec<v1::CarriedPart>,
) -> Result<(Vec<DepositedPart>, Vec<(PartKind, u32)>), Malformed> {
    let parts = parts.into_iter().map(DepositedPart::parse).collect::<Result<Vec<_>, _>>()?;
    if parts.is_empty() {
        return Err(Malformed::List("parts"));
    }
    wire::ascending(&parts, "parts", |p| p.kind)?;
    let one = |c: v1::CarriedPart| -> Result<_, Malformed> { Ok((wire::part_kind(c.kind)?, c.version)) };
    let carried = carried.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    wire::ascending(&carried, "carried parts", |(kind, _)| *kind)?;
    if carried.iter().any(|(kind, _)| parts.iter().any(|p| p.kind == *kind)) {
        return Err(Malformed::List("carried parts"));
    }
    Ok((parts, carried))
}

impl DepositedPart {
    fn parse(m: v1::Part) -> Result<Self, Malformed> {
        Ok(Self {
            kind: wire::part_kind(m.kind)?,
            master_key: wire::recipient(m.master_key)?,
            sealed: wire::blob(&m.sealed)?,
            deals: m.deals.into_iter().map(DepositedDeal::parse).collect::<Result<_, _>>()?,
        })
    }
}

impl DepositedDeal {
    fn parse(m: v1::Deal) -> Result<Self, Malformed> {
        let group = |g: v1::DealtGroup| -> Result<_, Malformed> {
            let outer = if g.outer.is_empty() { None } else { Some(Digest::parse(&g.outer)?) };
            let share = |s: v1::DealtShare| -> Result<_, Malformed> {
                Ok(LoggedShare { digest: Digest::parse(&s.digest)?, sealed: wire::blob(&s.sealed)? })
            };
            let shares = g.shares.into_iter().map(share).collect::<Result<_, _>>()?;
            Ok(DealtGroup { outer, shares })
        };
        Ok(Self {
            quorum: QuorumName::parse(&m.quorum)?,
            groups: m.groups.into_iter().map(group).collect::<Result<_, _>>()?,
        })
    }
}
