//! Files in which something could not be read, and how often: what fails once may be the disk's bad minute.
//!
//! A file is given up when it was damaged in several rounds in a row. Then whatever of it is sound and held goes on into
//! segments, what is not gets a piece that says so (`Piece::lost`), and the file is set aside. So damage costs what it hit,
//! is named with file and offset, and pins neither the log nor a segment.

use journal::{Damage, SetAside, Source};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Rounds in a row in which a file is found damaged before it is given up; they come ten seconds apart.
pub const DAMAGED_ROUNDS: u32 = 3;

#[derive(Default)]
pub(crate) struct Suspects(Mutex<BTreeMap<Source, Suspect>>);

#[derive(Default)]
struct Suspect {
    rounds: u32,
    why: String,
    /// It is a segment of which an end could not be read, and is looked at in each round.
    ends: bool,
}

impl Suspects {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Source, Suspect>> {
        // Changes are single insertions and removals; a panic cannot leave one half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more round has met damage. Says whether the file is given up.
    pub(crate) fn accuse(&self, source: Source, damage: &Damage) -> bool {
        let mut suspects = self.lock();
        let suspect = suspects.entry(source).or_default();
        suspect.rounds += 1;
        suspect.why = damage.to_string();
        suspect.rounds >= DAMAGED_ROUNDS
    }

    /// Gives the file up without waiting.
    pub(crate) fn condemn(&self, source: Source, why: &str) {
        self.lock().insert(source, Suspect { rounds: DAMAGED_ROUNDS, why: why.to_owned(), ends: false });
    }

    /// An end of a segment is damaged: it is given up at once, unless the disk refused the read and the next may succeed.
    pub(crate) fn doubt_ends(&self, segment: u64, damage: &Damage) {
        let source = Source::Segment(segment);
        if !damage.may_pass {
            return self.condemn(source, &damage.to_string());
        }
        self.accuse(source, damage);
        self.lock().entry(source).or_default().ends = true;
    }

    /// Segments whose ends are to be looked at once more.
    pub(crate) fn ends_in_doubt(&self) -> Vec<u64> {
        let suspects = self.lock();
        let doubted = suspects.iter().filter(|(_, suspect)| suspect.ends && suspect.rounds < DAMAGED_ROUNDS);
        let segment = |source: &Source| if let Source::Segment(number) = source { Some(*number) } else { None };
        doubted.filter_map(|(source, _)| segment(source)).collect()
    }

    /// It can be read after all, or is gone.
    pub(crate) fn acquit(&self, source: Source) {
        self.lock().remove(&source);
    }

    pub(crate) fn is_given_up(&self, source: Source) -> bool {
        self.lock().get(&source).is_some_and(|suspect| suspect.rounds >= DAMAGED_ROUNDS)
    }

    /// Those of these files that are given up, to be set aside.
    pub(crate) fn given_up(&self, sources: impl Iterator<Item = Source>) -> Vec<SetAside> {
        let suspects = self.lock();
        let given_up = |source| suspects.get(&source).filter(|suspect| suspect.rounds >= DAMAGED_ROUNDS);
        sources.filter_map(|source| Some(SetAside { source, why: given_up(source)?.why.clone() })).collect()
    }
}
