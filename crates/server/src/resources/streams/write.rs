//! Streams as a declaration says them. What they are by default is left out.

use super::{Consumer, Stream};
use crate::resources::write::texts;
use serde_json::{Map, Value, json};

/// What a stream is unless somebody says otherwise.
const RETENTION_HOURS: u32 = 24;
const MAX_RECORD_KIB: u32 = 1024;

/// A stream that was found, as a declaration of it: applied to it, it changes nothing.
pub(in crate::resources) fn declaration(found: Stream) -> Stream {
    let said = |text: Option<String>, usual: &str| text.filter(|text| text != usual);
    let consumer = |(name, consumer): (String, Consumer)| {
        let policy = said(consumer.policy, "");
        (name, Consumer { tags: consumer.tags.filter(|tags| !tags.is_empty()), policy })
    };
    Stream {
        retention_hours: found.retention_hours.filter(|hours| *hours != RETENTION_HOURS),
        max_record_kib: found.max_record_kib.filter(|kib| *kib != MAX_RECORD_KIB),
        distribution: said(found.distribution, "USER_PARTITION_KEY"),
        encryption_key: said(found.encryption_key, ""),
        policy: said(found.policy, ""),
        tags: found.tags.filter(|tags| !tags.is_empty()),
        consumers: found.consumers.into_iter().map(consumer).collect(),
        ..found
    }
}

/// The members of a stream in a document.
pub(in crate::resources) fn members(stream: &Stream) -> Value {
    let mut members = Map::new();
    let mut put = |key: &str, value: Option<Value>| drop(value.map(|value| members.insert(key.into(), value)));
    put("mode", stream.mode.clone().map(Value::from));
    put("shards", stream.shards.map(Value::from));
    put("retention_hours", stream.retention_hours.map(Value::from));
    put("max_record_kib", stream.max_record_kib.map(Value::from));
    put("distribution", stream.distribution.clone().map(Value::from));
    put("warm_mibps", stream.warm_mibps.map(Value::from));
    put("encryption_key", stream.encryption_key.clone().map(Value::from));
    put("policy", stream.policy.clone().map(Value::from));
    put("tags", stream.tags.as_ref().map(texts));
    let consumers: Map<String, Value> =
        stream.consumers.iter().map(|(name, consumer)| (name.clone(), of_consumer(consumer))).collect();
    put("consumers", (!consumers.is_empty()).then(|| consumers.into()));
    members.into()
}

fn of_consumer(consumer: &Consumer) -> Value {
    let mut members = Map::new();
    if let Some(policy) = &consumer.policy {
        members.insert("policy".into(), json!(policy));
    }
    if let Some(tags) = &consumer.tags {
        members.insert("tags".into(), texts(tags));
    }
    members.into()
}
