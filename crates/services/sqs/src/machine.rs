//! An SQS queue as a machine: what it is called and set to, around the queue machine that holds its messages.
//!
//! One partition is one queue. Its first record says whose it is and its last one that it is deleted, so the catalogue of
//! queues is nothing that could disagree with them: it is read off the partitions when the server starts.

use crate::attribute_table::Attribute;
use crate::attributes::{AttributeChanges, Attributes, Durability};
use crate::catalog::QueueKey;
use crate::limits;
use crate::message::show_id;
use crate::move_tasks::{Move, MoveTask, MoveTasks, Progress, ShownTask};
use crate::needs;
use crate::permission::{self, Permission};
use crate::policy;
use crate::properties::Properties;
use crate::records::Effect;
use crate::redrive::{self, RedrivePolicy};
use crate::refusal::Refusal;
use crate::replay;
use crate::sealing::{self, Sse};
use crate::snapshot;
use crate::tags::Tags;
use crate::unpark;
use access::Policy;
use engine::{Arrival, Decision, Delivery, Machine, MalformedRecord, Outgoing};
use gateway::Facts;
use names::{AccountId, Instant, PartitionId, Position, QueueName, Region};
use queue::{Message, Queue};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// What a queue is: set when it is created, changed by SetQueueAttributes and TagQueue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
    pub(crate) name: QueueName,
    pub(crate) attributes: Attributes,
    pub(crate) tags: Tags,
    pub(crate) created_at: Instant,
    pub(crate) modified_at: Instant,
    /// When it was used last as far as records say, if it has an idle lifetime; the epoch otherwise.
    pub(crate) used_at: Instant,
}

impl About {
    /// What names the queue.
    pub(crate) fn key(&self) -> QueueKey {
        QueueKey { account: self.account, region: self.region.clone(), name: self.name.clone() }
    }

    /// How long the queue is kept without use.
    fn idle_lifetime_millis(&self) -> Option<u64> {
        Some(u64::from(self.attributes.number(Attribute::IdleLifetime)) * 1000).filter(|&millis| millis > 0)
    }

    /// When the queue is idle if nobody uses it: a part of its lifetime later than its last use is known to be, because use
    /// within a part is not noted.
    pub(crate) fn idle_at(&self) -> Option<Instant> {
        let millis = self.idle_lifetime_millis()?;
        Some(self.used_at.plus_millis(millis + millis / limits::IDLE_PARTS))
    }

    /// Whether use at `now` is to be noted.
    fn is_use_due(&self, now: Instant) -> bool {
        let part = |millis| self.used_at.plus_millis(millis / limits::IDLE_PARTS);
        self.idle_lifetime_millis().is_some_and(|millis| now >= part(millis))
    }

    fn note_use(&mut self, at: Instant) {
        self.used_at = if self.idle_lifetime_millis().is_some() { self.used_at.max(at) } else { Instant::EPOCH };
    }

    /// Its redrive policy, if it has one.
    pub(crate) fn redrive(&self) -> Option<RedrivePolicy> {
        redrive::read(redrive::shown(self.attributes.text(Attribute::Redrive)?)).ok()
    }

    /// The queue's ARN.
    pub(crate) fn arn(&self) -> String {
        self.key().arn()
    }
}

/// What may be asked of an SQS queue.
#[derive(Debug)]
pub(crate) enum Command {
    Create {
        account: AccountId,
        region: Region,
        name: QueueName,
        attributes: Attributes,
        tags: Tags,
    },
    SetAttributes(AttributeChanges),
    /// Dead letters go to this partition, if the redrive policy names the queue that it is.
    Redirect {
        target: QueueKey,
        partition: PartitionId,
    },
    /// Lays tags over those that are there.
    Tag(Tags),
    /// Takes away the tags of these keys.
    Untag(Vec<Box<str>>),
    /// Puts a permission into the policy.
    AddPermission(Permission),
    /// Takes the permission of this label out of the policy.
    RemovePermission(String),
    Describe,
    Delete,
    /// Deletes the queue if nobody has used it for its idle lifetime.
    DeleteIfIdle,
    /// Somebody waits for messages.
    Wait,
    /// About its message move tasks.
    Move(Move),
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
    /// What a message move task has come to.
    Moved(Progress),
    /// The tasks that are known, newest first.
    MoveTasks(Vec<ShownTask>),
    /// The task has ended, after so many messages.
    MoveCancelled {
        moved: u64,
    },
    /// What the queue is does not allow it; nothing was changed.
    Refused(Refusal),
    /// The queue was used lately.
    InUse,
    /// The queue was deleted before the command reached it.
    Gone,
}

