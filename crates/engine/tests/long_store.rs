//! A store that runs for long on a small disk: logs are retired, segments written, compacted and dropped, memory is
//! short, albums that nobody looks at are put away and woken again, and the power is cut at any disk operation. Afterwards every picture that was put in and not taken out is there,
//! byte for byte, and no other.
//!
//! `TIDEWIRE_SEEDS` says how many histories are tried, `TIDEWIRE_SEED` names one of them.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

mod album;

use album::{Album, Command, FAMILY};
use engine::{Clock, Keyring, ManualClock, Partition, Recovery, Store, StoreOptions, Tended};
use journal::sim::SimDisk;
use journal::{Io, OpenError, Options};
use names::{Instant, PartitionId};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What of a picture is known: its bytes, and what was asked and answered.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    bytes: Vec<u8>,
    /// Its addition is durable.
    sure: bool,
    /// Its removal was asked for, and is not known to be durable.
    removing: bool,
}

struct House {
    disk: Arc<SimDisk>,
    store: Arc<Store>,
    ids: BTreeSet<PartitionId>,
    /// Albums that somebody holds, so that they cannot be put away.
    held: Vec<Arc<Partition<Album>>>,
    next_ordinal: u64,
}

impl House {
    /// The album, woken if it was put away; one into which nothing was ever put may be forgotten.
    fn album(&self, id: PartitionId) -> Arc<Partition<Album>> {
        self.store.partition(id).unwrap_or_else(|| Partition::new(&self.store, id, Album::default()))
    }
}

const FILE_BYTES: u64 = 64 << 10;
const MEMORY_BYTES: usize = 6_000;

fn try_open(disk: &Arc<SimDisk>) -> Result<House, OpenError> {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Instant::from_millis(1_000)));
    let mut recovery = Recovery::new(FAMILY, Album::default);
    let io: Arc<dyn Io> = Arc::<SimDisk>::clone(disk);
    let keyring = Some(Keyring::simulated(&io).map_err(engine::KeyringError::into_open)?);
    let options = StoreOptions { journal: Options::small(FILE_BYTES), memory_bytes: MEMORY_BYTES, keyring };
    let store = Store::open(io, options, clock, &mut [&mut recovery])?;
    let next_ordinal = recovery.next_ordinal();
    let mut ids = BTreeSet::new();
    recovery.look(|id, _: &Album| {
        ids.insert(id);
    });
    recovery.finish(&store);
    Ok(House { disk: Arc::clone(disk), store, ids, held: Vec::new(), next_ordinal })
}

struct History {
    chance: fastrand::Rng,
    house: House,
    known: BTreeMap<(PartitionId, u64), Known>,
    burning: Vec<PartitionId>,
    tended: Tended,
}

impl History {
    fn run(seed: u64) -> Tended {
        let house = try_open(&Arc::new(SimDisk::new(seed))).unwrap();
        let chance = fastrand::Rng::with_seed(seed);
        let mut history =
            Self { chance, house, known: BTreeMap::new(), burning: Vec::new(), tended: Tended::default() };
        for _ in 0..history.chance.usize(2..6) {
            for _ in 0..history.chance.usize(1..120) {
                history.step();
            }
            if history.chance.u8(..4) == 0 {
                history.reopen_in_order();
            } else {
                history.crash();
            }
            history.check();
        }
        history.tended
    }

    fn step(&mut self) {
        match self.chance.u32(..20) {
            0 => self.create(),
            1..=7 => self.put(),
            8..=10 => self.remove(),
            11 => self.remove_below(),
            12 => self.look(),
            13 if self.chance.u8(..6) == 0 => self.burn(),
            14..=16 => self.tend(),
            17 => self.put_away(),
            _ => self.commit(),
        }
    }

    fn any(&mut self) -> Option<PartitionId> {
        let ids: Vec<_> = self.house.ids.iter().copied().collect();
        (!ids.is_empty()).then(|| ids[self.chance.usize(..ids.len())])
    }

    fn create(&mut self) {
        let id = PartitionId::of_family(FAMILY, self.house.next_ordinal);
        self.house.next_ordinal += 1;
        drop(Partition::new(&self.house.store, id, Album::default()));
        self.house.ids.insert(id);
        self.put_into(id);
    }

    fn put(&mut self) {
        if let Some(id) = self.any() {
            self.put_into(id);
        }
    }

    fn put_into(&mut self, id: PartitionId) {
        let count = self.chance.usize(1..12);
        let length = if self.chance.u8(..12) == 0 { 9_000 } else { self.chance.usize(..400) };
        let pictures: Vec<Vec<u8>> = (0..count).map(|_| vec![self.chance.u8(..); length]).collect();
        let album = self.house.album(id);
        let Ok(pending) = album.execute(Command::Put(pictures.clone())) else { return };
        let first = album.inspect(Album::last).unwrap() + 1 - count as u64;
        drop(pending);
        for (key, bytes) in (first..).zip(pictures) {
            self.known.insert((id, key), Known { bytes, sure: false, removing: false });
        }
    }

    fn remove(&mut self) {
        let Some(id) = self.any() else { return };
        let keys: Vec<u64> = self.known.range((id, 0)..=(id, u64::MAX)).map(|((_, key), _)| *key).collect();
        let few: Vec<u64> = keys.into_iter().filter(|_| self.chance.u8(..3) == 0).take(9).collect();
        let _ = self.house.album(id).execute(Command::Remove(few.clone()));
        for key in few {
            self.known.get_mut(&(id, key)).unwrap().removing = true;
        }
    }

