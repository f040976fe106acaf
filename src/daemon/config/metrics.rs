//! `[metrics]`: where the daemon tells its numbers.
//!
//! They hold no secret and no name, but they tell how busy an association is, and nobody is asked who they are: so they
//! are told on this machine only, unless the configuration says otherwise in so many words.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use super::{ConfigError, Origin, Overrides};

/// Where the daemon tells its numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics {
    /// The address; none: nowhere.
    pub listen: Option<SocketAddr>,
    /// Whether that may be an address that other machines reach.
    pub beyond_loopback: bool,
}

/// The table as it is read.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Table {
    listen: Option<SocketAddr>,
    beyond_loopback: bool,
}

impl Table {
    pub(super) fn check(self, path: &Path, over: &Overrides) -> Result<Metrics, ConfigError> {
        let listen = over.metrics_listen.or(self.listen);
        let beyond_loopback = over.metrics_beyond_loopback.unwrap_or(self.beyond_loopback);
        if let Some(listen) = listen.filter(|listen| !beyond_loopback && !listen.ip().to_canonical().is_loopback()) {
            let origin = Origin { path, key: "metrics.listen", overridden: over.metrics_listen.is_some() };
            let must = "must be an address of this machine only, such as 127.0.0.1:9743, unless \
                        metrics.beyond_loopback is true: whoever reaches it can read it";
            return Err(origin.refuse(listen, must));
        }
        Ok(Metrics { listen, beyond_loopback })
    }
}

impl Metrics {
    /// The table's text with these values.
    pub(super) fn to_toml(&self) -> String {
        let Self { listen, beyond_loopback } = self;
        let listen = match listen {
            Some(listen) => format!("listen = \"{listen}\""),
            None => "# listen = \"127.0.0.1:9743\"".to_owned(),
        };
        format!(
            r#"
[metrics]
# Address and port where Prometheus reads the daemon's numbers, at /metrics, over HTTP and without any password. Left out:
# nowhere. They hold no secrets, names, labels, reasons or addresses of people.
{listen}

# true: that address may be one that other machines reach. Whoever reaches it can read it: see to it that it is only your
# Prometheus.
beyond_loopback = {beyond_loopback}
"#
        )
    }
}
