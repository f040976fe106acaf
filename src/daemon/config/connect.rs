//! `[connect]`: what connectors may do from this server.
//!
//! Whoever may deposit an account says how its target is reached; this table says which targets that can be at all.
//! An empty list allows none, so that no member can make the server connect to anything its technician did not name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, Origin, within};
use crate::connect::exec::Program;
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
    /// The folder of revocation lists of SSH authorities; none are kept without one.
    pub krl_folder: Option<PathBuf>,
    /// The programs of `exec` connectors, by name.
    pub exec: BTreeMap<String, Exec>,
}

/// A program that connectors may run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// Where it is: an absolute path.
    pub program: PathBuf,
    /// What it is started with, before anything else.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// As whom it runs: a name, or `uid:gid`; left out: as the daemon.
    pub user: Option<String>,
}

/// The table as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    targets: Vec<String>,
    time_limit_seconds: u64,
    calls_per_target: u64,
    krl_folder: Option<PathBuf>,
    exec: BTreeMap<String, Exec>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            time_limit_seconds: TIME_LIMIT.as_secs(),
            calls_per_target: 4,
            krl_folder: None,
            exec: BTreeMap::new(),
        }
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
        for (name, exec) in &self.exec {
            let origin = Origin { path, key: "connect.exec", overridden: false };
            exec.program().map_err(|bad| origin.refuse(name, format!("cannot be used: {bad}")))?;
        }
        if let Some(folder) = self.krl_folder.as_ref().filter(|folder| !folder.is_absolute()) {
            let origin = Origin { path, key: "connect.krl_folder", overridden: false };
            return Err(origin.refuse(folder.display(), "must be an absolute path"));
        }
        let seconds = within(path, "connect.time_limit_seconds", self.time_limit_seconds, None, 1..=600)?;
        Ok(Connect {
            targets,
            time_limit: Duration::from_secs(seconds),
            calls_per_target: within(path, "connect.calls_per_target", self.calls_per_target, None, 1..=64)?,
            krl_folder: self.krl_folder,
            exec: self.exec,
        })
    }
}

impl Exec {
    fn program(&self) -> Result<Program, crate::connect::exec::BadProgram> {
        Program::new(&self.program, self.arguments.clone(), self.user.as_deref())
    }

    fn to_toml(&self, name: &str) -> String {
        let text = |text: &str| toml::Value::String(text.to_owned());
        let mut lines =
            format!("\n[connect.exec.{}]\nprogram = {}\n", text(name), text(&self.program.to_string_lossy()));
        if !self.arguments.is_empty() {
            let arguments = self.arguments.iter().map(|argument| text(argument)).collect();
            lines += &format!("arguments = {}\n", toml::Value::Array(arguments));
        }
        if let Some(user) = &self.user {
            lines += &format!("user = {}\n", text(user));
        }
        lines
    }
}

impl Connect {
    /// The table's text with these values.
    pub(super) fn to_toml(&self) -> String {
        let targets = self.targets.iter().map(|target| toml::Value::String(target.to_string()));
        let targets = toml::Value::Array(targets.collect());
        let programs: String = self.exec.iter().map(|(name, exec)| exec.to_toml(name)).collect();
        let (limit, calls) = (self.time_limit.as_secs(), self.calls_per_target);
        let folder = match &self.krl_folder {
            Some(folder) => format!("krl_folder = {}", toml::Value::String(folder.to_string_lossy().into_owned())),
            None => "# krl_folder = \"/var/lib/sequestre-krl\"".to_owned(),
        };
        format!(
            r#"
[connect]
# Targets that connectors may reach, as in ["db.example.org:5432", "[2001:db8::1]:636"]. Empty: none at all. Whoever may
# deposit accounts chooses among these.
targets = {targets}

# Seconds for one call to a target (1 to 600).
time_limit_seconds = {limit}

# Calls at once to one target, and of one association to one program (1 to 64).
calls_per_target = {calls}

# Folder of the lists of revoked SSH certificates, one file for each authority (SHA256-….krl, named by the fingerprint
# of its public key), for a web server or rsync to hand out: targets fetch theirs and read it as RevokedKeys. Left out:
# none are kept, and `sequestre ssh krl` makes them by hand.
{folder}

# Programs that `exec` connectors may run, each in a table of its own (deploy/connectors/README.md):
# [connect.exec.dovecot]
# program = "/usr/local/lib/sequestre/dovecot.py"
# arguments = []
# user = "vmail"
{programs}"#
        )
    }

    /// What connectors get of it; none on a system without certificate authorities, where nothing is to be reached.
    ///
    /// # Errors
    /// Where targets are to be reached without them.
    pub fn environment(&self) -> Result<Option<Environment>, std::io::Error> {
        match Environment::new(self.targets.clone()) {
            Ok(environment) => {
                // Those that cannot be used were refused when the file was read.
                let program = |(name, exec): (&String, &Exec)| Some((name.clone(), exec.program().ok()?));
                let programs = self.exec.iter().filter_map(program).collect();
                Ok(Some(Environment { time_limit: self.time_limit, programs, ..environment }))
            }
            Err(_) if self.targets.is_empty() && self.exec.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
