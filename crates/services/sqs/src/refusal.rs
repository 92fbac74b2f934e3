//! Why a request is refused: AWS's error and AWS's sentence.
//!
//! Every sentence that SQS says to a caller stands here or in the module whose rule it states, so that the wording of one
//! kind of mistake is found in one place.

use crate::api::errors;
use crate::limits;
use engine::Unavailable;
use gateway::Refused;
use names::QueueName;
use std::borrow::Cow;
use wire::schema::ErrorShape;

/// An error of the service's table, with its sentence.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) error: &'static ErrorShape,
    pub(crate) message: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(error: &'static ErrorShape, message: impl Into<Cow<'static, str>>) -> Self {
        Self { error, message: message.into() }
    }

    /// A parameter that has to be there is not.
    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new(
            &errors::MISSING_REQUIRED_PARAMETER_EXCEPTION,
            format!("The request must contain the parameter {parameter}."),
        )
    }

    /// A parameter's value is not allowed, in the words given.
    pub(crate) fn invalid_parameter(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::INVALID_PARAMETER_VALUE_EXCEPTION, message)
    }

    /// A parameter's value is not allowed, for the reason given.
    pub(crate) fn invalid_value(value: impl std::fmt::Display, parameter: &str, reason: &str) -> Self {
        Self::invalid_parameter(format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"))
    }

    pub(crate) fn queue_does_not_exist() -> Self {
        Self::new(&errors::QUEUE_DOES_NOT_EXIST, "The specified queue does not exist.")
    }

    pub(crate) fn no_queue_or_no_access() -> Self {
        let words = "The specified queue does not exist or you do not have access to it.";
        Self::new(&errors::QUEUE_DOES_NOT_EXIST, words)
    }

    pub(crate) fn queue_name_exists(attribute: &str) -> Self {
        Self::new(
            &errors::QUEUE_NAME_EXISTS,
            format!("A queue already exists with the same name and a different value for attribute {attribute}"),
        )
    }

    pub(crate) fn invalid_queue_name() -> Self {
        Self::invalid_parameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
    }

    pub(crate) fn invalid_fifo_name() -> Self {
        Self::invalid_parameter(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with \
             .fifo suffix and be 1 to 80 in length",
        )
    }

    pub(crate) fn attribute_of_fifo_queues(name: &str) -> Self {
        let words = format!("You can specify the {name} only when FifoQueue is set to true.");
        Self::new(&errors::INVALID_ATTRIBUTE_NAME, words)
    }

    pub(crate) fn throughput_without_scope() -> Self {
        Self::new(
            &errors::INVALID_ATTRIBUTE_VALUE,
            "Invalid value for the parameter FifoThroughputLimit. Reason: The perMessageGroupId value is allowed only when \
             the value for DeduplicationScope is messageGroup.",
        )
    }

    /// The parameter is one of the other queue type's.
    pub(crate) fn not_of_this_queue_type(value: impl std::fmt::Display, parameter: &str) -> Self {
        let reason = "The request include parameter that is not valid for this queue type.";
        Self::invalid_value(value, parameter, reason)
    }

    pub(crate) fn no_deduplication_id() -> Self {
        Self::invalid_parameter(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        )
    }

    pub(crate) fn throttled() -> Self {
        Self::new(&errors::REQUEST_THROTTLED, "Request is throttled.")
    }

    pub(crate) fn unknown_attribute(name: &str) -> Self {
        Self::new(&errors::INVALID_ATTRIBUTE_NAME, format!("Unknown Attribute {name}."))
    }

    pub(crate) fn invalid_attribute_value(name: &str) -> Self {
        Self::new(&errors::INVALID_ATTRIBUTE_VALUE, format!("Invalid value for the parameter {name}."))
    }

    pub(crate) fn malformed_attribute(name: &str, reason: &str) -> Self {
        let message = format!("Invalid value for the parameter {name}. Reason: {reason}");
        Self::new(&errors::INVALID_ATTRIBUTE_VALUE, message)
    }

    pub(crate) fn queue_type_is_fixed(name: &str) -> Self {
        let words = format!("Invalid value for the parameter {name}. Reason: Modifying queue type is not supported.");
        Self::new(&errors::INVALID_ATTRIBUTE_VALUE, words)
    }

    /// Two attributes ask for two ways of encryption (recorded words of AWS).
    pub(crate) fn two_kinds_of_encryption() -> Self {
        let words = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS \
                     SSE.";
        Self::new(&errors::INVALID_ATTRIBUTE_NAME, words)
    }

    /// The key of a queue is not used, and why in the words of KMS.
    pub(crate) fn of_key(error: &'static ErrorShape, message: String) -> Self {
        Self::new(error, message)
    }

    pub(crate) fn too_many_tags(queue: &QueueName) -> Self {
        Self::invalid_parameter(format!("Too many tags added for queue {queue}."))
    }

    pub(crate) fn too_many_actions(count: usize) -> Self {
        let most = limits::PERMISSION_ACTIONS_MAX;
        Self::new(&errors::OVER_LIMIT, format!("{count} Actions were found, maximum allowed is {most}."))
    }

    pub(crate) fn unverified_accounts(accounts: &[String]) -> Self {
        Self::invalid_value(format!("[{}]", accounts.join(", ")), "PrincipalId", "Unable to verify.")
    }

    pub(crate) fn policy_too_long() -> Self {
        let (statements, bytes) = (limits::POLICY_STATEMENTS_MAX, limits::POLICY_BYTES_MAX);
        let words = format!("A policy can have at most {statements} statements and {bytes} bytes.");
        Self::new(&errors::OVER_LIMIT, words)
    }

    pub(crate) fn queue_deleted_recently() -> Self {
        Self::new(
            &errors::QUEUE_DELETED_RECENTLY,
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        )
    }

    pub(crate) fn purge_in_progress(queue: &QueueName) -> Self {
        let words = format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds.");
        Self::new(&errors::PURGE_QUEUE_IN_PROGRESS, words)
    }

    pub(crate) fn unsupported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::UNSUPPORTED_OPERATION, message)
    }

    /// An ARN names no queue that is there.
    pub(crate) fn resource_not_found(parameter: &str) -> Self {
        let words = format!("The resource that you specified for the {parameter} parameter doesn't exist.");
        Self::new(&errors::RESOURCE_NOT_FOUND_EXCEPTION, words)
    }

    pub(crate) fn malformed_arn(parameter: &str) -> Self {
        Self::invalid_parameter(format!(
            "You must use this format to specify the {parameter}: \
             arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        ))
    }

    pub(crate) fn move_task_runs() -> Self {
        Self::invalid_parameter(
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    }

    pub(crate) fn move_task_unknown() -> Self {
        Self::new(&errors::RESOURCE_NOT_FOUND_EXCEPTION, "Task does not exist.")
    }

    pub(crate) fn move_task_ended() -> Self {
        Self::invalid_parameter("Only active tasks can be cancelled.")
    }

    /// What stands in a text is no character of a message, in the words that callers of AWS report (aistudio #1525 and others;
    /// those for an attribute are Eucalyptus's, whose words for the body are the same as AWS's).
    pub(crate) fn invalid_character(unit: u32, place: &str) -> Self {
        Self::new(
            &errors::INVALID_MESSAGE_CONTENTS,
            format!(
                "Invalid binary character '#x{unit:X}' was found in the {place}, the set of allowed characters is #x9 | #xA | \
                 #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]."
            ),
        )
    }

    pub(crate) fn message_too_long(bytes_max: usize) -> Self {
        Self::invalid_parameter(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {bytes_max} bytes."
        ))
    }

    pub(crate) fn receipt_handle_is_invalid(handle: &str) -> Self {
        Self::new(
            &errors::RECEIPT_HANDLE_IS_INVALID,
            format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
        )
    }

    pub(crate) fn message_not_inflight() -> Self {
        Self::new(&errors::MESSAGE_NOT_INFLIGHT, "The message referred to is not in flight.")
    }

    pub(crate) fn over_limit() -> Self {
        Self::new(&errors::OVER_LIMIT, "Too many messages are in flight.")
    }

    pub(crate) fn empty_batch(entry: &str) -> Self {
        Self::new(&errors::EMPTY_BATCH_REQUEST, format!("There should be at least one {entry} in the request."))
    }

    pub(crate) fn too_many_entries(count: usize) -> Self {
        Self::new(
            &errors::TOO_MANY_ENTRIES_IN_BATCH_REQUEST,
            format!("Maximum number of entries per request are {}. You have sent {count}.", limits::BATCH_ENTRIES_MAX),
        )
    }

    pub(crate) fn entry_ids_not_distinct(id: &str) -> Self {
        Self::new(&errors::BATCH_ENTRY_IDS_NOT_DISTINCT, format!("Id {id} repeated."))
    }

    pub(crate) fn invalid_entry_id() -> Self {
        Self::new(
            &errors::INVALID_BATCH_ENTRY_ID,
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 \
             letters long.",
        )
    }

    pub(crate) fn batch_too_long(bytes: usize) -> Self {
        Self::new(
            &errors::BATCH_REQUEST_TOO_LONG,
            format!(
                "Batch requests cannot be longer than {} bytes. You have sent {bytes} bytes.",
                limits::MESSAGE_BYTES_MAX
            ),
        )
    }

    /// What is kept is not what this program writes: ours, not the caller's.
    pub(crate) fn internal() -> Self {
        Self::new(&errors::INTERNAL_FAILURE, "The request processing has failed because of an internal failure.")
    }
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::TooLarge => Self::invalid_parameter("The request is larger than the server can keep at once."),
            Unavailable::Broken => Self::internal(),
            Unavailable::Busy | Unavailable::NoSpace | Unavailable::Stopped | Unavailable::Unreadable => Self::new(
                &errors::SERVICE_UNAVAILABLE_EXCEPTION,
                format!("The request was not carried out: {unavailable}."),
            ),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let is_missing_queue = std::ptr::eq(refusal.error, &errors::QUEUE_DOES_NOT_EXIST)
            && refusal.message == Refusal::queue_does_not_exist().message;
        let refused = Refused::new(refusal.error, refusal.message);
        match is_missing_queue {
            true => refused.worded_in_query("The specified queue does not exist for this wsdl version."),
            false => refused,
        }
    }
}

#[cfg(test)]
impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.error, other.error) && self.message == other.message
    }
}
