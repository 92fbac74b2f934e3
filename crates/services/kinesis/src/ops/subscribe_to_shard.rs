//! SubscribeToShard: what a shard has and what comes is pushed to a consumer, for five minutes.
//!
//! Each event says where to go on, also an empty one, which comes when there was nothing to say for a while. At the end of a closed shard
//! the last event has no such number and names the children. The records stay where they are: whoever reads slowly makes the shard wait for
//! nobody.

use super::consumers::find;
use super::get_records::shown;
use super::get_shard_iterator::Asked;
use crate::api::schema::SUBSCRIBE_TO_SHARD_EVENT_STREAM;
use crate::api::{SubscribeToShardEvent, SubscribeToShardEventStream, SubscribeToShardInput, SubscribeToShardOutput};
use crate::catalog::{ShardHandle, StreamEntry, StreamKey};
use crate::describe;
use crate::limits;
use crate::meters::{Counter, ShardCounter};
use crate::needs::Asking;
use crate::placing::shard_named;
use crate::reading::{Batch, From, Most, batch};
use crate::refusal::Refusal;
use crate::replies::{Room, beside};
use crate::service::{Inner, checked, consumer_of_arn, in_region};
use crate::subscriptions::{Seat, Subscription};
use gateway::{Answer, Answered, Caller, EventSource, Hold, Need, NextEvent, Prepared, Refused, Said, Unprepared};
use names::Instant;
use std::sync::Arc;
use stream::{Command, Reply, SequenceNumber};
use wire::Reader;

/// Reads the input. The signature of the entries of `ops::TABLE`.
pub(super) fn prepare(service: &Arc<Inner>, reader: &mut dyn Reader) -> Result<Box<dyn Prepared>, Unprepared> {
    Ok(Box::new(SubscribeToShard { service: Arc::clone(service), input: checked(reader)? }))
}

struct SubscribeToShard {
    service: Arc<Inner>,
    input: SubscribeToShardInput,
}

impl Prepared for SubscribeToShard {
    fn needs(&self, caller: &Caller) -> Result<Vec<Need>, Refused> {
        let (key, name, _) = subscriber(caller, &self.input.consumer_arn)?;
        let asking = Asking { service: &self.service, caller };
        Ok(vec![asking.on_consumer("SubscribeToShard", &key, &name)])
    }

    fn is_streamed(&self) -> bool {
        true
    }

    fn call(self: Box<Self>, caller: Caller) -> Answer {
        Box::pin(async move {
            let pushed = begin(self.service, &caller, &self.input).await?;
            Ok(Answered::events(&SUBSCRIBE_TO_SHARD_EVENT_STREAM, SubscribeToShardOutput {}, pushed))
        })
    }
}

/// The stream, and the consumer's name and second of creation.
fn subscriber(caller: &Caller, arn: &str) -> Result<(StreamKey, String, u64), Refusal> {
    let found = consumer_of_arn(arn).ok_or_else(|| Refusal::invalid(format!("{arn} is no ARN of a consumer.")));
    let (key, name, created) = found?;
    Ok((in_region(caller, key)?, name, created))
}

async fn begin(service: Arc<Inner>, caller: &Caller, input: &SubscribeToShardInput) -> Result<Pushed, Refusal> {
    if let Some(id) = &input.stream_id {
        return Err(Refusal::invalid(format!("StreamId {id} names no stream: it is reserved.")));
    }
    let (key, name, created) = subscriber(caller, &input.consumer_arn)?;
    let entry = service.find(&key).await?;
    let begun = subscribe(Arc::clone(&service), caller, input, Arc::clone(&entry), (&name, created)).await;
    let meter = service.meter(&entry);
    meter.called(Counter::SubscribeCalls, Counter::SubscribeSuccess, begun.is_ok());
    let is_taken = begun.as_ref().is_err_and(Refusal::is_in_use);
    meter.add(Counter::SubscribeRateExceeded, u64::from(is_taken));
    begun
}

async fn subscribe(
    service: Arc<Inner>,
    caller: &Caller,
    input: &SubscribeToShardInput,
    entry: Arc<StreamEntry>,
    (name, created): (&str, u64),
) -> Result<Pushed, Refusal> {
    let key = &entry.key;
    let consumer = find(&entry, name, Some(created))?;
    let shard = shard_named(&entry, &entry.view(), &input.shard_id)?;
    let position = &input.starting_position;
    let asked = Asked {
        kind: &position.r#type,
        number: position.sequence_number.as_deref(),
        timestamp: position.timestamp,
        shard: (&entry.key, &shard.entry),
        operation: "SubscribeToShard",
    };
    let start = asked.start(caller.now)?;
    if input.dry_run == Some(true) {
        return Err(Refusal::dry_run());
    }
    let from = service.start(&entry, &shard, start).await?;
    let (stream, registered_at) = (entry.partition.id(), consumer.created_at);
    let seat = Seat { stream, consumer: consumer.name, registered_at, shard: shard.entry.index };
    let subscription = service.subscriptions.begin(seat, caller.now).ok_or_else(|| {
        Refusal::in_use(format!(
            "Another active subscription exists for this consumer: {}:{}:{name}:{}",
            key.account,
            key.name,
            shard.entry.name()
        ))
    })?;
    let until = caller.now.plus_millis(limits::SUBSCRIPTION_MILLIS);
    let caller = caller.clone();
    Ok(Pushed { service, caller, entry, shard, subscription, from, until, is_over: false })
}

