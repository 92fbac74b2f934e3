//! Every record that an SQS queue's partition journals, on one screen. Integers are big-endian.
//!
//! ```text
//! kind below 64   the queue machine's own (crate `queue`, records.rs): messages, leases, deletions
//! kind 64 v2      created         created at 8 │ account 12 │ region length 1, region │ name length 1, name │ attributes
//! kind 65 v2      attributes set  modified at 8 │ attributes
//! kind 66 v1      deleted         (empty)
//! kind 67 v1      tagged          count 1 │ count × ( key length 2, key │ value length 2, value )
//! kind 68 v1      untagged        count 1 │ count × ( key length 2, key )
//! kind 72 v1      move started    at 8 │ task 16 │ below 8 │ to move 8 │ rate 2 (0 none) │ destination length 1, its ARN (empty: none)
//! kind 73 v1      move ended      task 16 │ end 1 (1 completed, 2 cancelled, 3 no such queue, 4 source unknown)
//! kind 80 v1      used            at 8 (of a queue with an idle lifetime)
//! attributes      count 1 │ count × ( number 1 │ value 4 ) │ count 1 │ count × ( number 1 │ length 4, text )
//! numbers         1 VisibilityTimeout · 2 MaximumMessageSize · 3 MessageRetentionPeriod · 4 DelaySeconds ·
//!                 5 ReceiveMessageWaitTimeSeconds · 6 TidewireDurability (0 durable, 1 relaxed) ·
//!                 9 KmsDataKeyReusePeriodSeconds · 10 SqsManagedSseEnabled (0 true, 1 false)
//!                 16 FifoQueue · 17 ContentBasedDeduplication · 18 DeduplicationScope (0 queue, 1 messageGroup) ·
//!                 19 FifoThroughputLimit (0 perQueue, 1 perMessageGroupId) · 32 TidewireIdleLifetimeSeconds · 33 TidewireMaximumDelaySeconds ·
//!                 34 TidewireMaximumVisibilitySeconds · 36 TidewireFifoMessageDelay (0 no, 1 yes) ·
//!                 37 TidewireKeepDeletedSeconds · 38 TidewireParkAfter · 41 TidewireInFlightTimes
//! texts           7 Policy · 8 KmsMasterKeyId · 24 RedrivePolicy (of redrive.rs) · 25 RedriveAllowPolicy · 35 TidewireRetryBackoff ·
//!                 39 TidewireReplay (of replay.rs); 40 is TidewireUnpark's and never on disk
//! v1 of 64, 65    the same; its attributes have no texts and no second count
//! ```
//! A number or text that is not there is the attribute's default: the numbers of AWS's own defaults are always there, so that a
//! queue keeps them when AWS changes one; the others only where they were set. Numbers and texts share one numbering
//! (`attribute_table.rs`): 7–15 are kept for attributes of standard queues, 16–23 of FIFO queues, 24–31 of dead letters, 32–47
//! of tidewire's own. Kinds 69–71 are kept for what is small, 72–75 for dead letters and their moves, 76–79 for FIFO, 80–85 for extensions.

use crate::attribute_table::{Attribute, Queues, Shown, Values, kept_rows};
use crate::attributes::{Attributes, Value};
use crate::catalog::QueueKey;
use crate::move_tasks::{End, Plan, TaskId};
use crate::redrive::key_of_arn;
use crate::tags::Tags;
use engine::MalformedRecord;
use names::{AccountId, Instant, QueueName, Region};

/// The family of partitions that are SQS queues.
pub const FAMILY: u8 = 1;

const FIRST_OWN_KIND: u8 = 64;
const CREATED: u8 = 64;
const ATTRIBUTES_SET: u8 = 65;
const DELETED: u8 = 66;
const TAGGED: u8 = 67;
const UNTAGGED: u8 = 68;
const MOVE_STARTED: u8 = 72;
const MOVE_ENDED: u8 = 73;
const USED: u8 = 80;

/// The version of records with attributes; before it these were numbers only.
const WITH_TEXTS: u8 = 2;
/// The version of all other records.
const VERSION: u8 = 1;

/// A journaled change of an SQS queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Created {
        at: Instant,
        account: AccountId,
        region: Region,
        name: QueueName,
        attributes: Attributes,
    },
    AttributesSet {
        at: Instant,
        attributes: Attributes,
    },
    Deleted,
    Tagged(Tags),
    Untagged(Vec<Box<str>>),
    /// Somebody used it, and no other record may say so.
    Used {
        at: Instant,
    },
    /// A message move task has begun, of so many messages before `below`.
    MoveStarted {
        at: Instant,
        below: u64,
        to_move: u64,
        plan: Plan,
    },
    MoveEnded {
        id: TaskId,
        end: End,
    },
    Queue(queue::Effect),
}

impl From<queue::Effect> for Effect {
    fn from(effect: queue::Effect) -> Self {
        Self::Queue(effect)
    }
}

