//! A service for tests: on a simulated disk and a clock that the test moves, with one stream, and futures that the test polls.
//!
//! Nothing runs by itself: what is asked waits until the test commits, and time stands still until the test lets it pass.

use crate::api::{CreateStreamInput, PutRecordInput};
use crate::catalog::StreamEntry;
use crate::ops::create_stream::CreateStream;
use crate::ops::put_record::PutRecord;
use crate::service::{Inner, Kinesis, Options};
use bytes::Bytes;
use engine::{Clock, ManualClock, Store, StoreOptions};
use gateway::{Caller, Operation};
use journal::sim::SimDisk;
use names::{AccountId, Instant, Region};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// When it begins: at the beginning of a second.
pub(crate) const NOW: Instant = Instant::from_millis(1_700_000_000_000);

/// A service and what it runs on.
pub(crate) struct House {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) kinesis: Kinesis,
    disk: Arc<SimDisk>,
    /// Bytes of contents that the store keeps in memory.
    memory_bytes: usize,
}

/// What a future has come to.
pub(crate) fn poll<F: Future>(future: &mut Pin<&mut F>) -> Option<F::Output> {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

impl House {
    /// With the stream `s`, of one shard.
    pub(crate) fn new(throttled: bool) -> Self {
        Self::with_memory(throttled, 1 << 20)
    }

    /// The same, with so much memory for contents.
    pub(crate) fn with_memory(throttled: bool, memory_bytes: usize) -> Self {
        let house = Self::open(Arc::new(SimDisk::new(1)), Arc::new(ManualClock::at(NOW)), throttled, memory_bytes);
        let input = CreateStreamInput { stream_name: "s".into(), shard_count: Some(1), ..Default::default() };
        house.call::<CreateStream>(input).unwrap();
        house
    }

    fn open(disk: Arc<SimDisk>, clock: Arc<ManualClock>, throttled: bool, memory_bytes: usize) -> Self {
        let mut recovery = Kinesis::recovery();
        let (io, shown) = (Arc::clone(&disk), Arc::clone(&clock));
        let options = StoreOptions { journal: journal::Options::small(1 << 18), memory_bytes, keyring: None };
        let store = Store::open(io, options, shown, &mut recovery.parts()).unwrap();
        let keys = gateway::Keys::default();
        let options = Options { throttled, keys, metered_streams_max: 10, metered_shards_max: 10 };
        let kinesis = Kinesis::new(Arc::clone(&store), recovery, options);
        Self { store, clock, kinesis, disk, memory_bytes }
    }

    /// The same after a stop.
    pub(crate) fn again(self) -> Self {
        let Self { store, clock, disk, memory_bytes, .. } = self;
        store.journal().close();
        Self::open(disk, clock, false, memory_bytes)
    }

    pub(crate) fn service(&self) -> Arc<Inner> {
        Arc::clone(&self.kinesis.0)
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Somebody who may do everything.
    pub(crate) fn caller(&self) -> Caller {
        Caller::for_test(AccountId::DEFAULT, Region::parse("us-east-1").unwrap(), self.now())
    }

    /// What is answered once all is on the disk.
    pub(crate) fn done<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            if let Some(output) = poll(&mut future) {
                return output;
            }
            self.store.journal().commit().unwrap();
        }
    }

    /// Asks for an operation.
    pub(crate) fn call<O: Operation<Inner>>(&self, input: O::Input) -> Result<O::Output, O::Refusal> {
        self.done(O::call(self.service(), self.caller(), input))
    }

    /// The only stream.
    pub(crate) fn entry(&self) -> Arc<StreamEntry> {
        self.service().catalog.all().pop().unwrap()
    }

    /// Puts a record; its sequence number.
    pub(crate) fn put(&self, text: &str, key: &str) -> String {
        let input = PutRecordInput {
            stream_name: Some("s".into()),
            data: Bytes::copy_from_slice(text.as_bytes()),
            partition_key: Some(key.into()),
            ..Default::default()
        };
        self.call::<PutRecord>(input).unwrap().sequence_number
    }
}
