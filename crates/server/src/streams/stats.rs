//! `stats`: a stream's shards and what they hold, and who reads it: consumers, and groups with their lag.
//!
//! Counts and moments are tidewire's own to tell (DescribeShards, ListGroups; docs/STREAMS.md), the rest is AWS's API.

use super::{Session, named, with};
use crate::queues::Stop;
use crate::queues::words::Form;
use crate::tools::moment;
use names::Instant;
use serde_json::{Value, json};

/// Shards asked for at once (DescribeShards: MaxResults).
const PAGE: usize = 1_000;

const SHARDS: [&str; 8] = ["shard", "state", "records", "bytes", "oldest", "newest", "first_hash", "last_hash"];
const GROUPS: [&str; 4] = ["group", "members", "lag_records", "lag_ms"];
const CONSUMERS: [&str; 3] = ["consumer", "status", "created"];

impl Session {
    pub(super) async fn stats(&mut self, stream: &str) -> Result<(), Stop> {
        let answer = self.call("DescribeStreamSummary", &named(stream)).await?;
        let about = &answer["StreamDescriptionSummary"];
        let shards: Vec<Value> = self.statistics(stream).await?.iter().map(row).collect();
        let sum = |name: &str| shards.iter().filter_map(|shard| shard[name].as_u64()).sum::<u64>();
        let head = json!({
            "name": about["StreamName"],
            "mode": about["StreamModeDetails"]["StreamMode"],
            "retention_hours": about["RetentionPeriodHours"],
            "open_shards": about["OpenShardCount"],
            "records": sum("records"),
            "bytes": sum("bytes"),
        });
        let consumers = self.consumers(&about["StreamARN"]).await?;
        let groups = self.group_lags(stream).await?;
        if self.form != Form::Table {
            let mut all = head;
            all["groups"] = groups.into();
            all["shards"] = shards.into();
            all["consumers"] = consumers.into();
            return self.print_object(&all);
        }
        self.print_object(&head)?;
        println_blank()?;
        self.print_rows(&SHARDS, &shards)?;
        if !consumers.is_empty() {
            println_blank()?;
            self.print_rows(&CONSUMERS, &consumers)?;
        }
        if !groups.is_empty() {
            println_blank()?;
            self.print_rows(&GROUPS, &groups)?;
        }
        Ok(())
    }

    /// What each shard holds.
    async fn statistics(&mut self, stream: &str) -> Result<Vec<Value>, Stop> {
        let mut found: Vec<Value> = Vec::new();
        let mut more = json!({ "MaxResults": PAGE });
        loop {
            let mut answer = self.own("DescribeShards", &with(stream, more.clone())).await?;
            let page = answer["Shards"].take();
            found.extend(page.as_array().into_iter().flatten().cloned());
            match (answer["HasMoreShards"] == true, found.last()) {
                (true, Some(last)) => more["ExclusiveStartShardId"] = last["ShardId"].clone(),
                _ => return Ok(found),
            }
        }
    }

    /// How many records a stream holds; where the server does not tell, none.
    pub(super) async fn held(&mut self, stream: &str) -> Result<u64, Stop> {
        let shards = match self.statistics(stream).await {
            Ok(shards) => shards,
            // Another server than tidewire: progress is then shown without an end.
            Err(Stop::Failed(why)) if why.contains("UnknownOperationException") => Vec::new(),
            Err(stop) => return Err(stop),
        };
        Ok(shards.iter().filter_map(|shard| shard["Records"].as_u64()).sum())
    }

    async fn consumers(&mut self, arn: &Value) -> Result<Vec<Value>, Stop> {
        let mut found = Vec::new();
        let mut input = json!({ "StreamARN": arn });
        loop {
            let answer = self.call("ListStreamConsumers", &input).await?;
            found.extend(answer["Consumers"].as_array().into_iter().flatten().map(|consumer| {
                json!({
                    "consumer": consumer["ConsumerName"],
                    "status": consumer["ConsumerStatus"],
                    "created": shown(&consumer["ConsumerCreationTimestamp"]),
                })
            }));
            match &answer["NextToken"] {
                Value::Null => return Ok(found),
                token => input["NextToken"] = token.clone(),
            }
        }
    }
}

fn row(shard: &Value) -> Value {
    let parents = [&shard["ParentShardId"], &shard["AdjacentParentShardId"]];
    let parents: Vec<&str> = parents.into_iter().filter_map(Value::as_str).collect();
    json!({
        "shard": shard["ShardId"],
        "state": if shard["IsOpen"] == true { "open" } else { "closed" },
        "records": shard["Records"],
        "bytes": shard["Bytes"],
        "oldest": shown(&shard["OldestArrivalTimestamp"]),
        "newest": shown(&shard["NewestArrivalTimestamp"]),
        "first_hash": shard["StartingHashKey"],
        "last_hash": shard["EndingHashKey"],
        "parents": parents,
    })
}

/// A moment of AWS's JSON for people.
pub(super) fn shown(secs: &Value) -> Value {
    let millis = secs.as_f64().map(|secs| (secs * 1000.0).round() as u64);
    millis.map(|millis| moment::show(Instant::from_millis(millis))).into()
}

/// What stands between two tables.
fn println_blank() -> Result<(), Stop> {
    super::print_lines([String::new()])
}
