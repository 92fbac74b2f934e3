//! What the shard knows of its records without having them: a sparse index of times and sizes.
//!
//! A run is a stretch of neighbouring records that ends after so many bytes, records, or so much time (`limits.rs`); a mark says
//! where it begins and what it comes to. A record that is larger than a run may be stands alone in its own. When there are too
//! many marks the strides double and neighbours are put together, so the index never exceeds its bound; when few are left the
//! strides shrink again. Runs rise in counters and in times.
//!
//! Times err to one side only: a run counts as arrived up to a second later than it did, so nothing expires too early and nobody
//! who seeks by time is led beyond what he seeks.

use crate::limits::{MARKS_MAX, RUNS_PER_RETENTION, SCALE_MAX, SPARE_MARKS, STRIDE_BYTES, STRIDE_RECORDS};
use engine::varint::{Reader, put};
use names::Instant;
use std::collections::VecDeque;

/// One run, which ends where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its first counter.
    first: u64,
    /// When its first record arrived.
    first_at: Instant,
    /// Bytes of all its records.
    bytes: u32,
    /// Seconds from its first to its last record, rounded up.
    lasts_secs: u32,
}

const _: () = assert!(size_of::<Mark>() == 24);

impl Mark {
    fn new(first: u64, at: Instant, bytes: u64) -> Self {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        Self { first, first_at: at, bytes, lasts_secs: 0 }
    }

    /// No record of it arrived later.
    fn last_at(&self) -> Instant {
        self.first_at.plus_secs(self.lasts_secs.into())
    }

    /// The run of this one's and `next`'s records.
    fn with(self, next: Self) -> Self {
        let lasts_millis = next.last_at().since(self.first_at).as_millis();
        let lasts_secs = u32::try_from(lasts_millis.div_ceil(1000)).unwrap_or(u32::MAX);
        Self { bytes: self.bytes.saturating_add(next.bytes), lasts_secs, ..self }
    }
}

/// What one run may come to.
#[derive(Debug, Clone, Copy)]
struct Stride {
    bytes: u64,
    records: u64,
    secs: u64,
}

impl Stride {
    fn new(scale: u8, retention_millis: u64) -> Self {
        let doubled = |one: u64| one.saturating_mul(1 << scale);
        Self {
            bytes: doubled(STRIDE_BYTES).min(u32::MAX.into()),
            records: doubled(STRIDE_RECORDS),
            secs: doubled((retention_millis / 1000 / RUNS_PER_RETENTION).max(1)),
        }
    }

    /// Whether a run and the one behind it, which ends at `end`, fit into one.
    fn fits(&self, run: &Mark, next: &Mark, end: u64) -> bool {
        u64::from(run.bytes) + u64::from(next.bytes) <= self.bytes
            && end - run.first <= self.records
            && u64::from(run.with(*next).lasts_secs) <= self.secs
    }
}

/// All runs of a shard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Index {
    marks: VecDeque<Mark>,
    /// How often the strides have doubled.
    scale: u8,
    /// Bytes of all runs.
    bytes: u64,
}

impl Index {
    /// The first counter that is held, if any is.
    pub(crate) fn first(&self) -> Option<u64> {
        self.marks.front().map(|mark| mark.first)
    }

    /// Bytes of all that is held.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes in the record behind all others.
    pub(crate) fn note(&mut self, counter: u64, at: Instant, bytes: u64, retention_millis: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        let new = Mark::new(counter, at, bytes);
        let stride = Stride::new(self.scale, retention_millis);
        if let Some(run) = self.marks.back_mut().filter(|run| stride.fits(run, &new, counter + 1)) {
            *run = run.with(new);
            return;
        }
        if self.marks.len() < MARKS_MAX / 8 {
            self.scale = self.scale.saturating_sub(1);
        }
        self.marks.push_back(new);
        if self.marks.len() > MARKS_MAX {
            self.thin(counter + 1, retention_millis);
        }
    }

