//! What was signed here: in `outbox/` until it is known to be in the log, then in `kept/` until it is safe.
//!
//! A command is safe once so many trustees cosigned past it that no agreement can be reached without one of them:
//! then a server that loses the log's tail, or shows it to nobody, cannot make it undone unnoticed, and the trustees'
//! replicas hold its blobs. Until then this computer keeps command and blobs, so that they can be signed anew after
//! a move. What the server alone says that it refused is not sent again, and lies in `refused/` until the log's own
//! time excludes that it enters all the same. Nothing here may be forgotten earlier, nothing may be sent twice under two
//! names while the first can still enter the log, and no consent may be given a later base than its signer saw.
//!
//! Two kinds of commands are never given up on a server's word, and never signed anew, because nobody here could:
//! what somebody says they gave away without a server (a server that refuses it may be the one that it accuses), and
//! what others than this home's person signed at this computer. They stay until the verified log has them.

mod files;

use std::collections::BTreeSet;
use std::path::Path;

use super::failure::{Exit, Failure, distrust};
use super::home;
use super::session::Session;
use crate::escrow::act::Act;
use crate::escrow::command::SignedCommand;
use crate::escrow::credential::Credential;
use crate::escrow::id::{BlobId, CommandId, PersonId};
use crate::escrow::organisation::CLOCK_TOLERANCE;
use crate::escrow::part::VersionId;
use crate::escrow::recovery::{Answered, RecoveryId};
use crate::escrow::refusal::Refusal;
use crate::escrow::text::Text;
use crate::escrow::time::Seconds;
use crate::proto::v1;

pub use self::files::Pending;
pub(super) use self::files::keep_for_later;
use self::files::{KEPT, OUTBOX, REFUSED};

/// How old something must be, by our own clock, before it is signed anew. The entry of the earlier signature is dated
/// at most [`CLOCK_TOLERANCE`] after it, that of the new one at least as much before the new one: with more than both
/// between them, the earlier cannot enter the log behind the new one.
const SIGN_ANEW_AFTER: Seconds = Seconds(2 * CLOCK_TOLERANCE.0);

/// Whether what became too old may be signed anew at all: what asks for something or brings something, and consents to
/// nothing. Everything else may mean something else by now, or be given up, and is for the person to do again.
fn may_be_signed_anew(act: &v1::command::Act) -> bool {
    use v1::command::Act;
    matches!(act, Act::Deposit(_) | Act::Request(_) | Act::Invite(_) | Act::ConfirmShares(_))
}

/// What the server made of a command.
enum Answer {
    /// It stands at this index of the verified log.
    Entered(u64),
    /// The server says that it refused it.
    Refused(Failure),
}

/// A command of ours that this computer keeps.
pub struct Kept {
    /// Which.
    pub id: CommandId,
    /// Where it stands in the verified log; `None` after the log was replaced by one that does not have it.
    pub index: Option<u64>,
}

impl Session {
    /// What of ours is not safe yet, in the log's order; first what the log has lost.
    pub fn kept(&self) -> Result<Vec<Kept>, Failure> {
        let kept = self.folder.kept()?.into_iter().map(|(id, _)| Kept { id, index: self.replica.index_of(&id) });
        let mut kept: Vec<Kept> = kept.collect();
        kept.sort_by_key(|kept| kept.index);
        Ok(kept)
    }

    /// How many commands wait in the outbox: signed, and not known to be in the log.
    pub fn unsent(&self) -> Result<usize, Failure> {
        Ok(self.folder.commands(OUTBOX)?.len())
    }

    /// Forgets what became safe.
    pub(super) fn forget_safe(&self) -> Result<(), Failure> {
        for kept in self.kept()? {
            let safe = match kept.index {
                Some(index) => self.safety(index)?.is_safe(),
                None => false,
            };
            if safe || self.is_destroyed(&kept.id)? {
                home::remove(&self.folder.join(KEPT).join(kept.id.to_string()))?;
            }
        }
        Ok(())
    }

