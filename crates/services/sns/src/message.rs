//! A message on its way in: checked, and what each receiver gets of it.
//!
//! Sources: API reference of Publish; "Amazon SNS message attributes"; recorded answers of AWS for the words.

use crate::api::{MessageAttributeValue, errors};
use crate::limits;
use crate::push::{self, Platform};
use crate::refusal::Refusal;
use crate::sms;
use crate::topic::Protocol;
use bytes::Bytes;
use filter::{Filter, Index};
use gateway::{Letter, LetterAttribute};
use names::Instant;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use wire::Timestamp;

mod kept;
mod texts;

pub(crate) use kept::Kept;

/// What Publish and an entry of its batch both carry.
pub(crate) struct Draft {
    pub(crate) message: String,
    pub(crate) subject: Option<String>,
    pub(crate) structure: Option<String>,
    pub(crate) attributes: Vec<(String, MessageAttributeValue)>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
}

/// A message that is published.
pub(crate) struct Message {
    pub(crate) bytes: usize,
    subject: Option<String>,
    /// One for all, or with a structure one for each protocol.
    bodies: Bodies,
    attributes: Vec<Attribute>,
    group: Option<String>,
}

enum Bodies {
    Same(String),
    /// Those that are named, and the default.
    ByProtocol(Map<String, Value>, String),
}

struct Attribute {
    name: String,
    data_type: String,
    text: Option<String>,
    binary: Option<Bytes>,
}

impl Message {
    /// Checks all of a draft but its size.
    pub(crate) fn new(draft: Draft) -> Result<Self, Refusal> {
        let bytes = draft.message.len() + draft.attributes.iter().map(attribute_bytes).sum::<usize>();
        if draft.message.is_empty() {
            return Err(Refusal::invalid("Empty message"));
        }
        if let Some(subject) = &draft.subject {
            check_subject(subject)?;
        }
        if draft.deduplication.is_some() {
            let why = "The request includes MessageDeduplicationId parameter that is not valid for this topic type";
            return Err(Refusal::invalid(format!("MessageDeduplicationId Reason: {why}")));
        }
        let bodies = match draft.structure.as_deref() {
            None => Bodies::Same(draft.message),
            Some("json") => by_protocol(&draft.message)?,
            Some(_) => return Err(Refusal::invalid("MessageStructure")),
        };
        if draft.group.as_deref().is_some_and(|group| !is_group(group)) {
            return Err(Refusal::invalid("MessageGroupId"));
        }
        if draft.attributes.len() > limits::ATTRIBUTES_MAX {
            return Err(Refusal::invalid("MessageAttributes Reason: a message has ten at the most"));
        }
        let attributes = draft.attributes.into_iter().map(Attribute::new).collect::<Result<_, _>>()?;
        Ok(Self { bytes, subject: draft.subject, bodies, attributes, group: draft.group })
    }

    pub(crate) fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// What a receiver of this protocol gets of it.
    pub(crate) fn body(&self, protocol: Protocol) -> &str {
        self.body_for(protocol.name())
    }

    /// What a receiver gets whose body stands under this name, a protocol's or a platform's.
    pub(crate) fn body_for(&self, name: &str) -> &str {
        match &self.bodies {
            Bodies::Same(body) => body,
            Bodies::ByProtocol(bodies, default) => bodies.get(name).and_then(Value::as_str).unwrap_or(default),
        }
    }

    /// Whether its publisher wrote a body under this name.
    pub(crate) fn is_written_for(&self, name: &str) -> bool {
        matches!(&self.bodies, Bodies::ByProtocol(bodies, _) if bodies.get(name).is_some_and(Value::is_string))
    }

