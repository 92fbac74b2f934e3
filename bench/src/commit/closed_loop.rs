//! Closed-loop clients inside this process: tasks that commit one record after the other through a `Path`.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use journal::Entry;
use names::PartitionId;
use tokio::task::JoinSet;

use crate::latency::Latencies;
use crate::usage::CpuSample;

/// Bytes of a record's payload.
pub(crate) const RECORD_BYTES: usize = 1024;

/// How long clients run before their acknowledgements count.
const WARM_UP: Duration = Duration::from_millis(150);

/// A way from a client's task to the disk.
pub(crate) trait Path: Send + Sync + 'static {
    /// Commits one record; returns when it is durable.
    fn commit(&self, record: &mut NextRecord) -> impl Future<Output = Result<(), String>> + Send;
}

/// The record a client commits next: for paths without a shared state every client is a partition of its own.
pub(crate) struct NextRecord {
    partition: PartitionId,
    sequence: u64,
    pub(crate) payload: Arc<[u8]>,
}

impl NextRecord {
    pub(crate) fn new() -> Self {
        let payload = crate::request::text().into_bytes().into();
        Self { partition: fresh_partition(), sequence: 0, payload }
    }

    pub(crate) fn next(&mut self) -> Entry<'_> {
        self.sequence += 1;
        entry(self.partition, self.sequence, &self.payload)
    }
}

/// One 1 KB entry of a kind that nobody interprets.
pub(crate) fn entry(partition: PartitionId, sequence: u64, payload: &[u8]) -> Entry<'_> {
    Entry { partition, sequence, kind: 1, version: 1, key_id: 0, payload }
}

/// A partition that no client of this run has used, since its sequence must begin at 1.
pub(crate) fn fresh_partition() -> PartitionId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    PartitionId::new(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What the clients of one window saw.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) acks: u64,
    pub(crate) elapsed: Duration,
    /// CPU time of this whole process: clients, path, and commit thread.
    pub(crate) cpu: Duration,
    pub(crate) latencies: Latencies,
    pub(crate) broken: Option<String>,
}

impl Outcome {
    pub(crate) fn merge(&mut self, other: &Outcome) {
        self.acks += other.acks;
        self.elapsed += other.elapsed;
        self.cpu += other.cpu;
        self.latencies.merge(&other.latencies);
    }
}

const WARMING: u8 = 0;
const COUNTING: u8 = 1;
const CLOSED: u8 = 2;

/// Runs `clients` tasks for `window` after a warm-up.
pub(crate) async fn run<P: Path>(path: &Arc<P>, clients: usize, window: Duration) -> Outcome {
    let stage = Arc::new(AtomicU8::new(WARMING));
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        tasks.spawn(client(Arc::clone(path), Arc::clone(&stage)));
    }
    tokio::time::sleep(WARM_UP).await;
    let (cpu, begun) = (CpuSample::of(std::process::id()), Instant::now());
    stage.store(COUNTING, Ordering::Relaxed);
    tokio::time::sleep(window).await;
    stage.store(CLOSED, Ordering::Relaxed);
    let elapsed = begun.elapsed();
    let cpu = CpuSample::of(std::process::id()).since(&cpu);
    let mut outcome = Outcome { elapsed, cpu, ..Outcome::default() };
    while let Some(ended) = tasks.join_next().await {
        let (latencies, broken) = ended.expect("a client does not panic");
        outcome.acks += latencies.len() as u64;
        outcome.latencies.merge(&latencies);
        outcome.broken = outcome.broken.or(broken);
    }
    outcome
}

async fn client<P: Path>(path: Arc<P>, stage: Arc<AtomicU8>) -> (Latencies, Option<String>) {
    let mut record = NextRecord::new();
    let mut latencies = Latencies::default();
    loop {
        let begun = Instant::now();
        if let Err(broken) = path.commit(&mut record).await {
            return (latencies, Some(broken));
        }
        match stage.load(Ordering::Relaxed) {
            WARMING => {}
            COUNTING => latencies.record(begun.elapsed()),
            _ => return (latencies, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sleepy;

    impl Path for Sleepy {
        async fn commit(&self, record: &mut NextRecord) -> Result<(), String> {
            assert_eq!(record.next().payload.len(), RECORD_BYTES);
            tokio::time::sleep(Duration::from_millis(5)).await;
            Ok(())
        }
    }

    struct Broken;

    impl Path for Broken {
        async fn commit(&self, _: &mut NextRecord) -> Result<(), String> {
            Err("the disk is gone".into())
        }
    }

    #[tokio::test]
    async fn clients_count_what_was_acknowledged_inside_the_window() {
        let outcome = run(&Arc::new(Sleepy), 4, Duration::from_millis(200)).await;
        assert!((4..=160).contains(&outcome.acks), "{}", outcome.acks);
        assert_eq!(outcome.latencies.len() as u64, outcome.acks);
        assert_eq!(outcome.broken, None);
    }

    #[tokio::test]
    async fn a_broken_path_is_reported_and_not_counted() {
        let outcome = run(&Arc::new(Broken), 2, Duration::from_millis(10)).await;
        assert_eq!((outcome.acks, outcome.broken.as_deref()), (0, Some("the disk is gone")));
    }

    #[test]
    fn every_client_is_a_partition_of_its_own_with_dense_sequences() {
        let (mut first, mut second) = (NextRecord::new(), NextRecord::new());
        assert_ne!(first.next().partition, second.next().partition);
        assert_eq!(first.next().sequence, 2);
    }
}
