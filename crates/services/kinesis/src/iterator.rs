//! A shard iterator: where to read on in a shard, and since when it is good. It holds all that it means, so that it survives a restart.
//!
//! ```text
//! version 1 │ stream's partition 8 │ shard's number 4 │ counter 8 │ not before 8 │ made at 8, in base64
//! ```
//! It is no secret and no permission: what it may read is decided by the stream that it names, each time.

use crate::limits::ITERATOR_MILLIS;
use crate::refusal::Refusal;
use engine::fields::{Fields, put_instant};
use names::{Instant, PartitionId};

const VERSION: u8 = 1;

/// A place in a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardIterator {
    pub(crate) stream: PartitionId,
    pub(crate) shard: u32,
    /// The first record to be read.
    pub(crate) from: u64,
    /// Records that arrived earlier are passed over.
    pub(crate) not_before: Instant,
    pub(crate) made_at: Instant,
}

impl ShardIterator {
    pub(crate) fn show(&self) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.stream.get().to_be_bytes());
        bytes.extend(self.shard.to_be_bytes());
        bytes.extend(self.from.to_be_bytes());
        put_instant(self.not_before, &mut bytes);
        put_instant(self.made_at, &mut bytes);
        base64_simd::STANDARD.encode_to_string(bytes)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let bytes = base64_simd::STANDARD.decode_to_vec(text).map_err(|_| Refusal::iterator())?;
        Self::read(&bytes).ok_or_else(Refusal::iterator)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        fields.byte().filter(|version| *version == VERSION)?;
        let (stream, shard) = (PartitionId::new(fields.u64()?), fields.u32()?);
        let (from, not_before, made_at) = (fields.u64()?, fields.instant()?, fields.instant()?);
        fields.end(Self { stream, shard, from, not_before, made_at })
    }

    /// Whether it is still good.
    pub(crate) fn check(&self, now: Instant) -> Result<(), Refusal> {
        if now <= self.made_at.plus_millis(ITERATOR_MILLIS) {
            return Ok(());
        }
        let (made, now) = (crate::describe::http_like(self.made_at), crate::describe::http_like(now));
        Err(Refusal::new(
            &crate::api::errors::EXPIRED_ITERATOR_EXCEPTION,
            format!(
                "Iterator expired. The iterator was created at time {made} while right now it is {now} which is further in the future than the tolerated delay of {ITERATOR_MILLIS} milliseconds."
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITERATOR: ShardIterator = ShardIterator {
        stream: PartitionId::of_family(4, 7),
        shard: 3,
        from: 99,
        not_before: Instant::from_millis(5),
        made_at: Instant::from_millis(1_000),
    };

    #[test]
    fn an_iterator_says_what_it_was_made_of() {
        assert_eq!(ShardIterator::parse(&ITERATOR.show()), Ok(ITERATOR));
        assert!(ITERATOR.show().len() <= 512);
        for wrong in ["", "AAAA", "no base64!", &ITERATOR.show()[4..]] {
            assert_eq!(ShardIterator::parse(wrong), Err(Refusal::iterator()), "{wrong}");
        }
    }

    #[test]
    fn an_iterator_is_good_for_five_minutes() {
        assert!(ITERATOR.check(Instant::from_millis(301_000)).is_ok());
        let refused = ITERATOR.check(Instant::from_millis(301_001)).unwrap_err();
        assert_eq!(refused.error.name, "ExpiredIteratorException");
        assert!(refused.message.contains("created at time Thu Jan 01 00:00:01 UTC 1970"), "{}", refused.message);
    }
}
