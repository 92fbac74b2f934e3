//! Streams in a declaration: what each should be. What is not named stays as it is.
//!
//! `actual.rs` asks what is there, `plan.rs` is the difference, `apply.rs` does away with it, `write.rs` writes it down. Names of modes and
//! distributions are AWS's; whether a value is right the server says.

pub(super) mod actual;
pub(super) mod apply;
pub(super) mod plan;
pub(super) mod write;

use super::declared::{count, known, texts};
use super::node::{Entry, Node, Wrong};
use crate::config::unknown;
use std::collections::BTreeMap;

/// A stream as it should be, or as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stream {
    /// `PROVISIONED` or `ON_DEMAND`. A new stream with a number of shards is provisioned, one without is on demand.
    pub(crate) mode: Option<String>,
    /// Open shards, of a provisioned stream.
    pub(crate) shards: Option<u32>,
    pub(crate) retention_hours: Option<u32>,
    pub(crate) max_record_kib: Option<u32>,
    /// `USER_PARTITION_KEY` or `AUTO`.
    pub(crate) distribution: Option<String>,
    pub(crate) warm_mibps: Option<u32>,
    /// The key of KMS; empty for none.
    pub(crate) encryption_key: Option<String>,
    /// Empty for none.
    pub(crate) policy: Option<String>,
    /// All its tags, if they are declared.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// Those that there are to be; others stay.
    pub(crate) consumers: BTreeMap<String, Consumer>,
}

/// A consumer with throughput of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Consumer {
    /// All its tags, if they are declared.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// Empty for none.
    pub(crate) policy: Option<String>,
}

/// The keys of a stream.
const KEYS: &[&str] = &[
    "mode",
    "shards",
    "retention_hours",
    "max_record_kib",
    "distribution",
    "warm_mibps",
    "encryption_key",
    "policy",
    "tags",
    "consumers",
];

const MODES: &[&str] = &["PROVISIONED", "ON_DEMAND"];
const DISTRIBUTIONS: &[&str] = &["USER_PARTITION_KEY", "AUTO"];

/// Understands the table of streams.
pub(super) fn read(node: &Node) -> Result<BTreeMap<String, Stream>, Wrong> {
    let mut streams = BTreeMap::new();
    for Entry { key, line, node } in node.as_table("streams")? {
        streams.insert(name(key, *line)?, stream(node)?);
    }
    Ok(streams)
}

fn stream(node: &Node) -> Result<Stream, Wrong> {
    let mut stream = Stream::default();
    for Entry { key, line, node } in node.as_table("a stream")? {
        known(key, *line, KEYS)?;
        match key.as_str() {
            "mode" => stream.mode = Some(one_of(node, key, MODES)?),
            "shards" => stream.shards = Some(count(node, key)?),
            "retention_hours" => stream.retention_hours = Some(count(node, key)?),
            "max_record_kib" => stream.max_record_kib = Some(count(node, key)?),
            "distribution" => stream.distribution = Some(one_of(node, key, DISTRIBUTIONS)?),
            "warm_mibps" => stream.warm_mibps = Some(count(node, key)?),
            "encryption_key" => stream.encryption_key = Some(node.as_text(key)?.to_owned()),
            "policy" => stream.policy = Some(node.as_text(key)?.to_owned()),
            "tags" => stream.tags = Some(texts(node, key)?),
            _ => stream.consumers = consumers(node)?,
        }
    }
    match (stream.mode.as_deref(), stream.shards) {
        (Some("ON_DEMAND"), Some(_)) => Err(Wrong::new(node.line, "a stream that is ON_DEMAND declares no shards")),
        _ => Ok(stream),
    }
}

