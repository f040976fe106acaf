//! The daemon's configuration: one commented TOML file in the data folder.
//!
//! Options and `SEQUESTRED_*` environment variables override the file, value by value. Unknown keys are refused, so
//! that a misspelt limit is not silently the default. Nothing here is secret. This module must never change a file
//! that exists.

mod connect;
mod metrics;

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::key::write_once;
use crate::seal::invitation::ServerAddress;
pub use connect::Connect;
pub use metrics::Metrics;

/// The file's name in the data folder.
pub const FILE: &str = "sequestred.toml";

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file system refused.
    #[error("could not {doing} {}; check that the folder exists and its owner", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not TOML, a key that is unknown or missing, or a value of the wrong type.
    #[error("{} is not right; correct it:\n{}", path.display(), source.to_string().trim_end())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// A value outside what is possible.
    #[error("{key} in {origin} is {value}, but it {must}; correct it")]
    Value {
        /// The key, as in the file.
        key: &'static str,
        /// The file, or option and environment variable.
        origin: String,
        /// What stands there.
        value: String,
        /// What it has to be.
        must: String,
    },
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line, for programs.
    Json,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What needs the technician.
    Error,
    /// What is odd.
    Warn,
    /// Starting, stopping, what is written and what is refused.
    Info,
    /// Every call.
    Debug,
    /// Everything.
    Trace,
}

/// The names of values, the same in the file, in options and in what `config` prints.
macro_rules! names {
    ($type:ident: $($variant:ident = $name:literal),*) => {
        impl Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $(Self::$variant => $name),* })
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($name => Ok(Self::$variant),)*
                    _ => Err([$($name),*].join(" or ")),
                }
            }
        }
    };
}

names!(LogFormat: Human = "human", Json = "json");
names!(LogLevel: Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace");

/// What a stranger or a broken client can use up at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest message taken, in bytes.
    pub max_message_bytes: usize,
    /// Connections at once. One person has at most one in 32; devices that no log vouches for share a quarter.
    pub max_connections: usize,
    /// Calls at once on one connection.
    pub streams_per_connection: u32,
    /// Calls a minute of one person, or of all strangers at one network address.
    pub requests_per_minute: u32,
    /// For a call to be answered (for a stream: to begin).
    pub request_timeout: Duration,
    /// For a connection to be established.
    pub handshake_timeout: Duration,
    /// How long a connection lasts whose device no log vouched for when it began.
    pub stranger_stay: Duration,
}

/// The configuration in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The name under which clients reach the daemon, with a port if it is not that of `listen`.
    pub name: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// How log lines look.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: LogLevel,
    /// Limits.
    pub limits: Limits,
    /// Where the daemon tells its numbers.
    pub metrics: Metrics,
    /// What connectors may do.
    pub connect: Connect,
}

/// Values that replace those of the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Overrides {
    /// Name under which clients reach the daemon: host, or host:port.
    #[arg(long, env = "SEQUESTRED_NAME")]
    pub name: Option<String>,
    /// Address and port to listen on.
    #[arg(long, env = "SEQUESTRED_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// How log lines look: human or json.
    #[arg(long, env = "SEQUESTRED_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug or trace.
    #[arg(long, env = "SEQUESTRED_LOG_LEVEL")]
    pub log_level: Option<LogLevel>,
    /// Longest message taken, in bytes.
    #[arg(long, env = "SEQUESTRED_MAX_MESSAGE_BYTES")]
    pub max_message_bytes: Option<u64>,
    /// Connections at once.
    #[arg(long, env = "SEQUESTRED_MAX_CONNECTIONS")]
    pub max_connections: Option<u64>,
    /// Calls at once on one connection.
    #[arg(long, env = "SEQUESTRED_STREAMS_PER_CONNECTION")]
    pub streams_per_connection: Option<u64>,
    /// Calls a minute of one person.
    #[arg(long, env = "SEQUESTRED_REQUESTS_PER_MINUTE")]
    pub requests_per_minute: Option<u64>,
    /// Seconds for a call to be answered.
    #[arg(long, env = "SEQUESTRED_REQUEST_TIMEOUT_SECONDS")]
    pub request_timeout_seconds: Option<u64>,
    /// Seconds for a connection to be established.
    #[arg(long, env = "SEQUESTRED_HANDSHAKE_TIMEOUT_SECONDS")]
    pub handshake_timeout_seconds: Option<u64>,
    /// Seconds that a connection of an unknown device lasts.
    #[arg(long, env = "SEQUESTRED_STRANGER_STAY_SECONDS")]
    pub stranger_stay_seconds: Option<u64>,
    /// Address and port where Prometheus reads the daemon's numbers.
    #[arg(long, env = "SEQUESTRED_METRICS_LISTEN")]
    pub metrics_listen: Option<SocketAddr>,
    /// Whether that may be an address that other machines reach: true or false.
    #[arg(long, env = "SEQUESTRED_METRICS_BEYOND_LOOPBACK", value_name = "TRUE_OR_FALSE")]
    pub metrics_beyond_loopback: Option<bool>,
}

