//! What became of deliveries: counted for metrics, kept for a while for whoever asks, and told to a log where the topic's owner asks for
//! that with the attributes `HTTPSuccessFeedbackRoleArn` and the like.
//!
//! AWS writes the log to CloudWatch Logs under the role that the attribute names; here the server writes it to a file, and the role says
//! no more than that it is wanted. The lines are AWS's ("Amazon SNS message delivery status"). Counts are of topics, the first so many;
//! all others share one, so that sums are exact.

use crate::dead_letters::Sent;
use crate::limits::{HISTORY_OF_ONE_MAX, HISTORY_SUBSCRIPTIONS_MAX, ROLE_LEN_MAX};
use crate::message::show_time;
use crate::refusal::Refusal;
use crate::sms;
use crate::topic::{Pairs, Protocol};
use crate::topic_key::SubscriptionId;
use md5::{Digest, Md5};
use names::{Arn, Instant};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was delivered.
    Delivered,
    /// It failed, and is tried again.
    Retried,
    /// It failed for good.
    Failed,
    /// It failed for good, and the subscription's dead-letter queue has it.
    DeadLettered,
}

impl Fate {
    /// As it is shown.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retried => "retried",
            Self::Failed => "failed",
            Self::DeadLettered => "dead-lettered",
        }
    }
}

/// One attempt, as it went.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// When it ended.
    pub(crate) at: Instant,
    /// When the message was published.
    pub(crate) published_at: Instant,
    /// The message.
    pub(crate) message_id: String,
    /// Where it went, without secrets.
    pub(crate) destination: String,
    /// Which attempt it was, from one.
    pub(crate) attempt: u32,
    /// How long the receiver took, in milliseconds.
    pub(crate) dwell_millis: u64,
    /// The receiver's status, if it answered with one.
    pub(crate) status: Option<u16>,
    /// What the receiver said, or why it could not be asked.
    pub(crate) said: String,
    /// What came of it.
    pub(crate) fate: Fate,
    /// Of a short message: what only those have.
    pub(crate) short_message: Option<sms::Facts>,
}

/// Counts since the start, of a topic or of those without their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryCounts {
    /// NumberOfMessagesPublished.
    pub published: u64,
    /// PublishSize, summed up.
    pub published_bytes: u64,
    /// NumberOfNotificationsDelivered.
    pub delivered: u64,
    /// NumberOfNotificationsFailed: over HTTP each attempt that failed, as AWS counts.
    pub failed: u64,
    /// NumberOfNotificationsRedrivenToDlq.
    pub redriven: u64,
    /// NumberOfNotificationsFailedToRedriveToDlq.
    pub failed_to_redrive: u64,
    /// MessagesWithFindings, of audits of data protection policies.
    pub with_findings: u64,
    /// MessagesWithNoFindings.
    pub with_no_findings: u64,
}

/// What there is of a protocol, of all topics together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProtocolCounts {
    /// Notifications that arrived since the start.
    pub delivered: u64,
    /// Those that failed since the start: over HTTP each attempt, else what was given up.
    pub failed: u64,
    /// Letters that are tried as soon as there is room.
    pub waiting: u64,
    /// Letters that are being tried, or wait for another attempt.
    pub set_aside: u64,
    /// When the oldest of these was published, to within a minute.
    pub oldest: Option<Instant>,
}

/// Takes the lines of a log.
pub type Lines = Arc<dyn Fn(String) + Send + Sync>;

/// Counts and histories of all topics.
pub(crate) struct Status {
    topics_max: usize,
    counts: Mutex<Counts>,
    histories: Mutex<HashMap<SubscriptionId, VecDeque<Report>>>,
    log: Option<Lines>,
}

#[derive(Default)]
struct Counts {
    own: BTreeMap<Arc<str>, DeliveryCounts>,
    shared: DeliveryCounts,
    by_protocol: BTreeMap<&'static str, ProtocolCounts>,
}

impl Status {
    /// Nothing yet. At most so many topics get counts of their own; lines of the log go to `log`.
    pub(crate) fn new(topics_max: usize, log: Option<Lines>) -> Self {
        Self { topics_max, counts: Mutex::default(), histories: Mutex::default(), log }
    }

    /// A message of so many bytes was published.
    pub(crate) fn count_published(&self, topic: &Arc<str>, bytes: u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let one = counts.of(topic, self.topics_max);
        one.published += 1;
        one.published_bytes += bytes;
    }

