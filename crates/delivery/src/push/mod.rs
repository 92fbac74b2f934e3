//! Mobile push: what Apple's, Google's and Amazon's services want to be sent, and what their answers mean.
//!
//! In: a device's token, a payload, an application's credentials. Out: requests ([`Push`] for APNs, which speaks HTTP/2 alone;
//! [`Post`](crate::Post) for the others) and the [`Fault`] of an answer. All of it is pure but [`Http2`], which brings a [`Push`].
//! Sources: Apple, "Sending notification requests to APNs" and "Establishing a token-based connection"; Firebase, "projects.messages" and
//! "ErrorCode"; Amazon, "Send a message" of ADM; AWS, "Using Google Firebase Cloud Messaging v1 payloads in Amazon SNS".

pub mod adm;
pub mod apns;
mod certificate;
pub mod fcm;
mod http2;
mod jwt;

pub use certificate::Certificate;
pub use http2::{Http2, Http2Options, Spawn};

use crate::endpoint::Endpoint;
use crate::transport::Answering;
use bytes::Bytes;
use std::sync::Arc;

/// Brings pushes over HTTP/2.
pub trait Pushes: Send + Sync + 'static {
    /// One POST, tried once.
    fn push(&self, push: Push) -> Answering;
}

/// One POST over HTTP/2.
#[derive(Debug, Clone)]
pub struct Push {
    /// Where to. Without TLS it is HTTP/2 by prior knowledge.
    pub endpoint: Endpoint,
    /// Headers beside those that every request has. Names are in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// What the connection proves who sends with, where no header does.
    pub certificate: Option<Arc<Certificate>>,
}

/// What is wrong, as AWS tells an application's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The device's token is none, or none any more.
    Token,
    /// The notification is not as the service wants it.
    Notification,
    /// The application's credentials do not hold.
    Credentials,
    /// Too many in too short a time.
    Throttled,
    /// The service is not there.
    Unavailable,
    /// The service failed.
    Unexpected,
}

impl Fault {
    /// The FailureType of AWS's event.
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "InvalidPlatformToken",
            Self::Notification => "InvalidNotification",
            Self::Credentials => "InvalidCredentials",
            Self::Throttled => "Throttled",
            Self::Unavailable => "DependencyUnavailable",
            Self::Unexpected => "UnexpectedFailure",
        }
    }

    /// The FailureMessage of AWS's event, of a platform.
    pub fn message(self, platform: &str) -> String {
        match self {
            Self::Token => "Platform token associated with the endpoint is not valid".to_owned(),
            Self::Notification => "Notification body is invalid".to_owned(),
            Self::Credentials => "Platform application credentials are not valid".to_owned(),
            Self::Throttled => format!("Request throttled by [{}]", platform.to_lowercase()),
            Self::Unavailable => "Dependency is not available".to_owned(),
            Self::Unexpected => "Unexpected failure".to_owned(),
        }
    }
}

/// What the answer of a service comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// What is wrong.
    pub fault: Fault,
    /// Whether the device is gone for good, so that nothing more shall be sent to it.
    pub disables: bool,
    /// Whether the access token is what was refused, and another one may do.
    pub renews: bool,
}

impl Judged {
    const fn of(fault: Fault) -> Self {
        Self { fault, disables: false, renews: false }
    }

    const fn disabling() -> Self {
        Self { disables: true, ..Self::of(Fault::Token) }
    }

    const fn renewing() -> Self {
        Self { renews: true, ..Self::of(Fault::Credentials) }
    }

    /// What a status says by itself.
    fn by_status(status: u16) -> Self {
        Self::of(match status {
            401 | 403 => Fault::Credentials,
            429 => Fault::Throttled,
            503 => Fault::Unavailable,
            500..=599 => Fault::Unexpected,
            _ => Fault::Notification,
        })
    }
}

/// Credentials are none that their service could know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCredentials;

/// A text as a part of a path, or of a form.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// An access token out of an OAuth 2.0 answer (RFC 6749, 5.1), and the seconds for which it counts.
fn granted(body: &str) -> Option<(String, u64)> {
    let answer: serde_json::Value = serde_json::from_str(body).ok()?;
    let token = answer.get("access_token")?.as_str()?;
    let is_header = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let secs = answer.get("expires_in").and_then(serde_json::Value::as_u64).unwrap_or(0);
    is_header.then(|| (token.to_owned(), secs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_a_token_that_a_header_can_hold() {
        assert_eq!(granted(r#"{"access_token":"a.b","expires_in":3600}"#), Some(("a.b".into(), 3600)));
        assert_eq!(granted(r#"{"access_token":"a"}"#), Some(("a".into(), 0)));
        for wrong in ["", "{}", r#"{"access_token":""}"#, r#"{"access_token":"a\r\nb"}"#, r#"{"access_token":7}"#] {
            assert_eq!(granted(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_token_takes_no_other_path() {
        assert_eq!(escaped("a/../b?c"), "a%2F..%2Fb%3Fc");
    }
}
