//! A naive model of the log, and generated lives of a journal on a simulated disk.
//!
//! The model knows every entry ever given a position, where appends ended, what was reported durable and what was
//! trimmed. `reopen` demands of a recovered log: all that was durable, in order, once, nothing invented, appends whole.

#![allow(dead_code, reason = "every test file uses its own part of the model")]

use std::{collections::HashMap, sync::Arc};

use journal::{
    AppendError, Checkpoint, Entry, Journal, OpenError, Options, Stopped, StoreError, Urgency, sim::SimDisk,
};
use names::PartitionId;

/// An entry the journal took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) partition: u64,
    pub(crate) sequence: u64,
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
}

/// What must be true of the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    /// By position, the first being 1.
    pub(crate) taken: Vec<Taken>,
    /// The last positions of all appends.
    pub(crate) ends: Vec<u64>,
    pub(crate) durable: u64,
    pub(crate) trimmed_below: u64,
    pub(crate) incarnation: u32,
}

/// What was true once so many boundaries of the disk were passed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) ops: u64,
    pub(crate) durable: u64,
    pub(crate) trimmed_below: u64,
    pub(crate) incarnation: u32,
}

pub(crate) fn options() -> Options {
    Options { block_bytes_max: 20 << 10, spares: 1, ..Options::small(48 << 10) }
}

/// Opens and only collects.
pub(crate) fn replay(disk: &SimDisk, options: Options) -> Result<(Journal, Vec<(u64, Taken)>), OpenError> {
    let mut found = Vec::new();
    let journal = Journal::open(Arc::new(disk.clone()), options, &mut |_| Ok(()), &mut |record| {
        let payload = record.payload.to_vec();
        let taken = Taken { partition: record.partition.get(), sequence: record.sequence, kind: record.kind, payload };
        assert_eq!((record.version, record.key_id), (1, 0));
        found.push((record.position.get(), taken));
        Ok(())
    })?;
    Ok((journal, found))
}

impl Model {
    /// Opens the disk and checks what comes back. The model then knows only what the log knows.
    pub(crate) fn reopen(&mut self, disk: &SimDisk) -> Journal {
        self.try_reopen(disk).unwrap_or_else(|error| panic!("the log does not open: {error}"))
    }

    /// The same for a disk that may fail.
    pub(crate) fn try_reopen(&mut self, disk: &SimDisk) -> Result<Journal, OpenError> {
        let (journal, found) = replay(disk, options())?;
        let recovery = journal.recovery();
        let last = recovery.last.get();
        assert!(last >= self.durable, "position {} was durable, and the log ends at {last}", self.durable);
        assert!(last <= self.taken.len() as u64, "the log ends at {last}, beyond what was appended");
        assert!(last == 0 || self.ends.contains(&last), "the log ends at {last}, inside an append");
        assert!(recovery.incarnation > self.incarnation, "incarnation {} was used before", recovery.incarnation);
        let first = found.first().map_or(last + 1, |(position, _)| *position);
        assert!(
            first <= self.trimmed_below.max(1),
            "the log begins at {first}, trimmed was below {}",
            self.trimmed_below
        );
        assert_eq!(found.len() as u64, last + 1 - first, "positions are missing or double");
        for ((position, found), expected) in found.iter().zip(first..) {
            assert_eq!(*position, expected, "positions are not in order");
            assert_eq!(Some(found), self.taken.get(index(expected)), "position {position} is not what was appended");
        }
        assert_eq!(journal.durable().get(), last);
        self.taken.truncate(index(last + 1));
        self.ends.retain(|end| *end <= last);
        self.durable = last;
        self.incarnation = recovery.incarnation;
        Ok(journal)
    }

    pub(crate) fn mark(&self, disk: &SimDisk) -> Mark {
        let Self { durable, trimmed_below, incarnation, .. } = *self;
        Mark { ops: disk.ops(), durable, trimmed_below, incarnation }
    }

    /// The model as of a boundary: all that was appended may be found, what was marked by then must be.
    pub(crate) fn at(&self, marks: &[Mark], op: u64) -> Model {
        let mark = marks.iter().rfind(|mark| mark.ops <= op);
        let mark = mark.copied().unwrap_or(Mark { ops: 0, durable: 0, trimmed_below: 0, incarnation: 0 });
        let Mark { durable, trimmed_below, incarnation, .. } = mark;
        Model { durable, trimmed_below, incarnation, ..self.clone() }
    }

    fn next_sequences(&self) -> HashMap<u64, u64> {
        self.taken.iter().map(|taken| (taken.partition, taken.sequence + 1)).collect()
    }

