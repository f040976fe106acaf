//! People, devices and invitations: who may speak in this log, and with which key.
//!
//! A person becomes a candidate by joining and is taken in by a charter or an admission; see
//! [`proposal`](super::proposal). A device counts only through a certificate that the person's identity signed.

use std::collections::BTreeSet;

use super::act::{EnrolDevice, EntryRef, Invite, Join};
use super::charter::Charter;
use super::delegation::DelegationEnd;
use super::id::{BlobId, DeviceId, InvitationId, PersonId};
use super::key::{PersonKeys, VerifyingKey};
use super::organisation::{Effect, Organisation, Position};
use super::refusal::Refusal;
use super::role::{Role, Roles};
use super::time::{Seconds, Time};

/// Longest life of an invitation.
pub const INVITATION_LIFE: Seconds = Seconds(30 * Seconds::DAY.0);

/// Somebody whose keys stand in the log.
#[derive(Debug, Clone)]
pub struct Person {
    /// Public keys.
    pub keys: PersonKeys,
    /// Text: the name under which they were invited.
    pub name: BlobId,
    /// Their join (the founder's: the genesis).
    pub joined: EntryRef,
    /// Where they stand.
    pub standing: Standing,
    /// Index of the entry that last changed their standing.
    pub changed: u64,
}

/// Where a person stands.
#[derive(Debug, Clone)]
pub enum Standing {
    /// Joined, not taken in yet. The founder has no invitation.
    Candidate(Option<Candidacy>),
    /// Taken in; `member` says whether they stand on the member roll besides any office.
    Admitted {
        /// On the member roll.
        member: bool,
    },
    /// Left or removed.
    Gone {
        /// When.
        since: Time,
    },
}

/// What a candidate joined with; the inviter's client checks the MAC before proposing to take them in.
#[derive(Debug, Clone)]
pub struct Candidacy {
    /// The invitation used.
    pub invitation: InvitationId,
    /// The roles that it offers.
    pub roles: Roles,
    /// The device that they joined with.
    pub device: VerifyingKey,
    /// HMAC under the invitation's secret.
    pub mac: [u8; 32],
}

/// One computer of a person.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its key.
    pub key: VerifyingKey,
    /// Whose it is.
    pub person: PersonId,
    /// When it was certified.
    pub since: Time,
    /// When it was revoked.
    pub revoked: Option<Time>,
}

/// An invitation, as far as the log knows it.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// What the newcomer is to become.
    pub roles: Roles,
    /// Text: the newcomer's name.
    pub name: BlobId,
    /// Who made it.
    pub inviter: PersonId,
    /// From when on it is void.
    pub expires: Time,
    /// What became of it.
    pub state: InvitationState,
}

impl Invitation {
    /// Whether somebody can still join with it.
    pub fn is_open(&self, now: Time) -> bool {
        matches!(self.state, InvitationState::Open) && now < self.expires
    }
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationState {
    /// Not used yet.
    Open,
    /// Used by this person.
    Used(PersonId),
    /// Taken back.
    Cancelled,
}

impl Organisation {
    /// A person by id.
    pub fn person(&self, id: &PersonId) -> Option<&Person> {
        self.people.get(id)
    }

    /// Offices and membership of a person; empty for candidates and those who left.
    pub fn roles(&self, id: &PersonId) -> BTreeSet<Role> {
        let Some(Person { standing: Standing::Admitted { member }, .. }) = self.people.get(id) else {
            return BTreeSet::new();
        };
        let mut roles = self.charter.as_ref().map(|c| c.offices(id)).unwrap_or_default();
        if *member {
            roles.insert(Role::Member);
        }
        roles
    }

    /// Whether a person may read the log: candidates and everybody who did not leave.
    pub fn may_read(&self, id: &PersonId) -> bool {
        self.people.get(id).is_some_and(|p| !matches!(p.standing, Standing::Gone { .. }))
    }

