//! `tidewire export`: a declaration of what a server has, such that applying it there changes nothing.
//!
//! Attributes that are what they are by default are left out, and so is what a queue tells of itself and nobody sets.

use super::actual::{self, queue};
use super::declared::{DeadLetters, Declared, Queue};
use super::words::{Export, Language};
use super::{streams, topics};
use crate::client::{Client, Failure};
use crate::queues::{Stop, confirm, name_of, urls};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Carries the command out.
pub(crate) async fn export(mut client: Client, words: &Export) -> Result<(), Stop> {
    let language = language(words)?;
    if let Some(path) = words.to.as_ref().filter(|path| path.exists()) {
        confirm(&format!("replace the file {}", path.display()), words.yes)?;
    }
    let text = written(&found(&mut client).await?, language);
    match &words.to {
        Some(path) => std::fs::write(path, text)
            .map_err(|error| Stop::Failed(format!("{} cannot be written: {error}", path.display()))),
        None => Ok(io::stdout().write_all(text.as_bytes())?),
    }
}

fn language(words: &Export) -> Result<Language, Stop> {
    if let Some(language) = words.format {
        return Ok(language);
    }
    let Some(path) = &words.to else { return Ok(Language::Toml) };
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => Ok(Language::Toml),
        Some("json") => Ok(Language::Json),
        Some("yaml" | "yml") => Ok(Language::Yaml),
        _ => Err(Stop::NotBegun(format!(
            "{}: expected a name that ends in .toml, .json or .yaml, or --format",
            path.display()
        ))),
    }
}

/// Everything that a server has, as a declaration.
async fn found(client: &mut Client) -> Result<Declared, Failure> {
    let mut declared = Declared::default();
    for url in urls(client, "").await? {
        let name = name_of(&url);
        if let Some(queue) = queue(client, name, &[]).await? {
            declared.queues.insert(name.to_owned(), declaration(queue));
        }
    }
    let mut found = BTreeMap::new();
    for name in streams::actual::names(client).await? {
        if let Some(stream) = streams::actual::stream(client, &name).await? {
            found.insert(name, streams::write::declaration(stream));
        }
    }
    declared.streams = (!found.is_empty()).then_some(found);
    let mut found = BTreeMap::new();
    for (name, arn) in topics::actual::arns(client).await? {
        if let Some(topic) = topics::actual::topic(client, &arn).await? {
            found.insert(name, topics::write::declaration(topic));
        }
    }
    declared.topics = (!found.is_empty()).then_some(found);
    Ok(declared)
}

fn declaration(queue: actual::Queue) -> Queue {
    let is_own = |name: &str| !matches!(name, "FifoQueue" | "RedrivePolicy");
    let is_set = |name: &str, value: &str| sqs::default_of(name).as_deref() != Some(value);
    let is_declared = |name: &str| sqs::settable_attributes().any(|settable| settable == name);
    let attributes = queue.attributes.into_iter();
    let attributes = attributes.filter(|(name, value)| is_own(name) && is_declared(name) && is_set(name, value));
    let tags = (!queue.tags.is_empty()).then_some(queue.tags);
    Queue { attributes: attributes.collect(), tags, dead_letters: queue.dead_letters }
}

/// A declaration in words.
fn written(declared: &Declared, language: Language) -> String {
    let queues: Map<String, Value> =
        declared.queues.iter().map(|(name, queue)| (name.clone(), members(queue))).collect();
    let mut document = json!({ "queues": queues });
    if let Some(streams) = &declared.streams {
        let members = streams.iter().map(|(name, stream)| (name.clone(), streams::write::members(stream)));
        document["streams"] = members.collect::<Map<_, _>>().into();
    }
    if let Some(topics) = &declared.topics {
        let members = topics.iter().map(|(name, topic)| (name.clone(), topics::write::members(topic)));
        document["topics"] = members.collect::<Map<_, _>>().into();
    }
    match language {
        Language::Toml => ::toml::to_string(&document).expect("tables of texts and numbers are TOML"),
        Language::Json => format!("{document:#}\n"),
        Language::Yaml => {
            let mut text = String::new();
            yaml(&document, 0, &mut text);
            text
        }
    }
}

fn members(queue: &Queue) -> Value {
    let mut members = Map::new();
    if !queue.attributes.is_empty() {
        members.insert("attributes".into(), values(&queue.attributes));
    }
    if let Some(tags) = &queue.tags {
        members.insert("tags".into(), texts(tags));
    }
    if let Some(DeadLetters { queue, max_receives }) = &queue.dead_letters {
        members.insert("dead_letters".into(), json!({ "queue": queue, "max_receives": max_receives }));
    }
    members.into()
}

