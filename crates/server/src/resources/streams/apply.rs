//! Makes a stream what is declared, one call after the other.

use super::Stream;
use super::actual::{arn_of_consumer, ask};
use super::plan::{Change, Step};
use crate::client::{Client, Failure};
use serde_json::{Map, Value, json};

/// Carries a step out. What was done when a call fails stays done, and a second time is less to do.
pub(in crate::resources) async fn carry_out(client: &mut Client, step: &Step) -> Result<(), Failure> {
    let name = &step.name;
    if let Some(new) = &step.new {
        ask(client, "CreateStream", &creation(name, new)).await?;
    }
    let summary = ask(client, "DescribeStreamSummary", &json!({ "StreamName": name })).await?;
    let arn = summary["StreamDescriptionSummary"]["StreamARN"].as_str().unwrap_or_default().to_owned();
    for change in &step.changes {
        make(client, name, &arn, change).await?;
    }
    Ok(())
}

/// Deletes a stream, unless somebody else was quicker.
pub(in crate::resources) async fn delete(client: &mut Client, name: &str) -> Result<(), Failure> {
    let input = json!({ "StreamName": name, "EnforceConsumerDeletion": true });
    match ask(client, "DeleteStream", &input).await {
        Err(failure) if failure.is("ResourceNotFoundException") => Ok(()),
        deleted => deleted.map(drop),
    }
}

fn creation(name: &str, new: &Stream) -> Value {
    let mut input = Map::new();
    input.insert("StreamName".into(), name.into());
    let mut put = |member: &str, value: Option<Value>| drop(value.map(|value| input.insert(member.into(), value)));
    let provisioned = new.shards.map(|_| "PROVISIONED".to_owned());
    let mode = new.mode.clone().or(provisioned).unwrap_or_else(|| "ON_DEMAND".to_owned());
    // A provisioned stream without a number of shards begins with one.
    put("ShardCount", (mode == "PROVISIONED").then(|| new.shards.unwrap_or(1).into()));
    put("StreamModeDetails", Some(json!({ "StreamMode": mode })));
    put("MaxRecordSizeInKiB", new.max_record_kib.map(Value::from));
    put("RecordDistributionStrategy", new.distribution.clone().map(Value::from));
    put("WarmThroughputMiBps", new.warm_mibps.map(Value::from));
    put("Tags", new.tags.as_ref().filter(|tags| !tags.is_empty()).map(|tags| json!(tags)));
    input.into()
}

async fn make(client: &mut Client, name: &str, arn: &str, change: &Change) -> Result<(), Failure> {
    let (operation, input) = match change {
        Change::Mode { to, .. } => {
            ("UpdateStreamMode", json!({ "StreamARN": arn, "StreamModeDetails": { "StreamMode": to } }))
        }
        Change::Shards { to, .. } => {
            let scaling = "UNIFORM_SCALING";
            ("UpdateShardCount", json!({ "StreamName": name, "TargetShardCount": to, "ScalingType": scaling }))
        }
        Change::Retention { from, to } => {
            let raises = to > from;
            let operation = if raises { "IncreaseStreamRetentionPeriod" } else { "DecreaseStreamRetentionPeriod" };
            (operation, json!({ "StreamName": name, "RetentionPeriodHours": to }))
        }
        Change::MaxRecordKib { to, .. } => {
            ("UpdateMaxRecordSize", json!({ "StreamARN": arn, "MaxRecordSizeInKiB": to }))
        }
        Change::Distribution { to, .. } => {
            let operation = "UpdateStreamRecordDistributionStrategy";
            (operation, json!({ "StreamARN": arn, "RecordDistributionStrategy": to }))
        }
        Change::WarmMibps { to, .. } => {
            ("UpdateStreamWarmThroughput", json!({ "StreamARN": arn, "WarmThroughputMiBps": to }))
        }
        Change::EncryptionKey { from, to } => {
            let (operation, key) =
                if to.is_empty() { ("StopStreamEncryption", from) } else { ("StartStreamEncryption", to) };
            (operation, json!({ "StreamName": name, "EncryptionType": "KMS", "KeyId": key }))
        }
        Change::Policy { to } => policy(arn, to),
        Change::Tag(tags) => ("TagResource", json!({ "ResourceARN": arn, "Tags": tags })),
        Change::Untag(keys) => ("UntagResource", json!({ "ResourceARN": arn, "TagKeys": keys })),
        Change::Register { consumer } => {
            ("RegisterStreamConsumer", json!({ "StreamARN": arn, "ConsumerName": consumer }))
        }
        Change::ConsumerPolicy { consumer, to } => policy(&arn_of_consumer(client, arn, consumer).await?, to),
        Change::ConsumerTag { consumer, tags } => {
            let arn = arn_of_consumer(client, arn, consumer).await?;
            ("TagResource", json!({ "ResourceARN": arn, "Tags": tags }))
        }
        Change::ConsumerUntag { consumer, keys } => {
            let arn = arn_of_consumer(client, arn, consumer).await?;
            ("UntagResource", json!({ "ResourceARN": arn, "TagKeys": keys }))
        }
    };
    ask(client, operation, &input).await.map(drop)
}

fn policy(arn: &str, to: &str) -> (&'static str, Value) {
    match to {
        "" => ("DeleteResourcePolicy", json!({ "ResourceARN": arn })),
        policy => ("PutResourcePolicy", json!({ "ResourceARN": arn, "Policy": policy })),
    }
}
