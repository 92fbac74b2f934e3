//! GetQueueUrl: a queue's URL by its name.

use crate::api::{GetQueueUrlRequest, GetQueueUrlResult};
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use gateway::{Caller, Need};
use names::{AccountId, QueueName};
use std::sync::Arc;

pub(crate) struct GetQueueUrl;

impl Operation for GetQueueUrl {
    type Input = GetQueueUrlRequest;
    type Output = GetQueueUrlResult;

    fn needs(asking: &Asking<'_>, input: &GetQueueUrlRequest) -> Result<Vec<Need>, Refusal> {
        let name = QueueName::parse(&input.queue_name).map_err(|_| Refusal::queue_does_not_exist())?;
        let owner = owner(asking.caller, input)?;
        let need = asking.of("getqueueurl", owner, &asking.caller.region, name);
        // Who may not know of another account's queue is told the same as if there were none.
        match owner != asking.caller.account && asking.caller.may(&need).is_err() {
            true => Err(Refusal::no_queue_or_no_access()),
            false => Ok(vec![need]),
        }
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: GetQueueUrlRequest,
    ) -> Result<GetQueueUrlResult, Refusal> {
        let owner = owner(&caller, &input)?;
        let entry = service.find(owner, &caller.region, &input.queue_name).await?;
        // The answer says that the queue is there, so it waits until its creation is durable.
        match entry.partition.execute(Command::Describe)?.await? {
            Reply::Described(..) => Ok(GetQueueUrlResult { queue_url: Some(service.url_of(&caller, &entry)) }),
            _ => Err(Refusal::queue_does_not_exist()),
        }
    }
}

fn owner(caller: &Caller, input: &GetQueueUrlRequest) -> Result<AccountId, Refusal> {
    match input.queue_owner_aws_account_id.as_deref() {
        None => Ok(caller.account),
        Some(owner) => AccountId::parse(owner).map_err(|_| Refusal::queue_does_not_exist()),
    }
}
