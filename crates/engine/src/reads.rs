//! Reads contents that are not in memory, from the log or from segments.
//!
//! The disk is read without the partition's lock, so that sends and deletes go on; a content may meanwhile move from the
//! log into a segment or from one segment into another, so a read that fails looks again before it calls it damage. What
//! stands behind the wanted contents is read with them and kept while memory lasts: the next receive will ask for it.
//! A read blocks the thread it is made on, so whoever answers requests has it made elsewhere ([`Shared::read_elsewhere`]), so many
//! at a time. What a machine has to learn before it decides is read where it is decided.

use crate::contents::Found;
use crate::keyring::open_record;
use crate::machine::{Effect, Machine};
use crate::partition::Partition;
use crate::store::Shared;
use crate::unavailable::Unavailable;
use journal::{Damage, Piece, Record};
use names::Position;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use tokio::sync::{Semaphore, oneshot};

/// One read of a segment: some hundred small messages, or a large one with its neighbours.
const READ_AHEAD_BYTES: usize = 256 << 10;

/// Records that one read of the log takes: a page of neighbours.
const READ_AHEAD_RECORDS: usize = 64;

/// Answers that read contents from the disk at one time; others wait in line. Each holds a thread that may block, and what it has
/// read. A disk is busy with fewer, and what is read is opened and decoded by the same few cores that answer everybody else.
pub const COLD_READS_MAX: usize = 16;

/// Work that blocks its thread.
pub type Work = Box<dyn FnOnce() + Send>;

/// Where the disk is read.
pub(crate) struct ColdReads {
    elsewhere: OnceLock<Box<dyn Fn(Work) + Send + Sync>>,
    places: Arc<Semaphore>,
}

impl Default for ColdReads {
    fn default() -> Self {
        Self { elsewhere: OnceLock::new(), places: Arc::new(Semaphore::new(COLD_READS_MAX)) }
    }
}

impl Shared {
    /// From now on contents that an answer needs and only the disk has are read where `elsewhere` does its work. Without it they are
    /// read on the thread that asks, as simulations want it. Said twice, the first one holds.
    pub fn read_elsewhere(&self, elsewhere: impl Fn(Work) + Send + Sync + 'static) {
        let _ = self.cold_reads.elsewhere.set(Box::new(elsewhere));
    }
}

/// How often a content may be found moved before it is given up: each move is a retirement or a compaction, which come
/// minutes apart.
const MOVES_MAX: usize = 8;

/// Contents that were read, by their keys, and whether the disk refused to read one that may be sound.
type Fetched<C> = (BTreeMap<u64, C>, bool);

impl<M: Machine> Partition<M> {
    /// The contents of `keys`, as `fetch` gives them, without blocking the thread that asks.
    pub(crate) async fn fetch_elsewhere(self: &Arc<Self>, keys: Vec<u64>) -> Result<Fetched<M::Content>, Unavailable> {
        let ColdReads { elsewhere, places } = &self.store().cold_reads;
        let Some(elsewhere) = elsewhere.get() else { return Ok(self.fetch(&keys)) };
        let place = Arc::clone(places).acquire_owned().await.expect("the places are never closed");
        let (answer, answered) = oneshot::channel();
        let partition = Arc::clone(self);
        elsewhere(Box::new(move || {
            let read = partition.fetch(&keys);
            // Nobody puts a partition away that is held, and whoever is answered may ask for that at once.
            drop((partition, place));
            // Whoever asked may have gone.
            let _ = answer.send(read);
        }));
        // Work that was taken and never done is of a server that ends.
        answered.await.map_err(|_| Unavailable::Stopped)
    }

    /// The contents of `keys` as far as they are there, and whether the disk refused to read one that may be sound.
    pub(crate) fn fetch(&self, keys: &[u64]) -> Fetched<M::Content> {
        let (mut read, mut is_refused) = (BTreeMap::new(), false);
        for &key in keys {
            if !read.contains_key(&key) {
                let damage = self.fetch_one(key, &mut read);
                is_refused |= damage.is_some_and(|damage| damage.may_pass);
            }
        }
        self.supply(&read);
        (read, is_refused)
    }

    /// Reads one, and what stands behind it; why it was not read, if it is there.
    fn fetch_one(&self, key: u64, read: &mut BTreeMap<u64, M::Content>) -> Option<Damage> {
        let mut before = None;
        for _ in 0..MOVES_MAX {
            let found = self.locate(key);
            let result = match &found {
                Found::Gone => return None,
                Found::Here(content) => {
                    read.insert(key, content.clone());
                    return None;
                }
                Found::Logged(_) => self.read_log(key, read),
                Found::InPiece(piece) => self.read_piece(piece, key, read),
            };
            if read.contains_key(&key) {
                return None;
            }
            let place = match found {
                Found::InPiece(piece) => Place::Segment(piece.segment),
                _ => Place::Log,
            };
            if before == Some(place) {
                let damage = result.err();
                self.report(key, place, damage.as_ref());
                return damage;
            }
            before = Some(place);
        }
        None
    }

    fn read_log(&self, key: u64, read: &mut BTreeMap<u64, M::Content>) -> Result<(), Damage> {
        let journal = self.store().journal();
        let mut positions: Vec<Position> = self.logged_from(key, READ_AHEAD_RECORDS);
        // What is asked for is durable; what stands behind it may still be on its way to the disk.
        positions.retain(|position| *position <= journal.durable());
        journal.read_log(&positions, &mut |record| self.take(record, read))
    }

    fn read_piece(&self, piece: &Piece, key: u64, read: &mut BTreeMap<u64, M::Content>) -> Result<(), Damage> {
        let journal = self.store().journal();
        journal.read_piece(piece, key, READ_AHEAD_BYTES, &mut |record, _| self.take(record, read))
    }

    fn take(&self, record: &Record<'_>, read: &mut BTreeMap<u64, M::Content>) {
        if record.partition != self.id() {
            return;
        }
        let mut plain = Vec::new();
        let record = match open_record(self.store().keyring(), record, &mut plain) {
            Ok(record) => record,
            Err(sealed) => return tracing::error!(partition = %self.id(), %sealed, "a stored record cannot be opened"),
        };
        match M::Effect::decode(record.kind, record.version, record.payload) {
            Ok(effect) => read.extend(M::content(effect)),
            Err(malformed) => tracing::error!(partition = %self.id(), %malformed, "a stored record is malformed"),
        }
    }

    /// A content is on disk and cannot be read. It stays where it is, and everything else is served.
    fn report(&self, key: u64, place: Place, damage: Option<&Damage>) {
        self.store().note_damaged_read();
        let damage = damage.map_or_else(|| format!("not found in {place:?}"), Damage::to_string);
        tracing::error!(partition = %self.id(), key, %damage, "a message on disk cannot be read");
    }
}

/// Where a read was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Log,
    Segment(u64),
}
