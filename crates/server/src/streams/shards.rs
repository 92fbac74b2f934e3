//! Which shards a stream has: their hash keys, and which came of which.

use super::{Session, named};
use crate::queues::Stop;
use serde_json::{Value, json};

/// A shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shard {
    pub(super) id: String,
    pub(super) parents: Vec<String>,
    pub(super) first_hash: u128,
    pub(super) last_hash: u128,
    pub(super) is_open: bool,
}

impl Shard {
    /// As ListShards has it, or ChildShards of GetRecords.
    pub(super) fn of(shard: &Value) -> Result<Self, Stop> {
        let odd = || Stop::Failed(format!("the server tells of a shard without all that shards have: {shard}"));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let hash = |name: &str| shard["HashKeyRange"][name].as_str().and_then(|hash| hash.parse().ok());
        let of_child = shard["ParentShards"].as_array().into_iter().flatten();
        let of_listed = [&shard["ParentShardId"], &shard["AdjacentParentShardId"]];
        Ok(Self {
            id: text(&shard["ShardId"]).ok_or_else(odd)?,
            parents: of_child.chain(of_listed).filter_map(text).collect(),
            first_hash: hash("StartingHashKey").ok_or_else(odd)?,
            last_hash: hash("EndingHashKey").ok_or_else(odd)?,
            is_open: shard["SequenceNumberRange"]["EndingSequenceNumber"].is_null(),
        })
    }

    pub(super) fn takes(&self, hash: u128) -> bool {
        (self.first_hash..=self.last_hash).contains(&hash)
    }
}

/// A shard's id, however it was named: by its id or its number.
pub(super) fn id_of(name: &str) -> String {
    match name.parse::<u32>() {
        Ok(number) => format!("shardId-{number:012}"),
        Err(_) => name.to_owned(),
    }
}

impl Session {
    /// All shards, in the order of their numbers.
    pub(super) async fn shards(&mut self, stream: &str) -> Result<Vec<Shard>, Stop> {
        let mut found = Vec::new();
        let mut input = named(stream);
        loop {
            let answer = self.call("ListShards", &input).await?;
            for shard in answer["Shards"].as_array().into_iter().flatten() {
                found.push(Shard::of(shard)?);
            }
            match &answer["NextToken"] {
                Value::Null => break,
                token => input = json!({ "NextToken": token }),
            }
        }
        found.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(found)
    }

    /// The shard of a name.
    pub(super) async fn shard(&mut self, stream: &str, name: &str) -> Result<Shard, Stop> {
        let id = id_of(name);
        let shards = self.shards(stream).await?;
        shards.into_iter().find(|shard| shard.id == id).ok_or_else(|| no_shard(stream, &id))
    }
}

pub(super) fn no_shard(stream: &str, id: &str) -> Stop {
    Stop::Failed(format!("{stream} has no shard {id}; `tidewire stream stats {stream}` shows those that it has"))
}
