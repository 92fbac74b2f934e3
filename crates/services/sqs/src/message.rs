//! A message on its way in: checked, sized, digested.

use crate::api;
use crate::grouping::Grouping;
use crate::machine::FifoRules;
use crate::md5_lanes;
use crate::message_attributes::{self, Attribute, Value};
use crate::properties::{Properties, SystemAttribute};
use crate::refusal::Refusal;
use crate::sealing::Sending;
use crate::system_attributes;
use access::Kind;
use bytes::Bytes;
use gateway::Caller;
use queue::{MessageId, NewMessage, spread};

/// What SendMessage and an entry of its batch both carry.
pub(crate) struct Draft {
    pub(crate) body: String,
    /// Bytes that are not counted.
    pub(crate) uncounted_bytes: usize,
    pub(crate) delay_secs: Option<i32>,
    pub(crate) attributes: Vec<(String, api::MessageAttributeValue)>,
    pub(crate) system_attributes: Vec<(String, api::MessageSystemAttributeValue)>,
    pub(crate) group: Option<String>,
    pub(crate) deduplication: Option<String>,
}

impl Draft {
    /// Bytes that count towards a message's size, whether it will be taken or not.
    pub(crate) fn size(&self) -> usize {
        let attributes = self.attributes.iter().map(|(name, value)| {
            let text = value.string_value.as_ref().map_or(0, String::len);
            let binary = value.binary_value.as_ref().map_or(0, Bytes::len);
            name.len() + value.data_type.len() + text + binary
        });
        (self.body.len() + attributes.sum::<usize>()).saturating_sub(self.uncounted_bytes)
    }
}

/// A message that may be sent. Its body's digest is computed beside others, by [`digest_bodies`].
pub(crate) struct Checked {
    pub(crate) body: String,
    pub(crate) size: usize,
    pub(crate) attributes_md5: Option<[u8; 16]>,
    pub(crate) system_md5: Option<[u8; 16]>,
    attributes: Vec<Attribute>,
    trace_header: Option<Attribute>,
    delay_millis: Option<u64>,
    grouping: Grouping,
}

impl Checked {
    /// Checks all of a draft for such a queue but its size.
    pub(crate) fn new(draft: Draft, fifo: Option<FifoRules>, delay_secs_max: u32) -> Result<Self, Refusal> {
        let size = draft.size();
        if draft.body.is_empty() {
            return Err(Refusal::missing("MessageBody"));
        }
        if !is_plain(&draft.body) {
            message_attributes::check_characters(&draft.body, "message body")?;
        }
        let delay_millis = draft.delay_secs.map(|secs| check_delay(secs, delay_secs_max)).transpose()?;
        // Zero is what every message of a FIFO queue has of its own; the queue's delay is the one that counts.
        let own_delay = fifo.is_none_or(|fifo| fifo.delays_messages);
        if let (Some(secs @ 1..), false) = (draft.delay_secs, own_delay) {
            return Err(Refusal::not_of_this_queue_type(secs, "DelaySeconds"));
        }
        let delay_millis = delay_millis.filter(|_| own_delay);
        let grouping = Grouping::new(draft.group, draft.deduplication, &draft.body, fifo)?;
        let parse = |(name, value): (String, api::MessageAttributeValue)| Attribute::parse(name, value);
        let attributes = draft.attributes.into_iter().map(parse).collect::<Result<_, _>>()?;
        let attributes = message_attributes::in_order(attributes)?;
        let attributes_md5 = message_attributes::digest(attributes.iter());
        let trace_header = system_attributes::parse(draft.system_attributes)?;
        let system_md5 = message_attributes::digest(trace_header.iter());
        let body = draft.body;
        Ok(Self { body, size, attributes_md5, system_md5, attributes, trace_header, delay_millis, grouping })
    }

