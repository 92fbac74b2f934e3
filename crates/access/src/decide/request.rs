//! What a decision is about: a request, and the policies that apply to it.

use crate::caller::Caller;
use crate::context::Context;
use crate::policy::Policy;
use crate::policy::action::Action;
use names::{AccountId, Arn};
use std::sync::Arc;

/// Someone wants to do something to something.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// What.
    pub action: &'a Action,
    /// To which resource: its ARN, or `*` for an operation that has none.
    pub resource: &'a str,
    /// Whose the resource is; S3's ARNs do not say.
    pub resource_account: Option<AccountId>,
    /// The facts that conditions ask for.
    pub context: &'a Context<'a>,
    /// Whether identities' policies count without the resource's.
    pub gate: Gate,
}

/// The policies that apply, each sort by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Applicable<'a> {
    /// The caller's own, its groups' and its role's.
    pub identity: &'a [Arc<Policy>],
    /// What the caller can have at the most.
    pub boundary: Option<&'a Policy>,
    /// What was handed over with a session; nothing if nothing was.
    pub session: Option<&'a [Arc<Policy>]>,
    /// The resource's own: a queue's, a key's, a role's trust.
    pub resource: Option<&'a Policy>,
    /// Those of the caller's organization, level by level: the root's, each unit's, the account's.
    pub service_control: &'a [Vec<Arc<Policy>>],
    /// Those of the resource's organization. Only what they refuse counts: AWS puts an allowance of everything beside
    /// them that cannot be taken away.
    pub resource_control: &'a [Arc<Policy>],
}

/// Whether the account's own policies may grant what the resource's policy does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Within one account either is enough.
    Usual,
    /// A KMS key: the key's policy must name the caller, or hand over to the account.
    KeyPolicy,
    /// A role: its trust policy must name the caller, or hand over to the account.
    TrustPolicy,
}

impl Gate {
    /// The gate before a resource, as its ARN and the action tell.
    pub fn before(resource: &str, action: &Action) -> Self {
        let Ok(arn) = Arn::parse(resource) else { return Self::Usual };
        let assumes = || {
            let verbs = ["sts:assumerole", "sts:tagsession", "sts:setsourceidentity", "sts:setcontext"];
            verbs.iter().any(|verb| action.folded().starts_with(verb))
        };
        match arn.service.as_str() {
            "kms" if arn.resource.starts_with("key/") => Self::KeyPolicy,
            "iam" if arn.resource.starts_with("role/") && assumes() => Self::TrustPolicy,
            _ => Self::Usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_roles_have_gates_and_queues_have_none() {
        let gate = |resource: &str, action: &str| Gate::before(resource, &Action::new(action));
        assert_eq!(gate("arn:aws:kms:r:111111111111:key/k", "kms:Decrypt"), Gate::KeyPolicy);
        assert_eq!(gate("arn:aws:kms:r:111111111111:alias/a", "kms:CreateAlias"), Gate::Usual);
        assert_eq!(gate("arn:aws:iam::111111111111:role/r", "sts:AssumeRole"), Gate::TrustPolicy);
        assert_eq!(gate("arn:aws:iam::111111111111:role/r", "iam:GetRole"), Gate::Usual);
        assert_eq!(gate("arn:aws:sqs:r:111111111111:q", "sqs:SendMessage"), Gate::Usual);
        assert_eq!(gate("*", "kms:ListKeys"), Gate::Usual);
    }
}
