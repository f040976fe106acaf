//! Collecting shares for the parts of a recovery, and opening what they allow. Bad shares are named and left out; they
//! never cost the good ones.

use std::collections::{BTreeMap, BTreeSet};

use super::super::failure::Failure;
use super::super::replica::Replica;
use crate::escrow::id::{BlobId, Digest, PersonId};
use crate::escrow::organisation::Organisation;
use crate::escrow::part::{Deal, PartId};
use crate::escrow::refusal::Refusal;
use crate::parallel;
use crate::seal::identity::Identity;
use crate::seal::sealing::{PartValue, open_part, open_with};
use crate::seal::secret::Secret;
use crate::seal::sharing::{CombineError, ShareContext, ShareFault, VerifiedShare, combine, verify_share};

/// The parts that are to be opened, with the shares that were found good.
pub(super) struct Gathering {
    works: Vec<Work>,
    places: BTreeMap<PartId, usize>,
}

struct Work {
    part: PartId,
    context: ShareContext,
    sealed: BlobId,
    deals: Vec<Deal>,
    /// For each deal.
    good: Vec<Vec<VerifiedShare>>,
}

/// What became of the shares that somebody gave.
#[derive(Debug, Default)]
pub(super) struct Added {
    /// Good ones that were not there yet.
    pub(super) new: usize,
    /// Good ones that were there already.
    pub(super) known: usize,
    /// For parts that this recovery is not about.
    pub(super) foreign: usize,
    /// Those that are not usable.
    pub(super) bad: Vec<(PartId, Fault)>,
}

/// Why a share is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its sealed blob is not in the copy.
    Missing,
    /// Its sealed blob does not open with the holder's key.
    Sealed,
    /// It is not the one in the log.
    Share(ShareFault),
}

/// What became of a part.
pub(super) enum Outcome {
    /// Open.
    Open(PartValue),
    /// Not enough shares: how many more people, at least, and who could give one.
    Closed {
        /// How many.
        missing: usize,
        /// Who.
        askable: BTreeSet<PersonId>,
    },
    /// The key is there; what it opens is not in this copy.
    NoBlob,
    /// The key is there; what it opens is damaged or belongs elsewhere.
    BadBlob,
    /// Every share is as it was dealt, and they do not give the key.
    Dealer,
}

/// A person's shares of some parts, as their sealed blobs in a copy give them: for each deal that names them.
pub(super) struct Own {
    /// Plaintext envelopes, by part, then deal.
    pub(super) shares: Vec<(PartId, Secret)>,
    /// Those that are not usable.
    pub(super) bad: Vec<(PartId, Fault)>,
}

impl Gathering {
    /// Nothing collected yet. Parts that this copy does not know are left out.
    pub(super) fn new<'p>(state: &Organisation, parts: impl IntoIterator<Item = &'p PartId>) -> Self {
        let mut gathering = Self { works: Vec::new(), places: BTreeMap::new() };
        for id in parts {
            let Some((context, known)) = context_of(state, id) else { continue };
            gathering.places.insert(*id, gathering.works.len());
            let deals = known.part.deals.clone();
            let good = deals.iter().map(|_| Vec::new()).collect();
            gathering.works.push(Work { part: *id, context, sealed: known.part.sealed, deals, good });
        }
        gathering
    }

    /// Checks what somebody gave against the log and keeps what is good.
    pub(super) fn add(&mut self, from: PersonId, shares: Vec<(PartId, Secret)>) -> Added {
        let mut added = Added::default();
        for (part, envelope) in shares {
            let Some(work) = self.places.get(&part).and_then(|place| self.works.get_mut(*place)) else {
                added.foreign += 1;
                continue;
            };
            let digest = Digest::of(&[envelope.expose()]);
            // A share goes to the deal that has its digest; one that has none is held against the first that names
            // its holder, to be told what is wrong with it.
            let logged = |deal: &Deal| deal.share_of(&from).map(|(_, logged)| logged.digest);
            let place = work.deals.iter().position(|deal| logged(deal) == Some(digest));
            let place = place.or_else(|| work.deals.iter().position(|deal| logged(deal).is_some()));
            let slot = place.and_then(|place| Some((work.deals.get(place)?, work.good.get_mut(place)?)));
            let Some((deal, good)) = slot else {
                added.bad.push((part, Fault::Share(ShareFault::NotDealt)));
                continue;
            };
            match verify_share(envelope, from, &work.context, deal) {
                Ok(_) if good.iter().any(|share| *share.from() == from) => added.known += 1,
                Ok(share) => {
                    good.push(share);
                    added.new += 1;
                }
                Err(claim) => added.bad.push((part, Fault::Share(claim.fault))),
            }
        }
        added
    }

    /// Opens everything that the shares allow, in the order of the parts.
    pub(super) fn open(&self, replica: &Replica) -> Vec<(PartId, Outcome)> {
        parallel::map(&self.works, |work| (work.part, work.open(replica)))
    }
}

