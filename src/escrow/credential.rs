//! Credentials: what lies in escrow, who was dealt shares of it, who knows it, and what must be changed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::act::{Deposit, DepositedPart};
use super::charter::{Charter, Vault, VaultName};
use super::drill::{Checked, Tested};
use super::id::{BlobId, CredentialId, PersonId};
use super::organisation::{Effect, Organisation, Position};
use super::part::{Deal, Part, PartId, PartKind, VersionId};
use super::recovery::ReleasedTo;
use super::refusal::Refusal;
use super::request::End;
use super::rotation::Rotation;
use super::sum::Sum;
use super::time::{Seconds, Time};
use super::window::Purpose;

/// An account in escrow.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its vault.
    pub vault: VaultName,
    /// Versions by number, from 1; the last is the current one.
    pub versions: BTreeMap<u32, Version>,
    /// Index of the entry that last changed it: a deposit, or the end of a version.
    pub changed: u64,
    /// Versions that were destroyed: their numbers are not used again.
    pub destroyed: BTreeMap<u32, DestroyedVersion>,
    /// Trustees who stopped access to a kind of part for a purpose, and when last: none of them can again for
    /// [`BRAKE_REST`], also once the part is dealt anew, as it must be after that.
    ///
    /// [`BRAKE_REST`]: super::stopping::BRAKE_REST
    pub braked: BTreeMap<(Purpose, PartKind, PersonId), Time>,
    /// Whether only one person at a time has access. As the current version says.
    pub exclusive: bool,
    /// The rotation that is not over.
    pub rotation: Option<Rotation>,
    /// The last request by which it was to open, or opened, to the daemon, that was granted, or that a trustee closed.
    pub unsealed: Option<u64>,
    /// How often the daemon asked by itself to have it opened, since when; counted by the day.
    pub filed: Option<(Time, u32)>,
}

/// What is left of a version that was destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DestroyedVersion {
    /// When.
    pub at: Time,
}

/// What is left of an account that was destroyed: its id is not used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DestroyedAccount {
    /// When.
    pub at: Time,
    /// The proposal by which, the index of its entry.
    pub proposal: u64,
}

/// One version of an account.
#[derive(Debug, Clone)]
pub struct Version {
    /// Text: how a connector reaches the account's target, if one does.
    pub connector: Option<BlobId>,
    /// Whether the daemon sealed it, in a rotation that the `depositor` asked for and does not know the outcome of.
    pub by_daemon: bool,
    /// Text: what people call the account.
    pub label: BlobId,
    /// Text: the account sheet.
    pub sheet: BlobId,
    /// Who sealed it, and therefore knows it; or asked the daemon to.
    pub depositor: PersonId,
    /// Where it stands in the log.
    pub index: u64,
    /// When.
    pub since: Time,
    /// The parts that were dealt with it.
    pub parts: BTreeMap<PartKind, PartState>,
    /// The parts that it took over unchanged, with the version that they were dealt with.
    pub carried: BTreeMap<PartKind, u32>,
}

/// One part, with what happened to its shares.
#[derive(Debug, Clone)]
pub struct PartState {
    /// What was dealt.
    pub part: Part,
    /// Whose shares were released to which request or recovery, own shares included.
    pub released: BTreeMap<ReleasedTo, BTreeSet<PersonId>>,
    /// What of it adds up.
    pub(super) sum: Sum,
    /// What trustees found when they last opened their shares.
    pub verdicts: BTreeMap<PersonId, Checked>,
    /// Trustees who are said to have passed on a bad share, and the entry of the last such claim: they are asked to
    /// look again.
    pub accused: BTreeMap<PersonId, u64>,
    /// Whether it worked when somebody other than its dealer last tried it; none while nobody did.
    pub tested: Option<Tested>,
    /// Who knows it, by the entry through which they do: first whoever sealed it.
    pub known: BTreeMap<(u64, PersonId), Knower>,
    /// Whether it must be changed. Neither time nor a version that carries it over clears this: only a part dealt anew.
    pub due: Option<Due>,
}

/// Somebody who knows a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knower {
    /// Who.
    pub person: PersonId,
    /// Through which deposit, request or answer to a recovery: the index of its entry.
    pub source: u64,
    /// Since when.
    pub since: Time,
    /// How.
    pub how: How,
}

/// How somebody came to know a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// They sealed it.
    Sealed,
    /// It was opened to them, or shares that were are enough for it.
    Opened,
    /// It was open to the daemon while they were its technicians: they could read it there.
    CouldRead,
}