    /// Whether something that a kept command brought was destroyed since, and its time here is over: it must not survive,
    /// and nobody wants the command signed anew.
    fn is_destroyed(&self, id: &CommandId) -> Result<bool, Failure> {
        let state = self.state()?;
        if !state.has_forgotten() {
            return Ok(false);
        }
        let Some(kept) = self.readable(&self.folder.join(KEPT).join(id.to_string())) else { return Ok(false) };
        let noted = self.replica.noted()?;
        let gone = |id: &BlobId| state.is_forgotten(id) && !noted.contains_key(id);
        Ok(kept.blobs.iter().any(|blob| gone(&BlobId::of(blob))))
    }

    /// Sends what [`Self::sign`] made. From here on no failure is certain, not even a refusal: a server that lies can
    /// put the command into the log later, as long as the rules allow it. So nothing that it needs then may be deleted
    /// before the verified log excludes that.
    pub async fn send(&mut self, signed: SignedCommand, blobs: Vec<Vec<u8>>) -> Result<u64, Failure> {
        let pending = Pending { signed, blobs };
        pending.put_back(&self.folder)?;
        let path = self.folder.join(OUTBOX).join(pending.signed.id(self.folder.id).to_string());
        match self.deliver(&pending, &path).await? {
            Answer::Entered(index) => {
                self.tell_safety(&pending, index)?;
                Ok(index)
            }
            // After a refusal it is not sent again.
            Answer::Refused(failure) => {
                self.refused(&pending, &path).await?;
                Err(failure)
            }
        }
    }

    /// 'Recorded, not yet safe', where there is a charter that says who makes it so.
    fn tell_safety(&self, pending: &Pending, index: u64) -> Result<(), Failure> {
        let checks = matches!(pending.signed.command().act, Act::ConfirmShares(_));
        let safety = self.safety(index)?;
        if !checks && !safety.is_safe() && self.state()?.charter().is_some() {
            let args = crate::args! { index: index, have: safety.have, needed: safety.needed };
            self.env.out.tell("safety-recorded", &args);
        }
        Ok(())
    }

    /// Sends and verifies. A failure leaves open whether the entry was made, so that what was sent stays where it is.
    async fn deliver(&mut self, pending: &Pending, path: &Path) -> Result<Answer, Failure> {
        let id = self.folder.id;
        let command = pending.signed.id(id);
        let sent = self.remote().await?.submit(Some(id), &pending.signed, pending.blobs.clone(), Vec::new()).await;
        let index = match sent {
            Ok(index) => index,
            Err(failure) if failure.exit() == Exit::Refused => return Ok(Answer::Refused(failure)),
            Err(failure) => return Err(failure),
        };
        self.pull().await?;
        if self.replica.index_of(&command) != Some(index) {
            return Err(distrust("distrust-receipt", None).with("index", index));
        }
        // Texts that we wrote ourselves need not be fetched back.
        for blob in &pending.blobs {
            self.replica.store_blob(blob)?;
        }
        self.keep(&command, path)?;
        self.pull_blobs().await?;
        self.cosign().await?;
        self.forget_safe()?;
        Ok(Answer::Entered(index))
    }

    /// From the outbox to what is kept until it is safe.
    fn keep(&self, command: &CommandId, path: &Path) -> Result<(), Failure> {
        let folder = self.folder.join(KEPT);
        home::private_dir(&folder)?;
        home::rename(path, &folder.join(command.to_string()))
    }

    /// Reads what lies in one of the folders. One damaged file must not keep everything else from being done.
    fn readable(&self, path: &Path) -> Option<Pending> {
        match Pending::read(path) {
            Ok(pending) => Some(pending),
            Err(failure) => {
                self.env.out.failure(&failure);
                None
            }
        }
    }

    /// Sends again what was signed and is not known to be in the log: the same command gets the same index. What is
    /// too old to be sent stays where it is.
    pub(super) async fn flush_outbox(&mut self) -> Result<(), Failure> {
        self.sweep_refused()?;
        let mut told = BTreeSet::new();
        for (_, path) in self.folder.commands(OUTBOX)? {
            let Some(pending) = self.readable(&path) else { continue };
            // The file may bear the name of an earlier signature of the same act; what it holds counts.
            let id = pending.signed.id(self.folder.id);
            if self.replica.index_of(&id).is_some() {
                self.keep(&id, &path)?;
                continue;
            }
            if pending.is_testimony(&self.me()) {
                self.testify(&pending, &path, &mut told).await?;
                continue;
            }
            if pending.is_outdated(self.env.now()) {
                continue;
            }
            match self.deliver(&pending, &path).await? {
                Answer::Entered(_) => self.env.out.say("outbox-delivered"),
                Answer::Refused(failure) if passes(&pending, &failure) => self.env.out.failure(&failure),
                Answer::Refused(failure) => self.give_up(&pending, &path, &failure).await?,
            }
        }
        Ok(())
    }

