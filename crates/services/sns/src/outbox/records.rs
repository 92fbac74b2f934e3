//! Every record of a subscription's deliveries, on one screen. Written with `engine::fields`.
//!
//! ```text
//! kind below 64   the queue machine's own (crate `queue`, records.rs): letters, leases, deletions
//! kind 64 v1      opened    subscription 16 │ account 12 │ region text │ topic's name text
//! kind 65 v1      closed    (nothing)
//! kind 66 v1      ended     as opened, of the subscription that may come to be │ the one that was ended, as a topic's records have it
//! kind 67 v1      restored  (nothing)
//! snapshot v2     as opened │ ended option │ version of the queue machine's snapshot 1 │ that snapshot
//! snapshot v1     the same without ended
//! a message       body: the envelope, JSON in UTF-8 │ properties: as letter.rs has them
//! ```

use super::deliveries::{Deliveries, Whose};
use crate::records::{put_subscription, subscription};
use crate::topic::Subscription;
use crate::topic_key::{SubscriptionId, TopicKey};
use engine::MalformedRecord;
use engine::fields::{Fields, put_option, put_text};
use names::Instant;
use queue::Queue;
use std::sync::Arc;

/// The family of partitions that hold deliveries.
pub const FAMILY: u8 = 10;

const FIRST_OWN_KIND: u8 = 64;
const OPENED: u8 = 64;
const CLOSED: u8 = 65;
const ENDED: u8 = 66;
const RESTORED: u8 = 67;
const VERSION: u8 = 1;
pub(super) const SNAPSHOT_VERSION: u8 = 2;

/// A journaled change of a subscription's deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Opened(Whose),
    Closed,
    /// Whose these would be, and the subscription that was ended.
    Ended(Whose, Arc<Subscription>),
    Restored,
    Queue(queue::Effect),
}

