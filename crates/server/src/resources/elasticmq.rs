//! ElasticMQ's configuration: the queues that it creates at its start, understood as a declaration.
//!
//! Read is `queues { name { … } }` with `defaultVisibilityTimeout`, `delay`, `receiveMessageWait` (durations: `10 seconds`, `500 ms`;
//! a bare number is milliseconds, as ElasticMQ takes it), `deadLettersQueue { name, maxReceiveCount }`, `fifo`,
//! `contentBasedDeduplication` and `tags { … }`. A FIFO queue's name gets its `.fifo`, as there. `copyTo` and `moveTo` have no
//! counterpart and are refused. The other sections, about ElasticMQ's own ports and storage, are passed over.
//! Source: ElasticMQ's README, "Automatically creating queues on startup", and ElasticMQServerConfig.scala.

use super::declared::{self, DeadLetters, Declared, Queue, known};
use super::node::{Entry, Node, Wrong};
use std::collections::BTreeMap;

/// The sections of such a file. Of these, only `queues` is about queues.
const SECTIONS: &[&str] = &[
    "queues",
    "storage",
    "messages-storage",
    "queues-storage",
    "persisted-queues-storage",
    "node-address",
    "generate-node-address",
    "rest-sqs",
    "rest-stats",
    "aws",
    "akka",
    "pekko",
];

const KEYS: &[&str] = &[
    "defaultVisibilityTimeout",
    "delay",
    "receiveMessageWait",
    "deadLettersQueue",
    "fifo",
    "contentBasedDeduplication",
    "copyTo",
    "moveTo",
    "tags",
];

/// Understands a document.
pub(crate) fn read(document: &Node) -> Result<Declared, Wrong> {
    let mut declared = Declared::default();
    for Entry { key, line, node } in document.as_table("the document")? {
        known(key, *line, SECTIONS)?;
        if key == "queues" {
            for entry in node.as_table("queues")? {
                let (name, queue) = queue(entry)?;
                declared.queues.insert(name, queue);
            }
        }
    }
    name_fifo_dead_letters(&mut declared);
    Ok(declared)
}

fn queue(Entry { key: name, line, node }: &Entry) -> Result<(String, Queue), Wrong> {
    let (mut queue, mut is_fifo) = (Queue::default(), false);
    for Entry { key, line, node } in node.as_table("a queue")? {
        known(key, *line, KEYS)?;
        let mut set = |name: &str, value: String| queue.attributes.insert(name.to_owned(), value);
        match key.as_str() {
            "defaultVisibilityTimeout" => drop(set("VisibilityTimeout", secs(node, key)?)),
            "delay" => drop(set("DelaySeconds", secs(node, key)?)),
            "receiveMessageWait" => drop(set("ReceiveMessageWaitTimeSeconds", secs(node, key)?)),
            // To a standard queue it is an unknown attribute, so it is said only where it holds.
            "contentBasedDeduplication" if boolean(node, key)? => drop(set("ContentBasedDeduplication", "true".into())),
            "contentBasedDeduplication" => {}
            "fifo" => is_fifo = boolean(node, key)?,
            "tags" => queue.tags = Some(declared::texts(node, "tags")?),
            "deadLettersQueue" => queue.dead_letters = Some(dead_letters(node)?),
            _ => return Err(Wrong::new(*line, format!("{key} has no counterpart in tidewire; take it out"))),
        }
    }
    let suffix = if is_fifo && !name.ends_with(".fifo") { ".fifo" } else { "" };
    Ok((declared::queue_name(&format!("{name}{suffix}"), *line)?, queue))
}

fn dead_letters(node: &Node) -> Result<DeadLetters, Wrong> {
    let mut members = BTreeMap::new();
    for Entry { key, line, node } in node.as_table("deadLettersQueue")? {
        known(key, *line, &["name", "maxReceiveCount"])?;
        members.insert(key.as_str(), node);
    }
    let member =
        |name: &str| members.get(name).ok_or_else(|| Wrong::new(node.line, format!("deadLettersQueue lacks {name}")));
    let queue = member("name")?.as_text("name")?.to_owned();
    Ok(DeadLetters { queue, max_receives: declared::count(member("maxReceiveCount")?, "maxReceiveCount")? })
}