/// What is pushed to a consumer.
struct Pushed {
    service: Arc<Inner>,
    /// Who reads, at the time of the last event.
    caller: Caller,
    entry: Arc<StreamEntry>,
    shard: Arc<ShardHandle>,
    subscription: Subscription,
    from: From,
    until: Instant,
    is_over: bool,
}

impl EventSource for Pushed {
    fn next(&mut self) -> NextEvent<'_> {
        Box::pin(async move {
            let now = self.service.catalog.store().clock().now();
            if self.is_over || now >= self.until {
                return None;
            }
            let event = self.event(now).await;
            let meter = self.service.meter(&self.entry);
            meter.called(Counter::EventCalls, Counter::EventSuccess, event.is_ok());
            Some(event.map(|(event, room)| Said::new(event).holding(Hold::new(room))).map_err(Refused::from))
        })
    }
}

impl Pushed {
    async fn event(&mut self, now: Instant) -> Result<(SubscribeToShardEventStream, Room), Refusal> {
        let most = Most { records: limits::READ_RECORDS_MAX, bytes: limits::EVENT_BYTES_MAX };
        let partition = self.service.shard(&self.entry, &self.shard)?;
        let until = now.plus_millis(limits::KEEP_ALIVE_MILLIS).min(self.until);
        let from = self.from.counter;
        let read = |bytes_max| Command::Read { from, records_max: most.records, bytes_max };
        let stop = self.subscription.taken_over();
        let found = partition.pending_when_ready(until, stop, || read(most.bytes), Reply::is_nothing_yet).await?;
        let account = self.entry.key.account;
        let (found, room) = match self.service.replies.take_now(account, beside(&found)) {
            Some(room) => (found, room),
            None => {
                drop(found);
                let clock = &**self.service.catalog.store().clock();
                let execute = |bytes| partition.execute(read(bytes));
                match self.service.replies.begin(account, clock, until, most.bytes, execute).await? {
                    Some(begun) => begun,
                    // Nothing for now, and where the reader is.
                    None => {
                        let looks = Command::Read { from, records_max: 0, bytes_max: 0 };
                        (partition.execute(looks)?, Room::default())
                    }
                }
            }
        };
        let (reply, contents) = found.read().await?;
        self.check_seat()?;
        let now = self.service.catalog.store().clock().now();
        let gone = || Refusal::no_stream(self.entry.key.account, &self.entry.key.name);
        let batch = batch(now, self.from, most, &reply, contents).ok_or_else(gone)?;
        self.caller.now = now;
        let batch = self.service.sealing.open(&self.caller, &self.entry, batch).await?;
        self.count(&batch);
        self.from = batch.next;
        self.is_over = batch.is_end;
        Ok((self.shown(&batch), room))
    }

    fn count(&self, batch: &Batch) {
        let (records, bytes) = (batch.records.len() as u64, batch.records.iter().map(stream::Record::size).sum());
        let meter = self.service.meter(&self.entry);
        meter.add(Counter::EventRecords, records);
        meter.add(Counter::EventBytes, bytes);
        meter.see_event_behind(batch.millis_behind);
        let counts = [(ShardCounter::OutgoingRecords, records), (ShardCounter::OutgoingBytes, bytes)];
        self.service.count_shard(&self.entry.view(), &self.shard, &counts);
    }

    /// Whether the seat is still ours, and the consumer registered.
    fn check_seat(&self) -> Result<(), Refusal> {
        if !self.subscription.is_on() {
            return Err(Refusal::in_use("Another subscription of this consumer to this shard has taken over."));
        }
        let seat = self.subscription.seat();
        match self.entry.view().consumers.get(&seat.consumer) {
            Some(consumer) if consumer.created_at == seat.registered_at => Ok(()),
            _ => Err(Refusal::no_consumer(self.entry.key.account, &seat.consumer)),
        }
    }

    fn shown(&self, batch: &Batch) -> SubscribeToShardEventStream {
        let shard = &self.shard.entry;
        let number = || match batch.records.last() {
            Some(last) => SequenceNumber::new(shard.opened_at, shard.index, last.counter(), last.arrived_at()),
            // Only its counter is looked at when it comes back.
            None => {
                let before = batch.next.counter.saturating_sub(1);
                SequenceNumber::new(shard.opened_at, shard.index, before, shard.opened_at)
            }
        };
        let children = batch.is_end.then(|| describe::children(&self.entry.view_after_changes(), shard.index));
        SubscribeToShardEventStream::SubscribeToShardEvent(SubscribeToShardEvent {
            records: batch.records.iter().map(|record| shown(shard, record)).collect(),
            continuation_sequence_number: if batch.is_end { String::new() } else { number().to_string() },
            millis_behind_latest: i64::try_from(batch.millis_behind).unwrap_or(i64::MAX),
            child_shards: children,
        })
    }
}
