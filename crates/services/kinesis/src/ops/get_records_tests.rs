//! GetRecords that wait: each by itself, on a clock and a disk of the test's own.

use super::*;
use crate::api::{CreateStreamInput, PutRecordInput};
use crate::ops::create_stream::{CreateStream, DeleteStream};
use crate::ops::put_record::PutRecord;
use crate::service::{Kinesis, Options};
use bytes::Bytes;
use engine::{ManualClock, Store};
use gateway::Stopping;
use journal::sim::SimDisk;
use names::{AccountId, Instant, Region};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

const NOW: Instant = Instant::from_millis(1_700_000_000_000);

struct House {
    store: Arc<Store>,
    clock: Arc<ManualClock>,
    kinesis: Kinesis,
}

fn poll<F: Future>(future: &mut Pin<&mut F>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

impl House {
    fn new(throttled: bool) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let mut recovery = Kinesis::recovery();
        let shown: Arc<ManualClock> = Arc::clone(&clock);
        let disk = Arc::new(SimDisk::new(1));
        let store = Store::open(disk, journal::Options::small(1 << 18), shown, &mut recovery.parts()).unwrap();
        let keys = gateway::Keys::default();
        let options = Options { throttled, keys, metered_streams_max: 10, metered_shards_max: 10 };
        let house = Self { kinesis: Kinesis::new(Arc::clone(&store), recovery, options), clock, store };
        let input = CreateStreamInput { stream_name: "s".into(), shard_count: Some(1), ..Default::default() };
        house.done(CreateStream::call(house.service(), house.caller(None), input)).unwrap();
        house
    }

    fn service(&self) -> Arc<Inner> {
        Arc::clone(&self.kinesis.0)
    }

    fn caller(&self, wait: Option<&str>) -> Caller {
        let region = Region::parse("us-east-1").unwrap();
        let now = engine::Clock::now(&*self.clock);
        let mut caller = Caller::for_test(AccountId::DEFAULT, region, now);
        caller.wait_millis = wait.map(Into::into);
        caller
    }

    /// What is answered once all is on the disk.
    fn done<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Some(output) = poll(&mut future) {
                return output;
            }
            self.store.journal().commit().unwrap();
        }
    }

    fn entry(&self) -> Arc<StreamEntry> {
        self.service().catalog.all().pop().unwrap()
    }

    /// An iterator at the first record.
    fn iterator(&self) -> String {
        let stream = self.entry().partition.id();
        let (shard, from, not_before) = (0, 1, Instant::EPOCH);
        ShardIterator { stream, shard, from, not_before, made_at: engine::Clock::now(&*self.clock) }.show()
    }

    fn read(&self, iterator: &str, caller: Caller) -> impl Future<Output = Result<GetRecordsOutput, Refusal>> + use<> {
        let input = GetRecordsInput { shard_iterator: iterator.to_owned(), ..Default::default() };
        GetRecords::call(self.service(), caller, input)
    }

    fn put(&self, text: &'static str) {
        let input = PutRecordInput {
            stream_name: Some("s".into()),
            data: Bytes::from_static(text.as_bytes()),
            partition_key: Some("k".into()),
            ..Default::default()
        };
        self.done(PutRecord::call(self.service(), self.caller(None), input)).unwrap();
    }

    fn is_awaited(&self) -> bool {
        let service = self.service();
        let view = self.entry().view();
        view.shards[0].partition(service.catalog.store()).unwrap().is_awaited()
    }
}

#[test]
fn a_read_that_waits_is_answered_as_soon_as_a_record_arrives() {
    let house = House::new(false);
    let mut read = pin!(house.read(&house.iterator(), house.caller(Some("20000"))));
    assert!(poll(&mut read).is_none() && house.is_awaited());
    house.clock.advance_millis(7_000);
    assert!(poll(&mut read).is_none());
    house.put("x");
    let answer = poll(&mut read).expect("there is a record").unwrap();
    assert_eq!(answer.records.iter().map(|record| &record.data[..]).collect::<Vec<_>>(), [b"x"]);
    assert!(!house.is_awaited());
    // Its iterator is good for five minutes from now on, not from when it was asked for.
    let next = ShardIterator::parse(&answer.next_shard_iterator.unwrap()).unwrap();
    assert_eq!((next.made_at, next.from), (NOW.plus_millis(7_000), 2));
    // What is there already is waited for by nobody.
    let at_once = poll(&mut pin!(house.read(&house.iterator(), house.caller(Some("20000"))))).expect("at once");
    assert_eq!(at_once.unwrap().records.len(), 1);
}