    /// Lets go of the runs of which everything arrived before the horizon.
    pub(crate) fn expire(&mut self, horizon: Instant) {
        while let Some(run) = self.marks.front().filter(|run| run.last_at() < horizon) {
            self.bytes = self.bytes.saturating_sub(run.bytes.into());
            self.marks.pop_front();
        }
        if self.marks.len() < self.marks.capacity() / 4 {
            self.marks.shrink_to((2 * self.marks.len()).max(SPARE_MARKS));
        }
    }

    /// Up to when the records of the first run have arrived.
    pub(crate) fn first_run_at(&self) -> Option<Instant> {
        self.marks.front().map(Mark::last_at)
    }

    /// The first counter of the first run in which a record may have arrived at or after `at`.
    pub(crate) fn seek(&self, at: Instant) -> Option<u64> {
        let after = self.marks.partition_point(|run| run.first_at < at);
        // The run before may reach beyond its own beginning.
        let run = match after.checked_sub(1).map(|before| self.marks[before]) {
            Some(before) if before.last_at() >= at => Some(before),
            _ => self.marks.get(after).copied(),
        };
        run.map(|run| run.first)
    }

    /// Where a read ends that begins at `from`, a counter that is held: after `records_max` records, or about `bytes_max` bytes,
    /// but not before one record is read. The last run ends at `end`.
    ///
    /// Within a run the records are taken for equally large. So what is read exceeds `bytes_max` by no more than the first and the
    /// last run, of which it may have the larger halves.
    pub(crate) fn read_end(&self, from: u64, records_max: u64, bytes_max: u64, end: u64) -> u64 {
        let most = from.saturating_add(records_max).min(end);
        let mut left = bytes_max;
        let mut upto = from;
        let skipped = self.marks.partition_point(|run| run.first <= from).saturating_sub(1);
        let ends = self.marks.iter().skip(skipped + 1).map(|run| run.first).chain([end]);
        for (run, end) in self.marks.iter().skip(skipped).zip(ends) {
            let records = end.saturating_sub(run.first).max(1);
            let fitting = match run.bytes {
                0 => u64::MAX,
                bytes => share(left, records, bytes.into()),
            };
            if upto >= most || fitting < end - upto {
                upto += fitting.min(end - upto);
                break;
            }
            left -= share(run.bytes.into(), end - upto, records).min(left);
            upto = end;
        }
        upto.max(from.saturating_add(1)).min(most)
    }

    /// Bytes of the runs that the records from `from` to before `upto` are of; `from` is held if there are any.
    pub(crate) fn bytes_within(&self, from: u64, upto: u64) -> u64 {
        if from >= upto {
            return 0;
        }
        let skipped = self.marks.partition_point(|run| run.first <= from).saturating_sub(1);
        let touched = self.marks.iter().skip(skipped).take_while(|run| run.first < upto);
        touched.map(|run| u64::from(run.bytes)).sum()
    }

    /// When the record of a counter that is held arrived, if those of its run came evenly. The last run ends at `end`.
    pub(crate) fn arrived_about(&self, counter: u64, end: u64) -> Option<Instant> {
        let after = self.marks.partition_point(|run| run.first <= counter);
        let run = self.marks.get(after.checked_sub(1)?)?;
        let records = self.marks.get(after).map_or(end, |next| next.first).saturating_sub(run.first);
        let lasts_millis = u64::from(run.lasts_secs) * 1000;
        Some(run.first_at.plus_millis(share(lasts_millis, counter - run.first, records.max(1))))
    }

    /// Halves the number of marks at the least. The last run ends at `end`.
    fn thin(&mut self, end: u64, retention_millis: u64) {
        while self.marks.len() > MARKS_MAX / 2 && self.scale < SCALE_MAX {
            self.scale += 1;
            let stride = Stride::new(self.scale, retention_millis);
            let mut thinned: VecDeque<Mark> = VecDeque::with_capacity(self.marks.len() / 2);
            let ends = self.marks.iter().skip(1).map(|run| run.first).chain([end]);
            for (run, end) in self.marks.iter().zip(ends) {
                match thinned.back_mut() {
                    Some(before) if stride.fits(before, run, end) => *before = before.with(*run),
                    _ => thinned.push_back(*run),
                }
            }
            self.marks = thinned;
        }
    }

