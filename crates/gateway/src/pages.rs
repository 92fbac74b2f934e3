//! Plain pages on the same port: health, readiness, metrics, LocalStack's paths.
//!
//! The gateway knows only that they exist; the server says what stands on them. A page is asked for after the request was
//! found to be no AWS request, and only for GET and HEAD; but paths that the server claims are its own whatever comes there.

use crate::service::Caller;
use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;

/// Where the server's own pages come from.
pub trait Pages: Send + Sync + 'static {
    /// The page at `path`, `query` being what stood after the question mark. `None` is a 404.
    fn page(&self, path: &str, query: &str) -> Option<Page>;

    /// Whether every request for `path` is [`Pages::answer`]'s, of whatever method and protocol.
    fn claims(&self, _path: &str) -> bool {
        false
    }

    /// Answers a request for a path that is claimed.
    fn answer<'a>(&'a self, _asked: Asked<'a>) -> Pin<Box<dyn Future<Output = Page> + Send + 'a>> {
        Box::pin(async { Page::text(404, "There is no such page.\n") })
    }
}

/// A request for a path that the server has claimed. Headers that are not there are empty.
pub struct Asked<'a> {
    /// Whether it is a POST.
    pub is_post: bool,
    /// Whether it is a DELETE; if it is neither, it is a GET or HEAD.
    pub is_delete: bool,
    /// The path.
    pub path: &'a str,
    /// What stood after the question mark.
    pub query: &'a str,
    /// Accept.
    pub accept: &'a str,
    /// Content-Type.
    pub content_type: &'a str,
    /// X-Amz-Target.
    pub target: &'a str,
    /// Whether a browser says which page sent it.
    pub has_origin: bool,
    /// Authorization: a secret, to be compared and not shown.
    pub authorization: &'a str,
    /// The body.
    pub body: &'a [u8],
    /// Who asks, as far as the request claims it.
    pub caller: Caller,
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
