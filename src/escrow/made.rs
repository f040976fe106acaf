//! Leases that a connector makes at the target: begun, made, revoked.
//!
//! ```text
//! Granted ──MintStarted──▶ (something may be there) ──Minted──▶ Leased ──end──▶ Ended, revocation due ──▶ revoked
//! ```
//!
//! From the moment the daemon begins, something may be there to revoke, whatever it says later: so that the entry comes
//! before the target is touched. A revocation stays due until the daemon says that it is done; no time and no restart
//! ends that. No share is released for such a lease and nothing is exposed by it: what is made opens the target for one
//! person, and can be taken back.

use super::charter::SHORTEST_LEASE;
use super::id::{BlobId, CredentialId, PersonId};
use super::organisation::{Effect, Organisation, Position};
use super::refusal::Refusal;
use super::request::{Basis, Request, Stage};
use super::time::{Seconds, Time};
use super::window::Purpose;
use super::work::Work;

/// How long before the end of a window a lease must be over: else nobody could revoke it.
pub const REVOKE_MARGIN: Seconds = Seconds(120);
/// How long after the daemon began to make a lease it can begin again.
pub const START_REST: Seconds = Seconds::MINUTE;

/// What there is, or may be, at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtTarget {
    /// The daemon began: something may be there.
    Started {
        /// When it last began.
        at: Time,
        /// When the lease is over.
        until: Time,
    },
    /// It is made.
    Made {
        /// Blob: what was made, sealed to the requester.
        sealed: BlobId,
    },
    /// The access is over, what was made is not yet known to be gone.
    RevocationDue {
        /// When the access ended.
        since: Time,
    },
    /// It is gone.
    Revoked {
        /// When.
        at: Time,
    },
    /// What would be needed to revoke it was destroyed before it was gone: nobody can say.
    Lost {
        /// When.
        at: Time,
    },
}

impl AtTarget {
    /// Whether something is there, or may be.
    pub fn is_there(&self) -> bool {
        matches!(self, Self::Started { .. } | Self::Made { .. } | Self::RevocationDue { .. })
    }
}

impl Request {
    /// The access is over: what was begun or made must go.
    pub(super) fn end_at_target(&mut self, now: Time) {
        if let Some(AtTarget::Started { .. } | AtTarget::Made { .. }) = self.target {
            self.target = Some(AtTarget::RevocationDue { since: now });
        }
    }
}

impl Organisation {
    /// Until when the lease of this request may run at most, if the daemon begins to make it now: not beyond what was
    /// asked for, and over while it can still be revoked.
    pub fn mint_until(&self, request: u64, now: Time) -> Result<Time, Refusal> {
        let latest = self.mint_latest(request, now)?;
        let request = self.requests.get(&request).ok_or(Refusal::RequestUnknown)?;
        if let Some(AtTarget::Started { at, .. }) = request.target
            && now < at.after(START_REST)
        {
            return Err(Refusal::NotDue);
        }
        if latest < now.after(SHORTEST_LEASE) {
            let window = self.open_window(&request.version.credential);
            return Err(Refusal::WindowTooShort { until: window.and_then(Request::deadline).unwrap_or(now) });
        }
        Ok(latest)
    }

    /// The same for a lease that was begun already, perhaps by an earlier process: whether the daemon may go on with it
    /// now, and until when at most.
    pub fn mint_latest(&self, request: u64, now: Time) -> Result<Time, Refusal> {
        let request = self.requests.get(&request).ok_or(Refusal::RequestUnknown)?;
        let grant = match &request.stage {
            Stage::Granted(grant) if request.purpose == Purpose::Mint => grant,
            _ => return Err(Refusal::NotCollectable),
        };
        if now >= request.expires {
            return Err(Refusal::RequestExpired { at: request.expires });
        }
        self.check_connector(request)?;
        let id = request.version.credential;
        // What held when it was granted must still: nobody agreed to this very access, or the charter changed.
        let vault = self.vault_for(&request.requester, self.account(&id)?)?;
        match grant.basis() {
            Basis::Agreement(_) => {}
            Basis::Unasked if vault.unasked.includes(&request.requester, &self.roles(&request.requester)) => {}
            Basis::Unasked => return Err(Refusal::MayNotAsk),
            Basis::Delegation(index) => self.check_taken(*index)?,
        }
        let window = self.open_window(&id).ok_or(Refusal::NotOpen)?;
        self.check_out(&request.requester, &id, Some(request.at.index))?;
        let ends = window.deadline().unwrap_or(now);
        Ok(now.after(request.duration).min(ends.before(REVOKE_MARGIN)))
    }

