//! `ls`, `create`, `delete`.

use super::words::{Create, Delete, Ls};
use super::{Session, named, with};
use crate::queues::{Stop, confirm};
use serde_json::{Map, Value, json};

/// Streams in one page of a list (ListStreams: Limit).
const PAGE: usize = 1_000;

impl Session {
    pub(super) async fn list(&mut self, words: &Ls) -> Result<(), Stop> {
        let mut rows = Vec::new();
        for found in self.streams(&words.prefix).await? {
            let (name, arn) = (&found["StreamName"], &found["StreamARN"]);
            if words.names {
                rows.push(json!({ "name": name, "arn": arn }));
                continue;
            }
            let answer = match self.call("DescribeStreamSummary", &json!({ "StreamName": name })).await {
                // It was deleted since it was listed.
                Err(failure) if failure.is("ResourceNotFoundException") => continue,
                answer => answer?,
            };
            let about = &answer["StreamDescriptionSummary"];
            rows.push(json!({
                "name": name,
                "mode": about["StreamModeDetails"]["StreamMode"],
                "status": about["StreamStatus"],
                "open_shards": about["OpenShardCount"],
                "consumers": about["ConsumerCount"],
                "retention_hours": about["RetentionPeriodHours"],
                "arn": arn,
            }));
        }
        let columns = ["name", "mode", "status", "open_shards", "consumers", "retention_hours"];
        self.print_rows(if words.names { &columns[..1] } else { &columns }, &rows)
    }

    /// All streams whose names begin with `prefix`, in the order of their names.
    async fn streams(&mut self, prefix: &str) -> Result<Vec<Value>, Stop> {
        let mut found = Vec::new();
        let mut input = json!({ "Limit": PAGE });
        loop {
            let answer = self.call("ListStreams", &input).await?;
            let page = answer["StreamSummaries"].as_array().into_iter().flatten();
            let begins = |one: &&Value| one["StreamName"].as_str().is_some_and(|name| name.starts_with(prefix));
            found.extend(page.filter(begins).cloned());
            match (&answer["HasMoreStreams"], answer["StreamNames"].as_array().and_then(|names| names.last())) {
                (Value::Bool(true), Some(last)) => input["ExclusiveStartStreamName"] = last.clone(),
                _ => return Ok(found),
            }
        }
    }

    pub(super) async fn create(&mut self, words: &Create) -> Result<(), Stop> {
        let mode = if words.on_demand { "ON_DEMAND" } else { "PROVISIONED" };
        let mut input = json!({ "StreamName": words.name, "StreamModeDetails": { "StreamMode": mode } });
        if !words.on_demand {
            input["ShardCount"] = words.shards.into();
        }
        if let Some(kib) = words.record_size {
            input["MaxRecordSizeInKiB"] = kib.into();
        }
        if !words.tags.is_empty() {
            let tags: Map<String, Value> =
                words.tags.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
            input["Tags"] = tags.into();
        }
        self.call("CreateStream", &input).await?;
        if let Some(hours) = words.retention {
            let input = json!({ "StreamName": words.name, "RetentionPeriodHours": hours });
            self.call("IncreaseStreamRetentionPeriod", &input).await.map_err(|failure| {
                Stop::Failed(format!("the stream was created, and keeps its records for 24 hours: {failure}"))
            })?;
        }
        let answer = self.call("DescribeStreamSummary", &named(&words.name)).await?;
        let about = &answer["StreamDescriptionSummary"];
        self.print_object(&json!({
            "name": about["StreamName"],
            "mode": about["StreamModeDetails"]["StreamMode"],
            "open_shards": about["OpenShardCount"],
            "retention_hours": about["RetentionPeriodHours"],
            "arn": about["StreamARN"],
        }))
    }

    pub(super) async fn delete(&mut self, words: &Delete) -> Result<(), Stop> {
        let answer = self.call("DescribeStreamSummary", &named(&words.stream)).await?;
        let about = &answer["StreamDescriptionSummary"];
        let name = about["StreamName"].as_str().unwrap_or(&words.stream);
        confirm(&format!("delete the stream {name} with all records of {} shards", about["OpenShardCount"]), self.yes)?;
        let more = json!({ "EnforceConsumerDeletion": words.with_consumers });
        self.call("DeleteStream", &with(&words.stream, more)).await?;
        Ok(())
    }
}
