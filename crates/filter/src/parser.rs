//! The place where AWS's streaming parser stands, which its errors carry.
//!
//! That parser runs ahead in two ways, and the column in a recorded error only comes out when both are followed. Behind a
//! member's name it has already begun its value: a number, `true`, `false` or `null` to the end, anything else by its first
//! character. Of a text it has only seen the opening quote until somebody asks for its contents or goes on. Columns are UTF-16
//! units from one. The source stands in the error up to 500 of them, and not at all when it is longer than 32,768. Source:
//! Jackson's `ReaderBasedJsonParser`, `JsonLocation` and `JsonFactory`; recorded pairs in `tests/recorded.rs`.

use crate::json::{Scanner, Token};
use crate::limits::{SOURCE_EXCERPT_CHARS, SOURCE_TEXT_CHARS_MAX};

/// Walks through a text that is known to be JSON without a space.
pub(crate) struct Parser<'t> {
    source: &'t str,
    scanner: Scanner<'t>,
    /// The value behind a name, already begun.
    ahead: Option<Token<'t>>,
    stands: usize,
}

impl<'t> Parser<'t> {
    pub(crate) fn new(source: &'t str) -> Self {
        Self { source, scanner: Scanner::new(source), ahead: None, stands: 0 }
    }

    /// The next token. It must not be asked for behind the end.
    pub(crate) fn next(&mut self) -> Token<'t> {
        if let Some(value) = self.ahead.take() {
            return value;
        }
        let token = self.scan();
        if let Token::Name(_) = token {
            self.ahead = Some(self.scan());
        }
        token
    }

    /// The contents of the text that was just met are looked at: the parser now stands behind it.
    pub(crate) fn look(&mut self) {
        self.stands = self.scanner.span().1;
    }

    /// A sentence with the place where the parser stands.
    pub(crate) fn says(&self, sentence: &str) -> String {
        let column = self.source[..self.stands].encode_utf16().count() + 1;
        format!("{sentence}\n at [Source: {}; line: 1, column: {column}]", excerpt(self.source))
    }

    fn scan(&mut self) -> Token<'t> {
        let token = self.scanner.next().expect("the text is JSON").expect("nobody reads on behind the end");
        let (start, end) = self.scanner.span();
        self.stands = if let Token::Text(_) = token { start + 1 } else { end };
        token
    }
}

/// The source as an error shows it.
fn excerpt(source: &str) -> String {
    let units: Vec<u16> = source.encode_utf16().collect();
    if units.len() > SOURCE_TEXT_CHARS_MAX {
        return "(StringReader)".into();
    }
    match units.len().checked_sub(SOURCE_EXCERPT_CHARS) {
        None | Some(0) => format!("(String)\"{source}\""),
        Some(left) => {
            let shown = String::from_utf16_lossy(&units[..SOURCE_EXCERPT_CHARS]);
            format!("(String)\"{shown}\"[truncated {left} chars]")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_a_name_the_value_has_begun() {
        let mut parser = Parser::new(r#"{"a":true,"b":"text","c":[1]}"#);
        let mut columns = Vec::new();
        for _ in 0..8 {
            parser.next();
            columns.push(parser.stands + 1);
        }
        assert_eq!(columns, [2, 10, 10, 16, 16, 27, 27, 28]);
    }

    #[test]
    fn a_text_is_passed_when_it_is_looked_at() {
        let mut parser = Parser::new(r#"["ab"]"#);
        parser.next();
        parser.next();
        assert_eq!(parser.stands, 2);
        parser.look();
        assert_eq!(parser.stands, 5);
    }

    #[test]
    fn a_source_is_cut_after_500_characters() {
        let source = format!("[\"{}\"]", "é".repeat(496));
        assert!(
            Parser::new(&source).says("x").starts_with(&format!("x\n at [Source: (String)\"{source}\"; line: 1, "))
        );
        let source = format!("[\"{}\"]", "é".repeat(519));
        let cut: String = source.chars().take(500).collect();
        let said = Parser::new(&source).says("x");
        assert_eq!(said, format!("x\n at [Source: (String)\"{cut}\"[truncated 23 chars]; line: 1, column: 1]"));
    }

    #[test]
    fn a_source_that_is_read_as_a_stream_is_not_shown() {
        let source = format!("[\"{}\"]", "a".repeat(0x8000));
        assert_eq!(Parser::new(&source).says("x"), "x\n at [Source: (StringReader); line: 1, column: 1]");
    }
}
