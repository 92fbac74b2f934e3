//! From a backup to a folder that a server can open: everything, or the state after an earlier position.
//!
//! What is restored is a log of its own: every block, segment and checkpoint is written anew under a new log id, so that
//! no file of it can ever be taken for one of the original. Positions, sequences and places stay what they were.
//!
//! The state after a position is a checkpoint that holds nothing later, and the log behind it up to there. Which
//! positions that reaches follows from what the folder holds: each backup's checkpoints, and the log as far as it goes on
//! in the folder, later backups included.

use std::{collections::HashSet, ops::ControlFlow, sync::Arc};

use names::{Instant, Position};

use crate::{
    aligned::{AlignedBuf, padded},
    block::{BLOCK_HEADER_BYTES, BlockHeader, FILE_HEAD, FileHead, UNZEROED},
    chain::Chain,
    checkpoint::{self, CheckpointFile, Header, Reader, Snapshot},
    error::{Damage, Fault, Unreadable},
    inspect::walk::{self, Block, Lengths, Step},
    io::{Io, IoFile},
    keys::{ROOT_KEY, read_keys, write_keys},
    limits::PAGE_BYTES,
    manifest::{self, FileStart, Manifest},
    record::{RECORD_HEADER_BYTES, Record, u32_at},
    restore::Order,
    segment::{Segments, rebadge},
    shelf::log_name,
};

use super::{
    BackupError, beyond_reach,
    index::{self, Index},
    view::View,
};

/// What is to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// All that the newest backup holds.
    Everything,
    /// The state after this position.
    Position(Position),
    /// The state after the last record that is no later than this.
    Time(Instant),
}

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// The backup it was taken from.
    pub backup: u64,
    /// The last position.
    pub last: Position,
    /// Records of the log.
    pub records: u64,
    /// Snapshots in its checkpoints.
    pub snapshots: u64,
    /// Segments.
    pub segments: u64,
    /// Which log it is now.
    pub log_id: u64,
}

/// Says when a record was written, if it says so itself; or why that cannot be known, which ends the restore.
pub type TimeOf<'a> = dyn FnMut(&Record<'_>) -> Result<Option<Instant>, String> + 'a;

/// Restores `goal` from the backups in `folder` into `target`, which must be empty. The manifest comes last: until then
/// `target` is no log.
pub fn restore(
    folder: &Arc<dyn Io>,
    target: &dyn Io,
    goal: Goal,
    time_of: &mut TimeOf<'_>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Restored, BackupError> {
    let there = target.list().map_err(Fault::of("journal", "list"))?;
    if let Some(name) = there.iter().find(|name| *name != "lock" && *name != ROOT_KEY) {
        return Err(BackupError::Refused(format!("the data folder must be empty, and {name} is there")));
    }
    let indexes = index::read_all(&**folder)?;
    let Some(newest) = indexes.last() else {
        return Err(BackupError::Refused("there is no backup in this folder".into()));
    };
    let (source, upto) = match goal {
        Goal::Everything => {
            let kept = newest.manifest.checkpoints.len();
            (Source::new(folder, newest, kept), newest.last)
        }
        Goal::Position(wanted) => (reach(folder, &indexes, wanted)?, wanted),
        Goal::Time(time) => {
            let wanted = last_before(folder, &indexes, time, time_of)?;
            (reach(folder, &indexes, wanted)?, wanted)
        }
    };
    source.write(target, upto.get(), progress)
}

/// One backup, with all of its checkpoints or none.
struct Source {
    view: Arc<dyn Io>,
    number: u64,
    manifest: Manifest,
    /// The last position that the backup itself holds.
    known: Position,
}

impl Source {
    fn new(folder: &Arc<dyn Io>, index: &Index, checkpoints: usize) -> Self {
        let mut manifest = index.manifest.clone();
        manifest.checkpoints.truncate(checkpoints);
        if checkpoints == 0 {
            manifest.segments.clear();
        }
        let view = Arc::new(View::new(Arc::clone(folder), &index.manifest));
        Self { view, number: index.number, manifest, known: index.last }
    }
}

