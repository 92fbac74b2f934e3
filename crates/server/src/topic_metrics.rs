//! What is counted of topics' deliveries, in CloudWatch's terms, read when somebody asks for `/metrics`.
//!
//! The first `metrics.topics_max` topics have lines of their own; those of the others are summed up as `(others)`.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use sns::{DeliveryCounts, Sns};
use std::fmt;
use std::sync::Arc;

/// The counts of all topics.
pub(crate) struct TopicCollector(pub(crate) Arc<Sns>);

impl fmt::Debug for TopicCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TopicCollector")
    }
}

/// A metric: its name, what it says, and which count it is.
type Row = (&'static str, &'static str, fn(&DeliveryCounts) -> u64);

const ROWS: [Row; 4] = [
    ("tidewire_sns_notifications_delivered", "NumberOfNotificationsDelivered", |counts| counts.delivered),
    ("tidewire_sns_notifications_failed", "NumberOfNotificationsFailed", |counts| counts.failed),
    ("tidewire_sns_notifications_redriven_to_dlq", "NumberOfNotificationsRedrivenToDlq", |counts| counts.redriven),
    ("tidewire_sns_notifications_failed_to_redrive_to_dlq", "NumberOfNotificationsFailedToRedriveToDlq", |counts| {
        counts.failed_to_redrive
    }),
];

impl Collector for TopicCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let (own, shared) = self.0.delivery_counts();
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
        for (reason, count) in self.0.refused_letters() {
            ConstCounter::new(count).encode(family.encode_family(&[("reason", reason)])?)?;
        }
        Ok(())
    }
}