    /// The person and key behind a device that is certified and not revoked.
    pub fn device_owner(&self, id: &DeviceId) -> Option<(&PersonId, &VerifyingKey)> {
        let device = self.devices.get(id).filter(|d| d.revoked.is_none())?;
        Some((&device.person, &device.key))
    }

    /// Whoever may invite: before the charter the founder, then the admission quorum's people.
    pub fn may_invite(&self, id: &PersonId) -> bool {
        match self.charter.as_ref().and_then(Charter::admission) {
            Some(quorum) => quorum.names(id),
            None => *id == self.founder,
        }
    }

    pub(super) fn decide_invite(&self, signer: &PersonId, invite: &Invite, now: Time) -> Result<(), Refusal> {
        if !self.may_invite(signer) {
            return Err(Refusal::MayNotInvite);
        }
        if self.invitations.contains_key(&invite.invitation) {
            return Err(Refusal::InvitationExists);
        }
        if invite.expires <= now || invite.expires > now.after(INVITATION_LIFE) {
            return Err(Refusal::InvitationLife);
        }
        Ok(())
    }

    pub(super) fn apply_invite(&mut self, inviter: PersonId, invite: Invite) {
        let Invite { invitation, roles, name, expires } = invite;
        let state = InvitationState::Open;
        self.invitations.insert(invitation, Invitation { roles, name, inviter, expires, state });
    }

    pub(super) fn decide_cancel(&self, signer: &PersonId, id: &InvitationId) -> Result<(), Refusal> {
        let invitation = self.invitations.get(id).ok_or(Refusal::InvitationUnknown)?;
        if invitation.inviter != *signer && !self.may_invite(signer) {
            return Err(Refusal::MayNotInvite);
        }
        match invitation.state {
            InvitationState::Open => Ok(()),
            InvitationState::Used(_) => Err(Refusal::InvitationUsed),
            InvitationState::Cancelled => Err(Refusal::InvitationCancelled),
        }
    }

    pub(super) fn apply_cancel(&mut self, id: &InvitationId) {
        if let Some(invitation) = self.invitations.get_mut(id) {
            invitation.state = InvitationState::Cancelled;
        }
    }

    pub(super) fn decide_join(&self, signer: &VerifyingKey, join: &Join, now: Time) -> Result<(), Refusal> {
        if join.person.signing != *signer {
            return Err(Refusal::NotYourKeys);
        }
        let invitation = self.invitations.get(&join.invitation).ok_or(Refusal::InvitationUnknown)?;
        match invitation.state {
            InvitationState::Open => {}
            InvitationState::Used(_) => return Err(Refusal::InvitationUsed),
            InvitationState::Cancelled => return Err(Refusal::InvitationCancelled),
        }
        if now >= invitation.expires {
            return Err(Refusal::InvitationExpired);
        }
        if join.roles != invitation.roles {
            return Err(Refusal::InvitationRoles);
        }
        if self.may_read(&join.person.person()) {
            return Err(Refusal::AlreadyJoined);
        }
        self.check_new_device(&join.device, &join.person)
    }

    pub(super) fn apply_join(&mut self, join: Join, at: Position) -> Vec<Effect> {
        let id = join.person.person();
        let Some(invitation) = self.invitations.get_mut(&join.invitation) else { return Vec::new() };
        invitation.state = InvitationState::Used(id);
        let candidacy =
            Candidacy { invitation: join.invitation, roles: join.roles, device: join.device, mac: join.mac };
        let person = Person {
            keys: join.person,
            name: invitation.name,
            joined: at.entry(),
            standing: Standing::Candidate(Some(candidacy)),
            changed: at.index,
        };
        self.people.insert(id, person);
        let mut effects = vec![self.standing_effect(id)];
        effects.extend(self.add_device(id, join.device, at));
        effects
    }

