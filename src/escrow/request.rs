//! Unseal requests and the leases that come of them.
//!
//! ```text
//! Waiting ──k-th approval──▶ Granted ──collection──▶ Leased ──time, return, revocation──▶ Ended
//!    │                          └──expiry──▶ Leased (uncollected)
//!    └──expiry, withdrawal, leaving──▶ Ended
//! ```
//!
//! `Granted` and `Leased` carry a [`Grant`]: nearly always an [`Agreement`], which only satisfied quorums can make.
//! Shares released to requests that came to nothing are counted for ever: when they are enough together, the part is due
//! at once. What a connector makes goes through the same stages; see [`made`](super::made).

use std::collections::{BTreeMap, BTreeSet};

use super::act::{EntryRef, Request as Asked, RequestedPart};
use super::charter::{SHORTEST_LEASE, Vault};
use super::claim::Claimed;
use super::credential::{Credential, DueCause, How, Knower, Urgency};
use super::delegation::Standing;
use super::id::{BlobId, CredentialId, PersonId};
use super::made::AtTarget;
use super::organisation::{Effect, Organisation, Position};
use super::part::{PartId, PartKind, VersionId};
use super::quorum::Agreement;
use super::recovery::ReleasedTo;
use super::refusal::Refusal;
use super::sum::Asker;
use super::time::{Seconds, Time};
use super::window::{LONGEST_WINDOW, Purpose};

/// Longest life of a request.
pub const REQUEST_LIFE: Seconds = Seconds(7 * Seconds::DAY.0);

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
    /// When the daemon said that it had made at the target what was asked for, with [`Purpose::Mint`] only.
    pub made: Option<Time>,
    /// What is to be granted, exactly with [`Purpose::Delegation`].
    pub standing: Option<Standing>,
    /// Text: what the connector needs to know of the requester.
    pub input: Option<BlobId>,
    /// The connector of the version when it was asked for: nobody agreed to another one.
    pub connector: Option<BlobId>,
    /// What there is at the target, with [`Purpose::Mint`] only; none: nothing ever was.
    pub target: Option<AtTarget>,
    /// Until when a window would have been open, if the daemon's keys were gone before.
    pub closed: Option<Time>,
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
    /// It was granted, and came to nothing: the daemon neither opened nor made in time what it was to.
    NotUsed,
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
        let asks = match &self.stage {
            Stage::Waiting => true,
            Stage::Granted(grant) => grant.agreement().is_some(),
            Stage::Leased(_) | Stage::Ended { .. } => false,
        };
        asks && now < self.expires
    }

    /// Those whose shares, or signatures, count for this request: approvers, and the requester if their own share does.
    pub fn agreed(&self) -> BTreeSet<PersonId> {
        let own = self.own_share.then_some(self.requester);
        self.approvals.keys().copied().chain(own).collect()
    }

    /// Whether approvals of it are signatures, and release nothing.
    pub fn signs_only(&self) -> bool {
        match self.purpose {
            Purpose::Mint => true,
            Purpose::Delegation => self.connector.is_some(),
            Purpose::Lease | Purpose::Unseal => false,
        }
    }

    /// Whether some of it opens to the requester, who can then say whether it works.
    pub fn opens_to_requester(&self) -> bool {
        !self.signs_only() && self.purpose != Purpose::Unseal
    }

    /// Whether some of it opens to the daemon.
    pub fn opens_to_daemon(&self) -> bool {
        self.parts.iter().any(|asked| asked.vouched.is_some())
    }

    /// The grant behind it, if there is one and it is not over.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.stage {
            Stage::Granted(grant) => Some(grant),
            Stage::Leased(lease) => Some(&lease.grant),
            Stage::Waiting | Stage::Ended { .. } => None,
        }
    }

    /// When the daemon next has to act on it.
    pub fn deadline(&self) -> Option<Time> {
        match (&self.stage, self.target) {
            // What was begun is over when the lease is, however long it could have been begun.
            (Stage::Granted(_), Some(AtTarget::Started { until, .. })) => Some(until),
            (Stage::Waiting | Stage::Granted(_), _) => Some(self.expires),
            (Stage::Leased(lease), _) => Some(lease.until),
            (Stage::Ended { .. }, _) => None,
        }
    }
}

/// What a request comes to when it is filed.
#[derive(Debug)]
pub(super) struct Asking {
    /// The version that is meant.
    pub version: VersionId,
    /// Its connector now.
    pub connector: Option<BlobId>,
    /// On what it is granted at once, if it is.
    pub basis: Option<Basis>,
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

