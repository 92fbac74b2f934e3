//! The head of an HTTP/1.1 answer, as little of it as a load generator needs.
//!
//! In: bytes as they arrive. Out: the status, where the body begins, how long it is, and whether the connection stays.
//! Only bodies with a Content-Length are read; a chunked answer is named as an error, because guessing its end would
//! make every following figure wrong.

use std::fmt;

/// What the head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) head_bytes: usize,
    pub(crate) body_bytes: usize,
    pub(crate) keep_alive: bool,
}

/// Why an answer cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadResponse {
    NotHttp,
    NoLength,
    Chunked,
}

impl fmt::Display for BadResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHttp => "the answer does not begin with an HTTP/1 status line",
            Self::NoLength => "the answer has no Content-Length",
            Self::Chunked => "the answer is chunked, which this client does not read",
        })
    }
}

impl std::error::Error for BadResponse {}

/// Reads the head at the start of `bytes`; `None` while its end has not arrived.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>, BadResponse> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let (status, mut keep_alive) = status_line(&bytes[..end])?;
    let mut body_bytes = if status == 204 || status == 304 { Some(0) } else { None };
    for line in bytes[..end].split(|&byte| byte == b'\n').skip(1) {
        let Some((name, value)) = field(line) else { continue };
        if name.eq_ignore_ascii_case(b"content-length") {
            body_bytes = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        } else if name.eq_ignore_ascii_case(b"connection") {
            keep_alive = !value.eq_ignore_ascii_case(b"close");
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Err(BadResponse::Chunked);
        }
    }
    let body_bytes = body_bytes.ok_or(BadResponse::NoLength)?;
    Ok(Some(Head { status, head_bytes: end + 4, body_bytes, keep_alive }))
}

/// Status, and whether this version of HTTP keeps a connection by itself.
fn status_line(bytes: &[u8]) -> Result<(u16, bool), BadResponse> {
    let rest = bytes.strip_prefix(b"HTTP/1.").ok_or(BadResponse::NotHttp)?;
    let digits = rest.get(2..5).ok_or(BadResponse::NotHttp)?;
    let status = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or(BadResponse::NotHttp)?;
    Ok((status, rest[0] == b'1'))
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_head_gives_status_length_and_where_the_body_begins() {
        let bytes = b"HTTP/1.1 200 OK\r\nX-A: b\r\ncOnTent-length:  12\r\n\r\nhello";
        let expected = Head { status: 200, head_bytes: 48, body_bytes: 12, keep_alive: true };
        assert_eq!(head(bytes), Ok(Some(expected)));
    }

    #[test]
    fn every_cut_before_the_empty_line_asks_for_more() {
        let bytes = b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n";
        for cut in 0..bytes.len() {
            assert_eq!(head(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        assert_eq!(head(bytes).unwrap().unwrap().status, 400);
    }

    #[test]
    fn a_server_that_closes_is_believed() {
        let closing = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n";
        assert!(!head(closing).unwrap().unwrap().keep_alive);
        let old = b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
        assert!(!head(old).unwrap().unwrap().keep_alive);
        let old_but_kept = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n";
        assert!(head(old_but_kept).unwrap().unwrap().keep_alive);
    }

    #[test]
    fn answers_whose_end_is_unknown_are_refused() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(BadResponse::Chunked));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"), Err(BadResponse::NoLength));
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"), Err(BadResponse::NoLength));
        assert_eq!(head(b"SSH-2.0\r\n\r\n"), Err(BadResponse::NotHttp));
    }

    #[test]
    fn an_answer_without_a_body_by_its_status_needs_no_length() {
        assert_eq!(head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap().body_bytes, 0);
    }
}