    /// The subscriptions that it passes to, by their numbers, in order.
    pub(crate) fn passes_to(&self, filters: &Index, name: impl Fn(u64) -> Option<&'static str>) -> Vec<u64> {
        let attributes: Vec<filter::Attribute<'_>> = self.attributes.iter().map(Attribute::filtered).collect();
        let passing = |body: &str| filters.matches(&filter::Message { attributes: &attributes, body });
        match &self.bodies {
            Bodies::Same(body) => passing(body),
            Bodies::ByProtocol(..) => {
                // A filter of bodies looks at the body that its receiver would get.
                let names = Protocol::all().map(Protocol::name).chain(Platform::names());
                let bodies: BTreeSet<&str> = names.map(|name| self.body_for(name)).collect();
                let of_body = |body: &str, number: &u64| name(*number).is_some_and(|it| self.body_for(it) == body);
                let each = |body| passing(body).into_iter().filter(move |number| of_body(body, number));
                let mut passing: Vec<u64> = bodies.into_iter().flat_map(each).collect();
                passing.sort_unstable();
                passing
            }
        }
    }

    /// Whether it passes a filter of a subscription whose body stands under this name.
    pub(crate) fn passes(&self, filter: Option<&Filter>, name: &str) -> bool {
        let attributes: Vec<filter::Attribute<'_>> = self.attributes.iter().map(Attribute::filtered).collect();
        let message = filter::Message { attributes: &attributes, body: self.body_for(name) };
        filter.is_none_or(|filter| filter.matches(&message))
    }

    /// As a raw subscription gets it.
    pub(crate) fn raw(&self, protocol: Protocol) -> Letter {
        let attribute = |attribute: &Attribute| {
            let Attribute { name, data_type, text, binary } = attribute;
            let value = LetterAttribute { data_type: data_type.clone(), text: text.clone(), binary: binary.clone() };
            (name.clone(), value)
        };
        let attributes = self.attributes.iter().filter(|attribute| !is_awss(&attribute.name)).map(attribute).collect();
        Letter { body: self.body(protocol).to_owned(), attributes, group: self.group.clone(), ..Letter::default() }
    }

    /// In its envelope.
    pub(crate) fn wrapped(&self, envelope: String) -> Letter {
        // The message alone counts towards what the queue takes: it was measured when it was published.
        let uncounted_bytes = envelope.len().saturating_sub(self.bytes);
        Letter { body: envelope, uncounted_bytes, group: self.group.clone(), ..Letter::default() }
    }

    /// Its attributes as an envelope shows them.
    pub(crate) fn shown_attributes(&self) -> Map<String, Value> {
        self.attributes.iter().map(Attribute::shown).collect()
    }
}

impl Attribute {
    fn new((name, value): (String, MessageAttributeValue)) -> Result<Self, Refusal> {
        let MessageAttributeValue { data_type, string_value, binary_value } = value;
        let wrong = |why: String| Refusal::new(&errors::INVALID_PARAMETER_VALUE_EXCEPTION, why);
        if data_type.is_empty() {
            let why = format!(
                "1 validation error detected: Value null at 'messageAttributes.{name}.member.dataType' failed to satisfy constraint: Member must not be null"
            );
            return Err(Refusal::new(&errors::VALIDATION_ERROR, why));
        }
        check_name(&name)?;
        push::check_reserved(&name, string_value.as_deref())?;
        let other = |field: &str| {
            wrong(format!("The message attribute '{name}' with type '{data_type}' must use field '{field}'."))
        };
        let base = data_type.split('.').next().unwrap_or_default();
        let empty = || {
            wrong(format!(
                "The message attribute '{name}' must contain non-empty message attribute value for message attribute type '{data_type}'."
            ))
        };
        match base {
            "String" | "Number" => {
                if string_value.is_none() && binary_value.is_some() {
                    return Err(other("String"));
                }
                let text = string_value.as_deref().filter(|text| !text.is_empty()).ok_or_else(empty)?;
                if base == "Number" && !text.parse::<f64>().is_ok_and(f64::is_finite) {
                    return Err(wrong(format!("Could not cast message attribute '{name}' value to number.")));
                }
                Ok(Self { name, text: string_value, binary: None, data_type })
            }
            "Binary" if binary_value.is_none() && string_value.is_some() => Err(other("Binary")),
            "Binary" => match binary_value.as_ref().is_some_and(|bytes| !bytes.is_empty()) {
                true => Ok(Self { name, text: None, binary: binary_value, data_type }),
                false => Err(empty()),
            },
            _ => Err(wrong(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            ))),
        }
    }

    /// As filters see it.
    fn filtered(&self) -> filter::Attribute<'_> {
        filter::Attribute { name: &self.name, data_type: &self.data_type, text: self.text.as_deref() }
    }

    fn shown(&self) -> (String, Value) {
        let value = match (&self.text, &self.binary) {
            (Some(text), _) => text.clone(),
            (None, binary) => base64_simd::STANDARD.encode_to_string(binary.as_deref().unwrap_or_default()),
        };
        (self.name.clone(), json!({ "Type": self.data_type, "Value": value }))
    }
}

