//! What a full log and a crash leave between a stream and its shards: tests of the catalog.

use super::tests::{about, key, open_at, open_with, state, wanted};
use super::*;
use crate::reshard::first_shards;
use engine::ManualClock;
use journal::Options;
use journal::sim::SimDisk;
use names::Instant;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

/// A stream of one shard over a log in which `pending_bytes_max` may wait for the disk, and `filling` bytes do.
fn filled(pending_bytes_max: usize, filling: usize) -> (Catalog, Arc<StreamEntry>) {
    let options = Options { pending_bytes_max, ..Options::small(1 << 18) };
    let catalog = open_with(&Arc::new(SimDisk::new(1)), options, NOW);
    let made = catalog.create(wanted(1), |partition| first_shards(1, NOW, partition)).unwrap();
    let Creation::New(entry, _) = made else { panic!("there is no stream yet") };
    catalog.store().journal().commit().unwrap();
    append(&catalog, &entry.view().shards[0], filling);
    (catalog, entry)
}

fn append(catalog: &Catalog, shard: &ShardHandle, bytes: usize) {
    let data = vec![b'x'; bytes].into();
    let record = stream::NewRecord { data, partition_key: None, explicit_hash: None };
    let command = stream::Command::Append { after: None, records: vec![record] };
    drop(shard.partition(catalog.store()).unwrap().execute(command).unwrap());
}

/// Asks for a resharding, as far as it comes without the disk: whether it was refused.
fn is_refused(catalog: &Catalog, entry: &Arc<StreamEntry>, ask: Reshard) -> bool {
    let mut asked = pin!(catalog.reshard(entry, ask));
    match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => {
            assert_eq!(outcome.unwrap_err().error.name, "ServiceUnavailableException");
            true
        }
        Poll::Pending => false,
    }
}

#[test]
fn what_a_log_has_no_room_for_in_a_resharding_was_never_begun_or_is_carried_out_later() {
    let most = Options::small(1 << 18).block_bytes_max;
    let mut seen = [0; 3];
    // So that the log is full before the stream has decided, between that and the last shard, and behind it.
    for room in (0..1500).step_by(20) {
        let (catalog, entry) = filled(most, 8 << 10);
        let pending = usize::try_from(catalog.store().journal().stats().pending_bytes).unwrap();
        let per_record = pending - (8 << 10);
        append(&catalog, &entry.view().shards[0], most - pending - per_record - room);
        let before = entry.view();
        let is_refused_at_first = is_refused(&catalog, &entry, Reshard::Split { index: 0, at: 1 << 100 });
        let is_behind = entry.is_behind.load(Ordering::Relaxed);
        seen[usize::from(!is_refused_at_first) + usize::from(!is_refused_at_first && !is_behind)] += 1;
        catalog.store().journal().commit().unwrap();
        if is_refused_at_first {
            assert_eq!((entry.view().shards.len(), is_behind), (before.shards.len(), false), "nothing has changed");
            assert!(state(&catalog, before.shards[0].entry.partition).unwrap().closed_at.is_none());
            assert!(!is_refused(&catalog, &entry, Reshard::Split { index: 0, at: 1 << 100 }), "asked again");
        }
        catalog.catch_up(&entry);
        catalog.store().journal().commit().unwrap();
        let view = entry.view();
        assert_eq!((view.shards.len(), view.open_shards()), (3, 2), "with room for {room} bytes");
        for shard in view.shards.iter() {
            let state = state(&catalog, shard.entry.partition).expect("each shard is there");
            assert_eq!((state.index, state.closed_at.is_none()), (shard.entry.index, shard.entry.is_open()));
        }
        append(&catalog, view.shard_of(0).unwrap(), 1);
    }
    assert!(seen.iter().all(|count| *count > 0), "refused, behind, at once: {seen:?}");
}

/// A stream of which a change of the retention was cut off behind the stream's own, with a record of each of these ages in
/// hours when it starts again; what is left of them then.
fn after_a_cut(hours: (u32, Change), ages: &[u64]) -> Vec<u64> {
    let disk = Arc::new(SimDisk::new(1));
    let oldest = ages.iter().max().unwrap() * 3_600_000;
    let clock = Arc::new(ManualClock::at(NOW));
    let catalog = open_at(&disk, Options::small(1 << 18), Arc::<ManualClock>::clone(&clock));
    let (before, change) = hours;
    let about = About { retention_hours: before, ..about() };
    let made = catalog.create(Wanted { about, ..wanted(1) }, |partition| first_shards(1, NOW, partition)).unwrap();
    let Creation::New(entry, _) = made else { panic!("there is no stream yet") };
    for age in ages {
        clock.advance_to(NOW.plus_millis(oldest - age * 3_600_000));
        append(&catalog, &entry.view().shards[0], 10);
    }
    // At the time of the last record, so that all the time until the start passes behind it.
    drop(entry.partition.execute(Command::Change(change)).unwrap());
    catalog.store().journal().commit().unwrap();
    catalog.store().journal().close();
    let now = NOW.plus_millis(oldest);
    let catalog = open_with(&disk, Options::small(1 << 18), now);
    let shard = &catalog.find(&key()).unwrap().view().shards[0];
    let state = state(&catalog, shard.entry.partition).unwrap();
    let asked = catalog.find(&key()).unwrap().view().about.retention_millis();
    assert_eq!(state.retention_millis, asked, "the shard keeps to what the stream says");
    let horizon = state.horizon;
    ages.iter().filter(|age| now.minus_millis(**age * 3_600_000) >= horizon).copied().collect()
}

#[test]
fn a_retention_that_was_raised_and_cut_off_brings_nothing_back_that_expired_until_the_start() {
    let raised = || (24, Change::RaiseRetention(48));
    assert_eq!(after_a_cut(raised(), &[40, 30, 23, 5]), [23, 5], "what was over by the shard's own time is over");
    assert_eq!(after_a_cut(raised(), &[20, 5]), [20, 5]);
}

#[test]
fn a_retention_that_was_lowered_and_cut_off_holds_from_the_start_on() {
    let lowered = || (48, Change::LowerRetention(24));
    assert_eq!(after_a_cut(lowered(), &[40, 30, 23, 5]), [23, 5]);
}
