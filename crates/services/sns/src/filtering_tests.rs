//! What attributes come to as a filter, and whom a message passes to.

use super::*;
use crate::attributes::{self, Wrong};
use crate::message::{Draft, Message};
use crate::topic::Protocol;
use crate::topic_key::{SubscriptionId, TopicKey};
use names::{AccountId, Instant};

fn pairs(given: &[(&str, &str)]) -> Pairs {
    given.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn subscription(attributes: &[(&str, &str)]) -> Subscription {
    Subscription {
        id: SubscriptionId(1),
        owner: AccountId::DEFAULT,
        protocol: Protocol::Sqs,
        endpoint: "q".into(),
        attributes: pairs(attributes),
        created_at: Instant::EPOCH,
    }
}

fn message(body: &str, structure: Option<&str>) -> Message {
    let structure = structure.map(str::to_owned);
    let (attributes, message) = (Vec::new(), body.to_owned());
    Message::new(Draft { message, subject: None, structure, attributes, group: None, deduplication: None }).unwrap()
}

fn passes(filters: &Index, message: &Message) -> Vec<u64> {
    message.passes_to(filters, |_| Some(Protocol::Sqs.name()))
}

#[test]
fn a_refusal_has_the_words_of_its_operation() {
    let nested = pairs(&[("FilterPolicy", r#"{"a":{"b":["c"]}}"#)]);
    let wrong = attributes::check_subscription(&nested, &Limits::AWS).unwrap_err();
    let why = "Filter policy scope MessageAttributes does not support nested filter policy";
    assert_eq!(wrong.clone().in_set().message, format!("Invalid parameter: {why}"));
    assert_eq!(wrong.in_subscribe().message, format!("Invalid parameter: Attributes Reason: {why}"));
    let wrong = attributes::check_of_subscription(&topic(), Protocol::Sqs, "FilterPolicyScope", "x").unwrap_err();
    let why = "FilterPolicyScope: Invalid value [x]. Please use either MessageBody or MessageAttributes";
    assert_eq!(wrong.in_set().message, format!("Invalid parameter: {why}"));
    let unknown = attributes::check_of_subscription(&topic(), Protocol::Sqs, "FilterPolice", "{}");
    assert_eq!(unknown.map_err(Wrong::in_subscribe).unwrap_err().message, "Invalid parameter: AttributeName");
}

#[test]
fn a_policy_without_keys_takes_the_filter_away() {
    let mut kept = pairs(&[("FilterPolicy", r#"{"a":["b"]}"#)]);
    attributes::set(&mut kept, "FilterPolicy".into(), " { } ".into());
    assert!(kept.is_empty() && compiled(&kept, &Limits::AWS) == Ok(None));
}

#[test]
fn a_default_that_is_named_is_no_difference() {
    let known = pairs(&[("RawMessageDelivery", "true")]);
    assert!(attributes::are_of(&pairs(&[("FilterPolicyScope", "MessageAttributes")]), &known));
    assert!(!attributes::are_of(&pairs(&[("FilterPolicyScope", "MessageBody")]), &known));
    assert!(!attributes::are_of(&pairs(&[("FilterPolicy", r#"{"a":["b"]}"#)]), &known));
}

#[test]
fn a_filter_of_bodies_looks_at_the_body_of_its_protocol() {
    let mut filters = Index::new();
    let policy = ("FilterPolicy", r#"{"kind":["x"]}"#);
    put(&mut filters, 3, &subscription(&[policy, ("FilterPolicyScope", "MessageBody")]));
    put(&mut filters, 4, &subscription(&[]));
    assert_eq!(passes(&filters, &message(r#"{"kind":"x"}"#, None)), [3, 4]);
    assert_eq!(passes(&filters, &message("no json", None)), [4]);
    let structured = |sqs: &str, default: &str| {
        message(&serde_json::json!({ "default": default, "sqs": sqs }).to_string(), Some("json"))
    };
    assert_eq!(passes(&filters, &structured(r#"{"kind":"x"}"#, r#"{"kind":"y"}"#)), [3, 4]);
    assert_eq!(passes(&filters, &structured(r#"{"kind":"y"}"#, r#"{"kind":"x"}"#)), [4]);
}

#[test]
fn a_kept_policy_that_cannot_be_read_lets_nothing_pass() {
    let mut filters = Index::new();
    put(&mut filters, 3, &subscription(&[]));
    put(&mut filters, 3, &subscription(&[("FilterPolicy", "{")]));
    assert!(passes(&filters, &message("x", None)).is_empty());
}

fn topic() -> TopicKey {
    TopicKey::parse("TopicArn", "arn:aws:sns:us-east-1:000000000000:t").unwrap()
}