/// The state of one SQS queue.
#[derive(Debug)]
pub(crate) struct SqsQueue {
    about: Option<About>,
    is_deleted: bool,
    queue: Queue,
    moves: MoveTasks,
    bounds: Arc<Bounds>,
}

/// Attributes that are looked at before a command is made. They follow the machine's state at once, in its order, so a
/// refusal by them may be ahead of the disk; what is answered with success has been through the machine.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    wait_secs: AtomicU32,
    maximum_message_bytes: AtomicU32,
    delay_secs_max: AtomicU32,
    visibility_secs_max: AtomicU32,
    /// Bits of `IS_FIFO` and the like.
    flags: AtomicU32,
    scope_set_at_millis: AtomicU64,
    /// What is asked for before a command is made, where there is any of it.
    access: RwLock<Access>,
}

/// What access to a queue depends on, made when it changes.
#[derive(Debug, Default)]
struct Access {
    /// Who else may do what.
    policy: Option<Arc<Policy>>,
    /// What messages are sealed with.
    sse: Option<Arc<Sse>>,
    /// The condition keys of its tags.
    tags: Option<Facts>,
}

const IS_FIFO: u32 = 1;
const DEDUPS_CONTENT: u32 = 2;
const DEDUPS_WITHIN_GROUPS: u32 = 4;
const IS_UNTHROTTLED: u32 = 8;
const DELAYS_MESSAGES: u32 = 16;
const HAS_POLICY: u32 = 32;
const HAS_TAGS: u32 = 64;
const HAS_KEY: u32 = 128;

