//! Counters that are kept elsewhere and read when somebody asks for `/metrics`.

use engine::Store;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, LabelSetEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use sqs::{Metered, Sqs, Totals};
use std::fmt::{self, Write};
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
        let totals = self.sqs.totals();
        for (name, help, value) in [
            ("queues", "SQS queues", totals.queues),
            ("messages_visible", "Messages ready to be received, all SQS queues together", totals.visible),
            ("messages_not_visible", "Messages in flight, all SQS queues together", totals.in_flight),
            ("messages_delayed", "Messages not yet visible, all SQS queues together", totals.delayed),
        ] {
            gauge(&mut encoder, &format!("tidewire_sqs_{name}"), help, value)?;
        }
        self.queues(&mut encoder, totals)
    }
}

/// Reads one number of a queue.
type Reading = fn(&Metered) -> u64;

/// What is counted of each queue: its name here, what it is, and CloudWatch's name for it.
const COUNTED: [(&str, &str, Reading); 5] = [
    ("messages_sent", "NumberOfMessagesSent", |queue| queue.counted.sent),
    ("sent_message_size_bytes", "SentMessageSize, summed up", |queue| queue.counted.sent_bytes),
    ("messages_received", "NumberOfMessagesReceived", |queue| queue.counted.received),
    ("messages_deleted", "NumberOfMessagesDeleted", |queue| queue.counted.deleted),
    ("empty_receives", "NumberOfEmptyReceives", |queue| queue.counted.empty_receives),
];

/// What each queue holds.
const HELD: [(&str, &str, Reading); 3] = [
    ("messages_visible", "ApproximateNumberOfMessagesVisible", |queue| queue.visible),
    ("messages_not_visible", "ApproximateNumberOfMessagesNotVisible", |queue| queue.in_flight),
    ("messages_delayed", "ApproximateNumberOfMessagesDelayed", |queue| queue.delayed),
];

/// What no queue can be called, for what all those without a meter of their own come to.
const OTHERS: &str = "(others)";

impl StoreCollector {
    /// CloudWatch's metrics of each queue that has a meter, and of the others together.
    fn queues(&self, encoder: &mut DescriptorEncoder<'_>, totals: Totals) -> fmt::Result {
        let metered = self.sqs.metered(totals);
        let labels: Vec<Labels<'_>> = metered.iter().map(Labels::of).collect();
        for (name, help, read) in COUNTED {
            let kind = ConstCounter::new(0_u64).metric_type();
            let name = format!("tidewire_sqs_queue_{name}");
            let mut family = encoder.encode_descriptor(&name, help, None, kind)?;
            for (queue, labels) in metered.iter().zip(&labels) {
                ConstCounter::new(read(queue)).encode(family.encode_family(labels)?)?;
            }
        }
        for (name, help, read) in HELD {
            let kind = ConstGauge::new(0_i64).metric_type();
            let name = format!("tidewire_sqs_queue_{name}");
            let mut family = encoder.encode_descriptor(&name, help, None, kind)?;
            for (queue, labels) in metered.iter().zip(&labels) {
                ConstGauge::new(number(read(queue))).encode(family.encode_family(labels)?)?;
            }
        }
        let (name, help) = ("tidewire_sqs_queue_oldest_message_age_seconds", "ApproximateAgeOfOldestMessage");
        let mut family = encoder.encode_descriptor(name, help, None, ConstGauge::new(0_i64).metric_type())?;
        let now = self.store.clock().now().as_millis();
        // Of the others there is no oldest: each would have to be asked.
        for (queue, labels) in metered.iter().zip(&labels).filter(|(metered, _)| metered.queue.is_some()) {
            let age = queue.oldest_sent_at.map_or(0, |sent_at| now.saturating_sub(sent_at.as_millis()) / 1000);
            ConstGauge::new(number(age)).encode(family.encode_family(labels)?)?;
        }
        Ok(())
    }
}

/// What names a queue on each of its lines, put together once: a page of ten thousand queues has ninety thousand lines.
#[derive(Debug)]
struct Labels<'a> {
    /// The labels before the last one, and its key. None of their values has a letter that had to be escaped.
    begin: String,
    queue: &'a str,
}

impl<'a> Labels<'a> {
    fn of(metered: &'a Metered) -> Self {
        let named = metered.queue.as_ref();
        let (account, region, queue) = named
            .map_or(("", "", OTHERS), |(account, region, name)| (account.as_str(), region.as_str(), name.as_str()));
        Self { begin: format!("account=\"{account}\",region=\"{region}\",queue"), queue }
    }
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let mut label = encoder.encode_label();
        let mut key = label.encode_label_key()?;
        key.write_str(&self.begin)?;
        let mut value = key.encode_label_value()?;
        value.write_str(self.queue)?;
        value.finish()
    }
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let counter = ConstCounter::new(value);
    counter.encode(encoder.encode_descriptor(name, help, None, counter.metric_type())?)
}

fn gauge(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    let gauge = ConstGauge::new(number(value));
    gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
}
