//! Receivers over HTTP and HTTPS: a POST with the envelope, or with the message alone.
//!
//! Source: Developer Guide, "HTTP/HTTPS headers", "Large payload and raw message delivery".

use super::{Addressee, Notice};
use crate::attributes;
use crate::outbox::Kind;
use crate::topic_key::SubscriptionId;
use aws_lc_rs::hmac;
use bytes::Bytes;
use delivery::{CONTENT_TYPE, Endpoint, Failed, Post};
use serde_json::Value;

/// As AWS's agent calls itself.
const USER_AGENT: &str = "Amazon Simple Notification Service Agent";

/// The header with the HMAC of the body, for subscriptions that have a key for it.
const HMAC_HEADER: &str = "x-tidewire-hmac-sha256";

/// The request that brings a letter.
pub(super) fn post(to: &Addressee<'_>, notice: &Notice<'_>) -> Result<Post, Failed> {
    let endpoint = Endpoint::parse(&to.subscription.endpoint);
    let endpoint = endpoint.map_err(|_| Failed::Forbidden("its endpoint is no URL".into()))?;
    let is_raw = to.is_raw && notice.kind == Kind::Notification;
    let body = if is_raw { message_of(notice) } else { notice.envelope() };
    // Confirmations are always plain text.
    let content_type = if notice.kind == Kind::Notification { &to.policy.content_type } else { CONTENT_TYPE };
    let mut headers = vec![
        ("x-amz-sns-message-type", notice.kind.name().to_owned()),
        ("x-amz-sns-message-id", SubscriptionId(notice.id()).show()),
        ("x-amz-sns-topic-arn", to.topic.to_owned()),
        ("content-type", content_type.to_owned()),
        ("user-agent", USER_AGENT.to_owned()),
        ("accept-encoding", "identity".to_owned()),
    ];
    if notice.kind != Kind::SubscriptionConfirmation {
        headers.push(("x-amz-sns-subscription-arn", to.subscription.id.arn(to.topic)));
    }
    if is_raw {
        headers.push(("x-amz-sns-rawdelivery", "true".to_owned()));
    }
    if let Some(key) = attributes::hmac_key(&to.subscription.attributes) {
        headers.push((HMAC_HEADER, mac(key, &body)));
    }
    Ok(Post { endpoint, headers, body, is_operators: false })
}

/// The message of an envelope; its attributes stay behind, as AWS's do.
fn message_of(notice: &Notice<'_>) -> Bytes {
    match notice.members().remove("Message") {
        Some(Value::String(message)) => message.into(),
        _ => Bytes::new(),
    }
}

fn mac(key: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