/// What a FIFO queue asks of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct FifoRules {
    /// Whether the body is the deduplication id of a message that has none.
    pub(crate) by_content: bool,
    /// Whether a deduplication id is one of its group's alone.
    pub(crate) within_groups: bool,
    /// Whether a message may ask for a delay of its own.
    pub(crate) delays_messages: bool,
    /// When the scope of deduplication may have been changed last; the epoch if never.
    pub(crate) scope_set_at: Instant,
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

    /// Seconds of delay that a message may ask for.
    pub(crate) fn delay_secs_max(&self) -> u32 {
        self.delay_secs_max.load(Ordering::Relaxed)
    }

    /// Seconds that a message may be in flight.
    pub(crate) fn visibility_secs_max(&self) -> u32 {
        self.visibility_secs_max.load(Ordering::Relaxed)
    }

    /// What the queue asks of messages, if it is a FIFO queue.
    pub(crate) fn fifo(&self) -> Option<FifoRules> {
        let flags = self.flags.load(Ordering::Relaxed);
        let is = |flag| flags & flag != 0;
        let rules = FifoRules {
            by_content: is(DEDUPS_CONTENT),
            within_groups: is(DEDUPS_WITHIN_GROUPS),
            delays_messages: is(DELAYS_MESSAGES),
            scope_set_at: Instant::from_millis(self.scope_set_at_millis.load(Ordering::Relaxed)),
        };
        is(IS_FIFO).then_some(rules)
    }

    /// Whether AWS would throttle the queue: a FIFO queue that is not of high throughput.
    pub(crate) fn is_throttled(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & (IS_FIFO | IS_UNTHROTTLED) == IS_FIFO
    }

    /// What the queue's messages are sealed with, if it has a key.
    pub(crate) fn sse(&self) -> Option<Arc<Sse>> {
        match self.flags.load(Ordering::Relaxed) & HAS_KEY {
            0 => None,
            _ => self.access.read().unwrap_or_else(PoisonError::into_inner).sse.clone(),
        }
    }

    /// The queue's policy, if it has one.
    pub(crate) fn policy(&self) -> Option<Arc<Policy>> {
        match self.flags.load(Ordering::Relaxed) & HAS_POLICY {
            0 => None,
            _ => self.access.read().unwrap_or_else(PoisonError::into_inner).policy.clone(),
        }
    }

    /// The condition keys of the queue's tags, if it has any.
    pub(crate) fn tags(&self) -> Option<Facts> {
        match self.flags.load(Ordering::Relaxed) & HAS_TAGS {
            0 => None,
            _ => self.access.read().unwrap_or_else(PoisonError::into_inner).tags.clone(),
        }
    }

    fn follow_tags(&self, tags: &Tags) {
        let facts = needs::facts_of(tags);
        let has_tags = facts.is_some();
        self.access.write().unwrap_or_else(PoisonError::into_inner).tags = facts;
        match has_tags {
            true => self.flags.fetch_or(HAS_TAGS, Ordering::Relaxed),
            false => self.flags.fetch_and(!HAS_TAGS, Ordering::Relaxed),
        };
    }

    /// The attributes were set, and the latest change of any of them was at this moment; the epoch if there was none.
    fn follow(&self, about: &About, changed_at: Instant) {
        let attributes = &about.attributes;
        self.scope_set_at_millis.store(changed_at.as_millis(), Ordering::Relaxed);
        let policy = attributes.text(Attribute::Policy).map(|text| policy::in_force(text, &about.key()));
        let has_policy = if policy.is_some() { HAS_POLICY } else { 0 };
        let sse = Sse::of(attributes).map(Arc::new);
        let has_key = if sse.is_some() { HAS_KEY } else { 0 };
        let mut access = self.access.write().unwrap_or_else(PoisonError::into_inner);
        (access.policy, access.sse) = (policy, sse);
        drop(access);
        let has_tags = self.flags.load(Ordering::Relaxed) & HAS_TAGS;
        let flag = |attribute, flag| if attributes.is(attribute) { flag } else { 0 };
        let flags = flag(Attribute::Fifo, IS_FIFO)
            | flag(Attribute::ContentDedup, DEDUPS_CONTENT)
            | flag(Attribute::DedupScope, DEDUPS_WITHIN_GROUPS)
            | flag(Attribute::ThroughputLimit, IS_UNTHROTTLED)
            | flag(Attribute::FifoMessageDelay, DELAYS_MESSAGES)
            | has_policy
            | has_tags
            | has_key;
        self.flags.store(flags, Ordering::Relaxed);
        // A message must not outlive its retention before it is seen for the first time: only AWS's own delays may.
        let retained = attributes.number(Attribute::Retention);
        let delay_secs_max = attributes.number(Attribute::DelayMax).min(retained.max(limits::DELAY_SECS_MAX as u32));
        self.delay_secs_max.store(delay_secs_max, Ordering::Relaxed);
        self.visibility_secs_max.store(attributes.number(Attribute::VisibilityMax), Ordering::Relaxed);
        self.wait_secs.store(attributes.number(Attribute::Wait), Ordering::Relaxed);
        self.maximum_message_bytes.store(attributes.number(Attribute::MaximumMessageSize), Ordering::Relaxed);
    }
}

impl SqsQueue {
    /// A queue before its first record.
    pub(crate) fn unborn() -> Self {
        let queue = Queue::new(Attributes::default().settings());
        Self { about: None, is_deleted: false, queue, moves: MoveTasks::default(), bounds: Arc::default() }
    }