    pub(super) fn decide_request(&self, signer: &PersonId, asked: &Asked, now: Time) -> Result<Asking, Refusal> {
        let id = asked.credential().ok_or(Refusal::PartUnknown)?;
        let credential = self.account(&id)?;
        let vault = self.vault_for(signer, credential)?;
        let version = self.check_asked(&id, asked, now)?;
        // One key for two parts would let one opened part help to open the other.
        let recipients: BTreeSet<_> = asked.parts.iter().map(|p| p.recipient).collect();
        if recipients.len() != asked.parts.len() {
            return Err(Refusal::PartUnknown);
        }
        self.check_vouched(asked.purpose, &asked.parts)?;
        let longest = if asked.purpose == Purpose::Unseal { LONGEST_WINDOW } else { vault.longest_lease };
        if !(SHORTEST_LEASE..=longest).contains(&asked.duration) {
            return Err(Refusal::Duration { longest });
        }
        if asked.expires <= now || asked.expires > now.after(REQUEST_LIFE) {
            return Err(Refusal::RequestLife);
        }
        let connector = credential.current().and_then(|(_, version)| version.connector);
        let shares = match asked.purpose {
            Purpose::Lease => true,
            Purpose::Delegation => connector.is_none(),
            // The daemon does not have the requester's share, whoever that is: they approve like everybody else.
            Purpose::Unseal | Purpose::Mint => false,
        };
        if asked.own_share != (shares && self.own_share(signer, &asked.parts)) {
            return Err(Refusal::OwnShare);
        }
        let open = |r: &&Request| {
            let waits = matches!(r.stage, Stage::Waiting | Stage::Granted(_)) && now < r.expires;
            waits && r.requester == *signer && r.purpose == asked.purpose
        };
        if let Some(request) = self.live_requests_for(&id).find(open) {
            return Err(Refusal::AlreadyRequested { request: request.at.index });
        }
        if matches!(asked.purpose, Purpose::Lease | Purpose::Mint) {
            self.check_out(signer, &id, None)?;
        }
        let unasked = asked.purpose == Purpose::Mint
            && vault.unasked.includes(signer, &self.roles(signer))
            && self.open_window(&id).is_some();
        let version = VersionId { credential: id, version };
        Ok(Asking { version, connector, basis: unasked.then_some(Basis::Unasked) })
    }

    /// The vault of an account, if this person may ask for what lies there.
    pub(super) fn vault_for(&self, person: &PersonId, credential: &Credential) -> Result<&Vault, Refusal> {
        let charter = self.charter.as_ref().ok_or(Refusal::NotFounded)?;
        let vault = charter.vault(&credential.vault).ok_or(Refusal::VaultUnknown)?;
        if vault.askers.includes(person, &self.roles(person)) { Ok(vault) } else { Err(Refusal::MayNotAsk) }
    }

    /// The number of the version that a request means: the newest that has these parts.
    fn check_asked(&self, id: &CredentialId, asked: &Asked, now: Time) -> Result<u32, Refusal> {
        let credential = self.account(id)?;
        let (current, newest) = credential.current().ok_or(Refusal::PartUnknown)?;
        let parts = || asked.parts.iter().map(|part| part.part);
        match (asked.purpose, &asked.standing) {
            (Purpose::Lease, _) => {
                // Any version can be asked for: otherwise whoever may deposit could lock everybody out with a version
                // that holds nothing. What a rotation staged, too: the target may have it already.
                let has = |number: &u32, part: &PartId| {
                    credential.dealt_with(*number, part.kind) == Some(part.version.version)
                };
                let version = credential.numbers().find(|number| parts().all(|part| has(number, &part)));
                version.ok_or(Refusal::PartUnknown)
            }
            (Purpose::Unseal, _) => {
                newest.connector.ok_or(Refusal::NoConnector)?;
                if parts().eq(self.window_parts(id)) { Ok(current) } else { Err(Refusal::PartUnknown) }
            }
            (Purpose::Mint, _) => {
                newest.connector.ok_or(Refusal::NoConnector)?;
                if parts().eq(self.current_part(id, PartKind::Password)) {
                    Ok(current)
                } else {
                    Err(Refusal::PartUnknown)
                }
            }
            (Purpose::Delegation, Some(standing)) => {
                self.check_standing_right(credential, standing, now)?;
                let all = || parts().all(|part| self.current_part(id, part.kind) == Some(part));
                let fits = match newest.connector {
                    Some(_) => parts().eq(self.current_part(id, PartKind::Password)),
                    None => all(),
                };
                if fits { Ok(current) } else { Err(Refusal::PartUnknown) }
            }
            // Parsing made sure that it is there.
            (Purpose::Delegation, None) => Err(Refusal::DelegationTerms),
        }
    }

