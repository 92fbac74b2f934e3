//! Publish and PublishBatch: a message to all subscriptions of a topic.

use crate::api::{
    BatchResultErrorEntry, PublishBatchInput, PublishBatchRequestEntry, PublishBatchResponse, PublishBatchResultEntry,
    PublishInput, PublishResponse, errors,
};
use crate::attributes;
use crate::catalog::TopicEntry;
use crate::fanout;
use crate::fifo::Labels;
use crate::limits;
use crate::message::{Draft, Message};
use crate::needs::Asking;
use crate::ordered;
use crate::protection::{self, Audited, Protection};
use crate::push;
use crate::refusal::Refusal;
use crate::service::{Inner, id_of};
use crate::sms;
use crate::topic_key::SubscriptionId;
use gateway::{Boxed, Caller, Need, Operation, Together};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use wire::schema::Fault;

pub(crate) struct Publish;

impl Operation<Inner> for Publish {
    type Input = PublishInput;
    type Output = PublishResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &PublishInput) -> Result<Vec<Need>, Refusal> {
        match target(input)? {
            Target::Topic(arn) => Asking { service, caller }.on("Publish", "TopicArn", arn),
            // A number has no ARN: whoever may publish to it may publish to all.
            Target::Number(_) => Ok(Asking { service, caller }.anything("Publish")),
            Target::Endpoint(arn) => push::ops::needs_endpoint("Publish", "TargetArn", arn),
        }
    }

    async fn call(service: Arc<Inner>, caller: Caller, mut input: PublishInput) -> Result<PublishResponse, Refusal> {
        if let Target::Number(number) = target(&input)? {
            let number = number.to_owned();
            let id = sms::publish(&service, &caller, &number, input).await?;
            return Ok(PublishResponse { message_id: Some(id), sequence_number: None });
        }
        let draft = Draft {
            message: std::mem::take(&mut input.message),
            subject: input.subject.take(),
            structure: input.message_structure.take(),
            attributes: input.message_attributes.take().unwrap_or_default(),
            group: input.message_group_id.take(),
            deduplication: input.message_deduplication_id.take(),
        };
        let topic = match target(&input)? {
            Target::Topic(arn) => service.topic(&caller, "TopicArn", arn).await?,
            Target::Endpoint(arn) => return push::publish::publish(&service, &caller, arn, draft).await,
            Target::Number(_) => unreachable!("numbers are published to above"),
        };
        let mut checked = checked(&topic, draft)?;
        let (most, protection) = seen(&topic);
        if checked.message.bytes > most {
            return Err(Refusal::invalid("Message too long"));
        }
        service.throttle.publish(&topic, 1, checked.message.bytes, caller.now)?;
        service.keys.check_publishing(&caller, &topic).await?;
        checked.audited =
            protection::admit(&service, &caller, (&topic, protection.as_deref()), (&mut checked.message, 0))?;
        let begun = begin(&service, &caller, &topic, &checked, 0).await?;
        let (id, sequence_number) = begun.done(&service).await?;
        Ok(PublishResponse { message_id: Some(id), sequence_number })
    }
}

/// A message that may be published, what a FIFO topic has to know of it, and what there is to tell of it then.
struct Checked {
    message: Message,
    labels: Option<Labels>,
    audited: Option<Audited>,
}

fn checked(topic: &TopicEntry, mut draft: Draft) -> Result<Checked, Refusal> {
    let labels = topic.is_fifo().then(|| topic.look(|view| Labels::take(&mut draft, &view.about.attributes)));
    // What is wrong with the message itself is told first.
    let message = Message::new(draft)?;
    Ok(Checked { message, labels: labels.transpose()?, audited: None })
}

