//! Makes a backup: immutable files by link or copy, log files block by block, each verified on its way.
//!
//! Log files are never linked: a retired one is written over as the end of the log, and a link would show that. The
//! caller sees to it that no file is retired, compacted or removed meanwhile; appends go on, and what becomes durable
//! after `upto` is not copied.

use std::ops::ControlFlow;

use names::{Instant, Position};

use crate::{
    aligned::{AlignedBuf, padded},
    block::BLOCK_HEADER_BYTES,
    error::{Damage, Fault, OpenError},
    inspect::walk::{self, Block, Lengths, Step},
    io::{Io, IoFile},
    keys::{read_keys, write_keys},
    limits::{COPY_WRITE_BYTES, PAGE_BYTES},
    manifest::{self, Manifest},
    shelf::log_name,
};

use super::{
    BackupError,
    index::{self, Index, LogExtent},
    view,
};

const COPY_NEW: &str = "copy.tmp";

/// How a backup is made.
pub struct Terms<'a> {
    /// The moment, for whoever restores.
    pub made_at: Instant,
    /// Gives a file of the log's folder a second name in the backup's, if the file system can. Says whether it did.
    pub link: &'a mut dyn FnMut(&str, &str) -> bool,
    /// Whether the first of two bodies of `keys` has all data keys that the second has: what these are, the journal does not
    /// know.
    pub has_all_keys: &'a dyn Fn(&[u8], &[u8]) -> bool,
    /// Is told how many bytes of all are done.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// What a backup came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// The backup's number in its folder.
    pub number: u64,
    /// The last position in it.
    pub last: Position,
    /// Files of it.
    pub files: u64,
    /// Of these, how many an earlier backup had brought already.
    pub known: u64,
    /// Of these, how many are links.
    pub linked: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// Backs up a folder that no server uses. The caller holds its lock.
pub fn copy_folder(source: &dyn Io, target: &dyn Io, terms: Terms<'_>) -> Result<Copied, BackupError> {
    let manifest = manifest::read(source)?;
    let manifest = manifest.ok_or_else(|| BackupError::Refused("there is no log in this folder".into()))?;
    copy(source, &manifest, u64::MAX, target, terms)
}

/// Copies what `manifest` lists, and the log up to position `upto`.
pub(crate) fn copy(
    source: &dyn Io,
    manifest: &Manifest,
    upto: u64,
    target: &dyn Io,
    terms: Terms<'_>,
) -> Result<Copied, BackupError> {
    let there = target.list().map_err(Fault::of("backup", "list"))?;
    if there.iter().any(|name| name == manifest::MANIFEST) {
        return Err(BackupError::Refused("the folder holds a log, not backups; give another folder".into()));
    }
    let earlier = index::read_all(target)?;
    let log_id = manifest.base.chain.log_id;
    if earlier.iter().any(|index| index.log_id() != log_id) {
        let why = "the folder holds backups of another log; give another folder".into();
        return Err(BackupError::Refused(why));
    }
    let names = source.list().map_err(Fault::of("journal", "list"))?;
    let logs =
        names.iter().filter_map(|name| crate::shelf::log_number(name)).filter(|number| *number >= manifest.base.file);
    let immutable: u64 = view::immutable(manifest).iter().map(|(_, _, bytes)| bytes).sum();
    let mut all = immutable;
    for number in logs {
        let name = log_name(number);
        all += source.open(&name).and_then(|file| file.len()).map_err(Fault::of(&name, "length"))?;
    }
    let number = earlier.last().map_or(1, |last| last.number + 1);
    let mut copy =
        Copy { source, target, terms, earlier, done: 0, all, copied: Copied { number, ..Copied::default() } };
    copy.check_keys()?;
    copy.immutable(manifest)?;
    let (last, logs) = copy.log(manifest, upto)?;
    copy.keys()?;
    target.sync_names().map_err(Fault::of("backup", "sync of the folder"))?;
    let made_at = copy.terms.made_at;
    let last = Position::new(last);
    index::write(target, &Index { number, made_at, last, manifest: manifest.clone(), logs })?;
    (copy.terms.progress)(all, all);
    Ok(Copied { last, ..copy.copied })
}

struct Copy<'a, 't> {
    source: &'a dyn Io,
    target: &'a dyn Io,
    terms: Terms<'t>,
    earlier: Vec<Index>,
    done: u64,
    all: u64,
    copied: Copied,
}

/// A log file of the backup being written.
struct LogCopy {
    extent: LogExtent,
    out: Out,
    /// Bytes that earlier backups brought, and the checksums that the blocks at their ends must have.
    known: Vec<LogExtent>,
    known_bytes: u64,
}

impl Copy<'_, '_> {
    fn passed(&mut self, bytes: u64) {
        self.done += bytes;
        (self.terms.progress)(self.done.min(self.all), self.all);
    }

