//! What wraps keys: a key that never seals data itself, so that changing it rewrites only what it wrapped.

use crate::secret::Secret;
use std::fmt;

/// The length of a root key's id.
pub const ROOT_KEY_ID_BYTES: usize = 16;

/// A root key, wherever it is: in a file, in a device, at a service over the network. Its implementor must keep the promise
/// that only who has the key can unwrap, and that a blob fits only its context.
pub trait RootKey: Send + Sync {
    /// Which one it is, without saying anything of the key itself. Stays the same over restarts.
    fn id(&self) -> [u8; ROOT_KEY_ID_BYTES];

    /// Wraps a key. `context` says what it is and for whom, and must be the same at [`RootKey::unwrap`]. `nonce` must be by
    /// chance or otherwise never repeat; a root key that chooses its own may pass over it.
    fn wrap(&self, plain: &[u8], context: &[u8], nonce: [u8; 12]) -> Result<Vec<u8>, RootKeyError>;

    /// What was wrapped.
    fn unwrap(&self, blob: &[u8], context: &[u8]) -> Result<Secret, RootKeyError>;
}

/// Why a root key did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootKeyError {
    /// The blob was wrapped by another root key.
    Other {
        /// By which one.
        wrapped_by: [u8; ROOT_KEY_ID_BYTES],
        /// Which one this is.
        own: [u8; ROOT_KEY_ID_BYTES],
    },
    /// The root key is the right one; the blob was changed, or its context is another.
    Broken,
    /// No blob of a layout that is known here.
    Malformed,
    /// The device or service does not answer.
    Unavailable(String),
}

impl fmt::Display for RootKeyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other { wrapped_by, own } => {
                write!(out, "it was wrapped by the root key {}, and the root key here is {}", Hex(wrapped_by), Hex(own))
            }
            Self::Broken => out.write_str("what the root key wrapped was changed, or belongs elsewhere"),
            Self::Malformed => out.write_str("it is nothing that a root key wrapped, or a newer version wrote it"),
            Self::Unavailable(why) => write!(out, "the root key is not available: {why}"),
        }
    }
}

impl std::error::Error for RootKeyError {}

/// An id as people read it.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}
