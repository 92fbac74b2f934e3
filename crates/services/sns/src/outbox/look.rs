//! What waits for a subscription, looked at without touching it: no attempt is made, none is put off, and what rests stays at rest.

use super::Outboxes;
use super::deliveries::{Command, Deliveries, Reply};
use super::letter::{self, Kind};
use super::limits::{LOOK_BYTES_MAX, LOOK_STEP};
use crate::refusal::Refusal;
use crate::topic_key::SubscriptionId;
use engine::Content as _;
use names::{Instant, PartitionId};
use queue::{Message, PeekStates, Peeked};

/// How many letters a subscription has, and when something happens to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// Letters that are tried as soon as there is room.
    pub(crate) waiting: usize,
    /// Letters that are being tried, or wait for their next attempt.
    pub(crate) set_aside: usize,
    /// When the oldest of all was published, to within a minute.
    pub(crate) oldest: Option<Instant>,
    /// When the first of those that are set aside is tried at the latest.
    pub(crate) next: Option<Instant>,
}

/// One letter that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) id: u128,
    pub(crate) kind: Kind,
    pub(crate) published_at: Instant,
    pub(crate) attempts: u32,
    /// When it is tried again; nothing if it is tried as soon as there is room.
    pub(crate) hidden_until: Option<Instant>,
}

/// Letters in the order of their publishing, and where the others go on.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) letters: Vec<Waiting>,
    pub(crate) next: Option<u64>,
}

impl Standing {
    fn of(deliveries: &Deliveries) -> Self {
        let (waiting, set_aside) = deliveries.waiting();
        let next = engine::Machine::next_deadline(deliveries).filter(|_| set_aside > 0);
        Self { waiting, set_aside, oldest: deliveries.oldest(), next }
    }
}

impl Outboxes {
    /// How a subscription's deliveries stand. What is seen may not be durable yet.
    pub(crate) fn standing(&self, subscription: SubscriptionId) -> Standing {
        let found = self.partition_id(subscription).and_then(|id| self.store.peek(id, Standing::of));
        found.unwrap_or_default()
    }

    fn partition_id(&self, subscription: SubscriptionId) -> Option<PartitionId> {
        let kept = self.kept.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        kept.of.get(&subscription).map(|(id, _)| *id)
    }

    /// Letters from a place on, so many at the most; fewer if they are large.
    pub(crate) async fn letters(
        &self,
        subscription: SubscriptionId,
        from: u64,
        most: usize,
    ) -> Result<Letters, Refusal> {
        let Some(partition) = self.partition(subscription) else { return Ok(Letters::default()) };
        let (mut letters, mut from, mut bytes) = (Vec::new(), from, 0);
        while letters.len() < most && bytes < LOOK_BYTES_MAX {
            let max = LOOK_STEP.min(most - letters.len());
            let command = queue::Command::Peek { from, max, states: PeekStates::ALL };
            let (reply, contents) = partition.execute(Command::Messages(command))?.read().await?;
            let Reply::Messages(queue::Reply::Peeked { messages, next, is_end }) = reply else {
                return Ok(Letters { letters, next: None });
            };
            for (peeked, content) in messages.iter().zip(contents) {
                // What is not there was delivered since, or is damaged, which the engine has logged.
                let Some(content) = content else { continue };
                bytes += content.bytes();
                letters.extend(waiting(peeked, &content));
            }
            if is_end {
                return Ok(Letters { letters, next: None });
            }
            from = next;
        }
        Ok(Letters { letters, next: Some(from) })
    }
}

fn waiting(peeked: &Peeked, content: &Message) -> Option<Waiting> {
    Some(Waiting {
        id: u128::from_be_bytes(content.id.0),
        kind: letter::kind(content)?,
        published_at: content.sent_at,
        attempts: peeked.receive,
        hidden_until: peeked.hidden_until,
    })
}
