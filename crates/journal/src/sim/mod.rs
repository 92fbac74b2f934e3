//! A simulated disk that is as unkind as disks may be, and repeatable from a seed.
//!
//! Writes are kept apart until the file is synced and names until the folder is. A crash keeps an arbitrary subset of
//! what was not synced: sector by sector, of any write, in any order. A failed sync leaves its writes in doubt for
//! ever, as kernels do, so that a retry would look fine and lose data. Every mutating call is one boundary, counted
//! from 1, at which a test can crash the disk, cut its power or let it fail.

mod content;
mod image;

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::io::{Io, IoFile, LockError, LockGuard};

use image::Image;

/// A disk in memory. Clones share it, as two processes share a disk.
#[derive(Clone)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

struct State {
    image: Image,
    rng: fastrand::Rng,
    capacity: u64,
    ops: u64,
    reads: u64,
    fails: Fails,
    locked: bool,
    history: Option<Vec<Moment>>,
}

/// When the disk fails.
#[derive(Default)]
struct Fails {
    op: Option<(u64, io::ErrorKind)>,
    reads: Range<u64>,
    power_off_at: Option<u64>,
}

/// The disk just after one boundary, with everything unsynced still undecided.
pub struct Moment {
    op: u64,
    image: Image,
}

impl Moment {
    /// Boundaries passed.
    pub fn op(&self) -> u64 {
        self.op
    }

    /// The disk as it would be found if the power had failed here; another seed decides differently.
    pub fn crash(&self, seed: u64) -> SimDisk {
        SimDisk::with(self.image.clone(), seed).crash()
    }

    /// The disk as it would be found if the process had been killed here: nothing is lost, nothing more is certain.
    pub fn kill(&self, seed: u64) -> SimDisk {
        SimDisk::with(self.image.clone(), seed)
    }
}

impl SimDisk {
    /// An empty disk without bounds.
    pub fn new(seed: u64) -> Self {
        Self::with(Image::default(), seed)
    }

    fn with(image: Image, seed: u64) -> Self {
        let state = State {
            image,
            rng: fastrand::Rng::with_seed(seed),
            capacity: u64::MAX,
            ops: 0,
            reads: 0,
            fails: Fails::default(),
            locked: false,
            history: None,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The disk as it would be found after a power loss now. This one goes on unharmed.
    pub fn crash(&self) -> SimDisk {
        let mut state = self.state();
        let mut rng = state.rng.fork();
        let image = state.image.crash(&mut rng);
        let capacity = state.capacity;
        drop(state);
        let disk = Self::with(image, rng.u64(..));
        disk.state().capacity = capacity;
        disk
    }

    /// The disk as it would be found after the process was killed: nothing is lost, but what was unsynced still is.
    pub fn kill(&self) -> SimDisk {
        let mut state = self.state();
        let seed = state.rng.u64(..);
        let (image, capacity) = (state.image.clone(), state.capacity);
        drop(state);
        let disk = Self::with(image, seed);
        disk.state().capacity = capacity;
        disk
    }

    /// Mutating calls so far: creates, writes, syncs, renames, removes, folder syncs.
    pub fn ops(&self) -> u64 {
        self.state().ops
    }

    /// Reads so far.
    pub fn reads(&self) -> u64 {
        self.state().reads
    }

    /// Keeps the disk as it is after each boundary from now on.
    pub fn record_moments(&self) {
        self.state().history = Some(Vec::new());
    }

    /// What was kept, and ends keeping.
    pub fn take_moments(&self) -> Vec<Moment> {
        self.state().history.take().unwrap_or_default()
    }

    /// Boundary number `op` fails with `kind`; a write has then reached the disk in part or not at all.
    pub fn fail_op(&self, op: u64, kind: io::ErrorKind) {
        self.state().fails.op = Some((op, kind));
    }

    /// Read number `read` fails.
    pub fn fail_read(&self, read: u64) {
        self.fail_reads(read..read + 1);
    }

    /// All reads with these numbers fail.
    pub fn fail_reads(&self, reads: Range<u64>) {
        self.state().fails.reads = reads;
    }

    /// Boundary number `op` and every call after it fail: the process outlives its disk until it is dropped.
    pub fn power_off_at(&self, op: u64) {
        self.state().fails.power_off_at = Some(op);
    }

    /// The disk holds `bytes` from now on; files made before are kept.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = bytes;
    }

    /// Bit rot: flips one bit of `name` at rest.
    pub fn flip(&self, name: &str, offset: u64, bit: u8) {
        self.state().image.edit(name, |content| {
            let mut byte = [0];
            content.read(offset, &mut byte);
            content.write(offset, &[byte[0] ^ (1 << bit)]);
        });
    }

    /// Overwrites a range of `name` at rest, as a misdirected write would.
    pub fn overwrite(&self, name: &str, offset: u64, bytes: &[u8]) {
        self.state().image.edit(name, |content| content.write(offset, bytes));
    }

    /// Cuts `name` off at `bytes`.
    pub fn truncate(&self, name: &str, bytes: u64) {
        self.state().image.edit(name, |content| content.truncate(bytes));
    }

    /// Takes `name` away durably, as an operator might.
    pub fn lose(&self, name: &str) {
        self.state().image.lose(name);
    }

    /// The whole file, if there is one.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.state().image.bytes(name)
    }
}

