//! Attributes of topics and subscriptions: which there are, what they may be, and what they come to.
//!
//! An attribute that nothing here acts on yet is refused by its name, rather than kept and not kept to.

use crate::api::errors;
use crate::catalog::{TopicEntry, View, compile};
use crate::limits;
use crate::refusal::Refusal;
use crate::topic::{Pairs, Subscription};

pub(crate) const POLICY: &str = "Policy";
const DISPLAY_NAME: &str = "DisplayName";
const MAXIMUM_MESSAGE_SIZE: &str = "MaximumMessageSize";
const RAW_MESSAGE_DELIVERY: &str = "RawMessageDelivery";

/// Attributes of AWS's topics that this version does not act on.
const TOPIC_LATER: &[&str] = &[
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "DeliveryPolicy",
    "FifoThroughputScope",
    "FifoTopic",
    "KmsMasterKeyId",
    "SignatureVersion",
    "TracingConfig",
];

/// The same of subscriptions.
const SUBSCRIPTION_LATER: &[&str] =
    &["DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy", "ReplayPolicy", "SubscriptionRoleArn"];

/// Checks a topic's attribute, however it comes.
pub(crate) fn check_of_topic(name: &str, value: &str) -> Result<(), Refusal> {
    let wrong = |why: &str| Err(Refusal::invalid(format!("{name} Reason: {why}")));
    match name {
        // Without a value it goes back to what it was.
        POLICY | DISPLAY_NAME | MAXIMUM_MESSAGE_SIZE if value.is_empty() => Ok(()),
        POLICY => check_policy(value),
        DISPLAY_NAME if value.chars().count() > limits::DISPLAY_NAME_LEN_MAX => wrong("it is too long"),
        DISPLAY_NAME => Ok(()),
        MAXIMUM_MESSAGE_SIZE => match message_bytes(value) {
            Some(_) => Ok(()),
            None => wrong(&format!("Must be between {} and {}", limits::MESSAGE_BYTES_MIN, limits::MESSAGE_BYTES_MAX)),
        },
        _ => unknown(name, TOPIC_LATER),
    }
}

/// Checks a subscription's attribute.
pub(crate) fn check_of_subscription(name: &str, value: &str) -> Result<(), Refusal> {
    match name {
        RAW_MESSAGE_DELIVERY if matches!(value, "true" | "false" | "True" | "False") => Ok(()),
        RAW_MESSAGE_DELIVERY => Err(Refusal::invalid(format!(
            "Attributes Reason: RawMessageDelivery: Invalid value [{value}]. Must be true or false."
        ))),
        _ => unknown(name, SUBSCRIPTION_LATER),
    }
}

fn unknown(name: &str, later: &[&str]) -> Result<(), Refusal> {
    let is_later = later.contains(&name) || name.contains("Feedback");
    Err(match is_later {
        true => Refusal::invalid(format!("AttributeName Reason: this version of tidewire does not act on {name}")),
        false => Refusal::invalid("AttributeName"),
    })
}

fn check_policy(text: &str) -> Result<(), Refusal> {
    let statements = compile(text).map(|policy| policy.statements().len());
    match statements.is_some_and(|count| count <= limits::POLICY_STATEMENTS_MAX)
        && text.len() <= limits::POLICY_BYTES_MAX
    {
        true => Ok(()),
        false => Err(Refusal::new(&errors::INVALID_PARAMETER_EXCEPTION, "Invalid parameter: Policy Error: null")),
    }
}

fn message_bytes(value: &str) -> Option<usize> {
    let bytes = value.parse().ok()?;
    (limits::MESSAGE_BYTES_MIN..=limits::MESSAGE_BYTES_MAX).contains(&bytes).then_some(bytes)
}

/// Bytes that a message of this topic may have.
pub(crate) fn message_bytes_max(topic: &Pairs) -> usize {
    topic.get(MAXIMUM_MESSAGE_SIZE).and_then(|value| message_bytes(value)).unwrap_or(limits::MESSAGE_BYTES_DEFAULT)
}

/// Whether a subscription gets messages without an envelope.
pub(crate) fn is_raw(subscription: &Pairs) -> bool {
    subscription.get(RAW_MESSAGE_DELIVERY).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Whether a subscription that is asked for again has what is asked for; what is not named counts as it is.
pub(crate) fn are_of(asked: &Pairs, known: &Pairs) -> bool {
    !asked.contains_key(RAW_MESSAGE_DELIVERY) || is_raw(asked) == is_raw(known)
}

/// What GetTopicAttributes shows.
pub(crate) fn of_topic(entry: &TopicEntry, view: &View) -> Vec<(String, String)> {
    let mut shown = vec![
        ("TopicArn".to_owned(), entry.arn.to_string()),
        ("Owner".to_owned(), entry.key.account.to_string()),
        (DISPLAY_NAME.to_owned(), String::new()),
        (POLICY.to_owned(), default_policy(entry)),
        ("SubscriptionsConfirmed".to_owned(), view.receivers.len().to_string()),
        ("SubscriptionsPending".to_owned(), "0".to_owned()),
        ("SubscriptionsDeleted".to_owned(), "0".to_owned()),
    ];
    for (name, value) in &view.about.attributes {
        match shown.iter_mut().find(|(known, _)| **known == **name) {
            Some((_, known)) => *known = value.to_string(),
            None => shown.push((name.to_string(), value.to_string())),
        }
    }
    shown
}

/// The policy of a topic that was given none: its own account may do everything with it ("Amazon SNS default policy").
fn default_policy(entry: &TopicEntry) -> String {
    format!(
        r#"{{"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{{"AWS":"*"}},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"{}","Condition":{{"StringEquals":{{"AWS:SourceOwner":"{}"}}}}}}]}}"#,
        entry.arn, entry.key.account
    )
}

/// What GetSubscriptionAttributes shows.
pub(crate) fn of_subscription(topic: &str, subscription: &Subscription) -> Vec<(String, String)> {
    let raw = if is_raw(&subscription.attributes) { "true" } else { "false" };
    let shown = [
        ("SubscriptionArn", subscription.id.arn(topic)),
        ("TopicArn", topic.to_owned()),
        ("Owner", subscription.owner.to_string()),
        ("Protocol", subscription.protocol.name().to_owned()),
        ("Endpoint", subscription.endpoint.to_string()),
        ("PendingConfirmation", "false".to_owned()),
        ("ConfirmationWasAuthenticated", "true".to_owned()),
        (RAW_MESSAGE_DELIVERY, raw.to_owned()),
    ];
    shown.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
