//! UntagQueue: takes tags away by their keys. A key that no tag has is passed over, as AWS does.

use crate::api::UntagQueueRequest;
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::tags;
use gateway::{Caller, Need};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct UntagQueue;

impl Operation for UntagQueue {
    type Input = UntagQueueRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &UntagQueueRequest) -> Result<Vec<Need>, Refusal> {
        asking.at("untagqueue", &input.queue_url)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: UntagQueueRequest) -> Result<Nothing, Refusal> {
        let entry = service.queue(&caller, &input.queue_url).await?;
        if input.tag_keys.is_empty() {
            return Err(tags::key_length());
        }
        input.tag_keys.iter().try_for_each(|key| tags::check_key_length(key))?;
        let keys = input.tag_keys.into_iter().map(String::into_boxed_str).collect();
        match entry.partition.execute(Command::Untag(keys))?.await? {
            Reply::Done => Ok(Nothing),
            _ => Err(Refusal::queue_does_not_exist()),
        }
    }
}
