//! What a message carries besides its body, as bytes behind the body. Integers are big-endian.
//!
//! ```text
//! properties  ┌ layout 1 │ flags 1 │ body md5 16 │ [attributes md5 16] │ sender length 1, sender │ attribute count 1
//!             │ per attribute: name length 2, name │ type length 2, type │ kind 1 │ value length 4, value
//!             └ [system attribute count 1 │ per system attribute: number 1 │ length 2, text]
//! flags       1 attributes md5 is there · 2 system attributes are there
//! numbers     1 AWSTraceHeader · 2 MessageGroupId · 3 MessageDeduplicationId · 4 DeadLetterQueueSourceArn
//! ```
//! What most messages do not have costs them a bit of the flags.

use crate::message_attributes::{Attribute, Value};
use bytes::Bytes;

/// A system attribute that is kept with a message. Its number is the one that stands for it on disk, and is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SystemAttribute {
    TraceHeader = 1,
    GroupId = 2,
    DeduplicationId = 3,
    DeadLetterSource = 4,
}

impl SystemAttribute {
    pub(crate) const ALL: [Self; 4] = [Self::TraceHeader, Self::GroupId, Self::DeduplicationId, Self::DeadLetterSource];

    /// What requests and answers call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TraceHeader => "AWSTraceHeader",
            Self::GroupId => "MessageGroupId",
            Self::DeduplicationId => "MessageDeduplicationId",
            Self::DeadLetterSource => "DeadLetterQueueSourceArn",
        }
    }
}

/// What a message carries besides its body, as the queue keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Properties {
    pub(crate) body_md5: [u8; 16],
    pub(crate) attributes_md5: Option<[u8; 16]>,
    pub(crate) sender: String,
    pub(crate) attributes: Vec<Attribute>,
    /// What the sender or the service says about the message, as receivers may ask for it.
    pub(crate) system: Vec<(SystemAttribute, Box<str>)>,
}

impl Properties {
    const LAYOUT: u8 = 1;
    const HAS_ATTRIBUTES: u8 = 1;
    const HAS_SYSTEM: u8 = 2;

    /// Appends the bytes that are kept behind the body.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        let attributes: usize = self.attributes.iter().map(|attribute| attribute.size() + 9).sum();
        let digests = if self.attributes_md5.is_some() { 32 } else { 16 };
        let system: usize = self.system.iter().map(|(_, text)| text.len() + 3).sum();
        let system = if self.system.is_empty() { 0 } else { system + 1 };
        // Exact, so that the bytes are kept where they are written.
        out.reserve_exact(2 + digests + 1 + self.sender.len() + 1 + attributes + system);
        out.extend([Self::LAYOUT, self.flags()]);
        out.extend(self.body_md5);
        out.extend(self.attributes_md5.into_iter().flatten());
        out.push(u8::try_from(self.sender.len()).expect("a sender's id is short"));
        out.extend(self.sender.as_bytes());
        out.push(u8::try_from(self.attributes.len()).expect("attributes were counted at the door"));
        for Attribute { name, data_type, value } in &self.attributes {
            out.extend((name.len() as u16).to_be_bytes());
            out.extend(name.as_bytes());
            out.extend((data_type.len() as u16).to_be_bytes());
            out.extend(data_type.as_bytes());
            out.push(value.kind());
            out.extend((value.bytes().len() as u32).to_be_bytes());
            out.extend(value.bytes());
        }
        if !self.system.is_empty() {
            out.push(u8::try_from(self.system.len()).expect("there are few system attributes"));
        }
        for (attribute, text) in &self.system {
            out.push(*attribute as u8);
            out.extend(u16::try_from(text.len()).expect("its length was checked at the door").to_be_bytes());
            out.extend(text.as_bytes());
        }
    }

    /// The text of a system attribute, if the message has it.
    pub(crate) fn system_attribute(&self, wanted: SystemAttribute) -> Option<&str> {
        self.system.iter().find(|(attribute, _)| *attribute == wanted).map(|(_, text)| &**text)
    }

    /// The same of a message that left a queue: as a dead letter with where it comes from, otherwise without; and with another
    /// deduplication id, if it has one.
    pub(crate) fn leaving(mut self, dead_letter_of: Option<String>, dedup: Option<String>) -> Self {
        let own = self.system.iter_mut().find(|(attribute, _)| *attribute == SystemAttribute::DeduplicationId);
        if let (Some((_, text)), Some(dedup)) = (own, dedup) {
            *text = dedup.into();
        }
        self.system.retain(|(attribute, _)| *attribute != SystemAttribute::DeadLetterSource);
        self.system.extend(dead_letter_of.map(|arn| (SystemAttribute::DeadLetterSource, arn.into())));
        self
    }

    fn flags(&self) -> u8 {
        let attributes = if self.attributes_md5.is_some() { Self::HAS_ATTRIBUTES } else { 0 };
        attributes | if self.system.is_empty() { 0 } else { Self::HAS_SYSTEM }
    }

    /// Reads what `append_to` wrote; `None` if the bytes are not that.
    pub(crate) fn decode(bytes: Bytes) -> Option<Self> {
        let mut rest = Cursor(bytes);
        if rest.byte()? != Self::LAYOUT {
            return None;
        }
        let flags = rest.byte()?;
        let body_md5 = rest.digest()?;
        let attributes_md5 = if flags & Self::HAS_ATTRIBUTES != 0 { Some(rest.digest()?) } else { None };
        let sender = rest.byte()?.into();
        let sender = rest.text(sender)?;
        let count = rest.byte()?;
        let attributes = (0..count).map(|_| rest.attribute()).collect::<Option<_>>()?;
        let count = if flags & Self::HAS_SYSTEM != 0 { rest.byte()? } else { 0 };
        let system = (0..count).map(|_| rest.system_attribute()).collect::<Option<_>>()?;
        rest.0.is_empty().then_some(Self { body_md5, attributes_md5, sender, attributes, system })
    }
}

