//! What stands in the log, in words: a verified state together with the texts that are at hand.
//!
//! The verbs that only read share it, whether the state comes from this computer's replica or from somebody's
//! export. It must never decide anything: what it shows was decided by the rules.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::char::is_combining_mark;

use super::failure::{Exit, Failure};
use super::say::Say;
use crate::escrow::act::ShareVerdict;
use crate::escrow::charter::Who;
use crate::escrow::credential::{Credential, Due, DueCause, PartState, Urgency};
use crate::escrow::id::{BlobId, CredentialId, DeviceId, PersonId};
use crate::escrow::made::AtTarget;
use crate::escrow::organisation::Organisation;
use crate::escrow::part::{PartKind, VersionId};
use crate::escrow::people::Standing;
use crate::escrow::proposal::{Outcome, Proposal, Subject};
use crate::escrow::quorum::{Group, Quorum};
use crate::escrow::request::{End, Request, Stage};
use crate::escrow::role::Role;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::window::Purpose;

/// How long after its time the server may record that a request or an access ended, before people are told that it
/// did not.
const RECORDING: Seconds = Seconds::HOUR;

/// How many characters of a name or label stand in a sentence: whoever chose it must not be able to fill the screen.
const NAME: usize = 100;

/// The same of what people write to each other.
const REASON: usize = 400;

/// The same of what a target is told by whoever asks: a public key of 8192 bits fits. It is not cut but refused.
pub const INPUT: usize = 1600;

/// Marks on one letter; writing needs no more, and more of them hide the lines above and below.
pub const MARKS: usize = 4;

/// Where texts come from: a replica's folder, or an export's. One that no screen could show is [`unshowable`].
pub type Texts<'a> = &'a dyn Fn(&BlobId) -> Option<String>;

/// A state, a language, and the texts at hand.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// What is shown.
    pub state: &'a Organisation,
    /// In which language.
    pub say: &'a Say,
    texts: Texts<'a>,
    known: Time,
}

impl<'a> View<'a> {
    /// Puts `state` into words with these texts.
    pub fn new(state: &'a Organisation, say: &'a Say, texts: Texts<'a>) -> Self {
        Self { state, say, texts, known: state.last_time() }
    }

    /// With the time at which the server last showed its log: what it should have recorded by then and did not is
    /// told. Without one, the last entry's time counts.
    pub fn known_at(self, time: Option<Time>) -> Self {
        Self { known: time.map_or(self.known, |time| time.max(self.known)), ..self }
    }

    /// A text, or that it is not here, or was destroyed.
    pub fn text(&self, id: &BlobId) -> String {
        let key = if self.state.is_forgotten(id) { "view-text-destroyed" } else { "view-text-missing" };
        (self.texts)(id).map_or_else(|| self.say.plain(key), |text| folded(&text))
    }

    /// The same, no longer than a sentence bears.
    pub fn reason(&self, id: &BlobId) -> String {
        reason(&self.text(id))
    }

    /// A text, if it is here.
    pub fn text_if_here(&self, id: &BlobId) -> Option<String> {
        (self.texts)(id)
    }

    /// A text that somebody is about to act upon: without it nothing is signed.
    fn needed(&self, id: &BlobId) -> Result<String, Failure> {
        self.text_if_here(id).ok_or_else(|| Failure::new(Exit::Failed, "failed-text-missing"))
    }

    /// A name or label that somebody is about to act upon.
    pub fn needed_name(&self, id: &BlobId) -> Result<String, Failure> {
        Ok(name(&self.needed(id)?))
    }

    /// A reason that somebody is about to act upon.
    pub fn needed_reason(&self, id: &BlobId) -> Result<String, Failure> {
        Ok(reason(&self.needed(id)?))
    }

    /// That a text is here by which a target is reached, and can be shown.
    pub fn needed_settings(&self, id: &BlobId) -> Result<(), Failure> {
        let text = self.needed(id)?;
        if text == unshowable(id) { Err(Failure::new(Exit::Failed, "failed-text-unshowable")) } else { Ok(()) }
    }

    /// What whoever asks wants a target to be told: to the letter, because the letters count there.
    pub fn needed_input(&self, id: &BlobId) -> Result<String, Failure> {
        let text = self.needed(id)?;
        let exact = text != unshowable(id) && cut(&text, INPUT) == text;
        if exact { Ok(text) } else { Err(Failure::new(Exit::Failed, "failed-text-unshowable")) }
    }

