//! The errors that the gateway itself gives, before or beside any service.
//!
//! Names and statuses are those of AWS's common errors ("Common Error Types" in each API reference) and of its shared
//! front end, whose JSON errors carry the namespace `com.amazon.coral.service`. In JSON an operation nobody knows is
//! UnknownOperationException, in a form InvalidAction.

use wire::schema::{ErrorShape, Fault};

macro_rules! errors {
    ($($(#[$doc:meta])* $constant:ident = $name:literal / $query_code:literal, $status:literal $fault:ident;)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $constant: ErrorShape = ErrorShape {
                name: $name,
                type_name: concat!("com.amazon.coral.service#", $name),
                query_code: $query_code,
                status: $status,
                fault: Fault::$fault,
            };
        )*
    };
}

errors! {
    /// The target or Action names no operation of the service, or the target no service. The pages of common errors say
    /// 404 for the JSON name; what is recorded of AWS's JSON front end is 400, as documented for the Action.
    UNKNOWN_OPERATION = "UnknownOperationException" / "InvalidAction", 400 Sender;
    /// A form without an Action.
    MISSING_ACTION = "MissingAction" / "MissingAction", 400 Sender;
    /// A form that cannot be told to be any service's. AWS has no such answer, having a host name per service.
    UNKNOWN_SERVICE = "UnknownServiceException" / "UnknownService", 404 Sender;
    /// The bytes are no input of the operation.
    MALFORMED = "SerializationException" / "MalformedInput", 400 Sender;
    /// The body is over its bound.
    TOO_LARGE = "RequestEntityTooLargeException" / "RequestEntityTooLarge", 413 Sender;
    /// The request's framing can be understood in more than one way.
    MALFORMED_HTTP = "MalformedHttpRequestException" / "MalformedHttpRequest", 400 Sender;
    /// Somebody asks more often than they may, of a service whose model has no error of its own for it.
    THROTTLED = "ThrottlingException" / "Throttling", 400 Sender;
    /// The body did not come in time.
    TOO_SLOW = "RequestTimeoutException" / "RequestTimeout", 408 Sender;
    /// The body ended early.
    TRUNCATED = "IncompleteBody" / "IncompleteBody", 400 Sender;
    /// The server takes no more at this moment.
    UNAVAILABLE = "ServiceUnavailableException" / "ServiceUnavailable", 503 Receiver;
    /// A bug: the operation panicked.
    INTERNAL = "InternalFailure" / "InternalFailure", 500 Receiver;
    /// Unsigned, in query protocols; and so on for the four below.
    MISSING_TOKEN = "MissingAuthenticationTokenException" / "MissingAuthenticationToken", 403 Sender;
    INCOMPLETE_SIGNATURE = "IncompleteSignatureException" / "IncompleteSignature", 400 Sender;
    WRONG_SIGNATURE = "InvalidSignatureException" / "SignatureDoesNotMatch", 403 Sender;
    UNKNOWN_KEY = "UnrecognizedClientException" / "InvalidClientTokenId", 403 Sender;
    EXPIRED_TOKEN = "ExpiredTokenException" / "ExpiredToken", 403 Sender;
    /// Unsigned, where a service has never had another protocol than JSON; and so on for the three below.
    MISSING_TOKEN_IN_JSON = "MissingAuthenticationTokenException" / "MissingAuthenticationToken", 400 Sender;
    WRONG_SIGNATURE_IN_JSON = "InvalidSignatureException" / "SignatureDoesNotMatch", 400 Sender;
    UNKNOWN_KEY_IN_JSON = "UnrecognizedClientException" / "InvalidClientTokenId", 400 Sender;
    EXPIRED_TOKEN_IN_JSON = "ExpiredTokenException" / "ExpiredToken", 400 Sender;
}

/// The error of one of the codes of `access::sigv4::Fault`.
pub(crate) fn of_signature(code: &str) -> &'static ErrorShape {
    match code {
        "MissingAuthenticationToken" => &MISSING_TOKEN,
        "MissingAuthenticationTokenException" => &MISSING_TOKEN_IN_JSON,
        "SignatureDoesNotMatch" => &WRONG_SIGNATURE,
        "InvalidSignatureException" => &WRONG_SIGNATURE_IN_JSON,
        "InvalidClientTokenId" => &UNKNOWN_KEY,
        "UnrecognizedClientException" => &UNKNOWN_KEY_IN_JSON,
        "ExpiredToken" => &EXPIRED_TOKEN,
        "ExpiredTokenException" => &EXPIRED_TOKEN_IN_JSON,
        "Throttling" | "ThrottlingException" => &THROTTLED,
        _ => &INCOMPLETE_SIGNATURE,
    }
}
