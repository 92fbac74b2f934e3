//! DynamoDB's expressions: conditions, updates, projections, key conditions; and the older forms, which become the same.
//!
//! An expression is read once, when its request is, into a tree whose names and values are in place; the tree is then evaluated by
//! the machine, as often as there are items. `terms.rs` has the names and values of a request, `lexer.rs` words, `parser.rs` what
//! all expressions have in common. Source: Developer Guide, "Expressions in DynamoDB", and the sentences of recorded answers.

mod condition;
mod key_condition;
mod legacy;
mod lexer;
mod parser;
mod path;
mod projection;
mod reserved;
mod terms;
mod update;

pub(crate) use condition::Condition;
pub(crate) use key_condition::{KeyCondition, Sort, stretch};
pub(crate) use legacy::{attribute_updates, conditions, expected};
pub(crate) use path::Path;
pub(crate) use projection::{Projection, of_names};
pub(crate) use terms::{Forms, Terms};
pub(crate) use update::Update;

/// The kinds of expressions, as errors name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sentence {
    Condition,
    Filter,
    Key,
    Projection,
    Update,
}

impl Sentence {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Condition => "ConditionExpression",
            Self::Filter => "FilterExpression",
            Self::Key => "KeyConditionExpression",
            Self::Projection => "ProjectionExpression",
            Self::Update => "UpdateExpression",
        }
    }
}
