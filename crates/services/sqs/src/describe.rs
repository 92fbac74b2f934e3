//! What a record of an SQS queue says, for tools that show records to people.
//!
//! The words are those of the records' own table (`records.rs`, and the crate `queue`); nothing of it is read by a server.

use crate::catalog::QueueKey;
use crate::machine::SqsQueue;
use crate::records::Effect;
use engine::{Effect as _, Machine, MalformedRecord};
use names::Instant;

/// A record in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// What happened.
    pub what: &'static str,
    /// The queue's name, if the record says it.
    pub queue: Option<String>,
    /// When, if the record says it.
    pub time: Option<Instant>,
    /// The sequence within its queue of the message that it brings.
    pub message: Option<u64>,
    /// Everything else, as `name value` pairs.
    pub details: Vec<(&'static str, String)>,
    /// The message's body.
    pub body: Option<Vec<u8>>,
}

impl Described {
    fn of(what: &'static str, time: Option<Instant>, details: Vec<(&'static str, String)>) -> Self {
        Self { what, queue: None, time, message: None, details, body: None }
    }
}

/// Puts a record into words.
pub fn describe(kind: u8, version: u8, payload: &[u8]) -> Result<Described, MalformedRecord> {
    Ok(match Effect::decode(kind, version, payload)? {
        Effect::Created { at, account, region, name, .. } => {
            let details = vec![("account", account.as_str().to_owned()), ("region", region.as_str().to_owned())];
            Described { queue: Some(name.as_str().to_owned()), ..Described::of("created", Some(at), details) }
        }
        Effect::AttributesSet { at, .. } => Described::of("attributes-set", Some(at), Vec::new()),
        Effect::MoveStarted { at, below, to_move, plan } => {
            let destination = plan.destination.as_ref().map_or("origins".to_owned(), QueueKey::arn);
            let details = vec![("to", destination), ("below", below.to_string()), ("messages", to_move.to_string())];
            Described::of("move-started", Some(at), details)
        }
        Effect::MoveEnded { end, .. } => Described::of("move-ended", None, vec![("end", format!("{end:?}"))]),
        Effect::Used { at } => Described::of("used", Some(at), Vec::new()),
        Effect::Deleted => Described::of("deleted", None, Vec::new()),
        Effect::Tagged(tags) => {
            let keys = tags.iter().map(|(key, _)| key).collect::<Vec<_>>().join(",");
            Described::of("tagged", None, vec![("keys", keys)])
        }
        Effect::Untagged(keys) => Described::of("untagged", None, vec![("keys", keys.join(","))]),
        Effect::Queue(effect) => of_queue(effect),
    })
}

/// The name of the queue that a snapshot is of.
pub fn queue_of_snapshot(version: u8, state: &[u8]) -> Result<Option<String>, MalformedRecord> {
    let queue = SqsQueue::restore(version, state)?;
    Ok(queue.about().map(|about| about.name.as_str().to_owned()))
}

