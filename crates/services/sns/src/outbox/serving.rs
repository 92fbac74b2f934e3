//! Letters on their way out: whose turn it is gets some taken, each of which is an attempt of its own.
//!
//! One loop says whose turn it is; taking and attempting are tasks that the server starts, so that nobody waits for another's disk or
//! receiver. What is under way at one time is bounded by the board.

use super::attempt::attempt;
use super::board::{Ended, Turn, may_begin};
use super::deliveries::{Command, Deliveries, Reply};
use super::letter::Kind;
use super::limits::{LEASE_MILLIS, MAIL_LEASE_MILLIS};
use crate::attributes;
use crate::catalog::{Receiver, TopicEntry};
use crate::push;
use crate::receivers::{Addressee, Functions};
use crate::service::Inner;
use crate::sms;
use crate::topic::About;
use crate::topic_key::SubscriptionId;
use delivery::push::Pushes;
use delivery::{EffectivePolicy, Transport};
use engine::{Partition, Unavailable};
use gateway::{Caller, Identity};
use names::{Instant, Region};
use queue::{Delivery, Message};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What the server lends to deliveries.
pub struct Hands {
    /// Brings requests to receivers.
    pub transport: Arc<dyn Transport>,
    /// Brings notifications to push services that speak HTTP/2 alone.
    pub pushes: Arc<dyn Pushes>,
    /// Starts a task.
    pub spawn: Spawn,
    /// Where functions are, if anywhere.
    pub functions: Option<Functions>,
    /// A caller that is somebody who signs nothing: SNS, when it puts dead letters into queues.
    pub caller: ActingCaller,
}

/// Starts a task.
pub type Spawn = Arc<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// Makes a caller of an identity, in a region.
pub type ActingCaller = Arc<dyn Fn(Arc<Identity>, &Region) -> Caller + Send + Sync>;

/// Turns that are begun before the loop lets others have the thread.
const TURNS_AT_ONCE: usize = 64;

/// What belongs to a subscription whose turn it is.
pub(crate) struct Served {
    pub(crate) subscription: SubscriptionId,
    /// None of what was published to no topic.
    pub(crate) topic: Option<Arc<TopicEntry>>,
    /// The topic's ARN, or what stands in its place.
    pub(crate) origin: Arc<str>,
    pub(crate) receiver: Arc<Receiver>,
    /// The letters that are delivered as it stands; all others have nothing to say any more.
    pub(crate) expects: Kind,
    pub(crate) about: Arc<About>,
    pub(crate) policy: EffectivePolicy,
    pub(crate) partition: Arc<Partition<Deliveries>>,
}

impl Served {
    /// Whom a letter of it is for.
    pub(super) fn addressee(&self) -> Addressee<'_> {
        let Receiver { subscription, is_raw, .. } = &*self.receiver;
        Addressee {
            topic: &self.origin,
            subscription,
            policy: &self.policy,
            is_raw: *is_raw,
            display_name: attributes::display_name(&self.about.attributes),
        }
    }
}

/// Delivers for as long as it is polled.
pub(crate) async fn run(inner: Arc<Inner>, hands: Arc<Hands>) {
    let outboxes = &inner.outboxes;
    loop {
        let mut woken = std::pin::pin!(outboxes.woken.notified());
        // Registered before looking, so that who comes between looking and waiting is not missed.
        woken.as_mut().enable();
        let (turns, alarm) = {
            let mut board = outboxes.board();
            let alarm = board.fire(outboxes.store.clock().now());
            let turns: Vec<Turn> = std::iter::from_fn(|| board.next()).take(TURNS_AT_ONCE).collect();
            (turns, alarm)
        };
        let is_idle = turns.is_empty();
        for turn in turns {
            (hands.spawn)(Box::pin(serve(Arc::clone(&inner), Arc::clone(&hands), turn)));
        }
        match (is_idle, alarm) {
            (false, _) => tokio::task::yield_now().await,
            (true, None) => woken.await,
            (true, Some(at)) => {
                tokio::select! {
                    biased;
                    () = woken => {}
                    () = outboxes.store.clock().sleep_until(at) => {}
                }
            }
        }
    }
}

async fn serve(inner: Arc<Inner>, hands: Arc<Hands>, turn: Turn) {
    let outboxes = &inner.outboxes;
    let serving = Serving { inner: &inner, turn, taken: (0, 0, None) };
    let Some(served) = find(&inner, turn.subscription) else {
        return outboxes.close(turn.subscription);
    };
    let served = Arc::new(served);
    let now = outboxes.store.clock().now();
    let (granted, later) =
        outboxes.board().throttled(turn.subscription, served.policy.max_receives_per_second, turn.attempts, now);
    let lease = if served.receiver.subscription.protocol.is_mail() { MAIL_LEASE_MILLIS } else { LEASE_MILLIS };
    let taken = take(&served.partition, granted, lease).await.unwrap_or_else(|why| {
        tracing::debug!(%why, "letters cannot be taken");
        Taken { letters: Vec::new(), look_again: Some(now.plus_secs(1)) }
    });
    let taken = taken.if_in_time(outboxes.now().since(now).as_millis() as u64, now, lease);
    let bytes = taken.letters.iter().map(|(_, message)| bytes_of(message)).sum();
    let look_again = taken.look_again.into_iter().chain(later).min();
    serving.end(taken.letters.len(), bytes, look_again);
    for (delivery, message) in taken.letters {
        let (inner, hands, served) = (Arc::clone(&inner), Arc::clone(&hands), Arc::clone(&served));
        let spawn = Arc::clone(&hands.spawn);
        spawn(Box::pin(async move {
            let bytes = bytes_of(&message);
            let mut attempted =
                Attempted { inner: &inner, subscription: served.subscription, bytes, ended: Ended::Badly };
            attempted.ended = attempt(&inner, &hands, &served, delivery, message).await;
        }));
    }
}

