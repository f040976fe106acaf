//! Gives an account a new secret without ever losing one.
//!
//! ```text
//! sealed, dealt, durable (Staged) → the target is told → verified → Rotated, or StagedDropped
//! ```
//!
//! What the target holds is at every moment the current or the staged secret, and both are in escrow. Whatever happens
//! in between, a login decides: the staged one is tried first, then the current one. Where neither answers, it is tried
//! again, and nothing is dropped. That the old secret still works says nothing after a call that nobody answered: it may
//! take effect later. The target is then told the same secret again, and nothing is given up for [`LATEST`].
//!
//! [`LATEST`]: crate::daemon::opened::LATEST

use std::sync::Arc;
use std::time::Instant;

use super::Attempt;
use super::lease::{heed_rest, reach};
use super::queue::Outcome;
use super::target::Target;
use crate::connect::Login;
use crate::connect::password::generate;
use crate::daemon::opened::Window;
use crate::daemon::writer::{Desk, WriteError};
use crate::escrow::entry::DaemonAct;
use crate::escrow::id::{CredentialId, PersonId};
use crate::escrow::key::RecipientKey;
use crate::escrow::part::{PartId, PartKind, VersionId};
use crate::escrow::quorum::Quorum;
use crate::escrow::refusal::Refusal;
use crate::escrow::rotation::Staged;
use crate::proto::v1;
use crate::seal::dealing::deal_part;
use crate::seal::sealing::PartValue;
use crate::seal::secret::Secret;
use crate::store::batch::Blob;

/// A rotation, as the log has it.
struct Rotating {
    reach: super::lease::Reach,
    /// Index of the command that asks for it.
    index: u64,
    /// The next version.
    next: VersionId,
    staged: bool,
    quorums: Vec<Quorum>,
    recipients: Vec<(PersonId, RecipientKey)>,
    carried: Vec<v1::CarriedPart>,
}

/// Reads it; none: the account is not open.
fn rotating(desk: &mut Desk<'_, '_>, credential: &CredentialId) -> Result<Option<Rotating>, WriteError> {
    let Some(reach) = reach(desk, credential)? else { return Ok(None) };
    let organisation = desk.organisation()?;
    let charter = organisation.charter().ok_or(Refusal::NotFounded)?;
    let account = organisation.credential(credential).ok_or(Refusal::CredentialUnknown)?;
    let rotation = account.rotation.as_ref().ok_or(Refusal::NotDue)?;
    let (current, version) = account.current().ok_or(Refusal::CredentialUnknown)?;
    let vault = charter.vault(&account.vault).ok_or(Refusal::VaultUnknown)?;
    let quorums = vault.opened_by.iter().filter_map(|name| charter.quorum(name)).cloned().collect::<Vec<_>>();
    let members = quorums.iter().flat_map(|quorum| quorum.groups()).flat_map(|group| group.members());
    let key = |person: &PersonId| Some((*person, organisation.person(person)?.keys.recipient));
    let recipients = members.filter_map(key).collect();
    let stays = version.kinds().into_iter().filter(|kind| *kind != PartKind::Password);
    let carried = stays
        .filter_map(|kind| Some(v1::CarriedPart { kind: kind as i32, version: account.dealt_with(current, kind)? }));
    let number = rotation.staged.as_ref().map_or(current.saturating_add(1), |(number, _)| *number);
    Ok(Some(Rotating {
        reach,
        index: rotation.index,
        next: VersionId { credential: *credential, version: number },
        staged: rotation.staged.is_some(),
        carried: carried.collect(),
        quorums,
        recipients,
    }))
}

fn copy(secret: &Secret) -> Secret {
    Secret::new(secret.expose().to_vec())
}

impl Attempt {
    pub(super) async fn rotate(&self, credential: CredentialId) -> Outcome {
        self.try_rotate(credential).await.unwrap_or_else(|outcome| outcome)
    }

