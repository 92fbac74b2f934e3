//! Every bound of the front door, with its source.
//!
//! Constants are hard; [`Limits`] holds those an operator may set. What passes a bound is answered (431, 413, 503) or cut
//! off, and has executed nothing.

use std::time::Duration;

use crate::throttle::Rate;

/// Bytes of a request's head: request line and headers. AWS's own front ends take 8 to 16 KiB of headers; presigned
/// query requests carry their parameters in the line, so the bound is four times that. More is answered with 431.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Headers of an HTTP/1 request. hyper's own bound: up to it the headers are parsed on the stack.
pub const HEADERS_MAX: usize = 100;

/// Bytes of a request's body where no service lowers it. A 1 MiB SQS batch of control characters grows sixfold when
/// JSON escapes it, and Kinesis's 10 MiB records grow by a third in base64.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of memory taken on the word of a Content-Length before that much has arrived.
pub const BODY_BYTES_TRUSTED: usize = 256 * 1024;

/// Requests that one HTTP/2 connection may have open at once. The AWS SDKs' pools open further connections beyond it.
pub const HTTP2_STREAMS_MAX: u32 = 128;

/// Events of one stream that are made and not yet written: a source is asked for the next one only when the connection has
/// room, so it is the one that hyper just took. Beside it hyper keeps, over HTTP/1, up to [`HEAD_BYTES_MAX`] bytes of events
/// that fit in there together.
pub const EVENTS_WAITING_MAX: usize = 1;

/// Connections open at once. Each idle one costs some kilobytes. Where the system allows fewer open files, the server lowers
/// it; it enforces it before it takes a connection: a client beyond it waits in the system's queue.
pub const CONNECTIONS_MAX: usize = 10_000;

/// Accounts with a bucket of tokens of their own; further ones share one until some of these rest. In `dev` every twelve
/// digits are an account.
pub(crate) const ACCOUNTS_METERED_MAX: usize = 10_000;

/// Wrong signatures of version 4A that are looked at from one address for one key: each costs a computation on a curve, which is several times
/// what a right request of version 4 costs altogether (`bench door`). Twenty a second are a five-hundredth of a core; who has
/// his secret wrong sends some, and then stops.
pub(crate) const WRONG_CURVES: Rate = Rate { per_sec: 20, burst: 100 };

/// Addresses and keys with a bucket for that of their own; further ones share one until some of these rest.
pub(crate) const SOURCES_METERED_MAX: usize = 10_000;

/// Bytes that the compressed body of somebody who signed nothing may have when it is unpacked: a web identity's token, and what is
/// said beside it, have some.
pub(crate) const UNPACKED_OF_STRANGERS_MAX: usize = 64 * 1024;

/// Looks that the watch takes at a connection within its shortest timeout; timeouts are late by at most one part.
pub(crate) const LOOKS_PER_TIMEOUT: u32 = 4;

/// Bytes of text that an audit event keeps of an input or an output. CloudTrail cuts at 100 KiB; the longest that an operator
/// wants to read, a managed policy, has 6 KiB.
pub(crate) const AUDITED_BYTES_MAX: usize = 32 * 1024;

/// Bytes that an audit event keeps of each text that a client chooses beside its input (what it calls itself, the host, the
/// access key that it names) and of an error's message: CloudTrail cuts them at 1 KB too.
pub(crate) const AUDITED_TEXT_BYTES_MAX: usize = 1024;

const _: () = assert!(BODY_BYTES_TRUSTED <= BODY_BYTES_MAX, "no more is trusted than is taken");
const _: () = assert!(HEAD_BYTES_MAX >= 8192, "hyper takes no smaller buffer");

/// The bounds that an operator may set.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From a request's first byte to the end of its headers; then the connection is cut.
    pub head_read: Duration,
    /// From the end of the headers to the end of the body; then the request is refused and the connection closed.
    pub body_read: Duration,
    /// How long a connection may stand without a request, and a stream of events without its client taking any of what there
    /// is. The pools of the Go and Rust SDKs give up an idle connection
    /// after 90 s and Java's after 60 s: with more than that the client closes first, and no request meets a closing door.
    pub idle: Duration,
    /// Bytes of all bodies that are being read at this moment. More is answered with 503.
    pub bodies_bytes_max: usize,
    /// How often one connection may ask; none: as often as it likes. Counted before it is known who asks.
    pub connection_rate: Option<Rate>,
    /// How often one account may ask, over all its connections; counted when it is known who asks.
    pub account_rate: Option<Rate>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_read: Duration::from_secs(30),
            body_read: Duration::from_secs(60),
            idle: Duration::from_secs(120),
            bodies_bytes_max: 256 * 1024 * 1024,
            connection_rate: None,
            account_rate: None,
        }
    }
}
