//! Reads records that still stand in the log while it is being written: a whole closed file, or single positions.
//!
//! A retired file is written over as the end of the log, and nobody waits for readers of it. So what was read counts
//! only if its file still belonged to the log afterwards; if it did not, whatever was read is silently forgotten.

use std::ops::Range;

use names::Position;

use crate::{
    aligned::AlignedBuf,
    block::{BLOCK_HEADER_BYTES, BlockHeader, FILE_HEAD},
    chain::{Chain, Link},
    error::{Damage, Fault},
    ledger::ClosedFile,
    limits::{PAGE_BYTES, SCAN_READ_BYTES},
    reader::Reader,
    record::{RECORD_HEADER_BYTES, Record},
    segment::{Place, Source},
    shelf::{BlockPlace, Shelf, Stretch, log_name},
};

/// A part of a closed file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Where it begins, and what is wrong.
    pub damage: Damage,
    /// The file's number.
    pub file: u64,
    /// The positions of the records that stood there; none if it was no block with records.
    pub positions: Range<u64>,
}

/// Visits every record of a closed file that can be read, in order, each after its block was verified. Returns what cannot.
pub(crate) fn scan(
    shelf: &Shelf,
    closed: &ClosedFile,
    visit: &mut dyn FnMut(&Record<'_>, Place),
) -> Result<Vec<Unread>, Damage> {
    let name = log_name(closed.number);
    let stretch = shelf.stretch(closed.number);
    let stretch = stretch.ok_or_else(|| Damage::at(&name, 0, "it is not a closed file of the log"))?;
    let mut next = stretch.start.position;
    let read = scan_in_order(shelf, closed, &stretch, &mut next, visit);
    Ok(read.map_or_else(|damage| scan_by_places(shelf, closed, damage, next, visit), |()| Vec::new()))
}

/// Behind damage the chain leads no further, but where the blocks stand is known.
fn scan_by_places(
    shelf: &Shelf,
    closed: &ClosedFile,
    first: Damage,
    from: u64,
    visit: &mut dyn FnMut(&Record<'_>, Place),
) -> Vec<Unread> {
    let (mut unread, mut buffer) = (Vec::new(), AlignedBuf::new(0));
    for place in shelf.blocks_from(closed.number, from) {
        match load(&place, &mut buffer) {
            Ok((header, payload)) => visit_block(&header, payload, place.number, place.offset, visit),
            Err(damage) => unread.push(Unread { damage, file: closed.number, positions: place.first..place.end }),
        }
    }
    // The head of a file, or a block that only attests others: nothing is lost with it, and it is told all the same.
    if !unread.iter().any(|known| known.damage.offset == first.offset) {
        unread.insert(0, Unread { damage: first, file: closed.number, positions: from..from });
    }
    unread
}

/// As the chain leads. `next` is the position after the last record that was shown.
fn scan_in_order(
    shelf: &Shelf,
    closed: &ClosedFile,
    Stretch { file, start, end }: &Stretch,
    next: &mut u64,
    visit: &mut dyn FnMut(&Record<'_>, Place),
) -> Result<(), Damage> {
    let name = log_name(closed.number);
    let mut reader = Reader::new(shelf.file_bytes().min(SCAN_READ_BYTES as u64));
    let (mut chain, mut offset) = (*start, 0);
    while chain.number < end.number {
        let found = reader.header(&**file, &name, offset).map_err(unreadable)?;
        let (header, crc) = found.map_err(|_| Damage::at(&name, offset, "there is no sound block header"))?;
        check_link(&chain, &header, offset == 0).map_err(|why| Damage::at(&name, offset, why))?;
        let payload = reader.payload(&**file, &name, offset, &header).map_err(unreadable)?;
        let payload = payload.filter(|payload| header.is_sound(payload));
        let payload = payload.ok_or_else(|| Damage::at(&name, offset, "the block's checksum is wrong"))?;
        visit_block(&header, payload, closed.number, offset, visit);
        chain.advance(&header, crc);
        *next = chain.position;
        offset += crate::padded(header.bytes()) as u64;
    }
    if chain == *end { Ok(()) } else { Err(Damage::at(&name, offset, "the file does not end as the next one begins")) }
}

fn unreadable(fault: Fault) -> Damage {
    Damage::unreadable(&fault.file, fault.offset.unwrap_or(0))(fault.error)
}

fn check_link(chain: &Chain, header: &BlockHeader, first: bool) -> Result<(), &'static str> {
    match chain.link(header) {
        Link::Next if header.has(FILE_HEAD) == first => Ok(()),
        _ => Err("the block does not follow the one before it"),
    }
}

fn visit_block(
    header: &BlockHeader,
    payload: &[u8],
    file: u64,
    offset: u64,
    visit: &mut dyn FnMut(&Record<'_>, Place),
) {
    let mut at = offset + BLOCK_HEADER_BYTES as u64;
    for record in header.records(payload) {
        let bytes = RECORD_HEADER_BYTES + record.payload.len();
        let bytes = u32::try_from(bytes).expect("a record is shorter than its block");
        visit(&record, Place { source: Source::Log(file), offset: at, bytes });
        at += u64::from(bytes);
    }
}

/// Visits the records at `positions`, which ascend. One that is not in the log any more is passed over.
pub(crate) fn read(shelf: &Shelf, positions: &[Position], visit: &mut dyn FnMut(&Record<'_>)) -> Result<(), Damage> {
    let mut rest = positions;
    let mut buffer = AlignedBuf::new(0);
    while let Some(first) = rest.first() {
        let Some(place) = shelf.block_of(first.get()) else {
            rest = &rest[1..];
            continue;
        };
        let here = rest.partition_point(|position| position.get() < place.end);
        let (wanted, after) = rest.split_at(here.max(1));
        rest = after;
        let found = load(&place, &mut buffer);
        if shelf.holds(place.number) {
            let (header, payload) = found?;
            visit_positions(&header, payload, wanted, visit);
        }
    }
    Ok(())
}

/// Reads one whole block and verifies it.
fn load<'a>(place: &BlockPlace, buffer: &'a mut AlignedBuf) -> Result<(BlockHeader, &'a [u8]), Damage> {
    let name = log_name(place.number);
    let damaged = |why| Damage::at(&name, place.offset, why);
    if buffer.len() < place.bytes {
        *buffer = AlignedBuf::new(place.bytes);
    }
    let window = &mut buffer[..place.bytes];
    let read = place.file.read_at(place.offset, window).map_err(Damage::unreadable(&name, place.offset))?;
    let block = &window[..read];
    let (header, _) = BlockHeader::decode(block).map_err(|_| damaged("there is no sound block header"))?;
    if header.first_position != place.first {
        return Err(damaged("another block stands there"));
    }
    let payload = block.get(BLOCK_HEADER_BYTES..header.bytes()).filter(|payload| header.is_sound(payload));
    let payload = payload.ok_or_else(|| damaged("the block's checksum is wrong"))?;
    Ok((header, payload))
}

fn visit_positions(header: &BlockHeader, payload: &[u8], wanted: &[Position], visit: &mut dyn FnMut(&Record<'_>)) {
    let mut wanted = wanted.iter().copied().peekable();
    for record in header.records(payload) {
        while wanted.next_if_eq(&record.position).is_some() {
            visit(&record);
        }
    }
}

const _: () = assert!(PAGE_BYTES >= BLOCK_HEADER_BYTES, "a block's first page holds its header");
