//! `bench start`: how soon the release binary is ready, what it takes when idle, and how large it is.

use std::path::Path;
use std::time::Duration;

use crate::machine::{self, Machine};
use crate::request;
use crate::scratch::Scratch;
use crate::verdict::{self, Bound, Verdict};
use crate::{subject, usage};

/// Starts per median.
const STARTS: usize = 10;

/// How long the server idles before its memory is read.
const IDLE: Duration = Duration::from_secs(2);

/// Messages in the folder of the starts with data.
const MESSAGES: usize = 1_000;

const READY_MILLIS_MAX: f64 = 100.0;
const IDLE_MIB_MAX: f64 = 30.0;
const BINARY_MB_MAX: f64 = 25.0;

/// Measures and prints; without a release binary it says so and measures nothing.
pub(crate) fn run() -> Result<(), String> {
    Machine::read().print();
    let binary = match subject::product_binary() {
        Ok(binary) => binary,
        Err(reason) => {
            println!("SKIPPED: {reason}");
            return Ok(());
        }
    };
    let mut verdicts = vec![size(&binary)?];
    let empty = (0..STARTS).map(|_| start_on_empty(&binary)).collect::<Result<Vec<_>, _>>()?;
    verdicts.push(ready("an empty folder", empty));
    verdicts.push(idle_memory(&binary)?);
    verdicts.push(ready(&format!("a folder with {MESSAGES} messages"), starts_with_data(&binary)?));
    println!("\n{}load at the end {}", verdict::render(&verdicts), machine::load());
    Ok(())
}

fn size(binary: &Path) -> Result<Verdict, String> {
    let bytes = std::fs::metadata(binary).map_err(|error| error.to_string())?.len();
    let (value, note) = (Some(bytes as f64 / 1e6), format!("{bytes} bytes"));
    Ok(Verdict { what: "binary".into(), value, unit: "MB", bound: Bound::AtMost, target: BINARY_MB_MAX, note })
}

fn start_on_empty(binary: &Path) -> Result<Duration, String> {
    let scratch = Scratch::new("start").map_err(|error| error.to_string())?;
    let server = subject::start_product(binary, scratch.path())?;
    Ok(server.started_in)
}

fn idle_memory(binary: &Path) -> Result<Verdict, String> {
    let scratch = Scratch::new("start").map_err(|error| error.to_string())?;
    let server = subject::start_product(binary, scratch.path())?;
    std::thread::sleep(IDLE);
    let value = usage::resident_mib(server.pid());
    let what = format!("resident memory after {} s idle", IDLE.as_secs());
    Ok(Verdict { what, value, unit: "MiB", bound: Bound::AtMost, target: IDLE_MIB_MAX, note: String::new() })
}

fn starts_with_data(binary: &Path) -> Result<Vec<Duration>, String> {
    let scratch = Scratch::new("start").map_err(|error| error.to_string())?;
    let server = subject::start_product(binary, scratch.path())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(fill(server.address)).map_err(|error| error.to_string())?;
    drop(server);
    (0..STARTS).map(|_| subject::start_product(binary, scratch.path()).map(|server| server.started_in)).collect()
}

async fn fill(address: std::net::SocketAddr) -> std::io::Result<()> {
    let queue_url = subject::create_queue(address).await?;
    let batch = request::send_message_batch(&queue_url);
    for _ in 0..MESSAGES / request::BATCH {
        subject::call(address, "SendMessageBatch", &batch).await?;
    }
    Ok(())
}

fn ready(folder: &str, mut starts: Vec<Duration>) -> Verdict {
    starts.sort_unstable();
    let millis = |start: Duration| start.as_secs_f64() * 1e3;
    let (median, fastest, slowest) = (median(&starts), starts.first().copied(), starts.last().copied());
    let range =
        fastest.zip(slowest).map(|(fastest, slowest)| format!("{:.1} to {:.1} ms", millis(fastest), millis(slowest)));
    Verdict {
        what: format!("start to Ready. on {folder}, median of {STARTS}"),
        value: median.map(millis),
        unit: "ms",
        bound: Bound::AtMost,
        target: READY_MILLIS_MAX,
        note: range.unwrap_or_default(),
    }
}

/// The middle of sorted durations; of an even number the mean of the two in the middle.
fn median(sorted: &[Duration]) -> Option<Duration> {
    let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some((*low + *high) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_middles() {
        let millis = |values: &[u64]| values.iter().map(|&value| Duration::from_millis(value)).collect::<Vec<_>>();
        assert_eq!(median(&[]), None);
        assert_eq!(median(&millis(&[7])), Some(Duration::from_millis(7)));
        assert_eq!(median(&millis(&[1, 2, 9])), Some(Duration::from_millis(2)));
        assert_eq!(median(&millis(&[1, 3, 5, 9])), Some(Duration::from_millis(4)));
    }

    #[test]
    fn a_start_is_judged_by_its_median() {
        let verdict = ready("x", vec![Duration::from_millis(40), Duration::from_millis(90), Duration::from_secs(9)]);
        assert_eq!(verdict.value, Some(90.0));
        assert_eq!(verdict.met(), Some(true));
    }
}
