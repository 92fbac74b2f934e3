//! A publish to an endpoint: a letter in its application's queue, out of which it is sent and tried again.
//!
//! ```text
//! {"Type":"Notification","MessageId":…,"TargetArn":…,["Subject":…,]"Message":…,"Timestamp":…,["MessageStructure":"json",]
//!  ["MessageAttributes":{…}]}
//! ```
//! The message is what the endpoint's platform gets of it; `MessageStructure` says that the publisher wrote it for this platform.

use super::platform::AppKey;
use super::{attributes, payload, refusals};
use crate::api::PublishResponse;
use crate::limits::MESSAGE_BYTES_DEFAULT;
use crate::message::{Draft, Message, show_time};
use crate::outbox::Kind;
use crate::refusal::Refusal;
use crate::service::{Inner, id_of};
use crate::topic_key::SubscriptionId;
use gateway::{Caller, NotPut};
use serde_json::{Map, Value};

/// Publishes to the endpoint of an ARN; answered when it is on disk.
pub(crate) async fn publish(
    service: &Inner,
    caller: &Caller,
    arn: &str,
    draft: Draft,
) -> Result<PublishResponse, Refusal> {
    let (key, id) = AppKey::parse_endpoint("TargetArn", arn)?;
    let applications = &service.push.applications;
    let entry = applications.find(&key).filter(|_| key.region == caller.region);
    let found = entry.and_then(|entry| applications.endpoint(&entry, id).map(|endpoint| (entry, endpoint)));
    let Some((entry, endpoint)) = found else {
        applications.settled().await?;
        return Err(refusals::no_target());
    };
    if !attributes::is_enabled(&entry.about()) {
        return Err(refusals::application_disabled());
    }
    if !endpoint.is_enabled {
        return Err(refusals::endpoint_disabled());
    }
    let (message, is_own) = checked(&key, draft)?;
    let id = id_of(caller, 0);
    let letter = letter(caller, (id, arn), &message, is_own);
    service.outboxes.put(entry.id, id, Kind::Notification, &letter).await.map_err(|not_put| match not_put {
        NotPut::Refused(_) => refusals::no_target(),
        NotPut::Unavailable(refused) => Refusal::unavailable(refused.message),
    })?;
    Ok(PublishResponse { message_id: Some(SubscriptionId(id).show()), sequence_number: None })
}

/// The message as the platform gets it, and whether it was written for the platform.
fn checked(key: &AppKey, mut draft: Draft) -> Result<(Message, bool), Refusal> {
    let mut is_own = false;
    if draft.structure.as_deref() == Some("json") && !draft.message.is_empty() {
        (draft.message, is_own) = payload::chosen(&draft.message, key.platform)?;
        draft.structure = None;
    }
    let message = Message::new(draft)?;
    if message.bytes > MESSAGE_BYTES_DEFAULT {
        return Err(Refusal::invalid("Message too long"));
    }
    payload::check(key.platform, message.body_for(""), is_own)?;
    Ok((message, is_own))
}

fn letter(caller: &Caller, (id, arn): (u128, &str), message: &Message, is_own: bool) -> String {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| _ = members.insert(name.to_owned(), value);
    put("Type", Kind::Notification.name().into());
    put("MessageId", SubscriptionId(id).show().into());
    put("TargetArn", arn.into());
    if let Some(subject) = message.subject() {
        put("Subject", subject.into());
    }
    // One body for all: it was chosen when it was checked.
    put("Message", message.body_for("").into());
    put("Timestamp", show_time(caller.now).into());
    if is_own {
        put("MessageStructure", "json".into());
    }
    let attributes = message.shown_attributes();
    if !attributes.is_empty() {
        put("MessageAttributes", attributes.into());
    }
    Value::Object(members).to_string()
}
