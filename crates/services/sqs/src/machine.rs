//! An SQS queue as a machine: what it is called and set to, around the queue machine that holds its messages.
//!
//! One partition is one queue. Its first record says whose it is and its last one that it is deleted, so the catalogue of
//! queues is nothing that could disagree with them: it is read off the partitions when the server starts.

use crate::attributes::{AttributeChanges, Attributes};
use crate::records::Effect;
use engine::{Decision, Machine};
use names::{AccountId, Instant, Position, QueueName, Region};
use queue::Queue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a queue is: set when it is created, changed by SetQueueAttributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: QueueName,
    pub(crate) attributes: Attributes,
    pub(crate) created_at: Instant,
    pub(crate) modified_at: Instant,
}

impl About {
    /// The queue's ARN.
    pub(crate) fn arn(&self) -> String {
        format!("arn:{}:sqs:{}:{}:{}", self.region.arn_partition(), self.region, self.account, self.name)
    }
}

/// What may be asked of an SQS queue.
#[derive(Debug)]
pub(crate) enum Command {
    Create { account: AccountId, region: Region, name: QueueName, attributes: Attributes },
    SetAttributes(AttributeChanges),
    Describe,
    Delete,
    Messages(queue::Command),
}

/// What it answers.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Created, changed, or deleted.
    Done,
    /// The queue as it is.
    Described(Box<About>, queue::Counts),
    Messages(queue::Reply),
    /// The queue was deleted before the command reached it.
    Gone,
}

/// The state of one SQS queue.
#[derive(Debug)]
pub(crate) struct SqsQueue {
    about: Option<About>,
    queue: Queue,
    bounds: Arc<Bounds>,
}

/// Attributes that are looked at before a command is made. They follow the machine's state at once, in its order, so a
/// refusal by them may be ahead of the disk; what is answered with success has been through the machine.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    wait_secs: AtomicU32,
    maximum_message_bytes: AtomicU32,
}

impl Bounds {
    /// How long a receive waits that does not say.
    pub(crate) fn wait_secs(&self) -> u32 {
        self.wait_secs.load(Ordering::Relaxed)
    }

    /// Bytes that a message may have.
    pub(crate) fn maximum_message_bytes(&self) -> usize {
        self.maximum_message_bytes.load(Ordering::Relaxed) as usize
    }

    fn follow(&self, attributes: &Attributes) {
        self.wait_secs.store(attributes.wait_secs, Ordering::Relaxed);
        self.maximum_message_bytes.store(attributes.maximum_message_bytes, Ordering::Relaxed);
    }
}

impl SqsQueue {
    /// A queue before its first record.
    pub(crate) fn unborn() -> Self {
        Self { about: None, queue: Queue::new(Attributes::default().settings()), bounds: Arc::default() }
    }

    /// What the queue is; `None` before it is created and after it is deleted.
    pub(crate) fn about(&self) -> Option<&About> {
        self.about.as_ref()
    }

    /// What requests look at before they ask.
    pub(crate) fn bounds(&self) -> Arc<Bounds> {
        Arc::clone(&self.bounds)
    }

    /// How many messages there are, as far as time has been let pass.
    pub(crate) fn counts(&self) -> queue::Counts {
        self.queue.counts()
    }

    fn set_attributes(&self, now: Instant, about: &About, changes: &AttributeChanges) -> Decision<Effect, Reply> {
        let attributes = changes.apply_to(&about.attributes);
        let mut effects = self.configure(now, &attributes);
        effects.push(Effect::AttributesSet { at: now, attributes });
        Decision::change(effects, Reply::Done)
    }

    fn configure(&self, now: Instant, attributes: &Attributes) -> Vec<Effect> {
        let decision = self.queue.decide(now, queue::Command::Configure(attributes.settings()));
        decision.effects.into_iter().map(Effect::Queue).collect()
    }
}

impl Machine for SqsQueue {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;

    fn advance(&mut self, now: Instant) {
        self.queue.advance(now);
    }

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        let about = match (command, &self.about) {
            (Command::Create { account, region, name, attributes }, None) => {
                let mut effects = self.configure(now, &attributes);
                effects.insert(0, Effect::Created { at: now, account, region, name, attributes });
                return Decision::change(effects, Reply::Done);
            }
            (_, None) => return Decision::answer(Reply::Gone),
            (command, Some(about)) => (command, about),
        };
        match about {
            (Command::Messages(command), _) => {
                let Decision { effects, reply, durability } = self.queue.decide(now, command);
                let effects = effects.into_iter().map(Effect::Queue).collect();
                Decision { effects, reply: Reply::Messages(reply), durability }
            }
            (Command::SetAttributes(changes), about) => self.set_attributes(now, about, &changes),
            (Command::Describe, about) => {
                Decision::answer(Reply::Described(Box::new(about.clone()), self.queue.counts()))
            }
            (Command::Delete, _) => Decision::change(vec![Effect::Deleted], Reply::Done),
            (Command::Create { .. }, _) => unreachable!("a partition is created once, before anybody else has it"),
        }
    }

    fn apply(&mut self, at: Position, effect: Effect) {
        match effect {
            Effect::Created { at, account, region, name, attributes } => {
                self.bounds.follow(&attributes);
                self.about = Some(About { account, region, name, attributes, created_at: at, modified_at: at });
            }
            Effect::AttributesSet { at, attributes } => {
                self.bounds.follow(&attributes);
                if let Some(about) = &mut self.about {
                    about.attributes = attributes;
                    about.modified_at = at;
                }
            }
            Effect::Deleted => *self = Self::unborn(),
            Effect::Queue(effect) => self.queue.apply(at, effect),
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.queue.next_deadline()
    }

    fn ready(&self) -> usize {
        // A deleted queue has an answer for every reader: that it is gone.
        if self.about.is_none() { usize::MAX } else { self.queue.ready() }
    }
}
