//! The log as a story: one sentence for each entry, and what followed from it.
//!
//! The sentences come from replaying: names, labels and consequences ('with that, access is granted') are those of
//! the state right after the entry. Every act of a person and of the daemon has its sentence; an act without one does
//! not compile.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::destroy;
use super::super::say::{Args, Say};
use super::super::view::{self, Texts, View, short_device};
use crate::args;
use crate::escrow::act::{Act, Deposit, EntryRef};
use crate::escrow::claim::Answer;
use crate::escrow::credential::Urgency;
use crate::escrow::entry::{DaemonAct, Entry, What};
use crate::escrow::id::{BlobId, CredentialId, OrganisationId, PersonId};
use crate::escrow::moving::{Dated, Round, SignedMove};
use crate::escrow::organisation::{Audience, Effect, Organisation};
use crate::escrow::people::{InvitationState, Standing};
use crate::escrow::proposal::{Outcome, Subject};
use crate::escrow::replay::{Fault, Rejected, Replay, Trust};
use crate::escrow::request::Stage;
use crate::escrow::time::Time;
use crate::escrow::window::Purpose;

mod evidence;
mod targets;

/// One entry, told.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its index.
    pub index: u64,
    /// Its time.
    pub time: Time,
    /// The act's name for programs.
    pub act: &'static str,
    /// Who did it; nobody for what the daemon adds.
    pub person: Option<PersonId>,
    /// Everybody whom it concerns, the doer included.
    pub people: BTreeSet<PersonId>,
    /// The accounts that it concerns.
    pub credentials: BTreeSet<CredentialId>,
    /// The texts that it names: what can be destroyed by itself.
    pub texts: Vec<BlobId>,
    /// In words.
    pub sentence: String,
    /// The act's values for programs.
    pub details: Value,
}

impl Line {
    /// For programs.
    pub fn data(&self) -> Value {
        json!({
            "index": self.index,
            "time": self.time.0,
            "act": self.act,
            "person": self.person.map(|id| id.to_string()),
            "people": self.people.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "credentials": self.credentials.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "texts": self.texts.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "text": self.sentence,
            "details": self.details,
        })
    }
}

/// Tells a log that was verified before; replaying finds the first entry that is not what it was.
pub fn timeline(id: OrganisationId, entries: &[Vec<u8>], say: &Say, texts: Texts<'_>) -> Result<Vec<Line>, Rejected> {
    let mut lines = Vec::with_capacity(entries.len());
    let mut so_far: Option<(Replay, Snapshot)> = None;
    for (index, bytes) in (0..).zip(entries) {
        let entry = Entry::parse(bytes).map_err(|e| Rejected { index, fault: Fault::from(e) })?;
        let (replay, effects, before) = match so_far.take() {
            Some((mut replay, before)) => {
                let effects = replay.push(bytes, Trust::OwnDisk)?;
                (replay, effects, before)
            }
            None => {
                let (replay, effects) = Replay::begin(id, bytes, Trust::OwnDisk)?;
                (replay, effects, Snapshot::default())
            }
        };
        let after = Snapshot::of(replay.organisation());
        let mut line = Teller { view: View::new(replay.organisation(), say, texts) }.line(&entry, &before, &after);
        line.texts = named_texts(&effects);
        lines.push(line);
        so_far = Some((replay, after));
    }
    Ok(lines)
}

fn named_texts(effects: &[Effect]) -> Vec<BlobId> {
    let kept = effects.iter().filter_map(|effect| match effect {
        Effect::Keep(blobs) => Some(blobs),
        _ => None,
    });
    kept.flatten().filter(|(_, audience)| *audience < Audience::Trustees).map(|(id, _)| *id).collect()
}

/// What consequences are found by comparing.
#[derive(Default)]
struct Snapshot {
    charter: Option<u32>,
    admitted: BTreeSet<PersonId>,
    /// Requests that are not over, by stage.
    live: BTreeMap<u64, &'static str>,
    due: BTreeMap<CredentialId, Urgency>,
    /// What the accused answered, by request.
    answers: BTreeMap<(u64, PersonId), Answer>,
    /// Proposals that wait for their second agreement.
    agreed: BTreeSet<u64>,
}

