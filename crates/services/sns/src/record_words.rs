//! Records in words, for tools that open no server.

use crate::fifo::show_sequence;
use crate::outbox;
use crate::records::Effect;
use crate::sms;
use crate::topic::About;
use crate::topic_key::SubscriptionId;
use engine::{Described, Effect as _, MalformedRecord};

/// Reads a record of a subscription's deliveries.
pub fn describe_delivery(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    let said = |what, time, details| Described { what, time, details };
    let list = |sequences: &[u64]| sequences.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
    Ok(match outbox::Effect::decode(kind, version, payload)? {
        outbox::Effect::Opened(whose) => {
            let details = vec![("topic", whose.topic.arn()), ("subscription", whose.subscription.show())];
            said("deliveries-opened", None, details)
        }
        outbox::Effect::Closed => said("deliveries-closed", None, Vec::new()),
        outbox::Effect::Ended(whose, ended) => {
            let details = vec![
                ("topic", whose.topic.arn()),
                ("subscription", ended.id.show()),
                ("endpoint", ended.endpoint.to_string()),
            ];
            said("subscription-ended", None, details)
        }
        outbox::Effect::Restored => said("subscription-restored", None, Vec::new()),
        outbox::Effect::Queue(queue::Effect::Sent { sequence, message, .. }) => {
            let details = vec![
                ("letter", sequence.to_string()),
                ("id", format!("{:?}", message.id)),
                ("body-bytes", message.body().len().to_string()),
            ];
            said("letter-posted", Some(message.sent_at), details)
        }
        outbox::Effect::Queue(queue::Effect::Leased { received_at, entries, .. }) => {
            let letters: Vec<u64> = entries.iter().map(|(sequence, _)| *sequence).collect();
            said("letters-attempted", Some(received_at), vec![("letters", list(&letters))])
        }
        outbox::Effect::Queue(queue::Effect::VisibilityChanged(entries)) => {
            let until = entries.first().map(|(_, until)| until.as_millis().to_string()).unwrap_or_default();
            let letters: Vec<u64> = entries.iter().map(|(sequence, _)| *sequence).collect();
            said("letters-wait-for-a-retry", None, vec![("letters", list(&letters)), ("until", until)])
        }
        outbox::Effect::Queue(queue::Effect::Deleted(sequences)) => {
            said("letters-let-go", None, vec![("letters", list(&sequences))])
        }
        outbox::Effect::Queue(_) => said("deliveries-changed", None, vec![("kind", kind.to_string())]),
    })
}

/// Reads a record of a topic's archive.
pub fn describe_archive(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    let said = |what, time, details| Described { what, time, details };
    Ok(match stream::Effect::decode(kind, version, payload)? {
        stream::Effect::Opened(about) => {
            let retention = ("retention-millis", about.retention_millis.to_string());
            said("archive-opened", Some(about.opened_at), vec![retention])
        }
        stream::Effect::Appended(record) => {
            let details = vec![("message", record.counter().to_string()), ("bytes", record.size().to_string())];
            said("message-archived", Some(record.arrived_at()), details)
        }
        stream::Effect::Closed { at } => said("archive-closed", Some(at), Vec::new()),
        stream::Effect::RetentionSet { retention_millis, .. } => {
            said("archive-retention-set", None, vec![("retention-millis", retention_millis.to_string())])
        }
        stream::Effect::Deleted => said("archive-deleted", None, Vec::new()),
    })
}

/// Reads a record of an account's short messages. Passwords are not told.
pub fn describe_sms(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    let said = |what, time, details| Described { what, time, details };
    let of = |number: &sms::Number| vec![("number", number.as_str().to_owned())];
    Ok(match sms::Effect::decode(kind, version, payload)? {
        sms::Effect::Opened(place) => {
            let details = vec![("account", place.account.to_string()), ("region", place.region.to_string())];
            said("sms-opened", None, details)
        }
        sms::Effect::SettingsPut(settings) => {
            let names: Vec<&str> = settings.keys().map(|name| &**name).collect();
            said("sms-settings-put", None, vec![("settings", names.join(","))])
        }
        sms::Effect::OptedOut(number, at) => said("sms-opted-out", Some(at), of(&number)),
        sms::Effect::OptedIn(number, at) => said("sms-opted-in", Some(at), of(&number)),
        sms::Effect::Tested(number, tested) => {
            let mut details = of(&number);
            details.push(("verified", tested.is_verified.to_string()));
            said("sms-sandbox-number-put", Some(tested.at), details)
        }
        sms::Effect::Forgotten(number) => said("sms-sandbox-number-gone", None, of(&number)),
        sms::Effect::Spent(spent) => {
            let details = vec![("month", spent.month.to_string()), ("micros", spent.micros.to_string())];
            said("sms-spent", None, details)
        }
        sms::Effect::Closed => said("sms-closed", None, Vec::new()),
    })
}

fn about_said(what: &'static str, about: &About) -> Described {
    let details = vec![("topic", about.key.arn()), ("attributes", about.attributes.len().to_string())];
    Described { what, time: Some(about.created_at), details }
}

/// Reads a record of a topic.
pub fn describe(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    let said = |what, details| Described { what, time: None, details };
    Ok(match Effect::decode(kind, version, payload)? {
        Effect::AboutPut(about) => about_said("topic-put", &about),
        Effect::ArchiveCut(about) => about_said("topic-archive-cut", &about),
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
        Effect::ReplayPut(number, replay) => {
            let details = vec![
                ("number", number.to_string()),
                ("run", replay.run.to_string()),
                ("from", replay.start.as_millis().to_string()),
            ];
            said("replay-put", details)
        }
        Effect::ReplayMoved(number, run, next) => said(
            "replay-moved",
            vec![("number", number.to_string()), ("run", run.to_string()), ("next", next.to_string())],
        ),
        Effect::ReplayOver(number, run, state) => said(
            "replay-over",
            vec![("number", number.to_string()), ("run", run.to_string()), ("state", state.name().to_owned())],
        ),
        Effect::Deleted => said("topic-deleted", Vec::new()),
    })
}
