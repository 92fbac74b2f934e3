//! CloudWatch's metrics of streams and shards, read when somebody asks for `/metrics` (`docs/METRICS.md`).

use kinesis::{Counter, Kinesis, MeteredShard, MeteredStream};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::sync::Arc;

/// The streams' counters.
pub(crate) struct StreamCollector(pub(crate) Arc<Kinesis>);

impl fmt::Debug for StreamCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamCollector")
    }
}

/// What is counted of each stream: its name here, CloudWatch's name for it, and which counter it is.
const COUNTED: [(&str, &str, Counter); 28] = [
    ("incoming_bytes", "IncomingBytes", Counter::IncomingBytes),
    ("incoming_records", "IncomingRecords", Counter::IncomingRecords),
    ("write_provisioned_throughput_exceeded", "WriteProvisionedThroughputExceeded", Counter::WriteExceeded),
    ("read_provisioned_throughput_exceeded", "ReadProvisionedThroughputExceeded", Counter::ReadExceeded),
    ("put_record_calls", "PutRecord, asked for: what averages are of", Counter::PutRecordCalls),
    ("put_record_success", "PutRecord.Success, summed up", Counter::PutRecordSuccess),
    ("put_record_bytes", "PutRecord.Bytes", Counter::PutRecordBytes),
    ("put_record_latency_milliseconds", "PutRecord.Latency, summed up", Counter::PutRecordMillis),
    ("put_records_calls", "PutRecords, asked for: what averages are of", Counter::PutRecordsCalls),
    ("put_records_success", "PutRecords.Success, summed up", Counter::PutRecordsSuccess),
    ("put_records_bytes", "PutRecords.Bytes", Counter::PutRecordsBytes),
    ("put_records_latency_milliseconds", "PutRecords.Latency, summed up", Counter::PutRecordsMillis),
    ("put_records_total_records", "PutRecords.TotalRecords", Counter::PutRecordsTotal),
    ("put_records_successful_records", "PutRecords.SuccessfulRecords", Counter::PutRecordsSuccessful),
    ("put_records_failed_records", "PutRecords.FailedRecords", Counter::PutRecordsFailed),
    ("put_records_throttled_records", "PutRecords.ThrottledRecords", Counter::PutRecordsThrottled),
    ("get_records_calls", "GetRecords, asked for: what averages are of", Counter::GetRecordsCalls),
    ("get_records_success", "GetRecords.Success, summed up", Counter::GetRecordsSuccess),
    ("get_records_bytes", "GetRecords.Bytes", Counter::GetRecordsBytes),
    ("get_records_records", "GetRecords.Records", Counter::GetRecordsRecords),
    ("get_records_latency_milliseconds", "GetRecords.Latency, summed up", Counter::GetRecordsMillis),
    ("subscribe_to_shard_calls", "SubscribeToShard, asked for: what averages are of", Counter::SubscribeCalls),
    ("subscribe_to_shard_success", "SubscribeToShard.Success, summed up", Counter::SubscribeSuccess),
    ("subscribe_to_shard_rate_exceeded", "SubscribeToShard.RateExceeded", Counter::SubscribeRateExceeded),
    ("subscribe_to_shard_event_calls", "Events that were to be pushed: what averages are of", Counter::EventCalls),
    ("subscribe_to_shard_event_success", "SubscribeToShardEvent.Success, summed up", Counter::EventSuccess),
    ("subscribe_to_shard_event_bytes", "SubscribeToShardEvent.Bytes", Counter::EventBytes),
    ("subscribe_to_shard_event_records", "SubscribeToShardEvent.Records", Counter::EventRecords),
];

/// Reads one number of a stream.
type Reading = fn(&MeteredStream) -> u64;

/// What was seen last of each stream.
const SEEN: [(&str, &str, Reading); 2] = [
    ("get_records_iterator_age_milliseconds", "GetRecords.IteratorAgeMilliseconds of the last call", |stream| {
        stream.counts.iterator_age_millis
    }),
    (
        "subscribe_to_shard_event_millis_behind_latest",
        "SubscribeToShardEvent.MillisBehindLatest of the last event",
        |stream| stream.counts.event_behind_millis,
    ),
];

