//! Why a request is refused: KMS's error and its sentence.
//!
//! Sentences are those of recorded answers (LocalStack's snapshots of KMS, moto's tests, messages that users quote). Where
//! none is recorded they say the same in our words.

use crate::api::errors;
use crate::spec::KeySpec;
use engine::Unavailable;
use gateway::Refused;
use std::borrow::Cow;
use wire::schema::ErrorShape;

/// An error of the service's table, with its sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) error: Named,
    pub(crate) message: Cow<'static, str>,
}

/// An error of the table; two are the same when their names are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named(pub(crate) &'static ErrorShape);

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Refusal {
    pub(crate) fn new(error: &'static ErrorShape, message: impl Into<Cow<'static, str>>) -> Self {
        Self { error: Named(error), message: message.into() }
    }

    pub(crate) fn validation(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::VALIDATION_EXCEPTION, message)
    }

    pub(crate) fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::NOT_FOUND_EXCEPTION, message)
    }

    pub(crate) fn no_key(arn: &str) -> Self {
        Self::not_found(format!("Key '{arn}' does not exist"))
    }

    pub(crate) fn no_alias(arn: &str) -> Self {
        Self::not_found(format!("Alias {arn} is not found."))
    }

    pub(crate) fn invalid_key_id(text: &str) -> Self {
        Self::not_found(format!("Invalid keyId '{text}'"))
    }

    pub(crate) fn invalid_region(region: &str) -> Self {
        Self::not_found(format!("Invalid arn {region}"))
    }

    pub(crate) fn invalid_arn(text: &str) -> Self {
        Self::new(&errors::INVALID_ARN_EXCEPTION, format!("{text} is not a valid ARN of KMS."))
    }

    pub(crate) fn alias_arn() -> Self {
        Self::new(&errors::INVALID_ARN_EXCEPTION, "Key Aliases are not supported for this operation")
    }

    pub(crate) fn disabled(arn: &str) -> Self {
        Self::new(&errors::DISABLED_EXCEPTION, format!("{arn} is disabled."))
    }

    pub(crate) fn state(arn: &str, is: &str) -> Self {
        Self::new(&errors::KMS_INVALID_STATE_EXCEPTION, format!("{arn} is {is}."))
    }

    pub(crate) fn usage(message: String) -> Self {
        Self::new(&errors::INVALID_KEY_USAGE_EXCEPTION, message)
    }

    pub(crate) fn unsupported(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::UNSUPPORTED_OPERATION_EXCEPTION, message)
    }

    /// What is imported is no material of the key's spec.
    pub(crate) fn no_material_of(spec: KeySpec) -> Self {
        let message = format!("The key material is not valid for a key of the spec {}.", spec.name());
        Self::new(&errors::INCORRECT_KEY_MATERIAL_EXCEPTION, message)
    }

    /// What is imported is not what the key had, whose ciphertexts are out there.
    pub(crate) fn other_material() -> Self {
        let message = "The key material is not the same that was imported into this key before.";
        Self::new(&errors::INCORRECT_KEY_MATERIAL_EXCEPTION, message)
    }

    pub(crate) fn no_key_stores() -> Self {
        Self::unsupported("This version of tidewire has no custom key stores.")
    }

    pub(crate) fn limit(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::LIMIT_EXCEEDED_EXCEPTION, message)
    }

    pub(crate) fn policy(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::MALFORMED_POLICY_DOCUMENT_EXCEPTION, message)
    }

    pub(crate) fn marker() -> Self {
        Self::new(
            &errors::INVALID_MARKER_EXCEPTION,
            "The marker that specifies where pagination should next begin is not valid.",
        )
    }

    /// It was changed, or not sealed here, or with another context: which of these is not said.
    pub(crate) fn ciphertext() -> Self {
        Self::new(&errors::INVALID_CIPHERTEXT_EXCEPTION, "")
    }

    pub(crate) fn incorrect_key() -> Self {
        let message = "The key ID in the request does not identify a CMK that can perform this operation.";
        Self::new(&errors::INCORRECT_KEY_EXCEPTION, message)
    }

    pub(crate) fn access_denied(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::ACCESS_DENIED_EXCEPTION, message)
    }

    pub(crate) fn dry_run() -> Self {
        let message = "The request would have succeeded, but the DryRun option is set.";
        Self::new(&errors::DRY_RUN_OPERATION_EXCEPTION, message)
    }

    pub(crate) fn throttled() -> Self {
        let message = "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";
        Self::new(&errors::THROTTLING_EXCEPTION, message)
    }

    pub(crate) fn tag(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(&errors::TAG_EXCEPTION, message)
    }

    /// Ours: what the store keeps cannot be opened, or cryptography failed. Says nothing of why.
    pub(crate) fn internal() -> Self {
        Self::new(&errors::KMS_INTERNAL_EXCEPTION, "The request was refused because of an internal error.")
    }
}

impl From<Unavailable> for Refusal {
    fn from(_: Unavailable) -> Self {
        Self::new(&errors::SERVICE_UNAVAILABLE_EXCEPTION, "The service cannot keep anything at this moment.")
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.error.0, refusal.message)
    }
}
