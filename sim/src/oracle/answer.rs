//! What a success must look like, and what is known after it.

use super::lease::Span;
use super::{Oracle, Ticket, Verdict};
use crate::ask::{AGAIN, Intent, PARKING, QUEUES, and_on, is_for_letters, number_of};
use crate::client::Answer;
use md5::{Digest, Md5};
use serde_json::Value;

impl Oracle {
    pub(super) fn succeeded(&mut self, ticket: &Ticket, span: Span, answer: &Answer) -> Verdict {
        if is_use(&ticket.intent, &answer.body) {
            self.queues[ticket.intent.queue()].used(span.answered, span.asked_wall, self.wall_max);
        }
        match &ticket.intent {
            Intent::Send { messages, .. } => self.sent(messages, span, &answer.body),
            Intent::Receive { queue, visibility_millis, attempt } => {
                // What the queue may have been set to until the answer counts, too.
                let millis = visibility_millis.unwrap_or(self.queues[*queue].visibility_min);
                let shown = self.received(*queue, *attempt, millis, span, &answer.body)?;
                match attempt {
                    Some(name) => self.attempt_answered(*queue, *name, &ticket.again, span, &shown, millis),
                    None => Ok(()),
                }
            }
            Intent::Delete { queue, messages } => self.deleted(*queue, messages, span, &answer.body),
            Intent::Purge { queue } | Intent::DeleteQueue { queue } => {
                and_on(*queue).for_each(|queue| self.emptied(queue, span));
                Ok(())
            }
            Intent::Change { message, handle, millis, .. } => {
                self.messages[*message].leases.changed(handle, span, *millis);
                Ok(())
            }
            Intent::Create { queue } => {
                let url = answer.body["QueueUrl"].as_str().unwrap_or_default();
                let fits = url.ends_with(&format!("/{}", QUEUES[*queue].name));
                fits.then_some(()).ok_or_else(|| format!("CreateQueue answers with the URL {url:?}"))
            }
            Intent::Move { queue, .. } => {
                self.move_began(*queue, span.answered, &answer.body);
                Ok(())
            }
            Intent::CancelMove { queue, handle } => {
                self.move_is_over(*queue, handle, span.answered, true);
                Ok(())
            }
            Intent::ListMoves { queue } => self.moves_listed(*queue, span.asked, span.answered, &answer.body),
            // Theirs are judged elsewhere.
            Intent::Streams(_) | Intent::Topics(_) => Ok(()),
            Intent::SetVisibility { .. }
            | Intent::Replay { .. }
            | Intent::EndReplay { .. }
            | Intent::Unpark { .. }
            | Intent::Look { .. } => Ok(()),
        }
    }

    fn sent(&mut self, messages: &[usize], span: Span, body: &Value) -> Verdict {
        let single = [body.clone()];
        let entries = body["Successful"].as_array().map_or(&single[..], Vec::as_slice);
        if entries.len() != messages.len() {
            return Err(format!("{} of {} messages of a batch were sent: {body}", entries.len(), messages.len()));
        }
        let is_new = messages.iter().zip(entries).any(|(number, entry)| !self.may_repeat(*number, entry));
        if let Some(since) = self.stopped_since.filter(|since| span.asked > *since && is_new) {
            return Err(format!("a send is acknowledged although the log stopped at event {since}"));
        }
        for (number, entry) in messages.iter().zip(entries) {
            let moves = self.moves_of(self.messages[*number].queue);
            let message = &mut self.messages[*number];
            let digest = &entry["MD5OfMessageBody"];
            if *digest != hex(&Md5::digest(&message.body)) {
                return Err(format!("the send of message {number} is answered with a wrong digest: {digest}"));
            }
            message.acknowledged(span.answered, self.wall_max);
            if QUEUES[message.queue].is_fifo {
                self.sent_in_order(*number, entry)?;
            } else if !entry["MessageId"].as_str().is_some_and(|id| message.ids.sent_with(id, moves, span.answered)) {
                return Err(format!("the send of message {number} is answered with another id: {entry}"));
            }
        }
        self.check_batch(messages)
    }

    fn deleted(&mut self, queue: usize, messages: &[(usize, String)], span: Span, body: &Value) -> Verdict {
        let failed = body["Failed"].as_array().map_or(&[][..], Vec::as_slice);
        for deleted @ (number, handle) in messages {
            let id = number.to_string();
            let failure = failed.iter().find(|entry| entry["Id"] == id);
            let kind = &QUEUES[queue];
            let is_moved = is_for_letters(queue) && self.moves(queue).count() > 0;
            let may_leave = kind.dead_letters.is_some() || is_moved;
            let may_be_elsewhere = may_leave && !self.is_held(deleted);
            // A FIFO queue's message is deleted by whoever has it in flight, and by nobody else.
            let may_fail = kind.is_volatile || (kind.is_fifo && !self.is_held(deleted));
            let message = &mut self.messages[*number];
            match failure {
                // By an older handle it may have been the message as it was before it was moved.
                None if may_be_elsewhere && message.handle.as_deref() != Some(handle.as_str()) => {}
                None if may_be_elsewhere && kind.is_fifo => {
                    self.fifo.lives.leaves(&message.shown_as.0, queue, span.answered);
                }
                None if may_be_elsewhere && queue == message.queue => message.leaves(span.answered),
                None if may_be_elsewhere => {}
                None => {
                    message.gone(span.answered);
                    message.deletion_done(self.wall_max);
                }
                // Of a queue that was deleted in between: handles of its messages are none of the new one's.
                Some(_) if may_fail => {}
                Some(_) => return Err(format!("a delete of message {number} by a handle that is right fails: {body}")),
            }
            message.handle.take_if(|known| failure.is_none() || known == handle);
        }
        Ok(())
    }

