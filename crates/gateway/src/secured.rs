//! What protects a connection, as far as the listener tells.

use std::fmt::Write;

/// The TLS of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secured {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: &'static str,
    /// The suite of ciphers in IANA's spelling.
    pub cipher: &'static str,
    /// The SHA-256 of the certificate that the client showed and whose key it proved to have.
    pub client: Option<[u8; 32]>,
}

impl Secured {
    /// The client's certificate as people compare it: 64 hexadecimal digits.
    pub fn client_fingerprint(&self) -> Option<String> {
        let digest = self.client?;
        let mut text = String::with_capacity(2 * digest.len());
        for byte in digest {
            let _ = write!(text, "{byte:02x}");
        }
        Some(text)
    }
}
