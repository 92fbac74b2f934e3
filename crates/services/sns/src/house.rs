//! A service for tests: a store in memory, a clock that stands still, queues that take what a test lets them.

use crate::api::{CreateTopicInput, SubscribeInput};
use crate::ops::for_tests::{CreateTopic, Subscribe};
use crate::outbox::ATTEMPTS_MAX;
use crate::push::PushUrls;
use crate::receivers::Means;
use crate::service::{Inner, Options, Sns};
use crate::signing::{self, KeyComing, SigningKeys};
use engine::{Clock, ManualClock, Store};
use gateway::{Caller, Keys, Letter, Mailboxes, NotPut, Operation, Posting, Putting};
use journal::sim::SimDisk;
use names::{AccountId, Arn, Instant, Region};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// A queue's word on a letter, if it does not take it.
pub(crate) type Word = Box<dyn Fn(&Arn, &Letter) -> Option<NotPut> + Send + Sync>;

/// Queues that note what they take.
#[derive(Default)]
pub(crate) struct Queues {
    pub(crate) word: Mutex<Option<Word>>,
    taken: Mutex<Vec<(String, Letter)>>,
}

struct Shared(Arc<Queues>);

impl Mailboxes for Shared {
    fn post(&self, _sender: Caller, queue: &Arn, letter: Letter) -> Posting {
        let (queues, queue) = (Arc::clone(&self.0), queue.clone());
        Box::pin(async move {
            if let Some(not_put) = queues.word.lock().unwrap().as_ref().and_then(|word| word(&queue, &letter)) {
                return Err(not_put);
            }
            queues.taken.lock().unwrap().push((queue.resource, letter));
            let kept: Putting = Box::pin(async { Ok(()) });
            Ok(kept)
        })
    }
}

struct OneKey;

impl SigningKeys for OneKey {
    fn key(&self) -> KeyComing {
        Box::pin(async { Ok(signing::tests::key()) })
    }
}

/// The service, and what it works with.
pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) queues: Arc<Queues>,
    pub(crate) inner: Arc<Inner>,
    store: Arc<Store>,
    /// Whether the test says when the disk has it.
    is_manual: bool,
    asked: AtomicU64,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::over(false, change)
    }

    /// Over a simulated disk, on which nothing is before [`Self::commit`] or an answer that is waited for.
    pub(crate) fn on_disk() -> Self {
        Self::over(true, |_| {})
    }

    fn over(is_manual: bool, change: impl FnOnce(&mut Options)) -> Self {
        let clock = Arc::new(ManualClock::at(Instant::from_millis(86_400_000)));
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let mut recovery = Sns::recovery();
        let store = match is_manual {
            true => {
                Store::open(Arc::new(SimDisk::new(1)), journal::Options::small(1 << 18), shown, &mut recovery.parts())
                    .unwrap()
            }
            false => Store::ephemeral(shown),
        };
        let queues = Arc::<Queues>::default();
        let mut options = Options {
            mailboxes: Arc::new(Shared(Arc::clone(&queues))),
            filter_keys_max: 5,
            holds_awss_limits: false,
            signing_keys: Arc::new(OneKey),
            id_secret: [7; 32],
            keys: Keys::default(),
            means: Means { mail: true, functions: true },
            sms: crate::sms::Options::default(),
            push: PushUrls::default(),
            metered_topics_max: 10,
            attempts_max: ATTEMPTS_MAX,
            log: Some(Arc::new(|_| {})),
            may_reach: Arc::new(|_| true),
            chance: Arc::new(|out: &mut [u8]| out.fill(7)),
        };
        change(&mut options);
        let inner = Sns::new(Arc::clone(&store), recovery, options).inner();
        Self { clock, queues, inner, store, is_manual, asked: AtomicU64::new(0) }
    }

    /// Has the disk keep everything that was decided.
    pub(crate) fn commit(&self) {
        self.store.journal().commit().unwrap();
    }

    /// A request that is not polled yet.
    pub(crate) fn call<O: Operation<Inner>>(
        &self,
        input: O::Input,
    ) -> impl Future<Output = Result<O::Output, O::Refusal>> + use<O> {
        let nth = u128::from(self.asked.fetch_add(1, Ordering::Relaxed)) + 1;
        let region = Region::parse("us-east-1").unwrap();
        let mut caller = Caller::for_test(AccountId::DEFAULT, region, self.clock.now());
        caller.request_id = gateway::RequestId::from_random(nth << 64 | nth);
        O::call(Arc::clone(&self.inner), caller, input)
    }

    /// Asks the service, which waits for nothing but itself here.
    pub(crate) fn ask<O: Operation<Inner>>(&self, input: O::Input) -> Result<O::Output, O::Refusal> {
        let mut call = pin!(self.call::<O>(input));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            if let Poll::Ready(done) = call.as_mut().poll(&mut context) {
                return done;
            }
            if self.is_manual {
                self.commit();
            }
        }
        panic!("it is never answered");
    }

    /// A topic's ARN.
    pub(crate) fn topic(&self, name: &str, attributes: &[(&str, &str)]) -> String {
        let attributes = Some(owned(attributes));
        let asked = CreateTopicInput { name: name.into(), attributes, ..CreateTopicInput::default() };
        self.ask::<CreateTopic>(asked).unwrap().topic_arn.unwrap()
    }

    /// What Subscribe says of it.
    pub(crate) fn subscribe(
        &self,
        topic: &str,
        (protocol, endpoint): (&str, &str),
        attributes: &[(&str, &str)],
    ) -> Result<String, crate::refusal::Refusal> {
        let asked = SubscribeInput {
            topic_arn: topic.into(),
            protocol: protocol.into(),
            endpoint: Some(endpoint.into()),
            attributes: Some(owned(attributes)),
            return_subscription_arn: Some(true),
        };
        self.ask::<Subscribe>(asked).map(|answer| answer.subscription_arn.unwrap())
    }

    /// What queues took since this was asked last: names and bodies.
    pub(crate) fn taken(&self) -> Vec<(String, String)> {
        let taken = std::mem::take(&mut *self.queues.taken.lock().unwrap());
        taken.into_iter().map(|(queue, letter)| (queue, letter.body)).collect()
    }
}

/// Names and values as a request has them.
pub(crate) fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The ARN of a queue.
pub(crate) fn queue(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:000000000000:{name}")
}
