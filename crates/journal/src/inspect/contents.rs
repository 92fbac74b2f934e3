//! What one file of a folder holds, shown piece by piece, whoever may be writing to it meanwhile.
//!
//! Nothing is trusted but checksums: the file is taken by itself, without a manifest, and what cannot be read is shown as
//! damage.

use std::{ops::ControlFlow, sync::Arc};

use names::PartitionId;

use crate::{
    aligned::AlignedBuf,
    block::{BLOCK_HEADER_BYTES, OPENING},
    chain::Chain,
    checkpoint::{CheckpointFile, Reader as CheckpointReader, Snapshot, checkpoint_number},
    error::{Damage, Fault, OpenError},
    io::Io,
    limits::PAGE_BYTES,
    manifest::{self, FileStart},
    reader::Reader,
    record::{RECORD_HEADER_BYTES, Record, u32_at, u64_at},
    segment::{Piece, Place, SegmentInfo, Segments, Source},
    shelf::log_number,
};

use super::walk::{self, Lengths, Step};

/// Where the checksum of a checkpoint's or segment's footer stands in its page.
const FOOTER_CRC_AT: usize = 60;

/// Something in a file.
pub enum Item<'a> {
    /// One line about the manifest.
    Manifest(String),
    /// A record of the log.
    Record(&'a Record<'a>, Place),
    /// A record of a segment; it says no position.
    Stored(&'a Record<'a>, Place),
    /// The piece of a segment whose records follow.
    Piece(PartitionId, &'a Piece),
    /// A snapshot, and where it stands.
    Snapshot(&'a Snapshot<'a>, u64),
    /// What stands there cannot be read.
    Damage(Damage),
}

/// Is shown what a file holds.
pub type Show<'a> = dyn FnMut(Item<'_>) + 'a;

/// The files of a folder that belong to its log, by what they are: manifest, checkpoints, segments, log files.
pub fn files(io: &dyn Io) -> Result<Vec<String>, OpenError> {
    let names = io.list().map_err(Fault::of("journal", "list"))?;
    let rank = |name: &str| match () {
        () if name == manifest::MANIFEST => Some(0),
        () if checkpoint_number(name).is_some() => Some(1),
        () if Segments::is_ours(name).is_some() && !Segments::is_half_made(name) => Some(2),
        () if log_number(name).is_some() => Some(3),
        () => None,
    };
    let mut files: Vec<_> = names.into_iter().filter_map(|name| Some((rank(&name)?, name))).collect();
    files.sort();
    Ok(files.into_iter().map(|(_, name)| name).collect())
}

/// Shows what the file `name` holds. An error says that its name or its format is none that this version knows.
pub fn contents(io: &Arc<dyn Io>, name: &str, show: &mut Show<'_>) -> Result<(), OpenError> {
    if name == manifest::MANIFEST {
        return show_manifest(&**io, show);
    }
    if let Some(number) = log_number(name) {
        return show_log(&**io, name, number, show);
    }
    if let Some(number) = checkpoint_number(name) {
        return show_checkpoint(&**io, name, number, show);
    }
    if let Some(number) = Segments::is_ours(name) {
        return show_segment(io, name, number, show);
    }
    Err(OpenError::corrupt(name, 0, "no file of a log is called so"))
}

fn show_manifest(io: &dyn Io, show: &mut Show<'_>) -> Result<(), OpenError> {
    let manifest = match manifest::read(io) {
        Ok(manifest) => manifest,
        Err(OpenError::Corrupt { file, offset, why }) => {
            show(Item::Damage(Damage::at(&file, offset, why)));
            return Ok(());
        }
        Err(other) => return Err(other),
    };
    let Some(manifest) = manifest else { return Ok(()) };
    let FileStart { file, chain } = manifest.base;
    let Chain { log_id, number, position, .. } = chain;
    show(Item::Manifest(format!("log {log_id:016x} begins in file {file} with block {number}, position {position}")));
    for CheckpointFile { number, bytes, footer_crc } in manifest.checkpoints {
        show(Item::Manifest(format!("checkpoint {number}, {bytes} bytes, footer {footer_crc:08x}")));
    }
    for SegmentInfo { number, bytes, records, footer_crc } in manifest.segments {
        show(Item::Manifest(format!("segment {number}, {bytes} bytes, {records} records, footer {footer_crc:08x}")));
    }
    Ok(())
}

