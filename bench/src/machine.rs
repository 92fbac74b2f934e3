//! Facts of the machine a run was made on, printed with every table, because a figure without them cannot be compared.

use std::fs;

use serde::Serialize;

/// What stands in `/proc` about processor, kernel and load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) processor: String,
    pub(crate) kernel: String,
    pub(crate) memory_mib: u64,
    /// Load averages over 1, 5 and 15 minutes when the run began.
    pub(crate) load: String,
}

impl Machine {
    pub(crate) fn read() -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into()),
            kernel: first_line("/proc/sys/kernel/osrelease"),
            memory_mib: memory_mib(),
            load: load(),
        }
    }

    pub(crate) fn print(&self) {
        println!(
            "machine: {} cores, {}, kernel {}, {} MiB RAM, load at the start {}",
            self.cores, self.processor, self.kernel, self.memory_mib, self.load
        );
    }
}

/// The three load averages as the kernel prints them.
pub(crate) fn load() -> String {
    first_line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Memory that a program could still take.
pub(crate) fn available_mib() -> Option<u64> {
    memory_field("MemAvailable")
}

fn memory_mib() -> u64 {
    memory_field("MemTotal").unwrap_or(0)
}

fn memory_field(name: &str) -> Option<u64> {
    let kib: u64 = field("/proc/meminfo", name)?.trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024)
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().lines().next().unwrap_or("unknown").to_owned()
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Memory touched before each window: more than any server takes in one.
const TOUCHED_BYTES: usize = 3 << 30;

/// Writes to memory once and gives it back. On a virtual machine the host hands memory out at the guest's first touch, and
/// charges the time to whoever touches it: a server whose queue grows would be measured by its host's page faults.
pub(crate) fn touch_memory() {
    const PAGE: usize = 4096;
    let mut bytes = vec![0_u8; TOUCHED_BYTES];
    bytes.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    std::hint::black_box(&bytes);
}
