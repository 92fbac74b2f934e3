//! RegisterStreamConsumer, DeregisterStreamConsumer, DescribeStreamConsumer, ListStreamConsumers: who reads a stream with throughput of
//! their own.

use crate::api::{
    ConsumerDescription, DeregisterStreamConsumerInput, DescribeStreamConsumerInput, DescribeStreamConsumerOutput,
    ListStreamConsumersInput, ListStreamConsumersOutput, RegisterStreamConsumerInput, RegisterStreamConsumerOutput,
};
use crate::catalog::StreamEntry;
use crate::describe::{self, instant};
use crate::limits;
use crate::machine::Command;
use crate::needs::Asking;
use crate::needs::with_tags;
use crate::page::{Token, cut, size};
use crate::refusal::Refusal;
use crate::service::{Inner, Target};
use crate::service::{consumer_of_arn, in_region, key_of_arn};
use crate::settings::Consumer;
use crate::{catalog::StreamKey, tags};
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct RegisterStreamConsumer;

impl Operation<Inner> for RegisterStreamConsumer {
    type Input = RegisterStreamConsumerInput;
    type Output = RegisterStreamConsumerOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let asking = &Asking { service, caller };
        let target = Target::of(None, Some(&input.stream_arn), input.stream_id.as_deref());
        let mut needs = asking.on("RegisterStreamConsumer", &target)?;
        let tags = input.tags.as_deref().unwrap_or_default();
        if tags.is_empty() {
            return Ok(needs);
        }
        // Tags that a consumer is registered with are laid on by an action of their own, on the consumer (model, Tags).
        needs.push(asking.on_consumer("TagResource", &service.key(caller, &target)?, &input.consumer_name));
        Ok(needs.into_iter().map(|need| with_tags(need, tags)).collect())
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: Self::Input,
    ) -> Result<RegisterStreamConsumerOutput, Refusal> {
        let target = Target::of(None, Some(&input.stream_arn), input.stream_id.as_deref());
        let entry = service.stream(&caller, &target).await?;
        let tags = tags::checked(input.tags.unwrap_or_default())?;
        if tags.len() > limits::TAGS_MAX {
            return Err(Refusal::limit(format!("A resource has {} tags at the most.", limits::TAGS_MAX)));
        }
        let consumer = Consumer { name: input.consumer_name.into(), created_at: caller.now, tags, policy: None };
        let (asked, most) = (consumer.clone(), service.consumers_max(&entry));
        let command =
            |entry: &StreamEntry| Ok(Command::RegisterConsumer { consumer: asked, queues: entry.queues.count(), most });
        entry.ask_by(command).await?;
        Ok(RegisterStreamConsumerOutput { consumer: describe::consumer(&entry.arn, &consumer) })
    }
}

/// The stream and the name of a consumer that a request names, by its ARN or by the stream's and its name.
pub(crate) fn named(
    caller: &Caller,
    stream_arn: Option<&str>,
    name: Option<&str>,
    consumer_arn: Option<&str>,
) -> Result<(StreamKey, String, Option<u64>), Refusal> {
    let of_consumer = consumer_arn
        .map(|arn| consumer_of_arn(arn).ok_or_else(|| Refusal::invalid(format!("{arn} is no ARN of a consumer."))));
    let of_stream =
        stream_arn.map(|arn| key_of_arn(arn).ok_or_else(|| Refusal::invalid(format!("{arn} is no ARN of a stream."))));
    match (of_consumer.transpose()?, of_stream.transpose()?, name) {
        (Some((key, _, _)), Some(stream), _) if key != stream => {
            Err(Refusal::invalid("ConsumerARN and StreamARN are of different streams."))
        }
        (Some((_, known, _)), _, Some(name)) if known != name => {
            Err(Refusal::invalid("ConsumerARN and ConsumerName name different consumers."))
        }
        (Some((key, name, created)), _, _) => Ok((in_region(caller, key)?, name, Some(created))),
        (None, Some(stream), Some(name)) => Ok((in_region(caller, stream)?, name.to_owned(), None)),
        _ => Err(Refusal::invalid("Either ConsumerARN, or both StreamARN and ConsumerName must be given.")),
    }
}

