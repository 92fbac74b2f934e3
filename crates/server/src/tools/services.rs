//! What the services know of records, for tools that open no server: whether they can be replayed, and what they say.

use crate::recoveries::Recoveries;
use engine::{Keyring, MalformedRecord, Memory, Recover, content_of_sealed, open_record};
use journal::{Record, ReplayError, Snapshot};
use names::Instant;
use sqs::Described;
use std::sync::Arc;

/// Contents that a check keeps in memory while it replays; more would not make it see more.
const MEMORY_BYTES: usize = 16 << 20;

/// Replays like an opening server, and keeps nothing afterwards.
pub(crate) struct Replay {
    recoveries: Recoveries,
    memory: Arc<Memory>,
}

impl Replay {
    pub(crate) fn new() -> Self {
        Self { recoveries: Recoveries::new(), memory: Arc::new(Memory::new(MEMORY_BYTES)) }
    }

    pub(crate) fn snapshot(&mut self, snapshot: &Snapshot<'_>) -> Result<(), ReplayError> {
        let recovery = self.of(snapshot.partition.family())?;
        recovery.0.snapshot(snapshot, recovery.1).map_err(|error| ReplayError::from(error.to_string()))
    }

    pub(crate) fn record(&mut self, record: &Record<'_>) -> Result<(), ReplayError> {
        let recovery = self.of(record.partition.family())?;
        recovery.0.record(record, recovery.1).map_err(|error| ReplayError::from(error.to_string()))
    }

    fn of(&mut self, family: u8) -> Result<(&mut dyn Recover, &Arc<Memory>), ReplayError> {
        let part = self.recoveries.parts().into_iter().find(|part| part.family() == family);
        let unknown = || format!("record family {family} is of a service that this version does not have");
        Ok((part.ok_or_else(unknown)?, &self.memory))
    }
}

/// A record in words, or why there are none.
pub(crate) fn describe(record: &Record<'_>) -> Result<Described, String> {
    match record.partition.family() {
        sqs::FAMILY => sqs::describe(record.kind, record.version, record.payload).map_err(|error| error.to_string()),
        kms::FAMILY => of_no_queue(kms::describe(record.kind, record.version, record.payload)),
        iam::FAMILY => of_no_queue(iam::describe(record.kind, record.version, record.payload)),
        sns::FAMILY => of_no_queue(sns::describe(record.kind, record.version, record.payload)),
        sns::OUTBOX_FAMILY => of_no_queue(sns::describe_delivery(record.kind, record.version, record.payload)),
        sns::ARCHIVE_FAMILY => of_no_queue(sns::describe_archive(record.kind, record.version, record.payload)),
        sns::SMS_FAMILY => of_no_queue(sns::describe_sms(record.kind, record.version, record.payload)),
        sns::PUSH_FAMILY => of_no_queue(sns::describe_push(record.kind, record.version, record.payload)),
        leases::FAMILY => of_no_queue(leases::describe(record.kind, record.version, record.payload)),
        kinesis::FAMILY | kinesis::SHARDS_FAMILY | kinesis::QUEUES_FAMILY | kinesis::GROUPS_FAMILY => {
            of_no_queue(kinesis::describe(record.partition.family(), record.kind, record.version, record.payload))
        }
        family => Err(format!("family {family} is of a service that this version does not have")),
    }
}

fn of_no_queue(told: Result<engine::Described, MalformedRecord>) -> Result<Described, String> {
    let engine::Described { what, time, details } = told.map_err(|error| error.to_string())?;
    Ok(Described { what, queue: None, time, message: None, details, body: None })
}

/// The queue that a snapshot is of.
pub(crate) fn queue_of(snapshot: &Snapshot<'_>) -> Option<String> {
    let readable = snapshot.partition.family() == sqs::FAMILY && snapshot.partition.ordinal() > 0 && !snapshot.over;
    readable.then(|| sqs::queue_of_snapshot(snapshot.version, &snapshot.state).ok().flatten()).flatten()
}

/// When a record was written, if it says so.
pub(crate) fn time_of(keys: Option<&Keyring>, record: &Record<'_>) -> Result<Option<Instant>, String> {
    // A message says it outside of what is sealed.
    if let Some((_, time)) = content_of_sealed(record) {
        return Ok(Some(time));
    }
    let mut plain = Vec::new();
    let opened = open_record(keys, record, &mut plain).map_err(|sealed| sealed.to_string())?;
    describe(&opened).map(|described| described.time)
}
