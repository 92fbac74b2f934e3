//! What a repair would do about a finding, and the doing of it.
//!
//! A repair leaves a defined state: the log as it was at an earlier position, a page as it must be, a checkpoint chain
//! without its damaged end where the log still covers it. What cannot be brought into one is refused with the reason. The
//! caller has put the damaged files aside before.

use names::PartitionId;

use crate::{
    aligned::AlignedBuf,
    error::{Damage, Fault, OpenError},
    io::Io,
    keys::{KEYS, read_keys, write_keys},
    limits::{PAGE_BYTES, ZERO_BYTES},
    manifest::{self, Manifest},
    shelf::{log_name, log_number, spare_number},
};

use super::walk::Gap;

/// What a repair would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cure {
    /// Ends the log before a damaged block; everything from `position` on is lost.
    CutLog {
        /// The file's number.
        file: u64,
        /// Where the log is to end in it.
        offset: u64,
        /// The first position that is lost.
        position: u64,
    },
    /// Writes the data keys from their sound copy in the place of the damaged one.
    CopyKeys,
    /// Writes a page whose content is known.
    Rewrite {
        /// The file.
        file: String,
        /// Where the page stands.
        offset: u64,
        /// What it must hold.
        page: Vec<u8>,
    },
    /// Forgets the newest checkpoints, from this number on; the log still holds what they stood for.
    ForgetCheckpoints {
        /// The first that goes.
        from: u64,
    },
    /// Writes what is sound of a damaged segment anew; only whoever knows its partitions can.
    Salvage {
        /// The segment's number.
        segment: u64,
        /// Whose records are damaged; 0 if it is none's.
        partition: PartitionId,
    },
    /// Nothing can be done, and why.
    Refused(&'static str),
}

/// What a cure came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cured {
    /// It was done.
    Done,
    /// It is not the journal's to do.
    NotMine,
}

impl Cure {
    pub(super) fn cut(gap: &Gap, newest: u64) -> Self {
        let position = gap.chain.position;
        if newest >= position {
            return Self::Refused(
                "a checkpoint holds later positions than the log would have after a cut; restore a backup",
            );
        }
        if gap.offset == 0 {
            return Self::CutLog { file: gap.file, offset: 0, position };
        }
        Self::CutLog { file: gap.file, offset: gap.offset, position }
    }

    pub(super) fn checkpoint(manifest: &Manifest, number: u64) -> Self {
        let covered = manifest.base.chain.position == 1;
        if covered && manifest.segments.is_empty() {
            return Self::ForgetCheckpoints { from: number };
        }
        Self::Refused("the log does not reach back to what the checkpoint stood for; restore a backup")
    }

    /// What it does, as a sentence.
    pub fn describe(&self) -> String {
        match self {
            Self::CutLog { file, offset, position } => {
                format!(
                    "cut the log in {} at offset {offset}: records from position {position} on are lost",
                    log_name(*file)
                )
            }
            Self::Rewrite { file, offset, .. } => {
                format!("write the page at {offset} of {file} as it must be: nothing is lost")
            }
            Self::CopyKeys => "write the data keys once more, from the copy that is whole: nothing is lost".into(),
            Self::ForgetCheckpoints { from } => {
                format!("forget the checkpoints from {from} on: nothing is lost, the log holds all they stood for")
            }
            Self::Salvage { segment, .. } => format!(
                "write what is sound of segment {segment} anew and set the file aside: its damaged records are lost, and a \
                 server says so when they are asked for"
            ),
            Self::Refused(why) => format!("cannot be repaired: {why}"),
        }
    }

    /// The files that it changes or removes.
    pub fn files(&self, io: &dyn Io) -> Result<Vec<String>, OpenError> {
        let names = io.list().map_err(Fault::of("journal", "list"))?;
        Ok(match self {
            Self::CutLog { file, .. } => names.into_iter().filter(|name| is_behind(name, *file)).collect(),
            Self::Rewrite { file, .. } => vec![file.clone()],
            Self::CopyKeys => vec![KEYS.into()],
            Self::ForgetCheckpoints { from } => {
                let goes =
                    |name: &String| crate::checkpoint::checkpoint_number(name).is_some_and(|number| number >= *from);
                let mut files: Vec<_> = names.into_iter().filter(goes).collect();
                files.push(manifest::MANIFEST.into());
                files
            }
            // A salvaged segment is kept under another name.
            Self::Salvage { .. } | Self::Refused(_) => Vec::new(),
        })
    }

