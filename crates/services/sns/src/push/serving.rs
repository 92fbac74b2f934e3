//! What the outboxes ask of mobile push: whose an application's letters are, and what comes of one that is given up.

use super::platform::AppKey;
use super::{attributes, events, sending};
use crate::catalog::Receiver;
use crate::outbox::{Hands, Kind, Served};
use crate::receivers::Notice;
use crate::service::Inner;
use crate::topic::{About, Pairs, Protocol, Subscription};
use crate::topic_key::SubscriptionId;
use delivery::EffectivePolicy;
use std::sync::Arc;

/// What belongs to the outbox of an application; nothing if the application is gone.
pub(crate) fn served(inner: &Inner, outbox: SubscriptionId, key: &AppKey) -> Option<Served> {
    let entry = inner.push.applications.find(key).filter(|entry| entry.id == outbox)?;
    let application = entry.about();
    let subscription = Arc::new(Subscription {
        id: outbox,
        owner: key.account,
        protocol: Protocol::Application,
        endpoint: Arc::clone(&entry.arn),
        attributes: Pairs::new(),
        created_at: application.created_at,
    });
    let receiver = Receiver::new(subscription, None);
    let about = About {
        key: key.outbox(),
        created_at: application.created_at,
        attributes: attributes::feedback(&application),
        tags: Pairs::new(),
    };
    Some(Served {
        subscription: outbox,
        topic: None,
        origin: Arc::clone(&entry.arn),
        receiver,
        expects: Kind::Notification,
        about: Arc::new(about),
        policy: EffectivePolicy::of(None, None),
        partition: inner.outboxes.partition(outbox)?,
    })
}

/// A message that was published to an endpoint is given up: its application's owner is told, if they want to be.
pub(crate) async fn failed(
    inner: &Inner,
    hands: &Hands,
    served: &Served,
    notice: Notice<'_>,
    attempts: u32,
    (status, said): (Option<u16>, &str),
) {
    let members = notice.members();
    let target = sending::target(&members, &served.origin);
    let Ok((key, endpoint)) = AppKey::parse_endpoint("TargetArn", target) else { return };
    let Some(entry) = inner.push.applications.find(&key) else { return };
    let about = entry.about();
    let failure = sending::failure(key.platform, status, said);
    let event = events::Event::Failed { endpoint, attempts, message: notice.id(), failure };
    events::tell(inner, &events::caller(hands, &about), &about, &event).await;
}
