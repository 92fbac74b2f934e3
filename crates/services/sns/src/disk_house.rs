//! A service for tests: on a simulated disk and a clock that the test moves, with queues in memory and receivers that note what they get.
//!
//! Nothing runs by itself: tasks are polled, and the log is committed, when the test says so.

use crate::api::{
    CreateTopicInput, GetSubscriptionAttributesInput, GetTopicAttributesInput, PublishInput,
    SetSubscriptionAttributesInput, SetTopicAttributesInput, SubscribeInput, errors,
};
use crate::ops::for_tests::{
    CreateTopic, GetSubscriptionAttributes, GetTopicAttributes, Publish, SetSubscriptionAttributes, SetTopicAttributes,
    Subscribe,
};
use crate::outbox::Hands;
use crate::push::PushUrls;
use crate::receivers::Means;
use crate::refusal::Refusal;
use crate::replays;
use crate::service::{Inner, Options, Sns};
use crate::signing::{KeyComing, SigningKeys};
use delivery::push::{Push, Pushes};
use delivery::{Answer, Answering, Failed, Mail, Post, Transport};
use engine::{Clock, ManualClock, Store, StoreOptions};
use gateway::{Caller, Keys, Letter, Mailboxes, NotPut, Operation, Posting, Putting, Refused};
use journal::sim::SimDisk;
use names::{AccountId, Arn, Instant, Region};
use std::collections::HashSet;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

/// When it begins.
pub(crate) const NOW: Instant = Instant::from_millis(1_700_000_000_000);

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Queues that keep letters in memory; those of FIFO drop what they know.
#[derive(Default)]
pub(crate) struct Boxes {
    pub(crate) letters: Mutex<Vec<(String, Letter)>>,
    /// Queues that refuse whatever comes.
    pub(crate) closed: Mutex<HashSet<String>>,
    /// Whether nothing can be kept at this moment.
    pub(crate) is_full: AtomicBool,
    /// A disk by whose operations it is noted when letters are kept for good: not at once then, but when they are waited for again.
    pub(crate) slow: Option<SimDisk>,
    /// Those that are kept for good, by the number of operations of the disk.
    pub(crate) kept: Mutex<Vec<(u64, String, Letter)>>,
}

/// A letter of slow boxes, before and after it was waited for.
struct Slow {
    boxes: Arc<Boxes>,
    letter: Option<(String, Letter)>,
    was_polled: bool,
}

impl Future for Slow {
    type Output = Result<(), NotPut>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !std::mem::replace(&mut self.was_polled, true) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let (Some(disk), Some((queue, letter))) = (self.boxes.slow.clone(), self.letter.take()) {
            self.boxes.kept.lock().unwrap().push((disk.ops(), queue, letter));
        }
        Poll::Ready(Ok(()))
    }
}

struct SharedBoxes(Arc<Boxes>);

impl Mailboxes for SharedBoxes {
    fn post(&self, _sender: Caller, queue: &Arn, letter: Letter) -> Posting {
        let (boxes, queue) = (Arc::clone(&self.0), queue.resource.clone());
        Box::pin(async move {
            if boxes.is_full.load(Ordering::Relaxed) {
                return Err(NotPut::Unavailable(Refused::new(&errors::INTERNAL_ERROR_EXCEPTION, "full")));
            }
            if boxes.closed.lock().unwrap().contains(&queue) {
                return Err(NotPut::Refused(Refused::new(&errors::AUTHORIZATION_ERROR_EXCEPTION, "closed")));
            }
            let is_slow = boxes.slow.is_some();
            let slow =
                Slow { boxes: Arc::clone(&boxes), letter: Some((queue.clone(), letter.clone())), was_polled: false };
            let mut letters = boxes.letters.lock().unwrap();
            let is_known = |(known, other): &(String, Letter)| {
                *known == queue && other.deduplication == letter.deduplication && letter.deduplication.is_some()
            };
            if !letters.iter().any(is_known) {
                letters.push((queue, letter));
            }
            let kept: Putting = if is_slow { Box::pin(slow) } else { Box::pin(async { Ok(()) }) };
            Ok(kept)
        })
    }
}

impl Boxes {
    /// Bodies of a queue's letters, in order.
    pub(crate) fn bodies(&self, queue: &str) -> Vec<String> {
        self.of(queue).into_iter().map(|letter| letter.body).collect()
    }

    pub(crate) fn of(&self, queue: &str) -> Vec<Letter> {
        let letters = self.letters.lock().unwrap();
        letters.iter().filter(|(known, _)| known == queue).map(|(_, letter)| letter.clone()).collect()
    }

    pub(crate) fn clear(&self) {
        self.letters.lock().unwrap().clear();
    }
}

/// Notes what is sent to receivers over HTTP, and by whom it is taken.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) got: Mutex<Vec<String>>,
    pub(crate) is_down: AtomicBool,
}

struct SharedWire(Arc<Wire>);

