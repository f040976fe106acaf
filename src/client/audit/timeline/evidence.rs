//! Sentences about what things are worth: shares that were opened, accusations, answers to recoveries.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Teller, Told};
use crate::args;
use crate::escrow::act::{ConfirmShares, ShareVerdict};
use crate::escrow::claim::{Answer, Claim};
use crate::escrow::id::{CredentialId, PersonId};
use crate::escrow::recovery::RecordAnswer;

impl Teller<'_> {
    pub(super) fn answer(&self, who: String, answer: &RecordAnswer) -> Told {
        let view = &self.view;
        let starter = answer.recovery.starter;
        let accounts: BTreeSet<CredentialId> = answer.parts.iter().map(|part| part.version.credential).collect();
        let args = args! {
            who: who,
            name: view.name(&starter),
            n: answer.parts.len(),
            labels: view.list(accounts.iter().map(|id| view.label(id))),
        };
        let parts = answer.parts.iter().map(|part| {
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

    /// The claims against this person that this confirmation answered: in words, and for programs.
    fn answered(&self, id: PersonId, entry: u64, confirm: &ConfirmShares) -> Vec<(String, Value)> {
        let view = &self.view;
        let claims = view.state.requests().values().filter_map(|request| {
            let claim = request.claims.get(&id).filter(|claim| claim.index < entry)?;
            let mut meant = request.parts.iter().filter(|asked| claim.kinds.contains(&asked.part.kind));
            let now = meant.any(|asked| confirm.checks.iter().any(|(part, _)| *part == asked.part));
            let answer = view.state.claim_answer(request, &id).filter(|_| now)?;
            let args = args! { request: request.at.index, name: view.name(&request.requester) };
            let key = match answer {
                Answer::Good => "log-accuse-answered-good",
                Answer::Bad => "log-accuse-answered-bad",
            };
            let data = json!({
                "kind": "claim_answered",
                "request": request.at.index,
                "claim": claim.index,
                "answer": answer.as_str(),
            });
            Some((view.say.with(key, &args), data))
        });
        claims.collect()
    }

    pub(super) fn confirmation(&self, id: PersonId, who: String, entry: u64, confirm: &ConfirmShares) -> Told {
        let view = &self.view;
        let accounts: BTreeSet<CredentialId> = confirm.checks.iter().map(|(p, _)| p.version.credential).collect();
        let bad: Vec<_> = confirm.checks.iter().filter(|(_, verdict)| *verdict != ShareVerdict::Good).collect();
        let claims = bad.iter().map(|(part, verdict)| {
            let dealer = view.state.version(&part.version).map(|version| view.name(&version.depositor));
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
        let dealers = bad.iter().filter_map(|(part, _)| Some(view.state.version(&part.version)?.depositor));
        let told = dealers.fold(Told::new("confirm_shares", key, args, details), Told::person);
        let told = Told { then: self.answered(id, entry, confirm), ..told };
        accounts.into_iter().fold(told, Told::account)
    }
}
