//! What was sent to endpoints lately, for tests and consoles: the newest messages, in memory alone.
//!
//! The page that shows it has LocalStack's shape (`/_aws/sns/platform-endpoint-messages`). Where a platform is given no address, this is
//! where its messages go.

use super::limits::{SHOWN_BYTES_MAX, SHOWN_MESSAGES_MAX};
use crate::topic_key::SubscriptionId;
use names::Arn;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The newest messages of all endpoints.
#[derive(Default)]
pub(crate) struct Messages(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// By the endpoint's ARN, with its bytes.
    all: VecDeque<(String, usize, Value)>,
    bytes: usize,
}

impl Messages {
    /// Keeps one, out of the members of its envelope; the oldest go where there are too many.
    pub(crate) fn note(&self, endpoint: &str, id: u128, members: &Map<String, Value>) {
        let get = |name: &str| members.get(name).cloned().unwrap_or(Value::Null);
        let shown = json!({
            "TargetArn": endpoint,
            "TopicArn": members.get("TopicArn").cloned().unwrap_or_else(|| "".into()),
            "Message": get("Message"),
            "MessageAttributes": attributes(members),
            "MessageStructure": get("MessageStructure"),
            "Subject": get("Subject"),
            "MessageId": SubscriptionId(id).show(),
        });
        let bytes = endpoint.len() + shown.to_string().len();
        let mut kept = self.kept();
        kept.bytes += bytes;
        kept.all.push_back((endpoint.to_owned(), bytes, shown));
        while kept.all.len() > SHOWN_MESSAGES_MAX || kept.bytes > SHOWN_BYTES_MAX {
            let Some((_, bytes, _)) = kept.all.pop_front() else { break };
            kept.bytes -= bytes;
        }
    }

    /// Those of an account in a region, or of one endpoint of it, by endpoints.
    pub(crate) fn shown(&self, account: &str, region: &str, endpoint: Option<&str>) -> Map<String, Value> {
        let mut by_endpoint = Map::new();
        for (arn, _, shown) in self.kept().all.iter().filter(|(arn, ..)| is_of(arn, account, region, endpoint)) {
            let messages = by_endpoint.entry(arn.clone()).or_insert_with(|| json!([]));
            messages.as_array_mut().expect("it is a list").push(shown.clone());
        }
        if let (Some(endpoint), true) = (endpoint, by_endpoint.is_empty()) {
            by_endpoint.insert(endpoint.to_owned(), json!([]));
        }
        by_endpoint
    }

    /// Forgets them.
    pub(crate) fn forget(&self, account: &str, region: &str, endpoint: Option<&str>) {
        let mut kept = self.kept();
        kept.all.retain(|(arn, ..)| !is_of(arn, account, region, endpoint));
        kept.bytes = kept.all.iter().map(|(_, bytes, _)| bytes).sum();
    }

    /// Forgets all.
    pub(crate) fn forget_all(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_of(arn: &str, account: &str, region: &str, endpoint: Option<&str>) -> bool {
    let is_there = || Arn::parse(arn).is_ok_and(|arn| arn.account == account && arn.region == region);
    endpoint.map_or_else(is_there, |endpoint| endpoint == arn && is_there())
}

/// Attributes as a request has them.
fn attributes(members: &Map<String, Value>) -> Value {
    let attribute = |(name, value): (&String, &Value)| {
        let data_type = value.get("Type").and_then(Value::as_str).unwrap_or_default();
        let field = if data_type.starts_with("Binary") { "BinaryValue" } else { "StringValue" };
        (name.clone(), json!({ "DataType": data_type, field: value.get("Value") }))
    };
    let found = members.get("MessageAttributes").and_then(Value::as_object);
    found.map_or_else(|| json!({}), |found| found.iter().map(attribute).collect::<Map<_, _>>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/00112233-4455-4677-8899-aabbccddeeff";

    fn members(message: &str) -> Map<String, Value> {
        let attributes = json!({ "a": { "Type": "String", "Value": "b" } });
        json!({ "Message": message, "MessageAttributes": attributes }).as_object().unwrap().clone()
    }

    #[test]
    fn messages_are_kept_by_endpoint_until_there_are_too_many() {
        let messages = Messages::default();
        for nth in 0..SHOWN_MESSAGES_MAX + 5 {
            messages.note(ARN, nth as u128, &members(&nth.to_string()));
        }
        let shown = messages.shown("000000000000", "us-east-1", None);
        let all = shown[ARN].as_array().unwrap();
        assert_eq!((all.len(), &all[0]["Message"]), (SHOWN_MESSAGES_MAX, &json!("5")));
        assert_eq!(all[0]["MessageAttributes"], json!({ "a": { "DataType": "String", "StringValue": "b" } }));
        messages.note(ARN, 0, &members(&"x".repeat(SHOWN_BYTES_MAX - 600)));
        assert_eq!(messages.shown("000000000000", "us-east-1", Some(ARN))[ARN].as_array().map(Vec::len), Some(1));
        assert!(messages.kept().bytes <= SHOWN_BYTES_MAX);
    }

    #[test]
    fn messages_are_shown_and_forgotten_by_account_region_and_endpoint() {
        let messages = Messages::default();
        messages.note(ARN, 0, &members("m"));
        assert!(messages.shown("111111111111", "us-east-1", None).is_empty());
        assert!(messages.shown("000000000000", "eu-west-1", None).is_empty());
        messages.forget("000000000000", "eu-west-1", None);
        assert_eq!(messages.shown("000000000000", "us-east-1", None).len(), 1);
        assert_eq!(messages.shown("000000000000", "us-east-1", Some("x"))["x"], json!([]));
        messages.forget("000000000000", "us-east-1", Some(ARN));
        assert!(messages.shown("000000000000", "us-east-1", None).is_empty() && messages.kept().bytes == 0);
    }
}
