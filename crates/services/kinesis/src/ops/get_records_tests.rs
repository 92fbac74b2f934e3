//! GetRecords that wait: each by itself, on a clock and a disk of the test's own.

use super::*;
use crate::house::{House, NOW, poll};
use crate::ops::create_stream::DeleteStream;
use gateway::Stopping;
use names::Instant;
use std::future::Future;
use std::pin::pin;

/// An iterator at the first record.
fn iterator(house: &House) -> String {
    let stream = house.entry().partition.id();
    let (shard, from, not_before) = (0, 1, Instant::EPOCH);
    ShardIterator { stream, shard, from, not_before, made_at: house.now() }.show()
}

/// A caller who waits.
fn caller(house: &House, wait: Option<&str>) -> Caller {
    let mut caller = house.caller();
    caller.wait_millis = wait.map(Into::into);
    caller
}

fn reading(
    house: &House,
    iterator: &str,
    caller: Caller,
) -> impl Future<Output = Result<GetRecordsOutput, Refusal>> + use<> {
    let input = GetRecordsInput { shard_iterator: iterator.to_owned(), ..Default::default() };
    let read = GetRecords::call(house.service(), caller, input);
    async move { read.await.map(|WithRoom { output, .. }| output) }
}

fn is_awaited(house: &House) -> bool {
    let service = house.service();
    let view = house.entry().view();
    view.shards[0].partition(service.catalog.store()).unwrap().is_awaited()
}

#[test]
fn a_read_that_waits_is_answered_as_soon_as_a_record_arrives() {
    let house = House::new(false);
    let mut read = pin!(reading(&house, &iterator(&house), caller(&house, Some("20000"))));
    assert!(poll(&mut read).is_none() && is_awaited(&house));
    house.clock.advance_millis(7_000);
    assert!(poll(&mut read).is_none());
    house.put("x", "k");
    let answer = poll(&mut read).expect("there is a record").unwrap();
    assert_eq!(answer.records.iter().map(|record| &record.data[..]).collect::<Vec<_>>(), [b"x"]);
    assert!(!is_awaited(&house));
    // Its iterator is good for five minutes from now on, not from when it was asked for.
    let next = ShardIterator::parse(&answer.next_shard_iterator.unwrap()).unwrap();
    assert_eq!((next.made_at, next.from), (NOW.plus_millis(7_000), 2));
    // What is there already is waited for by nobody.
    let at_once = poll(&mut pin!(reading(&house, &iterator(&house), caller(&house, Some("20000"))))).expect("at once");
    assert_eq!(at_once.unwrap().records.len(), 1);
}

#[test]
fn a_read_that_waits_ends_when_its_time_is_over_the_shard_closes_the_stream_goes_or_the_server_stops() {
    let waiting = |house: &House, caller: Caller| Box::pin(reading(house, &iterator(house), caller));
    let house = House::new(false);
    let mut read = waiting(&house, caller(&house, Some("300")));
    assert!(poll(&mut read.as_mut()).is_none());
    house.clock.advance_millis(299);
    assert!(poll(&mut read.as_mut()).is_none());
    house.clock.advance_millis(1);
    let answer = poll(&mut read.as_mut()).expect("the time is over").unwrap();
    assert!(
        answer.records.is_empty() && answer.next_shard_iterator.is_some() && answer.millis_behind_latest == Some(0)
    );

    let mut read = waiting(&house, caller(&house, Some("20000")));
    assert!(poll(&mut read.as_mut()).is_none());
    let split = crate::machine::Reshard::Split { index: 0, at: 1 << 100 };
    let service = house.service();
    house.done(service.catalog.reshard(&house.entry(), split)).unwrap();
    let answer = poll(&mut read.as_mut()).expect("the shard is closed").unwrap();
    assert_eq!((answer.next_shard_iterator, answer.child_shards.map(|children| children.len())), (None, Some(2)));

    let house = House::new(false);
    let mut read = waiting(&house, caller(&house, Some("20000")));
    assert!(poll(&mut read.as_mut()).is_none());
    let delete = crate::api::DeleteStreamInput { stream_name: Some("s".into()), ..Default::default() };
    house.done(DeleteStream::call(house.service(), house.caller(), delete)).unwrap();
    let refused = poll(&mut read.as_mut()).expect("the stream is gone").unwrap_err();
    assert_eq!(refused.error.name, "ResourceNotFoundException");

    let (house, stopping) = (House::new(false), Stopping::new());
    let mut who = caller(&house, Some("20000"));
    who.stopping = stopping.clone();
    let mut read = waiting(&house, who);
    assert!(poll(&mut read.as_mut()).is_none());
    stopping.set();
    assert!(poll(&mut read.as_mut()).expect("the server stops").unwrap().records.is_empty());
}

