//! A publish to a FIFO topic: every queue gets its messages in the order of their sequence numbers, and each once.
//!
//! One publish at a time has its turn: it looks for an earlier message that it repeats, takes the next sequence number, and posts its
//! letters; when all of them have their places in their queues the topic's own record follows, and the next publish has its turn. None
//! of this waits for the disk unless room is short, so publishes of one topic share a block of the log. The topic's record stands behind the letters, never
//! before: of a log that is cut off between them some queues have the message and the topic does not know of it; its publisher, who
//! was told nothing, sends it again, and those queues know it by its deduplication id (ADR 0043).

use crate::archive;
use crate::catalog::{Place, Receiver, TopicEntry};
use crate::dead_letters::{self, Reason, Sent};
use crate::envelope::{Envelopes, Notification};
use crate::fanout;
use crate::fifo::{self, Labels, Published};
use crate::limits;
use crate::message::{Kept, Message, show_time};
use crate::pieces::{Pieces, Room};
use crate::refusal::Refusal;
use crate::service::{Inner, id_of};
use crate::told::Told;
use crate::topic::{Command, Protocol, Reply, Topic};
use crate::topic_key::SubscriptionId;
use engine::Pending;
use gateway::{Caller, Letter, NotPut, Putting, Together};
use std::sync::Arc;
use stream::Shard;

/// A publish that has had its turn.
pub(crate) struct Begun {
    sequence: u64,
    id: u128,
    on_its_way: OnItsWay,
    /// What became of that.
    outcome: Result<(), Refusal>,
    /// The topic's record, if it is not one of before that a duplicate waits for.
    record: Option<Pending<Topic>>,
}

/// What of a publish may not be durable yet.
#[derive(Default)]
struct OnItsWay {
    letters: Vec<Putting>,
    /// The room that these have.
    room: Room,
    /// The message in the topic's archive, if there is one.
    archived: Option<Pending<Shard>>,
}

/// What a publisher is answered.
pub(crate) struct Done {
    pub(crate) id: String,
    pub(crate) sequence_number: String,
}

/// The messages of a request that were begun before another one of it.
pub(crate) type Earlier = [Result<Begun, Refusal>];

/// Gives up the room that a request has: nobody waits for room or a turn who has room, or two might wait for each other's, and one for
/// its own.
async fn give_up_room(earlier: &mut Earlier) {
    for begun in earlier.iter_mut().flatten() {
        begun.settle().await;
    }
}

/// Publishes the `nth` message of a request, when it is its turn.
pub(crate) async fn begin(
    service: &Inner,
    caller: &Caller,
    topic: &Arc<TopicEntry>,
    (message, labels): (&Message, &Labels),
    nth: usize,
    earlier: &mut Earlier,
) -> Result<Begun, Refusal> {
    let mut turn = match topic.turn.try_lock() {
        Ok(turn) => turn,
        Err(_) => {
            give_up_room(earlier).await;
            topic.turn.lock().await
        }
    };
    let (last, known) = topic.published(&labels.digests, caller.now)?;
    if let Some((sequence, id)) = known {
        return Ok(Begun { sequence, id, on_its_way: OnItsWay::default(), outcome: Ok(()), record: None });
    }
    let id = id_of(caller, nth);
    let sequence = fifo::sequence_after(last.max(*turn), caller.now);
    // Whatever becomes of it: part of its letters may have arrived.
    *turn = sequence;
    let notification = Notification {
        id: &SubscriptionId(id).show(),
        topic: &topic.arn,
        at: show_time(caller.now),
        base: caller.link_url().to_string(),
        // AWS signs nothing that FIFO topics send.
        signer: None,
        sequence: Some(&fifo::show_sequence(sequence)),
        is_replayed: false,
    };
    let mut told = Told::of(topic.look(|view| Arc::clone(&view.about)), Vec::new());
    let (letters, room) =
        post(service, caller, topic, (message, labels), (nth, notification), (&mut told, earlier)).await?;
    told.tell(service, caller, &topic.arn, (message, &SubscriptionId(id).show()), true);
    // Behind the letters and before the topic's record: what is archived has reached every queue, as far as the log goes.
    let archived = archive::keep(service, topic, || {
        let (base, deduplication) = (caller.link_url().to_string().into(), Some(labels.deduplication.as_str().into()));
        Kept { id, sequence, at: caller.now, base, deduplication, message }.encode()
    })?;
    let published = Published { sequence, dedup: labels.digests[0], id, at: caller.now };
    let record = topic.begin(Command::Note(published))?;
    let on_its_way = OnItsWay { letters, room, archived };
    Ok(Begun { sequence, id, on_its_way, outcome: Ok(()), record: Some(record) })
}

/// Whom a message is for now: those whose replay is not over get it out of the archive.
fn receivers_of(topic: &TopicEntry, message: &Message) -> Vec<Arc<Receiver>> {
    let held_back = topic.held_back();
    topic.look(|view| {
        let is_held_back =
            |one: &Receiver| view.number_of(one.subscription.id).is_some_and(|number| held_back.contains(&number));
        let mut receivers = view.receivers_of(message);
        receivers.retain(|receiver| held_back.is_empty() || !is_held_back(receiver));
        receivers
    })
}

