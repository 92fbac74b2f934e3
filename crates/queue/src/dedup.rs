//! Deduplication ids of the last five minutes, each with the message that had it.
//!
//! Ids stand in buckets by the time they came: a bucket takes what is sent within a minute, up to a quarter of a million ids, and
//! goes whole when its last id is over. Whether an id still counts is told by its own moment, to the millisecond, because one
//! that counted too long would lose a message. An id costs 40 bytes and 5 to 11 for its place in the bucket's table; there is
//! nothing else, and nothing moves but the places of one bucket when its table grows.

use crate::limits::{BUCKET_IDS_MAX, BUCKET_MILLIS, DEDUP_MILLIS};
use crate::{Accepted, DedupId, MessageId};
use engine::varint::{Reader, put};
use names::Instant;
use std::collections::VecDeque;

/// Entries of one allocation of a bucket, so that growing copies none.
const CHUNK: usize = 1024;

/// Bytes that an entry takes in a snapshot at the least.
const ENTRY_BYTES_MIN: u64 = 16 + 16 + 1 + 1;

/// The ids. A machine of another crate that tells duplicates keeps its own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dedup {
    buckets: VecDeque<Bucket>,
}

#[derive(Debug, Clone, PartialEq)]
struct Bucket {
    first_at: Instant,
    last_at: Instant,
    first_sequence: u64,
    chunks: Vec<Vec<Entry>>,
    /// Open addressing by the id's first bytes: the entry's number plus one, zero where there is none.
    places: Box<[u32]>,
    len: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    dedup: DedupId,
    id: [u8; 16],
    /// Milliseconds after the bucket's first.
    after: u32,
    /// Sequences after the bucket's first.
    ahead: u32,
}

const _: () =
    assert!(size_of::<Entry>() == 40 && BUCKET_MILLIS <= u32::MAX as u64 && BUCKET_IDS_MAX < u32::MAX as usize);

impl Dedup {
    /// The message of this id, if it was sent less than five minutes ago.
    pub fn find(&self, dedup: &DedupId, now: Instant) -> Option<Accepted> {
        let counts = |at: Instant| now < at.plus_millis(DEDUP_MILLIS);
        self.buckets.iter().rev().take_while(|bucket| counts(bucket.last_at)).find_map(|bucket| {
            let entry = bucket.find(dedup).filter(|entry| counts(bucket.first_at.plus_millis(entry.after.into())))?;
            Some(Accepted { sequence: bucket.first_sequence + u64::from(entry.ahead), id: MessageId(entry.id) })
        })
    }

    /// Notes a message that was sent after all that are here.
    pub fn note(&mut self, dedup: DedupId, sequence: u64, id: MessageId, at: Instant) {
        self.expire(at);
        let fitting = self.buckets.back().and_then(|bucket| bucket.fit(sequence, at));
        let (after, ahead) = fitting.unwrap_or_else(|| {
            self.buckets.push_back(Bucket::new(sequence, at));
            (0, 0)
        });
        let bucket = self.buckets.back_mut().expect("there is a bucket that it fits in");
        bucket.last_at = at;
        bucket.push(Entry { dedup, id: id.0, after, ahead });
    }

    /// Lets go of buckets in which no id counts any more.
    pub fn expire(&mut self, now: Instant) {
        while self.buckets.front().is_some_and(|bucket| bucket.last_at.plus_millis(DEDUP_MILLIS) <= now) {
            self.buckets.pop_front();
        }
        if self.buckets.is_empty() && self.buckets.capacity() > 0 {
            self.buckets = VecDeque::new();
        }
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// When [`Dedup::expire`] lets go of something next.
    pub fn next_expiry(&self) -> Option<Instant> {
        self.buckets.front().map(|bucket| bucket.last_at.plus_millis(DEDUP_MILLIS))
    }

    /// All ids as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put(&mut out);
        out
    }

    /// Reads what [`Dedup::to_bytes`] wrote; the error says what was wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut reader = Reader::new(bytes);
        let ids = Self::read(&mut reader)?;
        reader.end().map(|()| ids)
    }

    /// Appends all ids: count v, then each bucket: first at v │ first sequence v │ count v, then each id: dedup 16 │ id 16 │
    /// ms after the one before v │ sequences after the one before v.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        put(out, self.buckets.len() as u64);
        for bucket in &self.buckets {
            put(out, bucket.first_at.as_millis());
            put(out, bucket.first_sequence);
            put(out, bucket.len as u64);
            let (mut after, mut ahead) = (0, 0);
            for entry in bucket.chunks.iter().flatten() {
                out.extend_from_slice(&entry.dedup);
                out.extend_from_slice(&entry.id);
                put(out, u64::from(entry.after - after));
                put(out, u64::from(entry.ahead - ahead));
                (after, ahead) = (entry.after, entry.ahead);
            }
        }
    }

    /// Reads what `put` wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, &'static str> {
        let mut buckets = VecDeque::new();
        for _ in 0..reader.varint()? {
            buckets.push_back(Bucket::read(reader)?);
        }
        Ok(Self { buckets })
    }
}

impl Bucket {
    fn new(first_sequence: u64, first_at: Instant) -> Self {
        let (chunks, places) = (Vec::new(), vec![0; 8].into());
        Self { first_at, last_at: first_at, first_sequence, chunks, places, len: 0 }
    }

    /// Where a message stands in this bucket, if it may.
    fn fit(&self, sequence: u64, at: Instant) -> Option<(u32, u32)> {
        let after = at.as_millis().checked_sub(self.first_at.as_millis()).filter(|after| *after < BUCKET_MILLIS)?;
        let ahead = sequence.checked_sub(self.first_sequence).and_then(|ahead| u32::try_from(ahead).ok())?;
        (self.len < BUCKET_IDS_MAX).then_some((after as u32, ahead))
    }

