//! Names and labels: from what people call things to identifiers, and back. People are matched by key; a name that
//! fits two of them is refused, with the identifiers and fingerprints that tell them apart. `#` and at least eight digits
//! of an identifier name one of them: nobody can make somebody or something unreachable by taking the same name.

use super::failure::{Exit, Failure};
use super::session::Session;
use super::view::{self, short};
use crate::escrow::credential::Credential;
use crate::escrow::id::{BlobId, CredentialId, PersonId};
use crate::escrow::people::Standing;
use crate::escrow::text::looks_like;

impl Session {
    /// A one-line text of the log, if our replica holds it.
    pub fn text_of(&self, id: &BlobId) -> Option<String> {
        self.replica.text_of(id)
    }

    /// A one-line text that somebody is about to act upon: without it nothing is signed.
    pub fn needed_text(&self, id: &BlobId) -> Result<String, Failure> {
        self.text_of(id).ok_or_else(|| Failure::new(Exit::Failed, "failed-text-missing"))
    }

    /// What a person is called, as it stands in sentences; the beginning of their id where the name is not at hand.
    pub fn name_of(&self, id: &PersonId) -> String {
        view::name(&self.whole_name(id))
    }

    /// What the organisation is called, as it stands in sentences.
    pub fn organisation_name(&self) -> String {
        let name = self.state().ok().and_then(|state| self.text_of(&state.name()));
        name.map_or_else(|| short(&self.folder.id), |name| view::name(&name))
    }

    /// What an account is called by its current version, as it stands in sentences.
    pub fn label_of(&self, id: &CredentialId) -> String {
        view::name(&self.whole_label(id))
    }

    /// The same to the letter: what is compared, with whatever length.
    pub fn whole_name(&self, id: &PersonId) -> String {
        let person = self.state().ok().and_then(|state| state.person(id));
        person.and_then(|p| self.text_of(&p.name)).unwrap_or_else(|| short(id))
    }

    /// The same of an account.
    pub fn whole_label(&self, id: &CredentialId) -> String {
        let current = self.state().ok().and_then(|state| state.credential(id)).and_then(Credential::current);
        current.and_then(|(_, version)| self.text_of(&version.label)).unwrap_or_else(|| short(id))
    }

    /// The one person of this name, or whose id begins so, who did not leave.
    pub fn find_person(&self, name: &str) -> Result<PersonId, Failure> {
        let state = self.state()?;
        let here = state.people().iter().filter(|(_, p)| !matches!(p.standing, Standing::Gone { .. }));
        let found: Vec<PersonId> =
            here.map(|(id, _)| *id).filter(|id| is_meant(name, id, || self.whole_name(id))).collect();
        match found.as_slice() {
            [only] => Ok(*only),
            [] => Err(Failure::new(Exit::Usage, "failed-name-unknown").with("name", name)),
            [..] => {
                let known = found.iter().filter_map(|id| Some((id, state.person(id)?)));
                let prints = known.map(|(id, person)| format!("{}: {}", short(id), person.keys.fingerprint()));
                let list = prints.collect::<Vec<_>>().join(" / ");
                Err(Failure::new(Exit::Usage, "failed-name-ambiguous").with("name", name).with("list", list))
            }
        }
    }

    /// The one account with this label, or whose id begins so.
    pub fn find_credential(&self, label: &str) -> Result<CredentialId, Failure> {
        let state = self.state()?;
        let found: Vec<CredentialId> =
            state.credentials().keys().filter(|id| is_meant(label, id, || self.whole_label(id))).copied().collect();
        match found.as_slice() {
            [only] => Ok(*only),
            [] => {
                let known: Vec<String> = state.credentials().keys().map(|id| self.label_of(id)).collect();
                let list = if known.is_empty() { "-".to_owned() } else { known.join(", ") };
                Err(Failure::new(Exit::Usage, "failed-label-unknown").with("label", label).with("list", list))
            }
            [..] => {
                let of = |id: &CredentialId| -> Option<String> {
                    let (_, version) = state.credential(id)?.current()?;
                    Some(format!("{} ({})", short(id), self.name_of(&version.depositor)))
                };
                let list = found.iter().filter_map(of).collect::<Vec<_>>().join(" / ");
                Err(Failure::new(Exit::Usage, "failed-label-ambiguous").with("label", label).with("list", list))
            }
        }
    }

    /// Refuses a new name or label that could be taken for one that is there, or for an identifier.
    pub fn refuse_lookalike(&self, text: &str, known: impl Iterator<Item = String>) -> Result<(), Failure> {
        if is_id(text) {
            return Err(Failure::new(Exit::Usage, "failed-looks-like-id").with("name", text));
        }
        for other in known {
            if looks_like(text, &other) {
                let failure = Failure::new(Exit::Usage, "failed-lookalike");
                return Err(failure.with("name", text).with("other", view::name(&other)));
            }
        }
        Ok(())
    }
}

/// Fewest digits of an identifier that name something: as many as are shown.
const ID_DIGITS: usize = 8;

/// The digits after `#`, if this is the beginning of an identifier.
fn id_digits(text: &str) -> Option<String> {
    let digits = text.trim().strip_prefix('#')?;
    let hex = digits.len() >= ID_DIGITS && digits.bytes().all(|b| b.is_ascii_hexdigit());
    hex.then(|| digits.to_ascii_lowercase())
}

/// Whether a text has the form of an identifier.
pub(super) fn is_id(text: &str) -> bool {
    id_digits(text).is_some()
}

/// Whether `text` means what has this id and name. What has the form of an identifier is never a name: else a label
/// could pass for another account's identifier.
pub(super) fn is_meant(text: &str, id: &impl std::fmt::Display, name: impl FnOnce() -> String) -> bool {
    match id_digits(text) {
        Some(digits) => id.to_string().starts_with(&digits),
        None => {
            let name = name();
            same(&name, text) || same(&view::name(&name), text)
        }
    }
}

/// Which blanks stand in a name, people do not see.
fn same(a: &str, b: &str) -> bool {
    view::folded(a).to_lowercase() == view::folded(b).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_means_what_bears_it_and_never_a_name() {
        let (one, other) = (CredentialId::new([0xa1; 16]), CredentialId::new([0xb2; 16]));
        let meant = |text: &str, id: &CredentialId, name: &str| is_meant(text, id, || name.to_owned());
        assert!(meant("#a1a1a1a1", &one, "site"));
        assert!(meant(" #A1A1A1A1a1 ", &one, "site"));
        assert!(!meant("#a1a1a1a1", &other, "site"));
        // A decoy that calls itself like another account's identifier is not what that identifier means.
        assert!(!meant("#a1a1a1a1", &other, "#a1a1a1a1"));
        // Too short to tell two apart, or no identifier: a name.
        assert!(!meant("#a1a1a1a", &one, "site"));
        assert!(meant("#a1", &other, "#a1"));
        assert!(meant("Site ", &one, "site"));
        // As it is, as people type it, and as it is shown.
        for text in ["Site web\u{a0}: admin", "site web : admin"] {
            assert!(meant(text, &one, "Site web\u{a0}: admin"), "{text}");
        }
        let long = format!("{} one", "a very long label ".repeat(10));
        assert!(meant(&long, &one, &long) && meant(&view::name(&long), &one, &long));
        assert!(!meant(&long, &one, &long.replace("one", "two")) && !meant("a very long label", &one, &long));
        assert!(is_id("#00000000") && !is_id("00000000") && !is_id("#0000000g"));
    }
}
