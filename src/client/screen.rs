//! Consent screens: what a signature, or the release of a share, stands for, line by line.
//!
//! They show people by key wherever a name does not tell them apart, and what changes by identifier, never by name.
//! They must never leave out anything that is decided by signing, nor show a placeholder where a text is missing: a
//! screen whose texts are not at hand is refused, and so is the signature.

mod loss;
mod purpose;

use std::collections::{BTreeMap, BTreeSet};

use super::failure::{Exit, Failure};
use super::say::Args;
use super::view::{self, View};
use crate::args;
use crate::escrow::act::{Admission, ProposeDestruction};
use crate::escrow::charter::{Charter, Vault, Who};
use crate::escrow::id::{CredentialId, PersonId};
use crate::escrow::part::PartId;
use crate::escrow::people::Standing;
use crate::escrow::proposal::{Proposal, Subject};
use crate::escrow::quorum::{Group, Quorum};
use crate::escrow::request::Request;
use crate::escrow::role::Role;
use crate::escrow::text::looks_like;
use crate::escrow::witness::can_be_safe;
use crate::seal::recovery::RecoveryRequest;

/// What signing a proposal would decide.
///
/// # Errors
/// A text is not on this computer.
pub fn proposal(view: View<'_>, proposal: &Proposal) -> Result<Vec<String>, Failure> {
    let mut screen = Screen::new(view)?;
    let args = args! { index: proposal.at.index, name: screen.person(&proposal.proposer)? };
    screen.tell("proposal-by", &args);
    match &proposal.subject {
        Subject::Charter { charter, roll } => screen.charter(charter, roll)?,
        Subject::Admission(admission) => {
            let person = admission.keys.person();
            let args = args! {
                name: screen.name(&person)?, roles: view.roles(admission.roles.iter()),
                code: admission.keys.fingerprint(),
            };
            screen.tell("proposal-admission", &args);
            screen.warn(BTreeSet::from([person]))?;
        }
        Subject::Removal(removal) => {
            let args = args! {
                name: screen.name(&removal.person)?, code: screen.fingerprint(&removal.person)?,
                reason: view.needed_reason(&removal.reason)?,
            };
            screen.tell("proposal-removal", &args);
            screen.warn(BTreeSet::from([removal.person]))?;
        }
        Subject::Destruction(destruction) => screen.destruction(destruction)?,
    }
    screen.brake(proposal)?;
    Ok(screen.lines)
}

/// What would be lost, before it is proposed.
///
/// # Errors
/// A text is not on this computer.
pub fn destruction(view: View<'_>, destruction: &ProposeDestruction) -> Result<Vec<String>, Failure> {
    let mut screen = Screen::new(view)?;
    screen.destruction(destruction)?;
    Ok(screen.lines)
}

/// What approving a request would release: who, what, why, how long, and what was released before.
///
/// # Errors
/// A text is not on this computer.
pub fn request(view: View<'_>, request: &Request) -> Result<Vec<String>, Failure> {
    let mut screen = Screen::new(view)?;
    let state = view.state;
    let version = state.version(&request.version).ok_or_else(missing)?;
    let label = view.needed_name(&version.label)?;
    let args = args! { id: request.at.index, name: screen.name(&request.requester)?, label: label };
    screen.tell("request-head", &args);
    // An account can be renamed by whoever may deposit; the parts are those of the account that was sealed.
    let mut sealed_as = BTreeSet::new();
    for asked in &request.parts {
        let dealt = state.version(&asked.part.version).ok_or_else(missing)?;
        sealed_as.insert(view.needed_name(&dealt.label)?);
    }
    sealed_as.remove(&view.needed_name(&version.label)?);
    if !sealed_as.is_empty() {
        let list = sealed_as.into_iter().collect::<Vec<_>>().join(", ");
        screen.tell("request-sealed-as", &args! { list: list });
    }
    let credential = state.credential(&request.version.credential).ok_or_else(missing)?;
    let id = view::short(&request.version.credential);
    screen.tell("request-account", &args! { vault: &credential.vault, id: id });
    let current = state.credential(&request.version.credential).and_then(|c| c.current());
    if let Some((current, _)) = current.filter(|(number, _)| *number != request.version.version) {
        screen.tell("request-version", &args! { version: request.version.version, current: current });
    }
    screen.tell("request-fingerprint", &args! { code: screen.fingerprint(&request.requester)? });
    screen.warn(BTreeSet::from([request.requester]))?;
    screen.tell("request-reason", &args! { reason: view.needed_reason(&request.reason)? });
    screen.purpose(request)?;
    let agreed = request.agreed();
    if !agreed.is_empty() {
        screen.tell("request-agreed", &args! { list: screen.people(&agreed)? });
    }
    Ok(screen.lines)
}