    /// People agreed to the connector as it was when it was asked for; rotations leave it as it is.
    pub(super) fn check_connector(&self, request: &Request) -> Result<(), Refusal> {
        let account = self.account(&request.version.credential)?;
        let now = account.current().and_then(|(_, version)| version.connector);
        if now.is_some() && now == request.connector { Ok(()) } else { Err(Refusal::ConnectorChanged) }
    }

    /// Whether somebody can have access to an account that only one person at a time may use. What is to be `made` also
    /// waits until everything that was made there before is gone: else the end of one would take the other away.
    pub(super) fn check_out(&self, person: &PersonId, id: &CredentialId, made: Option<u64>) -> Result<(), Refusal> {
        if !self.account(id)?.exclusive {
            return Ok(());
        }
        let access = self.live_requests_for(id).filter(|r| r.purpose != Purpose::Unseal);
        for other in access.filter(|r| Some(r.at.index) != made) {
            let runs = match &other.stage {
                Stage::Leased(lease) => {
                    (other.requester != *person || made.is_some() && other.target.is_some()).then_some(lease.until())
                }
                Stage::Granted(_) => other.target.and(other.deadline()),
                Stage::Waiting | Stage::Ended { .. } => None,
            };
            if let Some(until) = runs {
                return Err(Refusal::CheckedOut { until });
            }
        }
        match made.and_then(|_| self.to_revoke(id).next()) {
            Some(request) => Err(Refusal::StillAtTarget { request }),
            None => Ok(()),
        }
    }

    /// The requests of an account whose leases are to be revoked.
    fn to_revoke(&self, id: &CredentialId) -> impl Iterator<Item = u64> {
        self.work.iter().filter_map(|work| match work {
            Work::Revoke(index) => {
                self.requests.get(index).is_some_and(|r| r.version.credential == *id).then_some(*index)
            }
            Work::Open(_) | Work::Mint(_) | Work::Rotate(_) => None,
        })
    }

    /// The first request of which there is, or may be, something at the target.
    pub(super) fn still_at_target(&self, id: &CredentialId) -> Option<u64> {
        let there = |r: &&Request| r.target.is_some_and(|target| target.is_there());
        let live = self.live_requests_for(id).find(there).map(|request| request.at.index);
        live.or_else(|| self.to_revoke(id).next())
    }

    pub(super) fn set_target(&mut self, index: u64, target: AtTarget) {
        if let Some(mut request) = self.take_request(index) {
            request.target = Some(target);
            self.insert_request(request);
        }
    }

    pub(super) fn apply_minted(&mut self, index: u64, sealed: BlobId, at: Position) -> Vec<Effect> {
        let Some(request) = self.requests.get(&index) else { return Vec::new() };
        let Some(AtTarget::Started { until, .. }) = request.target else { return Vec::new() };
        let requester = request.requester;
        self.start_lease(index, at.time, Some(until), true);
        if let Some(mut request) = self.take_request(index) {
            request.target = Some(AtTarget::Made { sealed });
            request.made = Some(at.time);
            self.insert_request(request);
        }
        vec![Effect::KeepMade { request: index, requester, blob: sealed }]
    }

    /// What would be needed to revoke at these accounts is destroyed: the log says that nobody can tell any more.
    pub(super) fn lose_targets(&mut self, touches: impl Fn(&CredentialId) -> bool, at: Position) {
        let lost: Vec<u64> = self
            .work
            .iter()
            .filter_map(|work| match work {
                Work::Revoke(index) => Some(*index),
                Work::Open(_) | Work::Mint(_) | Work::Rotate(_) => None,
            })
            .filter(|index| self.requests.get(index).is_some_and(|r| touches(&r.version.credential)))
            .collect();
        for index in lost {
            self.set_target(index, AtTarget::Lost { at: at.time });
        }
    }
}
