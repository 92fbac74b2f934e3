//! What a declaration means: queues by name, with attributes, tags, and where their dead letters go; streams are in `streams/`,
//! topics in `topics/`, identities in `identities.rs`.
//!
//! A key that nobody knows is refused with its line and the nearest one that somebody does, because what is passed over is found
//! out only by the harm it should have prevented. Whether an attribute's value is right the server says.

use super::node::{Entry, Node, Wrong};
use super::streams::Stream;
use super::topics::Topic;
use super::{identities, streams, topics};
use crate::config::unknown;
use names::QueueName;
use std::collections::BTreeMap;

/// All that a file declares.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Declared {
    pub(crate) queues: BTreeMap<String, Queue>,
    /// Streams, if the file says anything of them.
    pub(crate) streams: Option<BTreeMap<String, Stream>>,
    /// Topics, if the file says anything of them.
    pub(crate) topics: Option<BTreeMap<String, Topic>>,
    pub(crate) identities: iam::Declaration,
}

/// A queue as it should be. What is not named stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    /// Attributes by AWS's names.
    pub(crate) attributes: BTreeMap<String, String>,
    /// All its tags, if they are declared.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    pub(crate) dead_letters: Option<DeadLetters>,
}

/// Where messages go that were received too often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeadLetters {
    /// A queue's name, or its ARN if it is of another account or region.
    pub(crate) queue: String,
    pub(crate) max_receives: u32,
}

/// Attributes that a declaration says in another way.
const SAID_OTHERWISE: &[(&str, &str)] = &[
    ("FifoQueue", "a queue is a FIFO queue by its name, which ends in .fifo"),
    ("RedrivePolicy", "say dead_letters = { queue = \"name\", max_receives = 5 }"),
];

/// Understands a document.
pub(crate) fn read(document: &Node) -> Result<Declared, Wrong> {
    let mut declared = Declared::default();
    for Entry { key, line, node } in document.as_table("the document")? {
        known(key, *line, &["queues", "topics", "streams", "groups", "users", "roles", "policies", "providers"])?;
        if key == "streams" {
            declared.streams = Some(streams::read(node)?);
            continue;
        }
        if key == "topics" {
            declared.topics = Some(topics::read(node)?);
            continue;
        }
        if key != "queues" {
            identities::read(key, node, &mut declared.identities)?;
            continue;
        }
        for Entry { key, line, node } in node.as_table("queues")? {
            declared.queues.insert(queue_name(key, *line)?, queue(node)?);
        }
    }
    declared.identities.identities.sort_by_key(|identity| identity.sort);
    Ok(declared)
}

/// Checks a queue's name.
pub(super) fn queue_name(name: &str, line: usize) -> Result<String, Wrong> {
    match QueueName::parse(name) {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => {
            Err(Wrong::new(line, format!("{name:?} is no queue name: 1 to 80 letters, digits, - and _, perhaps .fifo")))
        }
    }
}

/// Refuses a key that is none of these.
pub(super) fn known(key: &str, line: usize, keys: &[&str]) -> Result<(), Wrong> {
    match keys.contains(&key) {
        true => Ok(()),
        false => Err(Wrong::new(line, unknown("key", key, keys.iter().map(|key| (*key).to_owned())))),
    }
}

/// A table of texts.
pub(super) fn texts(node: &Node, what: &str) -> Result<BTreeMap<String, String>, Wrong> {
    let entry = |entry: &Entry| Ok((entry.key.clone(), entry.node.as_text(&entry.key)?.to_owned()));
    node.as_table(what)?.iter().map(entry).collect()
}

/// A whole number above zero.
pub(super) fn count(node: &Node, what: &str) -> Result<u32, Wrong> {
    let text = node.as_text(what)?;
    let number = text.parse::<u32>().ok().filter(|number| *number > 0);
    number.ok_or_else(|| Wrong::new(node.line, format!("{what} = {text:?} is no whole number above zero")))
}

fn queue(node: &Node) -> Result<Queue, Wrong> {
    let mut queue = Queue::default();
    for Entry { key, line, node } in node.as_table("a queue")? {
        known(key, *line, &["attributes", "tags", "dead_letters"])?;
        match key.as_str() {
            "attributes" => queue.attributes = attributes(node)?,
            "tags" => queue.tags = Some(texts(node, "tags")?),
            _ => queue.dead_letters = Some(dead_letters(node)?),
        }
    }
    Ok(queue)
}

fn attributes(node: &Node) -> Result<BTreeMap<String, String>, Wrong> {
    for Entry { key, line, .. } in node.as_table("attributes")? {
        if let Some((_, instead)) = SAID_OTHERWISE.iter().find(|(name, _)| name == key) {
            return Err(Wrong::new(*line, format!("{key} is not declared as an attribute: {instead}")));
        }
        if !sqs::settable_attributes().any(|name| name == key) {
            let names = sqs::settable_attributes().map(str::to_owned);
            return Err(Wrong::new(*line, unknown("attribute", key, names)));
        }
    }
    texts(node, "attributes")
}

