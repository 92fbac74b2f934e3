//! Messages for numbers: a publish without a topic, and one-time passwords.
//!
//! They wait in an outbox like those of subscriptions, one for each account and region, which stands under a topic's name that no topic
//! can have. What waits is an envelope of its own, which nobody signs:
//!
//! ```text
//! {"Type":"Notification","MessageId":…,"PhoneNumber":…,["Subject":…,]"Message":…,"Timestamp":…[,"MessageAttributes":{…}]}
//! ```

use super::account::Place;
use super::limits::TEXT_LEN_MAX;
use super::number::Number;
use super::sending::Wishes;
use crate::api::PublishInput;
use crate::catalog::Receiver;
use crate::message::{Draft, Message, show_time};
use crate::outbox::{Kind, Served, Whose};
use crate::refusal::Refusal;
use crate::service::{Inner, id_of};
use crate::topic::{About, Pairs, Protocol, Subscription};
use crate::topic_key::{SubscriptionId, TopicKey};
use delivery::EffectivePolicy;
use gateway::{Caller, NotPut};
use names::Instant;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The name under which messages for numbers wait: no topic's, since it begins with a dot.
pub(crate) const DIRECT: &str = ".DirectPublishToPhoneNumber";

/// Publishes a message to a number; its id, when it is durable.
pub(crate) async fn publish(
    service: &Inner,
    caller: &Caller,
    number: &str,
    input: PublishInput,
) -> Result<String, Refusal> {
    let number = Number::of_publish(number)?;
    let draft = Draft {
        message: input.message,
        subject: input.subject,
        structure: input.message_structure,
        attributes: input.message_attributes.unwrap_or_default(),
        group: None,
        deduplication: None,
    };
    let message = Message::new(draft)?;
    let text = message.body(Protocol::Sms);
    if text.chars().count() > TEXT_LEN_MAX {
        return Err(Refusal::invalid("Message too long"));
    }
    let attributes = message.shown_attributes();
    Wishes::of(&attributes).map_err(|why| Refusal::invalid(format!("MessageAttributes Reason: {why}")))?;
    let place = Place { account: caller.account, region: caller.region.clone() };
    let letter = Letter { number: &number, text, subject: message.subject(), attributes };
    post(service, &place, id_of(caller, 0), letter, caller.now).await
}

/// Sends a text of the service's own to a number; ready when it is durable.
pub(crate) async fn publish_text(service: &Inner, caller: &Caller, number: &Number, text: &str) -> Result<(), Refusal> {
    let place = Place { account: caller.account, region: caller.region.clone() };
    let attributes = json!({ "AWS.SNS.SMS.SMSType": { "Type": "String", "Value": "Transactional" } });
    let Value::Object(attributes) = attributes else { unreachable!("it is an object") };
    let letter = Letter { number, text, subject: None, attributes };
    post(service, &place, id_of(caller, 0), letter, caller.now).await.map(drop)
}

/// A message for a number.
struct Letter<'a> {
    number: &'a Number,
    text: &'a str,
    subject: Option<&'a str>,
    attributes: Map<String, Value>,
}

impl Letter<'_> {
    fn envelope(self, id: &str, at: Instant) -> String {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| _ = members.insert(name.to_owned(), value);
        put("Type", "Notification".into());
        put("MessageId", id.into());
        put("PhoneNumber", self.number.as_str().into());
        if let Some(subject) = self.subject {
            put("Subject", subject.into());
        }
        put("Message", self.text.into());
        put("Timestamp", show_time(at).into());
        if !self.attributes.is_empty() {
            put("MessageAttributes", self.attributes.into());
        }
        Value::Object(members).to_string()
    }
}

async fn post(service: &Inner, place: &Place, id: u128, letter: Letter<'_>, at: Instant) -> Result<String, Refusal> {
    service.messages.accounts.note_sending(place)?;
    let outbox = outbox_of(place);
    if service.outboxes.topic_of(outbox).is_none() {
        service.outboxes.open(Whose { subscription: outbox, topic: key_of(place) })?;
    }
    let shown = SubscriptionId(id).show();
    let put = service.outboxes.put(outbox, id, Kind::Notification, &letter.envelope(&shown, at)).await;
    put.map_err(|not_put| match not_put {
        NotPut::Refused(refused) | NotPut::Unavailable(refused) => Refusal::unavailable(refused.message),
    })?;
    Ok(shown)
}

fn key_of(place: &Place) -> TopicKey {
    TopicKey { account: place.account, region: place.region.clone(), name: DIRECT.into() }
}

/// The outbox of an account and region: a digest, so that it is found by them alone.
fn outbox_of(place: &Place) -> SubscriptionId {
    let digest = Sha256::digest(format!("{DIRECT}/{}/{}", place.account, place.region));
    SubscriptionId(u128::from_be_bytes(digest[..16].try_into().expect("a digest has 32 bytes")))
}

/// What belongs to an outbox of messages for numbers whose turn it is; nothing if the key is a topic's.
pub(crate) fn served(inner: &Inner, outbox: SubscriptionId, key: &TopicKey) -> Option<Served> {
    if &*key.name != DIRECT {
        return None;
    }
    let subscription = Arc::new(Subscription {
        id: outbox,
        owner: key.account,
        protocol: Protocol::Sms,
        endpoint: "".into(),
        attributes: Pairs::new(),
        created_at: Instant::EPOCH,
    });
    let receiver = Receiver::new(subscription, None);
    let about = About { key: key.clone(), created_at: Instant::EPOCH, attributes: Pairs::new(), tags: Pairs::new() };
    Some(Served {
        subscription: outbox,
        topic: None,
        origin: key.arn().replace(DIRECT, &DIRECT[1..]).into(),
        receiver,
        expects: Kind::Notification,
        about: Arc::new(about),
        policy: EffectivePolicy::of(None, None),
        partition: inner.outboxes.partition(outbox)?,
    })
}
