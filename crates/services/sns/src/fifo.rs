//! What is particular to FIFO topics: their names and attributes, what their messages belong to and are duplicates of, and which were
//! published within the last five minutes.
//!
//! A topic is a FIFO topic by its name for ever. Ids of deduplication are digests cut from SHA-256, of the text, and of the group's
//! within which it is unique, so that no two that differ are one. Sources: API reference of CreateTopic and Publish; "Amazon SNS message
//! deduplication for FIFO topics"; recorded answers of AWS for the words that publishers get.

use crate::api::errors;
use crate::limits;
use crate::message::Draft;
use crate::refusal::Refusal;
use crate::topic::{About, Pairs};
use crate::topic_key::TopicKey;
use names::Instant;
use queue::{Dedup, DedupId, MessageId};
use sha2::{Digest, Sha256};

/// What the names of FIFO topics and queues end with.
pub(crate) const SUFFIX: &str = ".fifo";

const FIFO_TOPIC: &str = "FifoTopic";
const CONTENT_BASED: &str = "ContentBasedDeduplication";
const SCOPE: &str = "FifoThroughputScope";
const SCOPE_TOPIC: &str = "Topic";
const SCOPE_GROUP: &str = "MessageGroup";

/// What a FIFO topic knows of its messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Fifo {
    /// The sequence number of the last message, 0 before the first.
    pub(crate) last: u64,
    /// The messages of the last five minutes, by what would be a duplicate of them.
    pub(crate) recent: Dedup,
}

/// A message that was published to a FIFO topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) sequence: u64,
    pub(crate) dedup: DedupId,
    pub(crate) id: u128,
    pub(crate) at: Instant,
}

impl Fifo {
    /// The sequence number and id of an earlier message that this one repeats.
    pub(crate) fn find(&self, digests: &Digests, now: Instant) -> Option<(u64, u128)> {
        let found = digests.iter().find_map(|digest| self.recent.find(digest, now))?;
        Some((found.sequence, u128::from_be_bytes(found.id.0)))
    }

    pub(crate) fn note(&mut self, published: &Published) {
        self.last = self.last.max(published.sequence);
        let id = MessageId(published.id.to_be_bytes());
        self.recent.note(published.dedup, published.sequence, id, published.at);
    }
}

/// The sequence number of a message behind `last`: of the clock, so that none is given twice even if the record of the last message
/// before a crash was lost, after its letters had arrived.
pub(crate) fn sequence_after(last: u64, now: Instant) -> u64 {
    (now.as_millis() << limits::SEQUENCES_PER_MILLI_BITS).max(last + 1)
}

/// A sequence number as customers see it: twenty digits, as AWS's have.
pub(crate) fn show_sequence(sequence: u64) -> String {
    format!("1{sequence:019}")
}

/// The name of a topic or queue says what it is.
pub(crate) fn is_fifo(name: &str) -> bool {
    name.ends_with(SUFFIX)
}

/// Whether an attribute is one of FIFO topics alone.
pub(crate) fn is_attribute(name: &str) -> bool {
    matches!(name, FIFO_TOPIC | CONTENT_BASED | SCOPE)
}

/// Checks the value of such an attribute.
pub(crate) fn check_attribute(name: &str, value: &str) -> Result<(), Refusal> {
    let is_right = match name {
        SCOPE => matches!(value, SCOPE_TOPIC | SCOPE_GROUP),
        _ => value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
    };
    let expected = if name == SCOPE { "Topic or MessageGroup" } else { "true or false" };
    match is_right {
        true => Ok(()),
        false => {
            Err(Refusal::invalid(format!("Attributes Reason: {name}: Invalid value [{value}]. Must be {expected}.")))
        }
    }
}

/// Writes what CreateTopic is given of such attributes as a topic keeps it, and checks it against the topic's name.
pub(crate) fn settle(key: &TopicKey, attributes: &mut Pairs) -> Result<(), Refusal> {
    for name in [FIFO_TOPIC, CONTENT_BASED] {
        if let Some(value) = attributes.get_mut(name) {
            *value = value.to_ascii_lowercase().into();
        }
    }
    if asks_for_fifo(attributes.get(FIFO_TOPIC).map(|value| &**value)) {
        return Ok(());
    }
    // AWS keeps no FifoTopic that is false.
    attributes.remove(FIFO_TOPIC);
    match attributes.keys().find(|name| is_attribute(name)) {
        Some(name) => Err(not_of_this_type(name)),
        None if is_fifo(&key.name) => Err(Refusal::invalid("Topic Name")),
        None => Ok(()),
    }
}

