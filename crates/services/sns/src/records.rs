//! Every record that a topic journals, on one screen. Written with `engine::fields`: integers big-endian, `text` a length of 4 and
//! UTF-8.
//!
//! ```text
//! kind 1 v1     about put          about
//! kind 2 v1     subscription put   number 8 │ subscription
//! kind 3 v1     subscription gone  number 8
//! kind 4 v1     deleted            (nothing)
//! kind 5 v1     replay put         number 8 │ replay: a subscription's, in the place of the one before
//! kind 6 v1     replay moved       number 8 │ run 8 │ next 8
//! kind 7 v1     replay over        number 8 │ run 8 │ state 1 (3 completed, 4 failed, 5 stopped)
//! kind 10 v1    published          sequence 8 │ deduplication 16 │ message id 16 │ at 8: the last record of a FIFO topic's publish
//! kind 12 v1    archive cut        about: the same as about put, and the archive keeps less than before or is gone
//! about         account 12 │ region text │ name text │ created at 8 │ attributes │ tags
//! attributes    count 4 × ( name text │ value text ), tags the same
//! subscription  id 16 │ owner 12 │ protocol 1 │ endpoint text │ attributes │ created at 8
//! replay        run 8 │ start 8 │ end option 8 │ live after 8 │ live from counter 8 │ next counter 8 │ state 1 (also 1 pending, 2 in progress)
//! snapshot v2   about │ next number 8 │ count 4 × ( number 8 │ subscription ) │ parts until its end: tag 1 │ length 4 │ bytes
//! part 5        runs 8 │ count 4 × ( number 8 │ replay ); of topics that had replays
//! part 10       last sequence 8 │ the ids of five minutes, as `queue::Dedup` writes them; of FIFO topics
//! snapshot v1   the same without parts
//! ```
//! Protocols are numbered in `topic.rs`: 1 sqs, 2 http, 3 https, 4 email, 5 email-json, 6 lambda, 7 sms, 8 application. The first record of a topic is what it is about.

use crate::fifo::{Fifo, Published};
use crate::replays::{Live, Replay, Replays, State};
use crate::topic::{About, Pairs, Protocol, Subscription, Topic};
use crate::topic_key::{SubscriptionId, TopicKey};
use engine::MalformedRecord;
use engine::fields::{Fields, put_bytes, put_count, put_instant, put_option, put_pairs, put_text};
use queue::Dedup;
use std::sync::Arc;

/// The family of partitions that are topics.
pub const FAMILY: u8 = 9;

const ABOUT_PUT: u8 = 1;
const SUBSCRIPTION_PUT: u8 = 2;
const SUBSCRIPTION_GONE: u8 = 3;
const DELETED: u8 = 4;
const REPLAY_PUT: u8 = 5;
const REPLAY_MOVED: u8 = 6;
const REPLAY_OVER: u8 = 7;
const PUBLISHED: u8 = 10;
const ARCHIVE_CUT: u8 = 12;
/// The version of all records.
pub(crate) const VERSION: u8 = 1;
/// The version of the snapshot.
pub(crate) const SNAPSHOT_VERSION: u8 = 2;
/// The snapshot's part about replays.
const REPLAYS_PART: u8 = 5;
/// The snapshot's part about a FIFO topic's messages.
const FIFO_PART: u8 = 10;

