//! Signature version 4, and 4A for several regions: whose key signed a request, and whether it did.
//!
//! 1. [`Claim::read`] takes apart what the request says of its signature, in the header or, presigned, in the query.
//! 2. The caller finds the secret of [`Claim::access_key`], and checks that [`Claim::token`] is that key's.
//! 3. [`Keys::verify`] derives the signing key, or has it from before, and compares.
//! 4. A body in chunks ([`Payload::is_streamed`]) is decoded by [`Chunks`], which checks each chunk's signature.
//!
//! A client of ours signs with a [`Signer`]. Every refusal is a [`Fault`] with the code, status and words of query and JSON protocols. Time comes in; nothing here
//! holds a secret longer than a call, but for derived keys, which are good for one day, region and service.
//! Sources: IAM User Guide, "Create a signed AWS API request", "Elements of an AWS API request signature"; S3 API
//! Reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks".

mod asymmetric;
mod canonical;
mod chunks;
mod claim;
mod fault;
mod keys;
mod signer;

pub use chunks::Chunks;
pub use claim::{Claim, Payload, stamp};
pub use fault::{Fault, Refusal};
pub use keys::{Keys, SigningKey};
pub use signer::Signer;

/// A request as it came, nothing of it decoded.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// `POST`.
    pub method: &'a str,
    /// Before the question mark, as on the wire.
    pub path: &'a str,
    /// Behind it.
    pub query: &'a str,
    /// Names in any case, in the order in which they came.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// All of the body, chunks and all.
    pub body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// The values of a header, in order.
    fn values(&self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// The first value of a header, if it is text.
    fn header(&self, name: &'a str) -> Option<&'a str> {
        std::str::from_utf8(self.values(name).next()?).ok().map(str::trim)
    }
}

#[cfg(test)]
mod tests;
