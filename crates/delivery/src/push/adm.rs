//! Amazon Device Messaging: `POST /messaging/registrations/<id>/messages`, by an access token for a client's id and secret.
//!
//! Source: Amazon, "Request an access token" and "Send a message" of ADM.

use super::{Fault, Judged, escaped};
use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::transport::{Answer, Post};
use serde_json::{Value, json};

/// Where the service is, and where its tokens come from.
pub const URL: &str = "https://api.amazon.com";
/// See [`URL`].
pub const TOKEN_URL: &str = "https://api.amazon.com/auth/O2/token";

/// The payload that a plain text becomes.
pub fn plain(text: &str) -> String {
    json!({ "data": { "default": text } }).to_string()
}

/// The request for an access token.
pub fn grant(token_url: &str, client_id: &str, secret: &str) -> Result<Post, InvalidEndpoint> {
    let (id, secret) = (escaped(client_id), escaped(secret));
    let body = format!("grant_type=client_credentials&scope=messaging%3Apush&client_id={id}&client_secret={secret}");
    Ok(Post {
        endpoint: Endpoint::parse(token_url)?,
        headers: vec![
            ("content-type", "application/x-www-form-urlencoded;charset=UTF-8".to_owned()),
            ("accept", "application/json".to_owned()),
        ],
        body: body.into(),
        is_operators: true,
    })
}

/// The token of an answer, and the seconds for which it counts.
pub fn granted(answer: &Answer) -> Option<(String, u64)> {
    super::granted(&answer.body)
}

/// The request that brings a payload to a device. `ttl_secs` goes before the payload's own.
pub fn post(
    url: &str,
    registration: &str,
    payload: &str,
    ttl_secs: Option<u64>,
    token: &str,
) -> Result<Post, InvalidEndpoint> {
    let mut body: Value = serde_json::from_str(payload).unwrap_or_else(|_| json!({}));
    if let (Some(secs), Some(members)) = (ttl_secs, body.as_object_mut()) {
        members.insert("expiresAfter".into(), secs.into());
    }
    Ok(Post {
        endpoint: Endpoint::parse(&format!("{url}/messaging/registrations/{}/messages", escaped(registration)))?,
        headers: vec![
            ("authorization", format!("Bearer {token}")),
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json".to_owned()),
            ("x-amzn-type-version", "com.amazon.device.messaging.ADMMessage@1.0".to_owned()),
            ("x-amzn-accept-type", "com.amazon.device.messaging.ADMSendResult@1.0".to_owned()),
        ],
        body: body.to_string().into(),
        is_operators: true,
    })
}

/// What an answer means; nothing if the message was taken.
pub fn judged(answer: &Answer) -> Option<Judged> {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let reason = body.get("reason").and_then(Value::as_str).unwrap_or_default();
    Some(match (answer.status, reason) {
        (200..=299, _) => return None,
        (400, "Unregistered" | "InvalidRegistrationId") => Judged::disabling(),
        (401, _) => Judged::renewing(),
        (400, "AccessTokenExpired" | "InvalidAccessToken") => Judged::renewing(),
        (429, _) => Judged::of(Fault::Throttled),
        (status, _) => Judged::by_status(status),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_goes_into_a_form_whatever_is_in_it() {
        let asked = grant("http://tokens/o2", "id", "a&b=c").unwrap();
        let body = std::str::from_utf8(&asked.body).unwrap();
        assert!(body.ends_with("&client_id=id&client_secret=a%26b%3Dc"), "{body}");
    }

    #[test]
    fn a_time_to_live_goes_before_the_payloads_own() {
        let sent = post("http://adm", "reg/1", r#"{"data":{},"expiresAfter":5}"#, Some(60), "t").unwrap();
        assert_eq!(sent.endpoint.target(), "/messaging/registrations/reg%2F1/messages");
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), json!({ "data": {}, "expiresAfter": 60 }));
        let sent = post("http://adm", "r", &plain("x"), None, "t").unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), json!({ "data": { "default": "x" } }));
    }

    #[test]
    fn answers_mean_what_amazon_says() {
        let of = |status, reason: &str| judged(&Answer { status, body: format!(r#"{{"reason":"{reason}"}}"#) });
        assert_eq!(of(200, ""), None);
        assert!(of(400, "Unregistered").is_some_and(|judged| judged.disables));
        assert!(of(400, "InvalidRegistrationId").is_some_and(|judged| judged.disables));
        assert!(of(401, "AccessTokenExpired").is_some_and(|judged| judged.renews && !judged.disables));
        assert_eq!(of(400, "InvalidData").map(|judged| judged.fault), Some(Fault::Notification));
        assert_eq!(of(503, "").map(|judged| judged.fault), Some(Fault::Unavailable));
    }
}
