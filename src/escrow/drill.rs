//! What shows that things still work: trustees confirm their shares, drills ask them to do so again, requesters try
//! the accounts, and a restored copy is measured.
//!
//! A confirmation says something about the day on which it was signed and no more. Its command is at most ten minutes
//! older than its entry, and while something asks for one, its base must hold the entry that asks: nobody can answer a
//! drill before it begins. Nothing here gives or takes anything: a share that fails its check still
//! counts, a drill that fails stops nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{ConfirmShares, ShareVerdict};
use super::id::{CredentialId, PersonId};
use super::log::merkle::TreeHead;
use super::organisation::{Organisation, Position};
use super::part::{PartId, VersionId};
use super::quorum::QuorumName;
use super::refusal::Refusal;
use super::request::{Request, Stage};
use super::role::Role;
use super::time::{Seconds, Time};
use super::wire::{self, Malformed};
use crate::proto::v1;

/// How long after a drill the next one can be started: each asks every trustee for work.
pub const DRILL_REST: Seconds = Seconds(7 * Seconds::DAY.0);
/// How long after the end of an access its holder can say whether it worked.
pub const CONFIRM_WITHIN: Seconds = Seconds(7 * Seconds::DAY.0);

/// How long a confirmation says something about today.
pub const CONFIRMED_FOR: Seconds = Seconds(90 * Seconds::DAY.0);
/// How long before too few are left people are warned.
pub const NOTICE: Seconds = Seconds(14 * Seconds::DAY.0);
/// How long after a deposit its trustees have to confirm it for the first time, before anybody is warned.
pub const SETTLING: Seconds = Seconds(7 * Seconds::DAY.0);

/// What a trustee found when they last opened their shares of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// What.
    pub verdict: ShareVerdict,
    /// The entry that says so.
    pub index: u64,
    /// When.
    pub time: Time,
}

/// The last time that everybody was asked to open their shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drill {
    /// The entry that asks.
    pub index: u64,
    /// When.
    pub time: Time,
    /// Who asked.
    pub by: PersonId,
}

/// Whether a part still worked at the provider when somebody other than its dealer tried it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tested {
    /// Who tried.
    pub person: PersonId,
    /// The entry that says so.
    pub index: u64,
    /// When.
    pub time: Time,
    /// Whether it worked.
    pub works: bool,
}

/// What came of restoring the service from a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreDrill {
    /// Who says so.
    pub person: PersonId,
    /// The entry that says so.
    pub index: u64,
    /// When.
    pub time: Time,
    /// The tree that was restored.
    pub tree: TreeHead,
    /// How long it took.
    pub took: Seconds,
    /// How many live blobs were restored with it.
    pub blobs: u32,
    /// Whether everything was there and answered.
    pub works: bool,
}

/// A requester says whether what they were given still works.
#[derive(Debug, Clone, Copy)]
pub struct ConfirmAccess {
    /// Index of the request.
    pub request: u64,
    /// Whether it worked.
    pub works: bool,
}

/// The result of restoring the service from a copy.
#[derive(Debug, Clone, Copy)]
pub struct RecordDrill {
    /// The tree that was restored.
    pub tree: TreeHead,
    /// How long it took.
    pub took: Seconds,
    /// How many live blobs were restored with it.
    pub blobs: u32,
    /// Whether everything was there and answered.
    pub works: bool,
}

impl RecordDrill {
    pub(super) fn parse(m: v1::RecordDrill) -> Result<Self, Malformed> {
        Ok(Self { tree: wire::tree_head(m.tree)?, took: Seconds(m.seconds), blobs: m.blobs, works: m.works })
    }
}

/// How many shares are known to work for one group of an agreement: for the account for which they are the fewest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingShares<'a> {
    /// The agreement.
    pub quorum: &'a QuorumName,
    /// Which of its groups, from 0; of how many.
    pub group: usize,
    /// How many groups must agree.
    pub groups: usize,
    /// The account.
    pub credential: CredentialId,
    /// Trustees whose shares opened and matched in the last 90 days, and who are still trustees.
    pub confirmed: usize,
    /// Trustees who were dealt shares.
    pub of: usize,
    /// How many it takes.
    pub needed: usize,
    /// From when on there will be too few, if nobody confirms anything until then.
    pub until: Option<Time>,
    /// Whether to do something about it now.
    pub low: bool,
    /// Deposited in the last seven days: whoever has not looked yet is excused.
    pub young: bool,
    /// Accounts deposited in the last seven days whose shares are not all confirmed yet.
    pub settling: BTreeSet<CredentialId>,
}

impl Request {
    /// Until when its holder can say what came of what they fetched; none if they never did.
    pub(super) fn tried_until(&self) -> Option<Time> {
        if !self.opens_to_requester() {
            return None;
        }
        let over = match &self.stage {
            Stage::Leased(lease) if lease.collected() => lease.until(),
            Stage::Ended { at, .. } if self.collected => *at,
            _ => return None,
        };
        Some(over.after(CONFIRM_WITHIN))
    }
}

