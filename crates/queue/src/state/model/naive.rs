//! One message of the model: what a receive makes of it, and how a peek sees it.
//!
//! Nothing here looks at any other message.

use super::*;

impl Naive {
    pub(super) fn peeked(&self, now: Instant) -> Peeked {
        Peeked {
            sequence: self.sequence,
            hidden_until: (self.hidden_until > now).then_some(self.hidden_until),
            receive: self.receives.len() as u32,
            first_received_at: (!self.receives.is_empty()).then_some(self.first_received_at),
        }
    }

    pub(super) fn hide(&mut self, now: Instant, millis: u64, backoff: Option<Backoff>) {
        let longer = backoff.map_or(0, |backoff| backoff.after(self.receives.len() as u32));
        self.hidden_until = now.plus_millis(millis + longer);
    }

    pub(super) fn receive(&mut self, now: Instant, hide_millis: u64, backoff: Option<Backoff>) -> Delivery {
        let before = match self.receives.last() {
            None => Receives::default(),
            Some(&last_at) => Receives { count: self.receives.len() as u32, last_at, first_at: self.first_received_at },
        };
        if self.receives.is_empty() {
            self.first_received_at = now;
        }
        self.receives.push(now);
        self.hide(now, hide_millis, backoff);
        Delivery {
            sequence: self.sequence,
            receive: self.receives.len() as u32,
            first_received_at: self.first_received_at,
            before: Some(before),
        }
    }
}
