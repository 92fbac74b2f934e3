//! A compiled policy.
//!
//! It is a list of alternatives, of which one must hold; an alternative is a list of keys, all of which must hold; a key has
//! rules, of which one must be met. A filter is made once, never changes, and decides without allocating. For one filter alone
//! [`Filter::matches`] looks at the message; for the many of a topic an [`crate::Index`] does it once for all.

use crate::compile;
use crate::explain::{self, Explanation};
use crate::footprint;
use crate::limits::Limits;
use crate::message::{Fields, Message};
use crate::paths::{PathId, Paths};
use crate::refused::Refused;
use crate::rule::Rule;
use crate::search;

/// What of a message a policy is about: the subscription attribute `FilterPolicyScope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// Its attributes.
    #[default]
    MessageAttributes,
    /// Its body, a JSON object.
    MessageBody,
}

impl Scope {
    /// The scope of this name.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        match text {
            "MessageAttributes" => Ok(Self::MessageAttributes),
            "MessageBody" => Ok(Self::MessageBody),
            other => Err(Refused::UnknownScope(other.into())),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MessageAttributes => "MessageAttributes",
            Self::MessageBody => "MessageBody",
        }
    }
}

/// A key and its rules.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Key {
    /// Names joined by dots.
    pub(crate) path: Box<str>,
    pub(crate) rules: Box<[Rule]>,
    /// Whether one of the rules is met where the message has no such key.
    pub(crate) may_be_absent: bool,
}

impl Key {
    pub(crate) fn new(path: Box<str>, rules: Box<[Rule]>) -> Self {
        let may_be_absent = rules.iter().any(Rule::is_met_by_absence);
        Self { path, rules, may_be_absent }
    }
}

/// A compiled filter policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    scope: Scope,
    /// Keys of all alternatives; those that several have stand here once.
    keys: Box<[Key]>,
    alternatives: Box<[Box<[u32]>]>,
}

impl Filter {
    /// Compiles a policy. An empty text, and an empty object, take a subscription's filter away: then there is nothing.
    ///
    /// Fails with AWS's words where the text is no JSON, a rule is none, or a limit is passed.
    pub fn compile(text: &str, scope: Scope, limits: &Limits) -> Result<Option<Self>, Refused> {
        compile::compile(text, scope, limits)
    }

    /// What it is about.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Bytes that it takes in memory with its place in an index, at the most.
    pub fn bytes(&self) -> usize {
        footprint::of(self)
    }

    /// Whether a message passes. Looks at the message for this filter alone.
    pub fn matches(&self, message: &Message<'_>) -> bool {
        let (paths, asked) = self.paths();
        self.fields(message, &paths).is_some_and(|fields| search::holds(&fields, self, &asked))
    }

    /// Why a message passes, or does not.
    pub fn explain(&self, message: &Message<'_>) -> Explanation {
        explain::explain(self, message)
    }

    pub(crate) fn new(scope: Scope, keys: Vec<Key>, alternatives: Vec<Vec<u32>>) -> Self {
        let in_order = |mut alternative: Vec<u32>| -> Box<[u32]> {
            // Keys that lie in the same arrays stand beside each other.
            alternative.sort_unstable_by_key(|place| &keys[*place as usize].path);
            alternative.into()
        };
        let alternatives = alternatives.into_iter().map(in_order).collect();
        Self { scope, keys: keys.into(), alternatives }
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Each alternative, as places among the keys.
    pub(crate) fn alternatives(&self) -> impl Iterator<Item = &[u32]> {
        self.alternatives.iter().map(|alternative| &**alternative)
    }

    /// Its keys' paths alone, and their numbers.
    pub(crate) fn paths(&self) -> (Paths, Vec<PathId>) {
        let mut paths = Paths::new();
        let asked = self.keys.iter().map(|key| paths.ask(&key.path)).collect();
        (paths, asked)
    }

    /// What it sees of a message; nothing where the body is no JSON object.
    pub(crate) fn fields<'m>(&self, message: &Message<'m>, paths: &Paths) -> Option<Fields<'m>> {
        match self.scope {
            Scope::MessageAttributes => Some(Fields::of_attributes(message.attributes, paths)),
            Scope::MessageBody => Fields::of_body(message.body, paths),
        }
    }
}
