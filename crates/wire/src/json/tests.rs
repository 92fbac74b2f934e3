//! The grammar of RFC 8259, entry by entry, and the exact bytes that are written.

use super::{JsonReader, decode, encode};
use crate::contract::{Read, Reader};
use crate::invalid::{Invalid, Problem};
use crate::limits::{DEPTH_MAX, ENTRIES_MAX};
use crate::timestamp::Timestamp;
use bytes::Bytes;

/// A map of text, which takes any document that is an object of strings.
type Texts = Vec<(String, String)>;

fn texts(document: &str) -> Result<Texts, Invalid> {
    decode(document.as_bytes())
}

/// Reads one value that is the whole document.
fn value<T: Read>(text: &str) -> Result<T, Invalid> {
    let mut reader = JsonReader::new(text.as_bytes())?;
    let value = T::read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

#[test]
fn escapes_are_undone() {
    for (text, expected) in [
        (r#""""#, ""),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\u20AC""#, "Aé€"),
        (r#""a\ud83d\uDE00b""#, "a😀b"),
        (r#""\u0000""#, "\0"),
        ("\"\u{7f}é😀\u{fffd}\"", "\u{7f}é😀\u{fffd}"),
    ] {
        assert_eq!(value::<String>(text).unwrap(), expected, "{text}");
    }
}

#[test]
fn half_a_surrogate_pair_is_told_from_broken_syntax() {
    for text in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\n""#, r#""\ud83dA""#, r#""\ud83d\u0041""#] {
        assert!(matches!(value::<String>(text).unwrap_err().problem(), Problem::LoneSurrogate { .. }), "{text}");
    }
}

#[test]
fn whoever_judges_texts_one_by_one_reads_a_stand_in_for_each_half() {
    for (text, expected) in [
        (r#" "\ud83d" "#, "\u{ffff}"),
        (r#""a\ude00b""#, "a\u{ffff}b"),
        (r#""\ud83dA\ud83d\n""#, "\u{ffff}A\u{ffff}\n"),
        (r#""\ud83d\u0041""#, "\u{ffff}A"),
        (r#""\ud83d\ud83d\uDE00\ud83d""#, "\u{ffff}😀\u{ffff}"),
    ] {
        let mut reader = JsonReader::new(text.as_bytes()).unwrap();
        assert!(matches!(reader.string().unwrap_err().problem(), Problem::LoneSurrogate { .. }), "{text}");
        assert!(reader.start_again_with_stand_ins());
        assert_eq!(reader.string().unwrap(), expected, "{text}");
        reader.finish().unwrap();
    }
    let mut reader = JsonReader::new(br#""\ud83d\uzzzz""#).unwrap();
    assert!(reader.start_again_with_stand_ins() && reader.string().is_err(), "what is no escape is none");
}

#[test]
fn broken_documents_are_refused_where_they_break() {
    for (document, offset) in [
        ("{", 1),
        (r#"{"a""#, 4),
        (r#"{"a":"#, 5),
        (r#"{"a":"b""#, 8),
        (r#"{"a":"b",}"#, 9),
        (r#"{,"a":"b"}"#, 1),
        (r#"{"a":"b" "c":"d"}"#, 9),
        (r#"{"a":"b"}x"#, 9),
        (r#"{"a":"b"}{}"#, 9),
        (r#"{a:"b"}"#, 1),
        (r#"{'a':"b"}"#, 1),
        ("{\"a\":\"b\nc\"}", 7),
        (r#"{"a":"\x"}"#, 7),
        (r#"{"a":"\u12"}"#, 7),
        (r#"{"a":nul}"#, 5),
        (r#"{"a":}"#, 5),
    ] {
        match texts(document).unwrap_err().problem() {
            Problem::Syntax { offset: found } => assert_eq!(*found, offset, "{document}"),
            other => panic!("{document}: {other}"),
        }
    }
    assert!(matches!(decode::<Texts>(b"{\"a\":\"\xff\"}").unwrap_err().problem(), Problem::NotUtf8));
}

#[test]
fn numbers_outside_the_grammar_are_refused() {
    for text in ["01", "-", "+1", "1.", ".5", "1e", "1e+", "--1", "0x10", "1_000", "NaN", "Infinity"] {
        assert!(
            matches!(value::<i64>(text).unwrap_err().problem(), Problem::Syntax { .. } | Problem::WrongType { .. }),
            "{text}"
        );
    }
}

#[test]
fn integers_are_exact_to_their_last_bit() {
    for text in ["9223372036854775807", "-9223372036854775808", "9007199254740993"] {
        assert_eq!(value::<i64>(text).unwrap().to_string(), text);
    }
    assert!(matches!(value::<i64>("9223372036854775808").unwrap_err().problem(), Problem::OutOfRange { .. }));
    assert!(matches!(value::<i64>("1e19").unwrap_err().problem(), Problem::OutOfRange { .. }));
}

#[test]
fn floats_have_the_three_values_that_json_has_not() {
    assert!(value::<f64>("\"NaN\"").unwrap().is_nan());
    for (text, number) in [("1.5", 1.5), ("-1e2", -100.0), ("\"-Infinity\"", f64::NEG_INFINITY), ("0", 0.0)] {
        assert!(value::<f64>(text).unwrap() == number, "{text}");
        assert!(value::<f64>(std::str::from_utf8(&encode(&number)).unwrap()).unwrap() == number, "{text}");
    }
}

#[test]
fn timestamps_are_epoch_seconds_and_integers_where_they_can_be() {
    for (millis, text) in
        [(0, "0"), (1_714_979_289_000, "1714979289"), (1_714_979_289_120, "1714979289.120"), (-1500, "-1.500")]
    {
        assert_eq!(encode(&Timestamp::from_millis(millis)), text.as_bytes());
        assert_eq!(value::<Timestamp>(text).unwrap().millis(), millis);
    }
    assert!(matches!(value::<Timestamp>("1e300").unwrap_err().problem(), Problem::BadTimestamp));
}

#[test]
fn blobs_are_base64_whose_slashes_may_be_escaped() {
    assert_eq!(value::<Bytes>(r#""AP+\/""#).unwrap(), Bytes::from_static(b"\x00\xff\xbf"));
    for text in [r#""AP8""#, r#""AP8=x""#, r#""_-8=""#, r#"" AP8=""#] {
        assert!(matches!(value::<Bytes>(text).unwrap_err().problem(), Problem::BadBase64), "{text}");
    }
}

#[test]
fn controls_are_escaped_and_everything_else_goes_out_as_it_is() {
    let text = "\"\\\n\r\t\u{8}\u{c}\u{1}\u{1f}/é\u{2028}😀".to_owned();
    assert_eq!(encode(&text), "\"\\\"\\\\\\n\\r\\t\\b\\f\\u0001\\u001f/é\u{2028}😀\"".as_bytes());
}

#[test]
fn nesting_and_entries_end_at_their_bounds() {
    let nested = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    assert!(value::<crate::Nothing>(&nested(DEPTH_MAX)).is_ok());
    assert!(matches!(value::<crate::Nothing>(&nested(DEPTH_MAX + 1)).unwrap_err().problem(), Problem::TooDeep));
    let list = |len: usize| format!("[{}1]", "1,".repeat(len - 1));
    assert_eq!(value::<Vec<i32>>(&list(ENTRIES_MAX)).unwrap().len(), ENTRIES_MAX);
    assert!(matches!(value::<Vec<i32>>(&list(ENTRIES_MAX + 1)).unwrap_err().problem(), Problem::TooMany));
}

#[test]
fn the_last_of_many_equal_keys_wins() {
    let keys: String = (0..40).map(|at| format!("\"k{}\":\"{at}\",", at % 20)).collect();
    let map = texts(&format!("{{{keys}\"k0\":\"last\"}}")).unwrap();
    assert_eq!(map.len(), 20);
    assert_eq!(map.iter().find(|(key, _)| key == "k0").unwrap().1, "last");
    assert_eq!(map.iter().find(|(key, _)| key == "k7").unwrap().1, "27");
}
