//! Dead-letter queues of subscriptions: what could not be delivered goes there, with the reason beside it.
//!
//! Source: Developer Guide, "Amazon SNS dead-letter queues". The queue is of the topic's account and region, and its policy has to let
//! SNS send for the topic. Reasons stand in the message attributes `RequestID`, `ErrorCode` and `ErrorMessage`, as recorded answers of
//! AWS have them.

use crate::catalog::TopicEntry;
use crate::fanout::principal;
use crate::limits;
use crate::message::is_awss;
use crate::outbox::Hands;
use crate::receivers::Notice;
use crate::service::Inner;
use crate::topic::Pairs;
use crate::topic_key::{SubscriptionId, TopicKey};
use bytes::Bytes;
use gateway::{Letter, LetterAttribute, NotPut, Refused};
use names::{Arn, QueueName};
use serde_json::Value;

/// The attribute that names the queue.
pub(crate) const REDRIVE_POLICY: &str = "RedrivePolicy";

const TARGET: &str = "deadLetterTargetArn";

/// Checks a redrive policy that a subscription of the topic is to have; the sentence behind the attribute's name.
pub(crate) fn check(text: &str, topic: &TopicKey) -> Result<(), String> {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        return Err("failed to parse JSON.".to_owned());
    };
    if let Some(name) = members.keys().find(|name| **name != TARGET) {
        return Err(format!("invalid JSON. Attribute {name} is unknown."));
    }
    let arn = members.get(TARGET).and_then(Value::as_str).and_then(read);
    let arn = arn.ok_or_else(|| format!("{TARGET} is an invalid arn"))?;
    if arn.account != topic.account.as_str() || arn.region != topic.region.as_str() {
        return Err(format!("{TARGET} must be a queue of the topic's account and region"));
    }
    match (topic.name.ends_with(".fifo"), arn.resource.ends_with(".fifo")) {
        (true, false) => Err("must use a FIFO queue as DLQ for a FIFO topic".to_owned()),
        (false, true) => Err("must not use a FIFO queue as DLQ for a standard topic".to_owned()),
        _ => Ok(()),
    }
}

fn read(arn: &str) -> Option<Arn> {
    Arn::parse(arn).ok().filter(|arn| arn.service == "sqs" && QueueName::parse(&arn.resource).is_ok())
}

/// The dead-letter queue of a subscription with these attributes.
pub(crate) fn target(attributes: &Pairs) -> Option<Arn> {
    let policy: Value = serde_json::from_str(attributes.get(REDRIVE_POLICY)?).ok()?;
    read(policy.get(TARGET)?.as_str()?)
}

/// Why a letter was given up.
pub(crate) struct Reason {
    code: String,
    message: String,
}

impl Reason {
    /// A receiver's status, where there is one, and what it said or why it could not be asked.
    pub(crate) fn of(status: Option<u16>, said: &str) -> Self {
        let code = status.map_or_else(|| "0".to_owned(), |status| status.to_string());
        Self::new(code, said)
    }

    fn new(code: impl Into<String>, said: &str) -> Self {
        // An attribute is neither empty nor of characters that no queue takes.
        let is_text =
            |character: &char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}') && *character != '\u{7f}';
        let message: String = said.chars().filter(is_text).take(limits::REASON_LEN_MAX).collect();
        let message = if message.trim().is_empty() { "the receiver said nothing".to_owned() } else { message };
        Self { code: code.into(), message }
    }
}

impl From<&Refused> for Reason {
    fn from(refused: &Refused) -> Self {
        Self::new(refused.error.query_code, &refused.message)
    }
}

/// A letter as the dead-letter queue gets it: as its receiver would have, and the reason.
pub(crate) fn letter(notice: &Notice<'_>, is_raw: bool, reason: &Reason) -> Letter {
    let mut letter = if is_raw { raw(notice) } else { wrapped(notice) };
    add_reason(&mut letter, notice.id(), reason);
    letter
}

/// Puts the reason beside a message, as far as a message may have attributes.
pub(crate) fn add_reason(letter: &mut Letter, id: u128, reason: &Reason) {
    let request = SubscriptionId(id).show();
    for (name, value) in [("ErrorMessage", &reason.message), ("ErrorCode", &reason.code), ("RequestID", &request)] {
        if letter.attributes.len() < limits::ATTRIBUTES_MAX && letter.attributes.iter().all(|(known, _)| known != name)
        {
            letter.label(name, value.clone());
        }
    }
}

/// In its envelope, of which the message alone counts.
fn wrapped(notice: &Notice<'_>) -> Letter {
    let (body, members) = (text(&notice.envelope()), notice.members());
    let message = members.get("Message").and_then(Value::as_str).map_or(0, str::len);
    Letter { uncounted_bytes: body.len().saturating_sub(message), body, ..Letter::default() }
}

fn raw(notice: &Notice<'_>) -> Letter {
    let members = notice.members();
    let body = members.get("Message").and_then(Value::as_str).unwrap_or_default().to_owned();
    let attributes = members.get("MessageAttributes").and_then(Value::as_object);
    let attributes = attributes
        .into_iter()
        .flatten()
        .filter(|(name, _)| !is_awss(name))
        .filter_map(|(name, value)| Some((name.clone(), attribute(value)?)));
    Letter { body, attributes: attributes.collect(), ..Letter::default() }
}