fn attribute_bytes((name, value): &(String, MessageAttributeValue)) -> usize {
    let text = value.string_value.as_ref().map_or(0, String::len);
    name.len() + value.data_type.len() + text + value.binary_value.as_ref().map_or(0, Bytes::len)
}

/// What every queue takes too. The words are AWS's as far as they are recorded.
fn check_name(name: &str) -> Result<(), Refusal> {
    let legal = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.');
    let lower = name.to_ascii_lowercase();
    let why = if name.is_empty() || name.len() > limits::ATTRIBUTE_NAME_LEN_MAX {
        "Length of message attribute name must be less than 256 bytes.".to_owned()
    } else if let Some(character) = name.chars().find(|character| !legal(*character)) {
        let code = u32::from(character);
        format!(
            "Invalid non-alphanumeric character '#x{code:X}' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots."
        )
    } else if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        dots(name).to_owned()
    } else if (lower.starts_with("aws.") || lower.starts_with("amazon.")) && !is_awss(name) {
        "Message attribute names beginning with 'AWS.' or 'Amazon.' are reserved.".to_owned()
    } else {
        return Ok(());
    };
    Err(Refusal::new(&errors::INVALID_PARAMETER_VALUE_EXCEPTION, why))
}

/// Whether an attribute is one that AWS gave a meaning of its own: for short messages, or for push services. No queue takes it.
pub(crate) fn is_awss(name: &str) -> bool {
    sms::ATTRIBUTES.contains(&name) || name.starts_with(push::RESERVED)
}

/// What is wrong with where a name has its dots.
fn dots(name: &str) -> &'static str {
    if name.starts_with('.') {
        "Invalid message attribute name starting with character '.' was found."
    } else if name.ends_with('.') {
        "Invalid message attribute name ending with character '.' was found."
    } else {
        "Message attribute name can not have successive '.' character."
    }
}

/// Letters, digits and punctuation of ASCII, as SQS has it.
fn is_group(group: &str) -> bool {
    (1..=limits::GROUP_LEN_MAX).contains(&group.len()) && group.bytes().all(|byte| byte.is_ascii_graphic())
}

/// With three digits behind the second's point, always.
pub(crate) fn show_time(at: Instant) -> String {
    let seconds = Timestamp::from_millis((at.as_secs() * 1000).cast_signed()).to_string();
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), at.as_millis() % 1000)
}

/// "Subjects must be UTF-8 text with no line breaks or control characters, and less than 100 characters long."
fn check_subject(subject: &str) -> Result<(), Refusal> {
    let is_right = !subject.is_empty()
        && subject.chars().count() <= limits::SUBJECT_LEN_MAX
        && !subject.chars().any(char::is_control)
        && !subject.starts_with(char::is_whitespace);
    if is_right { Ok(()) } else { Err(Refusal::invalid("Subject")) }
}

fn by_protocol(message: &str) -> Result<Bodies, Refusal> {
    let why = |why: &str| Refusal::invalid(format!("Message Structure - {why}"));
    let Ok(Value::Object(bodies)) = serde_json::from_str(message) else {
        return Err(why("JSON message body failed to parse"));
    };
    let default = bodies.get("default").and_then(Value::as_str).map(str::to_owned);
    let default = default.ok_or_else(|| why("No default entry in JSON message body"))?;
    Ok(Bodies::ByProtocol(bodies, default))
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
