//! Permissions: statements that AddPermission puts into a queue's policy and RemovePermission takes out again, by their label.
//!
//! Accounts are principals, as their roots; actions are `SQS:…`. How a policy is edited is `access::Permission`'s. Sources: API reference of both
//! operations; recorded answers of AWS for the words of refusals.

use crate::limits;
use crate::refusal::Refusal;
use access::NotRemoved;
use names::AccountId;
use serde_json::json;

/// What an owner may let others do. Batches count as what they are batches of.
const ACTIONS: &[&str] = &[
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

/// A checked permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Permission {
    label: String,
    accounts: Vec<AccountId>,
    actions: Vec<String>,
}

impl Permission {
    /// Checks what AddPermission was given.
    pub(crate) fn parse(label: String, accounts: &[String], actions: Vec<String>) -> Result<Self, Refusal> {
        check_label(&label)?;
        if actions.is_empty() {
            return Err(Refusal::missing("Actions"));
        }
        if actions.len() > limits::PERMISSION_ACTIONS_MAX {
            return Err(Refusal::too_many_actions(actions.len()));
        }
        let parsed: Vec<AccountId> = accounts.iter().filter_map(|account| AccountId::parse(account).ok()).collect();
        if parsed.is_empty() || parsed.len() < accounts.len() {
            return Err(Refusal::unverified_accounts(accounts));
        }
        if let Some(unknown) = actions.iter().find(|action| !ACTIONS.contains(&action.as_str())) {
            let reason = "Only the queue owner is allowed to invoke this action.";
            return Err(Refusal::invalid_value(format!("SQS:{unknown}"), "ActionName", reason));
        }
        Ok(Self { label, accounts: parsed, actions })
    }

    /// The policy with this permission in it.
    pub(crate) fn add_to(&self, policy: Option<&str>, arn: &str, partition: &str) -> Result<String, Refusal> {
        let statement = access::Permission {
            label: self.label.clone(),
            principals: self.accounts.iter().map(|account| format!("arn:{partition}:iam::{account}:root")).collect(),
            actions: self.actions.iter().map(|action| format!("SQS:{action}")).collect(),
            resource: arn.to_owned(),
        };
        let before = policy.map_or_else(|| new_policy(arn), str::to_owned);
        let taken = |_| Refusal::invalid_value(&self.label, "Label", "Already exists.");
        let (text, statements) = statement.add_to(&before).map_err(taken)?;
        match text.len() <= limits::POLICY_BYTES_MAX && statements <= limits::POLICY_STATEMENTS_MAX {
            true => Ok(text),
            false => Err(Refusal::policy_too_long()),
        }
    }
}

/// The policy without the permission of this label; empty when nothing is left in it.
pub(crate) fn remove(policy: Option<&str>, label: &str) -> Result<String, Refusal> {
    access::Permission::remove_from(policy, label).map_err(|missing| {
        let reason = match missing {
            NotRemoved::NoPolicy => "can't find label.",
            NotRemoved::NoLabel => "can't find label on existing policy.",
        };
        Refusal::invalid_value(label, "Label", reason)
    })
}

fn check_label(label: &str) -> Result<(), Refusal> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match (1..=limits::PERMISSION_LABEL_LEN_MAX).contains(&label.len()) && label.bytes().all(legal) {
        true => Ok(()),
        false => Err(Refusal::invalid_value(
            label,
            "Label",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
        )),
    }
}

