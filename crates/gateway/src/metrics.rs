//! What the front door counts, for `/metrics`.
//!
//! `tidewire_requests_total`, `tidewire_request_seconds`, `tidewire_request_bytes_total`, `tidewire_connections`,
//! `tidewire_connections_served_total` and `tidewire_event_streams`. The handles of each operation are resolved once and kept beside it, so counting a
//! request neither allocates nor hashes.

use std::sync::OnceLock;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::protocol::Protocol;

/// Upper edges of the latency buckets: from under a write to memory to past the longest long poll.
const SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 20.0, 60.0];

/// Statuses with a handle of their own; all others are looked up by their labels.
const STATUSES: [u16; 6] = [200, 400, 403, 404, 500, 503];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    service: &'static str,
    operation: &'static str,
    protocol: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    service: &'static str,
    operation: &'static str,
}

/// The families, and the counts that belong to no operation.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    requests: Family<RequestLabels, Counter>,
    seconds: Family<OperationLabels, Histogram, fn() -> Histogram>,
    bytes: Family<OperationLabels, Counter>,
    /// Connections open now.
    pub(crate) connections: Gauge,
    /// Connections ever served.
    pub(crate) connections_served: Counter,
    /// Answers that are going on in events.
    pub(crate) event_streams: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            bytes: Family::default(),
            connections: Gauge::default(),
            connections_served: Counter::default(),
            event_streams: Gauge::default(),
        };
        let registry = registry.sub_registry_with_prefix("tidewire");
        registry.register("requests", "AWS requests answered", metrics.requests.clone());
        let help = "Time from a request's head to its reply";
        registry.register_with_unit("request", help, Unit::Seconds, metrics.seconds.clone());
        registry.register_with_unit("request", "Bytes of request bodies", Unit::Bytes, metrics.bytes.clone());
        registry.register("connections", "Client connections open", metrics.connections.clone());
        registry.register("connections_served", "Client connections accepted", metrics.connections_served.clone());
        registry.register("event_streams", "Answers that are going on in events", metrics.event_streams.clone());
        metrics
    }

    /// The handles of one operation, or of what could not be told to be one (`unknown`).
    pub(crate) fn operation(&self, service: &'static str, operation: &'static str) -> OperationMetrics {
        let labels = OperationLabels { service, operation };
        OperationMetrics { labels, metrics: self.clone(), by_status: Default::default(), sizes: OnceLock::new() }
    }
}

/// The counters of one operation.
#[derive(Debug)]
pub(crate) struct OperationMetrics {
    labels: OperationLabels,
    metrics: Metrics,
    /// Resolved at first use: an operation nobody calls is not in the output.
    by_status: [[OnceLock<Counter>; STATUSES.len()]; Protocol::ALL.len()],
    sizes: OnceLock<(Histogram, Counter)>,
}

impl OperationMetrics {
    /// Counts one request that was answered.
    pub(crate) fn answered(&self, protocol: Protocol, status: u16, seconds: f64, body_bytes: usize) {
        match STATUSES.iter().position(|known| *known == status) {
            Some(slot) => {
                self.by_status[protocol as usize][slot].get_or_init(|| self.counter(protocol, status)).inc();
            }
            None => {
                self.counter(protocol, status).inc();
            }
        }
        let (latency, bytes) = self.sizes.get_or_init(|| {
            (
                self.metrics.seconds.get_or_create_owned(&self.labels),
                self.metrics.bytes.get_or_create_owned(&self.labels),
            )
        });
        latency.observe(seconds);
        bytes.inc_by(body_bytes as u64);
    }

    fn counter(&self, protocol: Protocol, status: u16) -> Counter {
        let OperationLabels { service, operation } = self.labels;
        let labels = RequestLabels { service, operation, protocol: protocol.name(), status };
        self.metrics.requests.get_or_create_owned(&labels)
    }

    /// The operation's name.
    pub(crate) fn operation(&self) -> &'static str {
        self.labels.operation
    }

    /// The service's id.
    pub(crate) fn service(&self) -> &'static str {
        self.labels.service
    }
}
