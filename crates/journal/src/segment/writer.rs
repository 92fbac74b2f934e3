//! Writes one segment as its plan says, through one buffer of fixed size.
//!
//! Records are assembled in batches: as many as the buffer takes get their slots in the order of the file; then the
//! slots are filled in the order of the sources, so that records which stand mixed in a log file are not read one by
//! one; then indexes are made of the checksums that stand in the slots. No byte is written before all records of its
//! batch were found sound.

use names::PartitionId;

use crate::{
    aligned::{AlignedBuf, padded},
    error::{Fault, StoreError},
    io::{Io, IoFile},
    limits::{COPY_WRITE_BYTES, PAGE_BYTES},
    record::{RECORD_HEADER_BYTES, u32_at},
};

use super::{
    SegmentInfo,
    frame::{Footer, Identity},
    gather::{Gather, Want},
    half_made_name,
    index::{Index, Step, Stride},
    piece::Piece,
    place::Kept,
    plan::{ENTRY_BYTES, FilePlan, PiecePlan},
};

/// What writing takes, for as many files as are written in one go.
pub(super) struct Writer<'a> {
    io: &'a dyn Io,
    log_id: u64,
    kept: &'a [Kept],
    gather: Gather<'a>,
    buffer: AlignedBuf,
}

impl<'a> Writer<'a> {
    /// A buffer of `copy_bytes`, or larger if a single record or index is.
    pub(super) fn new(io: &'a dyn Io, log_id: u64, kept: &'a [Kept], plans: &[FilePlan], copy_bytes: usize) -> Self {
        let indexes = plans.iter().flat_map(|plan| &plan.pieces).map(|plan| plan.piece.index_bytes);
        let largest = kept.iter().map(|kept| kept.place.bytes).chain(indexes).max().unwrap_or(0);
        // What is left of a page after a write stays in front.
        let buffer = AlignedBuf::new(padded(copy_bytes.max(largest as usize)) + PAGE_BYTES);
        Self { io, log_id, kept, gather: Gather::new(io), buffer }
    }

    /// Writes and syncs the file of `plan` under its half-made name.
    pub(super) fn write(&mut self, plan: &FilePlan) -> Result<SegmentInfo, StoreError> {
        let name = half_made_name(plan.number);
        let file = self.io.create(&name, plan.file_bytes).map_err(Fault::of(&name, "create"))?;
        let out = Out { file: &*file, name: &name, buffer: &mut self.buffer, at: 0, used: 0 };
        let (log_id, kept, gather) = (self.log_id, self.kept, &mut self.gather);
        let info = Copy { log_id, kept, gather, out, batch: Batch::default() }.run(plan)?;
        file.sync().map_err(Fault::of(&name, "sync"))?;
        Ok(info)
    }
}

/// The end of the file as it grows: whole pages are written, the rest waits for what follows.
struct Out<'a> {
    file: &'a dyn IoFile,
    name: &'a str,
    buffer: &'a mut AlignedBuf,
    at: u64,
    used: usize,
}

impl Out<'_> {
    fn room(&self) -> usize {
        self.buffer.len() - self.used
    }

    /// A slot for `bytes` that fit.
    fn reserve(&mut self, bytes: usize) -> usize {
        self.used += bytes;
        self.used - bytes
    }

    fn offset(&self) -> u64 {
        self.at + self.used as u64
    }

    /// Writes the whole pages.
    fn flush(&mut self) -> Result<(), Fault> {
        let whole = self.used / PAGE_BYTES * PAGE_BYTES;
        for chunk in self.buffer[..whole].chunks(COPY_WRITE_BYTES) {
            self.file.write_at(self.at, chunk).map_err(Fault::at(self.name, "write", self.at))?;
            self.at += chunk.len() as u64;
        }
        self.buffer.copy_within(whole..self.used, 0);
        self.used -= whole;
        Ok(())
    }

    /// Appends bytes that need no assembling.
    fn put(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            if self.room() == 0 {
                self.flush()?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.room()));
            let at = self.reserve(now.len());
            self.buffer[at..at + now.len()].copy_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Appends `bytes` and zeros up to the next page.
    fn put_page(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.put(bytes)?;
        let zeros = self.offset().next_multiple_of(PAGE_BYTES as u64) - self.offset();
        self.put(&[0; PAGE_BYTES][..usize::try_from(zeros).expect("a page is small")])?;
        self.flush()
    }
}

/// What has a slot in the buffer and no content yet.
#[derive(Default)]
struct Batch {
    wants: Vec<Want>,
    /// In the order of the file.
    slots: Vec<Slot>,
    /// Of the piece whose records are being placed.
    steps: Vec<Step>,
    stride: Stride,
    piece_bytes: u64,
}

enum Slot {
    Record { key: u64, at: usize, bytes: u32 },
    Index { partition: PartitionId, piece: Piece, at: usize },
}