/// Takes fields off the front of encoded properties.
struct Cursor(Bytes);

impl Cursor {
    fn take(&mut self, len: usize) -> Option<Bytes> {
        (self.0.len() >= len).then(|| self.0.split_to(len))
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn digest(&mut self) -> Option<[u8; 16]> {
        self.take(16)?.as_ref().try_into().ok()
    }

    fn short(&mut self) -> Option<usize> {
        let bytes = self.take(2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]).into())
    }

    fn long(&mut self) -> Option<usize> {
        let bytes = self.take(4)?;
        Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    }

    fn text(&mut self, len: usize) -> Option<String> {
        String::from_utf8(self.take(len)?.to_vec()).ok()
    }

    fn attribute(&mut self) -> Option<Attribute> {
        let len = self.short()?;
        let name = self.text(len)?;
        let len = self.short()?;
        let data_type = self.text(len)?;
        let kind = self.byte()?;
        let len = self.long()?;
        let value = match kind {
            Value::TEXT => Value::Text(self.text(len)?),
            Value::BINARY => Value::Binary(self.take(len)?),
            _ => return None,
        };
        Some(Attribute { name, data_type, value })
    }

    fn system_attribute(&mut self) -> Option<(SystemAttribute, Box<str>)> {
        let tag = self.byte()?;
        let attribute = SystemAttribute::ALL.into_iter().find(|&attribute| attribute as u8 == tag)?;
        let len = self.short()?;
        Some((attribute, self.text(len)?.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message_attributes::digest;
    use proptest::collection::vec;
    use proptest::prelude::{any, proptest};

    fn hex(properties: &Properties) -> String {
        let mut bytes = Vec::new();
        properties.append_to(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_bytes_of_layout_1_stay_what_they_are() {
        let attributes =
            vec![Attribute { name: "n".into(), data_type: "String".into(), value: Value::Text("v".into()) }];
        let plain = Properties {
            body_md5: [7; 16],
            attributes_md5: None,
            sender: "me".into(),
            attributes: vec![],
            system: vec![],
        };
        let md5 = "07".repeat(16);
        assert_eq!(hex(&plain), format!("0100{md5}026d6500"));
        let full = Properties {
            attributes_md5: Some([8; 16]),
            attributes,
            system: vec![(SystemAttribute::TraceHeader, "Root=1".into())],
            ..plain
        };
        let attribute = "01".to_owned() + "00016e" + "0006537472696e67" + "01" + "0000000176";
        let system = "01".to_owned() + "01" + "0006526f6f743d31";
        assert_eq!(hex(&full), format!("0103{md5}{}026d65{attribute}{system}", "08".repeat(16)));
    }

    proptest! {
        #[test]
        fn properties_read_back_as_written(
            md5 in any::<[u8; 16]>(), sender in "[a-z]{0,20}", texts in vec(("[a-z]{1,9}", "[a-z]{1,9}"), 0..5), binary in vec(any::<u8>(), 1..9),
            trace in "[a-z]{0,9}",
        ) {
            let mut attributes: Vec<_> = texts
                .into_iter()
                .map(|(name, value)| Attribute { name, data_type: "String".into(), value: Value::Text(value) })
                .collect();
            attributes.push(Attribute { name: "z".into(), data_type: "Binary".into(), value: Value::Binary(binary.into()) });
            let attributes_md5 = digest(attributes.iter());
            let system = if trace.is_empty() { vec![] } else { vec![(SystemAttribute::TraceHeader, trace.into())] };
            let properties = Properties { body_md5: md5, attributes_md5, sender, attributes, system };
            let mut bytes = Vec::new();
            properties.append_to(&mut bytes);
            assert_eq!(bytes.len(), bytes.capacity(), "no room is left over");
            assert_eq!(Properties::decode(bytes.into()), Some(properties));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in vec(any::<u8>(), 0..200)) {
            let _ = Properties::decode(bytes.into());
        }
    }
}