    fn immutable(&mut self, manifest: &Manifest) -> Result<(), BackupError> {
        for (name, stored, bytes) in view::immutable(manifest) {
            self.copied.files += 1;
            if self.is_known(&stored, bytes) {
                self.copied.known += 1;
            } else {
                // A left-over of a backup that was broken off.
                let _ = self.target.remove(&stored);
                if (self.terms.link)(&name, &stored) {
                    self.copied.linked += 1;
                } else {
                    self.file(&name, &stored, bytes)?;
                }
            }
            self.passed(bytes);
        }
        Ok(())
    }

    /// Whether an earlier backup brought it; its checksum is in its name.
    fn is_known(&self, stored: &str, bytes: u64) -> bool {
        let listed =
            self.earlier.iter().any(|index| view::immutable(&index.manifest).iter().any(|(_, name, _)| name == stored));
        listed && self.target.open(stored).and_then(|file| file.len()).is_ok_and(|found| found == bytes)
    }

    fn file(&mut self, name: &str, stored: &str, bytes: u64) -> Result<(), BackupError> {
        let source = self.source.open(name).map_err(Fault::of(name, "open"))?;
        let _ = self.target.remove(COPY_NEW);
        let copy = self.target.create(COPY_NEW, bytes).map_err(Fault::of(stored, "create"))?;
        let mut buffer = AlignedBuf::new(COPY_WRITE_BYTES);
        let mut at = 0;
        while at < bytes {
            let length = usize::try_from((bytes - at).min(COPY_WRITE_BYTES as u64)).expect("a chunk is small");
            let read = source.read_at(at, &mut buffer[..length]).map_err(Fault::at(name, "read", at))?;
            if read < length {
                return Err(Damage::at(name, at + read as u64, "the file was cut off here").into());
            }
            copy.write_at(at, &buffer[..length]).map_err(Fault::at(stored, "write", at))?;
            at += length as u64;
        }
        copy.sync().map_err(Fault::of(stored, "sync"))?;
        self.target.rename(COPY_NEW, stored).map_err(Fault::of(stored, "rename"))?;
        self.copied.bytes += bytes;
        Ok(())
    }

    /// The data keys of a log only ever become more, so the newest are right for every backup in the folder. They are not where
    /// the data folder was set back meanwhile: then those that lie here alone may open the earlier backups.
    fn check_keys(&self) -> Result<(), BackupError> {
        let there = match read_keys(self.target) {
            // Nobody can read them any more, so nothing is lost with them.
            Err(OpenError::Corrupt { .. }) => None,
            there => there?,
        };
        let Some(there) = there else { return Ok(()) };
        let has_all = read_keys(self.source)?.is_some_and(|keys| (self.terms.has_all_keys)(&keys.body, &there.body));
        let why = "the data folder lacks data keys that the backups in this folder need: it was set back since; give another \
                   folder";
        if has_all { Ok(()) } else { Err(BackupError::Refused(why.into())) }
    }

    /// Copies the wrapped data keys, after all that is sealed with them.
    fn keys(&mut self) -> Result<(), BackupError> {
        let Some(keys) = read_keys(self.source)? else { return Ok(()) };
        self.copied.files += 1;
        match read_keys(self.target) {
            Ok(Some(there)) if there.hurt.is_none() && there.body == keys.body => self.copied.known += 1,
            _ => write_keys(self.target, &keys.body)?,
        }
        Ok(())
    }

