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
    /// The body did not come in time.
    TOO_SLOW = "RequestTimeoutException" / "RequestTimeout", 408 Sender;
    /// The body ended early.
    TRUNCATED = "IncompleteBody" / "IncompleteBody", 400 Sender;
    /// The server takes no more at this moment.
    UNAVAILABLE = "ServiceUnavailableException" / "ServiceUnavailable", 503 Receiver;
    /// A bug: the operation panicked.
    INTERNAL = "InternalFailure" / "InternalFailure", 500 Receiver;
}
