//! Topics in a declaration: what each should be, and who subscribes to it. What is not named stays as it is.
//!
//! `actual.rs` asks what is there, `plan.rs` is the difference, `apply.rs` does away with it, `write.rs` writes it down. A subscription is
//! who gets the messages, by protocol and endpoint; the name that the file gives it is for people. Whether a value is right the server
//! says.

pub(super) mod actual;
pub(super) mod apply;
pub(super) mod plan;
pub(super) mod write;

use super::declared::{known, texts};
use super::node::{Entry, Node, Wrong};
use crate::config::unknown;
use std::collections::BTreeMap;

/// A topic as it should be, or as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Topic {
    /// Attributes by AWS's names.
    pub(crate) attributes: BTreeMap<String, String>,
    /// All its tags, if they are declared.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// Empty for none.
    pub(crate) data_protection: Option<String>,
    /// Those that there are to be, by the file's names for them, if it says anything of them.
    pub(crate) subscriptions: Option<BTreeMap<String, Subscription>>,
}

/// A subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) protocol: String,
    /// As Subscribe takes it; of a queue beside the topic its name will do.
    pub(crate) endpoint: String,
    /// The queue for what cannot be delivered, by its name or ARN.
    pub(crate) dead_letters: Option<String>,
    /// Attributes by AWS's names.
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Attributes that a declaration says in another way.
const SAID_OTHERWISE: &[(&str, &str)] = &[
    ("FifoTopic", "a topic is a FIFO topic by its name, which ends in .fifo"),
    ("DataProtectionPolicy", "say data_protection = '{...}' beside the attributes"),
    ("RedrivePolicy", "say dead_letters = \"queue\" beside the attributes"),
    ("ReplayPolicy", "a replay is begun by `tidewire topic replay`"),
];

/// Understands the table of topics.
pub(super) fn read(node: &Node) -> Result<BTreeMap<String, Topic>, Wrong> {
    let mut topics = BTreeMap::new();
    for Entry { key, line, node } in node.as_table("topics")? {
        topics.insert(name(key, *line)?, topic(node)?);
    }
    Ok(topics)
}

fn topic(node: &Node) -> Result<Topic, Wrong> {
    let mut topic = Topic::default();
    for Entry { key, line, node } in node.as_table("a topic")? {
        known(key, *line, &["attributes", "tags", "data_protection", "subscriptions"])?;
        match key.as_str() {
            "attributes" => topic.attributes = attributes(node, sns::settable_attributes_of_topics)?,
            "tags" => topic.tags = Some(texts(node, key)?),
            "data_protection" => topic.data_protection = Some(node.as_text(key)?.to_owned()),
            _ => topic.subscriptions = Some(subscriptions(node)?),
        }
    }
    Ok(topic)
}

fn subscriptions(node: &Node) -> Result<BTreeMap<String, Subscription>, Wrong> {
    let mut subscriptions: BTreeMap<String, Subscription> = BTreeMap::new();
    for Entry { key, line, node } in node.as_table("subscriptions")? {
        let subscription = subscription(node)?;
        let is_twin = |other: &Subscription| {
            (&other.protocol, &other.endpoint) == (&subscription.protocol, &subscription.endpoint)
        };
        if let Some((twin, _)) = subscriptions.iter().find(|(_, other)| is_twin(other)) {
            return Err(Wrong::new(*line, format!("{key} has the receiver of {twin}, and a topic has one of each")));
        }
        subscriptions.insert(key.clone(), subscription);
    }
    Ok(subscriptions)
}

fn subscription(node: &Node) -> Result<Subscription, Wrong> {
    let mut subscription = Subscription::default();
    for Entry { key, line, node } in node.as_table("a subscription")? {
        known(key, *line, &["protocol", "endpoint", "dead_letters", "attributes"])?;
        match key.as_str() {
            "protocol" => subscription.protocol = node.as_text(key)?.to_owned(),
            "endpoint" => subscription.endpoint = node.as_text(key)?.to_owned(),
            "dead_letters" => subscription.dead_letters = Some(node.as_text(key)?.to_owned()),
            _ => subscription.attributes = attributes(node, sns::settable_attributes_of_subscriptions)?,
        }
    }
    let lacks = |what| Err(Wrong::new(node.line, format!("a subscription lacks {what}")));
    let has = |name: &str| subscription.attributes.contains_key(name);
    match () {
        () if subscription.protocol.is_empty() => lacks("protocol"),
        () if subscription.endpoint.is_empty() => lacks("endpoint"),
        // AWS does not tell a scope that has no policy, so nobody could say whether it is as it is declared.
        () if has("FilterPolicyScope") && !has("FilterPolicy") => {
            lacks("FilterPolicy, which its FilterPolicyScope is of")
        }
        () => Ok(subscription),
    }
}

