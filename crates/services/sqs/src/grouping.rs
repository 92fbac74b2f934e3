//! What a message belongs to and is a duplicate of: MessageGroupId and MessageDeduplicationId, checked and digested.
//!
//! The texts go into the message's properties, for receivers; the queue machine gets digests of them, cut from SHA-256, so that
//! no two ids that differ are one to it: 128 bits of a deduplication id, because taking two for one would lose a message, and 64
//! of a group, because that would only make two groups wait for each other. Sources: API reference, SendMessage; the words of
//! refusals as LocalStack's tests recorded them from AWS.

use crate::limits;
use crate::machine::FifoRules;
use crate::properties::SystemAttribute;
use crate::refusal::Refusal;
use names::Instant;
use queue::{DEDUP_MILLIS, DedupId, Labels};
use sha2::{Digest, Sha256};

/// A message's group and deduplication id.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    group: Option<String>,
    /// As receivers are told it: of a FIFO queue's messages every one has such.
    dedup: Option<String>,
    within_groups: bool,
    scope_set_at: Instant,
}

impl Grouping {
    /// Checks what a message for such a queue says, and adds what follows from its body.
    pub(crate) fn new(
        group: Option<String>,
        dedup: Option<String>,
        body: &str,
        fifo: Option<FifoRules>,
    ) -> Result<Self, Refusal> {
        check(dedup.as_deref(), "MessageDeduplicationId")?;
        check(group.as_deref(), "MessageGroupId")?;
        let Some(FifoRules { by_content, within_groups, scope_set_at, .. }) = fifo else {
            return match dedup {
                None => Ok(Self { group, ..Self::default() }),
                Some(id) => Err(Refusal::not_of_this_queue_type(id, "MessageDeduplicationId")),
            };
        };
        if group.is_none() {
            return Err(Refusal::missing("MessageGroupId"));
        }
        let dedup = dedup.or_else(|| by_content.then(|| hex(&Sha256::digest(body))));
        if dedup.is_none() {
            return Err(Refusal::no_deduplication_id());
        }
        Ok(Self { group, dedup, within_groups, scope_set_at })
    }

    /// What the queue machine has to know.
    pub(crate) fn labels(&self) -> Labels {
        let group = self.group.as_deref().map(group_digest);
        Labels { group, dedup: self.dedup.as_ref().map(|dedup| self.dedup_digest(dedup, self.within_groups)) }
    }

    /// What it would be a duplicate of by the other scope, as long as ids are remembered that may have been sent while that was
    /// in force: each counts for its five minutes within the scope that it was sent with. AWS was recorded going on with
    /// the scope of before right after a change (LocalStack #10324).
    pub(crate) fn earlier_dedup(&self, now: Instant) -> Option<DedupId> {
        let dedup = self.dedup.as_ref().filter(|_| now < self.scope_set_at.plus_millis(DEDUP_MILLIS))?;
        Some(self.dedup_digest(dedup, !self.within_groups))
    }

    /// Its text, and that of the group within which it is unique, each led by its length so that they cannot run together.
    fn dedup_digest(&self, dedup: &str, within_groups: bool) -> DedupId {
        let mut digest = Sha256::new();
        for text in [self.group.as_deref().filter(|_| within_groups).unwrap_or_default(), dedup] {
            digest.update((text.len() as u32).to_le_bytes());
            digest.update(text);
        }
        *digest.finalize().first_chunk().expect("a digest is longer")
    }

    /// Adds the texts to what is kept with the message.
    pub(crate) fn append_to(self, system: &mut Vec<(SystemAttribute, Box<str>)>) {
        let group = self.group.map(|text| (SystemAttribute::GroupId, text.into_boxed_str()));
        let dedup = self.dedup.map(|text| (SystemAttribute::DeduplicationId, text.into_boxed_str()));
        system.extend(group.into_iter().chain(dedup));
    }
}

/// A group, as the queue machine knows it.
pub(crate) fn group_digest(group: &str) -> u64 {
    u64::from_le_bytes(*Sha256::digest(group).first_chunk().expect("a digest is longer"))
}

/// The name of a receive, as the queue machine knows it.
pub(crate) fn attempt(id: &str) -> Result<queue::AttemptId, Refusal> {
    check(Some(id), "ReceiveRequestAttemptId")?;
    Ok(*Sha256::digest(id).first_chunk().expect("a digest is longer"))
}