/// What answering a recovery would release, and what needs a yes of its own beside the one to all of it.
pub struct RecoveryScreen {
    /// The screen.
    pub lines: Vec<String>,
    /// Questions of the translation files.
    pub questions: Vec<&'static str>,
}

/// What answering a recovery would release: who asks and what they may ask, why, which accounts, and what was released
/// before. `given` are the parts of which the answerer would give shares; `unlogged` is to whom shares of parts were
/// released that the log does not know of yet.
///
/// Without a server nothing that is missing can be fetched, and whoever ran it must not be able to stop a recovery by
/// having held a text back: what has no name here is shown by fingerprint or id, and asked about on its own.
///
/// # Errors
/// The starter does not stand in the log.
pub fn recovery(
    view: View<'_>,
    request: &RecoveryRequest,
    given: &BTreeSet<PartId>,
    unlogged: &BTreeMap<PartId, BTreeSet<PersonId>>,
) -> Result<RecoveryScreen, Failure> {
    let (mut screen, mut withheld) = Screen::without_server(view);
    let (state, say, starter) = (view.state, view.say, request.starter);
    let accounts: BTreeSet<CredentialId> = given.iter().map(|part| part.version.credential).collect();
    let fingerprint = screen.fingerprint(&starter)?;
    let name = screen.names.get(&starter).cloned().unwrap_or_else(|| fingerprint.clone());
    screen.tell("recover-head", &args! { name: name, count: accounts.len() });
    screen.tell("recover-fingerprint", &args! { code: fingerprint });
    if screen.names.contains_key(&starter) {
        screen.warn(BTreeSet::from([starter]))?;
    }
    if withheld > 0 {
        screen.tell("recover-names-missing", &args! { count: withheld });
    }
    let roles = state.roles(&starter);
    screen.tell("recover-roles", &args! { roles: view.roles(roles.iter().copied()) });
    let mut doubtful = roles.contains(&Role::Technician);
    if doubtful {
        screen.tell("recover-technician", &args! {});
    }
    let vault_of = |id: &CredentialId| state.credential(id).map(|credential| credential.vault.clone());
    let vaults: BTreeSet<_> = accounts.iter().filter_map(vault_of).collect();
    let charter = state.charter();
    let may_ask = |name| charter.and_then(|c| c.vault(name)).is_some_and(|v| v.askers.includes(&starter, &roles));
    let closed: Vec<String> = vaults.iter().filter(|name| !may_ask(name)).map(|name| name.to_string()).collect();
    if !closed.is_empty() {
        doubtful = true;
        screen.tell("recover-not-asker", &args! { list: view.list(closed) });
    }
    let args = args! { reason: view::reason(request.reason.as_str()), time: say.time(request.created) };
    screen.tell("recover-reason", &args);
    screen.tell("recover-copy-ends", &args! { time: say.time(state.last_time()) });
    for account in accounts {
        let credential = state.credential(&account);
        let current = credential.and_then(|credential| credential.current());
        let label = current.and_then(|(_, version)| view.name_if_here(&version.label));
        withheld += usize::from(label.is_none());
        let key = if label.is_some() { "recover-account" } else { "recover-account-unnamed" };
        let vault = credential.map(|credential| credential.vault.to_string()).unwrap_or_default();
        let id = view::short(&account);
        screen.tell(key, &args! { label: label.unwrap_or_default(), vault: vault, id: id });
        for part in given.iter().filter(|part| part.version.credential == account) {
            let known = state.part(part).ok_or_else(missing)?;
            let needed = known.part.deals.iter().map(|deal| view.quorum(deal.quorum()));
            let mut released = known.released_to_anybody();
            released.extend(unlogged.get(part).into_iter().flatten());
            let args = args! {
                part: say.plain(&format!("part-{}", part.kind.as_str())),
                released: released.len(), needed: needed.collect::<Vec<_>>().join(" / "),
            };
            screen.tell("recover-part", &args);
            if state.current_part(&account, part.kind) != Some(*part) {
                screen.tell("recover-part-old", &args! { version: part.version.version });
            }
        }
    }
    let asked = [(withheld > 0, "ask-recover-withheld"), (doubtful, "ask-recover-doubtful")];
    let questions = asked.into_iter().filter_map(|(asked, question)| asked.then_some(question)).collect();
    Ok(RecoveryScreen { lines: screen.lines, questions })
}

