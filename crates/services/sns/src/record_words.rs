//! Records in words, for tools that open no server.

use crate::fifo::show_sequence;
use crate::records::Effect;
use crate::topic_key::SubscriptionId;
use engine::{Described, Effect as _, MalformedRecord};

/// Reads a record of a topic.
pub fn describe(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    let said = |what, details| Described { what, time: None, details };
    Ok(match Effect::decode(kind, version, payload)? {
        Effect::AboutPut(about) => Described {
            time: Some(about.created_at),
            ..said("topic-put", vec![("topic", about.key.arn()), ("attributes", about.attributes.len().to_string())])
        },
        Effect::SubscriptionPut(number, subscription) => Described {
            time: Some(subscription.created_at),
            ..said(
                "subscription-put",
                vec![
                    ("number", number.to_string()),
                    ("protocol", subscription.protocol.name().to_owned()),
                    ("endpoint", subscription.endpoint.to_string()),
                ],
            )
        },
        Effect::SubscriptionGone(number) => said("subscription-gone", vec![("number", number.to_string())]),
        Effect::Published(published) => Described {
            time: Some(published.at),
            ..said(
                "published",
                vec![("sequence", show_sequence(published.sequence)), ("message", SubscriptionId(published.id).show())],
            )
        },
        Effect::Deleted => said("topic-deleted", Vec::new()),
    })
}
