//! CPU time and memory of a server process, all its threads and children, out of `/proc`.
//!
//! CPU time is the sum of `schedstat`'s first field (nanoseconds on a processor) over the threads, which is exact where
//! the clock ticks of `/proc/PID/stat` are steps of 10 ms. A thread that ends between two samples takes its time with
//! it, so `cpu_since` never counts less than what the ticks of the whole process say, minus their step.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::time::Duration;

/// CPU time of one process tree at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct CpuSample {
    threads: HashMap<u32, Thread>,
    ticks: u64,
}

#[derive(Debug, Clone, Default)]
struct Thread {
    name: String,
    nanos: u64,
}

/// The kernel counts `utime` and `stime` in hundredths of a second for user space, on every platform Linux has here.
const TICK_NANOS: u64 = 10_000_000;

impl CpuSample {
    /// Reads every thread of `pid` and of its descendants; processes that are gone count nothing.
    pub(crate) fn of(pid: u32) -> Self {
        let mut sample = Self::default();
        let mut waiting = vec![pid];
        while let Some(pid) = waiting.pop() {
            sample.ticks += process_ticks(pid).unwrap_or(0);
            for thread in threads(pid) {
                let nanos = thread_nanos(pid, thread).unwrap_or(0);
                sample.threads.insert(thread, Thread { name: thread_name(pid, thread), nanos });
                waiting.extend(children(pid, thread));
            }
        }
        sample
    }

    /// CPU time spent since the earlier sample.
    pub(crate) fn since(&self, earlier: &Self) -> Duration {
        let by_threads: u64 = self.fresh(earlier).map(|(_, nanos)| nanos).sum();
        let by_ticks = self.ticks.saturating_sub(earlier.ticks).saturating_sub(2) * TICK_NANOS;
        Duration::from_nanos(by_threads.max(by_ticks))
    }

    /// The same, apart for each name of threads: which of its parts a server spends its time in.
    pub(crate) fn by_name_since(&self, earlier: &Self) -> BTreeMap<String, Duration> {
        let mut names = BTreeMap::new();
        for (thread, nanos) in self.fresh(earlier) {
            *names.entry(thread.name.clone()).or_insert(Duration::ZERO) += Duration::from_nanos(nanos);
        }
        names
    }

    fn fresh<'a>(&'a self, earlier: &'a Self) -> impl Iterator<Item = (&'a Thread, u64)> {
        self.threads.iter().map(|(id, thread)| {
            let before = earlier.threads.get(id).map_or(0, |thread| thread.nanos);
            (thread, thread.nanos.saturating_sub(before))
        })
    }
}

/// Resident memory of the process in MiB.
pub(crate) fn resident_mib(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// Bytes that the process has had written to a disk, zeroes of new files among them.
pub(crate) fn written_bytes(pid: u32) -> Option<u64> {
    written(&fs::read_to_string(format!("/proc/{pid}/io")).ok()?)
}

fn written(io: &str) -> Option<u64> {
    io.lines().find_map(|line| line.strip_prefix("write_bytes:"))?.trim().parse().ok()
}

fn threads(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn thread_nanos(pid: u32, thread: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok()
}

/// The thread's name; a pool's numbers are cut off, so that its threads count together.
fn thread_name(pid: u32, thread: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/task/{thread}/comm")).unwrap_or_default();
    name.trim().trim_end_matches(|c: char| c.is_ascii_digit() || c == '-').to_owned()
}

fn children(pid: u32, thread: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|child| child.parse().ok()).collect()
}

fn process_ticks(pid: u32) -> Option<u64> {
    stat_ticks(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `utime` + `stime`, fields 14 and 15; counted after the last parenthesis, since a program's name may hold spaces.
fn stat_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 100 0 0 0 17 5 0 0 20 0 1 0 100 1 1";
        assert_eq!(stat_ticks(stat), Some(22));
    }

    #[test]
    fn work_of_this_process_is_seen() {
        let pid = std::process::id();
        let before = CpuSample::of(pid);
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(30) {
            std::hint::black_box(0);
        }
        let spent = CpuSample::of(pid).since(&before);
        assert!(spent > Duration::from_millis(1), "{spent:?}");
    }

    #[test]
    fn bytes_written_are_those_of_the_disk_and_not_the_cancelled_ones() {
        assert_eq!(written("wchar: 7\nwrite_bytes: 4096\ncancelled_write_bytes: 512\n"), Some(4096));
        assert!(written_bytes(std::process::id()).is_some());
    }

    #[test]
    fn this_process_has_memory() {
        assert!(resident_mib(std::process::id()).is_some_and(|mib| mib > 0.5));
    }

    #[test]
    fn ticks_speak_for_threads_that_ended_in_between() {
        let earlier = sample([(1, "a", 10)], 0);
        let later = sample([(1, "a", 20)], 52);
        assert_eq!(later.since(&earlier), Duration::from_millis(500));
    }

    #[test]
    fn threads_of_one_name_count_together_and_new_ones_from_nothing() {
        let earlier = sample([(1, "worker", 10), (2, "commit", 5)], 0);
        let later = sample([(1, "worker", 20), (2, "commit", 6), (3, "worker", 7)], 0);
        let expected =
            [("commit", 1), ("worker", 17)].map(|(name, nanos)| (name.to_owned(), Duration::from_nanos(nanos)));
        assert_eq!(later.by_name_since(&earlier), BTreeMap::from(expected));
        assert_eq!(later.since(&earlier), Duration::from_nanos(18));
    }

    fn sample<const N: usize>(threads: [(u32, &str, u64); N], ticks: u64) -> CpuSample {
        let threads = threads.map(|(id, name, nanos)| (id, Thread { name: name.to_owned(), nanos }));
        CpuSample { threads: HashMap::from(threads), ticks }
    }
}
