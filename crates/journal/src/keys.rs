//! The file `keys`: data keys under which payloads are sealed, wrapped by a root key that is kept elsewhere.
//!
//! ```text
//!  0       4         6      8            12         16      60    64
//! | "TWKF" | version | zero | body bytes | body CRC | zeros | CRC | body, zeros up to a full page |    and all of it once more
//! ```
//!
//! What the body is, the engine knows (`docs/formats/keys.md`). Without it nothing of the log can be read, so it stands in the
//! file twice: one damaged page costs nothing. It is written under another name, synced, renamed and read back before anything
//! is sealed with a key that only it has.

use std::io;

use crate::{
    aligned::{AlignedBuf, padded},
    error::{Damage, Fault, OpenError, StoreError},
    io::Io,
    limits::{KEYS_BYTES_MAX, KEYS_FORMAT, PAGE_BYTES},
    record::u32_at,
};

/// The file's name.
pub const KEYS: &str = "keys";
/// Where a server keeps its root key if it is told nothing else: beside the log, and no part of it. No backup has it.
pub const ROOT_KEY: &str = "root.key";
/// The file while it is written; left over only by a crash.
pub(crate) const KEYS_NEW: &str = "keys.tmp";
const MAGIC: [u8; 4] = *b"TWKF";
const HEAD_BYTES: usize = 64;
const CRC_AT: usize = 60;

/// What the file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// As it was written.
    pub body: Vec<u8>,
    /// One of the two copies is damaged: the file is to be written again.
    pub hurt: Option<Damage>,
}

/// Why bytes are no copy of the body.
enum Flaw {
    Damaged(&'static str),
    Newer(u16),
}

/// Reads the file; `None` if there is none.
pub fn read_keys(io: &dyn Io) -> Result<Option<Keys>, OpenError> {
    let file = match io.open(KEYS) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Fault::of(KEYS, "open"))?,
    };
    let bytes = file.len().map_err(Fault::of(KEYS, "length"))?;
    let bounded = usize::try_from(bytes).ok().filter(|bytes| *bytes <= KEYS_BYTES_MAX);
    let bytes = bounded.ok_or_else(|| OpenError::corrupt(KEYS, 0, "the file is too long"))?;
    let mut pages = AlignedBuf::new(padded(bytes.max(1)));
    let read = file.read_at(0, &mut pages).map_err(Fault::at(KEYS, "read", 0))?;
    decode(&pages[..read]).map(Some)
}

fn decode(pages: &[u8]) -> Result<Keys, OpenError> {
    // Each copy says itself how long it is; how long the file is, a cut may have changed. Only of a first copy whose head is
    // damaged nobody knows where it ends.
    let middle = match head(pages) {
        Ok(head) => padded(HEAD_BYTES + head.body_bytes),
        Err(_) => pages.len() / 2 / PAGE_BYTES * PAGE_BYTES,
    };
    let hurt = |at: usize, why| Damage::at(KEYS, at as u64, format!("one of the two copies of the data keys: {why}"));
    match (copy(pages), copy(pages.get(middle..).unwrap_or_default())) {
        (Err(Flaw::Newer(found)), _) | (_, Err(Flaw::Newer(found))) => Err(OpenError::newer(KEYS, found, KEYS_FORMAT)),
        (Ok(body), Ok(again)) if body == again => Ok(Keys { body, hurt: None }),
        (Ok(body), Ok(_)) => Ok(Keys { body, hurt: Some(hurt(middle, "it is another one")) }),
        (Ok(body), Err(Flaw::Damaged(why))) => Ok(Keys { body, hurt: Some(hurt(middle, why)) }),
        (Err(Flaw::Damaged(why)), Ok(body)) => Ok(Keys { body, hurt: Some(hurt(0, why)) }),
        (Err(Flaw::Damaged(why)), Err(_)) => {
            Err(OpenError::corrupt(KEYS, 0, format!("both copies of the data keys are damaged: {why}")))
        }
    }
}

/// What the head of a copy says.
struct Head {
    body_bytes: usize,
    body_crc: u32,
}

