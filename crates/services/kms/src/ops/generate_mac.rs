//! GenerateMac: the MAC of a message.

use crate::api::{GenerateMacRequest, GenerateMacResponse};
use crate::asked::Asked;
use crate::needs::{Asking, Saying};
use crate::ops::grants;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;

pub(crate) struct GenerateMac;

impl Operation for GenerateMac {
    type Input = GenerateMacRequest;
    type Output = GenerateMacResponse;

    fn needs(asking: &Asking<'_>, input: &GenerateMacRequest) -> Result<Vec<Need>, Refusal> {
        asking.on_saying(
            "GenerateMac",
            &input.key_id,
            Saying::default().text("kms:macalgorithm", Some(&input.mac_algorithm)),
        )
    }

    async fn call(
        service: Arc<Inner>,
        caller: Asked,
        input: GenerateMacRequest,
    ) -> Result<GenerateMacResponse, Refusal> {
        grants::check_tokens(input.grant_tokens.as_deref())?;
        let kept = service.key(&caller, &input.key_id).await?;
        let mac = service
            .for_macs(&kept.key, "GenerateMac", &input.mac_algorithm)?
            .mac(&input.mac_algorithm, &input.message)?;
        if input.dry_run == Some(true) {
            return Err(Refusal::dry_run());
        }
        Ok(GenerateMacResponse {
            mac: Some(mac.into()),
            mac_algorithm: Some(input.mac_algorithm),
            key_id: Some(kept.key.arn()),
        })
    }
}
