//! Brings records from the files they stand in to where they are to stand, and checks each on the way.
//!
//! Wanted places come in the order of the files, so that neighbours share a read. One window is held, never a file.

use names::{PartitionId, Position};

use crate::{
    aligned::{AlignedBuf, padded},
    error::Damage,
    io::{Io, IoFile},
    limits::{COPY_GAP_BYTES, COPY_READ_BYTES, PAGE_BYTES},
    record,
};

use super::place::{Place, Source};

/// A record that is wanted at `at` in the buffer that is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Want {
    pub(super) place: Place,
    pub(super) partition: PartitionId,
    pub(super) at: usize,
}

/// The reading side of a copy.
pub(super) struct Gather<'a> {
    io: &'a dyn Io,
    open: Option<(Source, String, Box<dyn IoFile>)>,
    window: AlignedBuf,
    from: u64,
    filled: usize,
}

impl<'a> Gather<'a> {
    pub(super) fn new(io: &'a dyn Io) -> Self {
        Self { io, open: None, window: AlignedBuf::new(COPY_READ_BYTES), from: 0, filled: 0 }
    }

    /// Copies every wanted record into `out`. All of them are sound when it returns.
    pub(super) fn fill(&mut self, wants: &mut [Want], out: &mut [u8]) -> Result<(), Damage> {
        wants.sort_unstable();
        for at in 0..wants.len() {
            let want = wants[at];
            let slot = &mut out[want.at..want.at + want.place.bytes as usize];
            self.copy(&wants[at..], slot)?;
            check(&want, slot)?;
        }
        Ok(())
    }

    /// Copies the first of `wants`; what follows it tells how far to read.
    fn copy(&mut self, wants: &[Want], slot: &mut [u8]) -> Result<(), Damage> {
        let place = wants[0].place;
        self.turn_to(place.source)?;
        let mut done = 0;
        while done < slot.len() {
            let offset = place.offset + done as u64;
            if !self.holds(offset) {
                self.read(offset, wants)?;
            }
            let start = usize::try_from(offset - self.from).expect("the offset lies inside the window");
            let piece = (self.filled - start).min(slot.len() - done);
            slot[done..done + piece].copy_from_slice(&self.window[start..start + piece]);
            done += piece;
        }
        Ok(())
    }

    fn turn_to(&mut self, source: Source) -> Result<(), Damage> {
        if self.open.as_ref().is_some_and(|(open, ..)| *open == source) {
            return Ok(());
        }
        let name = source.file();
        let file = self.io.open(&name).map_err(Damage::unreadable(&name, 0))?;
        self.open = Some((source, name, file));
        self.filled = 0;
        Ok(())
    }

    fn holds(&self, offset: u64) -> bool {
        (self.from..self.from + self.filled as u64).contains(&offset)
    }

    /// Reads from `offset` on: to the end of the first wanted record, and of those after it as long as they stand near.
    fn read(&mut self, offset: u64, wants: &[Want]) -> Result<(), Damage> {
        let (_, name, file) = self.open.as_ref().expect("a source was turned to");
        let page = PAGE_BYTES as u64;
        let from = offset / page * page;
        let most = from + self.window.len() as u64;
        let bytes = usize::try_from(end_of_run(wants, most).min(most) - from).expect("a window is small");
        self.filled = 0;
        let window = &mut self.window[..padded(bytes)];
        let read = file.read_at(from, window).map_err(Damage::unreadable(name, from))?;
        (self.from, self.filled) = (from, read);
        if self.holds(offset) {
            return Ok(());
        }
        Err(Damage::at(name, wants[0].place.offset, "the file ends before the record does"))
    }
}

/// Where a read that brings the first of `wants` best ends: it goes on over small gaps, and no further than `most`.
fn end_of_run(wants: &[Want], most: u64) -> u64 {
    let end_of = |place: &Place| place.offset + u64::from(place.bytes);
    let mut end = end_of(&wants[0].place);
    for Want { place, .. } in &wants[1..] {
        let near = place.source == wants[0].place.source && place.offset <= end + COPY_GAP_BYTES;
        if !near || place.offset >= most {
            break;
        }
        end = end.max(end_of(place));
    }
    end
}

fn check(want: &Want, slot: &[u8]) -> Result<(), Damage> {
    let Place { source, offset, .. } = want.place;
    let damaged = |why: String| Err(Damage::at(&source.file(), offset, why));
    match record::split(slot, Position::ZERO) {
        Some((found, [])) if record::is_sound(slot, &found) && found.partition == want.partition => Ok(()),
        Some((found, [])) if record::is_sound(slot, &found) => {
            damaged(format!("the record is of partition {}, not of {}", found.partition, want.partition))
        }
        Some((_, [])) => damaged("a record has a wrong checksum".to_owned()),
        _ => damaged(format!("the record is not {} bytes long", slot.len())),
    }
}
