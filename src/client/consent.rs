//! Consent: what waits for a trustee, in plain words, and the release of shares that an approval is.
//!
//! Order of an approval: open our shares → re-seal them to the request's keys → keep them on disk → sign over their
//! digests → the entry is in the verified log → only then upload them.

use std::fs;
use std::path::PathBuf;

use super::charter;
use super::delegation;
use super::deposit::current_sheet;
use super::destroy;
use super::drill;
use super::exposure;
use super::failure::{Exit, Failure};
use super::home::{self, Folder};
use super::opening;
use super::renewal;
use super::screen;
use super::session::{Env, Session};
use super::status::texts;
use super::view::{Texts, View, is_asked};
use crate::args;
use crate::escrow::act::{RequestedPart, ShareVerdict};
use crate::escrow::credential::Urgency;
use crate::escrow::id::{BlobId, PersonId};
use crate::escrow::log::merkle::TreeHead;
use crate::escrow::part::{Deal, PartId};
use crate::escrow::people::{InvitationState, Standing};
use crate::escrow::proposal::Subject;
use crate::escrow::refusal::Refusal;
use crate::escrow::request::{Request, Stage};
use crate::escrow::text::Text;
use crate::escrow::time::{Seconds, Time};
use crate::escrow::window::Purpose;
use crate::proto::v1;
use crate::seal::sealing::{open_with, seal_to};
use crate::seal::sharing::{ShareContext, VerifiedShare, verify_share};

/// Most verdicts in one batch, so that the command stays within its limit of 60 KiB.
const CHECKS_PER_BATCH: usize = 1000;

/// How long after its end an access may still be there at its target before people are told.
const LATE: Seconds = Seconds(5 * Seconds::MINUTE.0);

/// The file beside re-sealed shares that says under which log key they were uploaded.
const UPLOADED: &str = "uploaded";

/// What waits for this person, in every organisation of the home.
pub async fn inbox(env: &Env) -> Result<(), Failure> {
    let mut all = Vec::new();
    let mut trouble = None;
    let chosen = match &env.organisation {
        Some(_) => vec![env.home.choose(env.organisation.as_deref())?],
        None => env.home.organisations()?.into_iter().map(|id| env.home.folder(id)).collect(),
    };
    if chosen.is_empty() {
        return Err(super::failure::no_organisation());
    }
    for folder in chosen {
        match inbox_of(env, folder).await {
            Ok(items) => all.extend(items.into_iter().map(|item| item.json)),
            // One organisation's trouble must not hide the others.
            Err(failure) => {
                if let Some(earlier) = trouble.replace(failure) {
                    env.out.failure(&earlier);
                }
            }
        }
    }
    if !all.is_empty() {
        env.out.say("inbox-next");
    }
    env.out.data(&serde_json::json!({ "inbox": all }));
    trouble.map_or(Ok(()), Err)
}

/// Shows what waits in one organisation.
async fn inbox_of(env: &Env, folder: Folder) -> Result<Vec<Item>, Failure> {
    let mut session = Session::open(env, folder)?;
    // Showing what is known beats showing nothing, but people must know that it may be old.
    match session.sync().await {
        Err(failure) if failure.exit() == Exit::Unreachable => env.out.failure(&failure),
        other => other?,
    }
    let items = waiting(&session)?;
    env.out.tell("inbox-head", &args! { organisation: session.organisation_name(), count: items.len() });
    env.out.lines(&items.iter().map(|item| format!("  {}", item.text)).collect::<Vec<_>>());
    Ok(items)
}

/// One thing to do.
pub struct Item {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: serde_json::Value,
}

