//! One letter, tried once: brought to its receiver, and then let go of, set aside until its next turn, or sent to the dead-letter queue.
//!
//! What a receiver refuses for good is given up at once: any answer but success, 429 and 5xx (Developer Guide, "Fanout Amazon SNS
//! notifications to HTTPS endpoints"). All else is tried again by the schedule of the delivery policy, then given up.

use super::board::Ended;
use super::deliveries::Command;
use super::letter::{self, Kind};
use super::limits::SET_ASIDE_MILLIS;
use super::serving::{Hands, Served};
use crate::dead_letters::{self, Reason};
use crate::limits::REASON_LEN_MAX;
use crate::push;
use crate::receivers::{self, Notice};
use crate::service::Inner;
use crate::sms;
use crate::status::{Fate, Report};
use crate::topic::Protocol;
use crate::topic_key::SubscriptionId;
use delivery::{Answer, Failed, Retries};
use names::Instant;
use queue::{Delivery, Message, spread};
use serde_json::Value;

/// What became of an attempt.
struct Outcome {
    /// The receiver's status, if it answered with one.
    status: Option<u16>,
    /// What it said, or why it could not be asked.
    said: String,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Delivered,
    Later,
    Never,
}

impl Outcome {
    fn of(result: Result<Answer, Failed>) -> Self {
        match result {
            Ok(Answer { status, body }) => {
                let verdict = match status {
                    200..=299 => Verdict::Delivered,
                    429 | 500..=599 => Verdict::Later,
                    _ => Verdict::Never,
                };
                Self { status: Some(status), said: body.chars().take(REASON_LEN_MAX).collect(), verdict }
            }
            Err(failed) => {
                let verdict = if failed.is_passing() { Verdict::Later } else { Verdict::Never };
                Self { status: None, said: failed.to_string(), verdict }
            }
        }
    }
}

/// Tries a letter, and puts it where it then belongs.
pub(super) async fn attempt(
    inner: &Inner,
    hands: &Hands,
    served: &Served,
    delivery: Delivery,
    message: Option<Message>,
) -> Ended {
    let Some((kind, message)) = message.and_then(|message| Some((letter::kind(&message)?, message))) else {
        let subscription = served.receiver.subscription.id.show();
        tracing::error!(%subscription, sequence = delivery.sequence, "a letter cannot be read, and is not delivered");
        let_go(served, delivery);
        return Ended::Well;
    };
    if kind != served.expects {
        let_go(served, delivery);
        return Ended::Well;
    }
    let notice = Notice { kind, message: &message };
    let began = inner.outboxes.now();
    let outcome = Outcome::of(receivers::deliver(inner, hands, served.addressee(), notice, began).await);
    let ended = inner.outboxes.now();
    let retry = retry_millis(served, &delivery).filter(|_| outcome.verdict == Verdict::Later);
    let number = delivery.receive;
    let fate = match (outcome.verdict, retry) {
        (Verdict::Delivered, _) => {
            let_go(served, delivery);
            Fate::Delivered
        }
        (Verdict::Later, Some(millis)) => {
            hide(served, delivery, millis);
            Fate::Retried
        }
        _ => give_up(inner, hands, served, delivery, notice, &outcome).await,
    };
    tell(inner, served, notice, &outcome, Attempted { number, began, ended, fate });
    if served.topic.is_none() && fate == Fate::Failed {
        push::failed(inner, hands, served, notice, number, (outcome.status, &outcome.said)).await;
    }
    if outcome.verdict == Verdict::Later { Ended::Badly } else { Ended::Well }
}

/// An attempt that has ended.
#[derive(Debug, Clone, Copy)]
struct Attempted {
    /// Which it was, from one.
    number: u32,
    began: Instant,
    ended: Instant,
    fate: Fate,
}

