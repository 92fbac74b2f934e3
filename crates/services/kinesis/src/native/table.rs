//! tidewire's own operations, in the order of their names, which the gateway searches by.

use super::describe_shards::DescribeShards;
use super::errors;
use super::groups::{CreateGroup, DeleteGroup, DescribeGroup, ListGroups, ResetPositions};
use super::members::{CommitPosition, Heartbeat, JoinGroup, LeaveGroup};
use super::shapes::{
    CommitPositionInput, CommitPositionOutput, CreateGroupInput, DeleteGroupInput, DescribeGroupInput,
    DescribeGroupOutput, DescribeShardsInput, DescribeShardsOutput, GroupOutput, HeartbeatInput, JoinGroupInput,
    LeaveGroupInput, ListGroupsInput, ListGroupsOutput, MemberOutput, ResetPositionsInput,
};
use crate::service::{Prepare, prepare};
use gateway::Actions;
use std::sync::LazyLock;
use wire::schema::{OperationShape, ServiceShape, StructShape};

const fn shape(name: &'static str, input: &'static StructShape, output: &'static StructShape) -> OperationShape {
    OperationShape { input, output, ..OperationShape::named(name) }
}

macro_rules! table {
    ($($operation:ident($input:ident) -> $output:ident),* $(,)?) => {
        /// How each is begun, in the order of [`SHAPES`].
        pub(crate) static PREPARE: &[Prepare] = &[$(prepare::<$operation>),*];

        static SHAPES: &[&OperationShape] = &[$({
            static SHAPE: OperationShape = shape(stringify!($operation), $input::STRUCT, $output::STRUCT);
            &SHAPE
        }),*];
    };
}

table! {
    CommitPosition(CommitPositionInput) -> CommitPositionOutput,
    CreateGroup(CreateGroupInput) -> GroupOutput,
    DeleteGroup(DeleteGroupInput) -> GroupOutput,
    DescribeGroup(DescribeGroupInput) -> DescribeGroupOutput,
    DescribeShards(DescribeShardsInput) -> DescribeShardsOutput,
    Heartbeat(HeartbeatInput) -> MemberOutput,
    JoinGroup(JoinGroupInput) -> MemberOutput,
    LeaveGroup(LeaveGroupInput) -> CommitPositionOutput,
    ListGroups(ListGroupsInput) -> ListGroupsOutput,
    ResetPositions(ResetPositionsInput) -> GroupOutput,
}

/// What the gateway knows of the service.
pub(crate) static SERVICE: ServiceShape = ServiceShape {
    id: "TidewireStreams",
    signing_name: crate::api::SIGNING_NAME,
    api_version: "2026-11-23",
    target_prefix: Some("TidewireStreams_20261123"),
    json_version: Some("1.1"),
    xml_namespace: None,
    query_compatible: false,
    operations: SHAPES,
    errors: errors::ALL,
};

/// What policies call them: `tidewire:DescribeShards` and so on.
pub(crate) static ACTIONS: LazyLock<Actions> =
    LazyLock::new(|| Actions::new("tidewire", SHAPES.iter().map(|shape| shape.name)));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_no_name_is_one_of_awss() {
        assert!(SHAPES.is_sorted_by(|one, other| one.name < other.name));
        assert!(errors::ALL.is_sorted_by(|one, other| one.name < other.name));
        // Policies, metrics and the audit log tell them apart by name, too.
        assert!(SHAPES.iter().all(|shape| crate::api::SERVICE.operation(shape.name).is_none()));
    }
}