/// What waits for this person in one organisation.
pub fn waiting(session: &Session) -> Result<Vec<Item>, Failure> {
    let (state, me, now) = (session.state()?, session.me(), session.env.now());
    let texts = texts(session);
    let view = session.view(&texts)?;
    let say = view.say;
    let mut items = Vec::new();
    if state.destroyed_at().is_some() {
        return Ok(items);
    }
    let trustee = state.charter().is_some_and(|c| c.trustees().contains(&me));
    for request in state.live_requests() {
        let id = request.at.index;
        let asked = trustee
            && request.accepts(now)
            && matches!(request.stage, Stage::Waiting)
            && !request.approvals.contains_key(&me)
            && is_asked(state, &me, request);
        if asked {
            let args = args! {
                id: id, name: session.name_of(&request.requester),
                label: view.label_at(&request.version),
                duration: say.duration(request.duration),
                reason: view.reason(&request.reason),
                left: say.duration(now.until(request.expires)),
                denied: u8::from(request.denials.contains_key(&me)),
                to: request.standing.map(|standing| session.name_of(&standing.to)).unwrap_or_default(),
            };
            let key = match request.purpose {
                Purpose::Lease => "inbox-request",
                Purpose::Unseal if request.by_daemon => "inbox-request-by-server",
                Purpose::Unseal => "inbox-request-unseal",
                Purpose::Mint => "inbox-request-mint",
                Purpose::Delegation => "inbox-request-delegation",
            };
            let json = serde_json::json!({ "kind": "request", "id": id, "requester": session.name_of(&request.requester),
                "label": view.label_at(&request.version), "duration": request.duration.0,
                "expires": request.expires.0, "purpose": request.purpose.as_str() });
            items.push(Item { text: say.with(key, &args), json });
        }
        if request.requester == me && delegation::to_finish(request) {
            let to = request.standing.map(|standing| session.name_of(&standing.to)).unwrap_or_default();
            let args = args! { id: id, label: view.label_at(&request.version), name: to };
            let json = serde_json::json!({ "kind": "delegation_granted", "id": id });
            items.push(Item { text: say.with("inbox-delegation-granted", &args), json });
        }
        let fetched = matches!(request.purpose, Purpose::Lease | Purpose::Mint);
        if request.requester == me && fetched && matches!(request.stage, Stage::Granted(_)) {
            let args = args! { id: id, label: view.label_at(&request.version) };
            let json = serde_json::json!({ "kind": "granted", "id": id });
            items.push(Item { text: say.with("inbox-granted", &args), json });
        }
    }
    for (id, proposal) in state.proposals() {
        let done = proposal.signed.contains(&me) || proposal.acknowledged.contains(&me);
        let decided = state.is_current_charter(proposal);
        if !(proposal.is_open(now) || decided) || done {
            continue;
        }
        let needed = !decided && state.signers(&proposal.subject).contains(&me);
        let (key, concerned) = match &proposal.subject {
            Subject::Charter { charter, roll } => {
                let mine = charter.named().contains(&me) || roll.iter().any(|a| a.keys.person() == me);
                (if needed { "inbox-charter-sign" } else { "inbox-charter-acknowledge" }, mine || needed)
            }
            Subject::Admission(_) => ("inbox-admission", needed),
            Subject::Removal(_) => ("inbox-removal", needed),
            Subject::Destruction(_) => {
                let stands = state.check_subject(proposal, now).is_ok();
                ("inbox-destruction", stands && (needed || trustee))
            }
        };
        if concerned {
            let subject = match &proposal.subject {
                Subject::Admission(admission) => session.name_of(&admission.keys.person()),
                Subject::Removal(removal) => session.name_of(&removal.person),
                Subject::Charter { charter, .. } => charter.version().to_string(),
                Subject::Destruction(destruction) => destroy::what(&view, &destruction.doomed),
            };
            let args = args! { id: *id, name: session.name_of(&proposal.proposer), subject: subject };
            let json = serde_json::json!({ "kind": "proposal", "id": id, "needed": needed });
            items.push(Item { text: say.with(key, &args), json });
        }
    }
    items.extend(destroy::waiting(&view, &me, now));
    for invitation in state.invitations().values() {
        let InvitationState::Used(person) = invitation.state else { continue };
        let candidate = state.person(&person).is_some_and(|p| matches!(p.standing, Standing::Candidate(_)));
        if invitation.inviter == me && candidate && state.charter().is_some() && !proposed(session, &person)? {
            let args = args! { name: session.name_of(&person) };
            let json = serde_json::json!({ "kind": "candidate", "name": session.name_of(&person) });
            items.push(Item { text: say.with("inbox-candidate", &args), json });
        }
    }
    items.extend(due(session, &view, &me)?);
    items.extend(late(&view, &me, now));
    items.extend(renewal::items(session)?);
    items.extend(drill::items(&view, &me, now));
    items.extend(view.unrecorded().iter().map(|unrecorded| {
        let json = serde_json::json!({ "kind": "unrecorded", "id": unrecorded.request, "ended": unrecorded.ended.0,
            "access": unrecorded.access });
        Item { text: view.unrecorded_in_words(unrecorded), json }
    }));
    for json in items.iter_mut().filter_map(|item| item.json.as_object_mut()) {
        // The numbers are those of one log; a home may have several.
        json.insert("organisation".to_owned(), session.folder.id.to_string().into());
    }
    Ok(items)
}

