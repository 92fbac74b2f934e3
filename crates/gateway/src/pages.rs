//! Plain pages on the same port: health, readiness, metrics, LocalStack's paths.
//!
//! The gateway knows only that they exist; the server says what stands on them. A page is asked for after the request was
//! found to be no AWS request, and only for GET and HEAD.

use bytes::Bytes;

/// Where the server's own pages come from.
pub trait Pages: Send + Sync + 'static {
    /// The page at `path`, `query` being what stood after the question mark. `None` is a 404.
    fn page(&self, path: &str, query: &str) -> Option<Page>;
}

/// One page, complete.
#[derive(Debug, Clone)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The Content-Type.
    pub content_type: &'static str,
    /// The body; HEAD sends its length alone.
    pub body: Bytes,
}

impl Page {
    /// A page of UTF-8 text.
    pub fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    /// A page of JSON.
    pub fn json(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, content_type: "application/json", body: body.into() }
    }
}
