//! Publishing, as far as it takes queues that do not take everything.

use super::*;
use crate::house::{House, queue};
use gateway::{NotPut, Refused};

fn entry(id: &str, group: &str) -> PublishBatchRequestEntry {
    PublishBatchRequestEntry {
        id: id.into(),
        message: id.into(),
        message_group_id: Some(group.into()),
        message_deduplication_id: Some(id.into()),
        ..PublishBatchRequestEntry::default()
    }
}

fn full() -> NotPut {
    NotPut::Unavailable(Refused::new(&errors::INTERNAL_ERROR_EXCEPTION, "full"))
}

fn ids(batch: &PublishBatchResponse) -> (Vec<String>, Vec<String>) {
    let done = batch.successful.iter().flatten().filter_map(|entry| entry.id.clone());
    (done.collect(), batch.failed.iter().flatten().map(|entry| entry.id.clone()).collect())
}

#[test]
fn what_stands_behind_a_failed_entry_of_its_group_is_not_published_before_it() {
    let house = House::new();
    let topic = house.topic("news.fifo", &[("FifoTopic", "true")]);
    house.subscribe(&topic, ("sqs", &queue("q.fifo")), &[("RawMessageDelivery", "true")]).unwrap();
    *house.queues.word.lock().unwrap() = Some(Box::new(|_, letter| (letter.body == "a2").then(full)));
    let batch = |house: &House| {
        let of = [("a1", "a"), ("b1", "b"), ("a2", "a"), ("a3", "a"), ("b2", "b"), ("a4", "a")];
        let entries = of.iter().map(|(id, group)| entry(id, group)).collect();
        let input = PublishBatchInput { topic_arn: topic.clone(), publish_batch_request_entries: entries };
        house.ask::<PublishBatch>(input).unwrap()
    };
    let first = batch(&house);
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert_eq!(ids(&first), (owned(&["a1", "b1", "b2"]), owned(&["a2", "a3", "a4"])));
    assert!(first.failed.iter().flatten().all(|entry| !entry.sender_fault));
    // Sent again when there is room, the group is in its order.
    *house.queues.word.lock().unwrap() = None;
    assert_eq!(ids(&batch(&house)).1, owned(&[]));
    let of_a = house.taken().into_iter().map(|(_, body)| body).filter(|body| body.starts_with('a'));
    assert_eq!(of_a.collect::<Vec<_>>(), ["a1", "a2", "a3", "a4"]);
}

#[test]
fn a_large_message_goes_to_more_than_a_hundred_subscriptions_of_any_protocol() {
    let house = House::new();
    let topic = house.topic("t", &[("MaximumMessageSize", "1048576")]);
    (0..150).for_each(|nth| _ = house.subscribe(&topic, ("sqs", &queue(&format!("q{nth}"))), &[]).unwrap());
    house.subscribe(&topic, ("lambda", "arn:aws:lambda:us-east-1:000000000000:function:f"), &[]).unwrap();
    let message = "x".repeat(1 << 20);
    house.ask::<Publish>(PublishInput { topic_arn: Some(topic), message, ..PublishInput::default() }).unwrap();
    assert_eq!(house.taken().len(), 150);
}

#[test]
fn dead_letters_of_a_fifo_topic_are_in_its_order() {
    let house = House::new();
    let topic = house.topic("news.fifo", &[("FifoTopic", "true")]);
    let dead = format!(r#"{{"deadLetterTargetArn":"{}"}}"#, queue("dead.fifo"));
    house.subscribe(&topic, ("sqs", &queue("q.fifo")), &[("RedrivePolicy", &dead)]).unwrap();
    let gone = || NotPut::Refused(Refused::new(&errors::NOT_FOUND_EXCEPTION, "gone"));
    let seen = Arc::<std::sync::Mutex<Vec<String>>>::default();
    let noted = Arc::clone(&seen);
    *house.queues.word.lock().unwrap() = Some(Box::new(move |arn, _| {
        noted.lock().unwrap().push(arn.resource.clone());
        (arn.resource == "q.fifo").then(gone)
    }));
    let entries = ["1", "2", "3"].map(|id| entry(id, "a")).into();
    house.ask::<PublishBatch>(PublishBatchInput { topic_arn: topic, publish_batch_request_entries: entries }).unwrap();
    // Each has its place before the next message has its turn.
    assert_eq!(*seen.lock().unwrap(), ["q.fifo", "dead.fifo"].repeat(3));
}

/// A FIFO topic with as many subscriptions as one may have, and a batch to it of so many messages of 19 KB.
fn large_batch(house: &House, name: &str, count: usize) -> PublishBatchInput {
    let topic_arn = house.topic(name, &[("FifoTopic", "true")]);
    for nth in 0..limits::FIFO_SUBSCRIPTIONS_MAX {
        house.subscribe(&topic_arn, ("sqs", &queue(&format!("{nth}-{name}"))), &[]).unwrap();
    }
    let large = |nth: usize| PublishBatchRequestEntry {
        message: "x".repeat(19_000),
        ..entry(&nth.to_string(), if nth < 5 { "a" } else { "b" })
    };
    PublishBatchInput { topic_arn, publish_batch_request_entries: (0..count).map(large).collect() }
}

#[test]
fn a_batch_that_needs_more_room_than_there_is_ends() {
    let house = House::new();
    let batch = large_batch(&house, "news.fifo", 10);
    assert_eq!(ids(&house.ask::<PublishBatch>(batch).unwrap()).0.len(), 10);
    assert_eq!(house.taken().len(), 10 * limits::FIFO_SUBSCRIPTIONS_MAX);
}

#[test]
fn batches_that_have_all_room_between_them_do_not_wait_for_each_other() {
    use std::task::{Context, Poll, Waker};
    let house = House::new();
    let [first, second] = ["a.fifo", "b.fifo"].map(|name| large_batch(&house, name, 6));
    let message = checked(&house.inner.catalog.all()[0], draft(first.publish_batch_request_entries[0].clone()).1);
    let pieces = crate::pieces::Pieces::of(&message.unwrap().message);
    // So much that both begin, and both want more.
    let mut held: Vec<_> =
        std::iter::from_fn(|| house.inner.on_the_way.room_now(pieces, limits::FIFO_SUBSCRIPTIONS_MAX)).collect();
    held.truncate(held.len() - 2);
    let mut calls = [first, second].map(|batch| Some(Box::pin(house.call::<PublishBatch>(batch))));
    let mut done = 0;
    for _ in 0..100 {
        for call in &mut calls {
            let Some(polled) = call else { continue };
            if let Poll::Ready(batch) = polled.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                done += ids(&batch.unwrap()).0.len();
                *call = None;
            }
        }
        held.pop();
    }
    assert_eq!(done, 12);
}