    /// A queue as a snapshot has it.
    pub(crate) fn restored(about: About, moves: MoveTasks, queue: Queue) -> Self {
        let bounds = Arc::<Bounds>::default();
        let changed_at = if about.modified_at > about.created_at { about.modified_at } else { Instant::EPOCH };
        bounds.follow(&about, changed_at);
        bounds.follow_tags(&about.tags);
        Self { about: Some(about), is_deleted: false, queue, moves, bounds }
    }

    /// What the queue is; `None` before it is created and after it is deleted.
    pub(crate) fn about(&self) -> Option<&About> {
        self.about.as_ref()
    }

    /// The message move task that has to proceed, if there is one.
    pub(crate) fn move_under_way(&self) -> Option<&MoveTask> {
        self.moves.under_way()
    }

    /// Whether a message can be received, as far as time has been let pass.
    pub(crate) fn shows(&self, sequence: u64) -> bool {
        self.queue.is_visible(sequence)
    }

    /// How many messages there are, as far as time has been let pass.
    pub(crate) fn counts(&self) -> queue::Counts {
        self.queue.counts()
    }

    /// What requests look at before they ask.
    pub(crate) fn bounds(&self) -> Arc<Bounds> {
        Arc::clone(&self.bounds)
    }

    fn set_attributes(&self, now: Instant, about: &About, changes: &AttributeChanges) -> Decision<Effect, Reply> {
        let attributes = changes.apply_to(&about.attributes);
        if let Err(refusal) = attributes.check() {
            return Decision::answer(Reply::Refused(refusal));
        }
        // What is done is done to the queue as it is; settings that come with it hold from then on.
        let mut effects = Vec::new();
        for command in deeds(changes) {
            let Decision { effects: done, reply, .. } = self.queue.decide(now, command);
            if reply == queue::Reply::ReplayUnderWay {
                let text = changes.text(Attribute::Replay).map_or("", redrive::shown);
                let reason = "A replay of this queue is under way.";
                return Decision::answer(Reply::Refused(replay::refused(text, reason)));
            }
            effects.extend(done);
        }
        effects.extend(self.configure(now, &attributes));
        if self.is_relaxed() && attributes.durability() == Durability::Durable {
            effects.push(self.queue.keep_numbering().into());
        }
        effects.push(Effect::AttributesSet { at: now, attributes });
        Decision::change(effects, Reply::Done)
    }

    fn redirect(
        &self,
        now: Instant,
        about: &About,
        target: &QueueKey,
        partition: PartitionId,
    ) -> Decision<Effect, Reply> {
        let kept = match about.redrive() {
            Some(policy) if policy.target == *target => redrive::kept(&policy, partition),
            _ => return Decision::answer(Reply::Done),
        };
        if about.attributes.text(Attribute::Redrive) == Some(&*kept) {
            return Decision::answer(Reply::Done);
        }
        let attributes = AttributeChanges::of_text(Attribute::Redrive, kept).apply_to(&about.attributes);
        let mut effects = self.configure(now, &attributes);
        // Nobody set anything, so the queue was not modified.
        effects.push(Effect::AttributesSet { at: about.modified_at, attributes });
        Decision::change(effects, Reply::Done)
    }

    fn set_policy(&self, now: Instant, about: &About, policy: Result<String, Refusal>) -> Decision<Effect, Reply> {
        match policy {
            Ok(text) => self.set_attributes(now, about, &AttributeChanges::of_text(Attribute::Policy, text)),
            Err(refusal) => Decision::answer(Reply::Refused(refusal)),
        }
    }

    fn tag(about: &About, tags: Tags) -> Decision<Effect, Reply> {
        match about.tags.with(&tags).len() {
            count if count > limits::TAGS_MAX => Decision::answer(Reply::Refused(Refusal::too_many_tags(&about.name))),
            _ => Decision::change(vec![Effect::Tagged(tags)], Reply::Done),
        }
    }