/// The newest backup from which the state after `wanted` follows.
fn reach(folder: &Arc<dyn Io>, indexes: &[Index], wanted: Position) -> Result<Source, BackupError> {
    let mut reached = Vec::new();
    for index in indexes.iter().rev() {
        let end = end_of(folder, index)?;
        let mut ways = vec![Source::new(folder, index, index.manifest.checkpoints.len())];
        // A log that still has its beginning tells everything by itself. Fewer checkpoints than all do not help otherwise:
        // what was let go of when a log file was retired, an older checkpoint may have counted on.
        ways.extend((index.manifest.base.chain.position == 1).then(|| Source::new(folder, index, 0)));
        for way in ways {
            let first = first_of(&way)?;
            if (first..=end).contains(&wanted.get()) {
                return Ok(way);
            }
            reached.push((first, end));
        }
    }
    Err(beyond_reach(wanted, &reached))
}

/// The earliest position that checkpoints and log together can show.
fn first_of(source: &Source) -> Result<u64, BackupError> {
    let mut first = source.manifest.base.chain.position - 1;
    let mut seen = HashSet::new();
    for listed in source.manifest.checkpoints.iter().rev() {
        let mut reader = Reader::open(&*source.view, listed, source.manifest.base.chain.log_id)?;
        while let Some(snapshot) = reader.next()? {
            if seen.insert(snapshot.partition) {
                first = first.max(snapshot.position.get());
            }
        }
    }
    Ok(first)
}

