//! Policy documents as they come in and go out.
//!
//! What is kept was read by `access` before, so that what is in force can always be compiled. Lengths are counted without white
//! space, as AWS counts them. In replies documents are percent-encoded (RFC 3986), which clients undo.

use crate::limits;
use crate::refusal::Refusal;
use access::{Policy, Sort};
use std::sync::Arc;

/// Checks a document for a user, group, role or managed policy.
pub(crate) fn check_identity(document: &str) -> Result<(), Refusal> {
    check(document, Sort::Identity)
}

/// Checks who may assume a role.
pub(crate) fn check_trust(document: &str) -> Result<(), Refusal> {
    check(document, Sort::Trust)?;
    match length(document) {
        length if length > limits::TRUST_CHARS_MAX => {
            Err(Refusal::limit(format!("Cannot exceed quota for ACLSizePerRole: {}", limits::TRUST_CHARS_MAX)))
        }
        _ => Ok(()),
    }
}

fn check(document: &str, sort: Sort) -> Result<(), Refusal> {
    match Policy::parse("", document, sort) {
        Ok(_) => Ok(()),
        Err(malformed) => Err(Refusal::malformed_policy(malformed.to_string())),
    }
}

/// Compiles a document that was checked when it was put; `name` is what decisions call it.
pub(crate) fn compile(name: &str, document: &str, sort: Sort) -> Option<Arc<Policy>> {
    match Policy::parse(name, document, sort) {
        Ok(policy) => Some(Arc::new(policy)),
        Err(malformed) => {
            tracing::error!(policy = name, why = %malformed, "a policy that is in force cannot be read");
            None
        }
    }
}

/// Characters, white space not counted.
pub(crate) fn length(document: &str) -> usize {
    document.chars().filter(|letter| !letter.is_whitespace()).count()
}

/// As replies carry it.
pub(crate) fn encoded(document: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(document.len() * 2);
    for byte in document.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_go_out_percent_encoded() {
        assert_eq!(encoded("{\"a\": \"é~\"}"), "%7B%22a%22%3A%20%22%C3%A9~%22%7D");
    }

    #[test]
    fn white_space_does_not_count() {
        assert_eq!(length("{ \"a\":\n 1 }"), 7);
    }
}
