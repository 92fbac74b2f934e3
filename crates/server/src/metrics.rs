//! Counters that are kept elsewhere and read when somebody asks for `/metrics`.

use engine::Store;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use sqs::Sqs;
use std::fmt;
use std::sync::Arc;

/// The journal's counters and the queues' depths.
pub(crate) struct StoreCollector {
    pub(crate) store: Arc<Store>,
    pub(crate) sqs: Arc<Sqs>,
}

impl fmt::Debug for StoreCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreCollector")
    }
}

impl Collector for StoreCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let journal = self.store.journal().stats();
        let counters = [
            ("blocks", "Blocks written to the log", journal.blocks),
            ("records", "Records written to the log", journal.records),
            ("payload_bytes", "Bytes of records' payloads", journal.payload_bytes),
            ("written_bytes", "Bytes written to the log, headers and padding included", journal.written_bytes),
            ("syncs", "Times the log was synced to disk", journal.syncs),
        ];
        for (name, help, value) in counters {
            counter(&mut encoder, &format!("tidewire_journal_{name}"), help, value)?;
        }
        let seconds = ConstCounter::new(journal.sync_seconds);
        let help = "Seconds spent in syncs of the log";
        seconds.encode(encoder.encode_descriptor(
            "tidewire_journal_sync_seconds",
            help,
            None,
            seconds.metric_type(),
        )?)?;
        gauge(&mut encoder, "tidewire_journal_pending_bytes", "Bytes waiting for the disk", journal.pending_bytes)?;
        let (active, resting) = self.store.partitions();
        for (name, help, value) in [
            ("partitions_active", "Queues that are used, or hold what stands in the log alone", active as u64),
            ("partitions_resting", "Queues of which nothing but a snapshot is in memory", resting as u64),
            ("memory_bytes", "Bytes of messages kept in memory", self.store.memory().used() as u64),
            ("memory_limit_bytes", "The bound on the former", self.store.memory().limit() as u64),
            ("log_files", "Files of the log", journal.log_files),
            (
                "damaged_files",
                "Files set aside because parts of them cannot be read",
                self.store.journal().damaged_files(),
            ),
            ("segments", "Files that hold messages beyond the log", self.store.journal().segments().len() as u64),
        ] {
            gauge(&mut encoder, &format!("tidewire_store_{name}"), help, value)?;
        }
        let help = "Messages on disk that could not be read because their bytes are damaged";
        counter(&mut encoder, "tidewire_store_damaged_reads", help, self.store.damaged_reads())?;
        let queues = self.sqs.totals();
        for (name, help, value) in [
            ("queues", "SQS queues", queues.queues),
            ("messages_visible", "Messages ready to be received, all SQS queues together", queues.visible),
            ("messages_not_visible", "Messages in flight, all SQS queues together", queues.in_flight),
            ("messages_delayed", "Messages not yet visible, all SQS queues together", queues.delayed),
        ] {
            gauge(&mut encoder, &format!("tidewire_sqs_{name}"), help, value)?;
        }
        Ok(())
    }
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let counter = ConstCounter::new(value);
    counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}
