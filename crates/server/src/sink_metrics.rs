//! What applications put by PutMetricData, on the page of metrics: of each series its newest numbers.
//!
//! Four gauges with the same labels: how many samples, their sum, the least and the greatest. What CloudWatch calls dimensions is
//! one label, since their names are the application's and need not be names of labels.

use leases::{MetricSink, Put};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;

/// Reads the sink when the page is asked for.
#[derive(Debug)]
pub(crate) struct SinkCollector(pub(crate) Sink);

/// The sink, which shows nothing of itself in debug output: it is its customers'.
pub(crate) struct Sink(pub(crate) Arc<MetricSink>);

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

/// Reads one number of a series.
type Reading = fn(&Put) -> f64;

/// The gauges: name, what they are, and the number.
const SHOWN: [(&str, &str, Reading); 4] = [
    ("sample_count", "How many samples an application put last", |put| put.latest.count),
    ("sum", "The samples that an application put last, added up", |put| put.latest.sum),
    ("minimum", "The least sample that an application put last", |put| put.latest.min),
    ("maximum", "The greatest sample that an application put last", |put| put.latest.max),
];

impl Collector for SinkCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let all = self.0.0.latest();
        let labels: Vec<_> = all.iter().map(labels).collect();
        for (name, help, read) in SHOWN {
            let kind = ConstGauge::new(0.0).metric_type();
            let name = format!("tidewire_put_metric_{name}");
            let mut family = encoder.encode_descriptor(&name, help, None, kind)?;
            for (put, labels) in all.iter().zip(&labels) {
                ConstGauge::new(read(put)).encode(family.encode_family(labels)?)?;
            }
        }
        Ok(())
    }
}

fn labels(put: &Put) -> [(&'static str, String); 6] {
    let dimensions = put.series.dimensions.iter().map(|(name, value)| format!("{name}={value}"));
    let dimensions = dimensions.collect::<Vec<_>>().join(",");
    [
        ("account", put.account.to_string()),
        ("region", put.region.to_string()),
        ("namespace", put.series.namespace.to_string()),
        ("metric", put.series.name.to_string()),
        ("dimensions", dimensions),
        ("unit", put.series.unit.to_string()),
    ]
}
