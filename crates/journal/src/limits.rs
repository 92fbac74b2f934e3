//! Every bound of the journal, with its reason. Relations between them are asserted at compile time.

/// The newest layout of log blocks that this code writes and reads; a newer one is refused by name. Version 2 has the layout of
/// version 1, whose records were all plain: who knows only that must not take sealed ones for them.
pub const LOG_FORMAT: u16 = 2;

/// The same of the manifest. Version 1 knew no checkpoints and no segments; it is read, and replaced by the first change.
pub const MANIFEST_FORMAT: u16 = 2;

/// The same of checkpoints. Version 1 knew no sealed states.
pub const CHECKPOINT_FORMAT: u16 = 2;

/// The same of the file that holds the wrapped data keys.
pub const KEYS_FORMAT: u16 = 1;

/// The longest file of wrapped data keys: some twenty thousand keys. One each 90 days is five thousand years of them; a server that
/// seals 300,000 records a second, and so makes one every four hours, has them for ten.
pub(crate) const KEYS_BYTES_MAX: usize = 2 << 20;

/// The same of the index that ends a backup.
pub const BACKUP_FORMAT: u16 = 1;

/// Blocks begin and end on this boundary: what O_DIRECT asks for, and what disks of today write at once.
pub const PAGE_BYTES: usize = 4096;

/// One log file: small enough to zero in the background and to trim often, large enough that a roll is rare.
pub const FILE_BYTES: u64 = 64 << 20;

/// One block with its header. What arrives beyond it during a sync waits for the next block. What is changed at once stands in one:
/// the largest change is 10 MiB of records that a PutRecords of Kinesis puts into one shard. Nothing that reads relies on it.
pub const BLOCK_BYTES_MAX: usize = 12 << 20;

/// What may wait for the disk in memory; beyond it `append` answers `Full`. It also bounds what a crash can forget, which
/// who gives out numbers before they are durable relies on: a later version may lower it, and must not raise it unless the
/// numbers that are passed over rise first.
pub const PENDING_BYTES_MAX: usize = 64 << 20;

/// Zeroed files kept ready, so that a roll needs no allocation from the file system.
pub const SPARES: usize = 2;

/// Space kept back from ordinary entries, so that deletes and acknowledgements still work on a full disk.
pub const RESERVE_BYTES: u64 = 2 * FILE_BYTES;

/// The longest time an entry appended as `Soon` waits before it is written (the durability mode `relaxed` promises the same).
pub const SOON_MILLIS: u64 = 5;

/// Records that wait for a nudge at the most: from there on a sync costs each of them too little to wait for more.
pub const BATCH_RECORDS: usize = 256;

/// Bytes that wait for a nudge at the most: writing them takes as long as a sync does.
pub const BATCH_BYTES: usize = 512 << 10;

/// The longest time an entry waits for a nudge that does not come, because every thread is busy with other requests.
pub const BATCH_MICROS: u64 = 1000;

/// Quiet time after which an empty block attests that all before it was durable. Until then a rotten last block cannot
/// be told from a torn one; shorter would write more, longer would leave that window open longer.
pub const SEAL_MILLIS: u64 = 50;

/// How often the keeper looks at free space and missing spares when nobody asks for it.
pub(crate) const TEND_MILLIS: u64 = 1000;

/// One write while zeroing: large enough to be fast, small enough to let syncs of the log pass in between.
pub(crate) const ZERO_BYTES: usize = 256 << 10;

/// Block buffers kept for reuse: one being written, one being filled, one to change over.
pub(crate) const BUFFERS_KEPT: usize = 3;

/// One read of the log at recovery.
pub(crate) const READ_BYTES: usize = 4 << 20;

/// One write of a checkpoint: it grows by as much, and more would only hold more memory.
pub(crate) const CHECKPOINT_WRITE_BYTES: usize = 1 << 20;

/// One read of a closed file that goes into segments: it happens beside requests, and memory matters more than speed.
pub(crate) const SCAN_READ_BYTES: usize = 1 << 20;

/// One read of a checkpoint.
pub(crate) const CHECKPOINT_READ_BYTES: usize = 1 << 20;

/// The commit thread's nice value: at normal priority on a busy machine a sync's end waits for a scheduler tick
/// (measured: 85 µs become 4 ms).
pub(crate) const COMMIT_NICE: i32 = -10;

/// The newest layout of segments this code writes and reads. It counts by itself: segments outlive the logs they came from.
pub const SEGMENT_FORMAT: u16 = 1;

/// Records in one segment. Those of a whole log file fit, so that retiring one that is all live makes no second, tiny
/// segment; the file itself is longer by indexes, directory and two pages.
pub const SEGMENT_BYTES_MAX: u64 = FILE_BYTES;

/// From so many bytes of records on a partition gets segments of its own, which are unlinked as soon as it has drained.
/// Below, it shares one: a file for each tiny partition would cost a sync each.
pub const OWN_SEGMENT_BYTES: u64 = 8 << 20;

/// Records between two entries of a piece's index: about what one read brings anyway, and an index of a thousandth of
/// the records.
pub const INDEX_STEP_BYTES: u64 = 16 << 10;

/// What a segment is assembled in, so the memory that writing one takes. Records that stand far apart are brought into
/// order within it: the larger it is, the less often a source is read again. A record or an index that is larger gets a buffer
/// of its size.
pub const COPY_BYTES: usize = 2 << 20;

/// One read while a segment is assembled.
pub(crate) const COPY_READ_BYTES: usize = 1 << 20;

/// Bytes between two wanted records that are read and thrown away: cheaper than another read.
pub(crate) const COPY_GAP_BYTES: u64 = 64 << 10;

/// One write of a segment: large enough to be fast, small enough to let syncs of the log pass in between.
pub(crate) const COPY_WRITE_BYTES: usize = 512 << 10;

/// One read of a piece's records, and of a directory. A step with a larger record is read alone.
pub(crate) const READ_AHEAD_BYTES: usize = 256 << 10;

/// Segments kept open for reading; far below what a process may have open.
pub(crate) const SEGMENTS_OPEN: usize = 64;

/// Indexes of pieces kept in memory; the largest has 4096 steps of 16 bytes, so 2 MiB at the most.
pub(crate) const INDEXES_KEPT: usize = 32;

const _: () = assert!(SEGMENT_BYTES_MAX >= FILE_BYTES, "a log file's records fit into one segment");
const _: () = assert!(SEGMENT_BYTES_MAX + (BLOCK_BYTES_MAX as u64) < 1 << 32, "an index names steps with four bytes");
const _: () = assert!(OWN_SEGMENT_BYTES <= SEGMENT_BYTES_MAX, "a partition that shares a segment is not cut");
const _: () = assert!(CHECKPOINT_WRITE_BYTES.is_multiple_of(PAGE_BYTES), "checkpoints are whole pages");
const _: () = assert!(BLOCK_BYTES_MAX.is_multiple_of(PAGE_BYTES), "blocks are whole pages");
const _: () = assert!(FILE_BYTES.is_multiple_of(PAGE_BYTES as u64), "files are whole pages");
const _: () = assert!(
    (BLOCK_BYTES_MAX + 2 * PAGE_BYTES) as u64 <= FILE_BYTES,
    "a file holds its head, the largest block, and a signpost"
);
const _: () = assert!(PENDING_BYTES_MAX >= BLOCK_BYTES_MAX, "one full block may always be pending");

/// The pause between two writes of zeros while at least one spare is ready, so that the log's own syncs go first.
pub(crate) const ZERO_PAUSE_MICROS: u64 = 500;
