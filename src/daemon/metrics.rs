//! The daemon's numbers, for Prometheus: what it did since it started, and how things stand when somebody asks.
//!
//! | module | what it is for |
//! |---|---|
//! | `vitals` | what the log of one association says that its technician should know |
//! | `page` | everything as one text in the OpenMetrics format |
//! | `http` | the address where that text is read |
//!
//! What is counted as it happens is counted here; everything else is read when the page is made, from those who know it
//! anyway. Whoever reads the page is not asked who they are: it must never hold a secret, nor a name, label, reason or
//! text of anybody, nor an address. Associations stand in it with the beginning of their ids, methods and outcomes with
//! words of this program: what comes from outside makes no new line.

pub mod http;
mod page;
mod vitals;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub use self::page::Page;

/// What every name begins with.
const PREFIX: &str = "sequestre";

/// The method of calls to anything that is not ours.
const OTHER: &str = "other";

/// The methods that calls are told apart by.
const METHODS: &[(&str, &str)] = &[
    ("/sequestre.api.v1.Escrow/PrepareFounding", "PrepareFounding"),
    ("/sequestre.api.v1.Escrow/Submit", "Submit"),
    ("/sequestre.api.v1.Escrow/GetCheckpoint", "GetCheckpoint"),
    ("/sequestre.api.v1.Escrow/StreamEntries", "StreamEntries"),
    ("/sequestre.api.v1.Escrow/GetInclusionProof", "GetInclusionProof"),
    ("/sequestre.api.v1.Escrow/GetConsistencyProof", "GetConsistencyProof"),
    ("/sequestre.api.v1.Escrow/GetBlobs", "GetBlobs"),
    ("/sequestre.api.v1.Escrow/PutBlobs", "PutBlobs"),
    ("/sequestre.api.v1.Escrow/Cosign", "Cosign"),
    ("/sequestre.api.v1.Escrow/Collect", "Collect"),
    ("/sequestre.api.v1.Escrow/GetOpeningKeys", "GetOpeningKeys"),
    ("/sequestre.api.v1.Escrow/GetWrappingKey", "GetWrappingKey"),
    ("/sequestre.api.v1.Escrow/StreamCodes", "StreamCodes"),
    ("/sequestre.api.v1.Escrow/VerifyCredential", "VerifyCredential"),
    ("/sequestre.api.v1.Escrow/GetWork", "GetWork"),
    ("/sequestre.api.v1.Escrow/Watch", "Watch"),
    ("/grpc.health.v1.Health/Check", "Check"),
];

/// Why somebody has no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLink {
    /// The system had no socket to give, or the like.
    Accept,
    /// Too many handshakes from one network at once.
    Network,
    /// The handshake came to nothing.
    Handshake,
    /// It took too long.
    Timeout,
    /// Too many connections of devices that some log vouches for.
    Members,
    /// Too many of all others.
    Strangers,
}

/// Whose connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Of devices that some log vouched for when they began.
    Members,
    /// Of all others.
    Strangers,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Call {
    method: &'static str,
    outcome: String,
}

/// One label, whose value is a word of this program.
type Label = [(&'static str, &'static str); 1];

impl NoLink {
    const ALL: [Self; 6] =
        [Self::Accept, Self::Network, Self::Handshake, Self::Timeout, Self::Members, Self::Strangers];

    fn label(self) -> Label {
        let reason = match self {
            Self::Accept => "accept",
            Self::Network => "network",
            Self::Handshake => "handshake",
            Self::Timeout => "timeout",
            Self::Members => "members",
            Self::Strangers => "strangers",
        };
        [("reason", reason)]
    }
}

impl Whose {
    fn label(self) -> Label {
        [("of", if self == Self::Members { "members" } else { "strangers" })]
    }
}

fn outcome(taken: bool) -> Label {
    [("outcome", if taken { "taken" } else { "refused" })]
}

/// What is counted as it happens. Clones share it.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    requests: Family<Call, Counter>,
    durations: Family<Label, Histogram, fn() -> Histogram>,
    refused: Family<Label, Counter>,
    connections: Family<Label, Gauge>,
    reloads: Family<Label, Counter>,
}

