//! Delegations: a standing right of a member to take leases of one account without asking each time.
//!
//! Of an account with a connector it is a rule and nothing more. Of one without, the secret is kept a second time under
//! two layers: the daemon removes the outer one only after the entry of a lease, the delegate's client the inner one.
//! Neither of them alone opens anything, and nobody opens anything unlogged. It ends by date, by use, by whoever may
//! end it, with the delegate's leaving, and with the version that it was given for, unless whoever deposits the next
//! one renews it.

use std::collections::BTreeMap;

use super::act::{Deposit, RequestedPart};
use super::charter::SHORTEST_LEASE;
use super::credential::Credential;
use super::id::{BlobId, CredentialId, OrganisationId, PersonId};
use super::key::{RecipientKey, Signature};
use super::organisation::{Audience, Effect, Organisation, Position};
use super::part::{PartId, PartKind, VersionId};
use super::refusal::Refusal;
use super::request::{Basis, End, Grant, Request, Stage};
use super::stopping::BRAKE_REST;
use super::time::{Seconds, Time};
use super::window::Purpose;
use super::wire::{self, Malformed};
use crate::proto::v1;

/// Longest life of a delegation.
pub const LONGEST_DELEGATION: Seconds = Seconds(366 * Seconds::DAY.0);
/// How long after a lease was taken it must be fetched, or made at the target.
pub const TAKE_WITHIN: Seconds = Seconds::HOUR;

/// Under which a trustee's brake on standing rights is noted.
const BRAKE: Purpose = Purpose::Delegation;

const WRAPPING_KEY_LABEL: &[u8] = b"sequestre/wrapping-key/v1\0";

/// What the log key signs to vouch for the key to which outer layers are sealed: label ‖ organisation id ‖ canonical
/// recipient.
pub fn wrapping_key_preimage(organisation: &OrganisationId, key: &RecipientKey) -> Vec<u8> {
    use prost::Message as _;
    [WRAPPING_KEY_LABEL, organisation.as_bytes().as_slice(), &v1::Recipient::from(*key).encode_to_vec()].concat()
}

/// What a delegation allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whom.
    pub to: PersonId,
    /// Until when leases can be taken.
    pub until: Time,
    /// How many; at least one.
    pub uses: u32,
}

impl Standing {
    pub(super) fn parse(m: &v1::Standing) -> Result<Self, Malformed> {
        if m.uses == 0 {
            return Err(Malformed::Range("uses"));
        }
        Ok(Self { to: PersonId::parse(&m.to)?, until: Time(m.until), uses: m.uses })
    }
}

/// A part under two layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrapped {
    /// Which part.
    pub kind: PartKind,
    /// Blob: sealed to the daemon, inside to the delegate.
    pub sealed: BlobId,
}

fn wrapped(list: Vec<v1::Wrapped>) -> Result<Vec<Wrapped>, Malformed> {
    let one = |w: v1::Wrapped| -> Result<_, Malformed> {
        Ok(Wrapped { kind: wire::part_kind(w.kind)?, sealed: wire::blob(&w.sealed)? })
    };
    let list = list.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
    wire::ascending(&list, "wrapped parts", |w| w.kind)?;
    Ok(list)
}

/// A delegation that goes on with the next version.
#[derive(Debug, Clone)]
pub struct Rewrapped {
    /// Which: the index of its request.
    pub delegation: u64,
    /// The new parts, by kind; none of an account with a connector.
    pub wrapped: Vec<Wrapped>,
}

impl Rewrapped {
    pub(super) fn parse(m: v1::Rewrapped) -> Result<Self, Malformed> {
        Ok(Self { delegation: m.delegation_index, wrapped: wrapped(m.wrapped)? })
    }
}

/// Completes a delegation of an account without a connector.
#[derive(Debug, Clone)]
pub struct Delegate {
    /// The granted request.
    pub request: u64,
    /// Its parts, by kind.
    pub wrapped: Vec<Wrapped>,
    /// The key of the outer layer.
    pub daemon: RecipientKey,
    /// The log key's signature over [`wrapping_key_preimage`].
    pub vouched: Signature,
}

impl Delegate {
    pub(super) fn parse(m: v1::Delegate) -> Result<Self, Malformed> {
        Ok(Self {
            request: m.request_index,
            wrapped: wrapped(m.wrapped)?,
            daemon: wire::recipient(m.daemon)?,
            vouched: wire::signature(m.vouched)?,
        })
    }
}

