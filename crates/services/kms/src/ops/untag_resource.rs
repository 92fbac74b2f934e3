//! UntagResource: fewer tags.

use crate::api::UntagResourceRequest;
use crate::asked::Asked;
use crate::change::Change;
use crate::needs::{Asking, Saying};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Need;
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct UntagResource;

impl Operation for UntagResource {
    type Input = UntagResourceRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &UntagResourceRequest) -> Result<Vec<Need>, Refusal> {
        let saying = Saying::default().many("aws:tagkeys", input.tag_keys.iter().map(String::as_str));
        asking.on_saying("UntagResource", &input.key_id, saying)
    }

    async fn call(service: Arc<Inner>, caller: Asked, input: UntagResourceRequest) -> Result<Nothing, Refusal> {
        let keys = input.tag_keys.into_iter().map(Into::into).collect();
        service.change(&caller, &input.key_id, Change::Untag(keys)).await?;
        Ok(Nothing)
    }
}
