//! From a folder to a log that can be appended to: every block is verified, replayed, and the end is settled.
//!
//! The end of the log is where the chain does not go on. It is a torn tail if nothing shows that the missing block was
//! ever durable. Since a block is written only after the one before it was synced, any sound header of a later block
//! shows just that, wherever it stands: in the same file, in a later one, or in the head of a spare that was about to
//! become a file. Then it is corruption and nothing is opened. A torn tail is written over by the opening block of the
//! next incarnation, which carries the torn block's number: from then on its remains are stale by the chain's rule.

use std::{collections::HashSet, sync::Arc};

use names::Position;

use crate::{
    aligned::{AlignedBuf, padded},
    aside,
    block::{CLOSING, FILE_HEAD, FileHead, HeaderFault, OPENING, UNZEROED},
    chain::{Chain, Link},
    checkpoint::{CHECKPOINT_NEW, checkpoint_number},
    error::{Fault, OpenError, ReplayError},
    io::{Io, IoFile},
    keys::KEYS_NEW,
    ledger::Ledger,
    limits::{LOG_FORMAT, PAGE_BYTES},
    log::{Log, Tail},
    manifest::{self, FileStart, Manifest},
    options::Options,
    reader::Reader,
    record::Record,
    restore::{self, Order, Restore, Sequences},
    segment::Segments,
    shelf::{FRESH, SPARE_NEW, Shelf, log_name, log_number, spare_number},
};

/// What an open found. How long it took is the caller's to measure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Partitions restored from checkpoints.
    pub snapshots: u64,
    /// Bytes of these checkpoints.
    pub checkpoint_bytes: u64,
    /// Records replayed.
    pub records: u64,
    /// Blocks verified, empty ones included.
    pub blocks: u64,
    /// Bytes of these blocks, padding included.
    pub bytes: u64,
    /// Bytes of a block that was being written at the crash and was dropped; none of it was ever reported durable.
    pub torn_bytes: u64,
    /// The last position replayed.
    pub last: Position,
    /// This start's incarnation.
    pub incarnation: u32,
    /// The log ended with an orderly close.
    pub closed_in_order: bool,
}

/// A log ready to be appended to.
pub(crate) struct Opened {
    pub(crate) log: Log,
    pub(crate) ledger: Ledger,
    pub(crate) recovery: Recovery,
    pub(crate) sequences: Sequences,
    /// Records before the log's beginning are gone, so an unknown partition may begin anywhere.
    pub(crate) trimmed: bool,
}

type Replay<'a> = dyn FnMut(&Record<'_>) -> Result<(), ReplayError> + 'a;

/// Opens the log in `io`, or begins one.
pub(crate) fn open(
    io: Arc<dyn Io>,
    options: &Options,
    restore: &mut Restore<'_>,
    replay: &mut Replay<'_>,
) -> Result<Opened, OpenError> {
    let manifest = manifest::read(&*io)?;
    let found = Found::list(&*io, manifest.as_ref())?;
    if manifest.is_none() {
        found.refuse_without_manifest(&*io)?;
    }
    let shelf = Arc::new(Shelf::new(io, options.file_bytes, options.spares, options.retire_bytes()));
    let Some(manifest) = manifest else { return begin(&shelf, &found, options) };
    let (log_id, without_lost) = (manifest.base.chain.log_id, options.without_lost_segments);
    let segments = Segments::open_perhaps_without(shelf.shared_io(), log_id, &manifest.segments, without_lost)?;
    let segments = segments.with_sizes(options.segments);
    let order = restore::restore(shelf.io(), &manifest, restore)?;
    let ledger = Ledger::new(Arc::clone(&shelf), segments, manifest.clone());
    resume(ledger, &found, &manifest.base, order, replay)
}

/// The files of the folder, sorted by what they are.
struct Found {
    logs: Vec<u64>,
    spares: Vec<String>,
    /// Half-made files, and checkpoints and segments that the manifest does not list.
    leftovers: Vec<String>,
    /// There are checkpoints or segments.
    stored: bool,
    /// All of them.
    names: Vec<String>,
}

