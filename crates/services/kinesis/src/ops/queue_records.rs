//! ReceiveQueueRecords, AcknowledgeQueueRecords, UpdateQueueRecordsVisibility, and the same of dead-letter records, with
//! RestoreDeadLetterQueueRecords: what consumers of a queue do.
//!
//! A batch is one change of the queue: it is durable as a whole before any entry of it is answered. What becomes of an entry stands with
//! it; the answer is a success whatever that is.

use crate::api;
use crate::needs::Asking;
use crate::page::size;
use crate::queues::QueueEntry;
use crate::queues::limits;
use crate::queues::machine::{Claim, Command, Fault, Letters, Reply};
use crate::queues::receipt::claimed;
use crate::queues::receiving::Wanted;
use crate::refusal::Refusal;
use crate::service::Inner;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

/// What an entry of a batch came to.
type Outcome = Result<(), (&'static str, &'static str)>;

/// Milliseconds of seconds that the model bounds.
fn millis(secs: i32) -> u64 {
    u64::try_from(secs).unwrap_or(0) * 1000
}

impl Inner {
    /// Tells a queue what a batch asks, for all its entries whose handles are the queue's.
    async fn batch<T>(
        &self,
        entry: &QueueEntry,
        entries: &[T],
        handle: impl Fn(&T) -> &str,
        command: impl FnOnce(Vec<(Claim, &T)>) -> Command,
    ) -> Result<Vec<Outcome>, Refusal> {
        let claims: Vec<_> = entries.iter().map(|one| claimed(entry.partition.id(), handle(one))).collect();
        let known = claims.iter().zip(entries).filter_map(|(claim, one)| Some(((*claim)?, one)));
        let mut each = match entry.partition.execute(command(known.collect()))?.await? {
            Reply::Each(each) => each.into_iter(),
            _ => return Err(Refusal::no_queue(&entry.arn)),
        };
        let outcome = |claim: &Option<Claim>| match claim {
            None => Err((INVALID, "The receipt handle is not one of this queue.")),
            Some(_) => each.next().expect("each entry has an outcome").map_err(told),
        };
        Ok(claims.iter().map(outcome).collect())
    }
}

const INVALID: &str = "InvalidArgumentException";
const NOT_FOUND: &str = "ResourceNotFoundException";

/// Code and sentence of what went wrong with an entry.
fn told(fault: Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::Gone => (NOT_FOUND, "The record was acknowledged before, or its retention period has ended."),
        Fault::Outdated => (INVALID, "The receipt handle is out of date: the record was received again, or restored."),
        Fault::NotInFlight => (INVALID, "The record is not in flight: its visibility timeout has ended."),
        Fault::OtherLetters => {
            (INVALID, "The record is a dead-letter record where none is expected, or none where one is.")
        }
    }
}

macro_rules! receives {
    ($operation:ident, $input:ident, $output:ident, $letters:expr) => {
        pub(crate) struct $operation;

        impl Operation<Inner> for $operation {
            type Input = api::$input;
            type Output = api::$output;
            type Refusal = Refusal;

            fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
                Ok(vec![Asking { service, caller }.on_queue(stringify!($operation), &input.queue_arn)?])
            }

            async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
                let entry = service.queue(&caller, &input.queue_arn).await?;
                let wanted = Wanted {
                    letters: $letters,
                    limit: size(input.limit, limits::RECORDS_MAX),
                    wait_millis: input.wait_time_seconds.map_or(limits::WAIT_SECS_DEFAULT * 1000, millis),
                    visibility_millis: input.visibility_timeout_seconds.map(millis),
                };
                Ok(api::$output { queue_records: service.receive(&caller, &entry, wanted).await? })
            }
        }
    };
}

macro_rules! batches {
    ($operation:ident, $input:ident, $output:ident, $successful:ident, $failed:ident, $command:expr) => {
        pub(crate) struct $operation;

        impl Operation<Inner> for $operation {
            type Input = api::$input;
            type Output = api::$output;
            type Refusal = Refusal;

            fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
                Ok(vec![Asking { service, caller }.on_queue(stringify!($operation), &input.queue_arn)?])
            }

            async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
                let entry = service.queue(&caller, &input.queue_arn).await?;
                let outcomes = service.batch(&entry, &input.entries, |one| &one.receipt_handle, $command).await?;
                let mut output = api::$output { successful: Vec::new(), failed: Vec::new() };
                for (outcome, one) in outcomes.into_iter().zip(input.entries) {
                    let receipt_handle = one.receipt_handle;
                    match outcome {
                        Ok(()) => output.successful.push(api::$successful { receipt_handle }),
                        Err((code, message)) => output.failed.push(api::$failed {
                            receipt_handle,
                            error_code: code.to_owned(),
                            error_message: Some(message.to_owned()),
                        }),
                    }
                }
                Ok(output)
            }
        }
    };
}

/// The claims of entries that say nothing else.
fn claims<T>(known: Vec<(Claim, &T)>) -> Vec<Claim> {
    known.into_iter().map(|(claim, _)| claim).collect()
}

receives!(ReceiveQueueRecords, ReceiveQueueRecordsInput, ReceiveQueueRecordsOutput, Letters::Alive);
receives!(
    ReceiveDeadLetterQueueRecords,
    ReceiveDeadLetterQueueRecordsInput,
    ReceiveDeadLetterQueueRecordsOutput,
    Letters::Dead
);
batches!(
    AcknowledgeQueueRecords,
    AcknowledgeQueueRecordsInput,
    AcknowledgeQueueRecordsOutput,
    AcknowledgeQueueRecordsResultEntry,
    AcknowledgeQueueRecordsErrorEntry,
    |known| Command::Acknowledge { letters: Letters::Alive, claims: claims(known) }
);
batches!(
    AcknowledgeDeadLetterQueueRecords,
    AcknowledgeDeadLetterQueueRecordsInput,
    AcknowledgeDeadLetterQueueRecordsOutput,
    AcknowledgeDeadLetterQueueRecordsResultEntry,
    AcknowledgeDeadLetterQueueRecordsErrorEntry,
    |known| Command::Acknowledge { letters: Letters::Dead, claims: claims(known) }
);
batches!(
    UpdateQueueRecordsVisibility,
    UpdateQueueRecordsVisibilityInput,
    UpdateQueueRecordsVisibilityOutput,
    UpdateQueueRecordsVisibilityResultEntry,
    UpdateQueueRecordsVisibilityErrorEntry,
    |known| {
        let hides = known.into_iter().map(|(claim, one)| (claim, millis(one.visibility_timeout_seconds)));
        Command::Hide { letters: Letters::Alive, claims: hides.collect() }
    }
);
batches!(
    UpdateDeadLetterQueueRecordsVisibility,
    UpdateDeadLetterQueueRecordsVisibilityInput,
    UpdateDeadLetterQueueRecordsVisibilityOutput,
    UpdateDeadLetterQueueRecordsVisibilityResultEntry,
    UpdateDeadLetterQueueRecordsVisibilityErrorEntry,
    |known| {
        let hides = known.into_iter().map(|(claim, one)| (claim, millis(one.visibility_timeout_seconds)));
        Command::Hide { letters: Letters::Dead, claims: hides.collect() }
    }
);
batches!(
    RestoreDeadLetterQueueRecords,
    RestoreDeadLetterQueueRecordsInput,
    RestoreDeadLetterQueueRecordsOutput,
    RestoreDeadLetterQueueRecordsResultEntry,
    RestoreDeadLetterQueueRecordsErrorEntry,
    |known| Command::Restore(claims(known))
);
