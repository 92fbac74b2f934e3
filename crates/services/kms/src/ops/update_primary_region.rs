//! UpdatePrimaryRegion: another of the relatives is the primary.

use crate::api::UpdatePrimaryRegionRequest;
use crate::asked::Asked;
use crate::change::Change;
use crate::needs::{Asking, Saying};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use names::Region;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct UpdatePrimaryRegion;

impl Operation for UpdatePrimaryRegion {
    type Input = UpdatePrimaryRegionRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &UpdatePrimaryRegionRequest) -> Result<Vec<Need>, Refusal> {
        let saying = || Saying::default().text("kms:primaryregion", Some(&input.primary_region));
        let mut needs = asking.on_saying("UpdatePrimaryRegion", &input.key_id, saying())?;
        // The key that becomes the primary has a policy of its own.
        needs.extend(asking.on_relative("UpdatePrimaryRegion", &input.key_id, &input.primary_region, saying()));
        Ok(needs)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: UpdatePrimaryRegionRequest) -> Result<Nothing, Refusal> {
        let region = Region::parse(&input.primary_region)
            .map_err(|_| Refusal::validation("The primary Region is not valid."))?;
        service.change(&caller, &input.key_id, Change::SetPrimary(region)).await?;
        Ok(Nothing)
    }
}