    pub(super) fn apply_request(&mut self, requester: PersonId, asking: Asking, asked: Asked, at: Position) {
        let Asking { version, connector, basis } = asking;
        let request = Request {
            at: at.entry(),
            requester,
            by_daemon: false,
            purpose: asked.purpose,
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
            made: None,
            standing: asked.standing,
            input: asked.input,
            connector,
            target: None,
            closed: None,
            filed_again: None,
            stage: Stage::Waiting,
        };
        self.file(request, basis, at);
    }

    /// Enters a request, granted if something stands behind it already.
    pub(super) fn file(&mut self, mut request: Request, basis: Option<Basis>, at: Position) {
        let vouched = request.parts.iter().filter(|asked| asked.vouched.is_some()).map(|asked| asked.recipient);
        self.opening_keys.extend(vouched);
        if request.own_share {
            self.release(&request, request.requester);
        }
        if let Some(basis) = basis {
            self.grant(&mut request, basis, at);
        }
        let index = request.at.index;
        self.insert_request(request);
        self.check_sum(index, at);
    }

    /// Grants a request. Whoever it opens to knows it from here on, and whoever runs what it opens to could.
    pub(super) fn grant(&mut self, request: &mut Request, basis: Basis, at: Position) {
        let grant = Grant::new(basis, at.time);
        if request.signs_only() {
            if request.purpose == Purpose::Delegation {
                self.begin_delegation(request, grant, Vec::new(), at);
                request.stage = Stage::Ended { at: at.time, how: End::Delegated };
            } else {
                request.stage = Stage::Granted(grant);
            }
            return;
        }
        request.stage = Stage::Granted(grant);
        let knower = Knower { person: request.requester, source: request.at.index, since: at.time, how: How::Opened };
        for asked in &request.parts {
            let Some(state) = self.part_mut(&asked.part) else { continue };
            state.account_for(&ReleasedTo::Request(request.at.index));
            if asked.vouched.is_none() {
                state.expose(knower);
            }
        }
        self.expose_to_technicians(request, at);
        if request.purpose == Purpose::Unseal
            && let Some(credential) = self.credentials.get_mut(&request.version.credential)
        {
            credential.unsealed = Some(request.at.index);
        }
    }

    /// Counts a person's shares as released to a request. Once a quorum has agreed, they are accounted for.
    pub(super) fn release(&mut self, request: &Request, person: PersonId) {
        let index = request.at.index;
        for asked in &request.parts {
            let asker = if asked.vouched.is_some() { Asker::Daemon } else { Asker::Person(request.requester) };
            let Some(state) = self.part_mut(&asked.part) else { continue };
            if !state.dealt_to(&person) {
                continue;
            }
            match request.stage {
                Stage::Waiting => state.release(ReleasedTo::Request(index), person, asker, index),
                _ => state.release_beyond(ReleasedTo::Request(index), person),
            }
        }
    }

    /// Whether what was released to this request completes something together with what failed before.
    pub(super) fn check_sum(&mut self, index: u64, at: Position) {
        let parts = self.requests.get(&index).map(|request| request.parts.clone()).unwrap_or_default();
        let technicians = self.technicians();
        for asked in parts {
            if let Some(state) = self.part_mut(&asked.part) {
                state.add_up(at.time, &technicians);
            }
        }
    }

    pub(super) fn decide_return(&self, signer: &PersonId, index: u64) -> Result<End, Refusal> {
        let request = self.requests.get(&index).ok_or(Refusal::RequestUnknown)?;
        // What the daemon asks for in somebody's name is not theirs to take back: it may be needed to end their access.
        if request.requester != *signer || request.by_daemon {
            return Err(Refusal::NotYours);
        }
        match request.stage {
            Stage::Waiting => Ok(End::Withdrawn),
            Stage::Granted(_) | Stage::Leased(_) => Ok(End::Returned),
            Stage::Ended { .. } => Err(Refusal::RequestClosed),
        }
    }