/// The file as it is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    listen: SocketAddr,
    #[serde(default)]
    log: LogTable,
    #[serde(default)]
    limits: LimitsTable,
    #[serde(default)]
    metrics: metrics::Table,
    #[serde(default)]
    connect: connect::Table,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LogTable {
    format: LogFormat,
    level: LogLevel,
}

impl Default for LogTable {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: LogLevel::Info }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsTable {
    max_message_bytes: u64,
    max_connections: u64,
    streams_per_connection: u64,
    requests_per_minute: u64,
    request_timeout_seconds: u64,
    handshake_timeout_seconds: u64,
    stranger_stay_seconds: u64,
}

impl Default for LimitsTable {
    fn default() -> Self {
        Self {
            max_message_bytes: 5 << 20,
            max_connections: 512,
            streams_per_connection: 32,
            requests_per_minute: 600,
            request_timeout_seconds: 30,
            handshake_timeout_seconds: 10,
            stranger_stay_seconds: 600,
        }
    }
}

/// A value, with where it comes from.
struct Origin<'a> {
    path: &'a Path,
    key: &'static str,
    overridden: bool,
}

impl Origin<'_> {
    fn refuse(&self, value: impl Display, must: impl Into<String>) -> ConfigError {
        let origin = if self.overridden {
            // As in the file, but for the limits and the log, whose options do not name their table.
            let bare = self.key.trim_start_matches("limits.").trim_start_matches("log.").replace('.', "_");
            let (option, variable) = (bare.replace('_', "-"), bare.to_uppercase());
            format!("the option --{option} or the variable SEQUESTRED_{variable}")
        } else {
            self.path.display().to_string()
        };
        ConfigError::Value { key: self.key, origin, value: value.to_string(), must: must.into() }
    }
}

fn within<T: TryFrom<u64>>(
    path: &Path,
    key: &'static str,
    file: u64,
    over: Option<u64>,
    range: RangeInclusive<u64>,
) -> Result<T, ConfigError> {
    let value = over.unwrap_or(file);
    let origin = Origin { path, key, overridden: over.is_some() };
    let must = || format!("must be {} to {}", range.start(), range.end());
    let parsed = T::try_from(value).ok().filter(|_| range.contains(&value));
    parsed.ok_or_else(|| origin.refuse(value, must()))
}

impl Config {
    /// A new daemon's configuration: the defaults.
    pub fn new(name: &str, listen: SocketAddr) -> Result<Self, ConfigError> {
        let (log, limits) = (LogTable::default(), LimitsTable::default());
        let (metrics, connect) = (metrics::Table::default(), connect::Table::default());
        let file = File { name: name.to_owned(), listen, log, limits, metrics, connect };
        let path = Path::new("the option --name");
        Self::check(path, file, &Overrides::default())
    }

    /// Reads the file of the data folder `dir`; `overrides` go before it.
    pub fn load(dir: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let path = dir.join(FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Io {
            doing: "read",
            path: path.clone(),
            source,
        })?;
        let file = toml::from_str(&text)
            .map_err(|source| ConfigError::Syntax { path: path.clone(), source: Box::new(source) })?;
        Self::check(&path, file, overrides)
    }

