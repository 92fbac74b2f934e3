//! Envelopes are as AWS's, and their signatures are of what they say.

use super::*;
use crate::message::Draft;
use crate::signing::tests::{is_of, key};

const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:t";

fn message(body: &str, subject: Option<&str>, structure: Option<&str>) -> Message {
    let (subject, structure) = (subject.map(str::to_owned), structure.map(str::to_owned));
    let attributes = Vec::new();
    Message::new(Draft { message: body.into(), subject, structure, attributes, group: None, deduplication: None })
        .unwrap()
}

fn notification(signer: Option<(&SigningKey, SignatureVersion)>) -> Notification<'_> {
    let (at, base) = ("2023-11-14T22:13:20.005Z".to_owned(), "http://localhost:4566".to_owned());
    Notification { id: "id", topic: TOPIC, at, base, signer, sequence: None, is_replayed: false }
}

fn shown(message: &Message, notification: Notification<'_>) -> Value {
    let text = Envelopes::new(message, notification).to("sqs", &format!("{TOPIC}:1")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn members_stand_in_awss_order() {
    let (key, message) = (key(), message("say \"hello\"", Some("news"), None));
    let envelope = shown(&message, notification(Some((&key, SignatureVersion::One))));
    let names: Vec<&str> = envelope.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
    ];
    assert_eq!(names, expected);
    let url = format!("http://localhost:4566/?Action=Unsubscribe&SubscriptionArn={TOPIC}:1");
    assert_eq!((&envelope["UnsubscribeURL"], &envelope["Message"]), (&url.into(), &"say \"hello\"".into()));
}

#[test]
fn the_signature_is_of_the_members_that_aws_signs() {
    let key = key();
    for (version, subject) in [(SignatureVersion::One, Some("news")), (SignatureVersion::Two, None)] {
        let envelope = shown(&message("a\nb", subject, None), notification(Some((&key, version))));
        let subject = subject.map_or_else(String::new, |subject| format!("Subject\n{subject}\n"));
        let text = format!(
            "Message\na\nb\nMessageId\nid\n{subject}Timestamp\n2023-11-14T22:13:20.005Z\nTopicArn\n{TOPIC}\nType\nNotification\n"
        );
        assert!(is_of(version, &text, envelope["Signature"].as_str().unwrap()), "{version:?}");
        assert_eq!(envelope["SignatureVersion"], version.name());
        assert_eq!(envelope["SigningCertURL"], format!("http://localhost:4566/{}", key.certificate_file()));
    }
}

#[test]
fn a_fifo_topics_messages_have_a_number_and_no_signature() {
    let numbered = Notification { sequence: Some("10000000000000000000"), ..notification(None) };
    let envelope = shown(&message("x", None, None), numbered);
    let names: Vec<&str> = envelope.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["Type", "MessageId", "SequenceNumber", "TopicArn", "Message", "Timestamp", "UnsubscribeURL"]);
}

#[test]
fn subscriptions_of_one_body_share_a_signature() {
    let (key, message) = (key(), message("x", None, None));
    let mut envelopes = Envelopes::new(&message, notification(Some((&key, SignatureVersion::One))));
    let (one, two) = (envelopes.to("sqs", "a").unwrap(), envelopes.to("sqs", "b").unwrap());
    assert_eq!(one.replace("SubscriptionArn=a", "SubscriptionArn=b"), two);
    assert_eq!(envelopes.made.len(), 1);
}

#[test]
fn what_xml_forbids_is_escaped() {
    let message = message("\u{1}\u{fffe}x\u{ffff}", None, None);
    let mut envelopes = Envelopes::new(&message, notification(None));
    let text = envelopes.to("sqs", "a").unwrap();
    assert!(text.contains(r"\u0001\ufffex\uffff") && !text.contains('\u{ffff}'));
}
