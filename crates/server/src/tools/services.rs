//! What the services know of records, for tools that open no server: whether they can be replayed, and what they say.

use engine::{Keyring, Memory, Recover, content_of_sealed, open_record};
use iam::{Iam, IamRecovery};
use journal::{Record, ReplayError, Snapshot};
use kms::{Kms, KmsRecovery};
use names::Instant;
use sqs::{Described, Sqs, SqsRecovery};
use std::sync::Arc;

/// Contents that a check keeps in memory while it replays; more would not make it see more.
const MEMORY_BYTES: usize = 16 << 20;

/// Replays like an opening server, and keeps nothing afterwards.
pub(crate) struct Replay {
    sqs: SqsRecovery,
    iam: IamRecovery,
    kms: KmsRecovery,
    memory: Arc<Memory>,
}

impl Replay {
    pub(crate) fn new() -> Self {
        Self {
            sqs: Sqs::recovery(),
            iam: Iam::recovery(),
            kms: Kms::recovery(),
            memory: Arc::new(Memory::new(MEMORY_BYTES)),
        }
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
        if family == self.sqs.family() {
            return Ok((&mut self.sqs, &self.memory));
        }
        if family == self.kms.family() {
            return Ok((&mut self.kms, &self.memory));
        }
        if family == self.iam.family() {
            return Ok((&mut self.iam, &self.memory));
        }
        Err(format!("record family {family} is of a service that this version does not have").into())
    }
}

/// A record in words, or why there are none.
pub(crate) fn describe(record: &Record<'_>) -> Result<Described, String> {
    match record.partition.family() {
        sqs::FAMILY => sqs::describe(record.kind, record.version, record.payload).map_err(|error| error.to_string()),
        kms::FAMILY => {
            let told = kms::describe(record.kind, record.version, record.payload).map_err(|error| error.to_string())?;
            let kms::Described { what, time, details } = told;
            Ok(Described { what, queue: None, time, message: None, details, body: None })
        }
        iam::FAMILY => {
            let told = iam::describe(record.kind, record.version, record.payload).map_err(|error| error.to_string())?;
            let iam::Described { what, time, details } = told;
            Ok(Described { what, queue: None, time, message: None, details, body: None })
        }
        family => Err(format!("family {family} is of a service that this version does not have")),
    }
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
