//! Unseal requests and the leases that come of them.
//!
//! ```text
//! Waiting ──k-th approval──▶ Granted ──collection──▶ Leased ──time, return, revocation──▶ Ended
//!    │                          └──expiry──▶ Leased (uncollected)
//!    └──expiry, withdrawal, leaving──▶ Ended
//! ```
//!
//! `Granted` and `Leased` carry a [`Grant`]: nearly always an [`Agreement`], which only satisfied quorums can make. Shares released to requests
//! that came to nothing are counted for ever: when they are enough together, the part is due at once.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{Approve, Deny, EntryRef, Request as Asked, RequestedPart, Revoke};
use super::charter::SHORTEST_LEASE;
use super::claim::Claimed;
use super::credential::{DueCause, How, Knower, Urgency};
use super::delegation::Standing;
use super::entry::DaemonAct;
use super::id::{BlobId, PersonId};
use super::made::AtTarget;
use super::organisation::{Effect, Organisation, Position};
use super::part::{PartId, VersionId};
use super::quorum::Agreement;
use super::recovery::ReleasedTo;
use super::refusal::Refusal;
use super::time::{Seconds, Time};
use super::window::Purpose;

/// Longest life of a request.
pub const REQUEST_LIFE: Seconds = Seconds(7 * Seconds::DAY.0);

/// After a trustee stopped access to a part, how long it takes until the same trustee can do so again: for that time
/// those who agree anew override them. Others can stop it still.
pub const BRAKE_REST: Seconds = Seconds(30 * Seconds::DAY.0);

/// An unseal request, identified by the index of its entry.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its entry.
    pub at: EntryRef,
    /// Who asks.
    pub requester: PersonId,
    /// Whether the daemon filed it for them.
    pub by_daemon: bool,
    /// What for.
    pub purpose: Purpose,
    /// When it was filed.
    pub since: Time,
    /// The version whose parts are asked for.
    pub version: VersionId,
    /// The parts, and the keys to re-seal their shares to.
    pub parts: Vec<RequestedPart>,
    /// Text: why.
    pub reason: BlobId,
    /// How long the access is to last.
    pub duration: Seconds,
    /// Until when approvals are accepted and shares can be collected.
    pub expires: Time,
    /// Whether the requester's own shares count.
    pub own_share: bool,
    /// Who approved: the blobs of their re-sealed shares, part by part.
    pub approvals: BTreeMap<PersonId, Vec<Vec<BlobId>>>,
    /// Who refused, and the text of why. An approval removes the person's denial.
    pub denials: BTreeMap<PersonId, BlobId>,
    /// Whose re-sealed shares the requester says are bad. That decides nothing.
    pub claims: BTreeMap<PersonId, Claimed>,
    /// Whether the requester fetched the shares, and so may have seen what was asked for.
    pub collected: bool,
    /// What is to be granted, exactly with [`Purpose::Delegation`].
    pub standing: Option<Standing>,
    /// Text: what the connector needs to know of the requester.
    pub input: Option<BlobId>,
    /// The connector of the version when it was asked for: nobody agreed to another one.
    pub connector: Option<BlobId>,
    /// What there is at the target, with [`Purpose::Mint`] only; none: nothing ever was.
    pub target: Option<AtTarget>,
    /// The request with which the daemon asked for the rest of this window.
    pub filed_again: Option<u64>,
    /// Where it stands.
    pub stage: Stage,
}

/// Where a request stands.
#[derive(Debug, Clone)]
pub enum Stage {
    /// For approvals.
    Waiting,
    /// A quorum agreed; the requester can collect until the request expires.
    Granted(Grant),
    /// Access runs.
    Leased(Lease),
    /// Over.
    Ended {
        /// When.
        at: Time,
        /// How.
        how: End,
    },
}

/// On what access rests, and since when.
#[derive(Debug, Clone)]
pub struct Grant {
    basis: Basis,
    at: Time,
}

/// On what access rests.
#[derive(Debug, Clone)]
pub enum Basis {
    /// A quorum's agreement to this very request.
    Agreement(Agreement),
    /// The vault's policy, for as long as the account's connector is open.
    Unasked,
    /// A delegation, by the index of its request.
    Delegation(u64),
}

