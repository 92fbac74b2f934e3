//! CreateQueue, DeleteQueue, DescribeQueue, UpdateQueue, ListQueues: queues on streams.
//!
//! A queue is ready as soon as it is answered; what is answered is the state at that moment of AWS's, CREATING and UPDATING. AWS has
//! queues on streams on demand alone; here any stream has them, unless AWS's limits hold.

use crate::api::enums::{queue_status, target_type};
use crate::api::{
    CreateQueueInput, CreateQueueOutput, DeadLetterConfiguration, DeleteQueueInput, DescribeQueueInput,
    DescribeQueueOutput, ListQueuesInput, ListQueuesOutput, QueueAttributes, QueueDescription, QueueStartingPosition,
    QueueStreamConfiguration, QueueStreamFilter, QueueStreamIdentifier, QueueSummary, UpdateQueueInput,
    UpdateQueueOutput,
};
use crate::catalog::{StreamEntry, StreamKey};
use crate::describe::{instant, timestamp};
use crate::limits::TAGS_MAX;
use crate::needs::{Asking, with_tags};
use crate::page::{Token, size};
use crate::queues::limits;
use crate::queues::machine::Change;
use crate::queues::receipt::queue_id;
use crate::queues::settings::{About, Start, arn};
use crate::queues::{QueueEntry, QueueKey};
use crate::refusal::Refusal;
use crate::service::{Inner, in_region, key_of_arn, queue_of_arn};
use crate::settings::Mode;
use crate::tags;
use gateway::{Caller, Need, Operation};
use names::{Instant, PartitionId};
use std::sync::Arc;
use wire::{Nothing, Timestamp};

pub(crate) struct CreateQueue;

impl Operation<Inner> for CreateQueue {
    type Input = CreateQueueInput;
    type Output = CreateQueueOutput;
    type Refusal = Refusal;

    /// Who makes a queue reads the stream by it, so it is the stream's owner who allows it. Tags are laid on by an action of their own.
    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let asking = &Asking { service, caller };
        let of_stream = asking.on_key("CreateQueue", &stream_key(caller, only(input)?)?);
        let Some(tags) = input.tags.as_deref() else { return Ok(vec![of_stream]) };
        let any = arn(&caller.region, caller.account, "*");
        Ok(vec![with_tags(of_stream, tags), with_tags(asking.on_queue("TagResource", &any)?, tags)])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<CreateQueueOutput, Refusal> {
        let configuration = only(&input)?;
        let key = stream_key(&caller, configuration)?;
        if key.account != caller.account {
            return Err(Refusal::invalid(format!(
                "{} is of another account: a queue is made by its owner.",
                key.arn()
            )));
        }
        let stream = service.find(&key).await?;
        let view = stream.view();
        if service.throttle.is_on() && view.about.mode == Mode::Provisioned {
            return Err(Refusal::validation("Queues are supported only on data streams in on-demand capacity mode."));
        }
        let position = configuration.starting_position.as_ref();
        let earliest = view.about.created_at.max(caller.now.minus_millis(view.about.retention_millis()));
        let (start, from) = begin(position, earliest, caller.now)?;
        // What the position comes to is not told before it holds.
        let told = position.and_then(|position| position.timestamp);
        let (visibility_secs, receives_max) = attributes(input.queue_attributes.as_ref())?;
        let tags = tags::checked(input.tags.unwrap_or_default())?;
        if tags.len() > TAGS_MAX {
            return Err(Refusal::limit(format!("A resource has {TAGS_MAX} tags at the most.")));
        }
        let about = About {
            key: QueueKey { account: caller.account, region: caller.region.clone(), name: input.queue_name.into() },
            id: queue_id(caller.request_id),
            stream: stream.partition.id(),
            created_at: caller.now,
            start,
            from,
            visibility_secs: visibility_secs.unwrap_or(limits::VISIBILITY_SECS_DEFAULT),
            receives_max: receives_max.unwrap_or(Some(limits::RECEIVES_DEFAULT)),
            tags,
            policy: None,
        };
        let about = service.create_queue(&stream, about).await?;
        Ok(CreateQueueOutput { queue_description: description(&about, &stream, queue_status::CREATING, told) })
    }
}

/// The one stream that a queue is made on.
fn only(input: &CreateQueueInput) -> Result<&QueueStreamConfiguration, Refusal> {
    match input.stream_configuration_list.as_slice() {
        [only] => Ok(only),
        _ => Err(Refusal::validation("StreamConfigurationList must contain exactly one entry.")),
    }
}

fn stream_key(caller: &Caller, configuration: &QueueStreamConfiguration) -> Result<StreamKey, Refusal> {
    let arn = &configuration.stream_arn;
    let key = key_of_arn(arn).ok_or_else(|| Refusal::invalid(format!("{arn} is no ARN of a stream.")))?;
    in_region(caller, key)
}

