//! The daemon's log lines: to standard error, for people or as JSON, and never with a secret, a token or a text.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{Registry, reload};

use super::config::{Config, LogFormat, LogLevel};

/// What is logged, to be changed while the daemon runs.
pub struct Logging(reload::Handle<Targets, Registry>);

impl Logging {
    /// Sends log lines to standard error. Fails if the process logs already.
    pub fn start(config: &Config) -> Result<Self, TryInitError> {
        let (filter, handle) = reload::Layer::new(filter(config.log_level));
        let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
        let registry = tracing_subscriber::registry().with(filter);
        match config.log_format {
            LogFormat::Human => registry.with(lines).try_init()?,
            LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
        }
        Ok(Self(handle))
    }

    /// From now on this is logged.
    pub fn set(&self, level: LogLevel) {
        if let Err(error) = self.0.reload(filter(level)) {
            tracing::error!(%error, "what is logged could not be changed; restart the daemon");
        }
    }
}

/// Of the libraries, warnings and errors only: they know nothing of what must not be logged.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets([("sequestre", level), ("sequestred", level)])
}