    fn check(path: &Path, file: File, over: &Overrides) -> Result<Self, ConfigError> {
        let limits = file.limits;
        let seconds = |key, file, over| within(path, key, file, over, 1..=3600).map(Duration::from_secs);
        let config = Self {
            name: over.name.clone().unwrap_or(file.name),
            listen: over.listen.unwrap_or(file.listen),
            log_format: over.log_format.unwrap_or(file.log.format),
            log_level: over.log_level.unwrap_or(file.log.level),
            limits: Limits {
                // Less than a command with its largest blob would make deposits impossible.
                max_message_bytes: within(
                    path,
                    "limits.max_message_bytes",
                    limits.max_message_bytes,
                    over.max_message_bytes,
                    512 << 10..=64 << 20,
                )?,
                max_connections: within(
                    path,
                    "limits.max_connections",
                    limits.max_connections,
                    over.max_connections,
                    4..=100_000,
                )?,
                streams_per_connection: within(
                    path,
                    "limits.streams_per_connection",
                    limits.streams_per_connection,
                    over.streams_per_connection,
                    1..=1_000,
                )?,
                requests_per_minute: within(
                    path,
                    "limits.requests_per_minute",
                    limits.requests_per_minute,
                    over.requests_per_minute,
                    1..=1_000_000,
                )?,
                request_timeout: seconds(
                    "limits.request_timeout_seconds",
                    limits.request_timeout_seconds,
                    over.request_timeout_seconds,
                )?,
                handshake_timeout: seconds(
                    "limits.handshake_timeout_seconds",
                    limits.handshake_timeout_seconds,
                    over.handshake_timeout_seconds,
                )?,
                stranger_stay: seconds(
                    "limits.stranger_stay_seconds",
                    limits.stranger_stay_seconds,
                    over.stranger_stay_seconds,
                )?,
            },
            metrics: file.metrics.check(path, over)?,
            connect: file.connect.check(path)?,
        };
        if config.address_at(config.listen.port().max(1)).is_none() {
            let origin = Origin { path, key: "name", overridden: over.name.is_some() };
            return Err(origin.refuse(&config.name, "must be a host name or an address, with or without ':port'"));
        }
        Ok(config)
    }

    /// `host:port`, as codes and invitations name the daemon. The port is that of the name, else `port`.
    fn address_at(&self, port: u16) -> Option<ServerAddress> {
        let whole = ServerAddress::parse(&self.name).ok();
        let address = whole.or_else(|| ServerAddress::parse(&format!("{}:{port}", self.name)).ok())?;
        let host = address.as_str().rsplit_once(':')?.0;
        let bracketed = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let possible = match bracketed {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-'),
        };
        possible.then_some(address)
    }

    /// `host:port`, as codes and invitations name the daemon; `None` if neither the name nor `listen` has a port.
    pub fn address(&self) -> Option<ServerAddress> {
        self.address_at(self.listen.port())
    }

    /// The file's text with these values.
    pub fn to_toml(&self) -> String {
        let Self { name, listen, log_format, log_level, limits, metrics, connect } = self;
        let (metrics, connect) = (metrics.to_toml(), connect.to_toml());
        let name = toml::Value::String(name.clone());
        let (request, handshake) = (limits.request_timeout.as_secs(), limits.handshake_timeout.as_secs());
        let stay = limits.stranger_stay.as_secs();
        let Limits { max_message_bytes, max_connections, streams_per_connection, requests_per_minute, .. } = limits;
        format!(
            r#"# The configuration of sequestred. Each value can be overridden by an option of `sequestred run`
# (`--max-connections 100`) or an environment variable (`SEQUESTRED_MAX_CONNECTIONS=100`).
# `sequestred config` prints the values in effect. The daemon reads this file when it starts, and again on SIGHUP
# (`systemctl reload sequestred`). Then these count at once: log.level; of [limits] requests_per_minute and all seconds;
# of [connect] targets, exec and time_limit_seconds. For everything else it says in its log that it has to be restarted.

# The name under which clients reach this daemon; with ':port' if they use another port than that of `listen`.
# It stands in founding codes and invitations. Certificates do not contain it: clients go by the server's key.
name = {name}

# Address and port to listen on. [::] and 0.0.0.0 mean every address of this machine.
listen = "{listen}"

[log]
# human: for people. json: one object a line. Both go to standard error.
format = "{log_format}"

# error, warn, info, debug or trace. No level shows secrets, tokens or texts.
level = "{log_level}"

[limits]
# Longest message taken, in bytes (524288 to 67108864). A deposit with its blobs is at most 4 MiB.
max_message_bytes = {max_message_bytes}

# Connections at once (4 to 100000). One person has at most one in 32, devices that no log vouches for share a quarter.
max_connections = {max_connections}

# Calls at once on one connection (1 to 1000).
streams_per_connection = {streams_per_connection}

# Calls a minute of one person, or of all strangers at one network address (1 to 1000000).
requests_per_minute = {requests_per_minute}

# Seconds for a call to be answered; for a stream, to begin (1 to 3600).
request_timeout_seconds = {request}

# Seconds for a connection to be established (1 to 3600).
handshake_timeout_seconds = {handshake}

# Seconds that a connection of a device lasts that no log vouched for when it began (1 to 3600). A newcomer's
# program connects again by itself.
stranger_stay_seconds = {stay}
{metrics}{connect}"#
        )
    }

