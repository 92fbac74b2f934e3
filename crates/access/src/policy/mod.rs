//! The policy language: a document is read once into a form in which a decision is cheap.
//!
//! [`Policy::parse`] reads versions 2008-10-17 and 2012-10-17 with every element, and refuses in AWS's words what AWS
//! would refuse of a policy of that [`Sort`]. Sources: IAM User Guide, "IAM JSON policy element reference", "Grammar of the
//! IAM JSON policy language".

pub(crate) mod action;
pub(crate) mod condition;
mod document;
mod json;
pub(crate) mod malformed;
pub(crate) mod moment;
pub(crate) mod network;
mod operator;
mod pattern;
pub(crate) mod principals;
mod resource;
mod variable;

use crate::limits::POLICY_BYTES_MAX;
use condition::Condition;
use malformed::Malformed;
use pattern::Pattern;
use principals::Principals;

/// What a policy is attached to, which decides what it must and must not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A user, group or role; also a boundary and a session policy. Names no principal.
    Identity,
    /// A queue, topic, key or the like. Names principals.
    Resource,
    /// A role, saying who may assume it: like a resource's, but the resource goes without saying.
    Trust,
    /// An account or organizational unit, for those who ask. Names no principal.
    ServiceControl,
    /// An account or organizational unit, for what is asked of. Names `*` as principal.
    ResourceControl,
}

/// The effect of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Grants.
    Allow,
    /// Refuses, whatever grants.
    Deny,
}

/// A compiled policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    name: Box<str>,
    id: Option<Box<str>>,
    statements: Box<[Statement]>,
    asks: bool,
    bytes: usize,
}

/// A compiled statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    pub(crate) actions: Patterns,
    pub(crate) resources: Patterns,
    pub(crate) principals: Option<Principals>,
    pub(crate) conditions: Box<[Condition]>,
}

/// Action or NotAction, Resource or NotResource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Patterns {
    patterns: Box<[Pattern]>,
    inverted: bool,
}

impl Patterns {
    /// A pattern whose variables have no value matches nothing, so that `Not` turned round does.
    pub(crate) fn match_value(&self, value: &str, context: &crate::context::Context) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(value, context) == Some(true)) != self.inverted
    }
}

impl Policy {
    /// Reads a document. The name is what decisions call it: a file, an ARN, the name of an inline policy.
    pub fn parse(name: &str, text: &str, sort: Sort) -> Result<Self, Malformed> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(Malformed::TooLong);
        }
        let tree = json::Json::parse(text).ok_or(Malformed::Syntax)?;
        Ok(Self { bytes: text.len(), ..document::compile(name, &tree, sort)? })
    }

    /// What decisions call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its Id element.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether it asks for facts of a request, by a condition or a variable. Where no policy that applies does, a decision
    /// needs none.
    pub fn asks(&self) -> bool {
        self.asks
    }

    /// Bytes of the document: a measure of what it costs to weigh it.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Its statements in the order of the document.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

impl Statement {
    fn asks(&self) -> bool {
        let mut patterns = self.actions.patterns.iter().chain(&self.resources.patterns);
        !self.conditions.is_empty() || patterns.any(Pattern::asks)
    }

    /// Its Sid element.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// What it does to what it matches.
    pub fn effect(&self) -> Effect {
        self.effect
    }
}