    async fn try_rotate(&self, credential: CredentialId) -> Result<Outcome, Outcome> {
        let found = self.writer.at_desk(self.id, move |desk| rotating(desk, &credential)).await?;
        let Some(rotating) = found else { return Ok(Outcome::NotOpen("closed")) };
        let (target, mut window) = self.target(&rotating.reach)?;
        let (next, reach) = (rotating.next, rotating.reach.clone());
        let opened = self.writer.opened();
        let begun_before = rotating.staged;
        if !begun_before {
            heed_rest(&window)?;
            let user = window.login.user.as_ref().map(copy);
            drop(window);
            self.stage(rotating, &target, user).await?;
            window = self.window(&reach)?;
        }
        // After a restart it comes with the window that the daemon asked for. Without it nothing can be decided.
        let staged = opened.staged(self.id, next).ok_or(Outcome::NotOpen("staged-not-open"))?;
        let outcome = self.decide(&target, &window, next, &staged, begun_before).await?;
        let act = if outcome { DaemonAct::Rotated(next) } else { DaemonAct::StagedDropped(next) };
        self.writer.at_desk(self.id, move |desk| desk.append(act, &[]).map(drop)).await?;
        tracing::info!(organisation = ?self.id, changed = outcome, "a rotation is over");
        Ok(Outcome::Done)
    }

    /// Seals and deals a new secret; it is durable when this returns.
    async fn stage(&self, rotating: Rotating, target: &Target, user: Option<Secret>) -> Result<(), Outcome> {
        let next = rotating.next;
        let secret = generate(target.settings.rules()).map_err(|_| Outcome::Failed("no-randomness"))?;
        let value = PartValue { user_name: user.as_ref().map(copy), value: copy(&secret) };
        let id = self.id;
        let dealt = tokio::task::spawn_blocking(move || {
            let part = PartId { version: next, kind: PartKind::Password };
            let find = |person: &PersonId| rotating.recipients.iter().find(|(p, _)| p == person).map(|(_, key)| *key);
            let dealt = deal_part(id, part, &rotating.quorums, find, &value);
            dealt.map(|dealt| (dealt, rotating.index, rotating.carried))
        });
        let dealt = dealt.await.map_err(|_| Outcome::Failed("inside"))?;
        let (dealt, index, carried) = dealt.map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a new secret could not be dealt");
            Outcome::Failed("dealing")
        })?;
        let staged = Staged::parse(v1::Staged {
            rotation_index: index,
            credential: next.credential.to_vec(),
            version: next.version,
            parts: vec![dealt.part],
            carried,
        });
        let staged = DaemonAct::Staged(Box::new(staged.map_err(|_| Outcome::Failed("rules"))?));
        let blobs: Vec<Blob> = dealt.blobs.into_iter().map(Blob::new).collect();
        let login = Login { user, secret };
        let opened = self.writer.opened().clone();
        let kept = self.writer.at_desk(id, move |desk| {
            desk.append(staged, &blobs)?;
            // Before the commit: after it, it must not be lost while the daemon runs.
            opened.stage(id, next, login, None);
            Ok(())
        });
        Ok(kept.await?)
    }

    /// Whether the target has the staged secret; tells it to take it if need be. An error: not decided yet.
    async fn decide(
        &self,
        target: &Target,
        window: &Window,
        next: VersionId,
        staged: &Arc<Login>,
        begun_before: bool,
    ) -> Result<bool, Outcome> {
        // An earlier attempt, or an earlier process, may have told it.
        if begun_before && self.works(target, window, staged).await? {
            return Ok(true);
        }
        heed_rest(window)?;
        let told = target.call(window, async |connector, login| connector.rotate(login, &staged.secret).await).await;
        match told {
            Ok(()) if self.works(target, window, staged).await? => Ok(true),
            Ok(()) => Err(Outcome::Failed("not-taken")),
            Err(error) => {
                // It may have been done although the answer was lost, or be done later. Only a definite no ends it, if
                // nothing can be under way and the current secret is seen to work still.
                let opened = self.writer.opened();
                if !error.is_definite() {
                    opened.not_answered(self.id, next, Instant::now());
                }
                if self.works(target, window, staged).await? {
                    return Ok(true);
                }
                let sure = error.is_definite() && !opened.may_be_late(self.id, next, Instant::now());
                // Nothing was ever done, then.
                if sure && error.reason() == "not-supported" {
                    return Ok(false);
                }
                let holds = sure && self.works(target, window, &window.login).await?;
                // Not reached at all says nothing about the next time.
                if holds && matches!(error.reason(), "refused" | "settings") {
                    return Ok(false);
                }
                Err(Outcome::Failed(error.reason()))
            }
        }
    }

    async fn works(&self, target: &Target, window: &Window, login: &Login) -> Result<bool, Outcome> {
        let verified = target.call_with(window, login, async |connector, login| connector.verify(login).await).await;
        verified.map_err(|error| Outcome::Failed(error.reason()))
    }
}