impl engine::Effect for Effect {
    fn kind(&self) -> u8 {
        match self {
            Self::Created { .. } => CREATED,
            Self::AttributesSet { .. } => ATTRIBUTES_SET,
            Self::Deleted => DELETED,
            Self::Tagged(_) => TAGGED,
            Self::Untagged(_) => UNTAGGED,
            Self::Used { .. } => USED,
            Self::MoveStarted { .. } => MOVE_STARTED,
            Self::MoveEnded { .. } => MOVE_ENDED,
            Self::Queue(effect) => effect.kind(),
        }
    }

    fn version(&self) -> u8 {
        match self {
            Self::Queue(effect) => effect.version(),
            Self::Created { .. } | Self::AttributesSet { .. } => WITH_TEXTS,
            Self::Deleted
            | Self::Tagged(_)
            | Self::Untagged(_)
            | Self::Used { .. }
            | Self::MoveStarted { .. }
            | Self::MoveEnded { .. } => VERSION,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Created { at, account, region, name, attributes } => {
                out.extend(at.as_millis().to_be_bytes());
                out.extend(account.as_str().as_bytes());
                encode_short_text(region.as_str(), out);
                encode_short_text(name.as_str(), out);
                encode_attributes(attributes, out);
            }
            Self::AttributesSet { at, attributes } => {
                out.extend(at.as_millis().to_be_bytes());
                encode_attributes(attributes, out);
            }
            Self::Deleted => {}
            Self::Used { at } => out.extend(at.as_millis().to_be_bytes()),
            Self::MoveStarted { at, below, to_move, plan } => {
                out.extend(at.as_millis().to_be_bytes());
                out.extend(plan.id);
                out.extend(below.to_be_bytes());
                out.extend(to_move.to_be_bytes());
                encode_plan(plan, out);
            }
            Self::MoveEnded { id, end } => {
                out.extend(id);
                out.push(end.byte());
            }
            Self::Tagged(tags) => encode_tags(tags, out),
            Self::Untagged(keys) => {
                out.push(u8::try_from(keys.len()).expect("keys were counted at the door"));
                keys.iter().for_each(|key| encode_text(key, out));
            }
            Self::Queue(effect) => effect.encode(out),
        }
    }

    fn decode(kind: u8, version: u8, payload: &[u8]) -> Result<Self, MalformedRecord> {
        if kind < FIRST_OWN_KIND {
            return queue::Effect::decode(kind, version, payload).map(Self::Queue);
        }
        let malformed = |why| MalformedRecord { kind, version, why };
        let mut fields = Fields(payload);
        let effect = match (kind, version) {
            (CREATED, VERSION | WITH_TEXTS) => fields.created(version == WITH_TEXTS),
            (ATTRIBUTES_SET, VERSION | WITH_TEXTS) => fields.attributes_set(version == WITH_TEXTS),
            (DELETED, VERSION) => Some(Self::Deleted),
            (TAGGED, VERSION) => fields.tags().map(Self::Tagged),
            (UNTAGGED, VERSION) => fields.keys().map(Self::Untagged),
            (MOVE_STARTED, VERSION) => fields.move_started(),
            (MOVE_ENDED, VERSION) => fields.move_ended(),
            (USED, VERSION) => fields.instant().map(|at| Self::Used { at }),
            (FIRST_OWN_KIND..=UNTAGGED | MOVE_STARTED | MOVE_ENDED | USED, _) => {
                return Err(malformed("a version that this program does not know"));
            }
            _ => return Err(malformed("a kind that this program does not know")),
        };
        effect.filter(|_| fields.0.is_empty()).ok_or_else(|| malformed("its fields do not fit its length"))
    }

    fn content_key(kind: u8, version: u8, payload: &[u8]) -> Option<(u64, Instant)> {
        if kind < FIRST_OWN_KIND { queue::Effect::content_key(kind, version, payload) } else { None }
    }

    fn frees(&self) -> bool {
        match self {
            // Receiving and deleting note use, and must go on when the disk is nearly full. A task that ends is a burden less.
            Self::Deleted | Self::Used { .. } | Self::MoveEnded { .. } => true,
            Self::Created { .. }
            | Self::AttributesSet { .. }
            | Self::Tagged(_)
            | Self::Untagged(_)
            | Self::MoveStarted { .. } => false,
            Self::Queue(effect) => effect.frees(),
        }
    }
}

pub(crate) fn encode_short_text(text: &str, out: &mut Vec<u8>) {
    out.push(u8::try_from(text.len()).expect("names and regions are at most 80 bytes long"));
    out.extend(text.as_bytes());
}

/// A text of at most 64 KiB.
fn encode_text(text: &str, out: &mut Vec<u8>) {
    out.extend(u16::try_from(text.len()).expect("tags were measured at the door").to_be_bytes());
    out.extend(text.as_bytes());
}

pub(crate) fn encode_tags(tags: &Tags, out: &mut Vec<u8>) {
    out.push(u8::try_from(tags.len()).expect("tags were counted at the door"));
    for (key, value) in tags.iter() {
        encode_text(key, out);
        encode_text(value, out);
    }
}

