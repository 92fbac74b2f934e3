//! ConfirmSubscription: the receiver of a subscription says that it wants it, with the token that only it was told.
//!
//! The link in a confirmation is this operation as a GET that nobody signed, so that whoever can read can confirm.

use crate::api::{ConfirmSubscriptionInput, ConfirmSubscriptionResponse};
use crate::catalog::{self, TopicEntry};
use crate::confirming::{Confirmation, State, read_token};
use crate::needs::Asking;
use crate::ops::subscriptions::promised;
use crate::refusal::Refusal;
use crate::replays::REPLAY_POLICY;
use crate::service::Inner;
use crate::topic::{Command, Reply, Subscription, Topic};
use crate::topic_key::{SubscriptionId, TopicKey};
use access::Kind;
use engine::Pending;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;

pub(crate) struct ConfirmSubscription;

impl Operation<Inner> for ConfirmSubscription {
    type Input = ConfirmSubscriptionInput;
    type Output = ConfirmSubscriptionResponse;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &ConfirmSubscriptionInput) -> Result<Vec<Need>, Refusal> {
        match is_signed(caller) {
            true => Asking { service, caller }.on("ConfirmSubscription", "TopicArn", &input.topic_arn),
            // The token is what it takes, unless it is to take a signature from then on.
            false if guards(input) => {
                Ok(Asking { service, caller }.on("ConfirmSubscription", "TopicArn", &input.topic_arn)?)
            }
            false => TopicKey::parse("TopicArn", &input.topic_arn).map(|_| Vec::new()),
        }
    }

    async fn call(
        service: Arc<Inner>,
        caller: Caller,
        input: ConfirmSubscriptionInput,
    ) -> Result<ConfirmSubscriptionResponse, Refusal> {
        // A link names its region by the ARN alone, and who follows it signs for none.
        let key = TopicKey::parse("TopicArn", &input.topic_arn)?;
        if is_signed(&caller) && key.region != caller.region {
            return Err(Refusal::invalid("TopicArn"));
        }
        let entry = service.catalog.get(&key).await?;
        let (id, secret) = read_token(&input.token).ok_or_else(|| Refusal::invalid("Token"))?;
        let state = match (guards(&input), is_signed(&caller)) {
            (true, _) => State::Guarded,
            (false, true) => State::Authenticated,
            (false, false) => State::Confirmed,
        };
        if let Some(pending) = restore(&service, &caller, &entry, (id, secret), state)? {
            return arn_of(&entry, &catalog::answer(pending).await?);
        }
        let pending = {
            // Nobody publishes to a FIFO topic meanwhile.
            let _turn = entry.turn.lock().await;
            let live = service.live_from_now(&entry);
            entry.change(Command::Confirm(id, secret.into(), state, live))?
        };
        // At once: whoever asked may go away before it is durable.
        if pending.is(|reply| matches!(reply, Reply::Subscribed(..))) {
            service.replays.wake(id);
        }
        arn_of(&entry, &catalog::answer(pending).await?)
    }
}

fn arn_of(entry: &TopicEntry, reply: &Reply) -> Result<ConfirmSubscriptionResponse, Refusal> {
    match reply {
        Reply::Subscribed(_, subscription) => {
            Ok(ConfirmSubscriptionResponse { subscription_arn: Some(subscription.id.arn(&entry.arn)) })
        }
        _ => Err(Refusal::no_topic()),
    }
}

/// Restores the subscription that was ended, if the token is one of a last letter; nothing if it is not. It has another ARN than before:
/// "the action creates a new subscription". What it was replaying is over.
fn restore(
    service: &Inner,
    caller: &Caller,
    entry: &TopicEntry,
    (heir, secret): (SubscriptionId, &str),
    state: State,
) -> Result<Option<Pending<Topic>>, Refusal> {
    let _held = service.outboxes.hold_endings();
    let is_of_topic = service.outboxes.topic_of(heir).is_some_and(|topic| topic == entry.key);
    let Some(ended) = service.outboxes.ended(heir).filter(|_| is_of_topic) else { return Ok(None) };
    let confirmation = Confirmation::of(&ended.attributes);
    let confirmation = confirmation.filter(|known| known.is(secret) && !known.is_stale(caller.now));
    let mut asked = Subscription { id: heir, ..Subscription::clone(&ended) };
    confirmation.ok_or_else(|| Refusal::invalid("Token"))?.confirmed(state).keep(&mut asked.attributes);
    asked.attributes.remove(REPLAY_POLICY);
    let _promised = match entry.has_receiver(asked.protocol, &asked.endpoint) {
        true => None,
        false => promised(service, entry, asked.owner, (None, &asked.attributes))?,
    };
    let pending = entry.change(Command::Restore(asked.into()))?;
    if pending.is(|reply| matches!(reply, Reply::Subscribed(_, subscription) if subscription.id == heir)) {
        service.outboxes.restored(heir);
    }
    Ok(Some(pending))
}

fn guards(input: &ConfirmSubscriptionInput) -> bool {
    input.authenticate_on_unsubscribe.as_deref().is_some_and(|said| said.eq_ignore_ascii_case("true"))
}

/// Whether somebody known asks. Where nothing is verified, a key is enough to be known.
pub(super) fn is_signed(caller: &Caller) -> bool {
    caller.access_key.is_some() && caller.identity.caller.kind() != Kind::Anonymous
}