fn io_error() -> io::Error {
    io::Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error())
}

fn power_off() -> io::Error {
    io::Error::other("the power is off")
}

impl State {
    /// Counts a mutating call; an error if it is the one to fail.
    fn begin(&mut self) -> io::Result<()> {
        if self.fails.power_off_at.is_some_and(|op| self.ops + 1 >= op) {
            return Err(power_off());
        }
        self.ops += 1;
        match self.fails.op {
            Some((op, io::ErrorKind::Other)) if op == self.ops => Err(io_error()),
            Some((op, kind)) if op == self.ops => Err(kind.into()),
            _ => Ok(()),
        }
    }

    fn begin_read(&mut self) -> io::Result<()> {
        if self.fails.power_off_at.is_some_and(|op| self.ops + 1 >= op) {
            return Err(power_off());
        }
        self.reads += 1;
        if self.fails.reads.contains(&self.reads) { Err(io_error()) } else { Ok(()) }
    }

    /// Keeps the moment after a boundary.
    fn end(&mut self) {
        let op = self.ops;
        if let Some(history) = &mut self.history {
            history.push(Moment { op, image: self.image.clone() });
        }
    }

    fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.image.used_bytes())
    }

    /// One mutating call that does nothing when it fails.
    fn change<T>(&mut self, change: impl FnOnce(&mut Self) -> io::Result<T>) -> io::Result<T> {
        self.begin()?;
        let result = change(self);
        self.end();
        result
    }
}

/// Unlocks the disk when dropped.
struct Unlock(Arc<Mutex<State>>);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).locked = false;
    }
}

impl Io for SimDisk {
    fn lock(&self) -> Result<LockGuard, LockError> {
        let mut state = self.state();
        if state.locked {
            return Err(LockError::Held { pid: Some(std::process::id()) });
        }
        state.locked = true;
        Ok(Box::new(Unlock(Arc::clone(&self.state))))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.begin_read()?;
        Ok(state.image.names())
    }

