//! The words of an expression, and where they stand in it.

use std::ops::Range;

/// A word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name, a keyword or a function.
    Word(&'a str),
    /// `#name`, with its sign.
    Alias(&'a str),
    /// `:value`, with its sign.
    Reference(&'a str),
    /// Digits alone.
    Number(&'a str),
    /// One of `( ) [ ] , . = <> < <= > >= + -`.
    Sign(&'a str),
    /// What begins none of them.
    Unknown(&'a str),
    /// Behind the last.
    End,
}

impl<'a> Token<'a> {
    /// As errors show it.
    pub(super) fn text(self) -> &'a str {
        match self {
            Self::Word(text)
            | Self::Alias(text)
            | Self::Reference(text)
            | Self::Number(text)
            | Self::Sign(text)
            | Self::Unknown(text) => text,
            Self::End => "<EOF>",
        }
    }
}

/// All words of an expression, with their places; the last is its end.
pub(super) fn words(text: &str) -> Vec<(Token<'_>, Range<usize>)> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let length = length(&text[at..], first);
        let range = at..at + length;
        words.push((token(&text[range.clone()], first), range));
        at += length;
    }
    words.push((Token::End, text.len()..text.len()));
    words
}

fn length(rest: &str, first: char) -> usize {
    let run = |from: usize, is_part: fn(u8) -> bool| {
        from + rest.as_bytes()[from..].iter().take_while(|byte| is_part(**byte)).count()
    };
    match first {
        'A'..='Z' | 'a'..='z' | '_' => run(1, is_of_a_name),
        '#' | ':' => run(1, is_of_a_name),
        '0'..='9' => run(1, |byte| byte.is_ascii_digit()),
        '<' if rest.starts_with("<>") || rest.starts_with("<=") => 2,
        '>' if rest.starts_with(">=") => 2,
        _ => first.len_utf8(),
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn token(text: &str, first: char) -> Token<'_> {
    match first {
        'A'..='Z' | 'a'..='z' | '_' => Token::Word(text),
        '#' if text.len() > 1 => Token::Alias(text),
        ':' if text.len() > 1 => Token::Reference(text),
        '0'..='9' => Token::Number(text),
        '(' | ')' | '[' | ']' | ',' | '.' | '=' | '<' | '>' | '+' | '-' => Token::Sign(text),
        _ => Token::Unknown(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_falls_into_its_words() {
        let texts =
            |text: &str| words(text).iter().map(|(token, _)| token.text().to_owned()).collect::<Vec<_>>().join(" ");
        assert_eq!(texts("SET a.b[12]=:v+#n, c<>:w"), "SET a . b [ 12 ] = :v + #n , c <> :w <EOF>");
        assert_eq!(texts("size(a)>=:é"), "size ( a ) >= : é <EOF>");
        assert_eq!(texts("  "), "<EOF>");
    }
}
