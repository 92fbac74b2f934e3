//! Deliveries on simulated time: receivers that are down, slow or strange, and what becomes of the letters.

use super::limits::BACK_OFF_MAX;
use super::*;
use crate::api::{ConfirmSubscriptionInput, CreateTopicInput, PublishInput, SubscribeInput};
use crate::ops::for_tests::{ConfirmSubscription, CreateTopic, Publish, Subscribe};
use crate::push::PushUrls;
use crate::receivers::Means;
use crate::service::{Inner, Options, Sns};
use crate::signing::{KeyComing, SigningKeys};
use bytes::Bytes;
use delivery::push::{Push, Pushes};
use delivery::{Answer, Answering, Failed, Mail, Post, Transport};
use engine::{Clock, ManualClock};
use gateway::{Caller, Keys, Letter, Mailboxes, Operation, Posting};
use names::{AccountId, Arn, Region};
use serde_json::Value;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tasks that are polled one after the other until none gets on.
#[derive(Default)]
struct Tasks(Mutex<Vec<Task>>);

impl Tasks {
    fn add(&self, task: Task) {
        self.0.lock().unwrap().push(task);
    }

    /// Polls all tasks so often that what they could do is done: several rounds without a new task or an end.
    fn run(&self) {
        let mut context = Context::from_waker(Waker::noop());
        let mut quiet = 0;
        while quiet < 4 {
            let mut polled = std::mem::take(&mut *self.0.lock().unwrap());
            let before = polled.len();
            polled.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
            let ended = before - polled.len();
            let mut tasks = self.0.lock().unwrap();
            let begun = tasks.len();
            polled.append(&mut tasks);
            *tasks = polled;
            quiet = if ended + begun == 0 { quiet + 1 } else { 0 };
        }
    }
}

/// What a receiver does with a request of this moment, by its host.
pub(crate) type Manner = Box<dyn Fn(Instant) -> Result<u16, Failed> + Send + Sync>;

/// Receivers that note what they get.
pub(crate) struct Receivers {
    clock: Arc<ManualClock>,
    manners: HashMap<String, Manner>,
    got: Mutex<Vec<Got>>,
    under_way: AtomicUsize,
}

#[derive(Clone)]
pub(crate) struct Got {
    host: String,
    pub(crate) at: Instant,
    headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    status: Option<u16>,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Clone)]
struct Wire(Arc<Receivers>);

impl Pushes for Wire {
    fn push(&self, push: Push) -> Answering {
        let Push { endpoint, headers, body, .. } = push;
        self.post(Post { endpoint, headers, body, is_operators: true })
    }
}

impl Transport for Wire {
    fn post(&self, post: Post) -> Answering {
        let receivers = Arc::clone(&self.0);
        Box::pin(async move {
            receivers.under_way.fetch_add(1, Ordering::Relaxed);
            let at = receivers.clock.now();
            let host = post.endpoint.host().to_owned();
            let outcome = receivers.manners.get(&host).map_or(Ok(200), |manner| manner(at));
            let got = Got { host, at, headers: post.headers, body: post.body, status: outcome.clone().ok() };
            receivers.got.lock().unwrap().push(got);
            if outcome == Err(Failed::Late("hangs".into())) {
                receivers.clock.sleep_until(at.plus_secs(15)).await;
            }
            receivers.under_way.fetch_sub(1, Ordering::Relaxed);
            outcome.map(|status| Answer { status, body: "said".into() })
        })
    }

    fn mail(&self, _mail: Mail) -> Answering {
        Box::pin(async { Err(Failed::Unreachable("nobody takes mail here".into())) })
    }
}

/// Queues that keep letters in memory.
#[derive(Default)]
struct Boxes(Mutex<Vec<(String, Letter)>>);

struct SharedBoxes(Arc<Boxes>);

impl Mailboxes for SharedBoxes {
    fn post(&self, _sender: Caller, queue: &Arn, letter: Letter) -> Posting {
        self.0.0.lock().unwrap().push((queue.resource.clone(), letter));
        Box::pin(async {
            let kept: Putting = Box::pin(async { Ok(()) });
            Ok(kept)
        })
    }
}

/// The key of all tests.
struct OneKey;

impl SigningKeys for OneKey {
    fn key(&self) -> KeyComing {
        Box::pin(async { Ok(crate::signing::tests::key()) })
    }
}

pub(crate) struct Bench {
    pub(crate) clock: Arc<ManualClock>,
    tasks: Arc<Tasks>,
    receivers: Arc<Receivers>,
    boxes: Arc<Boxes>,
    pub(crate) inner: Arc<Inner>,
    pub(crate) topic: String,
    asked: AtomicUsize,
}

