//! Why a request is refused: an error of DynamoDB or of CloudWatch, and its sentence.
//!
//! Sentences are those that recorded answers and the emulators' own records of AWS quote. Where none is recorded they say the same
//! in our words.

use crate::api::dynamodb::{ConditionalCheckFailedException, errors};
use crate::limits;
use crate::value::Item;
use engine::Unavailable;
use gateway::{ErrorMembers, Refused};
use std::borrow::Cow;
use std::sync::Arc;
use wire::schema::ErrorShape;

/// An error of a service's table, with its sentence.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) error: &'static ErrorShape,
    pub(crate) message: Cow<'static, str>,
    /// What the error has beside its message.
    pub(crate) members: Option<ErrorMembers>,
}

impl Refusal {
    pub(crate) fn new(error: &'static ErrorShape, message: impl Into<Cow<'static, str>>) -> Self {
        Self { error, message: message.into(), members: None }
    }

    pub(crate) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::VALIDATION_EXCEPTION, message)
    }

    /// A value that breaks a rule of tables, as most of these sentences begin.
    pub(crate) fn invalid(what: impl std::fmt::Display) -> Self {
        Self::validation(format!("One or more parameter values were invalid: {what}"))
    }

    pub(crate) fn in_use(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::RESOURCE_IN_USE_EXCEPTION, message)
    }

    pub(crate) fn limit(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::LIMIT_EXCEEDED_EXCEPTION, message)
    }

    /// The words of operations on items.
    pub(crate) fn no_table() -> Self {
        Self::new(&errors::RESOURCE_NOT_FOUND_EXCEPTION, "Requested resource not found")
    }

    /// The words of operations on tables.
    pub(crate) fn no_such_table(name: &str) -> Self {
        Self::new(
            &errors::RESOURCE_NOT_FOUND_EXCEPTION,
            format!("Requested resource not found: Table: {name} not found"),
        )
    }

    /// The condition of a write does not hold; `item` is shown where that was asked for.
    pub(crate) fn condition_failed(item: Option<&Item>) -> Self {
        let refusal = Self::new(&errors::CONDITIONAL_CHECK_FAILED_EXCEPTION, "The conditional request failed");
        let members = item.map(|item| {
            let shown = ConditionalCheckFailedException { message: None, item: Some(item.show()) };
            ErrorMembers(Arc::new(shown))
        });
        Self { members, ..refusal }
    }

    /// A transaction's token stands for another one.
    pub(crate) fn other_transaction() -> Self {
        let error = &errors::IDEMPOTENT_PARAMETER_MISMATCH_EXCEPTION;
        Self::new(error, "Transaction canceled; the same token was used with different parameters")
    }

    /// The account's tables are as large as they get here.
    pub(crate) fn full() -> Self {
        let mebibytes = limits::ACCOUNT_BYTES_MAX >> 20;
        Self::new(
            &errors::REQUEST_LIMIT_EXCEEDED,
            format!(
                "The lease tables of an account in a region hold {mebibytes} MiB at the most: this is no database."
            ),
        )
    }

    /// All tables and metrics of all accounts are as large as they get here.
    pub(crate) fn all_full() -> Self {
        Self::new(
            &errors::REQUEST_LIMIT_EXCEEDED,
            format!(
                "The lease tables and metrics of all accounts take {} MiB, in {} regions of accounts, at the most: this is no database.",
                limits::ALL_BYTES_MAX >> 20,
                limits::ROOMS_MAX
            ),
        )
    }

    /// No token may be forgotten before its time, and there is no room for another.
    pub(crate) fn too_many_tokens() -> Self {
        let (most, minutes) = (limits::TOKENS_MAX, limits::TOKEN_MILLIS / 60_000);
        Self::new(
            &errors::REQUEST_LIMIT_EXCEEDED,
            format!("An account has {most} transactions with tokens within {minutes} minutes in a region at the most."),
        )
    }

    /// A transaction writes too much.
    pub(crate) fn large_transaction() -> Self {
        Self::validation("Collection size (bytes) has exceeded the maximum allowed size of a transaction")
    }

    pub(crate) fn unsupported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::UNKNOWN_OPERATION_EXCEPTION, message)
    }
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            // Asked again it would be as large.
            Unavailable::TooLarge => Self::validation("The request is larger than the server can keep at once."),
            _ => Self::new(&errors::SERVICE_UNAVAILABLE, "The service cannot keep anything at this moment."),
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let refused = Self::new(refusal.error, refusal.message);
        match refusal.members {
            Some(members) => refused.with_members(members),
            None => refused,
        }
    }
}
