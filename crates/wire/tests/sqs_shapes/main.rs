//! The codecs with the generated shapes of SQS: what is written is what is read, strangers' bytes never panic, and the
//! tables agree with each other.
//!
//! The generated code is compiled in as a module, because `wire` lies below the services and may not name them.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "these are tests: a panic is the report, and time is measured to bound it"
)]

#[path = "../../../services/sqs/src/api/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "the service uses what these tests leave")]
mod api;

mod form_writer;
mod round_trips;
mod speed;
mod strangers;
mod tables;
mod traps;
mod values;
