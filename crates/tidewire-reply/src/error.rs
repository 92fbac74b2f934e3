//! Why a request came to nothing.

use std::fmt;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The text is no endpoint.
    NotAnEndpoint(String),
    /// Nobody listens there, or the connection broke: whether the operation was carried out is not known.
    Connection(String),
    /// The server refused: the error's code, and its sentence.
    Refused {
        /// As AWS's model names it, e.g. `QueueDoesNotExist`.
        code: String,
        /// What is wrong.
        message: String,
    },
    /// What answers is no SQS.
    NotSqs(String),
    /// No reply came in time.
    TimedOut,
}

impl Error {
    /// Whether the server said this code.
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnEndpoint(text) => {
                write!(f, "{text:?} is no endpoint; expected one like http://127.0.0.1:4566 (TLS is not spoken)")
            }
            Self::Connection(why) => write!(f, "the connection failed: {why}"),
            Self::Refused { code, message } => write!(f, "refused: {message} ({code})"),
            Self::NotSqs(why) => write!(f, "what answers there does not speak SQS in JSON: {why}"),
            Self::TimedOut => f.write_str("no reply came in time"),
        }
    }
}

impl std::error::Error for Error {}
