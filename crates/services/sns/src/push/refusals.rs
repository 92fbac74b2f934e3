//! Refusals about applications and endpoints, in AWS's words as far as clients quote them.

use crate::api::errors;
use crate::refusal::Refusal;

pub(crate) fn no_application() -> Refusal {
    Refusal::new(&errors::NOT_FOUND_EXCEPTION, "PlatformApplication does not exist")
}

pub(crate) fn no_endpoint() -> Refusal {
    Refusal::new(&errors::NOT_FOUND_EXCEPTION, "Endpoint does not exist")
}

pub(crate) fn no_target() -> Refusal {
    Refusal::invalid("TargetArn Reason: No endpoint found for the target arn specified")
}

pub(crate) fn other_application() -> Refusal {
    Refusal::invalid("Name Reason: An application with the same name but different properties already exists")
}

pub(crate) fn other_endpoint(arn: &str) -> Refusal {
    Refusal::invalid(format!(
        "Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
    ))
}

pub(crate) const ENDPOINT_DISABLED: &str = "Endpoint is disabled";
pub(crate) const APPLICATION_DISABLED: &str = "Platform application is disabled";

pub(crate) fn endpoint_disabled() -> Refusal {
    Refusal::new(&errors::ENDPOINT_DISABLED_EXCEPTION, ENDPOINT_DISABLED)
}

pub(crate) fn application_disabled() -> Refusal {
    Refusal::new(&errors::PLATFORM_APPLICATION_DISABLED_EXCEPTION, APPLICATION_DISABLED)
}

/// A request without attributes, where there have to be some.
pub(crate) fn no_attributes() -> Refusal {
    let why =
        "1 validation error detected: Value null at 'attributes' failed to satisfy constraint: Member must not be null";
    Refusal::new(&errors::VALIDATION_ERROR, why)
}

/// Something is wrong with the attributes.
pub(crate) fn attributes(why: impl std::fmt::Display) -> Refusal {
    Refusal::invalid(format!("Attributes Reason: {why}"))
}

/// The value of an attribute is wrong.
pub(crate) fn value(name: &str, why: impl std::fmt::Display) -> Refusal {
    attributes(format!("Invalid value for attribute: {name}: {why}"))
}
