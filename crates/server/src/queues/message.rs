//! Messages as AWS's JSON has them: made from what was typed, shown in a row, turned from an answer into a request again.

use super::Stop;
use super::print::cell;
use crate::tools::moment;
use base64_simd::STANDARD;
use names::Instant;
use serde_json::{Map, Value, json};

/// Bytes that all messages of a batch may have together (SQS quotas: "Batched messages").
pub(super) const BATCH_BYTES_MAX: usize = 1_048_576;

/// Messages of a batch (SQS quotas: "Batched messages").
pub(super) const BATCH_MESSAGES_MAX: usize = 10;

/// Message attributes from `NAME[:TYPE]=VALUE`.
pub(crate) fn attributes(given: &[(String, String)]) -> Result<Value, Stop> {
    let mut attributes = Map::new();
    for (name, value) in given {
        let (name, kind) = name.rsplit_once(':').unwrap_or((name, "String"));
        let member = if kind.split('.').next() == Some("Binary") { "BinaryValue" } else { "StringValue" };
        if member == "BinaryValue" && STANDARD.decode_to_vec(value).is_err() {
            return Err(Stop::NotBegun(format!("the value of the binary attribute {name} is no base64")));
        }
        attributes.insert(name.to_owned(), json!({ "DataType": kind, member: value }));
    }
    Ok(attributes.into())
}

/// What of a message counts towards the size of a batch.
pub(crate) fn size(request: &Value) -> usize {
    let text = |value: &Value| value.as_str().map_or(0, str::len);
    let attributes = request["MessageAttributes"].as_object().into_iter().flatten().map(|(name, value)| {
        // Three bytes are four characters of base64.
        name.len() + text(&value["DataType"]) + text(&value["StringValue"]) + text(&value["BinaryValue"]) * 3 / 4
    });
    text(&request["MessageBody"]) + attributes.sum::<usize>()
}

/// What sends a message that was received, or says why it cannot be.
pub(super) fn resend(message: &Value) -> Result<Value, String> {
    let body = message["Body"].as_str().ok_or("there is no text Body")?;
    let mut request = json!({ "MessageBody": body });
    if let Some(attributes) = message["MessageAttributes"].as_object().filter(|attributes| !attributes.is_empty()) {
        request["MessageAttributes"] = attributes.clone().into();
    }
    for name in ["MessageGroupId", "MessageDeduplicationId"] {
        if let Some(value) = message["Attributes"][name].as_str() {
            request[name] = value.into();
        }
    }
    if let Some(trace) = message["Attributes"]["AWSTraceHeader"].as_str() {
        request["MessageSystemAttributes"] =
            json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": trace } });
    }
    Ok(request)
}

/// The columns of a table of messages.
pub(super) const COLUMNS: [&str; 6] = ["message_id", "state", "sent", "receives", "group", "body"];

/// A message in one row of these.
pub(super) fn row(message: &Value) -> Value {
    let attributes = &message["Attributes"];
    let sent = attributes["SentTimestamp"].as_str().and_then(|millis| millis.parse().ok());
    json!({
        "message_id": message["MessageId"],
        "state": attributes["TidewirePeekState"],
        "sent": sent.map(|millis| moment::show(Instant::from_millis(millis))),
        "receives": attributes["ApproximateReceiveCount"],
        "group": attributes["MessageGroupId"],
        "body": message["Body"],
    })
}

/// A message in one line, for a list that has no end.
pub(super) fn line(message: &Value) -> String {
    let row = row(message);
    let group = row["group"].as_str().map(|group| format!("  {}", cell(&json!(group)))).unwrap_or_default();
    format!("{}  {}{group}  {}", cell(&row["sent"]), cell(&row["message_id"]), cell(&row["body"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_has_a_name_perhaps_a_type_and_a_value() {
        let given = [("a".into(), "x".into()), ("n:Number".into(), "7".into()), ("b:Binary.gz".into(), "AAE=".into())];
        let expected = json!({
            "a": { "DataType": "String", "StringValue": "x" },
            "n": { "DataType": "Number", "StringValue": "7" },
            "b": { "DataType": "Binary.gz", "BinaryValue": "AAE=" },
        });
        assert_eq!(attributes(&given), Ok(expected));
        assert!(attributes(&[("b:Binary".into(), "!".into())]).is_err());
    }

    #[test]
    fn what_is_sent_again_has_all_that_a_sender_can_say() {
        let message = json!({
            "MessageId": "i", "ReceiptHandle": "r", "Body": "x", "MD5OfBody": "m",
            "Attributes": { "SentTimestamp": "1", "MessageGroupId": "g", "MessageDeduplicationId": "d", "AWSTraceHeader": "t" },
            "MessageAttributes": { "b": { "DataType": "Binary", "BinaryValue": "AAE=" } },
        });
        let expected = json!({
            "MessageBody": "x",
            "MessageAttributes": { "b": { "DataType": "Binary", "BinaryValue": "AAE=" } },
            "MessageGroupId": "g",
            "MessageDeduplicationId": "d",
            "MessageSystemAttributes": { "AWSTraceHeader": { "DataType": "String", "StringValue": "t" } },
        });
        assert_eq!(resend(&message), Ok(expected.clone()));
        assert_eq!(size(&expected), 1 + 1 + "Binary".len() + 3);
        assert!(resend(&json!({ "Body": 7 })).is_err());
    }
}
