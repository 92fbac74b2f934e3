//! One event as a line of JSON: CloudTrail's record, version 1.11, members in the order that AWS shows them.
//!
//! What the gateway hid is written as AWS writes it. A reply is written of what changes something or hands out temporary keys, as
//! CloudTrail does.

use super::identity::{element, moment_of};
use super::kinds;
use gateway::{Event, Outcome, RequestId, Told};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The version of the record's shape, of which this is all that concerns us.
const EVENT_VERSION: &str = "1.11";

/// What stands for what must not be written down, in AWS's words.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// What stands for what there was no room for.
const CUT: &str = "LEFT_OUT_BECAUSE_OF_ITS_LENGTH";

/// The line, without its end. `chance` becomes the event's id.
pub(super) fn line(event: &Event, chance: u128) -> String {
    let operation = event.operation.name;
    let is_read_only = kinds::is_read_only(operation);
    let is_management = kinds::is_management(event.service, operation);
    let asker = event.asker.as_ref();
    let source = event.origin.source.map(|address| address.to_string());
    let mut record = Map::new();
    let mut put = |name: &str, value: Value| {
        record.insert(name.to_owned(), value);
    };
    put("eventVersion", EVENT_VERSION.into());
    put("userIdentity", element(event));
    put("eventTime", moment_of(event.at).into());
    put("eventSource", format!("{}.amazonaws.com", event.service.shape.signing_name).into());
    put("eventName", operation.into());
    put("awsRegion", asker.map(|asker| asker.region.as_str()).into());
    put("sourceIPAddress", source.into());
    put("userAgent", event.user_agent.as_deref().into());
    if let Outcome::Refused(refused) = &event.outcome {
        put("errorCode", refused.error.name.into());
        put("errorMessage", refused.message.as_ref().into());
    }
    put("requestParameters", event.input.as_ref().map_or(Value::Null, shown));
    let output = match &event.outcome {
        Outcome::Done(Some(told)) => shown(told),
        _ => Value::Null,
    };
    put("responseElements", if output == json!({}) { Value::Null } else { output });
    put("requestID", event.request_id.as_str().into());
    put("eventID", RequestId::from_random(chance).as_str().into());
    put("readOnly", is_read_only.into());
    if !event.resources.is_empty() {
        put("resources", event.resources.iter().map(resource).collect());
    }
    put("eventType", "AwsApiCall".into());
    put("managementEvent", is_management.into());
    put("recipientAccountId", asker.map(|asker| asker.account.to_string()).into());
    put("eventCategory", if is_management { "Management" } else { "Data" }.into());
    if let Some(secured) = event.origin.secured {
        put(
            "tlsDetails",
            json!({
                "tlsVersion": secured.version,
                "cipherSuite": secured.cipher.replace("TLS13_", "TLS_"),
                "clientProvidedHostHeader": event.host.as_deref(),
            }),
        );
    }
    if let Some(further) = further(event) {
        put("additionalEventData", further);
    }
    Value::from(record).to_string()
}

/// What CloudTrail has no member for: the certificate that the client proved to have, which statement refused, and that nobody
/// waited for the answer.
fn further(event: &Event) -> Option<Value> {
    let mut further = Map::new();
    if let Some(fingerprint) = event.origin.secured.and_then(|secured| secured.client_fingerprint()) {
        further.insert("clientCertificateSha256".into(), fingerprint.into());
    }
    if let Some(by) = &event.denied_by {
        further.insert("deniedBy".into(), by.as_ref().into());
    }
    if matches!(event.outcome, Outcome::Unknown) {
        further.insert("clientLeftBeforeTheAnswer".into(), true.into());
    }
    (!further.is_empty()).then(|| further.into())
}

fn resource((arn, owner): &(Arc<str>, Option<names::AccountId>)) -> Value {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, rest) = (parts.next().unwrap_or_default(), parts.nth(2).unwrap_or_default());
    let sort = match service {
        "sns" if rest.starts_with("app/") => Some("AWS::SNS::PlatformApplication"),
        "sns" if rest.starts_with("endpoint/") => Some("AWS::SNS::PlatformEndpoint"),
        "sns" => Some("AWS::SNS::Topic"),
        "sqs" => Some("AWS::SQS::Queue"),
        "kinesis" if rest.contains("/consumer/") => Some("AWS::Kinesis::StreamConsumer"),
        "kinesis" if rest.starts_with("queue/") => Some("AWS::Kinesis::Queue"),
        "kinesis" => Some("AWS::Kinesis::Stream"),
        "dynamodb" => Some("AWS::DynamoDB::Table"),
        "kms" if rest.starts_with("key/") => Some("AWS::KMS::Key"),
        "iam" if rest.starts_with("user/") => Some("AWS::IAM::User"),
        "iam" if rest.starts_with("role/") => Some("AWS::IAM::Role"),
        "iam" if rest.starts_with("group/") => Some("AWS::IAM::Group"),
        "iam" if rest.starts_with("policy/") => Some("AWS::IAM::ManagedPolicy"),
        _ => None,
    };
    let mut resource = Map::new();
    if let Some(owner) = owner {
        resource.insert("accountId".into(), owner.to_string().into());
    }
    if let Some(sort) = sort {
        resource.insert("type".into(), sort.into());
    }
    resource.insert("ARN".into(), (**arn).into());
    resource.into()
}

fn shown(told: &Told) -> Value {
    match told {
        Told::Struct(members) => {
            members.iter().map(|(name, told)| (uncapitalised(name), shown(told))).collect::<Map<_, _>>().into()
        }
        Told::Map(entries) => {
            entries.iter().map(|(key, told)| (key.clone(), shown(told))).collect::<Map<_, _>>().into()
        }
        Told::List(items) => items.iter().map(shown).collect(),
        Told::Text(text) => text.as_str().into(),
        Told::Whole(number) => (*number).into(),
        Told::Number(number) => (*number).into(),
        Told::Boolean(boolean) => (*boolean).into(),
        Told::Moment(moment) => {
            let millis = u64::try_from(moment.millis()).unwrap_or_default();
            moment_of(names::Instant::from_millis(millis)).into()
        }
        Told::Hidden => HIDDEN.into(),
        Told::Cut => CUT.into(),
    }
}

/// A member's name as CloudTrail writes it: `queueUrl` for `QueueUrl`.
fn uncapitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
