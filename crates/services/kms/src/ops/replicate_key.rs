//! ReplicateKey: the same key in another region.

use crate::api::{ReplicateKeyRequest, ReplicateKeyResponse};
use crate::asked::Asked;
use crate::change::{Change, Replica};
use crate::describe::metadata;
use crate::needs::{Asking, Saying};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::{describe, policy, tags};
use gateway::Need;
use names::Region;
use std::sync::Arc;

pub(crate) struct ReplicateKey;

impl Operation for ReplicateKey {
    type Input = ReplicateKeyRequest;
    type Output = ReplicateKeyResponse;

    fn needs(asking: &Asking<'_>, input: &ReplicateKeyRequest) -> Result<Vec<Need>, Refusal> {
        let saying = Saying::default().text("kms:replicaregion", Some(&input.replica_region));
        let mut needs = asking.on_saying("ReplicateKey", &input.key_id, saying)?;
        // What the replica will be, as CreateKey says it of a new key.
        let shared = ["kms:keyspec", "kms:keyusage", "kms:keyorigin", "kms:multiregion"];
        let of_primary = needs[0].facts.iter().filter(|(name, _)| shared.contains(&&**name)).cloned().collect();
        let bypass = input.bypass_policy_lockout_safety_check == Some(true);
        let saying = Saying { facts: of_primary, ..Saying::default() };
        let saying = saying.bool("kms:bypasspolicylockoutsafetycheck", bypass);
        needs.extend(asking.anything("CreateKey", tags::said(saying, input.tags.as_deref().unwrap_or_default())));
        Ok(needs)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: ReplicateKeyRequest,
    ) -> Result<ReplicateKeyResponse, Refusal> {
        let region = Region::parse(&input.replica_region)
            .map_err(|_| Refusal::validation("The replica Region is not valid."))?;
        let tags = tags::checked(input.tags.unwrap_or_default())?;
        let bypass = input.bypass_policy_lockout_safety_check == Some(true);
        let policy = policy::of_new_key(&caller, &region, input.policy.as_deref(), bypass)?;
        let description = input.description.unwrap_or_default().into();
        let replica = Replica { region, policy, description, tags };
        let key = service.change(&caller, &input.key_id, Change::Replicate(Box::new(replica))).await?.key;
        Ok(ReplicateKeyResponse {
            replica_key_metadata: Some(metadata(&key)),
            replica_policy: Some(key.policy.text.to_string()),
            replica_tags: Some(describe::tags(&key.tags)),
        })
    }
}
