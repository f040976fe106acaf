//! What the log of one association says that its technician should know. Pure counting: no names, and no clock but the
//! one that is given.

use std::collections::BTreeSet;

use crate::escrow::credential::Urgency;
use crate::escrow::id::PersonId;
use crate::escrow::made::AtTarget;
use crate::escrow::organisation::Organisation;
use crate::escrow::time::Time;
use crate::escrow::work::Work;

/// How many there are, and since when the oldest of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: usize,
    /// Since when the oldest; none if there is none.
    pub oldest: Option<Time>,
}

impl FromIterator<Time> for Waiting {
    fn from_iter<I: IntoIterator<Item = Time>>(times: I) -> Self {
        times.into_iter().fold(Self::default(), |waiting, time| Self {
            count: waiting.count + 1,
            oldest: Some(waiting.oldest.map_or(time, |oldest| oldest.min(time))),
        })
    }
}

/// Shares that are known to work, for the agreement that has the smallest reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    /// Trustees whose shares opened and matched in the last 90 days.
    pub confirmed: usize,
    /// How many the agreement takes.
    pub needed: usize,
    /// Whether trustees should do something about it now.
    pub low: bool,
}

/// How an association stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vitals {
    /// What was made at a target and is not known to be gone, although the access is over.
    pub revocations: Waiting,
    /// Rotations that are not over.
    pub rotations: Waiting,
    /// Accounts whose password must be changed at once.
    pub due_now: Waiting,
    /// Accounts whose password must be changed some time.
    pub due_later: Waiting,
    /// None where nothing is in escrow.
    pub shares: Option<Shares>,
    /// Whose cosignatures count.
    pub witnesses: BTreeSet<PersonId>,
}

impl Vitals {
    /// As the log says at `now`.
    pub fn of(organisation: &Organisation, now: Time) -> Self {
        let revocations = organisation.work().filter_map(|work| {
            let Work::Revoke(request) = work else { return None };
            let Some(AtTarget::RevocationDue { since }) = organisation.request(request)?.target else { return None };
            Some(since)
        });
        let accounts = organisation.credentials().values();
        let rotations = accounts.clone().filter_map(|account| Some(account.rotation.as_ref()?.since));
        let due = |urgency| {
            let dues = accounts.clone().filter_map(|account| account.due(account.current()?.0));
            dues.filter(|due| due.urgency == urgency).map(|due| due.since).collect()
        };
        let rows = organisation.working_shares(now);
        let worst = rows.iter().min_by_key(|row| {
            let reserve = row.confirmed.saturating_sub(row.needed);
            (!row.low, row.young, row.confirmed >= row.needed, reserve)
        });
        Self {
            revocations: revocations.collect(),
            rotations: rotations.collect(),
            due_now: due(Urgency::Now),
            due_later: due(Urgency::Later),
            shares: worst.map(|row| Shares { confirmed: row.confirmed, needed: row.needed, low: row.low }),
            witnesses: organisation.charter().map(|charter| charter.witnesses()).unwrap_or_default(),
        }
    }
}