/// Where a log file begins, by its own head; `None` if the head is damaged.
pub(super) fn begin_of(io: &dyn Io, name: &str, number: u64) -> Result<Option<FileStart>, OpenError> {
    let file = io.open(name).map_err(Fault::of(name, "open"))?;
    let mut reader = Reader::new(0);
    let Ok((head, _)) = reader.header(&*file, name, 0)? else { return Ok(None) };
    let chain = Chain {
        log_id: head.log_id,
        incarnation: head.incarnation - u32::from(head.has(OPENING)),
        number: head.number,
        position: head.first_position,
        previous: head.previous,
    };
    Ok(Some(FileStart { file: number, chain }))
}

fn show_log(io: &dyn Io, name: &str, number: u64, show: &mut Show<'_>) -> Result<(), OpenError> {
    let Some(base) = begin_of(io, name, number)? else {
        show(Item::Damage(Damage::at(name, 0, "the head of the file is damaged")));
        return Ok(());
    };
    let end = walk::walk(io, base, Lengths::Copied, &mut |step| {
        match step {
            Step::Block(block) if block.file != number => return Ok(ControlFlow::Break(())),
            Step::Block(block) => {
                let mut offset = block.offset + BLOCK_HEADER_BYTES as u64;
                for record in block.header.records(block.payload) {
                    let bytes = RECORD_HEADER_BYTES + record.payload.len();
                    let bytes = u32::try_from(bytes).expect("a record is shorter than its block");
                    show(Item::Record(&record, Place { source: Source::Log(number), offset, bytes }));
                    offset += u64::from(bytes);
                }
            }
            Step::Gap(gap) if gap.file == number => show(Item::Damage(Damage::at(name, gap.offset, gap.why))),
            Step::Flaw(flaw) if flaw.file == number => show(Item::Damage(Damage::at(name, flaw.offset, flaw.why))),
            Step::Gap(_) | Step::Flaw(_) => return Ok(ControlFlow::Break(())),
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if let Some(torn) = end.torn.filter(|_| end.file == number) {
        show(Item::Damage(Damage::at(name, end.offset, format!("the log ends before a torn block: {torn}"))));
    }
    Ok(())
}

fn last_page(io: &dyn Io, name: &str) -> Result<(AlignedBuf, u64), OpenError> {
    let file = io.open(name).map_err(Fault::of(name, "open"))?;
    let bytes = file.len().map_err(Fault::of(name, "length"))?;
    let mut page = AlignedBuf::new(PAGE_BYTES);
    let at = bytes.saturating_sub(PAGE_BYTES as u64) / PAGE_BYTES as u64 * PAGE_BYTES as u64;
    file.read_at(at, &mut page).map_err(Fault::at(name, "read", at))?;
    Ok((page, bytes))
}

fn show_checkpoint(io: &dyn Io, name: &str, number: u64, show: &mut Show<'_>) -> Result<(), OpenError> {
    let (footer, bytes) = last_page(io, name)?;
    let listed = CheckpointFile { number, bytes, footer_crc: u32_at(&footer, FOOTER_CRC_AT) };
    let shown = CheckpointReader::open(io, &listed, u64_at(&footer, 8)).and_then(|mut reader| {
        loop {
            let (_, offset) = reader.place();
            match reader.next()? {
                Some(snapshot) => show(Item::Snapshot(&snapshot, offset)),
                None => return Ok(()),
            }
        }
    });
    match shown.map_err(OpenError::from) {
        Err(OpenError::Corrupt { file, offset, why }) => {
            show(Item::Damage(Damage::at(&file, offset, why)));
            Ok(())
        }
        other => other,
    }
}

fn show_segment(io: &Arc<dyn Io>, name: &str, number: u64, show: &mut Show<'_>) -> Result<(), OpenError> {
    let (footer, bytes) = last_page(&**io, name)?;
    let listed = SegmentInfo { number, bytes, records: 0, footer_crc: 0 };
    let segments = Segments::unchecked(Arc::clone(io), u64_at(&footer, 8), &[listed]);
    let mut pieces = Vec::new();
    if let Err(damage) = segments.pieces(number, &mut |partition, piece| pieces.push((partition, *piece))) {
        show(Item::Damage(damage));
    }
    for (partition, piece) in pieces {
        show(Item::Piece(partition, &piece));
        let read = segments.read(&piece, 0, usize::MAX, &mut |record, place| show(Item::Stored(record, place)));
        if let Err(damage) = read {
            show(Item::Damage(damage));
        }
    }
    Ok(())
}
