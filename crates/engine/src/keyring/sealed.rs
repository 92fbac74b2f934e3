//! What sealed bytes look like. A record whose key id is not 0 has this payload:
//!
//! ```text
//!  0       1      13        17                      n      n+16  n+24
//! +-------+------+---------+----------------+-------+-----+------+
//! | flags | salt | counter | ciphertext …   | tag   | key | time |      key and time only with flag 1
//! +-------+------+---------+----------------+-------+-----+------+
//!     1      12       4                        16      8     8
//! ```
//!
//! and a snapshot with the flag for sealed has `key id 4` and then the same, without key and time. The session's key is derived
//! from the data key and the salt, the nonce is the counter behind eight zero bytes. Bound to it (`aad`): what it is (1 record,
//! 2 snapshot), partition, sequence, kind and version (of a snapshot: position and sequence, 0 and version), key id, bytes 0–16,
//! key and time. So a sealed record is right in its place only, and bytes are copied without a key.

use journal::{Record, Snapshot};
use names::{Instant, PartitionId};
use seal::{Broken, Key, NONCE_BYTES, TAG_BYTES};

/// Bytes of a session's salt.
pub(super) const SALT_BYTES: usize = 12;
/// Bytes before the ciphertext.
pub(super) const HEAD_BYTES: usize = 1 + SALT_BYTES + 4;
/// Bytes of a content's key and time.
const CONTENT_BYTES: usize = 16;
/// Bytes that sealing puts behind a record at the most: whoever makes room for a large payload makes room for them as well, or all
/// of it is copied once more.
pub const SEALED_TRAILER_BYTES: usize = TAG_BYTES + CONTENT_BYTES;
/// In the flags: key and time of the content stand behind the tag.
const HAS_CONTENT: u8 = 1;
/// Bytes before a snapshot's sealed state: which key.
pub(super) const KEY_ID_BYTES: usize = 4;

/// By which key, and under which of its nonces.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    pub(super) key_id: u32,
    pub(super) salt: [u8; SALT_BYTES],
    pub(super) counter: u32,
}

impl Stamp {
    fn nonce(&self) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        nonce[8..].copy_from_slice(&self.counter.to_le_bytes());
        nonce
    }

    /// What the head of sealed bytes says.
    pub(super) fn of(key_id: u32, sealed: &[u8]) -> Option<Self> {
        let (head, _) = sealed.split_first_chunk::<HEAD_BYTES>()?;
        let salt = head[1..][..SALT_BYTES].try_into().ok()?;
        let counter = u32::from_le_bytes(head[1 + SALT_BYTES..].try_into().ok()?);
        Some(Self { key_id, salt, counter })
    }
}

/// What sealed bytes belong to and nowhere else.
#[derive(Clone, Copy)]
pub(super) struct Place([u8; PLACE_BYTES]);

const PLACE_BYTES: usize = 27;
const BOUND_BYTES_MAX: usize = PLACE_BYTES + KEY_ID_BYTES + HEAD_BYTES + CONTENT_BYTES;

impl Place {
    fn new(what: u8, partition: PartitionId, first: u64, second: u64, kind: u8, version: u8) -> Self {
        let mut bytes = [0; PLACE_BYTES];
        bytes[0] = what;
        bytes[1..9].copy_from_slice(&partition.get().to_le_bytes());
        bytes[9..17].copy_from_slice(&first.to_le_bytes());
        bytes[17..25].copy_from_slice(&second.to_le_bytes());
        bytes[25] = kind;
        bytes[26] = version;
        Self(bytes)
    }

    pub(super) fn record(partition: PartitionId, sequence: u64, kind: u8, version: u8) -> Self {
        Self::new(1, partition, sequence, 0, kind, version)
    }

    pub(super) fn of_record(record: &Record<'_>) -> Self {
        Self::record(record.partition, record.sequence, record.kind, record.version)
    }

    pub(super) fn of_snapshot(snapshot: &Snapshot<'_>) -> Self {
        Self::new(2, snapshot.partition, snapshot.position.get(), snapshot.sequence, 0, snapshot.version)
    }

    /// All that is bound, and how much of the array it is: one is made for each record, so none is allocated.
    fn bound(&self, key_id: u32, head: &[u8], content: &[u8]) -> ([u8; BOUND_BYTES_MAX], usize) {
        let (mut bound, mut end) = ([0; BOUND_BYTES_MAX], 0);
        for part in [&self.0, &key_id.to_le_bytes()[..], head, content] {
            bound[end..end + part.len()].copy_from_slice(part);
            end += part.len();
        }
        (bound, end)
    }
}

/// Seals what `out` holds from `start` on: [`HEAD_BYTES`] left free, then the plain bytes.
pub(super) fn seal(
    key: &Key,
    stamp: Stamp,
    place: Place,
    content: Option<(u64, Instant)>,
    out: &mut Vec<u8>,
    start: usize,
) {
    let head = &mut out[start..start + HEAD_BYTES];
    head[0] = if content.is_some() { HAS_CONTENT } else { 0 };
    head[1..][..SALT_BYTES].copy_from_slice(&stamp.salt);
    head[1 + SALT_BYTES..].copy_from_slice(&stamp.counter.to_le_bytes());
    let content = content.map(|(key, time)| [key.to_le_bytes(), time.as_millis().to_le_bytes()]);
    let content = content.as_ref().map_or(&[][..], |content| content.as_flattened());
    let (bound, end) = place.bound(stamp.key_id, &out[start..start + HEAD_BYTES], content);
    let tag = key.seal_in_place(&stamp.nonce(), &bound[..end], &mut out[start + HEAD_BYTES..]);
    out.extend_from_slice(&tag);
    out.extend_from_slice(content);
}

/// Puts the plain bytes behind what `out` holds.
pub(super) fn open(key: &Key, stamp: Stamp, place: Place, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
    let (head, rest) = sealed.split_at_checked(HEAD_BYTES).ok_or(Broken)?;
    let content_bytes = if head[0] & HAS_CONTENT != 0 { CONTENT_BYTES } else { 0 };
    let text_bytes = rest.len().checked_sub(content_bytes).ok_or(Broken)?;
    let (text, content) = rest.split_at(text_bytes);
    let (bound, end) = place.bound(stamp.key_id, head, content);
    let start = out.len();
    out.resize(start + text.len().checked_sub(TAG_BYTES).ok_or(Broken)?, 0);
    key.open_into(&stamp.nonce(), &bound[..end], text, &mut out[start..])
}

/// Key and moment of the content that a sealed payload carries: what housekeeping and indexes go by, and nobody's secret. They
/// are covered by the tag, so they are right if the payload is.
pub(super) fn content_key(sealed: &[u8]) -> Option<(u64, Instant)> {
    let (&flags, rest) = sealed.split_first()?;
    if flags & HAS_CONTENT == 0 || rest.len() < HEAD_BYTES - 1 + TAG_BYTES + CONTENT_BYTES {
        return None;
    }
    let (rest, time) = rest.split_last_chunk::<8>()?;
    let (_, key) = rest.split_last_chunk::<8>()?;
    Some((u64::from_le_bytes(*key), Instant::from_millis(u64::from_le_bytes(*time))))
}
