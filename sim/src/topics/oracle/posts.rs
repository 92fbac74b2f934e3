//! What receivers over HTTP get: what was published for them once they have confirmed, no retry before its time, and nothing that
//! was begun after the end of their subscription.

use super::queues::number_of;
use super::{Topics, text};
use crate::oracle::Verdict;
use crate::topics::{DELIVERIES, PATIENCE_MILLIS, Posted, SLOTS, topic_arn};
use serde_json::Value;
use std::collections::BTreeSet;

/// A delivery that was tried.
#[derive(Debug)]
pub(super) struct Try {
    event: u64,
    /// When it was sent, and by which process.
    sent: u64,
    process: u64,
    answered: Option<u16>,
    /// It may be followed by another at once: it leads elsewhere, or its connection had been used before and might have been closed.
    is_half: bool,
}

impl Topics {
    /// A receiver got a request, at this event.
    pub(crate) fn posted(&mut self, posted: &Posted, event: u64) -> Verdict {
        match posted.header("x-amz-sns-message-type") {
            Some("SubscriptionConfirmation") => self.asked_to_confirm(posted),
            Some("UnsubscribeConfirmation") => self.told_of_end(posted),
            Some("Notification") => self.notified(posted, event),
            other => Err(format!("a receiver gets a request of the type {other:?}: {posted:?}")),
        }
    }

    fn asked_to_confirm(&mut self, posted: &Posted) -> Verdict {
        let envelope: Value = serde_json::from_slice(&posted.body).map_err(|_| "a confirmation that is no JSON")?;
        let slot = posted.slot.filter(|slot| *slot < SLOTS.len()).ok_or("a confirmation for nobody")?;
        let token = text(&envelope, "Token")?;
        if envelope["TopicArn"] != topic_arn(SLOTS[slot].topic) || !envelope["Signature"].is_string() {
            return Err(format!("a confirmation of another topic: {envelope}"));
        }
        let id = token.get(..32).ok_or("a token that is none")?;
        self.slots[slot].tokens.insert(id.to_owned(), token.to_owned());
        Ok(())
    }

    /// Whoever is surely subscribed is not told of an end, and nobody of another's.
    fn told_of_end(&self, posted: &Posted) -> Verdict {
        let envelope: Value = serde_json::from_slice(&posted.body).map_err(|_| "a last letter that is no JSON")?;
        let arn = posted.header("x-amz-sns-subscription-arn").unwrap_or_default();
        let slot = *self.arns.get(arn).ok_or_else(|| format!("{arn} is told of its end and is no subscription"))?;
        let is_its = posted.slot == Some(slot) && envelope["TopicArn"] == topic_arn(SLOTS[slot].topic);
        if !is_its || !text(&envelope, "Message")?.contains(arn) || !envelope["Signature"].is_string() {
            return Err(format!("a last letter of another subscription: {envelope}"));
        }
        match self.arn(slot) == Some(arn) && self.is_surely_there(slot) {
            true => Err(format!("{arn} is told of its end, and is there")),
            false => Ok(()),
        }
    }

    fn notified(&mut self, posted: &Posted, event: u64) -> Verdict {
        let arn = posted.header("x-amz-sns-subscription-arn").unwrap_or_default().to_owned();
        let slot = *self.arns.get(&arn).ok_or_else(|| format!("{arn} gets a message and is no subscription"))?;
        let number = self.check_post(posted, slot)?;
        self.check_end(posted, &arn, number)?;
        self.check_schedule(posted, slot, &arn, number)?;
        let is_taken = posted.answered.is_some_and(|status| (200..300).contains(&status));
        self.posts += 1;
        self.failed_posts += u64::from(!is_taken);
        if is_taken {
            self.messages[number].arrived.insert(slot);
        }
        let Posted { sent, process, answered, is_kept, is_redirected, .. } = *posted;
        let tried = Try { event, sent, process, answered, is_half: is_kept || is_redirected };
        self.tries.entry((arn, number)).or_default().push(tried);
        Ok(())
    }

    /// The message is one that was published for this subscription, as it was published.
    fn check_post(&self, posted: &Posted, slot: usize) -> Result<usize, String> {
        let body = String::from_utf8_lossy(&posted.body);
        let id = posted.header("x-amz-sns-message-id").unwrap_or_default();
        let is_raw = posted.header("x-amz-sns-rawdelivery") == Some("true");
        if is_raw != SLOTS[slot].is_raw || posted.header("x-amz-sns-topic-arn") != Some(&topic_arn(SLOTS[slot].topic)) {
            return Err(format!("subscription {slot} gets a request as another does: {posted:?}"));
        }
        let envelope: Value = if is_raw { Value::Null } else { serde_json::from_str(&body).unwrap_or_default() };
        let inner = if is_raw { &*body } else { text(&envelope, "Message")? };
        let number = number_of(inner).filter(|number| *number < self.messages.len());
        let number = number.ok_or_else(|| format!("{inner} is posted, and was never published"))?;
        if self.messages[number].body != inner {
            return Err(format!("message {number} has another body when it is posted: {inner}"));
        }
        if !self.may_have(number, slot) {
            let why = "it was not published for its subscription, or does not match";
            return Err(format!("message {number} is posted to subscription {slot}: {why}"));
        }
        self.check_id(number, id)?;
        if !is_raw {
            self.check_envelope(number, SLOTS[slot].topic, &envelope)?;
        }
        Ok(number)
    }

    /// What begins after the end of a subscription is not for it any more; what had begun may take its time.
    fn check_end(&self, posted: &Posted, arn: &str, number: usize) -> Verdict {
        let Some((wall, process)) = self.ended.get(arn) else { return Ok(()) };
        match posted.process == *process && posted.sent <= wall + PATIENCE_MILLIS {
            true => Ok(()),
            false => Err(format!("message {number} is posted at {} after {arn} was ended at {wall}", posted.sent)),
        }
    }

    /// A crash may forget how often something was tried; a process does not.
    fn check_schedule(&self, posted: &Posted, slot: usize, arn: &str, number: usize) -> Verdict {
        let tries = self.tries.get(&(arn.to_owned(), number)).map_or(&[][..], Vec::as_slice);
        let Some(last) = tries.last().filter(|last| last.process == posted.process && !last.is_half) else {
            return Ok(());
        };
        let counted = tries.iter().filter(|tried| tried.process == posted.process && !tried.is_half).count();
        let policies: BTreeSet<usize> = self.deliveries_since(slot, last.event);
        let delays = policies.iter().filter_map(|policy| DELIVERIES[*policy].1.get(counted - 1));
        let Some(least) = delays.min() else { return Ok(()) };
        let passed = posted.sent.saturating_sub(last.sent);
        match passed >= least * 1000 {
            true => Ok(()),
            false => Err(format!("message {number} is tried again after {passed} ms, and should be after {least} s")),
        }
    }

    /// Whether a receiver of a subscription has answered so to a message.
    pub(super) fn was_answered(&self, slot: usize, number: usize, status: u16) -> bool {
        let of_slot = |arn: &str| self.arns.get(arn) == Some(&slot);
        let mut tries = self.tries.iter().filter(|((arn, of), _)| *of == number && of_slot(arn));
        tries.any(|(_, tries)| tries.iter().any(|tried| tried.answered == Some(status)))
    }
}