fn proposed(session: &Session, person: &PersonId) -> Result<bool, Failure> {
    let now = session.env.now();
    Ok(session.state()?.proposals().values().any(|p| {
        p.is_open(now)
            && match &p.subject {
                Subject::Admission(admission) => admission.keys.person() == *person,
                Subject::Charter { roll, .. } => roll.iter().any(|a| a.keys.person() == *person),
                Subject::Removal(_) | Subject::Destruction(_) => false,
            }
    }))
}

/// Passwords to change, for their depositors.
fn due(session: &Session, view: &View<'_>, me: &PersonId) -> Result<Vec<Item>, Failure> {
    let mut items = Vec::new();
    for (id, credential) in view.state.credentials() {
        let Some(due) = view.due(id).filter(|_| exposure::assigned(view, id, None).contains(me)) else { continue };
        let connected = credential.current().is_some_and(|(_, version)| version.connector.is_some());
        let key = match due.urgency {
            _ if connected && exposure::could_be_read_by_leaver(credential, &due) => "inbox-due-technician",
            _ if connected => "inbox-due-connector",
            Urgency::Now => "inbox-due-now",
            Urgency::Later => "inbox-due-later",
        };
        let label = view.label(id);
        let mut text = view.say.with(key, &args! { label: &label, when: view.urgency(due.urgency) });
        let page = current_sheet(session, id)?.map(|sheet| sheet.change_password_page).unwrap_or_default();
        if !connected {
            // A sheet's JSON can hold what a text must not.
            if let Some(page) = Text::parse(&page).ok().filter(|_| !page.is_empty()) {
                text = format!("{text} {}", view.say.with("inbox-due-page", &args! { page: page.as_str() }));
            }
            text = format!("{text} {}", view.say.with("inbox-due-look", &args! { label: &label }));
        }
        let json = serde_json::json!({ "kind": "due", "label": &label, "since": due.since.0, "page": page });
        items.push(Item { text, json });
    }
    Ok(items)
}

/// Accesses that should be gone from their targets and are not: for those who can have the account opened again, and
/// those who run the server.
fn late(view: &View<'_>, me: &PersonId, now: Time) -> Vec<Item> {
    let concerned = view.state.charter().is_some_and(|c| c.trustees().contains(me) || c.technicians().contains(me));
    let late = opening::due_at_targets(view.state).filter(|(_, since)| concerned && since.after(LATE) <= now);
    let item = |(request, since): (&Request, Time)| {
        let (id, label) = (request.at.index, view.label(&request.version.credential));
        let args = args! { id: id, name: view.name(&request.requester), label: &label };
        let json = serde_json::json!({ "kind": "revocation_late", "id": id, "label": label, "since": since.0 });
        Item { text: view.say.with("inbox-revocation-late", &args), json }
    };
    late.map(item).collect()
}