/// A turn under way: it ends on the board however it ends here, by a panic too, or its subscription would never have another.
struct Serving<'a> {
    inner: &'a Inner,
    turn: Turn,
    /// Letters, their bytes, and when to look again.
    taken: (usize, usize, Option<Instant>),
}

impl Serving<'_> {
    fn end(mut self, letters: usize, bytes: usize, look_again: Option<Instant>) {
        self.taken = (letters, bytes, look_again);
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        let (letters, bytes, look_again) = self.taken;
        self.inner.outboxes.board().served(self.turn, letters, bytes, look_again);
        self.inner.outboxes.woken.notify_one();
    }
}

/// An attempt under way: its place on the board is given back however it ends.
struct Attempted<'a> {
    inner: &'a Inner,
    subscription: SubscriptionId,
    bytes: usize,
    ended: Ended,
}

impl Drop for Attempted<'_> {
    fn drop(&mut self) {
        self.inner.outboxes.board().ended(self.subscription, self.bytes, self.ended);
        self.inner.outboxes.woken.notify_one();
    }
}

/// What a letter takes in memory while it is attempted: it is written out once more as its receiver wants it.
fn bytes_of(message: &Option<Message>) -> usize {
    message.as_ref().map_or(0, |message| 2 * message.body().len())
}

fn find(inner: &Inner, subscription: SubscriptionId) -> Option<Served> {
    let key = inner.outboxes.topic_of(subscription)?;
    if let Some(served) = sms::served(inner, subscription, &key) {
        return Some(served);
    }
    if let Some(key) = push::AppKey::of_outbox(&key) {
        return push::served(inner, subscription, &key);
    }
    let topic = inner.catalog.find(&key)?;
    let (receiver, expects, about, policy) = topic.look(|view| {
        let receiver = view.subscription(subscription).map(|receiver| (Arc::clone(receiver), expected(receiver)));
        let (receiver, expects) = receiver.or_else(|| ended(inner, subscription))?;
        let policy = view.effective_policy(&receiver);
        Some((receiver, expects, Arc::clone(&view.about), policy))
    })?;
    let partition = inner.outboxes.partition(subscription)?;
    let origin = Arc::clone(&topic.arn);
    Some(Served { subscription, topic: Some(topic), origin, receiver, expects, about, policy, partition })
}

/// What was to be confirmed has been, or was confirmed before a letter was written: nothing is said twice.
fn expected(receiver: &Receiver) -> Kind {
    if receiver.is_pending { Kind::SubscriptionConfirmation } else { Kind::Notification }
}

/// Whom the last letter of a subscription is for that was ended.
fn ended(inner: &Inner, heir: SubscriptionId) -> Option<(Arc<Receiver>, Kind)> {
    Some((Receiver::new(inner.outboxes.ended(heir)?, None), Kind::UnsubscribeConfirmation))
}

/// Letters that were taken, and when more can be.
struct Taken {
    letters: Vec<(Delivery, Option<Message>)>,
    look_again: Option<Instant>,
}

impl Taken {
    /// Letters that the disk took so long for that an attempt may outlast their lease are left to whoever takes them when it is over:
    /// otherwise two attempts of one letter are made at once, and its receiver gets it twice, earlier than the schedule says.
    fn if_in_time(self, waited_millis: u64, since: Instant, lease: u64) -> Self {
        match self.letters.is_empty() || waited_millis <= lease / 2 {
            true => self,
            false => Self { letters: Vec::new(), look_again: Some(since.plus_millis(lease)) },
        }
    }
}

/// Takes letters out of the line, until their attempts have ended.
async fn take(partition: &Partition<Deliveries>, most: usize, lease: u64) -> Result<Taken, Unavailable> {
    let nothing = |look_again| Taken { letters: Vec::new(), look_again };
    let (_, hidden) = partition.inspect(Deliveries::waiting).ok_or(Unavailable::Broken)?;
    if most == 0 || !may_begin(hidden) {
        return Ok(nothing(next_deadline(partition)));
    }
    let command = queue::Command::Receive { max: most, visibility_millis: Some(lease) };
    let (reply, contents) = partition.execute(Command::Messages(command))?.read_all().await?;
    match reply {
        Reply::Messages(queue::Reply::Received(deliveries)) => {
            let look_again = if deliveries.len() < most { next_deadline(partition) } else { None };
            Ok(Taken { letters: deliveries.into_iter().zip(contents).collect(), look_again })
        }
        _ => Ok(nothing(next_deadline(partition))),
    }
}

fn next_deadline(partition: &Partition<Deliveries>) -> Option<Instant> {
    partition.inspect(engine::Machine::next_deadline).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_the_disk_takes_long_for_are_left_until_their_lease_is_over() {
        let now = Instant::from_millis(5_000);
        let letter = Delivery { sequence: 1, receive: 1, first_received_at: now, before: None };
        let taken = |waited| {
            let taken = Taken { letters: vec![(letter, None)], look_again: None };
            let Taken { letters, look_again } = taken.if_in_time(waited, now, LEASE_MILLIS);
            (letters.len(), look_again)
        };
        assert_eq!(taken(LEASE_MILLIS / 2), (1, None));
        assert_eq!(taken(LEASE_MILLIS / 2 + 1), (0, Some(now.plus_millis(LEASE_MILLIS))));
        let none = Taken { letters: Vec::new(), look_again: None }.if_in_time(u64::MAX, now, LEASE_MILLIS);
        assert_eq!(none.look_again, None, "what has nothing waits for what comes");
    }
}