fn new_policy(arn: &str) -> String {
    json!({ "Version": "2008-10-17", "Id": format!("{arn}/SQSDefaultPolicy"), "Statement": [] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:jobs";
    const POLICY: &str = r#"{"Version":"2008-10-17","Id":"arn:aws:sqs:us-east-1:000000000000:jobs/SQSDefaultPolicy","Statement":[{"Sid":"one","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"SQS:SendMessage","Resource":"arn:aws:sqs:us-east-1:000000000000:jobs"}]}"#;

    fn parse(label: &str, accounts: &[&str], actions: &[&str]) -> Result<Permission, Refusal> {
        let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect::<Vec<_>>();
        Permission::parse(label.into(), &owned(accounts), owned(actions))
    }

    fn permission(label: &str) -> Permission {
        parse(label, &["111111111111"], &["SendMessage"]).unwrap()
    }

    #[test]
    fn a_permission_is_a_statement_of_the_shape_that_aws_writes() {
        assert_eq!(permission("one").add_to(None, ARN, "aws").as_deref(), Ok(POLICY));
        let several = parse("two", &["111111111111", "222222222222"], &["*", "GetQueueUrl"]).unwrap();
        let both = several.add_to(Some(POLICY), ARN, "aws-cn").unwrap();
        let both: Value = serde_json::from_str(&both).unwrap();
        let roots = json!(["arn:aws-cn:iam::111111111111:root", "arn:aws-cn:iam::222222222222:root"]);
        assert_eq!(both["Statement"][1]["Principal"]["AWS"], roots);
        assert_eq!(both["Statement"][1]["Action"], json!(["SQS:*", "SQS:GetQueueUrl"]));
        assert_eq!(both["Statement"][0]["Sid"], "one");
    }

    #[test]
    fn a_statement_that_stood_alone_is_joined_by_the_new_one() {
        let alone = r#"{"Statement":{"Sid":"mine","Effect":"Deny","Principal":"*","Action":"*"}}"#;
        let both: Value = serde_json::from_str(&permission("one").add_to(Some(alone), ARN, "aws").unwrap()).unwrap();
        assert_eq!((&both["Statement"][0]["Sid"], &both["Statement"][1]["Sid"]), (&json!("mine"), &json!("one")));
    }

    #[test]
    fn a_removed_permission_leaves_the_others_and_the_last_one_leaves_no_policy() {
        let two = permission("two").add_to(Some(POLICY), ARN, "aws").unwrap();
        assert_eq!(remove(Some(&two), "two").as_deref(), Ok(POLICY));
        assert_eq!(remove(Some(POLICY), "one").as_deref(), Ok(""));
        let words = |refusal: Refusal| refusal.message.into_owned();
        let prefix = "Value x for parameter Label is invalid. Reason: can't find label";
        assert_eq!(remove(Some(POLICY), "x").map_err(words), Err(format!("{prefix} on existing policy.")));
        assert_eq!(remove(None, "x").map_err(words), Err(format!("{prefix}.")));
    }

    #[test]
    fn what_aws_refuses_is_refused_in_its_words() {
        let eight = ["SendMessage"; 8];
        for (label, accounts, actions, code, message) in [
            (
                "l",
                &["111111111111"][..],
                &[][..],
                "MissingParameter",
                "The request must contain the parameter Actions.",
            ),
            ("l", &["111111111111"], &eight, "OverLimit", "8 Actions were found, maximum allowed is 7."),
            (
                "l",
                &[],
                &["*"],
                "InvalidParameterValue",
                "Value [] for parameter PrincipalId is invalid. Reason: Unable to verify.",
            ),
            (
                "l",
                &["1"],
                &["*"],
                "InvalidParameterValue",
                "Value [1] for parameter PrincipalId is invalid. Reason: Unable to verify.",
            ),
            (
                "l",
                &["111111111111"],
                &["*", "DeleteQueue"],
                "InvalidParameterValue",
                "Value SQS:DeleteQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to \
                 invoke this action.",
            ),
        ] {
            let refusal = parse(label, accounts, actions).unwrap_err();
            assert_eq!((refusal.error.query_code, &*refusal.message), (code, message));
        }
        for label in ["", "a b", "a.b", &"x".repeat(81)] {
            assert!(parse(label, &["111111111111"], &["*"]).unwrap_err().message.contains("for parameter Label"));
        }
        let again = permission("one").add_to(Some(POLICY), ARN, "aws").unwrap_err();
        assert_eq!(again.message, "Value one for parameter Label is invalid. Reason: Already exists.");
    }

    #[test]
    fn a_policy_has_at_most_twenty_statements() {
        let mut policy = None;
        for nth in 0..20 {
            policy = Some(permission(&nth.to_string()).add_to(policy.as_deref(), ARN, "aws").unwrap());
        }
        let refusal = permission("more").add_to(policy.as_deref(), ARN, "aws").unwrap_err();
        assert_eq!(refusal.error.name, "OverLimit");
    }
}
