//! Segments over a simulated disk: what was kept is read back, damage is found and named, crashes and full disks leave
//! nothing half.
//!
//! The sources are files with records and noise between them, as log files are; segments never look at blocks.

#![expect(clippy::unwrap_used, reason = "what tests call may unwrap: a panic there is the report")]

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use journal::{
    AlignedBuf, Damage, Io, Kept, Piece, Place, RECORD_HEADER_BYTES, RealDisk, SegmentInfo, SegmentSizes, Segments,
    Source, StoreError, padded, sim::SimDisk,
};
use names::{Instant, PartitionId};
use proptest::prelude::{any, prop, prop_assert_eq, proptest};

const LOG_ID: u64 = 0x7469_6465_7769_7265;
const SMALL: SegmentSizes = SegmentSizes { own_bytes: 6000, bytes_max: 9000, copy_bytes: 4096 };

/// A record as the log writes it.
fn raw(partition: u64, sequence: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0; RECORD_HEADER_BYTES];
    out[4..8].copy_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
    out[8..16].copy_from_slice(&sequence.to_le_bytes());
    out[16..24].copy_from_slice(&partition.to_le_bytes());
    (out[28], out[29]) = (1, 1);
    out.extend(payload);
    let crc = crc32c::crc32c(&out[4..]);
    out[..4].copy_from_slice(&crc.to_le_bytes());
    out
}

/// A file of a source being filled.
#[derive(Default)]
struct Filling {
    bytes: Vec<u8>,
}

impl Filling {
    fn push(&mut self, source: Source, record: &[u8], noise: usize) -> Place {
        self.bytes.resize(self.bytes.len() + noise, 0xEE);
        let offset = self.bytes.len() as u64;
        self.bytes.extend(record);
        Place { source, offset, bytes: u32::try_from(record.len()).unwrap() }
    }

    fn save(&self, disk: &dyn Io, name: &str) {
        let mut buffer = AlignedBuf::new(padded(self.bytes.len().max(1)));
        buffer[..self.bytes.len()].copy_from_slice(&self.bytes);
        let file = disk.create(name, buffer.len() as u64).unwrap();
        file.write_at(0, &buffer).unwrap();
        file.sync().unwrap();
        disk.sync_names().unwrap();
    }
}

/// What is kept, and the bytes of each record.
#[derive(Default)]
struct World {
    /// Every fifth record starts a piece.
    cut: bool,
    kept: Vec<Kept>,
    records: BTreeMap<(PartitionId, u64), Vec<u8>>,
    files: BTreeMap<Source, Filling>,
}

impl World {
    /// Adds a record whose key is three times its number and whose time falls with it.
    fn add(&mut self, partition: u64, number: u64, payload: &[u8], source: Source, noise: usize) {
        let record = raw(partition, number, payload);
        let place = self.files.entry(source).or_default().push(source, &record, noise);
        let (partition, key) = (PartitionId::new(partition), number * 3);
        let kept = Kept {
            partition,
            key,
            time: Instant::from_millis(1_000_000 - key),
            place,
            starts_piece: self.cut && key % 15 == 0,
        };
        self.kept.push(kept);
        self.records.insert((partition, key), record);
    }

    fn save(&mut self, disk: &dyn Io) {
        self.files.iter().for_each(|(source, file)| file.save(disk, &source.file()));
        self.kept.sort_by_key(|kept| (kept.partition, kept.key));
    }

    /// So many records for each partition, mixed in two log files.
    fn mixed(partitions: u64, records: u64, payload_bytes: usize) -> (World, SimDisk) {
        let mut world = World::default();
        for number in 1..=records {
            for partition in 1..=partitions {
                let payload = vec![u8::try_from(number % 251).unwrap(); payload_bytes];
                world.add(partition, number, &payload, Source::Log(1 + number % 2), 11);
            }
        }
        let disk = SimDisk::new(1);
        world.save(&disk);
        (world, disk)
    }

    /// Every kept record is read back from the pieces, in order, once, as it was.
    fn assert_read(&self, segments: &Segments, pieces: &[(PartitionId, Piece)]) {
        let mut kept = self.kept.iter();
        for (partition, piece) in pieces {
            for record in read_all(segments, piece, 0).0 {
                let Kept { partition: whose, key, .. } = kept.next().unwrap();
                assert_eq!((whose, &record), (partition, &self.records[&(*whose, *key)]));
                assert!(piece.first_key <= *key && *key <= piece.last_key);
                assert!(!self.cut || *key % 15 != 0 || *key == piece.first_key);
            }
        }
        assert!(kept.next().is_none(), "records are missing");
    }
}

