//! Keys and what is locked with them, as pure functions: no clock, no chance, no file.
//!
//! Comes in: plain bytes, a nonce that was never used before with this key, and what the bytes are bound to. Goes out: the
//! sealed bytes, or a refusal that says no more than that they do not fit. Kept throughout: a secret is wiped when it is let
//! go of, and neither `Debug` nor an error shows a byte of it.
//!
//! - [`Secret`]: bytes that nobody shall read by accident.
//! - [`Key`]: AES-256-GCM (NIST SP 800-38D) by aws-lc-rs, set up once and used by any number of threads. Derives other keys
//!   (SP 800-108, counter mode, HMAC-SHA256) and names data by a keyed digest.
//! - [`Sha1Signer`]: RSA over SHA-1, for receivers of SNS that expect its oldest signatures.
//! - [`RootKey`]: what wraps keys. [`LocalRootKey`] is one whose 32 bytes are known here, from a file, the environment or a
//!   passphrase ([`Passphrase`]); a device or a service that never gives its key away implements the same trait.
//!
//! Nonces come from the caller, because only he can promise that none repeats: a counter kept with the key, or chance. With
//! nonces by chance a key must not seal more than [`RANDOM_NONCES_MAX`] times.

mod key;
mod local;
mod passphrase;
mod root;
mod secret;
mod sha1_signer;

pub use key::{Broken, KEY_BYTES, Key, NONCE_BYTES, TAG_BYTES};
pub use local::LocalRootKey;
pub use passphrase::{MalformedSalt, Passphrase, SALT_BYTES};
pub use root::{ROOT_KEY_ID_BYTES, RootKey, RootKeyError};
pub use secret::Secret;
pub use sha1_signer::Sha1Signer;

/// How often one key may seal with nonces that were chosen by chance: SP 800-38D, section 8.3.
pub const RANDOM_NONCES_MAX: u64 = 1 << 32;
