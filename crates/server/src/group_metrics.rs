//! How far consumer groups are behind, read when somebody asks for `/metrics`.
//!
//! Two lines for each shard of each group, of which there are so many as the service bounds; the others are counted in one number, so
//! that nobody takes what is shown for all.

use kinesis::{GroupLag, Kinesis};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;

/// The lags of all groups.
pub(crate) struct GroupCollector(pub(crate) Arc<Kinesis>);

impl fmt::Debug for GroupCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupCollector")
    }
}

/// What names a shard of a group on its lines.
fn labels(lag: &GroupLag) -> [(&'static str, String); 5] {
    let (account, region, stream) = &lag.stream;
    [
        ("account", account.to_string()),
        ("region", region.to_string()),
        ("stream", stream.to_string()),
        ("group", lag.group.to_string()),
        ("shard", lag.shard.clone()),
    ]
}

impl Collector for GroupCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (lags, left_out) = self.0.group_lags();
        let kind = ConstGauge::new(0_i64).metric_type();
        let help = "Records of a shard that a consumer group is not done with";
        let mut family = encoder.encode_descriptor("tidewire_kinesis_group_lag_records", help, None, kind)?;
        for lag in &lags {
            let records = i64::try_from(lag.records).unwrap_or(i64::MAX);
            ConstGauge::new(records).encode(family.encode_family(&labels(lag))?)?;
        }
        let help = "How long ago the first record of a shard arrived that a consumer group is not done with";
        let mut family = encoder.encode_descriptor("tidewire_kinesis_group_lag_seconds", help, None, kind)?;
        for lag in &lags {
            let Some(millis) = lag.millis else { continue };
            ConstGauge::new(millis as f64 / 1000.0).encode(family.encode_family(&labels(lag))?)?;
        }
        let help = "Shards of consumer groups that have no lines of their own";
        let name = "tidewire_kinesis_group_shards_left_out";
        let left_out = ConstGauge::new(i64::try_from(left_out).unwrap_or(i64::MAX));
        left_out.encode(encoder.encode_descriptor(name, help, None, left_out.metric_type())?)
    }
}
