//! Which record goes into which file, and where: settled before anything is written.
//!
//! The length of every record is known, so the whole file is: each piece, its index, the directory, the footer. Files
//! are made with their final length, and a full disk shows before the first byte is copied.

use std::ops::Range;

use names::PartitionId;

use crate::limits::{self, PAGE_BYTES};

use super::{
    index::{Index, Stride},
    piece::Piece,
    place::Kept,
};

/// Bytes of one entry of the directory: partition and piece.
pub(super) const ENTRY_BYTES: usize = 8 + Piece::BYTES;

/// Where the first piece begins: behind the header's page.
pub(super) const DATA_OFFSET: u64 = PAGE_BYTES as u64;

/// How segments are cut and made. The defaults are the product's; tests use small ones.
#[derive(Debug, Clone, Copy)]
pub struct SegmentSizes {
    /// From so many bytes of records on a partition gets segments of its own.
    pub own_bytes: u64,
    /// Bytes of records in one segment; a single larger record gets one all the same.
    pub bytes_max: u64,
    /// What is assembled in memory at once.
    pub copy_bytes: usize,
}

impl Default for SegmentSizes {
    fn default() -> Self {
        Self {
            own_bytes: limits::OWN_SEGMENT_BYTES,
            bytes_max: limits::SEGMENT_BYTES_MAX,
            copy_bytes: limits::COPY_BYTES,
        }
    }
}

/// One piece to be written.
pub(super) struct PiecePlan {
    pub(super) partition: PartitionId,
    /// Which of the kept records.
    pub(super) kept: Range<usize>,
    pub(super) piece: Piece,
}

/// One file to be written.
pub(super) struct FilePlan {
    pub(super) number: u64,
    pub(super) pieces: Vec<PiecePlan>,
    pub(super) directory_offset: u64,
    pub(super) file_bytes: u64,
}

/// Some records of one partition that stay together.
struct Part {
    kept: Range<usize>,
    bytes: u64,
    steps: u32,
}

impl Part {
    fn new(from: usize) -> Self {
        Self { kept: from..from, bytes: 0, steps: 0 }
    }
}

/// The files for `kept`, which is sorted by partition and key; each takes a number.
pub(super) fn plan(kept: &[Kept], sizes: &SegmentSizes, take_number: &mut dyn FnMut() -> u64) -> Vec<FilePlan> {
    let in_order = kept.is_sorted_by(|a, b| (a.partition, a.key) < (b.partition, b.key));
    assert!(in_order, "records to be kept come sorted by partition and key, each once");
    files_of(kept, sizes).into_iter().map(|parts| lay_out(kept, parts, take_number())).collect()
}

/// The parts of each file, in the order of `kept`'s partitions but for shared files, which are closed when full.
fn files_of(kept: &[Kept], sizes: &SegmentSizes) -> Vec<Vec<Part>> {
    let mut files = Vec::new();
    let (mut shared, mut shared_bytes) = (Vec::new(), 0);
    let mut from = 0;
    for group in kept.chunk_by(|a, b| a.partition == b.partition) {
        let bytes: u64 = group.iter().map(|kept| u64::from(kept.place.bytes)).sum();
        let own = bytes >= sizes.own_bytes.min(sizes.bytes_max);
        let mut cut = cut(group, from, if own { sizes.bytes_max } else { u64::MAX });
        from += group.len();
        if own {
            files.append(&mut cut);
            continue;
        }
        if shared_bytes + bytes > sizes.bytes_max {
            files.push(std::mem::take(&mut shared));
            shared_bytes = 0;
        }
        shared.extend(cut.into_iter().flatten());
        shared_bytes += bytes;
    }
    if !shared.is_empty() {
        files.push(shared);
    }
    files
}

/// Cuts one partition's records, the first of which is number `from`, into the parts of files that hold `bytes_max`.
fn cut(group: &[Kept], from: usize, bytes_max: u64) -> Vec<Vec<Part>> {
    let (mut files, mut parts, mut file_bytes) = (Vec::new(), Vec::new(), 0);
    let (mut part, mut stride) = (Part::new(from), Stride::default());
    for Kept { place, starts_piece, .. } in group {
        let bytes = u64::from(place.bytes);
        let full = file_bytes + bytes > bytes_max;
        if !part.kept.is_empty() && (full || *starts_piece) {
            let next = Part::new(part.kept.end);
            parts.push(std::mem::replace(&mut part, next));
            stride = Stride::default();
        }
        if !parts.is_empty() && full {
            files.push(std::mem::take(&mut parts));
            file_bytes = 0;
        }
        part.steps += u32::from(stride.begins_step(bytes));
        part.bytes += bytes;
        part.kept.end += 1;
        file_bytes += bytes;
    }
    parts.push(part);
    files.push(parts);
    files
}

/// Gives every part of a file its place.
fn lay_out(kept: &[Kept], parts: Vec<Part>, number: u64) -> FilePlan {
    let mut offset = DATA_OFFSET;
    let mut place = |part: Part| {
        let plan = piece_of(kept, part, number, offset);
        offset = plan.piece.end().expect("a segment's length is known to fit");
        plan
    };
    let pieces: Vec<_> = parts.into_iter().map(&mut place).collect();
    let directory_bytes = (pieces.len() * ENTRY_BYTES) as u64;
    let page = PAGE_BYTES as u64;
    let file_bytes = (offset + directory_bytes).next_multiple_of(page) + page;
    FilePlan { number, pieces, directory_offset: offset, file_bytes }
}

