//! Why a request came to nothing, in a sentence that says the cause and what can be done about it.

use serde_json::Value;
use std::fmt;

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Nobody listens there.
    Unreachable { endpoint: String, why: String },
    /// The connection broke before the answer was there: whether the request was carried out is not known.
    Lost { operation: String, why: String },
    /// The server refused.
    Refused { operation: String, code: String, message: String },
    /// What answers there is no server of this API.
    Foreign { endpoint: String, status: u16 },
    /// What we were told cannot be sent.
    Unfit(String),
}

impl Failure {
    /// A refusal as awsJson writes it.
    pub(crate) fn refused(operation: &str, status: u16, body: &Value) -> Self {
        let kind = body["__type"].as_str().unwrap_or_default();
        let code = kind.rsplit('#').next().filter(|code| !code.is_empty());
        let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default();
        Self::Refused {
            operation: operation.to_owned(),
            code: code.map_or_else(|| format!("status {status}"), str::to_owned),
            message: message.to_owned(),
        }
    }

    /// Whether the server said this code.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// Whether nothing was begun: nobody was reached, or nothing was asked.
    pub(crate) fn is_before_anything(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Unfit(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { endpoint, why } => write!(
                f,
                "no server at {endpoint}: {why}; start one with `tidewire dev`, or name another with --endpoint"
            ),
            Self::Lost { operation, why } => {
                write!(
                    f,
                    "the connection was lost during {operation}, which may or may not have been carried out: {why}"
                )
            }
            Self::Refused { operation, code, message } => write!(f, "{operation} was refused: {message} ({code})"),
            Self::Foreign { endpoint, status } => write!(
                f,
                "what answers at {endpoint} speaks another language (status {status}); name tidewire's port with --endpoint"
            ),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_says_what_was_asked_and_why_it_was_not_done() {
        let body = json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "No such queue." });
        let failure = Failure::refused("PurgeQueue", 400, &body);
        assert!(failure.is("QueueDoesNotExist"));
        assert_eq!(failure.to_string(), "PurgeQueue was refused: No such queue. (QueueDoesNotExist)");
        assert!(Failure::refused("PurgeQueue", 502, &json!({})).to_string().ends_with("(status 502)"));
    }
}
