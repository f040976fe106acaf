//! The timeline's sentences about destroying, confirming and objecting.

use serde_json::json;

use super::timeline::{Teller, Told};
use crate::args;
use crate::client::destroy;
use crate::escrow::act::{Doomed, EntryRef, ProposeDestruction, Veto};
use crate::escrow::proposal::{Outcome, Subject};

impl Teller<'_> {
    pub(super) fn destruction(&self, who: String, index: u64, destruction: &ProposeDestruction) -> Told {
        let view = &self.view;
        let args = args! {
            who: who, proposal: index, what: destroy::what(view, &destruction.doomed),
            reason: view.text(&destruction.reason),
        };
        let details = json!({
            "proposal": index,
            "subject": destroy::data(&destruction.doomed),
            "reason": view.text_if_here(&destruction.reason),
        });
        let told = Told::new("propose_destruction", "log-propose-destruction", args, details);
        match destruction.doomed {
            Doomed::Version(id) => told.account(id.credential),
            Doomed::Account(id) => told.account(id),
            Doomed::Text(_) | Doomed::Organisation => told,
        }
    }

    /// A second agreement. With the last one it is done; what that was about is then gone, and told by its number.
    pub(super) fn second(&self, who: String, reference: &EntryRef) -> Told {
        let index = reference.index;
        let proposal = self.view.state.proposals().get(&index);
        let done = proposal.is_some_and(|p| matches!(p.outcome, Outcome::InForce { .. }));
        let args = args! {
            who: who, proposal: index, what: proposal.map(|p| destroy::what_of(&self.view, p)).unwrap_or_default(),
        };
        let destroys = proposal.is_some_and(|p| matches!(p.subject, Subject::Destruction(_)));
        let key = if done && destroys { "log-destroyed" } else { "log-confirm-again" };
        Told::new("confirm", key, args, json!({ "proposal": index, "executed": done }))
    }

    pub(super) fn veto(&self, who: String, veto: &Veto) -> Told {
        let (view, index) = (&self.view, veto.proposal.index);
        let proposal = view.state.proposals().get(&index);
        let args = args! {
            who: who, proposal: index, reason: view.text(&veto.reason),
            what: proposal.map(|p| destroy::what_of(view, p)).unwrap_or_default(),
        };
        let details = json!({ "proposal": index, "reason": view.text_if_here(&veto.reason) });
        Told::new("veto", "log-veto", args, details)
    }
}
