//! What comes from outside: the documents of OpenID Connect providers.

use std::future::Future;
use std::pin::Pin;

/// A document, or why there is none, in a sentence for the caller.
pub type Document = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>>;

/// What fetches documents over HTTPS.
pub trait Documents: Send + Sync + 'static {
    /// The document at this URL, `bytes_max` at the most.
    fn fetch(&self, url: &str, bytes_max: usize) -> Document;
}