/// Temporary access.
#[derive(Debug, Clone)]
pub struct Lease {
    grant: Grant,
    since: Time,
    until: Time,
    collected: bool,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Nobody granted it in time.
    Expired,
    /// The requester withdrew it before it was granted.
    Withdrawn,
    /// The lease's time was over.
    LeaseExpired,
    /// The requester gave it back.
    Returned,
    /// A trustee ended it.
    Revoked(PersonId),
    /// The requester left.
    RequesterLeft,
    /// What was asked for was destroyed.
    Destroyed,
    /// A trustee sealed what was open to the daemon.
    Sealed(PersonId),
    /// The keys to which it opened are gone from the daemon's memory.
    Closed,
    /// A newer version came: what was opened to the daemon is out of date.
    Replaced,
    /// It became a delegation.
    Delegated,
}

impl Grant {
    pub(super) fn new(basis: Basis, at: Time) -> Self {
        Self { basis, at }
    }

    /// On what it rests.
    pub fn basis(&self) -> &Basis {
        &self.basis
    }

    /// By whom, where people agreed to this very request.
    pub fn agreement(&self) -> Option<&Agreement> {
        match &self.basis {
            Basis::Agreement(agreement) => Some(agreement),
            Basis::Unasked | Basis::Delegation(_) => None,
        }
    }

    /// Since when. Exposure begins here.
    pub fn at(&self) -> Time {
        self.at
    }
}

impl Lease {
    fn start(grant: Grant, since: Time, duration: Seconds, collected: bool) -> Self {
        Self { grant, since, until: since.after(duration), collected }
    }

    /// The agreement behind it.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// When it began.
    pub fn since(&self) -> Time {
        self.since
    }

    /// When it ends.
    pub fn until(&self) -> Time {
        self.until
    }

    /// Whether the requester fetched the shares; if not, it counts from the request's expiry.
    pub fn collected(&self) -> bool {
        self.collected
    }
}

impl Request {
    /// Whether approvals are accepted: until collection or expiry, also beyond the k-th.
    pub fn accepts(&self, now: Time) -> bool {
        matches!(self.stage, Stage::Waiting | Stage::Granted(_)) && now < self.expires
    }

    /// Those whose shares count for this request: approvers, and the requester if their own share does.
    pub fn agreed(&self) -> BTreeSet<PersonId> {
        let own = self.own_share.then_some(self.requester);
        self.approvals.keys().copied().chain(own).collect()
    }

    /// When the daemon next has to act on it.
    pub(super) fn deadline(&self) -> Option<Time> {
        match &self.stage {
            Stage::Waiting | Stage::Granted(_) => Some(self.expires),
            Stage::Leased(lease) => Some(lease.until),
            Stage::Ended { .. } => None,
        }
    }
}

/// What an approval does.
#[derive(Debug)]
pub(super) struct Approval {
    request: u64,
    released: Vec<Vec<BlobId>>,
    /// Present if this approval completes an agreement for the first time.
    agreement: Option<Agreement>,
}

impl Organisation {
    /// A request by the index of its entry.
    pub fn request(&self, index: u64) -> Option<&Request> {
        self.requests.get(&index)
    }

    /// Whether a requester's own shares count in a request for these parts.
    pub fn own_share(&self, requester: &PersonId, parts: &[RequestedPart]) -> bool {
        parts.iter().filter_map(|asked| self.part(&asked.part)).any(|state| state.dealt_to(requester))
    }

