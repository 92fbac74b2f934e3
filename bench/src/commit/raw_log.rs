//! The ceiling: one thread that writes blocks of a given size to a pre-zeroed file and syncs after each.
//!
//! It uses the journal's own `Io` (same flags, O_DIRECT where that takes it) and the commit thread's priority; only
//! records, checksums, the chain, clients and wake-ups are missing.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use journal::limits::{BLOCK_BYTES_MAX, FILE_BYTES};
use journal::{AlignedBuf, Io, IoFile, RealDisk, padded};

use super::closed_loop::Outcome;
use crate::latency::Latencies;
use crate::usage::CpuSample;

/// The nice value that the journal asks for its commit thread.
const COMMIT_NICE: i32 = -10;

/// Bytes written at once while zeroing.
const ZERO_BYTES: usize = 1 << 20;

/// A pre-zeroed file, written from front to back and over again.
pub(crate) struct RawLog {
    file: Box<dyn IoFile>,
    direct: bool,
}

impl RawLog {
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        let disk = RealDisk::open(folder)?;
        let file = disk.create("raw.log", FILE_BYTES)?;
        let zeros = AlignedBuf::new(ZERO_BYTES);
        for offset in (0..FILE_BYTES).step_by(ZERO_BYTES) {
            file.write_at(offset, &zeros)?;
        }
        file.sync()?;
        disk.sync_names()?;
        Ok(Self { file, direct: disk.is_direct() })
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.direct
    }

    /// Writes and syncs blocks of `bytes` (rounded up to whole pages) for `window`; the acks are syncs here.
    pub(crate) fn run(&self, bytes: f64, window: Duration) -> io::Result<Outcome> {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                // Without the right to a higher priority both the journal and this loop run at the normal one.
                let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), COMMIT_NICE);
                self.write_and_sync(padded(bytes.ceil() as usize).min(BLOCK_BYTES_MAX), window)
            });
            thread.join().expect("the raw loop does not panic")
        })
    }

    fn write_and_sync(&self, bytes: usize, window: Duration) -> io::Result<Outcome> {
        let mut block = AlignedBuf::new(bytes);
        block.fill(b'x');
        let (cpu, begun) = (CpuSample::of(std::process::id()), Instant::now());
        let mut latencies = Latencies::default();
        let mut offset = 0;
        while begun.elapsed() < window {
            let started = Instant::now();
            self.file.write_at(offset, &block)?;
            self.file.sync()?;
            latencies.record(started.elapsed());
            offset = next_offset(offset, bytes as u64);
        }
        let elapsed = begun.elapsed();
        let cpu = CpuSample::of(std::process::id()).since(&cpu);
        Ok(Outcome { acks: latencies.len() as u64, elapsed, cpu, latencies, broken: None })
    }
}

/// Where the next block goes: behind the last, or at the front when it would not fit.
fn next_offset(offset: u64, bytes: u64) -> u64 {
    let next = offset + bytes;
    if next + bytes > FILE_BYTES { 0 } else { next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_stay_inside_the_file_and_begin_again_at_its_front() {
        assert_eq!(next_offset(0, 4096), 4096);
        assert_eq!(next_offset(FILE_BYTES - 8192, 4096), FILE_BYTES - 4096);
        assert_eq!(next_offset(FILE_BYTES - 4096, 4096), 0);
    }
}