    /// Says what waits in the outbox.
    pub(super) fn tell_waiting(&self) -> Result<(), Failure> {
        let paths = self.folder.commands(OUTBOX)?;
        if !paths.is_empty() {
            self.env.out.tell("outbox-waits", &crate::args! { n: paths.len() });
        }
        for pending in paths.iter().filter_map(|(_, path)| Pending::read(path).ok()) {
            self.env.out.tell("outbox-waits-item", &crate::args! { what: self.what(&pending) });
        }
        Ok(())
    }

    /// Sends what only the verified log can settle; whatever is answered, it stays until that has it. Why it was not
    /// taken is said once for each person, recovery and reason: hundreds can wait for tomorrow.
    async fn testify(
        &mut self,
        pending: &Pending,
        path: &Path,
        told: &mut BTreeSet<(PersonId, Option<RecoveryId>, String)>,
    ) -> Result<(), Failure> {
        if self.is_entered_otherwise(pending)? {
            return home::remove(path);
        }
        let name = self.name_of(&pending.signed.signer().person());
        let refused = match self.judge(pending)? {
            // Another entry says the same, and is not safe yet: if it is lost, this one is sent.
            Err(Refusal::AlreadyAnswered) => return Ok(()),
            Err(refusal) => refusal.into(),
            Ok(()) => match self.deliver(pending, path).await? {
                Answer::Entered(_) => {
                    let answers = matches!(pending.signed.command().act, Act::RecordAnswer(_));
                    let key = if answers { "outbox-delivered-answer" } else { "outbox-delivered" };
                    self.env.out.tell(key, &crate::args! { name: name });
                    return Ok(());
                }
                Answer::Refused(failure) => failure,
            },
        };
        let recovery = match &pending.signed.command().act {
            Act::RecordAnswer(answer) => Some(answer.recovery),
            _ => None,
        };
        if !told.insert((pending.signed.signer().person(), recovery, refused.key().to_owned())) {
            return Ok(());
        }
        let reason = refused.sentence(self.env.out.language());
        self.env.out.aside("outbox-not-taken", &crate::args! { name: name, reason: reason });
        Ok(())
    }

    /// What the rules say of a command, by this computer's own verified log.
    fn judge(&self, pending: &Pending) -> Result<Result<(), Refusal>, Failure> {
        let verified = pending.signed.clone().verify(self.folder.id).map_err(Failure::technical)?;
        let (state, base) = (self.state()?, self.replica.root_at(verified.command().base.size));
        Ok(state.decide(&verified, self.env.now().max(state.last_time()), base).map(drop))
    }