/// A consumer that is there; one that was registered anew under its name is another.
pub(crate) fn find(entry: &StreamEntry, name: &str, created: Option<u64>) -> Result<Consumer, Refusal> {
    let shown = || created.map_or_else(|| name.to_owned(), |made| format!("{}/consumer/{name}:{made}", entry.arn));
    let view = entry.view();
    let consumer = view.consumers.get(name);
    let consumer = consumer.filter(|consumer| created.is_none_or(|created| consumer.created_at.as_secs() == created));
    consumer.cloned().ok_or_else(|| Refusal::no_consumer(entry.key.account, &shown()))
}

pub(crate) struct DeregisterStreamConsumer;

impl Operation<Inner> for DeregisterStreamConsumer {
    type Input = DeregisterStreamConsumerInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let (key, name, _) = of_deregistering(caller, input)?;
        Ok(vec![Asking { service, caller }.on_consumer("DeregisterStreamConsumer", &key, &name)])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let (key, name, created) = of_deregistering(&caller, &input)?;
        let entry = service.find(&key).await?;
        let registered_at = find(&entry, &name, created)?.created_at;
        entry.ask(Command::DeregisterConsumer { name: name.into(), registered_at }).await.map(|_| Nothing)
    }
}

fn of_deregistering(
    caller: &Caller,
    input: &DeregisterStreamConsumerInput,
) -> Result<(StreamKey, String, Option<u64>), Refusal> {
    named(caller, input.stream_arn.as_deref(), input.consumer_name.as_deref(), input.consumer_arn.as_deref())
}

pub(crate) struct DescribeStreamConsumer;

impl Operation<Inner> for DescribeStreamConsumer {
    type Input = DescribeStreamConsumerInput;
    type Output = DescribeStreamConsumerOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let (key, name, _) = of_describing(caller, input)?;
        Ok(vec![Asking { service, caller }.on_consumer("DescribeStreamConsumer", &key, &name)])
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: Self::Input,
    ) -> Result<DescribeStreamConsumerOutput, Refusal> {
        let (key, name, created) = of_describing(&caller, &input)?;
        let entry = service.find(&key).await?;
        let found = find(&entry, &name, created)?;
        entry.settled().await?;
        let consumer = describe::consumer(&entry.arn, &found);
        Ok(DescribeStreamConsumerOutput {
            consumer_description: ConsumerDescription {
                consumer_name: consumer.consumer_name,
                consumer_arn: consumer.consumer_arn,
                consumer_status: consumer.consumer_status,
                consumer_creation_timestamp: consumer.consumer_creation_timestamp,
                stream_arn: entry.arn.to_string(),
            },
        })
    }
}

fn of_describing(
    caller: &Caller,
    input: &DescribeStreamConsumerInput,
) -> Result<(StreamKey, String, Option<u64>), Refusal> {
    named(caller, input.stream_arn.as_deref(), input.consumer_name.as_deref(), input.consumer_arn.as_deref())
}

pub(crate) struct ListStreamConsumers;

impl Operation<Inner> for ListStreamConsumers {
    type Input = ListStreamConsumersInput;
    type Output = ListStreamConsumersOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }
            .on("ListStreamConsumers", &Target::of(None, Some(&input.stream_arn), input.stream_id.as_deref()))
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: Self::Input,
    ) -> Result<ListStreamConsumersOutput, Refusal> {
        let target = Target::of(None, Some(&input.stream_arn), input.stream_id.as_deref());
        let entry = service.stream(&caller, &target).await?;
        let view = entry.view();
        entry.settled().await?;
        let made = input.stream_creation_timestamp.map(instant);
        if made.is_some_and(|made| made.as_secs() != view.about.created_at.as_secs()) {
            return Err(Refusal::no_stream(entry.key.account, &entry.key.name));
        }
        let token = input.next_token.as_deref().map(|token| Token::parse(token, caller.now)).transpose()?;
        let behind =
            view.consumers.values().filter(|consumer| token.as_ref().is_none_or(|token| consumer.name > token.after));
        let (consumers, more) = cut(behind, size(input.max_results, limits::LISTED_CONSUMERS));
        let last = consumers.last().filter(|_| more).map(|last| last.name.clone());
        let stream = Some(entry.partition.id());
        Ok(ListStreamConsumersOutput {
            next_token: last.map(|after| Token { made_at: caller.now, stream, after }.show()),
            consumers: Some(consumers.into_iter().map(|consumer| describe::consumer(&entry.arn, consumer)).collect()),
        })
    }
}
