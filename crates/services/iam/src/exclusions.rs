//! Policies that a simulation leaves out: what would be if they were taken away (API reference, SimulatePrincipalPolicy,
//! `PolicyExclusionList`).
//!
//! Each entry says exactly one thing: a type of policies, the ARN of a managed policy, or an inline policy by its name and whose
//! it is. Names may have one `*` and any number of `?`. What is named and not there is no mistake. The service control policies of
//! the server's organization are left out all together, having no ARNs; that resource control policies are is asked for in vain, as
//! on AWS.

use crate::api::iam::enums::policy_identifier_policy_type as types;
use crate::api::iam::{InlinePolicyIdentifierType, PolicyIdentifier};
use crate::refusal::Refusal;
use crate::state::Entity;
use names::Arn;

/// What is left out.
#[derive(Debug, Default)]
pub(crate) struct Exclusions {
    types: Vec<String>,
    arns: Vec<String>,
    inline: Vec<InlinePolicyIdentifierType>,
}

impl Exclusions {
    /// Reads the entries of a request.
    pub(crate) fn read(given: Vec<PolicyIdentifier>) -> Result<Self, Refusal> {
        let mut read = Self::default();
        for one in given {
            match (one.policy_type, one.policy_arn, one.inline_policy_identifier) {
                (Some(sort), None, None) => read.types.push(sort),
                (None, Some(arn), None) if is_arn(&arn) => read.arns.push(arn),
                (None, None, Some(inline)) if has_one_star(&inline.attachment_name) => read.inline.push(inline),
                (None, Some(wrong), None) => return Err(invalid(&format!("the ARN {wrong} is none of a policy"))),
                (None, None, Some(wrong)) => return Err(invalid(&format!("{} has two stars", wrong.attachment_name))),
                _ => {
                    return Err(invalid(
                        "exactly one of PolicyType, PolicyArn and InlinePolicyIdentifier is to be set",
                    ));
                }
            }
        }
        Ok(read)
    }

    fn has_type(&self, sort: &str) -> bool {
        self.types.iter().any(|known| known == sort)
    }

    /// Whether the boundary is left out.
    pub(crate) fn has_boundary(&self) -> bool {
        self.has_type(types::PERMISSION_BOUNDARY)
    }

    /// Whether service control policies are left out.
    pub(crate) fn has_service_control(&self) -> bool {
        self.has_type(types::SCP)
    }

    /// Whether a managed policy is left out.
    pub(crate) fn has_managed(&self, arn: &str) -> bool {
        let is_of_aws = arn.contains(":iam::aws:");
        self.has_type(if is_of_aws { types::AWS_MANAGED } else { types::USER_MANAGED })
            || self.arns.iter().any(|pattern| is_like(pattern, arn))
    }

    /// Whether an inline policy of a user, group or role is left out.
    pub(crate) fn has_inline(&self, entity: &Entity, name: &str) -> bool {
        let is_it = |one: &InlinePolicyIdentifierType| {
            one.policy_name == name
                && one.attachment_type == entity.sort.word()
                && is_like(&one.attachment_name, &entity.name)
        };
        self.has_type(types::INLINE) || self.inline.iter().any(is_it)
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal::invalid_input(format!("Invalid PolicyExclusionList: {why}."))
}

/// Whether it names managed policies, with wildcards nowhere but behind `policy/`.
fn is_arn(text: &str) -> bool {
    let Ok(arn) = Arn::parse(text) else { return false };
    let has_wildcard = |part: &str| part.contains(['*', '?']);
    arn.service == "iam" && !has_wildcard(&arn.account) && arn.resource.starts_with("policy/") && has_one_star(text)
}

fn has_one_star(text: &str) -> bool {
    text.matches('*').count() <= 1
}

/// Whether a text is like a pattern that has one star at the most.
fn is_like(pattern: &str, text: &str) -> bool {
    fn all(pattern: impl Iterator<Item = char>, text: impl Iterator<Item = char>) -> bool {
        pattern.zip(text).all(|(wanted, found)| wanted == '?' || wanted == found)
    }
    let length = |text: &str| text.chars().count();
    match pattern.split_once('*') {
        None => length(pattern) == length(text) && all(pattern.chars(), text.chars()),
        Some((before, after)) => {
            length(before) + length(after) <= length(text)
                && all(before.chars(), text.chars())
                && all(after.chars().rev(), text.chars().rev())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_takes_any_run_and_a_question_mark_one_character() {
        for (pattern, text, expected) in [
            ("bob", "bob", true),
            ("bob", "bobby", false),
            ("b?b", "bäb", true),
            ("b*", "b", true),
            ("*y", "bobby", true),
            ("b*b", "b", false),
            ("b?*?y", "bobby", true),
        ] {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        let arn = |arn: &str| PolicyIdentifier { policy_arn: Some(arn.into()), ..PolicyIdentifier::default() };
        assert!(Exclusions::read(vec![arn("arn:aws:iam::aws:policy/Amazon*Access")]).is_ok());
        for wrong in [
            PolicyIdentifier::default(),
            PolicyIdentifier { policy_type: Some("scp".into()), ..arn("arn:aws:iam::aws:policy/A") },
            arn("arn:aws:iam::aws:policy/*A*"),
            arn("arn:aws:iam::*:policy/A"),
            arn("arn:aws:iam::123456789012:user/a"),
            arn("some words that are long enough"),
        ] {
            assert_eq!(Exclusions::read(vec![wrong]).unwrap_err().error.name, "InvalidInputException");
        }
    }
}
