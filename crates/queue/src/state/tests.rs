//! What lasts of a queue: over replays, over clocks that were set back, and over starts that forgot.

use super::*;
use crate::{MessageId, NewMessage};
use bytes::Bytes;

#[test]
fn a_replayed_queue_holds_no_more_than_it_ever_held() {
    let settings = Settings::plain(60_000, 30_000, 0);
    let mut queue = Queue::new(settings);
    let mut most = 0;
    for sequence in 1..=1_000 {
        let sent_at = Instant::from_millis(sequence * 1_000);
        let message = Message::new(MessageId([0; 16]), sent_at, 1, Bytes::from_static(b"x"));
        queue.apply(&Effect::Sent { sequence, visible_at: Instant::EPOCH, message }, &mut Vec::new());
        most = most.max(queue.counts().visible);
    }
    assert_eq!(most, 60, "no time was let pass, and still what had expired was let go");
}

/// The clock of the next start may stand where it stood before the message expired.
#[test]
fn whoever_is_told_that_an_expired_message_is_gone_can_rely_on_it() {
    let settings = Settings::plain(60_000, 30_000, 0);
    let handle = crate::Handle { sequence: 1, receive: 1 };
    let told = [
        (Command::Delete(vec![handle]), Effect::Expired { below: 2 }),
        (Command::Purge, Effect::Purged { below: 2, with_left: false }),
    ];
    for (command, record) in told {
        let mut queue = Queue::new(settings);
        let message = Message::new(MessageId([0; 16]), Instant::from_millis(1), 1, Bytes::from_static(b"x"));
        queue.apply(&Effect::Sent { sequence: 1, visible_at: Instant::EPOCH, message }, &mut Vec::new());
        let later = Instant::from_millis(100_000);
        queue.advance(later);
        let effects = queue.decide::<Effect>(later, command.clone()).effects;
        assert_eq!(effects, [record]);
        queue.apply(&effects[0], &mut Vec::new());
        assert_eq!(queue.decide::<Effect>(later, command).effects, [], "it is told once");
    }
}

/// The same where messages of other times stand behind it: a dead letter that expired before those around it.
#[test]
fn whoever_is_told_that_a_dead_letter_is_gone_can_rely_on_it() {
    let mut queue = Queue::new(Settings::plain(60_000, 30_000, 0));
    let mut records = sent(&mut queue, 1);
    let message = Message::new(MessageId([1; 16]), Instant::from_millis(1), 0, Bytes::new());
    let receives = crate::Receives::default();
    let parcel = crate::parcel::Parcel { why: crate::Departure::DeadLetter, receives, sequence: 1, message }.encode();
    let mut run = |queue: &mut Queue, millis, command| {
        queue.advance(Instant::from_millis(millis));
        let effects = queue.decide::<Effect>(Instant::from_millis(millis), command).effects;
        effects.iter().for_each(|effect| queue.apply(effect, &mut Vec::new()));
        records.extend(effects);
    };
    let arrival = Arrival { origin: PartitionId::new(5), first: 0, parcels: vec![parcel] };
    run(&mut queue, 1_000, Command::Arrive(arrival));
    assert!(queue.is_here(1) && queue.is_here(2) && !queue.marks.rises());
    run(&mut queue, 60_500, Command::Delete(vec![crate::Handle { sequence: 2, receive: 1 }]));
    run(&mut queue, 60_500, Command::Configure(Settings::plain(900_000, 30_000, 0)));
    assert!(queue.is_here(1) && !queue.is_here(2));
    let mut replayed = Queue::new(Settings::plain(60_000, 30_000, 0));
    records.iter().for_each(|effect| replayed.apply(effect, &mut Vec::new()));
    assert_eq!(replayed, queue);
}

fn sent(queue: &mut Queue, count: u64) -> Vec<Effect> {
    let message = NewMessage::plain(MessageId([0; 16]), 1, Bytes::from_static(b"x"), None);
    let command = Command::Send(vec![message; count as usize]);
    let effects = Queue::decide::<Effect>(queue, Instant::from_millis(1_000), command).effects;
    effects.iter().for_each(|effect| queue.apply(effect, &mut Vec::new()));
    effects
}

/// Each start may journal nothing at all, some of what it sends, or all of it; none of its numbers come again.
#[test]
fn no_start_gives_a_number_that_an_earlier_one_gave_and_forgot() {
    let settings = Settings::plain(60_000, 30_000, 0);
    let mut journal: Vec<Effect> = Vec::new();
    let mut given = std::collections::BTreeSet::new();
    for (start, (count, kept)) in (0..).zip([(5, 0), (3, 0), (0, 0), (4, 2), (6, 6), (0, 0), (2, 0), (7, 1), (1, 1)]) {
        let mut queue = Queue::new(settings);
        journal.iter().for_each(|effect| queue.apply(effect, &mut Vec::new()));
        queue.pass_over_forgotten(start);
        let effects = sent(&mut queue, count);
        for effect in &effects {
            let Effect::Sent { sequence, .. } = effect else { panic!("a send sends") };
            assert!(given.insert(*sequence), "{sequence} is given twice");
        }
        journal.extend(effects.into_iter().take(kept));
    }
}

#[test]
fn a_numbering_that_is_kept_lasts_without_passing_over_again() {
    let settings = Settings::plain(60_000, 30_000, 0);
    let mut queue = Queue::new(settings);
    queue.pass_over_forgotten(2);
    let kept = queue.keep_numbering();
    let mut replayed = Queue::new(settings);
    replayed.apply(&kept, &mut Vec::new());
    assert_eq!(replayed, queue);
    let before = replayed.next_sequence;
    replayed.apply(&Effect::PassedOver { below: 1 }, &mut Vec::new());
    assert_eq!(replayed.next_sequence, before, "numbers never fall");
}

#[test]
fn a_queue_that_passed_over_numbers_comes_back_from_its_snapshot() {
    let settings = Settings::plain(60_000, 30_000, 0);
    let mut queue = Queue::new(settings);
    sent(&mut queue, 3);
    queue.pass_over_forgotten(7);
    sent(&mut queue, 2);
    let mut state = Vec::new();
    queue.snapshot(&mut state);
    let restored = Queue::restore(Queue::SNAPSHOT_VERSION, &state).unwrap();
    assert_eq!(restored, queue);
    assert_eq!((restored.counts().visible, restored.held_within(4..u64::MAX)), (5, 2));
}