    /// A name or label, if it is here.
    pub fn name_if_here(&self, id: &BlobId) -> Option<String> {
        self.text_if_here(id).map(|text| name(&text))
    }

    /// What the organisation is called.
    pub fn organisation(&self) -> String {
        self.name_if_here(&self.state.name()).unwrap_or_else(|| short(&self.state.id()))
    }

    /// What a person is called; the beginning of their id where the name is not at hand.
    pub fn name(&self, id: &PersonId) -> String {
        name(&self.whole_name(id))
    }

    /// The same to the letter: what is compared.
    pub fn whole_name(&self, id: &PersonId) -> String {
        self.state.person(id).and_then(|person| self.text_if_here(&person.name)).unwrap_or_else(|| short(id))
    }

    /// What an account is called, by its current version.
    pub fn label(&self, id: &CredentialId) -> String {
        name(&self.whole_label(id))
    }

    /// The same to the letter: what is compared.
    pub fn whole_label(&self, id: &CredentialId) -> String {
        let current = self.state.credential(id).and_then(Credential::current);
        current.and_then(|(_, version)| self.text_if_here(&version.label)).unwrap_or_else(|| short(id))
    }

    /// What an account was called in this version; whoever may deposit can call it something else later.
    pub fn label_at(&self, id: &VersionId) -> String {
        let version = self.state.version(id);
        version.and_then(|version| self.name_if_here(&version.label)).unwrap_or_else(|| short(&id.credential))
    }

    /// Requests and accesses whose time is over although the server did not record it.
    pub fn unrecorded(&self) -> Vec<Unrecorded> {
        let over = self.state.live_requests().filter_map(|request| {
            // Only what opened to a person makes a password known.
            let access = matches!(request.purpose, Purpose::Lease | Purpose::Delegation);
            let lease = |ended| Unrecorded { request: request.at.index, ended, access };
            let found = match &request.stage {
                Stage::Leased(running) => lease(running.until()),
                // Never fetched, it counts as running from its expiry.
                Stage::Granted(_) if self.is_overdue(request.expires.after(request.duration)) => {
                    lease(request.expires.after(request.duration))
                }
                Stage::Waiting | Stage::Granted(_) => Unrecorded { access: false, ..lease(request.expires) },
                Stage::Ended { .. } => return None,
            };
            self.is_overdue(found.ended).then_some(found)
        });
        over.collect()
    }

    fn is_overdue(&self, time: Time) -> bool {
        time.after(RECORDING) <= self.known
    }

    /// What the server has not recorded, in words.
    pub fn unrecorded_in_words(&self, unrecorded: &Unrecorded) -> String {
        let Unrecorded { request, ended, access } = *unrecorded;
        let Some(state) = self.state.request(request) else { return String::new() };
        let args = crate::args! {
            request: request, name: self.name(&state.requester), label: self.label_at(&state.version),
            time: self.say.time(ended),
        };
        self.say.with(if access { "view-unrecorded-access" } else { "view-unrecorded-request" }, &args)
    }

    /// Whether the current version of an account must be changed, an end that the server did not record included:
    /// it cannot keep a password from becoming due by saying nothing.
    pub fn due(&self, id: &CredentialId) -> Option<Due> {
        let credential = self.state.credential(id)?;
        credential.due(credential.current()?.0).or_else(|| {
            let ended = self.unrecorded().into_iter().filter(|u| u.access).find(|u| {
                let request = self.state.request(u.request).filter(|r| r.version.credential == *id);
                request.is_some_and(|request| {
                    request.parts.iter().any(|p| self.state.current_part(id, p.part.kind) == Some(p.part))
                })
            })?;
            let cause = DueCause::AccessEnded(ended.request);
            Some(Due { urgency: Urgency::Later, since: ended.ended, cause })
        })
    }

    /// Several things in one line; a dash for none.
    pub fn list(&self, items: impl IntoIterator<Item = String>) -> String {
        let items: Vec<String> = items.into_iter().collect();
        if items.is_empty() { "–".to_owned() } else { items.join(", ") }
    }

