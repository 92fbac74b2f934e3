//! The errors of tidewire's own operations: those of Data Streams that they share, and two of their own.

use crate::api::errors;
use wire::schema::{ErrorShape, Fault};

/// All of them, in the order of their names.
pub(crate) static ALL: &[&ErrorShape] = &[
    &errors::ACCESS_DENIED_EXCEPTION,
    &errors::INVALID_ARGUMENT_EXCEPTION,
    &errors::LIMIT_EXCEEDED_EXCEPTION,
    &errors::RESOURCE_IN_USE_EXCEPTION,
    &errors::RESOURCE_NOT_FOUND_EXCEPTION,
    &errors::SERVICE_UNAVAILABLE_EXCEPTION,
    &STALE_GENERATION_EXCEPTION,
    &UNKNOWN_MEMBER_EXCEPTION,
    &errors::VALIDATION_EXCEPTION,
];

const fn of_caller(name: &'static str) -> ErrorShape {
    ErrorShape { name, type_name: name, query_code: name, status: 400, fault: Fault::Sender }
}

/// A position of a member that has lost the shard.
pub(crate) static STALE_GENERATION_EXCEPTION: ErrorShape = of_caller("StaleGenerationException");

/// Somebody who is not in the group, or no longer.
pub(crate) static UNKNOWN_MEMBER_EXCEPTION: ErrorShape = of_caller("UnknownMemberException");
