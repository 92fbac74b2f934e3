//! A message as it is published, and what filters see of it.
//!
//! [`Fields`] holds, for each key that is asked for, the message's values in their order, and for a body where in arrays they
//! stand: an alternative of a policy is only met by values that lie in the same element of each array that they share. The
//! walk has no recursion, passes over what nobody asks for, and yet reads the body to its end, since a body that is no JSON
//! object matches nothing. Source: AWS, "Filter policy constraints" and "Message filtering"; aws/event-ruler, `Event` and
//! `ArrayMembership`; LocalStack's recordings `test_filter_policy_on_message_body…`.

use crate::json::{Malformed, Scanner, Token};
use crate::paths::{PathId, Paths, ROOT};
use crate::rule::Value;
use std::borrow::Cow;

/// A message attribute.
#[derive(Debug, Clone, Copy)]
pub struct Attribute<'m> {
    /// Its name, which a policy's key must equal.
    pub name: &'m str,
    /// Its data type: `String`, `String.Array`, `Number`, `Binary`, or one of these with a custom label behind a dot.
    pub data_type: &'m str,
    /// Its string value; a binary one has none.
    pub text: Option<&'m str>,
}

/// What a filter decides about.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    /// All attributes of the message; names do not repeat.
    pub attributes: &'m [Attribute<'m>],
    /// The message itself.
    pub body: &'m str,
}

/// Not in any element of an array.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// One value of a message.
#[derive(Debug)]
pub(crate) struct Field<'m> {
    pub(crate) path: PathId,
    /// Which of the message's values it is.
    pub(crate) order: u32,
    /// The innermost element of an array that it lies in.
    pub(crate) element: u32,
    pub(crate) value: Value<'m>,
}

/// An object or array that is an element of an array.
#[derive(Debug, Clone, Copy)]
struct Element {
    array: u32,
    /// The element around it.
    parent: u32,
    depth: u32,
    /// How many values came before it.
    from: u32,
}

/// All values that are asked for.
#[derive(Debug, Default)]
pub(crate) struct Fields<'m> {
    fields: Vec<Field<'m>>,
    elements: Vec<Element>,
    /// For each array, how many values came before its end.
    array_ends: Vec<u32>,
}

impl<'m> Fields<'m> {
    /// What the attributes say. Binary ones are not there, as AWS documents.
    pub(crate) fn of_attributes(attributes: &[Attribute<'m>], paths: &Paths) -> Self {
        let mut fields = Self::default();
        for attribute in attributes {
            let Some(path) = paths.step(ROOT, attribute.name).filter(|path| paths.is_asked(*path)) else { continue };
            if let Some(text) = attribute.text {
                fields.attribute(path, attribute.data_type, text);
            }
        }
        fields.sorted()
    }

    /// What the body says; nothing where it is no JSON object.
    pub(crate) fn of_body(body: &'m str, paths: &Paths) -> Option<Self> {
        Walk { fields: Self::default(), frames: Vec::new(), paths }.through(&mut Scanner::new(body)).ok()?
    }

    /// All values under a key, in their order.
    pub(crate) fn of(&self, path: PathId) -> &[Field<'m>] {
        let from = self.fields.partition_point(|field| field.path < path);
        let count = self.fields[from..].partition_point(|field| field.path == path);
        &self.fields[from..from + count]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field<'m>> {
        self.fields.iter()
    }

    /// Whether no value lies in an element of an array, so that none excludes another.
    pub(crate) fn is_flat(&self) -> bool {
        self.elements.is_empty()
    }

    /// Where two values cannot both be taken, because they lie in two elements of one array: up to which value all others
    /// exclude `kept` as well. Both are given by their elements.
    pub(crate) fn clash(&self, kept: u32, other: u32) -> Option<u32> {
        let depth = |element: u32| if element == NOWHERE { 0 } else { self.elements[element as usize].depth };
        let up = |element: u32| self.elements[element as usize].parent;
        let (mut kept, mut other) = (kept, other);
        while depth(kept) > depth(other) {
            kept = up(kept);
        }
        while depth(other) > depth(kept) {
            other = up(other);
        }
        while kept != other {
            let (one, two) = (self.elements[kept as usize], self.elements[other as usize]);
            if one.array == two.array {
                // Elements are numbered as they begin.
                return Some(if other < kept { one.from } else { self.array_ends[one.array as usize] });
            }
            (kept, other) = (one.parent, two.parent);
        }
        None
    }

    fn attribute(&mut self, path: PathId, data_type: &str, text: &'m str) {
        let (kind, label) = data_type.split_once('.').unwrap_or((data_type, ""));
        match (kind, label) {
            ("Binary", _) => {}
            (_, "Array") => match array(text) {
                Ok(values) => values.into_iter().for_each(|value| self.push(path, NOWHERE, value)),
                // It is there, and it is no array: the number or the text that it is.
                Err(_) if is_number(text) => self.push(path, NOWHERE, Value::number(text.trim())),
                Err(_) => self.push(path, NOWHERE, Value::Text(escaped(text.into()))),
            },
            ("Number", _) => self.push(path, NOWHERE, Value::number(text)),
            _ => self.push(path, NOWHERE, Value::Text(escaped(text.into()))),
        }
    }

    fn push(&mut self, path: PathId, element: u32, value: Value<'m>) {
        let order = self.count();
        self.fields.push(Field { path, order, element, value });
    }

    fn count(&self) -> u32 {
        u32::try_from(self.fields.len()).expect("a message is shorter than four billion values")
    }

    /// By key, and each key's values in their order.
    fn sorted(mut self) -> Self {
        self.fields.sort_unstable_by_key(|field| (field.path, field.order));
        self
    }
}

/// The values of an attribute that is an array; arrays within it count as theirs, objects are passed over.
fn array(text: &str) -> Result<Vec<Value<'_>>, Malformed> {
    let mut scanner = Scanner::new(text);
    let mut values = Vec::new();
    let mut objects = 0;
    let first = scanner.next()?;
    if first != Some(Token::ArrayStart) {
        return Err(scanner.stop());
    }
    while let Some(token) = scanner.next()? {
        match token {
            Token::ObjectStart => objects += 1,
            Token::ObjectEnd => objects -= 1,
            _ if objects > 0 => {}
            token => values.extend(scalar(token)),
        }
    }
    for value in &mut values {
        if let Value::Text(text) = value {
            *text = escaped(std::mem::take(text));
        }
    }
    Ok(values)
}