/// What a request publishes to.
enum Target<'a> {
    /// The ARN of a topic.
    Topic(&'a str),
    Number(&'a str),
    /// The ARN of an endpoint.
    Endpoint(&'a str),
}

fn target(input: &PublishInput) -> Result<Target<'_>, Refusal> {
    match (input.topic_arn.as_deref(), input.target_arn.as_deref(), input.phone_number.as_deref()) {
        (None, None, Some(number)) => sms::Number::of_publish(number).map(|_| Target::Number(number)),
        (None, Some(arn), None) if push::is_endpoint(arn) => Ok(Target::Endpoint(arn)),
        (Some(arn), None, None) | (None, Some(arn), None) => Ok(Target::Topic(arn)),
        (None, None, None) => Err(Refusal::invalid("TopicArn or TargetArn Reason: no value for required parameter")),
        _ => Err(Refusal::invalid("Only one of TopicArn, TargetArn or PhoneNumber may be given")),
    }
}

/// Bytes that a message of this topic may have, and what its data protection policy does to it.
fn seen(topic: &TopicEntry) -> (usize, Option<Arc<Protection>>) {
    topic.look(|view| (attributes::message_bytes_max(&view.about.attributes), view.protection.clone()))
}

/// A publish whose place among others is decided.
enum Begun {
    Done(String),
    Ordered(Box<ordered::Begun>),
}

/// Publishes the `nth` message of a request. Of a FIFO topic's what is on its way when this returns is waited for by [`Begun::done`].
async fn begin(
    service: &Inner,
    caller: &Caller,
    topic: &Arc<TopicEntry>,
    Checked { message, labels, audited }: &Checked,
    nth: usize,
) -> Result<Begun, Refusal> {
    if let Some(labels) = labels {
        let begun = ordered::begin(service, caller, topic, (message, labels), nth, &mut []).await?;
        return Ok(Begun::Ordered(Box::new(begun)));
    }
    let id = SubscriptionId(id_of(caller, nth)).show();
    fanout::publish(service, caller, topic, message, (nth, &id)).await?;
    audited.iter().for_each(|audited| audited.tell(service, &topic.arn));
    Ok(Begun::Done(id))
}

impl Begun {
    /// The message's id and sequence number, when it is durable.
    async fn done(self, service: &Inner) -> Result<(String, Option<String>), Refusal> {
        match self {
            Self::Done(id) => Ok((id, None)),
            Self::Ordered(begun) => {
                let ordered::Done { id, sequence_number } = begun.done(service).await?;
                Ok((id, Some(sequence_number)))
            }
        }
    }
}

pub(crate) struct PublishBatch;

impl Operation<Inner> for PublishBatch {
    type Input = PublishBatchInput;
    type Output = PublishBatchResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &PublishBatchInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("Publish", "TopicArn", &input.topic_arn)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: PublishBatchInput,
    ) -> Result<PublishBatchResponse, Refusal> {
        let entries = input.publish_batch_request_entries;
        check_batch(&entries)?;
        let topic = service.topic(&caller, "TopicArn", &input.topic_arn).await?;
        let drafts: Vec<_> = entries.into_iter().map(draft).collect();
        // AWS was recorded refusing the whole batch for one message that is none.
        let drafted = drafts
            .into_iter()
            .zip(1..)
            .map(|((id, draft), nth)| Ok((id, checked(&topic, draft).map_err(|refusal| within_batch(&refusal, nth))?)));
        let drafted: Vec<_> = drafted.collect::<Result<_, Refusal>>()?;
        let bytes: usize = drafted.iter().map(|(_, checked)| checked.message.bytes).sum();
        let (most, protection) = seen(&topic);
        if bytes > most {
            let message = "The length of all the messages put together is more than the limit.";
            return Err(Refusal::batch(&errors::BATCH_REQUEST_TOO_LONG_EXCEPTION, message));
        }
        service.throttle.publish(&topic, drafted.len(), bytes, caller.now)?;
        service.keys.check_publishing(&caller, &topic).await?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        let (mut entries, mut messages) = (Vec::new(), Vec::new());
        for (entry, mut checked) in drafted {
            let message = (&mut checked.message, messages.len());
            match protection::admit(&service, &caller, (&topic, protection.as_deref()), message) {
                Ok(audited) => {
                    checked.audited = audited;
                    entries.push(entry);
                    messages.push(checked);
                }
                Err(refusal) => failed.push(failure(entry, &refusal)),
            }
        }
        let begun = match topic.is_fifo() {
            true => begin_in_turn(&service, &caller, &topic, &messages).await,
            false => begin_at_once(&service, &caller, &topic, &messages).await,
        };
        for (entry, begun) in entries.into_iter().zip(begun) {
            let published = match begun {
                Ok(begun) => begun.done(&service).await,
                Err(refusal) => Err(refusal),
            };
            match published {
                Ok((message_id, sequence_number)) => successful.push(PublishBatchResultEntry {
                    id: Some(entry),
                    message_id: Some(message_id),
                    sequence_number,
                }),
                Err(refusal) => failed.push(failure(entry, &refusal)),
            }
        }
        Ok(PublishBatchResponse { successful: Some(successful), failed: Some(failed) })
    }
}

