//! Looks at the server while it is filled: says every few seconds how far it is, keeps the most memory it ever took, and
//! stops the fill before the machine runs out of disk or memory.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::folder::{self, OnDisk};
use crate::{machine, usage};

const LOOK: Duration = Duration::from_secs(1);

/// Looks between two lines of progress.
const LOOKS_PER_LINE: u32 = 5;

/// What the machine keeps: with less disk or memory than this its other programs would be harmed.
const FREE_DISK_MIN: u64 = 3 << 30;
const FREE_MEMORY_MIN_MIB: u64 = 1024;

/// Shared by all senders and the thread that looks.
pub(crate) struct Watch {
    pid: u32,
    data: PathBuf,
    wanted: u64,
    sent: AtomicU64,
    taken: AtomicU64,
    ended: AtomicBool,
    stopped: AtomicBool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    resident_most: f64,
    why_stopped: Option<String>,
}

impl Watch {
    /// Watches a server that is to hold `wanted` messages.
    pub(crate) fn start(pid: u32, data: PathBuf, wanted: u64) -> Arc<Self> {
        let (sent, taken) = (AtomicU64::new(0), AtomicU64::new(0));
        let (ended, stopped, seen) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::default());
        let watch = Arc::new(Self { pid, data, wanted, sent, taken, ended, stopped, seen });
        let looking = Arc::clone(&watch);
        std::thread::spawn(move || looking.look());
        watch
    }

    /// So many more messages were acknowledged; an error when the fill must not go on.
    pub(crate) fn sent(&self, messages: u64) -> Result<(), String> {
        self.sent.fetch_add(messages, Ordering::Relaxed);
        if !self.stopped.load(Ordering::Acquire) {
            return Ok(());
        }
        let seen = self.seen.lock().expect("no looker panics");
        Err(seen.why_stopped.clone().unwrap_or_default())
    }

    /// So many messages were taken out again.
    pub(crate) fn taken(&self, messages: u64) {
        self.taken.fetch_add(messages, Ordering::Relaxed);
    }

    /// Ends the looking; the most memory that was seen, in MiB.
    pub(crate) fn end(&self) -> f64 {
        self.ended.store(true, Ordering::Relaxed);
        self.seen.lock().expect("no looker panics").resident_most
    }

    fn look(&self) {
        let (mut since, mut before) = (Instant::now(), 0);
        for looks in 1_u32.. {
            std::thread::sleep(LOOK);
            if self.ended.load(Ordering::Relaxed) {
                return;
            }
            let resident = usage::resident_mib(self.pid).unwrap_or(0.0);
            self.note(resident);
            let sent = self.sent.load(Ordering::Relaxed);
            if looks.is_multiple_of(LOOKS_PER_LINE) && sent > before {
                self.say(sent, (sent - before) as f64 / since.elapsed().as_secs_f64(), resident);
                (since, before) = (Instant::now(), sent);
            }
        }
    }

    fn note(&self, resident: f64) {
        let why_stopped = self.shortage();
        let mut seen = self.seen.lock().expect("no looker panics");
        seen.resident_most = seen.resident_most.max(resident);
        if why_stopped.is_some() {
            seen.why_stopped = why_stopped;
            self.stopped.store(true, Ordering::Release);
        }
    }

    fn shortage(&self) -> Option<String> {
        let disk = folder::free_bytes(&self.data).is_ok_and(|bytes| bytes < FREE_DISK_MIN);
        let memory = machine::available_mib().is_some_and(|mib| mib < FREE_MEMORY_MIN_MIB);
        let what = if disk { "disk" } else { memory.then_some("memory")? };
        let sent = self.sent.load(Ordering::Relaxed);
        Some(format!("the machine runs out of {what} after {sent} messages, so the fill was stopped"))
    }

    fn say(&self, sent: u64, rate: f64, resident: f64) {
        let disk = OnDisk::of(&self.data).map_or(0.0, |found| found.bytes() as f64 / 1e6);
        let standing = sent.saturating_sub(self.taken.load(Ordering::Relaxed));
        let share = standing as f64 * 100.0 / self.wanted as f64;
        println!(
            "{standing:>11} messages ({share:5.1} %), {rate:>8.0}/s, {resident:>6.0} MiB RSS, {disk:>8.0} MB on disk"
        );
    }
}
