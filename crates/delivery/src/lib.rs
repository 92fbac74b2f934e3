//! What calls out: how deliveries go over HTTP, whom they may reach, and how they are tried again.
//!
//! [`Http`] is a [`Transport`]: it brings one POST to an [`Endpoint`] and tells what became of it. It is the only part that touches the
//! network.
//!
//! [`TopicPolicy`] and [`SubscriptionPolicy`] are the attributes `DeliveryPolicy` of topics and of HTTP subscriptions;
//! [`EffectivePolicy`] is what both amount to; its [`Retries`] say how long to wait before the nth retry, given a number of
//! chance. That is pure: no clock, no chance, no connection.
//!
//! ```
//! use delivery::{EffectivePolicy, TopicPolicy};
//!
//! let text = r#"{"http": {"defaultHealthyRetryPolicy": {"minDelayTarget": 5, "maxDelayTarget": 60, "numRetries": 4}}}"#;
//! let topic = TopicPolicy::parse(text)?;
//! let effective = EffectivePolicy::of(topic.as_ref(), None);
//! assert_eq!(effective.retries.planned(1).map(|delay| delay.as_secs()), Some(5));
//! assert_eq!(effective.retries.planned(4).map(|delay| delay.as_secs()), Some(60));
//! assert_eq!(effective.retries.planned(5), None);
//! # Ok::<(), delivery::Refused>(())
//! ```
//!
//! Where to look: `smtp.rs` and `mail.rs` mail, `smpp/` and `sms.rs` short messages, `client/` requests and connections, `push/` mobile push, `endpoint.rs` URLs, `reach.rs` private addresses; `policy.rs` the attributes,
//! `schedule.rs` phases and delays, `limits.rs` every bound, `refused.rs` every refusal.

mod client;
mod endpoint;
mod limits;
mod mail;
mod policy;
pub mod push;
mod reach;
mod refused;
mod schedule;
mod smpp;
mod sms;
mod smtp;
mod stream;
mod transport;

pub use client::{
    Chance, Dial, Dialing, Http, HttpOptions, LookUp, LookingUp, MakeTls, MayReach, PATIENCE, Stream, tcp,
};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use limits::{DELAY_SECS_MAX, DELAY_SECS_MIN, IDLE_MAX, POLICY_BYTES_MAX, RETRIES_MAX, TOTAL_SECS_MAX};
pub use mail::{Mail, Mailbox};
pub use policy::{CONTENT_TYPE, EffectivePolicy, SubscriptionPolicy, TopicPolicy};
pub use reach::is_public;
pub use refused::Refused;
pub use schedule::{Backoff, Phase, Retries};
pub use smpp::{CenterAddress, CenterTls, Heard, MessageCenter};
pub use sms::{Alphabet, Parts, Sms};
pub use smtp::MailServer;
pub use transport::{Answer, Answering, Failed, Post, Transport};
