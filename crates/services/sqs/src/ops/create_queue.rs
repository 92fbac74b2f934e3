//! CreateQueue: a new queue, or the one that is there if it does not differ in what the request names.

use crate::api::{CreateQueueRequest, CreateQueueResult};
use crate::attributes::{AttributeChanges, Attributes, Occasion};
use crate::catalog::{Creation, QueueKey};
use crate::limits;
use crate::machine::{Command, Reply};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::{Inner, Operation};
use crate::tags::Tags;
use gateway::{Caller, Need};
use names::QueueName;
use std::sync::Arc;

pub(crate) struct CreateQueue;

impl Operation for CreateQueue {
    type Input = CreateQueueRequest;
    type Output = CreateQueueResult;

    fn needs(asking: &Asking<'_>, input: &CreateQueueRequest) -> Result<Vec<Need>, Refusal> {
        let caller = asking.caller;
        let name = QueueName::parse(&input.queue_name).map_err(|_| Refusal::invalid_queue_name())?;
        let mut needs = vec![asking.of("createqueue", caller.account, &caller.region, name.clone())];
        if input.tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
            needs.push(asking.of("tagqueue", caller.account, &caller.region, name));
        }
        Ok(needs)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: CreateQueueRequest,
    ) -> Result<CreateQueueResult, Refusal> {
        let given = input.attributes.unwrap_or_default();
        let is_fifo = given.iter().any(|(name, value)| name == "FifoQueue" && value == "true");
        let name = check_name(&input.queue_name, is_fifo)?;
        let changes = AttributeChanges::parse(&given, Occasion { is_creation: true, is_fifo })?;
        let tags = Tags::parse(input.tags.unwrap_or_default())?;
        if tags.len() > limits::TAGS_MAX {
            return Err(Refusal::too_many_tags(&name));
        }
        let key = QueueKey { account: caller.account, region: caller.region.clone(), name };
        let changes = service.redirected(&key, changes).await?;
        let attributes = changes.apply_to(&Attributes::default());
        attributes.check()?;
        service.pauses.check_name(&key, caller.now)?;
        loop {
            let entry = match service.catalog.create(key.clone(), &attributes, &tags)? {
                Creation::New(entry, created) => {
                    created.await?;
                    entry
                }
                Creation::Existing(entry) => match entry.partition.execute(Command::Describe)?.await? {
                    Reply::Described(about, _) => match changes.first_difference(&about.attributes) {
                        Some(attribute) => return Err(Refusal::queue_name_exists(attribute)),
                        None => entry,
                    },
                    // It was deleted in between, so the name is free: try again.
                    _ => continue,
                },
            };
            return Ok(CreateQueueResult { queue_url: Some(service.url_of(&caller, &entry)) });
        }
    }
}

/// The name ends in `.fifo` if and only if the request says that it is a FIFO queue.
fn check_name(name: &str, is_fifo: bool) -> Result<QueueName, Refusal> {
    let refusal = if is_fifo { Refusal::invalid_fifo_name } else { Refusal::invalid_queue_name };
    QueueName::parse(name).ok().filter(|name| name.is_fifo() == is_fifo).ok_or_else(refusal)
}
