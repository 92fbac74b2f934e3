//! What streams a server has, as far as a declaration needs to know them.

use super::{Consumer, Stream};
use crate::client::{Asked, Client, Failure, KINESIS};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Asks Data Streams.
pub(super) async fn ask(client: &mut Client, operation: &str, input: &Value) -> Result<Value, Failure> {
    client.ask(Asked { api: &KINESIS, operation, input, wait_millis: None }).await
}

/// The names of all streams of an account and region.
pub(in crate::resources) async fn names(client: &mut Client) -> Result<Vec<String>, Failure> {
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().map_or(Value::Null, |last| last.as_str().into());
        let input = if after.is_null() { json!({}) } else { json!({ "ExclusiveStartStreamName": after }) };
        let answer = ask(client, "ListStreams", &input).await?;
        let page = answer["StreamNames"].as_array().into_iter().flatten();
        names.extend(page.filter_map(Value::as_str).map(str::to_owned));
        if answer["HasMoreStreams"] != Value::Bool(true) {
            return Ok(names);
        }
    }
}

/// A stream that is there; nothing if it was deleted since it was listed.
pub(in crate::resources) async fn stream(client: &mut Client, name: &str) -> Result<Option<Stream>, Failure> {
    let answer = match ask(client, "DescribeStreamSummary", &json!({ "StreamName": name })).await {
        Err(failure) if failure.is("ResourceNotFoundException") => return Ok(None),
        answer => answer?,
    };
    let summary = &answer["StreamDescriptionSummary"];
    let arn = summary["StreamARN"].as_str().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
    let mode = text(&summary["StreamModeDetails"]["StreamMode"]);
    let is_provisioned = mode.as_deref() == Some("PROVISIONED");
    Ok(Some(Stream {
        shards: number(&summary["OpenShardCount"]).filter(|_| is_provisioned),
        retention_hours: number(&summary["RetentionPeriodHours"]),
        max_record_kib: number(&summary["MaxRecordSizeInKiB"]),
        distribution: text(&summary["RecordDistributionStrategy"]),
        warm_mibps: number(&summary["WarmThroughput"]["TargetMiBps"]),
        encryption_key: Some(text(&summary["KeyId"]).unwrap_or_default()),
        policy: Some(policy(client, arn).await?),
        tags: Some(tags(client, arn).await?),
        consumers: consumers(client, arn).await?,
        mode,
    }))
}

async fn consumers(client: &mut Client, arn: &str) -> Result<BTreeMap<String, Consumer>, Failure> {
    let mut found = BTreeMap::new();
    let mut input = json!({ "StreamARN": arn });
    loop {
        let mut answer = ask(client, "ListStreamConsumers", &input).await?;
        for consumer in answer["Consumers"].as_array().into_iter().flatten() {
            let text = |name: &str| consumer[name].as_str().unwrap_or_default();
            let (policy, tags) = (policy(client, text("ConsumerARN")).await?, tags(client, text("ConsumerARN")).await?);
            found.insert(text("ConsumerName").to_owned(), Consumer { tags: Some(tags), policy: Some(policy) });
        }
        match answer["NextToken"].take() {
            Value::Null => return Ok(found),
            token => input["NextToken"] = token,
        }
    }
}

/// The policy of a stream or a consumer; empty where there is none.
async fn policy(client: &mut Client, arn: &str) -> Result<String, Failure> {
    let answer = ask(client, "GetResourcePolicy", &json!({ "ResourceARN": arn })).await?;
    let policy = answer["Policy"].as_str().unwrap_or_default();
    Ok(if policy == "{}" { String::new() } else { policy.to_owned() })
}

async fn tags(client: &mut Client, arn: &str) -> Result<BTreeMap<String, String>, Failure> {
    let answer = ask(client, "ListTagsForResource", &json!({ "ResourceARN": arn })).await?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let tags = answer["Tags"].as_array().into_iter().flatten();
    Ok(tags.map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect())
}

/// The ARN of a consumer.
pub(super) async fn arn_of_consumer(client: &mut Client, stream: &str, name: &str) -> Result<String, Failure> {
    let input = json!({ "StreamARN": stream, "ConsumerName": name });
    let answer = ask(client, "DescribeStreamConsumer", &input).await?;
    Ok(answer["ConsumerDescription"]["ConsumerARN"].as_str().unwrap_or_default().to_owned())
}