fn missing() -> Failure {
    Failure::new(Exit::Failed, "failed-text-missing")
}

struct Screen<'a> {
    view: View<'a>,
    lines: Vec<String>,
    names: BTreeMap<PersonId, String>,
}

impl<'a> Screen<'a> {
    /// Reads everybody's name: one that is held back could be the one that a newcomer imitates. Names of those who
    /// left may have been deleted.
    fn new(view: View<'a>) -> Result<Self, Failure> {
        let mut names = BTreeMap::new();
        for (id, person) in view.state.people() {
            match (view.name_if_here(&person.name), &person.standing) {
                (Some(name), _) => {
                    names.insert(*id, name);
                }
                (None, Standing::Gone { .. }) => {}
                (None, Standing::Candidate(_) | Standing::Admitted { .. }) => return Err(missing()),
            }
        }
        Ok(Self { view, lines: Vec::new(), names })
    }

    /// With the names that are at hand, and how many are not, of people who are here or could be.
    fn without_server(view: View<'a>) -> (Self, usize) {
        let (mut names, mut withheld) = (BTreeMap::new(), 0);
        for (id, person) in view.state.people() {
            match view.name_if_here(&person.name) {
                Some(name) => drop(names.insert(*id, name)),
                None => withheld += usize::from(!matches!(person.standing, Standing::Gone { .. })),
            }
        }
        (Self { view, lines: Vec::new(), names }, withheld)
    }

    fn tell(&mut self, key: &str, args: &Args) {
        let indent = if self.lines.is_empty() { "" } else { "  " };
        self.lines.push(format!("{indent}{}", self.view.say.with(key, args)));
    }

    fn name(&self, id: &PersonId) -> Result<&str, Failure> {
        self.names.get(id).map(String::as_str).ok_or_else(missing)
    }

    fn fingerprint(&self, id: &PersonId) -> Result<String, Failure> {
        self.view.state.person(id).map(|person| person.keys.fingerprint().to_string()).ok_or_else(missing)
    }

    /// Others whose name could be taken for this person's.
    fn alike(&self, id: &PersonId) -> Result<Vec<PersonId>, Failure> {
        let name = self.name(id)?;
        let others = self.names.iter().filter(|(other, _)| *other != id);
        Ok(others.filter(|(_, known)| looks_like(known, name)).map(|(other, _)| *other).collect())
    }

    /// A name; with the fingerprint where the name alone could mean somebody else.
    fn person(&self, id: &PersonId) -> Result<String, Failure> {
        let name = self.name(id)?.to_owned();
        if self.alike(id)?.is_empty() { Ok(name) } else { Ok(format!("{name} [{}]", self.fingerprint(id)?)) }
    }

