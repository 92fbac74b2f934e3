//! The bytes of messages, against goldens that botocore's `EventStreamBuffer` (1.44.5) was seen to read as named.

use super::{Broken, Kind, Message, encode, read};
use crate::limits::EVENT_MESSAGE_BYTES_MAX;
use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

const INITIAL: &str = "00000068000000564e6817240d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507\
    0010696e697469616c2d726573706f6e73650d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b7dfe942c1d";
const EVENT: &str = "000000830000005b6fdd9d570d3a6d6573736167652d747970650700056576656e740b3a6576656e742d747970650700\
    15537562736372696265546f53686172644576656e740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b22\
    4d696c6c6973426568696e644c6174657374223a307d91108ed5";
const EXCEPTION: &str = "0000009800000064ce8b16f90d3a6d6573736167652d74797065070009657863657074696f6e0f3a657863657074\
    696f6e2d747970650700165265736f75726365496e557365457863657074696f6e0d3a636f6e74656e742d747970650700106170706c696361\
    74696f6e2f6a736f6e7b226d657373616765223a22416e6f74686572206f6e6520746f6f6b206f7665722e227d9f19d70a";
const ERROR: &str = "0000006000000050977bf9d00d3a6d6573736167652d747970650700056572726f720b3a6572726f722d636f64650700\
    0f496e7465726e616c4661696c7572650e3a6572726f722d6d65737361676507000a4974206661696c65642e7a8c2be1";
const CBOR: &str = "0000006300000051a7dcb3960d3a6d6573736167652d747970650700056576656e740b3a6576656e742d747970650700\
    01450d3a636f6e74656e742d7479706507001a6170706c69636174696f6e2f782d616d7a2d63626f722d312e31bfff7f0b0fcf";
/// A header of every kind, in the order of their numbers, the text `tea` among them.
const EVERY_KIND: &str = "0000006700000056cc3880f5017400016601016202ff017303010201690400000005016c05000000000000000603\
    7261770600036162630474657874070003746561026174080000013d8e8d098002696409000102030405060708090a0b0c0d0e0f70dfbee1f5";
const EMPTY: &str = "000000100000000005c248eb7d98c8ff";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn written(kind: Kind<'_>, content_type: &str, payload: &[u8]) -> Vec<u8> {
    encode(kind, content_type, |mut message| {
        message.extend_from_slice(payload);
        message
    })
}

#[test]
fn messages_are_written_as_botocore_reads_them() {
    const JSON: &str = "application/json";
    let error = Kind::Error { code: "InternalFailure", message: "It failed." };
    for (golden, kind, content_type, payload) in [
        (INITIAL, Kind::Event(super::INITIAL_RESPONSE), JSON, &b"{}"[..]),
        (EVENT, Kind::Event("SubscribeToShardEvent"), JSON, br#"{"MillisBehindLatest":0}"#),
        (EXCEPTION, Kind::Exception("ResourceInUseException"), JSON, br#"{"message":"Another one took over."}"#),
        (ERROR, error, JSON, b""),
        (CBOR, Kind::Event("E"), "application/x-amz-cbor-1.1", b"\xbf\xff"),
    ] {
        let golden = bytes(golden);
        assert_eq!(written(kind, content_type, payload), golden, "{kind:?}");
        let message = read(&golden).unwrap().unwrap();
        assert_eq!((message.kind(), message.payload, message.bytes), (Some(kind), payload, golden.len()));
    }
}

#[test]
fn headers_of_every_kind_are_passed_over_and_text_is_kept() {
    let golden = bytes(EVERY_KIND);
    let message = read(&golden).unwrap().unwrap();
    assert_eq!(message, Message { headers: vec![("text", "tea")], payload: b"p", bytes: golden.len() });
    assert_eq!((message.header("text"), message.header("raw"), message.kind()), (Some("tea"), None, None));
    let empty = bytes(EMPTY);
    assert_eq!(read(&empty).unwrap().unwrap(), Message { headers: Vec::new(), payload: b"", bytes: 16 });
}

#[test]
fn a_stream_is_read_message_by_message_as_its_bytes_come() {
    let stream = [bytes(INITIAL), bytes(EVENT)].concat();
    for end in 0..bytes(INITIAL).len() {
        assert_eq!(read(&stream[..end]), Ok(None), "{end}");
    }
    let first = read(&stream).unwrap().unwrap();
    let second = read(&stream[first.bytes..]).unwrap().unwrap();
    assert_eq!(second.kind(), Some(Kind::Event("SubscribeToShardEvent")));
    assert_eq!(first.bytes + second.bytes, stream.len());
}

#[test]
fn a_changed_byte_is_noticed_wherever_it_stands() {
    let golden = bytes(EVENT);
    for at in 0..golden.len() {
        let mut changed = golden.clone();
        changed[at] ^= 0x10;
        let expected = if at < super::PRELUDE_BYTES { Broken::Prelude } else { Broken::Checksum };
        assert_eq!(read(&changed), Err(expected), "{at}");
    }
}

/// A message with these lengths and headers, whose checksums are right.
fn claimed(total: u32, headers: u32, content: &[u8]) -> Vec<u8> {
    let mut message = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(content);
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message
}

#[test]
fn lengths_that_cannot_be_are_refused_before_anything_waits_for_them() {
    for (total, headers) in [(15, 0), (0, 0), (16, 1), (20, u32::MAX), (EVENT_MESSAGE_BYTES_MAX as u32 + 1, 0)] {
        assert_eq!(read(&claimed(total, headers, b"")), Err(Broken::Lengths), "{total} {headers}");
    }
    for head in [&b"\x05ab"[..], b"\x01a", b"\x01a\x0a", b"\x01a\x04\0\0", b"\x01a\x07\0\x09x", b"\x01\xff\x00"] {
        let message = claimed(16 + head.len() as u32, head.len() as u32, head);
        assert_eq!(read(&message), Err(Broken::Headers), "{head:?}");
    }
}

#[test]
fn words_longer_than_a_header_holds_are_cut_between_characters() {
    let words = "ß".repeat(40_000);
    let message = written(Kind::Error { code: "E", message: &words }, "", b"");
    let read = read(&message).unwrap().unwrap();
    let kept = read.header(":error-message").unwrap();
    assert!(words.starts_with(kept) && kept.len() == 32_766, "{}", kept.len());
}

#[test]
#[should_panic(expected = "more than any client takes")]
fn no_message_is_longer_than_clients_take() {
    encode(Kind::Event("E"), "", |mut message| {
        message.resize(EVENT_MESSAGE_BYTES_MAX, 0);
        message
    });
}

proptest! {
    #[test]
    fn what_is_written_is_read(name in ".{0,40}", content_type in ".{0,40}", payload in prop::collection::vec(any::<u8>(), 0..300)) {
        for kind in [Kind::Event(&name), Kind::Exception(&name)] {
            let bytes = written(kind, &content_type, &payload);
            let message = read(&bytes).unwrap().unwrap();
            prop_assert_eq!((message.kind(), message.header(":content-type")), (Some(kind), Some(&*content_type)));
            prop_assert_eq!((message.payload, message.bytes), (&payload[..], bytes.len()));
        }
    }

    #[test]
    fn strangers_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), headers in 0u32..60) {
        drop(read(&bytes));
        let message = claimed(16 + bytes.len() as u32, headers, &bytes);
        match read(&message) {
            Ok(read) => prop_assert!(read.is_some()),
            Err(broken) => prop_assert!(matches!(broken, Broken::Lengths | Broken::Headers)),
        }
    }
}