fn attributes<Names>(node: &Node, names: fn() -> Names) -> Result<BTreeMap<String, String>, Wrong>
where
    Names: Iterator<Item = String>,
{
    for Entry { key, line, .. } in node.as_table("attributes")? {
        if let Some((_, instead)) = SAID_OTHERWISE.iter().find(|(name, _)| name == key) {
            return Err(Wrong::new(*line, format!("{key} is not declared as an attribute: {instead}")));
        }
        if !names().any(|name| name == *key) {
            return Err(Wrong::new(*line, unknown("attribute", key, names())));
        }
    }
    texts(node, "attributes")
}

fn name(text: &str, line: usize) -> Result<String, Wrong> {
    let base = text.strip_suffix(".fifo").unwrap_or(text);
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    match !base.is_empty() && text.len() <= 256 && base.bytes().all(legal) {
        true => Ok(text.to_owned()),
        false => {
            let why = format!("{text:?} is no topic name: 1 to 256 letters, digits, - and _, perhaps .fifo");
            Err(Wrong::new(line, why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{declared, hocon, toml, yaml};

    const TOML: &str = r#"
[topics.news]
attributes = { SignatureVersion = 2, HTTPFailureFeedbackRoleArn = "arn:aws:iam::000000000000:role/r" }
tags = { team = "billing" }

[topics.news.subscriptions.jobs]
protocol = "sqs"
endpoint = "jobs"
dead_letters = "jobs-dead"
attributes = { RawMessageDelivery = true }

[topics."orders.fifo"]
"#;

    #[test]
    fn three_languages_say_the_same() {
        let read = declared::read(&toml::read(TOML).unwrap()).unwrap().topics.unwrap();
        let jobs = &read["news"].subscriptions.as_ref().unwrap()["jobs"];
        assert_eq!((jobs.endpoint.as_str(), jobs.dead_letters.as_deref()), ("jobs", Some("jobs-dead")));
        assert_eq!((jobs.attributes["RawMessageDelivery"].as_str(), read["news"].attributes.len()), ("true", 2));
        assert_eq!(read["orders.fifo"], Topic::default());
        let json = r#"{"topics": {"t": {"subscriptions": {"a": {"protocol": "http", "endpoint": "http://x/"}}}}}"#;
        let yaml = "topics:\n  t:\n    subscriptions:\n      a: { protocol: http, endpoint: \"http://x/\" }\n";
        let of_json = hocon::read_json(json).and_then(|node| declared::read(&node)).unwrap();
        assert_eq!(of_json, yaml::read(yaml).and_then(|node| declared::read(&node)).unwrap());
        assert_eq!(of_json.topics.unwrap()["t"].subscriptions.as_ref().unwrap()["a"].endpoint, "http://x/");
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_the_nearest_word() {
        let sub = "[topics.t.subscriptions.s]\nprotocol = 'sqs'\nendpoint = 'q'\n";
        for (text, line, why) in [
            ("[topic.t]", 1, "did you mean topics?"),
            ("[topics.t]\natributes = {}", 2, "did you mean attributes?"),
            ("[topics.t.attributes]\nSignaturVersion = 1", 2, "did you mean SignatureVersion?"),
            ("[topics.t.attributes]\nTopicArn = 'x'", 2, "unknown attribute TopicArn"),
            ("[topics.t.attributes]\nFifoTopic = true", 2, ".fifo"),
            ("[topics.'a.b']", 1, "no topic name"),
            ("[topics.t.subscriptions.s]\nprotocol = 'sqs'", 1, "lacks endpoint"),
            (&format!("{sub}attributes = {{ RedrivePolicy = '{{}}' }}"), 4, "dead_letters"),
            (&format!("{sub}attributes = {{ FilterPolcy = '{{}}' }}"), 4, "did you mean FilterPolicy?"),
            (&format!("{sub}attributes = {{ FilterPolicyScope = 'MessageBody' }}"), 1, "lacks FilterPolicy"),
            (&format!("{sub}[topics.t.subscriptions.z]\nprotocol = 'sqs'\nendpoint = 'q'"), 4, "receiver of s"),
        ] {
            let wrong = toml::read(text).and_then(|node| declared::read(&node)).expect_err(text);
            assert!(wrong.line == line && wrong.why.contains(why), "{text:?}: line {}: {}", wrong.line, wrong.why);
        }
    }
}