    /// Whether safe entries of the same person say all that this answer says, as far as its accounts still exist.
    fn is_entered_otherwise(&self, pending: &Pending) -> Result<bool, Failure> {
        let Act::RecordAnswer(answer) = &pending.signed.command().act else { return Ok(false) };
        let (state, person) = (self.state()?, pending.signed.signer().person());
        let recovery = state.recoveries().get(&answer.recovery);
        for part in &answer.parts {
            let VersionId { credential, version } = part.version;
            let newer = state.credential(&credential).and_then(Credential::current).is_some_and(|(n, _)| n > version);
            let destroyed = state.destroyed_accounts().contains_key(&credential);
            if destroyed || (newer && state.part(part).is_none()) {
                continue;
            }
            let says = |given: &Answered| given.person == person && given.parts.contains(part);
            let entry = recovery.and_then(|recovery| recovery.answers.iter().find(|(_, given)| says(given)));
            match entry {
                Some((index, _)) if self.safety(*index)?.is_safe() => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Signs anew what became too old before it reached the server, as far as it consents to nothing; the rest is told
    /// and given up. Only our own clock says what is too old: a server that says so would get a second signature for
    /// the asking. The new signature has the base of the old one, so that the rules refuse it wherever what its signer
    /// looked at has changed since.
    pub(super) async fn renew_outbox(&mut self) -> Result<(), Failure> {
        for (_, path) in self.folder.commands(OUTBOX)? {
            let Some(old) = self.readable(&path) else { continue };
            let id = old.signed.id(self.folder.id);
            if self.replica.index_of(&id).is_some() {
                self.keep(&id, &path)?;
                continue;
            }
            if old.is_testimony(&self.me()) || !old.is_long_outdated(self.env.now()) {
                continue;
            }
            let what = self.what(&old);
            let act = old.act().ok_or_else(|| home::damaged(&path))?;
            if !may_be_signed_anew(&act) {
                self.env.out.tell("outbox-do-again", &crate::args! { what: what });
                self.set_aside(&old, &path)?;
                continue;
            }
            let asked = self.env.unlock.confirm(
                &self.env.out,
                "ask-sign-anew",
                &crate::args! { what: what.clone() },
                "--yes",
            );
            match asked {
                Ok(()) => {}
                Err(failure) if failure.key() == "failed-declined" => {
                    self.env.out.tell("outbox-dropped", &crate::args! { what: what });
                    self.set_aside(&old, &path)?;
                    continue;
                }
                // Nobody is there to be asked: it waits, and keeps nobody from anything else.
                Err(failure) if failure.exit() == Exit::Unanswered => {
                    self.env.out.aside("outbox-waits-item", &crate::args! { what: what });
                    continue;
                }
                Err(failure) => return Err(failure),
            }
            let signed = match self.sign_anew(&old, act) {
                Ok(signed) => signed,
                Err(failure) if failure.exit() == Exit::Refused => {
                    self.env.out.tell("outbox-do-again", &crate::args! { what: what });
                    self.env.out.failure(&failure);
                    self.set_aside(&old, &path)?;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let pending = Pending { signed, blobs: old.blobs };
            // In the place of the old one, in one step: the act must not be there twice after a crash.
            home::write(&path, &pending.encode())?;
            match self.deliver(&pending, &path).await? {
                Answer::Entered(_) => self.env.out.tell("outbox-renewed", &crate::args! { what: what }),
                Answer::Refused(failure) if passes(&pending, &failure) => self.env.out.failure(&failure),
                Answer::Refused(failure) => self.give_up(&pending, &path, &failure).await?,
            }
        }
        Ok(())
    }

    fn sign_anew(&mut self, old: &Pending, act: v1::command::Act) -> Result<SignedCommand, Failure> {
        let base = old.signed.command().base;
        // Requests and invitations have no such rule of their own, because their signers look at the log as it is.
        let checks = matches!(act, v1::command::Act::ConfirmShares(_));
        if !checks && self.state()?.charter_changed() >= base.size {
            return Err(Refusal::StaleBase.into());
        }
        self.sign_on(base, act)
    }

    /// Gives up an approval of a request that waits in the outbox: its owner says no. Gives whether there was one.
    pub(super) fn withdraw_approval(&self, request: u64) -> Result<bool, Failure> {
        let mut withdrawn = false;
        for (_, path) in self.folder.commands(OUTBOX)? {
            let Some(pending) = self.readable(&path) else { continue };
            let approves = matches!(&pending.signed.command().act, Act::Approve(a) if a.request.index == request);
            if approves && self.replica.index_of(&pending.signed.id(self.folder.id)).is_none() {
                self.set_aside(&pending, &path)?;
                withdrawn = true;
            }
        }
        Ok(withdrawn)
    }

    async fn give_up(&mut self, pending: &Pending, path: &Path, failure: &Failure) -> Result<(), Failure> {
        self.env.out.tell("outbox-refused", &crate::args! { what: self.what(pending) });
        self.env.out.failure(failure);
        self.refused(pending, path).await
    }

    /// What the server says that it refused is not sent again. It is forgotten only if the rules refuse it here, too:
    /// otherwise the server may put it into the log later, and nobody but this computer has what belongs to it.
    async fn refused(&mut self, pending: &Pending, path: &Path) -> Result<(), Failure> {
        let pulled = self.pull().await;
        let id = pending.signed.id(self.folder.id);
        match pulled {
            Ok(()) if self.replica.index_of(&id).is_some() => self.keep(&id, path),
            Ok(()) if self.rules_refuse(pending)? => home::remove(path),
            Err(failure) if failure.exit() == Exit::Distrust => {
                self.set_aside(pending, path)?;
                Err(failure)
            }
            _ => self.set_aside(pending, path),
        }
    }

    /// Whether the log as it was verified here excludes a command, whatever time it is.
    fn rules_refuse(&self, pending: &Pending) -> Result<bool, Failure> {
        Ok(match self.judge(pending)? {
            Ok(()) | Err(Refusal::ClockSkew { .. } | Refusal::RateLimit) => false,
            Err(_) => true,
        })
    }

    /// From the outbox to what is not sent any more.
    fn set_aside(&self, pending: &Pending, path: &Path) -> Result<(), Failure> {
        if self.state()?.last_time() > pending.enters_until() {
            return home::remove(path);
        }
        let folder = self.folder.join(REFUSED);
        home::private_dir(&folder)?;
        home::rename(path, &folder.join(pending.signed.id(self.folder.id).to_string()))
    }

    /// What was not to be sent any more: keeps what stands in the log all the same, forgets what cannot enter it now.
    fn sweep_refused(&self) -> Result<(), Failure> {
        for (id, path) in self.folder.commands(REFUSED)? {
            let Some(pending) = self.readable(&path) else { continue };
            if let Some(index) = self.replica.index_of(&id) {
                self.env.out.tell("outbox-entered", &crate::args! { what: self.what(&pending), index: index });
                self.keep(&id, &path)?;
            } else if self.state()?.last_time() > pending.enters_until() {
                home::remove(&path)?;
            }
        }
        Ok(())
    }

    /// What somebody signed, in a few words.
    fn what(&self, pending: &Pending) -> String {
        let command = pending.signed.command();
        let text = |id: &BlobId| {
            let own = pending.blobs.iter().find(|blob| BlobId::of(blob) == *id);
            let own = own.and_then(|blob| Text::from_blob(blob, *id).ok()).map(|text| text.as_str().to_owned());
            own.or_else(|| self.text_of(id)).unwrap_or_else(|| format!("#{}", &id.to_string()[..8]))
        };
        let (kind, subject) = match &command.act {
            Act::Deposit(deposit) => ("deposit", text(&deposit.label)),
            Act::Request(request) => ("request", text(&request.reason)),
            Act::Invite(invite) => ("invite", text(&invite.name)),
            Act::ConfirmShares(_) => ("shares", String::new()),
            Act::Approve(approve) => ("approve", approve.request.index.to_string()),
            Act::Deny(deny) => ("deny", deny.request.index.to_string()),
            Act::Return(index) => ("return", index.to_string()),
            Act::Revoke(revoke) => ("revoke", revoke.request.to_string()),
            Act::Sign(proposal) => ("sign", proposal.index.to_string()),
            Act::Confirm(proposal) => ("confirm", proposal.index.to_string()),
            Act::Veto(veto) => ("veto", veto.proposal.index.to_string()),
            Act::Leave => ("leave", String::new()),
            Act::ProposeRemoval(removal) => ("remove", self.name_of(&removal.person)),
            Act::ProposeAdmission(admission) => ("admit", self.name_of(&admission.keys.person())),
            Act::ProposeCharter(_) => ("charter", String::new()),
            Act::ProposeDestruction(destruction) => ("destroy", text(&destruction.reason)),
            Act::StartDrill | Act::RecordDrill(_) => ("drill", String::new()),
            Act::Seal(seal) => ("seal", text(&seal.reason)),
            Act::Rotate(rotate) => ("rotate", self.label_of(&rotate.version.credential)),
            Act::Delegate(delegate) => ("delegate", delegate.request.to_string()),
            Act::EndDelegation(end) => ("delegation-end", end.delegation.to_string()),
            Act::Take(take) => ("take", text(&take.reason)),
            Act::RecordAnswer(_) => ("answer", self.name_of(&pending.signed.signer().person())),
            _ => ("other", String::new()),
        };
        let say = self.env.out.language();
        say.with("outbox-what", &crate::args! { kind: kind, subject: subject, time: say.time(command.created) })
    }
}

/// Refusals of the moment: what they concern stays in the outbox. That a clock is wrong concerns only what is bound to
/// its time.
fn passes(pending: &Pending, failure: &Failure) -> bool {
    match failure.key() {
        "refused-rate-limit" => true,
        "refused-clock-skew" => pending.signed.command().act.is_bound_to_its_time(),
        _ => false,
    }
}
