//! Records as lines of JSON, in one shape for everything that writes or reads them, and as lines for people.
//!
//! `{"ShardId", "SequenceNumber", "ApproximateArrivalTimestamp", "PartitionKey", "ExplicitHashKey", "SubSequenceNumber"}` as far as there
//! are such, and the bytes: `Data` where they are UTF-8, `DataBase64` where they are not. So what a line says is exactly what was put.

use crate::queues::print::cell;
use crate::tools::moment;
use base64_simd::STANDARD;
use names::Instant;
use serde_json::{Map, Value, json};

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) shard: String,
    pub(super) number: String,
    /// Which one of an aggregate.
    pub(super) sub_number: Option<usize>,
    pub(super) arrived_at: Instant,
    pub(super) put: Put,
}

/// A record that is to be put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Put {
    pub(super) key: Option<String>,
    pub(super) hash: Option<u128>,
    pub(super) data: Vec<u8>,
}

impl Put {
    /// Bytes that bounds count.
    pub(super) fn size(&self) -> usize {
        self.data.len() + self.key.as_ref().map_or(0, String::len)
    }

    /// The hash key that says which shard.
    pub(super) fn hash_key(&self) -> u128 {
        self.hash.unwrap_or_else(|| stream::hash_of(self.key.as_deref().unwrap_or_default()))
    }

    /// An entry of PutRecords.
    pub(super) fn entry(&self) -> Value {
        let mut entry = json!({ "Data": STANDARD.encode_to_string(&self.data) });
        if let Some(key) = &self.key {
            entry["PartitionKey"] = key.as_str().into();
        }
        if let Some(hash) = self.hash {
            entry["ExplicitHashKey"] = hash.to_string().into();
        }
        entry
    }

    /// Reads a line.
    pub(super) fn of_line(line: &str) -> Result<Self, String> {
        let record: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let text = |name: &str| match &record[name] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text.clone())),
            _ => Err(format!("{name} is no text")),
        };
        let data = match (text("Data")?, text("DataBase64")?) {
            (Some(data), None) => data.into_bytes(),
            (None, Some(data)) => STANDARD.decode_to_vec(data).map_err(|_| "DataBase64 is no base64")?,
            _ => return Err("there must be one of Data and DataBase64".into()),
        };
        let hash = text("ExplicitHashKey")?.map(|hash| hash.parse().map_err(|_| "ExplicitHashKey is no hash key"));
        Ok(Self { key: text("PartitionKey")?, hash: hash.transpose()?, data })
    }
}

impl Read {
    /// A record of GetRecords' answer.
    pub(super) fn of_answer(shard: &str, record: &Value) -> Result<Self, String> {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        let data = record["Data"].as_str().ok_or("a record has no Data")?;
        let secs = record["ApproximateArrivalTimestamp"].as_f64().unwrap_or_default();
        Ok(Self {
            shard: shard.to_owned(),
            number: text("SequenceNumber").ok_or("a record has no SequenceNumber")?,
            sub_number: None,
            // Whole milliseconds, which a double has exactly for longer than anything here lasts.
            arrived_at: Instant::from_millis((secs * 1000.0).round() as u64),
            put: Put {
                key: text("PartitionKey"),
                hash: None,
                data: STANDARD.decode_to_vec(data).map_err(|_| "a record's Data is no base64")?,
            },
        })
    }

    /// The records that a producer packed into this one; those that belong to other shards are their producer's to put again, and
    /// are left out, as AWS's consumers do. One that is no aggregate is itself.
    pub(super) fn taken_apart(self, belongs: impl Fn(u128) -> bool) -> Vec<Self> {
        let Ok(packed) = stream::disaggregate(&self.put.data) else { return vec![self] };
        let own = packed.iter().enumerate().filter(|(_, record)| belongs(record.hash()));
        own.map(|(nth, record)| Self {
            sub_number: Some(nth),
            put: Put {
                key: Some(record.partition_key.to_owned()),
                hash: record.explicit_hash,
                data: record.data.to_vec(),
            },
            ..self.without_data()
        })
        .collect()
    }

