//! Amazon SNS: topics, their subscriptions, and fan-out.
//!
//! A topic is a partition of its own (`topic.rs`): its attributes, tags and subscriptions. It keeps no messages: `fanout.rs` puts
//! what is published into the queue of each subscription, and a publish is answered when all of them have it on disk (ADR 0040).
//! A topic may have an archive of what was published (`archive/`), out of which subscriptions get it again (`replays/`, ADR 0044).
//! Publishes to FIFO topics go through `ordered.rs` one after the other, by the rules of `fifo.rs` (ADR 0043). `api/` is generated from
//! the service model; `ops/` holds the operations; `records.rs` is everything a topic writes to the log; `catalog.rs` knows which topics
//! there are; `filtering.rs` is what of a topic's messages each subscription wants; `sms/` is short messages, `push/`
//! mobile push, `protection/` what data protection policies do to messages (ADR 0051).

pub mod api;
mod archive;
mod attributes;
mod catalog;
mod confirming;
#[cfg(test)]
mod coverage;
mod dead_letters;
#[cfg(test)]
mod disk_house;
mod envelope;
mod fanout;
mod fifo;
mod filtering;
#[cfg(test)]
mod house;
mod keys;
mod limits;
mod message;
mod native;
mod needs;
mod ops;
mod ordered;
mod outbox;
mod owners;
mod page;
mod pieces;
mod policies;
mod protection;
mod push;
mod receivers;
mod record_words;
mod records;
mod refusal;
mod refusals;
mod replays;
mod service;
mod settable;
mod signing;
mod sms;
mod status;
mod subscribers;
mod throttle;
mod told;
mod topic;
mod topic_key;

pub use archive::FAMILY as ARCHIVE_FAMILY;
pub use filter::KEYS_MAX_LIFTED as FILTER_KEYS_MAX;
pub use native::Native;
pub use outbox::FAMILY as OUTBOX_FAMILY;
pub use outbox::{ATTEMPTS_MAX, ActingCaller, Hands, Spawn};
pub use push::{FAMILY as PUSH_FAMILY, PushUrls, describe as describe_push};
pub use receivers::{Functions, Means};
pub use record_words::{describe, describe_archive, describe_delivery, describe_sms};
pub use records::FAMILY;
pub use service::{Options, Sns, SnsRecovery};
pub use settable::{is_default_policy, settable_attributes_of_subscriptions, settable_attributes_of_topics};
pub use signing::{KeyComing, SigningKey, SigningKeys, certificate_file, is_certificate_path};
pub use sms::{FAMILY as SMS_FAMILY, Gateway as SmsGateway, Options as SmsOptions, micros as usd_micros};
pub use status::{DeliveryCounts, Lines, ProtocolCounts};