    fn untag(about: &About, mut keys: Vec<Box<str>>) -> Decision<Effect, Reply> {
        keys.retain(|key| about.tags.iter().any(|(known, _)| known == &**key));
        keys.sort_unstable();
        keys.dedup();
        match keys.is_empty() {
            true => Decision::answer(Reply::Done),
            false => Decision::change(vec![Effect::Untagged(keys)], Reply::Done),
        }
    }

    /// What happens to the messages of a relaxed queue is answered before it is on disk: ADR 0009.
    fn messages(&self, now: Instant, command: queue::Command) -> Decision<Effect, Reply> {
        let Decision { effects, reply, reads, durability } = self.queue.decide(now, command);
        let durability = if self.is_relaxed() { engine::Durability::Lazy } else { durability };
        Decision { effects, reply: Reply::Messages(reply), reads, durability }
    }

    fn is_relaxed(&self) -> bool {
        self.about.as_ref().is_some_and(|about| about.attributes.durability() == Durability::Relaxed)
    }

    fn answer(&self, now: Instant, command: Command, about: &About) -> Decision<Effect, Reply> {
        match (command, about) {
            (Command::Messages(command), _) => self.messages(now, command),
            (Command::Move(asked), _) => self.moves.decide(&self.queue, now, asked),
            (Command::Wait, _) => Decision::answer(Reply::InUse),
            (Command::DeleteIfIdle, about) => match about.idle_at() {
                Some(at) if at <= now => Decision::change(vec![Effect::Deleted], Reply::Done),
                _ => Decision::answer(Reply::InUse),
            },
            (Command::SetAttributes(changes), about) => self.set_attributes(now, about, &changes),
            (Command::Redirect { target, partition }, about) => self.redirect(now, about, &target, partition),
            (Command::Tag(tags), about) => Self::tag(about, tags),
            (Command::Untag(keys), about) => Self::untag(about, keys),
            (Command::AddPermission(permission), about) => {
                let (policy, partition) = (about.attributes.text(Attribute::Policy), about.region.arn_partition());
                self.set_policy(now, about, permission.add_to(policy, &about.arn(), partition))
            }
            (Command::RemovePermission(label), about) => {
                self.set_policy(now, about, permission::remove(about.attributes.text(Attribute::Policy), &label))
            }
            (Command::Describe, about) => {
                Decision::answer(Reply::Described(Box::new(about.clone()), self.queue.counts()))
            }
            (Command::Delete, _) => Decision::change(vec![Effect::Deleted], Reply::Done),
            (Command::Create { .. }, _) => unreachable!("a partition is created once, before anybody else has it"),
        }
    }

    fn configure(&self, now: Instant, attributes: &Attributes) -> Vec<Effect> {
        let mut effects: Vec<Effect> = self.queue.decide(now, queue::Command::Configure(attributes.settings())).effects;
        // A change of a FIFO queue's delay reaches messages that are delayed, but nothing says which of them have the queue's
        // delay where they may have their own.
        let has_own = |attributes: &Attributes| attributes.is(Attribute::FifoMessageDelay);
        if has_own(attributes) || self.about.as_ref().is_some_and(|about| has_own(&about.attributes)) {
            effects.retain(|effect| !matches!(effect, Effect::Queue(queue::Effect::DelaysShifted { .. })));
        }
        effects
    }

    /// Digests of the message groups that are parked.
    pub(crate) fn parked_groups(&self) -> Vec<u64> {
        self.queue.parked_groups()
    }
}

/// What changes of attributes do once, in place of setting something.
fn deeds(changes: &AttributeChanges) -> impl Iterator<Item = queue::Command> {
    let replay = changes.text(Attribute::Replay).map(|text| match replay::order(text) {
        Some(order) => queue::Command::Replay(order),
        None => queue::Command::EndReplay,
    });
    replay.into_iter().chain(changes.text(Attribute::Unpark).and_then(unpark::command))
}