#[test]
fn a_read_without_room_waits_for_it_and_is_refused_as_aws_refuses_who_reads_too_fast() {
    let house = House::new(false);
    house.put("x", "k");
    let service = house.service();
    let all = service
        .replies
        .take_now(house.caller().account, limits::REPLIES_BYTES_OF_ACCOUNT_MAX as u64)
        .expect("nobody reads yet");
    let mut read = pin!(reading(&house, &iterator(&house), house.caller()));
    assert!(poll(&mut read).is_none(), "there is a record, and no room");
    // At the end there is nothing that would need room.
    let end = ShardIterator { from: 2, ..ShardIterator::parse(&iterator(&house)).unwrap() }.show();
    assert!(poll(&mut pin!(reading(&house, &end, house.caller()))).is_some_and(|answer| answer.is_ok()));
    house.clock.advance_millis(limits::REPLY_WAIT_MILLIS - 1);
    assert!(poll(&mut read).is_none());
    house.clock.advance_millis(1);
    let refused = poll(&mut read).expect("it has waited for long enough").unwrap_err();
    assert_eq!(refused.error.name, "ProvisionedThroughputExceededException");
    let mut read = pin!(reading(&house, &iterator(&house), house.caller()));
    assert!(poll(&mut read).is_none());
    drop(all);
    assert_eq!(poll(&mut read).expect("there is room").unwrap().records.len(), 1);
    assert!(
        service.replies.take_now(house.caller().account, limits::REPLIES_BYTES_OF_ACCOUNT_MAX as u64).is_some(),
        "all of it is given back"
    );
}

#[test]
fn an_answer_keeps_its_room_until_it_is_dropped() {
    let house = House::new(false);
    house.put("x", "k");
    let input = GetRecordsInput { shard_iterator: iterator(&house), ..Default::default() };
    let answer = house.done(GetRecords::call(house.service(), house.caller(), input));
    let answered = GetRecords::answered(answer.unwrap_or_else(|refusal| panic!("{refusal:?}")));
    let takes_all = || {
        house.service().replies.take_now(house.caller().account, limits::REPLIES_BYTES_OF_ACCOUNT_MAX as u64).is_some()
    };
    assert!(!takes_all());
    drop(answered);
    assert!(takes_all());
}

#[test]
fn who_goes_away_while_waiting_leaves_nothing() {
    let house = House::new(false);
    let mut reads: Vec<_> =
        (0..100).map(|_| Box::pin(reading(&house, &iterator(&house), caller(&house, Some("20000"))))).collect();
    assert!(reads.iter_mut().all(|read| poll(&mut read.as_mut()).is_none()) && is_awaited(&house));
    reads.truncate(1);
    assert!(is_awaited(&house), "one is still there");
    drop(reads);
    assert!(!is_awaited(&house));
}

#[test]
fn a_read_that_waits_is_one_call_for_awss_throttles() {
    let house = House::new(true);
    let at = iterator(&house);
    for _ in 0..4 {
        let mut read = pin!(reading(&house, &at, caller(&house, Some("200"))));
        assert!(poll(&mut read).is_none());
        house.clock.advance_millis(200);
        assert!(poll(&mut read).is_some_and(|answer| answer.is_ok()));
    }
    // The fifth within the second; the sixth is one too many.
    assert!(poll(&mut pin!(reading(&house, &at, caller(&house, Some("1000"))))).is_none());
    let refused = poll(&mut pin!(reading(&house, &at, house.caller()))).unwrap().unwrap_err();
    assert_eq!(refused.error.name, "ProvisionedThroughputExceededException");
}

#[test]
fn a_wait_that_is_no_number_or_too_long_is_refused_before_anything_is_read() {
    let house = House::new(false);
    for wrong in ["", "20001", "-1", "+5", "1.5", "soon", "99999999999999999999"] {
        let refused =
            poll(&mut pin!(reading(&house, &iterator(&house), caller(&house, Some(wrong))))).unwrap().unwrap_err();
        assert_eq!(refused.error.name, "InvalidArgumentException", "{wrong}");
        assert!(refused.message.contains("from 0 to 20000"), "{}", refused.message);
    }
    assert!(
        poll(&mut pin!(reading(&house, &iterator(&house), caller(&house, Some("0"))))).is_some(),
        "0 does not wait"
    );
}
