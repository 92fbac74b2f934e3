//! Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'nobody'}`, and `${*}`, `${?}`, `${$}` for the characters.
//!
//! A variable is the value of a context key that has exactly one; with a default it always has a value. What is no
//! variable by its form, such as an unclosed brace, is text. Source: IAM User Guide, "IAM policy elements: Variables and
//! tags".

use crate::context::{Context, Key, Value};
use std::borrow::Cow;

/// A part of a value as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(Box<str>),
    One,
    Star,
    Variable { key: Key, default: Option<Box<str>> },
}

/// Cuts a value at its wildcards and variables, as far as it may have them.
pub(crate) fn split(text: &str, wildcards: bool, variables: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let special = match first {
            '*' if wildcards => Some((Piece::Star, 1)),
            '?' if wildcards => Some((Piece::One, 1)),
            '$' if variables => variable(rest),
            _ => None,
        };
        let length = match special {
            Some((Piece::Text(character), length)) => {
                plain.push_str(&character);
                length
            }
            Some((piece, length)) => {
                flush(&mut plain, &mut pieces);
                pieces.push(piece);
                length
            }
            None => {
                plain.push(first);
                first.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    flush(&mut plain, &mut pieces);
    pieces
}

fn flush(plain: &mut String, pieces: &mut Vec<Piece>) {
    if !plain.is_empty() {
        pieces.push(Piece::Text(std::mem::take(plain).into()));
    }
}

/// The variable that the text begins with, and its length.
fn variable(text: &str) -> Option<(Piece, usize)> {
    let inside = text.strip_prefix("${")?;
    let end = inside.find('}')?;
    let (inside, length) = (&inside[..end], end + "${}".len());
    if matches!(inside, "*" | "?" | "$") {
        return Some((Piece::Text(inside.into()), length));
    }
    let (key, default) = match inside.split_once(',') {
        None => (inside, None),
        Some((key, default)) => (key, Some(default.trim().strip_prefix('\'')?.strip_suffix('\'')?.into())),
    };
    let key = key.trim();
    (!key.is_empty()).then(|| (Piece::Variable { key: Key::new(key), default }, length))
}

/// Puts a star for each part of an ARN that has a variable: what does not match then, no value makes match.
pub(crate) fn open(pieces: &[Piece]) -> Vec<Piece> {
    let mut parts: Vec<Vec<Piece>> = vec![vec![]];
    for piece in pieces {
        let mut rest = if let Piece::Text(text) = piece { &**text } else { "" };
        while let Some((before, after)) = rest.split_once(':') {
            parts.last_mut().expect("there is a part").push(Piece::Text(before.into()));
            parts.push(vec![]);
            rest = after;
        }
        let last = if let Piece::Text(_) = piece { Piece::Text(rest.into()) } else { piece.clone() };
        parts.last_mut().expect("there is a part").push(last);
    }
    let variable = |part: &Vec<Piece>| part.iter().any(|piece| matches!(piece, Piece::Variable { .. }));
    let opened = parts.into_iter().map(|part| if variable(&part) { vec![Piece::Star] } else { part });
    opened.collect::<Vec<_>>().join(&Piece::Text(":".into()))
}

/// Pieces with values for their variables.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    Pieces(Vec<Piece>),
    /// A variable has no value.
    Unknown,
    /// Its text alone is longer than there is room for.
    TooLong,
}

/// Puts values for variables, into no more than `room` bytes of text: one value may stand for many variables, and shall not be
/// copied for all of them where what comes of it matches nothing anyway.
pub(crate) fn fill(pieces: &[Piece], context: &Context, fold: bool, room: usize) -> Filled {
    let values: Option<Vec<_>> = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Variable { key, default } => {
                let value = context.single(key).map(Value::text);
                value.or_else(|| default.as_deref().map(Cow::Borrowed)).map(Some)
            }
            _ => Some(None),
        })
        .collect();
    let Some(values) = values else { return Filled::Unknown };
    let (mut filled, mut left) = (Vec::with_capacity(pieces.len()), room);
    for (piece, value) in pieces.iter().zip(values) {
        let piece = match value {
            // No character has lower case of less than a third of its bytes.
            Some(value) if fold && value.len() / 3 > left => return Filled::TooLong,
            Some(value) if fold => Piece::Text(value.to_lowercase().into()),
            Some(value) if value.len() > left => return Filled::TooLong,
            Some(value) => Piece::Text(value.into()),
            None => piece.clone(),
        };
        if let Piece::Text(text) = &piece {
            let Some(rest) = left.checked_sub(text.len()) else { return Filled::TooLong };
            left = rest;
        }
        filled.push(piece);
    }
    Filled::Pieces(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.into())
    }

    fn named(key: &str, default: Option<&str>) -> Piece {
        Piece::Variable { key: Key::new(key), default: default.map(Into::into) }
    }

    #[test]
    fn variables_defaults_and_escaped_characters_are_told_apart() {
        assert_eq!(
            split("a/${aws:username}/*", true, true),
            [text("a/"), named("aws:username", None), text("/"), Piece::Star]
        );
        assert_eq!(
            split("${aws:PrincipalTag/team, 'some one'}", true, true),
            [named("aws:principaltag/team", Some("some one"))]
        );
        assert_eq!(split("a${*}${?}${$}b*", true, true), [text("a*?$b"), Piece::Star]);
    }

    #[test]
    fn what_is_no_variable_is_text() {
        for plain in ["${", "${a", "$a", "${}", "${a, b}", "${,'x'}"] {
            assert_eq!(split(plain, true, true), [text(plain)], "{plain}");
        }
        assert_eq!(split("${aws:username}", true, false), [text("${aws:username}")]);
    }

    #[test]
    fn a_variable_without_a_value_leaves_the_pattern_without_one() {
        let pieces = split("${a}-${b, 'x'}", true, true);
        assert_eq!(fill(&pieces, &Context::new(), false, 9), Filled::Unknown);
        let context = Context::new().with("A", "1");
        assert_eq!(fill(&pieces, &context, false, 9), Filled::Pieces(vec![text("1"), text("-"), text("x")]));
        let many = Context::new().with_many("a", ["1", "2"]);
        assert_eq!(fill(&pieces, &many, false, 9), Filled::Unknown);
    }

    #[test]
    fn no_more_is_filled_in_than_there_is_room_for() {
        let pieces = split("${a}*-${a}", true, true);
        for fold in [false, true] {
            let context = Context::new().with("a", "1234");
            assert_eq!(fill(&pieces, &context, fold, 8), Filled::TooLong);
            assert!(matches!(fill(&pieces, &context, fold, 9), Filled::Pieces(_)));
        }
        // What has no value cannot be said, however long the rest is.
        let pieces = split("${a}${b}", true, true);
        assert_eq!(fill(&pieces, &Context::new().with("a", "1234"), false, 1), Filled::Unknown);
        // The Kelvin sign has three bytes, the k that it is in lower case has one.
        let context = Context::new().with("a", "\u{212a}\u{212a}");
        let pieces = split("${a}", true, true);
        assert_eq!(fill(&pieces, &context, true, 2), Filled::Pieces(vec![text("kk")]));
        assert_eq!(fill(&pieces, &context, true, 1), Filled::TooLong);
    }
}
