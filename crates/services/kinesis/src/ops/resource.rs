//! Tags and policies of streams, consumers and queues by their ARNs: TagResource, UntagResource, ListTagsForResource, PutResourcePolicy,
//! GetResourcePolicy, DeleteResourcePolicy.

use super::consumers::find;
use super::stream_tags::shown;
use crate::api::{
    DeleteResourcePolicyInput, GetResourcePolicyInput, GetResourcePolicyOutput, ListTagsForResourceInput,
    ListTagsForResourceOutput, PutResourcePolicyInput, TagResourceInput, UntagResourceInput,
};
use crate::catalog::{StreamKey, compile};
use crate::limits;
use crate::machine::{Change, Command, OfResource};
use crate::needs::{Asking, with_tag_keys, with_tags};
use crate::queues;
use crate::refusal::Refusal;
use crate::service::{Inner, consumer_of_arn, in_region, key_of_arn, queue_of_arn};
use crate::settings::{Tags, pairs};
use crate::tags;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

/// What an ARN names.
enum Resource {
    Stream(StreamKey),
    Consumer(StreamKey, String, u64),
    /// By its ARN.
    Queue(String),
}

impl Resource {
    fn parse(caller: &Caller, arn: &str, stream_id: Option<&str>) -> Result<Self, Refusal> {
        if let Some(id) = stream_id {
            return Err(Refusal::invalid(format!("StreamId {id} names no stream: it is reserved.")));
        }
        if queue_of_arn(arn).is_some() {
            return Ok(Self::Queue(arn.to_owned()));
        }
        match (consumer_of_arn(arn), key_of_arn(arn)) {
            (Some((key, name, created)), _) => Ok(Self::Consumer(in_region(caller, key)?, name, created)),
            (None, Some(key)) => in_region(caller, key).map(Self::Stream),
            (None, None) => Err(Refusal::not_found(format!("{arn} names no stream, no consumer and no queue."))),
        }
    }

    fn need(&self, asking: &Asking<'_>, action: &str) -> Result<Need, Refusal> {
        match self {
            Self::Stream(key) => Ok(asking.on_key(action, key)),
            Self::Consumer(key, name, _) => Ok(asking.on_consumer(action, key, name)),
            Self::Queue(arn) => asking.on_queue(action, arn),
        }
    }

    async fn change(self, service: &Inner, caller: &Caller, change: OfResource) -> Result<(), Refusal> {
        match self {
            Self::Stream(key) => {
                let entry = service.find(&key).await?;
                entry.ask(Command::Change(Change::Resource(change))).await.map(drop)
            }
            Self::Consumer(key, name, created) => {
                let entry = service.find(&key).await?;
                find(&entry, &name, Some(created))?;
                entry.ask(Command::ChangeConsumer { name: name.into(), change }).await.map(drop)
            }
            Self::Queue(arn) => {
                let entry = service.queue(caller, &arn).await?;
                entry.change(queues::machine::Change::Resource(change)).await.map(drop)
            }
        }
    }

    /// Tags and policy, as they are durable.
    async fn look(self, service: &Inner, caller: &Caller) -> Result<(Tags, Option<Box<str>>), Refusal> {
        match self {
            Self::Stream(key) => {
                let entry = service.find(&key).await?;
                let about = Arc::clone(&entry.view().about);
                entry.settled().await?;
                Ok((about.tags.clone(), about.policy.clone()))
            }
            Self::Consumer(key, name, created) => {
                let entry = service.find(&key).await?;
                let consumer = find(&entry, &name, Some(created))?;
                entry.settled().await?;
                Ok((consumer.tags, consumer.policy))
            }
            Self::Queue(arn) => {
                let entry = service.queue(caller, &arn).await?;
                let view = entry.view();
                entry.settled().await?;
                Ok((view.about.tags.clone(), view.about.policy.clone()))
            }
        }
    }
}

pub(crate) struct TagResource;

