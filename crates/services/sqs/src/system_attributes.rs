//! Message system attributes as senders give them: `AWSTraceHeader`, a text, and no other.
//!
//! They have a digest of their own, by the rule of message attributes, and count towards no size. The trace header may also come
//! with the request, for all messages that it sends. Source: API reference,
//! SendMessage (MessageSystemAttributes) and MessageSystemAttributeValue.

use crate::api::MessageSystemAttributeValue;
use crate::limits;
use crate::message_attributes::{Attribute, Value, check_characters};
use crate::properties::SystemAttribute;
use crate::refusal::Refusal;

/// Takes the system attributes of a message; at most the trace header.
pub(crate) fn parse(given: Vec<(String, MessageSystemAttributeValue)>) -> Result<Option<Attribute>, Refusal> {
    let mut taken = None;
    for (name, value) in given {
        if name != SystemAttribute::TraceHeader.name() {
            let words = format!("Message system attribute name '{name}' is invalid, must be one of [AWSTraceHeader].");
            return Err(Refusal::invalid_parameter(words));
        }
        if taken.replace(parse_trace_header(name, value)?).is_some() {
            return Err(Refusal::invalid_parameter(
                "Message (system) attribute name 'AWSTraceHeader' is already used. Names must be unique.",
            ));
        }
    }
    Ok(taken)
}

/// The trace header of a message that has none of its own: that of the request which sends it. One that could not be sent as
/// an attribute is left out, since whoever put it there (a proxy, say) is not whoever sends.
pub(crate) fn of_request(header: Option<&str>) -> Option<(SystemAttribute, Box<str>)> {
    let can_be_kept = |text: &&str| (1..=limits::TRACE_HEADER_BYTES_MAX).contains(&text.len());
    header.filter(can_be_kept).map(|text| (SystemAttribute::TraceHeader, text.into()))
}

fn parse_trace_header(name: String, value: MessageSystemAttributeValue) -> Result<Attribute, Refusal> {
    let lists = [
        value.string_list_values.is_some_and(|list| !list.is_empty()),
        value.binary_list_values.is_some_and(|list| !list.is_empty()),
    ];
    if lists.contains(&true) {
        return Err(Refusal::unsupported("Message attribute list values in SendMessage operation are not supported."));
    }
    if value.data_type != "String" || value.binary_value.is_some() {
        return Err(Refusal::invalid_parameter(format!(
            "The message system attribute '{name}' must be of type 'String'."
        )));
    }
    let text = value.string_value.filter(|text| !text.is_empty()).ok_or_else(|| {
        Refusal::invalid_parameter(format!(
            "Message (system) attribute '{name}' must contain a non-empty value of type 'String'."
        ))
    })?;
    if text.len() > limits::TRACE_HEADER_BYTES_MAX {
        let words =
            format!("The message system attribute '{name}' is longer than {} bytes.", limits::TRACE_HEADER_BYTES_MAX);
        return Err(Refusal::invalid_parameter(words));
    }
    check_characters(&text, &format!("message system attribute '{name}' value"))?;
    Ok(Attribute { name, data_type: value.data_type, value: Value::Text(text) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(data_type: &str, text: &str) -> MessageSystemAttributeValue {
        let string_value = Some(text.to_owned());
        MessageSystemAttributeValue {
            data_type: data_type.into(),
            string_value,
            ..MessageSystemAttributeValue::default()
        }
    }

    #[test]
    fn a_trace_header_of_the_request_that_cannot_be_kept_is_left_out() {
        assert_eq!(of_request(Some("Root=1")), Some((SystemAttribute::TraceHeader, "Root=1".into())));
        for none in [None, Some(""), Some(&*"x".repeat(65_536))] {
            assert_eq!(of_request(none), None);
        }
    }

    #[test]
    fn the_trace_header_is_a_text_and_no_other_attribute_can_be_sent() {
        let header = || "AWSTraceHeader".to_owned();
        assert_eq!(parse(Vec::new()), Ok(None));
        let taken = parse(vec![(header(), value("String", "Root=1"))]).unwrap().unwrap();
        assert_eq!((&*taken.name, taken.value), ("AWSTraceHeader", Value::Text("Root=1".into())));
        for (given, part) in [
            (vec![("SenderId".to_owned(), value("String", "me"))], "must be one of [AWSTraceHeader]"),
            (vec![(header(), value("Number", "1"))], "must be of type 'String'"),
            (vec![(header(), value("String", ""))], "must contain a non-empty value"),
            (vec![(header(), value("String", &"x".repeat(65_536)))], "longer than 65535 bytes"),
            (vec![(header(), value("String", "a")), (header(), value("String", "b"))], "already used"),
        ] {
            let refusal = parse(given).unwrap_err();
            assert_eq!(refusal.error.query_code, "InvalidParameterValue");
            assert!(refusal.message.contains(part), "{}", refusal.message);
        }
        assert_eq!(parse(vec![(header(), value("String", "\u{1}"))]).unwrap_err().error.name, "InvalidMessageContents");
    }
}