    pub(super) fn decide_request(&self, signer: &PersonId, asked: &Asked, now: Time) -> Result<VersionId, Refusal> {
        let charter = self.charter.as_ref().ok_or(Refusal::NotFounded)?;
        let id = asked.credential().ok_or(Refusal::PartUnknown)?;
        let credential = self.account(&id)?;
        let vault = charter.vault(&credential.vault).ok_or(Refusal::VaultUnknown)?;
        if !vault.askers.includes(signer, &self.roles(signer)) {
            return Err(Refusal::MayNotAsk);
        }
        // Any version can be asked for, the newest that has these parts is meant: otherwise whoever may deposit could
        // lock everybody out with a version that holds nothing.
        let has = |number: &&u32, part: &RequestedPart| {
            credential.dealt_with(**number, part.part.kind) == Some(part.part.version.version)
        };
        let version = credential.versions.keys().rev().find(|number| asked.parts.iter().all(|p| has(number, p)));
        let version = *version.ok_or(Refusal::PartUnknown)?;
        // One key for two parts would let one opened part help to open the other.
        let recipients: BTreeSet<_> = asked.parts.iter().map(|p| p.recipient).collect();
        if recipients.len() != asked.parts.len() {
            return Err(Refusal::PartUnknown);
        }
        if !(SHORTEST_LEASE..=vault.longest_lease).contains(&asked.duration) {
            return Err(Refusal::Duration { longest: vault.longest_lease });
        }
        if asked.expires <= now || asked.expires > now.after(REQUEST_LIFE) {
            return Err(Refusal::RequestLife);
        }
        if asked.own_share != self.own_share(signer, &asked.parts) {
            return Err(Refusal::OwnShare);
        }
        let open = |r: &&Request| r.requester == *signer && r.version.credential == id && r.accepts(now);
        if let Some(request) = self.live_requests().find(open) {
            return Err(Refusal::AlreadyRequested { request: request.at.index });
        }
        Ok(VersionId { credential: id, version })
    }

    pub(super) fn apply_request(&mut self, requester: PersonId, version: VersionId, asked: Asked, at: Position) {
        let request = Request {
            at: at.entry(),
            requester,
            since: at.time,
            version,
            parts: asked.parts,
            reason: asked.reason,
            duration: asked.duration,
            expires: asked.expires,
            own_share: asked.own_share,
            approvals: BTreeMap::new(),
            denials: BTreeMap::new(),
            claims: BTreeMap::new(),
            collected: false,
            by_daemon: false,
            purpose: asked.purpose,
            standing: asked.standing,
            input: asked.input,
            connector: None,
            target: None,
            filed_again: None,
            stage: Stage::Waiting,
        };
        if request.own_share {
            self.release(&request, requester);
        }
        let index = request.at.index;
        self.insert_request(request);
        self.check_sum(index, at);
    }

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