/// Approves a request or signs a proposal: both are called by the index that the inbox shows.
pub async fn approve(env: &Env, id: u64) -> Result<(), Failure> {
    let mut session = env.session()?;
    session.sync_to_sign().await?;
    if session.state()?.proposals().contains_key(&id) {
        return charter::sign(&mut session, id).await;
    }
    find_request(&session, id)?;
    // Before the screen, because it fetches what is new: what is signed must be what was looked at.
    session.confirm_shares().await?;
    let request = find_request(&session, id)?;
    let shown = session.replica.head();
    env.out.screen(&screen::request(session.view(&texts(&session))?, &request)?);
    // Those who count as fresh may have confirmed only what came before it.
    let (seen, of) = session.seen(request.at.index)?;
    env.out.tell("witness-seen-request", &args! { seen: seen, of: of });
    session.require_witnesses()?;
    let question = match request.purpose {
        _ if request.signs_only() => "ask-approve-signature",
        Purpose::Unseal => "ask-approve-unseal",
        _ => "ask-approve",
    };
    session.env.unlock.confirm(&session.env.out, question, &args! {}, "--yes")?;
    session.unmoved(shown)?;
    release(&mut session, &request).await?;
    let missing = find_request(&session, id)?;
    let granted = !matches!(missing.stage, Stage::Waiting);
    let key = match (granted, request.purpose) {
        (true, Purpose::Lease) => "approve-granted",
        (true, Purpose::Unseal) => "approve-granted-unseal",
        (true, Purpose::Mint) => "approve-granted-mint",
        (true, Purpose::Delegation) if request.connector.is_some() => "approve-granted-delegation-connector",
        (true, Purpose::Delegation) => "approve-granted-delegation",
        (false, _) if request.signs_only() => "approve-done-signature",
        (false, _) => "approve-done",
    };
    env.out.tell(key, &args! { id: id, name: session.name_of(&request.requester) });
    env.out.data(&serde_json::json!({ "approved": id, "granted": granted }));
    Ok(())
}

/// Agrees to a request of one's own, where that is needed: what opens to the server needs the requester's share there,
/// and where only signatures are asked for, one's own is as good as another.
pub(super) async fn agree_to_own(session: &mut Session, id: u64) -> Result<(), Failure> {
    let request = find_request(session, id)?;
    let (state, me) = (session.state()?, session.me());
    let trustee = state.charter().is_some_and(|charter| charter.trustees().contains(&me));
    let open = request.accepts(session.env.now()) && matches!(request.stage, Stage::Waiting);
    if trustee && open && is_asked(state, &me, &request) {
        session.require_witnesses()?;
        release(session, &request).await?;
    }
    Ok(())
}

/// Refuses a request, with a reason; an approval later is still possible.
pub async fn deny(env: &Env, id: u64, reason: &str) -> Result<(), Failure> {
    let mut session = env.session()?;
    withdraw(&mut session, id).await?;
    session.sync_to_sign().await?;
    let request = find_request(&session, id)?;
    let (reason, blob) = session.text(&Text::parse(reason)?)?;
    let act = v1::command::Act::Deny(v1::Deny {
        request_index: request.at.index,
        request_leaf: request.at.leaf.to_vec(),
        reason: reason.to_vec(),
    });
    session.submit(act, vec![blob]).await?;
    env.out.tell("deny-done", &args! { id: id });
    env.out.data(&serde_json::json!({ "denied": id }));
    Ok(())
}

/// Whoever says no has not agreed: an approval of ours that is not in the log is not sent any more, and the shares that
/// belong to it are not handed over should the server have it.
async fn withdraw(session: &mut Session, id: u64) -> Result<(), Failure> {
    // It may have arrived without our knowing; then it stands.
    let pulled = session.pull().await;
    if session.withdraw_approval(id)? {
        session.env.out.aside("deny-withdrawn", &args! { id: id });
        let folder = session.folder.join("released").join(id.to_string());
        if pulled.is_ok() && folder.exists() {
            fs::remove_dir_all(&folder).map_err(|e| Failure::io(&folder, e))?;
        }
    }
    pulled
}

pub(super) fn find_request(session: &Session, id: u64) -> Result<Request, Failure> {
    let unknown = || Failure::new(Exit::Usage, "failed-id-unknown").with("id", id);
    session.state()?.request(id).cloned().ok_or_else(unknown)
}

