//! Messages on simulated time: what a gateway gets, what stands against a message, and what becomes of it.

use super::*;
use crate::api::{MessageAttributeValue, PublishInput, SetSMSAttributesInput, SubscribeInput};
use crate::ops::for_tests::{
    CreateSMSSandboxPhoneNumber, Publish, SetSMSAttributes, Subscribe, VerifySMSSandboxPhoneNumber,
};
use crate::outbox::tests::{Bench, DAY, Manner};
use std::task::{Context, Poll, Waker};

const PHONE: &str = "+15550100";
const DEAD: &str = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}"#;

fn over_http() -> Options {
    let endpoint = Endpoint::parse("http://gateway/sms").unwrap();
    let gateway = Gateway::Http(endpoint, Some(Secret::from("Bearer t")));
    Options { gateway, origination_numbers: vec!["+15550199".into()], ..Options::default() }
}

fn bench(options: Options, manner: Manner) -> Bench {
    Bench::with_sms(vec![("gateway", manner)], options)
}

fn well() -> Manner {
    Box::new(|_| Ok(200))
}

fn to_phone(message: &str, attributes: &[(&str, &str)]) -> PublishInput {
    let attribute = |(name, value): &(&str, &str)| {
        let data_type = if *name == MAX_PRICE { "Number" } else { "String" };
        let value = MessageAttributeValue {
            data_type: data_type.into(),
            string_value: Some((*value).into()),
            ..MessageAttributeValue::default()
        };
        ((*name).to_owned(), value)
    };
    PublishInput {
        phone_number: Some(PHONE.into()),
        message: message.into(),
        message_attributes: Some(attributes.iter().map(attribute).collect()),
        ..PublishInput::default()
    }
}

/// What the gateway was posted.
fn posted(bench: &Bench) -> Vec<Value> {
    bench.got("gateway").iter().map(|got| serde_json::from_slice(&got.body).unwrap()).collect()
}

/// What is shown of a number.
fn shown(bench: &Bench) -> Vec<Value> {
    let place = Place { account: AccountId::DEFAULT, region: Region::parse("us-east-1").unwrap() };
    let all = bench.inner.messages.latest.show(&place, Some(PHONE));
    all["sms_messages"][PHONE].as_array().unwrap().clone()
}

fn done<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("nothing is waited for where nothing is kept"),
    }
}

#[test]
fn a_gateway_gets_what_a_publish_says() {
    let bench = bench(over_http(), well());
    let attributes = [(SENDER, "Tide"), (TYPE, "Transactional"), (ENTITY, "e1")];
    let id = bench.try_ask::<Publish>(to_phone("Hi €", &attributes)).unwrap().message_id.unwrap();
    bench.pass(1);
    let [got] = &bench.got("gateway")[..] else { panic!("once") };
    assert_eq!((got.header("authorization"), got.header("idempotency-key")), (Some("Bearer t"), Some(id.as_str())));
    let expected = json!({
        "id": id, "to": PHONE, "from": "Tide", "message": "Hi €", "type": "Transactional", "parts": 1,
        "account": "000000000000", "region": "us-east-1", "topicArn": null, "attributes": { ENTITY: "e1" },
    });
    assert_eq!(posted(&bench), [expected]);
    let [kept] = &shown(&bench)[..] else { panic!("it is shown") };
    assert_eq!((kept["MessageId"].as_str(), kept["Message"].as_str()), (Some(id.as_str()), Some("Hi €")));
    assert_eq!((&kept["TopicArn"], &kept["MessageAttributes"][SENDER]["Value"]), (&Value::Null, &json!("Tide")));
}

#[test]
fn settings_say_what_a_message_does_not() {
    let bench = bench(over_http(), well());
    bench.try_ask::<Publish>(to_phone("one", &[])).unwrap();
    bench.pass(1);
    let pairs = [("DefaultSenderID", "Tide"), ("DefaultSMSType", "Transactional")];
    let attributes = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    bench.try_ask::<SetSMSAttributes>(SetSMSAttributesInput { attributes }).unwrap();
    bench.try_ask::<Publish>(to_phone("two", &[])).unwrap();
    bench.try_ask::<Publish>(to_phone("three", &[(ORIGINATION, "+15550199")])).unwrap();
    bench.try_ask::<Publish>(to_phone("four", &[(ORIGINATION, "+15550111")])).unwrap();
    bench.pass(1);
    let mut said: Vec<_> = posted(&bench)
        .iter()
        .map(|body| ["message", "from", "type"].map(|name| body[name].as_str().unwrap().to_owned()))
        .collect();
    said.sort();
    let expected = [
        ["one", "+15550199", "Promotional"],
        ["three", "+15550199", "Transactional"],
        ["two", "Tide", "Transactional"],
    ];
    assert_eq!(said, expected, "and what is from a number that is not ours goes nowhere");
}

