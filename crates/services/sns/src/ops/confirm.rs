//! ConfirmSubscription: the receiver of a subscription says that it wants it, with the token that only it was told.
//!
//! The link in a confirmation is this operation as a GET that nobody signed, so that whoever can read can confirm.

use crate::api::{ConfirmSubscriptionInput, ConfirmSubscriptionResponse};
use crate::catalog;
use crate::confirming::{State, read_token};
use crate::needs::Asking;
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::topic::{Command, Reply};
use crate::topic_key::TopicKey;
use access::Kind;
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
        let pending = {
            // Nobody publishes to a FIFO topic meanwhile.
            let _turn = entry.turn.lock().await;
            let live = service.live_from_now(&entry);
            entry.change(Command::Confirm(id, secret.into(), state, live))?
        };
        match catalog::answer(pending).await? {
            Reply::Subscribed(_, subscription) => {
                service.replays.wake(subscription.id);
                Ok(ConfirmSubscriptionResponse { subscription_arn: Some(subscription.id.arn(&entry.arn)) })
            }
            _ => Err(Refusal::no_topic()),
        }
    }
}

fn guards(input: &ConfirmSubscriptionInput) -> bool {
    input.authenticate_on_unsubscribe.as_deref().is_some_and(|said| said.eq_ignore_ascii_case("true"))
}

/// Whether somebody known asks. Where nothing is verified, a key is enough to be known.
pub(super) fn is_signed(caller: &Caller) -> bool {
    caller.access_key.is_some() && caller.identity.caller.kind() != Kind::Anonymous
}
