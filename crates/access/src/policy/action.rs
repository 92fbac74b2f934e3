//! Actions: `sqs:SendMessage`, the same in upper and lower case.

use super::malformed::Malformed;
use super::pattern::{Manner, Pattern, Style};

const MANNER: Manner = Manner { style: Style::Free, variables: false, fold: true };

/// What a caller wants to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    written: Box<str>,
    folded: Box<str>,
}

impl Action {
    /// `service:Operation`; the case is kept for messages and ignored by policies.
    pub fn new(text: &str) -> Self {
        Self { written: text.into(), folded: text.to_lowercase().into() }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// In lower case, as policies compare it.
    pub fn folded(&self) -> &str {
        &self.folded
    }
}

/// An entry of Action or NotAction.
pub(crate) fn compile(text: &str) -> Pattern {
    Pattern::compile(text, MANNER)
}

/// Whether AWS would take the entry.
pub(crate) fn check(text: &str) -> Result<(), Malformed> {
    let Some((vendor, name)) = text.split_once(':') else {
        return if text == "*" { Ok(()) } else { Err(Malformed::ActionVendor) };
    };
    if name.contains(':') {
        return Err(Malformed::ActionColons);
    }
    let known = vendor.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    if known || vendor == "*" { Ok(()) } else { Err(Malformed::Vendor(vendor.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;

    #[test]
    fn actions_match_in_any_case() {
        let matches = |pattern: &str, action: &str| {
            compile(pattern).matches(Action::new(action).folded(), &Context::new()).unwrap()
        };
        assert!(matches("SQS:SendMessage", "sqs:sendmessage") && matches("sqs:*Message", "sqs:ReceiveMessage"));
        assert!(matches("*", "sqs:SendMessage") && matches("sqs:Send*", "sqs:SendMessageBatch"));
        assert!(!matches("sqs:SendMessage", "sqs:SendMessageBatch") && !matches("sns:*", "sqs:SendMessage"));
    }

    #[test]
    fn what_is_no_action_is_refused_in_awss_words() {
        for (text, words) in [
            ("SendMessage", "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
            ("sqs:Send:Message", "Actions/Condition can contain only one colon."),
            ("s qs:SendMessage", "Vendor s qs is not valid"),
            ("s*:SendMessage", "Vendor s* is not valid"),
        ] {
            assert_eq!(check(text).unwrap_err().to_string(), words);
        }
        assert!(check("*").is_ok() && check("*:*").is_ok() && check("execute-api:Invoke").is_ok());
    }
}