impl Organisation {
    /// The last drill of shares.
    pub fn drill(&self) -> Option<&Drill> {
        self.drill.as_ref()
    }

    /// What came of the last restore drill.
    pub fn restore_drill(&self) -> Option<&RestoreDrill> {
        self.restore_drill.as_ref()
    }

    /// The parts whose shares this person should open and confirm: those never looked at, those that a claim accuses
    /// them about, and since the last drill those of every current version.
    pub fn to_confirm(&self, person: &PersonId) -> Vec<PartId> {
        let mut open = Vec::new();
        for (credential, account) in &self.credentials {
            for (version, dealt) in &account.versions {
                for (kind, state) in dealt.parts.iter().filter(|(_, state)| state.dealt_to(person)) {
                    let version = VersionId { credential: *credential, version: *version };
                    let part = PartId { version, kind: *kind };
                    let checked = state.verdicts.get(person).map(|checked| checked.index);
                    if checked.is_none() || self.asking(person, &part) > checked {
                        open.push(part);
                    }
                }
            }
        }
        open
    }

    /// The newest entry that asks this person to look at their shares of a part: a claim against them, or a drill,
    /// which asks about current versions only.
    fn asking(&self, person: &PersonId, part: &PartId) -> Option<u64> {
        let account = self.credentials.get(&part.version.credential)?;
        let current = account.current().is_some_and(|(number, _)| {
            account.parts(number).any(|(kind, dealt_with, _)| (dealt_with, kind) == (part.version.version, part.kind))
        });
        let drill = self.drill.filter(|_| current).map(|drill| drill.index);
        drill.max(self.part(part)?.accused.get(person).copied())
    }

    /// The entry that asks this person to confirm their shares of a part once more, if they did not since.
    fn asked_again(&self, person: &PersonId, part: &PartId) -> Option<u64> {
        let checked = self.part(part)?.verdicts.get(person)?.index;
        self.asking(person, part).filter(|asked| *asked > checked)
    }

    /// Whether somebody or something asks for each of these confirmations: the first of each part, and answers.
    pub(super) fn is_asked_for(&self, person: &PersonId, confirm: &ConfirmShares) -> bool {
        confirm.checks.iter().all(|(part, _)| {
            let first = self.part(part).is_some_and(|state| !state.verdicts.contains_key(person));
            first || self.asked_again(person, part).is_some()
        })
    }