/// The records from the step of a key on, and the damage met.
fn read_all(segments: &Segments, piece: &Piece, from_key: u64) -> (Vec<Vec<u8>>, Option<Damage>) {
    let mut found = Vec::new();
    let damage = segments.read(piece, from_key, usize::MAX, &mut |record, place| {
        assert_eq!(place.source, Source::Segment(piece.segment));
        assert!(place.offset >= piece.offset);
        assert!(place.offset + u64::from(place.bytes) <= piece.offset + piece.bytes);
        let bytes = raw(record.partition.get(), record.sequence, record.payload);
        assert_eq!((bytes.len(), &bytes[..4]), (place.bytes as usize, &record.checksum.to_le_bytes()[..]));
        found.push(bytes);
    });
    (found, damage.err())
}

fn open(disk: &SimDisk, listed: &[SegmentInfo]) -> Segments {
    Segments::open(Arc::new(disk.clone()), LOG_ID, listed).unwrap().with_sizes(SMALL)
}

fn segment_names(disk: &SimDisk) -> Vec<String> {
    disk.list().unwrap().into_iter().filter(|name| Segments::is_ours(name).is_some()).collect()
}

/// A small segment of two partitions, one of them with several steps.
fn small_segment() -> (World, SimDisk, Vec<(PartitionId, Piece)>, SegmentInfo) {
    let mut world = World::default();
    for number in 1..=30 {
        let payload = vec![u8::try_from(number).unwrap(); 1000 + usize::try_from(number).unwrap()];
        world.add(1, number, &payload, Source::Log(1), 0);
    }
    world.add(2, 1, b"alone", Source::Log(1), 0);
    world.add(3, 1, b"", Source::Log(1), 0);
    let disk = SimDisk::new(1);
    world.save(&disk);
    let segments = Segments::open(Arc::new(disk.clone()), LOG_ID, &[]).unwrap();
    let pieces = segments.write(&world.kept).unwrap();
    let list = segments.list();
    assert_eq!(list.len(), 1);
    (world, disk, pieces, list[0])
}

proptest! {
    #[test]
    fn whatever_is_kept_is_read_back_and_verified(
        records in prop::collection::vec((1..6_u64, 0..3_u64, 0..3000_usize, 0..200_usize, any::<u8>()), 0..40),
        again in any::<u64>(),
    ) {
        let (mut world, disk) = (World { cut: again % 2 == 0, ..World::default() }, SimDisk::new(again));
        for (number, (partition, source, bytes, noise, fill)) in (1..).zip(records) {
            world.add(partition, number, &vec![fill; bytes], Source::Log(source), noise);
        }
        world.save(&disk);
        let segments = open(&disk, &[]);
        let pieces = segments.write(&world.kept).unwrap();
        world.assert_read(&segments, &pieces);
        let records: u64 = segments.list().iter().map(|info| segments.verify(info.number).unwrap().records).sum();
        prop_assert_eq!(records, world.kept.len() as u64);

        // Compaction: some of what stands in segments is kept once more, in new segments, by another opener.
        let segments = open(&disk, &segments.list());
        let mut chance = fastrand::Rng::with_seed(again);
        let mut kept = Vec::new();
        for (partition, piece) in &pieces {
            let keys = piece.first_key..=piece.last_key;
            let mut keys = world.kept.iter().filter(|kept| kept.partition == *partition && keys.contains(&kept.key));
            segments.read(piece, 0, usize::MAX, &mut |_, place| {
                let old = keys.next().unwrap();
                if chance.bool() {
                    kept.push(Kept { place, ..*old });
                }
            }).unwrap();
        }
        let second = World { kept, records: world.records, ..World::default() };
        let old: Vec<_> = segments.list().iter().map(|info| info.number).collect();
        let pieces = segments.write(&second.kept).unwrap();
        segments.remove(&old).unwrap();
        segments.remove(&old).unwrap();
        second.assert_read(&segments, &pieces);
        prop_assert_eq!(segment_names(&disk).len(), segments.list().len());
        open(&disk, &segments.list());
    }
}