    /// Writes the file into the data folder `dir`. Never overwrites another one.
    pub fn write_new(&self, dir: &Path) -> Result<(), ConfigError> {
        let (path, text) = (dir.join(FILE), self.to_toml());
        let written = write_once(&path, text.as_bytes()).and_then(|written| {
            // The same is from an attempt that was cut short.
            let same = written || std::fs::read(&path)? == text.as_bytes();
            if same { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
        });
        written.map_err(|source| ConfigError::Io { doing: "write", path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen() -> SocketAddr {
        "[::]:7443".parse().unwrap()
    }

    fn load(text: &str, overrides: &Overrides) -> Result<Config, ConfigError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), text).unwrap();
        Config::load(dir.path(), overrides)
    }

    #[test]
    fn what_is_written_reads_back() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::new("escrow.example.org", listen()).unwrap();
        config.write_new(dir.path()).unwrap();
        assert_eq!(Config::load(dir.path(), &Overrides::default()).unwrap(), config);
        config.write_new(dir.path()).unwrap();
        let other = Config::new("other.example.org", listen()).unwrap();
        assert!(matches!(other.write_new(dir.path()), Err(ConfigError::Io { doing: "write", .. })));
        let minimal = load("name = \"escrow.example.org\"\nlisten = \"[::]:7443\"", &Overrides::default()).unwrap();
        assert_eq!(minimal, config, "what is left out is as init writes it");
        let two = "targets = [\"DB.example.org:5432\", \"[::1]:636\"]";
        let config = load(&config.to_toml().replace("targets = []", two), &Overrides::default()).unwrap();
        assert_eq!(config.connect.targets.len(), 2);
        assert_eq!(load(&config.to_toml(), &Overrides::default()).unwrap(), config);
        let exec = "[connect.exec.\"a b\"]\nprogram = \"/bin/true\"\narguments = [\"-x\"]\nuser = \"65534:65534\"\n";
        let config = load(&(config.to_toml() + exec), &Overrides::default()).unwrap();
        assert_eq!(config.connect.exec["a b"].arguments, ["-x"]);
        assert_eq!(load(&config.to_toml(), &Overrides::default()).unwrap(), config);
    }

    #[test]
    fn every_value_can_be_overridden_and_is_shown() {
        let overrides = Overrides {
            name: Some("other.example:1".into()),
            listen: Some("127.0.0.1:2".parse().unwrap()),
            log_format: Some(LogFormat::Json),
            log_level: Some(LogLevel::Debug),
            max_message_bytes: Some(1 << 20),
            max_connections: Some(5),
            streams_per_connection: Some(6),
            requests_per_minute: Some(7),
            request_timeout_seconds: Some(8),
            handshake_timeout_seconds: Some(9),
            stranger_stay_seconds: Some(10),
            metrics_listen: Some("192.0.2.1:9".parse().unwrap()),
            metrics_beyond_loopback: Some(true),
        };
        let written = Config::new("escrow.example.org", listen()).unwrap().to_toml();
        let config = load(&written, &overrides).unwrap();
        assert_eq!(load(&config.to_toml(), &Overrides::default()).unwrap(), config);
        assert_eq!((config.name.as_str(), config.log_level), ("other.example:1", LogLevel::Debug));
        assert_eq!(config.limits.stranger_stay, Duration::from_secs(10));
        assert_eq!((config.metrics.listen, config.metrics.beyond_loopback), (overrides.metrics_listen, true));
    }