    /// Only a current trustee who was dealt a share of what is asked for can approve or deny.
    fn check_approver(&self, signer: &PersonId, request: &Request) -> Result<(), Refusal> {
        let trustee = self.charter.as_ref().is_some_and(|c| c.trustees().contains(signer));
        if !trustee || !self.own_share(signer, &request.parts) {
            return Err(Refusal::NotTrustee);
        }
        if request.requester == *signer {
            return Err(Refusal::OwnRequest);
        }
        Ok(())
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
        self.check_released(signer, request, &approve.released)?;
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

    /// Whether a quorum once agreed to it, however it ended: then its shares are accounted for by its exposure.
    /// Approvals are final and deals do not change, so that the answer cannot be lost again.
    pub(super) fn was_granted(&self, request: &Request) -> bool {
        self.agreement(request, &request.agreed()).is_some()
    }

    /// Whether the shares of these people open every part of a request. No parts, no agreement.
    pub fn agreement(&self, request: &Request, agreed: &BTreeSet<PersonId>) -> Option<Agreement> {
        Agreement::of(request.parts.iter().map(|asked| {
            let deals = &self.part(&asked.part)?.part.deals;
            deals.iter().find_map(|deal| deal.quorum().consent(agreed))
        }))
    }

    pub(super) fn apply_approve(&mut self, approver: PersonId, approval: Approval, at: Position) -> Vec<Effect> {
        let Some(mut request) = self.take_request(approval.request) else { return Vec::new() };
        let blobs = approval.released.iter().flatten().copied().collect();
        request.denials.remove(&approver);
        request.approvals.insert(approver, approval.released);
        self.release(&request, approver);
        if let Some(agreement) = approval.agreement {
            request.stage = Stage::Granted(Grant::new(Basis::Agreement(agreement), at.time));
            let knower =
                Knower { person: request.requester, source: request.at.index, since: at.time, how: How::Opened };
            for asked in &request.parts {
                if let Some(state) = self.part_mut(&asked.part) {
                    state.expose(knower);
                }
            }
        }
        let effect = Effect::AwaitShares { request: request.at.index, requester: request.requester, blobs };
        self.insert_request(request);
        self.check_sum(approval.request, at);
        vec![effect]
    }

    /// Counts a person's shares as released to a request.
    fn release(&mut self, request: &Request, person: PersonId) {
        let index = request.at.index;
        for asked in &request.parts {
            let Some(state) = self.part_mut(&asked.part) else { continue };
            if state.dealt_to(&person) {
                state.released.entry(ReleasedTo::Request(index)).or_default().insert(person);
            }
        }
    }

    /// Whether what was released to this request completes something together with what failed before.
    fn check_sum(&mut self, index: u64, at: Position) {
        let parts = self.requests.get(&index).map(|request| request.parts.clone()).unwrap_or_default();
        for asked in parts {
            self.add_up(&asked.part, at);
        }
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

    pub(super) fn decide_return(&self, signer: &PersonId, index: u64) -> Result<End, Refusal> {
        let request = self.requests.get(&index).ok_or(Refusal::RequestUnknown)?;
        if request.requester != *signer {
            return Err(Refusal::NotYours);
        }
        match request.stage {
            Stage::Waiting => Ok(End::Withdrawn),
            Stage::Granted(_) | Stage::Leased(_) => Ok(End::Returned),
            Stage::Ended { .. } => Err(Refusal::RequestClosed),
        }
    }

    pub(super) fn decide_revoke(&self, signer: &PersonId, revoke: &Revoke, now: Time) -> Result<(), Refusal> {
        if !self.charter.as_ref().is_some_and(|c| c.trustees().contains(signer)) {
            return Err(Refusal::NotTrustee);
        }
        let request = self.requests.get(&revoke.request).ok_or(Refusal::RequestUnknown)?;
        match (&request.stage, self.resting(signer, request, now)) {
            // A brake is temporary: k who agree again are not stopped for ever by one.
            (Stage::Granted(_) | Stage::Leased(_), Some(until)) => Err(Refusal::VetoUsed { until }),
            (Stage::Granted(_) | Stage::Leased(_), None) => Ok(()),
            (Stage::Waiting, _) => Err(Refusal::NothingToEnd),
            (Stage::Ended { .. }, _) => Err(Refusal::RequestClosed),
        }
    }

    /// Until when a trustee cannot stop access to these parts again, because they stopped it a short while ago.
    pub fn resting(&self, trustee: &PersonId, request: &Request, now: Time) -> Option<Time> {
        let braked = |part: &PartId| self.account_braked(trustee, request.purpose, part);
        let stopped = request.parts.iter().filter_map(|asked| braked(&asked.part)).max()?;
        let until = stopped.after(BRAKE_REST);
        let granted = match &request.stage {
            Stage::Granted(grant) => Some((grant.at, request.expires.after(request.duration))),
            Stage::Leased(lease) => Some((lease.grant.at, lease.until)),
            Stage::Waiting | Stage::Ended { .. } => None,
        };
        // Those who agreed anew while it rested overrode this person: until that access ends.
        let until = match granted {
            Some((at, end)) if stopped <= at && at < until => until.max(end),
            _ => until,
        };
        Some(until).filter(|until| now < *until)
    }

    /// When a trustee last stopped access to a kind of part of an account, for this purpose.
    fn account_braked(&self, trustee: &PersonId, purpose: Purpose, part: &PartId) -> Option<Time> {
        self.credentials.get(&part.version.credential)?.braked.get(&(purpose, part.kind, *trustee)).copied()
    }

    /// Ends a request. Access that was granted leaves its version due, however it ended.
    pub(super) fn end_request(&mut self, index: u64, how: End, at: Position) -> Vec<Effect> {
        let Some(mut request) = self.take_request(index) else { return Vec::new() };
        let granted = matches!(request.stage, Stage::Granted(_) | Stage::Leased(_));
        request.stage = Stage::Ended { at: at.time, how };
        let (urgency, cause) = match how {
            End::Revoked(_) => (Urgency::Now, DueCause::Revoked(index)),
            End::RequesterLeft => (Urgency::Now, DueCause::Left(request.requester)),
            _ => (Urgency::Later, DueCause::AccessEnded(index)),
        };
        for asked in request.parts.iter().filter(|_| granted) {
            let Some(state) = self.part_mut(&asked.part) else { continue };
            state.make_due(urgency, at.time, cause);
            let credential = self.credentials.get_mut(&asked.part.version.credential);
            if let (End::Revoked(person), Some(credential)) = (how, credential) {
                credential.braked.insert((request.purpose, asked.part.kind, person), at.time);
            }
        }
        self.insert_request(request);
        vec![Effect::DropShares { request: index }]
    }

    pub(super) fn end_requests_of(&mut self, person: PersonId, at: Position) -> Vec<Effect> {
        let mine: Vec<u64> = self.live_requests().filter(|r| r.requester == person).map(|r| r.at.index).collect();
        mine.into_iter().flat_map(|index| self.end_request(index, End::RequesterLeft, at)).collect()
    }

    /// Whether a daemon act is allowed now: each belongs to one pending transition.
    pub(super) fn decide_daemon_act(&self, act: &DaemonAct, now: Time) -> Result<(), Refusal> {
        let find = |index: &u64| self.requests.get(index).ok_or(Refusal::RequestUnknown);
        match act {
            DaemonAct::Collected(index) => match &find(index)?.stage {
                Stage::Granted(_) if now < find(index)?.expires => Ok(()),
                _ => Err(Refusal::NotCollectable),
            },
            DaemonAct::RequestExpired(index) => match &find(index)?.stage {
                Stage::Waiting | Stage::Granted(_) if now >= find(index)?.expires => Ok(()),
                _ => Err(Refusal::NotDue),
            },
            DaemonAct::LeaseExpired(index) => match &find(index)?.stage {
                Stage::Leased(lease) if now >= lease.until => Ok(()),
                _ => Err(Refusal::NotDue),
            },
            _ => Err(Refusal::NotDue),
        }
    }

    pub(super) fn apply_daemon_act(&mut self, act: DaemonAct, at: Position) -> Vec<Effect> {
        match act {
            DaemonAct::Collected(index) => {
                self.start_lease(index, at.time, true);
                Vec::new()
            }
            DaemonAct::RequestExpired(index) => {
                let granted = self.requests.get(&index).is_some_and(|r| matches!(r.stage, Stage::Granted(_)));
                if !granted {
                    return self.end_request(index, End::Expired, at);
                }
                if let Some(expires) = self.requests.get(&index).map(|r| r.expires) {
                    self.start_lease(index, expires, false);
                }
                vec![Effect::DropShares { request: index }]
            }
            DaemonAct::LeaseExpired(index) => self.end_request(index, End::LeaseExpired, at),
            _ => Vec::new(),
        }
    }

    fn start_lease(&mut self, index: u64, since: Time, collected: bool) {
        let Some(mut request) = self.take_request(index) else { return };
        if let Stage::Granted(grant) = request.stage {
            request.stage = Stage::Leased(Lease::start(grant, since, request.duration, collected));
            request.collected = collected;
        }
        self.insert_request(request);
    }

    /// The daemon acts that are due.
    pub fn due(&self, now: Time) -> Vec<DaemonAct> {
        let over = self.deadlines.iter().take_while(|(at, _)| *at <= now);
        over.filter_map(|(_, index)| {
            Some(match self.requests.get(index)?.stage {
                Stage::Waiting | Stage::Granted(_) => DaemonAct::RequestExpired(*index),
                Stage::Leased(_) => DaemonAct::LeaseExpired(*index),
                Stage::Ended { .. } => return None,
            })
        })
        .collect()
    }

    /// When [`Self::due`] next has something.
    pub fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Requests that are not over, oldest deadline first.
    pub fn live_requests(&self) -> impl Iterator<Item = &Request> {
        self.deadlines.iter().filter_map(|(_, index)| self.requests.get(index))
    }

    /// Takes a request out together with its deadline; [`Self::insert_request`] puts both back.
    fn take_request(&mut self, index: u64) -> Option<Request> {
        let request = self.requests.remove(&index)?;
        if let Some(at) = request.deadline() {
            self.deadlines.remove(&(at, index));
        }
        Some(request)
    }

    fn insert_request(&mut self, request: Request) {
        if let Some(at) = request.deadline() {
            self.deadlines.insert((at, request.at.index));
        }
        self.requests.insert(request.at.index, request);
    }
}
