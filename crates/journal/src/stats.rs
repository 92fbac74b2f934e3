//! Numbers for `/metrics`: counted by the writer, read by anybody at any time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What the journal did since its open.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stats {
    /// Blocks with records.
    pub blocks: u64,
    /// Records in them.
    pub records: u64,
    /// Their bytes, record headers included.
    pub payload_bytes: u64,
    /// Bytes written to log files: headers, padding and empty blocks included.
    pub written_bytes: u64,
    /// Syncs of log files.
    pub syncs: u64,
    /// Bytes that are not durable yet.
    pub pending_bytes: u64,
    /// Time spent writing and syncing.
    pub sync_seconds: f64,
    /// Zeroed files that wait.
    pub spares: u64,
    /// Files of the log.
    pub log_files: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    blocks: AtomicU64,
    records: AtomicU64,
    payload_bytes: AtomicU64,
    written_bytes: AtomicU64,
    syncs: AtomicU64,
    sync_nanos: AtomicU64,
}

impl Counters {
    pub(crate) fn count_block(&self, records: u32, payload_bytes: usize) {
        self.blocks.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(u64::from(records), Ordering::Relaxed);
        self.payload_bytes.fetch_add(payload_bytes as u64, Ordering::Relaxed);
    }

    /// `written` and `syncs` are totals since the open.
    pub(crate) fn count_write(&self, (written, syncs): (u64, u64), took: Duration) {
        self.written_bytes.store(written, Ordering::Relaxed);
        self.syncs.store(syncs, Ordering::Relaxed);
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.sync_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> Stats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Stats {
            blocks: load(&self.blocks),
            records: load(&self.records),
            payload_bytes: load(&self.payload_bytes),
            written_bytes: load(&self.written_bytes),
            syncs: load(&self.syncs),
            pending_bytes: 0,
            sync_seconds: Duration::from_nanos(load(&self.sync_nanos)).as_secs_f64(),
            spares: 0,
            log_files: 0,
        }
    }
}
