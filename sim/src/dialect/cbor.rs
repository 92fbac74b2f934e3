//! CBOR (RFC 8949) to and from JSON: what rpcv2Cbor puts requests and answers into.
//!
//! ```text
//! first byte  major type (3 bits) | argument (5 bits: 0–23 itself, 24–27 in 1/2/4/8 bytes, 31 indefinite)
//! ```

use base64_simd::STANDARD;
use serde_json::{Map, Value};

const INDEFINITE: u8 = 31;
const BREAK: u8 = 0xff;

/// What the number of a moment counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Seconds,
    /// Of the older protocol: whole numbers.
    Millis,
}

/// Milliseconds of a moment that is too late for seconds: in the year 5138.
const MILLIS_MIN: u64 = 100_000_000_000;

/// A value in its shortest form, all lengths definite. Numbers with fractions are moments; what is called `Data` is bytes.
pub(super) fn encode(value: &Value, times: Times) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, value, times);
    out
}

fn put(out: &mut Vec<u8>, value: &Value, times: Times) {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(flag) => out.push(0xf4 + u8::from(*flag)),
        Value::Number(number) => match (number.as_u64(), times) {
            (Some(whole), _) => head(out, 0, whole),
            (None, Times::Seconds) => {
                out.extend([0xc1, 0xfb]);
                out.extend(number.as_f64().expect("requests have no negative numbers").to_be_bytes());
            }
            (None, Times::Millis) => {
                out.push(0xc1);
                head(out, 0, (number.as_f64().expect("requests have no negative numbers") * 1000.0).round() as u64);
            }
        },
        Value::String(text) => text_of(out, text),
        Value::Array(list) => {
            head(out, 4, list.len() as u64);
            list.iter().for_each(|item| put(out, item, times));
        }
        Value::Object(map) => {
            head(out, 5, map.len() as u64);
            for (name, value) in map {
                text_of(out, name);
                match value.as_str().filter(|_| name == "Data") {
                    Some(text) => bytes_of(out, text),
                    None => put(out, value, times),
                }
            }
        }
    }
}

/// Bytes, which the JSON has in base64.
fn bytes_of(out: &mut Vec<u8>, text: &str) {
    let bytes = STANDARD.decode_to_vec(text).expect("what is called Data is base64");
    head(out, 2, bytes.len() as u64);
    out.extend(bytes);
}

fn text_of(out: &mut Vec<u8>, text: &str) {
    head(out, 3, text.len() as u64);
    out.extend(text.as_bytes());
}

fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    match u8::try_from(argument) {
        Ok(small @ 0..=23) => out.push(major | small),
        Ok(byte) => out.extend([major | 24, byte]),
        Err(_) => {
            out.push(major | 27);
            out.extend(argument.to_be_bytes());
        }
    }
}

/// The one value that these bytes are.
pub(super) fn decode(bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let value = take(&mut rest)?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes behind the end", rest.len())) }
}

fn bytes<'a>(rest: &mut &'a [u8], count: u64) -> Result<&'a [u8], String> {
    let split = usize::try_from(count).ok().and_then(|count| rest.split_at_checked(count));
    let (taken, after) = split.ok_or("it is cut off")?;
    *rest = after;
    Ok(taken)
}

fn take(rest: &mut &[u8]) -> Result<Value, String> {
    let first = bytes(rest, 1)?[0];
    let (major, short) = (first >> 5, first & 31);
    if major == 7 {
        return simple(rest, short);
    }
    let argument = match short {
        0..=23 => Some(u64::from(short)),
        24..=27 => Some(bytes(rest, 1 << (short - 24))?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))),
        INDEFINITE => None,
        _ => return Err(format!("an argument of the kind {short}")),
    };
    match (major, argument) {
        (0, Some(number)) => Ok(number.into()),
        (1, Some(number)) => Ok((-1 - i64::try_from(number).map_err(|error| error.to_string())?).into()),
        (2, Some(count)) => Ok(STANDARD.encode_to_string(bytes(rest, count)?).into()),
        (3, Some(count)) => Ok(text(bytes(rest, count)?)?.into()),
        (3, None) => {
            let mut whole = String::new();
            while let Some(part) = unless_over(rest, take)? {
                whole.push_str(part.as_str().ok_or("a text of other parts")?);
            }
            Ok(whole.into())
        }
        (4, count) => items(rest, count, take).map(Value::Array),
        (5, count) => Ok(Value::Object(items(rest, count, member)?.into_iter().collect::<Map<_, _>>())),
        // A tag says what the value means, which the oracle knows, but for whether a moment counts seconds or milliseconds.
        (6, Some(tag)) => {
            take(rest).map(|value| match value.as_u64().filter(|number| tag == 1 && *number >= MILLIS_MIN) {
                Some(millis) => (millis as f64 / 1000.0).into(),
                None => value,
            })
        }
        _ => Err(format!("a value of the kind {major}")),
    }
}

fn member(rest: &mut &[u8]) -> Result<(String, Value), String> {
    let name = take(rest)?.as_str().ok_or("a member without a name")?.to_owned();
    Ok((name, take(rest)?))
}

fn items<T>(
    rest: &mut &[u8],
    count: Option<u64>,
    one: impl Fn(&mut &[u8]) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut found = Vec::new();
    match count {
        Some(count) => {
            for _ in 0..count {
                found.push(one(rest)?);
            }
        }
        None => {
            while let Some(item) = unless_over(rest, &one)? {
                found.push(item);
            }
        }
    }
    Ok(found)
}

/// The next item of a list without a length; none at its end.
fn unless_over<T>(rest: &mut &[u8], one: impl Fn(&mut &[u8]) -> Result<T, String>) -> Result<Option<T>, String> {
    match rest.split_first() {
        Some((&BREAK, after)) => {
            *rest = after;
            Ok(None)
        }
        _ => one(rest).map(Some),
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| error.to_string())
}

fn simple(rest: &mut &[u8], short: u8) -> Result<Value, String> {
    match short {
        20 | 21 => Ok((short == 21).into()),
        22 => Ok(Value::Null),
        26 => Ok(f32::from_be_bytes(bytes(rest, 4)?.try_into().expect("they are four")).into()),
        27 => Ok(f64::from_be_bytes(bytes(rest, 8)?.try_into().expect("they are eight")).into()),
        other => Err(format!("a simple value {other}")),
    }
}