/// The number that customers know a FIFO queue's message by: twenty digits, rising with each message of the queue.
pub(crate) fn sequence_number(sequence: u64) -> String {
    (limits::SEQUENCE_NUMBER_MIN + u128::from(sequence)).to_string()
}

fn check(id: Option<&str>, parameter: &str) -> Result<(), Refusal> {
    let Some(id) = id else { return Ok(()) };
    let is_right = (1..=limits::GROUP_ID_LEN_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    let reason = format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    if is_right { Ok(()) } else { Err(Refusal::invalid_value(id, parameter, &reason)) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIFO: FifoRules = FifoRules {
        by_content: false,
        within_groups: false,
        delays_messages: false,
        scope_set_at: Instant::from_millis(1_000),
    };

    fn grouping(group: Option<&str>, dedup: Option<&str>, fifo: Option<FifoRules>) -> Result<Grouping, Refusal> {
        Grouping::new(group.map(Into::into), dedup.map(Into::into), "body", fifo)
    }

    #[test]
    fn a_fifo_message_needs_a_group_and_something_to_deduplicate_by() {
        let refusal = |group, dedup, fifo| grouping(group, dedup, fifo).unwrap_err().message;
        assert_eq!(refusal(None, Some("d"), Some(FIFO)), "The request must contain the parameter MessageGroupId.");
        let words = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
        assert_eq!(refusal(Some("g"), None, Some(FIFO)), words);
        let by_content = grouping(Some("g"), None, Some(FifoRules { by_content: true, ..FIFO })).unwrap();
        let sha = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5";
        assert_eq!(by_content.dedup.as_deref(), Some(sha), "what receivers are told");
        let named = grouping(Some("g"), Some(sha), Some(FIFO)).unwrap();
        assert_eq!(named.labels(), by_content.labels(), "a message may be named by what another's body is");
    }

    #[test]
    fn a_standard_queue_takes_a_group_and_no_deduplication_id() {
        assert_eq!(grouping(None, None, None).unwrap().labels(), Labels::default());
        assert!(grouping(Some("g"), None, None).unwrap().labels().group.is_some());
        let words = "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type.";
        assert_eq!(grouping(Some("g"), Some("d"), None).unwrap_err().message, words);
    }

    #[test]
    fn ids_are_printable_and_at_most_128_long() {
        let long = "x".repeat(129);
        for wrong in ["", "a b", "\u{e9}", "\n", long.as_str()] {
            let refusal = grouping(Some(wrong), Some("d"), Some(FIFO)).unwrap_err();
            assert!(refusal.message.ends_with(
                "Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."
            ));
            assert!(grouping(Some("g"), Some(wrong), Some(FIFO)).is_err() && attempt(wrong).is_err());
        }
        assert!(grouping(Some(&long[1..]), Some("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), Some(FIFO)).is_ok());
    }

    #[test]
    fn the_same_id_in_two_groups_is_one_or_two_as_the_scope_says() {
        let dedup = |group, within_groups| {
            grouping(Some(group), Some("d"), Some(FifoRules { within_groups, ..FIFO })).unwrap().labels().dedup
        };
        assert_eq!(dedup("a", false), dedup("b", false));
        assert_ne!(dedup("a", true), dedup("b", true));
        assert_ne!(dedup("a", true), dedup("a", false));
    }

    #[test]
    fn as_long_as_ids_of_the_scope_of_before_count_a_message_is_a_duplicate_by_it_too() {
        let of = |within_groups| grouping(Some("a"), Some("d"), Some(FifoRules { within_groups, ..FIFO })).unwrap();
        let (by_queue, by_group) = (of(false), of(true));
        let last = FIFO.scope_set_at.plus_millis(DEDUP_MILLIS - 1);
        assert_eq!(by_queue.earlier_dedup(last), by_group.labels().dedup);
        assert_eq!(by_group.earlier_dedup(last), by_queue.labels().dedup);
        assert_eq!(by_group.earlier_dedup(last.plus_millis(1)), None);
    }

    #[test]
    fn sequence_numbers_have_twenty_digits_and_rise() {
        assert_eq!(sequence_number(1), "10000000000000000001");
        assert_eq!(sequence_number(u64::MAX).len(), 20);
        assert!(sequence_number(9) < sequence_number(10));
    }
}
