//! Reads a segment's two ends and holds them against the file: its name, its length, its log.
//!
//! What the ends say decides where everything else is looked for, so a tool trusts nothing of a segment before them. A server
//! does not need them: its snapshots say where pieces stand, and each piece attests itself. So damaged ends cost nothing but
//! the file, which is written anew; a file that is sound and another than the listed one is a mistake that people can undo.

use std::io::ErrorKind;

use crate::{
    aligned::AlignedBuf,
    error::{Damage, Fault, OpenError},
    io::{Io, IoFile},
    limits::{PAGE_BYTES, SEGMENT_FORMAT},
};

use super::{
    SegmentInfo,
    frame::{FRAME_BYTES, Footer, FrameFault, Identity},
    plan::{DATA_OFFSET, ENTRY_BYTES},
    segment_name,
};

const PAGE: u64 = PAGE_BYTES as u64;

/// Why a file is not a segment that can be read.
pub(super) enum Flaw {
    Damage(Damage),
    /// It is missing, or sound and another one.
    Foreign(Damage),
    Newer(u16),
    Fault(Fault),
}

impl From<Fault> for Flaw {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The footer of segment `number`, and its checksum. Padding must be zero if `strict`.
pub(super) fn read(file: &dyn IoFile, log_id: u64, number: u64, strict: bool) -> Result<(Footer, u32), Flaw> {
    let name = &segment_name(number);
    let damaged = |offset, why: &str| Flaw::Damage(Damage::at(name, offset, why));
    let foreign = |offset, why: &str| Flaw::Foreign(Damage::at(name, offset, why));
    let len = file.len().map_err(Fault::of(name, "length"))?;
    let expected = Identity { log_id, number, file_bytes: len };
    let header_page = page(file, name, 0)?;
    let header = sound(Identity::of_header(&header_page), || damaged(0, "the header is damaged"))?;
    if (header.log_id, header.number) != (log_id, number) {
        return Err(foreign(0, "the header is of another file"));
    }
    if header.file_bytes != len {
        let why = format!("the file has {len} bytes, and its header says {}", header.file_bytes);
        return Err(damaged(len.min(header.file_bytes), &why));
    }
    if len < 2 * PAGE || !len.is_multiple_of(PAGE) {
        return Err(damaged(0, "the header says a length that no segment has"));
    }
    let at = len - PAGE;
    let footer_page = page(file, name, at)?;
    let (footer, crc) = sound(Footer::decode(&footer_page), || damaged(at, "the footer is damaged"))?;
    if footer.identity != expected || !directory_fits(&footer) {
        return Err(damaged(at, "the footer is of another file"));
    }
    for (offset, page) in [(0, &header_page), (at, &footer_page)] {
        if strict && page[FRAME_BYTES..].iter().any(|byte| *byte != 0) {
            return Err(damaged(offset + FRAME_BYTES as u64, "what pads the page is not zero"));
        }
    }
    Ok((footer, crc))
}

fn sound<T>(frame: Result<T, FrameFault>, damaged: impl FnOnce() -> Flaw) -> Result<T, Flaw> {
    frame.map_err(|fault| match fault {
        FrameFault::Newer(found) => Flaw::Newer(found),
        FrameFault::Damaged => damaged(),
    })
}

/// One page; bytes that a cut file has no longer are zero, and no frame is.
fn page(file: &dyn IoFile, name: &str, offset: u64) -> Result<AlignedBuf, Flaw> {
    let mut page = AlignedBuf::new(PAGE_BYTES);
    file.read_at(offset, &mut page).map_err(Damage::unreadable(name, offset)).map_err(Flaw::Damage)?;
    Ok(page)
}

/// The directory ends where the footer's page begins, but for less than a page of padding.
fn directory_fits(footer: &Footer) -> bool {
    let bytes = u64::from(footer.directory_bytes);
    let end = footer.directory_offset.checked_add(bytes).and_then(|end| end.checked_next_multiple_of(PAGE));
    let counted = u64::from(footer.pieces) * ENTRY_BYTES as u64 == bytes;
    counted && footer.directory_offset >= DATA_OFFSET && end == Some(footer.identity.file_bytes - PAGE)
}

/// Looks at the ends of a listed segment. Damage is returned, for the segment serves what of it is sound. One that is missing or
/// another refuses the open, unless whoever opens has said to go on without such.
pub(super) fn check_listed(
    io: &dyn Io,
    log_id: u64,
    info: &SegmentInfo,
    without_lost: bool,
) -> Result<Option<Damage>, OpenError> {
    match read_listed(io, log_id, info) {
        Ok(()) => Ok(None),
        Err(Flaw::Damage(damage)) => Ok(Some(damage)),
        Err(Flaw::Foreign(damage)) if without_lost => Ok(Some(damage)),
        Err(Flaw::Foreign(Damage { file, offset, why, .. })) => Err(OpenError::Corrupt { file, offset, why }),
        Err(Flaw::Newer(found)) => Err(OpenError::newer(&segment_name(info.number), found, SEGMENT_FORMAT)),
        Err(Flaw::Fault(fault)) => Err(OpenError::Io(fault)),
    }
}

fn read_listed(io: &dyn Io, log_id: u64, info: &SegmentInfo) -> Result<(), Flaw> {
    let name = &segment_name(info.number);
    let file = match io.open(name) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Flaw::Foreign(Damage::at(name, 0, "the segment is listed, and it is missing")));
        }
        other => other.map_err(Fault::of(name, "open"))?,
    };
    let (footer, crc) = read(&*file, log_id, info.number, false)?;
    if info_of(&footer, crc) == *info {
        return Ok(());
    }
    let at = footer.identity.file_bytes - PAGE;
    Err(Flaw::Foreign(Damage::at(name, at, "the footer is not that of the segment that is listed")))
}

/// What a list says of the segment with this footer.
pub(super) fn info_of(footer: &Footer, footer_crc: u32) -> SegmentInfo {
    let Identity { number, file_bytes, .. } = footer.identity;
    SegmentInfo { number, bytes: file_bytes, records: footer.records, footer_crc }
}