impl Snapshot {
    fn of(state: &Organisation) -> Self {
        let admitted = state.people().iter().filter(|(_, p)| matches!(p.standing, Standing::Admitted { .. }));
        let due = state.credentials().iter().filter_map(|(id, c)| Some((*id, c.due(c.current()?.0)?.urgency)));
        let agreed = state.proposals().iter().filter(|(_, p)| matches!(p.outcome, Outcome::Agreed(_)));
        Self {
            charter: state.charter().map(|charter| charter.version()),
            admitted: admitted.map(|(id, _)| *id).collect(),
            live: state.live_requests().map(|r| (r.at.index, view::stage_name(&r.stage))).collect(),
            due: due.collect(),
            answers: evidence::answers(state),
            agreed: agreed.map(|(index, _)| *index).collect(),
        }
    }
}

/// An act before it is put into words.
pub(super) struct Told {
    act: &'static str,
    key: &'static str,
    args: Args,
    people: Vec<PersonId>,
    credentials: Vec<CredentialId>,
    /// The request that the act itself ends: not told again as a consequence.
    ends: Option<u64>,
    details: Value,
}

impl Told {
    pub(super) fn new(act: &'static str, key: &'static str, args: Args, details: Value) -> Self {
        Self { act, key, args, people: Vec::new(), credentials: Vec::new(), ends: None, details }
    }

    fn person(mut self, id: PersonId) -> Self {
        self.people.push(id);
        self
    }

    pub(super) fn account(mut self, id: CredentialId) -> Self {
        self.credentials.push(id);
        self
    }

    fn ending(mut self, request: u64) -> Self {
        self.ends = Some(request);
        self
    }
}

pub(super) struct Teller<'a> {
    pub(super) view: View<'a>,
}