/// Re-seals our shares, signs, and uploads once the approval stands in the log.
async fn release(session: &mut Session, request: &Request) -> Result<(), Failure> {
    let mut released = Vec::new();
    let mut blobs: Vec<Vec<u8>> = Vec::new();
    // Where nothing opens, agreeing is a signature.
    let opening = request.parts.iter().filter(|_| !request.signs_only());
    for asked in opening {
        let shares = my_shares(session, &asked.part)?;
        let mut ids = Vec::new();
        for share in shares {
            let sealed = seal_to(&asked.recipient, share.envelope().expose()).map_err(Failure::technical)?;
            ids.push(BlobId::of(&sealed).to_vec());
            blobs.push(sealed);
        }
        released.push(v1::Released { shares: ids });
    }
    // Durable before the approval is signed: the log will name exactly these.
    let folder = session.folder.join("released").join(request.at.index.to_string());
    if !blobs.is_empty() {
        home::private_dir(&folder)?;
    }
    let paths: Vec<PathBuf> = blobs.iter().map(|blob| folder.join(BlobId::of(blob).to_string())).collect();
    for (path, blob) in paths.iter().zip(&blobs) {
        home::write(path, blob)?;
    }
    let act = v1::command::Act::Approve(v1::Approve {
        request_index: request.at.index,
        request_leaf: request.at.leaf.to_vec(),
        parts: wire_parts(&request.parts),
        expires: request.expires.0,
        released,
    });
    let signed = match session.sign(act) {
        Ok(signed) => signed,
        Err(failure) => {
            paths.iter().try_for_each(|path| home::remove(path))?;
            // It stays if an earlier approval, which the server says it refused, left something in it.
            let _ = fs::remove_dir(&folder);
            return Err(failure);
        }
    };
    session.send(signed, Vec::new()).await?;
    session.upload_released().await?.map_or(Ok(()), Err)
}

pub(super) fn wire_parts(parts: &[RequestedPart]) -> Vec<v1::RequestedPart> {
    parts.iter().map(|asked| (*asked).into()).collect()
}

/// What the shares of a part are bound to.
pub(super) fn share_context(session: &Session, part: &PartId) -> Result<ShareContext, Failure> {
    let state = session.state()?.part(part).ok_or(Refusal::PartUnknown)?;
    let (epoch, master_key) = (state.part.epoch, state.part.master_key);
    Ok(ShareContext { organisation: session.folder.id, part: *part, epoch, master_key })
}

/// The deals of a part.
pub(super) fn deals(session: &Session, part: &PartId) -> Result<Vec<Deal>, Failure> {
    let state = session.state()?.part(part).ok_or(Refusal::PartUnknown)?;
    Ok(state.part.deals.clone())
}

/// Our shares of a part, opened and compared with the log: one per deal that names us, in the deals' order.
pub(super) fn my_shares(session: &mut Session, part: &PartId) -> Result<Vec<VerifiedShare>, Failure> {
    let (me, context) = (session.me(), share_context(session, part)?);
    let mut shares = Vec::new();
    for deal in deals(session, part)? {
        let Some((_, logged)) = deal.share_of(&me) else { continue };
        let sealed = session
            .replica
            .blob(&logged.sealed)?
            .ok_or_else(|| Failure::new(Exit::Failed, "failed-share-missing"))?;
        let bad = || Failure::new(Exit::Failed, "failed-share-bad");
        let envelope = open_with(session.identity()?.age(), &sealed).map_err(|e| bad().because(e))?;
        shares.push(verify_share(envelope, me, &context, &deal).map_err(|e| bad().because(e))?);
    }
    Ok(shares)
}

impl Session {
    /// What this session's replica knows, in words.
    pub(super) fn view<'a>(&'a self, texts: Texts<'a>) -> Result<View<'a>, Failure> {
        let view = View::new(self.state()?, self.env.out.language(), texts);
        Ok(view.known_at(self.replica.last_synchronised()?))
    }

    /// Nothing is signed on a log that grew since it was looked at: its signer would say of entries that they did
    /// not see that they changed nothing.
    pub(super) fn unmoved(&self, shown: TreeHead) -> Result<(), Failure> {
        if self.replica.head() == shown { Ok(()) } else { Err(Refusal::StaleBase.into()) }
    }