    fn without_data(&self) -> Self {
        Self { shard: self.shard.clone(), number: self.number.clone(), put: Put::default(), ..*self }
    }

    /// The record in one line of JSON.
    pub(super) fn line(&self) -> Value {
        let mut line = Map::new();
        let mut say = |name: &str, value: Value| {
            if !value.is_null() {
                line.insert(name.to_owned(), value);
            }
        };
        say("ShardId", self.shard.as_str().into());
        say("SequenceNumber", self.number.as_str().into());
        say("SubSequenceNumber", self.sub_number.into());
        say("ApproximateArrivalTimestamp", moment::show(self.arrived_at).into());
        say("PartitionKey", self.put.key.as_deref().into());
        say("ExplicitHashKey", self.put.hash.map(|hash| hash.to_string()).into());
        match std::str::from_utf8(&self.put.data) {
            Ok(text) => say("Data", text.into()),
            Err(_) => say("DataBase64", STANDARD.encode_to_string(&self.put.data).into()),
        }
        line.into()
    }

    /// The record in one line for people.
    pub(super) fn shown(&self) -> String {
        let shard = self.shard.trim_start_matches("shardId-").trim_start_matches('0');
        let shard = if shard.is_empty() { "0" } else { shard };
        let data = String::from_utf8_lossy(&self.put.data);
        let key = self.put.key.as_deref().map_or("-".into(), |key| cell(&json!(key)));
        format!("{}  {shard}  {key}  {}", moment::show(self.arrived_at), cell(&json!(data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stream::{UserRecord, aggregate};

    fn read(data: &[u8]) -> Read {
        let put = Put { key: Some("k".into()), hash: None, data: data.to_vec() };
        let (shard, arrived_at) = ("shardId-000000000012".into(), Instant::from_millis(1_795_420_800_250));
        Read { shard, number: "49".into(), sub_number: None, arrived_at, put }
    }

    #[test]
    fn a_line_has_the_exact_bytes_whatever_they_are() {
        for data in [&b"plain"[..], b"", "\u{0}\"\u{2028}é\r\n".as_bytes(), b"\xff\xfe\x00", b"\xf3\x89\x9a\xc2"] {
            let line = read(data).line().to_string();
            assert!(!line.contains('\n'), "{line}");
            assert_eq!(Put::of_line(&line), Ok(read(data).put));
        }
        assert_eq!(read(b"\xff").line()["DataBase64"], "/w==");
        for wrong in
            [r#"{}"#, r#"{"Data":7}"#, r#"{"Data":"a","DataBase64":"YQ=="}"#, r#"{"DataBase64":"!"}"#, "no json"]
        {
            assert!(Put::of_line(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_answers_record_keeps_its_millisecond() {
        let answer = json!({ "SequenceNumber": "49", "Data": "eA==", "PartitionKey": "k",
            "ApproximateArrivalTimestamp": 1_795_420_800.25 });
        assert_eq!(Read::of_answer("shardId-000000000012", &answer), Ok(read(b"x")));
        assert_eq!(read(b"x").shown(), "2026-11-23T08:00:00.250Z  12  k  x");
    }

    #[test]
    fn an_aggregate_is_taken_apart_and_what_belongs_elsewhere_is_left_out() {
        let user = |key, hash, data| UserRecord { partition_key: key, explicit_hash: hash, data, tags: Vec::new() };
        let packed = aggregate(&[user("a", Some(1), b"one"), user("b", Some(9), b"two"), user("c", Some(2), b"three")]);
        let apart = read(&packed).taken_apart(|hash| hash < 5);
        let told: Vec<_> =
            apart.iter().map(|one| (one.sub_number, one.put.key.as_deref(), &one.put.data[..])).collect();
        assert_eq!(told, [(Some(0), Some("a"), &b"one"[..]), (Some(2), Some("c"), &b"three"[..])]);
        assert_eq!(read(b"x").taken_apart(|_| false), [read(b"x")]);
    }
}
