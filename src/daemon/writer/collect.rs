//! What a requester fetches: re-sealed shares, what was made at a target, or what a standing right keeps wrapped.
//!
//! The first time is the beginning of the lease, and stands in the log before anything is handed out. Shares that were
//! re-sealed to the daemon are never handed out, nor the sealed secret that they open.

use std::collections::BTreeSet;

use super::group::{Group, Stopped, append_act, settled};
use super::{Collected, WriteError};
use crate::escrow::delegation::Delegation;
use crate::escrow::entry::DaemonAct;
use crate::escrow::id::{BlobId, OrganisationId, PersonId};
use crate::escrow::made::AtTarget;
use crate::escrow::refusal::Refusal;
use crate::escrow::request::{Basis, Request, Stage};
use crate::escrow::window::Purpose;
use crate::seal::delegation::{DelegatedContext, unwrap_outer};
use crate::seal::sealing::PartContext;
use crate::store::StoreError;
use crate::store::batch::AwaitedShare;

impl Group<'_> {
    pub fn collect(&mut self, id: OrganisationId, person: PersonId, index: u64) -> Result<Collected, Stopped> {
        let loaded = settled(self.cache.get(&self.batch, id)?)?;
        let organisation = &loaded.organisation;
        let request = organisation.request(index).ok_or(Refusal::RequestUnknown)?;
        if request.requester != person || request.by_daemon {
            return Err(WriteError::NotYours.into());
        }
        let time = (self.clock)().max(organisation.last_time());
        let starts = match (&request.stage, request.purpose) {
            // The daemon collects, and nobody else.
            (_, Purpose::Unseal) => return Err(Refusal::NotCollectable.into()),
            (Stage::Granted(_), _) if time >= request.expires => {
                return Err(Refusal::RequestExpired { at: request.expires }.into());
            }
            // Its lease begins when it is made.
            (Stage::Granted(_), Purpose::Mint) => return Err(WriteError::NotMadeYet.into()),
            (Stage::Granted(_), _) => true,
            (Stage::Leased(lease), _) if !lease.collected() && request.purpose != Purpose::Mint => {
                return Err(Refusal::RequestExpired { at: request.expires }.into());
            }
            (Stage::Leased(lease), _) if time < lease.until() => false,
            (Stage::Leased(_) | Stage::Ended { .. }, _) => return Err(Refusal::RequestClosed.into()),
            (Stage::Waiting, _) => return Err(Refusal::NotCollectable.into()),
        };
        let corrupt =
            |what: &str| StoreError::Corrupt { organisation: id, what: format!("{what} of request {index}") };
        let shares = self.batch.shares(loaded.number, index)?;
        if request.purpose == Purpose::Mint {
            let made = match request.target {
                Some(AtTarget::Made { sealed }) => Some(sealed),
                _ => None,
            };
            let made = made.ok_or(WriteError::NotMadeYet)?;
            let content = shares.into_iter().filter_map(|share| share.content).find(|c| BlobId::of(c) == made);
            let content = content.ok_or_else(|| corrupt("what was made at the target"))?;
            return Ok(Collected { shares: Vec::new(), sealed: vec![content] });
        }
        if let Some(delegation) = delegated(request).and_then(|index| organisation.delegation(index)) {
            let (request, delegation) = (request.clone(), delegation.clone());
            let sealed = self.unwrap(id, &request, &delegation)?;
            if starts {
                let loaded = settled(self.cache.get(&self.batch, id)?)?;
                self.changed.insert(id);
                append_act(&self.batch, loaded, DaemonAct::Collected(index), time)?;
            }
            return Ok(Collected { shares: Vec::new(), sealed });
        }
        if starts && organisation.agreement(request, &who_delivered(request, &shares)).is_none() {
            return Err(WriteError::NotYetUploaded.into());
        }
        let mut sealed = Vec::with_capacity(request.parts.len());
        let mut to_daemon: BTreeSet<BlobId> = BTreeSet::new();
        for (position, asked) in request.parts.iter().enumerate() {
            if asked.vouched.is_some() {
                let theirs = request.approvals.values().filter_map(|released| released.get(position));
                to_daemon.extend(theirs.flatten());
                continue;
            }
            let blob = organisation.part(&asked.part).map(|state| state.part.sealed);
            let content = match blob {
                Some(blob) => self.batch.blob(loaded.number, &blob)?,
                None => None,
            };
            sealed.push(content.ok_or_else(|| corrupt("a sealed secret"))?);
        }
        if starts {
            self.changed.insert(id);
            append_act(&self.batch, loaded, DaemonAct::Collected(index), time)?;
        }
        let shares = shares.into_iter().filter_map(|share| share.content);
        let shares = shares.filter(|content| to_daemon.is_empty() || !to_daemon.contains(&BlobId::of(content)));
        Ok(Collected { shares: shares.collect(), sealed })
    }

    /// Removes the daemon's layer from a standing right's parts, in the request's order.
    fn unwrap(
        &mut self,
        id: OrganisationId,
        request: &Request,
        delegation: &Delegation,
    ) -> Result<Vec<Vec<u8>>, Stopped> {
        let key = self.wrapping_key(id)?;
        let mut unwrapped = Vec::with_capacity(request.parts.len());
        for asked in &request.parts {
            let wrapped = delegation.wrapped.iter().find(|(part, _)| *part == asked.part);
            let (part, blob) = wrapped.ok_or(Refusal::PartUnknown)?;
            let content = self.live_blob(id, blob)?.ok_or(WriteError::MissingBlob)?;
            let part = PartContext { organisation: id, part: *part };
            let context = DelegatedContext { part, delegation: delegation.index };
            let inner = unwrap_outer(key.age(), &context, &content);
            unwrapped.push(inner.map_err(|_| WriteError::BadlyWrapped)?);
        }
        Ok(unwrapped)
    }
}

/// The standing right by which access to the parts themselves was taken.
fn delegated(request: &Request) -> Option<u64> {
    let grant = match &request.stage {
        Stage::Granted(grant) => grant,
        Stage::Leased(lease) => lease.grant(),
        Stage::Waiting | Stage::Ended { .. } => return None,
    };
    match grant.basis() {
        Basis::Delegation(index) => Some(*index),
        Basis::Agreement(_) | Basis::Unasked => None,
    }
}

/// Approvers all of whose re-sealed shares were uploaded, and the requester if their own shares count.
fn who_delivered(request: &Request, shares: &[AwaitedShare]) -> BTreeSet<PersonId> {
    let missing: BTreeSet<PersonId> =
        shares.iter().filter(|share| share.content.is_none()).map(|share| share.approver).collect();
    let delivered = shares.iter().map(|share| share.approver).filter(|approver| !missing.contains(approver));
    delivered.chain(request.own_share.then_some(request.requester)).collect()
}
