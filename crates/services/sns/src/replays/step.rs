//! One step of a replay: some messages of the archive, to one subscription, as a publish would bring them now.
//!
//! What holds is what the subscription says at this moment: its filter, whether it is confirmed, whether it is raw, its dead-letter
//! queue; the policy of its queue and the topic's key are asked as they are when somebody publishes. A queue's letters get their places
//! one after the other, so that groups keep their order. How far the step came is recorded when all of them are durable.

use super::board::Ended;
use super::limits::{STEP_BYTES, STEP_RECORDS, WAIT_MILLIS, WAITING_MAX};
use super::{Replay, State};
use crate::api::errors;
use crate::archive::Place;
use crate::attributes;
use crate::catalog::{Place as ReceiversPlace, Receiver, TopicEntry};
use crate::dead_letters::{self, Reason};
use crate::envelope::{Envelopes, Notification};
use crate::fanout::{self, principal, signing_key};
use crate::fifo;
use crate::filtering;
use crate::limits as sns_limits;
use crate::message::{Kept, Message, show_time};
use crate::ordered::settled;
use crate::outbox::{Hands, Kind};
use crate::pieces::Pieces;
use crate::protection::{Outbound, Protection};
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::signing::SigningKey;
use crate::told;
use crate::topic::{Command, Protocol, Topic};
use crate::topic_key::{SubscriptionId, TopicKey};
use engine::{Partition, Pending};
use filter::Limits;
use gateway::{Caller, Letter, NotPut, Putting};
use names::Arn;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use stream::{Command as Ask, Reply as Told, Shard};

/// Beside a message that a raw subscription gets out of the archive.
const REPLAYED: &str = "Replayed";

/// A replay whose turn it is.
struct Step<'a> {
    inner: &'a Inner,
    topic: &'a TopicEntry,
    receiver: Arc<Receiver>,
    number: u64,
    replay: Replay,
    caller: Caller,
}

/// Messages of the archive, with their counters.
type Read = Vec<(u64, Kept<Message>)>;

/// A part of the archive.
struct Part {
    /// What the subscription gets of it.
    wanted: Read,
    /// Where it goes on.
    next: u64,
    /// Whether it does not.
    is_last: bool,
}

/// How far messages came.
enum Came {
    Through,
    /// The replay was stopped meanwhile, or another took its place.
    Unwanted,
    /// Before the message at that counter, and why.
    UpTo(u64, Refusal),
}

/// Makes a step, if there is one to make.
pub(super) async fn make(inner: &Inner, hands: &Hands, id: SubscriptionId, topic: &TopicKey) -> Result<Ended, Refusal> {
    let Some(topic) = inner.catalog.find(topic) else { return Ok(Ended::Over) };
    let found = topic.look(|view| Some((view.number_of(id)?, Arc::clone(view.subscription(id)?))));
    let Some((number, receiver)) = found else { return Ok(Ended::Over) };
    let running = topic.replay(number).filter(|replay| !replay.state.is_over());
    let Some(replay) = running else { return Ok(Ended::Over) };
    if receiver.is_pending {
        return Ok(Ended::Waiting);
    }
    if inner.outboxes.waiting(id).is_some_and(|waiting| waiting >= WAITING_MAX) {
        return Ok(Ended::Later(inner.outboxes.now().plus_millis(WAIT_MILLIS)));
    }
    let caller = (hands.caller)(principal(&topic), &topic.key.region);
    let step = Step { inner, topic: &topic, receiver, number, replay, caller };
    if let Err(refusal) = inner.keys.check_publishing(&step.caller, &topic).await {
        return if is_passing(&refusal) { Err(refusal) } else { step.fail(&refusal.message).await };
    }
    step.go().await
}

/// Whether trying again may help.
fn is_passing(refusal: &Refusal) -> bool {
    let passing = [&errors::SERVICE_UNAVAILABLE_EXCEPTION, &errors::KMS_THROTTLING_EXCEPTION];
    passing.iter().any(|error| error.name == refusal.error.name)
}