#[test]
fn a_gateway_that_fails_is_asked_again_with_the_same_id_for_six_hours() {
    let bench = bench(over_http(), Box::new(|_| Ok(503)));
    bench.try_ask::<Publish>(to_phone("hello", &[])).unwrap();
    bench.pass(8 * 3600);
    let got = posted(&bench);
    assert_eq!(got.len(), 51, "one attempt and fifty retries");
    assert!(got.iter().all(|body| body["id"] == got[0]["id"]) && shown(&bench).is_empty());
}

#[test]
fn what_a_gateway_says_of_itself_is_tried_again_and_what_it_says_of_the_message_is_not() {
    for (status, count) in [(400, 1), (404, 1), (422, 1), (401, 2), (403, 2), (429, 2), (500, 2)] {
        let bench = bench(over_http(), Box::new(move |now| Ok(if now < DAY.plus_secs(5) { status } else { 200 })));
        bench.try_ask::<Publish>(to_phone("hello", &[])).unwrap();
        bench.pass(30);
        assert_eq!(posted(&bench).len(), count, "{status}");
        assert_eq!(shown(&bench).len(), count - 1, "{status}");
    }
}

#[test]
fn a_subscription_gets_messages_at_once_and_its_dead_letters_their_reason() {
    let bench = bench(over_http(), Box::new(|now| Ok(if now < DAY.plus_secs(60) { 200 } else { 400 })));
    let attributes = Some(vec![("RedrivePolicy".to_owned(), DEAD.to_owned())]);
    let input = SubscribeInput {
        topic_arn: bench.topic.clone(),
        protocol: "sms".into(),
        endpoint: Some("+1555-0100".into()),
        attributes,
        ..SubscribeInput::default()
    };
    let arn = bench.try_ask::<Subscribe>(input).unwrap().subscription_arn.unwrap();
    assert!(arn.starts_with(&bench.topic), "it waits for no confirmation: {arn}");
    bench.publish("hello");
    bench.pass(1);
    let [body] = &posted(&bench)[..] else { panic!("once") };
    assert_eq!(
        (&body["to"], &body["message"], body["topicArn"].as_str()),
        (&json!(PHONE), &json!("hello"), Some(&*bench.topic))
    );
    assert_eq!(shown(&bench)[0]["SubscriptionArn"], arn);
    bench.pass(60);
    bench.publish("late");
    bench.pass(1);
    let [letter] = &bench.letters("dead")[..] else { panic!("one dead letter") };
    let code = letter.attributes.iter().find(|(name, _)| name == "ErrorCode").unwrap();
    assert_eq!((code.1.text.as_deref(), letter.body.contains("late")), (Some("400"), true));
}

#[test]
fn who_opted_out_gets_nothing_and_whoever_answers_stop_opts_out() {
    let bench = bench(over_http(), well());
    bench.try_ask::<Publish>(to_phone("before", &[])).unwrap();
    bench.pass(1);
    assert!(done(bench.inner.messages.hear(PHONE, "thanks")) && done(bench.inner.messages.hear("me", "STOP")));
    bench.try_ask::<Publish>(to_phone("still", &[])).unwrap();
    bench.pass(1);
    assert!(done(bench.inner.messages.hear(PHONE, " Stop. ")));
    bench.try_ask::<Publish>(to_phone("after", &[])).unwrap();
    bench.pass(60);
    let said: Vec<_> = posted(&bench).iter().map(|body| body["message"].clone()).collect();
    assert_eq!(said, ["before", "still"]);
}

#[test]
fn whoever_answers_stop_opts_out_of_topics_too() {
    let bench = bench(over_http(), well());
    let subscribe = || SubscribeInput {
        topic_arn: bench.topic.clone(),
        protocol: "sms".into(),
        endpoint: Some(PHONE.into()),
        ..SubscribeInput::default()
    };
    bench.ask::<Subscribe>(subscribe());
    assert!(done(bench.inner.messages.hear(PHONE, "STOP")), "before anything was sent");
    bench.publish("lost");
    bench.pass(60);
    assert!(posted(&bench).is_empty());
}

#[test]
fn a_subscription_of_before_is_known_by_what_it_is_sent() {
    let bench = bench(over_http(), well());
    bench.ask::<Subscribe>(SubscribeInput {
        topic_arn: bench.topic.clone(),
        protocol: "sms".into(),
        endpoint: Some(PHONE.into()),
        ..SubscribeInput::default()
    });
    // As a version left it that noted nothing when somebody subscribed.
    done(bench.inner.messages.delete_all()).unwrap();
    bench.publish("before");
    bench.pass(1);
    assert!(done(bench.inner.messages.hear(PHONE, "STOP")));
    bench.publish("after");
    bench.pass(60);
    let said: Vec<_> = posted(&bench).iter().map(|body| body["message"].clone()).collect();
    assert_eq!(said, ["before"]);
}

