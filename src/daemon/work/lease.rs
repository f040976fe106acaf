//! Makes a lease at its target, and takes it away.
//!
//! That something may be at the target is in the log before anything is; that it is gone, only after it is.

use std::time::{Duration, Instant};

use super::queue::Outcome;
use super::target::{CallError, Target};
use super::{Attempt, krl};
use crate::connect::password::generate;
use crate::connect::settings::Settings;
use crate::connect::{Lease, LeaseName};
use crate::daemon::opened::{Place, Window};
use crate::daemon::writer::{Desk, WriteError};
use crate::escrow::entry::DaemonAct;
use crate::escrow::id::{BlobId, CredentialId};
use crate::escrow::made::AtTarget;
use crate::escrow::refusal::Refusal;
use crate::escrow::text::{BadText, Text};
use crate::escrow::time::{Seconds, Time};
use crate::seal::minted::{Made, MintedContext, seal_made};
use crate::store::batch::Blob;

/// A lease that was begun is gone on with as it was begun, as long as the rules allow that and this much of it is left.
const WORTH_WHILE: Seconds = Seconds::MINUTE;
/// How often is looked for what may still come.
const LOOK_FOR_LATE: Duration = Duration::from_secs(600);

/// Where an account's target is, as the log has it.
#[derive(Clone)]
pub(crate) struct Reach {
    pub window: Place,
    pub settings: BlobId,
    pub text: Vec<u8>,
}

/// What a lease is made with.
struct Begun {
    reach: Reach,
    recipient: crate::escrow::key::RecipientKey,
    /// What whoever asks wants the target to be told; an error if it could not be shown.
    input: Result<Option<String>, BadText>,
    /// Whether only one person at a time can have the account.
    exclusive: bool,
    /// Whether the log says so already.
    before: bool,
}

/// The window and the settings by which an account can be reached now; none: it is not open.
pub(crate) fn reach(desk: &mut Desk<'_, '_>, credential: &CredentialId) -> Result<Option<Reach>, WriteError> {
    let organisation = desk.organisation()?;
    let id = organisation.id();
    // What is open goes to the target for which people agreed to open it, and to no other.
    let window = organisation.open_window(credential).and_then(|w| Some(((id, w.at.index), w.connector?)));
    let Some((window, settings)) = window else { return Ok(None) };
    let text = desk.blob(&settings)?.ok_or(WriteError::MissingBlob)?;
    Ok(Some(Reach { window, settings, text }))
}

impl Attempt {
    /// The connector and what it logs in with; an error says what is waited for.
    pub(super) fn target(&self, reach: &Reach) -> Result<(std::sync::Arc<Target>, Window), Outcome> {
        let window = self.window(reach)?;
        let target = self.connectors.target(reach.window, reach.settings, &reach.text);
        let target = target.map_err(|error| {
            if let CallError::Connect(error) = &error {
                tracing::warn!(error = error as &dyn std::error::Error, "a connector cannot be used");
            }
            Outcome::Failed(error.reason())
        })?;
        Ok((target, window))
    }

    /// What is open now. Whoever waits for something else lets go of it, so that a seal finds it nowhere.
    pub(super) fn window(&self, reach: &Reach) -> Result<Window, Outcome> {
        self.writer.opened().window(reach.window).ok_or(Outcome::NotOpen("closed"))
    }

    /// The same, to log in with: not while its target refuses it.
    pub(super) fn login(&self, reach: &Reach) -> Result<Window, Outcome> {
        let window = self.window(reach)?;
        heed_rest(&window)?;
        Ok(window)
    }

    pub(super) async fn mint(&self, request: u64) -> Outcome {
        self.try_mint(request).await.unwrap_or_else(|outcome| outcome)
    }

    async fn try_mint(&self, request: u64) -> Result<Outcome, Outcome> {
        let opened = self.writer.opened().clone();
        let begun = self.writer.at_desk(self.id, move |desk| {
            // Nothing is begun that cannot be gone on with.
            let begun = begin(desk, request)?;
            Ok(begun.filter(|begun| opened.window(begun.reach.window).is_some()))
        });
        let Some(Begun { reach, recipient, input, exclusive, before }) = begun.await? else {
            return Ok(Outcome::NotOpen("closed"));
        };
        let input = input.map_err(|_| Outcome::Failed("input"))?;
        let (target, _) = self.target(&reach)?;
        // Before it is begun: the second lease would change the first one's password, and the end of either end both.
        if target.settings.needs_exclusive() && !exclusive {
            return Err(Outcome::Waits("needs-exclusive"));
        }
        if let Settings::Ssh(ssh) = &target.settings {
            // Its target has something to fetch, and no certificate is made that could not be revoked there.
            self.lists.add(&self.writer, ssh.authority(), None).await?;
        }
        let until = self.writer.at_desk(self.id, move |desk| start(desk, request)).await??;
        let (place, window) = ((self.id, request), self.login(&reach)?);
        let told = self.late.tell(place, before, Instant::now());
        let name = LeaseName::new(self.id, request);
        let secret = generate(target.settings.rules()).map_err(|_| Outcome::Failed("no-randomness"))?;
        let minted = target.call(&window, async |connector, login| {
            let lease = Lease { name: &name, until, input: input.as_deref(), secret: &secret };
            connector.mint(login, &lease).await
        });
        let minted = minted.await;
        if minted.as_ref().err().is_none_or(CallError::is_definite) {
            self.late.answered(place, told);
        }
        let minted = minted.map_err(|error| Outcome::Failed(error.reason()))?;
        let fields = minted.fields.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect();
        let context = MintedContext { organisation: self.id, request };
        let sealed = seal_made(&recipient, &context, &Made { until, fields });
        let sealed = Blob::new(sealed.map_err(|_| Outcome::Failed("sealing"))?);
        let act = DaemonAct::Minted { request, sealed: sealed.id() };
        // Refused where the access was ended meanwhile: then its revocation is due.
        self.writer.at_desk(self.id, move |desk| desk.append(act, &[sealed])).await?;
        tracing::info!(organisation = ?self.id, request, "a lease was made at its target");
        Ok(Outcome::Done)
    }