    fn create(&self, name: &str, bytes: u64) -> io::Result<Box<dyn IoFile>> {
        let inode = self.state().change(|state| {
            if state.free() < bytes {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.image.create(name, bytes)
        })?;
        Ok(Box::new(SimFile { disk: self.clone(), inode }))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn IoFile>> {
        let mut state = self.state();
        state.begin_read()?;
        let inode = state.image.inode(name)?;
        drop(state);
        Ok(Box::new(SimFile { disk: self.clone(), inode }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.state().change(|state| state.image.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.state().change(|state| state.image.remove(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.state().change(|state| {
            state.image.sync_names();
            Ok(())
        })
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.state().free())
    }

    fn entropy(&self) -> u64 {
        self.state().rng.u64(..)
    }
}

struct SimFile {
    disk: SimDisk,
    inode: usize,
}

impl IoFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.state().image.len(self.inode))
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.begin_read()?;
        Ok(state.image.read(self.inode, offset, out))
    }

    fn grow(&self, bytes: u64) -> io::Result<()> {
        self.disk.state().change(|state| {
            if state.free() < bytes.saturating_sub(state.image.len(self.inode)) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            state.image.grow(self.inode, bytes);
            Ok(())
        })
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let failed = state.begin();
        let reached = match &failed {
            Ok(()) => bytes.len(),
            Err(_) => state.rng.usize(..=bytes.len()),
        };
        state.image.write(self.inode, offset, &bytes[..reached]);
        state.end();
        failed
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let failed = state.begin();
        match &failed {
            Ok(()) => state.image.sync(self.inode),
            Err(_) => state.image.fail_sync(self.inode),
        }
        state.end();
        failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a crash leaves of page `at` of `name`: the first byte of each sector.
    fn sectors(disk: &SimDisk, name: &str, at: usize) -> Vec<u8> {
        let bytes = disk.bytes(name).expect("the file is there");
        bytes[at..at + 4096].iter().step_by(512).copied().collect()
    }

    fn synced_file(seed: u64) -> (SimDisk, Box<dyn IoFile>) {
        let disk = SimDisk::new(seed);
        let file = disk.create("a", 8192).unwrap();
        file.write_at(0, &[1; 4096]).unwrap();
        file.sync().unwrap();
        disk.sync_names().unwrap();
        (disk, file)
    }

    #[test]
    fn what_was_synced_survives_and_what_was_not_is_lost_kept_and_torn() {
        let (mut lost, mut kept, mut torn) = (0, 0, 0);
        for seed in 0..200 {
            let (disk, file) = synced_file(seed);
            file.write_at(4096, &[2; 4096]).unwrap();
            let after = disk.crash();
            assert_eq!(sectors(&after, "a", 0), [1; 8]);
            match sectors(&after, "a", 4096).iter().filter(|byte| **byte == 2).count() {
                0 => lost += 1,
                8 => kept += 1,
                _ => torn += 1,
            }
        }
        assert!(lost > 10 && kept > 10 && torn > 10, "{lost} lost, {kept} kept, {torn} torn");
    }

    #[test]
    fn unsynced_writes_may_survive_in_any_order() {
        let swapped = (0..200).filter(|seed| {
            let (disk, file) = synced_file(*seed);
            file.write_at(0, &[2; 4096]).unwrap();
            file.write_at(4096, &[3; 4096]).unwrap();
            let after = disk.crash();
            sectors(&after, "a", 0) == [1; 8] && sectors(&after, "a", 4096).contains(&3)
        });
        assert!(swapped.count() > 5);
    }

    #[test]
    fn names_last_only_after_the_folder_was_synced() {
        let names = |seed| {
            let (disk, _) = synced_file(seed);
            disk.rename("a", "b").unwrap();
            disk.crash().list().unwrap()
        };
        let found: Vec<_> = (0..50).map(names).collect();
        assert!(found.contains(&vec!["a".to_owned()]) && found.contains(&vec!["b".to_owned()]));
    }

    #[test]
    fn a_sync_after_a_failed_one_succeeds_and_saves_nothing() {
        let lost = (0..50).filter(|seed| {
            let (disk, file) = synced_file(*seed);
            file.write_at(4096, &[2; 4096]).unwrap();
            disk.fail_op(disk.ops() + 1, io::ErrorKind::Other);
            file.sync().unwrap_err();
            file.sync().unwrap();
            sectors(&disk.crash(), "a", 4096) == [0; 8]
        });
        assert!(lost.count() > 3);
    }

    #[test]
    fn a_kill_keeps_what_is_seen_and_a_crash_after_it_may_still_take_it() {
        let lost = (0..50).filter(|seed| {
            let (disk, file) = synced_file(*seed);
            file.write_at(4096, &[2; 4096]).unwrap();
            let killed = disk.kill();
            assert_eq!(sectors(&killed, "a", 4096), [2; 8]);
            sectors(&killed.crash(), "a", 4096) == [0; 8]
        });
        assert!(lost.count() > 3);
    }

    #[test]
    fn a_file_that_grew_is_as_long_after_a_sync_and_of_either_length_without() {
        let (mut short, mut long) = (0, 0);
        for seed in 0..50 {
            let (disk, file) = synced_file(seed);
            file.grow(16384).unwrap();
            file.write_at(12288, &[4; 4096]).unwrap();
            match disk.crash().bytes("a").unwrap().len() {
                8192 => short += 1,
                16384 => long += 1,
                other => panic!("{other} bytes"),
            }
            file.sync().unwrap();
            assert_eq!(disk.crash().bytes("a").unwrap()[12288..], [4; 4096]);
            disk.set_capacity(20000);
            assert_eq!(file.grow(20480).unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert_eq!(file.len().unwrap(), 16384);
        }
        assert!(short > 5 && long > 5, "{short} short, {long} long");
    }

    #[test]
    fn a_full_disk_refuses_new_files_and_the_power_switch_everything() {
        let (disk, file) = synced_file(1);
        disk.set_capacity(8192);
        let refused = disk.create("b", 1).err().map(|error| error.kind());
        assert_eq!(refused, Some(io::ErrorKind::StorageFull));
        disk.power_off_at(disk.ops() + 1);
        assert!(file.sync().is_err() && disk.list().is_err() && file.read_at(0, &mut [0; 8]).is_err());
    }
}