#[test]
fn the_log_says_of_a_message_what_is_known_of_it() {
    let of = |options: Options, text: &str| {
        let bench = bench(options, well());
        let id = bench.try_ask::<Publish>(to_phone(text, &[(TYPE, "Transactional")])).unwrap().message_id.unwrap();
        bench.pass(1);
        let history = bench.inner.status.history(bench.inner.outboxes.all()[0].1);
        assert_eq!(history[0].message_id, id);
        let mut line = Map::new();
        history[0].short_message.expect("it is one").tell(&mut line);
        Value::Object(line)
    };
    let priced = Options { part_micros: 6_450, ..over_http() };
    assert_eq!(of(priced, &"a".repeat(161)), json!({ "smsType": "Transactional", "priceInUSD": 0.0129 }));
    assert_eq!(of(over_http(), "a"), json!({ "smsType": "Transactional" }), "nobody has said what it costs");
}

#[test]
fn in_a_sandbox_only_verified_numbers_get_messages() {
    let bench = bench(Options { sandbox: true, ..over_http() }, well());
    bench.try_ask::<Publish>(to_phone("before", &[])).unwrap();
    bench.pass(1);
    assert!(posted(&bench).is_empty());
    let create = crate::api::CreateSMSSandboxPhoneNumberInput { phone_number: PHONE.into(), language_code: None };
    bench.try_ask::<CreateSMSSandboxPhoneNumber>(create).unwrap();
    bench.pass(1);
    let text = posted(&bench)[0]["message"].as_str().unwrap().to_owned();
    let password = text.strip_prefix("Your verification code is ").unwrap().to_owned();
    let verify = |password: &str| crate::api::VerifySMSSandboxPhoneNumberInput {
        phone_number: PHONE.into(),
        one_time_password: password.into(),
    };
    assert!(bench.try_ask::<VerifySMSSandboxPhoneNumber>(verify("00000")).is_err());
    bench.try_ask::<VerifySMSSandboxPhoneNumber>(verify(&password)).unwrap();
    bench.try_ask::<Publish>(to_phone("after", &[])).unwrap();
    bench.pass(1);
    assert_eq!(posted(&bench)[1]["message"], "after");
}

#[test]
fn what_costs_too_much_is_not_sent() {
    let bench = bench(Options { part_micros: 10_000, ..over_http() }, well());
    bench.try_ask::<Publish>(to_phone(&"a".repeat(161), &[(MAX_PRICE, "0.01")])).unwrap();
    bench.pass(1);
    assert!(posted(&bench).is_empty(), "two parts");
    let attributes = vec![("MonthlySpendLimit".to_owned(), "0.03".to_owned())];
    bench.try_ask::<SetSMSAttributes>(SetSMSAttributesInput { attributes }).unwrap();
    for nth in 0..5 {
        bench.try_ask::<Publish>(to_phone(&nth.to_string(), &[(MAX_PRICE, "0.01")])).unwrap();
        bench.pass(1);
    }
    assert_eq!(posted(&bench).len(), 3);
    bench.clock.advance_millis(40 * 86_400_000);
    bench.try_ask::<Publish>(to_phone("next month", &[])).unwrap();
    bench.pass(1);
    assert_eq!(posted(&bench).len(), 4);
}

#[test]
fn a_display_name_stands_before_what_a_topic_says() {
    assert_eq!(prefixed(Some("Weather Service"), "rain"), "Weather Se> rain");
    assert_eq!((prefixed(Some(""), "rain"), prefixed(None, "rain")), ("rain".into(), "rain".into()));
}

#[test]
fn a_publish_that_no_phone_can_get_is_refused() {
    let bench = bench(Options::default(), well());
    let words = |input: PublishInput| bench.try_ask::<Publish>(input).unwrap_err().message.into_owned();
    assert_eq!(words(to_phone(&"a".repeat(1601), &[])), "Invalid parameter: Message too long");
    assert!(words(to_phone("a", &[(SENDER, "1")])).contains(SENDER));
    assert!(words(to_phone("a", &[(TYPE, "Spam")])).contains(TYPE));
    assert!(words(to_phone("a", &[(MAX_PRICE, "-1")])).contains(MAX_PRICE));
    let input = PublishInput { phone_number: Some("+1a234".into()), ..to_phone("a", &[]) };
    assert_eq!(words(input), "Invalid parameter: PhoneNumber Reason: +1a234 is not valid to publish to");
    let input = PublishInput { topic_arn: Some(bench.topic.clone()), ..to_phone("a", &[]) };
    assert_eq!(words(input), "Invalid parameter: Only one of TopicArn, TargetArn or PhoneNumber may be given");
    bench.try_ask::<Publish>(to_phone(&"a".repeat(1600), &[])).unwrap();
    bench.pass(1);
    assert_eq!(shown(&bench).len(), 1, "without a gateway it is shown");
}