    fn entry(&self, number: usize) -> &Entry {
        &self.chunks[number / CHUNK][number % CHUNK]
    }

    /// The place of an id, or the empty one where it would stand.
    fn place(&self, dedup: &DedupId) -> usize {
        let mask = self.places.len() - 1;
        let start = u64::from_le_bytes(*dedup.first_chunk().expect("an id is longer")) as usize;
        let mut place = start & mask;
        while self.places[place] != 0 && self.entry(self.places[place] as usize - 1).dedup != *dedup {
            place = (place + 1) & mask;
        }
        place
    }

    fn find(&self, dedup: &DedupId) -> Option<&Entry> {
        let number = self.places[self.place(dedup)];
        (number > 0).then(|| self.entry(number as usize - 1))
    }

    /// Adds an entry; of two of the same id within a bucket the first one is found, as it counts longer than the bucket lasts.
    fn push(&mut self, entry: Entry) {
        if (self.len + 1) * 4 > self.places.len() * 3 {
            self.grow();
        }
        let place = self.place(&entry.dedup);
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(entry),
            _ => {
                // The first chunk of a small queue grows as it needs, the later ones of a large one are filled anyway.
                let room = if self.chunks.is_empty() { 4 } else { CHUNK };
                let mut chunk = Vec::with_capacity(room);
                chunk.push(entry);
                self.chunks.push(chunk);
            }
        }
        self.len += 1;
        if self.places[place] == 0 {
            self.places[place] = self.len as u32;
        }
    }

    fn grow(&mut self) {
        self.places = vec![0; self.places.len() * 2].into();
        for number in 0..self.len {
            let place = self.place(&self.entry(number).dedup);
            if self.places[place] == 0 {
                self.places[place] = number as u32 + 1;
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, &'static str> {
        let first_at = Instant::from_millis(reader.varint()?);
        let mut bucket = Self::new(reader.varint()?, first_at);
        let count = reader.varint()?;
        if count == 0 || count > BUCKET_IDS_MAX as u64 || count > reader.remaining() as u64 / ENTRY_BYTES_MIN {
            return Err("a bucket of ids is empty or longer than what holds it");
        }
        let (mut after, mut ahead) = (0u64, 0u64);
        for number in 0..count {
            let (dedup, id) = (reader.array()?, reader.array()?);
            let (millis, sequences) = (reader.varint()?, reader.varint()?);
            if number == 0 && (millis, sequences) != (0, 0) {
                return Err("a bucket of ids does not begin where it says");
            }
            after =
                after.checked_add(millis).filter(|after| *after < BUCKET_MILLIS).ok_or("a bucket lasts too long")?;
            ahead =
                ahead.checked_add(sequences).filter(|ahead| *ahead <= u32::MAX.into()).ok_or("a bucket is too wide")?;
            bucket.push(Entry { dedup, id, after: after as u32, ahead: ahead as u32 });
        }
        bucket.last_at = first_at.plus_millis(after);
        Ok(bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop, proptest};
    use std::collections::BTreeMap;

    fn dedup_id(number: u64) -> DedupId {
        let mut id = [7; 16];
        id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        id
    }

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[test]
    fn an_id_counts_for_five_minutes_to_the_millisecond() {
        let mut dedup = Dedup::default();
        dedup.note(dedup_id(1), 5, MessageId([1; 16]), at(1_000));
        dedup.note(dedup_id(2), 6, MessageId([2; 16]), at(59_000));
        assert_eq!(dedup.find(&dedup_id(1), at(300_999)), Some(Accepted { sequence: 5, id: MessageId([1; 16]) }));
        assert_eq!(dedup.find(&dedup_id(1), at(301_000)), None, "the bucket is still there for the other one");
        assert!(dedup.find(&dedup_id(2), at(301_000)).is_some());
        dedup.expire(at(359_000));
        assert!(dedup.is_empty());
    }

    #[test]
    fn an_id_that_comes_back_after_its_time_is_the_new_messages() {
        let mut dedup = Dedup::default();
        for round in 0..4 {
            dedup.note(dedup_id(1), 1 + round, MessageId([round as u8; 16]), at(round * 300_000));
            assert_eq!(dedup.find(&dedup_id(1), at(round * 300_000 + 1)).map(|first| first.sequence), Some(1 + round));
        }
        assert!(dedup.buckets.len() <= 2);
    }

    proptest! {
        #[test]
        fn it_is_a_map_with_moments_and_reads_back_as_written(
            steps in prop::collection::vec((0u64..60, 0u64..40_000, 1u64..1_000_000_000), 1..300),
        ) {
            let (mut dedup, mut model, mut now, mut sequence) = (Dedup::default(), BTreeMap::new(), 0, 0u64);
            for (number, millis, step) in steps {
                now += millis;
                sequence += step;
                let known = model.get(&number).filter(|(sent, _)| now < sent + DEDUP_MILLIS).map(|(_, first)| *first);
                assert_eq!(dedup.find(&dedup_id(number), at(now)).map(|first| first.sequence), known);
                if known.is_none() {
                    dedup.note(dedup_id(number), sequence, MessageId([3; 16]), at(now));
                    model.insert(number, (now, sequence));
                }
            }
            let mut out = Vec::new();
            dedup.put(&mut out);
            let mut reader = Reader::new(&out);
            assert_eq!(Dedup::read(&mut reader), Ok(dedup));
            assert_eq!(reader.end(), Ok(()));
            for end in 0..out.len() {
                assert!(Dedup::read(&mut Reader::new(&out[..end])).is_err(), "cut at {end}");
            }
        }
    }
}
