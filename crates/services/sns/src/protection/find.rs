//! Where in a text something is that a policy names.
//!
//! One pass for the words of an identifier, one for what looks like it; of the latter only what stands within thirty characters of one of
//! the words counts, where AWS asks for a word. Work is linear in the text, whatever it says.

use super::managed::Managed;
use super::patterns::Patterns;
use crate::limits::WORD_WITHIN_CHARS;
use regex::Regex;
use std::ops::Range;
use std::sync::Arc;

/// What is looked for.
#[derive(Clone)]
pub(crate) enum Identifier {
    Managed(&'static Managed),
    Custom(Arc<Custom>),
}

/// One that the policy brings along.
pub(crate) struct Custom {
    pub(crate) name: Box<str>,
    /// As it is compiled.
    pub(crate) pattern: Box<str>,
}

impl Identifier {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Managed(managed) => managed.name,
            Self::Custom(custom) => &custom.name,
        }
    }

    /// All places of it, in order.
    pub(crate) fn find(&self, text: &str, patterns: &Patterns) -> Vec<Range<usize>> {
        match self {
            Self::Managed(managed) => find_managed(managed, text),
            Self::Custom(custom) => match patterns.of(&custom.pattern) {
                Some(pattern) => {
                    let found = pattern.find_iter(text).map(|found| found.range());
                    found.filter(|range| !range.is_empty()).collect()
                }
                // One that was kept and is no expression any more: nobody knows what it would find.
                None => std::iter::once(0..text.len()).collect(),
            },
        }
    }
}

fn find_managed(managed: &Managed, text: &str) -> Vec<Range<usize>> {
    let compiled = managed.compiled();
    let mut found = Vec::new();
    if let Some(plain) = &compiled.plain {
        candidates(plain, managed.check, text, |range| found.push(range));
    }
    if let (Some(near), Some(words)) = (&compiled.near, &compiled.words) {
        let words = words_in(words, managed.words, text);
        if !words.is_empty() {
            candidates(near, managed.check, text, |range| {
                if is_near(&words, &range, text) {
                    found.push(range);
                }
            });
        }
    }
    found.sort_unstable_by_key(|range| range.start);
    found
}

/// What a pattern finds and its check lets count, where no letter or digit stands beside it.
fn candidates(pattern: &Regex, check: fn(&str) -> Option<usize>, text: &str, mut found: impl FnMut(Range<usize>)) {
    let mut from = 0;
    while let Some(candidate) = pattern.find_at(text, from) {
        let counted = check(candidate.as_str()).map(|bytes| candidate.start()..candidate.start() + bytes);
        let counted = counted.filter(|range| stands_alone(text, range));
        from = match &counted {
            Some(range) => range.end,
            None => after(text, candidate.start()),
        };
        counted.into_iter().for_each(&mut found);
    }
}

fn after(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let before = text[..range.start].chars().next_back();
    let behind = text[range.end..].chars().next();
    let is_part = |one: Option<char>, edge: Option<char>| {
        one.is_some_and(char::is_alphanumeric) && edge.is_some_and(char::is_alphanumeric)
    };
    let inside = &text[range.clone()];
    !is_part(before, inside.chars().next()) && !is_part(behind, inside.chars().next_back())
}

/// Where words stand, in order.
fn words_in(pattern: &Regex, words: &[&str], text: &str) -> Vec<Range<usize>> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(candidate) = pattern.find_at(text, from) {
        let start = candidate.start();
        let longest = words.iter().filter_map(|word| word_at(text, start, word)).max();
        found.extend(longest.map(|end| start..end));
        from = longest.unwrap_or_else(|| after(text, start));
    }
    found
}

/// Where a word ends that begins here.
fn word_at(text: &str, start: usize, word: &str) -> Option<usize> {
    let (word, may_go_on) = word.strip_suffix('*').map_or((word, false), |word| (word, true));
    let mut rest = text[start..].chars().peekable();
    let mut end = start;
    for letter in word.chars() {
        match letter {
            ' ' => end += rest.next_if(|next| matches!(next, ' ' | '_' | '-')).map_or(0, char::len_utf8),
            letter => end += rest.next_if(|next| next.to_ascii_lowercase() == letter)?.len_utf8(),
        }
    }
    // A word within a name counts where the name is written in one of the usual ways: `user_ssn`, `userSsn`, `ssnNumber`.
    let (before, first) = (text[..start].chars().next_back(), text[start..].chars().next()?);
    let begins = !before.is_some_and(char::is_alphanumeric) || !first.is_alphanumeric();
    let begins = begins || (before.is_some_and(char::is_lowercase) && first.is_uppercase());
    let (last, behind) = (text[start..end].chars().next_back()?, text[end..].chars().next());
    let ends = may_go_on || !last.is_alphanumeric() || !behind.is_some_and(char::is_alphanumeric);
    let ends = ends || (last.is_lowercase() && behind.is_some_and(char::is_uppercase));
    (begins && ends).then_some(end)
}

/// Whether one of the words stands near.
fn is_near(words: &[Range<usize>], range: &Range<usize>, text: &str) -> bool {
    let is_close = |from: usize, to: usize| text[from..to].chars().nth(WORD_WITHIN_CHARS).is_none();
    let before = words[..words.partition_point(|word| word.end <= range.start)].last();
    let behind = words.get(words.partition_point(|word| word.start < range.end));
    before.is_some_and(|word| is_close(word.end, range.start))
        || behind.is_some_and(|word| is_close(range.end, word.start))
}