impl Work {
    fn open(&self, replica: &Replica) -> Outcome {
        let mut badly_dealt = false;
        for (deal, good) in self.deals.iter().zip(&self.good) {
            match combine(good, &self.context, deal) {
                Ok(master) => {
                    let Ok(Some(sealed)) = replica.blob(&self.sealed) else { return Outcome::NoBlob };
                    let opened = open_part(&master, &self.context.part_context(), &sealed);
                    return opened.map_or(Outcome::BadBlob, Outcome::Open);
                }
                Err(CombineError::Dealer) => badly_dealt = true,
                Err(_) => {}
            }
        }
        if badly_dealt {
            return Outcome::Dealer;
        }
        let mut nearest: Option<(usize, BTreeSet<PersonId>)> = None;
        for (deal, good) in self.deals.iter().zip(&self.good) {
            let gave: BTreeSet<PersonId> = good.iter().map(|share| *share.from()).collect();
            let missing = deal.quorum().missing(&gave);
            if nearest.as_ref().is_none_or(|(least, _)| missing < *least) {
                let short = deal.quorum().groups().iter().filter(|group| {
                    group.members().iter().filter(|m| gave.contains(m)).count() < usize::from(group.threshold())
                });
                let askable = short.flat_map(|group| group.members()).filter(|m| !gave.contains(m)).copied();
                nearest = Some((missing, askable.collect()));
            }
        }
        let (missing, askable) = nearest.unwrap_or_default();
        Outcome::Closed { missing, askable }
    }
}

impl Own {
    /// Opens an identity's shares of these parts.
    pub(super) fn open<'p>(
        replica: &Replica,
        identity: &Identity,
        parts: impl IntoIterator<Item = &'p PartId>,
    ) -> Result<Self, Failure> {
        let (state, me) = (replica.state()?, identity.person());
        let mut wanted = Vec::new();
        for part in parts {
            let (context, known) = context_of(state, part).ok_or(Refusal::PartUnknown)?;
            wanted.extend(known.part.deals.iter().filter(|d| d.share_of(&me).is_some()).map(|d| (*part, context, d)));
        }
        let opened = parallel::map(&wanted, |(part, context, deal)| {
            let share = || {
                let (_, logged) = deal.share_of(&me).ok_or(Fault::Missing)?;
                let sealed = replica.blob(&logged.sealed).ok().flatten().ok_or(Fault::Missing)?;
                let envelope = open_with(identity.age(), &sealed).map_err(|_| Fault::Sealed)?;
                let copy = Secret::new(envelope.expose().to_vec());
                // Nobody hands on what is not in the log: it would look like their doing.
                verify_share(copy, me, context, deal).map_err(|claim| Fault::Share(claim.fault))?;
                Ok(envelope)
            };
            (*part, share())
        });
        let mut own = Self { shares: Vec::new(), bad: Vec::new() };
        for (part, share) in opened {
            match share {
                Ok(envelope) => own.shares.push((part, envelope)),
                Err(fault) => own.bad.push((part, fault)),
            }
        }
        Ok(own)
    }

    /// The parts of which there is a share.
    pub(super) fn parts(&self) -> BTreeSet<PartId> {
        self.shares.iter().map(|(part, _)| *part).collect()
    }
}

fn context_of<'s>(
    state: &'s Organisation,
    part: &PartId,
) -> Option<(ShareContext, &'s crate::escrow::credential::PartState)> {
    let known = state.part(part)?;
    let (epoch, master_key) = (known.part.epoch, known.part.master_key);
    Some((ShareContext { organisation: state.id(), part: *part, epoch, master_key }, known))
}
