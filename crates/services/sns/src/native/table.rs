//! tidewire's own operations, in the order of their names, which the gateway searches by.

use super::deliveries::{DescribeDeliveries, ListAttempts, ListDeliveries};
use super::shapes::{
    DescribeDeliveriesInput, DescribeDeliveriesOutput, ListAttemptsInput, ListAttemptsOutput, ListDeliveriesInput,
    ListDeliveriesOutput,
};
use crate::api::errors;
use crate::service::{Prepare, prepare};
use gateway::Actions;
use std::sync::LazyLock;
use wire::schema::{ErrorShape, OperationShape, ServiceShape};

/// How each is begun, in the order of [`SHAPES`].
pub(crate) static PREPARE: &[Prepare] =
    &[prepare::<DescribeDeliveries>, prepare::<ListAttempts>, prepare::<ListDeliveries>];

static DESCRIBE_DELIVERIES: OperationShape = OperationShape {
    input: DescribeDeliveriesInput::STRUCT,
    output: DescribeDeliveriesOutput::STRUCT,
    ..OperationShape::named("DescribeDeliveries")
};

static LIST_ATTEMPTS: OperationShape = OperationShape {
    input: ListAttemptsInput::STRUCT,
    output: ListAttemptsOutput::STRUCT,
    ..OperationShape::named("ListAttempts")
};

static LIST_DELIVERIES: OperationShape = OperationShape {
    input: ListDeliveriesInput::STRUCT,
    output: ListDeliveriesOutput::STRUCT,
    ..OperationShape::named("ListDeliveries")
};

static SHAPES: &[&OperationShape] = &[&DESCRIBE_DELIVERIES, &LIST_ATTEMPTS, &LIST_DELIVERIES];

/// The errors of SNS that they share, in the order of their names.
static ERRORS: &[&ErrorShape] = &[
    &errors::AUTHORIZATION_ERROR_EXCEPTION,
    &errors::INTERNAL_ERROR_EXCEPTION,
    &errors::INVALID_PARAMETER_EXCEPTION,
    &errors::NOT_FOUND_EXCEPTION,
    &errors::SERVICE_UNAVAILABLE_EXCEPTION,
];

/// What the gateway knows of the service.
pub(crate) static SERVICE: ServiceShape = ServiceShape {
    id: "TidewireTopics",
    signing_name: crate::api::SIGNING_NAME,
    api_version: "2026-11-23",
    target_prefix: Some("TidewireTopics_20261123"),
    json_version: Some("1.1"),
    xml_namespace: None,
    query_compatible: false,
    operations: SHAPES,
    errors: ERRORS,
};

/// What policies call them: `tidewire:ListDeliveries` and so on.
pub(crate) static ACTIONS: LazyLock<Actions> =
    LazyLock::new(|| Actions::new("tidewire", SHAPES.iter().map(|shape| shape.name)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_no_name_is_one_of_awss() {
        assert!(SHAPES.is_sorted_by(|one, other| one.name < other.name) && SHAPES.len() == PREPARE.len());
        assert!(ERRORS.is_sorted_by(|one, other| one.name < other.name));
        // Policies, metrics and the audit log tell them apart by name, too.
        assert!(SHAPES.iter().all(|shape| crate::api::SERVICE.operation(shape.name).is_none()));
    }
}
