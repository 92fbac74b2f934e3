//! A publish: to each subscription of the topic that wants the message its letter, all at once.
//!
//! The letters are decided one after the other and then waited for together, so that they ride in one block of the log, in pieces of a
//! few MiB (`pieces.rs`). A receiver that refuses holds nobody up: its message is dropped, as AWS drops what a queue's policy forbids. One that can keep
//! nothing now fails the publish, which has then not been acknowledged and may be sent again.

use crate::archive;
use crate::attributes;
use crate::catalog::{Place, Receiver, TopicEntry};
use crate::dead_letters::{self, Reason, Sent};
use crate::envelope::{Envelopes, Notification};
use crate::limits;
use crate::message::{Kept, Message, show_time};
use crate::outbox::Kind;
use crate::pieces::Pieces;
use crate::protection::Outbound;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::signing::SigningKey;
use crate::told::Told;
use crate::topic::Protocol;
use crate::topic_key::SubscriptionId;
use access::Secret;
use gateway::{Addressed, Boxed, Caller, Fact, Identity, Letter, Mailing, NotPut, Putting, Refused, Together};
use names::AccountId;
use std::sync::Arc;

/// As whom SNS puts messages into queues.
const PRINCIPAL: &str = "sns.amazonaws.com";

/// Publishes to all subscriptions; ready when every queue has it on disk.
pub(crate) async fn publish(
    service: &Inner,
    caller: &Caller,
    topic: &TopicEntry,
    message: &Message,
    (nth, id): (usize, &str),
) -> Result<(), Refusal> {
    let sender = sender(caller, topic);
    let number = SubscriptionId::read(id).map_or(0, |id| id.0);
    // Before the receivers are looked at: who subscribes meanwhile gets it now or by its replay.
    archive(service, caller, topic, message, number)?;
    // Receivers as they are now, letters when it is their turn.
    let (receivers, forbidden) = receivers(service, topic, message);
    let seen = service.catalog.last();
    let key = signing_key(service, topic, &receivers).await?;
    let version = topic.look(|view| attributes::signature_version(&view.about.attributes));
    let notification = Notification {
        id,
        topic: &topic.arn,
        at: show_time(caller.now),
        base: caller.link_url().to_string(),
        signer: key.as_deref().map(|key| (key, version)),
        sequence: None,
        is_replayed: false,
    };
    let (raw, mut envelopes) = (message.raw(Protocol::Sqs), Envelopes::new(message, notification));
    let (pieces, mut unavailable) = (Pieces::of(message), None);
    let mut told = Told::of(topic.look(|view| Arc::clone(&view.about)), forbidden);
    for (first, receivers) in (0..).step_by(pieces.letters).zip(receivers.chunks(pieces.letters)) {
        let _room = service.on_the_way.room(pieces, receivers.len()).await;
        // Ids of messages are of the request and of this number: ten entries of a batch, each to all subscriptions.
        let nth_of = |place: usize| (first + place) * limits::BATCH_MAX + nth;
        let mut piece = Piece::default();
        for (place, receiver) in receivers.iter().enumerate() {
            match &receiver.place {
                Place::Queue(queue) => {
                    let letter = piece.letter(receiver, || letter(topic, message, receiver, &raw, &mut envelopes))?;
                    piece.address(place, Addressed { queue: Arc::clone(queue), letter, nth: nth_of(place) });
                }
                // The envelope, whatever the receiver will be given of it.
                Place::Outbox => {
                    let id = receiver.subscription.id;
                    let envelope = envelopes.to(receiver.subscription.body_name(), &id.arn(&topic.arn))?;
                    piece.outboxed.push((place, service.outboxes.put(id, number, Kind::Notification, &envelope)));
                }
            }
        }
        let mut dead = Vec::new();
        for (place, outcome) in piece.put(service, &sender).await {
            match outcome {
                Ok(()) => told.placed(&receivers[place]),
                Err(NotPut::Refused(refused)) => {
                    told.refused((service, &topic.arn), &receivers[place], &refused, caller.now);
                    if let Some(target) = &receivers[place].dead_letters {
                        let letter = letter(topic, message, &receivers[place], &raw, &mut envelopes)?;
                        let mut letter = Letter { nth: nth_of(place), ..letter };
                        dead_letters::add_reason(&mut letter, number, &Reason::from(&refused));
                        dead.push(service.mailboxes.put(sender.clone(), target, letter));
                    }
                }
                Err(NotPut::Unavailable(refused)) => unavailable = Some(refused),
            }
        }
        unavailable = bury(service, topic, dead).await.or(unavailable);
    }
    told.tell(service, caller, &topic.arn, (message, id), unavailable.is_none());
    // Who gets nothing because of a change gets nothing because of one that stays. What is archived stands before that.
    service.catalog.durable(seen).await?;
    unavailable.map_or(Ok(()), |refused| Err(Refusal::unavailable(refused.message)))
}

/// Who gets a message, and who would get it but for the topic's data protection policy.
fn receivers(service: &Inner, topic: &TopicEntry, message: &Message) -> (Vec<Arc<Receiver>>, Vec<Arc<Receiver>>) {
    let (receivers, protection) = topic.look(|view| (view.receivers_of(message), view.protection.clone()));
    match protection.filter(|protection| protection.is_outbound()) {
        Some(protection) => Outbound::of(service, &protection, message).parted(receivers),
        None => (receivers, Vec::new()),
    }
}

