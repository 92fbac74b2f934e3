//! A publish to a FIFO topic: every queue gets its messages in the order of their sequence numbers, and each once.
//!
//! One publish at a time has its turn: it looks for an earlier message that it repeats, takes the next sequence number, and posts its
//! letters; when all of them have their places in their queues the topic's own record follows, and the next publish has its turn. None
//! of this waits for the disk, so publishes of one topic share a block of the log. The topic's record stands behind the letters, never
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
    /// Letters that may not be durable yet.
    letters: Vec<Putting>,
    /// The room that these have.
    room: Room,
    /// The message in the topic's archive, if there is one.
    archived: Option<Pending<Shard>>,
    /// The topic's record, if it is not one of before that a duplicate waits for.
    record: Option<Pending<Topic>>,
}

/// What a publisher is answered.
pub(crate) struct Done {
    pub(crate) id: String,
    pub(crate) sequence_number: String,
}

/// Publishes the `nth` message of a request, when it is its turn.
pub(crate) async fn begin(
    service: &Inner,
    caller: &Caller,
    topic: &Arc<TopicEntry>,
    (message, labels): (&Message, &Labels),
    nth: usize,
) -> Result<Begun, Refusal> {
    let mut turn = topic.turn.lock().await;
    let (last, known) = topic.published(&labels.digests, caller.now)?;
    if let Some((sequence, id)) = known {
        return Ok(Begun { sequence, id, letters: Vec::new(), room: Room::default(), archived: None, record: None });
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
    let mut told = Told::of(topic.look(|view| Arc::clone(&view.about)));
    let (letters, room) = post(service, caller, topic, (message, labels), (nth, notification), &mut told).await?;
    told.tell(service, caller, &topic.arn, (message, &SubscriptionId(id).show()), true);
    // Behind the letters and before the topic's record: what is archived has reached every queue, as far as the log goes.
    let archived = archive::keep(service, topic, || {
        let (base, deduplication) = (caller.link_url().to_string().into(), Some(labels.deduplication.as_str().into()));
        Kept { id, sequence, at: caller.now, base, deduplication, message }.encode()
    })?;
    let published = Published { sequence, dedup: labels.digests[0], id, at: caller.now };
    let record = topic.begin(Command::Note(published))?;
    Ok(Begun { sequence, id, letters, room, archived, record: Some(record) })
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
    told: &mut Told,
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
        room = service.on_the_way.room(pieces, receivers.len()).await;
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
            match buried {
                Ok(letter) => {
                    service.status.count_dead(&topic.arn, Sent::Kept);
                    last.push(letter);
                }
                Err(NotPut::Refused(_)) => service.status.count_dead(&topic.arn, Sent::Refused),
                Err(NotPut::Unavailable(refused)) => return Err(Refusal::unavailable(refused.message)),
            }
        }
    }
    Ok((last, room))
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

impl Begun {
    /// The answer, when everything is durable.
    pub(crate) async fn done(self, service: &Inner) -> Result<Done, Refusal> {
        let Self { sequence, id, letters, room, archived, record } = self;
        settled(letters).await?;
        if let Some(archived) = archived {
            archived.await?;
        }
        drop(room);
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