/// One file being assembled.
struct Copy<'a, 'b> {
    log_id: u64,
    kept: &'a [Kept],
    gather: &'a mut Gather<'b>,
    out: Out<'a>,
    batch: Batch,
}

impl Copy<'_, '_> {
    fn run(mut self, plan: &FilePlan) -> Result<SegmentInfo, StoreError> {
        let identity = Identity { log_id: self.log_id, number: plan.number, file_bytes: plan.file_bytes };
        self.out.put_page(&identity.header())?;
        for piece in &plan.pieces {
            self.place(piece)?;
        }
        self.settle()?;
        assert_eq!(self.out.offset(), plan.directory_offset, "records and indexes are as long as was planned");
        let directory_crc = self.put_directory(&plan.pieces)?;
        self.out.put_page(&[])?;
        let footer = footer(identity, plan, directory_crc);
        let (bytes, footer_crc) = footer.encode();
        self.out.put_page(&bytes)?;
        assert_eq!(self.out.offset(), plan.file_bytes, "the file is as long as was planned");
        Ok(SegmentInfo { number: plan.number, bytes: plan.file_bytes, records: footer.records, footer_crc })
    }

    /// Gives the piece's records and its index their slots.
    fn place(&mut self, plan: &PiecePlan) -> Result<(), StoreError> {
        let kept = self.kept;
        for Kept { key, place, partition, .. } in &kept[plan.kept.clone()] {
            let at = self.slot(place.bytes as usize)?;
            self.batch.wants.push(Want { place: *place, partition: *partition, at });
            self.batch.slots.push(Slot::Record { key: *key, at, bytes: place.bytes });
        }
        let at = self.slot(plan.piece.index_bytes as usize)?;
        self.batch.slots.push(Slot::Index { partition: plan.partition, piece: plan.piece, at });
        Ok(())
    }

    fn slot(&mut self, bytes: usize) -> Result<usize, StoreError> {
        if self.out.room() < bytes {
            self.settle()?;
        }
        assert!(self.out.room() >= bytes, "the buffer takes the largest record and the longest index");
        Ok(self.out.reserve(bytes))
    }

    /// Fills all slots and writes them.
    fn settle(&mut self) -> Result<(), StoreError> {
        self.gather.fill(&mut self.batch.wants, self.out.buffer)?;
        self.batch.wants.clear();
        for slot in std::mem::take(&mut self.batch.slots) {
            self.batch.complete(self.log_id, &slot, self.out.buffer);
        }
        Ok(self.out.flush()?)
    }

    fn put_directory(&mut self, pieces: &[PiecePlan]) -> Result<u32, Fault> {
        let mut crc = 0;
        for PiecePlan { partition, piece, .. } in pieces {
            for bytes in [&partition.get().to_le_bytes()[..], &piece.encode()[..]] {
                crc = crc32c::crc32c_append(crc, bytes);
                self.out.put(bytes)?;
            }
        }
        Ok(crc)
    }
}

impl Batch {
    /// Takes a record into the index of its piece, or writes the index behind its last record.
    fn complete(&mut self, log_id: u64, slot: &Slot, buffer: &mut [u8]) {
        match *slot {
            Slot::Record { key, at, bytes } => self.note(key, bytes, u32_at(&buffer[at..at + RECORD_HEADER_BYTES], 0)),
            Slot::Index { partition, piece, at } => {
                let index = Index { partition, steps: std::mem::take(&mut self.steps) };
                index.encode(log_id, &piece, &mut buffer[at..at + piece.index_bytes as usize]);
                (self.stride, self.piece_bytes) = (Stride::default(), 0);
            }
        }
    }

    fn note(&mut self, key: u64, bytes: u32, checksum: u32) {
        if self.stride.begins_step(u64::from(bytes)) {
            let offset = u32::try_from(self.piece_bytes).expect("a piece is shorter than 4 GiB");
            self.steps.push(Step { first_key: key, offset, crc: 0 });
        }
        let step = self.steps.last_mut().expect("the first record begins a step");
        step.crc = crc32c::crc32c_append(step.crc, &checksum.to_le_bytes());
        self.piece_bytes += u64::from(bytes);
    }
}

fn footer(identity: Identity, plan: &FilePlan, directory_crc: u32) -> Footer {
    let directory_bytes = plan.pieces.len() * ENTRY_BYTES;
    Footer {
        identity,
        directory_offset: plan.directory_offset,
        directory_bytes: u32::try_from(directory_bytes).expect("a directory is shorter than 4 GiB"),
        directory_crc,
        pieces: u32::try_from(plan.pieces.len()).expect("a segment has fewer pieces than bytes"),
        records: plan.pieces.iter().map(|plan| u64::from(plan.piece.records)).sum(),
    }
}
