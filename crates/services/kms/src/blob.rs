//! What a symmetric key makes of a plaintext.
//!
//! ```text
//!  0        4           20            24       40    52
//! +--------+-----------+-------------+--------+-----+---------------------+
//! | TWK v1 | key id 16 | material 4  | nonce  | IV  | ciphertext ‖ tag 16 |
//! +--------+-----------+-------------+--------+-----+---------------------+
//! ```
//! `material` says which of the key's materials, in their order (big-endian). The message's own key is
//! `KBKDF(material, label "tidewire kms message" ‖ 0 ‖ nonce)` (SP 800-108, counter mode, HMAC-SHA256), so that no key of
//! AES-GCM seals more than one message and chance never has to be counted. Bound to it: bytes 0–51 ‖ the encryption context.
//! Nothing else is read from a blob than these bytes; whoever changes one of them gets a refusal that says no more.

use crate::context::Context;
use seal::{Key, Secret};

const MAGIC: [u8; 4] = *b"TWK\x01";
const ID_AT: usize = 4;
const MATERIAL_AT: usize = 20;
const NONCE_AT: usize = 24;
const IV_AT: usize = 40;
pub(crate) const HEADER_BYTES: usize = 52;
const LABEL: &[u8] = b"tidewire kms message";

/// What stands in a blob's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The bytes of the key's id.
    pub(crate) key: [u8; 16],
    /// Which of its materials.
    pub(crate) material: u32,
}

/// The chance that a message needs.
pub(crate) type Chance = [u8; 28];

/// Reads the head of what may be a blob.
pub(crate) fn head(blob: &[u8]) -> Option<Head> {
    let (head, _) = blob.split_at_checked(HEADER_BYTES).filter(|(_, rest)| rest.len() >= seal::TAG_BYTES)?;
    (head[..ID_AT] == MAGIC).then_some(())?;
    let material = u32::from_be_bytes(head[MATERIAL_AT..NONCE_AT].try_into().ok()?);
    Some(Head { key: head[ID_AT..MATERIAL_AT].try_into().ok()?, material })
}

/// Seals a plaintext.
pub(crate) fn seal(head: Head, material: &Secret, chance: &Chance, plain: &[u8], context: &Context) -> Vec<u8> {
    let mut blob = Vec::with_capacity(HEADER_BYTES + plain.len() + seal::TAG_BYTES);
    blob.extend(MAGIC);
    blob.extend(head.key);
    blob.extend(head.material.to_be_bytes());
    blob.extend(chance);
    let bound = bound_to(&blob, context);
    let iv = blob[IV_AT..].try_into().expect("an IV has 12 bytes");
    message_key(material, &blob).seal(&iv, &bound, plain, &mut blob);
    blob
}

/// The plaintext, if the blob is whole and the context is the one that it was sealed with.
pub(crate) fn open(blob: &[u8], material: &Secret, context: &Context) -> Option<Secret> {
    let (head, sealed) = blob.split_at_checked(HEADER_BYTES)?;
    let iv = head[IV_AT..].try_into().ok()?;
    message_key(material, head).open(&iv, &bound_to(head, context), sealed).ok().map(Secret::new)
}

fn message_key(material: &Secret, head: &[u8]) -> Key {
    let material: &[u8; 32] = material.expose().try_into().expect("symmetric material has 32 bytes");
    Key::new(material).derive(LABEL, &head[NONCE_AT..IV_AT])
}

fn bound_to(head: &[u8], context: &Context) -> Vec<u8> {
    let mut bound = head[..HEADER_BYTES].to_vec();
    context.encode(&mut bound);
    bound
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { key: [0xab; 16], material: 3 };

    fn material() -> Secret {
        Secret::new(vec![7; 32])
    }

    fn context(pairs: &[(&str, &str)]) -> Context {
        Context::new(Some(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()))
    }

    fn golden() -> Vec<u8> {
        seal(HEAD, &material(), &[9; 28], b"golden", &context(&[("a", "1"), ("b", "2")]))
    }

    #[test]
    fn a_blob_opens_with_its_context_alone() {
        let blob = golden();
        assert_eq!(head(&blob), Some(HEAD));
        let opened = open(&blob, &material(), &context(&[("b", "2"), ("a", "1")])).unwrap();
        assert_eq!(opened.expose(), b"golden");
        for other in [&[][..], &[("a", "1")], &[("a", "1"), ("b", "3")], &[("a", "12"), ("b", "")]] {
            assert!(open(&blob, &material(), &context(other)).is_none(), "{other:?}");
        }
        assert!(open(&blob, &Secret::new(vec![8; 32]), &context(&[("a", "1"), ("b", "2")])).is_none());
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let blob = golden();
        for bit in 0..blob.len() * 8 {
            let mut broken = blob.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&broken, &material(), &context(&[("a", "1"), ("b", "2")])).is_none(), "bit {bit}");
        }
    }

    #[test]
    fn what_is_too_short_is_no_blob() {
        let blob = golden();
        for length in 0..blob.len() {
            assert!(open(&blob[..length], &material(), &context(&[("a", "1"), ("b", "2")])).is_none());
            assert_eq!(head(&blob[..length]).is_some(), length >= HEADER_BYTES + seal::TAG_BYTES, "{length}");
        }
    }

    #[test]
    fn blobs_of_the_first_version_are_opened_for_ever() {
        let shown: String = golden().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(shown, GOLDEN);
    }

    const GOLDEN: &str = "54574b01abababababababababababababababab0000000309090909090909090909090909090909090909090909090909090909c5d450acc9f489da1e9b2e4b2e931f43c034e35ac793";
}
