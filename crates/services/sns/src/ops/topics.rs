//! Topics: CreateTopic, DeleteTopic, ListTopics, GetTopicAttributes, SetTopicAttributes.

use crate::api::{
    CreateTopicInput, CreateTopicResponse, DeleteTopicInput, GetTopicAttributesInput, GetTopicAttributesResponse,
    ListTopicsInput, ListTopicsResponse, SetTopicAttributesInput, Topic,
};
use crate::archive::{self, ARCHIVE_POLICY, BEGINNING_ARCHIVE_TIME, Opened, Place};
use crate::attributes;
use crate::catalog::{self, TopicEntry};
use crate::fifo;
use crate::limits;
use crate::message::show_time;
use crate::needs::{Asking, with_tags};
use crate::ops::data_protection;
use crate::ops::tags::pairs_of;
use crate::page::Token;
use crate::protection;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::topic::{About, Command, Pairs, Reply};
use crate::topic_key::TopicKey;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct CreateTopic;

impl Operation<Inner> for CreateTopic {
    type Input = CreateTopicInput;
    type Output = CreateTopicResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &CreateTopicInput) -> Result<Vec<Need>, Refusal> {
        let key = key_of_new(caller, input)?;
        let need = Asking { service, caller }.on_key("CreateTopic", &key);
        Ok(vec![with_tags(need, input.tags.as_deref().unwrap_or_default())])
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: CreateTopicInput,
    ) -> Result<CreateTopicResponse, Refusal> {
        let key = key_of_new(&caller, &input)?;
        let mut attributes = checked(input.attributes.unwrap_or_default())?;
        if let Some(policy) = input.data_protection_policy.filter(|policy| !policy.is_empty()) {
            data_protection::check(&service, &key, &policy)?;
            attributes.insert(protection::ATTRIBUTE.into(), policy.into());
        }
        fifo::settle(&key, &mut attributes)?;
        let tags = pairs_of(input.tags.unwrap_or_default())?;
        let _opened = open_archive(&service, &caller, &key, &mut attributes)?;
        let about = About { key, created_at: caller.now, attributes, tags };
        let entry = service.catalog.create(about).await?;
        Ok(CreateTopicResponse { topic_arn: Some(entry.arn.to_string()) })
    }
}

/// An archive for a topic that shall have one, noted among its attributes.
fn open_archive<'a>(
    service: &'a Inner,
    caller: &Caller,
    key: &TopicKey,
    attributes: &mut Pairs,
) -> Result<Option<Opened<'a>>, Refusal> {
    let policy = attributes.get(ARCHIVE_POLICY).map_or("", |policy| policy);
    let Some(retention_millis) = archive::retention_millis(policy)? else {
        attributes.remove(ARCHIVE_POLICY);
        return Ok(None);
    };
    check_archived(service, key)?;
    let opened = archive::open(service, key, caller.now, retention_millis)?;
    opened.place.keep(attributes);
    Ok(Some(opened))
}

/// AWS archives FIFO topics alone, as whoever wants its limits wants it here.
fn check_archived(service: &Inner, key: &TopicKey) -> Result<(), Refusal> {
    match service.holds_awss_limits && !fifo::is_fifo(&key.name) {
        true => Err(Refusal::invalid("AttributeName")),
        false => Ok(()),
    }
}

/// Gives a topic an archive, or another policy for it, or takes it away with all that it keeps.
async fn set_archive(service: &Inner, caller: &Caller, entry: &TopicEntry, policy: &str) -> Result<(), Refusal> {
    check_archived(service, &entry.key)?;
    let retention_millis = archive::retention_millis(policy)?;
    // Nobody else changes it meanwhile.
    let _turn = entry.turn.lock().await;
    let known = entry.look(|view| Place::of(&view.about.attributes));
    let (command, _opened) = match (known, retention_millis) {
        (_, None) => (Command::SetArchive(None), None),
        (Some(place), Some(_)) => (Command::SetArchive(Some((place, policy.into()))), None),
        (None, Some(retention_millis)) => {
            let opened = archive::open(service, &entry.key, caller.now, retention_millis)?;
            (Command::SetArchive(Some((opened.place, policy.into()))), Some(opened))
        }
    };
    let replaying = entry.replaying();
    let pending = entry.change(command)?;
    // Those that are over by this count no more after their next step; others only look.
    replaying.iter().for_each(|subscription| service.replays.wake(subscription.id));
    // At once: whoever asked may go away before it is durable.
    if pending.is(|reply| matches!(reply, Reply::About(_))) {
        match (known, retention_millis) {
            (Some(place), Some(millis)) => service.archives.set_retention(place.partition, millis),
            (Some(place), None) => service.archives.delete(place.partition),
            (None, _) => {}
        }
    }
    catalog::answer(pending).await.map(drop)
}