    /// People by name, in alphabetical order.
    pub fn names<'p>(&self, people: impl IntoIterator<Item = &'p PersonId>) -> String {
        let mut names: Vec<String> = people.into_iter().map(|id| self.name(id)).collect();
        names.sort_by_cached_key(|name| sort_key(name));
        self.list(names)
    }

    /// One role.
    pub fn role(&self, role: Role) -> String {
        self.say.plain(match role {
            Role::Trustee => "view-role-trustee",
            Role::Mediator => "view-role-mediator",
            Role::Technician => "view-role-technician",
            Role::Member => "view-role-member",
        })
    }

    /// Several roles.
    pub fn roles(&self, roles: impl IntoIterator<Item = Role>) -> String {
        self.list(roles.into_iter().map(|role| self.role(role)))
    }

    /// Kinds of part.
    pub fn parts(&self, kinds: impl IntoIterator<Item = PartKind>) -> String {
        self.list(kinds.into_iter().map(|kind| {
            self.say.plain(match kind {
                PartKind::Password => "view-part-password",
                PartKind::TotpSecret => "view-part-totp",
                PartKind::RecoveryCodes => "view-part-codes",
                PartKind::Notes => "view-part-notes",
            })
        }))
    }

    /// '2 of 7', or '2 of 3 and 2 of 3'.
    pub fn quorum(&self, quorum: &Quorum) -> String {
        let threshold =
            |group: &Group| self.say.with("k-of-n", &crate::args! { k: group.threshold(), n: group.members().len() });
        let groups: Vec<String> = quorum.groups().iter().map(threshold).collect();
        groups.join(&format!(" {} ", self.say.plain("and")))
    }

    /// The people of a quorum, group by group.
    pub fn quorum_people(&self, quorum: &Quorum) -> String {
        let groups = quorum.groups().iter().map(|group| self.names(group.members()));
        groups.collect::<Vec<_>>().join(" + ")
    }

    /// People by role and by name; nobody if the charter names nobody.
    pub fn who(&self, who: &Who) -> String {
        let plural = |role: &Role| {
            self.say.plain(match role {
                Role::Trustee => "view-all-trustees",
                Role::Mediator => "view-all-mediators",
                Role::Technician => "view-all-technicians",
                Role::Member => "view-all-members",
            })
        };
        let all: Vec<String> =
            who.roles.iter().map(plural).chain(who.persons.iter().map(|id| self.name(id))).collect();
        if all.is_empty() { self.say.plain("view-nobody") } else { all.join(", ") }
    }

    /// Where a person stands.
    pub fn standing(&self, standing: &Standing) -> String {
        match standing {
            Standing::Candidate(_) => self.say.plain("view-standing-candidate"),
            Standing::Admitted { .. } => self.say.plain("view-standing-admitted"),
            Standing::Gone { since } => {
                self.say.with("view-standing-gone", &crate::args! { time: self.say.time(*since) })
            }
        }
    }

    /// How soon a password must be changed.
    pub fn urgency(&self, urgency: Urgency) -> String {
        self.say.plain(match urgency {
            Urgency::Now => "view-due-now",
            Urgency::Later => "view-due-later",
        })
    }

    /// Why a password must be changed.
    pub fn due_cause(&self, due: &Due) -> String {
        let requester = |index: &u64| {
            let person = self.state.request(*index).map(|r| self.name(&r.requester));
            person.unwrap_or_else(|| format!("#{index}"))
        };
        match &due.cause {
            DueCause::AccessEnded(request) => {
                let args = crate::args! { request: request, name: requester(request) };
                self.say.with("view-cause-ended", &args)
            }
            DueCause::Revoked(request) => {
                let args = crate::args! { request: request, name: requester(request) };
                self.say.with("view-cause-revoked", &args)
            }
            DueCause::SharesAddUp(entry) => {
                let asked = self.state.request(*entry).is_some();
                let key = if asked { "view-cause-shares" } else { "view-cause-shares-recovery" };
                self.say.with(key, &crate::args! { request: entry })
            }
            DueCause::Recovered(entry) => {
                let starter = self.state.recovery_at(*entry).map(|(id, _)| self.name(&id.starter));
                let args = crate::args! { entry: entry, name: starter.unwrap_or_else(|| format!("#{entry}")) };
                self.say.with("view-cause-recovered", &args)
            }
            DueCause::Left(person) => self.say.with("view-cause-left", &crate::args! { name: self.name(person) }),
        }
    }

    /// Where a request stands.
    pub fn stage(&self, request: &Request) -> String {
        match &request.stage {
            Stage::Waiting => {
                self.say.with("view-stage-waiting", &crate::args! { missing: missing(self.state, request) })
            }
            Stage::Granted(_) if matches!(request.target, Some(AtTarget::Started { .. })) => {
                self.say.plain("stage-making")
            }
            Stage::Granted(_) => self.say.plain("view-stage-granted"),
            Stage::Leased(_) if request.purpose == Purpose::Unseal => self.say.plain("stage-window"),
            Stage::Leased(lease) if lease.collected() => self.say.plain("view-stage-leased"),
            Stage::Leased(_) => self.say.plain("view-stage-uncollected"),
            Stage::Ended { .. } if matches!(request.target, Some(AtTarget::RevocationDue { .. })) => {
                self.say.plain("stage-revocation-due")
            }
            Stage::Ended { how, .. } => self.end(how),
        }
    }

    /// What a request is for, where it is not for access to what was sealed.
    pub fn purpose(&self, request: &Request) -> Option<String> {
        let key = match request.purpose {
            Purpose::Lease => return None,
            Purpose::Unseal => "kind-unseal",
            Purpose::Mint => "kind-mint",
            Purpose::Delegation => "kind-delegation",
        };
        Some(self.say.plain(key))
    }

    /// How a request ended.
    fn end(&self, how: &End) -> String {
        let key = match how {
            End::Expired => "view-end-expired",
            End::Withdrawn => "view-end-withdrawn",
            End::LeaseExpired => "view-end-lease-expired",
            End::Returned => "view-end-returned",
            End::Revoked(person) => {
                return self.say.with("view-end-revoked", &crate::args! { name: self.name(person) });
            }
            End::RequesterLeft => "view-end-left",
            End::Destroyed => "view-end-destroyed",
            End::Sealed(person) => {
                return self.say.with("view-end-sealed", &crate::args! { name: self.name(person) });
            }
            End::Closed => "view-end-closed",
            End::NotUsed => "view-end-not-used",
            End::Replaced => "view-end-replaced",
            End::Delegated => "view-end-delegated",
        };
        self.say.plain(key)
    }
}

