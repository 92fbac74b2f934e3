//! The deliveries of one subscription as a machine: whose they are, around the queue machine that holds them.
//!
//! One partition is one subscription whose receiver is no queue of this server. Its first record says which subscription that is, its
//! last that it is gone. Some are of a subscription that is yet to be: they begin with what is left of one that was ended (`ended.rs`). What waits in it are letters (`letter.rs`); a letter leaves when it was delivered or given up.

use super::limits::MAIL_LEASE_MILLIS;
use super::records::{self, Effect};
use crate::topic::Subscription;
use crate::topic_key::{SubscriptionId, TopicKey};
use engine::{Decision, Machine, MalformedRecord};
use names::{Instant, Position};
use queue::{Message, Queue, Settings};
use std::sync::Arc;

/// Far longer than any schedule of retries: what ends a delivery is its schedule, never its age.
const RETENTION_MILLIS: u64 = 365 * 24 * 3_600_000;

/// How long a letter is its attempt's that does not say: that of mail.
const LEASE_MILLIS: u64 = MAIL_LEASE_MILLIS;

/// Which subscription deliveries are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whose {
    pub(crate) subscription: SubscriptionId,
    pub(crate) topic: TopicKey,
}

/// What may be asked.
pub(crate) enum Command {
    Open(Whose),
    /// Opens those of a subscription that comes to be if this one, which is ended, is restored.
    End(Whose, Arc<Subscription>),
    /// It was restored.
    Restore,
    Close,
    Messages(queue::Command),
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Reply {
    Done,
    Messages(queue::Reply),
    /// There is no such subscription any more.
    Gone,
}

/// The state of one subscription's deliveries.
#[derive(Debug)]
pub(crate) struct Deliveries {
    pub(super) whose: Option<Whose>,
    pub(super) is_closed: bool,
    /// The subscription that was ended, as long as none has come of it.
    pub(super) ended: Option<Arc<Subscription>>,
    pub(super) queue: Queue,
}

impl Default for Deliveries {
    fn default() -> Self {
        let queue = Queue::new(Settings::plain(RETENTION_MILLIS, LEASE_MILLIS, 0));
        Self { whose: None, is_closed: false, ended: None, queue }
    }
}

impl Deliveries {
    /// Whose they are, unless they are over.
    pub(crate) fn whose(&self) -> Option<&Whose> {
        self.whose.as_ref().filter(|_| !self.is_closed)
    }

    /// The subscription that was ended and may be restored, if these are what is left of one.
    pub(crate) fn ended(&self) -> Option<&Arc<Subscription>> {
        self.ended.as_ref().filter(|_| !self.is_closed)
    }

    /// Letters that can be taken, and letters that are being delivered or wait for a retry.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let [visible, in_flight, delayed] = self.queue.sizes();
        (visible, in_flight + delayed)
    }

    /// When the oldest letter was published, to within a minute.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.queue.counts().oldest_sent_at
    }
}

impl Machine for Deliveries {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = Message;

    const SNAPSHOT_VERSION: u8 = records::SNAPSHOT_VERSION;

    fn advance(&mut self, now: Instant) {
        self.queue.advance(now);
    }

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        match (command, self.whose()) {
            (Command::Open(whose), None) if !self.is_closed => {
                Decision::change(vec![Effect::Opened(whose)], Reply::Done)
            }
            (Command::End(whose, ended), None) if !self.is_closed => {
                Decision::change(vec![Effect::Ended(whose, ended)], Reply::Done)
            }
            (_, None) => Decision::answer(Reply::Gone),
            (Command::Open(_) | Command::End(..), Some(_)) => Decision::answer(Reply::Done),
            (Command::Restore, Some(_)) => {
                let effects = self.ended.iter().map(|_| Effect::Restored).collect();
                Decision::change(effects, Reply::Done)
            }
            (Command::Close, Some(_)) => Decision::change(vec![Effect::Closed], Reply::Done),
            (Command::Messages(command), Some(_)) => {
                let Decision { effects, reply, reads, durability } = self.queue.decide(now, command);
                Decision { effects, reply: Reply::Messages(reply), reads, durability }
            }
        }
    }

    fn apply(&mut self, _at: Position, effect: &Effect, gone: &mut Vec<u64>) {
        match effect {
            Effect::Opened(whose) => self.whose = Some(whose.clone()),
            Effect::Ended(whose, ended) => {
                self.whose = Some(whose.clone());
                self.ended = Some(Arc::clone(ended));
            }
            Effect::Restored => self.ended = None,
            Effect::Closed => *self = Self { is_closed: true, ..Self::default() },
            Effect::Queue(effect) => self.queue.apply(effect, gone),
        }
    }

    queue::answers_for_messages!(queue);

    fn snapshot(&self, out: &mut Vec<u8>) {
        records::put_snapshot(self, out);
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        records::read_snapshot(version, state)
    }

    fn is_over(&self) -> bool {
        self.is_closed
    }
}
