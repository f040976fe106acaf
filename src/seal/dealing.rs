//! Sealing a part and dealing its key: what a depositor's client does, and the daemon when it rotates.
//!
//! The master key exists only inside [`deal_part`]. This module must never return it, or seal a share to anybody whom
//! the quorum does not name.

use super::sealing::{PartValue, SealError, seal_part, seal_to};
use super::sharing::{DealError, MasterKey, ShareContext, deal};
use super::signing::BadSecretKey;
use crate::escrow::id::{BlobId, OrganisationId, PersonId};
use crate::escrow::key::RecipientKey;
use crate::escrow::part::PartId;
use crate::escrow::quorum::Quorum;
use crate::proto::v1;

/// Why a part was not dealt.
#[derive(Debug, thiserror::Error)]
pub enum DealPartError {
    /// No master key.
    #[error(transparent)]
    Key(#[from] BadSecretKey),
    /// The split.
    #[error(transparent)]
    Deal(#[from] DealError),
    /// Sealing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A quorum names somebody whose key is not known.
    #[error("a trustee of the quorum has no key in the log; amend the charter first")]
    UnknownTrustee,
}

/// A part as a command or an act names it, and the blobs that it names: the sealed secret first, then the shares.
pub struct DealtPart {
    /// For the log.
    pub part: v1::Part,
    /// What it refers to.
    pub blobs: Vec<Vec<u8>>,
}

/// Makes a part's master key, splits it to each of these quorums, and seals the shares and the value. The key is
/// forgotten when this returns.
pub fn deal_part<'q>(
    organisation: OrganisationId,
    part: PartId,
    quorums: impl IntoIterator<Item = &'q Quorum>,
    recipient: impl Fn(&PersonId) -> Option<RecipientKey>,
    value: &PartValue,
) -> Result<DealtPart, DealPartError> {
    let key = MasterKey::generate()?;
    let context = ShareContext { organisation, part, epoch: 0, master_key: *key.recipient() };
    let sealed = seal_part(key.recipient(), &context.part_context(), value)?;
    let sealed_id = BlobId::of(&sealed);
    let mut blobs = vec![sealed];
    let mut deals = Vec::new();
    for quorum in quorums {
        let mut groups = Vec::new();
        for group in deal(&key, &context, quorum)?.groups {
            let mut shares = Vec::new();
            for share in group.shares {
                let trustee = recipient(&share.trustee).ok_or(DealPartError::UnknownTrustee)?;
                let sealed = seal_to(&trustee, share.envelope.expose())?;
                let id = BlobId::of(&sealed);
                shares.push(v1::DealtShare { digest: share.digest.to_vec(), sealed: id.to_vec() });
                blobs.push(sealed);
            }
            let outer = group.outer.map(|digest| digest.to_vec()).unwrap_or_default();
            groups.push(v1::DealtGroup { outer, shares });
        }
        deals.push(v1::Deal { quorum: quorum.name().as_str().to_owned(), groups });
    }
    let master_key = Some((*key.recipient()).into());
    let part = v1::Part { kind: part.kind as i32, master_key, sealed: sealed_id.to_vec(), deals };
    Ok(DealtPart { part, blobs })
}
