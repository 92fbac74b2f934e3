//! Answers in XML, as the JSON that the same answer would be.
//!
//! Enough of XML for what a server sends: elements, text, character references. Flat lists and maps get the names that their
//! members have in the model.

use serde_json::{Map, Value, json};

#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// The result of an answer, or an error's type and message.
pub(super) fn answer(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    let root = document(text)?;
    if let Some(error) = root.child("Error") {
        let code = error.child("Code").ok_or("an error without a code")?;
        let message = error.child("Message").map(|message| message.text.as_str());
        return Ok(json!({"__type": name_of(&code.text), "message": message}));
    }
    let result = root.children.iter().find(|child| child.name.ends_with("Result"));
    Ok(result.filter(|result| !result.children.is_empty()).map_or_else(|| json!({}), value))
}

/// What an error is called in JSON.
fn name_of(code: &str) -> &str {
    match code {
        "AWS.SimpleQueueService.NonExistentQueue" => "QueueDoesNotExist",
        "InvalidParameterValue" => "InvalidParameterValueException",
        "RequestTimeout" => "RequestTimeoutException",
        other => other.strip_prefix("AWS.SimpleQueueService.").unwrap_or(other),
    }
}

fn value(element: &Element) -> Value {
    if element.children.is_empty() {
        return element.text.as_str().into();
    }
    if element.children.iter().all(|child| child.name == "member") {
        return element.children.iter().map(value).collect();
    }
    let mut members = Map::new();
    for child in &element.children {
        let list = match child.name.as_str() {
            "Message" => "Messages",
            "SendMessageBatchResultEntry" | "DeleteMessageBatchResultEntry" => "Successful",
            "BatchResultErrorEntry" => "Failed",
            "ListMessageMoveTasksResultEntry" => "Results",
            "Attribute" | "MessageAttribute" => {
                let map = members.entry(format!("{}s", child.name)).or_insert_with(|| json!({}));
                let part = |name| child.child(name).map_or(Value::Null, value);
                map[part("Name").as_str().unwrap_or_default()] = part("Value");
                continue;
            }
            other => {
                members.insert(other.into(), value(child));
                continue;
            }
        };
        let list = members.entry(list).or_insert_with(|| json!([]));
        list.as_array_mut().expect("it was made as a list").push(value(child));
    }
    members.into()
}

fn document(text: &str) -> Result<Element, String> {
    let text = text.trim_start();
    let text = match text.strip_prefix("<?") {
        Some(rest) => rest.split_once("?>").ok_or("a declaration without an end")?.1,
        None => text,
    };
    let (root, rest) = element(text.trim_start())?;
    if rest.trim().is_empty() { Ok(root) } else { Err(format!("{rest:?} behind the end")) }
}

/// The element with which `text` begins, and what follows it.
fn element(text: &str) -> Result<(Element, &str), String> {
    let (tag, mut rest) = text.strip_prefix('<').and_then(|text| text.split_once('>')).ok_or("no element")?;
    let is_empty = tag.ends_with('/');
    let name = tag.trim_end_matches('/').split_whitespace().next().ok_or("an element without a name")?;
    let mut found = Element { name: name.into(), ..Element::default() };
    if is_empty {
        return Ok((found, rest));
    }
    loop {
        let (before, _) = rest.split_once('<').ok_or_else(|| format!("<{name}> does not end"))?;
        found.text.push_str(&characters(before)?);
        rest = &rest[before.len()..];
        if let Some(end) = rest.strip_prefix("</") {
            let (closed, after) = end.split_once('>').ok_or("a tag does not end")?;
            if closed != name {
                return Err(format!("<{name}> is closed as {closed}"));
            }
            return Ok((found, after));
        }
        let (child, after) = element(rest)?;
        found.children.push(child);
        rest = after;
    }
}

/// Text with its references resolved.
fn characters(text: &str) -> Result<String, String> {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(';').ok_or("a reference without an end")?;
        let code = name.strip_prefix("#x").map(|digits| u32::from_str_radix(digits, 16));
        let code = code.or_else(|| name.strip_prefix('#').map(str::parse));
        let found = match (name, code) {
            (_, Some(code)) => code.ok().and_then(char::from_u32),
            ("amp", _) => Some('&'),
            ("lt", _) => Some('<'),
            ("gt", _) => Some('>'),
            ("quot", _) => Some('"'),
            ("apos", _) => Some('\''),
            _ => None,
        };
        out.push(found.ok_or_else(|| format!("&{name}; is no character"))?);
        out.push_str(rest);
    }
    Ok(out)
}
