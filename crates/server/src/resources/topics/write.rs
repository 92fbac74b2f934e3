//! Topics as a declaration says them. What they are by default is left out, and what they tell of themselves and nobody sets.

use super::actual::{Found, name_of};
use super::{Subscription, Topic};
use crate::resources::write::{texts, values};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A topic that was found, as a declaration of it: applied to it, it changes nothing.
pub(in crate::resources) fn declaration(found: Found) -> Topic {
    let Found { arn, mut attributes, tags, data_protection, subscriptions } = found;
    let settable: Vec<String> = sns::settable_attributes_of_topics().collect();
    attributes.retain(|name, value| match name.as_str() {
        "Policy" => !sns::is_default_policy(&arn, value),
        name => !value.is_empty() && settable.iter().any(|settable| settable == name),
    });
    let mut named = BTreeMap::new();
    for found in subscriptions {
        let declared = of_subscription(found.is);
        named.insert(free_name(&named, &declared), declared);
    }
    Topic {
        attributes,
        tags: (!tags.is_empty()).then_some(tags),
        data_protection: (!data_protection.is_empty()).then_some(data_protection),
        subscriptions: (!named.is_empty()).then_some(named),
    }
}

fn of_subscription(mut found: Subscription) -> Subscription {
    let settable: Vec<String> = sns::settable_attributes_of_subscriptions().collect();
    found.attributes.retain(|name, value| {
        let is_default = matches!(
            (name.as_str(), value.as_str()),
            ("RawMessageDelivery", "false") | ("FilterPolicyScope", "MessageAttributes")
        );
        !is_default && settable.iter().any(|settable| settable == name)
    });
    found
}

/// A name that tells who it is and that no other has.
fn free_name(taken: &BTreeMap<String, Subscription>, subscription: &Subscription) -> String {
    let Subscription { protocol, endpoint, .. } = subscription;
    let receiver = if endpoint.starts_with("arn:") { name_of(endpoint) } else { endpoint };
    let receiver = receiver.split_once("://").map_or(receiver, |(_, rest)| rest);
    let legal = |byte: char| if byte.is_ascii_alphanumeric() || "_-".contains(byte) { byte } else { '-' };
    let readable: String = receiver.chars().map(legal).take(60).collect();
    let name = format!("{protocol}-{}", readable.trim_matches('-'));
    let numbered = (2..).map(|nth| format!("{name}-{nth}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains_key(name)).expect("numbers have no end")
}

/// The members of a topic in a document.
pub(in crate::resources) fn members(topic: &Topic) -> Value {
    let mut members = Map::new();
    let mut put = |key: &str, value: Option<Value>| drop(value.map(|value| members.insert(key.into(), value)));
    put("attributes", (!topic.attributes.is_empty()).then(|| values(&topic.attributes)));
    put("tags", topic.tags.as_ref().map(texts));
    put("data_protection", topic.data_protection.clone().map(Value::from));
    let subscriptions = topic
        .subscriptions
        .as_ref()
        .map(|all| all.iter().map(|(name, one)| (name.clone(), members_of(one))).collect::<Map<_, _>>().into());
    put("subscriptions", subscriptions);
    members.into()
}

fn members_of(subscription: &Subscription) -> Value {
    let Subscription { protocol, endpoint, dead_letters, attributes } = subscription;
    let mut members = json!({ "protocol": protocol, "endpoint": endpoint });
    if let Some(queue) = dead_letters {
        members["dead_letters"] = json!(queue);
    }
    if !attributes.is_empty() {
        members["attributes"] = values(attributes);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_get_names_that_tell_who_they_are() {
        let mut taken = BTreeMap::new();
        for (protocol, endpoint, name) in [
            ("sqs", "jobs", "sqs-jobs"),
            ("sqs", "arn:aws:sqs:us-east-1:111111111111:jobs", "sqs-jobs-2"),
            ("https", "https://u:****@h.org:8443/a?b", "https-u------h-org-8443-a-b"),
            ("email", "a@b.org", "email-a-b-org"),
        ] {
            let (protocol, endpoint) = (protocol.to_owned(), endpoint.to_owned());
            let one = Subscription { protocol, endpoint, ..Subscription::default() };
            let free = free_name(&taken, &one);
            assert_eq!(free, name);
            taken.insert(free, one);
        }
    }
}