/// Whether a command is use of a queue: looking at it is none.
fn is_use(command: &Command) -> bool {
    use queue::{Command as Asked, Within};
    let looks = |asked: &Asked| {
        matches!(asked, Asked::Count | Asked::Peek { .. } | Asked::Within(_, Within::Count | Within::Peek { .. }))
    };
    match command {
        Command::Messages(asked) => !looks(asked),
        Command::SetAttributes(_)
        | Command::Tag(_)
        | Command::Untag(_)
        | Command::AddPermission(_)
        | Command::RemovePermission(_)
        | Command::Wait => true,
        // As long as a task goes on, the queue is used.
        Command::Move(asked) => !matches!(asked, Move::List | Move::Cancel(_) | Move::Fail(..)),
        Command::Create { .. }
        | Command::Redirect { .. }
        | Command::Describe
        | Command::Delete
        | Command::DeleteIfIdle => false,
    }
}

/// When an effect says that messages came or went.
fn use_at(effect: &queue::Effect) -> Option<Instant> {
    match effect {
        queue::Effect::Sent { message, .. } | queue::Effect::SentWithin { message, .. } => Some(message.sent_at),
        queue::Effect::Leased { received_at, .. } => Some(*received_at),
        _ => None,
    }
}

impl Machine for SqsQueue {
    type Command = Command;
    type Effect = Effect;
    type Reply = Reply;
    type Content = Message;

    const SNAPSHOT_VERSION: u8 = snapshot::VERSION;

    fn advance(&mut self, now: Instant) {
        self.queue.advance(now);
    }

    fn decide(&self, now: Instant, command: Command) -> Decision<Effect, Reply> {
        let about = match (command, &self.about) {
            (Command::Create { account, region, name, attributes, tags }, None) => {
                let mut effects = self.configure(now, &attributes);
                effects.insert(0, Effect::Created { at: now, account, region, name, attributes });
                if !tags.is_empty() {
                    effects.push(Effect::Tagged(tags));
                }
                return Decision::change(effects, Reply::Done);
            }
            (_, None) => return Decision::answer(Reply::Gone),
            (command, Some(about)) => (command, about),
        };
        let (command, about) = about;
        let is_use = is_use(&command) && about.is_use_due(now);
        let mut decision = self.answer(now, command, about);
        if is_use {
            decision.effects.push(Effect::Used { at: now });
            // Whoever has used it must be able to rely on that; a part of the lifetime passes until the next time.
            decision.durability = engine::Durability::BeforeReply;
        }
        decision
    }

    fn wants(&self, command: &Command) -> Option<Range<u64>> {
        match command {
            Command::Messages(command) => self.queue.wants(command),
            Command::Move(Move::Look { .. } | Move::Proceed { .. }) => {
                self.queue.wants(&queue::Command::Movable { below: 0, max: 0 })
            }
            Command::SetAttributes(changes) => deeds(changes).find_map(|command| self.queue.wants(&command)),
            _ => None,
        }
    }

    /// A FIFO queue that passes over a message which comes back later has broken the order of its group.
    fn needs_every_content(&self) -> bool {
        self.about.as_ref().is_some_and(|about| about.name.is_fifo())
    }

    fn learn(&mut self, sequence: u64, content: Option<&Message>) {
        self.queue.learn(sequence, content);
    }