/// Ends a delegation.
#[derive(Debug, Clone, Copy)]
pub struct EndDelegation {
    /// The index of its request.
    pub delegation: u64,
    /// Text: why.
    pub reason: BlobId,
}

impl EndDelegation {
    pub(super) fn parse(m: &v1::EndDelegation) -> Result<Self, Malformed> {
        Ok(Self { delegation: m.delegation_index, reason: wire::blob(&m.reason)? })
    }
}

/// The delegate takes a lease.
#[derive(Debug, Clone, Copy)]
pub struct Take {
    /// The index of the delegation's request.
    pub delegation: u64,
    /// Text: why.
    pub reason: BlobId,
    /// How long.
    pub duration: Seconds,
    /// With a connector: to whom what is made is sealed.
    pub recipient: Option<RecipientKey>,
    /// Text: what the connector needs to know.
    pub input: Option<BlobId>,
}

impl Take {
    pub(super) fn parse(m: v1::Take) -> Result<Self, Malformed> {
        Ok(Self {
            delegation: m.delegation_index,
            reason: wire::blob(&m.reason)?,
            duration: Seconds(m.duration),
            recipient: m.recipient.map(|key| wire::recipient(Some(key))).transpose()?,
            input: wire::optional_blob(&m.input)?,
        })
    }
}

/// A standing right, by the index of the request that was granted.
#[derive(Debug, Clone)]
pub struct Delegation {
    /// The index of its request.
    pub index: u64,
    /// The account, and the version for which it holds now.
    pub version: VersionId,
    /// Who asked for it.
    pub asked_by: PersonId,
    /// What it allows.
    pub standing: Standing,
    /// How many leases were taken.
    pub used: u32,
    /// Since when it is in force.
    pub since: Time,
    /// Who agreed.
    pub grant: Grant,
    /// The connector for which it was granted; none: the parts are kept wrapped.
    pub connector: Option<BlobId>,
    /// The wrapped parts, each with the part that it repeats.
    pub wrapped: Vec<(PartId, BlobId)>,
    /// When it ended, and how.
    pub ended: Option<(Time, DelegationEnd)>,
}

/// How a delegation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelegationEnd {
    /// Its time was over.
    Expired,
    /// The last lease was taken.
    Used,
    /// Somebody ended it.
    Ended(PersonId),
    /// The delegate left.
    DelegateLeft,
    /// A next version came without it.
    Replaced,
    /// The log moved: the outer layer was sealed to the server that it left.
    Moved,
    /// What it was for was destroyed.
    Destroyed,
}

impl Delegation {
    /// Whether leases can be taken.
    pub fn is_live(&self, now: Time) -> bool {
        self.ended.is_none() && now < self.standing.until && self.left() > 0
    }

    /// Whether this person asked for it, or has it.
    fn is_of(&self, person: &PersonId) -> bool {
        self.asked_by == *person || self.standing.to == *person
    }

    /// The kinds of what it opens; of an account with a connector, of what the connector needs.
    fn kinds(&self) -> impl Iterator<Item = PartKind> {
        let rule = self.connector.map(|_| PartKind::Password);
        self.wrapped.iter().map(|(part, _)| part.kind).chain(rule)
    }

    fn part(&self, kind: PartKind) -> PartId {
        PartId { version: self.version, kind }
    }

    /// How many leases can still be taken.
    pub fn left(&self) -> u32 {
        self.standing.uses.saturating_sub(self.used)
    }
}

/// What a taken lease consists of.
#[derive(Debug)]
pub(super) struct Taking {
    parts: Vec<RequestedPart>,
    version: VersionId,
}

impl Organisation {
    /// A delegation by the index of the request that was granted.
    pub fn delegation(&self, index: u64) -> Option<&Delegation> {
        self.delegations.get(&index)
    }

    /// Every delegation that there was, oldest request first.
    pub fn delegations(&self) -> impl Iterator<Item = &Delegation> {
        self.delegations.values()
    }

    pub(super) fn check_standing_right(
        &self,
        credential: &Credential,
        standing: &Standing,
        now: Time,
    ) -> Result<(), Refusal> {
        let lasts = standing.until > now && standing.until <= now.after(LONGEST_DELEGATION);
        if lasts && self.vault_for(&standing.to, credential).is_ok() { Ok(()) } else { Err(Refusal::DelegationTerms) }
    }

