//! Subscriptions that are ended by their links: a last letter, a token in it that restores them, and what goes with time.

use super::*;
use crate::api::{DeleteTopicInput, UnsubscribeInput};
use crate::disk_house::{Boxes as DiskBoxes, House, NOW};
use crate::limits::PENDING_MILLIS;
use crate::ops::for_tests::{DeleteTopic, Unsubscribe};
use crate::outbox::limits::ENDED_MAX;
use crate::refusal::Refusal;
use journal::sim::SimDisk;

impl Bench {
    /// The ARNs of the topic's subscriptions.
    fn arns(&self) -> Vec<String> {
        let entry = self.inner.catalog.all().pop().expect("there is a topic");
        entry.look(|view| view.receivers.values().map(|one| one.subscription.id.arn(&entry.arn)).collect())
    }

    /// Ends a subscription by its link.
    fn end(&self, arn: &str) {
        self.ask::<Unsubscribe>(UnsubscribeInput { subscription_arn: arn.into() });
    }

    /// What a receiver was told last.
    fn last(&self, host: &str) -> (Got, Value) {
        let got = self.got(host).pop().expect("it was told something");
        let envelope = serde_json::from_slice(&got.body).unwrap();
        (got, envelope)
    }

    fn confirm(&self, token: &Value) -> Result<String, Refusal> {
        let token = token.as_str().unwrap().to_owned();
        let input = ConfirmSubscriptionInput { topic_arn: self.topic.clone(), token, ..Default::default() };
        self.try_ask::<ConfirmSubscription>(input).map(|answer| answer.subscription_arn.unwrap())
    }

    fn tend(&self) {
        let sns = Sns::over(Arc::clone(&self.inner));
        let mut tending = Box::pin(sns.tend(self.clock.now()));
        while tending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
    }

    /// A receiver that was subscribed and followed its link: what it was told.
    fn ended(&self, host: &str) -> (Got, Value) {
        self.subscribe(host, &[("RawMessageDelivery", "true")]);
        self.end(self.arns().last().unwrap());
        self.tasks.run();
        self.last(host)
    }
}

