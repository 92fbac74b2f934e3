//! Why a request is refused: an error of SNS and its sentence.
//!
//! Sentences are those that recorded answers of AWS have. Where none is recorded they say the same in our words.

use crate::api::errors;
use engine::Unavailable;
use gateway::Refused;
use std::borrow::Cow;
use wire::schema::ErrorShape;

/// An error of the service's table, with its sentence.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) error: &'static ErrorShape,
    pub(crate) message: Cow<'static, str>,
}

impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        self.error.name == other.error.name && self.message == other.message
    }
}

impl Refusal {
    pub(crate) fn new(error: &'static ErrorShape, message: impl Into<Cow<'static, str>>) -> Self {
        Self { error, message: message.into() }
    }

    /// `Invalid parameter: ` and what is wrong.
    pub(crate) fn invalid(what: impl std::fmt::Display) -> Self {
        Self::new(&errors::INVALID_PARAMETER_EXCEPTION, format!("Invalid parameter: {what}"))
    }

    /// An error whose name says what is wrong with a batch, and the sentence.
    pub(crate) fn batch(error: &'static ErrorShape, message: &'static str) -> Self {
        Self::new(error, message)
    }

    pub(crate) fn too_many_tags() -> Self {
        let message = "Could not complete request: tag quota of per resource exceeded";
        Self::new(&errors::TAG_LIMIT_EXCEEDED_EXCEPTION, message)
    }

    /// AWS's throttles.
    pub(crate) fn throttled() -> Self {
        Self::new(&errors::THROTTLING_EXCEPTION, "Rate exceeded")
    }

    pub(crate) fn no_topic() -> Self {
        Self::new(&errors::NOT_FOUND_EXCEPTION, "Topic does not exist")
    }

    pub(crate) fn no_subscription() -> Self {
        Self::new(&errors::NOT_FOUND_EXCEPTION, "Subscription does not exist")
    }

    pub(crate) fn no_number() -> Self {
        Self::new(&errors::RESOURCE_NOT_FOUND_EXCEPTION, "The phone number does not exist")
    }

    pub(crate) fn no_resource() -> Self {
        Self::new(&errors::RESOURCE_NOT_FOUND_EXCEPTION, "Resource does not exist")
    }

    pub(crate) fn unsupported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::UNKNOWN_OPERATION_EXCEPTION, message)
    }

    pub(crate) fn unavailable(why: impl std::fmt::Display) -> Self {
        Self::new(&errors::SERVICE_UNAVAILABLE_EXCEPTION, format!("The request was not carried out: {why}."))
    }
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::TooLarge => Self::invalid("The request is larger than the server can keep at once."),
            unavailable => Self::unavailable(unavailable),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.error, refusal.message)
    }
}