/// Posts the letters; ready when all have their places.
async fn post(
    service: &Inner,
    caller: &Caller,
    topic: &TopicEntry,
    (message, labels): (&Message, &Labels),
    (nth, notification): (usize, Notification<'_>),
    (told, earlier): (&mut Told, &mut Earlier),
) -> Result<(Vec<Putting>, Room), Refusal> {
    let sender = fanout::sender(caller, topic);
    let receivers = receivers_of(topic, message);
    let number = SubscriptionId::read(notification.id).map_or(0, |id| id.0);
    let (raw, mut envelopes) = (message.raw(Protocol::Sqs), Envelopes::new(message, notification));
    let pieces = Pieces::of(message);
    let (mut last, mut room) = (Vec::new(), Room::default());
    for (first, receivers) in (0..).step_by(pieces.letters).zip(receivers.chunks(pieces.letters)) {
        // No more than a piece is on its way at one time.
        settled(std::mem::take(&mut last)).await?;
        drop(room);
        room = match service.on_the_way.room_now(pieces, receivers.len()) {
            Some(room) => room,
            None => {
                give_up_room(earlier).await;
                service.on_the_way.room(pieces, receivers.len()).await
            }
        };
        let mut posting = Vec::with_capacity(receivers.len());
        for (place, receiver) in receivers.iter().enumerate() {
            // Others are not subscribed to FIFO topics.
            let Place::Queue(queue) = &receiver.place else { continue };
            let is_fifo = fifo::is_fifo(&queue.resource);
            let letter = Letter {
                // "Message group ID is not passed to Amazon SQS standard queues."
                group: is_fifo.then(|| labels.group.clone()),
                deduplication: is_fifo.then(|| labels.deduplication.clone()),
                nth: (first + place) * limits::BATCH_MAX + nth,
                ..fanout::letter(topic, message, receiver, &raw, &mut envelopes)?
            };
            posting.push(service.mailboxes.post(sender.clone(), queue, letter));
        }
        let mut burying = Vec::new();
        for (place, posted) in Together::new(posting).await.into_iter().enumerate() {
            let refused = match posted {
                Ok(letter) => {
                    told.placed(&receivers[place]);
                    last.push(letter);
                    continue;
                }
                Err(NotPut::Unavailable(refused)) => return Err(Refusal::unavailable(refused.message)),
                Err(NotPut::Refused(refused)) => refused,
            };
            told.refused((service, &topic.arn), &receivers[place], &refused, caller.now);
            if let Some(target) = &receivers[place].dead_letters {
                let mut letter = Letter {
                    group: Some(labels.group.clone()),
                    deduplication: Some(labels.deduplication.clone()),
                    nth: (first + place) * limits::BATCH_MAX + nth,
                    ..fanout::letter(topic, message, &receivers[place], &raw, &mut envelopes)?
                };
                dead_letters::add_reason(&mut letter, number, &Reason::from(&refused));
                burying.push(service.mailboxes.post(sender.clone(), target, letter));
            }
        }
        // In the turn, too: dead letters of a group are in its order.
        for buried in Together::new(burying).await {
            last.extend(counted_dead(service, topic, buried)?);
        }
    }
    Ok((last, room))
}

/// Counts a letter to a dead-letter queue by what became of it.
fn counted_dead(
    service: &Inner,
    topic: &TopicEntry,
    buried: Result<Putting, NotPut>,
) -> Result<Option<Putting>, Refusal> {
    match buried {
        Ok(letter) => {
            service.status.count_dead(&topic.arn, Sent::Kept);
            Ok(Some(letter))
        }
        Err(NotPut::Refused(_)) => {
            service.status.count_dead(&topic.arn, Sent::Refused);
            Ok(None)
        }
        Err(NotPut::Unavailable(refused)) => Err(Refusal::unavailable(refused.message)),
    }
}

/// Waits until letters are durable.
pub(crate) async fn settled(letters: Vec<Putting>) -> Result<(), Refusal> {
    let mut unavailable = None;
    for put in Together::new(letters).await {
        if let Err(NotPut::Unavailable(refused)) = put {
            unavailable = Some(refused);
        }
    }
    unavailable.map_or(Ok(()), |refused| Err(Refusal::unavailable(refused.message)))
}

impl OnItsWay {
    /// Waits until everything is durable, and lets go of the room.
    async fn settled(self) -> Result<(), Refusal> {
        let Self { letters, room: _room, archived } = self;
        settled(letters).await?;
        match archived {
            Some(archived) => Ok(archived.await.map(drop)?),
            None => Ok(()),
        }
    }
}

impl Begun {
    /// Waits until what is on its way is durable; it has no room from then on.
    async fn settle(&mut self) {
        if let Err(refusal) = std::mem::take(&mut self.on_its_way).settled().await {
            self.outcome = Err(refusal);
        }
    }

    /// The answer, when everything is durable.
    pub(crate) async fn done(self, service: &Inner) -> Result<Done, Refusal> {
        let Self { sequence, id, on_its_way, outcome, record } = self;
        on_its_way.settled().await.and(outcome)?;
        let Some(record) = record else {
            service.catalog.settled().await?;
            return Ok(Done::new(id, sequence));
        };
        match record.await? {
            Reply::Gone => Err(Refusal::no_topic()),
            _ => Ok(Done::new(id, sequence)),
        }
    }
}

impl Done {
    fn new(id: u128, sequence: u64) -> Self {
        Self { id: SubscriptionId(id).show(), sequence_number: fifo::show_sequence(sequence) }
    }
}
