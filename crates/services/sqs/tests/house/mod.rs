//! The service over a simulated disk and a clock turned by hand, asked in JSON as a client would.

use engine::{Clock, Keyring, KeyringError, ManualClock, Store, StoreOptions};
use gateway::{Caller, Prepared, Service, Unprepared};
use journal::sim::SimDisk;
use journal::{Io, Options};
use names::{AccountId, Instant, Region};
use serde_json::Value;
use sqs::Sqs;
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// An answer on its way: the output as JSON, or the error's name and sentence.
pub(crate) type Asked = Pin<Box<dyn Future<Output = Result<Value, (String, String)>>>>;

/// A whole service on one disk.
pub(crate) struct House {
    pub(crate) disk: Arc<SimDisk>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<Store>,
    pub(crate) sqs: Arc<Sqs>,
    account: AccountId,
    region: Region,
    asked: Cell<u128>,
}

impl House {
    /// The moment at which every house is opened first.
    pub(crate) const START: Instant = Instant::from_millis(1_700_000_000_000);

    #[allow(dead_code, reason = "not every suite lives with its small log")]
    pub(crate) fn new() -> Self {
        Self::open(Arc::new(SimDisk::new(1)), Arc::new(ManualClock::at(Self::START)))
    }

    pub(crate) fn open(disk: Arc<SimDisk>, clock: Arc<ManualClock>) -> Self {
        Self::try_open(disk, clock).expect("the log is whole")
    }

    pub(crate) fn try_open(disk: Arc<SimDisk>, clock: Arc<ManualClock>) -> Result<Self, journal::OpenError> {
        Self::with(disk, clock, Options::small(1 << 18))
    }

    /// A house in which these of AWS's limits hold.
    #[allow(dead_code, reason = "not every suite asks for limits")]
    pub(crate) fn limited(limits: sqs::Limits) -> Self {
        let (disk, clock) = (Arc::new(SimDisk::new(1)), Arc::new(ManualClock::at(Self::START)));
        Self::told(disk, clock, Options::small(1 << 20), limits, sqs::Keys::default()).expect("the log is whole")
    }

    /// A house with keys of KMS.
    #[allow(dead_code, reason = "not every suite has sealed queues")]
    pub(crate) fn with_keys(keys: sqs::Keys) -> Self {
        let (disk, clock) = (Arc::new(SimDisk::new(1)), Arc::new(ManualClock::at(Self::START)));
        Self::told(disk, clock, Options::small(1 << 20), sqs::Limits::Raised, keys).expect("the log is whole")
    }

    /// A house whose log has the sizes and bounds of `options`.
    pub(crate) fn with(
        disk: Arc<SimDisk>,
        clock: Arc<ManualClock>,
        options: impl Into<StoreOptions>,
    ) -> Result<Self, journal::OpenError> {
        Self::told(disk, clock, options, sqs::Limits::Raised, sqs::Keys::default())
    }

    fn told(
        disk: Arc<SimDisk>,
        clock: Arc<ManualClock>,
        options: impl Into<StoreOptions>,
        limits: sqs::Limits,
        keys: sqs::Keys,
    ) -> Result<Self, journal::OpenError> {
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let mut recovery = Sqs::recovery();
        let io: Arc<dyn Io> = Arc::<SimDisk>::clone(&disk);
        // Sealed, as every server's folder is.
        let keyring = Some(Keyring::simulated(&io).map_err(KeyringError::into_open)?);
        let options = StoreOptions { keyring, ..options.into() };
        let store = Store::open(io, options, shown, &mut [&mut recovery])?;
        let region = Region::parse("us-east-1").expect("a region");
        let told = sqs::Options { home_region: region.clone(), limits, metered_queues_max: 1_000, keys };
        let sqs = Arc::new(Sqs::new(Arc::clone(&store), recovery, told));
        // No request of one start has the id of a request of another.
        let asked = Cell::new(u128::from(store.journal().recovery().incarnation) << 64);
        Ok(Self { disk, clock, store, sqs, account: AccountId::DEFAULT, region, asked })
    }

    /// The same house after an orderly stop.
    #[allow(dead_code, reason = "not every suite stops its house")]
    pub(crate) fn reopen(self) -> Self {
        self.store.journal().close();
        Self::open(self.disk, self.clock)
    }

    /// Begins an operation. Nothing is written until `commit`.
    #[allow(dead_code, reason = "not every suite waits by itself")]
    pub(crate) fn begin(&self, operation: &str, input: &Value) -> Asked {
        self.begin_as(self.anybody(), operation, input)
    }

    /// Somebody of the house's account who may do everything.
    pub(crate) fn anybody(&self) -> Caller {
        Caller::for_test(self.account, self.region.clone(), self.clock.now())
    }

    fn begin_as(&self, mut caller: Caller, operation: &str, input: &Value) -> Asked {
        let shape = self.sqs.describe().shape;
        let index = shape.operations.iter().position(|known| known.name == operation).expect("a known operation");
        let bytes = input.to_string().into_bytes();
        let prepared = wire::json::JsonReader::new(&bytes)
            .map_err(Unprepared::from)
            .and_then(|mut reader| self.sqs.prepare(index, &mut reader));
        self.asked.set(self.asked.get() + 1);
        // A request's id is its chance; message ids are drawn from it.
        caller.request_id = gateway::RequestId::from_random(self.asked.get());
        Box::pin(answer(prepared, caller))
    }

    /// Asks and waits, committing as often as it takes.
    pub(crate) fn ask(&self, operation: &str, input: &Value) -> Result<Value, (String, String)> {
        self.ask_as(self.anybody(), operation, input)
    }

    /// The same for somebody.
    pub(crate) fn ask_as(&self, caller: Caller, operation: &str, input: &Value) -> Result<Value, (String, String)> {
        let mut asked = self.begin_as(caller, operation, input);
        for _ in 0..4 {
            if let Poll::Ready(answer) = poll(&mut asked) {
                return answer;
            }
            self.store.journal().commit().expect("the disk works");
        }
        panic!("{operation} waits for something that does not come");
    }
}

/// Looks whether the answer is there.
pub(crate) fn poll(asked: &mut Asked) -> Poll<Result<Value, (String, String)>> {
    asked.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

async fn answer(prepared: Result<Box<dyn Prepared>, Unprepared>, caller: Caller) -> Result<Value, (String, String)> {
    let prepared = prepared.map_err(|unprepared| match unprepared {
        Unprepared::Refused(refused) => (refused.error.name.to_string(), refused.message.to_string()),
        Unprepared::Malformed(invalid) => ("Malformed".to_string(), invalid.to_string()),
    })?;
    match prepared.call(caller).await {
        Ok(answered) => Ok(serde_json::from_slice(&wire::json::encode(answered.output())).expect("an output is JSON")),
        Err(refused) => Err((refused.error.name.to_string(), refused.message.to_string())),
    }
}