    pub(super) async fn revoke(&self, request: u64) -> Outcome {
        self.try_revoke(request).await.unwrap_or_else(|outcome| outcome)
    }

    async fn try_revoke(&self, request: u64) -> Result<Outcome, Outcome> {
        let name = LeaseName::new(self.id, request);
        let found = self.writer.at_desk(self.id, move |desk| {
            let asked = desk.organisation()?.request(request).ok_or(Refusal::RequestUnknown)?;
            let (credential, settings, made) = (asked.version.credential, asked.connector, asked.made);
            let authority = match settings {
                Some(settings) => desk.blob(&settings)?.and_then(|text| krl::authority(&text, settings)),
                None => None,
            };
            Ok((reach(desk, &credential)?, settings, authority, made, desk.now()?))
        });
        let (reach, settings, authority, made, time) = found.await?;
        if let Some(authority) = authority {
            // A list needs nothing that is secret, and nothing else ends a certificate before its time.
            self.lists.add(&self.writer, &authority, Some(name.serial())).await?;
            return self.revoked(request).await;
        }
        let Some(reach) = reach else { return Ok(Outcome::NotOpen("closed")) };
        if settings != Some(reach.settings) {
            // Where it was made, and only there, can it be revoked.
            return Ok(Outcome::NotOpen("other-target"));
        }
        let (target, window) = self.target(&reach)?;
        heed_rest(&window)?;
        let revoked = target.call(&window, async |connector, login| connector.revoke(login, &name).await);
        revoked.await.map_err(|error| Outcome::Failed(error.reason()))?;
        let left = self.late.left((self.id, request), made, Instant::now(), time);
        if let Some(left) = left.filter(|_| target.settings.may_act_late()) {
            // Not before nothing can come any more is it gone.
            return Ok(Outcome::Rests("may-be-late", left.min(LOOK_FOR_LATE)));
        }
        self.revoked(request).await
    }

    async fn revoked(&self, request: u64) -> Result<Outcome, Outcome> {
        self.writer.at_desk(self.id, move |desk| desk.append(DaemonAct::RevokedAtTarget(request), &[])).await?;
        self.late.forget((self.id, request));
        tracing::info!(organisation = ?self.id, request, "a lease is gone from its target");
        Ok(Outcome::Done)
    }
}

/// Waits while a target refuses a login: it may lock an account at which somebody tries too often.
pub(super) fn heed_rest(window: &Window) -> Result<(), Outcome> {
    window.rests(Instant::now()).map_or(Ok(()), |rest| Err(Outcome::Rests("denied", rest)))
}

/// What a lease is to be made with; none: its account is not open.
fn begin(desk: &mut Desk<'_, '_>, request: u64) -> Result<Option<Begun>, WriteError> {
    let asked = desk.organisation()?.request(request).ok_or(Refusal::RequestUnknown)?;
    let recipient = asked.parts.first().ok_or(Refusal::PartUnknown)?.recipient;
    let (credential, input, before) = (asked.version.credential, asked.input, asked.target.is_some());
    let exclusive = desk.organisation()?.credential(&credential).is_some_and(|account| account.exclusive);
    let input = match input {
        Some(blob) => {
            let content = desk.blob(&blob)?.ok_or(WriteError::MissingBlob)?;
            // One line: those who agreed were shown nothing of a longer one.
            Text::from_blob(&content, blob).map(|text| Some(text.as_str().to_owned()))
        }
        None => Ok(None),
    };
    let reach = reach(desk, &credential)?;
    Ok(reach.map(|reach| Begun { reach, recipient, input, exclusive, before }))
}

/// Puts into the log that the lease is begun, unless it says so already and that still holds; gives its end, or what it
/// waits for.
fn start(desk: &mut Desk<'_, '_>, request: u64) -> Result<Result<Time, Outcome>, WriteError> {
    let now = desk.now()?;
    let organisation = desk.organisation()?;
    let asked = organisation.request(request).ok_or(Refusal::RequestUnknown)?;
    let begun = match asked.target {
        Some(AtTarget::Started { until, .. }) if now.after(WORTH_WHILE) <= until => Some(until),
        _ => None,
    };
    // Asked again each time: a shorter window may have taken the place of the one in which it was begun.
    let latest = match organisation.mint_latest(request, now) {
        Ok(latest) => latest,
        Err(refusal) => return Ok(Err(Outcome::refused(&refusal, Some(now)))),
    };
    if let Some(until) = begun.filter(|until| *until <= latest) {
        return Ok(Ok(until));
    }
    let until = match organisation.mint_until(request, now) {
        Ok(until) => until,
        Err(refusal) => return Ok(Err(Outcome::refused(&refusal, Some(now)))),
    };
    desk.append(DaemonAct::MintStarted { request, until }, &[])?;
    Ok(Ok(until))
}