#[test]
fn records_larger_than_every_buffer_are_copied() {
    let (mut world, disk) = (World::default(), SimDisk::new(1));
    for number in 1..=3 {
        world.add(1, number, &vec![7; 3 << 20], Source::Log(4), 5000);
        world.add(2, number, &[8; 10], Source::Log(4), 200_000);
    }
    world.save(&disk);
    let segments = open(&disk, &[]);
    let pieces = segments.write(&world.kept).unwrap();
    world.assert_read(&segments, &pieces);
}

#[test]
fn a_read_begins_near_its_key_and_ends_after_its_bytes() {
    let (_, disk, pieces, info) = small_segment();
    let segments = open(&disk, &[info]);
    let piece = &pieces[0].1;
    assert_eq!((piece.records, piece.index_bytes), (30, 8 + 2 * 16 + 4));
    let sequences = |from_key, bytes| {
        let mut found = Vec::new();
        segments.read(piece, from_key, bytes, &mut |record, _| found.push(record.sequence)).unwrap();
        (found.first().copied(), found.last().copied())
    };
    assert_eq!(sequences(0, 0), (Some(1), Some(16)));
    assert_eq!(sequences(3 * 16, 1), (Some(1), Some(16)));
    assert_eq!(sequences(3 * 17, 1), (Some(17), Some(30)));
    assert_eq!(sequences(3 * 5, 20_000), (Some(1), Some(30)));
    assert_eq!(sequences(3 * 30, 1), (Some(17), Some(30)));
    assert_eq!(sequences(3 * 30 + 1, 1), (None, None));
}

#[test]
fn a_reader_of_a_piece_that_is_not_there_is_told_so() {
    let (_, disk, pieces, info) = small_segment();
    let segments = open(&disk, &[info]);
    let piece = pieces[0].1;
    let why = |piece: &Piece| segments.read(piece, 0, 1, &mut |_, _| panic!("a record")).unwrap_err().to_string();
    assert!(
        why(&Piece { segment: 9, ..piece }).starts_with("segment-0000000000000009.tw: offset 4096: a piece is of a")
    );
    assert!(why(&Piece { bytes: u64::MAX, ..piece }).contains("does not lie inside"));
    assert!(why(&Piece { index_bytes: u32::MAX, ..piece }).contains("does not lie inside"));
    assert!(why(&Piece { offset: 0, ..piece }).contains("does not lie inside"));
    assert!(why(&Piece { records: 29, ..piece }).contains("belongs to another piece"));
    assert!(why(&Piece { offset: piece.offset + 8, ..piece }).contains("belongs to another piece"));
}

/// Opens and reads a damaged segment: never a record that was not written; says what was noticed by open and read.
fn noticed(disk: &SimDisk, world: &World, pieces: &[(PartitionId, Piece)], info: SegmentInfo) -> bool {
    let segments = match Segments::open(Arc::new(disk.clone()), LOG_ID, &[info]) {
        Ok(segments) => segments,
        Err(error) => panic!("damage refuses the open: {error}"),
    };
    let hurt = segments.hurt();
    assert!(hurt.iter().all(|(number, damage)| *number == info.number && !damage.why.is_empty()));
    let mut damages = hurt.len();
    for (partition, piece) in pieces {
        let (found, damage) = read_all(&segments, piece, 0);
        let mut written = world.kept.iter().filter(|kept| kept.partition == *partition);
        for record in &found {
            let same = |kept: &Kept| world.records[&(kept.partition, kept.key)] == *record;
            assert!(written.any(same), "a record that was not written, or out of order");
        }
        assert_eq!(
            damage.is_none(),
            found.len() == piece.records as usize,
            "loss without damage, or damage without loss"
        );
        damages += usize::from(damage.is_some());
    }
    damages > 0
}

