//! Signing: what a proposal would do, in words, and the signature that helps it to happen.

use super::failure::{Exit, Failure};
use super::session::Session;
use crate::args;
use crate::escrow::act::EntryRef;
use crate::escrow::id::PersonId;
use crate::escrow::proposal::{Outcome, Proposal, Subject};
use crate::escrow::quorum::Quorum;
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
    }));
    Ok(())
}

/// The names of those whose signature a proposal could still use.
pub fn missing(session: &Session, proposal: &Proposal) -> Result<Vec<String>, Failure> {
    let signers = session.state()?.signers(&proposal.subject);
    Ok(signers.difference(&proposal.signed).map(|id| session.name_of(id)).collect())
}

/// The charter code of a charter proposal.
pub fn charter_code(proposal: &Proposal) -> Option<String> {
    match &proposal.subject {
        Subject::Charter { charter, .. } => Some(charter.code().to_string()),
        Subject::Admission(_) | Subject::Removal(_) => None,
    }
}

/// A quorum in words: '2 of 7', or with names where it has several groups.
pub fn quorum_in_words(session: &Session, quorum: &Quorum) -> String {
    let say = session.env.out.language();
    let groups: Vec<String> = quorum
        .groups()
        .iter()
        .map(|group| {
            let args = args! { k: group.threshold(), n: group.members().len() };
            let text = say.with("k-of-n", &args);
            if quorum.groups().len() == 1 {
                return text;
            }
            let names: Vec<String> = group.members().iter().map(|m| session.name_of(m)).collect();
            format!("{text} ({})", names.join(", "))
        })
        .collect();
    groups.join(&format!(" {} ", say.plain("and")))
}

/// Shows a proposal and asks; then signs or acknowledges it.
pub async fn sign(session: &mut Session, index: u64) -> Result<(), Failure> {
    let unknown = || Failure::new(Exit::Usage, "failed-id-unknown").with("id", index);
    let proposal = session.state()?.proposals().get(&index).cloned().ok_or_else(unknown)?;
    show(session, &proposal)?;
    let question = match &proposal.subject {
        Subject::Charter { .. } => "ask-sign-charter",
        Subject::Admission(_) => "ask-sign-admission",
        Subject::Removal(_) => "ask-sign-removal",
    };
    session.require_witnesses()?;
    session.env.unlock.confirm(&session.env.out, question, &args! {}, "--yes")?;
    let EntryRef { index, leaf } = proposal.at;
    let act = v1::command::Act::Sign(v1::Sign { proposal_index: index, proposal_leaf: leaf.to_vec() });
    session.submit(act, Vec::new()).await?;
    tell_proposal(session, index)
}

/// The consent screen: everything that the signature stands for.
fn show(session: &Session, proposal: &Proposal) -> Result<(), Failure> {
    let out = &session.env.out;
    out.tell("proposal-by", &args! { index: proposal.at.index, name: session.name_of(&proposal.proposer) });
    match &proposal.subject {
        Subject::Charter { charter, .. } => {
            out.tell("proposal-charter", &args! { version: charter.version() });
            let names = |ids: &std::collections::BTreeSet<PersonId>| -> String {
                let names: Vec<String> = ids.iter().map(|id| session.name_of(id)).collect();
                if names.is_empty() { "-".to_owned() } else { names.join(", ") }
            };
            out.tell("proposal-trustees", &args! { list: names(charter.trustees()) });
            out.tell("proposal-mediators", &args! { list: names(charter.mediators()) });
            out.tell("proposal-technicians", &args! { list: names(charter.technicians()) });
            for quorum in charter.quorums() {
                let words = quorum_in_words(session, quorum);
                out.tell("proposal-quorum", &args! { name: quorum.name(), words: words });
            }
            for vault in charter.vaults() {
                let quorums: Vec<&str> = vault.opened_by.iter().map(|q| q.as_str()).collect();
                out.tell("proposal-vault", &args! { name: &vault.name, list: quorums.join(", ") });
            }
            out.tell("proposal-charter-code", &args! { code: charter.code() });
        }
        Subject::Admission(admission) => {
            let name = session.name_of(&admission.keys.person());
            out.tell("proposal-admission", &args! { name: name, code: admission.keys.fingerprint() });
        }
        Subject::Removal(removal) => {
            let reason = session.needed_text(&removal.reason)?;
            out.tell("proposal-removal", &args! { name: session.name_of(&removal.person), reason: reason });
        }
    }
    Ok(())
}