/// Gives a new topic what it has unless it was told otherwise.
pub(crate) fn complete(attributes: &mut Pairs) {
    if attributes.contains_key(FIFO_TOPIC) {
        attributes.entry(CONTENT_BASED.into()).or_insert_with(|| "false".into());
    }
}

/// What an attribute comes to in a topic that has none of its own.
pub(crate) fn default_of(name: &str) -> &'static str {
    if name == SCOPE { SCOPE_TOPIC } else { "false" }
}

fn asks_for_fifo(value: Option<&str>) -> bool {
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn not_of_this_type(name: &str) -> Refusal {
    Refusal::invalid(format!("Attributes Reason: {name} can only be set for FIFO topics"))
}

/// The key of a topic that is asked for; one that shall be FIFO is told of its name in other words.
pub(crate) fn key_of_new(
    made: Result<TopicKey, Refusal>,
    attributes: Option<&[(String, String)]>,
) -> Result<TopicKey, Refusal> {
    let asked = attributes.and_then(|given| given.iter().find(|(name, _)| name == FIFO_TOPIC));
    if !asks_for_fifo(asked.map(|(_, value)| value.as_str())) {
        return made;
    }
    made.ok().filter(|key| is_fifo(&key.name)).ok_or_else(|| {
        let why = "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers, \
                   underscores, and hyphens, and must be between 1 and 256 characters long.";
        Refusal::new(&errors::INVALID_PARAMETER_EXCEPTION, why)
    })
}

/// Checks a change of an attribute of FIFO topics, and gives the value as it is kept.
pub(crate) fn changed(about: &About, name: &str, value: &str) -> Result<Box<str>, Refusal> {
    let known = about.attributes.get(name).map(|value| &**value);
    match name {
        FIFO_TOPIC => Err(Refusal::invalid("AttributeName")),
        _ if !is_fifo(&about.key.name) => Err(not_of_this_type(name)),
        SCOPE if known == Some(SCOPE_GROUP) && value != SCOPE_GROUP => {
            Err(Refusal::invalid("Attributes Reason: FifoThroughputScope cannot be changed from MessageGroup to Topic"))
        }
        SCOPE => Ok(value.into()),
        _ => Ok(value.to_ascii_lowercase().into()),
    }
}

/// Whether duplicates are looked for within their group alone.
pub(crate) fn is_within_groups(attributes: &Pairs) -> bool {
    attributes.get(SCOPE).is_some_and(|scope| &**scope == SCOPE_GROUP)
}

/// What a message is a duplicate of: the first is noted, the others count as long as they are of the scope of before.
pub(crate) type Digests = Vec<DedupId>;

/// What a message of a FIFO topic says beside itself.
#[derive(Debug, PartialEq)]
pub(crate) struct Labels {
    pub(crate) group: String,
    /// As queues are told it.
    pub(crate) deduplication: String,
    pub(crate) digests: Digests,
}

impl Labels {
    /// Takes them out of a draft, as a topic with such attributes needs them.
    pub(crate) fn take(draft: &mut Draft, attributes: &Pairs) -> Result<Self, Refusal> {
        let given = draft.deduplication.take();
        let Some(group) = draft.group.clone().filter(|group| !group.is_empty()) else {
            return Err(Refusal::invalid("The MessageGroupId parameter is required for FIFO topics"));
        };
        let by_content = attributes.get(CONTENT_BASED).is_some_and(|value| &**value == "true");
        let deduplication = match given {
            Some(id) if !is_id(&id) => {
                return Err(Refusal::invalid(
                    "MessageDeduplicationId Reason: it has 1 to 128 letters, digits and punctuation",
                ));
            }
            Some(id) => id,
            None if by_content => hex(&Sha256::digest(&draft.message)),
            None => {
                return Err(Refusal::invalid(
                    "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
                ));
            }
        };
        let of_topic = digest("", &deduplication);
        let digests = match is_within_groups(attributes) {
            // A message that was sent before the scope was changed counts for its five minutes all the same.
            true => vec![digest(&group, &deduplication), of_topic],
            false => vec![of_topic],
        };
        Ok(Self { group, deduplication, digests })
    }
}

fn is_id(id: &str) -> bool {
    (1..=limits::GROUP_LEN_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A digest of both, each led by its length so that they cannot run together.
fn digest(group: &str, deduplication: &str) -> DedupId {
    let mut digest = Sha256::new();
    for text in [group, deduplication] {
        digest.update((text.len() as u32).to_be_bytes());
        digest.update(text);
    }
    *digest.finalize().first_chunk().expect("a digest is longer")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
#[path = "fifo_tests.rs"]
mod tests;