/// Begins all messages at once, so that the letters of all share a block of the log.
async fn begin_at_once(
    service: &Inner,
    caller: &Caller,
    topic: &Arc<TopicEntry>,
    messages: &[Checked],
) -> Vec<Result<Begun, Refusal>> {
    let mut beginning: Vec<Boxed<'_, _>> = Vec::with_capacity(messages.len());
    for (nth, checked) in messages.iter().enumerate() {
        beginning.push(Box::pin(begin(service, caller, topic, checked, nth)));
    }
    Together::new(beginning).await
}

/// Begins the messages of a batch to a FIFO topic, in the batch's order; as long as there is room for all, none waits for the disk. Where
/// one fails, those behind it in its group fail with it: sent again later it would stand behind them for ever.
async fn begin_in_turn(
    service: &Inner,
    caller: &Caller,
    topic: &Arc<TopicEntry>,
    messages: &[Checked],
) -> Vec<Result<Begun, Refusal>> {
    let mut held_up: HashMap<&str, Refusal> = HashMap::new();
    let mut begun: Vec<Result<ordered::Begun, Refusal>> = Vec::with_capacity(messages.len());
    for (nth, Checked { message, labels, .. }) in messages.iter().enumerate() {
        let Some(labels) = labels else { continue };
        let outcome = match held_up.get(&*labels.group) {
            Some(refusal) => Err(refusal.clone()),
            None => ordered::begin(service, caller, topic, (message, labels), nth, &mut begun).await,
        };
        if let Err(refusal) = &outcome {
            held_up.insert(&labels.group, refusal.clone());
        }
        begun.push(outcome);
    }
    begun.into_iter().map(|begun| begun.map(|begun| Begun::Ordered(Box::new(begun)))).collect()
}

/// A refusal that names a member of a message, as it names that of an entry.
fn within_batch(refusal: &Refusal, nth: usize) -> Refusal {
    let entry = format!("'publishBatchRequestEntries.{nth}.member.messageAttributes.");
    Refusal::new(refusal.error, refusal.message.replace("'messageAttributes.", &entry))
}

fn draft(entry: PublishBatchRequestEntry) -> (String, Draft) {
    let draft = Draft {
        message: entry.message,
        subject: entry.subject,
        structure: entry.message_structure,
        attributes: entry.message_attributes.unwrap_or_default(),
        group: entry.message_group_id,
        deduplication: entry.message_deduplication_id,
    };
    (entry.id, draft)
}

fn failure(id: String, refusal: &Refusal) -> BatchResultErrorEntry {
    BatchResultErrorEntry {
        id,
        code: refusal.error.query_code.to_owned(),
        message: Some(refusal.message.to_string()),
        sender_fault: matches!(refusal.error.fault, Fault::Sender),
    }
}

fn check_batch(entries: &[PublishBatchRequestEntry]) -> Result<(), Refusal> {
    let is_id = |id: &str| {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=limits::ENTRY_ID_LEN_MAX).contains(&id.len()) && id.bytes().all(legal)
    };
    let ids: HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let wrong = if entries.is_empty() {
        (&errors::EMPTY_BATCH_REQUEST_EXCEPTION, "The batch request doesn't contain any entries.")
    } else if entries.len() > limits::BATCH_MAX {
        let message = "The batch request contains more entries than permissible.";
        (&errors::TOO_MANY_ENTRIES_IN_BATCH_REQUEST_EXCEPTION, message)
    } else if !ids.iter().all(|id| is_id(id)) {
        let message = "The Id of a batch entry in a batch request doesn't abide by the specification.";
        (&errors::INVALID_BATCH_ENTRY_ID_EXCEPTION, message)
    } else if ids.len() < entries.len() {
        let message = "Two or more batch entries in the request have the same Id.";
        (&errors::BATCH_ENTRY_IDS_NOT_DISTINCT_EXCEPTION, message)
    } else {
        return Ok(());
    };
    Err(Refusal::batch(wrong.0, wrong.1))
}

#[cfg(test)]
#[path = "publish_tests.rs"]
mod tests;