/// A journaled change of a topic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effect {
    AboutPut(Arc<About>),
    /// The same of a change by which the archive gives room back.
    ArchiveCut(Arc<About>),
    SubscriptionPut(u64, Arc<Subscription>),
    SubscriptionGone(u64),
    Deleted,
    /// By the subscription's number.
    ReplayPut(u64, Replay),
    /// By number and run: where it goes on.
    ReplayMoved(u64, u64, u64),
    ReplayOver(u64, u64, State),
    Published(Published),
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::AboutPut(_) => ABOUT_PUT,
            Self::ArchiveCut(_) => ARCHIVE_CUT,
            Self::SubscriptionPut(..) => SUBSCRIPTION_PUT,
            Self::SubscriptionGone(_) => SUBSCRIPTION_GONE,
            Self::Deleted => DELETED,
            Self::ReplayPut(..) => REPLAY_PUT,
            Self::ReplayMoved(..) => REPLAY_MOVED,
            Self::ReplayOver(..) => REPLAY_OVER,
            Self::Published(_) => PUBLISHED,
        }
    }

    fn version(&self) -> u8 {
        VERSION
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::AboutPut(about) | Self::ArchiveCut(about) => put_about(about, out),
            Self::SubscriptionPut(number, subscription) => put_numbered(*number, subscription, out),
            Self::SubscriptionGone(number) => out.extend(number.to_be_bytes()),
            Self::Deleted => {}
            Self::ReplayPut(number, replay) => put_replay(*number, replay, out),
            Self::ReplayMoved(number, run, next) => {
                [number, run, next].iter().for_each(|field| out.extend(field.to_be_bytes()));
            }
            Self::ReplayOver(number, run, state) => {
                [number, run].iter().for_each(|field| out.extend(field.to_be_bytes()));
                out.push(*state as u8);
            }
            Self::Published(published) => put_published(published, out),
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        let malformed = |why| MalformedRecord { kind, version, why };
        if version != VERSION {
            return Err(malformed("a version that this program does not know"));
        }
        let mut fields = Fields::new(payload);
        let effect = match kind {
            ABOUT_PUT => about(&mut fields).map(|about| Self::AboutPut(Arc::new(about))),
            ARCHIVE_CUT => about(&mut fields).map(|about| Self::ArchiveCut(Arc::new(about))),
            SUBSCRIPTION_PUT => {
                numbered(&mut fields).map(|(number, subscription)| Self::SubscriptionPut(number, subscription))
            }
            SUBSCRIPTION_GONE => fields.u64().map(Self::SubscriptionGone),
            DELETED => Some(Self::Deleted),
            REPLAY_PUT => replay(&mut fields).map(|(number, replay)| Self::ReplayPut(number, replay)),
            REPLAY_MOVED => moved(&mut fields),
            REPLAY_OVER => over(&mut fields),
            PUBLISHED => published(&mut fields).map(Self::Published),
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.and_then(|effect| fields.end(effect)).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn frees(&self) -> bool {
        matches!(self, Self::SubscriptionGone(_) | Self::Deleted | Self::ReplayOver(..) | Self::ArchiveCut(_))
    }
}

/// The whole state of a topic.
pub(crate) fn put_topic(topic: &Topic, out: &mut Vec<u8>) {
    if let Some(about) = &topic.about {
        put_about(about, out);
        out.extend(topic.next_number.to_be_bytes());
        put_count(topic.subscriptions.len(), out);
        topic.subscriptions.iter().for_each(|(number, subscription)| put_numbered(number, subscription, out));
        if topic.replays != Replays::default() {
            let mut part = topic.replays.runs.to_be_bytes().to_vec();
            put_count(topic.replays.of.len(), &mut part);
            topic.replays.of.iter().for_each(|(number, replay)| put_replay(*number, replay, &mut part));
            out.push(REPLAYS_PART);
            put_bytes(&part, out);
        }
        if topic.fifo != Fifo::default() {
            let part = [&topic.fifo.last.to_be_bytes()[..], &topic.fifo.recent.to_bytes()].concat();
            out.push(FIFO_PART);
            put_bytes(&part, out);
        }
    }
}

/// Reads what [`put_topic`] wrote, in this version or the one before.
pub(crate) fn topic(state: &[u8], version: u8) -> Option<Topic> {
    let mut fields = Fields::new(state);
    let about = Some(Arc::new(about(&mut fields)?));
    let mut topic =
        Topic { about, next_number: fields.u64()?, subscriptions: fields.list(numbered)?, ..Topic::default() };
    while version > 1 && !fields.is_empty() {
        match (fields.byte()?, fields.bytes()?) {
            (REPLAYS_PART, part) => topic.replays = replays(part)?,
            (FIFO_PART, part) => topic.fifo = fifo(part)?,
            _ => return None,
        }
    }
    fields.end(topic)
}

fn replays(part: &[u8]) -> Option<Replays> {
    let mut fields = Fields::new(part);
    let (runs, of) = (fields.u64()?, fields.list(replay)?);
    fields.end(Replays { runs, of })
}

fn put_replay(number: u64, replay: &Replay, out: &mut Vec<u8>) {
    let Replay { run, start, end, live, next, state } = replay;
    out.extend(number.to_be_bytes());
    out.extend(run.to_be_bytes());
    put_instant(*start, out);
    put_option(*end, out, put_instant);
    put_instant(live.after, out);
    out.extend(live.counter.to_be_bytes());
    out.extend(next.to_be_bytes());
    out.push(*state as u8);
}

fn replay(fields: &mut Fields<'_>) -> Option<(u64, Replay)> {
    let number = fields.u64()?;
    let replay = Replay {
        run: fields.u64()?,
        start: fields.instant()?,
        end: fields.option(Fields::instant)?,
        live: Live { after: fields.instant()?, counter: fields.u64()? },
        next: fields.u64()?,
        state: State::numbered(fields.byte()?)?,
    };
    Some((number, replay))
}

fn moved(fields: &mut Fields<'_>) -> Option<Effect> {
    Some(Effect::ReplayMoved(fields.u64()?, fields.u64()?, fields.u64()?))
}

fn over(fields: &mut Fields<'_>) -> Option<Effect> {
    let (number, run, state) = (fields.u64()?, fields.u64()?, State::numbered(fields.byte()?)?);
    state.is_over().then_some(Effect::ReplayOver(number, run, state))
}

fn fifo(part: &[u8]) -> Option<Fifo> {
    let mut fields = Fields::new(part);
    let last = fields.u64()?;
    Some(Fifo { last, recent: Dedup::from_bytes(fields.rest()).ok()? })
}

fn put_published(published: &Published, out: &mut Vec<u8>) {
    out.extend(published.sequence.to_be_bytes());
    out.extend(published.dedup);
    out.extend(published.id.to_be_bytes());
    put_instant(published.at, out);
}

fn published(fields: &mut Fields<'_>) -> Option<Published> {
    Some(Published { sequence: fields.u64()?, dedup: fields.array()?, id: fields.u128()?, at: fields.instant()? })
}

fn put_about(about: &About, out: &mut Vec<u8>) {
    out.extend(about.key.account.as_str().as_bytes());
    put_text(about.key.region.as_str(), out);
    put_text(&about.key.name, out);
    put_instant(about.created_at, out);
    put_pairs(pairs(&about.attributes), out);
    put_pairs(pairs(&about.tags), out);
}

fn about(fields: &mut Fields<'_>) -> Option<About> {
    Some(About {
        key: TopicKey { account: fields.account()?, region: fields.region()?, name: fields.text()? },
        created_at: fields.instant()?,
        attributes: fields.pairs()?,
        tags: fields.pairs()?,
    })
}

fn put_numbered(number: u64, subscription: &Subscription, out: &mut Vec<u8>) {
    out.extend(number.to_be_bytes());
    put_subscription(subscription, out);
}

/// A subscription, here and where it is kept after its end.
pub(crate) fn put_subscription(subscription: &Subscription, out: &mut Vec<u8>) {
    out.extend(subscription.id.0.to_be_bytes());
    out.extend(subscription.owner.as_str().as_bytes());
    out.push(subscription.protocol as u8);
    put_text(&subscription.endpoint, out);
    put_pairs(pairs(&subscription.attributes), out);
    put_instant(subscription.created_at, out);
}

fn numbered(fields: &mut Fields<'_>) -> Option<(u64, Arc<Subscription>)> {
    Some((fields.u64()?, subscription(fields)?))
}

/// Reads what [`put_subscription`] wrote.
pub(crate) fn subscription(fields: &mut Fields<'_>) -> Option<Arc<Subscription>> {
    let subscription = Subscription {
        id: SubscriptionId(fields.u128()?),
        owner: fields.account()?,
        protocol: Protocol::numbered(fields.byte()?)?,
        endpoint: fields.text()?.into(),
        attributes: fields.pairs()?,
        created_at: fields.instant()?,
    };
    Some(Arc::new(subscription))
}

/// Names and values, in order.
pub(crate) fn pairs(pairs: &Pairs) -> impl ExactSizeIterator<Item = (&str, &str)> {
    pairs.iter().map(|(name, value)| (&**name, &**value))
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
