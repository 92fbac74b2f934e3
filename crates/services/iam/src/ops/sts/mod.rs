//! The operations of STS, and what sessions have in common.

mod assume_role;
mod caller;
mod tokens;
mod web_identity;

pub(crate) use web_identity::prepare_web_identity;

use crate::api::sts::{PolicyDescriptorType, Tag};
use crate::at::At;
use crate::documents;
use crate::limits;
use crate::ops::tagging;
use crate::refusal::Refusal;
use crate::service::ACTIONS;
use crate::session::{Kind, Session};
use gateway::Need;
use names::AccountId;
use std::sync::Arc;

/// What an operation of STS needs.
fn session_need(action: &str, resource: impl Into<Arc<str>>, owner: AccountId) -> Need {
    Need::of(ACTIONS[1].get(action), resource, owner)
}

/// The role's session that the request itself comes from: what it asks for continues a chain.
fn chained<'a>(at: &At<'a>) -> Option<&'a Session> {
    at.session().filter(|session| matches!(session.kind, Kind::Role | Kind::Nobody))
}

fn texts(texts: &[String]) -> Vec<Box<str>> {
    texts.iter().map(|text| text.as_str().into()).collect()
}

/// The need with the tags that a session is to have.
fn with_session_tags(need: Need, tags: &[Tag]) -> Need {
    tagging::with_asked_tags(need, tags.iter().map(|tag| (&*tag.key, &*tag.value)))
}

type Texts = Vec<Box<str>>;

/// The session policies of a request: documents, and ARNs of managed policies.
fn session_policies(
    at: &At<'_>,
    account: AccountId,
    policy: Option<&str>,
    arns: Option<&[PolicyDescriptorType]>,
) -> Result<(Texts, Texts), Refusal> {
    if let Some(document) = policy {
        documents::check_identity(document)?;
        if document.chars().count() > limits::SESSION_POLICY_CHARS_MAX {
            let message = "Packed policy consumes more than 100% of allotted space, please use smaller policy.";
            return Err(Refusal::new(&crate::api::sts::errors::PACKED_POLICY_TOO_LARGE_EXCEPTION, message));
        }
    }
    let arns: Texts = arns.unwrap_or_default().iter().filter_map(|one| one.arn.as_deref().map(Into::into)).collect();
    if arns.len() > limits::SESSION_POLICIES_MAX {
        return Err(Refusal::invalid(format!(
            "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: Member must have length less \
             than or equal to {}",
            limits::SESSION_POLICIES_MAX
        )));
    }
    arns.iter().try_for_each(|arn| assume_role::check_arn(at, account, arn))?;
    Ok((policy.map(Into::into).into_iter().collect(), arns))
}

/// There are no devices for a second factor here, so none was ever shown.
fn no_second_factor() -> Refusal {
    Refusal::denied("MultiFactorAuthentication failed, unable to validate MFA code.")
}

/// What STS says of session tags and of what a chain keeps.
fn invalid_parameter(message: &'static str) -> Refusal {
    Refusal::new(&crate::api::sts::errors::INVALID_PARAMETER_VALUE_EXCEPTION, message)
}

fn check_tags(tags: &[(Box<str>, Box<str>)]) -> Result<(), Refusal> {
    let repeated = |at: usize| tags[..at].iter().any(|(key, _)| key.eq_ignore_ascii_case(&tags[at].0));
    if (0..tags.len()).any(repeated) {
        return Err(invalid_parameter("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
    }
    match tags.len() {
        count if count > limits::TAGS_MAX => Err(Refusal::invalid("A session can have at most 50 tags.")),
        _ => Ok(()),
    }
}

/// How much of the room for policies and tags is used, in percent, if there are any.
fn packed_size(session: &Session) -> Option<i32> {
    let policies: usize = session.policies.iter().chain(&session.policy_arns).map(|text| text.len()).sum();
    let tags: usize = session.tags.iter().map(|(key, value)| key.len() + value.len()).sum();
    let percent = ((policies + tags) * 100).div_ceil(limits::SESSION_POLICY_CHARS_MAX * 2);
    (percent > 0).then(|| i32::try_from(percent.min(100)).unwrap_or(100))
}