impl Found {
    fn list(io: &dyn Io, manifest: Option<&Manifest>) -> Result<Self, Fault> {
        let names = io.list().map_err(Fault::of("journal", "list"))?;
        let mut logs: Vec<u64> = names.iter().filter_map(|name| log_number(name)).collect();
        logs.sort_unstable();
        let mut spares: Vec<_> = names.iter().filter(|name| spare_number(name).is_some()).cloned().collect();
        spares.sort_unstable();
        let checkpoints = manifest.iter().flat_map(|manifest| &manifest.checkpoints);
        let checkpoints: HashSet<u64> = checkpoints.map(|file| file.number).collect();
        let segments = manifest.iter().flat_map(|manifest| &manifest.segments);
        let segments: HashSet<u64> = segments.map(|segment| segment.number).collect();
        let half_made = [SPARE_NEW, FRESH, manifest::MANIFEST_NEW, CHECKPOINT_NEW, KEYS_NEW];
        let is_left_over = |name: &String| {
            half_made.contains(&name.as_str())
                || Segments::is_half_made(name)
                || Segments::is_ours(name).is_some_and(|number| !segments.contains(&number))
                || checkpoint_number(name).is_some_and(|number| !checkpoints.contains(&number))
        };
        let stored = names.iter().any(|name| Segments::is_ours(name).is_some() || checkpoint_number(name).is_some());
        let leftovers = names.iter().filter(|name| is_left_over(name)).cloned().collect();
        Ok(Self { logs, spares, leftovers, stored, names })
    }

    /// Without a manifest there is no log, or a crash stopped the very first open between its first file and its
    /// manifest. Any other log file means that the manifest was lost.
    fn refuse_without_manifest(&self, io: &dyn Io) -> Result<(), OpenError> {
        let lost = match self.logs.as_slice() {
            _ if self.stored => true,
            [] => false,
            [1] => holds_more_than_its_head(io, &log_name(1))?,
            _ => true,
        };
        if lost {
            let why = "it is missing, but files of a log are there";
            return Err(OpenError::corrupt(manifest::MANIFEST, 0, why));
        }
        Ok(())
    }
}

fn holds_more_than_its_head(io: &dyn Io, name: &str) -> Result<bool, OpenError> {
    let file = io.open(name).map_err(Fault::of(name, "open"))?;
    let bytes = file.len().map_err(Fault::of(name, "length"))?;
    let mut reader = Reader::new(bytes);

    let Ok((head, _)) = reader.header(&*file, name, 0)? else { return Ok(true) };
    let chain = Chain { number: 2, position: 1, ..Chain::new(head.log_id) };
    for offset in (PAGE_BYTES as u64..bytes).step_by(PAGE_BYTES) {
        if let Ok((header, _)) = reader.header(&*file, name, offset)?
            && chain.link(&header) != Link::Stale
        {
            return Ok(true);
        }
    }
    Ok(!head.has(OPENING))
}

fn begin(shelf: &Arc<Shelf>, found: &Found, options: &Options) -> Result<Opened, OpenError> {
    clear_leftovers(shelf, found)?;
    for number in &found.logs {
        let name = log_name(*number);
        shelf.io().remove(&name).map_err(Fault::of(&name, "remove"))?;
    }
    for name in &found.spares {
        shelf.adopt(name.clone())?;
    }
    let (log, base) = Log::create(Arc::clone(shelf))?;
    let manifest = Manifest::new(base);
    manifest::prepare(shelf.io(), &manifest)?;
    manifest::install(shelf.io())?;
    let recovery = Recovery { incarnation: log.chain().incarnation, ..Recovery::default() };
    let segments = Segments::open(shelf.shared_io(), base.chain.log_id, &[])?.with_sizes(options.segments);
    let ledger = Ledger::new(Arc::clone(shelf), segments, manifest);
    Ok(Opened { log, ledger, recovery, sequences: Sequences::new(), trimmed: false })
}

