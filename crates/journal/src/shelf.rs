//! The files of the log and the spare files beside them.
//!
//! `log-<number>.tw` are the log, oldest first; `spare-<number>.tw` are zeroed or recycled and wait to become the next
//! log file. A recycled file still holds old blocks, which the chain rejects. A file is given away only after the manifest
//! begins behind it, so that a crash between the two leaves only a file that nobody will read. Beside each file of the log
//! stands where its blocks are, so that any record of the log is found with one read.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use names::Position;

use crate::{
    aligned::AlignedBuf,
    aside,
    chain::Chain,
    error::Fault,
    io::{Io, IoFile},
    ledger::ClosedFile,
    limits::{PAGE_BYTES, ZERO_BYTES},
    manifest::FileStart,
};

/// A file while it is zeroed; left over only by a crash.
pub(crate) const SPARE_NEW: &str = "spare.tmp";
/// A log file that had to be made without a spare, before it has its name.
pub(crate) const FRESH: &str = "fresh.tmp";

/// The name of log file `number`.
pub(crate) fn log_name(number: u64) -> String {
    format!("log-{number:016}.tw")
}

fn spare_name(number: u64) -> String {
    format!("spare-{number:016}.tw")
}

/// The number in `name` if it is a log file's.
pub(crate) fn log_number(name: &str) -> Option<u64> {
    numbered(name, "log-")
}

/// The number in `name` if it is a spare's.
pub(crate) fn spare_number(name: &str) -> Option<u64> {
    numbered(name, "spare-")
}

/// The number in `name` between `prefix` and `.tw`, if it has 16 digits.
pub(crate) fn numbered(name: &str, prefix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix)?.strip_suffix(".tw")?;
    let plain = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// A file that can become the next log file.
pub(crate) struct Spare {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn IoFile>,
    /// Its blocks are written on disk, so that overwriting them needs no metadata.
    pub(crate) zeroed: bool,
}

/// A file of the log.
struct LogFile {
    start: FileStart,
    zeroed: bool,
    file: Arc<dyn IoFile>,
    /// Its blocks with records, in order.
    blocks: Vec<Block>,
}

/// Where a block with records stands, as small as it goes: a log of small blocks has many.
#[derive(Clone, Copy)]
struct Block {
    /// Its first record's position, counted from the file's first.
    first: u32,
    /// The page it begins on.
    page: u32,
    pages: u16,
}

/// A closed file from its first block to its last.
pub(crate) struct Stretch {
    pub(crate) file: Arc<dyn IoFile>,
    /// What its head must say.
    pub(crate) start: Chain,
    /// What the next file's head says.
    pub(crate) end: Chain,
}

/// A block with records.
pub(crate) struct BlockPlace {
    pub(crate) file: Arc<dyn IoFile>,
    pub(crate) number: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: usize,
    /// Its first record's position.
    pub(crate) first: u64,
    /// A position that all its records are below, and that no other block's record in between is.
    pub(crate) end: u64,
}

impl LogFile {
    fn place(&self, index: usize, end: u64) -> BlockPlace {
        let base = self.start.chain.position;
        let block = self.blocks[index];
        let end = self.blocks.get(index + 1).map_or(end, |next| base + u64::from(next.first));
        BlockPlace {
            file: Arc::clone(&self.file),
            number: self.start.file,
            offset: u64::from(block.page) * PAGE_BYTES as u64,
            bytes: usize::from(block.pages) * PAGE_BYTES,
            first: base + u64::from(block.first),
            end,
        }
    }
}

/// Log files and spares.
pub(crate) struct Shelf {
    io: Arc<dyn Io>,
    file_bytes: u64,
    wanted: usize,
    /// Of the disk's free space, what no spare may take.
    keep_free: u64,
    ready: AtomicUsize,
    inner: Mutex<Inner>,
}

struct Inner {
    spares: Vec<Spare>,
    /// Spares being zeroed or recycled.
    coming: usize,
    next_spare: u64,
    files: VecDeque<LogFile>,
}