#[test]
fn a_read_that_waits_ends_when_its_time_is_over_the_shard_closes_the_stream_goes_or_the_server_stops() {
    let waiting = |house: &House, caller: Caller| Box::pin(house.read(&house.iterator(), caller));
    let house = House::new(false);
    let mut read = waiting(&house, house.caller(Some("300")));
    assert!(poll(&mut read.as_mut()).is_none());
    house.clock.advance_millis(299);
    assert!(poll(&mut read.as_mut()).is_none());
    house.clock.advance_millis(1);
    let answer = poll(&mut read.as_mut()).expect("the time is over").unwrap();
    assert!(
        answer.records.is_empty() && answer.next_shard_iterator.is_some() && answer.millis_behind_latest == Some(0)
    );

    let mut read = waiting(&house, house.caller(Some("20000")));
    assert!(poll(&mut read.as_mut()).is_none());
    let split = crate::machine::Reshard::Split { index: 0, at: 1 << 100 };
    let service = house.service();
    house.done(service.catalog.reshard(&house.entry(), split)).unwrap();
    let answer = poll(&mut read.as_mut()).expect("the shard is closed").unwrap();
    assert_eq!((answer.next_shard_iterator, answer.child_shards.map(|children| children.len())), (None, Some(2)));

    let house = House::new(false);
    let mut read = waiting(&house, house.caller(Some("20000")));
    assert!(poll(&mut read.as_mut()).is_none());
    let delete = crate::api::DeleteStreamInput { stream_name: Some("s".into()), ..Default::default() };
    house.done(DeleteStream::call(house.service(), house.caller(None), delete)).unwrap();
    let refused = poll(&mut read.as_mut()).expect("the stream is gone").unwrap_err();
    assert_eq!(refused.error.name, "ResourceNotFoundException");

    let (house, stopping) = (House::new(false), Stopping::new());
    let mut caller = house.caller(Some("20000"));
    caller.stopping = stopping.clone();
    let mut read = waiting(&house, caller);
    assert!(poll(&mut read.as_mut()).is_none());
    stopping.set();
    assert!(poll(&mut read.as_mut()).expect("the server stops").unwrap().records.is_empty());
}

#[test]
fn who_goes_away_while_waiting_leaves_nothing() {
    let house = House::new(false);
    let mut reads: Vec<_> =
        (0..100).map(|_| Box::pin(house.read(&house.iterator(), house.caller(Some("20000"))))).collect();
    assert!(reads.iter_mut().all(|read| poll(&mut read.as_mut()).is_none()) && house.is_awaited());
    reads.truncate(1);
    assert!(house.is_awaited(), "one is still there");
    drop(reads);
    assert!(!house.is_awaited());
}

#[test]
fn a_read_that_waits_is_one_call_for_awss_throttles() {
    let house = House::new(true);
    let iterator = house.iterator();
    for _ in 0..4 {
        let mut read = pin!(house.read(&iterator, house.caller(Some("200"))));
        assert!(poll(&mut read).is_none());
        house.clock.advance_millis(200);
        assert!(poll(&mut read).is_some_and(|answer| answer.is_ok()));
    }
    // The fifth within the second; the sixth is one too many.
    assert!(poll(&mut pin!(house.read(&iterator, house.caller(Some("1000"))))).is_none());
    let refused = poll(&mut pin!(house.read(&iterator, house.caller(None)))).unwrap().unwrap_err();
    assert_eq!(refused.error.name, "ProvisionedThroughputExceededException");
}

#[test]
fn a_wait_that_is_no_number_or_too_long_is_refused_before_anything_is_read() {
    let house = House::new(false);
    for wrong in ["", "20001", "-1", "+5", "1.5", "soon", "99999999999999999999"] {
        let refused = poll(&mut pin!(house.read(&house.iterator(), house.caller(Some(wrong))))).unwrap().unwrap_err();
        assert_eq!(refused.error.name, "InvalidArgumentException", "{wrong}");
        assert!(refused.message.contains("from 0 to 20000"), "{}", refused.message);
    }
    assert!(poll(&mut pin!(house.read(&house.iterator(), house.caller(Some("0"))))).is_some(), "0 does not wait");
}