fn head(bytes: &[u8]) -> Result<Head, Flaw> {
    let head = bytes.get(..HEAD_BYTES).ok_or(Flaw::Damaged("it is too short"))?;
    if head[0..4] != MAGIC || crc32c::crc32c(&head[..CRC_AT]) != u32_at(head, CRC_AT) {
        return Err(Flaw::Damaged("its checksum is wrong"));
    }
    let version = u16::from_le_bytes([head[4], head[5]]);
    if version > KEYS_FORMAT {
        return Err(Flaw::Newer(version));
    }
    Ok(Head { body_bytes: u32_at(head, 8) as usize, body_crc: u32_at(head, 12) })
}

fn copy(bytes: &[u8]) -> Result<Vec<u8>, Flaw> {
    let head = head(bytes)?;
    let body = bytes[HEAD_BYTES..].get(..head.body_bytes).ok_or(Flaw::Damaged("it is too short"))?;
    match crc32c::crc32c(body) == head.body_crc {
        true => Ok(body.to_vec()),
        false => Err(Flaw::Damaged("the checksum of its body is wrong")),
    }
}

/// Nothing if it is longer than what is read again.
fn encode(body: &[u8]) -> Option<AlignedBuf> {
    let one = padded(HEAD_BYTES + body.len());
    let length = u32::try_from(body.len()).ok().filter(|_| 2 * one <= KEYS_BYTES_MAX)?;
    let mut pages = AlignedBuf::new(2 * one);
    for copy in pages.chunks_exact_mut(one) {
        copy[0..4].copy_from_slice(&MAGIC);
        copy[4..6].copy_from_slice(&KEYS_FORMAT.to_le_bytes());
        copy[8..12].copy_from_slice(&length.to_le_bytes());
        copy[12..16].copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
        let crc = crc32c::crc32c(&copy[..CRC_AT]);
        copy[CRC_AT..HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
        copy[HEAD_BYTES..HEAD_BYTES + body.len()].copy_from_slice(body);
    }
    Some(pages)
}

/// Puts `body` in the place of what the file held, durably, and reads it back. After an error either of the two may be there;
/// whoever writes keeps to the keys that both have. The caller holds the folder's lock.
pub fn write_keys(io: &dyn Io, body: &[u8]) -> Result<(), StoreError> {
    let too_long = || io::Error::new(io::ErrorKind::FileTooLarge, "there are too many keys for one file");
    let pages = encode(body).ok_or_else(too_long).map_err(Fault::of(KEYS, "write"))?;
    match io.remove(KEYS_NEW) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Fault::of(KEYS_NEW, "remove")(error).into());
        }
        _ => {}
    }
    // Names last in any order until they are synced. The half of an attempt that failed must be gone for good before another
    // file has its name, or a crash could rename the half.
    io.sync_names().map_err(Fault::of(KEYS_NEW, "sync of the folder"))?;
    let file = io.create(KEYS_NEW, pages.len() as u64).map_err(Fault::of(KEYS_NEW, "create"))?;
    file.write_at(0, &pages).map_err(Fault::at(KEYS_NEW, "write", 0))?;
    file.sync().map_err(Fault::of(KEYS_NEW, "sync"))?;
    io.rename(KEYS_NEW, KEYS).map_err(Fault::of(KEYS_NEW, "rename"))?;
    io.sync_names().map_err(Fault::of(KEYS, "sync of the folder"))?;
    let back = read_keys(io).map_err(|error| Damage::at(KEYS, 0, error.to_string()))?;
    match back {
        Some(keys) if keys.hurt.is_none() && keys.body == body => Ok(()),
        _ => Err(Damage::at(KEYS, 0, "it does not hold what was just written").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimDisk;

    #[test]
    fn keys_are_read_as_they_were_written_and_replaced_as_a_whole() {
        let disk = SimDisk::new(1);
        assert_eq!(read_keys(&disk).unwrap(), None);
        for body in [vec![], vec![7; 5000], vec![9; 100]] {
            write_keys(&disk, &body).unwrap();
            assert_eq!(read_keys(&disk).unwrap(), Some(Keys { body, hurt: None }));
        }
    }

    #[test]
    fn any_flipped_bit_of_one_copy_costs_nothing_and_is_told() {
        let whole = encode(b"wrapped keys").unwrap();
        for at in (0..HEAD_BYTES + 12).chain(PAGE_BYTES..PAGE_BYTES + HEAD_BYTES + 12) {
            for bit in 0..8 {
                let mut pages = whole.to_vec();
                pages[at] ^= 1 << bit;
                let keys = decode(&pages).unwrap();
                assert_eq!((&keys.body[..], keys.hurt.is_some()), (&b"wrapped keys"[..], true), "byte {at}");
            }
        }
    }

    #[test]
    fn a_cut_behind_the_first_copy_costs_nothing_and_a_cut_through_it_or_two_damages_refuse() {
        let whole = encode(&[3; 6000]).unwrap();
        let (one, all) = (HEAD_BYTES + 6000, 2 * PAGE_BYTES + HEAD_BYTES + 6000);
        for length in (0..whole.len()).step_by(101).chain([one - 1, one, all - 1, all, whole.len()]) {
            match decode(&whole[..length]) {
                Ok(keys) => {
                    assert!(length >= one && keys.body == [3; 6000], "{length}");
                    assert_eq!(keys.hurt.is_some(), length < all, "{length}");
                }
                Err(error) => assert!(length < one && matches!(error, OpenError::Corrupt { .. }), "{length}: {error}"),
            }
        }
        let mut pages = whole.to_vec();
        pages[20] ^= 1;
        pages[2 * PAGE_BYTES + 4] ^= 1;
        assert!(matches!(decode(&pages), Err(OpenError::Corrupt { .. })));
    }

    #[test]
    fn more_keys_than_fit_are_an_error_and_those_before_stay() {
        let disk = SimDisk::new(1);
        write_keys(&disk, &[1; 100]).unwrap();
        let refused = write_keys(&disk, &vec![2; KEYS_BYTES_MAX / 2]).unwrap_err();
        assert!(refused.to_string().contains("too many keys"), "{refused}");
        assert_eq!(read_keys(&disk).unwrap(), Some(Keys { body: vec![1; 100], hurt: None }));
        let most = vec![2; KEYS_BYTES_MAX / 2 - HEAD_BYTES];
        write_keys(&disk, &most).unwrap();
        assert_eq!(read_keys(&disk).unwrap(), Some(Keys { body: most, hurt: None }));
    }

    /// A disk that holds keys, and an attempt to replace them that failed at its `nth` call.
    fn disk_with_a_failed_attempt(seed: u64, nth: u64) -> SimDisk {
        let disk = SimDisk::new(seed);
        write_keys(&disk, &[1; 100]).unwrap();
        disk.fail_op(disk.ops() + nth, io::ErrorKind::Other);
        write_keys(&disk, &[2; 100]).unwrap_err();
        disk
    }

    #[test]
    fn whatever_a_crash_leaves_of_two_attempts_the_file_is_one_that_was_written_whole() {
        // Remove, the folder, create, write, sync, rename, the folder again.
        for (nth, seed) in (1..=7).flat_map(|nth| (0..400).map(move |seed| (nth, seed))) {
            let disk = disk_with_a_failed_attempt(seed, nth);
            disk.record_moments();
            write_keys(&disk, &[3; 100]).unwrap();
            for moment in disk.take_moments() {
                let found = read_keys(&moment.crash(seed)).unwrap_or_else(|error| panic!("{nth}, {seed}: {error}"));
                let body = found.expect("the first keys were durable").body;
                assert!([[1; 100], [2; 100], [3; 100]].iter().any(|known| body == known), "{nth}, {seed}");
            }
        }
    }

    #[test]
    fn a_newer_format_is_named() {
        let mut pages = encode(b"x").unwrap().to_vec();
        pages[4] = 2;
        let crc = crc32c::crc32c(&pages[..CRC_AT]);
        pages[CRC_AT..HEAD_BYTES].copy_from_slice(&crc.to_le_bytes());
        assert!(matches!(decode(&pages), Err(OpenError::NewerFormat { found: 2, .. })));
    }
}