impl Step<'_> {
    async fn go(self) -> Result<Ended, Refusal> {
        let place = self.topic.look(|view| Place::of(&view.about.attributes));
        let Some(partition) = place.and_then(|place| self.inner.archives.partition(place.partition)) else {
            return self.fail("the topic's archive is not there").await;
        };
        let from = match self.replay.next {
            0 => match partition.execute(Ask::Seek { at: self.replay.start })?.await? {
                Told::Seeked(counter) => counter,
                _ => return self.fail("the topic's archive is gone").await,
            },
            next => next,
        };
        let Some(part) = self.read(&partition, from).await? else {
            return self.fail("the topic's archive is gone").await;
        };
        match self.deliver(&part.wanted).await? {
            Came::Through => {}
            Came::Unwanted => return Ok(Ended::Over),
            Came::UpTo(counter, why) => {
                if part.wanted.first().is_some_and(|(first, _)| *first < counter) {
                    self.note(counter, State::InProgress)?.await?;
                }
                return Err(why);
            }
        }
        if self.replay.holds_back() && part.is_last {
            return self.catch_up(&partition, part.next).await;
        }
        let state = if part.is_last { State::Completed } else { State::InProgress };
        self.note(part.next, state)?.await?;
        Ok(if state.is_over() { Ended::Over } else { Ended::Again })
    }

    /// A part of the archive; nothing if that is gone.
    async fn read(&self, archive: &Partition<Shard>, from: u64) -> Result<Option<Part>, Refusal> {
        let read = Ask::Read { from, records_max: STEP_RECORDS, bytes_max: STEP_BYTES };
        let (told, contents) = archive.execute(read)?.read().await?;
        let Told::Records { from, next, horizon, state, .. } = told else { return Ok(None) };
        let subscription = &self.receiver.subscription;
        // One that cannot be read lets nothing pass.
        let filter = filtering::compiled(&subscription.attributes, &Limits::LIFTED).ok();
        let passes = |message: &Message| {
            filter.as_ref().is_some_and(|filter| message.passes(filter.as_ref(), subscription.body_name()))
        };
        let mut wanted: Read = Vec::new();
        let mut is_last = next >= state.next;
        for (counter, content) in (from..next).zip(contents) {
            // What is damaged on disk was reported when it was read.
            let Some(record) = content.filter(|record| horizon <= record.arrived_at()) else { continue };
            if self.replay.ends_before(counter, record.arrived_at()) {
                is_last = true;
                break;
            }
            match Kept::decode(record.data()) {
                Some(kept) if self.replay.wants(kept.at) && passes(&kept.message) => wanted.push((counter, kept)),
                Some(_) => {}
                None => {
                    tracing::error!(topic = %self.topic.arn, counter, "an archived message cannot be read, and is passed over");
                }
            }
        }
        Ok(Some(Part { wanted, next, is_last }))
    }

    /// The archive was at its end. What came since is posted while nobody publishes; if that is all, what is published from then on is
    /// delivered as it is. Room is waited for in the turn, as publishes do: who has room waits for no turn.
    async fn catch_up(&self, archive: &Partition<Shard>, from: u64) -> Result<Ended, Refusal> {
        let signer = signing_key(self.inner, self.topic, &[Arc::clone(&self.receiver)]).await?;
        let turn = self.topic.turn.lock().await;
        let Some(part) = self.read(archive, from).await? else {
            return self.fail("the topic's archive is gone").await;
        };
        let pieces = pieces_of(&part.wanted);
        let piece = &part.wanted[..part.wanted.len().min(pieces.letters)];
        let _room = self.inner.on_the_way.room(pieces, piece.len()).await;
        let (putting, came) = self.post_piece(piece, STEP_RECORDS, signer.as_deref()).await;
        let (next, why) = match came {
            Came::Through => (part.wanted.get(piece.len()).map_or(part.next, |(counter, _)| *counter), None),
            Came::Unwanted => (from, None),
            Came::UpTo(counter, why) => (counter, Some(why)),
        };
        let is_over = part.is_last && next == part.next;
        let state = if is_over { State::Completed } else { State::InProgress };
        let noted = self.note(next, state)?;
        drop(turn);
        settled(putting).await?;
        noted.await?;
        match why {
            Some(why) => Err(why),
            None => Ok(if is_over { Ended::Over } else { Ended::Again }),
        }
    }

    fn note(&self, next: u64, state: State) -> Result<Pending<Topic>, Refusal> {
        Ok(self.topic.begin(Command::MoveReplay(self.number, self.replay.run, next, state))?)
    }

    async fn fail(&self, why: &str) -> Result<Ended, Refusal> {
        let subscription = self.receiver.subscription.id.arn(&self.topic.arn);
        tracing::warn!(%subscription, why, "a replay has failed");
        self.note(self.replay.next, State::Failed)?.await?;
        Ok(Ended::Over)
    }

    /// Whether it is still this replay that the subscription wants.
    fn is_wanted(&self) -> bool {
        let id = self.receiver.subscription.id;
        let is_this = |replay: Replay| replay.run == self.replay.run && !replay.state.is_over();
        self.topic.replay(self.number).is_some_and(is_this) && self.topic.look(|view| view.subscription(id).is_some())
    }

    /// Brings messages to the receiver, in pieces; what was posted is durable when this is ready. Of one that is held back a piece has the
    /// topic's turn: once it is stopped, nothing of it comes between what is published.
    async fn deliver(&self, messages: &Read) -> Result<Came, Refusal> {
        let signer = signing_key(self.inner, self.topic, &[Arc::clone(&self.receiver)]).await?;
        let pieces = pieces_of(messages);
        for (nth, piece) in messages.chunks(pieces.letters).enumerate() {
            let turn = if self.replay.holds_back() { Some(self.topic.turn.lock().await) } else { None };
            let _room = self.inner.on_the_way.room(pieces, piece.len()).await;
            let (putting, came) = self.post_piece(piece, nth * pieces.letters, signer.as_deref()).await;
            drop(turn);
            settled(putting).await?;
            if !matches!(came, Came::Through) {
                return Ok(came);
            }
        }
        Ok(Came::Through)
    }

    /// Posts a piece, whose first message is that one of the step.
    async fn post_piece(
        &self,
        piece: &[(u64, Kept<Message>)],
        first: usize,
        signer: Option<&SigningKey>,
    ) -> (Vec<Putting>, Came) {
        let mut putting = Vec::with_capacity(piece.len());
        for (place, (counter, kept)) in piece.iter().enumerate() {
            if !self.is_wanted() {
                return (putting, Came::Unwanted);
            }
            match self.post(*counter, kept, signer, (first + place) * 2).await {
                Ok(posted) => putting.extend(posted),
                Err(why) => return (putting, Came::UpTo(*counter, why)),
            }
            if signer.is_some() {
                // A signature takes a millisecond: whoever waits for the thread has it between two.
                tokio::task::yield_now().await;
            }
        }
        (putting, Came::Through)
    }

    /// Posts one message; it has its place when this is ready.
    async fn post(
        &self,
        counter: u64,
        kept: &Kept<Message>,
        signer: Option<&SigningKey>,
        nth: usize,
    ) -> Result<Option<Putting>, Refusal> {
        let Kept { id, sequence, at, base, message, .. } = kept;
        let version = self.topic.look(|view| attributes::signature_version(&view.about.attributes));
        let (id, number) = (SubscriptionId(*id).show(), fifo::show_sequence(*sequence));
        if self.is_forbidden(message) {
            let about = self.topic.look(|view| Arc::clone(&view.about));
            told::forbidden(self.inner, (&self.topic.arn, &about), &self.receiver, (message, &id), *at);
            return Ok(None);
        }
        let notification = Notification {
            id: &id,
            topic: &self.topic.arn,
            at: show_time(*at),
            base: base.to_string(),
            signer: signer.map(|key| (key, version)),
            sequence: (*sequence > 0).then_some(number.as_str()),
            is_replayed: true,
        };
        let mut envelopes = Envelopes::new(message, notification);
        let subscription = &self.receiver.subscription;
        let ReceiversPlace::Queue(queue) = &self.receiver.place else {
            let envelope = envelopes.to(subscription.body_name(), &subscription.id.arn(&self.topic.arn))?;
            return Ok(Some(self.inner.outboxes.put(subscription.id, kept.id, Kind::Notification, &envelope)));
        };
        let raw = raw(message);
        let letter = fanout::letter(self.topic, message, &self.receiver, &raw, &mut envelopes)?;
        let posted = self.post_to(queue, self.labelled(queue, letter, counter, nth)).await;
        let (Err(NotPut::Refused(refused)), Some(target)) = (&posted, &self.receiver.dead_letters) else {
            return fanout::outcome(self.topic, posted);
        };
        let reason = Reason::from(refused);
        let dead = fanout::letter(self.topic, message, &self.receiver, &raw, &mut envelopes)?;
        let mut dead = self.labelled(target, dead, counter, nth + 1);
        dead_letters::add_reason(&mut dead, kept.id, &reason);
        fanout::outcome(self.topic, self.post_to(target, dead).await)
    }

    /// Whether the topic's data protection policy keeps a message from this receiver.
    fn is_forbidden(&self, message: &Message) -> bool {
        let protection = self.topic.look(|view| view.protection.clone()).filter(|policy| policy.is_outbound());
        let of =
            |policy: Arc<Protection>| Outbound::of(self.inner, &policy, message).forbids(&self.receiver.subscription);
        protection.is_some_and(of)
    }

    async fn post_to(&self, queue: &Arn, letter: Letter) -> Result<Putting, NotPut> {
        self.inner.mailboxes.post(self.caller.clone(), queue, letter).await
    }

    /// With what its queue has to know of it. A replay's letters are no duplicates of those that were published, nor of another
    /// replay's, and a step that is made again after a crash makes the same ones.
    fn labelled(&self, queue: &Arn, letter: Letter, counter: u64, nth: usize) -> Letter {
        let is_fifo = fifo::is_fifo(&queue.resource);
        let group = if is_fifo || !self.topic.is_fifo() { letter.group.clone() } else { None };
        Letter { group, deduplication: is_fifo.then(|| self.deduplication(counter)), nth, ..letter }
    }

    fn deduplication(&self, counter: u64) -> String {
        let mut digest = Sha256::new();
        digest.update(self.receiver.subscription.id.0.to_be_bytes());
        digest.update(self.replay.run.to_be_bytes());
        digest.update(counter.to_be_bytes());
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// How messages are divided.
fn pieces_of(messages: &Read) -> Pieces {
    let largest = messages.iter().max_by_key(|(_, kept)| kept.message.bytes);
    largest.map_or(Pieces::NONE, |(_, kept)| Pieces::of(&kept.message))
}

/// As a raw subscription gets it, with what says that it is replayed as long as there is room for it.
fn raw(message: &Message) -> Letter {
    let mut raw = message.raw(Protocol::Sqs);
    let is_known = raw.attributes.iter().any(|(name, _)| name == REPLAYED);
    if !is_known && raw.attributes.len() < sns_limits::ATTRIBUTES_MAX {
        raw.label(REPLAYED, "true".to_owned());
    }
    raw
}