/// Rate and destination of a move.
pub(crate) fn encode_plan(plan: &Plan, out: &mut Vec<u8>) {
    out.extend(plan.rate.unwrap_or(0).to_be_bytes());
    encode_short_text(&plan.destination.as_ref().map(QueueKey::arn).unwrap_or_default(), out);
}

pub(crate) fn encode_attributes(attributes: &Attributes, out: &mut Vec<u8>) {
    let is_text = |values: &Values| matches!(values, Values::Text(_));
    let mut numbers: Vec<Attribute> = kept_rows()
        .filter(|(attribute, row, values)| {
            let is_number = matches!(values, Values::Number { .. });
            let is_always = is_number && row.shown == Shown::Always && row.of == Queues::All;
            !is_text(values) && (is_always || attributes.is_set(*attribute))
        })
        .map(|(attribute, ..)| attribute)
        .collect();
    numbers.sort_unstable();
    out.push(numbers.len() as u8);
    for number in numbers {
        out.push(number.on_disk());
        out.extend(attributes.number(number).to_be_bytes());
    }
    let texts = || {
        attributes.all_set().filter_map(|(attribute, value)| match value {
            Value::Text(text) => Some((attribute, text)),
            Value::Number(_) => None,
        })
    };
    out.push(texts().count() as u8);
    for (attribute, text) in texts() {
        out.push(attribute.on_disk());
        out.extend(u32::try_from(text.len()).expect("texts were measured at the door").to_be_bytes());
        out.extend(text.as_bytes());
    }
}

/// Takes fields off the front of a payload.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    fn created(&mut self, with_texts: bool) -> Option<Effect> {
        let at = self.instant()?;
        let (account, region, name) = (self.account()?, self.region()?, self.name()?);
        Some(Effect::Created { at, account, region, name, attributes: self.attributes(with_texts)? })
    }

    fn attributes_set(&mut self, with_texts: bool) -> Option<Effect> {
        Some(Effect::AttributesSet { at: self.instant()?, attributes: self.attributes(with_texts)? })
    }

    fn move_started(&mut self) -> Option<Effect> {
        let (at, id, below, to_move) = (self.instant()?, self.task_id()?, self.count()?, self.count()?);
        Some(Effect::MoveStarted { at, below, to_move, plan: self.plan(id)? })
    }

    fn move_ended(&mut self) -> Option<Effect> {
        Some(Effect::MoveEnded { id: self.task_id()?, end: End::read(self.byte()?)? })
    }

    pub(crate) fn task_id(&mut self) -> Option<TaskId> {
        self.take(16)?.try_into().ok()
    }

    /// What `encode_plan` wrote.
    pub(crate) fn plan(&mut self, id: TaskId) -> Option<Plan> {
        let rate = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        let len = self.byte()?.into();
        let destination = match self.text(len)? {
            "" => None,
            arn => Some(key_of_arn(arn)?),
        };
        Some(Plan { id, destination, rate: (rate > 0).then_some(rate) })
    }

    pub(crate) fn count(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    pub(crate) fn tags(&mut self) -> Option<Tags> {
        (0..self.byte()?).map(|_| Some((self.long_text()?, self.long_text()?))).collect()
    }

    fn keys(&mut self) -> Option<Vec<Box<str>>> {
        (0..self.byte()?).map(|_| self.long_text()).collect()
    }

    pub(crate) fn account(&mut self) -> Option<AccountId> {
        AccountId::parse(self.text(AccountId::LEN)?).ok()
    }

    pub(crate) fn region(&mut self) -> Option<Region> {
        let len = self.byte()?.into();
        Region::parse(self.text(len)?).ok()
    }

    pub(crate) fn name(&mut self) -> Option<QueueName> {
        let len = self.byte()?.into();
        QueueName::parse(self.text(len)?).ok()
    }

    pub(crate) fn attributes(&mut self, with_texts: bool) -> Option<Attributes> {
        let mut attributes = Attributes::default();
        for _ in 0..self.byte()? {
            let attribute = Attribute::numbered(self.byte()?)?;
            let number = self.number()?;
            attribute.values().can_be(number).then_some(())?;
            attributes.set(attribute, Value::Number(number));
        }
        let texts = if with_texts { self.byte()? } else { 0 };
        for _ in 0..texts {
            let attribute = Attribute::numbered(self.byte()?)?;
            matches!(attribute.values(), Values::Text(_)).then_some(())?;
            let len = self.number()? as usize;
            attributes.set(attribute, Value::Text(self.text(len)?.into()));
        }
        Some(attributes)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn long_text(&mut self) -> Option<Box<str>> {
        let len = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.text(len.into()).map(Box::from)
    }

    pub(crate) fn instant(&mut self) -> Option<Instant> {
        Some(Instant::from_millis(u64::from_be_bytes(self.take(8)?.try_into().ok()?)))
    }

    /// A part that is led by its length.
    pub(crate) fn section(&mut self) -> Option<Self> {
        let len = self.number()? as usize;
        self.take(len).map(Self)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn text(&mut self, len: usize) -> Option<&'a str> {
        std::str::from_utf8(self.take(len)?).ok()
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests;
