//! PutRecord: one record, in the shard of its key. PutRecords: up to 500, each of which is kept or says why not.

use crate::api::{PutRecordInput, PutRecordOutput, PutRecordsInput, PutRecordsOutput, PutRecordsResultEntry};
use crate::describe::count;
use crate::needs::Asking;
use crate::placing::{self, Behind, Put};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation, Target};
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct PutRecord;

impl Operation for PutRecord {
    type Input = PutRecordInput;
    type Output = PutRecordOutput;

    fn needs(asking: &Asking<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        asking.on("PutRecord", &of_one(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<PutRecordOutput, Refusal> {
        let entry = service.stream(&caller, &of_one(&input)).await?;
        let behind =
            input.sequence_number_for_ordering.as_deref().map(|text| Behind::parse(text, &entry)).transpose()?;
        let record =
            Put { data: input.data, partition_key: input.partition_key, explicit_hash_key: input.explicit_hash_key };
        placing::check(&entry.view(), std::slice::from_ref(&record))?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        let mut placed = service.put(&entry, vec![record], behind).await?;
        let placed = placed.pop().expect("who puts one record is told of one")?;
        Ok(PutRecordOutput {
            shard_id: placed.shard_id,
            sequence_number: placed.sequence_number,
            encryption_type: None,
        })
    }
}

fn of_one(input: &PutRecordInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}

pub(crate) struct PutRecords;

impl Operation for PutRecords {
    type Input = PutRecordsInput;
    type Output = PutRecordsOutput;

    fn needs(asking: &Asking<'_>, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        asking.on("PutRecords", &of_many(input))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<PutRecordsOutput, Refusal> {
        let entry = service.stream(&caller, &of_many(&input)).await?;
        let put = |entry: crate::api::PutRecordsRequestEntry| Put {
            data: entry.data,
            partition_key: entry.partition_key,
            explicit_hash_key: entry.explicit_hash_key,
        };
        let records: Vec<_> = input.records.into_iter().map(put).collect();
        placing::check(&entry.view(), &records)?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        let placed = service.put(&entry, records, None).await?;
        let failed = placed.iter().filter(|placed| placed.is_err()).count();
        let result = |placed: Result<placing::Placed, Refusal>| match placed {
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
        };
        Ok(PutRecordsOutput {
            failed_record_count: Some(count(failed)),
            records: placed.into_iter().map(result).collect(),
            encryption_type: None,
        })
    }
}

fn of_many(input: &PutRecordsInput) -> Target<'_> {
    Target::of(input.stream_name.as_deref(), input.stream_arn.as_deref(), input.stream_id.as_deref())
}
