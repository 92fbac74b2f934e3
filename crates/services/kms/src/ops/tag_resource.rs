//! TagResource: tags over those that are there.

use crate::api::TagResourceRequest;
use crate::asked::Asked;
use crate::change::Change;
use crate::needs::{Asking, Saying};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::tags;
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct TagResource;

impl Operation for TagResource {
    type Input = TagResourceRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &TagResourceRequest) -> Result<Vec<Need>, Refusal> {
        asking.on_saying("TagResource", &input.key_id, tags::said(Saying::default(), &input.tags))
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: TagResourceRequest) -> Result<Nothing, Refusal> {
        let tags = tags::checked(input.tags)?;
        service.change(&caller, &input.key_id, Change::Tag(tags)).await?;
        Ok(Nothing)
    }
}