    /// Copies the log; returns its last position and its files.
    fn log(&mut self, manifest: &Manifest, upto: u64) -> Result<(u64, Vec<LogExtent>), BackupError> {
        let (mut current, mut extents, mut failed) = (None::<LogCopy>, Vec::new(), None);
        let mut last = manifest.base.chain.position - 1;
        let source = self.source;
        walk::walk(source, manifest.base, Lengths::Whole, &mut |step| {
            let copied = match step {
                Step::Block(block) if block.header.last_position() > upto => return Ok(ControlFlow::Break(())),
                Step::Block(block) => {
                    last = block.header.last_position();
                    match self.block(&block, &mut current, &mut extents) {
                        // A serving log goes on behind it, and what is found there may be gone a moment later.
                        Ok(()) if last == upto => return Ok(ControlFlow::Break(())),
                        copied => copied,
                    }
                }
                // Whatever is being written behind what was durable is looked at by chance.
                Step::Gap(gap) if gap.chain.position > upto => return Ok(ControlFlow::Break(())),
                Step::Gap(gap) => Err(Damage::at(&log_name(gap.file), gap.offset, gap.why).into()),
                Step::Flaw(_) => Ok(()),
            };
            Ok(copied.map_or_else(
                |error| {
                    failed = Some(error);
                    ControlFlow::Break(())
                },
                ControlFlow::Continue,
            ))
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        self.end_file(current, &mut extents)?;
        Ok((last, extents))
    }

    fn block(
        &mut self,
        block: &Block<'_>,
        current: &mut Option<LogCopy>,
        extents: &mut Vec<LogExtent>,
    ) -> Result<(), BackupError> {
        if current.as_ref().is_none_or(|copy| copy.extent.number != block.file) {
            self.end_file(current.take(), extents)?;
            *current = Some(self.begin_file(block.file)?);
        }
        let copy = current.as_mut().expect("a file was begun");
        let length = padded(block.header.bytes());
        let mut bytes = AlignedBuf::new(length);
        let crc = block.header.encode(&mut bytes);
        assert_eq!(crc, block.crc, "a header is written as it was read");
        bytes[BLOCK_HEADER_BYTES..block.header.bytes()].copy_from_slice(block.payload);
        if block.offset >= copy.known_bytes {
            copy.out.put(block.offset, &bytes)?;
            self.copied.bytes += length as u64;
        }
        copy.extent.bytes = block.offset + length as u64;
        copy.extent.crc = crc;
        copy.check_known(block.offset)?;
        self.passed(length as u64);
        Ok(())
    }

    fn begin_file(&mut self, number: u64) -> Result<LogCopy, BackupError> {
        let name = log_name(number);
        let known: Vec<_> = self
            .earlier
            .iter()
            .flat_map(|index| &index.logs)
            .filter(|extent| extent.number == number)
            .copied()
            .collect();
        let known_bytes = known.iter().map(|extent| extent.bytes).max().unwrap_or(0);
        let there = self.target.open(&name).ok();
        let there = there.filter(|file| known_bytes > 0 && file.len().is_ok_and(|found| found >= known_bytes));
        let (out, known_bytes) = match there {
            Some(file) => (Out::new(name, file, known_bytes), known_bytes),
            None => {
                let _ = self.target.remove(&name);
                let file = self.target.create(&name, PAGE_BYTES as u64).map_err(Fault::of(&name, "create"))?;
                (Out::new(name, file, 0), 0)
            }
        };
        self.copied.files += 1;
        Ok(LogCopy { extent: LogExtent { number, bytes: 0, crc: 0 }, out, known, known_bytes })
    }

    fn end_file(&mut self, copy: Option<LogCopy>, extents: &mut Vec<LogExtent>) -> Result<(), BackupError> {
        let Some(mut copy) = copy else { return Ok(()) };
        copy.out.finish()?;
        self.copied.known += u64::from(copy.known_bytes == copy.extent.bytes);
        if copy.extent.bytes < copy.known_bytes {
            return Err(parted(copy.extent.number));
        }
        extents.push(copy.extent);
        Ok(())
    }
}

impl LogCopy {
    /// Where an earlier backup ended, the log must be the one that was backed up then.
    fn check_known(&self, offset: u64) -> Result<(), BackupError> {
        let end = self.extent.bytes;
        let parts = |known: &&LogExtent| known.bytes == end && known.crc != self.extent.crc;
        let skipped = |known: &&LogExtent| known.bytes > offset && known.bytes < end;
        match self.known.iter().find(|known| parts(known) || skipped(known)) {
            Some(_) => Err(parted(self.extent.number)),
            None => Ok(()),
        }
    }
}

fn parted(number: u64) -> BackupError {
    let name = log_name(number);
    BackupError::Refused(format!(
        "{name} is not the one that an earlier backup in this folder copied: the log was cut or restored since; give another \
         folder"
    ))
}

/// A file that grows by what is put behind its end, in large writes.
pub(super) struct Out {
    name: String,
    file: Box<dyn IoFile>,
    buffer: AlignedBuf,
    filled: usize,
    at: u64,
}

impl Out {
    fn new(name: String, file: Box<dyn IoFile>, at: u64) -> Self {
        Self { name, file, buffer: AlignedBuf::new(COPY_WRITE_BYTES), filled: 0, at }
    }

    /// Appends whole pages, which stand at `offset`.
    fn put(&mut self, offset: u64, mut pages: &[u8]) -> Result<(), Fault> {
        assert_eq!(offset, self.at + self.filled as u64, "blocks follow each other without gaps");
        while !pages.is_empty() {
            let fits = pages.len().min(self.buffer.len() - self.filled);
            self.buffer[self.filled..self.filled + fits].copy_from_slice(&pages[..fits]);
            self.filled += fits;
            pages = &pages[fits..];
            if self.filled == self.buffer.len() {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Fault> {
        let end = self.at + self.filled as u64;
        if self.file.len().map_err(Fault::of(&self.name, "length"))? < end {
            self.file.grow(end).map_err(Fault::at(&self.name, "growth", end))?;
        }
        self.file.write_at(self.at, &self.buffer[..self.filled]).map_err(Fault::at(&self.name, "write", self.at))?;
        (self.at, self.filled) = (end, 0);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if self.filled > 0 {
            self.flush()?;
        }
        self.file.sync().map_err(Fault::of(&self.name, "sync"))
    }
}
