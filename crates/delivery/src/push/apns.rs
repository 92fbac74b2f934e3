//! Apple's service: `POST /3/device/<token>` over HTTP/2, by a signed token or a client certificate.
//!
//! Source: Apple, "Sending notification requests to APNs", "Handling notification responses from APNs", "Establishing a token-based
//! connection to APNs".

use super::certificate::Certificate;
use super::jwt::Key;
use super::{Fault, InvalidCredentials, Judged, Push, escaped};
use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::limits::{APNS_PUSH_BYTES_MAX, APNS_VOIP_BYTES_MAX};
use crate::transport::Answer;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;

/// Where production is, and where development is.
pub const URL: &str = "https://api.push.apple.com";
/// See [`URL`].
pub const SANDBOX_URL: &str = "https://api.sandbox.push.apple.com";

/// How an application proves that it may send.
#[derive(Debug)]
pub enum Credentials {
    /// By tokens that its key signs.
    Tokens(TokenKey),
    /// By a certificate of its own.
    Certificate(Arc<Certificate>),
}

/// What signs tokens.
pub struct TokenKey {
    key: Key,
    key_id: String,
    team_id: String,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "TokenKey({})", self.key_id)
    }
}

impl Credentials {
    /// Reads them as SNS is given them: a signing key with its id and the team's, or a private key with its certificate.
    pub fn read(credential: &str, principal: &str, team_id: Option<&str>) -> Result<Self, InvalidCredentials> {
        match team_id {
            Some(team_id) => {
                let is_id = |id: &str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
                if !is_id(principal) || !is_id(team_id) {
                    return Err(InvalidCredentials);
                }
                let key = Key::p256(credential)?;
                Ok(Self::Tokens(TokenKey { key, key_id: principal.to_owned(), team_id: team_id.to_owned() }))
            }
            None => {
                Certificate::read(principal, credential).map(|certificate| Self::Certificate(Arc::new(certificate)))
            }
        }
    }
}

impl TokenKey {
    /// A token that counts from this second on. Apple takes it for an hour, and wants no other one for twenty minutes.
    pub fn token(&self, now_secs: u64) -> Result<String, InvalidCredentials> {
        self.key.sign(Some(&self.key_id), &json!({ "iss": self.team_id, "iat": now_secs }))
    }
}

/// What stands beside a payload.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    /// The topic; token-based senders have to name it.
    pub topic: Option<&'a str>,
    /// alert, background, voip …; else what the payload says.
    pub push_type: Option<&'a str>,
    /// 1, 5 or 10; else what the type says.
    pub priority: Option<&'a str>,
    /// Later ones of the same id take the place of earlier ones.
    pub collapse_id: Option<&'a str>,
    /// The second at which Apple shall stop trying; 0: try once.
    pub expires_at_secs: Option<u64>,
    /// Calls: their own type, topic and size.
    pub is_voip: bool,
    /// Names the notification in Apple's answers; a UUID.
    pub id: String,
}

/// The payload that a plain text becomes.
pub fn plain(text: &str) -> String {
    json!({ "aps": { "alert": text } }).to_string()
}

/// Bytes that a payload may have.
pub fn bytes_max(is_voip: bool) -> usize {
    if is_voip { APNS_VOIP_BYTES_MAX } else { APNS_PUSH_BYTES_MAX }
}

