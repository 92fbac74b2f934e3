//! ReceiveMessage: takes visible messages and hides them; waits for the first one if asked to.

use crate::api::{Message, MessageAttributeValue, ReceiveMessageRequest, ReceiveMessageResult};
use crate::catalog::QueueEntry;
use crate::grouping;
use crate::limits;
use crate::machine::{Command, Reply};
use crate::message::{check_visibility, show_digest, show_id};
use crate::message_attributes::{self, Attribute, Value};
use crate::needs::Asking;
use crate::opening::Opening;
use crate::peek::{self, Peek};
use crate::properties::Properties;
use crate::receipt_handle::ReceiptHandle;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::throttle::Action;
use gateway::{Caller, Need};
use queue::{Delivery, Message as Content};
use std::sync::Arc;

pub(crate) struct ReceiveMessage;

impl Operation for ReceiveMessage {
    type Input = ReceiveMessageRequest;
    type Output = ReceiveMessageResult;

    fn needs(asking: &Asking<'_>, input: &ReceiveMessageRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("receivemessage", &input.queue_url)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ReceiveMessageRequest,
    ) -> Result<ReceiveMessageResult, Refusal> {
        let place = service.place(&caller, &input.queue_url).await?;
        let entry = &place.queue;
        if let Some(peek) = Peek::of(&input)? {
            return peek.carry_out(&service, &caller, &place, &Wanted::new(&input)?).await;
        }
        let max = check_max(input.max_number_of_messages.unwrap_or(1))?;
        let wait_millis = wait_millis(input.wait_time_seconds, entry)?;
        let visibility_millis = input
            .visibility_timeout
            .map(|secs| check_visibility(secs, entry.bounds.visibility_secs_max()))
            .transpose()?;
        let attempt = attempt(input.receive_request_attempt_id.as_deref(), entry)?;
        let wanted = Wanted::new(&input)?;
        service.throttle.pass(entry, Action::Receive, caller.now)?;
        // Before anything is in flight, and in time: most of what cannot be opened is under the key that the queue has now.
        service.sealing.check_receiving(&caller, entry).await?;
        let receive = || {
            Command::Messages(match attempt {
                None => place.receive(max, visibility_millis),
                Some(attempt) => queue::Command::ReceiveAgain { attempt, max, visibility_millis },
            })
        };
        let (reply, contents) = match wait_millis {
            0 => entry.partition.execute(receive())?.read().await?,
            millis => {
                let until = caller.now.plus_millis(millis);
                let stop = caller.stopping.wait();
                match place.within {
                    None => entry.partition.execute_when_ready(until, stop, receive, is_empty).await?,
                    Some(id) => entry.partition.execute_when_ready_in(id.0, until, stop, receive, is_empty).await?,
                }
            }
        };
        let mut opening = Opening::new(&service, &caller, entry, &wanted);
        opening.take(received(reply, wait_millis > 0)?, contents).await;
        for _ in 1..limits::RECEIVES_OF_SEALED_MAX {
            if !opening.is_stuck() {
                break;
            }
            let next = Command::Messages(place.receive(max, visibility_millis));
            let (reply, contents) = entry.partition.execute(next)?.read().await?;
            match received(reply, true)? {
                deliveries if deliveries.is_empty() => break,
                deliveries => opening.take(deliveries, contents).await,
            }
        }
        let messages = opening.end().await?;
        entry.meter.received(messages.len());
        Ok(ReceiveMessageResult { messages: (!messages.is_empty()).then_some(messages) })
    }
}

/// What a receive is answered with.
fn received(reply: Reply, is_long: bool) -> Result<Vec<Delivery>, Refusal> {
    match reply {
        Reply::Messages(queue::Reply::Received(deliveries)) => Ok(deliveries),
        // ReceiveMessage's documentation: the error is for short polls, long polls just find nothing.
        Reply::Messages(queue::Reply::OverLimit) if is_long => Ok(Vec::new()),
        Reply::Messages(queue::Reply::OverLimit) => Err(Refusal::over_limit()),
        Reply::Gone => Err(Refusal::queue_does_not_exist()),
        other => unreachable!("a receive is answered with messages, not with {other:?}"),
    }
}

fn is_empty(reply: &Reply) -> bool {
    match reply {
        Reply::Messages(queue::Reply::Received(deliveries)) => deliveries.is_empty(),
        Reply::Messages(queue::Reply::OverLimit) => true,
        _ => false,
    }
}

