//! Events of an application: notifications to the topics that its attributes name, when endpoints come, change and go, and when a message
//! to one of them was given up.
//!
//! ```text
//! {"EndpointArn":…,"EventType":…,"Resource":…,"Service":"SNS","Time":…}            EndpointCreated, EndpointUpdated, EndpointDeleted
//! {"DeliveryAttempts":…,"EndpointArn":…,"EventType":"DeliveryFailure","FailureMessage":…,"FailureType":…,"MessageId":…,
//!  "Resource":…,"Service":"SNS","Time":…}
//! ```
//! Source: Developer Guide, "Mobile app events"; notifications that users quote. An event whose topic is gone, or cannot be published to
//! now, is lost: what it tells of has happened all the same.

use super::attributes::events_topic;
use super::page::About;
use super::platform::EndpointId;
use crate::fanout::{self, principal_of};
use crate::fifo;
use crate::limits::SUBJECT_LEN_MAX;
use crate::message::{Draft, Message, show_time};
use crate::outbox::Hands;
use crate::protection;
use crate::service::{Inner, id_of};
use crate::topic_key::SubscriptionId;
use gateway::Caller;
use serde_json::{Value, json};

/// Which letter of a request an event is: none that a customer's own could be.
const NTH: usize = 1 << 40;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    Created { endpoint: EndpointId },
    Updated { endpoint: EndpointId },
    Deleted { endpoint: EndpointId },
    Failed { endpoint: EndpointId, attempts: u32, message: u128, failure: (&'static str, String) },
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Self::Created { .. } => "EndpointCreated",
            Self::Updated { .. } => "EndpointUpdated",
            Self::Deleted { .. } => "EndpointDeleted",
            Self::Failed { .. } => "DeliveryFailure",
        }
    }

    fn shown(&self, about: &About, time: &str) -> Value {
        let (Self::Created { endpoint }
        | Self::Updated { endpoint }
        | Self::Deleted { endpoint }
        | Self::Failed { endpoint, .. }) = self;
        let (arn, resource) = (about.key.endpoint_arn(*endpoint), about.key.arn());
        match self {
            Self::Failed { attempts, message, failure: (kind, why), .. } => json!({
                "DeliveryAttempts": attempts, "EndpointArn": arn, "EventType": self.name(), "FailureMessage": why,
                "FailureType": kind, "MessageId": SubscriptionId(*message).show(), "Resource": resource, "Service": "SNS",
                "Time": time,
            }),
            _ => json!({
                "EndpointArn": arn, "EventType": self.name(), "Resource": resource, "Service": "SNS", "Time": time,
            }),
        }
    }
}

/// SNS itself, in the name of an application.
pub(crate) fn caller(hands: &Hands, about: &About) -> Caller {
    (hands.caller)(principal_of(&about.key.arn(), about.key.account), &about.key.region)
}

/// Tells the topic that wants to know, if there is one.
pub(crate) async fn tell(inner: &Inner, caller: &Caller, about: &About, event: &Event) {
    let Some(arn) = about.attributes.get(&*format!("Event{}", event.name())) else { return };
    let entry = events_topic(&about.key, arn).and_then(|key| inner.catalog.find(&key));
    let Some(entry) = entry.filter(|entry| !fifo::is_fifo(&entry.key.name)) else { return };
    let subject = format!("{} event for app {} ({})", event.name(), about.key.name, about.key.platform.name());
    let draft = Draft {
        message: event.shown(about, &show_time(caller.now)).to_string(),
        subject: Some(subject.chars().take(SUBJECT_LEN_MAX).collect()),
        structure: None,
        attributes: Vec::new(),
        group: None,
        deduplication: None,
    };
    let Ok(mut message) = Message::new(draft) else { return };
    let id = SubscriptionId(id_of(caller, NTH)).show();
    let protection = entry.look(|view| view.protection.clone());
    let published = match protection::admit(inner, caller, (&entry, protection.as_deref()), (&mut message, NTH)) {
        Ok(audited) => {
            let published = fanout::publish(inner, caller, &entry, &message, (NTH, &id)).await;
            audited.filter(|_| published.is_ok()).iter().for_each(|audited| audited.tell(inner, &entry.arn));
            published
        }
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = published {
        let (application, why) = (about.key.arn(), refusal.message);
        tracing::warn!(%application, event = event.name(), %why, "an application's event is lost");
    }
}
