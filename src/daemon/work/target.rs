//! The connectors of what is open to the daemon: made from the settings that stand with the account, kept as long as
//! its window, and called so many times at once in each lane as the configuration allows.
//!
//! This module must never call a target with a credential whose window is over: what is under way then is cut off.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Semaphore;

use super::queue::Lane;
use crate::connect::settings::Settings;
use crate::connect::{ConnectError, Connector, Environment, Login};
use crate::daemon::opened::{Opened, Place, Window};
use crate::escrow::id::{BlobId, OrganisationId};
use crate::escrow::text::Text;

/// Where a connector does what it does.
#[derive(Clone)]
pub(super) enum Destination {
    /// Nowhere: it calls nobody.
    Nowhere,
    /// It calls somebody, for all that can be known.
    Unknown,
    /// This program does it; whom that calls, only the account's settings say.
    Program(Arc<str>),
    /// `host:port`.
    Target(Arc<str>),
}

impl Destination {
    /// Of these settings.
    pub fn of(settings: &Settings) -> Self {
        match (settings, settings.targets().first()) {
            (Settings::Ssh(_), _) => Self::Nowhere,
            (Settings::Exec(exec), _) => Self::Program(exec.program.as_str().into()),
            (_, Some(target)) => Self::Target(target.to_string().into()),
            (_, None) => Self::Unknown,
        }
    }

    /// What an association's calls there share their room with.
    pub fn lane(self, organisation: OrganisationId) -> Lane {
        match self {
            Self::Nowhere | Self::Unknown => Lane::Here(organisation),
            Self::Program(name) => Lane::Program(organisation, name),
            Self::Target(name) => Lane::Target(name),
        }
    }
}

/// An account's connector, while it is open.
pub struct Target {
    /// Its settings.
    pub settings: Settings,
    connector: Connector,
    /// Shared by all accounts in the same lane.
    calls: Arc<Semaphore>,
    /// One at a time.
    verifies: tokio::sync::Mutex<()>,
}

/// Why a call came to nothing.
#[derive(Debug)]
pub enum CallError {
    /// What was open was closed meanwhile. Whether something was done is not known.
    Wiped,
    /// Others are at the target, or this secret is being tried already. Nothing was done.
    Busy,
    /// The connector's.
    Connect(ConnectError),
}

impl CallError {
    /// One word.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Wiped => "sealed",
            Self::Busy => "busy",
            Self::Connect(error) => error.reason(),
        }
    }

    /// Whether the target certainly holds what it held before.
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Wiped => false,
            Self::Busy => true,
            Self::Connect(error) => error.is_definite(),
        }
    }
}

/// The connectors, by window and settings. Clones share them.
#[derive(Clone)]
pub struct Connectors(Arc<Inner>);

struct Inner {
    environment: Mutex<Option<Environment>>,
    calls_per_target: usize,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    targets: BTreeMap<(Place, BlobId), Arc<Target>>,
    calls: BTreeMap<Lane, Arc<Semaphore>>,
}

impl Connectors {
    /// None yet.
    pub fn new(environment: Option<Environment>, calls_per_target: usize) -> Self {
        Self(Arc::new(Inner { environment: Mutex::new(environment), calls_per_target, made: Mutex::default() }))
    }

    /// Calls at once in one lane.
    pub fn calls_per_target(&self) -> usize {
        self.0.calls_per_target
    }

    fn lock(&self) -> MutexGuard<'_, Made> {
        self.0.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connector for a window. `text` is the content of the blob `settings`.
    pub fn target(&self, window: Place, settings: BlobId, text: &[u8]) -> Result<Arc<Target>, CallError> {
        if let Some(target) = self.lock().targets.get(&(window, settings)) {
            return Ok(Arc::clone(target));
        }
        let unreadable = |_| CallError::Connect(ConnectError::Unusable("its settings are no text".to_owned()));
        // One line, as it is shown to people before they agree.
        let text = Text::from_blob(text, settings).map_err(unreadable)?;
        let made = Settings::parse(text.as_str()).map_err(ConnectError::from).map_err(CallError::Connect)?;
        let connector = {
            let environment = self.0.environment.lock().unwrap_or_else(PoisonError::into_inner);
            let environment = environment.as_ref().ok_or_else(|| {
                let why = "this system has no certificate authorities, and its configuration allows no targets";
                CallError::Connect(ConnectError::Unusable(why.to_owned()))
            })?;
            Connector::new(made.clone(), environment).map_err(CallError::Connect)?
        };
        let lane = Destination::of(&made).lane(window.0);
        let mut inner = self.lock();
        let calls = inner.calls.entry(lane).or_insert_with(|| Arc::new(Semaphore::new(self.0.calls_per_target)));
        let target =
            Arc::new(Target { settings: made, connector, calls: Arc::clone(calls), verifies: Default::default() });
        Ok(Arc::clone(inner.targets.entry((window, settings)).or_insert(target)))
    }

    /// Drops the connectors of windows that are over, with their connections.
    pub fn forget_closed(&self, opened: &Opened) {
        let mut inner = self.lock();
        inner.targets.retain(|(window, _), _| opened.window(*window).is_some());
        inner.calls.retain(|_, calls| Arc::strong_count(calls) > 1);
    }
}

impl Connectors {
    /// From now on connectors get this of the configuration; those that there are are made anew with their next call.
    pub fn change(&self, environment: Option<Environment>) {
        *self.0.environment.lock().unwrap_or_else(PoisonError::into_inner) = environment;
        self.lock().targets.clear();
    }
}

impl Target {
    /// Calls the connector with what a window holds, once there is room at the target. Cut off when the window is over.
    pub async fn call<T>(
        &self,
        window: &Window,
        call: impl AsyncFnOnce(&Connector, &Login) -> Result<T, ConnectError>,
    ) -> Result<T, CallError> {
        let called = self.call_with(window, &window.login, call).await;
        if let Err(CallError::Connect(ConnectError::Denied { .. })) = called {
            window.refused(Instant::now());
        }
        called
    }

    /// The same, with another login that is open as long as the window.
    pub async fn call_with<T>(
        &self,
        window: &Window,
        login: &Login,
        call: impl AsyncFnOnce(&Connector, &Login) -> Result<T, ConnectError>,
    ) -> Result<T, CallError> {
        self.call_when(window, async {
            // The semaphore is never closed.
            let _room = self.calls.acquire().await;
            call(&self.connector, login).await
        })
        .await
    }

    /// Whether what a window holds works. Somebody waits for the answer, so that it is given at once or not at all: what
    /// is to end goes before.
    pub async fn verify(&self, window: &Window) -> Result<bool, CallError> {
        let Ok(_room) = self.calls.try_acquire() else { return Err(CallError::Busy) };
        let Ok(_alone) = self.verifies.try_lock() else { return Err(CallError::Busy) };
        let works = self.call_when(window, self.connector.verify(&window.login)).await?;
        if !works {
            window.refused(Instant::now());
        }
        Ok(works)
    }

    async fn call_when<T>(
        &self,
        window: &Window,
        call: impl Future<Output = Result<T, ConnectError>>,
    ) -> Result<T, CallError> {
        let mut wiped = window.wiped.clone();
        tokio::select! {
            biased;
            // Its other end goes when it is wiped.
            _ = wiped.changed() => Err(CallError::Wiped),
            called = call => called.map_err(|error| {
                tracing::info!(error = &error as &dyn std::error::Error, kind = self.settings.kind(), "a call to a target failed");
                CallError::Connect(error)
            }),
        }
    }
}