impl From<queue::Effect> for Effect {
    fn from(effect: queue::Effect) -> Self {
        Self::Queue(effect)
    }
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Opened(_) => OPENED,
            Self::Closed => CLOSED,
            Self::Ended(..) => ENDED,
            Self::Restored => RESTORED,
            Self::Queue(effect) => effect.kind(),
        }
    }

    fn version(&self) -> u8 {
        match self {
            Self::Queue(effect) => effect.version(),
            Self::Opened(_) | Self::Closed | Self::Ended(..) | Self::Restored => VERSION,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Opened(whose) => put_whose(whose, out),
            Self::Closed | Self::Restored => {}
            Self::Ended(whose, ended) => {
                put_whose(whose, out);
                put_subscription(ended, out);
            }
            Self::Queue(effect) => effect.encode(out),
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        if kind < FIRST_OWN_KIND {
            return queue::Effect::decode(kind, version, payload).map(Self::Queue);
        }
        let malformed = |why| MalformedRecord { kind, version, why };
        let mut fields = Fields::new(payload);
        let effect = match (kind, version) {
            (OPENED, VERSION) => whose(&mut fields).map(Self::Opened),
            (CLOSED, VERSION) => Some(Self::Closed),
            (ENDED, VERSION) => {
                whose(&mut fields).zip(subscription(&mut fields)).map(|(whose, of)| Self::Ended(whose, of))
            }
            (RESTORED, VERSION) => Some(Self::Restored),
            (OPENED | CLOSED | ENDED | RESTORED, _) => {
                return Err(malformed("a version that this program does not know"));
            }
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.and_then(|effect| fields.end(effect)).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn content_key(kind: u8, version: u8, payload: &[u8]) -> Option<(u64, Instant)> {
        if kind < FIRST_OWN_KIND { queue::Effect::content_key(kind, version, payload) } else { None }
    }

    fn frees(&self) -> bool {
        match self {
            Self::Opened(_) | Self::Ended(..) => false,
            Self::Closed | Self::Restored => true,
            Self::Queue(effect) => effect.frees(),
        }
    }
}

fn put_whose(whose: &Whose, out: &mut Vec<u8>) {
    out.extend(whose.subscription.0.to_be_bytes());
    out.extend(whose.topic.account.as_str().as_bytes());
    put_text(whose.topic.region.as_str(), out);
    put_text(&whose.topic.name, out);
}

fn whose(fields: &mut Fields<'_>) -> Option<Whose> {
    let subscription = SubscriptionId(fields.u128()?);
    let topic = TopicKey { account: fields.account()?, region: fields.region()?, name: fields.text()? };
    Some(Whose { subscription, topic })
}

/// The whole state; of deliveries that are nobody's there is none.
pub(super) fn put_snapshot(deliveries: &Deliveries, out: &mut Vec<u8>) {
    if let Some(whose) = &deliveries.whose {
        put_whose(whose, out);
        put_option(deliveries.ended.as_deref(), out, put_subscription);
        out.push(Queue::SNAPSHOT_VERSION);
        deliveries.queue.snapshot(out);
    }
}

/// Reads what [`put_snapshot`] wrote, in this version or the one before.
pub(super) fn read_snapshot(version: u8, state: &[u8]) -> Result<Deliveries, MalformedRecord> {
    let malformed = |why| MalformedRecord { kind: 0, version, why };
    if !(1..=SNAPSHOT_VERSION).contains(&version) {
        return Err(malformed("a snapshot's version that this program does not know"));
    }
    let mut fields = Fields::new(state);
    let (whose, ended, queue_version) =
        head(&mut fields, version).ok_or_else(|| malformed("a snapshot of deliveries does not fit its length"))?;
    let queue = Queue::restore(queue_version, fields.rest())?;
    Ok(Deliveries { whose: Some(whose), is_closed: false, ended, queue })
}

/// What stands in a snapshot before the queue machine's.
fn head(fields: &mut Fields<'_>, version: u8) -> Option<(Whose, Option<Arc<Subscription>>, u8)> {
    let whose = whose(fields)?;
    let ended = if version > 1 { fields.option(subscription)? } else { None };
    Some((whose, ended, fields.byte()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topic::Protocol;
    use bytes::Bytes;
    use engine::{Effect as _, Machine};
    use names::{AccountId, Position, Region};
    use queue::{MessageId, NewMessage};

    fn whose() -> Whose {
        let region = Region::parse("eu-west-1").unwrap();
        let topic = TopicKey { account: AccountId::DEFAULT, region, name: "t".into() };
        Whose { subscription: SubscriptionId(7), topic }
    }

    fn ended() -> Arc<Subscription> {
        Arc::new(Subscription {
            id: SubscriptionId(8),
            owner: AccountId::DEFAULT,
            protocol: Protocol::Https,
            endpoint: "https://x/".into(),
            attributes: [("a".into(), "b".into())].into(),
            created_at: Instant::from_millis(9),
        })
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn records_are_what_they_were() {
        let opened = "000000000000000000000000000000073030303030303030303030300000000965752d776573742d310000000174";
        let subscription = "00000000000000000000000000000008303030303030303030303030030000000a68747470733a2f2f782f00000001000000016100000001620000000000000009";
        let first = format!("{opened}{subscription}");
        let all = [
            (Effect::Opened(whose()), opened),
            (Effect::Closed, ""),
            (Effect::Ended(whose(), ended()), &first),
            (Effect::Restored, ""),
        ];
        for (effect, bytes) in all {
            let mut out = Vec::new();
            effect.encode(&mut out);
            assert_eq!(hex(&out), bytes, "{effect:?}");
            assert_eq!(Effect::decode(effect.kind(), effect.version(), &out), Ok(effect.clone()));
            for length in 0..out.len() {
                assert!(Effect::decode(effect.kind(), VERSION, &out[..length]).is_err());
            }
            out.push(0);
            assert!(Effect::decode(effect.kind(), VERSION, &out).is_err());
        }
        assert!(Effect::decode(99, VERSION, &[]).is_err() && Effect::decode(CLOSED, 2, &[]).is_err());
    }

    #[test]
    fn a_snapshot_has_the_letters_that_wait() {
        let mut deliveries = Deliveries::default();
        let mut ask = |command| {
            let decision = deliveries.decide(Instant::from_millis(1), command);
            decision.effects.iter().for_each(|effect| deliveries.apply(Position::new(1), effect, &mut Vec::new()));
        };
        ask(super::super::deliveries::Command::Open(whose()));
        let letter = NewMessage::plain(MessageId([1; 16]), 1, Bytes::from_static(b"xy"), None);
        ask(super::super::deliveries::Command::Messages(queue::Command::Send(vec![letter])));
        let mut state = Vec::new();
        deliveries.snapshot(&mut state);
        let again = Deliveries::restore(SNAPSHOT_VERSION, &state).unwrap();
        assert_eq!((again.whose(), again.waiting()), (Some(&whose()), (1, 0)));
        assert!((0..state.len()).all(|length| Deliveries::restore(SNAPSHOT_VERSION, &state[..length]).is_err()));
    }

    #[test]
    fn a_snapshot_of_before_is_read_and_one_of_now_has_what_was_ended() {
        let mut deliveries = Deliveries::default();
        deliveries.apply(Position::new(1), &Effect::Ended(whose(), ended()), &mut Vec::new());
        let mut state = Vec::new();
        deliveries.snapshot(&mut state);
        let again = Deliveries::restore(SNAPSHOT_VERSION, &state).unwrap();
        assert_eq!((again.whose(), again.ended()), (Some(&whose()), Some(&ended())));
        deliveries.apply(Position::new(2), &Effect::Restored, &mut Vec::new());
        state.clear();
        deliveries.snapshot(&mut state);
        assert_eq!(Deliveries::restore(SNAPSHOT_VERSION, &state).unwrap().ended(), None);
        // Version 1 had no option there.
        let mut head = Vec::new();
        put_whose(&whose(), &mut head);
        assert_eq!(state.remove(head.len()), 0);
        assert_eq!(Deliveries::restore(1, &state).unwrap().whose(), Some(&whose()));
    }
}
