//! JSON, token by token, as the parser that AWS uses reads it, with that parser's words for what is wrong.
//!
//! [`Scanner`] is strict (RFC 8259) and knows what may come next, so whoever reads its tokens sees well-formed nesting only; it
//! copies a text only where it holds an escape, and goes into the depth without a stack of its own kind. Where it stops it says
//! the place and the reason; the words are made only when somebody asks, since most bodies of messages are no JSON at all.
//! Source of the words: Jackson's `ReaderBasedJsonParser`, and what AWS was recorded to answer.

mod malformed;
mod tree;

pub(crate) use malformed::{Fault, Malformed};
pub(crate) use tree::{Json, NotATree};

use std::borrow::Cow;

/// One step through a document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token<'t> {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    /// The name of a member, whose value comes next.
    Name(Cow<'t, str>),
    Text(Cow<'t, str>),
    /// As it is written.
    Number(&'t str),
    True,
    False,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    SeparatorOrEnd,
    Nothing,
}

/// An object or array that has begun, and where.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_object: bool,
    at: usize,
}

/// Reads one document.
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    start: usize,
    open: Vec<Open>,
    expected: Expected,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0, start: 0, open: Vec::new(), expected: Expected::Value }
    }

    /// Where the last token begins and ends; a name's end is behind its colon.
    pub(crate) fn span(&self) -> (usize, usize) {
        (self.start, self.at)
    }

    /// The refusal of a document that is not of the kind that was asked for.
    pub(crate) fn stop(&self) -> Malformed {
        self.fault(Fault::Trailing)
    }

    /// The next token, nothing behind the end.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'t>>, Malformed> {
        self.skip_space();
        if self.expected == Expected::SeparatorOrEnd {
            match self.peek() {
                Some(b',') => self.comma(),
                Some(b'}' | b']') => return self.close().map(Some),
                _ => return Err(self.no_separator()),
            }
        }
        self.start = self.at;
        match (self.expected, self.peek()) {
            (Expected::Nothing, None) => Ok(None),
            (Expected::Nothing, Some(_)) => Err(self.fault(Fault::Trailing)),
            (Expected::NameOrEnd, Some(b'}')) | (Expected::ValueOrEnd, Some(b']')) => self.close().map(Some),
            (Expected::Name | Expected::NameOrEnd, _) => self.name().map(Some),
            _ => self.value().map(Some),
        }
    }

    fn comma(&mut self) {
        self.at += 1;
        self.skip_space();
        self.expected = if self.is_in_object() { Expected::Name } else { Expected::Value };
    }

    fn no_separator(&self) -> Malformed {
        match (self.peek(), self.is_in_object()) {
            (None, _) => self.end_of_input(),
            (_, true) => self.unexpected("was expecting comma to separate Object entries"),
            (_, false) => self.unexpected("was expecting comma to separate Array entries"),
        }
    }

    fn close(&mut self) -> Result<Token<'t>, Malformed> {
        let open = self.open.last().copied().expect("what expects an end is open");
        let is_brace = self.peek() == Some(b'}');
        if is_brace != open.is_object {
            return Err(self.fault(Fault::Mismatch { is_object: open.is_object, at: open.at }));
        }
        self.start = self.at;
        self.at += 1;
        self.open.pop();
        self.value_is_over();
        Ok(if is_brace { Token::ObjectEnd } else { Token::ArrayEnd })
    }

    fn name(&mut self) -> Result<Token<'t>, Malformed> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(self.unexpected("was expecting double-quote to start field name")),
            None => return Err(self.fault(Fault::Inside { is_object: true })),
        }
        let name = self.string(Fault::EndOfName)?;
        self.skip_space();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(self.unexpected("was expecting a colon to separate field name and value")),
            None => return Err(self.fault(Fault::Inside { is_object: true })),
        }
        self.expected = Expected::Value;
        Ok(Token::Name(name))
    }

    fn value(&mut self) -> Result<Token<'t>, Malformed> {
        let token =
            match self.peek() {
                Some(b'"') => Token::Text(self.string(Fault::EndOfText)?),
                Some(open @ (b'{' | b'[')) => return Ok(self.begin(open == b'{')),
                Some(b'-' | b'0'..=b'9') => Token::Number(self.number()?),
                Some(byte) if is_of_a_word(byte) => self.word()?,
                Some(_) => return Err(self.unexpected(
                    "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
                )),
                None => return Err(self.nothing_there()),
            };
        self.value_is_over();
        Ok(token)
    }

    fn begin(&mut self, is_object: bool) -> Token<'t> {
        self.open.push(Open { is_object, at: self.at });
        self.at += 1;
        self.expected = if is_object { Expected::NameOrEnd } else { Expected::ValueOrEnd };
        if is_object { Token::ObjectStart } else { Token::ArrayStart }
    }

    fn value_is_over(&mut self) {
        self.expected = if self.open.is_empty() { Expected::Nothing } else { Expected::SeparatorOrEnd };
    }

    /// A text from its opening quote to behind its closing one.
    fn string(&mut self, unfinished: Fault) -> Result<Cow<'t, str>, Malformed> {
        self.at += 1;
        let from = self.at;
        let mut unescaped: Option<String> = None;
        let mut plain_from = from;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let Some(plain) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) else {
                self.at = self.text.len();
                return Err(self.fault(unfinished));
            };
            self.at += plain;
            let so_far = &self.text[plain_from..self.at];
            match rest[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(match unescaped {
                        None => Cow::Borrowed(so_far),
                        Some(text) => Cow::Owned(text + so_far),
                    });
                }
                b'\\' => {
                    let text = unescaped.get_or_insert_with(String::new);
                    text.push_str(so_far);
                    text.push(self.escape(unfinished)?);
                    plain_from = self.at;
                }
                control => return Err(self.fault(Fault::Control(control))),
            }
        }
    }

    /// The character that an escape stands for; a half of a pair that stands alone becomes the replacement character.
    fn escape(&mut self, unfinished: Fault) -> Result<char, Malformed> {
        self.at += 1;
        let Some(letter) = self.text[self.at..].chars().next() else { return Err(self.fault(unfinished)) };
        let plain = match letter {
            '"' | '\\' | '/' => letter,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(),
            other => return Err(self.fault(Fault::Escape(other))),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.hexadecimal()?;
        let pairs = (0xd800..0xdc00).contains(&first) && self.text.as_bytes()[self.at..].starts_with(b"\\u");
        if !pairs {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.at;
        self.at += 1;
        let second = self.hexadecimal()?;
        if !(0xdc00..0xe000).contains(&second) {
            self.at = before;
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let paired = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        Ok(char::from_u32(paired).expect("two halves make a character"))
    }

    /// Four digits behind the `u` at which it stands.
    fn hexadecimal(&mut self) -> Result<u32, Malformed> {
        let mut value = 0;
        for _ in 0..4 {
            self.at += 1;
            let Some(letter) = self.text[self.at..].chars().next() else { return Err(self.fault(Fault::EndOfEscape)) };
            let Some(digit) = letter.to_digit(16) else {
                return Err(self.unexpected("expected a hex-digit for character escape sequence"));
            };
            value = value << 4 | digit;
        }
        self.at += 1;
        Ok(value)
    }

    fn number(&mut self) -> Result<&'t str, Malformed> {
        let from = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let is_zero_led = self.peek() == Some(b'0');
        if self.digits() == 0 {
            return Err(self.bad_number("expected digit (0-9) to follow minus sign, for valid numeric value"));
        }
        let whole = self.text[from..self.at].trim_start_matches('-');
        if is_zero_led && whole.len() > 1 {
            return Err(self.fault(Fault::LeadingZeros));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.bad_number("Decimal point not followed by a digit"));
            }
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            if self.digits() == 0 {
                return Err(self.bad_number("Exponent indicator not followed by a digit"));
            }
        }
        Ok(&self.text[from..self.at])
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - from
    }

    fn word(&mut self) -> Result<Token<'t>, Malformed> {
        let from = self.at;
        while self.peek().is_some_and(is_of_a_word) {
            self.at += 1;
        }
        match &self.text[from..self.at] {
            "true" => Ok(Token::True),
            "false" => Ok(Token::False),
            "null" => Ok(Token::Null),
            _ => Err(self.fault(Fault::Word { from })),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn is_in_object(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_object)
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    fn fault(&self, fault: Fault) -> Malformed {
        Malformed { at: self.at, fault }
    }

    fn unexpected(&self, words: &'static str) -> Malformed {
        let found = self.text[self.at..].chars().next().expect("there is a character that was not expected");
        self.fault(Fault::Unexpected(found, words))
    }

    fn bad_number(&self, words: &'static str) -> Malformed {
        match self.peek() {
            Some(_) => self.unexpected(words),
            None => self.fault(Fault::EndOfNumber),
        }
    }

    fn end_of_input(&self) -> Malformed {
        let open = self.open.last().expect("what expects a separator is open");
        self.fault(Fault::Unclosed { is_object: open.is_object, at: open.at })
    }

    /// There is no value where one must be.
    fn nothing_there(&self) -> Malformed {
        match self.open.last() {
            None => self.fault(Fault::Empty),
            Some(_) if self.expected == Expected::ValueOrEnd => self.end_of_input(),
            Some(open) => self.fault(Fault::Inside { is_object: open.is_object }),
        }
    }
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
        let mut scanner = Scanner::new(text);
        let mut all = Vec::new();
        while let Some(token) = scanner.next().map_err(|malformed| malformed.words(text))? {
            all.push(token);
        }
        Ok(all)
    }

    fn refused(text: &str, words: &str) {
        let place = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: ";
        let said = tokens(text).expect_err(text).replace(place, "<");
        assert_eq!(said, words, "{text}");
    }

    #[test]
    fn a_document_is_read_token_by_token() {
        let read =
            tokens("{\"a\" : [1, -2.5e+3,\"x\"], \"b\":{ }, \"c\":[ ],\n\"d\":true,\"e\":false,\"f\":null}").unwrap();
        assert_eq!(read.len(), 20);
        assert_eq!(read[3..5], [Token::Number("1"), Token::Number("-2.5e+3")]);
        assert_eq!(tokens("  7 ").unwrap(), [Token::Number("7")]);
    }

    #[test]
    fn escapes_stand_for_their_characters() {
        let read =
            tokens(r#"["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00", "\ud83d", "\ud83dx", "\ud83d\u0041", "\ude00"]"#).unwrap();
        let expected = ["\"\\/\u{8}\u{c}\n\r\té😀", "\u{fffd}", "\u{fffd}x", "\u{fffd}A", "\u{fffd}"];
        assert_eq!(read[1..6], expected.map(|text| Token::Text(text.into())));
    }

    #[test]
    fn what_is_no_json_is_told_in_the_words_of_awss_parser() {
        refused(
            "{invalidjson}",
            "Unexpected character ('i' (code 105)): was expecting double-quote to start field name\n at <1, column: 2]",
        );
        refused(
            "{\"a\" 1}",
            "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value\n at <1, column: 6]",
        );
        refused(
            "{\"a\":1 \"b\":2}",
            "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries\n at <1, column: 8]",
        );
        refused(
            "[1\n 2]",
            "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries\n at <2, column: 2]",
        );
        refused(
            "{\"a\":[\"é\", nil]}",
            "Unrecognized token 'nil': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at <1, column: 15]",
        );
        refused(
            "[1}",
            "Unexpected close marker '}': expected ']' (for Array starting at <1, column: 1])\n at <1, column: 3]",
        );
        refused(
            "{\"a\":1",
            "Unexpected end-of-input: expected close marker for Object (start marker at <1, column: 1])\n at <1, column: 7]",
        );
        refused("{\"a", "Unexpected end-of-input in field name\n at <1, column: 4]");
        refused("[\"a", "Unexpected end-of-input: was expecting closing quote for a string value\n at <1, column: 4]");
        refused(
            "[\"a\nb\"]",
            "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value\n at <1, column: 4]",
        );
        refused("[\"\\x\"]", "Unrecognized character escape 'x' (code 120)\n at <1, column: 4]");
        refused("[01]", "Invalid numeric value: Leading zeroes not allowed\n at <1, column: 4]");
        refused(
            "[-x]",
            "Unexpected character ('x' (code 120)): expected digit (0-9) to follow minus sign, for valid numeric value\n at <1, column: 3]",
        );
        refused(
            "[1.]",
            "Unexpected character (']' (code 93)): Decimal point not followed by a digit\n at <1, column: 4]",
        );
        refused(
            "[@]",
            "Unexpected character ('@' (code 64)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at <1, column: 2]",
        );
    }

    #[test]
    fn texts_that_end_too_early_or_too_late_are_refused() {
        for text in [
            "",
            " ",
            "[",
            "{",
            "[1,",
            "{\"a\":",
            "{\"a\"",
            "{\"a\":1,",
            "[\"\\",
            "[\"\\u00",
            "[-",
            "[1e",
            "tru",
            "[tru",
            "{} {}",
            "1 2",
            "[1]]",
        ] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }

    #[test]
    fn columns_count_as_java_counts_characters() {
        refused(
            "[\"😀\" @]",
            "Unexpected character ('@' (code 64)): was expecting comma to separate Array entries\n at <1, column: 7]",
        );
    }
}