impl Teller<'_> {
    fn line(&self, entry: &Entry, before: &Snapshot, after: &Snapshot) -> Line {
        let (person, told) = match &entry.what {
            What::Command(signed) => {
                let id = signed.signer().person();
                (Some(id), self.command(id, entry, &signed.command().act))
            }
            What::Act(signed) => (None, self.daemon(&signed.act, entry.index)),
        };
        let left = matches!(told.act, "leave");
        let mut sentence = self.view.say.with(told.key, &told.args);
        let mut then = Vec::new();
        for (words, data) in self.consequences(before, after, told.ends, left) {
            sentence.push(' ');
            sentence.push_str(&words);
            then.push(data);
        }
        let mut details = match told.details {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        if !then.is_empty() {
            details.insert("then".to_owned(), Value::Array(then));
        }
        Line {
            index: entry.index,
            time: entry.time,
            act: told.act,
            person,
            people: told.people.into_iter().chain(person).collect(),
            credentials: told.credentials.into_iter().collect(),
            texts: Vec::new(),
            sentence,
            details: Value::Object(details),
        }
    }

    /// What an entry brought about besides itself.
    fn consequences(
        &self,
        before: &Snapshot,
        after: &Snapshot,
        ends: Option<u64>,
        left: bool,
    ) -> Vec<(String, Value)> {
        let (view, say) = (&self.view, self.view.say);
        let mut then = Vec::new();
        if let (Some(version), true) = (after.charter, before.charter != after.charter) {
            let data = json!({ "kind": "charter_in_force", "version": version });
            then.push((say.with("log-then-charter", &args! { version: version }), data));
        }
        let people = |key: &str, kind: &str, ids: Vec<&PersonId>| {
            let hex: Vec<String> = ids.iter().map(ToString::to_string).collect();
            let words = say.with(key, &args! { names: view.names(ids) });
            (words, json!({ "kind": kind, "people": hex }))
        };
        let admitted: Vec<_> = after.admitted.difference(&before.admitted).collect();
        if !admitted.is_empty() {
            then.push(people("log-then-admitted", "admitted", admitted));
        }
        let gone: Vec<_> = before.admitted.difference(&after.admitted).collect();
        if !gone.is_empty() && !left {
            then.push(people("log-then-gone", "gone", gone));
        }
        let granted = after.live.iter().filter(|(index, stage)| {
            **stage == "granted" && before.live.get(*index).is_some_and(|earlier| *earlier == "waiting")
        });
        for (index, _) in granted {
            let quorum = match view.state.request(*index).map(|request| &request.stage) {
                Some(Stage::Granted(grant)) => {
                    let quorums = grant.agreement().map(|agreement| agreement.quorums());
                    quorums.and_then(|names| names.first().map(|name| name.as_str())).unwrap_or_default()
                }
                _ => continue,
            };
            let data = json!({ "kind": "granted", "request": index, "quorum": quorum });
            then.push((say.with("log-then-granted", &args! { quorum: quorum, request: index }), data));
        }
        for index in after.agreed.difference(&before.agreed) {
            let Some(Outcome::Agreed(delayed)) = view.state.proposals().get(index).map(|p| &p.outcome) else {
                continue;
            };
            let from = view.state.window(delayed).from;
            let data = json!({ "kind": "agreed", "proposal": index, "confirm_from": from.0 });
            then.push((say.with("log-then-agreed", &args! { proposal: index, time: say.time(from) }), data));
        }
        let over: Vec<u64> =
            before.live.keys().filter(|i| !after.live.contains_key(*i) && ends != Some(**i)).copied().collect();
        if !over.is_empty() {
            let list = view.list(over.iter().map(ToString::to_string));
            let data = json!({ "kind": "requests_ended", "requests": over });
            then.push((say.with("log-then-ended", &args! { n: over.len(), requests: list }), data));
        }
        for (id, urgency) in &after.due {
            if before.due.get(id) != Some(urgency) {
                let (key, when) = match urgency {
                    Urgency::Now => ("log-then-due-now", "now"),
                    Urgency::Later => ("log-then-due-later", "later"),
                };
                let data = json!({ "kind": "due", "credential": id.to_string(), "when": when });
                then.push((say.with(key, &args! { label: view.label(id) }), data));
            }
        }
        // What was destroyed was not changed.
        let there = |id: &&CredentialId| !after.due.contains_key(*id) && view.state.credential(id).is_some();
        for id in before.due.keys().filter(there) {
            let data = json!({ "kind": "settled", "credential": id.to_string() });
            then.push((say.with("log-then-settled", &args! { label: view.label(id) }), data));
        }
        then.extend(self.answered(before, after));
        then
    }

    fn command(&self, id: PersonId, entry: &Entry, act: &Act) -> Told {
        let (view, say) = (&self.view, self.view.say);
        let who = view.name(&id);
        match act {
            Act::Genesis(genesis) => {
                let args = args! { who: who, name: view.organisation(), address: &genesis.address };
                let details = json!({ "address": genesis.address, "name": view.text_if_here(&genesis.name) });
                Told::new("genesis", "log-genesis", args, details)
            }
            Act::Invite(invite) => {
                let args = args! {
                    who: who,
                    name: view.text(&invite.name),
                    roles: view.roles(invite.roles.iter()),
                    time: say.time(invite.expires),
                };
                let details = json!({
                    "invitation": invite.invitation.to_string(),
                    "name": view.text_if_here(&invite.name),
                    "roles": invite.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
                    "expires": invite.expires.0,
                });
                Told::new("invite", "log-invite", args, details)
            }
            Act::CancelInvitation(invitation) => {
                let name = view.state.invitations().get(invitation).map(|i| view.text(&i.name));
                let args = args! { who: who, name: name.unwrap_or_else(|| view::short(invitation)) };
                let details = json!({ "invitation": invitation.to_string() });
                Told::new("cancel_invitation", "log-cancel-invitation", args, details)
            }
            Act::Join(join) => {
                let invitation = view.state.invitations().get(&join.invitation);
                let inviter = invitation.filter(|i| matches!(i.state, InvitationState::Used(_))).map(|i| i.inviter);
                let fingerprint = join.person.fingerprint();
                let args = args! {
                    who: who,
                    inviter: inviter.map_or_else(|| "–".to_owned(), |id| view.name(&id)),
                    roles: view.roles(join.roles.iter()),
                    fingerprint: &fingerprint,
                };
                let details = json!({
                    "invitation": join.invitation.to_string(),
                    "roles": join.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
                    "fingerprint": fingerprint.to_string(),
                    "device": join.device.device().to_string(),
                });
                let told = Told::new("join", "log-join", args, details);
                inviter.into_iter().fold(told, Told::person)
            }
            Act::EnrolDevice(enrol) => {
                let device = enrol.device.device();
                let args = args! { who: who, device: short_device(&device) };
                let details = json!({ "device": device.to_string() });
                Told::new("enrol_device", "log-enrol-device", args, details)
            }
            Act::RevokeDevice(device) => {
                let args = args! { who: who, device: short_device(device) };
                Told::new("revoke_device", "log-revoke-device", args, json!({ "device": device.to_string() }))
            }
            Act::ProposeCharter(_) | Act::ProposeAdmission(_) | Act::ProposeRemoval(_) => {
                self.proposal(who, entry.index)
            }
            Act::Sign(reference) => self.signature(id, who, reference),
            Act::Leave => Told::new("leave", "log-leave", args! { who: who }, json!({})),
            Act::Deposit(deposit) => self.deposit(who, deposit),
            Act::ConfirmShares(confirm) => self.confirmation(who, confirm),
            Act::Request(request) => {
                let label = request.credential();
                let args = args! {
                    who: who,
                    label: label.map_or_else(|| "–".to_owned(), |id| view.label(&id)),
                    parts: view.parts(request.parts.iter().map(|asked| asked.part.kind)),
                    duration: say.duration(request.duration),
                    reason: view.text(&request.reason),
                };
                let details = json!({
                    "request": entry.index,
                    "purpose": request.purpose.as_str(),
                    "parts": request.parts.iter().map(|asked| asked.part.kind.as_str()).collect::<Vec<_>>(),
                    "dealt_with": request.parts.iter().map(|asked| asked.part.version.version).collect::<Vec<_>>(),
                    "duration": request.duration.0,
                    "expires": request.expires.0,
                    "own_share": request.own_share,
                    "reason": view.text_if_here(&request.reason),
                });
                let key = match request.purpose {
                    Purpose::Lease if request.own_share => "log-request-own",
                    Purpose::Lease => "log-request",
                    Purpose::Unseal => "log-request-unseal",
                    Purpose::Mint => "log-request-mint",
                    Purpose::Delegation => return targets::delegation_asked(view, args, details, request),
                };
                label.into_iter().fold(Told::new("request", key, args, details), Told::account)
            }
            Act::Approve(approve) => self.about("approve", "log-approve", Some(who), approve.request.index, None),
            Act::Deny(deny) => self.about("deny", "log-deny", Some(who), deny.request.index, Some(&deny.reason)),
            Act::Return(request) => {
                let withdrawn = self.view.state.request(*request).is_some_and(|r| {
                    matches!(r.stage, Stage::Ended { how: crate::escrow::request::End::Withdrawn, .. })
                });
                let key = if withdrawn { "log-withdraw" } else { "log-return" };
                self.about("return", key, Some(who), *request, None).ending(*request)
            }
            Act::Revoke(revoke) => {
                let index = revoke.request;
                self.about("revoke", "log-revoke", Some(who), index, Some(&revoke.reason)).ending(index)
            }
            Act::RecordAnswer(answer) => self.answer(who, entry.index, answer),
            Act::Claim(claim) => self.claim(who, claim),
            Act::StartDrill => Told::new("start_drill", "log-start-drill", args! { who: who }, json!({})),
            Act::ConfirmAccess(confirm) => {
                let key = if confirm.works { "log-access-works" } else { "log-access-fails" };
                let told = self.about("confirm_access", key, Some(who), confirm.request, None);
                Told { details: json!({ "request": confirm.request, "works": confirm.works }), ..told }
            }
            Act::RecordDrill(record) => {
                let (size, blobs) = (record.tree.size, record.blobs);
                let args = args! { who: who, size: size, blobs: blobs, duration: say.duration(record.took) };
                let details = json!({
                    "size": size,
                    "root": record.tree.root.to_string(),
                    "seconds": record.took.0,
                    "blobs": blobs,
                    "works": record.works,
                });
                let key = if record.works { "log-restore-drill" } else { "log-restore-drill-failed" };
                Told::new("record_drill", key, args, details)
            }
            Act::ProposeDestruction(destruction) => self.destruction(who, entry.index, destruction),
            Act::Confirm(reference) => self.second(who, reference),
            Act::Veto(veto) => self.veto(who, veto),
            Act::Move(signed) => self.moving(who, signed),
            Act::Seal(seal) => {
                let args = args! { who: who, reason: view.text(&seal.reason) };
                Told::new("seal", "log-seal", args, json!({ "reason": view.text_if_here(&seal.reason) }))
            }
            Act::Rotate(rotate) => {
                let args = args! { who: who, label: view.label(&rotate.version.credential) };
                let details = json!({ "version": rotate.version.version });
                Told::new("rotate", "log-rotate", args, details).account(rotate.version.credential)
            }
            Act::Delegate(delegate) => targets::delegated(view, who, delegate),
            Act::EndDelegation(end) => targets::delegation_ended(view, who, end),
            Act::Take(take) => targets::taken(view, who, entry.index, take),
        }
    }

    /// A sentence about a request: who did what to it, whose it is, for which account.
    fn about(
        &self,
        act: &'static str,
        key: &'static str,
        who: Option<String>,
        index: u64,
        reason: Option<&BlobId>,
    ) -> Told {
        let (view, say) = (&self.view, self.view.say);
        let mut args = args! { request: index };
        let mut details = json!({ "request": index });
        if let Some(who) = who {
            args.set("who", who);
        }
        if let Some(reason) = reason {
            args.set("reason", view.text(reason));
            details = json!({ "request": index, "reason": view.text_if_here(reason) });
        }
        let Some(request) = view.state.request(index) else { return Told::new(act, key, args, details) };
        args.set("name", view.name(&request.requester));
        args.set("label", view.label(&request.version.credential));
        args.set("time", say.time(view::until(request)));
        Told::new(act, key, args, details).person(request.requester).account(request.version.credential)
    }

    fn daemon(&self, act: &DaemonAct, index: u64) -> Told {
        let window = |index: &u64| self.view.state.request(*index).is_some_and(|r| r.purpose == Purpose::Unseal);
        match act {
            DaemonAct::Collected(index) => {
                let key = if window(index) { "log-opened" } else { "log-collected" };
                self.about("collected", key, None, *index, None)
            }
            DaemonAct::RequestExpired(index) => {
                let leased = self.view.state.request(*index).is_some_and(|r| matches!(r.stage, Stage::Leased(_)));
                let key = if leased { "log-expired-uncollected" } else { "log-expired" };
                self.about("request_expired", key, None, *index, None).ending(*index)
            }
            DaemonAct::LeaseExpired(index) => {
                let key = if window(index) { "log-window-over" } else { "log-lease-expired" };
                self.about("lease_expired", key, None, *index, None).ending(*index)
            }
            DaemonAct::Closed(index) => self.about("closed", "log-closed", None, *index, None).ending(*index),
            DaemonAct::MintStarted { request, until } => {
                let mut told = self.about("mint_started", "log-mint-started", None, *request, None);
                told.args.set("time", self.view.say.time(*until));
                told
            }
            DaemonAct::Minted { request, .. } => self.about("minted", "log-minted", None, *request, None),
            DaemonAct::RevokedAtTarget(request) => {
                self.about("revoked_at_target", "log-revoked-at-target", None, *request, None)
            }
            DaemonAct::UnsealFiled(filed) => targets::filed(&self.view, index, filed),
            DaemonAct::Staged(staged) => targets::rotation(&self.view, "staged", "log-staged", &staged.version),
            DaemonAct::Rotated(id) => targets::rotation(&self.view, "rotated", "log-rotated", id),
            DaemonAct::StagedDropped(id) => targets::rotation(&self.view, "staged_dropped", "log-staged-dropped", id),
        }
    }

    fn moving(&self, who: String, signed: &SignedMove) -> Told {
        let statement = &signed.statement;
        let signers: Vec<PersonId> = signed.signers().collect();
        let args = args! {
            who: who, address: statement.address(), n: statement.prefix.size, version: statement.version(),
            names: self.view.names(signers.iter()), lost: statement.gives_up,
            first: self.view.names(signed.rounds().signers(Round::First).iter()),
            second: self.view.names(signed.rounds().signers(Round::Second).iter()),
        };
        let round = |round| {
            let one = |dated: &Dated| json!({ "person": dated.signer.person().to_string(), "time": dated.time.0 });
            signed.rounds().of(round).iter().map(one).collect::<Vec<_>>()
        };
        let details = json!({
            "gives_up": statement.gives_up,
            "first": round(Round::First),
            "second": round(Round::Second),
            "address": statement.address(),
            "version": statement.version(),
            "prefix": statement.prefix.size,
            "root": statement.prefix.root.to_string(),
            "log_key": hex::encode(statement.log_key.as_bytes()),
            "server_key": hex::encode(statement.server_key.as_bytes()),
            "move": statement.digest().to_string(),
            "signed": signers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        let key = if statement.gives_up > 0 { "log-move-gives-up" } else { "log-move" };
        let twice = [Round::First, Round::Second].map(|round| signed.rounds().signers(round));
        let everybody: BTreeSet<PersonId> = signers.into_iter().chain(twice.into_iter().flatten()).collect();
        everybody.into_iter().fold(Told::new("move", key, args, details), Told::person)
    }

    fn proposal(&self, who: String, index: u64) -> Told {
        let view = &self.view;
        let mut args = args! { who: who.clone(), proposal: index };
        let Some(proposal) = view.state.proposals().get(&index) else {
            return Told::new("propose", "log-propose", args, json!({ "proposal": index }));
        };
        match &proposal.subject {
            Subject::Charter { charter, roll } => {
                args.set("version", charter.version());
                args.set("code", charter.code());
                let details = json!({
                    "proposal": index,
                    "version": charter.version(),
                    "code": charter.code().to_string(),
                });
                let told = Told::new("propose_charter", "log-propose-charter", args, details);
                roll.iter().map(|admission| admission.keys.person()).fold(told, Told::person)
            }
            Subject::Admission(admission) => {
                let person = admission.keys.person();
                args.set("name", view.name(&person));
                args.set("roles", view.roles(admission.roles.iter()));
                let details = json!({
                    "proposal": index,
                    "person": person.to_string(),
                    "roles": admission.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
                });
                Told::new("propose_admission", "log-propose-admission", args, details).person(person)
            }
            Subject::Removal(removal) => {
                args.set("name", view.name(&removal.person));
                args.set("reason", view.text(&removal.reason));
                let details = json!({
                    "proposal": index,
                    "person": removal.person.to_string(),
                    "reason": view.text_if_here(&removal.reason),
                });
                Told::new("propose_removal", "log-propose-removal", args, details).person(removal.person)
            }
            Subject::Destruction(destruction) => self.destruction(who, index, destruction),
        }
    }

    fn signature(&self, id: PersonId, who: String, reference: &EntryRef) -> Told {
        let view = &self.view;
        let index = reference.index;
        let mut args = args! { who: who, proposal: index };
        let Some(proposal) = view.state.proposals().get(&index) else {
            return Told::new("sign", "log-sign", args, json!({ "proposal": index }));
        };
        let counts = proposal.signed.contains(&id);
        let details = json!({ "proposal": index, "counts": counts });
        match &proposal.subject {
            Subject::Charter { charter, .. } => {
                args.set("version", charter.version());
                let key = if counts { "log-sign-charter" } else { "log-acknowledge-charter" };
                Told::new("sign", key, args, details)
            }
            Subject::Admission(admission) => {
                let person = admission.keys.person();
                args.set("name", view.name(&person));
                Told::new("sign", "log-sign-admission", args, details).person(person)
            }
            Subject::Removal(removal) => {
                args.set("name", view.name(&removal.person));
                Told::new("sign", "log-sign-removal", args, details).person(removal.person)
            }
            Subject::Destruction(destruction) => {
                args.set("what", destroy::what(view, &destruction.doomed));
                Told::new("sign", "log-sign-destruction", args, details)
            }
        }
    }

    fn deposit(&self, who: String, deposit: &Deposit) -> Told {
        let view = &self.view;
        let id = deposit.version.credential;
        let args = args! {
            who: who,
            label: view.label(&id),
            vault: &deposit.vault,
            version: deposit.version.version,
            parts: view.parts(deposit.parts.iter().map(|part| part.kind)),
            carried: view.parts(deposit.carried.iter().map(|(kind, _)| *kind)),
        };
        let details = json!({
            "version": deposit.version.version,
            "vault": deposit.vault.as_str(),
            "label": view.text_if_here(&deposit.label),
            "parts": deposit.parts.iter().map(|part| part.kind.as_str()).collect::<Vec<_>>(),
            "carried": deposit.carried.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(),
        });
        let key = match (deposit.version.version, deposit.carried.is_empty()) {
            (1, _) => "log-deposit",
            (_, true) => "log-deposit-again",
            (_, false) => "log-deposit-carried",
        };
        Told::new("deposit", key, args, details).account(id)
    }
}