    /// Whether the receive of this handle surely has the message in flight.
    pub(super) fn is_held(&self, (number, handle): &(usize, String)) -> bool {
        self.messages[*number].leases.is_held(handle, self.wall_max)
    }

    /// Checks what a receive shows; the numbers of the messages, and their handles.
    fn received(
        &mut self,
        queue: usize,
        attempt: Option<u64>,
        visibility_millis: u64,
        span: Span,
        body: &Value,
    ) -> Result<Vec<(usize, String)>, String> {
        let (mut numbers, mut handles) = (Vec::new(), Vec::new());
        // Of two receives of one name at once nobody knows which came later.
        let is_sure = attempt.is_none_or(|name| self.is_alone(queue, name, span.asked));
        let held_millis = if is_sure { visibility_millis } else { 0 };
        for shown in body["Messages"].as_array().into_iter().flatten() {
            let number = self.recognize(queue, shown, span)?;
            self.follow(queue, number, shown, span)?;
            if queue == PARKING {
                self.received_seldom_enough(number, shown)?;
            }
            let handle = shown["ReceiptHandle"].as_str().ok_or("a message without a receipt handle")?;
            let is_again = attempt.is_some_and(|name| self.is_again(queue, name, number, handle));
            let message = &mut self.messages[number];
            if !is_again {
                let is_at_home = message.queue == queue && !self.fifo.lives.count_receive(&message.shown_as.0);
                message.shown_at_home += u64::from(is_at_home);
            }
            if numbers.contains(&number) {
                return Err(format!("message {number} stands twice in one answer"));
            }
            let message = &mut self.messages[number];
            if let Some(why) = message.must_not_show(span.asked, span.asked_wall, self.wall_max) {
                return Err(format!("message {number} of {} is handed out: {why}", QUEUES[queue].name));
            }
            if is_again && message.leases.is_breached_by_another(handle, span)
                || !is_again && message.leases.delivered(handle, span, held_millis)
            {
                return Err(format!("message {number} of {} is handed out while a lease lasts", QUEUES[queue].name));
            }
            if QUEUES[queue].is_fifo && !is_again && message.handle.as_deref() == Some(handle) {
                return Err(format!("message {number} is handed out by the handle of an earlier receive"));
            }
            message.handle = Some(handle.to_owned());
            handles.push((number, handle.to_owned()));
            message.seen_in = queue;
            if message.sighting.is_none_or(|(_, asked, _)| asked < span.asked) {
                message.sighting = Some((queue, span.asked, span.answered));
            }
            let emptied = self.family_emptied(number);
            self.messages[number].seen(span.asked, span.answered, emptied);
            numbers.push(number);
            self.deliveries += 1;
        }
        self.queues[queue].receives.showed(&numbers, span, visibility_millis);
        self.check_order(queue, &numbers, span)?;
        self.check_order_in_rot(queue, &numbers)?;
        Ok(handles)
    }

    /// Which message it is, if it is one as it was sent.
    fn recognize(&mut self, queue: usize, shown: &Value, span: Span) -> Result<usize, String> {
        let body = shown["Body"].as_str().ok_or("a message without a body")?;
        let number =
            number_of(shown).filter(|number| *number < self.messages.len()).ok_or("a message that nobody sent")?;
        let message = &mut self.messages[number];
        if message.body != body {
            return Err(format!("message {number} has another body than it was sent with"));
        }
        if shown["MD5OfBody"] != hex(&Md5::digest(body)) {
            return Err(format!("message {number} is shown with a wrong digest"));
        }
        if QUEUES[queue].is_fifo {
            self.shown_in_order(queue, number, shown, span)?;
        }
        let number = if queue == AGAIN { self.copy_of(number, shown)? } else { number };
        let message = &self.messages[number];
        let value = shown["MessageAttributes"]["mark"]["StringValue"].as_str();
        if value != message.attribute.as_deref() {
            return Err(format!("message {number} has the attribute {value:?} instead of {:?}", message.attribute));
        }
        if let Some(value) = value
            && shown["MD5OfMessageAttributes"] != hex(&attributes_digest(value))
        {
            return Err(format!("message {number} is shown with a wrong digest of its attributes"));
        }
        Ok(number)
    }
}

/// Whether a success says that somebody used the queue. A deletion by handles of an earlier queue of this name does not reach it.
fn is_use(intent: &Intent, body: &Value) -> bool {
    match intent {
        Intent::Create { .. } | Intent::Look { .. } => false,
        Intent::Delete { messages, .. } => body["Failed"].as_array().map_or(0, Vec::len) < messages.len(),
        _ => true,
    }
}

/// The digest of the one attribute `mark` of type String (SQS developer guide, "Calculating the MD5 message digest for
/// message attributes"): each part with its length before it, and 1 for a string value.
fn attributes_digest(value: &str) -> [u8; 16] {
    let mut digest = Md5::new();
    for part in ["mark", "String"] {
        digest.update((part.len() as u32).to_be_bytes());
        digest.update(part);
    }
    digest.update([1]);
    digest.update((value.len() as u32).to_be_bytes());
    digest.update(value);
    digest.finalize().into()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
