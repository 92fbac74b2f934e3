//! GetKeyPolicy: the policy as it was put.

use crate::api::{GetKeyPolicyRequest, GetKeyPolicyResponse};
use crate::asked::Asked;
use crate::needs::Asking;
use crate::policy;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GetKeyPolicy;

impl Operation for GetKeyPolicy {
    type Input = GetKeyPolicyRequest;
    type Output = GetKeyPolicyResponse;

    fn needs(asking: &Asking<'_>, input: &GetKeyPolicyRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("GetKeyPolicy", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: GetKeyPolicyRequest,
    ) -> Result<GetKeyPolicyResponse, Refusal> {
        policy::check_name(input.policy_name.as_deref())?;
        let key = service.own_key(&caller, &input.key_id).await?.key;
        Ok(GetKeyPolicyResponse { policy: Some(key.policy.text.to_string()), policy_name: Some("default".into()) })
    }
}