/// The request that brings a payload to a device.
pub fn push(
    url: &str,
    device: &str,
    payload: &str,
    options: &Options<'_>,
    access: Result<&str, Arc<Certificate>>,
) -> Result<Push, InvalidEndpoint> {
    let endpoint = Endpoint::parse(&format!("{url}/3/device/{}", escaped(device)))?;
    let push_type = options.push_type.unwrap_or_else(|| push_type(payload, options.is_voip));
    let priority = options.priority.unwrap_or(if push_type == "background" { "5" } else { "10" });
    let mut headers = vec![
        ("apns-id", options.id.clone()),
        ("apns-push-type", push_type.to_owned()),
        ("apns-priority", priority.to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    headers.extend(options.topic.map(|topic| ("apns-topic", topic_of(topic, push_type))));
    headers.extend(options.collapse_id.map(|id| ("apns-collapse-id", id.to_owned())));
    headers.extend(options.expires_at_secs.map(|at| ("apns-expiration", at.to_string())));
    let certificate = match access {
        Ok(token) => {
            headers.push(("authorization", format!("bearer {token}")));
            None
        }
        Err(certificate) => Some(certificate),
    };
    Ok(Push { endpoint, headers, body: Bytes::copy_from_slice(payload.as_bytes()), certificate })
}

/// What a payload is, where nobody says: what shows or sounds nothing wakes the app in the background.
fn push_type(payload: &str, is_voip: bool) -> &'static str {
    if is_voip {
        return "voip";
    }
    let payload: Value = serde_json::from_str(payload).unwrap_or_default();
    let aps = payload.get("aps").and_then(Value::as_object);
    let has = |name: &str| aps.is_some_and(|aps| aps.contains_key(name));
    let wakes = aps.and_then(|aps| aps.get("content-available")).is_some_and(|value| *value == json!(1));
    if wakes && !["alert", "badge", "sound"].into_iter().any(has) { "background" } else { "alert" }
}

/// The topic of calls is the app's with a word behind it.
fn topic_of(topic: &str, push_type: &str) -> String {
    let suffix = if push_type == "voip" { ".voip" } else { "" };
    match topic.ends_with(suffix) {
        true => topic.to_owned(),
        false => format!("{topic}{suffix}"),
    }
}

/// What an answer means; nothing if the notification was taken.
pub fn judged(answer: &Answer) -> Option<Judged> {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let reason = body.get("reason").and_then(Value::as_str).unwrap_or_default();
    Some(match (answer.status, reason) {
        (200..=299, _) => return None,
        (410, _) | (400, "BadDeviceToken") => Judged::disabling(),
        (400, "DeviceTokenNotForTopic" | "MissingDeviceToken") => Judged::of(Fault::Token),
        (403, "ExpiredProviderToken" | "InvalidProviderToken") => Judged::renewing(),
        (400, "TopicDisallowed" | "BadTopic" | "MissingTopic" | "BadCertificate" | "BadCertificateEnvironment") => {
            Judged::of(Fault::Credentials)
        }
        (status, _) => Judged::by_status(status),
    })
}

#[cfg(test)]
mod tests {
    use super::super::jwt::tests::{p256, read};
    use super::*;

    fn header<'a>(push: &'a Push, name: &str) -> Option<&'a str> {
        push.headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    fn sent(payload: &str, options: &Options<'_>) -> Push {
        push("http://apns", "ab/..", payload, options, Ok("t")).unwrap()
    }

    #[test]
    fn a_push_says_what_it_is_unless_its_sender_does() {
        let alert = sent(&plain("hello"), &Options { topic: Some("com.app"), ..Options::default() });
        assert_eq!(alert.endpoint.target(), "/3/device/ab%2F..");
        let told = ["apns-push-type", "apns-priority", "apns-topic", "authorization", "apns-expiration"];
        let told = told.map(|name| header(&alert, name));
        assert_eq!(told, [Some("alert"), Some("10"), Some("com.app"), Some("bearer t"), None]);
        let silent = sent(r#"{"aps":{"content-available":1}}"#, &Options::default());
        assert_eq!(
            (header(&silent, "apns-push-type"), header(&silent, "apns-priority")),
            (Some("background"), Some("5"))
        );
        let both = sent(r#"{"aps":{"content-available":1,"alert":"x"}}"#, &Options::default());
        assert_eq!(header(&both, "apns-push-type"), Some("alert"));
        let call = sent("{}", &Options { topic: Some("com.app"), is_voip: true, ..Options::default() });
        assert_eq!(
            (header(&call, "apns-push-type"), header(&call, "apns-topic")),
            (Some("voip"), Some("com.app.voip"))
        );
        let own =
            Options { push_type: Some("mdm"), priority: Some("1"), expires_at_secs: Some(0), ..Options::default() };
        let own = sent("{}", &own);
        let told = ["apns-push-type", "apns-priority", "apns-expiration"].map(|name| header(&own, name));
        assert_eq!(told, [Some("mdm"), Some("1"), Some("0")]);
    }

    #[test]
    fn tokens_are_the_teams_and_name_their_key() {
        let (pem, public) = p256();
        let Ok(Credentials::Tokens(key)) = Credentials::read(&pem, "ABC123DEFG", Some("TEAM123456")) else {
            panic!("they are credentials")
        };
        let (header, claims) = read(&key.token(1_700_000_000).unwrap(), &public);
        assert_eq!(header["kid"], "ABC123DEFG");
        assert_eq!(claims, json!({ "iss": "TEAM123456", "iat": 1_700_000_000 }));
        assert!(!format!("{key:?}").contains("TEAM"), "keys show little of themselves");
        assert!(Credentials::read(&pem, "no id", Some("TEAM123456")).is_err());
        assert!(Credentials::read("x", "ABC123DEFG", Some("TEAM123456")).is_err());
        assert!(Credentials::read("x", "y", None).is_err());
    }

    #[test]
    fn answers_mean_what_apple_says() {
        let of = |status, reason: &str| judged(&Answer { status, body: format!(r#"{{"reason":"{reason}"}}"#) });
        assert_eq!(of(200, ""), None);
        for (status, reason) in [(410, "Unregistered"), (410, "ExpiredToken"), (400, "BadDeviceToken")] {
            assert!(
                of(status, reason).is_some_and(|judged| judged.disables && judged.fault == Fault::Token),
                "{reason}"
            );
        }
        assert!(of(400, "DeviceTokenNotForTopic").is_some_and(|judged| !judged.disables));
        assert!(of(403, "ExpiredProviderToken").is_some_and(|judged| judged.renews));
        let faults =
            [(413, "PayloadTooLarge"), (429, "TooManyRequests"), (500, ""), (503, "Shutdown"), (400, "BadTopic")];
        let faults = faults.map(|(status, reason)| of(status, reason).unwrap().fault);
        let expected =
            [Fault::Notification, Fault::Throttled, Fault::Unexpected, Fault::Unavailable, Fault::Credentials];
        assert_eq!(faults, expected);
    }
}
