//! Opens what was granted to the daemon: puts the keys together from the shares that were re-sealed to it.

use std::collections::BTreeMap;

use super::Attempt;
use super::queue::Outcome;
use crate::connect::Login;
use crate::daemon::codes::Codes;
use crate::daemon::opened::{Opened, Place, runs};
use crate::daemon::writer::{Desk, WriteError, Writer};
use crate::escrow::act::RequestedPart;
use crate::escrow::entry::DaemonAct;
use crate::escrow::id::{BlobId, CredentialId, OrganisationId, PersonId};
use crate::escrow::part::{Part, PartKind};
use crate::escrow::refusal::Refusal;
use crate::escrow::request::Request;
use crate::seal::gathering::{Gathering, NoKey};
use crate::seal::sealing::{PartValue, open_part};
use crate::seal::sharing::ShareContext;

/// Everything that opens the daemon's parts of a request, as it lies on the disk.
pub(crate) struct Granted {
    place: Place,
    credential: CredentialId,
    /// Each with its place among the request's parts, and the sealed secret.
    parts: Vec<(usize, RequestedPart, Part, Vec<u8>)>,
    approvals: BTreeMap<PersonId, Vec<Vec<BlobId>>>,
    shares: BTreeMap<BlobId, Vec<u8>>,
}

/// Reads it.
pub(crate) fn granted(desk: &mut Desk<'_, '_>, request: u64) -> Result<Granted, WriteError> {
    let organisation = desk.organisation()?;
    let id = organisation.id();
    let asked = organisation.request(request).ok_or(Refusal::RequestUnknown)?;
    let (credential, approvals) = (asked.version.credential, asked.approvals.clone());
    let to_daemon = asked.parts.iter().copied().enumerate().filter(|(_, asked)| asked.vouched.is_some());
    let mut found = Vec::new();
    for (position, asked) in to_daemon {
        let state = organisation.part(&asked.part).ok_or(Refusal::PartUnknown)?;
        found.push((position, asked, state.part.clone()));
    }
    let mut parts = Vec::with_capacity(found.len());
    for (position, asked, part) in found {
        let sealed = desk.blob(&part.sealed)?.ok_or(WriteError::MissingBlob)?;
        parts.push((position, asked, part, sealed));
    }
    let shares = desk.shares(request)?.into_iter().filter_map(|share| share.content);
    let shares = shares.map(|content| (BlobId::of(&content), content)).collect();
    Ok(Granted { place: (id, request), credential, parts, approvals, shares })
}

/// Why nothing was opened, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotOpened {
    /// The key is gone.
    KeyGone,
    /// Not all who approved have uploaded their shares.
    SharesMissing,
    /// Shares are there and of no use.
    SharesBad,
    /// The key opens nothing sensible.
    Damaged,
}

impl NotOpened {
    fn outcome(self) -> Outcome {
        match self {
            Self::KeyGone => Outcome::Waits("key-gone"),
            Self::SharesMissing => Outcome::Waits("shares-missing"),
            // More of them may come.
            Self::SharesBad => Outcome::Waits("shares-bad"),
            Self::Damaged => Outcome::Failed("damaged"),
        }
    }
}

impl Granted {
    /// Opens them all.
    pub fn open(&self, opened: &Opened) -> Result<Vec<(RequestedPart, PartValue)>, NotOpened> {
        let one = |(position, asked, part, sealed): &(usize, RequestedPart, Part, Vec<u8>)| {
            let key = opened.key(self.place, &asked.recipient).ok_or(NotOpened::KeyGone)?;
            let (organisation, request) = self.place;
            let context =
                ShareContext { organisation, part: asked.part, epoch: part.epoch, master_key: part.master_key };
            let (approvals, blobs) = (&self.approvals, &self.shares);
            let gathered =
                Gathering { context, part, position: *position, approvals, blobs }.combine(key.age(), None);
            for (sender, verdict) in &gathered.bad {
                // By the id with which the client finds somebody (`#` and its beginning).
                let (sender, verdict) = (format_args!("#{sender}"), verdict.as_str());
                tracing::warn!(?organisation, request, %sender, verdict, "somebody's share is of no use");
            }
            let master = gathered.key.map_err(|why| match why {
                NoKey::NotEnough => NotOpened::SharesMissing,
                NoKey::Bad(_) => NotOpened::SharesBad,
                NoKey::Dealer => NotOpened::Damaged,
            })?;
            let value = open_part(&master, &context.part_context(), sealed).map_err(|_| NotOpened::Damaged)?;
            Ok((*asked, value))
        };
        self.parts.iter().map(one).collect()
    }
}

