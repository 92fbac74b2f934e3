//! What a shard of 50 GB costs beside its records, measured as the process's resident size, and how well its index still knows them.
//! The only test in its file, because memory that another test gave back would hide the growth.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "the kernel's figure for this process stands in a file")]

use bytes::Bytes;
use engine::Machine;
use names::{Instant, Position};
use stream::{About, Command, NewRecord, Reply, Shard};

const START: Instant = Instant::from_millis(1_700_000_000_000);
const RECORD_BYTES: u64 = 16 << 10;
const RECORDS: u64 = (50 << 30) / RECORD_BYTES;
const BATCH: u64 = 500;

fn ask(shard: &mut Shard, now: Instant, command: Command) -> (Reply, u64) {
    shard.advance(now);
    let decision = shard.decide(now, command);
    decision.effects.iter().for_each(|effect| shard.apply(Position::ZERO, effect, &mut Vec::new()));
    (decision.reply, decision.reads.len() as u64)
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells the resident size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("the resident size is a number") * 1024
}

#[test]
fn a_shard_of_50_gb_costs_a_few_megabytes_and_is_read_as_asked() {
    let mut shard = Shard::unborn();
    let about = About { stream: [1; 16], index: 0, opened_at: START, retention_millis: 365 * 24 * 3_600_000 };
    ask(&mut shard, START, Command::Open { about });
    // Shared by all, so that they take no room: nothing of a record is kept here.
    let data = Bytes::from(vec![7; RECORD_BYTES as usize]);
    let one = NewRecord { data, partition_key: None, explicit_hash: None };
    let append = |shard: &mut Shard, nth: u64| {
        let command = Command::Append { after: None, records: vec![one.clone(); BATCH as usize] };
        ask(shard, START.plus_millis(nth), command);
    };
    append(&mut shard, 0);
    let empty = resident_bytes();
    (1..RECORDS / BATCH).for_each(|nth| append(&mut shard, nth));
    let cost = resident_bytes().saturating_sub(empty);
    let mut snapshot = Vec::new();
    shard.snapshot(&mut snapshot);
    println!("{cost} bytes beside {RECORDS} records, {} in a snapshot", snapshot.len());
    assert!(cost < 6 << 20, "{cost} bytes");
    assert!(snapshot.len() < 1 << 20, "{} bytes", snapshot.len());

    let now = START.plus_millis(RECORDS / BATCH);
    let read = |shard: &mut Shard, from| {
        ask(shard, now, Command::Read { from, records_max: 10_000, bytes_max: 10 << 20 }).1 * RECORD_BYTES
    };
    for from in [1, 777, RECORDS / 3, RECORDS - 5_000] {
        let bytes = read(&mut shard, from);
        assert!((9 << 20..=14 << 20).contains(&bytes), "{bytes} bytes from {from}");
    }
    for nth in [5, 1_000, RECORDS / BATCH - 2] {
        let exact = nth * BATCH + 1;
        let (Reply::Seeked(found), _) = ask(&mut shard, now, Command::Seek { at: START.plus_millis(nth) }) else {
            panic!("the shard is there")
        };
        // A run holds 1.5 MB by then.
        assert!(found <= exact && exact - found <= 100, "{found} for {exact}");
    }
}