impl Shelf {
    /// A shelf that wants `wanted` spares of `file_bytes` each, and zeroes none when less than `keep_free` would be left.
    pub(crate) fn new(io: Arc<dyn Io>, file_bytes: u64, wanted: usize, keep_free: u64) -> Self {
        let inner = Inner { spares: Vec::new(), coming: 0, next_spare: 1, files: VecDeque::new() };
        Self { io, file_bytes, wanted, keep_free, ready: AtomicUsize::new(0), inner: Mutex::new(inner) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn io(&self) -> &dyn Io {
        &*self.io
    }

    pub(crate) fn shared_io(&self) -> Arc<dyn Io> {
        Arc::clone(&self.io)
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Spares that wait.
    pub(crate) fn ready(&self) -> usize {
        self.ready.load(Ordering::Acquire)
    }

    /// Puts a spare found at open on the shelf, or removes it if it is of another size or one too many.
    pub(crate) fn adopt(&self, name: String) -> Result<(), Fault> {
        let number = spare_number(&name).unwrap_or(0);
        let file = self.io.open(&name).map_err(Fault::of(&name, "open"))?;
        let fits = file.len().map_err(Fault::of(&name, "length"))? == self.file_bytes;
        let mut inner = self.inner();
        inner.next_spare = inner.next_spare.max(number + 1);
        if !fits || inner.spares.len() >= self.wanted {
            drop(inner);
            return self.io.remove(&name).map_err(Fault::of(&name, "remove"));
        }
        inner.spares.push(Spare { name, file: file.into(), zeroed: true });
        self.ready.store(inner.spares.len(), Ordering::Release);
        Ok(())
    }

    /// A file for the log to go on in: a spare, else one made now, which is slower to write.
    pub(crate) fn take(&self) -> Result<Spare, Fault> {
        let mut inner = self.inner();
        if !inner.spares.is_empty() {
            let spare = inner.spares.remove(0);
            self.ready.store(inner.spares.len(), Ordering::Release);
            return Ok(spare);
        }
        drop(inner);
        let file = self.io.create(FRESH, self.file_bytes).map_err(Fault::of(FRESH, "create"))?;
        Ok(Spare { name: FRESH.into(), file: file.into(), zeroed: false })
    }

    /// The log goes on in `file`.
    pub(crate) fn started(&self, start: FileStart, zeroed: bool, file: Arc<dyn IoFile>) {
        self.inner().files.push_back(LogFile { start, zeroed, file, blocks: Vec::new() });
    }

    /// A block with records stands in the newest file.
    pub(crate) fn note_block(&self, first: u64, offset: u64, bytes: usize) {
        let mut inner = self.inner();
        let file = inner.files.back_mut().expect("a block is noted after its file");
        let pages = u16::try_from(bytes / PAGE_BYTES).expect("a block has few pages");
        let page = u32::try_from(offset / PAGE_BYTES as u64).expect("a log file has few pages");
        let first = u32::try_from(first - file.start.chain.position).expect("a log file has few records");
        file.blocks.push(Block { first, page, pages });
    }

    /// Files of the log.
    pub(crate) fn log_files(&self) -> usize {
        self.inner().files.len()
    }

    /// The oldest file, if the log has left it.
    pub(crate) fn closed_file(&self) -> Option<ClosedFile> {
        let inner = self.inner();
        let (oldest, next) = (inner.files.front()?, inner.files.get(1)?);
        Some(ClosedFile {
            number: oldest.start.file,
            first: Position::new(oldest.start.chain.position),
            last: Position::new(next.start.chain.position - 1),
            bytes: self.file_bytes,
        })
    }

    /// A closed file; `None` if the log does not have it any more, or is still writing it.
    pub(crate) fn stretch(&self, number: u64) -> Option<Stretch> {
        let inner = self.inner();
        let index = inner.files.iter().position(|file| file.start.file == number)?;
        let (file, next) = (&inner.files[index], inner.files.get(index + 1)?);
        Some(Stretch { file: Arc::clone(&file.file), start: file.start.chain, end: next.start.chain })
    }

    /// The blocks of a file whose records begin at `position` or later.
    pub(crate) fn blocks_from(&self, number: u64, position: u64) -> Vec<BlockPlace> {
        let inner = self.inner();
        let Some(index) = inner.files.iter().position(|file| file.start.file == number) else { return Vec::new() };
        let (file, next) = (&inner.files[index], inner.files.get(index + 1));
        let end = next.map_or(u64::MAX, |next| next.start.chain.position);
        let base = file.start.chain.position;
        let from = file.blocks.partition_point(|block| base + u64::from(block.first) < position);
        (from..file.blocks.len()).map(|index| file.place(index, end)).collect()
    }

    /// The block in which the record at `position` stands; `None` if it is not in the log.
    pub(crate) fn block_of(&self, position: u64) -> Option<BlockPlace> {
        let inner = self.inner();
        let after = inner.files.partition_point(|file| file.start.chain.position <= position);
        // A file without records begins at the same position as the next one.
        let file = &inner.files[after.checked_sub(1)?];
        let relative = u32::try_from(position - file.start.chain.position).ok()?;
        let index = file.blocks.partition_point(|block| block.first <= relative).checked_sub(1)?;
        let end = inner.files.get(after).map_or(u64::MAX, |next| next.start.chain.position);
        Some(file.place(index, end))
    }

    /// Whether the log still has this file.
    pub(crate) fn holds(&self, number: u64) -> bool {
        self.inner().files.front().is_some_and(|oldest| oldest.start.file <= number)
    }

    /// Where the log begins once `retire` is gone.
    pub(crate) fn base_without(&self, retire: Option<&ClosedFile>) -> FileStart {
        let inner = self.inner();
        let oldest = inner.files.front().expect("a log has a file").start;
        let Some(retire) = retire else { return oldest };
        assert_eq!(retire.number, oldest.file, "only the oldest file of the log can be retired");
        inner.files.get(1).expect("the file being written cannot be retired").start
    }

    /// Keeps the oldest file, which the manifest does not name any more, beside the log.
    pub(crate) fn set_oldest_aside(&self) -> Result<(), Fault> {
        let oldest = self.inner().files.pop_front().expect("the caller has retired a file of the log");
        aside::set_aside(&*self.io, &log_name(oldest.start.file))
    }

    /// Makes the oldest file, which the manifest does not name any more, a spare, or removes it.
    pub(crate) fn retire_oldest(&self) -> Result<(), Fault> {
        let (oldest, recycle) = {
            let mut inner = self.inner();
            let oldest = inner.files.pop_front().expect("the caller has retired a file of the log");
            let recycle = oldest.zeroed && inner.spares.len() + inner.coming < self.wanted;
            inner.coming += usize::from(recycle);
            (oldest, recycle)
        };
        let made = if recycle { self.recycle(&oldest) } else { self.discard(&oldest).map(|()| None) };
        self.arrived(usize::from(recycle), made)
    }

    /// Books the end of an attempt to make a spare.
    fn arrived(&self, claimed: usize, made: Result<Option<Spare>, Fault>) -> Result<(), Fault> {
        let mut inner = self.inner();
        inner.coming -= claimed;
        inner.spares.extend(made?);
        self.ready.store(inner.spares.len(), Ordering::Release);
        Ok(())
    }

    fn recycle(&self, dropped: &LogFile) -> Result<Option<Spare>, Fault> {
        let old = log_name(dropped.start.file);
        if dropped.file.len().map_err(Fault::of(&old, "length"))? != self.file_bytes {
            return self.discard(dropped).map(|()| None);
        }
        let name = self.next_spare_name();
        self.io.rename(&old, &name).map_err(Fault::of(&old, "rename"))?;
        self.io.sync_names().map_err(Fault::of("journal", "sync of the folder"))?;
        Ok(Some(Spare { name, file: Arc::clone(&dropped.file), zeroed: true }))
    }

    fn discard(&self, dropped: &LogFile) -> Result<(), Fault> {
        let old = log_name(dropped.start.file);
        self.io.remove(&old).map_err(Fault::of(&old, "remove"))
    }

    /// Gives a spare's space back to the disk. Says whether there was one.
    pub(crate) fn give_up_spare(&self) -> Result<bool, Fault> {
        let spare = {
            let mut inner = self.inner();
            let spare = inner.spares.pop();
            self.ready.store(inner.spares.len(), Ordering::Release);
            spare
        };
        let Some(Spare { name, .. }) = spare else { return Ok(false) };
        self.io.remove(&name).map_err(Fault::of(&name, "remove"))?;
        Ok(true)
    }

    /// Whether closed log files will soon be spares: zeroing new ones beside them would write every byte twice. The last
    /// spare is not waited for, because a log that has none is slow.
    fn expects_one(&self) -> bool {
        let closed = self.log_files().saturating_sub(1);
        self.ready() > 0 && self.ready() + closed >= self.wanted
    }

    /// Zeroes one more spare if one is missing. Says whether one was made; a nearly full disk makes none and is no fault.
    /// `go_on` is asked between writes.
    pub(crate) fn prepare(&self, go_on: &mut dyn FnMut() -> bool) -> Result<bool, Fault> {
        if self.expects_one() || !self.has_space() || !self.claim() {
            return Ok(false);
        }
        let made = self.zeroed_spare(go_on);
        let count = made.as_ref().is_ok_and(Option::is_some);
        self.arrived(1, made)?;
        Ok(count)
    }

    /// Takes the right to make one of the spares that are missing.
    fn claim(&self) -> bool {
        let mut inner = self.inner();
        let missing = inner.spares.len() + inner.coming < self.wanted;
        inner.coming += usize::from(missing);
        missing
    }

    /// A disk that cannot say how full it is shows it at the attempt.
    fn has_space(&self) -> bool {
        let needed = self.file_bytes.saturating_add(self.keep_free);
        self.io.free_bytes().unwrap_or(u64::MAX) >= needed
    }

    fn zeroed_spare(&self, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Spare>, Fault> {
        let made = self.zero_new_file(go_on);
        if !matches!(made, Ok(Some(_))) {
            // Whatever happened, half a spare is of no use and holds space.
            let _ = self.io.remove(SPARE_NEW);
        }
        let file = match made {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(None),
            Err(fault) if can_wait(&fault.error) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        let name = self.next_spare_name();
        self.io.rename(SPARE_NEW, &name).map_err(Fault::of(SPARE_NEW, "rename"))?;
        Ok(Some(Spare { name, file: file.into(), zeroed: true }))
    }

    fn zero_new_file(&self, go_on: &mut dyn FnMut() -> bool) -> Result<Option<Box<dyn IoFile>>, Fault> {
        let file = self.io.create(SPARE_NEW, self.file_bytes).map_err(Fault::of(SPARE_NEW, "create"))?;
        let zeros = AlignedBuf::new(ZERO_BYTES);
        let mut at = 0;
        while at < self.file_bytes {
            if !go_on() {
                return Ok(None);
            }
            let bytes = (self.file_bytes - at).min(ZERO_BYTES as u64);
            let chunk = &zeros[..usize::try_from(bytes).expect("a chunk is small")];
            file.write_at(at, chunk).map_err(Fault::at(SPARE_NEW, "write", at))?;
            at += bytes;
        }
        file.sync().map_err(Fault::of(SPARE_NEW, "sync"))?;
        Ok(Some(file))
    }

    fn next_spare_name(&self) -> String {
        let mut inner = self.inner();
        inner.next_spare += 1;
        spare_name(inner.next_spare - 1)
    }
}

/// Whether a spare that could not be made for this reason can be made later, and nothing is wrong with the disk: it is full,
/// or the process or the machine has too many files open (24, 23).
fn can_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        || matches!(error.raw_os_error(), Some(23 | 24))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        io::{LockError, LockGuard},
        sim::SimDisk,
    };
    use std::sync::atomic::AtomicBool;

    /// A disk whose process may have no more files open.
    struct Scarce {
        disk: SimDisk,
        no_more: AtomicBool,
        code: i32,
    }

    impl Io for Scarce {
        fn lock(&self) -> Result<LockGuard, LockError> {
            self.disk.lock()
        }
        fn list(&self) -> io::Result<Vec<String>> {
            self.disk.list()
        }
        fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn IoFile>> {
            match self.no_more.load(Ordering::Relaxed) {
                true => Err(io::Error::from_raw_os_error(self.code)),
                false => self.disk.create(name, bytes),
            }
        }
        fn open(&self, name: &str) -> io::Result<Box<dyn IoFile>> {
            self.disk.open(name)
        }
        fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            self.disk.rename(from, to)
        }
        fn remove(&self, name: &str) -> io::Result<()> {
            self.disk.remove(name)
        }
        fn sync_names(&self) -> io::Result<()> {
            self.disk.sync_names()
        }
        fn free_bytes(&self) -> io::Result<u64> {
            self.disk.free_bytes()
        }
        fn entropy(&self) -> u64 {
            self.disk.entropy()
        }
    }

    #[test]
    fn a_spare_for_which_no_file_can_be_opened_is_made_later() {
        for code in [23, 24, 28, 5] {
            let disk = Arc::new(Scarce { disk: SimDisk::new(1), no_more: AtomicBool::new(true), code });
            let shelf = Shelf::new(Arc::<Scarce>::clone(&disk), 1 << 16, 2, 0);
            let made = shelf.prepare(&mut || true);
            if code == 5 {
                assert!(made.is_err(), "a failing disk is a fault");
                continue;
            }
            assert!(!made.unwrap(), "code {code}");
            disk.no_more.store(false, Ordering::Relaxed);
            assert!(shelf.prepare(&mut || true).unwrap() && shelf.ready() == 1, "code {code}");
        }
    }

    #[test]
    fn only_exact_names_are_ours() {
        assert_eq!(log_number(&log_name(42)), Some(42));
        assert_eq!(spare_number(&spare_name(7)), Some(7));
        for other in
            ["log-42.tw", "log-000000000000004x.tw", "spare-0000000000000001.tw", "log-+000000000000001.tw", "manifest"]
        {
            assert_eq!(log_number(other), None, "{other}");
        }
    }
}