#[test]
fn whoever_follows_the_link_is_told_and_may_come_back() {
    let bench = Bench::new(Vec::new());
    bench.subscribe("one", &[("FilterPolicy", r#"{"a":["b"]}"#), ("RawMessageDelivery", "true")]);
    let arn = bench.arns().remove(0);
    bench.end(&arn);
    bench.end(&arn);
    bench.tasks.run();
    assert_eq!(bench.got("one").len(), 1, "who ends it twice ends it once");
    let (got, envelope) = bench.last("one");
    assert_eq!(got.header("x-amz-sns-message-type"), Some("UnsubscribeConfirmation"));
    assert_eq!(got.header("x-amz-sns-subscription-arn"), Some(&*arn));
    assert!(got.header("x-amz-sns-rawdelivery").is_none(), "it is an envelope, whatever messages are");
    let names: Vec<_> = envelope.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = ["Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp"].to_vec();
    expected.extend(["SignatureVersion", "Signature", "SigningCertURL"]);
    assert!(expected.iter().all(|name| names.contains(name)) && names.len() == expected.len(), "{names:?}");
    let said = format!(
        "You have chosen to deactivate subscription {arn}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
    );
    assert_eq!(envelope["Message"], said);
    let link =
        format!("Action=ConfirmSubscription&TopicArn={}&Token={}", bench.topic, envelope["Token"].as_str().unwrap());
    assert!(envelope["SubscribeURL"].as_str().unwrap().ends_with(&link));

    let again = bench.confirm(&envelope["Token"]).unwrap();
    assert!(again != arn && bench.arns() == std::slice::from_ref(&again), "a subscription of its own");
    assert_eq!(bench.confirm(&envelope["Token"]).unwrap(), again, "and one, however often it is asked for");
    bench.publish("for nobody");
    let input = PublishInput {
        topic_arn: Some(bench.topic.clone()),
        message: "hello".into(),
        message_attributes: Some(vec![(
            "a".into(),
            crate::api::MessageAttributeValue {
                data_type: "String".into(),
                string_value: Some("b".into()),
                ..Default::default()
            },
        )]),
        ..PublishInput::default()
    };
    bench.ask::<Publish>(input);
    bench.tasks.run();
    let got = bench.got("one");
    assert_eq!((got.len(), &got[1].body[..]), (2, &b"hello"[..]), "raw, and by its filter, as before");
    assert_eq!(got[1].header("x-amz-sns-subscription-arn"), Some(&*again));
    assert!(bench.inner.outboxes.endings().is_empty());
}

#[test]
fn an_owner_who_signs_and_a_receiver_who_never_wanted_it_cause_no_letter() {
    let bench = Bench::new(Vec::new());
    bench.subscribe("one", &[]);
    let mut caller = Caller::for_test(AccountId::DEFAULT, Region::parse("us-east-1").unwrap(), bench.clock.now());
    caller.access_key = Some("test".into());
    let input = UnsubscribeInput { subscription_arn: bench.arns().remove(0) };
    let mut call = Box::pin(Unsubscribe::call(Arc::clone(&bench.inner), caller, input));
    let mut context = Context::from_waker(Waker::noop());
    while call.as_mut().poll(&mut context).is_pending() {}
    bench.tasks.run();
    assert!(bench.got("one").is_empty() && bench.arns().is_empty());

    bench.ask::<Subscribe>(SubscribeInput {
        topic_arn: bench.topic.clone(),
        protocol: "http".into(),
        endpoint: Some("http://two/".into()),
        ..SubscribeInput::default()
    });
    bench.tasks.run();
    bench.end(&bench.arns().remove(0));
    bench.tasks.run();
    assert_eq!(bench.got("two").len(), 1, "the question alone");
    assert!(bench.inner.outboxes.all().is_empty());
}

#[test]
fn a_letter_that_is_given_up_leaves_nothing() {
    for (status, attempts) in [(500, 4), (404, 1)] {
        let bench = Bench::new(vec![("dead", Box::new(move |at| Ok(if at > DAY { status } else { 200 })))]);
        bench.subscribe("dead", &[("RedrivePolicy", DEAD)]);
        bench.clock.advance_millis(1);
        bench.end(&bench.arns().remove(0));
        bench.pass(70);
        assert_eq!(bench.got("dead").len(), attempts, "{status}");
        let (_, envelope) = bench.last("dead");
        assert!(bench.inner.outboxes.all().is_empty() && bench.inner.outboxes.endings().is_empty(), "{status}");
        assert!(bench.confirm(&envelope["Token"]).is_err(), "nobody has read how it comes back");
        assert!(bench.letters("dead").is_empty(), "a dead-letter queue is for messages");
    }
}

#[test]
fn a_token_counts_for_two_days_and_goes_after_three() {
    let bench = Bench::new(Vec::new());
    let (_, one) = bench.ended("one");
    bench.clock.advance_millis(PENDING_MILLIS * 2 / 3 - 1);
    assert!(bench.confirm(&one["Token"]).is_ok());
    let (_, two) = bench.ended("two");
    bench.clock.advance_millis(PENDING_MILLIS * 2 / 3);
    assert!(bench.confirm(&two["Token"]).is_err());
    bench.tend();
    assert_eq!(bench.inner.outboxes.endings().len(), 1, "it is not over yet");
    bench.clock.advance_millis(PENDING_MILLIS / 3);
    bench.tend();
    assert!(bench.inner.outboxes.endings().is_empty());
    assert_eq!(bench.inner.outboxes.all().len(), 1, "what came back stays");
    bench.publish("hello");
    bench.tasks.run();
    assert_eq!(&bench.got("one").last().unwrap().body[..], b"hello");
}

#[test]
fn a_receiver_that_subscribes_anew_meanwhile_is_subscribed_once() {
    let bench = Bench::new(Vec::new());
    let (_, told) = bench.ended("one");
    bench.subscribe("one", &[]);
    let arns = bench.arns();
    assert_eq!(bench.confirm(&told["Token"]).unwrap(), arns[0], "the one that there is");
    assert_eq!(bench.arns(), arns);

    // A new one that waits to be confirmed is, by the token of the old one.
    let (_, told) = bench.ended("two");
    bench.ask::<Subscribe>(SubscribeInput {
        topic_arn: bench.topic.clone(),
        protocol: "http".into(),
        endpoint: Some("http://two/".into()),
        ..SubscribeInput::default()
    });
    assert_eq!(bench.confirm(&told["Token"]).unwrap(), bench.arns()[1]);
    bench.publish("hello");
    bench.tasks.run();
    assert_eq!(message_of(&bench.last("two").0), "hello");
}

#[test]
fn a_wrong_secret_restores_nothing_and_neither_does_another_topic() {
    let bench = Bench::new(Vec::new());
    let (_, told) = bench.ended("one");
    let token = told["Token"].as_str().unwrap();
    let wrong = Value::from(format!("{}{}", &token[..32], "0".repeat(64)));
    assert!(bench.confirm(&wrong).is_err());
    let other = bench.ask::<CreateTopic>(CreateTopicInput { name: "other".into(), ..Default::default() });
    let input = ConfirmSubscriptionInput {
        topic_arn: other.topic_arn.unwrap(),
        token: token.to_owned(),
        ..ConfirmSubscriptionInput::default()
    };
    assert!(bench.try_ask::<ConfirmSubscription>(input).is_err());
    assert!(bench.confirm(&told["Token"]).is_ok());
}

#[test]
fn a_topic_that_is_deleted_tells_nobody_and_takes_what_was_left_with_it() {
    let bench = Bench::new(vec![("down", Box::new(|at| Ok(if at > DAY { 503 } else { 200 })))]);
    bench.subscribe("here", &[]);
    bench.subscribe("down", &[]);
    bench.clock.advance_millis(1);
    bench.end(&bench.arns()[1]);
    bench.tasks.run();
    let (_, told) = bench.last("down");
    bench.ask::<DeleteTopic>(DeleteTopicInput { topic_arn: bench.topic.clone() });
    bench.pass(70);
    assert_eq!((bench.got("here").len(), bench.got("down").len()), (0, 1));
    assert!(bench.inner.outboxes.all().is_empty() && bench.inner.outboxes.endings().is_empty());
    bench.ask::<CreateTopic>(CreateTopicInput { name: "t".into(), ..CreateTopicInput::default() });
    assert!(bench.confirm(&told["Token"]).is_err(), "it was a subscription of another topic");
}

#[test]
fn of_too_many_the_oldest_goes() {
    let bench = Bench::new(Vec::new());
    let told: Vec<Value> = (0..=ENDED_MAX)
        .map(|nth| {
            bench.clock.advance_millis(1);
            bench.ended(&format!("host{nth}")).1
        })
        .collect();
    assert_eq!(bench.inner.outboxes.endings().len(), ENDED_MAX);
    assert!(bench.confirm(&told[0]["Token"]).is_err() && bench.confirm(&told[1]["Token"]).is_ok());
}

/// What was acknowledged in a history, by the number of operations of the disk.
struct Told {
    ended: u64,
    /// Before the attempt that arrived.
    tried: u64,
    restored: u64,
    token: String,
}

impl House {
    fn confirm(&self, topic: &str, token: &str) -> Result<String, Refusal> {
        let input = ConfirmSubscriptionInput { topic_arn: topic.into(), token: token.into(), ..Default::default() };
        self.ask::<ConfirmSubscription>(input).map(|answer| answer.subscription_arn.unwrap())
    }

    /// What receivers got of a type since this was asked last.
    fn told(&self, kind: &str) -> Vec<Value> {
        let got = std::mem::take(&mut *self.wire.got.lock().unwrap());
        let envelopes = got.iter().map(|body| serde_json::from_str::<Value>(body).unwrap());
        envelopes.filter(|envelope| envelope["Type"] == kind).collect()
    }

    /// The subscriptions of the one topic.
    fn live(&self) -> Vec<SubscriptionId> {
        let entry = self.inner.catalog.all().pop().expect("the topic was made before");
        entry.look(|view| view.receivers.values().map(|one| one.subscription.id).collect())
    }
}

#[test]
fn no_crash_loses_the_last_letter_nor_the_way_back() {
    let disk = SimDisk::new(21);
    let house = House::open(disk.clone(), Arc::new(DiskBoxes::default()), NOW);
    let topic = house.topic("t", &[("SignatureVersion", "2")]);
    let input = SubscribeInput {
        topic_arn: topic.clone(),
        protocol: "http".into(),
        endpoint: Some("http://one/".into()),
        return_subscription_arn: Some(true),
        ..SubscribeInput::default()
    };
    let first = house.ask::<Subscribe>(input).unwrap().subscription_arn.unwrap();
    house.run();
    let token = house.told("SubscriptionConfirmation")[0]["Token"].as_str().unwrap().to_owned();
    house.confirm(&topic, &token).unwrap();
    let before = house.live();
    disk.record_moments();
    house.wire.is_down.store(true, Ordering::Relaxed);
    house.ask::<Unsubscribe>(UnsubscribeInput { subscription_arn: first }).unwrap();
    let ended = disk.ops();
    house.pass(3);
    house.store.checkpoint().unwrap();
    house.wire.is_down.store(false, Ordering::Relaxed);
    let mut tried = disk.ops();
    while house.wire.got.lock().unwrap().is_empty() {
        tried = disk.ops();
        house.pass(1);
    }
    let [letter] = &house.told("UnsubscribeConfirmation")[..] else { panic!("it is told once") };
    let token = letter["Token"].as_str().unwrap().to_owned();
    house.store.checkpoint().unwrap();
    house.confirm(&topic, &token).unwrap();
    let restored = disk.ops();
    house.publish(&topic, "hello");
    house.store.checkpoint().unwrap();
    let moments = disk.take_moments();
    assert!(moments.len() > 20, "{} moments are no test", moments.len());
    let told = Told { ended, tried, restored, token };
    for (nth, moment) in moments.iter().enumerate() {
        let seed = nth as u64;
        let disk = if nth % 4 == 0 { moment.kill(seed) } else { moment.crash(seed) };
        check_after(
            &House::open(disk, Arc::new(DiskBoxes::default()), NOW.plus_secs(120)),
            moment.op(),
            &told,
            &before,
        );
    }
}

/// What holds after a crash at a moment.
fn check_after(house: &House, op: u64, told: &Told, before: &[SubscriptionId]) {
    let topic = house.inner.catalog.all()[0].arn.to_string();
    house.pass(35);
    let letters = house.told("UnsubscribeConfirmation");
    let endings = house.inner.outboxes.endings();
    match (&house.live()[..], &endings[..]) {
        (live, []) if live == before => {
            assert!(op < told.ended, "boundary {op}: the end is lost");
            assert!(letters.is_empty(), "boundary {op}: who is subscribed is told otherwise");
        }
        ([], [_]) => {
            assert!(op < told.restored, "boundary {op}: the way back is lost");
            assert!(op > told.tried || !letters.is_empty(), "boundary {op}: the last letter is lost");
            for letter in &letters {
                assert_eq!(letter["Token"], *told.token);
            }
            house.confirm(&topic, &told.token).unwrap();
        }
        ([_], []) => assert!(op > told.tried, "boundary {op}: it came back by itself"),
        (live, endings) => panic!("boundary {op}: {live:?} {endings:?}"),
    }
    house.told("");
    house.publish(&topic, "after");
    house.pass(35);
    let messages = house.told("Notification");
    assert!(messages.iter().any(|one| one["Message"] == "after"), "boundary {op}: who is subscribed gets messages");
    assert!(house.inner.outboxes.endings().is_empty(), "boundary {op}");
}