/// Names and texts.
pub(super) fn texts(pairs: &BTreeMap<String, String>) -> Value {
    pairs.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect::<Map<_, _>>().into()
}

/// Attributes; what is a number or a truth value is written as one.
pub(super) fn values(attributes: &BTreeMap<String, String>) -> Value {
    let value = |text: &String| match (text.parse::<u32>(), text.parse::<bool>()) {
        (Ok(number), _) if number.to_string() == *text => json!(number),
        (_, Ok(boolean)) => json!(boolean),
        _ => json!(text),
    };
    attributes.iter().map(|(name, text)| (name.clone(), value(text))).collect::<Map<_, _>>().into()
}

/// Blocks of mappings; keys and texts in double quotes are the same in YAML as in JSON.
fn yaml(value: &Value, depth: usize, text: &mut String) {
    for (key, value) in value.as_object().into_iter().flatten() {
        let is_plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let is_word = is_plain && key.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
        let is_word =
            is_word && !matches!(key.to_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off");
        let key = if is_word { key.clone() } else { json!(key).to_string() };
        text.push_str(&"  ".repeat(depth));
        match value {
            Value::Object(members) if members.is_empty() => text.push_str(&format!("{key}: {{}}\n")),
            Value::Object(_) => {
                text.push_str(&format!("{key}:\n"));
                yaml(value, depth + 1, text);
            }
            value => text.push_str(&format!("{key}: {value}\n")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::streams::{Consumer, Stream};
    use crate::resources::topics::{Subscription, Topic};
    use crate::resources::{declared, hocon, node::Node, toml, yaml};

    #[test]
    fn what_is_written_is_read_back_as_it_was() {
        let text = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let odd = Queue {
            attributes: text(&[("VisibilityTimeout", "7"), ("Policy", "{\"a\": \"b\\n\u{1}\u{7f}é\"}")]),
            tags: Some(text(&[("on", "yes"), ("0", "007"), ("a: b", "# x"), ("", "true"), ("q\"", "\\")])),
            dead_letters: Some(DeadLetters { queue: "dead".into(), max_receives: 3 }),
        };
        let queues =
            [("odd".to_owned(), odd), ("7".to_owned(), Queue::default()), ("o.fifo".to_owned(), Queue::default())];
        let consumer = Consumer { tags: Some(text(&[("a", "b")])), policy: Some("{}".into()) };
        let stream = Stream {
            mode: Some("PROVISIONED".into()),
            shards: Some(3),
            retention_hours: Some(48),
            max_record_kib: Some(2048),
            distribution: Some("AUTO".into()),
            warm_mibps: Some(9),
            encryption_key: Some("alias/a b".into()),
            policy: Some("{\"a\": \"\\n\"}".into()),
            tags: Some(text(&[("007", "true")])),
            consumers: [("c".to_owned(), consumer)].into(),
        };
        let streams = [("s.1".to_owned(), stream), ("t".to_owned(), Stream::default())].into();
        let subscription = Subscription {
            protocol: "sqs".into(),
            endpoint: "q".into(),
            dead_letters: Some("dead".into()),
            attributes: text(&[("FilterPolicy", "{\"a\": [\"b\"]}"), ("RawMessageDelivery", "true")]),
        };
        let topic = Topic {
            attributes: text(&[("SignatureVersion", "2"), ("DisplayName", "true")]),
            tags: Some(text(&[("a", "007")])),
            data_protection: Some("{}".into()),
            subscriptions: Some([("sqs-q".to_owned(), subscription)].into()),
        };
        let topics = Some([("t.fifo".to_owned(), topic), ("u".to_owned(), Topic::default())].into());
        let declared = Declared { queues: queues.into(), streams: Some(streams), topics, ..Declared::default() };
        type Read = fn(&str) -> Result<Node, crate::resources::node::Wrong>;
        let readers: [(Language, Read); 3] =
            [(Language::Toml, toml::read), (Language::Json, hocon::read_json), (Language::Yaml, yaml::read)];
        for (language, read) in readers {
            let text = written(&declared, language);
            let again = read(&text).and_then(|node| declared::read(&node));
            assert_eq!(again.as_ref(), Ok(&declared), "{language:?}:\n{text}");
        }
    }
}
