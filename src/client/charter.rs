//! Signing: what a proposal would do, in words, and the signature that helps it to happen.

use super::destroy::doomed_text;
use super::failure::{Exit, Failure};
use super::screen;
use super::session::Session;
use super::status::texts;
use crate::args;
use crate::escrow::act::EntryRef;
use crate::escrow::proposal::{Outcome, Proposal, Subject};
use crate::proto::v1;

/// Says what became of a proposal and who is still missing.
pub fn tell_proposal(session: &Session, index: u64) -> Result<(), Failure> {
    let state = session.state()?;
    let Some(proposal) = state.proposals().get(&index) else { return Ok(()) };
    let out = &session.env.out;
    let missing = missing(session, proposal)?;
    let code = charter_code(proposal);
    match &proposal.outcome {
        Outcome::InForce { .. } => out.say("proposal-in-force"),
        Outcome::Agreed(delayed) => {
            let (window, say) = (state.window(delayed), out.language());
            let args = args! { index: index, from: say.time(window.from), until: say.time(window.until) };
            out.tell("proposal-agreed", &args);
        }
        Outcome::Superseded => out.say("proposal-superseded"),
        Outcome::Open => {
            if let Some(code) = &code {
                out.tell("proposal-charter-code", &args! { code: code });
            }
            out.tell("proposal-open", &args! { index: index, list: missing.join(", ") });
        }
    }
    out.data(&serde_json::json!({
        "proposal": index, "in_force": matches!(proposal.outcome, Outcome::InForce { .. }),
        "charter_code": code, "missing": missing,
        "confirm_from": match &proposal.outcome {
            Outcome::Agreed(delayed) => Some(state.window(delayed).from.0),
            _ => None,
        },
    }));
    Ok(())
}

/// The names of those whose signature, or confirmation, a proposal could still use.
pub fn missing(session: &Session, proposal: &Proposal) -> Result<Vec<String>, Failure> {
    let state = session.state()?;
    let (signers, signed) = match &proposal.outcome {
        Outcome::Agreed(delayed) => (state.confirmers(proposal), delayed.confirmed()),
        _ => (state.signers(&proposal.subject), &proposal.signed),
    };
    Ok(signers.difference(signed).map(|id| session.name_of(id)).collect())
}

/// The charter code of a charter proposal.
pub fn charter_code(proposal: &Proposal) -> Option<String> {
    match &proposal.subject {
        Subject::Charter { charter, .. } => Some(charter.code().to_string()),
        Subject::Admission(_) | Subject::Removal(_) | Subject::Destruction(_) => None,
    }
}

/// Shows a proposal and asks; then signs or acknowledges it.
pub async fn sign(session: &mut Session, index: u64) -> Result<(), Failure> {
    let unknown = || Failure::new(Exit::Usage, "failed-id-unknown").with("id", index);
    let proposal = session.state()?.proposals().get(&index).cloned().ok_or_else(unknown)?;
    if let Subject::Destruction(_) = &proposal.subject {
        // What is gone already cannot be shown.
        session.state()?.check_subject(&proposal, session.env.now())?;
    }
    let shown = session.replica.head();
    session.env.out.screen(&screen::proposal(session.view(&texts(session))?, &proposal)?);
    if let Subject::Destruction(destruction) = &proposal.subject {
        session.env.out.screen(&doomed_text(session, &destruction.doomed)?);
    }
    let question = match &proposal.subject {
        Subject::Charter { .. } => "ask-sign-charter",
        Subject::Admission(_) => "ask-sign-admission",
        Subject::Removal(_) => "ask-sign-removal",
        Subject::Destruction(_) => "ask-destroy",
    };
    session.require_witnesses()?;
    session.env.unlock.confirm(&session.env.out, question, &args! {}, "--yes")?;
    session.unmoved(shown)?;
    let EntryRef { index, leaf } = proposal.at;
    let act = v1::command::Act::Sign(v1::Sign { proposal_index: index, proposal_leaf: leaf.to_vec() });
    session.submit(act, Vec::new()).await?;
    tell_proposal(session, index)
}
