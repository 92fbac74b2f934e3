//! A message as an archive keeps it: all that its receivers would have got, in whichever form.
//!
//! ```text
//! version 1     version 1 │ id 16 │ sequence 8 (0 of standard topics) │ published at 8 │ base text │ deduplication id option text
//!               │ bytes 4 │ subject option text │ group option text │ structure 1 (0 one body, 1 by protocol) │ body text
//!               │ count 4 × ( name text │ type text │ sort 1 (0 text, 1 binary) │ length 4, value )
//! ```
//! Written with `engine::fields`: integers big-endian, an option is 0, or 1 and what it is of.

use super::{Attribute, Bodies, Message, by_protocol};
use bytes::Bytes;
use engine::fields::{Fields, put_bytes, put_count, put_instant, put_option, put_text};
use names::Instant;
use serde_json::Value;

const VERSION: u8 = 1;

/// A message that was published.
pub(crate) struct Kept<M> {
    pub(crate) id: u128,
    /// Of FIFO topics; 0 of others.
    pub(crate) sequence: u64,
    pub(crate) at: Instant,
    /// `scheme://host` of the server, as its publisher wrote it.
    pub(crate) base: Box<str>,
    pub(crate) deduplication: Option<Box<str>>,
    pub(crate) message: M,
}

impl Kept<&Message> {
    /// As an archive keeps it.
    pub(crate) fn encode(&self) -> Bytes {
        let Message { bytes, subject, bodies, attributes, group } = self.message;
        let mut out = Vec::with_capacity(bytes + 256);
        let text = |text: &str, out: &mut Vec<u8>| put_text(text, out);
        out.push(VERSION);
        out.extend(self.id.to_be_bytes());
        out.extend(self.sequence.to_be_bytes());
        put_instant(self.at, &mut out);
        put_text(&self.base, &mut out);
        put_option(self.deduplication.as_deref(), &mut out, text);
        put_count(*bytes, &mut out);
        put_option(subject.as_deref(), &mut out, text);
        put_option(group.as_deref(), &mut out, text);
        match bodies {
            Bodies::Same(body) => {
                out.push(0);
                put_text(body, &mut out);
            }
            Bodies::ByProtocol(bodies, _) => {
                out.push(1);
                put_text(&Value::Object(bodies.clone()).to_string(), &mut out);
            }
        }
        put_count(attributes.len(), &mut out);
        for Attribute { name, data_type, text, binary } in attributes {
            put_text(name, &mut out);
            put_text(data_type, &mut out);
            out.push(u8::from(binary.is_some()));
            let value = binary.as_deref().or(text.as_deref().map(str::as_bytes));
            put_bytes(value.unwrap_or_default(), &mut out);
        }
        out.into()
    }
}

impl Kept<Message> {
    /// Reads what [`Kept::encode`] wrote; nothing if it is nothing of that.
    pub(crate) fn decode(kept: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(kept);
        if fields.byte()? != VERSION {
            return None;
        }
        let (id, sequence, at) = (fields.u128()?, fields.u64()?, fields.instant()?);
        let (base, deduplication) = (fields.text()?, fields.option(Fields::text)?);
        let message = message(&mut fields)?;
        fields.end(Self { id, sequence, at, base, deduplication, message })
    }
}

fn message(fields: &mut Fields<'_>) -> Option<Message> {
    let bytes = fields.u32()? as usize;
    let text = |text: Option<Box<str>>| text.map(String::from);
    let (subject, group) = (text(fields.option(Fields::text)?), text(fields.option(Fields::text)?));
    let (is_by_protocol, body) = (fields.flag()?, fields.text()?);
    let bodies = if is_by_protocol { by_protocol(&body).ok()? } else { Bodies::Same(body.into()) };
    Some(Message { bytes, subject, bodies, attributes: fields.list(attribute)?, group })
}

fn attribute(fields: &mut Fields<'_>) -> Option<Attribute> {
    let (name, data_type) = (fields.text()?.into(), fields.text()?.into());
    let (is_binary, value) = (fields.flag()?, fields.bytes()?);
    let (text, binary) = match is_binary {
        true => (None, Some(Bytes::copy_from_slice(value))),
        false => (Some(std::str::from_utf8(value).ok()?.to_owned()), None),
    };
    Some(Attribute { name, data_type, text, binary })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::MessageAttributeValue;
    use crate::message::Draft;
    use crate::topic::Protocol;

    fn message(structure: Option<&str>, body: &str) -> Message {
        let of = |data_type: &str, text: Option<&str>, binary: Option<&'static [u8]>| MessageAttributeValue {
            data_type: data_type.into(),
            string_value: text.map(str::to_owned),
            binary_value: binary.map(Bytes::from_static),
        };
        let draft = Draft {
            message: body.into(),
            subject: Some("s".into()),
            structure: structure.map(str::to_owned),
            attributes: vec![
                ("n".into(), of("Number.int", Some("7"), None)),
                ("b".into(), of("Binary", None, Some(&[0, 255]))),
            ],
            group: Some("g".into()),
            deduplication: None,
        };
        Message::new(draft).unwrap()
    }

    fn kept(message: &Message) -> Kept<&Message> {
        let at = Instant::from_millis(5);
        Kept { id: 7, sequence: 9, at, base: "http://h".into(), deduplication: Some("d".into()), message }
    }

    #[test]
    fn a_message_is_read_as_it_was_kept() {
        for (structure, body) in [(None, "hello"), (Some("json"), r#"{"default":"d","sqs":"q"}"#)] {
            let message = message(structure, body);
            let bytes = kept(&message).encode();
            let read = Kept::decode(&bytes).unwrap();
            assert_eq!((read.id, read.sequence, read.at.as_millis()), (7, 9, 5));
            assert_eq!((&*read.base, read.deduplication.as_deref()), ("http://h", Some("d")));
            assert_eq!((read.message.bytes, read.message.subject()), (message.bytes, Some("s")));
            for protocol in Protocol::all() {
                assert_eq!(read.message.body(protocol), message.body(protocol));
            }
            assert_eq!(read.message.shown_attributes(), message.shown_attributes());
            assert_eq!(read.message.raw(Protocol::Sqs).group.as_deref(), Some("g"));
            assert!((0..bytes.len()).all(|length| Kept::decode(&bytes[..length]).is_none()));
        }
    }

    #[test]
    fn a_kept_message_has_the_bytes_that_it_always_had() {
        let draft = Draft {
            message: "hi".into(),
            subject: None,
            structure: None,
            attributes: Vec::new(),
            group: None,
            deduplication: None,
        };
        let message = Message::new(draft).unwrap();
        let plain = Kept { sequence: 0, deduplication: None, ..kept(&message) };
        let hex: String = plain.encode().iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = concat!(
            "01",
            "00000000000000000000000000000007",
            "0000000000000000",
            "0000000000000005",
            "00000008",
            "687474703a2f2f68",
            "00",
            "00000002",
            "00",
            "00",
            "00",
            "00000002",
            "6869",
            "00000000"
        );
        assert_eq!(hex, expected);
    }
}
