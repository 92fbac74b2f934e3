//! The generated tables agree with each other and with what the codecs assume of them.

use crate::api::{SERVICE, errors, operations};
use std::collections::BTreeSet;
use wire::Operation;
use wire::schema::{Fault, Shape, StructShape};

/// Every structure that the operations reach.
fn structures() -> Vec<&'static StructShape> {
    let mut found: Vec<&'static StructShape> = Vec::new();
    let mut left: Vec<Shape> = operations::ALL
        .iter()
        .flat_map(|operation| [Shape::Struct(operation.input), Shape::Struct(operation.output)])
        .collect();
    while let Some(shape) = left.pop() {
        match shape {
            Shape::Struct(shape) if found.iter().all(|seen| seen.name != shape.name) => {
                found.push(shape);
                left.extend(shape.members.iter().map(|member| member.shape));
            }
            Shape::List(list) => left.push(list.item),
            Shape::Map(map) => left.push(map.value),
            _ => {}
        }
    }
    found
}

#[test]
fn all_23_operations_are_found_by_name_and_name_known_errors() {
    assert_eq!(operations::ALL.len(), 23);
    for operation in operations::ALL {
        assert!(std::ptr::eq(SERVICE.operation(operation.name).unwrap(), *operation));
        for error in operation.errors {
            assert!(SERVICE.error(error).is_some(), "{}: {error}", operation.name);
        }
    }
    assert!(SERVICE.operation("sendMessage").is_none());
    assert_eq!(operations::SendMessage::SHAPE.name, "SendMessage");
}

#[test]
fn every_structure_is_reached_and_its_names_are_plain_and_distinct() {
    let structures = structures();
    assert!(structures.len() > 40, "{}", structures.len());
    for shape in structures {
        let names: BTreeSet<_> = shape.members.iter().map(|member| member.name).collect();
        let locations: BTreeSet<_> = shape.members.iter().map(|member| member.location).collect();
        assert_eq!((names.len(), locations.len()), (shape.members.len(), shape.members.len()), "{}", shape.name);
        for member in shape.members {
            let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            assert!(plain(member.name) && plain(member.location), "{}.{}", shape.name, member.name);
            assert!(!member.flattened || !member.shape.is_scalar(), "{}.{}", shape.name, member.name);
        }
    }
}

#[test]
fn errors_carry_the_codes_and_statuses_that_clients_of_aws_know() {
    for (error, query_code, status) in [
        (&errors::QUEUE_DOES_NOT_EXIST, "AWS.SimpleQueueService.NonExistentQueue", 400),
        (&errors::QUEUE_NAME_EXISTS, "QueueAlreadyExists", 400),
        (&errors::PURGE_QUEUE_IN_PROGRESS, "AWS.SimpleQueueService.PurgeQueueInProgress", 403),
        (&errors::OVER_LIMIT, "OverLimit", 403),
        (&errors::RECEIPT_HANDLE_IS_INVALID, "ReceiptHandleIsInvalid", 404),
        (&errors::RESOURCE_NOT_FOUND_EXCEPTION, "ResourceNotFoundException", 404),
        (&errors::KMS_OPT_IN_REQUIRED, "KMS.OptInRequired", 403),
        (&errors::INVALID_ATTRIBUTE_NAME, "InvalidAttributeName", 400),
        (&errors::INVALID_PARAMETER_VALUE_EXCEPTION, "InvalidParameterValue", 400),
        (&errors::ACCESS_DENIED_EXCEPTION, "AccessDenied", 403),
    ] {
        assert_eq!((error.query_code, error.status, error.fault), (query_code, status, Fault::Sender));
        assert!(std::ptr::eq(SERVICE.error(error.name).unwrap(), error));
    }
    assert_eq!(errors::QUEUE_DOES_NOT_EXIST.type_name, "com.amazonaws.sqs#QueueDoesNotExist");
    let common = errors::INVALID_PARAMETER_VALUE_EXCEPTION.type_name;
    assert_eq!(common, "com.amazon.coral.service#InvalidParameterValueException");
    assert_eq!((errors::INTERNAL_FAILURE.status, errors::INTERNAL_FAILURE.fault), (500, Fault::Receiver));
}