    #[test]
    fn errors_name_key_and_origin() {
        let good = Config::new("escrow.example.org", listen()).unwrap().to_toml();
        for (text, named) in [
            (good.replace("max_connections", "max_conections"), "max_conections"),
            (good.replace("max_connections = 512", "max_connections = 0"), "limits.max_connections"),
            (good.replace("max_connections = 512", "max_connections = \"many\""), "max_connections"),
            (good.replace("level = \"info\"", "level = \"loud\""), "loud"),
            (good.replace("\nname =", "\n#"), "name"),
            (good.replace("escrow.example.org\"", "not a name\""), "name"),
            (good.replace("targets = []", "targets = [\"db.example.org\"]"), "connect.targets"),
            (good.clone() + "[connect.exec.x]\nprogram = \"true\"\n", "connect.exec"),
            (good.replace("calls_per_target = 4", "calls_per_target = 0"), "connect.calls_per_target"),
            (good.replace("request_timeout_seconds = 30", "request_timeout_seconds = -1"), "request_timeout_seconds"),
            ("[".to_owned(), FILE),
        ] {
            let error = load(&text, &Overrides::default()).unwrap_err().to_string();
            assert!(error.contains(named) && error.contains(FILE), "{named}: {error}");
        }
        let overrides = Overrides { requests_per_minute: Some(0), ..Overrides::default() };
        let error = load(&good, &overrides).unwrap_err().to_string();
        assert!(
            error.contains("--requests-per-minute") && error.contains("SEQUESTRED_REQUESTS_PER_MINUTE"),
            "{error}"
        );
        let beyond = Overrides { metrics_listen: Some("192.0.2.1:9".parse().unwrap()), ..Overrides::default() };
        let error = load(&good, &beyond).unwrap_err().to_string();
        assert!(error.contains("--metrics-listen") && error.contains("SEQUESTRED_METRICS_LISTEN"), "{error}");
        let missing = Config::load(Path::new("/nonexistent"), &Overrides::default()).unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/sequestred.toml"));
    }

    #[test]
    fn the_numbers_are_told_on_this_machine_only_unless_it_is_said_in_so_many_words() {
        let good = Config::new("escrow.example.org", listen()).unwrap().to_toml();
        let at = |line: &str| load(&good.replace("# listen = \"127.0.0.1:9743\"", line), &Overrides::default());
        assert_eq!(load(&good, &Overrides::default()).unwrap().metrics.listen, None);
        for here in ["127.0.0.1:9743", "127.9.9.9:1", "[::1]:9743", "[::ffff:127.0.0.1]:9743"] {
            let config = at(&format!("listen = \"{here}\"")).unwrap();
            assert_eq!(config.metrics.listen, Some(here.parse().unwrap()));
            assert_eq!(load(&config.to_toml(), &Overrides::default()).unwrap(), config);
        }
        for beyond in ["0.0.0.0:9743", "[::]:9743", "192.0.2.1:9743", "[::ffff:192.0.2.1]:9743", "10.0.0.1:9743"] {
            let error = at(&format!("listen = \"{beyond}\"")).unwrap_err().to_string();
            assert!(error.contains("metrics.listen") && error.contains(FILE), "{error}");
            let said = good.replace("beyond_loopback = false", "beyond_loopback = true");
            let said = said.replace("# listen = \"127.0.0.1:9743\"", &format!("listen = \"{beyond}\""));
            assert!(load(&said, &Overrides::default()).unwrap().metrics.beyond_loopback, "{beyond}");
        }
    }

    #[test]
    fn the_address_has_the_names_port_or_that_of_the_listener() {
        let address = |name: &str, listen: &str| {
            Config::new(name, listen.parse().unwrap()).ok().and_then(|c| c.address()).map(|a| a.as_str().to_owned())
        };
        assert_eq!(address("a.example", "0.0.0.0:7443").as_deref(), Some("a.example:7443"));
        assert_eq!(address("a.example:443", "0.0.0.0:7443").as_deref(), Some("a.example:443"));
        assert_eq!(address("[::1]", "[::1]:7443").as_deref(), Some("[::1]:7443"));
        assert_eq!(address("192.0.2.1", "[::1]:7443").as_deref(), Some("192.0.2.1:7443"));
        assert_eq!(address("a.example", "0.0.0.0:0"), None);
        for bad in ["", "a b", "::1", "https://a.example", "a.example/x", "user@a.example", "a.example:0"] {
            assert!(Config::new(bad, listen()).is_err(), "{bad}");
        }
    }
}