    /// What became of notifications for a topic's receivers of a protocol.
    pub(crate) fn count_outcomes(&self, topic: &Arc<str>, protocol: Protocol, (delivered, failed): (u64, u64)) {
        if delivered + failed == 0 {
            return;
        }
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let one = counts.of(topic, self.topics_max);
        one.delivered += delivered;
        one.failed += failed;
        let all = counts.by_protocol.entry(protocol.name()).or_default();
        all.delivered += delivered;
        all.failed += failed;
    }

    /// A message was looked at by its topic's audit.
    pub(crate) fn count_audited(&self, topic: &Arc<str>, has_findings: bool) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let one = counts.of(topic, self.topics_max);
        *if has_findings { &mut one.with_findings } else { &mut one.with_no_findings } += 1;
    }

    /// Writes a line of another sort, where there is a log.
    pub(crate) fn write(&self, line: String) {
        if let Some(log) = &self.log {
            log(line);
        }
    }

    /// Whether there is a log.
    pub(crate) fn has_log(&self) -> bool {
        self.log.is_some()
    }

    /// What became of a dead letter.
    pub(crate) fn count_dead(&self, topic: &Arc<str>, sent: Sent) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match sent {
            Sent::Kept => counts.of(topic, self.topics_max).redriven += 1,
            Sent::Refused => counts.of(topic, self.topics_max).failed_to_redrive += 1,
            Sent::Later => {}
        }
    }

    /// The counts of topics, and of all others together.
    pub(crate) fn counts(&self) -> (Vec<(Arc<str>, DeliveryCounts)>, DeliveryCounts) {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        (counts.own.iter().map(|(topic, one)| (Arc::clone(topic), *one)).collect(), counts.shared)
    }

    /// What was counted of each protocol.
    pub(crate) fn by_protocol(&self) -> BTreeMap<&'static str, ProtocolCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).by_protocol.clone()
    }

    /// What a topic that is gone had counts its own no longer.
    pub(crate) fn forget_topic(&self, topic: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gone) = counts.own.remove(topic) {
            counts.shared.published += gone.published;
            counts.shared.published_bytes += gone.published_bytes;
            counts.shared.delivered += gone.delivered;
            counts.shared.failed += gone.failed;
            counts.shared.redriven += gone.redriven;
            counts.shared.failed_to_redrive += gone.failed_to_redrive;
            counts.shared.with_findings += gone.with_findings;
            counts.shared.with_no_findings += gone.with_no_findings;
        }
    }

    /// Tells the log where that is asked for.
    pub(crate) fn write_line(
        &self,
        topic: &str,
        (attributes, protocol, subscription): (&Pairs, Protocol, SubscriptionId),
        report: &Report,
        message: impl FnOnce() -> String,
    ) {
        if is_wanted(attributes, protocol, subscription, report) {
            self.write(line(topic, report, &message()));
        }
    }

    /// Counts a report, keeps it, and tells the log where that is asked for: then of what the message is.
    pub(crate) fn note(
        &self,
        topic: &Arc<str>,
        of: (&Pairs, Protocol, SubscriptionId),
        report: Report,
        message: impl FnOnce() -> String,
    ) {
        let (_, protocol, subscription) = of;
        let counted = match report.fate {
            Fate::Delivered => (1, 0),
            Fate::Failed | Fate::DeadLettered => (0, 1),
            Fate::Retried => (0, u64::from(protocol.is_over_http())),
        };
        self.count_outcomes(topic, protocol, counted);
        self.write_line(topic, of, &report, message);
        self.keep(subscription, report);
    }

    /// Keeps a report for whoever asks.
    pub(crate) fn keep(&self, subscription: SubscriptionId, report: Report) {
        let mut histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
        if histories.len() >= HISTORY_SUBSCRIPTIONS_MAX && !histories.contains_key(&subscription) {
            return;
        }
        let history = histories.entry(subscription).or_default();
        if history.len() >= HISTORY_OF_ONE_MAX {
            history.pop_front();
        }
        history.push_back(report);
    }

    /// The latest attempts for a subscription, newest first.
    pub(crate) fn history(&self, subscription: SubscriptionId) -> Vec<Report> {
        let histories = self.histories.lock().unwrap_or_else(PoisonError::into_inner);
        histories.get(&subscription).map(|history| history.iter().rev().cloned().collect()).unwrap_or_default()
    }

    pub(crate) fn forget(&self, subscription: SubscriptionId) {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner).remove(&subscription);
    }
}

