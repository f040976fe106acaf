//! What can be destroyed, and what is left of it: numbers, and a log that still verifies.
//!
//! Destroying deletes blobs. Entries stay, with the digests in them, so that everybody can check that it was allowed;
//! ids, version numbers and master keys of what was destroyed are not used again. What something else that is alive
//! refers to is not deleted. When it may happen is for [`brake`](super::brake) to say.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{Doomed, ProposeDestruction};
use super::credential::{DestroyedAccount, DestroyedVersion};
use super::delegation::{Delegation, DelegationEnd};
use super::id::{BlobId, CredentialId, PersonId};
use super::organisation::{Audience, Effect, Organisation, Position};
use super::part::VersionId;
use super::people::Standing;
use super::proposal::Subject;
use super::refusal::Refusal;
use super::request::{End, Request};
use super::time::Time;
use super::work::Work;

/// How many destructions one person can have proposed that are still open for signatures.
pub const MOST_OPEN_DESTRUCTIONS: usize = 3;

/// Everything that refers to a blob.
#[derive(Debug, Clone, Default)]
pub(super) struct Holders {
    /// For whom an entry names it that is no deposit: its text stays until it is destroyed itself.
    entry: Option<Audience>,
    /// Versions of accounts, with the narrowest audience for which each names it.
    versions: BTreeMap<VersionId, Audience>,
}

impl Holders {
    fn is_sealed(&self) -> bool {
        self.versions.values().any(|audience| *audience >= Audience::Trustees)
    }
}

impl Organisation {
    /// Notes that blobs are referred to: by a version, or by another entry.
    pub(super) fn hold(&mut self, blobs: &[(BlobId, Audience)], version: Option<VersionId>) {
        for (id, audience) in blobs {
            let holders = self.blobs.entry(*id).or_default();
            match version {
                Some(version) => {
                    let narrowest = holders.versions.entry(version).or_insert(*audience);
                    *narrowest = (*narrowest).max(*audience);
                }
                None => holders.entry = Some(holders.entry.map_or(*audience, |known| known.min(*audience))),
            }
        }
    }

    /// Every blob is named once: by the entry that it comes with. Each text is salted and each seal is fresh, so that
    /// nobody honest needs more; whoever names another's blob could keep it from being destroyed, or hide it from those
    /// who may read it. What was destroyed does not come back either.
    pub(super) fn check_new(&self, blobs: &[(BlobId, Audience)]) -> Result<(), Refusal> {
        let mut named = BTreeSet::new();
        for (id, audience) in blobs {
            if self.blobs.contains_key(id) || self.forgotten.contains(id) || !named.insert(id) {
                return Err(match audience {
                    Audience::Everyone | Audience::Overseers => Refusal::TextUsed,
                    Audience::Trustees | Audience::Daemon => Refusal::SealedUsed,
                });
            }
        }
        Ok(())
    }

    /// The texts that the log names and that are to be kept.
    pub fn texts(&self) -> impl Iterator<Item = &BlobId> {
        self.blobs.iter().filter(|(_, holders)| !holders.is_sealed()).map(|(id, _)| id)
    }

    /// For whom a live blob is: whoever may read it may bring it where it is missing. None for what nothing that is
    /// alive refers to.
    pub fn audience(&self, blob: &BlobId) -> Option<Audience> {
        let holders = self.blobs.get(blob)?;
        holders.versions.values().copied().chain(holders.entry).min()
    }

    /// Whether it was destroyed: who does not have it lacks nothing.
    pub fn is_forgotten(&self, blob: &BlobId) -> bool {
        self.forgotten.contains(blob)
    }

    /// Whether anything was.
    pub fn has_forgotten(&self) -> bool {
        !self.forgotten.is_empty()
    }

    /// When the whole organisation was destroyed.
    pub fn destroyed_at(&self) -> Option<Time> {
        self.ended
    }