impl Attempt {
    pub(super) async fn open(&self, request: u64) -> Outcome {
        self.try_open(request).await.unwrap_or_else(|outcome| outcome)
    }

    async fn try_open(&self, request: u64) -> Result<Outcome, Outcome> {
        let granted = self.writer.at_desk(self.id, move |desk| granted(desk, request)).await?;
        let (place, credential, opened) = (granted.place, granted.credential, self.writer.opened().clone());
        let values = tokio::task::spawn_blocking(move || granted.open(&opened)).await;
        let values = values.map_err(|_| Outcome::Failed("inside"))?.map_err(NotOpened::outcome)?;
        let opened = self.writer.opened().clone();
        // In the writer's thread: what it opens is kept only if the log shows its request as running at that moment, and
        // whatever ends it later overwrites it.
        let kept = self.writer.at_desk(self.id, move |desk| {
            let organisation = desk.organisation()?;
            let current = organisation.current_part(&credential, PartKind::Password).ok_or(Refusal::PartUnknown)?;
            if !organisation.request(place.1).is_some_and(runs) {
                return Err(Refusal::RequestClosed.into());
            }
            if !values.iter().any(|(asked, _)| asked.part == current) {
                return Ok(false);
            }
            desk.append(DaemonAct::Collected(request), &[])?;
            let until = desk.organisation()?.request(request).and_then(Request::deadline);
            let until = until.ok_or(Refusal::RequestClosed)?;
            for (asked, PartValue { user_name, value }) in values {
                let login = Login { user: user_name, secret: value };
                if asked.part == current {
                    opened.open(place, credential, login, until);
                } else if asked.part.kind == PartKind::Password {
                    // Another process may have told the target, up to a moment ago.
                    opened.stage(place.0, asked.part.version, login, Some(std::time::Instant::now()));
                }
            }
            Ok(true)
        });
        if !kept.await? {
            return Ok(Outcome::Waits("other-version"));
        }
        tracing::info!(organisation = ?self.id, request, "an account is open to the daemon");
        Ok(Outcome::Done)
    }
}

/// What makes the codes of a lease that runs, opened when it is first asked for.
pub(crate) async fn codes(
    writer: &Writer,
    organisation: OrganisationId,
    request: u64,
) -> Result<std::sync::Arc<Codes>, CodesError> {
    let place = (organisation, request);
    if let Some(codes) = writer.opened().codes(place) {
        return Ok(codes);
    }
    let granted = writer.at_desk(organisation, move |desk| granted(desk, request)).await?;
    let opened = writer.opened().clone();
    let values = tokio::task::spawn_blocking(move || granted.open(&opened)).await;
    let values = values.map_err(|_| WriteError::Closing)?.map_err(|_| CodesError::NotOpened)?;
    let totp = values.into_iter().find(|(asked, _)| asked.part.kind == PartKind::TotpSecret);
    let (_, value) = totp.ok_or(CodesError::None)?;
    let codes = Codes::parse(&value.value).map_err(|_| CodesError::NotTotp)?;
    // Kept only while the log shows the lease as running, which may have changed a moment ago.
    let opened = writer.opened().clone();
    let kept = writer.at_desk(organisation, move |desk| match desk.organisation()?.request(request) {
        Some(asked) if runs(asked) => Ok(opened.keep_codes(place, codes)),
        _ => Err(Refusal::RequestClosed.into()),
    });
    Ok(kept.await?)
}

/// Why there are no codes.
#[derive(Debug)]
pub(crate) enum CodesError {
    /// The writer's reason.
    Write(WriteError),
    /// The shares or the key.
    NotOpened,
    /// The request has nothing of this kind.
    None,
    /// What was deposited is no such secret.
    NotTotp,
}

impl From<WriteError> for CodesError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}
