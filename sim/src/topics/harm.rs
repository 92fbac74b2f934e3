//! Bugs planted around topics: between them and the queues, between receivers and the server, and on the way to the oracle.

use super::TOPICS;
use crate::plan::Sabotage;
use delivery::{Answer, Answering, Mail, Post, Transport};
use gateway::{Caller, Letter, Mailboxes, Posting, Putting};
use names::Arn;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Queues as topics reach them, with a bug in between.
pub(crate) struct Crooked<T: ?Sized> {
    inner: Arc<T>,
    sabotage: Option<Sabotage>,
    count: AtomicU64,
    held: Mutex<Option<(Caller, Arn, Letter)>>,
}

impl<T: ?Sized> Crooked<T> {
    pub(crate) fn around(inner: Arc<T>, sabotage: Option<Sabotage>) -> Self {
        Self { inner, sabotage, count: AtomicU64::new(0), held: Mutex::default() }
    }
}

/// The queues themselves, or with a bug in between, which meets letters to many queues one by one.
pub(crate) fn before_queues<T: Mailboxes>(queues: Arc<T>, sabotage: Option<Sabotage>) -> Arc<dyn Mailboxes> {
    match sabotage {
        None => queues,
        Some(_) => Arc::new(Crooked::around(queues, sabotage)),
    }
}

/// Acknowledged, and put nowhere.
fn forgotten() -> Posting {
    Box::pin(async {
        let put: Putting = Box::pin(async { Ok(()) });
        Ok(put)
    })
}

/// One behind the other.
fn both(first: Posting, second: Posting) -> Posting {
    Box::pin(async move {
        let (first, second) = (first.await?, second.await?);
        let put: Putting = Box::pin(async move {
            first.await?;
            second.await
        });
        Ok(put)
    })
}

impl<T: Mailboxes + ?Sized> Mailboxes for Crooked<T> {
    fn post(&self, sender: Caller, queue: &Arn, letter: Letter) -> Posting {
        let nth = self.count.fetch_add(1, Ordering::Relaxed);
        let name = &*queue.resource;
        let is_dead = name.starts_with("dead");
        match self.sabotage {
            Some(Sabotage::LettersAreForgotten) if !is_dead && nth % 16 == 7 => return forgotten(),
            Some(Sabotage::DeadLettersAreForgotten) if is_dead => return forgotten(),
            Some(Sabotage::LettersGoAstray) if name == "plain" && nth % 8 == 3 => {
                let astray = Arn { resource: "mirror".into(), ..queue.clone() };
                return self.inner.post(sender, &astray, letter);
            }
            Some(Sabotage::LettersComeTwice) if !is_dead && name.ends_with(".fifo") => {
                let again = letter.deduplication.clone().map(|id| format!("{id}-again"));
                let again = Letter { deduplication: again, nth: letter.nth + 5_000, ..letter.clone() };
                let first = self.inner.post(sender.clone(), queue, letter);
                return both(first, self.inner.post(sender, queue, again));
            }
            Some(Sabotage::LettersWait) if name == "first.fifo" => {
                let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
                let Some((sender_before, queue_before, before)) = held.take() else {
                    *held = Some((sender, queue.clone(), letter));
                    return forgotten();
                };
                let first = self.inner.post(sender, queue, letter);
                return both(first, self.inner.post(sender_before, &queue_before, before));
            }
            _ => {}
        }
        self.inner.post(sender, queue, letter)
    }
}

impl Transport for Crooked<dyn Transport> {
    fn post(&self, post: Post) -> Answering {
        let asked = self.inner.post(post);
        match self.sabotage {
            Some(Sabotage::ReceiversAreBelieved) => Box::pin(async move {
                drop(asked.await);
                Ok(Answer { status: 200, body: String::new() })
            }),
            _ => asked,
        }
    }

    fn mail(&self, mail: Mail) -> Answering {
        self.inner.mail(mail)
    }
}

/// Changes a request on its way to the server, where that is the planted bug. `nth` is another for each request.
pub(crate) fn misdirect(operation: &str, input: &mut Value, sabotage: Sabotage, nth: u64) -> bool {
    let is_creation = operation == "CreateTopic";
    match sabotage {
        Sabotage::PublishesAreNeverDuplicates => {
            let is_ordered = input["TopicArn"].as_str().is_some_and(|arn| arn.ends_with(".fifo"));
            let ids = |entry: &mut Value, place: usize| {
                entry["MessageDeduplicationId"] = format!("unique-{nth}-{place}").into();
            };
            match (is_ordered, operation) {
                (true, "Publish") => ids(input, 0),
                (true, "PublishBatch") => {
                    let entries = input["PublishBatchRequestEntries"].as_array_mut().into_iter().flatten();
                    entries.enumerate().for_each(|(place, entry)| ids(entry, place));
                }
                _ => return false,
            }
            true
        }
        Sabotage::TopicScopesAreMixed if is_creation => {
            let scope = input.pointer_mut("/Attributes/FifoThroughputScope");
            scope.is_some_and(|scope| {
                *scope = "Topic".into();
                true
            })
        }
        Sabotage::RetriesAreEarly if is_creation => set_retries(input, 1, 3),
        Sabotage::RetriesAreFew if is_creation => set_retries(input, 20, 0),
        _ => false,
    }
}

fn set_retries(input: &mut Value, secs: u64, count: u64) -> bool {
    if !TOPICS.iter().any(|kind| !kind.is_fifo && input["Name"] == kind.name) {
        return false;
    }
    let retries = json!({"minDelayTarget": secs, "maxDelayTarget": secs, "numRetries": count});
    let policy = json!({"http": {"defaultHealthyRetryPolicy": retries}});
    input["Attributes"]["DeliveryPolicy"] = policy.to_string().into();
    true
}

/// Changes an answer on its way to the oracle, where that is the planted bug.
pub(crate) fn distort(answer: &mut Value, sabotage: Sabotage) {
    if sabotage == Sabotage::SequencesFall {
        let fall = |entry: &mut Value| {
            if let Some(number) = entry["SequenceNumber"].as_str().and_then(|number| number.parse::<u128>().ok()) {
                entry["SequenceNumber"] = (u128::MAX - number).to_string().into();
            }
        };
        if answer["MessageId"].is_string() {
            fall(answer);
        }
        if let Some(entries) = answer.get_mut("Successful").and_then(Value::as_array_mut) {
            entries.iter_mut().for_each(fall);
        }
    }
    for message in answer.get_mut("Messages").and_then(Value::as_array_mut).into_iter().flatten() {
        match sabotage {
            Sabotage::ReasonsAreHidden => {
                if let Some(attributes) = message.get_mut("MessageAttributes").and_then(Value::as_object_mut) {
                    attributes.remove("ErrorCode");
                }
            }
            Sabotage::EnvelopesAreDamaged => {
                let body = message["Body"].as_str().unwrap_or_default();
                message["Body"] = body.replace("Notification\"", "Notice\"").into();
            }
            _ => {}
        }
    }
}