#[test]
fn a_flipped_bit_in_any_byte_is_verified_as_damage_and_never_read_as_a_record() {
    let (world, disk, pieces, info) = small_segment();
    let name = Source::Segment(info.number).file();
    let records: Vec<_> = pieces.iter().map(|(_, piece)| piece.offset..piece.offset + piece.bytes).collect();
    let segments = open(&disk, &[info]);
    segments.verify(info.number).unwrap();
    for at in 0..info.bytes {
        let bit = u8::try_from(at % 8).unwrap();
        disk.flip(&name, at, bit);
        let damage = segments.verify(info.number).unwrap_err();
        assert_eq!(damage.file, name);
        // A damaged record is named where it begins, anything else by its part.
        assert!(damage.offset <= at, "byte {at}: {damage}");
        if let Some(range) = records.iter().find(|range| range.contains(&at)) {
            assert!(range.contains(&damage.offset) && at - damage.offset < 1100, "byte {at}: {damage}");
            assert!(at % 61 != 0 || noticed(&disk, &world, &pieces, info), "byte {at} went unseen");
        }
        disk.flip(&name, at, bit);
    }
    assert!(!noticed(&disk, &world, &pieces, info));
}

#[test]
fn every_bit_of_a_tiny_segment_is_verified_as_damage() {
    let (mut world, disk) = (World::default(), SimDisk::new(1));
    (1..=4).for_each(|number| world.add(1 + number % 2, number, &[0; 90], Source::Log(1), 0));
    world.save(&disk);
    let segments = open(&disk, &[]);
    segments.write(&world.kept).unwrap();
    let info = segments.list()[0];
    assert_eq!(info.bytes, 3 * 4096);
    for (at, bit) in (0..info.bytes).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        disk.flip(&Source::Segment(1).file(), at, bit);
        assert!(segments.verify(1).is_err(), "byte {at} bit {bit}");
        disk.flip(&Source::Segment(1).file(), at, bit);
    }
    segments.verify(1).unwrap();
}

#[test]
fn every_bit_of_what_is_not_a_record_is_verified_and_noticed_where_it_matters() {
    let (world, disk, pieces, info) = small_segment();
    let name = Source::Segment(info.number).file();
    let segments = open(&disk, &[info]);
    let indexes = pieces
        .iter()
        .map(|(_, piece)| piece.offset + piece.bytes..piece.offset + piece.bytes + u64::from(piece.index_bytes));
    let ends = [0..64, info.bytes - 4096..info.bytes - 4096 + 64];
    let directory = pieces.last().map(|(_, piece)| piece.offset + piece.bytes + u64::from(piece.index_bytes)).unwrap();
    let ranges = ends.into_iter().chain(indexes).map(|range| (range, true));
    for (range, matters) in ranges.chain([(directory..directory + 3 * 72, false)]) {
        for (at, bit) in range.flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            disk.flip(&name, at, bit);
            segments.verify(info.number).unwrap_err();
            assert_eq!(noticed(&disk, &world, &pieces, info), matters, "byte {at} bit {bit}");
            disk.flip(&name, at, bit);
        }
    }
}

#[test]
fn a_damaged_payload_costs_one_record_and_names_it() {
    let (_, disk, pieces, info) = small_segment();
    let piece = &pieces[0].1;
    // Record 3 begins behind records of 1033 and 1034 bytes.
    let third = piece.offset + 1033 + 1034;
    disk.flip(&Source::Segment(info.number).file(), third + 500, 3);
    let (found, damage) = read_all(&open(&disk, &[info]), piece, 0);
    assert_eq!(found.len(), 29);
    let damage = damage.unwrap();
    assert_eq!((damage.offset, damage.why.as_str()), (third, "a record has a wrong checksum"));
}

#[test]
fn a_segment_cut_anywhere_serves_what_is_left_and_is_verified_as_damage() {
    let (world, disk, pieces, info) = small_segment();
    let name = Source::Segment(info.number).file();
    let segments = open(&disk, &[info]);
    for cut in (0..info.bytes).filter(|cut| cut % 64 < 2 || cut % 4096 > 4000) {
        let hurt = disk.crash();
        hurt.truncate(&name, cut);
        assert!(noticed(&hurt, &world, &pieces, info), "cut at {cut}");
        let opened = open(&hurt, &[info]);
        assert_eq!(opened.hurt().len(), 1, "cut at {cut}");
        let whole = |piece: &Piece| piece.offset + piece.bytes + u64::from(piece.index_bytes) <= cut;
        let read = |piece: &Piece| read_all(&opened, piece, 0).1.is_none();
        assert!(pieces.iter().all(|(_, piece)| whole(piece) == read(piece)), "cut at {cut}");
        let damage = Segments::open(Arc::new(hurt), LOG_ID, &[]).unwrap().verify(info.number).unwrap_err();
        assert!(damage.offset <= cut, "cut at {cut}: {damage}");
    }
    segments.verify(info.number).unwrap();
}