/// Something whose time is over although the server did not record it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unrecorded {
    /// The request.
    pub request: u64,
    /// When its time was over.
    pub ended: Time,
    /// Whether there was access, after which the password counts as to be changed.
    pub access: bool,
}

/// Where a name stands in the alphabet: without case and accents, as in a telephone book.
pub fn sort_key(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization as _;
    use unicode_normalization::char::is_combining_mark;
    name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// What stands for a text of the log that no screen could show as it is: it must not stop everybody from signing, as
/// a missing one does. Only what decides what is done is refused then.
pub fn unshowable(id: &BlobId) -> String {
    format!("{}?", short(id))
}

/// A text in the middle of a sentence: blanks are one blank and marks stay on their letters, so that nobody can write
/// what looks like further lines of a screen, or over the ones that are there.
pub fn folded(text: &str) -> String {
    let mut marks = 0;
    let few = |c: &char| {
        marks = if is_combining_mark(*c) { marks + 1 } else { 0 };
        marks <= MARKS
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(few).collect()
}

/// [`folded`], and no longer than this; how many characters are left out is said.
fn cut(text: &str, most: usize) -> String {
    let text = folded(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}… (+{})", &text[..end], text[end..].chars().count()),
        None => text,
    }
}

/// A name or label in a sentence.
pub fn name(text: &str) -> String {
    cut(text, NAME)
}

/// A reason in a sentence.
pub fn reason(text: &str) -> String {
    cut(text, REASON)
}

/// The beginning of an identifier, for people.
pub fn short(id: &impl std::fmt::Display) -> String {
    format!("#{}", id.to_string().chars().take(8).collect::<String>())
}

/// Enough of a device's identifier to tell a person's devices apart and to name one.
pub fn short_device(id: &DeviceId) -> String {
    id.to_string().chars().take(12).collect()
}

/// The stage's name for programs.
pub fn stage_name(stage: &Stage) -> &'static str {
    match stage {
        Stage::Waiting => "waiting",
        Stage::Granted(_) => "granted",
        Stage::Leased(_) => "leased",
        Stage::Ended { how, .. } => match how {
            End::Expired => "expired",
            End::Withdrawn => "withdrawn",
            End::LeaseExpired => "lease_expired",
            End::Returned => "returned",
            End::Revoked(_) => "revoked",
            End::RequesterLeft => "requester_left",
            End::Destroyed => "destroyed",
            End::Sealed(_) => "sealed",
            End::Closed => "closed",
            End::NotUsed => "not_used",
            End::Replaced => "replaced",
            End::Delegated => "delegated",
        },
    }
}

