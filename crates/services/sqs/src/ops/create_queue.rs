//! CreateQueue: a new queue, or the one that is there if it does not differ in what the request names.

use crate::api::{CreateQueueRequest, CreateQueueResult};
use crate::attributes::{AttributeChanges, Attributes, Occasion};
use crate::catalog::{Creation, QueueKey};
use crate::limits;
use crate::machine::{Command, Reply};
use crate::needs::{Asking, with_tags};
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
        let name = check_name(&input.queue_name, is_fifo(input))?;
        let of = |action| asking.of(action, caller.account, &caller.region, name.clone());
        let tags = input.tags.as_deref().unwrap_or_default();
        // Tags that a queue is made with are laid on by an action of their own.
        if tags.is_empty() {
            return Ok(vec![of("createqueue")]);
        }
        Ok(["createqueue", "tagqueue"].map(|action| with_tags(of(action), tags)).into())
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: CreateQueueRequest,
    ) -> Result<CreateQueueResult, Refusal> {
        let is_fifo = is_fifo(&input);
        let given = input.attributes.unwrap_or_default();
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

fn is_fifo(input: &CreateQueueRequest) -> bool {
    let given = input.attributes.as_deref().unwrap_or_default();
    given.iter().any(|(name, value)| name == "FifoQueue" && value == "true")
}

/// The name ends in `.fifo` if and only if the request says that it is a FIFO queue.
fn check_name(name: &str, is_fifo: bool) -> Result<QueueName, Refusal> {
    let refusal = if is_fifo { Refusal::invalid_fifo_name } else { Refusal::invalid_queue_name };
    QueueName::parse(name).ok().filter(|name| name.is_fifo() == is_fifo).ok_or_else(refusal)
}
