//! Destroying: a proposal that says exactly what is lost, a second agreement after the charter's delay, and the veto.
//!
//! The first agreement is given like any other, with `approve`. Amendments that weaken the protection from destroying
//! are confirmed and vetoed here, too. This module must never confirm anything that was not shown.

use serde_json::json;

use super::charter::tell_proposal;
use super::consent::Item;
use super::failure::{Exit, Failure};
use super::screen;
use super::session::{Env, Session};
use super::status::texts;
use super::view::{View, short};
use crate::args;
use crate::escrow::act::{Doomed, EntryRef, ProposeDestruction};
use crate::escrow::id::{BlobId, PersonId};
use crate::escrow::part::VersionId;
use crate::escrow::proposal::{Outcome, Proposal, Subject};
use crate::escrow::refusal::Refusal;
use crate::escrow::text::Text;
use crate::escrow::time::Time;
use crate::proto::v1;

/// What is to be destroyed, as people name it.
pub enum Target {
    /// An account, or one of its versions.
    Account {
        /// What people call it.
        label: String,
        /// A version's number; none for all of it.
        version: Option<u32>,
    },
    /// A text, by the beginning of its blob's name.
    Text(String),
    /// Everything.
    Organisation,
}

/// Shows what would be lost, asks, and proposes it; that is the proposer's own agreement, too.
pub async fn propose(env: &Env, target: &Target, reason: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let doomed = find(&session, target)?;
    let words = Text::parse(reason)?;
    let (reason, blob) = session.text(&words)?;
    let shown = session.replica.head();
    // The reason stands in no log yet.
    let known = |id: &BlobId| if *id == reason { Some(words.as_str().to_owned()) } else { session.text_of(id) };
    let lines = screen::destruction(session.view(&known)?, &ProposeDestruction { doomed, reason })?;
    env.out.screen(&lines);
    env.out.screen(&doomed_text(&session, &doomed)?);
    session.require_witnesses()?;
    env.unlock.confirm(&env.out, "ask-destroy", &args! {}, "--yes")?;
    session.unmoved(shown)?;
    let act = v1::command::Act::ProposeDestruction(v1::ProposeDestruction {
        subject: Some(to_wire(&doomed)),
        reason: reason.to_vec(),
    });
    let index = session.submit(act, vec![blob]).await?;
    tell_proposal(&session, index)
}

/// Gives the second agreement to what was agreed and has waited for its delay.
pub async fn confirm(env: &Env, id: u64) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let proposal = find_proposal(&session, id)?;
    let shown = session.replica.head();
    // What would be refused anyway needs no reading; and nothing is signed that was not shown.
    match &proposal.outcome {
        _ if session.state()?.destroyed_at().is_some() => return Err(Refusal::OrganisationDestroyed.into()),
        Outcome::Agreed(_) => {}
        Outcome::Open if proposal.is_open(env.now()) => return Err(Refusal::NotAgreed.into()),
        Outcome::Open | Outcome::InForce { .. } | Outcome::Superseded => return Err(Refusal::ProposalClosed.into()),
    }
    session.state()?.check_subject(&proposal, env.now())?;
    env.out.screen(&screen::proposal(session.view(&texts(&session))?, &proposal)?);
    if let Subject::Destruction(destruction) = &proposal.subject {
        env.out.screen(&doomed_text(&session, &destruction.doomed)?);
    }
    session.require_witnesses()?;
    env.unlock.confirm(&env.out, "ask-confirm", &args! {}, "--yes")?;
    session.unmoved(shown)?;
    let EntryRef { index, leaf } = proposal.at;
    let act = v1::command::Act::Confirm(v1::Confirm { proposal_index: index, proposal_leaf: leaf.to_vec() });
    session.submit(act, Vec::new()).await?;
    tell_proposal(&session, index)
}

/// Objects, with a reason that everybody reads.
pub async fn veto(env: &Env, id: u64, reason: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    let EntryRef { index, leaf } = find_proposal(&session, id)?.at;
    let (reason, blob) = session.text(&Text::parse(reason)?)?;
    let act = v1::command::Act::Veto(v1::Veto {
        proposal_index: index,
        proposal_leaf: leaf.to_vec(),
        reason: reason.to_vec(),
    });
    session.submit(act, vec![blob]).await?;
    env.out.tell("veto-done", &args! { id: id });
    env.out.data(&json!({ "vetoed": id }));
    Ok(())
}

fn find_proposal(session: &Session, id: u64) -> Result<Proposal, Failure> {
    let unknown = || Failure::new(Exit::Usage, "failed-id-unknown").with("id", id);
    session.state()?.proposals().get(&id).cloned().ok_or_else(unknown)
}

fn find(session: &Session, target: &Target) -> Result<Doomed, Failure> {
    Ok(match target {
        Target::Account { label, version } => {
            let credential = session.find_credential(label)?;
            version.map_or(Doomed::Account(credential), |version| Doomed::Version(VersionId { credential, version }))
        }
        Target::Text(beginning) => Doomed::Text(find_text(session, beginning)?),
        Target::Organisation => Doomed::Organisation,
    })
}

