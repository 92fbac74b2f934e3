//! The service as the gateway and the server see it.

use crate::api;
use crate::catalog::{Catalog, StreamEntry, StreamKey};
use crate::groups::machine::Group;
use crate::groups::{self, GroupLag, Groups};
use crate::limits;
use crate::machine::Stream;
use crate::meters::Meters;
use crate::native::Native;
use crate::ops;
use crate::queues::{self, Queue};
use crate::records::FAMILY;
use crate::refusal::Refusal;
use crate::replies::Replies;
use crate::sealing::Sealing;
use crate::settings::Mode;
use crate::subscriptions::Subscriptions;
use crate::throttle::Throttle;
use engine::{Recover, Recovery, Store, Unavailable};
use gateway::{Caller, Description, Keys, Operation, Prepared, Service, Unprepared};
use names::{AccountId, Arn, Instant, Region};
use std::sync::Arc;
use stream::Shard;
use wire::{Reader, constraints};

/// What replays the parts of the log that are of streams, of shards, of queues and of consumer groups: a family of partitions each.
pub struct KinesisRecovery {
    streams: OfStreams,
    shards: OfShards,
    queues: OfQueues,
    groups: OfGroups,
}

engine::recovery! {
    /// The part that is of streams.
    pub(crate) struct OfStreams(Stream);
}

engine::recovery! {
    /// The part that is of shards.
    pub(crate) struct OfShards(Shard);
}

engine::recovery! {
    /// The part that is of queues on streams.
    pub(crate) struct OfQueues(Queue);
}

engine::recovery! {
    /// The part that is of consumer groups.
    pub(crate) struct OfGroups(Group);
}

impl KinesisRecovery {
    /// All parts, as a store takes them.
    pub fn parts(&mut self) -> [&mut dyn Recover; 4] {
        [&mut self.streams, &mut self.shards, &mut self.queues, &mut self.groups]
    }

    /// The latest moment that the store knows of.
    pub fn latest(&self) -> Instant {
        let of_queues = self.queues.latest().max(self.groups.latest());
        self.streams.latest().max(self.shards.latest()).max(of_queues)
    }

    /// Gives streams, shards, queues and groups to the store, without a service that asks them anything: for tools.
    pub fn finish(self, store: &Store) {
        self.streams.finish(store);
        self.shards.finish(store);
        self.queues.finish(store);
        self.groups.finish(store);
    }
}

/// Amazon Kinesis Data Streams.
pub struct Kinesis(pub(crate) Arc<Inner>);

/// What operations work on.
pub(crate) struct Inner {
    pub(crate) catalog: Catalog,
    pub(crate) throttle: Throttle,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) sealing: Sealing,
    pub(crate) meters: Meters,
    pub(crate) groups: Groups,
    pub(crate) replies: Replies,
}

/// What the service is told by the server's configuration.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether AWS's throttles of shards and its limits of accounts hold.
    pub throttled: bool,
    /// The keys that records are sealed with where a stream's owner wants it.
    pub keys: Keys,
    /// Streams that are counted each for itself.
    pub metered_streams_max: usize,
    /// Shards, of streams that ask for it, that are.
    pub metered_shards_max: usize,
}

/// How a request names a stream: by name, by ARN, or by both, which then agree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    name: Option<&'a str>,
    arn: Option<&'a str>,
    /// Reserved by the model; nobody has been given one.
    id: Option<&'a str>,
}

impl<'a> Target<'a> {
    pub(crate) fn of(name: Option<&'a str>, arn: Option<&'a str>, id: Option<&'a str>) -> Self {
        Self { name, arn, id }
    }
}

impl Kinesis {
    /// What takes the records of Data Streams out of the log.
    pub fn recovery() -> KinesisRecovery {
        KinesisRecovery {
            streams: OfStreams(Recovery::new(FAMILY, Stream::default)),
            shards: OfShards(Recovery::new(stream::FAMILY, Shard::unborn)),
            queues: OfQueues(Recovery::new(queues::FAMILY, Queue::default)),
            groups: OfGroups(Recovery::new(groups::FAMILY, Group::default)),
        }
    }

    /// The service, with the streams that were replayed. What a crash cut off between a stream and its shards is completed.
    pub fn new(store: Arc<Store>, recovery: KinesisRecovery, options: Options) -> Self {
        let KinesisRecovery { streams, shards, queues, groups } = recovery;
        let mut catalog = Catalog::recovered(store, streams.0, shards.0, queues.0);
        if !options.throttled {
            catalog.on_demand_max = limits::ON_DEMAND_STREAMS_RAISED_MAX;
        }
        let groups = Groups::recovered(catalog.store(), groups.0, &catalog);
        Self(Arc::new(Inner {
            catalog,
            throttle: Throttle::new(options.throttled),
            subscriptions: Subscriptions::default(),
            sealing: Sealing::new(options.keys),
            meters: Meters::new(options.metered_streams_max, options.metered_shards_max),
            groups,
            replies: Replies::default(),
        }))
    }