fn check_max(max: i32) -> Result<usize, Refusal> {
    match usize::try_from(max) {
        Ok(max) if (1..=limits::RECEIVE_MESSAGES_MAX as usize).contains(&max) => Ok(max),
        _ => Err(Refusal::invalid_value(max, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.")),
    }
}

fn wait_millis(asked: Option<i32>, entry: &QueueEntry) -> Result<u64, Refusal> {
    let Some(secs) = asked else { return Ok(u64::from(entry.bounds.wait_secs()) * 1000) };
    match u64::try_from(secs) {
        Ok(positive) if secs <= limits::WAIT_SECS_MAX => Ok(positive * 1000),
        _ => Err(Refusal::invalid_value(secs, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")),
    }
}

/// The name of a receive, which FIFO queues know.
fn attempt(id: Option<&str>, entry: &QueueEntry) -> Result<Option<queue::AttemptId>, Refusal> {
    match id {
        Some(id) if entry.bounds.fifo().is_none() => {
            Err(Refusal::not_of_this_queue_type(id, "ReceiveRequestAttemptId"))
        }
        id => id.map(grouping::attempt).transpose(),
    }
}

/// System attributes that a receiver may ask for.
const SYSTEM_ATTRIBUTES: &[&str] = &[
    "All",
    "SenderId",
    "SentTimestamp",
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SequenceNumber",
    "MessageDeduplicationId",
    "MessageGroupId",
    "AWSTraceHeader",
    "DeadLetterQueueSourceArn",
];

/// Which attributes of a message the receiver asked for.
pub(crate) struct Wanted {
    system: Vec<String>,
    attributes: Vec<String>,
}

impl Wanted {
    pub(crate) fn new(input: &ReceiveMessageRequest) -> Result<Self, Refusal> {
        let named = [&input.attribute_names, &input.message_system_attribute_names];
        let names = named.into_iter().flatten().flatten().filter(|name| !peek::is_asked_by(name));
        let system: Vec<String> = names.cloned().collect();
        if let Some(unknown) = system.iter().find(|name| !SYSTEM_ATTRIBUTES.contains(&name.as_str())) {
            return Err(Refusal::unknown_attribute(unknown));
        }
        Ok(Self { system, attributes: input.message_attribute_names.clone().unwrap_or_default() })
    }

    pub(crate) fn show(&self, entry: &QueueEntry, delivery: &Delivery, content: &Content) -> Result<Message, Refusal> {
        let Some(properties) = Properties::decode(content.properties()) else {
            tracing::error!(queue = %entry.key.name, sequence = delivery.sequence, "a message's properties are malformed");
            return Err(Refusal::internal());
        };
        let handle = ReceiptHandle { partition: entry.partition.id(), handle: delivery.handle() };
        let is_fifo = entry.bounds.fifo().is_some();
        let system = self.system_attributes(delivery, content, &properties, is_fifo);
        let attributes: Vec<Attribute> =
            properties.attributes.into_iter().filter(|attribute| self.wants(&attribute.name)).collect();
        let body = String::from_utf8(content.body().to_vec()).map_err(|_| Refusal::internal())?;
        Ok(Message {
            message_id: Some(show_id(content.id)),
            receipt_handle: Some(handle.encode()),
            md5_of_body: Some(show_digest(properties.body_md5)),
            body: Some(body),
            attributes: (!system.is_empty()).then_some(system),
            // The digest is of what is handed out, not of what was sent, so that the receiver can check it.
            md5_of_message_attributes: message_attributes::digest(attributes.iter()).map(show_digest),
            message_attributes: (!attributes.is_empty()).then(|| attributes.into_iter().map(show_attribute).collect()),
        })
    }

    fn system_attributes(
        &self,
        delivery: &Delivery,
        content: &Content,
        properties: &Properties,
        is_fifo: bool,
    ) -> Vec<(String, String)> {
        let wants = |name: &str| self.system.iter().any(|wanted| wanted == name || wanted == "All");
        let mut shown = Vec::new();
        let mut show = |name: &str, value: &dyn Fn() -> String| {
            if wants(name) {
                shown.push((name.to_string(), value()));
            }
        };
        show("SenderId", &|| properties.sender.clone());
        show("SentTimestamp", &|| content.sent_at.as_millis().to_string());
        show("ApproximateReceiveCount", &|| delivery.receive.to_string());
        show("ApproximateFirstReceiveTimestamp", &|| delivery.first_received_at.as_millis().to_string());
        if is_fifo {
            show("SequenceNumber", &|| grouping::sequence_number(delivery.sequence));
        }
        for (attribute, text) in &properties.system {
            show(attribute.name(), &|| text.to_string());
        }
        shown
    }

    /// `All`, `*` and `.*` name all attributes, `prefix.*` those that begin with the prefix.
    fn wants(&self, name: &str) -> bool {
        self.attributes.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => wanted == "All" || wanted == "*" || wanted == name,
        })
    }
}

fn show_attribute(attribute: Attribute) -> (String, MessageAttributeValue) {
    let mut shown = MessageAttributeValue { data_type: attribute.data_type, ..MessageAttributeValue::default() };
    match attribute.value {
        Value::Text(text) => shown.string_value = Some(text),
        Value::Binary(bytes) => shown.binary_value = Some(bytes),
    }
    (attribute.name, shown)
}
