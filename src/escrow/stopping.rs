//! How one trustee stops access, and why not for ever.
//!
//! Any trustee ends access that was granted, or closes all that is open to the daemon, alone and at once. But a brake is
//! temporary: k who agree again are not stopped for ever by one. What a connector made for somebody can be taken away
//! by the same trustee again, unless a quorum agreed to it since; leases without a quorum's agreement are no agreement
//! that a brake could override.

use std::collections::BTreeSet;

use super::act::Revoke;
use super::id::PersonId;
use super::organisation::{Effect, Organisation, Position};
use super::part::PartId;
use super::refusal::Refusal;
use super::request::{End, Request, Stage};
use super::time::{Seconds, Time};
use super::window::Purpose;

/// After a trustee stopped access to a part, how long it takes until the same trustee can do so again: for that time
/// those who agree anew override them. Others can stop it still.
pub const BRAKE_REST: Seconds = Seconds(30 * Seconds::DAY.0);

impl Organisation {
    fn check_trustee(&self, signer: &PersonId) -> Result<(), Refusal> {
        let trustee = self.charter.as_ref().is_some_and(|c| c.trustees().contains(signer));
        if trustee { Ok(()) } else { Err(Refusal::NotTrustee) }
    }

    pub(super) fn decide_revoke(&self, signer: &PersonId, revoke: &Revoke, now: Time) -> Result<(), Refusal> {
        self.check_trustee(signer)?;
        let request = self.requests.get(&revoke.request).ok_or(Refusal::RequestUnknown)?;
        match (&request.stage, self.resting(signer, request, now)) {
            (Stage::Granted(_) | Stage::Leased(_), Some(until)) => Err(Refusal::VetoUsed { until }),
            (Stage::Granted(_) | Stage::Leased(_), None) => Ok(()),
            (Stage::Waiting, _) => Err(Refusal::NothingToEnd),
            (Stage::Ended { .. }, _) => Err(Refusal::RequestClosed),
        }
    }

    /// What this trustee can close now: everything that is open to the daemon, or was granted to be. A lease with a part
    /// that opens to the daemon ends with it: its codes are what makes it an access.
    pub(super) fn decide_seal(&self, signer: &PersonId, now: Time) -> Result<BTreeSet<u64>, Refusal> {
        self.check_trustee(signer)?;
        let open = self.live_requests_to_daemon().filter(|r| r.grant().is_some());
        let closed: BTreeSet<u64> =
            open.filter(|r| self.resting(signer, r, now).is_none()).map(|r| r.at.index).collect();
        if closed.is_empty() { Err(Refusal::NothingOpen) } else { Ok(closed) }
    }

    pub(super) fn apply_seal(&mut self, signer: PersonId, open: BTreeSet<u64>, at: Position) -> Vec<Effect> {
        open.into_iter().flat_map(|index| self.end_request(index, End::Sealed(signer), at)).collect()
    }

    /// Until when a trustee cannot stop access to these parts again, because they stopped it a short while ago.
    pub fn resting(&self, trustee: &PersonId, request: &Request, now: Time) -> Option<Time> {
        let braked = |part: &PartId| self.account_braked(trustee, request.purpose, part);
        let stopped = request.parts.iter().filter_map(|asked| braked(&asked.part)).max()?;
        let grant = request.grant();
        // What nobody agreed to is always stopped, as often as it is taken.
        let agreed = grant.filter(|grant| grant.agreement().is_some());
        if grant.is_some() && agreed.is_none() {
            return None;
        }
        // Each lease of many at one account is stopped by itself.
        if request.purpose == Purpose::Mint && agreed.is_none_or(|grant| stopped >= grant.at()) {
            return None;
        }
        let until = stopped.after(BRAKE_REST);
        let granted = match &request.stage {
            Stage::Granted(grant) => Some((grant.at(), request.expires.after(request.duration))),
            Stage::Leased(lease) => Some((lease.grant().at(), lease.until())),
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
    pub(super) fn account_braked(&self, trustee: &PersonId, purpose: Purpose, part: &PartId) -> Option<Time> {
        self.credentials.get(&part.version.credential)?.braked.get(&(purpose, part.kind, *trustee)).copied()
    }
}