#[test]
fn a_lost_swapped_foreign_or_newer_segment_is_refused_by_name() {
    let (_, disk, _, info) = small_segment();
    let name = Source::Segment(info.number).file();
    let refused = |disk: &SimDisk, log_id, info: SegmentInfo| {
        Segments::open(Arc::new(disk.clone()), log_id, &[info]).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(refused(&disk, LOG_ID + 1, info).contains("the header is of another file"));
    assert!(
        refused(&disk, LOG_ID, SegmentInfo { footer_crc: 1, ..info })
            .contains("not that of the segment that is listed")
    );
    let lost = disk.crash();
    lost.lose(&name);
    assert!(
        refused(&lost, LOG_ID, info)
            .contains("in segment-0000000000000001.tw at byte 0: the segment is listed, and it is missing")
    );
    let without = Segments::open_perhaps_without(Arc::new(lost), LOG_ID, &[info], true).unwrap();
    assert!(without.hurt()[0].1.why.contains("it is missing"));
    let swapped = disk.crash();
    swapped.rename(&name, &Source::Segment(2).file()).unwrap();
    assert!(refused(&swapped, LOG_ID, SegmentInfo { number: 2, ..info }).contains("the header is of another file"));
    let newer = disk.crash();
    let mut header = disk.bytes(&name).unwrap()[..64].to_vec();
    header[4] = 2;
    let crc = crc32c::crc32c(&header[..60]);
    header[60..].copy_from_slice(&crc.to_le_bytes());
    newer.overwrite(&name, 0, &header);
    assert_eq!(
        refused(&newer, LOG_ID, info),
        "segment-0000000000000001.tw has format 2, and this version reads formats up to 1; start it with the version \
         that wrote it, or a newer one"
    );
    let verified = open(&newer, &[]).verify(1).unwrap_err();
    assert!(verified.why.contains("format 2"), "{verified}");
}

#[test]
fn a_damaged_source_is_named_and_nothing_is_written() {
    let (world, disk) = World::mixed(3, 40, 300);
    let chosen = world.kept[70];
    for (at, bit) in (0..u64::from(chosen.place.bytes)).map(|at| (at, u8::try_from(at % 8).unwrap())) {
        let hurt = disk.crash();
        hurt.flip(&chosen.place.source.file(), chosen.place.offset + at, bit);
        let segments = open(&hurt, &[]);
        let StoreError::Damage(damage) = segments.write(&world.kept).unwrap_err() else { panic!("another error") };
        assert_eq!((damage.file, damage.offset), (chosen.place.source.file(), chosen.place.offset));
        assert!(segment_names(&hurt).is_empty() && segments.list().is_empty());
    }
    disk.truncate(&chosen.place.source.file(), chosen.place.offset + 100);
    let StoreError::Damage(damage) = open(&disk, &[]).write(&world.kept).unwrap_err() else { panic!("another error") };
    assert!(damage.why.contains("ends before"), "{damage}");
    disk.lose(&chosen.place.source.file());
    let StoreError::Damage(damage) = open(&disk, &[]).write(&world.kept).unwrap_err() else { panic!("another error") };
    assert!(damage.why.contains("cannot be read"), "{damage}");
}

#[test]
fn a_record_of_another_partition_than_was_said_is_not_kept() {
    let (mut world, disk) = World::mixed(2, 5, 100);
    world.kept.truncate(5);
    world.kept.iter_mut().for_each(|kept| kept.partition = PartitionId::new(9));
    let error = open(&disk, &[]).write(&world.kept).unwrap_err().to_string();
    assert!(error.contains("the record is of partition"), "{error}");
}

#[test]
fn after_a_crash_at_any_moment_a_named_segment_is_whole_and_leftovers_are_known() {
    let (world, disk) = World::mixed(5, 30, 120);
    disk.record_moments();
    let segments = open(&disk, &[]);
    let pieces = segments.write(&world.kept).unwrap();
    let moments = disk.take_moments();
    assert!(segments.list().len() > 1 && moments.len() > 12);
    let (mut absent, mut named) = (0, 0);
    for moment in &moments {
        for seed in 0..40 {
            let after = if seed % 4 == 0 { moment.kill(seed).crash() } else { moment.crash(seed) };
            let found = open(&after, &[]);
            let highest = segment_names(&after).iter().filter_map(|name| Segments::is_ours(name)).max();
            assert!(found.next_number() > highest.unwrap_or(0));
            absent += usize::from(highest.is_none());
            for name in segment_names(&after).iter().filter(|name| !Segments::is_half_made(name)) {
                found.verify(Segments::is_ours(name).unwrap()).unwrap();
                named += 1;
            }
        }
    }
    assert!(absent > 20 && named > 20, "{absent} absent, {named} named");
    for seed in 0..20 {
        let after = open(&moments.last().unwrap().crash(seed), &segments.list());
        world.assert_read(&after, &pieces);
    }
}

/// Lets every boundary of one `write` fail in turn; what is left is nothing, and the next attempt succeeds.
fn fail_everywhere(kind: io::ErrorKind, expected: fn(&StoreError) -> bool) {
    let (world, disk) = World::mixed(5, 30, 120);
    let trial = disk.kill();
    open(&trial, &[]).write(&world.kept).unwrap();
    let boundaries = trial.ops();
    assert!(boundaries > 12);
    for op in 1..=boundaries {
        let hurt = disk.kill();
        let segments = open(&hurt, &[]);
        hurt.fail_op(op, kind);
        let error = segments.write(&world.kept).unwrap_err();
        assert!(expected(&error), "boundary {op}: {error}");
        assert!(segment_names(&hurt).is_empty() && segments.list().is_empty(), "boundary {op} left something");
        let pieces = segments.write(&world.kept).unwrap();
        world.assert_read(&segments, &pieces);
        world.assert_read(&open(&hurt.crash(), &segments.list()), &pieces);
    }
}

#[test]
fn a_disk_full_at_any_moment_is_told_apart_and_leaves_nothing() {
    fail_everywhere(io::ErrorKind::StorageFull, |error| matches!(error, StoreError::NoSpace));
}

#[test]
fn a_failed_write_sync_or_rename_is_a_fault_and_leaves_nothing() {
    fail_everywhere(io::ErrorKind::Other, |error| matches!(error, StoreError::Fault(_)));
}

#[test]
fn a_disk_without_room_for_the_second_file_keeps_none() {
    let (world, disk) = World::mixed(5, 30, 120);
    let used: u64 = disk.list().unwrap().iter().map(|name| disk.bytes(name).unwrap().len() as u64).sum();
    disk.set_capacity(used + (24 << 10));
    let segments = open(&disk, &[]);
    assert!(matches!(segments.write(&world.kept), Err(StoreError::NoSpace)));
    assert!(segment_names(&disk).is_empty());
    disk.set_capacity(used + (1 << 20));
    let pieces = segments.write(&world.kept).unwrap();
    world.assert_read(&segments, &pieces);
}

#[test]
fn a_read_that_fails_is_damage_and_hides_no_other_record() {
    let (world, disk) = World::mixed(5, 30, 120);
    let segments = open(&disk, &[]);
    let before = disk.reads();
    segments.write(&world.kept).unwrap();
    let reads = disk.reads() - before;
    assert!(reads >= 4);
    for read in 1..=reads {
        disk.fail_read(disk.reads() + read);
        let StoreError::Damage(damage) = segments.write(&world.kept).unwrap_err() else { panic!("another error") };
        assert!(damage.why.starts_with("it cannot be read"), "{damage}");
    }
    let (_, disk, pieces, info) = small_segment();
    let (piece, segments) = (&pieces[0].1, open(&disk, &[info]));
    read_all(&segments, piece, 0);
    // The whole piece cannot be read at once, so its two steps are read by themselves.
    disk.fail_read(disk.reads() + 1);
    assert_eq!(read_all(&segments, piece, 0).0.len(), 30);
    assert_eq!(read_all(&segments, piece, 0), (read_all(&segments, piece, 0).0, None));
}

/// The content of the golden segment.
fn golden_world() -> World {
    let mut world = World::default();
    for number in 1..=18 {
        let payload: Vec<u8> = (0..number * 53).map(|at| u8::try_from((at * 7 + number) % 256).unwrap()).collect();
        world.add(0x0100_0000_0000_0001, number, &payload, Source::Log(3), 0);
    }
    world.add(0x0100_0000_0000_0002, 9, b"a body", Source::Log(3), 0);
    world
}

fn golden() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/segment-format-1")
}