    /// tidewire's own operations on the same streams.
    pub fn native(&self) -> Native {
        Native(Arc::clone(&self.0))
    }

    /// Forgets shards whose records have all expired, what of queues has, data keys that are over, and meters of shards that nobody
    /// asks for. To be called every minute or so.
    pub fn tend(&self) {
        self.0.catalog.tend();
        self.0.sealing.let_go(self.0.catalog.store().clock().now());
        self.0.tend_meters();
        self.0.groups.tend(&self.0.catalog);
    }

    /// How far consumer groups are behind in each shard, and how many shards there was no room for.
    pub fn group_lags(&self) -> (Vec<GroupLag>, usize) {
        self.0.lags(&self.0.groups)
    }

    /// Deletes every stream with its queues, and every commitment, of every account, and tells how many streams, once that is durable.
    pub async fn delete_all(&self) -> Result<usize, Unavailable> {
        for queue in self.0.catalog.queues.all() {
            // One that is gone already was deleted by somebody else.
            let _ = self.0.delete_queue(&queue).await;
        }
        let entries = self.0.catalog.all();
        for entry in &entries {
            // One that is gone already was deleted by somebody else.
            let _ = self.0.delete(entry, true).await;
        }
        self.0.catalog.uncommit_all()?;
        self.0.catalog.settled().await?;
        Ok(entries.len())
    }
}

impl Service for Kinesis {
    fn describe(&self) -> &'static Description {
        static DESCRIPTION: Description = Description {
            id: "kinesis",
            host_labels: &["kinesis", "data-kinesis", "control-kinesis"],
            shape: &api::SERVICE,
            path_member: None,
            body_bytes_max: limits::REQUEST_BYTES_MAX,
            denied: &api::errors::ACCESS_DENIED_EXCEPTION,
            unsigned: &[],
            crc32: false,
        };
        &DESCRIPTION
    }

    fn prepare(&self, operation: usize, input: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
        let name = api::SERVICE.operations[operation].name;
        match ops::TABLE.iter().find(|(known, _)| *known == name) {
            Some((_, prepare)) => prepare(&self.0, input),
            None => {
                let message = format!("This version of tidewire does not implement the operation {name}.");
                Err(Unprepared::Refused(Refusal::unsupported(message).into()))
            }
        }
    }
}

impl Inner {
    /// Deletes a stream, its consumer groups and its meter with it: all before anything is waited for, since whoever asked may go away.
    pub(crate) async fn delete(&self, entry: &Arc<StreamEntry>, with_consumers: bool) -> Result<(), Refusal> {
        let deleting = self.catalog.delete(entry, with_consumers)?;
        if deleting.is_decided() {
            self.groups.end_of(entry.partition.id());
            self.meters.forget(&entry.key, entry.partition.id());
        }
        deleting.told(&self.catalog, entry).await
    }

    /// What names the stream that a request means.
    pub(crate) fn key(&self, caller: &Caller, target: &Target<'_>) -> Result<StreamKey, Refusal> {
        let of_arn = target
            .arn
            .map(|arn| key_of_arn(arn).ok_or_else(|| Refusal::invalid(format!("{arn} is no ARN of a stream."))));
        if let Some(id) = target.id {
            return Err(Refusal::invalid(format!("StreamId {id} names no stream: it is reserved.")));
        }
        match (of_arn.transpose()?, target.name) {
            (Some(key), Some(name)) if *key.name != *name => {
                Err(Refusal::invalid(format!("StreamName {name} and StreamARN {} name different streams.", key.arn())))
            }
            (Some(key), _) => in_region(caller, key),
            (None, Some(name)) => Ok(key_of(caller.account, &caller.region, name)),
            (None, None) => Err(Refusal::invalid("Either StreamName or StreamARN must be given.")),
        }
    }

    /// How many consumers a stream may have, queues among them: more on demand where the account has a commitment.
    pub(crate) fn consumers_max(&self, entry: &StreamEntry) -> usize {
        let is_on_demand = entry.view().about.mode == Mode::OnDemand;
        let is_committed = || self.catalog.is_committed(entry.key.account, &entry.key.region);
        if is_on_demand && is_committed() { limits::CONSUMERS_COMMITTED_MAX } else { limits::CONSUMERS_MAX }
    }

    /// The stream that a request means.
    pub(crate) async fn stream(&self, caller: &Caller, target: &Target<'_>) -> Result<Arc<StreamEntry>, Refusal> {
        self.find(&self.key(caller, target)?).await
    }

    pub(crate) async fn find(&self, key: &StreamKey) -> Result<Arc<StreamEntry>, Refusal> {
        match self.catalog.find(key) {
            Some(entry) => Ok(entry),
            None => {
                self.catalog.settled().await?;
                Err(Refusal::no_stream(key.account, &key.name))
            }
        }
    }
}

