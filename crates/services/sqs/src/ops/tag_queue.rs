//! TagQueue lays tags over those that a queue has, all of them or none; UntagQueue takes tags away by their keys, and passes over
//! a key that no tag has, as AWS does.

use crate::api::{TagQueueRequest, UntagQueueRequest};
use crate::limits;
use crate::machine::{Command, Reply};
use crate::needs::{Asking, with_tag_keys, with_tags};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::tags::{self, Tags};
use gateway::{Caller, Need};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct TagQueue;

impl Operation for TagQueue {
    type Input = TagQueueRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &TagQueueRequest) -> Result<Vec<Need>, Refusal> {
        let needs = asking.at("tagqueue", &input.queue_url)?;
        Ok(needs.into_iter().map(|need| with_tags(need, &input.tags)).collect())
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: TagQueueRequest) -> Result<Nothing, Refusal> {
        let entry = service.queue(&caller, &input.queue_url).await?;
        if input.tags.is_empty() {
            return Err(Refusal::missing("Tags"));
        }
        let tags = Tags::parse(input.tags)?;
        // What can never fit is not handed on: a record's count of tags is one byte.
        if tags.len() > limits::TAGS_MAX {
            return Err(Refusal::too_many_tags(&entry.key.name));
        }
        match entry.partition.execute(Command::Tag(tags))?.await? {
            Reply::Done => Ok(Nothing),
            Reply::Refused(refusal) => Err(refusal),
            _ => Err(Refusal::queue_does_not_exist()),
        }
    }
}

pub(crate) struct UntagQueue;

impl Operation for UntagQueue {
    type Input = UntagQueueRequest;
    type Output = Nothing;

    fn needs(asking: &Asking<'_>, input: &UntagQueueRequest) -> Result<Vec<Need>, Refusal> {
        let needs = asking.at("untagqueue", &input.queue_url)?;
        Ok(needs.into_iter().map(|need| with_tag_keys(need, input.tag_keys.iter())).collect())
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
