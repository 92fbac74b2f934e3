//! The bound on messages in flight, at its real size.

use bytes::Bytes;
use names::Instant;
use queue::{Command, Counts, IN_FLIGHT_MAX, Labels, MessageId, NewMessage, Queue, Reply, Settings};

const SETTINGS: Settings = Settings::plain(3_600_000, 30_000, 0);

fn run(queue: &mut Queue, now: Instant, command: Command) -> Reply {
    queue.advance(now);
    let decision = queue.decide(now, command);
    decision.effects.iter().for_each(|effect| queue.apply(effect, &mut Vec::new()));
    decision.reply
}

fn receive(queue: &mut Queue, now: Instant, max: usize) -> Reply {
    run(queue, now, Command::Receive { max, visibility_millis: None })
}

/// Says how many a receive gave.
fn received(reply: Reply) -> Option<usize> {
    if let Reply::Received(deliveries) = reply { Some(deliveries.len()) } else { None }
}

fn queue_with(messages: usize, now: Instant) -> Queue {
    let mut queue = Queue::new(SETTINGS);
    let message = |number: usize| {
        NewMessage::plain(MessageId((number as u128).to_be_bytes()), 4, Bytes::from_static(b"body"), None)
    };
    run(&mut queue, now, Command::Send((0..messages).map(message).collect()));
    queue
}

#[test]
fn a_receive_beyond_the_limit_in_flight_is_refused_until_there_is_room() {
    let now = Instant::from_millis(1_700_000_000_000);
    let mut queue = queue_with(IN_FLIGHT_MAX + 10, now);
    assert_eq!(received(receive(&mut queue, now, IN_FLIGHT_MAX - 3)), Some(IN_FLIGHT_MAX - 3));
    assert_eq!(received(receive(&mut queue, now, 10)), Some(3), "only what there is room for is handed out");
    assert_eq!(receive(&mut queue, now, 1), Reply::OverLimit);
    let Counts { visible, in_flight, .. } = queue.counts();
    assert_eq!((visible, in_flight), (10, IN_FLIGHT_MAX));

    let later = now.plus_millis(SETTINGS.visibility_millis);
    let Reply::Received(deliveries) = receive(&mut queue, later, 2) else { panic!("all leases have ended") };
    assert_eq!(
        deliveries.iter().map(|delivery| (delivery.sequence, delivery.receive)).collect::<Vec<_>>(),
        [(1, 2), (2, 2)]
    );
}

#[test]
fn an_owner_may_allow_several_times_as_many_and_less_again() {
    let now = Instant::from_millis(1_700_000_000_000);
    let mut queue = queue_with(2 * IN_FLIGHT_MAX + 10, now);
    let configure = |queue: &mut Queue, in_flight_times| {
        run(queue, now, Command::Configure(Settings { in_flight_times, ..SETTINGS }));
    };
    configure(&mut queue, 2);
    assert_eq!(received(receive(&mut queue, now, 2 * IN_FLIGHT_MAX + 1)), Some(2 * IN_FLIGHT_MAX));
    assert_eq!(receive(&mut queue, now, 1), Reply::OverLimit);
    configure(&mut queue, 3);
    assert_eq!(received(receive(&mut queue, now, 1)), Some(1));
    configure(&mut queue, 1);
    assert_eq!(receive(&mut queue, now, 1), Reply::OverLimit);
}

#[test]
fn a_delete_makes_room_in_flight() {
    let now = Instant::from_millis(1_700_000_000_000);
    let mut queue = queue_with(IN_FLIGHT_MAX + 1, now);
    let Reply::Received(deliveries) = receive(&mut queue, now, IN_FLIGHT_MAX) else { panic!("there is room") };
    assert_eq!(receive(&mut queue, now, 1), Reply::OverLimit);
    run(&mut queue, now, Command::Delete(vec![deliveries[500].handle()]));
    assert_eq!(received(receive(&mut queue, now, 10)), Some(1));
}

#[test]
fn a_fifo_queue_with_as_many_in_flight_as_may_be_gives_nothing_and_no_error() {
    for in_flight_times in [1, 2] {
        fill_a_fifo_queue(Settings { is_fifo: true, in_flight_times, ..SETTINGS });
    }
}

fn fill_a_fifo_queue(settings: Settings) {
    let now = Instant::from_millis(1_700_000_000_000);
    let mut queue = Queue::new(settings);
    let most = settings.in_flight_max();
    let message = |number: usize| {
        let labels = Labels { group: Some(number as u64), dedup: None };
        let mut bytes = b"body".to_vec();
        let labelled = labels.append_to(&mut bytes);
        let id = MessageId((number as u128).to_be_bytes());
        NewMessage { id, body_bytes: 4, bytes: bytes.into(), delay_millis: None, labelled, earlier_dedup: None }
    };
    run(&mut queue, now, Command::Send((0..most + 10).map(message).collect()));
    assert_eq!(received(receive(&mut queue, now, most + 1)), Some(most));
    assert_eq!(received(receive(&mut queue, now, 1)), Some(0));
}