/// Whether a text is one JSON number and nothing else.
fn is_number(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    matches!((scanner.next(), scanner.next()), (Ok(Some(Token::Number(_))), Ok(None)))
}

/// The value that a token is, unless it begins or ends something.
fn scalar(token: Token<'_>) -> Option<Value<'_>> {
    match token {
        Token::Text(text) => Some(Value::Text(text)),
        Token::Number(text) => Some(Value::number(text)),
        Token::True => Some(Value::True),
        Token::False => Some(Value::False),
        Token::Null => Some(Value::Null),
        _ => None,
    }
}

/// An attribute's text as AWS compares it: quotes and backslashes are escaped, so a policy has to escape them twice ("Filter
/// policy constraints", attribute-based filtering).
fn escaped(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(['"', '\\']) {
        return text;
    }
    Cow::Owned(text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A walk through a body, along the keys that are asked for.
struct Walk<'m, 'p> {
    fields: Fields<'m>,
    frames: Vec<Frame>,
    paths: &'p Paths,
}

/// An object or array that is open.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// The array's number, where it is one.
    array: Option<u32>,
    /// The key that leads here, or nothing where nobody asks for what is within.
    path: Option<PathId>,
    /// The key of the member that comes next; of an array always its own.
    next: Option<PathId>,
    /// The innermost element that it lies in or is.
    element: u32,
}

impl<'m> Walk<'m, '_> {
    fn through(mut self, scanner: &mut Scanner<'m>) -> Result<Option<Fields<'m>>, Malformed> {
        if scanner.next()? != Some(Token::ObjectStart) {
            return Ok(None);
        }
        self.frames.push(Frame { array: None, path: Some(ROOT), next: None, element: NOWHERE });
        while let Some(token) = scanner.next()? {
            match token {
                Token::Name(name) => self.member(&name),
                Token::ObjectStart => self.begin(false),
                Token::ArrayStart => self.begin(true),
                Token::ObjectEnd | Token::ArrayEnd => self.end(),
                token => self.value(token),
            }
        }
        Ok(Some(self.fields.sorted()))
    }

    fn top(&mut self) -> &mut Frame {
        self.frames.last_mut().expect("what is read lies in the outermost object")
    }

    fn member(&mut self, name: &str) {
        let paths = self.paths;
        let top = self.top();
        top.next = top.path.and_then(|path| paths.step(path, name));
    }

    fn value(&mut self, token: Token<'m>) {
        let Frame { next, element, .. } = *self.top();
        let Some(path) = next.filter(|path| self.paths.is_asked(*path)) else { return };
        if let Some(value) = scalar(token) {
            self.fields.push(path, element, value);
        }
    }

    fn begin(&mut self, is_array: bool) {
        let around = *self.top();
        let path = around.next;
        let element = match (around.array, path) {
            (Some(array), Some(_)) => self.element(array, around.element),
            _ => around.element,
        };
        let array = match (is_array, path) {
            (true, Some(_)) => {
                self.fields.array_ends.push(0);
                Some(
                    u32::try_from(self.fields.array_ends.len() - 1).expect("a body has fewer arrays than four billion"),
                )
            }
            _ => None,
        };
        self.frames.push(Frame { array, path, next: path.filter(|_| is_array), element });
    }

    fn element(&mut self, array: u32, parent: u32) -> u32 {
        let elements = &mut self.fields.elements;
        let depth = if parent == NOWHERE { 1 } else { elements[parent as usize].depth + 1 };
        let element = u32::try_from(elements.len()).expect("a body has fewer elements than four billion");
        let from = self.fields.count();
        self.fields.elements.push(Element { array, parent, depth, from });
        element
    }

    fn end(&mut self) {
        let frame = self.frames.pop().expect("what ends has begun");
        if let Some(array) = frame.array {
            self.fields.array_ends[array as usize] = self.fields.count();
        }
    }
}
