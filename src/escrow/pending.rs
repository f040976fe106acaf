//! What the daemon may add by itself: each act belongs to one pending transition, or to a window that is open.
//!
//! The log key signs these acts, and whoever has root has the log key. So nothing here gives the daemon anything that
//! people did not agree to: what it may choose is when, within what they agreed to, and less of it. That something *is*
//! so at a target is its word, as is that it fetched or deleted something.

use super::entry::DaemonAct;
use super::made::AtTarget;
use super::organisation::{Audience, Effect, Organisation, Position};
use super::refusal::Refusal;
use super::request::{Basis, End, Request, Stage};
use super::time::Time;
use super::window::Purpose;

impl Organisation {
    fn find(&self, index: u64) -> Result<&Request, Refusal> {
        self.requests.get(&index).ok_or(Refusal::RequestUnknown)
    }

    /// Whether a daemon act is allowed now.
    pub(super) fn decide_daemon_act(&self, act: &DaemonAct, now: Time) -> Result<(), Refusal> {
        let due = |due: bool| if due { Ok(()) } else { Err(Refusal::NotDue) };
        match act {
            DaemonAct::Collected(index) => self.decide_collected(self.find(*index)?, now),
            DaemonAct::RequestExpired(index) => {
                let request = self.find(*index)?;
                let open = matches!(request.stage, Stage::Waiting | Stage::Granted(_));
                due(open && request.deadline().is_some_and(|at| now >= at))
            }
            DaemonAct::LeaseExpired(index) => {
                due(matches!(&self.find(*index)?.stage, Stage::Leased(lease) if now >= lease.until()))
            }
            DaemonAct::Closed(index) => due(self.find(*index)?.can_close()),
            DaemonAct::MintStarted { request, until } => {
                let latest = self.mint_until(*request, now)?;
                due(now.after(super::charter::SHORTEST_LEASE) <= *until && *until <= latest)
            }
            DaemonAct::Minted { request, sealed } => {
                // What was true when it was begun must be true now: nobody gets what was made after a trustee sealed the
                // account, or beyond what could still be revoked.
                let latest = self.mint_latest(*request, now)?;
                due(match self.find(*request)?.target {
                    Some(AtTarget::Started { until, .. }) => now < until && until <= latest,
                    _ => false,
                })?;
                self.check_new(&[(*sealed, Audience::Daemon)])
            }
            DaemonAct::RevokedAtTarget(index) => {
                due(matches!(self.find(*index)?.target, Some(AtTarget::RevocationDue { .. })))
            }
            // What they bring with them is decided with their step.
            DaemonAct::UnsealFiled(_) | DaemonAct::Staged(_) => due(false),
            DaemonAct::Rotated(id) | DaemonAct::StagedDropped(id) => {
                due(self.staged(&id.credential).is_some_and(|(number, _)| number == id.version))
            }
        }
    }

    fn decide_collected(&self, request: &Request, now: Time) -> Result<(), Refusal> {
        match &request.stage {
            Stage::Granted(grant) if now < request.expires && !request.signs_only() => {
                if let Basis::Delegation(index) = grant.basis() {
                    self.check_taken(*index)?;
                    // What was renewed since has other parts than those that the entry of this lease names.
                    let wrapped = self.delegation(*index).map(|d| d.wrapped.as_slice()).unwrap_or_default();
                    let is_there = |part| wrapped.iter().any(|(wrapped, _)| *wrapped == part);
                    if !request.parts.iter().all(|asked| is_there(asked.part)) {
                        return Err(Refusal::NotCollectable);
                    }
                }
                match request.purpose {
                    Purpose::Unseal => Ok(()),
                    _ => self.check_out(&request.requester, &request.version.credential, None),
                }
            }
            _ => Err(Refusal::NotCollectable),
        }
    }

    pub(super) fn apply_daemon_act(&mut self, act: DaemonAct, at: Position) -> Vec<Effect> {
        match act {
            DaemonAct::Collected(index) => {
                self.start_lease(index, at.time, None, true);
                Vec::new()
            }
            DaemonAct::RequestExpired(index) => self.apply_expired(index, at),
            DaemonAct::LeaseExpired(index) => self.end_request(index, End::LeaseExpired, at),
            DaemonAct::Closed(index) => self.end_request(index, End::Closed, at),
            DaemonAct::MintStarted { request, until } => {
                self.set_target(request, AtTarget::Started { at: at.time, until });
                Vec::new()
            }
            DaemonAct::Minted { request, sealed } => self.apply_minted(request, sealed, at),
            DaemonAct::RevokedAtTarget(request) => {
                self.set_target(request, AtTarget::Revoked { at: at.time });
                Vec::new()
            }
            DaemonAct::UnsealFiled(_) | DaemonAct::Staged(_) => Vec::new(),
            DaemonAct::Rotated(id) => self.apply_rotated(&id, at),
            DaemonAct::StagedDropped(id) => self.apply_dropped(&id, at),
        }
    }

    fn apply_expired(&mut self, index: u64, at: Position) -> Vec<Effect> {
        let Some(request) = self.requests.get(&index) else { return Vec::new() };
        match (&request.stage, request.opens_to_requester()) {
            (Stage::Granted(_), true) => {
                let expires = request.expires;
                self.start_lease(index, expires, None, false);
                vec![Effect::DropShares { request: index }]
            }
            (Stage::Granted(_), false) => self.end_request(index, End::NotUsed, at),
            _ => self.end_request(index, End::Expired, at),
        }
    }

    /// The daemon acts that are due by the clock.
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
}