fn key_of_new(caller: &Caller, input: &CreateTopicInput) -> Result<TopicKey, Refusal> {
    let made = TopicKey::new(caller.account, &caller.region, &input.name);
    fifo::key_of_new(made, input.attributes.as_deref())
}

/// What CreateTopic was given. An empty value stands for what holds without one.
fn checked(given: Vec<(String, String)>) -> Result<Pairs, Refusal> {
    let mut attributes = Pairs::new();
    for (name, value) in given {
        attributes::check_of_topic(&name, &value)?;
        attributes.insert(name.into(), value.into());
    }
    Ok(attributes)
}

pub(crate) struct DeleteTopic;

impl Operation<Inner> for DeleteTopic {
    type Input = DeleteTopicInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &DeleteTopicInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("DeleteTopic", "TopicArn", &input.topic_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: DeleteTopicInput) -> Result<Nothing, Refusal> {
        // Of a topic that is gone it is no error ("This action is idempotent").
        match service.topic(&caller, "TopicArn", &input.topic_arn).await {
            Ok(entry) => match service.delete(&entry, false).await {
                Err(refusal) if refusal != Refusal::no_topic() => Err(refusal),
                _ => Ok(Nothing),
            },
            Err(refusal) if refusal == Refusal::no_topic() => Ok(Nothing),
            Err(refusal) => Err(refusal),
        }
    }
}

pub(crate) struct ListTopics;

impl Operation<Inner> for ListTopics {
    type Input = ListTopicsInput;
    type Output = ListTopicsResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, _input: &ListTopicsInput) -> Result<Vec<Need>, Refusal> {
        Ok(Asking { service, caller }.anything("ListTopics"))
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: ListTopicsInput) -> Result<ListTopicsResponse, Refusal> {
        let after = Token::parse(input.next_token.as_deref())?.map(|token| token.topic);
        let mut found = service.catalog.list(caller.account, &caller.region, after.as_deref(), limits::LISTED + 1);
        let more = found.len() > limits::LISTED;
        found.truncate(limits::LISTED);
        // A topic that was found may not be durable yet, and what is told must be.
        service.catalog.settled().await?;
        let last = found.last().filter(|_| more);
        let next_token = last.map(|entry| Token { topic: entry.key.name.clone(), number: 0 }.show());
        let topics = found.iter().map(|entry| Topic { topic_arn: Some(entry.arn.to_string()) }).collect();
        Ok(ListTopicsResponse { topics: Some(topics), next_token })
    }
}

pub(crate) struct GetTopicAttributes;

impl Operation<Inner> for GetTopicAttributes {
    type Input = GetTopicAttributesInput;
    type Output = GetTopicAttributesResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &GetTopicAttributesInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("GetTopicAttributes", "TopicArn", &input.topic_arn)
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: GetTopicAttributesInput,
    ) -> Result<GetTopicAttributesResponse, Refusal> {
        let entry = service.topic(&caller, "TopicArn", &input.topic_arn).await?;
        let (mut attributes, archive) =
            entry.look(|view| (attributes::of_topic(&entry, view), Place::of(&view.about.attributes)));
        let beginning = archive.map(|place| show_time(service.archives.beginning(place)));
        attributes.extend(beginning.map(|at| (BEGINNING_ARCHIVE_TIME.to_owned(), at)));
        service.catalog.settled().await?;
        Ok(GetTopicAttributesResponse { attributes: Some(attributes) })
    }
}

pub(crate) struct SetTopicAttributes;

impl Operation<Inner> for SetTopicAttributes {
    type Input = SetTopicAttributesInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &SetTopicAttributesInput) -> Result<Vec<Need>, Refusal> {
        Asking { service, caller }.on("SetTopicAttributes", "TopicArn", &input.topic_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: SetTopicAttributesInput) -> Result<Nothing, Refusal> {
        let entry = service.topic(&caller, "TopicArn", &input.topic_arn).await?;
        let value = input.attribute_value.unwrap_or_default();
        attributes::check_of_topic(&input.attribute_name, &value)?;
        if input.attribute_name == ARCHIVE_POLICY {
            return set_archive(&service, &caller, &entry, &value).await.map(|()| Nothing);
        }
        entry.ask(Command::SetAttribute(input.attribute_name.into(), value.into())).await.map(|_| Nothing)
    }
}