/// Removes half-made files, durably: their names are used again, and a crash that kept a later rename but forgot the
/// removal would give a half-made file the later name.
fn clear_leftovers(shelf: &Shelf, found: &Found) -> Result<(), Fault> {
    for name in &found.leftovers {
        aside::remove_or_keep(shelf.io(), name, &found.names)?;
    }
    if found.leftovers.is_empty() {
        return Ok(());
    }
    shelf.io().sync_names().map_err(Fault::of("journal", "sync of the folder"))
}

fn resume(
    ledger: Ledger,
    found: &Found,
    base: &FileStart,
    order: Order,
    replay: &mut Replay<'_>,
) -> Result<Opened, OpenError> {
    let shelf = ledger.shelf();
    let (snapshots, checkpoint_bytes) = (order.snapshots(), order.checkpoint_bytes);
    let mut scan = Scan {
        shelf,
        chain: base.chain,
        order,
        recovery: Recovery { snapshots, checkpoint_bytes, ..Recovery::default() },
        reader: Reader::new(shelf.file_bytes()),
        last_block: None,
        replay,
    };
    let tail = scan.files(found, base)?;
    let last_block = scan.last_block;
    let fresh = found.leftovers.iter().filter(|name| *name == FRESH);
    scan.refuse_if_a_spare_goes_on(found.spares.iter().chain(fresh), &tail)?;
    let Scan { chain, order, mut recovery, .. } = scan;
    let name = log_name(tail.number);
    order.check_end(chain.position - 1).map_err(|why| OpenError::corrupt(&name, tail.offset, why))?;
    let (sequences, trimmed) = order.finish();

    // Nothing has been changed up to here. After a kill, what was replayed, and the names under which it was found, may
    // so far stand in caches only; the opening block must not outlive them.
    write_again(&tail, last_block, &name)?;
    tail.file.sync().map_err(Fault::of(&name, "sync"))?;
    shelf.io().sync_names().map_err(Fault::of("journal", "sync of the folder"))?;
    clear_leftovers(shelf, found)?;
    for number in found.logs.iter().filter(|number| **number < base.file) {
        aside::remove_or_keep(shelf.io(), &log_name(*number), &found.names)?;
    }
    for name in &found.spares {
        shelf.adopt(name.clone())?;
    }
    let mut log = Log::resume(Arc::clone(shelf), chain, tail);
    log.append_empty(OPENING)?;
    recovery.incarnation = log.chain().incarnation;
    recovery.last = Position::new(chain.position - 1);
    Ok(Opened { log, ledger, recovery, sequences, trimmed })
}

/// The walk over all files.
struct Scan<'a> {
    shelf: &'a Shelf,
    chain: Chain,
    order: Order,
    recovery: Recovery,
    reader: Reader,
    /// Where the last block of the file being read stands, and how long it is.
    last_block: Option<(u64, u64)>,
    replay: &'a mut Replay<'a>,
}

/// Writes the log's last block once more. The process before this one may have ended because its sync failed; then the
/// system can show the block and yet hold it for clean, and a sync would save nothing. Every earlier block was synced.
fn write_again(tail: &Tail, block: Option<(u64, u64)>, name: &str) -> Result<(), Fault> {
    let Some((offset, length)) = block else { return Ok(()) };
    let length = usize::try_from(length).expect("a block was read into memory");
    let mut bytes = AlignedBuf::new(length);
    let read = tail.file.read_at(offset, &mut bytes).map_err(Fault::at(name, "read", offset))?;
    assert_eq!(read, length, "the block was read a moment ago");
    tail.file.write_at(offset, &bytes).map_err(Fault::at(name, "write", offset))
}

/// Why the chain does not go on at a place.
enum End {
    /// The file has no more room for a block.
    FileFull,
    /// Nothing of the next block stands there.
    Nothing(&'static str),
    /// A copy of the next file's head: the log goes on there.
    Signpost,
    /// The next block's header stands there, without its whole payload.
    Torn { bytes: u64 },
}

impl End {
    fn why(&self) -> &'static str {
        match self {
            Self::FileFull => "the file is full",
            Self::Signpost => "it is missing from the file before",
            Self::Nothing(why) => why,
            Self::Torn { .. } => "its checksum is wrong",
        }
    }
}

