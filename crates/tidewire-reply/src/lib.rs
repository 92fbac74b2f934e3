//! Request and reply over SQS queues.
//!
//! A [`Requester`] sends a message that names where it waits for the answer, and waits there; a [`Responder`] takes messages
//! from a queue and answers each to the place it names. The place travels in the message attribute `ResponseQueueUrl`, as in
//! AWS's temporary-queue clients, so either side may be one of those.
//!
//! Against tidewire a requester has one queue, which goes by itself when nobody uses it, and a virtual queue on it for each
//! request, which costs nothing. Against another server that speaks SQS it makes a queue for each request and deletes it. A
//! request is taken at least once, like every message: a responder whose work must not be done twice has to see to that.
//!
//! ```no_run
//! # async fn example() -> Result<(), tidewire_reply::Error> {
//! use std::time::Duration;
//! use tidewire_reply::{Endpoint, Requester};
//!
//! let requester = Requester::new(&Endpoint::parse("http://127.0.0.1:4566")?).await?;
//! let reply = requester.request("jobs", "how are you?", Duration::from_secs(5)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Where to look: `requester.rs`, `responder.rs`; `sqs.rs` is all that is spoken of SQS, in JSON 1.0 over HTTP/1.1.

mod error;
mod limits;
mod requester;
mod responder;
mod sqs;

pub use error::Error;
pub use requester::Requester;
pub use responder::{Request, Responder};
pub use sqs::Endpoint;

/// The message attribute that says where the answer is to go.
pub const REPLY_TO: &str = "ResponseQueueUrl";
