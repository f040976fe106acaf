//! The configuration, read again while the daemon runs: what of it counts at once, and what only after a restart.
//!
//! A restart closes everything that was opened to the daemon, and trustees would have to agree anew: what a technician
//! changes most, the targets, does not need one. Nothing of a configuration that is not right is taken. This module
//! must never change the server's key: clients pin it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::config::{Config, Limits, Overrides};
use super::logging::Logging;
use super::metrics::Metrics;
use super::work::target::Connectors;
use super::{DaemonError, key};
use crate::escrow::key::VerifyingKey;

/// What counts at once, by its names in the file.
pub const AT_ONCE: &[&str] = &[
    "log.level",
    "limits.requests_per_minute",
    "limits.request_timeout_seconds",
    "limits.handshake_timeout_seconds",
    "limits.stranger_stay_seconds",
    "connect.targets",
    "connect.exec",
    "connect.time_limit_seconds",
];

/// A running daemon's way to read its configuration again.
pub struct Reload {
    pub(super) folder: PathBuf,
    pub(super) overrides: Overrides,
    pub(super) in_effect: Mutex<Config>,
    pub(super) limits: watch::Sender<Limits>,
    pub(super) connectors: Connectors,
    pub(super) metrics: Metrics,
    pub(super) server_key: VerifyingKey,
}

/// What came of it: keys of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Changed, and in effect now.
    pub taken: Vec<String>,
    /// Changed, and in effect after a restart.
    pub left: Vec<String>,
}

impl Reload {
    /// Reads the configuration and the system's certificate authorities again, takes what counts at once, and says in
    /// the log what does and what does not.
    ///
    /// # Errors
    /// Where the configuration is not right, or targets are to be reached without authorities: everything is as before.
    pub fn run(&self, logging: Option<&Logging>) -> Result<Taken, DaemonError> {
        let done = self.take(logging);
        self.metrics.reloaded(done.is_ok());
        match &done {
            Ok(Taken { taken, left }) => {
                tracing::info!(?taken, "the configuration was read again");
                if !left.is_empty() {
                    tracing::warn!(?left, "these changes count only after a restart");
                }
            }
            Err(error) => {
                tracing::error!(
                    error = error as &dyn std::error::Error,
                    "the configuration was read again and is not right: everything is as before"
                );
            }
        }
        done
    }

    fn take(&self, logging: Option<&Logging>) -> Result<Taken, DaemonError> {
        let mut in_effect = self.in_effect.lock().unwrap_or_else(PoisonError::into_inner);
        let read = Config::load(&self.folder, &self.overrides)?;
        let environment = read.connect.environment().map_err(DaemonError::Authorities)?;
        let key = key::load(&self.folder)?;
        if key.public() != self.server_key {
            tracing::error!(
                "server.key is another key now; clients trust the one that this daemon was started with and would \
                 refuse any other: put it back"
            );
        }
        let (before, after) = (keys(&in_effect), keys(&read));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned();
        let (taken, left) = changed.partition(|name: &String| AT_ONCE.contains(&name.as_str()));

        in_effect.log_level = read.log_level;
        in_effect.limits = Limits {
            max_message_bytes: in_effect.limits.max_message_bytes,
            max_connections: in_effect.limits.max_connections,
            streams_per_connection: in_effect.limits.streams_per_connection,
            ..read.limits
        };
        in_effect.connect.targets = read.connect.targets;
        in_effect.connect.exec = read.connect.exec;
        in_effect.connect.time_limit = read.connect.time_limit;
        if let Some(logging) = logging {
            logging.set(in_effect.log_level);
        }
        self.limits.send_replace(in_effect.limits.clone());
        self.connectors.change(environment);
        Ok(Taken { taken, left })
    }
}

/// Every key of the file with its value; a program of `connect.exec` is part of that one key.
fn keys(config: &Config) -> BTreeMap<String, toml::Value> {
    let mut keys = BTreeMap::new();
    // What this program writes it reads, too.
    let tables: toml::Table = config.to_toml().parse().unwrap_or_default();
    for (name, value) in tables {
        match value {
            toml::Value::Table(table) => {
                keys.extend(table.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)));
            }
            value => drop(keys.insert(name, value)),
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_at_once_is_in_the_file_and_said_there() {
        let config = Config::new("escrow.example.org:7443", "[::]:7443".parse().unwrap()).unwrap();
        let text = config.to_toml() + "[connect.exec.x]\nprogram = \"/bin/true\"\n";
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(super::super::config::FILE), text).unwrap();
        let keys = keys(&Config::load(folder.path(), &Overrides::default()).unwrap());
        for name in AT_ONCE {
            assert!(keys.contains_key(*name), "{name}");
        }
        assert!(keys.contains_key("name") && keys.contains_key("limits.max_connections"));
        let said = "log.level; of [limits] requests_per_minute and all seconds;\n# of [connect] targets, exec and \
                    time_limit_seconds";
        assert!(config.to_toml().contains(said));
        let seconds = keys.keys().filter(|name| name.starts_with("limits.") && name.ends_with("_seconds"));
        assert!(seconds.clone().count() == 3 && seconds.clone().all(|name| AT_ONCE.contains(&name.as_str())));
    }
}
