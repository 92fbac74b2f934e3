//! The PDUs of SMPP 3.4 that a sender of short messages writes and reads. Integers are big-endian; a text ends with a zero.
//!
//! ```text
//! header       length 4 │ command 4 │ status 4 │ sequence 4
//! bind         system_id text │ password text │ system_type text │ interface_version 1 │ ton 1 │ npi 1 │ address_range text
//! submit_sm    service_type text │ source: ton 1, npi 1, text │ destination: ton 1, npi 1, text │ esm_class 1 │ protocol_id 1 │
//!              priority 1 │ schedule text │ validity text │ registered_delivery 1 │ replace 1 │ data_coding 1 │ default 1 │
//!              length 1 │ short_message
//! deliver_sm   the same
//! ```
//! Source: SMPP Protocol Specification v3.4, sections 3 to 5.

use crate::sms::{Alphabet, Parts, Sms};

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 16;

/// Bytes of a PDU that is read: a message of 254 octets and optional parameters fit many times.
pub(super) const PDU_BYTES_MAX: usize = 4096;

pub(super) const GENERIC_NACK: u32 = 0x8000_0000;
pub(super) const RESPONSE: u32 = 0x8000_0000;
pub(super) const BIND_TRANSMITTER: u32 = 0x02;
pub(super) const SUBMIT_SM: u32 = 0x04;
pub(super) const DELIVER_SM: u32 = 0x05;
pub(super) const UNBIND: u32 = 0x06;
pub(super) const BIND_TRANSCEIVER: u32 = 0x09;
pub(super) const ENQUIRE_LINK: u32 = 0x15;

/// The status of a PDU that says nothing is wrong.
pub(super) const OK: u32 = 0;
/// Of an answer to what is not known.
pub(super) const INVALID_COMMAND: u32 = 3;

/// Of an answer to what cannot be taken at this moment.
pub(super) const TRY_LATER: u32 = 0x64;

/// Version 3.4.
const INTERFACE_VERSION: u8 = 0x34;
/// The message begins with a header of its own.
const ESM_HAS_HEADER: u8 = 0x40;
/// What kinds of short message a bit of esm_class says: receipts among them.
const ESM_KIND: u8 = 0x3c;
const CODING_UCS2: u8 = 8;

/// One PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pdu {
    pub(super) command: u32,
    pub(super) status: u32,
    pub(super) sequence: u32,
    pub(super) body: Vec<u8>,
}

/// A kind of number, and the plan that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Address<'a> {
    ton: u8,
    npi: u8,
    text: &'a str,
}

impl Pdu {
    pub(super) fn request(command: u32, sequence: u32, body: Vec<u8>) -> Self {
        Self { command, status: OK, sequence, body }
    }

    /// What this one is answered with.
    pub(super) fn answered(&self, status: u32, body: Vec<u8>) -> Self {
        Self { command: self.command | RESPONSE, status, sequence: self.sequence, body }
    }

    pub(super) fn is_response(&self) -> bool {
        self.command & RESPONSE != 0
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let length = u32::try_from(HEADER_BYTES + self.body.len()).expect("a PDU of ours is short");
        let head = [length, self.command, self.status, self.sequence];
        head.into_iter().flat_map(u32::to_be_bytes).chain(self.body.iter().copied()).collect()
    }

