//! Unsubscribe: a subscription ends, by whoever signs for it or by the link that its receiver has.
//!
//! Who follows the link may not have meant it: the receiver is told, by a last letter with a link that restores the subscription. Source:
//! API reference of Unsubscribe ("a final cancellation message is delivered to the endpoint").

use crate::api::{UnsubscribeInput, errors};
use crate::attributes;
use crate::catalog::{self, Receiver, TopicEntry};
use crate::confirming::{Asked, Confirmation, State};
use crate::needs::Asking;
use crate::ops::confirm::is_signed;
use crate::outbox::{Last, Whose};
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::throttle::Call;
use crate::topic::{Command, Reply, Subscription};
use crate::topic_key::SubscriptionId;
use gateway::{Caller, Need, Operation};
use std::sync::Arc;
use wire::Nothing;

pub(crate) struct Unsubscribe;

impl Operation<Inner> for Unsubscribe {
    type Input = UnsubscribeInput;
    type Output = Nothing;
    type Refusal = Refusal;

    fn needs(service: &Inner, caller: &Caller, input: &UnsubscribeInput) -> Result<Vec<Need>, Refusal> {
        match is_signed(caller) {
            // The link of an envelope: who knows it gets the subscription's messages.
            false => SubscriptionId::parse("SubscriptionArn", &input.subscription_arn).map(|_| Vec::new()),
            true => Asking { service, caller }.on_subscription("Unsubscribe", &input.subscription_arn),
        }
    }

    async fn call(service: Arc<Inner>, caller: Caller, input: UnsubscribeInput) -> Result<Nothing, Refusal> {
        let (key, id) = SubscriptionId::parse("SubscriptionArn", &input.subscription_arn)?;
        service.throttle.call((key.account, &key.region), Call::Unsubscribe, caller.now)?;
        // The link names its region by the ARN alone.
        let is_here = caller.access_key.is_none() || key.region == caller.region;
        let Some(entry) = service.catalog.find(&key).filter(|_| is_here) else {
            service.catalog.settled().await?;
            return Ok(Nothing);
        };
        let receiver = entry.look(|view| view.subscription(id).map(Arc::clone));
        if !is_signed(&caller) && receiver.as_deref().is_some_and(is_guarded) {
            let error = &errors::AUTHORIZATION_ERROR_EXCEPTION;
            return Err(Refusal::new(error, "Unsubscribing from this subscription takes a signature"));
        }
        let _let_go = service.let_go(&entry, vec![id]);
        match receiver.filter(|receiver| is_told(&caller, receiver)) {
            Some(receiver) => end_with_a_letter(&service, &caller, &entry, &receiver.subscription).await,
            None => entry.ask(Command::Unsubscribe(id)).await.map(|_| Nothing),
        }
    }
}

fn is_guarded(receiver: &Receiver) -> bool {
    let confirmation = Confirmation::of(&receiver.subscription.attributes);
    confirmation.is_some_and(|confirmation| confirmation.state == State::Guarded)
}

/// Whether the receiver is told: "if the Unsubscribe call does not require authentication and the requester is not the subscription
/// owner". Who never confirmed has never wanted it.
fn is_told(caller: &Caller, receiver: &Receiver) -> bool {
    let is_owner = is_signed(caller) && caller.account == receiver.subscription.owner;
    receiver.subscription.protocol.is_confirmed() && !receiver.is_pending && !is_guarded(receiver) && !is_owner
}

async fn end_with_a_letter(
    service: &Inner,
    caller: &Caller,
    entry: &TopicEntry,
    subscription: &Subscription,
) -> Result<Nothing, Refusal> {
    let confirmation = Confirmation::asked(service.secret(), caller.now);
    let heir = SubscriptionId(service.secret_id(caller, 0));
    let (letter, base) = (service.secret_id(caller, 1), caller.link_url().to_string());
    let key = service.signing_keys.key().await.map_err(Refusal::unavailable)?;
    let asked = Asked {
        topic: &entry.arn,
        ended: Some(&subscription.id.arn(&entry.arn)),
        id: SubscriptionId(letter),
        token: &confirmation.token(heir),
        base: &base,
        at: caller.now,
    };
    let envelope = asked.envelope(&key, entry.look(|view| attributes::signature_version(&view.about.attributes)))?;
    let mut ended = subscription.clone();
    confirmation.keep(&mut ended.attributes);
    // From here to the end nobody is waited for: the letter comes first in the log, and goes again if there is no end.
    let whose = Whose { subscription: heir, topic: entry.key.clone() };
    service.outboxes.end(Last { whose, ended: ended.into(), letter: (letter, &envelope) })?;
    let decided = entry.change(Command::Unsubscribe(subscription.id));
    let is_ended = |reply: &Reply| matches!(reply, Reply::Unsubscribed(Some(_)));
    if !decided.as_ref().is_ok_and(|pending| pending.is(is_ended)) {
        service.outboxes.close_ending(heir);
    }
    catalog::answer(decided?).await.map(|_| Nothing)
}
