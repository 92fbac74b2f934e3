//! SendMessage: one message into one queue.

use crate::api::{SendMessageRequest, SendMessageResult};
use crate::catalog::QueueEntry;
use crate::grouping::sequence_number;
use crate::machine::SqsQueue;
use crate::message::{Checked, Draft, message_id, show_digest, show_id};
use crate::needs::Asking;
use crate::place::Place;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::throttle::Action;
use engine::Pending;
use gateway::{Caller, Need};
use md5::{Digest, Md5};
use queue::{MessageId, NewMessage};
use std::sync::Arc;

pub(crate) struct SendMessage;

impl Operation for SendMessage {
    type Input = SendMessageRequest;
    type Output = SendMessageResult;

    fn needs(asking: &Asking<'_>, input: &SendMessageRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("sendmessage", &input.queue_url)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: SendMessageRequest,
    ) -> Result<SendMessageResult, Refusal> {
        let place = service.place(&caller, &input.queue_url).await?;
        let draft = Draft {
            body: input.message_body,
            uncounted_bytes: 0,
            delay_secs: input.delay_seconds,
            attributes: input.message_attributes.unwrap_or_default(),
            system_attributes: input.message_system_attributes.unwrap_or_default(),
            group: input.message_group_id,
            deduplication: input.message_deduplication_id,
        };
        let sent = send(&service, &caller, &place, draft, 0).await?;
        Ok(SendMessageResult {
            md5_of_message_body: Some(show_digest(sent.body_md5)),
            md5_of_message_attributes: sent.attributes_md5.map(show_digest),
            md5_of_message_system_attributes: sent.system_md5.map(show_digest),
            message_id: Some(show_id(sent.id)),
            sequence_number: sent.sequence_number,
        })
    }
}

/// A message that was sent.
pub(crate) struct Sent {
    pub(crate) body_md5: [u8; 16],
    pub(crate) attributes_md5: Option<[u8; 16]>,
    pub(crate) system_md5: Option<[u8; 16]>,
    /// Of a duplicate that of the message that was first.
    pub(crate) id: MessageId,
    pub(crate) sequence_number: Option<String>,
}

/// A message that has its place in the queue, and is durable when [`Sending::done`] is.
pub(crate) struct Sending {
    queue: Arc<QueueEntry>,
    pending: Pending<SqsQueue>,
    size: usize,
    /// As it is if the message is no duplicate.
    sent: Sent,
}

/// Sends one message for a caller who may, the `nth` of a request; ready when it is durable.
pub(crate) async fn send(
    service: &Inner,
    caller: &Caller,
    place: &Place,
    draft: Draft,
    nth: usize,
) -> Result<Sent, Refusal> {
    begin(service, caller, place, draft, nth).await?.done().await
}

/// The same, ready when its place in the queue is decided.
pub(crate) async fn begin(
    service: &Inner,
    caller: &Caller,
    place: &Place,
    draft: Draft,
    nth: usize,
) -> Result<Sending, Refusal> {
    let checked = Checked::new(draft, place.queue.bounds.fifo(), place.queue.bounds.delay_secs_max())?;
    let bytes_max = place.queue.bounds.maximum_message_bytes();
    if checked.size > bytes_max {
        return Err(Refusal::message_too_long(bytes_max));
    }
    service.throttle.pass(&place.queue, Action::Send, caller.now)?;
    let body_md5 = Md5::digest(checked.body.as_bytes()).into();
    let size = checked.size;
    let (attributes_md5, system_md5) = (checked.attributes_md5, checked.system_md5);
    let id = message_id(caller, nth);
    let sending = service.sealing.for_sending(caller, &place.queue).await?;
    let message = checked.into_message(id, body_md5, caller, sending.as_deref());
    let sent = Sent { body_md5, attributes_md5, system_md5, id, sequence_number: None };
    Sending::begin(place, message, size, sent)
}

impl Sending {
    /// Gives a message its place in a queue that takes one of such a size.
    pub(crate) fn begin(place: &Place, message: NewMessage, size: usize, sent: Sent) -> Result<Self, Refusal> {
        let pending = place.queue.begin(place.send(vec![message]))?;
        Ok(Self { queue: Arc::clone(&place.queue), pending, size, sent })
    }

    /// The message, when it is durable.
    pub(crate) async fn done(self) -> Result<Sent, Refusal> {
        let Self { queue, pending, size, sent } = self;
        // A duplicate is answered with the message that was first.
        let (id, sequence_number) = match QueueEntry::answer(pending).await? {
            queue::Reply::Accepted(accepted) => (accepted[0].id, Some(sequence_number(accepted[0].sequence))),
            _ => (sent.id, None),
        };
        if id == sent.id {
            queue.meter.sent(1, size);
        }
        Ok(Sent { id, sequence_number, ..sent })
    }
}
