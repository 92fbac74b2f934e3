//! Streams, shards and consumers in the model's shapes.

use crate::api;
use crate::api::enums::{consumer_status, encryption_type, stream_status};
use crate::catalog::{StreamEntry, View};
use crate::settings::{Consumer, ShardEntry};
use names::Instant;
use stream::SequenceNumber;
use wire::Timestamp;

/// A moment as the model has it.
pub(crate) fn timestamp(at: Instant) -> Timestamp {
    Timestamp::from_millis(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
}

/// A moment of a request; what lies before the epoch is the epoch.
pub(crate) fn instant(at: Timestamp) -> Instant {
    Instant::from_millis(u64::try_from(at.millis()).unwrap_or(0))
}

/// `Thu Jan 01 00:00:01 UTC 1970`, as Java's dates show themselves in the service's sentences.
pub(crate) fn http_like(at: Instant) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let secs = at.as_secs();
    let (days, of_day) = (secs / 86_400, secs % 86_400);
    let (year, month, day) = date(days);
    let weekday = DAYS[usize::try_from(days % 7).expect("seven days")];
    let (hours, minutes, seconds) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{weekday} {} {day:02} {hours:02}:{minutes:02}:{seconds:02} UTC {year}", MONTHS[month])
}

/// Year, month from 0 and day of a number of days since 1970, in the Gregorian calendar. Years begin in March, so that the leap
/// day is the last of one.
fn date(days: u64) -> (u64, usize, u64) {
    let since = days + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = usize::try_from((from_march + 2) % 12).expect("twelve months");
    let year = era * 400 + year_of_era + u64::from(month < 2);
    (year, month, day)
}

/// A shard, with the range of its sequence numbers.
pub(crate) fn shard(entry: &ShardEntry) -> api::Shard {
    let ending = entry.closed_at.map(|at| SequenceNumber::ending(entry.opened_at, entry.index, at).to_string());
    api::Shard {
        shard_id: entry.name(),
        parent_shard_id: entry.parent.map(crate::shard_id::show),
        adjacent_parent_shard_id: entry.adjacent_parent.map(crate::shard_id::show),
        hash_key_range: hash_range(entry),
        sequence_number_range: api::SequenceNumberRange {
            starting_sequence_number: SequenceNumber::starting(entry.opened_at, entry.index).to_string(),
            ending_sequence_number: ending,
        },
    }
}

fn hash_range(entry: &ShardEntry) -> api::HashKeyRange {
    api::HashKeyRange { starting_hash_key: entry.first_hash.to_string(), ending_hash_key: entry.last_hash.to_string() }
}

/// The children of a shard, as its last GetRecords tells them.
pub(crate) fn children(view: &View, index: u32) -> Vec<api::ChildShard> {
    let children = view.shards.iter().map(|shard| &shard.entry).filter(|entry| entry.is_child_of(index));
    let parents = |entry: &ShardEntry| [entry.parent, entry.adjacent_parent].into_iter().flatten();
    children
        .map(|entry| api::ChildShard {
            shard_id: entry.name(),
            parent_shards: parents(entry).map(crate::shard_id::show).collect(),
            hash_key_range: hash_range(entry),
        })
        .collect()
}

/// Some of a stream's shards with everything about it.
pub(crate) fn stream(entry: &StreamEntry, view: &View, shards: Vec<api::Shard>, more: bool) -> api::StreamDescription {
    let about = &view.about;
    api::StreamDescription {
        stream_name: entry.key.name.to_string(),
        stream_arn: entry.arn.to_string(),
        stream_status: stream_status::ACTIVE.to_owned(),
        stream_mode_details: Some(mode(view)),
        shards,
        has_more_shards: more,
        retention_period_hours: hours(about.retention_hours),
        stream_creation_timestamp: timestamp(about.created_at),
        enhanced_monitoring: monitoring(view),
        encryption_type: Some(encryption(view).to_owned()),
        key_id: view.key.as_deref().map(str::to_owned),
    }
}

fn encryption(view: &View) -> &'static str {
    if view.key.is_some() { encryption_type::KMS } else { encryption_type::NONE }
}

/// How warm a stream is kept, which is shown while its account has a commitment.
pub(crate) fn warm(view: &View, is_committed: bool) -> Option<api::WarmThroughputObject> {
    let mibps = view.warm_mibps.filter(|_| is_committed).and_then(|mibps| i32::try_from(mibps).ok())?;
    // Shards open at once, so the stream is never on its way.
    Some(api::WarmThroughputObject { target_mi_bps: Some(mibps), current_mi_bps: Some(mibps) })
}

/// The same without shards.
pub(crate) fn summary(entry: &StreamEntry, view: &View, is_committed: bool) -> api::StreamDescriptionSummary {
    let about = &view.about;
    api::StreamDescriptionSummary {
        stream_name: entry.key.name.to_string(),
        stream_arn: entry.arn.to_string(),
        stream_id: None,
        stream_status: stream_status::ACTIVE.to_owned(),
        stream_mode_details: Some(mode(view)),
        retention_period_hours: hours(about.retention_hours),
        stream_creation_timestamp: timestamp(about.created_at),
        enhanced_monitoring: monitoring(view),
        encryption_type: Some(encryption(view).to_owned()),
        key_id: view.key.as_deref().map(str::to_owned),
        open_shard_count: count(view.open_shards()),
        consumer_count: Some(count(view.consumers.len())),
        warm_throughput: warm(view, is_committed),
        max_record_size_in_ki_b: i32::try_from(about.record_kib_max).ok(),
        channel_count: None,
        record_distribution_strategy: Some(about.distribution.name().to_owned()),
        queue_count: Some(count(entry.queues.count())),
    }
}

pub(crate) fn mode(view: &View) -> api::StreamModeDetails {
    api::StreamModeDetails { stream_mode: view.about.mode.name().to_owned() }
}

fn monitoring(view: &View) -> Vec<api::EnhancedMetrics> {
    vec![api::EnhancedMetrics { shard_level_metrics: Some(view.about.metrics.names()) }]
}

fn hours(hours: u32) -> i32 {
    i32::try_from(hours).unwrap_or(i32::MAX)
}

/// A count as the model has it.
pub(crate) fn count(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(crate) fn consumer(stream_arn: &str, consumer: &Consumer) -> api::Consumer {
    api::Consumer {
        consumer_name: consumer.name.to_string(),
        consumer_arn: consumer.arn(stream_arn),
        consumer_status: consumer_status::ACTIVE.to_owned(),
        consumer_creation_timestamp: timestamp(consumer.created_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_as_java_writes_them() {
        for (millis, text) in [
            (0, "Thu Jan 01 00:00:00 UTC 1970"),
            (951_782_400_000, "Tue Feb 29 00:00:00 UTC 2000"),
            (1_795_420_799_000, "Mon Nov 23 07:59:59 UTC 2026"),
            (4_102_444_800_000, "Fri Jan 01 00:00:00 UTC 2100"),
        ] {
            assert_eq!(http_like(Instant::from_millis(millis)), text);
        }
    }
}
