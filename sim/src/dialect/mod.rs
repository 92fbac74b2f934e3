//! The protocols in which clients speak: to SQS JSON 1.0, forms answered in XML, and rpcv2Cbor; to SNS forms; to Data Streams
//! JSON 1.1, rpcv2Cbor, and the older CBOR of the Java SDKs.
//!
//! In: an operation and its input as JSON. Out: what goes over the wire, and from an answer the same JSON again, so that the
//! oracle knows one form only. Nothing of the product's own codecs is used: a mistake in them must not cancel itself out.
//! Bytes are base64 in that JSON and moments are seconds, as AWS's JSON has them. Sources: the query API reference of SQS, Smithy's "RPC v2 CBOR protocol".

mod cbor;
mod form;
mod xml;

use crate::client::Answer;
use serde_json::Value;

/// A protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Json,
    Form,
    Cbor,
    /// `application/x-amz-cbor-1.1`.
    OldCbor,
}

/// Whose operation a request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Queues,
    Topics,
    Streams,
    /// tidewire's own.
    Native,
    /// Of lease tables, which are DynamoDB's.
    Leases,
}

impl Api {
    /// The name before the operation's, and the type of its JSON.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Queues => ("AmazonSQS", JSON),
            Self::Topics => ("AmazonSimpleNotificationService", JSON),
            Self::Streams => ("Kinesis_20131202", JSON_1_1),
            Self::Leases => ("DynamoDB_20120810", JSON),
            Self::Native => ("TidewireStreams_20261123", JSON_1_1),
        }
    }
}

/// A request as it goes over the wire, but for what HTTP adds.
#[derive(Debug)]
pub(crate) struct Spoken {
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

const JSON: &str = "application/x-amz-json-1.0";
const JSON_1_1: &str = "application/x-amz-json-1.1";
const OLD_CBOR: &str = "application/x-amz-cbor-1.1";
const FORM: &str = "application/x-www-form-urlencoded";
const CBOR: &str = "application/cbor";

impl Dialect {
    /// One by chance; JSON is what most clients speak.
    pub(crate) fn any(chance: &mut fastrand::Rng, api: Api) -> Self {
        let third = match api {
            Api::Queues => Self::Form,
            // All that they speak.
            Api::Topics => return Self::Form,
            Api::Streams | Api::Native => Self::OldCbor,
            // What the client library speaks.
            Api::Leases => return Self::Json,
        };
        [Self::Json, Self::Json, third, Self::Cbor][chance.usize(..4)]
    }

