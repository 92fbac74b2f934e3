//! One value of a policy, compiled: text, a prefix, wildcards, policy variables.
//!
//! `*` matches any run of characters, `?` exactly one. How far `*` reaches depends on where it stands: anywhere in a
//! StringLike; within its part of an ARN, the sixth being all the rest, in an ArnLike; and in a Resource within its segment
//! too, unless it is the segment's last character, from where it "can expand to match beyond the colon boundaries" (IAM
//! User Guide, "IAM JSON policy elements: Resource"). Variables are put in as plain text: a `*` in a user's name is no
//! wildcard.

use super::variable::{self, Filled, Piece};
use crate::context::Context;

/// Colons before the part of an ARN in which colons are ordinary characters.
const ARN_COLONS: usize = 5;

/// What wildcards mean in a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// `*` and `?` are themselves.
    Plain,
    /// They match anything.
    Free,
    /// They match within one of the six parts of an ARN, all of which the pattern must have.
    Arn,
    /// They match within one segment, a `*` at its end beyond it.
    Resource,
}

/// How patterns of one element are compiled.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) style: Style,
    /// `${…}` is a variable: only with version 2012-10-17, and not in every element.
    pub(crate) variables: bool,
    /// Upper and lower case are the same; values to match come in lower case.
    pub(crate) fold: bool,
}

/// A compiled value. What costs least to match comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pattern {
    Everything,
    Text(Box<str>),
    Prefix(Box<str>),
    Glob(Box<[Token]>),
    /// Has variables: becomes one of the others with each request.
    Template {
        pieces: Box<[Piece]>,
        style: Style,
        fold: bool,
    },
    /// Can match no value.
    Nothing,
}

/// A step of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    Text(Box<str>),
    /// One character; whether it may be a colon.
    One {
        colon: bool,
    },
    /// Any run of characters; whether it may hold colons.
    Star {
        colon: bool,
    },
}

impl Pattern {
    pub(crate) fn compile(text: &str, manner: Manner) -> Self {
        let folded = if manner.fold { text.to_lowercase() } else { text.to_owned() };
        let pieces = variable::split(&folded, manner.style != Style::Plain, manner.variables);
        if pieces.iter().any(|piece| matches!(piece, Piece::Variable { .. })) {
            return Self::Template { pieces: pieces.into(), style: manner.style, fold: manner.fold };
        }
        Self::settle(&pieces, manner.style)
    }

    /// Whether it has variables.
    pub(crate) fn asks(&self) -> bool {
        matches!(self, Self::Template { .. })
    }

    /// Whether the value matches; nothing if a variable has no value, so that it cannot be said.
    #[inline]
    pub(crate) fn matches(&self, value: &str, context: &Context) -> Option<bool> {
        match self {
            Self::Text(text) => Some(**text == *value),
            Self::Prefix(prefix) => Some(value.as_bytes().starts_with(prefix.as_bytes())),
            Self::Everything => Some(true),
            _ => self.matches_slowly(value, context),
        }
    }

    fn matches_slowly(&self, value: &str, context: &Context) -> Option<bool> {
        match self {
            Self::Glob(tokens) => Some(glob(tokens, value)),
            Self::Template { pieces, style, fold } => {
                match variable::fill(pieces, context, *fold, value.len()) {
                    Filled::Pieces(filled) => Self::settle(&filled, *style).matches(value, context),
                    // All of a pattern's text has to stand in what it matches.
                    Filled::TooLong => Some(false),
                    // In an ARN, parts without variables may tell that no value could make it match.
                    Filled::Unknown => {
                        let hopeless = *style == Style::Arn
                            && !Self::settle(&variable::open(pieces), *style).matches(value, context)?;
                        hopeless.then_some(false)
                    }
                }
            }
            _ => Some(false),
        }
    }

    /// The cheapest form of pieces without variables.
    fn settle(pieces: &[Piece], style: Style) -> Self {
        let tokens = tokens(pieces, style);
        let colons = |token: &Token| if let Token::Text(text) = token { text.matches(':').count() } else { 0 };
        if style == Style::Arn && tokens.iter().map(colons).sum::<usize>() < ARN_COLONS {
            return Self::Nothing;
        }
        match tokens.as_slice() {
            [] => Self::Text("".into()),
            [Token::Star { colon: true }] => Self::Everything,
            [Token::Text(text)] => Self::Text(text.clone()),
            [Token::Text(text), Token::Star { colon: true }] => Self::Prefix(text.clone()),
            _ => Self::Glob(tokens.into()),
        }
    }
}