/// A connection, counted until it is dropped.
pub struct Counted(Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::<Call, Counter>::default();
        registry.register(
            "requests",
            "Calls by method and outcome: ok, or the reason of a refusal",
            requests.clone(),
        );
        // From a millisecond to 16 seconds.
        let buckets: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let durations = Family::new_with_constructor(buckets);
        registry.register(
            "request_duration_seconds",
            "Seconds until a call was answered; of a stream, until it began",
            durations.clone(),
        );
        let refused = Family::<Label, Counter>::default();
        registry.register("connections_refused", "Connections that came to nothing, by why", refused.clone());
        let connections = Family::<Label, Gauge>::default();
        registry.register("connections", "Connections that stand", connections.clone());
        let reloads = Family::<Label, Counter>::default();
        registry.register("reloads", "How often the configuration was read again", reloads.clone());
        let started = Gauge::<i64>::default();
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        started.set(i64::try_from(since.as_secs()).unwrap_or_default());
        registry.register(
            "start_time_seconds",
            "When the daemon started, in POSIX seconds; what was open to it before is closed since",
            started,
        );
        let build = Family::<Label, Gauge>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        registry.register("build", "The program's version", build);
        // There from the start, so that an alert can see them grow.
        for reason in NoLink::ALL {
            drop(refused.get_or_create(&reason.label()));
        }
        for of in [Whose::Members, Whose::Strangers] {
            drop(connections.get_or_create(&of.label()));
        }
        for taken in [true, false] {
            drop(reloads.get_or_create(&outcome(taken)));
        }
        Self(Arc::new(Inner { registry, requests, durations, refused, connections, reloads }))
    }
}

impl Metrics {
    /// A call was answered. `path` may be anything; `reason` is that of a refusal.
    pub fn answered(&self, path: &str, reason: Option<String>, took: Duration) {
        let known = METHODS.iter().find(|(known, _)| *known == path);
        let method = known.map_or(OTHER, |(_, method)| method);
        let outcome = reason.unwrap_or_else(|| "ok".to_owned());
        self.0.requests.get_or_create(&Call { method, outcome }).inc();
        self.0.durations.get_or_create(&[("method", method)]).observe(took.as_secs_f64());
    }

    /// Somebody got no connection.
    pub fn no_link(&self, reason: NoLink) {
        self.0.refused.get_or_create(&reason.label()).inc();
    }

    /// A connection stands, until what this gives is dropped.
    pub fn link(&self, of: Whose) -> Counted {
        let gauge = self.0.connections.get_or_create(&of.label()).clone();
        gauge.inc();
        Counted(gauge)
    }

    /// The configuration was read again.
    pub fn reloaded(&self, taken: bool) {
        self.0.reloads.get_or_create(&outcome(taken)).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::DESCRIPTORS;

    fn text(metrics: &Metrics) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics.0.registry).unwrap();
        text
    }

    #[test]
    fn every_method_has_a_line_of_its_own_and_what_is_made_up_has_none() {
        let bytes = String::from_utf8_lossy(DESCRIPTORS);
        let ours = METHODS.iter().filter(|(path, _)| path.starts_with("/sequestre."));
        for (path, method) in ours {
            assert_eq!(path.rsplit('/').next(), Some(*method));
            assert!(bytes.contains(method), "{method} is no method any more");
        }
        let proto = include_str!("../../proto/sequestre/api/v1/escrow.proto");
        let methods = proto.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next());
        let metrics = Metrics::default();
        for method in methods {
            metrics.answered(&format!("/sequestre.api.v1.Escrow/{method}"), None, Duration::ZERO);
            let line = format!("sequestre_requests_total{{method=\"{method}\",outcome=\"ok\"}} 1\n");
            assert!(text(&metrics).contains(&line), "{method} is not told apart");
        }
        let before = text(&metrics).lines().count();
        for made_up in ["/sequestre.api.v1.Escrow/Nina", "/", "", "\"} 1\nx"] {
            metrics.answered(made_up, Some("UNKNOWN_METHOD".to_owned()), Duration::ZERO);
        }
        let text = text(&metrics);
        assert!(text.contains("sequestre_requests_total{method=\"other\",outcome=\"UNKNOWN_METHOD\"} 4\n"), "{text}");
        // One line of the counter, and one histogram.
        assert_eq!(text.lines().count() - before, 1 + 18);
    }

    #[test]
    fn connections_are_counted_while_they_stand() {
        let metrics = Metrics::default();
        let one = metrics.link(Whose::Members);
        assert!(text(&metrics).contains("sequestre_connections{of=\"members\"} 1\n"));
        drop(one);
        assert!(text(&metrics).contains("sequestre_connections{of=\"members\"} 0\n"));
    }
}