    /// Entries that would go on in random partitions.
    pub(crate) fn invent(&self, rng: &mut fastrand::Rng) -> Vec<Taken> {
        let mut next = self.next_sequences();
        let count = rng.usize(1..=4);
        let invent_one = |_| {
            let partition = rng.u64(1..=6);
            let sequence = next.entry(partition).or_insert(1);
            let len = match rng.u8(..8) {
                0 => 0,
                1 => rng.usize(3000..5000),
                _ => rng.usize(1..600),
            };
            // Some payloads are zeros, which look like nothing written, and some are noise.
            let payload = if rng.u8(..4) == 0 { vec![0; len] } else { (0..len).map(|_| rng.u8(..)).collect() };
            *sequence += 1;
            Taken { partition, sequence: *sequence - 1, kind: rng.u8(..), payload }
        };
        (0..count).map(invent_one).collect()
    }

    /// Appends, and knows it if the journal took it.
    pub(crate) fn append(&mut self, journal: &Journal, new: Vec<Taken>, frees: bool) -> Result<(), AppendError> {
        let entries: Vec<_> = new.iter().map(entry).collect();
        let position = match frees {
            true => journal.append_freeing(&entries, Urgency::Now)?,
            false => journal.append(&entries, Urgency::Now)?,
        };
        self.taken.extend(new);
        assert_eq!(position.get(), self.taken.len() as u64, "positions are dense");
        self.ends.push(position.get());
        Ok(())
    }

    /// A random piece of life. Ends early, with the reason, when the disk fails.
    pub(crate) fn live(
        &mut self,
        journal: &Journal,
        disk: &SimDisk,
        rng: &mut fastrand::Rng,
        steps: usize,
    ) -> (Vec<Mark>, Option<Stopped>) {
        let mut marks = vec![self.mark(disk)];
        for _ in 0..steps {
            let result = self.step(journal, disk, rng, &mut marks);
            self.durable = journal.durable().get();
            marks.push(self.mark(disk));
            if let Err(stopped) = result {
                return (marks, Some(stopped));
            }
        }
        (marks, None)
    }

    fn step(
        &mut self,
        journal: &Journal,
        disk: &SimDisk,
        rng: &mut fastrand::Rng,
        marks: &mut Vec<Mark>,
    ) -> Result<(), Stopped> {
        match rng.u8(..16) {
            0..=6 => match self.append(journal, self.invent(rng), false) {
                Err(AppendError::Stopped(stopped)) => Err(stopped),
                other => {
                    other.expect("a healthy disk takes everything");
                    Ok(())
                }
            },
            7..=12 => journal.commit().map(|_| ()),
            13 => journal.seal(),
            14 => journal.tend(),
            _ => {
                if let Some(closed) = journal.closed_file() {
                    self.trimmed_below = closed.last.get() + 1;
                    marks.push(self.mark(disk));
                    // Whoever stopped the journal says why.
                    retire_oldest(journal).or_else(|_| journal.commit().map(|_| ()))?;
                }
                journal.tend()
            }
        }
    }
}

/// Retires the oldest closed file of a log of which nothing has to be kept.
pub(crate) fn retire_oldest(journal: &Journal) -> Result<(), StoreError> {
    let snapshots = &mut std::iter::empty();
    journal.checkpoint(Checkpoint {
        complete: true,
        snapshots,
        retire: journal.closed_file(),
        drop_segments: &[],
        set_aside: &[],
        stands: &|| true,
    })
}

fn index(position: u64) -> usize {
    usize::try_from(position - 1).expect("a test's log is short")
}

pub(crate) fn entry(taken: &Taken) -> Entry<'_> {
    Entry {
        partition: PartitionId::new(taken.partition),
        sequence: taken.sequence,
        kind: taken.kind,
        version: 1,
        key_id: 0,
        payload: &taken.payload,
    }
}

/// Runs `test` for one seed after another; a failing seed is printed as the command that repeats it.
pub(crate) fn for_each_seed(filter: &str, default_count: u64, test: impl Fn(u64)) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a seed is a number"));
    let seeds = match number("TIDEWIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TIDEWIRE_SEEDS").unwrap_or(default_count),
    };
    for seed in seeds {
        let _repeat = Repeat { filter, seed };
        test(seed);
    }
}

struct Repeat<'a> {
    filter: &'a str,
    seed: u64,
}

impl Drop for Repeat<'_> {
    #[expect(
        clippy::print_stderr,
        reason = "the command that repeats a failure is for whoever reads the test's output"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat with: TIDEWIRE_SEED={} cargo test -p journal {}", self.seed, self.filter);
        }
    }
}
