//! Permissions: statements that AddPermission puts into a resource's policy, and RemovePermission takes out again by their label.
//!
//! A label is a statement's `Sid`. The shape of what is written is as AWS was recorded to write it, for queues and topics alike: one
//! account or action stands alone, several in a list; the other statements and members of the policy stay as they are. What a label,
//! an account or an action may be is each service's own, and so are its words.

use serde_json::{Map, Value, json};

/// A statement to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Its `Sid`.
    pub label: String,
    /// ARNs of whom it lets.
    pub principals: Vec<String>,
    /// Actions with their service: `SQS:SendMessage`.
    pub actions: Vec<String>,
    /// The ARN that it is about.
    pub resource: String,
}

/// There is a statement of this label already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelTaken;

/// Why a permission is not removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRemoved {
    /// There is no policy.
    NoPolicy,
    /// No statement has the label.
    NoLabel,
}

impl Permission {
    /// The policy with this permission in it, and how many statements it then has.
    pub fn add_to(&self, policy: &str) -> Result<(String, usize), LabelTaken> {
        let mut document = read(policy);
        let statements = statements_of(&mut document);
        if statements.iter().any(|statement| has_label(statement, &self.label)) {
            return Err(LabelTaken);
        }
        statements.push(json!({
            "Sid": self.label,
            "Effect": "Allow",
            "Principal": { "AWS": one_or_many(&self.principals) },
            "Action": one_or_many(&self.actions),
            "Resource": self.resource,
        }));
        let count = statements.len();
        Ok((Value::Object(document).to_string(), count))
    }

    /// The policy without the permission of this label; empty when nothing is left in it.
    pub fn remove_from(policy: Option<&str>, label: &str) -> Result<String, NotRemoved> {
        let mut document = policy.map(read).ok_or(NotRemoved::NoPolicy)?;
        let statements = statements_of(&mut document);
        let before = statements.len();
        statements.retain(|statement| !has_label(statement, label));
        match statements.len() {
            0 => Ok(String::new()),
            after if after == before => Err(NotRemoved::NoLabel),
            _ => Ok(Value::Object(document).to_string()),
        }
    }
}

/// A policy is checked when it is set; what cannot be read of it counts as none.
fn read(policy: &str) -> Map<String, Value> {
    serde_json::from_str(policy).unwrap_or_default()
}

/// The statements, as a list also where one stood alone.
fn statements_of(document: &mut Map<String, Value>) -> &mut Vec<Value> {
    let statements = document.entry("Statement").or_insert_with(|| json!([]));
    if !statements.is_array() {
        *statements = json!([statements.take()]);
    }
    statements.as_array_mut().expect("it was just made a list")
}

fn has_label(statement: &Value, label: &str) -> bool {
    statement.get("Sid").and_then(Value::as_str) == Some(label)
}

fn one_or_many(texts: &[String]) -> Value {
    if let [one] = texts { one.as_str().into() } else { texts.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permission(label: &str, principals: &[&str]) -> Permission {
        let principals = principals.iter().map(ToString::to_string).collect();
        let actions = vec!["SNS:Publish".into()];
        Permission { label: label.into(), principals, actions, resource: "r".into() }
    }

    #[test]
    fn one_stands_alone_and_several_in_a_list() {
        let (text, count) = permission("one", &["a"]).add_to("{}").unwrap();
        let one = r#"{"Statement":[{"Sid":"one","Effect":"Allow","Principal":{"AWS":"a"},"Action":"SNS:Publish","Resource":"r"}]}"#;
        assert_eq!((&*text, count), (one, 1));
        let (text, count) = permission("two", &["a", "b"]).add_to(&text).unwrap();
        assert!(count == 2 && text.contains(r#""Principal":{"AWS":["a","b"]}"#));
        assert_eq!(permission("two", &["c"]).add_to(&text), Err(LabelTaken));
        assert_eq!(Permission::remove_from(Some(&text), "two").as_deref(), Ok(one));
    }

    #[test]
    fn a_statement_that_stood_alone_is_joined_and_the_last_one_leaves_nothing() {
        let alone = r#"{"Statement":{"Sid":"mine","Effect":"Deny"}}"#;
        let (text, count) = permission("one", &["a"]).add_to(alone).unwrap();
        assert!(count == 2 && text.starts_with(r#"{"Statement":[{"Sid":"mine","Effect":"Deny"},"#));
        assert_eq!(Permission::remove_from(Some(alone), "mine").as_deref(), Ok(""));
        assert_eq!(Permission::remove_from(Some(alone), "x"), Err(NotRemoved::NoLabel));
        assert_eq!(Permission::remove_from(None, "x"), Err(NotRemoved::NoPolicy));
    }
}
