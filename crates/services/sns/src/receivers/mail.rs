//! Receivers by mail: a message as people read it, or its envelope, and links that confirm and end a subscription.
//!
//! Source: Developer Guide, "Email notifications"; the API reference of Subscribe for the protocols `email` and `email-json`.

use super::{Addressee, Notice};
use crate::outbox::Kind;
use crate::topic::Protocol;
use crate::topic_key::SubscriptionId;
use delivery::{Failed, Mail, Mailbox};
use names::Instant;
use serde_json::{Map, Value};
use wire::Timestamp;

/// Who a mail is from where the topic has no display name.
const FROM_NAME: &str = "AWS Notifications";

/// What a mail is about that has no subject of its own.
const SUBJECT: &str = "AWS Notification Message";
const CONFIRMATION_SUBJECT: &str = "AWS Notification - Subscription Confirmation";
const END_SUBJECT: &str = "AWS Notification - Unsubscribe Confirmation";

/// The mail that brings a letter.
pub(super) fn written(to: &Addressee<'_>, notice: &Notice<'_>) -> Result<Mail, Failed> {
    let members = notice.members();
    let address = Mailbox::parse(&to.subscription.endpoint);
    let address = address.ok_or_else(|| Failed::Forbidden("its endpoint is no address of mail".into()))?;
    let unsubscribe = text(&members, "UnsubscribeURL");
    let (subject, body) = match (notice.kind, to.subscription.protocol) {
        (Kind::SubscriptionConfirmation, Protocol::EmailJson) => (CONFIRMATION_SUBJECT.to_owned(), envelope(notice)),
        (Kind::SubscriptionConfirmation, _) => (CONFIRMATION_SUBJECT.to_owned(), question(to.topic, &members)),
        (Kind::UnsubscribeConfirmation, Protocol::EmailJson) => (END_SUBJECT.to_owned(), envelope(notice)),
        (Kind::UnsubscribeConfirmation, _) => (END_SUBJECT.to_owned(), farewell(to.topic, &members)),
        (_, Protocol::EmailJson) => (SUBJECT.to_owned(), envelope(notice)),
        _ => (text(&members, "Subject").unwrap_or_else(|| SUBJECT.to_owned()), message(&members)),
    };
    Ok(Mail {
        to: address,
        from_name: to.display_name.filter(|name| !name.is_empty()).unwrap_or(FROM_NAME).to_owned(),
        subject,
        body,
        id: format!("{}.{}", SubscriptionId(notice.id()).show(), to.subscription.id.show()),
        date: date(notice.message.sent_at),
        unsubscribe,
    })
}

fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    members.get(name).and_then(Value::as_str).map(str::to_owned)
}

fn envelope(notice: &Notice<'_>) -> String {
    String::from_utf8_lossy(&notice.envelope()).into_owned()
}

fn question(topic: &str, members: &Map<String, Value>) -> String {
    let link = text(members, "SubscribeURL").unwrap_or_default();
    format!(
        "You have chosen to subscribe to the topic:\n{topic}\n\nTo confirm this subscription, visit the link below (if this was in \
         error, no action is necessary):\n{link}\n"
    )
}

fn farewell(topic: &str, members: &Map<String, Value>) -> String {
    let link = text(members, "SubscribeURL").unwrap_or_default();
    format!(
        "Your subscription to the topic below has been deleted:\n{topic}\n\nIf this was in error, visit the link below to subscribe \
         again:\n{link}\n"
    )
}

fn message(members: &Map<String, Value>) -> String {
    let message = text(members, "Message").unwrap_or_default();
    match text(members, "UnsubscribeURL") {
        None => message,
        Some(link) => {
            format!(
                "{message}\n\n--\nTo stop receiving notifications from this topic, visit the link below to unsubscribe:\n{link}\n"
            )
        }
    }
}

/// A moment as RFC 5322 writes it.
fn date(at: Instant) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // The epoch was a Thursday.
    let weekday = DAYS[(at.as_secs() / 86_400 % 7) as usize];
    let text = Timestamp::from_millis((at.as_secs() * 1000).cast_signed()).to_string();
    let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
    let month = part(5..7).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    format!("{weekday}, {} {} {} {} +0000", part(8..10), month.unwrap_or(&"Jan"), part(0..4), part(11..19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_as_mail_has_it() {
        assert_eq!(date(Instant::from_millis(1_700_000_000_005)), "Tue, 14 Nov 2023 22:13:20 +0000");
        assert_eq!(date(Instant::EPOCH), "Thu, 01 Jan 1970 00:00:00 +0000");
    }

    #[test]
    fn a_message_ends_with_a_link_that_ends_the_subscription() {
        let members = serde_json::json!({ "Message": "hello", "UnsubscribeURL": "http://x/?a" });
        let body = message(members.as_object().unwrap());
        assert!(body.starts_with("hello\n\n--\n") && body.contains("http://x/?a"));
    }
}