/// Somebody who came to know parts of a version that they did not seal with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// Who.
    pub person: PersonId,
    /// Through which request, or which answer to a recovery; for a part that was carried over also: by which deposit.
    /// The index of its entry.
    pub source: u64,
    /// Which parts.
    pub parts: BTreeSet<PartKind>,
    /// Since when: the first of them.
    pub since: Time,
    /// How.
    pub how: How,
}

/// Something that must be changed at the provider.
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
    /// Shares released to several failed requests, or recoveries that came to nothing, are enough together; one of them
    /// is this: the index of the request, or of the first answer to the recovery.
    SharesAddUp(u64),
    /// It was opened without the server; the answer in this entry completed a quorum.
    Recovered(u64),
    /// Somebody who knew it left.
    Left(PersonId),
}

impl Part {
    /// As it is when it was just dealt.
    pub(super) fn fresh(self, known: Vec<Knower>) -> PartState {
        PartState {
            part: self,
            released: BTreeMap::new(),
            sum: Sum::default(),
            verdicts: BTreeMap::new(),
            accused: BTreeMap::new(),
            tested: None,
            known: known.into_iter().map(|knower| ((knower.source, knower.person), knower)).collect(),
            due: None,
        }
    }
}

impl PartState {
    /// Distinct trustees whose share was released to anybody, own shares included: what consent screens show.
    pub fn released_to_anybody(&self) -> BTreeSet<PersonId> {
        self.released.values().flatten().copied().collect()
    }

    /// Whether this trustee was dealt a share of it.
    pub fn dealt_to(&self, person: &PersonId) -> bool {
        self.part.deals.iter().any(|deal| deal.share_of(person).is_some())
    }

    /// Whether somebody knows it.
    pub fn known_to(&self, person: &PersonId) -> bool {
        self.known.values().any(|knower| knower.person == *person)
    }

    /// Notes that somebody came to know it. False if they do already, through the same entry.
    pub(super) fn expose(&mut self, knower: Knower) -> bool {
        let key = (knower.source, knower.person);
        let new = !self.known.contains_key(&key);
        self.known.entry(key).or_insert(knower);
        new
    }

    /// Makes it due, or more urgently so.
    pub(super) fn make_due(&mut self, urgency: Urgency, since: Time, cause: DueCause) {
        if self.due.is_none_or(|due| due.urgency < urgency) {
            self.due = Some(Due { urgency, since, cause });
        }
    }
}

impl Version {
    /// The kinds of all its parts, dealt with it or carried over.
    pub fn kinds(&self) -> BTreeSet<PartKind> {
        self.parts.keys().chain(self.carried.keys()).copied().collect()
    }
}

impl Credential {
    /// How often the daemon asked for it in the day that runs.
    pub(super) fn filed_today(&self, now: Time) -> u32 {
        self.filed.filter(|(since, _)| now < since.after(Seconds::DAY)).map_or(0, |(_, count)| count)
    }

    /// The current version and its number.
    pub fn current(&self) -> Option<(u32, &Version)> {
        self.versions.last_key_value().map(|(number, version)| (*number, version))
    }

    /// A version by number, also the one that a rotation staged.
    pub fn version(&self, number: u32) -> Option<&Version> {
        let staged = || self.rotation.as_ref()?.staged.as_ref().filter(|(staged, _)| *staged == number);
        self.versions.get(&number).or_else(|| staged().map(|(_, version)| version))
    }

    fn version_mut(&mut self, number: u32) -> Option<&mut Version> {
        match self.versions.get_mut(&number) {
            Some(version) => Some(version),
            None => {
                let (staged, version) = self.rotation.as_mut()?.staged.as_mut()?;
                (*staged == number).then_some(version)
            }
        }
    }

