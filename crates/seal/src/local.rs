//! A root key whose 32 bytes are known here: from a file, the environment, or a passphrase.
//!
//! ```text
//!  0      4         5      8             24      36
//! +------+---------+------+-------------+-------+----------------+
//! | TWRW | version | zero | root key id | nonce | sealed, tag 16 |
//! +------+---------+------+-------------+-------+----------------+
//!    4        1       3         16         12
//! ```
//!
//! Sealed under a key derived from the root key (label `tidewire wrap`), bound to bytes 0–35 and the context. The id is
//! derived too (label `tidewire root key id`).

use crate::key::{KEY_BYTES, Key, NONCE_BYTES, TAG_BYTES};
use crate::root::{ROOT_KEY_ID_BYTES, RootKey, RootKeyError};
use crate::secret::Secret;
use std::fmt;

const MAGIC: [u8; 4] = *b"TWRW";
const VERSION: u8 = 1;
const ID_AT: usize = 8;
const NONCE_AT: usize = ID_AT + ROOT_KEY_ID_BYTES;
const SEALED_AT: usize = NONCE_AT + NONCE_BYTES;
const _: () = assert!(SEALED_AT == 36);

/// A root key in memory.
pub struct LocalRootKey {
    id: [u8; ROOT_KEY_ID_BYTES],
    wrapping: Key,
}

impl LocalRootKey {
    /// From 32 bytes of chance. The caller wipes his copy.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let key = Key::new(bytes);
        let long = key.derive_bytes(b"tidewire root key id", b"");
        let mut id = [0; ROOT_KEY_ID_BYTES];
        id.copy_from_slice(&long[..ROOT_KEY_ID_BYTES]);
        Self { id, wrapping: key.derive(b"tidewire wrap", b"") }
    }

    fn check(&self, blob: &[u8]) -> Result<(), RootKeyError> {
        if blob.len() < SEALED_AT + TAG_BYTES || blob[..4] != MAGIC || blob[4] != VERSION {
            return Err(RootKeyError::Malformed);
        }
        let wrapped_by: [u8; ROOT_KEY_ID_BYTES] = blob[ID_AT..NONCE_AT].try_into().expect("16 bytes");
        match wrapped_by == self.id {
            true => Ok(()),
            false => Err(RootKeyError::Other { wrapped_by, own: self.id }),
        }
    }
}

/// What a blob is bound to: its own head and the caller's context.
fn bound_to(head: &[u8], context: &[u8]) -> Vec<u8> {
    [head, context].concat()
}

impl RootKey for LocalRootKey {
    fn id(&self) -> [u8; ROOT_KEY_ID_BYTES] {
        self.id
    }

    fn wrap(&self, plain: &[u8], context: &[u8], nonce: [u8; NONCE_BYTES]) -> Result<Vec<u8>, RootKeyError> {
        let mut blob = Vec::with_capacity(SEALED_AT + plain.len() + TAG_BYTES);
        blob.extend_from_slice(&MAGIC);
        blob.extend_from_slice(&[VERSION, 0, 0, 0]);
        blob.extend_from_slice(&self.id);
        blob.extend_from_slice(&nonce);
        let aad = bound_to(&blob, context);
        self.wrapping.seal(&nonce, &aad, plain, &mut blob);
        Ok(blob)
    }

    fn unwrap(&self, blob: &[u8], context: &[u8]) -> Result<Secret, RootKeyError> {
        self.check(blob)?;
        let (head, sealed) = blob.split_at(SEALED_AT);
        let nonce = head[NONCE_AT..].try_into().expect("12 bytes");
        let plain = self.wrapping.open(nonce, &bound_to(head, context), sealed);
        plain.map(Secret::new).map_err(|_| RootKeyError::Broken)
    }
}

impl fmt::Debug for LocalRootKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("LocalRootKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> LocalRootKey {
        LocalRootKey::new(&[7; 32])
    }

    #[test]
    fn what_was_wrapped_comes_back_only_with_its_context() {
        let blob = root().wrap(b"a data key", b"store 5", [3; 12]).unwrap();
        assert_eq!(root().unwrap(&blob, b"store 5").unwrap().expose(), b"a data key");
        assert_eq!(root().unwrap(&blob, b"store 6").unwrap_err(), RootKeyError::Broken);
    }

    #[test]
    fn another_root_key_is_named() {
        let blob = root().wrap(b"a data key", b"", [3; 12]).unwrap();
        let other = LocalRootKey::new(&[8; 32]);
        let refused = other.unwrap(&blob, b"").unwrap_err();
        assert_eq!(refused, RootKeyError::Other { wrapped_by: root().id(), own: other.id() });
        assert!(refused.to_string().contains("wrapped by the root key "), "{refused}");
    }

    #[test]
    fn every_flipped_bit_of_a_blob_is_refused() {
        let blob = root().wrap(b"a data key", b"store 5", [3; 12]).unwrap();
        for bit in 0..8 * blob.len() {
            let mut changed = blob.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(root().unwrap(&changed, b"store 5").is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_cut_blob_is_malformed_or_broken() {
        let blob = root().wrap(b"k", b"", [3; 12]).unwrap();
        for bytes in 0..blob.len() {
            assert!(root().unwrap(&blob[..bytes], b"").is_err(), "{bytes} bytes");
        }
    }

    #[test]
    fn an_id_says_which_key_and_stays() {
        assert_eq!(root().id(), root().id());
        assert_ne!(root().id(), LocalRootKey::new(&[8; 32]).id());
        // The bytes as the first version gave them: a root key in use must keep its id. Computed by an independent
        // SP 800-108 (python, cryptography's KBKDFHMAC).
        assert_eq!(root().id(), GOLDEN_ID);
    }

    #[test]
    fn a_blob_of_the_first_version_is_still_read() {
        assert_eq!(root().wrap(b"golden", b"context", [9; 12]).unwrap(), GOLDEN_BLOB);
        assert_eq!(root().unwrap(&GOLDEN_BLOB, b"context").unwrap().expose(), b"golden");
    }

    #[test]
    fn nothing_of_it_is_shown() {
        assert_eq!(format!("{:?}", root()), "LocalRootKey(…)");
    }

    #[rustfmt::skip]
    const GOLDEN_ID: [u8; 16] = [0x5e, 0xae, 0xf8, 0xd0, 0xe4, 0x92, 0x85, 0xd2, 0x98, 0xdf, 0xbe, 0xb3, 0xd9, 0xd6, 0xc5, 0xc4];

    #[rustfmt::skip]
    const GOLDEN_BLOB: [u8; 58] = [0x54, 0x57, 0x52, 0x57, 0x01, 0x00, 0x00, 0x00, 0x5e, 0xae, 0xf8, 0xd0, 0xe4, 0x92, 0x85, 0xd2, 0x98, 0xdf, 0xbe, 0xb3, 0xd9, 0xd6, 0xc5, 0xc4, 0x09, 0x09, 0x09, 0x09, 0x09, 0x09, 0x09, 0x09, 0x09, 0x09, 0x09, 0x09, 0xe9, 0x95, 0x9c, 0x7d, 0xcf, 0x9a, 0xea, 0xfc, 0xd1, 0xcb, 0x88, 0x9c, 0x8e, 0xb5, 0xbb, 0x12, 0xe3, 0x72, 0xcb, 0x4c, 0x76, 0x48];
}
