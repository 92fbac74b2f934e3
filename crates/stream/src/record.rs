//! A record as it was appended: what is kept outside the shard's state.
//!
//! ```text
//! the buffer   data │ partition key, if it has one │ explicit hash key 16, if it has one      little-endian
//! if sealed    what the service made of all that
//! ```
//! One allocation on its whole way from the request to the disk; a clone shares it. Who sealed a record opens it again
//! ([`Record::opened`]); here it is known by its place and its size alone.

use crate::{NewRecord, SealedRecord};
use bytes::Bytes;
use names::Instant;
use std::fmt;

const HAS_KEY: u8 = 1;
const HAS_HASH: u8 = 2;
/// The service has sealed it. Such a record has no other flag, and `key_bytes` says what it counts for.
const IS_SEALED: u8 = 4;
/// It was sealed, and is open now. No record is kept so.
const WAS_SEALED: u8 = 8;
const HASH_BYTES: usize = 16;

/// A record of a shard.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    counter: u64,
    arrived_at: Instant,
    bytes: Bytes,
    key_bytes: u32,
    flags: u8,
}

const _: () = assert!(size_of::<Record>() <= 56);

impl Record {
    /// The record that `new` becomes at its place.
    pub(crate) fn new(counter: u64, arrived_at: Instant, new: NewRecord) -> Self {
        let NewRecord { data, partition_key, explicit_hash } = new;
        let has = |is, flag| if is { flag } else { 0 };
        let flags = has(partition_key.is_some(), HAS_KEY) | has(explicit_hash.is_some(), HAS_HASH);
        let key = partition_key.as_deref().unwrap_or_default();
        let bytes = match flags {
            0 => data,
            _ => {
                let hash = explicit_hash.map(u128::to_le_bytes);
                let hash = hash.as_ref().map_or(&[][..], |hash| hash);
                [&data, key.as_bytes(), hash].concat().into()
            }
        };
        let key_bytes = u32::try_from(key.len()).expect("a partition key was bounded at the door");
        Self { counter, arrived_at, bytes, key_bytes, flags }
    }

    /// The sealed record that `new` becomes at its place.
    pub(crate) fn sealed(counter: u64, arrived_at: Instant, new: SealedRecord) -> Self {
        Self { counter, arrived_at, bytes: new.bytes, key_bytes: new.size, flags: IS_SEALED }
    }

    /// The sealed record that was kept as these parts.
    pub(crate) fn kept_sealed(counter: u64, arrived_at: Instant, size: u32, bytes: &[u8]) -> Self {
        Self::sealed(counter, arrived_at, SealedRecord { bytes: Bytes::copy_from_slice(bytes), size })
    }

    /// A sealed record as it was before: `plain` in its place.
    #[must_use]
    pub fn opened(&self, plain: NewRecord) -> Self {
        let record = Self::new(self.counter, self.arrived_at, plain);
        Self { flags: record.flags | WAS_SEALED, ..record }
    }

    /// What the service sealed, of a record that is sealed.
    pub fn as_sealed(&self) -> Option<SealedRecord> {
        self.is_sealed().then(|| SealedRecord { bytes: self.bytes.clone(), size: self.key_bytes })
    }

    /// Whether it was sealed before it was opened.
    pub fn was_sealed(&self) -> bool {
        self.flags & WAS_SEALED != 0
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.flags & IS_SEALED != 0
    }

    /// The record that was kept as these parts; `None` if they are not of one.
    pub(crate) fn kept(counter: u64, arrived_at: Instant, flags: u8, key_bytes: u32, bytes: &[u8]) -> Option<Self> {
        let has = |flag| flags & flag != 0;
        if flags > HAS_KEY | HAS_HASH || (key_bytes > 0 && !has(HAS_KEY)) {
            return None;
        }
        let hash_bytes = if has(HAS_HASH) { HASH_BYTES } else { 0 };
        let key_end = bytes.len().checked_sub(hash_bytes)?;
        let key_start = key_end.checked_sub(key_bytes as usize)?;
        std::str::from_utf8(&bytes[key_start..key_end]).ok()?;
        Some(Self { counter, arrived_at, bytes: Bytes::copy_from_slice(bytes), key_bytes, flags })
    }

    /// Its place in its shard.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// When it arrived: never before the record before it.
    pub fn arrived_at(&self) -> Instant {
        self.arrived_at
    }

    /// What the producer sent; of a sealed record what it was sealed into.
    pub fn data(&self) -> &[u8] {
        &self.bytes[..self.data_bytes()]
    }

    /// The same, sharing the record's buffer.
    pub fn shared_data(&self) -> Bytes {
        self.bytes.slice(..self.data_bytes())
    }

    /// The partition key, if it has one.
    pub fn partition_key(&self) -> Option<&str> {
        if self.flags & HAS_KEY == 0 {
            return None;
        }
        let start = self.data_bytes();
        let key = &self.bytes[start..start + self.key_bytes as usize];
        Some(std::str::from_utf8(key).expect("a partition key is text, which was seen when it was read"))
    }

    /// The hash key that took the place of the partition key's own.
    pub fn explicit_hash(&self) -> Option<u128> {
        let (_, hash) = self.bytes.split_last_chunk::<HASH_BYTES>().filter(|_| self.flags & HAS_HASH != 0)?;
        Some(u128::from_le_bytes(*hash))
    }

    /// Bytes of data and partition key, which is what AWS counts.
    pub fn size(&self) -> u64 {
        if self.is_sealed() {
            return self.key_bytes.into();
        }
        (self.data_bytes() + self.key_bytes as usize) as u64
    }

    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }

    pub(crate) fn key_bytes(&self) -> u32 {
        self.key_bytes
    }

    /// Data, partition key and explicit hash key.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn data_bytes(&self) -> usize {
        if self.is_sealed() {
            return self.bytes.len();
        }
        let hash_bytes = if self.flags & HAS_HASH == 0 { 0 } else { HASH_BYTES };
        self.bytes.len() - hash_bytes - self.key_bytes as usize
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("counter", &self.counter)
            .field("arrived_at", &self.arrived_at)
            .field("data", &self.shared_data())
            .field("partition_key", &self.partition_key())
            .field("explicit_hash", &self.explicit_hash())
            .finish()
    }
}

impl engine::Content for Record {
    /// Most readers follow the end.
    const GIVES_WAY: engine::GivesWay = engine::GivesWay::Oldest;

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}
