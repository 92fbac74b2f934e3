//! Archives and replays on the simulated disk: whatever moment the power goes at, what was acknowledged is archived, and a replay that
//! was acknowledged goes on where it was and brings everything, a FIFO queue's each once and in order. What a queue had not for good by
//! then is gone with the power, too.

use crate::disk_house::{Boxes, House, NOW};
use gateway::Letter;
use journal::sim::{Moment, SimDisk};
use std::sync::{Arc, Mutex};

const POLICY: (&str, &str) = ("ArchivePolicy", r#"{"MessageRetentionPeriod":"1"}"#);
const MESSAGES: usize = 23;

/// What had been acknowledged, by the number of operations of the disk.
struct Told {
    /// Archived messages of each topic.
    published: Vec<u64>,
    /// The replay's beginning and end, and how many letters the queue had when it was asked for.
    replaying: u64,
    completed: u64,
    /// What the queue had for good, and when.
    kept: Vec<(u64, String, Letter)>,
}

/// A workload, with the moments of its disk.
fn work(topic: &str, queue: &str) -> (Told, Vec<Moment>) {
    let disk = SimDisk::new(7);
    let boxes = Arc::new(Boxes { slow: Some(disk.clone()), ..Boxes::default() });
    let house = House::open(disk.clone(), Arc::clone(&boxes), NOW);
    let topic = house.topic(topic, &[POLICY, ("SignatureVersion", "2")]);
    disk.record_moments();
    let mut published = Vec::new();
    for nth in 0..MESSAGES {
        house.publish(&topic, &format!("m{nth}"));
        published.push(disk.ops());
        house.clock.advance_millis(1000);
        match nth % 10 {
            4 => house.store.checkpoint().unwrap(),
            8 => drop(house.store.tend().unwrap()),
            _ => {}
        }
    }
    let raw = ("RawMessageDelivery", "true");
    let subscription = house.subscribe(&topic, queue, &[raw, ("ReplayPolicy", &House::since(NOW))]).unwrap();
    let replaying = disk.ops();
    while house.of(&subscription, "ReplayStatus").as_deref() != Some("Completed") {
        house.turn();
    }
    let completed = disk.ops();
    house.publish(&topic, "live");
    let kept = std::mem::take(&mut *boxes.kept.lock().unwrap());
    (Told { published, replaying, completed, kept }, disk.take_moments())
}

fn check(topic: &str, queue: &str) {
    let (told, moments) = work(topic, queue);
    assert!(moments.len() > 60, "{} moments are no test", moments.len());
    let all: Vec<String> = (0..MESSAGES).map(|nth| format!("m{nth}")).collect();
    let mut resumed = 0;
    for (nth, moment) in moments.iter().enumerate() {
        let seed = nth as u64;
        let disk = if nth % 4 == 0 { moment.kill(seed) } else { moment.crash(seed) };
        let kept = told.kept.iter().filter(|(ops, ..)| *ops <= moment.op());
        let kept: Vec<(String, Letter)> = kept.map(|(_, queue, letter)| (queue.clone(), letter.clone())).collect();
        let had = kept.len();
        let boxes = Arc::new(Boxes { letters: Mutex::new(kept), ..Boxes::default() });
        let house = House::open(disk, boxes, NOW.plus_secs(60));
        let entry = house.inner.catalog.all().pop().expect("the topic was made before");
        let place = entry.look(|view| super::Place::of(&view.about.attributes)).unwrap();
        let records = house.inner.archives.state(place).unwrap().records;
        let acknowledged = told.published.partition_point(|ops| *ops <= moment.op()) as u64;
        assert!(records >= acknowledged, "boundary {}: {records} of {acknowledged}", moment.op());
        let subscription =
            entry.look(|view| view.receivers.values().next().map(|one| one.subscription.id.arn(&entry.arn)));
        let Some(subscription) = subscription else {
            assert!(moment.op() < told.replaying, "boundary {}: the subscription is lost", moment.op());
            continue;
        };
        house.run();
        assert_eq!(house.of(&subscription, "ReplayStatus").as_deref(), Some("Completed"));
        let got: Vec<String> = house.boxes.bodies(queue).into_iter().filter(|body| body != "live").collect();
        if queue.ends_with(".fifo") {
            assert_eq!(got, all, "boundary {}", moment.op());
        } else {
            let missing: Vec<&String> = all.iter().filter(|body| !got.contains(body)).collect();
            assert!(missing.is_empty(), "boundary {}: {missing:?} are lost", moment.op());
            let (before, after) = got.split_at(had.min(MESSAGES));
            assert!(before == &all[..before.len()] && after == &all[MESSAGES - after.len()..], "{got:?}");
        }
        if moment.op() >= told.completed {
            assert_eq!(got.len(), MESSAGES, "boundary {}: a replay that was over began again", moment.op());
        }
        resumed += usize::from(0 < had && had < MESSAGES);
    }
    assert!(resumed > 3, "{resumed} crashes in the middle of a replay are no test");
}

#[test]
fn a_replay_of_a_standard_topic_goes_on_after_every_crash() {
    check("t", "q");
}

#[test]
fn a_replay_of_a_fifo_topic_goes_on_after_every_crash() {
    check("t.fifo", "q.fifo");
}