/// A stream of the region that the request is signed for: policies were told that one.
pub(crate) fn in_region(caller: &Caller, key: StreamKey) -> Result<StreamKey, Refusal> {
    match key.region == caller.region {
        true => Ok(key),
        false => Err(Refusal::invalid(format!("{} is of another region than {}.", key.arn(), caller.region))),
    }
}

pub(crate) fn key_of(account: AccountId, region: &Region, name: &str) -> StreamKey {
    StreamKey { account, region: region.clone(), name: name.into() }
}

/// The stream of an ARN of it.
pub(crate) fn key_of_arn(arn: &str) -> Option<StreamKey> {
    let arn = Arn::parse(arn).ok().filter(|arn| arn.service == "kinesis")?;
    let name = arn.resource.strip_prefix("stream/").filter(|name| !name.is_empty() && !name.contains('/'))?;
    let region = Region::parse(&arn.region).ok().filter(|region| region.arn_partition() == arn.partition)?;
    Some(key_of(AccountId::parse(&arn.account).ok()?, &region, name))
}

/// The stream, and the consumer's name and second of creation, of an ARN of a consumer.
pub(crate) fn consumer_of_arn(arn: &str) -> Option<(StreamKey, String, u64)> {
    let (stream, consumer) = arn.split_once("/consumer/")?;
    let (name, created) = consumer.split_once(':')?;
    Some((key_of_arn(stream)?, name.to_owned(), created.parse().ok()?))
}

/// Account, region and id of an ARN of a queue.
pub(crate) fn queue_of_arn(text: &str) -> Option<(AccountId, Region, &str)> {
    let id = text.splitn(6, ':').nth(5)?.strip_prefix("queue/")?;
    // One ARN for one queue: policies are asked about the text.
    if id.is_empty() || id.contains([':', '/']) {
        return None;
    }
    let arn = Arn::parse(text).ok().filter(|arn| arn.service == "kinesis")?;
    let region = Region::parse(&arn.region).ok().filter(|region| region.arn_partition() == arn.partition)?;
    Some((AccountId::parse(&arn.account).ok()?, region, id))
}

/// Reads an operation's input. The signature of the entries of `ops::TABLE`.
pub(crate) type Prepare = fn(&Arc<Inner>, &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared>;

/// Reads the input of `O`, and checks it by the model's rules.
pub(crate) fn prepare<O: Operation<Inner>>(
    service: &Arc<Inner>,
    reader: &mut dyn Reader,
) -> Result<Box<dyn Prepared>, Unprepared>
where
    O::Input: wire::Read + wire::Write,
{
    Ok(gateway::prepared::<Inner, O>(service, checked(reader)?))
}

/// Reads an input, and checks it by the model's rules.
pub(crate) fn checked<I: wire::Read + wire::Write>(reader: &mut dyn Reader) -> Result<I, Unprepared> {
    let refused = |sentence: String| Unprepared::Refused(Refusal::validation(sentence).into());
    let input = match I::read(reader) {
        Ok(input) => input,
        Err(invalid) => return Err(constraints::missing(&invalid).map_or(Unprepared::Malformed(invalid), refused)),
    };
    match constraints::sentence(&input) {
        Some(sentence) => Err(refused(sentence)),
        None => Ok(input),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_name_streams_consumers_and_queues() {
        let key = key_of_arn("arn:aws:kinesis:eu-west-1:123456789012:stream/a.b").unwrap();
        assert_eq!(key.arn(), "arn:aws:kinesis:eu-west-1:123456789012:stream/a.b");
        let consumer = consumer_of_arn(&format!("{}/consumer/app:17", key.arn()));
        assert_eq!(consumer, Some((key.clone(), "app".into(), 17)));
        let queue = "arn:aws:kinesis:eu-west-1:123456789012:queue/ab12";
        let account = AccountId::parse("123456789012").unwrap();
        assert_eq!(queue_of_arn(queue), Some((account, Region::parse("eu-west-1").unwrap(), "ab12")));
        assert_eq!((queue_of_arn(&key.arn()), key_of_arn(queue)), (None, None));
        // None of these is another name of that queue, by which policies would know it as something else.
        for wrong in
            ["stream/s:123456789012:queue/ab12", "x:123456789012:queue/ab12", "queue/ab12/x", "queue/a:b", "queue/"]
        {
            assert_eq!(queue_of_arn(&format!("arn:aws:kinesis:eu-west-1:123456789012:{wrong}")), None, "{wrong}");
        }
        for wrong in
            ["a", "arn:aws:sqs:eu-west-1:123456789012:stream/a", "arn:aws:kinesis:eu-west-1:123456789012:stream/a/b"]
        {
            assert_eq!(key_of_arn(wrong), None, "{wrong}");
        }
    }
}
