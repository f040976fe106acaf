//! Credentials: what lies in escrow, who was dealt shares of it, who knows it, and what must be changed.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{ConfirmShares, Deposit, ShareVerdict};
use super::charter::VaultName;
use super::id::{BlobId, CredentialId, PersonId};
use super::organisation::{Organisation, Position};
use super::part::{Deal, Part, PartId, PartKind, VersionId};
use super::refusal::Refusal;
use super::request::{End, Stage};
use super::time::Time;

/// An account in escrow.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its vault.
    pub vault: VaultName,
    /// Versions by number, from 1; the last is the current one.
    pub versions: BTreeMap<u32, Version>,
    /// Index of the entry that last changed it: a deposit.
    pub changed: u64,
}

/// One version of an account.
#[derive(Debug, Clone)]
pub struct Version {
    /// Text: what people call the account.
    pub label: BlobId,
    /// Text: the account sheet.
    pub sheet: BlobId,
    /// Who sealed it, and therefore knows it.
    pub depositor: PersonId,
    /// Where it stands in the log.
    pub index: u64,
    /// When.
    pub since: Time,
    /// The parts that were dealt with it.
    pub parts: BTreeMap<PartKind, PartState>,
    /// The parts that it took over unchanged, with the version that they were dealt with.
    pub carried: BTreeMap<PartKind, u32>,
    /// Who has come to know any of its parts, besides the depositor.
    pub exposures: Vec<Exposure>,
    /// Whether it must be changed. Cleared by the next version, not by time.
    pub due: Option<Due>,
}

/// One part, with what happened to its shares.
#[derive(Debug, Clone)]
pub struct PartState {
    /// What was dealt.
    pub part: Part,
    /// Whose shares were released to which request (by its index), own shares included.
    pub released: BTreeMap<u64, BTreeSet<PersonId>>,
    /// What trustees found when they opened their shares.
    pub verdicts: BTreeMap<PersonId, ShareVerdict>,
    /// Trustees who stopped a granted request for it before it was collected: each can do so once, also where a new
    /// version carries the part over.
    pub vetoed: BTreeSet<PersonId>,
}

/// Somebody who came to know a version.
#[derive(Debug, Clone)]
pub struct Exposure {
    /// Who.
    pub person: PersonId,
    /// Through which request; for a part that was carried over also: by which deposit. The index of its entry.
    pub request: u64,
    /// Which parts.
    pub parts: BTreeSet<PartKind>,
    /// Since when.
    pub since: Time,
}

/// A version that must be changed at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// How soon.
    pub urgency: Urgency,
    /// Since when.
    pub since: Time,
    /// Why.
    pub cause: DueCause,
}

/// How soon a password must be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// In the charter's rhythm: a current member knew it.
    Later,
    /// At once: a leaver, a revocation, shares that added up.
    Now,
}

/// Why a version is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueCause {
    /// The access of this request ended.
    AccessEnded(u64),
    /// The access of this request was revoked.
    Revoked(u64),
    /// Shares released to several failed requests are enough together; the last one was this.
    SharesAddUp(u64),
    /// Somebody who knew it left.
    Left(PersonId),
}

impl PartState {
    /// Distinct trustees whose share was released to anybody, own shares included: what consent screens show.
    pub fn released_to_anybody(&self) -> BTreeSet<PersonId> {
        self.released.values().flatten().copied().collect()
    }
}

impl Version {
    /// The kinds of all its parts, dealt with it or carried over.
    pub fn kinds(&self) -> BTreeSet<PartKind> {
        self.parts.keys().chain(self.carried.keys()).copied().collect()
    }

    /// Notes that somebody came to know parts. Says whether this request had not exposed all of them before.
    pub(super) fn expose(
        &mut self,
        person: PersonId,
        request: u64,
        mut parts: BTreeSet<PartKind>,
        since: Time,
    ) -> bool {
        let earlier = self.exposures.iter().filter(|e| e.request == request).flat_map(|e| &e.parts);
        earlier.for_each(|kind| {
            parts.remove(kind);
        });
        let new = !parts.is_empty();
        if new {
            self.exposures.push(Exposure { person, request, parts, since });
        }
        new
    }

    /// Makes it due, or more urgently so.
    pub(super) fn make_due(&mut self, urgency: Urgency, since: Time, cause: DueCause) {
        if self.due.is_none_or(|due| due.urgency < urgency) {
            self.due = Some(Due { urgency, since, cause });
        }
    }
}

impl Credential {
    /// The current version and its number.
    pub fn current(&self) -> Option<(u32, &Version)> {
        self.versions.last_key_value().map(|(number, version)| (*number, version))
    }