impl Counts {
    /// The counts of a topic: its own as long as there is room for so many, else those that others share.
    fn of(&mut self, topic: &Arc<str>, topics_max: usize) -> &mut DeliveryCounts {
        let has_room = self.own.len() < topics_max || self.own.contains_key(topic);
        if has_room { self.own.entry(Arc::clone(topic)).or_default() } else { &mut self.shared }
    }
}

/// How the attributes of a protocol's feedback begin.
fn prefix(protocol: Protocol) -> Option<&'static str> {
    match protocol {
        Protocol::Sqs => Some("SQS"),
        Protocol::Http | Protocol::Https => Some("HTTP"),
        Protocol::Lambda => Some("Lambda"),
        // Of these the account says it, not the topic: they are handed in under this name.
        Protocol::Sms => Some("SMS"),
        Protocol::Application => Some("Application"),
        Protocol::Email | Protocol::EmailJson => None,
    }
}

const PREFIXES: [&str; 5] = ["HTTP", "SQS", "Lambda", "Firehose", "Application"];
const SUCCESS: &str = "SuccessFeedbackRoleArn";
const FAILURE: &str = "FailureFeedbackRoleArn";
const RATE: &str = "SuccessFeedbackSampleRate";

/// All attributes of feedback.
pub(crate) fn names() -> impl Iterator<Item = String> {
    PREFIXES.iter().flat_map(|prefix| [SUCCESS, FAILURE, RATE].map(|rest| format!("{prefix}{rest}")))
}

/// Checks an attribute of feedback; nothing if the name is of none.
pub(crate) fn check(name: &str, value: &str) -> Option<Result<(), Refusal>> {
    let rest = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let is_right = match rest {
        SUCCESS | FAILURE if value.len() <= ROLE_LEN_MAX => {
            Arn::parse(value).is_ok_and(|arn| arn.service == "iam" && arn.resource.starts_with("role/"))
        }
        SUCCESS | FAILURE => false,
        RATE => value.parse::<u8>().is_ok_and(|rate| rate <= 100),
        _ => return None,
    };
    Some(if is_right || value.is_empty() { Ok(()) } else { Err(Refusal::invalid(format!("{name}: {value}"))) })
}

/// Whether a topic's owner may want lines about queues.
pub(crate) fn asks_of_queues(attributes: &Pairs) -> bool {
    [SUCCESS, FAILURE].iter().any(|name| attributes.contains_key(&*format!("SQS{name}")))
}

/// Whether a topic's owner wants a line about it: all failures, and of what succeeds as many of a hundred as they said.
fn is_wanted(attributes: &Pairs, protocol: Protocol, subscription: SubscriptionId, report: &Report) -> bool {
    let Some(prefix) = prefix(protocol) else { return false };
    let get = |name: &str| attributes.get(&*format!("{prefix}{name}"));
    match report.fate {
        Fate::Retried => false,
        Fate::Failed | Fate::DeadLettered => get(FAILURE).is_some(),
        Fate::Delivered => {
            let rate = get(RATE).and_then(|rate| rate.parse().ok()).unwrap_or(0);
            // Which of them is by the message's own id, so that chance is nothing that has to be handed down.
            let place = u64::from_str_radix(&report.message_id.replace('-', "")[..16.min(report.message_id.len())], 16);
            let chance = queue::spread(place.unwrap_or_default() ^ subscription.0 as u64) % 100;
            get(SUCCESS).is_some() && chance < rate
        }
    }
}

