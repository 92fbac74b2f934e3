//! ListKeyPolicies: the names of a key's policies: `default` alone.

use crate::api::{ListKeyPoliciesRequest, ListKeyPoliciesResponse};
use crate::asked::Asked;
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct ListKeyPolicies;

impl Operation for ListKeyPolicies {
    type Input = ListKeyPoliciesRequest;
    type Output = ListKeyPoliciesResponse;

    fn needs(asking: &Asking<'_>, input: &ListKeyPoliciesRequest) -> Result<Vec<Need>, Refusal> {
        asking.on("ListKeyPolicies", &input.key_id)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: ListKeyPoliciesRequest,
    ) -> Result<ListKeyPoliciesResponse, Refusal> {
        service.own_key(&caller, &input.key_id).await?;
        Ok(ListKeyPoliciesResponse {
            policy_names: Some(vec!["default".into()]),
            next_marker: None,
            truncated: Some(false),
        })
    }
}
