//! The body protocols that every service speaks.

use crate::route::AWS_CBOR;

/// How a request is written, and therefore its reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// awsJson 1.0 and 1.1.
    Json,
    /// awsQuery: a form in, XML out.
    Query,
    /// rpcv2Cbor.
    Cbor,
    /// `application/x-amz-cbor-1.1`: awsJson's target and errors, and CBOR for JSON. The Java SDKs and the KCL send it.
    AwsCbor,
}

impl Protocol {
    /// All of them, in the order of their numbers.
    pub(crate) const ALL: [Protocol; 4] = [Self::Json, Self::Query, Self::Cbor, Self::AwsCbor];

    /// The protocol's name in metrics and logs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Query => "query",
            Self::Cbor => "cbor",
            Self::AwsCbor => "cbor-1.1",
        }
    }

    /// The Content-Type of what an event holds; none where the protocol has no streams of events.
    pub(crate) fn payload_type(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("application/json"),
            Self::Query => None,
            Self::Cbor => Some("application/cbor"),
            Self::AwsCbor => Some(AWS_CBOR),
        }
    }
}