    /// Opens every share that was dealt to us and that we have not checked yet, or are asked to check again by a drill
    /// or a claim against us, and says in the log what we found, in one batch. Runs whenever the identity is unlocked
    /// anyway.
    pub async fn confirm_shares(&mut self) -> Result<(), Failure> {
        let unchecked = self.state()?.to_confirm(&self.me());
        if unchecked.is_empty() {
            return Ok(());
        }
        let progress = self.env.out.progress("progress-shares", unchecked.len() as u64);
        let mut checks = Vec::new();
        for (done, part) in unchecked.iter().enumerate() {
            progress.set(done as u64);
            let verdict = match self.check_share(part)? {
                Some(verdict) => verdict,
                // Not here yet: says nothing about the depositor.
                None => continue,
            };
            checks.push(v1::ShareCheck {
                credential: part.version.credential.to_vec(),
                version: part.version.version,
                kind: part.kind as i32,
                verdict: v1::ShareVerdict::from(verdict) as i32,
            });
        }
        drop(progress);
        for batch in checks.chunks(CHECKS_PER_BATCH) {
            let act = v1::command::Act::ConfirmShares(v1::ConfirmShares { checks: batch.to_vec() });
            self.submit(act, Vec::new()).await?;
        }
        let bad = checks.iter().filter(|c| c.verdict != v1::ShareVerdict::Good as i32).count();
        if !checks.is_empty() {
            self.env.out.aside("shares-checked", &args! { good: checks.len() - bad });
        }
        if bad > 0 {
            self.env.out.aside("shares-bad", &args! { bad: bad });
        }
        Ok(())
    }

    fn check_share(&mut self, part: &PartId) -> Result<Option<ShareVerdict>, Failure> {
        let (me, context) = (self.me(), share_context(self, part)?);
        for deal in deals(self, part)? {
            let Some((_, logged)) = deal.share_of(&me) else { continue };
            let Some(sealed) = self.replica.blob(&logged.sealed)? else { return Ok(None) };
            let Ok(envelope) = open_with(self.identity()?.age(), &sealed) else {
                return Ok(Some(ShareVerdict::DoesNotOpen));
            };
            if verify_share(envelope, me, &context, &deal).is_err() {
                return Ok(Some(ShareVerdict::DoesNotMatch));
            }
        }
        Ok(Some(ShareVerdict::Good))
    }

    /// Uploads re-sealed shares of approvals that stand in the verified log, and forgets those of requests that are
    /// over. What an interrupted approval left behind is finished here; so is one that the server said it refused and
    /// put into the log all the same. Until the request is over they stay, because they are in no replica: a server
    /// that is restored from one has none of them, and after the move to it they are uploaded again.
    ///
    /// What the server does not take is told as `Ok(Some(…))`: requests go on without us, and so must everything else.
    pub async fn upload_released(&mut self) -> Result<Option<Failure>, Failure> {
        let server = self.server_now();
        let folder = self.folder.join("released");
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(None) };
        let mut trouble = None;
        let mut pending = Vec::new();
        for entry in entries {
            let path = entry.map_err(|e| Failure::io(&folder, e))?.path();
            let index = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse::<u64>().ok());
            pending.extend(index.map(|index| (index, path)));
        }
        let (me, id) = (self.me(), self.folder.id);
        for (index, path) in pending {
            let request = self.state()?.request(index).cloned();
            let wanted = request.as_ref().filter(|r| match &r.stage {
                Stage::Waiting | Stage::Granted(_) => true,
                // Granted and never fetched in time: nobody can fetch it any more.
                Stage::Leased(lease) => lease.collected(),
                Stage::Ended { .. } => false,
            });
            let named: Vec<BlobId> = wanted
                .and_then(|r| r.approvals.get(&me))
                .map(|b| b.iter().flatten().copied().collect())
                .unwrap_or_default();
            if named.is_empty() && wanted.is_some() {
                // Signed but not in the log yet: the outbox will bring it there.
                continue;
            }
            let uploaded = path.join(UPLOADED);
            if wanted.is_some() && home::read_if_there(&uploaded)?.as_deref() == Some(server.as_bytes()) {
                continue;
            }
            let mut blobs = Vec::new();
            for blob in &named {
                blobs.extend(home::read_if_there(&path.join(blob.to_string()))?);
            }
            if !blobs.is_empty() {
                match self.remote().await?.put_blobs(id, blobs).await {
                    // They stay until the log says that the request is over.
                    Err(failure) if failure.exit() == Exit::Refused => {
                        let told = Failure::new(Exit::Refused, "failed-not-handed-over").with("id", index);
                        trouble = Some(told.because(failure));
                        continue;
                    }
                    other => other?,
                }
                home::write(&uploaded, server.as_bytes())?;
                continue;
            }
            fs::remove_dir_all(&path).map_err(|e| Failure::io(&path, e))?;
        }
        Ok(trouble)
    }
}
