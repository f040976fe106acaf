//! Sentences about what things are worth: shares that were opened, accusations, answers to recoveries.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{Snapshot, Teller, Told};
use crate::args;
use crate::escrow::act::{ConfirmShares, ShareVerdict};
use crate::escrow::claim::{Answer, Claim};
use crate::escrow::id::{CredentialId, PersonId};
use crate::escrow::organisation::Organisation;
use crate::escrow::recovery::RecordAnswer;

/// What the accused answered to each claim.
pub(super) fn answers(state: &Organisation) -> BTreeMap<(u64, PersonId), Answer> {
    let claims = state.requests().values().flat_map(|request| request.claims.keys().map(move |who| (request, who)));
    claims.filter_map(|(request, who)| Some(((request.at.index, *who), state.claim_answer(request, who)?))).collect()
}

impl Teller<'_> {
    pub(super) fn answer(&self, who: String, index: u64, answer: &RecordAnswer) -> Told {
        let view = &self.view;
        // Of the parts that an answer names, the rules ignore those that are not its signer's.
        let counted = view.state.recovery_at(index).and_then(|(_, recovery)| recovery.answers.get(&index));
        let parts = counted.map_or(&answer.parts, |answered| &answered.parts);
        let starter = answer.recovery.starter;
        let accounts: BTreeSet<CredentialId> = parts.iter().map(|part| part.version.credential).collect();
        let args = args! {
            who: who,
            name: view.name(&starter),
            n: parts.len(),
            labels: view.list(accounts.iter().map(|id| view.label(id))),
        };
        let parts = parts.iter().map(|part| {
            let (credential, version) = (part.version.credential.to_string(), part.version.version);
            json!({ "credential": credential, "version": version, "part": part.kind.as_str() })
        });
        let details = json!({
            "recovery": answer.recovery.request.to_string(),
            "starter": starter.to_string(),
            "parts": parts.collect::<Vec<_>>(),
        });
        let told = Told::new("record_answer", "log-record-answer", args, details).person(starter);
        accounts.into_iter().fold(told, Told::account)
    }

    pub(super) fn claim(&self, who: String, claim: &Claim) -> Told {
        let view = &self.view;
        let args = args! {
            who: who,
            request: claim.request,
            name: view.name(&claim.accused),
            label: view.state.request(claim.request).map_or_else(String::new, |r| view.label(&r.version.credential)),
            parts: view.parts(claim.kinds.iter().copied()),
        };
        let details = json!({
            "request": claim.request,
            "accused": claim.accused.to_string(),
            "parts": claim.kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
            "verdict": claim.verdict.as_str(),
        });
        let opens = claim.verdict == ShareVerdict::DoesNotMatch;
        let told = Told::new("claim", if opens { "log-accuse-differs" } else { "log-accuse-closed" }, args, details);
        let account = view.state.request(claim.request).map(|request| request.version.credential);
        account.into_iter().fold(told.person(claim.accused), Told::account)
    }

    /// Claims that were answered, or otherwise than before.
    pub(super) fn answered(&self, before: &Snapshot, after: &Snapshot) -> Vec<(String, Value)> {
        let view = &self.view;
        let new = after.answers.iter().filter(|(claim, answer)| before.answers.get(*claim) != Some(*answer));
        let told = new.filter_map(|((request, accused), answer)| {
            let request = view.state.request(*request)?;
            let args = args! { request: request.at.index, name: view.name(&request.requester) };
            let key = match answer {
                Answer::Good => "log-accuse-answered-good",
                Answer::Bad => "log-accuse-answered-bad",
            };
            let data = json!({
                "kind": "claim_answered",
                "request": request.at.index,
                "accused": accused.to_string(),
                "answer": answer.as_str(),
            });
            Some((view.say.with(key, &args), data))
        });
        told.collect()
    }

    pub(super) fn confirmation(&self, who: String, confirm: &ConfirmShares) -> Told {
        let view = &self.view;
        let accounts: BTreeSet<CredentialId> = confirm.checks.iter().map(|(p, _)| p.version.credential).collect();
        let bad: Vec<_> = confirm.checks.iter().filter(|(_, verdict)| *verdict != ShareVerdict::Good).collect();
        let claims = bad.iter().map(|(part, verdict)| {
            // What the server made, it dealt, whoever asked for it.
            let dealer = view.state.version(&part.version).map(|version| match version.by_daemon {
                true => view.say.plain("log-the-server"),
                false => view.name(&version.depositor),
            });
            let args = args! {
                label: view.label(&part.version.credential),
                part: view.parts([part.kind]),
                name: dealer.unwrap_or_else(|| "–".to_owned()),
            };
            let opens = *verdict == ShareVerdict::DoesNotMatch;
            view.say.with(if opens { "log-claim-differs" } else { "log-claim-closed" }, &args)
        });
        let args = args! {
            who: who,
            n: confirm.checks.len() - bad.len(),
            labels: view.list(accounts.iter().map(|id| view.label(id))),
            claims: claims.collect::<Vec<_>>().join(" "),
        };
        let checks = confirm.checks.iter().map(|(part, found)| {
            json!({
                "credential": part.version.credential.to_string(),
                "version": part.version.version,
                "part": part.kind.as_str(),
                "verdict": found.as_str(),
            })
        });
        let details = json!({ "checks": checks.collect::<Vec<_>>() });
        let key = if bad.is_empty() { "log-confirm" } else { "log-confirm-claims" };
        let dealers = bad.iter().filter_map(|(part, _)| view.state.version(&part.version));
        let dealers = dealers.filter(|version| !version.by_daemon).map(|version| version.depositor);
        let told = dealers.fold(Told::new("confirm_shares", key, args, details), Told::person);
        accounts.into_iter().fold(told, Told::account)
    }
}
