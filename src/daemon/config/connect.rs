//! `[connect]`: what connectors may do from this server.
//!
//! Whoever may deposit an account says how its target is reached; this table says which targets that can be at all.
//! An empty list allows none, so that no member can make the server connect to anything its technician did not name.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, Origin, within};
use crate::connect::settings::Target;
use crate::connect::{Environment, TIME_LIMIT};

/// What connectors may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// The targets that connectors may reach.
    pub targets: BTreeSet<Target>,
    /// For one call to a target.
    pub time_limit: Duration,
    /// Calls at once to one target.
    pub calls_per_target: usize,
}

/// The table as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    targets: Vec<String>,
    time_limit_seconds: u64,
    calls_per_target: u64,
}

impl Default for Table {
    fn default() -> Self {
        Self { targets: Vec::new(), time_limit_seconds: TIME_LIMIT.as_secs(), calls_per_target: 4 }
    }
}

impl Table {
    pub(super) fn check(self, path: &Path) -> Result<Connect, ConfigError> {
        let mut targets = BTreeSet::new();
        for text in self.targets {
            let origin = Origin { path, key: "connect.targets", overridden: false };
            let must = "must be host:port, such as db.example.org:5432 or [2001:db8::1]:5432";
            targets.insert(Target::parse(&text).map_err(|_| origin.refuse(&text, must))?);
        }
        let seconds = within(path, "connect.time_limit_seconds", self.time_limit_seconds, None, 1..=600)?;
        Ok(Connect {
            targets,
            time_limit: Duration::from_secs(seconds),
            calls_per_target: within(path, "connect.calls_per_target", self.calls_per_target, None, 1..=64)?,
        })
    }
}

impl Connect {
    /// The table's text with these values.
    pub(super) fn to_toml(&self) -> String {
        let targets = self.targets.iter().map(|target| toml::Value::String(target.to_string()));
        let targets = toml::Value::Array(targets.collect());
        let (limit, calls) = (self.time_limit.as_secs(), self.calls_per_target);
        format!(
            r#"
[connect]
# Targets that connectors may reach, as in ["db.example.org:5432", "[2001:db8::1]:636"]. Empty: none at all. Whoever may
# deposit accounts chooses among these.
targets = {targets}

# Seconds for one call to a target (1 to 600).
time_limit_seconds = {limit}

# Calls at once to one target (1 to 64).
calls_per_target = {calls}
"#
        )
    }

    /// What connectors get of it; none on a system without certificate authorities, where nothing is to be reached.
    ///
    /// # Errors
    /// Where targets are to be reached without them.
    pub fn environment(&self) -> Result<Option<Environment>, std::io::Error> {
        match Environment::new(self.targets.clone()) {
            Ok(environment) => Ok(Some(Environment { time_limit: self.time_limit, ..environment })),
            Err(_) if self.targets.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