impl Operation<Inner> for TagResource {
    type Input = TagResourceInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let resource = Resource::parse(caller, &input.resource_arn, input.stream_id.as_deref())?;
        Ok(vec![with_tags(resource.need(&Asking { service, caller }, "TagResource")?, &input.tags)])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let resource = Resource::parse(&caller, &input.resource_arn, input.stream_id.as_deref())?;
        resource.change(&service, &caller, OfResource::Tag(tags::checked(input.tags)?)).await.map(|()| Nothing)
    }
}

pub(crate) struct UntagResource;

impl Operation<Inner> for UntagResource {
    type Input = UntagResourceInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let resource = Resource::parse(caller, &input.resource_arn, input.stream_id.as_deref())?;
        Ok(vec![with_tag_keys(resource.need(&Asking { service, caller }, "UntagResource")?, input.tag_keys.iter())])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let resource = Resource::parse(&caller, &input.resource_arn, input.stream_id.as_deref())?;
        let keys = input.tag_keys.into_iter().map(String::into_boxed_str).collect();
        resource.change(&service, &caller, OfResource::Untag(keys)).await.map(|()| Nothing)
    }
}

pub(crate) struct ListTagsForResource;

impl Operation<Inner> for ListTagsForResource {
    type Input = ListTagsForResourceInput;
    type Output = ListTagsForResourceOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let resource = Resource::parse(caller, &input.resource_arn, input.stream_id.as_deref())?;
        Ok(vec![resource.need(&Asking { service, caller }, "ListTagsForResource")?])
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: Self::Input,
    ) -> Result<ListTagsForResourceOutput, Refusal> {
        let resource = Resource::parse(&caller, &input.resource_arn, input.stream_id.as_deref())?;
        let (tags, _) = resource.look(&service, &caller).await?;
        Ok(ListTagsForResourceOutput { tags: Some(pairs(&tags).map(shown).collect()) })
    }
}

pub(crate) struct PutResourcePolicy;

impl Operation<Inner> for PutResourcePolicy {
    type Input = PutResourcePolicyInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let resource = Resource::parse(caller, &input.resource_arn, input.stream_id.as_deref())?;
        Ok(vec![resource.need(&Asking { service, caller }, "PutResourcePolicy")?])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let resource = Resource::parse(&caller, &input.resource_arn, input.stream_id.as_deref())?;
        if input.policy.len() > limits::POLICY_BYTES_MAX || compile(&input.policy).is_none() {
            return Err(Refusal::invalid(
                "The resource policy is no policy document that can be read, or is too long.",
            ));
        }
        resource.change(&service, &caller, OfResource::Policy(Some(input.policy.into()))).await.map(|()| Nothing)
    }
}

pub(crate) struct GetResourcePolicy;

impl Operation<Inner> for GetResourcePolicy {
    type Input = GetResourcePolicyInput;
    type Output = GetResourcePolicyOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let resource = Resource::parse(caller, &input.resource_arn, input.stream_id.as_deref())?;
        Ok(vec![resource.need(&Asking { service, caller }, "GetResourcePolicy")?])
    }

    /// A resource without a policy answers an empty object, as AWS does.
    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<GetResourcePolicyOutput, Refusal> {
        let resource = Resource::parse(&caller, &input.resource_arn, input.stream_id.as_deref())?;
        let (_, policy) = resource.look(&service, &caller).await?;
        Ok(GetResourcePolicyOutput { policy: policy.map_or_else(|| "{}".to_owned(), String::from) })
    }
}

pub(crate) struct DeleteResourcePolicy;

impl Operation<Inner> for DeleteResourcePolicy {
    type Input = DeleteResourcePolicyInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let resource = Resource::parse(caller, &input.resource_arn, input.stream_id.as_deref())?;
        Ok(vec![resource.need(&Asking { service, caller }, "DeleteResourcePolicy")?])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Nothing, Refusal> {
        let parse = || Resource::parse(&caller, &input.resource_arn, input.stream_id.as_deref());
        if parse()?.look(&service, &caller).await?.1.is_none() {
            return Err(Refusal::not_found(format!(
                "No resource policy found for resource ARN {}.",
                input.resource_arn
            )));
        }
        parse()?.change(&service, &caller, OfResource::Policy(None)).await.map(|()| Nothing)
    }
}