/// A line of the log, in AWS's form.
fn line(topic: &str, report: &Report, message: &str) -> String {
    let delivery_id = SubscriptionId(
        u128::from(queue::spread(report.at.as_millis())) << 64
            | u128::from(queue::spread(u64::from(report.attempt) ^ report.at.as_millis() << 8)),
    );
    let digest: String = Md5::digest(message).iter().map(|byte| format!("{byte:02x}")).collect();
    let mut line: Value = json!({
        "notification": {
            "messageMD5Sum": digest,
            "messageId": report.message_id,
            "topicArn": topic,
            "timestamp": show_time(report.published_at).replace('T', " ").trim_end_matches('Z'),
        },
        "delivery": {
            "deliveryId": delivery_id.show(),
            "destination": report.destination,
            "providerResponse": report.said,
            "dwellTimeMs": report.dwell_millis,
            "attempts": report.attempt,
            "statusCode": report.status,
        },
        "status": if report.fate == Fate::Delivered { "SUCCESS" } else { "FAILURE" },
    });
    if let (Some(facts), Some(delivery)) = (report.short_message, line["delivery"].as_object_mut()) {
        facts.tell(delivery);
    }
    if topic.ends_with(&sms::DIRECT[1..])
        && let Some(notification) = line["notification"].as_object_mut()
    {
        // Of what was published to a number AWS names no topic.
        notification.remove("topicArn");
    }
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(fate: Fate) -> Report {
        Report {
            at: Instant::from_millis(2000),
            published_at: Instant::from_millis(1000),
            message_id: "00112233-4455-4677-8899-aabbccddeeff".into(),
            destination: "http://example.org/".into(),
            attempt: 2,
            dwell_millis: 7,
            status: Some(500),
            said: "no".into(),
            fate,
            short_message: None,
        }
    }

    fn status() -> (Status, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&lines);
        (Status::new(1, Some(Arc::new(move |line| log.lock().unwrap().push(line)))), lines)
    }

    #[test]
    fn the_log_has_what_its_owner_asked_for() {
        let (status, lines) = status();
        let topic: Arc<str> = "arn:aws:sns:us-east-1:000000000000:t".into();
        let role = "arn:aws:iam::000000000000:role/r";
        let failures: Pairs = [("HTTPFailureFeedbackRoleArn".into(), role.into())].into();
        let note = |attributes: &Pairs, fate| {
            let of = (attributes, Protocol::Http, SubscriptionId(1));
            status.note(&topic, of, report(fate), || "hello".to_owned());
        };
        [Fate::Retried, Fate::Delivered].into_iter().for_each(|fate| note(&failures, fate));
        assert!(lines.lock().unwrap().is_empty());
        note(&failures, Fate::Failed);
        let line: Value = serde_json::from_str(&lines.lock().unwrap()[0]).unwrap();
        assert_eq!(line["notification"]["messageMD5Sum"], "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(line["notification"]["timestamp"], "1970-01-01 00:00:01.000");
        assert_eq!((line["status"].as_str(), line["delivery"]["attempts"].as_u64()), (Some("FAILURE"), Some(2)));
        let all: Pairs = [
            ("HTTPSuccessFeedbackRoleArn".into(), role.into()),
            ("HTTPSuccessFeedbackSampleRate".into(), "100".into()),
        ]
        .into();
        note(&all, Fate::Delivered);
        assert_eq!(lines.lock().unwrap().len(), 2);
        let none: Pairs = [("HTTPSuccessFeedbackRoleArn".into(), role.into())].into();
        note(&none, Fate::Delivered);
        assert_eq!(lines.lock().unwrap().len(), 2, "of what succeeds nothing is sampled unless a rate is given");
    }

    #[test]
    fn attributes_of_feedback_are_roles_and_rates() {
        let is_right = |name, value| check(name, value).map(|checked| checked.is_ok());
        assert_eq!(is_right("SQSSuccessFeedbackRoleArn", "arn:aws:iam::000000000000:role/r"), Some(true));
        assert_eq!(is_right("LambdaFailureFeedbackRoleArn", "r"), Some(false));
        assert_eq!(
            (is_right("HTTPSuccessFeedbackSampleRate", "100"), is_right("HTTPSuccessFeedbackSampleRate", "101")),
            (Some(true), Some(false))
        );
        assert_eq!((is_right("SMSSuccessFeedbackRoleArn", ""), is_right("DisplayName", "x")), (None, None));
    }

    #[test]
    fn counts_are_of_topics_and_histories_of_subscriptions_and_both_have_bounds() {
        let (status, _) = status();
        let (one, other): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let (none, text) = (Pairs::new(), String::new);
        status.note(&one, (&none, Protocol::Http, SubscriptionId(1)), report(Fate::Delivered), text);
        status.note(&other, (&none, Protocol::Http, SubscriptionId(2)), report(Fate::Retried), text);
        let (own, shared) = status.counts();
        assert_eq!((own.len(), own[0].1.delivered, shared.failed), (1, 1, 1));
        for nth in 0..HISTORY_OF_ONE_MAX as u32 + 5 {
            let report = Report { attempt: nth, ..report(Fate::Retried) };
            status.note(&one, (&none, Protocol::Lambda, SubscriptionId(1)), report, text);
        }
        let history = status.history(SubscriptionId(1));
        assert_eq!((history.len(), history[0].attempt), (HISTORY_OF_ONE_MAX, HISTORY_OF_ONE_MAX as u32 + 4));
        status.forget_topic("a");
        status.forget(SubscriptionId(1));
        let (own, shared) = status.counts();
        assert!(own.is_empty() && shared.delivered == 1 && status.history(SubscriptionId(1)).is_empty());
    }
}
