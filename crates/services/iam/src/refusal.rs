//! Why a request is refused: AWS's error and AWS's sentence, of both services.
//!
//! Sentences that are said in more than one place stand here; those of one rule stand beside it. Where an error is of both
//! services, IAM's is taken: code, status and fault are the same.

use crate::api::{iam, sts};
use engine::Unavailable;
use gateway::Refused;
use std::borrow::Cow;
use wire::schema::ErrorShape;

/// An error of a service's table, with its sentence.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) error: &'static ErrorShape,
    pub(crate) message: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(error: &'static ErrorShape, message: impl Into<Cow<'static, str>>) -> Self {
        Self { error, message: message.into() }
    }

    pub(crate) fn no_such(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&iam::errors::NO_SUCH_ENTITY_EXCEPTION, message)
    }

    /// `The user with name bob cannot be found.`
    pub(crate) fn not_found(sort: &str, name: &str) -> Self {
        Self::no_such(format!("The {sort} with name {name} cannot be found."))
    }

    pub(crate) fn exists(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&iam::errors::ENTITY_ALREADY_EXISTS_EXCEPTION, message)
    }

    pub(crate) fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&iam::errors::DELETE_CONFLICT_EXCEPTION, message)
    }

    pub(crate) fn limit(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&iam::errors::LIMIT_EXCEEDED_EXCEPTION, message)
    }

    pub(crate) fn malformed_policy(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&iam::errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, message)
    }

    pub(crate) fn invalid_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&iam::errors::INVALID_INPUT_EXCEPTION, message)
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&iam::errors::VALIDATION_EXCEPTION, message)
    }

    pub(crate) fn denied(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&iam::errors::ACCESS_DENIED_EXCEPTION, message)
    }

    /// What a session without a second factor hears from IAM.
    pub(crate) fn invalid_token() -> Self {
        Self::new(&iam::errors::UNRECOGNIZED_CLIENT_EXCEPTION, "The security token included in the request is invalid")
    }

    pub(crate) fn invalid_identity_token(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&sts::errors::INVALID_IDENTITY_TOKEN_EXCEPTION, message)
    }

    pub(crate) fn not_implemented(name: &str) -> Self {
        let message = format!("This version of tidewire does not implement the operation {name}.");
        Self::new(&iam::errors::UNKNOWN_OPERATION_EXCEPTION, message)
    }

    /// What is kept is not what this program writes: ours, not the caller's.
    pub(crate) fn internal() -> Self {
        Self::new(&iam::errors::INTERNAL_FAILURE, "The request processing has failed because of an internal failure.")
    }
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::TooLarge => Self::invalid_input("The request is larger than the server can keep at once."),
            Unavailable::Broken => Self::internal(),
            Unavailable::Busy | Unavailable::NoSpace | Unavailable::Stopped | Unavailable::Unreadable => Self::new(
                &iam::errors::SERVICE_UNAVAILABLE_EXCEPTION,
                format!("The request was not carried out: {unavailable}."),
            ),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Refused::new(refusal.error, refusal.message)
    }
}