    /// Accounts that were destroyed.
    pub fn destroyed_accounts(&self) -> &BTreeMap<CredentialId, DestroyedAccount> {
        &self.destroyed
    }

    pub(super) fn decide_destruction(
        &self,
        signer: &PersonId,
        proposal: &ProposeDestruction,
        now: Time,
    ) -> Result<Subject, Refusal> {
        let charter = self.charter.as_ref().ok_or(Refusal::NotFounded)?;
        if !charter.destroy().is_some_and(|quorum| quorum.names(signer)) {
            return Err(Refusal::MayNotDestroy);
        }
        let open = self.proposals.values().filter(|open| {
            open.proposer == *signer && open.is_open(now) && matches!(open.subject, Subject::Destruction(_))
        });
        if open.count() >= MOST_OPEN_DESTRUCTIONS {
            return Err(Refusal::TooManyProposals);
        }
        self.check_doomed(&proposal.doomed, now)?;
        Ok(Subject::Destruction(*proposal))
    }

    /// What is to be destroyed must be there, and nothing that stays may need it. Checked at each step.
    pub(super) fn check_doomed(&self, doomed: &Doomed, now: Time) -> Result<(), Refusal> {
        match doomed {
            Doomed::Version(id) => {
                let credential = self.account(&id.credential)?;
                if !credential.versions.contains_key(&id.version) {
                    return Err(Refusal::PartUnknown);
                }
                // The current version goes with its account only: what was replaced would else come back as current.
                let is_current = credential.current().is_some_and(|(number, _)| number == id.version);
                let staged = credential.rotation.as_ref().and_then(|rotation| rotation.staged.as_ref());
                let versions = credential.versions.values().chain(staged.map(|(_, version)| version));
                let mut carried = versions.flat_map(|version| version.carried.values());
                if is_current || carried.any(|dealt_with| *dealt_with == id.version) {
                    return Err(Refusal::VersionInUse);
                }
                Ok(())
            }
            Doomed::Account(id) => self.account(id).map(|_| ()),
            Doomed::Text(id) => {
                if self.blobs.get(id).is_none_or(Holders::is_sealed) {
                    return Err(Refusal::TextUnknown);
                }
                if self.is_needed(id, now) { Err(Refusal::TextInUse) } else { Ok(()) }
            }
            Doomed::Organisation => Ok(()),
        }
    }

    /// Whether people need a text to know what they decide upon: what the organisation, people who are there, and
    /// accounts are called, and why something that is not over is asked for. What can neither be signed nor confirmed
    /// any more is over; and no proposal protects a text from itself.
    fn is_needed(&self, text: &BlobId, now: Time) -> bool {
        let gone = |standing: &Standing| matches!(standing, Standing::Gone { .. });
        let mut people = self.people.values().filter(|person| !gone(&person.standing)).map(|person| &person.name);
        let versions = || self.credentials.values().flat_map(|c| c.versions.values());
        let mut labels = versions().flat_map(|version| [&version.label].into_iter().chain(&version.connector));
        let mut requests = self.live_requests().flat_map(|r| r.denials.values().chain([&r.reason]).chain(&r.input));
        let mut invited = self.invitations.values().filter(|i| i.is_open(now)).map(|invitation| &invitation.name);
        let about_it =
            |subject: &Subject| matches!(subject, Subject::Destruction(d) if d.doomed == Doomed::Text(*text));
        let pending = self.proposals.values().filter(|p| self.is_pending(p, now) && !about_it(&p.subject));
        let mut proposals = pending.flat_map(|proposal| {
            let reason = match &proposal.subject {
                Subject::Destruction(destruction) => Some(&destruction.reason),
                Subject::Removal(removal) => Some(&removal.reason),
                Subject::Charter { .. } | Subject::Admission(_) => None,
            };
            reason.into_iter().chain(proposal.veto.iter().map(|veto| &veto.reason))
        });
        let is = |id: &BlobId| id == text;
        self.name == *text
            || people.any(is)
            || invited.any(is)
            || labels.any(is)
            || requests.any(is)
            || proposals.any(is)
    }

