//! What of a message a platform is sent: the publisher's own JSON for it, or a text in the platform's simplest form.

use super::limits::{ADM_BYTES_MAX, FCM_BYTES_MAX};
use super::platform::Platform;
use crate::refusal::Refusal;
use delivery::push::{adm, apns, fcm};
use serde_json::Value;

/// The payload of a body. `is_own` says that the publisher wrote it for this platform.
pub(crate) fn of(platform: Platform, body: &str, is_own: bool) -> String {
    match (is_own, platform) {
        (true, _) => body.to_owned(),
        (false, Platform::Adm) => adm::plain(body),
        (false, Platform::Gcm) => fcm::plain(body),
        (false, _) => apns::plain(body),
    }
}

/// Whether a platform can be sent a body at all.
pub(crate) fn check(platform: Platform, body: &str, is_own: bool) -> Result<(), Refusal> {
    let wrong = |why: &str| {
        let why = format!("Message Reason: Invalid notification for protocol {}: {why}", platform.name());
        Err(Refusal::invalid(why))
    };
    if is_own && !matches!(serde_json::from_str(body), Ok(Value::Object(_))) {
        return wrong("Notification is malformed");
    }
    let (most, why) = match platform {
        Platform::Gcm => (FCM_BYTES_MAX, "Notification data is larger than allowed limit"),
        Platform::Adm => (ADM_BYTES_MAX, "Notification is too long"),
        platform => (apns::bytes_max(platform.is_voip()), "Notification is too long"),
    };
    if of(platform, body, is_own).len() > most { wrong(why) } else { Ok(()) }
}

/// What of a structured message is a platform's, and whether it was written for it.
pub(crate) fn chosen(structured: &str, platform: Platform) -> Result<(String, bool), Refusal> {
    let Ok(Value::Object(bodies)) = serde_json::from_str(structured) else {
        return Err(Refusal::invalid("Message Structure - JSON message body failed to parse"));
    };
    let get = |name: &str| bodies.get(name).and_then(Value::as_str).map(str::to_owned);
    let own = get(platform.name()).map(|own| (own, true));
    own.or_else(|| get("default").map(|default| (default, false)))
        .ok_or_else(|| Refusal::invalid(format!("JSON must contain an entry for 'default' or '{}'.", platform.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_put_as_its_platform_has_it_and_json_goes_as_it_is() {
        assert_eq!(of(Platform::ApnsVoip, "hi", false), r#"{"aps":{"alert":"hi"}}"#);
        assert_eq!(of(Platform::Gcm, "hi", false), r#"{"data":{"default":"hi"}}"#);
        assert_eq!(of(Platform::Adm, r#"{"a":1}"#, true), r#"{"a":1}"#);
    }

    #[test]
    fn what_no_platform_takes_is_refused_in_awss_words() {
        let words = |platform, body: &str, own| check(platform, body, own).unwrap_err().message.into_owned();
        let begin = "Invalid parameter: Message Reason: Invalid notification for protocol";
        let long = "x".repeat(5000);
        assert_eq!(words(Platform::Apns, &long, false), format!("{begin} APNS: Notification is too long"));
        assert!(check(Platform::ApnsVoip, &long, false).is_ok());
        let gcm = format!("{begin} GCM: Notification data is larger than allowed limit");
        assert_eq!(words(Platform::Gcm, &long, false), gcm);
        assert_eq!(words(Platform::Macos, "no json", true), format!("{begin} MACOS: Notification is malformed"));
        let none = chosen(r#"{"GCM":"{}"}"#, Platform::Apns).unwrap_err().message.into_owned();
        assert_eq!(none, "Invalid parameter: JSON must contain an entry for 'default' or 'APNS'.");
        assert_eq!(chosen(r#"{"GCM":"{}","default":"d"}"#, Platform::Gcm), Ok(("{}".into(), true)));
        assert_eq!(chosen(r#"{"GCM":"{}","default":"d"}"#, Platform::Adm), Ok(("d".into(), false)));
    }
}
