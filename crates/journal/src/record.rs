//! One record's bytes, little-endian, packed without gaps inside a block:
//!
//! ```text
//!  0          4        8          16          24       28     29        30     32
//! | checksum | length | sequence | partition | key id | kind | version | zero | payload … |
//! ```
//!
//! `checksum` is CRC32C of all that follows it in the record. It does not cover the position, so it travels with the
//! record into segments and can be checked again at delivery.

use names::{PartitionId, Position};

/// What the engine wants to have written.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Whose record.
    pub partition: PartitionId,
    /// Its number within the partition: dense, from 1.
    pub sequence: u64,
    /// What the payload is; the partition's owner knows.
    pub kind: u8,
    /// Which layout of that kind.
    pub version: u8,
    /// The data key under which the payload was sealed; 0 = it is plain. What sealed bytes look like, the engine knows.
    pub key_id: u32,
    /// The bytes.
    pub payload: &'a [u8],
}

/// What replay gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place in the log.
    pub position: Position,
    /// Whose record.
    pub partition: PartitionId,
    /// Its number within the partition.
    pub sequence: u64,
    /// What the payload is.
    pub kind: u8,
    /// Which layout of that kind.
    pub version: u8,
    /// The data key under which the payload is sealed; 0 = it is plain.
    pub key_id: u32,
    /// CRC32C of the record, as it stands on disk.
    pub checksum: u32,
    /// The bytes.
    pub payload: &'a [u8],
}

/// Bytes of a record before its payload.
pub const RECORD_HEADER_BYTES: usize = 32;

const CHECKSUM_BYTES: usize = 4;

/// The header without its checksum.
fn header(entry: &Entry<'_>) -> [u8; RECORD_HEADER_BYTES - CHECKSUM_BYTES] {
    let length = u32::try_from(entry.payload.len()).expect("a payload that fits a block is shorter than 4 GiB");
    let mut out = [0; RECORD_HEADER_BYTES - CHECKSUM_BYTES];
    out[0..4].copy_from_slice(&length.to_le_bytes());
    out[4..12].copy_from_slice(&entry.sequence.to_le_bytes());
    out[12..20].copy_from_slice(&entry.partition.get().to_le_bytes());
    out[20..24].copy_from_slice(&entry.key_id.to_le_bytes());
    out[24] = entry.kind;
    out[25] = entry.version;
    out
}

/// The record's checksum. It needs no position, so it is computed before the log is locked.
pub(crate) fn checksum(entry: &Entry<'_>) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header(entry)), entry.payload)
}

/// Bytes the entry takes in a block.
pub(crate) fn encoded_bytes(entry: &Entry<'_>) -> usize {
    RECORD_HEADER_BYTES + entry.payload.len()
}

/// Writes the record at the beginning of `out` and says how long it is.
pub(crate) fn encode(entry: &Entry<'_>, checksum: u32, out: &mut [u8]) -> usize {
    let end = encoded_bytes(entry);
    out[..CHECKSUM_BYTES].copy_from_slice(&checksum.to_le_bytes());
    out[CHECKSUM_BYTES..RECORD_HEADER_BYTES].copy_from_slice(&header(entry));
    out[RECORD_HEADER_BYTES..end].copy_from_slice(entry.payload);
    end
}

/// Reads the record at the beginning of `bytes`, and the bytes after it. Checks no checksum; `None` if it does not fit.
pub(crate) fn split(bytes: &[u8], position: Position) -> Option<(Record<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(RECORD_HEADER_BYTES)?;
    let (payload, rest) = rest.split_at_checked(u32_at(head, 4) as usize)?;
    let record = Record {
        position,
        partition: PartitionId::new(u64_at(head, 16)),
        sequence: u64_at(head, 8),
        kind: head[28],
        version: head[29],
        key_id: u32_at(head, 24),
        checksum: u32_at(head, 0),
        payload,
    };
    Some((record, rest))
}

/// Whether the record at the beginning of `bytes` has the checksum it says.
pub(crate) fn is_sound(bytes: &[u8], record: &Record<'_>) -> bool {
    crc32c::crc32c(&bytes[CHECKSUM_BYTES..RECORD_HEADER_BYTES + record.payload.len()]) == record.checksum
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes are four bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes are eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    #[test]
    fn a_sealed_record_names_its_key_in_the_bytes_from_20_on_behind_the_checksum() {
        let entry = Entry {
            partition: PartitionId::new(2),
            sequence: 3,
            kind: 4,
            version: 5,
            key_id: 0x0605_0403,
            payload: b"!",
        };
        let mut bytes = vec![0; encoded_bytes(&entry)];
        encode(&entry, checksum(&entry), &mut bytes);
        let golden = [1, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 4, 5, 6, 4, 5, 0, 0, b'!'];
        assert_eq!(bytes[4..], golden);
        assert_eq!(bytes[..4], crc32c::crc32c(&golden).to_le_bytes());
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_written(
            partition in any::<u64>(), sequence in any::<u64>(), kind in any::<u8>(), version in any::<u8>(), key_id in any::<u32>(),
            payload in prop::collection::vec(any::<u8>(), 0..300), after in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let entry = Entry { partition: PartitionId::new(partition), sequence, kind, version, key_id, payload: &payload };
            let mut bytes = vec![0; encoded_bytes(&entry)];
            encode(&entry, checksum(&entry), &mut bytes);
            bytes.extend(&after);
            let (record, rest) = split(&bytes, Position::new(9)).unwrap();
            prop_assert!(is_sound(&bytes, &record));
            prop_assert_eq!(record, Record {
                position: Position::new(9), partition: entry.partition, sequence, kind, version, key_id,
                checksum: checksum(&entry), payload: &payload,
            });
            prop_assert_eq!(rest, &after[..]);
        }

        #[test]
        fn any_flipped_bit_of_a_record_is_seen(payload in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            let entry = Entry { partition: PartitionId::new(3), sequence: 4, kind: 1, version: 1, key_id: 9, payload: &payload };
            let mut bytes = vec![0; encoded_bytes(&entry)];
            encode(&entry, checksum(&entry), &mut bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            let sound = split(&bytes, Position::ZERO).is_some_and(|(record, rest)| is_sound(&bytes, &record) && rest.is_empty());
            prop_assert!(!sound);
        }

        #[test]
        fn arbitrary_bytes_never_panic_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some((record, rest)) = split(&bytes, Position::ZERO) {
                prop_assert_eq!(RECORD_HEADER_BYTES + record.payload.len() + rest.len(), bytes.len());
                is_sound(&bytes, &record);
            }
        }
    }
}