    /// Puts a request into bytes.
    pub(crate) fn speak(self, api: Api, operation: &str, input: &Value) -> Spoken {
        let root = || "/".to_owned();
        let (service, json) = api.words();
        let target = || ("x-amz-target", format!("{service}.{operation}"));
        match self {
            Self::Json => Spoken {
                path: root(),
                headers: vec![("content-type", json.into()), target()],
                body: input.to_string().into_bytes(),
            },
            Self::OldCbor => Spoken {
                path: root(),
                headers: vec![("content-type", OLD_CBOR.into()), target()],
                body: cbor::encode(input, cbor::Times::Millis),
            },
            Self::Form => Spoken {
                path: root(),
                headers: vec![("content-type", FORM.into())],
                body: form::body(api, operation, input).into_bytes(),
            },
            Self::Cbor => Spoken {
                path: format!("/service/{service}/operation/{operation}"),
                headers: vec![("content-type", CBOR.into()), ("smithy-protocol", "rpc-v2-cbor".into())],
                body: cbor::encode(input, cbor::Times::Seconds),
            },
        }
    }
}

/// Reads an answer by what it says it is. One that cannot be read has the status 0, which no promise allows.
pub(crate) fn understand(status: u16, content_type: &str, body: &[u8]) -> Answer {
    let read = match content_type {
        JSON | JSON_1_1 => serde_json::from_slice(body).map_err(|error| error.to_string()).or_else(none_if_empty(body)),
        "text/xml" => xml::answer(body),
        CBOR | OLD_CBOR => cbor::decode(body).or_else(none_if_empty(body)),
        "" if body.is_empty() => Ok(Value::Null),
        other => Err(format!("an answer of the type {other:?}")),
    };
    match read {
        Ok(body) => {
            let code = body["__type"].as_str().unwrap_or_default();
            let code = code.rsplit('#').next().unwrap_or_default().to_owned();
            Answer { status, code, body }
        }
        Err(why) => Answer { status: 0, code: "unreadable".into(), body: why.into() },
    }
}

/// An operation without output may answer with nothing at all.
fn none_if_empty(body: &[u8]) -> impl FnOnce(String) -> Result<Value, String> {
    move |why| if body.is_empty() { Ok(Value::Null) } else { Err(why) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_is_put_as_each_protocol_wants_it() {
        let input = json!({
            "QueueUrl": "q", "MessageBody": "a b&\u{e9}",
            "MessageAttributes": {"mark": {"DataType": "String", "StringValue": "v"}},
        });
        let json = Dialect::Json.speak(Api::Queues, "SendMessage", &input);
        assert_eq!((json.path.as_str(), serde_json::from_slice::<Value>(&json.body).unwrap()), ("/", input.clone()));
        let form = String::from_utf8(Dialect::Form.speak(Api::Queues, "SendMessage", &input).body).unwrap();
        let mut pairs: Vec<_> = form.split('&').collect();
        pairs.sort_unstable();
        assert_eq!(
            pairs,
            [
                "Action=SendMessage",
                "MessageAttribute.1.Name=mark",
                "MessageAttribute.1.Value.DataType=String",
                "MessageAttribute.1.Value.StringValue=v",
                "MessageBody=a%20b%26%C3%A9",
                "QueueUrl=q",
                "Version=2012-11-05",
            ]
        );
        let cbor = Dialect::Cbor.speak(Api::Queues, "SendMessage", &input);
        assert_eq!(cbor.path, "/service/AmazonSQS/operation/SendMessage");
        assert_eq!(cbor::decode(&cbor.body).unwrap(), input);
    }

    #[test]
    fn bytes_and_moments_go_over_the_wire_as_each_protocol_has_them_and_come_back_the_same() {
        let input = json!({"Data": "AAEC", "Timestamp": 1_700_000_000.25});
        let json = Dialect::Json.speak(Api::Streams, "PutRecord", &input);
        assert_eq!(json.headers[0].1, "application/x-amz-json-1.1");
        assert_eq!(serde_json::from_slice::<Value>(&json.body).unwrap(), input);
        for dialect in [Dialect::Cbor, Dialect::OldCbor] {
            let spoken = dialect.speak(Api::Streams, "PutRecord", &input);
            assert!(spoken.body.windows(4).any(|bytes| bytes == [0x43, 0, 1, 2]), "{dialect:?}");
            assert_eq!(cbor::decode(&spoken.body).unwrap(), input, "{dialect:?}");
        }
    }

    #[test]
    fn an_answer_in_xml_reads_like_one_in_json() {
        let shown = "<?xml version=\"1.0\"?><ReceiveMessageResponse xmlns=\"x\"><ReceiveMessageResult><Message><MessageId>1\
                     </MessageId><Body>a&lt;&#xA;&amp;</Body><Attribute><Name>SentTimestamp</Name><Value>5</Value></Attribute>\
                     <MessageAttribute><Name>mark</Name><Value><StringValue>v</StringValue></Value></MessageAttribute>\
                     </Message></ReceiveMessageResult><ResponseMetadata/></ReceiveMessageResponse>";
        let answer = understand(200, "text/xml", shown.as_bytes());
        let message = json!({
            "MessageId": "1", "Body": "a<\n&", "Attributes": {"SentTimestamp": "5"},
            "MessageAttributes": {"mark": {"StringValue": "v"}},
        });
        assert_eq!((answer.status, &answer.body), (200, &json!({"Messages": [message]})), "{answer:?}");
        let refused = "<ErrorResponse><Error><Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>\
                       <Message>no</Message></Error></ErrorResponse>";
        let answer = understand(400, "text/xml", refused.as_bytes());
        assert_eq!((answer.status, answer.code.as_str()), (400, "QueueDoesNotExist"));
        assert_eq!(understand(200, "text/xml", b"<a><b></a>").status, 0);
    }

    #[test]
    fn an_answer_of_indefinite_length_is_read_and_a_cut_one_is_not() {
        let bytes = b"\xbf\x61a\x9f\x01\x20\xff\x61b\x7f\x61x\x61y\xff\x61c\xf5\x61d\xc1\xfb\x40\x00\x00\x00\x00\x00\x00\x00\xff";
        let answer = understand(200, CBOR, bytes);
        assert_eq!(answer.body, json!({"a": [1, -1], "b": "xy", "c": true, "d": 2.0}), "{answer:?}");
        for cut in 1..bytes.len() {
            assert_eq!(understand(200, CBOR, &bytes[..cut]).status, 0, "cut at {cut}");
        }
    }
}
