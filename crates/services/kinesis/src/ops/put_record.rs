//! PutRecord: one record, in the shard of its key. PutRecords: up to 500, each of which is kept or says why not.

use crate::api::enums::encryption_type;
use crate::api::{PutRecordInput, PutRecordOutput, PutRecordsInput, PutRecordsOutput, PutRecordsResultEntry};
use crate::catalog::StreamEntry;
use crate::describe::count;
use crate::meters::{Counter, Meter};
use crate::needs::Asking;
use crate::placing::{self, Behind, Placed, Put, bytes_of};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

pub(crate) struct PutRecord;

impl Operation<Inner> for PutRecord {
    type Input = PutRecordInput;
    type Output = PutRecordOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("PutRecord", &of_one(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<PutRecordOutput, Refusal> {
        let entry = service.stream(&caller, &of_one(&input)).await?;
        let bytes = input.data.len() + input.partition_key.as_ref().map_or(0, String::len);
        let outcome = put_one(&service, &caller, &entry, input).await;
        let meter = service.meter(&entry);
        meter.called(Counter::PutRecordCalls, Counter::PutRecordSuccess, outcome.is_ok());
        meter.add(Counter::PutRecordMillis, service.millis_since(caller.now));
        meter.add(Counter::PutRecordBytes, if outcome.is_ok() { bytes as u64 } else { 0 });
        outcome
    }
}

async fn put_one(
    service: &Inner,
    caller: &Caller,
    entry: &Arc<StreamEntry>,
    input: PutRecordInput,
) -> Result<PutRecordOutput, Refusal> {
    let behind = input.sequence_number_for_ordering.as_deref().map(|text| Behind::parse(text, entry)).transpose()?;
    let record =
        Put { data: input.data, partition_key: input.partition_key, explicit_hash_key: input.explicit_hash_key };
    let view = entry.view();
    placing::check(&view, std::slice::from_ref(&record))?;
    let seal = service.sealing.for_putting(caller, entry, &view).await?;
    if input.dry_run == Some(true) {
        return Err(Refusal::dry_run());
    }
    let mut placed = service.put(entry, vec![record], behind, seal.as_deref()).await?;
    let placed = placed.pop().expect("who puts one record is told of one")?;
    Ok(PutRecordOutput {
        shard_id: placed.shard_id,
        sequence_number: placed.sequence_number,
        encryption_type: seal.map(|_| encryption_type::KMS.to_owned()),
    })
}

fn of_one(input: &PutRecordInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct PutRecords;

impl Operation<Inner> for PutRecords {
    type Input = PutRecordsInput;
    type Output = PutRecordsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("PutRecords", &of_many(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<PutRecordsOutput, Refusal> {
        let entry = service.stream(&caller, &of_many(&input)).await?;
        let put = |entry: crate::api::PutRecordsRequestEntry| Put {
            data: entry.data,
            partition_key: entry.partition_key,
            explicit_hash_key: entry.explicit_hash_key,
        };
        let is_dry = input.dry_run == Some(true);
        let records: Vec<_> = input.records.into_iter().map(put).collect();
        let sizes: Vec<_> = records.iter().map(|record| bytes_of(std::iter::once(record))).collect();
        let outcome = put_many(&service, &caller, &entry, records, is_dry).await;
        let meter = service.meter(&entry);
        count_many(meter, &sizes, outcome.as_ref().ok().map(|(placed, _)| placed.as_slice()));
        meter.add(Counter::PutRecordsMillis, service.millis_since(caller.now));
        let (placed, is_sealed) = outcome?;
        let failed = placed.iter().filter(|placed| placed.is_err()).count();
        Ok(PutRecordsOutput {
            failed_record_count: Some(count(failed)),
            records: placed.into_iter().map(result).collect(),
            encryption_type: is_sealed.then(|| encryption_type::KMS.to_owned()),
        })
    }
}

/// What became of each record, and whether they are sealed.
async fn put_many(
    service: &Inner,
    caller: &Caller,
    entry: &Arc<StreamEntry>,
    records: Vec<Put>,
    is_dry: bool,
) -> Result<(Vec<Result<Placed, Refusal>>, bool), Refusal> {
    let view = entry.view();
    placing::check(&view, &records)?;
    let seal = service.sealing.for_putting(caller, entry, &view).await?;
    if is_dry {
        return Err(Refusal::dry_run());
    }
    let placed = service.put(entry, records, None, seal.as_deref()).await?;
    Ok((placed, seal.is_some()))
}

fn result(placed: Result<Placed, Refusal>) -> PutRecordsResultEntry {
    match placed {
        Ok(placed) => PutRecordsResultEntry {
            sequence_number: Some(placed.sequence_number),
            shard_id: Some(placed.shard_id),
            ..PutRecordsResultEntry::default()
        },
        Err(refusal) => PutRecordsResultEntry {
            error_code: Some(refusal.error.name.to_owned()),
            error_message: Some(refusal.message.into_owned()),
            ..PutRecordsResultEntry::default()
        },
    }
}

/// Counts a PutRecords: nothing was placed if it was refused as a whole.
fn count_many(meter: &Meter, sizes: &[u64], placed: Option<&[Result<Placed, Refusal>]>) {
    let (mut successful, mut throttled, mut bytes) = (0, 0, 0);
    for (size, placed) in sizes.iter().zip(placed.unwrap_or_default()) {
        match placed {
            Ok(_) => (successful, bytes) = (successful + 1, bytes + size),
            Err(refusal) => throttled += u64::from(refusal.is_throttle()),
        }
    }
    let total = sizes.len() as u64;
    meter.called(Counter::PutRecordsCalls, Counter::PutRecordsSuccess, successful > 0);
    meter.add(Counter::PutRecordsTotal, total);
    meter.add(Counter::PutRecordsSuccessful, successful);
    meter.add(Counter::PutRecordsThrottled, throttled);
    meter.add(Counter::PutRecordsFailed, total - successful - throttled);
    meter.add(Counter::PutRecordsBytes, bytes);
}

fn of_many(input: &PutRecordsInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PutRecordsRequestEntry;
    use crate::house::House;

    #[test]
    fn behind_a_record_that_its_shard_refuses_none_of_the_request_is_put_there() {
        let house = House::new(true);
        let record = |bytes| PutRecordsRequestEntry {
            data: vec![7; bytes].into(),
            partition_key: Some("k".into()),
            ..Default::default()
        };
        let put = |sizes: &[usize]| {
            let records = sizes.iter().copied().map(record).collect();
            let input = PutRecordsInput { records, stream_name: Some("s".into()), ..Default::default() };
            let answer = house.call::<PutRecords>(input).unwrap();
            answer.records.into_iter().map(|one| one.error_code.unwrap_or_default()).collect::<Vec<_>>()
        };
        let busy = "ProvisionedThroughputExceededException";
        (0..20).for_each(|_| assert_eq!(put(&[50_000]), [""]));
        // The second would have had room within the mebibyte, and would have been put before the first.
        assert_eq!(put(&[50_000, 10]), [busy, busy]);
        // Whoever sends what was refused once more has it in its order.
        house.clock.advance_millis(1_000);
        assert_eq!(put(&[50_000, 10]), ["", ""]);
    }
}
