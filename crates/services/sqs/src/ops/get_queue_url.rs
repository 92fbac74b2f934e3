//! GetQueueUrl: a queue's URL by its name.

use crate::api::{GetQueueUrlRequest, GetQueueUrlResult};
use crate::machine::{Command, Reply};
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::Caller;
use names::AccountId;
use std::sync::Arc;

pub(crate) struct GetQueueUrl;

impl Operation for GetQueueUrl {
    type Input = GetQueueUrlRequest;
    type Output = GetQueueUrlResult;

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: GetQueueUrlRequest,
    ) -> Result<GetQueueUrlResult, Refusal> {
        let owner = match input.queue_owner_aws_account_id.as_deref() {
            None => caller.account,
            Some(owner) => AccountId::parse(owner).map_err(|_| Refusal::queue_does_not_exist())?,
        };
        let entry = service.find(owner, &caller.region, &input.queue_name).await?;
        // The answer says that the queue is there, so it waits until its creation is durable.
        match entry.partition.execute(Command::Describe)?.await? {
            Reply::Described(..) => Ok(GetQueueUrlResult { queue_url: Some(service.url_of(&caller, &entry)) }),
            _ => Err(Refusal::queue_does_not_exist()),
        }
    }
}
