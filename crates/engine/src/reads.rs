//! Reads contents that are not in memory, from the log or from segments.
//!
//! The disk is read without the partition's lock, so that sends and deletes go on; a content may meanwhile move from the
//! log into a segment or from one segment into another, so a read that fails looks again before it calls it damage. What
//! stands behind the wanted contents is read with them and kept while memory lasts: the next receive will ask for it.
//! The read blocks the thread it is made on, for one read of `READ_AHEAD_BYTES`.

use crate::contents::Found;
use crate::keyring::open_record;
use crate::machine::{Effect, Machine};
use crate::partition::Partition;
use journal::{Damage, Piece, Record};
use names::Position;
use std::collections::BTreeMap;

/// One read of a segment: some hundred small messages, or a large one with its neighbours.
const READ_AHEAD_BYTES: usize = 256 << 10;

/// Records that one read of the log takes: a page of neighbours.
const READ_AHEAD_RECORDS: usize = 64;

/// How often a content may be found moved before it is given up: each move is a retirement or a compaction, which come
/// minutes apart.
const MOVES_MAX: usize = 8;

impl<M: Machine> Partition<M> {
    /// The contents of `keys` as far as they are there, and whether the disk refused to read one that may be sound.
    pub(crate) fn fetch(&self, keys: &[u64]) -> (BTreeMap<u64, M::Content>, bool) {
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
