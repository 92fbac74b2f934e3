//! A queue's name, as CreateQueue accepts it.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A queue name AWS would accept: 1–80 of `[A-Za-z0-9_-]`, of which a FIFO queue's `.fifo` counts too.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(Arc<str>);

impl QueueName {
    /// Characters in a name (SQS quotas page, "Queue name").
    pub const LEN_MAX: usize = 80;
    /// What ends the name of a FIFO queue, and of no other.
    pub const FIFO_SUFFIX: &str = ".fifo";

    /// Takes a name by AWS's rule.
    pub fn parse(text: &str) -> Result<Self, InvalidQueueName> {
        let stem = text.strip_suffix(Self::FIFO_SUFFIX).unwrap_or(text);
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if stem.is_empty() || text.len() > Self::LEN_MAX || !stem.bytes().all(legal) {
            return Err(InvalidQueueName);
        }
        Ok(Self(text.into()))
    }

    /// The name, suffix included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is a FIFO queue's.
    pub fn is_fifo(&self) -> bool {
        self.0.ends_with(Self::FIFO_SUFFIX)
    }
}

/// Lets a map of queues be asked with a name still in its request's text.
impl Borrow<str> for QueueName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no queue name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidQueueName;

impl fmt::Display for InvalidQueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a queue name is 1 to 80 letters, digits, hyphens and underscores, and may end in .fifo")
    }
}

impl std::error::Error for InvalidQueueName {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule_of_create_queue() {
        for right in ["a", "Jobs_2-x", "orders.fifo", &"x".repeat(80), &format!("{}.fifo", "x".repeat(75))] {
            assert_eq!(QueueName::parse(right).unwrap().as_str(), right);
        }
        for wrong in ["", ".fifo", "a.b", "a/b", "a b", "ä", &"x".repeat(81), &format!("{}.fifo", "x".repeat(76))] {
            assert_eq!(QueueName::parse(wrong), Err(InvalidQueueName), "{wrong}");
        }
    }
}
