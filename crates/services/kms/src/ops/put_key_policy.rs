//! PutKeyPolicy: another policy.

use crate::api::PutKeyPolicyRequest;
use crate::asked::Asked;
use crate::change::Change;
use crate::needs::{Asking, Saying};
use crate::policy;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct PutKeyPolicy;

impl Operation for PutKeyPolicy {
    type Input = PutKeyPolicyRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &PutKeyPolicyRequest) -> Result<Vec<Need>, Refusal> {
        let bypass = input.bypass_policy_lockout_safety_check == Some(true);
        let saying = Saying::default().bool("kms:bypasspolicylockoutsafetycheck", bypass);
        asking.on_saying("PutKeyPolicy", &input.key_id, saying)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: PutKeyPolicyRequest) -> Result<Nothing, Refusal> {
        policy::check_name(input.policy_name.as_deref())?;
        let before = service.own_key(&caller, &input.key_id).await?.key;
        let policy = policy::parse(&input.policy)?;
        if input.bypass_policy_lockout_safety_check != Some(true) {
            policy::check_lockout(&caller, &before.arn(), before.account, &policy)?;
        }
        service.change(&caller, &input.key_id, Change::SetPolicy(policy)).await?;
        Ok(Nothing)
    }
}
