//! What is wrong with a text that is no JSON, and the words of AWS's parser for it.
//!
//! Lines and columns count from one, columns in UTF-16 units, as Java counts characters. That parser hides its source: AWS was
//! recorded so in October 2025 (LocalStack's snapshots, `test_validate_set_sub_attributes`).

/// Where reading stopped, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Malformed {
    /// Bytes into the text.
    pub(crate) at: usize,
    pub(crate) fault: Fault,
}

/// Why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// This character, and what should have been there.
    Unexpected(char, &'static str),
    /// A word that means nothing.
    Word {
        from: usize,
    },
    /// The text ends within an object or array, between its entries.
    Inside {
        is_object: bool,
    },
    /// The text ends where a close marker may stand.
    Unclosed {
        is_object: bool,
        at: usize,
    },
    /// A close marker of the other kind.
    Mismatch {
        is_object: bool,
        at: usize,
    },
    EndOfName,
    EndOfText,
    EndOfEscape,
    EndOfNumber,
    Control(u8),
    Escape(char),
    LeadingZeros,
    Empty,
    Trailing,
}

impl Malformed {
    /// The parser's sentence, with its place.
    pub(crate) fn words(&self, text: &str) -> String {
        format!("{}\n at {}", self.sentence(text), place(text, self.at))
    }

    fn sentence(&self, text: &str) -> String {
        match self.fault {
            Fault::Unexpected(found, words) => {
                format!("Unexpected character ('{found}' (code {})): {words}", u32::from(found))
            }
            Fault::Word { from } => format!(
                "Unrecognized token '{}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
                &text[from..self.at]
            ),
            Fault::Inside { is_object } => {
                format!("Unexpected end-of-input within/between {} entries", kind(is_object))
            }
            Fault::Unclosed { is_object, at } => format!(
                "Unexpected end-of-input: expected close marker for {} (start marker at {})",
                kind(is_object),
                place(text, at)
            ),
            Fault::Mismatch { is_object, at } => {
                let (found, expected) = if is_object { (']', '}') } else { ('}', ']') };
                format!(
                    "Unexpected close marker '{found}': expected '{expected}' (for {} starting at {})",
                    kind(is_object),
                    place(text, at)
                )
            }
            Fault::EndOfName => "Unexpected end-of-input in field name".into(),
            Fault::EndOfText => "Unexpected end-of-input: was expecting closing quote for a string value".into(),
            Fault::EndOfEscape => "Unexpected end-of-input in character escape sequence".into(),
            Fault::EndOfNumber => "Unexpected end-of-input in a Number value".into(),
            Fault::Control(code) => format!(
                "Illegal unquoted character ((CTRL-CHAR, code {code})): has to be escaped using backslash to be included in string value"
            ),
            Fault::Escape(found) => format!("Unrecognized character escape '{found}' (code {})", u32::from(found)),
            Fault::LeadingZeros => "Invalid numeric value: Leading zeroes not allowed".into(),
            Fault::Empty => "No content to map due to end-of-input".into(),
            Fault::Trailing => "Trailing token found after value".into(),
        }
    }
}

fn kind(is_object: bool) -> &'static str {
    if is_object { "Object" } else { "Array" }
}

fn place(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line_from = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before[line_from..].encode_utf16().count() + 1;
    format!(
        "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {line}, column: {column}]"
    )
}