    /// Ends a request. What was opened to somebody by it leaves its version due, however it ended; what was made at the
    /// target, a revocation.
    pub(super) fn end_request(&mut self, index: u64, how: End, at: Position) -> Vec<Effect> {
        let Some(mut request) = self.take_request(index) else { return Vec::new() };
        let granted = request.grant().is_some();
        if let (Stage::Leased(lease), End::Closed) = (&request.stage, how) {
            request.closed = Some(lease.until);
        }
        let basis = request.grant().map(|grant| grant.basis.clone());
        request.stage = Stage::Ended { at: at.time, how };
        request.end_at_target(at.time);
        let (urgency, cause) = match how {
            End::Revoked(_) => (Urgency::Now, DueCause::Revoked(index)),
            End::RequesterLeft => (Urgency::Now, DueCause::Left(request.requester)),
            _ => (Urgency::Later, DueCause::AccessEnded(index)),
        };
        for asked in request.parts.iter().filter(|_| granted) {
            // What was open to the daemon is due when somebody who could read it there leaves.
            if asked.vouched.is_none()
                && !request.signs_only()
                && let Some(state) = self.part_mut(&asked.part)
            {
                state.make_due(urgency, at.time, cause);
            }
            let credential = self.credentials.get_mut(&asked.part.version.credential);
            // Whoever stops what no quorum agreed to has not used their brake.
            let agreed = matches!(basis, Some(Basis::Agreement(_)));
            if let (End::Revoked(person) | End::Sealed(person), Some(credential), true) = (how, credential, agreed) {
                credential.braked.insert((request.purpose, asked.part.kind, person), at.time);
                if request.purpose == Purpose::Unseal {
                    // Of several windows, this end is the one that counts.
                    credential.unsealed = Some(index);
                }
            }
        }
        let (purpose, account) = (request.purpose, request.version.credential);
        self.insert_request(request);
        if purpose == Purpose::Unseal {
            self.forget_rotation(&account);
        }
        let mut effects = vec![Effect::DropShares { request: index }];
        if let Some(Basis::Delegation(delegation)) = basis {
            effects.extend(self.release_wrapped(delegation));
        }
        effects
    }

    pub(super) fn end_requests_of(&mut self, person: PersonId, at: Position) -> Vec<Effect> {
        let mine: Vec<u64> = self.live_requests().filter(|r| r.requester == person).map(|r| r.at.index).collect();
        mine.into_iter().flat_map(|index| self.end_request(index, End::RequesterLeft, at)).collect()
    }

    pub(super) fn start_lease(&mut self, index: u64, since: Time, until: Option<Time>, collected: bool) {
        let Some(mut request) = self.take_request(index) else { return };
        if let Stage::Granted(grant) = request.stage {
            let until = until.unwrap_or(since.after(request.duration));
            request.stage = Stage::Leased(Lease { grant, since, until, collected });
            request.collected = collected;
        }
        self.insert_request(request);
    }

    /// Requests that are not over, oldest deadline first.
    pub fn live_requests(&self) -> impl Iterator<Item = &Request> {
        self.deadlines.iter().filter_map(|(_, index)| self.requests.get(index))
    }

    /// Those of one account, in the same order.
    pub fn live_requests_for(&self, account: &CredentialId) -> impl Iterator<Item = &Request> {
        let all = (*account, Time(0), 0)..=(*account, Time(u64::MAX), u64::MAX);
        self.live_for.range(all).filter_map(|(_, _, index)| self.requests.get(index))
    }

    /// Those that open to the daemon, in the same order.
    pub fn live_requests_to_daemon(&self) -> impl Iterator<Item = &Request> {
        self.live_to_daemon.iter().filter_map(|(_, index)| self.requests.get(index))
    }

    /// Takes a request out together with its deadline and what it asks the daemon to do; [`Self::insert_request`] puts
    /// all back.
    pub(super) fn take_request(&mut self, index: u64) -> Option<Request> {
        let request = self.requests.remove(&index)?;
        if let Some(at) = request.deadline() {
            self.deadlines.remove(&(at, index));
            self.live_for.remove(&(request.version.credential, at, index));
            self.live_to_daemon.remove(&(at, index));
        }
        self.windows.remove(&(request.version.credential, index));
        if let Some(work) = request.work() {
            self.set_work(work, false);
        }
        Some(request)
    }

    pub(super) fn insert_request(&mut self, request: Request) {
        let index = request.at.index;
        if let Some(at) = request.deadline() {
            self.deadlines.insert((at, index));
            self.live_for.insert((request.version.credential, at, index));
            if request.opens_to_daemon() {
                self.live_to_daemon.insert((at, index));
            }
        }
        if request.purpose == Purpose::Unseal && matches!(request.stage, Stage::Leased(_)) {
            self.windows.insert((request.version.credential, index));
        }
        if let Some(work) = request.work() {
            self.set_work(work, true);
        }
        self.requests.insert(index, request);
    }
}