fn of_queue(effect: queue::Effect) -> Described {
    use queue::Effect::{
        Arrived, Attempted, Carried, Configured, Deleted, Delivered, Departed, Elapsed, Expired, Leased, PassedOver,
        Purged, Returned, Sent, SentWithin, VisibilityChanged, Withheld,
    };
    match effect {
        Sent { sequence, visible_at, message } | SentWithin { sequence, visible_at, message, .. } => {
            let body = message.body().to_vec();
            let details = vec![
                ("id", format!("{:?}", message.id)),
                ("visible-at", visible_at.as_millis().to_string()),
                ("body-bytes", body.len().to_string()),
            ];
            let time = Some(message.sent_at);
            Described { message: Some(sequence), body: Some(body), ..Described::of("sent", time, details) }
        }
        Leased { received_at, until, entries } => {
            let messages = list(entries.iter().map(|(sequence, _)| *sequence));
            let details = vec![("until", until.as_millis().to_string()), ("messages", messages)];
            Described::of("received", Some(received_at), details)
        }
        Attempted { at, until, entries, .. } => {
            let messages = list(entries.iter().map(|(sequence, _)| *sequence));
            let details = vec![("until", until.as_millis().to_string()), ("messages", messages)];
            Described::of("receive-named", Some(at), details)
        }
        VisibilityChanged(entries) => {
            let messages = list(entries.iter().map(|(sequence, _)| *sequence));
            Described::of("visibility-changed", None, vec![("messages", messages)])
        }
        Deleted(sequences) => Described::of("messages-deleted", None, vec![("messages", list(sequences.into_iter()))]),
        Departed { destination, why, sequences } => {
            let word = if why == queue::Departure::DeadLetter { "dead-letters-left" } else { "moved-away" };
            let details = vec![("to", destination.to_string()), ("messages", list(sequences.into_iter()))];
            Described::of(word, None, details)
        }
        Arrived { origin, below, at } => {
            Described::of("arrived", Some(at), vec![("from", origin.to_string()), ("below", below.to_string())])
        }
        Carried(entries) => {
            let messages = list(entries.iter().map(|(sequence, _)| *sequence));
            Described::of("receives-carried", None, vec![("messages", messages)])
        }
        Delivered { destination, below } => {
            Described::of("delivered", None, vec![("to", destination.to_string()), ("below", below.to_string())])
        }
        Returned { destination, at } => Described::of("returned", Some(at), vec![("from", destination.to_string())]),
        Withheld { destination, number, at, until } => {
            let details = vec![
                ("to", destination.to_string()),
                ("number", number.to_string()),
                ("until", until.as_millis().to_string()),
            ];
            Described::of("withheld", Some(at), details)
        }
        Elapsed { at } => Described::of("retention-elapsed", Some(at), Vec::new()),
        Purged { below, .. } => Described::of("purged", None, vec![("below", below.to_string())]),
        Expired { below } => Described::of("expired", None, vec![("below", below.to_string())]),
        PassedOver { below } => Described::of("passed-over", None, vec![("below", below.to_string())]),
        Configured(settings) => {
            Described::of("configured", None, vec![("retention-millis", settings.retention_millis.to_string())])
        }
        other => of_extension(other),
    }
}

/// What tidewire has beyond SQS: kept messages, replays and parked groups.
fn of_extension(effect: queue::Effect) -> Described {
    use queue::Effect::{Copied, DelaysShifted, Parked, ReplayBegun, ReplayEnded, Shelved, Unparked};
    match effect {
        Shelved { at, sequences } => {
            let details = vec![("messages", list(sequences.into_iter()))];
            Described::of("messages-deleted-and-kept", Some(at), details)
        }
        ReplayBegun { order, at, below } => {
            let details = vec![
                ("to", order.destination.to_string()),
                ("sent-from", order.from.as_millis().to_string()),
                ("sent-before", order.to.as_millis().to_string()),
                ("below", below.to_string()),
            ];
            Described::of("replay-begun", Some(at), details)
        }
        Copied { destination, sequences } => {
            let details = vec![("to", destination.to_string()), ("messages", list(sequences.into_iter()))];
            Described::of("copies-left", None, details)
        }
        ReplayEnded(queue::ReplayEnd::Done) => Described::of("replay-completed", None, Vec::new()),
        ReplayEnded(queue::ReplayEnd::Cancelled) => Described::of("replay-cancelled", None, Vec::new()),
        Parked(entries) => {
            let messages = list(entries.iter().map(|(sequence, _)| *sequence));
            Described::of("groups-parked", None, vec![("messages", messages)])
        }
        Unparked(entries) => {
            let messages = list(entries.iter().map(|(sequence, _)| *sequence));
            Described::of("groups-released", None, vec![("messages", messages)])
        }
        DelaysShifted { by_millis } => {
            Described::of("delays-shifted", None, vec![("by-millis", by_millis.to_string())])
        }
        other => unreachable!("the caller has described {other:?}"),
    }
}

fn list(sequences: impl Iterator<Item = u64>) -> String {
    sequences.map(|sequence| sequence.to_string()).collect::<Vec<_>>().join(",")
}