/// Dead letters are named without the suffix that FIFO queues get.
fn name_fifo_dead_letters(declared: &mut Declared) {
    let names: Vec<String> = declared.queues.keys().cloned().collect();
    for dead_letters in declared.queues.values_mut().filter_map(|queue| queue.dead_letters.as_mut()) {
        let with_suffix = format!("{}.fifo", dead_letters.queue);
        if !names.contains(&dead_letters.queue) && names.contains(&with_suffix) {
            dead_letters.queue = with_suffix;
        }
    }
}

fn boolean(node: &Node, what: &str) -> Result<bool, Wrong> {
    match node.as_text(what)? {
        "true" | "yes" | "on" => Ok(true),
        "false" | "no" | "off" => Ok(false),
        other => Err(Wrong::new(node.line, format!("{what} = {other:?} is neither true nor false"))),
    }
}

/// Whole seconds of a duration, rounded down, as ElasticMQ does.
fn secs(node: &Node, what: &str) -> Result<String, Wrong> {
    let text = node.as_text(what)?.trim();
    let digits = text.find(|next: char| !next.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let millis_each = match unit.trim() {
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => Some(1),
        "s" | "second" | "seconds" => Some(1_000),
        "m" | "minute" | "minutes" => Some(60_000),
        "h" | "hour" | "hours" => Some(3_600_000),
        "d" | "day" | "days" => Some(86_400_000),
        _ => None,
    };
    let millis = millis_each.and_then(|each: u64| number.parse::<u64>().ok()?.checked_mul(each));
    let millis =
        millis.ok_or_else(|| Wrong::new(node.line, format!("{what} = {text:?} is no duration like 10 seconds")))?;
    Ok((millis / 1_000).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::hocon;

    const CONF: &str = r#"include classpath("application.conf")

node-address { protocol = http, host = "*", port = 9324 }

queues {
  orders {
    defaultVisibilityTimeout = 10 seconds
    delay = 5 seconds
    receiveMessageWait = 500 ms
    deadLettersQueue {
      name = "orders-dead"
      maxReceiveCount = 3 // from 1 to 1000
    }
    fifo = true
    contentBasedDeduplication = true
    tags {
      tag1 = "tagged1"
      tag2 = tagged2
    }
  }
  orders-dead { fifo = true }
  "plain" { contentBasedDeduplication = false, defaultVisibilityTimeout = 2 minutes }
}
"#;

    #[test]
    fn the_queues_of_its_documentation_are_understood() {
        let declared = read(&hocon::read(CONF).unwrap()).unwrap();
        let names: Vec<&String> = declared.queues.keys().collect();
        assert_eq!(names, ["orders-dead.fifo", "orders.fifo", "plain"]);
        let orders = &declared.queues["orders.fifo"];
        let attributes: Vec<(&str, &str)> =
            orders.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("ContentBasedDeduplication", "true"),
            ("DelaySeconds", "5"),
            ("ReceiveMessageWaitTimeSeconds", "0"),
            ("VisibilityTimeout", "10"),
        ];
        assert_eq!(attributes, expected);
        assert_eq!(orders.dead_letters, Some(DeadLetters { queue: "orders-dead.fifo".into(), max_receives: 3 }));
        assert_eq!(orders.tags.as_ref().unwrap().len(), 2);
        assert_eq!(declared.queues["plain"].attributes["VisibilityTimeout"], "120");
        assert_eq!(declared.queues["plain"].attributes.len(), 1);
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        for (text, line, why) in [
            ("queues { a {\n defaultVisibilityTimout = 1 s } }", 2, "did you mean defaultVisibilityTimeout?"),
            ("queues { a {\n delay = soon } }", 2, "no duration"),
            ("queues { a { fifo = maybe } }", 1, "neither true nor false"),
            ("queues { a {\n copyTo = b } }", 2, "no counterpart"),
            ("queues { a {\n deadLettersQueue { name = b } } }", 2, "lacks maxReceiveCount"),
            ("quues { }", 1, "did you mean queues?"),
        ] {
            let Wrong { line: at, why: said } = hocon::read(text).and_then(|node| read(&node)).expect_err(text);
            assert!(at == line && said.contains(why), "{text:?}: line {at}: {said}");
        }
    }
}
