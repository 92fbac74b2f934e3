//! AES-256-GCM under one key: what is sealed is ciphertext ‖ tag (16 bytes), nothing else. The nonce is the caller's to keep
//! and to choose; what the bytes are bound to (`aad`) is checked and not stored.
//!
//! Derived keys: SP 800-108 in counter mode with HMAC-SHA256 and 32 bytes of output, so one block:
//!
//! ```text
//! HMAC-SHA256(key, 00 00 00 01 ‖ label ‖ 00 ‖ context ‖ 00 00 01 00)
//! ```
//!
//! A label must not contain a zero byte; it says what the key is for, the context for whom.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use std::fmt;
use zeroize::Zeroizing;

/// A key's length.
pub const KEY_BYTES: usize = 32;
/// A nonce's length.
pub const NONCE_BYTES: usize = 12;
/// How much longer sealed bytes are than plain ones.
pub const TAG_BYTES: usize = 16;

/// Sealed bytes do not fit: the key, the nonce, what they are bound to, or they themselves are others than at the sealing.
/// Which of them cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the sealed bytes do not fit their key, or are not what was sealed")
    }
}

impl std::error::Error for Broken {}

/// A key, set up once. Wiped when let go of.
pub struct Key {
    aead: LessSafeKey,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    /// Sets a key up (about 0.1 µs).
    pub fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, bytes).expect("32 bytes are a key of AES-256");
        Self { aead: LessSafeKey::new(unbound), bytes: Zeroizing::new(*bytes) }
    }

    /// Puts the sealed bytes, `plain.len() + TAG_BYTES` of them, behind what `out` holds.
    ///
    /// A nonce must never be used twice with one key: two messages under one nonce give away both and the means to forge.
    pub fn seal(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], plain: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.reserve(plain.len() + TAG_BYTES);
        out.extend_from_slice(plain);
        let tag = self.seal_in_place(nonce, aad, &mut out[start..]);
        out.extend_from_slice(&tag);
    }

    /// Turns plain bytes into as many sealed ones where they stand, and gives the tag that belongs behind them.
    pub fn seal_in_place(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], bytes: &mut [u8]) -> [u8; TAG_BYTES] {
        let tag = self
            .aead
            .seal_in_place_separate_tag(Nonce::from(nonce), Aad::from(aad), bytes)
            .expect("what is shorter than 64 GiB can be sealed");
        tag.as_ref().try_into().expect("a tag of GCM has 16 bytes")
    }

    /// The plain bytes.
    pub fn open(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Broken> {
        let mut plain = vec![0; sealed.len().checked_sub(TAG_BYTES).ok_or(Broken)?];
        self.open_into(nonce, aad, sealed, &mut plain)?;
        Ok(plain)
    }

    /// The plain bytes, into a slice of exactly their length. After a refusal the slice holds nothing of use.
    pub fn open_into(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), Broken> {
        let bytes = sealed.len().checked_sub(TAG_BYTES).ok_or(Broken)?;
        if plain.len() != bytes {
            return Err(Broken);
        }
        let (text, tag) = sealed.split_at(bytes);
        self.aead.open_separate_gather(Nonce::from(nonce), Aad::from(aad), text, tag, plain).map_err(|_| Broken)
    }

    /// A key of its own for a purpose (`label`, without a zero byte) and whom it is for (`context`). From it nobody learns
    /// anything of this one.
    pub fn derive(&self, label: &[u8], context: &[u8]) -> Self {
        Self::new(&self.derive_bytes(label, context))
    }

    /// The bytes of such a key, for what is no key of AES-GCM.
    pub fn derive_bytes(&self, label: &[u8], context: &[u8]) -> Zeroizing<[u8; KEY_BYTES]> {
        assert!(!label.contains(&0), "a label's end is a zero byte, so it holds none");
        const BITS: u32 = 8 * KEY_BYTES as u32;
        Zeroizing::new(self.mac(&[&1_u32.to_be_bytes(), label, &[0], context, &BITS.to_be_bytes()]))
    }

    /// A name for data that says nothing of it to who has not the key: HMAC-SHA256 of the parts in a row. Derive a key for
    /// this; one that also seals or derives must not be used. The parts' borders are not part of the name.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, &*self.bytes));
        for part in parts {
            context.update(part);
        }
        context.sign().as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(…)")
    }
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