/// Tells what became of a notification; of confirmations nothing is counted.
fn tell(inner: &Inner, served: &Served, notice: Notice<'_>, outcome: &Outcome, attempted: Attempted) {
    let Attempted { number, began, ended, fate } = attempted;
    let subscription = &served.receiver.subscription;
    if outcome.verdict != Verdict::Delivered {
        let (arn, status) = (subscription.id.arn(&served.origin), outcome.status);
        tracing::debug!(subscription = %arn, attempt = number, status, why = %outcome.said, "a delivery failed");
    }
    if notice.kind != Kind::Notification {
        return;
    }
    let report = Report {
        at: ended,
        published_at: notice.message.sent_at,
        message_id: SubscriptionId(notice.id()).show(),
        destination: receivers::shown_of(subscription, &notice),
        attempt: number,
        dwell_millis: ended.since(began).as_millis() as u64,
        status: outcome.status,
        said: outcome.said.clone(),
        fate,
        short_message: match subscription.protocol {
            Protocol::Sms => sms::Facts::of(inner, &served.addressee(), &notice),
            _ => None,
        },
    };
    let text = || match notice.members().remove("Message") {
        Some(Value::String(message)) => message,
        _ => String::new(),
    };
    let attributes = match subscription.protocol {
        Protocol::Sms => sms::feedback(inner, &served.about.key),
        _ => served.about.attributes.clone(),
    };
    inner.status.note(&served.origin, (&attributes, subscription.protocol, subscription.id), report, text);
}

/// How long to wait until the next attempt, if there is to be one.
fn retry_millis(served: &Served, delivery: &Delivery) -> Option<u64> {
    let retries = match served.receiver.subscription.protocol {
        Protocol::Http | Protocol::Https => served.policy.retries,
        Protocol::Sqs | Protocol::Lambda => Retries::MANAGED,
        Protocol::Email | Protocol::EmailJson | Protocol::Sms | Protocol::Application => Retries::CUSTOMER_MANAGED,
    };
    // Chance that is the same for the same attempt of the same letter: whoever failed together is spread, and a replay is a replay.
    let id = served.subscription.0 as u64;
    let chance = spread(id ^ spread(delivery.sequence ^ u64::from(delivery.receive) << 48));
    let jitter = (chance >> 11) as f64 / (1_u64 << 53) as f64;
    retries.delay(delivery.receive, jitter).map(|delay| delay.as_millis() as u64)
}

/// It arrived, or was given up.
fn let_go(served: &Served, delivery: Delivery) {
    ask(served, queue::Command::Delete(vec![delivery.handle()]));
}

fn hide(served: &Served, delivery: Delivery, millis: u64) {
    ask(served, queue::Command::ChangeVisibility(vec![(delivery.handle(), millis)]));
}

/// Nobody waits for it: what a crash forgets of it is done once more.
fn ask(served: &Served, command: queue::Command) {
    if let Err(error) = served.partition.execute(Command::Messages(command)).map(drop) {
        tracing::debug!(%error, "what became of a letter is not kept, and it is delivered once more");
    }
}

/// Gives a letter up: to the subscription's dead-letter queue, if it has one, and else to nobody. Where that queue can take nothing now
/// the letter is tried once more.
async fn give_up(
    inner: &Inner,
    hands: &Hands,
    served: &Served,
    delivery: Delivery,
    notice: Notice<'_>,
    outcome: &Outcome,
) -> Fate {
    let target = served.receiver.dead_letters.as_ref().filter(|_| notice.kind == Kind::Notification);
    let (Some(target), Some(topic)) = (target, &served.topic) else {
        // Nobody has read how the subscription would come back. If it came back all the same, only the letter goes.
        if notice.kind == Kind::UnsubscribeConfirmation {
            inner.outboxes.close_ending(served.subscription);
        }
        let_go(served, delivery);
        return Fate::Failed;
    };
    let reason = Reason::of(outcome.status, &outcome.said);
    let letter = dead_letters::letter(&notice, served.receiver.is_raw, &reason);
    let sent = dead_letters::put(inner, hands, topic, target, letter).await;
    inner.status.count_dead(&served.origin, sent);
    if sent == dead_letters::Sent::Later {
        hide(served, delivery, SET_ASIDE_MILLIS);
        return Fate::Retried;
    }
    let_go(served, delivery);
    if sent == dead_letters::Sent::Kept { Fate::DeadLettered } else { Fate::Failed }
}