fn attribute(value: &Value) -> Option<LetterAttribute> {
    let (data_type, value) = (value.get("Type")?.as_str()?.to_owned(), value.get("Value")?.as_str()?);
    let is_binary = data_type.split('.').next() == Some("Binary");
    let binary = if is_binary { Some(Bytes::from(base64_simd::STANDARD.decode_to_vec(value).ok()?)) } else { None };
    let text = (!is_binary).then(|| value.to_owned());
    Some(LetterAttribute { data_type, text, binary })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What became of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Kept,
    /// The queue is gone, or does not let SNS: the letter is lost, as in AWS.
    Refused,
    /// Nothing can be kept now.
    Later,
}

/// Puts a letter into a dead-letter queue, in the topic's name.
pub(crate) async fn put(inner: &Inner, hands: &Hands, topic: &TopicEntry, target: &Arn, letter: Letter) -> Sent {
    let caller = (hands.caller)(principal(topic), &topic.key.region);
    match inner.mailboxes.put(caller, target, letter).await {
        Ok(()) => Sent::Kept,
        Err(NotPut::Unavailable(_)) => Sent::Later,
        Err(NotPut::Refused(refused)) => {
            let (topic, queue) = (&*topic.arn, &target.resource);
            tracing::warn!(%topic, %queue, why = %refused.message, "a dead-letter queue does not take a message, which is lost");
            Sent::Refused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Kind;
    use names::{AccountId, Instant, Region};
    use queue::{Message, MessageId};

    fn topic(name: &str) -> TopicKey {
        TopicKey { account: AccountId::DEFAULT, region: Region::parse("us-east-1").unwrap(), name: name.into() }
    }

    fn words(arn: &str, topic_name: &str) -> Result<(), String> {
        check(&format!(r#"{{"deadLetterTargetArn":"{arn}"}}"#), &topic(topic_name))
    }

    #[test]
    fn a_redrive_policy_names_a_queue_of_the_topics_account_and_region() {
        assert_eq!(words("arn:aws:sqs:us-east-1:000000000000:dead", "t"), Ok(()));
        assert_eq!(words("arn:aws:sqs:us-east-1:000000000000:dead.fifo", "t.fifo"), Ok(()));
        for (arn, name) in [
            ("dead", "t"),
            ("arn:aws:sns:us-east-1:000000000000:dead", "t"),
            ("arn:aws:sqs:us-east-1:111111111111:dead", "t"),
            ("arn:aws:sqs:eu-west-1:000000000000:dead", "t"),
            ("arn:aws:sqs:us-east-1:000000000000:dead", "t.fifo"),
            ("arn:aws:sqs:us-east-1:000000000000:dead.fifo", "t"),
        ] {
            assert!(words(arn, name).is_err(), "{arn} of {name}");
        }
        assert_eq!(check("{", &topic("t")).unwrap_err(), "failed to parse JSON.");
        let unknown = check(r#"{"maxReceiveCount":1}"#, &topic("t")).unwrap_err();
        assert_eq!(unknown, "invalid JSON. Attribute maxReceiveCount is unknown.");
    }

    #[test]
    fn a_dead_letter_has_its_reason_beside_what_the_receiver_would_have_got() {
        let envelope = r#"{"Message":"hello","MessageAttributes":{"a":{"Type":"Binary","Value":"AAE="}}}"#;
        let bytes = Bytes::copy_from_slice(envelope.as_bytes());
        let message = Message::new(MessageId([0; 16]), Instant::EPOCH, envelope.len() as u32, bytes);
        let notice = Notice { kind: Kind::Notification, message: &message };
        let wrapped = letter(&notice, false, &Reason::of(Some(404), "not here\u{0}"));
        assert_eq!((wrapped.body.as_str(), wrapped.attributes.len()), (envelope, 3));
        assert_eq!(wrapped.attributes[0].1.text.as_deref(), Some("not here"));
        let said: usize =
            wrapped.attributes.iter().map(|(name, value)| name.len() + 6 + value.text.as_ref().unwrap().len()).sum();
        assert_eq!(wrapped.uncounted_bytes, envelope.len() - "hello".len() + said, "the message alone is its size");
        let raw = letter(&notice, true, &Reason::of(None, ""));
        assert_eq!((raw.body.as_str(), raw.attributes.len()), ("hello", 4));
        assert_eq!(raw.attributes[0].1.binary.as_deref(), Some(&[0, 1][..]));
        assert_eq!(raw.attributes[1].1.text.as_deref(), Some("the receiver said nothing"));
    }

    #[test]
    fn a_message_with_all_its_attributes_keeps_them() {
        let attribute = LetterAttribute { data_type: "String".into(), text: Some("x".into()), binary: None };
        let attributes = (0..9).map(|nth| (nth.to_string(), attribute.clone())).collect();
        let mut letter = Letter { attributes, ..Letter::default() };
        add_reason(&mut letter, 0, &Reason::of(Some(500), "why"));
        assert_eq!(
            (letter.attributes.len(), letter.attributes[9].0.as_str()),
            (limits::ATTRIBUTES_MAX, "ErrorMessage")
        );
    }
}