    /// The same, and that whoever asked, approved and wraps meant the person who is here now: a right is not for
    /// somebody who left meanwhile, also if they came back.
    pub(super) fn check_delegate(&self, request: &Request, now: Time) -> Result<(), Refusal> {
        let Some(standing) = &request.standing else { return Ok(()) };
        let changed = self.people.get(&standing.to).map_or(u64::MAX, |person| person.changed);
        if changed > request.at.index {
            return Err(Refusal::DelegationTerms);
        }
        self.check_standing_right(self.account(&request.version.credential)?, standing, now)
    }

    /// Puts a delegation in force.
    pub(super) fn begin_delegation(
        &mut self,
        request: &Request,
        grant: Grant,
        wrapped: Vec<(PartId, BlobId)>,
        at: Position,
    ) {
        let Some(standing) = request.standing else { return };
        let index = request.at.index;
        let delegation = Delegation {
            index,
            version: request.version,
            asked_by: request.requester,
            standing,
            used: 0,
            since: at.time,
            grant,
            connector: request.connector,
            wrapped,
            ended: None,
        };
        self.delegations.insert(index, delegation);
        self.delegation_ends.insert((standing.until, index));
    }

    pub(super) fn decide_delegate(&self, signer: &PersonId, act: &Delegate, now: Time) -> Result<(), Refusal> {
        let request = self.requests.get(&act.request).ok_or(Refusal::RequestUnknown)?;
        if request.requester != *signer {
            return Err(Refusal::NotYours);
        }
        request.standing.ok_or(Refusal::DelegationUnknown)?;
        match &request.stage {
            Stage::Leased(lease) if lease.collected() && now < lease.until() => {}
            Stage::Ended { how: End::Delegated, .. } => return Err(Refusal::HasConnector),
            _ => return Err(Refusal::NotCollectable),
        }
        let id = request.version.credential;
        let credential = self.account(&id)?;
        let (current, newest) = credential.current().ok_or(Refusal::PartUnknown)?;
        if newest.connector.is_some() {
            return Err(Refusal::HasConnector);
        }
        // What was replaced since is no longer what was agreed to.
        if !request.parts.iter().all(|asked| self.current_part(&id, asked.part.kind) == Some(asked.part)) {
            return Err(Refusal::VersionConflict { current });
        }
        self.check_delegate(request, now)?;
        let vouched = self.log_key.verify(&wrapping_key_preimage(&self.id, &act.daemon), &act.vouched);
        let mut kinds: Vec<PartKind> = request.parts.iter().map(|asked| asked.part.kind).collect();
        kinds.sort();
        if vouched.is_err() || !kinds.into_iter().eq(act.wrapped.iter().map(|wrapped| wrapped.kind)) {
            return Err(Refusal::WrappedShape);
        }
        Ok(())
    }

    pub(super) fn apply_delegate(&mut self, act: &Delegate, at: Position) -> Vec<Effect> {
        let Some(request) = self.requests.get(&act.request).cloned() else { return Vec::new() };
        let Some(grant) = request.grant().cloned() else { return Vec::new() };
        let id = request.version.credential;
        let part = |wrapped: &Wrapped| Some((self.current_part(&id, wrapped.kind)?, wrapped.sealed));
        let wrapped = act.wrapped.iter().filter_map(part).collect();
        self.begin_delegation(&request, grant, wrapped, at);
        self.end_request(act.request, End::Delegated, at)
    }

    /// The blobs of wrapped parts, and for whom they are.
    pub(super) fn wrapped_blobs(wrapped: &[Wrapped]) -> impl Iterator<Item = (BlobId, Audience)> {
        wrapped.iter().map(|wrapped| (wrapped.sealed, Audience::Daemon))
    }

    fn open_delegation(&self, index: u64, now: Time) -> Result<&Delegation, Refusal> {
        let delegation = self.delegations.get(&index).ok_or(Refusal::DelegationUnknown)?;
        if delegation.is_live(now) { Ok(delegation) } else { Err(Refusal::DelegationOver) }
    }