    pub(super) fn decide_confirm(
        &self,
        signer: &PersonId,
        confirm: &ConfirmShares,
        base: u64,
    ) -> Result<(), Refusal> {
        for (part, verdict) in &confirm.checks {
            let state = self.part(part).ok_or(Refusal::PartUnknown)?;
            if !state.dealt_to(signer) {
                return Err(Refusal::NoShare);
            }
            let checked = state.verdicts.get(signer);
            // Outside the daily limits, hence only what says something new.
            if checked.is_some_and(|checked| checked.verdict == *verdict) {
                self.asked_again(signer, part).ok_or(Refusal::AlreadyConfirmed)?;
            }
            // It would count as an answer, whatever it says.
            match self.asking(signer, part) {
                Some(asked) if checked.is_none_or(|checked| checked.index < asked) => {
                    self.unchanged_since(base, asked)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn apply_confirm(&mut self, signer: PersonId, confirm: &ConfirmShares, at: Position) {
        for (part, verdict) in &confirm.checks {
            if let Some(state) = self.part_mut(part) {
                state.verdicts.insert(signer, Checked { verdict: *verdict, index: at.index, time: at.time });
            }
        }
    }

    pub(super) fn decide_start_drill(&self, signer: &PersonId, now: Time) -> Result<(), Refusal> {
        self.check_office(signer, &[Role::Trustee, Role::Mediator])?;
        match self.drill.map(|drill| drill.time.after(DRILL_REST)) {
            Some(from) if now < from => Err(Refusal::DrillRest { from }),
            _ => Ok(()),
        }
    }

    pub(super) fn apply_start_drill(&mut self, by: PersonId, at: Position) {
        self.drill = Some(Drill { index: at.index, time: at.time, by });
    }

    /// One row for each group of each agreement with which parts of current versions were dealt, by name.
    pub fn working_shares(&self, now: Time) -> Vec<WorkingShares<'_>> {
        let mut worst: BTreeMap<(&QuorumName, usize), WorkingShares<'_>> = BTreeMap::new();
        let mut settling: BTreeMap<(&QuorumName, usize), BTreeSet<CredentialId>> = BTreeMap::new();
        let since = now.before(CONFIRMED_FOR);
        for (id, account) in &self.credentials {
            let Some((number, _)) = account.current() else { continue };
            for (_, dealt_with, state) in account.parts(number) {
                // What was deposited a moment ago nobody can have confirmed yet.
                let recent =
                    account.versions.get(&dealt_with).is_some_and(|version| now < version.since.after(SETTLING));
                for deal in &state.part.deals {
                    let (quorum, groups) = (deal.quorum().name(), deal.quorum().groups());
                    for (position, group) in groups.iter().enumerate() {
                        // Not those who left, although the charter names them until it is amended.
                        let trustees = group.members().iter().filter(|who| self.roles(who).contains(&Role::Trustee));
                        let checked: Vec<_> = trustees.filter_map(|person| state.verdicts.get(person)).collect();
                        // That excuses whoever has not looked yet. Whoever looked and found a bad share is heard at once.
                        let young = recent && checked.iter().all(|checked| checked.verdict == ShareVerdict::Good);
                        let good = checked
                            .iter()
                            .filter(|checked| checked.verdict == ShareVerdict::Good && checked.time >= since);
                        let mut times: Vec<Time> = good.map(|checked| checked.time).collect();
                        times.sort_by(|a, b| b.cmp(a));
                        let (of, needed) = (group.members().len(), usize::from(group.threshold()));
                        // When the last confirmation that is needed is too old.
                        let until =
                            needed.checked_sub(1).and_then(|last| times.get(last)).map(|t| t.after(CONFIRMED_FOR));
                        // Where all must agree, there is no reserve to watch over.
                        let few = times.len() < needed || (times.len() == needed && needed < of);
                        let low = !young && (few || until.is_some_and(|until| until <= now.after(NOTICE)));
                        if young && few {
                            settling.entry((quorum, position)).or_default().insert(*id);
                        }
                        let row = WorkingShares {
                            quorum,
                            group: position,
                            groups: groups.len(),
                            credential: *id,
                            confirmed: times.len(),
                            of,
                            needed,
                            until,
                            low,
                            young,
                            settling: BTreeSet::new(),
                        };
                        let rank = |row: &WorkingShares<'_>| (row.young, !row.low, row.confirmed, row.until);
                        match worst.get_mut(&(quorum, position)) {
                            Some(kept) if rank(kept) <= rank(&row) => {}
                            Some(kept) => *kept = row,
                            None => drop(worst.insert((quorum, position), row)),
                        }
                    }
                }
            }
        }
        for (key, row) in &mut worst {
            row.settling = settling.remove(key).unwrap_or_default();
            // What the row itself counts is not left out.
            if row.young {
                row.settling.remove(&row.credential);
            }
        }
        worst.into_values().collect()
    }

    pub(super) fn decide_confirm_access(
        &self,
        signer: &PersonId,
        confirm: &ConfirmAccess,
        now: Time,
    ) -> Result<(), Refusal> {
        let request = self.requests.get(&confirm.request).ok_or(Refusal::RequestUnknown)?;
        if request.requester != *signer {
            return Err(Refusal::NotYours);
        }
        // Whoever never fetched the shares has seen nothing that they could have tried.
        match request.tried_until() {
            Some(until) if now <= until => {}
            _ => return Err(Refusal::NothingToTest),
        }
        // Whoever sealed it knows it anyway: that shows nothing of what others can do with it.
        let dealt =
            |part: &PartId| self.version(&part.version).is_some_and(|v| v.depositor == *signer && !v.by_daemon);
        if request.parts.iter().any(|asked| dealt(&asked.part)) {
            return Err(Refusal::OwnDeposit);
        }
        Ok(())
    }

    pub(super) fn apply_confirm_access(&mut self, person: PersonId, confirm: ConfirmAccess, at: Position) {
        let parts = self.requests.get(&confirm.request).map(|request| request.parts.clone()).unwrap_or_default();
        for asked in parts {
            if let Some(state) = self.part_mut(&asked.part) {
                state.tested = Some(Tested { person, index: at.index, time: at.time, works: confirm.works });
            }
        }
    }

    pub(super) fn decide_record_drill(
        &self,
        signer: &PersonId,
        record: &RecordDrill,
        base: TreeHead,
    ) -> Result<(), Refusal> {
        self.check_office(signer, &[Role::Trustee, Role::Mediator, Role::Technician])?;
        // The base was found to be a prefix of this log; so is what was restored, if it is the same.
        if record.tree == base { Ok(()) } else { Err(Refusal::DrillTree) }
    }

    pub(super) fn apply_record_drill(&mut self, person: PersonId, record: RecordDrill, at: Position) {
        let RecordDrill { tree, took, blobs, works } = record;
        self.restore_drill = Some(RestoreDrill { person, index: at.index, time: at.time, tree, took, blobs, works });
    }

    fn check_office(&self, signer: &PersonId, offices: &[Role]) -> Result<(), Refusal> {
        let charter = self.charter.as_ref().ok_or(Refusal::NotFounded)?;
        let held = charter.offices(signer);
        if offices.iter().any(|office| held.contains(office)) { Ok(()) } else { Err(Refusal::MayNotDrill) }
    }
}
