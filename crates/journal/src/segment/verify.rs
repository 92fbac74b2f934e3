//! Looks at every byte of a segment: the ends, the directory, each piece's index, each record, and what pads pages.
//!
//! A reader trusts what it needs and checks that; here everything is held against everything, so that a segment which
//! passes is the one that was written. The file is read in bounded windows.

use names::PartitionId;

use crate::{
    error::{Damage, Fault},
    io::IoFile,
    limits::{PAGE_BYTES, READ_AHEAD_BYTES},
    record::u64_at,
};

use super::{
    SegmentReport, ends,
    frame::Footer,
    piece::Piece,
    plan::{DATA_OFFSET, ENTRY_BYTES},
    reader::{PieceReader, Window, read_index},
    segment_name, step,
};

/// Is shown an entry of the directory and where it stands.
type VisitEntry<'a> = dyn FnMut(u64, PartitionId, &Piece) -> Result<(), Damage> + 'a;

/// Is shown some bytes and where they stand.
type VisitBytes<'a> = dyn FnMut(u64, &[u8]) -> Result<(), Damage> + 'a;

/// One segment being looked at.
pub(super) struct Verify<'a> {
    file: &'a dyn IoFile,
    name: String,
    log_id: u64,
    footer: Footer,
    footer_crc: u32,
}

impl<'a> Verify<'a> {
    /// Begins with the ends, padding included.
    pub(super) fn begin(file: &'a dyn IoFile, log_id: u64, number: u64) -> Result<Self, Damage> {
        let name = segment_name(number);
        let (footer, footer_crc) = ends::read(file, log_id, number, true).map_err(|flaw| match flaw {
            ends::Flaw::Damage(damage) | ends::Flaw::Foreign(damage) => damage,
            ends::Flaw::Newer(found) => {
                Damage::at(&name, 0, format!("it has format {found}, which a newer version reads"))
            }
            ends::Flaw::Fault(Fault { offset, error, .. }) => Damage::unreadable(&name, offset.unwrap_or(0))(error),
        })?;
        Ok(Self { file, name, log_id, footer, footer_crc })
    }

    pub(super) fn footer(&self) -> (&Footer, u32) {
        (&self.footer, self.footer_crc)
    }

    fn damaged(&self, offset: u64, why: impl Into<String>) -> Damage {
        Damage::at(&self.name, offset, why)
    }

    /// Everything.
    pub(super) fn run(&self) -> Result<SegmentReport, Damage> {
        let (mut end, mut last, mut records, mut record_bytes) = (DATA_OFFSET, None, 0, 0);
        self.directory(&mut |at, partition, piece| {
            self.check_entry(at, piece, end)?;
            if last.is_some_and(|last| last >= (partition, piece.first_key)) || piece.first_key > piece.last_key {
                return Err(self.damaged(at, "the directory names pieces out of order"));
            }
            self.check_piece(partition, piece)?;
            (end, last) = (piece.end().unwrap_or(end), Some((partition, piece.last_key)));
            records += u64::from(piece.records);
            record_bytes += piece.bytes;
            Ok(())
        })?;
        if end != self.footer.directory_offset {
            return Err(self.damaged(end, "the directory does not begin where the last piece ends"));
        }
        if records != self.footer.records {
            let why = format!("the pieces have {records} records, and the footer says {}", self.footer.records);
            return Err(self.damaged(self.footer_offset(), why));
        }
        self.check_padding()?;
        let identity = self.footer.identity;
        let pieces = u64::from(self.footer.pieces);
        Ok(SegmentReport { number: identity.number, bytes: identity.file_bytes, pieces, records, record_bytes })
    }

    fn footer_offset(&self) -> u64 {
        self.footer.identity.file_bytes - PAGE_BYTES as u64
    }

    /// Shows each entry of the directory and where it stands, after the directory's checksum was found right.
    pub(super) fn directory(&self, visit: &mut VisitEntry<'_>) -> Result<(), Damage> {
        let mut crc = 0;
        self.directory_windows(&mut |_, bytes| {
            crc = crc32c::crc32c_append(crc, bytes);
            Ok(())
        })?;
        if crc != self.footer.directory_crc {
            return Err(self.damaged(self.footer.directory_offset, "the directory has a wrong checksum"));
        }
        self.directory_windows(&mut |offset, bytes| {
            let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
            for (at, entry) in (offset..).step_by(ENTRY_BYTES).zip(entries) {
                let piece = entry.last_chunk().expect("an entry is a partition and a piece");
                visit(at, PartitionId::new(u64_at(entry, 0)), &Piece::decode(piece))?;
            }
            Ok(())
        })
    }

    fn directory_windows(&self, visit: &mut VisitBytes<'_>) -> Result<(), Damage> {
        const MOST: usize = READ_AHEAD_BYTES / ENTRY_BYTES * ENTRY_BYTES;
        let (mut at, mut left) = (self.footer.directory_offset, self.footer.directory_bytes as usize);
        while left > 0 {
            let bytes = left.min(MOST);
            visit(at, Window::read(self.file, &self.name, at, bytes)?.bytes())?;
            at += bytes as u64;
            left -= bytes;
        }
        Ok(())
    }

    /// Whether a piece stands directly behind the one before it, which ends at `end`.
    fn check_entry(&self, at: u64, piece: &Piece, end: u64) -> Result<(), Damage> {
        let inside = piece.end().is_some_and(|end| end <= self.footer.directory_offset);
        let follows = piece.segment == self.footer.identity.number && piece.offset == end && inside;
        if follows { Ok(()) } else { Err(self.damaged(at, "the directory names a piece that is not where pieces are")) }
    }

    fn check_piece(&self, partition: PartitionId, piece: &Piece) -> Result<(), Damage> {
        let index = read_index(self.file, &self.name, self.log_id, piece)?;
        if index.partition != partition {
            return Err(self.damaged(piece.offset + piece.bytes, "the index is of another partition"));
        }
        let reader = PieceReader { file: self.file, name: &self.name, piece, index: &index };
        let (mut number, mut records) = (0, 0);
        while number < index.steps.len() {
            let until = index.steps_within(number, READ_AHEAD_BYTES as u64, piece);
            let window = reader.window(number, until)?;
            let mut rest = window.bytes();
            for number in number..until {
                let (step, after) = rest.split_at(reader.step_bytes(number));
                let examined = step::examine(step, partition, index.steps[number].crc);
                if let Some(flaw) = examined.flaw {
                    return Err(self.damaged(reader.step_offset(number) + flaw.at as u64, flaw.why));
                }
                records += examined.records;
                rest = after;
            }
            number = until;
        }
        let right = records == piece.records;
        let why = || format!("the piece has {records} records, and the directory says {}", piece.records);
        if right { Ok(()) } else { Err(self.damaged(piece.offset, why())) }
    }

    /// Between the directory and the footer's page there is nothing.
    fn check_padding(&self) -> Result<(), Damage> {
        let from = self.footer.directory_offset + u64::from(self.footer.directory_bytes);
        let bytes = usize::try_from(self.footer_offset() - from).expect("padding is less than a page");
        let window = Window::read(self.file, &self.name, from, bytes)?;
        match (from..).zip(window.bytes()).find(|(_, byte)| **byte != 0) {
            Some((at, _)) => Err(self.damaged(at, "what pads the page is not zero")),
            None => Ok(()),
        }
    }
}