/// The end of the log as far as it goes on in the folder.
fn end_of(folder: &Arc<dyn Io>, index: &Index) -> Result<u64, BackupError> {
    let mut last = index.manifest.base.chain.position - 1;
    walk_log(&View::new(Arc::clone(folder), &index.manifest), index.manifest.base, index.last, &mut |block| {
        last = block.header.last_position();
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(last)
}

/// The last position whose record is no later than `time`; records that say no time belong to the one before them.
fn last_before(
    folder: &Arc<dyn Io>,
    indexes: &[Index],
    time: Instant,
    time_of: &mut TimeOf<'_>,
) -> Result<Position, BackupError> {
    for index in indexes.iter().rev() {
        let (mut last, mut here, mut early) = (None, false, false);
        let view = View::new(Arc::clone(folder), &index.manifest);
        walk_log(&view, index.manifest.base, index.last, &mut |block| {
            for record in block.header.records(block.payload) {
                match time_of(&record).map_err(|why| unknown(&record, &why))? {
                    Some(at) => {
                        here = at <= time;
                        early |= here;
                    }
                    None if last.is_none() && !early => here = true,
                    None => {}
                }
                if here {
                    last = Some(record.position);
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if let Some(last) = last.filter(|_| early) {
            return Ok(last);
        }
    }
    let why = "no record in the backup is as early as this; an earlier backup may hold some".into();
    Err(BackupError::Refused(why))
}

fn unknown(record: &Record<'_>, why: &str) -> BackupError {
    BackupError::Refused(format!("when the record at position {} was written cannot be known: {why}", record.position))
}

type VisitBlock<'a> = dyn FnMut(&Block<'_>) -> Result<ControlFlow<()>, BackupError> + 'a;

/// Walks along a backup's log. Damage up to `known`, the last position of the backup, is an error; behind it the log goes
/// on as far as later backups have brought it without a gap.
fn walk_log(io: &dyn Io, base: FileStart, known: Position, visit: &mut VisitBlock<'_>) -> Result<(), BackupError> {
    let mut failed = None;
    walk::walk(io, base, Lengths::Copied, &mut |step| {
        let went = match step {
            Step::Block(block) => visit(&block),
            Step::Gap(gap) if gap.chain.position > known.get() => Ok(ControlFlow::Break(())),
            Step::Gap(gap) => Err(Damage::at(&log_name(gap.file), gap.offset, gap.why).into()),
            Step::Flaw(_) => Ok(ControlFlow::Continue(())),
        };
        Ok(went.unwrap_or_else(|error| {
            failed = Some(error);
            ControlFlow::Break(())
        }))
    })?;
    failed.map_or(Ok(()), Err)
}

impl Source {
    fn write(&self, target: &dyn Io, upto: u64, progress: &mut dyn FnMut(u64, u64)) -> Result<Restored, BackupError> {
        let log_id = target.entropy();
        let all = self.bytes_of_all()?;
        let mut done = 0;
        let mut passed = |bytes: u64| {
            done += bytes;
            progress(done.min(all), all);
        };
        let mut restored = Restored { backup: self.number, last: Position::new(upto), log_id, ..Restored::default() };
        let mut new = self.manifest.clone();
        new.base.chain.log_id = log_id;
        for segment in &mut new.segments {
            *segment = self.segment(target, segment.number, log_id)?;
            restored.segments += 1;
            passed(segment.bytes);
        }
        let mut order = Order::new(self.manifest.base.chain.position > 1);
        for listed in self.manifest.checkpoints.iter().rev() {
            self.note_floors(listed, &mut order)?;
        }
        for file in &mut new.checkpoints {
            *file = self.checkpoint(target, file, log_id, &mut restored)?;
            passed(file.bytes);
        }
        restored.records = self.log(target, &new.base, upto, &mut order, &mut passed)?;
        order.check_end(upto).map_err(|why| Damage::at(&log_name(self.manifest.base.file), 0, why))?;
        target.sync_names().map_err(Fault::of("journal", "sync of the folder"))?;
        if let Some(keys) = read_keys(&*self.view)? {
            write_keys(target, &keys.body)?;
        }
        manifest::prepare(target, &new)?;
        manifest::install(target)?;
        progress(all, all);
        Ok(restored)
    }

    fn bytes_of_all(&self) -> Result<u64, BackupError> {
        let stored = self.manifest.checkpoints.iter().map(|file| file.bytes);
        let mut all: u64 = stored.chain(self.manifest.segments.iter().map(|segment| segment.bytes)).sum();
        for name in self.view.list().map_err(Fault::of("backup", "list"))? {
            if crate::shelf::log_number(&name).is_some_and(|number| number >= self.manifest.base.file) {
                all += self.view.open(&name).and_then(|file| file.len()).map_err(Fault::of(&name, "length"))?;
            }
        }
        Ok(all)
    }

    fn segment(&self, target: &dyn Io, number: u64, log_id: u64) -> Result<crate::SegmentInfo, BackupError> {
        let old = self.manifest.base.chain.log_id;
        let segments = Segments::unchecked(Arc::clone(&self.view), old, &self.manifest.segments);
        segments.verify(number)?;
        let mut pieces = Vec::new();
        segments.pieces(number, &mut |partition, piece| pieces.push((partition, *piece)))?;
        Ok(rebadge(&*self.view, target, number, &pieces, log_id)?)
    }

    fn note_floors(&self, listed: &CheckpointFile, order: &mut Order) -> Result<(), BackupError> {
        let segments: HashSet<u64> = self.manifest.segments.iter().map(|segment| segment.number).collect();
        let mut reader = Reader::open(&*self.view, listed, self.manifest.base.chain.log_id)?;
        loop {
            let (name, offset) = reader.place();
            let name = name.to_owned();
            let Some(snapshot) = reader.next()? else { return Ok(()) };
            let counts = order.take(&snapshot, listed.number).map_err(|why| Damage::at(&name, offset, why))?;
            if counts && snapshot.pieces.iter().any(|piece| !piece.is_lost() && !segments.contains(&piece.segment)) {
                return Err(Damage::at(&name, offset, "a snapshot refers to a segment that the backup lacks").into());
            }
        }
    }

    /// Writes a checkpoint anew, snapshot by snapshot.
    fn checkpoint(
        &self,
        target: &dyn Io,
        listed: &CheckpointFile,
        log_id: u64,
        restored: &mut Restored,
    ) -> Result<CheckpointFile, BackupError> {
        let mut reader = Reader::open(&*self.view, listed, self.manifest.base.chain.log_id)?;
        let header = Header { log_id, ..reader.header() };
        let mut failed = None;
        let mut snapshots = std::iter::from_fn(|| match reader.next() {
            Ok(snapshot) => snapshot.map(|snapshot| {
                restored.snapshots += 1;
                into_owned(&snapshot)
            }),
            Err(error) => {
                failed = Some(error);
                None
            }
        });
        let written = checkpoint::write(target, header, &mut snapshots)?;
        failed.map_or(Ok(written), |error: Unreadable| Err(error.into()))
    }

    /// Writes the log up to `upto` anew; returns how many records it holds.
    fn log(
        &self,
        target: &dyn Io,
        base: &FileStart,
        upto: u64,
        order: &mut Order,
        passed: &mut dyn FnMut(u64),
    ) -> Result<u64, BackupError> {
        let mut log = NewLog { target, chain: base.chain, file: None };
        let mut records = 0;
        walk_log(&*self.view, self.manifest.base, self.known, &mut |block| {
            if block.header.first_position > upto && !(block.offset == 0 && log.file.is_none()) {
                return Ok(ControlFlow::Break(()));
            }
            for record in block.header.records(block.payload).take_while(|record| record.position.get() <= upto) {
                order.check(&record).map_err(|why| Damage::at(&log_name(block.file), block.offset, why))?;
                records += 1;
            }
            log.put(block, upto)?;
            passed(padded(block.header.bytes()) as u64);
            Ok(ControlFlow::Continue(()))
        })?;
        if log.chain.position != upto + 1 {
            let why = format!("the log ends at position {} before {upto}", log.chain.position - 1);
            return Err(BackupError::Refused(why));
        }
        log.finish()?;
        Ok(records)
    }
}

fn into_owned(snapshot: &Snapshot<'_>) -> Snapshot<'static> {
    Snapshot {
        pieces: snapshot.pieces.to_vec().into(),
        state: snapshot.state.to_vec().into(),
        partition: snapshot.partition,
        position: snapshot.position,
        sequence: snapshot.sequence,
        version: snapshot.version,
        over: snapshot.over,
        sealed: snapshot.sealed,
    }
}

/// The log as it is written anew: each block where it stood, in a new chain.
struct NewLog<'a> {
    target: &'a dyn Io,
    chain: Chain,
    file: Option<NewFile>,
}

struct NewFile {
    name: String,
    file: Box<dyn IoFile>,
    bytes: u64,
    end: u64,
}

impl NewLog<'_> {
    fn put(&mut self, block: &Block<'_>, upto: u64) -> Result<(), BackupError> {
        let (count, payload) = up_to(&block.header, block.payload, upto);
        let payload_crc = match count == block.header.count {
            true => block.header.payload_crc,
            false => checksum_of(count, payload),
        };
        let length = u32::try_from(payload.len()).expect("a block is shorter than 4 GiB");
        // A restored file is as long as it was, and not zeroed: it is left as soon as a zeroed one is ready.
        let head = block.header.has(FILE_HEAD);
        let flags = block.header.flags | if head { UNZEROED } else { 0 };
        let header = self.chain.header(flags, count, length, payload_crc);
        let mut bytes = AlignedBuf::new(padded(header.bytes()));
        let crc = header.encode(&mut bytes);
        bytes[BLOCK_HEADER_BYTES..BLOCK_HEADER_BYTES + payload.len()].copy_from_slice(payload);
        if head {
            self.next_file(block, &bytes)?;
        }
        let NewFile { name, file, end, .. } = self.file.as_mut().expect("a log begins with a file's head");
        file.write_at(block.offset, &bytes).map_err(Fault::at(name, "write", block.offset))?;
        *end = block.offset + bytes.len() as u64;
        self.chain.advance(&header, crc);
        Ok(())
    }

    /// Ends the file before with a copy of the new one's head, as a roll does.
    fn next_file(&mut self, block: &Block<'_>, head: &[u8]) -> Result<(), BackupError> {
        if let Some(old) = self.file.take() {
            if old.end + PAGE_BYTES as u64 <= old.bytes {
                old.file.write_at(old.end, head).map_err(Fault::at(&old.name, "write", old.end))?;
            }
            old.file.sync().map_err(Fault::of(&old.name, "sync"))?;
        }
        let name = log_name(block.file);
        let decoded = FileHead::decode(block.payload);
        let bytes = decoded.ok_or_else(|| Damage::at(&name, 0, "the head of the file is damaged"))?.file_bytes;
        let file = self.target.create(&name, bytes).map_err(Fault::of(&name, "create"))?;
        self.file = Some(NewFile { name, file, bytes, end: 0 });
        Ok(())
    }

    fn finish(self) -> Result<(), BackupError> {
        let file = self.file.ok_or_else(|| BackupError::Refused("the backup holds no log".into()))?;
        Ok(file.file.sync().map_err(Fault::of(&file.name, "sync"))?)
    }
}

/// The records of a block up to a position: how many, and their bytes.
fn up_to<'a>(header: &BlockHeader, payload: &'a [u8], upto: u64) -> (u32, &'a [u8]) {
    if header.last_position() <= upto || header.count == 0 {
        return (header.count, payload);
    }
    let kept = header.records(payload).take_while(|record| record.position.get() <= upto);
    let (mut count, mut bytes) = (0, 0);
    for record in kept {
        count += 1;
        bytes += RECORD_HEADER_BYTES + record.payload.len();
    }
    (count, &payload[..bytes])
}

/// Over the checksums of the records, as a block's header has it.
fn checksum_of(count: u32, payload: &[u8]) -> u32 {
    let (mut crc, mut at) = (0, 0);
    for _ in 0..count {
        crc = crc32c::crc32c_append(crc, &payload[at..at + 4]);
        at += RECORD_HEADER_BYTES + u32_at(payload, at + 4) as usize;
    }
    if count == 0 { crc32c::crc32c(payload) } else { crc }
}
