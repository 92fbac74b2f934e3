//! Which operations are management and which are about data, and which only read: CloudTrail's fields `managementEvent` and
//! `readOnly`.
//!
//! Data events are what is done with messages and records; everything else is management, the use of keys too (CloudTrail
//! User Guide, "data events"; KMS Developer Guide, "logging with CloudTrail"). What a service adds later is management until
//! it is named here: rather a line too many than a change that nobody sees.

use gateway::Description;

/// Operations on data, by service, in order.
const DATA: &[(&str, &[&str])] = &[
    ("dynamodb", &["DeleteItem", "GetItem", "PutItem", "Query", "Scan", "TransactWriteItems", "UpdateItem"]),
    (
        "kinesis",
        &[
            "AcknowledgeDeadLetterQueueRecords",
            "AcknowledgeQueueRecords",
            "GetRecords",
            "GetShardIterator",
            "PutRecord",
            "PutRecords",
            "ReceiveDeadLetterQueueRecords",
            "ReceiveQueueRecords",
            "RestoreDeadLetterQueueRecords",
            "SubscribeToShard",
            "UpdateDeadLetterQueueRecordsVisibility",
            "UpdateQueueRecordsVisibility",
        ],
    ),
    ("monitoring", &["PutMetricData"]),
    ("sns", &["Publish", "PublishBatch"]),
    (
        "sqs",
        &[
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "DeleteMessage",
            "DeleteMessageBatch",
            "ReceiveMessage",
            "SendMessage",
            "SendMessageBatch",
        ],
    ),
];

/// How names of operations begin that change nothing.
const READING: &[&str] =
    &["Get", "List", "Describe", "Lookup", "Receive", "Simulate", "Decode", "Assume", "Query", "Scan"];

/// Operations that change nothing and do not begin so: KMS's cryptography.
const READING_BY_NAME: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "ReEncrypt",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// Whether it is about resources rather than about what is in them.
pub(super) fn is_management(service: &Description, operation: &str) -> bool {
    !DATA.iter().any(|(name, data)| *name == service.shape.signing_name && data.binary_search(&operation).is_ok())
}

/// Whether it changes nothing.
pub(super) fn is_read_only(operation: &str) -> bool {
    READING.iter().any(|beginning| operation.starts_with(beginning))
        || READING_BY_NAME.binary_search(&operation).is_ok()
}

/// Whether its reply is kept: of what changes something, and of what hands out temporary keys, whose ids lead from a session to
/// whoever asked for it (CloudTrail User Guide, "Logging IAM and AWS STS API calls").
pub(super) fn shows_reply(operation: &str) -> bool {
    !is_read_only(operation)
        || operation.starts_with("Assume")
        || matches!(operation, "GetSessionToken" | "GetFederationToken")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order() {
        assert!(READING_BY_NAME.is_sorted() && DATA.iter().all(|(_, names)| names.is_sorted()));
    }

    #[test]
    fn replies_are_kept_of_changes_and_of_sessions() {
        for (operation, is_kept) in [
            ("CreateUser", true),
            ("AssumeRole", true),
            ("GetSessionToken", true),
            ("GetUser", false),
            ("Decrypt", false),
        ] {
            assert_eq!(shows_reply(operation), is_kept, "{operation}");
        }
    }

    #[test]
    fn reading_is_told_from_changing() {
        for (operation, reads) in [
            ("GetQueueUrl", true),
            ("ListUsers", true),
            ("ReceiveMessage", true),
            ("AssumeRoleWithWebIdentity", true),
            ("GenerateDataKey", true),
            ("Query", true),
            ("Scan", true),
            ("TransactWriteItems", false),
            ("CreateQueue", false),
            ("TagQueue", false),
            ("ScheduleKeyDeletion", false),
            ("PurgeQueue", false),
        ] {
            assert_eq!(is_read_only(operation), reads, "{operation}");
        }
    }
}