    /// How long the body behind a header is, and the PDU without it; nothing if no PDU is that long.
    pub(super) fn head(bytes: &[u8; HEADER_BYTES]) -> Option<(usize, Self)> {
        let word = |place: usize| u32::from_be_bytes(bytes[4 * place..][..4].try_into().expect("four bytes"));
        let length = usize::try_from(word(0)).ok()?;
        let body = length.checked_sub(HEADER_BYTES).filter(|_| length <= PDU_BYTES_MAX)?;
        Some((body, Self { command: word(1), status: word(2), sequence: word(3), body: Vec::new() }))
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    out.extend(text.bytes().filter(|byte| *byte != 0));
    out.push(0);
}

/// What a session begins with.
pub(super) fn bind(system_id: &str, password: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_text(system_id, &mut body);
    put_text(password, &mut body);
    body.push(0);
    body.extend([INTERFACE_VERSION, 0, 0, 0]);
    body
}

impl<'a> Address<'a> {
    fn of(text: &'a str) -> Self {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.strip_prefix('+') {
            // International, of the plan of telephones.
            Some(digits) => Self { ton: 1, npi: 1, text: digits },
            // A short code is the network's own.
            None if is_number => Self { ton: 3, npi: 0, text },
            None if text.is_empty() => Self { ton: 0, npi: 0, text },
            None => Self { ton: 5, npi: 0, text },
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend([self.ton, self.npi]);
        put_text(self.text, out);
    }
}

/// The bodies of the submit_sm that a message goes out in, in order.
pub(super) fn submits(sms: &Sms) -> Vec<Vec<u8>> {
    let Parts { alphabet, parts } = Parts::of(&sms.text);
    let count = u8::try_from(parts.len()).expect("a message was measured at the door");
    let body = |(part, nth): (&Vec<u8>, u8)| {
        let header = [5, 0, 3, sms.reference, count, nth];
        let header = if count > 1 { &header[..] } else { &[] };
        submit(sms, alphabet, header, part)
    };
    parts.iter().zip(1..).map(body).collect()
}

fn submit(sms: &Sms, alphabet: Alphabet, header: &[u8], part: &[u8]) -> Vec<u8> {
    let mut body = vec![0];
    Address::of(sms.from.as_deref().unwrap_or_default()).put(&mut body);
    Address::of(&sms.to).put(&mut body);
    let esm_class = if header.is_empty() { 0 } else { ESM_HAS_HEADER };
    let data_coding = if alphabet == Alphabet::Ucs2 { CODING_UCS2 } else { 0 };
    body.extend([esm_class, 0, 0, 0, 0, 0, 0, data_coding, 0]);
    body.push(u8::try_from(header.len() + part.len()).expect("a part has 160 octets at the most"));
    body.extend(header);
    body.extend(part);
    body
}

/// A short message that came in: from which number, and what it says; nothing of receipts.
pub(super) fn delivered(body: &[u8]) -> Option<(String, String)> {
    let mut fields = Fields(body);
    fields.text()?;
    let from = fields.address()?;
    fields.address()?;
    let [esm_class, ..] = fields.bytes::<3>()?;
    fields.text()?;
    fields.text()?;
    let [_, _, data_coding, _, length] = fields.bytes::<5>()?;
    let message = fields.0.get(..usize::from(length)).filter(|_| esm_class & ESM_KIND == 0)?;
    let message =
        if esm_class & ESM_HAS_HEADER == 0 { message } else { message.get(usize::from(*message.first()?) + 1..)? };
    Some((from, read(data_coding, message)))
}

/// What octets say, where they are of letters that answers are made of.
fn read(data_coding: u8, octets: &[u8]) -> String {
    match data_coding {
        CODING_UCS2 => {
            let units: Vec<u16> = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        _ => String::from_utf8_lossy(octets).into_owned(),
    }
}

/// Takes fields off the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const COUNT: usize>(&mut self) -> Option<[u8; COUNT]> {
        let (taken, rest) = self.0.split_at_checked(COUNT)?;
        self.0 = rest;
        taken.try_into().ok()
    }

    fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = String::from_utf8_lossy(&self.0[..end]).into_owned();
        self.0 = &self.0[end + 1..];
        Some(text)
    }

    /// A number of the international kind gets its plus back.
    fn address(&mut self) -> Option<String> {
        let [ton, _] = self.bytes::<2>()?;
        let text = self.text()?;
        Some(if ton == 1 && !text.starts_with('+') { format!("+{text}") } else { text })
    }
}

/// Why a message center does not take a PDU: in the words of the specification, and whether it never will.
pub(super) fn reason(status: u32) -> (String, bool) {
    let named = STATUSES.iter().find(|(known, _)| *known == status);
    let name = named.map_or("an error of its own", |(_, name)| *name);
    (format!("the message center refuses: {name} (0x{status:08X})"), is_final(status))
}

/// What is wrong with the message itself stays wrong. All else is the center's, the login's or the moment's.
fn is_final(status: u32) -> bool {
    matches!(
        status,
        0x01 | 0x06 | 0x0a | 0x0b | 0x33 | 0x34 | 0x40 | 0x42 | 0x43 | 0x48..=0x51 | 0x61..=0x63 | 0x65 | 0x66 | 0xc0..=0xc4
    )
}