pub(crate) const DAY: Instant = Instant::from_millis(86_400_000);

impl Bench {
    pub(crate) fn new(manners: Vec<(&str, Manner)>) -> Self {
        Self::with_sms(manners, crate::sms::Options::default())
    }

    pub(crate) fn with_sms(manners: Vec<(&str, Manner)>, sms: crate::sms::Options) -> Self {
        let clock = Arc::new(ManualClock::at(DAY));
        let shown: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let store = Store::ephemeral(shown);
        let boxes = Arc::new(Boxes::default());
        let options = Options {
            mailboxes: Arc::new(SharedBoxes(Arc::clone(&boxes))),
            filter_keys_max: 5,
            holds_awss_limits: false,
            signing_keys: Arc::new(OneKey),
            id_secret: [7; 32],
            keys: Keys::default(),
            means: Means::default(),
            sms,
            // Its host is one of the manners.
            push: PushUrls { apns: Some("http://apple".into()), ..PushUrls::default() },
            metered_topics_max: 1,
            attempts_max: ATTEMPTS_MAX,
            log: Some(Arc::new(|_| {})),
            may_reach: Arc::new(|_| true),
            chance: Arc::new(|out: &mut [u8]| out.fill(7)),
        };
        let inner = Sns::new(store, Sns::recovery(), options).inner();
        let manners = manners.into_iter().map(|(host, manner)| (host.to_owned(), manner)).collect();
        let under_way = AtomicUsize::new(0);
        let receivers = Arc::new(Receivers { clock: Arc::clone(&clock), manners, got: Mutex::default(), under_way });
        let tasks = Arc::<Tasks>::default();
        let spawner = Arc::clone(&tasks);
        let now = Arc::clone(&clock);
        let wire = Wire(Arc::clone(&receivers));
        let hands = Hands {
            functions: None,
            transport: Arc::new(wire.clone()),
            pushes: Arc::new(wire),
            spawn: Arc::new(move |task| spawner.add(task)),
            caller: Arc::new(move |_, region| Caller::for_test(AccountId::DEFAULT, region.clone(), now.now())),
        };
        tasks.add(Box::pin(run(Arc::clone(&inner), Arc::new(hands))));
        let mut bench =
            Self { clock, tasks, receivers, boxes, inner, topic: String::new(), asked: AtomicUsize::new(0) };
        // Signed the quick way.
        let attributes = Some(vec![("SignatureVersion".to_owned(), "2".to_owned())]);
        let input = CreateTopicInput { name: "t".into(), attributes, ..CreateTopicInput::default() };
        let made = bench.ask::<CreateTopic>(input);
        bench.topic = made.topic_arn.unwrap();
        bench
    }

    pub(crate) fn ask<O: Operation<Inner>>(&self, input: O::Input) -> O::Output
    where
        O::Refusal: std::fmt::Debug,
    {
        self.try_ask::<O>(input).unwrap_or_else(|refusal| panic!("{refusal:?}"))
    }