/// Where a queue begins, and the moment that this comes to.
fn begin(
    position: Option<&QueueStartingPosition>,
    earliest: Instant,
    now: Instant,
) -> Result<(Start, Instant), Refusal> {
    let Some(position) = position else { return Ok((Start::Latest, now)) };
    let start = Start::named(&position.r#type);
    match (start, position.timestamp) {
        (Start::AtTimestamp, Some(given)) => Ok((start, instant(given).max(earliest))),
        (Start::AtTimestamp, None) => {
            Err(Refusal::validation("Timestamp is required when the starting position is AT_TIMESTAMP."))
        }
        (_, Some(_)) => Err(Refusal::validation(format!(
            "Timestamp is of the starting position AT_TIMESTAMP alone, not of {}.",
            start.name()
        ))),
        (Start::Latest, None) => Ok((start, now)),
        (Start::TrimHorizon, None) => Ok((start, earliest)),
    }
}

/// Seconds of visibility, and receives until a record is a dead letter, as far as they are said.
type Attributes = (Option<u32>, Option<Option<u32>>);

fn attributes(given: Option<&QueueAttributes>) -> Result<Attributes, Refusal> {
    let Some(given) = given else { return Ok((None, None)) };
    let secs = given.visibility_timeout_seconds.and_then(|secs| u32::try_from(secs).ok());
    Ok((secs, given.dead_letter_configuration.as_ref().map(receives_max).transpose()?))
}

fn receives_max(given: &DeadLetterConfiguration) -> Result<Option<u32>, Refusal> {
    let is_built_in = given.target_type == target_type::BUILT_IN;
    match given.max_receive_count.and_then(|count| u32::try_from(count).ok()) {
        Some(count) if is_built_in => Ok(Some(count)),
        None if is_built_in => Err(Refusal::validation("MaxReceiveCount is required when TargetType is BUILT_IN.")),
        Some(_) => Err(Refusal::validation("MaxReceiveCount is of the TargetType BUILT_IN alone.")),
        None => Ok(None),
    }
}

pub(crate) struct DeleteQueue;

impl Operation<Inner> for DeleteQueue {
    type Input = DeleteQueueInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Ok(vec![Asking { service, caller }.on_queue("DeleteQueue", &input.queue_arn)?])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let entry = service.queue(&caller, &input.queue_arn).await?;
        service.delete_queue(&entry).await.map(|()| Nothing)
    }
}

pub(crate) struct DescribeQueue;

impl Operation<Inner> for DescribeQueue {
    type Input = DescribeQueueInput;
    type Output = DescribeQueueOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Ok(vec![Asking { service, caller }.on_queue("DescribeQueue", &input.queue_arn)?])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<DescribeQueueOutput, Refusal> {
        let entry = service.queue(&caller, &input.queue_arn).await?;
        let (view, stream) = (entry.view(), entry.stream()?);
        entry.settled().await?;
        Ok(DescribeQueueOutput { queue_description: described(&view.about, &stream, queue_status::ACTIVE) })
    }
}

pub(crate) struct UpdateQueue;

impl Operation<Inner> for UpdateQueue {
    type Input = UpdateQueueInput;
    type Output = UpdateQueueOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Ok(vec![Asking { service, caller }.on_queue("UpdateQueue", &input.queue_arn)?])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<UpdateQueueOutput, Refusal> {
        let (visibility_secs, receives_max) = attributes(Some(&input.queue_attributes))?;
        let entry = service.queue(&caller, &input.queue_arn).await?;
        let stream = entry.stream()?;
        let about = entry.change(Change::Attributes { visibility_secs, receives_max }).await?;
        Ok(UpdateQueueOutput { queue_description: described(&about, &stream, queue_status::UPDATING) })
    }
}

pub(crate) struct ListQueues;

impl Operation<Inner> for ListQueues {
    type Input = ListQueuesInput;
    type Output = ListQueuesOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("ListQueues"))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<ListQueuesOutput, Refusal> {
        let token = input.next_token.as_deref().map(|token| Token::parse(token, caller.now)).transpose()?;
        let streams = input.stream_filter.as_deref().map(|filters| wanted(&service, &caller, filters)).transpose()?;
        let size = size(input.max_results, limits::LISTED_QUEUES);
        let after = token.as_ref().map(|token| &*token.after);
        let is_wanted = |about: &About| streams.as_ref().is_none_or(|streams| streams.contains(&about.stream));
        let mut found = service.catalog.queues.list(caller.account, &caller.region, after, is_wanted, size + 1);
        let more = found.len() > size;
        found.truncate(size);
        // A queue that was found may not be durable yet, and what is told must be.
        service.catalog.settled().await?;
        let last = found.last().filter(|_| more).map(|entry| entry.view().about.key.name.clone());
        Ok(ListQueuesOutput {
            queue_summaries: found.iter().filter_map(|entry| summary(entry)).collect(),
            next_token: last.map(|after| Token { made_at: caller.now, stream: None, after }.show()),
        })
    }
}

