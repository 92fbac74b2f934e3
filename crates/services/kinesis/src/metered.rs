//! What the server shows of the meters, and how operations find theirs.

use crate::catalog::{ShardHandle, StreamEntry, View};
use crate::meters::{ITERATOR_AGE, Meter, ShardCounter, ShardMeter, StreamCounts};
use crate::service::{Inner, Kinesis};
use names::{AccountId, Instant, Region};
use std::sync::Arc;

/// Metrics of shards that the model has.
const SHARD_METRICS: usize = ITERATOR_AGE + 1;

/// What was counted of a stream, or of all that have no meter of their own.
#[derive(Debug)]
pub struct MeteredStream {
    /// Account, region and name; none of the others.
    pub stream: Option<(AccountId, Region, Box<str>)>,
    /// Since the start.
    pub counts: StreamCounts,
}

/// What was counted of a shard.
#[derive(Debug)]
pub struct MeteredShard {
    /// Account, region and name of its stream.
    pub stream: (AccountId, Region, Box<str>),
    /// Its name.
    pub shard: String,
    /// In the order of the model's metrics: bytes in, records in, bytes out, records out, writes and reads over the limit, and the age of
    /// what was read last in milliseconds. Those that nobody asked for are none.
    pub values: [Option<u64>; SHARD_METRICS],
}

/// Sums over all streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// Streams.
    pub streams: usize,
    /// Their open shards.
    pub open_shards: usize,
}

impl Kinesis {
    /// How many streams and shards there are.
    pub fn totals(&self) -> Totals {
        let all = self.0.catalog.all();
        Totals { streams: all.len(), open_shards: all.iter().map(|entry| entry.view().open_shards()).sum() }
    }

    /// Each stream that has a meter, in order of their names, and the others together.
    pub fn metered(&self) -> Vec<MeteredStream> {
        let own = self
            .0
            .meters
            .read()
            .into_iter()
            .map(|(key, counts)| MeteredStream { stream: Some((key.account, key.region, key.name)), counts });
        own.chain([MeteredStream { stream: None, counts: self.0.meters.others() }]).collect()
    }

    /// Each shard that has a meter, of streams that ask for metrics of shards.
    pub fn metered_shards(&self) -> Vec<MeteredShard> {
        let asking = self.0.catalog.all().into_iter().map(|entry| (entry.view(), entry));
        let asking = asking.filter(|(view, _)| view.about.metrics.0 != 0);
        asking.flat_map(|(view, entry)| self.0.of_stream(&view, &entry)).collect()
    }
}

impl Inner {
    /// The meter of a stream.
    pub(crate) fn meter<'a>(&self, entry: &'a StreamEntry) -> &'a Meter {
        entry.meter.get_or_init(|| self.meters.of(&entry.key, entry.partition.id()))
    }

    /// The meter of a shard, if its stream asks for one and there is place.
    pub(crate) fn shard_meter(&self, view: &View, shard: &ShardHandle) -> Option<Arc<ShardMeter>> {
        let is_asked = view.about.metrics.0 != 0;
        is_asked.then(|| self.meters.of_shard(shard.entry.partition)).flatten()
    }

    /// Counts what a request comes to at its shard, if that is asked for.
    pub(crate) fn count_shard(&self, view: &View, shard: &ShardHandle, counts: &[(ShardCounter, u64)]) {
        if let Some(meter) = self.shard_meter(view, shard) {
            counts.iter().for_each(|(counter, number)| meter.add(*counter, *number));
        }
    }

    /// Milliseconds since a moment, for what CloudWatch calls latency.
    pub(crate) fn millis_since(&self, began: Instant) -> u64 {
        u64::try_from(self.catalog.store().clock().now().since(began).as_millis()).unwrap_or(u64::MAX)
    }

    /// Forgets meters of shards that nobody asks for.
    pub(crate) fn tend_meters(&self) {
        let views: Vec<_> = self.catalog.all().iter().map(|entry| entry.view()).collect();
        let asking = views.iter().filter(|view| view.about.metrics.0 != 0);
        let asked: std::collections::HashSet<_> =
            asking.flat_map(|view| view.shards.iter().map(|shard| shard.entry.partition)).collect();
        self.meters.keep_shards(|shard| asked.contains(&shard));
    }

    fn of_stream(&self, view: &View, entry: &StreamEntry) -> Vec<MeteredShard> {
        let metered = |shard: &Arc<ShardHandle>| {
            let counts = self.meters.read_shard(shard.entry.partition)?;
            let value = |place: usize| match place {
                ITERATOR_AGE => counts.iterator_age_millis,
                place => counts.at(place),
            };
            let is_asked = |place: usize| view.about.metrics.0 & 1 << place != 0;
            let key = &entry.key;
            Some(MeteredShard {
                stream: (key.account, key.region.clone(), key.name.clone()),
                shard: shard.entry.name(),
                values: std::array::from_fn(|place| is_asked(place).then(|| value(place))),
            })
        };
        view.shards.iter().filter_map(metered).collect()
    }
}
