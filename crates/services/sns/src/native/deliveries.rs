//! What waits to be delivered and what became of what was: DescribeDeliveries, ListDeliveries, ListAttempts.
//!
//! What waits is read out of the subscription's own queue and costs no attempt; that a message was tried, and when it is tried next, is
//! the queue's own knowledge and outlives a crash. What receivers said is the server's memory of its latest attempts, with bounds.

use super::shapes::{
    Attempt, DescribeDeliveriesInput, DescribeDeliveriesOutput, ListAttemptsInput, ListAttemptsOutput,
    ListDeliveriesInput, ListDeliveriesOutput, SubscriptionDeliveries, WaitingDelivery,
};
use super::table::ACTIONS;
use crate::catalog::{Receiver, TopicEntry};
use crate::limits;
use crate::needs::Asking;
use crate::outbox::{Letters, Standing};
use crate::page::Token;
use crate::receivers;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::status::{Fate, Report};
use crate::topic_key::{SubscriptionId, TopicKey};
use gateway::{Caller, Need, Operation};
use names::Instant;
use std::ops::Bound;
use std::sync::Arc;
use wire::Timestamp;

fn timestamp(at: Instant) -> Timestamp {
    Timestamp::from_millis(at.as_millis().cast_signed())
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn size(asked: Option<i32>) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).map_or(limits::LISTED, |asked| asked.min(limits::LISTED))
}

fn attempt(report: &Report) -> Attempt {
    Attempt {
        message_id: report.message_id.clone(),
        published_timestamp: timestamp(report.published_at),
        timestamp: timestamp(report.at),
        number: i32::try_from(report.attempt).unwrap_or(i32::MAX),
        outcome: report.fate.name().to_owned(),
        duration_millis: report.dwell_millis.cast_signed(),
        status_code: report.status.map(i32::from),
        response: (!report.said.is_empty()).then(|| report.said.clone()),
    }
}

pub(crate) struct DescribeDeliveries;

impl Operation<Inner> for DescribeDeliveries {
    type Input = DescribeDeliveriesInput;
    type Output = DescribeDeliveriesOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        let key = TopicKey::parse("TopicArn", &input.topic_arn)?;
        Ok(vec![Asking { service, caller }.on_topic(ACTIONS.get("DescribeDeliveries"), &key)])
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
        let entry = service.topic(&caller, "TopicArn", &input.topic_arn).await?;
        let after = Token::parse(input.next_token.as_deref())?.map(|token| token.number);
        let room = size(input.max_results);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found: Vec<(u64, Arc<Receiver>)> = entry.look(|view| {
            let behind = view.receivers.range((from, Bound::Unbounded)).take(room + 1);
            behind.map(|(number, receiver)| (*number, Arc::clone(receiver))).collect()
        });
        let more = found.len() > room;
        found.truncate(room);
        let token = |(number, _): &(u64, _)| Token { topic: entry.key.name.clone(), number: *number }.show();
        let next_token = found.last().filter(|_| more).map(token);
        let subscriptions = found.iter().map(|(_, receiver)| service.described(&entry, receiver)).collect();
        service.catalog.settled().await?;
        Ok(DescribeDeliveriesOutput { subscriptions, next_token })
    }
}

impl Inner {
    fn described(&self, entry: &TopicEntry, receiver: &Receiver) -> SubscriptionDeliveries {
        let subscription = &receiver.subscription;
        let Standing { waiting, set_aside, oldest, next } = self.outboxes.standing(subscription.id);
        let history = self.status.history(subscription.id);
        SubscriptionDeliveries {
            // Whoever knows it may end the subscription, so it is told when it is told to the receiver.
            subscription_arn: (!receiver.is_pending).then(|| subscription.id.arn(&entry.arn)),
            protocol: subscription.protocol.name().to_owned(),
            endpoint: receivers::shown(subscription),
            waiting: number(waiting),
            set_aside: number(set_aside),
            oldest_published_timestamp: oldest.map(timestamp),
            next_attempt_timestamp: next.map(timestamp),
            last_attempt: history.first().map(attempt),
            last_failure: history.iter().find(|report| report.fate != Fate::Delivered).map(attempt),
        }
    }

    /// The subscription of an ARN, in the region that the request is signed for.
    async fn subscription_of(&self, caller: &Caller, arn: &str) -> Result<SubscriptionId, Refusal> {
        let (key, id) = SubscriptionId::parse("SubscriptionArn", arn)?;
        let entry = self.catalog.find(&key).filter(|_| key.region == caller.region);
        let is_there = entry.is_some_and(|entry| entry.look(|view| view.subscription(id).is_some()));
        self.catalog.settled().await?;
        if is_there { Ok(id) } else { Err(Refusal::no_subscription()) }
    }
}

fn needs(service: &Inner, caller: &Caller, action: &str, arn: &str) -> Result<Vec<Need>, Refusal> {
    let (key, _) = SubscriptionId::parse("SubscriptionArn", arn)?;
    Ok(vec![Asking { service, caller }.on_topic(ACTIONS.get(action), &key)])
}

pub(crate) struct ListDeliveries;

impl Operation<Inner> for ListDeliveries {
    type Input = ListDeliveriesInput;
    type Output = ListDeliveriesOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(service, caller, "ListDeliveries", &input.subscription_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
        let id = service.subscription_of(&caller, &input.subscription_arn).await?;
        let from = Token::parse(input.next_token.as_deref())?.map_or(0, |token| token.number);
        let history = service.status.history(id);
        let last_of = |message: &str| history.iter().find(|report| report.message_id == message).map(attempt);
        let Letters { letters, next } = service.outboxes.letters(id, from, size(input.max_results)).await?;
        let shown = letters.into_iter().map(|letter| {
            let message_id = SubscriptionId(letter.id).show();
            WaitingDelivery {
                last_attempt: last_of(&message_id),
                message_id,
                r#type: letter.kind.name().to_owned(),
                published_timestamp: timestamp(letter.published_at),
                attempts: i32::try_from(letter.attempts).unwrap_or(i32::MAX),
                next_attempt_timestamp: letter.hidden_until.map(timestamp),
            }
        });
        let next_token = next.map(|number| Token { topic: id.show().into(), number }.show());
        Ok(ListDeliveriesOutput { deliveries: shown.collect(), next_token })
    }
}

pub(crate) struct ListAttempts;

impl Operation<Inner> for ListAttempts {
    type Input = ListAttemptsInput;
    type Output = ListAttemptsOutput;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &Self::Input) -> Result<Vec<Need>, Refusal> {
        needs(service, caller, "ListAttempts", &input.subscription_arn)
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: Self::Input) -> Result<Self::Output, Refusal> {
        let id = service.subscription_of(&caller, &input.subscription_arn).await?;
        let is_wanted = |report: &&Report| input.ended_only != Some(true) || report.fate != Fate::Retried;
        let attempts = service.status.history(id).iter().filter(is_wanted).map(attempt).collect();
        Ok(ListAttemptsOutput { attempts })
    }
}
