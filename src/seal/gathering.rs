//! From the shares that were re-sealed to a request's recipient to the master key: what a requester's client does with
//! their own, and the daemon with what is opened to it.
//!
//! A bad share never costs a good one, and whoever sent it is named. This module must never use a share that was not
//! compared with the log.

use std::collections::BTreeMap;

use super::sealing::open_with;
use super::secret::Secret;
use super::sharing::{
    Accused, CombineError, MasterKey, ShareContext, VerifiedShare, combine, sort_shares, verify_share,
};
use crate::escrow::act::ShareVerdict;
use crate::escrow::id::{BlobId, PersonId};
use crate::escrow::part::{Deal, Part};

/// One part of a request, as the log has it.
#[derive(Debug, Clone, Copy)]
pub struct Gathering<'a> {
    /// What its shares belong to.
    pub context: ShareContext,
    /// How it was dealt.
    pub part: &'a Part,
    /// Its place among the request's parts.
    pub position: usize,
    /// Who approved, with the blobs of their re-sealed shares, part by part.
    pub approvals: &'a BTreeMap<PersonId, Vec<Vec<BlobId>>>,
    /// Re-sealed shares that are at hand, of whichever part.
    pub blobs: &'a BTreeMap<BlobId, Vec<u8>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Gathered {
    /// The part's master key.
    pub key: Result<MasterKey, NoKey>,
    /// Whose share was not usable, and how, whether the others were enough or not.
    pub bad: BTreeMap<PersonId, ShareVerdict>,
}

/// Why there is no master key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// Too few shares are at hand.
    #[error("too few shares are here; wait until those who approved have uploaded theirs")]
    NotEnough,
    /// Some are not usable, and the others are too few.
    #[error("some shares are not usable and the others are too few; ask more trustees")]
    Bad(Vec<PersonId>),
    /// All shares are as dealt and do not give the logged key.
    #[error("whoever made the deposit split something else; recover the account at its provider")]
    Dealer,
}

impl Gathering<'_> {
    /// Puts the key together, by whichever quorum's shares are enough. `key` is the private half of the part's
    /// recipient; `own` are the requester's own shares, where they count.
    pub fn combine(&self, key: &age::x25519::Identity, own: Option<(PersonId, &[VerifiedShare])>) -> Gathered {
        let mut bad = BTreeMap::new();
        let mut unusable: Vec<PersonId> = Vec::new();
        let mut badly_dealt = false;
        for deal in &self.part.deals {
            let mut sent = Vec::new();
            for approver in self.approvals.keys() {
                let Some(sealed) = self.released(approver, deal).and_then(|blob| self.blobs.get(&blob)) else {
                    continue;
                };
                match open_with(key, sealed) {
                    Ok(envelope) => sent.push((*approver, envelope)),
                    Err(_) => {
                        unusable.push(*approver);
                        bad.entry(*approver).or_insert(ShareVerdict::DoesNotOpen);
                    }
                }
            }
            let (mut good, claims) = sort_shares(sent, &self.context, deal);
            for claim in claims {
                // What was passed on as it was dealt is the dealer's doing.
                if let Accused::Sender(sender) = claim.accused() {
                    bad.entry(sender).or_insert(ShareVerdict::DoesNotMatch);
                }
                unusable.push(claim.from);
            }
            good.extend(own.and_then(|(person, shares)| self.own_share(person, shares, deal)));
            match combine(&good, &self.context, deal) {
                Ok(key) => return Gathered { key: Ok(key), bad },
                Err(CombineError::Dealer) => badly_dealt = true,
                Err(error) => tracing::debug!(%error, "this quorum's shares are not enough"),
            }
        }
        unusable.sort();
        unusable.dedup();
        let why = match (badly_dealt, unusable.is_empty()) {
            // Every share is as it was dealt, so no trustee is to blame and asking more of them is no use.
            (true, _) => NoKey::Dealer,
            (false, true) => NoKey::NotEnough,
            (false, false) => NoKey::Bad(unusable),
        };
        Gathered { key: Err(why), bad }
    }

    fn own_share(&self, person: PersonId, shares: &[VerifiedShare], deal: &Deal) -> Option<VerifiedShare> {
        let (_, logged) = deal.share_of(&person)?;
        let mine = shares.iter().find(|share| share.digest() == logged.digest)?;
        let copy = Secret::new(mine.envelope().expose().to_vec());
        verify_share(copy, person, &self.context, deal).ok()
    }

    /// The blob in which an approver re-sealed their share of a deal: approvals list one per deal that names them.
    fn released(&self, approver: &PersonId, deal: &Deal) -> Option<BlobId> {
        let theirs = self.part.deals.iter().filter(|deal| deal.share_of(approver).is_some());
        let place = theirs.clone().position(|other| other == deal)?;
        self.approvals.get(approver)?.get(self.position)?.get(place).copied()
    }
}
