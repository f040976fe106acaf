//! What waits for one person: shown by `status`; the inbox is where it is done.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::out::Out;
use super::super::view::View;
use crate::args;
use crate::escrow::id::PersonId;
use crate::escrow::organisation::Organisation;
use crate::escrow::part::VersionId;
use crate::escrow::people::{InvitationState, Standing};
use crate::escrow::proposal::Subject;
use crate::escrow::request::Stage;
use crate::escrow::role::Role;
use crate::escrow::time::Time;

/// One thing that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// A request that needs this trustee's agreement.
    Approve(u64),
    /// A proposal that needs this person's signature.
    Sign(u64),
    /// A charter that concerns this person, whose acknowledgement is welcome and not needed.
    Acknowledge(u64),
    /// The person's own request, granted: to be fetched.
    Collect(u64),
    /// Shares of a version that this trustee has not looked at yet.
    Confirm(VersionId),
    /// Somebody joined with this person's invitation and is not taken in yet.
    Newcomer(PersonId),
}

/// Everything that waits for `me`, oldest first within each kind.
pub fn waiting(state: &Organisation, me: &PersonId, now: Time) -> Vec<Waiting> {
    let mut items = Vec::new();
    let trustee = state.roles(me).contains(&Role::Trustee);
    for (index, request) in state.requests() {
        let mine = request.requester == *me;
        match request.stage {
            Stage::Granted(_) if mine && request.accepts(now) => items.push(Waiting::Collect(*index)),
            Stage::Waiting
                if !mine
                    && trustee
                    && request.accepts(now)
                    && !request.approvals.contains_key(me)
                    && !request.denials.contains_key(me)
                    && state.own_share(me, &request.parts) =>
            {
                items.push(Waiting::Approve(*index));
            }
            _ => {}
        }
    }
    for (index, proposal) in state.proposals() {
        let done = proposal.signed.contains(me) || proposal.acknowledged.contains(me);
        if !proposal.is_open(now) || done {
            continue;
        }
        if state.signers(&proposal.subject).contains(me) {
            items.push(Waiting::Sign(*index));
        } else if let Subject::Charter { charter, roll } = &proposal.subject
            && (charter.named().contains(me) || roll.iter().any(|a| a.keys.person() == *me))
        {
            items.push(Waiting::Acknowledge(*index));
        }
    }
    let unseen = state.credentials().iter().filter_map(|(id, credential)| {
        let (number, version) = credential.current()?;
        let to_check = version.parts.values().any(|state| {
            let held = state.part.deals.iter().any(|deal| deal.share_of(me).is_some());
            held && !state.verdicts.contains_key(me)
        });
        to_check.then_some(Waiting::Confirm(VersionId { credential: *id, version: number }))
    });
    items.extend(unseen);
    items.extend(newcomers(state, me, now).into_iter().map(Waiting::Newcomer));
    items
}

/// Candidates whom `me` invited and whom no open proposal takes in.
fn newcomers(state: &Organisation, me: &PersonId, now: Time) -> Vec<PersonId> {
    let mut proposed = BTreeSet::new();
    for proposal in state.proposals().values().filter(|proposal| proposal.is_open(now)) {
        match &proposal.subject {
            Subject::Charter { roll, .. } => proposed.extend(roll.iter().map(|a| a.keys.person())),
            Subject::Admission(admission) => drop(proposed.insert(admission.keys.person())),
            Subject::Removal(_) => {}
        }
    }
    let used = state.invitations().values().filter(|invitation| invitation.inviter == *me);
    used.filter_map(|invitation| match invitation.state {
        InvitationState::Used(person) => Some(person),
        InvitationState::Open | InvitationState::Cancelled => None,
    })
    .filter(|person| {
        let candidate = state.person(person).is_some_and(|p| matches!(p.standing, Standing::Candidate(_)));
        candidate && !proposed.contains(person)
    })
    .collect()
}

impl Waiting {
    /// For programs.
    pub fn data(&self) -> Value {
        match self {
            Self::Approve(index) => json!({ "kind": "approve", "request": index }),
            Self::Sign(index) => json!({ "kind": "sign", "proposal": index }),
            Self::Acknowledge(index) => json!({ "kind": "acknowledge", "proposal": index }),
            Self::Collect(index) => json!({ "kind": "collect", "request": index }),
            Self::Confirm(version) => json!({
                "kind": "confirm", "credential": version.credential.to_string(), "version": version.version,
            }),
            Self::Newcomer(person) => json!({ "kind": "newcomer", "person": person.to_string() }),
        }
    }

    /// One line for people.
    pub(super) fn tell(&self, out: &Out, view: &View<'_>) {
        let (state, say) = (view.state, view.say);
        match self {
            Self::Approve(index) | Self::Collect(index) => {
                let Some(request) = state.request(*index) else { return };
                let args = args! {
                    request: index,
                    name: view.name(&request.requester),
                    label: view.label(&request.version.credential),
                    time: say.time(request.expires),
                };
                let approve = matches!(self, Self::Approve(_));
                out.tell(if approve { "status-wait-approve" } else { "status-wait-collect" }, &args);
            }
            Self::Sign(index) | Self::Acknowledge(index) => {
                let Some(proposal) = state.proposals().get(index) else { return };
                let time = say.time(proposal.expires);
                match (&proposal.subject, self) {
                    (Subject::Charter { charter, .. }, Self::Sign(_)) => {
                        let args = args! { proposal: index, version: charter.version(), time: time };
                        out.tell("status-wait-charter", &args);
                    }
                    (Subject::Charter { charter, .. }, _) => {
                        let args = args! { proposal: index, version: charter.version(), time: time };
                        out.tell("status-wait-acknowledge", &args);
                    }
                    (Subject::Admission(admission), _) => {
                        let name = view.name(&admission.keys.person());
                        out.tell("status-wait-admission", &args! { proposal: index, name: name, time: time });
                    }
                    (Subject::Removal(removal), _) => {
                        let name = view.name(&removal.person);
                        out.tell("status-wait-removal", &args! { proposal: index, name: name, time: time });
                    }
                }
            }
            Self::Confirm(version) => {
                out.tell("status-wait-confirm", &args! { label: view.label(&version.credential) });
            }
            Self::Newcomer(person) => out.tell("status-wait-newcomer", &args! { name: view.name(person) }),
        }
    }
}