    fn people<'p>(&self, people: impl IntoIterator<Item = &'p PersonId>) -> Result<String, Failure> {
        let mut names = people.into_iter().map(|id| self.person(id)).collect::<Result<Vec<_>, _>>()?;
        names.sort_by_cached_key(|name| view::sort_key(name));
        Ok(self.view.list(names))
    }

    /// Warns of each of these people whose name could be taken for somebody else's.
    fn warn(&mut self, people: BTreeSet<PersonId>) -> Result<(), Failure> {
        let mut told = BTreeSet::new();
        for id in people {
            for other in self.alike(&id)? {
                if told.insert((id.min(other), id.max(other))) {
                    let args = args! {
                        name: self.name(&id)?, code: self.fingerprint(&id)?, other: self.name(&other)?,
                        known: self.fingerprint(&other)?,
                    };
                    self.tell("proposal-lookalike", &args);
                }
            }
        }
        Ok(())
    }

    fn charter(&mut self, charter: &Charter, roll: &[Admission]) -> Result<(), Failure> {
        let in_force = self.view.state.charter().cloned();
        self.tell("proposal-charter", &args! { version: charter.version() });
        for (key, people) in [
            ("proposal-trustees", charter.trustees()),
            ("proposal-mediators", charter.mediators()),
            ("proposal-technicians", charter.technicians()),
        ] {
            self.tell(key, &args! { list: self.people(people)? });
        }
        let mut items: Vec<String> = Vec::new();
        for quorum in charter.quorums() {
            items.push(self.quorum(quorum)?);
        }
        items.extend(self.admission(charter));
        for vault in charter.vaults() {
            items.push(self.vault(vault)?);
        }
        items.push(self.limits(charter));
        items.push(self.destroy_delay(charter));
        self.lines.extend(items.iter().map(|item| format!("  {item}")));
        for quorum in [charter.amend(), charter.destroy()].into_iter().flatten() {
            if quorum.groups().iter().any(Group::is_everybody) {
                self.tell("proposal-everybody", &args! { name: quorum.name() });
            }
        }
        if !can_be_safe(charter) {
            self.tell("proposal-never-safe", &args! {});
        }
        if !roll.is_empty() {
            self.tell("proposal-roll", &args! {});
        }
        for admission in roll {
            let args = args! {
                name: self.name(&admission.keys.person())?, roles: self.view.roles(admission.roles.iter()),
                code: admission.keys.fingerprint(),
            };
            self.tell("proposal-newcomer", &args);
        }
        let mut new: BTreeSet<PersonId> = roll.iter().map(|admission| admission.keys.person()).collect();
        match &in_force {
            None => {
                self.tell("proposal-first", &args! {});
                new.extend(charter.named());
            }
            Some(current) if current.version() == charter.version() => {
                self.tell("proposal-is-in-force", &args! {});
            }
            Some(current) => new.extend(self.changes(current, charter, roll)?),
        }
        self.warn(new)?;
        self.tell("proposal-charter-code", &args! { code: charter.code() });
        Ok(())
    }

    /// What changes against the charter in force. People who are added anywhere are returned.
    fn changes(
        &mut self,
        current: &Charter,
        charter: &Charter,
        roll: &[Admission],
    ) -> Result<BTreeSet<PersonId>, Failure> {
        self.tell("proposal-changes", &args! { version: current.version() });
        let begin = self.lines.len();
        let mut new = BTreeSet::new();
        for (key, before, after) in [
            ("proposal-where-trustees", current.trustees(), charter.trustees()),
            ("proposal-where-mediators", current.mediators(), charter.mediators()),
            ("proposal-where-technicians", current.technicians(), charter.technicians()),
        ] {
            new.extend(self.moved(&self.view.say.plain(key), before, after)?);
        }
        for quorum in charter.quorums() {
            let members: BTreeSet<PersonId> = quorum.members().copied().collect();
            match current.quorum(quorum.name()) {
                None => self.tell("proposal-new", &args! { text: self.quorum(quorum)? }),
                Some(before) if before != quorum => {
                    let was = before.members().copied().collect();
                    let place = self.view.say.with("proposal-where-quorum", &args! { name: quorum.name() });
                    new.extend(self.moved(&place, &was, &members)?);
                    self.tell("proposal-before", &args! { text: self.quorum(before)? });
                }
                Some(_) => {}
            }
            new.extend(members.difference(&current.named()));
        }
        for quorum in current.quorums().filter(|q| charter.quorum(q.name()).is_none()) {
            self.tell("proposal-gone", &args! { text: self.quorum(quorum)? });
        }
        let (before, after) = (self.admission(current), self.admission(charter));
        if let Some(text) = before.filter(|before| Some(before) != after.as_ref()) {
            self.tell("proposal-before", &args! { text: text });
        }
        for vault in charter.vaults() {
            match current.vault(&vault.name) {
                None => self.tell("proposal-new", &args! { text: self.vault(vault)? }),
                Some(before) if before != vault => {
                    let persons = |vault: &Vault| -> BTreeSet<PersonId> {
                        let named = [&vault.askers, &vault.depositors, &vault.unasked];
                        named.into_iter().flat_map(|who| who.persons.iter().copied()).collect()
                    };
                    new.extend(persons(vault).difference(&persons(before)));
                    self.tell("proposal-before", &args! { text: self.vault(before)? });
                }
                Some(_) => {}
            }
        }
        for vault in current.vaults().filter(|v| charter.vault(&v.name).is_none()) {
            self.tell("proposal-gone", &args! { text: self.vault(vault)? });
        }
        if current.limits() != charter.limits() {
            self.tell("proposal-before", &args! { text: self.limits(current) });
        }
        if current.destroy_delay() != charter.destroy_delay() {
            self.tell("proposal-before", &args! { text: self.destroy_delay(current) });
        }
        if current.is_weakened_by(charter) {
            self.tell("proposal-weakens", &args! {});
        }
        let leavers = self.leavers(charter, roll);
        if !leavers.is_empty() {
            self.tell("proposal-leavers", &args! { list: self.people(&leavers)? });
        }
        if self.lines.len() == begin {
            self.tell("proposal-no-changes", &args! {});
        }
        Ok(new)
    }

    /// Tells who is added to and taken out of something, by key. Those who are added are returned.
    fn moved(
        &mut self,
        place: &str,
        before: &BTreeSet<PersonId>,
        after: &BTreeSet<PersonId>,
    ) -> Result<BTreeSet<PersonId>, Failure> {
        let added: BTreeSet<PersonId> = after.difference(before).copied().collect();
        let removed = before.difference(after).map(|id| ("proposal-removed", id));
        for (key, id) in added.iter().map(|id| ("proposal-added", id)).chain(removed) {
            let args = args! { place: place, name: self.name(id)?, code: self.fingerprint(id)? };
            self.tell(key, &args);
        }
        Ok(added)
    }

    /// Those for whom the new charter has no office and who are no members: they leave with it.
    fn leavers(&self, charter: &Charter, roll: &[Admission]) -> BTreeSet<PersonId> {
        let here = self.view.state.people().iter().filter(|(id, person)| {
            // Whoever is taken in with this charter has a role in it.
            let new = roll.iter().any(|admission| admission.keys.person() == **id);
            let only_offices = matches!(person.standing, Standing::Admitted { member: false });
            only_offices && !new && charter.offices(id).is_empty()
        });
        here.map(|(id, _)| *id).collect()
    }

    /// '“everyday”: 2 of 3 (names)', with everybody who is in it.
    fn quorum(&self, quorum: &Quorum) -> Result<String, Failure> {
        let say = self.view.say;
        let mut groups = Vec::new();
        for group in quorum.groups() {
            let words = say.with("k-of-n", &args! { k: group.threshold(), n: group.members().len() });
            groups.push(format!("{words} ({})", self.people(group.members())?));
        }
        let words = groups.join(&format!(" {} ", say.plain("and")));
        Ok(say.with("proposal-quorum", &args! { name: quorum.name(), words: words }))
    }

    fn admission(&self, charter: &Charter) -> Option<String> {
        let quorum = charter.admission()?.name();
        Some(self.view.say.with("status-admission", &args! { quorum: quorum }))
    }

    fn vault(&self, vault: &Vault) -> Result<String, Failure> {
        let quorums: Vec<&str> = vault.opened_by.iter().map(|name| name.as_str()).collect();
        let args = args! {
            name: &vault.name, list: quorums.join(" / "), askers: self.who(&vault.askers)?,
            depositors: self.who(&vault.depositors)?, longest: self.view.say.duration(vault.longest_lease),
        };
        let mut text = self.view.say.with("proposal-vault", &args);
        let signers: Vec<&str> = vault.leases_signed_by.iter().map(|name| name.as_str()).collect();
        if signers != quorums {
            text += " ";
            text += &self.view.say.with("proposal-vault-signed-by", &args! { list: signers.join(" / ") });
        }
        if vault.unasked != Who::default() {
            text += " ";
            text += &self.view.say.with("proposal-vault-unasked", &args! { who: self.who(&vault.unasked)? });
        }
        Ok(text)
    }

    /// People by role and by name; nobody if the charter names nobody.
    fn who(&self, who: &Who) -> Result<String, Failure> {
        let roles = Who { roles: who.roles.clone(), persons: BTreeSet::new() };
        Ok(match (who.roles.is_empty(), who.persons.is_empty()) {
            (_, true) => self.view.who(who),
            (true, false) => self.people(&who.persons)?,
            (false, false) => format!("{}, {}", self.view.who(&roles), self.people(&who.persons)?),
        })
    }

    fn limits(&self, charter: &Charter) -> String {
        let limits = charter.limits();
        let args = args! { entries: limits.entries_per_day, kibibytes: limits.bytes_per_day / 1024 };
        self.view.say.with("status-limits", &args)
    }

    fn destroy_delay(&self, charter: &Charter) -> String {
        let args = args! { delay: self.view.say.duration(charter.destroy_delay()) };
        self.view.say.with("status-destroy-delay", &args)
    }
}
