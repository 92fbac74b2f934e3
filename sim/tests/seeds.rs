//! Thousands of short histories, each with crashes, and the same one twice.
//!
//! `TIDEWIRE_SEEDS` says how many are tried.

#![expect(clippy::unwrap_used, reason = "a panic is the report")]

use sim::{Plan, Report, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// As many as take about half a minute on two slow cores.
const SEEDS: u64 = 3_000;

/// The same about streams: some seconds.
const SEEDS_OF_STREAMS: u64 = 200;

/// The same about topics: some ten seconds.
const SEEDS_OF_TOPICS: u64 = 60;

fn seeds(usual: u64) -> u64 {
    std::env::var("TIDEWIRE_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// All seeds, on as many threads as there are cores.
fn run_all(plan: &Plan, seeds: u64) -> Report {
    let (next, total) = (AtomicU64::new(0), Mutex::new(Report::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            match run(seed, plan) {
                Ok(report) => *total.lock().unwrap() += report,
                Err(failure) => panic!("{failure}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    total.into_inner().unwrap()
}

#[test]
fn whatever_breaks_no_promise_does() {
    let seeds = seeds(SEEDS);
    let report = run_all(&Plan::short(), seeds);
    println!("{report}");
    // A simulation in which nothing happens proves nothing.
    let least = seeds / 4;
    assert!(report.deliveries > seeds, "{report}");
    assert!(report.kills > least && report.power_cuts > least, "{report}");
    assert!(report.failed_starts > least && report.orderly_stops > least, "{report}");
    assert!(report.stopped_logs > 0 && report.full_disks > least && report.unavailable > 0, "{report}");
    assert!(report.broken_connections > least, "{report}");
    assert!(report.duplicates > least / 2, "{report}");
    assert!(report.dead_letters > least && report.moved > seeds / 100, "{report}");
    assert!(report.rotten_bits > least && report.repeated > seeds / 300, "{report}");
}

#[test]
fn whatever_breaks_streams_keep_every_promise() {
    let seeds = seeds(SEEDS_OF_STREAMS);
    let report = run_all(&Plan::short_of_streams(), seeds);
    println!("{report}");
    assert!(report.records > seeds * 5 && report.reshards > seeds / 2 && report.ended_shards > seeds / 2, "{report}");
    assert!(report.deliveries > seeds && report.expired > seeds / 4, "{report}");
    assert!(report.kills + report.power_cuts > seeds && report.stopped_logs > 0 && report.unavailable > 0, "{report}");
}

#[test]
fn whatever_breaks_topics_keep_every_promise() {
    let seeds = seeds(SEEDS_OF_TOPICS);
    let report = run_all(&Plan::short_of_topics(), seeds);
    println!("{report}");
    assert!(report.fanned_out > seeds * 20 && report.posts > seeds * 10, "{report}");
    assert!(report.failed_posts > seeds && report.dead_letters > seeds / 8, "{report}");
    assert!(report.kills + report.power_cuts > seeds && report.stopped_logs > 0 && report.unavailable > 0, "{report}");
    assert!(report.duplicates > seeds / 4 && report.rotten_bits > 0, "{report}");
}

#[test]
fn a_seed_gives_the_same_trace_every_time() {
    let of_topics = (0..6).map(|seed| (seed, Plan::short_of_topics()));
    let others = (0..60).flat_map(|seed| [(seed, Plan::short()), (seed, Plan::short_of_streams())]);
    for (seed, plan) in of_topics.chain(others) {
        let plan = Plan { keep_trace: true, ..plan };
        let [first, second] = [(); 2].map(|()| run(seed, &plan).expect("the seed keeps every promise"));
        assert_eq!(first, second, "seed {seed}");
        let other = run(seed + 1, &plan).expect("the seed keeps every promise");
        assert_ne!(first.trace, other.trace, "seeds {seed} and {}", seed + 1);
    }
}