    /// The numbers of its versions in the order in which a request means them: the newest first, and last what a
    /// rotation staged.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        let staged = self.rotation.as_ref().and_then(|rotation| rotation.staged.as_ref());
        self.versions.keys().rev().copied().chain(staged.map(|(number, _)| *number))
    }

    /// The number that the next version has.
    pub fn next_number(&self) -> Option<u32> {
        self.numbers().max().unwrap_or(0).checked_add(1)
    }

    /// The version with which a part of version `number` was dealt: itself, or an earlier one.
    pub fn dealt_with(&self, number: u32, kind: PartKind) -> Option<u32> {
        let version = self.version(number)?;
        if version.parts.contains_key(&kind) { Some(number) } else { version.carried.get(&kind).copied() }
    }

    /// The parts of a version, dealt with it or carried over: each with the version that it was dealt with.
    pub fn parts(&self, number: u32) -> impl Iterator<Item = (PartKind, u32, &PartState)> {
        let kinds = self.version(number).map(Version::kinds).unwrap_or_default();
        kinds.into_iter().filter_map(move |kind| {
            let dealt_with = self.dealt_with(number, kind)?;
            Some((kind, dealt_with, self.version(dealt_with)?.parts.get(&kind)?))
        })
    }

    /// Whether a version must be changed at the provider: the most urgent of its parts; of equals, the oldest.
    pub fn due(&self, number: u32) -> Option<Due> {
        let dues = self.parts(number).filter_map(|(_, _, state)| state.due);
        dues.min_by_key(|due| (Reverse(due.urgency), due.since))
    }

    /// Who came to know a version besides whoever sealed it, in the order of the entries through which they did.
    pub fn exposures(&self, number: u32) -> Vec<Exposure> {
        let mut exposures: BTreeMap<(u64, PersonId, How), Exposure> = BTreeMap::new();
        for (kind, dealt_with, state) in self.parts(number) {
            // Whoever sealed it with this very version is its depositor.
            let others = state.known.values().filter(|knower| dealt_with != number || knower.how != How::Sealed);
            for knower in others {
                let Knower { person, source, since, how } = *knower;
                let first = || Exposure { person, source, parts: BTreeSet::new(), since, how };
                let exposure = exposures.entry((source, person, how)).or_insert_with(first);
                exposure.since = exposure.since.min(since);
                exposure.parts.insert(kind);
            }
        }
        exposures.into_values().collect()
    }

    /// The parts of a version that a person knows.
    pub fn known_to(&self, number: u32, person: &PersonId) -> BTreeSet<PartKind> {
        self.parts(number).filter(|(_, _, state)| state.known_to(person)).map(|(kind, _, _)| kind).collect()
    }
}

/// The number before the next one.
fn next_before(credential: &Credential) -> u32 {
    credential.numbers().max().unwrap_or(0)
}

impl Organisation {
    /// An account by id.
    pub fn credential(&self, id: &CredentialId) -> Option<&Credential> {
        self.credentials.get(id)
    }

    /// An account that is there; otherwise whether it ever was.
    pub(super) fn account(&self, id: &CredentialId) -> Result<&Credential, Refusal> {
        let gone = || match self.destroyed.contains_key(id) {
            true => Refusal::CredentialDestroyed,
            false => Refusal::CredentialUnknown,
        };
        self.credentials.get(id).ok_or_else(gone)
    }

    /// A version of an account.
    pub fn version(&self, id: &VersionId) -> Option<&Version> {
        self.credentials.get(&id.credential)?.version(id.version)
    }

