//! SendMessageBatch: up to ten messages into one queue. Those that pass their checks are sent in one block of the log, the
//! others are refused one by one.

use crate::api::{
    SendMessageBatchRequest, SendMessageBatchRequestEntry, SendMessageBatchResult, SendMessageBatchResultEntry,
};
use crate::batch;
use crate::grouping::sequence_number;
use crate::limits;
use crate::machine::FifoRules;
use crate::message::{Checked, Draft, digest_bodies, message_id, show_digest, show_id};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::throttle::Action;
use gateway::{Caller, Need};
use std::sync::Arc;

pub(crate) struct SendMessageBatch;

impl Operation for SendMessageBatch {
    type Input = SendMessageBatchRequest;
    type Output = SendMessageBatchResult;

    fn needs(asking: &Asking<'_>, input: &SendMessageBatchRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("sendmessage", &input.queue_url)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: SendMessageBatchRequest,
    ) -> Result<SendMessageBatchResult, Refusal> {
        let place = service.place(&caller, &input.queue_url).await?;
        batch::check("SendMessageBatchRequestEntry", input.entries.iter().map(|entry| entry.id.as_str()))?;
        let fifo = place.queue.bounds.fifo();
        if let Some(rules) = fifo {
            check_fifo(&input.entries, rules)?;
        }
        service.throttle.pass(&place.queue, Action::Send, caller.now)?;
        let drafts: Vec<_> = input.entries.into_iter().map(draft).collect();
        let bytes = drafts.iter().map(|(_, draft)| draft.size()).sum();
        if bytes > limits::MESSAGE_BYTES_MAX {
            return Err(Refusal::batch_too_long(bytes));
        }
        let (mut entry_ids, mut checked, mut failed) = (Vec::new(), Vec::new(), Vec::new());
        for (entry_id, draft) in drafts {
            match Checked::new(draft, fifo, place.queue.bounds.delay_secs_max())
                .and_then(|message| fits(message, place.queue.bounds.maximum_message_bytes()))
            {
                Err(refusal) => failed.push(batch::failure(entry_id, refusal)),
                Ok(message) => {
                    entry_ids.push(entry_id);
                    checked.push(message);
                }
            }
        }
        let sending = service.sealing.for_sending(&caller, &place.queue).await?;
        let digests = digest_bodies(&checked);
        let sizes: Vec<usize> = checked.iter().map(|message| message.size).collect();
        let mut successful = Vec::with_capacity(checked.len());
        let mut messages = Vec::with_capacity(checked.len());
        for (nth, ((entry_id, message), body_md5)) in entry_ids.into_iter().zip(checked).zip(digests).enumerate() {
            let id = message_id(&caller, nth);
            successful.push(sent(entry_id, &message, body_md5, show_id(id)));
            messages.push(message.into_message(id, body_md5, &caller, sending.as_deref()));
        }
        if !messages.is_empty() {
            let mut bytes = sizes.iter().sum();
            let mut count = successful.len();
            if let queue::Reply::Accepted(accepted) = place.queue.ask(place.send(messages)).await? {
                for ((entry, first), size) in successful.iter_mut().zip(accepted).zip(sizes) {
                    let id = show_id(first.id);
                    // A duplicate is answered with the message that was first, and adds none.
                    if id != entry.message_id {
                        (count, bytes) = (count - 1, bytes - size);
                    }
                    entry.message_id = id;
                    entry.sequence_number = Some(sequence_number(first.sequence));
                }
            }
            place.queue.meter.sent(count, bytes);
        }
        Ok(SendMessageBatchResult { successful, failed })
    }
}

/// AWS was recorded refusing the whole batch for an entry without what a FIFO queue needs of every message.
fn check_fifo(entries: &[SendMessageBatchRequestEntry], rules: FifoRules) -> Result<(), Refusal> {
    if !rules.by_content && entries.iter().any(|entry| entry.message_deduplication_id.is_none()) {
        return Err(Refusal::no_deduplication_id());
    }
    match entries.iter().any(|entry| entry.message_group_id.is_none()) {
        true => Err(Refusal::invalid_parameter("The request must contain the parameter MessageGroupId.")),
        false => Ok(()),
    }
}

fn draft(entry: SendMessageBatchRequestEntry) -> (String, Draft) {
    let draft = Draft {
        body: entry.message_body,
        uncounted_bytes: 0,
        delay_secs: entry.delay_seconds,
        attributes: entry.message_attributes.unwrap_or_default(),
        system_attributes: entry.message_system_attributes.unwrap_or_default(),
        group: entry.message_group_id,
        deduplication: entry.message_deduplication_id,
    };
    (entry.id, draft)
}

/// A message longer than this queue takes fails alone.
fn fits(checked: Checked, bytes_max: usize) -> Result<Checked, Refusal> {
    match checked.size > bytes_max {
        true => Err(Refusal::message_too_long(bytes_max)),
        false => Ok(checked),
    }
}

fn sent(entry_id: String, message: &Checked, body_md5: [u8; 16], message_id: String) -> SendMessageBatchResultEntry {
    SendMessageBatchResultEntry {
        id: entry_id,
        message_id,
        md5_of_message_body: show_digest(body_md5),
        md5_of_message_attributes: message.attributes_md5.map(show_digest),
        md5_of_message_system_attributes: message.system_md5.map(show_digest),
        ..SendMessageBatchResultEntry::default()
    }
}