/// The one text whose name begins so: `#` and at least eight digits, or without `#`.
fn find_text(session: &Session, beginning: &str) -> Result<BlobId, Failure> {
    let digits = beginning.trim().trim_start_matches('#').to_ascii_lowercase();
    let mut found = session.state()?.texts().filter(|id| digits.len() >= 8 && id.to_string().starts_with(&digits));
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(*only),
        _ => Err(Failure::new(Exit::Usage, "failed-text-unknown").with("text", beginning)),
    }
}

fn to_wire(doomed: &Doomed) -> v1::propose_destruction::Subject {
    use v1::propose_destruction::Subject;
    let account = |credential: &[u8], version| v1::DoomedAccount { credential: credential.to_vec(), version };
    match doomed {
        Doomed::Version(id) => Subject::Account(account(&id.credential.to_vec(), id.version)),
        Doomed::Account(id) => Subject::Account(account(&id.to_vec(), 0)),
        Doomed::Text(id) => Subject::Text(id.to_vec()),
        Doomed::Organisation => Subject::Organisation(v1::WholeOrganisation {}),
    }
}

/// A text that is to be destroyed, line by line, set in so that it cannot pass for something of ours.
pub(super) fn doomed_text(session: &Session, doomed: &Doomed) -> Result<Vec<String>, Failure> {
    let Doomed::Text(id) = doomed else { return Ok(Vec::new()) };
    let missing = || Failure::new(Exit::Failed, "failed-text-missing");
    let blob = session.replica.blob(id)?.ok_or_else(missing)?;
    let text = Text::multiline_from_blob(&blob, *id).map(|text| text.as_str().to_owned());
    // What no screen could show is told by its name alone: it must not be protected from being destroyed by that.
    let text = text.unwrap_or_else(|_| short(id));
    Ok(text.lines().map(|line| format!("    | {line}")).collect())
}

/// What would be destroyed, in a few words.
pub(super) fn what(view: &View<'_>, doomed: &Doomed) -> String {
    match doomed {
        Doomed::Version(id) => {
            let args = args! { version: id.version, label: view.label(&id.credential) };
            view.say.with("destroy-what-version", &args)
        }
        Doomed::Account(id) => view.say.with("destroy-what-account", &args! { label: view.label(id) }),
        Doomed::Text(id) => view.say.with("destroy-what-text", &args! { id: short(id) }),
        Doomed::Organisation => view.say.plain("destroy-what-organisation"),
    }
}

/// The same for a proposal that needs two agreements.
pub(super) fn what_of(view: &View<'_>, proposal: &Proposal) -> String {
    match &proposal.subject {
        Subject::Destruction(destruction) => what(view, &destruction.doomed),
        Subject::Charter { charter, .. } => {
            view.say.with("destroy-what-charter", &args! { version: charter.version() })
        }
        Subject::Admission(_) | Subject::Removal(_) => String::new(),
    }
}

/// The subject for programs.
pub(super) fn data(doomed: &Doomed) -> serde_json::Value {
    match doomed {
        Doomed::Version(id) => json!({ "credential": id.credential.to_string(), "version": id.version }),
        Doomed::Account(id) => json!({ "credential": id.to_string() }),
        Doomed::Text(id) => json!({ "text": id.to_string() }),
        Doomed::Organisation => json!({ "organisation": true }),
    }
}

/// What was agreed once: who can confirm it and from when, and who objects. Trustees see all of it, because each of
/// them can veto.
pub(super) fn waiting(view: &View<'_>, me: &PersonId, now: Time) -> Vec<Item> {
    let (state, say) = (view.state, view.say);
    let trustee = state.charter().is_some_and(|charter| charter.trustees().contains(me));
    let mut items = Vec::new();
    for (id, proposal) in state.proposals() {
        let Outcome::Agreed(delayed) = &proposal.outcome else { continue };
        let window = state.window(delayed);
        let mine = state.confirmers(proposal).contains(me);
        let over = window.is_over(now) || state.check_subject(proposal, now).is_err();
        if over || !(mine || trustee) || delayed.confirmed().contains(me) {
            continue;
        }
        let mut args = args! {
            id: id, what: what_of(view, proposal), from: say.time(window.from), until: say.time(window.until),
        };
        let mut text = say.with(
            match (mine, now < window.from) {
                (_, true) => "inbox-agreed",
                (true, false) => "inbox-confirm",
                (false, false) => "inbox-confirmable",
            },
            &args,
        );
        if let Some(veto) = &proposal.veto {
            args.set("name", view.name(&veto.person));
            args.set("reason", view.reason(&veto.reason));
            text = format!("{text} {}", say.with("inbox-vetoed", &args));
        }
        let json = json!({
            "kind": "agreed", "id": id, "from": window.from.0, "until": window.until.0, "needed": mine,
            "vetoed_by": proposal.veto.map(|veto| veto.person.to_string()),
        });
        items.push(Item { text, json });
    }
    items
}