    /// Destroys. The proposal that stands behind it was confirmed.
    pub(super) fn destroy(&mut self, doomed: Doomed, proposal: u64, at: Position) -> Vec<Effect> {
        let mut effects = match doomed {
            Doomed::Version(id) => {
                // What a connector makes does not need the secret of the day on which it was asked for.
                let touches = |r: &Request| {
                    let named = r.version == id || r.parts.iter().any(|asked| asked.part.version == id);
                    named && !r.signs_only()
                };
                let mut effects = self.end_requests_on(touches, at);
                let of_it = |d: &Delegation| d.version == id && d.connector.is_none();
                effects.extend(self.end_delegations(of_it, DelegationEnd::Destroyed, at));
                if let Some(credential) = self.credentials.get_mut(&id.credential) {
                    credential.versions.remove(&id.version);
                    credential.destroyed.insert(id.version, DestroyedVersion { at: at.time });
                    credential.changed = at.index;
                }
                effects
            }
            Doomed::Account(id) => {
                let mut effects = self.end_requests_on(|r| r.version.credential == id, at);
                let of_it = |d: &Delegation| d.version.credential == id;
                effects.extend(self.end_delegations(of_it, DelegationEnd::Destroyed, at));
                self.lose_targets(|account| *account == id, at);
                self.set_work(Work::Rotate(id), false);
                self.credentials.remove(&id);
                self.destroyed.insert(id, DestroyedAccount { at: at.time, proposal });
                effects
            }
            Doomed::Text(_) => Vec::new(),
            Doomed::Organisation => {
                self.ended = Some(at.time);
                let mut effects = self.end_requests_on(|_| true, at);
                effects.extend(self.end_delegations(|_| true, DelegationEnd::Destroyed, at));
                self.lose_targets(|_| true, at);
                // Staged rotations, too: nobody will ask the target any more.
                for id in self.credentials.keys().copied().collect::<Vec<_>>() {
                    self.set_work(Work::Rotate(id), false);
                }
                effects
            }
        };
        effects.push(Effect::Forget(self.forget(doomed)));
        effects
    }

    /// Lets go of what only this version, which never came into use, refers to.
    pub(super) fn forget_version(&mut self, version: &VersionId) -> Vec<BlobId> {
        self.forget(Doomed::Version(*version))
    }

    /// Lets go of blobs that nothing needs any more.
    pub(super) fn forget_blobs(&mut self, blobs: Vec<BlobId>) -> Vec<BlobId> {
        let known: Vec<BlobId> = blobs.into_iter().filter(|blob| self.blobs.remove(blob).is_some()).collect();
        self.forgotten.extend(&known);
        known
    }

    /// Lets go of the blobs that only what was destroyed refers to.
    fn forget(&mut self, doomed: Doomed) -> Vec<BlobId> {
        let mut dead = Vec::new();
        self.blobs.retain(|id, holders| {
            match doomed {
                Doomed::Version(gone) => holders.versions.retain(|version, _| *version != gone),
                Doomed::Account(gone) => holders.versions.retain(|version, _| version.credential != gone),
                Doomed::Text(gone) if gone == *id => *holders = Holders::default(),
                Doomed::Text(_) => {}
                Doomed::Organisation => *holders = Holders::default(),
            }
            let alive = holders.entry.is_some() || !holders.versions.is_empty();
            if !alive {
                dead.push(*id);
            }
            alive
        });
        self.forgotten.extend(&dead);
        dead
    }

    pub(super) fn end_requests_on(&mut self, touches: impl Fn(&Request) -> bool, at: Position) -> Vec<Effect> {
        let over: BTreeSet<u64> = self.live_requests().filter(|r| touches(r)).map(|r| r.at.index).collect();
        over.into_iter().flat_map(|index| self.end_request(index, End::Destroyed, at)).collect()
    }
}