    /// The version with which a part of version `number` was dealt: itself, or an earlier one.
    pub fn dealt_with(&self, number: u32, kind: PartKind) -> Option<u32> {
        let version = self.versions.get(&number)?;
        if version.parts.contains_key(&kind) { Some(number) } else { version.carried.get(&kind).copied() }
    }
}

impl Organisation {
    /// An account by id.
    pub fn credential(&self, id: &CredentialId) -> Option<&Credential> {
        self.credentials.get(id)
    }

    /// A version of an account.
    pub fn version(&self, id: &VersionId) -> Option<&Version> {
        self.credentials.get(&id.credential)?.versions.get(&id.version)
    }

    pub(super) fn version_mut(&mut self, id: &VersionId) -> Option<&mut Version> {
        self.credentials.get_mut(&id.credential)?.versions.get_mut(&id.version)
    }

    /// A part of a version.
    pub fn part(&self, id: &PartId) -> Option<&PartState> {
        self.version(&id.version)?.parts.get(&id.kind)
    }

    /// A part of the current version of an account, by the version that it was dealt with.
    pub fn current_part(&self, id: &CredentialId, kind: PartKind) -> Option<PartId> {
        let credential = self.credentials.get(id)?;
        let version = credential.dealt_with(credential.current()?.0, kind)?;
        Some(PartId { version: VersionId { credential: *id, version }, kind })
    }

    /// The versions that are concerned by what happens to some parts of a version: itself, and the current one if it
    /// still has any of them.
    pub(super) fn concerned(&self, version: VersionId, parts: &[PartId]) -> Vec<VersionId> {
        let current =
            self.credentials.get(&version.credential).and_then(Credential::current).map(|(number, _)| number);
        let newer = current.filter(|number| *number != version.version);
        let still = |part: &PartId| self.current_part(&version.credential, part.kind) == Some(*part);
        let newer = newer.filter(|_| parts.iter().any(still));
        let newer = newer.map(|number| VersionId { credential: version.credential, version: number });
        std::iter::once(version).chain(newer).collect()
    }

    pub(super) fn decide_deposit(
        &self,
        signer: &PersonId,
        deposit: &Deposit,
        base: u64,
    ) -> Result<Vec<(PartKind, Part)>, Refusal> {
        let charter = self.charter.as_ref().ok_or(Refusal::NotFounded)?;
        let vault = charter.vault(&deposit.vault).ok_or(Refusal::VaultUnknown)?;
        if !vault.depositors.includes(signer, &self.roles(signer)) {
            return Err(Refusal::MayNotDeposit);
        }
        self.unchanged_since(base, self.charter_changed)?;
        match (deposit.version.version, self.credentials.get(&deposit.version.credential)) {
            (1, None) => {}
            (1, Some(_)) => return Err(Refusal::CredentialExists),
            (_, None) => return Err(Refusal::CredentialUnknown),
            (next, Some(credential)) => {
                if credential.vault != deposit.vault {
                    return Err(Refusal::VaultDiffers);
                }
                let current = credential.current().map_or(0, |(number, _)| number);
                if current.checked_add(1) != Some(next) {
                    return Err(Refusal::VersionConflict { current });
                }
                self.unchanged_since(base, credential.changed)?;
            }
        }
        for (kind, dealt_with) in &deposit.carried {
            // Only what the current version has can stay, and as it was dealt.
            let part = self.current_part(&deposit.version.credential, *kind).ok_or(Refusal::PartUnknown)?;
            if part.version.version != *dealt_with {
                return Err(Refusal::PartUnknown);
            }
        }
        let mut parts = Vec::with_capacity(deposit.parts.len());
        // Each part of each version has its own key: who opens one must not thereby open another.
        let earlier = self.credentials.get(&deposit.version.credential).into_iter().flat_map(|c| c.versions.values());
        let mut keys: BTreeSet<_> =
            earlier.flat_map(|v| v.parts.values()).map(|state| state.part.master_key).collect();
        for part in &deposit.parts {
            let fits = part.deals.iter().map(|d| &d.quorum).eq(&vault.opened_by) && keys.insert(part.master_key);
            if !fits {
                return Err(Refusal::DealShape);
            }
            let mut deals = Vec::with_capacity(part.deals.len());
            for deal in &part.deals {
                let quorum = charter.quorum(&deal.quorum).ok_or(Refusal::DealShape)?.clone();
                deals.push(Deal::new(quorum, deal.groups.clone()).map_err(|_| Refusal::DealShape)?);
            }
            let dealt = Part { master_key: part.master_key, sealed: part.sealed, epoch: 0, deals };
            parts.push((part.kind, dealt));
        }
        Ok(parts)
    }