    pub(super) fn decide_take(&self, signer: &PersonId, take: &Take, now: Time) -> Result<Taking, Refusal> {
        let known = self.delegations.get(&take.delegation).ok_or(Refusal::DelegationUnknown)?;
        if known.standing.to != *signer {
            return Err(Refusal::NotYours);
        }
        let delegation = self.open_delegation(take.delegation, now)?;
        let id = delegation.version.credential;
        let credential = self.account(&id)?;
        let vault = self.vault_for(signer, credential)?;
        let longest = vault.longest_lease;
        if !(SHORTEST_LEASE..=longest).contains(&take.duration) {
            return Err(Refusal::Duration { longest });
        }
        self.check_out(signer, &id, None)?;
        let keys = &self.people.get(signer).ok_or(Refusal::Stranger)?.keys;
        let parts = match (delegation.connector, take.recipient) {
            (Some(_), Some(recipient)) => {
                self.open_window(&id).ok_or(Refusal::NotOpen)?;
                let part = self.current_part(&id, PartKind::Password).ok_or(Refusal::PartUnknown)?;
                vec![RequestedPart { part, recipient, vouched: None }]
            }
            // The inner layer is sealed to the delegate's own key.
            (None, None) if take.input.is_none() => {
                let part = |(part, _): &(PartId, BlobId)| RequestedPart {
                    part: *part,
                    recipient: keys.recipient,
                    vouched: None,
                };
                delegation.wrapped.iter().map(part).collect()
            }
            _ => return Err(Refusal::WrappedShape),
        };
        let (version, _) = credential.current().ok_or(Refusal::PartUnknown)?;
        Ok(Taking { parts, version: VersionId { credential: id, version } })
    }

    pub(super) fn apply_take(&mut self, by: PersonId, take: &Take, taking: Taking, at: Position) -> Vec<Effect> {
        let Some(delegation) = self.delegations.get_mut(&take.delegation) else { return Vec::new() };
        delegation.used = delegation.used.saturating_add(1);
        let (connector, used_up) = (delegation.connector, delegation.left() == 0);
        let request = Request {
            at: at.entry(),
            requester: by,
            by_daemon: false,
            purpose: if connector.is_some() { Purpose::Mint } else { Purpose::Lease },
            since: at.time,
            version: taking.version,
            parts: taking.parts,
            reason: take.reason,
            duration: take.duration,
            expires: at.time.after(TAKE_WITHIN),
            own_share: false,
            approvals: BTreeMap::new(),
            denials: BTreeMap::new(),
            claims: BTreeMap::new(),
            collected: false,
            made: None,
            standing: None,
            input: take.input,
            connector,
            target: None,
            closed: None,
            filed_again: None,
            stage: Stage::Waiting,
        };
        self.file(request, Some(Basis::Delegation(take.delegation)), at);
        if used_up { self.end_delegation(take.delegation, DelegationEnd::Used, at) } else { Vec::new() }
    }

    /// Whether what was taken by a delegation can still be had: its own end by time or use does not take it away.
    pub(super) fn check_taken(&self, index: u64) -> Result<(), Refusal> {
        let delegation = self.delegations.get(&index).ok_or(Refusal::DelegationUnknown)?;
        match delegation.ended {
            None | Some((_, DelegationEnd::Used | DelegationEnd::Expired)) => Ok(()),
            Some(_) => Err(Refusal::DelegationOver),
        }
    }

    pub(super) fn decide_end_delegation(
        &self,
        signer: &PersonId,
        act: &EndDelegation,
        now: Time,
    ) -> Result<(), Refusal> {
        let delegation = self.delegations.get(&act.delegation).ok_or(Refusal::DelegationUnknown)?;
        let trustee = self.charter.as_ref().is_some_and(|c| c.trustees().contains(signer));
        let own = delegation.is_of(signer);
        if !trustee && !own {
            return Err(Refusal::NotYours);
        }
        self.open_delegation(act.delegation, now)?;
        // A brake is temporary: those who agreed anew override whoever ended a standing right here a short while ago.
        let stopped =
            delegation.kinds().filter_map(|kind| self.account_braked(signer, BRAKE, &delegation.part(kind)));
        let stopped = stopped.max().filter(|stopped| !own && *stopped < delegation.grant.at());
        match stopped.map(|stopped| stopped.after(BRAKE_REST)).filter(|until| now < *until) {
            Some(until) => Err(Refusal::VetoUsed { until }),
            None => Ok(()),
        }
    }

    pub(super) fn apply_end_delegation(&mut self, by: PersonId, index: u64, at: Position) -> Vec<Effect> {
        if let Some(delegation) = self.delegations.get(&index).filter(|delegation| !delegation.is_of(&by))
            && let Some(credential) = self.credentials.get_mut(&delegation.version.credential)
        {
            credential.braked.extend(delegation.kinds().map(|kind| ((BRAKE, kind, by), at.time)));
        }
        self.end_delegation(index, DelegationEnd::Ended(by), at)
    }

