//! Why a delivery policy is refused.
//!
//! The sentence follows "Invalid parameter: DeliveryPolicy: " in SetTopicAttributes and SetSubscriptionAttributes, and "Invalid
//! parameter: Attributes Reason: DeliveryPolicy: " in CreateTopic and Subscribe. Those for a bound passed, a member that is missing
//! or unknown and the total time are AWS's, as users quote them; of the others AWS's own are not known.

use std::fmt;

/// A refusal; its display is the bare sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The policy is no JSON object.
    Malformed,
    /// More bytes than the limit.
    TooLong,
    /// A member that no policy has.
    Unexpected(String),
    /// A member that must be there, by its path.
    Missing(String),
    /// A member of the wrong kind, by its path, and the kind it must be of.
    WrongKind(String, &'static str),
    /// A number below a bound.
    Below(String, u32),
    /// A number above a bound.
    Above(String, u32),
    /// The greatest delay is less than the least; the path of the retry policy.
    DelaysReversed(String),
    /// The phases have more retries than there are; the path of the retry policy.
    PhasesExceedRetries(String),
    /// All delays together are too long; the path of the retry policy.
    TotalTooLong(String),
    /// A function that does not exist; the path of the retry policy.
    UnknownBackoff(String),
    /// A content type that is not supported; the path of the request policy, and the type.
    UnsupportedContentType(String, String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("failed to parse JSON."),
            Self::TooLong => f.write_str("Delivery policy is too long"),
            Self::Unexpected(name) => write!(f, "Unexpected JSON member: {name}"),
            Self::Missing(path) => write!(f, "{path} must be specified"),
            Self::WrongKind(path, kind) => write!(f, "{path} must be {kind}"),
            Self::Below(path, least) => write!(f, "{path} must be greater than or equal to {least}"),
            Self::Above(path, greatest) => write!(f, "{path} must be less than or equal to {greatest}"),
            Self::DelaysReversed(path) => {
                write!(f, "{path}.maxDelayTarget must be greater than or equal to minDelayTarget")
            }
            Self::PhasesExceedRetries(path) => write!(
                f,
                "{path}.numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries"
            ),
            Self::TotalTooLong(path) => {
                write!(f, "{path}: Total policy retry time cannot be greater than 3600 seconds")
            }
            Self::UnknownBackoff(path) => {
                write!(f, "{path}.backoffFunction must be linear, arithmetic, geometric or exponential")
            }
            Self::UnsupportedContentType(path, found) => {
                write!(f, "{path}.headerContentType is not supported: {found}")
            }
        }
    }
}

impl std::error::Error for Refused {}
