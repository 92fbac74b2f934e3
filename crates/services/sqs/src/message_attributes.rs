//! Message attributes: checked as SendMessage checks them, digested as the developer guide says.
//!
//! The digest ("MD5 message digest for message attributes") takes the attributes sorted by name; each is name, type and
//! value, every one led by its length in four bytes, big-endian, and the value by a byte that tells its kind: 1 for text,
//! 2 for bytes.

use crate::api::MessageAttributeValue;
use crate::limits;
use crate::refusal::Refusal;
use bytes::Bytes;
use md5::{Digest, Md5};

/// A message attribute's value: text for `String` and `Number` types, bytes for `Binary`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Binary(Bytes),
}

impl Value {
    pub(crate) const TEXT: u8 = 1;
    pub(crate) const BINARY: u8 = 2;

    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Text(_) => Self::TEXT,
            Self::Binary(_) => Self::BINARY,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

/// A checked message attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) data_type: String,
    pub(crate) value: Value,
}

impl Attribute {
    /// Bytes of its three fields, without their lengths.
    pub(crate) fn size(&self) -> usize {
        self.name.len() + self.data_type.len() + self.value.bytes().len()
    }

    /// Takes an attribute as a request gives it.
    pub(crate) fn parse(name: String, value: MessageAttributeValue) -> Result<Self, Refusal> {
        check_name(&name)?;
        let MessageAttributeValue { string_value: text, binary_value: binary, data_type, .. } = value;
        let has_texts = value.string_list_values.is_some_and(|list| !list.is_empty());
        if has_texts || value.binary_list_values.is_some_and(|list| !list.is_empty()) {
            return Err(Refusal::unsupported(
                "Message attribute list values in SendMessage operation are not supported.",
            ));
        }
        if text.is_some() && binary.is_some() {
            return Err(Refusal::invalid_parameter(format!(
                "The message attribute '{name}' must contain exactly one value, and contains text and bytes."
            )));
        }
        if data_type.is_empty() {
            return Err(Refusal::invalid_parameter(format!(
                "The message attribute '{name}' must contain non-empty message attribute type."
            )));
        }
        if !data_type.bytes().all(is_name_byte) {
            return Err(Refusal::invalid_parameter(format!(
                "The message attribute '{name}' has an invalid message attribute type, which can contain A-Z, a-z, 0-9, \
                 underscore (_), hyphen (-), and period (.) characters."
            )));
        }
        if data_type.len() > limits::ATTRIBUTE_NAME_LEN_MAX {
            return Err(Refusal::invalid_parameter(format!(
                "The message attribute '{name}' has a message attribute type of more than 256 characters."
            )));
        }
        let value = match data_type.split('.').next().unwrap_or_default() {
            "String" | "Number" => text.filter(|text| !text.is_empty()).map(Value::Text),
            "Binary" => binary.filter(|bytes| !bytes.is_empty()).map(Value::Binary),
            _ => {
                return Err(Refusal::invalid_parameter(format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
                     prefixes is Binary, Number, and String."
                )));
            }
        };
        let value = value.ok_or_else(|| {
            Refusal::invalid_parameter(format!(
                "Message (user) attribute '{name}' must contain a non-empty value of type '{}'.",
                data_type.split('.').next().unwrap_or_default()
            ))
        })?;
        check_value(&name, &data_type, &value)?;
        Ok(Self { name, data_type, value })
    }
}

/// Sorts attributes by name, as digest and reply have them, and refuses too many or two of one name.
pub(crate) fn in_order(mut attributes: Vec<Attribute>) -> Result<Vec<Attribute>, Refusal> {
    if attributes.len() > limits::MESSAGE_ATTRIBUTES_MAX {
        return Err(Refusal::invalid_parameter(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{}].",
            attributes.len(),
            limits::MESSAGE_ATTRIBUTES_MAX
        )));
    }
    attributes.sort_by(|a, b| a.name.cmp(&b.name));
    match attributes.windows(2).find(|pair| pair[0].name == pair[1].name) {
        None => Ok(attributes),
        Some(pair) => Err(Refusal::invalid_parameter(format!(
            "Message (user) attribute name '{}' is already used. Names must be unique.",
            pair[0].name
        ))),
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(is_name_byte) {
        return Err(Refusal::invalid_parameter(format!(
            "The message attribute name '{name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), \
             hyphen (-), and period (.) characters."
        )));
    }
    if name.len() > limits::ATTRIBUTE_NAME_LEN_MAX {
        return Err(Refusal::invalid_parameter("Message attribute name must be shorter than 256 bytes."));
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return Err(Refusal::invalid_parameter(
            "Message attribute name can not start or end with a period, or have two periods in succession.",
        ));
    }
    if lower.starts_with("aws.") || lower.starts_with("amazon.") {
        return Err(Refusal::invalid_parameter(
            "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for \
             internal use.",
        ));
    }
    Ok(())
}

fn check_value(name: &str, data_type: &str, value: &Value) -> Result<(), Refusal> {
    let Value::Text(text) = value else { return Ok(()) };
    if data_type.starts_with("Number") && text.parse::<f64>().map_or(true, |number| !number.is_finite()) {
        return Err(Refusal::invalid_parameter(format!("Could not cast message attribute '{name}' value to number.")));
    }
    check_characters(text, &format!("message attribute '{name}' value"))
}

