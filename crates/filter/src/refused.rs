//! Why a policy, or its scope, is refused, in AWS's words.
//!
//! AWS puts "Invalid parameter: " before a refusal in SetSubscriptionAttributes, and "Invalid parameter: Attributes Reason: " in
//! Subscribe; that is the caller's business. [`Refused::message`] is what follows there, with the attribute it is about.

use std::fmt;

/// A refusal. Its display is the bare sentence, without the name of the attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The policy is no JSON; what the parser says of it, with its place.
    Malformed(String),
    /// A rule of the policy is none; what the compiler says of it, mostly with the place where the parser stood.
    Rule(String),
    /// More keys than the limit, which is given.
    TooManyKeys(usize),
    /// More combinations of values than the limit.
    TooComplex,
    /// More bytes than the limit. AWS's own sentence is not known.
    TooLong,
    /// An object within the policy, whose scope are the attributes.
    Nested,
    /// A scope that does not exist.
    UnknownScope(String),
}

impl Refused {
    /// The sentence as it follows "Invalid parameter: ": with the attribute's name, where AWS says it.
    pub fn message(&self) -> String {
        match self {
            Self::Nested => self.to_string(),
            Self::UnknownScope(_) => format!("FilterPolicyScope: {self}"),
            _ => format!("FilterPolicy: {self}"),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(words) => write!(f, "failed to parse JSON. {words}"),
            Self::Rule(words) => f.write_str(words),
            Self::TooManyKeys(max) => write!(f, "Filter policy can not have more than {max} keys"),
            Self::TooComplex => f.write_str("Filter policy is too complex"),
            Self::TooLong => f.write_str("Filter policy is too long"),
            Self::Nested => f.write_str("Filter policy scope MessageAttributes does not support nested filter policy"),
            Self::UnknownScope(found) => {
                write!(f, "Invalid value [{found}]. Please use either MessageBody or MessageAttributes")
            }
        }
    }
}

impl std::error::Error for Refused {}