fn consumers(node: &Node) -> Result<BTreeMap<String, Consumer>, Wrong> {
    let mut consumers = BTreeMap::new();
    for Entry { key, line, node } in node.as_table("consumers")? {
        let mut consumer = Consumer::default();
        for Entry { key, line, node } in node.as_table("a consumer")? {
            known(key, *line, &["tags", "policy"])?;
            match key.as_str() {
                "tags" => consumer.tags = Some(texts(node, key)?),
                _ => consumer.policy = Some(node.as_text(key)?.to_owned()),
            }
        }
        consumers.insert(name(key, *line)?, consumer);
    }
    Ok(consumers)
}

/// The name of a stream or a consumer.
fn name(text: &str, line: usize) -> Result<String, Wrong> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    match (1..=128).contains(&text.len()) && text.bytes().all(legal) {
        true => Ok(text.to_owned()),
        false => {
            let why = format!("{text:?} is no name of a stream or a consumer: 1 to 128 letters, digits, _, . and -");
            Err(Wrong::new(line, why))
        }
    }
}

fn one_of(node: &Node, key: &str, values: &[&str]) -> Result<String, Wrong> {
    let text = node.as_text(key)?;
    match values.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(Wrong::new(node.line, unknown(key, text, values.iter().map(|value| (*value).to_owned())))),
    }
}

#[cfg(test)]
mod tests {
    use crate::resources::{declared, hocon, toml, yaml};

    const TOML: &str = r#"
[streams.orders]
shards = 4
retention_hours = 48
max_record_kib = 2048
encryption_key = "alias/aws/kinesis"
tags = { team = "billing" }
policy = '{"Version":"2012-10-17","Statement":[]}'

[streams.orders.consumers.reports]
tags = { by = "nobody" }

[streams.clicks]
mode = "ON_DEMAND"
distribution = "AUTO"
warm_mibps = 8
"#;

    #[test]
    fn a_stream_is_declared_in_three_languages() {
        let read = declared::read(&toml::read(TOML).unwrap()).unwrap().streams.unwrap();
        let orders = &read["orders"];
        assert_eq!((orders.shards, orders.retention_hours, orders.max_record_kib), (Some(4), Some(48), Some(2048)));
        assert_eq!(orders.encryption_key.as_deref(), Some("alias/aws/kinesis"));
        assert_eq!(orders.consumers["reports"].tags.as_ref().unwrap()["by"], "nobody");
        assert_eq!((read["clicks"].mode.as_deref(), read["clicks"].warm_mibps), (Some("ON_DEMAND"), Some(8)));
        let json = r#"{"streams": {"clicks": {"mode": "ON_DEMAND", "distribution": "AUTO", "warm_mibps": 8}}}"#;
        let yaml = "streams:\n  clicks:\n    mode: ON_DEMAND\n    distribution: AUTO\n    warm_mibps: 8\n";
        let of_json = hocon::read_json(json).and_then(|node| declared::read(&node)).unwrap();
        let of_yaml = yaml::read(yaml).and_then(|node| declared::read(&node)).unwrap();
        assert_eq!(of_json, of_yaml);
        assert_eq!(of_json.streams.unwrap()["clicks"], read["clicks"]);
    }

    #[test]
    fn mistakes_are_named_with_their_line_and_the_nearest_word() {
        for (text, line, why) in [
            ("[streams.a]\nshard = 1", 2, "did you mean shards?"),
            ("[streams.a]\nshards = 0", 2, "above zero"),
            ("[streams.a]\n\nmode = 'ON_DEMAN'", 3, "did you mean ON_DEMAND?"),
            ("[streams.a]\nmode = 'ON_DEMAND'\nshards = 2", 1, "declares no shards"),
            ("[streams.'a b']", 1, "no name of a stream"),
            ("[streams.a.consumers.c]\ntag = {}", 2, "did you mean tags?"),
        ] {
            let wrong = toml::read(text).and_then(|node| declared::read(&node)).expect_err(text);
            assert!(wrong.line == line && wrong.why.contains(why), "{text:?}: line {}: {}", wrong.line, wrong.why);
        }
    }
}