    fn apply(&mut self, _at: Position, effect: &Effect, gone: &mut Vec<u64>) {
        match effect {
            Effect::Created { at, account, region, name, attributes } => {
                let mut about = About {
                    account: *account,
                    region: region.clone(),
                    name: name.clone(),
                    attributes: attributes.clone(),
                    tags: Tags::default(),
                    created_at: *at,
                    modified_at: *at,
                    used_at: Instant::EPOCH,
                };
                about.note_use(*at);
                self.bounds.follow(&about, Instant::EPOCH);
                self.about = Some(about);
            }
            Effect::AttributesSet { at, attributes } => {
                if let Some(about) = &mut self.about {
                    about.attributes = attributes.clone();
                    self.bounds.follow(about, *at);
                    about.modified_at = *at;
                    about.note_use(*at);
                }
            }
            Effect::Tagged(tags) => {
                if let Some(about) = &mut self.about {
                    about.tags = about.tags.with(tags);
                    self.bounds.follow_tags(&about.tags);
                }
            }
            Effect::Untagged(keys) => {
                if let Some(about) = &mut self.about {
                    about.tags = about.tags.without(keys);
                    self.bounds.follow_tags(&about.tags);
                }
            }
            Effect::Deleted => *self = Self { is_deleted: true, ..Self::unborn() },
            Effect::Used { at } => {
                if let Some(about) = &mut self.about {
                    about.note_use(*at);
                }
            }
            Effect::Queue(effect) => {
                if let (Some(about), Some(at)) = (&mut self.about, use_at(effect)) {
                    about.note_use(at);
                }
                let moving = self.queue.moving();
                self.queue.apply(effect, gone);
                self.moves.follow(effect, moving.saturating_sub(self.queue.moving()));
            }
            Effect::MoveStarted { at, below, to_move, plan } => self.moves.begin(MoveTask {
                plan: plan.clone(),
                started_at: *at,
                below: *below,
                to_move: *to_move,
                moved: 0,
                end: None,
            }),
            Effect::MoveEnded { id, end } => self.moves.end(id, *end),
        }
    }

    fn resume(&mut self, start: u64) {
        if self.is_relaxed() {
            self.queue.pass_over_forgotten(start);
        }
    }

    fn memo(&self) -> u8 {
        self.queue.memo()
    }

    fn recall(&mut self, memo: u8) {
        self.queue.recall(memo);
    }

    fn has_outgoing(&self) -> bool {
        self.queue.has_outgoing()
    }

    fn outgoing(&self, after: Option<PartitionId>) -> Option<Outgoing> {
        self.queue.outgoing(after)
    }

    fn parcel(&self, destination: PartitionId, number: u64, sequence: u64, message: &Message) -> Vec<u8> {
        let is_dead = self.queue.departure(destination, number) == Some(queue::Departure::DeadLetter);
        let source = self.about.as_ref().filter(|_| is_dead).map(About::arn);
        // What cannot be read is not changed: the receiver will say so.
        let message = match Properties::decode(message.properties()) {
            Some(properties) => {
                let mut bytes = Vec::new();
                // A dead letter's deduplication id is the message's own id from then on (SQS developer guide, "Dead-letter
                // queues"), so that two messages of one id are not taken for one there.
                let dedup = is_dead.then(|| show_id(message.id));
                properties.leaving(source.clone(), dedup).append_to(&mut bytes);
                message.with_properties(&bytes)
            }
            None => match sealing::leaving(&message.properties(), source.as_deref()) {
                Some(sealed) => message.with_properties(&sealed),
                None => message.clone(),
            },
        };
        self.queue.parcel(destination, number, sequence, message)
    }

    fn arrive(arrival: Arrival) -> Option<Command> {
        Some(Command::Messages(queue::Command::Arrive(arrival)))
    }

    fn conclude(delivery: Delivery) -> Option<Command> {
        Some(Command::Messages(queue::Command::Conclude(delivery)))
    }

    fn forget_origins(&mut self, exists: &dyn Fn(PartitionId) -> bool) {
        self.queue.forget_origins(exists);
    }

    queue::answers_for_messages!(queue);

    /// Of a queue that is not there nothing is written, and nothing can be read back: whoever keeps snapshots makes none
    /// before the first record, and knows the last one by [`Machine::is_over`].
    fn snapshot(&self, out: &mut Vec<u8>) {
        if let Some(about) = &self.about {
            snapshot::write(about, &self.moves, &self.queue, out);
        }
    }

    fn restore(version: u8, state: &[u8]) -> Result<Self, MalformedRecord> {
        snapshot::read(version, state).map(|(about, moves, queue)| Self::restored(about, moves, queue))
    }

    fn is_over(&self) -> bool {
        self.is_deleted
    }
}
