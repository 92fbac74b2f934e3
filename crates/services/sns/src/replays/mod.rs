//! Replays: a subscription gets messages out of its topic's archive again, in steps, by the way of what is published (ADR 0044).
//!
//! Which replays there are and how far they are is state of their topics (`replay.rs`, `machine.rs`), decided when a policy is set, in
//! one change with it. Whose turn it is says `board.rs`; what a step does stands in `step.rs`. A step's letters stand in the log before
//! the record that says how far it came, so a crash between them has it made again and loses nothing: queues of FIFO know the letters.

mod board;
mod limits;
mod machine;
mod replay;
mod step;

pub(crate) use machine::Replays;
pub(crate) use replay::{Live, Policy, REPLAY_POLICY, REPLAY_STATUS, Replay, State};

use crate::api::errors;
use crate::archive::Place;
use crate::catalog::{Catalog, TopicEntry};
use crate::outbox::Hands;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::topic::{Reply, Topic};
use crate::topic_key::{SubscriptionId, TopicKey};
use board::{Board, Ended};
use engine::{Pending, Unavailable};
use names::AccountId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Steps that are begun before the loop lets others have the thread.
const STEPS_AT_ONCE: usize = 16;

/// The replays of all topics that are not over.
#[derive(Default)]
pub(crate) struct Running {
    board: Mutex<Board>,
    /// Somebody was marked on the board, or a step ended.
    woken: Notify,
}

impl Running {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on with what replay of the log left.
    pub(crate) fn resume(&self, catalog: &Catalog) {
        for entry in catalog.all() {
            for subscription in entry.replaying() {
                self.board().mark(subscription.id, &entry.key, subscription.owner);
            }
        }
    }

    /// Decides a change by which a replay begins or stops; noted here before anybody else can decide another.
    pub(crate) fn begin(
        &self,
        entry: &TopicEntry,
        (subscription, owner): (Option<SubscriptionId>, AccountId),
        change: impl FnOnce() -> Result<Pending<Topic>, Unavailable>,
    ) -> Result<Pending<Topic>, Refusal> {
        let mut board = self.board();
        if !board.may_begin(subscription, owner) {
            let why = "The maximum number of concurrent message replays has been reached";
            return Err(Refusal::new(&errors::REPLAY_LIMIT_EXCEEDED_EXCEPTION, why));
        }
        let pending = change()?;
        let replaying = pending.look(|reply| match reply {
            Reply::Subscribed(number, known) => Some((known.id, known.owner, entry.replay(*number)?)),
            _ => None,
        });
        if let Some((id, owner, replay)) = replaying.flatten()
            && !replay.state.is_over()
        {
            board.mark(id, &entry.key, owner);
            self.woken.notify_one();
        }
        Ok(pending)
    }

    /// A subscription may get messages from now on.
    pub(crate) fn wake(&self, subscription: SubscriptionId) {
        self.board().wake(subscription);
        self.woken.notify_one();
    }

    /// A subscription is gone.
    pub(crate) fn forget(&self, subscription: SubscriptionId) {
        self.board().forget(subscription);
    }
}

impl Inner {
    /// The replay that a policy comes to, of a topic whose turn the caller has: nothing that is published meanwhile is missed. Nothing
    /// if the policy asks for none.
    pub(crate) fn replay_asked(
        &self,
        entry: &TopicEntry,
        is_new: bool,
        policy: &str,
    ) -> Result<Option<Replay>, String> {
        let Some(policy) = Policy::parse(policy)? else { return Ok(None) };
        let place = entry.look(|view| Place::of(&view.about.attributes));
        let place = place.ok_or("Topic does not have an ArchivePolicy")?;
        let live = self.live_from_now(entry).ok_or("Topic does not have an ArchivePolicy")?;
        let catches_up = is_new && entry.is_fifo();
        Ok(Some(policy.replay(self.archives.beginning(place), self.outboxes.now(), live, catches_up)?))
    }

    /// Where a subscription is that gets messages as they are published from now on, of a topic with an archive whose turn the caller
    /// has.
    pub(crate) fn live_from_now(&self, entry: &TopicEntry) -> Option<Live> {
        let state = self.archives.state(entry.look(|view| Place::of(&view.about.attributes))?)?;
        let now = self.outboxes.now();
        let after = state.last_arrived_at.map_or(now, |last| last.max(now));
        // Nobody publishes to a FIFO topic meanwhile; of another, whatever was published before the change is in the archive by then.
        let counter = if entry.is_fifo() { state.next } else { u64::MAX };
        Some(Live { after, counter })
    }
}

/// Makes steps for as long as it is polled.
pub(crate) async fn run(inner: Arc<Inner>, hands: Arc<Hands>) {
    let running = &inner.replays;
    loop {
        let mut woken = std::pin::pin!(running.woken.notified());
        // Registered before looking, so that who comes between looking and waiting is not missed.
        woken.as_mut().enable();
        let (turns, alarm) = {
            let mut board = running.board();
            let alarm = board.fire(inner.outboxes.now());
            let turns: Vec<_> = std::iter::from_fn(|| board.next()).take(STEPS_AT_ONCE).collect();
            (turns, alarm)
        };
        let is_idle = turns.is_empty();
        for (subscription, topic) in turns {
            (hands.spawn)(Box::pin(step(Arc::clone(&inner), Arc::clone(&hands), subscription, topic)));
        }
        match (is_idle, alarm) {
            (false, _) => tokio::task::yield_now().await,
            (true, None) => woken.await,
            (true, Some(at)) => {
                tokio::select! {
                    () = woken => {}
                    () = inner.outboxes.clock().sleep_until(at) => {}
                }
            }
        }
    }
}

async fn step(inner: Arc<Inner>, hands: Arc<Hands>, subscription: SubscriptionId, topic: TopicKey) {
    let later = Ended::Later(inner.outboxes.now().plus_millis(limits::WAIT_MILLIS));
    let mut under_way = UnderWay { inner: &inner, subscription, ended: later };
    under_way.ended = match step::make(&inner, &hands, subscription, &topic).await {
        Ok(ended) => ended,
        Err(why) => {
            tracing::debug!(topic = %topic.arn(), why = %why.message, "a replay waits");
            later
        }
    };
}

/// A step under way: it ends on the board however it ends here, by a panic too, or its replay would never have another.
struct UnderWay<'a> {
    inner: &'a Inner,
    subscription: SubscriptionId,
    ended: Ended,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.inner.replays.board().ended(self.subscription, self.ended);
        self.inner.replays.woken.notify_one();
    }
}

#[cfg(test)]
mod tests;
