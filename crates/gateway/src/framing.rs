//! What of a request's framing hyper takes and we do not.
//!
//! hyper refuses what RFC 9112 leaves no choice about: two lengths, folded lines, a coding after `chunked`. It lets pass
//! codings before `chunked`, `chunked` twice, and two hosts; a proxy in front could understand such a request otherwise, so
//! it is refused here and ends its connection (RFC 9112, sections 3.2 and 6.1).

use http::header::{HOST, TRANSFER_ENCODING};
use http::request::Parts;

use crate::errors;
use crate::service::Refused;

/// Refuses what could be understood in two ways.
pub(crate) fn check(head: &Parts) -> Result<(), Refused> {
    let refuse = |why: &'static str| Err(Refused::new(&errors::MALFORMED_HTTP, why));
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => {}
        (Some(only), None) if only.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {}
        _ => return refuse("The one transfer coding that is understood is chunked."),
    }
    match head.headers.get_all(HOST).iter().count() {
        0 | 1 => Ok(()),
        _ => refuse("The request names more than one host."),
    }
}
