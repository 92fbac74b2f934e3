//! Something that happened to an object, and how S3 tells a queue of it.
//!
//! Source: S3 User Guide, "Event message structure" (version 2.1) and "Event notification types and destinations".

use super::notification::Bucket;
use crate::tools::moment;
use names::Instant;
use serde_json::{Value, json};

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Happening {
    /// Without `s3:` before it, e.g. `ObjectCreated:Put`.
    pub(crate) name: String,
    pub(crate) bucket: String,
    /// As the object is called, nothing of it encoded.
    pub(crate) key: String,
    /// Unknown of what was removed.
    pub(crate) size: Option<u64>,
    /// In hexadecimal digits, without quotes.
    pub(crate) etag: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) at: Instant,
    /// Of two events of one key the later one has the greater: hexadecimal digits.
    pub(crate) sequencer: String,
    /// Who did it, as far as the S3 server says.
    pub(crate) principal: Option<String>,
    /// From where.
    pub(crate) source: Option<String>,
}

impl Happening {
    /// The message that S3 sends of it.
    pub(crate) fn as_s3_tells_it(&self, bucket: &Bucket, configuration: &str, now: Instant) -> Value {
        let mut object = json!({ "key": encoded(&self.key) });
        let optional = [
            ("size", self.size.map(Value::from)),
            ("eTag", self.etag.clone().map(Value::from)),
            ("versionId", self.version.clone().map(Value::from)),
            ("sequencer", Some(self.sequencer.clone().into())),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                object[name] = value;
            }
        }
        json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": bucket.region.as_str(),
            "eventTime": moment::show(if self.at == Instant::EPOCH { now } else { self.at }),
            "eventName": self.name,
            "userIdentity": { "principalId": self.principal.as_deref().unwrap_or("Anonymous") },
            "requestParameters": { "sourceIPAddress": self.source.as_deref().unwrap_or("127.0.0.1") },
            "responseElements": { "x-amz-request-id": self.sequencer, "x-amz-id-2": self.sequencer },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": configuration,
                "bucket": {
                    "name": bucket.name,
                    "ownerIdentity": { "principalId": bucket.account.as_str() },
                    "arn": bucket.arn(),
                },
                "object": object,
            },
        }] })
    }
}

/// A key as S3 writes it into events: like the value of a form, but with its slashes.
fn encoded(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => text.push(byte.into()),
            b' ' => text.push('+'),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Undoes what `encoded` does, for reports that are written so; `None` if it is not.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        rest = others;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, others) = rest.split_at_checked(2)?;
                bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
                rest = others;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_like_values_of_forms_with_their_slashes() {
        for (key, written) in
            [("a/b c", "a/b+c"), ("é+~", "%C3%A9%2B%7E"), ("Happy Face.jpg", "Happy+Face.jpg"), ("a*-_.Z9", "a*-_.Z9")]
        {
            assert_eq!(encoded(key), written);
            assert_eq!(decoded(written).as_deref(), Some(key));
        }
        for wrong in ["%", "%4", "%zz", "%FF"] {
            assert_eq!(decoded(wrong), None, "{wrong}");
        }
    }
}