    /// The message as the queue takes it.
    ///
    /// With a data key its body and all that is said of it is sealed; only its labels stand open, and they are digests.
    pub(crate) fn into_message(
        self,
        id: MessageId,
        body_md5: [u8; 16],
        caller: &Caller,
        sending: Option<&Sending>,
    ) -> NewMessage {
        let Self { body, attributes_md5, attributes, trace_header, delay_millis, grouping, .. } = self;
        let trace_header = trace_header.map(|header| match header.value {
            Value::Text(text) => (SystemAttribute::TraceHeader, text.into_boxed_str()),
            Value::Binary(_) => unreachable!("a trace header is taken as a text only"),
        });
        // The message's own wins over the request's (X-Ray guide, "Amazon SQS and AWS X-Ray").
        let of_request = || system_attributes::of_request(caller.trace_header.as_deref());
        let mut system = Vec::from_iter(trace_header.or_else(of_request));
        let (labels, earlier_dedup) = (grouping.labels(), grouping.earlier_dedup(caller.now));
        grouping.append_to(&mut system);
        let properties = Properties { body_md5, attributes_md5, sender: sender(caller), attributes, system };
        let mut body_bytes = u32::try_from(body.len()).expect("a body is far smaller than 4 GiB");
        // Behind the body in its own buffer, so that the body is not copied. What the buffer has beyond that would be kept
        // for as long as the message.
        let mut bytes = body.into_bytes();
        properties.append_to(&mut bytes);
        if let Some(sending) = sending {
            bytes = sending.seal(id, body_bytes, &bytes);
            body_bytes = 0;
        }
        let labelled = labels.append_to(&mut bytes);
        NewMessage {
            id,
            body_bytes,
            bytes: Bytes::from(bytes.into_boxed_slice()),
            delay_millis,
            labelled,
            earlier_dedup,
        }
    }
}

/// The SenderId that receivers are told: the unique id of a user or of a role and its session, the account of a root user, the
/// address of somebody unknown (API reference, ReceiveMessage).
fn sender(caller: &Caller) -> String {
    let principal = &caller.identity.caller;
    match (principal.user_id(), principal.kind()) {
        (Some(id), _) => id,
        (None, Kind::Anonymous) => {
            caller.source.map_or_else(|| principal.name().to_owned(), |source| source.to_string())
        }
        (None, Kind::Service) => principal.name().to_owned(),
        (None, _) => caller.account.to_string(),
    }
}

/// The MD5 of each message's body.
pub(crate) fn digest_bodies<'a>(messages: impl IntoIterator<Item = &'a Checked>) -> Vec<[u8; 16]> {
    let bodies: Vec<&[u8]> = messages.into_iter().map(|message| message.body.as_bytes()).collect();
    md5_lanes::digest_all(&bodies)
}

/// The id of the `nth` message of a request: the request's own chance, spread, so that no second draw is needed. Its shape
/// is that of a random UUID.
pub(crate) fn message_id(caller: &Caller, nth: usize) -> MessageId {
    let words = caller.request_id.as_str().as_bytes().chunks(8).map(|bytes| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    });
    let (high, low) = words
        .fold((nth as u64, !(nth as u64)), |(high, low), word| (spread(high ^ word), spread(low.wrapping_add(word))));
    let mut id = [0; 16];
    id[..8].copy_from_slice(&high.to_be_bytes());
    id[8..].copy_from_slice(&low.to_be_bytes());
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    MessageId(id)
}

/// A message id in the shape of a UUID.
pub(crate) fn show_id(id: MessageId) -> String {
    let mut text = show_digest(id.0);
    for at in [8, 13, 18, 23] {
        text.insert(at, '-');
    }
    text
}

