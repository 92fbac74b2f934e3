//! Functions: Lambda's Invoke API at the endpoint that the operator named, signed as an SDK signs.
//!
//! A function is invoked without waiting for what it returns (`Event`): the endpoint's 202 is the delivery. Source: API reference of
//! Lambda's Invoke; Lambda Developer Guide, "Invoking Lambda functions with Amazon SNS notifications", for the event.

use super::{Addressee, Notice};
use access::Secret;
use access::sigv4::{Incoming, Signer};
use delivery::{Endpoint, Failed, Post};
use names::{Arn, Instant};
use serde_json::{Map, Value, json};

/// Where functions are, and in whose name they are invoked.
#[derive(Clone)]
pub struct Functions {
    /// The base of the API's URLs, without a slash at its end.
    pub endpoint: String,
    /// The access key id.
    pub access_key: String,
    /// Its secret.
    pub secret: Secret,
}

/// The request that invokes a function with a letter.
pub(super) fn post(
    functions: &Functions,
    to: &Addressee<'_>,
    notice: &Notice<'_>,
    now: Instant,
) -> Result<Post, Failed> {
    let forbidden = |why: &str| Failed::Forbidden(why.to_owned());
    let function = Arn::parse(&to.subscription.endpoint).map_err(|_| forbidden("its endpoint is no ARN"))?;
    let path = format!("/2015-03-31/functions/{}/invocations", escaped(&to.subscription.endpoint));
    let endpoint = Endpoint::parse(&format!("{}{path}", functions.endpoint));
    let endpoint = endpoint.map_err(|_| forbidden("the endpoint of functions is no URL"))?;
    let body = event(to, notice).to_string();
    let host = endpoint.authority();
    let given = [("host", host.as_str()), ("content-type", "application/json"), ("x-amz-invocation-type", "Event")];
    let headers: Vec<_> = given.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let signer = Signer {
        access_key: &functions.access_key,
        secret: &functions.secret,
        token: None,
        region: &function.region,
        service: "lambda",
    };
    let plain =
        Incoming { method: "POST", path: endpoint.target(), query: "", headers: &headers, body: body.as_bytes() };
    let added = signer.sign(&plain, now).map_err(|_| forbidden("the request cannot be signed"))?;
    let given = given.into_iter().skip(1).map(|(name, value)| (name, value.to_owned()));
    Ok(Post { endpoint, headers: given.chain(added).collect(), body: body.into(), is_operators: true })
}

/// The ARN as a part of a path.
fn escaped(arn: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    arn.bytes().map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// The event as a function gets it: the members of the envelope, two of them under other names.
fn event(to: &Addressee<'_>, notice: &Notice<'_>) -> Value {
    let mut members = notice.members();
    let mut take = |name: &str| members.remove(name);
    let mut sns = Map::new();
    for name in ["Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"] {
        sns.insert(name.to_owned(), take(name).unwrap_or(Value::Null));
    }
    sns.insert("SigningCertUrl".to_owned(), take("SigningCertURL").unwrap_or(Value::Null));
    sns.insert("UnsubscribeUrl".to_owned(), take("UnsubscribeURL").unwrap_or(Value::Null));
    sns.insert("MessageAttributes".to_owned(), take("MessageAttributes").unwrap_or_else(|| json!({})));
    json!({
        "Records": [{
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": to.subscription.id.arn(to.topic),
            "Sns": sns,
        }]
    })
}