impl Scan<'_> {
    fn files(&mut self, found: &Found, base: &FileStart) -> Result<Tail, OpenError> {
        let numbers: Vec<u64> = found.logs.iter().copied().filter(|number| *number >= base.file).collect();
        for (number, expected) in numbers.iter().zip(base.file..) {
            if *number != expected {
                return Err(OpenError::corrupt(&log_name(expected), 0, "the file is missing"));
            }
        }
        let mut end = None;
        for number in numbers {
            end = Some(self.file(number, end.as_ref())?);
        }
        let (tail, end) = end.ok_or_else(|| OpenError::corrupt(&log_name(base.file), 0, "the file is missing"))?;
        self.settle(&tail, &end)?;
        Ok(tail)
    }

    /// Replays one file; `before` is where the one before it ended.
    fn file(&mut self, number: u64, before: Option<&(Tail, End)>) -> Result<(Tail, End), OpenError> {
        let name = log_name(number);
        let file: Arc<dyn IoFile> = self.shelf.io().open(&name).map_err(Fault::of(&name, "open"))?.into();
        self.reader.clear();
        self.last_block = None;
        let start = FileStart { file: number, chain: self.chain };
        let (bytes, zeroed) = self.head(&*file, &name, number, before)?;
        self.shelf.started(start, zeroed, Arc::clone(&file));
        let mut offset = PAGE_BYTES as u64;
        let end = loop {
            match self.block(&*file, &name, offset, bytes)? {
                Ok(length) => {
                    self.last_block = Some((offset, length));
                    offset += length;
                }
                Err(end) => break end,
            }
        };
        Ok((Tail { file, number, offset, bytes, zeroed }, end))
    }

    /// A file's head was durable before the file had its name, so here nothing can be a torn tail.
    fn head(
        &mut self,
        file: &dyn IoFile,
        name: &str,
        number: u64,
        before: Option<&(Tail, End)>,
    ) -> Result<(u64, bool), OpenError> {
        let (header, crc) = match self.reader.header(file, name, 0)? {
            Ok(head) => head,
            Err(HeaderFault::Newer(found)) => return Err(OpenError::newer(name, found, LOG_FORMAT)),
            Err(_) => return Err(OpenError::corrupt(name, 0, "the head of the file is damaged")),
        };
        match (self.chain.link(&header), before) {
            (Link::Next, _) => {}
            (Link::Ahead, Some((tail, end))) => return Err(self.lost(tail, end, header.number, name)),
            _ => return Err(OpenError::corrupt(name, 0, "the head of the file does not follow the block before it")),
        }
        let payload = self.reader.payload(file, name, 0, &header)?;
        let head = payload.filter(|payload| header.is_sound(payload)).and_then(FileHead::decode);
        let head = head.filter(|head| head.file == number && header.has(FILE_HEAD));
        let head = head.ok_or_else(|| OpenError::corrupt(name, 0, "the head of the file is damaged"))?;
        let bytes = file.len().map_err(Fault::of(name, "length"))?;
        if bytes < head.file_bytes {
            let why = format!("the file was cut off here; it had {} bytes", head.file_bytes);
            return Err(OpenError::corrupt(name, bytes, why));
        }
        self.count(PAGE_BYTES as u64);
        self.chain.advance(&header, crc);
        Ok((head.file_bytes, !header.has(UNZEROED)))
    }

    /// Replays the block at `offset` and says how long it is, or why there is none.
    fn block(&mut self, file: &dyn IoFile, name: &str, offset: u64, bytes: u64) -> Result<Result<u64, End>, OpenError> {
        if offset + PAGE_BYTES as u64 > bytes {
            return Ok(Err(End::FileFull));
        }
        let (header, crc) = match self.reader.header(file, name, offset)? {
            Ok(found) => found,
            Err(HeaderFault::NotAHeader) => return Ok(Err(End::Nothing("there is no block header"))),
            Err(HeaderFault::Checksum) => return Ok(Err(End::Nothing("its header is damaged"))),
            Err(HeaderFault::Newer(found)) => return Err(OpenError::newer(name, found, LOG_FORMAT)),
        };
        match self.chain.link(&header) {
            Link::Next if header.has(FILE_HEAD) => return Ok(Err(End::Signpost)),
            Link::Next => {}
            Link::Stale => return Ok(Err(End::Nothing("an older block stands there"))),
            Link::Ahead => return Ok(Err(End::Nothing("a later block stands there"))),
            Link::Broken => {
                return Err(OpenError::corrupt(name, offset, "the block does not follow the one before it"));
            }
        }
        let length = padded(header.bytes()) as u64;
        let Some(payload) = self.reader.payload(file, name, offset, &header)? else {
            return Err(OpenError::corrupt(name, offset, "the block is longer than its file"));
        };
        if !header.is_sound(payload) {
            return Ok(Err(End::Torn { bytes: length }));
        }
        for record in header.records(payload) {
            self.order.check(&record).map_err(|why| OpenError::corrupt(name, offset, why))?;
            (self.replay)(&record).map_err(|error| OpenError::Replay {
                file: name.into(),
                position: record.position,
                error,
            })?;
        }
        if header.count > 0 {
            self.shelf.note_block(header.first_position, offset, padded(header.bytes()));
        }
        self.recovery.records += u64::from(header.count);
        self.recovery.closed_in_order = header.has(CLOSING);
        self.count(length);
        self.chain.advance(&header, crc);
        Ok(Ok(length))
    }

    fn count(&mut self, bytes: u64) {
        self.recovery.blocks += 1;
        self.recovery.bytes += bytes;
    }

    fn lost(&self, tail: &Tail, end: &End, later: u64, later_file: &str) -> OpenError {
        let why = format!(
            "block {} was durable, for block {later} follows in {later_file}, but {}",
            self.chain.number,
            end.why()
        );
        OpenError::corrupt(&log_name(tail.number), tail.offset, why)
    }

    /// Decides between a torn tail and corruption: looks for any later block in the rest of the last file.
    fn settle(&mut self, tail: &Tail, end: &End) -> Result<(), OpenError> {
        if matches!(end, End::Signpost) {
            let why = format!("the file is missing, but {} says that the log goes on in it", log_name(tail.number));
            return Err(OpenError::corrupt(&log_name(tail.number + 1), 0, why));
        }
        let name = log_name(tail.number);
        for offset in (tail.offset..tail.bytes).step_by(PAGE_BYTES) {
            match self.reader.header(&*tail.file, &name, offset)? {
                Ok((header, _)) if self.chain.link(&header) == Link::Ahead => {
                    return Err(self.lost(tail, end, header.number, &name));
                }
                Err(HeaderFault::Newer(found)) => return Err(OpenError::newer(&name, found, LOG_FORMAT)),
                _ => {}
            }
        }
        self.recovery.torn_bytes = match end {
            End::Torn { bytes } => *bytes,
            End::FileFull | End::Signpost | End::Nothing(_) => 0,
        };
        Ok(())
    }

    /// A roll writes the head of the next file while it still is a spare; that head, too, proves the block before it.
    fn refuse_if_a_spare_goes_on<'n>(
        &mut self,
        spares: impl Iterator<Item = &'n String>,
        tail: &Tail,
    ) -> Result<(), OpenError> {
        for name in spares {
            let spare = self.shelf.io().open(name).map_err(Fault::of(name, "open"))?;
            self.reader.clear();
            if let Ok((header, _)) = self.reader.header(&*spare, name, 0)?
                && self.chain.link(&header) == Link::Ahead
            {
                let why =
                    format!("block {} was durable, for block {} follows in {name}", self.chain.number, header.number);
                return Err(OpenError::corrupt(&log_name(tail.number), tail.offset, why));
            }
        }
        Ok(())
    }
}