#[test]
#[ignore = "writes the golden segment anew; only after a change of format"]
fn write_a_golden_segment() {
    fs::create_dir_all(golden()).unwrap();
    let (mut world, disk) = (golden_world(), SimDisk::new(1));
    world.save(&disk);
    open(&disk, &[]).write(&world.kept).unwrap();
    for name in segment_names(&disk) {
        fs::write(golden().join(&name), disk.bytes(&name).unwrap()).unwrap();
    }
}

#[test]
fn the_golden_segments_of_format_1_are_written_and_read_unchanged() {
    let (mut world, disk) = (golden_world(), SimDisk::new(1));
    world.save(&disk);
    let segments = open(&disk, &[]);
    let pieces = segments.write(&world.kept).unwrap();
    let mut lines = String::new();
    for (partition, piece) in &pieces {
        lines += &format!("{:x} {piece:?}\n", partition.get());
    }
    let golden_disk = SimDisk::new(2);
    for info in segments.list() {
        let name = Source::Segment(info.number).file();
        let bytes = fs::read(golden().join(&name)).unwrap();
        Filling { bytes: bytes.clone() }.save(&golden_disk, &name);
        assert!(bytes == disk.bytes(&name).unwrap(), "{name} is written differently");
        lines += &format!("{info:?}\n");
    }
    let golden = Segments::open(Arc::new(golden_disk), LOG_ID, &segments.list()).unwrap();
    golden.list().iter().for_each(|info| assert_eq!(golden.verify(info.number).unwrap().bytes, info.bytes));
    world.assert_read(&golden, &pieces);
    expect_test::expect![[r#"
        100000000000001 Piece { segment: 1, first_key: 3, last_key: 51, records: 17, offset: 4096, bytes: 8653, index_bytes: 28, first_time: 999.949s, last_time: 999.997s }
        100000000000001 Piece { segment: 2, first_key: 54, last_key: 54, records: 1, offset: 4096, bytes: 986, index_bytes: 28, first_time: 999.946s, last_time: 999.946s }
        100000000000002 Piece { segment: 3, first_key: 27, last_key: 27, records: 1, offset: 4096, bytes: 38, index_bytes: 28, first_time: 999.973s, last_time: 999.973s }
        SegmentInfo { number: 1, bytes: 20480, records: 17, footer_crc: 2739230217 }
        SegmentInfo { number: 2, bytes: 12288, records: 1, footer_crc: 1868280792 }
        SegmentInfo { number: 3, bytes: 12288, records: 1, footer_crc: 3683925071 }
    "#]].assert_eq(&lines);
}

#[test]
#[ignore = "a measurement: 64 MiB of records from a log file of the real disk"]
fn measure_writing_a_segment() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("segment-speed-{}", std::process::id()));
    let disk = Arc::new(RealDisk::open(&folder).unwrap());
    for (what, partitions) in [("one partition", 1), ("1000 partitions, mixed", 1000)] {
        let mut world = World::default();
        for number in 0..(63 << 20) / 256 {
            world.add(number % partitions + 1, number / partitions + 1, &[5; 200], Source::Log(partitions), 24);
        }
        world.save(&*disk);
        let segments = Segments::open(Arc::<RealDisk>::clone(&disk), LOG_ID, &[]).unwrap();
        for _ in 0..3 {
            let start = std::time::Instant::now();
            let pieces = segments.write(&world.kept).unwrap();
            let took = start.elapsed();
            let bytes: u64 = pieces.iter().map(|(_, piece)| piece.bytes).sum();
            let start = std::time::Instant::now();
            let numbers: Vec<_> = segments.list().iter().map(|info| info.number).collect();
            numbers.iter().for_each(|number| assert!(segments.verify(*number).unwrap().records > 0));
            let rate = |took: std::time::Duration| bytes as f64 / 1e6 / took.as_secs_f64();
            let (written, verified) = (rate(took), rate(start.elapsed()));
            println!("{what}: {} MB, written at {written:.0} MB/s, verified at {verified:.0} MB/s", bytes / 1_000_000);
            segments.remove(&numbers).unwrap();
        }
    }
    fs::remove_dir_all(folder).unwrap();
}