    pub(super) fn apply_deposit(
        &mut self,
        depositor: PersonId,
        deposit: Deposit,
        parts: Vec<(PartKind, Part)>,
        at: Position,
    ) {
        let carried: BTreeMap<PartKind, u32> = deposit.carried.into_iter().collect();
        let (exposures, due) = self.carry_over(&deposit.version.credential, &carried, at);
        let fresh =
            |part| PartState { part, released: BTreeMap::new(), verdicts: BTreeMap::new(), vetoed: BTreeSet::new() };
        let version = Version {
            label: deposit.label,
            sheet: deposit.sheet,
            depositor,
            index: at.index,
            since: at.time,
            parts: parts.into_iter().map(|(kind, part)| (kind, fresh(part))).collect(),
            carried,
            exposures,
            due,
        };
        let credential = self.credentials.entry(deposit.version.credential).or_insert_with(|| Credential {
            vault: deposit.vault,
            versions: BTreeMap::new(),
            changed: at.index,
        });
        credential.versions.insert(deposit.version.version, version);
        credential.changed = at.index;
    }

    /// What is known about carried parts stays known: who knows them, and whether they are due.
    fn carry_over(
        &self,
        id: &CredentialId,
        carried: &BTreeMap<PartKind, u32>,
        at: Position,
    ) -> (Vec<Exposure>, Option<Due>) {
        let Some((_, previous)) = self.credentials.get(id).and_then(Credential::current) else {
            return (Vec::new(), None);
        };
        let deposited = Exposure {
            person: previous.depositor,
            request: previous.index,
            parts: previous.parts.keys().copied().collect(),
            since: previous.since,
        };
        let exposures: Vec<Exposure> = previous
            .exposures
            .iter()
            .cloned()
            .chain([deposited])
            .map(|e| Exposure { parts: e.parts.into_iter().filter(|kind| carried.contains_key(kind)).collect(), ..e })
            .filter(|e| !e.parts.is_empty())
            .collect();
        let about_carried = |due: &Due| match due.cause {
            DueCause::AccessEnded(index) | DueCause::Revoked(index) | DueCause::SharesAddUp(index) => {
                exposures.iter().any(|e| e.request == index)
            }
            DueCause::Left(person) => exposures.iter().any(|e| e.person == person),
        };
        // What was due stays due: somebody who left and came back still knows it.
        let kept = previous.due.filter(about_carried);
        let since = previous.due.map_or(at.time, |due| due.since);
        let dues =
            exposures.iter().filter_map(|e| self.due_of(e)).map(|(urgency, cause)| Due { urgency, since, cause });
        let due = dues.chain(kept).max_by_key(|due| due.urgency);
        (exposures, due)
    }

    /// Whether what somebody knows must be changed.
    fn due_of(&self, exposure: &Exposure) -> Option<(Urgency, DueCause)> {
        // Whoever came back had been gone: their join is later than what they saw.
        let person = self.people.get(&exposure.person)?;
        if !self.may_read(&exposure.person) || person.joined.index > exposure.request {
            return Some((Urgency::Now, DueCause::Left(exposure.person)));
        }
        let request = self.requests.get(&exposure.request)?;
        match &request.stage {
            Stage::Granted(_) | Stage::Leased(_) => None,
            _ if !self.was_granted(request) => Some((Urgency::Now, DueCause::SharesAddUp(request.at.index))),
            Stage::Ended { how: End::Revoked(_), .. } => Some((Urgency::Now, DueCause::Revoked(request.at.index))),
            Stage::Ended { .. } => Some((Urgency::Later, DueCause::AccessEnded(request.at.index))),
            Stage::Waiting => None,
        }
    }

    pub(super) fn decide_confirm(&self, signer: &PersonId, confirm: &ConfirmShares) -> Result<(), Refusal> {
        for (part, verdict) in &confirm.checks {
            let state = self.part(part).ok_or(Refusal::PartUnknown)?;
            if !state.part.deals.iter().any(|deal| deal.share_of(signer).is_some()) {
                return Err(Refusal::NoShare);
            }
            // Outside the daily limits, hence only what says something new.
            if state.verdicts.get(signer) == Some(verdict) {
                return Err(Refusal::AlreadySigned);
            }
        }
        Ok(())
    }

    pub(super) fn apply_confirm(&mut self, signer: PersonId, confirm: &ConfirmShares) {
        for (part, verdict) in &confirm.checks {
            if let Some(state) = self.version_mut(&part.version).and_then(|v| v.parts.get_mut(&part.kind)) {
                state.verdicts.insert(signer, *verdict);
            }
        }
    }

    /// Everything current that a leaver knows is due now.
    pub(super) fn leaver_makes_due(&mut self, person: PersonId, at: Position) {
        for credential in self.credentials.values_mut() {
            let Some(mut current) = credential.versions.last_entry() else { continue };
            let version = current.get_mut();
            let knows = version.depositor == person || version.exposures.iter().any(|e| e.person == person);
            if knows {
                version.make_due(Urgency::Now, at.time, DueCause::Left(person));
            }
        }
    }
}
