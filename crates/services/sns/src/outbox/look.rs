//! What waits for a subscription, looked at without touching it: no attempt is made, none is put off, and what rests stays at rest.

use super::Outboxes;
use super::deliveries::{Command, Deliveries, Reply};
use super::letter::{self, Kind};
use super::limits::{LOOK_BYTES_MAX, LOOK_STEP};
use super::records::FAMILY;
use crate::limits::STANDINGS_METERED_MAX;
use crate::push::AppKey;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::sms;
use crate::status::ProtocolCounts;
use crate::topic::Protocol;
use crate::topic_key::{SubscriptionId, TopicKey};
use engine::{Content as _, Tally};
use names::{Instant, PartitionId};
use queue::{Message, PeekStates, Peeked};
use std::collections::BTreeMap;

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

impl Inner {
    /// What was counted of each protocol, and what waits for its receivers; and what waits for subscriptions beyond the bound.
    pub(crate) fn protocol_counts(&self) -> (BTreeMap<&'static str, ProtocolCounts>, u64) {
        let mut counts = self.status.by_protocol();
        let mut left = self.outboxes.load();
        for (topic, id) in self.outboxes.all().into_iter().take(STANDINGS_METERED_MAX) {
            // Most often nothing waits for anybody.
            if left == 0 {
                break;
            }
            let Some(protocol) = self.protocol_of(&topic, id) else { continue };
            let Standing { waiting, set_aside, oldest, .. } = self.outboxes.standing(id);
            let of = counts.entry(protocol.name()).or_default();
            of.waiting += waiting as u64;
            of.set_aside += set_aside as u64;
            of.oldest = of.oldest.into_iter().chain(oldest).min();
            left = left.saturating_sub((waiting + set_aside) as u64);
        }
        (counts, left)
    }

    /// How letters of an outbox are delivered: those of a subscription, or of what is sent to a telephone number or a device without one.
    fn protocol_of(&self, topic: &TopicKey, id: SubscriptionId) -> Option<Protocol> {
        if &*topic.name == sms::DIRECT {
            return Some(Protocol::Sms);
        }
        if AppKey::of_outbox(topic).is_some() {
            return Some(Protocol::Application);
        }
        if let Some(ending) = self.outboxes.ending(id) {
            return Some(ending.protocol);
        }
        let entry = self.catalog.find(topic)?;
        entry.look(|view| view.subscription(id).map(|receiver| receiver.subscription.protocol))
    }
}

impl Outboxes {
    /// All letters there are.
    fn load(&self) -> u64 {
        let Tally(counts) = self.store.tally(FAMILY);
        counts.iter().sum()
    }

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