    /// Appends the index: `scale 1 │ count v │ each: step of first v │ step of first_at v │ bytes v │ seconds v`.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        out.push(self.scale);
        put(out, self.marks.len() as u64);
        let (mut first, mut first_at) = (0, 0);
        for mark in &self.marks {
            let at = mark.first_at.as_millis();
            [mark.first - first, at - first_at, mark.bytes.into(), mark.lasts_secs.into()]
                .into_iter()
                .for_each(|number| put(out, number));
            (first, first_at) = (mark.first, at);
        }
    }

    /// Reads what `put` wrote.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let [scale] = reader.array().ok()?;
        let count = usize::try_from(reader.varint().ok()?).ok()?;
        // A mark takes four bytes at the least.
        if scale > SCALE_MAX || count > reader.rest().len() / 4 {
            return None;
        }
        let mut index = Self { marks: VecDeque::with_capacity(count), scale, bytes: 0 };
        let (mut first, mut first_at) = (0u64, 0u64);
        for _ in 0..count {
            let step = reader.varint().ok().filter(|step| *step > 0)?;
            first = first.checked_add(step)?;
            first_at = first_at.checked_add(reader.varint().ok()?)?;
            let [bytes, lasts_secs] = [reader.varint().ok()?, reader.varint().ok()?].map(u32::try_from);
            let mark = Mark {
                first,
                first_at: Instant::from_millis(first_at),
                bytes: bytes.ok()?,
                lasts_secs: lasts_secs.ok()?,
            };
            index.bytes = index.bytes.checked_add(mark.bytes.into())?;
            index.marks.push_back(mark);
        }
        Some(index)
    }

    /// The first counter of the last run, and when its first record arrived.
    pub(crate) fn last_run(&self) -> Option<(u64, Instant)> {
        self.marks.back().map(|mark| (mark.first, mark.first_at))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.marks.len()
    }

    /// The run that `counter` is in. The last run ends at `end`.
    #[cfg(test)]
    pub(crate) fn run_of(&self, counter: u64, end: u64) -> std::ops::Range<u64> {
        let after = self.marks.partition_point(|run| run.first <= counter);
        let begins = after.checked_sub(1).map_or(counter, |place| self.marks[place].first);
        begins..self.marks.get(after).map_or(end, |run| run.first)
    }

    /// Bytes of the run that has the most.
    #[cfg(test)]
    pub(crate) fn largest_run(&self) -> u64 {
        self.marks.iter().map(|run| run.bytes.into()).max().unwrap_or(0)
    }
}

