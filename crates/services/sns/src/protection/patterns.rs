//! Regular expressions of customers, compiled: those that were used last, and no more than fit.
//!
//! One takes [`CUSTOM_PATTERN_BYTES_MAX`] for itself, and what each thread that searches with it remembers; there are
//! [`CUSTOM_PATTERNS_HELD_MAX`] of them, whoever's they are; others are compiled anew when they are needed again. A search is linear in the text.

use crate::limits::{CUSTOM_PATTERN_BYTES_MAX, CUSTOM_PATTERN_LEN_MAX, CUSTOM_PATTERNS_HELD_MAX};
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What is compiled, and when it was used last.
#[derive(Default)]
pub(crate) struct Patterns(Mutex<Held>);

#[derive(Default)]
struct Held {
    compiled: HashMap<Box<str>, (Arc<Regex>, u64)>,
    uses: u64,
}

impl Patterns {
    /// A pattern that was checked when its policy was set.
    pub(crate) fn of(&self, pattern: &str) -> Option<Arc<Regex>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.uses += 1;
        let uses = held.uses;
        if let Some((compiled, used)) = held.compiled.get_mut(pattern) {
            *used = uses;
            return Some(Arc::clone(compiled));
        }
        drop(held);
        let compiled = Arc::new(compile(pattern).ok()?);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.compiled.len() >= CUSTOM_PATTERNS_HELD_MAX {
            let oldest = held.compiled.iter().min_by_key(|(_, (_, used))| *used).map(|(pattern, _)| pattern.clone());
            oldest.into_iter().for_each(|oldest| _ = held.compiled.remove(&oldest));
        }
        held.compiled.insert(pattern.into(), (Arc::clone(&compiled), uses));
        Some(compiled)
    }
}

/// A customer's expression as it is compiled; why it is none.
pub(crate) fn checked(given: &str) -> Result<Box<str>, String> {
    if given.is_empty() || given.chars().count() > CUSTOM_PATTERN_LEN_MAX {
        return Err(format!("it has 1 to {CUSTOM_PATTERN_LEN_MAX} characters"));
    }
    // "Custom data identifier constraints": these and no others.
    let legal = |one: char| one.is_ascii_alphanumeric() || "_#=@/;,- ^$?[]{}|\\*+.".contains(one);
    if let Some(other) = given.chars().find(|one| !legal(*one)) {
        return Err(format!("the character '{other}' is not supported"));
    }
    let pattern = with_ascii_classes(given);
    match compile(&pattern) {
        Ok(_) => Ok(pattern.into()),
        Err(regex::Error::CompiledTooBig(_)) => Err("it is too large when it is compiled".to_owned()),
        Err(_) => Err("it is no regular expression".to_owned()),
    }
}

/// An expression that was checked before, as it is compiled.
///
/// With `\d`, `\w` and `\s` for ASCII, as they are in most expressions that are written; in a class or outside of one.
pub(super) fn with_ascii_classes(given: &str) -> String {
    let (mut pattern, mut rest) = (String::with_capacity(given.len() + 32), given.chars());
    while let Some(one) = rest.next() {
        if one != '\\' {
            pattern.push(one);
            continue;
        }
        match rest.next() {
            Some('d') => pattern.push_str("[0-9]"),
            Some('D') => pattern.push_str("[^0-9]"),
            Some('w') => pattern.push_str("[0-9A-Za-z_]"),
            Some('W') => pattern.push_str("[^0-9A-Za-z_]"),
            Some('s') => pattern.push_str("[ \\t\\r\\n\\x0b\\x0c]"),
            Some('S') => pattern.push_str("[^ \\t\\r\\n\\x0b\\x0c]"),
            Some('b') => pattern.push_str("(?-u:\\b)"),
            other => pattern.extend(['\\'].into_iter().chain(other)),
        }
    }
    pattern
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(CUSTOM_PATTERN_BYTES_MAX).dfa_size_limit(CUSTOM_PATTERN_BYTES_MAX).build()
}

#[cfg(test)]
impl Patterns {
    pub(crate) fn held(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).compiled.len()
    }
}