    pub(super) fn part_mut(&mut self, id: &PartId) -> Option<&mut PartState> {
        let credential = self.credentials.get_mut(&id.version.credential)?;
        credential.version_mut(id.version.version)?.parts.get_mut(&id.kind)
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

    pub(super) fn decide_deposit(
        &self,
        signer: &PersonId,
        deposit: &Deposit,
        base: u64,
        now: Time,
    ) -> Result<Vec<(PartKind, Part)>, Refusal> {
        let charter = self.charter.as_ref().ok_or(Refusal::NotFounded)?;
        let vault = charter.vault(&deposit.vault).ok_or(Refusal::VaultUnknown)?;
        if !vault.depositors.includes(signer, &self.roles(signer)) {
            return Err(Refusal::MayNotDeposit);
        }
        self.unchanged_since(base, self.charter_changed)?;
        if self.destroyed.contains_key(&deposit.version.credential) {
            return Err(Refusal::CredentialDestroyed);
        }
        match (deposit.version.version, self.credentials.get(&deposit.version.credential)) {
            (1, None) => {}
            (1, Some(_)) => return Err(Refusal::CredentialExists),
            (_, None) => return Err(Refusal::CredentialUnknown),
            (next, Some(credential)) => {
                if credential.vault != deposit.vault {
                    return Err(Refusal::VaultDiffers);
                }
                // While the daemon is at work on it, nobody can say which password the target has. Once nothing is open
                // any more, whoever does know says so with a version after the staged one, which is kept.
                if self.staged(&deposit.version.credential).is_some()
                    && self.open_window(&deposit.version.credential).is_some()
                {
                    return Err(Refusal::RotationPending);
                }
                if credential.next_number() != Some(next) {
                    return Err(Refusal::VersionConflict { current: next_before(credential) });
                }
                self.unchanged_since(base, credential.changed)?;
                self.check_same_target(credential, deposit)?;
            }
        }
        self.check_rewrapped(deposit, now)?;
        for (kind, dealt_with) in &deposit.carried {
            // Only what the current version has can stay, and as it was dealt.
            let part = self.current_part(&deposit.version.credential, *kind).ok_or(Refusal::PartUnknown)?;
            if part.version.version != *dealt_with {
                return Err(Refusal::PartUnknown);
            }
        }
        self.dealt(&deposit.parts, vault, charter)
    }

    /// Whether the account keeps its connector; it can have another one once nothing is left at the target that the
    /// present one reaches.
    fn check_same_target(&self, credential: &Credential, deposit: &Deposit) -> Result<(), Refusal> {
        let present = credential.current().and_then(|(_, version)| version.connector);
        match self.still_at_target(&deposit.version.credential) {
            Some(request) if present != deposit.connector => Err(Refusal::StillAtTarget { request }),
            _ => Ok(()),
        }
    }

    /// New parts, if they are dealt to exactly the quorums of the vault.
    pub(super) fn dealt(
        &self,
        deposited: &[DepositedPart],
        vault: &Vault,
        charter: &Charter,
    ) -> Result<Vec<(PartKind, Part)>, Refusal> {
        let mut parts = Vec::with_capacity(deposited.len());
        // Each part of each version has its own key: who opens one must not thereby open another, and what is destroyed
        // must not open from a copy under another name.
        let mut keys = BTreeSet::new();
        for part in deposited {
            if self.master_keys.contains(&part.master_key) || !keys.insert(part.master_key) {
                return Err(Refusal::SealedUsed);
            }
            if !part.deals.iter().map(|d| &d.quorum).eq(&vault.opened_by) {
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
    ) -> Vec<Effect> {
        let id = deposit.version;
        // What was opened to the daemon is out of date.
        let mut effects = self.end_windows(&id.credential, End::Replaced, at, |_| true);
        self.promote(&id.credential, at);
        self.master_keys.extend(parts.iter().map(|(_, part)| part.master_key));
        let dealer = Knower { person: depositor, source: at.index, since: at.time, how: How::Sealed };
        let version = Version {
            connector: deposit.connector,
            by_daemon: false,
            label: deposit.label,
            sheet: deposit.sheet,
            depositor,
            index: at.index,
            since: at.time,
            parts: parts.into_iter().map(|(kind, part)| (kind, part.fresh(vec![dealer]))).collect(),
            carried: deposit.carried.into_iter().collect(),
        };
        let credential = self.credentials.entry(deposit.version.credential).or_insert_with(|| Credential {
            vault: deposit.vault,
            versions: BTreeMap::new(),
            changed: at.index,
            destroyed: BTreeMap::new(),
            braked: BTreeMap::new(),
            exclusive: deposit.exclusive,
            rotation: None,
            unsealed: None,
            filed: None,
        });
        credential.exclusive = deposit.exclusive;
        credential.versions.insert(id.version, version);
        credential.changed = at.index;
        effects.extend(self.renew_delegations(id, &deposit.rewrapped, at));
        effects
    }

    /// Everything current that a leaver knows is due now.
    pub(super) fn leaver_makes_due(&mut self, person: PersonId, at: Position) {
        for credential in self.credentials.values_mut() {
            let staged = credential.rotation.as_ref().and_then(|rotation| rotation.staged.as_ref());
            let numbers = credential.current().map(|(number, _)| number).into_iter().chain(staged.map(|(n, _)| *n));
            let known =
                |(kind, dealt_with, state): (_, _, &PartState)| state.known_to(&person).then_some((kind, dealt_with));
            let known: BTreeSet<(PartKind, u32)> =
                numbers.flat_map(|number| credential.parts(number).filter_map(known)).collect();
            for (kind, dealt_with) in known {
                let version = credential.version_mut(dealt_with);
                if let Some(state) = version.and_then(|version| version.parts.get_mut(&kind)) {
                    state.make_due(Urgency::Now, at.time, DueCause::Left(person));
                }
            }
        }
    }
}
