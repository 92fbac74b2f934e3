//! A publish: to each subscription of the topic that wants the message its letter, all at once.
//!
//! The letters are decided one after the other and then waited for together, so that they ride in one block of the log, in pieces of a
//! few MiB (`pieces.rs`). A receiver that refuses holds nobody up: its message is dropped, as AWS drops what a queue's policy forbids. One that can keep
//! nothing now fails the publish, which has then not been acknowledged and may be sent again.

use crate::archive;
use crate::attributes;
use crate::catalog::{Place, Receiver, TopicEntry};
use crate::dead_letters::{self, Reason};
use crate::envelope::{Envelopes, Notification};
use crate::limits;
use crate::message::{Kept, Message, show_time};
use crate::outbox::Kind;
use crate::pieces::Pieces;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::signing::SigningKey;
use crate::topic::{Protocol, Subscription};
use crate::topic_key::SubscriptionId;
use access::Secret;
use gateway::{Caller, Fact, Identity, Letter, NotPut, Putting, Refused};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

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
    let receivers: Vec<Arc<Receiver>> = topic.look(|view| view.receivers_of(message));
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
    let mut envelopes = Envelopes::new(message, notification);
    let raw = message.raw(Protocol::Sqs);
    let pieces = Pieces::of(message);
    let mut unavailable = None;
    for (first, receivers) in (0..).step_by(pieces.letters).zip(receivers.chunks(pieces.letters)) {
        let _room = service.on_the_way.room(pieces, receivers.len()).await;
        // Ids of messages are of the request and of this number: ten entries of a batch, each to all subscriptions.
        let nth_of = |place: usize| (first + place) * limits::BATCH_MAX + nth;
        let mut putting = Vec::with_capacity(receivers.len());
        for (place, receiver) in receivers.iter().enumerate() {
            putting.push(match &receiver.place {
                Place::Queue(queue) => {
                    let letter = letter(topic, message, receiver, &raw, &mut envelopes)?;
                    service.mailboxes.put(sender.clone(), queue, Letter { nth: nth_of(place), ..letter })
                }
                // The envelope, whatever the receiver will be given of it.
                Place::Outbox => {
                    let Subscription { protocol, id, .. } = &*receiver.subscription;
                    let envelope = envelopes.to(*protocol, &id.arn(&topic.arn))?;
                    service.outboxes.put(*id, number, Kind::Notification, &envelope)
                }
            });
        }
        let mut dead = Vec::new();
        for (place, outcome) in Together::new(putting).await.into_iter().enumerate() {
            match outcome {
                Ok(()) => {}
                Err(NotPut::Refused(refused)) => {
                    tracing::debug!(topic = %topic.arn, error = refused.error.query_code, why = %refused.message, "a queue does not take a message of a topic");
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
        unavailable = bury(topic, dead).await.or(unavailable);
    }
    // Who gets nothing because of a change gets nothing because of one that stays. What is archived stands before that.
    service.catalog.durable(seen).await?;
    unavailable.map_or(Ok(()), |refused| Err(Refusal::unavailable(refused.message)))
}

/// Puts a message into its topic's archive, if it has one. It is durable when everything is that was decided up to now.
fn archive(service: &Inner, caller: &Caller, topic: &TopicEntry, message: &Message, id: u128) -> Result<(), Refusal> {
    let kept = || {
        let base = caller.link_url().to_string().into();
        Kept { id, sequence: 0, at: caller.now, base, deduplication: None, message }.encode()
    };
    archive::keep(service, topic, kept).map(drop)
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
async fn bury(topic: &TopicEntry, dead: Vec<Putting>) -> Option<Refused> {
    let mut unavailable = None;
    for outcome in Together::new(dead).await {
        match outcome {
            Ok(()) => {}
            Err(NotPut::Refused(refused)) => {
                tracing::warn!(topic = %topic.arn, why = %refused.message, "a dead-letter queue does not take a message, which is lost");
            }
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
    let Subscription { protocol, id, .. } = &*receiver.subscription;
    Ok(message.wrapped(envelopes.to(*protocol, &id.arn(&topic.arn))?))
}

/// What signs envelopes of a topic, if any of the receivers gets one. Messages of FIFO topics are not signed.
pub(crate) async fn signing_key(
    service: &Inner,
    topic: &TopicEntry,
    receivers: &[Arc<Receiver>],
) -> Result<Option<Arc<SigningKey>>, Refusal> {
    let gets_envelope = |receiver: &Arc<Receiver>| match receiver.place {
        // What a phone gets shows no signature.
        Place::Outbox => receiver.subscription.protocol != Protocol::Sms,
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
    let facts = vec![
        ("aws:sourcearn".into(), Fact::Text((&*topic.arn).into())),
        ("aws:sourceaccount".into(), Fact::Text(topic.key.account.as_str().into())),
    ];
    Arc::new(Identity { facts, ..Identity::bare(access::Caller::service(PRINCIPAL), Secret::from("")) })
}

/// A future that somebody waits for together with others.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Several futures at once: all are polled before any is waited for.
pub(crate) struct Together<'a, T> {
    pending: Vec<Result<T, Boxed<'a, T>>>,
}

impl<'a, T> Together<'a, T> {
    pub(crate) fn new(futures: Vec<Boxed<'a, T>>) -> Self {
        Self { pending: futures.into_iter().map(Err).collect() }
    }
}

impl<T: Unpin> Future for Together<'_, T> {
    type Output = Vec<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut all = true;
        for slot in &mut self.pending {
            if let Err(future) = slot {
                match future.as_mut().poll(context) {
                    Poll::Ready(outcome) => *slot = Ok(outcome),
                    Poll::Pending => all = false,
                }
            }
        }
        match all {
            true => Poll::Ready(self.pending.drain(..).filter_map(Result::ok).collect()),
            false => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway::Putting;
    use std::task::Waker;

    #[test]
    fn all_are_begun_before_any_is_waited_for() {
        let (send, receive) = tokio::sync::oneshot::channel::<()>();
        let first: Putting = Box::pin(async move {
            let _ = receive.await;
            Ok(())
        });
        let second: Putting = Box::pin(async move {
            let _ = send.send(());
            Ok(())
        });
        let mut together = std::pin::pin!(Together::new(vec![first, second]));
        let mut context = Context::from_waker(Waker::noop());
        // The first waits for what only the second does.
        assert!(together.as_mut().poll(&mut context).is_pending());
        assert!(matches!(together.as_mut().poll(&mut context), Poll::Ready(done) if done.len() == 2));
    }
}