/// The streams of filters. One that is not there has no queues.
fn wanted(service: &Inner, caller: &Caller, filters: &[QueueStreamFilter]) -> Result<Vec<PartitionId>, Refusal> {
    let mut streams = Vec::new();
    for filter in filters {
        let key = key_of_arn(&filter.stream_arn)
            .ok_or_else(|| Refusal::invalid(format!("{} is no ARN of a stream.", filter.stream_arn)))?;
        let Some(entry) = service.catalog.find(&in_region(caller, key)?) else { continue };
        let made = entry.view().about.created_at.as_secs();
        if filter.stream_creation_timestamp.is_none_or(|asked| instant(asked).as_secs() == made) {
            streams.push(entry.partition.id());
        }
    }
    Ok(streams)
}

fn summary(entry: &QueueEntry) -> Option<QueueSummary> {
    let (view, stream) = (entry.view(), entry.stream().ok()?);
    let about = &view.about;
    let identifier = QueueStreamIdentifier {
        stream_arn: stream.arn.to_string(),
        stream_creation_timestamp: timestamp(stream.view().about.created_at),
    };
    Some(QueueSummary {
        queue_name: about.key.name.to_string(),
        queue_arn: about.arn(),
        queue_status: queue_status::ACTIVE.to_owned(),
        queue_creation_timestamp: timestamp(about.created_at),
        streams: vec![identifier],
    })
}

/// A queue that exists, with the position that it really began at.
fn described(about: &About, stream: &StreamEntry, status: &str) -> QueueDescription {
    description(about, stream, status, Some(timestamp(about.from)))
}

fn description(about: &About, stream: &StreamEntry, status: &str, from: Option<Timestamp>) -> QueueDescription {
    let target = if about.receives_max.is_some() { target_type::BUILT_IN } else { target_type::NONE };
    QueueDescription {
        queue_name: about.key.name.to_string(),
        queue_arn: about.arn(),
        queue_status: status.to_owned(),
        queue_creation_timestamp: timestamp(about.created_at),
        stream_configuration_list: vec![QueueStreamConfiguration {
            stream_arn: stream.arn.to_string(),
            starting_position: Some(QueueStartingPosition { r#type: about.start.name().to_owned(), timestamp: from }),
        }],
        queue_attributes: Some(QueueAttributes {
            visibility_timeout_seconds: i32::try_from(about.visibility_secs).ok(),
            dead_letter_configuration: Some(DeadLetterConfiguration {
                target_type: target.to_owned(),
                max_receive_count: about.receives_max.and_then(|most| i32::try_from(most).ok()),
            }),
        }),
    }
}

impl Inner {
    /// The queue that a request means.
    pub(crate) async fn queue(&self, caller: &Caller, arn: &str) -> Result<Arc<QueueEntry>, Refusal> {
        let (account, region, id) =
            queue_of_arn(arn).ok_or_else(|| Refusal::invalid(format!("{arn} is no ARN of a queue.")))?;
        if region != caller.region {
            return Err(Refusal::invalid(format!("{arn} is of another region than {}.", caller.region)));
        }
        match self.catalog.queues.find(account, &region, id) {
            Some(entry) => Ok(entry),
            None => {
                self.catalog.settled().await?;
                Err(Refusal::no_queue(arn))
            }
        }
    }

    async fn create_queue(&self, stream: &Arc<StreamEntry>, about: About) -> Result<Arc<About>, Refusal> {
        let made = {
            let _changing = stream.changing();
            match self.catalog.has(stream) {
                true => self.catalog.queues.create(self.catalog.store(), stream, about, self.consumers_max(stream)),
                false => Err(Refusal::no_stream(stream.key.account, &stream.key.name)),
            }
        };
        match made {
            Ok((entry, pending)) => entry.described(pending).await,
            Err(refusal) => {
                // What it is refused for has to be durable.
                self.catalog.settled().await?;
                Err(refusal)
            }
        }
    }

    /// Deletes a queue. Its name is free as soon as that is decided.
    pub(crate) async fn delete_queue(&self, entry: &Arc<QueueEntry>) -> Result<(), Refusal> {
        let stream = entry.stream()?;
        let pending = {
            let _changing = stream.changing();
            self.catalog.queues.delete(&stream, entry)?
        };
        entry.done(pending).await
    }
}