/// Puts a message into its topic's archive, if it has one. It is durable when everything is that was decided up to now.
fn archive(service: &Inner, caller: &Caller, topic: &TopicEntry, message: &Message, id: u128) -> Result<(), Refusal> {
    let kept = || {
        let base = caller.link_url().to_string().into();
        Kept { id, sequence: 0, at: caller.now, base, deduplication: None, message }.encode()
    };
    archive::keep(service, topic, kept).map(drop)
}

/// Letters that go together.
#[derive(Default)]
struct Piece {
    mailing: Mailing,
    /// Whose the addresses are, as places among the receivers.
    queued: Vec<usize>,
    /// The same of letters that wait to be delivered.
    outboxed: Vec<(usize, Putting)>,
    /// The place among the letters of the one for everybody who gets the message as it is.
    raw: Option<usize>,
}

impl Piece {
    /// The place of a receiver's letter, which is made unless it is there already.
    fn letter(
        &mut self,
        receiver: &Receiver,
        make: impl FnOnce() -> Result<Letter, Refusal>,
    ) -> Result<usize, Refusal> {
        if let Some(known) = self.raw.filter(|_| receiver.is_raw) {
            return Ok(known);
        }
        self.mailing.letters.push(make()?);
        let place = self.mailing.letters.len() - 1;
        self.raw = self.raw.or_else(|| receiver.is_raw.then_some(place));
        Ok(place)
    }

    /// A letter goes to the queue of the receiver at this place.
    fn address(&mut self, place: usize, queue: Addressed) {
        self.queued.push(place);
        self.mailing.to.push(queue);
    }

    /// What came of each, by the places of their receivers, when all are durable.
    async fn put(self, service: &Inner, sender: &Caller) -> impl Iterator<Item = (usize, Result<(), NotPut>)> {
        let Self { mailing, queued, outboxed, .. } = self;
        let (places, putting): (Vec<usize>, Vec<Putting>) = outboxed.into_iter().unzip();
        let both: Vec<Boxed<'_, _>> =
            vec![service.mailboxes.put_all(sender.clone(), mailing), Box::pin(Together::new(putting))];
        let outcomes = Together::new(both).await;
        queued.into_iter().chain(places).zip(outcomes.into_iter().flatten())
    }
}

/// What came of a letter: nothing if its queue refused it for good, an error if the publish cannot be acknowledged.
pub(crate) fn outcome<T>(topic: &TopicEntry, put: Result<T, NotPut>) -> Result<Option<T>, Refusal> {
    match put {
        Ok(done) => Ok(Some(done)),
        Err(NotPut::Refused(refused)) => {
            tracing::debug!(topic = %topic.arn, error = refused.error.query_code, why = %refused.message, "a queue does not take a message of a topic");
            Ok(None)
        }
        Err(NotPut::Unavailable(refused)) => Err(Refusal::unavailable(refused.message)),
    }
}

/// Waits for letters to dead-letter queues; why one of them cannot be kept now.
async fn bury(service: &Inner, topic: &TopicEntry, dead: Vec<Putting>) -> Option<Refused> {
    let mut unavailable = None;
    for outcome in Together::new(dead).await {
        match outcome {
            Ok(()) => service.status.count_dead(&topic.arn, Sent::Kept),
            Err(NotPut::Refused(_)) => service.status.count_dead(&topic.arn, Sent::Refused),
            Err(NotPut::Unavailable(refused)) => unavailable = Some(refused),
        }
    }
    unavailable
}

/// What a receiver gets.
pub(crate) fn letter(
    topic: &TopicEntry,
    message: &Message,
    receiver: &Receiver,
    raw: &Letter,
    envelopes: &mut Envelopes<'_>,
) -> Result<Letter, Refusal> {
    if receiver.is_raw {
        return Ok(raw.clone());
    }
    let subscription = &receiver.subscription;
    Ok(message.wrapped(envelopes.to(subscription.body_name(), &subscription.id.arn(&topic.arn))?))
}

/// What signs envelopes of a topic, if any of the receivers gets one. Messages of FIFO topics are not signed.
pub(crate) async fn signing_key(
    service: &Inner,
    topic: &TopicEntry,
    receivers: &[Arc<Receiver>],
) -> Result<Option<Arc<SigningKey>>, Refusal> {
    let gets_envelope = |receiver: &Arc<Receiver>| match receiver.place {
        // What a phone or a device gets shows no signature.
        Place::Outbox => !matches!(receiver.subscription.protocol, Protocol::Sms | Protocol::Application),
        Place::Queue(_) => !receiver.is_raw,
    };
    match receivers.iter().any(gets_envelope) && !topic.is_fifo() {
        true => service.signing_keys.key().await.map(Some).map_err(Refusal::unavailable),
        false => Ok(None),
    }
}

/// SNS itself, on behalf of a topic.
pub(crate) fn sender(caller: &Caller, topic: &TopicEntry) -> Caller {
    match caller.is_held_to_policies() {
        true => caller.clone().proved(principal(topic)),
        false => caller.clone(),
    }
}

/// Who SNS is to policies, on behalf of a topic.
pub(crate) fn principal(topic: &TopicEntry) -> Arc<Identity> {
    principal_of(&topic.arn, topic.key.account)
}

/// The same on behalf of any resource.
pub(crate) fn principal_of(arn: &str, account: AccountId) -> Arc<Identity> {
    let facts = vec![
        ("aws:sourcearn".into(), Fact::Text(arn.into())),
        ("aws:sourceaccount".into(), Fact::Text(account.as_str().into())),
    ];
    Arc::new(Identity { facts, ..Identity::bare(access::Caller::service(PRINCIPAL), Secret::from("")) })
}