fn dead_letters(node: &Node) -> Result<DeadLetters, Wrong> {
    let (mut queue, mut max_receives) = (None, None);
    for Entry { key, line, node } in node.as_table("dead_letters")? {
        known(key, *line, &["queue", "max_receives"])?;
        match key.as_str() {
            "queue" => queue = Some(node.as_text("queue")?.to_owned()),
            _ => max_receives = Some(count(node, "max_receives")?),
        }
    }
    match (queue, max_receives) {
        (Some(queue), Some(max_receives)) => Ok(DeadLetters { queue, max_receives }),
        (None, _) => Err(Wrong::new(node.line, "dead_letters lacks queue")),
        (_, None) => Err(Wrong::new(node.line, "dead_letters lacks max_receives")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::{hocon, toml, yaml};

    const TOML: &str = r#"
[queues.jobs]
attributes = { VisibilityTimeout = 60, TidewireDurability = "relaxed" }
tags = { team = "billing" }
dead_letters = { queue = "jobs-dead", max_receives = 5 }

[queues.jobs-dead]

[queues."orders.fifo".attributes]
ContentBasedDeduplication = true
"#;

    const YAML: &str = "
queues:
  jobs:
    attributes: { VisibilityTimeout: 60, TidewireDurability: relaxed }
    tags:
      team: billing
    dead_letters:
      queue: jobs-dead
      max_receives: 5
  jobs-dead:
  orders.fifo:
    attributes:
      ContentBasedDeduplication: true
";

    const JSON: &str = r#"{ "queues": {
  "jobs": {
    "attributes": { "VisibilityTimeout": 60, "TidewireDurability": "relaxed" },
    "tags": { "team": "billing" },
    "dead_letters": { "queue": "jobs-dead", "max_receives": 5 }
  },
  "jobs-dead": {},
  "orders.fifo": { "attributes": { "ContentBasedDeduplication": true } }
} }"#;

    #[test]
    fn three_languages_say_the_same() {
        let declared = read(&toml::read(TOML).unwrap()).unwrap();
        assert_eq!(declared.queues.len(), 3);
        let jobs = &declared.queues["jobs"];
        assert_eq!(jobs.attributes["VisibilityTimeout"], "60");
        assert_eq!(jobs.dead_letters, Some(DeadLetters { queue: "jobs-dead".into(), max_receives: 5 }));
        assert_eq!(declared.queues["orders.fifo"].attributes["ContentBasedDeduplication"], "true");
        assert_eq!(read(&yaml::read(YAML).unwrap()).unwrap(), declared);
        assert_eq!(read(&hocon::read_json(JSON).unwrap()).unwrap(), declared);
    }

    fn wrong(text: &str) -> (usize, String) {
        let Wrong { line, why } = toml::read(text).and_then(|node| read(&node)).expect_err(text);
        (line, why)
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_the_nearest_word() {
        for (text, line, why) in [
            ("[queus.a]", 1, "did you mean queues?"),
            ("[queues.a]\nattribtes = {}", 2, "did you mean attributes?"),
            ("[queues.a.attributes]\n\nVisibilityTimout = 1", 3, "did you mean VisibilityTimeout?"),
            ("[queues.a]\n[queues.a.attributes]\nQueueArn = 1", 3, "unknown attribute QueueArn"),
            ("[queues.a.attributes]\nFifoQueue = true", 2, ".fifo"),
            ("[queues.a.attributes]\nRedrivePolicy = '{}'", 2, "dead_letters"),
            ("[queues.\"a b\"]", 1, "no queue name"),
            ("[queues.a]\ndead_letters = { queue = 'b' }", 2, "lacks max_receives"),
            ("[queues.a]\ndead_letters = { queue = 'b', max_receives = 0 }", 2, "above zero"),
            ("[queues]\na = 1", 2, "should be a table"),
            ("[queues.a]\ntags = { x = [1] }", 2, "list"),
            ("[queues.a]\n[queues.a]", 2, "duplicate key"),
            ("x = ", 1, ""),
        ] {
            let (at, said) = wrong(text);
            assert!(at == line && said.contains(why), "{text:?}: line {at}: {said}");
        }
    }

    #[test]
    fn mistakes_of_yaml_are_named_with_their_line() {
        for (text, line, why) in [
            ("queues:\n  a:\n    tag: {}", 3, "did you mean tags?"),
            ("queues:\n  a: &x {}\n  b: *x", 3, "aliases"),
            ("queues:\n  - a", 2, "list"),
            ("queues: {}\nqueues: {}", 2, "twice"),
            ("a: [", 1, ""),
            ("queues: {}\n---\nqueues: {}", 3, "second document"),
        ] {
            let Wrong { line: at, why: said } = yaml::read(text).and_then(|node| read(&node)).expect_err(text);
            assert!(at == line && said.contains(why), "{text:?}: line {at}: {said}");
        }
    }
}
