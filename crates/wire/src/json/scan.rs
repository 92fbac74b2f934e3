//! The inner loop of JSON text: how far does it run before something has to be looked at?
//!
//! Plain bytes are everything but `"`, `\` and the controls below 0x20. Both directions use it: the reader stops at
//! them, the writer escapes them. Message bodies are most of what this server reads and writes, so short runs (escaped
//! JSON inside JSON) are scanned by words and long ones by blocks that the compiler turns into vector code.

const WORD: usize = 8;
const BLOCK: usize = 32;
/// Words looked at before blocks pay: the usual distance between two escapes in JSON inside JSON.
const WORDS_FIRST: usize = 2;

const fn every(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD])
}

/// The number of plain bytes at the start.
pub(super) fn plain(bytes: &[u8]) -> usize {
    let mut at = 0;
    for _ in 0..WORDS_FIRST {
        let Some(word) = bytes[at..].first_chunk::<WORD>() else { return at + plain_bytewise(&bytes[at..]) };
        if let Some(hit) = first_special(*word) {
            return at + hit;
        }
        at += WORD;
    }
    at += plain_blocks(&bytes[at..]);
    while let Some(word) = bytes[at..].first_chunk::<WORD>() {
        if let Some(hit) = first_special(*word) {
            return at + hit;
        }
        at += WORD;
    }
    at + plain_bytewise(&bytes[at..])
}

/// Appends the plain bytes at the start to `to` and gives their number. A short run is copied by whole words, of which
/// what is too much is cut off again: cheaper than a copy of a length that the compiler does not know.
pub(super) fn copy_plain(bytes: &[u8], to: &mut Vec<u8>) -> usize {
    let mut at = 0;
    for _ in 0..WORDS_FIRST {
        let Some(word) = bytes[at..].first_chunk::<WORD>() else { break };
        to.extend_from_slice(word);
        if let Some(hit) = first_special(*word) {
            to.truncate(to.len() - (WORD - hit));
            return at + hit;
        }
        at += WORD;
    }
    let rest = &bytes[at..];
    let run = plain(rest);
    to.extend_from_slice(&rest[..run]);
    at + run
}

/// The length of the whole blocks at the start that are plain throughout.
fn plain_blocks(bytes: &[u8]) -> usize {
    let plain = bytes.as_chunks::<BLOCK>().0.iter().take_while(|block| {
        // No early exit inside a block: a loop without branches is what becomes vector code.
        !block.iter().fold(false, |special, &byte| special | is_special(byte))
    });
    plain.count() * BLOCK
}

fn plain_bytewise(bytes: &[u8]) -> usize {
    bytes.iter().position(|&byte| is_special(byte)).unwrap_or(bytes.len())
}

/// Whether a byte ends a run.
pub(super) const fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// Whether a word has no special byte.
pub(super) fn is_plain(word: [u8; WORD]) -> bool {
    first_special(word).is_none()
}

/// The index of the first special byte of a word. The subtractions borrow only into bytes after a hit, so the lowest
/// flag is exact and the ones above it may lie.
fn first_special(word: [u8; WORD]) -> Option<usize> {
    let word = u64::from_le_bytes(word);
    let control = word.wrapping_sub(every(0x20)) & !word;
    let quote = word ^ every(b'"');
    let quote = quote.wrapping_sub(every(1)) & !quote;
    let backslash = word ^ every(b'\\');
    let backslash = backslash.wrapping_sub(every(1)) & !backslash;
    let flags = (control | quote | backslash) & every(0x80);
    (flags != 0).then(|| flags.trailing_zeros() as usize / WORD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{Strategy, any, prop_oneof, proptest};

    /// Long enough for every loop, with special bytes from everywhere to almost nowhere.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let rare = prop_oneof![300 => 0x20u8..=0xFF, 1 => any::<u8>()];
        prop_oneof![proptest::collection::vec(any::<u8>(), 0..60), proptest::collection::vec(rare, 0..300)]
    }

    proptest! {
        #[test]
        fn the_fast_scan_agrees_with_looking_at_each_byte(bytes in text()) {
            let run = plain_bytewise(&bytes);
            assert_eq!(plain(&bytes), run);
            let mut copied = b"kept".to_vec();
            assert_eq!(copy_plain(&bytes, &mut copied), run);
            assert_eq!(copied, [b"kept", &bytes[..run]].concat());
        }

        #[test]
        fn a_special_byte_is_found_wherever_it_stands(len in 0usize..200, at in 0usize..200, which in 0usize..3) {
            let mut bytes = vec![b'x'; len];
            if at < len {
                bytes[at] = [b'"', b'\\', 0x1f][which];
            }
            assert_eq!(plain(&bytes), at.min(len));
        }
    }
}
