//! The one way of writing a request that both sides sign.
//!
//! ```text
//! METHOD \n path \n query \n name:value\n… \n names \n digest of the body
//! ```
//! The path is encoded once more than it came, after dots and double slashes are resolved, but for S3, whose keys may
//! have both: there it stands as it came. The query is decoded, encoded and sorted, without its signature.

use super::Incoming;
use super::claim::Claim;
use super::fault::Fault;
use aws_lc_rs::digest::{SHA256, digest};
use std::borrow::Cow;

/// Writes the canonical request.
pub(super) fn write(request: &Incoming<'_>, claim: &Claim<'_>) -> Result<String, Fault> {
    let mut text = String::with_capacity(512);
    text.push_str(request.method);
    text.push('\n');
    write_path(&mut text, request.path, claim.service() == "s3");
    text.push('\n');
    write_query(&mut text, request.query, claim.expires.is_some());
    text.push('\n');
    write_headers(&mut text, request, claim)?;
    text.push('\n');
    text.push_str(&claim.signed_headers);
    text.push('\n');
    match &claim.digest {
        Some(digest) => text.push_str(digest),
        None => write_hex(&mut text, digest(&SHA256, request.body).as_ref()),
    }
    Ok(text)
}

fn write_path(text: &mut String, path: &str, as_it_came: bool) {
    if as_it_came {
        return text.push_str(if path.is_empty() { "/" } else { path });
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    for segment in &segments {
        text.push('/');
        encode(text, segment.as_bytes());
    }
    let open = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    if segments.is_empty() || open {
        text.push('/');
    }
}

fn write_query(text: &mut String, query: &str, presigned: bool) {
    if query.is_empty() {
        return;
    }
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (recode(name), recode(value))
    });
    let mut pairs: Vec<(String, String)> = pairs.filter(|(name, _)| !presigned || name != "X-Amz-Signature").collect();
    pairs.sort_unstable();
    for (place, (name, value)) in pairs.iter().enumerate() {
        if place > 0 {
            text.push('&');
        }
        text.push_str(name);
        text.push('=');
        text.push_str(value);
    }
}

/// The headers that are signed, which must be in order, must be there, and must be all that have a meaning for us.
fn write_headers(text: &mut String, request: &Incoming<'_>, claim: &Claim<'_>) -> Result<(), Fault> {
    let mut before = "";
    for name in claim.signed_headers.split(';') {
        let plain = !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase()) && before < name;
        if !plain {
            return Err(Fault::Mismatch);
        }
        before = name;
        let start = text.len();
        text.push_str(name);
        for (other, value) in request.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name)) {
            debug_assert!(!other.is_empty(), "a name that equals a name that is not empty");
            text.push(if text.len() == start + name.len() { ':' } else { ',' });
            write_value(text, std::str::from_utf8(value).map_err(|_| Fault::Mismatch)?);
        }
        if text.len() == start + name.len() {
            return Err(Fault::Mismatch);
        }
        text.push('\n');
    }
    if !claim.signs("host") {
        return Err(Fault::Unsigned("host".into()));
    }
    let ours = |name: &&str| name.len() > 6 && name.as_bytes()[..6].eq_ignore_ascii_case(b"x-amz-");
    match request.headers.iter().map(|(name, _)| *name).filter(ours).find(|name| !claim.signs(name)) {
        Some(name) => Err(Fault::Unsigned(name.to_lowercase())),
        None => Ok(()),
    }
}

/// Without blanks at its ends, and with one for each run of them.
fn write_value(text: &mut String, value: &str) {
    let value = value.trim_matches([' ', '\t', '\r', '\n']);
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    // Nearly every value has single spaces at the most.
    if value.as_bytes().windows(2).all(|pair| !is_blank(&pair[1]) || (pair[1] == b' ' && !is_blank(&pair[0]))) {
        return text.push_str(value);
    }
    let mut blank = false;
    for character in value.chars() {
        let now = matches!(character, ' ' | '\t' | '\r' | '\n');
        if !now {
            text.push(character);
        } else if !blank {
            text.push(' ');
        }
        blank = now;
    }
}

fn recode(part: &str) -> String {
    let mut text = String::with_capacity(part.len() + 8);
    encode(&mut text, &decode_bytes(part));
    text
}

/// All but unreserved characters as `%XX`.
fn encode(text: &mut String, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            let digit = |nibble: u8| char::from(HEX[usize::from(nibble)]);
            text.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
}

fn decode_bytes(part: &str) -> Cow<'_, [u8]> {
    if !part.contains('%') {
        return Cow::Borrowed(part.as_bytes());
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = if first == b'%' { after.get(..2).and_then(hex_pair) } else { None };
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    Cow::Owned(bytes)
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(pair[0])? << 4 | digit(pair[1])?)
}

/// A decoded part of a query; empty where it is no text.
pub(super) fn decode(part: &str) -> Cow<'_, str> {
    match decode_bytes(part) {
        Cow::Borrowed(_) => Cow::Borrowed(part),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).unwrap_or_default()),
    }
}

/// In lower case, as digests and signatures are written.
pub(super) fn write_hex(text: &mut String, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
}
