//! Writes a segment anew as one of another log: same records, same places, another log id.
//!
//! The id stands in both ends and is covered by the checksum of every index, so that no segment of one log can pass for
//! another's. Everything was verified before; a segment is held in memory as a whole, as it is when it is written.

use names::PartitionId;

use crate::{
    aligned::AlignedBuf,
    error::Fault,
    io::Io,
    limits::{COPY_WRITE_BYTES, PAGE_BYTES},
};

use super::{
    Piece, SegmentInfo, ends,
    frame::{FRAME_BYTES, Footer, Identity},
    index::checksum,
    segment_name,
};

const CRC_BYTES: usize = 4;

/// Copies a verified segment of `source`, whose pieces are `pieces`, into `target` as one of the log `log_id`.
pub(crate) fn rebadge(
    source: &dyn Io,
    target: &dyn Io,
    number: u64,
    pieces: &[(PartitionId, Piece)],
    log_id: u64,
) -> Result<SegmentInfo, Fault> {
    let name = segment_name(number);
    let file = source.open(&name).map_err(Fault::of(&name, "open"))?;
    let bytes = usize::try_from(file.len().map_err(Fault::of(&name, "length"))?).expect("a segment fits into memory");
    let mut buffer = AlignedBuf::new(bytes);
    let read = file.read_at(0, &mut buffer).map_err(Fault::at(&name, "read", 0))?;
    assert_eq!(read, bytes, "the segment was verified");
    for (_, piece) in pieces {
        let start = usize::try_from(piece.offset + piece.bytes).expect("a segment fits into memory");
        let index = &mut buffer[start..start + piece.index_bytes as usize];
        let (covered, crc) = index.split_at_mut(piece.index_bytes as usize - CRC_BYTES);
        crc.copy_from_slice(&checksum(log_id, piece, covered).to_le_bytes());
    }
    let identity = Identity { log_id, number, file_bytes: bytes as u64 };
    let footer_at = bytes - PAGE_BYTES;
    let (footer, _) = Footer::decode(&buffer[footer_at..]).expect("the segment was verified");
    let footer = Footer { identity, ..footer };
    let (encoded, footer_crc) = footer.encode();
    buffer[..FRAME_BYTES].copy_from_slice(&identity.header());
    buffer[footer_at..footer_at + FRAME_BYTES].copy_from_slice(&encoded);
    write(target, &name, &buffer)?;
    Ok(ends::info_of(&footer, footer_crc))
}

fn write(target: &dyn Io, name: &str, bytes: &[u8]) -> Result<(), Fault> {
    let file = target.create(name, bytes.len() as u64).map_err(Fault::of(name, "create"))?;
    for (chunk, at) in bytes.chunks(COPY_WRITE_BYTES).zip((0..).step_by(COPY_WRITE_BYTES)) {
        file.write_at(at, chunk).map_err(Fault::at(name, "write", at))?;
    }
    file.sync().map_err(Fault::of(name, "sync"))
}