impl Pushes for SharedWire {
    fn push(&self, push: Push) -> Answering {
        let Push { endpoint, headers, body, .. } = push;
        self.post(Post { endpoint, headers, body, is_operators: true })
    }
}

impl Transport for SharedWire {
    fn post(&self, post: Post) -> Answering {
        let wire = Arc::clone(&self.0);
        Box::pin(async move {
            if wire.is_down.load(Ordering::Relaxed) {
                return Err(Failed::Unreachable("down".into()));
            }
            wire.got.lock().unwrap().push(String::from_utf8_lossy(&post.body).into_owned());
            Ok(Answer { status: 200, body: "said".into() })
        })
    }

    fn mail(&self, _mail: Mail) -> Answering {
        Box::pin(async { Err(Failed::Unreachable("nobody takes mail here".into())) })
    }
}

struct OneKey;

impl SigningKeys for OneKey {
    fn key(&self) -> KeyComing {
        Box::pin(async { Ok(crate::signing::tests::key()) })
    }
}

/// A service and what it runs on.
pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<Store>,
    pub(crate) inner: Arc<Inner>,
    pub(crate) boxes: Arc<Boxes>,
    pub(crate) wire: Arc<Wire>,
    /// Lines of the delivery log.
    pub(crate) lines: Arc<Mutex<Vec<String>>>,
    disk: SimDisk,
    tasks: Mutex<Vec<Task>>,
    spawned: Arc<Mutex<Vec<Task>>>,
    asked: AtomicU64,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::open(SimDisk::new(1), Arc::new(Boxes::default()), NOW)
    }

    /// Whose queues keep nothing for good at once.
    pub(crate) fn slow() -> Self {
        let disk = SimDisk::new(1);
        let boxes = Boxes { slow: Some(disk.clone()), ..Boxes::default() };
        Self::open(disk, Arc::new(boxes), NOW)
    }

    /// Publishes to a topic with an archive until the disk takes no more.
    pub(crate) fn fill_disk(&self, topic: &str) {
        self.disk.set_capacity(1 << 20);
        self.store.tend().unwrap();
        for bytes in [50_000, 5_000, 500, 1] {
            let message = "x".repeat(bytes);
            let input =
                || PublishInput { topic_arn: Some(topic.into()), message: message.clone(), ..Default::default() };
            let is_full = (0..1000).any(|_| {
                self.store.tend().unwrap();
                self.ask::<Publish>(input()).is_err()
            });
            assert!(is_full, "a disk of a megabyte takes no more");
        }
    }

    /// What is on a disk, at a moment, with queues that have something already.
    pub(crate) fn open(disk: SimDisk, boxes: Arc<Boxes>, now: Instant) -> Self {
        let clock = Arc::new(ManualClock::at(now));
        let mut recovery = Sns::recovery();
        // So little memory that what is replayed is read from the disk.
        let options = StoreOptions { journal: journal::Options::small(1 << 18), memory_bytes: 4096, keyring: None };
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let store = Store::open(Arc::new(disk.clone()), options, shown, &mut recovery.parts()).unwrap();
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&lines);
        let options = Options {
            mailboxes: Arc::new(SharedBoxes(Arc::clone(&boxes))),
            filter_keys_max: 5,
            holds_awss_limits: false,
            signing_keys: Arc::new(OneKey),
            id_secret: [7; 32],
            keys: Keys::default(),
            means: Means::default(),
            sms: crate::sms::Options::default(),
            push: PushUrls::default(),
            metered_topics_max: 1,
            attempts_max: 16,
            log: Some(Arc::new(move |line| log.lock().unwrap().push(line))),
            may_reach: Arc::new(|_| true),
            chance: Arc::new(|out: &mut [u8]| out.fill(7)),
        };
        let inner = Sns::new(Arc::clone(&store), recovery, options).inner();
        let (wire, spawned) = (Arc::<Wire>::default(), Arc::<Mutex<Vec<Task>>>::default());
        let (spawner, time) = (Arc::clone(&spawned), Arc::clone(&clock));
        let hands = Arc::new(Hands {
            functions: None,
            transport: Arc::new(SharedWire(Arc::clone(&wire))),
            pushes: Arc::new(SharedWire(Arc::clone(&wire))),
            spawn: Arc::new(move |task| spawner.lock().unwrap().push(task)),
            caller: Arc::new(move |_, region| Caller::for_test(AccountId::DEFAULT, region.clone(), time.now())),
        });
        let deliveries: Task = Box::pin(crate::outbox::run(Arc::clone(&inner), Arc::clone(&hands)));
        let replays: Task = Box::pin(replays::run(Arc::clone(&inner), hands));
        let tasks = Mutex::new(vec![deliveries, replays]);
        Self { clock, store, inner, boxes, wire, lines, disk, tasks, spawned, asked: AtomicU64::new(now.as_millis()) }
    }

    /// Polls all tasks once, and commits the log; whether any began or ended.
    pub(crate) fn turn(&self) -> bool {
        let mut tasks = self.tasks.lock().unwrap();
        let mut context = Context::from_waker(Waker::noop());
        let before = tasks.len();
        tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        let has_ended = tasks.len() < before;
        let mut begun = self.spawned.lock().unwrap();
        let has_begun = !begun.is_empty();
        tasks.append(&mut begun);
        self.store.journal().commit().unwrap();
        has_ended || has_begun
    }

    /// Does what there is to do at this moment.
    pub(crate) fn run(&self) {
        let mut quiet = 0;
        while quiet < 20 {
            quiet = if self.turn() { 0 } else { quiet + 1 };
        }
    }

    /// Lets seconds pass.
    pub(crate) fn pass(&self, secs: u64) {
        for _ in 0..secs {
            self.clock.advance_millis(1000);
            self.run();
        }
    }

    /// A request that is not polled yet.
    pub(crate) fn call<O: Operation<Inner, Refusal = Refusal>>(
        &self,
        input: O::Input,
    ) -> impl Future<Output = Result<O::Output, Refusal>> + use<O> {
        let region = Region::parse("us-east-1").unwrap();
        let nth = u128::from(self.asked.fetch_add(1, Ordering::Relaxed)) + 1;
        let mut caller = Caller::for_test(AccountId::DEFAULT, region, self.clock.now());
        caller.request_id = gateway::RequestId::from_random(nth << 64 | nth);
        O::call(Arc::clone(&self.inner), caller, input)
    }

    pub(crate) fn ask<O: Operation<Inner, Refusal = Refusal>>(&self, input: O::Input) -> Result<O::Output, Refusal> {
        let mut call = pin!(self.call::<O>(input));
        for _ in 0..1000 {
            if let Poll::Ready(done) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return done;
            }
            self.store.journal().commit().unwrap();
        }
        panic!("it is never answered");
    }

    /// The ARN of a new topic.
    pub(crate) fn topic(&self, name: &str, attributes: &[(&str, &str)]) -> String {
        let mut attributes = pairs(attributes);
        if name.ends_with(".fifo") {
            attributes.extend(pairs(&[("FifoTopic", "true"), ("ContentBasedDeduplication", "true")]));
        }
        let input = CreateTopicInput { name: name.into(), attributes: Some(attributes), ..Default::default() };
        self.ask::<CreateTopic>(input).unwrap().topic_arn.unwrap()
    }

    /// The ARN of a subscription of a queue.
    pub(crate) fn subscribe(&self, topic: &str, queue: &str, attributes: &[(&str, &str)]) -> Result<String, Refusal> {
        let input = SubscribeInput {
            topic_arn: topic.into(),
            protocol: "sqs".into(),
            endpoint: Some(format!("arn:aws:sqs:us-east-1:000000000000:{queue}")),
            attributes: Some(pairs(attributes)),
            return_subscription_arn: Some(true),
        };
        Ok(self.ask::<Subscribe>(input)?.subscription_arn.unwrap())
    }

    pub(crate) fn publish(&self, topic: &str, message: &str) {
        let group = topic.ends_with(".fifo").then(|| "g".to_owned());
        let input = PublishInput {
            topic_arn: Some(topic.into()),
            message: message.into(),
            message_group_id: group,
            ..Default::default()
        };
        self.ask::<Publish>(input).unwrap();
    }

    pub(crate) fn set_topic(&self, topic: &str, name: &str, value: &str) -> Result<(), Refusal> {
        let input = SetTopicAttributesInput {
            topic_arn: topic.into(),
            attribute_name: name.into(),
            attribute_value: Some(value.into()),
        };
        self.ask::<SetTopicAttributes>(input).map(drop)
    }

    pub(crate) fn of_topic(&self, topic: &str, name: &str) -> Option<String> {
        let shown = self.ask::<GetTopicAttributes>(GetTopicAttributesInput { topic_arn: topic.into() }).unwrap();
        shown.attributes.unwrap().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(crate) fn set(&self, subscription: &str, name: &str, value: &str) -> Result<(), Refusal> {
        let input = SetSubscriptionAttributesInput {
            subscription_arn: subscription.into(),
            attribute_name: name.into(),
            attribute_value: Some(value.into()),
        };
        self.ask::<SetSubscriptionAttributes>(input).map(drop)
    }

    pub(crate) fn of(&self, subscription: &str, name: &str) -> Option<String> {
        let input = GetSubscriptionAttributesInput { subscription_arn: subscription.into() };
        let shown = self.ask::<GetSubscriptionAttributes>(input).unwrap();
        shown.attributes.unwrap().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// A policy that replays what was published since then.
    pub(crate) fn since(at: Instant) -> String {
        format!(r#"{{"PointType":"Timestamp","StartingPoint":"{}"}}"#, crate::message::show_time(at))
    }
}

fn pairs(attributes: &[(&str, &str)]) -> Vec<(String, String)> {
    attributes.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}