fn piece_of(all: &[Kept], part: Part, segment: u64, offset: u64) -> PiecePlan {
    let kept = &all[part.kept.clone()];
    let (first, last) = (kept.first().expect("a part has records"), kept.last().expect("a part has records"));
    let piece = Piece {
        segment,
        first_key: first.key,
        last_key: last.key,
        records: u32::try_from(kept.len()).expect("a segment holds fewer records than bytes"),
        offset,
        bytes: part.bytes,
        index_bytes: Index::bytes_of(part.steps),
        first_time: kept.iter().map(|kept| kept.time).min().unwrap_or(first.time),
        last_time: kept.iter().map(|kept| kept.time).max().unwrap_or(last.time),
    };
    PiecePlan { partition: first.partition, kept: part.kept, piece }
}

#[cfg(test)]
mod tests {
    use super::{
        super::place::{Place, Source},
        *,
    };
    use names::Instant;

    // Keys that are whole hundreds start a piece.
    const SIZES: SegmentSizes = SegmentSizes { own_bytes: 1000, bytes_max: 2000, copy_bytes: 4096 };

    fn kept(records: &[(u64, u64, u32)]) -> Vec<Kept> {
        let place = |bytes| Place { source: Source::Log(1), offset: 0, bytes };
        let one = |(partition, key, bytes)| Kept {
            partition: PartitionId::new(partition),
            key,
            time: Instant::from_millis(1000 - key),
            place: place(bytes),
            starts_piece: key % 100 == 0,
        };
        records.iter().copied().map(one).collect()
    }

    fn planned(records: &[(u64, u64, u32)]) -> Vec<FilePlan> {
        let mut numbers = 5..;
        plan(&kept(records), &SIZES, &mut || numbers.next().unwrap())
    }

    /// For each file the partitions and keys of its pieces.
    fn check(records: &[(u64, u64, u32)], expected: &[&[(u64, u64, u64)]]) {
        let files = planned(records);
        let piece = |plan: &PiecePlan| (plan.partition.get(), plan.piece.first_key, plan.piece.last_key);
        let found: Vec<Vec<_>> = files.iter().map(|file| file.pieces.iter().map(piece).collect()).collect();
        assert_eq!(found, expected);
        let numbers: Vec<_> = files.iter().map(|file| file.number).collect();
        assert_eq!(numbers, (5..).take(files.len()).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_kept_needs_no_file() {
        check(&[], &[]);
    }

    #[test]
    fn small_partitions_share_files_until_they_are_full() {
        check(&[(1, 1, 900), (2, 1, 900), (3, 1, 300), (3, 2, 300)], &[&[(1, 1, 1), (2, 1, 1)], &[(3, 1, 2)]]);
    }

    #[test]
    fn a_large_partition_gets_files_of_its_own_and_is_cut_where_they_are_full() {
        check(
            &[(1, 1, 100), (2, 1, 900), (2, 4, 900), (2, 5, 900), (3, 8, 100)],
            &[&[(2, 1, 4)], &[(2, 5, 5)], &[(1, 1, 1), (3, 8, 8)]],
        );
    }

    #[test]
    fn a_new_piece_begins_where_it_is_asked_for() {
        let mut kept = kept(&[(1, 1, 100), (1, 2, 100), (1, 7, 100)]);
        kept[2].starts_piece = true;
        let mut numbers = 5..;
        let files = plan(&kept, &SIZES, &mut || numbers.next().unwrap());
        let keys: Vec<_> = files[0].pieces.iter().map(|plan| (plan.piece.first_key, plan.piece.last_key)).collect();
        assert_eq!((files.len(), keys), (1, vec![(1, 2), (7, 7)]));
    }

    #[test]
    fn a_record_larger_than_a_file_may_be_gets_one_all_the_same() {
        check(&[(1, 1, 5000), (1, 2, 5000)], &[&[(1, 1, 1)], &[(1, 2, 2)]]);
    }

    #[test]
    fn a_piece_ends_where_the_caller_says_so_within_a_file() {
        check(
            &[(1, 100, 300), (1, 101, 300), (1, 200, 300), (2, 1, 100)],
            &[&[(1, 100, 101), (1, 200, 200), (2, 1, 1)]],
        );
        check(
            &[(1, 7, 900), (1, 100, 900), (1, 200, 900), (1, 201, 900)],
            &[&[(1, 7, 7), (1, 100, 100)], &[(1, 200, 201)]],
        );
    }

    #[test]
    fn times_are_the_earliest_and_the_latest_whatever_the_order_of_keys() {
        let files = planned(&[(1, 1, 100), (1, 2, 100), (1, 9, 100)]);
        let piece = files[0].pieces[0].piece;
        assert_eq!((piece.first_time.as_millis(), piece.last_time.as_millis()), (991, 999));
        assert_eq!((piece.records, piece.bytes, piece.index_bytes), (3, 300, 28));
        assert_eq!((files[0].directory_offset, files[0].file_bytes), (4096 + 328, 3 * 4096));
    }

    #[test]
    #[should_panic(expected = "sorted by partition and key")]
    fn a_key_that_comes_twice_is_a_bug_of_the_caller() {
        planned(&[(1, 1, 100), (1, 1, 100)]);
    }
}
