//! What destroying something takes away, and what protects from it: the part of a consent screen that says so.

use std::collections::BTreeSet;

use super::{Screen, missing};
use crate::args;
use crate::client::failure::Failure;
use crate::client::view::{View, short};
use crate::escrow::act::{Doomed, ProposeDestruction, ShareVerdict};
use crate::escrow::id::{CredentialId, PersonId};
use crate::escrow::proposal::{Outcome, Proposal};
use crate::escrow::quorum::Quorum;
use crate::escrow::request::Request;

impl Screen<'_> {
    /// Exactly what is lost.
    pub(super) fn destruction(&mut self, destruction: &ProposeDestruction) -> Result<(), Failure> {
        let (view, say) = (self.view, self.view.say);
        match &destruction.doomed {
            Doomed::Version(id) => {
                let label = view.needed_name(&view.state.version(id).ok_or_else(missing)?.label)?;
                let args = args! { version: id.version, label: label, id: short(&id.credential) };
                self.tell("destroy-version", &args);
                self.version(&id.credential, id.version)?;
                self.remains(&id.credential)?;
                self.ending(|request| {
                    request.version == *id || request.parts.iter().any(|asked| asked.part.version == *id)
                })?;
            }
            Doomed::Account(id) => {
                self.account(id)?;
                self.ending(|request| request.version.credential == *id)?;
            }
            Doomed::Text(id) => self.tell("destroy-text", &args! { id: short(id) }),
            Doomed::Organisation => {
                self.tell("destroy-organisation", &args! { name: view.needed_name(&view.state.name())? });
                for id in view.state.credentials().keys() {
                    self.account(id)?;
                }
                self.ending(|_| true)?;
            }
        }
        self.tell("destroy-reason", &args! { reason: view.needed_reason(&destruction.reason)? });
        self.lines.push(format!("  {}", say.plain("destroy-stays")));
        Ok(())
    }

    fn account(&mut self, id: &CredentialId) -> Result<(), Failure> {
        let credential = self.view.state.credential(id).ok_or_else(missing)?;
        let (_, current) = credential.current().ok_or_else(missing)?;
        let args = args! {
            label: self.view.needed_name(&current.label)?, id: short(id), vault: &credential.vault,
            n: credential.versions.len(),
        };
        self.tell("destroy-account", &args);
        for number in credential.versions.keys() {
            self.version(id, *number)?;
        }
        if let Some(due) = self.view.due(id) {
            self.tell("destroy-due", &args! { cause: self.view.due_cause(&due) });
        }
        Ok(())
    }

    /// What is left of an account once one of its versions is gone: the current one, and whether anybody can say that
    /// it is worth anything. Whoever wants the old one gone may have deposited it.
    fn remains(&mut self, id: &CredentialId) -> Result<(), Failure> {
        let (view, say) = (self.view, self.view.say);
        let credential = view.state.credential(id).ok_or_else(missing)?;
        let (number, current) = credential.current().ok_or_else(missing)?;
        let args = args! {
            version: number, label: view.needed_name(&current.label)?, name: self.any(&current.depositor),
            time: say.time(current.since), parts: view.parts(current.kinds()),
        };
        self.tell("destroy-remains", &args);
        for (kind, _, state) in credential.parts(number) {
            let good = state.verdicts.values().filter(|checked| checked.verdict == ShareVerdict::Good).count();
            let bad = state.verdicts.len().saturating_sub(good);
            let args = args! {
                part: view.parts([kind]), good: good, bad: bad,
                tested: match state.tested {
                    Some(tested) if tested.works => "works",
                    Some(_) => "fails",
                    None => "never",
                },
            };
            self.tell("destroy-remains-part", &args);
        }
        Ok(())
    }

    /// A version: what was sealed, by whom, when; and who knows it, because destroying takes nothing out of heads.
    fn version(&mut self, id: &CredentialId, number: u32) -> Result<(), Failure> {
        let (view, say) = (self.view, self.view.say);
        let credential = view.state.credential(id).ok_or_else(missing)?;
        let version = credential.versions.get(&number).ok_or_else(missing)?;
        let args = args! {
            version: number, name: self.any(&version.depositor), time: say.time(version.since),
            parts: view.parts(version.parts.keys().copied()),
        };
        self.tell("destroy-one-version", &args);
        let known = credential.exposures(number).into_iter().map(|e| e.person).chain([version.depositor]);
        let known: BTreeSet<PersonId> = known.collect();
        let names: Vec<String> = known.iter().map(|id| self.any(id)).collect();
        self.tell("destroy-known", &args! { names: view.list(names) });
        Ok(())
    }

    /// A name, or the beginning of an id for somebody who left and whose name may be gone.
    fn any(&self, id: &PersonId) -> String {
        self.person(id).unwrap_or_else(|_| short(id))
    }

    fn ending(&mut self, touches: impl Fn(&Request) -> bool) -> Result<(), Failure> {
        let over: Vec<&Request> = self.view.state.live_requests().filter(|request| touches(request)).collect();
        for request in over {
            let args = args! { id: request.at.index, name: self.name(&request.requester)? };
            self.tell("destroy-ends", &args);
        }
        Ok(())
    }

    /// That two agreements are needed, how far it is, and who objects.
    pub(super) fn brake(&mut self, proposal: &Proposal) -> Result<(), Failure> {
        let (view, say) = (self.view, self.view.say);
        if !view.state.needs_delay(&proposal.subject) {
            return Ok(());
        }
        if let (Outcome::Open, Some(charter)) = (&proposal.outcome, view.state.charter()) {
            let quorums = needed_before(&view, proposal);
            self.tell("brake-two", &args! { quorums: quorums, delay: say.duration(charter.destroy_delay()) });
        }
        if let Some(veto) = &proposal.veto {
            let (before, after) = (needed_before(&view, proposal), needed(&view, proposal));
            let args = args! {
                name: self.any(&veto.person), time: say.time(veto.at), reason: view.needed_reason(&veto.reason)?,
                before: before, after: after,
            };
            self.tell("brake-vetoed", &args);
        }
        if let Outcome::Agreed(delayed) = &proposal.outcome {
            let window = view.state.window(delayed);
            let args = args! {
                names: view.list(delayed.agreement().persons().iter().map(|id| self.any(id))),
                time: say.time(delayed.at()), from: say.time(window.from), until: say.time(window.until),
                confirmed: view.list(delayed.confirmed().iter().map(|id| self.any(id))),
                quorums: needed(&view, proposal),
            };
            self.tell("brake-agreed", &args);
        }
        Ok(())
    }
}

/// '“destroy” (2 of 3), “amend” (2 of 3)': everybody who must confirm.
fn needed(view: &View<'_>, proposal: &Proposal) -> String {
    words(view, &view.state.confirming_quorums(proposal))
}

/// The same without a veto.
fn needed_before(view: &View<'_>, proposal: &Proposal) -> String {
    let quorums: Vec<Quorum> = view.state.first_quorums(&proposal.subject).into_iter().cloned().collect();
    words(view, &quorums)
}

fn words(view: &View<'_>, quorums: &[Quorum]) -> String {
    let words =
        |quorum: &Quorum| view.say.with("destroy-quorum", &args! { name: quorum.name(), words: view.quorum(quorum) });
    let mut all: Vec<String> = quorums.iter().map(words).collect();
    all.dedup();
    view.list(all)
}
