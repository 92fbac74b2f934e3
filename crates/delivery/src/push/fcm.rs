//! Google's service: `POST /v1/projects/<project>/messages:send`, by an access token for a service account.
//!
//! A payload is either one of today's (`fcmV1Message`), which goes out as it is, or one of the old API, which becomes one of today's as
//! SNS does it. Source: AWS, "Using Google Firebase Cloud Messaging v1 payloads in Amazon SNS"; Firebase, "ErrorCode"; Google, "Using OAuth
//! 2.0 for Server to Server Applications".

use super::jwt::Key;
use super::{Fault, InvalidCredentials, Judged, escaped};
use crate::endpoint::{Endpoint, InvalidEndpoint};
use crate::transport::{Answer, Post};
use serde_json::{Map, Value, json};
use std::fmt;

/// Where the service is, and where its tokens come from.
pub const URL: &str = "https://fcm.googleapis.com";
/// See [`URL`].
pub const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
/// How long an access token is asked for: the most that Google gives.
const GRANT_SECS: u64 = 3600;

/// A service account that may send.
pub struct Account {
    project: String,
    email: String,
    key_id: Option<String>,
    key: Key,
}

impl Account {
    /// Reads a service account's JSON. The address for tokens in it counts for nothing: the operator says where they come from.
    pub fn read(text: &str) -> Result<Self, InvalidCredentials> {
        let members: Value = serde_json::from_str(text).map_err(|_| InvalidCredentials)?;
        let member = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let needed = |name| member(name).map(str::to_owned).ok_or(InvalidCredentials);
        Ok(Self {
            project: needed("project_id")?,
            email: needed("client_email")?,
            key_id: member("private_key_id").map(str::to_owned),
            key: Key::rsa(&needed("private_key")?)?,
        })
    }

    /// The request for an access token.
    pub fn grant(&self, token_url: &str, now_secs: u64) -> Result<Post, InvalidCredentials> {
        let claims = json!({
            "iss": self.email, "scope": SCOPE, "aud": token_url, "iat": now_secs, "exp": now_secs + GRANT_SECS,
        });
        let assertion = self.key.sign(self.key_id.as_deref(), &claims)?;
        let body = format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}");
        Ok(Post {
            endpoint: Endpoint::parse(token_url).map_err(|_| InvalidCredentials)?,
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: body.into(),
            is_operators: true,
        })
    }

    /// The request that sends a message.
    pub fn post(&self, url: &str, message: &Value, token: &str) -> Result<Post, InvalidEndpoint> {
        Ok(Post {
            endpoint: Endpoint::parse(&format!("{url}/v1/projects/{}/messages:send", escaped(&self.project)))?,
            headers: vec![
                ("authorization", format!("Bearer {token}")),
                ("content-type", "application/json; charset=utf-8".to_owned()),
            ],
            body: message.to_string().into(),
            is_operators: true,
        })
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Account({})", self.project)
    }
}

/// The token of an answer, and the seconds for which it counts.
pub fn granted(answer: &Answer) -> Option<(String, u64)> {
    super::granted(&answer.body)
}

/// The payload that a plain text becomes.
pub fn plain(text: &str) -> String {
    json!({ "data": { "default": text } }).to_string()
}

/// What is sent of a payload to a device. `ttl_secs` is Android's alone.
pub fn message(payload: &str, device: &str, ttl_secs: Option<u64>) -> Value {
    let payload: Map<String, Value> = serde_json::from_str(payload).unwrap_or_default();
    let mut sent = match payload.get("fcmV1Message") {
        Some(given) => given.clone(),
        None => json!({ "message": translated(&payload) }),
    };
    if !sent["message"].is_object() {
        sent = json!({ "message": {} });
    }
    sent["message"]["token"] = device.into();
    if let Some(secs) = ttl_secs {
        if !sent["message"]["android"].is_object() {
            sent["message"]["android"] = json!({});
        }
        sent["message"]["android"]["ttl"] = format!("{secs}s").into();
    }
    sent
}

/// Under which names a member of the old `notification` stands for Android.
const ANDROID: &[(&str, &str)] = &[
    ("title", "title"),
    ("body", "body"),
    ("icon", "icon"),
    ("color", "color"),
    ("sound", "sound"),
    ("tag", "tag"),
    ("image", "image"),
    ("click_action", "click_action"),
    ("android_channel_id", "channel_id"),
    ("body_loc_key", "body_loc_key"),
    ("body_loc_args", "body_loc_args"),
    ("title_loc_key", "title_loc_key"),
    ("title_loc_args", "title_loc_args"),
];

/// The same for Apple's `alert`.
const ALERT: &[(&str, &str)] = &[
    ("title", "title"),
    ("body", "body"),
    ("title_loc_key", "title-loc-key"),
    ("title_loc_args", "title-loc-args"),
    ("body_loc_key", "loc-key"),
    ("body_loc_args", "loc-args"),
];

