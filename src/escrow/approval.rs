//! What people answer to a request: approvals, refusals, and when there are enough of them.
//!
//! An approval releases shares; where a connector makes the lease, it is a signature and releases nothing. Either way it
//! is bound to exactly what the approver saw. Only a satisfied quorum makes an [`Agreement`]; nothing here may grant
//! anything without one.

use std::collections::BTreeSet;

use super::act::{Approve, Deny, EntryRef};
use super::id::{BlobId, PersonId};
use super::organisation::{Effect, Organisation, Position};
use super::quorum::{Agreement, Quorum};
use super::refusal::Refusal;
use super::request::{Basis, Request, Stage};
use super::time::Time;

/// What an approval does.
#[derive(Debug)]
pub(super) struct Approval {
    request: u64,
    released: Vec<Vec<BlobId>>,
    /// Present if this approval completes an agreement for the first time.
    agreement: Option<Agreement>,
}

impl Organisation {
    /// Finds the request that an approval or a denial names, and checks that it is still open.
    fn open_request(&self, reference: &EntryRef, now: Time) -> Result<&Request, Refusal> {
        let request = self.requests.get(&reference.index).ok_or(Refusal::RequestUnknown)?;
        if request.at != *reference {
            return Err(Refusal::RequestDiffers);
        }
        if now >= request.expires && !matches!(request.stage, Stage::Leased(_)) {
            return Err(Refusal::RequestExpired { at: request.expires });
        }
        if !request.accepts(now) {
            return Err(Refusal::RequestClosed);
        }
        Ok(request)
    }

    /// Only a current trustee who was dealt a share of what is asked for, or whose signature is asked for, can approve
    /// or deny.
    fn check_approver(&self, signer: &PersonId, request: &Request) -> Result<(), Refusal> {
        let trustee = self.charter.as_ref().is_some_and(|c| c.trustees().contains(signer));
        let concerned = match request.signs_only() {
            true => self.signing_quorums(request).any(|quorum| quorum.names(signer)),
            false => self.own_share(signer, &request.parts),
        };
        if !trustee || !concerned {
            return Err(Refusal::NotTrustee);
        }
        // What opens to the daemon needs the requester's share there, too; where only signatures are asked for, one is
        // as good as another.
        if request.requester == *signer && request.own_share && !request.opens_to_daemon() {
            return Err(Refusal::OwnRequest);
        }
        Ok(())
    }

    /// The quorums any one of which signs a lease that a connector makes: as the charter is now.
    fn signing_quorums(&self, request: &Request) -> impl Iterator<Item = &Quorum> {
        let vault = self.credentials.get(&request.version.credential).map(|credential| &credential.vault);
        let charter = self.charter.as_ref();
        let vault = charter.zip(vault).and_then(|(charter, vault)| charter.vault(vault));
        let names = vault.into_iter().flat_map(|vault| &vault.leases_signed_by);
        names.filter_map(move |name| charter?.quorum(name))
    }

    pub(super) fn decide_approve(
        &self,
        signer: &PersonId,
        approve: &Approve,
        base: u64,
        now: Time,
    ) -> Result<Approval, Refusal> {
        let request = self.open_request(&approve.request, now)?;
        self.check_approver(signer, request)?;
        if request.approvals.contains_key(signer) {
            return Err(Refusal::AlreadyApproved);
        }
        if approve.parts != request.parts || approve.expires != request.expires {
            return Err(Refusal::RequestDiffers);
        }
        // What the trustee looked at must still be so: the request, the rules, the requester, the account.
        self.unchanged_since(base, request.at.index)?;
        self.unchanged_since(base, self.charter_changed)?;
        if let Some(requester) = self.people.get(&request.requester) {
            self.unchanged_since(base, requester.changed)?;
        }
        if let Some(credential) = self.credentials.get(&request.version.credential) {
            self.unchanged_since(base, credential.changed)?;
        }
        self.check_delegate(request, now)?;
        if request.signs_only() {
            self.check_connector(request)?;
            if !approve.released.is_empty() {
                return Err(Refusal::ReleasedShape);
            }
        } else {
            self.check_released(signer, request, &approve.released)?;
        }
        let mut agreed = request.agreed();
        agreed.insert(*signer);
        let waiting = matches!(request.stage, Stage::Waiting);
        let agreement = if waiting { self.agreement(request, &agreed) } else { None };
        Ok(Approval { request: request.at.index, released: approve.released.clone(), agreement })
    }

    /// Exactly one blob for each deal that names the approver, none of them twice.
    fn check_released(&self, signer: &PersonId, request: &Request, released: &[Vec<BlobId>]) -> Result<(), Refusal> {
        let mut distinct = BTreeSet::new();
        let fits = request.parts.len() == released.len()
            && request.parts.iter().zip(released).all(|(asked, blobs)| {
                let deals = self.part(&asked.part).map_or(0, |state| {
                    state.part.deals.iter().filter(|deal| deal.share_of(signer).is_some()).count()
                });
                deals == blobs.len() && blobs.iter().all(|blob| distinct.insert(*blob))
            });
        if fits { Ok(()) } else { Err(Refusal::ReleasedShape) }
    }

    /// Whether the shares of these people open every part of a request, or their signatures are a quorum's where
    /// nothing opens. No parts, no agreement.
    pub fn agreement(&self, request: &Request, agreed: &BTreeSet<PersonId>) -> Option<Agreement> {
        if request.signs_only() {
            let mut quorums = self.signing_quorums(request);
            return Agreement::of([quorums.find_map(|quorum| quorum.consent(agreed))]);
        }
        Agreement::of(request.parts.iter().map(|asked| {
            let deals = &self.part(&asked.part)?.part.deals;
            deals.iter().find_map(|deal| deal.quorum().consent(agreed))
        }))
    }

    pub(super) fn apply_approve(&mut self, approver: PersonId, approval: Approval, at: Position) -> Vec<Effect> {
        let Some(mut request) = self.take_request(approval.request) else { return Vec::new() };
        let blobs: Vec<BlobId> = approval.released.iter().flatten().copied().collect();
        request.denials.remove(&approver);
        request.approvals.insert(approver, approval.released);
        if !request.signs_only() {
            self.release(&request, approver);
        }
        if let Some(agreement) = approval.agreement {
            self.grant(&mut request, Basis::Agreement(agreement), at);
        }
        let effect = Effect::AwaitShares { request: request.at.index, requester: request.requester, blobs };
        let expected = !request.signs_only();
        self.insert_request(request);
        self.check_sum(approval.request, at);
        if expected { vec![effect] } else { Vec::new() }
    }

    pub(super) fn decide_deny(&self, signer: &PersonId, deny: &Deny, now: Time) -> Result<(), Refusal> {
        let request = self.open_request(&deny.request, now)?;
        self.check_approver(signer, request)?;
        if request.approvals.contains_key(signer) {
            return Err(Refusal::AlreadyApproved);
        }
        Ok(())
    }

    pub(super) fn apply_deny(&mut self, signer: PersonId, deny: &Deny) {
        if let Some(request) = self.requests.get_mut(&deny.request.index) {
            request.denials.insert(signer, deny.reason);
        }
    }
}