/// Neighbouring texts become one, neighbouring stars too, and each wildcard learns how far it reaches.
fn tokens(pieces: &[Piece], style: Style) -> Vec<Token> {
    let (mut tokens, mut plain) = (Vec::new(), String::new());
    let mut colons = 0;
    for (index, piece) in pieces.iter().enumerate() {
        let confined = matches!(style, Style::Arn | Style::Resource) && colons < ARN_COLONS;
        let token = match piece {
            Piece::Text(text) => {
                colons += text.matches(':').count();
                plain.push_str(text);
                continue;
            }
            Piece::One => Token::One { colon: !confined },
            Piece::Star if matches!(pieces.get(index + 1), Some(Piece::Star)) => continue,
            Piece::Star => {
                let colon = !confined || (style == Style::Resource && ends_segment(pieces.get(index + 1)));
                Token::Star { colon }
            }
            Piece::Variable { .. } => unreachable!("variables are filled in before a pattern is settled"),
        };
        flush(&mut plain, &mut tokens);
        tokens.push(token);
    }
    flush(&mut plain, &mut tokens);
    tokens
}

fn flush(plain: &mut String, tokens: &mut Vec<Token>) {
    if !plain.is_empty() {
        tokens.push(Token::Text(std::mem::take(plain).into()));
    }
}

fn ends_segment(next: Option<&Piece>) -> bool {
    match next {
        None => true,
        Some(Piece::Text(text)) => text.starts_with(':'),
        Some(_) => false,
    }
}

/// Where to go on when what follows a star did not match: the token after it, and from which byte.
#[derive(Clone, Copy)]
struct Resume {
    token: usize,
    at: usize,
}

/// Matches in one pass with two places to fall back to. A star that crosses colons makes all earlier ones needless: what
/// they could still take, it can take. A star confined to its segment is needless as soon as the segment's colon is
/// passed, because that colon is the same one whatever the star takes. So the last star of each kind is enough.
fn glob(tokens: &[Token], value: &str) -> bool {
    let (mut token, mut at) = (0, 0);
    let (mut wide, mut narrow): (Option<Resume>, Option<Resume>) = (None, None);
    loop {
        let step = match tokens.get(token) {
            None if at == value.len() => return true,
            None => None,
            Some(Token::Star { colon: true }) => {
                (wide, narrow) = (Some(Resume { token: token + 1, at }), None);
                Some(0)
            }
            Some(Token::Star { colon: false }) => {
                narrow = Some(Resume { token: token + 1, at });
                Some(0)
            }
            Some(Token::One { colon }) => one(&value[at..], *colon),
            Some(Token::Text(text)) => value[at..].starts_with(&**text).then_some(text.len()),
        };
        if let Some(length) = step {
            (token, at) = (token + 1, at + length);
        } else if let Some(next) = retry(narrow, value, false) {
            (narrow, token, at) = (Some(next), next.token, next.at);
        } else if let Some(next) = retry(wide, value, true) {
            (wide, narrow, token, at) = (Some(next), None, next.token, next.at);
        } else {
            return false;
        }
    }
}

/// The star takes one character more, if it may.
fn retry(resume: Option<Resume>, value: &str, colon: bool) -> Option<Resume> {
    let Resume { token, at } = resume?;
    one(&value[at..], colon).map(|length| Resume { token, at: at + length })
}