    /// Ends a delegation, unless it is over.
    pub(super) fn end_delegation(&mut self, index: u64, how: DelegationEnd, at: Position) -> Vec<Effect> {
        let Some(delegation) = self.delegations.get_mut(&index).filter(|d| d.ended.is_none()) else {
            return Vec::new();
        };
        delegation.ended = Some((at.time, how));
        self.release_wrapped(index)
    }

    /// Ends delegations.
    pub(super) fn end_delegations(
        &mut self,
        which: impl Fn(&Delegation) -> bool,
        how: DelegationEnd,
        at: Position,
    ) -> Vec<Effect> {
        let over: Vec<u64> =
            self.delegations.values().filter(|d| d.ended.is_none() && which(d)).map(|d| d.index).collect();
        over.into_iter().flat_map(|index| self.end_delegation(index, how, at)).collect()
    }

    /// Ends the delegations whose time is over. No entry says so: the next one of any kind finds it.
    pub(super) fn sweep_delegations(&mut self, at: Position) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some((_, index)) = self.delegation_ends.first().copied().filter(|(until, _)| *until <= at.time) {
            self.delegation_ends.pop_first();
            effects.extend(self.end_delegation(index, DelegationEnd::Expired, at));
        }
        effects
    }

    /// Deletes the wrapped parts of a delegation that is over, once nothing that was taken by it needs them.
    pub(super) fn release_wrapped(&mut self, index: u64) -> Vec<Effect> {
        let Some(delegation) = self.delegations.get(&index) else { return Vec::new() };
        if delegation.ended.is_none() || delegation.wrapped.is_empty() {
            return Vec::new();
        }
        let taken = |r: &Request| r.grant().is_some_and(|g| matches!(g.basis(), Basis::Delegation(d) if *d == index));
        if self.check_taken(index).is_ok() && self.live_requests().any(taken) {
            return Vec::new();
        }
        let Some(delegation) = self.delegations.get_mut(&index) else { return Vec::new() };
        let blobs: Vec<BlobId> = std::mem::take(&mut delegation.wrapped).into_iter().map(|(_, blob)| blob).collect();
        vec![Effect::Forget(self.forget_blobs(blobs))]
    }

    /// A depositor renews only what goes on as it was granted.
    pub(super) fn check_rewrapped(&self, deposit: &Deposit, now: Time) -> Result<(), Refusal> {
        for rewrapped in &deposit.rewrapped {
            let delegation = self.open_delegation(rewrapped.delegation, now)?;
            let kinds = rewrapped.wrapped.iter().map(|wrapped| wrapped.kind);
            let mut before: Vec<PartKind> = delegation.wrapped.iter().map(|(part, _)| part.kind).collect();
            before.sort();
            let there = |kind: PartKind| {
                let carried = deposit.carried.iter().any(|(carried, _)| *carried == kind);
                carried || deposit.parts.iter().any(|part| part.kind == kind)
            };
            let fits = delegation.version.credential == deposit.version.credential
                && delegation.connector == deposit.connector
                && kinds.clone().eq(before)
                && kinds.into_iter().all(there);
            if !fits {
                return Err(Refusal::WrappedShape);
            }
        }
        Ok(())
    }

    /// The delegations of an account after a next version: those that it renews go on, the others are over.
    pub(super) fn renew_delegations(
        &mut self,
        version: VersionId,
        rewrapped: &[Rewrapped],
        at: Position,
    ) -> Vec<Effect> {
        let account: CredentialId = version.credential;
        let renewed = |d: &Delegation| rewrapped.iter().any(|r| r.delegation == d.index);
        let mut effects =
            self.end_delegations(|d| d.version.credential == account && !renewed(d), DelegationEnd::Replaced, at);
        for renewal in rewrapped {
            let part = |wrapped: &Wrapped| Some((self.current_part(&account, wrapped.kind)?, wrapped.sealed));
            let wrapped = renewal.wrapped.iter().filter_map(part).collect();
            let Some(delegation) = self.delegations.get_mut(&renewal.delegation) else { continue };
            delegation.version = version;
            let old = std::mem::replace(&mut delegation.wrapped, wrapped);
            let old: Vec<BlobId> = old.into_iter().map(|(_, blob)| blob).collect();
            if !old.is_empty() {
                effects.push(Effect::Forget(self.forget_blobs(old)));
            }
        }
        effects
    }
}