/// Those that say more than that something is wrong.
const STATUSES: [(u32, &str); 22] = [
    (0x01, "message length is invalid"),
    (0x03, "invalid command id"),
    (0x04, "incorrect bind status"),
    (0x05, "already bound"),
    (0x08, "system error"),
    (0x0a, "invalid source address"),
    (0x0b, "invalid destination address"),
    (0x0d, "bind failed"),
    (0x0e, "invalid password"),
    (0x0f, "invalid system id"),
    (0x14, "message queue full"),
    (0x43, "invalid esm_class"),
    (0x45, "submit failed"),
    (0x48, "invalid source TON"),
    (0x49, "invalid source NPI"),
    (0x50, "invalid destination TON"),
    (0x51, "invalid destination NPI"),
    (0x58, "throttled"),
    (0x64, "temporary error of the receiving application"),
    (0x65, "permanent error of the receiving application"),
    (0x66, "rejected by the receiving application"),
    (0xff, "unknown error"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn sms(text: &str) -> Sms {
        Sms { to: "+491701234567".into(), from: Some("Tide".into()), text: text.into(), reference: 7 }
    }

    #[test]
    fn a_message_is_written_as_the_specification_has_it() {
        let [body] = &submits(&sms("Hi€"))[..] else { panic!("one part") };
        let expected = [&b"\0\x05\0Tide\0\x01\x01491701234567\0\0\0\0\0\0\0\0\0\0"[..], &[4, b'H', b'i', 27, 0x65]];
        assert_eq!(body, &expected.concat());
        let [body] = &submits(&sms("я"))[..] else { panic!("one part") };
        assert_eq!(body[body.len() - 5..], [8, 0, 2, 0x04, 0x4f]);
    }

    #[test]
    fn parts_say_which_they_are() {
        let bodies = submits(&sms(&"a".repeat(200)));
        assert_eq!(bodies.len(), 2);
        for (body, nth) in bodies.iter().zip(1..) {
            let place = body.len() - if nth == 1 { 159 } else { 53 };
            assert_eq!(body[place..][..7], [5, 0, 3, 7, 2, nth, b'a']);
        }
    }

    #[test]
    fn a_header_that_no_pdu_has_is_none() {
        let pdu = Pdu::request(SUBMIT_SM, 9, vec![1, 2]);
        let bytes = pdu.encode();
        let head = bytes.first_chunk().unwrap();
        assert_eq!(Pdu::head(head), Some((2, Pdu { body: Vec::new(), ..pdu })));
        for length in [0_u32, 15, 5000, u32::MAX] {
            let mut head = *head;
            head[..4].copy_from_slice(&length.to_be_bytes());
            assert_eq!(Pdu::head(&head), None, "{length}");
        }
    }

    #[test]
    fn a_message_that_comes_in_is_read_and_half_of_one_is_not() {
        let body =
            submit(&Sms { to: "77001".into(), from: Some("+15550100".into()), ..sms("") }, Alphabet::Gsm, &[], b"STOP");
        assert_eq!(delivered(&body), Some(("+15550100".into(), "STOP".into())));
        for length in 0..body.len() {
            assert_eq!(delivered(&body[..length]), None, "{length}");
        }
        let wide = submit(&sms(""), Alphabet::Ucs2, &[5, 0, 3, 1, 1, 1], &[0x04, 0x4f]);
        assert_eq!(delivered(&wide).unwrap().1, "я");
    }

    #[test]
    fn what_is_wrong_with_a_message_is_final_and_what_is_wrong_with_the_center_is_not() {
        for status in [0x0a, 0x0b, 0x01, 0x65, 0x66] {
            assert!(reason(status).1, "{status:x}");
        }
        for status in [0x08, 0x14, 0x45, 0x58, 0x0d, 0x0e, 0x64, 0xff, 0x400] {
            assert!(!reason(status).1, "{status:x}");
        }
        assert_eq!(reason(0x58).0, "the message center refuses: throttled (0x00000058)");
    }
}