/// Whether all characters of a text are those that SendMessage allows. The place is named in the refusal.
pub(crate) fn check_characters(text: &str, place: &str) -> Result<(), Refusal> {
    let wrong = text.chars().find(|character| !is_allowed(*character));
    wrong.map_or(Ok(()), |character| Err(Refusal::invalid_character(character.into(), place)))
}

/// Those of XML 1.0.
fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// The digest of attributes in order of name; `None` if there are none.
pub(crate) fn digest<'a>(attributes: impl Iterator<Item = &'a Attribute>) -> Option<[u8; 16]> {
    let mut md5 = Md5::new();
    let field = |md5: &mut Md5, bytes: &[u8]| {
        md5.update((bytes.len() as u32).to_be_bytes());
        md5.update(bytes);
    };
    let mut some = false;
    for attribute in attributes {
        some = true;
        field(&mut md5, attribute.name.as_bytes());
        field(&mut md5, attribute.data_type.as_bytes());
        md5.update([attribute.value.kind()]);
        field(&mut md5, attribute.value.bytes());
    }
    some.then(|| md5.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, data_type: &str, value: &str) -> Result<Attribute, Refusal> {
        let value = MessageAttributeValue {
            data_type: data_type.into(),
            string_value: Some(value.into()),
            ..MessageAttributeValue::default()
        };
        Attribute::parse(name.into(), value)
    }

    fn hex(digest: [u8; 16]) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The digests were computed by another implementation of the same rule (moto 5.2.5).
    #[test]
    fn the_digest_is_the_one_that_sdks_compute() {
        let string = text("test_attribute_name_1", "String", "test_attribute_value_1").unwrap();
        let value = MessageAttributeValue {
            data_type: "Binary".into(),
            binary_value: Some(Bytes::from_static(b"test_attribute_value_2")),
            ..MessageAttributeValue::default()
        };
        let binary = Attribute::parse("test_attribute_name_2".into(), value);
        let binary = binary.unwrap();
        assert_eq!(hex(digest([string.clone()].iter()).unwrap()), "ba056227cfd9533dba1f72ad9816d233");
        assert_eq!(hex(digest([string, binary].iter()).unwrap()), "2cbc6b289c1552d2b60cb05c64d07264");
        assert_eq!(digest([].iter()), None);
    }

    #[test]
    fn attributes_that_aws_refuses_are_refused() {
        for (name, data_type, value, part) in [
            ("a b", "String", "x", "can contain"),
            ("", "String", "x", "can contain"),
            (".a", "String", "x", "period"),
            ("a.", "String", "x", "period"),
            ("a..b", "String", "x", "succession"),
            ("AWS.x", "String", "x", "reserved"),
            ("amazon.x", "String", "x", "reserved"),
            ("a", "", "x", "non-empty message attribute type"),
            ("a", "Text", "x", "invalid message attribute type"),
            ("a", "String.\u{1}", "x", "invalid message attribute type"),
            ("a", "String", "", "non-empty value of type"),
            ("a", "Binary", "x", "non-empty value of type"),
            ("a", "Number", "ten", "value to number"),
            ("a", "Number.int", "inf", "value to number"),
        ] {
            let refusal = text(name, data_type, value).unwrap_err();
            assert_eq!(refusal.error.query_code, "InvalidParameterValue", "{name} {data_type}");
            assert!(refusal.message.contains(part), "{name} {data_type} {value}: {}", refusal.message);
        }
        assert_eq!(text("a", "String", "\u{1}").unwrap_err().error.name, "InvalidMessageContents");
        for right in ["String", "String.custom", "Number", "Number.int"] {
            assert!(text("a", right, "12.5").is_ok(), "{right}");
        }
    }

    #[test]
    fn an_attribute_has_one_value_and_no_list() {
        let value = |text: Option<&str>, binary: Option<&'static [u8]>, list: &[&str]| MessageAttributeValue {
            data_type: "String".into(),
            string_value: text.map(Into::into),
            binary_value: binary.map(Bytes::from_static),
            string_list_values: Some(list.iter().map(ToString::to_string).collect()),
            ..MessageAttributeValue::default()
        };
        let code = |value| Attribute::parse("a".into(), value).err().map(|refusal| refusal.error.query_code);
        assert_eq!(code(value(Some("x"), None, &[])), None);
        assert_eq!(code(value(Some("x"), Some(b"y"), &[])), Some("InvalidParameterValue"));
        assert_eq!(code(value(Some("x"), None, &["y"])), Some("AWS.SimpleQueueService.UnsupportedOperation"));
    }

    #[test]
    fn attributes_are_put_in_order_and_are_at_most_ten_of_different_names() {
        let make = |name: String| text(&name, "String", "x").unwrap();
        let names = |attributes: Vec<Attribute>| attributes.into_iter().map(|a| a.name).collect::<Vec<_>>();
        assert_eq!(names(in_order(vec![make("b".into()), make("a".into())]).unwrap()), ["a", "b"]);
        assert!(in_order((0..11).map(|n| make(format!("n{n}"))).collect()).is_err());
        assert!(in_order(vec![make("a".into()), make("a".into())]).is_err());
    }
}
