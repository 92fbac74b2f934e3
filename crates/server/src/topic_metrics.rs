//! What is counted of topics' deliveries, in CloudWatch's terms, read when somebody asks for `/metrics`.
//!
//! The first `metrics.topics_max` topics have lines of their own; those of the others are summed up as `(others)`.

use engine::Clock;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use sns::{DeliveryCounts, ProtocolCounts, Sns};
use std::fmt;
use std::sync::Arc;

/// The counts of all topics.
pub(crate) struct TopicCollector {
    pub(crate) sns: Arc<Sns>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl fmt::Debug for TopicCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TopicCollector")
    }
}

/// A metric: its name, what it says, and which count it is.
type Row = (&'static str, &'static str, fn(&DeliveryCounts) -> u64);

const ROWS: [Row; 8] = [
    ("tidewire_sns_messages_published", "NumberOfMessagesPublished", |counts| counts.published),
    ("tidewire_sns_publish_size_bytes", "PublishSize, summed up", |counts| counts.published_bytes),
    ("tidewire_sns_notifications_delivered", "NumberOfNotificationsDelivered", |counts| counts.delivered),
    ("tidewire_sns_notifications_failed", "NumberOfNotificationsFailed", |counts| counts.failed),
    ("tidewire_sns_notifications_redriven_to_dlq", "NumberOfNotificationsRedrivenToDlq", |counts| counts.redriven),
    ("tidewire_sns_notifications_failed_to_redrive_to_dlq", "NumberOfNotificationsFailedToRedriveToDlq", |counts| {
        counts.failed_to_redrive
    }),
    ("tidewire_sns_messages_with_findings", "MessagesWithFindings", |counts| counts.with_findings),
    ("tidewire_sns_messages_with_no_findings", "MessagesWithNoFindings", |counts| counts.with_no_findings),
];

/// A number of a protocol's, in the same way.
type OfProtocol = (&'static str, &'static str, fn(&ProtocolCounts) -> u64);

const COUNTED: [OfProtocol; 2] = [
    ("tidewire_sns_protocol_notifications_delivered", "Notifications that arrived", |counts| counts.delivered),
    ("tidewire_sns_protocol_notifications_failed", "Notifications that failed", |counts| counts.failed),
];

const WAITING: [OfProtocol; 2] = [
    ("tidewire_sns_deliveries_waiting", "Letters that are tried as soon as there is room", |counts| counts.waiting),
    ("tidewire_sns_deliveries_set_aside", "Letters that are being tried, or wait for another attempt", |counts| {
        counts.set_aside
    }),
];

impl TopicCollector {
    fn protocols(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (counts, others) = self.sns.protocol_counts();
        for (name, help, of) in COUNTED {
            let mut family = encoder.encode_descriptor(name, help, None, ConstCounter::new(0_u64).metric_type())?;
            for (protocol, counts) in &counts {
                ConstCounter::new(of(counts)).encode(family.encode_family(&[("protocol", *protocol)])?)?;
            }
        }
        for (name, help, of) in WAITING {
            let mut family = encoder.encode_descriptor(name, help, None, ConstGauge::new(0_i64).metric_type())?;
            for (protocol, counts) in &counts {
                ConstGauge::new(of(counts).cast_signed()).encode(family.encode_family(&[("protocol", *protocol)])?)?;
            }
        }
        let (name, help) = ("tidewire_sns_oldest_waiting_seconds", "How long ago the oldest letter was published");
        let mut family = encoder.encode_descriptor(name, help, None, ConstGauge::new(0_i64).metric_type())?;
        for (protocol, counts) in &counts {
            let age = counts.oldest.map_or(0, |oldest| self.clock.now().since(oldest).as_secs());
            ConstGauge::new(age.cast_signed()).encode(family.encode_family(&[("protocol", *protocol)])?)?;
        }
        let (name, help) = ("tidewire_sns_deliveries_not_looked_at", "Letters of subscriptions beyond the first 10000");
        let gauge = ConstGauge::new(others.cast_signed());
        gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
    }
}

impl Collector for TopicCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (own, shared) = self.sns.delivery_counts();
        for (name, help, of) in ROWS {
            let kind = ConstCounter::new(0_u64).metric_type();
            let mut family = encoder.encode_descriptor(name, help, None, kind)?;
            for (topic, counts) in &own {
                ConstCounter::new(of(counts)).encode(family.encode_family(&[("topic", topic.to_string())])?)?;
            }
            ConstCounter::new(of(&shared)).encode(family.encode_family(&[("topic", "(others)".to_owned())])?)?;
        }
        let kind = ConstCounter::new(0_u64).metric_type();
        let help = "Messages that a subscribed queue refused for good, by its error";
        let mut family = encoder.encode_descriptor("tidewire_sns_letters_refused", help, None, kind)?;
        for (reason, count) in self.sns.refused_letters() {
            ConstCounter::new(count).encode(family.encode_family(&[("reason", reason)])?)?;
        }
        self.protocols(&mut encoder)
    }
}
