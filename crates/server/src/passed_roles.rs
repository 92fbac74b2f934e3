//! Who hands a role to a service needs `iam:PassRole` on it: a law over all operations that the server has.
//!
//! AWS asks for it where an operation's input names a role that the service is going to act as (IAM User Guide, "Grant a user
//! permissions to pass a role to an AWS service"). No operation that is carried out here takes one. The law finds the first that
//! does: its needs then have to name the role, and it stands in the table.

use std::collections::BTreeSet;
use wire::schema::{ServiceShape, Shape, StructShape};

/// Operations whose input names a role, and why they need no `iam:PassRole`. Those that are not carried out have no input here.
const NONE_PASSED: &[(&str, &str)] = &[
    ("AssumeRole", "the caller becomes the role; its trust policy decides"),
    ("AssumeRoleWithWebIdentity", "the bearer of the token becomes the role; its trust policy decides"),
];

fn names_a_role(shape: &StructShape, within: &mut BTreeSet<&'static str>) -> bool {
    let is_role = |name: &str| name.to_ascii_lowercase().ends_with("rolearn");
    within.insert(shape.name)
        && shape.members.iter().any(|member| {
            let inner = match member.shape {
                Shape::Struct(inner) => Some(inner),
                Shape::List(list) => {
                    if let Shape::Struct(inner) = list.item {
                        Some(inner)
                    } else {
                        None
                    }
                }
                _ => None,
            };
            is_role(member.name) || inner.is_some_and(|inner| names_a_role(inner, within))
        })
}

fn takers(service: &ServiceShape) -> impl Iterator<Item = &'static str> {
    let takes = |operation: &&&wire::schema::OperationShape| names_a_role(operation.input, &mut BTreeSet::new());
    service.operations.iter().filter(takes).map(|operation| operation.name)
}

#[test]
fn no_operation_takes_a_role_to_act_as_without_asking_for_pass_role() {
    let identities = [&iam::api::iam::SERVICE, &iam::api::sts::SERVICE];
    let streams = [&kinesis::api::SERVICE, &leases::api::dynamodb::SERVICE, &leases::api::cloudwatch::SERVICE];
    let services =
        [&sqs::api::SERVICE, &kms::api::SERVICE, &sns::api::SERVICE].into_iter().chain(streams).chain(identities);
    let found: BTreeSet<_> = services.flat_map(takers).collect();
    let known: BTreeSet<_> = NONE_PASSED.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, known, "an operation that takes a role needs iam:PassRole on it, or a reason in the table");
}