/// Until when a request can be approved or collected, or access runs, or when it ended.
pub fn until(request: &Request) -> Time {
    match &request.stage {
        Stage::Waiting | Stage::Granted(_) => request.expires,
        Stage::Leased(lease) => lease.until(),
        Stage::Ended { at, .. } => *at,
    }
}

/// Any one of these agrees to what a connector makes.
fn lease_signers<'a>(state: &'a Organisation, request: &Request) -> Vec<&'a Quorum> {
    let Some(charter) = state.charter() else { return Vec::new() };
    let credential = state.credential(&request.version.credential);
    let vault = credential.and_then(|credential| charter.vault(&credential.vault));
    vault
        .map(|vault| vault.leases_signed_by.iter().filter_map(|name| charter.quorum(name)).collect())
        .unwrap_or_default()
}

/// Whether somebody is among those who can agree to a request.
pub fn is_asked(state: &Organisation, person: &PersonId, request: &Request) -> bool {
    // Whose own share counts has agreed already; what opens to the server needs it there, too.
    if request.requester == *person && request.own_share && !request.opens_to_daemon() {
        return false;
    }
    match request.signs_only() {
        true => lease_signers(state, request).iter().any(|quorum| quorum.names(person)),
        false => state.own_share(person, &request.parts),
    }
}

/// How many further approvals a request needs, at least: by the quorum that is nearest to agreeing.
pub fn missing(state: &Organisation, request: &Request) -> usize {
    let agreed = request.agreed();
    if request.signs_only() {
        let signers = lease_signers(state, request);
        return signers.iter().map(|quorum| quorum.missing(&agreed)).min().unwrap_or(0);
    }
    let parts = request.parts.iter().filter_map(|asked| state.part(&asked.part));
    let nearest = |deals: &[crate::escrow::part::Deal]| deals.iter().map(|d| d.quorum().missing(&agreed)).min();
    parts.filter_map(|part| nearest(&part.part.deals)).max().unwrap_or(0)
}

/// How many further signatures, or confirmations, a proposal needs, at least.
pub fn signatures_missing(state: &Organisation, proposal: &Proposal) -> usize {
    let signed = &proposal.signed;
    if let Outcome::Agreed(delayed) = &proposal.outcome {
        let quorums = state.confirming_quorums(proposal);
        return quorums.iter().map(|quorum| quorum.missing(delayed.confirmed())).max().unwrap_or(0);
    }
    match (&proposal.subject, state.charter()) {
        (Subject::Charter { charter, .. }, None) => charter.trustees().difference(signed).count(),
        (subject, _) => {
            let quorums = state.first_quorums(subject);
            quorums.iter().map(|quorum| quorum.missing(signed)).max().unwrap_or(0)
        }
    }
}

/// The parts of an account as it is now, each as it was dealt: with the current version, or with the one that it was
/// carried over from.
pub fn current_parts(credential: &Credential) -> Vec<(PartKind, &PartState)> {
    let Some((number, version)) = credential.current() else { return Vec::new() };
    let state = |kind: PartKind| credential.versions.get(&credential.dealt_with(number, kind)?)?.parts.get(&kind);
    version.kinds().into_iter().filter_map(|kind| Some((kind, state(kind)?))).collect()
}

/// How many trustees were dealt shares of an account as it is now, how many found all of theirs good, how many found
/// one bad.
pub fn confirmations(credential: &Credential) -> Confirmations {
    let mut holders: BTreeMap<PersonId, Vec<Option<ShareVerdict>>> = BTreeMap::new();
    for (_, state) in current_parts(credential) {
        let dealt = state.part.deals.iter().flat_map(|deal| deal.shares().map(|(person, _)| *person));
        for person in dealt.collect::<BTreeSet<_>>() {
            holders.entry(person).or_default().push(state.verdicts.get(&person).map(|checked| checked.verdict));
        }
    }
    let all_good = |verdicts: &&Vec<_>| verdicts.iter().all(|verdict| *verdict == Some(ShareVerdict::Good));
    let one_bad = |verdicts: &&Vec<Option<_>>| verdicts.iter().flatten().any(|v| *v != ShareVerdict::Good);
    Confirmations {
        good: holders.values().filter(all_good).count(),
        bad: holders.values().filter(one_bad).count(),
        holders: holders.len(),
    }
}

/// What trustees found when they opened their shares of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmations {
    /// All of their shares open and match.
    pub good: usize,
    /// One of their shares does not.
    pub bad: usize,
    /// Everybody who was dealt one.
    pub holders: usize,
}
