//! A message on its way in: checked, sized, digested.

use crate::api;
use crate::limits;
use crate::message_attributes::{self, Attribute, Properties};
use crate::refusal::Refusal;
use bytes::Bytes;
use gateway::Caller;
use md5::{Digest, Md5};
use queue::{MessageId, NewMessage};

/// What SendMessage and an entry of its batch both carry.
pub(crate) struct Draft {
    pub(crate) body: String,
    pub(crate) delay_secs: Option<i32>,
    pub(crate) attributes: Vec<(String, api::MessageAttributeValue)>,
    pub(crate) system_attributes: usize,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
}

/// A message that may be sent, with the digests that its sender is told.
pub(crate) struct Checked {
    pub(crate) body: Bytes,
    pub(crate) size: usize,
    pub(crate) properties: Properties,
    pub(crate) delay_millis: Option<u64>,
}

impl Checked {
    /// Checks all of a draft but its size.
    pub(crate) fn new(draft: Draft, sender: &str) -> Result<Self, Refusal> {
        refuse_what_has_no_effect(&draft)?;
        if draft.body.is_empty() {
            return Err(Refusal::missing("MessageBody"));
        }
        if !is_plain(&draft.body) && !draft.body.chars().all(message_attributes::is_allowed) {
            return Err(Refusal::invalid_characters());
        }
        let delay_millis = draft.delay_secs.map(check_delay).transpose()?;
        let parse = |(name, value): (String, api::MessageAttributeValue)| {
            Attribute::parse(name, Some(value.data_type), value.string_value, value.binary_value)
        };
        let attributes = draft.attributes.into_iter().map(parse).collect::<Result<_, _>>()?;
        let attributes = message_attributes::in_order(attributes)?;
        let size = draft.body.len() + attributes.iter().map(Attribute::size).sum::<usize>();
        let properties = Properties {
            body_md5: Md5::digest(draft.body.as_bytes()).into(),
            attributes_md5: message_attributes::digest(attributes.iter()),
            sender: sender.to_owned(),
            attributes,
        };
        // The text is as long as the message lives, so it must not keep more memory than its length.
        Ok(Self { body: Bytes::from(draft.body.into_bytes().into_boxed_slice()), size, properties, delay_millis })
    }

    /// The message as the queue takes it.
    pub(crate) fn into_message(self, id: MessageId) -> NewMessage {
        NewMessage { id, body: self.body, properties: self.properties.encode(), delay_millis: self.delay_millis }
    }
}

/// The id of the `nth` message of a request: the request's own chance, spread. Ids of one request do not follow from each
/// other without that chance, and no second draw is needed.
pub(crate) fn message_id(caller: &Caller, nth: usize) -> MessageId {
    let mut md5 = Md5::new();
    md5.update(caller.request_id.as_str());
    md5.update([nth as u8]);
    let mut id: [u8; 16] = md5.finalize().into();
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    MessageId(id)
}

/// A message id in the shape of a UUID.
pub(crate) fn show_id(id: MessageId) -> String {
    let hex = show_digest(id.0);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// A digest in hexadecimal.
pub(crate) fn show_digest(digest: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(32);
    for byte in digest {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}

/// A visibility timeout in milliseconds.
pub(crate) fn check_visibility(secs: i32) -> Result<u64, Refusal> {
    match u64::try_from(secs) {
        Ok(positive) if secs <= limits::VISIBILITY_SECS_MAX => Ok(positive * 1000),
        _ => Err(Refusal::invalid_value(secs, "VisibilityTimeout", "Must be between 0 and 43200, if provided.")),
    }
}

fn check_delay(secs: i32) -> Result<u64, Refusal> {
    match u64::try_from(secs) {
        Ok(positive) if secs <= limits::DELAY_SECS_MAX => Ok(positive * 1000),
        _ => Err(Refusal::invalid_value(secs, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.")),
    }
}

/// Printable ASCII, tabs and line ends, which is nearly every body: told without decoding characters. Chunks are folded
/// without a branch, so that the compiler looks at many bytes at once.
fn is_plain(body: &str) -> bool {
    let is_plain = |byte: u8| byte.wrapping_sub(0x20) < 0x60 || matches!(byte, b'\t' | b'\n' | b'\r');
    body.as_bytes().chunks(256).all(|chunk| chunk.iter().fold(true, |all, &byte| all & is_plain(byte)))
}

fn refuse_what_has_no_effect(draft: &Draft) -> Result<(), Refusal> {
    if draft.group.is_some() || draft.deduplication.is_some() {
        return Err(Refusal::unsupported(
            "This version of tidewire implements neither MessageGroupId nor MessageDeduplicationId.",
        ));
    }
    match draft.system_attributes {
        0 => Ok(()),
        _ => Err(Refusal::unsupported("This version of tidewire implements no message system attributes.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(body: &str) -> Draft {
        Draft {
            body: body.into(),
            delay_secs: None,
            attributes: Vec::new(),
            system_attributes: 0,
            group: None,
            deduplication: None,
        }
    }

    fn refusal(draft: Draft) -> Refusal {
        Checked::new(draft, "me").err().expect("the draft is refused")
    }

    #[test]
    fn the_body_is_digested_and_sized() {
        let checked = Checked::new(draft("hello"), "me").unwrap();
        assert_eq!(show_digest(checked.properties.body_md5), "5d41402abc4b2a76b9719d911017c592");
        assert_eq!((checked.size, checked.delay_millis), (5, None));
    }

    #[test]
    fn a_body_without_text_or_with_forbidden_characters_is_refused() {
        assert_eq!(refusal(draft("")).error.name, "MissingRequiredParameterException");
        for wrong in ["\u{0}", "a\u{1f}", "\u{fffe}", "\u{b}"] {
            assert_eq!(refusal(draft(wrong)).error.name, "InvalidMessageContents", "{wrong:?}");
        }
        for right in ["\t\r\n ~", "é\u{d7ff}\u{e000}\u{fffd}\u{10000}"] {
            assert!(Checked::new(draft(right), "me").is_ok(), "{right:?}");
        }
    }

    #[test]
    fn delay_and_visibility_keep_to_awss_ranges() {
        for (secs, right) in [(-1, false), (0, true), (900, true), (901, false)] {
            assert_eq!(Checked::new(Draft { delay_secs: Some(secs), ..draft("x") }, "me").is_ok(), right, "{secs}");
        }
        for (secs, right) in [(-1, false), (0, true), (43_200, true), (43_201, false)] {
            assert_eq!(check_visibility(secs).is_ok(), right, "{secs}");
        }
    }

    #[test]
    fn what_has_no_effect_yet_is_refused() {
        for draft in [
            Draft { group: Some("g".into()), ..draft("x") },
            Draft { deduplication: Some("d".into()), ..draft("x") },
            Draft { system_attributes: 1, ..draft("x") },
        ] {
            assert_eq!(refusal(draft).error.name, "UnsupportedOperation");
        }
    }

    #[test]
    fn ids_have_the_shape_of_a_uuid() {
        assert_eq!(show_id(MessageId([0xab; 16])), "abababab-abab-abab-abab-abababababab");
    }
}