/// `whole` × `part` ÷ `of`, without running over.
fn share(whole: u64, part: u64, of: u64) -> u64 {
    let share = u128::from(whole) * u128::from(part) / u128::from(of);
    u64::try_from(share).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, proptest};

    const DAY: u64 = 24 * 3_600_000;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    /// Records of these sizes, one each `pace` milliseconds from 0 on.
    fn index(sizes: impl IntoIterator<Item = u64>, pace: u64) -> (Index, u64) {
        let mut index = Index::default();
        let mut next = 1;
        for bytes in sizes {
            index.note(next, at((next - 1) * pace), bytes, DAY);
            next += 1;
        }
        (index, next)
    }

    #[test]
    fn a_run_ends_with_its_bytes_its_records_or_its_time() {
        let firsts = |(index, _): (Index, u64)| index.marks.iter().map(|mark| mark.first).collect::<Vec<_>>();
        assert_eq!(firsts(index([30; 7], 0)), [1, 4, 7], "a hundred bytes");
        assert_eq!(firsts(index([0; 17], 0)), [1, 9, 17], "eight records");
        assert_eq!(firsts(index([0; 5], 1_800_000)), [1, 5], "a sixteenth of a day");
        assert_eq!(firsts(index([1, 5000, 1, 1], 0)), [1, 2, 3], "what is too large stands alone");
    }

    #[test]
    fn marks_keep_to_their_number_and_grow_finer_again() {
        let (mut index, next) = index([90; 1000], 7);
        assert!(index.len() <= MARKS_MAX && index.scale >= 5, "{} marks, scale {}", index.len(), index.scale);
        assert_eq!((index.first(), index.bytes()), (Some(1), 90_000));
        index.expire(at(DAY));
        assert_eq!((index.first(), index.bytes(), index.marks.capacity()), (None, 0, 4));
        (next..next + 100).for_each(|counter| index.note(counter, at(DAY), 90, DAY));
        assert!(index.scale < 5);
    }

    #[test]
    fn a_read_takes_what_fits_and_one_record_in_any_case() {
        let (index, end) = index([10, 10, 10, 10, 10, 10, 10, 5000, 10, 10, 10], 0);
        for (from, records_max, bytes_max, upto) in [
            (1, 100, 0, 2),
            (1, 100, 30, 4),
            (1, 2, 30, 3),
            (1, 0, 30, 1),
            (2, 100, 70, 8),
            (2, 100, 4000, 8),
            (8, 100, 4000, 9),
            (8, 100, 6000, 12),
            (9, 100, 20, 11),
            (11, 100, 20, 12),
        ] {
            let read = index.read_end(from, records_max, bytes_max, end);
            assert_eq!(read, upto, "from {from}, {records_max} records, {bytes_max} bytes");
        }
    }

    #[test]
    fn when_a_record_arrived_is_told_to_its_run() {
        let (index, end) = index([30; 9], 400);
        // Runs of three, 800 milliseconds from the first to the last of each; the seconds of a run are whole ones.
        for counter in 1..end {
            let told = index.arrived_about(counter, end).unwrap().as_millis();
            let arrived = (counter - 1) * 400;
            assert!(told.abs_diff(arrived) <= 1000, "{counter} arrived at {arrived}, not at {told}");
            assert!(told <= index.arrived_about(counter + 1, end).unwrap().as_millis());
        }
        assert_eq!(index.arrived_about(1, end), Some(at(0)));
        assert_eq!(Index::default().arrived_about(1, 1), None);
    }

    #[test]
    fn what_is_sought_is_not_led_beyond() {
        let (index, _) = index([30; 9], 400);
        // Runs begin at 0, 1200 and 2400, and count whole seconds.
        for (millis, found) in [(0, Some(1)), (1, Some(1)), (1000, Some(1)), (1001, Some(4)), (2400, Some(7))] {
            assert_eq!(index.seek(at(millis)), found, "{millis} ms");
        }
        assert_eq!(index.seek(at(3401)), None);
    }

    proptest! {
        #[test]
        fn it_errs_by_two_runs_at_the_most_and_to_the_safe_side(
            records in prop::collection::vec((0u64..300, 0u64..4_000_000), 1..200),
            from in any::<prop::sample::Index>(),
            bytes_max in 0u64..2000,
            probe in any::<prop::sample::Index>(),
        ) {
            let mut index = Index::default();
            let mut now = 0;
            let mut times = Vec::new();
            for (counter, (bytes, pause)) in (1..).zip(&records) {
                now += pause;
                times.push(now);
                index.note(counter, at(now), *bytes, DAY);
            }
            let end = records.len() as u64 + 1;
            assert!(index.len() <= MARKS_MAX);
            assert_eq!(index.bytes(), records.iter().map(|(bytes, _)| bytes).sum::<u64>());
            let from = from.index(records.len());
            let upto = index.read_end(from as u64 + 1, u64::MAX, bytes_max, end) as usize - 1;
            assert!(upto > from && upto <= records.len());
            let read: u64 = records[from..upto].iter().map(|(bytes, _)| bytes).sum();
            let stride = Stride::new(index.scale + 1, DAY).bytes.max(300);
            assert!(upto == from + 1 || read <= bytes_max + 2 * stride, "{read} bytes of {bytes_max}");
            let sought = times[probe.index(times.len())];
            let exact = times.iter().position(|time| *time >= sought).unwrap() as u64 + 1;
            let found = index.seek(at(sought)).unwrap();
            assert!(found <= exact);
            index.expire(at(sought));
            assert!(index.first().unwrap() <= exact);
            let mut bytes = Vec::new();
            index.put(&mut bytes);
            let mut reader = Reader::new(&bytes);
            assert_eq!(Index::read(&mut reader), Some(index));
            assert!(reader.is_empty());
        }
    }
}
