//! What of a message each receiver gets, and what is refused.

use super::*;

fn draft(message: &str) -> Draft {
    Draft {
        message: message.into(),
        subject: None,
        structure: None,
        attributes: Vec::new(),
        group: None,
        deduplication: None,
    }
}

fn attribute(
    data_type: &str,
    text: Option<&str>,
    binary: Option<&'static [u8]>,
) -> Vec<(String, MessageAttributeValue)> {
    let value = MessageAttributeValue {
        data_type: data_type.into(),
        string_value: text.map(str::to_owned),
        binary_value: binary.map(Bytes::from_static),
    };
    vec![("a".into(), value)]
}

fn words(draft: Draft) -> String {
    Message::new(draft).err().expect("it is refused").message.into_owned()
}

#[test]
fn binary_attributes_are_shown_in_base64_and_times_with_milliseconds() {
    let message =
        Message::new(Draft { attributes: attribute("Binary", None, Some(b"\x00\x01")), ..draft("x") }).unwrap();
    assert_eq!(Value::from(message.shown_attributes()), json!({ "a": { "Type": "Binary", "Value": "AAE=" } }));
    assert_eq!(show_time(Instant::from_millis(1_700_000_000_005)), "2023-11-14T22:13:20.005Z");
    assert!(message.wrapped("{}".into()).attributes.is_empty(), "they stand in the envelope");
}

#[test]
fn a_raw_letter_is_the_message_with_its_attributes() {
    let message = Message::new(Draft { attributes: attribute("Number.x", Some("7"), None), ..draft("hello") }).unwrap();
    let letter = message.raw(Protocol::Sqs);
    assert_eq!((letter.body.as_str(), letter.attributes[0].1.data_type.as_str()), ("hello", "Number.x"));
    assert_eq!(message.bytes, 5 + 1 + 8 + 1);
}

#[test]
fn a_structure_has_a_body_for_each_protocol_and_a_default() {
    let json = |text: &str| Draft { structure: Some("json".into()), ..draft(text) };
    let body = |text| Message::new(json(text)).unwrap().raw(Protocol::Sqs).body;
    assert_eq!(body(r#"{"default":"d","sqs":"s"}"#), "s");
    assert_eq!(body(r#"{"default":"d","http":"h"}"#), "d");
    assert_eq!(words(json("{}")), "Invalid parameter: Message Structure - No default entry in JSON message body");
    assert_eq!(words(json("x")), "Invalid parameter: Message Structure - JSON message body failed to parse");
    assert_eq!(words(Draft { structure: Some("xml".into()), ..draft("x") }), "Invalid parameter: MessageStructure");
}

#[test]
fn what_no_message_may_be_is_refused() {
    assert_eq!(words(draft("")), "Invalid parameter: Empty message");
    for subject in ["", " x", "a\nb", &"x".repeat(100)] {
        assert_eq!(
            words(Draft { subject: Some(subject.into()), ..draft("x") }),
            "Invalid parameter: Subject",
            "{subject:?}"
        );
    }
    assert!(Message::new(Draft { subject: Some("x".repeat(99)), ..draft("x") }).is_ok());
    for (data_type, text, binary) in [
        ("String", None, None),
        ("String", Some(""), None),
        ("Number", Some("seven"), None),
        ("Binary", Some("x"), None),
        ("Boolean", Some("x"), None),
    ] {
        let refusal = Message::new(Draft { attributes: attribute(data_type, text, binary), ..draft("x") }).err();
        assert_eq!(refusal.unwrap().error.query_code, "ParameterValueInvalid", "{data_type}");
    }
}

#[test]
fn what_no_queue_would_take_is_refused_before_it_is_acknowledged() {
    for name in ["", "a^b", ".a", "a.", "a..b", "AWS.x", "Amazon.x", &"x".repeat(256)] {
        let mut attributes = attribute("String", Some("x"), None);
        attributes[0].0 = name.into();
        let refusal = Message::new(Draft { attributes, ..draft("x") }).err();
        assert_eq!(refusal.unwrap().error.query_code, "ParameterValueInvalid", "{name:?}");
    }
    for number in ["NaN", "inf", "1e999"] {
        assert!(
            words(Draft { attributes: attribute("Number", Some(number), None), ..draft("x") }).contains("to number")
        );
    }
    for group in ["", "a b", &"x".repeat(129)] {
        assert_eq!(words(Draft { group: Some(group.into()), ..draft("x") }), "Invalid parameter: MessageGroupId");
    }
    let many = (0..11).flat_map(|_| attribute("String", Some("x"), None)).collect();
    assert!(words(Draft { attributes: many, ..draft("x") }).contains("ten at the most"));
}
