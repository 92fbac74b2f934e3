//! Forms: `Action=SendMessage&QueueUrl=…`, lists and maps flat and counted from one.
//!
//! To SQS a list is `Name.1`, `Name.2`, and a map is `Name.1.Name` and `Name.1.Value`; what a member is called in the singular stands in
//! the model, and here for those that the simulation uses. To SNS a list is `Name.member.1`, and a map `Name.entry.1.key` and
//! `Name.entry.1.value`, those of message attributes with capitals.

use super::Api;
use serde_json::Value;
use std::fmt::Write;

const VERSION: &str = "2012-11-05";
const VERSION_OF_TOPICS: &str = "2010-03-31";

/// The body of a request.
pub(super) fn body(api: Api, operation: &str, input: &Value) -> String {
    if api == Api::Topics {
        let mut out = format!("Action={operation}&Version={VERSION_OF_TOPICS}");
        nested(&mut out, "", input);
        return out;
    }
    let mut out = format!("Action={operation}&Version={VERSION}");
    members(&mut out, operation, "", input);
    out
}

/// As SNS has lists and maps.
fn nested(out: &mut String, name: &str, value: &Value) {
    let within = |member: &str| if name.is_empty() { member.to_owned() } else { format!("{name}.{member}") };
    let is_map = name.ends_with("Attributes");
    match value {
        Value::Object(map) if is_map => {
            let of_message = name.ends_with("MessageAttributes");
            let [key, value] = if of_message { ["Name", "Value"] } else { ["key", "value"] };
            for (number, (known, shown)) in (1..).zip(map) {
                pair(out, &within(&format!("entry.{number}.{key}")), known);
                nested(out, &within(&format!("entry.{number}.{value}")), shown);
            }
        }
        Value::Object(map) => map.iter().for_each(|(member, value)| nested(out, &within(member), value)),
        Value::Array(list) => {
            (1..).zip(list).for_each(|(number, item)| nested(out, &within(&format!("member.{number}")), item));
        }
        Value::String(text) => pair(out, name, text),
        other => pair(out, name, &other.to_string()),
    }
}

fn members(out: &mut String, operation: &str, prefix: &str, input: &Value) {
    for (name, value) in input.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("Attributes" | "MessageAttributes", Value::Object(map)) => {
                let name = name.trim_end_matches('s');
                for (number, (key, value)) in (1..).zip(map) {
                    pair(out, &format!("{prefix}{name}.{number}.Name"), key);
                    any(out, operation, &format!("{prefix}{name}.{number}.Value"), value);
                }
            }
            ("Entries", Value::Array(list)) => {
                for (number, entry) in (1..).zip(list) {
                    members(out, operation, &format!("{operation}RequestEntry.{number}."), entry);
                }
            }
            (_, Value::Array(list)) => {
                let name = name.trim_end_matches('s');
                for (number, item) in (1..).zip(list) {
                    any(out, operation, &format!("{prefix}{name}.{number}"), item);
                }
            }
            _ => any(out, operation, &format!("{prefix}{name}"), value),
        }
    }
}

fn any(out: &mut String, operation: &str, name: &str, value: &Value) {
    match value {
        Value::String(text) => pair(out, name, text),
        Value::Object(_) => members(out, operation, &format!("{name}."), value),
        other => pair(out, name, &other.to_string()),
    }
}

fn pair(out: &mut String, name: &str, value: &str) {
    out.push('&');
    escape(out, name);
    out.push('=');
    escape(out, value);
}

/// Everything but letters, digits, dots and the like becomes a per cent sign and two digits (RFC 3986).
fn escape(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            other => write!(out, "%{other:02X}").expect("a string takes all text"),
        }
    }
}