/// The length of the first character.
fn one(rest: &str, colon: bool) -> Option<usize> {
    rest.chars().next().filter(|first| colon || *first != ':').map(char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert_eq, proptest};

    fn matches(style: Style, pattern: &str, value: &str) -> bool {
        let manner = Manner { style, variables: false, fold: false };
        Pattern::compile(pattern, manner).matches(value, &Context::new()).unwrap()
    }

    #[test]
    fn what_costs_little_to_match_is_compiled_to_it() {
        let compile = |text| Pattern::compile(text, Manner { style: Style::Free, variables: false, fold: false });
        assert_eq!(compile("*"), Pattern::Everything);
        assert_eq!(compile("**"), Pattern::Everything);
        assert_eq!(compile("jobs"), Pattern::Text("jobs".into()));
        assert_eq!(compile("jobs*"), Pattern::Prefix("jobs".into()));
        assert!(matches!(compile("j?bs*"), Pattern::Glob(_)));
    }

    #[test]
    fn stars_and_question_marks_match_as_in_a_shell() {
        for (pattern, value, expected) in [
            ("a*c", "abbbc", true),
            ("a*c", "ac", true),
            ("a*c", "acb", false),
            ("*ab*ab", "abxabab", true),
            ("*ab*ab", "abxaba", false),
            ("?", "ä", true),
            ("??", "ä", false),
            ("a?*", "a", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(matches(Style::Free, pattern, value), expected, "{pattern} {value}");
        }
        assert!(matches(Style::Plain, "a*?", "a*?") && !matches(Style::Plain, "a*", "ab"));
    }

    #[test]
    fn in_an_arn_a_wildcard_stays_in_its_part_and_all_six_parts_are_needed() {
        let queue = "arn:aws:sqs:us-east-1:111111111111:jobs";
        for (pattern, expected) in [
            ("arn:aws:sqs:*:111111111111:jobs", true),
            ("arn:aws:*:*:*:*", true),
            ("arn:aws:s?s:us-*-1:111*:j*s", true),
            ("arn:aws:sqs:*:jobs", false),
            ("arn:aws:sqs:*", false),
            ("*", false),
            ("arn:aws:sqs:us-east-1?111111111111:jobs:*", false),
        ] {
            assert_eq!(matches(Style::Arn, pattern, queue), expected, "{pattern}");
        }
        assert!(matches(Style::Arn, "arn:aws:sns:*:*:t*x", "arn:aws:sns:r:1:topic:sub:x"));
    }

    #[test]
    fn in_a_resource_only_a_star_that_ends_its_segment_crosses_colons() {
        let queue = "arn:aws:sqs:us-east-1:111111111111:jobs";
        for (pattern, expected) in [
            ("*", true),
            ("arn:aws:sqs:*", true),
            ("arn:aws:sqs:*:jobs", true),
            ("arn:aws:sqs:us*:jobs", true),
            ("arn:aws:sqs:us*1:jobs", false),
            ("arn:aws:sqs:us*1:111111111111:jobs", true),
            ("arn:aws:s*:*:*:jobs", true),
            ("arn:aws:sqs:us-east-1:111111111111:job", false),
        ] {
            assert_eq!(matches(Style::Resource, pattern, queue), expected, "{pattern}");
        }
        assert!(matches(Style::Resource, "arn:aws:s3:::b/*x*/c", "arn:aws:s3:::b/1:x:2/c"));
    }

    #[test]
    fn a_hostile_pattern_ends_in_time() {
        let (pattern, value) = ("*a".repeat(500), format!("{}b", "a".repeat(4000)));
        assert!(!matches(Style::Free, &pattern, &value));
        let confined = format!("{}:*:*:*:*:x", "*a".repeat(100));
        assert!(!matches(Style::Resource, &confined, &value));
    }

    #[test]
    fn a_value_that_stands_for_many_variables_is_not_copied_for_all_of_them() {
        let manner = Manner { style: Style::Free, variables: true, fold: false };
        // Filled in all at once these were 100 GB; joined one by one, 250.
        let long = "x".repeat(1 << 20);
        let many = Pattern::compile(&"${a}".repeat(100_000), manner);
        assert_eq!(many.matches(&long, &Context::new().with("a", long.as_str())), Some(false));
        let many = Pattern::compile(&"${a}".repeat(700_000), manner);
        assert_eq!(many.matches(&long[..700_000], &Context::new().with("a", "x")), Some(true));
        assert_eq!(many.matches(&long[..699_999], &Context::new().with("a", "x")), Some(false));
    }

    /// The definition, at any cost: a star takes nothing, or one character and is still there.
    fn naive(tokens: &[Token], value: &str) -> bool {
        let rest = |length: usize| &value[length..];
        match tokens.split_first() {
            None => value.is_empty(),
            Some((Token::Text(text), after)) => value.starts_with(&**text) && naive(after, rest(text.len())),
            Some((Token::One { colon }, after)) => one(value, *colon).is_some_and(|n| naive(after, rest(n))),
            Some((Token::Star { colon }, after)) => {
                naive(after, value) || one(value, *colon).is_some_and(|n| naive(tokens, rest(n)))
            }
        }
    }

    proptest! {
        #[test]
        fn two_places_to_fall_back_to_are_enough(pattern in "[ab:*?]{0,14}", value in "[ab:]{0,14}") {
            for style in [Style::Free, Style::Arn, Style::Resource] {
                let pieces = variable::split(&pattern, true, false);
                let tokens = tokens(&pieces, style);
                prop_assert_eq!(glob(&tokens, &value), naive(&tokens, &value), "{} {} {:?}", pattern, value, style);
            }
        }
    }
}