/// The same for browsers.
const WEB: &[(&str, &str)] = &[("title", "title"), ("body", "body"), ("icon", "icon"), ("tag", "tag")];

/// A message of the old API as one of today's.
fn translated(old: &Map<String, Value>) -> Value {
    let empty = Map::new();
    let notification = old.get("notification").and_then(Value::as_object).unwrap_or(&empty);
    let data = old.get("data").and_then(Value::as_object).map(texts).filter(|data| !data.is_empty());
    let mut message = Map::new();
    add(&mut message, "notification", renamed(notification, &[("title", "title"), ("body", "body")]));
    message.insert("android".into(), android(old, notification, data.as_ref()).into());
    add(&mut message, "apns", apns(old, notification));
    let mut web = Map::new();
    let mut shown = renamed(notification, WEB);
    shown.extend(
        notification.get("badge").filter(|badge| badge.is_string()).map(|badge| ("badge".into(), badge.clone())),
    );
    add(&mut web, "notification", shown);
    add(&mut web, "data", data.clone().unwrap_or_default());
    add(&mut message, "webpush", web);
    add(&mut message, "data", data.unwrap_or_default());
    message.into()
}

fn android(
    old: &Map<String, Value>,
    notification: &Map<String, Value>,
    data: Option<&Map<String, Value>>,
) -> Map<String, Value> {
    let mut android = Map::new();
    let priority = old.get("priority").and_then(Value::as_str).unwrap_or("high");
    android.insert("priority".into(), priority.into());
    add(&mut android, "notification", renamed(notification, ANDROID));
    add(&mut android, "data", data.cloned().unwrap_or_default());
    for name in ["collapse_key", "restricted_package_name"] {
        android.extend(old.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    if let Some(secs) = old.get("time_to_live").and_then(Value::as_u64) {
        android.insert("ttl".into(), format!("{secs}s").into());
    }
    android
}

fn apns(old: &Map<String, Value>, notification: &Map<String, Value>) -> Map<String, Value> {
    let mut aps = Map::new();
    add(&mut aps, "alert", renamed(notification, ALERT));
    aps.extend(renamed(notification, &[("click_action", "category"), ("sound", "sound")]));
    aps.extend(notification.get("badge").filter(|badge| badge.is_u64()).map(|badge| ("badge".into(), badge.clone())));
    for (from, to) in [("content_available", "content-available"), ("mutable_content", "mutable-content")] {
        if old.get(from) == Some(&Value::Bool(true)) {
            aps.insert(to.into(), 1.into());
        }
    }
    let mut apns = Map::new();
    if !aps.is_empty() {
        apns.insert("payload".into(), json!({ "aps": aps }));
    }
    apns
}

fn add(to: &mut Map<String, Value>, name: &str, members: Map<String, Value>) {
    if !members.is_empty() {
        to.insert(name.into(), members.into());
    }
}

fn renamed(from: &Map<String, Value>, names: &[(&str, &str)]) -> Map<String, Value> {
    names.iter().filter_map(|(old, new)| Some(((*new).to_owned(), from.get(*old)?.clone()))).collect()
}

/// Data is text today; what was a number or more in the old API is written out.
fn texts(data: &Map<String, Value>) -> Map<String, Value> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    data.iter().map(|(name, value)| (name.clone(), text(value).into())).collect()
}

/// What an answer means; nothing if the message was taken.
pub fn judged(answer: &Answer) -> Option<Judged> {
    if (200..=299).contains(&answer.status) {
        return None;
    }
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let error = &body["error"];
    let details = error["details"].as_array().into_iter().flatten();
    // The service's own code says more than the status beside it.
    let code = details.filter_map(|detail| detail["errorCode"].as_str()).next();
    Some(match code.or(error["status"].as_str()).unwrap_or_default() {
        "UNREGISTERED" => Judged::disabling(),
        "SENDER_ID_MISMATCH" => Judged::of(Fault::Token),
        "INVALID_ARGUMENT" | "PERMISSION_DENIED" => Judged::of(Fault::Notification),
        "THIRD_PARTY_AUTH_ERROR" => Judged::of(Fault::Credentials),
        "UNAUTHENTICATED" => Judged::renewing(),
        "QUOTA_EXCEEDED" | "RESOURCE_EXHAUSTED" => Judged::of(Fault::Throttled),
        "UNAVAILABLE" => Judged::of(Fault::Unavailable),
        "INTERNAL" => Judged::of(Fault::Unexpected),
        _ if answer.status == 401 => Judged::renewing(),
        _ => Judged::by_status(answer.status),
    })
}

#[cfg(test)]
mod tests {
    use super::super::jwt::tests::{read, rsa};
    use super::*;

    #[test]
    fn an_old_payload_is_translated_as_awss_guide_shows_it() {
        let old = r#"{"notification":{"title":"t","body":"b","android_channel_id":"c","body_loc_args":["a"],"body_loc_key":"k",
            "click_action":"go","color":"red","icon":"i","sound":"s","tag":"g","title_loc_args":["z"],"title_loc_key":"l"},
            "data":{"message":"priority message","count":3}}"#;
        let data = json!({ "message": "priority message", "count": "3" });
        let expected = json!({ "message": {
            "notification": { "title": "t", "body": "b" },
            "android": {
                "priority": "high",
                "notification": {
                    "title": "t", "body": "b", "icon": "i", "color": "red", "sound": "s", "tag": "g", "click_action": "go",
                    "channel_id": "c", "body_loc_key": "k", "body_loc_args": ["a"], "title_loc_key": "l", "title_loc_args": ["z"],
                },
                "data": data,
            },
            "apns": { "payload": { "aps": {
                "alert": { "title": "t", "body": "b", "title-loc-key": "l", "title-loc-args": ["z"], "loc-key": "k", "loc-args": ["a"] },
                "category": "go", "sound": "s",
            } } },
            "webpush": { "notification": { "title": "t", "body": "b", "icon": "i", "tag": "g" }, "data": data },
            "data": data,
            "token": "device",
        } });
        assert_eq!(message(old, "device", None), expected);
    }

    #[test]
    fn a_badge_goes_where_its_sort_is_taken_and_a_time_to_live_to_android_alone() {
        let number = message(r#"{"notification":{"badge":5},"time_to_live":9}"#, "d", None);
        assert_eq!(number["message"]["apns"]["payload"]["aps"]["badge"], 5);
        assert_eq!(number["message"].get("webpush"), None);
        assert_eq!(number["message"]["android"]["ttl"], "9s");
        let text = message(r#"{"notification":{"badge":"b"},"content_available":true}"#, "d", Some(60));
        assert_eq!(text["message"]["webpush"]["notification"]["badge"], "b");
        assert_eq!(text["message"]["apns"]["payload"]["aps"], json!({ "content-available": 1 }));
        assert_eq!(text["message"]["android"]["ttl"], "60s");
    }

    #[test]
    fn a_payload_of_today_goes_out_as_it_is() {
        let given = r#"{"fcmV1Message":{"validate_only":true,"message":{"data":{"a":"b"},"token":"another"}}}"#;
        let expected = json!({ "validate_only": true, "message": { "data": { "a": "b" }, "token": "device" } });
        assert_eq!(message(given, "device", None), expected);
        assert_eq!(message(&plain("x"), "d", None)["message"]["data"], json!({ "default": "x" }));
        assert_eq!(message("no json", "d", None)["message"]["token"], "d");
    }

    #[test]
    fn an_account_asks_for_a_token_where_the_operator_says() {
        let (pem, public) = rsa();
        let text = json!({
            "type": "service_account", "project_id": "p/1", "private_key_id": "k", "private_key": pem, "client_email": "me@x",
            "token_uri": "http://169.254.169.254/",
        });
        let account = Account::read(&text.to_string()).unwrap();
        let asked = account.grant("http://tokens/token", 1_700_000_000).unwrap();
        assert_eq!(asked.endpoint.host(), "tokens");
        let body = std::str::from_utf8(&asked.body).unwrap();
        let (header, claims) = read(body.rsplit_once("assertion=").unwrap().1, &public);
        assert_eq!(header["kid"], "k");
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("me@x"), &json!("http://tokens/token")));
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
        let sent = account.post("http://fcm", &json!({}), "t").unwrap();
        assert_eq!(sent.endpoint.target(), "/v1/projects/p%2F1/messages:send");
        assert!(!format!("{account:?}").contains("BEGIN"));
        for wrong in ["", "{}", "api-key", r#"{"project_id":"p","client_email":"e","private_key":"x"}"#] {
            assert!(Account::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn answers_mean_what_awss_table_says() {
        let of = |status, error: &str, code: Option<&str>| {
            let details = code.map(|code| json!([{ "errorCode": code }])).unwrap_or_default();
            judged(&Answer { status, body: json!({ "error": { "status": error, "details": details } }).to_string() })
        };
        assert_eq!(of(200, "", None), None);
        assert!(of(404, "NOT_FOUND", Some("UNREGISTERED")).is_some_and(|judged| judged.disables));
        assert!(of(401, "UNAUTHENTICATED", None).is_some_and(|judged| judged.renews));
        let table = [
            (400, "INVALID_ARGUMENT", None, Fault::Notification),
            (403, "PERMISSION_DENIED", Some("SENDER_ID_MISMATCH"), Fault::Token),
            (403, "PERMISSION_DENIED", None, Fault::Notification),
            (401, "UNAUTHENTICATED", Some("THIRD_PARTY_AUTH_ERROR"), Fault::Credentials),
            (429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), Fault::Throttled),
            (503, "UNAVAILABLE", None, Fault::Unavailable),
            (500, "INTERNAL", None, Fault::Unexpected),
        ];
        for (status, error, code, fault) in table {
            let judged = of(status, error, code).unwrap();
            assert_eq!((judged.fault, judged.disables), (fault, false), "{error} {code:?}");
        }
    }
}