/// Counts of shards, in the order of their values; the last value is no count.
const OF_SHARDS: [(&str, &str); 6] = [
    ("incoming_bytes", "IncomingBytes"),
    ("incoming_records", "IncomingRecords"),
    ("outgoing_bytes", "OutgoingBytes"),
    ("outgoing_records", "OutgoingRecords"),
    ("write_provisioned_throughput_exceeded", "WriteProvisionedThroughputExceeded"),
    ("read_provisioned_throughput_exceeded", "ReadProvisionedThroughputExceeded"),
];

/// What no stream can be called, for what all those without a meter of their own come to.
const OTHERS: &str = "(others)";

impl Collector for StreamCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let totals = self.0.totals();
        for (name, help, value) in [
            ("tidewire_kinesis_streams", "Streams", totals.streams),
            ("tidewire_kinesis_open_shards", "Open shards of all streams", totals.open_shards),
        ] {
            let gauge = ConstGauge::new(number(value as u64));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        streams(&mut encoder, &self.0.metered())?;
        shards(&mut encoder, &self.0.metered_shards())
    }
}

fn streams(encoder: &mut DescriptorEncoder<'_>, metered: &[MeteredStream]) -> fmt::Result {
    let labels: Vec<_> = metered.iter().map(of_stream).collect();
    for (name, help, counter) in COUNTED {
        let name = format!("tidewire_kinesis_stream_{name}");
        let mut family = encoder.encode_descriptor(&name, help, None, ConstCounter::new(0_u64).metric_type())?;
        for (stream, labels) in metered.iter().zip(&labels) {
            ConstCounter::new(stream.counts.of(counter)).encode(family.encode_family(labels)?)?;
        }
    }
    for (name, help, read) in SEEN {
        let name = format!("tidewire_kinesis_stream_{name}");
        let mut family = encoder.encode_descriptor(&name, help, None, ConstGauge::new(0_i64).metric_type())?;
        // Of the others nobody knows whose it would be.
        for (stream, labels) in metered.iter().zip(&labels).filter(|(metered, _)| metered.stream.is_some()) {
            ConstGauge::new(number(read(stream))).encode(family.encode_family(labels)?)?;
        }
    }
    Ok(())
}

fn shards(encoder: &mut DescriptorEncoder<'_>, metered: &[MeteredShard]) -> fmt::Result {
    let labels: Vec<_> = metered.iter().map(of_shard).collect();
    for (place, (name, help)) in OF_SHARDS.iter().enumerate() {
        let name = format!("tidewire_kinesis_shard_{name}");
        let mut family = encoder.encode_descriptor(&name, help, None, ConstCounter::new(0_u64).metric_type())?;
        for (shard, labels) in metered.iter().zip(&labels) {
            if let Some(value) = shard.values[place] {
                ConstCounter::new(value).encode(family.encode_family(labels)?)?;
            }
        }
    }
    let (name, help) = ("tidewire_kinesis_shard_iterator_age_milliseconds", "IteratorAgeMilliseconds of the last call");
    let mut family = encoder.encode_descriptor(name, help, None, ConstGauge::new(0_i64).metric_type())?;
    for (shard, labels) in metered.iter().zip(&labels) {
        if let Some(value) = shard.values[OF_SHARDS.len()] {
            ConstGauge::new(number(value)).encode(family.encode_family(labels)?)?;
        }
    }
    Ok(())
}

fn of_stream(metered: &MeteredStream) -> Vec<(&'static str, String)> {
    let (account, region, stream) = match &metered.stream {
        Some((account, region, stream)) => (account.to_string(), region.to_string(), stream.to_string()),
        None => (String::new(), String::new(), OTHERS.to_owned()),
    };
    vec![("account", account), ("region", region), ("stream", stream)]
}

fn of_shard(metered: &MeteredShard) -> Vec<(&'static str, String)> {
    let (account, region, stream) = &metered.stream;
    vec![
        ("account", account.to_string()),
        ("region", region.to_string()),
        ("stream", stream.to_string()),
        ("shard", metered.shard.clone()),
    ]
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