/// A digest in hexadecimal.
pub(crate) fn show_digest(digest: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // Room for the hyphens of an id.
    let mut text = String::with_capacity(36);
    for byte in digest {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
    text
}

/// A visibility timeout in milliseconds.
pub(crate) fn check_visibility(secs: i32, secs_max: u32) -> Result<u64, Refusal> {
    match u64::try_from(secs) {
        Ok(positive) if positive <= u64::from(secs_max) => Ok(positive * 1000),
        _ => {
            let reason = format!("Must be between 0 and {secs_max}, if provided.");
            Err(Refusal::invalid_value(secs, "VisibilityTimeout", &reason))
        }
    }
}

fn check_delay(secs: i32, secs_max: u32) -> Result<u64, Refusal> {
    match u64::try_from(secs) {
        Ok(positive) if positive <= u64::from(secs_max) => Ok(positive * 1000),
        _ => {
            let reason = format!("DelaySeconds must be >= 0 and <= {secs_max}.");
            Err(Refusal::invalid_value(secs, "DelaySeconds", &reason))
        }
    }
}

/// Printable ASCII, tabs and line ends, which is nearly every body: told without decoding characters. Chunks are folded
/// without a branch, so that the compiler looks at many bytes at once.
fn is_plain(body: &str) -> bool {
    let is_plain = |byte: u8| byte.wrapping_sub(0x20) < 0x60 || matches!(byte, b'\t' | b'\n' | b'\r');
    body.as_bytes().chunks(256).all(|chunk| chunk.iter().fold(true, |all, &byte| all & is_plain(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(body: &str) -> Draft {
        Draft {
            body: body.into(),
            uncounted_bytes: 0,
            delay_secs: None,
            attributes: Vec::new(),
            system_attributes: Vec::new(),
            group: None,
            deduplication: None,
        }
    }

    fn refusal(draft: Draft) -> Refusal {
        Checked::new(draft, None, 900).err().expect("the draft is refused")
    }

    #[test]
    fn an_envelope_does_not_count() {
        let enveloped = Draft { uncounted_bytes: 7, ..draft("envelope") };
        assert_eq!((draft("envelope").size(), enveloped.size()), (8, 1));
        let value = api::MessageAttributeValue {
            data_type: "String".into(),
            string_value: Some("v".into()),
            ..Default::default()
        };
        let labelled = Draft { attributes: vec![("name".into(), value)], uncounted_bytes: 11, ..draft("m") };
        assert_eq!(labelled.size(), 1, "nor does what the sender's service puts beside it");
    }

    #[test]
    fn the_body_is_digested_and_sized() {
        let checked = Checked::new(draft("hello"), None, 900).unwrap();
        assert_eq!(show_digest(digest_bodies(std::slice::from_ref(&checked))[0]), "5d41402abc4b2a76b9719d911017c592");
        assert_eq!((checked.size, checked.delay_millis), (5, None));
    }

    #[test]
    fn a_body_without_text_or_with_forbidden_characters_is_refused() {
        assert_eq!(refusal(draft("")).error.name, "MissingRequiredParameterException");
        for wrong in ["\u{0}", "a\u{1f}", "\u{fffe}", "\u{b}"] {
            assert_eq!(refusal(draft(wrong)).error.name, "InvalidMessageContents", "{wrong:?}");
        }
        for right in ["\t\r\n ~", "é\u{d7ff}\u{e000}\u{fffd}\u{10000}"] {
            assert!(Checked::new(draft(right), None, 900).is_ok(), "{right:?}");
        }
    }

    #[test]
    fn delay_and_visibility_keep_to_awss_ranges() {
        for (secs, right) in [(-1, false), (0, true), (900, true), (901, false)] {
            assert_eq!(
                Checked::new(Draft { delay_secs: Some(secs), ..draft("x") }, None, 900).is_ok(),
                right,
                "{secs}"
            );
        }
        for (secs, right) in [(-1, false), (0, true), (43_200, true), (43_201, false)] {
            assert_eq!(check_visibility(secs, 43_200).is_ok(), right, "{secs}");
        }
    }

    #[test]
    fn a_delay_of_its_own_is_nothing_for_a_fifo_queues_message() {
        let fifo = Some(FifoRules { by_content: true, ..FifoRules::default() });
        let message = |secs| Draft { delay_secs: Some(secs), group: Some("g".into()), ..draft("x") };
        let words = "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.";
        assert_eq!(Checked::new(message(2), fifo, 900).err().expect("it is refused").message, words);
        assert_eq!(Checked::new(message(0), fifo, 900).unwrap().delay_millis, None, "the queue's delay counts");
    }

    #[test]
    fn every_message_of_every_request_has_its_own_id() {
        let region = names::Region::parse("us-east-1").unwrap();
        let caller = |bits: u128| {
            let mut caller = Caller::for_test(names::AccountId::DEFAULT, region.clone(), names::Instant::EPOCH);
            caller.request_id = gateway::RequestId::from_random(bits);
            caller
        };
        let ids: std::collections::HashSet<[u8; 16]> = (0..1000)
            .flat_map(|bits| (0..10).map(move |nth| (bits, nth)))
            .map(|(bits, nth)| message_id(&caller(bits), nth).0)
            .collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id[6] >> 4 == 4 && id[8] >> 6 == 2));
    }

    #[test]
    fn ids_have_the_shape_of_a_uuid() {
        assert_eq!(show_id(MessageId([0xab; 16])), "abababab-abab-abab-abab-abababababab");
    }
}
