//! The `Policy` attribute: who may do what with a queue, as a JSON document of the policy language.
//!
//! It is checked when it is set, kept as it was given, and given back. **It is not enforced in this version**: everybody whom
//! the server answers at all may do everything (ADR 0011). AddPermission and RemovePermission edit it as text, by the machine,
//! so that two of them cannot lose each other's change. Sources: IAM user guide, "Grammar of the IAM JSON policy language"; SQS
//! developer guide, "Amazon SQS policies quotas".

use crate::limits;
use crate::refusal::Refusal;
use serde_json::{Map, Value};

/// Versions of the policy language.
const VERSIONS: &[&str] = &["2008-10-17", "2012-10-17"];

/// Takes the text of a policy, or refuses it as AWS does: with one sentence for every mistake.
pub(crate) fn parse_attribute(text: &str) -> Result<String, Refusal> {
    let document = serde_json::from_str::<Value>(text).ok();
    match document.is_some_and(|document| text.len() <= limits::POLICY_BYTES_MAX && is_policy(&document)) {
        true => Ok(text.to_owned()),
        false => Err(Refusal::invalid_attribute_value("Policy")),
    }
}

/// Whether two JSON texts mean the same: the order of members and white space do not count.
pub(crate) fn same_json(one: &str, other: &str) -> bool {
    match (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn is_policy(document: &Value) -> bool {
    let Value::Object(policy) = document else { return false };
    let statements = match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement) => vec![statement],
        None => return false,
    };
    let members_are_known = policy.iter().all(|(name, value)| match name.as_str() {
        "Version" => value.as_str().is_some_and(|version| VERSIONS.contains(&version)),
        "Id" => value.is_string(),
        "Statement" => true,
        _ => false,
    });
    members_are_known
        && (1..=limits::POLICY_STATEMENTS_MAX).contains(&statements.len())
        && statements.iter().all(|statement| is_statement(statement))
        && have_distinct_sids(&statements)
}

fn is_statement(statement: &Value) -> bool {
    let Value::Object(statement) = statement else { return false };
    let members_are_known = statement.iter().all(|(name, value)| match name.as_str() {
        "Sid" => value.is_string(),
        "Effect" => matches!(value.as_str(), Some("Allow" | "Deny")),
        "Principal" | "NotPrincipal" => is_principal(value),
        "Action" | "NotAction" => texts(value).is_some_and(|actions| actions.iter().all(|action| is_action(action))),
        "Resource" | "NotResource" => texts(value).is_some(),
        "Condition" => is_condition(value),
        _ => false,
    });
    members_are_known
        && statement.contains_key("Effect")
        && has_one_of(statement, "Principal", "NotPrincipal")
        && has_one_of(statement, "Action", "NotAction")
        && !(statement.contains_key("Resource") && statement.contains_key("NotResource"))
}

fn has_one_of(statement: &Map<String, Value>, one: &str, other: &str) -> bool {
    statement.contains_key(one) != statement.contains_key(other)
}

fn have_distinct_sids(statements: &[&Value]) -> bool {
    let mut seen = std::collections::HashSet::new();
    statements
        .iter()
        .filter_map(|statement| statement.get("Sid")?.as_str())
        .all(|sid| sid.is_empty() || seen.insert(sid))
}

/// `*`, or who by kind: accounts and ARNs of AWS, services, federated and canonical users.
fn is_principal(value: &Value) -> bool {
    match value {
        Value::String(text) => text == "*",
        Value::Object(kinds) => {
            !kinds.is_empty() && kinds.iter().all(|(kind, who)| is_kind_of_principal(kind) && texts(who).is_some())
        }
        _ => false,
    }
}

fn is_kind_of_principal(kind: &str) -> bool {
    matches!(kind, "AWS" | "Service" | "Federated" | "CanonicalUser")
}

/// An action of SQS, in any case and with wildcards, or all actions of everything.
fn is_action(action: &str) -> bool {
    action == "*"
        || action.split_once(':').is_some_and(|(service, name)| service.eq_ignore_ascii_case("sqs") && !name.is_empty())
}

/// Operators, each with keys, each with values.
fn is_condition(value: &Value) -> bool {
    let is_scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    let are_values = |value: &Value| match value {
        Value::Array(values) => values.iter().all(is_scalar),
        value => is_scalar(value),
    };
    let are_keys = |value: &Value| value.as_object().is_some_and(|keys| keys.values().all(are_values));
    value.as_object().is_some_and(|operators| operators.values().all(are_keys))
}

/// One text or a list of them, none empty.
fn texts(value: &Value) -> Option<Vec<&str>> {
    let texts: Vec<&str> = match value {
        Value::Array(values) => values.iter().map(Value::as_str).collect::<Option<_>>()?,
        value => vec![value.as_str()?],
    };
    (!texts.is_empty() && texts.iter().all(|text| !text.is_empty())).then_some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATEMENT: &str = r#"{"Sid":"s","Effect":"Allow","Principal":{"AWS":["123456789012"]},"Action":["SQS:SendMessage"],
        "Resource":"arn:aws:sqs:us-east-1:000000000000:jobs","Condition":{"ArnLike":{"aws:SourceArn":["a","b"]}}}"#;

    fn policy(statement: &str) -> String {
        format!(r#"{{"Version":"2012-10-17","Id":"x","Statement":[{statement}]}}"#)
    }

    #[test]
    fn policies_that_aws_takes_are_kept_as_given() {
        let every = r#"{"Effect":"Deny","NotPrincipal":"*","NotAction":"sqs:*","NotResource":["*"]}"#;
        let star = r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#;
        let service = r#"{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage"}"#;
        for statement in [STATEMENT, every, star, service] {
            let text = policy(statement);
            assert_eq!(parse_attribute(&text).as_deref(), Ok(&*text), "{text}");
        }
        let alone = format!(r#"{{"Statement":{star}}}"#);
        assert_eq!(parse_attribute(&alone).as_deref(), Ok(&*alone));
    }

    #[test]
    fn what_is_no_policy_is_refused_with_one_sentence() {
        for wrong in [
            "no json".to_owned(),
            "[]".into(),
            "{}".into(),
            policy("").replace("[]", "7"),
            policy(""),
            policy(STATEMENT).replace("2012-10-17", "2012-10-18"),
            policy(STATEMENT).replace("\"Id\"", "\"Name\""),
            policy(&STATEMENT.replace("Allow", "Maybe")),
            policy(&STATEMENT.replace("\"Principal\"", "\"Who\"")),
            policy(&STATEMENT.replace("\"AWS\"", "\"GCP\"")),
            policy(&STATEMENT.replace("SQS:", "s3:")),
            policy(&STATEMENT.replace("\"Action\"", "\"Resource\"")),
            policy(&STATEMENT.replace("[\"a\",\"b\"]", "{}")),
            policy(&format!("{STATEMENT},{STATEMENT}")),
            policy(&vec![STATEMENT.replace("\"Sid\":\"s\",", ""); 21].join(",")),
            policy(&STATEMENT.replace("jobs", &"x".repeat(8_192))),
        ] {
            let refusal = parse_attribute(&wrong).unwrap_err();
            assert_eq!(refusal.error.name, "InvalidAttributeValue", "{wrong}");
            assert_eq!(refusal.message, "Invalid value for the parameter Policy.", "{wrong}");
        }
    }
}