    /// Does it. The caller holds the folder's lock.
    pub fn apply(&self, io: &dyn Io) -> Result<Cured, OpenError> {
        match self {
            Self::CutLog { file, offset, .. } => cut(io, *file, *offset)?,
            Self::Rewrite { file, offset, page } => rewrite(io, file, *offset, page)?,
            Self::ForgetCheckpoints { from } => forget_checkpoints(io, *from)?,
            Self::CopyKeys => copy_keys(io)?,
            Self::Salvage { .. } | Self::Refused(_) => return Ok(Cured::NotMine),
        }
        Ok(Cured::Done)
    }
}

/// The file in which the log is to end, all later ones, and the spares, one of which may hold the head of a next file.
fn is_behind(name: &str, file: u64) -> bool {
    log_number(name).is_some_and(|number| number >= file) || spare_number(name).is_some()
}

/// Later files go first, the last of them first: a crash in between leaves a log that ends where a file is missing, which
/// is found again and cut again.
fn cut(io: &dyn Io, file: u64, offset: u64) -> Result<(), Fault> {
    let names = io.list().map_err(Fault::of("journal", "list"))?;
    let mut later: Vec<_> = names.into_iter().filter(|name| is_behind(name, file)).collect();
    later.retain(|name| log_number(name) != Some(file) || offset == 0);
    later.sort_unstable_by_key(|name| std::cmp::Reverse(log_number(name)));
    for name in &later {
        io.remove(name).map_err(Fault::of(name, "remove"))?;
    }
    io.sync_names().map_err(Fault::of("journal", "sync of the folder"))?;
    let (file, offset) = if offset == 0 { (file - 1, None) } else { (file, Some(offset)) };
    let name = log_name(file);
    let end = match offset {
        Some(offset) => offset,
        None => end_of(io, &name)?,
    };
    zero_from(io, &name, end)
}

/// Where the next file's head is announced in a file, so that the announcement goes too.
fn end_of(io: &dyn Io, name: &str) -> Result<u64, Fault> {
    let file = io.open(name).map_err(Fault::of(name, "open"))?;
    let bytes = file.len().map_err(Fault::of(name, "length"))?;
    let mut reader = crate::reader::Reader::new(bytes);
    let mut at = 0;
    while let Ok((header, _)) = reader.header(&*file, name, at)? {
        if at > 0 && header.has(crate::block::FILE_HEAD) {
            break;
        }
        at += crate::padded(header.bytes()) as u64;
        if at + PAGE_BYTES as u64 > bytes {
            break;
        }
    }
    Ok(at)
}

fn zero_from(io: &dyn Io, name: &str, from: u64) -> Result<(), Fault> {
    let file = io.open(name).map_err(Fault::of(name, "open"))?;
    let bytes = file.len().map_err(Fault::of(name, "length"))?;
    let zeros = AlignedBuf::new(ZERO_BYTES);
    let mut at = from;
    while at < bytes {
        let chunk = usize::try_from((bytes - at).min(ZERO_BYTES as u64)).expect("a chunk is small");
        file.write_at(at, &zeros[..chunk]).map_err(Fault::at(name, "write", at))?;
        at += chunk as u64;
    }
    file.sync().map_err(Fault::of(name, "sync"))
}

fn rewrite(io: &dyn Io, name: &str, offset: u64, page: &[u8]) -> Result<(), Fault> {
    let file = io.open(name).map_err(Fault::of(name, "open"))?;
    let mut aligned = AlignedBuf::new(PAGE_BYTES);
    aligned[..page.len()].copy_from_slice(page);
    file.write_at(offset, &aligned).map_err(Fault::at(name, "write", offset))?;
    file.sync().map_err(Fault::of(name, "sync"))
}

fn copy_keys(io: &dyn Io) -> Result<(), OpenError> {
    let Some(keys) = read_keys(io)? else { return Ok(()) };
    write_keys(io, &keys.body)
        .map_err(|error| OpenError::Io(Fault::of(KEYS, "write")(std::io::Error::other(error.to_string()))))
}

fn forget_checkpoints(io: &dyn Io, from: u64) -> Result<(), OpenError> {
    let mut manifest = manifest::read(io)?.ok_or_else(|| {
        OpenError::from(crate::error::Unreadable::from(Damage::at(manifest::MANIFEST, 0, "it is missing")))
    })?;
    manifest.checkpoints.retain(|file| file.number < from);
    manifest::prepare(io, &manifest)?;
    manifest::install(io)?;
    Ok(())
}
