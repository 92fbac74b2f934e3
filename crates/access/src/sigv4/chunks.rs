//! Bodies in chunks: `aws-chunked`, each chunk with a signature that contains the one before.
//!
//! ```text
//! HEX-LENGTH;chunk-signature=HEX\r\n data \r\n … 0;chunk-signature=HEX\r\n [name:value\r\n… x-amz-trailer-signature:HEX\r\n] \r\n
//! ```
//! A chunk is handed on only after its signature was right. Without signatures (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`) the
//! form is the same and nothing is compared.

use super::canonical::write_hex;
use super::claim::{Claim, Payload, digest_of};
use super::fault::Fault;
use super::keys::SigningKey;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{Key, verify};

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Decodes one body.
pub struct Chunks<'a> {
    /// Absent where a key pair signed, which signs no chunks here.
    key: Option<&'a Key>,
    stamp: &'a str,
    scope: &'a str,
    payload: Payload,
    before: String,
}

impl<'a> Chunks<'a> {
    /// For the request whose claim and key these are.
    pub fn new(claim: &'a Claim<'_>, key: &'a SigningKey) -> Self {
        let mut before = String::with_capacity(64);
        write_hex(&mut before, claim.signature.as_ref());
        Self { key: key.shared(), stamp: &claim.stamp, scope: claim.scope(), payload: claim.payload(), before }
    }

    /// The data of a whole body, once all of its signatures were right.
    pub fn decode(mut self, body: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut data = Vec::with_capacity(body.len());
        let mut rest = body;
        loop {
            let (line, after) = line(rest)?;
            let (length, signature) = self.header(line)?;
            let chunk = after.get(..length).ok_or(Fault::Chunk)?;
            self.check("AWS4-HMAC-SHA256-PAYLOAD", Some(EMPTY), chunk, signature)?;
            rest = &after[length..];
            if length == 0 {
                break;
            }
            data.extend_from_slice(chunk);
            rest = rest.strip_prefix(b"\r\n").ok_or(Fault::Chunk)?;
        }
        self.trailer(rest)?;
        Ok(data)
    }

    fn signed(&self) -> bool {
        matches!(self.payload, Payload::Chunked { .. })
    }

    fn header<'b>(&self, line: &'b str) -> Result<(usize, Option<&'b str>), Fault> {
        let (length, extension) = line.split_once(';').map_or((line, None), |(length, rest)| (length, Some(rest)));
        let plain = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_hexdigit());
        let length = plain.then(|| usize::from_str_radix(length, 16).ok()).flatten().ok_or(Fault::Chunk)?;
        let signature = extension.and_then(|extension| extension.strip_prefix("chunk-signature="));
        if self.signed() && signature.is_none() { Err(Fault::Chunk) } else { Ok((length, signature)) }
    }

    /// Compares one signature and remembers it for the next.
    fn check(&mut self, what: &str, empty: Option<&str>, data: &[u8], signature: Option<&str>) -> Result<(), Fault> {
        if !self.signed() {
            return Ok(());
        }
        let signature = signature.ok_or(Fault::Chunk)?;
        let mut text = String::with_capacity(320);
        for part in [what, self.stamp, self.scope, &self.before].into_iter().chain(empty) {
            text.push_str(part);
            text.push('\n');
        }
        write_hex(&mut text, digest(&SHA256, data).as_ref());
        let bytes = digest_of(signature).ok_or(Fault::Chunk)?;
        verify(self.key.ok_or(Fault::Chunk)?, text.as_bytes(), &bytes).map_err(|_| Fault::Chunk)?;
        signature.clone_into(&mut self.before);
        Ok(())
    }

    /// Trailing headers up to an empty line; signed ones end in their signature.
    fn trailer(&mut self, mut rest: &[u8]) -> Result<(), Fault> {
        let mut signed = String::new();
        let mut signature = None;
        loop {
            let (text, after) = line(rest)?;
            rest = after;
            if text.is_empty() {
                break;
            }
            let (name, value) = text.split_once(':').ok_or(Fault::Chunk)?;
            match name.to_ascii_lowercase().as_str() {
                _ if signature.is_some() => return Err(Fault::Chunk),
                "x-amz-trailer-signature" => signature = Some(value.trim()),
                name => signed += &format!("{name}:{}\n", value.trim()),
            }
        }
        match self.payload {
            _ if !rest.is_empty() => Err(Fault::Chunk),
            Payload::Chunked { trailer: true } => {
                self.check("AWS4-HMAC-SHA256-TRAILER", None, signed.as_bytes(), signature)
            }
            Payload::Chunked { trailer: false } if !signed.is_empty() || signature.is_some() => Err(Fault::Chunk),
            _ => Ok(()),
        }
    }
}

/// Up to the next line's end, which no header of a chunk is far from.
fn line(bytes: &[u8]) -> Result<(&str, &[u8]), Fault> {
    let end = bytes.windows(2).take(crate::limits::CHUNK_LINE_BYTES_MAX).position(|pair| pair == b"\r\n");
    let end = end.ok_or(Fault::Chunk)?;
    let text = std::str::from_utf8(&bytes[..end]).map_err(|_| Fault::Chunk)?;
    Ok((text, &bytes[end + 2..]))
}
