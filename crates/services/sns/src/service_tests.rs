//! What the service does by itself.

use super::*;
use crate::api::{SetSubscriptionAttributesInput, SetTopicAttributesInput};
use crate::house::{House, queue};
use crate::ops::for_tests::{SetSubscriptionAttributes, SetTopicAttributes};
use engine::Clock;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

fn set(house: &House, arn: &str, name: &str, value: &str) -> Result<(), Refusal> {
    let (subscription_arn, attribute_name) = (arn.to_owned(), name.to_owned());
    let attribute_value = Some(value.to_owned());
    let asked = SetSubscriptionAttributesInput { subscription_arn, attribute_name, attribute_value };
    house.ask::<SetSubscriptionAttributes>(asked).map(drop)
}

#[test]
fn delivery_policies_are_read_when_they_are_set_and_not_at_each_turn() {
    let house = House::new();
    let topic = house.topic("t", &[]);
    let retries = |name: &str, count: usize| {
        format!(r#"{{"{name}":{{"minDelayTarget":1,"maxDelayTarget":1,"numRetries":{count}}}}}"#)
    };
    let arn = house.subscribe(&topic, ("http", "http://a.example/"), &[]).unwrap();
    let entry = house.inner.catalog.all().pop().unwrap();
    let (_, id) = SubscriptionId::parse("SubscriptionArn", &arn).unwrap();
    let planned = || {
        entry.look(|view| {
            let receiver = view.subscription(id).unwrap();
            let policy = view.effective_policy(receiver);
            (1..).take_while(|nth| policy.retries.planned(*nth).is_some()).count()
        })
    };
    assert_eq!(planned(), 3, "as AWS has it by default");
    let of_topic = format!(r#"{{"http":{}}}"#, retries("defaultHealthyRetryPolicy", 7));
    let asked = |value: &str| SetTopicAttributesInput {
        topic_arn: topic.clone(),
        attribute_name: "DeliveryPolicy".into(),
        attribute_value: Some(value.into()),
    };
    house.ask::<SetTopicAttributes>(asked(&of_topic)).unwrap();
    assert_eq!(planned(), 7);
    set(&house, &arn, "DeliveryPolicy", &retries("healthyRetryPolicy", 2)).unwrap();
    assert_eq!(planned(), 2);
    set(&house, &arn, "DeliveryPolicy", "").unwrap();
    house.ask::<SetTopicAttributes>(asked("")).unwrap();
    assert_eq!(planned(), 3);
}

#[test]
fn raw_messages_are_for_queues_and_receivers_over_http() {
    let house = House::new();
    let topic = house.topic("t", &[]);
    let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
    for (protocol, endpoint) in [("email", "a@example.org"), ("email-json", "a@example.org"), ("lambda", function)] {
        let why = format!("Delivery protocol [{protocol}] does not support raw message delivery.");
        for value in ["true", "false"] {
            let refused = house.subscribe(&topic, (protocol, endpoint), &[("RawMessageDelivery", value)]).unwrap_err();
            assert_eq!(refused.message, format!("Invalid parameter: Attributes Reason: {why}"));
        }
        let arn = house.subscribe(&topic, (protocol, endpoint), &[]).unwrap();
        let refused = set(&house, &arn, "RawMessageDelivery", "true").unwrap_err();
        assert_eq!(refused.message, format!("Invalid parameter: {why}"));
    }
    for (protocol, endpoint) in [("sqs", &*queue("q")), ("http", "http://a.example/"), ("https", "https://a.example/")]
    {
        let arn = house.subscribe(&topic, (protocol, endpoint), &[("RawMessageDelivery", "true")]).unwrap();
        assert!(set(&house, &arn, "RawMessageDelivery", "false").is_ok());
    }
}

#[test]
fn subscriptions_that_nobody_confirmed_go_in_one_step_of_the_disk() {
    let house = House::on_disk();
    let topic = house.topic("t", &[]);
    for nth in 0..20 {
        house.subscribe(&topic, ("http", &format!("http://receiver-{nth}.example/")), &[]).unwrap();
    }
    assert_eq!(house.inner.outboxes.all().len(), 20);
    house.clock.advance_millis(limits::PENDING_MILLIS);
    let sns = Sns::over(Arc::clone(&house.inner));
    let (mut tending, mut context) = (pin!(sns.tend(house.clock.now())), Context::from_waker(Waker::noop()));
    assert!(tending.as_mut().poll(&mut context).is_pending(), "the disk has none of it");
    house.commit();
    assert!(matches!(tending.as_mut().poll(&mut context), Poll::Ready(())));
    assert!(house.inner.outboxes.all().is_empty());
}
