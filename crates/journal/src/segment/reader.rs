//! Reads records of one piece: from the step that may hold a key, checked before they are shown.
//!
//! Damage does not end a read: the next steps are sound as likely as not, and whoever asked for a hundred records is
//! better served with ninety-nine and a warning. The first damage is told at the end.

use crate::{
    aligned::AlignedBuf,
    error::Damage,
    io::IoFile,
    limits::{PAGE_BYTES, READ_AHEAD_BYTES},
    record::RECORD_HEADER_BYTES,
};

use super::{
    Visit,
    index::Index,
    piece::Piece,
    place::{Place, Source},
    step,
};

/// Some bytes of a file, read page by page around them.
pub(super) struct Window {
    buffer: AlignedBuf,
    start: usize,
    bytes: usize,
}

impl Window {
    /// Exactly `bytes` from `offset`.
    pub(super) fn read(file: &dyn IoFile, name: &str, offset: u64, bytes: usize) -> Result<Self, Damage> {
        let start = usize::try_from(offset % PAGE_BYTES as u64).expect("a page is small");
        let mut buffer = AlignedBuf::new((start + bytes).next_multiple_of(PAGE_BYTES));
        let from = offset - start as u64;
        let read = file.read_at(from, &mut buffer).map_err(Damage::unreadable(name, offset))?;
        if read < start + bytes {
            return Err(Damage::at(name, from + read as u64, "the file ends here, and there should be more"));
        }
        Ok(Self { buffer, start, bytes })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.start + self.bytes]
    }
}

/// One piece of an open file.
pub(super) struct PieceReader<'a> {
    pub(super) file: &'a dyn IoFile,
    pub(super) name: &'a str,
    pub(super) piece: &'a Piece,
    pub(super) index: &'a Index,
}

/// Reads the index of `piece`, whose bounds were checked against the file's length.
pub(super) fn read_index(file: &dyn IoFile, name: &str, log_id: u64, piece: &Piece) -> Result<Index, Damage> {
    let offset = piece.offset + piece.bytes;
    let window = Window::read(file, name, offset, piece.index_bytes as usize)?;
    Index::decode(log_id, piece, window.bytes()).map_err(|why| Damage::at(name, offset, why))
}

impl PieceReader<'_> {
    /// Shows records from the step of `from_key` on, until `bytes` were shown or the piece ends.
    pub(super) fn visit(&self, from_key: u64, bytes: usize, visit: &mut Visit<'_>) -> Result<(), Damage> {
        let (mut step, mut shown, mut damage) = (self.index.step_of(from_key), 0, None);
        // Up to here steps are read one by one, because reading them together failed: a bad sector hides its step only.
        let mut alone_until = 0;
        while step < self.index.steps.len() && shown < bytes.max(1) {
            let want = (bytes - shown.min(bytes)).min(READ_AHEAD_BYTES) as u64;
            let together = self.index.steps_within(step, want, self.piece);
            let until = if step < alone_until { step + 1 } else { together };
            let window = self.window(step, until);
            if window.is_err() && until > step + 1 {
                alone_until = until;
                continue;
            }
            match window {
                Ok(window) => shown += self.show(window.bytes(), step..until, &mut damage, visit),
                Err(unreadable) => damage = damage.or(Some(unreadable)),
            }
            step = until;
        }
        damage.map_or(Ok(()), Err)
    }

    /// The bytes of some steps.
    pub(super) fn window(&self, step: usize, until: usize) -> Result<Window, Damage> {
        let from = self.index.offset(step, self.piece);
        let bytes = usize::try_from(self.index.offset(until, self.piece) - from).expect("a step fits into memory");
        Window::read(self.file, self.name, self.piece.offset + from, bytes)
    }

    /// Shows the records of steps that were read; returns their bytes.
    fn show(
        &self,
        bytes: &[u8],
        steps: std::ops::Range<usize>,
        damage: &mut Option<Damage>,
        visit: &mut Visit<'_>,
    ) -> usize {
        let (mut shown, mut rest) = (0, bytes);
        for number in steps {
            let (step, after) = rest.split_at(self.step_bytes(number));
            rest = after;
            let offset = self.step_offset(number);
            let examined = step::examine(step, self.index.partition, self.index.steps[number].crc);
            if let Some(flaw) = &examined.flaw {
                damage.get_or_insert_with(|| Damage::at(self.name, offset + flaw.at as u64, flaw.why));
            }
            shown += examined.visit(step, self.index.partition, &mut |at, record| {
                let bytes =
                    u32::try_from(RECORD_HEADER_BYTES + record.payload.len()).expect("a step is shorter than 4 GiB");
                visit(record, Place { source: Source::Segment(self.piece.segment), offset: offset + at as u64, bytes });
            });
        }
        shown
    }

    /// Where step `number` begins in the file.
    pub(super) fn step_offset(&self, number: usize) -> u64 {
        self.piece.offset + self.index.offset(number, self.piece)
    }

    /// How long step `number` is.
    pub(super) fn step_bytes(&self, number: usize) -> usize {
        let bytes = self.index.offset(number + 1, self.piece) - self.index.offset(number, self.piece);
        usize::try_from(bytes).expect("a step fits into memory")
    }
}
