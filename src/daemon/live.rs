//! The live side of what is open to the daemon: keys, codes, and whether a secret works.
//!
//! Everything is given to whoever the log names and to nobody else, and only while the log shows it as running. This
//! module must never let out what a code is made of, nor what a target said.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::codes::Code;
use super::limits::RateLimiter;
use super::opened::{NoKeys, Window};
use super::refused::Refused;
use super::work::target::{CallError, Connectors};
use super::work::{Board, CodesError, Reach, codes, reach};
use super::writer::{Clock, WriteError, Writer};
use crate::escrow::delegation::wrapping_key_preimage;
use crate::escrow::id::{CredentialId, OrganisationId, PersonId};
use crate::escrow::refusal::Refusal;
use crate::escrow::request::Stage;
use crate::escrow::window::opening_key_preimage;
use crate::escrow::work::Work;
use crate::proto::api::v1 as api;

/// How often one account's secret may be tried: a target may lock an account that is tried too often.
const VERIFIES_PER_MINUTE: u32 = 6;
/// Accounts that this is remembered of.
const VERIFY_CAPACITY: usize = 4_096;
/// How soon to ask again whether a secret works where others were at the target.
const WHILE_BUSY: Duration = Duration::from_secs(5);
/// Longest wait until a stream looks at the log again: the lease may have been ended.
const LOOK: Duration = Duration::from_secs(5);

/// What the service asks. Clones share it.
#[derive(Clone)]
pub struct Live {
    writer: Writer,
    connectors: Connectors,
    board: Board,
    clock: Clock,
    verifies: Arc<RateLimiter<(OrganisationId, CredentialId)>>,
}

/// A code, and how long until there is something new to say.
pub(super) struct Current {
    pub code: Code,
    pub wait: Duration,
}

impl Live {
    /// Over what is open.
    pub fn new(writer: Writer, connectors: Connectors, board: Board, clock: Clock) -> Self {
        let verifies = Arc::new(RateLimiter::new(VERIFY_CAPACITY));
        Self { writer, connectors, board, clock, verifies }
    }

    /// Fresh keys of the daemon's memory, each vouched for by the log key.
    pub(super) async fn opening_keys(
        &self,
        organisation: OrganisationId,
        person: PersonId,
        count: usize,
    ) -> Result<api::GetOpeningKeysResponse, Refused> {
        let keys = self.writer.opened().make_keys(organisation, Some(person), count, Instant::now());
        let keys = keys.map_err(|error| match error {
            NoKeys::TooMany => Refused::TooManyKeys,
            NoKeys::Generate(error) => Refused::Storage(error.into()),
        })?;
        let vouched = self.writer.at_desk(organisation, move |desk| {
            let mut vouched = Vec::with_capacity(keys.len());
            for key in keys {
                let signature = desk.sign(&opening_key_preimage(&organisation, &key))?;
                vouched.push(api::VouchedKey { recipient: Some(key.into()), vouched: Some(signature.into()) });
            }
            Ok(vouched)
        });
        Ok(api::GetOpeningKeysResponse { keys: vouched.await? })
    }

    /// The key to which standing rights are wrapped, vouched for by the log key.
    pub(super) async fn wrapping_key(
        &self,
        organisation: OrganisationId,
    ) -> Result<api::GetWrappingKeyResponse, Refused> {
        let key = self.writer.at_desk(organisation, move |desk| {
            let key = desk.wrapping_key()?;
            let signature = desk.sign(&wrapping_key_preimage(&organisation, &key))?;
            Ok(api::VouchedKey { recipient: Some(key.into()), vouched: Some(signature.into()) })
        });
        Ok(api::GetWrappingKeyResponse { key: Some(key.await?) })
    }

    /// The present code of somebody's lease.
    pub(super) async fn code(
        &self,
        organisation: OrganisationId,
        person: PersonId,
        request: u64,
    ) -> Result<Current, Refused> {
        // Seen at the desk each time: no code after the end, also of a lease whose end is not in the log yet.
        let until = self.writer.at_desk(organisation, move |desk| {
            let now = desk.now()?;
            let asked = desk.organisation()?.request(request).ok_or(Refusal::RequestUnknown)?;
            if asked.requester != person || asked.by_daemon {
                return Err(WriteError::NotYours);
            }
            match &asked.stage {
                Stage::Leased(lease) if lease.collected() && now < lease.until() => Ok(lease.until()),
                Stage::Leased(_) | Stage::Ended { .. } => Err(Refusal::RequestClosed.into()),
                Stage::Granted(_) | Stage::Waiting => Err(Refusal::NotCollectable.into()),
            }
        });
        let until = until.await?;
        let codes = codes(&self.writer, organisation, request).await.map_err(|error| match error {
            CodesError::Write(error) => error.into(),
            CodesError::NotOpened | CodesError::NotTotp | CodesError::None => Refused::NoCodes,
        })?;
        let now = (self.clock)();
        let code = codes.at(now);
        let next = now.until(code.until.min(until)).0.max(1);
        Ok(Current { wait: Duration::from_secs(next).min(LOOK), code })
    }

    /// Whether an account's secret works at its target, for somebody whom it concerns.
    pub(super) async fn verify(
        &self,
        organisation: OrganisationId,
        person: PersonId,
        credential: CredentialId,
    ) -> Result<bool, Refused> {
        let found = self.writer.at_desk(organisation, move |desk| {
            let state = desk.organisation()?;
            let charter = state.charter().ok_or(Refusal::NotFounded)?;
            let account = state.credential(&credential).ok_or(Refusal::CredentialUnknown)?;
            let vault = charter.vault(&account.vault).ok_or(Refusal::VaultUnknown)?;
            let roles = state.roles(&person);
            let concerned = charter.trustees().contains(&person)
                || vault.askers.includes(&person, &roles)
                || vault.depositors.includes(&person, &roles);
            if !concerned {
                return Err(Refusal::MayNotAsk.into());
            }
            if account.current().is_none_or(|(_, version)| version.connector.is_none()) {
                return Err(Refusal::NoConnector.into());
            }
            Ok(reach(desk, &credential)?.ok_or(Refusal::NotOpen)?)
        });
        let found: Reach = found.await?;
        let now = Instant::now();
        let window: Window =
            self.writer.opened().window(found.window).ok_or(Refused::Write(Refusal::NotOpen.into()))?;
        if let Some(retry) = window.rests(now) {
            return Err(Refused::TooManyRequests { retry });
        }
        let taken = self.verifies.take((organisation, credential), VERIFIES_PER_MINUTE, now);
        taken.map_err(|retry| Refused::TooManyRequests { retry })?;
        let failed = |error: CallError| match error {
            CallError::Busy => Refused::TooManyRequests { retry: WHILE_BUSY },
            error => Refused::Target { reason: error.reason() },
        };
        let target = self.connectors.target(found.window, found.settings, &found.text).map_err(failed)?;
        target.verify(&window).await.map_err(failed)
    }

    /// What is to be done at targets.
    pub(super) fn work(&self, organisation: &OrganisationId) -> api::GetWorkResponse {
        use api::work::What;
        let work = self.board.of(organisation).into_iter().map(|progress| api::Work {
            what: Some(match progress.work {
                Work::Open(request) => What::Open(request),
                Work::Mint(request) => What::Mint(request),
                Work::Revoke(request) => What::Revoke(request),
                Work::Rotate(_) => What::Rotate(progress.index),
            }),
            attempts: progress.attempts,
            failure: progress.failure.to_owned(),
            next_attempt: progress.next.0,
        });
        api::GetWorkResponse { work: work.collect() }
    }
}
