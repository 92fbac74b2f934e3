//! What secrets and session tokens are sealed with.
//!
//! One key of 32 random bytes, made at the first start and journaled wrapped by the server's root key. From it one key is
//! derived for each use, so that nothing sealed for one can be opened as another. What is sealed is bound to the access key id
//! that it belongs to.
//!
//! ```text
//! sealed      nonce 12 │ ciphertext │ tag 16
//! ```

use seal::{Key, RootKey, RootKeyError, Secret};

/// What the wrapped key is bound to.
const CONTEXT: &[u8] = b"tidewire iam keyring 1";

/// The keys of this server.
pub(crate) struct Keyring {
    secrets: Key,
    tokens: Key,
}

/// A new key, wrapped for the journal.
pub(crate) fn make(root: &dyn RootKey, key: &[u8; 32], nonce: [u8; 12]) -> Result<Box<[u8]>, RootKeyError> {
    root.wrap(key, CONTEXT, nonce).map(Into::into)
}

impl Keyring {
    /// Of the wrapped key; an error if the root key is another.
    pub(crate) fn open(root: &dyn RootKey, wrapped: &[u8]) -> Result<Self, RootKeyError> {
        let bytes = root.unwrap(wrapped, CONTEXT)?;
        let bytes: &[u8; 32] = bytes.expose().try_into().map_err(|_| RootKeyError::Malformed)?;
        let key = Key::new(bytes);
        let derive = |label: &[u8]| key.derive(label, b"");
        Ok(Self { secrets: derive(b"secret access keys"), tokens: derive(b"session tokens") })
    }

    /// Seals the secret of an access key.
    pub(crate) fn seal_secret(&self, id: &str, secret: &str, nonce: [u8; 12]) -> Box<[u8]> {
        seal(&self.secrets, id, secret.as_bytes(), nonce).into()
    }

    /// The secret of an access key.
    pub(crate) fn open_secret(&self, id: &str, sealed: &[u8]) -> Option<Secret> {
        open(&self.secrets, id, sealed).map(Secret::from)
    }

    /// Seals what a session is.
    pub(crate) fn seal_token(&self, id: &str, session: &[u8], nonce: [u8; 12]) -> Vec<u8> {
        seal(&self.tokens, id, session, nonce)
    }

    /// What a session is, if this is the token of this key.
    pub(crate) fn open_token(&self, id: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        open(&self.tokens, id, sealed)
    }
}

fn seal(key: &Key, id: &str, plain: &[u8], nonce: [u8; 12]) -> Vec<u8> {
    let mut sealed = nonce.to_vec();
    key.seal(&nonce, id.as_bytes(), plain, &mut sealed);
    sealed
}

fn open(key: &Key, id: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
    key.open(nonce, id.as_bytes(), sealed).ok()
}