    fn remove_below(&mut self) {
        let Some(id) = self.any() else { return };
        let Some(((_, last), _)) = self.known.range((id, 0)..=(id, u64::MAX)).next_back() else { return };
        let below = self.chance.u64(..=last + 1);
        let _ = self.house.album(id).execute(Command::RemoveBelow(below));
        self.known.range_mut((id, 0)..(id, below)).for_each(|(_, known)| known.removing = true);
    }

    fn burn(&mut self) {
        let Some(id) = self.any() else { return };
        let _ = self.house.album(id).execute(Command::Burn);
        self.house.ids.remove(&id);
        self.known.range_mut((id, 0)..=(id, u64::MAX)).for_each(|(_, known)| known.removing = true);
        self.burning.push(id);
    }

    fn commit(&mut self) {
        self.house.store.journal().commit().expect("the disk works");
        self.settle();
    }

    /// Everything asked for is durable.
    fn settle(&mut self) {
        self.known.retain(|_, known| {
            known.sure = true;
            !known.removing
        });
        self.burning.clear();
    }

    fn tend(&mut self) {
        // Now and then the server stops in the middle of a round.
        let steps = Cell::new(self.chance.u8(0..12));
        let goes_on = || steps.replace(steps.get().saturating_sub(1)) > 0;
        let tended = match self.chance.bool() {
            true => self.house.store.tend(),
            false => self.house.store.tend_while(goes_on),
        };
        let tended = tended.expect("the disk works");
        self.tended.files += tended.files;
        self.tended.segmented += tended.segmented;
        self.tended.dropped_segments += tended.dropped_segments;
        self.tended.compacted_segments += tended.compacted_segments;
        self.tended.put_away += tended.put_away;
        let _ = self.house.store.journal().tend();
    }

    /// The first look finds out who is used, the second one puts all others away, but for one that is held now and then.
    fn put_away(&mut self) {
        self.house.held.clear();
        if self.chance.bool() {
            let held = self.any().map(|id| self.house.album(id));
            self.house.held.extend(held);
        }
        self.tended.put_away += self.house.store.put_away() + self.house.store.put_away();
    }

    /// Looks at the first pictures, wherever they are.
    fn look(&mut self) {
        let Some(id) = self.any() else { return };
        self.commit();
        let pending = self.house.album(id).execute(Command::Look(self.chance.usize(1..30))).unwrap();
        let Poll::Ready(Ok((keys, pictures))) = poll(pin!(pending.read())) else { panic!("all is durable") };
        for (key, picture) in keys.into_iter().zip(pictures) {
            let bytes = picture.expect("the picture can be read").0;
            assert_eq!(*bytes, *self.known[&(id, key)].bytes, "picture {key} of {id}");
        }
    }

    fn reopen_in_order(&mut self) {
        self.house.store.journal().close();
        self.settle();
        self.house = try_open(&self.house.disk).unwrap();
    }

    fn crash(&mut self) {
        if self.chance.bool() {
            self.house.disk.power_off_at(self.house.disk.ops() + self.chance.u64(1..30));
            if self.house.store.journal().commit().is_ok() {
                self.settle();
                let _ = self.house.store.tend();
            }
        }
        let mut disk = if self.chance.bool() { self.house.disk.crash() } else { self.house.disk.kill() };
        while self.chance.u8(..3) == 0 {
            let now = Arc::new(disk);
            now.power_off_at(now.ops() + self.chance.u64(1..12));
            let _ = try_open(&now);
            disk = now.crash();
        }
        self.house = try_open(&Arc::new(disk)).expect("a power cut damages nothing");
    }

    /// Compares every album with what is known, and learns what was open.
    fn check(&mut self) {
        let mut found = BTreeMap::new();
        for &id in &self.house.ids {
            let album = self.house.album(id);
            let pending = album.execute(Command::Look(usize::MAX)).unwrap();
            let Poll::Ready(Ok((keys, pictures))) = poll(pin!(pending.read())) else { panic!("all is durable") };
            for (key, picture) in keys.into_iter().zip(pictures) {
                let bytes = picture.unwrap_or_else(|| panic!("picture {key} of {id} cannot be read")).0;
                found.insert((id, key), bytes.to_vec());
            }
        }
        for (place, bytes) in &found {
            let known = self.known.get(place).unwrap_or_else(|| panic!("{place:?} came back or was invented"));
            assert_eq!(&known.bytes, bytes, "{place:?}");
        }
        for (place, known) in &self.known {
            assert!(found.contains_key(place) || !known.sure || known.removing, "{place:?} is lost");
        }
        self.known =
            found.into_iter().map(|(place, bytes)| (place, Known { bytes, sure: true, removing: false })).collect();
        self.burning.clear();
        let used = self.house.store.memory().used();
        assert!(used <= MEMORY_BYTES + 10_000, "{used} bytes of contents are in memory");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn a_power_cut_at_any_moment_loses_no_picture_and_brings_none_back() {
    let seeds = match number("TIDEWIRE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TIDEWIRE_SEEDS").unwrap_or(600),
    };
    let single = seeds.end - seeds.start == 1;
    let mut all = Tended::default();
    for seed in seeds {
        match std::panic::catch_unwind(|| History::run(seed)) {
            Ok(tended) => {
                all.files += tended.files;
                all.segmented += tended.segmented;
                all.dropped_segments += tended.dropped_segments;
                all.compacted_segments += tended.compacted_segments;
                all.put_away += tended.put_away;
            }
            Err(_) => panic!("repeat it: TIDEWIRE_SEED={seed} cargo test -p engine --test long_store"),
        }
    }
    // The histories reached what they are for.
    let reached = [all.files, all.segmented, all.dropped_segments, all.compacted_segments, all.put_away];
    assert!(single || reached.iter().all(|count| *count > 20), "{all:?}");
}
