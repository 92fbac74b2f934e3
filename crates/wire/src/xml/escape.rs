//! Text between tags.
//!
//! SQS escapes quotes inside text too, and a carriage return must be written `&#xD;`, because parsers turn a raw one
//! into a line feed and clients would then compute another MD5. Controls that XML 1.0 cannot carry are written as
//! references all the same: the services refuse them before they are stored.

const BLOCK: usize = 32;

/// Appends text, escaped.
pub(super) fn append(bytes: &mut Vec<u8>, text: &str) {
    bytes.reserve(text.len());
    let mut rest = text.as_bytes();
    loop {
        let (run, special) = rest.split_at(plain(rest));
        bytes.extend_from_slice(run);
        let Some((&byte, after)) = special.split_first() else { return };
        append_reference(bytes, byte);
        rest = after;
    }
}

fn append_reference(bytes: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let name: &[u8] = match byte {
        b'&' => b"&amp;",
        b'<' => b"&lt;",
        b'>' => b"&gt;",
        b'"' => b"&quot;",
        _ => {
            bytes.extend_from_slice(b"&#x");
            if byte >= 16 {
                bytes.push(HEX[usize::from(byte >> 4)]);
            }
            return bytes.extend_from_slice(&[HEX[usize::from(byte & 15)], b';']);
        }
    };
    bytes.extend_from_slice(name);
}

/// The number of bytes at the start that stand for themselves: blocks without an early exit become vector code.
fn plain(bytes: &[u8]) -> usize {
    let blocks = bytes.as_chunks::<BLOCK>().0.iter();
    let whole = blocks.take_while(|block| !block.iter().fold(false, |special, &byte| special | is_special(byte)));
    let at = whole.count() * BLOCK;
    let rest = &bytes[at..];
    at + rest.iter().position(|&byte| is_special(byte)).unwrap_or(rest.len())
}

const fn is_special(byte: u8) -> bool {
    ((byte < 0x20) & (byte != b'\t') & (byte != b'\n'))
        | (byte == b'&')
        | (byte == b'<')
        | (byte == b'>')
        | (byte == b'"')
        | (byte == 0x7F)
}
