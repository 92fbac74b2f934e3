//! GetRecords: what stands in a shard from an iterator on, and the iterator to read on with. Who asks for it waits where nothing stands yet
//! (docs/STREAMS.md), and is answered as soon as a record arrives, the shard closes, or the time is over. At the end of a closed shard there is none, and
//! its children are told instead.

use crate::api::enums::encryption_type;
use crate::api::{GetRecordsInput, GetRecordsOutput, Record};
use crate::catalog::{ShardHandle, StreamEntry, View};
use crate::describe::{self, timestamp};
use crate::iterator::ShardIterator;
use crate::limits;
use crate::meters::{Counter, ShardCounter};
use crate::needs::Asking;
use crate::page::size;
use crate::reading::{Batch, From, Most};
use crate::refusal::Refusal;
use crate::replies::Room;
use crate::service::{Inner, Target};
use crate::settings::ShardEntry;
use crate::throttle;
use gateway::{Answered, Caller, Hold, Need, Operation};
use std::sync::Arc;
use stream::SequenceNumber;

pub(crate) struct GetRecords;

impl Operation<Inner> for GetRecords {
    type Input = GetRecordsInput;
    type Output = WithRoom;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let (_, entry) = service.iterated(caller, &input.shard_iterator)?;
        Ok(vec![Asking { service, caller }.on_key("GetRecords", &entry.key)])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<WithRoom, Refusal> {
        let (iterator, entry) = service.iterated(&caller, &input.shard_iterator)?;
        let target = Target::of(None, input.stream_arn.as_deref(), input.stream_id.as_deref());
        if (input.stream_arn.is_some() || input.stream_id.is_some()) && service.key(&caller, &target)? != entry.key {
            return Err(Refusal::invalid("ShardIterator and StreamARN are of different streams."));
        }
        iterator.check(caller.now)?;
        let wait_millis = wait_millis(&caller)?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        let outcome = read(&service, &caller, &entry, &iterator, (input.limit, wait_millis)).await;
        let meter = service.meter(&entry);
        meter.called(Counter::GetRecordsCalls, Counter::GetRecordsSuccess, outcome.is_ok());
        meter.add(Counter::GetRecordsMillis, service.millis_since(caller.now));
        outcome
    }

    fn answered(WithRoom { output, room }: WithRoom) -> Answered {
        Answered::held(output, Hold::new(room))
    }
}

/// The output, and the room that its records take until they are written.
pub(crate) struct WithRoom {
    output: GetRecordsOutput,
    room: Room,
}

impl wire::Write for WithRoom {
    fn write(&self, writer: &mut dyn wire::Writer) {
        self.output.write(writer);
    }
}

async fn read(
    service: &Inner,
    caller: &Caller,
    entry: &Arc<StreamEntry>,
    iterator: &ShardIterator,
    (limit, wait_millis): (Option<i32>, u64),
) -> Result<WithRoom, Refusal> {
    let view = entry.view();
    let shard = view.shard(iterator.shard).ok_or_else(Refusal::iterator)?;
    if !service.throttle.read(shard.entry.partition, caller.now) {
        service.meter(entry).add(Counter::ReadExceeded, 1);
        service.count_shard(&view, shard, &[(ShardCounter::ReadExceeded, 1)]);
        return Err(throttle::refused(entry, shard));
    }
    let from = From { counter: iterator.from, not_before: iterator.not_before };
    let most = Most { records: size(limit, limits::READ_RECORDS_MAX), bytes: limits::READ_BYTES_MAX };
    let until = caller.now.plus_millis(wait_millis);
    let batch = match wait_millis {
        0 => service.read(entry, shard, from, most).await?,
        _ => service.read_waiting(entry, shard, from, most, (until, caller.stopping.wait())).await?,
    };
    let now = service.catalog.store().clock().now();
    let mut caller = caller.clone();
    caller.now = caller.now.max(now);
    let batch = service.sealing.open(&caller, entry, batch).await?;
    let bytes = batch.records.iter().map(stream::Record::size).sum();
    service.throttle.have_read(shard.entry.partition, bytes, now);
    count_read(service, entry, (&view, shard), &batch, bytes);
    let next =
        ShardIterator { from: batch.next.counter, not_before: batch.next.not_before, made_at: caller.now, ..*iterator };
    let children = batch.is_end.then(|| describe::children(&entry.view_after_changes(), iterator.shard));
    let output = GetRecordsOutput {
        records: batch.records.iter().map(|record| shown(&shard.entry, record)).collect(),
        next_shard_iterator: (!batch.is_end).then(|| next.show()),
        millis_behind_latest: Some(i64::try_from(batch.millis_behind).unwrap_or(i64::MAX)),
        child_shards: children.filter(|children| !children.is_empty()),
    };
    Ok(WithRoom { output, room: batch.room })
}

fn count_read(service: &Inner, entry: &StreamEntry, of: (&View, &ShardHandle), batch: &Batch, bytes: u64) {
    let ((view, shard), records) = (of, batch.records.len() as u64);
    let meter = service.meter(entry);
    meter.add(Counter::GetRecordsRecords, records);
    meter.add(Counter::GetRecordsBytes, bytes);
    meter.see_iterator_age(batch.millis_behind);
    service.count_shard(view, shard, &[(ShardCounter::OutgoingRecords, records), (ShardCounter::OutgoingBytes, bytes)]);
    if let Some(meter) = service.shard_meter(view, shard) {
        meter.see_iterator_age(batch.millis_behind);
    }
}

/// How long the caller waits for a record.
fn wait_millis(caller: &Caller) -> Result<u64, Refusal> {
    let Some(text) = caller.wait_millis.as_deref() else { return Ok(0) };
    let most = limits::READ_WAIT_MILLIS_MAX;
    let millis = text.parse().ok().filter(|millis| *millis <= most && text.bytes().all(|byte| byte.is_ascii_digit()));
    millis.ok_or_else(|| {
        Refusal::invalid(format!("X-Tidewire-Wait-Milliseconds is {text:?}; it is a whole number from 0 to {most}."))
    })
}

impl Inner {
    /// What an iterator says, and the stream that it is of.
    fn iterated(&self, caller: &Caller, text: &str) -> Result<(ShardIterator, Arc<StreamEntry>), Refusal> {
        let iterator = ShardIterator::parse(text)?;
        let entry = self.catalog.find_partition(iterator.stream).filter(|entry| entry.key.region == caller.region);
        Ok((iterator, entry.ok_or_else(|| Refusal::not_found("The stream of this ShardIterator was not found."))?))
    }
}

/// A record as the model has it, opened if it was sealed. Of one that was not AWS says nothing (recorded).
pub(crate) fn shown(shard: &ShardEntry, record: &stream::Record) -> Record {
    let number = SequenceNumber::new(shard.opened_at, shard.index, record.counter(), record.arrived_at());
    Record {
        sequence_number: number.to_string(),
        approximate_arrival_timestamp: Some(timestamp(record.arrived_at())),
        data: record.shared_data(),
        partition_key: record.partition_key().map(str::to_owned),
        encryption_type: record.was_sealed().then(|| encryption_type::KMS.to_owned()),
    }
}

#[cfg(test)]
#[path = "get_records_tests.rs"]
mod tests;
