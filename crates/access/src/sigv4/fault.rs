//! Why a signature is not accepted, with the code, status and words of each protocol.
//!
//! Query protocols have the codes of IAM's "Common errors"; JSON services those of their front end, with 400 for all.
//! What a fault shows comes from the request itself; no secret and no signature that would have been right is ever in it.

use super::claim::stamp;
use names::Instant;

/// What is wrong with a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// There is none.
    Missing,
    /// There are two: in header and query, or two headers.
    Twice,
    /// The algorithm is neither AWS4-HMAC-SHA256 nor AWS4-ECDSA-P256-SHA256.
    Algorithm,
    /// The request does not say when it was signed.
    Undated,
    /// A part is missing; which.
    Part(&'static str),
    /// The credential has not five parts, or four where it names no region.
    Credential {
        /// What it is.
        credential: String,
        /// Whether a region is to be in it.
        has_region: bool,
    },
    /// The scope does not end in `aws4_request`.
    Terminator(String),
    /// The date of the scope is not that of the request.
    ScopeDate {
        /// The scope's, eight digits.
        scope: String,
        /// The request's moment.
        request: String,
    },
    /// The scope is of another service.
    ScopeService {
        /// The one that it should be.
        wanted: String,
    },
    /// The moment of the request is none.
    Date(String),
    /// The signature is not good in the region that is asked; which.
    Region(String),
    /// A header is not signed that has to be.
    Unsigned(String),
    /// The payload's digest is not that of the body, or is none.
    Digest,
    /// The payload is unsigned where that is not allowed.
    UnsignedPayload,
    /// Presigned for longer than seven days, or not at all.
    Expires,
    /// Too old.
    Expired {
        /// The request's moment.
        signed: Instant,
        /// The earliest that is accepted.
        earliest: Instant,
    },
    /// From the future.
    NotYet {
        /// The request's moment.
        signed: Instant,
        /// The latest that is accepted.
        latest: Instant,
    },
    /// Nobody has this key.
    UnknownKey,
    /// The session of this key is over.
    ExpiredToken,
    /// The signature is another.
    Mismatch,
    /// A chunk of the body is malformed or its signature is another.
    Chunk,
    /// Too many were wrong of a sort that is dear to check, so this one was not looked at.
    TooManyWrong,
}

/// A code, a status and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The error's code.
    pub code: &'static str,
    /// The status of the reply.
    pub status: u16,
    /// What the caller is told.
    pub message: String,
}

/// The families of codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Missing,
    Incomplete,
    Mismatch,
    Unknown,
    Expired,
    Throttled,
}

impl Fault {
    /// As query protocols answer.
    pub fn in_query(&self) -> Refusal {
        let (code, status) = match self.family() {
            Family::Missing => ("MissingAuthenticationToken", 403),
            Family::Incomplete => ("IncompleteSignature", 400),
            Family::Mismatch => ("SignatureDoesNotMatch", 403),
            Family::Unknown => ("InvalidClientTokenId", 403),
            Family::Expired => ("ExpiredToken", 403),
            Family::Throttled => ("Throttling", 400),
        };
        Refusal { code, status, message: self.message() }
    }

    /// As JSON protocols answer.
    pub fn in_json(&self) -> Refusal {
        let code = match self.family() {
            Family::Missing => "MissingAuthenticationTokenException",
            Family::Incomplete => "IncompleteSignatureException",
            Family::Mismatch => "InvalidSignatureException",
            Family::Unknown => "UnrecognizedClientException",
            Family::Expired => "ExpiredTokenException",
            Family::Throttled => "ThrottlingException",
        };
        Refusal { code, status: 400, message: self.message() }
    }

    fn family(&self) -> Family {
        match self {
            Self::Missing => Family::Missing,
            Self::Twice | Self::Algorithm | Self::Undated | Self::Part(_) => Family::Incomplete,
            Self::Credential { .. } | Self::Date(_) | Self::Expires => Family::Incomplete,
            Self::UnknownKey => Family::Unknown,
            Self::ExpiredToken => Family::Expired,
            Self::TooManyWrong => Family::Throttled,
            _ => Family::Mismatch,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Missing => "Request is missing Authentication Token".into(),
            Self::Twice => "A request can be signed only once, in one Authorization header or in the query.".into(),
            Self::Algorithm => {
                "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA256' and 'AWS4-ECDSA-P256-SHA256' are supported.".into()
            }
            Self::Undated => {
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.".into()
            }
            Self::Part(part) => format!("Authorization header requires '{part}' parameter."),
            Self::Credential { credential, has_region: true } => format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
            ),
            Self::Credential { credential, has_region: false } => format!(
                "Credential must have exactly 4 slash-delimited elements, e.g. keyid/date/service/term, got '{credential}'"
            ),
            Self::Terminator(term) => {
                format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{term}'.")
            }
            Self::ScopeDate { scope, request } => format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{scope}' != \
                 '{}', from '{request}'.",
                &request[..8]
            ),
            Self::ScopeService { wanted } => {
                format!("Credential should be scoped to correct service: '{wanted}'.")
            }
            Self::Region(region) => {
                format!("Credential should be scoped to correct region: the region set does not have '{region}'.")
            }
            Self::Date(date) => {
                format!(
                    "Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
                )
            }
            Self::Unsigned(header) if header == "host" => {
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".into()
            }
            Self::Unsigned(header) => format!("'{header}' must be a 'SignedHeader' in the AWS Authorization."),
            Self::Digest => "The value passed in x-amz-content-sha256 does not match the body.".into(),
            Self::UnsignedPayload => "The payload of this request must be signed.".into(),
            Self::Expires => "X-Amz-Expires must be a number of seconds from 1 to 604800.".into(),
            Self::Expired { signed, earliest } => {
                format!("Signature expired: {} is now earlier than {}", stamp(*signed), stamp(*earliest))
            }
            Self::NotYet { signed, latest } => {
                format!("Signature not yet current: {} is still later than {}", stamp(*signed), stamp(*latest))
            }
            Self::TooManyWrong => "Rate exceeded".into(),
            Self::UnknownKey => "The security token included in the request is invalid.".into(),
            Self::ExpiredToken => "The security token included in the request is expired".into(),
            Self::Mismatch | Self::Chunk => "The request signature we calculated does not match the signature you \
                provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for \
                details."
                .into(),
        }
    }
}