    pub(crate) fn try_ask<O: Operation<Inner>>(&self, input: O::Input) -> Result<O::Output, O::Refusal> {
        let region = Region::parse("us-east-1").unwrap();
        let nth = self.asked.fetch_add(1, Ordering::Relaxed) as u128 + 1;
        let mut caller = Caller::for_test(AccountId::DEFAULT, region, self.clock.now());
        caller.request_id = gateway::RequestId::from_random(nth << 64 | nth);
        let mut call = Box::pin(O::call(Arc::clone(&self.inner), caller, input));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            if let Poll::Ready(done) = call.as_mut().poll(&mut context) {
                return done;
            }
        }
        panic!("it is never answered");
    }

    /// A subscription that its receiver has confirmed.
    fn subscribe(&self, host: &str, attributes: &[(&str, &str)]) {
        let attributes = attributes.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        self.ask::<Subscribe>(SubscribeInput {
            topic_arn: self.topic.clone(),
            protocol: "http".into(),
            endpoint: Some(format!("http://{host}/")),
            attributes: Some(attributes),
            ..SubscribeInput::default()
        });
        self.tasks.run();
        let asked = self.got(host).pop().expect("it was asked");
        assert_eq!(asked.header("x-amz-sns-message-type"), Some("SubscriptionConfirmation"));
        let envelope: Value = serde_json::from_slice(&asked.body).unwrap();
        let token = envelope["Token"].as_str().unwrap().to_owned();
        let input = ConfirmSubscriptionInput { topic_arn: self.topic.clone(), token, ..Default::default() };
        self.ask::<ConfirmSubscription>(input);
        self.receivers.got.lock().unwrap().retain(|got| got.host != host);
    }

    pub(crate) fn publish(&self, message: &str) {
        let input =
            PublishInput { topic_arn: Some(self.topic.clone()), message: message.into(), ..PublishInput::default() };
        self.ask::<Publish>(input);
    }

    pub(crate) fn got(&self, host: &str) -> Vec<Got> {
        self.receivers.got.lock().unwrap().iter().filter(|got| got.host == host).cloned().collect()
    }

    /// Messages that a receiver has taken, in the order in which it did.
    fn taken(&self, host: &str) -> Vec<String> {
        let is_taken = |got: &Got| got.status == Some(200);
        self.got(host).into_iter().filter(is_taken).map(|got| message_of(&got)).collect()
    }

    /// The bodies of letters in a queue.
    pub(crate) fn letters(&self, queue: &str) -> Vec<Letter> {
        let boxes = self.boxes.0.lock().unwrap();
        boxes.iter().filter(|(known, _)| known == queue).map(|(_, letter)| letter.clone()).collect()
    }

    /// Lets time pass in small steps.
    pub(crate) fn pass(&self, secs: u64) {
        for _ in 0..secs {
            self.clock.advance_millis(1000);
            self.tasks.run();
        }
    }

    /// Letters that wait, and letters with a past: what the state holds one by one.
    fn waiting(&self) -> Vec<(usize, usize)> {
        let all = self.inner.outboxes.all();
        let partitions = all.into_iter().filter_map(|(_, id)| self.inner.outboxes.partition(id));
        partitions.filter_map(|partition| partition.inspect(Deliveries::waiting)).collect()
    }
}

fn message_of(got: &Got) -> String {
    let envelope: Value = serde_json::from_slice(&got.body).unwrap();
    envelope["Message"].as_str().unwrap().to_owned()
}

const DEAD: &str = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}"#;

#[test]
fn a_receiver_that_is_down_for_an_hour_gets_everything_and_nobody_else_waits() {
    let back = DAY.plus_secs(3600);
    // Tests ask for a confirmation before anything else.
    let manner: Manner = Box::new(move |now| if now > DAY && now < back { Ok(503) } else { Ok(200) });
    let bench = Bench::new(vec![("down", manner)]);
    let patient = r#"{"healthyRetryPolicy":{"minDelayTarget":36,"maxDelayTarget":36,"numRetries":100}}"#;
    bench.subscribe("down", &[("DeliveryPolicy", patient), ("RedrivePolicy", DEAD)]);
    bench.subscribe("up", &[]);
    bench.clock.advance_millis(1);
    let count = 5 * BACK_OFF_MAX;
    for nth in 0..count {
        bench.publish(&nth.to_string());
        if nth % 50 == 0 {
            bench.tasks.run();
        }
    }
    bench.tasks.run();
    assert_eq!(bench.taken("up").len(), count, "whoever works has all at once");
    for _ in 0..3590 {
        bench.pass(1);
        let most = bench.waiting().into_iter().map(|(_, hidden)| hidden).max().unwrap();
        assert!(most <= BACK_OFF_MAX + 16, "{most} letters with a past");
        assert!(bench.receivers.under_way.load(Ordering::Relaxed) <= 16);
    }
    assert!(bench.taken("down").is_empty());
    bench.pass(300);
    let mut taken: Vec<usize> = bench.taken("down").iter().map(|message| message.parse().unwrap()).collect();
    taken.sort_unstable();
    assert_eq!(taken, (0..count).collect::<Vec<_>>(), "everything, and once");
    assert!(bench.boxes.0.lock().unwrap().is_empty(), "nothing was given up");
    on_schedule(&bench.got("down"));
    assert!(bench.waiting().iter().all(|waiting| *waiting == (0, 0)));
}

/// Each letter's attempts lie as far apart as the policy says, and a tenth more at the most, and the second that time goes on by.
fn on_schedule(got: &[Got]) {
    let mut attempts: HashMap<String, Vec<Instant>> = HashMap::new();
    got.iter().for_each(|got| attempts.entry(message_of(got)).or_default().push(got.at));
    let gaps = attempts.values().flat_map(|all| all.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()));
    let gaps: Vec<u128> = gaps.collect();
    let late = gaps.iter().filter(|gap| **gap > 36_000 + 3_600 + 2_000).count();
    assert!(gaps.iter().all(|gap| *gap >= 36_000), "none comes early");
    assert_eq!(late, 0, "of {} retries", gaps.len());
}