    pub(super) fn decide_enrol(&self, signer: &VerifyingKey, enrol: &EnrolDevice) -> Result<(), Refusal> {
        if enrol.person.signing != *signer {
            return Err(Refusal::NotYourKeys);
        }
        let person = self.people.get(&signer.person()).ok_or(Refusal::Stranger)?;
        if matches!(person.standing, Standing::Gone { .. }) {
            return Err(Refusal::Stranger);
        }
        if person.keys != enrol.person {
            return Err(Refusal::NotYourKeys);
        }
        self.check_new_device(&enrol.device, &enrol.person)
    }

    /// A device key is fresh: not known here, and not an identity, which must never lie unencrypted on disk. Nor does
    /// a device's key become an identity.
    pub(super) fn check_new_device(&self, device: &VerifyingKey, person: &PersonKeys) -> Result<(), Refusal> {
        let reused = self.devices.contains_key(&device.device())
            || *device == person.signing
            || self.people.contains_key(&device.person())
            || self.devices.contains_key(&person.signing.device());
        if reused { Err(Refusal::DeviceKnown) } else { Ok(()) }
    }

    pub(super) fn add_device(&mut self, person: PersonId, key: VerifyingKey, at: Position) -> Vec<Effect> {
        self.devices.insert(key.device(), Device { key, person, since: at.time, revoked: None });
        vec![Effect::DeviceEnrolled { device: key.device(), person }]
    }

    pub(super) fn decide_revoke_device(&self, signer: &PersonId, id: &DeviceId) -> Result<(), Refusal> {
        match self.device_owner(id) {
            Some((person, _)) if person == signer => Ok(()),
            _ => Err(Refusal::DeviceUnknown),
        }
    }

    pub(super) fn apply_revoke_device(&mut self, id: DeviceId, now: Time) -> Vec<Effect> {
        if let Some(device) = self.devices.get_mut(&id) {
            device.revoked = Some(now);
        }
        vec![Effect::DeviceRevoked { device: id }]
    }

    /// Those who hold no office leave by themselves or are removed; offices change by a charter. Candidates too: one
    /// whom nobody takes in must not read on for ever. Before the charter everything hangs on the founder, who stays.
    pub(super) fn check_removable(&self, id: &PersonId) -> Result<(), Refusal> {
        let removable = match self.people.get(id).map(|person| &person.standing) {
            Some(Standing::Candidate(_)) => self.charter.is_some() || *id != self.founder,
            Some(Standing::Admitted { .. }) => self.roles(id) == BTreeSet::from([Role::Member]),
            Some(Standing::Gone { .. }) | None => false,
        };
        if removable { Ok(()) } else { Err(Refusal::NotRemovable) }
    }

    /// Ends everything that a person had: standing, invitations (they might return through one under another name),
    /// devices, requests, leases. What they saw is due *now*.
    pub(super) fn remove(&mut self, id: PersonId, at: Position) -> Vec<Effect> {
        if let Some(person) = self.people.get_mut(&id) {
            person.standing = Standing::Gone { since: at.time };
            person.changed = at.index;
        }
        let mut effects = vec![self.standing_effect(id)];
        for (device, state) in self.devices.iter_mut().filter(|(_, d)| d.person == id && d.revoked.is_none()) {
            state.revoked = Some(at.time);
            effects.push(Effect::DeviceRevoked { device: *device });
        }
        for invitation in self.invitations.values_mut() {
            if invitation.inviter == id && invitation.state == InvitationState::Open {
                invitation.state = InvitationState::Cancelled;
            }
        }
        effects.extend(self.end_requests_of(id, at));
        effects.extend(self.end_delegations(|d| d.standing.to == id, DelegationEnd::DelegateLeft, at));
        self.leaver_makes_due(id, at);
        effects
    }

    pub(super) fn standing_effect(&self, id: PersonId) -> Effect {
        Effect::Standing { person: id, reads: self.may_read(&id), roles: self.roles(&id) }
    }
}
