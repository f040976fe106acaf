//! Names and labels: from what people call things to identifiers, and back. People are matched by key; a name that
//! fits two of them is refused, with the fingerprints that tell them apart.

use super::failure::{Exit, Failure};
use super::session::Session;
use crate::escrow::credential::Credential;
use crate::escrow::id::{BlobId, CredentialId, PersonId};
use crate::escrow::people::Standing;
use crate::escrow::text::{Text, looks_like};

impl Session {
    /// A one-line text of the log, if our replica holds it.
    pub fn text_of(&self, id: &BlobId) -> Option<String> {
        let blob = self.replica.blob(id).ok().flatten()?;
        Text::from_blob(&blob, *id).ok().map(|text| text.as_str().to_owned())
    }

    /// A one-line text that somebody is about to act upon: without it nothing is signed.
    pub fn needed_text(&self, id: &BlobId) -> Result<String, Failure> {
        self.text_of(id).ok_or_else(|| Failure::new(Exit::Failed, "failed-text-missing"))
    }

    /// What a person is called; the beginning of their id where the name is not at hand.
    pub fn name_of(&self, id: &PersonId) -> String {
        let person = self.state().ok().and_then(|state| state.person(id));
        person.and_then(|p| self.text_of(&p.name)).unwrap_or_else(|| format!("#{}", &id.to_string()[..8]))
    }

    /// What the organisation is called.
    pub fn organisation_name(&self) -> String {
        let name = self.state().ok().and_then(|state| self.text_of(&state.name()));
        name.unwrap_or_else(|| format!("#{}", &self.folder.id.to_string()[..8]))
    }

    /// What an account is called, by its current version.
    pub fn label_of(&self, id: &CredentialId) -> String {
        let current = self.state().ok().and_then(|state| state.credential(id)).and_then(Credential::current);
        let label = current.and_then(|(_, version)| self.text_of(&version.label));
        label.unwrap_or_else(|| format!("#{}", &id.to_string()[..8]))
    }

    /// The one person of this name who did not leave.
    pub fn find_person(&self, name: &str) -> Result<PersonId, Failure> {
        let state = self.state()?;
        let here = state.people().iter().filter(|(_, p)| !matches!(p.standing, Standing::Gone { .. }));
        let found: Vec<PersonId> = here.filter(|(id, _)| same(&self.name_of(id), name)).map(|(id, _)| *id).collect();
        match found.as_slice() {
            [only] => Ok(*only),
            [] => Err(Failure::new(Exit::Usage, "failed-name-unknown").with("name", name)),
            [..] => {
                let prints = found.iter().filter_map(|id| state.person(id)).map(|p| p.keys.fingerprint().to_string());
                let list = prints.collect::<Vec<_>>().join(" / ");
                Err(Failure::new(Exit::Usage, "failed-name-ambiguous").with("name", name).with("list", list))
            }
        }
    }

    /// The one account with this label.
    pub fn find_credential(&self, label: &str) -> Result<CredentialId, Failure> {
        let state = self.state()?;
        let found: Vec<CredentialId> =
            state.credentials().keys().filter(|id| same(&self.label_of(id), label)).copied().collect();
        match found.as_slice() {
            [only] => Ok(*only),
            [] => {
                let known: Vec<String> = state.credentials().keys().map(|id| self.label_of(id)).collect();
                let list = if known.is_empty() { "-".to_owned() } else { known.join(", ") };
                Err(Failure::new(Exit::Usage, "failed-label-unknown").with("label", label).with("list", list))
            }
            [..] => Err(Failure::new(Exit::Usage, "failed-label-ambiguous").with("label", label)),
        }
    }

    /// Refuses a new name or label that could be taken for one that is there.
    pub fn refuse_lookalike(&self, text: &str, known: impl Iterator<Item = String>) -> Result<(), Failure> {
        for other in known {
            if looks_like(text, &other) {
                let failure = Failure::new(Exit::Usage, "failed-lookalike");
                return Err(failure.with("name", text).with("other", other));
            }
        }
        Ok(())
    }
}

fn same(a: &str, b: &str) -> bool {
    a.trim().to_lowercase() == b.trim().to_lowercase()
}
