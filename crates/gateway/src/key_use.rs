//! The use of encryption keys by one service on behalf of another's caller.
//!
//! A service that seals what customers give it (SQS with SSE-KMS) asks for data keys of a customer's key. Whoever has the keys
//! checks that the caller may, through that service, as if the caller had asked itself. It stands here because both sides know
//! the gateway and neither knows the other; the server hands the one to the other.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use access::Secret;

use crate::service::Caller;

/// An encryption context: pairs that a ciphertext is bound to.
pub type KeyContext = Vec<(String, String)>;

/// The answer to a use of a key, once it is known.
pub type Used<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyRefusal>> + Send + 'a>>;

/// Keys that services may use for their callers. Keys are named by ARN, of the key or of an alias, since the caller may be of
/// another account; `via` is the service as `kms:ViaService` names it, `sqs.eu-west-1.amazonaws.com`.
pub trait KeyUse: Send + Sync + 'static {
    /// A new data key of 32 bytes under a key, for whoever may `GenerateDataKey`.
    fn generate_data_key<'a>(
        &'a self,
        caller: &'a Caller,
        key: &'a str,
        context: KeyContext,
        via: &'a str,
    ) -> Used<'a, DataKey>;

    /// The data key that was sealed into `blob`, for whoever may `Decrypt`.
    fn decrypt_data_key<'a>(
        &'a self,
        caller: &'a Caller,
        blob: &'a [u8],
        context: KeyContext,
        via: &'a str,
    ) -> Used<'a, Secret>;

    /// Whether the key can be used at this moment, and the caller may `Decrypt` with it.
    fn check_decrypt<'a>(&'a self, caller: &'a Caller, key: &'a str, context: KeyContext, via: &'a str)
    -> Used<'a, ()>;

    /// Whether data keys could be made with the key at this moment, and the caller may `DescribeKey`.
    fn check_key<'a>(&'a self, caller: &'a Caller, key: &'a str, via: &'a str) -> Used<'a, ()>;
}

/// Who has the keys, if anybody has.
#[derive(Clone, Default)]
pub struct Keys(Option<Arc<dyn KeyUse>>);

impl Keys {
    /// Keys of this service.
    pub fn of(keys: Arc<dyn KeyUse>) -> Self {
        Self(Some(keys))
    }

    /// Whoever has them.
    pub fn get(&self) -> Option<&Arc<dyn KeyUse>> {
        self.0.as_ref()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Keys(some)" } else { "Keys(none)" })
    }
}

/// A data key: plain, to seal with, and sealed, to be kept beside what it sealed.
#[derive(Debug, Clone)]
pub struct DataKey {
    /// Thirty-two bytes.
    pub secret: Secret,
    /// What [`KeyUse::decrypt_data_key`] makes the same of.
    pub blob: Arc<[u8]>,
}

/// Why a key is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRefusal {
    /// Which kind of refusal; each service has a code of its own for it.
    pub fault: KeyFault,
    /// The sentence of whoever has the keys.
    pub message: String,
}

/// Kinds of refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFault {
    /// The caller may not.
    AccessDenied,
    /// The key is disabled.
    Disabled,
    /// There is no such key.
    NotFound,
    /// The key waits for its end or for its material.
    InvalidState,
    /// The ciphertext is of no key that is there, or of another context.
    Ciphertext,
    /// The key is for something else.
    InvalidUsage,
    /// There are too many who ask for keys at this moment.
    Throttled,
    /// It could not be done now.
    Unavailable,
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for KeyRefusal {}
