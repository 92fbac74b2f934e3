//! Answers as HTTP: status, headers and body of outputs, errors and pages.
//!
//! Every AWS answer carries `x-amzn-RequestId`. Errors of query compatible services also carry `x-amzn-query-error` in the
//! JSON and CBOR protocols. AWS's documentation shows it on every such error; clients announce that they read it with
//! `x-amzn-query-mode`, but SDKs older than that header read it too, so it is sent unasked.
//! AWS's SQS sends no `x-amzn-errortype` (REST services do), nor do we; SDKs that look for it go on to `__type`.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use wire::{Write, event_stream};

use crate::codec;
use crate::event_body::EventBody;
use crate::events::{Hold, bytes_holding};
use crate::gateway::Reply;
use crate::outgoing::Outgoing;
use crate::pages::Page;
use crate::protocol::Protocol;
use crate::request_id::RequestId;
use crate::route::{AWS_CBOR, Place, Target};
use crate::service::{Description, Refused};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");
const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");
const CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");

/// The answer of an operation that went well.
pub(crate) fn success(
    target: Target<'_>,
    protocol: Protocol,
    id: RequestId,
    output: &dyn Write,
    hold: Option<Hold>,
) -> Reply {
    let description = target.bound.description;
    let body = codec::write_output(description.shape, target.shape(), protocol, id, output);
    let body = bytes_holding(body, hold);
    aws(StatusCode::OK, Some(description), protocol, id, body)
}

/// The answer of an operation that goes on in events.
pub(crate) fn stream(protocol: Protocol, id: RequestId, body: EventBody) -> Reply {
    let content_type = HeaderValue::from_static(event_stream::CONTENT_TYPE);
    headed(StatusCode::OK, content_type, protocol, id, Outgoing::Events(Box::new(body)))
}

/// The answer to a request that was refused, as far as its place is known.
pub(crate) fn refusal(place: &Place<'_>, id: RequestId, refused: &Refused) -> Reply {
    let description = place.bound.map(|bound| bound.description);
    let body = codec::write_error(description.map(|known| known.shape), place.protocol, id, refused);
    let status = StatusCode::from_u16(refused.error.status).expect("the tables of errors hold legal statuses");
    let mut reply = aws(status, description, place.protocol, id, body.into());
    if place.protocol != Protocol::Query && description.is_some_and(|known| known.shape.query_compatible) {
        let value = format!("{};{}", refused.error.query_code, refused.error.fault.as_str());
        let value = HeaderValue::from_str(&value).expect("the tables of errors hold visible ASCII");
        reply.headers_mut().insert(QUERY_ERROR, value);
    }
    reply
}

fn aws(status: StatusCode, description: Option<&Description>, protocol: Protocol, id: RequestId, body: Bytes) -> Reply {
    let crc32 = description.is_some_and(|known| known.crc32).then(|| crc32fast::hash(&body));
    let mut reply = headed(status, content_type(protocol, description), protocol, id, Outgoing::whole(body));
    if let Some(crc32) = crc32 {
        reply.headers_mut().insert(CRC32, HeaderValue::from(crc32));
    }
    reply
}

fn headed(status: StatusCode, content_type: HeaderValue, protocol: Protocol, id: RequestId, body: Outgoing) -> Reply {
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(REQUEST_ID, HeaderValue::from_str(id.as_str()).expect("an id is visible ASCII"));
    headers.insert(CONTENT_TYPE, content_type);
    if protocol == Protocol::Cbor {
        headers.insert(SMITHY_PROTOCOL, HeaderValue::from_static("rpc-v2-cbor"));
    }
    reply
}

fn content_type(protocol: Protocol, description: Option<&Description>) -> HeaderValue {
    HeaderValue::from_static(match protocol {
        Protocol::Json => match description.and_then(|known| known.shape.json_version) {
            Some("1.1") => "application/x-amz-json-1.1",
            _ => "application/x-amz-json-1.0",
        },
        Protocol::Query => "text/xml",
        Protocol::Cbor => "application/cbor",
        Protocol::AwsCbor => AWS_CBOR,
    })
}

/// One of the server's own pages. hyper leaves the body out for HEAD.
pub(crate) fn page(page: Page) -> Reply {
    let mut reply = Response::new(Outgoing::whole(page.body));
    *reply.status_mut() = StatusCode::from_u16(page.status).expect("pages have legal statuses");
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    reply
}