#[test]
fn what_is_exhausted_goes_to_the_dead_letter_queue_with_its_reason() {
    let bench = Bench::new(vec![("bad", Box::new(|now| if now > DAY { Ok(500) } else { Ok(200) }))]);
    bench.subscribe("bad", &[("RedrivePolicy", DEAD)]);
    bench.clock.advance_millis(1);
    bench.publish("hello");
    bench.pass(70);
    assert_eq!(bench.got("bad").len(), 4, "one attempt and three retries");
    let dead = bench.boxes.0.lock().unwrap();
    let (queue, letter) = dead.first().expect("it is in the dead-letter queue");
    let attribute = |name: &str| letter.attributes.iter().find(|(known, _)| known == name).unwrap().1.text.clone();
    assert_eq!((queue.as_str(), attribute("ErrorCode").as_deref()), ("dead", Some("500")));
    assert_eq!(attribute("ErrorMessage").as_deref(), Some("said"));
    assert!(letter.body.contains("hello") && dead.len() == 1);
}

#[test]
fn what_a_receiver_refuses_is_not_tried_again() {
    for status in [301, 400, 404, 410] {
        let bench = Bench::new(vec![("no", Box::new(move |now| Ok(if now > DAY { status } else { 200 })))]);
        bench.subscribe("no", &[("RedrivePolicy", DEAD)]);
        bench.clock.advance_millis(1);
        bench.publish("hello");
        bench.pass(30);
        assert_eq!((bench.got("no").len(), bench.boxes.0.lock().unwrap().len()), (1, 1), "{status}");
    }
    let bench =
        Bench::new(vec![("busy", Box::new(|now| Ok(if now > DAY && now < DAY.plus_secs(30) { 429 } else { 200 })))]);
    bench.subscribe("busy", &[]);
    bench.clock.advance_millis(1);
    bench.publish("hello");
    bench.pass(60);
    assert_eq!(bench.taken("busy"), ["hello"]);
}

#[test]
fn many_receivers_that_hang_hold_nobody_up() {
    let names: Vec<String> = (0..40).map(|nth| format!("hangs{nth}")).collect();
    let hang =
        |now: Instant| -> Result<u16, Failed> { if now > DAY { Err(Failed::Late("hangs".into())) } else { Ok(200) } };
    let bench = Bench::new(names.iter().map(|name| (name.as_str(), Box::new(hang) as Manner)).collect());
    names.iter().for_each(|name| bench.subscribe(name, &[]));
    bench.subscribe("up", &[]);
    bench.clock.advance_millis(1);
    for nth in 0..20 {
        bench.publish(&nth.to_string());
        bench.tasks.run();
    }
    assert_eq!(bench.taken("up").len(), 20);
    assert!(bench.receivers.under_way.load(Ordering::Relaxed) <= names.len() * 16);
}

#[test]
fn a_throttled_receiver_gets_so_many_in_a_second() {
    let bench = Bench::new(Vec::new());
    bench.subscribe("slow", &[("DeliveryPolicy", r#"{"throttlePolicy":{"maxReceivesPerSecond":3}}"#)]);
    bench.clock.advance_millis(1000);
    (0..20).for_each(|nth| bench.publish(&nth.to_string()));
    bench.tasks.run();
    assert_eq!(bench.got("slow").len(), 3);
    bench.pass(2);
    assert_eq!(bench.got("slow").len(), 9);
    bench.pass(10);
    assert_eq!(bench.taken("slow").len(), 20);
}

#[test]
fn nothing_is_delivered_before_it_is_confirmed_and_what_nobody_confirms_goes() {
    let bench = Bench::new(Vec::new());
    let subscribe = || {
        let input = SubscribeInput {
            topic_arn: bench.topic.clone(),
            protocol: "http".into(),
            endpoint: Some("http://new/".into()),
            ..SubscribeInput::default()
        };
        bench.ask::<Subscribe>(input).subscription_arn
    };
    assert_eq!(subscribe().as_deref(), Some("pending confirmation"));
    bench.publish("early");
    bench.pass(1);
    assert_eq!(bench.got("new").len(), 1, "the question alone");
    assert_eq!(subscribe().as_deref(), Some("pending confirmation"));
    bench.pass(1);
    assert_eq!(bench.got("new").len(), 2, "and again for who asks again");
    let sns = Sns::over(Arc::clone(&bench.inner));
    bench.clock.advance_millis(3 * 86_400_000);
    let mut tending = Box::pin(sns.tend(bench.clock.now()));
    let mut context = Context::from_waker(Waker::noop());
    while tending.as_mut().poll(&mut context).is_pending() {}
    assert!(bench.inner.outboxes.all().is_empty());
}

mod ended;
mod looking;
