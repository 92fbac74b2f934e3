//! The records of one step, looked at before any of them is handed out.
//!
//! Each record's checksum says whether the record is sound; the step's says whether the records are those that were
//! written, all of them and in this order. If only payloads are damaged, the checksums that stand in the headers still
//! agree with the step's: then every boundary is known, and one damaged record costs no other.

use names::{PartitionId, Position};

use crate::record::{self, RECORD_HEADER_BYTES, Record};

/// The first thing wrong in a step.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Counted from the step's beginning.
    pub(super) at: usize,
    pub(super) why: &'static str,
}

/// What a step looks like.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Examined {
    /// Records, as far as their boundaries can be followed.
    pub(super) records: u32,
    pub(super) flaw: Option<Flaw>,
    /// Up to here boundaries are right, and a record that is sound by its checksum is one that was written.
    trusted: usize,
}

/// Follows the records in `bytes`, which are one step of `partition` whose checksum is `crc`.
pub(super) fn examine(bytes: &[u8], partition: PartitionId, crc: u32) -> Examined {
    let (mut records, mut found_crc, mut flaw) = (0, 0, None);
    let mut at = 0;
    while at < bytes.len() {
        let Some((record, rest)) = record::split(&bytes[at..], Position::ZERO) else {
            flaw = flaw.or(Some(Flaw { at, why: "a record is longer than its place" }));
            break;
        };
        if let Some(why) = wrong(&bytes[at..], &record, partition) {
            flaw = flaw.or(Some(Flaw { at, why }));
        }
        found_crc = crc32c::crc32c_append(found_crc, &record.checksum.to_le_bytes());
        records += 1;
        at = bytes.len() - rest.len();
    }
    if at == bytes.len() && found_crc == crc {
        return Examined { records, flaw, trusted: bytes.len() };
    }
    let flaw = flaw.unwrap_or(Flaw { at: 0, why: "the records are not those that were written here" });
    Examined { records, trusted: flaw.at, flaw: Some(flaw) }
}

fn wrong(bytes: &[u8], record: &Record<'_>, partition: PartitionId) -> Option<&'static str> {
    if !record::is_sound(bytes, record) {
        return Some("a record has a wrong checksum");
    }
    (record.partition != partition).then_some("a record is of another partition")
}

impl Examined {
    /// Shows every record that can be trusted, and where in the step it begins. Returns their bytes.
    pub(super) fn visit(
        &self,
        bytes: &[u8],
        partition: PartitionId,
        visit: &mut dyn FnMut(usize, &Record<'_>),
    ) -> usize {
        let (mut at, mut visited) = (0, 0);
        while at < self.trusted {
            let Some((record, _)) = record::split(&bytes[at..], Position::ZERO) else { break };
            let record_bytes = RECORD_HEADER_BYTES + record.payload.len();
            if self.flaw.is_none() || wrong(&bytes[at..], &record, partition).is_none() {
                visit(at, &record);
                visited += record_bytes;
            }
            at += record_bytes;
        }
        visited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Entry;
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

    const PARTITION: PartitionId = PartitionId::new(4);

    /// Records of these payload lengths, and the step's checksum.
    fn step(lengths: &[usize]) -> (Vec<u8>, u32) {
        let (mut bytes, mut crc) = (Vec::new(), 0);
        for (sequence, length) in (1..).zip(lengths) {
            let payload = vec![7; *length];
            let entry = Entry { partition: PARTITION, sequence, kind: 1, version: 1, key_id: 0, payload: &payload };
            let start = bytes.len();
            bytes.resize(start + record::encoded_bytes(&entry), 0);
            let checksum = record::checksum(&entry);
            record::encode(&entry, checksum, &mut bytes[start..]);
            crc = crc32c::crc32c_append(crc, &checksum.to_le_bytes());
        }
        (bytes, crc)
    }

    fn visited(bytes: &[u8], crc: u32) -> (Vec<u64>, Option<usize>) {
        let mut found = Vec::new();
        let examined = examine(bytes, PARTITION, crc);
        examined.visit(bytes, PARTITION, &mut |_, record| found.push(record.sequence));
        (found, examined.flaw.map(|flaw| flaw.at))
    }

    #[test]
    fn a_damaged_payload_costs_its_own_record_only() {
        let (mut bytes, crc) = step(&[10, 20, 30]);
        assert_eq!(visited(&bytes, crc), (vec![1, 2, 3], None));
        bytes[42 + 32 + 5] ^= 1;
        assert_eq!(visited(&bytes, crc), (vec![1, 3], Some(42)));
    }

    #[test]
    fn a_damaged_length_or_checksum_costs_what_follows_too() {
        for at in [0, 4] {
            let (mut bytes, crc) = step(&[10, 20, 30]);
            bytes[42 + at] ^= 1;
            assert_eq!(visited(&bytes, crc), (vec![1], Some(42)));
        }
    }

    #[test]
    fn sound_records_that_were_not_written_here_are_not_shown() {
        let (bytes, crc) = step(&[10, 20, 30]);
        assert_eq!(visited(&bytes[..42 + 52], crc), (vec![], Some(0)));
        let swapped = [&bytes[42..], &bytes[..42]].concat();
        assert_eq!(visited(&swapped, crc), (vec![], Some(0)));
    }

    #[test]
    fn records_of_another_partition_are_not_shown() {
        let (bytes, crc) = step(&[10]);
        let examined = examine(&bytes, PartitionId::new(5), crc);
        assert_eq!(examined.flaw, Some(Flaw { at: 0, why: "a record is of another partition" }));
        assert_eq!(examined.visit(&bytes, PartitionId::new(5), &mut |_, _| panic!("it is shown")), 0);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_show_nothing_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 1..300), crc in any::<u32>()) {
            prop_assert!(visited(&bytes, crc).0.is_empty());
        }

        #[test]
        fn any_flipped_bit_is_seen_and_what_is_shown_was_written(
            lengths in prop::collection::vec(0..80_usize, 1..8), at in any::<prop::sample::Index>(), bit in 0..8_u8,
        ) {
            let (good, crc) = step(&lengths);
            let mut bytes = good.clone();
            bytes[at.index(good.len())] ^= 1 << bit;
            let examined = examine(&bytes, PARTITION, crc);
            prop_assert!(examined.flaw.is_some());
            examined.visit(&bytes, PARTITION, &mut |at, record| {
                let whole = at..at + RECORD_HEADER_BYTES + record.payload.len();
                assert_eq!(&bytes[whole.clone()], &good[whole]);
            });
            prop_assert_eq!(visited(&good, crc).0.len(), lengths.len());
        }
    }
}
