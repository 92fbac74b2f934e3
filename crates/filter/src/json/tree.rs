//! A whole document in memory, and written again without a space.
//!
//! AWS reads a policy into a tree and hands it on written anew, which the places in its errors show: they count columns of the
//! compact text. A name given twice has its last value at its first place.

use super::{Malformed, Scanner, Token};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write;

/// A value of a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'t> {
    Object(Vec<(Cow<'t, str>, Json<'t>)>),
    Array(Vec<Json<'t>>),
    Text(Cow<'t, str>),
    /// As it is written.
    Number(&'t str),
    True,
    False,
    Null,
}

/// Why there is no tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NotATree {
    Malformed(Malformed),
    /// Well-formed so far, and deeper than was asked for.
    TooDeep,
}

impl From<Malformed> for NotATree {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl<'t> Json<'t> {
    /// Reads a document whose objects and arrays lie at most `nesting_max` within each other.
    pub(crate) fn read(text: &'t str, nesting_max: usize) -> Result<Self, NotATree> {
        let mut scanner = Scanner::new(text);
        let first = scanner.next()?.expect("an empty text is malformed");
        let read = value(&mut scanner, first, nesting_max)?;
        match scanner.next()? {
            None => Ok(read),
            Some(_) => unreachable!("a scanner refuses what trails"),
        }
    }

    /// The members, where it is an object.
    pub(crate) fn members(&self) -> Option<&[(Cow<'t, str>, Json<'t>)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The document without a space.
    pub(crate) fn compact(&self) -> String {
        let mut written = String::new();
        self.write(&mut written);
        written
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Object(members) => list(out, ['{', '}'], members, |out, (name, value)| {
                quote(out, name);
                out.push(':');
                value.write(out);
            }),
            Self::Array(items) => list(out, ['[', ']'], items, |out, item| item.write(out)),
            Self::Text(text) => quote(out, text),
            Self::Number(number) => out.push_str(number),
            Self::True => out.push_str("true"),
            Self::False => out.push_str("false"),
            Self::Null => out.push_str("null"),
        }
    }
}

fn value<'t>(scanner: &mut Scanner<'t>, first: Token<'t>, nesting_left: usize) -> Result<Json<'t>, NotATree> {
    match first {
        Token::ObjectStart | Token::ArrayStart if nesting_left == 0 => Err(NotATree::TooDeep),
        Token::ObjectStart => object(scanner, nesting_left - 1),
        Token::ArrayStart => array(scanner, nesting_left - 1),
        Token::Text(text) => Ok(Json::Text(text)),
        Token::Number(number) => Ok(Json::Number(number)),
        Token::True => Ok(Json::True),
        Token::False => Ok(Json::False),
        Token::Null => Ok(Json::Null),
        Token::Name(_) | Token::ObjectEnd | Token::ArrayEnd => unreachable!("a value begins with none of these"),
    }
}

fn object<'t>(scanner: &mut Scanner<'t>, nesting_left: usize) -> Result<Json<'t>, NotATree> {
    let mut members: Vec<(Cow<'t, str>, Json<'t>)> = Vec::new();
    let mut places: HashMap<Cow<'t, str>, usize> = HashMap::new();
    while let Token::Name(name) = within(scanner)? {
        let first = within(scanner)?;
        let value = value(scanner, first, nesting_left)?;
        match places.get(&name) {
            Some(place) => members[*place].1 = value,
            None => {
                places.insert(name.clone(), members.len());
                members.push((name, value));
            }
        }
    }
    Ok(Json::Object(members))
}

fn array<'t>(scanner: &mut Scanner<'t>, nesting_left: usize) -> Result<Json<'t>, NotATree> {
    let mut items = Vec::new();
    loop {
        match within(scanner)? {
            Token::ArrayEnd => return Ok(Json::Array(items)),
            first => items.push(value(scanner, first, nesting_left)?),
        }
    }
}

fn within<'t>(scanner: &mut Scanner<'t>) -> Result<Token<'t>, Malformed> {
    Ok(scanner.next()?.expect("what is open does not end without a word"))
}

fn list<T>(out: &mut String, marks: [char; 2], items: &[T], write: impl Fn(&mut String, &T)) {
    out.push(marks[0]);
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(marks[1]);
}

/// A text in quotes, escaped where JSON must.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' => write!(out, "\\u{:04X}", u32::from(letter)).expect("a text takes all that is written"),
            _ => out.push(letter),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compact(text: &str) -> String {
        Json::read(text, 10).unwrap().compact()
    }

    #[test]
    fn a_document_is_written_without_a_space() {
        assert_eq!(
            compact(" { \"a\" : [ 1 , 2.50, \"\\u0041\\/\" ] ,\n \"b\" : { } } "),
            r#"{"a":[1,2.50,"A/"],"b":{}}"#
        );
        assert_eq!(compact(r#""\u0001\n\"\\é""#), r#""\u0001\n\"\\é""#);
    }

    #[test]
    fn a_name_given_twice_has_its_last_value_at_its_first_place() {
        assert_eq!(compact(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn what_is_nested_too_deeply_is_no_tree() {
        assert_eq!(Json::read("[[[1]]]", 2), Err(NotATree::TooDeep));
        assert!(Json::read("[[[1]]]", 3).is_ok());
    }
}
